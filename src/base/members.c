/*
 * members.c
 *		The extension of this database and its members.
 *
 * A name proves nothing: whoever owns a schema can rename it and make another
 * with the same things in it.  So what is ours is found by its membership in
 * the extension, which only the extension's owner can give.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/members.h"

typedef struct ExtensionIds
{
	Oid oid; /* InvalidOid: it is not there */
	Oid owner;
} ExtensionIds;

static ExtensionIds
find_extension(void)
{
	ExtensionIds found = {InvalidOid, InvalidOid};
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("availability_cache"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	if ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);

		found = (ExtensionIds){form->oid, form->extowner};
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Whether an object has the name, and belongs to the extension's owner or a superuser (who may have updated it). */
static bool
is_called(Oid classid, Oid object, const char *name, Oid extension_owner)
{
	bool is_relation = classid == RelationRelationId;
	HeapTuple tuple = SearchSysCache1(is_relation ? RELOID : PROCOID, ObjectIdGetDatum(object));
	const NameData *its_name;
	Oid owner;
	bool same;

	if (!HeapTupleIsValid(tuple))
		return false;
	its_name = is_relation ? &((Form_pg_class) GETSTRUCT(tuple))->relname : &((Form_pg_proc) GETSTRUCT(tuple))->proname;
	owner = is_relation ? ((Form_pg_class) GETSTRUCT(tuple))->relowner : ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	same = strcmp(NameStr(*its_name), name) == 0;
	ReleaseSysCache(tuple);
	return same && (owner == extension_owner || superuser_arg(owner));
}

Oid
member_find(Oid classid, const char *name)
{
	ExtensionIds extension = find_extension();
	Oid found = InvalidOid;
	Relation rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	if (!OidIsValid(extension.oid))
		return InvalidOid;
	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension.oid));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (!OidIsValid(found) && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->deptype == DEPENDENCY_EXTENSION && form->classid == classid &&
			is_called(classid, form->objid, name, extension.owner))
			found = form->objid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

Oid
members_owner(void)
{
	return find_extension().owner;
}

char *
member_name(Oid classid, Oid member)
{
	bool is_relation = classid == RelationRelationId;
	char *name = is_relation ? get_rel_name(member) : get_func_name(member);
	Oid schema = is_relation ? get_rel_namespace(member) : get_func_namespace(member);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for member %u of the extension", member);
	return quote_qualified_identifier(get_namespace_name(schema), name);
}
