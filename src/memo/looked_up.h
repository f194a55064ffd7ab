/*
 * looked_up.h
 *		The values by which a scan looks rows up while its query runs.
 */
#ifndef AC_MEMO_LOOKED_UP_H
#define AC_MEMO_LOOKED_UP_H

#include "executor/execdesc.h"
#include "nodes/plannodes.h"

/* A scan that reads only rows whose column equals a parameter of the executor's. */
typedef struct LookedUp
{
	Oid relid;
	AttrNumber column;
	Oid type; /* of the column */
	Oid collation;
	int paramid;
} LookedUp;

/*
 * A parameter is one that a nested loop or a correlated sub-select sets, before each
 * scan by it, and nothing else.
 */
extern bool looked_up_by(const QueryDesc *query, int paramid);

/* Is told of each value, by its hash, before rows are read by it; false: no more. */
typedef bool (*LookedUpNote)(uint64 computation, const LookedUp *what, uint64 hash);

/* From now on, of a query that the executor has started; false: its scan cannot be watched. */
extern bool
looked_up_watch(QueryDesc *query, Plan *scan, const LookedUp *what, uint64 computation, LookedUpNote note);

#endif /* AC_MEMO_LOOKED_UP_H */
