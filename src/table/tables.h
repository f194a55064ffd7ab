/*
 * tables.h
 *		The tables of the table tier: opened, read and written without ever waiting.
 */
#ifndef AC_TABLE_TABLES_H
#define AC_TABLE_TABLES_H

#include "access/genam.h"
#include "access/htup.h"
#include "access/skey.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

extern void tier_tables_init(void);

/* Tables of answers: see rows.h. */
#define TIER_ROW_TABLES 2

typedef enum TierTable
{
	TIER_LOG,	/* availability_cache.invalidation */
	TIER_SINCE, /* availability_cache.invalidation_since */
	TIER_ROWS,	/* the first kind's */
	TIER_NTABLES = TIER_ROWS + TIER_ROW_TABLES
} TierTable;

/* Columns, by number. */
enum
{
	LOG_TAG = 1,
	LOG_XID,
	LOG_NCOLUMNS = LOG_XID
};

enum
{
	SINCE_XID = 1,
	SINCE_NCOLUMNS = SINCE_XID
};

#define TIER_MAX_COLUMNS 16

typedef struct TableInfo
{
	const char *name; /* a member of the extension */
	bool has_key;	  /* a primary key that lookups use */
	int ncolumns;
	Oid types[TIER_MAX_COLUMNS];
} TableInfo;

/* Says what a kind's table is like. */
extern void tier_table_define(TierTable which, const TableInfo *info);

typedef enum TierOpened
{
	TIER_OPENED,
	TIER_MISSING, /* the extension is not there, or not any more */
	TIER_LOCKED,  /* by others */
	TIER_ALTERED  /* it is not as CREATE EXTENSION made it */
} TierOpened;

typedef struct TierRelation
{
	TierTable which;
	Relation rel;
	Oid index; /* that lookups use; InvalidOid: none */
	LOCKMODE mode;
} TierRelation;

/* To read (AccessShareLock), write (RowExclusiveLock), or read and perhaps delete (RowShareLock). */
extern TierOpened tier_open(TierTable which, LOCKMODE mode, TierRelation *opened);
/* Opens, or raises: 55006 it is locked, 42P01 missing, 55000 altered. */
extern void tier_open_or_fail(TierTable which, LOCKMODE mode, TierRelation *opened);
/* Gives AccessShareLock back; other locks last until the transaction ends. */
extern void tier_close(TierRelation *opened);
/* A table's OID; InvalidOid if the extension has none. */
extern Oid tier_relid(TierTable which);

/* Whether a table and its columns are of the kinds that CREATE EXTENSION made. */
extern bool tier_is_as_made(TierTable which, Relation rel);

/* Looks up by the index, or reads all where keys are none. */
extern SysScanDesc tier_scan(TierRelation *table, Snapshot snapshot, int nkeys, ScanKey keys);

/* A column of a row that was read; raises XX001 for NULL. */
extern Datum tier_column(TierRelation *table, HeapTuple row, AttrNumber column);

/* Inserts a row, without anybody's triggers. */
extern void tier_insert(TierRelation *table, Datum *values, bool *nulls);
/*
 * Inserts rows without NULLs, no two with one key, whose columns follow each other;
 * returns the block of the last.
 */
extern BlockNumber tier_insert_many(TierRelation *table, const Datum *values, int nrows);
/* Whether a table has so many blocks, with those of its large values, and VACUUM has made no room in them. */
extern bool tier_is_full(TierRelation *table, BlockNumber max_blocks);
/*
 * Whether rows may be deleted; opened to read and perhaps delete, they may if nobody
 * has a conflicting lock.
 */
extern bool tier_may_delete(TierRelation *table);
/* Deletes a row that was read; false if another transaction is changing it. */
extern bool tier_delete(TierRelation *table, ItemPointer tid);

/*
 * Makes this transaction the only one that inserts rows of this key (a
 * table's OID and a hash), until it ends; false if another does.  So nobody
 * ever waits in a unique index.
 */
extern bool tier_claim(TierRelation *table, uint32 hash);

/*
 * The sequence availability_cache.distrusted: a number that only grows, takes
 * effect at once and for good, is in the WAL, and needs neither space nor a
 * lock that others could hold.  Raise as tier_open_or_fail() when it cannot be used.
 */
extern uint64 tier_sequence_read(void);
extern void tier_sequence_raise(uint64 value);

#endif /* AC_TABLE_TABLES_H */
