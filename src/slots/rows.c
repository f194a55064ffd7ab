/*
 * rows.c
 *		What is read for each day, without a query.  rule_rows.c has the rest.
 *
 * query_text.c says the same in SQL, which is asked where this cannot serve
 * (scan.c); the tests compare both.  A scan may visit more rows than were
 * asked for: each condition is looked at here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "base/test_hooks.h"
#include "slots/long_bookings.h"
#include "slots/rows.h"
#include "slots/rule_rows.h"
#include "slots/scan.h"
#include "slots/scanned.h"
#include "slots/sources.h"

typedef struct Reading
{
	const pg_uuid_t *stylist;
	DateADT date;
	int32 days_of_week[2];
	const pg_uuid_t *service;
	const QueryStatuses *statuses;
	TimestampTz from;
	TimestampTz to;
	TimestampTz now;
	TimestampTz earliest; /* start of a class */
	ResultRows *rows;
} Reading;

/* Copied, as the row is not there for long. */
static void
put(ResultRow *result, int column, const ScannedRow *row, int from)
{
	Datum value = scanned_value(row, from, &result->nulls[column - 1]);

	if (!result->nulls[column - 1] && source_column_at(row->role, from)->type == UUIDOID)
		value = UUIDPGetDatum(memcpy(palloc(UUID_LEN), DatumGetUUIDP(value), UUID_LEN));
	result->values[column - 1] = value;
}

/* ---- statuses ---- */

/* Whether its status lets the row count; where the table has none all do. */
static bool
counts_by_status(const ScannedRow *row, int i, const QueryStatuses *statuses)
{
	bool found = false;
	char *status;
	ListCell *cell;

	if (source_column_at(row->role, i) == NULL)
		return true;
	status = scanned_text(row, i);
	if (status == NULL)
		return !statuses->wanted;
	foreach(cell, statuses->names)
		found = found || strcmp(status, lfirst(cell)) == 0;
	pfree(status);
	return found == statuses->wanted;
}

/* Else equal statuses may be other bytes. */
static bool
status_is_bytewise(SourceRole role, int i)
{
	const SourceColumn *column = source_column_at(role, i);

	return column == NULL || column->bytewise;
}

/* ---- schedule ---- */

static void
visit_schedule(const ScannedRow *row, void *arg)
{
	Reading *reading = arg;
	bool isnull;
	int64 day = scanned_integer(row, SCHEDULE_DAY, &isnull);
	bool of_day = !isnull && (day == reading->days_of_week[0] || day == reading->days_of_week[1]);
	bool of_all = scanned_is_null(row, SCHEDULE_SERVICE);
	ResultRow *result;

	if ((of_all ? !of_day : !scanned_is_of(row, SCHEDULE_SERVICE, reading->service)) ||
		!scanned_is_of(row, SCHEDULE_STYLIST, reading->stylist) ||
		!scanned_bool(row, SCHEDULE_ACTIVE, true) ||
		scanned_date(row, SCHEDULE_FROM, reading->date) > reading->date ||
		scanned_date(row, SCHEDULE_UNTIL, reading->date) < reading->date)
		return;
	result = result_add(reading->rows);
	put(result, 1, row, SCHEDULE_OPENS);
	put(result, 2, row, SCHEDULE_CLOSES);
	put(result, 3, row, SCHEDULE_BREAK_START);
	put(result, 4, row, SCHEDULE_BREAK_END);
	result->values[4] = BoolGetDatum(!of_all);
	result->values[5] = BoolGetDatum(of_day);
	result->values[6] = Int64GetDatum(scanned_integer(row, SCHEDULE_WEEKS, &result->nulls[6]));
	put(result, 8, row, scanned_is_null(row, SCHEDULE_WEEKS_FROM) ? SCHEDULE_FROM : SCHEDULE_WEEKS_FROM);
}

static bool
read_schedule(Reading *reading, Datum *args)
{
	SourceScan scan = {.role = SOURCE_SCHEDULES,
					   .key = SCHEDULE_STYLIST,
					   .id = reading->stylist,
					   .time = -1,
					   .visit = visit_schedule,
					   .arg = reading};

	reading->days_of_week[0] = DatumGetInt32(args[1]);
	reading->days_of_week[1] = DatumGetInt32(args[2]);
	reading->date = DatumGetDateADT(args[3]);
	reading->service = DatumGetUUIDP(args[4]);
	return source_scan(&scan);
}

/* ---- overrides ---- */

#define ZONE 6
/* A column behind the query's, for the order. */
#define CREATED 7

static bool
is_on(const ScannedRow *row, DateADT date)
{
	bool isnull;
	DateADT first = DatumGetDateADT(scanned_value(row, OVERRIDE_FIRST, &isnull));

	return !isnull && first <= date && scanned_date(row, OVERRIDE_LAST, first) >= date;
}

static void
visit_override(const ScannedRow *row, void *arg)
{
	Reading *reading = arg;
	bool of_all = scanned_is_null(row, OVERRIDE_STYLIST) || scanned_bool(row, OVERRIDE_TO_ALL, false);
	bool closed;
	char *zone;
	ResultRow *result;

	if (!(of_all || scanned_is_of(row, OVERRIDE_STYLIST, reading->stylist)) || !is_on(row, reading->date) ||
		!scanned_bool(row, OVERRIDE_ACTIVE, true))
		return;
	zone = of_all ? NULL : scanned_text(row, OVERRIDE_ZONE);
	if (source_column_at(SOURCE_OVERRIDES, OVERRIDE_CLOSED) != NULL)
		closed = scanned_bool(row, OVERRIDE_CLOSED, false);
	else
		closed = zone == NULL && scanned_is_null(row, OVERRIDE_OPENS) &&
				 scanned_is_null(row, OVERRIDE_CLOSES);
	result = result_add(reading->rows);
	result->values[0] = Int64GetDatum(scanned_integer(row, OVERRIDE_PRIORITY, &result->nulls[0]));
	result->values[1] = BoolGetDatum(of_all);
	result->values[2] = BoolGetDatum(closed);
	put(result, 4, row, OVERRIDE_OPENS);
	put(result, 5, row, OVERRIDE_CLOSES);
	result->nulls[ZONE - 1] = zone == NULL;
	if (zone != NULL)
		result->values[ZONE - 1] = CStringGetTextDatum(zone);
	put(result, CREATED, row, OVERRIDE_CREATED);
}

/* All are numbers of 64 bits, or booleans; NULL comes last. */
static int
by_value(const ResultRow *a, const ResultRow *b, int column, bool descending)
{
	int64 x = DatumGetInt64(a->values[column - 1]);
	int64 y = DatumGetInt64(b->values[column - 1]);

	if (a->nulls[column - 1] || b->nulls[column - 1])
		return (int) a->nulls[column - 1] - (int) b->nulls[column - 1];
	return x == y ? 0 : (x < y) == descending ? 1 : -1;
}

/* By its bytes; NULL comes last. */
static int
by_zone(const ResultRow *a, const ResultRow *b)
{
	if (a->nulls[ZONE - 1] || b->nulls[ZONE - 1])
		return (int) a->nulls[ZONE - 1] - (int) b->nulls[ZONE - 1];
	return strcmp(TextDatumGetCString(a->values[ZONE - 1]), TextDatumGetCString(b->values[ZONE - 1]));
}

static int
by_rank(const void *a, const void *b)
{
	static const struct
	{
		int column;
		bool descending;
	} order[] = {{1, true}, {2, false}, {CREATED, true}, {3, true}, {4, false}, {5, false}};

	for (int i = 0; i < lengthof(order); i++)
	{
		int compared = by_value(a, b, order[i].column, order[i].descending);

		if (compared != 0)
			return compared;
	}
	return by_zone(a, b);
}

/* Rows that say that they are of all have an index of their own, if any: that is left to the query. */
static bool
read_overrides(Reading *reading, Datum *args)
{
	SourceScan scan = {.role = SOURCE_OVERRIDES,
					   .key = OVERRIDE_STYLIST,
					   .id = reading->stylist,
					   .time = -1,
					   .visit = visit_override,
					   .arg = reading};

	reading->date = DatumGetDateADT(args[1]);
	if (!source_scan_whole(&scan))
	{
		reading->rows->n = 0;
		if (source_column_at(SOURCE_OVERRIDES, OVERRIDE_TO_ALL) != NULL || !source_scan(&scan))
			return false;
		scan.id = NULL;
		if (!source_scan(&scan))
			return false;
	}
	if (reading->rows->n > 1)
		qsort(reading->rows->rows, reading->rows->n, sizeof(ResultRow), by_rank);
	return true;
}

/* ---- bookings ---- */

static void
put_busy(ResultRows *rows, const SlotInterval *at, const pg_uuid_t *service, int64 seats)
{
	ResultRow *result = result_add(rows);

	result->values[0] = TimestampTzGetDatum(at->start);
	result->values[1] = TimestampTzGetDatum(at->end);
	result->nulls[2] = service == NULL;
	if (service != NULL)
		result->values[2] = UUIDPGetDatum(memcpy(palloc(UUID_LEN), service, UUID_LEN));
	result->values[3] = Int64GetDatum(seats);
}

/* NULL counts as one, here already: it is the same to whoever reads them. */
static int64
seats_of(const ScannedRow *row, int i)
{
	bool isnull;
	int64 seats = scanned_integer(row, i, &isnull);

	return isnull ? 1 : seats;
}

static void
visit_booking(const ScannedRow *row, void *arg)
{
	Reading *reading = arg;
	SlotInterval at;
	bool no_service;
	Datum service;

	if (!scanned_is_of(row, BOOKING_STYLIST, reading->stylist) ||
		!scanned_times(row, BOOKING_START, BOOKING_END, &at) || at.start < reading->from - USECS_PER_DAY ||
		at.start >= reading->to || at.end <= reading->from || at.end <= at.start ||
		!counts_by_status(row, BOOKING_STATUS, reading->statuses))
		return;
	service = scanned_value(row, BOOKING_SERVICE, &no_service);
	put_busy(reading->rows, &at, no_service ? NULL : DatumGetUUIDP(service), seats_of(row, BOOKING_SEATS));
}

static void
visit_long_booking(const ScannedRow *row, void *arg)
{
	LongBookings *found = arg;
	LongBooking booking = {0};
	bool no_service;
	Datum service;

	found->visited++;
	if (!scanned_is_of(row, BOOKING_STYLIST, &found->stylist) ||
		!scanned_times(row, BOOKING_START, BOOKING_END, &booking.at) ||
		!booking_is_long(booking.at.start, booking.at.end) ||
		!counts_by_status(row, BOOKING_STATUS, found->blocking))
		return;
	service = scanned_value(row, BOOKING_SERVICE, &no_service);
	booking.has_service = !no_service;
	if (!no_service)
		booking.service = *DatumGetUUIDP(service);
	booking.seats = seats_of(row, BOOKING_SEATS);
	long_bookings_add(found, &booking);
}

/* All of the stylist's, whenever. */
static bool
scan_long_bookings(LongBookings *found)
{
	SourceScan scan = {.role = SOURCE_BOOKINGS,
					   .key = BOOKING_STYLIST,
					   .id = &found->stylist,
					   .time = -1,
					   .statuses = found->blocking,
					   .status = BOOKING_STATUS,
					   .long_only = true,
					   .visit = visit_long_booking,
					   .arg = found};

	return source_scan(&scan);
}

/*
 * Those of at most a day are found by their start; of longer ones, which there are few
 * of, a session knows all.
 */
static bool
read_bookings(Reading *reading, Datum *args)
{
	SourceScan scan = {.role = SOURCE_BOOKINGS,
					   .key = BOOKING_STYLIST,
					   .id = reading->stylist,
					   .time = BOOKING_START,
					   .overlapping = true,
					   .start = BOOKING_START,
					   .end = BOOKING_END,
					   .statuses = reading->statuses,
					   .status = BOOKING_STATUS,
					   .visit = visit_booking,
					   .arg = reading};
	const LongBookings *longer;

	reading->from = DatumGetTimestampTz(args[1]);
	reading->to = DatumGetTimestampTz(args[3]);
	scan.at = (ScanTimes){DatumGetTimestampTz(args[2]), reading->to};
	scan.during = (ScanTimes){reading->from, reading->to};
	if (!status_is_bytewise(SOURCE_BOOKINGS, BOOKING_STATUS) || !source_scan(&scan))
		return false;
	longer = long_bookings_of(reading->stylist, reading->statuses, DatumGetUInt64(args[4]),
							  scan_long_bookings);
	if (longer == NULL)
		return false;
	for (int i = 0; i < longer->n; i++)
	{
		const LongBooking *booking = &longer->bookings[i];

		if (booking->at.start < scan.at.from && booking->at.end > reading->from)
			put_busy(reading->rows, &booking->at, booking->has_service ? &booking->service : NULL,
					 booking->seats);
	}
	return true;
}

/* ---- holds ---- */

static void
visit_hold(const ScannedRow *row, void *arg)
{
	Reading *reading = arg;
	SlotInterval at;
	bool forever;
	TimestampTz expires = DatumGetTimestampTz(scanned_value(row, HOLD_EXPIRES, &forever));
	ResultRow *result;

	if (!scanned_is_of(row, HOLD_STYLIST, reading->stylist) ||
		!scanned_times(row, HOLD_START, HOLD_END, &at) || at.end <= reading->from ||
		at.start >= reading->to || at.end <= at.start ||
		!counts_by_status(row, HOLD_STATUS, reading->statuses) || (!forever && expires <= reading->now))
		return;
	result = result_add(reading->rows);
	put(result, 1, row, HOLD_START);
	put(result, 2, row, HOLD_END);
	put(result, 3, row, HOLD_SERVICE);
	put(result, 4, row, HOLD_EXPIRES);
	result->values[4] = Int64GetDatum(seats_of(row, HOLD_SEATS));
}

static bool
read_holds(Reading *reading, Datum *args)
{
	SourceScan scan = {.role = SOURCE_RESERVATIONS,
					   .key = HOLD_STYLIST,
					   .id = reading->stylist,
					   .time = HOLD_END,
					   .overlapping = true,
					   .start = HOLD_START,
					   .end = HOLD_END,
					   .statuses = reading->statuses,
					   .status = HOLD_STATUS,
					   .visit = visit_hold,
					   .arg = reading};

	reading->from = DatumGetTimestampTz(args[1]);
	reading->to = DatumGetTimestampTz(args[2]);
	reading->now = DatumGetTimestampTz(args[3]);
	scan.at = (ScanTimes){reading->from, DT_NOEND};
	scan.during = (ScanTimes){reading->from, reading->to};
	return status_is_bytewise(SOURCE_RESERVATIONS, HOLD_STATUS) && source_scan(&scan);
}

/* ---- classes ---- */

static void
visit_class(const ScannedRow *row, void *arg)
{
	Reading *reading = arg;
	SlotInterval at;
	ResultRow *result;

	if (!scanned_is_of(row, CLASS_STYLIST, reading->stylist) ||
		!scanned_times(row, CLASS_START, CLASS_END, &at) || at.start < reading->earliest ||
		at.start >= reading->to || at.end <= reading->from || !scanned_bool(row, CLASS_ACTIVE, true) ||
		!counts_by_status(row, CLASS_STATUS, reading->statuses))
		return;
	result = result_add(reading->rows);
	put(result, 1, row, CLASS_START);
	put(result, 2, row, CLASS_END);
	put(result, 3, row, CLASS_SERVICE);
	result->values[3] = Int64GetDatum(scanned_integer(row, CLASS_SEATS, &result->nulls[3]));
}

static bool
read_classes(Reading *reading, Datum *args)
{
	SourceScan scan = {.role = SOURCE_CLASSES,
					   .key = CLASS_STYLIST,
					   .id = reading->stylist,
					   .time = CLASS_START,
					   .overlapping = true,
					   .start = CLASS_START,
					   .end = CLASS_END,
					   .statuses = reading->statuses,
					   .status = CLASS_STATUS,
					   .visit = visit_class,
					   .arg = reading};

	reading->earliest = DatumGetTimestampTz(args[1]);
	reading->from = DatumGetTimestampTz(args[2]);
	reading->to = DatumGetTimestampTz(args[3]);
	scan.at = (ScanTimes){reading->earliest, reading->to};
	scan.during = (ScanTimes){reading->from, reading->to};
	return status_is_bytewise(SOURCE_CLASSES, CLASS_STATUS) && source_scan(&scan);
}

bool
rows_read(SlotsQuery query, const QueryStatuses *statuses, Datum *args, ResultRows *rows)
{
	static bool (*const read[NQUERIES])(Reading *, Datum *) = {
		[QUERY_SCHEDULE] = read_schedule, [QUERY_OVERRIDES] = read_overrides,
		[QUERY_BOOKINGS] = read_bookings, [QUERY_HOLDS] = read_holds,
		[QUERY_CLASSES] = read_classes,
	};
	Reading reading = {.statuses = statuses, .rows = rows};

	if (AC_MUTATED(AC_MUTANT_QUERIES_ONLY))
		return false;
	if (read[query] == NULL)
		return rule_rows_read(query, args, rows);
	reading.stylist = DatumGetUUIDP(args[0]);
	return read[query](&reading, args);
}
