/*
 * audited_day.c
 *		Days, for who audits answers: by audit_rate, and by availability_cache.audit().
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guard.h"
#include "base/shmem.h"
#include "entry/audited_day.h"
#include "entry/shown.h"
#include "slots/answer.h"
#include "slots/day.h"
#include "slots/key.h"
#include "slots/sources.h"

PG_FUNCTION_INFO_V1(availability_cache_audit);

/*
 * An error that says what the tables say (an unknown stylist) is another answer; one
 * of a computation that failed is none.
 */
static bool
differs(void *arg, const char *kept, uint32 kept_size, const Computed *computed)
{
	const DayRequest *day = arg;

	if (computed->payload == NULL)
		return day->error != DAY_OK && day->error != DAY_INTERNAL_ERROR;
	return !answer_same(kept, kept_size, computed->payload, computed->payload_size);
}

static char *
describe(void *arg)
{
	return day_text(arg);
}

const AuditedKind audited_day = {differs, describe, true};

/* ---- availability_cache.audit() ---- */

static void
compute(void *arg, uint64 clock, Computed *result)
{
	day_compute(arg, clock, result);
}

static void
run_confirm(void *arg)
{
	(void) day_definitions_confirmed(*(uint64 *) arg);
}

static void
confirm(void *arg, uint64 clock)
{
	(void) guarded(run_confirm, &clock);
}

static void
put_audited(ReturnSetInfo *rsinfo, const DayRequest *day, AuditResult result, int64 took)
{
	static const char *const results[] = {[AUDIT_SAME] = "same",
										  [AUDIT_OUTDATED] = "outdated meanwhile",
										  [AUDIT_FAILED] = "failed",
										  [AUDIT_STALE] = "stale"};
	Datum values[3] = {CStringGetTextDatum(day_text(day)), CStringGetTextDatum(results[result]),
					   Float8GetDatum(took / 1000.0)};
	bool nulls[3] = {false};

	put_shown_row(rsinfo, values, nulls, lengthof(values));
}

/* Whether there was a day at this place, and still valid. */
static bool
audit_place(ReturnSetInfo *rsinfo, uint32 place)
{
	TimestampTz start = GetCurrentTimestamp();
	StoredEntry entry;
	EntryInfo info;
	DayRequest day = {0};
	DayKey key;
	Computed computed;
	CacheRequest request = {.as_of = AS_OF_CALL,
							.compute = compute,
							.confirm = confirm,
							.concerns = sources_concerned,
							.audited = &audited_day,
							.arg = &day};
	AuditResult result;

	if (!store_fetch_place(place, &entry, &info) || entry.key.format != FORMAT_DAY ||
		!day_key_read(&entry.key, &day))
		return false;
	request.key = day_key_make(&key, &day);
	result = audit_entry(&request, &entry, &computed);
	if (entry.payload == NULL)
		return false;
	put_audited(rsinfo, &day, result, GetCurrentTimestamp() - start);
	return true;
}

/*
 * availability_cache.audit(sample): key, result, milliseconds of so many days in
 * memory, from a random place on.
 */
PGDLLEXPORT Datum
availability_cache_audit(PG_FUNCTION_ARGS)
{
	int32 sample = PG_GETARG_INT32(0);
	MemoryContext context;
	uint32 first;
	uint32 n;

	shmem_require();
	if (XactIsoLevel > XACT_READ_COMMITTED || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg(
				"availability_cache.audit() must run as READ COMMITTED, in a transaction that has written nothing"),
			errhint("Run it by itself."));
	if (sample < 1)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("sample must be at least 1"),
				errhint("Give how many answers are to be computed again."));
	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "audit", ALLOCSET_DEFAULT_SIZES);
	n = store_count_places();
	first = n == 0 ? 0 : pg_prng_uint32(&pg_global_prng_state) % n;
	for (uint32 i = 0; i < n && sample > 0; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		sample -= audit_place((ReturnSetInfo *) fcinfo->resultinfo, (first + i) % n);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	return (Datum) 0;
}
