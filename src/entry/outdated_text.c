/*
 * outdated_text.c
 *		What a transaction outdates in clients' caches, as text.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/function_setting.h"
#include "entry/outdated_text.h"
#include "memo/function.h"
#include "memo/statistics.h"

/*
 * A UTC day's change shows in answers of dates so far from it: zones are up to
 * 14 hours away, and a slot reaches into the next day, widened by buffers of up to a day.
 */
#define DAYS_AROUND 2

/* ---- texts ---- */

static void
append_utf16(StringInfo out, pg_wchar c)
{
	if (c > 0xFFFF)
	{
		appendStringInfo(out, "\\u%04x", 0xD800 + ((c - 0x10000) >> 10));
		c = 0xDC00 + ((c - 0x10000) & 0x3FF);
	}
	appendStringInfo(out, "\\u%04x", c);
}

void
append_ascii_json(StringInfo out, const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, text);
	for (const unsigned char *at = (unsigned char *) quoted.data; *at != '\0';)
	{
		int length = IS_HIGHBIT_SET(*at) && GetDatabaseEncoding() == PG_UTF8 ? pg_utf_mblen(at) : 1;

		if (!IS_HIGHBIT_SET(*at))
			appendStringInfoChar(out, *at);
		else if (length > 1)
			append_utf16(out, utf8_to_unicode(at));
		else
			appendStringInfoChar(out, '?');
		at += length;
	}
	pfree(quoted.data);
}

char *
timestamp_text(TimestampTz moment)
{
	char text[MAXDATELEN + 1];
	int utc = 0;

	return pstrdup(JsonEncodeDateTime(text, TimestampTzGetDatum(moment), TIMESTAMPTZOID, &utc));
}

static void
append_pair(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "\"%s\":", name);
	append_ascii_json(out, value);
}

/* NULL: it is gone. */
static char *
name_of(Oid schema, char *name)
{
	char *schema_name = OidIsValid(schema) ? get_namespace_name(schema) : NULL;

	return name == NULL || schema_name == NULL ? NULL : psprintf("%s.%s", schema_name, name);
}

static char *
name_of_function(Oid function)
{
	return name_of(get_func_namespace(function), get_func_name(function));
}

/* NULL: it is gone. */
static char *
name_of_column(Oid relid, AttrNumber number)
{
	char *name = get_attname(relid, number, true);

	return name != NULL && SearchSysCacheExistsAttName(relid, name) ? name : NULL;
}

static char *
uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/* ---- namespaces ---- */

static void
add_namespace(OutdatedText *out, char *name)
{
	ListCell *cell;

	foreach(cell, out->namespaces)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return;
	}
	out->namespaces = lappend(out->namespaces, name);
}

/* NULL: the function is gone. */
static char *
namespace_of_function(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	name = function_setting(tuple, OPTION_NAMESPACE);
	ReleaseSysCache(tuple);
	return name != NULL && name[0] != '\0' ? name : name_of_function(function);
}

/* ---- the slots ---- */

static void
open_key(StringInfo keys)
{
	appendStringInfoString(keys, keys->len > 1 ? ",{" : "{");
}

static void
append_date(StringInfo keys, const char *name, int64 day)
{
	char text[MAXDATELEN + 1];

	appendStringInfoChar(keys, ',');
	append_pair(keys, name, JsonEncodeDateTime(text, DateADTGetDatum((DateADT) day), DATEOID, NULL));
}

static void
describe_slots(const Outdated *outdated, StringInfo keys, OutdatedText *out)
{
	if (!outdated->all_slots && outdated->nstylists == 0 && outdated->nservices == 0)
		return;
	add_namespace(out, SLOTS_NAMESPACE);
	if (outdated->all_slots)
	{
		open_key(keys);
		append_pair(keys, "namespace", SLOTS_NAMESPACE);
		appendStringInfoChar(keys, '}');
		return;
	}
	for (int i = 0; i < outdated->nstylists; i++)
	{
		const OutdatedStylist *stylist = &outdated->stylists[i];

		open_key(keys);
		append_pair(keys, "stylist", uuid_text(&stylist->id));
		if (!stylist->every_day)
		{
			append_date(keys, "from", stylist->first - DAYS_AROUND);
			append_date(keys, "to", stylist->last + DAYS_AROUND);
		}
		appendStringInfoChar(keys, '}');
	}
	for (int i = 0; i < outdated->nservices; i++)
	{
		open_key(keys);
		append_pair(keys, "service", uuid_text(&outdated->services[i]));
		appendStringInfoChar(keys, '}');
	}
}

/* ---- functions ---- */

/* Whether rows of a table are read as another relation: itself or a partition. */
static bool
is_part_of(Oid relid, Oid table)
{
	return relid == table ||
		   (get_rel_relispartition(relid) && list_member_oid(get_partition_ancestors(relid), table));
}

/*
 * How a function read a table when it was computed last: not at all, by one column's
 * value, or else (*column is NULL).
 */
static bool
reads(Oid function, Oid table, char **column)
{
	FunctionStatistics statistics;
	bool found = false;

	*column = NULL;
	if (!statistics_read(function, &statistics))
		return false;
	/* What there was more is not known. */
	if (statistics.nsights == MAX_SIGHTS)
		return true;
	for (int i = 0; i < statistics.nsights; i++)
	{
		const Sight *sight = &statistics.sights[i];
		char *name;

		if (!is_part_of(sight->relid, table))
			continue;
		name = sight->whole == WHOLE_NOT ? name_of_column(sight->relid, sight->column) : NULL;
		*column = name != NULL && (!found || (*column != NULL && strcmp(*column, name) == 0)) ? name : NULL;
		found = true;
	}
	return found;
}

/* Returns how many. */
static int
describe_readers(Oid table, StringInfo keys, OutdatedText *out)
{
	int place = 0;
	int n = 0;
	Oid function;

	appendStringInfoString(keys, ",\"functions\":{");
	while (OidIsValid(function = statistics_next(&place)))
	{
		char *column;
		char *namespace;

		if (!reads(function, table, &column) || (namespace = namespace_of_function(function)) == NULL)
			continue;
		add_namespace(out, namespace);
		appendStringInfoString(keys, n++ > 0 ? "," : "");
		append_ascii_json(keys, name_of_function(function));
		appendStringInfoChar(keys, ':');
		if (column == NULL)
			appendStringInfoString(keys, "null");
		else
			append_ascii_json(keys, column);
	}
	appendStringInfoChar(keys, '}');
	return n;
}

static bool
may_read(Oid table, AttrNumber column)
{
	return check_enable_rls(table, InvalidOid, true) != RLS_ENABLED &&
		   (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
			pg_attribute_aclcheck(table, column, GetUserId(), ACL_SELECT) == ACLCHECK_OK);
}

static void
describe_values(const OutdatedTable *table, StringInfo keys)
{
	int n = 0;

	appendStringInfoString(keys, ",\"columns\":{");
	for (int i = 0; i < table->ncolumns; i++)
	{
		const OutdatedColumn *column = &table->columns[i];
		char *name = name_of_column(table->relid, column->number);

		if (column->any || name == NULL || !may_read(table->relid, column->number))
			continue;
		appendStringInfoString(keys, n++ > 0 ? "," : "");
		append_ascii_json(keys, name);
		appendStringInfoString(keys, ":[");
		for (int v = 0; v < column->n; v++)
		{
			appendStringInfoString(keys, v > 0 ? "," : "");
			append_ascii_json(keys, column->values[v]);
		}
		appendStringInfoChar(keys, ']');
	}
	appendStringInfoChar(keys, '}');
}

static void
describe_table(const OutdatedTable *table, bool shows_values, StringInfo keys, OutdatedText *out)
{
	char *name = name_of(get_rel_namespace(table->relid), get_rel_name(table->relid));

	if (name == NULL)
		return;
	open_key(keys);
	append_pair(keys, "table", name);
	if (describe_readers(table->relid, keys, out) == 0)
		add_namespace(out, name);
	if (shows_values)
		describe_values(table, keys);
	appendStringInfoChar(keys, '}');
}

static void
describe_function(Oid function, StringInfo keys, OutdatedText *out)
{
	char *namespace = namespace_of_function(function);

	if (namespace == NULL)
		return;
	add_namespace(out, namespace);
	open_key(keys);
	append_pair(keys, "function", name_of_function(function));
	appendStringInfoChar(keys, '}');
}

void
outdated_describe(const Outdated *outdated, bool shows_values, OutdatedText *out)
{
	StringInfoData keys;

	*out = (OutdatedText){0};
	/* Of any table or function there is no word but everything. */
	out->everything = outdated->everything || outdated->all_tables || outdated->all_functions;
	if (out->everything)
		return;
	initStringInfo(&keys);
	appendStringInfoChar(&keys, '[');
	describe_slots(outdated, &keys, out);
	for (int i = 0; i < outdated->ntables; i++)
		describe_table(&outdated->tables[i], shows_values, &keys, out);
	for (int i = 0; i < outdated->nfunctions; i++)
		describe_function(outdated->functions[i], &keys, out);
	appendStringInfoChar(&keys, ']');
	out->keys = keys.data;
}
