/*
 * touch.h
 *		Says what a change of this transaction outdates, to memory and to the table tier.
 *
 * Raises what tier_log_… raises (table/log.h).
 */
#ifndef AC_ENTRY_TOUCH_H
#define AC_ENTRY_TOUCH_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "cache/tag.h"

/* More days than this are the stylist's cell. */
#define MAX_TOUCHED_DAYS 62

extern void touch_everything(void);
extern void touch_tag(Tag tag);
extern void touch_stylist(const pg_uuid_t *stylist);
extern void touch_service(const pg_uuid_t *service);
/* A service's buffers, besides touch_service; the longer of those that it has now. */
extern void touch_buffers(const pg_uuid_t *service, int64 longest);
/* The UTC day on which an appointment of the service begins. */
extern void touch_service_day(const pg_uuid_t *service, TimestampTz start);
/* The UTC days that [start, end) touches; an empty one blocks nothing. */
extern void touch_days(const pg_uuid_t *stylist, TimestampTz start, TimestampTz end);

/* Which resources there are, or which services need one. */
extern void touch_resources(void);
/*
 * What takes a resource on the days of [start, end): the one that it names, or NULL;
 * then one that the service needs, or NULL.
 */
extern void
touch_taking(const pg_uuid_t *resource, const pg_uuid_t *service, TimestampTz start, TimestampTz end);

#endif /* AC_ENTRY_TOUCH_H */
