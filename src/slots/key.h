/*
 * key.h
 *		The cache key of a day's slots.
 */
#ifndef AC_SLOTS_KEY_H
#define AC_SLOTS_KEY_H

#include "slots/day.h"

/* What stands before the zone's name in a key.  No padding. */
typedef struct SlotsKeyFixed
{
	Oid dboid;
	DateADT date;
	pg_uuid_t stylist;
	pg_uuid_t service;
} SlotsKeyFixed;

/* Followed by the customer's zone, by its full name; nothing where the rules' default is meant. */
typedef struct SlotsKey
{
	char bytes[sizeof(SlotsKeyFixed) + TZ_STRLEN_MAX + 1];
} SlotsKey;

/* Makes the key in this database; returns its size. */
extern uint32 slots_key_make(SlotsKey *key, const DayRequest *day);

/* Takes a key apart; the zone's name is in the current context, NULL for the default. */
extern void slots_key_open(const char *key, uint32 size, SlotsKeyFixed *fixed, char **zone);

#endif /* AC_SLOTS_KEY_H */
