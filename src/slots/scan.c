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
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
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
#include "slots/long_index.h"
#include "slots/scan.h"
#include "slots/sources.h"

/* Tables of up to so many blocks are read whole where they have no index. */
#define SMALL_TABLE 16

/* An index of a table that is about to be read. */
typedef struct IndexChoice
{
	Oid index;	/* InvalidOid: none will do */
	bool timed; /* its second column is the scan's time */
	bool long_only;
} IndexChoice;

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

/* ---- which index ---- */

static bool
is_usable(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisvalid && form->indislive && index->rd_rel->relam == BTREE_AM_OID &&
		   !ReindexIsProcessingIndex(RelationGetRelid(index)) &&
		   (!form->indcheckxmin ||
			TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin));
}

/* Whether the index is ordered by a column there, as its type is. */
static bool
is_ordered_by(Relation index, int place, AttrNumber column, Oid comparison)
{
	return place < IndexRelationGetNumberOfKeyAttributes(index) && index->rd_index->indkey.values[place] == column &&
		   index_getprocid(index, place + 1, BTORDER_PROC) == comparison;
}

static void
consider(Relation index, const SourceScan *scan, const AttrNumber *attnums, IndexChoice *choice)
{
	bool partial = !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
	bool timed;

	if (!is_usable(index) || !is_ordered_by(index, 0, attnums[scan->key], F_UUID_CMP))
		return;
	if (partial)
	{
		if (!scan->long_only || !has_long_only(index, attnums[BOOKING_START], attnums[BOOKING_END]))
			return;
		*choice = (IndexChoice){RelationGetRelid(index), false, true};
		return;
	}
	timed = scan->time >= 0 && is_ordered_by(index, 1, attnums[scan->time], F_TIMESTAMPTZ_CMP);
	if (!choice->long_only && (timed || !OidIsValid(choice->index)))
		*choice = (IndexChoice){RelationGetRelid(index), timed, false};
}

static IndexChoice
choose_index(Relation rel, const SourceScan *scan, const AttrNumber *attnums)
{
	IndexChoice choice = {InvalidOid};
	List *indexes = RelationGetIndexList(rel);
	ListCell *cell;

	foreach(cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		consider(index, scan, attnums, &choice);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return choice;
}

/* ---- one table ---- */

static int
make_keys(const SourceScan *scan, const AttrNumber *attnums, const IndexChoice *choice, ScanKeyData *keys)
{
	if (scan->id == NULL)
	{
		ScanKeyEntryInitialize(&keys[0], SK_ISNULL | SK_SEARCHNULL, attnums[scan->key], InvalidStrategy, InvalidOid,
							   InvalidOid, InvalidOid, (Datum) 0);
		return 1;
	}
	ScanKeyInit(&keys[0], attnums[scan->key], BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(scan->id));
	if (!choice->timed)
		return 1;
	ScanKeyInit(&keys[1], attnums[scan->time], BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
				TimestampTzGetDatum(scan->from));
	ScanKeyInit(&keys[2], attnums[scan->time], BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
				TimestampTzGetDatum(scan->to));
	return 3;
}

static void
visit_rows(Relation rel, const SourceScan *scan, const AttrNumber *attnums, const IndexChoice *choice)
{
	bool by_index = OidIsValid(choice->index);
	ScannedRow row = {.role = scan->role, .desc = RelationGetDescr(rel), .attnums = attnums};
	ScanKeyData keys[3];
	int nkeys = by_index ? make_keys(scan, attnums, choice, keys) : 0;
	SysScanDesc desc = systable_beginscan(rel, choice->index, by_index, GetActiveSnapshot(), nkeys, keys);

	while ((row.tuple = systable_getnext(desc)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		scan->visit(&row, scan->arg);
	}
	systable_endscan(desc);
}

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
	AttrNumber attnums[MAX_ROLE_COLUMNS];
	IndexChoice choice = {InvalidOid};

	if (!has_plain_rows(rel) || !find_columns(rel, scan->role, attnums))
		return false;
	if (!whole)
		choice = choose_index(rel, scan, attnums);
	if (!OidIsValid(choice.index) && RelationGetNumberOfBlocks(rel) > SMALL_TABLE)
		return false;
	visit_rows(rel, scan, attnums, &choice);
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
		   key->partattrs[0] == get_attnum(RelationGetRelid(rel), source_column_at(scan->role, scan->time)->name) &&
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

/* What lies between two bounds belongs to the partition of the upper one, or if that has none to the default one. */
static List *
partitions_by_time(PartitionDesc parts, const SourceScan *scan)
{
	PartitionBoundInfo bounds = parts->boundinfo;
	List *found = NIL;

	for (int i = first_bound_from(bounds, scan->from);
		 i <= bounds->ndatums && (i == 0 || bound_time(bounds, i - 1) <= scan->to); i++)
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
	return !IgnoreSystemIndexes && may_read(scan->role) && scan_relation(source_relid(scan->role), scan, whole);
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
