/*
 * day_rules.h
 *		The rules of a stylist's day, and remembering them between calls.
 */
#ifndef AC_SLOTS_DAY_RULES_H
#define AC_SLOTS_DAY_RULES_H

#include "slots/day.h"
#include "slots/queries.h"

enum
{
	LIMIT_BUFFER_BEFORE,
	LIMIT_BUFFER_AFTER,
	LIMIT_NOTICE,
	LIMIT_HORIZON
};

/* The rules, with what the service and the stylist have in their place.  Microseconds. */
typedef struct DayRules
{
	int64 step;
	int64 limits[4]; /* in the order of append_limits: see LIMIT_… */
	char *default_timezone;
	char *display_format;
	bool show_unavailable;
	bool show_breaks;
	QueryStatuses non_blocking;
	QueryStatuses holding;
	char *non_blocking_text;
	char *holding_text;
	/* of the service and the stylist */
	int64 duration; /* whole seconds */
	int64 price;	/* PG_INT64_MIN: none */
	pg_tz *stylist_zone;
} DayRules;

/* The cells that they depend on: the database's, the stylist's, the service's. */
extern void rules_list_cells(const DayRequest *day, CellNo cells[DAY_RULES_CELLS]);

/*
 * What an earlier call in this session read for the stylist and service, if
 * nothing has changed since for the active snapshot; the strings are good
 * for this computation.
 */
extern bool rules_recall(const DayRequest *day, DayRules *rules);
extern void rules_remember(const DayRequest *day, const DayRules *rules);

#endif /* AC_SLOTS_DAY_RULES_H */
