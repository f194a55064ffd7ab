/*
 * shmem.h
 *		Whether our shared memory is there, and its locks.
 */
#ifndef AC_BASE_SHMEM_H
#define AC_BASE_SHMEM_H

#include "storage/lwlock.h"

/* LWLocks of the named tranche "availability_cache", in lock order; no code holds two today. */
typedef enum AcLock
{
	AC_LOCK_STORE,	   /* every change of the memory store */
	AC_LOCK_CELLS,	   /* exact cells being taken */
	AC_LOCK_DATABASES, /* databases' numbers being taken */
	AC_LOCK_STATS,	   /* the databases' counters */
	AC_NLOCKS
} AcLock;

/* Whether this server was started with the library preloaded. */
extern bool ac_shared_memory_ready;

/* Raises 55000 if it was not. */
extern void shmem_require(void);

extern LWLock *ac_lock(AcLock which);

/* For a shmem_request_hook and a shmem_startup_hook. */
extern void shmem_request_locks(void);
extern void shmem_find_locks(void);

#endif /* AC_BASE_SHMEM_H */
