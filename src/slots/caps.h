/*
 * caps.h
 *		How many appointments a stylist's and a service's caps let start on a date, and in a week.
 */
#ifndef AC_SLOTS_CAPS_H
#define AC_SLOTS_CAPS_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "slots/busy.h"
#include "slots/rules.h"

/* The UTC days whose bookings and holds count; DATEVAL_NOEND to DATEVAL_NOBEGIN: none. */
typedef struct CapDays
{
	DateADT first;
	DateADT last;
} CapDays;

/* Of which day; but for one booking (NULL: none), clock as a CacheRequest's compute gets it. */
typedef struct CapsAsked
{
	const pg_uuid_t *stylist;
	const pg_uuid_t *service;
	const DayRules *rules;
	uint64 clock;
	const BookingTaken *except;
} CapsAsked;

/*
 * Reads them into the kernel's input, whose windows, starts_before, duration,
 * classes and now are set, under the conditions of busy_read.  Counted are the stylist's on some
 * days, and all of the service that begin on some.
 */
extern void caps_read(const CapsAsked *asked, SlotInput *input, CapDays *of_stylist, CapDays *of_service);

/* Whether stylists or services may have any, under the mapping that is loaded; and of weeks. */
extern bool caps_matter(void);
extern bool caps_of_weeks_matter(void);

/* A date, or the week from a date on, in which appointments may be capped. */
typedef struct CapScope
{
	DateADT first;
	bool is_week;
	bool of_service; /* with whatever stylist; else of the stylist */
} CapScope;

#define CAPS_MAX_SCOPES 4

/* Those of an appointment that starts then; returns how many. */
extern int caps_scopes(const DayRules *rules, int64 start, CapScope scopes[CAPS_MAX_SCOPES]);

#endif /* AC_SLOTS_CAPS_H */
