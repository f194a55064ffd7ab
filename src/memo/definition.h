/*
 * definition.h
 *		What views and policies call that leaves nothing in plans.
 */
#ifndef AC_MEMO_DEFINITION_H
#define AC_MEMO_DEFINITION_H

#include "utils/rel.h"

#include "memo/facts.h"

/* Adds the functions that are said to be IMMUTABLE, of an open view, or of the policies on a table. */
extern void definition_look(Relation rel, Facts *facts);

#endif /* AC_MEMO_DEFINITION_H */
