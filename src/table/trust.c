/*
 * trust.c
 *		Which rows of private.availability_cache hold every change.
 *
 * A row carries the pg_snapshot it was computed under.  A transaction that
 * changes availability leaves traces in availability_cache.invalidation
 * (log.c): a tag that it touched, and its xid.  A reader trusts a row if, for
 * each tag that it depends on, every trace that the reader's snapshot sees
 * comes from a transaction that the row's snapshot sees.  This is plain MVCC: it needs no
 * lock, and holds at every isolation level, for savepoints, prepared transactions and on
 * standbys.
 *
 * The traces are complete only for transactions from some xid on: the one in
 * availability_cache.invalidation_since.  A row whose snapshot does not see
 * everything before that xid is not trusted, and where the table is empty no
 * row is.  So whoever leaves no trace deletes that row, which needs no space;
 * removing old traces raises it.  To begin again takes two steps:
 *
 *	1 NOT_YET is inserted.  Once that transaction is over, its invalidation
 *	  message sent, every writer leaves traces that looks from then on.
 *	2 It is replaced by the next xid.  Writers look when they have an xid, so
 *	  those that looked before 1 was over have smaller xids.
 *
 * If that row cannot be deleted either (it is locked, or another transaction
 * is at it), the writer's xid goes into the sequence
 * availability_cache.distrusted, which takes effect at once and stays if the
 * transaction is rolled back: rows whose snapshot does not see everything up
 * to that xid are not trusted.
 *
 * Traces tell of rows that change.  That definitions changed (DDL, a trigger
 * that was disabled for a while, a role) nobody writes down, since a session
 * that runs DDL may never have loaded the library.  So a row carries what the
 * catalogs said of the attached tables when it was computed, and of the log,
 * from which somebody may have removed traces while its triggers were
 * disabled; a reader compares it with what they say now.
 *
 * Locking: see tables.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "base/guard.h"
#include "base/relcache.h"
#include "base/test_hooks.h"
#include "table/trust.h"

/* In invalidation_since: traces are being left, but not by everybody yet. */
#define NOT_YET PG_UINT64_MAX

/* Whether traces are left in this database, as invalidation_since said last. */
static Oid known_relid = InvalidOid;
static bool known_active = false;

static void
forget_active(Oid relid)
{
	if (relid == known_relid || !OidIsValid(relid))
		known_relid = InvalidOid;
}

void
trust_init(void)
{
	relcache_notify(forget_active);
}

typedef struct Since
{
	bool exists;
	uint64 xid;
	TransactionId xmin; /* that inserted the row, a subtransaction's */
	ItemPointerData tid;
} Since;

/* The greatest, should there be more rows. */
static Since
read_since(TierRelation *table, Snapshot snapshot)
{
	SysScanDesc scan = tier_scan(table, snapshot, 0, NULL);
	Since since = {false};
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		uint64 xid = U64FromFullTransactionId(
			DatumGetFullTransactionId(tier_column(table, tuple, SINCE_XID)));

		if (since.exists && xid < since.xid)
			continue;
		since.exists = true;
		since.xid = xid;
		since.xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		since.tid = tuple->t_self;
	}
	systable_endscan(scan);
	return since;
}

/* As of now; under one snapshot, since cleaning replaces the row. */
static Since
read_latest_since(TierRelation *table)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	Since since = read_since(table, snapshot);

	UnregisterSnapshot(snapshot);
	return since;
}

bool
trust_is_active(void)
{
	Oid relid;
	TierRelation table;

	/* Of any change of the table, its being dropped included, a message tells. */
	AcceptInvalidationMessages();
	if (OidIsValid(known_relid))
		return known_active;
	relid = tier_relid(TIER_SINCE);
	if (!OidIsValid(relid))
		return false;
	/* Whoever cannot look must leave a trace. */
	if (tier_open(TIER_SINCE, AccessShareLock, &table) != TIER_OPENED)
		return true;
	known_relid = relid;
	known_active = read_latest_since(&table).exists;
	tier_close(&table);
	/* A message that came meanwhile has forgotten it again. */
	return known_relid == relid ? known_active : true;
}

static void
insert_since(TierRelation *table, uint64 xid)
{
	Datum values[SINCE_NCOLUMNS] = {FullTransactionIdGetDatum(FullTransactionIdFromU64(xid))};
	bool nulls[SINCE_NCOLUMNS] = {false};

	tier_insert(table, values, nulls);
	CacheInvalidateRelcache(table->rel);
}

static bool
is_ready(const Since *since)
{
	return since->exists && since->xid != NOT_YET;
}

/* The next step, as the only one who takes one; others may have taken some since seen. */
static void
take_step(TierRelation *table, const Since *seen)
{
	Since since = AC_MUTATED(AC_MUTANT_OLD_START) ? *seen : read_latest_since(table);

	if (is_ready(&since))
		return;
	if (!since.exists)
		insert_since(table, AC_MUTATED(AC_MUTANT_ONE_STEP_START)
								? U64FromFullTransactionId(ReadNextFullTransactionId())
								: NOT_YET);
	/*
	 * The claim is free, so that transaction has let go of its locks, which
	 * it does after it has sent its message.
	 */
	else if (!TransactionIdIsCurrentTransactionId(since.xmin))
	{
		uint64 next = U64FromFullTransactionId(ReadNextFullTransactionId());

		if (tier_delete(table, &since.tid))
			insert_since(table, next);
	}
}

bool
trust_start(void)
{
	TierRelation table;
	Since since;

	tier_open_or_fail(TIER_SINCE, RowExclusiveLock, &table);
	since = read_latest_since(&table);
	AC_TEST_SLEEP(ac_sleep_before_claim);
	if (!is_ready(&since) && tier_claim(&table, 0))
		take_step(&table, &since);
	tier_close(&table);
	CommandCounterIncrement();
	return is_ready(&since);
}

bool
trust_raise(TierRelation *table, Snapshot snapshot, uint64 xid)
{
	Since since = read_since(table, snapshot);
	Datum values[SINCE_NCOLUMNS] = {FullTransactionIdGetDatum(FullTransactionIdFromU64(xid))};
	bool nulls[SINCE_NCOLUMNS] = {false};

	if (!since.exists || since.xid >= xid || !tier_delete(table, &since.tid))
		return false;
	/* The row is there as before: nobody needs to be told. */
	tier_insert(table, values, nulls);
	return true;
}

/* Cleaning may replace the row while it is looked at, and somebody have put in more than one. */
#define DELETE_ATTEMPTS 3

/* False if another transaction is at one of them. */
static bool
delete_rows_of_since(TierRelation *table)
{
	for (int i = 0; i < DELETE_ATTEMPTS; i++)
	{
		Since since = read_latest_since(table);

		if (!since.exists)
			return true;
		if (tier_delete(table, &since.tid))
			CommandCounterIncrement();
		if (AC_MUTATED(AC_MUTANT_OLD_START))
			return true;
	}
	return !read_latest_since(table).exists;
}

static void
delete_since(void *arg)
{
	bool *deleted = arg;
	TierRelation table;

	tier_open_or_fail(TIER_SINCE, RowExclusiveLock, &table);
	*deleted = delete_rows_of_since(&table);
	CacheInvalidateRelcache(table.rel);
	tier_close(&table);
}

static void
raise_distrusted(void *arg)
{
	tier_sequence_raise(U64FromFullTransactionId(GetTopFullTransactionId()));
}

bool
trust_stop_by_sequence(void)
{
	return guarded(raise_distrusted, NULL) == NULL;
}

bool
trust_stop(void)
{
	bool deleted = false;

	return guarded(delete_since, &deleted) == NULL && deleted;
}

/* ---- reading ---- */

/* What the row depends on, as an array of bigint. */
static Datum
tags_of(const RowScope *row)
{
	Datum *tags = palloc((row->ntags + 1) * sizeof(Datum));

	tags[0] = Int64GetDatum(EVERYTHING);
	for (uint32 i = 0; i < row->ntags; i++)
		tags[i + 1] = Int64GetDatum(row->tags[i]);
	return PointerGetDatum(
		construct_array(tags, row->ntags + 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * Whether a trace of one of its tags, that the snapshot sees, is of a transaction that
 * the row's does not see.
 */
static bool
is_outdated(TierRelation *log, Snapshot snapshot, const RowScope *row)
{
	/* The row's snapshot sees what came before. */
	Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, row->snapshot);
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool outdated = false;
	HeapTuple trace;

	ScanKeyEntryInitialize(&keys[0], SK_SEARCHARRAY, LOG_TAG, BTEqualStrategyNumber, InvalidOid, InvalidOid,
						   F_INT8EQ, tags_of(row));
	ScanKeyInit(&keys[1], LOG_XID, BTGreaterEqualStrategyNumber, F_XID8GE, xmin);
	scan = tier_scan(log, snapshot, lengthof(keys), keys);
	while (!outdated && (trace = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		outdated = !AC_MUTATED(AC_MUTANT_NO_SNAPSHOT_CHECK) &&
				   !DatumGetBool(DirectFunctionCall2(pg_visible_in_snapshot, tier_column(log, trace, LOG_XID),
													 row->snapshot));
	}
	systable_endscan(scan);
	return outdated;
}

/* Adds what the rows of a catalog that the key finds say to the number, in any order. */
static uint64
catalog_state(Oid catalog, Oid index, AttrNumber column, Oid relid, Snapshot snapshot,
			  uint64 (*state_of)(HeapTuple, Oid relid))
{
	Relation rel = table_open(catalog, AccessShareLock);
	uint64 state = 0;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, index, true, snapshot, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
		state += state_of(tuple, relid);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return state;
}

/* A trigger that was disabled and enabled again is another row. */
static uint64
state_of_trigger(HeapTuple tuple, Oid relid)
{
	uint32 row[] = {((Form_pg_trigger) GETSTRUCT(tuple))->oid, HeapTupleHeaderGetRawXmin(tuple->t_data)};

	return hash_bytes_extended((const unsigned char *) row, sizeof(row), relid);
}

/* What empties a table at once gives it another file: also under a snapshot that is older. */
static uint64
state_of_table(HeapTuple tuple, Oid relid)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
	uint32 row[] = {form->relfilenode, form->relpersistence};

	return hash_bytes_extended((const unsigned char *) row, sizeof(row), relid);
}

uint64
trust_log_state(TierRelation *since, TierRelation *log, Snapshot snapshot)
{
	TierRelation *tables[] = {since, log};
	uint64 state = 0;

	for (int i = 0; i < lengthof(tables); i++)
	{
		Oid relid = RelationGetRelid(tables[i]->rel);

		state += catalog_state(TriggerRelationId, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid, relid,
							   snapshot, state_of_trigger);
		state += catalog_state(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid, snapshot,
							   state_of_table);
		state += tables[i]->rel->rd_rel->relfilenode;
	}
	return state;
}

Trust
trust_look(TierRelation *since_table, TierRelation *log, Snapshot snapshot, uint64 definitions)
{
	Since since = read_since(since_table, snapshot);

	return (Trust){.active = since.exists,
				   .since = since.xid,
				   .distrusted = since.exists ? tier_sequence_read() : PG_UINT64_MAX,
				   .definitions = definitions,
				   .log_state = trust_log_state(since_table, log, snapshot)};
}

bool
trust_row_but_for_traces(const Trust *trust, const RowScope *row)
{
	Datum xmin = DirectFunctionCall1(pg_snapshot_xmin, row->snapshot);
	uint64 seen = U64FromFullTransactionId(DatumGetFullTransactionId(xmin));

	if ((row->definitions != trust->definitions && !AC_MUTATED(AC_MUTANT_NO_DEFINITIONS_CHECK)) ||
		(row->log_state != trust->log_state && !AC_MUTATED(AC_MUTANT_NO_LOG_CHECK)))
		return false;
	return trust->active && (seen >= trust->since || AC_MUTATED(AC_MUTANT_NO_SINCE_CHECK)) &&
		   (seen > trust->distrusted || AC_MUTATED(AC_MUTANT_NO_DISTRUST));
}

bool
trust_row(const Trust *trust, TierRelation *log, Snapshot snapshot, const RowScope *row)
{
	return trust_row_but_for_traces(trust, row) && !is_outdated(log, snapshot, row);
}

bool
trust_ends_soon(const RowScope *row)
{
	SnapshotData dirty;
	TierRelation log;
	bool outdated;

	InitDirtySnapshot(dirty);
	tier_open_or_fail(TIER_LOG, AccessShareLock, &log);
	outdated = is_outdated(&log, &dirty, row);
	tier_close(&log);
	return outdated;
}
