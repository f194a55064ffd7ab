/*
 * scan.c
 *		Rows of an attached table, found by its indexes without a query.
 *
 * A prepared query takes a lock on each partition before it knows which ones
 * it needs, has to be planned in each session and after each ANALYZE, and
 * costs more to start than the few rows it finds.  Here the partitions are
 * picked by their bounds, an index by its first columns, and each table is let
 * go when it has been read; under REPEATABLE READ its lock is kept, as a later
 * command of the transaction may read it under the same snapshot.
 *
 * Only columns of built-in types are looked at, with the types' own functions,
 * and indexes of conditions are not evaluated: so no code of a table's owner
 * runs, and nobody is switched to, but for where a partition key is made.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "slots/scan.h"
#include "slots/sources.h"
#include "slots/table_plan.h"

/* Tables of up to so many blocks are read whole where they have no index. */
#define SMALL_TABLE 16

Datum
scanned_value(const ScannedRow *row, int i, bool *isnull)
{
	if (row->attnums[i] == InvalidAttrNumber)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return heap_getattr(row->tuple, row->attnums[i], row->desc, isnull);
}

/* ---- one table ---- */

static int
make_keys(const SourceScan *scan, const TablePlan *plan, ScanKeyData *keys)
{
	AttrNumber key = plan->attnums[scan->key];
	AttrNumber time;

	if (scan->id == NULL)
	{
		ScanKeyEntryInitialize(&keys[0], SK_ISNULL | SK_SEARCHNULL, key, InvalidStrategy, InvalidOid,
							   InvalidOid, InvalidOid, (Datum) 0);
		return 1;
	}
	ScanKeyInit(&keys[0], key, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(scan->id));
	if (!plan->timed)
		return 1;
	time = plan->attnums[scan->time];
	ScanKeyInit(&keys[1], time, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
				TimestampTzGetDatum(scan->at.from));
	ScanKeyInit(&keys[2], time, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
				TimestampTzGetDatum(scan->at.to));
	return 3;
}

/* By a btree, or the whole table. */
static void
visit_in_order(Relation rel, const SourceScan *scan, const TablePlan *plan, ScannedRow *row)
{
	bool by_index = OidIsValid(plan->index);
	ScanKeyData keys[3];
	int nkeys = by_index ? make_keys(scan, plan, keys) : 0;
	SysScanDesc desc = systable_beginscan(rel, plan->index, by_index, GetActiveSnapshot(), nkeys, keys);

	while ((row->tuple = systable_getnext(desc)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		scan->visit(row, scan->arg);
	}
	systable_endscan(desc);
}

/* What an index finds too much is left to the visitor. */
static void
visit_by_range(Relation rel, const SourceScan *scan, const TablePlan *plan, ScannedRow *row)
{
	Relation index = index_open(plan->index, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ScanKeyData keys[2];
	int nkeys = range_keys(scan, plan->ranges, keys);
	IndexScanDesc desc = AC_INDEX_BEGINSCAN(rel, index, GetActiveSnapshot(), nkeys);

	index_rescan(desc, keys, nkeys, NULL, 0);
	while (index_getnext_slot(desc, ForwardScanDirection, slot))
	{
		bool copied;

		CHECK_FOR_INTERRUPTS();
		row->tuple = ExecFetchSlotHeapTuple(slot, false, &copied);
		scan->visit(row, scan->arg);
	}
	index_endscan(desc);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
}

static void
visit_rows(Relation rel, const SourceScan *scan, const TablePlan *plan)
{
	ScannedRow row = {.role = scan->role, .desc = RelationGetDescr(rel), .attnums = plan->attnums};

	if (OidIsValid(plan->index) && plan->is_range)
		visit_by_range(rel, scan, plan, &row);
	else
		visit_in_order(rel, scan, plan, &row);
}

/* Of unlogged tables a standby has nothing, as the query says. */
static bool
has_plain_rows(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_tableam == GetHeapamTableAmRoutine() &&
		   !rel->rd_rel->relhassubclass &&
		   (rel->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT || !RecoveryInProgress());
}

static bool
scan_table(Relation rel, const SourceScan *scan, bool whole)
{
	TablePlan plan;

	if (!has_plain_rows(rel))
		return false;
	plan = table_plan(rel, scan);
	if (!plan.readable)
		return false;
	if (whole)
		plan.index = InvalidOid;
	if (!OidIsValid(plan.index) && RelationGetNumberOfBlocks(rel) > SMALL_TABLE)
		return false;
	visit_rows(rel, scan, &plan);
	return true;
}

/* ---- partitions ---- */

static bool scan_relation(Oid relid, const SourceScan *scan, bool whole);

/* To make it, the server runs functions in it that have constant arguments. */
static PartitionKey
partition_key(Relation rel)
{
	SavedUser saved;
	PartitionKey key;

	if (rel->rd_partkey != NULL)
		return rel->rd_partkey;
	saved = switch_user(rel->rd_rel->relowner);
	key = RelationGetPartitionKey(rel);
	restore_user(saved);
	return key;
}

/* Whether partitions are ranges of what the scan has a range of, perhaps with other columns behind. */
static bool
is_by_time(Relation rel, PartitionKey key, const SourceScan *scan)
{
	return scan->time >= 0 && key->strategy == PARTITION_STRATEGY_RANGE &&
		   key->partattrs[0] ==
			   get_attnum(RelationGetRelid(rel), source_column_at(scan->role, scan->time)->name) &&
		   key->partsupfunc[0].fn_oid == F_TIMESTAMPTZ_CMP;
}

/* The i-th bound's time. */
static TimestampTz
bound_time(PartitionBoundInfo bounds, int i)
{
	switch (bounds->kind[i][0])
	{
		case PARTITION_RANGE_DATUM_MINVALUE:
			return DT_NOBEGIN;
		case PARTITION_RANGE_DATUM_MAXVALUE:
			return DT_NOEND;
		default:
			return DatumGetTimestampTz(bounds->datums[i][0]);
	}
}

/* Where the first bound from a moment on is. */
static int
first_bound_from(PartitionBoundInfo bounds, TimestampTz moment)
{
	int low = 0;
	int high = bounds->ndatums;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (bound_time(bounds, middle) < moment)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * What lies between two bounds belongs to the partition of the upper one, or if that
 * has none to the default one.
 */
static List *
partitions_by_time(PartitionDesc parts, const SourceScan *scan)
{
	PartitionBoundInfo bounds = parts->boundinfo;
	List *found = NIL;

	for (int i = first_bound_from(bounds, scan->at.from);
		 i <= bounds->ndatums && (i == 0 || bound_time(bounds, i - 1) <= scan->at.to); i++)
	{
		int part = bounds->indexes[i] >= 0 ? bounds->indexes[i] : bounds->default_index;

		if (part >= 0)
			found = list_append_unique_oid(found, parts->oids[part]);
	}
	return found;
}

static bool
scan_partitions(Relation rel, const SourceScan *scan, bool whole)
{
	PartitionKey key = partition_key(rel);
	PartitionDesc parts = RelationGetPartitionDesc(rel, true);
	List *found = NIL;
	ListCell *cell;
	bool scanned = true;

	if (parts->nparts > 0 && is_by_time(rel, key, scan))
		found = partitions_by_time(parts, scan);
	else
	{
		for (int i = 0; i < parts->nparts; i++)
			found = lappend_oid(found, parts->oids[i]);
	}
	foreach(cell, found)
		scanned = scanned && scan_relation(lfirst_oid(cell), scan, whole);
	list_free(found);
	return scanned;
}

static bool
scan_relation(Oid relid, const SourceScan *scan, bool whole)
{
	Relation rel = table_open(relid, AccessShareLock);
	bool scanned;

	check_stack_depth();
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		scanned = scan_partitions(rel, scan, whole);
	else
		scanned = scan_table(rel, scan, whole);
	table_close(rel, IsolationUsesXactSnapshot() ? NoLock : AccessShareLock);
	return scanned;
}

/* ---- a source ---- */

/* A query says in its own words why not. */
static bool
may_read(SourceRole role)
{
	Oid relid = source_relid(role);
	Oid owner = source_owner(role);

	return pg_class_aclcheck(relid, owner, ACL_SELECT) == ACLCHECK_OK &&
		   AC_MAY_USE_SCHEMA(get_rel_namespace(relid), owner);
}

static bool
scan_source(const SourceScan *scan, bool whole)
{
	return !IgnoreSystemIndexes && may_read(scan->role) &&
		   scan_relation(source_relid(scan->role), scan, whole);
}

bool
source_scan(const SourceScan *scan)
{
	return scan_source(scan, false);
}

bool
source_scan_whole(const SourceScan *scan)
{
	return scan_source(scan, true);
}
