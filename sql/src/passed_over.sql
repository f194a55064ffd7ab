-- ---------------------------------------------------------------------------
-- Rows that the rules pass over, or take for something else, without a word. The update script has this file
-- too.
-- ---------------------------------------------------------------------------

-- A row a kind of them. condition is for format(): %1$s is the column of the first name, and so on; says is
-- what comes of it. counts: the row counts all the same. What is over is left out: it is in nobody's way.
-- Nothing of it runs what the table's owner wrote: so text is had by concat(), as a cast may be theirs. And
-- nothing of it raises, whatever the row has: a sum of a time and an interval can be beyond all times.
CREATE FUNCTION availability_cache_internal.kinds_passed_over(
    OUT role text, OUT names text[], OUT condition text, OUT counts boolean, OUT says text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT * FROM (VALUES
        ('stylist_schedules', '{stylist_user_id}'::text[], '%1$s IS NULL', false, 'is nobody''s'),
        ('stylist_schedules', '{day_of_week}', '(%1$s BETWEEN 0 AND 7) IS NOT TRUE', false,
         'is no day from 0 to 7, Sunday to Sunday'),
        ('stylist_schedules', '{start_time,end_time}', '(%1$s IS NULL) <> (%2$s IS NULL)', false,
         'one of two times is missing: no hours'),
        ('stylist_schedules', '{effective_until,effective_from}', '%1$s < %2$s', false,
         'is over before it begins: no hours'),
        ('stylist_schedules', '{break_start_time,break_end_time}', '(%1$s IS NULL) <> (%2$s IS NULL)', true,
         'one of two times is missing: no break'),
        ('stylist_schedules', '{interval_weeks}', '%1$s < 0', true, 'counts as every week'),
        ('schedule_overrides', '{override_date}', '%1$s IS NULL', false, 'is of no date'),
        ('schedule_overrides', '{end_date,override_date}', '%1$s < %2$s AND %2$s >= current_date', false,
         'is over before it begins: changes nothing'),
        ('schedule_overrides', '{start_time,end_time,is_closed,override_date,end_date}',
         '(%1$s IS NULL) <> (%2$s IS NULL) AND %3$s IS NOT TRUE AND greatest(%4$s, %5$s) >= current_date',
         false, 'one of two times is missing: changes nothing'),
        ('stylist_services', '{stylist_user_id}', '%1$s IS NULL', false, 'is nobody''s'),
        ('stylist_services', '{service_id}', '%1$s IS NULL', false, 'is of no service'),
        ('bookings', '{start_time,end_time}',
         '((%1$s IS NULL) <> (%2$s IS NULL) OR %2$s <= %1$s) AND greatest(%1$s, %2$s) > now()', false,
         'does not end after it starts: takes nothing'),
        ('class_sessions', '{stylist_user_id}', '%1$s IS NULL', false, 'is nobody''s'),
        ('class_sessions', '{service_id}', '%1$s IS NULL', false, 'is of no service'),
        ('class_sessions', '{start_time,end_time}',
         '(floor(extract(epoch FROM %2$s)) - floor(extract(epoch FROM %1$s)) BETWEEN 1 AND 604800) IS NOT '
         'TRUE AND (greatest(%1$s, %2$s) > now()) IS NOT FALSE', false,
         'lasts no time, or more than 7 days: is no slot'),
        ('resources', '{kind}', '%1$s IS NULL', false, 'is of no kind'),
        ('stylist_services', '{custom_duration_minutes}', '%1$s < ''0''', true, 'is an error'),
        ('services', '{duration_minutes}', '%1$s <= ''0''', true, 'is an error'),
        ('services', '{slot_step_minutes}', '%1$s <= ''0''', true, 'counts as a minute'),
        ('services', '{slot_alignment}',
         'concat(%1$s) NOT IN ('''', ''opening'', ''break'', ''clock'')', true,
         'is an error: one of opening, break, clock'),
        ('stylist_profiles', '{timezone}',
         '%1$s IS NOT NULL AND NOT availability_cache.is_timezone(rtrim(concat(%1$s)))', true,
         'is an error: no name of pg_timezone_names'),
        ('schedule_overrides', '{timezone,override_date,end_date}',
         '%1$s IS NOT NULL AND NOT availability_cache.is_timezone(rtrim(concat(%1$s))) '
         'AND greatest(%2$s, %3$s) >= current_date', true,
         'is an error: no name of pg_timezone_names')) v(role, names, condition, counts, says)
    UNION ALL
    SELECT 'booking_reservations', ARRAY['start_time', 'end_time'],
           '((%1$s IS NULL) <> (%2$s IS NULL) OR %2$s <= %1$s) AND greatest(%1$s, %2$s) > now()', false,
           'does not end after it starts: takes nothing'
    UNION ALL
    SELECT r, ARRAY['seats', 'end_time'], '%1$s <= 0 AND %2$s > now()', true, 'takes no seat'
      FROM unnest('{bookings,booking_reservations}'::text[]) r
    UNION ALL
    SELECT 'class_sessions', ARRAY['seats', 'end_time'], '%1$s <= 0 AND %2$s > now()', true,
           'has no seats: is always full'
    UNION ALL
    SELECT r, ARRAY['capacity'], '%1$s <= 0', true, 'has no seats: is always full'
      FROM unnest('{services,stylist_services}'::text[]) r
    UNION ALL
    SELECT r, ARRAY[n], CASE WHEN worse THEN '%1$s <= ''0''' ELSE '%1$s < ''0''' END, true,
           CASE WHEN worse THEN 'nothing can be booked' ELSE 'counts as 0' END
      FROM unnest('{services,stylist_profiles}'::text[]) r,
           (VALUES ('buffer_before_minutes', false), ('buffer_after_minutes', false),
                   ('min_notice_minutes', false), ('max_advance_days', true), ('max_bookings_per_day', true),
                   ('max_bookings_per_week', true), ('max_daily_minutes', true),
                   ('max_weekly_minutes', true)) v(n, worse);
END;
COMMENT ON FUNCTION availability_cache_internal.kinds_passed_over() IS
    'Internal: rows of attached tables that the rules pass over, by kind.';

-- Those that a table with these columns can have; part: the column to look at. Inactive rows are none of
-- them.
CREATE FUNCTION availability_cache_internal.kinds_passed_over(
    role text, mapped jsonb, OUT part text, OUT condition text, OUT counts boolean, OUT says text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mapped ->> k.names[1], c.condition, k.counts, k.says
      FROM availability_cache_internal.kinds_passed_over() WITH ORDINALITY k(role, names, condition, counts,
                                                                             says, i)
     CROSS JOIN LATERAL (
           SELECT format('%s IS NOT FALSE AND (%s)', coalesce(quote_ident(mapped ->> 'is_active'), 'true'),
                         format(k.condition, VARIADIC array_agg(coalesce(quote_ident(mapped ->> n), 'NULL')
                                                                ORDER BY j))) AS condition
             FROM unnest(k.names) WITH ORDINALITY u(n, j)) c
     WHERE k.role = kinds_passed_over.role AND mapped ? k.names[1]
     ORDER BY k.i
$$;
COMMENT ON FUNCTION availability_cache_internal.kinds_passed_over(text, jsonb) IS
    'Internal: those kinds that a table can have whose columns are these, by the names of source_column.';

-- The caller's rights, and no policy, whose functions would run as them: whoever looks at figures is not to
-- run what a table's owner wrote.
CREATE FUNCTION availability_cache_internal.sees_rows(relation regclass)
RETURNS boolean
LANGUAGE sql STABLE
RETURN has_table_privilege(relation, 'SELECT') AND NOT row_security_active(relation);
COMMENT ON FUNCTION availability_cache_internal.sees_rows(regclass) IS
    'Internal: whether the caller may read all rows of a table.';

-- Of a large table 2 MB are looked at, others each time. It must not wait for who has locked a table.
CREATE FUNCTION availability_cache_internal.rows_passed_over(
    OUT relation regclass, OUT part text, OUT n bigint, OUT says text, OUT statement text, OUT unseen text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
    mapped jsonb;
    share float4;
    kinds record;
    counts bigint[];
BEGIN
    FOR s IN SELECT a.* FROM availability_cache_internal.attached() a
              WHERE a.problem IS NULL AND availability_cache_internal.may_be_attached(a.relation) LOOP
        mapped := jsonb_object(s.names, s.columns);
        relation := s.relation; unseen := NULL;
        BEGIN
            IF availability_cache_internal.sees_rows(relation) IS NOT TRUE THEN
                RAISE insufficient_privilege;
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE NOWAIT', relation);
            share := (SELECT least(100, 100 * 2097152.0 / greatest(sum(pg_relation_size(t)), 1))
                        FROM availability_cache_internal.relation_tree(relation) t);
            SELECT array_agg(k.part) AS parts, array_agg(k.condition) AS conditions, array_agg(k.says) AS says
              INTO kinds FROM availability_cache_internal.kinds_passed_over(s.role, mapped) k;
            EXECUTE format('SELECT ARRAY[%s] FROM %s t TABLESAMPLE SYSTEM (%s)',
                           (SELECT string_agg(format('count(*) FILTER (WHERE %s)', c), ', ')
                              FROM unnest(kinds.conditions) c), relation, share) INTO counts;
            FOR i IN 1 .. cardinality(counts) LOOP
                CONTINUE WHEN counts[i] = 0;
                part := kinds.parts[i]; n := counts[i]; says := kinds.says[i];
                statement := format('SELECT * FROM %s WHERE %s LIMIT 100', relation, kinds.conditions[i]);
                RETURN NEXT;
            END LOOP;
            CONTINUE;
        EXCEPTION
            WHEN insufficient_privilege THEN
                unseen := 'not all of its rows may be read';
            WHEN lock_not_available THEN
                unseen := 'it is locked';
            -- It was changed at this moment.
            WHEN undefined_table OR undefined_column THEN
                CONTINUE;
        END;
        part := NULL; n := NULL; says := NULL; statement := NULL;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.rows_passed_over() IS
'Internal, of the view health: how many rows of attached tables the rules pass over, by kind, with the '
'statement that shows them; or why a table was not looked at.';

CREATE FUNCTION availability_cache_internal.health_of_rows()
RETURNS TABLE(name text, status text, value text, detail text, statement text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'rows', availability_cache_internal.graded(count(r.n) > 0, false),
           format('%s passed over', coalesce(sum(r.n), 0)),
           concat_ws('; ',
                     string_agg(format('%s.%I: %s, %s', r.relation, r.part, r.n, r.says), '; ')
                         FILTER (WHERE r.n > 0),
                     'not looked at: ' || string_agg(format('%s, %s', r.relation, r.unseen), ', ')
                         FILTER (WHERE r.unseen IS NOT NULL)),
           coalesce(string_agg(r.statement, '; '),
                    'SELECT role, relation, columns FROM availability_cache.sources')
      FROM availability_cache_internal.rows_passed_over() r
$$;
COMMENT ON FUNCTION availability_cache_internal.health_of_rows() IS
    'Internal, of the view health: what the attached tables'' rows say.';

-- A row of the stylist's schedule that counts for nothing, for who may read it: why a date may have no hours.
CREATE FUNCTION availability_cache_internal.schedule_passed_over(stylist uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
    mapped jsonb;
    k record;
    found_row jsonb;
BEGIN
    SELECT a.* INTO s FROM availability_cache_internal.attached() a
     WHERE a.role = 'stylist_schedules' AND a.problem IS NULL
       AND availability_cache_internal.may_be_attached(a.relation);
    IF NOT FOUND OR availability_cache_internal.sees_rows(s.relation) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    mapped := jsonb_object(s.names, s.columns);
    FOR k IN SELECT * FROM availability_cache_internal.kinds_passed_over(s.role, mapped) x
              WHERE NOT x.counts LOOP
        -- Of its columns those of the rules: others' types may have casts that their owners wrote.
        EXECUTE format('SELECT to_jsonb(r) FROM (SELECT %s FROM %s t WHERE %I = $1 AND %s LIMIT 1) r',
                       (SELECT string_agg(DISTINCT quote_ident(v), ', ')
                          FROM jsonb_each_text(mapped) e(k, v)),
                       s.relation, mapped ->> 'stylist_user_id', k.condition)
           INTO found_row USING stylist;
        IF found_row IS NOT NULL THEN
            RETURN jsonb_build_object('passed_over', jsonb_build_object('column', k.part, 'why', k.says,
                                                                        'row', found_row));
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.schedule_passed_over(uuid) IS
    'Internal, of explain_slot(): a row of the stylist''s schedule that the rules pass over.';

REVOKE ALL ON FUNCTION availability_cache_internal.health_of_rows(),
    availability_cache_internal.rows_passed_over() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache_internal.health_of_rows(),
    availability_cache_internal.rows_passed_over() TO pg_read_all_stats;
GRANT EXECUTE ON FUNCTION availability_cache_internal.kinds_passed_over(),
    availability_cache_internal.kinds_passed_over(text, jsonb),
    availability_cache_internal.sees_rows(regclass),
    availability_cache_internal.schedule_passed_over(uuid) TO PUBLIC;
