/*
 * kernel.c
 *		Turns opening windows, breaks, busy intervals and the clock into slots.
 *
 * The intervals of each kind are sorted and merged until they are disjoint,
 * bookings and holds widened before; the slots are laid out in order of
 * start; then one cursor per kind moves along with the slots, so the cost is
 * that of sorting.
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

static int64_t
longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Drops empty intervals, sorts and merges the rest; returns the new count. */
static int
make_disjoint(SlotInterval *iv, int n)
{
	int kept = 0;
	int merged = 0;

	for (int i = 0; i < n; i++)
	{
		if (iv[i].end > iv[i].start)
			iv[kept++] = iv[i];
	}
	qsort(iv, kept, sizeof(SlotInterval), compare_intervals);
	for (int i = 0; i < kept; i++)
	{
		if (merged > 0 && iv[i].start <= iv[merged - 1].end)
			iv[merged - 1].end = longer(iv[merged - 1].end, iv[i].end);
		else
			iv[merged++] = iv[i];
	}
	return merged;
}

/*
 * Makes busy intervals, each with buffers of its own, what no slot may
 * overlap: a slot with its buffers does not meet the interval, nor the slot
 * the interval with its buffers.  Returns the new count.
 */
static int
make_busy(const SlotInput *in, SlotInterval *busy, const SlotBuffers *buffers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (busy[i].end <= busy[i].start)
			continue;
		busy[i].start = moment_minus(busy[i].start, longer(buffers[i].before, in->buffers.after));
		busy[i].end = moment_plus(busy[i].end, longer(buffers[i].after, in->buffers.before));
	}
	return make_disjoint(busy, n);
}

/* Slots must be asked about in order of start. */
static bool
overlaps(BusyCursor *c, int64_t start, int64_t end)
{
	while (c->at < c->n && c->busy[c->at].end <= start)
		c->at++;
	return c->at < c->n && c->busy[c->at].start < end;
}

void
slots_prepare(SlotInput *in)
{
	in->nwindows = make_disjoint(in->windows, in->nwindows);
	in->nbreaks = make_disjoint(in->breaks, in->nbreaks);
}

/* Slots that start from from on, before until, and end by closing; written where out is not NULL. */
static int64_t
lay_out_stretch(const SlotInput *in, int64_t from, int64_t until, int64_t closing, Slot *out)
{
	int64_t last = closing - in->duration;
	int64_t n;

	if (until <= last)
		last = until - 1;
	n = last < from ? 0 : (last - from) / in->step + 1;
	for (int64_t k = 0; out != NULL && k < n; k++)
		out[k].start = from + k * in->step;
	return n;
}

/* The starts of all windows' slots, in order; written where out is not NULL. */
static int64_t
lay_out(const SlotInput *in, Slot *out)
{
	int64_t n = 0;
	int b = 0;

	for (int i = 0; i < in->nwindows; i++)
	{
		int64_t closing = in->windows[i].end;
		int64_t from = in->grid_from != NULL ? in->grid_from[i] : in->windows[i].start;
		int64_t until;

		for (; from < closing; from = until)
		{
			while (b < in->nbreaks && in->breaks[b].end <= from)
				b++;
			until = in->restarts_after_break && b < in->nbreaks && in->breaks[b].end < closing ? in->breaks[b].end
																							   : closing;
			n += lay_out_stretch(in, from, until < in->starts_before ? until : in->starts_before, closing,
								 out != NULL ? out + n : NULL);
		}
	}
	return n;
}

int64_t
slots_count(const SlotInput *in)
{
	return lay_out(in, NULL);
}

/* What has expired becomes empty. */
static void
drop_expired(SlotInterval *hold, int64_t expires, int64_t now, int64_t *next_change)
{
	if (expires <= now)
		hold->end = hold->start;
	else if (expires < *next_change)
		*next_change = expires;
}

static void
drop_expired_holds(SlotInput *in, int64_t *next_change)
{
	for (int i = 0; i < in->nholds; i++)
		drop_expired(&in->holds[i], in->hold_expires[i], in->now, next_change);
	for (int i = 0; i < in->seats.nholds; i++)
		drop_expired(&in->seats.holds[i].at, in->seats.holds[i].expires, in->now, next_change);
}

/* Whether the clock makes the slot unavailable, and when that next changes. */
static bool
out_of_reach(const SlotInput *in, int64_t start, int64_t *next_change)
{
	int64_t closes = moment_minus(start, in->notice);
	int64_t opens = moment_minus(start, in->horizon);

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

/* A slot that the clock and the breaks leave; in order of start. */
static SlotStatus
status_by_others(SlotInput *in, BusyCursor *bookings, BusyCursor *holds, int64_t start, int32_t *seats)
{
	int64_t end = start + in->duration;
	int64_t by_bookings = 1;
	int64_t left = 1;

	if (in->seats.capacity != SEATS_ALONE)
		left = seats_left(&in->seats, start, end, &by_bookings);
	if (overlaps(bookings, start, end) || by_bookings <= 0)
		return SLOT_BOOKED;
	if (overlaps(holds, start, end) || left <= 0)
		return SLOT_RESERVED;
	if (in->seats.capacity != SEATS_ALONE)
		*seats = (int32_t) left;
	return SLOT_AVAILABLE;
}

int64_t
slots_compute(SlotInput *in, Slot *out, int64_t *next_change)
{
	int64_t total = lay_out(in, out);
	int64_t shown = 0;
	BusyCursor breaks = {in->breaks, in->nbreaks, 0};
	BusyCursor bookings = {in->bookings, 0, 0};
	BusyCursor holds = {in->holds, 0, 0};

	*next_change = SLOT_NEVER;
	drop_expired_holds(in, next_change);
	bookings.n = make_busy(in, in->bookings, in->booking_buffers, in->nbookings);
	holds.n = make_busy(in, in->holds, in->hold_buffers, in->nholds);
	if (in->seats.capacity != SEATS_ALONE)
		seats_prepare(&in->seats, longer(in->buffers.before, in->buffers.after));

	for (int64_t i = 0; i < total; i++)
	{
		int64_t start = out[i].start;
		int32_t seats = 0;
		SlotStatus status;

		if (out_of_reach(in, start, next_change))
			status = SLOT_UNAVAILABLE;
		else if (overlaps(&breaks, start, start + in->duration))
			status = SLOT_IN_BREAK;
		else
			status = status_by_others(in, &bookings, &holds, start, &seats);

		if ((status == SLOT_UNAVAILABLE && !in->show_unavailable) || (status == SLOT_IN_BREAK && !in->show_breaks))
			continue;
		out[shown].start = start;
		out[shown].status = status;
		out[shown].seats = seats;
		shown++;
	}
	return shown;
}
