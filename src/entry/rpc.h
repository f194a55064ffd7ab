/*
 * rpc.h
 *		A stylist's day as get_available_slots_v2 answers it, for functions that ask for several.
 */
#ifndef AC_ENTRY_RPC_H
#define AC_ENTRY_RPC_H

#include "slots/compute.h"
#include "slots/day.h"

typedef struct DayAnswer
{
	const char *packed; /* good until the next call; NULL where there is an error */
	const char
		*message; /* of DAY_INTERNAL_ERROR, if it may be shown; else NULL.  Of rpc_warm_day, any error's */
	bool hit;
	int64 valid_until; /* where it is in memory; else 0 */
} DayAnswer;

/*
 * By the built-in rules, from memory where that is exact; the error is in the
 * request.  name is the function's that asks, for the log.  Raises only
 * cancellation, lack of memory and what makes the client run its transaction again.
 */
extern void rpc_answer_day(DayRequest *day, const char *name, DayAnswer *answer);

/*
 * As get_available_slots_v2 or, form says, get_available_slots_json would be
 * answered, by whatever rules; not for a client.  Where there is an error code
 * and message are set, else NULL; packed is not set.  Raises what rpc_answer_day does.
 */
extern void
rpc_warm_day(DayRequest *day, const char *name, ComputeForm form, DayAnswer *answer, const char **code);

/* What clients are told of an error. */
extern const char *rpc_error_code(DayError error);
extern const char *rpc_error_message(DayError error);

/* The zone that a name means; NULL: there is none. */
extern pg_tz *rpc_customer_zone(const text *name);
/* What the client is told then. */
extern const char *rpc_unknown_zone(const text *name);

#endif /* AC_ENTRY_RPC_H */
