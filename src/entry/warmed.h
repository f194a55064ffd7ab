/*
 * warmed.h
 *		A key of memory, computed anew for nobody.
 */
#ifndef AC_ENTRY_WARMED_H
#define AC_ENTRY_WARMED_H

#include "cache/progress.h"
#include "cache/store.h"
#include "slots/compute.h"
#include "slots/day.h"

/* What became of it, in the context of the call. */
typedef struct Warmed
{
	WarmOutcome outcome;
	char *error; /* or why not; NULL: nothing is to be said */
} Warmed;

/* What they are called. */
extern const char *const warm_outcomes[];

/* A day as v2 (or json) answers it; name is the function's that asks, for the log. */
extern void warm_day(DayRequest *day, const char *name, ComputeForm form, Warmed *warmed);

/* What is to be said of a call of a function that was made, by what is known of it now. */
extern void warm_tell_call(Oid function, uint64 not_kept_before, Warmed *warmed);
/* For it, before. */
extern uint64 warm_count_not_kept(Oid function);

/*
 * Of a key: a day by the built-in rules (WARM_SKIPPED where that is over), or a
 * call of a function, as its owner (memo/again.h).  Session_user gives this
 * session the key's session user and back, and says whether it could; NULL:
 * only this one's calls are made.  Raises what a call raises; the caller undoes
 * it then.
 */
extern void warm_key(const StoreKey *key, const char *name, bool (*session_user)(Oid user), Warmed *warmed);

/* A key as people read it, in the current context. */
extern char *warm_key_text(const StoreKey *key);

#endif /* AC_ENTRY_WARMED_H */
