/*
 * audit.c
 *		Whether answers from memory are what would be computed.
 *
 * An entry that is valid before a computation and still valid, by its cells
 * and its time, after it, is what the computation must have given: a commit
 * that the computation saw and the entry did not would have its cells pending
 * or past the entry's clock (readpath.c).  So a difference is one of ours,
 * whatever is committed meanwhile; and where the entry is not valid any more
 * nothing is said.
 *
 * Locking: none is held here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "base/guard.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "cache/audit.h"
#include "cache/counters.h"
#include "cache/events.h"

typedef struct Audit
{
	CacheRequest *request;
	Computed *computed;
} Audit;

static void
run_computation(void *arg)
{
	Audit *audit = arg;

	if (audit->request->audited->remembers_nothing)
		compute_anew(audit->request, audit->computed);
	else
		compute_fresh(audit->request, audit->computed);
}

static void *
copy_of(const void *bytes, Size size)
{
	return memcpy(palloc(Max(size, 1)), bytes, size);
}

/* What memory has, where the next look at it does not reach; false if that is no answer now. */
static bool
copy_entry(CacheRequest *request, StoredEntry *kept)
{
	if (!cache_look(request, kept))
		return false;
	kept->key = request->key;
	kept->payload = copy_of(kept->payload, kept->payload_size);
	kept->on.cells = copy_of(kept->on.cells, kept->on.ncells * sizeof(ExactNo));
	return true;
}

static void
tell_stale(CacheRequest *request, int64 took)
{
	char *key = request->audited->describe(request->arg);

	counter_add(COUNTER_STALE_HITS, 1);
	event_note(EVENT_STALE, key, "memory had another answer than was computed; dropped", took, 1);
	ereport(LOG_SERVER_ONLY, errcode(ERRCODE_DATA_CORRUPTED), errhidestmt(true),
			errmsg("availability_cache had an outdated answer in memory: %s", key),
			errdetail("It was dropped. This must never happen."),
			errhint("Set availability_cache.enabled to off until it is known why, and report it."));
}

static void
tell_failure(CacheRequest *request, const ErrorData *error, int64 took)
{
	event_note(EVENT_AUDIT, request->audited->describe(request->arg), unpack_sql_state(error->sqlerrcode),
			   took, 1);
}

AuditResult
audit_entry(CacheRequest *request, StoredEntry *kept, Computed *computed)
{
	Audit audit = {request, computed};
	TimestampTz start = GetCurrentTimestamp();
	ErrorData *error;

	memset(computed, 0, sizeof(*computed));
	if (!copy_entry(request, kept))
	{
		kept->payload = NULL;
		return AUDIT_OUTDATED;
	}
	error = guarded(run_computation, &audit);
	if (error != NULL)
	{
		memset(computed, 0, sizeof(*computed));
		tell_failure(request, error, GetCurrentTimestamp() - start);
		return AUDIT_FAILED;
	}
	counter_add(COUNTER_AUDITS, 1);
	if (!request->audited->differs(request->arg, kept->payload, kept->payload_size, computed))
		return AUDIT_SAME;
	if (!entry_is_current(kept))
		return AUDIT_OUTDATED;
	store_drop(store_hash(&request->key));
	tell_stale(request, GetCurrentTimestamp() - start);
	return AUDIT_STALE;
}

/* Where a computation is of the same moment as the answer. */
static bool
is_due(const CacheRequest *request)
{
	return request->audited != NULL && ac_shared_memory_ready && !request->never_waits &&
		   !cache_in_moment() && XactIsoLevel <= XACT_READ_COMMITTED &&
		   !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		   pg_prng_double(&pg_global_prng_state) < ac_audit_rate;
}

bool
cache_read_audited(CacheRequest *request, const char **payload, uint32 *payload_size)
{
	bool hit = cache_read(request, payload, payload_size);
	StoredEntry kept;
	Computed computed;
	AuditResult result;
	int64 valid_until = request->valid_until;

	if (likely(ac_audit_rate == 0.0) || !hit || !is_due(request))
		return hit;
	*payload = copy_of(*payload, *payload_size);
	result = audit_entry(request, &kept, &computed);
	request->valid_until = valid_until;
	if (result != AUDIT_STALE)
		return true;
	request->valid_until = 0;
	*payload = computed.payload;
	*payload_size = computed.payload_size;
	return false;
}
