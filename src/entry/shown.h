/*
 * shown.h
 *		What the functions behind the views for DBAs share.
 */
#ifndef AC_ENTRY_SHOWN_H
#define AC_ENTRY_SHOWN_H

#include "nodes/execnodes.h"

/* Whether the caller may see a database's figures and keys: this one's, whoever was granted the function. */
extern bool may_see_database(Oid dboid);

/*
 * Adds a row; raises 55000 where the SQL declaration, which may be that of another
 * version, has not n columns.
 */
extern void put_shown_row(ReturnSetInfo *rsinfo, Datum *values, bool *nulls, int n);

/* A bigint[]. */
extern Datum bigint_array(const uint64 *numbers, int n);

#endif /* AC_ENTRY_SHOWN_H */
