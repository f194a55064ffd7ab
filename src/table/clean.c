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

static bool
is_good(const Trust *trust, TierRelation *log, Snapshot snapshot, TimestampTz expires, const RowScope *scope)
{
	return expires > GetCurrentTimestamp() && trust_row(trust, log, snapshot, scope);
}

/* Where the definitions are not known, no row is answered: none is of definitions of this number. */
#define UNKNOWN_DEFINITIONS PG_UINT64_MAX

static Trust
look(TierRelation opened[TIER_NTABLES], Snapshot snapshot)
{
	uint64 definitions;

	if (!day_definitions(&definitions))
		definitions = UNKNOWN_DEFINITIONS;
	return trust_look(&opened[TIER_SINCE], &opened[TIER_LOG], snapshot, definitions);
}

/* Deletes at most so many rows; *needed becomes the oldest xid that the others need traces from. */
static int64
delete_rows(TierRelation opened[TIER_NTABLES], Snapshot snapshot, int64 max_rows, uint64 *needed)
{
	Trust trust = look(opened, snapshot);
	MemoryContext one_row = AllocSetContextCreate(CurrentMemoryContext, "row", ALLOCSET_SMALL_SIZES);
	SysScanDesc scan = tier_scan(&opened[TIER_ROWS], snapshot, 0, NULL);
	MemoryContext caller = MemoryContextSwitchTo(one_row);
	int64 ndeleted = 0;
	HeapTuple row;

	while ((row = systable_getnext(scan)) != NULL)
	{
		RowScope scope = row_scope(&opened[TIER_ROWS], row);
		Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, scope.snapshot);
		TimestampTz expires = DatumGetTimestampTz(tier_column(&opened[TIER_ROWS], row, ROW_EXPIRES_AT));

		CHECK_FOR_INTERRUPTS();
		if (ndeleted < max_rows && !is_good(&trust, &opened[TIER_LOG], snapshot, expires, &scope) &&
			tier_delete(&opened[TIER_ROWS], &row->t_self))
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

/* The xid of the oldest trace that there is room for; 0 if there is room for all. */
static uint64
bound_of_log(TierRelation *log, Snapshot snapshot)
{
	SysScanDesc scan = tier_scan(log, snapshot, 0, NULL);
	Size size = 1024;
	uint64 *xids = palloc(size * sizeof(uint64));
	Size n = 0;
	HeapTuple trace;
	uint64 bound = 0;

	while ((trace = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (n == size)
			xids = repalloc_huge(xids, (size *= 2) * sizeof(uint64));
		xids[n++] = trace_xid(log, trace);
	}
	systable_endscan(scan);
	if (n > MAX_LOG_ROWS)
	{
		qsort(xids, n, sizeof(uint64), newest_first);
		bound = xids[MAX_LOG_ROWS];
	}
	pfree(xids);
	return bound;
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
	TierRelation opened[TIER_NTABLES];
	Snapshot snapshot;
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
	snapshot = GetActiveSnapshot();
	needed = full_xid_of(snapshot->xmin);
	removed = delete_rows(opened, snapshot, max_rows, &needed);
	needed = Max(needed, bound_of_log(&opened[TIER_LOG], snapshot));
	if (trust_raise(&opened[TIER_SINCE], snapshot, needed))
		delete_traces(&opened[TIER_LOG], snapshot, needed);
	PopActiveSnapshot();
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_close(&opened[t]);
	CommandCounterIncrement();
	return removed;
}
