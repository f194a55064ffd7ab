/*
 * tier_triggers.c
 *		Triggers on the table tier's own tables: what others do to them.
 *
 * The tier's own writes fire none (table/tables.c).  Whoever may create
 * triggers could put these functions on tables of theirs, fired in any way:
 * so each looks at the table before it looks at a row.  Locking: none of its
 * own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "replication/logicalworker.h"
#include "utils/date.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "cache/changes.h"
#include "entry/trigger_data.h"
#include "memo/kept_calls.h"
#include "memo/tags.h"
#include "slots/kept_days.h"
#include "slots/tags.h"
#include "table/log.h"
#include "table/state.h"
#include "table/tables.h"

PG_FUNCTION_INFO_V1(availability_cache_row_changed);
PG_FUNCTION_INFO_V1(availability_cache_log_changed);
PG_FUNCTION_INFO_V1(availability_cache_discard);

static void
touch_day_of(const TriggerData *data)
{
	TupleDesc desc = RelationGetDescr(data->tg_relation);
	bool nulls[2];
	Datum stylist = heap_getattr(data->tg_trigtuple, ROW_STYLIST, desc, &nulls[0]);
	Datum date = heap_getattr(data->tg_trigtuple, ROW_DATE, desc, &nulls[1]);

	if (nulls[0] || nulls[1])
		changes_touch_database();
	else
		changes_touch(tag_of_stylist_day(DatumGetUUIDP(stylist), DatumGetDateADT(date)));
}

static void
touch_answers_of(const TriggerData *data)
{
	bool isnull;
	Datum function = heap_getattr(data->tg_trigtuple, CALL_FUNCTION, RelationGetDescr(data->tg_relation),
								  &isnull);

	if (isnull)
		changes_touch_database();
	else
		changes_touch(tag_of_answers(DatumGetObjectId(function)));
}

/*
 * availability_cache_internal.row_changed(), on private.availability_cache and
 * availability_cache_internal.function_answers: a day whose row somebody
 * deletes or updates by hand is no longer answered from memory, and a function
 * as a whole.  AFTER … FOR EACH ROW, and FOR EACH STATEMENT for what the
 * statement did not find because it is still to be written.
 */
PGDLLEXPORT Datum
availability_cache_row_changed(PG_FUNCTION_ARGS)
{
	const char *name = "availability_cache_internal.row_changed()";
	TriggerData *data = trigger_data(fcinfo, name);
	bool of_calls = RelationGetRelid(data->tg_relation) == tier_relid(row_table(&kept_calls));
	const RowKind *kind = of_calls ? &kept_calls : &kept_days;

	data = trigger_data_of(fcinfo, name, tier_relid(row_table(kind)));
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event) && tier_is_as_made(row_table(kind), data->tg_relation))
	{
		if (of_calls)
			touch_answers_of(data);
		else
			touch_day_of(data);
	}
	else if (TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) ||
			 !queue_is_empty())
		changes_touch_database();
	PG_RETURN_POINTER(TRIGGER_FIRED_FOR_ROW(data->tg_event) ? trigger_row(data) : NULL);
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
	Oid since = tier_relid(TIER_SINCE);
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.log_changed()");

	if (RelationGetRelid(data->tg_relation) != since)
		data = trigger_data_of(fcinfo, "availability_cache_internal.log_changed()", tier_relid(TIER_LOG));
	/* An error would stop the replication of bookings. */
	if (!IsLogicalWorker() &&
		(TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)))
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table availability_cache.%s is kept by the extension",
				   RelationGetRelationName(data->tg_relation)),
			errhint(
				"availability_cache.flush() drops every cached answer, availability_cache.clean() removes what is not needed."));
	tier_log_lost("rows of availability_cache.invalidation were changed by hand");
	PG_RETURN_POINTER(NULL);
}

/*
 * availability_cache_internal.discard(), BEFORE … FOR EACH ROW, ENABLE REPLICA: what
 * arrives by replication says nothing here.  Snapshots and xids are another
 * server's; with an argument, on source_column and (INSTEAD OF INSERT) source:
 * each server attaches its own tables, but a restore under
 * session_replication_role brings them.
 */
PGDLLEXPORT Datum
availability_cache_discard(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.discard()");

	if (data->tg_relation->rd_rel->relkind == RELKIND_VIEW)
		ereport(
			WARNING,
			errmsg("what is written to %s is not taken over", RelationGetRelationName(data->tg_relation)),
			errhint(
				"The mapping is what the attached tables' triggers say; availability_cache.attach() makes them."));
	else if (data->tg_trigger->tgnargs > 0 && !IsLogicalWorker())
		PG_RETURN_POINTER(trigger_row(data));
	PG_RETURN_POINTER(NULL);
}
