/*
 * types.c
 *		What the catalogs say of types, where an answer may go by it.
 *
 * Locking: none; what changes meanwhile sends messages.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

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

/* Without a lock: who changes it sends a message, and the source may only have a word of its name. */
static Oid
add_columns(List **relids, Oid relid)
{
	Oid output = InvalidOid;
	CatCList *columns;

	if (list_member_oid(*relids, relid))
		return InvalidOid;
	*relids = lappend_oid(*relids, relid);
	columns = SearchSysCacheList1(ATTNUM, ObjectIdGetDatum(relid));
	for (int i = 0; i < columns->n_members; i++)
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(&columns->members[i]->tuple);
		Oid of_column = att->attnum < 0 || att->attisdropped ? InvalidOid : types_add(relids, att->atttypid);

		output = OidIsValid(output) ? output : of_column;
	}
	ReleaseSysCacheList(columns);
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
