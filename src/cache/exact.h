/*
 * exact.h
 *		Exact cells: a version cell of its own for each tag that a kept answer depends on.
 */
#ifndef AC_CACHE_EXACT_H
#define AC_CACHE_EXACT_H

#include "cache/tag.h"
#include "cache/version.h"

/* Of a cell, 0 .. number of cells - 1. */
typedef uint32 ExactNo;

/* A tag's cell, by number and generation: with another generation it is another tag's. */
typedef struct ExactRef
{
	ExactNo cell;
	uint32 generation;
} ExactRef;

/* Takes budget bytes of shared memory. */
extern void exact_shmem_init(Size budget);

extern VersionCell *exact_cell(ExactNo cell);
extern uint32 exact_generation(ExactNo cell);
/* Keeps the cell from being taken for another tag soon. */
extern void exact_use(ExactNo cell);

/* For who changes the tag: its cell, if there is one.  It may be another's by now, which does no harm. */
extern bool exact_find(Tag tag, ExactNo *cell);

/*
 * For who depends on the tag: its cell, which is another's if it has to be.
 * False if there is none to be had.  A cell that is made knows of no xid.
 */
extern bool exact_find_or_make(Tag tag, ExactRef *ref, bool *made);

#endif /* AC_CACHE_EXACT_H */
