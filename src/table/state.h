/*
 * state.h
 *		What the table tier remembers in shared memory, per database.
 *
 * Without shared memory (no preload), or in a database that found no place,
 * nothing is remembered: breaker_allows is always true.
 */
#ifndef AC_TABLE_STATE_H
#define AC_TABLE_STATE_H

extern Size tier_state_shmem_size(void);
extern void tier_state_shmem_init(void);

/* Frees the place of a database that is dropped. */
extern void tier_state_forget(Oid dboid);

/* ---- the circuit breaker ---- */

/* Closed, or it is time to try again and nobody else does. */
extern bool breaker_allows(void);
/* Takes the tier out for availability_cache.table_tier_retry. */
extern void breaker_failed(const char *what);
extern void breaker_succeeded(void);
/* "closed", "open" or "half-open"; NULL if the database has no place. */
extern const char *breaker_state(Oid dboid);

/* ---- what waits for the worker ---- */

/* Entries of the memory store by place; the oldest are lost when nobody takes them. */
extern void queue_push(uint32 place);
extern bool queue_pop(uint32 *place);
extern bool queue_is_empty(void);
/* How many of a database wait; 512 and more: the oldest are lost. */
extern uint64 queue_length(Oid dboid);

/* ---- the worker's life ---- */

/* Starts this database's worker unless there is one; false if it could not be started lately. */
extern bool worker_wanted(void);
/* For the worker itself: marks it running until it exits; returns its database. */
extern Oid worker_begin(int place_number);
/* "none", "starting", "running", or "failed" while none can be had; NULL if the database has no place. */
extern const char *worker_state(Oid dboid);
/* Waits for something to do, at most timeout milliseconds. */
extern void worker_wait(long timeout);

#endif /* AC_TABLE_STATE_H */
