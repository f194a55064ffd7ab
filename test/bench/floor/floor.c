/*
 * floor.c
 *		What the benchmarks compare with, and how they take times.
 *
 * bench_floor and bench_floor_json return an answer that this process keeps:
 * a copy and nothing else.  No function that returns the same jsonb or json
 * can do with less.  bench_jsonb_out is what the server does with a jsonb for
 * a client.  bench_time calls functions directly, in turn, so that
 * neither SQL nor what else the machine does gets into the difference.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "compat.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_floor);
PG_FUNCTION_INFO_V1(bench_floor_json);
PG_FUNCTION_INFO_V1(bench_jsonb_out);
PG_FUNCTION_INFO_V1(bench_time);
PG_FUNCTION_INFO_V1(bench_call);

/* The one row of a query, kept for as long as the process lives. */
static struct varlena *
load(const char *query)
{
	MemoryContext caller = CurrentMemoryContext;
	struct varlena *kept;
	bool isnull;
	Datum value;

	SPI_connect();
	if (SPI_execute(query, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "no answer to return: %s", query);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	MemoryContextSwitchTo(TopMemoryContext);
	kept = PG_DETOAST_DATUM_COPY(value);
	MemoryContextSwitchTo(caller);
	SPI_finish();
	return kept;
}

static struct varlena *
kept_jsonb(void)
{
	static struct varlena *kept;

	if (kept == NULL)
		kept = load("SELECT answer FROM bench.answer");
	return kept;
}

static Datum
copy_of(const struct varlena *kept)
{
	Size size = VARSIZE(kept);
	struct varlena *copy = palloc(size);

	memcpy(copy, kept, size);
	return PointerGetDatum(copy);
}

PGDLLEXPORT Datum
bench_floor(PG_FUNCTION_ARGS)
{
	return copy_of(kept_jsonb());
}

PGDLLEXPORT Datum
bench_floor_json(PG_FUNCTION_ARGS)
{
	static struct varlena *kept;

	if (kept == NULL)
		kept = load("SELECT answer::json FROM bench.answer");
	return copy_of(kept);
}

PGDLLEXPORT Datum
bench_jsonb_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_out, PointerGetDatum(kept_jsonb())));
}

/* The questions to ask, taken out of their arrays. */
typedef struct Questions
{
	Datum *stylists;
	Datum *services;
	Datum *days;
	Datum zone;
	int n;
} Questions;

static int
elements(ArrayType *array, Oid type, int length, bool by_value, char align, Datum **values)
{
	int n;

	deconstruct_array(array, type, length, by_value, align, values, NULL, &n);
	return n;
}

static void
take_questions(FunctionCallInfo fcinfo, int first, Questions *q)
{
	q->n = elements(PG_GETARG_ARRAYTYPE_P(first), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &q->stylists);
	if (elements(PG_GETARG_ARRAYTYPE_P(first + 1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &q->services) != q->n ||
		elements(PG_GETARG_ARRAYTYPE_P(first + 2), DATEOID, sizeof(DateADT), true, TYPALIGN_INT, &q->days) != q->n ||
		q->n == 0)
		elog(ERROR, "as many services and days as stylists are wanted");
	q->zone = PG_GETARG_DATUM(first + 3);
}

static void
ask(FmgrInfo *function, const Questions *q, int i)
{
	LOCAL_FCINFO(call, 4);

	InitFunctionCallInfoData(*call, function, 4, InvalidOid, NULL, NULL);
	call->args[0] = (NullableDatum){q->stylists[i], false};
	call->args[1] = (NullableDatum){q->services[i], false};
	call->args[2] = (NullableDatum){q->days[i], false};
	call->args[3] = (NullableDatum){q->zone, false};
	(void) FunctionCallInvoke(call);
}

/* Nanoseconds a call, over so many calls that go through the questions from *next on. */
static double
time_calls(FmgrInfo *function, const Questions *q, int calls, int *next, MemoryContext scratch)
{
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	instr_time start;
	instr_time end;
	int i = *next;

	INSTR_TIME_SET_CURRENT(start);
	for (int n = 0; n < calls; n++)
	{
		ask(function, q, i);
		if (++i == q->n)
			i = 0;
		/* As the executor does after each row. */
		MemoryContextReset(scratch);
	}
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	MemoryContextSwitchTo(caller);
	*next = i;
	return INSTR_TIME_GET_DOUBLE(end) * 1e9 / calls;
}

/*
 * bench.time(functions regprocedure[], stylists uuid[], services uuid[],
 * days date[], zone text, calls int, rounds int) returns a row (round,
 * function's number from 1, ns) for each turn; each function has one a round.
 */
PGDLLEXPORT Datum
bench_time(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "bench", ALLOCSET_DEFAULT_SIZES);
	int calls = PG_GETARG_INT32(5);
	int rounds = PG_GETARG_INT32(6);
	FmgrInfo *functions;
	Questions q;
	Datum *oids;
	int *next;
	int nfunctions;

	InitMaterializedSRF(fcinfo, 0);
	nfunctions = elements(PG_GETARG_ARRAYTYPE_P(0), REGPROCEDUREOID, sizeof(Oid), true, TYPALIGN_INT, &oids);
	take_questions(fcinfo, 1, &q);
	functions = palloc_array(FmgrInfo, nfunctions);
	next = palloc0_array(int, nfunctions);
	for (int f = 0; f < nfunctions; f++)
	{
		int unused = 0;

		fmgr_info(DatumGetObjectId(oids[f]), &functions[f]);
		/* Whatever is done at first is done before. */
		time_calls(&functions[f], &q, Min(calls, q.n), &unused, scratch);
	}
	for (int round = 1; round <= rounds; round++)
	{
		for (int f = 0; f < nfunctions; f++)
		{
			Datum values[3];
			bool nulls[3] = {false};

			CHECK_FOR_INTERRUPTS();
			values[0] = Int32GetDatum(round);
			values[1] = Int32GetDatum(f + 1);
			values[2] = Float8GetDatum(time_calls(&functions[f], &q, calls, &next[f], scratch));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	MemoryContextDelete(scratch);
	return (Datum) 0;
}

/* What callgrind counts below. */
static pg_noinline void
counted_calls(FmgrInfo *function, const Questions *q, int calls, MemoryContext scratch)
{
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	for (int n = 0; n < calls; n++)
	{
		ask(function, q, 0);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
}

/* bench.call(function regprocedure, stylist uuid, service uuid, day date, zone text, calls int): for callgrind. */
PGDLLEXPORT Datum
bench_call(PG_FUNCTION_ARGS)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "bench", ALLOCSET_DEFAULT_SIZES);
	Datum stylist = PG_GETARG_DATUM(1);
	Datum service = PG_GETARG_DATUM(2);
	Datum day = PG_GETARG_DATUM(3);
	Questions q = {.stylists = &stylist, .services = &service, .days = &day, .zone = PG_GETARG_DATUM(4), .n = 1};
	FmgrInfo function;
	int next = 0;

	fmgr_info(PG_GETARG_OID(0), &function);
	/* Computed and kept, then found: what only a first call does is done. */
	time_calls(&function, &q, 2, &next, scratch);
	counted_calls(&function, &q, PG_GETARG_INT32(5), scratch);
	MemoryContextDelete(scratch);
	PG_RETURN_VOID();
}
