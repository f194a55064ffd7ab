/*
 * compute.h
 *		The function of one's own that rules.compute_function names, and its rows as an answer.
 */
#ifndef AC_SLOTS_COMPUTE_H
#define AC_SLOTS_COMPUTE_H

#include "datatype/timestamp.h"
#include "fmgr.h"

typedef struct ComputeFunction
{
	bool is_named;		 /* else the built-in rules compute */
	const char *problem; /* why it cannot be called; NULL: it can */
	const char *hint;
	Oid function;
	Oid owner;		 /* as whom it runs, whoever asks */
	bool has_starts; /* its rows have slot_start_utc timestamptz */
	char *name;		 /* in full, as SQL has it */
	Interval notice; /* rules.min_notice, max_advance */
	Interval advance;
	char *default_timezone;
} ComputeFunction;

/*
 * What rules names now (REPEATABLE READ: as of the snapshot), if this backend
 * knows, and NULL if it has to be read; good until the next call of either.
 * Reading raises what reading a table can raise.
 */
extern const ComputeFunction *compute_function_known(void);
extern const ComputeFunction *compute_function_read(void);

/* In what form an answer is kept, as text is for json: all of it but what says whether it was cached. */
typedef enum ComputeForm
{
	COMPUTE_JSONB, /* as from memory: cached and cache_hit are true */
	COMPUTE_JSON,  /* text: what follows after "cache_hit": … */
	NCOMPUTE_FORMS
} ComputeForm;

/*
 * Calls it under the active snapshot, as its owner, with the arguments of a
 * call of v2.  The answer is in the current memory context.  *until is the
 * first moment at which a slot starts, or rules.min_notice before, a hold
 * ends or, in some zone, a day does; DT_NOBEGIN where the rows or the attached
 * tables do not tell, or the day is about rules.max_advance away.  Raises what
 * the function raises.
 */
extern Datum compute_function_call(const ComputeFunction *compute, ComputeForm form, FunctionCallInfo fcinfo,
								   int64 *until);

/* The same answer, which is then the caller's own, as one that was not cached. */
extern void compute_mark_computed(Datum jsonb);
extern Datum compute_json(Datum text, bool from_cache);

#endif /* AC_SLOTS_COMPUTE_H */
