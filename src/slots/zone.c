/*
 * zone.c
 *		Wall clocks of time zones.
 *
 * On top of PostgreSQL's own time zone library; only the choice between the
 * two readings of a skipped or doubled time is made here, because
 * PostgreSQL's input routines take the second of a doubled one.
 */
#include "postgres.h"

#include "slots/zone.h"

#define EPOCH_SHIFT ((pg_time_t) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* A stretch of time with one offset, in UNIX seconds. */
typedef struct Stretch
{
	int64 offset;
	bool ends;
	pg_time_t end; /* where the next begins, if it ends */
	int64 next_offset;
} Stretch;

static Stretch
stretch_at(pg_tz *zone, pg_time_t t)
{
	Stretch s;
	long int before;
	long int after;
	int is_dst;

	switch (pg_next_dst_boundary(&t, &before, &is_dst, &s.end, &after, &is_dst, zone))
	{
		case 0:
			s.ends = false;
			break;
		case 1:
			s.ends = true;
			break;
		default:
			ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("time zone \"%s\" has no offset at this time", pg_get_timezone_name(zone)));
	}
	s.offset = before;
	s.next_offset = s.ends ? after : before;
	return s;
}

static const char posix[] = "posix/";

static bool
is_below_posix(const char *name)
{
	return pg_strncasecmp(name, posix, strlen(posix)) == 0;
}

/*
 * pg_tzset takes any string of POSIX form ("abc5") for a zone, and keeps every
 * zone for the life of the session: callers could fill its memory.  That form
 * has a digit, which few real names have.
 */
static bool
may_be_real_name(const char *name)
{
	static const char *const with_digits[] = {"CST6CDT", "EST5EDT", "GMT+0",  "GMT-0",
											  "GMT0",	 "MST7MDT", "PST8PDT"};
	static const char etc[] = "Etc/GMT";
	/* The same zones once more, and once with leap seconds, which timestamps do not count. */
	static const char right[] = "right/";

	if (pg_strncasecmp(name, right, strlen(right)) == 0)
		return false;
	if (is_below_posix(name))
		name += strlen(posix);
	if (strpbrk(name, "0123456789") == NULL)
		return true;
	for (int i = 0; i < lengthof(with_digits); i++)
	{
		if (pg_strcasecmp(name, with_digits[i]) == 0)
			return true;
	}
	/* Etc/GMT0, Etc/GMT-14 to Etc/GMT+12 */
	if (pg_strncasecmp(name, etc, strlen(etc)) != 0 || strlen(name) > strlen("Etc/GMT+12"))
		return false;
	name += strlen(etc);
	return strspn(name, "+-0123456789") == strlen(name) && abs(atoi(name)) <= 14;
}

pg_tz *
zone_find(const char *name, int length)
{
	char copy[TZ_STRLEN_MAX + 1];
	pg_tz *zone;

	if (length == 0 || length > TZ_STRLEN_MAX || memchr(name, '\0', length) != NULL)
		return NULL;
	memcpy(copy, name, length);
	copy[length] = '\0';
	zone = may_be_real_name(copy) ? pg_tzset(copy) : NULL;
	/* Where there is no such file posix/EST5EDT has POSIX form too; of that the name is in upper case. */
	if (zone != NULL && is_below_posix(copy) &&
		strncmp(pg_get_timezone_name(zone), posix, strlen(posix)) != 0)
		return NULL;
	return zone;
}

TimestampTz
zone_to_instant(pg_tz *zone, DateADT date, int32 seconds)
{
	pg_time_t local = (pg_time_t) date * SECS_PER_DAY + seconds + EPOCH_SHIFT;
	Stretch s = stretch_at(zone, local - 2 * SECS_PER_DAY);

	for (;;)
	{
		/* In this stretch the clock reads it here; before the stretch ends, that is it. */
		if (!s.ends || local - s.offset < s.end)
			break;
		/* Neither in this stretch nor in the next: skipped.  This offset moves it forward. */
		if (local - s.next_offset < s.end)
			break;
		s = stretch_at(zone, s.end);
	}
	return (local - s.offset - EPOCH_SHIFT) * USECS_PER_SEC;
}

int32
zone_offset(pg_tz *zone, TimestampTz instant, TimestampTz *until)
{
	/* Towards the past also before 2000. */
	pg_time_t t = instant >= 0 ? instant / USECS_PER_SEC : -((-instant + USECS_PER_SEC - 1) / USECS_PER_SEC);
	Stretch s = stretch_at(zone, t + EPOCH_SHIFT);

	*until = s.ends ? (s.end - EPOCH_SHIFT) * USECS_PER_SEC : DT_NOEND;
	return s.offset;
}
