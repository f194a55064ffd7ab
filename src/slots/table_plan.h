/*
 * table_plan.h
 *		How a table is read without a query: where its columns are, and by which index.
 */
#ifndef AC_SLOTS_TABLE_PLAN_H
#define AC_SLOTS_TABLE_PLAN_H

#include "slots/range_index.h"
#include "slots/source_scan.h"

typedef struct TablePlan
{
	bool readable; /* false: a column must be left to a query */
	AttrNumber attnums[MAX_ROLE_COLUMNS];
	Oid index;			 /* InvalidOid: none will do */
	bool is_range;		 /* a GiST index; else a btree, by its first column */
	bool timed;			 /* and by the scan's time, its second column */
	RangeColumns ranges; /* of a GiST index */
} TablePlan;

extern void table_plan_init(void);

/* For a table that is open and locked, and the mapping that is loaded. */
extern TablePlan table_plan(Relation rel, const SourceScan *scan);

#endif /* AC_SLOTS_TABLE_PLAN_H */
