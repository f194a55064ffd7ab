/*
 * own_rules.h
 *		Answers of v2 and json by the function that rules.compute_function names.
 */
#ifndef AC_ENTRY_OWN_RULES_H
#define AC_ENTRY_OWN_RULES_H

#include "slots/compute.h"

typedef struct OwnAnswer
{
	Datum value;
	const char *message; /* of an error, for the client */
	const char *code;	 /* NULL: there was none */
	bool hit;
	bool varies;
	int64 valid_until; /* where it is in memory; else 0 */
} OwnAnswer;

typedef enum OwnRules
{
	OWN_RULES_UNREAD,
	OWN_RULES_NONE,
	OWN_RULES_NAMED /* or they could not be read: then the answer says so */
} OwnRules;

/* Whether rules names a function, if this backend knows; or read. */
extern OwnRules own_rules_known(void);
extern OwnRules own_rules_read(void);

/* rules.default_timezone, where a function is named; good until it is asked for again. */
extern const char *own_rules_default_zone(void);

/*
 * Its answer to a call of v2 or json (name is for the log), from memory where
 * that is exact; false if none is named by now.  Raises only what guarded()
 * does.
 */
extern bool own_rules_answer(FunctionCallInfo fcinfo, const char *name, ComputeForm form, OwnAnswer *answer);

#endif /* AC_ENTRY_OWN_RULES_H */
