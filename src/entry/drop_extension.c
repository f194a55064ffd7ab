/*
 * drop_extension.c
 *		The hook that keeps DROP EXTENSION … CASCADE from people's functions.
 *
 * Memoized functions depend on our languages, and would go with them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/proclang.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "utils/fmgroids.h"

#include "base/utility.h"
#include "entry/drop_extension.h"

static bool
has_functions(const char *language)
{
	Oid oid = get_language_oid(language, true);
	Relation rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(LanguageRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (!found && (tuple = systable_getnext(scan)) != NULL)
		found = ((Form_pg_depend) GETSTRUCT(tuple))->classid == ProcedureRelationId;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static bool
drops_us(const Node *statement)
{
	const DropStmt *drop = (const DropStmt *) statement;
	ListCell *cell;

	if (!IsA(statement, DropStmt) || drop->removeType != OBJECT_EXTENSION || drop->behavior != DROP_CASCADE)
		return false;
	foreach(cell, drop->objects)
	{
		if (strcmp(strVal(lfirst(cell)), "availability_cache") == 0)
			return true;
	}
	return false;
}

static void
refuse_drop(const Node *statement)
{
	if (drops_us(statement) && (has_functions("memoized_plpgsql") || has_functions("memoized_sql")))
		ereport(
			ERROR, errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			errmsg("memoized functions would be dropped with extension availability_cache"),
			errhint(
				"Run SELECT availability_cache.unmemoize(function) FROM availability_cache.memoized first."));
}

void
drop_extension_init(void)
{
	utility_notify(refuse_drop);
}
