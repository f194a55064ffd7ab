/*
 * changed_tables.h
 *		Which tables' changes outdate answers, and when.
 */
#ifndef AC_CACHE_CHANGED_TABLES_H
#define AC_CACHE_CHANGED_TABLES_H

/* The hours that are remembered, this one included. */
#define CHANGED_HOURS 24

typedef struct ChangedTable
{
	Oid dboid;
	Oid relid;
	uint64 changes;				 /* transactions, since the server started */
	uint64 hours[CHANGED_HOURS]; /* of those, so many hours ago */
} ChangedTable;

extern Size changed_tables_shmem_size(void);
extern void changed_tables_shmem_init(void);

/* This transaction changes what answers depend on, in this table.  Allocates nothing. */
extern void changed_table_note(Oid relid);
/* It is about to commit, or is over.  Raise nothing. */
extern void changed_tables_publish(void);
extern void changed_tables_forget(void);

/* The first that it changed; InvalidOid: none. */
extern Oid changed_table_first(void);

/* Places, from 0; false: it is nobody's, or there are not as many. */
extern bool changed_table_read(int place, ChangedTable *out);
extern int changed_tables_count_places(void);

#endif /* AC_CACHE_CHANGED_TABLES_H */
