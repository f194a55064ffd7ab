/*
 * tier_triggers.c
 *		Triggers on the table tier's own tables: what others do to them.
 *
 * The tier's own writes are told apart by tier_writing.  Locking: none of its
 * own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "replication/logicalworker.h"
#include "utils/date.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "cache/changes.h"
#include "entry/trigger_data.h"
#include "slots/tags.h"
#include "table/log.h"
#include "table/state.h"
#include "table/tables.h"

PG_FUNCTION_INFO_V1(availability_cache_row_changed);
PG_FUNCTION_INFO_V1(availability_cache_log_changed);
PG_FUNCTION_INFO_V1(availability_cache_discard);

/*
 * availability_cache_internal.row_changed(), on private.availability_cache: a row
 * that somebody deletes or updates by hand is no longer answered from memory.
 * AFTER … FOR EACH ROW, and FOR EACH STATEMENT for what the statement did not
 * find because it is still to be written.
 */
PGDLLEXPORT Datum
availability_cache_row_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.row_changed()");

	if (tier_writing())
		PG_RETURN_POINTER(NULL);
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
	{
		TupleDesc desc = RelationGetDescr(data->tg_relation);
		bool isnull;
		Datum stylist = heap_getattr(data->tg_trigtuple, ROW_STYLIST, desc, &isnull);
		Datum date = heap_getattr(data->tg_trigtuple, ROW_DATE, desc, &isnull);

		changes_touch(tag_of_stylist_day(DatumGetUUIDP(stylist), DatumGetDateADT(date)));
	}
	else if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) || !queue_is_empty())
		changes_touch_database();
	PG_RETURN_POINTER(NULL);
}

/*
 * availability_cache_internal.log_changed(), on availability_cache.invalidation, AFTER
 * UPDATE OR DELETE and BEFORE TRUNCATE FOR EACH STATEMENT, and on
 * invalidation_since, BEFORE INSERT OR UPDATE FOR EACH ROW: traces that
 * somebody removes take the trust from every row; what would bring trust
 * back, or could not be noticed under an older snapshot (TRUNCATE), is
 * refused with 55000.
 */
PGDLLEXPORT Datum
availability_cache_log_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.log_changed()");

	if (tier_writing())
		PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
	/* An error would stop the replication of bookings. */
	if (!IsLogicalWorker() && (TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)))
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table availability_cache.%s is kept by the extension", RelationGetRelationName(data->tg_relation)),
			errhint(
				"availability_cache.flush() drops every cached answer, availability_cache.clean() removes what is not needed."));
	tier_log_lost("rows of availability_cache.invalidation were changed by hand");
	PG_RETURN_POINTER(NULL);
}

/*
 * availability_cache_internal.discard(), BEFORE … FOR EACH ROW, ENABLE REPLICA: what
 * arrives by replication says nothing here.  Snapshots and xids are another
 * server's; with an argument, on the tables of the mapping: each server
 * attaches its own tables, but a restore under session_replication_role
 * brings them.
 */
PGDLLEXPORT Datum
availability_cache_discard(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.discard()");

	if (!tier_writing() && (data->tg_trigger->tgnargs == 0 || IsLogicalWorker()))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}
