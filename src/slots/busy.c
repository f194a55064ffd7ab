/*
 * busy.c
 *		What is taken of a stylist's day: bookings and holds near it, and what is kept free around each.
 *
 * docs/rules.md says what counts; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "lib/qunique.h"
#include "utils/timestamp.h"

#include "slots/buffers.h"
#include "slots/busy.h"
#include "slots/classes.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"
#include "slots/zone.h"

static BusyRows
read_rows(SlotsQuery query, const QueryStatuses *statuses, Datum *args)
{
	BusyRows rows = {.n = query_run(query, statuses, args)};
	bool are_holds = query == QUERY_HOLDS || query == QUERY_HOLDS_OF_SERVICE;

	rows.at = palloc(Max(rows.n, 1) * sizeof(SlotInterval));
	rows.services = palloc(Max(rows.n, 1) * sizeof(pg_uuid_t));
	rows.has_service = palloc(Max(rows.n, 1) * sizeof(bool));
	rows.expires = palloc(Max(rows.n, 1) * sizeof(int64));
	rows.seats = palloc(Max(rows.n, 1) * sizeof(int64));
	for (uint64 i = 0; i < rows.n; i++)
	{
		bool isnull;
		Datum service = result_datum(i, 3, &isnull);

		rows.has_service[i] = !isnull;
		if (!isnull)
			rows.services[i] = *DatumGetUUIDP(service);
		rows.at[i].start = DatumGetTimestampTz(result_datum(i, 1, &isnull));
		rows.at[i].end = DatumGetTimestampTz(result_datum(i, 2, &isnull));
		rows.expires[i] = are_holds ? result_int64(i, 4, SLOT_NEVER) : SLOT_NEVER;
		rows.seats[i] = result_int64(i, are_holds ? 5 : 4, 1);
	}
	return rows;
}

void
busy_rows(const pg_uuid_t *stylist, const DayRules *rules, SlotInterval at, uint64 clock, int64 now,
		  BusyRows *bookings, BusyRows *holds)
{
	Datum start = TimestampTzGetDatum(at.start);
	Datum end = TimestampTzGetDatum(at.end);
	Datum of_bookings[] = {UUIDPGetDatum(stylist), start, TimestampTzGetDatum(at.start - USECS_PER_DAY), end,
						   UInt64GetDatum(clock)};
	Datum of_holds[] = {UUIDPGetDatum(stylist), start, end, TimestampTzGetDatum(now)};

	*bookings = read_rows(QUERY_BOOKINGS, &rules->blocking, of_bookings);
	*holds = (BusyRows){0};
	if (source_attached(SOURCE_RESERVATIONS))
		*holds = read_rows(QUERY_HOLDS, &rules->holding, of_holds);
}

void
busy_rows_of_service(const pg_uuid_t *service, const DayRules *rules, SlotInterval at, int64 now,
					 BusyRows *bookings, BusyRows *holds)
{
	Datum args[] = {UUIDPGetDatum(service), TimestampTzGetDatum(at.start), TimestampTzGetDatum(at.end),
					TimestampTzGetDatum(now)};

	*bookings = read_rows(QUERY_BOOKINGS_OF_SERVICE, &rules->blocking, args);
	*holds = (BusyRows){0};
	if (source_attached(SOURCE_RESERVATIONS))
		*holds = read_rows(QUERY_HOLDS_OF_SERVICE, &rules->holding, args);
}

/* ---- how near is near ---- */

static SlotInterval
widened(const SlotInterval *windows, const SlotInput *input, SlotBuffers otherwise, int64 of_any)
{
	return (SlotInterval){windows->start - Max(of_any, Max(input->buffers.before, otherwise.after)),
						  windows->end + Max(of_any, Max(input->buffers.after, otherwise.before))};
}

static void
set_reach(Reach *reach, SlotInterval at, int level)
{
	reach->at = at;
	reach->first = utc_day_of(at.start);
	reach->last = utc_day_of(at.end - 1);
	reach->level = level;
}

/*
 * At the highest level from this one on that adds no UTC day to those that
 * this one needs: other days' bookings outdate nothing here then, nor do most
 * changes of buffers.  BUFFER_LEVELS: services' buffers do not matter.
 */
static void
find_reach(const SlotInterval *windows, const SlotInput *input, SlotBuffers otherwise, int level,
		   Reach *reach)
{
	bool matter = level < BUFFER_LEVELS;

	set_reach(reach, widened(windows, input, otherwise, matter ? buffer_levels[level] : 0), level);
	while (++level < BUFFER_LEVELS)
	{
		Reach wider;

		set_reach(&wider, widened(windows, input, otherwise, buffer_levels[level]), level);
		if (wider.first != reach->first || wider.last != reach->last)
			break;
		*reach = wider;
	}
	/* No buffer counts as more than the last. */
	if (reach->level >= BUFFER_LEVELS - 1)
		reach->level = -1;
}

SlotInterval
busy_span(const SlotInput *input)
{
	SlotInterval span = {PG_INT64_MAX, PG_INT64_MIN};

	if (input->classes.span.end > input->classes.span.start)
		span = input->classes.span;
	for (int i = 0; i < input->nwindows; i++)
	{
		if (input->windows[i].end <= input->windows[i].start)
			continue;
		span.start = Min(span.start, input->windows[i].start);
		span.end = Max(span.end, input->windows[i].end);
	}
	return span;
}

/* ---- whose buffers ---- */

static void
add_services(BookedServices *booked, const BusyRows *rows)
{
	for (uint64 i = 0; i < rows->n; i++)
	{
		if (rows->has_service[i])
			booked->services[booked->n++] = rows->services[i];
	}
}

/* With the service of the slots. */
static BookedServices
list_services(const pg_uuid_t *service, const BusyRows *bookings, const BusyRows *holds,
			  const Classes *classes)
{
	BookedServices booked = {palloc((bookings->n + holds->n + classes->n + 1) * sizeof(pg_uuid_t)), 0};

	booked.services[booked.n++] = *service;
	add_services(&booked, bookings);
	add_services(&booked, holds);
	for (int i = 0; i < classes->n; i++)
	{
		if (classes->classes[i].has_service)
			booked.services[booked.n++] = classes->classes[i].service;
	}
	qsort(booked.services, booked.n, sizeof(pg_uuid_t), uuid_order);
	booked.n = qunique(booked.services, booked.n, sizeof(pg_uuid_t), uuid_order);
	return booked;
}

static SlotBuffers
buffers_of_service(const pg_uuid_t *service, const BookedServices *booked, const SlotBuffers *buffers)
{
	const pg_uuid_t *found = bsearch(service, booked->services, booked->n, sizeof(pg_uuid_t), uuid_order);

	return buffers[found - booked->services];
}

static SlotBuffers *
buffers_of_rows(const BusyRows *rows, const BookedServices *booked, const SlotBuffers *buffers,
				SlotBuffers otherwise)
{
	SlotBuffers *result = palloc(Max(rows->n, 1) * sizeof(SlotBuffers));

	for (uint64 i = 0; i < rows->n; i++)
		result[i] = rows->has_service[i] ? buffers_of_service(&rows->services[i], booked, buffers)
										 : otherwise;
	return result;
}

/* ---- classes ---- */

static const SlotBuffers *
buffers_of_classes(const Classes *classes, const BookedServices *booked, const SlotBuffers *buffers,
				   SlotBuffers otherwise)
{
	SlotBuffers *result = palloc(Max(classes->n, 1) * sizeof(SlotBuffers));

	for (int i = 0; i < classes->n; i++)
		result[i] = classes->classes[i].has_service
						? buffers_of_service(&classes->classes[i].service, booked, buffers)
						: otherwise;
	return result;
}

static void
add_takers(SlotClasses *classes, TakerKind kind, const BusyRows *rows, const SlotBuffers *buffers,
		   const pg_uuid_t *service)
{
	for (uint64 i = 0; i < rows->n; i++)
		classes->takers[classes->ntakers++] = (ClassTaker){
			.at = rows->at[i],
			.buffers = buffers[i],
			.seats = Min(rows->seats[i], SEATS_MOST),
			.expires = rows->expires[i],
			.kind = kind,
			.of_service = rows->has_service[i] && uuid_order(&rows->services[i], service) == 0,
		};
}

/* (22): what may be in the way of classes that are slots: before the rows of the service are taken away. */
static void
list_takers(const BusyRows *bookings, const BusyRows *holds, const Classes *others,
			const BookedServices *booked, const SlotBuffers *buffers, SlotBuffers otherwise,
			const pg_uuid_t *service, SlotClasses *classes)
{
	if (classes->nslots == 0)
		return;
	classes->takers = palloc((bookings->n + holds->n + others->n) * sizeof(ClassTaker));
	add_takers(classes, TAKER_BOOKING, bookings, buffers_of_rows(bookings, booked, buffers, otherwise),
			   service);
	add_takers(classes, TAKER_HOLD, holds, buffers_of_rows(holds, booked, buffers, otherwise), service);
	for (int i = 0; i < others->n; i++)
		classes->takers[classes->ntakers++] = (ClassTaker){
			.at = others->classes[i].at,
			.buffers = classes->buffers[i],
			.expires = SLOT_NEVER,
			.kind = TAKER_CLASS,
			.of_service = others->classes[i].has_service &&
						  uuid_order(&others->classes[i].service, service) == 0,
		};
}

/* ---- seats ---- */

static void
drop_row(BusyRows *rows, uint64 i)
{
	uint64 last = --rows->n;

	rows->at[i] = rows->at[last];
	rows->services[i] = rows->services[last];
	rows->has_service[i] = rows->has_service[last];
	rows->expires[i] = rows->expires[last];
	rows->seats[i] = rows->seats[last];
}

static bool
is_same(const BusyRows *rows, uint64 i, const BookingTaken *booking)
{
	return rows->seats[i] == booking->seats && rows->at[i].start == booking->at.start &&
		   rows->at[i].end == booking->at.end && rows->has_service[i] == booking->has_service &&
		   (!booking->has_service || uuid_order(&rows->services[i], &booking->service) == 0);
}

void
busy_leave_out(BusyRows *rows, const BookingTaken *booking)
{
	uint64 i = 0;

	while (i < rows->n && !is_same(rows, i, booking))
		i++;
	if (i == rows->n)
		return;
	drop_row(rows, i);
}

/* (17): takes those of the service from the rows, which are fewer then. */
static SeatUse *
take_uses(BusyRows *rows, const pg_uuid_t *service, int *nuses)
{
	SeatUse *uses = palloc(Max(rows->n, 1) * sizeof(SeatUse));

	*nuses = 0;
	for (uint64 i = 0; i < rows->n;)
	{
		if (!rows->has_service[i] || uuid_order(&rows->services[i], service) != 0)
		{
			i++;
			continue;
		}
		if (rows->seats[i] > 0)
			uses[(*nuses)++] = (SeatUse){rows->at[i], rows->at[i].start, Min(rows->seats[i], SEATS_MOST),
										 rows->expires[i]};
		drop_row(rows, i);
	}
	return uses;
}

static void
take_seats(const DayRules *rules, const pg_uuid_t *service, BusyRows *bookings, BusyRows *holds, Seats *seats)
{
	if (rules->capacity == SEATS_ALONE)
		return;
	seats->by_time = rules->seats_by_time;
	seats->bookings = take_uses(bookings, service, &seats->nbookings);
	seats->holds = take_uses(holds, service, &seats->nholds);
	seats->of_bookings.levels = palloc(2 * (seats->nbookings + 1) * sizeof(SeatLevel));
	seats->of_all.levels = palloc(2 * (seats->nbookings + seats->nholds + 1) * sizeof(SeatLevel));
}

void
busy_read(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules, uint64 clock,
		  const BookingTaken *except, SlotInput *input, Reach *reach, BookedServices *booked)
{
	SlotBuffers otherwise = rules_buffers(rules);
	SlotInterval windows = busy_span(input);
	BusyRows bookings = {0};
	BusyRows holds = {0};
	Classes classes;
	SlotBuffers *buffers;
	int level;

	*reach = (Reach){.at = windows, .level = -1};
	*booked = (BookedServices){0};
	if (windows.start > windows.end)
		return;
	level = buffers_matter() ? buffers_level(clock) : BUFFER_LEVELS;
	/* Within the last level are all buffers. */
	if (level != BUFFER_LEVELS - 1)
		buffers_of(service, 1, clock, otherwise, &input->buffers);
	find_reach(&windows, input, otherwise, level, reach);
	busy_rows(stylist, rules, reach->at, clock, input->now, &bookings, &holds);
	if (except != NULL && uuid_order(&except->stylist, stylist) == 0)
		busy_leave_out(&bookings, except);
	classes = classes_read(stylist, rules, reach->at);
	*booked = list_services(service, &bookings, &holds, &classes);
	buffers = palloc(booked->n * sizeof(SlotBuffers));
	buffers_of(booked->services, booked->n, clock, otherwise, buffers);
	input->buffers = buffers_of_service(service, booked, buffers);
	classes_put(&classes, buffers_of_classes(&classes, booked, buffers, otherwise), service, input);
	list_takers(&bookings, &holds, &classes, booked, buffers, otherwise, service, &input->classes);
	take_seats(rules, service, &bookings, &holds, &input->seats);

	input->nbookings = bookings.n;
	input->bookings = bookings.at;
	input->booking_buffers = buffers_of_rows(&bookings, booked, buffers, otherwise);
	input->nholds = holds.n;
	input->holds = holds.at;
	input->hold_expires = holds.expires;
	input->hold_buffers = buffers_of_rows(&holds, booked, buffers, otherwise);
}
