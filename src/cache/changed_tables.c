/*
 * changed_tables.c
 *		Which tables' changes outdate answers, and when.
 *
 * A transaction remembers the tables that its triggers were called for, and
 * adds one to each when it is about to commit.  The table in shared memory
 * only grows; tables for which there is no place are not counted.
 *
 * Locking: none.  A place is taken by writing its key, and what it counts are
 * atomics.  An hour's number begins anew by whoever comes first in that hour;
 * one who comes at the same moment may not be counted.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "cache/changed_tables.h"

#define PLACES 512
/* So many are looked at. */
#define REACH 32
/* More tables of one transaction are not counted. */
#define MAX_NOTED 32

typedef struct Place
{
	pg_atomic_uint64 key; /* database << 32 | table; 0: free */
	pg_atomic_uint64 changes;
	pg_atomic_uint64 hours[CHANGED_HOURS]; /* the hour << 32 | how many in it */
} Place;

static Place *places = NULL;

static Oid noted[MAX_NOTED];
static int nnoted = 0;

Size
changed_tables_shmem_size(void)
{
	return PLACES * sizeof(Place);
}

void
changed_tables_shmem_init(void)
{
	bool found;

	places = ShmemInitStruct("availability_cache changed tables", changed_tables_shmem_size(), &found);
	if (found)
		return;
	for (int i = 0; i < PLACES; i++)
	{
		pg_atomic_init_u64(&places[i].key, 0);
		pg_atomic_init_u64(&places[i].changes, 0);
		for (int h = 0; h < CHANGED_HOURS; h++)
			pg_atomic_init_u64(&places[i].hours[h], 0);
	}
}

void
changed_table_note(Oid relid)
{
	for (int i = nnoted - 1; i >= 0; i--)
	{
		if (noted[i] == relid)
			return;
	}
	if (nnoted < MAX_NOTED)
		noted[nnoted++] = relid;
}

static Place *
place_of(Oid relid)
{
	uint64 key = (uint64) MyDatabaseId << 32 | relid;
	uint32 hash = murmurhash32(relid ^ MyDatabaseId);

	for (int i = 0; places != NULL && i < REACH; i++)
	{
		Place *place = &places[(hash + i) % PLACES];
		uint64 there = pg_atomic_read_u64(&place->key);

		if (there == key ||
			(there == 0 && (pg_atomic_compare_exchange_u64(&place->key, &there, key) || there == key)))
			return place;
	}
	return NULL;
}

static uint64
hour_of(TimestampTz moment)
{
	return moment / USECS_PER_HOUR;
}

static void
count_hour(Place *place, uint64 hour)
{
	pg_atomic_uint64 *counted = &place->hours[hour % CHANGED_HOURS];
	uint64 said = pg_atomic_read_u64(counted);

	if (said >> 32 != hour && !pg_atomic_compare_exchange_u64(counted, &said, hour << 32) &&
		said >> 32 != hour)
		return;
	pg_atomic_fetch_add_u64(counted, 1);
}

void
changed_tables_publish(void)
{
	uint64 hour = nnoted > 0 ? hour_of(GetCurrentTimestamp()) : 0;

	for (int i = 0; i < nnoted; i++)
	{
		Place *place = place_of(noted[i]);

		if (place == NULL)
			continue;
		pg_atomic_fetch_add_u64(&place->changes, 1);
		count_hour(place, hour);
	}
}

void
changed_tables_forget(void)
{
	nnoted = 0;
}

Oid
changed_table_first(void)
{
	return nnoted > 0 ? noted[0] : InvalidOid;
}

int
changed_tables_count_places(void)
{
	return PLACES;
}

bool
changed_table_read(int place, ChangedTable *out)
{
	uint64 key = pg_atomic_read_u64(&places[place].key);
	uint64 now = hour_of(GetCurrentTimestamp());

	if (key == 0)
		return false;
	out->dboid = key >> 32;
	out->relid = (Oid) key;
	out->changes = pg_atomic_read_u64(&places[place].changes);
	for (int ago = 0; ago < CHANGED_HOURS; ago++)
	{
		uint64 said = pg_atomic_read_u64(&places[place].hours[(now - ago) % CHANGED_HOURS]);

		out->hours[ago] = said >> 32 == now - ago ? said & PG_UINT32_MAX : 0;
	}
	return true;
}
