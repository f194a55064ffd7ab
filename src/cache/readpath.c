/*
 * readpath.c
 *		Answering from memory, or computing and keeping: exactly.
 *
 * Why an answer from memory is exact (docs/architecture.md has it at length):
 * an entry carries the version clock as it was before its snapshot was
 * taken.  A writer that this snapshot does not see takes its value of the
 * clock after it became visible, hence a greater one, which its cells have
 * for good; and between becoming visible and that, its cells are pending.
 * So cells that are not pending and not past the entry's clock mean: every
 * transaction that is visible now was visible to the entry's snapshot, as far
 * as the answer depends on it.
 *
 *	1 the transaction has written something (it has a xid) that may show in
 *	  the answer, or is SERIALIZABLE: compute.  If it has written anything at
 *	  all, keep nothing
 *	2 an entry is found, none of its cells is pending or past its clock, the
 *	  time is within its validity (REPEATABLE READ: and each cell's last xid
 *	  precedes the snapshot's xmin): answer it
 *	3 read the clock, accept invalidation messages, take a snapshot, in this
 *	  order; compute, and keep the answer with the clock, unless one of its
 *	  cells is pending or past it (REPEATABLE READ computes under its own
 *	  snapshot and keeps nothing)
 *
 * Several answers as of one moment have one clock and one snapshot, taken as in
 * 3.  An entry that is good now and was kept with a clock no later than that
 * one is what would be computed under the snapshot: a writer of its cells that
 * is visible now took its value before the clock was read, so it was visible
 * to both.  An entry with a later clock may know of a writer that an answer
 * before it did not; it is computed under the snapshot then.
 *
 * Locking: none is held here; cells.c, store.c and flights.c have their own.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/full_xid.h"
#include "base/guard.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/flights.h"
#include "cache/history.h"
#include "cache/own_writes.h"
#include "cache/prepared.h"
#include "cache/readpath.h"

/* Of the answers that are asked for now; NULL: each has its own. */
static CacheMoment *moment = NULL;

/* Whoever has another snapshot asks for what that one sees, within a computation. */
static bool
in_moment(void)
{
	return moment != NULL && ActiveSnapshotSet() && GetActiveSnapshot() == moment->snapshot;
}

int64
cache_now(void)
{
	if (moment != NULL && !AC_MUTATED(AC_MUTANT_TORN_MOMENT))
		return moment->now;
#ifdef AC_TEST_HOOKS
	if (ac_test_now[0] != '\0')
		return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(ac_test_now),
													   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
#endif
	return GetCurrentTimestamp();
}

/* A transaction that has written something must see it, and nobody else may. */
static bool
has_own_writes(const CacheRequest *request)
{
	return TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		   !(request->below != NULL && request->below->wrote_all != NULL && request->below->wrote_all());
}

/* Whether it may be answered from what was kept: a share of the keys, always the same ones. */
static bool
is_enabled(const CacheRequest *request)
{
	return ac_enabled && (ac_rollout == 100 || (int) (store_hash(&request->key) % 100) < ac_rollout);
}

/* Why memory cannot be used for this call; NCOUNTERS if it can. */
static Counter
reason_to_bypass(const CacheRequest *request)
{
	if (!ac_shared_memory_ready || !is_enabled(request))
		return COUNTER_BYPASS_DISABLED;
	if (IsolationIsSerializable())
		return COUNTER_BYPASS_ISOLATION;
	if (RecoveryInProgress())
		return COUNTER_BYPASS_RECOVERY;
	if (!prepared_known())
		return COUNTER_BYPASS_PREPARED;
	if (has_own_writes(request) && !AC_MUTATED(AC_MUTANT_NO_OWN_WRITES))
		return COUNTER_BYPASS_OWN_WRITES;
	return NCOUNTERS;
}

static void
find_prepared(void *arg)
{
	prepared_find();
}

/* The same, once somebody has looked for transactions that were prepared before the server started. */
static Counter
reason_to_bypass_still(const CacheRequest *request)
{
	Counter why = reason_to_bypass(request);
	ErrorData *error;

	if (why != COUNTER_BYPASS_PREPARED)
		return why;
	error = guarded(find_prepared, NULL);
	if (error != NULL)
		ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
				errmsg("availability_cache could not look for prepared transactions: %s", error->message));
	return reason_to_bypass(request);
}

/* Whether the snapshot sees every transaction that changed this. */
static bool
snapshot_covers(Snapshot snapshot, const Dependencies *on)
{
	uint64 full_xmin;

	if (AC_MUTATED(AC_MUTANT_NO_XID_CHECK))
		return true;
	full_xmin = full_xid_of(snapshot->xmin);
	if (full_xmin < prepared_known_xid())
		return false;
	/* The words were read before. */
	pg_read_barrier();
	return cells_changed_before(on, full_xmin);
}

/* Whether no transaction has ended since the snapshot was taken: one that is taken now is the same. */
static bool
snapshot_is_latest(Snapshot snapshot)
{
	Snapshot latest = GetLatestSnapshot();

	return latest->xmin == snapshot->xmin && latest->xmax == snapshot->xmax &&
		   latest->xcnt == snapshot->xcnt && latest->subxcnt == snapshot->subxcnt &&
		   latest->suboverflowed == snapshot->suboverflowed &&
		   memcmp(latest->xip, snapshot->xip, latest->xcnt * sizeof(TransactionId)) == 0 &&
		   memcmp(latest->subxip, snapshot->subxip, Max(latest->subxcnt, 0) * sizeof(TransactionId)) == 0;
}

/* Whether an entry that is right now is right for the snapshot that the caller reads with. */
static bool
is_of_its_moment(const CacheRequest *request, const StoredEntry *entry)
{
	if (in_moment() && !IsolationUsesXactSnapshot())
		return entry->on.clock <= moment->clock || AC_MUTATED(AC_MUTANT_TORN_MOMENT);
	if (request->as_of == AS_OF_STATEMENT)
		return snapshot_covers(GetActiveSnapshot(), &entry->on) || snapshot_is_latest(GetActiveSnapshot()) ||
			   AC_MUTATED(AC_MUTANT_STATEMENT_XID);
	return !IsolationUsesXactSnapshot() || snapshot_covers(GetTransactionSnapshot(), &entry->on);
}

/* What the cells say, once prepared transactions that are over have been ended. */
static CellsStatus
entry_status(const StoredEntry *entry)
{
	CellsStatus status = cells_status(&entry->on);

	if (status != CELLS_PENDING)
		return status;
	prepared_sweep();
	return cells_status(&entry->on);
}

static bool
time_is_current(const StoredEntry *entry, int64 now)
{
	if (AC_MUTATED(AC_MUTANT_NO_EXPIRY))
		return true;
	/* A clock that was set back may be before the entry. */
	return entry->valid_from <= now && now < entry->valid_until;
}

bool
entry_is_current(const StoredEntry *entry)
{
	return cells_status(&entry->on) == CELLS_CURRENT && time_is_current(entry, cache_now());
}

/* Looks in memory; *why says what kind of miss it was. */
static bool
look_once(CacheRequest *request, uint64 hash, StoredEntry *entry, Counter *why)
{
	CellsStatus status;
	int64 now;

	if (!store_fetch(&request->key, hash, entry))
	{
		*why = COUNTER_MISS_ABSENT;
		return false;
	}
	status = entry_status(entry);
	if (status != CELLS_CURRENT)
	{
		*why = status == CELLS_PENDING ? COUNTER_BYPASS_PENDING : COUNTER_MISS_OUTDATED;
		request->lost_cells = cells_are_lost(&entry->on);
		return false;
	}
	now = cache_now();
	if (!time_is_current(entry, now))
	{
		*why = COUNTER_MISS_EXPIRED;
		request->lived = entry->valid_until - entry->valid_from;
		return false;
	}
	if (!is_of_its_moment(request, entry))
	{
		*why = in_moment() ? COUNTER_MISS_OUTDATED : COUNTER_BYPASS_ISOLATION;
		return false;
	}
	cells_use(&entry->on);
	store_note_hit(entry);
	request->age = now - entry->valid_from;
	return true;
}

/* The same, once it is known whether a change of definitions makes a difference. */
static bool
look_up(CacheRequest *request, uint64 hash, StoredEntry *entry, Counter *why)
{
	uint64 clock;

	if (look_once(request, hash, entry, why))
		return true;
	clock = cells_clock();
	if (*why != COUNTER_MISS_OUTDATED || !entry->on.definitions || cells_definitions_confirmed(clock))
		return false;
	AcceptInvalidationMessages();
	request->confirm(request->arg, clock);
	return look_once(request, hash, entry, why);
}

bool
cache_look(CacheRequest *request, StoredEntry *entry)
{
	Counter why;

	return look_up(request, store_hash(&request->key), entry, &why);
}

/*
 * How long an answer is kept at most: the more often it was over without having
 * changed, and asked for again, the longer.
 */
static double
ttl_of(const CacheRequest *request)
{
	double longer = Min(2 * request->lived, ac_ttl_max * (double) USECS_PER_SEC);

	return Max(longer, ac_ttl * (double) USECS_PER_SEC);
}

/* An answer is kept until it changes, or until ttl has passed, less a random part of it. */
static int64
expires(const CacheRequest *request, const Computed *result)
{
	double jitter = ac_ttl_jitter * pg_prng_double(&pg_global_prng_state);
	int64 limit;

	if (ac_ttl == 0)
		return result->valid_until;
	limit = result->valid_from + (int64) (ttl_of(request) * (1.0 - jitter));
	return Min(limit, result->valid_until);
}

/* What the tier below memory is for; the same for its answers and ours. */
typedef enum LowerUse
{
	LOWER_UNUSED,
	LOWER_KEEPS,
	LOWER_IS_ASKED
} LowerUse;

static LowerUse
use_of_lower_tier(const CacheRequest *request, Counter why)
{
	if (request->below == NULL || !is_enabled(request) || has_own_writes(request) ||
		IsolationIsSerializable())
		return LOWER_UNUSED;
	return why == COUNTER_MISS_OUTDATED && request->below->outdated_alike ? LOWER_KEEPS : LOWER_IS_ASKED;
}

/* Gives what was computed under the active snapshot to the tier below. */
static void
keep_below(CacheRequest *request, const Computed *result)
{
	Computed limited = *result;

	if (request->below->keep == NULL || !result->keepable || result->untracked || IsolationUsesXactSnapshot())
		return;
	limited.valid_until = expires(request, result);
	request->below->keep(request->arg, &limited);
}

/* The answer under the active snapshot: from the tier below where that is asked, else computed. */
static void
fetch_or_compute(CacheRequest *request, LowerUse lower, uint64 clock, Computed *result)
{
	memset(result, 0, sizeof(*result));
	result->from_below = lower == LOWER_IS_ASKED && request->below->fetch(request->arg, clock, result);
	if (result->from_below)
		return;
	request->compute(request->arg, clock, result);
	if (lower != LOWER_UNUSED)
		keep_below(request, result);
}

/* The same under the caller's own snapshots, which may be older than the clock. */
static uint64
answer_as_original(CacheRequest *request, LowerUse lower, bool may_remember, Computed *result)
{
	uint64 clock = may_remember ? cells_clock() : NO_CLOCK;
	bool latest;

	AcceptInvalidationMessages();
	AC_TEST_SLEEP(ac_sleep_before_snapshot);
	latest = request->as_of == AS_OF_STATEMENT && may_remember && snapshot_is_latest(GetActiveSnapshot());
	AC_TEST_SLEEP(ac_sleep_after_snapshot);
	fetch_or_compute(request, lower, clock, result);
	result->as_of_clock = latest || request->as_of == AS_OF_EACH;
	AC_TEST_SLEEP(ac_sleep_after_compute);
	return clock;
}

/* Answers under a new snapshot, and tells the version clock from before it. */
static uint64
answer_now(CacheRequest *request, LowerUse lower, bool may_remember, Computed *result)
{
	uint64 clock;

	/* What the calling command has written so far is to be seen. */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		CommandCounterIncrement();
	if (AC_MUTATED(AC_MUTANT_MESSAGES_BEFORE_CLOCK))
	{
		AcceptInvalidationMessages();
		AC_TEST_SLEEP(ac_sleep_before_snapshot);
	}
	clock = may_remember ? cells_clock() : NO_CLOCK;
	/*
	 * Definitions must be no older than the clock: a writer sends its
	 * messages before it moves the clock on.
	 */
	if (!AC_MUTATED(AC_MUTANT_MESSAGES_BEFORE_CLOCK))
	{
		AcceptInvalidationMessages();
		AC_TEST_SLEEP(ac_sleep_before_snapshot);
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	AC_TEST_SLEEP(ac_sleep_after_snapshot);
	if (AC_MUTATED(AC_MUTANT_CLOCK_AFTER_SNAPSHOT) && may_remember)
		clock = cells_clock();
	fetch_or_compute(request, lower, clock, result);
	PopActiveSnapshot();
	AC_TEST_SLEEP(ac_sleep_after_compute);
	if (AC_MUTATED(AC_MUTANT_CAPTURE_AFTER_COMPUTE) && may_remember)
		clock = cells_clock();
	return clock;
}

/* Answers under the moment's snapshot. */
static uint64
answer_in_moment(CacheRequest *request, LowerUse lower, bool may_remember, Computed *result)
{
	uint64 clock = may_remember ? moment->clock : NO_CLOCK;

	fetch_or_compute(request, lower, clock, result);
	result->as_of_clock = true;
	return clock;
}

void
cache_begin_moment(CacheMoment *m)
{
	/* What the calling command has written so far is to be seen. */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		CommandCounterIncrement();
	m->clock = ac_shared_memory_ready ? cells_clock() : NO_CLOCK;
	AcceptInvalidationMessages();
	AC_TEST_SLEEP(ac_sleep_before_snapshot);
	PushActiveSnapshot(GetTransactionSnapshot());
	AC_TEST_SLEEP(ac_sleep_after_snapshot);
	m->snapshot = GetActiveSnapshot();
	m->outer = moment;
	moment = NULL;
	m->now = cache_now();
	moment = m;
}

void
cache_end_moment(CacheMoment *m, bool failed)
{
	moment = m->outer;
	if (!failed)
		PopActiveSnapshot();
}

/*
 * Most changes of definitions make no difference (ANALYZE), and an answer that
 * nobody asks for again would never be kept.
 */
#define MAX_OVERTAKEN 2

/*
 * The answer of now, of the statement or of each of its own, and the version
 * clock from before; NO_CLOCK if nothing that is computed now may be remembered.
 */
static uint64
answer_fresh(CacheRequest *request, LowerUse lower, bool may_remember, Computed *result)
{
	uint64 clock;
	int overtaken = 0;

	if (in_moment())
		return answer_in_moment(request, lower, may_remember, result);
	if (request->as_of != AS_OF_CALL)
		return answer_as_original(request, lower, may_remember, result);
	do
		clock = answer_now(request, lower, may_remember, result);
	while (result->overtaken && !IsolationUsesXactSnapshot() && ++overtaken <= MAX_OVERTAKEN);
	return clock;
}

void
compute_fresh(CacheRequest *request, Computed *result)
{
	/* What is remembered between computations rests on cells too. */
	bool may_remember = reason_to_bypass_still(request) == NCOUNTERS && !IsolationUsesXactSnapshot();

	(void) answer_fresh(request, LOWER_UNUSED, may_remember, result);
}

bool
cache_in_moment(void)
{
	return in_moment();
}

void
compute_anew(CacheRequest *request, Computed *result)
{
	(void) answer_fresh(request, false, false, result);
}

static void
count_answer(const Computed *result, Counter otherwise)
{
	if (result->from_below)
	{
		counter_add(COUNTER_HITS, 1);
		counter_add(COUNTER_TIER_HITS, 1);
	}
	else
		counter_add(otherwise, 1);
	history_note(cache_now());
}

/* Keeps an answer of this clock; false if it cannot be kept. *status is what its cells say. */
static bool
keep(CacheRequest *request, uint64 hash, uint64 clock, const Computed *result, CellsStatus *status)
{
	ExactNo cells[MAX_DEPENDENCIES];
	StoredEntry entry = {.key = request->key,
						 .payload = result->payload,
						 .payload_size = result->payload_size,
						 .on.clock = clock,
						 .on.definitions = result->definitions,
						 .valid_from = result->valid_from,
						 .valid_until = expires(request, result)};
	uint32 place;

	*status = cells_depend(&entry.on, result->tags, result->ntags, cells);
	if (*status == CELLS_CURRENT && result->unconfirmed)
		*status = CELLS_PENDING;
	/* Who changed it before the clock may not have been seen. */
	if (*status == CELLS_CURRENT && request->as_of != AS_OF_CALL && !result->as_of_clock &&
		!snapshot_covers(GetActiveSnapshot(), &entry.on))
		*status = CELLS_OUTDATED;
	if (*status != CELLS_CURRENT || !store_keep(&entry, hash, &place))
		return false;
	request->valid_until = entry.valid_until;
	if (request->below != NULL && !result->from_below)
		request->below->offer(request->arg, place);
	return true;
}

/* Step 3, as the only one for this key or not. */
static void
compute_and_keep(CacheRequest *request, uint64 hash, Counter why, Computed *result)
{
	bool may_keep = !IsolationUsesXactSnapshot();
	CellsStatus status = CELLS_CURRENT;
	bool kept = false;
	uint64 clock;

	clock = answer_fresh(request, use_of_lower_tier(request, why), may_keep, result);
	if (!may_keep)
		why = COUNTER_BYPASS_ISOLATION;
	else if (result->untracked)
		why = COUNTER_BYPASS_TRIGGERS;
	else
	{
		kept = result->keepable && keep(request, hash, clock, result, &status);
		if (status == CELLS_PENDING)
			why = COUNTER_BYPASS_PENDING;
		/* The change that was under way when it was looked up is over. */
		else if (kept && why == COUNTER_BYPASS_PENDING)
			why = COUNTER_MISS_OUTDATED;
		if (why != COUNTER_BYPASS_PENDING)
			counter_add(kept ? COUNTER_STORES : COUNTER_STORE_SKIPS, 1);
	}
	/* A change that is over does not keep the next one's answer from memory. */
	if (may_keep && (kept || status != CELLS_OUTDATED))
		flight_note(hash, clock, kept);
	count_answer(result, why);
	if (why == COUNTER_MISS_OUTDATED && request->lost_cells)
		counter_add(COUNTER_MISS_LOST, 1);
}

/* Leads; true if whoever led until now has just kept it. */
static bool
lead(CacheRequest *request, uint64 hash, StoredEntry *entry, Counter why, Computed *result)
{
	volatile bool found = false;

	PG_TRY();
	{
		found = look_up(request, hash, entry, &why);
		if (!found)
			compute_and_keep(request, hash, why, result);
	}
	PG_CATCH();
	{
		flight_note(hash, cells_clock(), false);
		flight_end(hash);
		PG_RE_THROW();
	}
	PG_END_TRY();
	flight_end(hash);
	return found;
}

/*
 * Computes an answer that memory did not have, or waits for the session that
 * does; true if the answer came into memory meanwhile.
 */
static bool
compute_once(CacheRequest *request, uint64 hash, StoredEntry *entry, Counter why, Computed *result)
{
	int64 give_up = GetCurrentTimestamp() + (int64) ac_single_flight_timeout * 1000;
	bool waited = false;

	/*
	 * Prepared transactions that are over are ended before the clock is read
	 * that an answer is kept with.
	 */
	prepared_sweep();
	/*
	 * What could not be kept nobody waits for, until the clock moves on; nor in a moment,
	 * for what may come later.
	 */
	while (!IsolationUsesXactSnapshot() && why != COUNTER_BYPASS_PENDING && !request->never_waits &&
		   !in_moment())
	{
		FlightRole role = flight_begin(hash);
		int64 left = (give_up - GetCurrentTimestamp()) / 1000;

		if (role == FLIGHT_ALONE)
			break;
		if (role == FLIGHT_LEADER)
			return lead(request, hash, entry, why, result);
		if (!waited)
			counter_add(COUNTER_WAITS, 1);
		waited = true;
		if (left <= 0 || !flight_wait(hash, left))
		{
			counter_add(COUNTER_WAIT_TIMEOUTS, 1);
			break;
		}
		if (look_up(request, hash, entry, &why))
			return true;
		if (flight_was_futile(hash))
			break;
	}
	compute_and_keep(request, hash, why, result);
	return false;
}

/* What this transaction has written shows in no answer to this request. */
static bool
wrote_elsewhere(const CacheRequest *request)
{
	return !changes_any() && !own_writes_may_concern(request->concerns);
}

/* From memory, or as the only one for this key into it; true if it is in entry, false if in result. */
static bool
answer_by_memory(CacheRequest *request, StoredEntry *entry, Computed *result)
{
	uint64 hash = store_hash(&request->key);
	Counter why;

	return look_up(request, hash, entry, &why) || compute_once(request, hash, entry, why, result);
}

/* Without keeping anything; from memory only if memory can be right for a transaction that has written. */
static bool
answer_by_computing(CacheRequest *request, Counter why, StoredEntry *entry, Computed *result)
{
	Counter miss;

	if (why == COUNTER_BYPASS_OWN_WRITES && wrote_elsewhere(request) &&
		look_up(request, store_hash(&request->key), entry, &miss))
		return true;
	(void) answer_fresh(request, use_of_lower_tier(request, why), false, result);
	count_answer(result, why);
	return false;
}

bool
cache_read(CacheRequest *request, const char **payload, uint32 *payload_size)
{
	Counter why = reason_to_bypass_still(request);
	Computed result;
	StoredEntry entry;

	request->valid_until = 0;
	request->lived = 0;
	request->lost_cells = false;
	if (why == NCOUNTERS ? answer_by_memory(request, &entry, &result)
						 : answer_by_computing(request, why, &entry, &result))
	{
		counter_add(COUNTER_HITS, 1);
		request->valid_until = entry.valid_until;
		*payload = entry.payload;
		*payload_size = entry.payload_size;
		return true;
	}
	if (result.from_below)
		request->age = cache_now() - result.valid_from;
	*payload = result.payload;
	*payload_size = result.payload_size;
	return result.from_below;
}
