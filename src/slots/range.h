/*
 * range.h
 *		The slots of several days and stylists, those of one start put together.
 */
#ifndef AC_SLOTS_RANGE_H
#define AC_SLOTS_RANGE_H

#include "lib/stringinfo.h"
#include "utils/date.h"

#include "slots/answer.h"

#define RANGE_MAX_DAYS 92
#define RANGE_MAX_STYLISTS 200
#define RANGE_MAX_SLOTS 250000

#define NO_DISPLAY (-1)

/* Seconds since 2000-01-01. */
typedef struct RangeSlot
{
	int64 start;
	int64 start_local;
	int32 duration;
	int32 duration_local; /* on the customer's clock, which may change meanwhile */
	int64 price_cents;	  /* RANGE_NO_PRICE: none */
	int32 seats; /* that are left, of all who are free; where all are needed, of the one who has the fewest */
	int32 display_at;	/* in the set's displays */
	int16 display_size; /* NO_DISPLAY: HH24:MI */
	int16 nfree;
	int16 nasked; /* stylists who have such a slot, free or not */
	int32 bits;	  /* where the set has those of who is free, and of who has it at all */
	/* The first of the enums that any of them has; where all are needed, the last that one of them has. */
	SlotStatus status;
	SlotReason reason;
} RangeSlot;

#define RANGE_NO_PRICE PG_INT64_MIN

/*
 * Slots that begin together are one if they also end together and cost the
 * same; where all stylists are needed, in any case: it ends with the last, and
 * costs what all cost.
 */
typedef struct RangeSet
{
	DateADT from; /* the customer's dates; starts on others are left out */
	DateADT to;
	int nstylists;
	bool needs_all;
	int seats;		  /* that must be left at one stylist */
	bool has_reasons; /* they are to be shown */
	SlotReason
		whys[RANGE_MAX_DAYS]; /* why the stylists' own dates have none available: the first of the enum */
	RangeSlot *slots;
	int n;
	int room;
	uint64 *bits;	/* a bit for each stylist, twice for each slot */
	int nwords;		/* for each time */
	int32 *buckets; /* by hash; -1: nothing */
	uint32 mask;
	int nhashed;  /* slots that are in buckets: none as long as they come in order */
	int64 latest; /* start */
	int last;	  /* that was found: the next one mostly follows it */
	StringInfoData displays;
	bool is_full; /* there were more than RANGE_MAX_SLOTS */
} RangeSet;

extern void range_init(RangeSet *set, DateADT from, DateADT to, int nstylists, bool needs_all, int seats);

/* A slot of one stylist; the view may be of a date that is not asked for. */
extern void range_add(RangeSet *set, int stylist, const SlotView *view, int64 price_cents);

/* All slots of a packed day, which is of this date of the stylist's. */
extern void range_add_day(RangeSet *set, int stylist, DateADT date, const char *packed);

/* Puts them in order of start, end and price; only those that can be booked, if so asked. */
extern void range_finish(RangeSet *set, bool available_only);

/* Whether it can be booked. */
static inline bool
range_is_free(const RangeSet *set, const RangeSlot *slot)
{
	return slot->nfree >= (set->needs_all ? set->nstylists : 1);
}

/* Adds one of another set's, of the same stylists, as the last. */
extern void range_take(RangeSet *set, const RangeSet *other, const RangeSlot *slot);

extern void range_drop(RangeSet *set);

static inline uint64 *
range_free(const RangeSet *set, const RangeSlot *slot)
{
	return set->bits + slot->bits;
}

static inline uint64 *
range_asked(const RangeSet *set, const RangeSlot *slot)
{
	return set->bits + slot->bits + set->nwords;
}

static inline bool
range_has(const uint64 *bits, int stylist)
{
	return bits[stylist / 64] >> (stylist % 64) & 1;
}

#endif /* AC_SLOTS_RANGE_H */
