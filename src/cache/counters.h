/*
 * counters.h
 *		What happened, per database.
 */
#ifndef AC_CACHE_COUNTERS_H
#define AC_CACHE_COUNTERS_H

#include "datatype/timestamp.h"

#include "cache/databases.h"
#include "cache/histogram.h"

/* Of errors; whoever counts them has names for them. */
#define MAX_ERROR_KINDS 8

typedef enum Counter
{
	COUNTER_HITS,
	COUNTER_MISS_ABSENT,
	COUNTER_MISS_OUTDATED,
	COUNTER_MISS_EXPIRED,
	COUNTER_BYPASS_DISABLED,
	COUNTER_BYPASS_OWN_WRITES,
	COUNTER_BYPASS_ISOLATION,
	COUNTER_BYPASS_RECOVERY,
	COUNTER_BYPASS_PREPARED,
	COUNTER_BYPASS_PENDING,
	COUNTER_BYPASS_TRIGGERS,
	COUNTER_STORES,
	COUNTER_STORE_SKIPS,
	COUNTER_EVICTIONS,
	COUNTER_INVALIDATIONS,
	COUNTER_WAITS,
	COUNTER_WAIT_TIMEOUTS,
	COUNTER_ERRORS,
	COUNTER_TIER_HITS,
	COUNTER_TIER_STORES,
	COUNTER_TIER_LOGGED,
	COUNTER_TIER_ERRORS,
	COUNTER_EVICTIONS_LIVE, /* of entries that would still have answered */
	COUNTER_MISS_LOST,		/* of the outdated ones: whose cells went to other tags */
	COUNTER_AUDITS,
	COUNTER_STALE_HITS,
	/* Of answers to what is not a function's call: */
	COUNTER_OWN_HITS,
	COUNTER_OWN_COMPUTED,
	COUNTER_ERROR_KIND,											 /* the first of them */
	COUNTER_COMPUTE_TIME = COUNTER_ERROR_KIND + MAX_ERROR_KINDS, /* histogram */
	COUNTER_HIT_AGE = COUNTER_COMPUTE_TIME + HISTOGRAM_BUCKETS,	 /* histogram */
	NCOUNTERS = COUNTER_HIT_AGE + HISTOGRAM_BUCKETS
} Counter;

typedef struct DatabaseCounters
{
	DatabaseNo number;
	Oid dboid; /* InvalidOid: of all that share a number */
	uint64 counts[NCOUNTERS];
	TimestampTz reset;
} DatabaseCounters;

extern Size counters_shmem_size(void);
extern void counters_shmem_init(void);

/* Adds to this backend's own counter. */
extern void counter_add(Counter which, uint64 n);

/*
 * An answer that is not a function's call's was computed, in so many microseconds; or
 * was from memory or a table, and so old.
 */
extern void counter_note_computed(int64 us);
extern void counter_note_hit(int64 age_us);

/*
 * An error, of a kind less than MAX_ERROR_KINDS; and how many there were in this
 * minute or the last one, whichever had more.
 */
extern void counter_note_error(int kind);
extern uint64 counters_errors_per_minute(DatabaseNo database);

/* Fills out (MAX_DATABASES long) with the databases that have counters; returns how many. */
extern int counters_read(DatabaseCounters *out);
extern void counters_reset(void);

/* Of this backend's database alone, NCOUNTERS long. */
extern void counters_of_mine(uint64 *counts);

/* The number's database is gone: the next one's begin at zero, whatever its OID. */
extern void counters_forget(DatabaseNo database);

#endif /* AC_CACHE_COUNTERS_H */
