/*
 * facts.h
 *		What may come of calling a function, beside what it reads through the executor.
 */
#ifndef AC_MEMO_FACTS_H
#define AC_MEMO_FACTS_H

#include "nodes/pg_list.h"

#include "memo/reason.h"

/* Of a function with all that it may call. */
typedef struct Facts
{
	Reason reason;	 /* why no answer of who calls it is kept; the first that was found */
	Reason unseen;	 /* likewise, unless its author says that such functions go by their arguments alone */
	bool says_until; /* it calls availability_cache.valid_until() */
	bool reads_date; /* current_date, and nothing else of the clock */
	bool reads_clock;
	bool has_times;		/* literals that were read by the settings under which a query was parsed */
	bool fetches;		/* perhaps from a cursor that was open before */
	bool reads_session; /* a setting, and which one it does not say */
	List *settings;		/* Strings: names of those that it reads */
	List *functions;	/* in SQL and plpgsql, that were looked into */
	List *row_types;	/* OIDs of the relations of composite types that it uses */
} Facts;

/* Forgets what has changed; before a computation, not within. */
extern void facts_refresh(void);

/* Adds those of one more function, or of the body of a memoized one. */
extern void facts_add_function(Facts *facts, Oid function);
extern void facts_add_body(Facts *facts, Oid function);

/* That of a value that is computed. */
extern void facts_add_type(Facts *facts, Oid type);
/* That the setting of this name is read. */
extern void facts_add_setting(Facts *facts, const char *name);

/* Something in a function that was looked into. */
typedef enum FindingKind
{
	FOUND_MEMOIZED, /* a call of such a function */
	FOUND_UNTIL,
	FOUND_DATE,
	FOUND_CLOCK,
	FOUND_SESSION,
	FOUND_SETTING,
	FOUND_REASON
} FindingKind;

typedef struct Finding
{
	Oid function;
	Oid called; /* InvalidOid: a word of the language */
	FindingKind kind;
	Reason reason;		 /* of FOUND_REASON */
	const char *setting; /* of FOUND_SETTING */
} Finding;

/* What says how long answers hold, what they depend on, or that they cannot be kept. */
extern void facts_tell(const Facts *facts, void (*tell)(const Finding *finding, void *arg), void *arg);

/*
 * OIDs of the relations that the sources looked into seem to read: by name after FROM
 * or JOIN, in this search_path.
 */
extern List *facts_relations(const Facts *facts);

/*
 * As Strings: names that some type has in the sources looked into; and the
 * search_paths that these functions set.
 */
extern List *facts_types(const Facts *facts);
extern List *facts_paths(const Facts *facts);

#endif /* AC_MEMO_FACTS_H */
