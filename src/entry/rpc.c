/*
 * rpc.c
 *		The functions that applications call.
 *
 * get_available_slots computes and raises; get_available_slots_v2 and
 * get_available_slots_json answer from memory where they can and turn errors
 * into {"success": false}.  All look at their arguments in the same way and
 * compute under the same kind of snapshot.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "base/guard.h"
#include "cache/counters.h"
#include "cache/events.h"
#include "cache/readpath.h"
#include "entry/audited_day.h"
#include "entry/error_kind.h"
#include "entry/http.h"
#include "entry/own_rules.h"
#include "entry/rpc.h"
#include "slots/answer.h"
#include "slots/day.h"
#include "slots/json.h"
#include "slots/jsonb.h"
#include "slots/kept_days.h"
#include "slots/key.h"
#include "slots/sources.h"
#include "slots/text.h"

PG_FUNCTION_INFO_V1(get_available_slots);
PG_FUNCTION_INFO_V1(get_available_slots_v2);
PG_FUNCTION_INFO_V1(get_available_slots_json);

typedef struct ErrorText
{
	const char *code;
	ErrorKind kind;
	int sqlstate;
	const char *message;
	const char *hint;
} ErrorText;

static const ErrorText error_texts[] = {
	[DAY_INVALID_ARGUMENT] =
		{"INVALID_ARGUMENT", ERROR_INVALID_ARGUMENT, ERRCODE_INVALID_PARAMETER_VALUE,
		 "stylist, service and date must be given, the date between 1900-01-01 and 9998-12-31",
		 "Pass p_stylist_id, p_service_id and p_target_date."},
	[DAY_INVALID_TIMEZONE] = {"INVALID_TIMEZONE", ERROR_INVALID_TIMEZONE, ERRCODE_INVALID_PARAMETER_VALUE,
							  "the time zone is not known",
							  "Pass an IANA name such as Asia/Kathmandu; pg_timezone_names lists them."},
	[DAY_STYLIST_NOT_FOUND] = {"STYLIST_NOT_FOUND", ERROR_STYLIST_NOT_FOUND, ERRCODE_NO_DATA_FOUND,
							   "the stylist is not known or not active",
							   "Look at the tables attached as stylist_profiles and stylist_services."},
	[DAY_SERVICE_NOT_OFFERED] = {"SERVICE_NOT_OFFERED", ERROR_SERVICE_NOT_OFFERED, ERRCODE_NO_DATA_FOUND,
								 "the stylist does not offer the service, or one of them is not active",
								 "Look at the tables attached as services and stylist_services."},
	[DAY_INTERNAL_ERROR] = {"INTERNAL_ERROR", ERROR_INTERNAL_ERROR, ERRCODE_INTERNAL_ERROR,
							"availability could not be computed",
							"The server's log has the error; get_available_slots raises it."},
};

/* A call's arguments, looked at and ready for the read path. */
typedef struct Call
{
	DayRequest day; /* first: see audited_day.h */
	DayKey key;
	CacheRequest request;
	const char *name;	 /* of the function, for the log */
	const char *message; /* of DAY_INTERNAL_ERROR, if it may be shown */
	bool
		looks_at_rules; /* whether they name a function of one's own is to be read, if it comes to computing */
	bool has_own_rules; /* they do */
} Call;

/* The zone that a name means; the last one is remembered, since most calls ask for the same. */
pg_tz *
rpc_customer_zone(const text *name)
{
	static char last_name[TZ_STRLEN_MAX + 1];
	static int last_length = -1;
	static pg_tz *last_zone;
	int length = VARSIZE_ANY_EXHDR(name);
	pg_tz *zone;

	if (length == last_length && memcmp(VARDATA_ANY(name), last_name, length) == 0)
		return last_zone;
	zone = zone_find(VARDATA_ANY(name), length);
	if (zone != NULL)
	{
		memcpy(last_name, VARDATA_ANY(name), length);
		last_length = length;
		last_zone = zone;
	}
	return zone;
}

const char *
rpc_unknown_zone(const text *name)
{
	int size = VARSIZE_ANY_EXHDR(name);
	int shown = pg_mbcliplen(VARDATA_ANY(name), size, NAMEDATALEN);

	return psprintf("the time zone \"%.*s%s\" is not known", shown, VARDATA_ANY(name),
					shown < size ? "..." : "");
}

static DayError
look_at_arguments(FunctionCallInfo fcinfo, DayRequest *day)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return DAY_INVALID_ARGUMENT;
	day->stylist = *PG_GETARG_UUID_P(0);
	day->service = *PG_GETARG_UUID_P(1);
	day->date = PG_GETARG_DATEADT(2);
	if (day->date < DAY_FIRST || day->date > DAY_LAST)
		return DAY_INVALID_ARGUMENT;
	day->zone = NULL;
	day->duration = 0;
	day->except = NULL;
	if (!PG_ARGISNULL(3) && (day->zone = rpc_customer_zone(PG_GETARG_TEXT_PP(3))) == NULL)
		return DAY_INVALID_TIMEZONE;
	return DAY_OK;
}

/* What runs guarded. */
typedef struct Computation
{
	DayRequest *day;
	uint64 clock;
	Computed *result;
} Computation;

static void
run_confirm(void *arg)
{
	Computation *computation = arg;

	computation->result->unconfirmed = !day_definitions_confirmed(computation->clock);
}

static void
confirm(void *arg, uint64 clock)
{
	Call *call = arg;
	Computed unused;
	Computation computation = {&call->day, clock, &unused};

	(void) guarded(run_confirm, &computation);
}

/* Memory keeps it only if it learns of a change of the definitions. */
static bool
fetch(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;
	Computation computation = {&call->day, clock, result};

	if (!kept_days_fetch(&call->request.key, result))
		return false;
	result->definitions = true;
	result->unconfirmed = true;
	(void) guarded(run_confirm, &computation);
	return true;
}

static void
keep(void *arg, const Computed *result)
{
	Call *call = arg;

	kept_days_keep(&call->day, &call->request.key, result);
}

static void
offer(void *arg, uint32 place)
{
	kept_days_offer(&((Call *) arg)->day, place);
}

static const LowerTier table_tier = {fetch, keep, offer, kept_days_wrote_all};

static void
prepare_call(Call *call, void (*compute)(void *, uint64, Computed *))
{
	call->request.as_of = AS_OF_CALL;
	call->request.never_waits = false;
	call->request.key = day_key_make(&call->key, &call->day);
	call->request.compute = compute;
	call->request.confirm = confirm;
	call->request.concerns = sources_concerned;
	/* The table's key has no duration. */
	call->request.below = call->day.duration == 0 && call->day.except == NULL ? &table_tier : NULL;
	call->request.audited = &audited_day;
	call->request.arg = call;
	call->day.error = DAY_OK;
	call->message = NULL;
}

static const char *
message_of(FunctionCallInfo fcinfo, DayError error)
{
	return error == DAY_INVALID_TIMEZONE ? rpc_unknown_zone(PG_GETARG_TEXT_PP(3))
										 : error_texts[error].message;
}

static void
raise_error(FunctionCallInfo fcinfo, DayError error)
{
	const ErrorText *text = &error_texts[error];

	ereport(ERROR, errcode(text->sqlstate), errmsg("%s", message_of(fcinfo, error)),
			errhint("%s", text->hint));
}

/* ---- v1 ---- */

static void
compute_raising(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;

	day_compute(&call->day, clock, result);
}

static text *
display_text(const SlotView *view)
{
	char buffer[HH24_MI_SIZE];

	if (view->display != NULL)
		return cstring_to_text_with_len(view->display, view->display_size);
	write_hh24_mi(buffer, view->start_local - day_of(view->start_local) * SECS_PER_DAY);
	return cstring_to_text_with_len(buffer, HH24_MI_SIZE);
}

static void
put_rows(ReturnSetInfo *rsinfo, const char *packed)
{
	AnswerReader reader;
	SlotView view;

	answer_open(&reader, packed);
	while (answer_next(&reader, &view))
	{
		Datum values[7];
		bool nulls[7] = {false};

		values[0] = TimestampTzGetDatum(view.start_utc * USECS_PER_SEC);
		values[1] = TimestampTzGetDatum(view.end_utc * USECS_PER_SEC);
		values[2] = TimestampGetDatum(view.start_local * USECS_PER_SEC);
		values[3] = TimestampGetDatum(view.end_local * USECS_PER_SEC);
		values[4] = PointerGetDatum(display_text(&view));
		values[5] = CStringGetTextDatum(slot_status_names[slot_statuses[view.reason]]);
		values[6] = Int32GetDatum(reader.header.price_cents);
		nulls[6] = !reader.header.has_price;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * get_available_slots(stylist uuid, service uuid, date, customer's time zone)
 * returns a row per slot, computed on each call; raises what error_texts has.
 */
PGDLLEXPORT Datum
get_available_slots(PG_FUNCTION_ARGS)
{
	Call call;
	Computed result;
	DayError error;

	InitMaterializedSRF(fcinfo, 0);
	error = look_at_arguments(fcinfo, &call.day);
	if (error != DAY_OK)
		raise_error(fcinfo, error);
	prepare_call(&call, compute_raising);
	compute_fresh(&call.request, &result);
	if (call.day.error != DAY_OK)
		raise_error(fcinfo, call.day.error);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, result.payload);
	return (Datum) 0;
}

/* ---- v2 and json ---- */

/* Reports an error to the log, and remembers of it what a client may see. */
static void
note_error(Call *call, ErrorData *error, int64 us)
{
	call->day.error = DAY_INTERNAL_ERROR;
	/* These are ours, about the set-up; others might quote data. */
	if (error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		call->message = error->message;
	ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
			errmsg("%s could not compute: %s", call->name, error->message),
			error->hint ? errhint("%s", error->hint) : 0);
	event_note(EVENT_ERROR, unpack_sql_state(error->sqlerrcode), call->name, us, 1);
}

static void
run_computation(void *arg)
{
	Computation *computation = arg;

	day_compute(computation->day, computation->clock, computation->result);
}

/* Computes so that an error leaves the caller's transaction usable. */
static void
compute_catching(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;
	Computation computation = {&call->day, clock, result};
	instr_time start;
	instr_time end;
	ErrorData *error;

	call->has_own_rules = call->looks_at_rules && own_rules_read() != OWN_RULES_NONE;
	if (call->has_own_rules)
		return;
	INSTR_TIME_SET_CURRENT(start);
	error = guarded(run_computation, &computation);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	counter_note_computed(INSTR_TIME_GET_MICROSEC(end));
	if (error == NULL)
		return;
	memset(result, 0, sizeof(*result));
	note_error(call, error, INSTR_TIME_GET_MICROSEC(end));
}

/* ---- for functions that ask for several days ---- */

void
rpc_answer_day(DayRequest *day, const char *name, DayAnswer *answer)
{
	Call call;
	Computed result;
	uint32 size;

	call.day = *day;
	call.name = name;
	call.looks_at_rules = false;
	call.has_own_rules = false;
	prepare_call(&call, compute_catching);
	*answer = (DayAnswer){.packed = NULL};
	if (day->except == NULL)
		answer->hit = cache_read(&call.request, &answer->packed, &size);
	else
	{
		call.request.valid_until = 0;
		compute_fresh(&call.request, &result);
		answer->packed = result.payload;
	}
	answer->valid_until = call.request.valid_until;
	answer->message = call.message;
	day->error = answer->hit ? DAY_OK : call.day.error;
}

void
rpc_warm_day(DayRequest *day, const char *name, ComputeForm form, DayAnswer *answer, const char **code)
{
	LOCAL_FCINFO(fcinfo, 4);
	OwnAnswer own;

	InitFunctionCallInfoData(*fcinfo, NULL, 4, DEFAULT_COLLATION_OID, NULL, NULL);
	fcinfo->args[0] = (NullableDatum){UUIDPGetDatum(&day->stylist), false};
	fcinfo->args[1] = (NullableDatum){UUIDPGetDatum(&day->service), false};
	fcinfo->args[2] = (NullableDatum){DateADTGetDatum(day->date), false};
	fcinfo->args[3] = (NullableDatum){(Datum) 0, day->zone == NULL};
	if (day->zone != NULL)
		fcinfo->args[3].value = CStringGetTextDatum(pg_get_timezone_name(day->zone));
	if (own_rules_read() == OWN_RULES_NAMED && own_rules_answer(fcinfo, name, form, &own))
	{
		*answer = (DayAnswer){.message = own.message, .hit = own.hit, .valid_until = own.valid_until};
		*code = own.code;
		return;
	}
	rpc_answer_day(day, name, answer);
	*code = day->error == DAY_OK ? NULL : error_texts[day->error].code;
	if (*code != NULL && answer->message == NULL)
		answer->message = error_texts[day->error].message;
}

const char *
rpc_error_code(DayError error)
{
	return error_texts[error].code;
}

const char *
rpc_error_message(DayError error)
{
	return error_texts[error].message;
}

/* ---- v2 and json, each day by itself ---- */

/* What a function's answers are written as. */
typedef struct AnswerForm
{
	const char *function;
	ComputeForm own; /* of those of a function of one's own */
	Datum (*write)(const char *packed, bool from_cache);
	Datum (*write_error)(const char *message, const char *code);
} AnswerForm;

static Datum
as_jsonb(const AnswerForm *form, Datum answer)
{
	return form->own == COMPUTE_JSONB
			   ? answer
			   : DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(answer)));
}

/* An answer, told of. */
static Datum
answer_told(const AnswerForm *form, Datum answer, const OwnAnswer *of)
{
	HttpAnswer http = {.code = of->code,
					   .hit = of->hit,
					   .is_private = of->varies,
					   .valid_until = of->valid_until};

	if (http_is_asked())
	{
		http.jsonb = as_jsonb(form, answer);
		http_tell(&http);
	}
	return answer;
}

static Datum
error_told(const AnswerForm *form, const OwnAnswer *of)
{
	return answer_told(form, form->write_error(of->message, of->code), of);
}

static Datum
error_answer(const AnswerForm *form, const char *message, DayError error)
{
	OwnAnswer of = {.message = message, .code = error_texts[error].code};

	counter_note_error(error_texts[error].kind);
	return error_told(form, &of);
}

/* False: no function is named by now. */
static bool
answer_by_own_rules(FunctionCallInfo fcinfo, const AnswerForm *form, Datum *answer)
{
	OwnAnswer own;

	if (!own_rules_answer(fcinfo, form->function, form->own, &own))
		return false;
	*answer = own.code == NULL ? answer_told(form, own.value, &own) : error_told(form, &own);
	return true;
}

/*
 * From memory where that is exact, else computed.  Raises only cancellation,
 * lack of memory and what makes the client run its transaction again.
 *
 * A session's first call would have to read the rules to know whether they
 * name a function.  An answer that is there says that they do not: it would
 * have been outdated by that.
 */
static Datum
answer_call(FunctionCallInfo fcinfo, const AnswerForm *form)
{
	Call call;
	DayError error = look_at_arguments(fcinfo, &call.day);
	OwnRules rules = error == DAY_OK ? own_rules_known() : own_rules_read();
	const char *packed;
	uint32 size;
	OwnAnswer own = {0};
	Datum answer;

	if (rules == OWN_RULES_NAMED && answer_by_own_rules(fcinfo, form, &answer))
		return answer;
	if (error != DAY_OK)
		return error_answer(form, message_of(fcinfo, error), error);
	prepare_call(&call, compute_catching);
	call.name = form->function;
	call.looks_at_rules = rules != OWN_RULES_NONE;
	call.has_own_rules = false;
	own.hit = cache_read_audited(&call.request, &packed, &size);
	if (call.has_own_rules)
		return answer_by_own_rules(fcinfo, form, &answer) ? answer : answer_call(fcinfo, form);
	if (own.hit)
		counter_note_hit(call.request.age);
	else if (call.day.error != DAY_OK)
		return error_answer(form, call.message != NULL ? call.message : message_of(fcinfo, call.day.error),
							call.day.error);
	own.valid_until = call.request.valid_until;
	return answer_told(form, form->write(packed, own.hit), &own);
}

static Datum
write_jsonb(const char *packed, bool from_cache)
{
	return JsonbPGetDatum(answer_to_jsonb(packed, from_cache));
}

static Datum
write_jsonb_error(const char *message, const char *code)
{
	return JsonbPGetDatum(error_to_jsonb(message, code));
}

static Datum
write_json(const char *packed, bool from_cache)
{
	return PointerGetDatum(answer_to_json(packed, from_cache));
}

static Datum
write_json_error(const char *message, const char *code)
{
	return PointerGetDatum(error_to_json(message, code));
}

/* get_available_slots_v2(the same) returns jsonb. */
PGDLLEXPORT Datum
get_available_slots_v2(PG_FUNCTION_ARGS)
{
	static const AnswerForm form = {"get_available_slots_v2", COMPUTE_JSONB, write_jsonb, write_jsonb_error};

	return answer_call(fcinfo, &form);
}

/* get_available_slots_json(the same) returns json. */
PGDLLEXPORT Datum
get_available_slots_json(PG_FUNCTION_ARGS)
{
	static const AnswerForm form = {"get_available_slots_json", COMPUTE_JSON, write_json, write_json_error};

	return answer_call(fcinfo, &form);
}
