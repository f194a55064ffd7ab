/*
 * range_write.h
 *		The answers about ranges, as jsonb or json.
 */
#ifndef AC_SLOTS_RANGE_WRITE_H
#define AC_SLOTS_RANGE_WRITE_H

#include "utils/uuid.h"

#include "slots/range.h"
#include "slots/tree.h"

/* What every answer has besides. */
typedef struct RangeOutcome
{
	bool hit;				 /* each day was in memory or in the table */
	TimestampTz computed_at; /* the oldest day's */
} RangeOutcome;

/*
 * {success, slots, cached, cache_hit, computed_at}, of a set that is finished: at most
 * so many of its slots, from one on.
 */
extern Datum range_write_slots(const RangeSet *set, int first, int n, const pg_uuid_t *stylists,
							   const RangeOutcome *outcome, bool binary);

/* {success, days, cached, cache_hit, computed_at}, a row for each date, of a set with all slots. */
extern Datum range_write_days(const RangeSet *set, const RangeOutcome *outcome, bool binary);

#endif /* AC_SLOTS_RANGE_WRITE_H */
