/*
 * warm_worker.h
 *		A worker that warms a database: after a restart, or what is outdated.
 */
#ifndef AC_ENTRY_WARM_WORKER_H
#define AC_ENTRY_WARM_WORKER_H

#include "cache/progress.h"

/* Its argument is the database; bgw_extra has the WarmCommand: WARM_RESTART or WARM_ANEW. */
extern PGDLLEXPORT void availability_cache_warm_worker_main(Datum arg);

#endif /* AC_ENTRY_WARM_WORKER_H */
