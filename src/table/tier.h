/*
 * tier.h
 *		The tier below memory: whether it is asked, and what its failures do.
 */
#ifndef AC_TABLE_TIER_H
#define AC_TABLE_TIER_H

#include "slots/day.h"

/* What a LowerTier does, for a day; never fail. */
extern bool tier_fetch(DayRequest *day, Computed *result);
extern void tier_keep(DayRequest *day, const Computed *result);
extern void tier_offer(DayRequest *day, uint32 place);
extern bool tier_wrote_all(void);

#endif /* AC_TABLE_TIER_H */
