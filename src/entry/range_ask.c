/*
 * range_ask.c
 *		What is asked about several days or stylists, looked at and answered as of one moment.
 *
 * An answer is made of stylists' days, each from memory where that is exact,
 * all as of one moment (cache/readpath).  Dates are the customer's, and the
 * days are the stylists': a customer's date needs those around it, for the
 * zones, and for windows that go past midnight.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guard.h"
#include "cache/counters.h"
#include "entry/http.h"
#include "entry/range_ask.h"
#include "entry/range_own.h"
#include "entry/rpc.h"
#include "slots/answer.h"
#include "slots/guard_rules.h"
#include "slots/json.h"
#include "slots/jsonb.h"
#include "slots/team.h"
#include "slots/text.h"

bool
ask_fail(Ask *ask, const char *code, const char *message)
{
	ask->code = code;
	ask->message = message;
	return false;
}

bool
ask_fail_argument(Ask *ask, const char *message)
{
	return ask_fail(ask, rpc_error_code(DAY_INVALID_ARGUMENT), message);
}

/* ---- arguments ---- */

bool
ask_look_at_dates(FunctionCallInfo fcinfo, int first, Ask *ask)
{
	if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
		return ask_fail_argument(ask, "service, from and to must be given");
	ask->from = PG_GETARG_DATEADT(first);
	ask->to = PG_GETARG_DATEADT(first + 1);
	if (ask->from < DAY_FIRST || ask->from > DAY_LAST || ask->to < DAY_FIRST || ask->to > DAY_LAST)
		return ask_fail_argument(ask, "dates must be between 1900-01-01 and 9998-12-31");
	if (ask->to < ask->from)
		return ask_fail_argument(ask, "the range ends before it begins");
	if (ask->to - ask->from >= RANGE_MAX_DAYS)
		return ask_fail_argument(ask, psprintf("the range is of %d days; %d are the most",
											   ask->to - ask->from + 1, RANGE_MAX_DAYS));
	return true;
}

static void
add_stylist(Ask *ask, const pg_uuid_t *stylist)
{
	for (int i = 0; i < ask->nstylists; i++)
	{
		if (memcmp(&ask->stylists[i], stylist, UUID_LEN) == 0)
			return;
	}
	ask->stylists[ask->nstylists++] = *stylist;
}

bool
ask_look_at_stylists(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	ArrayType *array;
	Datum *values;
	bool *nulls;
	int n;

	ask->stylists = palloc((RANGE_MAX_STYLISTS + 1) * sizeof(pg_uuid_t));
	ask->left_out = palloc0((RANGE_MAX_STYLISTS + 1) * sizeof(bool));
	ask->named = !PG_ARGISNULL(arg);
	if (!ask->named)
		return true;
	array = PG_GETARG_ARRAYTYPE_P(arg);
	deconstruct_array(array, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &values, &nulls, &n);
	if (n == 0)
		return ask_fail_argument(ask, "the list of stylists is empty; NULL means all who offer the service");
	if (n > RANGE_MAX_STYLISTS)
		return ask_fail_argument(ask,
								 psprintf("%d stylists are listed; %d are the most", n, RANGE_MAX_STYLISTS));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			return ask_fail_argument(ask, "a stylist in the list is NULL");
		add_stylist(ask, DatumGetUUIDP(values[i]));
	}
	return true;
}

static bool
look_at_match(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	char *match = PG_ARGISNULL(arg) ? "any" : text_to_cstring(PG_GETARG_TEXT_PP(arg));

	ask->needs_all = strcmp(match, "all") == 0;
	if (!ask->needs_all && strcmp(match, "any") != 0)
		return ask_fail_argument(ask,
								 psprintf("p_match is 'any' or 'all', not %s", quote_literal_cstr(match)));
	return true;
}

static bool
look_at_duration(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	Interval *duration;
	int64 span;

	ask->duration = 0;
	if (PG_ARGISNULL(arg))
		return true;
	duration = PG_GETARG_INTERVAL_P(arg);
	if (duration->month != 0 || duration->day < 0 || duration->day > 7 || duration->time > 7 * USECS_PER_DAY)
		return ask_fail_argument(ask, "a duration is of 1 second to 7 days");
	span = (duration->day * USECS_PER_DAY + duration->time) / USECS_PER_SEC;
	if (span < 1 || span > 7 * SECS_PER_DAY)
		return ask_fail_argument(ask, "a duration is of 1 second to 7 days");
	ask->duration = span;
	return true;
}

bool
ask_look_at_zone(FunctionCallInfo fcinfo, int arg, Ask *ask)
{
	ask->collation = PG_GET_COLLATION();
	ask->zone = NULL;
	ask->zone_name = PG_ARGISNULL(arg) ? NULL : PG_GETARG_TEXT_PP(arg);
	if (ask->zone_name != NULL && (ask->zone = rpc_customer_zone(ask->zone_name)) == NULL)
		return ask_fail(ask, rpc_error_code(DAY_INVALID_TIMEZONE), rpc_unknown_zone(ask->zone_name));
	return true;
}

bool
ask_look_at_wishes(FunctionCallInfo fcinfo, int first, Ask *ask)
{
	if (!ask_look_at_stylists(fcinfo, first, ask) || !ask_look_at_zone(fcinfo, first + 1, ask) ||
		!look_at_match(fcinfo, first + 2, ask) || !look_at_duration(fcinfo, first + 4, ask))
		return false;
	ask->seats = PG_ARGISNULL(first + 3) ? 1 : PG_GETARG_INT32(first + 3);
	if (ask->seats < 1 || ask->seats > SEATS_MOST)
		return ask_fail_argument(ask, psprintf("p_seats is 1 to %d", SEATS_MOST));
	ask->except = PG_ARGISNULL(first + 5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(first + 5));
	return true;
}

bool
ask_look_at_service(FunctionCallInfo fcinfo, Ask *ask)
{
	if (PG_ARGISNULL(0))
		return ask_fail_argument(ask, "the service must be given");
	ask->service = *PG_GETARG_UUID_P(0);
	return true;
}

/* ---- who, and what is left out ---- */

static void
read_team(void *arg)
{
	Ask *ask = arg;

	ask->nstylists = team_read(&ask->service, ask->stylists, RANGE_MAX_STYLISTS + 1);
}

static void
read_booking(void *arg)
{
	Ask *ask = arg;
	const char *problem = NULL;

	ask->has_except = team_read_booking(ask->except, &ask->booking, &problem);
	if (problem != NULL)
		(void) ask_fail_argument(ask, problem);
}

/* Reports an error to the log, as v2 does. */
bool
ask_fail_by_error(Ask *ask, const ErrorData *error)
{
	int class = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (class == ERRCODE_DATA_EXCEPTION)
		return ask_fail_argument(ask, "no booking's primary key reads so");
	ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
			errmsg("%s could not compute: %s", ask->name, error->message),
			error->hint ? errhint("%s", error->hint) : 0);
	return ask_fail(ask, rpc_error_code(DAY_INTERNAL_ERROR),
					error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
						? error->message
						: rpc_error_message(DAY_INTERNAL_ERROR));
}

bool
ask_find_stylists(Ask *ask)
{
	ErrorData *error;

	if (ask->named)
		return true;
	error = guarded(read_team, ask);
	if (error != NULL)
		return ask_fail_by_error(ask, error);
	if (ask->nstylists == 0)
		return ask_fail(ask, rpc_error_code(DAY_SERVICE_NOT_OFFERED), "nobody offers the service");
	if (ask->nstylists > RANGE_MAX_STYLISTS)
		return ask_fail_argument(ask, psprintf("more than %d stylists offer the service; list some",
											   RANGE_MAX_STYLISTS));
	return true;
}

static bool
find_booking(Ask *ask)
{
	ErrorData *error;

	ask->has_except = false;
	if (ask->except == NULL)
		return true;
	error = guarded(read_booking, ask);
	return error == NULL ? ask->code == NULL : ask_fail_by_error(ask, error);
}

/* ---- days ---- */

/*
 * The stylists' dates, whatever their zones, of which a slot may start on the
 * customer's: it starts on its date or the one after, by that date's clock.
 */
static void
find_days(const Ask *ask, DateADT *first, DateADT *last)
{
	int64 begins = ask->from * (int64) SECS_PER_DAY - ASK_MOST_AHEAD;
	int64 ends = (ask->to + 1) * (int64) SECS_PER_DAY + ASK_MOST_BEHIND;

	if (ask->zone != NULL)
	{
		begins = zone_to_instant(ask->zone, ask->from, 0) / USECS_PER_SEC;
		/* A clock that goes back over midnight reads the date again. */
		ends = zone_to_instant(ask->zone, ask->to + 1, 0) / USECS_PER_SEC + 2 * SECS_PER_HOUR;
	}
	*first = day_of(begins - 2 * SECS_PER_DAY - ASK_MOST_BEHIND) + 1;
	*last = -day_of(-(ends + ASK_MOST_AHEAD)) - 1;
	*first = Max(*first, DAY_FIRST);
	*last = Min(*last, DAY_LAST);
}

/* Whether a day would be another without the booking. */
static bool
concerns_booking(const Ask *ask, const DayRequest *day, const char *packed)
{
	DayRequest of = {.date = day->date};

	if (!ask->has_except)
		return false;
	/* It may be counted with this stylist's. */
	if (guard_rules()->caps_together && ask->booking.has_service &&
		memcmp(&ask->booking.service, &ask->service, UUID_LEN) == 0)
		return true;
	/* What takes a resource matters to all who offer a service that needs one. */
	if (!ask->booking.takes_resource && memcmp(&ask->booking.stylist, &day->stylist, UUID_LEN) != 0)
		return false;
	/* Those that are longer matter to other days too. */
	if (ask->booking.at.start == DT_NOBEGIN || ask->booking.at.end == DT_NOEND ||
		ask->booking.at.end - ask->booking.at.start > USECS_PER_DAY)
		return true;
	day_days_of_answer(&of, packed);
	return utc_day_of(ask->booking.at.start) <= of.last_day &&
		   utc_day_of(ask->booking.at.end - 1) >= of.first_day;
}

/* Who is not there is named, or left out if nobody asked for them by name. */
static bool
fail_by_day(Ask *ask, int stylist, DayError error, const char *message)
{
	if (error == DAY_INTERNAL_ERROR)
		return ask_fail(ask, rpc_error_code(error), message != NULL ? message : rpc_error_message(error));
	if (!ask->named || (ask->skips && error == DAY_SERVICE_NOT_OFFERED))
	{
		ask->left_out[stylist] = true;
		return true;
	}
	if (ask->code == NULL)
		return ask_fail(ask, rpc_error_code(error), rpc_error_message(error));
	return false;
}

/* The answer is from memory, and holds, as far as each of its days does. */
static void
note_day(Ask *ask, bool hit, TimestampTz computed_at, TimestampTz valid_until)
{
	ask->outcome.hit = ask->outcome.hit && hit;
	ask->outcome.computed_at = Min(ask->outcome.computed_at, computed_at);
	ask->valid_until = Min(ask->valid_until, valid_until);
}

/* By a function of one's own; what it says of a stylist is its own, and stands. */
static bool
answer_own_day(Ask *ask, int stylist, DayRequest *day, RangeSet *set)
{
	OwnDay own = {.name = ask->name,
				  .stylist = ask->stylists[stylist],
				  .service = ask->service,
				  .date = day->date,
				  .collation = ask->collation,
				  .zone = ask->zone_name};

	range_own_add(set, stylist, &own);
	day->error = own.code == NULL ? DAY_OK : DAY_INTERNAL_ERROR;
	if (own.code != NULL)
		return ask_fail(ask, own.code, own.message);
	ask->varies = ask->varies || own.varies;
	note_day(ask, own.hit, own.computed_at, own.valid_until);
	return true;
}

static bool
answer_day(Ask *ask, int stylist, DayRequest *day, RangeSet *set)
{
	DayAnswer answer;

	if (ask->own_rules)
		return answer_own_day(ask, stylist, day, set);
	day->stylist = ask->stylists[stylist];
	day->except = NULL;
	rpc_answer_day(day, ask->name, &answer);
	if (day->error == DAY_OK && concerns_booking(ask, day, answer.packed))
	{
		day->except = &ask->booking;
		rpc_answer_day(day, ask->name, &answer);
	}
	if (day->error != DAY_OK)
		return fail_by_day(ask, stylist, day->error, answer.message);
	note_day(ask, answer.hit, answer_header(answer.packed).computed_at, answer.valid_until);
	range_add_day(set, stylist, day->date, answer.packed);
	return true;
}

/* Of the first day, where who is not there is found: all of them are named. */
static bool
fail_by_names(Ask *ask, const bool *unknown)
{
	StringInfoData message;
	int n = 0;

	initStringInfo(&message);
	appendStringInfo(&message, "%s: ", ask->message);
	for (int i = 0; i < ask->nstylists; i++)
	{
		if (unknown[i])
			appendStringInfo(&message, "%s%s", n++ > 0 ? ", " : "",
							 DatumGetCString(
								 DirectFunctionCall1(uuid_out, UUIDPGetDatum(&ask->stylists[i]))));
	}
	ask->message = message.data;
	return false;
}

static bool
answer_days(Ask *ask, DateADT date, RangeSet *set)
{
	DayRequest day = {.service = ask->service, .date = date, .zone = ask->zone, .duration = ask->duration};
	bool *unknown = palloc0(ask->nstylists * sizeof(bool));
	bool failed = false;

	for (int i = 0; i < ask->nstylists; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (ask->left_out[i] || answer_day(ask, i, &day, set))
			continue;
		if (day.error == DAY_INTERNAL_ERROR)
			return false;
		unknown[i] = strcmp(ask->code, rpc_error_code(day.error)) == 0;
		failed = true;
	}
	if (failed)
		return fail_by_names(ask, unknown);
	pfree(unknown);
	if (set->is_full)
		return ask_fail_argument(ask,
								 psprintf("the answer has more than %d slots; ask for fewer days or stylists",
										  RANGE_MAX_SLOTS));
	return true;
}

/* All slots of the dates that are asked for. */
bool
ask_collect(Ask *ask, RangeSet *set)
{
	DateADT first;
	DateADT last;

	range_init(set, ask->from, ask->to, ask->nstylists, ask->needs_all, ask->seats);
	find_days(ask, &first, &last);
	for (DateADT date = first; date <= last; date++)
	{
		if (!answer_days(ask, date, set))
			return false;
	}
	for (int i = 0; i < ask->nstylists; i++)
	{
		if (!ask->left_out[i])
			return true;
	}
	return ask_fail(ask, rpc_error_code(DAY_SERVICE_NOT_OFFERED), "nobody who is active offers the service");
}

/* ---- answers ---- */

static Datum
error_answer(const Ask *ask, bool binary)
{
	counter_add(COUNTER_ERRORS, 1);
	if (binary)
		return JsonbPGetDatum(error_to_jsonb(ask->message, ask->code));
	return PointerGetDatum(error_to_json(ask->message, ask->code));
}

/* Such a function has four arguments. */
static bool
look_at_own_rules(Ask *ask)
{
	ask->own_rules = (own_rules_known() == OWN_RULES_UNREAD ? own_rules_read() : own_rules_known()) ==
					 OWN_RULES_NAMED;
	if (ask->own_rules && (ask->duration != 0 || ask->except != NULL))
		return ask_fail_argument(
			ask,
			"p_duration and p_exclude_booking_id are not for a function that rules.compute_function names");
	return true;
}

/* Who are asked are known as of the same moment. */
static Datum
answer_in_moment(Ask *ask, WriteAnswer write, bool binary)
{
	CacheMoment moment;
	Datum answer = (Datum) 0;

	cache_begin_moment(&moment);
	PG_TRY();
	{
		if (look_at_own_rules(ask) && ask_find_stylists(ask) && find_booking(ask))
			answer = write(ask, binary);
	}
	PG_CATCH();
	{
		cache_end_moment(&moment, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	cache_end_moment(&moment, false);
	return answer;
}

/* PostgREST is told, if it listens. */
static Datum
told(const Ask *ask, Datum answer, bool binary)
{
	HttpAnswer http = {.code = ask->code,
					   .hit = ask->code == NULL && ask->outcome.hit,
					   .is_private = ask->varies,
					   .valid_until = ask->code == NULL ? ask->valid_until : 0};

	if (http_is_asked())
	{
		http.jsonb = binary ? answer
							: DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(answer)));
		http_tell(&http);
	}
	return answer;
}

Datum
ask_answer(Ask *ask, WriteAnswer write, bool binary)
{
	Datum result = (Datum) 0;

	ask->outcome = (RangeOutcome){true, PG_INT64_MAX};
	ask->valid_until = PG_INT64_MAX;
	if (ask->code == NULL)
		result = answer_in_moment(ask, write, binary);
	return told(ask, ask->code == NULL ? result : error_answer(ask, binary), binary);
}
