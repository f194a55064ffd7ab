/*
 * own_rules.c
 *		Answers of v2 and json by the function that rules.compute_function names.
 *
 * The answer is kept as it is given, envelope and all, as another form of the
 * function's own answers: so it is as exact as these.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "base/guard.h"
#include "cache/counters.h"
#include "cache/events.h"
#include "entry/error_kind.h"
#include "entry/kept_own_days.h"
#include "entry/own_rules.h"
#include "memo/call.h"

/* What of an error is for clients; the log has the rest. */
static void
tell_error(const ErrorData *error, const char *name, OwnAnswer *answer)
{
	answer->code = "INTERNAL_ERROR";
	answer->message = "availability could not be computed";
	if (error->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE)
		answer->code = "INVALID_ARGUMENT";
	else if (error->sqlerrcode == ERRCODE_NO_DATA_FOUND)
		answer->code = "NOT_FOUND";
	/* What its author, or we, say; others might quote data. */
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_RAISE_EXCEPTION) ||
		error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		answer->message = error->message;
	else if (error->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE)
		answer->message = "an argument is not valid";
	counter_note_error(error_kind(answer->code));
	ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
			errmsg("%s could not compute: %s", name, error->message),
			error->hint ? errhint("%s", error->hint) : 0);
	if (strcmp(answer->code, "INTERNAL_ERROR") == 0)
		event_note(EVENT_ERROR, unpack_sql_state(error->sqlerrcode), name, NO_DURATION, 1);
}

typedef struct Making
{
	const ComputeFunction *compute;
	ComputeForm form;
} Making;

static void
read_choice(void *arg)
{
	((Making *) arg)->compute = compute_function_read();
}

/* It has no hint for whoever asks; the log has. */
static void
tell_problem(const ComputeFunction *compute, const char *name, OwnAnswer *answer)
{
	answer->code = "INTERNAL_ERROR";
	answer->message =
		psprintf("%s, which availability_cache.rules names as compute_function, cannot be called: %s",
				 compute->name, compute->problem);
	counter_note_error(ERROR_INTERNAL_ERROR);
	event_note(EVENT_ERROR, "compute_function", compute->problem, NO_DURATION, 1);
	ereport(LOG_SERVER_ONLY, errmsg("%s could not compute: %s", name, answer->message),
			errhint("%s", compute->hint));
}

static Datum
make(void *arg, FunctionCallInfo fcinfo, int64 *until)
{
	Making *making = arg;

	kept_own_days_note(DatumGetUUIDP(fcinfo->args[0].value), DatumGetDateADT(fcinfo->args[2].value));
	return compute_function_call(making->compute, making->form, fcinfo, until);
}

static void
answer_by(Making *making, FunctionCallInfo fcinfo, const char *name, OwnAnswer *answer)
{
	ComputeForm form = making->form;
	MemoForm kept = {.function = making->compute->function,
					 .user = making->compute->owner,
					 .type = form == COMPUTE_JSONB ? JSONBOID : TEXTOID,
					 .kind = &kept_own_days,
					 .make = make,
					 .arg = making};
	MemoOutcome outcome = memo_call_in_form(fcinfo, &kept);

	if (outcome.error != NULL)
	{
		tell_error(outcome.error, name, answer);
		return;
	}
	answer->hit = outcome.hit;
	answer->varies = outcome.varies;
	answer->valid_until = outcome.valid_until;
	if (form == COMPUTE_JSONB && !outcome.hit)
		compute_mark_computed(outcome.value);
	answer->value = form == COMPUTE_JSONB ? outcome.value : compute_json(outcome.value, outcome.hit);
}

OwnRules
own_rules_known(void)
{
	const ComputeFunction *compute = compute_function_known();

	if (compute == NULL)
		return OWN_RULES_UNREAD;
	return compute->is_named ? OWN_RULES_NAMED : OWN_RULES_NONE;
}

/* The choice, or what reading it raised. */
static ErrorData *
choose(Making *making)
{
	making->compute = compute_function_known();
	return making->compute == NULL ? guarded(read_choice, making) : NULL;
}

OwnRules
own_rules_read(void)
{
	Making making;

	return choose(&making) != NULL || making.compute->is_named ? OWN_RULES_NAMED : OWN_RULES_NONE;
}

const char *
own_rules_default_zone(void)
{
	return compute_function_read()->default_timezone;
}

bool
own_rules_answer(FunctionCallInfo fcinfo, const char *name, ComputeForm form, OwnAnswer *answer)
{
	Making making = {.form = form};
	ErrorData *error = choose(&making);

	if (error == NULL && !making.compute->is_named)
		return false;
	memset(answer, 0, sizeof(*answer));
	if (error != NULL)
		tell_error(error, name, answer);
	else if (making.compute->problem != NULL)
		tell_problem(making.compute, name, answer);
	else if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		answer->code = "INVALID_ARGUMENT";
		answer->message = "stylist, service and date must be given";
		counter_note_error(ERROR_INVALID_ARGUMENT);
	}
	else
		answer_by(&making, fcinfo, name, answer);
	return true;
}
