/*
 * value.h
 *		An answer as it lies in memory: what it depends on, and the value or rows.
 */
#ifndef AC_MEMO_VALUE_H
#define AC_MEMO_VALUE_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "memo/function.h"
#include "memo/seen.h"

/* What a call of a function gives. */
typedef struct CallResult
{
	Datum value;
	bool isnull;
	/* Of a set; NULL: no rows. */
	Tuplestorestate *rows;
	TupleDesc desc;
} CallResult;

/*
 * Packs a result, in the current context, not larger than limit bytes; or
 * says why it cannot be.  Rows are left to be read from the first on.
 */
extern ReasonKind answer_of_call_pack(const MemoFunction *function, const CallResult *result,
									  const Seen *seen, Size limit, char **packed, uint32 *size);

/* Whether two packed results are the same value or, in whatever order, the same rows. */
extern bool answer_of_call_same(const MemoFunction *function, const char *a, const char *b);

/* Whether this session may take it: none of its temporary tables has the name of one that was read. */
extern bool answer_of_call_is_ours(const char *packed);

/* Tells the computation around, if there is one, what the answer depends on. */
extern void answer_of_call_hand_on(const char *packed);

/* Whether all that it was made of is there after a crash. */
extern bool answer_of_call_is_logged(const char *packed);

/* Whether it has the size that it says, and can be read. */
extern bool answer_of_call_is_whole(const char *packed, uint32 size);

/*
 * The value in the current context; rows and their descriptor in the one given, the
 * rows not larger than work_mem in memory.
 */
extern void answer_of_call_unpack(const MemoFunction *function, const char *packed, MemoryContext context,
								  bool random_access, CallResult *result);

#endif /* AC_MEMO_VALUE_H */
