-- ---------------------------------------------------------------------------
-- Audits: answers in memory computed again and compared. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.audit(sample integer DEFAULT 100, OUT key text, OUT result text,
                                         OUT ms float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_audit'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 100;
COMMENT ON FUNCTION availability_cache.audit(integer) IS
'Computes so many days that are in memory again, from a random one on, and compares. A row each: stylist, '
'service, date and zone; same, outdated meanwhile, failed or stale. What is stale is dropped, counted in '
'summary.stale_hits, in the server''s log and in events. Errors: 22023 sample below 1, 55000 not READ '
'COMMITTED, after a write, or without preload.';

REVOKE ALL ON FUNCTION availability_cache.audit(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache.audit(integer) TO pg_read_all_stats;
