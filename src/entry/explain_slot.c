/*
 * explain_slot.c
 *		Why a moment is the start of an available slot, or is not: what explain_slot() asks.
 *
 * The verdict is of the rules, which see all rows.  The row that decides is
 * read by a query of the caller's, with the caller's rights, and only where
 * the caller may read the table: so nobody is told of a booking.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "cache/readpath.h"
#include "slots/answer.h"
#include "slots/day.h"
#include "slots/key.h"
#include "slots/sources.h"

PG_FUNCTION_INFO_V1(availability_cache_explain);

typedef struct Explanation
{
	DayRequest day;
	DayKey key;
	CacheRequest request;
	Explained explained;
} Explanation;

static void
compute(void *arg, uint64 clock, Computed *result)
{
	Explanation *e = arg;

	day_explain(&e->day, clock, &e->explained, result);
}

static void
explain_day(Explanation *e, DateADT date)
{
	Computed result;

	e->day.date = date;
	e->request = (CacheRequest){.as_of = AS_OF_CALL,
								.key = day_key_make(&e->key, &e->day),
								.compute = compute,
								.concerns = sources_concerned,
								.arg = e};
	compute_fresh(&e->request, &result);
}

/* A slot may be of a date before, whose hours go on past midnight; one that is available wins. */
static void
explain(Explanation *e)
{
	DateADT date = utc_day_of(e->explained.start);

	/* Any date says which ones. */
	explain_day(e, date);
	if (e->day.error != DAY_OK)
		return;
	if (e->explained.dates[0] != date)
		explain_day(e, e->explained.dates[0]);
	for (int i = 1; e->day.error == DAY_OK && i < e->explained.ndates; i++)
	{
		Explanation before = *e;

		if (e->explained.is_slot && e->explained.reason == WHY_NONE)
			return;
		explain_day(&before, e->explained.dates[i]);
		if (before.day.error == DAY_OK && before.explained.is_slot &&
			(!e->explained.is_slot || before.explained.reason == WHY_NONE))
			*e = before;
	}
}

/* ---- the row ---- */

/* Under the caller's rights, and policies if there are any. */
static char *
run_as_caller(const char *query, SourceRole role, const Explanation *e, SlotInterval at)
{
	const Taking *taken = &e->explained.taken;
	bool is_taken = e->explained.reason == WHY_NO_RESOURCE;
	Oid types[] = {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, UUIDOID};
	const char *const statuses[SOURCE_NROLES] = {[SOURCE_BOOKINGS] = e->explained.blocking,
												 [SOURCE_RESERVATIONS] = e->explained.holding,
												 [SOURCE_CLASSES] = e->explained.cancelled};
	Datum args[] = {UUIDPGetDatum(is_taken ? &taken->stylist : &e->day.stylist),
					TimestampTzGetDatum(at.start), TimestampTzGetDatum(at.end),
					CStringGetTextDatum(statuses[role] != NULL ? statuses[role] : ""),
					UUIDPGetDatum(taken->has_resource ? &taken->resource : &taken->service)};
	static const int nargs[SOURCE_NROLES] =
		{[SOURCE_BOOKINGS] = 4,	 [SOURCE_RESERVATIONS] = 4, [SOURCE_CLASSES] = 4,
		 [SOURCE_OVERRIDES] = 2, [SOURCE_PROFILES] = 1,		[SOURCE_SERVICES] = 1};
	MemoryContext caller = CurrentMemoryContext;
	int settings = guard_settings();
	char *row = NULL;

	if (role == SOURCE_SERVICES)
		args[0] = UUIDPGetDatum(&e->day.service);
	if (role == SOURCE_OVERRIDES)
	{
		types[1] = DATEOID;
		args[1] = DateADTGetDatum(e->day.date);
	}
	(void) set_config_option("search_path", SAFE_SEARCH_PATH, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args(query, nargs[role] + (is_taken ? 1 : 0), types, args, NULL, true, 1) ==
			SPI_OK_SELECT &&
		SPI_processed == 1)
		row = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (row != NULL)
		row = MemoryContextStrdup(caller, row);
	SPI_finish();
	restore_settings(settings);
	return row;
}

/*
 * NULL: none decides, or the caller may not see it.  *role: of the table that it is
 * in, NULL if none decides.
 */
static char *
find_row(const Explanation *e, const char **role)
{
	SourceRole of;
	SlotInterval at = {0, 0};
	char *query = explain_query(&e->explained, &of, &at);

	*role = query == NULL ? NULL : source_roles[of].name;
	if (query == NULL || pg_class_aclcheck(source_relid(of), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return NULL;
	return run_as_caller(query, of, e, at);
}

static const char *
code_of(DayError error)
{
	switch (error)
	{
		case DAY_OK:
			return NULL;
		case DAY_STYLIST_NOT_FOUND:
			return "STYLIST_NOT_FOUND";
		case DAY_SERVICE_NOT_OFFERED:
			return "SERVICE_NOT_OFFERED";
		default:
			return "INVALID_ARGUMENT";
	}
}

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

/*
 * explain(stylist uuid, service uuid, start timestamptz) returns code (of an
 * error; the rest is NULL then), status, reason, rule, date, slot_end, seats_left,
 * role and row (jsonb as text).  Raises what get_available_slots raises of the set-up.
 */
PGDLLEXPORT Datum
availability_cache_explain(PG_FUNCTION_ARGS)
{
	Explanation e = {.day = {.error = DAY_INVALID_ARGUMENT}};
	Datum values[9] = {0};
	bool nulls[9];
	TupleDesc desc;
	const char *role = NULL;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, true, sizeof(nulls));
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1) && !PG_ARGISNULL(2) &&
		!TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(2)) &&
		utc_day_of(PG_GETARG_TIMESTAMPTZ(2)) > DAY_FIRST + 4 &&
		utc_day_of(PG_GETARG_TIMESTAMPTZ(2)) < DAY_LAST - 2)
	{
		e.day.stylist = *PG_GETARG_UUID_P(0);
		e.day.service = *PG_GETARG_UUID_P(1);
		e.explained.start = PG_GETARG_TIMESTAMPTZ(2);
		explain(&e);
	}
	values[0] = text_or_null(code_of(e.day.error), &nulls[0]);
	if (e.day.error == DAY_OK)
	{
		const Explained *found = &e.explained;

		values[8] = text_or_null(find_row(&e, &role), &nulls[8]);
		values[1] = text_or_null(slot_status_names[slot_statuses[found->reason]], &nulls[1]);
		values[2] = text_or_null(slot_reason_names[found->reason], &nulls[2]);
		values[3] = Int32GetDatum(explain_rule(found->reason));
		values[4] = DateADTGetDatum(e.day.date);
		values[5] = TimestampTzGetDatum(found->end);
		values[6] = Int32GetDatum(found->seats);
		values[7] = text_or_null(role, &nulls[7]);
		nulls[3] = nulls[4] = nulls[5] = false;
		nulls[6] = found->seats < 0;
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
