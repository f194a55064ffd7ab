/*
 * flights.h
 *		One computation per key at a time.
 */
#ifndef AC_CACHE_FLIGHTS_H
#define AC_CACHE_FLIGHTS_H

extern Size flights_shmem_size(void);
extern void flights_shmem_init(void);

typedef enum FlightRole
{
	FLIGHT_LEADER,	 /* compute, then flight_end */
	FLIGHT_FOLLOWER, /* another computes this key: flight_wait */
	FLIGHT_ALONE	 /* the place is taken by another key, or waiting for this one is futile: compute */
} FlightRole;

extern FlightRole flight_begin(uint64 hash);
extern void flight_end(uint64 hash);
/* Waits until the leader of this key is done, at most timeout milliseconds; false if it was too long. */
extern bool flight_wait(uint64 hash, long timeout);
/*
 * Whether what was computed for this key, as of this version clock, came into
 * memory.  If not, nobody waits for who computes it until the clock moves on,
 * and who waited for it computes.
 */
extern void flight_note(uint64 hash, uint64 clock, bool kept);
/* After flight_wait: whether it was in vain. */
extern bool flight_was_futile(uint64 hash);

#endif /* AC_CACHE_FLIGHTS_H */
