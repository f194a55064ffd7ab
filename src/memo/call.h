/*
 * call.h
 *		A call of a memoized function: answered from memory, or by the language that it is written in.
 */
#ifndef AC_MEMO_CALL_H
#define AC_MEMO_CALL_H

#include "fmgr.h"

/* What the language's handler returns; inner is the handler of the language that the body is written in. */
extern Datum memo_call(FunctionCallInfo fcinfo, PGFunction inner);

#endif /* AC_MEMO_CALL_H */
