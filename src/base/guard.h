/*
 * guard.h
 *		Runs something so that an error undoes it, and nothing else.
 */
#ifndef AC_BASE_GUARD_H
#define AC_BASE_GUARD_H

/*
 * Calls fn(arg) in a subtransaction.  Returns NULL, or the error that fn
 * raised, in the current memory context, with all that fn did undone.  Errors
 * that the client must see are raised: it wants to stop, memory is short, or
 * it has to run its transaction again.
 */
extern ErrorData *guarded(void (*fn)(void *arg), void *arg);

#endif /* AC_BASE_GUARD_H */
