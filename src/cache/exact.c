/*
 * exact.c
 *		Exact cells: a version cell of its own for each tag that a kept answer depends on.
 *
 * Owns a hash table of cells in shared memory, sized at server start.  A tag
 * can be in two buckets of eight cells, so that nearly all cells are in use
 * before one has to be taken away.  Cells are made when something is kept
 * that depends on the tag, and never freed: where both buckets are full, one
 * that was not used lately is taken for the new tag, and answers that depended
 * on it are computed again.
 *
 * An answer names a cell by its number and generation.  Named by its tag
 * alone it would come to life again when the cell goes to another tag and
 * back, after a change that found no cell.  The word and last_xid of a cell
 * that is taken are not lowered: lowered before the generation is another,
 * they make an outdated answer good.  test/model/reuse.pml has the protocol.
 *
 * Locking: AC_LOCK_CELLS, exclusively, to take a cell for a tag; so no tag
 * has two.  Taking makes the generation odd, changes the tag, and makes the
 * generation even; whoever reads a tag without lock and rests on it reads the
 * generation before and after.  All fields are atomics.
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/exact.h"

#define BUCKET_CELLS 8
/* Where a tag can be. */
#define CANDIDATES (2 * BUCKET_CELLS)
/* No tag that has exact cells is as small: see tag.h. */
#define NO_TAG 0

typedef struct ExactState
{
	uint32 nbuckets;
} ExactState;

static ExactState *state = NULL;
/* A bucket's follow each other. */
ExactCell *exact_cells = NULL;

#define BUCKET_SIZE (BUCKET_CELLS * sizeof(ExactCell))

static void
init_cell(ExactCell *cell)
{
	version_init(&cell->version);
	pg_atomic_init_u64(&cell->tag, NO_TAG);
	pg_atomic_init_u32(&cell->generation, 0);
	pg_atomic_init_u32(&cell->used, 0);
}

static uint32
count_buckets(Size budget)
{
	uint32 n = Min((budget - 2 * PG_CACHE_LINE_SIZE) / BUCKET_SIZE, PG_INT32_MAX / BUCKET_CELLS);

#ifdef AC_TEST_HOOKS
	if (ac_test_exact_buckets > 0)
		n = Min(n, ac_test_exact_buckets);
#endif
	return n;
}

void
exact_shmem_init(Size budget)
{
	bool found;

	StaticAssertStmt(sizeof(ExactCell) == 32, "a cell does not lie across two cache lines");
	state = ShmemInitStruct("availability_cache exact cells", budget, &found);
	exact_cells = (ExactCell *) CACHELINEALIGN((char *) state + sizeof(ExactState));
	if (found)
		return;
	state->nbuckets = count_buckets(budget);
	for (ExactNo cell = 0; cell < state->nbuckets * BUCKET_CELLS; cell++)
		init_cell(&exact_cells[cell]);
}

/* One of the cells where a tag can be; the first half of them are in one bucket. */
static inline ExactNo
candidate(Tag tag, int i)
{
	uint64 hash = i < BUCKET_CELLS ? tag >> 32 : (uint32) tag;

	return (hash * state->nbuckets >> 32) * BUCKET_CELLS + i % BUCKET_CELLS;
}

bool
exact_find(Tag tag, ExactNo *cell)
{
	for (int i = 0; i < CANDIDATES; i++)
	{
		*cell = candidate(tag, i);
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

static bool
was_used(ExactNo cell)
{
	return pg_atomic_read_u32(&exact_cells[cell].used) != 0;
}

static bool
is_free(ExactNo cell)
{
	return pg_atomic_read_u64(&exact_cells[cell].tag) == NO_TAG;
}

/* A free cell, in the emptier bucket. */
static bool
choose_free(Tag tag, ExactNo *chosen)
{
	int free[2] = {0, 0};
	int emptier;

	for (int i = 0; i < CANDIDATES; i++)
		free[i / BUCKET_CELLS] += is_free(candidate(tag, i));
	if (free[0] + free[1] == 0)
		return false;
	/* They are filled from the front. */
	emptier = free[0] < free[1];
	*chosen = candidate(tag, (emptier + 1) * BUCKET_CELLS - free[emptier]);
	return true;
}

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

/* A cell that was not used lately. */
static bool
choose_used(Tag tag, const ExactNo *named, int n, ExactNo *chosen)
{
	bool found = false;

	for (int i = 0; i < CANDIDATES; i++)
	{
		ExactNo cell = candidate(tag, (tag + i) % CANDIDATES);

		if (!may_take(cell, named, n))
			continue;
		if (!found || (was_used(*chosen) && !was_used(cell)))
			*chosen = cell;
		found = true;
	}
	/* All were used: their time is over. */
	for (int i = 0; found && was_used(*chosen) && i < CANDIDATES; i++)
	{
		if (candidate(tag, i) != *chosen)
			pg_atomic_write_u32(&exact_cells[candidate(tag, i)].used, 0);
	}
	return found;
}

static void
advance_generation(ExactCell *cell)
{
	pg_atomic_fetch_add_u32(&cell->generation, 1);
}

static void
take(ExactCell *cell, Tag tag)
{
	if (AC_MUTATED(AC_MUTANT_WORD_LOWERED))
		pg_atomic_write_u64(&cell->version.word, 0);
	if (AC_MUTATED(AC_MUTANT_TAG_FIRST))
		pg_atomic_write_u64(&cell->tag, tag);
	AC_TEST_SLEEP(ac_sleep_in_take);
	advance_generation(cell);
	pg_atomic_write_u64(&cell->tag, tag);
	pg_atomic_write_u32(&cell->used, 0);
	advance_generation(cell);
	if (AC_MUTATED(AC_MUTANT_NAMED_BY_TAG))
		pg_atomic_write_u32(&cell->generation, (uint32) tag & ~1);
}

static bool
find_or_take(Tag tag, const ExactNo *named, int n, ExactRef *ref)
{
	if (find_ref(tag, ref))
		return true;
	if (!choose_free(tag, &ref->cell) && !choose_used(tag, named, n, &ref->cell))
		return false;
	take(&exact_cells[ref->cell], tag);
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
