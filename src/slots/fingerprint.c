/*
 * fingerprint.c
 *		What the catalogs say that answers are made with, as one number.
 *
 * As long as it is the same, answers that were computed before a change of
 * the catalogs are those that would be computed after it.  Rows that stand
 * for a change of data which no trigger sees (a trigger that was disabled and
 * is enabled again, a column that was rewritten, a partition that came back)
 * count by the transaction that wrote them, so that what was is never again;
 * others by what they say.  A relation without a TRUNCATE trigger of ours (a
 * partition that came after attach()) counts with its file, which TRUNCATE
 * replaces.  Names are no part of it: queries are written anew.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"

#include "slots/fingerprint.h"
#include "slots/result.h"

#define EQ " OPERATOR(pg_catalog.=) "

/* $1 are the relations, $2 is the trigger function. */
static const char *const query =
	"WITH RECURSIVE r AS (SELECT c.* , c.oid AS id FROM pg_catalog.pg_class c WHERE c.oid" EQ "ANY ($1)),"
	/* Partitions have their parents' columns. */
	" root AS (SELECT r.id FROM r WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i"
	" WHERE i.inhrelid" EQ "r.id AND i.inhparent" EQ "ANY ($1))),"
	/* Of the columns, and what domains are over. */
	" type(id) AS (SELECT a.atttypid FROM root, pg_catalog.pg_attribute a WHERE a.attrelid" EQ "root.id"
	" UNION SELECT t.typbasetype FROM type JOIN pg_catalog.pg_type t ON t.oid" EQ "type.id AND t.typtype" EQ "'d')"
	" SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(x.row, ' ' ORDER BY x.row COLLATE pg_catalog.\"C\"), 0) FROM ("
	/* Who reads it, and whether they see all of it. */
	"SELECT pg_catalog.concat_ws(',', 'c', r.id, r.relkind, r.relpersistence, r.relowner, r.relrowsecurity, r.relforcerowsecurity,"
	" o.rolsuper, o.rolbypassrls, pg_catalog.has_table_privilege(r.relowner, r.id, 'SELECT'),"
	" pg_catalog.has_schema_privilege(r.relowner, r.relnamespace, 'USAGE'),"
	" pg_catalog.has_function_privilege(r.relowner, $2, 'EXECUTE'),"
	" CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid" EQ "r.id AND t.tgfoid" EQ "$2"
	" AND t.tgtype" EQ "32 AND t.tgenabled" EQ "'A') THEN r.relfilenode END)"
	" FROM r JOIN pg_catalog.pg_roles o ON o.oid" EQ "r.relowner"
	" UNION ALL SELECT pg_catalog.concat_ws(',', 'i', i.inhparent, i.inhrelid, i.xmin) FROM r, pg_catalog.pg_inherits i"
	" WHERE i.inhparent" EQ "r.id"
	" UNION ALL SELECT pg_catalog.concat_ws(',', 't', t.oid, t.xmin) FROM r, pg_catalog.pg_trigger t"
	" WHERE t.tgrelid" EQ "r.id AND NOT t.tgisinternal"
	" UNION ALL SELECT pg_catalog.concat_ws(',', 'a', a.attrelid, a.attnum, a.xmin) FROM root, pg_catalog.pg_attribute a"
	" WHERE a.attrelid" EQ "root.id AND a.attnum OPERATOR(pg_catalog.>) 0"
	" UNION ALL SELECT pg_catalog.concat_ws(',', 'e', e.oid, e.enumlabel) FROM pg_catalog.pg_enum e, type"
	" WHERE e.enumtypid" EQ "type.id"
	") x(row)";

uint64
fingerprint_of(const Oid *relids, int n, Oid trigger_function)
{
	Datum *oids = palloc((n + 1) * sizeof(Datum));
	Oid types[] = {OIDARRAYOID, OIDOID};
	Datum args[2] = {0, ObjectIdGetDatum(trigger_function)};
	bool isnull;

	for (int i = 0; i < n; i++)
		oids[i] = ObjectIdGetDatum(relids[i]);
	args[0] = PointerGetDatum(construct_array(oids, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	if (SPI_execute_with_args(query, 2, types, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "query failed: %s", query);
	return DatumGetInt64(result_datum(0, 1, &isnull));
}
