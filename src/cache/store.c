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
 * that neither allocates nor raises nor computes; it copies a small image
 * into blocks and moves a few numbers, for at most MAX_EVICTIONS evictions.
 * A larger image gets its blocks in several turns and is copied without the
 * lock: nobody else knows those blocks.
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
#include "port/pg_bitutils.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/counters.h"
#include "cache/events.h"
#include "cache/eviction.h"
#include "cache/store.h"
#include "cache/store_layout.h"

#define BUCKET_REFS 8
/* At most half of the references are used, so that few buckets are full. */
#define BLOCKS_PER_BUCKET (BUCKET_REFS / 2)
/* What a block takes with its share of a bucket. */
#define BLOCK_COST (sizeof(Block) + sizeof(Bucket) / BLOCKS_PER_BUCKET)
/* So many entries go in one turn of the lock; an image with as many blocks is copied without it. */
#define MAX_EVICTIONS 64
/* No image is larger: the largest setting, a key, and what describes them. */
#define MAX_IMAGE_SIZE (MAX_ANSWER_SIZE_KB * 1024 + 128 * 1024)

typedef struct Bucket
{
	/* upper half of the hash << 32 | entry + 1; 0: empty */
	pg_atomic_uint64 refs[BUCKET_REFS];
} Bucket;

bool store_is_warming = false;

static StoreState *store = NULL;
static Bucket *buckets = NULL;
static Block *blocks = NULL;

/* This backend's copy of the image fetched last, in TopMemoryContext; it grows with what is fetched. */
static char *fetched = NULL;
static uint32 fetched_size = 0;

/* What this backend has taken away that would have answered still, and has not told of. */
static uint32 evicted_live = 0;
/* Told at most once in so long. */
#define TELL_INTERVAL USECS_PER_SEC

void
store_shmem_init(Size budget)
{
	/* The state, and both arrays aligned. */
	Size other = CACHELINEALIGN(sizeof(StoreState)) + 2 * PG_CACHE_LINE_SIZE + sizeof(Bucket);
	uint32 nblocks = Min((budget - other) / BLOCK_COST, NONE - 1);
	uint32 nbuckets = nblocks / BLOCKS_PER_BUCKET + 1;
	bool found;

	StaticAssertStmt(sizeof(Block) == BLOCK_SIZE, "blocks are whole cache lines");
	StaticAssertStmt(offsetof(Entry, asked) < offsetof(Continuation, data),
					 "a late mark does not hit an answer");
	StaticAssertStmt(MAX_DATABASES - 1 <= PG_UINT8_MAX, "an entry has a byte for its database");
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
		pg_atomic_init_u32(&store->usage[i].dboid, InvalidOid);
		pg_atomic_init_u64(&store->usage[i].flushed, 0);
		pg_atomic_init_u64(&store->usage[i].entries, 0);
		pg_atomic_init_u64(&store->usage[i].bytes, 0);
	}
	/* Blocks are written when first used: a large memory starts as fast as a small one. */
}

static inline uint64
mix(uint64 h)
{
	h ^= h >> 23;
	h *= UINT64CONST(0x2127599bf4325c37);
	return h ^ (h >> 47);
}

/*
 * fasthash64, which the server has from 17 on: three times as fast for keys of some
 * 200 bytes as hash_bytes_extended().
 */
uint64
store_hash(const StoreKey *key)
{
	const uint64 multiplier = UINT64CONST(0x880355f21e6d1965);
	uint64 h = key->format ^ (key->size * multiplier);
	uint32 i = 0;
	uint64 piece;

	for (; i + sizeof(piece) <= key->size; i += sizeof(piece))
	{
		memcpy(&piece, key->bytes + i, sizeof(piece));
		h = (h ^ mix(piece)) * multiplier;
	}
	piece = 0;
	memcpy(&piece, key->bytes + i, key->size - i);
	return mix((h ^ mix(piece)) * multiplier);
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

/* What an image and the rest of its last block take. */
static inline uint32
fetched_size_for(uint32 image_size)
{
	return image_size + BLOCK_SIZE;
}

/* Room for an image; false if there is no memory for it. */
static bool
grow_fetched(uint32 image_size)
{
	Size size = pg_nextpower2_32(Max(fetched_size_for(image_size), 4096));

	if (fetched != NULL)
		pfree(fetched);
	fetched = MemoryContextAllocExtended(TopMemoryContext, size, MCXT_ALLOC_NO_OOM);
	fetched_size = fetched == NULL ? 0 : size;
	return fetched != NULL;
}

/* Copies an entry's image, and what stands beside it; false if it changed meanwhile, or there is none. */
static bool
copy_image(Entry *entry, uint32 *size, StoredEntry *found)
{
	uint32 before = pg_atomic_read_u32(&entry->sequence);
	uint32 b;

	if (before & 1)
		return false;
	pg_read_barrier();
	*size = entry->image_size;
	b = entry->next;
	found->on.database = entry->database;
	found->key.format = entry->format;
	found->place = entry - &blocks[0].entry;
	if (*size < sizeof(ImageHeader) || *size > MAX_IMAGE_SIZE ||
		(fetched_size_for(*size) > fetched_size && !grow_fetched(*size)))
		return false;
	memcpy(fetched, entry->image.bytes, ENTRY_DATA);
	AC_TEST_SLEEP(ac_sleep_in_copy);
	for (uint32 copied = ENTRY_DATA; copied < *size; copied += CONTINUATION_DATA)
	{
		if (b >= store->nblocks)
			return false;
		memcpy(fetched + copied, blocks[b].more.data, CONTINUATION_DATA);
		b = blocks[b].more.next;
	}
	pg_read_barrier();
	return pg_atomic_read_u32(&entry->sequence) == before;
}

/* Points found to the parts of the image fetched last, which is whole. */
static void
open_image(uint32 size, StoredEntry *found)
{
	const ImageHeader *header = (const ImageHeader *) fetched;
	char *p = fetched + sizeof(ImageHeader);

	found->on.clock = header->clock;
	found->on.generations = header->generations;
	found->on.ncells = header->ncells;
	found->on.definitions = header->definitions;
	found->on.cells = (const ExactNo *) p;
	p += header->ncells * sizeof(ExactNo);
	found->key.bytes = p;
	found->key.size = header->key_size;
	p += header->key_size;
	found->payload = p;
	found->payload_size = fetched + size - p;
	found->valid_from = header->valid_from;
	found->valid_until = header->valid_until;
}

/* Copies and opens; false if there is no whole entry. */
static bool
fetch_entry(Entry *entry, StoredEntry *found)
{
	uint32 size;

	if (!copy_image(entry, &size, found))
		return false;
	open_image(size, found);
	return true;
}

/* entry_is_dead, of a copy. */
static bool
is_dead(const StoredEntry *entry)
{
	return clock_is_flushed(store, entry->on.database, entry->on.clock);
}

static bool
same_key(const StoreKey *a, const StoreKey *b)
{
	return a->format == b->format && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* The entry may be gone, and its block another's: see Continuation. */
static void
mark(Entry *entry)
{
	if (entry->visited)
		return;
	AC_TEST_SLEEP(ac_sleep_before_mark);
	if (AC_MUTATED(AC_MUTANT_MARK_IN_DATA))
		((Continuation *) entry)->data[22] = true;
	else
		entry->visited = VISITED;
}

/*
 * How often a key was asked for, in a byte: it goes up by one with a
 * probability of 1/2 for each four that it has, so that it tells the logarithm
 * and what is hot is hardly ever written.
 */
static uint8
note_asked(uint8 asked)
{
	static uint32 draw = 0;

	if (asked >= MAX_ASKED)
		return asked;
	draw = draw * 1664525 + 1013904223;
	return asked + ((uint64) draw >> (32 - asked / 4) == 0);
}

/* As mark(): the entry may be gone. */
void
store_note_hit(const StoredEntry *found)
{
	Entry *entry = &blocks[found->place].entry;
	uint8 asked = entry->asked;
	uint8 more;

	if (unlikely(store_is_warming))
		return;
	if (entry->visited != VISITED_HIT)
		entry->visited = VISITED_HIT;
	more = note_asked(asked);
	if (more != asked)
		entry->asked = more;
}

void
store_age(uint32 place)
{
	Entry *entry = &blocks[place].entry;
	uint8 asked = entry->asked;

	if (asked > 0)
		entry->asked = asked - 1;
}

static bool
find_entry(const StoreKey *key, uint64 hash, StoredEntry *found)
{
	Bucket *bucket = bucket_of(hash);

	for (int s = 0; s < BUCKET_REFS; s++)
	{
		uint64 ref = pg_atomic_read_u64(&bucket->refs[s]);
		Entry *entry;

		if (ref == 0 || (ref ^ hash) >> 32 != 0)
			continue;
		entry = &blocks[(uint32) ref - 1].entry;
		if (fetch_entry(entry, found) && same_key(&found->key, key) && !is_dead(found))
			return true;
	}
	return false;
}

bool
store_fetch(const StoreKey *key, uint64 hash, StoredEntry *found)
{
	if (!find_entry(key, hash, found))
		return false;
	mark(&blocks[found->place].entry);
	return true;
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
store_usage(DatabaseNo database, Oid dboid, uint64 *entries, uint64 *bytes)
{
	DatabaseUsage *usage = &store->usage[database];
	bool counted = pg_atomic_read_u32(&usage->dboid) == dboid;

	*entries = counted ? pg_atomic_read_u64(&usage->entries) : 0;
	*bytes = counted ? pg_atomic_read_u64(&usage->bytes) : 0;
}

/* Of the image fetched last, and what stands beside it. */
static void
tell_info(const Entry *entry, EntryInfo *info)
{
	info->visited = entry->visited != NOT_VISITED;
	info->hit = entry->visited == VISITED_HIT;
	info->asked = entry->asked;
	info->history = ((const ImageHeader *) fetched)->history;
	info->bytes = cost(entry);
}

bool
store_fetch_place(uint32 place, StoredEntry *found, EntryInfo *info)
{
	Entry *entry = &blocks[place].entry;

	if (!fetch_entry(entry, found) || is_dead(found))
		return false;
	tell_info(entry, info);
	return true;
}

bool
store_peek(const StoreKey *key, uint64 hash, StoredEntry *found, EntryInfo *info)
{
	if (!find_entry(key, hash, found))
		return false;
	tell_info(&blocks[found->place].entry, info);
	return true;
}

/* ---- changing: the caller holds AC_LOCK_STORE exclusively ---- */

/* From even to odd and back. */
static void
advance_sequence(Entry *entry)
{
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

/* An entry that comes or, with sign -1, goes. */
static void
count_entry(const Entry *entry, int sign)
{
	DatabaseUsage *usage = &store->usage[entry->database];

	if (entry_is_dead(store, entry))
		return;
	pg_atomic_fetch_add_u64(&usage->entries, sign);
	pg_atomic_fetch_add_u64(&usage->bytes, sign * (int64) cost(entry));
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
	count_entry(entry, -1);
	advance_sequence(entry);
	pg_write_barrier();
	eviction_remove(store, blocks, e);
	free_blocks(e);
}

/*
 * Whether it would answer still.  Cells that are not in the first block, which an
 * entry with many has, are taken for current.
 */
static bool
is_live(const Entry *entry)
{
	const ImageHeader *header = &entry->image.header;
	Dependencies on = {.clock = header->clock,
					   .database = entry->database,
					   .definitions = header->definitions,
					   .generations = header->generations,
					   .ncells = header->ncells,
					   .cells = (const ExactNo *) (entry->image.bytes + sizeof(ImageHeader))};

	return GetCurrentTimestamp() < header->valid_until &&
		   (sizeof(ImageHeader) + header->ncells * sizeof(ExactNo) > ENTRY_DATA ||
			cells_status(&on) == CELLS_CURRENT);
}

/* Takes an entry away for another; a dead one is no loss. */
static void
evict(uint32 e, int *evicted)
{
	if (!entry_is_dead(store, &blocks[e].entry))
	{
		(*evicted)++;
		evicted_live += is_live(&blocks[e].entry);
	}
	remove_entry(e);
}

static bool
evict_one(int *evicted)
{
	uint32 e = eviction_choose(store, blocks);

	if (e == NONE)
		return false;
	evict(e, evicted);
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
		if (!eviction_spares(store, &blocks[(uint32) ref - 1].entry))
			victim = s;
	}
	evict((uint32) pg_atomic_read_u64(&bucket->refs[victim]) - 1, evicted);
	return &bucket->refs[victim];
}

/* ---- keeping ---- */

/* Blocks that nobody else knows of, chained. */
typedef struct Chain
{
	uint32 first;
	uint32 last;
	uint32 n;
} Chain;

static void
add_block(Chain *chain)
{
	uint32 b = take_block();

	if (chain->n++ == 0)
		chain->first = b;
	else
		blocks[chain->last].more.next = b;
	chain->last = b;
	blocks[b].more.next = NONE;
}

static void
give_back(const Chain *chain)
{
	if (chain->n == 0)
		return;
	blocks[chain->last].more.next = store->free_block;
	store->free_block = chain->first;
	store->free_blocks += chain->n;
}

/*
 * Takes n blocks, and takes away what is in their way.  The caller holds the
 * lock, which others get in between if it is much.  False if there are not
 * as many to be had: others may be taking them.
 */
static bool
take_blocks(Chain *chain, uint32 n, int *evicted)
{
	int turn = 0;
	int64 most = 2 * (int64) n + MAX_EVICTIONS;

	for (int64 taken = 0; chain->n < n; taken++)
	{
		if (blocks_available() > 0)
		{
			add_block(chain);
			continue;
		}
		if (taken >= most || !evict_one(evicted))
			return false;
		if (++turn % MAX_EVICTIONS == 0)
		{
			LWLockRelease(ac_lock(AC_LOCK_STORE));
			LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
		}
	}
	return true;
}

/* Nobody else knows the blocks. */
static void
write_image(const Chain *chain, const char *image, uint32 size)
{
	Entry *entry = &blocks[chain->first].entry;
	uint32 b = entry->next;

	entry->image_size = size;
	memcpy(entry->image.bytes, image, Min(size, ENTRY_DATA));
	for (uint32 done = ENTRY_DATA; done < size; done += CONTINUATION_DATA)
	{
		memcpy(blocks[b].more.data, image + done, Min(size - done, CONTINUATION_DATA));
		b = blocks[b].more.next;
	}
}

/* What is known of a key from the answer before. */
typedef struct Past
{
	bool counted; /* there was one */
	uint8 asked;
	uint8 history;
} Past;

/* Takes away the entry of this hash, for which there is a new one. */
static void
remove_same_hash(uint64 hash, Past *past)
{
	uint32 old = find_same_hash(hash);
	Entry *entry;

	if (old == NONE)
		return;
	entry = &blocks[old].entry;
	if (!entry_is_dead(store, entry))
		*past = (Past){true, entry->asked,
					   entry->image.header.history << 1 | (entry->visited == VISITED_HIT)};
	remove_entry(old);
}

/* Makes an entry of blocks that have an image. */
static void
publish(const Chain *chain, const StoredEntry *kept, uint64 hash, const Past *past, int *evicted)
{
	uint32 e = chain->first;
	Entry *entry = &blocks[e].entry;
	pg_atomic_uint64 *ref = make_ref(hash, evicted);

	entry->hash = hash;
	entry->database = kept->on.database;
	entry->format = kept->key.format;
	/* Who replaces an outdated answer is a second one to ask for it. */
	entry->visited = past->counted ? VISITED : NOT_VISITED;
	entry->asked = store_is_warming ? past->asked : note_asked(past->asked);
	entry->image.header.history = past->history;
	eviction_add(store, blocks, e);
	pg_write_barrier();
	advance_sequence(entry);
	count_entry(entry, 1);
	pg_atomic_write_u64(ref, ref_value(hash, e));
}

/* What is older than the clock does not count. */
static void
start_over(DatabaseUsage *usage, uint64 clock)
{
	pg_atomic_write_u64(&usage->flushed, clock);
	pg_atomic_write_u64(&usage->entries, 0);
	pg_atomic_write_u64(&usage->bytes, 0);
}

/* The number went to another database, or is free: what is older than the clock does not count. */
static void
begin_usage(DatabaseNo database, Oid dboid, uint64 clock)
{
	DatabaseUsage *usage = &store->usage[database];

	if (pg_atomic_read_u32(&usage->dboid) == dboid)
		return;
	start_over(usage, Max(clock, pg_atomic_read_u64(&usage->flushed)));
	pg_atomic_write_u32(&usage->dboid, dboid);
}

/* Caller holds the lock, but for copying what is large. */
static bool
keep_image(const StoredEntry *entry, uint64 hash, const char *image, uint32 size, uint32 *place, int *evicted)
{
	uint32 n = blocks_for(size);
	Past past = {false, 0, 0};
	Chain chain = {.n = 0};

	remove_same_hash(hash, &past);
	if (!take_blocks(&chain, n, evicted))
	{
		give_back(&chain);
		return false;
	}
	if (n >= MAX_EVICTIONS)
		LWLockRelease(ac_lock(AC_LOCK_STORE));
	write_image(&chain, image, size);
	if (n >= MAX_EVICTIONS)
	{
		LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
		remove_same_hash(hash, &past);
	}
	publish(&chain, entry, hash, &past, evicted);
	*place = chain.first;
	return true;
}

static void
count_evictions(int evicted)
{
	static uint32 counted = 0;
	static TimestampTz told = 0;
	TimestampTz now;

	counter_add(COUNTER_EVICTIONS, evicted);
	if (evicted_live == 0)
		return;
	counter_add(COUNTER_EVICTIONS_LIVE, evicted_live - counted);
	counted = evicted_live;
	now = GetCurrentTimestamp();
	if (now >= told && now - told < TELL_INTERVAL)
		return;
	event_note(EVENT_EVICTION, "", "answers that were still good went to make room", NO_DURATION,
			   evicted_live);
	told = now;
	counted = evicted_live = 0;
}

/* Lays an entry out in one piece; the caller frees it. */
static char *
build_image(const StoredEntry *entry, uint32 size)
{
	char *image = palloc(size);
	char *p = image;
	ImageHeader header = {.clock = entry->on.clock,
						  .valid_from = entry->valid_from,
						  .valid_until = entry->valid_until,
						  .generations = entry->on.generations,
						  .ncells = entry->on.ncells,
						  .definitions = entry->on.definitions,
						  .key_size = entry->key.size};

	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	memcpy(p, entry->on.cells, entry->on.ncells * sizeof(ExactNo));
	p += entry->on.ncells * sizeof(ExactNo);
	memcpy(p, entry->key.bytes, entry->key.size);
	p += entry->key.size;
	memcpy(p, entry->payload, entry->payload_size);
	return image;
}

bool
store_keep(const StoredEntry *entry, uint64 hash, uint32 *place)
{
	Size size = sizeof(ImageHeader) + entry->on.ncells * sizeof(ExactNo) + entry->key.size +
				(Size) entry->payload_size;
	int evicted = 0;
	Oid dboid;
	bool kept;
	char *image;

	/* One answer may not take more than a small part of the memory. */
	if (entry->key.size > MAX_KEY_SIZE || entry->payload_size > (Size) ac_max_answer_size * 1024 ||
		size > (Size) store->nblocks * BLOCK_SIZE / 8)
		return false;
	(void) database_by_number(entry->on.database, &dboid);
	image = build_image(entry, size);

	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	begin_usage(entry->on.database, dboid, entry->on.clock);
	kept = keep_image(entry, hash, image, size, place, &evicted);
	LWLockRelease(ac_lock(AC_LOCK_STORE));

	pfree(image);
	if (evicted > 0)
		count_evictions(evicted);
	return kept;
}

void
store_drop(uint64 hash)
{
	Past unused;

	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	remove_same_hash(hash, &unused);
	LWLockRelease(ac_lock(AC_LOCK_STORE));
}

int64
store_flush(uint64 clock)
{
	DatabaseNo database = database_my_number();
	DatabaseUsage *usage = &store->usage[database];
	int64 flushed;
	Oid dboid;

	(void) database_by_number(database, &dboid);
	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	begin_usage(database, dboid, clock);
	flushed = pg_atomic_read_u64(&usage->entries);
	if (pg_atomic_read_u64(&usage->flushed) < clock)
		start_over(usage, clock);
	LWLockRelease(ac_lock(AC_LOCK_STORE));
	return flushed;
}

void
store_forget(DatabaseNo database)
{
	LWLockAcquire(ac_lock(AC_LOCK_STORE), LW_EXCLUSIVE);
	begin_usage(database, InvalidOid, cells_clock() + 1);
	LWLockRelease(ac_lock(AC_LOCK_STORE));
}
