/*
 * seats.c
 *		Seats of a service that takes several customers at once.
 *
 * docs/rules.md says which bookings take them; the numbers in comments refer to it.
 */
#include <stdlib.h>

#include "slots/seats.h"

/* ---- by time: how many are taken from when to when ---- */

static int
compare_levels(const void *a, const void *b)
{
	const SeatLevel *x = a;
	const SeatLevel *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static void
add_changes(SeatLevels *levels, const SeatUse *uses, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (uses[i].at.end <= uses[i].at.start)
			continue;
		levels->levels[levels->n++] = (SeatLevel){uses[i].at.start, uses[i].seats};
		levels->levels[levels->n++] = (SeatLevel){uses[i].at.end, -uses[i].seats};
	}
}

/* From what changes at a moment to what is taken from it on; one level for each moment. */
static void
sum_up(SeatLevels *levels)
{
	int64_t taken = 0;
	int n = 0;

	qsort(levels->levels, levels->n, sizeof(SeatLevel), compare_levels);
	for (int i = 0; i < levels->n; i++)
	{
		taken += levels->levels[i].taken;
		if (n == 0 || levels->levels[n - 1].from != levels->levels[i].from)
			levels->levels[n++].from = levels->levels[i].from;
		levels->levels[n - 1].taken = taken;
	}
	levels->n = n;
}

static int64_t
most_taken(SeatLevels *levels, int64_t start, int64_t end)
{
	int64_t most = 0;

	while (levels->at + 1 < levels->n && levels->levels[levels->at + 1].from <= start)
		levels->at++;
	for (int i = levels->at; i < levels->n && levels->levels[i].from < end; i++)
	{
		if (levels->levels[i].taken > most)
			most = levels->levels[i].taken;
	}
	return most;
}

/* ---- by slot: those that start with it share it, any other takes it whole ---- */

static int64_t
taken_of_slot(const SeatUse *uses, int n, int64_t capacity, int64_t start, int64_t end)
{
	int64_t taken = 0;

	for (int i = 0; i < n; i++)
	{
		if (uses[i].at.end <= uses[i].at.start || uses[i].at.start >= end || uses[i].at.end <= start)
			continue;
		taken += uses[i].start == start ? uses[i].seats : capacity;
	}
	return taken;
}

/* ---- both ---- */

static void
widen(SeatUse *uses, int n, int64_t around)
{
	for (int i = 0; i < n; i++)
	{
		if (uses[i].at.end <= uses[i].at.start)
			continue;
		uses[i].at.start = moment_minus(uses[i].at.start, around);
		uses[i].at.end = moment_plus(uses[i].at.end, around);
	}
}

void
seats_prepare(Seats *seats, int64_t around)
{
	widen(seats->bookings, seats->nbookings, around);
	widen(seats->holds, seats->nholds, around);
	if (!seats->by_time)
		return;
	add_changes(&seats->of_bookings, seats->bookings, seats->nbookings);
	sum_up(&seats->of_bookings);
	add_changes(&seats->of_all, seats->bookings, seats->nbookings);
	add_changes(&seats->of_all, seats->holds, seats->nholds);
	sum_up(&seats->of_all);
}

/* (17) */
int64_t
seats_left(Seats *seats, int64_t start, int64_t end, int64_t *by_bookings)
{
	int64_t capacity = seats->capacity;

	if (seats->by_time)
	{
		*by_bookings = capacity - most_taken(&seats->of_bookings, start, end);
		return capacity - most_taken(&seats->of_all, start, end);
	}
	*by_bookings = capacity - taken_of_slot(seats->bookings, seats->nbookings, capacity, start, end);
	return *by_bookings - taken_of_slot(seats->holds, seats->nholds, capacity, start, end);
}
