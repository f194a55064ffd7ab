/*
 * rows.h
 *		Answers in tables: kinds of them, fetched and kept.
 */
#ifndef AC_TABLE_ROWS_H
#define AC_TABLE_ROWS_H

#include "access/skey.h"

#include "cache/readpath.h"
#include "table/tables.h"
#include "table/trust.h"

/* Keys that find a row. */
#define ROW_MAX_KEYS 4

/*
 * A kind of answers: those whose keys have one format.  They have a table with
 * three columns that every kind has, and what others it likes: their own, or
 * another kind's, where one row at a time has a primary key, whichever kind it is of.
 * Each key begins with its database's OID.
 */
typedef struct RowKind
{
	uint8 format;
	const struct RowKind *beside; /* in whose table its rows lie; NULL: they have one */
	TableInfo table;
	AttrNumber expires_at; /* timestamptz */
	AttrNumber snapshot;   /* pg_snapshot */
	AttrNumber answer;	   /* bytea */
	/* Makes the scan keys that find the row of this key by the table's primary key; returns how many. */
	int (*find)(const StoreKey *key, ScanKeyData *keys);
	/* Whether a row that was found is of this key, as far as its own columns say. */
	bool (*is_of)(TierRelation *rows, HeapTuple row, const StoreKey *key);
	/* The primary key as a hash, the same for all kinds in the table. */
	uint32 (*claim)(const StoreKey *key);
	/* Sets the kind's own columns; none is NULL.  False: this one is not to be kept. */
	bool (*fill)(const StoreKey *key, const Computed *result, Datum *values);
	/* Whether a payload is one that can be read safely. */
	bool (*is_whole)(const char *payload, uint32 size);
	/* Whether an answer that memory has may be kept beyond it. */
	bool (*outlives_memory)(const char *payload);
	/*
	 * What definitions answers are made with now, as a number that never comes
	 * again once answers would be others; false if that cannot be told, or
	 * would take too long unless it must be.  Called where messages may be accepted.
	 */
	bool (*definitions)(uint64 *number, bool must);
	/*
	 * Whether these were the definitions under the active snapshot, of an
	 * answer that memory had and that was current after it was taken.
	 */
	bool (*definitions_hold)(uint64 number);
} RowKind;

/* Kinds' formats are 1 .. this; those of the ones with a table 1 .. TIER_ROW_TABLES. */
#define ROW_MAX_FORMAT 4

/* At loading. */
extern void row_kind_register(const RowKind *kind);
/* NULL: none of this format. */
extern const RowKind *row_kind(uint8 format);
extern TierTable row_table(const RowKind *kind);

/*
 * Reads the answer of this key if its table has it, exact for the active
 * snapshot and the clock; the payload is in the current memory context.
 * Never waits; raises as tier_open_or_fail() when a table cannot be used.
 */
extern bool row_fetch(const RowKind *kind, const StoreKey *key, Computed *result);

/*
 * Keeps an answer that was computed under the active snapshot, under which
 * these definitions hold, in place of the one of the same key.  False if another
 * transaction is about to do the same, or to change the answer, or there is no room.
 * Assigns a xid.
 */
extern bool row_keep(const RowKind *kind, const StoreKey *key, uint64 definitions, const Computed *result);

/*
 * The same of what memory has at a place, if that is there and right; false if it was
 * not to be told what it rests on.
 */
extern bool row_keep_place(uint32 place);

/* Whether a table has had no room since this was asked last. */
extern bool row_was_full(const RowKind *kind);

/*
 * What a row depends on, as it says; in the current memory context.  False if
 * it has not the form that row_keep gives it: then only the snapshot is set.
 */
extern bool row_scope(const RowKind *kind, TierRelation *rows, HeapTuple row, RowScope *scope);

#endif /* AC_TABLE_ROWS_H */
