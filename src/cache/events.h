/*
 * events.h
 *		The last things that happened and that somebody may want to know of.
 */
#ifndef AC_CACHE_EVENTS_H
#define AC_CACHE_EVENTS_H

#include "datatype/timestamp.h"

typedef enum EventKind
{
	EVENT_BREAKER_OPENED,
	EVENT_BREAKER_CLOSED,
	EVENT_WORKER_STARTED,
	EVENT_WORKER_ENDED,
	EVENT_WORKER_FAILED,
	EVENT_EVICTION,
	EVENT_OUTDATED_ALL,
	EVENT_ERROR,
	EVENT_STALE,
	EVENT_AUDIT,
	EVENT_WARM_FAILED,
	NEVENTS
} EventKind;

/* So many are remembered, of all databases. */
#define MAX_EVENTS 1000
#define EVENT_KEY_SIZE 128
#define EVENT_DETAIL_SIZE 128
#define NO_DURATION (-1)

typedef struct Event
{
	uint64 number; /* from 1, as they came */
	TimestampTz first;
	TimestampTz last;
	Oid dboid;
	EventKind kind;
	uint32 count;			  /* of the same between first and last */
	int64 duration;			  /* of the last, in microseconds, or NO_DURATION */
	char key[EVENT_KEY_SIZE]; /* what it happened to */
	char detail[EVENT_DETAIL_SIZE];
} Event;

extern Size events_shmem_size(void);
extern void events_shmem_init(void);

/*
 * Something has happened in this database, count times.  The same that
 * happened within a minute before is one event with it.  Longer texts are cut.
 * Neither allocates nor raises.
 */
extern void event_note(EventKind kind, const char *key, const char *detail, int64 duration, uint32 count);

/* The numbers of the oldest and of the next one; and one of them, false if it is gone by now. */
extern void events_range(uint64 *oldest, uint64 *next);
extern bool event_read(uint64 number, Event *out);

/* Of the kind in a database, the last; false: none is remembered. */
extern bool event_last(EventKind kind, Oid dboid, Event *out);

#endif /* AC_CACHE_EVENTS_H */
