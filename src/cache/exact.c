/*
 * exact.c
 *		Exact cells: a version cell of its own for each tag that a kept answer depends on.
 *
 * Owns an array of cells in shared memory and an index of it, both sized at
 * server start.  Cells are made when something is kept that depends on the
 * tag, and never freed.  A hand goes round over the array and takes those
 * that were not used since it passed by, free ones first of all; answers that
 * depended on one are computed again.  So the cells that an answer brings
 * along lie side by side, and a hit reads few cache lines; the index is only
 * for who has a tag, to change it or to keep something.
 *
 * The index has a reference to the cell of each tag, in one of two buckets of
 * eight.  Where both are full, a tag takes the cell of one that is there.
 *
 * An answer names a cell by its number and generation.  Named by its tag
 * alone it would come to life again when the cell goes to another tag and
 * back, after a change that found no cell.  The word and last_xid of a cell
 * that is taken are not lowered: lowered before the generation is another,
 * they make an outdated answer good.  test/model/reuse.pml has the protocol.
 *
 * Locking: AC_LOCK_CELLS, exclusively, to take a cell for a tag; so no tag
 * has two.  Taking makes the generation odd, changes references and tag, and
 * makes the generation even; whoever reads a tag without lock and rests on it
 * reads the generation before and after.  All that is read without lock are
 * atomics.
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/exact.h"

#define BUCKET_REFS 8
/* Where a tag's reference can be. */
#define CANDIDATES (2 * BUCKET_REFS)
/* No tag that has exact cells is as small: see tag.h. */
#define NO_TAG 0
#define NO_REF 0

typedef struct ExactState
{
	ExactNo ncells;
	uint32 nbuckets;
	ExactNo hand; /* who holds AC_LOCK_CELLS moves it */
} ExactState;

static ExactState *state = NULL;
ExactCell *exact_cells = NULL;
/* The upper half of a tag, and its cell's number and 1. A bucket's follow each other, in one cache line. */
static pg_atomic_uint64 *refs = NULL;

#define BUCKET_SIZE (BUCKET_REFS * sizeof(pg_atomic_uint64))

static void
init_cell(ExactCell *cell)
{
	version_init(&cell->version);
	pg_atomic_init_u64(&cell->tag, NO_TAG);
	pg_atomic_init_u32(&cell->generation, 0);
	pg_atomic_init_u32(&cell->used, 0);
}

/* Four references for three cells: then a tag hardly ever finds both its buckets full. */
static uint32
count_buckets(ExactNo ncells)
{
	return Max(ncells / 6, 1);
}

static ExactNo
count_cells(Size budget)
{
	Size six = 6 * sizeof(ExactCell) + BUCKET_SIZE;
	ExactNo n = (budget - 2 * PG_CACHE_LINE_SIZE) / six * 6;

#ifdef AC_TEST_HOOKS
	if (ac_test_exact_cells > 0)
		n = Min(n, ac_test_exact_cells);
#endif
	return n;
}

void
exact_shmem_init(Size budget)
{
	ExactNo ncells = count_cells(budget);
	uint32 nbuckets = count_buckets(ncells);
	bool found;

	StaticAssertStmt(sizeof(ExactCell) == 32, "cells do not lie across cache lines");
	state = ShmemInitStruct("availability_cache exact cells", budget, &found);
	refs = (pg_atomic_uint64 *) CACHELINEALIGN((char *) state + sizeof(ExactState));
	exact_cells = (ExactCell *) (refs + nbuckets * BUCKET_REFS);
	if (found)
		return;
	*state = (ExactState){.ncells = ncells, .nbuckets = nbuckets};
	for (uint32 i = 0; i < nbuckets * BUCKET_REFS; i++)
		pg_atomic_init_u64(&refs[i], NO_REF);
	for (ExactNo cell = 0; cell < ncells; cell++)
		init_cell(&exact_cells[cell]);
}

/* ---- the index ---- */

static inline uint64
ref_to(Tag tag, ExactNo cell)
{
	return (tag & ~UINT64CONST(0xffffffff)) | (cell + 1);
}

/* Whether it can be the tag's. */
static inline bool
ref_is_like(uint64 ref, Tag tag)
{
	return ref != NO_REF && ref >> 32 == tag >> 32;
}

static inline ExactNo
ref_cell(uint64 ref)
{
	return (uint32) ref - 1;
}

/* One of the places where a tag's reference can be; the first half of them are in one bucket. */
static inline pg_atomic_uint64 *
candidate(Tag tag, int i)
{
	uint64 hash = i < BUCKET_REFS ? tag >> 32 : (uint32) tag;

	return &refs[(hash * state->nbuckets >> 32) * BUCKET_REFS + i % BUCKET_REFS];
}

bool
exact_find(Tag tag, ExactNo *cell)
{
	for (int i = 0; i < CANDIDATES; i++)
	{
		uint64 ref = pg_atomic_read_u64(candidate(tag, i));

		if (!ref_is_like(ref, tag))
			continue;
		*cell = ref_cell(ref);
		if (pg_atomic_read_u64(&exact_cells[*cell].tag) == tag)
			return true;
	}
	return false;
}

/* Whether the cell is the tag's, and has been since generation was read. */
static bool
is_tags_cell(ExactNo cell, Tag tag, uint32 *generation)
{
	*generation = exact_generation(cell);
	if (*generation & 1)
		return false;
	pg_read_barrier();
	if (pg_atomic_read_u64(&exact_cells[cell].tag) != tag)
		return false;
	pg_read_barrier();
	return exact_generation(cell) == *generation;
}

static bool
find_ref(Tag tag, ExactRef *ref)
{
	return exact_find(tag, &ref->cell) && is_tags_cell(ref->cell, tag, &ref->generation);
}

/* ---- taking: the caller holds AC_LOCK_CELLS exclusively ---- */

/* So many cells the hand passes by at most, of which the first half may have been used. */
#define HAND_STEPS 256

/* Not one with a change under way, nor one of the n named. */
static bool
may_take(ExactNo cell, const ExactNo *named, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (named[i] == cell)
			return false;
	}
	return VERSION_PENDING(pg_atomic_read_u64(&exact_cells[cell].version.word)) == 0;
}

/* And it is not, from now on. */
static bool
was_used(ExactNo cell)
{
	if (pg_atomic_read_u32(&exact_cells[cell].used) == 0)
		return false;
	pg_atomic_write_u32(&exact_cells[cell].used, 0);
	return true;
}

/* Of all cells, the next that was not used lately. */
static bool
choose_by_hand(const ExactNo *named, int n, ExactNo *chosen)
{
	for (int i = 0; i < HAND_STEPS; i++)
	{
		*chosen = state->hand;
		state->hand = (state->hand + 1) % state->ncells;
		if (may_take(*chosen, named, n) && !(i < HAND_STEPS / 2 && was_used(*chosen)))
			return true;
	}
	return false;
}

/*
 * Of the cells in the tag's buckets, which are full, one that was not used lately if
 * there is one; its place too.
 */
static pg_atomic_uint64 *
choose_in_buckets(Tag tag, const ExactNo *named, int n, ExactNo *chosen)
{
	pg_atomic_uint64 *place = NULL;

	for (int i = 0; i < CANDIDATES; i++)
	{
		pg_atomic_uint64 *other = candidate(tag, (tag + i) % CANDIDATES);
		ExactNo cell = ref_cell(pg_atomic_read_u64(other));

		if (!may_take(cell, named, n))
			continue;
		place = other;
		*chosen = cell;
		if (!was_used(cell))
			break;
	}
	return place;
}

/* In the emptier bucket; NULL if both are full. */
static pg_atomic_uint64 *
free_place(Tag tag)
{
	pg_atomic_uint64 *places[2] = {NULL, NULL};
	int free[2] = {0, 0};

	for (int i = 0; i < CANDIDATES; i++)
	{
		if (pg_atomic_read_u64(candidate(tag, i)) != NO_REF)
			continue;
		places[i / BUCKET_REFS] = candidate(tag, i);
		free[i / BUCKET_REFS]++;
	}
	return places[free[0] < free[1]];
}

/* The place of the cell's reference; NULL if it is free. */
static pg_atomic_uint64 *
place_of(ExactNo cell)
{
	Tag tag = pg_atomic_read_u64(&exact_cells[cell].tag);

	for (int i = 0; tag != NO_TAG && i < CANDIDATES; i++)
	{
		if (pg_atomic_read_u64(candidate(tag, i)) == ref_to(tag, cell))
			return candidate(tag, i);
	}
	return NULL;
}

static void
advance_generation(ExactCell *cell)
{
	pg_atomic_fetch_add_u32(&cell->generation, 1);
}

static void
set_ref(pg_atomic_uint64 *place, uint64 ref)
{
	if (place)
		pg_atomic_write_u64(place, ref);
}

/*
 * While an answer's generation is the cell's, its tag and the reference are there for
 * whoever changes the tag.
 */
static void
take(ExactNo no, Tag tag, pg_atomic_uint64 *place)
{
	ExactCell *cell = &exact_cells[no];

	if (AC_MUTATED(AC_MUTANT_WORD_LOWERED))
		pg_atomic_write_u64(&cell->version.word, 0);
	if (AC_MUTATED(AC_MUTANT_TAG_FIRST))
		pg_atomic_write_u64(&cell->tag, tag);
	if (AC_MUTATED(AC_MUTANT_REF_FIRST))
		set_ref(place_of(no), NO_REF);
	AC_TEST_SLEEP(ac_sleep_in_take);
	advance_generation(cell);
	set_ref(place_of(no), NO_REF);
	pg_atomic_write_u64(&cell->tag, tag);
	pg_atomic_write_u32(&cell->used, 0);
	set_ref(place, ref_to(tag, no));
	advance_generation(cell);
	if (AC_MUTATED(AC_MUTANT_NAMED_BY_TAG))
		pg_atomic_write_u32(&cell->generation, (uint32) tag & ~1);
}

static bool
find_or_take(Tag tag, const ExactNo *named, int n, ExactRef *ref)
{
	pg_atomic_uint64 *place;

	if (find_ref(tag, ref))
		return true;
	place = free_place(tag);
	if (place ? !choose_by_hand(named, n, &ref->cell)
			  : !(place = choose_in_buckets(tag, named, n, &ref->cell)))
		return false;
	take(ref->cell, tag, place);
	ref->generation = exact_generation(ref->cell);
	return true;
}

bool
exact_find_or_make(Tag tag, const ExactNo *named, int n, ExactRef *ref)
{
	bool found;

	if (find_ref(tag, ref))
	{
		exact_use(ref->cell);
		return true;
	}
	LWLockAcquire(ac_lock(AC_LOCK_CELLS), LW_EXCLUSIVE);
	found = find_or_take(tag, named, n, ref);
	LWLockRelease(ac_lock(AC_LOCK_CELLS));
	return found;
}

#ifdef AC_TEST_HOOKS
void
exact_set_hand(ExactNo cell)
{
	LWLockAcquire(ac_lock(AC_LOCK_CELLS), LW_EXCLUSIVE);
	state->hand = cell % state->ncells;
	LWLockRelease(ac_lock(AC_LOCK_CELLS));
}
#endif
