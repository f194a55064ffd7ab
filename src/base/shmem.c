/*
 * shmem.c
 *		Whether our shared memory is there, and its locks.
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "base/shmem.h"

#define TRANCHE "availability_cache"

bool ac_shared_memory_ready = false;

static LWLockPadded *locks = NULL;

void
shmem_request_locks(void)
{
	RequestNamedLWLockTranche(TRANCHE, AC_NLOCKS);
}

void
shmem_find_locks(void)
{
	locks = GetNamedLWLockTranche(TRANCHE);
}

LWLock *
ac_lock(AcLock which)
{
	return &locks[which].lock;
}

void
shmem_require(void)
{
	if (!ac_shared_memory_ready)
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("availability_cache must be loaded via \"shared_preload_libraries\""),
			errhint(
				"Add availability_cache to shared_preload_libraries in postgresql.conf and restart the server."));
}
