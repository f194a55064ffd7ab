/*
 * outdated_text.h
 *		What a transaction outdates in clients' caches, as text.
 *
 * In ASCII, and without line breaks: others' names and values are escaped.
 */
#ifndef AC_ENTRY_OUTDATED_TEXT_H
#define AC_ENTRY_OUTDATED_TEXT_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "entry/outdated.h"

/* The namespace of the slots. */
#define SLOTS_NAMESPACE "availability"

typedef struct OutdatedText
{
	bool everything; /* and nothing else is said */
	List *
		namespaces; /* names: of the slots, of functions; one that has none, or a table that none is known to read, is one by itself */
	/*
	 * Of what in them, a JSON array of objects of these shapes:
	 *   {"namespace": text}                                  all in it
	 *   {"stylist": uuid, "from": date, "to": date}          slots; without dates: of every day
	 *   {"service": uuid}                                    slots
	 *   {"function": text}                                   its answers
	 *   {"table": text, "functions": {text: text or null}, "columns": {text: [text, …]}}
	 * functions: which read the table, and the column by whose value if by one
	 * alone; columns: the values that changed rows have in it, old and new, where they are told.
	 */
	char *keys;
} OutdatedText;

/*
 * With shows_values those are told that the current user may read: of columns
 * that they may select, of tables without row-level security at work.
 */
extern void outdated_describe(const Outdated *outdated, bool shows_values, OutdatedText *out);

/* As v2 writes moments, in UTC. */
extern char *timestamp_text(TimestampTz moment);
/* A string, quoted. */
extern void append_ascii_json(StringInfo out, const char *text);

#endif /* AC_ENTRY_OUTDATED_TEXT_H */
