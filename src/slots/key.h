/*
 * key.h
 *		The cache key of a day's slots.
 */
#ifndef AC_SLOTS_KEY_H
#define AC_SLOTS_KEY_H

#include "slots/day.h"

/* Of packed days, among the formats of keys; and of days of another duration than the service's. */
#define FORMAT_DAY 1
#define FORMAT_DAY_LASTING 3

/* What stands before the zone's name in a key.  No padding. */
typedef struct DayKeyFixed
{
	Oid dboid;
	DateADT date;
	pg_uuid_t stylist;
	pg_uuid_t service;
} DayKeyFixed;

/*
 * Followed by the customer's zone, by its full name; nothing where the rules' default
 * is meant. Then by the duration, where that is in the format.
 */
typedef struct DayKey
{
	char bytes[sizeof(DayKeyFixed) + TZ_STRLEN_MAX + 1 + sizeof(int32)];
} DayKey;

/* Makes the key in this database. */
extern StoreKey day_key_make(DayKey *key, const DayRequest *day);

/* For people: the day, in the current context. */
extern char *day_text(const DayRequest *day);

/*
 * What a key asks for, of whatever length it is; false if it is of no day of
 * this database, or in a zone that is not known.
 */
extern bool day_key_read(const StoreKey *key, DayRequest *day);

/* Takes a key of FORMAT_DAY apart; the zone's name is in the current context, NULL for the default. */
extern void day_key_open(const StoreKey *key, DayKeyFixed *fixed, char **zone);

#endif /* AC_SLOTS_KEY_H */
