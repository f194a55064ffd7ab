/*
 * progress.h
 *		How far those are who warm memory.
 */
#ifndef AC_CACHE_PROGRESS_H
#define AC_CACHE_PROGRESS_H

#include "datatype/timestamp.h"

/* So many are shown at once. */
#define MAX_PROGRESSES 64

typedef enum WarmCommand
{
	WARM_ASKED,	   /* warm() */
	WARM_DAYS,	   /* warm_days() */
	WARM_FUNCTION, /* warm_function() */
	WARM_RESTART,  /* a worker, what was asked for before a restart */
	WARM_ANEW,	   /* a worker, what is outdated */
	NWARM_COMMANDS
} WarmCommand;

/* What became of a key. */
typedef enum WarmOutcome
{
	WARM_KEPT,	   /* computed, and in memory now */
	WARM_THERE,	   /* it was there */
	WARM_NOT_KEPT, /* computed, and not in memory */
	WARM_SKIPPED,  /* not computed */
	WARM_FAILED,   /* an error */
	NWARM_OUTCOMES
} WarmOutcome;

typedef struct Progress
{
	int pid;
	Oid dboid;
	Oid user;
	WarmCommand command;
	TimestampTz started;
	int64 total; /* keys, as far as they are known */
	int64 outcomes[NWARM_OUTCOMES];
} Progress;

extern Size progress_shmem_size(void);
extern void progress_shmem_init(void);

/* This backend begins; what it had begun and not ended goes. */
extern void progress_begin(WarmCommand command, int64 total);
extern void progress_set_total(int64 total);
extern void progress_add(WarmOutcome outcome);
/* Ends what began last.  Neither allocates nor raises. */
extern void progress_end(void);

/* Place 0 .. MAX_PROGRESSES - 1; false: nobody's. */
extern bool progress_read(int place, Progress *out);

#endif /* AC_CACHE_PROGRESS_H */
