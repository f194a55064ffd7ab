/*
 * module.c
 *		Loading: settings, and the shared memory that each file owns.
 *
 * Lock order: that of AcLock; no code holds two today.
 * Everything else in shared memory is atomics (cache/cells.c, cache/prepared.c) or brings
 * its own lock (cache/flights.c).
 */
#include "availability_cache.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/guc.h"

#include "cache/cells.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/flights.h"
#include "cache/prepared.h"
#include "cache/store.h"
#include "entry/invalidation.h"
#include "slots/sources.h"
#include "slots/text.h"
#include "table/log.h"
#include "table/state.h"

AC_MODULE_MAGIC;

bool ac_enabled = true;
int ac_shared_memory_kb = 64 * 1024;
int ac_ttl = 300;
double ac_ttl_jitter = 0.1;
int ac_single_flight_timeout = 200;
int ac_table_tier = TABLE_TIER_OFF;
int ac_table_tier_retry = 15;
int ac_worker_idle_timeout = 60;

static const struct config_enum_entry table_tiers[] = {{"off", TABLE_TIER_OFF, false},
													   {"inline", TABLE_TIER_INLINE, false},
													   {"background", TABLE_TIER_BACKGROUND, false},
													   {NULL, 0, false}};

bool ac_shared_memory_ready = false;

static LWLockPadded *locks = NULL;

static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

PGDLLEXPORT void _PG_init(void);

LWLock *
ac_lock(AcLock which)
{
	return &locks[which].lock;
}

/* What everything but the memory store takes. */
static Size
fixed_size(void)
{
	Size size = cells_shmem_size();

	size = add_size(size, prepared_shmem_size());
	size = add_size(size, counters_shmem_size());
	size = add_size(size, tier_state_shmem_size());
	return add_size(size, flights_shmem_size());
}

/* What is left of the setting; with many connections the smallest settings may not leave much. */
static Size
store_budget(void)
{
	return Max((Size) ac_shared_memory_kb * 1024, fixed_size() + 1024 * 1024) - fixed_size();
}

static void
request_shared_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(add_size(fixed_size(), store_budget()));
	RequestNamedLWLockTranche("availability_cache", AC_NLOCKS);
}

static void
startup_shared_memory(void)
{
	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	locks = GetNamedLWLockTranche("availability_cache");
	cells_shmem_init();
	prepared_shmem_init();
	counters_shmem_init();
	flights_shmem_init();
	tier_state_shmem_init();
	store_shmem_init(store_budget());
	LWLockRelease(AddinShmemInitLock);
	ac_shared_memory_ready = true;
}

static void
define_settings(void)
{
	DefineCustomBoolVariable("availability_cache.enabled", "Answers from memory where that is exact.",
							 "Off, every answer is computed; changes are still tracked.", &ac_enabled, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.ttl", "Longest time that an answer is kept.",
							"Exactness does not need it; 0 keeps answers until they change.", &ac_ttl, 300, 0,
							86400 * 30, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomRealVariable("availability_cache.ttl_jitter",
							 "Random part that availability_cache.ttl is shortened by.",
							 "Answers that were kept together then do not end together.", &ac_ttl_jitter, 0.1, 0.0, 1.0,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.single_flight_timeout",
							"How long a call waits for another session that computes the same answer.",
							"Then it computes itself; 0 never waits.", &ac_single_flight_timeout, 200, 0, 60000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomEnumVariable("availability_cache.table_tier",
							 "Keeps answers in private.availability_cache too, and who writes them there.",
							 "inline: the session that computed; background: a worker. Set it for a whole database.",
							 &ac_table_tier, TABLE_TIER_OFF, table_tiers, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.table_tier_retry",
							"How long the table tier is left alone after it failed.", NULL, &ac_table_tier_retry, 15, 1,
							86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.worker_idle_timeout",
							"How long a background worker waits for something to do before it ends.", NULL,
							&ac_worker_idle_timeout, 60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	/* Elsewhere it would come too late. */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("availability_cache.shared_memory_size", "Shared memory that the cache takes, in all.",
								NULL, &ac_shared_memory_kb, 64 * 1024, 4 * 1024, 1024 * 1024 * 1024, PGC_POSTMASTER,
								GUC_UNIT_KB, NULL, NULL, NULL);
}

#ifdef AC_TEST_HOOKS
int ac_mutant = AC_MUTANT_NONE;
int ac_sleep_before_visible = 0;
int ac_sleep_after_compute = 0;
int ac_sleep_in_copy = 0;
char *ac_test_now = NULL;

static const struct config_enum_entry mutants[] = {{"none", AC_MUTANT_NONE, false},
												   {"no_pending", AC_MUTANT_NO_PENDING, false},
												   {"bump_only_at_commit", AC_MUTANT_BUMP_ONLY_AT_COMMIT, false},
												   {"capture_after_compute", AC_MUTANT_CAPTURE_AFTER_COMPUTE, false},
												   {"no_own_writes", AC_MUTANT_NO_OWN_WRITES, false},
												   {"no_xid_check", AC_MUTANT_NO_XID_CHECK, false},
												   {"no_expiry", AC_MUTANT_NO_EXPIRY, false},
												   {"no_trace", AC_MUTANT_NO_TRACE, false},
												   {"no_snapshot_check", AC_MUTANT_NO_SNAPSHOT_CHECK, false},
												   {"no_since_check", AC_MUTANT_NO_SINCE_CHECK, false},
												   {"one_step_start", AC_MUTANT_ONE_STEP_START, false},
												   {"no_distrust", AC_MUTANT_NO_DISTRUST, false},
												   {"no_word_check", AC_MUTANT_NO_WORD_CHECK, false},
												   {"no_memo_check", AC_MUTANT_NO_MEMO_CHECK, false},
												   {NULL, 0, false}};

/* Only in the test-only build: a way to break the protocol, and to hold it open at its narrow places. */
static void
define_test_settings(void)
{
	DefineCustomEnumVariable("availability_cache.test_mutant", "Breaks the protocol.", NULL, &ac_mutant, AC_MUTANT_NONE,
							 mutants, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_before_visible", "Sleeps between PRE_COMMIT and COMMIT.",
							NULL, &ac_sleep_before_visible, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_after_compute", "Sleeps between computing and keeping.",
							NULL, &ac_sleep_after_compute, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_in_copy", "Sleeps while it copies an entry.", NULL,
							&ac_sleep_in_copy, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.test_now", "What the clock says.", NULL, &ac_test_now, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
}
#endif

void
_PG_init(void)
{
	define_settings();
#ifdef AC_TEST_HOOKS
	define_test_settings();
#endif
	MarkGUCPrefixReserved("availability_cache");
	answer_text_init();
	sources_init();
	tier_log_init();
	invalidation_init();
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared_memory;
	changes_init();
}
