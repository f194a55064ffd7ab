/*
 * rules.h
 *		The rules of a stylist's day: what the rules' row, the stylist and the service say.
 */
#ifndef AC_SLOTS_RULES_H
#define AC_SLOTS_RULES_H

#include "pgtime.h"
#include "utils/uuid.h"

#include "cache/tag.h"
#include "slots/kernel.h"
#include "slots/queries.h"

/* Why there is no answer; the names are the codes that clients see. */
typedef enum DayError
{
	DAY_OK,
	DAY_INVALID_ARGUMENT,
	DAY_INVALID_TIMEZONE,
	DAY_STYLIST_NOT_FOUND,
	DAY_SERVICE_NOT_OFFERED,
	DAY_INTERNAL_ERROR
} DayError;

/* What services and stylists may have in place of the rules', in the order of the queries' columns. */
enum
{
	LIMIT_BUFFER_BEFORE,
	LIMIT_BUFFER_AFTER,
	LIMIT_NOTICE,
	LIMIT_HORIZON,
	NLIMITS
};

/* Where a slot of the grid starts, besides step by step. */
typedef enum SlotAlignment
{
	ALIGN_TO_OPENING,
	ALIGN_TO_BREAK, /* and anew after each break */
	ALIGN_TO_CLOCK	/* at multiples of the step on the date's clock */
} SlotAlignment;

#define NO_PRICE PG_INT64_MIN
#define NO_NOTICE_DAYS (-1)
#define NO_CAP (-1)

/* Whose appointments a cap counts. */
typedef enum CapOwner
{
	CAPS_OF_STYLIST,
	CAPS_OF_SERVICE,
	CAP_NOWNERS
} CapOwner;

/*
 * The rules, with what the service and the stylist have in their place, but
 * for the service's buffers (buffers.h).  Microseconds.
 */
typedef struct DayRules
{
	int64 step;
	SlotAlignment alignment;
	int64 limits[NLIMITS];
	char *default_timezone;
	char *display_format;
	bool show_unavailable;
	bool show_breaks;
	bool show_reasons;
	bool whole_days;	 /* the horizon counts dates */
	int64 notice_days;	 /* dates before the slot's; or NO_NOTICE_DAYS */
	int32 notice_cutoff; /* seconds of that date */
	bool seats_by_time;
	bool caps_together;		 /* the service's caps are about all stylists' appointments */
	QueryStatuses blocking;	 /* of bookings */
	QueryStatuses cancelled; /* of classes: these do not count */
	QueryStatuses holding;
	/* of the service and the stylist */
	int64 duration; /* whole seconds */
	int64 price;	/* or NO_PRICE */
	int64 capacity; /* seats; or SEATS_ALONE */
	bool only_classes;
	int64 caps[CAP_NOWNERS][CAP_NKINDS]; /* appointments, or microseconds; or NO_CAP */
	bool caps_of_rules[CAP_NKINDS];		 /* the stylist's: are the rules' */
	pg_tz *home_zone;					 /* the stylist's; of dates: hours.h */
} DayRules;

/* What they depend on, besides the database: the stylist, the service. */
#define RULES_NTAGS 2
extern void rules_list_tags(const pg_uuid_t *stylist, const pg_uuid_t *service, Tag tags[RULES_NTAGS]);

/*
 * Reads them under the active snapshot; strings last as long as the current
 * context and no longer than the computation.  clock is as a CacheRequest's compute gets it.
 * Raises what queries raise, and 55000 where they say something impossible.
 */
extern DayError rules_read(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, DayRules *rules);

/*
 * The same without a service: of what is of the service, duration, price and
 * capacity are not set, and it has no caps.  Where the stylist is not known those of any are, but for the
 * zone.
 */
extern DayError rules_read_of_stylist(const pg_uuid_t *stylist, uint64 clock, DayRules *rules);

/* How many seats a service has with the stylist, whether or not it is offered; SEATS_ALONE: it has none. */
extern int64 rules_capacity_of(const pg_uuid_t *stylist, const pg_uuid_t *service);

/* In place of those it has, copies in the current context. */
extern void rules_copy_strings(DayRules *rules);

/* A buffer as it counts: within 0 and a day, in whole seconds. */
extern int64 rules_bound_buffer(int64 buffer);

/* What is kept free around appointments of a service without buffers of its own. */
extern SlotBuffers rules_buffers(const DayRules *rules);

/* That of a column; whose it is, for the message.  Raises 55000 where there is none of that name. */
extern pg_tz *rules_find_zone(const char *name, const char *whose);

/* The zone of customers that give none.  Raises 55000. */
extern pg_tz *rules_default_zone(const DayRules *rules);

#endif /* AC_SLOTS_RULES_H */
