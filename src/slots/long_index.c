/*
 * long_index.c
 *		Whether an index holds just the bookings that take more than a day.
 *
 *	WHERE (end_time AT TIME ZONE 'UTC') > (start_time AT TIME ZONE 'UTC') + interval '1 day'
 *
 * is what availability_cache.missing_indexes() asks for; an index with
 * another condition is left alone.
 *
 * The condition is looked at as it was written.  The server's own copies are
 * made with the functions in it that have constant arguments run, and these
 * may be the owner's.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "slots/long_index.h"

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

/* NULL if the index has none. */
static Node *
condition_of(Relation index)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indpred, &isnull);

	return isnull ? NULL : stringToNode(TextDatumGetCString(value));
}

bool
has_long_only(Relation index, AttrNumber start, AttrNumber end)
{
	const OpExpr *condition = (const OpExpr *) condition_of(index);

	return condition != NULL && is_call_of((const Node *) condition, F_TIMESTAMP_GT) &&
		   is_utc_of(linitial(condition->args), end) && is_day_after(lsecond(condition->args), start);
}
