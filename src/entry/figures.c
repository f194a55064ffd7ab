/*
 * figures.c
 *		The functions behind the views of figures and events: what counters, histograms and
 *		the ring of events have.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "cache/changed_tables.h"
#include "cache/counters.h"
#include "cache/events.h"
#include "cache/history.h"
#include "entry/error_kind.h"
#include "entry/shown.h"
#include "memo/statistics.h"
#include "table/state.h"

PG_FUNCTION_INFO_V1(availability_cache_figures);
PG_FUNCTION_INFO_V1(availability_cache_function_figures);
PG_FUNCTION_INFO_V1(availability_cache_error_codes);
PG_FUNCTION_INFO_V1(availability_cache_changed_tables);
PG_FUNCTION_INFO_V1(availability_cache_events);
PG_FUNCTION_INFO_V1(availability_cache_history);

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Columns in the order of the SQL declaration; here and below. */
static void
put_figures(ReturnSetInfo *rsinfo, const DatabaseCounters *db)
{
	static const Counter single[] = {COUNTER_EVICTIONS_LIVE, COUNTER_MISS_LOST, COUNTER_AUDITS,
									 COUNTER_STALE_HITS,	 COUNTER_OWN_HITS,	COUNTER_OWN_COMPUTED};
	Datum values[14];
	bool nulls[14] = {false};
	int n = 0;

	nulls[n] = db->dboid == InvalidOid;
	values[n++] = ObjectIdGetDatum(db->dboid);
	for (int i = 0; i < lengthof(single); i++)
		values[n++] = Int64GetDatum(db->counts[single[i]]);
	values[n++] = bigint_array(&db->counts[COUNTER_ERROR_KIND], NERROR_KINDS);
	values[n++] = Int64GetDatum(counters_errors_per_minute(db->number));
	values[n++] = bigint_array(&db->counts[COUNTER_COMPUTE_TIME], HISTOGRAM_BUCKETS);
	values[n++] = bigint_array(&db->counts[COUNTER_HIT_AGE], HISTOGRAM_BUCKETS);
	values[n] = text_or_null(worker_state(db->dboid), &nulls[n]);
	n++;
	values[n++] = Int64GetDatum(queue_length(db->dboid));
	values[n++] = Int64GetDatum(statistics_uncounted());
	put_shown_row(rsinfo, values, nulls, n);
}

PGDLLEXPORT Datum
availability_cache_figures(PG_FUNCTION_ARGS)
{
	DatabaseCounters *databases;
	int n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	databases = palloc(MAX_DATABASES * sizeof(DatabaseCounters));
	n = counters_read(databases);
	for (int i = 0; i < n; i++)
	{
		if (may_see_database(databases[i].dboid))
			put_figures((ReturnSetInfo *) fcinfo->resultinfo, &databases[i]);
	}
	return (Datum) 0;
}

static Datum
histogram_array(const uint32 *buckets)
{
	uint64 wide[HISTOGRAM_BUCKETS];

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		wide[i] = buckets[i];
	return bigint_array(wide, HISTOGRAM_BUCKETS);
}

static void
put_function(ReturnSetInfo *rsinfo, const FunctionHistograms *function)
{
	Datum values[8];
	bool nulls[8] = {false};

	values[0] = ObjectIdGetDatum(function->dboid);
	values[1] = ObjectIdGetDatum(function->function);
	values[2] = Int64GetDatum(function->counts[CALLS_HIT]);
	values[3] = Int64GetDatum(function->counts[CALLS_COMPUTED]);
	values[4] = Int64GetDatum(function->counts[CALLS_NOT_KEPT]);
	values[5] = Int64GetDatum(function->counts[CALLS_RAISED]);
	values[6] = histogram_array(function->compute_times);
	values[7] = histogram_array(function->hit_ages);
	put_shown_row(rsinfo, values, nulls, lengthof(values));
}

PGDLLEXPORT Datum
availability_cache_function_figures(PG_FUNCTION_ARGS)
{
	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < statistics_count_places(); i++)
	{
		FunctionHistograms function;

		if (statistics_read_place(i, &function) && may_see_database(function.dboid))
			put_function((ReturnSetInfo *) fcinfo->resultinfo, &function);
	}
	return (Datum) 0;
}

/* The codes that the numbers of errors belong to. */
PGDLLEXPORT Datum
availability_cache_error_codes(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < NERROR_KINDS; i++)
	{
		Datum code = CStringGetTextDatum(error_kind_codes[i]);
		bool isnull = false;

		put_shown_row((ReturnSetInfo *) fcinfo->resultinfo, &code, &isnull, 1);
	}
	return (Datum) 0;
}

PGDLLEXPORT Datum
availability_cache_changed_tables(PG_FUNCTION_ARGS)
{
	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < changed_tables_count_places(); i++)
	{
		ChangedTable table;
		Datum values[4];
		bool nulls[4] = {false};

		if (!changed_table_read(i, &table) || !may_see_database(table.dboid))
			continue;
		values[0] = ObjectIdGetDatum(table.dboid);
		values[1] = ObjectIdGetDatum(table.relid);
		values[2] = Int64GetDatum(table.changes);
		values[3] = bigint_array(table.hours, CHANGED_HOURS);
		put_shown_row((ReturnSetInfo *) fcinfo->resultinfo, values, nulls, lengthof(values));
	}
	return (Datum) 0;
}

/* Another database's texts are in its encoding. */
static void
keep_ascii(char *text)
{
	for (; *text != '\0'; text++)
	{
		if (IS_HIGHBIT_SET(*text))
			*text = '?';
	}
}

static void
put_event(ReturnSetInfo *rsinfo, Event *event)
{
	static const char *const kinds[NEVENTS] = {[EVENT_BREAKER_OPENED] = "breaker opened",
											   [EVENT_BREAKER_CLOSED] = "breaker closed",
											   [EVENT_WORKER_STARTED] = "worker started",
											   [EVENT_WORKER_ENDED] = "worker ended",
											   [EVENT_WORKER_FAILED] = "worker failed",
											   [EVENT_EVICTION] = "eviction",
											   [EVENT_OUTDATED_ALL] = "everything outdated",
											   [EVENT_ERROR] = "error",
											   [EVENT_STALE] = "stale",
											   [EVENT_AUDIT] = "audit",
											   [EVENT_WARM_FAILED] = "warming failed"};
	Datum values[9];
	bool nulls[9] = {false};

	if (event->dboid != MyDatabaseId)
	{
		keep_ascii(event->key);
		keep_ascii(event->detail);
	}
	values[0] = Int64GetDatum(event->number);
	values[1] = TimestampTzGetDatum(event->last);
	values[2] = TimestampTzGetDatum(event->first);
	nulls[3] = !OidIsValid(event->dboid);
	values[3] = ObjectIdGetDatum(event->dboid);
	values[4] = CStringGetTextDatum(kinds[event->kind]);
	values[5] = text_or_null(event->key[0] == '\0' ? NULL : event->key, &nulls[5]);
	values[6] = text_or_null(event->detail[0] == '\0' ? NULL : event->detail, &nulls[6]);
	values[7] = Int64GetDatum(event->count);
	nulls[8] = event->duration == NO_DURATION;
	values[8] = Float8GetDatum(event->duration / 1000.0);
	put_shown_row(rsinfo, values, nulls, lengthof(values));
}

PGDLLEXPORT Datum
availability_cache_events(PG_FUNCTION_ARGS)
{
	uint64 oldest;
	uint64 next;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	events_range(&oldest, &next);
	for (uint64 n = oldest; n < next; n++)
	{
		Event event;

		CHECK_FOR_INTERRUPTS();
		if (event_read(n, &event) && may_see_database(event.dboid))
			put_event((ReturnSetInfo *) fcinfo->resultinfo, &event);
	}
	return (Datum) 0;
}

PGDLLEXPORT Datum
availability_cache_history(PG_FUNCTION_ARGS)
{
	int n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	n = history_count();
	for (int i = 0; i < n; i++)
	{
		HistoryPoint point;
		Datum values[5];
		bool nulls[5] = {false};

		if (!history_read(i, &point) || !may_see_database(point.dboid))
			continue;
		values[0] = ObjectIdGetDatum(point.dboid);
		values[1] = TimestampTzGetDatum(point.at);
		values[2] = Int64GetDatum(point.hits);
		values[3] = Int64GetDatum(point.computed);
		values[4] = Int64GetDatum(point.errors);
		put_shown_row((ReturnSetInfo *) fcinfo->resultinfo, values, nulls, lengthof(values));
	}
	return (Datum) 0;
}
