/*
 * seats.h
 *		Seats of a service that takes several customers at once; plain C, like the kernel.
 */
#ifndef AC_SLOTS_SEATS_H
#define AC_SLOTS_SEATS_H

#include "slots/interval.h"

/* In place of a capacity: appointments of the service are one at a time. */
#define SEATS_ALONE (-1)
/* Of more than this a service has this many. */
#define SEATS_MOST 65535

/* A booking or a hold of the slots' own service. */
typedef struct SeatUse
{
	SlotInterval at; /* seats_prepare adds what is kept free around it */
	int64_t start;	 /* its own */
	int64_t seats;	 /* not negative */
	int64_t expires; /* SLOT_NEVER, but of holds */
} SeatUse;

/* So many are taken from a moment on, until that of the next level. */
typedef struct SeatLevel
{
	int64_t from;
	int64_t taken;
} SeatLevel;

typedef struct SeatLevels
{
	SeatLevel *levels; /* room for two of each use */
	int n;
	int at; /* the last that no slot to come is wholly after */
} SeatLevels;

typedef struct Seats
{
	int64_t capacity; /* SEATS_ALONE: the rest is not looked at */
	bool
		by_time; /* a booking takes its seats as long as it takes; else those of the slot that it starts with */
	SeatUse *bookings;
	int nbookings;
	SeatUse *holds;
	int nholds;
	SeatLevels of_bookings;
	SeatLevels of_all;
} Seats;

/* Before slots are asked about: adds what is kept free around, and lays out the levels. */
extern void seats_prepare(Seats *seats, int64_t around);

/*
 * How many of a slot's seats are left; slots must be asked about in order of
 * start.  *by_bookings: without looking at holds.  Zero or less: none.
 */
extern int64_t seats_left(Seats *seats, int64_t start, int64_t end, int64_t *by_bookings);

#endif /* AC_SLOTS_SEATS_H */
