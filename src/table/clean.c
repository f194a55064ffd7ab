/*
 * clean.c
 *		Removes what the table tier no longer needs.
 *
 * Rows first: those that have expired, and those that trust.c would not
 * trust.  The table may be large, so a cleaning looks at so many blocks of it,
 * and the next one of this process goes on there.  Then traces: one is needed
 * while a row's snapshot does not see its transaction.  When all rows were
 * looked at, the oldest xid that is still needed goes into
 * invalidation_since, and older traces go, in the same transaction.  A row that is kept
 * meanwhile under an older snapshot, or is not there yet when its block is looked at, is not
 * trusted then: so any xid may go there, and where the log is too long a later one does,
 * whatever rows need its traces.  While there is no such row nothing is
 * trusted, and no trace is needed.
 *
 * Locking: see tables.c; rows that others are changing are skipped.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgrprotos.h"
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

/* More traces than this are not kept, whatever rows need them; so many blocks may have that many. */
#define MAX_LOG_ROWS 100000
#define MAX_LOG_BLOCKS (MAX_LOG_ROWS / MaxHeapTuplesPerPage)

/* The rows that were looked at, from the first block on. */
typedef struct Sweep
{
	Oid relid;
	BlockNumber next;
	uint64 needed; /* the oldest xid that those which are left need traces from */
} Sweep;

static Sweep sweep = {InvalidOid};

static uint64
trace_xid(TierRelation *log, HeapTuple trace)
{
	return U64FromFullTransactionId(DatumGetFullTransactionId(tier_column(log, trace, LOG_XID)));
}

static int
newest_first(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x > y ? -1 : x < y;
}

/* The xid from which on there is room for traces; 0 if there is room for all. */
static uint64
bound_of_log(TierRelation *log, Snapshot snapshot)
{
	Size size = 2 * MAX_LOG_ROWS;
	Size n = 0;
	uint64 *xids;
	SysScanDesc scan;
	HeapTuple trace;

	if (RelationGetNumberOfBlocks(log->rel) <= MAX_LOG_BLOCKS)
		return 0;
	xids = palloc(size * sizeof(uint64));
	scan = tier_scan(log, snapshot, 0, NULL);
	while ((trace = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (n == size)
			xids = repalloc_huge(xids, (size *= 2) * sizeof(uint64));
		xids[n++] = trace_xid(log, trace);
	}
	systable_endscan(scan);
	if (n <= MAX_LOG_ROWS)
		return 0;
	qsort(xids, n, sizeof(uint64), newest_first);
	return xids[MAX_LOG_ROWS] + 1;
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
} Cleaning;

static bool
is_good(Cleaning *cleaning, HeapTuple row, bool has_form, const RowScope *scope)
{
	Datum expires = tier_column(&cleaning->opened[TIER_ROWS], row, ROW_EXPIRES_AT);

	return has_form && DatumGetTimestampTz(expires) > GetCurrentTimestamp() &&
		   trust_row(&cleaning->trust, &cleaning->opened[TIER_LOG], cleaning->snapshot, scope);
}

/* Deletes the row unless it is good, or max_rows are deleted already; says so. */
static bool
look_at_row(Cleaning *cleaning, HeapTuple row, bool may_delete, uint64 *needed)
{
	TierRelation *rows = &cleaning->opened[TIER_ROWS];
	RowScope scope;
	bool has_form = row_scope(rows, row, &scope);
	Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, scope.snapshot);

	if (may_delete && !is_good(cleaning, row, has_form, &scope) && tier_delete(rows, &row->t_self))
		return true;
	*needed = Min(*needed, U64FromFullTransactionId(DatumGetFullTransactionId(xmin)));
	return false;
}

/* Looks at so many blocks of the rows, and deletes at most so many of them; returns how many. */
static int64
go_on(Sweep *at, Cleaning *cleaning, int64 max_rows, BlockNumber max_blocks)
{
	Relation rel = cleaning->opened[TIER_ROWS].rel;
	MemoryContext one_row = AllocSetContextCreate(CurrentMemoryContext, "row", ALLOCSET_SMALL_SIZES);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	BlockNumber last = Min(nblocks - at->next, max_blocks) + at->next;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData from;
	ItemPointerData to;
	TableScanDesc scan;
	MemoryContext caller;
	int64 ndeleted = 0;

	ItemPointerSet(&from, at->next, FirstOffsetNumber);
	ItemPointerSet(&to, last - 1, MaxOffsetNumber);
	at->next = last;
	scan = table_beginscan_tidrange(rel, cleaning->snapshot, &from, &to);
	caller = MemoryContextSwitchTo(one_row);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		ndeleted += look_at_row(cleaning, ExecFetchSlotHeapTuple(slot, false, NULL), ndeleted < max_rows, &at->needed);
		MemoryContextReset(one_row);
	}
	MemoryContextSwitchTo(caller);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(one_row);
	return ndeleted;
}

/* Looks at rows; *needed becomes the oldest xid whose traces have to stay, as far as it is known; returns how many rows went. */
static int64
clean_rows(Cleaning *cleaning, int64 max_rows, BlockNumber max_blocks, uint64 *needed)
{
	Relation rel = cleaning->opened[TIER_ROWS].rel;
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	Sweep whole = {InvalidOid};
	Sweep *at = max_blocks == MaxBlockNumber ? &whole : &sweep;
	int64 removed = 0;

	*needed = 0;
	if (at->relid != RelationGetRelid(rel))
		*at = (Sweep){.relid = RelationGetRelid(rel), .needed = full_xid_of(cleaning->snapshot->xmin)};
	if (at->next < nblocks)
		removed = go_on(at, cleaning, max_rows, max_blocks);
	if (at->next >= nblocks)
	{
		*needed = at->needed;
		/* The next one begins anew. */
		at->relid = InvalidOid;
	}
	return removed;
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

static void
clean_log(Cleaning *cleaning, uint64 needed)
{
	TierRelation *log = &cleaning->opened[TIER_LOG];

	if (!cleaning->trust.active)
		delete_traces(log, cleaning->snapshot, PG_UINT64_MAX);
	else
	{
		needed = Max(needed, bound_of_log(log, cleaning->snapshot));
		if (trust_raise(&cleaning->opened[TIER_SINCE], cleaning->snapshot, needed))
			delete_traces(log, cleaning->snapshot, needed);
	}
}

int64
tier_clean(int64 max_rows, BlockNumber max_blocks)
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
	removed = clean_rows(&cleaning, max_rows, max_blocks, &needed);
	clean_log(&cleaning, needed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PopActiveSnapshot();
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_close(&opened[t]);
	CommandCounterIncrement();
	return removed;
}
