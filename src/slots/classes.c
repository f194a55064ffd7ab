/*
 * classes.c
 *		A stylist's classes: what the attached table says takes place at a time of its own.
 *
 * docs/rules.md says which count (22).  They are read by their start, as none
 * that counts is long; where no table is attached nothing is read, and nothing
 * depends on it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "slots/buffers.h"
#include "slots/classes.h"
#include "slots/hours.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"

static int64
whole_seconds(int64 moment)
{
	int64 rest = moment % USECS_PER_SEC;

	return moment - (rest < 0 ? rest + USECS_PER_SEC : rest);
}

/* By service and start; of one start what covers the others comes first, then what has most seats. */
static int
by_start(const void *a, const void *b)
{
	const Class *x = a;
	const Class *y = b;
	int order = (int) x->has_service - (int) y->has_service;

	if (order == 0)
		order = uuid_order(&x->service, &y->service);
	if (order != 0)
		return order;
	if (x->at.start != y->at.start)
		return x->at.start < y->at.start ? -1 : 1;
	if (x->at.end != y->at.end)
		return x->at.end > y->at.end ? -1 : 1;
	return (x->seats < y->seats) - (x->seats > y->seats);
}

static bool
is_again(const Class *a, const Class *b)
{
	return a->has_service && b->has_service && a->at.start == b->at.start &&
		   uuid_order(&a->service, &b->service) == 0;
}

/* Of those that start together one counts. */
static void
drop_repeated(Classes *classes)
{
	int kept = 0;

	qsort(classes->classes, classes->n, sizeof(Class), by_start);
	for (int i = 0; i < classes->n; i++)
	{
		if (kept == 0 || !is_again(&classes->classes[kept - 1], &classes->classes[i]))
			classes->classes[kept++] = classes->classes[i];
	}
	classes->n = kept;
}

/* False if it does not count. */
static bool
take_row(uint64 row, int64 capacity, Class *class)
{
	TimestampTz start;
	TimestampTz end;
	bool isnull;
	Datum service;

	start = DatumGetTimestampTz(result_datum(row, 1, &isnull));
	end = DatumGetTimestampTz(result_datum(row, 2, &isnull));
	if (TIMESTAMP_NOT_FINITE(start) || TIMESTAMP_NOT_FINITE(end))
		return false;
	*class = (Class){.at = {whole_seconds(start), whole_seconds(end)}};
	service = result_datum(row, 3, &isnull);
	class->has_service = !isnull;
	if (!isnull)
		class->service = *DatumGetUUIDP(service);
	class->seats = Min(Max(result_int64(row, 4, capacity), 0), SEATS_MOST);
	return class->at.end > class->at.start && class->at.end - class->at.start <= CLASS_LONGEST;
}

Classes
classes_read(const pg_uuid_t *stylist, const DayRules *rules, SlotInterval at)
{
	Datum args[] = {UUIDPGetDatum(stylist),
					/* Cut to seconds it may be that much shorter. */
					TimestampTzGetDatum(at.start - CLASS_LONGEST - USECS_PER_SEC),
					TimestampTzGetDatum(at.start), TimestampTzGetDatum(at.end)};
	int64 capacity = rules->capacity == SEATS_ALONE ? 1 : rules->capacity;
	Classes classes = {NULL, 0};
	uint64 n;

	if (!source_attached(SOURCE_CLASSES) || (n = query_run(QUERY_CLASSES, &rules->cancelled, args)) == 0)
		return classes;
	classes.classes = palloc(n * sizeof(Class));
	for (uint64 row = 0; row < n; row++)
	{
		Class *taken = &classes.classes[classes.n];

		if (take_row(row, capacity, taken) && taken->at.start < at.end && taken->at.end > at.start)
			classes.n++;
	}
	drop_repeated(&classes);
	return classes;
}

static bool
is_slot(const Class *class, const pg_uuid_t *service, SlotInterval starts)
{
	return class->has_service && uuid_order(&class->service, service) == 0 &&
		   class->at.start >= starts.start && class->at.start < starts.end;
}

void
classes_find(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules, SlotInterval starts,
			 SlotInput *input)
{
	Classes classes = classes_read(stylist, rules, starts);

	input->classes.starts = starts;
	input->classes.span = (SlotInterval){PG_INT64_MAX, PG_INT64_MIN};
	for (int i = 0; i < classes.n; i++)
	{
		const SlotInterval *at = &classes.classes[i].at;

		if (!is_slot(&classes.classes[i], service, starts))
			continue;
		input->classes.span.start = Min(input->classes.span.start, at->start);
		input->classes.span.end = Max(input->classes.span.end, at->end);
	}
}

void
classes_find_of_date(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date, const DayRules *rules,
					 SlotInput *input)
{
	if (source_attached(SOURCE_CLASSES))
		classes_find(stylist, service, rules, hours_span_of_date(stylist, date, rules), input);
}

void
classes_put(const Classes *classes, const SlotBuffers *buffers, const pg_uuid_t *service, SlotInput *input)
{
	SlotClasses *put = &input->classes;

	if (classes->n == 0)
		return;
	put->classes = palloc(classes->n * sizeof(SlotClass));
	put->busy = palloc(classes->n * sizeof(SlotInterval));
	put->buffers = palloc(classes->n * sizeof(SlotBuffers));
	for (int i = 0; i < classes->n; i++)
	{
		const Class *class = &classes->classes[i];

		put->busy[put->nbusy] = class->at;
		put->buffers[put->nbusy++] = buffers[i];
		if (!class->has_service || uuid_order(&class->service, service) != 0)
			continue;
		put->classes[put->n] = (SlotClass){class->at, class->seats, is_slot(class, service, put->starts)};
		put->nslots += put->classes[put->n++].is_slot ? 1 : 0;
	}
}
