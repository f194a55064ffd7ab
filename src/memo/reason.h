/*
 * reason.h
 *		Why an answer is not kept.
 */
#ifndef AC_MEMO_REASON_H
#define AC_MEMO_REASON_H

typedef enum ReasonKind
{
	REASON_NONE,
	/* of a relation */
	REASON_UNWATCHED,
	REASON_CATALOG,
	REASON_TEMPORARY,
	REASON_RELKIND,
	/* of a function */
	REASON_FUNCTION,
	REASON_IMMUTABLE,
	REASON_SOURCE,
	REASON_NESTED,
	REASON_UNSEEN,
	REASON_UNTIL,
	/* of the computation */
	REASON_CLOCK,
	REASON_SESSION,
	REASON_WRITES,
	REASON_ERROR,
	REASON_LOCKERS,
	REASON_UTILITY,
	REASON_DOMAIN,
	REASON_PORTAL,
	REASON_PLAN,
	REASON_PARALLEL,
	REASON_TOO_MUCH,
	REASON_ARGUMENT,
	REASON_RESULT,
	REASON_SIZE,
	REASON_SETTINGS,
	REASON_NAMES,
	REASON_OWN_SCHEMA,
	NREASONS
} ReasonKind;

typedef struct Reason
{
	ReasonKind kind;
	Oid object; /* of a relation or function: which */
} Reason;

/* In words, in the current context; NULL: none. */
extern char *reason_text(Reason reason);

#endif /* AC_MEMO_REASON_H */
