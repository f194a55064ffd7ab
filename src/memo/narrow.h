/*
 * narrow.h
 *		Which rows of its table a scan can read at most.
 */
#ifndef AC_MEMO_NARROW_H
#define AC_MEMO_NARROW_H

#include "executor/execdesc.h"

#include "cache/tag.h"
#include "memo/looked_up.h"
#include "memo/sight.h"
#include "memo/watched.h"

/* More values of one table than this are the whole table. */
#define MAX_VALUES 32

/* The rows that a scan can read. */
typedef struct Extent
{
	WholeReason whole;
	bool waits;		   /* for what the query computes: look again when it ends */
	bool looks_up;	   /* rows by values that come while the query runs: see looked_up */
	AttrNumber column; /* by which, or that of the reason; 0: none */
	int n;
	Tag tags[MAX_VALUES]; /* of the values */
	LookedUp looked_up;
} Extent;

/*
 * The extent of a scan of a query that the executor has started, or that
 * ends.  May call functions of the query.
 */
extern void narrow_scan(const QueryDesc *query, Plan *scan, Relation rel, const KeyColumns *keys, bool ends,
						Extent *extent);

#endif /* AC_MEMO_NARROW_H */
