/*
 * plan.c
 *		What a plan may do, beside reading relations.
 *
 * Every expression of every node is looked at.  A node of a kind that is not
 * listed here may have expressions that are not looked at: then nothing is
 * said of the plan.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/typcache.h"

#include "base/test_hooks.h"
#include "memo/clock_words.h"
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
	if (look->plan->parallelModeNeeded && function >= FirstNormalObjectId &&
		!AC_MUTATED(AC_MUTANT_WORKERS_UNSEEN))
		note_reason(look, REASON_PARALLEL, InvalidOid);
	return false;
}

/* Of values that come from somewhere; others are made of these. */
static void
look_at_type(Look *look, Node *node)
{
	switch (nodeTag(node))
	{
		case T_Const:
			/* What it names is among the relations of the plan. */
			if (castNode(Const, node)->consttype == REGCLASSOID)
				break;
			/* FALLTHROUGH */
		case T_Var:
		case T_Param:
		case T_RowExpr:
		case T_FuncExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ConvertRowtypeExpr:
			facts_add_type(look->facts, exprType(node));
			break;
		default:
			break;
	}
}

/* current_setting('name'): only that goes by the session. */
static bool
look_at_setting(Look *look, FuncExpr *call)
{
	Const *name = (Const *) linitial(call->args);

	if (!IsA(name, Const) || name->constisnull || name->consttype != TEXTOID)
		return false;
	facts_add_setting(look->facts, TextDatumGetCString(name->constvalue));
	return true;
}

static bool
reads_lockers(const Var *var)
{
	return var->varattno == MinCommandIdAttributeNumber || var->varattno == MaxTransactionIdAttributeNumber ||
		   var->varattno == MaxCommandIdAttributeNumber;
}

static bool
look_at_expression(Node *node, void *arg)
{
	Look *look = arg;

	if (node == NULL)
		return false;
	look_at_type(look, node);
	if (IsA(node, FuncExpr) &&
		(castNode(FuncExpr, node)->funcid == F_CURRENT_SETTING_TEXT ||
		 castNode(FuncExpr, node)->funcid == F_CURRENT_SETTING_TEXT_BOOL) &&
		look_at_setting(look, (FuncExpr *) node))
		return false;
	look->facts->reads_date |= clock_use_of(node) == CLOCK_DATE;
	look->facts->reads_clock |= clock_use_of(node) == CLOCK_TIME;
	if (IsA(node, NextValueExpr))
		note_reason(look, REASON_WRITES, InvalidOid);
	else if (IsA(node, Var) && reads_lockers((Var *) node))
		note_reason(look, REASON_LOCKERS, InvalidOid);
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
