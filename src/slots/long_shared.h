/*
 * long_shared.h
 *		What all sessions know of a stylist's bookings that take more than a day.
 */
#ifndef AC_SLOTS_LONG_SHARED_H
#define AC_SLOTS_LONG_SHARED_H

#include "utils/uuid.h"

#include "slots/kernel.h"
#include "slots/query_text.h"

/* Among the formats of keys. */
#define FORMAT_LONG_BOOKINGS 3

typedef struct LongBooking
{
	SlotInterval at;
	bool has_service;
	pg_uuid_t service;
	int64_t seats;
} LongBooking;

/* All of a stylist's, but those of a status that does not block. */
typedef struct LongBookings
{
	pg_uuid_t stylist;
	const QueryStatuses *blocking; /* while they are read */
	LongBooking *bookings;
	int n;
	int room;
	int visited; /* rows, to find them */
} LongBookings;

/*
 * As another session has read them, exact for the active snapshot, in the current
 * context; false: nobody has.
 */
extern bool long_shared_fetch(LongBookings *found, uint64 clock);

/* For others, if what was just read may be remembered.  clock is as a CacheRequest's compute gets it. */
extern void long_shared_keep(const LongBookings *found, uint64 clock);

#endif /* AC_SLOTS_LONG_SHARED_H */
