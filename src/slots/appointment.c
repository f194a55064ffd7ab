/*
 * appointment.c
 *		Whether the rules let an appointment be where it is.
 *
 * The appointment is a row already, of this transaction.  So the question is
 * asked of everything but it: of the bookings or holds that are read, one with
 * its times and buffers is left out; which one does not matter, they are alike.
 *
 * First the hours, as a day of slots of its length; then what else is near it,
 * as a window that it fills, or as the class that it starts with.  The same
 * kernel says both.
 *
 * docs/rules.md says what is computed; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/test_hooks.h"
#include "cache/readpath.h"
#include "slots/answer.h"
#include "slots/appointment.h"
#include "slots/buffers.h"
#include "slots/busy.h"
#include "slots/classes.h"
#include "slots/hours.h"
#include "slots/resource_fit.h"
#include "slots/rules.h"
#include "slots/rules_memo.h"

/* None that is longer is offered. */
#define LONGEST (7 * USECS_PER_DAY)
/* Beyond it everything is the same, also infinity: about 73,000 years. */
#define FAR_AWAY (PG_INT64_MAX / 4)

const char *
appointment_reason_name(SlotReason reason)
{
	if (reason == WHY_NOT_OFFERED)
		return "not_offered";
	return reason == WHY_NONE ? "available" : slot_reason_names[reason];
}

/* Where no service is known, one that is not there stands for it: it has the buffers that it should. */
static const pg_uuid_t no_service = {
	{0xa1, 0x7c, 0x2e, 0x90, 0x4b, 0x55, 0x4d, 0x1f, 0x9e, 0x03, 0x6a, 0xd8, 0x27, 0xc4, 0x5b, 0xee}};

static const pg_uuid_t *
service_of(const Appointment *appointment)
{
	return appointment->has_service ? &appointment->service : &no_service;
}

/* ---- what else is there ---- */

/* One that the appointment fills, or no other slot than it. */
static void
make_only_slot(const Appointment *appointment, SlotInput *input)
{
	SlotInterval at = {Max(appointment->at.start, -FAR_AWAY), Min(appointment->at.end, FAR_AWAY)};

	input->windows = palloc(sizeof(SlotInterval));
	input->windows[0] = at;
	input->nwindows = 1;
	input->grid_from = NULL;
	input->restarts_after_break = false;
	input->starts_before = at.start + 1;
	input->duration = at.end - at.start;
	input->step = input->duration;
}

/* (22): the class that it starts with and ends in is the only slot; false if there is none. */
static bool
make_class_slot(const Appointment *appointment, const DayRules *rules, SlotInput *input)
{
	SlotInterval starts = {appointment->at.start, appointment->at.start + 1};

	if (!appointment->has_service || TIMESTAMP_NOT_FINITE(starts.start))
		return false;
	classes_find(&appointment->stylist, &appointment->service, rules, starts, input);
	if (input->classes.span.start < input->classes.span.end && input->classes.span.end >= appointment->at.end)
		return true;
	input->classes = (SlotClasses){.n = 0};
	return false;
}

/* Takes the appointment from bookings or holds of others; false if it is not there. */
static bool
leave_out(const Appointment *appointment, SlotInput *input)
{
	SlotInterval *busy = appointment->is_hold ? input->holds : input->bookings;
	const SlotBuffers *buffers = appointment->is_hold ? input->hold_buffers : input->booking_buffers;
	int n = appointment->is_hold ? input->nholds : input->nbookings;

	for (int i = 0; i < n; i++)
	{
		if (busy[i].start != appointment->at.start || busy[i].end != appointment->at.end ||
			buffers[i].before != input->buffers.before || buffers[i].after != input->buffers.after ||
			(appointment->is_hold && input->hold_expires[i] != appointment->expires))
			continue;
		/* Of no length, it is nowhere. */
		if (!AC_MUTATED(AC_MUTANT_GUARD_OWN_ROWS))
			busy[i].end = busy[i].start;
		return true;
	}
	return false;
}

/* The same of those that share its service's seats. */
static bool
leave_out_seats(const Appointment *appointment, Seats *seats)
{
	SeatUse *uses = appointment->is_hold ? seats->holds : seats->bookings;
	int n = appointment->is_hold ? seats->nholds : seats->nbookings;

	for (int i = 0; i < n; i++)
	{
		if (uses[i].at.start != appointment->at.start || uses[i].at.end != appointment->at.end ||
			uses[i].seats != Min(appointment->seats, SEATS_MOST) || uses[i].expires != appointment->expires)
			continue;
		if (!AC_MUTATED(AC_MUTANT_GUARD_OWN_ROWS))
			uses[i].at.end = uses[i].at.start;
		return true;
	}
	return false;
}

/* The same of those that are near a class. */
static bool
leave_out_taker(const Appointment *appointment, SlotClasses *classes)
{
	TakerKind kind = appointment->is_hold ? TAKER_HOLD : TAKER_BOOKING;

	for (int i = 0; i < classes->ntakers; i++)
	{
		ClassTaker *taker = &classes->takers[i];

		if (taker->kind != kind || !taker->of_service || taker->at.start != appointment->at.start ||
			taker->at.end != appointment->at.end || taker->seats != Min(appointment->seats, SEATS_MOST) ||
			taker->expires != appointment->expires)
			continue;
		if (!AC_MUTATED(AC_MUTANT_GUARD_OWN_ROWS))
			taker->at.end = taker->at.start;
		return true;
	}
	return false;
}

/* One that takes no seats of a class has nothing to do with those that do. */
static void
forget_seats(SlotClasses *classes)
{
	for (int i = 0; i < classes->n; i++)
		classes->classes[i].seats = 1;
	for (int i = 0; i < classes->ntakers; i++)
	{
		if (classes->takers[i].of_service && classes->takers[i].kind != TAKER_CLASS)
			classes->takers[i].seats = 0;
	}
}

/* One that takes no seats has nothing to do with those that do. */
static bool
leave_out_own(const Appointment *appointment, SlotInput *input)
{
	if (input->classes.nslots > 0)
		return leave_out_taker(appointment, &input->classes);
	if (input->seats.capacity == SEATS_ALONE)
		return leave_out(appointment, input);
	if (appointment->seats > 0)
		return leave_out_seats(appointment, &input->seats);
	input->seats = (Seats){.capacity = 1};
	return true;
}

static SlotReason
reason_of_only_slot(const Appointment *appointment, SlotInput *input)
{
	int64 counts[SLOT_NREASONS];
	int64 next_change;
	Slot slot = {.reason = WHY_OUTSIDE_HOURS};

	(void) slots_compute(input, &slot, counts, &next_change);
	if (slot.reason == WHY_NONE && (input->seats.capacity != SEATS_ALONE || slot.class != NULL) &&
		slot.seats < appointment->seats)
		return WHY_FULL;
	return slot.reason;
}

/*
 * (14), (15), (17) and (22): the clock makes none of it unavailable.  is_there NULL: it is
 * not; else it is said whether it is.
 */
static SlotReason
check_others(const Appointment *appointment, const DayRules *rules, uint64 clock, bool *is_there)
{
	SlotInput input = {.now = cache_now(),
					   .horizon = PG_INT64_MAX,
					   .closes_at = SLOT_NEVER,
					   .show_unavailable = true,
					   .show_breaks = true};
	Reach reach;
	BookedServices booked;
	bool is_of_class = make_class_slot(appointment, rules, &input);

	if (!is_of_class)
		make_only_slot(appointment, &input);
	input.seats.capacity = rules->capacity;
	busy_read(&appointment->stylist, service_of(appointment), rules, clock, NULL, &input, &reach, &booked);
	/* A class that is no slot is in the way, and no more. */
	if (!is_of_class)
		input.classes.n = 0;
	else if (appointment->seats <= 0)
		forget_seats(&input.classes);
	if (is_there != NULL && !(*is_there = leave_out_own(appointment, &input)))
		return WHY_NONE;
	/* Holds that have expired were not read. */
	input.now = PG_INT64_MIN / 2;
	return reason_of_only_slot(appointment, &input);
}

/* ---- the hours ---- */

static bool
is_within_hours(const Appointment *appointment, const SlotInput *input)
{
	for (int i = 0; i < input->nwindows; i++)
	{
		if (appointment->at.start >= input->windows[i].start && appointment->at.end <= input->windows[i].end)
			return appointment->at.start < input->starts_before;
	}
	return false;
}

static int
compare_start(const void *start, const void *slot)
{
	int64 a = *(const int64 *) start;
	int64 b = ((const Slot *) slot)->start;

	return (a > b) - (a < b);
}

/* The slot that starts with the appointment; NULL: there is none. */
static const Slot *
find_slot(const Appointment *appointment, SlotInput *input)
{
	int64 counts[SLOT_NREASONS];
	int64 next_change;
	int64 n = slots_count(input);
	Slot *slots;

	if (n > ANSWER_MAX_SLOTS)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the day has more than %d slots", ANSWER_MAX_SLOTS),
				errhint("Set a longer availability_cache.rules.slot_step."));
	slots = palloc(Max(n, 1) * sizeof(Slot));
	n = slots_compute(input, slots, counts, &next_change);
	return bsearch(&appointment->at.start, slots, n, sizeof(Slot), compare_start);
}

/* A class has no hours but its own. */
static SlotReason
check_date_of_class(const Appointment *appointment, SlotInput *input)
{
	SlotClass class = {.at = appointment->at, .seats = Max(appointment->seats, 1), .is_slot = true};

	input->nwindows = 0;
	input->classes = (SlotClasses){.classes = &class, .n = 1, .nslots = 1};
	return reason_of_only_slot(appointment, input);
}

/* As a slot of a date of the stylist's, of the appointment's own length. */
static SlotReason
check_date(const Appointment *appointment, DateADT date, const DayRules *rules, bool is_of_class)
{
	SlotInput input = {.now = cache_now(),
					   .step = rules->step,
					   .duration = appointment->at.end - appointment->at.start,
					   .notice = rules->limits[LIMIT_NOTICE],
					   .horizon = rules->limits[LIMIT_HORIZON],
					   .show_unavailable = true,
					   .show_breaks = true,
					   .seats.capacity = SEATS_ALONE};
	const Slot *slot;

	hours_read(&appointment->stylist, service_of(appointment), date, rules, &input);
	if (is_of_class)
		return check_date_of_class(appointment, &input);
	if (!is_within_hours(appointment, &input))
		return WHY_OUTSIDE_HOURS;
	/* What nobody knows the service of keeps to the hours, and to no grid. */
	if (!appointment->has_service)
		make_only_slot(appointment, &input);
	slot = find_slot(appointment, &input);
	return slot == NULL ? WHY_OFF_GRID : slot->reason;
}

/* As a slot of any date that has one then. */
static SlotReason
check_hours(const Appointment *appointment, const DayRules *rules)
{
	SlotReason reason = WHY_OUTSIDE_HOURS;
	SlotInput unused = {0};
	bool is_of_class = make_class_slot(appointment, rules, &unused);
	DateADT dates[HOURS_MAX_DATES];
	int n;

	/* A difference could overflow; and of no date is what has no beginning. */
	if (TIMESTAMP_NOT_FINITE(appointment->at.start) || TIMESTAMP_NOT_FINITE(appointment->at.end) ||
		appointment->at.start < appointment->at.end - LONGEST)
		return WHY_OUTSIDE_HOURS;
	n = hours_dates(&appointment->stylist, appointment->at.start, rules, dates);
	/* A class is of one date, which is the first of these. */
	for (int i = 0; i < (is_of_class ? 1 : n); i++)
	{
		SlotReason on_date = check_date(appointment, dates[i], rules, is_of_class);

		if (on_date == WHY_NONE)
			return WHY_NONE;
		if (reason == WHY_OUTSIDE_HOURS)
			reason = on_date;
	}
	return reason;
}

/* ---- the rules ---- */

/* Of its service, or of the stylist alone where that is not known. */
static DayError
read_rules(const Appointment *appointment, uint64 clock, DayRules *rules)
{
	DayError error;

	if (!appointment->has_service)
		return rules_read_of_stylist(&appointment->stylist, clock, rules);
	if (rules_recall(&appointment->stylist, &appointment->service, clock, rules))
		return DAY_OK;
	error = rules_read(&appointment->stylist, &appointment->service, clock, rules);
	if (error == DAY_OK)
		rules_remember(&appointment->stylist, &appointment->service, clock, rules);
	return error;
}

/* ---- the caps ---- */

/* (20); is_there: it is among those that are counted. */
static SlotReason
check_caps(const Appointment *appointment, const DayRules *rules, uint64 clock, bool is_there)
{
	CapsAsked asked = {&appointment->stylist, service_of(appointment), rules, clock, NULL};
	SlotInput input = {.now = cache_now()};
	const SlotCap *cap;
	CapDays unused;

	make_only_slot(appointment, &input);
	caps_read(&asked, &input, &unused, &unused);
	for (int i = 0; is_there && i < input.ncaps; i++)
		input.caps[i].left = moment_plus(input.caps[i].left, input.caps[i].of_time ? input.duration : 1);
	cap = slots_cap_against(&input, appointment->at.start, appointment->at.end);
	return cap == NULL ? WHY_NONE : cap->reason;
}

CountedIn
appointment_counts(const Appointment *appointment, uint64 clock)
{
	CountedIn counted = {.n = 0};
	DayRules rules;

	sources_load();
	if (read_rules(appointment, clock, &rules) == DAY_OK)
		counted.n = caps_scopes(&rules, appointment->at.start, counted.scopes);
	return counted;
}

/* ---- all of it ---- */

/* is_there as above. */
static SlotReason
check(const Appointment *appointment, bool must_be_offered, uint64 clock, bool *is_there, CountedIn *counted)
{
	SlotReason reason;
	SlotReason of_hours;
	DayRules rules;
	DayError error;

	counted->n = 0;
	sources_load();
	if (!must_be_offered)
		error = rules_read_of_stylist(&appointment->stylist, clock, &rules);
	else
		error = read_rules(appointment, clock, &rules);
	if (!must_be_offered || !appointment->has_service)
		rules.capacity = appointment->has_service
							 ? rules_capacity_of(&appointment->stylist, &appointment->service)
							 : SEATS_ALONE;
	if (must_be_offered && error != DAY_OK)
		return WHY_NOT_OFFERED;
	reason = check_others(appointment, &rules, clock, is_there);
	if (is_there != NULL && !*is_there)
		return reason;
	if (reason == WHY_NONE && !resource_fits(appointment, &rules, is_there != NULL, must_be_offered))
		reason = WHY_NO_RESOURCE;
	if (!must_be_offered)
		return reason;
	of_hours = check_hours(appointment, &rules);
	if (of_hours != WHY_NONE || reason != WHY_NONE)
		return of_hours != WHY_NONE ? of_hours : reason;
	counted->n = caps_scopes(&rules, appointment->at.start, counted->scopes);
	return check_caps(appointment, &rules, clock, is_there != NULL);
}

SlotReason
appointment_check(const Appointment *appointment, bool must_be_offered, uint64 clock, CountedIn *counted)
{
	bool is_there;

	return check(appointment, must_be_offered, clock, &is_there, counted);
}

SlotReason
appointment_would_fit(const Appointment *appointment, bool must_be_offered, uint64 clock, CountedIn *counted)
{
	return check(appointment, must_be_offered, clock, NULL, counted);
}

bool
appointment_of_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, Appointment *appointment)
{
	SlotInput input = {0};
	DayRules rules;

	sources_load();
	if (rules_read(stylist, service, NO_CLOCK, &rules) != DAY_OK)
		return false;
	memset(appointment, 0, sizeof(*appointment));
	appointment->stylist = *stylist;
	appointment->service = *service;
	appointment->has_service = true;
	appointment->at = (SlotInterval){start, start};
	if (make_class_slot(appointment, &rules, &input))
		appointment->at.end = input.classes.span.end;
	else
		appointment->at.end = start + rules.duration * USECS_PER_SEC;
	appointment->expires = SLOT_NEVER;
	appointment->seats = 1;
	return true;
}

void
appointment_give_resource(Appointment *appointment)
{
	DayRules rules;

	sources_load();
	(void) rules_read_of_stylist(&appointment->stylist, NO_CLOCK, &rules);
	resource_give(appointment, &rules);
}

SlotBuffers
appointment_buffers(const Appointment *appointment, uint64 clock)
{
	SlotBuffers buffers;
	DayRules rules;

	sources_load();
	(void) rules_read_of_stylist(&appointment->stylist, clock, &rules);
	buffers_of(service_of(appointment), 1, clock, rules_buffers(&rules), &buffers);
	return buffers;
}
