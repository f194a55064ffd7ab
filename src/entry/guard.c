/*
 * guard.c
 *		What SQL calls of the guard: check_bookings(), what holds are made with, and the trigger on the rules.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/members.h"
#include "entry/trigger_data.h"
#include "slots/guard.h"
#include "slots/guard_rules.h"
#include "slots/attachments.h"

PG_FUNCTION_INFO_V1(availability_cache_check_bookings);
PG_FUNCTION_INFO_V1(availability_cache_guard_changed);
PG_FUNCTION_INFO_V1(availability_cache_reserve_slot);

/*
 * availability_cache.check_bookings(): raises what a commit would, of what the
 * transaction has written so far.
 */
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

static bool
counts_together(HeapTuple row, TupleDesc desc)
{
	const char *caps = SPI_getvalue(row, desc, SPI_fnumber(desc, "service_caps"));

	return caps != NULL && strcmp(caps, "together") == 0;
}

/* Who wrote before has not been guarded, or has not told the services. */
static bool
needs_writers_to_end(HeapTuple before, HeapTuple after, TupleDesc desc)
{
	if (counts_together(after, desc) && !counts_together(before, desc))
		return true;
	return strcmp(guard_of(after, desc), "off") != 0 &&
		   strcmp(guard_of(after, desc), guard_of(before, desc)) != 0;
}

/* availability_cache_internal.guard_changed(), AFTER UPDATE of rules. */
PGDLLEXPORT Datum
availability_cache_guard_changed(PG_FUNCTION_ARGS)
{
	const char *name = "availability_cache_internal.guard_changed()";
	TriggerData *data = trigger_data_of(fcinfo, name, member_find(RelationRelationId, "rules"));
	TupleDesc desc = RelationGetDescr(data->tg_relation);

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		needs_writers_to_end(data->tg_trigtuple, data->tg_newtuple, desc))
		guard_await_writers();
	PG_RETURN_POINTER(NULL);
}

/* ---- holds ---- */

static bool
may_insert(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK ||
		   pg_attribute_aclcheck_all(relid, GetUserId(), ACL_INSERT, ACLMASK_ANY) == ACLCHECK_OK;
}

/* Others wait for who has the lock: that is for who could make them wait by a booking. */
static void
check_rights(void)
{
	ListCell *cell;

	foreach(cell, attachments_read(attachments_function()))
	{
		const Attachment *attachment = lfirst(cell);

		if ((attachment->role == SOURCE_BOOKINGS || attachment->role == SOURCE_RESERVATIONS) &&
			attachment->problem == NULL && may_insert(attachment->relid))
			return;
	}
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to hold slots"),
		errhint(
			"It takes the right to insert into the table that is attached as bookings or booking_reservations."));
}

static Datum
hold_statuses(void)
{
	ArrayBuildState *statuses = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell *cell;

	foreach(cell, guard_rules()->holding)
		statuses = accumArrayResult(statuses, CStringGetTextDatum(lfirst(cell)), false, TEXTOID,
									CurrentMemoryContext);
	return makeArrayResult(statuses, CurrentMemoryContext);
}

/*
 * availability_cache_internal.reserve_slot(stylist, service, starts, ends, seats,
 * resource) returns ends, resource, reason, hold_statuses
 */
PGDLLEXPORT Datum
availability_cache_reserve_slot(PG_FUNCTION_ARGS)
{
	int64 end = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	SlotReason reason;
	GuardedResource resource = {.named = !PG_ARGISNULL(5)};
	TupleDesc desc;
	Datum values[4];
	bool nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check_rights();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || (PG_ARGISNULL(1) && PG_ARGISNULL(3)))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("stylist, service and start must be given"));
	/* It would be taken for none given, and then there must be a service. */
	if (!PG_ARGISNULL(3) && TIMESTAMP_NOT_FINITE(end))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the end of a slot must be finite"));
	if (resource.named)
		resource.id = *PG_GETARG_UUID_P(5);
	reason = guard_reserve(PG_GETARG_UUID_P(0), PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1),
						   PG_GETARG_TIMESTAMPTZ(2), &end, PG_ARGISNULL(4) ? 1 : PG_GETARG_INT64(4),
						   &resource);
	values[0] = TimestampTzGetDatum(end);
	nulls[1] = !resource.named;
	values[1] = UUIDPGetDatum(&resource.id);
	nulls[2] = reason == WHY_NONE;
	values[2] = CStringGetTextDatum(appointment_reason_name(reason));
	values[3] = hold_statuses();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
