/*
 * zone.h
 *		Wall clocks of time zones, in seconds and microseconds since 2000-01-01.
 */
#ifndef AC_SLOTS_ZONE_H
#define AC_SLOTS_ZONE_H

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

/* NULL if there is no such zone. */
extern pg_tz *zone_find(const char *name, int length);

/*
 * The instant at which a zone's clock reads a time of day (in seconds, may be
 * more than a day) on a date.  A time that the clock skips is moved forward
 * by as much as the clock was; of one that comes twice it is the first.
 */
extern TimestampTz zone_to_instant(pg_tz *zone, DateADT date, int32 seconds);

/* The zone's offset from UTC, in seconds, at an instant; *until is when it next may change. */
extern int32 zone_offset(pg_tz *zone, TimestampTz instant, TimestampTz *until);

/* The UTC day, from 2000-01-01, of an instant; rounded towards the past also before 2000. */
static inline int64
utc_day_of(TimestampTz instant)
{
	return instant >= 0 ? instant / USECS_PER_DAY : -((-instant + USECS_PER_DAY - 1) / USECS_PER_DAY);
}

#endif /* AC_SLOTS_ZONE_H */
