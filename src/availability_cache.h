/*
 * availability_cache.h
 *		Settings, and the wiring of the shared memory that each file owns.
 */
#ifndef AVAILABILITY_CACHE_H
#define AVAILABILITY_CACHE_H

#include "postgres.h"

#include "storage/lwlock.h"

#include "base/compat.h"

/* LWLocks of the named tranche "availability_cache", in lock order. */
typedef enum AcLock
{
	AC_LOCK_STORE, /* every change of the memory store */
	AC_LOCK_STATS, /* the databases' counters */
	AC_NLOCKS
} AcLock;

/* Settings, availability_cache.* */
extern bool ac_enabled;
extern int ac_shared_memory_kb;
extern int ac_ttl;					 /* seconds, 0: none */
extern double ac_ttl_jitter;		 /* share of ttl */
extern int ac_single_flight_timeout; /* milliseconds */

extern int ac_table_tier;		   /* TableTier */
extern int ac_table_tier_retry;	   /* seconds */
extern int ac_worker_idle_timeout; /* seconds */

typedef enum TableTier
{
	TABLE_TIER_OFF,
	TABLE_TIER_INLINE,
	TABLE_TIER_BACKGROUND
} TableTier;

/* Whether this server was started with the library preloaded. */
extern bool ac_shared_memory_ready;

extern LWLock *ac_lock(AcLock which);

#ifdef AC_TEST_HOOKS
/* What the test-only build can break, to show that the tests notice. */
typedef enum AcMutant
{
	AC_MUTANT_NONE,
	AC_MUTANT_NO_PENDING,
	AC_MUTANT_BUMP_ONLY_AT_COMMIT,
	AC_MUTANT_CAPTURE_AFTER_COMPUTE,
	AC_MUTANT_NO_OWN_WRITES,
	AC_MUTANT_NO_XID_CHECK,
	AC_MUTANT_NO_EXPIRY,
	/* of the table tier */
	AC_MUTANT_NO_TRACE,
	AC_MUTANT_NO_SNAPSHOT_CHECK,
	AC_MUTANT_NO_SINCE_CHECK,
	AC_MUTANT_ONE_STEP_START,
	AC_MUTANT_NO_DISTRUST,
	AC_MUTANT_NO_WORD_CHECK,
	/* of what a session remembers */
	AC_MUTANT_NO_MEMO_CHECK
} AcMutant;

extern int ac_mutant;
extern int ac_sleep_before_visible; /* microseconds between PRE_COMMIT and COMMIT */
extern int ac_sleep_after_compute;	/* microseconds between computing and storing */
extern int ac_sleep_in_copy;		/* microseconds while an entry is copied */
extern char *ac_test_now;			/* what the clock says, or empty */
#define AC_MUTATED(m) (unlikely(ac_mutant == (m)))
#define AC_TEST_SLEEP(us)  \
	do                     \
	{                      \
		if ((us) > 0)      \
			pg_usleep(us); \
	} while (0)
#else
#define AC_MUTATED(m) false
#define AC_TEST_SLEEP(us) ((void) 0)
#endif

#endif /* AVAILABILITY_CACHE_H */
