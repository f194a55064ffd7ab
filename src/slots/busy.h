/*
 * busy.h
 *		What is taken of a stylist's day: bookings and holds near it, and what is kept free around each.
 */
#ifndef AC_SLOTS_BUSY_H
#define AC_SLOTS_BUSY_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "slots/rules.h"

/* How near a booking must be to matter. */
typedef struct Reach
{
	SlotInterval at; /* no booking outside of it matters; empty where there is no window */
	DateADT first;	 /* the UTC days that it lies on */
	DateADT last;
	int level; /* as long as no service has a buffer above it (buffers.h); -1: whatever they have */
} Reach;

/* The services that are booked or held there, and that of the slots, each once. */
typedef struct BookedServices
{
	pg_uuid_t *services;
	int n;
} BookedServices;

/* A booking as it counts: another of the same time, service and seats counts as much. */
typedef struct BookingTaken
{
	pg_uuid_t stylist;
	SlotInterval at;
	bool has_service;
	pg_uuid_t service;
	int64 seats;
} BookingTaken;

/*
 * Reads what is taken, but for one booking (NULL: none), into the kernel's input, whose windows and duration are
 * set, and the slots' buffers; under the active snapshot, with a clock as a
 * CacheRequest's compute gets it.  Raises what queries raise.
 */
extern void busy_read(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules, uint64 clock,
					  const BookingTaken *except, SlotInput *input, Reach *reach, BookedServices *booked);

#endif /* AC_SLOTS_BUSY_H */
