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
#include "base/test_hooks.h"
#include "entry/guard_row.h"
#include "cache/changed_tables.h"
#include "entry/row_trigger.h"
#include "entry/touch.h"
#include "entry/trigger_data.h"
#include "slots/attachments.h"
#include "slots/guard_rules.h"
#include "slots/roles.h"
#include "slots/span.h"

PG_FUNCTION_INFO_V1(availability_cache_invalidate_trigger);

/* What a change in a table of some role touches. */
typedef enum TouchKind
{
	TOUCH_DAYS,	   /* columns: stylist, start, end */
	TOUCH_STYLIST, /* column: stylist; NULL means all */
	TOUCH_SERVICE, /* column: service */
	TOUCH_RESOURCES,
	TOUCH_CLASS /* columns: as of TOUCH_DAYS */
} TouchKind;

typedef struct TouchRole
{
	const char *role;
	TouchKind kind;
	/* Arguments, by number; 0: the role has none such. */
	int to_all;		/* whether the row is of all stylists, whomever it names */
	int buffers[2]; /* of a service */
	int resource_kind;
	int resource; /* of bookings and holds */
	int status;	  /* of bookings and holds, as the next three */
	int service;
	int expires;
	int seats;
} TouchRole;

static const char *const buffer_names[] = {"buffer_before_minutes", "buffer_after_minutes"};

static const TouchRole touch_roles[] = {
	{"bookings", TOUCH_DAYS, .status = 4, .service = 5, .seats = 6, .resource = 7},
	{"booking_reservations", TOUCH_DAYS, .status = 4, .expires = 5, .service = 6, .seats = 7, .resource = 8},
	{"stylist_schedules", TOUCH_STYLIST},
	{"schedule_overrides", TOUCH_STYLIST, .to_all = 10},
	{"stylist_services", TOUCH_STYLIST},
	{"services", TOUCH_SERVICE, .buffers = {5, 6}, .resource_kind = 14},
	{"stylist_profiles", TOUCH_STYLIST},
	{"resources", TOUCH_RESOURCES},
	{"class_sessions", TOUCH_CLASS},
};

#define MAX_TRIGGER_COLUMNS (1 + MAX_ROLE_COLUMNS)

/* A trigger's arguments, resolved against its table; kept for the session. */
typedef struct TriggerPlan
{
	Oid tgoid; /* InvalidOid: none */
	Oid relid;
	bool usable;
	TouchKind kind;
	int ncolumns; /* the key columns first */
	AttrNumber columns[MAX_TRIGGER_COLUMNS];
	/* Those of them that mean something; InvalidAttrNumber: not mapped. */
	AttrNumber to_all;
	AttrNumber buffers[2];
	int buffer_units[2];
	AttrNumber resource_kind; /* of a service: of the resource that it needs */
	GuardColumns guarded;	  /* of TOUCH_DAYS */
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

/* Its key columns are stylist, start and end. */
static bool
has_times(const TriggerPlan *plan)
{
	return plan->kind == TOUCH_DAYS || plan->kind == TOUCH_CLASS;
}

static bool
key_columns_fit(const TriggerPlan *plan, TupleDesc desc)
{
	int needed = has_times(plan) ? 3 : 1;

	if (plan->ncolumns < needed || !column_is(desc, plan->columns[0], UUIDOID))
		return false;
	return !has_times(plan) || (column_is(desc, plan->columns[1], TIMESTAMPTZOID) &&
								column_is(desc, plan->columns[2], TIMESTAMPTZOID));
}

static Oid
type_of(TupleDesc desc, AttrNumber column)
{
	return getBaseType(TupleDescAttr(desc, column - 1)->atttypid);
}

/* Takes down what a mapped column means to its role; false if it is not of a type for that. */
static bool
note_meaning(TriggerPlan *plan, const TouchRole *role, int arg, const char *name, AttrNumber column,
			 TupleDesc desc)
{
	if (arg == role->to_all)
	{
		plan->to_all = column;
		return type_of(desc, column) == BOOLOID;
	}
	for (int i = 0; i < lengthof(role->buffers); i++)
	{
		if (arg != role->buffers[i])
			continue;
		plan->buffers[i] = column;
		plan->buffer_units[i] = span_unit(name, buffer_names[i]);
		return span_is_type(type_of(desc, column));
	}
	return true;
}

/* The column of an argument, which is there and fits; InvalidAttrNumber: not mapped. */
static AttrNumber
column_of(const Trigger *trigger, TupleDesc desc, int arg)
{
	if (arg == 0 || arg >= trigger->tgnargs || !argument_names_column(trigger->tgargs[arg]))
		return InvalidAttrNumber;
	return SPI_fnumber(desc, trigger->tgargs[arg]);
}

static GuardColumns
guarded_columns(const TouchRole *role, const Trigger *trigger, TupleDesc desc)
{
	return (GuardColumns){.is_hold = role->expires != 0,
						  .stylist = column_of(trigger, desc, 1),
						  .start = column_of(trigger, desc, 2),
						  .end = column_of(trigger, desc, 3),
						  .status = column_of(trigger, desc, role->status),
						  .service = column_of(trigger, desc, role->service),
						  .expires = column_of(trigger, desc, role->expires),
						  .seats = column_of(trigger, desc, role->seats),
						  .resource = column_of(trigger, desc, role->resource)};
}

/* Whether those can be read that are not among the key columns. */
static bool
guarded_columns_fit(const GuardColumns *columns, TupleDesc desc)
{
	return (columns->service == InvalidAttrNumber || column_is(desc, columns->service, UUIDOID)) &&
		   (columns->resource == InvalidAttrNumber || column_is(desc, columns->resource, UUIDOID)) &&
		   (columns->expires == InvalidAttrNumber || column_is(desc, columns->expires, TIMESTAMPTZOID)) &&
		   (columns->seats == InvalidAttrNumber || column_is(desc, columns->seats, INT2OID) ||
			column_is(desc, columns->seats, INT4OID) || column_is(desc, columns->seats, INT8OID));
}

/* Where a stylist works elsewhere; of overrides it follows whether they are of all. */
static bool
is_zone(const TouchRole *role, int arg)
{
	return role->to_all != 0 && arg == role->to_all + 1;
}

static void
resolve_trigger(TriggerPlan *plan, TriggerData *data)
{
	Trigger *trigger = data->tg_trigger;
	TupleDesc desc = RelationGetDescr(data->tg_relation);
	int role;

	plan->relid = RelationGetRelid(data->tg_relation);
	plan->usable = false;
	plan->kind = TOUCH_STYLIST;
	plan->ncolumns = 0;
	plan->to_all = plan->buffers[0] = plan->buffers[1] = InvalidAttrNumber;
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

		if (!argument_names_column(trigger->tgargs[i]) ||
			(is_zone(&touch_roles[role], i) && AC_MUTATED(AC_MUTANT_NO_ZONE)))
			continue;
		column = SPI_fnumber(desc, trigger->tgargs[i]);
		if (column <= 0 || AC_IS_VIRTUAL(TupleDescAttr(desc, column - 1)))
			return;
		if (!note_meaning(plan, &touch_roles[role], i, trigger->tgargs[i], column, desc))
			return;
		plan->columns[plan->ncolumns++] = column;
	}
	plan->resource_kind = column_of(trigger, desc, touch_roles[role].resource_kind);
	plan->guarded = guarded_columns(&touch_roles[role], trigger, desc);
	plan->usable = key_columns_fit(plan, desc) && guarded_columns_fit(&plan->guarded, desc);
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

static bool
is_of_all(const TriggerPlan *plan, HeapTuple row, TupleDesc desc)
{
	bool isnull = true;
	Datum value = (Datum) 0;

	if (plan->to_all != InvalidAttrNumber)
		value = heap_getattr(row, plan->to_all, desc, &isnull);
	return !isnull && DatumGetBool(value);
}

/* Where bookings may name a resource. */
static void
touch_taking_of_row(const TriggerPlan *plan, HeapTuple row, TupleDesc desc, TimestampTz start,
					TimestampTz end)
{
	bool no_resource;
	bool no_service = true;
	Datum resource;
	Datum service = (Datum) 0;

	if (plan->guarded.resource == InvalidAttrNumber)
		return;
	resource = heap_getattr(row, plan->guarded.resource, desc, &no_resource);
	if (plan->guarded.service != InvalidAttrNumber)
		service = heap_getattr(row, plan->guarded.service, desc, &no_service);
	touch_taking(no_resource ? NULL : DatumGetUUIDP(resource), no_service ? NULL : DatumGetUUIDP(service),
				 start, end);
}

/* Others' appointments of a service may be counted with it. */
static void
touch_service_of_row(const GuardColumns *columns, HeapTuple row, TupleDesc desc, Datum start)
{
	bool isnull;
	Datum service;

	if (columns->service == InvalidAttrNumber || !guard_rules()->caps_together ||
		AC_MUTATED(AC_MUTANT_NO_SERVICE_DAY))
		return;
	service = heap_getattr(row, columns->service, desc, &isnull);
	if (!isnull)
		touch_service_day(DatumGetUUIDP(service), DatumGetTimestampTz(start));
}

static void
touch_row(const TriggerPlan *plan, HeapTuple row, TupleDesc desc)
{
	Datum keys[3];
	bool nulls[3] = {false};

	for (int i = 0; i < (has_times(plan) ? 3 : 1); i++)
		keys[i] = heap_getattr(row, plan->columns[i], desc, &nulls[i]);
	switch (plan->kind)
	{
		case TOUCH_DAYS:
			if (nulls[0] || nulls[1] || nulls[2])
				break;
			touch_days(DatumGetUUIDP(keys[0]), DatumGetTimestampTz(keys[1]), DatumGetTimestampTz(keys[2]));
			touch_taking_of_row(plan, row, desc, DatumGetTimestampTz(keys[1]), DatumGetTimestampTz(keys[2]));
			touch_service_of_row(&plan->guarded, row, desc, keys[1]);
			break;
		case TOUCH_STYLIST:
			if (nulls[0] || is_of_all(plan, row, desc))
				touch_everything();
			else
				touch_stylist(DatumGetUUIDP(keys[0]));
			break;
		case TOUCH_SERVICE:
			if (!nulls[0])
				touch_service(DatumGetUUIDP(keys[0]));
			break;
		case TOUCH_RESOURCES:
			touch_resources();
			break;
		case TOUCH_CLASS:
			if (!(nulls[0] || nulls[1] || nulls[2] || AC_MUTATED(AC_MUTANT_NO_CLASS)))
				touch_days(DatumGetUUIDP(keys[0]), DatumGetTimestampTz(keys[1]),
						   DatumGetTimestampTz(keys[2]));
			break;
	}
}

static bool
columns_differ(HeapTuple a, HeapTuple b, TupleDesc desc, const AttrNumber *columns, int n)
{
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, columns[i] - 1);
		bool a_null;
		bool b_null;
		Datum a_value = heap_getattr(a, columns[i], desc, &a_null);
		Datum b_value = heap_getattr(b, columns[i], desc, &b_null);

		if (a_null != b_null || (!a_null && !datum_image_eq(a_value, b_value, att->attbyval, att->attlen)))
			return true;
	}
	return false;
}

/* A service's row that has buffers comes or goes. */
static void
touch_buffers_of_row(const TriggerPlan *plan, HeapTuple row, TupleDesc desc, bool comes)
{
	int64 longest = 0;
	bool has_buffers = false;
	bool isnull;
	Datum id;

	for (int i = 0; i < lengthof(plan->buffers); i++)
	{
		Datum value;

		if (plan->buffers[i] == InvalidAttrNumber)
			continue;
		value = heap_getattr(row, plan->buffers[i], desc, &isnull);
		if (isnull)
			continue;
		has_buffers = true;
		if (comes)
			longest = Max(longest,
						  span_within_day(value, type_of(desc, plan->buffers[i]), plan->buffer_units[i]));
	}
	id = heap_getattr(row, plan->columns[0], desc, &isnull);
	if (has_buffers && !isnull)
		touch_buffers(DatumGetUUIDP(id), longest);
}

/* Whether an UPDATE changed a service's buffers, or whose they are. */
static bool
buffers_differ(const TriggerPlan *plan, HeapTuple a, HeapTuple b, TupleDesc desc)
{
	AttrNumber columns[1 + lengthof(plan->buffers)] = {plan->columns[0]};
	int n = 1;

	for (int i = 0; i < lengthof(plan->buffers); i++)
	{
		if (plan->buffers[i] != InvalidAttrNumber)
			columns[n++] = plan->buffers[i];
	}
	return columns_differ(a, b, desc, columns, n);
}

static bool
names_kind(const TriggerPlan *plan, HeapTuple row, TupleDesc desc)
{
	return plan->resource_kind != InvalidAttrNumber && !heap_attisnull(row, plan->resource_kind, desc);
}

/* A service's row that names a kind of resource comes, goes, or says something else of it. */
static void
touch_need_of_row(const TriggerPlan *plan, HeapTuple row, HeapTuple new_row, TupleDesc desc)
{
	AttrNumber columns[] = {plan->columns[0], plan->resource_kind};

	if (!names_kind(plan, row, desc) && (new_row == NULL || !names_kind(plan, new_row, desc)))
		return;
	if (new_row == NULL || columns_differ(row, new_row, desc, columns, lengthof(columns)))
		touch_resources();
}

static void
touch_change(const TriggerPlan *plan, TriggerData *data)
{
	TupleDesc desc = RelationGetDescr(data->tg_relation);
	HeapTuple row = data->tg_trigtuple;

	if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		touch_row(plan, row, desc);
		touch_buffers_of_row(plan, row, desc, TRIGGER_FIRED_BY_INSERT(data->tg_event));
		touch_need_of_row(plan, row, NULL, desc);
		return;
	}
	if (!columns_differ(row, data->tg_newtuple, desc, plan->columns, plan->ncolumns))
		return;
	touch_row(plan, row, desc);
	touch_row(plan, data->tg_newtuple, desc);
	touch_need_of_row(plan, row, data->tg_newtuple, desc);
	if (!buffers_differ(plan, row, data->tg_newtuple, desc))
		return;
	touch_buffers_of_row(plan, row, desc, false);
	touch_buffers_of_row(plan, data->tg_newtuple, desc, true);
}

/*
 * private.invalidate_availability_cache(), AFTER … FOR EACH ROW or AFTER
 * TRUNCATE.  Raises nothing but a misuse, and what reading the guard's rules can raise.
 */
PGDLLEXPORT Datum
availability_cache_invalidate_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "private.invalidate_availability_cache()");
	TriggerPlan *plan = trigger_plan(data);

	changed_table_note(RelationGetRelid(data->tg_relation));
	if (plan->usable && TRIGGER_FIRED_FOR_ROW(data->tg_event))
		touch_change(plan, data);
	else
		touch_everything();
	if (plan->kind == TOUCH_DAYS && TRIGGER_FIRED_FOR_ROW(data->tg_event))
		guard_row_trigger(plan->usable ? &plan->guarded : NULL, data);
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}
