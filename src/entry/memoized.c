/*
 * memoized.c
 *		The languages memoized_plpgsql and memoized_sql, and what SQL calls about functions in them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/functions.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/regproc.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "cache/changes.h"
#include "memo/call.h"
#include "memo/facts.h"
#include "memo/function.h"
#include "memo/seen.h"
#include "memo/statistics.h"
#include "memo/tags.h"
#include "memo/watched.h"

PG_FUNCTION_INFO_V1(availability_cache_memoized_plpgsql);
PG_FUNCTION_INFO_V1(availability_cache_memoized_sql);
PG_FUNCTION_INFO_V1(availability_cache_memoized_plpgsql_validator);
PG_FUNCTION_INFO_V1(availability_cache_memoized_sql_validator);
PG_FUNCTION_INFO_V1(availability_cache_valid_until);
PG_FUNCTION_INFO_V1(availability_cache_memo_clear);
PG_FUNCTION_INFO_V1(availability_cache_memo_problem);
PG_FUNCTION_INFO_V1(availability_cache_memo_relations);
PG_FUNCTION_INFO_V1(availability_cache_memo_counts);

/* ---- the languages ---- */

typedef struct PlpgsqlEntryPoints
{
	PGFunction call;
	PGFunction validate;
} PlpgsqlEntryPoints;

/* plpgsql's own, which stay where they are while this backend lives. */
static const PlpgsqlEntryPoints *
plpgsql(void)
{
	static PlpgsqlEntryPoints found = {NULL, NULL};
	HeapTuple tuple;
	Form_pg_language form;
	FmgrInfo call;
	FmgrInfo validate;

	if (found.call != NULL)
		return &found;
	tuple = SearchSysCache1(LANGNAME, CStringGetDatum("plpgsql"));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("language \"plpgsql\" does not exist"),
				errhint("Run CREATE EXTENSION plpgsql."));
	form = (Form_pg_language) GETSTRUCT(tuple);
	fmgr_info(form->lanplcallfoid, &call);
	fmgr_info(form->lanvalidator, &validate);
	ReleaseSysCache(tuple);
	found.validate = validate.fn_addr;
	found.call = call.fn_addr;
	return &found;
}

PGDLLEXPORT Datum
availability_cache_memoized_plpgsql(PG_FUNCTION_ARGS)
{
	return memo_call(fcinfo, plpgsql()->call);
}

PGDLLEXPORT Datum
availability_cache_memoized_sql(PG_FUNCTION_ARGS)
{
	return memo_call(fcinfo, fmgr_sql);
}

/* The server compares the validator's OID with that of the function's language: it is ours that was called. */
PGDLLEXPORT Datum
availability_cache_memoized_plpgsql_validator(PG_FUNCTION_ARGS)
{
	return plpgsql()->validate(fcinfo);
}

PGDLLEXPORT Datum
availability_cache_memoized_sql_validator(PG_FUNCTION_ARGS)
{
	return fmgr_sql_validator(fcinfo);
}

/* ---- called in functions ---- */

/* availability_cache.valid_until(timestamptz): the answer that is being computed holds until then, whatever the clock is asked. */
PGDLLEXPORT Datum
availability_cache_valid_until(PG_FUNCTION_ARGS)
{
	seen_note_until(PG_ARGISNULL(0) ? cache_now() : PG_GETARG_TIMESTAMPTZ(0));
	PG_RETURN_VOID();
}

/* ---- about functions ---- */

static void
must_own(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("function with OID %u does not exist", function));
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of function %s", format_procedure(function)));
}

/* availability_cache.memo_clear(function): its answers go at once, and again when the transaction ends. */
PGDLLEXPORT Datum
availability_cache_memo_clear(PG_FUNCTION_ARGS)
{
	must_own(PG_GETARG_OID(0));
	(void) changes_touch_now(tag_of_answers(PG_GETARG_OID(0)));
	PG_RETURN_VOID();
}

static void
read_facts(Oid function, Facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	if (seen_current() == NULL)
		facts_refresh();
	facts_add_body(facts, function);
}

/* What the source alone says, as if nothing were named. */
static Reason
problem_of(Oid function)
{
	const MemoFunction *one = memo_function(function);
	Facts facts;

	if (one->reason.kind != REASON_NONE)
		return one->reason;
	read_facts(function, &facts);
	if (facts.reason.kind != REASON_NONE)
		return facts.reason;
	if (facts.reads_session && one->vary_by == NIL)
		return (Reason){REASON_SESSION, InvalidOid};
	return (Reason){facts.reads_clock && one->ttl == 0 ? REASON_CLOCK : REASON_NONE, InvalidOid};
}

/* availability_cache_internal.memo_problem(function): why its answers would not be kept, by its source; NULL if that says nothing. */
PGDLLEXPORT Datum
availability_cache_memo_problem(PG_FUNCTION_ARGS)
{
	char *problem = reason_text(problem_of(PG_GETARG_OID(0)));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* availability_cache_internal.memo_relations(function, search_path): what it, and what it calls, seems to read. */
PGDLLEXPORT Datum
availability_cache_memo_relations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int level = guard_settings();
	Facts facts;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	(void) set_config_option("search_path", text_to_cstring(PG_GETARG_TEXT_PP(1)), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	read_facts(PG_GETARG_OID(0), &facts);
	foreach(cell, facts_relations(&facts))
	{
		Datum value = ObjectIdGetDatum(lfirst_oid(cell));
		bool isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
	restore_settings(level);
	return (Datum) 0;
}

/* availability_cache_internal.memo_counts(function): hits, computations, not kept, microseconds, why not kept last. */
PGDLLEXPORT Datum
availability_cache_memo_counts(PG_FUNCTION_ARGS)
{
	FunctionStatistics statistics = {0};
	TupleDesc desc;
	Datum values[NCALL_COUNTS + 1];
	bool nulls[NCALL_COUNTS + 1] = {false};
	char *reason;

	shmem_require();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	(void) statistics_read(PG_GETARG_OID(0), &statistics);
	for (int i = 0; i < NCALL_COUNTS; i++)
		values[i] = Int64GetDatum(statistics.counts[i]);
	reason = reason_text(statistics.last_reason);
	nulls[NCALL_COUNTS] = reason == NULL;
	values[NCALL_COUNTS] = reason == NULL ? (Datum) 0 : CStringGetTextDatum(reason);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
