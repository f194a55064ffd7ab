/*
 * kernel.c
 *		Turns opening windows, breaks, busy intervals and the clock into slots.
 *
 * The intervals of each kind are sorted and merged until they are disjoint,
 * bookings and holds widened before; the slots are laid out in order of
 * start, classes among them; then one cursor per kind moves along with the
 * slots, so the cost is that of sorting.  What is left of a class is looked up
 * for each (class_seats.h).
 */
#include <stdlib.h>
#include <string.h>

#include "slots/kernel.h"

const SlotStatus slot_statuses[SLOT_NREASONS] = {
	[WHY_NONE] = SLOT_AVAILABLE,		  [WHY_TOO_SOON] = SLOT_UNAVAILABLE,
	[WHY_TOO_LATE] = SLOT_UNAVAILABLE,	  [WHY_ON_BREAK] = SLOT_IN_BREAK,
	[WHY_BOOKED] = SLOT_BOOKED,			  [WHY_FULL] = SLOT_BOOKED,
	[WHY_HELD] = SLOT_RESERVED,			  [WHY_NO_RESOURCE] = SLOT_BOOKED,
	[WHY_DAILY_LIMIT] = SLOT_UNAVAILABLE, [WHY_WEEKLY_LIMIT] = SLOT_UNAVAILABLE,
	[WHY_CLOSED] = SLOT_UNAVAILABLE,	  [WHY_NO_HOURS] = SLOT_UNAVAILABLE,
	[WHY_TOO_SHORT] = SLOT_UNAVAILABLE,	  [WHY_OUTSIDE_HOURS] = SLOT_UNAVAILABLE,
	[WHY_OFF_GRID] = SLOT_UNAVAILABLE,
};

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
	if (kept > 1)
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
		out[k] = (Slot){.start = from + k * in->step, .end = from + k * in->step + in->duration};
	return n;
}

/* All windows' slots, in order; written where out is not NULL. */
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
			until = in->restarts_after_break && b < in->nbreaks && in->breaks[b].end < closing
						? in->breaks[b].end
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
	return lay_out(in, NULL) + in->classes.nslots;
}

/* ---- classes among them (22) ---- */

/* Takes out what starts when a class does; returns the new count. */
static int64_t
make_way(const SlotClasses *classes, Slot *out, int64_t n)
{
	int64_t kept = 0;
	int c = 0;

	for (int64_t i = 0; i < n; i++)
	{
		while (c < classes->n && classes->classes[c].at.start < out[i].start)
			c++;
		if (c == classes->n || classes->classes[c].at.start != out[i].start)
			out[kept++] = out[i];
	}
	return kept;
}

/* From the end on: out has room behind the n. */
static int64_t
put_in(const SlotClasses *classes, Slot *out, int64_t n)
{
	int64_t total = n + classes->nslots;
	int64_t at = total;

	for (int c = classes->n - 1; c >= 0; c--)
	{
		const SlotClass *class = &classes->classes[c];

		if (!class->is_slot)
			continue;
		while (n > 0 && out[n - 1].start > class->at.start)
			out[--at] = out[--n];
		out[--at] = (Slot){.start = class->at.start, .end = class->at.end, .class = class};
	}
	return total;
}

static int64_t
lay_out_all(const SlotInput *in, Slot *out)
{
	int64_t n = lay_out(in, out);

	if (in->classes.n == 0)
		return n;
	return put_in(&in->classes, out, make_way(&in->classes, out, n));
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
	for (int i = 0; i < in->resources.nuses; i++)
		drop_expired(&in->resources.uses[i].at, in->resources.uses[i].expires, in->now, next_change);
	for (int i = 0; i < in->classes.ntakers; i++)
		drop_expired(&in->classes.takers[i].at, in->classes.takers[i].expires, in->now, next_change);
}

/* Whether the clock makes the slot unavailable, and when that next changes. */
static SlotReason
out_of_reach(const SlotInput *in, int64_t start, int64_t *next_change)
{
	int64_t closes = moment_minus(start, in->notice);
	int64_t opens = in->opens_at_once ? in->opens_at : moment_minus(start, in->horizon);

	if (closes > in->closes_at)
		closes = in->closes_at;
	if (in->now >= closes)
		return WHY_TOO_SOON;
	if (in->now < opens)
	{
		/* With a notice beyond the horizon it is too late until it is too soon. */
		if (opens > closes)
			opens = closes;
		if (opens < *next_change)
			*next_change = opens;
		return WHY_TOO_LATE;
	}
	if (closes < *next_change)
		*next_change = closes;
	return WHY_NONE;
}

const SlotCap *
slots_cap_against(const SlotInput *in, int64_t start, int64_t end)
{
	const SlotCap *against = NULL;

	for (int i = 0; i < in->ncaps; i++)
	{
		const SlotCap *cap = &in->caps[i];

		if (start >= cap->at.start && start < cap->at.end && (cap->of_time ? end - start : 1) > cap->left &&
			(against == NULL || cap->reason < against->reason))
			against = cap;
	}
	return against;
}

/* Where the kernel is among the intervals of each kind. */
typedef struct Cursors
{
	BusyCursor breaks;
	BusyCursor bookings;
	BusyCursor holds;
	BusyCursor classes;
} Cursors;

/* (21) and (20), last of all. */
static SlotReason
reason_of_shared(const SlotInput *in, const Slot *slot)
{
	const SlotCap *cap;

	if (in->resources.needed && !resources_left(&in->resources, slot->start, slot->end))
		return WHY_NO_RESOURCE;
	cap = slots_cap_against(in, slot->start, slot->end);
	return cap != NULL ? cap->reason : WHY_NONE;
}

/* A slot of the grid that the clock leaves; in order of start. */
static SlotReason
reason_of_others(SlotInput *in, Cursors *cursors, const Slot *slot, int64_t *left)
{
	int64_t by_bookings = 1;

	if (overlaps(&cursors->breaks, slot->start, slot->end))
		return WHY_ON_BREAK;
	if (in->seats.capacity != SEATS_ALONE)
		*left = seats_left(&in->seats, slot->start, slot->end, &by_bookings);
	if (overlaps(&cursors->bookings, slot->start, slot->end) ||
		overlaps(&cursors->classes, slot->start, slot->end))
		return WHY_BOOKED;
	if (by_bookings <= 0)
		return WHY_FULL;
	if (overlaps(&cursors->holds, slot->start, slot->end) || *left <= 0)
		return WHY_HELD;
	return reason_of_shared(in, slot);
}

/* The same of a class. */
static SlotReason
reason_of_class(const SlotInput *in, const Slot *slot, int64_t *left)
{
	ClassLeft found = class_left(&in->classes, slot->class, in->buffers);

	*left = found.left;
	if (found.booked)
		return WHY_BOOKED;
	if (found.by_bookings <= 0)
		return WHY_FULL;
	if (found.held || found.left <= 0)
		return WHY_HELD;
	return reason_of_shared(in, slot);
}

static void
judge(SlotInput *in, Cursors *cursors, Slot *slot, int64_t *next_change)
{
	int64_t left = 1;

	slot->reason = out_of_reach(in, slot->start, next_change);
	if (slot->reason == WHY_NONE)
		slot->reason = slot->class != NULL ? reason_of_class(in, slot, &left)
										   : reason_of_others(in, cursors, slot, &left);
	slot->seats = slot->reason == WHY_NONE ? (int32_t) left : 0;
}

SlotReason
slots_day_reason(const int64_t counts[SLOT_NREASONS])
{
	SlotReason most = WHY_NONE;

	if (counts[WHY_NONE] > 0)
		return WHY_NONE;
	for (SlotReason r = WHY_NONE + 1; r < SLOT_NREASONS; r++)
	{
		if (counts[r] > counts[most])
			most = r;
	}
	return most == WHY_NONE ? WHY_TOO_SHORT : most;
}

int64_t
slots_compute(SlotInput *in, Slot *out, int64_t counts[SLOT_NREASONS], int64_t *next_change)
{
	int64_t total = lay_out_all(in, out);
	int64_t shown = 0;
	Cursors cursors = {{in->breaks, in->nbreaks, 0},
					   {in->bookings, 0, 0},
					   {in->holds, 0, 0},
					   {in->classes.busy, 0, 0}};

	*next_change = in->ncaps > 0 ? in->caps_change : SLOT_NEVER;
	memset(counts, 0, SLOT_NREASONS * sizeof(int64_t));
	drop_expired_holds(in, next_change);
	cursors.bookings.n = make_busy(in, in->bookings, in->booking_buffers, in->nbookings);
	cursors.holds.n = make_busy(in, in->holds, in->hold_buffers, in->nholds);
	cursors.classes.n = make_busy(in, in->classes.busy, in->classes.buffers, in->classes.nbusy);
	if (in->seats.capacity != SEATS_ALONE)
		seats_prepare(&in->seats, longer(in->buffers.before, in->buffers.after));
	resources_prepare(&in->resources);

	for (int64_t i = 0; i < total; i++)
	{
		SlotStatus status;

		judge(in, &cursors, &out[i], next_change);
		counts[out[i].reason]++;
		status = slot_statuses[out[i].reason];
		if ((status == SLOT_UNAVAILABLE && !in->show_unavailable) ||
			(status == SLOT_IN_BREAK && !in->show_breaks))
			continue;
		out[shown++] = out[i];
	}
	return shown;
}
