/*
 * scanned.h
 *		Values of a row as it lies in an attached table.
 */
#ifndef AC_SLOTS_SCANNED_H
#define AC_SLOTS_SCANNED_H

#include "utils/date.h"

#include "slots/kernel.h"
#include "slots/scan.h"

/* Of the role's i-th column, as the queries have it. */
extern bool scanned_is_of(const ScannedRow *row, int i, const pg_uuid_t *id);
extern bool scanned_is_null(const ScannedRow *row, int i);
extern bool scanned_bool(const ScannedRow *row, int i, bool if_null);
extern int64 scanned_integer(const ScannedRow *row, int i, bool *isnull);
extern DateADT scanned_date(const ScannedRow *row, int i, DateADT if_null);
/* Of a column of kind text, in the current context; NULL stays NULL. */
extern char *scanned_text(const ScannedRow *row, int i);
/* In microseconds. */
extern int64 scanned_span(const ScannedRow *row, int i, bool *isnull);
/* From one column to another; false where one of them is NULL. */
extern bool scanned_times(const ScannedRow *row, int start, int end, SlotInterval *at);

#endif /* AC_SLOTS_SCANNED_H */
