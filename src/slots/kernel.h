/*
 * kernel.h
 *		Turns opening windows, breaks, busy intervals and the clock into slots.
 *
 * Plain C over int64 microseconds, without PostgreSQL, so that it can be
 * fuzzed and checked on its own (test/unit/kernel_test.c).
 */
#ifndef AC_SLOTS_KERNEL_H
#define AC_SLOTS_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* A moment that never comes. */
#define SLOT_NEVER INT64_MAX

typedef enum SlotStatus
{
	SLOT_AVAILABLE,
	SLOT_BOOKED,
	SLOT_RESERVED,
	SLOT_IN_BREAK,
	SLOT_UNAVAILABLE
} SlotStatus;

#define SLOT_NSTATUSES (SLOT_UNAVAILABLE + 1)

/* Half-open [start, end); empty when end <= start. */
typedef struct SlotInterval
{
	int64_t start;
	int64_t end;
} SlotInterval;

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
	int64_t buffer_before;
	int64_t buffer_after;
	bool show_unavailable;
	bool show_breaks;
	SlotInterval *windows;
	int nwindows;
	SlotInterval *breaks;
	int nbreaks;
	SlotInterval *bookings;
	int nbookings;
	SlotInterval *holds;
	const int64_t *hold_expires; /* one for each hold; SLOT_NEVER if it does not */
	int nholds;
} SlotInput;

typedef struct Slot
{
	int64_t start;
	SlotStatus status;
} Slot;

/* The most slots that slots_compute can return for these windows. */
extern int64_t slots_bound(const SlotInput *in);

/*
 * Writes the slots in order of start to out, which has room for
 * slots_bound(in), and returns how many.  *next_change is the first moment
 * after now at which the same call with a later now would give another
 * answer, at the latest; SLOT_NEVER if there is none.
 */
extern int64_t slots_compute(SlotInput *in, Slot *out, int64_t *next_change);

#endif /* AC_SLOTS_KERNEL_H */
