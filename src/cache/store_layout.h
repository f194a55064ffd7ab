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
#define CONTINUATION_DATA (BLOCK_SIZE - 12)

/* An image is this, the cells, the key and the payload. */
typedef struct ImageHeader
{
	uint64 clock;
	int64 valid_from;
	int64 valid_until;
	uint32 generations;
	uint8 ncells;
	uint8 definitions : 1;
	uint8
		history : 7; /* whether the key's answers before this one were asked for, the last one in the lowest bit */
	uint16 key_size;
} ImageHeader;

/* What an entry's mark says. */
enum
{
	NOT_VISITED,
	VISITED,	/* since the hand passed by; or an answer before it was */
	VISITED_HIT /* this very answer was given */
};

/* The first block of an entry, which goes by this block's number. */
typedef struct Entry
{
	pg_atomic_uint32 sequence; /* of every block; odd: being changed, or no first block */
	uint32 next;			   /* of every block: the entry's next one, or the next free one */
	uint8 visited; /* set by hits, without lock, and perhaps when the block is something else by then */
	uint8 format;
	uint8 database; /* a DatabaseNo */
	uint8 asked;	/* see note_asked(); written by hits likewise */
	uint32 image_size;
	uint64 hash;
	uint32 newer; /* the queue */
	uint32 older;
	union
	{
		ImageHeader header;
		char bytes[ENTRY_DATA];
	} image; /* as much as fits */
} Entry;

typedef struct Continuation
{
	pg_atomic_uint32 sequence;
	uint32 next;
	uint32 unused; /* where an entry has what hits write */
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
	pg_atomic_uint32 dboid;	  /* whose it is: a number can go to another database */
	pg_atomic_uint64 flushed; /* entries with an earlier clock are dead, and not counted */
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

/* Whether an entry of this clock was let go by a flush, or is of a database that is gone. */
static inline bool
clock_is_flushed(StoreState *store, DatabaseNo database, uint64 clock)
{
	return clock < pg_atomic_read_u64(&store->usage[database].flushed);
}

static inline bool
entry_is_dead(StoreState *store, const Entry *entry)
{
	return clock_is_flushed(store, entry->database, entry->image.header.clock);
}

#endif /* AC_CACHE_STORE_LAYOUT_H */
