/*
 * resource_fit.h
 *		Whether an appointment can have the resource that it takes.
 */
#ifndef AC_SLOTS_RESOURCE_FIT_H
#define AC_SLOTS_RESOURCE_FIT_H

#include "nodes/pg_list.h"

#include "slots/appointed.h"
#include "slots/rules.h"

/*
 * What each of these asks is asked under the active snapshot; caller is
 * connected to SPI, has loaded the mapping and guards the settings.  Raise what queries raise.
 */

/*
 * Whether the resource that it names, or one of the kind that its service
 * needs, is free for it.  is_there: its own row is, and counts for nothing.
 * must_suit: what it names is of the kind that its service needs.
 */
extern bool
resource_fits(const Appointment *appointment, const DayRules *rules, bool is_there, bool must_suit);

/* Names a resource that it can have for certain, where its service needs one and it names none. */
extern void resource_give(Appointment *appointment, const DayRules *rules);

/* What others must not take meanwhile: names of kinds, and the UTC days. */
extern List *resource_kinds_taken(const Appointment *appointment);
extern void resource_days_taken(const Appointment *appointment, int64 *first, int64 *last);

#endif /* AC_SLOTS_RESOURCE_FIT_H */
