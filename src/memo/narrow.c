/*
 * narrow.c
 *		Which rows of its table a scan can read at most.
 *
 * A scan that has "column = value" among its own conjuncts reads no other
 * rows, whatever is done with them afterwards; so it is with "column = ANY
 * (values)", with a boolean column by itself, and with an OR all of whose arms
 * are like that.  It counts if the operator is the equality of the hash
 * operator class by which the column's values are told apart, and the
 * collation does not call equal what the column's does not.
 *
 * The value must be one for the whole query:
 *
 *	a constant, or a parameter from outside
 *	an expression of these that is not volatile: it is computed here, once
 *		more than by the query
 *	the output of an InitPlan that goes by nothing of the query around it:
 *		known when the query ends, if it was needed at all
 *
 * Or it is one that the query sets before each scan by it: then these are
 * told as they come (looked_up.c), where it is a conjunct by itself.
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/guard.h"
#include "base/test_hooks.h"
#include "memo/facts.h"
#include "memo/narrow.h"
#include "memo/tags.h"

typedef struct Narrowing
{
	const QueryDesc *query;
	Relation rel;
	const KeyColumns *keys;
	Index varno;
	List *columns; /* of an index-only scan: the index's target list, which its Vars mean */
	bool ends;
	int arms; /* of how many ORs this is in one */
	Extent *extent;
} Narrowing;

/* A comparison, with = ANY (…) or not. */
typedef struct Comparison
{
	Oid operator;
	Oid collation;
	const Node *left;
	const Node *right;
	bool any;
} Comparison;

/* It is not narrowed by that. */
static bool
fails(Narrowing *narrowing, WholeReason why, AttrNumber column)
{
	if (why > narrowing->extent->whole)
	{
		narrowing->extent->whole = why;
		narrowing->extent->column = column;
	}
	return false;
}

/* ---- columns ---- */

/* The table's column; 0 if it is none. */
static AttrNumber
column_of(const Narrowing *narrowing, const Var *var)
{
	TargetEntry *entry;

	if (var->varlevelsup != 0)
		return 0;
	if (narrowing->columns == NIL)
		return var->varno == narrowing->varno ? var->varattno : 0;
	if (var->varno != INDEX_VAR || var->varattno < 1 || var->varattno > list_length(narrowing->columns))
		return 0;
	if (AC_MUTATED(AC_MUTANT_INDEX_COLUMNS))
		return var->varattno;
	entry = list_nth(narrowing->columns, var->varattno - 1);
	return IsA(entry->expr, Var) ? ((Var *) entry->expr)->varattno : 0;
}

static bool
is_key(const Narrowing *narrowing, AttrNumber column)
{
	for (int i = 0; i < narrowing->keys->n; i++)
	{
		if (narrowing->keys->columns[i] == column)
			return true;
	}
	return false;
}

/* Equal by the operator's collation, values have one hash by the column's. */
static bool
collations_agree(Oid column, Oid operator)
{
	return column == operator||((!OidIsValid(column) || get_collation_isdeterministic(column)) &&
								(!OidIsValid(operator) || get_collation_isdeterministic(operator)));
}

/*
 * Whether what compares equal has one hash.  A relabelled column is compared as
 * another type: only if that is the operator class's.
 */
static bool
is_equality(const Comparison *comparison, Form_pg_attribute att, bool relabelled)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(att->atttypid), TYPECACHE_HASH_OPFAMILY);

	if (AC_MUTATED(AC_MUTANT_ANY_OPERATOR))
		return true;
	if (relabelled && exprType(comparison->left) != entry->hash_opintype)
		return false;
	return OidIsValid(entry->hash_opf) && get_opfamily_member(entry->hash_opf, entry->hash_opintype,
															  entry->hash_opintype, HTEqualStrategyNumber) ==
											  comparison->operator&&
											  collations_agree(att->attcollation, comparison->collation);
}

/* ---- values ---- */

static bool
value_of_parameter(const Narrowing *narrowing, const Param *node, NullableDatum *value)
{
	ParamListInfo params = narrowing->query->params;
	ParamExternData fetched;
	ParamExternData *param;

	if (params == NULL || node->paramid <= 0 || node->paramid > params->numParams)
		return false;
	param = params->paramFetch != NULL ? params->paramFetch(params, node->paramid, true, &fetched)
									   : &params->params[node->paramid - 1];
	*value = (NullableDatum){param->value, param->isnull};
	return OidIsValid(param->ptype) && param->ptype == node->paramtype;
}

/* An InitPlan's value is one if nothing makes it run again. */
static bool
is_initplan_of(const SubPlanState *state, int paramid)
{
	return list_member_int(state->subplan->setParam, paramid) && state->subplan->subLinkType != CTE_SUBLINK &&
		   state->subplan->subLinkType != MULTIEXPR_SUBLINK &&
		   (bms_is_empty(state->planstate->plan->extParam) || AC_MUTATED(AC_MUTANT_ANY_INITPLAN));
}

static bool
has_initplan(PlanState *state, void *paramid)
{
	ListCell *cell;

	foreach(cell, state->initPlan)
	{
		if (is_initplan_of(lfirst(cell), *(int *) paramid))
			return true;
	}
	return planstate_tree_walker(state, has_initplan, paramid);
}

/* Once the query ends; one that was not needed has none. */
static bool
value_of_initplan(Narrowing *narrowing, const Param *node, NullableDatum *value)
{
	const ParamExecData *param = &narrowing->query->estate->es_param_exec_vals[node->paramid];
	int paramid = node->paramid;

	if (!has_initplan(narrowing->query->planstate, &paramid) && !AC_MUTATED(AC_MUTANT_ANY_PARAMETER))
		return false;
	if (!narrowing->ends)
		narrowing->extent->waits = true;
	*value = (NullableDatum){param->value, param->isnull || param->execPlan != NULL};
	return narrowing->ends && (param->execPlan == NULL || AC_MUTATED(AC_MUTANT_NOT_NEEDED));
}

/* ---- expressions ---- */

/* Users' functions that look at the clock may give another value the next time, whatever is said of them. */
static bool
looks_at_clock(Oid function, void *arg)
{
	Facts facts = {0};

	if (function < FirstNormalObjectId)
		return false;
	facts_add_function(&facts, function);
	return facts.reads_clock;
}

/* Whether there is something that the query alone knows, or that may be another the next time. */
static bool
is_of_query(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, CurrentOfExpr) ||
		(IsA(node, Param) && castNode(Param, node)->paramkind != PARAM_EXTERN))
		return true;
	return check_functions_in_node(node, looks_at_clock, NULL) ||
		   expression_tree_walker(node, is_of_query, arg);
}

typedef struct Evaluation
{
	Expr *expression;
	ParamListInfo params;
	NullableDatum value;
} Evaluation;

static void
evaluate(void *arg)
{
	Evaluation *evaluation = arg;
	ExprContext *context = CreateStandaloneExprContext();
	ExprState *state = ExecInitExprWithParams(evaluation->expression, evaluation->params);
	NullableDatum *value = &evaluation->value;
	int16 length;
	bool by_value;

	context->ecxt_param_list_info = evaluation->params;
	value->value = ExecEvalExprSwitchContext(state, context, &value->isnull);
	get_typlenbyval(exprType((Node *) evaluation->expression), &length, &by_value);
	if (!value->isnull)
		value->value = datumCopy(value->value, by_value, length);
	FreeExprContext(context, true);
}

/* An error is none of the query: it may never come to it. */
static bool
value_of_expression(const Narrowing *narrowing, const Node *node, NullableDatum *value)
{
	Evaluation evaluation = {.expression = (Expr *) node, .params = narrowing->query->params};

	/* No subtransaction begins there. */
	if (IsInParallelMode() || !ActiveSnapshotSet())
		return false;
	if (is_of_query((Node *) node, NULL) || contain_volatile_functions((Node *) node))
		return false;
	if (guarded(evaluate, &evaluation) != NULL)
		return false;
	*value = evaluation.value;
	return true;
}

static bool
value_of(Narrowing *narrowing, const Node *node, NullableDatum *value)
{
	if (IsA(node, Const))
	{
		*value = (NullableDatum){((const Const *) node)->constvalue, ((const Const *) node)->constisnull};
		return true;
	}
	if (IsA(node, Param) && ((const Param *) node)->paramkind == PARAM_EXTERN)
		return value_of_parameter(narrowing, (const Param *) node, value);
	if (IsA(node, Param) && ((const Param *) node)->paramkind == PARAM_EXEC)
		return value_of_initplan(narrowing, (const Param *) node, value);
	return value_of_expression(narrowing, node, value);
}

/* Whether the column equals what the query sets before each scan; else it may be narrowed otherwise. */
static bool
looks_up(Narrowing *narrowing, Form_pg_attribute att, const Comparison *comparison)
{
	const Param *param = (const Param *) comparison->right;

	if (narrowing->arms > 0 || comparison->any || !IsA(param, Param) || param->paramkind != PARAM_EXEC ||
		AC_MUTATED(AC_MUTANT_ANY_PARAMETER) || AC_MUTATED(AC_MUTANT_ANY_INITPLAN) ||
		!looked_up_by(narrowing->query, param->paramid))
		return false;
	narrowing->extent->looks_up = true;
	narrowing->extent->looked_up = (LookedUp){.relid = RelationGetRelid(narrowing->rel),
											  .column = att->attnum,
											  .type = att->atttypid,
											  .collation = att->attcollation,
											  .paramid = param->paramid};
	return true;
}

/* ---- conditions ---- */

static bool
add_value(Narrowing *narrowing, Form_pg_attribute att, NullableDatum value)
{
	Extent *extent = narrowing->extent;
	uint64 hash;

	/* Nothing equals it. */
	if (value.isnull)
		return true;
	if (extent->n == MAX_VALUES)
		return fails(narrowing, WHOLE_MANY, att->attnum);
	if (!hash_of_value(att->atttypid, att->attcollation, value.value, &hash))
		return fails(narrowing, WHOLE_EQUALITY, att->attnum);
	extent->tags[extent->n++] = tag_of_value(RelationGetRelid(narrowing->rel), att->attnum, hash);
	return true;
}

static bool
add_values(Narrowing *narrowing, Form_pg_attribute att, Oid type, NullableDatum array)
{
	int16 length;
	bool by_value;
	char alignment;
	Datum *values;
	bool *nulls;
	int n;

	if (array.isnull)
		return true;
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(DatumGetArrayTypeP(array.value), type, length, by_value, alignment, &values, &nulls,
					  &n);
	for (int i = 0; i < n && !(i > 0 && AC_MUTATED(AC_MUTANT_FIRST_ELEMENT)); i++)
	{
		if (!add_value(narrowing, att, (NullableDatum){values[i], nulls[i]}))
			return false;
	}
	return true;
}

static bool
narrows_to(Narrowing *narrowing, const Comparison *comparison)
{
	const Node *bare = comparison->left;
	Oid type = exprType(comparison->left);
	Form_pg_attribute att;
	AttrNumber column;
	NullableDatum value;

	if (IsA(bare, RelabelType))
		bare = (const Node *) ((const RelabelType *) bare)->arg;
	column = IsA(bare, Var) ? column_of(narrowing, (const Var *) bare) : 0;
	if (column <= 0)
		return false;
	att = TupleDescAttr(RelationGetDescr(narrowing->rel), column - 1);
	if (!is_equality(comparison, att, bare != comparison->left) || !op_strict(comparison->operator))
		return is_key(narrowing, column) && fails(narrowing, WHOLE_EQUALITY, column);
	if (!is_key(narrowing, column))
		return fails(narrowing, WHOLE_KEY, column);
	if ((comparison->any ? get_element_type(exprType(comparison->right)) : exprType(comparison->right)) !=
		type)
		return fails(narrowing, WHOLE_EQUALITY, column);
	if (looks_up(narrowing, att, comparison) || !value_of(narrowing, comparison->right, &value))
		return fails(narrowing, WHOLE_VALUE, column);
	if (comparison->any ? !add_values(narrowing, att, type, value) : !add_value(narrowing, att, value))
		return false;
	narrowing->extent->column = column;
	return true;
}

static bool
narrows_by_operator(Narrowing *narrowing, const OpExpr *op)
{
	Comparison comparison = {op->opno, op->inputcollid, linitial(op->args), llast(op->args), false};
	Comparison turned = {op->opno, op->inputcollid, llast(op->args), linitial(op->args), false};

	return list_length(op->args) == 2 &&
		   (narrows_to(narrowing, &comparison) || narrows_to(narrowing, &turned));
}

/* A boolean column, which the server has in place of "column = true". */
static bool
narrows_by_boolean(Narrowing *narrowing, const Node *operand, bool value)
{
	AttrNumber column = IsA(operand, Var) ? column_of(narrowing, (const Var *) operand) : 0;
	Form_pg_attribute att = column <= 0 ? NULL : TupleDescAttr(RelationGetDescr(narrowing->rel), column - 1);

	if (att == NULL || att->atttypid != BOOLOID)
		return false;
	if (!is_key(narrowing, column))
		return fails(narrowing, WHOLE_KEY, column);
	if (!add_value(narrowing, att, (NullableDatum){BoolGetDatum(value), false}))
		return false;
	narrowing->extent->column = column;
	return true;
}

static bool narrows_by_any(Narrowing *narrowing, List *conjuncts);

/* A row is in one of its arms. */
static bool
narrows_by_all(Narrowing *narrowing, List *arms)
{
	ListCell *cell;

	narrowing->arms++;
	foreach(cell, arms)
	{
		if (!narrows_by_any(narrowing, list_make1(lfirst(cell))))
			break;
		if (AC_MUTATED(AC_MUTANT_FIRST_ARM))
		{
			cell = NULL;
			break;
		}
	}
	narrowing->arms--;
	return cell == NULL;
}

static bool
narrows_by(Narrowing *narrowing, const Node *condition)
{
	if (IsA(condition, OpExpr))
		return narrows_by_operator(narrowing, (const OpExpr *) condition);
	if (IsA(condition, ScalarArrayOpExpr) && ((const ScalarArrayOpExpr *) condition)->useOr)
	{
		const ScalarArrayOpExpr *op = (const ScalarArrayOpExpr *) condition;
		Comparison comparison = {op->opno, op->inputcollid, linitial(op->args), lsecond(op->args), true};

		return narrows_to(narrowing, &comparison);
	}
	if (IsA(condition, Var))
		return narrows_by_boolean(narrowing, condition, true);
	if (is_notclause(condition))
		return narrows_by_boolean(narrowing, (const Node *) get_notclausearg(condition), false);
	if (is_andclause(condition))
		return narrows_by_any(narrowing, ((const BoolExpr *) condition)->args);
	return is_orclause(condition) && narrows_by_all(narrowing, ((const BoolExpr *) condition)->args);
}

/* The first that does; what was added for one that does not is taken back. */
static bool
narrows_by_any(Narrowing *narrowing, List *conjuncts)
{
	int before = narrowing->extent->n;
	ListCell *cell;

	check_stack_depth();
	foreach(cell, conjuncts)
	{
		if (narrows_by(narrowing, lfirst(cell)))
			return true;
		narrowing->extent->n = before;
	}
	return false;
}

void
narrow_scan(const QueryDesc *query, Plan *scan, Relation rel, const KeyColumns *keys, bool ends,
			Extent *extent)
{
	Narrowing narrowing = {query, rel, keys, ((Scan *) scan)->scanrelid, NIL, ends, 0, extent};
	List *index_conjuncts = NIL;

	switch (nodeTag(scan))
	{
		case T_IndexScan:
			index_conjuncts = ((IndexScan *) scan)->indexqualorig;
			break;
		case T_IndexOnlyScan:
			/* Its other conjuncts go by the index too. */
			narrowing.columns = ((IndexOnlyScan *) scan)->indextlist;
			index_conjuncts = ((IndexOnlyScan *) scan)->indexqual;
			break;
		case T_BitmapHeapScan:
			index_conjuncts = ((BitmapHeapScan *) scan)->bitmapqualorig;
			break;
		default:
			break;
	}
	extent->whole = WHOLE_CONDITION;
	extent->waits = extent->looks_up = false;
	extent->column = 0;
	extent->n = 0;
	if (!narrows_by_any(&narrowing, index_conjuncts) && !narrows_by_any(&narrowing, scan->qual))
		return;
	extent->whole = WHOLE_NOT;
	extent->waits = extent->looks_up = false;
}
