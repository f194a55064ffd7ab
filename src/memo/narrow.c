/*
 * narrow.c
 *		Which rows of its table a scan can read at most.
 *
 * A scan that has "column = value" among its own conjuncts reads no other
 * rows, whatever is done with them afterwards.  It counts if the operator is
 * the equality of the hash operator class by which the column's values are
 * told apart, and the collation does not call equal what the column's does not.
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/stratnum.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/test_hooks.h"
#include "memo/narrow.h"
#include "memo/tags.h"

typedef struct Narrowing
{
	const QueryDesc *query;
	Relation rel;
	const KeyColumns *keys;
	Index varno;
	List *columns; /* of an index-only scan: the index's target list, which its Vars mean */
} Narrowing;

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

/* The value of a constant or a parameter that comes from outside, of this type; false: it is none, or NULL. */
static bool
value_of(const Narrowing *narrowing, const Node *node, Oid type, Datum *value)
{
	ParamListInfo params = narrowing->query->params;
	ParamExternData fetched;
	ParamExternData *param;
	int id;

	if (IsA(node, Const))
	{
		*value = ((const Const *) node)->constvalue;
		return !((const Const *) node)->constisnull && ((const Const *) node)->consttype == type;
	}
	if (!IsA(node, Param) || ((const Param *) node)->paramkind != PARAM_EXTERN)
		return false;
	id = ((const Param *) node)->paramid;
	if (params == NULL || id <= 0 || id > params->numParams)
		return false;
	param = params->paramFetch != NULL ? params->paramFetch(params, id, true, &fetched) : &params->params[id - 1];
	*value = param->value;
	return OidIsValid(param->ptype) && param->ptype == type && ((const Param *) node)->paramtype == type &&
		   !param->isnull;
}

/* Equal by the operator's collation, values have one hash by the column's. */
static bool
collations_agree(Oid column, Oid operator)
{
	return column == operator||((!OidIsValid(column) || get_collation_isdeterministic(column)) &&
								(!OidIsValid(operator) || get_collation_isdeterministic(operator)));
}

static bool
narrows_to(const Narrowing *narrowing, const OpExpr *op, const Node *left, const Node *right, Tag *tag)
{
	const Node *bare = left;
	Form_pg_attribute att;
	TypeCacheEntry *entry;
	AttrNumber column;
	uint64 hash;
	Datum value;

	if (IsA(left, RelabelType))
		bare = (const Node *) ((const RelabelType *) left)->arg;
	column = IsA(bare, Var) ? column_of(narrowing, (const Var *) bare) : 0;
	if (column <= 0 || !is_key(narrowing, column))
		return false;
	att = TupleDescAttr(RelationGetDescr(narrowing->rel), column - 1);
	entry = lookup_type_cache(getBaseType(att->atttypid), TYPECACHE_HASH_OPFAMILY);
	/* A relabelled column is compared as another type: by the same hash only if that is the operator class's. */
	if (bare != left && exprType(left) != entry->hash_opintype)
		return false;
	if (!OidIsValid(entry->hash_opf) || get_opfamily_member(entry->hash_opf, entry->hash_opintype, entry->hash_opintype,
															HTEqualStrategyNumber) != op->opno)
		return false;
	if (!collations_agree(att->attcollation, op->inputcollid) || !value_of(narrowing, right, exprType(left), &value) ||
		!hash_of_value(att->atttypid, att->attcollation, value, &hash))
		return false;
	*tag = tag_of_value(RelationGetRelid(narrowing->rel), column, hash);
	return true;
}

static bool
is_narrowed_by(const Narrowing *narrowing, List *conjuncts, Tag *tag)
{
	ListCell *cell;

	foreach(cell, conjuncts)
	{
		const OpExpr *op = lfirst(cell);

		if (IsA(op, OpExpr) && list_length(op->args) == 2 &&
			(narrows_to(narrowing, op, linitial(op->args), lsecond(op->args), tag) ||
			 narrows_to(narrowing, op, lsecond(op->args), linitial(op->args), tag)))
			return true;
	}
	return false;
}

bool
narrow_scan(const QueryDesc *query, Plan *scan, Relation rel, const KeyColumns *keys, Tag *tag)
{
	Narrowing narrowing = {query, rel, keys, ((Scan *) scan)->scanrelid, NIL};
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
	return is_narrowed_by(&narrowing, index_conjuncts, tag) || is_narrowed_by(&narrowing, scan->qual, tag);
}
