/*
 * rows.h
 *		Answers in private.availability_cache.
 */
#ifndef AC_TABLE_ROWS_H
#define AC_TABLE_ROWS_H

#include "slots/day.h"
#include "table/trust.h"

/*
 * Reads the answer of this day if the table has it, exact for the active
 * snapshot, these definitions and the clock; the payload is in the current
 * memory context.  Never waits; raises 55006 when a table cannot be used.
 */
extern bool row_fetch(const DayRequest *day, uint64 definitions, Computed *result);

/*
 * Keeps an answer that was computed under the active snapshot, under which
 * the definitions hold (day_definitions_hold), in place of the one of the same key.  False if another transaction is about to do the same,
 * or to change the answer.  Assigns a xid.
 */
extern bool row_keep(const DayRequest *day, uint64 definitions, const Computed *result);

/*
 * What a row of private.availability_cache depends on, as it says; in the
 * current memory context.  False if it has not the form that row_keep gives
 * it: then only the snapshot is set.
 */
extern bool row_scope(TierRelation *rows, HeapTuple row, RowScope *scope);

#endif /* AC_TABLE_ROWS_H */
