/*
 * store_layout.h
 *		How the memory store lies in shared memory; for store.c and eviction.c only.
 */
#ifndef AC_STORE_LAYOUT_H
#define AC_STORE_LAYOUT_H

#include "availability_cache.h"

#include "port/atomics.h"
#include "store.h"

/* No entry, no block. */
#define NONE PG_UINT32_MAX

typedef struct Entry
{
	pg_atomic_uint32 sequence; /* odd: being changed */
	pg_atomic_uint32 visited;
	uint64 hash;
	uint32 first_block; /* NONE: the entry is free */
	uint32 image_size;
	uint32 newer; /* the queue; of free entries, the next free one */
	uint32 older;
	uint32 nblocks;
	DatabaseSlot database;
} Entry;

typedef struct StoreState
{
	uint32 nentries;
	uint32 nblocks;
	uint32 nbuckets; /* a power of two */
	/* The rest is guarded by AC_LOCK_STORE. */
	uint32 entries_used; /* those above were never used */
	uint32 free_entry;
	uint32 blocks_used;
	uint32 free_block;
	uint32 free_blocks; /* in the list, without those never used */
	uint32 newest;
	uint32 oldest;
	uint32 hand;
} StoreState;

extern StoreState *store;
extern Entry *entries;

/* The eviction queue.  Caller holds AC_LOCK_STORE exclusively. */
extern void queue_add(uint32 e);
extern void queue_remove(uint32 e);
/* The entry that should go next, NONE if there is none. */
extern uint32 choose_victim(void);

#endif /* AC_STORE_LAYOUT_H */
