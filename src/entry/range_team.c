/*
 * range_team.c
 *		The functions that ask who: get_available_sequence, get_round_robin.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guard.h"
#include "entry/range_ask.h"
#include "slots/day.h"
#include "slots/sequence.h"
#include "slots/team.h"
#include "slots/text.h"
#include "slots/tree.h"

PG_FUNCTION_INFO_V1(get_available_sequence);
PG_FUNCTION_INFO_V1(get_available_sequence_json);
PG_FUNCTION_INFO_V1(get_round_robin);
PG_FUNCTION_INFO_V1(get_round_robin_json);

/* ---- sequences ---- */

typedef struct SequenceAsk
{
	Ask ask; /* of the first service; the dates are those of its slots */
	pg_uuid_t services[SEQUENCE_MAX_SERVICES];
	int n;
	bool same_stylist;
	int64 max_gap; /* seconds */
} SequenceAsk;

static bool
look_at_services(FunctionCallInfo fcinfo, SequenceAsk *sequence)
{
	Datum *values;
	bool *nulls;

	if (PG_ARGISNULL(0))
		return ask_fail_argument(&sequence->ask, "the services must be given");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &values, &nulls,
					  &sequence->n);
	if (sequence->n < 1 || sequence->n > SEQUENCE_MAX_SERVICES)
		return ask_fail_argument(&sequence->ask,
								 psprintf("a sequence is of 1 to %d services", SEQUENCE_MAX_SERVICES));
	for (int i = 0; i < sequence->n; i++)
	{
		if (nulls[i])
			return ask_fail_argument(&sequence->ask, "a service in the list is NULL");
		sequence->services[i] = *DatumGetUUIDP(values[i]);
	}
	sequence->ask.service = sequence->services[0];
	return true;
}

static bool
look_at_gap(FunctionCallInfo fcinfo, int arg, SequenceAsk *sequence)
{
	Interval *gap = PG_ARGISNULL(arg) ? NULL : PG_GETARG_INTERVAL_P(arg);

	sequence->max_gap = 0;
	if (gap == NULL)
		return true;
	if (gap->month != 0 || gap->day < 0 || gap->day > 1 || gap->time < 0 ||
		gap->day * USECS_PER_DAY + gap->time > USECS_PER_DAY)
		return ask_fail_argument(&sequence->ask, "p_max_gap is of 0 to 24 hours");
	sequence->max_gap = (gap->day * USECS_PER_DAY + gap->time) / USECS_PER_SEC;
	return true;
}

/* What the buffers are read for. */
typedef struct BuffersOf
{
	const Ask *ask;
	const pg_uuid_t *services;
	int nservices;
	SlotBuffers *buffers;
} BuffersOf;

static void
read_buffers(void *arg)
{
	BuffersOf *of = arg;

	team_read_buffers(of->ask->stylists, of->ask->nstylists, of->services, of->nservices, of->buffers);
}

/* Of one service with each of the stylists, in seconds; a function of one's own has none. */
static SlotBuffers *
find_buffers(Ask *ask)
{
	BuffersOf of = {ask, &ask->service, 1, palloc0(ask->nstylists * sizeof(SlotBuffers))};
	ErrorData *error = ask->own_rules ? NULL : guarded(read_buffers, &of);

	if (error != NULL)
		(void) ask_fail_by_error(ask, error);
	for (int s = 0; s < ask->nstylists; s++)
	{
		of.buffers[s].before /= USECS_PER_SEC;
		of.buffers[s].after /= USECS_PER_SEC;
	}
	return of.buffers;
}

/* The customer's last date on which a slot of the next service may begin; none that ends later follows. */
static DateADT
last_end(const RangeSet *set, DateADT otherwise)
{
	DateADT last = otherwise;

	for (int i = 0; i < set->n; i++)
		last = Max(last, day_of(set->slots[i].start_local + set->slots[i].duration_local));
	return last;
}

/* The slots of one service, from what may follow the one before on. */
static bool
collect_service(Ask *ask, SequenceService *service, RangeSet *set)
{
	SlotBuffers *buffers;

	ask->service = service->service;
	if (!ask_find_stylists(ask) || !ask_collect(ask, set))
		return false;
	range_finish(set, true);
	buffers = find_buffers(ask);
	sequence_add_steps(service, set, ask->stylists, buffers);
	return ask->code == NULL;
}

static Datum
write_sequence(Ask *ask, bool binary)
{
	SequenceAsk *sequence = (SequenceAsk *) ask;
	SequenceService services[SEQUENCE_MAX_SERVICES];
	RangeSet *sets = palloc(sequence->n * sizeof(RangeSet));

	for (int k = 0; k < sequence->n; k++)
	{
		services[k].service = sequence->services[k];
		if (!collect_service(ask, &services[k], &sets[k]))
			return (Datum) 0;
		/* After the buffers and the gap: two days at most. */
		ask->to = Min(last_end(&sets[k], ask->to) + 2,
					  ask->from + RANGE_MAX_DAYS + 2 * SEQUENCE_MAX_SERVICES);
		memset(ask->left_out, 0, (RANGE_MAX_STYLISTS + 1) * sizeof(bool));
	}
	sequence_link(services, sequence->n, sequence->same_stylist, sequence->max_gap);
	return sequence_write(services, sequence->n, &ask->outcome, binary);
}

static Datum
sequence_answer(FunctionCallInfo fcinfo, const char *name, bool binary)
{
	SequenceAsk sequence = {.ask = {.name = name, .seats = 1, .skips = true}};

	(void) (look_at_services(fcinfo, &sequence) && ask_look_at_dates(fcinfo, 1, &sequence.ask) &&
			ask_look_at_stylists(fcinfo, 3, &sequence.ask) && ask_look_at_zone(fcinfo, 4, &sequence.ask) &&
			look_at_gap(fcinfo, 6, &sequence));
	sequence.same_stylist = PG_ARGISNULL(5) || PG_GETARG_BOOL(5);
	return ask_answer(&sequence.ask, write_sequence, binary);
}

/*
 * get_available_sequence(services uuid[], from date, to date, stylists uuid[],
 * customer's time zone, same stylist boolean, longest gap interval) returns jsonb.
 */
PGDLLEXPORT Datum
get_available_sequence(PG_FUNCTION_ARGS)
{
	return sequence_answer(fcinfo, "get_available_sequence", true);
}

/* The same returns json. */
PGDLLEXPORT Datum
get_available_sequence_json(PG_FUNCTION_ARGS)
{
	return sequence_answer(fcinfo, "get_available_sequence_json", false);
}

/* ---- round robin ---- */

/* Bookings of so long before and after the start, where nothing is said. */
#define USUAL_PERIOD (30 * USECS_PER_DAY)

typedef struct RoundRobinAsk
{
	Ask ask; /* the dates around the start */
	TimestampTz start;
	TimestampTz from; /* bookings that begin from here on */
	TimestampTz until;
	/* Who is free, and has so many: */
	pg_uuid_t free[RANGE_MAX_STYLISTS];
	int64 counts[RANGE_MAX_STYLISTS];
	int nfree;
} RoundRobinAsk;

static bool
look_at_start(FunctionCallInfo fcinfo, RoundRobinAsk *round)
{
	if (PG_ARGISNULL(1))
		return ask_fail_argument(&round->ask, "the start must be given");
	round->start = PG_GETARG_TIMESTAMPTZ(1);
	if (round->start < (DAY_FIRST + 60) * USECS_PER_DAY || round->start > (DAY_LAST - 60) * USECS_PER_DAY)
		return ask_fail_argument(&round->ask, "p_start must be between 1900 and 9998");
	/* On whatever clock. */
	round->ask.from = utc_day_of(round->start) - 1;
	round->ask.to = utc_day_of(round->start) + 1;
	return true;
}

static bool
look_at_period(FunctionCallInfo fcinfo, int arg, RoundRobinAsk *round)
{
	round->from = PG_ARGISNULL(arg) ? round->start - USUAL_PERIOD : PG_GETARG_TIMESTAMPTZ(arg);
	round->until = PG_ARGISNULL(arg + 1) ? round->start + USUAL_PERIOD : PG_GETARG_TIMESTAMPTZ(arg + 1);
	/* How many bookings one has is not public; what is compared is not to tell of single ones. */
	if (TIMESTAMP_NOT_FINITE(round->from) || TIMESTAMP_NOT_FINITE(round->until) ||
		round->until - round->from < 7 * USECS_PER_DAY)
		return ask_fail_argument(&round->ask, "the period is of 7 days at least");
	return true;
}

static void
read_counts(void *arg)
{
	RoundRobinAsk *round = arg;

	team_count(round->free, round->nfree, &round->ask.service, round->from, round->until, round->counts);
}

/* In the order in which they were asked. */
static void
find_free(RoundRobinAsk *round, const RangeSet *set)
{
	for (int s = 0; s < set->nstylists; s++)
	{
		for (int i = 0; i < set->n; i++)
		{
			if (set->slots[i].start * USECS_PER_SEC != round->start ||
				!range_has(range_free(set, &set->slots[i]), s))
				continue;
			round->free[round->nfree++] = round->ask.stylists[s];
			break;
		}
	}
}

/* By how many they have; of those that have as many, the first stays first. */
static void
sort_free(RoundRobinAsk *round)
{
	for (int i = 1; i < round->nfree; i++)
	{
		pg_uuid_t stylist = round->free[i];
		int64 count = round->counts[i];
		int at = i;

		for (; at > 0 && round->counts[at - 1] > count; at--)
		{
			round->free[at] = round->free[at - 1];
			round->counts[at] = round->counts[at - 1];
		}
		round->free[at] = stylist;
		round->counts[at] = count;
	}
}

static const char *const answer_names[] = {"cached", "success", "stylists", "cache_hit", "computed_at"};
static const TreeKeys answer_keys = {lengthof(answer_names), answer_names};

static Datum
write_order(const RoundRobinAsk *round, const RangeOutcome *outcome, bool binary)
{
	char now[NOW_TEXT_SIZE];
	Tree tree;

	tree_init(&tree, binary, 512 + round->nfree * 128);
	tree_open_object(&tree, &answer_keys);
	tree_bool(&tree, outcome->hit);
	tree_bool(&tree, true);
	tree_open_array(&tree, round->nfree);
	for (int i = 0; i < round->nfree; i++)
	{
		char *text = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&round->free[i])));

		tree_plain(&tree, text, strlen(text));
	}
	tree_close(&tree);
	tree_bool(&tree, outcome->hit);
	write_now(now, outcome->computed_at);
	tree_plain(&tree, now, NOW_TEXT_SIZE);
	tree_close(&tree);
	return PointerGetDatum(tree_finish(&tree));
}

static Datum
write_round_robin(Ask *ask, bool binary)
{
	RoundRobinAsk *round = (RoundRobinAsk *) ask;
	ErrorData *error = NULL;
	RangeSet set;

	if (!ask_collect(ask, &set))
		return (Datum) 0;
	range_finish(&set, true);
	find_free(round, &set);
	if (round->nfree > 1)
		error = guarded(read_counts, round);
	if (error != NULL)
	{
		(void) ask_fail_by_error(ask, error);
		return (Datum) 0;
	}
	sort_free(round);
	return write_order(round, &ask->outcome, binary);
}

static Datum
round_robin_answer(FunctionCallInfo fcinfo, const char *name, bool binary)
{
	RoundRobinAsk *round = palloc0(sizeof(RoundRobinAsk));

	round->ask.name = name;
	round->ask.seats = 1;
	(void) (ask_look_at_service(fcinfo, &round->ask) && look_at_start(fcinfo, round) &&
			ask_look_at_stylists(fcinfo, 2, &round->ask) && look_at_period(fcinfo, 3, round));
	round->ask.collation = PG_GET_COLLATION();
	return ask_answer(&round->ask, write_round_robin, binary);
}

/*
 * get_round_robin(service uuid, start timestamptz, stylists uuid[], counted
 * from timestamptz, counted to timestamptz) returns jsonb.
 */
PGDLLEXPORT Datum
get_round_robin(PG_FUNCTION_ARGS)
{
	return round_robin_answer(fcinfo, "get_round_robin", true);
}

/* The same returns json. */
PGDLLEXPORT Datum
get_round_robin_json(PG_FUNCTION_ARGS)
{
	return round_robin_answer(fcinfo, "get_round_robin_json", false);
}
