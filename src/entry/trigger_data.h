/*
 * trigger_data.h
 *		What a trigger function was called with.
 */
#ifndef AC_ENTRY_TRIGGER_DATA_H
#define AC_ENTRY_TRIGGER_DATA_H

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"

/* Raises 39P01 where the function of this name is not called as a trigger. */
static inline TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s can only be called as a trigger", name));
	return (TriggerData *) fcinfo->context;
}

/*
 * The same for the triggers of a table of the extension's own: raises 39P01 where
 * somebody put the function on another.
 */
static inline TriggerData *
trigger_data_of(FunctionCallInfo fcinfo, const char *name, Oid member)
{
	TriggerData *data = trigger_data(fcinfo, name);

	if (!OidIsValid(member) || RelationGetRelid(data->tg_relation) != member)
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s is not for triggers on table %s", name,
					   RelationGetRelationName(data->tg_relation)),
				errhint("It serves tables of the extension alone; drop the trigger."));
	return data;
}

/* The row to go on with, as a BEFORE … FOR EACH ROW trigger returns it; AFTER it is ignored. */
static inline HeapTuple
trigger_row(const TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
}

#endif /* AC_ENTRY_TRIGGER_DATA_H */
