/*
 * readpath.c
 *		Answering from memory, or computing and keeping: exactly.
 *
 * Why an answer from memory is exact (docs/architecture.md has it at length):
 * an entry holds the words of the cells it depends on as they were before its
 * snapshot was taken, none with a change pending.  A writer that this
 * snapshot does not see either had begun before the words were read (then one
 * was pending, and nothing was kept) or begins later (then the words differ).
 * So equal words mean: every transaction that is visible now was visible to
 * the entry's snapshot, as far as the answer depends on it.
 *
 *	1 the transaction has written something (it has a xid), or is
 *	  SERIALIZABLE: compute, keep nothing
 *	2 an entry is found, its words equal the cells', the clock is within its
 *	  validity (REPEATABLE READ: and each cell's last xid precedes the
 *	  snapshot's xmin): answer it
 *	3 read the words of every cell the answer may depend on; none pending?
 *	4 only then take a snapshot, compute, and keep the answer with the words
 *	  of 3 (REPEATABLE READ computes under its own snapshot and keeps nothing)
 *
 * Locking: none is held here; store.c and flights.c have their own.
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
#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/counters.h"
#include "cache/flights.h"
#include "cache/prepared.h"
#include "cache/readpath.h"

int64
cache_now(void)
{
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
	return TransactionIdIsValid(GetTopTransactionIdIfAny()) && !(request->below != NULL && request->below->wrote_all());
}

/* Why memory cannot be used for this call; NCOUNTERS if it can. */
static Counter
reason_to_bypass(const CacheRequest *request)
{
	if (!ac_shared_memory_ready || !ac_enabled)
		return COUNTER_BYPASS_DISABLED;
	if (has_own_writes(request) && !AC_MUTATED(AC_MUTANT_NO_OWN_WRITES))
		return COUNTER_BYPASS_OWN_WRITES;
	if (IsolationIsSerializable())
		return COUNTER_BYPASS_ISOLATION;
	if (RecoveryInProgress())
		return COUNTER_BYPASS_RECOVERY;
	if (!prepared_known())
		return COUNTER_BYPASS_PREPARED;
	return NCOUNTERS;
}

/* The same, once somebody has looked for transactions that were prepared before the server started. */
static Counter
reason_to_bypass_still(const CacheRequest *request)
{
	Counter why = reason_to_bypass(request);

	if (why != COUNTER_BYPASS_PREPARED)
		return why;
	prepared_find();
	return reason_to_bypass(request);
}

/* Whether the snapshot sees every transaction that changed what the entry depends on. */
static bool
snapshot_covers(const StoredEntry *entry)
{
	uint64 full_xmin;

	if (AC_MUTATED(AC_MUTANT_NO_XID_CHECK))
		return true;
	full_xmin = full_xid_of(GetTransactionSnapshot()->xmin);
	if (full_xmin < prepared_known_xid())
		return false;
	for (uint32 i = 0; i < entry->ncells; i++)
	{
		if (cell_last_xid(entry->cells[i]) >= full_xmin)
			return false;
	}
	return true;
}

static bool
words_are_current(const StoredEntry *entry)
{
	return cells_sum(entry->cells, entry->ncells) == entry->words;
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
	return words_are_current(entry) && time_is_current(entry, cache_now());
}

/* Looks in memory; *why says what kind of miss it was. */
static bool
look_up(const CacheRequest *request, uint64 hash, StoredEntry *entry, Counter *why)
{
	if (!store_fetch(request->key, request->key_size, hash, entry))
	{
		*why = COUNTER_MISS_ABSENT;
		return false;
	}
	if (!words_are_current(entry))
	{
		*why = COUNTER_MISS_OUTDATED;
		return false;
	}
	pg_read_barrier();
	if (!time_is_current(entry, cache_now()))
	{
		*why = COUNTER_MISS_EXPIRED;
		return false;
	}
	if (IsolationUsesXactSnapshot() && !snapshot_covers(entry))
	{
		*why = COUNTER_BYPASS_ISOLATION;
		return false;
	}
	return true;
}

/* The cells that an answer may depend on, and their words before its snapshot. */
typedef struct Captured
{
	CellNo cells[MAX_DEPENDENCIES];
	uint64 words[MAX_DEPENDENCIES];
	int n;
} Captured;

/* Reads the words; false if a change is pending on one. */
static bool
capture(Captured *captured)
{
	bool quiet = true;

	for (int i = 0; i < captured->n; i++)
	{
		captured->words[i] = cell_read(captured->cells[i]);
		if (CELL_PENDING(captured->words[i]) != 0)
			quiet = false;
	}
	/* The snapshot comes after. */
	pg_memory_barrier();
	return quiet;
}

/* An answer is kept until it changes, or until ttl has passed, less a random part of it. */
static int64
expires(const Computed *result)
{
	double jitter = ac_ttl_jitter * pg_prng_double(&pg_global_prng_state);
	int64 limit;

	if (ac_ttl == 0)
		return result->valid_until;
	limit = result->valid_from + (int64) (ac_ttl * (1.0 - jitter) * USECS_PER_SEC);
	return Min(limit, result->valid_until);
}

/* Whether there is a tier below memory that can be asked; the same for its answers and ours. */
static bool
may_use_lower_tier(const CacheRequest *request)
{
	return request->below != NULL && ac_enabled && !has_own_writes(request) && !IsolationIsSerializable();
}

/* Gives what was computed under the active snapshot to the tier below. */
static void
keep_below(CacheRequest *request, const Computed *result)
{
	Computed limited = *result;

	if (!result->keepable || result->untracked || IsolationUsesXactSnapshot())
		return;
	limited.valid_until = expires(result);
	request->below->keep(request->arg, &limited);
}

/* From the tier below where use_lower_tier allows it, else computed; under a new snapshot. */
static void
answer_fresh(CacheRequest *request, bool use_lower_tier, Computed *result)
{
	memset(result, 0, sizeof(*result));
	/* What the calling command has written so far is to be seen. */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		CommandCounterIncrement();
	/* The mapping must be no older than the snapshot. */
	AcceptInvalidationMessages();
	request->before_snapshot(request->arg);
	PushActiveSnapshot(GetTransactionSnapshot());
	result->from_below = use_lower_tier && request->below->fetch(request->arg, result);
	if (!result->from_below)
	{
		request->compute(request->arg, result);
		if (use_lower_tier)
			keep_below(request, result);
	}
	PopActiveSnapshot();
	AC_TEST_SLEEP(ac_sleep_after_compute);
}

void
compute_fresh(CacheRequest *request, Computed *result)
{
	/* What is remembered between computations rests on cells too. */
	(void) reason_to_bypass_still(request);
	answer_fresh(request, false, result);
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
}

static void
keep(const CacheRequest *request, uint64 hash, const Computed *result, const Captured *captured)
{
	CellNo cells[MAX_DEPENDENCIES];
	StoredEntry entry = {.key = request->key,
						 .key_size = request->key_size,
						 .payload = result->payload,
						 .payload_size = result->payload_size,
						 .cells = cells,
						 .valid_from = result->valid_from,
						 .valid_until = expires(result)};

	uint32 place;

	Assert(result->depends_on & 1);
	for (int i = 0; i < captured->n; i++)
	{
		if ((result->depends_on & (1u << i)) == 0)
			continue;
		cells[entry.ncells++] = captured->cells[i];
		entry.words += captured->words[i];
	}
	/* It would be outdated on arrival if a change came while it was computed. */
	if (!words_are_current(&entry) || !store_keep(&entry, hash, &place))
	{
		counter_add(COUNTER_STORE_SKIPS, 1);
		return;
	}
	counter_add(COUNTER_STORES, 1);
	if (request->below != NULL && !result->from_below)
		request->below->offer(place);
}

/* Steps 3 and 4, as the only one for this key or not. */
static void
compute_and_keep(CacheRequest *request, uint64 hash, Counter why, Computed *result)
{
	Captured captured;
	bool quiet;

	request->list_cells(request->arg, captured.cells, &captured.n);
	quiet = capture(&captured);
	if (!quiet)
	{
		/* Perhaps it was a prepared transaction, and it is over. */
		prepared_sweep();
		quiet = capture(&captured);
	}
	answer_fresh(request, may_use_lower_tier(request), result);
	if (AC_MUTATED(AC_MUTANT_CAPTURE_AFTER_COMPUTE))
		quiet = capture(&captured);

	if (!quiet)
		why = COUNTER_BYPASS_PENDING;
	else if (IsolationUsesXactSnapshot())
		why = COUNTER_BYPASS_ISOLATION;
	else if (result->untracked)
		why = COUNTER_BYPASS_TRIGGERS;
	else if (result->keepable)
		keep(request, hash, result, &captured);
	else
		counter_add(COUNTER_STORE_SKIPS, 1);
	count_answer(result, why);
}

static void
compute_as_leader(CacheRequest *request, uint64 hash, Counter why, Computed *result)
{
	PG_TRY();
	{
		compute_and_keep(request, hash, why, result);
	}
	PG_FINALLY();
	{
		flight_end(hash);
	}
	PG_END_TRY();
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

	/* What is computed under an old snapshot is kept by nobody, so nobody waits for it. */
	while (!IsolationUsesXactSnapshot())
	{
		FlightRole role = flight_begin(hash);
		int64 left = (give_up - GetCurrentTimestamp()) / 1000;

		if (role == FLIGHT_ALONE)
			break;
		/* Whoever led until now may have just kept it. */
		if (role == FLIGHT_LEADER)
		{
			if (look_up(request, hash, entry, &why))
			{
				flight_end(hash);
				return true;
			}
			compute_as_leader(request, hash, why, result);
			return false;
		}
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
	}
	compute_and_keep(request, hash, why, result);
	return false;
}

bool
cache_read(CacheRequest *request, const char **payload, uint32 *payload_size)
{
	Counter why = reason_to_bypass_still(request);
	Computed result;
	StoredEntry entry;
	uint64 hash;

	if (why == NCOUNTERS)
	{
		hash = store_hash(request->key, request->key_size);
		if (look_up(request, hash, &entry, &why) || compute_once(request, hash, &entry, why, &result))
		{
			counter_add(COUNTER_HITS, 1);
			*payload = entry.payload;
			*payload_size = entry.payload_size;
			return true;
		}
	}
	else
	{
		answer_fresh(request, may_use_lower_tier(request), &result);
		count_answer(&result, why);
	}
	*payload = result.payload;
	*payload_size = result.payload_size;
	return result.from_below;
}
