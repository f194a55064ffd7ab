/*
 * index_condition.h
 *		What an index with a condition leaves out.
 */
#ifndef AC_SLOTS_INDEX_CONDITION_H
#define AC_SLOTS_INDEX_CONDITION_H

#include "slots/source_scan.h"
#include "utils/relcache.h"

/*
 * Whether the condition and the expressions of an index call nothing but the
 * server's own functions.  The server's copies of them are made by running
 * what has constant arguments, whoever asks.
 */
extern bool index_is_plain(Relation index);

/*
 * Whether it holds just the bookings that take more than a day, as attach() recommends
 * it; of a plain index.
 */
extern bool index_has_long_only(Relation index, AttrNumber start, AttrNumber end);

/* Whether it leaves out only rows whose status the scan does not want; of a plain index. */
extern bool index_has_wanted(Relation rel, Relation index, const SourceScan *scan, AttrNumber status);

#endif /* AC_SLOTS_INDEX_CONDITION_H */
