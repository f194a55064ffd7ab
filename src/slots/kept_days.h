/*
 * kept_days.h
 *		Days as rows of private.availability_cache.
 */
#ifndef AC_SLOTS_KEPT_DAYS_H
#define AC_SLOTS_KEPT_DAYS_H

#include "slots/day.h"
#include "table/rows.h"

/* Columns, by number. */
enum
{
	ROW_ID = 1,
	ROW_STYLIST,
	ROW_SERVICE,
	ROW_DATE,
	ROW_SLOTS,
	ROW_COMPUTED_AT,
	ROW_EXPIRES_AT,
	ROW_TIMEZONE,
	ROW_FIRST_DAY,
	ROW_LAST_DAY,
	ROW_SNAPSHOT,
	ROW_ANSWER,
	ROW_NCOLUMNS = ROW_ANSWER
};

/* The columns that people look for a row by. */
typedef struct RowDay
{
	pg_uuid_t stylist;
	pg_uuid_t service;
	DateADT date;
	Datum zone; /* text; empty for the default */
} RowDay;

/* For other kinds of rows in the table: what RowKind is to have, by the primary key. */
extern int row_day_find(const RowDay *day, ScanKeyData *keys);
extern uint32 row_day_claim(const RowDay *day);
/* Sets these columns, and those that say on which UTC days the answer depends. */
extern void row_day_fill(const RowDay *day, DateADT first_day, DateADT last_day, Datum *values);

/* At loading. */
extern void kept_days_init(void);

extern const RowKind kept_days;

/*
 * Says what this transaction changes, to the table tier's log: days are UTC
 * days.  Raise what tier_log_tag raises.  The rows that it outdates go when it commits.
 */
extern void kept_days_log_stylist(const pg_uuid_t *stylist);
extern void kept_days_log_days(const pg_uuid_t *stylist, DateADT first, DateADT last);

/* What a LowerTier does, for a day; never fail. */
extern bool kept_days_fetch(const StoreKey *key, Computed *result);
extern void kept_days_keep(DayRequest *day, const StoreKey *key, const Computed *result);
extern void kept_days_offer(DayRequest *day, uint32 place);
extern bool kept_days_wrote_all(void);

#endif /* AC_SLOTS_KEPT_DAYS_H */
