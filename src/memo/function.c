/*
 * function.c
 *		What the catalogs say of a memoized function.
 *
 * Remembered in this backend until a function's or a type's row changes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/function_setting.h"
#include "memo/function.h"
#include "memo/types.h"

static HTAB *functions = NULL;
static MemoryContext functions_context = NULL;
/* Moves on when a function or type may have changed. */
static uint64 generation = 1;
static const MemoFunction *latest = NULL;

static void
forget(Datum arg, int cache, uint32 hash)
{
	generation++;
}

static void
make_table(void)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(MemoFunction)};

	CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, forget, (Datum) 0);
	functions_context = AllocSetContextCreate(TopMemoryContext, "availability_cache memoized",
											  ALLOCSET_SMALL_SIZES);
	control.hcxt = functions_context;
	functions = hash_create("availability_cache memoized", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool
function_is_memoized(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char *language;

	if (!HeapTupleIsValid(tuple))
		return false;
	language = get_language_name(((Form_pg_proc) GETSTRUCT(tuple))->prolang, false);
	ReleaseSysCache(tuple);
	return strcmp(language, "memoized_sql") == 0 || strcmp(language, "memoized_plpgsql") == 0;
}

/* ---- types ---- */

static bool
is_transient(Oid type)
{
	return type == RECORDOID || type == RECORDARRAYOID || type == REFCURSOROID || IsPolymorphicType(type) ||
		   type == INTERNALOID || type == CSTRINGOID || type == ANYOID;
}

/* Columns of a result that are OUT parameters. */
static void
note_out_types(MemoFunction *one, HeapTuple tuple)
{
	Oid *types;
	char **names;
	char *modes;
	int n = get_func_arg_info(tuple, &types, &names, &modes);

	for (int i = 0; modes != NULL && i < n; i++)
	{
		if (modes[i] == PROARGMODE_IN || modes[i] == PROARGMODE_VARIADIC)
			continue;
		(void) types_add(&one->type_relations, types[i]);
		if (is_transient(types[i]))
			one->reason.kind = REASON_RESULT;
	}
}

static void
look_at_types(MemoFunction *one, HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	one->nargs = form->pronargs;
	for (int i = 0; i < one->nargs; i++)
	{
		Oid type = form->proargtypes.values[i];

		get_typlenbyval(type, &one->args[i].length, &one->args[i].by_value);
		if (is_transient(type))
			one->reason.kind = REASON_ARGUMENT;
		(void) types_add(&one->type_relations, type);
	}
	one->result_type = form->prorettype;
	get_typlenbyval(one->result_type, &one->result_length, &one->result_by_value);
	if (one->result_type != RECORDOID && is_transient(one->result_type))
		one->reason.kind = REASON_RESULT;
	(void) types_add(&one->type_relations, one->result_type);
	note_out_types(one, tuple);
}

/* ---- options ---- */

/* The function of this name with the same arguments; InvalidOid: there is none that returns a timestamptz. */
static Oid
find_until(const char *name, Form_pg_proc form)
{
	char *copy = pstrdup(name);
	List *parts;
	HeapTuple tuple;
	Oid found = InvalidOid;

	if (!SplitIdentifierString(copy, '.', &parts) || list_length(parts) != 2)
		return InvalidOid;
	tuple = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(lsecond(parts)),
							PointerGetDatum(&form->proargtypes),
							ObjectIdGetDatum(get_namespace_oid(linitial(parts), true)));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prorettype == TIMESTAMPTZOID &&
		((Form_pg_proc) GETSTRUCT(tuple))->prokind == PROKIND_FUNCTION &&
		!((Form_pg_proc) GETSTRUCT(tuple))->proretset)
		found = ((Form_pg_proc) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	return found;
}

static void
read_options(MemoFunction *one, HeapTuple tuple)
{
	char *vary_by = function_setting(tuple, OPTION_VARY_BY);
	const char *ttl = function_setting(tuple, OPTION_TTL);
	const char *assume_stable = function_setting(tuple, OPTION_ASSUME_STABLE);
	const char *valid_until = function_setting(tuple, OPTION_VALID_UNTIL);

	for (char *part = vary_by == NULL ? NULL : strtok(vary_by, ", "); part != NULL; part = strtok(NULL, ", "))
		one->vary_by = lappend(one->vary_by, pstrdup(part));
	if (ttl != NULL && !parse_int(ttl, &one->ttl, GUC_UNIT_S, NULL))
		one->ttl = 0;
	if (assume_stable != NULL && !parse_bool(assume_stable, &one->assume_stable))
		one->assume_stable = false;
	if (valid_until != NULL)
	{
		one->valid_until = find_until(valid_until, (Form_pg_proc) GETSTRUCT(tuple));
		if (!OidIsValid(one->valid_until))
			one->reason.kind = REASON_UNTIL;
	}
}

/* ---- functions ---- */

static void
read_function(MemoFunction *one, Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("function with OID %u does not exist", function));
	form = (Form_pg_proc) GETSTRUCT(tuple);
	one->xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	one->tid = tuple->t_self;
	/* The server computes those that are IMMUTABLE when it likes. */
	one->called_straight = form->prokind != PROKIND_FUNCTION || form->provolatile == PROVOLATILE_IMMUTABLE ||
						   form->prorettype == TRIGGEROID || form->prorettype == EVENT_TRIGGEROID ||
						   form->prorettype == VOIDOID;
	one->as_of = form->provolatile == PROVOLATILE_VOLATILE ? AS_OF_EACH : AS_OF_STATEMENT;
	one->returns_set = form->proretset;
	one->hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	look_at_types(one, tuple);
	read_options(one, tuple);
	ReleaseSysCache(tuple);
}

const MemoFunction *
memo_function(Oid function)
{
	MemoFunction *one;
	MemoryContext old;
	LastCall last;
	uint64 read_at;
	bool found;

	if (functions == NULL)
		make_table();
	/* Entries stay where they are, and most calls are of the function of the last one. */
	if (latest != NULL && latest->function == function && latest->generation == generation)
		return latest;
	one = hash_search(functions, &function, HASH_ENTER, &found);
	latest = one;
	if (found && one->generation == generation)
		return one;
	read_at = generation;
	last = found ? one->last_call : NOT_CALLED;
	if (found && one->context != NULL)
		MemoryContextDelete(one->context);
	memset(one, 0, sizeof(*one));
	one->function = function;
	one->last_call = last;
	one->context = AllocSetContextCreate(functions_context, "availability_cache memoized function",
										 ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(one->context);
	read_function(one, function);
	MemoryContextSwitchTo(old);
	/* Messages that came meanwhile make it old. */
	one->generation = read_at;
	return one;
}

void
memo_function_note_call(const MemoFunction *function, LastCall last)
{
	((MemoFunction *) function)->last_call = last;
}
