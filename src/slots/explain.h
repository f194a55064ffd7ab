/*
 * explain.h
 *		Why a moment is the start of an available slot of a day, or is not.
 */
#ifndef AC_SLOTS_EXPLAIN_H
#define AC_SLOTS_EXPLAIN_H

#include "pgtime.h"
#include "utils/date.h"

#include "slots/rules.h"
#include "slots/sources.h"

typedef struct Explained
{
	int64 start; /* given */
	/* of the day that was computed: */
	bool is_slot; /* one of its slots starts then */
	SlotReason reason;
	int64 end;
	int seats;			/* that are left; -1: the service has no capacity */
	DateADT local_date; /* of the start, in the stylist's zone */
	/* The first booking and the first hold that are too near; empty: none. */
	SlotInterval booking;
	SlotInterval booking_in_seats; /* the same of the service's own, where those take seats */
	SlotInterval hold;
	char *non_blocking; /* statuses, as text[] writes them */
	char *holding;
} Explained;

/* Before the kernel changes what was read. */
extern void explain_near(Explained *e, const DayRules *rules, const SlotInput *input, MemoryContext strings);

/* Afterwards: all slots, shown or not; why: the day's reason, if it has no slot. */
extern void explain_start(Explained *e, const SlotInput *input, const Slot *slots, int64 n, SlotReason why);

/* The number of the rule in docs/rules.md. */
extern int explain_rule(SlotReason reason);

/*
 * A query for the row that decides, of the attached table of that role: columns to_jsonb;
 * parameters $1 the stylist, $2 and $3 its times (or $2 the date), $4 statuses as
 * text.  NULL: no row decides, or not one that can be told.  In the current context.
 */
extern char *explain_query(const Explained *e, SourceRole *role, SlotInterval *at);

#endif /* AC_SLOTS_EXPLAIN_H */
