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
bool ac_guard_replicated = false;
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
	DefineCustomBoolVariable("availability_cache.enabled", "Answers from memory where that is exact.",
							 "Off, every answer is computed; changes are still tracked.", &ac_enabled, true, PGC_SUSET,
							 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.rollout",
							"Share of the keys that are answered from memory, in per cent.",
							"Which ones these are does not change, but for those that come or go with the share.",
							&ac_rollout, 100, 0, 100, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("availability_cache.audit_rate",
							 "Share of the answers from memory that are computed again and compared.",
							 "What differs is logged and dropped. 0 compares none, 1 all.", &ac_audit_rate, 0.0, 0.0,
							 1.0, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.ttl", "Longest time that an answer is kept.",
							"Exactness does not need it; 0 keeps answers until they change.", &ac_ttl, 300, 0,
							86400 * 30, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomRealVariable("availability_cache.ttl_jitter",
							 "Random part that availability_cache.ttl is shortened by.",
							 "Answers that were kept together then do not end together.", &ac_ttl_jitter, 0.1, 0.0, 1.0,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.single_flight_timeout",
							"How long a call waits for another session that computes the same answer.",
							"Then it computes itself; 0 never waits.", &ac_single_flight_timeout, 200, 0, 60000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.max_answer_size", "Larger answers are not kept in memory.",
							"Nor is one that would take more than an eighth of the memory.", &ac_max_answer_size, 256,
							1, MAX_ANSWER_SIZE_KB, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("availability_cache.http_headers", "Tells PostgREST headers of answers.",
							 "Cache-Control, ETag, X-Cache-Hit and others, and 304 where the client has the answer.",
							 &ac_http_headers, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("availability_cache.http_error_status", "Tells PostgREST a status of errors.",
							 "Off, they are a 200 with success false.", &ac_http_error_status, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.http_max_age",
							"How long HTTP caches may answer without asking, at most.",
							"What changes meanwhile they do not see; 0 lets them ask each time.", &ac_http_max_age, 0,
							0, 86400, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"availability_cache.notify", "Tells who listens on channel availability_cache what a transaction outdated.",
		"namespaces: of which kind; keys: and of which stylist and days, or table. Everybody may listen.", &ac_notify,
		NOTIFY_OFF, notifies, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("availability_cache.table_tier",
							 "Keeps answers in private.availability_cache too, and who writes them there.",
							 "inline: the session that computed; background: a worker. Set it for a whole database.",
							 &ac_table_tier,
							 /* A worker writes what is in memory. */
							 process_shared_preload_libraries_in_progress ? TABLE_TIER_BACKGROUND : TABLE_TIER_INLINE,
							 table_tiers, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.table_tier_retry",
							"How long the table tier is left alone after it failed.", NULL, &ac_table_tier_retry, 15, 1,
							86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.worker_idle_timeout",
							"How long a background worker waits for something to do before it ends.", NULL,
							&ac_worker_idle_timeout, 60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("availability_cache.guard_replicated",
							 "Guards bookings that logical replication applies, too.",
							 "Those that the rules do not allow stop the subscription.", &ac_guard_replicated, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	/* Elsewhere it would come too late. */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("availability_cache.shared_memory_size", "Shared memory that the cache takes, in all.",
								NULL, &ac_shared_memory_kb, 64 * 1024, 4 * 1024, 1024 * 1024 * 1024, PGC_POSTMASTER,
								GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.memoize_vary_by",
							   "In a memoized function's definition: settings that its answers depend on.",
							   "Elsewhere it does nothing.", &memoize_vary_by, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.memoize_ttl",
							"In a memoized function's definition: how long an answer may be kept.",
							"Elsewhere it does nothing.", &memoize_ttl, 0, 0, 86400 * 30, PGC_USERSET, GUC_UNIT_S, NULL,
							NULL, NULL);
	DefineCustomStringVariable(
		"availability_cache.memoize_valid_until",
		"In a memoized function's definition: the function that says until when an answer holds.",
		"Elsewhere it does nothing.", &memoize_valid_until, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.memoize_namespace",
							   "In a memoized function's definition: with which others its answers are let go.",
							   "Elsewhere it does nothing.", &memoize_namespace, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"availability_cache.memoize_assume_stable",
		"In a memoized function's definition: what is not seen through depends on arguments alone.",
		"Elsewhere it does nothing.", &memoize_assume_stable, false, PGC_USERSET, 0, NULL, NULL, NULL);
}
