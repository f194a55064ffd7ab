/*
 * flights.c
 *		One computation per key at a time.
 *
 * Owns a table of places; a key's hash chooses one.  The first to put its
 * hash there leads, later ones with the same hash wait for it, and a key
 * that finds its place taken by another is computed without waiting.  So is
 * one whose answers cannot be kept just now: those who waited would compute
 * one after the other.  That lasts until the version clock moves on, as it does
 * when a change that was in the way is over: else all who ask for a day that
 * was just booked would compute it.  Where the clock moves all the time a call
 * waits in vain for one computation, seldom for more.  The table only saves
 * work: nothing about exactness rests on it.
 *
 * Locking: a place is taken and left by compare-and-exchange of its hash; the
 * condition variable in it brings its own spinlock.  A leader leaves its
 * place on error (see lead in readpath.c) and on exit (before_shmem_exit).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "cache/cells.h"
#include "cache/flights.h"

#define NFLIGHTS 512
/* A computation may ask for other keys, which may again. */
#define MAX_LED 8

typedef struct Flight
{
	pg_atomic_uint64 hash;		   /* 0: free */
	pg_atomic_uint64 futile;	   /* of a key whose answer was not kept */
	pg_atomic_uint64 futile_clock; /* as of when it was computed */
	ConditionVariable done;
} Flight;

static Flight *flights = NULL;

/* The places this backend leads, to be left when it exits. */
static Flight *led[MAX_LED];
static int nled = 0;
static bool exit_registered = false;
static uint32 wait_event = 0;

Size
flights_shmem_size(void)
{
	return mul_size(NFLIGHTS, sizeof(Flight));
}

void
flights_shmem_init(void)
{
	bool found;

	flights = ShmemInitStruct("availability_cache flights", flights_shmem_size(), &found);
	if (found)
		return;
	for (int i = 0; i < NFLIGHTS; i++)
	{
		pg_atomic_init_u64(&flights[i].hash, 0);
		pg_atomic_init_u64(&flights[i].futile, 0);
		pg_atomic_init_u64(&flights[i].futile_clock, 0);
		ConditionVariableInit(&flights[i].done);
	}
}

static Flight *
flight_of(uint64 *hash)
{
	if (*hash == 0)
		*hash = 1;
	return &flights[(*hash >> 16) % NFLIGHTS];
}

static void
leave(Flight *flight)
{
	pg_atomic_exchange_u64(&flight->hash, 0);
	ConditionVariableBroadcast(&flight->done);
}

static void
leave_all(int code, Datum arg)
{
	while (nled > 0)
		leave(led[--nled]);
}

static bool
is_futile(Flight *flight, uint64 hash)
{
	return pg_atomic_read_u64(&flight->futile) == hash;
}

bool
flight_was_futile(uint64 hash)
{
	return is_futile(flight_of(&hash), hash);
}

/* Now, too. */
static bool
is_still_futile(Flight *flight, uint64 hash, uint64 clock)
{
	return is_futile(flight, hash) && pg_atomic_read_u64(&flight->futile_clock) == clock;
}

void
flight_note(uint64 hash, uint64 clock, bool kept)
{
	Flight *flight = flight_of(&hash);

	if (kept && is_futile(flight, hash))
		pg_atomic_write_u64(&flight->futile, 0);
	else if (!kept && !is_still_futile(flight, hash, clock))
	{
		pg_atomic_write_u64(&flight->futile_clock, clock);
		pg_atomic_write_u64(&flight->futile, hash);
	}
}

FlightRole
flight_begin(uint64 hash)
{
	Flight *flight = flight_of(&hash);
	uint64 leader = 0;

	if (nled == MAX_LED || is_still_futile(flight, hash, cells_clock()))
		return FLIGHT_ALONE;
	if (!exit_registered)
	{
		before_shmem_exit(leave_all, (Datum) 0);
		exit_registered = true;
	}
	if (pg_atomic_compare_exchange_u64(&flight->hash, &leader, hash))
	{
		flight_note(hash, 0, true);
		led[nled++] = flight;
		return FLIGHT_LEADER;
	}
	/* Waiting for oneself would last until the timeout. */
	for (int i = 0; i < nled; i++)
	{
		if (led[i] == flight)
			return FLIGHT_ALONE;
	}
	return leader == hash ? FLIGHT_FOLLOWER : FLIGHT_ALONE;
}

void
flight_end(uint64 hash)
{
	Flight *flight = flight_of(&hash);

	Assert(nled > 0 && led[nled - 1] == flight);
	nled--;
	leave(flight);
}

bool
flight_wait(uint64 hash, long timeout)
{
	Flight *flight = flight_of(&hash);
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
	bool landed = true;

	if (wait_event == 0)
		wait_event = AC_WAIT_EVENT("AvailabilityCacheCompute");
	ConditionVariablePrepareToSleep(&flight->done);
	while (pg_atomic_read_u64(&flight->hash) == hash)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left <= 0 || ConditionVariableTimedSleep(&flight->done, left, wait_event))
		{
			landed = pg_atomic_read_u64(&flight->hash) != hash;
			break;
		}
	}
	ConditionVariableCancelSleep();
	return landed;
}
