/*
 * team.h
 *		Who offers a service, and a booking that is to be left out.
 *
 * Under the active snapshot; each raises what queries raise.
 */
#ifndef AC_SLOTS_TEAM_H
#define AC_SLOTS_TEAM_H

#include "slots/busy.h"

/* The stylists who offer the service, in order, into room for max; returns how many. */
extern int team_read(const pg_uuid_t *service, pg_uuid_t *stylists, int max);

/* A stylist and a service that he or she offers. */
typedef struct Offer
{
	pg_uuid_t stylist;
	pg_uuid_t service;
} Offer;

/* All of them, in order, into room for max; returns how many. */
extern int team_read_offers(Offer *offers, int max);

/*
 * The booking whose primary key reads so; false if there is none, or it takes
 * no time.  *problem is set where the table has no key of one column.
 */
extern bool team_read_booking(const char *key, BookingTaken *booking, const char **problem);

/* The buffers of each service with each stylist, at [stylist * nservices + service], in microseconds. */
extern void team_read_buffers(const pg_uuid_t *stylists, int nstylists, const pg_uuid_t *services,
							  int nservices, SlotBuffers *buffers);

/*
 * How many bookings of the stylists that block begin from one moment on, before
 * another.  The service is one that the first offers.
 */
extern void team_count(const pg_uuid_t *stylists, int nstylists, const pg_uuid_t *service, TimestampTz from,
					   TimestampTz until, int64 *counts);

#endif /* AC_SLOTS_TEAM_H */
