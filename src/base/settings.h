/*
 * settings.h
 *		The settings availability_cache.*.
 */
#ifndef AC_BASE_SETTINGS_H
#define AC_BASE_SETTINGS_H

extern bool ac_enabled;
extern int ac_rollout;		 /* per cent of the keys */
extern double ac_audit_rate; /* share of hits */
extern int ac_shared_memory_kb;
extern int ac_ttl;					 /* seconds, 0: none */
extern double ac_ttl_jitter;		 /* share of ttl */
extern int ac_single_flight_timeout; /* milliseconds */
extern bool ac_http_headers;
extern bool ac_http_error_status;
extern int ac_http_max_age;	   /* seconds */
extern int ac_notify;		   /* Notify */
extern int ac_max_answer_size; /* kB */
#define MAX_ANSWER_SIZE_KB 1024

extern int ac_table_tier;		   /* TableTier */
extern int ac_table_tier_retry;	   /* seconds */
extern int ac_worker_idle_timeout; /* seconds */
extern int ac_warm_keys;		   /* 0: no worker warms */
extern int ac_warm_interval;	   /* seconds; 0: keys are written when the server stops */
extern double ac_warm_budget;	   /* per cent of a processor's time */
extern int ac_warm_timeout;		   /* milliseconds */
extern int ac_ttl_max;			   /* seconds, 0: ttl does not grow */
extern bool ac_guard_replicated;
extern int ac_waiting_interval; /* seconds; 0: never */

typedef enum TableTier
{
	TABLE_TIER_OFF,
	TABLE_TIER_INLINE,
	TABLE_TIER_BACKGROUND
} TableTier;

typedef enum Notify
{
	NOTIFY_OFF,
	NOTIFY_NAMESPACES,
	NOTIFY_KEYS
} Notify;

extern void settings_define(void);

#endif /* AC_BASE_SETTINGS_H */
