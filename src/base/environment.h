/*
 * environment.h
 *		What outlives the server rests on libraries that may be others then.
 */
#ifndef AC_BASE_ENVIRONMENT_H
#define AC_BASE_ENVIRONMENT_H

/* The major version, and the versions of what compares and hashes text, as a number.  May raise. */
extern uint64 environment(void);

#endif /* AC_BASE_ENVIRONMENT_H */
