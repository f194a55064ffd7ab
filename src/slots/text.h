/*
 * text.h
 *		How times read in answers, whatever the session's settings.
 *
 * Nothing here writes a terminator; years have four digits.
 */
#ifndef AC_SLOTS_TEXT_H
#define AC_SLOTS_TEXT_H

#include "datatype/timestamp.h"

#define DATE_TEXT_SIZE 10  /* 2025-10-16 */
#define CLOCK_TEXT_AT 11   /* in the following */
#define LOCAL_TEXT_SIZE 19 /* 2025-10-16T09:45:00 */
#define UTC_TEXT_SIZE 25   /* 2025-10-16T04:00:00+00:00 */
#define NOW_TEXT_SIZE 32   /* 2025-10-16T04:00:00.123456+00:00 */
#define CLOCK_TEXT_SIZE 8  /* 09:45:00 */
#define HH24_MI_SIZE 5	   /* 09:45 */

/* "00", "01", … "99". */
extern const char digit_pairs[201];

static inline void
write_pair(char *out, uint32 n)
{
	memcpy(out, digit_pairs + 2 * n, 2);
}

/* 00:00:00, 00:01:00, … 23:59:00: most times are of whole minutes. */
extern char clock_texts[MINS_PER_HOUR * HOURS_PER_DAY][CLOCK_TEXT_SIZE];

/* Makes them, when the library is loaded. */
extern void clock_texts_init(void);

/* HH:MM:SS */
static inline void
write_clock(char *out, uint32 second_of_day)
{
	uint32 second = second_of_day % SECS_PER_MINUTE;

	memcpy(out, clock_texts[second_of_day / SECS_PER_MINUTE], CLOCK_TEXT_SIZE);
	if (unlikely(second != 0))
		write_pair(out + 6, second);
}

/* HH24:MI */
static inline void
write_hh24_mi(char *out, uint32 second_of_day)
{
	memcpy(out, clock_texts[second_of_day / SECS_PER_MINUTE], HH24_MI_SIZE);
}

/* The day, since 2000-01-01, that a moment in seconds lies on, also before 2000. */
static inline int64
day_of(int64 seconds)
{
	return seconds / SECS_PER_DAY - (seconds % SECS_PER_DAY < 0);
}

extern void write_date(char *out, int64 day);
/* A moment with microseconds, in UTC. */
extern void write_now(char *out, TimestampTz t);

#endif /* AC_SLOTS_TEXT_H */
