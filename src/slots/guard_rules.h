/*
 * guard_rules.h
 *		Whether bookings are guarded, and which ones take time.
 */
#ifndef AC_SLOTS_GUARD_RULES_H
#define AC_SLOTS_GUARD_RULES_H

#include "nodes/pg_list.h"

typedef enum GuardMode
{
	GUARD_OFF,
	GUARD_HOLDS, /* bookings and holds do not meet */
	GUARD_ON	 /* and are where the rules offer a slot */
} GuardMode;

typedef struct GuardRules
{
	GuardMode mode;
	bool has_buffers;	/* by the rules' row alone */
	bool caps_together; /* services' caps are about all stylists' appointments */
	bool has_caps;		/* by the rules' row alone */
	bool has_caps_of_weeks;
	List *blocking;	   /* of char *: bookings of these take time */
	bool others_block; /* or of all but these */
	List *holding;	   /* only holds of these do */
} GuardRules;

/*
 * What the rules say now, whatever the transaction's snapshot, with its own
 * changes; until the next call.  Raises what reading a table can raise.
 */
extern const GuardRules *guard_rules(void);

/*
 * Waits until nobody is writing to the attached bookings and holds, and lets
 * nobody before this transaction is over: those who wrote have not been
 * guarded.
 */
extern void guard_await_writers(void);

#endif /* AC_SLOTS_GUARD_RULES_H */
