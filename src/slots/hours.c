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

/* What the rows of one date say. */
typedef struct DateHours
{
	SlotInterval *windows;
	int nwindows;
	SlotInterval *breaks;
	int nbreaks;
	bool closed; /* an override says so */
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

/* (6), (8) and (10): the schedule's windows and breaks. */
static void
read_schedule(const pg_uuid_t *stylist, DateADT date, pg_tz *zone, DateHours *hours)
{
	int dow = j2day(date + POSTGRES_EPOCH_JDATE);
	Datum args[] = {UUIDPGetDatum(stylist), Int32GetDatum(dow), Int32GetDatum(dow == 0 ? 7 : dow),
					DateADTGetDatum(date)};
	uint64 n = query_run(QUERY_SCHEDULE, NULL, args);

	hours->windows = palloc(Max(n, 1) * sizeof(SlotInterval));
	hours->breaks = palloc(Max(n, 1) * sizeof(SlotInterval));
	for (uint64 i = 0; i < n; i++)
	{
		int32 opens;
		int32 closes;
		int32 from;
		int32 to;

		CHECK_FOR_INTERRUPTS();
		if (!result_time(i, 1, &opens) || !result_time(i, 2, &closes))
			continue;
		hours->windows[hours->nwindows++] = clock_interval(zone, date, opens, closes);
		if (!result_time(i, 3, &from) || !result_time(i, 4, &to) || from == to)
			continue;
		if (from < opens && closes <= opens)
		{
			from += SECS_PER_DAY;
			to += SECS_PER_DAY;
		}
		hours->breaks[hours->nbreaks++] = clock_interval(zone, date, from, to);
	}
}

/* A row that gives special hours: open, with both times. */
static bool
result_special_hours(uint64 row, int32 *opens, int32 *closes)
{
	return !result_bool(row, 3, false) && result_time(row, 4, opens) && result_time(row, 5, closes);
}

/* Whether an override ranks with the first: of the same priority, of the stylist or of all as that one is. */
static bool
ranks_with_first(uint64 row)
{
	return result_int64(row, 1, PG_INT64_MIN) == result_int64(0, 1, PG_INT64_MIN) &&
		   result_bool(row, 2, false) == result_bool(0, 2, false);
}

/* (7): the overrides of the date. */
static void
read_overrides(const pg_uuid_t *stylist, DateADT date, pg_tz *zone, DateHours *hours)
{
	Datum args[] = {UUIDPGetDatum(stylist), DateADTGetDatum(date)};
	int32 opens;
	int32 closes;
	uint64 n;

	if (!source_attached(SOURCE_OVERRIDES) || (n = query_run(QUERY_OVERRIDES, NULL, args)) == 0)
		return;
	hours->closed = result_bool(0, 3, false);
	if (hours->closed)
		hours->nwindows = 0;
	if (!result_special_hours(0, &opens, &closes))
		return;
	hours->windows = palloc(n * sizeof(SlotInterval));
	hours->nwindows = 0;
	for (uint64 i = 0; i < n && ranks_with_first(i) && result_special_hours(i, &opens, &closes); i++)
		hours->windows[hours->nwindows++] = clock_interval(zone, date, opens, closes);
}

static DateHours
read_date(const pg_uuid_t *stylist, DateADT date, pg_tz *zone)
{
	DateHours hours = {0};

	read_schedule(stylist, date, zone, &hours);
	read_overrides(stylist, date, zone, &hours);
	return hours;
}

static int64
latest_end(const DateHours *hours)
{
	int64 end = PG_INT64_MIN;

	for (int i = 0; i < hours->nwindows; i++)
	{
		if (hours->windows[i].end > hours->windows[i].start)
			end = Max(end, hours->windows[i].end);
	}
	return end;
}

/* Whether a window touches or overlaps what is open until a moment, and if so, until when that is open with all that do. */
static bool
goes_on(const DateHours *hours, int64 *until)
{
	bool meets = false;
	int64 before;

	do
	{
		before = *until;
		for (int i = 0; i < hours->nwindows; i++)
		{
			if (hours->windows[i].start > before || hours->windows[i].end <= hours->windows[i].start)
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

/* (8): what is open past midnight is one with the next dates' windows, as far as a slot can need. */
static void
continue_past_midnight(const pg_uuid_t *stylist, DateADT date, pg_tz *zone, SlotInput *input)
{
	int64 closing = input->starts_before;
	int64 last_end = closing + input->duration;
	int64 until = closing;

	for (;;)
	{
		int64 begins = zone_to_instant(zone, ++date, 0);
		DateHours hours;

		if (begins > until || begins >= last_end)
			break;
		hours = read_date(stylist, date, zone);
		if (!goes_on(&hours, &until))
			break;
		append_breaks(input, &hours);
	}
	for (int i = 0; i < input->nwindows; i++)
	{
		if (input->windows[i].end == closing)
			input->windows[i].end = Min(until, last_end);
	}
}

/* (5): what is counted in dates. */
static void
set_calendar(DateADT date, const DayRules *rules, SlotInput *input)
{
	input->closes_at = SLOT_NEVER;
	if (rules->notice_days != NO_NOTICE_DAYS)
		input->closes_at = zone_to_instant(rules->stylist_zone, date - rules->notice_days, rules->notice_cutoff);
	input->opens_at_once = rules->whole_days;
	if (rules->whole_days)
		input->opens_at = zone_to_instant(rules->stylist_zone, date - input->horizon / USECS_PER_DAY, 0);
}

void
hours_read(const pg_uuid_t *stylist, DateADT date, const DayRules *rules, SlotInput *input)
{
	DateHours hours = read_date(stylist, date, rules->stylist_zone);

	set_calendar(date, rules, input);
	input->windows = hours.windows;
	input->nwindows = hours.nwindows;
	input->breaks = hours.breaks;
	input->nbreaks = hours.nbreaks;
	input->closed = hours.closed;
	input->restarts_after_break = rules->alignment == ALIGN_TO_BREAK;
	input->starts_before = latest_end(&hours);
	if (input->starts_before != PG_INT64_MIN)
		continue_past_midnight(stylist, date, rules->stylist_zone, input);
}

/* (11): how long from a moment until the clock next reads a multiple of the step, were it not changed meanwhile. */
static int64
until_aligned(const DayRules *rules, int64 moment)
{
	TimestampTz until;
	int64 step = rules->step / USECS_PER_SEC;
	int64 reads = (moment / USECS_PER_SEC + zone_offset(rules->stylist_zone, moment, &until)) % SECS_PER_DAY;

	if (reads < 0)
		reads += SECS_PER_DAY;
	if (reads % step == 0)
		return 0;
	return Min(step - reads % step, SECS_PER_DAY - reads) * USECS_PER_SEC;
}

const int64 *
hours_grid(const DayRules *rules, const SlotInput *input)
{
	int64 *grid;

	if (rules->alignment != ALIGN_TO_CLOCK)
		return NULL;
	grid = palloc(Max(input->nwindows, 1) * sizeof(int64));
	for (int i = 0; i < input->nwindows; i++)
		grid[i] = input->windows[i].start + until_aligned(rules, input->windows[i].start);
	return grid;
}
