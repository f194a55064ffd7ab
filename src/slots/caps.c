/*
 * caps.c
 *		How many appointments a stylist's and a service's caps let start on a date, and in a week.
 *
 * docs/rules.md says what counts (20).  Who has no caps pays nothing; who has
 * some of weeks depends on all their days.  A service's appointments are
 * counted with the stylist's, on the clock at home wherever that one is, or together
 * with those of all stylists, on the default zone's: there are at most these two counts.
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "slots/buffers.h"
#include "slots/caps.h"
#include "slots/hours.h"
#include "slots/sources.h"
#include "slots/zone.h"

/* Dates on which slots of one date start, and a few more; a clock may skip one. */
#define MAX_DATES 4

/* What is counted at once: the stylist's appointments, or the service's with whatever stylist. */
typedef struct Count
{
	pg_tz *zone;
	bool of_all_stylists;
} Count;

static Count
count_of_stylist(const DayRules *rules)
{
	return (Count){rules->home_zone, false};
}

static Count
count_together(const DayRules *rules)
{
	return (Count){rules_default_zone(rules), true};
}

/* Whether an owner's caps are about it. */
static bool
has_owner(const Count *count, const DayRules *rules, int owner)
{
	return count->of_all_stylists == (owner == CAPS_OF_SERVICE && rules->caps_together);
}

static bool
has_caps(const Count *count, const DayRules *rules, bool of_week)
{
	for (int owner = 0; owner < CAP_NOWNERS; owner++)
	{
		for (int kind = 0; has_owner(count, rules, owner) && kind < CAP_NKINDS; kind++)
		{
			if (rules->caps[owner][kind] != NO_CAP && cap_is_of_week(kind) == of_week)
				return true;
		}
	}
	return false;
}

/* Whether a service's caps are about all stylists, and it has one. */
static bool
counts_together(const DayRules *rules)
{
	for (int kind = 0; rules->caps_together && kind < CAP_NKINDS; kind++)
	{
		if (rules->caps[CAPS_OF_SERVICE][kind] != NO_CAP)
			return true;
	}
	return false;
}

static bool
may_have(CapKind kind)
{
	return source_column_at(SOURCE_PROFILES, PROFILE_CAPS + kind) != NULL ||
		   source_column_at(SOURCE_SERVICES, SERVICE_CAPS + kind) != NULL;
}

bool
caps_of_weeks_matter(void)
{
	return may_have(CAP_BOOKINGS_OF_WEEK) || may_have(CAP_TIME_OF_WEEK);
}

bool
caps_matter(void)
{
	return may_have(CAP_BOOKINGS_OF_DAY) || may_have(CAP_TIME_OF_DAY) || caps_of_weeks_matter();
}

/* ---- dates and weeks ---- */

/* From its midnight to the next one: where midnight comes twice, the clock reads another. */
static DateADT
date_of(pg_tz *zone, int64 moment)
{
	TimestampTz until;
	DateADT date = utc_day_of(moment + zone_offset(zone, moment, &until) * USECS_PER_SEC);

	if (moment < zone_to_instant(zone, date, 0))
		return date - 1;
	return moment >= zone_to_instant(zone, date + 1, 0) ? date + 1 : date;
}

static int
add_scopes(const Count *count, const DayRules *rules, int64 start, CapScope *scopes)
{
	DateADT date = date_of(count->zone, start);
	int n = 0;

	if (has_caps(count, rules, false))
		scopes[n++] = (CapScope){date, false, count->of_all_stylists};
	if (has_caps(count, rules, true))
		scopes[n++] = (CapScope){monday_of(date), true, count->of_all_stylists};
	return n;
}

int
caps_scopes(const DayRules *rules, int64 start, CapScope scopes[CAPS_MAX_SCOPES])
{
	Count count = count_of_stylist(rules);
	int n;

	if (TIMESTAMP_NOT_FINITE(start))
		return 0;
	n = add_scopes(&count, rules, start, scopes);
	if (!counts_together(rules))
		return n;
	count = count_together(rules);
	return n + add_scopes(&count, rules, start, scopes + n);
}

/* The dates on which slots may start; false if there are none. */
static bool
dates_of_starts(pg_tz *zone, const SlotInput *input, DateADT *first, DateADT *last)
{
	const SlotClasses *classes = &input->classes;
	SlotInterval starts = {PG_INT64_MAX, PG_INT64_MIN};

	if (classes->span.start < classes->span.end)
		starts = (SlotInterval){classes->span.start, Min(classes->span.end, classes->starts.end)};
	for (int i = 0; i < input->nwindows; i++)
	{
		if (input->windows[i].end <= input->windows[i].start)
			continue;
		starts.start = Min(starts.start, input->windows[i].start);
		starts.end = Max(starts.end, Min(input->windows[i].end, input->starts_before));
	}
	if (starts.start >= starts.end || TIMESTAMP_NOT_FINITE(starts.start))
		return false;
	*first = date_of(zone, starts.start);
	*last = Min(date_of(zone, starts.end - 1), *first + MAX_DATES - 1);
	return true;
}

/* ---- what counts ---- */

static bool
is_counted(const BusyRows *rows, uint64 i, const pg_uuid_t *service, const SlotCap *cap)
{
	if (rows->at[i].start < cap->at.start || rows->at[i].start >= cap->at.end)
		return false;
	return service == NULL || (rows->has_service[i] && uuid_order(&rows->services[i], service) == 0);
}

/* It may never end. */
static int64
length_of(const SlotInterval *at)
{
	return at->start < 0 ? moment_plus(at->end, -at->start) : at->end - at->start;
}

/* Takes what counts from what is left; service NULL: any.  *change: when the first of it lapses. */
static void
count_rows(const BusyRows *rows, const pg_uuid_t *service, SlotCap *cap, int64 *change)
{
	for (uint64 i = 0; i < rows->n; i++)
	{
		if (!is_counted(rows, i, service, cap))
			continue;
		cap->left = moment_minus(cap->left, cap->of_time ? length_of(&rows->at[i]) : 1);
		*change = Min(*change, rows->expires[i]);
	}
}

/* ---- the caps ---- */

static void
add_cap(pg_tz *zone, DateADT first, CapKind kind, CapOwner owner, const DayRules *rules, SlotInput *input)
{
	DateADT next = first + (cap_is_of_week(kind) ? DATES_OF_WEEK : 1);
	SlotInterval at = {zone_to_instant(zone, first, 0), zone_to_instant(zone, next, 0)};
	SlotReason reason = cap_is_of_week(kind) ? WHY_WEEKLY_LIMIT : WHY_DAILY_LIMIT;

	/* A date that the clock skips is none. */
	if (at.end > at.start)
		input->caps[input->ncaps++] = (SlotCap){
			.at = at,
			.left = rules->caps[owner][kind],
			.of_time = cap_is_of_time(kind),
			.of_service = owner == CAPS_OF_SERVICE,
			.of_rules = owner == CAPS_OF_STYLIST && rules->caps_of_rules[kind],
			.reason = reason,
		};
}

/* One for each date, or week. */
static void
add_caps(pg_tz *zone, DateADT first, DateADT last, CapKind kind, CapOwner owner, const DayRules *rules,
		 SlotInput *input)
{
	if (!cap_is_of_week(kind))
	{
		for (DateADT date = first; date <= last; date++)
			add_cap(zone, date, kind, owner, rules, input);
		return;
	}
	for (DateADT date = monday_of(first); date <= last; date += DATES_OF_WEEK)
		add_cap(zone, date, kind, owner, rules, input);
}

static SlotInterval
span_of_caps(const SlotInput *input, int from)
{
	SlotInterval span = {PG_INT64_MAX, PG_INT64_MIN};

	for (int i = from; i < input->ncaps; i++)
	{
		span.start = Min(span.start, input->caps[i].at.start);
		span.end = Max(span.end, input->caps[i].at.end);
	}
	return span;
}

/* Takes what is counted from those from the given one on. */
static void
count(const CapsAsked *asked, const Count *count, SlotInterval span, int from, SlotInput *input)
{
	BusyRows bookings;
	BusyRows holds;

	if (count->of_all_stylists)
		busy_rows_of_service(asked->service, asked->rules, span, input->now, &bookings, &holds);
	else
		busy_rows(asked->stylist, asked->rules, span, asked->clock, input->now, &bookings, &holds);
	if (asked->except != NULL &&
		(count->of_all_stylists || uuid_order(&asked->except->stylist, asked->stylist) == 0))
		busy_leave_out(&bookings, asked->except);
	for (int i = from; i < input->ncaps; i++)
	{
		const pg_uuid_t *of = input->caps[i].of_service ? asked->service : NULL;

		count_rows(&bookings, of, &input->caps[i], &input->caps_change);
		count_rows(&holds, of, &input->caps[i], &input->caps_change);
	}
}

/* The caps that are about one count. */
static void
read_caps(const CapsAsked *asked, const Count *counted, SlotInput *input, CapDays *days)
{
	int from = input->ncaps;
	SlotInterval span;
	DateADT first;
	DateADT last;

	if (!dates_of_starts(counted->zone, input, &first, &last))
		return;
	for (int i = 0; i < CAP_NOWNERS * CAP_NKINDS; i++)
	{
		int64 most = asked->rules->caps[i / CAP_NKINDS][i % CAP_NKINDS];

		if (most != NO_CAP && has_owner(counted, asked->rules, i / CAP_NKINDS))
			add_caps(counted->zone, first, last, i % CAP_NKINDS, i / CAP_NKINDS, asked->rules, input);
	}
	span = span_of_caps(input, from);
	if (span.start >= span.end)
		return;
	*days = (CapDays){utc_day_of(span.start), utc_day_of(span.end - 1)};
	count(asked, counted, span, from, input);
}

void
caps_read(const CapsAsked *asked, SlotInput *input, CapDays *of_stylist, CapDays *of_service)
{
	Count counted = count_of_stylist(asked->rules);

	*of_stylist = *of_service = (CapDays){DATEVAL_NOEND, DATEVAL_NOBEGIN};
	input->ncaps = 0;
	input->caps_change = SLOT_NEVER;
	if (!counts_together(asked->rules) && !has_caps(&counted, asked->rules, false) &&
		!has_caps(&counted, asked->rules, true))
		return;
	input->caps = palloc(CAP_NOWNERS * CAP_NKINDS * MAX_DATES * sizeof(SlotCap));
	read_caps(asked, &counted, input, of_stylist);
	if (!counts_together(asked->rules))
		return;
	counted = count_together(asked->rules);
	read_caps(asked, &counted, input, of_service);
}
