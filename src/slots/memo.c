/*
 * memo.c
 *		Whether what a session remembers is still what it would read.
 */
#include "postgres.h"

#include "port/atomics.h"

#include "base/test_hooks.h"
#include "slots/memo.h"
#include "slots/sources.h"

bool
memo_is_good(const MemoBase *base, uint64 clock)
{
	if (clock == NO_CLOCK || !sources_settled() || base->generation != sources_generation())
		return false;
	/* The snapshot came before. */
	pg_memory_barrier();
	return cells_status(&base->on) == CELLS_CURRENT || AC_MUTATED(AC_MUTANT_NO_MEMO_CHECK);
}

static bool
rest_on(MemoBase *base, uint64 clock, const Tag *tags, uint32 ntags)
{
	base->generation = 0;
	if (clock == NO_CLOCK || !sources_settled())
		return false;
	base->on.clock = clock;
	if (cells_depend(&base->on, tags, ntags, &base->cell) != CELLS_CURRENT)
		return false;
	base->generation = sources_generation();
	return true;
}

bool
memo_rest_on(MemoBase *base, uint64 clock, Tag tag)
{
	return rest_on(base, clock, &tag, 1);
}

bool
memo_rest_on_database(MemoBase *base, uint64 clock)
{
	return rest_on(base, clock, NULL, 0);
}
