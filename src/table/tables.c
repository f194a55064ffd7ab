/*
 * tables.c
 *		The tables of the table tier: opened, read and written without ever waiting.
 *
 * Bookings and reads must not stand behind somebody's ALTER TABLE, REINDEX or
 * open transaction.  So every relation lock is taken only if it is free, rows
 * that another transaction is changing are left alone, and whoever inserts
 * into a unique index has claimed the key before.
 *
 * A table counts only if it is a member of the extension (base/members.c),
 * whatever its name and schema.  It is read and written through the table and
 * index access methods: no plan, no privileges, no search_path, and nobody's
 * code, since whoever has been granted TRIGGER could have theirs run as
 * whoever comes.  So triggers do not fire, and a table with constraints,
 * indexes or columns that would have code run, or that is not as CREATE
 * EXTENSION made it, is not used.
 *
 * Locking: heavyweight locks only, taken if they are free; but for one of ours that nobody
 * holds for longer than two statements (tier_sequence_raise).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/as_user.h"
#include "base/members.h"
#include "base/relcache.h"
#include "table/tables.h"

/* No name: of a kind that is not there. */
static TableInfo tables[TIER_NTABLES] = {
	[TIER_LOG] = {"invalidation", true, LOG_NCOLUMNS, {INT8OID, XID8OID}},
	[TIER_SINCE] = {"invalidation_since", false, SINCE_NCOLUMNS, {XID8OID}},
};

void
tier_table_define(TierTable which, const TableInfo *info)
{
	tables[which] = *info;
}

/* Advisory locks of SQL use 1 and 2 here. */
#define CLAIM_LOCK_FIELD 3

/*
 * The members; a message of one forgets it.  Membership itself is given and taken by
 * who owns the extension.
 */
static Oid known[TIER_NTABLES];
static Oid known_sequence = InvalidOid;
static uint64 nmessages = 0;

static void
forget_relation(Oid relid)
{
	nmessages++;
	for (int t = 0; t < TIER_NTABLES; t++)
	{
		if (!OidIsValid(relid) || relid == known[t])
			known[t] = InvalidOid;
	}
	if (!OidIsValid(relid) || relid == known_sequence)
		known_sequence = InvalidOid;
}

/* Of a role: who was a superuser may be none. */
static void
forget_members(Datum arg, int cache, uint32 hash)
{
	forget_relation(InvalidOid);
}

void
tier_tables_init(void)
{
	relcache_notify(forget_relation);
	CacheRegisterSyscacheCallback(AUTHOID, forget_members, (Datum) 0);
}

static Oid
find_member(const char *name, Oid *remembered)
{
	uint64 before = nmessages;
	Oid found = *remembered;

	if (OidIsValid(found))
		return found;
	found = member_find(RelationRelationId, name);
	/* Looking may have taken in a message about what was found. */
	if (nmessages == before)
		*remembered = found;
	return found;
}

Oid
tier_relid(TierTable which)
{
	return tables[which].name == NULL ? InvalidOid : find_member(tables[which].name, &known[which]);
}

static bool
columns_are_as_made(TierTable which, TupleDesc desc)
{
	if (desc->natts < tables[which].ncolumns)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		/* Whoever added columns must let them be NULL. */
		if (i < tables[which].ncolumns ? att->attisdropped || att->atttypid != tables[which].types[i]
									   : att->attnotnull && !att->attisdropped)
			return false;
	}
	return true;
}

bool
tier_is_as_made(TierTable which, Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID &&
		   columns_are_as_made(which, RelationGetDescr(rel));
}

/* Whether a row needs nothing looked at or made when it is inserted. */
static bool
is_unconstrained(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	return constr == NULL || (constr->num_check == 0 && !constr->has_generated_stored);
}

/* Whether keeping an index needs nobody's code. */
static bool
is_plain_index(Oid index)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool is_plain;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	is_plain = form->indimmediate && !form->indisexclusion &&
			   heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) &&
			   heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	ReleaseSysCache(tuple);
	return is_plain;
}

/*
 * Locks what a reader of the relation's index, or a writer of all, will lock; a writer
 * must also do without code.
 */
static TierOpened
lock_indexes(TierRelation *opened)
{
	List *indexes;
	ListCell *cell;

	if (opened->mode != RowExclusiveLock)
		return !OidIsValid(opened->index) || ConditionalLockRelationOid(opened->index, AccessShareLock)
				   ? TIER_OPENED
				   : TIER_LOCKED;
	if (!is_unconstrained(opened->rel))
		return TIER_ALTERED;
	indexes = RelationGetIndexList(opened->rel);
	foreach(cell, indexes)
	{
		if (!ConditionalLockRelationOid(lfirst_oid(cell), RowExclusiveLock))
			return TIER_LOCKED;
		if (!is_plain_index(lfirst_oid(cell)))
			return TIER_ALTERED;
	}
	list_free(indexes);
	return TIER_OPENED;
}

/* The index that lookups use; false if there should be one and is none that is whole. */
static bool
find_index(TierRelation *opened)
{
	List *indexes = RelationGetIndexList(opened->rel);

	list_free(indexes);
	opened->index = tables[opened->which].has_key ? opened->rel->rd_pkindex : InvalidOid;
	return OidIsValid(opened->index) || !tables[opened->which].has_key;
}

TierOpened
tier_open(TierTable which, LOCKMODE mode, TierRelation *opened)
{
	Oid relid = tier_relid(which);
	TierOpened result = TIER_ALTERED;

	if (!OidIsValid(relid))
		return TIER_MISSING;
	if (!ConditionalLockRelationOid(relid, mode))
		return TIER_LOCKED;
	opened->which = which;
	opened->mode = mode;
	opened->rel = try_relation_open(relid, NoLock);
	if (opened->rel == NULL)
		return TIER_MISSING;
	/* With the lock came messages of what was done meanwhile. */
	if (tier_relid(which) == relid && tier_is_as_made(which, opened->rel) && find_index(opened) &&
		!IgnoreSystemIndexes)
		result = lock_indexes(opened);
	if (result != TIER_OPENED)
		relation_close(opened->rel, mode);
	return result;
}

static void
fail(TierOpened why, const char *what)
{
	switch (why)
	{
		case TIER_OPENED:
			break;
		case TIER_MISSING:
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the extension's %s is missing", what),
					errhint("CREATE EXTENSION makes it; a part that was dropped comes back with the whole."));
			break;
		case TIER_LOCKED:
			ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE), errmsg("the extension's %s is locked", what),
					errhint("pg_locks has who holds it; it is not waited for."));
			break;
		case TIER_ALTERED:
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the extension's %s is not as CREATE EXTENSION made it", what),
					errhint("Undo what was altered: columns, constraints, indexes or the access method."));
			break;
	}
}

void
tier_open_or_fail(TierTable which, LOCKMODE mode, TierRelation *opened)
{
	TierOpened result = tier_open(which, mode, opened);

	if (result != TIER_OPENED)
		fail(result, psprintf("table %s", tables[which].name));
}

void
tier_close(TierRelation *opened)
{
	if (opened->mode != AccessShareLock)
	{
		relation_close(opened->rel, NoLock);
		return;
	}
	if (OidIsValid(opened->index))
		UnlockRelationOid(opened->index, AccessShareLock);
	relation_close(opened->rel, AccessShareLock);
}

SysScanDesc
tier_scan(TierRelation *table, Snapshot snapshot, int nkeys, ScanKey keys)
{
	return systable_beginscan(table->rel, table->index, nkeys > 0, snapshot, nkeys, keys);
}

Datum
tier_column(TierRelation *table, HeapTuple row, AttrNumber column)
{
	bool isnull;
	Datum value = heap_getattr(row, column, RelationGetDescr(table->rel), &isnull);

	if (isnull)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the extension's table %s has NULL where there should be none",
					   tables[table->which].name));
	return value;
}

/* A row of these columns; those that somebody added are NULL. */
static HeapTuple
form_row(TierRelation *table, const Datum *values, const bool *nulls)
{
	TupleDesc desc = RelationGetDescr(table->rel);
	int ncolumns = tables[table->which].ncolumns;
	Datum *all = palloc0(desc->natts * sizeof(Datum));
	bool *all_nulls = palloc(desc->natts * sizeof(bool));
	HeapTuple row;

	memset(all_nulls, true, desc->natts * sizeof(bool));
	memcpy(all, values, ncolumns * sizeof(Datum));
	memcpy(all_nulls, nulls, ncolumns * sizeof(bool));
	row = heap_form_tuple(desc, all, all_nulls);
	pfree(all);
	pfree(all_nulls);
	return row;
}

void
tier_insert(TierRelation *table, Datum *values, bool *nulls)
{
	HeapTuple row = form_row(table, values, nulls);

	/* Catalogs are written so: the row and its indexes, and nothing that somebody hung on the table. */
	CatalogTupleInsert(table->rel, row);
	heap_freetuple(row);
}

/* Into the only index that there is, without looking for equal ones. */
static void
insert_into_index(Relation index, IndexInfo *info, TierRelation *table, const Datum *values, HeapTuple row)
{
	Datum keys[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS] = {false};

	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
		keys[i] = values[info->ii_IndexAttrNumbers[i] - 1];
	index_insert(index, keys, nulls, &row->t_self, table->rel, UNIQUE_CHECK_NO, false, info);
}

BlockNumber
tier_insert_many(TierRelation *table, const Datum *values, int nrows)
{
	const bool nulls[TIER_MAX_COLUMNS] = {false};
	Relation index = index_open(table->index, NoLock);
	IndexInfo *info = BuildIndexInfo(index);
	List *all = RelationGetIndexList(table->rel);
	CatalogIndexState others = list_length(all) > 1 ? CatalogOpenIndexes(table->rel) : NULL;
	BlockNumber last = InvalidBlockNumber;

	for (int i = 0; i < nrows; i++, values += tables[table->which].ncolumns)
	{
		HeapTuple row = form_row(table, values, nulls);

		if (others != NULL)
			CatalogTupleInsertWithInfo(table->rel, row, others);
		else
		{
			heap_insert(table->rel, row, GetCurrentCommandId(true), 0, NULL);
			insert_into_index(index, info, table, values, row);
		}
		last = ItemPointerGetBlockNumber(&row->t_self);
		heap_freetuple(row);
	}
	if (others != NULL)
		CatalogCloseIndexes(others);
	list_free(all);
	pfree(info);
	index_close(index, NoLock);
	return last;
}

/*
 * The blocks of a relation that is open, or of what its large values are in; false
 * where half of one may be free.
 */
static bool
has_no_room(Relation rel, BlockNumber max_blocks, BlockNumber *blocks)
{
	BlockNumber n = RelationGetNumberOfBlocks(rel);

	*blocks += n;
	return n < max_blocks / 2 || GetPageWithFreeSpace(rel, BLCKSZ / 2) == InvalidBlockNumber;
}

bool
tier_is_full(TierRelation *table, BlockNumber max_blocks)
{
	Oid toast = table->rel->rd_rel->reltoastrelid;
	BlockNumber blocks = 0;
	bool full = has_no_room(table->rel, max_blocks, &blocks);
	Relation rel = OidIsValid(toast) && ConditionalLockRelationOid(toast, AccessShareLock)
					   ? try_relation_open(toast, NoLock)
					   : NULL;

	if (rel != NULL)
	{
		full = has_no_room(rel, max_blocks, &blocks) && full;
		relation_close(rel, AccessShareLock);
	}
	return blocks >= max_blocks && full;
}

bool
tier_may_delete(TierRelation *table)
{
	if (table->mode == RowShareLock &&
		ConditionalLockRelationOid(RelationGetRelid(table->rel), RowExclusiveLock))
		table->mode = RowExclusiveLock;
	return table->mode == RowExclusiveLock;
}

bool
tier_delete(TierRelation *table, ItemPointer tid)
{
	/*
	 * A heap looks at no snapshot for the row, but large values outside it are found under
	 * one, and a COMMIT has none.
	 */
	bool needs_snapshot = OidIsValid(table->rel->rd_rel->reltoastrelid) && !ActiveSnapshotSet();
	TM_FailureData failure;
	TM_Result result;

	if (needs_snapshot)
		PushActiveSnapshot(GetLatestSnapshot());
	result = table_tuple_delete(table->rel, tid, GetCurrentCommandId(true), InvalidSnapshot, InvalidSnapshot,
								false, &failure, false);
	if (needs_snapshot)
		PopActiveSnapshot();
	return result == TM_Ok;
}

bool
tier_claim(TierRelation *table, uint32 hash)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RelationGetRelid(table->rel), hash, CLAIM_LOCK_FIELD);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

#define LAST_RESORT "sequence availability_cache.distrusted"

static Relation
open_sequence(LOCKMODE mode)
{
	Oid relid = find_member("distrusted", &known_sequence);
	Relation rel = NULL;

	if (!OidIsValid(relid))
		fail(TIER_MISSING, LAST_RESORT);
	if (!ConditionalLockRelationOid(relid, mode))
		fail(TIER_LOCKED, LAST_RESORT);
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		fail(TIER_MISSING, LAST_RESORT);
	if (rel->rd_rel->relkind != RELKIND_SEQUENCE)
		fail(TIER_ALTERED, LAST_RESORT);
	return rel;
}

static uint64
sequence_value(Relation rel)
{
	/* It has one row. */
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, SnapshotAny, 0, NULL);
	HeapTuple row = systable_getnext(scan);
	bool isnull;
	uint64 value = PG_UINT64_MAX;

	if (HeapTupleIsValid(row))
		value = DatumGetInt64(heap_getattr(row, SEQ_COL_LASTVAL, RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	return value;
}

uint64
tier_sequence_read(void)
{
	Relation rel = open_sequence(AccessShareLock);
	uint64 value = sequence_value(rel);

	relation_close(rel, AccessShareLock);
	return value;
}

void
tier_sequence_raise(uint64 value)
{
	Relation rel = open_sequence(RowExclusiveLock);
	LOCKTAG tag;
	int settings;
	SavedUser saved;

	/* So that nobody lowers it again: held for the two next statements, and by nobody for longer. */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RelationGetRelid(rel), 0, CLAIM_LOCK_FIELD);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	settings = guard_settings();
	saved = switch_user(rel->rd_rel->relowner);
	if (sequence_value(rel) < value)
		DirectFunctionCall2(setval_oid, ObjectIdGetDatum(RelationGetRelid(rel)), Int64GetDatum(value));
	restore_user(saved);
	restore_settings(settings);
	LockRelease(&tag, ExclusiveLock, false);
	relation_close(rel, NoLock);
}
