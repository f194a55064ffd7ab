/*
 * types.h
 *		What the catalogs say of types, where an answer may go by it.
 */
#ifndef AC_MEMO_TYPES_H
#define AC_MEMO_TYPES_H

#include "nodes/pg_list.h"

/*
 * Adds the relations that say what rows of a type are: of a composite type,
 * or one that is made of such.  Returns an output function that goes by
 * names in the catalogs (regclass and the like), if a value of the type can
 * hold such; else InvalidOid.
 */
extern Oid types_add(List **relids, Oid type);

#endif /* AC_MEMO_TYPES_H */
