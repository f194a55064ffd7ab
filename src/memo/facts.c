/*
 * facts.c
 *		What may come of calling a function, beside what it reads through the executor.
 *
 * plpgsql computes simple expressions (u := now()) without the executor, so
 * what they call is looked for in the source: every name before a
 * parenthesis, in whatever schema there is a function of that name, and on
 * through the functions in SQL and plpgsql among these.  That finds too
 * much rather than too little.  What is not in SQL or plpgsql and not
 * IMMUTABLE keeps an answer out, but for a list of functions of the server
 * that go by arguments, by settings that are in every key (key.c) and by names.
 * Of the rest, what may go by its arguments alone (what is STABLE, and what is
 * in a language whose functions are VOLATILE because nobody said otherwise) is
 * told apart, since a function's author may vouch for it.
 *
 * What was found is remembered until a function or an operator changes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/proclang.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/function_setting.h"
#include "memo/clock_words.h"
#include "memo/facts.h"
#include "memo/types.h"
#include "memo/words.h"

typedef struct Known
{
	uint64 key; /* see key_of */
	Oid function;
	bool complete;
	Reason reason;
	Reason unseen;
	bool says_until;
	bool reads_date;
	bool reads_clock;
	bool reads_session;
	bool memoized;
	bool looked_into;
	bool executes;	 /* text, as a query */
	List *calls;	 /* OIDs */
	List *relations; /* RangeVars */
	List *types;	 /* names that some type has, as strings */
	List *settings;	 /* likewise: that current_setting() is asked for */
	char *path;		 /* that it sets, or NULL */
} Known;

static HTAB *known = NULL;
static MemoryContext known_context = NULL;
static bool known_is_old = true;

/* STABLE ones of the server's that depend on nothing but arguments and what every key has. */
static const char *const harmless[] = {"anytextcat",
									   "array_to_json",
									   "array_to_string",
									   "concat",
									   "concat_ws",
									   "convert",
									   "convert_from",
									   "convert_to",
									   "current_database",
									   "current_schema",
									   "current_user",
									   "date",
									   "enum_first",
									   "enum_last",
									   "enum_range",
									   "extract",
									   "format",
									   "generate_series",
									   "get_current_ts_config",
									   "getdatabaseencoding",
									   "getpgusername",
									   "in_range",
									   "interval_pl_timestamptz",
									   "json_agg",
									   "json_agg_strict",
									   "json_agg_strict_transfn",
									   "json_agg_transfn",
									   "json_build_array",
									   "json_build_object",
									   "json_object_agg",
									   "json_object_agg_strict",
									   "json_object_agg_transfn",
									   "json_object_agg_unique",
									   "json_object_agg_unique_strict",
									   "json_populate_record",
									   "json_populate_recordset",
									   "json_to_record",
									   "json_to_recordset",
									   "json_to_tsvector",
									   "jsonb_agg",
									   "jsonb_agg_finalfn",
									   "jsonb_agg_strict",
									   "jsonb_agg_strict_transfn",
									   "jsonb_agg_transfn",
									   "jsonb_build_array",
									   "jsonb_build_object",
									   "jsonb_object_agg_finalfn",
									   "jsonb_object_agg",
									   "jsonb_object_agg_strict",
									   "jsonb_object_agg_transfn",
									   "jsonb_object_agg_unique",
									   "jsonb_object_agg_unique_strict",
									   "jsonb_path_exists_tz",
									   "jsonb_path_match_tz",
									   "jsonb_path_query_array_tz",
									   "jsonb_path_query_first_tz",
									   "jsonb_path_query_tz",
									   "jsonb_populate_record",
									   "jsonb_populate_recordset",
									   "jsonb_to_record",
									   "jsonb_to_recordset",
									   "jsonb_to_tsvector",
									   "length",
									   "make_timestamptz",
									   "money",
									   "numeric",
									   "overlaps",
									   "pg_client_encoding",
									   "phraseto_tsquery",
									   "plainto_tsquery",
									   "quote_literal",
									   "quote_nullable",
									   "row_to_json",
									   "session_user",
									   "string_to_array",
									   "string_to_table",
									   "textanycat",
									   "time",
									   "timestamp",
									   "timestamptz",
									   "timetz",
									   "timezone",
									   "to_char",
									   "to_date",
									   "to_json",
									   "to_jsonb",
									   "to_number",
									   "to_timestamp",
									   "to_tsquery",
									   "to_tsvector",
									   "ts_headline",
									   "ts_match_tq",
									   "ts_match_tt",
									   "version",
									   "websearch_to_tsquery",
									   "xml",
									   "xml_is_well_formed"};

static const char *const clocks[] = {"clock_timestamp", "now", "statement_timestamp", "timeofday",
									 "transaction_timestamp"};

static const char *const with_from[] = {"extract", "overlay", "substring", "trim"};

static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* Comparisons and sums of times go by the time zone; so do values' texts. */
static bool
is_harmless(const char *name)
{
	return is_among(name, harmless, lengthof(harmless)) || begins_with(name, "timestamp_") ||
		   begins_with(name, "timestamptz_") || begins_with(name, "date_") || ends_with(name, "_in") ||
		   ends_with(name, "_out");
}

/* Whether it is in one of our languages: its answers say themselves what they depend on. */
static bool
is_memoized_function(Oid language)
{
	HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		is = begins_with(NameStr(((Form_pg_language) GETSTRUCT(tuple))->lanname), "memoized_");
		ReleaseSysCache(tuple);
	}
	return is;
}

/* ---- of the server's own ---- */

static void
look_at_builtin(Known *one, Form_pg_proc form)
{
	const char *name = NameStr(form->proname);

	if (is_among(name, clocks, lengthof(clocks)))
		one->reads_clock = true;
	else if (form->provolatile == PROVOLATILE_IMMUTABLE)
		return;
	else if (strcmp(name, "age") == 0)
		one->reads_date = true;
	else if (strcmp(name, "current_setting") == 0)
		one->reads_session = true;
	else if (form->provolatile != PROVOLATILE_STABLE)
		one->reason = (Reason){REASON_FUNCTION, one->function};
	else if (!is_harmless(name))
		one->unseen = (Reason){REASON_UNSEEN, one->function};
}

/* ---- sources ---- */

static void
note_call(Known *one, Oid function)
{
	MemoryContext old = MemoryContextSwitchTo(known_context);

	one->calls = list_append_unique_oid(one->calls, function);
	MemoryContextSwitchTo(old);
}

static void
note_setting(Known *one, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(known_context);

	one->settings = list_append_unique(one->settings, makeString(pstrdup(name)));
	MemoryContextSwitchTo(old);
}

/* Each function of the name, in the schema if one is given; of users alone, or of the server's too. */
static void
note_calls_of(Known *one, const char *schema, const char *name, bool of_users)
{
	Oid namespace = schema == NULL ? InvalidOid : get_namespace_oid(schema, true);
	CatCList *list;

	if (schema != NULL && !OidIsValid(namespace))
		return;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if ((!OidIsValid(namespace) || form->pronamespace == namespace) &&
			!(of_users && form->oid < FirstNormalObjectId))
			note_call(one, form->oid);
	}
	ReleaseSysCacheList(list);
}

/* Those of the server's are as harmless as the types they compare. */
static void
note_operator(Known *one, const char *name)
{
	CatCList *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		if (form->oid >= FirstNormalObjectId && OidIsValid(form->oprcode))
			note_call(one, form->oprcode);
	}
	ReleaseSysCacheList(list);
}

/* Those that users made; which of them a source uses it does not say. */
static void
note_casts(Known *one)
{
	Relation rel = table_open(CastRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		if (form->castfunc >= FirstNormalObjectId)
			note_call(one, form->castfunc);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
note_keyword(Known *one, const char *word)
{
	if (strcmp(word, "current_date") == 0)
		one->reads_date = true;
	else if (strcmp(word, "current_time") == 0 || strcmp(word, "current_timestamp") == 0 ||
			 strcmp(word, "localtime") == 0 || strcmp(word, "localtimestamp") == 0)
		one->reads_clock = true;
	else if (strcmp(word, "refcursor") == 0)
		one->reason = (Reason){REASON_PORTAL, InvalidOid};
	else if (strcmp(word, "execute") == 0)
		one->executes = true;
	/* Of 16, without parentheses. */
	else if (strcmp(word, "system_user") == 0)
		note_calls_of(one, "pg_catalog", word, false);
}

static void
note_relation(Known *one, const char *schema, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(known_context);

	one->relations = lappend(one->relations, makeRangeVar(schema == NULL ? NULL : pstrdup(schema), pstrdup(name), -1));
	MemoryContextSwitchTo(old);
}

/* Its values' texts may go by the catalogs, where no function is named that makes them. */
static void
note_type(Known *one, Oid type)
{
	List *unused = NIL;
	Oid output = types_add(&unused, type);

	if (OidIsValid(output))
		note_call(one, output);
}

/* Which of the source's words are names of types it does not say; in some schema there is one. */
static void
note_type_name(Known *one, const char *name)
{
	CatCList *list = SearchSysCacheList1(TYPENAMENSP, CStringGetDatum(name));
	bool is_type = list->n_members > 0;
	MemoryContext old;

	for (int i = 0; i < list->n_members; i++)
		note_type(one, ((Form_pg_type) GETSTRUCT(&list->members[i]->tuple))->oid);
	ReleaseSysCacheList(list);
	if (!is_type)
		return;
	old = MemoryContextSwitchTo(known_context);
	one->types = list_append_unique(one->types, makeString(pstrdup(name)));
	MemoryContextSwitchTo(old);
}

static bool
next_is(const Words *words, char character)
{
	Words ahead = *words;

	words_next(&ahead);
	return ahead.kind == WORD_OTHER && ahead.character == character;
}

static bool
type_follows(const Words *words)
{
	Words ahead = *words;

	words_next(&ahead);
	return ahead.kind == WORD_OPERATOR && strcmp(ahead.text, "%") == 0;
}

/* current_setting('name': the name; NULL: another call, or another argument. */
static const char *
setting_asked_for(const Words *words, const char *function)
{
	Words ahead = *words;

	if (strcmp(function, "current_setting") != 0)
		return NULL;
	words_next(&ahead);
	words_next(&ahead);
	if (ahead.kind != WORD_OTHER || ahead.character != '\'')
		return NULL;
	return next_is(&ahead, ',') || next_is(&ahead, ')') ? ahead.text : NULL;
}

static void
look_at_call(Known *one, const Words *words, const char *schema, const char *name)
{
	const char *setting = setting_asked_for(words, name);

	if (setting != NULL)
		note_setting(one, setting);
	note_calls_of(one, schema, name, setting != NULL);
}

/* Where in a list of relations the source is. */
typedef enum Place
{
	ELSEWHERE,
	AFTER_FROM,
	AFTER_RELATION
} Place;

typedef struct Reading
{
	Words words;
	Place place;
	int depth;		/* of parentheses */
	int other_from; /* at this depth the next FROM is that of EXTRACT(… FROM …) or its like; 0: at none */
} Reading;

/* The names that follow by dots: the last two are schema and name. */
static void
read_name(Words *words, const char **schema, const char **name)
{
	*schema = NULL;
	*name = words->text;
	while (next_is(words, '.'))
	{
		Words ahead = *words;

		words_next(&ahead);
		words_next(&ahead);
		if (ahead.kind != WORD_NAME)
			return;
		*schema = *name;
		*name = ahead.text;
		*words = ahead;
	}
}

static bool
begins_list(Reading *reading, const char *name)
{
	if (strcmp(name, "from") == 0 && reading->other_from != 0 && reading->other_from == reading->depth)
	{
		reading->other_from = 0;
		return false;
	}
	return strcmp(name, "from") == 0 || strcmp(name, "join") == 0;
}

static void
look_at_name(Known *one, Reading *reading)
{
	bool quoted = reading->words.quoted;
	const char *first = reading->words.text;
	const char *schema;
	const char *name;
	bool is_word;

	read_name(&reading->words, &schema, &name);
	is_word = schema == NULL && !quoted;
	/* A relation is seen in plans; but not in %ROWTYPE and %TYPE. */
	if ((schema == NULL && reading->place != AFTER_FROM) || type_follows(&reading->words))
		note_type_name(one, first);
	if (is_word)
		note_keyword(one, name);
	if (next_is(&reading->words, '('))
	{
		look_at_call(one, &reading->words, schema, name);
		if (is_word && is_among(name, with_from, lengthof(with_from)))
			reading->other_from = reading->depth + 1;
	}
	if (is_word && begins_list(reading, name))
		reading->place = AFTER_FROM;
	else if (reading->place == AFTER_FROM && is_word && (strcmp(name, "only") == 0 || strcmp(name, "lateral") == 0))
		return;
	else if (reading->place == AFTER_FROM)
	{
		note_relation(one, schema, name);
		reading->place = AFTER_RELATION;
	}
}

/* (row).function is a call. */
static void
look_after_parenthesis(Known *one, const Words *words)
{
	Words ahead = *words;

	if (!next_is(words, '.'))
		return;
	words_next(&ahead);
	words_next(&ahead);
	if (ahead.kind == WORD_NAME)
		note_calls_of(one, NULL, ahead.text, false);
}

static void
look_at_character(Known *one, Reading *reading)
{
	char c = reading->words.character;

	if (c == '(')
		reading->depth++;
	else if (c == ')')
	{
		if (reading->other_from == reading->depth)
			reading->other_from = 0;
		reading->depth--;
		look_after_parenthesis(one, &reading->words);
	}
	reading->place = c == ',' && reading->place == AFTER_RELATION ? AFTER_FROM : ELSEWHERE;
}

static void
look_at_source(Known *one, const char *source)
{
	Reading reading = {.place = ELSEWHERE};

	words_begin(&reading.words, source);
	for (words_next(&reading.words); reading.words.kind != WORD_END; words_next(&reading.words))
	{
		if (reading.words.kind == WORD_UNREADABLE)
		{
			one->unseen = (Reason){REASON_SOURCE, one->function};
			return;
		}
		if (reading.words.kind == WORD_NAME)
			look_at_name(one, &reading);
		else if (reading.words.kind == WORD_OPERATOR)
			note_operator(one, reading.words.text);
		else
			look_at_character(one, &reading);
		if (reading.words.kind == WORD_OTHER && reading.words.character == '\'' &&
			literal_means_clock(reading.words.text))
			one->reads_clock = true;
	}
}

static bool
note_called(Oid function, void *arg)
{
	note_call(arg, function);
	return false;
}

static bool
look_at_expression(Node *node, void *arg)
{
	Known *one = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
	{
		if (castNode(SQLValueFunction, node)->op == SVFOP_CURRENT_DATE)
			one->reads_date = true;
		else if (castNode(SQLValueFunction, node)->op <= SVFOP_LOCALTIMESTAMP_N)
			one->reads_clock = true;
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
	Datum source;

	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	source = isnull ? SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull) : (Datum) 0;
	if (source == (Datum) 0)
		one->unseen = (Reason){REASON_SOURCE, one->function};
	else
	{
		look_at_source(one, TextDatumGetCString(source));
		note_casts(one);
	}
	for (int i = 0; i < form->pronargs; i++)
		note_type(one, form->proargtypes.values[i]);
	one->path = path == NULL ? NULL : MemoryContextStrdup(known_context, path);
	one->looked_into = true;
}

/* Whatever the names mean, here and for others. */
static bool
reads_relations(const Known *one)
{
	return one->executes || one->relations != NIL;
}

static void
look_at_aggregate(Known *one)
{
	HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(one->function));
	Form_pg_aggregate form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	note_call(one, form->aggtransfn);
	if (OidIsValid(form->aggfinalfn))
		note_call(one, form->aggfinalfn);
	if (OidIsValid(form->aggmtransfn))
		note_call(one, form->aggmtransfn);
	if (OidIsValid(form->aggmfinalfn))
		note_call(one, form->aggmfinalfn);
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
		known_context = AllocSetContextCreate(TopMemoryContext, "availability_cache functions", ALLOCSET_SMALL_SIZES);
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
	facts->reads_date |= one->reads_date;
	facts->reads_clock |= one->reads_clock;
	facts->reads_session |= one->reads_session;
	foreach(cell, one->settings)
		facts_add_setting(facts, strVal(lfirst(cell)));
	if (one->looked_into)
		facts->functions = lappend_oid(facts->functions, one->function);
	foreach(cell, one->calls)
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
tell_of(Oid function, const Known *called, bool is_call, void (*tell)(const Finding *finding, void *arg), void *arg)
{
	Finding finding = {.function = function, .called = is_call ? called->function : InvalidOid};
	const bool found[FOUND_REASON] = {[FOUND_MEMOIZED] = called->memoized,
									  [FOUND_UNTIL] = called->says_until,
									  [FOUND_DATE] = called->reads_date,
									  [FOUND_CLOCK] = called->reads_clock,
									  [FOUND_SESSION] = called->reads_session};
	ListCell *cell;

	for (finding.kind = 0; finding.kind < FOUND_REASON; finding.kind++)
	{
		if (found[finding.kind])
			tell(&finding, arg);
	}
	finding.kind = FOUND_SETTING;
	foreach(cell, called->settings)
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
		foreach(call, one.calls)
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

		foreach(name, one->relations)
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
		types = list_union(types, looked_into(lfirst_oid(cell))->types);
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
