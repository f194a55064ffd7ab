/*
 * again.c
 *		A call that somebody made, made again from its key when nobody asks.
 *
 * Whoever could write a function's body could have it run as whoever called it
 * before, at any time: so a call is made again only where its code runs as the
 * function's owner, and as a superuser only if it does so whoever calls
 * (SECURITY DEFINER).  It runs in a security-restricted operation, read-only.
 *
 * The key is not trusted to say under what the answer would be kept: the call
 * makes its own key, and nothing is computed if that is another (call.c).  So
 * what is left out here, or wrong, costs an answer that is not warm.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/as_user.h"
#include "memo/again.h"
#include "memo/call.h"

/* What types mean may have changed since the value was kept; of these it cannot have. */
static bool
is_plain(Oid type)
{
	Oid element = get_element_type(getBaseType(type));
	char kind = get_typtype(getBaseType(OidIsValid(element) ? element : type));

	return kind == TYPTYPE_BASE || kind == TYPTYPE_ENUM;
}

static bool
has_plain_arguments(Oid function)
{
	Oid *types;
	int nargs;

	(void) get_func_signature(function, &types, &nargs);
	for (int i = 0; i < nargs; i++)
	{
		if (!is_plain(types[i]))
			return false;
	}
	return true;
}

/* Whether its code runs as its owner; answers in another form are always made so. */
static bool
runs_as_owner(const OpenedKey *opened)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(opened->function));
	Form_pg_proc form;
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->proowner == opened->user && (form->prosecdef || !superuser_arg(form->proowner));
	ReleaseSysCache(tuple);
	return result;
}

const char *
again_open(const StoreKey *key, OpenedKey *opened)
{
	Oid oid = call_key_function(key).function;
	const MemoFunction *function;

	if (!function_is_memoized(oid))
		return "the function is not memoized any more";
	function = memo_function(oid);
	if (function->called_straight || function->reason.kind != REASON_NONE)
		return "its answers are not kept";
	if (function->vary_by != NIL)
		return "the function has vary_by";
	if (!has_plain_arguments(oid))
		return "an argument is a row or a range";
	if (!call_key_open(key, function, opened))
		return "the function takes other arguments";
	if (!runs_as_owner(opened))
		return "it would not run as the function's owner, or as a superuser who is not its definer";
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(opened->session_user)))
		return "the role is gone";
	return NULL;
}

static void
set(const char *name, const char *value)
{
	const char *now = GetConfigOption(name, true, false);

	/* Not to be saved: some cannot be (transaction_read_only, from 16 on). Ending the level takes it back. */
	if (now == NULL || strcmp(now, value) != 0)
		(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

static void
set_all(const OpenedKey *opened)
{
	for (int i = 0; i + 1 < list_length(opened->settings); i += 2)
		set(list_nth(opened->settings, i), list_nth(opened->settings, i + 1));
	set("transaction_read_only", "on");
}

bool
again_run(const StoreKey *key, const OpenedKey *opened, void (*call)(const OpenedKey *opened, void *arg),
		  void *arg)
{
	int level = guard_settings();
	SavedUser saved;
	bool was_made;

	set_all(opened);
	/* Not switch_user(): the names mean what they meant. */
	GetUserIdAndSecContext(&saved.user, &saved.context);
	SetUserIdAndSecContext(opened->user,
						   saved.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	memo_expect(key);
	PG_TRY();
	{
		call(opened, arg);
	}
	PG_FINALLY();
	{
		/* What is raised before the function is called leaves nothing for the session's next call. */
		was_made = memo_was_expected();
	}
	PG_END_TRY();
	restore_user(saved);
	restore_settings(level);
	return was_made;
}

char *
call_text(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	StringInfoData text;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT FROM %s(",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace),
												NameStr(form->proname)));
	for (int i = 0; i < form->pronargs; i++)
		appendStringInfo(&text, "%s%s$%d::%s", i == 0 ? "" : ", ",
						 OidIsValid(form->provariadic) && i == form->pronargs - 1 ? "VARIADIC " : "", i + 1,
						 /* As given: "character" alone would be of one letter. */
						 format_type_extended(form->proargtypes.values[i], -1,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoChar(&text, ')');
	ReleaseSysCache(tuple);
	return text.data;
}

void
again_call(const OpenedKey *opened, void *arg)
{
	Datum values[FUNC_MAX_ARGS];
	char nulls[FUNC_MAX_ARGS];
	Oid *types;
	int nargs;

	(void) get_func_signature(opened->function, &types, &nargs);
	for (int i = 0; i < nargs; i++)
	{
		values[i] = opened->args[i].value;
		nulls[i] = opened->args[i].isnull ? 'n' : ' ';
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	(void) SPI_execute_with_args(call_text(opened->function), nargs, types, values, nulls, false, 0);
	SPI_finish();
}
