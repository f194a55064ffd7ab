/*
 * source.h
 *		What a function in SQL or plpgsql names in its source.
 */
#ifndef AC_MEMO_SOURCE_H
#define AC_MEMO_SOURCE_H

#include "nodes/pg_list.h"

typedef struct Source
{
	MemoryContext context; /* of what is here */
	List *calls;		   /* OIDs of functions that it may mean */
	List *relations;	   /* RangeVars */
	List *types;		   /* Strings: names that some type has */
	List *settings;		   /* Strings: that current_setting() is asked for */
	bool reads_date;
	bool reads_clock;
	bool has_times; /* literals that are read as such, by settings, when a query is parsed */
	bool executes;	/* text, as a query */
	bool names_cursor;
	bool names_temporary; /* something in the schema that each session has to itself */
	bool fetches;		  /* perhaps from a cursor that it did not open */
	bool unreadable;	  /* more may be there */
} Source;

/* Adds what a text has, to one that has its context. */
extern void source_read(Source *source, const char *text);

/* Adds what is called otherwise, and what may turn a value of a type into text. */
extern void source_add_call(Source *source, Oid function);
extern void source_add_type(Source *source, Oid type);

#endif /* AC_MEMO_SOURCE_H */
