/*
 * hot.h
 *		The keys that memory knows, those first that are asked for most.
 */
#ifndef AC_ENTRY_HOT_H
#define AC_ENTRY_HOT_H

#include "cache/store.h"

typedef struct HotKey
{
	uint64 hash;
	uint8 asked;
	StoreKey key;
} HotKey;

typedef struct HotKeys
{
	MemoryContext context; /* of all */
	HotKey *keys;		   /* in order */
	int64 n;
	int64 room;
} HotKeys;

/* Whether a key is wanted. */
typedef bool (*HotWanted)(const StoredEntry *entry, const EntryInfo *info);

/* Reads memory; at most max keys, in the context given.  Bounded by the size of memory, and interruptible. */
extern void hot_read(HotKeys *hot, HotWanted wanted, int64 max, MemoryContext context);

/* Adds one, by itself; the order is then to be made by hot_sort, which also leaves no more than max. */
extern void hot_add(HotKeys *hot, const StoreKey *key, uint8 asked);
extern void hot_sort(HotKeys *hot, int64 max);

/* Whether a key is of a database; InvalidOid: its format is not known. */
extern Oid hot_database(const StoreKey *key);

#endif /* AC_ENTRY_HOT_H */
