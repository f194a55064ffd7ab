/*
 * statistics.h
 *		What happened to calls of memoized functions.
 */
#ifndef AC_MEMO_STATISTICS_H
#define AC_MEMO_STATISTICS_H

#include "cache/histogram.h"
#include "memo/reason.h"
#include "memo/sight.h"

typedef enum CallCount
{
	CALLS_HIT,
	CALLS_COMPUTED,
	CALLS_NOT_KEPT,	  /* of those: the answer never can be */
	CALLS_COMPUTE_US, /* microseconds of all */
	CALLS_TIMED,	  /* hits that were timed */
	CALLS_HIT_NS,	  /* nanoseconds of these */
	CALLS_RAISED,	  /* computations that raised an error */
	NCALL_COUNTS
} CallCount;

typedef struct FunctionStatistics
{
	uint64 counts[NCALL_COUNTS];
	Reason last_reason; /* why an answer was not kept */
	int nsights;		/* of the last computation */
	Sight sights[MAX_SIGHTS];
} FunctionStatistics;

/* How long computations took, and how old answers were that were timed. */
typedef struct FunctionHistograms
{
	Oid dboid;
	Oid function;
	uint64 counts[NCALL_COUNTS];
	uint32 compute_times[HISTOGRAM_BUCKETS];
	uint32 hit_ages[HISTOGRAM_BUCKETS];
} FunctionHistograms;

extern Size statistics_shmem_size(void);
extern void statistics_shmem_init(void);

/* Whether the next hit of a function is to be timed: its first few are, then one in 64. */
extern bool statistics_times_hit(Oid function);

/* Of a function of this database.  Of more functions than there are places, only how often that was. */
extern void statistics_add(Oid function, CallCount which, uint64 n);
extern void statistics_note_computed(Oid function, int64 us);
extern void statistics_note_age(Oid function, int64 age_us);
extern void statistics_note_reason(Oid function, Reason reason);
extern void statistics_note_sights(Oid function, const Sight *sights, int n);

/* False: it was not called. */
extern bool statistics_read(Oid function, FunctionStatistics *out);

/* The functions of this database that were called, one by one, from *place = 0 on; InvalidOid: no more. */
extern Oid statistics_next(int *place);

/* Places, from 0, of any database; false: it is nobody's. */
extern int statistics_count_places(void);
extern bool statistics_read_place(int number, FunctionHistograms *out);

/* What there was no place to count. */
extern uint64 statistics_uncounted(void);

/* Sets what is counted of all functions to zero. */
extern void statistics_reset(void);

#endif /* AC_MEMO_STATISTICS_H */
