/*
 * interval.h
 *		Stretches of time, in microseconds on one time line; plain C.
 */
#ifndef AC_SLOTS_INTERVAL_H
#define AC_SLOTS_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

/* A moment that never comes. */
#define SLOT_NEVER INT64_MAX

/* Half-open [start, end); empty when end <= start. */
typedef struct SlotInterval
{
	int64_t start;
	int64_t end;
} SlotInterval;

/* What is kept free around an interval; not negative. */
typedef struct SlotBuffers
{
	int64_t before;
	int64_t after;
} SlotBuffers;

/* a + b for b >= 0, staying at the ends of the time line. */
static inline int64_t
moment_plus(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static inline int64_t
moment_minus(int64_t a, int64_t b)
{
	return a < INT64_MIN + b ? INT64_MIN : a - b;
}

#endif /* AC_SLOTS_INTERVAL_H */
