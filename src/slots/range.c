/*
 * range.c
 *		The slots of several days and stylists, those of one start put together.
 *
 * They come day by day, each in order.  Stylists mostly share a grid, so that
 * the slot that one is put to is mostly the next after the one before; else a
 * hash of the start finds it.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "slots/range.h"
#include "slots/text.h"

#define FIRST_ROOM 256

void
range_init(RangeSet *set, DateADT from, DateADT to, int nstylists, bool needs_all, int seats)
{
	*set = (RangeSet){.from = from, .to = to, .nstylists = nstylists, .needs_all = needs_all, .seats = seats};
	set->nwords = (nstylists + 63) / 64;
	set->room = FIRST_ROOM;
	set->slots = palloc(set->room * sizeof(RangeSlot));
	set->bits = palloc(set->room * 2 * set->nwords * sizeof(uint64));
	initStringInfo(&set->displays);
}

static uint32
bucket_of(const RangeSet *set, int64 start)
{
	return murmurhash32((uint32) start ^ (uint32) ((uint64) start >> 32)) & set->mask;
}

static void
make_buckets(RangeSet *set)
{
	if (set->buckets != NULL)
		pfree(set->buckets);
	set->mask = 2 * set->room - 1;
	set->buckets = palloc((set->mask + 1) * sizeof(int32));
	memset(set->buckets, -1, (set->mask + 1) * sizeof(int32));
	set->nhashed = 0;
}

/* Those that are not yet. */
static void
put_into_buckets(RangeSet *set)
{
	if (set->buckets == NULL)
		make_buckets(set);
	for (; set->nhashed < set->n; set->nhashed++)
	{
		uint32 at = bucket_of(set, set->slots[set->nhashed].start);

		while (set->buckets[at] >= 0)
			at = (at + 1) & set->mask;
		set->buckets[at] = set->nhashed;
	}
}

static void
grow(RangeSet *set)
{
	set->room *= 2;
	set->slots = repalloc(set->slots, set->room * sizeof(RangeSlot));
	set->bits = repalloc(set->bits, set->room * 2 * set->nwords * sizeof(uint64));
	if (set->buckets != NULL)
		make_buckets(set);
}

static bool
is_same(const RangeSet *set, const RangeSlot *slot, const SlotView *view, int64 price_cents)
{
	if (slot->start != view->start_utc)
		return false;
	return set->needs_all ||
		   (slot->start + slot->duration == view->end_utc && slot->price_cents == price_cents);
}

/* -1: there is none. */
static int
find(RangeSet *set, const SlotView *view, int64 price_cents)
{
	uint32 at;

	if (set->n == 0 || view->start_utc > set->latest)
		return -1;
	if (set->last + 1 < set->n && is_same(set, &set->slots[set->last + 1], view, price_cents))
		return set->last + 1;
	put_into_buckets(set);
	at = bucket_of(set, view->start_utc);
	while (set->buckets[at] >= 0 && !is_same(set, &set->slots[set->buckets[at]], view, price_cents))
		at = (at + 1) & set->mask;
	return set->buckets[at];
}

static RangeSlot *
add_slot(RangeSet *set, const SlotView *view, int64 price_cents)
{
	RangeSlot *slot;

	if (set->n == set->room)
		grow(set);
	slot = &set->slots[set->n];
	memset(slot, 0, sizeof(*slot));
	slot->bits = set->n * 2 * set->nwords;
	memset(set->bits + slot->bits, 0, 2 * set->nwords * sizeof(uint64));
	set->latest = set->n == 0 ? view->start_utc : Max(set->latest, view->start_utc);
	slot->start = view->start_utc;
	slot->start_local = view->start_local;
	slot->duration = view->end_utc - view->start_utc;
	slot->duration_local = view->end_local - view->start_local;
	slot->price_cents = price_cents;
	slot->status = set->needs_all ? SLOT_AVAILABLE : SLOT_NSTATUSES;
	slot->display_size = NO_DISPLAY;
	if (view->display != NULL)
	{
		slot->display_at = set->displays.len;
		slot->display_size = view->display_size;
		appendBinaryStringInfo(&set->displays, view->display, view->display_size);
	}
	set->last = set->n++;
	return slot;
}

/* It ends with the last, and costs what all cost. */
static void
add_to_needed(RangeSlot *slot, const SlotView *view, int64 price_cents)
{
	slot->duration_local = Max(slot->duration_local, view->end_local - view->start_local);
	slot->duration = Max(slot->duration, view->end_utc - view->start_utc);
	if (price_cents == RANGE_NO_PRICE || slot->price_cents == RANGE_NO_PRICE)
		slot->price_cents = RANGE_NO_PRICE;
	else
		slot->price_cents += price_cents;
}

static void
set_bit(uint64 *bits, int stylist)
{
	bits[stylist / 64] |= UINT64CONST(1) << (stylist % 64);
}

/* A service without a capacity has one. */
static inline int
seats_of(const SlotView *view)
{
	if (view->reason != WHY_NONE)
		return 0;
	return view->seats < 0 ? 1 : view->seats;
}

static void
add_reason(const RangeSet *set, RangeSlot *slot, SlotReason reason)
{
	SlotStatus status = slot_statuses[reason];
	bool later = status > slot->status || (status == slot->status && reason > slot->reason);

	if (later != set->needs_all)
		return;
	slot->status = status;
	slot->reason = reason;
}

void
range_add(RangeSet *set, int stylist, const SlotView *view, int64 price_cents)
{
	DateADT date = day_of(view->start_local);
	int seats = seats_of(view);
	SlotReason reason = view->reason;
	RangeSlot *slot;
	int found;

	if (date < set->from || date > set->to)
		return;
	/* Too few seats for those who come together. */
	if (reason == WHY_NONE && seats < set->seats)
		reason = WHY_FULL;
	found = find(set, view, price_cents);
	if (found < 0 && set->n == RANGE_MAX_SLOTS)
	{
		set->is_full = true;
		return;
	}
	if (found < 0)
		slot = add_slot(set, view, price_cents);
	else
	{
		set->last = found;
		slot = &set->slots[found];
		/* A night's slot may be the next day's too. */
		if (set->needs_all && !range_has(range_asked(set, slot), stylist))
			add_to_needed(slot, view, price_cents);
	}
	if (!range_has(range_asked(set, slot), stylist))
	{
		set_bit(range_asked(set, slot), stylist);
		slot->nasked++;
	}
	add_reason(set, slot, reason);
	if (reason != WHY_NONE || range_has(range_free(set, slot), stylist))
		return;
	set_bit(range_free(set, slot), stylist);
	slot->seats = !set->needs_all ? slot->seats + seats : slot->nfree == 0 ? seats : Min(slot->seats, seats);
	slot->nfree++;
}

static void
note_why(RangeSet *set, DateADT date, SlotReason why)
{
	SlotReason *noted;

	if (date < set->from || date > set->to || why == WHY_NONE)
		return;
	noted = &set->whys[date - set->from];
	*noted = *noted == WHY_NONE ? why : Min(*noted, why);
}

void
range_add_day(RangeSet *set, int stylist, DateADT date, const char *packed)
{
	AnswerReader reader;
	SlotView view;
	int64 price_cents;

	answer_open(&reader, packed);
	set->has_reasons = set->has_reasons || reader.header.has_reasons;
	note_why(set, date, reader.header.why);
	price_cents = reader.header.has_price ? reader.header.price_cents : RANGE_NO_PRICE;
	while (answer_next(&reader, &view))
		range_add(set, stylist, &view, price_cents);
}

void
range_take(RangeSet *set, const RangeSet *other, const RangeSlot *slot)
{
	RangeSlot *taken;

	if (set->n == set->room)
		grow(set);
	taken = &set->slots[set->n];
	*taken = *slot;
	taken->bits = set->n * 2 * set->nwords;
	memcpy(range_free(set, taken), range_free(other, slot), 2 * set->nwords * sizeof(uint64));
	taken->display_at = set->displays.len;
	appendBinaryStringInfo(&set->displays, other->displays.data + slot->display_at,
						   Max(slot->display_size, 0));
	set->n++;
}

void
range_drop(RangeSet *set)
{
	pfree(set->slots);
	pfree(set->bits);
	if (set->buckets != NULL)
		pfree(set->buckets);
	pfree(set->displays.data);
}

static int
in_order(const void *a, const void *b)
{
	const RangeSlot *x = a;
	const RangeSlot *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->duration != y->duration)
		return x->duration < y->duration ? -1 : 1;
	return (x->price_cents > y->price_cents) - (x->price_cents < y->price_cents);
}

void
range_finish(RangeSet *set, bool available_only)
{
	bool ordered = true;
	int n = 0;

	for (int i = 0; i < set->n; i++)
	{
		RangeSlot *slot = &set->slots[i];

		if (available_only && !range_is_free(set, slot))
			continue;
		/* Whatever another date of a stylist's says of it. */
		if (range_is_free(set, slot))
		{
			slot->status = SLOT_AVAILABLE;
			slot->reason = WHY_NONE;
		}
		ordered = ordered && (n == 0 || in_order(&set->slots[n - 1], slot) < 0);
		if (n != i)
			set->slots[n] = *slot;
		n++;
	}
	set->n = n;
	if (!ordered)
		qsort(set->slots, n, sizeof(RangeSlot), in_order);
}
