/*
 * tier.c
 *		The tier below memory: whether it is asked, and what its failures do.
 *
 * Everything that touches the tables runs guarded: an error is undone, counts
 * as a failure of the tier, and opens the circuit breaker.  The answer is
 * computed then.
 *
 * Answers from unlogged tables are not to be kept: a crash empties those.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"

#include "base/guard.h"
#include "base/settings.h"
#include "base/test_hooks.h"
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
	const RowKind *kind;
	const StoreKey *key;
	uint64 definitions;
	Computed *fetched;
	const Computed *computed;
	uint32 place;
	bool found;
} RowCall;

static void
run_fetch(void *arg)
{
	RowCall *call = arg;

	call->found = row_fetch(call->kind, call->key, call->fetched);
}

static void
clean_sometimes(void)
{
	if (pg_prng_uint64_range(&pg_global_prng_state, 1, CLEAN_ONE_IN) == 1)
		tier_clean(CLEAN_ROWS, CLEAN_BLOCKS);
}

static void
run_keep(void *arg)
{
	RowCall *call = arg;

	if (trust_start() &&
		(call->kind->definitions_hold(call->definitions) || AC_MUTATED(AC_MUTANT_NO_HOLD_CHECK)))
		row_keep(call->kind, call->key, call->definitions, call->computed);
	clean_sometimes();
}

static void
run_keep_place(void *arg)
{
	RowCall *call = arg;

	if (trust_start())
		(void) row_keep_place(call->place);
	clean_sometimes();
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
tier_fetch(const RowKind *kind, const StoreKey *key, Computed *result)
{
	RowCall call = {.kind = kind, .key = key, .fetched = result};

	if (ac_table_tier == TABLE_TIER_OFF || !breaker_allows())
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

	return TransactionIdIsValid(xid) && xid == keeping_xid && XactLastRecEnd == keeping_end;
}

static void
keep_itself(void (*fn)(void *), RowCall *call)
{
	if (!breaker_allows())
		return;
	/* Called where nothing else was written yet. */
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		nkept = 0;
	if (nkept++ >= MAX_KEPT)
		return;
	succeeds(fn, call);
	keeping_xid = GetTopTransactionIdIfAny();
	keeping_end = XactLastRecEnd;
}

void
tier_keep(const RowKind *kind, const StoreKey *key, uint64 definitions, const Computed *result)
{
	RowCall call = {.kind = kind, .key = key, .definitions = definitions, .computed = result};

	if (keeps_itself())
		keep_itself(run_keep, &call);
}

void
tier_offer(uint32 place)
{
	if (ac_table_tier == TABLE_TIER_BACKGROUND && worker_wanted())
		queue_push(place);
}

void
tier_keep_or_offer(uint32 place)
{
	RowCall call = {.place = place};

	if (keeps_itself())
		keep_itself(run_keep_place, &call);
	else
		tier_offer(place);
}
