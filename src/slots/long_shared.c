/*
 * long_shared.c
 *		What all sessions know of a stylist's bookings that take more than a day.
 *
 * Where no index holds only them, to find them takes a look at all of the
 * stylist's bookings.  So that each stylist's are looked at once, and not by
 * each session, they are an entry of the memory store, which depends on the
 * tag that their changes touch and on the definitions, and is judged like an
 * answer: it is exact for a snapshot that was taken before it was found current.
 *
 * Locking: none is held here; store.c and cells.c have their own.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

#include "base/test_hooks.h"
#include "cache/store.h"
#include "slots/long_shared.h"
#include "slots/sources.h"
#include "slots/tags.h"

/* Of more it is cheaper to look again. */
#define MAX_SHARED 512

/* No padding. */
typedef struct LongKey
{
	Oid dboid;
	pg_uuid_t stylist;
} LongKey;

static LongKey
key_of(const pg_uuid_t *stylist)
{
	StaticAssertStmt(sizeof(LongKey) == 20, "keys are compared as bytes");
	return (LongKey){MyDatabaseId, *stylist};
}

static StoreKey
store_key_of(const LongKey *key)
{
	return (StoreKey){FORMAT_LONG_BOOKINGS, (const char *) key, sizeof(*key)};
}

static bool
may_share(uint64 clock)
{
	return clock != NO_CLOCK && sources_settled();
}

bool
long_shared_fetch(LongBookings *found, uint64 clock)
{
	LongKey key = key_of(&found->stylist);
	StoreKey store_key = store_key_of(&key);
	StoredEntry entry;

	if (!may_share(clock) || !store_fetch(&store_key, store_hash(&store_key), &entry))
		return false;
	/* The snapshot came before. */
	pg_memory_barrier();
	if (cells_status(&entry.on) != CELLS_CURRENT && !AC_MUTATED(AC_MUTANT_NO_SHARED_CHECK))
		return false;
	cells_use(&entry.on);
	memcpy(&found->n, entry.payload, sizeof(found->n));
	found->bookings = palloc(Max(found->n, 1) * sizeof(LongBooking));
	memcpy(found->bookings, entry.payload + sizeof(found->n), found->n * sizeof(LongBooking));
	return true;
}

void
long_shared_keep(const LongBookings *found, uint64 clock)
{
	LongKey key = key_of(&found->stylist);
	StoredEntry entry = {.key = store_key_of(&key),
						 .payload_size = sizeof(found->n) + found->n * sizeof(LongBooking),
						 .on = {.clock = clock, .definitions = true},
						 .valid_from = DT_NOBEGIN,
						 .valid_until = DT_NOEND};
	Tag tag = tag_of_long_bookings(&found->stylist);
	ExactNo cell;
	char *payload;
	uint32 place;

	if (found->n > MAX_SHARED || !may_share(clock) || !sources_confirm(clock) ||
		cells_depend(&entry.on, &tag, 1, &cell) != CELLS_CURRENT)
		return;
	entry.payload = payload = palloc(entry.payload_size);
	memcpy(payload, &found->n, sizeof(found->n));
	memcpy(payload + sizeof(found->n), found->bookings, found->n * sizeof(LongBooking));
	(void) store_keep(&entry, store_hash(&entry.key), &place);
}
