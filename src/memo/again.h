/*
 * again.h
 *		A call that somebody made, made again from its key when nobody asks.
 */
#ifndef AC_MEMO_AGAIN_H
#define AC_MEMO_AGAIN_H

#include "memo/key.h"

/* Takes the key apart, in the current context.  NULL, or why the call is not made again, for people. */
extern const char *again_open(const StoreKey *key, OpenedKey *opened);

/*
 * Does call(opened, arg) as whom, and under the settings under which, the key
 * was made, and only if it makes that key: see memo_expect.  False if it called
 * nothing that does.  Nothing can be written meanwhile.  Caller has the session user of
 * the key, and undoes it where something is raised.
 */
extern bool again_run(const StoreKey *key, const OpenedKey *opened,
					  void (*call)(const OpenedKey *opened, void *arg), void *arg);

/* Such a call of the function itself: the answer is kept, and given to nobody. */
extern void again_call(const OpenedKey *opened, void *arg);

/*
 * "SELECT FROM schema.function(…)" with parameters for the arguments, cast to their
 * types, in the current context.
 */
extern char *call_text(Oid function);

#endif /* AC_MEMO_AGAIN_H */
