/*
 * rules_memo.h
 *		Remembers the rules of a stylist's day between calls.
 */
#ifndef AC_SLOTS_RULES_MEMO_H
#define AC_SLOTS_RULES_MEMO_H

#include "slots/rules.h"

/*
 * What an earlier call in this session read for the stylist and service, if
 * nothing has changed since for the active snapshot; the strings are good
 * for this computation.  The version clock is from before that snapshot;
 * with NO_CLOCK nothing is recalled or remembered.
 */
extern bool rules_recall(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, DayRules *rules);
extern void
rules_remember(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, const DayRules *rules);

#endif /* AC_SLOTS_RULES_MEMO_H */
