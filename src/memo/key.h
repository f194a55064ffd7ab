/*
 * key.h
 *		The cache key of a call of a function.
 */
#ifndef AC_MEMO_KEY_H
#define AC_MEMO_KEY_H

#include "cache/store.h"
#include "memo/function.h"

/*
 * Of answers of functions, among the formats of keys; and of their forms that have
 * rows of another kind (call.h).
 */
#define FORMAT_FUNCTION 2
#define FORMAT_FORM 4

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

/* The arguments of a key, as a hash: the same for each role and setting. */
extern uint64 call_key_hash_arguments(const CallKey *key);
extern uint64 hash_arguments(const MemoFunction *function, const NullableDatum *arguments);

/* Whether all of these settings (Strings) are in the key of a function's calls. */
extern bool call_key_has_settings(const MemoFunction *function, const List *settings);

/* Names of what every key has beside the arguments and what vary_by names. */
extern const char *const call_key_names[];
extern const int call_key_nnames;

/* Whether it is of a call of a function. */
static inline bool
is_call_key(const StoreKey *key)
{
	return key->format == FORMAT_FUNCTION || key->format == FORMAT_FORM;
}

/* The function's version stands after the FunctionKey, up to here. */
#define CALL_KEY_VERSION_END 18

/* A key taken apart. */
typedef struct OpenedKey
{
	Oid function;
	Oid form;
	Oid user;
	Oid session_user;
	List *settings; /* of char *: names and values in turn */
	int nargs;
	NullableDatum args[FUNC_MAX_ARGS];
} OpenedKey;

/*
 * Takes a key of a call in this database apart, in the current
 * context.  False if it is none of a call as this function is now, or vary_by
 * names something, which a key has only parts of.
 */
extern bool call_key_open(const StoreKey *key, const MemoFunction *function, OpenedKey *opened);

/*
 * The function whose call a key of these formats is of; the form's type, and the
 * arguments one after the other (append_argument).
 */
extern FunctionKey call_key_function(const StoreKey *key);
extern Oid call_key_form(const StoreKey *key);
extern const char *call_key_arguments(const StoreKey *key);

/* Whether an argument holds a word that means a time by the clock: 'today' and the like. */
extern bool call_key_has_clock_words(const CallKey *key);

#endif /* AC_MEMO_KEY_H */
