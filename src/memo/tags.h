/*
 * tags.h
 *		What an answer of a function depends on, and changes of watched tables touch.
 */
#ifndef AC_MEMO_TAGS_H
#define AC_MEMO_TAGS_H

#include "access/attnum.h"

#include "cache/tag.h"

/* Of all rows of a table of this database. */
extern Tag tag_of_table(Oid relid);
/* Of its rows that have a value in a column, by the hash that values.h gives it. */
extern Tag tag_of_value(Oid relid, AttrNumber column, uint64 hash);
/* Of all answers of a function, to let them go. */
extern Tag tag_of_answers(Oid function);
/* Of those with the arguments of this hash (key.h). */
extern Tag tag_of_answers_with(Oid function, uint64 arguments);

#endif /* AC_MEMO_TAGS_H */
