/*
 * call.h
 *		A call of a memoized function: answered from memory, or by the language that it is written in.
 */
#ifndef AC_MEMO_CALL_H
#define AC_MEMO_CALL_H

#include "fmgr.h"

#include "table/rows.h"

/* What the language's handler returns; inner is the handler of the language that the body is written in. */
extern Datum memo_call(FunctionCallInfo fcinfo, PGFunction inner);

/*
 * The next call is only made if its key is this one, but for the function's
 * version; else it raises an error.  And afterwards, whether it was; whoever
 * expects asks, also where there was an error.
 */
extern void memo_expect(const StoreKey *key);
extern bool memo_was_expected(void);

/* A function's answers in another form: a value that is made of them. */
typedef struct MemoForm
{
	Oid function; /* its options and source say how the value may be kept; its arguments are the call's */
	Oid user;	  /* as whom it is called */
	Oid type;	  /* of the value, variable in length; tells forms apart */
	const RowKind *kind; /* of its rows, unless vary_by names something: then they are among the functions' */
	/*
	 * Calls the function and makes the value, in the current context; *until: as far as it
	 * holds, DT_NOBEGIN if not known.
	 */
	Datum (*make)(void *arg, FunctionCallInfo fcinfo, int64 *until);
	void *arg;
} MemoForm;

typedef struct MemoOutcome
{
	Datum value; /* in the current context */
	bool hit;
	bool varies;	   /* with something that its author named */
	int64 valid_until; /* where it is in memory; else 0 */
	ErrorData *error;  /* that was raised, with all that was done undone; NULL: none */
} MemoOutcome;

/* From memory, or made.  Raises only what guarded() does. */
extern MemoOutcome memo_call_in_form(FunctionCallInfo fcinfo, const MemoForm *form);

#endif /* AC_MEMO_CALL_H */
