/*
 * trigger_data.h
 *		What a trigger function was called with.
 */
#ifndef AC_ENTRY_TRIGGER_DATA_H
#define AC_ENTRY_TRIGGER_DATA_H

#include "commands/trigger.h"
#include "fmgr.h"

/* Raises 39P01 where the function of this name is not called as a trigger. */
static inline TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s can only be called as a trigger", name));
	return (TriggerData *) fcinfo->context;
}

#endif /* AC_ENTRY_TRIGGER_DATA_H */
