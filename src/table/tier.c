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
#include "base/test_hooks.h"
#include "slots/sources.h"
#include "table/clean.h"
#include "table/rows.h"
#include "table/state.h"
#include "table/tier.h"
#include "table/trust.h"

/* A transaction keeps no more answers: each takes a lock and a subtransaction until it ends. */
#define MAX_KEPT 16

/* One of so many answers that sessions keep themselves comes with some cleaning. */
#define CLEAN_ONE_IN 64
#define CLEAN_ROWS 200
#define CLEAN_BLOCKS 16

typedef struct RowCall
{
	DayRequest *day;
	uint64 definitions;
	Computed *fetched;
	const Computed *computed;
	bool found;
} RowCall;

static void
run_fetch(void *arg)
{
	RowCall *call = arg;

	call->found = row_fetch(call->day, call->definitions, call->fetched);
}

static void
run_keep(void *arg)
{
	RowCall *call = arg;

	if (trust_start() && (day_definitions_hold() || AC_MUTATED(AC_MUTANT_NO_HOLD_CHECK)))
		row_keep(call->day, call->definitions, call->computed);
	if (pg_prng_uint64_range(&pg_global_prng_state, 1, CLEAN_ONE_IN) == 1)
		tier_clean(CLEAN_ROWS, CLEAN_BLOCKS);
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
tier_fetch(DayRequest *day, Computed *result)
{
	RowCall call = {.day = day, .fetched = result};

	if (ac_table_tier == TABLE_TIER_OFF || !day_definitions(&call.definitions) || !breaker_allows())
		return false;
	if (succeeds(run_fetch, &call) && call.found)
		return true;
	memset(result, 0, sizeof(*result));
	return false;
}

/* Sessions keep answers themselves where there is no worker to do it. */
static bool
keeps_itself(void)
{
	if (ac_table_tier == TABLE_TIER_OFF || XactReadOnly || RecoveryInProgress() || IsInParallelMode())
		return false;
	return ac_table_tier == TABLE_TIER_INLINE || !worker_wanted();
}

/* The transaction in which only keeping has written, and the end of its WAL then. */
static TransactionId keeping_xid = InvalidTransactionId;
static XLogRecPtr keeping_end;
static int nkept;

/*
 * Whoever writes to a table leaves WAL, unless the table is unlogged; so a
 * transaction whose WAL ends where keeping left it has written nothing else.
 */
bool
tier_wrote_all(void)
{
	TransactionId xid = GetTopTransactionIdIfAny();

	return TransactionIdIsValid(xid) && xid == keeping_xid && XactLastRecEnd == keeping_end && sources_logged();
}

void
tier_keep(DayRequest *day, const Computed *result)
{
	RowCall call = {.day = day, .computed = result};

	if (!keeps_itself() || !day_definitions_of(day, &call.definitions) || !breaker_allows())
		return;
	/* Called where nothing else was written yet. */
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		nkept = 0;
	if (nkept++ >= MAX_KEPT)
		return;
	succeeds(run_keep, &call);
	keeping_xid = GetTopTransactionIdIfAny();
	keeping_end = XactLastRecEnd;
}

void
tier_offer(DayRequest *day, uint32 place)
{
	uint64 definitions;

	if (ac_table_tier == TABLE_TIER_BACKGROUND && day_definitions_of(day, &definitions) && worker_wanted())
		queue_push(place);
}
