/*
 * kernel_test.c
 *		The kernel against a naive reading of docs/rules.md, 11 to 17 and 20 to 22, on random
 *		days; prints TAP.  Built with -fsanitize=address,undefined where it can be.
 *
 * It fails when the kernel mixes up < and <= anywhere, merges or widens
 * intervals wrongly, takes the slot's or the booking's buffers alone, loses a
 * slot, starts a grid where it should not, or names too late a moment of
 * change: try any of these in src/slots/kernel.c; in seats.c, when a level or
 * a slot that a booking only touches counts, or an expired hold does; in
 * resources.c, when who takes one together counts twice, or one is kept; in
 * class_seats.c, when anything is left out of a condition.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots/kernel.h"

#define MAX_OF_EACH 6
#define MAX_SLOTS 4096

static uint64_t state = 42;

/* 0 .. n - 1, the same on every machine. */
static int64_t
rnd(int64_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t) ((state >> 33) % (uint64_t) n);
}

typedef struct Day
{
	SlotInput in;
	SlotInterval windows[MAX_OF_EACH];
	SlotInterval breaks[MAX_OF_EACH];
	SlotInterval bookings[MAX_OF_EACH];
	SlotInterval holds[MAX_OF_EACH];
	SlotBuffers booking_buffers[MAX_OF_EACH];
	SlotBuffers hold_buffers[MAX_OF_EACH];
	int64_t late; /* how much later than its opening, modulo the step, a window's grid may start; 0: none does */
	int64_t expires[MAX_OF_EACH];
	SeatUse seat_bookings[MAX_OF_EACH];
	SeatUse seat_holds[MAX_OF_EACH];
	SeatLevel levels[2][4 * MAX_OF_EACH];
	SlotCap caps[MAX_OF_EACH];
	ResourceUse taken[MAX_OF_EACH];
	SlotClass classes[MAX_OF_EACH];
	ClassTaker takers[MAX_OF_EACH];
	SlotInterval class_busy[MAX_OF_EACH];
	SlotBuffers class_buffers[MAX_OF_EACH];
} Day;

static int
random_intervals(SlotInterval *iv, int most, int64_t longest)
{
	int n = (int) rnd(most + 1);

	for (int i = 0; i < n; i++)
	{
		iv[i].start = rnd(120);
		/* Now and then empty or the wrong way round. */
		iv[i].end = iv[i].start + rnd(longest) - 3;
	}
	return n;
}

static int
random_uses(SeatUse *uses, int holds)
{
	SlotInterval iv[MAX_OF_EACH];
	int n = random_intervals(iv, MAX_OF_EACH, 20);

	for (int i = 0; i < n; i++)
	{
		/* Often together. */
		if (i > 0 && rnd(2))
			iv[i].start = iv[0].start;
		uses[i] = (SeatUse){iv[i], iv[i].start, rnd(3), holds && rnd(5) ? rnd(200) - 20 : SLOT_NEVER};
	}
	return n;
}

static int
random_takers(ResourceUse *uses)
{
	SlotInterval iv[MAX_OF_EACH];
	int n = random_intervals(iv, MAX_OF_EACH, 40);

	for (int i = 0; i < n; i++)
		uses[i] = (ResourceUse){iv[i], rnd(3) ? SLOT_NEVER : rnd(200) - 20, (int32_t) rnd(6)};
	return n;
}

static SlotBuffers
random_buffers(void)
{
	return (SlotBuffers){rnd(2) ? 0 : rnd(9), rnd(2) ? 0 : rnd(9)};
}

/* Of the service, in order; and what is near. */
static void
random_classes(Day *d)
{
	SlotClasses *classes = &d->in.classes;
	SlotInterval iv[MAX_OF_EACH];
	int64_t start = rnd(60) - 5;

	classes->n = 1 + (int) rnd(3);
	for (int i = 0; i < classes->n; i++, start += 1 + rnd(40))
	{
		d->classes[i] = (SlotClass){{start, start + 1 + rnd(30)}, rnd(5), rnd(5) != 0};
		classes->nslots += d->classes[i].is_slot;
	}
	classes->ntakers = random_intervals(iv, MAX_OF_EACH, 20);
	for (int i = 0; i < classes->ntakers; i++)
	{
		TakerKind kind = (TakerKind) rnd(3);

		if (rnd(2))
			iv[i].start = d->classes[rnd(classes->n)].at.start;
		d->takers[i] = (ClassTaker){
			iv[i], random_buffers(), rnd(4) - 1, kind == TAKER_HOLD && rnd(4) ? rnd(200) - 20 : SLOT_NEVER, kind,
			rnd(4) != 0};
	}
	classes->nbusy = random_intervals(d->class_busy, MAX_OF_EACH, 20);
	for (int i = 0; i < MAX_OF_EACH; i++)
		d->class_buffers[i] = random_buffers();
}

static void
random_day(Day *d)
{
	SlotInput *in = &d->in;

	memset(d, 0, sizeof(*d));
	in->now = rnd(160) - 20;
	in->step = 1 + rnd(9);
	in->duration = 1 + rnd(12);
	in->notice = rnd(2) ? 0 : rnd(30);
	in->horizon = rnd(4) ? 1000 : rnd(80);
	in->closes_at = rnd(6) ? SLOT_NEVER : rnd(160);
	in->opens_at_once = rnd(5) == 0;
	in->opens_at = rnd(100) - 20;
	in->buffers = random_buffers();
	in->restarts_after_break = rnd(3) == 0;
	in->starts_before = rnd(3) ? SLOT_NEVER : rnd(160);
	d->late = rnd(3) ? 0 : rnd(9);
	in->show_unavailable = rnd(4) != 0;
	in->show_breaks = rnd(4) != 0;
	in->nwindows = random_intervals(d->windows, MAX_OF_EACH, 60);
	in->nbreaks = random_intervals(d->breaks, MAX_OF_EACH, 12);
	in->nbookings = random_intervals(d->bookings, MAX_OF_EACH, 20);
	in->nholds = random_intervals(d->holds, MAX_OF_EACH, 20);
	for (int i = 0; i < MAX_OF_EACH; i++)
	{
		d->booking_buffers[i] = random_buffers();
		d->hold_buffers[i] = random_buffers();
	}
	for (int i = 0; i < in->nholds; i++)
		d->expires[i] = rnd(5) ? rnd(200) - 20 : SLOT_NEVER;
	in->seats.capacity = rnd(2) ? SEATS_ALONE : rnd(6);
	in->seats.by_time = rnd(2);
	in->seats.nbookings = random_uses(d->seat_bookings, 0);
	in->seats.nholds = random_uses(d->seat_holds, 1);
	in->caps_change = rnd(3) ? SLOT_NEVER : rnd(200);
	in->ncaps = rnd(3) ? 0 : (int) rnd(MAX_OF_EACH + 1);
	for (int i = 0; i < in->ncaps; i++)
	{
		int64_t from = rnd(120);

		d->caps[i] =
			(SlotCap){{from, from + rnd(60)}, rnd(14) - 2, rnd(2), 0, 0, rnd(2) ? WHY_DAILY_LIMIT : WHY_WEEKLY_LIMIT};
	}
	in->resources.needed = rnd(4) == 0;
	in->resources.n = (int32_t) rnd(5);
	in->resources.nuses = random_takers(d->taken);
	if (rnd(3) == 0)
		random_classes(d);
}

/* The kernel changes its arrays: each call gets a copy. */
static void
point_into(Day *d)
{
	d->in.windows = d->windows;
	d->in.breaks = d->breaks;
	d->in.bookings = d->bookings;
	d->in.holds = d->holds;
	d->in.booking_buffers = d->booking_buffers;
	d->in.hold_buffers = d->hold_buffers;
	d->in.hold_expires = d->expires;
	d->in.seats.bookings = d->seat_bookings;
	d->in.seats.holds = d->seat_holds;
	d->in.resources.uses = d->taken;
	d->in.seats.of_bookings.levels = d->levels[0];
	d->in.seats.of_all.levels = d->levels[1];
	d->in.caps = d->caps;
	d->in.classes.classes = d->classes;
	d->in.classes.takers = d->takers;
	d->in.classes.busy = d->class_busy;
	d->in.classes.buffers = d->class_buffers;
}

static int
naive_overlap(const SlotInterval *iv, int n, int64_t start, int64_t end)
{
	for (int i = 0; i < n; i++)
	{
		if (iv[i].end > iv[i].start && iv[i].start < end && iv[i].end > start)
			return 1;
	}
	return 0;
}

/* The slot with its buffers meets it, or it with its buffers the slot. */
static int
naive_too_near(const Day *d, const SlotInterval *busy, const SlotBuffers *buffers, int64_t start, int64_t end)
{
	SlotInterval wide = {busy->start - buffers->before, busy->end + buffers->after};

	if (busy->end <= busy->start)
		return 0;
	return naive_overlap(busy, 1, start - d->in.buffers.before, end + d->in.buffers.after) ||
		   naive_overlap(&wide, 1, start, end);
}

/* How many seats are taken at a moment, or of a slot that starts then: more than there are if the slot is another's. */
static int64_t
naive_taken(const Day *d, const SeatUse *uses, int n, int64_t start, int64_t at)
{
	const SlotInput *in = &d->in;
	int64_t around = in->buffers.before > in->buffers.after ? in->buffers.before : in->buffers.after;
	int64_t taken = 0;

	for (int i = 0; i < n; i++)
	{
		SlotInterval wide = {uses[i].at.start - around, uses[i].at.end + around};

		if (uses[i].at.end <= uses[i].at.start || uses[i].expires <= in->now)
			continue;
		if (in->seats.by_time ? !naive_overlap(&wide, 1, at, at + 1)
							  : !naive_overlap(&wide, 1, start, start + in->duration))
			continue;
		taken += in->seats.by_time || uses[i].start == start ? uses[i].seats : in->seats.capacity;
	}
	return taken;
}

/* Of the whole slot, minute by minute. */
static int64_t
naive_seats(const Day *d, int64_t start, int with_holds)
{
	int64_t most = 0;

	for (int64_t at = start; at < start + d->in.duration; at++)
	{
		int64_t taken = naive_taken(d, d->seat_bookings, d->in.seats.nbookings, start, at);

		if (with_holds)
			taken += naive_taken(d, d->seat_holds, d->in.seats.nholds, start, at);
		most = taken > most ? taken : most;
	}
	return d->in.seats.capacity - most;
}

/* Minute by minute, who is there at all. */
static int
naive_takers(const Day *d, int64_t start, int64_t end)
{
	int is_there[6] = {0};
	int n = 0;

	for (int64_t at = start; at < end; at++)
	{
		for (int i = 0; i < d->in.resources.nuses; i++)
		{
			if (d->taken[i].at.start <= at && at < d->taken[i].at.end && d->taken[i].expires > d->in.now)
				is_there[d->taken[i].taker] = 1;
		}
	}
	for (int i = 0; i < 6; i++)
		n += is_there[i];
	return n;
}

static SlotReason
naive_clock(const SlotInput *in, int64_t start)
{
	if (start <= in->now + in->notice || in->now >= in->closes_at)
		return WHY_TOO_SOON;
	if (in->opens_at_once ? in->now < in->opens_at : start > in->now + in->horizon)
		return WHY_TOO_LATE;
	return WHY_NONE;
}

/* What classes and the grid share: resources and caps. */
static SlotReason
naive_shared(const Day *d, int64_t start, int64_t end)
{
	const SlotInput *in = &d->in;

	if (in->resources.needed && naive_takers(d, start, end) >= in->resources.n)
		return WHY_NO_RESOURCE;
	for (SlotReason reason = WHY_DAILY_LIMIT; reason <= WHY_WEEKLY_LIMIT; reason++)
	{
		for (int i = 0; i < in->ncaps; i++)
		{
			const SlotCap *cap = &d->caps[i];
			int64_t together = cap->of_time ? end - start : 1;

			if (cap->reason == reason && cap->at.start <= start && start < cap->at.end && cap->left - together < 0)
				return reason;
		}
	}
	return WHY_NONE;
}

static SlotReason
naive_reason(const Day *d, int64_t start)
{
	const SlotInput *in = &d->in;
	int64_t end = start + in->duration;

	if (naive_clock(in, start) != WHY_NONE)
		return naive_clock(in, start);
	if (naive_overlap(d->breaks, in->nbreaks, start, end))
		return WHY_ON_BREAK;
	for (int i = 0; i < in->nbookings; i++)
	{
		if (naive_too_near(d, &d->bookings[i], &d->booking_buffers[i], start, end))
			return WHY_BOOKED;
	}
	for (int i = 0; i < in->classes.nbusy; i++)
	{
		if (naive_too_near(d, &d->class_busy[i], &d->class_buffers[i], start, end))
			return WHY_BOOKED;
	}
	if (in->seats.capacity != SEATS_ALONE && naive_seats(d, start, 0) <= 0)
		return WHY_FULL;
	for (int i = 0; i < in->nholds; i++)
	{
		if (d->expires[i] > in->now && naive_too_near(d, &d->holds[i], &d->hold_buffers[i], start, end))
			return WHY_HELD;
	}
	if (in->seats.capacity != SEATS_ALONE && naive_seats(d, start, 1) <= 0)
		return WHY_HELD;
	return naive_shared(d, start, end);
}

/* Asks for each kind of what may be in the way, one after the other. */
static SlotReason
naive_class(const Day *d, const SlotClass *class, int32_t *seats)
{
	int64_t taken[2] = {0, 0};
	int in_the_way[2] = {0, 0};
	SlotReason reason = naive_clock(&d->in, class->at.start);

	for (int i = 0; i < d->in.classes.ntakers; i++)
	{
		const ClassTaker *taker = &d->takers[i];
		int held = taker->kind == TAKER_HOLD;

		if (taker->expires <= d->in.now ||
			!naive_too_near(d, &taker->at, &taker->buffers, class->at.start, class->at.end))
			continue;
		if (taker->kind == TAKER_CLASS)
			in_the_way[0] |= !taker->of_service || taker->at.start != class->at.start;
		else if (!taker->of_service)
			in_the_way[held] = 1;
		else if (taker->seats > 0)
			taken[held] += taker->at.start != class->at.start ? class->seats : taker->seats;
	}
	if (reason == WHY_NONE && in_the_way[0])
		reason = WHY_BOOKED;
	if (reason == WHY_NONE && taken[0] >= class->seats)
		reason = WHY_FULL;
	if (reason == WHY_NONE && (in_the_way[1] || taken[0] + taken[1] >= class->seats))
		reason = WHY_HELD;
	if (reason == WHY_NONE)
		reason = naive_shared(d, class->at.start, class->at.end);
	*seats = reason == WHY_NONE ? (int32_t) (class->seats - taken[0] - taken[1]) : 0;
	return reason;
}

static int64_t
grid_of(const Day *d, int64_t opening)
{
	return opening + (d->late == 0 ? 0 : (opening * 7 + d->late) % d->in.step);
}

/* Open throughout [t, t + 1). */
static int
naive_open(const Day *d, int64_t t)
{
	return naive_overlap(d->windows, d->in.nwindows, t, t + 1);
}

static int
naive_in_break(const Day *d, int64_t t)
{
	return naive_overlap(d->breaks, d->in.nbreaks, t, t + 1);
}

/* Whether a slot starts at t: minute by minute, back to where the grid starts, and on to its end. */
static int
naive_starts(const Day *d, int64_t t)
{
	int64_t from = t;
	int64_t opening;
	int64_t closing = t;

	while (naive_open(d, closing))
		closing++;
	if (closing - t < d->in.duration || t >= d->in.starts_before)
		return 0;
	for (opening = t; naive_open(d, opening - 1);)
		opening--;
	if (t < grid_of(d, opening))
		return 0;
	if (d->in.restarts_after_break)
	{
		for (; from > grid_of(d, opening); from--)
		{
			if (naive_in_break(d, from - 1) && !naive_in_break(d, from))
				return (t - from) % d->in.step == 0;
		}
	}
	return (t - grid_of(d, opening)) % d->in.step == 0;
}

/* Whether a slot starts at -10, …: every moment of the day is asked. */
static int starts[410];

static void
naive_lay_out(const Day *d)
{
	for (int i = 0; i < 410; i++)
		starts[i] = naive_starts(d, i - 10);
}

static int
naive_slots(const Day *d, Slot *out)
{
	const SlotInput *in = &d->in;
	int n = 0;

	for (int64_t t = -10; t < 400; t++)
	{
		const SlotClass *class = NULL;

		for (int i = 0; i < in->classes.n; i++)
			class = d->classes[i].at.start == t ? &d->classes[i] : class;
		if (class != NULL ? !class->is_slot : !starts[t + 10])
			continue;
		out[n].start = t;
		out[n].end = class != NULL ? class->at.end : t + in->duration;
		if (class != NULL)
			out[n].reason = naive_class(d, class, &out[n].seats);
		else
		{
			out[n].reason = naive_reason(d, t);
			out[n].seats = out[n].reason == WHY_NONE;
			if (out[n].seats > 0 && in->seats.capacity != SEATS_ALONE)
				out[n].seats = naive_seats(d, t, 1);
		}
		if ((slot_statuses[out[n].reason] == SLOT_UNAVAILABLE && !in->show_unavailable) ||
			(slot_statuses[out[n].reason] == SLOT_IN_BREAK && !in->show_breaks))
			continue;
		n++;
	}
	return n;
}

static int
same(const Slot *a, int64_t na, const Slot *b, int64_t nb)
{
	if (na != nb)
		return 0;
	for (int64_t i = 0; i < na; i++)
	{
		if (a[i].start != b[i].start || a[i].end != b[i].end || a[i].reason != b[i].reason || a[i].seats != b[i].seats)
			return 0;
	}
	return 1;
}

static int64_t
run_kernel(const Day *day, Slot *out, int64_t *next_change, int64_t *bound)
{
	Day copy = *day;
	int64_t grid[MAX_OF_EACH];
	int64_t counts[SLOT_NREASONS];

	point_into(&copy);
	slots_prepare(&copy.in);
	for (int i = 0; i < copy.in.nwindows; i++)
		grid[i] = grid_of(&copy, copy.windows[i].start);
	if (copy.late != 0)
		copy.in.grid_from = grid;
	*bound = slots_count(&copy.in);
	return slots_compute(&copy.in, out, counts, next_change);
}

static Slot got[MAX_SLOTS];
static Slot wanted[MAX_SLOTS];
static Slot later[MAX_SLOTS];

int
main(void)
{
	int wrong_slots = 0;
	int wrong_bound = 0;
	int wrong_change = 0;
	int slots = 0;
	int without = 0; /* slots that lack a resource */
	int shared = 0;	 /* slots with some seats taken, and some left */
	int classes = 0; /* available ones */
	const int days = 20000;

	for (int i = 0; i < days; i++)
	{
		Day day;
		int64_t next_change;
		int64_t bound;
		int64_t n;
		int nwanted;

		random_day(&day);
		n = run_kernel(&day, got, &next_change, &bound);
		naive_lay_out(&day);
		nwanted = naive_slots(&day, wanted);
		slots += nwanted;
		for (int k = 0; k < nwanted; k++)
			without += wanted[k].reason == WHY_NO_RESOURCE;
		for (int k = 0; k < nwanted; k++)
			shared += wanted[k].seats > 0 && wanted[k].seats < day.in.seats.capacity;
		for (int k = 0; k < n; k++)
			classes += got[k].class != NULL && got[k].reason == WHY_NONE;
		wrong_slots += !same(got, n, wanted, nwanted);
		wrong_bound += n > bound;
		/* Until the moment of change the answer stays as it was. */
		for (Day moved = day; moved.in.now < next_change && moved.in.now < 400; moved.in.now++)
			wrong_change += !same(later, naive_slots(&moved, later), wanted, nwanted);
	}
	printf("1..4\n");
	printf("%s 1 - %d random days, %d slots: as the naive reading has them\n", wrong_slots ? "not ok" : "ok", days,
		   slots);
	printf("%s 2 - never more slots than slots_count says\n", wrong_bound ? "not ok" : "ok");
	printf("%s 3 - no answer changes before its moment of change\n", wrong_change ? "not ok" : "ok");
	printf("%s 4 - the days had slots, %d that are shared, %d without a resource, %d free classes\n",
		   slots > days && shared > days / 20 && without > days / 20 && classes > days / 40 ? "ok" : "not ok", shared,
		   without, classes);
	return wrong_slots || wrong_bound || wrong_change || slots <= days || shared <= days / 20 || without <= days / 20 ||
		   classes <= days / 40;
}
