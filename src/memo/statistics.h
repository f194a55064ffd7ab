/*
 * statistics.h
 *		What happened to calls of memoized functions.
 */
#ifndef AC_MEMO_STATISTICS_H
#define AC_MEMO_STATISTICS_H

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
	NCALL_COUNTS
} CallCount;

typedef struct FunctionStatistics
{
	uint64 counts[NCALL_COUNTS];
	Reason last_reason; /* why an answer was not kept */
	int nsights;		/* of the last computation */
	Sight sights[MAX_SIGHTS];
} FunctionStatistics;

extern Size statistics_shmem_size(void);
extern void statistics_shmem_init(void);

/* Whether the next hit of a function is to be timed: its first few are, then one in 64. */
extern bool statistics_times_hit(Oid function);

/* Of a function of this database.  More functions than there are places are not counted. */
extern void statistics_add(Oid function, CallCount which, uint64 n);
extern void statistics_note_reason(Oid function, Reason reason);
extern void statistics_note_sights(Oid function, const Sight *sights, int n);

/* False: it was not called. */
extern bool statistics_read(Oid function, FunctionStatistics *out);

/* The functions of this database that were called, one by one, from *place = 0 on; InvalidOid: no more. */
extern Oid statistics_next(int *place);

#endif /* AC_MEMO_STATISTICS_H */
