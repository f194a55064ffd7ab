/*
 * module.c
 *		Loading: wires settings, shared memory, callbacks and hooks of the files that own them.
 *
 * Lock order: that of AcLock; no code holds two today.  Everything else in
 * shared memory is atomics, or a condition variable with its own spinlock
 * (cache/flights.c, table/state.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "base/thresholds.h"
#include "cache/cells.h"
#include "cache/changed_tables.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/databases.h"
#include "cache/definitions.h"
#include "cache/events.h"
#include "cache/exact.h"
#include "cache/flights.h"
#include "cache/history.h"
#include "cache/own_writes.h"
#include "cache/prepared.h"
#include "cache/progress.h"
#include "cache/store.h"
#include "entry/drop_database.h"
#include "entry/drop_extension.h"
#include "entry/http_outdated.h"
#include "entry/kept_own_days.h"
#include "entry/notify.h"
#include "entry/outdated.h"
#include "entry/row_trigger.h"
#include "entry/waiting_worker.h"
#include "entry/warmer.h"
#include "entry/watch_trigger.h"
#include "memo/kept_calls.h"
#include "memo/names.h"
#include "memo/seen.h"
#include "memo/statistics.h"
#include "slots/kept_days.h"
#include "slots/sources.h"
#include "slots/table_plan.h"
#include "slots/guard.h"
#include "slots/text.h"
#include "table/log.h"
#include "table/state.h"
#include "table/tables.h"
#include "table/trust.h"

AC_MODULE_MAGIC;

static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

PGDLLEXPORT void _PG_init(void);

/* What everything but the memory store and the exact cells takes. */
static Size
fixed_size(void)
{
	Size size = cells_shmem_size();

	size = add_size(size, prepared_shmem_size());
	size = add_size(size, databases_shmem_size());
	size = add_size(size, definitions_shmem_size());
	size = add_size(size, counters_shmem_size());
	size = add_size(size, tier_state_shmem_size());
	size = add_size(size, statistics_shmem_size());
	size = add_size(size, notify_shmem_size());
	size = add_size(size, events_shmem_size());
	size = add_size(size, history_shmem_size());
	size = add_size(size, progress_shmem_size());
	size = add_size(size, waiting_worker_shmem_size());
	size = add_size(size, changed_tables_shmem_size());
	return add_size(size, flights_shmem_size());
}

/* What is left of the setting; with many connections the smallest settings may not leave much. */
static Size
answers_size(void)
{
	return Max((Size) ac_shared_memory_kb * 1024, fixed_size() + 1024 * 1024) - fixed_size();
}

/* One fifth: for each small answer that fits into the rest, one and a half cells. */
static Size
exact_budget(void)
{
	return Min(answers_size() / 5, EXACT_MAX_SIZE);
}

static void
request_shared_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(add_size(fixed_size(), answers_size()));
	shmem_request_locks();
}

static void
startup_shared_memory(void)
{
	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shmem_find_locks();
	cells_shmem_init();
	prepared_shmem_init();
	databases_shmem_init();
	definitions_shmem_init();
	counters_shmem_init();
	flights_shmem_init();
	tier_state_shmem_init();
	statistics_shmem_init();
	notify_shmem_init();
	events_shmem_init();
	history_shmem_init();
	progress_shmem_init();
	waiting_worker_shmem_init();
	changed_tables_shmem_init();
	exact_shmem_init(exact_budget());
	store_shmem_init(answers_size() - exact_budget());
	LWLockRelease(AddinShmemInitLock);
	ac_shared_memory_ready = true;
}

/* What only a process can have whose postmaster loaded the library. */
static void
preload(void)
{
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared_memory;
	changes_init();
	notify_init();
	own_writes_init();
	seen_init();
	names_init();
	drop_database_init();
	drop_extension_init();
	waiting_worker_init();
}

void
_PG_init(void)
{
	settings_define();
	thresholds_define();
	test_hooks_define();
	MarkGUCPrefixReserved("availability_cache");
	clock_texts_init();
	sources_init();
	table_plan_init();
	tier_tables_init();
	trust_init();
	kept_days_init();
	kept_calls_init();
	kept_own_days_init();
	row_trigger_init();
	watch_trigger_init();
	outdated_init();
	http_outdated_init();
	if (process_shared_preload_libraries_in_progress)
	{
		preload();
		warmer_init();
	}
	/*
	 * At PRE_COMMIT it comes before changes, which looks at what definitions have changed:
	 * callbacks run last-registered first.
	 */
	tier_log_init();
	/* And before that this, which may wait: nobody's answers are computed meanwhile because of it. */
	guard_init();
}
