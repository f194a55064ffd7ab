/*
 * tags.c
 *		What a day's slots depend on, and changes of the attached tables touch.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "slots/tags.h"

typedef enum SlotsTagKind
{
	TAG_STYLIST = FIRST_DOMAIN_TAG_KIND,
	TAG_STYLIST_DAY,
	TAG_SERVICE,
	TAG_BUFFERS,
	TAG_BUFFERS_ABOVE,
	TAG_LONG_BOOKINGS,
	TAG_RESOURCES,
	TAG_RESOURCE_DAY,
	TAG_UNNAMED_DAY,
	TAG_RESOURCES_DAY,
	TAG_SERVICE_DAY
} SlotsTagKind;

/* Unused fields are zero. */
typedef struct SlotsTag
{
	TagHeader header;
	int32 number; /* a UTC day, or a level */
	uint32 zero;
	pg_uuid_t id;
} SlotsTag;

static Tag
slots_tag(SlotsTagKind kind, const pg_uuid_t *id, int32 number)
{
	SlotsTag tag = {.header = {kind, MyDatabaseId}, .number = number, .id = *id};

	StaticAssertStmt(sizeof(SlotsTag) == 32, "tags are hashed as bytes");
	return tag_of(&tag, sizeof(tag));
}

static const pg_uuid_t no_id = {{0}};

Tag
tag_of_stylist(const pg_uuid_t *stylist)
{
	return slots_tag(TAG_STYLIST, stylist, 0);
}

Tag
tag_of_stylist_day(const pg_uuid_t *stylist, int32 utc_day)
{
	return slots_tag(TAG_STYLIST_DAY, stylist, utc_day);
}

Tag
tag_of_long_bookings(const pg_uuid_t *stylist)
{
	return slots_tag(TAG_LONG_BOOKINGS, stylist, 0);
}

Tag
tag_of_service(const pg_uuid_t *service)
{
	return slots_tag(TAG_SERVICE, service, 0);
}

Tag
tag_of_service_day(const pg_uuid_t *service, int32 utc_day)
{
	return slots_tag(TAG_SERVICE_DAY, service, utc_day);
}

Tag
tag_of_buffers(const pg_uuid_t *service)
{
	return slots_tag(TAG_BUFFERS, service, 0);
}

Tag
tag_of_buffers_above(int level)
{
	return slots_tag(TAG_BUFFERS_ABOVE, &no_id, level);
}

Tag
tag_of_resources(void)
{
	return slots_tag(TAG_RESOURCES, &no_id, 0);
}

Tag
tag_of_resource_day(const pg_uuid_t *resource, int32 utc_day)
{
	return slots_tag(TAG_RESOURCE_DAY, resource, utc_day);
}

Tag
tag_of_unnamed_day(const pg_uuid_t *service, int32 utc_day)
{
	return slots_tag(TAG_UNNAMED_DAY, service, utc_day);
}

Tag
tag_of_resources_day(int32 utc_day)
{
	return slots_tag(TAG_RESOURCES_DAY, &no_id, utc_day);
}
