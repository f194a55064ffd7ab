/*
 * tier.c
 *		The tier below memory: whether it is asked, and what its failures do.
 *
 * Everything that touches the tables runs guarded: an error is undone, counts
 * as a failure of the tier, and opens the circuit breaker.  The answer is
 * computed then.
 *
 * Answers from unlogged tables are not kept: a crash empties those.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"

#include "base/guard.h"
#include "base/settings.h"
#include "slots/sources.h"
#include "table/clean.h"
#include "table/rows.h"
#include "table/state.h"
#include "table/tier.h"
#include "table/trust.h"

/* A transaction saves no more: each save keeps a lock and a subtransaction until it ends. */
#define MAX_SAVES 16

/* One of so many answers that sessions save themselves comes with some cleaning. */
#define CLEAN_ONE_IN 64
#define CLEAN_ROWS 200

typedef struct RowCall
{
	const DayRequest *day;
	Computed *fetched;
	const Computed *saved;
	bool found;
} RowCall;

static void
run_fetch(void *arg)
{
	RowCall *call = arg;

	call->found = row_fetch(call->day, call->fetched);
}

static void
run_save(void *arg)
{
	RowCall *call = arg;

	if (trust_start())
		row_store(call->day, call->saved);
	if (pg_prng_uint64_range(&pg_global_prng_state, 1, CLEAN_ONE_IN) == 1)
		tier_clean(CLEAN_ROWS);
}

static bool
succeeds(void (*fn)(void *), RowCall *call)
{
	ErrorData *error = guarded(fn, call);

	if (error == NULL)
		breaker_succeeded();
	else
		breaker_failed(error->message);
	return error == NULL;
}

bool
table_tier_fetch(const DayRequest *day, Computed *result)
{
	RowCall call = {.day = day, .fetched = result};

	if (ac_table_tier == TABLE_TIER_OFF || !breaker_allows())
		return false;
	if (succeeds(run_fetch, &call) && call.found)
		return true;
	memset(result, 0, sizeof(*result));
	return false;
}

/* Sessions save answers themselves where there is no worker to do it. */
static bool
saves_itself(void)
{
	if (ac_table_tier == TABLE_TIER_OFF || XactReadOnly || RecoveryInProgress() || IsInParallelMode())
		return false;
	return ac_table_tier == TABLE_TIER_INLINE || !worker_wanted();
}

/* The transaction in which only saving has written, and the end of its WAL then. */
static TransactionId saving_xid = InvalidTransactionId;
static XLogRecPtr saving_end;
static int nsaves;

/*
 * Whoever writes to a table leaves WAL, unless the table is unlogged; so a
 * transaction whose WAL ends where saving left it has written nothing else.
 */
bool
table_tier_wrote_all(void)
{
	TransactionId xid = GetTopTransactionIdIfAny();

	return TransactionIdIsValid(xid) && xid == saving_xid && XactLastRecEnd == saving_end && sources_logged();
}

void
table_tier_save(const DayRequest *day, const Computed *result)
{
	RowCall call = {.day = day, .saved = result};

	if (!saves_itself() || !sources_logged() || !breaker_allows())
		return;
	/* Called where nothing else was written yet. */
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		nsaves = 0;
	if (nsaves++ >= MAX_SAVES)
		return;
	succeeds(run_save, &call);
	saving_xid = GetTopTransactionIdIfAny();
	saving_end = XactLastRecEnd;
}

void
table_tier_kept(uint32 place)
{
	if (ac_table_tier == TABLE_TIER_BACKGROUND && sources_logged() && worker_wanted())
		queue_push(place);
}
