/*
 * counters.c
 *		What happened, per database.
 *
 * Every backend counts in a place of its own, which no other writes, so a hit
 * touches no cache line that another hit writes.  Reading adds up the places
 * of the live backends and what those that ended left with their database.
 * A reset remembers the sums of that moment, to be subtracted.  Errors by the
 * minute are the database's own, as atomics.
 *
 * Locking: AC_LOCK_STATS guards the databases' sums and which backend place
 * belongs to which database: exclusive to take or leave a place and to reset,
 * shared to read.  A backend's counts are atomics written by it alone,
 * without lock; so are the errors of a minute.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "cache/counters.h"

typedef struct BackendPlace
{
	bool in_use;
	DatabaseNo database;
	pg_atomic_uint64 counts[NCOUNTERS];
} BackendPlace;

typedef union PaddedBackendPlace
{
	BackendPlace place;
	char pad[TYPEALIGN(PG_CACHE_LINE_SIZE, sizeof(BackendPlace))];
} PaddedBackendPlace;

typedef struct DatabaseSums
{
	Oid dboid; /* whose they are: a number can go to another database */
	uint64 left[NCOUNTERS];
	uint64 at_reset[NCOUNTERS];
	pg_atomic_uint64 errors[2]; /* of even and odd minutes: the minute << 32 | how many */
} DatabaseSums;

typedef struct CountersState
{
	TimestampTz reset;
	DatabaseSums databases[MAX_DATABASES];
} CountersState;

static CountersState *state = NULL;
static PaddedBackendPlace *backends = NULL;
static BackendPlace *mine = NULL;

Size
counters_shmem_size(void)
{
	return add_size(sizeof(CountersState),
					add_size(PG_CACHE_LINE_SIZE, mul_size(MaxBackends, sizeof(PaddedBackendPlace))));
}

void
counters_shmem_init(void)
{
	bool found;

	mine = NULL;
	state = ShmemInitStruct("availability_cache counters", counters_shmem_size(), &found);
	backends = (PaddedBackendPlace *) CACHELINEALIGN((char *) state + sizeof(CountersState));
	if (found)
		return;
	memset(state, 0, counters_shmem_size());
	state->reset = GetCurrentTimestamp();
	for (int i = 0; i < MaxBackends; i++)
	{
		for (int c = 0; c < NCOUNTERS; c++)
			pg_atomic_init_u64(&backends[i].place.counts[c], 0);
	}
}

static void
leave_place(int code, Datum arg)
{
	if (mine == NULL)
		return;
	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_EXCLUSIVE);
	for (int c = 0; c < NCOUNTERS; c++)
	{
		state->databases[mine->database].left[c] += pg_atomic_read_u64(&mine->counts[c]);
		pg_atomic_write_u64(&mine->counts[c], 0);
	}
	mine->in_use = false;
	LWLockRelease(ac_lock(AC_LOCK_STATS));
	mine = NULL;
}

/* Caller holds AC_LOCK_STATS exclusively. */
static void
begin_sums(DatabaseNo database, Oid dboid)
{
	DatabaseSums *sums = &state->databases[database];

	if (sums->dboid == dboid)
		return;
	memset(sums, 0, sizeof(*sums));
	for (int i = 0; i < lengthof(sums->errors); i++)
		pg_atomic_init_u64(&sums->errors[i], 0);
	sums->dboid = dboid;
}

static void
take_place(void)
{
	BackendPlace *place = &backends[AC_MY_PROCNO].place;
	DatabaseNo database = database_my_number();
	Oid dboid;

	(void) database_by_number(database, &dboid);
	before_shmem_exit(leave_place, (Datum) 0);
	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_EXCLUSIVE);
	begin_sums(database, dboid);
	place->database = database;
	place->in_use = true;
	LWLockRelease(ac_lock(AC_LOCK_STATS));
	mine = place;
}

void
counter_add(Counter which, uint64 n)
{
	if (!ac_shared_memory_ready)
		return;
	if (unlikely(mine == NULL))
		take_place();
	pg_atomic_write_u64(&mine->counts[which], pg_atomic_read_u64(&mine->counts[which]) + n);
}

void
counter_note_computed(int64 us)
{
	counter_add(COUNTER_OWN_COMPUTED, 1);
	counter_add(COUNTER_COMPUTE_TIME + histogram_bucket(us), 1);
}

void
counter_note_hit(int64 age_us)
{
	counter_add(COUNTER_OWN_HITS, 1);
	counter_add(COUNTER_HIT_AGE + histogram_bucket(age_us / HISTOGRAM_AGE_UNIT), 1);
}

static uint64
this_minute(void)
{
	return GetCurrentTimestamp() / (60 * USECS_PER_SEC);
}

void
counter_note_error(int kind)
{
	uint64 minute = this_minute();
	pg_atomic_uint64 *errors;
	uint64 said;

	counter_add(COUNTER_ERRORS, 1);
	counter_add(COUNTER_ERROR_KIND + kind, 1);
	if (mine == NULL)
		return;
	errors = &state->databases[mine->database].errors[minute % 2];
	said = pg_atomic_read_u64(errors);
	/* Whoever comes first begins the minute. */
	if (said >> 32 != minute && !pg_atomic_compare_exchange_u64(errors, &said, minute << 32) &&
		said >> 32 != minute)
		return;
	pg_atomic_fetch_add_u64(errors, 1);
}

uint64
counters_errors_per_minute(DatabaseNo database)
{
	uint64 minute = this_minute();
	uint64 most = 0;

	for (int i = 0; i < lengthof(state->databases[database].errors); i++)
	{
		uint64 said = pg_atomic_read_u64(&state->databases[database].errors[i]);

		if (minute - (said >> 32) <= 1)
			most = Max(most, said & PG_UINT32_MAX);
	}
	return most;
}

/* Caller holds AC_LOCK_STATS.  Sums since the server started, or the database's number was another's. */
static void
sum_up(DatabaseNo database, const DatabaseSums *sums, uint64 *counts)
{
	memcpy(counts, sums->left, sizeof(uint64) * NCOUNTERS);
	for (int i = 0; i < MaxBackends; i++)
	{
		BackendPlace *place = &backends[i].place;

		if (!place->in_use || place->database != database)
			continue;
		for (int c = 0; c < NCOUNTERS; c++)
			counts[c] += pg_atomic_read_u64(&place->counts[c]);
	}
}

int
counters_read(DatabaseCounters *out)
{
	static const DatabaseSums none;
	int n = 0;

	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_SHARED);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		const DatabaseSums *sums = &state->databases[i];

		if (!database_by_number(i, &out[n].dboid))
			continue;
		if (sums->dboid != out[n].dboid)
			sums = &none;
		sum_up(i, sums, out[n].counts);
		for (int c = 0; c < NCOUNTERS; c++)
			out[n].counts[c] -= sums->at_reset[c];
		out[n].number = i;
		out[n].reset = state->reset;
		n++;
	}
	LWLockRelease(ac_lock(AC_LOCK_STATS));
	return n;
}

void
counters_of_mine(uint64 *counts)
{
	DatabaseNo number = database_my_number();
	const DatabaseSums *sums = &state->databases[number];

	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_SHARED);
	sum_up(number, sums, counts);
	for (int c = 0; c < NCOUNTERS; c++)
		counts[c] -= sums->at_reset[c];
	LWLockRelease(ac_lock(AC_LOCK_STATS));
}

void
counters_reset(void)
{
	TimestampTz now = GetCurrentTimestamp();
	Oid dboid;

	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_EXCLUSIVE);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		if (!database_by_number(i, &dboid))
			continue;
		begin_sums(i, dboid);
		sum_up(i, &state->databases[i], state->databases[i].at_reset);
	}
	state->reset = now;
	LWLockRelease(ac_lock(AC_LOCK_STATS));
}

void
counters_forget(DatabaseNo database)
{
	LWLockAcquire(ac_lock(AC_LOCK_STATS), LW_EXCLUSIVE);
	begin_sums(database, InvalidOid);
	LWLockRelease(ac_lock(AC_LOCK_STATS));
}
