/*
 * kept_calls.h
 *		Answers of functions as rows of availability_cache_internal.function_answers.
 */
#ifndef AC_MEMO_KEPT_CALLS_H
#define AC_MEMO_KEPT_CALLS_H

#include "table/rows.h"

/* Columns, by number. */
enum
{
	CALL_HASH = 1,
	CALL_FUNCTION,
	CALL_KEY,
	CALL_COMPUTED_AT,
	CALL_EXPIRES_AT,
	CALL_SNAPSHOT,
	CALL_ANSWER,
	CALL_NCOLUMNS = CALL_ANSWER
};

/* At loading. */
extern void kept_calls_init(void);

extern const RowKind kept_calls;

/* Their definitions, for other kinds of rows of functions' answers: see RowKind. */
extern bool kept_calls_definitions_hold(uint64 number);

/* What a LowerTier does, for a call of this kind and key as of such a moment; never fail. */
extern bool kept_calls_fetch(const RowKind *kind, const StoreKey *key, AsOf as_of, Computed *result);
extern void kept_calls_offer(uint32 place);

#endif /* AC_MEMO_KEPT_CALLS_H */
