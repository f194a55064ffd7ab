/*
 * clean.h
 *		Removes what the table tier no longer needs.
 */
#ifndef AC_TABLE_CLEAN_H
#define AC_TABLE_CLEAN_H

/*
 * Removes rows that have expired or are outdated, at most max_rows of them,
 * and traces that no row needs; returns how many rows went.  Waits for nobody.
 * Raises 55006 where a table cannot be used.
 */
extern int64 tier_clean(int64 max_rows);

#endif /* AC_TABLE_CLEAN_H */
