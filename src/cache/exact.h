/*
 * exact.h
 *		Exact cells: a version cell of its own for each tag that something kept depends on.
 */
#ifndef AC_CACHE_EXACT_H
#define AC_CACHE_EXACT_H

#include "cache/tag.h"
#include "cache/version.h"

/* Two in a cache line, none across two. */
typedef struct ExactCell
{
	VersionCell version;
	pg_atomic_uint64 tag; /* 0: was never taken */
	pg_atomic_uint32 generation;
	pg_atomic_uint32 used; /* since a search for a cell to take passed by */
} ExactCell;

/* Of a cell, among all. */
typedef uint32 ExactNo;
extern ExactCell *exact_cells;

/* A tag's cell, by number and generation: with another generation it is another tag's. */
typedef struct ExactRef
{
	ExactNo cell;
	uint32 generation;
} ExactRef;

/* It can use no more memory. */
#define EXACT_MAX_SIZE ((Size) PG_INT32_MAX * sizeof(ExactCell))

/* Takes budget bytes of shared memory. */
extern void exact_shmem_init(Size budget);

/* For who changes the tag: its cell, if there is one.  It may be another's by now, which does no harm. */
extern bool exact_find(Tag tag, ExactNo *cell);

/*
 * For who depends on the tag: its cell, which is taken from another tag if it
 * has to be, but not one of the n that the caller names already.  False if
 * there is none to be had.  A cell that is made knows of no xid.
 */
extern bool exact_find_or_make(Tag tag, const ExactNo *named, int n, ExactRef *ref);

/* ---- inline, because a hit does it for each cell ---- */

static inline uint32
exact_generation(ExactNo cell)
{
	return pg_atomic_read_u32(&exact_cells[cell].generation);
}

/* Keeps the cell from being taken for another tag soon. */
static inline void
exact_use(ExactNo cell)
{
	if (pg_atomic_read_u32(&exact_cells[cell].used) == 0)
		pg_atomic_write_u32(&exact_cells[cell].used, 1);
}

#ifdef AC_TEST_HOOKS
/* The cell that is taken next, unless it was used lately. */
extern void exact_set_hand(ExactNo cell);
#endif

#endif /* AC_CACHE_EXACT_H */
