-- ---------------------------------------------------------------------------
-- Statistics: what monitoring reads
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.stats(
    OUT datid oid, OUT hits bigint, OUT misses bigint, OUT bypasses bigint,
    OUT stores bigint, OUT evictions bigint, OUT invalidations bigint, OUT entries bigint, OUT bytes bigint,
    OUT miss_absent bigint, OUT miss_outdated bigint, OUT miss_expired bigint,
    OUT bypass_disabled bigint, OUT bypass_own_writes bigint, OUT bypass_isolation bigint,
    OUT bypass_recovery bigint, OUT bypass_prepared bigint, OUT bypass_pending bigint,
    OUT bypass_triggers bigint,
    OUT store_skips bigint, OUT waits bigint, OUT wait_timeouts bigint, OUT errors bigint,
    OUT table_hits bigint, OUT table_stores bigint, OUT table_invalidations bigint, OUT table_errors bigint,
    OUT table_breaker text, OUT cells_pending integer, OUT stats_reset timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION availability_cache_internal.stats() IS 'Internal: what the view stats shows.';

CREATE VIEW availability_cache.stats AS
    SELECT s.datid, d.datname, s.hits, s.misses, s.bypasses, s.stores, s.evictions, s.invalidations,
           s.entries, s.bytes, s.miss_absent, s.miss_outdated, s.miss_expired,
           s.bypass_disabled, s.bypass_own_writes, s.bypass_isolation, s.bypass_recovery, s.bypass_prepared,
           s.bypass_pending, s.bypass_triggers, s.store_skips, s.waits, s.wait_timeouts, s.errors,
           s.table_hits, s.table_stores, s.table_invalidations, s.table_errors, s.table_breaker,
           s.cells_pending, s.stats_reset
      FROM availability_cache_internal.stats() s
      LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid;
COMMENT ON VIEW availability_cache.stats IS
    'A row per database that used the cache since the server started, and counters since stats_reset. hits + '
    'misses + bypasses are the calls of get_available_slots_v2 that were computed or answered.';
COMMENT ON COLUMN availability_cache.stats.hits IS
    'Calls answered from memory, or (table_hits) from the table.';
COMMENT ON COLUMN availability_cache.stats.misses IS
    'Calls computed because memory had no valid answer: miss_absent + miss_outdated + miss_expired.';
COMMENT ON COLUMN availability_cache.stats.bypasses IS
    'Calls computed because memory could not be used; the sum of bypass_….';
COMMENT ON COLUMN availability_cache.stats.stores IS 'Computed answers kept in memory.';
COMMENT ON COLUMN availability_cache.stats.evictions IS 'Entries dropped to make room.';
COMMENT ON COLUMN availability_cache.stats.invalidations IS
    'Invalidations published: one per transaction and stylist, stylist''s day, service or database that it '
    'changed.';
COMMENT ON COLUMN availability_cache.stats.entries IS
    'Entries in memory now, outdated ones that nobody asked for again included.';
COMMENT ON COLUMN availability_cache.stats.bytes IS 'Bytes of memory that these entries take.';
COMMENT ON COLUMN availability_cache.stats.miss_absent IS 'No entry.';
COMMENT ON COLUMN availability_cache.stats.miss_expired IS
    'An entry whose answer had changed with the clock, or that was older than availability_cache.ttl.';
COMMENT ON COLUMN availability_cache.stats.bypass_disabled IS 'availability_cache.enabled was off.';
COMMENT ON COLUMN availability_cache.stats.bypass_isolation IS
    'SERIALIZABLE, or a REPEATABLE READ snapshot that memory has no answer for.';
COMMENT ON COLUMN availability_cache.stats.bypass_recovery IS 'The server is a standby.';
COMMENT ON COLUMN availability_cache.stats.bypass_prepared IS
    'Transactions found prepared when the server started had not been looked up yet.';
COMMENT ON COLUMN availability_cache.stats.bypass_triggers IS
    'A trigger of an attached table is missing or disabled: see sources.';
COMMENT ON COLUMN availability_cache.stats.store_skips IS
    'Misses whose answer was not kept: a change came meanwhile, the date is out of range, the answer too '
    'large or memory too small.';
COMMENT ON COLUMN availability_cache.stats.waits IS
    'Calls that waited for another session computing the same answer.';
COMMENT ON COLUMN availability_cache.stats.wait_timeouts IS
    'Those that gave up after availability_cache.single_flight_timeout.';
COMMENT ON COLUMN availability_cache.stats.errors IS 'Calls answered with success false.';
COMMENT ON COLUMN availability_cache.stats.table_hits IS
    'Hits that memory did not have and private.availability_cache had.';
COMMENT ON COLUMN availability_cache.stats.table_stores IS 'Answers written to private.availability_cache.';
COMMENT ON COLUMN availability_cache.stats.table_invalidations IS
    'Rows that writers added to availability_cache.invalidation.';
COMMENT ON COLUMN availability_cache.stats.table_errors IS
    'Failures of the table tier: a table was locked, missing or full. Reads were computed and bookings went '
    'on.';
COMMENT ON COLUMN availability_cache.stats.table_breaker IS
    'closed: the table tier is used where availability_cache.table_tier says so; open: it failed and is left '
    'alone; half-open: the next call tries it. NULL: not used yet.';
COMMENT ON COLUMN availability_cache.stats.cells_pending IS
    'Version cells, of the whole server, that a committing or prepared transaction holds; answers that '
    'depend on them are computed.';

CREATE FUNCTION availability_cache_internal.entries(
    OUT datid oid, OUT stylist_user_id uuid, OUT service_id uuid, OUT cache_date date, OUT timezone text,
    OUT computed_at timestamptz, OUT expires_at timestamptz, OUT is_valid boolean, OUT visited boolean,
    OUT bytes integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10000;
COMMENT ON FUNCTION availability_cache_internal.entries() IS 'Internal: what the view entries shows.';

CREATE VIEW availability_cache.entries AS
    SELECT e.datid, d.datname, e.stylist_user_id, e.service_id, e.cache_date, e.timezone, e.computed_at,
           e.expires_at, e.is_valid, e.visited, e.bytes
      FROM availability_cache_internal.entries() e
      LEFT JOIN pg_catalog.pg_database d ON d.oid = e.datid;
COMMENT ON VIEW availability_cache.entries IS
'Every entry in memory. timezone is NULL where the rules'' default is meant; is_valid: a call now would be '
'a hit; visited: asked for since eviction last passed by.';

CREATE FUNCTION availability_cache.reset_stats()
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_reset_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION availability_cache.reset_stats() IS 'Sets the counters of every database to zero.';
