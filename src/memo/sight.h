/*
 * sight.h
 *		How rows were read of a relation, for people to see.
 */
#ifndef AC_MEMO_SIGHT_H
#define AC_MEMO_SIGHT_H

#include "access/attnum.h"

/* Why a scan can read any row of its table; the later, the closer it came. */
typedef enum WholeReason
{
	WHOLE_NOT,		 /* it cannot: only those with some values in a column */
	WHOLE_CONDITION, /* it has no condition that a column equals something */
	WHOLE_KEY,		 /* the column of one is no key column */
	WHOLE_EQUALITY,	 /* it compares in another way than the column's type and collation tell values apart */
	WHOLE_VALUE,	 /* what it equals is not known for the whole query */
	WHOLE_MANY,		 /* these are too many values */
	NWHOLE_REASONS
} WholeReason;

typedef struct Sight
{
	Oid relid;
	AttrNumber column; /* 0: none */
	WholeReason whole;
} Sight;

/* More are not told. */
#define MAX_SIGHTS 8

#endif /* AC_MEMO_SIGHT_H */
