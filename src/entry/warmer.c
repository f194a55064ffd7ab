/*
 * warmer.c
 *		The worker that remembers keys over restarts, and starts those that warm.
 *
 * It is connected to no database.  At its start it has each database of the
 * file warmed, one after the other; then it writes the hottest keys at
 * intervals and when the server stops, forgets slowly how hot they were, and
 * has a worker in each database that somebody is connected to, which computes
 * anew what is outdated (warm_worker.c).
 *
 * Locking: none.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/background.h"
#include "base/settings.h"
#include "cache/databases.h"
#include "cache/events.h"
#include "entry/keys_file.h"
#include "entry/warm_worker.h"
#include "entry/warmer.h"

/* How often it looks who is there, in milliseconds. */
#define NAP 1000
/* What was asked for counts half after four of these. */
#define AGE_INTERVAL (75 * USECS_PER_SEC)
/* A worker that ended, or could not be started, is not started again before. */
#define RETRY_INTERVAL (10 * USECS_PER_SEC)
/* Larger keys are not written. */
#define MAX_WRITTEN_KEY 4096

PGDLLEXPORT void availability_cache_warmer_main(Datum arg);

typedef struct Started
{
	Oid dboid;
	BackgroundWorkerHandle *handle; /* NULL: none */
	TimestampTz at;
} Started;

static Started started[MAX_DATABASES];

void
warmer_init(void)
{
	BackgroundWorker worker;

	if (ac_warm_keys == 0)
		return;
	background_describe(&worker, "availability_cache_warmer_main", "warmer", InvalidOid);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_restart_time = 10;
	RegisterBackgroundWorker(&worker);
}

static void
doze(long timeout)
{
	background_nap(timeout, "AvailabilityCacheWarmer");
}

static bool
start(Oid dboid, WarmCommand command, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	background_describe(&worker, "availability_cache_warm_worker_main", "warm worker", dboid);
	worker.bgw_main_arg = ObjectIdGetDatum(dboid);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &command, sizeof(command));
	if (RegisterDynamicBackgroundWorker(&worker, handle))
		return true;
	event_note(EVENT_WARM_FAILED, "warm worker", "max_worker_processes leaves it no place", NO_DURATION, 1);
	return false;
}

static bool
has_ended(BackgroundWorkerHandle *handle)
{
	pid_t pid;

	return GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;
}

/* ---- after a restart ---- */

/* One after the other; it ends early where the server stops. */
static void
warm_databases(const HotKeys *hot)
{
	List *done = NIL;

	for (int64 i = 0; i < hot->n && !ShutdownRequestPending; i++)
	{
		Oid dboid = hot_database(&hot->keys[i].key);
		BackgroundWorkerHandle *handle;

		if (list_member_oid(done, dboid))
			continue;
		done = lappend_oid(done, dboid);
		if (!start(dboid, WARM_RESTART, &handle))
			continue;
		while (!has_ended(handle) && !ShutdownRequestPending)
			doze(NAP);
		pfree(handle);
	}
}

static void
warm_after_restart(MemoryContext context)
{
	HotKeys hot;

	if (!keys_file_take())
		return;
	if (keys_file_read(InvalidOid, true, &hot, context))
		warm_databases(&hot);
	if (ShutdownRequestPending)
		keys_file_give_back();
	else
		keys_file_done();
}

/* ---- while the server runs ---- */

static bool
is_written(const StoredEntry *entry, const EntryInfo *info)
{
	return info->asked > 0 && entry->key.size <= MAX_WRITTEN_KEY;
}

static void
write_keys(MemoryContext context)
{
	HotKeys hot;

	hot_read(&hot, is_written, ac_warm_keys, context);
	keys_file_write(&hot);
}

static void
forget_slowly(void)
{
	uint32 n = store_count_places();

	for (uint32 place = 0; place < n; place++)
		store_age(place);
}

/* The workers of databases that somebody is connected to; they end by themselves. */
static void
start_workers(TimestampTz now)
{
	for (int no = 0; ac_warm_budget > 0 && no < MAX_DATABASES - 1; no++)
	{
		Started *one = &started[no];
		Oid dboid;

		if (!database_by_number(no, &dboid) || !OidIsValid(dboid))
			continue;
		if (one->handle != NULL && has_ended(one->handle))
		{
			pfree(one->handle);
			one->handle = NULL;
		}
		if (one->handle != NULL || (one->dboid == dboid && now - one->at < RETRY_INTERVAL) ||
			CountDBConnections(dboid) == 0)
			continue;
		one->dboid = dboid;
		one->at = now;
		if (!start(dboid, WARM_ANEW, &one->handle))
			one->handle = NULL;
	}
}

static void
work(MemoryContext context)
{
	TimestampTz written = GetCurrentTimestamp();
	TimestampTz aged = written;

	while (!ShutdownRequestPending)
	{
		TimestampTz now = GetCurrentTimestamp();

		start_workers(now);
		if (ac_warm_interval > 0 && now - written >= ac_warm_interval * USECS_PER_SEC)
		{
			write_keys(context);
			MemoryContextReset(context);
			written = now;
		}
		if (now - aged >= AGE_INTERVAL)
		{
			forget_slowly();
			aged = now;
		}
		doze(NAP);
	}
	write_keys(context);
}

void
availability_cache_warmer_main(Datum arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	context = AllocSetContextCreate(TopMemoryContext, "availability_cache keys", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(
		AllocSetContextCreate(TopMemoryContext, "availability_cache warmer", ALLOCSET_DEFAULT_SIZES));
	warm_after_restart(context);
	MemoryContextReset(context);
	/* What was not warmed is in the file still. */
	if (!ShutdownRequestPending)
		work(context);
}
