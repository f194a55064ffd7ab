/*
 * tags.h
 *		What a day's slots depend on, and changes of the attached tables touch.
 */
#ifndef AC_SLOTS_TAGS_H
#define AC_SLOTS_TAGS_H

#include "utils/uuid.h"

#include "cache/tag.h"

/* In this database; a day counts from 2000-01-01, UTC. */
extern Tag tag_of_stylist(const pg_uuid_t *stylist);
extern Tag tag_of_stylist_day(const pg_uuid_t *stylist, int32 utc_day);
/* The stylist's bookings that take more than a day, all of them. */
extern Tag tag_of_long_bookings(const pg_uuid_t *stylist);
extern Tag tag_of_service(const pg_uuid_t *service);
/*
 * Which appointments of a service begin on a day, with whatever stylist; touched only
 * where that matters (rules.service_caps).
 */
extern Tag tag_of_service_day(const pg_uuid_t *service, int32 utc_day);
/* A service's buffers: of days near which it is booked, whatever service they are asked for. */
extern Tag tag_of_buffers(const pg_uuid_t *service);
/* Whether a service has a buffer above a level (buffers.h); of level 0: any service's buffers. */
extern Tag tag_of_buffers_above(int level);

/* Which resources there are, which services need one, and what takes one for longer than days are noted. */
extern Tag tag_of_resources(void);
/* Bookings and holds of a day that name a resource. */
extern Tag tag_of_resource_day(const pg_uuid_t *resource, int32 utc_day);
/* Those that name none, of a service. */
extern Tag tag_of_unnamed_day(const pg_uuid_t *service, int32 utc_day);
/* All of both. */
extern Tag tag_of_resources_day(int32 utc_day);

#endif /* AC_SLOTS_TAGS_H */
