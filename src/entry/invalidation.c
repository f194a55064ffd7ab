/*
 * invalidation.c
 *		Triggers that say what a change touches, and invalidation by hand.
 *
 * A trigger's arguments are its role, the role's key columns and the other
 * columns an answer depends on, as attach() found them, so that it needs no
 * look at the mapping.  Where an argument no longer fits the table, or there
 * is none, the whole database is touched: too much, never too little.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/deparse_utility.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/relcache.h"
#include "base/shmem.h"
#include "cache/changes.h"
#include "cache/store.h"
#include "entry/invalidation.h"
#include "slots/tags.h"
#include "slots/zone.h"
#include "table/log.h"
#include "table/state.h"
#include "table/trust.h"

PG_FUNCTION_INFO_V1(availability_cache_invalidate_trigger);
PG_FUNCTION_INFO_V1(availability_cache_touch_database);
PG_FUNCTION_INFO_V1(availability_cache_config_changed);
PG_FUNCTION_INFO_V1(availability_cache_invalidate);
PG_FUNCTION_INFO_V1(availability_cache_flush);
PG_FUNCTION_INFO_V1(availability_cache_is_timezone);
PG_FUNCTION_INFO_V1(availability_cache_attaches_partition);

/* More days than this are the stylist's cell. */
#define MAX_DAYS 62

/* What a change in a table of some role touches. */
typedef enum TouchKind
{
	TOUCH_DAYS,	   /* columns: stylist, start, end */
	TOUCH_STYLIST, /* column: stylist; NULL means all */
	TOUCH_SERVICE  /* column: service */
} TouchKind;

typedef struct TouchRole
{
	const char *role;
	TouchKind kind;
} TouchRole;

static const TouchRole touch_roles[] = {
	{"bookings", TOUCH_DAYS},
	{"booking_reservations", TOUCH_DAYS},
	{"stylist_schedules", TOUCH_STYLIST},
	{"schedule_overrides", TOUCH_STYLIST},
	{"stylist_services", TOUCH_STYLIST},
	{"services", TOUCH_SERVICE},
	{"stylist_profiles", TOUCH_STYLIST},
};

#define MAX_TRIGGER_COLUMNS 16

/* A trigger's arguments, resolved against its table; kept for the session. */
typedef struct TriggerPlan
{
	Oid tgoid; /* InvalidOid: none */
	Oid relid;
	bool usable;
	TouchKind kind;
	int ncolumns; /* the key columns first */
	AttrNumber columns[MAX_TRIGGER_COLUMNS];
} TriggerPlan;

/* By the trigger's OID; each partition has its own triggers. */
static TriggerPlan plans[32];

/* The caller of a trigger holds a lock that ALTER TABLE and CREATE TRIGGER conflict with. */
static void
forget_plans(Oid relid)
{
	for (int i = 0; i < lengthof(plans); i++)
	{
		if (!OidIsValid(relid) || plans[i].relid == relid)
			plans[i].tgoid = InvalidOid;
	}
}

static void
check_trigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s can only be called as a trigger", name));
}

static bool
column_is(TupleDesc desc, AttrNumber column, Oid type)
{
	return column > 0 && getBaseType(TupleDescAttr(desc, column - 1)->atttypid) == type;
}

static bool
key_columns_fit(const TriggerPlan *plan, TupleDesc desc)
{
	int needed = plan->kind == TOUCH_DAYS ? 3 : 1;

	if (plan->ncolumns < needed || !column_is(desc, plan->columns[0], UUIDOID))
		return false;
	return plan->kind != TOUCH_DAYS ||
		   (column_is(desc, plan->columns[1], TIMESTAMPTZOID) && column_is(desc, plan->columns[2], TIMESTAMPTZOID));
}

static void
resolve_trigger(TriggerPlan *plan, TriggerData *data)
{
	Trigger *trigger = data->tg_trigger;
	TupleDesc desc = RelationGetDescr(data->tg_relation);
	int role;

	plan->relid = RelationGetRelid(data->tg_relation);
	plan->usable = false;
	plan->ncolumns = 0;
	if (trigger->tgnargs == 0 || trigger->tgnargs > MAX_TRIGGER_COLUMNS)
		return;
	for (role = 0; role < lengthof(touch_roles); role++)
	{
		if (strcmp(trigger->tgargs[0], touch_roles[role].role) == 0)
			break;
	}
	if (role == lengthof(touch_roles))
		return;
	plan->kind = touch_roles[role].kind;
	for (int i = 1; i < trigger->tgnargs; i++)
	{
		int column;

		if (trigger->tgargs[i][0] == '\0')
			continue;
		column = SPI_fnumber(desc, trigger->tgargs[i]);
		if (column <= 0 || AC_IS_VIRTUAL(TupleDescAttr(desc, column - 1)))
			return;
		plan->columns[plan->ncolumns++] = column;
	}
	plan->usable = key_columns_fit(plan, desc);
}

static TriggerPlan *
trigger_plan(TriggerData *data)
{
	Oid tgoid = data->tg_trigger->tgoid;
	TriggerPlan *plan = &plans[tgoid % lengthof(plans)];

	if (plan->tgoid != tgoid)
	{
		plan->tgoid = InvalidOid;
		resolve_trigger(plan, data);
		plan->tgoid = tgoid;
	}
	return plan;
}

/* Each change is noted for memory, and leaves a trace for the table tier. */

static void
touch_everything(void)
{
	changes_touch_database();
	tier_log_everything();
}

static void
touch_stylist(const pg_uuid_t *stylist)
{
	changes_touch(cell_of_stylist(stylist));
	tier_log_stylist(stylist);
}

static void
touch_service(const pg_uuid_t *service)
{
	changes_touch(cell_of_service(service));
	tier_log_service(service);
}

/* The UTC days that [start, end) touches; an empty one blocks nothing. */
static void
touch_days(const pg_uuid_t *stylist, TimestampTz start, TimestampTz end)
{
	int64 first;
	int64 last;

	if (end <= start)
		return;
	/* A difference could overflow. */
	if (TIMESTAMP_NOT_FINITE(start) || TIMESTAMP_NOT_FINITE(end) || start < end - MAX_DAYS * USECS_PER_DAY)
	{
		touch_stylist(stylist);
		return;
	}
	first = utc_day_of(start);
	last = utc_day_of(end - 1);
	for (int64 day = first; day <= last; day++)
		changes_touch(cell_of_stylist_day(stylist, day));
	tier_log_days(stylist, first, last);
}

static void
touch_row(const TriggerPlan *plan, HeapTuple row, TupleDesc desc)
{
	Datum keys[3];
	bool nulls[3] = {false};

	for (int i = 0; i < (plan->kind == TOUCH_DAYS ? 3 : 1); i++)
		keys[i] = heap_getattr(row, plan->columns[i], desc, &nulls[i]);
	switch (plan->kind)
	{
		case TOUCH_DAYS:
			if (!nulls[0] && !nulls[1] && !nulls[2])
				touch_days(DatumGetUUIDP(keys[0]), DatumGetTimestampTz(keys[1]), DatumGetTimestampTz(keys[2]));
			break;
		case TOUCH_STYLIST:
			if (nulls[0])
				touch_everything();
			else
				touch_stylist(DatumGetUUIDP(keys[0]));
			break;
		case TOUCH_SERVICE:
			if (!nulls[0])
				touch_service(DatumGetUUIDP(keys[0]));
			break;
	}
}

/* Whether an UPDATE changed anything that an answer depends on. */
static bool
rows_differ(const TriggerPlan *plan, HeapTuple a, HeapTuple b, TupleDesc desc)
{
	for (int i = 0; i < plan->ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, plan->columns[i] - 1);
		bool a_null;
		bool b_null;
		Datum a_value = heap_getattr(a, plan->columns[i], desc, &a_null);
		Datum b_value = heap_getattr(b, plan->columns[i], desc, &b_null);

		if (a_null != b_null || (!a_null && !datum_image_eq(a_value, b_value, att->attbyval, att->attlen)))
			return true;
	}
	return false;
}

static void
touch_change(const TriggerPlan *plan, TriggerData *data)
{
	TupleDesc desc = RelationGetDescr(data->tg_relation);

	if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		touch_row(plan, data->tg_trigtuple, desc);
	else if (rows_differ(plan, data->tg_trigtuple, data->tg_newtuple, desc))
	{
		touch_row(plan, data->tg_trigtuple, desc);
		touch_row(plan, data->tg_newtuple, desc);
	}
}

/*
 * private.invalidate_availability_cache(), AFTER … FOR EACH ROW or AFTER
 * TRUNCATE.  Raises nothing but a misuse.
 */
PGDLLEXPORT Datum
availability_cache_invalidate_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	TriggerPlan *plan;

	check_trigger(fcinfo, "private.invalidate_availability_cache()");
	plan = trigger_plan(data);
	if (plan->usable && TRIGGER_FIRED_FOR_ROW(data->tg_event))
		touch_change(plan, data);
	else
		touch_everything();
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}

PGDLLEXPORT Datum
availability_cache_touch_database(PG_FUNCTION_ARGS)
{
	touch_everything();
	PG_RETURN_VOID();
}

/* Trigger on rules and source: also tells every session to load the mapping again. */
PGDLLEXPORT Datum
availability_cache_config_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	check_trigger(fcinfo, "availability_cache.config_changed()");
	touch_everything();
	CacheInvalidateRelcache(data->tg_relation);
	PG_RETURN_POINTER(NULL);
}

/*
 * availability_cache.attaches_partition(pg_ddl_command), for the event
 * trigger: whether an ALTER TABLE has ATTACH PARTITION.
 */
PGDLLEXPORT Datum
availability_cache_attaches_partition(PG_FUNCTION_ARGS)
{
	CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	ListCell *cell;

	if (command->type != SCT_AlterTable)
		PG_RETURN_BOOL(false);
	foreach(cell, command->d.alterTable.subcmds)
	{
		CollectedATSubcmd *subcommand = lfirst(cell);

		if (castNode(AlterTableCmd, subcommand->parsetree)->subtype == AT_AttachPartition)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/* ---- databases ---- */

static object_access_hook_type previous_object_access_hook = NULL;

/* A later database may get the dropped one's OID: nothing of the old may be left valid. */
static void
notice_dropped_database(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	if (previous_object_access_hook)
		previous_object_access_hook(access, classid, objectid, subid, arg);
	if (access != OAT_DROP || classid != DatabaseRelationId)
		return;
	changes_touch(cell_of_database(objectid));
	tier_state_forget(objectid);
}

void
invalidation_init(void)
{
	relcache_notify(forget_plans);
	/* Without shared memory there is nothing of a dropped database. */
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_object_access_hook = object_access_hook;
	object_access_hook = notice_dropped_database;
}

/* ---- by hand ---- */

/*
 * availability_cache.invalidate(stylist, first date, last date).  Dates are in
 * the stylist's zone, whatever it is; every answer depends on its own date as
 * a UTC day.
 */
PGDLLEXPORT Datum
availability_cache_invalidate(PG_FUNCTION_ARGS)
{
	pg_uuid_t *stylist;
	DateADT first = PG_ARGISNULL(1) ? DATEVAL_NOBEGIN : PG_GETARG_DATEADT(1);
	DateADT last = PG_ARGISNULL(2) ? DATEVAL_NOEND : PG_GETARG_DATEADT(2);

	if (PG_ARGISNULL(0))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("stylist must not be NULL"),
				errhint("availability_cache.flush() drops every answer."));
	stylist = PG_GETARG_UUID_P(0);
	if (first > last)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("first date is after last date"),
				errhint("invalidate(stylist, first, last) takes the earlier date first."));
	if (trust_is_active())
		PreventCommandIfReadOnly("availability_cache.invalidate()");
	if (DATE_NOT_FINITE(first) || DATE_NOT_FINITE(last) || last - first >= MAX_DAYS)
	{
		changes_touch_now(cell_of_stylist(stylist));
		tier_log_stylist(stylist);
		PG_RETURN_VOID();
	}
	for (DateADT day = first; day <= last; day++)
		changes_touch_now(cell_of_stylist_day(stylist, day));
	tier_log_days(stylist, first, last);
	PG_RETURN_VOID();
}

PGDLLEXPORT Datum
availability_cache_flush(PG_FUNCTION_ARGS)
{
	if (trust_is_active())
	{
		PreventCommandIfReadOnly("availability_cache.flush()");
		tier_log_everything();
	}
	if (!ac_shared_memory_ready)
		PG_RETURN_INT64(0);
	changes_touch_now(cell_of_database(MyDatabaseId));
	PG_RETURN_INT64(store_drop_database());
}

PGDLLEXPORT Datum
availability_cache_is_timezone(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(zone_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) != NULL);
}
