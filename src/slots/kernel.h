/*
 * kernel.h
 *		Turns opening windows, breaks, busy intervals and the clock into slots.
 *
 * Plain C over int64 microseconds, without PostgreSQL, so that it can be
 * fuzzed and checked on its own (test/unit/kernel_test.c).
 */
#ifndef AC_SLOTS_KERNEL_H
#define AC_SLOTS_KERNEL_H

#include "slots/class_seats.h"
#include "slots/resources.h"
#include "slots/seats.h"

typedef enum SlotStatus
{
	SLOT_AVAILABLE,
	SLOT_BOOKED,
	SLOT_RESERVED,
	SLOT_IN_BREAK,
	SLOT_UNAVAILABLE
} SlotStatus;

#define SLOT_NSTATUSES (SLOT_UNAVAILABLE + 1)

/* Why a slot is not available, or a day has none that is; names and order are public (docs/rules.md, 18). */
typedef enum SlotReason
{
	WHY_NONE, /* it is */
	WHY_TOO_SOON,
	WHY_TOO_LATE,
	WHY_ON_BREAK,
	WHY_BOOKED,
	WHY_FULL,
	WHY_HELD,
	WHY_NO_RESOURCE,
	WHY_DAILY_LIMIT,
	WHY_WEEKLY_LIMIT,
	/* of days */
	WHY_CLOSED,
	WHY_NO_HOURS,
	WHY_TOO_SHORT,
	/* of a moment at which no slot starts */
	WHY_OUTSIDE_HOURS,
	WHY_OFF_GRID
} SlotReason;

#define SLOT_NREASONS (WHY_OFF_GRID + 1)
/* Those that a slot can have come first. */
#define SLOT_NREASONS_OF_SLOTS (WHY_WEEKLY_LIMIT + 1)

/* What v1 calls a slot that is not available for a reason. */
extern const SlotStatus slot_statuses[SLOT_NREASONS];

/* How much more may start within a stretch of time. */
typedef struct SlotCap
{
	SlotInterval at;
	int64_t left; /* appointments, or time that they take; below zero, there are too many already */
	bool of_time;
	bool of_service;   /* of the slots' service alone; else of the stylist */
	bool of_rules;	   /* who have none of their own */
	SlotReason reason; /* for more than that */
} SlotCap;

/*
 * All times are microseconds on one time line.  step and duration are above
 * zero; buffers, notice and horizon are not negative.  The kernel sorts and
 * merges the arrays in place.
 */
typedef struct SlotInput
{
	int64_t now;
	int64_t step;
	int64_t duration;
	int64_t notice;
	int64_t horizon;
	int64_t closes_at;	/* from when on none can be booked; SLOT_NEVER: as their notice has it */
	bool opens_at_once; /* all at opens_at, and not each a horizon before its start */
	int64_t opens_at;
	SlotBuffers buffers; /* of the slots */
	bool show_unavailable;
	bool show_breaks;
	bool closed; /* why there is no window, if there is none: somebody closed the date */
	SlotInterval *windows;
	int nwindows;
	const int64_t
		*grid_from; /* where the grid of each window starts, at its opening or later; NULL: at its opening */
	bool restarts_after_break; /* the grid starts anew where a break ends within the window */
	int64_t starts_before;	   /* no slot starts from here on */
	SlotInterval *breaks;
	int nbreaks;
	SlotInterval *bookings;
	const SlotBuffers *booking_buffers; /* one for each booking */
	int nbookings;
	SlotInterval *holds;
	const SlotBuffers *hold_buffers; /* one for each hold */
	const int64_t *hold_expires;	 /* one for each hold; SLOT_NEVER if it does not */
	int nholds;
	Seats seats;   /* those that take seats are in here, and not above */
	SlotCap *caps; /* in the order in which they are looked at */
	int ncaps;
	int64_t caps_change; /* from when on more may be left than in caps; SLOT_NEVER */
	Resources resources;
	SlotClasses classes;
} SlotInput;

typedef struct Slot
{
	int64_t start;
	int64_t end;
	const SlotClass *class; /* NULL: one of the grid */
	SlotReason reason;
	int32_t seats; /* that are left, one where the service has no capacity; zero where it is not available */
} Slot;

/*
 * The first step: makes windows and breaks disjoint, in order, those that
 * touch one.  grid_from is about the windows as they are then.
 */
extern void slots_prepare(SlotInput *in);

/* How many slots there are at most, shown or not. */
extern int64_t slots_count(const SlotInput *in);

/*
 * Why the day has no slot that is available, shown or not; WHY_NONE if it
 * has one.  Where it has none at all, the hours say why: then WHY_TOO_SHORT.
 */
extern SlotReason slots_day_reason(const int64_t counts[SLOT_NREASONS]);

/* The cap that is against a slot; of several, one with the first reason.  NULL: none is. */
extern const SlotCap *slots_cap_against(const SlotInput *in, int64_t start, int64_t end);

/*
 * Writes the slots in order of start to out, which has room for
 * slots_count(in), and returns how many.  counts: of slots, shown or not, by reason.
 * *next_change is the first moment after now at which the same call with a later now would
 * give another answer, at the latest; SLOT_NEVER if there is none.
 */
extern int64_t slots_compute(SlotInput *in, Slot *out, int64_t counts[SLOT_NREASONS], int64_t *next_change);

#endif /* AC_SLOTS_KERNEL_H */
