/*
 * appointed.h
 *		An appointment, as the guard and what it asks see it.
 */
#ifndef AC_SLOTS_APPOINTED_H
#define AC_SLOTS_APPOINTED_H

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
	pg_uuid_t resource;
	uint32 has_service;	 /* else service is zero */
	uint32 has_resource; /* it names one; else resource is zero */
	uint32 is_hold;		 /* else a booking */
	uint32 zero;
} Appointment;

#endif /* AC_SLOTS_APPOINTED_H */
