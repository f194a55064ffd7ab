/*
 * counters.h
 *		What happened, per database.
 */
#ifndef AC_CACHE_COUNTERS_H
#define AC_CACHE_COUNTERS_H

#include "datatype/timestamp.h"

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
	COUNTER_TABLE_HITS,
	COUNTER_TABLE_STORES,
	COUNTER_TABLE_LOGGED,
	COUNTER_TABLE_ERRORS,
	NCOUNTERS
} Counter;

/* A place in the table of databases; the last one is shared by all that found no other. */
typedef uint16 DatabaseSlot;
#define NDATABASE_SLOTS 256

typedef struct DatabaseCounters
{
	Oid dboid; /* InvalidOid: the shared place */
	uint64 counts[NCOUNTERS];
	uint64 entries;
	uint64 bytes;
	TimestampTz reset;
} DatabaseCounters;

extern Size counters_shmem_size(void);
extern void counters_shmem_init(void);

/* Adds to this backend's own counter. */
extern void counter_add(Counter which, uint64 n);

/* The place of this backend's database. */
extern DatabaseSlot counters_my_database(void);

/* Caller holds AC_LOCK_STORE exclusively. */
extern void counters_entry_added(DatabaseSlot slot, uint32 bytes);
extern void counters_entry_removed(DatabaseSlot slot, uint32 bytes);

/* Fills out (NDATABASE_SLOTS long) with the places in use; returns how many. */
extern int counters_read(DatabaseCounters *out);
extern void counters_reset(void);

#endif /* AC_CACHE_COUNTERS_H */
