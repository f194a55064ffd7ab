/*
 * range_own.h
 *		A day by the function that rules.compute_function names, as part of a range.
 */
#ifndef AC_ENTRY_RANGE_OWN_H
#define AC_ENTRY_RANGE_OWN_H

#include "entry/own_rules.h"
#include "slots/range.h"
#include "utils/uuid.h"

typedef struct OwnDay
{
	const char *name; /* of the function that asks, for the log */
	pg_uuid_t stylist;
	pg_uuid_t service;
	DateADT date;
	Oid collation; /* of the call */
	text *zone;	   /* the customer's, as it was given; NULL: it was not */
	/* Set by the answer: */
	bool hit;
	bool varies;
	TimestampTz valid_until; /* where it is in memory; else 0 */
	TimestampTz computed_at;
	const char *code; /* NULL: there was no error */
	const char *message;
} OwnDay;

/* Adds its slots to the set. */
extern void range_own_add(RangeSet *set, int stylist, OwnDay *day);

#endif /* AC_ENTRY_RANGE_OWN_H */
