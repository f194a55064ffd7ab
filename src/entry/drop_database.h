/*
 * drop_database.h
 *		A database that is dropped leaves nothing behind.
 */
#ifndef AC_ENTRY_DROP_DATABASE_H
#define AC_ENTRY_DROP_DATABASE_H

/* Only where there is shared memory: without it there is nothing of a dropped database. */
extern void drop_database_init(void);

#endif /* AC_ENTRY_DROP_DATABASE_H */
