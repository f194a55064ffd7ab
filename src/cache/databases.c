/*
 * databases.c
 *		Small numbers for the databases that use the cache.
 *
 * A database has one number, in whatever backend, for as long as it lives.
 * With more databases than numbers those that come last share one; from then
 * on no number is given again until the server starts, since a database
 * that shares must not get another in some backends only.
 *
 * What goes by a number (counters, what the store holds) carries the OID of
 * the database it was last used for, and begins anew for another.
 *
 * Locking: AC_LOCK_DATABASES, exclusively, to take a number.  Reading and
 * freeing one are atomic.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/databases.h"

#define SHARED (MAX_DATABASES - 1)

typedef struct DatabasesState
{
	pg_atomic_uint32 dboids[SHARED]; /* InvalidOid: free */
	pg_atomic_uint32 shared_in_use;
} DatabasesState;

static DatabasesState *databases = NULL;

/* Of this backend; it cannot change databases. */
static DatabaseNo my_number;
static bool my_number_known = false;

Size
databases_shmem_size(void)
{
	return sizeof(DatabasesState);
}

void
databases_shmem_init(void)
{
	bool found;

	my_number_known = false;
	databases = ShmemInitStruct("availability_cache databases", databases_shmem_size(), &found);
	if (found)
		return;
	for (int i = 0; i < SHARED; i++)
		pg_atomic_init_u32(&databases->dboids[i], InvalidOid);
	pg_atomic_init_u32(&databases->shared_in_use, 0);
}

/* How many databases get a number of their own. */
static int
count_numbers(void)
{
#ifdef AC_TEST_HOOKS
	if (ac_test_databases > 0)
		return Min(SHARED, ac_test_databases);
#endif
	return SHARED;
}

/* The number that has this OID, or is free for InvalidOid; SHARED if there is none. */
static DatabaseNo
find(Oid dboid)
{
	int n = count_numbers();

	for (int i = 0; i < n; i++)
	{
		if (pg_atomic_read_u32(&databases->dboids[i]) == dboid)
			return i;
	}
	return SHARED;
}

/* Caller holds AC_LOCK_DATABASES. */
static DatabaseNo
find_or_take(Oid dboid)
{
	DatabaseNo number = find(dboid);

	if (number != SHARED || pg_atomic_read_u32(&databases->shared_in_use) != 0)
		return number;
	number = find(InvalidOid);
	if (number != SHARED)
		pg_atomic_write_u32(&databases->dboids[number], dboid);
	else
		pg_atomic_write_u32(&databases->shared_in_use, 1);
	return number;
}

DatabaseNo
database_number(Oid dboid)
{
	DatabaseNo number;

	if (!OidIsValid(dboid))
		return SHARED;
	LWLockAcquire(ac_lock(AC_LOCK_DATABASES), LW_EXCLUSIVE);
	number = find_or_take(dboid);
	LWLockRelease(ac_lock(AC_LOCK_DATABASES));
	return number;
}

DatabaseNo
database_my_number(void)
{
	if (unlikely(!my_number_known))
	{
		my_number = database_number(MyDatabaseId);
		my_number_known = true;
	}
	return my_number;
}

bool
database_find(Oid dboid, DatabaseNo *number)
{
	*number = find(dboid);
	return *number != SHARED || pg_atomic_read_u32(&databases->shared_in_use) != 0;
}

void
database_forget(Oid dboid)
{
	DatabaseNo number = find(dboid);

	if (number != SHARED)
		pg_atomic_write_u32(&databases->dboids[number], InvalidOid);
}

bool
database_by_number(DatabaseNo number, Oid *dboid)
{
	if (number == SHARED)
	{
		*dboid = InvalidOid;
		return pg_atomic_read_u32(&databases->shared_in_use) != 0;
	}
	*dboid = pg_atomic_read_u32(&databases->dboids[number]);
	return OidIsValid(*dboid);
}
