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
#include "utils/catcache.h"
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

/*
 * Whether an object belongs to the extension's owner or a superuser (who may have
 * updated it), and is a member: the others may be many.
 */
static bool
is_member(Oid classid, Oid object, Oid owner, ExtensionIds extension)
{
	return (owner == extension.owner || superuser_arg(owner)) &&
		   getExtensionOfObject(classid, object) == extension.oid;
}

static Oid
find_relation(const char *name, ExtensionIds extension)
{
	Relation rel = table_open(RelationRelationId, AccessShareLock);
	Oid found = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_class_relname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
	scan = systable_beginscan(rel, ClassNameNspIndexId, true, NULL, 1, &key);
	while (!OidIsValid(found) && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (is_member(RelationRelationId, form->oid, form->relowner, extension))
			found = form->oid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static Oid
find_function(const char *name, ExtensionIds extension)
{
	CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid found = InvalidOid;

	for (int i = 0; i < list->n_members && !OidIsValid(found); i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (is_member(ProcedureRelationId, form->oid, form->proowner, extension))
			found = form->oid;
	}
	ReleaseCatCacheList(list);
	return found;
}

Oid
member_find(Oid classid, const char *name)
{
	ExtensionIds extension = find_extension();

	if (!OidIsValid(extension.oid))
		return InvalidOid;
	return classid == RelationRelationId ? find_relation(name, extension) : find_function(name, extension);
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
