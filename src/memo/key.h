/*
 * key.h
 *		The cache key of a call of a function.
 */
#ifndef AC_MEMO_KEY_H
#define AC_MEMO_KEY_H

#include "cache/store.h"
#include "memo/function.h"

/* Of answers of functions, among the formats of keys. */
#define FORMAT_FUNCTION 2

/* What stands first in a key.  No padding. */
typedef struct FunctionKey
{
	Oid dboid;
	Oid function;
} FunctionKey;

typedef struct CallKey
{
	char *bytes;
	uint32 size;
	uint32 room;
	uint32 arguments; /* where they begin */
	char first[768];
} CallKey;

/*
 * Makes the key of a call: with the arguments, who asks, and the settings
 * that may show in an answer.  Larger keys are in the current context.
 */
extern void call_key_make(CallKey *key, const MemoFunction *function, FunctionCallInfo fcinfo);

/* Whether an argument holds a word that means a time by the clock: 'today' and the like. */
extern bool call_key_has_clock_words(const CallKey *key);

#endif /* AC_MEMO_KEY_H */
