/*
 * classes.h
 *		A stylist's classes: what the attached table says takes place at a time of its own.
 */
#ifndef AC_SLOTS_CLASSES_H
#define AC_SLOTS_CLASSES_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "slots/rules.h"

/* (22) of docs/rules.md: none that is longer counts. */
#define CLASS_LONGEST (7 * USECS_PER_DAY)

/* Those that count, service by service in order of start, each start once. */
typedef struct Class
{
	SlotInterval at;
	pg_uuid_t service;
	int64 seats; /* not negative; of the rules' service, where the row has none */
	bool has_service;
} Class;

typedef struct Classes
{
	Class *classes;
	int n;
} Classes;

/*
 * Those that overlap with at.  Under the active snapshot, by a caller who is
 * connected to SPI; raises what queries raise.
 */
extern Classes classes_read(const pg_uuid_t *stylist, const DayRules *rules, SlotInterval at);

/*
 * Looks for those of the service that start within a time, which are to be
 * slots; busy_read reads the rest of them.  Conditions are those above.
 */
extern void classes_find(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules,
						 SlotInterval starts, SlotInput *input);

/* Those of a date of the stylist's; also says from when to when that is. */
extern void classes_find_of_date(const pg_uuid_t *stylist, const pg_uuid_t *service, DateADT date,
								 const DayRules *rules, SlotInput *input);

/* Into the kernel's input, with the buffers of each class; those that classes_find looked for as slots. */
extern void
classes_put(const Classes *classes, const SlotBuffers *buffers, const pg_uuid_t *service, SlotInput *input);

#endif /* AC_SLOTS_CLASSES_H */
