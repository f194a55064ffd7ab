-- ---------------------------------------------------------------------------
-- Invalidation: the trigger on attached tables and on the set-up, and by hand
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.invalidate_availability_cache()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_invalidate_trigger'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.invalidate_availability_cache() IS
'AFTER row or TRUNCATE trigger that invalidates what a change touches when its transaction commits. '
'attach() installs it; arguments: role, key columns, other columns an answer depends on. Without arguments '
'every answer of the database is invalidated.';

CREATE FUNCTION availability_cache_internal.config_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_config_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.config_changed() IS
'Internal: trigger on rules and source; invalidates every answer and makes every session load them again.';

CREATE FUNCTION availability_cache.invalidate(
    stylist uuid, first date DEFAULT NULL, last date DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_invalidate'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.invalidate(uuid, date, date) IS
'Invalidates a stylist''s answers for the dates first to last, both included; NULL dates mean all. Takes '
'effect at once, and again when the transaction ends.';

CREATE FUNCTION availability_cache.flush()
RETURNS bigint
AS 'MODULE_PATHNAME', 'availability_cache_flush'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
