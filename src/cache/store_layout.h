/*
 * store_layout.h
 *		How the memory store lies in shared memory; for store.c and eviction.c only.
 */
#ifndef AC_CACHE_STORE_LAYOUT_H
#define AC_CACHE_STORE_LAYOUT_H

#include "port/atomics.h"

#include "cache/databases.h"

/* No block. */
#define NONE PG_UINT32_MAX

/* Three cache lines: a small answer with its key and its cells fits one block. */
#define BLOCK_SIZE 192
#define ENTRY_DATA (BLOCK_SIZE - 32)
#define CONTINUATION_DATA (BLOCK_SIZE - 8)

/* The first block of an entry, which goes by this block's number. */
typedef struct Entry
{
	pg_atomic_uint32 sequence; /* of every block; odd: being changed, or no first block */
	uint32 next;			   /* of every block: the entry's next one, or the next free one */
	uint64 hash;
	uint32 newer; /* the queue */
	uint32 older;
	pg_atomic_uint32 visited;
	uint16 image_size;
	DatabaseNo database;
	char data[ENTRY_DATA];
} Entry;

typedef struct Continuation
{
	pg_atomic_uint32 sequence;
	uint32 next;
	char data[CONTINUATION_DATA];
} Continuation;

typedef union Block
{
	Entry entry;
	Continuation more;
} Block;

/* Changed under AC_LOCK_STORE, read without. */
typedef struct DatabaseUsage
{
	pg_atomic_uint64 entries;
	pg_atomic_uint64 bytes;
} DatabaseUsage;

typedef struct StoreState
{
	uint32 nblocks;
	uint32 nbuckets;
	/* The rest is guarded by AC_LOCK_STORE. */
	uint32 blocks_used; /* those above were never used */
	uint32 free_block;
	uint32 free_blocks; /* in the list, without those never used */
	uint32 newest;
	uint32 oldest;
	uint32 hand;
	DatabaseUsage usage[MAX_DATABASES];
} StoreState;

#endif /* AC_CACHE_STORE_LAYOUT_H */
