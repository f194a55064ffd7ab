/*
 * key.c
 *		The cache key of a day's slots.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "slots/key.h"

StoreKey
day_key_make(DayKey *key, const DayRequest *day)
{
	DayKeyFixed fixed = {.dboid = MyDatabaseId,
						 .date = day->date,
						 .stylist = day->stylist,
						 .service = day->service};
	const char *zone = day->zone != NULL ? pg_get_timezone_name(day->zone) : "";
	Size zone_size = strlen(zone);
	StoreKey made = {.format = FORMAT_DAY, .bytes = key->bytes, .size = sizeof(fixed) + zone_size};

	StaticAssertStmt(sizeof(DayKeyFixed) == 40, "keys are compared as bytes");
	memcpy(key->bytes, &fixed, sizeof(fixed));
	memcpy(key->bytes + sizeof(fixed), zone, zone_size);
	if (day->duration != 0)
	{
		made.format = FORMAT_DAY_LASTING;
		memcpy(key->bytes + made.size, &day->duration, sizeof(day->duration));
		made.size += sizeof(day->duration);
	}
	return made;
}

void
day_key_open(const StoreKey *key, DayKeyFixed *fixed, char **zone)
{
	Size zone_size = key->size - sizeof(*fixed);

	memcpy(fixed, key->bytes, sizeof(*fixed));
	*zone = zone_size == 0 ? NULL : pnstrdup(key->bytes + sizeof(*fixed), zone_size);
}

bool
day_key_read(const StoreKey *key, DayRequest *day)
{
	DayKeyFixed fixed;
	Size rest = key->format == FORMAT_DAY_LASTING ? sizeof(day->duration) : 0;
	Size zone_size;

	if ((key->format != FORMAT_DAY && key->format != FORMAT_DAY_LASTING) || key->size < sizeof(fixed) + rest)
		return false;
	zone_size = key->size - sizeof(fixed) - rest;
	if (zone_size > TZ_STRLEN_MAX)
		return false;
	memset(day, 0, sizeof(*day));
	memcpy(&fixed, key->bytes, sizeof(fixed));
	day->stylist = fixed.stylist;
	day->service = fixed.service;
	day->date = fixed.date;
	day->zone = zone_size == 0 ? NULL : zone_find(key->bytes + sizeof(fixed), zone_size);
	if (rest > 0)
		memcpy(&day->duration, key->bytes + sizeof(fixed) + zone_size, rest);
	day->error = DAY_OK;
	return fixed.dboid == MyDatabaseId && fixed.date >= DAY_FIRST && fixed.date <= DAY_LAST &&
		   (zone_size == 0 || day->zone != NULL);
}

char *
day_text(const DayRequest *day)
{
	char *stylist = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&day->stylist)));
	char *service = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&day->service)));
	char *date = DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day->date)));

	return psprintf("%s %s %s%s%s", stylist, service, date, day->zone == NULL ? "" : " ",
					day->zone == NULL ? "" : pg_get_timezone_name(day->zone));
}
