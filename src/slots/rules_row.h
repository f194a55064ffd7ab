/*
 * rules_row.h
 *		The one row of availability_cache.rules, by a scan instead of a query.
 */
#ifndef AC_SLOTS_RULES_ROW_H
#define AC_SLOTS_RULES_ROW_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/snapshot.h"

/* Takes what is wanted of the row, which is gone afterwards. */
typedef void (*RulesRowTaker)(HeapTuple row, TupleDesc desc, void *arg);

/* Calls take with the row that the snapshot sees, or not at all. */
extern void rules_row_read(Oid relid, Snapshot snapshot, RulesRowTaker take, void *arg);

/* A column's value; NULL too where the table has no such column, as with the SQL of 1.0.0. */
extern Datum rules_row_value(HeapTuple row, TupleDesc desc, const char *name, bool *isnull);

#endif /* AC_SLOTS_RULES_ROW_H */
