/*
 * rules_row.c
 *		The one row of availability_cache.rules, by a scan instead of a query.
 *
 * Locking: none but that of the table, while it is read.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/rel.h"

#include "slots/rules_row.h"

void
rules_row_read(Oid relid, Snapshot snapshot, RulesRowTaker take, void *arg)
{
	Relation rel = table_open(relid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple row = systable_getnext(scan);

	if (row != NULL)
		take(row, RelationGetDescr(rel), arg);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

Datum
rules_row_value(HeapTuple row, TupleDesc desc, const char *name, bool *isnull)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return heap_getattr(row, i + 1, desc, isnull);
	}
	*isnull = true;
	return (Datum) 0;
}
