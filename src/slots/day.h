/*
 * day.h
 *		Computes one stylist's day for one service from the attached tables.
 */
#ifndef AC_SLOTS_DAY_H
#define AC_SLOTS_DAY_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "cache/readpath.h"
#include "slots/rules_memo.h"
#include "slots/zone.h"

typedef struct DayRequest
{
	pg_uuid_t stylist;
	pg_uuid_t service;
	DateADT date;			/* in the stylist's zone, within DAY_FIRST .. DAY_LAST */
	pg_tz *zone;			/* the customer's; NULL: the rules' default */
	Oid function;			/* that was called; its owner is the extension's */
	DayError error;			/* set by day_compute */
	RulesWords rules_words; /* set by day_before_snapshot */
} DayRequest;

/* 1900-01-01 and 9998-12-31: years of four digits, whatever the zone. */
#define DAY_FIRST (-36524)
#define DAY_LAST (2921574)

/* To be called before the snapshot that day_compute runs under is taken. */
extern void day_before_snapshot(DayRequest *day);

/* What the answer may depend on, the database's cell first. */
extern void day_list_cells(const DayRequest *day, CellNo *cells, int *ncells);

/*
 * From a Computed's depends_on to the UTC days that the answer depends on,
 * which are one range around the date; and back.
 */
extern void day_days_of_cells(const DayRequest *day, uint32 depends_on, DateADT *first, DateADT *last);
extern uint32 day_cells_of_days(const DayRequest *day, DateADT first, DateADT last);

/*
 * Computes under the active snapshot.  The payload is a packed answer
 * (answer.h), or absent where error is set.  Raises what queries raise.
 */
extern void day_compute(DayRequest *day, Computed *result);

#endif /* AC_SLOTS_DAY_H */
