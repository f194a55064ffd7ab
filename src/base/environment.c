/*
 * environment.c
 *		What outlives the server rests on libraries that may be others then.
 *
 * A newer ICU or libc may find other texts equal, and hash them otherwise;
 * the server only warns of it, where a collation is used.  So may another
 * major version of the server, which has time zones of its own too, and
 * another version of this library.
 *
 * Locking: none; a process finds out once.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "base/compat.h"
#include "base/environment.h"
#include "base/test_hooks.h"

static const char *
libc_version(void)
{
#ifdef __GLIBC__
	return gnu_get_libc_version();
#else
	return "";
#endif
}

/* Of the collations that a server with ICU has; all of them change with it. */
static const char *
icu_version(void)
{
#ifdef USE_ICU
	const char *version = get_collation_actual_version(COLLPROVIDER_ICU, "und");

	return version == NULL ? "" : version;
#else
	return "";
#endif
}

uint64
environment(void)
{
	static uint64 found = 0;
	char *versions;

	if (found != 0)
		return found;
	versions = psprintf("%s %d %s %s", AC_VERSION, PG_VERSION_NUM / 10000, libc_version(), icu_version());
#ifdef AC_TEST_HOOKS
	versions = psprintf("%s %s", versions, ac_test_environment);
#endif
	found = hash_bytes_extended((const unsigned char *) versions, strlen(versions), 0);
	pfree(versions);
	return found;
}
