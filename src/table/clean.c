/*
 * clean.c
 *		Removes what the table tier no longer needs.
 *
 * Rows first: those that have expired, and those that trust.c would not
 * trust; and of a table that has no room, any of them, half of all.  The
 * tables may be large, so a cleaning looks at so many blocks of one, and the
 * next one of this process goes on there.  Then traces: one is needed
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
#include "common/pg_prng.h"
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

/* The rows that were looked at, from the first kind's first block on. */
typedef struct Sweep
{
	uint8 format; /* 0: to begin */
	Oid relid;
	BlockNumber next;
	bool halves;   /* the table had no room */
	uint64 needed; /* the oldest xid that the rows which are left need traces from */
} Sweep;

static Sweep sweep = {0};

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

/* What cleaning looks at, under its snapshot. */
typedef struct Cleaning
{
	TierRelation since;
	TierRelation log;
	Snapshot snapshot;
	Trust trust;							/* with the definitions of the kind that is looked at */
	const RowKind *kind;					/* whose table it is */
	uint64 definitions[ROW_MAX_FORMAT + 1]; /* of each kind in it, by its format */
	TierRelation rows;
} Cleaning;

/* Where the definitions are not known, no row is answered: none is of definitions of this number. */
#define UNKNOWN_DEFINITIONS PG_UINT64_MAX

static void
look_at_definitions(Cleaning *cleaning)
{
	for (uint8 format = 0; format <= ROW_MAX_FORMAT; format++)
	{
		const RowKind *kind = row_kind(format);
		uint64 *definitions = &cleaning->definitions[format];

		if (kind == NULL || row_table(kind) != row_table(cleaning->kind) ||
			!kind->definitions(definitions, true))
			*definitions = UNKNOWN_DEFINITIONS;
	}
}

/* False if there is no such kind, or it has no table of its own. */
static bool
open_kind(Cleaning *cleaning, uint8 format)
{
	cleaning->kind = row_kind(format);
	if (cleaning->kind == NULL || cleaning->kind->beside != NULL)
		return false;
	tier_open_or_fail(row_table(cleaning->kind), RowExclusiveLock, &cleaning->rows);
	look_at_definitions(cleaning);
	return true;
}

static bool
is_good(Cleaning *cleaning, HeapTuple row, bool has_form, const RowScope *scope)
{
	Datum expires = tier_column(&cleaning->rows, row, cleaning->kind->expires_at);

	cleaning->trust.definitions = scope->format <= ROW_MAX_FORMAT ? cleaning->definitions[scope->format]
																  : UNKNOWN_DEFINITIONS;
	return has_form && DatumGetTimestampTz(expires) > GetCurrentTimestamp() &&
		   trust_row(&cleaning->trust, &cleaning->log, cleaning->snapshot, scope);
}

/* Deletes the row unless it is good, or max_rows are deleted already; says so. */
static bool
look_at_row(Cleaning *cleaning, HeapTuple row, bool may_delete, Sweep *at)
{
	RowScope scope;
	bool has_form = row_scope(cleaning->kind, &cleaning->rows, row, &scope);
	Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, scope.snapshot);
	bool is_left = at->halves && pg_prng_bool(&pg_global_prng_state);

	if (may_delete && (is_left || !is_good(cleaning, row, has_form, &scope)) &&
		tier_delete(&cleaning->rows, &row->t_self))
		return true;
	at->needed = Min(at->needed, U64FromFullTransactionId(DatumGetFullTransactionId(xmin)));
	return false;
}

/* Looks at rows from one block on, up to another, and deletes at most so many of them; returns how many. */
static int64
look_at_blocks(Sweep *at, Cleaning *cleaning, BlockNumber last, int64 max_rows)
{
	Relation rel = cleaning->rows.rel;
	MemoryContext one_row = AllocSetContextCreate(CurrentMemoryContext, "row", ALLOCSET_SMALL_SIZES);
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
		ndeleted += look_at_row(cleaning, ExecFetchSlotHeapTuple(slot, false, NULL), ndeleted < max_rows, at);
		MemoryContextReset(one_row);
	}
	MemoryContextSwitchTo(caller);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(one_row);
	return ndeleted;
}

/* Goes on with the rows of a kind that is open, in so many blocks at most. */
static int64
go_on(Sweep *at, Cleaning *cleaning, int64 max_rows, BlockNumber *left)
{
	Relation rel = cleaning->rows.rel;
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	BlockNumber n;
	int64 removed = 0;

	if (at->relid != RelationGetRelid(rel))
	{
		at->relid = RelationGetRelid(rel);
		at->next = 0;
		at->halves = row_was_full(cleaning->kind);
	}
	n = at->next < nblocks ? Min(nblocks - at->next, *left) : 0;
	if (n > 0)
		removed = look_at_blocks(at, cleaning, at->next + n, max_rows);
	*left -= n;
	return removed;
}

/* Whether all rows of the kind that is open have been looked at. */
static bool
is_through(const Sweep *at, const Cleaning *cleaning)
{
	return at->next >= RelationGetNumberOfBlocks(cleaning->rows.rel);
}

/*
 * Looks at rows; *needed becomes the oldest xid whose traces have to stay, as far as
 * it is known; returns how many rows went.
 */
static int64
clean_rows(Cleaning *cleaning, int64 max_rows, BlockNumber max_blocks, uint64 *needed)
{
	Sweep whole = {0};
	Sweep *at = max_blocks == MaxBlockNumber ? &whole : &sweep;
	int64 removed = 0;

	*needed = 0;
	if (at->format == 0)
		*at = (Sweep){.format = 1, .needed = full_xid_of(cleaning->snapshot->xmin)};
	while (at->format <= TIER_ROW_TABLES)
	{
		if (open_kind(cleaning, at->format))
		{
			bool through;

			removed += go_on(at, cleaning, max_rows - removed, &max_blocks);
			through = is_through(at, cleaning);
			tier_close(&cleaning->rows);
			if (!through)
				return removed;
		}
		at->format++;
		at->relid = InvalidOid;
	}
	*needed = at->needed;
	/* The next one begins anew. */
	at->format = 0;
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
	if (!cleaning->trust.active)
		delete_traces(&cleaning->log, cleaning->snapshot, PG_UINT64_MAX);
	else
	{
		needed = Max(needed, bound_of_log(&cleaning->log, cleaning->snapshot));
		if (trust_raise(&cleaning->since, cleaning->snapshot, needed))
			delete_traces(&cleaning->log, cleaning->snapshot, needed);
	}
}

int64
tier_clean(int64 max_rows, BlockNumber max_blocks)
{
	Cleaning cleaning;
	MemoryContext context;
	MemoryContext caller;
	uint64 needed;
	int64 removed;

	/*
	 * A worker may be there before CREATE EXTENSION is committed; where rows alone are
	 * missing it is a failure.
	 */
	if (!OidIsValid(tier_relid(TIER_LOG)))
		return 0;
	tier_open_or_fail(TIER_LOG, RowExclusiveLock, &cleaning.log);
	tier_open_or_fail(TIER_SINCE, RowExclusiveLock, &cleaning.since);
	/* What this transaction has kept or removed counts. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	context = AllocSetContextCreate(CurrentMemoryContext, "availability_cache cleaning",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	cleaning.snapshot = GetActiveSnapshot();
	cleaning.trust = trust_look(&cleaning.since, &cleaning.log, cleaning.snapshot, UNKNOWN_DEFINITIONS);
	removed = clean_rows(&cleaning, max_rows, max_blocks, &needed);
	clean_log(&cleaning, needed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PopActiveSnapshot();
	tier_close(&cleaning.since);
	tier_close(&cleaning.log);
	CommandCounterIncrement();
	return removed;
}
