/*
 * waiting.c
 *		Rows of waiting lists.
 *
 * A table is a waiting list by a trigger whose arguments are its columns, as
 * attach_waiting_list() makes it.  It is read as its owner, who must be
 * allowed to have one: who may execute the trigger's function.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/members.h"

PG_FUNCTION_INFO_V1(availability_cache_waiting_rows);

/* A trigger's arguments, in their order. */
enum
{
	WAITING_KEY,
	WAITING_STYLIST,
	WAITING_SERVICE,
	WAITING_FROM,
	WAITING_TO,
	WAITING_SEATS,
	WAITING_CUSTOMER,
	WAITING_CREATED,
	NWAITING
};

#define NCOLUMNS WAITING_CREATED

/* What each is asked for as, and what stands for one that there is not. */
static const char *const types[NWAITING] = {"text",		   "uuid", "uuid", "timestamptz",
											"timestamptz", "int8", "text", "timestamptz"};
static const char *const otherwise[NWAITING] = {[WAITING_STYLIST] = "NULL",
												[WAITING_SEATS] = "1",
												[WAITING_CUSTOMER] = "NULL",
												[WAITING_CREATED] = "NULL"};

static const Trigger *
find_trigger(Relation rel, Oid function)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == function && trigger->tgnargs == NWAITING)
			return trigger;
	}
	return NULL;
}

/* Nothing is asked where nothing says what to ask for. */
static char *
query_of(Relation rel, const Trigger *trigger)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < NWAITING; i++)
	{
		const char *column = trigger->tgargs[i][0] != '\0' ? quote_identifier(trigger->tgargs[i])
														   : otherwise[i];

		if (column == NULL)
			return NULL;
		if (i == WAITING_SEATS)
			column = psprintf("COALESCE(%s, 1)", column);
		appendStringInfo(&text,
						 i == 0			? "SELECT %s::pg_catalog.%s"
						 : i < NCOLUMNS ? ", %s::pg_catalog.%s"
										: "",
						 column, types[i]);
		if (i == WAITING_CREATED)
			appendStringInfo(&text, " FROM %s AS w ORDER BY %s::pg_catalog.timestamptz NULLS FIRST, w.%s",
							 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
														RelationGetRelationName(rel)),
							 column, quote_identifier(trigger->tgargs[WAITING_KEY]));
	}
	return text.data;
}

static void
read_rows(const char *query, Oid owner, ReturnSetInfo *result)
{
	SavedUser saved;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	saved = switch_user(owner);
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a waiting list");
	restore_user(saved);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum values[NCOLUMNS];
		bool nulls[NCOLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		/* Without a service or a stretch of time nobody can be told anything. */
		if (!nulls[WAITING_SERVICE] && !nulls[WAITING_FROM] && !nulls[WAITING_TO])
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
}

/* availability_cache_internal.waiting_rows(relation) */
PGDLLEXPORT Datum
availability_cache_waiting_rows(PG_FUNCTION_ARGS)
{
	Oid function = member_find(ProcedureRelationId, "waiting_list");
	Relation rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	Oid owner;
	const Trigger *trigger;
	char *query;
	int settings;

	if (rel == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist", PG_GETARG_OID(0)));
	owner = rel->rd_rel->relowner;
	trigger = find_trigger(rel, function);
	query = trigger == NULL ? NULL : query_of(rel, trigger);
	if (query != NULL && !AC_MAY_EXECUTE(function, owner))
		ereport(
			ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("table %s belongs to %s, who may not have a waiting list", RelationGetRelationName(rel),
				   GetUserNameFromId(owner, false)),
			errhint(
				"GRANT EXECUTE ON FUNCTION availability_cache_internal.waiting_list() TO the owner, or drop its trigger."));
	InitMaterializedSRF(fcinfo, 0);
	if (query != NULL)
	{
		settings = guard_settings();
		read_rows(query, owner, (ReturnSetInfo *) fcinfo->resultinfo);
		restore_settings(settings);
	}
	relation_close(rel, NoLock);
	return (Datum) 0;
}
