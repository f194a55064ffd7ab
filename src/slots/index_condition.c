/*
 * index_condition.c
 *		What an index with a condition leaves out.
 *
 *	WHERE (end_time AT TIME ZONE 'UTC') > (start_time AT TIME ZONE 'UTC') + interval '1 day'
 *
 * is what availability_cache.missing_indexes() asks for.  Others are proved
 * as the planner does it from what the scan wants, of which only the status is
 * told: "WHERE status NOT IN ('cancelled', 'no_show')" leaves out nothing if
 * these do not block.
 *
 * Conditions are first looked at as they were written: a function of the
 * table's owner in one must not run as whoever asks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "slots/index_condition.h"

/* ---- whose functions ---- */

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

static bool
calls_others(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* A domain's checks are its owner's. */
	if (IsA(node, CoerceToDomain) || check_functions_in_node(node, is_foreign_function, context))
		return true;
	return expression_tree_walker(node, calls_others, context);
}

static bool
is_plain(Relation index, AttrNumber column)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, column, &isnull);

	return isnull || !calls_others(stringToNode(TextDatumGetCString(value)), NULL);
}

bool
index_is_plain(Relation index)
{
	return is_plain(index, Anum_pg_index_indpred) && is_plain(index, Anum_pg_index_indexprs);
}

/* ---- long bookings ---- */

static const Const *
constant_of(const Node *node, Oid type)
{
	const Const *value = (const Const *) node;

	return IsA(node, Const) && value->consttype == type && !value->constisnull ? value : NULL;
}

static bool
is_column(const Node *node, AttrNumber column)
{
	return IsA(node, Var) && ((const Var *) node)->varattno == column;
}

/* column AT TIME ZONE 'UTC' */
static bool
is_utc_of(const Node *node, AttrNumber column)
{
	const FuncExpr *call = (const FuncExpr *) node;
	const Const *zone;

	if (!IsA(node, FuncExpr) || call->funcid != F_TIMEZONE_TEXT_TIMESTAMPTZ)
		return false;
	zone = constant_of(linitial(call->args), TEXTOID);
	return zone != NULL && strcmp(TextDatumGetCString(zone->constvalue), "UTC") == 0 &&
		   is_column(lsecond(call->args), column);
}

static bool
is_call_of(const Node *node, RegProcedure function)
{
	return IsA(node, OpExpr) && get_opcode(((const OpExpr *) node)->opno) == function;
}

static bool
is_a_day(const Node *node)
{
	const Const *value = constant_of(node, INTERVALOID);
	const Interval *span = value == NULL ? NULL : DatumGetIntervalP(value->constvalue);

	return span != NULL && span->day == 1 && span->month == 0 && span->time == 0;
}

static bool
is_day_after(const Node *node, AttrNumber column)
{
	const OpExpr *sum = (const OpExpr *) node;

	return is_call_of(node, F_TIMESTAMP_PL_INTERVAL) && is_utc_of(linitial(sum->args), column) &&
		   is_a_day(lsecond(sum->args));
}

bool
index_has_long_only(Relation index, AttrNumber start, AttrNumber end)
{
	List *conditions = RelationGetIndexPredicate(index);
	const OpExpr *condition;

	if (list_length(conditions) != 1)
		return false;
	condition = linitial(conditions);
	return is_call_of((const Node *) condition, F_TIMESTAMP_GT) &&
		   is_utc_of(linitial(condition->args), end) && is_day_after(lsecond(condition->args), start);
}

/* ---- statuses ---- */

/* The names as values of the type; of an enum, only those that it has. */
static Const *
make_array(const List *names, Oid type)
{
	bool is_enum = type_is_enum(type);
	Datum *values = palloc(Max(list_length(names), 1) * sizeof(Datum));
	int n = 0;
	ListCell *cell;
	ArrayType *array;

	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		Oid label = InvalidOid;

		if (is_enum && strlen(name) < NAMEDATALEN)
			label = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type),
									CStringGetDatum(name));
		if (!is_enum)
			values[n++] = CStringGetTextDatum(name);
		else if (OidIsValid(label))
			values[n++] = ObjectIdGetDatum(label);
	}
	array = is_enum ? construct_array(values, n, type, sizeof(Oid), true, TYPALIGN_INT)
					: construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT);
	return makeConst(get_array_type(type), -1, InvalidOid, -1, PointerGetDatum(array), false, false);
}

/* What the scan wants, as a condition: status <> ALL (…), or = ANY (…). */
static Node *
make_wanted(Relation rel, const SourceScan *scan, AttrNumber status)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), status - 1);
	Expr *value = (Expr *) makeVar(1, status, att->atttypid, att->atttypmod, att->attcollation, 0);
	Oid type = att->atttypid == VARCHAROID ? TEXTOID : att->atttypid;
	Oid equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	ScalarArrayOpExpr *condition = makeNode(ScalarArrayOpExpr);

	if (type != att->atttypid)
		value = (Expr *) makeRelabelType(value, type, -1, att->attcollation, COERCE_IMPLICIT_CAST);
	condition->opno = scan->statuses->wanted ? equal : get_negator(equal);
	condition->opfuncid = get_opcode(condition->opno);
	condition->useOr = scan->statuses->wanted;
	condition->inputcollid = att->attcollation;
	condition->args = list_make2(value, make_array(scan->statuses->names, type));
	condition->location = -1;
	return (Node *) condition;
}

/* Rows without a status are wanted where the others are told what they must not have. */
bool
index_has_wanted(Relation rel, Relation index, const SourceScan *scan, AttrNumber status)
{
	Form_pg_attribute att;

	if (scan->statuses == NULL || status == InvalidAttrNumber)
		return false;
	att = TupleDescAttr(RelationGetDescr(rel), status - 1);
	if ((att->atttypid != TEXTOID && att->atttypid != VARCHAROID && !type_is_enum(att->atttypid)) ||
		(!att->attnotnull && !scan->statuses->wanted))
		return false;
	return predicate_implied_by(RelationGetIndexPredicate(index), list_make1(make_wanted(rel, scan, status)),
								false);
}
