/*
 * hours.h
 *		A stylist's opening windows and breaks on a date.
 */
#ifndef AC_SLOTS_HOURS_H
#define AC_SLOTS_HOURS_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "slots/rules.h"

/*
 * Reads them under the active snapshot into the kernel's input, with
 * starts_before, and what the calendar makes of notice and horizon; its
 * duration and horizon are set.  Raises what queries raise.
 */
extern void hours_read(const pg_uuid_t *stylist, DateADT date, const DayRules *rules, SlotInput *input);

/* Where the grid of each of the prepared windows starts; NULL: at its opening. */
extern const int64 *hours_grid(const DayRules *rules, const SlotInput *input);

#endif /* AC_SLOTS_HOURS_H */
