/*
 * range_index.c
 *		GiST indexes over what rows take up, as exclusion constraints have them.
 *
 *	EXCLUDE USING gist (stylist_id WITH =, tstzrange(start_time, end_time) WITH &&)
 *
 * keeps bookings from overlapping, and finds those that overlap a time, however
 * long ago they began.  A row without a start or an end has a range too; one
 * that ends before it starts has none, and the index refuses it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/gist.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "slots/range_index.h"

/* btree_gist's; operator classes are made by superusers. */
static bool
is_uuid_column(Relation index, int i)
{
	Oid equal;

	if (index->rd_opcintype[i] != UUIDOID)
		return false;
	equal = get_opfamily_member(index->rd_opfamily[i], UUIDOID, UUIDOID, BTEqualStrategyNumber);
	return OidIsValid(equal) && get_opcode(equal) == F_UUID_EQ;
}

static bool
is_column(const Node *node, AttrNumber column)
{
	return IsA(node, Var) && ((const Var *) node)->varattno == column;
}

/* Whichever bounds are in: rows that end when they start do not count. */
static bool
is_range_of(const Node *node, AttrNumber start, AttrNumber end)
{
	const FuncExpr *call = (const FuncExpr *) node;

	return IsA(node, FuncExpr) &&
		   (call->funcid == F_TSTZRANGE_TIMESTAMPTZ_TIMESTAMPTZ ||
			call->funcid == F_TSTZRANGE_TIMESTAMPTZ_TIMESTAMPTZ_TEXT) &&
		   is_column(linitial(call->args), start) && is_column(lsecond(call->args), end);
}

RangeColumns
range_columns(Relation index, AttrNumber key, AttrNumber start, AttrNumber end)
{
	RangeColumns columns = {InvalidAttrNumber, InvalidAttrNumber};
	List *expressions = RelationGetIndexExpressions(index);
	int next = 0;

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber column = index->rd_index->indkey.values[i];

		if (column == key && is_uuid_column(index, i))
			columns.key = i + 1;
		if (column == 0 && is_range_of(list_nth(expressions, next++), start, end) &&
			index_getprocid(index, i + 1, GIST_CONSISTENT_PROC) == F_RANGE_GIST_CONSISTENT)
			columns.range = i + 1;
	}
	return columns;
}

static Datum
range_of(const ScanTimes *times)
{
	RangeBound lower = {.val = TimestampTzGetDatum(times->from), .inclusive = true, .lower = true};
	RangeBound upper = {.val = TimestampTzGetDatum(times->to)};

	return RangeTypePGetDatum(
		AC_MAKE_RANGE(lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO), &lower, &upper));
}

int
range_keys(const SourceScan *scan, RangeColumns columns, ScanKeyData *keys)
{
	int n = 0;

	if (columns.key != InvalidAttrNumber)
		ScanKeyInit(&keys[n++], columns.key, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(scan->id));
	if (columns.range != InvalidAttrNumber && scan->overlapping)
		ScanKeyEntryInitialize(&keys[n++], 0, columns.range, RTOverlapStrategyNumber, ANYRANGEOID, InvalidOid,
							   F_RANGE_OVERLAPS, range_of(&scan->during));
	return n;
}
