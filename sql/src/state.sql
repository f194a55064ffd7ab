-- ---------------------------------------------------------------------------
-- The attached tables' state, missing indexes. The update script has this file too.
-- ---------------------------------------------------------------------------

-- 'enabled', or what keeps a change from being noticed; answers are cached only when all say 'enabled'. A
-- partition needs no TRUNCATE trigger: what is emptied has another file, which the cache compares.
CREATE OR REPLACE FUNCTION availability_cache_internal.trigger_state(relation regclass)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(string_agg(problem, '; ' ORDER BY problem), 'enabled')
      FROM (SELECT CASE
                     WHEN c.relkind = 'f' THEN format('%s is a foreign table', c.oid::regclass)
                     WHEN t.oid IS NULL THEN format('%s trigger missing on %s', need.what, c.oid::regclass)
                     WHEN t.tgenabled <> 'A'
                         THEN format('%I on %s is not ENABLE ALWAYS', t.tgname, c.oid::regclass)
                   END AS problem
              FROM availability_cache_internal.relation_tree(trigger_state.relation) AS r(oid)
              JOIN pg_catalog.pg_class c ON c.oid = r.oid
             CROSS JOIN (VALUES ('row', 29::smallint), ('TRUNCATE', 32::smallint)) AS need(what, tgtype)
              LEFT JOIN LATERAL
                   (SELECT t.*
                      FROM pg_catalog.pg_trigger t
                     WHERE t.tgrelid = c.oid
                       AND t.tgtype = need.tgtype
                       AND t.tgqual IS NULL
                       AND t.tgattr = ''::int2vector
                       AND t.tgfoid = availability_cache_internal.trigger_function()
                     ORDER BY (t.tgenabled = 'A') DESC
                     LIMIT 1) t ON true
             WHERE need.what = 'row' OR c.oid = trigger_state.relation) AS x
     WHERE problem IS NOT NULL;
END;
COMMENT ON FUNCTION availability_cache_internal.trigger_state(regclass) IS
    'Internal: enabled, or which trigger of an attached table is missing or disabled.';

-- Not told to who may not read the rules.
CREATE FUNCTION availability_cache_internal.counts_together() RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_column_privilege('availability_cache.rules', 'service_caps', 'SELECT') THEN
        RETURN false;
    END IF;
    RETURN (SELECT r.service_caps = 'together' FROM availability_cache.rules r)
       AND EXISTS (SELECT FROM availability_cache_internal.attached() a
                    WHERE a.role = 'services'
                      AND a.names && '{max_bookings_per_day,max_bookings_per_week,max_daily_minutes,'
                                     'max_weekly_minutes}');
END
$$;
COMMENT ON FUNCTION availability_cache_internal.counts_together() IS
'Internal, of missing_indexes(): whether services have caps that count all stylists'' appointments.';

CREATE OR REPLACE FUNCTION availability_cache.missing_indexes(role text, relation regclass, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE
SET intervalstyle = 'postgres'          -- of the predicates that it compares
BEGIN ATOMIC
    WITH wanted(role, keys, long_only) AS (
        VALUES ('bookings', ARRAY['stylist_user_id', 'start_time'], false),
               ('bookings', ARRAY['resource_id', 'start_time'], false),
               ('booking_reservations', ARRAY['resource_id', 'end_time'], false),
               ('class_sessions', ARRAY['stylist_user_id', 'start_time'], false),
               ('bookings', ARRAY['stylist_user_id', 'end_time'], true),
               ('booking_reservations', ARRAY['stylist_user_id', 'end_time'], false),
               ('stylist_schedules', ARRAY['stylist_user_id'], false),
               ('schedule_overrides', ARRAY['stylist_user_id'], false),
               ('schedule_overrides', ARRAY['applies_to_all'], false),
               ('stylist_services', ARRAY['stylist_user_id', 'service_id'], false),
               ('services', ARRAY['id'], false),
               ('stylist_profiles', ARRAY['user_id'], false)
        UNION ALL
        SELECT counted, ARRAY['service_id', 'start_time'], false
          FROM unnest(ARRAY['bookings', 'booking_reservations']) AS counted
         WHERE availability_cache_internal.counts_together()),
    resolved AS (
        SELECT w.long_only,
               (SELECT array_agg((columns ->> k) ORDER BY n)
                FROM unnest(w.keys) WITH ORDINALITY AS u(k, n)) AS cols,
               CASE WHEN w.long_only
                   THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'end_time') END AS ends,
               CASE WHEN w.long_only
                   THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'start_time') END AS starts
          FROM wanted w
         WHERE w.role = missing_indexes.role AND columns ?& w.keys
           AND (columns ? 'start_time' OR NOT w.long_only))
    SELECT coalesce(array_agg(format('CREATE INDEX ON %s (%s)%s', missing_indexes.relation,
                                     (SELECT string_agg(quote_ident(c), ', ') FROM unnest(r.cols) AS c),
                                     CASE WHEN r.long_only
                                          THEN format(' WHERE %s > %s + interval ''1 day''', r.ends, r.starts)
                                          ELSE '' END)
                              ORDER BY r.long_only, r.cols DESC), '{}')
      FROM resolved r
     WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = missing_indexes.relation
           AND i.indisvalid
           AND coalesce(strpos(replace(pg_get_expr(i.indpred, i.indrelid), '::text', ''),
                               format('%s > (%s + ''1 day''::interval)', r.ends, r.starts)) > 0,
                               false) = r.long_only
           AND (SELECT array_agg(a.attname::text ORDER BY k.n)
                  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
                  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.n <= cardinality(r.cols)) = r.cols);
END;
COMMENT ON FUNCTION availability_cache.missing_indexes(text, regclass, jsonb) IS
'The CREATE INDEX commands for the indexes that computing an answer would use and that the relation does '
'not have.';
