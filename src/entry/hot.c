/*
 * hot.c
 *		The keys that memory knows, those first that are asked for most.
 *
 * Locking: none; entries that change while they are read are passed over.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "entry/hot.h"
#include "memo/key.h"
#include "slots/key.h"

/* The first of a list's room. */
#define FIRST_ROOM 256

Oid
hot_database(const StoreKey *key)
{
	Oid dboid;

	/* All begin with it. */
	if ((key->format != FORMAT_DAY && key->format != FORMAT_DAY_LASTING && !is_call_key(key)) ||
		key->size < sizeof(dboid))
		return InvalidOid;
	memcpy(&dboid, key->bytes, sizeof(dboid));
	return dboid;
}

void
hot_add(HotKeys *hot, const StoreKey *key, uint8 asked)
{
	HotKey *added;

	if (hot->n == hot->room)
	{
		Size size = sizeof(HotKey) * (hot->room == 0 ? FIRST_ROOM : hot->room * 2);

		hot->keys = hot->room == 0 ? MemoryContextAllocHuge(hot->context, size)
								   : repalloc_huge(hot->keys, size);
		hot->room = size / sizeof(HotKey);
	}
	added = &hot->keys[hot->n++];
	added->hash = store_hash(key);
	added->asked = asked;
	added->key = *key;
	added->key.bytes = memcpy(MemoryContextAlloc(hot->context, key->size), key->bytes, key->size);
}

static int
by_heat(const void *a, const void *b)
{
	const HotKey *first = a;
	const HotKey *second = b;

	if (first->asked != second->asked)
		return first->asked > second->asked ? -1 : 1;
	return first->hash < second->hash ? -1 : first->hash > second->hash;
}

void
hot_sort(HotKeys *hot, int64 max)
{
	qsort(hot->keys, hot->n, sizeof(HotKey), by_heat);
	while (hot->n > max)
		pfree((char *) hot->keys[--hot->n].key.bytes);
}

void
hot_read(HotKeys *hot, HotWanted wanted, int64 max, MemoryContext context)
{
	uint32 n = store_count_places();

	*hot = (HotKeys){.context = context};
	for (uint32 place = 0; place < n; place++)
	{
		StoredEntry entry;
		EntryInfo info;

		CHECK_FOR_INTERRUPTS();
		if (!store_fetch_place(place, &entry, &info) || !OidIsValid(hot_database(&entry.key)) ||
			!wanted(&entry, &info))
			continue;
		hot_add(hot, &entry.key, info.asked);
		/* Not all of a large memory at once. */
		if (hot->n >= 2 * max + FIRST_ROOM)
			hot_sort(hot, max);
	}
	hot_sort(hot, max);
}
