/*
 * store.c
 *		The memory store: finished answers by key.
 *
 * Three arrays in shared memory, sized at server start and never grown:
 *
 *   buckets	eight slots each, one cache line; a slot is the upper half of a
 *				hash and the number of an entry.  A key has one bucket.
 *   entries	what is known of an entry: sequence number, hash, first block,
 *				its place in the eviction queue.
 *   blocks		128 bytes, chained by number; an entry's image (header,
 *				dependencies, key, payload) lies across a chain of them, so
 *				that memory does not fragment.
 *
 * Locking: every change is made under AC_LOCK_STORE, exclusively, by code
 * that neither allocates nor raises nor computes; it copies an image into
 * blocks and moves a few numbers, for at most MAX_EVICTIONS evictions.
 * Fetching takes no lock.  It copies the image and then looks whether the
 * entry's sequence number is what it was before and even; a change makes it
 * odd before it touches the entry or gives its blocks away, and even after.
 * A copy may thus be torn, so its numbers are checked before they are used
 * to address anything, and nothing is believed of it until the number is.
 *
 * dshash would have taken a partition's lock for each hit, and thereby
 * written a cache line that the hits of all backends share.
 * eviction.c chooses what goes.
 */
#include "availability_cache.h"

#include "common/hashfn.h"
#include "counters.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"
#include "store_layout.h"
#include "utils/memutils.h"

#define BLOCK_SIZE 128
#define BLOCK_DATA (BLOCK_SIZE - sizeof(uint32))
#define BUCKET_SLOTS 8
#define MAX_BLOCKS_PER_ENTRY ((MAX_ENTRY_SIZE + BLOCK_DATA - 1) / BLOCK_DATA)
/* How many entries go for one that comes. */
#define MAX_EVICTIONS (MAX_BLOCKS_PER_ENTRY + 1)
/* Blocks per entry that the arrays are sized for. */
#define BLOCKS_PER_ENTRY 3

typedef struct Block
{
	uint32 next;
	char data[BLOCK_DATA];
} Block;

typedef struct Bucket
{
	/* upper half of the hash << 32 | entry + 1; 0: empty */
	pg_atomic_uint64 slots[BUCKET_SLOTS];
} Bucket;

/* An image is this, the dependencies, the key and the payload. */
typedef struct ImageHeader
{
	uint32 key_size;
	uint32 payload_size;
	uint32 ndependencies;
	uint32 zero;
	int64 valid_from;
	int64 valid_until;
} ImageHeader;

StoreState *store = NULL;
static Bucket *buckets;
Entry *entries = NULL;
static Block *blocks;

/* This backend's copy of the image fetched last; the header needs alignment. */
static union
{
	ImageHeader header;
	char bytes[MAX_ENTRY_SIZE + BLOCK_DATA];
} fetched;

static uint32
count_entries(Size budget)
{
	Size per_entry = sizeof(Entry) + BLOCKS_PER_ENTRY * sizeof(Block) + BUCKET_SLOTS / 2 * sizeof(uint64);

	return Min(budget / per_entry, PG_UINT32_MAX / 8);
}

static uint32
count_buckets(uint32 nentries)
{
	/* At most half of the slots are used, so that few buckets are full. */
	return pg_nextpower2_32(Max(nentries / (BUCKET_SLOTS / 2), 16));
}

/* The arrays for nentries entries; what is left of the budget goes to blocks. */
static Size
fixed_size(uint32 nentries)
{
	return CACHELINEALIGN(sizeof(StoreState)) + PG_CACHE_LINE_SIZE + (Size) count_buckets(nentries) * sizeof(Bucket) +
		   CACHELINEALIGN((Size) nentries * sizeof(Entry));
}

void
store_shmem_init(Size budget)
{
	bool found;
	uint32 nentries = count_entries(budget);
	char *p;

	store = ShmemInitStruct("availability_cache store", budget, &found);
	p = (char *) CACHELINEALIGN((char *) store + sizeof(StoreState));
	buckets = (Bucket *) p;
	p += (Size) count_buckets(nentries) * sizeof(Bucket);
	entries = (Entry *) p;
	p += CACHELINEALIGN((Size) nentries * sizeof(Entry));
	blocks = (Block *) p;
	if (found)
		return;
	store->nentries = nentries;
	store->nbuckets = count_buckets(nentries);
	store->nblocks = Min((budget - fixed_size(nentries)) / sizeof(Block), NONE - 1);
	store->entries_used = store->blocks_used = store->free_blocks = 0;
	store->free_entry = store->free_block = NONE;
	store->newest = store->oldest = store->hand = NONE;
	for (uint32 b = 0; b < store->nbuckets; b++)
	{
		for (int s = 0; s < BUCKET_SLOTS; s++)
			pg_atomic_init_u64(&buckets[b].slots[s], 0);
	}
	/* Entries and blocks are written when first used: a large memory starts as fast as a small one. */
}

uint64
store_hash(const char *key, uint32 key_size)
{
	return hash_bytes_extended((const unsigned char *) key, key_size, 0);
}

static Bucket *
bucket_of(uint64 hash)
{
	return &buckets[(uint32) hash & (store->nbuckets - 1)];
}

static uint64
slot_value(uint64 hash, uint32 e)
{
	return (hash & UINT64CONST(0xFFFFFFFF00000000)) | (e + 1);
}

/* ---- fetching: no lock ---- */

/* Copies an entry's image; false if it changed meanwhile. */
static bool
copy_image(Entry *entry)
{
	uint32 before = pg_atomic_read_u32(&entry->sequence);
	uint32 size;
	uint32 b;

	if (before & 1)
		return false;
	pg_read_barrier();
	size = entry->image_size;
	b = entry->first_block;
	if (size < sizeof(ImageHeader) || size > MAX_ENTRY_SIZE)
		return false;
	for (uint32 copied = 0; copied < size; copied += BLOCK_DATA)
	{
		if (b >= store->nblocks)
			return false;
		memcpy(fetched.bytes + copied, blocks[b].data, BLOCK_DATA);
		b = blocks[b].next;
	}
	pg_read_barrier();
	return pg_atomic_read_u32(&entry->sequence) == before;
}

/* Points found to the parts of the image fetched last, which is whole. */
static void
open_image(StoredEntry *found)
{
	char *p = fetched.bytes + sizeof(ImageHeader);

	found->dependencies = (const Dependency *) p;
	found->ndependencies = fetched.header.ndependencies;
	p += found->ndependencies * sizeof(Dependency);
	found->key = p;
	found->key_size = fetched.header.key_size;
	p += found->key_size;
	found->payload = p;
	found->payload_size = fetched.header.payload_size;
	found->valid_from = fetched.header.valid_from;
	found->valid_until = fetched.header.valid_until;
}

bool
store_fetch(const char *key, uint32 key_size, uint64 hash, StoredEntry *found)
{
	Bucket *bucket = bucket_of(hash);

	for (int s = 0; s < BUCKET_SLOTS; s++)
	{
		uint64 slot = pg_atomic_read_u64(&bucket->slots[s]);
		Entry *entry;

		if (slot == 0 || (slot ^ hash) >> 32 != 0)
			continue;
		entry = &entries[(uint32) slot - 1];
		if (!copy_image(entry))
			continue;
		open_image(found);
		if (found->key_size != key_size || memcmp(found->key, key, key_size) != 0)
			continue;
		if (pg_atomic_read_u32(&entry->visited) == 0)
			pg_atomic_write_u32(&entry->visited, 1);
		return true;
	}
	return false;
}

uint32
store_count_places(void)
{
	return store->entries_used;
}

bool
store_fetch_place(uint32 place, StoredEntry *found, EntryInfo *info)
{
	Entry *entry = &entries[place];

	if (entry->first_block == NONE || !copy_image(entry))
		return false;
	open_image(found);
	info->database = entry->database;
	info->visited = pg_atomic_read_u32(&entry->visited) != 0;
	info->bytes = sizeof(Entry) + entry->nblocks * sizeof(Block);
	return true;
}

/* ---- changing: the caller holds AC_LOCK_STORE exclusively ---- */

static void
begin_change(Entry *entry)
{
	pg_atomic_write_u32(&entry->sequence, pg_atomic_read_u32(&entry->sequence) + 1);
	pg_write_barrier();
}

static void
end_change(Entry *entry)
{
	pg_write_barrier();
	pg_atomic_write_u32(&entry->sequence, pg_atomic_read_u32(&entry->sequence) + 1);
}

static uint32
blocks_available(void)
{
	return store->free_blocks + (store->nblocks - store->blocks_used);
}

static uint32
take_block(void)
{
	uint32 b = store->free_block;

	if (b == NONE)
		return store->blocks_used++;
	store->free_block = blocks[b].next;
	store->free_blocks--;
	return b;
}

static uint32
take_entry(void)
{
	uint32 e = store->free_entry;

	if (e != NONE)
		store->free_entry = entries[e].newer;
	else
	{
		e = store->entries_used;
		pg_atomic_init_u32(&entries[e].sequence, 0);
		entries[e].first_block = NONE;
		pg_write_barrier();
		store->entries_used++;
	}
	return e;
}

/* Gives a chain of blocks back. */
static void
free_blocks(Entry *entry)
{
	uint32 b = entry->first_block;

	for (uint32 i = 0; i < entry->nblocks; i++)
	{
		uint32 next = blocks[b].next;

		blocks[b].next = store->free_block;
		store->free_block = b;
		b = next;
	}
	store->free_blocks += entry->nblocks;
}

static void
remove_entry(uint32 e)
{
	Entry *entry = &entries[e];
	Bucket *bucket = bucket_of(entry->hash);

	for (int s = 0; s < BUCKET_SLOTS; s++)
	{
		if (pg_atomic_read_u64(&bucket->slots[s]) == slot_value(entry->hash, e))
			pg_atomic_write_u64(&bucket->slots[s], 0);
	}
	counters_entry_removed(entry->database, sizeof(Entry) + entry->nblocks * sizeof(Block));
	begin_change(entry);
	queue_remove(e);
	free_blocks(entry);
	entry->first_block = NONE;
	entry->image_size = 0;
	end_change(entry);
	entry->newer = store->free_entry;
	store->free_entry = e;
}

static bool
evict_one(void)
{
	uint32 e = choose_victim();

	if (e == NONE)
		return false;
	remove_entry(e);
	return true;
}

/* The entry that a new one of this hash takes the place of, NONE if there is none. */
static uint32
find_same_hash(uint64 hash)
{
	Bucket *bucket = bucket_of(hash);

	for (int s = 0; s < BUCKET_SLOTS; s++)
	{
		uint64 slot = pg_atomic_read_u64(&bucket->slots[s]);

		if (slot != 0 && entries[(uint32) slot - 1].hash == hash)
			return (uint32) slot - 1;
	}
	return NONE;
}

/* A slot for a new entry; a full bucket loses one that was not asked for lately. */
static pg_atomic_uint64 *
make_slot(uint64 hash, int *evicted)
{
	Bucket *bucket = bucket_of(hash);
	int victim = 0;

	for (int s = 0; s < BUCKET_SLOTS; s++)
	{
		uint64 slot = pg_atomic_read_u64(&bucket->slots[s]);

		if (slot == 0)
			return &bucket->slots[s];
		if (pg_atomic_read_u32(&entries[(uint32) slot - 1].visited) == 0)
			victim = s;
	}
	remove_entry((uint32) pg_atomic_read_u64(&bucket->slots[victim]) - 1);
	(*evicted)++;
	return &bucket->slots[victim];
}

static void
write_image(Entry *entry, const char *image, uint32 size)
{
	uint32 *link = &entry->first_block;

	entry->image_size = size;
	entry->nblocks = 0;
	for (uint32 done = 0; done < size; done += BLOCK_DATA)
	{
		uint32 b = take_block();

		memcpy(blocks[b].data, image + done, Min(BLOCK_DATA, size - done));
		*link = b;
		link = &blocks[b].next;
		entry->nblocks++;
	}
	*link = NONE;
}

static uint32
insert_entry(pg_atomic_uint64 *slot, uint64 hash, const char *image, uint32 size, DatabaseSlot database)
{
	uint32 e = take_entry();
	Entry *entry = &entries[e];

	begin_change(entry);
	entry->hash = hash;
	entry->database = database;
	pg_atomic_write_u32(&entry->visited, 0);
	write_image(entry, image, size);
	queue_add(e);
	end_change(entry);
	counters_entry_added(database, sizeof(Entry) + entry->nblocks * sizeof(Block));
	pg_atomic_write_u64(slot, slot_value(hash, e));
	return e;
}

/* Makes room for an image of this size; false if there is not enough to be had. */
static bool
make_room(uint32 size, int *evicted)
{
	uint32 need = (size + BLOCK_DATA - 1) / BLOCK_DATA;

	while (blocks_available() < need || (store->free_entry == NONE && store->entries_used == store->nentries))
	{
		if (*evicted >= MAX_EVICTIONS || !evict_one())
			return false;
		(*evicted)++;
	}
	return true;
}

/* ---- the caller's side of changing ---- */

/* Lays an entry out in one piece; the caller frees it. */
static char *
build_image(const StoredEntry *entry, uint32 size)
{
	char *image = palloc(size);
	char *p = image;
	ImageHeader header = {.key_size = entry->key_size,
						  .payload_size = entry->payload_size,
						  .ndependencies = entry->ndependencies,
						  .valid_from = entry->valid_from,
						  .valid_until = entry->valid_until};

	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	memcpy(p, entry->dependencies, entry->ndependencies * sizeof(Dependency));
	p += entry->ndependencies * sizeof(Dependency);
	memcpy(p, entry->key, entry->key_size);
	p += entry->key_size;
	memcpy(p, entry->payload, entry->payload_size);
	return image;
}

bool
store_put(const StoredEntry *entry, uint64 hash, uint32 *place)
{
	Size size = sizeof(ImageHeader) + entry->ndependencies * sizeof(Dependency) + entry->key_size + entry->payload_size;
	DatabaseSlot database = counters_my_database();
	int evicted = 0;
	bool stored = false;
	char *image;
	uint32 old;

	/* One answer may not take more than a small part of the memory. */
	if (size > MAX_ENTRY_SIZE || size > (Size) store->nblocks * BLOCK_DATA / 8)
		return false;
	image = build_image(entry, size);

	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	old = find_same_hash(hash);
	if (old != NONE)
		remove_entry(old);
	if (make_room(size, &evicted))
	{
		pg_atomic_uint64 *slot = make_slot(hash, &evicted);

		*place = insert_entry(slot, hash, image, size, database);
		stored = true;
	}
	LWLockRelease(ac_lock(AC_LOCK_STORE));

	pfree(image);
	counter_add(COUNTER_EVICTIONS, evicted);
	return stored;
}

int64
store_drop_database(void)
{
	DatabaseSlot database = counters_my_database();
	uint32 n = store_count_places();
	int64 dropped = 0;

	for (uint32 first = 0; first < n; first += 256)
	{
		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
		for (uint32 e = first; e < Min(first + 256, n); e++)
		{
			if (entries[e].first_block != NONE && entries[e].database == database)
			{
				remove_entry(e);
				dropped++;
			}
		}
		LWLockRelease(ac_lock(AC_LOCK_STORE));
	}
	return dropped;
}
