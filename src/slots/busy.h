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
	SlotInterval at; /* no booking outside of it matters; empty where there is no window and no class */
	DateADT first;	 /* the UTC days that it lies on */
	DateADT last;
	int level; /* as long as no service has a buffer above it (buffers.h); -1: whatever they have */
} Reach;

/* The services that are booked or held there, or have classes, and that of the slots, each once. */
typedef struct BookedServices
{
	pg_uuid_t *services;
	int n;
} BookedServices;

/* A booking as it counts: another of the same time, service, seats and resource counts as much. */
typedef struct BookingTaken
{
	pg_uuid_t stylist;
	SlotInterval at;
	bool has_service;
	pg_uuid_t service;
	int64 seats;
	bool takes_resource; /* perhaps: then it matters to other stylists too */
	bool has_resource;	 /* it names one */
	pg_uuid_t resource;
} BookingTaken;

/* Rows of bookings or holds. */
typedef struct BusyRows
{
	uint64 n;
	SlotInterval *at;
	pg_uuid_t *services;
	bool *has_service;
	int64 *expires; /* SLOT_NEVER, but of holds */
	int64 *seats;
} BusyRows;

/*
 * (14) and (15) of docs/rules.md: those that count and overlap with at, which is not empty.  Conditions are
 * those of busy_read.
 */
extern void busy_rows(const pg_uuid_t *stylist, const DayRules *rules, SlotInterval at, uint64 clock,
					  int64 now, BusyRows *bookings, BusyRows *holds);

/* The same of a service, with whatever stylist: those that begin then. */
extern void busy_rows_of_service(const pg_uuid_t *service, const DayRules *rules, SlotInterval at, int64 now,
								 BusyRows *bookings, BusyRows *holds);

/* One booking, if it is among the rows. */
extern void busy_leave_out(BusyRows *rows, const BookingTaken *booking);
/* From the first opening or class to the last closing or end; ends before it starts where there is none. */
extern SlotInterval busy_span(const SlotInput *input);

/*
 * Reads what is taken, but for one booking (NULL: none; it may be another stylist's), into
 * the kernel's input, whose windows and duration are set, and which classes are slots, and
 * the slots' buffers; under the active snapshot, with a clock as a CacheRequest's compute
 * gets it.  Raises what queries raise.
 */
extern void busy_read(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules, uint64 clock,
					  const BookingTaken *except, SlotInput *input, Reach *reach, BookedServices *booked);

#endif /* AC_SLOTS_BUSY_H */
