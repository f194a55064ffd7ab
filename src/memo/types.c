/*
 * types.c
 *		What the catalogs say of types, where an answer may go by it.
 *
 * Locking: the relations of composite types, in share mode, while it looks at them.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "memo/types.h"

/* Of the server's own; their arrays have them as elements. */
static Oid
output_by_catalogs(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
			return F_REGPROCOUT;
		case REGPROCEDUREOID:
			return F_REGPROCEDUREOUT;
		case REGOPEROID:
			return F_REGOPEROUT;
		case REGOPERATOROID:
			return F_REGOPERATOROUT;
		case REGCLASSOID:
			return F_REGCLASSOUT;
		case REGCOLLATIONOID:
			return F_REGCOLLATIONOUT;
		case REGTYPEOID:
			return F_REGTYPEOUT;
		case REGCONFIGOID:
			return F_REGCONFIGOUT;
		case REGDICTIONARYOID:
			return F_REGDICTIONARYOUT;
		case REGROLEOID:
			return F_REGROLEOUT;
		case REGNAMESPACEOID:
			return F_REGNAMESPACEOUT;
		default:
			return InvalidOid;
	}
}

static Oid
add_columns(List **relids, Oid relid)
{
	Oid output = InvalidOid;
	Relation rel;

	if (list_member_oid(*relids, relid))
		return InvalidOid;
	*relids = lappend_oid(*relids, relid);
	rel = relation_open(relid, AccessShareLock);
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		Oid of_column = att->attisdropped ? InvalidOid : types_add(relids, att->atttypid);

		output = OidIsValid(output) ? output : of_column;
	}
	relation_close(rel, AccessShareLock);
	return output;
}

Oid
types_add(List **relids, Oid type)
{
	Oid element;

	check_stack_depth();
	type = type < FirstNormalObjectId ? type : getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		return types_add(relids, element);
	if (type < FirstNormalObjectId)
		return output_by_catalogs(type);
	return get_typtype(type) == TYPTYPE_COMPOSITE ? add_columns(relids, get_typ_typrelid(type)) : InvalidOid;
}
