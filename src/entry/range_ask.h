/*
 * range_ask.h
 *		What is asked about several days or stylists, looked at and answered as of one moment.
 *
 * Errors are answered as by get_available_slots_v2: who finds one says so in
 * the Ask, and returns false.
 */
#ifndef AC_ENTRY_RANGE_ASK_H
#define AC_ENTRY_RANGE_ASK_H

#include "fmgr.h"

#include "slots/busy.h"
#include "slots/range.h"
#include "slots/range_write.h"

/* Clocks read between 12 hours behind UTC and 14 before it. */
#define ASK_MOST_BEHIND (12 * SECS_PER_HOUR)
#define ASK_MOST_AHEAD (14 * SECS_PER_HOUR)

/* What is asked. */
typedef struct Ask
{
	const char *name; /* of the function, for the log */
	pg_uuid_t service;
	DateADT from; /* the customer's */
	DateADT to;
	pg_uuid_t *stylists;
	int nstylists;
	bool named;		/* else all of the service */
	bool *left_out; /* of those that are not named: not active */
	pg_tz *zone;	/* the customer's; NULL: the rules' default */
	text *zone_name;
	Oid collation;
	bool own_rules; /* a function of one's own computes */
	bool needs_all;
	int seats;
	int32 duration; /* in seconds; 0: the service's */
	char *except;	/* a booking's key; NULL: none */
	bool has_except;
	BookingTaken booking;
	bool available_only;
	bool skips;	 /* who is named and does not offer the service is left out too */
	int64 after; /* no slot that starts before, in seconds since 2000-01-01 */
	int limit;	 /* so many slots */
	/* Of the days so far: */
	RangeOutcome outcome;
	TimestampTz valid_until; /* 0: one is in nobody's memory */
	bool varies;			 /* others get another answer */
	/* What is wrong; code NULL: nothing. */
	const char *code;
	const char *message;
} Ask;

/* ---- arguments ---- */

extern bool ask_look_at_service(FunctionCallInfo fcinfo, Ask *ask);
/* From and to, at first and after it. */
extern bool ask_look_at_dates(FunctionCallInfo fcinfo, int first, Ask *ask);
extern bool ask_look_at_stylists(FunctionCallInfo fcinfo, int arg, Ask *ask);
extern bool ask_look_at_zone(FunctionCallInfo fcinfo, int arg, Ask *ask);
/* Stylists, zone, match, seats, duration and the booking that is left out, from first on. */
extern bool ask_look_at_wishes(FunctionCallInfo fcinfo, int first, Ask *ask);

extern bool ask_fail(Ask *ask, const char *code, const char *message);
extern bool ask_fail_argument(Ask *ask, const char *message);
/* Reports an error to the log. */
extern bool ask_fail_by_error(Ask *ask, const ErrorData *error);

/* ---- answers ---- */

/* Writes it; where that fails, it says so in the Ask. */
typedef Datum (*WriteAnswer)(Ask *ask, bool binary);

/* As of one moment; or the error's. */
extern Datum ask_answer(Ask *ask, WriteAnswer write, bool binary);

/* For who writes: those who offer the service, if nobody is named. */
extern bool ask_find_stylists(Ask *ask);
/* All slots of the dates that are asked for. */
extern bool ask_collect(Ask *ask, RangeSet *set);

#endif /* AC_ENTRY_RANGE_ASK_H */
