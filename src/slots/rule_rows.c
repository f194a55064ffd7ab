/*
 * rule_rows.c
 *		What the tables say of a stylist, a service and its buffers, without a query.
 *
 * query_text.c says the same in SQL.  Of several rows the first one counts in
 * a total order of all that is read: active ones first, then by each value,
 * NULL last.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "slots/rule_rows.h"
#include "slots/scan.h"
#include "slots/scanned.h"

/* The first of the rows that have been visited. */
typedef struct First
{
	const pg_uuid_t *id;
	const pg_uuid_t *service;
	ResultRows *rows;
	int from; /* columns of the result that rows are ordered by, besides being active */
	int to;
	int text; /* the one of these that is text; 0: none */
	bool active;
} First;

static void
put_span(ResultRow *result, int column, const ScannedRow *row, int from)
{
	result->values[column - 1] = Int64GetDatum(scanned_span(row, from, &result->nulls[column - 1]));
}

static void
put_integer(ResultRow *result, int column, const ScannedRow *row, int from)
{
	result->values[column - 1] = Int64GetDatum(scanned_integer(row, from, &result->nulls[column - 1]));
}

static void
put_text(ResultRow *result, int column, const ScannedRow *row, int from)
{
	char *text = scanned_text(row, from);

	result->nulls[column - 1] = text == NULL;
	if (text != NULL)
		result->values[column - 1] = CStringGetTextDatum(text);
}

static void
put_bool(ResultRow *result, int column, const ScannedRow *row, int from)
{
	result->nulls[column - 1] = scanned_is_null(row, from);
	result->values[column - 1] = BoolGetDatum(scanned_bool(row, from, false));
}

static void
put_caps(ResultRow *result, int column, const ScannedRow *row, int from)
{
	for (int kind = 0; kind < CAP_NKINDS; kind++)
	{
		if (cap_is_of_time(kind))
			put_span(result, column + kind, row, from + kind);
		else
			put_integer(result, column + kind, row, from + kind);
	}
}

/* By their bytes. */
static int
compare_texts(Datum a, Datum b)
{
	return strcmp(TextDatumGetCString(a), TextDatumGetCString(b));
}

static int
compare(const ResultRow *a, const ResultRow *b, int column, bool texts)
{
	int64 x = DatumGetInt64(a->values[column - 1]);
	int64 y = DatumGetInt64(b->values[column - 1]);

	if (a->nulls[column - 1] || b->nulls[column - 1])
		return (int) a->nulls[column - 1] - (int) b->nulls[column - 1];
	if (texts)
		return compare_texts(a->values[column - 1], b->values[column - 1]);
	return x < y ? -1 : x > y;
}

static bool
comes_first(const First *first, const ResultRow *row, bool active)
{
	int compared = 0;

	if (first->rows->n == 0 || active != first->active)
		return first->rows->n == 0 || active;
	for (int column = first->from; column <= first->to && compared == 0; column++)
		compared = compare(row, &first->rows->rows[0], column, column == first->text);
	return compared < 0;
}

static void
take(First *first, const ResultRow *row, bool active)
{
	if (!comes_first(first, row, active))
		return;
	first->rows->n = 0;
	*result_add(first->rows) = *row;
	first->active = active;
}

/* ---- profile ---- */

static void
visit_profile(const ScannedRow *row, void *arg)
{
	First *first = arg;
	ResultRow result = {0};

	if (!scanned_is_of(row, PROFILE_ID, first->id))
		return;
	put_bool(&result, 1, row, PROFILE_ACTIVE);
	put_text(&result, 2, row, PROFILE_ZONE);
	for (int i = 0; i < PROFILE_NLIMITS; i++)
		put_span(&result, 3 + i, row, PROFILE_LIMITS + i);
	put_caps(&result, 3 + PROFILE_NLIMITS, row, PROFILE_CAPS);
	take(first, &result, scanned_bool(row, PROFILE_ACTIVE, true));
}

static bool
read_profile(Datum *args, ResultRows *rows)
{
	First first = {.id = DatumGetUUIDP(args[0]),
				   .rows = rows,
				   .from = 2,
				   .to = 2 + PROFILE_NLIMITS + CAP_NKINDS,
				   .text = 2};
	SourceScan scan = {.role = SOURCE_PROFILES,
					   .key = PROFILE_ID,
					   .id = first.id,
					   .time = -1,
					   .visit = visit_profile,
					   .arg = &first};

	return source_scan(&scan);
}

/* ---- offer ---- */

/* The row of another service says that the stylist is known, and only that. */
static void
visit_offer(const ScannedRow *row, void *arg)
{
	First *first = arg;
	ResultRow result = {.values = {BoolGetDatum(true)}};

	if (!scanned_is_of(row, OFFER_STYLIST, first->id))
		return;
	if (!scanned_is_of(row, OFFER_SERVICE, first->service))
	{
		if (first->rows->n == 0)
			*result_add(first->rows) = (ResultRow){.nulls = {false, true, true, true, true}};
		return;
	}
	if (first->rows->n > 0 && !DatumGetBool(first->rows->rows[0].values[0]))
		first->rows->n = 0;
	put_bool(&result, 2, row, OFFER_ACTIVE);
	put_span(&result, 3, row, OFFER_DURATION);
	put_integer(&result, 4, row, OFFER_PRICE);
	put_integer(&result, 5, row, OFFER_CAPACITY);
	take(first, &result, scanned_bool(row, OFFER_ACTIVE, true));
}

static bool
read_offer(Datum *args, ResultRows *rows)
{
	First first = {.id = DatumGetUUIDP(args[0]),
				   .service = DatumGetUUIDP(args[1]),
				   .rows = rows,
				   .from = 3,
				   .to = 5};
	SourceScan scan = {.role = SOURCE_STYLIST_SERVICES,
					   .key = OFFER_STYLIST,
					   .id = first.id,
					   .time = -1,
					   .visit = visit_offer,
					   .arg = &first};

	return source_scan(&scan);
}

/* ---- service ---- */

static void
visit_service(const ScannedRow *row, void *arg)
{
	First *first = arg;
	ResultRow result = {0};

	if (!scanned_is_of(row, SERVICE_ID, first->id))
		return;
	put_bool(&result, 1, row, SERVICE_ACTIVE);
	put_span(&result, 2, row, SERVICE_DURATION);
	put_integer(&result, 3, row, SERVICE_PRICE);
	put_span(&result, 4, row, SERVICE_NOTICE);
	put_span(&result, 5, row, SERVICE_HORIZON);
	put_integer(&result, 6, row, SERVICE_CAPACITY);
	put_caps(&result, 7, row, SERVICE_CAPS);
	put_span(&result, 7 + CAP_NKINDS, row, SERVICE_STEP);
	put_text(&result, 8 + CAP_NKINDS, row, SERVICE_ALIGNMENT);
	put_bool(&result, 9 + CAP_NKINDS, row, SERVICE_ONLY_CLASSES);
	take(first, &result, scanned_bool(row, SERVICE_ACTIVE, true));
}

static bool
read_service(Datum *args, ResultRows *rows)
{
	First first = {.id = DatumGetUUIDP(args[0]),
				   .rows = rows,
				   .from = 2,
				   .to = 9 + CAP_NKINDS,
				   .text = 8 + CAP_NKINDS};
	SourceScan scan = {.role = SOURCE_SERVICES,
					   .key = SERVICE_ID,
					   .id = first.id,
					   .time = -1,
					   .visit = visit_service,
					   .arg = &first};

	return source_scan(&scan);
}

/* ---- buffers ---- */

typedef struct Longest
{
	const pg_uuid_t *id; /* NULL: any service's */
	bool found;
	ResultRow result;
} Longest;

static void
raise_to(ResultRow *result, int column, const ScannedRow *row, int from)
{
	bool isnull;
	int64 span = scanned_span(row, from, &isnull);

	if (isnull || (!result->nulls[column - 1] && span <= DatumGetInt64(result->values[column - 1])))
		return;
	result->nulls[column - 1] = false;
	result->values[column - 1] = Int64GetDatum(span);
}

static void
visit_buffers(const ScannedRow *row, void *arg)
{
	Longest *longest = arg;

	if (longest->id != NULL && !scanned_is_of(row, SERVICE_ID, longest->id))
		return;
	longest->found = true;
	raise_to(&longest->result, 2, row, SERVICE_BUFFER_BEFORE);
	raise_to(&longest->result, 3, row, SERVICE_BUFFER_AFTER);
}

static SourceScan
scan_of_buffers(Longest *longest, const pg_uuid_t *id)
{
	*longest = (Longest){.id = id, .result.nulls = {false, true, true}};
	return (SourceScan){.role = SOURCE_SERVICES,
						.key = SERVICE_ID,
						.id = id,
						.time = -1,
						.visit = visit_buffers,
						.arg = longest};
}

/* Of several rows of a service the longest. */
static bool
read_buffers(Datum *args, ResultRows *rows)
{
	Datum *ids;
	int n;

	deconstruct_array(DatumGetArrayTypeP(args[0]), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		Longest longest;
		SourceScan scan = scan_of_buffers(&longest, DatumGetUUIDP(ids[i]));

		if (!source_scan(&scan))
			return false;
		if (!longest.found)
			continue;
		longest.result.values[0] = ids[i];
		*result_add(rows) = longest.result;
	}
	return true;
}

static int64
longest_or_none(const ResultRow *result, int column)
{
	return result->nulls[column - 1] ? PG_INT64_MIN : DatumGetInt64(result->values[column - 1]);
}

static bool
read_longest_buffer(Datum *args, ResultRows *rows)
{
	Longest longest;
	SourceScan scan = scan_of_buffers(&longest, NULL);
	ResultRow *result;

	if (!source_scan_whole(&scan))
		return false;
	result = result_add(rows);
	result->nulls[0] = longest.result.nulls[1] && longest.result.nulls[2];
	if (!result->nulls[0])
		result->values[0] = Int64GetDatum(
			Max(longest_or_none(&longest.result, 2), longest_or_none(&longest.result, 3)));
	return true;
}

bool
rule_rows_read(SlotsQuery query, Datum *args, ResultRows *rows)
{
	switch (query)
	{
		case QUERY_PROFILE:
			return read_profile(args, rows);
		case QUERY_OFFER:
			return read_offer(args, rows);
		case QUERY_SERVICE:
			return read_service(args, rows);
		case QUERY_BUFFERS:
			return read_buffers(args, rows);
		case QUERY_LONGEST_BUFFER:
			return read_longest_buffer(args, rows);
		default:
			return false;
	}
}
