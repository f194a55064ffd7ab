/*
 * watched.h
 *		Which tables tell of their changes, and of which columns' values.
 */
#ifndef AC_MEMO_WATCHED_H
#define AC_MEMO_WATCHED_H

#include "utils/rel.h"

#include "memo/reason.h"

#define MAX_KEY_COLUMNS 16

/* The columns of whose values a table tells. */
typedef struct KeyColumns
{
	int n;
	AttrNumber columns[MAX_KEY_COLUMNS];
} KeyColumns;

/*
 * By the arguments of a trigger of ours: its columns' names.  What is no column, or
 * has no hash, is left out.
 */
extern void key_columns_of(const Trigger *trigger, TupleDesc desc, KeyColumns *keys);

/* Whether every change of the table's rows from here on is told, and then of which columns; else why not. */
extern ReasonKind watched_table(Relation rel, KeyColumns *keys);

/* Whether a transaction that wrote to a relation may have changed what answers of functions depend on. */
extern bool watched_concerns(Oid relid);

/*
 * The hash that tells values of a column apart: values that are equal to its
 * type (as its hash operator class has it) and collation have the same.
 * False: the type has none.
 */
extern bool hash_of_value(Oid type, Oid collation, Datum value, uint64 *hash);

#endif /* AC_MEMO_WATCHED_H */
