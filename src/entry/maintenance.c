/*
 * maintenance.c
 *		What DBAs call: invalidate(), flush(), clean(), reset_stats().
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/store.h"
#include "entry/outdated.h"
#include "entry/touch.h"
#include "slots/kept_days.h"
#include "memo/statistics.h"
#include "slots/tags.h"
#include "table/clean.h"
#include "table/log.h"
#include "table/trust.h"

PG_FUNCTION_INFO_V1(availability_cache_invalidate);
PG_FUNCTION_INFO_V1(availability_cache_flush);
PG_FUNCTION_INFO_V1(availability_cache_clean);
PG_FUNCTION_INFO_V1(availability_cache_reset_stats);

/*
 * availability_cache.invalidate(stylist, first date, last date).  Dates are in
 * the stylist's zone, whatever it is; every answer depends on its own date as
 * a UTC day.
 */
PGDLLEXPORT Datum
availability_cache_invalidate(PG_FUNCTION_ARGS)
{
	pg_uuid_t *stylist;
	DateADT first = PG_ARGISNULL(1) ? DATEVAL_NOBEGIN : PG_GETARG_DATEADT(1);
	DateADT last = PG_ARGISNULL(2) ? DATEVAL_NOEND : PG_GETARG_DATEADT(2);

	if (PG_ARGISNULL(0))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("stylist must not be NULL"),
				errhint("availability_cache.flush() drops every answer."));
	stylist = PG_GETARG_UUID_P(0);
	if (first > last)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("first date is after last date"),
				errhint("invalidate(stylist, first, last) takes the earlier date first."));
	if (trust_is_active())
		PreventCommandIfReadOnly("availability_cache.invalidate()");
	if (DATE_NOT_FINITE(first) || DATE_NOT_FINITE(last) || last - first >= MAX_TOUCHED_DAYS)
	{
		changes_touch_now(tag_of_stylist(stylist));
		kept_days_log_stylist(stylist);
		outdated_stylist(stylist);
		PG_RETURN_VOID();
	}
	for (DateADT day = first; day <= last; day++)
		changes_touch_now(tag_of_stylist_day(stylist, day));
	kept_days_log_days(stylist, first, last);
	outdated_days(stylist, first, last);
	PG_RETURN_VOID();
}

PGDLLEXPORT Datum
availability_cache_flush(PG_FUNCTION_ARGS)
{
	if (trust_is_active())
	{
		PreventCommandIfReadOnly("availability_cache.flush()");
		tier_log_everything();
	}
	outdated_everything();
	if (!ac_shared_memory_ready)
		PG_RETURN_INT64(0);
	PG_RETURN_INT64(store_flush(changes_touch_now(tag_of_database())));
}

/* availability_cache.clean(max_rows) returns how many rows of private.availability_cache it removed. */
PGDLLEXPORT Datum
availability_cache_clean(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(tier_clean(PG_GETARG_INT64(0), MaxBlockNumber));
}

/* Of every database: not for whoever was granted all functions in one of them. */
PGDLLEXPORT Datum
availability_cache_reset_stats(PG_FUNCTION_ARGS)
{
	if (!superuser())
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("only a superuser may reset the counters of every database"),
				errhint("A SECURITY DEFINER function of a superuser can let others do it."));
	shmem_require();
	counters_reset();
	statistics_reset();
	PG_RETURN_VOID();
}
