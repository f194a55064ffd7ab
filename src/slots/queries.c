/*
 * queries.c
 *		Asking the attached tables, each as its owner.
 *
 * A session keeps a plan for each query, good for the mapping and the
 * statuses that it was made for.
 *
 * What is read for each day is read without a query where that can be
 * (rows.c).  Else each table is read as its owner, in a security-restricted operation: that
 * bypasses row-level security (availability is public), and an index
 * expression or the like that the owner put there runs as the owner and not
 * as a superuser.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "base/as_user.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/rows.h"
#include "slots/sources.h"

#define MAX_ARGS 5

typedef struct QueryInfo
{
	SourceRole role; /* the table that it reads */
	Oid args[MAX_ARGS];
} QueryInfo;

static const QueryInfo queries[NQUERIES] = {
	[QUERY_RULES] = {SOURCE_RULES},
	[QUERY_PROFILE] = {SOURCE_PROFILES, {UUIDOID}},
	[QUERY_OFFER] = {SOURCE_STYLIST_SERVICES, {UUIDOID, UUIDOID}},
	[QUERY_STYLISTS] = {SOURCE_STYLIST_SERVICES, {UUIDOID, INT8OID}},
	[QUERY_OFFERS] = {SOURCE_STYLIST_SERVICES, {INT8OID}},
	[QUERY_SERVICE] = {SOURCE_SERVICES, {UUIDOID}},
	[QUERY_BUFFERS] = {SOURCE_SERVICES, {UUIDARRAYOID}},
	[QUERY_LONGEST_BUFFER] = {SOURCE_SERVICES},
	[QUERY_SCHEDULE] = {SOURCE_SCHEDULES, {UUIDOID, INT4OID, INT4OID, DATEOID, UUIDOID}},
	[QUERY_OVERRIDES] = {SOURCE_OVERRIDES, {UUIDOID, DATEOID}},
	[QUERY_BOOKINGS] = {SOURCE_BOOKINGS, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_COUNTS] = {SOURCE_BOOKINGS, {UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_HOLDS] = {SOURCE_RESERVATIONS, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_RESOURCES] = {SOURCE_RESOURCES},
	[QUERY_NEEDS] = {SOURCE_SERVICES},
	[QUERY_TAKINGS] = {SOURCE_BOOKINGS,
					   {UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_HELD_TAKINGS] = {SOURCE_RESERVATIONS,
							{UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_BOOKINGS_OF_SERVICE] = {SOURCE_BOOKINGS, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_HOLDS_OF_SERVICE] = {SOURCE_RESERVATIONS,
								{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
	[QUERY_CLASSES] = {SOURCE_CLASSES, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
};

typedef struct QueryPlan
{
	SPIPlanPtr plan;
	uint64 generation; /* of the mapping */
	char *statuses;	   /* as text; NULL: none */
	bool wanted;
	int running; /* calls, nested */
} QueryPlan;

static QueryPlan plans[NQUERIES];

static bool
is_good(const QueryPlan *plan, const QueryStatuses *statuses)
{
	if (plan->plan == NULL || plan->generation != sources_generation())
		return false;
	return statuses == NULL ||
		   (plan->wanted == statuses->wanted && strcmp(plan->statuses, statuses->text) == 0);
}

/*
 * The text names the table; its schema may have been renamed since, and another made
 * that has one of the name.
 */
static void
check_table(SourceRole role, SPIPlanPtr plan)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	ListCell *cell;

	foreach(cell, source->relationOids)
	{
		if (lfirst_oid(cell) != source_relid(role))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table %s was renamed while it was about to be read", source_name(role)),
					errhint("Ask again."));
	}
}

/* A plan that lives as long as the connection to SPI.  Caller has switched to the owner. */
static SPIPlanPtr
prepare(SlotsQuery query, const QueryStatuses *statuses)
{
	StringInfoData text;
	SPIPlanPtr plan;
	int nargs = 0;

	while (nargs < MAX_ARGS && OidIsValid(queries[query].args[nargs]))
		nargs++;
	initStringInfo(&text);
	query_text(query, statuses, &text);
	plan = SPI_prepare_cursor(text.data, nargs, (Oid *) queries[query].args, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare: %s", text.data);
	check_table(queries[query].role, plan);
	pfree(text.data);
	return plan;
}

/* Keeps the plan for later calls, in place of one that is not good any more. */
static void
keep_plan(QueryPlan *plan, SPIPlanPtr prepared, const QueryStatuses *statuses)
{
	char *copy = statuses == NULL ? NULL : MemoryContextStrdup(TopMemoryContext, statuses->text);

	if (SPI_keepplan(prepared) != 0)
		elog(ERROR, "could not keep a plan");
	if (plan->plan != NULL)
		SPI_freeplan(plan->plan);
	if (plan->statuses != NULL)
		pfree(plan->statuses);
	plan->plan = prepared;
	plan->generation = sources_generation();
	plan->statuses = copy;
	plan->wanted = statuses != NULL && statuses->wanted;
}

static int
run(SlotsQuery query, const QueryStatuses *statuses, Datum *args)
{
	QueryPlan *plan = &plans[query];
	SPIPlanPtr prepared = plan->plan;
	int result;

	if (!is_good(plan, statuses))
	{
		prepared = prepare(query, statuses);
		/* A computation within a computation does not free what that one is running. */
		if (plan->running == 1)
			keep_plan(plan, prepared, statuses);
	}
	result = SPI_execute_plan(prepared, args, NULL, true, 0);
	/* A plan that was kept may have been made anew. */
	check_table(queries[query].role, prepared);
	return result;
}

static uint64
run_as_owner(SlotsQuery query, const QueryStatuses *statuses, Datum *args)
{
	SavedUser saved = switch_user(source_owner(queries[query].role));
	int result;

	sources_begin_use();
	plans[query].running++;
	PG_TRY();
	{
		result = run(query, statuses, args);
	}
	PG_FINALLY();
	{
		plans[query].running--;
		sources_end_use();
	}
	PG_END_TRY();
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read %s: %s", source_name(queries[query].role),
			 SPI_result_code_string(result));
	restore_user(saved);
	result_use_spi();
	return SPI_processed;
}

uint64
query_run(SlotsQuery query, const QueryStatuses *statuses, Datum *args)
{
	ResultRows rows = {0};

	if (!rows_read(query, statuses, args, &rows))
		return run_as_owner(query, statuses, args);
	result_use(&rows);
	return rows.n;
}
