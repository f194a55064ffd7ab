/*
 * tables.c
 *		The tables of the table tier: opened, read and written without ever waiting.
 *
 * Bookings and reads must not stand behind somebody's ALTER TABLE, REINDEX or
 * open transaction.  So every relation lock is taken only if it is free, rows
 * that another transaction is changing are left alone, and whoever inserts
 * into a unique index has claimed the key before.  The tables are read and
 * written through the table and index access methods: no plan, no privileges
 * of the caller, no search_path.  A table that is not as CREATE EXTENSION
 * made it is not used.
 *
 * Locking: heavyweight locks only, taken if they are free; but for one of ours that nobody
 * holds for longer than two statements (tier_sequence_raise).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
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
#include "base/relcache.h"
#include "table/tables.h"

typedef struct TableInfo
{
	const char *schema;
	const char *name;
	const char *index;
	int ncolumns;
	Oid types[ROW_NCOLUMNS];
} TableInfo;

static const TableInfo tables[TIER_NTABLES] = {
	[TIER_ROWS] = {"private",
				   "availability_cache",
				   "availability_cache_key",
				   ROW_NCOLUMNS,
				   {UUIDOID, UUIDOID, UUIDOID, DATEOID, JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, DATEOID,
					DATEOID, PG_SNAPSHOTOID, BYTEAOID}},
	[TIER_LOG] = {"availability_cache",
				  "invalidation",
				  "invalidation_pkey",
				  LOG_NCOLUMNS,
				  {XID8OID, INT4OID, UUIDOID, UUIDOID, DATEOID, DATEOID, TIMESTAMPTZOID}},
	[TIER_SINCE] = {"availability_cache", "invalidation_since", NULL, SINCE_NCOLUMNS, {XID8OID}},
};

/* Advisory locks of SQL use 1 and 2 here. */
#define CLAIM_LOCK_FIELD 3

static bool writing = false;

bool
tier_writing(void)
{
	return writing;
}

void
tier_set_writing(bool now)
{
	writing = now;
}

static Oid
find_relation(const char *schema, const char *name)
{
	Oid namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

/* What the names meant last; a message of the table, its index or a schema forgets it. */
typedef struct TableOids
{
	Oid table;
	Oid index; /* InvalidOid: has none */
} TableOids;

static TableOids known[TIER_NTABLES];
static uint64 nmessages = 0;

static void
forget_relation(Oid relid)
{
	nmessages++;
	for (int t = 0; t < TIER_NTABLES; t++)
	{
		if (!OidIsValid(relid) || relid == known[t].table || relid == known[t].index)
			known[t].table = InvalidOid;
	}
}

/* A schema was renamed. */
static void
forget_names(Datum arg, int cache, uint32 hash)
{
	forget_relation(InvalidOid);
}

void
tier_tables_init(void)
{
	relcache_notify(forget_relation);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_names, (Datum) 0);
}

static TableOids
find_table(TierTable which)
{
	const TableInfo *info = &tables[which];
	TableOids found = known[which];
	uint64 before = nmessages;

	if (OidIsValid(found.table))
		return found;
	found.table = find_relation(info->schema, info->name);
	found.index = info->index != NULL ? find_relation(info->schema, info->index) : InvalidOid;
	/* The second lookup may have taken in a message about what the first one found. */
	if (nmessages == before && (info->index == NULL || OidIsValid(found.index)))
		known[which] = found;
	return found;
}

Oid
tier_relid(TierTable which)
{
	return find_table(which).table;
}

static bool
is_as_made(TierTable which, Relation rel)
{
	TupleDesc desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || desc->natts < tables[which].ncolumns)
		return false;
	for (int i = 0; i < tables[which].ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || att->atttypid != tables[which].types[i])
			return false;
	}
	return true;
}

/* A primary key of the table: neither partial nor half built. */
static bool
is_primary_key(Oid index, Oid relid)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool is_key;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	is_key = form->indrelid == relid && form->indisprimary && form->indisvalid;
	ReleaseSysCache(tuple);
	return is_key;
}

/* Locks what a reader of the relation's index, or a writer of all, will lock. */
static bool
lock_indexes(TierRelation *opened)
{
	List *indexes;
	ListCell *cell;

	if (opened->mode != RowExclusiveLock)
		return !OidIsValid(opened->index) || ConditionalLockRelationOid(opened->index, AccessShareLock);
	indexes = RelationGetIndexList(opened->rel);
	foreach(cell, indexes)
	{
		if (!ConditionalLockRelationOid(lfirst_oid(cell), RowExclusiveLock))
			return false;
	}
	list_free(indexes);
	return true;
}

TierOpened
tier_open(TierTable which, LOCKMODE mode, TierRelation *opened)
{
	TableOids oids = find_table(which);
	TableOids now;

	if (!OidIsValid(oids.table))
		return TIER_MISSING;
	if (!ConditionalLockRelationOid(oids.table, mode))
		return TIER_UNUSABLE;
	opened->which = which;
	opened->mode = mode;
	opened->rel = try_relation_open(oids.table, NoLock);
	if (opened->rel == NULL)
		return TIER_MISSING;
	/* With the lock came messages of what was done meanwhile. */
	now = find_table(which);
	opened->index = now.index;
	if (now.table == oids.table && is_as_made(which, opened->rel) &&
		(tables[which].index == NULL || is_primary_key(now.index, now.table)) && !IgnoreSystemIndexes &&
		lock_indexes(opened))
		return TIER_OPENED;
	relation_close(opened->rel, mode);
	return TIER_UNUSABLE;
}

void
tier_open_or_fail(TierTable which, LOCKMODE mode, TierRelation *opened)
{
	if (tier_open(which, mode, opened) != TIER_OPENED)
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("table %s.%s is locked, missing or altered", tables[which].schema, tables[which].name));
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
				errmsg("table %s.%s has NULL where there should be none", tables[table->which].schema,
					   tables[table->which].name));
	return value;
}

void
key_uuid(ScanKey key, AttrNumber column, const pg_uuid_t *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(value));
}

void
key_date(ScanKey key, AttrNumber column, StrategyNumber strategy, DateADT value)
{
	RegProcedure function = strategy == BTEqualStrategyNumber		   ? F_DATE_EQ
							: strategy == BTGreaterEqualStrategyNumber ? F_DATE_GE
																	   : F_DATE_LE;

	ScanKeyInit(key, column, strategy, function, DateADTGetDatum(value));
}

void
tier_insert(TierRelation *table, Datum *values, bool *nulls)
{
	EState *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleDesc desc = RelationGetDescr(table->rel);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);

	ExecClearTuple(slot);
	for (int i = 0; i < desc->natts; i++)
	{
		slot->tts_values[i] = i < tables[table->which].ncolumns ? values[i] : (Datum) 0;
		slot->tts_isnull[i] = i < tables[table->which].ncolumns ? nulls[i] : true;
	}
	ExecStoreVirtualTuple(slot);

	InitResultRelInfo(result, table->rel, 0, NULL, 0);
	ExecOpenIndices(result, false);
	AfterTriggerBeginQuery();
	writing = true;
	PG_TRY();
	{
		ExecSimpleRelationInsert(result, estate, slot);
		AfterTriggerEndQuery(estate);
	}
	PG_FINALLY();
	{
		writing = false;
	}
	PG_END_TRY();
	if (!ItemPointerIsValid(&slot->tts_tid))
		ereport(ERROR, errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				errmsg("a trigger keeps rows from table %s.%s", tables[table->which].schema,
					   tables[table->which].name));
	ExecCloseIndices(result);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

bool
tier_may_delete(TierRelation *table)
{
	if (table->mode == RowShareLock && ConditionalLockRelationOid(RelationGetRelid(table->rel), RowExclusiveLock))
		table->mode = RowExclusiveLock;
	return table->mode == RowExclusiveLock;
}

bool
tier_delete(TierRelation *table, ItemPointer tid)
{
	TM_FailureData failure;

	return table_tuple_delete(table->rel, tid, GetCurrentCommandId(true), GetActiveSnapshot(), InvalidSnapshot, false,
							  &failure, false) == TM_Ok;
}

bool
tier_claim(TierRelation *table, uint32 hash)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RelationGetRelid(table->rel), hash, CLAIM_LOCK_FIELD);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static Relation
open_sequence(LOCKMODE mode)
{
	Oid relid = find_relation("availability_cache", "distrusted");
	Relation rel = NULL;

	if (OidIsValid(relid) && ConditionalLockRelationOid(relid, mode))
		rel = try_relation_open(relid, NoLock);
	if (rel == NULL || rel->rd_rel->relkind != RELKIND_SEQUENCE)
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("sequence availability_cache.distrusted is locked, missing or altered"));
	return rel;
}

static uint64
sequence_value(Relation rel)
{
	/* Its one row is visible to every snapshot. */
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
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
