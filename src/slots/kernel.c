/*
 * kernel.c
 *		Turns opening windows, breaks, busy intervals and the clock into slots.
 *
 * The busy intervals of each kind are widened, sorted and merged until they
 * are disjoint; the slots are laid out in order of start; then one cursor per
 * kind moves along with the slots, so the cost is that of sorting.
 */
#include <stdlib.h>

#include "slots/kernel.h"

/* Disjoint intervals in order, and the first that may still matter. */
typedef struct BusyCursor
{
	const SlotInterval *busy;
	int n;
	int at;
} BusyCursor;

static int
compare_intervals(const void *a, const void *b)
{
	const SlotInterval *x = a;
	const SlotInterval *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static int
compare_slots(const void *a, const void *b)
{
	const Slot *x = a;
	const Slot *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* a + b for b >= 0, staying at the ends of the time line. */
static int64_t
plus(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t
minus(int64_t a, int64_t b)
{
	return a < INT64_MIN + b ? INT64_MIN : a - b;
}

/* Drops empty intervals, widens the rest, sorts and merges; returns the new count. */
static int
make_disjoint(SlotInterval *iv, int n, int64_t before, int64_t after)
{
	int kept = 0;
	int merged = 0;

	for (int i = 0; i < n; i++)
	{
		if (iv[i].end <= iv[i].start)
			continue;
		iv[kept].start = minus(iv[i].start, before);
		iv[kept].end = plus(iv[i].end, after);
		kept++;
	}
	qsort(iv, kept, sizeof(SlotInterval), compare_intervals);
	for (int i = 0; i < kept; i++)
	{
		if (merged > 0 && iv[i].start <= iv[merged - 1].end)
		{
			if (iv[i].end > iv[merged - 1].end)
				iv[merged - 1].end = iv[i].end;
		}
		else
			iv[merged++] = iv[i];
	}
	return merged;
}

/* Slots must be asked about in order of start. */
static bool
overlaps(BusyCursor *c, int64_t start, int64_t end)
{
	while (c->at < c->n && c->busy[c->at].end <= start)
		c->at++;
	return c->at < c->n && c->busy[c->at].start < end;
}

static int64_t
slots_in_window(const SlotInput *in, const SlotInterval *w)
{
	if (w->end <= w->start || w->end - w->start < in->duration)
		return 0;
	return (w->end - w->start - in->duration) / in->step + 1;
}

int64_t
slots_bound(const SlotInput *in)
{
	int64_t n = 0;

	for (int i = 0; i < in->nwindows; i++)
		n += slots_in_window(in, &in->windows[i]);
	return n;
}

/* The starts of all windows' slots, in order, each once. */
static int64_t
lay_out(const SlotInput *in, Slot *out)
{
	int64_t n = 0;
	int64_t distinct = 0;

	for (int i = 0; i < in->nwindows; i++)
	{
		int64_t count = slots_in_window(in, &in->windows[i]);

		for (int64_t k = 0; k < count; k++)
			out[n++].start = in->windows[i].start + k * in->step;
	}
	if (in->nwindows > 1)
		qsort(out, n, sizeof(Slot), compare_slots);
	for (int64_t i = 0; i < n; i++)
	{
		if (distinct == 0 || out[i].start != out[distinct - 1].start)
			out[distinct++] = out[i];
	}
	return distinct;
}

/* Keeps the holds that have not expired; returns the new count. */
static int
keep_live_holds(SlotInput *in, int64_t *next_change)
{
	int n = 0;

	for (int i = 0; i < in->nholds; i++)
	{
		if (in->hold_expires[i] <= in->now)
			continue;
		if (in->hold_expires[i] < *next_change)
			*next_change = in->hold_expires[i];
		in->holds[n++] = in->holds[i];
	}
	return n;
}

/* Whether the clock makes the slot unavailable, and when that next changes. */
static bool
out_of_reach(const SlotInput *in, int64_t start, int64_t *next_change)
{
	int64_t closes = minus(start, in->notice);
	int64_t opens = minus(start, in->horizon);

	if (in->now >= closes)
		return true;
	if (in->now < opens)
	{
		if (opens < *next_change)
			*next_change = opens;
		return true;
	}
	if (closes < *next_change)
		*next_change = closes;
	return false;
}

int64_t
slots_compute(SlotInput *in, Slot *out, int64_t *next_change)
{
	int64_t total = lay_out(in, out);
	int64_t shown = 0;
	BusyCursor breaks = {in->breaks, 0, 0};
	BusyCursor bookings = {in->bookings, 0, 0};
	BusyCursor holds = {in->holds, 0, 0};

	*next_change = SLOT_NEVER;
	breaks.n = make_disjoint(in->breaks, in->nbreaks, 0, 0);
	bookings.n = make_disjoint(in->bookings, in->nbookings, in->buffer_before, in->buffer_after);
	holds.n = make_disjoint(in->holds, keep_live_holds(in, next_change), in->buffer_before, in->buffer_after);

	for (int64_t i = 0; i < total; i++)
	{
		int64_t start = out[i].start;
		int64_t end = start + in->duration;
		SlotStatus status;

		if (out_of_reach(in, start, next_change))
			status = SLOT_UNAVAILABLE;
		else if (overlaps(&breaks, start, end))
			status = SLOT_IN_BREAK;
		else if (overlaps(&bookings, start, end))
			status = SLOT_BOOKED;
		else if (overlaps(&holds, start, end))
			status = SLOT_RESERVED;
		else
			status = SLOT_AVAILABLE;

		if ((status == SLOT_UNAVAILABLE && !in->show_unavailable) || (status == SLOT_IN_BREAK && !in->show_breaks))
			continue;
		out[shown].start = start;
		out[shown].status = status;
		shown++;
	}
	return shown;
}
