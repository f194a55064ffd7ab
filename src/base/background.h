/*
 * background.h
 *		What background workers of ours have in common.
 */
#ifndef AC_BASE_BACKGROUND_H
#define AC_BASE_BACKGROUND_H

#include "postmaster/bgworker.h"

/* For PGDLLEXPORT, without which the server does not find what a worker runs. */
#include "base/compat.h"

/*
 * A worker that runs the library's function and goes by the type's name, of a
 * database (InvalidOid: of none); it can connect to one, starts when recovery
 * is over, and is not restarted.
 */
extern void background_describe(BackgroundWorker *worker, const char *function, const char *type, Oid dboid);

/* Of the worker itself, whatever its database's settings are. */
extern void background_set(const char *const settings[][2], int n);

/* Reads the configuration again if that was asked for. */
extern void background_reload(void);

/*
 * Sleeps until the latch or the time says so, and does what was asked for meanwhile; a
 * process has one event.
 */
extern void background_nap(long milliseconds, const char *event);

#endif /* AC_BASE_BACKGROUND_H */
