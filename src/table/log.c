/*
 * log.c
 *		The traces that writers leave for the table tier.
 *
 * A transaction that changes availability adds to
 * availability_cache.invalidation the tags that it touched, with its xid;
 * trust.c says what readers make of it.  They are noted as they are touched,
 * and written together at PRE_COMMIT or PRE_PREPARE, in a subtransaction, so
 * that an error undoes nothing else; touched later (in another extension's
 * callback), at once.  There may be so many; then one trace stands for everything.
 *
 * A writer that leaves no trace (the tier is off for it, or the traces could
 * not be written, or are too many for the log) takes the trust away instead; only if that is
 * impossible too does it fail.
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
#include "cache/tag_set.h"
#include "table/log.h"
#include "table/state.h"
#include "table/tables.h"
#include "table/trust.h"

/* More traces of a transaction than this become one of everything. */
#define MAX_TRACES TAG_SET_MAX
/*
 * A log that has grown to so many blocks is begun anew: cleaning (clean.c) keeps it
 * far below, if it comes to it.
 */
#define LOG_MAX_BLOCKS (32 * 1024 * 1024 / BLCKSZ)

/*
 * What this transaction has touched, in that order; the (sub)transaction is of the tag
 * with the same number.
 */
static TagSet touched;
static int levels[MAX_TRACES];
/* So many of them have their traces. */
static int nwritten = 0;
/* From PRE_COMMIT on. */
static bool writes_at_once = false;

static const LogListener *listener = NULL;

static void leave_traces(void);

static void
handle_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
		leave_traces();
		writes_at_once = true;
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		tag_set_cut(&touched, 0);
		nwritten = 0;
		writes_at_once = false;
		if (listener != NULL)
			listener->ended();
	}
}

/* What was touched in a subtransaction was touched last. */
static void
handle_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	int level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = touched.n; i-- > 0 && levels[i] >= level;)
			levels[i] = level - 1;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (touched.n > 0 && levels[touched.n - 1] >= level)
			tag_set_cut(&touched, touched.n - 1);
		nwritten = Min(nwritten, touched.n);
	}
}

void
tier_log_init(void)
{
	RegisterXactCallback(handle_transaction, NULL);
	RegisterSubXactCallback(handle_subtransaction, NULL);
}

void
tier_log_listen(const LogListener *who)
{
	listener = who;
}

/* Adds the traces that are still to be written; false if the log is too large then. */
static bool
insert_traces(void)
{
	int n = touched.n - nwritten;
	Datum *values = palloc(n * LOG_NCOLUMNS * sizeof(Datum));
	Datum xid = FullTransactionIdGetDatum(GetTopFullTransactionId());
	BlockNumber last;
	TierRelation log;

	for (int i = 0; i < n; i++)
	{
		values[i * LOG_NCOLUMNS + LOG_TAG - 1] = Int64GetDatum(touched.tags[nwritten + i]);
		values[i * LOG_NCOLUMNS + LOG_XID - 1] = xid;
	}
	tier_open_or_fail(TIER_LOG, RowExclusiveLock, &log);
	last = tier_insert_many(&log, values, n);
	tier_close(&log);
	pfree(values);
	return last < LOG_MAX_BLOCKS;
}

typedef struct Written
{
	bool log_is_full;
	bool all_deleted;
} Written;

static void
write_traces(void *arg)
{
	Written *written = arg;

	written->log_is_full = !insert_traces();
	written->all_deleted = (listener == NULL || listener->written(touched.n - nwritten)) &&
						   !tier_log_has(EVERYTHING);
}

/* The traces could not be written: nothing may be trusted that does not see this transaction. */
static void
leave_no_trace(const char *why)
{
	if (!trust_stop() && !trust_stop_by_sequence())
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_IN_USE),
			errmsg("a change of availability could not be recorded for the cache's table: %s", why),
			errhint(
				"Look at availability_cache.invalidation, invalidation_since and distrusted: all of them are locked or "
				"altered."));
}

void
tier_log_lost(const char *why)
{
	if (trust_is_active())
		leave_no_trace(why);
}

/* Whether this transaction takes the trust away, since it does not use the tier. */
static bool
leaves_none(void)
{
	/* Traces of everything are rare, and whoever attaches tables may switch the tier on next. */
	return ac_table_tier == TABLE_TIER_OFF && !tier_log_has(EVERYTHING) && trust_stop();
}

/* Once the transaction has a xid, if it has changed anything: see trust.c. */
static void
leave_traces(void)
{
	Written written = {false, true};
	ErrorData *error;

	if (nwritten == touched.n || RecoveryInProgress() || !trust_is_active())
		return;
	if (!leaves_none())
	{
		error = guarded(write_traces, &written);
		if (error != NULL || written.log_is_full)
		{
			const char *why = error != NULL ? error->message
											: "availability_cache.invalidation has reached its largest size";

			breaker_failed(why);
			leave_no_trace(why);
		}
		else
			counter_add(COUNTER_TIER_LOGGED, touched.n - nwritten);
		if (!written.all_deleted && ac_table_tier == TABLE_TIER_BACKGROUND)
			worker_wanted();
	}
	nwritten = touched.n;
}

bool
tier_log_has(Tag tag)
{
	return tag_set_has(&touched, tag);
}

bool
tier_log_is_crowded(void)
{
	return touched.n >= MAX_TRACES / 2;
}

void
tier_log_tag(Tag tag)
{
	if (AC_MUTATED(AC_MUTANT_NO_TRACE) || tier_log_has(EVERYTHING) || tier_log_has(tag))
		return;
	if (touched.n >= MAX_TRACES - 1)
		tag = EVERYTHING;
	levels[touched.n] = GetCurrentTransactionNestLevel();
	tag_set_add(&touched, tag);
	if (writes_at_once)
		leave_traces();
}

void
tier_log_everything(void)
{
	tier_log_tag(EVERYTHING);
}
