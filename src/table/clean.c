/*
 * clean.c
 *		Removes what the table tier no longer needs.
 *
 * Rows first: those that have expired, and those that trust.c would not
 * trust.  Then traces: one is needed while a row's snapshot does not see its
 * transaction.  The oldest xid that is still needed goes into
 * invalidation_since, and older traces go, in the same transaction; so a row
 * that is kept meanwhile under an older snapshot is not trusted.
 *
 * Locking: see tables.c; rows that others are changing are skipped.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/as_user.h"
#include "table/clean.h"
#include "table/tables.h"

/* More traces than this are not kept, whatever rows need them. */
#define MAX_LOG_ROWS 100000

/* In the log: not of one stylist, not of one service. */
#define NO_ID "'00000000-0000-0000-0000-000000000000'::pg_catalog.uuid"

static const char *const delete_rows =
	"WITH since AS MATERIALIZED ("
	" SELECT pg_catalog.max(s.xid) AS xid FROM availability_cache.invalidation_since s),"
	" gone AS MATERIALIZED ("
	" SELECT c.ctid FROM private.availability_cache c"
	" WHERE c.expires_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()"
	" OR NOT pg_catalog.pg_snapshot_xmin(c.snapshot) OPERATOR(pg_catalog.>) $2"
	" OR (SELECT s.xid OPERATOR(pg_catalog.<=) pg_catalog.pg_snapshot_xmin(c.snapshot) FROM since s) IS NOT TRUE"
	" OR EXISTS (SELECT FROM availability_cache.invalidation i"
	" WHERE i.stylist_user_id OPERATOR(pg_catalog.=) c.stylist_user_id"
	" AND i.service_id OPERATOR(pg_catalog.=) " NO_ID
	" AND (i.first_day IS NULL OR (i.first_day OPERATOR(pg_catalog.<=) c.last_day"
	" AND i.last_day OPERATOR(pg_catalog.>=) c.first_day))"
	" AND NOT pg_catalog.pg_visible_in_snapshot(i.xid, c.snapshot))"
	" OR EXISTS (SELECT FROM availability_cache.invalidation i"
	" WHERE i.stylist_user_id OPERATOR(pg_catalog.=) " NO_ID
	" AND i.service_id OPERATOR(pg_catalog.=) ANY (ARRAY[c.service_id, " NO_ID "])"
	" AND NOT pg_catalog.pg_visible_in_snapshot(i.xid, c.snapshot))"
	" LIMIT $1 FOR UPDATE OF c SKIP LOCKED)"
	" DELETE FROM private.availability_cache c USING gone WHERE c.ctid OPERATOR(pg_catalog.=) gone.ctid";

/* The xid from which traces are needed; nothing where it does not rise, or another transaction is at the row. */
static const char *const raise_since =
	"WITH needed AS MATERIALIZED ("
	" SELECT greatest("
	" least((SELECT pg_catalog.min(pg_catalog.pg_snapshot_xmin(c.snapshot)) FROM private.availability_cache c),"
	" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())),"
	" (SELECT i.xid FROM availability_cache.invalidation i"
	" ORDER BY i.xid USING OPERATOR(pg_catalog.>) OFFSET $1 LIMIT 1)) AS xid),"
	" free AS MATERIALIZED ("
	" SELECT s.ctid FROM availability_cache.invalidation_since s, needed n"
	" WHERE s.xid OPERATOR(pg_catalog.<) n.xid FOR UPDATE OF s SKIP LOCKED)"
	" UPDATE availability_cache.invalidation_since s SET xid = n.xid FROM needed n, free f"
	" WHERE s.ctid OPERATOR(pg_catalog.=) f.ctid RETURNING s.xid";

static const char *const delete_log =
	"DELETE FROM availability_cache.invalidation i WHERE i.xid OPERATOR(pg_catalog.<) $1";

static uint64
run(const char *query, int expected, int nargs, Oid *types, Datum *values)
{
	int result = SPI_execute_with_args(query, nargs, types, values, NULL, false, 0);

	if (result != expected)
		elog(ERROR, "could not clean the table tier: %s", SPI_result_code_string(result));
	return SPI_processed;
}

static int64
clean_connected(int64 max_rows)
{
	Oid types[] = {INT8OID, XID8OID};
	Datum values[] = {Int64GetDatum(max_rows),
					  FullTransactionIdGetDatum(FullTransactionIdFromU64(tier_sequence_read()))};
	int64 removed = run(delete_rows, SPI_OK_DELETE, 2, types, values);

	values[0] = Int64GetDatum(MAX_LOG_ROWS);
	if (run(raise_since, SPI_OK_UPDATE_RETURNING, 1, types, values) == 1)
	{
		bool isnull;

		values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		types[0] = XID8OID;
		run(delete_log, SPI_OK_DELETE, 1, types, values);
	}
	return removed;
}

int64
tier_clean(int64 max_rows)
{
	TierRelation opened[TIER_NTABLES];
	SavedUser saved;
	int64 removed = 0;
	int settings;

	/* A worker may be there before CREATE EXTENSION is committed; where rows alone are missing it is a failure. */
	if (!OidIsValid(tier_relid(TIER_LOG)))
		return 0;
	/* The locks that the queries will take. */
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_open_or_fail(t, RowExclusiveLock, &opened[t]);
	settings = guard_settings();
	saved = switch_user(opened[TIER_ROWS].rel->rd_rel->relowner);
	tier_set_writing(true);
	PG_TRY();
	{
		SPI_connect();
		removed = clean_connected(max_rows);
		SPI_finish();
	}
	PG_FINALLY();
	{
		tier_set_writing(false);
	}
	PG_END_TRY();
	restore_user(saved);
	restore_settings(settings);
	for (int t = 0; t < TIER_NTABLES; t++)
		tier_close(&opened[t]);
	return removed;
}
