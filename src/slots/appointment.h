/*
 * appointment.h
 *		Whether the rules let an appointment be where it is.
 */
#ifndef AC_SLOTS_APPOINTMENT_H
#define AC_SLOTS_APPOINTMENT_H

#include "utils/uuid.h"

#include "slots/kernel.h"

/* A booking or a hold that takes a stylist's time.  Bytes in between are zero: it is a key. */
typedef struct Appointment
{
	pg_uuid_t stylist;
	pg_uuid_t service;
	SlotInterval at; /* timestamps; not empty */
	int64 expires;	 /* of a hold; SLOT_NEVER: it does not */
	int64 seats;
	uint32 has_service; /* else service is zero */
	uint32 is_hold;		/* else a booking */
} Appointment;

/* The stylist does not offer its service, or is not known: beside the slots' own reasons. */
#define WHY_NOT_OFFERED SLOT_NREASONS

/* What a reason is called, for clients. */
extern const char *appointment_reason_name(SlotReason reason);

/*
 * Looks at one that is among the attached tables' rows, under the active
 * snapshot; one that is not, or that has expired, may be anywhere.  must_be_offered: it must start where a slot of
 * its length does that is available, and not only meet no other.  Caller is
 * connected to SPI and guards the settings.  Raises what queries raise.
 */
extern SlotReason appointment_check(const Appointment *appointment, bool must_be_offered);

/*
 * Takes down the slot of a service that would start then, wherever that is;
 * false if the stylist does not offer it.  Under the same conditions.
 */
extern bool
appointment_of_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, Appointment *appointment);

/* As appointment_check, of one that is not there yet. */
extern SlotReason appointment_would_fit(const Appointment *appointment, bool must_be_offered);

/* How near another may be to matter, by this one's own buffers; under the same conditions. */
extern SlotBuffers appointment_buffers(const Appointment *appointment);

#endif /* AC_SLOTS_APPOINTMENT_H */
