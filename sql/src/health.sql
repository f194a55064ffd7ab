-- ---------------------------------------------------------------------------
-- Health: a row a check. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.threshold(name text) RETURNS float8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Without preload the session has them once it has the library.
    PERFORM availability_cache_internal.library_version();
    RETURN (SELECT s.setting FROM pg_settings s
            WHERE s.name = 'availability_cache.health_' || threshold.name);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.threshold(text) IS
    'Internal: a setting availability_cache.health_…, in its own unit.';

CREATE FUNCTION availability_cache_internal.graded(bad boolean, worse boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN worse THEN 'critical' WHEN bad THEN 'warning' ELSE 'ok' END;
COMMENT ON FUNCTION availability_cache_internal.graded(boolean, boolean) IS
    'Internal: the status of a check.';

-- What the counters say; of shares only once there is something to share.
CREATE FUNCTION availability_cache_internal.health_of_figures()
RETURNS TABLE(name text, status text, value text, detail text, statement text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH s AS (SELECT * FROM availability_cache.summary WHERE datname = current_database()),
    t AS (SELECT availability_cache_internal.threshold('hit_ratio') AS hit_ratio,
          availability_cache_internal.threshold('errors') AS errors,
                 availability_cache_internal.threshold('compute_time') AS compute_time,
                 availability_cache_internal.threshold('evictions') AS evictions),
    slow AS (SELECT string_agg(format('%s: %s ms', a.source, round(a.compute_ms_99::numeric)), ', '
                               ORDER BY a.compute_ms_99 DESC) AS sources,
                    max(a.compute_ms_99) AS ms_99, max(a.compute_ms_50) AS ms_50
               FROM availability_cache.activity a, t WHERE a.compute_ms_99 > t.compute_time),
    stores AS (SELECT d.stores FROM availability_cache.stats d WHERE d.datname = current_database())
    SELECT 'hit ratio',
           availability_cache_internal.graded(100 * s.hit_ratio < t.hit_ratio
                                              AND calls.n >= 100, 100 * s.hit_ratio < t.hit_ratio / 2
                                              AND calls.n >= 100),
           coalesce(round(100 * s.hit_ratio::numeric, 1) || ' %', 'no calls'), format('%s calls', calls.n),
           'SELECT misses, miss_absent, miss_outdated, miss_expired, bypasses, bypass_disabled, '
           'bypass_own_writes, bypass_isolation, bypass_recovery, bypass_prepared, bypass_pending, '
           'bypass_triggers FROM availability_cache.stats WHERE datname = current_database()'
      FROM s, t, LATERAL (SELECT s.memory_hits + s.table_hits + s.computed AS n) calls
    UNION ALL
    SELECT 'errors', availability_cache_internal.graded(s.errors_per_minute > t.errors,
                                                        s.errors_per_minute > 10 * t.errors),
           format('%s a minute', s.errors_per_minute),
           (SELECT string_agg(format('%s: %s', e.code, e.count), ', ' ORDER BY e.count DESC)
            FROM availability_cache.errors e WHERE e.datname = s.datname AND e.count > 0),
           'SELECT at, key, detail, count FROM availability_cache.events WHERE kind = ''error'' ORDER BY at '
           'DESC'
      FROM s, t
    UNION ALL
    SELECT 'computation time',
           availability_cache_internal.graded(slow.ms_99 IS NOT NULL, slow.ms_50 > t.compute_time),
           coalesce(round(coalesce(slow.ms_99, s.compute_ms_99)::numeric, 1) || ' ms', 'none'), slow.sources,
           'SELECT source, computed, compute_ms_50, compute_ms_99 FROM availability_cache.activity ORDER BY '
           'compute_ms_99 DESC NULLS LAST'
      FROM s, t, slow
    UNION ALL
    SELECT 'breaker', availability_cache_internal.graded(s.table_breaker = 'half-open',
                                                         s.table_breaker = 'open'),
                                                         coalesce(s.table_breaker, 'not used'),
           (SELECT e.detail FROM availability_cache.events e
            WHERE e.kind = 'breaker opened' AND e.datname = s.datname ORDER BY e.at DESC LIMIT 1),
           'SELECT at, kind, detail, duration_ms FROM availability_cache.events WHERE kind '
           'LIKE ''breaker%'' ORDER BY at DESC'
      FROM s
    UNION ALL
    SELECT 'worker', availability_cache_internal.graded(s.worker = 'failed' OR s.queued > 512, false),
           coalesce(s.worker, 'not used'), format('%s answers wait for it', s.queued),
           'SELECT pid, backend_type, datname FROM pg_stat_activity WHERE backend_type <> ''client '
           'backend''; SHOW max_worker_processes'
      FROM s
    UNION ALL
    SELECT 'evictions', availability_cache_internal.graded(100 * s.evictions_live > t.evictions * stores.stores AND s.evictions_live >= 100, false),
           format('%s of %s answers kept', s.evictions_live, stores.stores),
           'answers that were still good and went to make room',
           'SHOW availability_cache.shared_memory_size'
      FROM s, t, stores
    UNION ALL
    SELECT 'cells', availability_cache_internal.graded(100 * s.miss_lost > t.evictions * stores.stores
                                                       AND s.miss_lost >= 100, false),
           format('%s of %s answers kept', s.miss_lost, stores.stores),
           'answers that were let go without a change, for want of places for what they depend on',
           'SHOW availability_cache.shared_memory_size'
      FROM s, t, stores
    UNION ALL
    SELECT 'stale hits', availability_cache_internal.graded(false, s.stale_hits > 0), s.stale_hits::text,
           format('of %s hits that were computed again', s.audits),
           'SELECT at, key, detail, count FROM availability_cache.events WHERE kind = ''stale'' ORDER BY at '
           'DESC'
      FROM s
    UNION ALL
    SELECT 'functions counted', availability_cache_internal.graded(s.uncounted > 0, false), s.uncounted::text,
           'what more memoized functions did than there are places to count, on the whole server',
           'SELECT function, calls FROM availability_cache.memoized ORDER BY calls'
      FROM s
$$;
COMMENT ON FUNCTION availability_cache_internal.health_of_figures() IS
    'Internal, of the view health: what the counters say.';

CREATE FUNCTION availability_cache_internal.health_of_kept()
RETURNS TABLE(name text, status text, value text, detail text, statement text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH t AS (SELECT availability_cache_internal.threshold('not_kept') AS share,
               availability_cache_internal.threshold('prepared') AS prepared),
    s AS (SELECT * FROM availability_cache.stats WHERE datname = current_database()),
    lost AS (SELECT a.source, a.not_kept, a.computed, a.reason FROM availability_cache.activity a, t
              WHERE a.function IS NOT NULL AND a.not_kept >= 10 AND 100 * a.not_kept > t.share * a.computed
             UNION ALL
             SELECT 'slots and functions', s.bypass_triggers + s.bypass_pending, s.misses + s.bypasses,
                    CASE WHEN s.bypass_triggers > s.bypass_pending
                        THEN 'a trigger is or was missing or disabled'
                            ELSE 'a change was under way, or is prepared' END
               FROM s, t
              WHERE s.bypass_triggers + s.bypass_pending >= 10
                AND 100 * (s.bypass_triggers + s.bypass_pending) > t.share * (s.misses + s.bypasses)),
    held AS (SELECT max(x.prepared) AS since, min(x.prepared) AS oldest, count(*) AS n
             FROM pg_prepared_xacts x WHERE x.database = current_database())
    SELECT 'answers not kept', availability_cache_internal.graded(count(*) > 0, false),
           format('%s sources', count(*)),
           string_agg(format('%s: %s of %s computations, %s', l.source, l.not_kept, l.computed, l.reason),
                      '; ' ORDER BY l.not_kept DESC),
           'SELECT function, misses, not_kept, reason FROM availability_cache.memoized WHERE not_kept > 0; '
           'SELECT * FROM availability_cache.sources'
      FROM lost l
    UNION ALL
    SELECT 'prepared transactions',
           availability_cache_internal.graded(s.cells_pending > 0
                                              AND held.oldest < clock_timestamp() - make_interval(secs => t.prepared), false),
           format('%s cells held', s.cells_pending),
           concat_ws(', ', format('%s prepared here', held.n), 'the oldest since ' || held.oldest::text),
           'SELECT gid, prepared, owner FROM pg_prepared_xacts WHERE database = current_database() ORDER BY '
           'prepared'
      FROM s, held, t
$$;
COMMENT ON FUNCTION availability_cache_internal.health_of_kept() IS
    'Internal, of the view health: what keeps answers from being kept.';

-- What the catalogs say.

-- Functions of one's own may do with some of the tables. Not told to who may not read the rules.
CREATE FUNCTION availability_cache_internal.roles_missing() RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    there text[] := (SELECT array_agg(a.role) FROM availability_cache_internal.attached() a);
BEGIN
    IF there IS NULL OR NOT has_column_privilege('availability_cache.rules', 'compute_function', 'SELECT') THEN
        RETURN;
    END IF;
    IF (SELECT r.compute_function IS NOT NULL FROM availability_cache.rules r) THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT r FROM unnest('{bookings,stylist_schedules,stylist_services,services}'::text[]) r
                  WHERE r <> ALL (there);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.roles_missing() IS
    'Internal, of the view health: what nothing is attached as, so that no day can be computed.';

CREATE FUNCTION availability_cache_internal.health_of_tables()
RETURNS TABLE(name text, status text, value text, detail text, statement text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH m AS (SELECT s.role, s.relation, s.triggers, s.columns,
                      (SELECT coalesce(array_agg(c.key ORDER BY c.key), '{}')
                         FROM jsonb_each_text(s.columns) c
                        WHERE c.value IS NOT NULL
                          AND NOT EXISTS (SELECT FROM pg_attribute t
                                           WHERE t.attrelid = s.relation AND t.attname = c.value
                                             AND t.attnum > 0)) AS gone
                 FROM availability_cache.sources s),
    a AS (SELECT m.*, m.columns - m.gone AS given, jsonb_strip_nulls(m.columns - m.gone) AS mapped,
                 format('SELECT * FROM availability_cache.attach(%L, %L, %L)', m.role, m.relation, m.columns)
                     AS again
            FROM m),
    missing AS (SELECT r FROM availability_cache_internal.roles_missing() r),
    indexes AS (SELECT i FROM a, unnest(availability_cache.missing_indexes(a.role, a.relation, a.mapped)) i),
    left_out AS (SELECT format('%s: %s', a.relation, substr(l, 11)) AS l, l LIKE '%SELECT%' AS mappable
                   FROM a, availability_cache_internal.left_out(a.role, a.relation, a.given, a.mapped) l),
    -- Not their size, which would wait for who has locked them.
    tier AS (SELECT coalesce(sum(u.n_dead_tup), 0) AS dead, coalesce(sum(u.n_live_tup), 0) AS live
               FROM pg_stat_all_tables u
              WHERE u.relid IN (SELECT d.objid FROM pg_depend d
                                JOIN pg_extension e ON e.oid = d.refobjid
                                    AND d.refclassid = 'pg_extension'::regclass
                                 WHERE e.extname = 'availability_cache' AND d.classid = 'pg_class'::regclass
                                   AND d.deptype = 'e')
                AND u.relname IN ('availability_cache', 'invalidation'))
    SELECT 'triggers', availability_cache_internal.graded(false, x.bad > 0 OR x.missing IS NOT NULL),
           format('%s of %s tables enabled', x.n - x.bad, x.n),
           nullif(concat_ws('; ', x.detail, 'nothing is attached as ' || x.missing), ''),
           coalesce(x.again,
                    CASE WHEN x.missing IS NOT NULL THEN 'SELECT * FROM availability_cache.attach()' END,
                    'SELECT relation, triggers FROM availability_cache.sources')
      FROM (SELECT count(*) AS n, count(*) FILTER (WHERE a.triggers <> 'enabled') AS bad,
                   string_agg(format('%s: %s', a.relation, a.triggers), '; ')
                       FILTER (WHERE a.triggers <> 'enabled') AS detail,
                   string_agg(a.again, '; ') FILTER (WHERE a.triggers <> 'enabled') AS again,
                   (SELECT string_agg(r, ', ') FROM missing) AS missing
              FROM a) x
    UNION ALL
    SELECT 'indexes', availability_cache_internal.graded(count(*) > 0, false), format('%s missing', count(*)),
           string_agg(i, '; '),
           coalesce(string_agg(i, '; '), 'SELECT relation, missing_indexes FROM availability_cache.sources')
      FROM indexes
    UNION ALL
    SELECT 'columns', availability_cache_internal.graded(x.unmapped > 0, x.gone IS NOT NULL),
           CASE WHEN x.gone IS NOT NULL THEN 'mapped ones are gone'
               ELSE format('%s look as if they mattered and are not mapped', x.unmapped) END,
           nullif(concat_ws('; ', x.gone, x.detail), ''),
           coalesce(x.again, 'SELECT s.relation, l FROM availability_cache.sources s, '
                    'availability_cache_internal.left_out(s.role, s.relation, s.columns, jsonb_strip_nulls(s.columns)) l')
      FROM (SELECT count(*) FILTER (WHERE mappable) AS unmapped, string_agg(l, '; ') AS detail,
                   (SELECT string_agg(format('%s: %s gone, nothing is answered', a.relation,
                                             array_to_string(a.gone, ', ')), '; ')
                      FROM a WHERE a.gone <> '{}') AS gone,
                   (SELECT string_agg(a.again, '; ') FROM a WHERE a.gone <> '{}') AS again
              FROM left_out) x
    UNION ALL
    SELECT 'table tier',
           availability_cache_internal.graded(tier.dead > availability_cache_internal.threshold('dead_rows'),
               tier.dead > 10 * availability_cache_internal.threshold('dead_rows')),
           format('%s dead rows', tier.dead), format('%s others', tier.live),
           'SELECT schemaname, relname, n_live_tup, n_dead_tup, last_autovacuum FROM pg_stat_user_tables '
           'WHERE relname IN (''availability_cache'', ''invalidation'')'
      FROM tier
$$;
COMMENT ON FUNCTION availability_cache_internal.health_of_tables() IS
    'Internal, of the view health: what the catalogs say.';

CREATE FUNCTION availability_cache_internal.health()
RETURNS TABLE(name text, status text, value text, detail text, statement text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    library text := availability_cache_internal.library_version();
    script text := (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'availability_cache');
    preloaded boolean := current_setting('availability_cache.shared_memory_size', true) IS NOT NULL;
BEGIN
    RETURN QUERY SELECT 'preload', availability_cache_internal.graded(NOT preloaded, false),
        CASE WHEN preloaded THEN 'yes' ELSE 'no' END,
        CASE WHEN NOT preloaded THEN 'answers are kept in a table alone, and nothing is counted' END,
        'SHOW shared_preload_libraries';
    RETURN QUERY SELECT 'version', availability_cache_internal.graded(false, library <> script),
        format('library %s, SQL %s', library, script),
        CASE WHEN library <> script THEN 'they were not made for each other' END,
        CASE WHEN string_to_array(library, '.')::int[] < string_to_array(script, '.')::int[]
            THEN 'restart the server'
             ELSE 'ALTER EXTENSION availability_cache UPDATE' END;
    RETURN QUERY SELECT * FROM availability_cache_internal.health_of_tables();
    RETURN QUERY SELECT * FROM availability_cache_internal.health_of_rows();
    IF preloaded THEN
        RETURN QUERY SELECT * FROM availability_cache_internal.health_of_figures();
        RETURN QUERY SELECT * FROM availability_cache_internal.health_of_kept();
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.health() IS 'Internal: what the view health shows.';

CREATE VIEW availability_cache.health AS
    SELECT h.name, h.status, h.value, h.detail, h.statement FROM availability_cache_internal.health() h;
COMMENT ON VIEW availability_cache.health IS
'A row a check of this database: status (ok, warning, critical), the figure, what it comes from, and the '
'statement to run. Thresholds are the settings availability_cache.health_….';

REVOKE ALL ON FUNCTION availability_cache_internal.health(), availability_cache_internal.health_of_figures(),
    availability_cache_internal.health_of_kept(), availability_cache_internal.health_of_tables(),
    availability_cache_internal.roles_missing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache_internal.health(),
    availability_cache_internal.health_of_figures(),
    availability_cache_internal.health_of_kept(), availability_cache_internal.health_of_tables(),
    availability_cache_internal.roles_missing() TO pg_read_all_stats;
GRANT SELECT ON availability_cache.health TO pg_read_all_stats;
