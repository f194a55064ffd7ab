/*
 * takings.h
 *		Bookings and holds that take a resource, whosever they are.
 */
#ifndef AC_SLOTS_TAKINGS_H
#define AC_SLOTS_TAKINGS_H

#include "slots/busy.h"
#include "slots/kinds.h"
#include "slots/rules.h"

/* Without padding: equal ones are the same bytes. */
typedef struct Taking
{
	pg_uuid_t stylist;
	pg_uuid_t service;	/* zero: none is known */
	pg_uuid_t resource; /* zero: it names none */
	SlotInterval at;
	int64 expires; /* SLOT_NEVER, but of holds */
	int32 has_resource;
	int32 is_hold;
} Taking;

typedef struct Takings
{
	Taking *takings;
	int n;
} Takings;

/*
 * Those that overlap with a time and take one of the resources, or that name
 * none and are of one of the services; under the active snapshot.  Caller is
 * connected to SPI and guards the settings.  Raises what queries raise.
 */
extern Takings takings_read(const pg_uuid_t *resources, int nresources, const pg_uuid_t *services,
							int nservices, SlotInterval during, const DayRules *rules, int64 now);

/* The same of a kind. */
extern Takings takings_of_kind(const ResourceKinds *kinds, const char *kind, SlotInterval during,
							   const DayRules *rules, int64 now);

/* Takes one away. */
extern void takings_drop(Takings *takings, int i);

/* Those that share the resource with a stylist's appointments of a service; need NULL: it takes none. */
extern void takings_drop_shared(Takings *takings, const ResourceNeed *need, const pg_uuid_t *stylist);

/* As the kernel counts them, each with its taker. */
extern void
takings_count(const Takings *takings, const ResourceKinds *kinds, const char *kind, Resources *resources);

/*
 * What the kernel has to know of a day whose windows are set; except as for busy_read.  NULL: the service
 * needs no resource, or there is no window; else the kind, as long as kinds.
 */
extern const char *takings_of_day(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules,
								  const ResourceKinds *kinds, const BookingTaken *except, SlotInput *input);

#endif /* AC_SLOTS_TAKINGS_H */
