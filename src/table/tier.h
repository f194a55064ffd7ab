/*
 * tier.h
 *		The tier below memory: whether it is asked, and what its failures do.
 */
#ifndef AC_TABLE_TIER_H
#define AC_TABLE_TIER_H

#include "slots/day.h"

/* A CacheRequest's fetch, save, kept and wrote_all for a day; never fail. */
extern bool table_tier_fetch(const DayRequest *day, Computed *result);
extern void table_tier_save(const DayRequest *day, const Computed *result);
extern void table_tier_kept(uint32 place);
extern bool table_tier_wrote_all(void);

#endif /* AC_TABLE_TIER_H */
