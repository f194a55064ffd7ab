/*
 * plan.c
 *		What a plan may do, beside reading relations.
 *
 * Every expression of every node is looked at.  A node of a kind that is not
 * listed here may have expressions that are not looked at: then nothing is
 * said of the plan.
 */
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/typcache.h"

#include "base/test_hooks.h"
#include "memo/plan.h"

typedef struct Look
{
	PlannedStmt *plan;
	Facts *facts;
	Reason *reason;
	List *scans;
} Look;

static void
note_reason(Look *look, ReasonKind kind, Oid object)
{
	if (look->reason->kind == REASON_NONE)
		*look->reason = (Reason){kind, object};
}

static bool
look_at_function(Oid function, void *arg)
{
	Look *look = arg;

	facts_add_function(look->facts, function);
	/* What a worker reads for it, its leader does not see. */
	if (look->plan->parallelModeNeeded && function >= FirstNormalObjectId && !AC_MUTATED(AC_MUTANT_WORKERS_UNSEEN))
		note_reason(look, REASON_PARALLEL, InvalidOid);
	return false;
}

static bool
look_at_expression(Node *node, void *arg)
{
	Look *look = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction) && castNode(SQLValueFunction, node)->op == SVFOP_CURRENT_DATE)
		look->facts->reads_date = true;
	else if (IsA(node, SQLValueFunction) && castNode(SQLValueFunction, node)->op <= SVFOP_LOCALTIMESTAMP_N)
		look->facts->reads_clock = true;
	else if (IsA(node, NextValueExpr))
		note_reason(look, REASON_WRITES, InvalidOid);
	else if (IsA(node, CoerceToDomain) && DomainHasConstraints(castNode(CoerceToDomain, node)->resulttype))
		note_reason(look, REASON_DOMAIN, InvalidOid);
	(void) check_functions_in_node(node, look_at_function, look);
	return expression_tree_walker(node, look_at_expression, look);
}

static void
look_at(Look *look, void *expression)
{
	(void) look_at_expression(expression, look);
}

static void look_at_plan(Look *look, Plan *plan);

static void
look_at_plans(Look *look, List *plans)
{
	ListCell *cell;

	foreach(cell, plans)
		look_at_plan(look, lfirst(cell));
}

/* False: no scan of a relation that is known. */
static bool
look_at_relation_scan(Look *look, Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			break;
		case T_IndexScan:
			look_at(look, ((IndexScan *) plan)->indexqual);
			look_at(look, ((IndexScan *) plan)->indexorderby);
			break;
		case T_IndexOnlyScan:
			look_at(look, ((IndexOnlyScan *) plan)->indexqual);
			look_at(look, ((IndexOnlyScan *) plan)->indexorderby);
			break;
		case T_BitmapHeapScan:
			look_at(look, ((BitmapHeapScan *) plan)->bitmapqualorig);
			break;
		case T_TidScan:
			look_at(look, ((TidScan *) plan)->tidquals);
			break;
		case T_TidRangeScan:
			look_at(look, ((TidRangeScan *) plan)->tidrangequals);
			break;
		default:
			return false;
	}
	look->scans = lappend(look->scans, plan);
	return true;
}

/* Of others; false: none that is known. */
static bool
look_at_scan(Look *look, Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_CteScan:
		case T_WorkTableScan:
			return true;
			/* Of the relation, which its BitmapHeapScan is. */
		case T_BitmapIndexScan:
			look_at(look, ((BitmapIndexScan *) plan)->indexqual);
			return true;
		case T_SubqueryScan:
			look_at_plan(look, ((SubqueryScan *) plan)->subplan);
			return true;
		case T_FunctionScan:
			look_at(look, ((FunctionScan *) plan)->functions);
			return true;
		case T_ValuesScan:
			look_at(look, ((ValuesScan *) plan)->values_lists);
			return true;
		case T_TableFuncScan:
			look_at(look, ((TableFuncScan *) plan)->tablefunc);
			return true;
		default:
			return false;
	}
}

static void
look_at_parameters(Look *look, List *parameters)
{
	ListCell *cell;

	foreach(cell, parameters)
		look_at(look, ((NestLoopParam *) lfirst(cell))->paramval);
}

/* Joins and what works on rows of others; false: none that is known. */
static bool
look_at_others(Look *look, Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_ProjectSet:
		case T_Material:
		case T_Sort:
		case T_IncrementalSort:
		case T_Unique:
		case T_SetOp:
		case T_Gather:
		case T_GatherMerge:
		case T_RecursiveUnion:
		case T_BitmapAnd:
		case T_BitmapOr:
		case T_Group:
		case T_Agg:
			return true;
		case T_Result:
			look_at(look, ((Result *) plan)->resconstantqual);
			return true;
		case T_NestLoop:
			look_at(look, ((Join *) plan)->joinqual);
			look_at_parameters(look, ((NestLoop *) plan)->nestParams);
			return true;
		case T_MergeJoin:
			look_at(look, ((Join *) plan)->joinqual);
			look_at(look, ((MergeJoin *) plan)->mergeclauses);
			return true;
		case T_HashJoin:
			look_at(look, ((Join *) plan)->joinqual);
			look_at(look, ((HashJoin *) plan)->hashclauses);
			return true;
		case T_Hash:
			look_at(look, ((Hash *) plan)->hashkeys);
			return true;
		case T_Memoize:
			look_at(look, ((Memoize *) plan)->param_exprs);
			return true;
		case T_WindowAgg:
			look_at(look, ((WindowAgg *) plan)->startOffset);
			look_at(look, ((WindowAgg *) plan)->endOffset);
			look_at(look, ((WindowAgg *) plan)->runCondition);
			return true;
		case T_Limit:
			look_at(look, ((Limit *) plan)->limitOffset);
			look_at(look, ((Limit *) plan)->limitCount);
			return true;
		case T_Append:
			look_at_plans(look, ((Append *) plan)->appendplans);
			return true;
		case T_MergeAppend:
			look_at_plans(look, ((MergeAppend *) plan)->mergeplans);
			return true;
		default:
			return false;
	}
}

static void
look_at_plan(Look *look, Plan *plan)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	if (!look_at_relation_scan(look, plan) && !look_at_scan(look, plan) && !look_at_others(look, plan))
		note_reason(look, REASON_PLAN, InvalidOid);
	if (IsA(plan, BitmapAnd))
		look_at_plans(look, ((BitmapAnd *) plan)->bitmapplans);
	if (IsA(plan, BitmapOr))
		look_at_plans(look, ((BitmapOr *) plan)->bitmapplans);
	look_at(look, plan->targetlist);
	look_at(look, plan->qual);
	look_at_plan(look, plan->lefttree);
	look_at_plan(look, plan->righttree);
}

List *
plan_look(PlannedStmt *plan, Facts *facts, Reason *reason)
{
	Look look = {plan, facts, reason, NIL};

	if (plan->commandType != CMD_SELECT || plan->hasModifyingCTE || plan->rowMarks != NIL)
		note_reason(&look, REASON_WRITES, InvalidOid);
	look_at_plan(&look, plan->planTree);
	look_at_plans(&look, plan->subplans);
	return look.scans;
}
