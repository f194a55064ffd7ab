/*
 * tier_log.h
 *		What changed, for whoever reads rows of the table tier.
 */
#ifndef AC_TIER_LOG_H
#define AC_TIER_LOG_H

#include "postgres.h"

#include "tier_tables.h"

extern void tier_log_init(void);

/*
 * A writer's trace, from a row trigger or the like, once its transaction has
 * an xid.  Never waits.  With shared memory it raises nothing but what guard.h
 * lets through; without, 55006 when the trace can be left nowhere.  Days are
 * UTC days.
 */
extern void tier_log_days(const pg_uuid_t *stylist, DateADT first, DateADT last);
extern void tier_log_stylist(const pg_uuid_t *stylist);
extern void tier_log_service(const pg_uuid_t *service);
extern void tier_log_everything(void);

/* Traces are gone that rows may need: when this transaction commits no row is trusted. */
extern void tier_log_lost(const char *why);

/* Whether writers leave traces in this database. */
extern bool tier_log_is_active(void);

/* What a row of private.availability_cache depends on, and what its snapshot saw. */
typedef struct RowScope
{
	pg_uuid_t stylist;
	pg_uuid_t service;
	DateADT first_day;
	DateADT last_day;
	Datum snapshot; /* pg_snapshot */
} RowScope;

/*
 * Whether the row holds every change that the snapshot sees.  The tables are
 * open.
 */
extern bool tier_log_covers(TierRelation *since, TierRelation *log, Snapshot snapshot, const RowScope *row);

/* The xid from which traces are complete, as another transaction has committed it; 0 if none has. */
extern uint64 tier_log_settled_since(TierRelation *since);

/*
 * Takes one step towards traces being left; true when they are, and rows can
 * be trusted.  A step takes effect when its transaction commits.
 */
extern bool tier_log_start(void);

#endif /* AC_TIER_LOG_H */
