/*
 * sequence.c
 *		Several services one after the other, with the same stylist or different ones.
 *
 * From the last service to the first: a step can be taken if it is of the last
 * service, or one that can be taken follows it.  The first that follows is
 * as good as any: what can be reached from a later one is looked at only where
 * none can be from it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "slots/sequence.h"
#include "slots/text.h"

#define UUID_TEXT_SIZE 36

void
sequence_add_steps(SequenceService *service, const RangeSet *set, const pg_uuid_t *stylists,
				   const SlotBuffers *buffers)
{
	int n = 0;

	for (int i = 0; i < set->n; i++)
		n += set->slots[i].nfree;
	service->steps = palloc(Max(n, 1) * sizeof(SequenceStep));
	service->n = 0;
	for (int i = 0; i < set->n; i++)
	{
		for (int s = 0; s < set->nstylists; s++)
		{
			if (range_has(range_free(set, &set->slots[i]), s))
				service->steps[service->n++] = (SequenceStep){.slot = &set->slots[i],
															  .stylist = stylists[s],
															  .order = s,
															  .buffers = buffers[s],
															  .next = -1};
		}
	}
}

static int64
start_of(const SequenceStep *step)
{
	return step->slot->start;
}

static int64
end_of(const SequenceStep *step)
{
	return step->slot->start + step->slot->duration;
}

static bool
is_same_stylist(const SequenceStep *a, const SequenceStep *b)
{
	return memcmp(&a->stylist, &b->stylist, UUID_LEN) == 0;
}

/* The first step that begins at a moment or later. */
static int
first_from(const SequenceService *service, int64 start)
{
	int low = 0;
	int high = service->n;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (start_of(&service->steps[middle]) < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether one may follow the other, which ends no later than it begins. */
static bool
may_follow(const SequenceStep *step, const SequenceStep *next, bool same_stylist, int64 max_gap)
{
	int64 from = end_of(step);

	if (is_same_stylist(step, next))
		from += Max(step->buffers.after, next->buffers.before);
	else if (same_stylist)
		return false;
	return start_of(next) >= from && start_of(next) <= from + max_gap;
}

/* A buffer is a day at most. */
static int
find_next(const SequenceStep *step, const SequenceService *next, bool is_last, bool same_stylist,
		  int64 max_gap)
{
	int64 until = end_of(step) + SECS_PER_DAY + max_gap;
	int found = -1;

	for (int i = first_from(next, end_of(step)); i < next->n && start_of(&next->steps[i]) <= until; i++)
	{
		const SequenceStep *candidate = &next->steps[i];

		if (found >= 0 && start_of(candidate) > start_of(&next->steps[found]))
			break;
		if ((!is_last && candidate->next < 0) || !may_follow(step, candidate, same_stylist, max_gap))
			continue;
		/* Of those that begin together, the same stylist's. */
		if (found < 0 || is_same_stylist(step, candidate))
			found = i;
	}
	return found;
}

void
sequence_link(SequenceService *services, int n, bool same_stylist, int64 max_gap)
{
	for (int k = n - 2; k >= 0; k--)
	{
		for (int i = 0; i < services[k].n; i++)
		{
			if (i % 64 == 0)
				CHECK_FOR_INTERRUPTS();
			services[k].steps[i].next = find_next(&services[k].steps[i], &services[k + 1], k + 1 == n - 1,
												  same_stylist, max_gap);
		}
	}
}

/* ---- writing ---- */

static const char *const answer_names[] = {"cached", "success", "cache_hit", "sequences", "computed_at"};
static const TreeKeys answer_keys = {lengthof(answer_names), answer_names};
static const char *const sequence_names[] = {"slots",		   "price_cents",	 "slot_end_utc",
											 "slot_end_local", "slot_start_utc", "slot_start_local"};
static const TreeKeys sequence_keys = {lengthof(sequence_names), sequence_names};
static const char *const step_names[] = {"service_id", "stylist_id", "price_cents", "slot_end_utc",
										 "slot_start_utc"};
static const TreeKeys step_keys = {lengthof(step_names), step_names};

static void
put_time(Tree *tree, int64 moment, bool utc)
{
	char text[] = "....-..-..T..:..:..+00:00";

	write_date(text, day_of(moment));
	write_clock(text + CLOCK_TEXT_AT, moment - day_of(moment) * SECS_PER_DAY);
	tree_plain(tree, text, utc ? UTC_TEXT_SIZE : LOCAL_TEXT_SIZE);
}

static void
put_uuid(Tree *tree, const pg_uuid_t *id)
{
	tree_plain(tree, DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))), UUID_TEXT_SIZE);
}

static void
put_price(Tree *tree, int64 price_cents)
{
	if (price_cents == RANGE_NO_PRICE)
		tree_null(tree);
	else
		tree_int(tree, price_cents);
}

static void
put_steps(Tree *tree, const SequenceStep *const *steps, const SequenceService *services, int n)
{
	tree_open_array(tree, n);
	for (int k = 0; k < n; k++)
	{
		tree_open_object(tree, &step_keys);
		put_uuid(tree, &services[k].service);
		put_uuid(tree, &steps[k]->stylist);
		put_price(tree, steps[k]->slot->price_cents);
		put_time(tree, end_of(steps[k]), true);
		put_time(tree, start_of(steps[k]), true);
		tree_close(tree);
	}
	tree_close(tree);
}

/* From a step of the first service on; returns the last one. */
static const SequenceStep *
follow(const SequenceService *services, int n, const SequenceStep *first, const SequenceStep **steps)
{
	steps[0] = first;
	for (int k = 1; k < n; k++)
		steps[k] = &services[k].steps[steps[k - 1]->next];
	return steps[n - 1];
}

static void
put_sequence(Tree *tree, const SequenceService *services, int n, const SequenceStep *first)
{
	const SequenceStep *steps[SEQUENCE_MAX_SERVICES];
	const SequenceStep *last = follow(services, n, first, steps);
	int64 price_cents = 0;

	for (int k = 0; k < n && price_cents != RANGE_NO_PRICE; k++)
		price_cents = steps[k]->slot->price_cents == RANGE_NO_PRICE
						  ? RANGE_NO_PRICE
						  : price_cents + steps[k]->slot->price_cents;
	tree_open_object(tree, &sequence_keys);
	put_steps(tree, steps, services, n);
	put_price(tree, price_cents);
	put_time(tree, end_of(last), true);
	put_time(tree, last->slot->start_local + last->slot->duration_local, false);
	put_time(tree, start_of(first), true);
	put_time(tree, first->slot->start_local, false);
	tree_close(tree);
}

/*
 * The step to begin with, of those of the first service that begin with this one: the
 * sequence that ends first; *after is the next.
 */
static const SequenceStep *
best_of_start(const SequenceService *services, int n, int i, int *after)
{
	const SequenceStep *steps[SEQUENCE_MAX_SERVICES];
	const SequenceStep *best = NULL;
	int64 best_end = 0;
	int64 start = start_of(&services[0].steps[i]);

	for (; i < services[0].n && start_of(&services[0].steps[i]) == start; i++)
	{
		const SequenceStep *step = &services[0].steps[i];
		int64 end;

		if (n > 1 && step->next < 0)
			continue;
		end = end_of(follow(services, n, step, steps));
		if (best == NULL || end < best_end || (end == best_end && step->order < best->order))
		{
			best = step;
			best_end = end;
		}
	}
	*after = i;
	return best;
}

Datum
sequence_write(const SequenceService *services, int n, const RangeOutcome *outcome, bool binary)
{
	const SequenceStep **firsts = palloc(Max(services[0].n, 1) * sizeof(SequenceStep *));
	int nfirsts = 0;
	char now[NOW_TEXT_SIZE];
	Tree tree;

	for (int i = 0; i < services[0].n;)
	{
		const SequenceStep *best = best_of_start(services, n, i, &i);

		if (best != NULL)
			firsts[nfirsts++] = best;
	}
	tree_init(&tree, binary, 512 + nfirsts * 256 * (n + 1));
	tree_open_object(&tree, &answer_keys);
	tree_bool(&tree, outcome->hit);
	tree_bool(&tree, true);
	tree_bool(&tree, outcome->hit);
	tree_open_array(&tree, nfirsts);
	for (int i = 0; i < nfirsts; i++)
		put_sequence(&tree, services, n, firsts[i]);
	tree_close(&tree);
	write_now(now, outcome->computed_at);
	tree_plain(&tree, now, NOW_TEXT_SIZE);
	tree_close(&tree);
	return PointerGetDatum(tree_finish(&tree));
}
