/*
 * rules.c
 *		The rules of a stylist's day: what the rules' row, the stylist and the service say.
 *
 * docs/rules.md says what is computed; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "slots/memo.h"
#include "slots/result.h"
#include "slots/rules.h"
#include "slots/sources.h"
#include "slots/tags.h"
#include "slots/zone.h"

#define MAX_DURATION (7 * SECS_PER_DAY)
#define MAX_BUFFER USECS_PER_DAY
#define MIN_STEP USECS_PER_MINUTE
#define MAX_STEP USECS_PER_DAY
/* Keeps sums of instants far from overflow. */
#define MAX_LIMIT (INT64CONST(100000) * USECS_PER_DAY)

void
rules_list_tags(const pg_uuid_t *stylist, const pg_uuid_t *service, Tag tags[RULES_NTAGS])
{
	tags[0] = tag_of_stylist(stylist);
	tags[1] = tag_of_service(service);
}

/* From two columns: the array, and its text. */
static QueryStatuses
read_statuses(int column, int text_column, bool wanted)
{
	QueryStatuses statuses = {.text = result_text(0, text_column), .wanted = wanted};
	bool isnull;
	ArrayType *array = DatumGetArrayTypeP(result_datum(0, column, &isnull));
	Datum *names;
	int n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
		statuses.names = lappend(statuses.names, TextDatumGetCString(names[i]));
	return statuses;
}

static SlotAlignment
alignment_by_name(const char *name)
{
	if (strcmp(name, "break") == 0)
		return ALIGN_TO_BREAK;
	if (strcmp(name, "clock") == 0)
		return ALIGN_TO_CLOCK;
	if (strcmp(name, "opening") != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the service's slot_alignment is not known"),
				errhint("It is opening, break or clock in the table attached as services, or NULL."));
	return ALIGN_TO_OPENING;
}

/* (20), from the first column on; those that are not set stay as they are. */
static void
read_caps(DayRules *rules, CapOwner owner, int column)
{
	for (int kind = 0; kind < CAP_NKINDS; kind++)
	{
		int64 most = result_int64(0, column + kind, PG_INT64_MIN);

		if (most == PG_INT64_MIN)
			continue;
		rules->caps[owner][kind] = Max(most, 0);
		if (owner == CAPS_OF_STYLIST)
			rules->caps_of_rules[kind] = false;
	}
}

static void
read_default_caps(DayRules *rules, int column)
{
	for (int i = 0; i < CAP_NOWNERS * CAP_NKINDS; i++)
		rules->caps[i / CAP_NKINDS][i % CAP_NKINDS] = NO_CAP;
	read_caps(rules, CAPS_OF_STYLIST, column);
	for (int kind = 0; kind < CAP_NKINDS; kind++)
		rules->caps_of_rules[kind] = true;
}

static void
read_row(DayRules *rules)
{
	if (query_run(QUERY_RULES, NULL, NULL) != 1)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("availability_cache.rules has no row"),
				errhint("INSERT INTO availability_cache.rules DEFAULT VALUES brings the defaults back."));
	rules->step = result_int64(0, 1, 0);
	for (int i = 0; i < lengthof(rules->limits); i++)
		rules->limits[i] = result_int64(0, 2 + i, 0);
	rules->default_timezone = result_text(0, 6);
	rules->display_format = result_text(0, 7);
	rules->show_unavailable = result_bool(0, 8, true);
	rules->show_breaks = result_bool(0, 9, true);
	rules->cancelled = read_statuses(10, 12, false);
	rules->blocking = result_text(0, 21) != NULL ? read_statuses(20, 21, true) : rules->cancelled;
	rules->holding = read_statuses(11, 13, true);
	rules->alignment = alignment_by_name(result_text(0, 14));
	rules->show_reasons = result_bool(0, 16, false);
	rules->notice_days = result_int64(0, 17, NO_NOTICE_DAYS);
	rules->notice_cutoff = result_int64(0, 18, 0) / USECS_PER_SEC;
	rules->whole_days = result_bool(0, 19, false);
	rules->caps_together = strcmp(result_text(0, 22), "together") == 0;
	read_default_caps(rules, 23);
	rules->seats_by_time = strcmp(result_text(0, 15), "time") == 0;
}

/* The rules' row, which a session remembers; rules_memo.c has what stylists and services make of it. */
static struct
{
	MemoBase base;
	MemoryContext context; /* of the strings */
	DayRules rules;
} defaults;

/* Into the memo's own memory; it is not in use by another computation, as nothing is remembered then. */
static void
remember_defaults(uint64 clock, const DayRules *rules)
{
	MemoryContext caller;

	if (!memo_rest_on_database(&defaults.base, clock))
		return;
	defaults.base.generation = 0;
	if (defaults.context == NULL)
		defaults.context = AllocSetContextCreate(TopMemoryContext, "availability_cache defaults",
												 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(defaults.context);
	caller = MemoryContextSwitchTo(defaults.context);
	defaults.rules = *rules;
	rules_copy_strings(&defaults.rules);
	MemoryContextSwitchTo(caller);
	defaults.base.generation = sources_generation();
}

static void
read_defaults(uint64 clock, DayRules *rules)
{
	if (memo_is_good(&defaults.base, clock))
	{
		*rules = defaults.rules;
		return;
	}
	read_row(rules);
	remember_defaults(clock, rules);
}

static QueryStatuses
copy_statuses(QueryStatuses statuses)
{
	QueryStatuses copy = {.text = pstrdup(statuses.text), .wanted = statuses.wanted};
	ListCell *cell;

	foreach(cell, statuses.names)
		copy.names = lappend(copy.names, pstrdup(lfirst(cell)));
	return copy;
}

void
rules_copy_strings(DayRules *rules)
{
	rules->default_timezone = pstrdup(rules->default_timezone);
	rules->display_format = pstrdup(rules->display_format);
	rules->cancelled = copy_statuses(rules->cancelled);
	rules->blocking = rules->blocking.wanted ? copy_statuses(rules->blocking) : rules->cancelled;
	rules->holding = copy_statuses(rules->holding);
}

/* Takes over the limits from the first on that a row sets, which start at a column. */
static void
override_limits(DayRules *rules, int first, int column)
{
	for (int i = first; i < NLIMITS; i++)
		rules->limits[i] = result_int64(0, column + i - first, rules->limits[i]);
}

int64
rules_bound_buffer(int64 buffer)
{
	buffer = Min(Max(buffer, 0), MAX_BUFFER);
	return buffer - buffer % USECS_PER_SEC;
}

SlotBuffers
rules_buffers(const DayRules *rules)
{
	return (SlotBuffers){rules->limits[LIMIT_BUFFER_BEFORE], rules->limits[LIMIT_BUFFER_AFTER]};
}

static void
bound_limits(DayRules *rules)
{
	for (int i = 0; i < NLIMITS; i++)
	{
		bool is_buffer = i == LIMIT_BUFFER_BEFORE || i == LIMIT_BUFFER_AFTER;

		rules->limits[i] = is_buffer ? rules_bound_buffer(rules->limits[i])
									 : Min(Max(rules->limits[i], 0), MAX_LIMIT);
	}
}

/* What the column has is not for whoever asks. */
pg_tz *
rules_find_zone(const char *name, const char *whose)
{
	pg_tz *zone = zone_find(name, strlen(name));

	if (zone == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("%s has a time zone that is not known", whose),
				errhint("pg_timezone_names lists the known ones."));
	return zone;
}

pg_tz *
rules_default_zone(const DayRules *rules)
{
	return rules_find_zone(rules->default_timezone, "availability_cache.rules");
}

/* (1) and (3): whether the stylist is known, and what the profile sets. */
static DayError
read_profile(const pg_uuid_t *stylist, DayRules *rules)
{
	Datum args[] = {UUIDPGetDatum(stylist)};
	char *zone = NULL;

	rules->only_classes = false;
	if (source_attached(SOURCE_PROFILES))
	{
		if (query_run(QUERY_PROFILE, NULL, args) == 0 || !result_bool(0, 1, true))
			return DAY_STYLIST_NOT_FOUND;
		zone = result_text(0, 2);
		override_limits(rules, 0, 3);
		read_caps(rules, CAPS_OF_STYLIST, 3 + NLIMITS);
	}
	if (zone != NULL)
		rules->home_zone = rules_find_zone(zone, "the stylist");
	else
		rules->home_zone = rules_default_zone(rules);
	return DAY_OK;
}

/* (4): how many seats there are. */
static int64
read_capacity(int column)
{
	int64 capacity = result_int64(0, column, PG_INT64_MIN);

	return capacity == PG_INT64_MIN ? SEATS_ALONE : Min(Max(capacity, 0), SEATS_MOST);
}

int64
rules_capacity_of(const pg_uuid_t *stylist, const pg_uuid_t *service)
{
	Datum offer_args[] = {UUIDPGetDatum(stylist), UUIDPGetDatum(service)};
	Datum service_args[] = {UUIDPGetDatum(service)};
	int64 capacity = query_run(QUERY_OFFER, NULL, offer_args) == 0 ? SEATS_ALONE : read_capacity(5);

	if (capacity == SEATS_ALONE && query_run(QUERY_SERVICE, NULL, service_args) > 0)
		capacity = read_capacity(6);
	return capacity;
}

/* (5): where slots start. */
static void
read_grid(DayRules *rules, int column)
{
	int64 step = result_int64(0, column, rules->step);
	const char *alignment = result_text(0, column + 1);

	step = Min(Max(step, MIN_STEP), MAX_STEP);
	rules->step = step - step % USECS_PER_SEC;
	if (alignment != NULL)
		rules->alignment = alignment_by_name(alignment);
}

/* (2), (4) and (5): whether the stylist offers the service, and what is particular to it. */
static DayError
read_service(const pg_uuid_t *stylist, const pg_uuid_t *service, DayRules *rules)
{
	Datum offer_args[] = {UUIDPGetDatum(stylist), UUIDPGetDatum(service)};
	Datum service_args[] = {UUIDPGetDatum(service)};
	int64 custom_duration;
	int64 custom_price;
	int64 custom_capacity;

	if (query_run(QUERY_OFFER, NULL, offer_args) == 0)
		return source_attached(SOURCE_PROFILES) ? DAY_SERVICE_NOT_OFFERED : DAY_STYLIST_NOT_FOUND;
	if (!result_bool(0, 1, false) || !result_bool(0, 2, true))
		return DAY_SERVICE_NOT_OFFERED;
	/* Zero is none given. */
	custom_duration = result_int64(0, 3, 0) / USECS_PER_SEC;
	custom_price = result_int64(0, 4, NO_PRICE);
	custom_capacity = read_capacity(5);

	if (query_run(QUERY_SERVICE, NULL, service_args) == 0 || !result_bool(0, 1, true))
		return DAY_SERVICE_NOT_OFFERED;
	rules->duration = custom_duration != 0 ? custom_duration : result_int64(0, 2, 0) / USECS_PER_SEC;
	rules->price = custom_price != NO_PRICE ? custom_price : result_int64(0, 3, NO_PRICE);
	override_limits(rules, LIMIT_NOTICE, 4);
	rules->capacity = custom_capacity != SEATS_ALONE ? custom_capacity : read_capacity(6);
	read_caps(rules, CAPS_OF_SERVICE, 7);
	read_grid(rules, 7 + CAP_NKINDS);
	rules->only_classes = result_bool(0, 9 + CAP_NKINDS, false);
	if (rules->duration <= 0 || rules->duration > MAX_DURATION)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the service's duration is not between one second and seven days"),
				errhint("Correct it in the table attached as services or stylist_services."));
	if (rules->price != NO_PRICE && (rules->price < PG_INT32_MIN || rules->price > PG_INT32_MAX))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the price is out of range for integer"),
				errhint("Correct it in the table attached as services or stylist_services."));
	return DAY_OK;
}

DayError
rules_read(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, DayRules *rules)
{
	DayError error;

	read_defaults(clock, rules);
	if ((error = read_profile(stylist, rules)) != DAY_OK ||
		(error = read_service(stylist, service, rules)) != DAY_OK)
		return error;
	bound_limits(rules);
	return DAY_OK;
}

DayError
rules_read_of_stylist(const pg_uuid_t *stylist, uint64 clock, DayRules *rules)
{
	DayError error;

	read_defaults(clock, rules);
	error = read_profile(stylist, rules);
	bound_limits(rules);
	return error;
}
