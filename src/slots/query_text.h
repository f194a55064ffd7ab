/*
 * query_text.h
 *		What is asked of each attached table, as SQL.
 */
#ifndef AC_SLOTS_QUERY_TEXT_H
#define AC_SLOTS_QUERY_TEXT_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "slots/sources.h"

/* Statuses that a query's text depends on. */
typedef struct QueryStatuses
{
	List *names;	  /* of char * */
	const char *text; /* all of them, to tell lists apart */
} QueryStatuses;

/* Appends the query of a table, under the mapping that is loaded; bookings and reservations need statuses. */
extern void query_text(SourceRole role, const QueryStatuses *statuses, StringInfo text);

#endif /* AC_SLOTS_QUERY_TEXT_H */
