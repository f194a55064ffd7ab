/*
 * guard.c
 *		What SQL calls of the guard: check_bookings(), and the trigger on the rules.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/members.h"
#include "entry/trigger_data.h"
#include "slots/guard.h"
#include "slots/guard_rules.h"

PG_FUNCTION_INFO_V1(availability_cache_check_bookings);
PG_FUNCTION_INFO_V1(availability_cache_guard_changed);

/* availability_cache.check_bookings(): raises what a commit would, of what the transaction has written so far. */
PGDLLEXPORT Datum
availability_cache_check_bookings(PG_FUNCTION_ARGS)
{
	guard_check();
	PG_RETURN_VOID();
}

static const char *
guard_of(HeapTuple row, TupleDesc desc)
{
	const char *name = SPI_getvalue(row, desc, SPI_fnumber(desc, "guard"));

	return name == NULL ? "off" : name;
}

/* availability_cache_internal.guard_changed(), AFTER UPDATE of rules. */
PGDLLEXPORT Datum
availability_cache_guard_changed(PG_FUNCTION_ARGS)
{
	const char *name = "availability_cache_internal.guard_changed()";
	TriggerData *data = trigger_data_of(fcinfo, name, member_find(RelationRelationId, "rules"));
	TupleDesc desc = RelationGetDescr(data->tg_relation);

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) && strcmp(guard_of(data->tg_newtuple, desc), "off") != 0 &&
		strcmp(guard_of(data->tg_newtuple, desc), guard_of(data->tg_trigtuple, desc)) != 0)
		guard_await_writers();
	PG_RETURN_POINTER(NULL);
}
