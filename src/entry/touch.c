/*
 * touch.c
 *		Says what a change of this transaction outdates, to memory and to the table tier.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/test_hooks.h"
#include "cache/changes.h"
#include "entry/outdated.h"
#include "entry/touch.h"
#include "slots/buffers.h"
#include "slots/day.h"
#include "slots/guard_rules.h"
#include "slots/kept_days.h"
#include "slots/long_bookings.h"
#include "slots/tags.h"
#include "slots/zone.h"
#include "table/log.h"

void
touch_everything(void)
{
	changes_touch_database();
	tier_log_everything();
	outdated_slots();
}

void
touch_tag(Tag tag)
{
	changes_touch(tag);
	tier_log_tag(tag);
}

void
touch_stylist(const pg_uuid_t *stylist)
{
	changes_touch(tag_of_stylist(stylist));
	kept_days_log_stylist(stylist);
	outdated_stylist(stylist);
}

void
touch_service(const pg_uuid_t *service)
{
	touch_tag(tag_of_service(service));
	outdated_service(service);
}

void
touch_buffers(const pg_uuid_t *service, int64 longest)
{
	touch_tag(tag_of_buffers(service));
	/* Of whatever is booked near it, too. */
	outdated_slots();
	touch_tag(tag_of_buffers_above(0));
	for (int level = 1;
		 level < BUFFER_LEVELS && longest > buffer_levels[level] && !AC_MUTATED(AC_MUTANT_NO_LEVEL); level++)
		touch_tag(tag_of_buffers_above(level));
}

/* A difference could overflow. */
static bool
is_too_long(TimestampTz start, TimestampTz end)
{
	return TIMESTAMP_NOT_FINITE(start) || TIMESTAMP_NOT_FINITE(end) ||
		   start < end - MAX_TOUCHED_DAYS * USECS_PER_DAY;
}

void
touch_service_day(const pg_uuid_t *service, TimestampTz start)
{
	/* None counts that begins at no time. */
	if (TIMESTAMP_NOT_FINITE(start))
		return;
	touch_tag(tag_of_service_day(service, utc_day_of(start)));
	outdated_service(service);
}

/* Where appointments are counted, all days where these may count. */
static void
tell_days(const pg_uuid_t *stylist, int64 first, int64 last)
{
	int64 around = outdated_is_told() ? day_counted_around() : 0;

	outdated_days(stylist, first - around, last + around);
}

void
touch_days(const pg_uuid_t *stylist, TimestampTz start, TimestampTz end)
{
	int64 first;
	int64 last;

	if (end <= start)
		return;
	if (booking_is_long(start, end) && !AC_MUTATED(AC_MUTANT_NO_LONG_TAG))
		changes_touch(tag_of_long_bookings(stylist));
	if (is_too_long(start, end))
	{
		touch_stylist(stylist);
		return;
	}
	first = utc_day_of(start);
	last = utc_day_of(end - 1);
	for (int64 day = first; day <= last; day++)
		changes_touch(tag_of_stylist_day(stylist, day));
	kept_days_log_days(stylist, first, last);
	tell_days(stylist, first, last);
}

void
touch_resources(void)
{
	touch_tag(tag_of_resources());
	outdated_slots();
}

void
touch_taking(const pg_uuid_t *resource, const pg_uuid_t *service, TimestampTz start, TimestampTz end)
{
	int64 last;

	if (end <= start || (resource == NULL && service == NULL) || AC_MUTATED(AC_MUTANT_NO_TAKING))
		return;
	if (is_too_long(start, end))
	{
		touch_resources();
		return;
	}
	last = utc_day_of(end - 1);
	for (int64 day = utc_day_of(start); day <= last; day++)
	{
		touch_tag(resource != NULL ? tag_of_resource_day(resource, day) : tag_of_unnamed_day(service, day));
		touch_tag(tag_of_resources_day(day));
	}
	/* Of whoever offers a service that needs one of the kind. */
	outdated_slots();
}
