/*
 * memo.h
 *		Whether what a session remembers is still what it would read.
 *
 * It is kept with the version clock from before the snapshot it was read
 * under and a cell that changes with it.  It is good for a later snapshot if
 * that cell is current, looked at after that snapshot was taken (rules_memo.c
 * says why).
 *
 * Locking: none.
 */
#ifndef AC_SLOTS_MEMO_H
#define AC_SLOTS_MEMO_H

#include "cache/cells.h"

/* What something that is remembered rests on. */
typedef struct MemoBase
{
	uint64 generation; /* of the mapping; 0: nothing is remembered */
	Dependencies on;
	ExactNo cell;
} MemoBase;

/* clock is as a CacheRequest's compute gets it. */
extern bool memo_is_good(const MemoBase *base, uint64 clock);

/* What was just read changes with the tag; false if it may not be remembered. */
extern bool memo_rest_on(MemoBase *base, uint64 clock, Tag tag);
/* The same of what changes only with the database. */
extern bool memo_rest_on_database(MemoBase *base, uint64 clock);

#endif /* AC_SLOTS_MEMO_H */
