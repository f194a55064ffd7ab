/*
 * eviction.c
 *		Which entry goes when the memory store is full.
 *
 * SIEVE: a queue in order of arrival, and a hand that moves from the oldest
 * to the newest, sparing (once) entries that were asked for since it last
 * passed by.  An entry asked for once in a flood goes before one that people
 * use.  A hit sets the entry's mark only where it is not set.
 *
 * Locking: the caller holds AC_LOCK_STORE exclusively.  Marks are set by hits
 * without lock; one lost costs an early eviction.
 */
#include "postgres.h"

#include "cache/eviction.h"

/* How far the hand moves for one eviction. */
#define MAX_HAND_STEPS 128

void
eviction_add(StoreState *store, Block *blocks, uint32 e)
{
	blocks[e].entry.newer = NONE;
	blocks[e].entry.older = store->newest;
	if (store->newest != NONE)
		blocks[store->newest].entry.newer = e;
	else
		store->oldest = e;
	store->newest = e;
}

void
eviction_remove(StoreState *store, Block *blocks, uint32 e)
{
	Entry *entry = &blocks[e].entry;

	if (store->hand == e)
		store->hand = entry->newer;
	if (entry->newer != NONE)
		blocks[entry->newer].entry.older = entry->older;
	else
		store->newest = entry->older;
	if (entry->older != NONE)
		blocks[entry->older].entry.newer = entry->newer;
	else
		store->oldest = entry->newer;
}

bool
eviction_spares(StoreState *store, const Entry *entry)
{
	return entry->visited && !entry_is_dead(store, entry);
}

uint32
eviction_choose(StoreState *store, Block *blocks)
{
	uint32 e = store->hand != NONE ? store->hand : store->oldest;

	for (int step = 0; step < MAX_HAND_STEPS && e != NONE && eviction_spares(store, &blocks[e].entry); step++)
	{
		blocks[e].entry.visited = NOT_VISITED;
		e = blocks[e].entry.newer != NONE ? blocks[e].entry.newer : store->oldest;
	}
	store->hand = e; /* eviction_remove moves it on */
	return e;
}
