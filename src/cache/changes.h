/*
 * changes.h
 *		What this transaction has changed, and publishing it when it ends.
 */
#ifndef AC_CACHE_CHANGES_H
#define AC_CACHE_CHANGES_H

#include "cache/tag.h"

extern void changes_init(void);

/* Remembers that the transaction changes what depends on the tag. */
extern void changes_touch(Tag tag);
extern void changes_touch_database(void);
/* Whether it has done so, or touched everything; also what a rolled back savepoint did. */
extern bool changes_has_touched(Tag tag);
/*
 * A statement is about to run that may change the catalogs: at PRE_COMMIT,
 * where another extension may run one, it is too late to look at what it
 * changes.  With any set it can concern definitions without changing a
 * relation that they rest on.
 */
extern void changes_may_define(bool any);
/* Whether it has changed anything. */
extern bool changes_any(void);

/*
 * As changes_touch, and what depends on it is outdated from now on too; returns the
 * version clock, 0 without shared memory.
 */
extern uint64 changes_touch_now(Tag tag);

#endif /* AC_CACHE_CHANGES_H */
