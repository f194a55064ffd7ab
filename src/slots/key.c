/*
 * key.c
 *		The cache key of a day's slots.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "slots/key.h"

uint32
day_key_make(DayKey *key, const DayRequest *day)
{
	DayKeyFixed fixed = {.dboid = MyDatabaseId, .date = day->date, .stylist = day->stylist, .service = day->service};
	const char *zone = day->zone != NULL ? pg_get_timezone_name(day->zone) : "";
	Size zone_size = strlen(zone);

	StaticAssertStmt(sizeof(DayKeyFixed) == 40, "keys are compared as bytes");
	memcpy(key->bytes, &fixed, sizeof(fixed));
	memcpy(key->bytes + sizeof(fixed), zone, zone_size);
	return sizeof(fixed) + zone_size;
}

void
day_key_open(const StoreKey *key, DayKeyFixed *fixed, char **zone)
{
	Size zone_size = key->size - sizeof(*fixed);

	memcpy(fixed, key->bytes, sizeof(*fixed));
	*zone = zone_size == 0 ? NULL : pnstrdup(key->bytes + sizeof(*fixed), zone_size);
}
