/*
 * kernel_test.c
 *		The kernel against a naive reading of docs/rules.md, 11 to 17, on random
 *		days; prints TAP.  Built with -fsanitize=address,undefined where it can be.
 *
 * It fails when the kernel mixes up < and <= anywhere, merges or widens
 * intervals wrongly, takes the slot's or the booking's buffers alone, loses a
 * slot, starts a grid where it should not, or names too late a moment of
 * change: try any of these in src/slots/kernel.c; in seats.c, when a level or
 * a slot that a booking only touches counts, or an expired hold does.
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

static SlotBuffers
random_buffers(void)
{
	return (SlotBuffers){rnd(2) ? 0 : rnd(9), rnd(2) ? 0 : rnd(9)};
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
	d->in.seats.of_bookings.levels = d->levels[0];
	d->in.seats.of_all.levels = d->levels[1];
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

static SlotReason
naive_reason(const Day *d, int64_t start)
{
	const SlotInput *in = &d->in;
	int64_t end = start + in->duration;

	if (start <= in->now + in->notice || in->now >= in->closes_at)
		return WHY_TOO_SOON;
	if (in->opens_at_once ? in->now < in->opens_at : start > in->now + in->horizon)
		return WHY_TOO_LATE;
	if (naive_overlap(d->breaks, in->nbreaks, start, end))
		return WHY_ON_BREAK;
	for (int i = 0; i < in->nbookings; i++)
	{
		if (naive_too_near(d, &d->bookings[i], &d->booking_buffers[i], start, end))
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
	return WHY_NONE;
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
		if (!starts[t + 10])
			continue;
		out[n].start = t;
		out[n].reason = naive_reason(d, t);
		out[n].seats = out[n].reason == WHY_NONE && in->seats.capacity != SEATS_ALONE ? naive_seats(d, t, 1) : 0;
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
		if (a[i].start != b[i].start || a[i].reason != b[i].reason || a[i].seats != b[i].seats)
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
	int shared = 0; /* slots with some seats taken, and some left */
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
			shared += wanted[k].seats > 0 && wanted[k].seats < day.in.seats.capacity;
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
	printf("%s 4 - the days had slots, %d that are shared\n", slots > days && shared > days / 10 ? "ok" : "not ok",
		   shared);
	return wrong_slots || wrong_bound || wrong_change || slots <= days || shared <= days / 10;
}
