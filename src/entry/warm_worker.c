/*
 * warm_worker.c
 *		A worker that warms a database: after a restart, or what is outdated.
 *
 * Each key is computed in a transaction of its own, which can write nothing,
 * and whatever it does is undone: what it leaves is in memory.  For a call of a function
 * the session user becomes the key's, and what runs is restricted as
 * memo/again.c says; nothing of it outlasts the transaction.
 *
 * What is outdated it finds by looking at the hottest keys, where the version
 * clock has moved, and works no more than its share of the time: looking and
 * computing use up what time earns.  A key whose answers nobody asked for
 * before they were outdated again is left alone until somebody does.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bitutils.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/background.h"
#include "base/settings.h"
#include "cache/cells.h"
#include "cache/events.h"
#include "cache/readpath.h"
#include "entry/keys_file.h"
#include "entry/warm_worker.h"
#include "entry/warmed.h"
#include "memo/key.h"

/* How often it looks, in milliseconds. */
#define NAP 100
/* How often it looks which keys are hot. */
#define LIST_INTERVAL (5 * USECS_PER_SEC)
/* What failed is left alone for so long; what could not be kept, as where it is changing, for a moment. */
#define FAILED_INTERVAL (300 * USECS_PER_SEC)
#define NOT_KEPT_INTERVAL (2 * USECS_PER_SEC)
#define MAX_FAILED 10000
/* Time that is not used up within this is lost. */
#define MAX_SAVED USECS_PER_SEC
/* So many of a key's last seven answers, though not the very last one, tell that the next is asked for. */
#define OFTEN 4

typedef struct Failed
{
	uint64 hash; /* key */
	TimestampTz until;
} Failed;

/* ---- a key ---- */

static bool
take_session_user(Oid user)
{
	SetSessionAuthorization(user, superuser_arg(user));
	return true;
}

/* Within a transaction, of which nothing is left; what is raised is the outcome. */
static void
try_key(const StoreKey *key, Warmed *warmed, MemoryContext context)
{
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		enable_timeout_after(STATEMENT_TIMEOUT, ac_warm_timeout);
		warm_key(key, "warming", take_session_user, warmed);
		disable_timeout(STATEMENT_TIMEOUT, false);
		/* It may have passed at the very end. */
		QueryCancelPending = false;
	}
	PG_CATCH();
	{
		ErrorData *error;

		HOLD_INTERRUPTS();
		disable_timeout(STATEMENT_TIMEOUT, false);
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		*warmed = (Warmed){WARM_FAILED, pstrdup(unpack_sql_state(error->sqlerrcode))};
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	RollbackAndReleaseCurrentSubTransaction();
}

static WarmOutcome
warm_stored(const StoreKey *key, MemoryContext context)
{
	Warmed warmed = {WARM_SKIPPED, NULL};
	char *text;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "warming");
	text = MemoryContextStrdup(context, warm_key_text(key));
	try_key(key, &warmed, context);
	if (warmed.outcome == WARM_FAILED)
		event_note(EVENT_WARM_FAILED, text, warmed.error, NO_DURATION, 1);
	PopActiveSnapshot();
	CommitTransactionCommand();
	/* pg_advisory_lock()'s outlast transactions; what else does is not for restricted ones. */
	LockReleaseSession(USER_LOCKMETHOD);
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	progress_add(warmed.outcome);
	MemoryContextSwitchTo(context);
	MemoryContextReset(context);
	return warmed.outcome;
}

/* ---- after a restart ---- */

static void
warm_restart(MemoryContext keys, MemoryContext each)
{
	TimestampTz start = GetCurrentTimestamp();
	int64 outcomes[NWARM_OUTCOMES] = {0};
	HotKeys hot;

	if (!keys_file_read(MyDatabaseId, false, &hot, keys))
		return;
	progress_begin(WARM_RESTART, hot.n);
	for (int64 i = 0; i < hot.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		outcomes[warm_stored(&hot.keys[i].key, each)]++;
	}
	ereport(LOG, errmsg("availability_cache has warmed database %u: of " INT64_FORMAT " keys " INT64_FORMAT
						" are in memory, " INT64_FORMAT " failed, " INT64_FORMAT
						" were skipped or cannot be kept (%d ms)",
						MyDatabaseId, hot.n, outcomes[WARM_KEPT] + outcomes[WARM_THERE],
						outcomes[WARM_FAILED], outcomes[WARM_SKIPPED] + outcomes[WARM_NOT_KEPT],
						(int) ((GetCurrentTimestamp() - start) / 1000)));
}

/* ---- what is outdated ---- */

static HTAB *failed = NULL;

static bool
failed_lately(uint64 hash)
{
	Failed *one = failed == NULL ? NULL : hash_search(failed, &hash, HASH_FIND, NULL);

	return one != NULL && GetCurrentTimestamp() < one->until;
}

static void
note_failed(uint64 hash, int64 interval)
{
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(Failed), .hcxt = TopMemoryContext};
	Failed *one;

	if (failed != NULL && hash_get_num_entries(failed) >= MAX_FAILED)
	{
		hash_destroy(failed);
		failed = NULL;
	}
	if (failed == NULL)
		failed = hash_create("availability_cache failed keys", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	one = hash_search(failed, &hash, HASH_ENTER, NULL);
	one->until = GetCurrentTimestamp() + interval;
}

/* Whether the next answer is likely to be asked for before it is outdated too. */
static bool
is_worth_it(const StoredEntry *entry, const EntryInfo *info)
{
	return hot_database(&entry->key) == MyDatabaseId &&
		   (info->hit || pg_popcount((const char *) &info->history, 1) >= OFTEN);
}

typedef struct Watch
{
	HotKeys hot;
	TimestampTz listed_at;
	uint64 clock;			 /* up to which nothing is outdated */
	TimestampTz next_expiry; /* and until when nothing is over */
	double saved;			 /* microseconds of work that time has earned */
} Watch;

static void
list_keys(Watch *watch, TimestampTz now, MemoryContext keys)
{
	MemoryContextReset(keys);
	hot_read(&watch->hot, is_worth_it, ac_warm_keys, keys);
	watch->listed_at = now;
	watch->clock = NO_CLOCK;
	progress_set_total(watch->hot.n);
}

/* Whether a key is to be computed; what is changing is over soon, and one that is gone asked for no more. */
static bool
is_outdated(Watch *watch, const HotKey *key, TimestampTz now)
{
	StoredEntry entry;
	EntryInfo info;
	CellsStatus status;

	if (!store_peek(&key->key, key->hash, &entry, &info) || !is_worth_it(&entry, &info))
		return false;
	status = cells_status(&entry.on);
	if (status == CELLS_CURRENT && entry.valid_until > now)
	{
		watch->next_expiry = Min(watch->next_expiry, entry.valid_until);
		return false;
	}
	return status != CELLS_PENDING && !failed_lately(key->hash);
}

static void
warm_outdated(Watch *watch, const HotKey *key, MemoryContext each)
{
	WarmOutcome outcome = warm_stored(&key->key, each);

	if (outcome == WARM_KEPT || outcome == WARM_THERE)
		return;
	note_failed(key->hash, outcome == WARM_NOT_KEPT ? NOT_KEPT_INTERVAL : FAILED_INTERVAL);
	watch->next_expiry = Min(watch->next_expiry, GetCurrentTimestamp() + NOT_KEPT_INTERVAL);
}

/* The hottest first, for as long as there is time; false: it was not enough. */
static bool
look_at_all(Watch *watch, TimestampTz start, MemoryContext each)
{
	for (int64 i = 0; i < watch->hot.n; i++)
	{
		const HotKey *key = &watch->hot.keys[i];
		TimestampTz now = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		if (now - start > watch->saved)
			return false;
		if (is_outdated(watch, key, now))
			warm_outdated(watch, key, each);
	}
	return true;
}

static void
look(Watch *watch, TimestampTz now, MemoryContext keys, MemoryContext each)
{
	uint64 clock = cells_clock();

	if (now - watch->listed_at >= LIST_INTERVAL)
		list_keys(watch, now, keys);
	if (clock == watch->clock && now < watch->next_expiry)
		return;
	watch->next_expiry = DT_NOEND;
	/* What is changing now moves the clock when it is over. */
	watch->clock = look_at_all(watch, now, each) ? clock : NO_CLOCK;
}

static void
warm_anew(MemoryContext keys, MemoryContext each)
{
	Watch watch = {.next_expiry = DT_NOEND, .clock = NO_CLOCK};
	TimestampTz before = GetCurrentTimestamp();

	progress_begin(WARM_ANEW, 0);
	while (ac_warm_budget > 0 && CountDBConnections(MyDatabaseId) > 0)
	{
		TimestampTz now = GetCurrentTimestamp();
		double share = ac_warm_budget / 100.0;

		watch.saved = Min(watch.saved + Max(now - before, 0) * share, MAX_SAVED * share);
		before = now;
		if (watch.saved > 0)
		{
			look(&watch, now, keys, each);
			watch.saved -= GetCurrentTimestamp() - now;
		}
		background_nap(NAP, "AvailabilityCacheWarm");
	}
}

void
availability_cache_warm_worker_main(Datum arg)
{
	static const char *const settings[][2] = {{"default_transaction_isolation", "read committed"},
											  {"default_transaction_deferrable", "off"},
											  {"default_transaction_read_only", "on"},
											  {"statement_timeout", "0"}};
	WarmCommand command;
	MemoryContext keys;
	MemoryContext each;

	memcpy(&command, MyBgworkerEntry->bgw_extra, sizeof(command));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	background_set(settings, lengthof(settings));
	store_is_warming = true;
	keys = AllocSetContextCreate(TopMemoryContext, "availability_cache keys", ALLOCSET_DEFAULT_SIZES);
	each = AllocSetContextCreate(TopMemoryContext, "availability_cache warming", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(each);
	if (command == WARM_RESTART)
		warm_restart(keys, each);
	else
		warm_anew(keys, each);
}
