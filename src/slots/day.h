/*
 * day.h
 *		Computes one stylist's day for one service from the attached tables.
 */
#ifndef AC_SLOTS_DAY_H
#define AC_SLOTS_DAY_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "cache/readpath.h"
#include "slots/busy.h"
#include "slots/explain.h"
#include "slots/rules.h"
#include "slots/zone.h"

/*
 * The UTC days around the date that an answer may depend on: a window may begin
 * a day early in UTC and end three days late (the day after the date, and the
 * zone), a slot that begins in it ends within seven days more, and a buffer may
 * add a day on each side.  A week with a cap begins six days earlier, a day more
 * in UTC, and one more where the date is of another zone than the week.
 */
#define DAYS_BEFORE 8
#define DAYS_AFTER 12
/* More services than this, its own and those booked near it, and a day depends on any service's buffers. */
#define DAY_MAX_SERVICES 17
/* Of two weeks, whatever the zone. */
#define DAY_MAX_SERVICE_DAYS 18
/* And more days of resources and services than this, on all bookings of these days that take a resource. */
#define DAY_MAX_RESOURCES 64
#define DAY_MAX_TAGS                                                                             \
	(RULES_NTAGS + DAYS_BEFORE + 1 + DAYS_AFTER + 1 + DAY_MAX_SERVICES + DAY_MAX_RESOURCES + 1 + \
	 DAY_MAX_SERVICE_DAYS)

typedef struct DayRequest
{
	pg_uuid_t stylist;
	pg_uuid_t service;
	DateADT date;				/* of the stylist's, within DAY_FIRST .. DAY_LAST */
	pg_tz *zone;				/* the customer's; NULL: the rules' default */
	int32 duration;				/* in seconds; 0: the service's */
	const BookingTaken *except; /* that is not there; NULL: none. Such a day is not kept */
	/* Set by who answers: */
	DayError error;
	DateADT first_day; /* UTC days that the answer depends on */
	DateADT last_day;
	bool defined; /* all was read with these definitions: see sources_fingerprint */
	uint64 definitions;
	Tag tags[DAY_MAX_TAGS];
} DayRequest;

/*
 * Days of another duration than the service's are kept for these: a client cannot fill
 * the memory with them.
 */
static inline bool
day_keeps_duration(int32 duration)
{
	return duration % (5 * SECS_PER_MINUTE) == 0 && duration <= SECS_PER_DAY;
}

/* 1900-01-01 and 9998-12-31: years of four digits, whatever the zone. */
#define DAY_FIRST (-36524)
#define DAY_LAST (2921574)

/*
 * To how many more days on each side a booking may matter by caps.  Raises what
 * guard_rules() raises; where the mapping cannot be loaded it has no caps.
 */
extern int day_counted_around(void);

/* The UTC days that a packed answer depends on, for who has only that. */
extern void day_days_of_answer(DayRequest *day, const char *packed);

/*
 * Whether the definitions that packed answers are made with have been
 * confirmed for this clock, or are now.  Raises what queries raise.
 */
extern bool day_definitions_confirmed(uint64 clock);

/* What the definitions are for the table tier: see sources_fingerprint. */
extern bool day_definitions(uint64 *fingerprint);

/*
 * The same, of when this day was computed, whatever messages came since; false if
 * there were others meanwhile.
 */
extern bool day_definitions_of(const DayRequest *day, uint64 *fingerprint);

/* Whether they are so under the active snapshot: see sources_hold.  Raises what queries raise. */
extern bool day_definitions_hold(void);

/*
 * Computes under the active snapshot; clock is as a CacheRequest's compute
 * gets it.  The payload is a packed answer (answer.h), or absent where error
 * is set.  Raises what queries raise.
 */
extern void day_compute(DayRequest *day, uint64 clock, Computed *result);

/* The same, which shows all slots, is not to be kept, and explains a moment. */
extern void day_explain(DayRequest *day, uint64 clock, Explained *explained, Computed *result);

#endif /* AC_SLOTS_DAY_H */
