/*
 * range_index.h
 *		GiST indexes over what rows take up, as exclusion constraints have them.
 */
#ifndef AC_SLOTS_RANGE_INDEX_H
#define AC_SLOTS_RANGE_INDEX_H

#include "access/skey.h"
#include "utils/relcache.h"

#include "slots/source_scan.h"

/* The index's columns: a uuid, and tstzrange(start, end); 0: it has none. */
typedef struct RangeColumns
{
	AttrNumber key;
	AttrNumber range;
} RangeColumns;

/* Of a plain GiST index (index_is_plain), with the numbers of the table's columns. */
extern RangeColumns range_columns(Relation index, AttrNumber key, AttrNumber start, AttrNumber end);

/* The scan's conditions on these columns; at most two. */
extern int range_keys(const SourceScan *scan, RangeColumns columns, ScanKeyData *keys);

#endif /* AC_SLOTS_RANGE_INDEX_H */
