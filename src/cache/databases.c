/*
 * databases.c
 *		Small numbers for the databases that use the cache.
 *
 * Locking: none.  A number is taken by compare-and-exchange, in order, and
 * never given back; so every database has one, whoever looks at once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"

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

static DatabaseNo
take_number(Oid dboid)
{
	for (int i = 0; i < SHARED && OidIsValid(dboid); i++)
	{
		uint32 holder = InvalidOid;

		if (pg_atomic_compare_exchange_u32(&databases->dboids[i], &holder, dboid) || holder == dboid)
			return i;
	}
	pg_atomic_write_u32(&databases->shared_in_use, 1);
	return SHARED;
}

DatabaseNo
database_my_number(void)
{
	if (unlikely(!my_number_known))
	{
		my_number = take_number(MyDatabaseId);
		my_number_known = true;
	}
	return my_number;
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
