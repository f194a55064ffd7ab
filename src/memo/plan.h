/*
 * plan.h
 *		What a plan may do, beside reading relations.
 */
#ifndef AC_MEMO_PLAN_H
#define AC_MEMO_PLAN_H

#include "nodes/plannodes.h"

#include "memo/facts.h"

/*
 * Adds the functions that it calls to the facts, notes in reason, if there is
 * none yet, why its answer cannot be kept, and returns the scans of relations.
 */
extern List *plan_look(PlannedStmt *plan, Facts *facts, Reason *reason);

#endif /* AC_MEMO_PLAN_H */
