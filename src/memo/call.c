/*
 * call.c
 *		A call of a memoized function: answered from memory, or by the language that it is written in.
 *
 * The other handler gets the same call, with an FmgrInfo of its own to
 * remember things in.  If the answer may be kept it also gets a ReturnSetInfo
 * of its own, which lets it return a set only as a whole.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parser.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/guard.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "cache/audit.h"
#include "cache/definitions.h"
#include "memo/call.h"
#include "memo/cursors.h"
#include "memo/kept_calls.h"
#include "memo/key.h"
#include "memo/names.h"
#include "memo/statistics.h"
#include "memo/tags.h"
#include "memo/value.h"
#include "memo/watched.h"

typedef struct Call
{
	FunctionCallInfo fcinfo;
	PGFunction inner;
	const MemoFunction *function;
	const MemoForm *form; /* NULL: its own */
	const RowKind *kind;  /* of its rows */
	CallKey key;
	CallResult result; /* of a computation */
	ErrorData *error;  /* of one in a form */
	bool fetches;	   /* it may fetch from a cursor that was open before; and there was one WITH HOLD */
	bool among_cursors;
	Seen seen;
} Call;

/* The next call of it is part of making its answer in another form, which is kept instead. */
static Oid within_form = InvalidOid;

/* In fn_extra. */
typedef struct CallSite
{
	FmgrInfo inner;
	uint64 plans; /* those that it remembers, by names_refresh() */
} CallSite;

static CallSite *
call_site(FmgrInfo *info)
{
	CallSite *site = info->fn_extra;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(info->fn_mcxt, sizeof(CallSite));
		site->inner = *info;
		info->fn_extra = site;
	}
	return site;
}

/* What the other handler remembers of earlier calls must not be of plans that were made anew since. */
static void
refresh(FmgrInfo *info, bool has_times)
{
	uint64 plans = names_refresh(has_times);
	CallSite *site = call_site(info);

	if (site->plans != plans)
		site->inner.fn_extra = NULL;
	site->plans = plans;
}

/* The call as it is, with another ReturnSetInfo if there is one. */
static Datum
call_inner(FunctionCallInfo outer, PGFunction inner, ReturnSetInfo *rsinfo, bool *isnull)
{
	/* Not on the stack, which functions that call themselves need. */
	FunctionCallInfo fcinfo = palloc(SizeForFunctionCallInfo(outer->nargs));
	Datum value;

	memcpy(fcinfo, outer, SizeForFunctionCallInfo(outer->nargs));
	fcinfo->flinfo = &call_site(outer->flinfo)->inner;
	if (rsinfo != NULL)
		fcinfo->resultinfo = (Node *) rsinfo;
	fcinfo->isnull = false;
	value = inner(fcinfo);
	*isnull = fcinfo->isnull;
	return value;
}

static Datum
call_straight(FunctionCallInfo fcinfo, PGFunction inner)
{
	return call_inner(fcinfo, inner, NULL, &fcinfo->isnull);
}

/* ---- computing ---- */

/* The set as a whole, into the call's result. */
static void
call_for_set(Call *call)
{
	ReturnSetInfo *outer = (ReturnSetInfo *) call->fcinfo->resultinfo;
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo,
							.econtext = outer->econtext,
							.expectedDesc = outer->expectedDesc,
							.allowedModes = SFRM_ValuePerCall | SFRM_Materialize |
											SFRM_Materialize_Preferred |
											(outer->allowedModes & SFRM_Materialize_Random),
							.returnMode = SFRM_ValuePerCall};

	(void) call_inner(call->fcinfo, call->inner, &rsinfo, &call->result.isnull);
	if (rsinfo.returnMode != SFRM_Materialize)
		elog(ERROR, "function %u did not return its set as a whole", call->function->function);
	call->result.rows = rsinfo.setResult;
	call->result.desc = rsinfo.setDesc;
}

static void
call_for_form(Call *call)
{
	int64 until = DT_NOBEGIN;

	if (call->function->called_straight)
		seen_note_reason(REASON_IMMUTABLE, call->form->function);
	if (call->function->reason.kind != REASON_NONE)
		seen_note_reason(call->function->reason.kind, call->function->reason.object);
	(void) names_refresh(call->seen.facts.has_times);
	within_form = call->form->function;
	PG_TRY();
	{
		call->result.value = call->form->make(call->form->arg, call->fcinfo, &until);
	}
	PG_FINALLY();
	{
		within_form = InvalidOid;
	}
	PG_END_TRY();
	if (until != DT_NOBEGIN && call->seen.facts.reads_clock)
		seen_note_until(until);
}

static void
call_original(Call *call)
{
	if (call->form != NULL)
	{
		call_for_form(call);
		return;
	}
	/* Without an answer that is kept nothing is known of the source, and it is the session's own affair. */
	refresh(call->fcinfo->flinfo, seen_current() == &call->seen && call->seen.facts.has_times);
	if (call->function->returns_set)
		call_for_set(call);
	else
		call->result.value = call_inner(call->fcinfo, call->inner, NULL, &call->result.isnull);
}

/* What every answer of the function depends on. */
static void
note_function(const Call *call)
{
	const MemoFunction *function = call->function;
	ListCell *cell;

	seen_note_tag(tag_of_names(MyDatabaseId));
	seen_note_tag(tag_of_names(InvalidOid));
	seen_note_tag(tag_of_function(MyDatabaseId, function->hash));
	seen_note_tag(tag_of_answers(function->function));
	if (function->nargs > 0)
		seen_note_tag(tag_of_answers_with(function->function, call_key_hash_arguments(&call->key)));
	foreach(cell, function->type_relations)
		seen_note_tag(tag_of_relation(MyDatabaseId, lfirst_oid(cell)));
}

/* The first moment of the day after that on which the transaction began: current_date is of then. */
static int64
next_midnight(void)
{
	Interval day = {.day = 1};
	Datum midnight = DirectFunctionCall2(timestamptz_trunc, CStringGetTextDatum("day"),
										 TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));

	return DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_pl_interval, midnight, IntervalPGetDatum(&day)));
}

/* What its functions mean for how long it holds, and whether it can be kept. */
static void
judge_functions(Call *call)
{
	const Facts *facts = &call->seen.facts;
	ListCell *cell;

	foreach(cell, facts->functions)
		seen_note_tag(tag_of_function(MyDatabaseId,
									  GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(lfirst_oid(cell)))));
	/* Where it was not asked: a function that only a plan has named. */
	if (facts->fetches && (!call->fetches || call->among_cursors))
		seen_note_reason(REASON_PORTAL, InvalidOid);
	if (facts->reason.kind != REASON_NONE)
		seen_note_reason(facts->reason.kind, facts->reason.object);
	if (facts->unseen.kind != REASON_NONE && !call->function->assume_stable)
		seen_note_reason(facts->unseen.kind, facts->unseen.object);
	if ((facts->reads_session && call->function->vary_by == NIL) ||
		!call_key_has_settings(call->function, facts->settings))
		seen_note_reason(REASON_SESSION, InvalidOid);
	if (call->function->ttl > 0)
		seen_note_until(cache_now() + call->function->ttl * USECS_PER_SEC);
	else if (call->seen.said_until)
		return;
	else if (facts->reads_clock)
		seen_note_reason(REASON_CLOCK, InvalidOid);
	else if (facts->reads_date)
		seen_note_until(next_midnight());
}

static void
judge(Call *call)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		seen_note_reason(REASON_WRITES, InvalidOid);
	if (!standard_conforming_strings || GinFuzzySearchLimit != 0)
		seen_note_reason(REASON_SETTINGS, InvalidOid);
	if (call_key_has_clock_words(&call->key))
		seen_note_reason(REASON_ARGUMENT, InvalidOid);
	seen_note_types();
	judge_functions(call);
}

/* A row of a shape that the caller's session knows. */
static TupleDesc
record_shape(const Call *call)
{
	TupleDesc desc;

	if (get_call_result_type(call->fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc == NULL)
		return NULL;
	return BlessTupleDesc(desc);
}

static bool
result_has_shape(const Call *call)
{
	HeapTupleHeader row;
	TupleDesc desc;

	if (call->function->result_type != RECORDOID || call->function->returns_set || call->result.isnull)
		return true;
	desc = record_shape(call);
	row = DatumGetHeapTupleHeader(call->result.value);
	for (int i = 0; desc != NULL && i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->atttypid == RECORDOID ||
			TupleDescAttr(desc, i)->atttypid == RECORDARRAYOID)
			return false;
	}
	return desc != NULL && HeapTupleHeaderGetTypeId(row) == RECORDOID &&
		   HeapTupleHeaderGetNatts(row) == desc->natts;
}

static void
pack(Call *call, Computed *result)
{
	Seen *seen = &call->seen;

	if (seen->reason.kind == REASON_NONE && !result_has_shape(call))
		seen->reason.kind = REASON_RESULT;
	if (seen->reason.kind == REASON_NONE)
		seen->reason.kind = answer_of_call_pack(call->function, &call->result, seen,
												(Size) ac_max_answer_size * 1024, &result->payload,
												&result->payload_size);
	statistics_note_sights(call->function->function, seen->sights, seen->nsights);
	result->keepable = seen->reason.kind == REASON_NONE;
	result->untracked = seen->reason.kind == REASON_UNWATCHED;
	result->tags = seen->tags;
	result->ntags = seen->ntags;
	result->valid_until = seen->valid_until;
	if (!result->keepable)
	{
		statistics_add(call->function->function, CALLS_NOT_KEPT, 1);
		statistics_note_reason(call->function->function, seen->reason);
	}
}

/* ---- until when ---- */

static void
call_until(void *arg)
{
	Call *call = arg;
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	bool is_called = true;
	Datum until = (Datum) 0;
	FmgrInfo info;

	fmgr_info(call->function->valid_until, &info);
	InitFunctionCallInfoData(*fcinfo, &info, call->fcinfo->nargs, call->fcinfo->fncollation, NULL, NULL);
	for (int i = 0; i < fcinfo->nargs; i++)
	{
		NullableDatum given = call->fcinfo->args[i];

		/* The original has them afterwards. */
		fcinfo->args[i].value = MakeExpandedObjectReadOnly(given.value, given.isnull,
														   call->function->args[i].length);
		fcinfo->args[i].isnull = given.isnull;
		is_called &= !(given.isnull && info.fn_strict);
	}
	if (is_called)
		until = FunctionCallInvoke(fcinfo);
	seen_note_until(!is_called || fcinfo->isnull ? cache_now() : DatumGetTimestampTz(until));
}

static bool
ask_as_caller(Call *call)
{
	return AC_MAY_EXECUTE(call->function->valid_until, GetUserId()) && guarded(call_until, call) == NULL;
}

static bool
ask_as_user(Call *call, Oid user)
{
	int level = guard_settings();
	SavedUser saved = switch_user(user);
	bool said = ask_as_caller(call);

	restore_user(saved);
	restore_settings(level);
	return said;
}

/*
 * Asks the function that says until when the answer holds; before it is
 * computed, so that a moment that passes meanwhile is not missed.  An error
 * there is none of the call.
 */
static void
ask_until(Call *call)
{
	Oid function = call->function->valid_until;

	if (!OidIsValid(function))
		return;
	facts_add_function(&call->seen.facts, function);
	if (call->form == NULL ? ask_as_caller(call) : ask_as_user(call, call->form->user))
		return;
	/* Of what it ran nothing is left. */
	call->seen.queries = NIL;
	seen_note_reason(REASON_UNTIL, function);
}

static void
run_seen(Call *call)
{
	Seen *seen = &call->seen;

	seen_begin(seen);
	PG_TRY();
	{
		facts_add_body(&seen->facts, call->function->function);
		call->fetches = seen->facts.fetches;
		call->among_cursors = call->fetches && cursors_hold();
		ask_until(call);
		call_original(call);
		note_function(call);
		seen_finish();
		judge(call);
	}
	PG_CATCH();
	{
		seen_end(seen);
		statistics_add(call->function->function, CALLS_RAISED, 1);
		/* Whoever catches it goes on with something that it read. */
		seen_note_reason(REASON_NESTED, call->function->function);
		PG_RE_THROW();
	}
	PG_END_TRY();
	seen_end(seen);
}

static void
compute(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;
	instr_time start;
	instr_time end;

	INSTR_TIME_SET_CURRENT(start);
	result->valid_from = cache_now();
	/* Nobody would know what to do with it. */
	if (clock == NO_CLOCK && seen_current() == NULL)
		call_original(call);
	else
	{
		run_seen(call);
		if (clock != NO_CLOCK)
			pack(call, result);
		seen_hand_on(&call->seen, call->function->function);
	}
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	statistics_note_computed(call->function->function, INSTR_TIME_GET_MICROSEC(end));
}

/* ---- below memory ---- */

static StoreKey
store_key(const Call *call)
{
	return (StoreKey){call->kind->format, call->key.bytes, call->key.size};
}

static bool
fetch(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;
	StoreKey key = store_key(call);

	return kept_calls_fetch(call->kind, &key, call->function->as_of, result);
}

static void
offer(void *arg, uint32 place)
{
	kept_calls_offer(place);
}

static const LowerTier table_tier = {.fetch = fetch, .offer = offer, .outdated_alike = true};

/* ---- answering ---- */

static bool
is_answerable(FunctionCallInfo fcinfo)
{
	return ac_shared_memory_ready && !CALLED_AS_TRIGGER(fcinfo) && !CALLED_AS_EVENT_TRIGGER(fcinfo) &&
		   !(fcinfo->context != NULL && IsA(fcinfo->context, CallContext)) && ActiveSnapshotSet() &&
		   !IsInParallelMode() && IsTransactionState();
}

static bool
may_return(const MemoFunction *function, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	if (!function->returns_set)
		return true;
	return rsinfo != NULL && IsA(rsinfo, ReturnSetInfo) && (rsinfo->allowedModes & SFRM_Materialize) != 0 &&
		   (rsinfo->allowedModes & SFRM_ValuePerCall) != 0;
}

static Datum
return_result(const Call *call, const CallResult *result)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	fcinfo->isnull = result->isnull;
	if (!call->function->returns_set)
		return result->value;
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = result->rows;
	rsinfo->setDesc = result->desc;
	fcinfo->isnull = true;
	return (Datum) 0;
}

/* From memory. */
static Datum
return_packed(Call *call, const char *packed)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) call->fcinfo->resultinfo;
	bool set = call->function->returns_set;
	CallResult result;

	answer_of_call_hand_on(packed);
	answer_of_call_unpack(call->function, packed, set ? rsinfo->econtext->ecxt_per_query_memory : NULL,
						  set && (rsinfo->allowedModes & SFRM_Materialize_Random) != 0, &result);
	if (call->function->result_type == RECORDOID && !set && !result.isnull)
	{
		TupleDesc desc = record_shape(call);

		if (desc == NULL)
			elog(ERROR, "function %u returned a row of no known shape", call->function->function);
		HeapTupleHeaderSetTypMod(DatumGetHeapTupleHeader(result.value), desc->tdtypmod);
	}
	return return_result(call, &result);
}

static void
count_hit(Oid function, bool timed, instr_time start, int64 age)
{
	instr_time end;

	statistics_add(function, CALLS_HIT, 1);
	if (!timed)
		return;
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	statistics_add(function, CALLS_TIMED, 1);
	statistics_add(function, CALLS_HIT_NS, (uint64) (INSTR_TIME_GET_DOUBLE(end) * 1e9));
	statistics_note_age(function, age);
}

/* ---- made again ---- */

/* The key that the next call of its function must have; NULL: any. */
static const StoreKey *expected = NULL;
static bool was_expected;

/* But for the function's version: between the two parts of a FunctionKey and the rest. */
static bool
same_call(const CallKey *key)
{
	return key->size == expected->size && memcmp(key->bytes, expected->bytes, sizeof(FunctionKey)) == 0 &&
		   memcmp(key->bytes + CALL_KEY_VERSION_END, expected->bytes + CALL_KEY_VERSION_END,
				  key->size - CALL_KEY_VERSION_END) == 0;
}

/* Before anything is looked up or computed. */
static void
check_expected(const CallKey *key)
{
	was_expected = same_call(key);
	expected = NULL;
	if (!was_expected)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the call would not be the one that is made again"));
}

void
memo_expect(const StoreKey *key)
{
	expected = key;
	was_expected = false;
}

bool
memo_was_expected(void)
{
	expected = NULL;
	return was_expected;
}

/* ---- audited ---- */

/* What cannot be kept any more, which depends on more than the tables, says nothing. */
static bool
differs(void *arg, const char *kept, uint32 kept_size, const Computed *computed)
{
	const Call *call = arg;

	return computed->payload != NULL && computed->keepable &&
		   !answer_of_call_same(call->function, kept, computed->payload);
}

/* Arguments may be anybody's business: of a call only a number that is the same for the same arguments. */
static char *
describe(void *arg)
{
	const Call *call = arg;

	return psprintf("%s, arguments %016llx", format_procedure(call->function->function),
					(unsigned long long) call_key_hash_arguments(&call->key));
}

static const AuditedKind audited_call = {differs, describe, false};

/* Not one that is known to be inexact. */
static const AuditedKind *
audited(const MemoFunction *function)
{
	return function->ttl == 0 && !function->assume_stable ? &audited_call : NULL;
}

static Datum
answer(Call *call)
{
	bool timed = statistics_times_hit(call->function->function);
	instr_time start;
	Datum result;
	CacheRequest request = {.as_of = call->function->as_of,
							.never_waits = seen_current() != NULL,
							.compute = compute,
							.concerns = watched_concerns,
							.audited = audited(call->function),
							.below = &table_tier,
							.arg = call};
	const char *packed;
	uint32 size;

	INSTR_TIME_SET_ZERO(start);
	if (timed)
		INSTR_TIME_SET_CURRENT(start);
	call_key_make(&call->key, call->function, call->fcinfo);
	if (unlikely(expected != NULL))
		check_expected(&call->key);
	request.key = store_key(call);
	memset(&call->result, 0, sizeof(call->result));
	if (!cache_read_audited(&request, &packed, &size))
	{
		memo_function_note_call(call->function, request.valid_until != 0 ? LAST_KEPT : LAST_COMPUTED);
		return return_result(call, &call->result);
	}
	if (!answer_of_call_is_ours(packed))
	{
		seen_note_reason(REASON_NESTED, call->function->function);
		memo_function_note_call(call->function, LAST_COMPUTED);
		return call_straight(call->fcinfo, call->inner);
	}
	result = return_packed(call, packed);
	count_hit(call->function->function, timed, start, request.age);
	memo_function_note_call(call->function, LAST_HIT);
	return result;
}

/* ---- in another form ---- */

typedef struct Computation
{
	Call *call;
	uint64 clock;
	Computed *result;
} Computation;

static void
run_compute(void *arg)
{
	Computation *computation = arg;

	compute(computation->call, computation->clock, computation->result);
}

static void
compute_catching(void *arg, uint64 clock, Computed *result)
{
	Call *call = arg;
	Computation computation = {call, clock, result};

	call->error = guarded(run_compute, &computation);
	if (call->error != NULL)
		memset(result, 0, sizeof(*result));
}

/* What the catalogs say of the function, but for its result. */
static MemoFunction
function_in_form(const MemoForm *form)
{
	MemoFunction function = *memo_function(form->function);

	/* They go when it is looked up again, which the call may do. */
	function.type_relations = list_copy(function.type_relations);
	function.vary_by = list_copy(function.vary_by);
	function.user = form->user;
	function.form = form->type;
	function.as_of = AS_OF_CALL;
	function.returns_set = false;
	function.result_type = form->type;
	function.result_length = -1;
	function.result_by_value = false;
	return function;
}

MemoOutcome
memo_call_in_form(FunctionCallInfo fcinfo, const MemoForm *form)
{
	MemoFunction function = function_in_form(form);
	Call call = {.fcinfo = fcinfo,
				 .function = &function,
				 .form = form,
				 .kind = function.vary_by == NIL ? form->kind : &kept_calls};
	CacheRequest request = {.as_of = AS_OF_CALL,
							.never_waits = seen_current() != NULL,
							.compute = compute_catching,
							.concerns = watched_concerns,
							.below = &table_tier,
							.arg = &call};
	MemoOutcome outcome = {.hit = false};
	const char *packed;
	uint32 size;

	call_key_make(&call.key, &function, fcinfo);
	if (unlikely(expected != NULL))
		check_expected(&call.key);
	request.key = store_key(&call);
	outcome.hit = cache_read(&request, &packed, &size);
	if (outcome.hit && answer_of_call_is_ours(packed))
	{
		answer_of_call_hand_on(packed);
		answer_of_call_unpack(&function, packed, NULL, false, &call.result);
		statistics_add(form->function, CALLS_HIT, 1);
		statistics_note_age(form->function, request.age);
	}
	else if (outcome.hit)
	{
		Computed unused = {0};

		outcome.hit = false;
		compute_fresh(&request, &unused);
	}
	outcome.value = call.result.value;
	outcome.varies = function.vary_by != NIL;
	outcome.valid_until = request.valid_until;
	outcome.error = call.error;
	return outcome;
}

Datum
memo_call(FunctionCallInfo fcinfo, PGFunction inner)
{
	Oid function = fcinfo->flinfo->fn_oid;
	/* Too large to be set to zeros for each hit. */
	Call call;

	if (function == within_form)
	{
		within_form = InvalidOid;
		return call_straight(fcinfo, inner);
	}
	call.fcinfo = fcinfo;
	call.inner = inner;
	call.function = NULL;
	call.form = NULL;
	call.kind = &kept_calls;
	call.error = NULL;
	if (is_answerable(fcinfo))
	{
		call.function = memo_function(function);
		if (!call.function->called_straight && call.function->reason.kind == REASON_NONE &&
			may_return(call.function, fcinfo))
			return answer(&call);
		if (call.function->reason.kind != REASON_NONE)
			statistics_note_reason(function, call.function->reason);
	}
	seen_note_reason(REASON_NESTED, function);
	if (call.function != NULL)
		memo_function_note_call(call.function, LAST_COMPUTED);
	return call_straight(fcinfo, inner);
}
