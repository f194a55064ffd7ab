/*
 * log.c
 *		The traces that writers leave for the table tier.
 *
 * A transaction that changes availability adds to
 * availability_cache.invalidation the tags that it touched, with its xid;
 * trust.c says what readers make of it.  Traces are written at the first
 * touch in a (sub)transaction, not when it commits: there an error could not
 * be undone alone.  Each costs a subtransaction.  So a transaction that
 * touches a fourth day of a stylist touches all of the stylist's, and after
 * so many traces one is of everything.
 *
 * A writer that leaves no trace (the tier is off for it, or the trace could
 * not be written) takes the trust away instead; only if that is impossible
 * too does it fail.
 *
 * Locking: see tables.c.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/guard.h"
#include "base/settings.h"
#include "base/test_hooks.h"
#include "cache/counters.h"
#include "slots/day.h"
#include "slots/tags.h"
#include "table/log.h"
#include "table/state.h"
#include "table/tables.h"
#include "table/trust.h"

/* More traces of a transaction than this become one of everything. */
#define MAX_TRACES 32
/* So many days of a stylist are named as they are. */
#define MAX_DAYS 3
/* A writer deletes no more rows than this at once; the rest is left to cleaning. */
#define MAX_DELETED 1000

typedef struct Trace
{
	Tag tag;
	/* A day's, or a stylist's: */
	bool of_stylist;
	pg_uuid_t stylist;
	DateADT first; /* UTC days; DATEVAL_NOBEGIN to DATEVAL_NOEND: all */
	DateADT last;
	int level; /* the (sub)transaction it was written in */
} Trace;

/* What this transaction has written. */
static Trace traces[MAX_TRACES];
static int ntraces = 0;

/* Whether this transaction leaves traces. */
typedef enum Decision
{
	UNDECIDED,
	LEAVES_TRACES,
	LEAVES_NONE /* the tier was not in use when it looked, or it has deleted the row that says so */
} Decision;

static Decision decision = UNDECIDED;

static void
forget_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		ntraces = 0;
		decision = UNDECIDED;
	}
}

static void
forget_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	int level = GetCurrentTransactionNestLevel();
	int kept = 0;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < ntraces; i++)
	{
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			traces[i].level = Min(traces[i].level, level - 1);
		else if (traces[i].level >= level)
			continue;
		traces[kept++] = traces[i];
	}
	ntraces = kept;
	/* It may have been decided there, by deleting the row. */
	if (event == SUBXACT_EVENT_ABORT_SUB && decision == LEAVES_NONE)
		decision = UNDECIDED;
}

void
tier_log_init(void)
{
	RegisterXactCallback(forget_transaction, NULL);
	RegisterSubXactCallback(forget_subtransaction, NULL);
}

/* Once this transaction commits no row is trusted; false if that could not be done. */
static bool
stop_leaving_traces(void)
{
	if (!trust_stop())
		return false;
	/* Good for the whole transaction if it has its xid: see trust.c. */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		decision = LEAVES_NONE;
	return true;
}

static void
insert_trace(const Trace *trace)
{
	Datum values[LOG_NCOLUMNS] = {0};
	bool nulls[LOG_NCOLUMNS] = {false};
	TierRelation log;

	tier_open_or_fail(TIER_LOG, RowExclusiveLock, &log);
	values[LOG_TAG - 1] = Int64GetDatum(trace->tag);
	values[LOG_XID - 1] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	tier_insert(&log, values, nulls);
	tier_close(&log);
}

/*
 * Deletes the rows that a change of a stylist outdates, for who looks at the
 * table; readers do not depend on it.  Rows that others are changing, those
 * of a table that is locked, and many at once are left to cleaning.
 */
static void
delete_rows(const Trace *trace)
{
	ScanKeyData keys[3];
	int nkeys = 1;
	int ndeleted = 0;
	TierRelation rows;
	SysScanDesc scan;
	HeapTuple tuple;

	if (tier_open(TIER_ROWS, RowShareLock, &rows) != TIER_OPENED)
		return;
	key_uuid(&keys[0], ROW_STYLIST, &trace->stylist);
	if (!DATE_IS_NOBEGIN(trace->first))
	{
		key_date(&keys[1], ROW_DATE, BTGreaterEqualStrategyNumber, trace->first - DAYS_AFTER);
		key_date(&keys[2], ROW_DATE, BTLessEqualStrategyNumber, trace->last + DAYS_BEFORE);
		nkeys = 3;
	}
	scan = tier_scan(&rows, SnapshotSelf, nkeys, keys);
	while (ndeleted < MAX_DELETED && (tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetDateADT(tier_column(&rows, tuple, ROW_FIRST_DAY)) > trace->last ||
			DatumGetDateADT(tier_column(&rows, tuple, ROW_LAST_DAY)) < trace->first)
			continue;
		if (!tier_may_delete(&rows))
			break;
		ndeleted += tier_delete(&rows, &tuple->t_self);
	}
	systable_endscan(scan);
	tier_close(&rows);
}

static void
write_trace(void *arg)
{
	Trace *trace = arg;

	insert_trace(trace);
	if (trace->of_stylist)
		delete_rows(trace);
}

/* The trace could not be written: nothing may be trusted that does not see this transaction. */
static void
leave_no_trace(const char *why)
{
	if (stop_leaving_traces())
		return;
	if (!trust_not_without())
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_IN_USE),
			errmsg("a change of availability could not be recorded for the cache's table: %s", why),
			errhint(
				"Look at availability_cache.invalidation, invalidation_since and distrusted: all of them are locked or "
				"altered."));
	decision = LEAVES_NONE;
}

void
tier_log_lost(const char *why)
{
	if (trust_is_active())
		leave_no_trace(why);
}

/* Whether this transaction has said so already, or more. */
static bool
is_covered(const Trace *touched)
{
	for (int i = 0; i < ntraces; i++)
	{
		if (traces[i].tag == EVERYTHING || traces[i].tag == touched->tag)
			return true;
		if (traces[i].of_stylist && touched->of_stylist && DATE_IS_NOBEGIN(traces[i].first) &&
			memcmp(&traces[i].stylist, &touched->stylist, UUID_LEN) == 0)
			return true;
	}
	return false;
}

static Trace
trace_of_stylist(const pg_uuid_t *stylist)
{
	return (Trace){.tag = tag_of_stylist(stylist),
				   .of_stylist = true,
				   .stylist = *stylist,
				   .first = DATEVAL_NOBEGIN,
				   .last = DATEVAL_NOEND};
}

/* A stylist's day, or all of the stylist's where there are some already: every day depends on the stylist too. */
static void
widen(Trace *trace)
{
	int n = 0;

	if (!trace->of_stylist)
		return;
	for (int i = 0; i < ntraces; i++)
		n += traces[i].of_stylist && memcmp(&traces[i].stylist, &trace->stylist, UUID_LEN) == 0;
	if (n >= MAX_DAYS)
		*trace = trace_of_stylist(&trace->stylist);
}

/* Whether this transaction leaves traces, of which this would be the first. */
static bool
leaves_traces(const Trace *first)
{
	if (decision != UNDECIDED)
		return decision == LEAVES_TRACES;
	if (!trust_is_active())
	{
		/* As in stop_leaving_traces. */
		if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
			decision = LEAVES_NONE;
		return false;
	}
	/* Traces of everything are rare, and whoever attaches tables may switch the tier on next. */
	if (ac_table_tier == TABLE_TIER_OFF && first->tag != EVERYTHING && stop_leaving_traces())
		return false;
	decision = LEAVES_TRACES;
	return true;
}

static void
log_touch(const Trace *touched)
{
	Trace trace = *touched;
	ErrorData *error;

	if (AC_MUTATED(AC_MUTANT_NO_TRACE) || is_covered(touched) || RecoveryInProgress() || !leaves_traces(touched))
		return;
	if (ntraces >= MAX_TRACES - 1)
		trace = (Trace){.tag = EVERYTHING};
	else
		widen(&trace);
	error = guarded(write_trace, &trace);
	if (error != NULL)
	{
		breaker_failed(error->message);
		leave_no_trace(error->message);
		return;
	}
	counter_add(COUNTER_TIER_LOGGED, 1);
	/* Rows that such a trace outdates are left to cleaning. */
	if (!trace.of_stylist && ac_table_tier == TABLE_TIER_BACKGROUND)
		worker_wanted();
	trace.level = GetCurrentTransactionNestLevel();
	traces[ntraces++] = trace;
}

void
tier_log_days(const pg_uuid_t *stylist, DateADT first, DateADT last)
{
	Trace trace = trace_of_stylist(stylist);

	if (last - first >= MAX_DAYS)
		log_touch(&trace);
	else
	{
		for (trace.first = first; trace.first <= last; trace.first++)
		{
			trace.tag = tag_of_stylist_day(stylist, trace.first);
			trace.last = trace.first;
			log_touch(&trace);
		}
	}
}

void
tier_log_stylist(const pg_uuid_t *stylist)
{
	Trace trace = trace_of_stylist(stylist);

	log_touch(&trace);
}

void
tier_log_tag(Tag tag)
{
	Trace trace = {.tag = tag};

	log_touch(&trace);
}

void
tier_log_everything(void)
{
	tier_log_tag(EVERYTHING);
}
