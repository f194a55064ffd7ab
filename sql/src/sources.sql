-- ---------------------------------------------------------------------------
-- Sources: which tables hold bookings and the rest
-- ---------------------------------------------------------------------------

CREATE TABLE availability_cache.source_column (
    role text NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('uuid', 'timestamptz', 'text', 'boolean', 'time', 'date', 'integer', 'span')),
    required boolean NOT NULL,
    usual_names text[] NOT NULL,
    PRIMARY KEY (role, name)
);
COMMENT ON TABLE availability_cache.source_column IS
'What attach() looks for in each table: the column''s name in mappings, what it must be (span: an interval, or an integer whose unit is the name''s ending _minutes, _hours, _days or _seconds), and the names it usually has.';

INSERT INTO availability_cache.source_column VALUES
    ('bookings', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('bookings', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('bookings', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('bookings', 4, 'status', 'text', false, '{status}'),
    ('booking_reservations', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('booking_reservations', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('booking_reservations', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('booking_reservations', 4, 'status', 'text', false, '{status}'),
    ('booking_reservations', 5, 'expires_at', 'timestamptz', false, '{expires_at,expires_at_utc,hold_expires_at}'),
    ('stylist_schedules', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_schedules', 2, 'day_of_week', 'integer', true, '{day_of_week,weekday}'),
    ('stylist_schedules', 3, 'start_time', 'time', true, '{start_time,start_time_local,opens_at}'),
    ('stylist_schedules', 4, 'end_time', 'time', true, '{end_time,end_time_local,closes_at}'),
    ('stylist_schedules', 5, 'break_start_time', 'time', false, '{break_start_time,break_start_time_local,break_start}'),
    ('stylist_schedules', 6, 'break_end_time', 'time', false, '{break_end_time,break_end_time_local,break_end}'),
    ('stylist_schedules', 7, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('stylist_schedules', 8, 'effective_from', 'date', false, '{effective_from,valid_from}'),
    ('stylist_schedules', 9, 'effective_until', 'date', false, '{effective_until,effective_to,valid_until}'),
    ('schedule_overrides', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('schedule_overrides', 2, 'override_date', 'date', true, '{override_date,override_start_date,start_date}'),
    ('schedule_overrides', 3, 'end_date', 'date', false, '{end_date,override_end_date}'),
    ('schedule_overrides', 4, 'is_closed', 'boolean', false, '{is_closed,is_day_off,closed}'),
    ('schedule_overrides', 5, 'start_time', 'time', false, '{start_time,start_time_local,override_start_time,override_start_time_local}'),
    ('schedule_overrides', 6, 'end_time', 'time', false, '{end_time,end_time_local,override_end_time,override_end_time_local}'),
    ('schedule_overrides', 7, 'priority', 'integer', false, '{priority}'),
    ('schedule_overrides', 8, 'is_active', 'boolean', false, '{is_active,active}'),
    ('schedule_overrides', 9, 'created_at', 'timestamptz', false, '{created_at}'),
    ('stylist_services', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_services', 2, 'service_id', 'uuid', true, '{service_id}'),
    ('stylist_services', 3, 'custom_duration_minutes', 'span', false, '{custom_duration_minutes,custom_duration,duration_minutes}'),
    ('stylist_services', 4, 'custom_price_cents', 'integer', false, '{custom_price_cents,price_cents}'),
    ('stylist_services', 5, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('services', 1, 'id', 'uuid', true, '{id,service_id}'),
    ('services', 2, 'duration_minutes', 'span', true, '{duration_minutes,base_duration_minutes,duration}'),
    ('services', 3, 'price_cents', 'integer', false, '{price_cents,base_price_cents}'),
    ('services', 4, 'is_active', 'boolean', false, '{is_active,active}'),
    ('services', 5, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before}'),
    ('services', 6, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after}'),
    ('services', 7, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice}'),
    ('services', 8, 'max_advance_days', 'span', false, '{max_advance_days,max_advance}'),
    ('stylist_profiles', 1, 'user_id', 'uuid', true, '{user_id,stylist_user_id,stylist_id,id}'),
    ('stylist_profiles', 2, 'timezone', 'text', false, '{timezone,time_zone}'),
    ('stylist_profiles', 3, 'is_active', 'boolean', false, '{is_active,active}'),
    ('stylist_profiles', 4, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before}'),
    ('stylist_profiles', 5, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after}'),
    ('stylist_profiles', 6, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice}'),
    ('stylist_profiles', 7, 'max_advance_days', 'span', false, '{max_advance_days,max_advance}');

CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.source_column
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard('mapping');
ALTER TABLE availability_cache.source_column ENABLE REPLICA TRIGGER discard;

-- A relation and, if it is partitioned, everything below it.
CREATE FUNCTION availability_cache_internal.relation_tree(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT relation_tree.relation
    UNION
    SELECT t.relid FROM pg_catalog.pg_partition_tree(relation_tree.relation) t;
END;
COMMENT ON FUNCTION availability_cache_internal.relation_tree(regclass) IS 'Internal: a relation and its partitions, all levels.';

-- 'enabled', or what keeps a change from being noticed; answers are cached only when all say 'enabled'.
CREATE FUNCTION availability_cache_internal.trigger_state(relation regclass)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(string_agg(problem, '; ' ORDER BY problem), 'enabled')
      FROM (SELECT CASE
                     WHEN c.relkind = 'f' THEN format('%s is a foreign table', c.oid::regclass)
                     WHEN t.oid IS NULL THEN format('%s trigger missing on %s', need.what, c.oid::regclass)
                     WHEN t.tgenabled <> 'A' THEN format('%I on %s is not ENABLE ALWAYS', t.tgname, c.oid::regclass)
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
                       AND t.tgfoid = 'private.invalidate_availability_cache()'::regprocedure
                     ORDER BY (t.tgenabled = 'A') DESC
                     LIMIT 1) t ON true) AS x
     WHERE problem IS NOT NULL;
END;
COMMENT ON FUNCTION availability_cache_internal.trigger_state(regclass) IS 'Internal: enabled, or which trigger of an attached table is missing or disabled.';

CREATE FUNCTION availability_cache.missing_indexes(role text, relation regclass, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE
SET intervalstyle = 'postgres'          -- of the predicates that it compares
BEGIN ATOMIC
    WITH wanted(role, keys, long_only) AS (
        VALUES ('bookings', ARRAY['stylist_user_id', 'start_time'], false),
               ('bookings', ARRAY['stylist_user_id', 'end_time'], true),
               ('booking_reservations', ARRAY['stylist_user_id', 'end_time'], false),
               ('stylist_schedules', ARRAY['stylist_user_id'], false),
               ('schedule_overrides', ARRAY['stylist_user_id'], false),
               ('stylist_services', ARRAY['stylist_user_id', 'service_id'], false),
               ('services', ARRAY['id'], false),
               ('stylist_profiles', ARRAY['user_id'], false)),
    resolved AS (
        SELECT w.long_only,
               (SELECT array_agg((columns ->> k) ORDER BY n) FROM unnest(w.keys) WITH ORDINALITY AS u(k, n)) AS cols,
               CASE WHEN w.long_only THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'end_time') END AS ends,
               CASE WHEN w.long_only THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'start_time') END AS starts
          FROM wanted w
         WHERE w.role = missing_indexes.role)
    SELECT coalesce(array_agg(format('CREATE INDEX ON %s (%s)%s', missing_indexes.relation,
                                     (SELECT string_agg(quote_ident(c), ', ') FROM unnest(r.cols) AS c),
                                     CASE WHEN r.long_only
                                          THEN format(' WHERE %s > %s + interval ''1 day''', r.ends, r.starts)
                                          ELSE '' END)
                              ORDER BY r.long_only), '{}')
      FROM resolved r
     WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = missing_indexes.relation
           AND i.indisvalid
           AND coalesce(strpos(replace(pg_get_expr(i.indpred, i.indrelid), '::text', ''),
                               format('%s > (%s + ''1 day''::interval)', r.ends, r.starts)) > 0, false) = r.long_only
           AND (SELECT array_agg(a.attname::text ORDER BY k.n)
                  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
                  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.n <= cardinality(r.cols)) = r.cols);
END;
COMMENT ON FUNCTION availability_cache.missing_indexes(text, regclass, jsonb) IS
'The CREATE INDEX commands for the indexes that computing an answer would use and that the relation does not have.';
