/*
 * class_seats.c
 *		What is left of a class.
 *
 * A day has few classes, so each looks at all that is near.  docs/rules.md says
 * what takes their seats (22); the numbers in comments refer to it.
 */
#include <stddef.h>

#include "slots/class_seats.h"

static int64_t
longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* (14) */
static bool
is_near(const ClassTaker *taker, const SlotClass *class, SlotBuffers buffers)
{
	return taker->at.end > taker->at.start &&
		   moment_minus(taker->at.start, longer(taker->buffers.before, buffers.after)) < class->at.end &&
		   moment_plus(taker->at.end, longer(taker->buffers.after, buffers.before)) > class->at.start;
}

/* (17): of the service itself, as with seat_sharing = 'slot'. */
static int64_t
seats_taken(const ClassTaker *taker, const SlotClass *class)
{
	if (taker->seats <= 0)
		return 0;
	return taker->at.start == class->at.start ? taker->seats : class->seats;
}

ClassLeft
class_left(const SlotClasses *classes, const SlotClass *class, SlotBuffers buffers)
{
	ClassLeft left = {false, false, class->seats, class->seats};

	for (int i = 0; i < classes->ntakers; i++)
	{
		const ClassTaker *taker = &classes->takers[i];
		bool is_itself = taker->kind == TAKER_CLASS && taker->of_service &&
						 taker->at.start == class->at.start;
		int64_t taken;

		if (is_itself || !is_near(taker, class, buffers))
			continue;
		if (taker->kind == TAKER_CLASS || !taker->of_service)
		{
			*(taker->kind == TAKER_HOLD ? &left.held : &left.booked) = true;
			continue;
		}
		taken = seats_taken(taker, class);
		left.left -= taken;
		if (taker->kind == TAKER_BOOKING)
			left.by_bookings -= taken;
	}
	return left;
}

SlotClass *
class_slot_at(const SlotClasses *classes, int64_t start)
{
	for (int i = 0; i < classes->n; i++)
	{
		if (classes->classes[i].is_slot && classes->classes[i].at.start == start)
			return &classes->classes[i];
	}
	return NULL;
}
