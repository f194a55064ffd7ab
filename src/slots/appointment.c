/*
 * appointment.c
 *		Whether the rules let an appointment be where it is.
 *
 * The appointment is a row already, of this transaction.  So the question is
 * asked of everything but it: of the bookings or holds that are read, one with
 * its times and buffers is left out; which one does not matter, they are alike.
 *
 * First the hours, as a day of slots of its length; then what else is near it,
 * as a window that it fills.  The same kernel says both.
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
#include "slots/hours.h"
#include "slots/rules.h"
#include "slots/zone.h"

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

/* One that takes no seats has nothing to do with those that do. */
static bool
leave_out_own(const Appointment *appointment, SlotInput *input)
{
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
	if (slot.reason == WHY_NONE && input->seats.capacity != SEATS_ALONE && slot.seats < appointment->seats)
		return WHY_FULL;
	return slot.reason;
}

/* (14), (15) and (17): the clock makes none of it unavailable.  is_there NULL: it is not; else it is said whether it is. */
static SlotReason
check_others(const Appointment *appointment, const DayRules *rules, bool *is_there)
{
	SlotInput input = {.now = cache_now(),
					   .horizon = PG_INT64_MAX,
					   .closes_at = SLOT_NEVER,
					   .show_unavailable = true,
					   .show_breaks = true};
	Reach reach;
	BookedServices booked;

	make_only_slot(appointment, &input);
	input.seats.capacity = rules->capacity;
	busy_read(&appointment->stylist, service_of(appointment), rules, NO_CLOCK, NULL, &input, &reach, &booked);
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

/* As a slot of a date of the stylist's, of the appointment's own length. */
static SlotReason
check_date(const Appointment *appointment, DateADT date, const DayRules *rules)
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

	hours_read(&appointment->stylist, date, rules, &input);
	slots_prepare(&input);
	if (!is_within_hours(appointment, &input))
		return WHY_OUTSIDE_HOURS;
	/* What nobody knows the service of keeps to the hours, and to no grid. */
	if (!appointment->has_service)
		make_only_slot(appointment, &input);
	else
		input.grid_from = hours_grid(rules, &input);
	slot = find_slot(appointment, &input);
	return slot == NULL ? WHY_OFF_GRID : slot->reason;
}

/* It can be of the date on which it starts, or of the one before or, where a clock is put back at midnight, after it. */
static SlotReason
check_hours(const Appointment *appointment, const DayRules *rules)
{
	static const int from_its_own[] = {0, -1, 1};
	SlotReason reason = WHY_OUTSIDE_HOURS;
	TimestampTz until;
	int64 reads = appointment->at.start +
				  zone_offset(rules->stylist_zone, appointment->at.start, &until) * USECS_PER_SEC;

	if (appointment->at.end - appointment->at.start > LONGEST)
		return WHY_OUTSIDE_HOURS;
	for (int i = 0; i < lengthof(from_its_own); i++)
	{
		SlotReason on_date = check_date(appointment, utc_day_of(reads) + from_its_own[i], rules);

		if (on_date == WHY_NONE)
			return WHY_NONE;
		if (reason == WHY_OUTSIDE_HOURS)
			reason = on_date;
	}
	return reason;
}

/* ---- both ---- */

/* is_there as above. */
static SlotReason
check(const Appointment *appointment, bool must_be_offered, bool *is_there)
{
	SlotReason reason;
	SlotReason of_hours;
	DayRules rules;
	DayError error;

	sources_load();
	if (!must_be_offered || !appointment->has_service)
	{
		error = rules_read_of_stylist(&appointment->stylist, NO_CLOCK, &rules);
		rules.capacity = appointment->has_service ? rules_capacity_of(&appointment->service) : SEATS_ALONE;
	}
	else
		error = rules_read(&appointment->stylist, &appointment->service, NO_CLOCK, &rules);
	if (must_be_offered && error != DAY_OK)
		return WHY_NOT_OFFERED;
	reason = check_others(appointment, &rules, is_there);
	if (!must_be_offered || (is_there != NULL && !*is_there))
		return reason;
	of_hours = check_hours(appointment, &rules);
	return of_hours != WHY_NONE ? of_hours : reason;
}

SlotReason
appointment_check(const Appointment *appointment, bool must_be_offered)
{
	bool is_there;

	return check(appointment, must_be_offered, &is_there);
}

SlotReason
appointment_would_fit(const Appointment *appointment, bool must_be_offered)
{
	return check(appointment, must_be_offered, NULL);
}

bool
appointment_of_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, Appointment *appointment)
{
	DayRules rules;

	sources_load();
	if (rules_read(stylist, service, NO_CLOCK, &rules) != DAY_OK)
		return false;
	memset(appointment, 0, sizeof(*appointment));
	appointment->stylist = *stylist;
	appointment->service = *service;
	appointment->has_service = true;
	appointment->at.start = start;
	appointment->at.end = start + rules.duration * USECS_PER_SEC;
	appointment->expires = SLOT_NEVER;
	appointment->seats = 1;
	return true;
}

SlotBuffers
appointment_buffers(const Appointment *appointment)
{
	SlotBuffers buffers;
	DayRules rules;

	sources_load();
	(void) rules_read_of_stylist(&appointment->stylist, NO_CLOCK, &rules);
	buffers_of(service_of(appointment), 1, NO_CLOCK, rules_buffers(&rules), &buffers);
	return buffers;
}
