/*
 * store.h
 *		The memory store: finished answers by key.
 *
 * Keys and payloads are bytes to it.  What makes an entry valid is stored
 * with it and judged by the caller.
 */
#ifndef AC_CACHE_STORE_H
#define AC_CACHE_STORE_H

#include "cache/cells.h"
#include "cache/databases.h"

/* A longer key is not kept. */
#define MAX_KEY_SIZE PG_UINT16_MAX

/*
 * A key, and what form its payload has.  Those who keep answers number
 * theirs; keys of different formats are different.
 */
typedef struct StoreKey
{
	uint8 format;
	const char *bytes;
	uint32 size;
} StoreKey;

/* An entry as it was put or fetched. */
typedef struct StoredEntry
{
	StoreKey key;
	const char *payload;
	uint32 payload_size;
	Dependencies on;
	int64 valid_from;  /* a timestamp; exact from here */
	int64 valid_until; /* up to, not including, here */
	uint32 place;	   /* where it was fetched */
} StoredEntry;

/* What a listing shows of an entry besides its content. */
typedef struct EntryInfo
{
	bool visited;
	bool hit;	   /* this very answer was given */
	uint8 asked;   /* how often the key was, by its logarithm: up to MAX_ASKED, four for each doubling */
	uint8 history; /* whether the key's last seven answers before this one were, a bit each */
	uint32 bytes;  /* of the memory, with its share of a bucket */
} EntryInfo;

#define MAX_ASKED 100

/*
 * While this backend asks on its own account, and not for anybody who wants the
 * answer: it does not count as asked.
 */
extern bool store_is_warming;

/* Takes budget bytes of shared memory. */
extern void store_shmem_init(Size budget);

extern uint64 store_hash(const StoreKey *key);

/*
 * Copies the entry of this key.  The result points into memory of this
 * backend that the next call overwrites.  Takes no lock and writes nothing
 * that others share, except once after eviction has passed by.
 */
extern bool store_fetch(const StoreKey *key, uint64 hash, StoredEntry *found);

/* The entry that was just fetched is given as an answer. */
extern void store_note_hit(const StoredEntry *found);

/* The same as store_fetch, which does not count as asking. */
extern bool store_peek(const StoreKey *key, uint64 hash, StoredEntry *found, EntryInfo *info);

/* What was asked for is forgotten, by one. */
extern void store_age(uint32 place);

/* Keeps an entry in place of the one of the same key; if it cannot, false, and place is not set. */
extern bool store_keep(const StoredEntry *entry, uint64 hash, uint32 *place);

/* Takes away the entry of this hash, if there is one. */
extern void store_drop(uint64 hash);

/*
 * Lets the entries of this backend's database go whose clock is before this
 * one; they are outdated.  Returns how many were there.
 */
extern int64 store_flush(uint64 clock);

/* The same for a database that is gone, by its number: nothing is left for the next one that has it. */
extern void store_forget(DatabaseNo database);

/* What a database's entries take now. */
extern void store_usage(DatabaseNo database, Oid dboid, uint64 *entries, uint64 *bytes);

/* For listings: 0 .. store_count_places() - 1. */
extern uint32 store_count_places(void);
extern bool store_fetch_place(uint32 place, StoredEntry *found, EntryInfo *info);

#endif /* AC_CACHE_STORE_H */
