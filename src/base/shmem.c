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
