/*
 * warm.c
 *		What warms memory when it is told to: warm(), warm_days(), warm_function(); and how far that is.
 *
 * Each is a list of tasks in order, and a row a task: done when the row is
 * asked for, so that whoever reads rows as they come sees them come.  A task
 * that fails is undone, and its row says so; what must be raised (guard.h) is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guard.h"
#include "base/shmem.h"
#include "cache/readpath.h"
#include "entry/hot.h"
#include "entry/rpc.h"
#include "entry/shown.h"
#include "entry/warmed.h"
#include "memo/again.h"
#include "memo/function.h"
#include "memo/key.h"
#include "slots/key.h"
#include "slots/team.h"

PG_FUNCTION_INFO_V1(availability_cache_warm);
PG_FUNCTION_INFO_V1(availability_cache_warm_days);
PG_FUNCTION_INFO_V1(availability_cache_warm_function);
PG_FUNCTION_INFO_V1(availability_cache_warming);

/* More than this nobody waits for. */
#define MAX_OFFERS 100000
#define MAX_CALLS 1000000
#define MAX_KEYS 1000000
#define MAX_DAYS 366

/* What is done by one of the functions, in the memory of its call. */
typedef struct Warming
{
	WarmCommand command;
	const char *name;
	int64 n; /* tasks */
	int64 next;
	MemoryContext each; /* of a task */
	/* Does a task, and names its key. */
	void (*task)(struct Warming *warming, int64 task, Warmed *warmed);
	char *(*key)(struct Warming *warming, int64 task);
	bool tells; /* errors' messages: they are the caller's own */
	/* warm() */
	HotKeys hot;
	/* warm_days() */
	Offer *offers;
	int64 noffers;
	DateADT first;
	pg_tz *zone;
	/* warm_function() */
	Oid function;
	char *text;
	TupleDesc desc;
	HeapTuple *rows;
} Warming;

/* ---- tasks ---- */

typedef struct Task
{
	Warming *warming;
	int64 number;
	Warmed *warmed;
} Task;

static void
run_task(void *arg)
{
	Task *task = arg;

	task->warming->task(task->warming, task->number, task->warmed);
}

static void
do_task(Warming *warming, int64 number, Warmed *warmed)
{
	Task task = {warming, number, warmed};
	ErrorData *error = NULL;

	*warmed = (Warmed){WARM_SKIPPED, NULL};
	store_is_warming = true;
	PG_TRY();
	{
		error = guarded(run_task, &task);
	}
	PG_FINALLY();
	{
		store_is_warming = false;
	}
	PG_END_TRY();
	if (error == NULL)
		return;
	warmed->outcome = WARM_FAILED;
	warmed->error = warming->tells ? psprintf("%s: %s", unpack_sql_state(error->sqlerrcode), error->message)
								   : pstrdup(unpack_sql_state(error->sqlerrcode));
}

static Datum
task_row(FuncCallContext *context, Warming *warming, int64 number)
{
	MemoryContext old = MemoryContextSwitchTo(warming->each);
	Warmed warmed;
	instr_time start;
	instr_time end;
	Datum values[4];
	bool nulls[4] = {false};
	HeapTuple row;

	INSTR_TIME_SET_CURRENT(start);
	do_task(warming, number, &warmed);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	progress_add(warmed.outcome);
	values[0] = CStringGetTextDatum(warming->key(warming, number));
	values[1] = CStringGetTextDatum(warm_outcomes[warmed.outcome]);
	values[2] = Float8GetDatum(INSTR_TIME_GET_MILLISEC(end));
	nulls[3] = warmed.error == NULL;
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(warmed.error);
	MemoryContextSwitchTo(old);
	row = heap_form_tuple(context->tuple_desc, values, nulls);
	MemoryContextReset(warming->each);
	return HeapTupleGetDatum(row);
}

static void
end_progress(void *arg)
{
	progress_end();
}

/* Where a task's answer would not be kept, none is done. */
static void
check_transaction(const char *name)
{
	shmem_require();
	if (XactIsoLevel > XACT_READ_COMMITTED || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg(
				"availability_cache.%s() must run as READ COMMITTED, in a transaction that has written nothing",
				name),
			errhint("Run it by itself."));
}

/* The call's first row: its list of tasks is made by list(), in its memory. */
static void
begin(FunctionCallInfo fcinfo, WarmCommand command, const char *name,
	  void (*list)(FunctionCallInfo, Warming *))
{
	FuncCallContext *context = SRF_FIRSTCALL_INIT();
	MemoryContext old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
	Warming *warming = palloc0(sizeof(Warming));
	MemoryContextCallback *at_end = palloc0(sizeof(MemoryContextCallback));

	check_transaction(name);
	if (get_call_result_type(fcinfo, NULL, &context->tuple_desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	warming->command = command;
	warming->name = name;
	warming->each = AllocSetContextCreate(context->multi_call_memory_ctx, "warming", ALLOCSET_DEFAULT_SIZES);
	progress_begin(command, 0);
	/* Also where it is not asked for all of its rows, or fails. */
	at_end->func = end_progress;
	MemoryContextRegisterResetCallback(context->multi_call_memory_ctx, at_end);
	list(fcinfo, warming);
	progress_set_total(warming->n);
	context->user_fctx = warming;
	MemoryContextSwitchTo(old);
}

static Datum
next_row(FunctionCallInfo fcinfo)
{
	FuncCallContext *context = SRF_PERCALL_SETUP();
	Warming *warming = context->user_fctx;

	CHECK_FOR_INTERRUPTS();
	if (warming->next < warming->n)
		SRF_RETURN_NEXT(context, task_row(context, warming, warming->next++));
	SRF_RETURN_DONE(context);
}

/* ---- warm(): what was asked for, and is outdated or expired ---- */

static bool
is_worn(const StoredEntry *entry, const EntryInfo *info)
{
	return hot_database(&entry->key) == MyDatabaseId && !entry_is_current(entry);
}

static void
warm_one_key(Warming *warming, int64 task, Warmed *warmed)
{
	warm_key(&warming->hot.keys[task].key, warming->name, NULL, warmed);
}

static char *
key_of_key(Warming *warming, int64 task)
{
	return warm_key_text(&warming->hot.keys[task].key);
}

static void
list_keys(FunctionCallInfo fcinfo, Warming *warming)
{
	int32 max = PG_GETARG_INT32(0);

	if (max < 1 || max > MAX_KEYS)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("keys must be between 1 and %d", MAX_KEYS));
	hot_read(&warming->hot, is_worn, max, CurrentMemoryContext);
	warming->n = warming->hot.n;
	warming->task = warm_one_key;
	warming->key = key_of_key;
}

/* availability_cache.warm(keys) */
PGDLLEXPORT Datum
availability_cache_warm(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
		begin(fcinfo, WARM_ASKED, "warm", list_keys);
	return next_row(fcinfo);
}

/* ---- warm_days(): near days first ---- */

static DayRequest
day_of_task(const Warming *warming, int64 task)
{
	const Offer *offer = &warming->offers[task % warming->noffers];

	return (DayRequest){.stylist = offer->stylist,
						.service = offer->service,
						.date = warming->first + task / warming->noffers,
						.zone = warming->zone};
}

static void
warm_one_day(Warming *warming, int64 task, Warmed *warmed)
{
	DayRequest day = day_of_task(warming, task);

	warm_day(&day, warming->name, COMPUTE_JSONB, warmed);
}

static char *
key_of_day(Warming *warming, int64 task)
{
	DayRequest day = day_of_task(warming, task);

	return day_text(&day);
}

typedef struct Ids
{
	bool all; /* none are named */
	Datum *values;
	bool *nulls;
	int n;
} Ids;

static Ids
ids_of(FunctionCallInfo fcinfo, int arg)
{
	Ids ids = {.all = PG_ARGISNULL(arg)};

	if (!ids.all)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids.values,
						  &ids.nulls, &ids.n);
	return ids;
}

static bool
is_among(const pg_uuid_t *id, const Ids *ids)
{
	for (int i = 0; i < ids->n; i++)
	{
		if (!ids->nulls[i] && memcmp(DatumGetUUIDP(ids->values[i]), id, UUID_LEN) == 0)
			return true;
	}
	return ids->all;
}

static void
choose_offers(Warming *warming, const Ids *stylists, const Ids *services)
{
	Offer *offers = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Offer) * MAX_OFFERS);
	int n = team_read_offers(offers, MAX_OFFERS);

	for (int i = 0; i < n; i++)
	{
		/* The lists may be long. */
		CHECK_FOR_INTERRUPTS();
		if (is_among(&offers[i].stylist, stylists) && is_among(&offers[i].service, services))
			offers[warming->noffers++] = offers[i];
	}
	warming->offers = offers;
}

static void
list_days(FunctionCallInfo fcinfo, Warming *warming)
{
	Ids stylists = ids_of(fcinfo, 2);
	Ids services = ids_of(fcinfo, 3);
	DateADT last;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("first_date and last_date must not be NULL"));
	warming->first = PG_GETARG_DATEADT(0);
	last = PG_GETARG_DATEADT(1);
	if (warming->first < DAY_FIRST || last > DAY_LAST || last < warming->first ||
		last - warming->first >= MAX_DAYS)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("first_date must not be after last_date, nor %d days or more before it", MAX_DAYS),
				errhint("Days must be between 1900-01-01 and 9998-12-31."));
	if (!PG_ARGISNULL(4) && (warming->zone = rpc_customer_zone(PG_GETARG_TEXT_PP(4))) == NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s", rpc_unknown_zone(PG_GETARG_TEXT_PP(4))),
				errhint("Pass an IANA name such as Asia/Kathmandu; pg_timezone_names lists them."));
	choose_offers(warming, &stylists, &services);
	warming->n = warming->noffers * (last - warming->first + 1);
	warming->task = warm_one_day;
	warming->key = key_of_day;
}

/* availability_cache.warm_days(first_date, last_date, stylists, services, customer_timezone) */
PGDLLEXPORT Datum
availability_cache_warm_days(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
		begin(fcinfo, WARM_DAYS, "warm_days", list_days);
	return next_row(fcinfo);
}

/* ---- warm_function(): calls with the rows of a query, in its order; all as the caller ---- */

static void
warm_call(Warming *warming, int64 task, Warmed *warmed)
{
	int n = warming->desc->natts;
	uint64 not_kept = warm_count_not_kept(warming->function);
	Datum *values = palloc(n * sizeof(Datum));
	bool *are_null = palloc(n * sizeof(bool));
	char *nulls = palloc(n);
	Oid *types = palloc(n * sizeof(Oid));

	heap_deform_tuple(warming->rows[task], warming->desc, values, are_null);
	for (int i = 0; i < n; i++)
	{
		nulls[i] = are_null[i] ? 'n' : ' ';
		types[i] = TupleDescAttr(warming->desc, i)->atttypid;
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	(void) SPI_execute_with_args(warming->text, n, types, values, nulls, false, 0);
	SPI_finish();
	warm_tell_call(warming->function, not_kept, warmed);
}

/* Its arguments are the caller's own. */
static char *
key_of_call(Warming *warming, int64 task)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s(", get_func_name(warming->function));
	for (int i = 1; i <= warming->desc->natts; i++)
	{
		char *value = SPI_getvalue(warming->rows[task], warming->desc, i);

		appendStringInfo(&text, "%s%s", i == 1 ? "" : ", ",
						 value == NULL ? "NULL" : quote_literal_cstr(value));
	}
	appendStringInfoChar(&text, ')');
	return text.data;
}

/* Rows of the query, which runs as the caller. */
static void
read_arguments(Warming *warming, const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	int result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	result = SPI_execute(query, true, MAX_CALLS);
	if (result != SPI_OK_SELECT)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("arguments must be a query that returns rows"),
			errhint(
				"One row a call, and a column for each argument: SELECT id FROM courses ORDER BY visitors DESC LIMIT 100."));
	MemoryContextSwitchTo(context);
	warming->n = SPI_processed;
	warming->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	warming->rows = MemoryContextAllocHuge(context, sizeof(HeapTuple) * Max(warming->n, 1));
	for (int64 i = 0; i < warming->n; i++)
		warming->rows[i] = heap_copytuple(SPI_tuptable->vals[i]);
	SPI_finish();
}

static void
list_calls(FunctionCallInfo fcinfo, Warming *warming)
{
	Oid *types;
	int nargs;

	warming->function = PG_GETARG_OID(0);
	if (!function_is_memoized(warming->function))
		ereport(
			ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("function %s is not memoized", format_procedure(warming->function)),
			errhint(
				"See availability_cache.memoize(); for the slots there is availability_cache.warm_days()."));
	(void) get_func_signature(warming->function, &types, &nargs);
	read_arguments(warming, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (warming->desc->natts != nargs)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("function %s has %d arguments, not %d", format_procedure(warming->function), nargs,
					   warming->desc->natts),
				errhint(
					"Give all, also those that have defaults; those of a VARIADIC parameter as one array."));
	warming->text = call_text(warming->function);
	warming->tells = true;
	warming->task = warm_call;
	warming->key = key_of_call;
}

/* availability_cache.warm_function(function, arguments) */
PGDLLEXPORT Datum
availability_cache_warm_function(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
		begin(fcinfo, WARM_FUNCTION, "warm_function", list_calls);
	return next_row(fcinfo);
}

/* ---- how far they are ---- */

/* availability_cache_internal.warming(): columns in the order of the SQL declaration. */
PGDLLEXPORT Datum
availability_cache_warming(PG_FUNCTION_ARGS)
{
	static const char *const commands[] = {[WARM_ASKED] = "warm",
										   [WARM_DAYS] = "warm_days",
										   [WARM_FUNCTION] = "warm_function",
										   [WARM_RESTART] = "restart",
										   [WARM_ANEW] = "outdated"};

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < MAX_PROGRESSES; i++)
	{
		Progress progress;
		Datum values[5 + 1 + NWARM_OUTCOMES];
		bool nulls[5 + 1 + NWARM_OUTCOMES] = {false};

		if (!progress_read(i, &progress) || !may_see_database(progress.dboid))
			continue;
		values[0] = Int32GetDatum(progress.pid);
		values[1] = ObjectIdGetDatum(progress.dboid);
		values[2] = ObjectIdGetDatum(progress.user);
		values[3] = CStringGetTextDatum(commands[progress.command]);
		values[4] = TimestampTzGetDatum(progress.started);
		values[5] = Int64GetDatum(progress.total);
		for (int o = 0; o < NWARM_OUTCOMES; o++)
			values[6 + o] = Int64GetDatum(progress.outcomes[o]);
		put_shown_row((ReturnSetInfo *) fcinfo->resultinfo, values, nulls, lengthof(values));
	}
	return (Datum) 0;
}
