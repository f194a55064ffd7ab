/*
 * explain.h
 *		Why a moment is the start of an available slot of a day, or is not.
 */
#ifndef AC_SLOTS_EXPLAIN_H
#define AC_SLOTS_EXPLAIN_H

#include "pgtime.h"
#include "utils/date.h"

#include "slots/hours.h"
#include "slots/rules.h"
#include "slots/sources.h"
#include "slots/takings.h"

typedef struct Explained
{
	int64 start; /* given */
	/* of the day that was computed: */
	bool is_slot; /* one of its slots starts then */
	SlotReason reason;
	int64 end;
	int seats; /* that are left; -1: the service has no capacity, nor a class this day */
	/* Of which a slot may start then: see hours_dates. */
	DateADT dates[HOURS_MAX_DATES];
	int ndates;
	/* The first booking and the first hold that are too near; empty: none. */
	SlotInterval booking;
	SlotInterval booking_in_seats; /* the same of the service's own, where those take seats */
	SlotInterval hold;
	Taking taken;		  /* the first that takes a resource; of no length: none */
	SlotInterval class;	  /* the first other one that is too near */
	SourceRole capped_by; /* whose cap is against it: of services, profiles or the rules */
	char *blocking;		  /* statuses, as text[] writes them */
	bool others_block;	  /* not these */
	char *holding;
	char *cancelled; /* of classes: not these */
} Explained;

/* Before the kernel changes what was read. */
extern void explain_near(Explained *e, const DayRules *rules, const SlotInput *input, MemoryContext strings);

/* Afterwards: all slots, shown or not. */
extern void explain_start(Explained *e, const SlotInput *input, const Slot *slots, int64 n);

/*
 * Where a resource is what lacks: who has one of them.  Conditions are those of takings_of_kind; the kind is
 * that which the stylist's service needs.
 */
extern void explain_taken(Explained *e, const pg_uuid_t *stylist, const pg_uuid_t *service,
						  const DayRules *rules, const ResourceKinds *kinds, int64 now);

/* The number of the rule in docs/rules.md. */
extern int explain_rule(SlotReason reason);

/*
 * A query for the row that decides, of the attached table of that role: columns to_jsonb;
 * parameters $1 the stylist, $2 and $3 its times (or $2 the date), $4 statuses as
 * text, and where a resource is what lacks $5, the resource that is named or else the service; of profiles
 * and services only $1, whose it is; of the rules none.  NULL: no row decides, or not one
 * that can be told.  In the current context.
 */
extern char *explain_query(const Explained *e, SourceRole *role, SlotInterval *at);

#endif /* AC_SLOTS_EXPLAIN_H */
