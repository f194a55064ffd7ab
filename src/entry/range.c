/*
 * range.c
 *		The functions that ask for several days, or for anybody: get_available_slots_range,
 *		get_available_days, get_next_available.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "cache/readpath.h"
#include "entry/range_ask.h"
#include "slots/day.h"
#include "slots/range.h"
#include "slots/range_write.h"
#include "slots/text.h"
#include "slots/zone.h"

PG_FUNCTION_INFO_V1(get_available_slots_range);
PG_FUNCTION_INFO_V1(get_available_slots_range_json);
PG_FUNCTION_INFO_V1(get_available_days);
PG_FUNCTION_INFO_V1(get_available_days_json);
PG_FUNCTION_INFO_V1(get_next_available);
PG_FUNCTION_INFO_V1(get_next_available_json);

static Datum
write_slots(Ask *ask, bool binary)
{
	RangeSet set;

	if (!ask_collect(ask, &set))
		return (Datum) 0;
	range_finish(&set, ask->available_only || ask->needs_all);
	return range_write_slots(&set, 0, set.n, ask->stylists, &ask->outcome, binary);
}

static Datum
write_days(Ask *ask, bool binary)
{
	RangeSet set;

	if (!ask_collect(ask, &set))
		return (Datum) 0;
	range_finish(&set, false);
	return range_write_days(&set, &ask->outcome, binary);
}

static void
look_at_range(FunctionCallInfo fcinfo, const char *name, Ask *ask)
{
	*ask = (Ask){.name = name};
	ask->available_only = !PG_ARGISNULL(9) && PG_GETARG_BOOL(9);
	(void) (ask_look_at_service(fcinfo, ask) && ask_look_at_dates(fcinfo, 1, ask) &&
			ask_look_at_wishes(fcinfo, 3, ask));
}

/*
 * get_available_slots_range(service uuid, from date, to date, stylists uuid[],
 * customer's time zone, match, seats integer, duration interval, booking to
 * leave out, available only boolean) returns jsonb.
 */
PGDLLEXPORT Datum
get_available_slots_range(PG_FUNCTION_ARGS)
{
	Ask ask;

	look_at_range(fcinfo, "get_available_slots_range", &ask);
	return ask_answer(&ask, write_slots, true);
}

/* The same returns json. */
PGDLLEXPORT Datum
get_available_slots_range_json(PG_FUNCTION_ARGS)
{
	Ask ask;

	look_at_range(fcinfo, "get_available_slots_range_json", &ask);
	return ask_answer(&ask, write_slots, false);
}

/* get_available_days(the same) returns jsonb. */
PGDLLEXPORT Datum
get_available_days(PG_FUNCTION_ARGS)
{
	Ask ask;

	look_at_range(fcinfo, "get_available_days", &ask);
	return ask_answer(&ask, write_days, true);
}

PGDLLEXPORT Datum
get_available_days_json(PG_FUNCTION_ARGS)
{
	Ask ask;

	look_at_range(fcinfo, "get_available_days_json", &ask);
	return ask_answer(&ask, write_days, false);
}

/* ---- the next ---- */

#define NEXT_MAX_SLOTS 1000
/* Dates that are looked at together. */
#define NEXT_STEP 7

/* The customer's date of a moment, at the earliest. */
static DateADT
date_of(const Ask *ask, int64 seconds)
{
	TimestampTz unused;

	if (ask->zone == NULL)
		return day_of(seconds - ASK_MOST_BEHIND);
	return day_of(seconds + zone_offset(ask->zone, seconds * USECS_PER_SEC, &unused));
}

static Datum
write_next(Ask *ask, bool binary)
{
	DateADT end = date_of(ask, ask->after) + RANGE_MAX_DAYS;
	RangeSet all;

	range_init(&all, 0, 0, ask->nstylists, ask->needs_all, ask->seats);
	for (DateADT from = end - RANGE_MAX_DAYS; from < end && all.n < ask->limit; from += NEXT_STEP)
	{
		RangeSet set;

		ask->from = from;
		ask->to = Min(from + NEXT_STEP, end) - 1;
		if (!ask_collect(ask, &set))
			return (Datum) 0;
		range_finish(&set, true);
		for (int i = 0; i < set.n && all.n < ask->limit; i++)
		{
			if (set.slots[i].start >= ask->after)
				range_take(&all, &set, &set.slots[i]);
		}
		range_drop(&set);
	}
	return range_write_slots(&all, 0, all.n, ask->stylists, &ask->outcome, binary);
}

static bool
look_at_limit(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	ask->limit = PG_ARGISNULL(arg) ? 1 : PG_GETARG_INT32(arg);
	if (ask->limit < 1 || ask->limit > NEXT_MAX_SLOTS)
		return ask_fail_argument(ask, psprintf("p_limit is 1 to %d", NEXT_MAX_SLOTS));
	return true;
}

/* Seconds, rounded up: no slot starts between. */
static bool
look_at_after(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	TimestampTz after = PG_ARGISNULL(arg) ? cache_now() : PG_GETARG_TIMESTAMPTZ(arg);

	if (after < DAY_FIRST * USECS_PER_DAY || after > (DAY_LAST - RANGE_MAX_DAYS) * USECS_PER_DAY)
		return ask_fail_argument(ask, "p_after must be between 1900 and 9998");
	ask->after = after / USECS_PER_SEC + (after > 0 && after % USECS_PER_SEC != 0);
	return true;
}

static Datum
next_answer(FunctionCallInfo fcinfo, const char *name, bool binary)
{
	Ask ask = {.name = name};

	(void) (ask_look_at_service(fcinfo, &ask) && ask_look_at_wishes(fcinfo, 1, &ask) &&
			look_at_after(fcinfo, 7, &ask) && look_at_limit(fcinfo, 8, &ask));
	return ask_answer(&ask, write_next, binary);
}

/*
 * get_next_available(service uuid, stylists uuid[], customer's time zone,
 * match, seats integer, duration interval, booking to leave out, after
 * timestamptz, limit integer) returns jsonb.
 */
PGDLLEXPORT Datum
get_next_available(PG_FUNCTION_ARGS)
{
	return next_answer(fcinfo, "get_next_available", true);
}

/* The same returns json. */
PGDLLEXPORT Datum
get_next_available_json(PG_FUNCTION_ARGS)
{
	return next_answer(fcinfo, "get_next_available_json", false);
}
