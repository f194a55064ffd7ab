/*
 * query_text.c
 *		What is asked of each attached table, as SQL.
 *
 * Each query reads one table, with its partitions and children.  A column
 * that is not mapped reads as NULL.  Statuses are constants in the text, so
 * that partial indexes can serve.  The text names everything in full,
 * operators included.
 *
 * Where some of the rows are picked, or their order matters, the order is a
 * total one of all that is read: where a row lies never decides.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "slots/query_text.h"
#include "slots/sources.h"
#include "slots/span.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define LT " OPERATOR(pg_catalog.<) "
#define LE " OPERATOR(pg_catalog.<=) "
#define GT " OPERATOR(pg_catalog.>) "
#define GE " OPERATOR(pg_catalog.>=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define TIMES " OPERATOR(pg_catalog.*) "

/* Seconds in microseconds; what is beyond all limits stays within int8, and NULL stays NULL. */
#define MICROSECONDS(seconds)                                                        \
	"CASE WHEN %s IS NOT NULL THEN (LEAST(GREATEST(" seconds ", -1e11), 1e11)" TIMES \
	"1000000)::pg_catalog.int8 END"
#define SPAN_OF_INTERVAL MICROSECONDS("pg_catalog.extract('epoch', %s)")
#define SPAN_OF_INTEGER MICROSECONDS("%s::pg_catalog.numeric" TIMES "%d")

static const char *
column_or_null(SourceRole role, const char *name)
{
	const SourceColumn *column = source_column(role, name);

	return column != NULL ? column->quoted : "NULL";
}

static void
append_span(StringInfo text, SourceRole role, const char *name)
{
	const SourceColumn *column = source_column(role, name);

	if (column == NULL)
		appendStringInfoString(text, "NULL::pg_catalog.int8");
	else if (column->type == INTERVALOID)
		appendStringInfo(text, SPAN_OF_INTERVAL, column->quoted, column->quoted);
	else
		appendStringInfo(text, SPAN_OF_INTEGER, column->quoted, column->quoted,
						 span_unit(column->name, name));
}

/* " AND is_active IS NOT FALSE", where there is such a column. */
static void
append_active_filter(StringInfo text, SourceRole role)
{
	const SourceColumn *column = source_column(role, "is_active");

	if (column != NULL)
		appendStringInfo(text, " AND %s IS NOT FALSE", column->quoted);
}

/* The spans of these columns, each after a comma. */
static void
append_spans(StringInfo text, SourceRole role, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(text, ", ");
		append_span(text, role, names[i]);
	}
}

/* What services and stylists may have in place of the rules'. */
static const char *const limits[] = {"buffer_before_minutes", "buffer_after_minutes", "min_notice_minutes",
									 "max_advance_days"};
#define N_BUFFERS 2

/* What caps there are of appointments. */
static const char *const caps[CAP_NKINDS] = {"max_bookings_per_day", "max_bookings_per_week",
											 "max_daily_minutes", "max_weekly_minutes"};

static void
append_caps(StringInfo text, SourceRole role)
{
	for (int kind = 0; kind < CAP_NKINDS; kind++)
	{
		if (cap_is_of_time(kind))
			append_spans(text, role, &caps[kind], 1);
		else
			appendStringInfo(text, ", %s::pg_catalog.int8", column_or_null(role, caps[kind]));
	}
}

/* " ORDER BY active rows first, then column n to m LIMIT 1", where those are all else that is read. */
static void
append_first_row(StringInfo text, SourceRole role, int from, int to)
{
	const SourceColumn *active = source_column(role, "is_active");

	appendStringInfoString(text, " ORDER BY ");
	if (active != NULL)
		appendStringInfo(text, "%s IS NOT FALSE DESC, ", active->quoted);
	for (int i = from; i <= to; i++)
		appendStringInfo(text, "%d, ", i);
	text->len -= strlen(", ");
	appendStringInfoString(text, " LIMIT 1");
}

/* A column of the rules that is not there under the SQL of 1.0.0; its default then. */
static const char *
later_rule(const char *name, const char *otherwise)
{
	return get_attnum(source_relid(SOURCE_RULES), name) != InvalidAttrNumber ? name : otherwise;
}

static void
build_rules(StringInfo text, const QueryStatuses *statuses)
{
	static const char *const spans[] = {"slot_step", "buffer_before", "buffer_after", "min_notice",
										"max_advance"};
	const char *blocking = later_rule("blocking_statuses", "NULL::pg_catalog.text[]");

	appendStringInfoString(text, "SELECT ");
	for (int i = 0; i < lengthof(spans); i++)
		appendStringInfo(text, SPAN_OF_INTERVAL ", ", spans[i], spans[i]);
	appendStringInfo(
		text,
		"default_timezone, display_format, show_unavailable, show_breaks, non_blocking_statuses,"
		" hold_statuses, non_blocking_statuses::pg_catalog.text, hold_statuses::pg_catalog.text, %s, %s, %s, %s::pg_catalog.int8,"
		" (pg_catalog.extract('epoch', %s)" TIMES
		"1000000)::pg_catalog.int8, %s, %s, %s::pg_catalog.text, %s",
		later_rule("slot_alignment", "'opening'::pg_catalog.text"),
		later_rule("seat_sharing", "'slot'::pg_catalog.text"), later_rule("show_reasons", "false"),
		later_rule("notice_days", "NULL"), later_rule("notice_cutoff", "'00:00'::pg_catalog.time"),
		later_rule("advance_whole_days", "false"), blocking, blocking,
		later_rule("service_caps", "'each'::pg_catalog.text"));
	for (int kind = 0; kind < CAP_NKINDS; kind++)
		appendStringInfo(text,
						 cap_is_of_time(kind) ? ", %s::pg_catalog.int8" TIMES "60000000"
											  : ", %s::pg_catalog.int8",
						 later_rule(caps[kind], "NULL"));
	appendStringInfo(text, " FROM %s", source_name(SOURCE_RULES));
}

static void
build_profile(StringInfo text, const QueryStatuses *statuses)
{
	appendStringInfo(text, "SELECT %s::pg_catalog.bool, %s::pg_catalog.text COLLATE pg_catalog.\"C\"",
					 column_or_null(SOURCE_PROFILES, "is_active"),
					 column_or_null(SOURCE_PROFILES, "timezone"));
	append_spans(text, SOURCE_PROFILES, limits, lengthof(limits));
	append_caps(text, SOURCE_PROFILES);
	appendStringInfo(text, " FROM %s WHERE %s" EQ "$1", source_name(SOURCE_PROFILES),
					 column_or_null(SOURCE_PROFILES, "user_id"));
	append_first_row(text, SOURCE_PROFILES, 2, 2 + lengthof(limits) + CAP_NKINDS);
}

/* The row of another service says that the stylist is known, and only that. */
static void
build_offer(StringInfo text, const QueryStatuses *statuses)
{
	const char *relation = source_name(SOURCE_STYLIST_SERVICES);
	const char *stylist = column_or_null(SOURCE_STYLIST_SERVICES, "stylist_user_id");
	const char *service = column_or_null(SOURCE_STYLIST_SERVICES, "service_id");

	appendStringInfo(text, "(SELECT true AS offered, %s::pg_catalog.bool, ",
					 column_or_null(SOURCE_STYLIST_SERVICES, "is_active"));
	append_span(text, SOURCE_STYLIST_SERVICES, "custom_duration_minutes");
	appendStringInfo(text,
					 ", %s::pg_catalog.int8, %s::pg_catalog.int8 FROM %s WHERE %s" EQ "$1 AND %s" EQ "$2",
					 column_or_null(SOURCE_STYLIST_SERVICES, "custom_price_cents"),
					 column_or_null(SOURCE_STYLIST_SERVICES, "capacity"), relation, stylist, service);
	append_first_row(text, SOURCE_STYLIST_SERVICES, 3, 5);
	appendStringInfo(text,
					 ") UNION ALL (SELECT false, NULL, NULL, NULL, NULL FROM %s WHERE %s" EQ "$1 LIMIT 1)"
					 " ORDER BY offered DESC LIMIT 1",
					 relation, stylist);
}

static void
build_stylists(StringInfo text, const QueryStatuses *statuses)
{
	const char *stylist = column_or_null(SOURCE_STYLIST_SERVICES, "stylist_user_id");
	const SourceColumn *active = source_column(SOURCE_STYLIST_SERVICES, "is_active");

	appendStringInfo(text, "SELECT DISTINCT %s FROM %s WHERE %s" EQ "$1 AND %s IS NOT NULL", stylist,
					 source_name(SOURCE_STYLIST_SERVICES),
					 column_or_null(SOURCE_STYLIST_SERVICES, "service_id"), stylist);
	if (active != NULL)
		appendStringInfo(text, " AND %s IS NOT FALSE", active->quoted);
	appendStringInfoString(text, " ORDER BY 1 LIMIT $2");
}

static void
build_offers(StringInfo text, const QueryStatuses *statuses)
{
	const char *stylist = column_or_null(SOURCE_STYLIST_SERVICES, "stylist_user_id");
	const char *service = column_or_null(SOURCE_STYLIST_SERVICES, "service_id");

	appendStringInfo(text, "SELECT DISTINCT %s, %s FROM %s WHERE %s IS NOT NULL AND %s IS NOT NULL", stylist,
					 service, source_name(SOURCE_STYLIST_SERVICES), stylist, service);
	append_active_filter(text, SOURCE_STYLIST_SERVICES);
	appendStringInfoString(text, " ORDER BY 1, 2 LIMIT $1");
}

static void
build_service(StringInfo text, const QueryStatuses *statuses)
{
	appendStringInfo(text, "SELECT %s::pg_catalog.bool, ", column_or_null(SOURCE_SERVICES, "is_active"));
	append_span(text, SOURCE_SERVICES, "duration_minutes");
	appendStringInfo(text, ", %s::pg_catalog.int8", column_or_null(SOURCE_SERVICES, "price_cents"));
	append_spans(text, SOURCE_SERVICES, limits + N_BUFFERS, lengthof(limits) - N_BUFFERS);
	appendStringInfo(text, ", %s::pg_catalog.int8", column_or_null(SOURCE_SERVICES, "capacity"));
	append_caps(text, SOURCE_SERVICES);
	appendStringInfoString(text, ", ");
	append_span(text, SOURCE_SERVICES, "slot_step_minutes");
	appendStringInfo(text, ", %s::pg_catalog.text COLLATE pg_catalog.\"C\"",
					 column_or_null(SOURCE_SERVICES, "slot_alignment"));
	appendStringInfo(text, ", %s::pg_catalog.bool FROM %s WHERE %s" EQ "$1",
					 column_or_null(SOURCE_SERVICES, "only_classes"), source_name(SOURCE_SERVICES),
					 column_or_null(SOURCE_SERVICES, "id"));
	append_first_row(text, SOURCE_SERVICES, 2, 4 + lengthof(limits) - N_BUFFERS + CAP_NKINDS + 3);
}

/* Of several rows of a service the longest, whether active or not: it depends on nothing but the buffers. */
static void
build_buffers(StringInfo text, const QueryStatuses *statuses)
{
	const char *id = column_or_null(SOURCE_SERVICES, "id");

	appendStringInfo(text, "SELECT %s::pg_catalog.uuid", id);
	for (int i = 0; i < N_BUFFERS; i++)
	{
		appendStringInfoString(text, ", pg_catalog.max(");
		append_span(text, SOURCE_SERVICES, limits[i]);
		appendStringInfoChar(text, ')');
	}
	appendStringInfo(text, " FROM %s WHERE %s" EQ "ANY ($1) GROUP BY 1", source_name(SOURCE_SERVICES), id);
}

static void
build_longest_buffer(StringInfo text, const QueryStatuses *statuses)
{
	appendStringInfoString(text, "SELECT GREATEST(pg_catalog.max(");
	append_span(text, SOURCE_SERVICES, limits[0]);
	appendStringInfoString(text, "), pg_catalog.max(");
	append_span(text, SOURCE_SERVICES, limits[1]);
	appendStringInfo(text, ")) FROM %s", source_name(SOURCE_SERVICES));
}

static void
build_schedule(StringInfo text, const QueryStatuses *statuses)
{
	const char *dow = column_or_null(SOURCE_SCHEDULES, "day_of_week");
	const SourceColumn *from = source_column(SOURCE_SCHEDULES, "effective_from");
	const SourceColumn *until = source_column(SOURCE_SCHEDULES, "effective_until");
	const SourceColumn *service = source_column(SOURCE_SCHEDULES, "service_id");

	appendStringInfo(text,
					 "SELECT %s, %s, %s::pg_catalog.time, %s::pg_catalog.time, %s IS NOT NULL,"
					 " COALESCE(%s" EQ "$2 OR %s" EQ
					 "$3, false), %s::pg_catalog.int8, COALESCE(%s::pg_catalog.date, %s)"
					 " FROM %s WHERE %s" EQ "$1",
					 column_or_null(SOURCE_SCHEDULES, "start_time"),
					 column_or_null(SOURCE_SCHEDULES, "end_time"),
					 column_or_null(SOURCE_SCHEDULES, "break_start_time"),
					 column_or_null(SOURCE_SCHEDULES, "break_end_time"),
					 column_or_null(SOURCE_SCHEDULES, "service_id"), dow, dow,
					 column_or_null(SOURCE_SCHEDULES, "interval_weeks"),
					 column_or_null(SOURCE_SCHEDULES, "interval_from"),
					 column_or_null(SOURCE_SCHEDULES, "effective_from"), source_name(SOURCE_SCHEDULES),
					 column_or_null(SOURCE_SCHEDULES, "stylist_user_id"));
	if (service != NULL)
		appendStringInfo(text, " AND (%s" EQ "$5 OR (%s IS NULL AND (%s" EQ "$2 OR %s" EQ "$3)))",
						 service->quoted, service->quoted, dow, dow);
	else
		appendStringInfo(text, " AND (%s" EQ "$2 OR %s" EQ "$3)", dow, dow);
	append_active_filter(text, SOURCE_SCHEDULES);
	if (from != NULL)
		appendStringInfo(text, " AND (%s IS NULL OR %s" LE "$4)", from->quoted, from->quoted);
	if (until != NULL)
		appendStringInfo(text, " AND (%s IS NULL OR %s" GE "$4)", until->quoted, until->quoted);
}

/* A row is of all stylists that names none, or that says so; it has no zone. */
static void
build_overrides(StringInfo text, const QueryStatuses *statuses)
{
	const char *opens = column_or_null(SOURCE_OVERRIDES, "start_time");
	const char *closes = column_or_null(SOURCE_OVERRIDES, "end_time");
	const char *stylist = column_or_null(SOURCE_OVERRIDES, "stylist_user_id");
	const char *first = column_or_null(SOURCE_OVERRIDES, "override_date");
	const SourceColumn *last = source_column(SOURCE_OVERRIDES, "end_date");
	const SourceColumn *closed = source_column(SOURCE_OVERRIDES, "is_closed");
	const SourceColumn *to_all = source_column(SOURCE_OVERRIDES, "applies_to_all");
	const SourceColumn *zone = source_column(SOURCE_OVERRIDES, "timezone");
	const char *of_all = to_all == NULL ? psprintf("(%s IS NULL)", stylist)
										: psprintf("(%s IS NULL OR %s IS TRUE)", stylist, to_all->quoted);

	appendStringInfo(text, "SELECT %s::pg_catalog.int8, %s", column_or_null(SOURCE_OVERRIDES, "priority"),
					 of_all);
	if (closed != NULL)
		appendStringInfo(text, ", %s IS TRUE", closed->quoted);
	else
	{
		appendStringInfo(text, ", %s IS NULL AND %s IS NULL", opens, closes);
		if (zone != NULL)
			appendStringInfo(text, " AND (%s IS NULL OR %s)", zone->quoted, of_all);
	}
	appendStringInfo(text, ", %s::pg_catalog.time, %s::pg_catalog.time, ", opens, closes);
	if (zone != NULL)
		appendStringInfo(text, "CASE WHEN NOT %s THEN %s::pg_catalog.text END COLLATE pg_catalog.\"C\"",
						 of_all, zone->quoted);
	else
		appendStringInfoString(text, "NULL::pg_catalog.text");
	appendStringInfo(text, " FROM %s WHERE (%s" EQ "$1 OR %s IS NULL", source_name(SOURCE_OVERRIDES), stylist,
					 stylist);
	if (to_all != NULL)
		appendStringInfo(text, " OR %s", to_all->quoted);
	appendStringInfo(text, ") AND %s" LE "$2", first);
	if (last != NULL)
		appendStringInfo(text, " AND COALESCE(%s, %s)" GE "$2", last->quoted, first);
	else
		appendStringInfo(text, " AND %s" EQ "$2", first);
	append_active_filter(text, SOURCE_OVERRIDES);
	appendStringInfoString(text, " ORDER BY 1 DESC NULLS LAST, 2, ");
	if (source_column(SOURCE_OVERRIDES, "created_at") != NULL)
		appendStringInfo(text, "%s DESC NULLS LAST, ", column_or_null(SOURCE_OVERRIDES, "created_at"));
	appendStringInfoString(text, "3 DESC, 4, 5, 6");
}

/* The statuses as a literal array; of an enum, only those that it has. */
static char *
status_array(const SourceColumn *column, const List *statuses)
{
	Datum *names = palloc(Max(list_length(statuses), 1) * sizeof(Datum));
	bool is_enum = type_is_enum(column->type);
	int n = 0;
	ListCell *cell;
	ArrayType *array;
	char *shown;

	foreach(cell, statuses)
	{
		const char *name = lfirst(cell);

		if (is_enum &&
			(strlen(name) >= NAMEDATALEN ||
			 !SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(column->type), CStringGetDatum(name))))
			continue;
		names[n++] = CStringGetTextDatum(name);
	}
	if (n == 0)
		return NULL;
	array = construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
	shown = OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
	return psprintf("%s::%s[]", quote_literal_cstr(shown),
					is_enum ? format_type_be_qualified(column->type) : "pg_catalog.text");
}

static const char *
status_value(const SourceColumn *column)
{
	return type_is_enum(column->type)
			   ? psprintf("%s::%s", column->quoted, format_type_be_qualified(column->type))
			   : psprintf("%s::pg_catalog.text", column->quoted);
}

/* Where there is no such column all count. */
static void
append_status_filter(StringInfo text, SourceRole role, const QueryStatuses *statuses)
{
	const SourceColumn *column = source_column(role, "status");
	const char *array = column != NULL ? status_array(column, statuses->names) : NULL;

	if (column == NULL || (array == NULL && !statuses->wanted))
		return;
	if (array == NULL)
		appendStringInfoString(text, " AND false");
	else if (statuses->wanted)
		appendStringInfo(text, " AND %s" EQ "ANY (%s)", status_value(column), array);
	else if (column->not_null)
		appendStringInfo(text, " AND %s" NE "ALL (%s)", status_value(column), array);
	else
		appendStringInfo(text, " AND (%s IS NULL OR %s" NE "ALL (%s))", column->quoted, status_value(column),
						 array);
}

/*
 * Bookings of at most a day are found by their start; longer ones, of which
 * there are few, by an index that holds only them.  So the cost does not grow
 * with a stylist's past or future.
 */
static void
build_bookings(StringInfo text, const QueryStatuses *statuses)
{
	const char *relation = source_name(SOURCE_BOOKINGS);
	const char *stylist = column_or_null(SOURCE_BOOKINGS, "stylist_user_id");
	const char *start = column_or_null(SOURCE_BOOKINGS, "start_time");
	const char *end = column_or_null(SOURCE_BOOKINGS, "end_time");
	const char *service = column_or_null(SOURCE_BOOKINGS, "service_id");
	const char *seats = column_or_null(SOURCE_BOOKINGS, "seats");

	appendStringInfo(text,
					 "SELECT %s, %s, %s::pg_catalog.uuid, %s::pg_catalog.int8 FROM %s WHERE %s" EQ
					 "$1 AND %s" GE "$3 AND %s" LT "$4"
					 " AND %s" GT "$2 AND %s" GT "%s",
					 start, end, service, seats, relation, stylist, start, start, end, end, start);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
	appendStringInfo(text,
					 " UNION ALL SELECT %s, %s, %s::pg_catalog.uuid, %s::pg_catalog.int8 FROM %s WHERE %s" EQ
					 "$1 AND %s" GT "$2 AND %s" LT "$3 AND (%s AT TIME ZONE 'UTC')" GT
					 "((%s AT TIME ZONE 'UTC')" PLUS "'1 day'::pg_catalog.interval)",
					 start, end, service, seats, relation, stylist, end, start, end, start);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
}

static void
build_counts(StringInfo text, const QueryStatuses *statuses)
{
	const char *stylist = column_or_null(SOURCE_BOOKINGS, "stylist_user_id");
	const char *start = column_or_null(SOURCE_BOOKINGS, "start_time");

	appendStringInfo(text,
					 "SELECT %s, pg_catalog.count(*) FROM %s WHERE %s" EQ "ANY ($1) AND %s" GE "$2 AND %s" LT
					 "$3 AND %s" GT "%s",
					 stylist, source_name(SOURCE_BOOKINGS), stylist, start, start,
					 column_or_null(SOURCE_BOOKINGS, "end_time"), start);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
	appendStringInfo(text, " GROUP BY %s", stylist);
}

/* Holds that have expired by then are none. */
static void
append_holding_filter(StringInfo text, const QueryStatuses *holding, const char *now)
{
	const SourceColumn *expires = source_column(SOURCE_RESERVATIONS, "expires_at");

	append_status_filter(text, SOURCE_RESERVATIONS, holding);
	if (expires != NULL)
		appendStringInfo(text, " AND (%s IS NULL OR %s" GT "%s)", expires->quoted, expires->quoted, now);
}

static void
append_holds(StringInfo text)
{
	appendStringInfo(
		text, "SELECT %s, %s, %s::pg_catalog.uuid, %s::pg_catalog.timestamptz, %s::pg_catalog.int8 FROM %s",
		column_or_null(SOURCE_RESERVATIONS, "start_time"), column_or_null(SOURCE_RESERVATIONS, "end_time"),
		column_or_null(SOURCE_RESERVATIONS, "service_id"), column_or_null(SOURCE_RESERVATIONS, "expires_at"),
		column_or_null(SOURCE_RESERVATIONS, "seats"), source_name(SOURCE_RESERVATIONS));
}

static void
build_holds(StringInfo text, const QueryStatuses *statuses)
{
	const char *start = column_or_null(SOURCE_RESERVATIONS, "start_time");
	const char *end = column_or_null(SOURCE_RESERVATIONS, "end_time");

	append_holds(text);
	appendStringInfo(text, " WHERE %s" EQ "$1 AND %s" GT "$2 AND %s" LT "$3 AND %s" GT "%s",
					 column_or_null(SOURCE_RESERVATIONS, "stylist_user_id"), end, start, end, start);
	append_holding_filter(text, statuses, "$4");
}

/* Where no service is known, none is of this one. */
static void
append_of_service(StringInfo text, SourceRole role)
{
	const SourceColumn *service = source_column(role, "service_id");
	const char *start = column_or_null(role, "start_time");

	if (service == NULL)
		appendStringInfoString(text, " WHERE $1 IS NULL");
	else
		appendStringInfo(text, " WHERE %s" EQ "$1", service->quoted);
	appendStringInfo(text, " AND %s" GE "$2 AND %s" LT "$3 AND %s" GT "%s AND %s IS NOT NULL", start, start,
					 column_or_null(role, "end_time"), start, column_or_null(role, "stylist_user_id"));
}

static void
build_bookings_of_service(StringInfo text, const QueryStatuses *statuses)
{
	appendStringInfo(text, "SELECT %s, %s, %s::pg_catalog.uuid, %s::pg_catalog.int8 FROM %s",
					 column_or_null(SOURCE_BOOKINGS, "start_time"),
					 column_or_null(SOURCE_BOOKINGS, "end_time"),
					 column_or_null(SOURCE_BOOKINGS, "service_id"), column_or_null(SOURCE_BOOKINGS, "seats"),
					 source_name(SOURCE_BOOKINGS));
	append_of_service(text, SOURCE_BOOKINGS);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
}

static void
build_holds_of_service(StringInfo text, const QueryStatuses *statuses)
{
	append_holds(text);
	append_of_service(text, SOURCE_RESERVATIONS);
	append_holding_filter(text, statuses, "$4");
}

/* ---- classes ---- */

/* By their start: none counts that is longer than from the second parameter to the third. */
static void
build_classes(StringInfo text, const QueryStatuses *statuses)
{
	const char *start = column_or_null(SOURCE_CLASSES, "start_time");
	const char *end = column_or_null(SOURCE_CLASSES, "end_time");

	appendStringInfo(text,
					 "SELECT %s, %s, %s, %s::pg_catalog.int8 FROM %s WHERE %s" EQ "$1 AND %s" GE
					 "$2 AND %s" LT "$4 AND %s" GT "$3",
					 start, end, column_or_null(SOURCE_CLASSES, "service_id"),
					 column_or_null(SOURCE_CLASSES, "seats"), source_name(SOURCE_CLASSES),
					 column_or_null(SOURCE_CLASSES, "stylist_user_id"), start, start, end);
	append_status_filter(text, SOURCE_CLASSES, statuses);
	append_active_filter(text, SOURCE_CLASSES);
}

/* ---- resources ---- */

static void
build_resources(StringInfo text, const QueryStatuses *statuses)
{
	const char *id = column_or_null(SOURCE_RESOURCES, "id");
	const char *kind = column_or_null(SOURCE_RESOURCES, "kind");

	appendStringInfo(
		text,
		"SELECT DISTINCT %s::pg_catalog.uuid, %s::pg_catalog.text COLLATE pg_catalog.\"C\" FROM %s"
		" WHERE %s IS NOT NULL AND %s IS NOT NULL",
		id, kind, source_name(SOURCE_RESOURCES), id, kind);
	append_active_filter(text, SOURCE_RESOURCES);
	appendStringInfoString(text, " ORDER BY 1, 2");
}

/* Of several rows of a service those that name a kind, active or not: changes of others change nothing. */
static void
build_needs(StringInfo text, const QueryStatuses *statuses)
{
	const char *id = column_or_null(SOURCE_SERVICES, "id");
	const char *kind = column_or_null(SOURCE_SERVICES, "resource_kind");

	appendStringInfo(
		text,
		"SELECT %s::pg_catalog.uuid, pg_catalog.min(%s::pg_catalog.text COLLATE pg_catalog.\"C\") FROM %s"
		" WHERE %s IS NOT NULL AND %s IS NOT NULL GROUP BY 1 ORDER BY 1",
		id, kind, source_name(SOURCE_SERVICES), id, kind);
}

/* Of bookings or holds: who they are of, when, what they take; and that they take what is asked for. */
static void
append_takings(StringInfo text, SourceRole role)
{
	const char *stylist = column_or_null(role, "stylist_user_id");
	const char *service = column_or_null(role, "service_id");
	const char *resource = column_or_null(role, "resource_id");
	const char *start = column_or_null(role, "start_time");
	const char *end = column_or_null(role, "end_time");

	appendStringInfo(text, "SELECT %s::pg_catalog.uuid, %s, %s, %s::pg_catalog.uuid, %s::pg_catalog.uuid",
					 stylist, start, end, service, resource);
	if (role == SOURCE_RESERVATIONS)
		appendStringInfo(text, ", %s::pg_catalog.timestamptz", column_or_null(role, "expires_at"));
	appendStringInfo(text, " FROM %s WHERE (%s" EQ "ANY ($1)", source_name(role), resource);
	if (source_column(role, "service_id") != NULL)
		appendStringInfo(text, " OR %s IS NULL AND %s" EQ "ANY ($2)", resource, service);
	appendStringInfo(text, ") AND %s IS NOT NULL AND %s" GT "$3 AND %s" GT "%s", stylist, end, end, start);
}

/* In two parts, as bookings. */
static void
build_takings(StringInfo text, const QueryStatuses *statuses)
{
	const char *start = column_or_null(SOURCE_BOOKINGS, "start_time");
	const char *end = column_or_null(SOURCE_BOOKINGS, "end_time");

	append_takings(text, SOURCE_BOOKINGS);
	appendStringInfo(text, " AND %s" GE "$4 AND %s" LT "$5", start, start);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
	appendStringInfoString(text, " UNION ALL ");
	append_takings(text, SOURCE_BOOKINGS);
	appendStringInfo(text,
					 " AND %s" LT "$4 AND (%s AT TIME ZONE 'UTC')" GT "((%s AT TIME ZONE 'UTC')" PLUS
					 "'1 day'::pg_catalog.interval)",
					 start, end, start);
	append_status_filter(text, SOURCE_BOOKINGS, statuses);
}

static void
build_held_takings(StringInfo text, const QueryStatuses *statuses)
{
	append_takings(text, SOURCE_RESERVATIONS);
	appendStringInfo(text, " AND %s" LT "$4", column_or_null(SOURCE_RESERVATIONS, "start_time"));
	append_holding_filter(text, statuses, "$5");
}

void
query_text(SlotsQuery query, const QueryStatuses *statuses, StringInfo text)
{
	static void (*const build[NQUERIES])(StringInfo, const QueryStatuses *) = {
		[QUERY_RULES] = build_rules,
		[QUERY_PROFILE] = build_profile,
		[QUERY_OFFER] = build_offer,
		[QUERY_STYLISTS] = build_stylists,
		[QUERY_OFFERS] = build_offers,
		[QUERY_SERVICE] = build_service,
		[QUERY_BUFFERS] = build_buffers,
		[QUERY_LONGEST_BUFFER] = build_longest_buffer,
		[QUERY_SCHEDULE] = build_schedule,
		[QUERY_OVERRIDES] = build_overrides,
		[QUERY_BOOKINGS] = build_bookings,
		[QUERY_HOLDS] = build_holds,
		[QUERY_BOOKINGS_OF_SERVICE] = build_bookings_of_service,
		[QUERY_HOLDS_OF_SERVICE] = build_holds_of_service,
		[QUERY_COUNTS] = build_counts,
		[QUERY_RESOURCES] = build_resources,
		[QUERY_NEEDS] = build_needs,
		[QUERY_TAKINGS] = build_takings,
		[QUERY_HELD_TAKINGS] = build_held_takings,
		[QUERY_CLASSES] = build_classes,
	};

	build[query](text, statuses);
}
