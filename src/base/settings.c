/*
 * settings.c
 *		The settings availability_cache.*.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/settings.h"

bool ac_enabled = true;
int ac_rollout = 100;
double ac_audit_rate = 0.0;
int ac_shared_memory_kb = 64 * 1024;
int ac_ttl = 300;
double ac_ttl_jitter = 0.1;
int ac_single_flight_timeout = 200;
int ac_max_answer_size = 256;
bool ac_http_headers = false;
bool ac_http_error_status = false;
int ac_http_max_age = 0;
int ac_notify = NOTIFY_OFF;
int ac_table_tier = TABLE_TIER_INLINE;
int ac_table_tier_retry = 15;
int ac_worker_idle_timeout = 60;
int ac_warm_keys = 0;
int ac_warm_interval = 300;
double ac_warm_budget = 5.0;
int ac_warm_timeout = 10000;
int ac_ttl_max = 0;
bool ac_guard_replicated = false;
int ac_waiting_interval = 10;
/* Read from functions' definitions (memo/function.c); what a session sets does nothing. */
static char *memoize_vary_by = NULL;
static int memoize_ttl = 0;
static char *memoize_valid_until = NULL;
static char *memoize_namespace = NULL;
static bool memoize_assume_stable = false;

static const struct config_enum_entry table_tiers[] = {{"off", TABLE_TIER_OFF, false},
													   {"inline", TABLE_TIER_INLINE, false},
													   {"background", TABLE_TIER_BACKGROUND, false},
													   {NULL, 0, false}};

static const struct config_enum_entry notifies[] = {{"off", NOTIFY_OFF, false},
													{"namespaces", NOTIFY_NAMESPACES, false},
													{"keys", NOTIFY_KEYS, false},
													{"on", NOTIFY_KEYS, true},
													{NULL, 0, false}};

/* None is anybody's: what one client sets stays behind in a pooled connection for the next. */
void
settings_define(void)
{
	DefineCustomBoolVariable("availability_cache.enabled", "Answer from memory where that is exact.",
							 "Off: compute every answer; changes are still tracked.", &ac_enabled, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.rollout",
							"Answer this share of the keys from memory, in per cent.",
							"A key that is answered at 10 is answered at 20 too.", &ac_rollout, 100, 0, 100,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("availability_cache.audit_rate",
							 "Compute this share of the answers from memory again, and compare.",
							 "Drop and log what differs. 0 compares none, 1 all.", &ac_audit_rate, 0.0, 0.0,
							 1.0, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.ttl", "Keep an answer no longer than this.",
							"Exactness does not need it. 0: until it changes.", &ac_ttl, 300, 0, 86400 * 30,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomRealVariable("availability_cache.ttl_jitter",
							 "Shorten availability_cache.ttl by a random part of up to this share.",
							 "So answers that were kept together do not end together.", &ac_ttl_jitter, 0.1,
							 0.0, 1.0, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"availability_cache.ttl_max",
		"Keep an answer that did not change twice as long as the one before, up to so long.",
		"Where it was over and is asked for again. 0, or up to availability_cache.ttl: never longer than that.",
		&ac_ttl_max, 0, 0, 86400 * 30, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.single_flight_timeout",
							"Wait so long for another session that computes the same answer.",
							"Then compute it too. 0: never wait.", &ac_single_flight_timeout, 200, 0, 60000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.max_answer_size",
							"Keep no answer in memory that is larger than this.",
							"Nor one that would take more than an eighth of the memory.", &ac_max_answer_size,
							256, 1, MAX_ANSWER_SIZE_KB, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"availability_cache.http_headers", "Give PostgREST headers for each answer.",
		"Cache-Control, ETag, X-Cache-Hit and others, and 304 where the client has the answer.",
		&ac_http_headers, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("availability_cache.http_error_status",
							 "Give PostgREST a status of 4xx or 500 for each error.",
							 "Off: a 200 with success false.", &ac_http_error_status, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.http_max_age",
							"Let HTTP caches answer so long without asking.",
							"They do not see what changes meanwhile. 0: they ask each time.",
							&ac_http_max_age, 0, 0, 86400, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"availability_cache.notify", "Notify channel availability_cache of what each transaction outdated.",
		"namespaces: of which kind. keys: and of which stylist and days, or table. Everybody may listen.",
		&ac_notify, NOTIFY_OFF, notifies, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"availability_cache.table_tier", "Keep answers in a table too: off, or written by whom.",
		"inline: by the session that computed. background: by a worker. Set it for a whole database.",
		&ac_table_tier,
		/* A worker writes what is in memory. */
		process_shared_preload_libraries_in_progress ? TABLE_TIER_BACKGROUND : TABLE_TIER_INLINE, table_tiers,
		PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.table_tier_retry",
							"Leave the table tier alone for so long after it failed.",
							"Then one call tries it.", &ac_table_tier_retry, 15, 1, 86400, PGC_SIGHUP,
							GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.worker_idle_timeout",
							"End the background worker after it had nothing to do for so long.",
							"Who next has something to write starts another.", &ac_worker_idle_timeout, 60, 1,
							86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("availability_cache.guard_replicated",
							 "Guard bookings that logical replication applies, too.",
							 "One that the rules do not allow stops the subscription.", &ac_guard_replicated,
							 false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.waiting_interval",
							"Look so often whether there is a slot for those on waiting lists.",
							"0: only when queue_freed() is called.", &ac_waiting_interval, 10, 0, 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.warm_interval",
							"Write the keys asked for most to a file so often.",
							"0: when the server stops, and not after a crash.", &ac_warm_interval, 300, 0,
							86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomRealVariable(
		"availability_cache.warm_budget",
		"Spend so much of a processor's time for each database on what is outdated, in per cent.",
		"Answers that were asked for are computed anew before they are asked for again. 0: none.",
		&ac_warm_budget, 5.0, 0.0, 100.0, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.warm_timeout",
							"Give up an answer that takes a warm worker so long.",
							"It tries again in five minutes.", &ac_warm_timeout, 10000, 1, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	/* Elsewhere they would come too late. */
	if (process_shared_preload_libraries_in_progress)
	{
		DefineCustomIntVariable("availability_cache.shared_memory_size",
								"Take so much shared memory, in all.",
								"When it is full, what is asked for least goes.", &ac_shared_memory_kb,
								64 * 1024, 4 * 1024, 1024 * 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB, NULL,
								NULL, NULL);
		DefineCustomIntVariable("availability_cache.warm_keys",
								"Keep so many of the keys that are asked for most warm, also over a restart.",
								"They are written to a file, arguments of functions included. 0: none.",
								&ac_warm_keys, 0, 0, 1000000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	}
	DefineCustomStringVariable("availability_cache.memoize_vary_by",
							   "Keep a memoized function's answers apart by these settings.",
							   "memoize() puts it into the function's definition; elsewhere it does nothing.",
							   &memoize_vary_by, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"availability_cache.memoize_ttl",
		"Keep a memoized function's answer no longer than this, though it looks at the clock.",
		"memoize() puts it into the function's definition; elsewhere it does nothing.", &memoize_ttl, 0, 0,
		86400 * 30, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.memoize_valid_until",
							   "Ask this function until when a memoized function's answer holds.",
							   "memoize() puts it into the function's definition; elsewhere it does nothing.",
							   &memoize_valid_until, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.memoize_namespace",
							   "Let go of a memoized function's answers with those of this namespace.",
							   "memoize() puts it into the function's definition; elsewhere it does nothing.",
							   &memoize_namespace, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"availability_cache.memoize_assume_stable",
		"Trust what a memoized function calls and cannot be seen through to go by its arguments alone.",
		"memoize() puts it into the function's definition; elsewhere it does nothing.",
		&memoize_assume_stable, false, PGC_USERSET, 0, NULL, NULL, NULL);
}
