-- ---------------------------------------------------------------------------
-- Privileges. Not in the update script: what was granted and revoked since stays.
-- ---------------------------------------------------------------------------

REVOKE ALL ON FUNCTION
    availability_cache.attach(), availability_cache.attach(text, regclass, jsonb),
        availability_cache.detach(text),
    availability_cache.invalidate(uuid, date, date), availability_cache.flush(),
    availability_cache.clean(bigint),
    availability_cache.reset_stats(), availability_cache_internal.stats(),
    availability_cache_internal.entries(),
    availability_cache_internal.config_changed(),
    availability_cache_internal.row_changed(), availability_cache_internal.log_changed(),
    availability_cache_internal.discard(), availability_cache_internal.rules_keep_one(),
    availability_cache_internal.invalidate_availability_cache()
    FROM PUBLIC;

-- The views check these functions' rights of whoever looks.
GRANT EXECUTE ON FUNCTION availability_cache_internal.stats(), availability_cache_internal.entries()
    TO pg_monitor;
GRANT SELECT ON availability_cache.stats, availability_cache.entries, availability_cache.sources,
    availability_cache.rules, availability_cache.source, availability_cache.source_column,
    availability_cache.invalidation_since, availability_cache.distrusted,
    availability_cache_internal.availability_cache TO pg_monitor;
GRANT USAGE ON SCHEMA private TO pg_monitor;

-- What attach() looks for is no secret.
GRANT SELECT ON availability_cache.source_column TO PUBLIC;
