/*
 * history.c
 *		What the counters said every few minutes.
 *
 * A ring in shared memory.  Nobody is there to fill it at fixed times, so the
 * first call does that is computed when it is time: hits pay nothing.
 *
 * Locking: a spinlock over the ring, held to copy one point.  When it is time
 * is an atomic for each database; whoever moves it on notes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "base/shmem.h"
#include "cache/counters.h"
#include "cache/history.h"

typedef struct HistoryState
{
	slock_t mutex;
	uint64 next; /* how many there were */
	HistoryPoint ring[MAX_POINTS];
	pg_atomic_uint64 due[MAX_DATABASES];
} HistoryState;

static HistoryState *state = NULL;

Size
history_shmem_size(void)
{
	return sizeof(HistoryState);
}

void
history_shmem_init(void)
{
	bool found;

	state = ShmemInitStruct("availability_cache history", history_shmem_size(), &found);
	if (found)
		return;
	memset(state, 0, sizeof(*state));
	SpinLockInit(&state->mutex);
	for (int i = 0; i < MAX_DATABASES; i++)
		pg_atomic_init_u64(&state->due[i], 0);
}

static void
add_point(TimestampTz now)
{
	uint64 counts[NCOUNTERS];
	HistoryPoint point = {.at = now, .dboid = MyDatabaseId};

	counters_of_mine(counts);
	point.hits = counts[COUNTER_HITS];
	for (int c = COUNTER_MISS_ABSENT; c <= (int) COUNTER_BYPASS_TRIGGERS; c++)
		point.computed += counts[c];
	point.errors = counts[COUNTER_ERRORS];
	SpinLockAcquire(&state->mutex);
	state->ring[state->next++ % MAX_POINTS] = point;
	SpinLockRelease(&state->mutex);
}

void
history_note(TimestampTz now)
{
	pg_atomic_uint64 *due;
	uint64 when;

	if (!ac_shared_memory_ready)
		return;
	due = &state->due[database_my_number()];
	when = pg_atomic_read_u64(due);
	if (likely((uint64) now < when && when - now <= HISTORY_INTERVAL))
		return;
	if (pg_atomic_compare_exchange_u64(due, &when, now + HISTORY_INTERVAL))
		add_point(now);
}

int
history_count(void)
{
	uint64 next;

	SpinLockAcquire(&state->mutex);
	next = state->next;
	SpinLockRelease(&state->mutex);
	return Min(next, MAX_POINTS);
}

bool
history_read(int number, HistoryPoint *out)
{
	uint64 first;
	bool there;

	SpinLockAcquire(&state->mutex);
	first = state->next > MAX_POINTS ? state->next - MAX_POINTS : 0;
	there = first + number < state->next;
	*out = state->ring[(first + number) % MAX_POINTS];
	SpinLockRelease(&state->mutex);
	return there;
}
