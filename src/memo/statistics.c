/*
 * statistics.c
 *		What happened to calls of memoized functions.
 *
 * A table in shared memory by database and function, which only grows: a
 * place is taken by writing its key, and its counters are atomics.  How old
 * an answer was is noted only where the call is timed, so that a hit writes
 * no more than one counter that others write too.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"

#include "memo/statistics.h"

#define PLACES 4096
/* So many are looked at. */
#define REACH 64

typedef struct StatisticsPlace
{
	pg_atomic_uint64 key; /* database << 32 | function; 0: free */
	pg_atomic_uint64 counts[NCALL_COUNTS];
	pg_atomic_uint64 reason; /* kind << 32 | object */
	/* relation << 32 | column << 8 | WholeReason; 0: none.  Of two computations, where both write at once. */
	pg_atomic_uint64 sights[MAX_SIGHTS];
	pg_atomic_uint32 compute_times[HISTOGRAM_BUCKETS];
	pg_atomic_uint32 hit_ages[HISTOGRAM_BUCKETS];
} StatisticsPlace;

static StatisticsPlace *places = NULL;
static pg_atomic_uint64 *uncounted = NULL;

Size
statistics_shmem_size(void)
{
	return PLACES * sizeof(StatisticsPlace) + sizeof(pg_atomic_uint64);
}

void
statistics_shmem_init(void)
{
	bool found;

	places = ShmemInitStruct("availability_cache functions", statistics_shmem_size(), &found);
	uncounted = (pg_atomic_uint64 *) (places + PLACES);
	if (found)
		return;
	pg_atomic_init_u64(uncounted, 0);
	for (int i = 0; i < PLACES; i++)
	{
		pg_atomic_init_u64(&places[i].key, 0);
		pg_atomic_init_u64(&places[i].reason, 0);
		for (int c = 0; c < NCALL_COUNTS; c++)
			pg_atomic_init_u64(&places[i].counts[c], 0);
		for (int s = 0; s < MAX_SIGHTS; s++)
			pg_atomic_init_u64(&places[i].sights[s], 0);
		for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		{
			pg_atomic_init_u32(&places[i].compute_times[b], 0);
			pg_atomic_init_u32(&places[i].hit_ages[b], 0);
		}
	}
}

static StatisticsPlace *
find(Oid function, bool make)
{
	uint64 key = (uint64) MyDatabaseId << 32 | function;
	uint32 hash = murmurhash32(function ^ MyDatabaseId);

	for (int i = 0; places != NULL && i < REACH; i++)
	{
		StatisticsPlace *place = &places[(hash + i) % PLACES];
		uint64 there = pg_atomic_read_u64(&place->key);

		if (there == 0 && !make)
			return NULL;
		if (there == key ||
			(there == 0 && (pg_atomic_compare_exchange_u64(&place->key, &there, key) || there == key)))
			return place;
	}
	return NULL;
}

/* The same to count in; what it is not there for is counted as that. */
static StatisticsPlace *
find_to_count(Oid function)
{
	StatisticsPlace *place = find(function, true);

	if (place == NULL && places != NULL)
		pg_atomic_fetch_add_u64(uncounted, 1);
	return place;
}

bool
statistics_times_hit(Oid function)
{
	StatisticsPlace *place = find(function, false);
	uint64 hits = place == NULL ? 0 : pg_atomic_read_u64(&place->counts[CALLS_HIT]);

	return hits < 16 || hits % 64 == 0;
}

void
statistics_add(Oid function, CallCount which, uint64 n)
{
	StatisticsPlace *place = find_to_count(function);

	if (place != NULL)
		pg_atomic_fetch_add_u64(&place->counts[which], n);
}

void
statistics_note_computed(Oid function, int64 us)
{
	StatisticsPlace *place = find_to_count(function);

	if (place == NULL)
		return;
	pg_atomic_fetch_add_u64(&place->counts[CALLS_COMPUTED], 1);
	pg_atomic_fetch_add_u64(&place->counts[CALLS_COMPUTE_US], us);
	pg_atomic_fetch_add_u32(&place->compute_times[histogram_bucket(us)], 1);
}

void
statistics_note_age(Oid function, int64 age_us)
{
	StatisticsPlace *place = find(function, true);

	if (place != NULL)
		pg_atomic_fetch_add_u32(&place->hit_ages[histogram_bucket(age_us / HISTOGRAM_AGE_UNIT)], 1);
}

void
statistics_note_reason(Oid function, Reason reason)
{
	StatisticsPlace *place = find(function, true);

	if (place != NULL)
		pg_atomic_write_u64(&place->reason, (uint64) reason.kind << 32 | reason.object);
}

void
statistics_note_sights(Oid function, const Sight *sights, int n)
{
	StatisticsPlace *place = find(function, true);

	for (int s = 0; place != NULL && s < MAX_SIGHTS; s++)
	{
		uint64 said = s < n ? (uint64) sights[s].relid << 32 | (uint64) (uint16) sights[s].column << 8 |
								  sights[s].whole
							: 0;

		if (pg_atomic_read_u64(&place->sights[s]) != said)
			pg_atomic_write_u64(&place->sights[s], said);
	}
}

bool
statistics_read(Oid function, FunctionStatistics *out)
{
	StatisticsPlace *place = find(function, false);
	uint64 reason;

	if (place == NULL)
		return false;
	for (int c = 0; c < NCALL_COUNTS; c++)
		out->counts[c] = pg_atomic_read_u64(&place->counts[c]);
	reason = pg_atomic_read_u64(&place->reason);
	out->last_reason = (Reason){reason >> 32, (Oid) reason};
	out->nsights = 0;
	for (int s = 0; s < MAX_SIGHTS; s++)
	{
		uint64 said = pg_atomic_read_u64(&place->sights[s]);

		if (said != 0)
			out->sights[out->nsights++] = (Sight){said >> 32, (AttrNumber) (said >> 8),
												  (WholeReason) (said & 0xff)};
	}
	return true;
}

Oid
statistics_next(int *place)
{
	while (places != NULL && *place < PLACES)
	{
		uint64 key = pg_atomic_read_u64(&places[(*place)++].key);

		if (key >> 32 == MyDatabaseId)
			return (Oid) key;
	}
	return InvalidOid;
}

int
statistics_count_places(void)
{
	return PLACES;
}

bool
statistics_read_place(int number, FunctionHistograms *out)
{
	StatisticsPlace *place = &places[number];
	uint64 key = pg_atomic_read_u64(&place->key);

	if (key == 0)
		return false;
	out->dboid = key >> 32;
	out->function = (Oid) key;
	for (int c = 0; c < NCALL_COUNTS; c++)
		out->counts[c] = pg_atomic_read_u64(&place->counts[c]);
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
	{
		out->compute_times[b] = pg_atomic_read_u32(&place->compute_times[b]);
		out->hit_ages[b] = pg_atomic_read_u32(&place->hit_ages[b]);
	}
	return true;
}

uint64
statistics_uncounted(void)
{
	return pg_atomic_read_u64(uncounted);
}

void
statistics_reset(void)
{
	pg_atomic_write_u64(uncounted, 0);
	for (int i = 0; i < PLACES; i++)
	{
		for (int c = 0; c < NCALL_COUNTS; c++)
			pg_atomic_write_u64(&places[i].counts[c], 0);
		for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		{
			pg_atomic_write_u32(&places[i].compute_times[b], 0);
			pg_atomic_write_u32(&places[i].hit_ages[b], 0);
		}
	}
}
