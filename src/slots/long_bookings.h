/*
 * long_bookings.h
 *		A stylist's bookings that take more than a day, which a session remembers.
 */
#ifndef AC_SLOTS_LONG_BOOKINGS_H
#define AC_SLOTS_LONG_BOOKINGS_H

#include "slots/long_shared.h"

extern bool booking_is_long(int64 start, int64 end);

/* Adds a booking to those that are being read. */
extern void long_bookings_add(LongBookings *found, const LongBooking *booking);

/*
 * Those of the stylist, until the next call; read by scan where they are not
 * remembered, NULL if it returns false.  clock is as a CacheRequest's compute
 * gets it.  They change with tag_of_long_bookings, and with the database.
 */
extern const LongBookings *long_bookings_of(const pg_uuid_t *stylist, const QueryStatuses *blocking,
											uint64 clock, bool (*scan)(LongBookings *found));

#endif /* AC_SLOTS_LONG_BOOKINGS_H */
