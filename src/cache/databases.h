/*
 * databases.h
 *		Small numbers for the databases that use the cache.
 */
#ifndef AC_CACHE_DATABASES_H
#define AC_CACHE_DATABASES_H

/* The last one is shared by all that found no other. */
typedef uint16 DatabaseNo;
#define MAX_DATABASES 256

static inline bool
database_is_shared(DatabaseNo number)
{
	return number == MAX_DATABASES - 1;
}

extern Size databases_shmem_size(void);
extern void databases_shmem_init(void);

/* The number of this backend's database, and of any; it gets one at first use. */
extern DatabaseNo database_my_number(void);
extern DatabaseNo database_number(Oid dboid);

/*
 * The same without giving it one: false if it has none.  Once numbers have run out all
 * others share the last.
 */
extern bool database_find(Oid dboid, DatabaseNo *number);

/* The database is gone: its number is free for another. */
extern void database_forget(Oid dboid);

/* Whether a number is in use, and whose it is; InvalidOid: the shared one. */
extern bool database_by_number(DatabaseNo number, Oid *dboid);

#endif /* AC_CACHE_DATABASES_H */
