/*
 * table_plan.c
 *		How a table is read without a query: where its columns are, and by which index.
 *
 * A session remembers it for each table and kind of scan, until a message of
 * the table or of the index, or another mapping, or other statuses (an index
 * may leave rows of some out).
 *
 * Locking: none.  Caller has a lock on the table, which an index cannot be
 * dropped, nor a column changed, without.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "common/hashfn.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/relcache.h"
#include "slots/index_condition.h"
#include "slots/sources.h"
#include "slots/table_plan.h"

#define NPLANS 256

/* What a plan is for.  No padding. */
typedef struct PlanKey
{
	uint64 generation; /* of the mapping */
	uint64 statuses;
	Oid relid; /* InvalidOid: the place is free */
	int32 kind;
} PlanKey;

typedef struct RememberedPlan
{
	PlanKey key;
	TablePlan plan;
} RememberedPlan;

static RememberedPlan remembered[NPLANS];

static void
forget_plans(Oid relid)
{
	for (int i = 0; i < NPLANS; i++)
	{
		if (!OidIsValid(relid) || remembered[i].key.relid == relid || remembered[i].plan.index == relid)
			remembered[i].key.relid = InvalidOid;
	}
}

void
table_plan_init(void)
{
	relcache_notify(forget_plans);
}

/* ---- columns ---- */

/* Whether it is as the mapping has it, which a change may have overtaken, and stored. */
static bool
is_as_mapped(Relation rel, AttrNumber attnum, const SourceColumn *column)
{
	Form_pg_attribute att;

	if (attnum <= 0)
		return false;
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	return !att->attisdropped && att->atttypid == column->declared && !AC_IS_VIRTUAL(att);
}

/* The places of the role's columns in this table; false if one of them must be left to a query. */
static bool
find_columns(Relation rel, SourceRole role, AttrNumber *attnums)
{
	for (int i = 0; i < MAX_ROLE_COLUMNS; i++)
	{
		const SourceColumn *column = source_column_at(role, i);

		attnums[i] = column == NULL ? InvalidAttrNumber : get_attnum(RelationGetRelid(rel), column->name);
		if (column != NULL && !is_as_mapped(rel, attnums[i], column))
			return false;
	}
	return true;
}

/* ---- indexes ---- */

static bool
is_usable(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisvalid && form->indislive && !ReindexIsProcessingIndex(RelationGetRelid(index)) &&
		   (!form->indcheckxmin ||
			TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin));
}

/* How good an index is, in this order. */
typedef enum IndexRank
{
	NO_INDEX,
	BY_KEY,
	BY_RANGE,
	BY_TIME,
	LONG_ONLY
} IndexRank;

typedef struct Choice
{
	const SourceScan *scan;
	TablePlan *plan;
	IndexRank rank;
	bool complete; /* none was left out for a reason that passes */
} Choice;

/* Whether the index is ordered by a column there, as its type is. */
static bool
is_ordered_by(Relation index, int place, AttrNumber column, Oid comparison)
{
	return place < IndexRelationGetNumberOfKeyAttributes(index) &&
		   index->rd_index->indkey.values[place] == column &&
		   index_getprocid(index, place + 1, BTORDER_PROC) == comparison;
}

static IndexRank
rank_btree(Relation index, const Choice *choice)
{
	const SourceScan *scan = choice->scan;
	const AttrNumber *attnums = choice->plan->attnums;

	if (!is_ordered_by(index, 0, attnums[scan->key], F_UUID_CMP))
		return NO_INDEX;
	return scan->time >= 0 && is_ordered_by(index, 1, attnums[scan->time], F_TIMESTAMPTZ_CMP) ? BY_TIME
																							  : BY_KEY;
}

static IndexRank
rank_gist(Relation index, const Choice *choice, RangeColumns *ranges)
{
	const SourceScan *scan = choice->scan;
	const AttrNumber *attnums = choice->plan->attnums;

	if (scan->id == NULL || !index_is_plain(index))
		return NO_INDEX;
	*ranges = range_columns(index, attnums[scan->key],
							scan->overlapping ? attnums[scan->start] : InvalidAttrNumber,
							scan->overlapping ? attnums[scan->end] : InvalidAttrNumber);
	if (ranges->key == InvalidAttrNumber)
		return NO_INDEX;
	return ranges->range != InvalidAttrNumber ? BY_RANGE : BY_KEY;
}

/* What is left of the rank where the index has a condition. */
static IndexRank
rank_condition(Relation rel, Relation index, const Choice *choice, IndexRank rank)
{
	const SourceScan *scan = choice->scan;
	const AttrNumber *attnums = choice->plan->attnums;

	if (rank == NO_INDEX || heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return rank;
	if (!index_is_plain(index))
		return NO_INDEX;
	if (scan->long_only && index->rd_rel->relam == BTREE_AM_OID &&
		index_has_long_only(index, attnums[BOOKING_START], attnums[BOOKING_END]))
		return LONG_ONLY;
	return index_has_wanted(rel, index, scan, attnums[scan->status]) ? rank : NO_INDEX;
}

static void
consider(Relation rel, Relation index, Choice *choice)
{
	RangeColumns ranges = {0};
	bool is_range = index->rd_rel->relam == GIST_AM_OID;
	IndexRank rank = NO_INDEX;

	if (!is_usable(index))
	{
		choice->complete = false;
		return;
	}
	if (is_range)
		rank = rank_gist(index, choice, &ranges);
	else if (index->rd_rel->relam == BTREE_AM_OID)
		rank = rank_btree(index, choice);
	rank = rank_condition(rel, index, choice, rank);
	if (rank <= choice->rank)
		return;
	choice->rank = rank;
	choice->plan->index = RelationGetRelid(index);
	choice->plan->is_range = is_range;
	choice->plan->timed = rank == BY_TIME;
	choice->plan->ranges = ranges;
}

/* False if it may find more later. */
static bool
choose_index(Relation rel, const SourceScan *scan, TablePlan *plan)
{
	Choice choice = {.scan = scan, .plan = plan, .complete = true};
	List *indexes = RelationGetIndexList(rel);
	ListCell *cell;

	foreach(cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		consider(rel, index, &choice);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return choice.complete;
}

/* ---- plans ---- */

static PlanKey
key_of(Relation rel, const SourceScan *scan)
{
	const char *statuses = scan->statuses == NULL ? "" : scan->statuses->text;
	bool wanted = scan->statuses != NULL && scan->statuses->wanted;

	return (
		PlanKey){.generation = sources_generation(),
				 .statuses = hash_bytes_extended((const unsigned char *) statuses, strlen(statuses), wanted),
				 .relid = RelationGetRelid(rel),
				 .kind = scan->role * 8 + scan->long_only * 4 + (scan->time >= 0) * 2 + (scan->id != NULL)};
}

static RememberedPlan *
place_of(const PlanKey *key)
{
	StaticAssertStmt(sizeof(PlanKey) == 24, "keys are hashed as bytes");
	return &remembered[hash_bytes((const unsigned char *) key, sizeof(*key)) % NPLANS];
}

TablePlan
table_plan(Relation rel, const SourceScan *scan)
{
	PlanKey key = key_of(rel, scan);
	RememberedPlan *place = place_of(&key);
	TablePlan plan = {0};

	if (memcmp(&place->key, &key, sizeof(key)) == 0 &&
		!(OidIsValid(place->plan.index) && ReindexIsProcessingIndex(place->plan.index)))
		return place->plan;
	/* A message that comes while it is made takes it away again. */
	place->key = key;
	place->plan = plan;
	plan.readable = find_columns(rel, scan->role, plan.attnums);
	if (plan.readable && !choose_index(rel, scan, &plan))
		place->key.relid = InvalidOid;
	place->plan = plan;
	return plan;
}
