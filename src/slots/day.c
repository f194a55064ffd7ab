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
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/guard.h"
#include "cache/definitions.h"
#include "base/test_hooks.h"
#include "slots/answer.h"
#include "slots/buffers.h"
#include "slots/busy.h"
#include "slots/caps.h"
#include "slots/classes.h"
#include "slots/day.h"
#include "slots/guard_rules.h"
#include "slots/hours.h"
#include "slots/kernel.h"
#include "slots/rules.h"
#include "slots/rules_memo.h"
#include "slots/sources.h"
#include "slots/tags.h"
#include "slots/takings.h"

/* A resource of which kind the slots need, and when. */
typedef struct DayNeeds
{
	const ResourceKinds *kinds;
	const char *kind; /* NULL: none */
	SlotInterval during;
} DayNeeds;

static void
depend_on_days(DayRequest *day, DateADT first, DateADT last, Computed *result)
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
	AnswerHeader header = answer_header(packed);

	day->first_day = day->date - (header.days >> 4);
	day->last_day = day->date + (header.days & 15);
}

/*
 * On the buffers of every service that is booked within reach, and on none
 * being so long that one booked farther away would matter.  The day's own
 * service is among what the rules depend on.
 */
static void
depend_on_buffers(DayRequest *day, const Reach *reach, const BookedServices *booked, Computed *result)
{
	bool each = booked->n <= DAY_MAX_SERVICES;

	if (!buffers_matter())
		return;
	if (!each || reach->level >= 0)
		day->tags[result->ntags++] = tag_of_buffers_above(each ? reach->level : 0);
	for (int i = 0; each && i < booked->n; i++)
	{
		if (memcmp(&booked->services[i], &day->service, UUID_LEN) != 0 &&
			!AC_MUTATED(AC_MUTANT_OWN_SERVICE_ONLY))
			day->tags[result->ntags++] = tag_of_buffers(&booked->services[i]);
	}
}

/*
 * On what takes a resource of a kind: on each resource's bookings, and on those of each service that needs
 * one and that name none, on the days of the windows.
 */
static void
depend_on_resources(DayRequest *day, const DayNeeds *needs, Computed *result)
{
	int nresources;
	int nservices;
	const pg_uuid_t *resources;
	const pg_uuid_t *services;
	DateADT first = Max(utc_day_of(needs->during.start), day->first_day);
	DateADT last = Min(utc_day_of(needs->during.end - 1), day->last_day);
	bool each;

	if (needs->kind == NULL)
		return;
	resources = kinds_resources(needs->kinds, needs->kind, &nresources);
	services = kinds_services(needs->kinds, needs->kind, &nservices);
	each = (nresources + nservices) * (last - first + 1) <= DAY_MAX_RESOURCES;
	day->tags[result->ntags++] = tag_of_resources();
	for (DateADT d = first; d <= last; d++)
	{
		if (!each)
			day->tags[result->ntags++] = tag_of_resources_day(d);
		for (int i = 0; each && i < nresources; i++)
			day->tags[result->ntags++] = tag_of_resource_day(&resources[i], d);
		for (int i = 0; each && i < nservices; i++)
			day->tags[result->ntags++] = tag_of_unnamed_day(&services[i], d);
	}
}

/* What an answer with this reach depends on, its own day included; false if it is more than there may be. */
static bool
depend_on_reach(DayRequest *day, const Reach *reach, const BookedServices *booked, const CapDays *capped,
				const SlotInterval *classes, const DayNeeds *needs, Computed *result)
{
	DateADT first = AC_MUTATED(AC_MUTANT_NO_WEEK) ? day->date : Min(day->date, capped->first);
	DateADT last = AC_MUTATED(AC_MUTANT_NO_WEEK) ? day->date : Max(day->date, capped->last);

	/* On which days a class of the date may be put. */
	if (classes->end > classes->start && !AC_MUTATED(AC_MUTANT_NO_CLASS_DAY))
	{
		first = Min(first, utc_day_of(classes->start));
		last = Max(last, utc_day_of(classes->end - 1));
	}
	if (reach->at.start <= reach->at.end)
	{
		first = Min(first, reach->first);
		last = Max(last, reach->last);
	}
	depend_on_days(day, first, last, result);
	depend_on_buffers(day, reach, booked, result);
	depend_on_resources(day, needs, result);
	return first == day->first_day && last == day->last_day;
}

/*
 * On which appointments of the service begin on these days, with whatever stylist;
 * false if those are too many.
 */
static bool
depend_on_service(DayRequest *day, const CapDays *days, Computed *result)
{
	bool fits = days->last - (int64) days->first < DAY_MAX_SERVICE_DAYS;

	for (DateADT d = days->first; fits && d <= days->last; d++)
		day->tags[result->ntags++] = tag_of_service_day(&day->service, d);
	return fits;
}

/* A range that begins today asks for days that began before, in other zones, or in the night before. */
#define DAYS_PAST 4

/* Days that are over, and those beyond the horizon, are not worth memory. */
static bool
worth_keeping(const DayRequest *day, const SlotInput *input)
{
	int64 today = utc_day_of(input->now);

	return day->date >= today - DAYS_PAST && day->date <= today + input->horizon / USECS_PER_DAY + 2;
}

static void
init_input(const DayRules *rules, SlotInput *input)
{
	memset(input, 0, sizeof(*input));
	input->now = cache_now();
	input->step = rules->step;
	input->duration = rules->duration * USECS_PER_SEC;
	input->notice = rules->limits[LIMIT_NOTICE];
	input->horizon = rules->limits[LIMIT_HORIZON];
	input->show_unavailable = rules->show_unavailable;
	input->show_breaks = rules->show_breaks;
	input->seats.capacity = rules->capacity;
}

/* (18) */
static SlotReason
why_none(const SlotInput *input, const int64 *counts)
{
	if (input->nwindows == 0 && input->classes.nslots == 0)
		return input->closed ? WHY_CLOSED : WHY_NO_HOURS;
	return slots_day_reason(counts);
}

static void
compute_slots(const DayRequest *day, const DayRules *rules, SlotInput *input, MemoryContext caller,
			  Explained *explained, Computed *result)
{
	AnswerHeader header;
	int64 counts[SLOT_NREASONS];
	int64 n;
	Slot *slots;

	n = slots_count(input);
	if (n > ANSWER_MAX_SLOTS)
		ereport(
			ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("the day has more than %d slots", ANSWER_MAX_SLOTS),
			errhint(
				"Set a longer availability_cache.rules.slot_step, or look for many short breaks in the schedule."));
	slots = palloc(Max(n, 1) * sizeof(Slot));
	if (explained != NULL)
	{
		input->show_unavailable = input->show_breaks = true;
		explained->ndates = hours_dates(&day->stylist, explained->start, rules, explained->dates);
		explain_near(explained, rules, input, caller);
	}
	n = slots_compute(input, slots, counts, &result->valid_until);

	memset(&header, 0, sizeof(header));
	header.computed_at = input->now;
	header.duration = rules->duration;
	header.step = rules->step / USECS_PER_SEC;
	header.has_price = rules->price != NO_PRICE;
	header.price_cents = header.has_price ? rules->price : 0;
	header.has_ends = input->classes.nslots > 0;
	header.has_seats = rules->capacity != SEATS_ALONE || header.has_ends;
	header.has_reasons = rules->show_reasons;
	header.why = why_none(input, counts);
	if (explained != NULL)
		explain_start(explained, input, slots, n);
	header.days = (day->date - day->first_day) << 4 | (day->last_day - day->date);
	MemoryContextSwitchTo(caller);
	result->payload = answer_pack(&header, slots, n,
								  day->zone != NULL ? day->zone : rules_default_zone(rules),
								  rules->display_format, &result->payload_size);
}

/* All that the tables say. */
static DayError
read_tables(const DayRequest *day, uint64 clock, DayRules *rules, SlotInput *input, Reach *reach,
			BookedServices *booked, CapDays *capped, CapDays *together, DayNeeds *needs)
{
	DayError error;

	sources_load();
	if (!rules_recall(&day->stylist, &day->service, clock, rules))
	{
		if ((error = rules_read(&day->stylist, &day->service, clock, rules)) != DAY_OK)
			return error;
		rules_remember(&day->stylist, &day->service, clock, rules);
	}
	if (day->duration != 0)
		rules->duration = day->duration;
	init_input(rules, input);
	hours_read(&day->stylist, &day->service, day->date, rules, input);
	classes_find_of_date(&day->stylist, &day->service, day->date, rules, input);
	busy_read(&day->stylist, &day->service, rules, clock, day->except, input, reach, booked);
	caps_read(&(CapsAsked){&day->stylist, &day->service, rules, clock, day->except}, input, capped, together);
	*needs = (DayNeeds){.during = busy_span(input)};
	if (!kinds_matter())
		return DAY_OK;
	needs->kinds = kinds_read(clock);
	needs->kind = takings_of_day(&day->stylist, &day->service, rules, needs->kinds, day->except, input);
	return DAY_OK;
}

static DayError
compute_connected(DayRequest *day, uint64 clock, MemoryContext caller, Explained *explained, Computed *result)
{
	DayRules rules;
	SlotInput input;
	Reach reach;
	BookedServices booked;
	CapDays capped;
	CapDays together;
	DayNeeds needs;
	DayError error;
	bool all_days;

	if ((error = read_tables(day, clock, &rules, &input, &reach, &booked, &capped, &together, &needs)) !=
		DAY_OK)
		return error;
	result->overtaken = !sources_current();
	day->defined = sources_fingerprint(&day->definitions);
	result->valid_from = input.now;
	result->untracked = !sources_tracked();
	result->definitions = true;
	result->unconfirmed = !sources_confirm(clock);
	all_days = depend_on_reach(day, &reach, &booked, &capped, &input.classes.starts, &needs, result) &&
			   depend_on_service(day, &together, result);
	result->keepable = all_days && worth_keeping(day, &input) && day_keeps_duration(day->duration) &&
					   day->except == NULL && explained == NULL;
	compute_slots(day, &rules, &input, caller, explained, result);
	if (explained != NULL && explained->reason == WHY_NO_RESOURCE)
		explain_taken(explained, &day->stylist, &day->service, &rules, needs.kinds, input.now);
	return DAY_OK;
}

/* Calls fn, connected to SPI, once the mapping is loaded. */
static bool
with_sources(bool (*fn)(uint64), uint64 arg)
{
	int settings = guard_settings();
	bool result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	sources_load();
	result = fn(arg);
	SPI_finish();
	restore_settings(settings);
	return result;
}

bool
day_definitions_confirmed(uint64 clock)
{
	if (clock == NO_CLOCK || definitions_confirmed(clock))
		return clock != NO_CLOCK;
	return with_sources(sources_confirm, clock);
}

static bool
hold(uint64 unused)
{
	return sources_hold();
}

static bool
nothing_more(uint64 unused)
{
	return true;
}

static void
load_sources(void *arg)
{
	(void) with_sources(nothing_more, 0);
}

int
day_counted_around(void)
{
	const GuardRules *rules = guard_rules();
	bool loaded = sources_current() || guarded(load_sources, NULL) == NULL;
	bool weeks = rules->has_caps_of_weeks || (loaded && caps_of_weeks_matter());

	if (!weeks && !rules->has_caps && !(loaded && caps_matter()))
		return 0;
	/* The other days of its week; and where it is of another date than the slot, by another clock. */
	return (weeks ? DATES_OF_WEEK - 1 : 0) + (loaded && hours_zones_vary() ? 1 : 0);
}

/* Where the mapping cannot be loaded a computation says why. */
bool
day_definitions(uint64 *fingerprint)
{
	return sources_fingerprint(fingerprint) ||
		   (guarded(load_sources, NULL) == NULL && sources_fingerprint(fingerprint));
}

bool
day_definitions_of(const DayRequest *day, uint64 *fingerprint)
{
	*fingerprint = day->definitions;
	return day->defined;
}

bool
day_definitions_hold(void)
{
	return with_sources(hold, 0);
}

void
day_explain(DayRequest *day, uint64 clock, Explained *explained, Computed *result)
{
	MemoryContext caller = CurrentMemoryContext;
	int settings = guard_settings();

	day->defined = false;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	day->error = compute_connected(day, clock, caller, explained, result);
	MemoryContextSwitchTo(caller);
	SPI_finish();
	restore_settings(settings);
}

void
day_compute(DayRequest *day, uint64 clock, Computed *result)
{
	day_explain(day, clock, NULL, result);
}
