/*
 * clean.c
 *		Removes what the table tier no longer needs.
 *
 * Rows first: those that have expired, and those that trust.c would not
 * trust.  Then traces: one is needed while a row's snapshot does not see its
 * transaction.  The oldest xid that is still needed goes into
 * invalidation_since, and older traces go, in the same transaction; so a row
 * that is kept meanwhile under an older snapshot is not trusted.
 *
 * Locking: see tables.c; rows that others are changing are skipped.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/full_xid.h"
#include "table/clean.h"
#include "table/rows.h"
#include "table/tables.h"
#include "table/trust.h"

/* More traces than this are not kept, whatever rows need them. */
#define MAX_LOG_ROWS 100000

/* What the log has: read once, since looking up each row's tags would take longer. */
typedef struct LogSummary
{
	HTAB *tags;
	uint64 *xids;
	Size n;
	Size size; /* of xids */
} LogSummary;

static uint64
trace_xid(TierRelation *log, HeapTuple trace)
{
	return U64FromFullTransactionId(DatumGetFullTransactionId(tier_column(log, trace, LOG_XID)));
}

static LogSummary
read_log(TierRelation *log, Snapshot snapshot)
{
	HASHCTL ctl = {.keysize = sizeof(Tag), .entrysize = sizeof(Tag), .hcxt = CurrentMemoryContext};
	LogSummary summary = {.size = 1024};
	SysScanDesc scan = tier_scan(log, snapshot, 0, NULL);
	HeapTuple trace;

	summary.tags = hash_create("availability_cache log", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	summary.xids = palloc(summary.size * sizeof(uint64));
	while ((trace = systable_getnext(scan)) != NULL)
	{
		Tag tag = DatumGetInt64(tier_column(log, trace, LOG_TAG));

		CHECK_FOR_INTERRUPTS();
		(void) hash_search(summary.tags, &tag, HASH_ENTER, NULL);
		if (summary.n == summary.size)
			summary.xids = repalloc_huge(summary.xids, (summary.size *= 2) * sizeof(uint64));
		summary.xids[summary.n++] = trace_xid(log, trace);
	}
	systable_endscan(scan);
	return summary;
}

static int
newest_first(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x > y ? -1 : x < y;
}

/* The xid of the oldest trace that there is room for; 0 if there is room for all. */
static uint64
bound_of_log(LogSummary *summary)
{
	if (summary->n <= MAX_LOG_ROWS)
		return 0;
	qsort(summary->xids, summary->n, sizeof(uint64), newest_first);
	return summary->xids[MAX_LOG_ROWS];
}

static bool
has_traces(const LogSummary *summary, const RowScope *row)
{
	Tag everything = EVERYTHING;
	bool found = hash_search(summary->tags, &everything, HASH_FIND, NULL) != NULL;

	for (uint32 i = 0; i < row->ntags && !found; i++)
		found = hash_search(summary->tags, &row->tags[i], HASH_FIND, NULL) != NULL;
	return found;
}

/* Where the definitions are not known, no row is answered: none is of definitions of this number. */
#define UNKNOWN_DEFINITIONS PG_UINT64_MAX

static Trust
look(TierRelation *opened, Snapshot snapshot)
{
	uint64 definitions;

	if (!day_definitions(&definitions))
		definitions = UNKNOWN_DEFINITIONS;
	return trust_look(&opened[TIER_SINCE], &opened[TIER_LOG], snapshot, definitions);
}

/* What cleaning looks at, under its snapshot. */
typedef struct Cleaning
{
	TierRelation opened[TIER_NTABLES];
	Snapshot snapshot;
	Trust trust;
	LogSummary summary;
} Cleaning;

static bool
is_good(Cleaning *cleaning, HeapTuple row, bool has_form, const RowScope *scope)
{
	Datum expires = tier_column(&cleaning->opened[TIER_ROWS], row, ROW_EXPIRES_AT);

	if (!has_form || DatumGetTimestampTz(expires) <= GetCurrentTimestamp() ||
		!trust_row_but_for_traces(&cleaning->trust, scope))
		return false;
	return !has_traces(&cleaning->summary, scope) ||
		   trust_row(&cleaning->trust, &cleaning->opened[TIER_LOG], cleaning->snapshot, scope);
}

/* Deletes at most so many rows; *needed becomes the oldest xid that the others need traces from. */
static int64
delete_rows(Cleaning *cleaning, int64 max_rows, uint64 *needed)
{
	TierRelation *rows = &cleaning->opened[TIER_ROWS];
	MemoryContext one_row = AllocSetContextCreate(CurrentMemoryContext, "row", ALLOCSET_SMALL_SIZES);
	SysScanDesc scan = tier_scan(rows, cleaning->snapshot, 0, NULL);
	MemoryContext caller = MemoryContextSwitchTo(one_row);
	int64 ndeleted = 0;
	HeapTuple row;

	while ((row = systable_getnext(scan)) != NULL)
	{
		RowScope scope;
		bool has_form = row_scope(rows, row, &scope);
		Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, scope.snapshot);

		CHECK_FOR_INTERRUPTS();
		if (ndeleted < max_rows && !is_good(cleaning, row, has_form, &scope) && tier_delete(rows, &row->t_self))
			ndeleted++;
		else
			*needed = Min(*needed, U64FromFullTransactionId(DatumGetFullTransactionId(xmin)));
		MemoryContextReset(one_row);
	}
	MemoryContextSwitchTo(caller);
	systable_endscan(scan);
	MemoryContextDelete(one_row);
	return ndeleted;
}

static void
delete_traces(TierRelation *log, Snapshot snapshot, uint64 before)
{
	SysScanDesc scan = tier_scan(log, snapshot, 0, NULL);
	HeapTuple trace;

	while ((trace = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (trace_xid(log, trace) < before)
			(void) tier_delete(log, &trace->t_self);
	}
	systable_endscan(scan);
}

int64
tier_clean(int64 max_rows)
{
	Cleaning cleaning;
	TierRelation *opened = cleaning.opened;
	MemoryContext context;
	MemoryContext caller;
	uint64 needed;
	int64 removed;

	/* A worker may be there before CREATE EXTENSION is committed; where rows alone are missing it is a failure. */
	if (!OidIsValid(tier_relid(TIER_LOG)))
		return 0;
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_open_or_fail(t, RowExclusiveLock, &opened[t]);
	/* What this transaction has kept or removed counts. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	context = AllocSetContextCreate(CurrentMemoryContext, "availability_cache cleaning", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	cleaning.snapshot = GetActiveSnapshot();
	cleaning.trust = look(opened, cleaning.snapshot);
	cleaning.summary = read_log(&opened[TIER_LOG], cleaning.snapshot);
	needed = full_xid_of(cleaning.snapshot->xmin);
	removed = delete_rows(&cleaning, max_rows, &needed);
	needed = Max(needed, bound_of_log(&cleaning.summary));
	if (trust_raise(&opened[TIER_SINCE], cleaning.snapshot, needed))
		delete_traces(&opened[TIER_LOG], cleaning.snapshot, needed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PopActiveSnapshot();
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_close(&opened[t]);
	CommandCounterIncrement();
	return removed;
}
