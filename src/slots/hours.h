/*
 * hours.h
 *		A stylist's opening windows and breaks on a date.
 */
#ifndef AC_SLOTS_HOURS_H
#define AC_SLOTS_HOURS_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "slots/rules.h"

#define DATES_OF_WEEK 7

/* That of the date's week. */
extern DateADT monday_of(DateADT date);

/* Whether a stylist's dates may be of different zones. */
extern bool hours_zones_vary(void);

/*
 * Reads them under the active snapshot into the kernel's input, prepared, with
 * starts_before, where grids start, and what the calendar makes of notice and
 * horizon; its duration and horizon are set.  Raises what queries raise, and 55000
 * where the date's zone is not known, or the next one's.
 */
extern void hours_read(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date,
					   const DayRules *rules, SlotInput *input);

/*
 * From when to when a date is the last that has begun, each by its own clock: every
 * moment is of one date.  Empty where a later one begins before it.  Under the same
 * conditions.
 */
extern SlotInterval hours_span_of_date(const pg_uuid_t *stylist, DateADT date, const DayRules *rules);

/* Where all dates are of one zone, two. */
#define HOURS_MAX_DATES 4

/*
 * The dates of which a slot may start at a moment, the last first: that is the last
 * one that has begun by then, each by its own clock; returns how many.  A date's
 * windows are over at the second midnight after it.  Clocks are at most 26 hours
 * apart: by then the third date after it may have begun, and no later one.  Under
 * the same conditions.
 */
extern int
hours_dates(const pg_uuid_t *stylist, int64 moment, const DayRules *rules, DateADT dates[HOURS_MAX_DATES]);

#endif /* AC_SLOTS_HOURS_H */
