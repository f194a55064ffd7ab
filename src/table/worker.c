/*
 * worker.c
 *		The background worker that keeps a database's table tier.
 *
 * It is started when a session has something to write, writes answers from
 * the memory store to their tables in batches, cleans, and ends
 * when nothing came for a while or nobody is connected to its database (so
 * that DROP DATABASE and the like do not have to wait for it).
 *
 * Locking: none while it waits; see tables.c and state.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/background.h"
#include "base/guard.h"
#include "base/settings.h"
#include "base/test_hooks.h"
#include "cache/events.h"
#include "table/clean.h"
#include "table/rows.h"
#include "table/state.h"
#include "table/trust.h"

/* Answers written in one transaction. */
#define BATCH 100
/* How often it looks whether it is still needed, in milliseconds. */
#define NAP 1000
/* How often it cleans while there is something going on. */
#define CLEAN_INTERVAL (5 * USECS_PER_SEC)
#define CLEAN_ROWS 10000
#define CLEAN_BLOCKS 512

PGDLLEXPORT void availability_cache_worker_main(Datum arg);

typedef struct Batch
{
	uint32 places[BATCH];
	int n;
	uint32 left[BATCH]; /* those that are still to be written */
	int nleft;
} Batch;

static void
write_batch(void *arg)
{
	Batch *batch = arg;
	int n = batch->nleft;

	if (!trust_start())
		return;
	batch->nleft = 0;
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!row_keep_place(batch->left[i]))
			batch->left[batch->nleft++] = batch->left[i];
	}
}

/* Whether an answer changed while it was written: its writer may not have seen the row. */
static bool
is_outdated(const Batch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		StoredEntry entry;
		EntryInfo info;

		if (!store_fetch_place(batch->places[i], &entry, &info) || !entry_is_current(&entry))
			return true;
	}
	return false;
}

static void
clean(void *arg)
{
	tier_clean(CLEAN_ROWS, CLEAN_BLOCKS);
}

/* Runs fn in a transaction of its own; false if it failed. */
static bool
in_transaction(void (*fn)(void *), void *arg, const char *activity)
{
	ErrorData *error;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	error = guarded(fn, arg);
	if (error == NULL)
		breaker_succeeded();
	else
		breaker_failed(error->message);
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return error == NULL;
}

/* Writes a batch of what waits; true if it should be cleaned after. */
static bool
write_waiting(void)
{
	Batch batch = {0};

	while (batch.n < BATCH && queue_pop(&batch.places[batch.n]))
		batch.n++;
	if (batch.n == 0 || !breaker_allows())
		return false;
	memcpy(batch.left, batch.places, sizeof(batch.left));
	batch.nleft = batch.n;
	/* To begin takes two transactions before the one that writes; and definitions may change meanwhile. */
	for (int step = 0; step < 3 && batch.nleft > 0; step++)
	{
		if (!in_transaction(write_batch, &batch, "writing answers"))
			return false;
	}
	return is_outdated(&batch);
}

static bool
nobody_is_connected(void)
{
	return CountDBConnections(MyDatabaseId) == 0;
}

static void
work(void)
{
	TimestampTz last_work = GetCurrentTimestamp();
	/* In a second: whose COMMIT started it, CREATE EXTENSION for one, may hold locks for a moment more. */
	TimestampTz last_clean = last_work - CLEAN_INTERVAL + USECS_PER_SEC;

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		background_reload();
		if (!queue_is_empty())
		{
			last_work = now;
			if (write_waiting())
				last_clean = 0;
		}
		else if (now - last_work > ac_worker_idle_timeout * USECS_PER_SEC || nobody_is_connected())
			return;
		if (now - last_clean > CLEAN_INTERVAL && breaker_allows())
		{
			in_transaction(clean, NULL, "removing expired and outdated answers");
			last_clean = now;
		}
		if (queue_is_empty())
			worker_wait(NAP);
	}
}

void
availability_cache_worker_main(Datum arg)
{
	static const char *const settings[][2] = {{"default_transaction_isolation", "read committed"},
											  {"default_transaction_read_only", "off"},
											  {"statement_timeout", "0"},
											  /* What is lost in a crash is only computed again. */
											  {"synchronous_commit", "off"}};
	Oid dboid;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	dboid = worker_begin(DatumGetInt32(arg));
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	event_note(EVENT_WORKER_STARTED, "worker", "", NO_DURATION, 1);
	background_set(settings, lengthof(settings));
	work();
}
