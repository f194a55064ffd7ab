/*
 * memoized.c
 *		The languages memoized_plpgsql and memoized_sql, and what SQL calls about functions in them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/functions.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "cache/changes.h"
#include "entry/outdated.h"
#include "memo/call.h"
#include "memo/facts.h"
#include "memo/function.h"
#include "memo/key.h"
#include "memo/seen.h"
#include "memo/statistics.h"
#include "memo/tags.h"
#include "memo/watched.h"
#include "table/log.h"
#include "table/trust.h"

PG_FUNCTION_INFO_V1(availability_cache_memoized_plpgsql);
PG_FUNCTION_INFO_V1(availability_cache_memoized_sql);
PG_FUNCTION_INFO_V1(availability_cache_memoized_plpgsql_validator);
PG_FUNCTION_INFO_V1(availability_cache_memoized_sql_validator);
PG_FUNCTION_INFO_V1(availability_cache_valid_until);
PG_FUNCTION_INFO_V1(availability_cache_memo_clear);
PG_FUNCTION_INFO_V1(availability_cache_memo_clear_arguments);
PG_FUNCTION_INFO_V1(availability_cache_memo_problem);
PG_FUNCTION_INFO_V1(availability_cache_memo_relations);
PG_FUNCTION_INFO_V1(availability_cache_memo_counts);
PG_FUNCTION_INFO_V1(availability_cache_memo_findings);
PG_FUNCTION_INFO_V1(availability_cache_memo_key);
PG_FUNCTION_INFO_V1(availability_cache_memo_seen);
PG_FUNCTION_INFO_V1(availability_cache_memo_usage);
PG_FUNCTION_INFO_V1(availability_cache_memo_was_hit);

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

/*
 * The server compares the validator's OID with that of the function's language: it is
 * ours that was called.
 */
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

/*
 * availability_cache.valid_until(timestamptz): the answer that is being computed holds
 * until then, whatever the clock is asked.
 */
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
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("function with OID %u does not exist", function));
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of function %s", format_procedure(function)));
}

/* From memory at once, from the table tier with this transaction. */
static void
clear(Tag tag)
{
	if (trust_is_active())
	{
		PreventCommandIfReadOnly("availability_cache.memo_clear()");
		tier_log_tag(tag);
	}
	(void) changes_touch_now(tag);
}

/* availability_cache.memo_clear(function): its answers go at once, and again when the transaction ends. */
PGDLLEXPORT Datum
availability_cache_memo_clear(PG_FUNCTION_ARGS)
{
	must_own(PG_GETARG_OID(0));
	clear(tag_of_answers(PG_GETARG_OID(0)));
	outdated_function(PG_GETARG_OID(0));
	PG_RETURN_BOOL(function_is_memoized(PG_GETARG_OID(0)));
}

/* An argument as a call would pass it. */
static Datum
as_argument(Datum value, Oid from, Oid to)
{
	Oid cast;
	Oid output;
	Oid input;
	Oid element;
	bool is_varlena;
	CoercionPathType path = find_coercion_pathway(to, from, COERCION_ASSIGNMENT, &cast);

	if (from == to || path == COERCION_PATH_RELABELTYPE)
		return value;
	if (path == COERCION_PATH_FUNC && get_func_nargs(cast) == 1)
		return OidFunctionCall1(cast, value);
	getTypeOutputInfo(from, &output, &is_varlena);
	getTypeInputInfo(to, &input, &element);
	return OidInputFunctionCall(input, OidOutputFunctionCall(output, value), element, -1);
}

/* availability_cache.memo_clear(function, VARIADIC "any"): the same of the answers with these arguments. */
PGDLLEXPORT Datum
availability_cache_memo_clear_arguments(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);
	NullableDatum arguments[FUNC_MAX_ARGS];
	Datum *given;
	bool *nulls;
	Oid *given_types;
	Oid *types;
	int nargs;
	int n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	must_own(function);
	(void) get_func_signature(function, &types, &nargs);
	n = extract_variadic_args(fcinfo, 1, true, &given, &given_types, &nulls);
	if (n != nargs)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("function %s has %d arguments, not %d", format_procedure(function), nargs, Max(n, 0)),
				errhint(
					"Give all, also those that have defaults; those of a VARIADIC parameter as one array."));
	for (int i = 0; i < n; i++)
	{
		arguments[i].isnull = nulls[i];
		arguments[i].value = nulls[i] ? (Datum) 0 : as_argument(given[i], given_types[i], types[i]);
	}
	clear(tag_of_answers_with(function, hash_arguments(memo_function(function), arguments)));
	outdated_function(function);
	PG_RETURN_BOOL(function_is_memoized(function));
}

static void
read_facts(Oid function, Facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	if (seen_current() == NULL)
		facts_refresh();
	facts_add_body(facts, function);
	if (OidIsValid(memo_function(function)->valid_until))
		facts_add_function(facts, memo_function(function)->valid_until);
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
	if (facts.unseen.kind != REASON_NONE && !one->assume_stable)
		return facts.unseen;
	if ((facts.reads_session && one->vary_by == NIL) || !call_key_has_settings(one, facts.settings))
		return (Reason){REASON_SESSION, InvalidOid};
	if (facts.reads_clock && one->ttl == 0 && !OidIsValid(one->valid_until) && !facts.says_until)
		return (Reason){REASON_CLOCK, InvalidOid};
	return (Reason){REASON_NONE, InvalidOid};
}

/*
 * availability_cache_internal.memo_problem(function): why its answers would not be
 * kept, by its source; NULL if that says nothing.
 */
PGDLLEXPORT Datum
availability_cache_memo_problem(PG_FUNCTION_ARGS)
{
	char *problem = reason_text(problem_of(PG_GETARG_OID(0)));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/*
 * availability_cache_internal.memo_relations(function, search_path): what it, and what
 * it calls, seems to read.
 */
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

/* ---- what is looked at ---- */

/* Whose function it is, and who may see everything. */
static bool
may_see(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return has_privs_of_role(GetUserId(), owner) || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

static void
put_text_row(ReturnSetInfo *rsinfo, const char *first, const char *second)
{
	Datum values[2] = {CStringGetTextDatum(first), CStringGetTextDatum(second)};
	bool nulls[2] = {false, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static char *
function_name(Oid function)
{
	return DatumGetCString(DirectFunctionCall1(regprocedureout, ObjectIdGetDatum(function)));
}

static void
put_finding(const Finding *finding, void *arg)
{
	static const char *const texts[FOUND_REASON] =
		{[FOUND_MEMOIZED] = "is memoized itself",
		 [FOUND_UNTIL] = "says until when the answer holds",
		 [FOUND_DATE] = "goes by the date: answers hold until midnight, or as ttl or valid_until say",
		 [FOUND_CLOCK] =
			 "looks at the clock: needs ttl, valid_until or a call of availability_cache.valid_until()",
		 [FOUND_SESSION] = "looks at a setting: needs vary_by"};
	const char *text = finding->kind == FOUND_REASON ? reason_text(finding->reason) : texts[finding->kind];
	char *found = psprintf("found in %s", function_name(finding->function));

	if (finding->kind == FOUND_SETTING)
		text = psprintf("looks at the setting %s: needs vary_by", finding->setting);
	put_text_row(arg, found,
				 OidIsValid(finding->called) ? psprintf("%s: %s", function_name(finding->called), text)
											 : text);
}

/*
 * availability_cache_internal.memo_findings(function): what in it and in what it calls
 * matters, by the source.
 */
PGDLLEXPORT Datum
availability_cache_memo_findings(PG_FUNCTION_ARGS)
{
	Facts facts;

	InitMaterializedSRF(fcinfo, 0);
	read_facts(PG_GETARG_OID(0), &facts);
	facts_tell(&facts, put_finding, fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * availability_cache_internal.memo_key(): what the key of each call has beside
 * arguments and what vary_by names.
 */
PGDLLEXPORT Datum
availability_cache_memo_key(PG_FUNCTION_ARGS)
{
	Datum *names = palloc(call_key_nnames * sizeof(Datum));

	for (int i = 0; i < call_key_nnames; i++)
		names[i] = CStringGetTextDatum(call_key_names[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, call_key_nnames, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * availability_cache.memo_was_hit(function): whether this session's last call of it
 * was answered from memory.
 */
PGDLLEXPORT Datum
availability_cache_memo_was_hit(PG_FUNCTION_ARGS)
{
	LastCall last = memo_function(PG_GETARG_OID(0))->last_call;

	if (last == NOT_CALLED)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(last == LAST_HIT);
}

#define NCOUNTS_SHOWN (CALLS_HIT_NS + 1)

/*
 * availability_cache_internal.memo_counts(function): columns in the order of
 * CallCount, without those after CALLS_HIT_NS, then why an answer was not kept last.
 */
PGDLLEXPORT Datum
availability_cache_memo_counts(PG_FUNCTION_ARGS)
{
	FunctionStatistics statistics = {0};
	TupleDesc desc;
	Datum values[NCOUNTS_SHOWN + 1];
	bool nulls[NCOUNTS_SHOWN + 1] = {false};
	char *reason;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!may_see(PG_GETARG_OID(0)))
		PG_RETURN_NULL();
	if (ac_shared_memory_ready)
	{
		(void) statistics_read(PG_GETARG_OID(0), &statistics);
		reason = reason_text(statistics.last_reason);
	}
	else
		reason = pstrdup("availability_cache is not in shared_preload_libraries");
	for (int i = 0; i < NCOUNTS_SHOWN; i++)
		values[i] = Int64GetDatum(statistics.counts[i]);
	nulls[NCOUNTS_SHOWN] = reason == NULL;
	values[NCOUNTS_SHOWN] = reason == NULL ? (Datum) 0 : CStringGetTextDatum(reason);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static void
put_sight(ReturnSetInfo *rsinfo, const Sight *sight)
{
	static const char *const texts[NWHOLE_REASONS] =
		{[WHOLE_NOT] = "rows by %s",
		 [WHOLE_CONDITION] = "whole: no condition that a column equals a value",
		 [WHOLE_KEY] = "whole: %s is no key column; see availability_cache.watch()",
		 [WHOLE_EQUALITY] = "whole: %s is not compared as its own type and collation do",
		 [WHOLE_VALUE] = "whole: what %s equals is not known for the whole query",
		 [WHOLE_MANY] = "whole: too many values of %s"};
	char *table = get_rel_name(sight->relid);
	char *column = sight->column == 0 ? NULL : get_attname(sight->relid, sight->column, true);

	/* A table or column that is gone since. */
	if (table == NULL || sight->whole >= NWHOLE_REASONS || (column == NULL && sight->column != 0))
		return;
	put_text_row(rsinfo, "seen",
				 psprintf("%s: %s",
						  quote_qualified_identifier(get_namespace_name(get_rel_namespace(sight->relid)),
													 table),
						  psprintf(texts[sight->whole], column == NULL ? "" : column)));
}

/*
 * availability_cache_internal.memo_seen(function): which rows its last computation
 * read, as far as the caller may see it.
 */
PGDLLEXPORT Datum
availability_cache_memo_seen(PG_FUNCTION_ARGS)
{
	FunctionStatistics statistics = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (!ac_shared_memory_ready || !may_see(PG_GETARG_OID(0)))
		return (Datum) 0;
	(void) statistics_read(PG_GETARG_OID(0), &statistics);
	for (int i = 0; i < statistics.nsights; i++)
		put_sight((ReturnSetInfo *) fcinfo->resultinfo, &statistics.sights[i]);
	return (Datum) 0;
}

/* What a function's answers take of memory. */
typedef struct Usage
{
	Oid function; /* key */
	int64 entries;
	int64 bytes;
} Usage;

static HTAB *
count_entries(void)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(Usage), .hcxt = CurrentMemoryContext};
	HTAB *usages = hash_create("usage", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	uint32 n = store_count_places();

	for (uint32 place = 0; place < n; place++)
	{
		StoredEntry entry;
		EntryInfo info;
		FunctionKey key;
		Usage *usage;
		bool found;

		CHECK_FOR_INTERRUPTS();
		if (!store_fetch_place(place, &entry, &info) ||
			(entry.key.format != FORMAT_FUNCTION && entry.key.format != FORMAT_FORM))
			continue;
		key = call_key_function(&entry.key);
		if (key.dboid != MyDatabaseId)
			continue;
		usage = hash_search(usages, &key.function, HASH_ENTER, &found);
		usage->entries = (found ? usage->entries : 0) + 1;
		usage->bytes = (found ? usage->bytes : 0) + info.bytes;
	}
	return usages;
}

/*
 * availability_cache_internal.memo_usage(): function, entries, bytes; of functions
 * that the caller may see.
 */
PGDLLEXPORT Datum
availability_cache_memo_usage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS all;
	Usage *usage;

	InitMaterializedSRF(fcinfo, 0);
	if (!ac_shared_memory_ready)
		return (Datum) 0;
	hash_seq_init(&all, count_entries());
	while ((usage = hash_seq_search(&all)) != NULL)
	{
		Datum values[3] = {ObjectIdGetDatum(usage->function), Int64GetDatum(usage->entries),
						   Int64GetDatum(usage->bytes)};
		bool nulls[3] = {false};

		if (may_see(usage->function))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
