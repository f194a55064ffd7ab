/*
 * history.h
 *		What the counters said every few minutes.
 */
#ifndef AC_CACHE_HISTORY_H
#define AC_CACHE_HISTORY_H

#include "datatype/timestamp.h"

/* Of all databases. */
#define MAX_POINTS 2048
#define HISTORY_INTERVAL (5 * USECS_PER_MINUTE)

typedef struct HistoryPoint
{
	TimestampTz at;
	Oid dboid;
	uint64 hits;
	uint64 computed;
	uint64 errors;
} HistoryPoint;

extern Size history_shmem_size(void);
extern void history_shmem_init(void);

/*
 * A call was computed: notes what this database's counters say, if that was last done
 * HISTORY_INTERVAL ago.
 */
extern void history_note(TimestampTz now);

/* 0 .. history_count() - 1, the oldest first; false: it is gone. */
extern int history_count(void);
extern bool history_read(int number, HistoryPoint *out);

#endif /* AC_CACHE_HISTORY_H */
