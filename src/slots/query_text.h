/*
 * query_text.h
 *		What is asked of each attached table, as SQL.
 */
#ifndef AC_SLOTS_QUERY_TEXT_H
#define AC_SLOTS_QUERY_TEXT_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "slots/sources.h"

/* What is asked; each reads one table. */
typedef enum SlotsQuery
{
	QUERY_RULES,
	QUERY_PROFILE,
	QUERY_OFFER,
	QUERY_STYLISTS,
	QUERY_OFFERS,
	QUERY_SERVICE,
	QUERY_BUFFERS,
	QUERY_LONGEST_BUFFER,
	QUERY_SCHEDULE,
	QUERY_OVERRIDES,
	QUERY_BOOKINGS,
	QUERY_COUNTS,
	QUERY_HOLDS,
	QUERY_RESOURCES,
	QUERY_NEEDS,
	QUERY_TAKINGS,
	QUERY_HELD_TAKINGS,
	QUERY_BOOKINGS_OF_SERVICE,
	QUERY_HOLDS_OF_SERVICE,
	QUERY_CLASSES,
	NQUERIES
} SlotsQuery;

/* Statuses that a query's text depends on. */
typedef struct QueryStatuses
{
	List *names;	  /* of char * */
	const char *text; /* all of them, to tell lists apart */
	bool wanted;	  /* only these count; else all others do, and rows without one */
} QueryStatuses;

/* Appends a query's text, under the mapping that is loaded; those of bookings and holds need statuses. */
extern void query_text(SlotsQuery query, const QueryStatuses *statuses, StringInfo text);

#endif /* AC_SLOTS_QUERY_TEXT_H */
