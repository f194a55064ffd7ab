-- ---------------------------------------------------------------------------
-- Who may read all statistics may read ours. After the other privileges; the update script has this file too.
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION availability_cache_internal.stats(), availability_cache_internal.entries()
    TO pg_read_all_stats;
GRANT SELECT ON availability_cache.stats, availability_cache.entries, availability_cache.sources,
    availability_cache.source,
    availability_cache.source_column TO pg_read_all_stats;
