/*
 * clean.h
 *		Removes what the table tier no longer needs.
 */
#ifndef AC_TABLE_CLEAN_H
#define AC_TABLE_CLEAN_H

#include "storage/block.h"

/*
 * Removes rows that have expired or are outdated, at most max_rows of them
 * from at most max_blocks, going on where this process ended the last time
 * (MaxBlockNumber: all of the table), and traces that no row needs or that are
 * too many; returns how many rows went.  Waits for nobody.  Raises as
 * tier_open_or_fail() where a table cannot be used.
 */
extern int64 tier_clean(int64 max_rows, BlockNumber max_blocks);

#endif /* AC_TABLE_CLEAN_H */
