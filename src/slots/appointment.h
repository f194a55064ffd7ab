/*
 * appointment.h
 *		Whether the rules let an appointment be where it is.
 */
#ifndef AC_SLOTS_APPOINTMENT_H
#define AC_SLOTS_APPOINTMENT_H

#include "slots/caps.h"
#include "slots/appointed.h"

/* The stylist does not offer its service, or is not known: beside the slots' own reasons. */
#define WHY_NOT_OFFERED SLOT_NREASONS

/* What a reason is called, for clients. */
extern const char *appointment_reason_name(SlotReason reason);

/* The dates and weeks in which others were counted. */
typedef struct CountedIn
{
	CapScope scopes[CAPS_MAX_SCOPES];
	int n;
} CountedIn;

/*
 * Looks at one that is among the attached tables' rows, under the active
 * snapshot; one that is not, or that has expired, may be anywhere.  must_be_offered: it
 * must start where a slot of its length does that is available, and not only meet no
 * other.  Caller is connected to SPI and guards the settings; clock is as a CacheRequest's
 * compute gets it, of a transaction that has written at most bookings and holds.  Raises
 * what queries raise.
 */
extern SlotReason
appointment_check(const Appointment *appointment, bool must_be_offered, uint64 clock, CountedIn *counted);

/*
 * Takes down the slot of a service that would start then, wherever that is;
 * false if the stylist does not offer it.  Under the same conditions.
 */
extern bool appointment_of_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start,
								Appointment *appointment);

/* As appointment_check, of one that is not there yet. */
extern SlotReason
appointment_would_fit(const Appointment *appointment, bool must_be_offered, uint64 clock, CountedIn *counted);

/* Where those two would count, if it must be offered; under the same conditions. */
extern CountedIn appointment_counts(const Appointment *appointment, uint64 clock);

/*
 * As appointment_would_fit has found it: names a resource for one that its service
 * needs, if one is certain.
 */
extern void appointment_give_resource(Appointment *appointment);

/* How near another may be to matter, by this one's own buffers; under the same conditions. */
extern SlotBuffers appointment_buffers(const Appointment *appointment, uint64 clock);

#endif /* AC_SLOTS_APPOINTMENT_H */
