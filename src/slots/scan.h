/*
 * scan.h
 *		Rows of an attached table, found by its indexes without a query.
 */
#ifndef AC_SLOTS_SCAN_H
#define AC_SLOTS_SCAN_H

#include "slots/source_scan.h"

/*
 * Reads under the active snapshot, of the mapping that is loaded.  False if a
 * query must be asked in its place, after what was visited until then is
 * forgotten: where it could find the rows faster, where there is more to a
 * table than rows (foreign ones, children), or where its owner may not read it.
 * Runs nobody's code.
 */
extern bool source_scan(const SourceScan *scan);

/* The whole table, if it is small. */
extern bool source_scan_whole(const SourceScan *scan);

/* A value of the role's i-th column; NULL where there is none. */
extern Datum scanned_value(const ScannedRow *row, int i, bool *isnull);

#endif /* AC_SLOTS_SCAN_H */
