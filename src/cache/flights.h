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
 * Whether what was computed for this key came into memory.  As long as it
 * does not, nobody waits for who computes it.
 */
extern void flight_note(uint64 hash, bool kept);

#endif /* AC_CACHE_FLIGHTS_H */
