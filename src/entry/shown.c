/*
 * shown.c
 *		What the functions behind the views for DBAs share.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"

#include "base/compat.h"
#include "entry/shown.h"

bool
may_see_database(Oid dboid)
{
	return dboid == MyDatabaseId || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

void
put_shown_row(ReturnSetInfo *rsinfo, Datum *values, bool *nulls, int n)
{
	if (rsinfo->setDesc->natts != n)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the library and the SQL of availability_cache do not fit together"),
				errhint("Run ALTER EXTENSION availability_cache UPDATE."));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
bigint_array(const uint64 *numbers, int n)
{
	Datum *datums = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		datums[i] = Int64GetDatum(numbers[i]);
	return PointerGetDatum(
		construct_array(datums, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
