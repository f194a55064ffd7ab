-- ---------------------------------------------------------------------------
-- What the rules' columns take, for whoever sets something else. The update script has this file too.
-- ---------------------------------------------------------------------------

-- The hints. A constraint without one has its definition, so that none can be forgotten; one that somebody
-- has dropped has none.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT k.conname, h.hint
          FROM (VALUES
                ('rules_singleton_check', 'It is always true: availability_cache.rules has one row.'),
                ('rules_slot_step_range', 'From 1 minute to 1 day, in whole seconds.'),
                ('rules_buffer_before_range', 'From 0 to 1 day.'),
                ('rules_buffer_after_range', 'From 0 to 1 day.'),
                ('rules_non_blocking_statuses_no_null',
                 'An array of statuses without NULL: {cancelled,no_show}, or {} for none.'),
                ('rules_blocking_statuses_no_null',
                 'An array of statuses without NULL: {confirmed}; or NULL: non_blocking_statuses.'),
                ('rules_hold_statuses_no_null',
                 'An array of statuses without NULL: {reserved,active}, or {} for none.'),
                ('rules_min_notice_range', 'From 0 to 366 days.'),
                ('rules_max_advance_range', 'From 1 minute to 3660 days.'),
                ('rules_default_timezone_known',
                 'A name of pg_timezone_names, but for right/…: Europe/Berlin.'),
                ('rules_display_format_fixed',
                 'A format of to_char of 1 to 64 characters, without TM: HH24:MI.'),
                ('rules_slot_alignment_known', 'One of opening, break, clock.'),
                ('rules_seat_sharing_known', 'One of slot, time.'),
                ('rules_notice_days_range', 'From 0 to 366; or NULL, and min_notice alone counts.'),
                ('rules_service_caps_known', 'One of each, together.'),
                ('rules_max_bookings_per_day_range', 'From 0; or NULL for any number.'),
                ('rules_max_bookings_per_week_range', 'From 0; or NULL for any number.'),
                ('rules_max_daily_minutes_range', 'From 0; or NULL for any number.'),
                ('rules_max_weekly_minutes_range', 'From 0; or NULL for any number.'),
                ('rules_guard_known', 'One of off, holds, on.')) AS h(name, hint)
          JOIN pg_catalog.pg_constraint k
            ON k.conname = h.name AND k.conrelid = 'availability_cache.rules'::pg_catalog.regclass
    LOOP
        EXECUTE format('COMMENT ON CONSTRAINT %I ON availability_cache.rules IS %L', c.conname, c.hint);
    END LOOP;
END
$$;

-- Violations of constraints have no hint; so these are looked at before the server does.
CREATE FUNCTION availability_cache_internal.rules_allowed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c record;
    refused boolean;
BEGIN
    IF TG_RELID <> 'availability_cache.rules'::regclass THEN
        RAISE EXCEPTION 'availability_cache_internal.rules_allowed() is for availability_cache.rules alone'
            USING ERRCODE = 'trigger_protocol_violated', HINT = 'Drop the trigger.';
    END IF;
    FOR c IN
        SELECT a.attname,
               concat_ws(' ',
                         (SELECT string_agg(obj_description(k.oid, 'pg_constraint'), ' ' ORDER BY k.conname)
                            FROM pg_constraint k
                           WHERE k.conrelid = TG_RELID AND k.contype = 'c' AND a.attnum = ANY (k.conkey)),
                         'DEFAULT is ' || pg_get_expr(d.adbin, d.adrelid) || '.') AS hint
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
           AND to_jsonb(NEW) -> a.attname = 'null'
         ORDER BY a.attnum
    LOOP
        RAISE EXCEPTION 'null value in column "%" of relation "rules" violates not-null constraint', c.attname
            USING ERRCODE = 'not_null_violation', HINT = c.hint,
                  SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = c.attname;
    END LOOP;
    FOR c IN
        SELECT k.conname, pg_get_expr(k.conbin, k.conrelid) AS condition,
               coalesce(obj_description(k.oid, 'pg_constraint'), pg_get_constraintdef(k.oid)) AS hint
          FROM pg_constraint k
         WHERE k.conrelid = TG_RELID AND k.contype = 'c'
         ORDER BY k.conname
    LOOP
        BEGIN
            EXECUTE format('SELECT NOT (%s) FROM (SELECT ($1).*) r', c.condition) INTO refused USING NEW;
        EXCEPTION
            -- array_position() takes no array of arrays.
            WHEN feature_not_supported THEN
                refused := true;
        END;
        IF refused THEN
            RAISE EXCEPTION 'new row for relation "rules" violates check constraint "%"', c.conname
                USING ERRCODE = 'check_violation', HINT = c.hint,
                      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = c.conname;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.rules_allowed() IS
'Internal: trigger on rules; a value that a constraint refuses is an error with a hint, the constraint''s '
'comment.';
REVOKE ALL ON FUNCTION availability_cache_internal.rules_allowed() FROM PUBLIC;
CREATE TRIGGER rules_allowed BEFORE UPDATE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.rules_allowed();
ALTER TABLE availability_cache.rules ENABLE ALWAYS TRIGGER rules_allowed;
