/*
 * setup.c
 *		What the extension's own scripts and tables call.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/deparse_utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/members.h"
#include "entry/touch.h"
#include "entry/trigger_data.h"
#include "slots/zone.h"
#include "table/log.h"

PG_FUNCTION_INFO_V1(availability_cache_touch_database);
PG_FUNCTION_INFO_V1(availability_cache_config_changed);
PG_FUNCTION_INFO_V1(availability_cache_attaches_partition);
PG_FUNCTION_INFO_V1(availability_cache_is_timezone);
PG_FUNCTION_INFO_V1(availability_cache_library_version);
PG_FUNCTION_INFO_V1(availability_cache_statuses_in_use);
PG_FUNCTION_INFO_V1(availability_cache_asked_as);

/* touch_database(), which the event triggers of 1.0.0 call; nothing needs it. */
PGDLLEXPORT Datum
availability_cache_touch_database(PG_FUNCTION_ARGS)
{
	tier_log_everything();
	PG_RETURN_VOID();
}

/* Value for value: a row from before a column came is shorter. */
static bool
same_row(TupleDesc desc, HeapTuple a, HeapTuple b)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool a_is_null;
		bool b_is_null;
		Datum in_a;
		Datum in_b;

		if (attribute->attisdropped)
			continue;
		in_a = heap_getattr(a, i + 1, desc, &a_is_null);
		in_b = heap_getattr(b, i + 1, desc, &b_is_null);
		if (a_is_null != b_is_null ||
			(!a_is_null && !datum_image_eq(in_a, in_b, attribute->attbyval, attribute->attlen)))
			return false;
	}
	return true;
}

/*
 * availability_cache_internal.config_changed(), AFTER trigger on rules: also
 * tells every session to load the mapping again.
 */
PGDLLEXPORT Datum
availability_cache_config_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, "availability_cache_internal.config_changed()");
	Oid rules = member_find(RelationRelationId, "rules");

	/* With the SQL of 1.0.0, source is a table that has it too. */
	if (RelationGetRelid(data->tg_relation) != rules)
		data = trigger_data_of(fcinfo, "availability_cache_internal.config_changed()",
							   member_find(RelationRelationId, "source"));
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event) && TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		same_row(RelationGetDescr(data->tg_relation), data->tg_trigtuple, data->tg_newtuple))
		PG_RETURN_POINTER(NULL);
	touch_everything();
	CacheInvalidateRelcache(data->tg_relation);
	PG_RETURN_POINTER(NULL);
}

/*
 * attaches_partition(pg_ddl_command), for an event trigger of 1.0.0: whether an ALTER
 * TABLE has ATTACH PARTITION.
 */
PGDLLEXPORT Datum
availability_cache_attaches_partition(PG_FUNCTION_ARGS)
{
	CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	ListCell *cell;

	if (command->type != SCT_AlterTable)
		PG_RETURN_BOOL(false);
	foreach(cell, command->d.alterTable.subcmds)
	{
		CollectedATSubcmd *subcommand = lfirst(cell);

		if (castNode(AlterTableCmd, subcommand->parsetree)->subtype == AT_AttachPartition)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/* availability_cache.is_timezone(name): for the check of rules. */
PGDLLEXPORT Datum
availability_cache_is_timezone(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(zone_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) != NULL);
}

/*
 * availability_cache_internal.library_version(): an older library does not have it,
 * which is how scripts know.
 */
PGDLLEXPORT Datum
availability_cache_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(AC_VERSION));
}

/* So many rows are looked at, in whatever order they come. */
#define STATUS_ROWS 100000

/* Also the values that ANALYZE has found often, where there are more rows than that. */
static char *
query_of_distinct(Oid relid, const char *column)
{
	char *schema = get_namespace_name(get_rel_namespace(relid));
	char *table = get_rel_name(relid);

	return psprintf(
		"WITH s AS MATERIALIZED (SELECT %s::pg_catalog.text AS v FROM %s LIMIT %d)"
		" SELECT v FROM s WHERE v IS NOT NULL UNION"
		" SELECT pg_catalog.unnest(most_common_vals::pg_catalog.text::pg_catalog.text[]) FROM pg_catalog.pg_stats"
		" WHERE schemaname = %s AND tablename = %s AND attname = %s AND (SELECT pg_catalog.count(*) FROM s) = %d",
		quote_identifier(column), quote_qualified_identifier(schema, table), STATUS_ROWS,
		quote_literal_cstr(schema), quote_literal_cstr(table), quote_literal_cstr(column), STATUS_ROWS);
}

/* Distinct values of a column, as text; read as the table's owner, in a security-restricted operation. */
static Datum
read_distinct(Oid relid, const char *column, Oid owner)
{
	MemoryContext caller = CurrentMemoryContext;
	ArrayBuildState *values = initArrayResult(TEXTOID, caller, false);
	SavedUser saved = switch_user(owner);

	SPI_connect();
	if (SPI_execute(query_of_distinct(relid, column), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read column \"%s\"", column);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		values = accumArrayResult(values, value, isnull, TEXTOID, caller);
	}
	SPI_finish();
	restore_user(saved);
	return makeArrayResult(values, caller);
}

/*
 * availability_cache_internal.statuses_in_use(relation, column), of a large table
 * those that are easily found: error 42501 unless the caller can act as the owner.
 */
PGDLLEXPORT Datum
availability_cache_statuses_in_use(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;
	int settings;
	Datum result;

	if (!HeapTupleIsValid(tuple))
		PG_RETURN_NULL();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of table %s", get_rel_name(relid)));
	settings = guard_settings();
	result = read_distinct(relid, text_to_cstring(PG_GETARG_TEXT_PP(1)), owner);
	restore_settings(settings);
	PG_RETURN_DATUM(result);
}

/* What the query's first row has in its only column; in the caller's memory, NULL: no row, or that. */
static Datum
first_value(const char *query, bool *isnull)
{
	Datum value = (Datum) 0;

	SPI_connect();
	if (SPI_execute(query, false, 1) != SPI_OK_SELECT)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("not a query: %s", query));
	if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != JSONBOID)
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the query's first column must be a jsonb"));
	*isnull = true;
	if (SPI_processed == 1)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
		value = SPI_datumTransfer(value, false, -1);
	SPI_finish();
	return value;
}

/*
 * availability_cache_internal.asked_as(owner, search_path, query): a jsonb, read
 * as that role in a security-restricted operation, so that what others wrote
 * and the query calls has their rights and no others; error 42501 unless the
 * caller can act as it.
 */
PGDLLEXPORT Datum
availability_cache_asked_as(PG_FUNCTION_ARGS)
{
	Oid owner = PG_GETARG_OID(0);
	/* Error 42704 if there is no such role: a superuser can act as any. */
	char *name = GetUserNameFromId(owner, false);
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int settings;
	SavedUser saved;
	bool isnull;
	Datum value;

	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be able to act as %s", name));
	settings = guard_settings();
	saved = switch_user(owner);
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	value = first_value(text_to_cstring(PG_GETARG_TEXT_PP(2)), &isnull);
	restore_user(saved);
	restore_settings(settings);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value);
}
