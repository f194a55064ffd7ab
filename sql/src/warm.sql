-- ---------------------------------------------------------------------------
-- Warming memory, and how far that is. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.warm(keys integer DEFAULT 1000, OUT key text, OUT outcome text,
                                        OUT ms float8, OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_warm'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 1000;
COMMENT ON FUNCTION availability_cache.warm(integer) IS
'Computes anew what memory has of this database and is outdated or over, what is asked for most first, so '
'many at most: days, and calls of memoized functions that run as their owner and were made in sessions of '
'the caller''s session_user. A row each when it is done: kept, there, not kept, skipped or failed, and why. '
'Errors: 22023 keys below 1 or above a million, 55000 not READ COMMITTED, after a write, or without '
'preload.';

CREATE FUNCTION availability_cache.warm_days(first_date date, last_date date, stylists uuid[] DEFAULT NULL,
                                             services uuid[] DEFAULT NULL,
    customer_timezone text DEFAULT NULL, OUT key text, OUT outcome text, OUT ms float8, OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_warm_days'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1000;
COMMENT ON FUNCTION availability_cache.warm_days(date, date, uuid[], uuid[], text) IS
'Computes the days of these stylists and services (all that are offered), as get_available_slots_v2 answers '
'them, into memory; near days first. A row each when it is done: kept, there, not kept, skipped or failed, '
'and why. Errors: 22004 no dates, 22023 dates the wrong way round or more than a year apart, an unknown '
'zone, 55000 not READ COMMITTED, after a write, or without preload.';

CREATE FUNCTION availability_cache.warm_function(function regprocedure, arguments text, OUT key text,
                                                 OUT outcome text, OUT ms float8, OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_warm_function'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 100;
COMMENT ON FUNCTION availability_cache.warm_function(regprocedure, text) IS
'Calls a memoized function with each row of a query, in its order, so that memory has the answers; both run '
'as the caller. A row each when it is done: kept, there, not kept, skipped or failed, and why. Errors: '
'42809 not memoized, 22023 no query, or another number of columns than arguments, 55000 not READ COMMITTED, '
'after a write, or without preload.';

CREATE FUNCTION availability_cache_internal.warming(OUT pid integer, OUT datid oid, OUT usesysid oid,
                                                    OUT command text, OUT started timestamptz,
    OUT keys_total bigint, OUT kept bigint, OUT there bigint, OUT not_kept bigint, OUT skipped bigint,
    OUT failed bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_warming'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION availability_cache_internal.warming() IS 'Internal: what the view progress_warm shows.';

CREATE VIEW availability_cache.progress_warm AS
    SELECT w.pid, w.datid, d.datname, w.usesysid, w.command, w.started, w.keys_total,
           w.kept + w.there + w.not_kept + w.skipped + w.failed AS keys_done, w.kept, w.there, w.not_kept,
           w.skipped, w.failed
      FROM availability_cache_internal.warming() w
      LEFT JOIN pg_catalog.pg_database d ON d.oid = w.datid;
COMMENT ON VIEW availability_cache.progress_warm IS 'A row per process that is warming memory now.';
COMMENT ON COLUMN availability_cache.progress_warm.command IS
    'warm, warm_days, warm_function; of a worker: restart, outdated.';

REVOKE ALL ON FUNCTION availability_cache.warm(integer),
    availability_cache.warm_days(date, date, uuid[], uuid[], text),
    availability_cache_internal.warming() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache_internal.warming() TO pg_read_all_stats;
GRANT SELECT ON availability_cache.progress_warm TO pg_read_all_stats;
