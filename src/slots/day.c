/*
 * day.c
 *		Computes one stylist's day for one service from the attached tables.
 *
 * Reads everything under one snapshot, turns wall-clock times into instants
 * and hands them to the kernel.  docs/rules.md says what is computed; the
 * numbers in comments refer to it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "cache/definitions.h"
#include "slots/answer.h"
#include "slots/day.h"
#include "slots/kernel.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/rules.h"
#include "slots/rules_memo.h"
#include "slots/sources.h"
#include "slots/tags.h"

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
read_schedule(const DayRequest *day, const DayRules *rules, SlotInput *input)
{
	int dow = j2day(day->date + POSTGRES_EPOCH_JDATE);
	Datum args[] = {UUIDPGetDatum(&day->stylist), Int32GetDatum(dow), Int32GetDatum(dow == 0 ? 7 : dow),
					DateADTGetDatum(day->date)};
	uint64 n = query_run(SOURCE_SCHEDULES, NULL, args);

	input->windows = palloc((n + 1) * sizeof(SlotInterval));
	input->breaks = palloc((n + 1) * sizeof(SlotInterval));
	for (uint64 i = 0; i < n; i++)
	{
		int32 opens;
		int32 closes;
		int32 from;
		int32 to;

		CHECK_FOR_INTERRUPTS();
		if (!result_time(i, 1, &opens) || !result_time(i, 2, &closes))
			continue;
		input->windows[input->nwindows++] = clock_interval(rules->stylist_zone, day->date, opens, closes);
		if (!result_time(i, 3, &from) || !result_time(i, 4, &to))
			continue;
		if (from < opens && closes <= opens)
		{
			from += SECS_PER_DAY;
			to += SECS_PER_DAY;
		}
		input->breaks[input->nbreaks++] = clock_interval(rules->stylist_zone, day->date, from, to);
	}
}

/* (7): the override of the day. */
static void
read_override(const DayRequest *day, const DayRules *rules, SlotInput *input)
{
	Datum args[] = {UUIDPGetDatum(&day->stylist), DateADTGetDatum(day->date)};
	int32 opens;
	int32 closes;

	if (!source_attached(SOURCE_OVERRIDES) || query_run(SOURCE_OVERRIDES, NULL, args) == 0)
		return;
	if (result_bool(0, 1, false))
		input->nwindows = 0;
	else if (result_time(0, 2, &opens) && result_time(0, 3, &closes))
	{
		input->nwindows = 1;
		input->windows[0] = clock_interval(rules->stylist_zone, day->date, opens, closes);
	}
}

/* What the windows reach, with the buffers: no booking outside of it matters. */
static SlotInterval
reach_of(const SlotInput *input)
{
	SlotInterval reach = {PG_INT64_MAX, PG_INT64_MIN};

	for (int i = 0; i < input->nwindows; i++)
	{
		if (input->windows[i].end <= input->windows[i].start)
			continue;
		reach.start = Min(reach.start, input->windows[i].start);
		reach.end = Max(reach.end, input->windows[i].end);
	}
	if (reach.start <= reach.end)
	{
		reach.start -= input->buffer_after;
		reach.end += input->buffer_before;
	}
	return reach;
}

static SlotInterval
result_interval(uint64 row)
{
	bool isnull;
	TimestampTz start = DatumGetTimestampTz(result_datum(row, 1, &isnull));
	TimestampTz end = DatumGetTimestampTz(result_datum(row, 2, &isnull));

	return (SlotInterval){start, end};
}

/* (14) and (15): what is taken within reach. */
static void
read_busy(const DayRequest *day, const DayRules *rules, SlotInterval reach, SlotInput *input)
{
	Datum bookings[] = {UUIDPGetDatum(&day->stylist), TimestampTzGetDatum(reach.start),
						TimestampTzGetDatum(reach.start - USECS_PER_DAY), TimestampTzGetDatum(reach.end)};
	Datum holds[] = {UUIDPGetDatum(&day->stylist), TimestampTzGetDatum(reach.start), TimestampTzGetDatum(reach.end),
					 TimestampTzGetDatum(input->now)};
	uint64 n = query_run(SOURCE_BOOKINGS, &rules->non_blocking, bookings);
	int64 *expires;

	input->bookings = palloc(Max(n, 1) * sizeof(SlotInterval));
	for (uint64 i = 0; i < n; i++)
		input->bookings[input->nbookings++] = result_interval(i);
	if (!source_attached(SOURCE_RESERVATIONS))
		return;
	n = query_run(SOURCE_RESERVATIONS, &rules->holding, holds);
	input->holds = palloc(Max(n, 1) * sizeof(SlotInterval));
	input->hold_expires = expires = palloc(Max(n, 1) * sizeof(int64));
	for (uint64 i = 0; i < n; i++)
	{
		input->holds[input->nholds] = result_interval(i);
		expires[input->nholds++] = result_int64(i, 3, SLOT_NEVER);
	}
}

void
day_depends_on(DayRequest *day, DateADT first, DateADT last, Computed *result)
{
	result->ntags = RULES_NTAGS;
	rules_list_tags(&day->stylist, &day->service, day->tags);
	day->first_day = Max(first, day->date - DAYS_BEFORE);
	day->last_day = Min(last, day->date + DAYS_AFTER);
	for (DateADT d = day->first_day; d <= day->last_day; d++)
		day->tags[result->ntags++] = tag_of_stylist_day(&day->stylist, d);
	result->tags = day->tags;
}

void
day_days_of_answer(DayRequest *day, const char *packed)
{
	AnswerHeader header;

	memcpy(&header, packed, sizeof(header));
	day->first_day = day->date - (header.days >> 4);
	day->last_day = day->date + (header.days & 15);
}

/* The days that an answer with this reach depends on, its own among them; false if it is more than there may be. */
static bool
depend_on_reach(DayRequest *day, SlotInterval reach, Computed *result)
{
	int64 first = day->date;
	int64 last = day->date;

	if (reach.start <= reach.end)
	{
		first = Min(first, utc_day_of(reach.start));
		last = Max(last, utc_day_of(reach.end - 1));
	}
	day_depends_on(day, first, last, result);
	return first == day->first_day && last == day->last_day;
}

/* Days that are over, and those beyond the horizon, are not worth memory. */
static bool
worth_keeping(const DayRequest *day, const SlotInput *input)
{
	int64 today = utc_day_of(input->now);

	return day->date >= today - 1 && day->date <= today + input->horizon / USECS_PER_DAY + 2;
}

static void
init_input(const DayRules *rules, SlotInput *input)
{
	memset(input, 0, sizeof(*input));
	input->now = cache_now();
	input->step = rules->step;
	input->duration = rules->duration * USECS_PER_SEC;
	input->buffer_before = rules->limits[LIMIT_BUFFER_BEFORE];
	input->buffer_after = rules->limits[LIMIT_BUFFER_AFTER];
	input->notice = rules->limits[LIMIT_NOTICE];
	input->horizon = rules->limits[LIMIT_HORIZON];
	input->show_unavailable = rules->show_unavailable;
	input->show_breaks = rules->show_breaks;
}

static void
compute_slots(const DayRequest *day, const DayRules *rules, SlotInput *input, MemoryContext caller, Computed *result)
{
	AnswerHeader header;
	int64 bound = slots_bound(input);
	int64 n;
	Slot *slots;

	if (bound > ANSWER_MAX_SLOTS)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the day has more than %d slots", ANSWER_MAX_SLOTS),
				errhint("Set a longer availability_cache.rules.slot_step, or look for overlapping schedule rows."));
	slots = palloc(Max(bound, 1) * sizeof(Slot));
	n = slots_compute(input, slots, &result->valid_until);

	memset(&header, 0, sizeof(header));
	header.computed_at = input->now;
	header.duration = rules->duration;
	header.step = rules->step / USECS_PER_SEC;
	header.has_price = rules->price != NO_PRICE;
	header.price_cents = header.has_price ? rules->price : 0;
	header.days = (day->date - day->first_day) << 4 | (day->last_day - day->date);
	MemoryContextSwitchTo(caller);
	result->payload = answer_pack(&header, slots, n, day->zone != NULL ? day->zone : rules_default_zone(rules),
								  rules->display_format, &result->payload_size);
}

static DayError
compute_connected(DayRequest *day, uint64 clock, MemoryContext caller, Computed *result)
{
	DayRules rules;
	SlotInput input;
	SlotInterval reach;
	DayError error;
	bool all_days;

	sources_load();
	if (!rules_recall(&day->stylist, &day->service, clock, &rules))
	{
		if ((error = rules_read(&day->stylist, &day->service, &rules)) != DAY_OK)
			return error;
		rules_remember(&day->stylist, &day->service, clock, &rules);
	}
	init_input(&rules, &input);
	read_schedule(day, &rules, &input);
	read_override(day, &rules, &input);
	reach = reach_of(&input);
	if (reach.start <= reach.end)
		read_busy(day, &rules, reach, &input);

	result->valid_from = input.now;
	result->untracked = !sources_tracked();
	result->definitions = true;
	result->unconfirmed = !sources_confirm(clock);
	all_days = depend_on_reach(day, reach, result);
	result->keepable = all_days && worth_keeping(day, &input);
	compute_slots(day, &rules, &input, caller, result);
	return DAY_OK;
}

bool
day_definitions_confirmed(uint64 clock)
{
	int settings;
	bool confirmed;

	if (clock == NO_CLOCK || definitions_confirmed(clock))
		return clock != NO_CLOCK;
	settings = guard_settings();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	sources_load();
	confirmed = sources_confirm(clock);
	SPI_finish();
	restore_settings(settings);
	return confirmed;
}

void
day_compute(DayRequest *day, uint64 clock, Computed *result)
{
	MemoryContext caller = CurrentMemoryContext;
	int settings = guard_settings();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	day->error = compute_connected(day, clock, caller, result);
	MemoryContextSwitchTo(caller);
	SPI_finish();
	restore_settings(settings);
}
