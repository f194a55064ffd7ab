/*
 * changes.h
 *		What this transaction has changed, and publishing it when it ends.
 */
#ifndef AC_CACHE_CHANGES_H
#define AC_CACHE_CHANGES_H

#include "cache/cells.h"

extern void changes_init(void);

/* Remembers that the transaction changes what depends on the cell. */
extern void changes_touch(CellNo cell);
extern void changes_touch_database(void);

/* As changes_touch, and what depends on it is outdated from now on too. */
extern void changes_touch_now(CellNo cell);

#endif /* AC_CACHE_CHANGES_H */
