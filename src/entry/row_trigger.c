/*
 * row_trigger.c
 *		The trigger on the attached tables: says what a change of a row touches.
 *
 * A trigger's arguments are its role, the role's key columns and the other
 * columns an answer depends on, as attach() found them, so that it needs no
 * look at the mapping.  Where an argument no longer fits the table, or there
 * is none, the whole database is touched: too much, never too little.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/relcache.h"
#include "entry/row_trigger.h"
#include "entry/touch.h"
#include "entry/trigger_data.h"

PG_FUNCTION_INFO_V1(availability_cache_invalidate_trigger);

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

void
row_trigger_init(void)
{
	relcache_notify(forget_plans);
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
	TriggerData *data = trigger_data(fcinfo, "private.invalidate_availability_cache()");
	TriggerPlan *plan = trigger_plan(data);
	if (plan->usable && TRIGGER_FIRED_FOR_ROW(data->tg_event))
		touch_change(plan, data);
	else
		touch_everything();
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}
