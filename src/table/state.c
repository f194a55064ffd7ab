/*
 * state.c
 *		What the table tier remembers in shared memory, per database.
 *
 * Owns a table of places; a database takes one at first use and keeps it until
 * it is dropped.  In it: the circuit breaker, the queue of answers that wait
 * for the background worker, and whether that worker is there.  All of it may
 * be lost without harm: what must be remembered is in tables.
 *
 * Locking: everything is atomics.  A place is taken by compare-and-exchange
 * of its database, the worker's life by that of its state.  The queue is a
 * ring that loses entries when its reader is slow or two writers meet: then
 * an answer is not kept there, which costs a computation after a restart.  The
 * condition variable brings its own spinlock.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/background.h"
#include "base/compat.h"
#include "base/settings.h"
#include "cache/counters.h"
#include "cache/events.h"
#include "table/state.h"

#define NPLACES 64
#define QUEUE_SIZE 512
/* A worker that has not come up by then never will. */
#define STARTING_TIMEOUT (60 * USECS_PER_SEC)

typedef enum WorkerState
{
	WORKER_NONE,
	WORKER_STARTING,
	WORKER_RUNNING
} WorkerState;

typedef struct Place
{
	pg_atomic_uint32 dboid;	   /* InvalidOid: free */
	pg_atomic_uint64 retry_at; /* the breaker; 0: closed */
	pg_atomic_uint64 opened;   /* when */
	pg_atomic_uint32 worker;   /* WorkerState */
	pg_atomic_uint64 worker_since;
	pg_atomic_uint64 worker_retry_at; /* none could be started */
	ConditionVariable work;
	pg_atomic_uint64 pushed;
	pg_atomic_uint64 popped;
	pg_atomic_uint32 queue[QUEUE_SIZE]; /* place + 1; 0: taken */
} Place;

static Place *places = NULL;
static Place *mine = NULL;
static uint32 wait_event = 0;

Size
tier_state_shmem_size(void)
{
	return mul_size(NPLACES, sizeof(Place));
}

void
tier_state_shmem_init(void)
{
	bool found;

	places = ShmemInitStruct("availability_cache table tier", tier_state_shmem_size(), &found);
	if (found)
		return;
	for (int i = 0; i < NPLACES; i++)
	{
		Place *place = &places[i];

		pg_atomic_init_u32(&place->dboid, InvalidOid);
		pg_atomic_init_u64(&place->retry_at, 0);
		pg_atomic_init_u64(&place->opened, 0);
		pg_atomic_init_u32(&place->worker, WORKER_NONE);
		pg_atomic_init_u64(&place->worker_since, 0);
		pg_atomic_init_u64(&place->worker_retry_at, 0);
		pg_atomic_init_u64(&place->pushed, 0);
		pg_atomic_init_u64(&place->popped, 0);
		ConditionVariableInit(&place->work);
		for (int q = 0; q < QUEUE_SIZE; q++)
			pg_atomic_init_u32(&place->queue[q], 0);
	}
}

/* The place of a database; NULL if it has none. */
static Place *
find_place(Oid dboid)
{
	for (int i = 0; places != NULL && i < NPLACES; i++)
	{
		if (pg_atomic_read_u32(&places[i].dboid) == dboid)
			return &places[i];
	}
	return NULL;
}

/* This database's place; NULL if there is no shared memory, or no place is free. */
static Place *
my_place(void)
{
	if (likely(mine != NULL) || places == NULL || !OidIsValid(MyDatabaseId))
		return mine;
	mine = find_place(MyDatabaseId);
	for (int i = 0; i < NPLACES && mine == NULL; i++)
	{
		uint32 dboid = InvalidOid;

		if (pg_atomic_compare_exchange_u32(&places[i].dboid, &dboid, MyDatabaseId) || dboid == MyDatabaseId)
			mine = &places[i];
	}
	return mine;
}

void
tier_state_forget(Oid dboid)
{
	Place *place = find_place(dboid);

	if (place == NULL)
		return;
	pg_atomic_write_u64(&place->retry_at, 0);
	pg_atomic_write_u64(&place->worker_retry_at, 0);
	pg_atomic_write_u64(&place->popped, pg_atomic_read_u64(&place->pushed));
	pg_atomic_exchange_u32(&place->worker, WORKER_NONE);
	pg_atomic_exchange_u32(&place->dboid, InvalidOid);
}

/* ---- the circuit breaker ---- */

bool
breaker_allows(void)
{
	Place *place = my_place();
	uint64 retry_at = place == NULL ? 0 : pg_atomic_read_u64(&place->retry_at);
	TimestampTz now;

	if (likely(retry_at == 0))
		return true;
	now = GetCurrentTimestamp();
	/* Half-open: whoever moves the time on tries. */
	return now >= (TimestampTz) retry_at &&
		   pg_atomic_compare_exchange_u64(&place->retry_at, &retry_at,
										  now + ac_table_tier_retry * USECS_PER_SEC);
}

void
breaker_failed(const char *what)
{
	Place *place = my_place();
	uint64 until = GetCurrentTimestamp() + ac_table_tier_retry * USECS_PER_SEC;

	counter_add(COUNTER_TIER_ERRORS, 1);
	if (place == NULL || pg_atomic_exchange_u64(&place->retry_at, until) != 0)
		return;
	pg_atomic_write_u64(&place->opened, GetCurrentTimestamp());
	event_note(EVENT_BREAKER_OPENED, "table tier", what, NO_DURATION, 1);
	ereport(LOG_SERVER_ONLY, errhidestmt(true),
			errmsg("availability_cache does without its tables: %s", what),
			errhint("It tries again every %d s; availability_cache.stats shows the state.",
					ac_table_tier_retry));
}

void
breaker_succeeded(void)
{
	Place *place = my_place();

	if (place == NULL || pg_atomic_read_u64(&place->retry_at) == 0 ||
		pg_atomic_exchange_u64(&place->retry_at, 0) == 0)
		return;
	event_note(EVENT_BREAKER_CLOSED, "table tier", "",
			   GetCurrentTimestamp() - pg_atomic_read_u64(&place->opened), 1);
	ereport(LOG_SERVER_ONLY, errhidestmt(true), errmsg("availability_cache uses its tables again"));
}

const char *
breaker_state(Oid dboid)
{
	Place *place = find_place(dboid);
	uint64 retry_at;

	if (place == NULL)
		return NULL;
	retry_at = pg_atomic_read_u64(&place->retry_at);
	if (retry_at == 0)
		return "closed";
	return GetCurrentTimestamp() < (TimestampTz) retry_at ? "open" : "half-open";
}

/* ---- what waits for the worker ---- */

void
queue_push(uint32 entry)
{
	Place *place = my_place();

	if (place == NULL)
		return;
	pg_atomic_write_u32(&place->queue[pg_atomic_fetch_add_u64(&place->pushed, 1) % QUEUE_SIZE], entry + 1);
	ConditionVariableSignal(&place->work);
}

bool
queue_pop(uint32 *entry)
{
	Place *place = my_place();
	uint64 pushed;
	uint64 popped;

	if (place == NULL)
		return false;
	pushed = pg_atomic_read_u64(&place->pushed);
	popped = pg_atomic_read_u64(&place->popped);
	if (pushed - popped > QUEUE_SIZE)
		popped = pushed - QUEUE_SIZE;
	for (; popped < pushed; popped++)
	{
		uint32 taken = pg_atomic_exchange_u32(&place->queue[popped % QUEUE_SIZE], 0);

		if (taken != 0)
		{
			pg_atomic_write_u64(&place->popped, popped + 1);
			*entry = taken - 1;
			return true;
		}
	}
	pg_atomic_write_u64(&place->popped, popped);
	return false;
}

bool
queue_is_empty(void)
{
	Place *place = my_place();

	return place == NULL || pg_atomic_read_u64(&place->pushed) == pg_atomic_read_u64(&place->popped);
}

uint64
queue_length(Oid dboid)
{
	Place *place = find_place(dboid);

	return place == NULL ? 0 : pg_atomic_read_u64(&place->pushed) - pg_atomic_read_u64(&place->popped);
}

/* ---- the worker's life ---- */

static bool
start_worker(Place *place)
{
	BackgroundWorker worker;

	background_describe(&worker, "availability_cache_worker_main", "worker", MyDatabaseId);
	worker.bgw_main_arg = Int32GetDatum(place - places);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

bool
worker_wanted(void)
{
	Place *place = my_place();
	uint32 worker;
	TimestampTz now;

	if (place == NULL)
		return false;
	worker = pg_atomic_read_u32(&place->worker);
	if (worker == WORKER_RUNNING)
		return true;
	now = GetCurrentTimestamp();
	if (worker == WORKER_STARTING &&
		now < (TimestampTz) pg_atomic_read_u64(&place->worker_since) + STARTING_TIMEOUT)
		return true;
	if (now < (TimestampTz) pg_atomic_read_u64(&place->worker_retry_at))
		return false;
	pg_atomic_write_u64(&place->worker_since, now);
	if (worker == WORKER_NONE && !pg_atomic_compare_exchange_u32(&place->worker, &worker, WORKER_STARTING))
		return true;
	if (start_worker(place))
		return true;
	pg_atomic_write_u64(&place->worker_retry_at, now + ac_table_tier_retry * USECS_PER_SEC);
	pg_atomic_exchange_u32(&place->worker, WORKER_NONE);
	event_note(EVENT_WORKER_FAILED, "worker", "max_worker_processes leaves it no place", NO_DURATION, 1);
	ereport(LOG_SERVER_ONLY, errhidestmt(true),
			errmsg("availability_cache could not start its background worker"),
			errhint(
				"Raise max_worker_processes; until then sessions write answers to the table themselves."));
	return false;
}

static void
worker_end(int code, Datum place_number)
{
	Place *place = &places[DatumGetInt32(place_number)];

	event_note(EVENT_WORKER_ENDED, "worker", "",
			   GetCurrentTimestamp() - pg_atomic_read_u64(&place->worker_since), 1);
	pg_atomic_exchange_u32(&place->worker, WORKER_NONE);
}

const char *
worker_state(Oid dboid)
{
	static const char *const states[] =
		{[WORKER_NONE] = "none", [WORKER_STARTING] = "starting", [WORKER_RUNNING] = "running"};
	Place *place = find_place(dboid);
	uint32 worker;

	if (place == NULL)
		return NULL;
	worker = pg_atomic_read_u32(&place->worker);
	if (worker == WORKER_NONE && pg_atomic_read_u64(&place->worker_retry_at) > (uint64) GetCurrentTimestamp())
		return "failed";
	return states[worker];
}

Oid
worker_begin(int place_number)
{
	Place *place = &places[place_number];

	before_shmem_exit(worker_end, Int32GetDatum(place_number));
	pg_atomic_exchange_u32(&place->worker, WORKER_RUNNING);
	pg_atomic_write_u64(&place->worker_since, GetCurrentTimestamp());
	return pg_atomic_read_u32(&place->dboid);
}

void
worker_wait(long timeout)
{
	if (wait_event == 0)
		wait_event = AC_WAIT_EVENT("AvailabilityCacheWorker");
	ConditionVariablePrepareToSleep(&mine->work);
	if (queue_is_empty())
		ConditionVariableTimedSleep(&mine->work, timeout, wait_event);
	ConditionVariableCancelSleep();
}
