/*
 * hours.c
 *		A stylist's opening windows and breaks on a date.
 *
 * docs/rules.md says what they are; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "slots/hours.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"
#include "slots/zone.h"

/* Where a row of the schedule does not say from which week on its weeks are counted: 3 January 2000. */
#define FIRST_MONDAY 2

/* What the rows of one date say. */
typedef struct DateHours
{
	pg_tz *zone;
	SlotInterval *windows;
	int nwindows;
	SlotInterval *breaks;
	int nbreaks;
	bool closed;   /* an override says so */
	bool replaced; /* the windows are those of overrides, if any */
} DateHours;

/* A time of day in whole seconds; false for NULL. */
static bool
result_time(uint64 row, int column, int32 *seconds)
{
	bool isnull;
	Datum value = result_datum(row, column, &isnull);

	if (!isnull)
		*seconds = DatumGetTimeADT(value) / USECS_PER_SEC;
	return !isnull;
}

/* (8) and (9): from a start to an end on the clock, the end on the next day if it is not later. */
static SlotInterval
clock_interval(pg_tz *zone, DateADT date, int32 start, int32 end)
{
	if (end <= start)
		end += SECS_PER_DAY;
	return (SlotInterval){zone_to_instant(zone, date + start / SECS_PER_DAY, start % SECS_PER_DAY),
						  zone_to_instant(zone, date + end / SECS_PER_DAY, end % SECS_PER_DAY)};
}

DateADT
monday_of(DateADT date)
{
	return date - (j2day(date + POSTGRES_EPOCH_JDATE) + 6) % 7;
}

/* (6): whether a row of the schedule holds in the date's week. */
static bool
is_of_week(uint64 row, DateADT date)
{
	int64 weeks = result_int64(row, 7, 1);
	bool isnull;
	DateADT from = DatumGetDateADT(result_datum(row, 8, &isnull));

	if (weeks <= 1)
		return true;
	if (isnull || DATE_NOT_FINITE(from))
		from = FIRST_MONDAY;
	return (monday_of(date) - monday_of(from)) / 7 % weeks == 0;
}

/* (6): whether the service has hours of its own. */
static bool
has_own_rows(uint64 n)
{
	int32 unused;

	for (uint64 i = 0; i < n; i++)
	{
		if (result_bool(i, 5, false) && result_time(i, 1, &unused) && result_time(i, 2, &unused))
			return true;
	}
	return false;
}

/* (6), (8) and (10): the schedule's windows and breaks. */
static void
read_schedule(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date, DateHours *hours)
{
	int dow = j2day(date + POSTGRES_EPOCH_JDATE);
	Datum args[] = {UUIDPGetDatum(stylist), Int32GetDatum(dow), Int32GetDatum(dow == 0 ? 7 : dow),
					DateADTGetDatum(date), UUIDPGetDatum(service)};
	uint64 n = query_run(QUERY_SCHEDULE, NULL, args);
	bool own = has_own_rows(n);

	if (!hours->replaced)
		hours->windows = palloc(Max(n, 1) * sizeof(SlotInterval));
	hours->breaks = palloc(Max(n, 1) * sizeof(SlotInterval));
	for (uint64 i = 0; i < n; i++)
	{
		int32 opens;
		int32 closes;
		int32 from;
		int32 to;

		CHECK_FOR_INTERRUPTS();
		if (!result_bool(i, 6, false) || !is_of_week(i, date) || !result_time(i, 1, &opens) ||
			!result_time(i, 2, &closes))
			continue;
		if (!hours->replaced && result_bool(i, 5, false) == own)
			hours->windows[hours->nwindows++] = clock_interval(hours->zone, date, opens, closes);
		if (!result_time(i, 3, &from) || !result_time(i, 4, &to) || from == to)
			continue;
		if (from < opens && closes <= opens)
		{
			from += SECS_PER_DAY;
			to += SECS_PER_DAY;
		}
		hours->breaks[hours->nbreaks++] = clock_interval(hours->zone, date, from, to);
	}
}

/* ---- overrides ---- */

bool
hours_zones_vary(void)
{
	return source_column_at(SOURCE_OVERRIDES, OVERRIDE_ZONE) != NULL;
}

static uint64
run_overrides(const pg_uuid_t *stylist, DateADT date)
{
	Datum args[] = {UUIDPGetDatum(stylist), DateADTGetDatum(date)};

	return source_attached(SOURCE_OVERRIDES) ? query_run(QUERY_OVERRIDES, NULL, args) : 0;
}

/* (3): of the overrides that were read the first that has one says it. */
static pg_tz *
result_zone(uint64 n, pg_tz *home)
{
	for (uint64 i = 0; i < n; i++)
	{
		char *name = result_text(i, 6);

		if (name != NULL)
			return rules_find_zone(name, "an override");
	}
	return home;
}

/* When a date begins, by its own zone. */
static int64
beginning_of(const pg_uuid_t *stylist, DateADT date, pg_tz *home)
{
	pg_tz *zone = hours_zones_vary() ? result_zone(run_overrides(stylist, date), home) : home;

	return zone_to_instant(zone, date, 0);
}

/* A row that gives special hours: open, with both times. */
static bool
result_special_hours(uint64 row, int32 *opens, int32 *closes)
{
	return !result_bool(row, 3, false) && result_time(row, 4, opens) && result_time(row, 5, closes);
}

/* One that says where the stylist is, and nothing of the hours. */
static bool
result_only_zone(uint64 row)
{
	bool no_zone;
	int32 unused;

	(void) result_datum(row, 6, &no_zone);
	return !no_zone && !result_bool(row, 3, false) && !result_special_hours(row, &unused, &unused);
}

/* Whether two overrides are of the same priority, and both of the stylist or both of all. */
static bool
rank_alike(uint64 a, uint64 b)
{
	return result_int64(a, 1, PG_INT64_MIN) == result_int64(b, 1, PG_INT64_MIN) &&
		   result_bool(a, 2, false) == result_bool(b, 2, false);
}

/* (3) and (7): the date's zone, and its hours, if overrides say what they are. */
static void
read_overrides(const pg_uuid_t *stylist, DateADT date, pg_tz *home, DateHours *hours)
{
	uint64 n = run_overrides(stylist, date);
	uint64 first = 0;
	int32 opens;
	int32 closes;

	hours->zone = result_zone(n, home);
	while (first < n && result_only_zone(first))
		first++;
	if (first == n)
		return;
	hours->closed = result_bool(first, 3, false);
	hours->replaced = hours->closed || result_special_hours(first, &opens, &closes);
	if (hours->closed || !hours->replaced)
		return;
	hours->windows = palloc(n * sizeof(SlotInterval));
	for (uint64 i = first; i < n; i++)
	{
		if (result_only_zone(i))
			continue;
		if (!rank_alike(i, first) || !result_special_hours(i, &opens, &closes))
			break;
		hours->windows[hours->nwindows++] = clock_interval(hours->zone, date, opens, closes);
	}
}

/* ---- dates ---- */

static DateHours
read_date(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date, pg_tz *home)
{
	DateHours hours = {0};

	read_overrides(stylist, date, home, &hours);
	read_schedule(stylist, service, date, &hours);
	return hours;
}

/*
 * Whether a window touches or overlaps what is open from one moment until another, and
 * if so, until when that is open with all that do.
 */
static bool
goes_on(const DateHours *hours, int64 from, int64 *until)
{
	bool meets = false;
	int64 before;

	do
	{
		before = *until;
		for (int i = 0; i < hours->nwindows; i++)
		{
			if (hours->windows[i].start > before || hours->windows[i].end < from ||
				hours->windows[i].end <= hours->windows[i].start)
				continue;
			meets = true;
			*until = Max(*until, hours->windows[i].end);
		}
	} while (*until > before);
	return meets;
}

static void
append_breaks(SlotInput *input, const DateHours *hours)
{
	if (hours->nbreaks == 0)
		return;
	input->breaks = repalloc(input->breaks, (input->nbreaks + hours->nbreaks) * sizeof(SlotInterval));
	memcpy(&input->breaks[input->nbreaks], hours->breaks, hours->nbreaks * sizeof(SlotInterval));
	input->nbreaks += hours->nbreaks;
}

/*
 * (8): what is open past midnight is one with the next dates' windows, as far as a slot
 * can need.  The windows are disjoint and in order.
 */
static void
continue_past_midnight(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date, pg_tz *home,
					   SlotInput *input)
{
	SlotInterval *last = &input->windows[input->nwindows - 1];
	int64 last_end = last->end + input->duration;
	int64 until = last->end;
	/* Of two dates of different zones the later may begin first, by two hours. */
	int64 sooner = hours_zones_vary() ? USECS_PER_DAY : 0;

	for (;;)
	{
		int64 begins;
		DateHours hours;

		date++;
		begins = beginning_of(stylist, date, home);
		if (begins > until || begins - sooner >= last_end)
			break;
		hours = read_date(stylist, service, date, home);
		if (!goes_on(&hours, last->start, &until))
			break;
		append_breaks(input, &hours);
	}
	last->end = Min(until, last_end);
}

/* (5): what is counted in dates. */
static void
set_calendar(DateADT date, pg_tz *zone, const DayRules *rules, SlotInput *input)
{
	input->closes_at = SLOT_NEVER;
	if (rules->notice_days != NO_NOTICE_DAYS)
		input->closes_at = zone_to_instant(zone, date - rules->notice_days, rules->notice_cutoff);
	input->opens_at_once = rules->whole_days;
	if (rules->whole_days)
		input->opens_at = zone_to_instant(zone, date - input->horizon / USECS_PER_DAY, 0);
}

/*
 * (11): how long from a moment until the clock next reads a multiple of the step, were
 * it not changed meanwhile.
 */
static int64
until_aligned(int64 step, pg_tz *zone, int64 moment)
{
	TimestampTz until;
	int64 reads = (moment / USECS_PER_SEC + zone_offset(zone, moment, &until)) % SECS_PER_DAY;

	if (reads < 0)
		reads += SECS_PER_DAY;
	if (reads % step == 0)
		return 0;
	return Min(step - reads % step, SECS_PER_DAY - reads) * USECS_PER_SEC;
}

/* Where the grid of each window starts; NULL: at its opening. */
static const int64 *
grid_of_windows(const DayRules *rules, pg_tz *zone, const SlotInput *input)
{
	int64 *grid;

	if (rules->alignment != ALIGN_TO_CLOCK)
		return NULL;
	grid = palloc(Max(input->nwindows, 1) * sizeof(int64));
	for (int i = 0; i < input->nwindows; i++)
		grid[i] = input->windows[i].start +
				  until_aligned(rules->step / USECS_PER_SEC, zone, input->windows[i].start);
	return grid;
}

void
hours_read(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date, const DayRules *rules,
		   SlotInput *input)
{
	DateHours hours = read_date(stylist, service, date, rules->home_zone);

	set_calendar(date, hours.zone, rules, input);
	input->windows = hours.windows;
	input->nwindows = hours.nwindows;
	input->breaks = hours.breaks;
	input->nbreaks = hours.nbreaks;
	input->closed = hours.closed;
	input->restarts_after_break = rules->alignment == ALIGN_TO_BREAK;
	if (rules->only_classes)
		input->nwindows = 0;
	slots_prepare(input);
	input->starts_before = PG_INT64_MIN;
	if (input->nwindows > 0)
	{
		input->starts_before = input->windows[input->nwindows - 1].end;
		continue_past_midnight(stylist, service, date, rules->home_zone, input);
		/* For the breaks of the next dates. */
		slots_prepare(input);
	}
	input->grid_from = grid_of_windows(rules, hours.zone, input);
}

SlotInterval
hours_span_of_date(const pg_uuid_t *stylist, DateADT date, const DayRules *rules)
{
	SlotInterval span = {beginning_of(stylist, date, rules->home_zone),
						 beginning_of(stylist, date + 1, rules->home_zone)};

	/* The second after it may begin before the first. */
	if (hours_zones_vary())
		span.end = Min(span.end, beginning_of(stylist, date + 2, rules->home_zone));
	return span;
}

int
hours_dates(const pg_uuid_t *stylist, int64 moment, const DayRules *rules, DateADT dates[HOURS_MAX_DATES])
{
	/* It has not begun anywhere, but where clocks go before UTC. */
	DateADT date = utc_day_of(moment) + 1;
	int n = hours_zones_vary() ? HOURS_MAX_DATES : 2;

	while (beginning_of(stylist, date, rules->home_zone) > moment)
		date--;
	for (int i = 0; i < n; i++)
		dates[i] = date - i;
	return n;
}
