/*
 * store.c
 *		The memory store: finished answers by key.
 *
 * Two arrays in shared memory, sized at server start and never grown:
 *
 *   buckets	eight references each, one cache line; a reference is the upper half of a
 *				hash and the number of an entry.  A key has one bucket.
 *   blocks		of three cache lines.  An entry goes by the number of its first
 *				block, which has its sequence number, hash, place in the
 *				eviction queue, and the beginning of its image (header, cells,
 *				key, payload); a chain of further blocks has what does not fit.
 *				Blocks have one size, so that memory does not fragment.
 *
 * Locking: every change is made under AC_LOCK_STORE, exclusively, by code
 * that neither allocates nor raises nor computes; it copies an image into
 * blocks and moves a few numbers, for at most MAX_EVICTIONS evictions.
 * Fetching takes no lock.  It copies the image and then looks whether the
 * entry's sequence number is what it was before and even.  Taking an entry
 * away makes it odd before anything else, and it stays odd, whatever the block
 * is used for, until the block holds a whole entry again.
 * A copy may thus be torn, so its numbers are checked before they are used
 * to address anything, and nothing is believed of it until the number is.
 *
 * dshash would have taken a partition's lock for each hit, and thereby
 * written a cache line that the hits of all backends share.
 * eviction.c chooses what goes.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/shmem.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/counters.h"
#include "cache/eviction.h"
#include "cache/store.h"
#include "cache/store_layout.h"

#define BUCKET_REFS 8
/* At most half of the references are used, so that few buckets are full. */
#define BLOCKS_PER_BUCKET (BUCKET_REFS / 2)
/* What a block takes with its share of a bucket. */
#define BLOCK_COST (sizeof(Block) + sizeof(Bucket) / BLOCKS_PER_BUCKET)
#define MAX_BLOCKS_PER_ENTRY (1 + (MAX_ENTRY_SIZE - ENTRY_DATA + CONTINUATION_DATA - 1) / CONTINUATION_DATA)
/* How many entries go for one that comes. */
#define MAX_EVICTIONS (MAX_BLOCKS_PER_ENTRY + 1)

typedef struct Bucket
{
	/* upper half of the hash << 32 | entry + 1; 0: empty */
	pg_atomic_uint64 refs[BUCKET_REFS];
} Bucket;

/* An image is this, the cells, the key and the payload. */
typedef struct ImageHeader
{
	uint16 key_size;
	uint16 payload_size;
	uint16 ncells;
	uint16 zero;
	uint64 words;
	int64 valid_from;
	int64 valid_until;
} ImageHeader;

static StoreState *store = NULL;
static Bucket *buckets = NULL;
static Block *blocks = NULL;

/* This backend's copy of the image fetched last; the header needs alignment. */
static union
{
	ImageHeader header;
	char bytes[MAX_ENTRY_SIZE + CONTINUATION_DATA];
} fetched;

void
store_shmem_init(Size budget)
{
	/* The state, and both arrays aligned. */
	Size other = CACHELINEALIGN(sizeof(StoreState)) + 2 * PG_CACHE_LINE_SIZE + sizeof(Bucket);
	uint32 nblocks = Min((budget - other) / BLOCK_COST, NONE - 1);
	uint32 nbuckets = nblocks / BLOCKS_PER_BUCKET + 1;
	bool found;

	StaticAssertStmt(sizeof(Block) == BLOCK_SIZE, "blocks are whole cache lines");
	store = ShmemInitStruct("availability_cache store", budget, &found);
	buckets = (Bucket *) CACHELINEALIGN((char *) store + sizeof(StoreState));
	blocks = (Block *) CACHELINEALIGN((char *) (buckets + nbuckets));
	if (found)
		return;
	store->nblocks = nblocks;
	store->nbuckets = nbuckets;
	store->blocks_used = store->free_blocks = 0;
	store->free_block = NONE;
	store->newest = store->oldest = store->hand = NONE;
	for (uint32 b = 0; b < nbuckets; b++)
	{
		for (int s = 0; s < BUCKET_REFS; s++)
			pg_atomic_init_u64(&buckets[b].refs[s], 0);
	}
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		pg_atomic_init_u64(&store->usage[i].entries, 0);
		pg_atomic_init_u64(&store->usage[i].bytes, 0);
	}
	/* Blocks are written when first used: a large memory starts as fast as a small one. */
}

uint64
store_hash(const char *key, uint32 key_size)
{
	return hash_bytes_extended((const unsigned char *) key, key_size, 0);
}

static Bucket *
bucket_of(uint64 hash)
{
	return &buckets[(uint64) (uint32) hash * store->nbuckets >> 32];
}

static uint64
ref_value(uint64 hash, uint32 e)
{
	return (hash & UINT64CONST(0xFFFFFFFF00000000)) | (e + 1);
}

/* ---- fetching: no lock ---- */

/* Copies an entry's image; false if it changed meanwhile, or there is none. */
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
	b = entry->next;
	if (size < sizeof(ImageHeader) || size > MAX_ENTRY_SIZE)
		return false;
	memcpy(fetched.bytes, entry->data, ENTRY_DATA);
	AC_TEST_SLEEP(ac_sleep_in_copy);
	for (uint32 copied = ENTRY_DATA; copied < size; copied += CONTINUATION_DATA)
	{
		if (b >= store->nblocks)
			return false;
		memcpy(fetched.bytes + copied, blocks[b].more.data, CONTINUATION_DATA);
		b = blocks[b].more.next;
	}
	pg_read_barrier();
	return pg_atomic_read_u32(&entry->sequence) == before;
}

/* Points found to the parts of the image fetched last, which is whole. */
static void
open_image(StoredEntry *found)
{
	char *p = fetched.bytes + sizeof(ImageHeader);

	found->cells = (const CellNo *) p;
	found->ncells = fetched.header.ncells;
	found->words = fetched.header.words;
	p += found->ncells * sizeof(CellNo);
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

	for (int s = 0; s < BUCKET_REFS; s++)
	{
		uint64 ref = pg_atomic_read_u64(&bucket->refs[s]);
		Entry *entry;

		if (ref == 0 || (ref ^ hash) >> 32 != 0)
			continue;
		entry = &blocks[(uint32) ref - 1].entry;
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
	return store->blocks_used;
}

static uint32
blocks_for(uint32 image_size)
{
	if (image_size <= ENTRY_DATA)
		return 1;
	return 1 + (image_size - ENTRY_DATA + CONTINUATION_DATA - 1) / CONTINUATION_DATA;
}

static uint32
cost(const Entry *entry)
{
	return blocks_for(entry->image_size) * BLOCK_COST;
}

void
store_usage(DatabaseNo database, uint64 *entries, uint64 *bytes)
{
	*entries = pg_atomic_read_u64(&store->usage[database].entries);
	*bytes = pg_atomic_read_u64(&store->usage[database].bytes);
}

bool
store_fetch_place(uint32 place, StoredEntry *found, EntryInfo *info)
{
	Entry *entry = &blocks[place].entry;

	if (!copy_image(entry))
		return false;
	open_image(found);
	info->database = entry->database;
	info->visited = pg_atomic_read_u32(&entry->visited) != 0;
	info->bytes = cost(entry);
	return true;
}

/* ---- changing: the caller holds AC_LOCK_STORE exclusively ---- */

/* From even to odd and back. */
static void
advance_sequence(Entry *entry)
{
	pg_atomic_write_u32(&entry->sequence, pg_atomic_read_u32(&entry->sequence) + 1);
}

static bool
is_entry(uint32 b)
{
	return (pg_atomic_read_u32(&blocks[b].entry.sequence) & 1) == 0;
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

	if (b != NONE)
	{
		store->free_block = blocks[b].more.next;
		store->free_blocks--;
		return b;
	}
	b = store->blocks_used;
	pg_atomic_init_u32(&blocks[b].more.sequence, 1);
	/* Listings look at those used. */
	pg_write_barrier();
	store->blocks_used++;
	return b;
}

/* Gives an entry's chain back, so that it is taken in the same order. */
static void
free_blocks(uint32 e)
{
	uint32 n = blocks_for(blocks[e].entry.image_size);
	uint32 last = e;

	for (uint32 i = 1; i < n; i++)
		last = blocks[last].more.next;
	blocks[last].more.next = store->free_block;
	store->free_block = e;
	store->free_blocks += n;
}

static void
remove_entry(uint32 e)
{
	Entry *entry = &blocks[e].entry;
	Bucket *bucket = bucket_of(entry->hash);

	for (int s = 0; s < BUCKET_REFS; s++)
	{
		if (pg_atomic_read_u64(&bucket->refs[s]) == ref_value(entry->hash, e))
			pg_atomic_write_u64(&bucket->refs[s], 0);
	}
	pg_atomic_fetch_sub_u64(&store->usage[entry->database].entries, 1);
	pg_atomic_fetch_sub_u64(&store->usage[entry->database].bytes, cost(entry));
	advance_sequence(entry);
	pg_write_barrier();
	eviction_remove(store, blocks, e);
	free_blocks(e);
}

static bool
evict_one(void)
{
	uint32 e = eviction_choose(store, blocks);

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

	for (int s = 0; s < BUCKET_REFS; s++)
	{
		uint64 ref = pg_atomic_read_u64(&bucket->refs[s]);

		if (ref != 0 && blocks[(uint32) ref - 1].entry.hash == hash)
			return (uint32) ref - 1;
	}
	return NONE;
}

/* A reference for a new entry; a full bucket loses one that was not asked for lately. */
static pg_atomic_uint64 *
make_ref(uint64 hash, int *evicted)
{
	Bucket *bucket = bucket_of(hash);
	int victim = 0;

	for (int s = 0; s < BUCKET_REFS; s++)
	{
		uint64 ref = pg_atomic_read_u64(&bucket->refs[s]);

		if (ref == 0)
			return &bucket->refs[s];
		if (pg_atomic_read_u32(&blocks[(uint32) ref - 1].entry.visited) == 0)
			victim = s;
	}
	remove_entry((uint32) pg_atomic_read_u64(&bucket->refs[victim]) - 1);
	(*evicted)++;
	return &bucket->refs[victim];
}

/* Writes an image into its first block and, where it does not fit, further ones. */
static void
write_image(Entry *entry, const char *image, uint32 size)
{
	uint32 *link = &entry->next;
	uint32 done = Min(size, ENTRY_DATA);

	entry->image_size = size;
	memcpy(entry->data, image, done);
	while (done < size)
	{
		uint32 n = Min(size - done, CONTINUATION_DATA);
		uint32 b = take_block();

		memcpy(blocks[b].more.data, image + done, n);
		*link = b;
		link = &blocks[b].more.next;
		done += n;
	}
	*link = NONE;
}

static uint32
insert_entry(pg_atomic_uint64 *ref, uint64 hash, const char *image, uint32 size, DatabaseNo database, bool visited)
{
	uint32 e = take_block();
	Entry *entry = &blocks[e].entry;

	entry->hash = hash;
	entry->database = database;
	pg_atomic_write_u32(&entry->visited, visited);
	write_image(entry, image, size);
	eviction_add(store, blocks, e);
	pg_write_barrier();
	advance_sequence(entry);
	pg_atomic_fetch_add_u64(&store->usage[database].entries, 1);
	pg_atomic_fetch_add_u64(&store->usage[database].bytes, cost(entry));
	pg_atomic_write_u64(ref, ref_value(hash, e));
	return e;
}

/* Makes room for an image of this size; false if there is not enough to be had. */
static bool
make_room(uint32 size, int *evicted)
{
	while (blocks_available() < blocks_for(size))
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
						  .ncells = entry->ncells,
						  .words = entry->words,
						  .valid_from = entry->valid_from,
						  .valid_until = entry->valid_until};

	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	memcpy(p, entry->cells, entry->ncells * sizeof(CellNo));
	p += entry->ncells * sizeof(CellNo);
	memcpy(p, entry->key, entry->key_size);
	p += entry->key_size;
	memcpy(p, entry->payload, entry->payload_size);
	return image;
}

bool
store_keep(const StoredEntry *entry, uint64 hash, uint32 *place)
{
	Size size = sizeof(ImageHeader) + entry->ncells * sizeof(CellNo) + entry->key_size + entry->payload_size;
	DatabaseNo database = database_my_number();
	int evicted = 0;
	bool stored = false;
	char *image;
	uint32 old;

	/* One answer may not take more than a small part of the memory. */
	if (size > MAX_ENTRY_SIZE || size > (Size) store->nblocks * BLOCK_SIZE / 8)
		return false;
	image = build_image(entry, size);

	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	old = find_same_hash(hash);
	if (old != NONE)
		remove_entry(old);
	if (make_room(size, &evicted))
	{
		pg_atomic_uint64 *ref = make_ref(hash, &evicted);

		/* Who replaces an outdated answer is a second one to ask for it. */
		*place = insert_entry(ref, hash, image, size, database, old != NONE);
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
	DatabaseNo database = database_my_number();
	uint32 n = store_count_places();
	int64 dropped = 0;

	for (uint32 first = 0; first < n; first += 256)
	{
		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
		for (uint32 e = first; e < Min(first + 256, n); e++)
		{
			if (is_entry(e) && blocks[e].entry.database == database)
			{
				remove_entry(e);
				dropped++;
			}
		}
		LWLockRelease(ac_lock(AC_LOCK_STORE));
	}
	return dropped;
}
