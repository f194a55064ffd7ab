/*
 * watch_trigger.c
 *		The trigger on watched tables: availability_cache_internal.watched_changed().
 *
 * Its arguments are the names of the table's key columns.  Each row that
 * comes or goes touches the table, and its value in each key column; an
 * UPDATE the old ones and the new ones.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/relcache.h"
#include "base/test_hooks.h"
#include "cache/changed_tables.h"
#include "cache/changes.h"
#include "entry/outdated.h"
#include "entry/touch.h"
#include "entry/trigger_data.h"
#include "entry/watch_trigger.h"
#include "memo/tags.h"
#include "memo/watched.h"
#include "table/log.h"

PG_FUNCTION_INFO_V1(availability_cache_watched_changed);

/* By trigger, until its relation changes. */
typedef struct WatchPlan
{
	Oid tgoid; /* InvalidOid: unused */
	Oid relid;
	KeyColumns keys;
} WatchPlan;

static WatchPlan plans[64];

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
watch_trigger_init(void)
{
	relcache_notify(forget_plans);
}

static const WatchPlan *
watch_plan(const TriggerData *data)
{
	Oid tgoid = data->tg_trigger->tgoid;
	WatchPlan *plan = &plans[tgoid % lengthof(plans)];

	if (plan->tgoid == tgoid)
		return plan;
	plan->tgoid = InvalidOid;
	plan->relid = RelationGetRelid(data->tg_relation);
	key_columns_of(data->tg_trigger, RelationGetDescr(data->tg_relation), &plan->keys);
	plan->tgoid = tgoid;
	return plan;
}

static void
touch_values(const KeyColumns *keys, Relation rel, HeapTuple row)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < keys->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, keys->columns[i] - 1);
		bool isnull;
		Datum value = heap_getattr(row, keys->columns[i], desc, &isnull);
		uint64 hash;

		if (!isnull && hash_of_value(att->atttypid, att->attcollation, value, &hash))
			touch_tag(tag_of_value(RelationGetRelid(rel), keys->columns[i], hash));
	}
}

/* AFTER … FOR EACH ROW. */
PGDLLEXPORT Datum
availability_cache_watched_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.watched_changed()");
	KeyColumns keys;

	changed_table_note(RelationGetRelid(data->tg_relation));
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event))
	{
		changes_touch_database();
		tier_log_everything();
		PG_RETURN_POINTER(NULL);
	}
	/* A copy: looking up types may accept messages. */
	keys = watch_plan(data)->keys;
	touch_tag(tag_of_table(RelationGetRelid(data->tg_relation)));
	if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) || !AC_MUTATED(AC_MUTANT_NEW_VALUE_ONLY))
		touch_values(&keys, data->tg_relation, data->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		touch_values(&keys, data->tg_relation, data->tg_newtuple);
	outdated_row(data->tg_relation, &keys, data->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		outdated_row(data->tg_relation, &keys, data->tg_newtuple);
	PG_RETURN_POINTER(trigger_row(data));
}
