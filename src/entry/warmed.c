/*
 * warmed.c
 *		A key of memory, computed anew for nobody.
 *
 * By the very path that would answer who asks, so that nothing is kept that
 * would not be kept for them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "entry/rpc.h"
#include "entry/warmed.h"
#include "memo/again.h"
#include "memo/call.h"
#include "memo/statistics.h"
#include "slots/key.h"

const char *const warm_outcomes[NWARM_OUTCOMES] = {[WARM_KEPT] = "kept",
												   [WARM_THERE] = "there",
												   [WARM_NOT_KEPT] = "not kept",
												   [WARM_SKIPPED] = "skipped",
												   [WARM_FAILED] = "failed"};

/* ---- days ---- */

static bool
is_not_offered(const DayRequest *day)
{
	return day->error == DAY_STYLIST_NOT_FOUND || day->error == DAY_SERVICE_NOT_OFFERED;
}

void
warm_day(DayRequest *day, const char *name, ComputeForm form, Warmed *warmed)
{
	DayAnswer answer = {.packed = NULL};
	const char *code;

	rpc_warm_day(day, name, form, &answer, &code);
	warmed->error = code == NULL ? NULL : psprintf("%s: %s", code, answer.message);
	if (code != NULL)
		warmed->outcome = is_not_offered(day) ? WARM_SKIPPED : WARM_FAILED;
	else if (answer.hit)
		warmed->outcome = WARM_THERE;
	else if (answer.valid_until != 0)
		warmed->outcome = WARM_KEPT;
	else
	{
		warmed->outcome = WARM_NOT_KEPT;
		warmed->error = pstrdup("what it depends on is changing, or its changes are not noticed");
	}
}

/* In no zone is it that day any more. */
static bool
is_over(DateADT date)
{
	return date < GetCurrentTimestamp() / USECS_PER_DAY - 2;
}

static void
warm_day_key(const StoreKey *key, const char *name, Warmed *warmed)
{
	DayRequest day;

	*warmed = (Warmed){WARM_SKIPPED, NULL};
	if (!day_key_read(key, &day))
		warmed->error = pstrdup("the zone is not known any more");
	else if (is_over(day.date))
		warmed->error = pstrdup("the day is over");
	else
		warm_day(&day, name, COMPUTE_JSONB, warmed);
}

/* ---- calls of functions ---- */

uint64
warm_count_not_kept(Oid function)
{
	FunctionStatistics statistics = {0};

	return statistics_read(function, &statistics) ? statistics.counts[CALLS_NOT_KEPT] : 0;
}

void
warm_tell_call(Oid function, uint64 not_kept_before, Warmed *warmed)
{
	LastCall last = memo_function(function)->last_call;
	FunctionStatistics statistics = {0};

	*warmed = (Warmed){last == LAST_HIT ? WARM_THERE : last == LAST_KEPT ? WARM_KEPT : WARM_NOT_KEPT, NULL};
	if (warmed->outcome != WARM_NOT_KEPT)
		return;
	if (statistics_read(function, &statistics) && statistics.counts[CALLS_NOT_KEPT] > not_kept_before)
		warmed->error = reason_text(statistics.last_reason);
	if (warmed->error == NULL)
		warmed->error = pstrdup("what it depends on is changing, or this session is not to use memory");
}

typedef struct FormCall
{
	const char *name;
	Warmed *warmed;
} FormCall;

/* Of a function that rules.compute_function names, asked for a day as v2 and json ask it. */
static void
call_in_form(const OpenedKey *opened, void *arg)
{
	FormCall *call = arg;
	DayRequest day = {.error = DAY_OK};

	day.stylist = *DatumGetUUIDP(opened->args[0].value);
	day.service = *DatumGetUUIDP(opened->args[1].value);
	day.date = DatumGetDateADT(opened->args[2].value);
	if (opened->nargs > 3 && !opened->args[3].isnull)
		day.zone = rpc_customer_zone(DatumGetTextPP(opened->args[3].value));
	if (is_over(day.date))
		*call->warmed = (Warmed){WARM_SKIPPED, pstrdup("the day is over")};
	else
		warm_day(&day, call->name, opened->form == JSONBOID ? COMPUTE_JSONB : COMPUTE_JSON, call->warmed);
}

static bool
asks_for_a_day(const OpenedKey *opened)
{
	static const Oid expected[] = {UUIDOID, UUIDOID, DATEOID, TEXTOID};
	Oid *types;
	int nargs;

	(void) get_func_signature(opened->function, &types, &nargs);
	if (nargs < 3 || nargs > lengthof(expected) || (opened->form != JSONBOID && opened->form != TEXTOID))
		return false;
	for (int i = 0; i < nargs; i++)
	{
		if (types[i] != expected[i] || (i < 3 && opened->args[i].isnull))
			return false;
	}
	return true;
}

static void
run_call(const StoreKey *key, const char *name, const OpenedKey *opened, Warmed *warmed)
{
	uint64 not_kept = warm_count_not_kept(opened->function);
	FormCall form = {name, warmed};
	bool was_made = false;

	if (!OidIsValid(opened->form))
		was_made = again_run(key, opened, again_call, NULL);
	else if (asks_for_a_day(opened))
		was_made = again_run(key, opened, call_in_form, &form);
	if (!was_made && warmed->error == NULL)
		*warmed = (Warmed){WARM_SKIPPED, pstrdup("the call would be another now")};
	else if (!OidIsValid(opened->form))
		warm_tell_call(opened->function, not_kept, warmed);
}

static void
warm_call_key(const StoreKey *key, const char *name, bool (*session_user)(Oid user), Warmed *warmed)
{
	OpenedKey opened;
	const char *why = again_open(key, &opened);

	*warmed = (Warmed){WARM_SKIPPED, NULL};
	if (why == NULL && opened.session_user != GetSessionUserId() &&
		(session_user == NULL || !session_user(opened.session_user)))
		why = "it is of another session_user";
	if (why != NULL)
		warmed->error = pstrdup(why);
	else
		run_call(key, name, &opened, warmed);
}

void
warm_key(const StoreKey *key, const char *name, bool (*session_user)(Oid user), Warmed *warmed)
{
	if (is_call_key(key))
		warm_call_key(key, name, session_user, warmed);
	else
		warm_day_key(key, name, warmed);
}

/* ---- told ---- */

char *
warm_key_text(const StoreKey *key)
{
	DayRequest day;

	if (is_call_key(key))
		return psprintf("%s, call %016llx", format_procedure(call_key_function(key).function),
						(unsigned long long) store_hash(key));
	if (!day_key_read(key, &day))
		return psprintf("%016llx", (unsigned long long) store_hash(key));
	return day_text(&day);
}
