/*
 * source.c
 *		What a function in SQL or plpgsql names in its source.
 *
 * plpgsql computes simple expressions (u := now()) without the executor, so
 * what they call is looked for in the source: every name before a
 * parenthesis, in whatever schema there is a function of that name.  That
 * finds too much rather than too little.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/catcache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "memo/clock_words.h"
#include "memo/source.h"
#include "memo/types.h"
#include "memo/words.h"

static const char *const with_from[] = {"extract", "overlay", "substring", "trim"};

void
source_add_call(Source *source, Oid function)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);

	source->calls = list_append_unique_oid(source->calls, function);
	MemoryContextSwitchTo(old);
}

static void
note_setting(Source *source, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);

	source->settings = list_append_unique(source->settings, makeString(pstrdup(name)));
	MemoryContextSwitchTo(old);
}

/* Each function of the name, in the schema if one is given; of users alone, or of the server's too. */
static void
note_calls_of(Source *source, const char *schema, const char *name, bool of_users)
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
			source_add_call(source, form->oid);
	}
	ReleaseSysCacheList(list);
}

/* Those of the server's are as harmless as the types they compare. */
static void
note_operator(Source *source, const char *name)
{
	CatCList *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		if (form->oid >= FirstNormalObjectId && OidIsValid(form->oprcode))
			source_add_call(source, form->oprcode);
	}
	ReleaseSysCacheList(list);
}

/* Those that users made; which of them a source uses it does not say. */
static void
note_casts(Source *source)
{
	Relation rel = table_open(CastRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		if (form->castfunc >= FirstNormalObjectId)
			source_add_call(source, form->castfunc);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
note_keyword(Source *source, const char *word)
{
	if (strcmp(word, "current_date") == 0)
		source->reads_date = true;
	else if (strcmp(word, "current_time") == 0 || strcmp(word, "current_timestamp") == 0 ||
			 strcmp(word, "localtime") == 0 || strcmp(word, "localtimestamp") == 0)
		source->reads_clock = true;
	else if (strcmp(word, "refcursor") == 0)
		source->names_cursor = true;
	else if (strcmp(word, "execute") == 0)
		source->executes = true;
	else if (strcmp(word, "fetch") == 0 || strcmp(word, "move") == 0)
		source->fetches = true;
	/* Of 16, without parentheses. */
	else if (strcmp(word, "system_user") == 0)
		note_calls_of(source, "pg_catalog", word, false);
}

static void
note_relation(Source *source, const char *schema, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);

	source->relations = lappend(source->relations,
								makeRangeVar(schema == NULL ? NULL : pstrdup(schema), pstrdup(name), -1));
	MemoryContextSwitchTo(old);
}

/* Its values' texts may go by the catalogs, where no function is named that makes them. */
void
source_add_type(Source *source, Oid type)
{
	List *unused = NIL;
	Oid output = types_add(&unused, type);

	if (OidIsValid(output))
		source_add_call(source, output);
}

/* Which of the source's words are names of types it does not say; in some schema there is one. */
static void
note_type_name(Source *source, const char *name)
{
	CatCList *list = SearchSysCacheList1(TYPENAMENSP, CStringGetDatum(name));
	bool is_type = list->n_members > 0;
	MemoryContext old;

	for (int i = 0; i < list->n_members; i++)
		source_add_type(source, ((Form_pg_type) GETSTRUCT(&list->members[i]->tuple))->oid);
	ReleaseSysCacheList(list);
	if (!is_type)
		return;
	old = MemoryContextSwitchTo(source->context);
	source->types = list_append_unique(source->types, makeString(pstrdup(name)));
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
look_at_call(Source *source, const Words *words, const char *schema, const char *name)
{
	const char *setting = setting_asked_for(words, name);

	if (setting != NULL)
		note_setting(source, setting);
	note_calls_of(source, schema, name, setting != NULL);
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
look_at_name(Source *source, Reading *reading)
{
	bool quoted = reading->words.quoted;
	const char *first = reading->words.text;
	const char *schema;
	const char *name;
	bool is_word;

	read_name(&reading->words, &schema, &name);
	is_word = schema == NULL && !quoted;
	source->names_temporary |= strncmp(first, "pg_temp", strlen("pg_temp")) == 0;
	/* A relation is seen in plans; but not in %ROWTYPE and %TYPE. */
	if ((schema == NULL && reading->place != AFTER_FROM) || type_follows(&reading->words))
		note_type_name(source, first);
	if (is_word)
		note_keyword(source, name);
	if (next_is(&reading->words, '('))
	{
		look_at_call(source, &reading->words, schema, name);
		if (is_word && name_is_among(name, with_from, lengthof(with_from)))
			reading->other_from = reading->depth + 1;
	}
	if (is_word && begins_list(reading, name))
		reading->place = AFTER_FROM;
	else if (reading->place == AFTER_FROM && is_word &&
			 (strcmp(name, "only") == 0 || strcmp(name, "lateral") == 0))
		return;
	else if (reading->place == AFTER_FROM)
	{
		note_relation(source, schema, name);
		reading->place = AFTER_RELATION;
	}
}

/* (row).function is a call. */
static void
look_after_parenthesis(Source *source, const Words *words)
{
	Words ahead = *words;

	if (!next_is(words, '.'))
		return;
	words_next(&ahead);
	words_next(&ahead);
	if (ahead.kind == WORD_NAME)
		note_calls_of(source, NULL, ahead.text, false);
}

static void
look_at_character(Source *source, Reading *reading)
{
	char c = reading->words.character;

	if (c == '(')
		reading->depth++;
	else if (c == ')')
	{
		if (reading->other_from == reading->depth)
			reading->other_from = 0;
		reading->depth--;
		look_after_parenthesis(source, &reading->words);
	}
	reading->place = c == ',' && reading->place == AFTER_RELATION ? AFTER_FROM : ELSEWHERE;
}

void
source_read(Source *source, const char *text)
{
	Reading reading = {.place = ELSEWHERE};

	note_casts(source);
	words_begin(&reading.words, text);
	for (words_next(&reading.words); reading.words.kind != WORD_END; words_next(&reading.words))
	{
		if (reading.words.kind == WORD_UNREADABLE)
		{
			source->unreadable = true;
			return;
		}
		if (reading.words.kind == WORD_NAME)
			look_at_name(source, &reading);
		else if (reading.words.kind == WORD_OPERATOR)
			note_operator(source, reading.words.text);
		else
			look_at_character(source, &reading);
		if (reading.words.kind == WORD_OTHER && reading.words.character == '\'' &&
			literal_means_clock(reading.words.text))
			source->reads_clock = true;
		else if (reading.words.kind == WORD_OTHER && reading.words.character == '\'')
			source->has_times |= literal_is_time(reading.words.text);
	}
}
