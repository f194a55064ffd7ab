/*
 * facts.c
 *		What may come of calling a function, beside what it reads through the executor.
 *
 * Functions in SQL and plpgsql are looked into (source.c), and so on through
 * those that they call.  What is not in these and not IMMUTABLE keeps an
 * answer out, but for some of the server's (builtins.c).  Of the rest, what may go by its
 * arguments alone (what is STABLE, and what is in a language whose functions are VOLATILE
 * because nobody said otherwise) is told apart, since a function's author may vouch for it.
 *
 * What was found is remembered until a function or an operator changes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/proclang.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/function_setting.h"
#include "memo/builtins.h"
#include "memo/clock_words.h"
#include "memo/facts.h"
#include "memo/source.h"
#include "memo/types.h"

typedef struct Known
{
	uint64 key; /* see key_of */
	Oid function;
	bool complete;
	Reason reason;
	Reason unseen;
	bool says_until;
	bool reads_session;
	bool memoized;
	bool looked_into;
	Source source;
	char *path; /* that it sets, or NULL */
} Known;

static HTAB *known = NULL;
static MemoryContext known_context = NULL;
static bool known_is_old = true;

/* Whether it is in one of our languages: its answers say themselves what they depend on. */
static bool
is_memoized_function(Oid language)
{
	HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		is = strncmp(NameStr(((Form_pg_language) GETSTRUCT(tuple))->lanname), "memoized_", 9) == 0;
		ReleaseSysCache(tuple);
	}
	return is;
}

/* ---- of the server's own ---- */

static void
look_at_builtin(Known *one, Form_pg_proc form)
{
	switch (builtin_use(NameStr(form->proname), form->provolatile))
	{
		case BUILTIN_HARMLESS:
			break;
		case BUILTIN_CLOCK:
			one->source.reads_clock = true;
			break;
		case BUILTIN_DATE:
			one->source.reads_date = true;
			break;
		case BUILTIN_SESSION:
			one->reads_session = true;
			break;
		case BUILTIN_UNSEEN:
			one->unseen = (Reason){REASON_UNSEEN, one->function};
			break;
		case BUILTIN_REFUSED:
			one->reason = (Reason){REASON_FUNCTION, one->function};
			break;
	}
}

static bool
note_called(Oid function, void *arg)
{
	source_add_call(&((Known *) arg)->source, function);
	return false;
}

static bool
look_at_expression(Node *node, void *arg)
{
	Known *one = arg;

	if (node == NULL)
		return false;
	/* A text is the call's own argument. */
	if (!IsA(node, Const))
	{
		one->source.reads_date |= clock_use_of(node) == CLOCK_DATE;
		one->source.reads_clock |= clock_use_of(node) == CLOCK_TIME;
	}
	if (IsA(node, NextValueExpr))
		one->reason = (Reason){REASON_WRITES, InvalidOid};
	(void) check_functions_in_node(node, note_called, one);
	return expression_tree_walker(node, look_at_expression, one);
}

/* ---- functions ---- */

/* A body that is there as a text, or nothing is known of it. */
static void
look_into(Known *one, HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	char *path = function_setting(tuple, "search_path");
	bool isnull;
	Datum body;

	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	body = isnull ? SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull) : (Datum) 0;
	one->source.unreadable = body == (Datum) 0;
	if (body != (Datum) 0)
		source_read(&one->source, TextDatumGetCString(body));
	if (one->source.unreadable)
		one->unseen = (Reason){REASON_SOURCE, one->function};
	if (one->source.names_temporary)
		one->reason = (Reason){REASON_OWN_SCHEMA, InvalidOid};
	if (one->source.names_cursor)
		one->reason = (Reason){REASON_PORTAL, InvalidOid};
	for (int i = 0; i < form->pronargs; i++)
		source_add_type(&one->source, form->proargtypes.values[i]);
	one->path = path == NULL ? NULL : MemoryContextStrdup(known_context, path);
	one->looked_into = true;
}

/* Whatever the names mean, here and for others. */
static bool
reads_relations(const Known *one)
{
	return one->source.executes || one->source.relations != NIL;
}

static void
look_at_aggregate(Known *one)
{
	HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(one->function));
	Form_pg_aggregate form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	source_add_call(&one->source, form->aggtransfn);
	if (OidIsValid(form->aggfinalfn))
		source_add_call(&one->source, form->aggfinalfn);
	if (OidIsValid(form->aggmtransfn))
		source_add_call(&one->source, form->aggmtransfn);
	if (OidIsValid(form->aggmfinalfn))
		source_add_call(&one->source, form->aggmfinalfn);
	ReleaseSysCache(tuple);
}

/* availability_cache.valid_until(), which only a superuser can make. */
static bool
is_ours(HeapTuple tuple)
{
	bool isnull;
	Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

	return ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId && !isnull &&
		   strcmp(TextDatumGetCString(symbol), "availability_cache_valid_until") == 0;
}

static void
look_at_user_function(Known *one, HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	bool isnull;
	Datum defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);

	/* The caller computes them. */
	if (!isnull)
		(void) look_at_expression(stringToNode(TextDatumGetCString(defaults)), one);
	if (form->prokind == PROKIND_AGGREGATE)
		look_at_aggregate(one);
	else if (is_memoized_function(form->prolang))
		one->memoized = true;
	else if (form->prolang == SQLlanguageId || form->prolang == get_language_oid("plpgsql", true))
	{
		look_into(one, tuple);
		if (form->provolatile == PROVOLATILE_IMMUTABLE && reads_relations(one))
			one->reason = (Reason){REASON_IMMUTABLE, one->function};
	}
	else if (is_ours(tuple))
		one->says_until = true;
	else if (form->provolatile == PROVOLATILE_VOLATILE &&
			 (form->prolang == ClanguageId || form->prolang == INTERNALlanguageId))
		one->reason = (Reason){REASON_FUNCTION, one->function};
	else if (form->provolatile != PROVOLATILE_IMMUTABLE)
		one->unseen = (Reason){REASON_UNSEEN, one->function};
}

static void
forget(Datum arg, int cache, uint32 hash)
{
	known_is_old = true;
}

static void
start_over(void)
{
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(Known)};

	if (known_context == NULL)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
		CacheRegisterSyscacheCallback(OPEROID, forget, (Datum) 0);
		CacheRegisterSyscacheCallback(CASTSOURCETARGET, forget, (Datum) 0);
		known_context = AllocSetContextCreate(TopMemoryContext, "availability_cache functions",
											  ALLOCSET_SMALL_SIZES);
	}
	known_is_old = true;
	known = NULL;
	MemoryContextReset(known_context);
	control.hcxt = known_context;
	known = hash_create("availability_cache functions", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	known_is_old = false;
}

void
facts_refresh(void)
{
	if (known_is_old || known == NULL)
		start_over();
}

/* A memoized function is not looked into where it is called, and is where it computes. */
static uint64
key_of(Oid function, bool body)
{
	return (uint64) function << 1 | body;
}

static void
look_at(Known *one, HeapTuple tuple, bool body)
{
	if (body)
		look_into(one, tuple);
	else if (one->function < FirstNormalObjectId)
		look_at_builtin(one, (Form_pg_proc) GETSTRUCT(tuple));
	else
		look_at_user_function(one, tuple);
}

static const Known *
know(Oid function, bool body)
{
	uint64 key = key_of(function, body);
	bool found;
	Known *one = hash_search(known, &key, HASH_ENTER, &found);
	HeapTuple tuple;

	if (found && one->complete)
		return one;
	memset(one, 0, sizeof(*one));
	one->source.context = known_context;
	one->key = key;
	one->function = function;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		one->reason = (Reason){REASON_FUNCTION, InvalidOid};
	else
	{
		look_at(one, tuple, body);
		ReleaseSysCache(tuple);
	}
	one->complete = true;
	return one;
}

/* ---- with all that they call ---- */

static void
add(Facts *facts, const Known *one)
{
	ListCell *cell;

	if (facts->reason.kind == REASON_NONE)
		facts->reason = one->reason;
	if (facts->unseen.kind == REASON_NONE)
		facts->unseen = one->unseen;
	facts->says_until |= one->says_until;
	facts->reads_date |= one->source.reads_date;
	facts->reads_clock |= one->source.reads_clock;
	facts->reads_session |= one->reads_session;
	facts->fetches |= one->source.fetches;
	facts->has_times |= one->source.has_times;
	foreach(cell, one->source.settings)
		facts_add_setting(facts, strVal(lfirst(cell)));
	if (one->looked_into)
		facts->functions = lappend_oid(facts->functions, one->function);
	foreach(cell, one->source.calls)
		facts_add_function(facts, lfirst_oid(cell));
}

void
facts_add_function(Facts *facts, Oid function)
{
	check_stack_depth();
	if (!list_member_oid(facts->functions, function))
		add(facts, know(function, false));
}

void
facts_add_body(Facts *facts, Oid function)
{
	if (!list_member_oid(facts->functions, function))
		add(facts, know(function, true));
}

void
facts_add_type(Facts *facts, Oid type)
{
	Oid output = types_add(&facts->row_types, type);

	if (OidIsValid(output))
		facts_add_function(facts, output);
}

void
facts_add_setting(Facts *facts, const char *name)
{
	facts->settings = list_append_unique(facts->settings, makeString(pstrdup(name)));
}

static bool
is_known(Oid function, bool body)
{
	uint64 key = key_of(function, body);

	return hash_search(known, &key, HASH_FIND, NULL) != NULL;
}

/* One that is looked into may be there twice: as called, and as memoized itself. */
static const Known *
looked_into(Oid function)
{
	return know(function, is_known(function, true));
}

static void
tell_of(Oid function, const Known *called, bool is_call, void (*tell)(const Finding *finding, void *arg),
		void *arg)
{
	Finding finding = {.function = function, .called = is_call ? called->function : InvalidOid};
	const bool found[FOUND_REASON] = {[FOUND_MEMOIZED] = called->memoized,
									  [FOUND_UNTIL] = called->says_until,
									  [FOUND_DATE] = called->source.reads_date,
									  [FOUND_CLOCK] = called->source.reads_clock,
									  [FOUND_SESSION] = called->reads_session};
	ListCell *cell;

	for (finding.kind = 0; finding.kind < FOUND_REASON; finding.kind++)
	{
		if (found[finding.kind])
			tell(&finding, arg);
	}
	finding.kind = FOUND_SETTING;
	foreach(cell, called->source.settings)
	{
		finding.setting = strVal(lfirst(cell));
		tell(&finding, arg);
	}
	finding.kind = FOUND_REASON;
	finding.reason = called->reason.kind != REASON_NONE ? called->reason : called->unseen;
	if (finding.reason.kind != REASON_NONE)
		tell(&finding, arg);
}

void
facts_tell(const Facts *facts, void (*tell)(const Finding *finding, void *arg), void *arg)
{
	ListCell *cell;
	ListCell *call;

	foreach(cell, facts->functions)
	{
		Known one = *looked_into(lfirst_oid(cell));

		tell_of(one.function, &one, false, tell, arg);
		foreach(call, one.source.calls)
		{
			const Known *called = know(lfirst_oid(call), false);

			/* What was looked into tells of itself. */
			if (!called->looked_into)
				tell_of(one.function, called, true, tell, arg);
		}
	}
}

List *
facts_relations(const Facts *facts)
{
	List *relations = NIL;
	ListCell *cell;

	foreach(cell, facts->functions)
	{
		const Known *one = looked_into(lfirst_oid(cell));
		ListCell *name;

		foreach(name, one->source.relations)
		{
			Oid relid = RangeVarGetRelid(lfirst(name), NoLock, true);

			if (OidIsValid(relid))
				relations = list_append_unique_oid(relations, relid);
		}
	}
	return relations;
}

List *
facts_types(const Facts *facts)
{
	List *types = NIL;
	ListCell *cell;

	foreach(cell, facts->functions)
		types = list_union(types, looked_into(lfirst_oid(cell))->source.types);
	return types;
}

List *
facts_paths(const Facts *facts)
{
	List *paths = NIL;
	ListCell *cell;

	foreach(cell, facts->functions)
	{
		const Known *one = looked_into(lfirst_oid(cell));

		if (one->path != NULL)
			paths = list_append_unique(paths, makeString(one->path));
	}
	return paths;
}
