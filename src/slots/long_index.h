/*
 * long_index.h
 *		Whether an index holds just the bookings that take more than a day.
 */
#ifndef AC_SLOTS_LONG_INDEX_H
#define AC_SLOTS_LONG_INDEX_H

#include "utils/relcache.h"

/* As attach() recommends it, with the numbers of the table's columns. */
extern bool has_long_only(Relation index, AttrNumber start, AttrNumber end);

#endif /* AC_SLOTS_LONG_INDEX_H */
