/*
 * A random salon, the same for the same setseed(): everything the rules allow, with NULLs, nonsense and dates
 * where clocks change. Needs layouts.sql. Run it under TimeZone UTC and DateStyle ISO.
 *
 *   oracle.fill_salon(mode)    empties the tables, fills them and oracle.key, what to ask for
 *   oracle.random_change(mode, key, now) one single-row change that may well matter to a key; returns its SQL
 *
 * mode: 'hooks' puts the days asked for where clocks change, from 2011 to 2030 (the test sets "now"); 'clock' puts most
 * of them around today.
 */
CREATE TABLE oracle.zone (name text PRIMARY KEY);
INSERT INTO oracle.zone VALUES
    ('Asia/Kathmandu'), ('America/New_York'), ('Australia/Lord_Howe'), ('Pacific/Apia'), ('America/St_Johns'), ('Africa/Casablanca'),
    ('Europe/London'), ('Pacific/Kiritimati'), ('Pacific/Niue'), ('UTC'), ('Asia/Kolkata'), ('America/Los_Angeles'),
    ('Pacific/Chatham'), ('America/Santiago'), ('Asia/Gaza'), ('Africa/Cairo'), ('Pacific/Marquesas'), ('Atlantic/Azores'),
    ('Antarctica/Troll'), ('Asia/Pyongyang'), ('America/Caracas'), ('Europe/Istanbul'), ('Asia/Tokyo'), ('Etc/GMT+12');

/*
 * When a zone's clock is changed, from what to what: found by asking it twice a day, then every minute. The day is
 * that of the reading that is skipped or comes twice.
 */
CREATE TABLE oracle.zone_change AS
WITH half_day AS (
    SELECT z.name AS zone, t
      FROM oracle.zone z,
           generate_series(timestamptz '2011-01-01 00:00+00', '2035-12-31 00:00+00', '12 hours') t
     WHERE (t + interval '12 hours') AT TIME ZONE z.name <> t AT TIME ZONE z.name + interval '12 hours')
SELECT zone, least(reads, would_read)::date AS day, would_read AS clock_before, reads AS clock_after
  FROM half_day,
       generate_series(1, 720) AS minute,
       LATERAL (SELECT (t + minute * interval '1 minute') AT TIME ZONE zone AS reads,
                       (t + (minute - 1) * interval '1 minute') AT TIME ZONE zone + interval '1 minute' AS would_read) AS c
 WHERE reads <> would_read;
CREATE INDEX ON oracle.zone_change (zone, day);

/* What get_available_slots is asked for. */
CREATE TABLE oracle.key (id serial, stylist uuid, service uuid, day date, tz text);
/* The days that the data is about: one or two per stylist. */
CREATE TABLE oracle.focus (stylist uuid, zone text, day date);

CREATE FUNCTION oracle.chance(p float8) RETURNS boolean LANGUAGE sql VOLATILE AS $$ SELECT random() < p $$;
CREATE FUNCTION oracle.between(low integer, high integer) RETURNS integer
LANGUAGE sql VOLATILE AS $$ SELECT low + floor(random() * (high - low + 1))::integer $$;
CREATE FUNCTION oracle.pick(VARIADIC choices text[]) RETURNS text
LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::integer] $$;

CREATE FUNCTION oracle.stylist_id(n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$ SELECT ('5717157a-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION oracle.resource_id(n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$ SELECT ('4e500ce0-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION oracle.service_id(n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$ SELECT ('5e471ce0-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;

/* A time of day, on a day when the clock changes often one about then. */
CREATE FUNCTION oracle.random_time(p_zone text, p_day date) RETURNS interval
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r float8 := random();
    change oracle.zone_change;
BEGIN
    IF r < 0.4 THEN
        SELECT * INTO change FROM oracle.zone_change c WHERE c.zone = p_zone AND c.day = p_day;
        IF FOUND THEN
            RETURN (least(change.clock_before, change.clock_after)
                    + oracle.between(-2, 2 + (extract(epoch FROM greatest(change.clock_before - change.clock_after, change.clock_after - change.clock_before)) / 600)::integer)
                      * interval '10 minutes')::time::interval;
        END IF;
        r := random();
    END IF;
    RETURN CASE
        WHEN r < 0.55 THEN oracle.between(0, 95) * interval '15 minutes'
        WHEN r < 0.80 THEN oracle.between(0, 4 * 12) * interval '5 minutes'
        WHEN r < 0.94 THEN oracle.between(0, 1439) * interval '1 minute'
        WHEN r < 0.98 THEN oracle.between(0, 86399000) * interval '1 millisecond'
        ELSE interval '24 hours' END;
END
$$;

/* A time of day as text; more than 24 hours wraps. */
CREATE FUNCTION oracle.clock(t interval) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE WHEN t > interval '24 hours' THEN t - interval '24 hours' WHEN t < interval '0' THEN t + interval '24 hours' ELSE t END)::text
$$;

/* A span of this layout's type: an interval, or a number of what the column's name says. */
CREATE FUNCTION oracle.span_text(n text, unit text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF n IS NULL OR oracle.layout() <> 'other' THEN
        RETURN n;
    ELSIF abs(n::bigint) > 1000000 THEN
        RETURN oracle.pick('1000000', '-1000000') || ' ' || unit;
    END IF;
    RETURN n || ' ' || unit || oracle.pick('', '', '', '', ' 0.25 seconds', ' 0.75 seconds', ' 1.5 seconds');
END
$$;

CREATE FUNCTION oracle.random_zone() RETURNS text
LANGUAGE sql VOLATILE AS $$ SELECT name FROM oracle.zone ORDER BY random() LIMIT 1 $$;

/* A new row of a table as text by column, about a stylist and a day. */
CREATE FUNCTION oracle.random_row(tbl text, mode text, p_stylist uuid, p_day date) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    zone text := (SELECT f.zone FROM oracle.focus f WHERE f.stylist = p_stylist LIMIT 1);
    change_zone text := coalesce(CASE WHEN oracle.layout() <> 'minimal' THEN zone END,
                                 (SELECT r.default_timezone FROM availability_cache.rules r));
    midnight timestamptz := p_day::timestamp AT TIME ZONE coalesce(zone, 'UTC');
    a interval;
    b interval;
    c interval;
    starts timestamptz;
    ends timestamptz;
    r float8;
    vals jsonb;
BEGIN
    CASE tbl
    WHEN 'stylist_schedules' THEN
        a := oracle.random_time(change_zone, p_day);
        r := random();
        b := CASE WHEN r < 0.70 THEN a + oracle.between(2, 20) * interval '30 minutes'
                  WHEN r < 0.74 THEN a
                  ELSE oracle.random_time(change_zone, p_day) END;
        -- Windows that touch: at midnight, or where another of the stylist's ends.
        r := random();
        IF r < 0.12 THEN
            b := interval '24 hours';
        ELSIF r < 0.24 THEN
            a := interval '0';
        ELSIF r < 0.34 THEN
            a := coalesce((SELECT s.closes::interval FROM oracle.schedule s
                            WHERE s.stylist = p_stylist AND s.closes IS NOT NULL ORDER BY random() LIMIT 1), a);
            b := a + oracle.between(1, 10) * interval '30 minutes';
        END IF;
        c := CASE WHEN random() < 0.8 THEN a + oracle.between(-4, 30) * interval '15 minutes' ELSE oracle.random_time(change_zone, p_day) END;
        vals := jsonb_build_object(
            'stylist_user_id', CASE WHEN oracle.chance(0.97) THEN p_stylist END,
            'day_of_week', CASE WHEN oracle.chance(0.97)
                                THEN CASE WHEN extract(dow FROM p_day) = 0 THEN oracle.pick('0', '7')
                                          ELSE extract(dow FROM p_day)::text END
                                ELSE oracle.pick('8', '-1', NULL, '7', '0') END,
            'start_time', CASE WHEN oracle.chance(0.98) THEN oracle.clock(a) END,
            'end_time', CASE WHEN oracle.chance(0.98) THEN oracle.clock(b) END,
            'is_active', oracle.pick('t', 't', 't', 't', 't', 't', 't', 't', NULL, 'f'),
            'effective_from', CASE WHEN oracle.chance(0.3)
                                   THEN oracle.pick('-infinity', (p_day - oracle.between(-1, 4))::text, (p_day + 0)::text) END,
            'effective_until', CASE WHEN oracle.chance(0.3)
                                    THEN oracle.pick('infinity', (p_day + oracle.between(-1, 4))::text, (p_day + 0)::text) END,
            'break_start_time', NULL, 'break_end_time', NULL,
            'service_id', CASE WHEN oracle.chance(0.15) THEN oracle.service_id(oracle.between(1, 3)) END,
            'interval_weeks', CASE WHEN oracle.chance(0.2) THEN oracle.pick('1', '2', '2', '2', '3', '0', '-2') END,
            'interval_from', CASE WHEN oracle.chance(0.1) THEN (p_day - oracle.between(-20, 40))::text WHEN oracle.chance(0.05) THEN 'infinity' END);
        IF oracle.chance(0.6) THEN
            vals := vals || jsonb_build_object(
                'break_start_time', CASE WHEN oracle.chance(0.97) THEN oracle.clock(c) END,
                'break_end_time', CASE WHEN oracle.chance(0.9) THEN oracle.clock(c + oracle.between(0, 12) * interval '10 minutes')
                                       WHEN oracle.chance(0.8) THEN oracle.clock(oracle.random_time(change_zone, p_day)) END);
        END IF;

    WHEN 'schedule_overrides' THEN
        a := oracle.random_time(change_zone, p_day);
        b := CASE WHEN random() < 0.7 THEN a + oracle.between(0, 20) * interval '30 minutes' ELSE oracle.random_time(change_zone, p_day) END;
        r := random();
        vals := jsonb_build_object(
            'stylist_user_id', CASE WHEN oracle.chance(0.6) THEN p_stylist END,
            'override_date', CASE WHEN oracle.chance(0.5) THEN p_day::text
                                  WHEN oracle.chance(0.95) THEN (p_day - oracle.between(-1, 4))::text
                                  ELSE oracle.pick(NULL, '-infinity') END,
            'end_date', CASE WHEN oracle.chance(0.4) THEN NULL
                             WHEN oracle.chance(0.9) THEN (p_day + oracle.between(-1, 3))::text ELSE 'infinity' END,
            'is_closed', oracle.pick('f', 'f', 'f', 'f', NULL, NULL, 't', 't'),
            'start_time', CASE WHEN r < 0.75 THEN oracle.clock(a) END,
            'end_time', CASE WHEN r < 0.60 OR r > 0.90 THEN oracle.clock(b) END,
            'priority', oracle.pick('0', '0', '0', '0', '0', '0', NULL, '1', '1', '-1', '5'),
            'is_active', oracle.pick('t', 't', 't', 't', 't', 't', NULL, 'f'),
            -- ties
            'created_at', CASE WHEN oracle.chance(0.7) THEN (timestamptz '2010-01-01 00:00+00' + oracle.between(0, 2) * interval '1 day')::text
                               WHEN oracle.chance(0.5) THEN (timestamptz '2010-01-01 00:00+00' + random() * interval '9999 days')::text END,
            'applies_to_all', oracle.pick('f', 'f', 'f', NULL, 't'),
            'timezone', CASE WHEN oracle.chance(0.25) THEN oracle.random_zone() END);

    WHEN 'bookings', 'booking_reservations' THEN
        starts := midnight + oracle.between(-2 * 12, 32 * 12) * interval '5 minutes';
        IF oracle.chance(0.15) THEN
            starts := starts + oracle.pick('-120', '-72', '-48', '-24', '24', '48', '96')::integer * interval '1 hour';
        END IF;
        IF oracle.chance(0.05) THEN
            starts := starts + oracle.between(-99999999, 99999999) * interval '1 microsecond';
        END IF;
        r := random();
        ends := CASE WHEN r < 0.84 THEN starts + oracle.between(1, 18) * interval '10 minutes'
                     WHEN r < 0.86 THEN starts + oracle.between(1, 10 * 24 * 60) * interval '1 minute'
                     WHEN r < CASE tbl WHEN 'bookings' THEN 0.90 ELSE 0.91 END THEN starts
                     WHEN r < 0.94 THEN starts - oracle.between(1, 300) * interval '1 minute'
                     WHEN r < 0.945 THEN 'infinity'
                     ELSE starts + oracle.between(1, 10800) * interval '1 second' END;
        IF ends > starts + interval '5 hours' AND isfinite(ends) THEN   -- a long one may have begun long ago
            starts := starts - (ends - starts) / 2;
        END IF;
        vals := jsonb_build_object(
            'stylist_user_id', CASE WHEN oracle.chance(0.98) THEN p_stylist END,
            'service_id', CASE WHEN oracle.chance(0.95) THEN oracle.service_id(oracle.between(1, 4)) END,
            'start_time', CASE WHEN oracle.chance(0.005) THEN '-infinity' WHEN oracle.chance(0.98) THEN starts::text END,
            'end_time', CASE WHEN oracle.chance(0.98) THEN ends::text END,
            'seats', oracle.pick(NULL, NULL, '1', '1', '2', '3', '0', '-1'),
            'resource_id', CASE WHEN oracle.chance(0.3) THEN oracle.resource_id(oracle.between(1, 5)) END);
        IF tbl = 'bookings' THEN
            vals := vals || jsonb_build_object(
                'status', oracle.pick('confirmed', 'confirmed', 'confirmed', 'pending', 'cancelled', 'cancelled', 'no_show', 'done',
                                      'Cancelled', '', NULL),
                'note', oracle.pick(NULL, 'a', 'b', 'c'), 'customer_name', 'Maya');
        ELSE
            vals := vals || jsonb_build_object(
                'status', oracle.pick('reserved', 'reserved', 'reserved', 'reserved', 'active', 'pending', '', NULL),
                'expires_at', CASE WHEN oracle.chance(0.4) THEN oracle.pick(NULL, NULL, NULL, NULL, 'infinity', '-infinity')
                                   WHEN mode = 'clock'
                                   THEN (clock_timestamp() + oracle.pick('-10 minutes', '10 minutes', '2 hours', '1 second', '100 ms', '-1 ms')::interval)::text
                                   ELSE (starts - oracle.between(-200, 1500) * interval '1 minute')::text END);
        END IF;

    WHEN 'services' THEN
        vals := jsonb_build_object(
            'id', oracle.service_id(oracle.between(1, 3)),
            'name', 'Cut',
            'duration_minutes', oracle.span_text(
                CASE WHEN oracle.chance(0.03) THEN oracle.pick('0', '0', '-5', NULL, '10080', '10081', '2147483647')
                     ELSE oracle.pick('7', '15', '30', '30', '45', '45', '50', '60', '60', '95', '120', '240', '1500') END, 'minutes'),
            'price_cents', oracle.pick(NULL, '0', '1500', '2500', '-1'),
            'is_active', CASE WHEN oracle.chance(0.02) THEN 'f' ELSE oracle.pick('t', 't', 't', NULL) END,
            'slot_step_minutes', CASE WHEN oracle.chance(0.3) THEN
                oracle.span_text(CASE WHEN oracle.chance(0.05) THEN oracle.pick('0', '-1', '2000') ELSE oracle.pick('15', '20', '30', '45', '90', '240') END, 'minutes') END,
            'slot_alignment', CASE WHEN oracle.chance(0.02) THEN 'noon' WHEN oracle.chance(0.3) THEN oracle.pick('opening', 'break', 'clock') END,
            'capacity', CASE WHEN oracle.chance(0.5) THEN oracle.pick('1', '2', '2', '3', '3', '4', '7', '0', '-1', '70000') END,
            'resource_kind', CASE WHEN oracle.chance(0.6) THEN oracle.pick('room', 'room', 'room', 'chair', 'Room') END,
            'only_classes', CASE WHEN oracle.chance(0.1) THEN 't' WHEN oracle.chance(0.3) THEN 'f' END)
            || oracle.random_limits(0.7) || oracle.random_caps();

    WHEN 'class_sessions' THEN
        starts := midnight + oracle.between(-2 * 4, 28 * 4) * interval '15 minutes' + CASE WHEN oracle.chance(0.1) THEN oracle.between(-1500, 1500) * interval '1 millisecond' ELSE '0' END;
        r := random();
        ends := starts + CASE WHEN r < 0.80 THEN oracle.between(1, 12) * interval '15 minutes'
                              WHEN r < 0.85 THEN oracle.between(1, 20000) * interval '1 second'
                              WHEN r < 0.90 THEN oracle.between(1, 60) * interval '6 hours'
                              WHEN r < 0.93 THEN interval '168 hours' + oracle.between(-1, 1) * interval '1 second'
                              WHEN r < 0.95 THEN interval '0' ELSE oracle.between(-200, 200) * interval '20 minutes' END;
        IF ends > starts + interval '5 hours' THEN
            starts := starts - interval '4 hours'; ends := ends - interval '4 hours';
        END IF;
        vals := jsonb_build_object(
            'stylist_user_id', CASE WHEN oracle.chance(0.98) THEN p_stylist END,
            'service_id', CASE WHEN oracle.chance(0.95) THEN oracle.service_id(oracle.between(1, 4)) END,
            'start_time', CASE WHEN oracle.chance(0.01) THEN '-infinity' WHEN oracle.chance(0.98) THEN starts::text END,
            'end_time', CASE WHEN oracle.chance(0.01) THEN 'infinity' WHEN oracle.chance(0.98) THEN ends::text END,
            'seats', oracle.pick(NULL, NULL, '1', '2', '2', '3', '5', '0', '-1', '70000'),
            'status', oracle.pick('confirmed', 'confirmed', 'pending', 'done', 'cancelled', '', NULL, NULL),
            'is_active', oracle.pick('t', 't', 't', 't', 't', NULL, 'f'));

    WHEN 'resources' THEN
        vals := jsonb_build_object(
            'id', oracle.resource_id(oracle.between(1, 5)),
            'name', 'Room',
            'kind', oracle.pick('room', 'room', 'room', 'room', 'chair', 'Room', NULL),
            'is_active', oracle.pick('t', 't', 't', 't', NULL, 'f'));

    WHEN 'stylist_services' THEN
        vals := jsonb_build_object(
            'stylist_user_id', p_stylist,
            'service_id', oracle.service_id(oracle.between(1, 3)),
            'custom_duration_minutes', oracle.span_text(
                CASE WHEN oracle.chance(0.7) THEN NULL WHEN oracle.chance(0.04) THEN oracle.pick('0', '0', '-1', '10081')
                     ELSE oracle.pick('7', '25', '40', '90', '180') END, 'minutes'),
            'custom_price_cents', oracle.pick(NULL, NULL, '0', '1', '9900'),
            'capacity', CASE WHEN oracle.chance(0.2) THEN oracle.pick('1', '2', '4', '0', '-1') END,
            'is_active', CASE WHEN oracle.chance(0.02) THEN 'f' ELSE oracle.pick('t', 't', 't', NULL) END);

    WHEN 'stylist_profiles' THEN
        vals := jsonb_build_object(
            'user_id', p_stylist,
            'display_name', 'Asha',
            'timezone', zone,
            'is_active', CASE WHEN oracle.chance(0.02) THEN 'f' ELSE oracle.pick('t', 't', 't', NULL) END)
            || oracle.random_limits(0.6) || oracle.random_caps();
    END CASE;
    RETURN vals;
END
$$;

/* Caps of a service or a stylist; most have none. */
CREATE FUNCTION oracle.random_caps() RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p float8 := CASE WHEN oracle.chance(0.25) THEN 0.5 ELSE 0 END;
BEGIN
    RETURN jsonb_build_object(
        'max_bookings_per_day', CASE WHEN oracle.chance(p) THEN oracle.pick('1', '1', '2', '2', '3', '3', '5', '0', '-1', '30000') END,
        'max_bookings_per_week', CASE WHEN oracle.chance(p) THEN oracle.pick('1', '2', '3', '4', '5', '7', '0', '-1', '30000') END,
        'max_daily_minutes', CASE WHEN oracle.chance(p) THEN oracle.span_text(oracle.pick('45', '60', '90', '120', '150', '240', '0', '-5', '2147483647'), 'minutes') END,
        'max_weekly_minutes', CASE WHEN oracle.chance(p) THEN oracle.span_text(oracle.pick('60', '120', '180', '240', '400', '0', '-5', '2147483647'), 'minutes') END);
END
$$;

/* Buffers, notice and horizon of a service or a stylist; p_null is the chance that one is not set. */
CREATE FUNCTION oracle.random_limits(p_null float8) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN jsonb_build_object(
        'buffer_before_minutes', CASE WHEN oracle.chance(1 - p_null)
                                      THEN oracle.span_text(oracle.pick('0', '5', '10', '15', '15', '30', '90', '-10', '-10', '2000', '2000'), 'minutes') END,
        'buffer_after_minutes', CASE WHEN oracle.chance(1 - p_null)
                                     THEN oracle.span_text(oracle.pick('0', '5', '10', '15', '20', '30', '90', '-10', '-10', '2000', '2000'), 'minutes') END,
        'min_notice_minutes', CASE WHEN oracle.chance(1 - p_null)
                                   THEN oracle.span_text(CASE WHEN oracle.chance(0.02) THEN '2147483647'
                                                              ELSE oracle.pick('0', '0', '60', '90', '90', '1440', '-30') END, 'minutes') END,
        'max_advance_days', CASE WHEN oracle.chance((1 - p_null) * 0.6)
                                 THEN oracle.span_text(CASE WHEN oracle.chance(0.04) THEN oracle.pick('0', '-1', '2147483647')
                                                            ELSE oracle.pick('1', '2', '30', '3660', '3660') END, 'days') END);
END
$$;

CREATE FUNCTION oracle.random_rules() RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN jsonb_build_object(
        'slot_step', oracle.pick('30 minutes', '30 minutes', '30 minutes', '15 minutes', '60 minutes', '90 minutes', '7 minutes',
                                 '20 minutes 30 seconds', '1 day', '7 hours', '5 hours', CASE WHEN oracle.chance(0.5) THEN '5 minutes' ELSE '45 minutes' END),
        'buffer_before', oracle.pick('0', '0', '10 minutes', '15 minutes', '1 day', '600.7 seconds'),
        'buffer_after', oracle.pick('0', '0', '10 minutes', '20 minutes', '24 hours', '900.2 seconds'),
        'non_blocking_statuses', oracle.pick('{cancelled,no_show}', '{cancelled,no_show}', '{cancelled}', '{}', '{done,pending,""}'),
        'blocking_statuses', CASE WHEN oracle.chance(0.3) THEN oracle.pick('{confirmed}', '{confirmed,pending,""}', '{cancelled,done}', '{}', '{nothing}') END,
        'hold_statuses', oracle.pick('{reserved,active}', '{reserved,active}', '{reserved,active}', '{reserved}', '{pending,""}', CASE WHEN oracle.chance(0.5) THEN '{}' ELSE '{reserved}' END),
        'min_notice', oracle.pick('0', '0', '0', '30 minutes', '2 hours', '1 day', '1.5 seconds'),
        'max_advance', CASE WHEN oracle.chance(0.8) THEN oracle.pick('365 days', '3660 days', '3660 days') ELSE oracle.pick('2 days', '36 hours', '60 seconds') END,
        'default_timezone', CASE WHEN oracle.chance(0.3) THEN 'Asia/Kathmandu' ELSE oracle.random_zone() END,
        'display_format', oracle.pick('HH24:MI', 'HH24:MI', 'HH12:MI AM', 'FMDay DD Mon YYYY HH24:MI:SS', 'IYYY-IW-ID "at" SSSS.US', 'TZ'),
        'show_unavailable', oracle.pick('t', 't', 't', 't', 't', 'f'),
        'show_breaks', oracle.pick('t', 't', 't', 't', 't', 'f'),
        'notice_days', CASE WHEN oracle.chance(0.3) THEN oracle.pick('0', '0', '1', '2') END,
        'notice_cutoff', oracle.pick('00:00', '18:00', '24:00', '02:30', '12:00:00.5'),
        'advance_whole_days', oracle.pick('f', 'f', 't'),
        'show_reasons', oracle.pick('f', 't'),
        'service_caps', oracle.pick('each', 'together'),
        'max_bookings_per_day', CASE WHEN oracle.chance(0.12) THEN oracle.pick('1', '2', '3', '0') END,
        'max_bookings_per_week', CASE WHEN oracle.chance(0.12) THEN oracle.pick('2', '3', '5', '0') END,
        'max_daily_minutes', CASE WHEN oracle.chance(0.12) THEN oracle.pick('60', '90', '150', '0') END,
        'max_weekly_minutes', CASE WHEN oracle.chance(0.12) THEN oracle.pick('120', '240', '400', '0') END,
        'seat_sharing', oracle.pick('slot', 'time'),
        'slot_alignment', oracle.pick('opening', 'opening', 'break', 'clock', 'clock'));
END
$$;

/* Columns that this layout's relation has, of those in a row. */
CREATE FUNCTION oracle.known_columns(tbl text, vals jsonb) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
      FROM pg_attribute a
     WHERE a.attrelid = to_regclass(tbl) AND a.attnum > 0 AND NOT a.attisdropped AND vals ? a.attname::text
$$;

CREATE FUNCTION oracle.insert_row(tbl text, vals jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    cols text[] := oracle.known_columns(tbl, vals);
    command text;
BEGIN
    command := format('INSERT INTO %I (%s) VALUES (%s) ON CONFLICT DO NOTHING', tbl,
                      (SELECT string_agg(quote_ident(c), ', ') FROM unnest(cols) c),
                      (SELECT string_agg(quote_nullable(vals ->> c), ', ') FROM unnest(cols) c));
    EXECUTE command;
    RETURN command;
END
$$;

CREATE FUNCTION oracle.update_rules(vals jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    command text := 'UPDATE availability_cache.rules SET '
                    || (SELECT string_agg(format('%I = %L', key, value), ', ') FROM jsonb_each_text(vals));
BEGIN
    EXECUTE command;
    RETURN command;
END
$$;

/* One who takes seats, or holds them, and counts; the rest is random. */
CREATE FUNCTION oracle.take_seat(mode text, k oracle.key, tbl text, seats integer, starts timestamptz, ends timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT oracle.insert_row(tbl, oracle.random_row(tbl, mode, k.stylist, k.day)
               || jsonb_build_object('stylist_user_id', k.stylist, 'service_id', k.service, 'start_time', starts, 'end_time', ends, 'seats', seats,
                                     'status', CASE WHEN tbl = 'bookings' THEN 'confirmed' ELSE coalesce(r.hold_statuses[1], 'reserved') END, 'expires_at', NULL))
      FROM availability_cache.rules r
$$;

/* Seats of a slot: all of them, by several; half of its time each by two who leave one; or all until it starts. */
CREATE FUNCTION oracle.take_seats(mode text, k oracle.key, capacity integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    starts timestamptz;
    ends timestamptz;
    half interval;
    tbl text := oracle.pick('bookings', 'booking_reservations');
BEGIN
    BEGIN
        SELECT s.slot_start_utc, s.slot_end_utc, (s.slot_end_utc - s.slot_start_utc) / 2 INTO starts, ends, half
          FROM oracle.slots(k.stylist, k.service, k.day, 'UTC', k.day - interval '20 days') s ORDER BY random() LIMIT 1;
    EXCEPTION WHEN OTHERS THEN
        RETURN;
    END;
    CASE WHEN starts IS NULL THEN
        RETURN;
    WHEN oracle.chance(0.4) THEN
        PERFORM oracle.take_seat(mode, k, 'bookings', oracle.between(0, capacity), starts, ends),
                oracle.take_seat(mode, k, tbl, CASE WHEN oracle.chance(0.7) THEN oracle.between(1, capacity) END, starts, ends);
    WHEN oracle.chance(0.6) THEN
        PERFORM oracle.take_seat(mode, k, 'bookings', greatest(capacity - 1, 1), starts, starts + half),
                oracle.take_seat(mode, k, 'bookings', greatest(capacity - 1, 1), starts + half, ends);
    ELSE
        PERFORM oracle.take_seat(mode, k, tbl, capacity, starts - half, starts);
    END CASE;
END
$$;

/* One who takes a resource, or seems to; the rest is random. */
CREATE FUNCTION oracle.take_resource(mode text, k oracle.key, who uuid, service uuid, resource uuid, starts timestamptz, ends timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT oracle.insert_row(t.tbl, oracle.random_row(t.tbl, mode, k.stylist, k.day)
               || jsonb_build_object('stylist_user_id', who, 'service_id', service, 'start_time', starts, 'end_time', ends, 'resource_id', resource,
                                     'status', CASE WHEN t.tbl = 'bookings' THEN 'confirmed' ELSE coalesce(r.hold_statuses[1], 'reserved') END, 'expires_at', NULL))
      FROM availability_cache.rules r, oracle.pick('bookings', 'bookings', 'booking_reservations') AS t(tbl)
$$;

/* Others take all the resources that a slot needs; or all but one, and one more seems to take that. */
CREATE FUNCTION oracle.take_resources(mode text, k oracle.key, needed text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    resources uuid[] := ARRAY(SELECT DISTINCT r.resource FROM oracle.resource r WHERE r.kind = needed AND r.is_active IS NOT FALSE);
    n integer := cardinality(resources);
    seeming text := oracle.pick('none', 'none', 'nobody', 'other service', 'other resource', 'same', 'class', 'class', 'after');
    slot_starts timestamptz;
    slot_ends timestamptz;
    first uuid := CASE WHEN seeming = 'same' OR (seeming <> 'class' AND oracle.chance(0.5)) THEN resources[1] END;
BEGIN
    BEGIN
        SELECT s.slot_start_utc, s.slot_end_utc INTO slot_starts, slot_ends
          FROM oracle.slots(k.stylist, k.service, k.day, 'UTC', k.day - oracle.pick('1 hour', '1 day', '20 days')::interval) s ORDER BY s.status = 'available' DESC, random() LIMIT 1;
    EXCEPTION WHEN OTHERS THEN
        RETURN;
    END;
    IF oracle.chance(0.5) AND EXISTS (SELECT FROM oracle.class c WHERE c.stylist = k.stylist AND c.service = k.service AND c.starts = slot_starts) THEN
        seeming := 'class';
        first := NULL;
    END IF;
    FOR i IN 1 .. CASE WHEN slot_starts IS NULL THEN 0 WHEN seeming = 'none' THEN n ELSE n - 1 END LOOP
        PERFORM oracle.take_resource(mode, k, oracle.stylist_id(3 + i), k.service, CASE WHEN i = 1 THEN first WHEN oracle.chance(0.5) THEN resources[i] END,
                                     slot_starts - oracle.between(0, 1) * interval '1 minute', slot_ends + oracle.between(0, 1) * interval '1 minute');
    END LOOP;
    IF slot_starts IS NOT NULL THEN
        CASE seeming
            WHEN 'nobody' THEN PERFORM oracle.take_resource(mode, k, NULL, k.service, resources[n], slot_starts, slot_ends);
            WHEN 'other service' THEN PERFORM oracle.take_resource(mode, k, oracle.stylist_id(9), oracle.service_id(oracle.between(1, 3)), NULL, slot_starts, slot_ends);
            WHEN 'other resource' THEN PERFORM oracle.take_resource(mode, k, oracle.stylist_id(9), k.service, oracle.resource_id(oracle.between(1, 5)), slot_starts, slot_ends);
            WHEN 'same' THEN PERFORM oracle.take_resource(mode, k, oracle.stylist_id(9), k.service, resources[1], slot_starts, slot_ends);
            WHEN 'class' THEN PERFORM oracle.take_resource(mode, k, b.stylist, b.service, NULL, b.starts, b.ends)
                                 FROM (SELECT stylist, service, starts, ends FROM oracle.booking UNION ALL SELECT stylist, service, starts, ends FROM oracle.hold) b
                                WHERE b.stylist = oracle.stylist_id(4) AND b.service = k.service AND b.starts BETWEEN slot_starts - interval '1 minute' AND slot_starts LIMIT 1;
            WHEN 'after' THEN PERFORM oracle.take_resource(mode, k, oracle.stylist_id(9), k.service, resources[n], slot_ends, slot_ends + interval '20 minutes');
            ELSE NULL;
        END CASE;
    END IF;
END
$$;

/* A cap, and about as many appointments as it allows, on the day or in its week; a few of others. */
CREATE FUNCTION oracle.fill_to_cap(mode text, k oracle.key) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n integer := oracle.between(1, 3);
    tbl text := oracle.pick('stylist_profiles', 'services', 'rules');
    most text;
    col text := oracle.pick('max_bookings_per_day', 'max_bookings_per_week', 'max_daily_minutes', 'max_weekly_minutes');
    zone text := oracle.random_zone();
    starts timestamptz;
    at text;
BEGIN
    most := CASE WHEN col LIKE 'max_bookings%' THEN n::text ELSE (30 * n + oracle.pick('0', '0', '15')::integer)::text END;
    -- Who has a cap is not capped by the rules.
    IF tbl = 'rules' THEN
        PERFORM oracle.update_rules(jsonb_build_object(col, most));
        tbl := 'stylist_profiles';
        most := CASE WHEN oracle.chance(0.5) THEN (most::integer + 2)::text END;
    END IF;
    EXECUTE format('UPDATE %I SET %I = %L WHERE %s', tbl, col,
                   CASE WHEN col LIKE 'max_bookings%' THEN most ELSE oracle.span_text(most, 'minutes') END,
                   CASE tbl WHEN 'services' THEN format('id = %L', k.service) ELSE format('user_id = %L', k.stylist) END);
    FOR i IN 1 .. n + oracle.between(-1, 1) LOOP
        at := oracle.pick('bookings', 'bookings', 'booking_reservations');
        starts := (k.day + oracle.between(0, 47) * interval '30 minutes'
                   + CASE WHEN col LIKE '%week%' THEN oracle.between(-6, 7) ELSE oracle.pick('0', '0', '0', '0', '-1', '1')::integer END * interval '1 day')
                  AT TIME ZONE coalesce((SELECT f.zone FROM oracle.focus f WHERE f.stylist = k.stylist LIMIT 1), zone);
        PERFORM oracle.insert_row(at, oracle.random_row(at, mode, k.stylist, k.day) || jsonb_build_object(
            'stylist_user_id', CASE WHEN oracle.chance(0.6) THEN k.stylist WHEN oracle.chance(0.9) THEN oracle.stylist_id(oracle.between(1, 3)) END,
            'service_id', CASE WHEN oracle.chance(0.8) THEN k.service ELSE oracle.service_id(oracle.between(1, 3)) END,
            'start_time', starts, 'end_time', starts + interval '30 minutes',
            'status', CASE WHEN oracle.chance(0.9) THEN CASE WHEN at = 'bookings' THEN 'confirmed' ELSE coalesce((SELECT r.hold_statuses[1] FROM availability_cache.rules r), 'reserved') END
                           WHEN at = 'bookings' THEN 'cancelled' ELSE 'pending' END));
    END LOOP;
END
$$;

/*
 * A class on the day of a key: one of several that start together, one beside a slot or on it, or one that others have
 * taken seats of, as many as there are or nearly.
 */
CREATE FUNCTION oracle.give_class(mode text, k oracle.key) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    zone text := coalesce((SELECT f.zone FROM oracle.focus f WHERE f.stylist = k.stylist LIMIT 1), (SELECT r.default_timezone FROM availability_cache.rules r));
    starts timestamptz;
    ends timestamptz;
    seats integer := oracle.between(1, 4);
    how text := oracle.pick('beside', 'again', 'taken', 'taken', 'held', 'held', 'met', 'met', 'met', 'longer', 'early');
    other uuid := CASE WHEN oracle.chance(0.7) THEN oracle.service_id(oracle.between(1, 3)) ELSE k.service END;
    tbl text := CASE how WHEN 'held' THEN 'booking_reservations' ELSE oracle.pick('bookings', 'booking_reservations') END;
    vals jsonb;
BEGIN
    BEGIN
        SELECT s.slot_start_utc INTO starts
          FROM oracle.slots(k.stylist, k.service, k.day, 'UTC', k.day - interval '20 days') s WHERE oracle.chance(0.7) ORDER BY random() LIMIT 1;
    EXCEPTION WHEN OTHERS THEN
        RETURN;
    END;
    starts := coalesce(starts, (k.day + oracle.pick('00:00', '23:59:59', '10:00', '13:30', '24:00')::interval) AT TIME ZONE zone)
              + CASE WHEN oracle.chance(0.2) THEN oracle.between(-30, 30) * interval '1 minute' ELSE '0' END;
    ends := starts + oracle.between(1, 9) * interval '20 minutes';
    -- as long as one may be, or the cap of a day allows
    IF oracle.chance(0.06) THEN
        ends := starts + interval '168 hours' + oracle.between(0, 1) * interval '1 second';
    ELSIF oracle.chance(0.08) THEN
        EXECUTE format('UPDATE services SET max_daily_minutes = %L WHERE id = %L',
                       oracle.span_text((extract(epoch FROM ends - starts)::integer / 60 + oracle.between(-1, 0))::text, 'minutes'), k.service);
    END IF;
    vals := oracle.random_row('class_sessions', mode, k.stylist, k.day)
            || jsonb_build_object('stylist_user_id', k.stylist, 'service_id', k.service, 'start_time', starts, 'end_time', ends, 'seats', CASE WHEN oracle.chance(0.75) THEN seats WHEN oracle.chance(0.4) THEN oracle.pick('0', '70000', '70000')::integer END,
                                  'status', CASE WHEN oracle.chance(0.7) THEN NULL ELSE oracle.pick('pending', 'done', 'cancelled', 'no_show') END,
                                  'is_active', oracle.pick('t', 't', 't', 't', NULL, 'f'));
    PERFORM oracle.insert_row('class_sessions', vals || CASE WHEN oracle.chance(0.1) THEN jsonb_build_object('start_time', starts + interval '0.4 seconds') ELSE '{}' END);
    CASE how
    WHEN 'beside' THEN
        PERFORM oracle.insert_row('class_sessions', vals || jsonb_build_object('service_id', CASE WHEN oracle.chance(0.8) THEN oracle.service_id(oracle.between(1, 4)) END,
                                                                               'start_time', ends + oracle.between(-1, 2) * interval '10 minutes', 'end_time', ends + interval '1 hour'));
    WHEN 'again' THEN
        PERFORM oracle.insert_row('class_sessions', vals || jsonb_build_object('end_time', ends + oracle.between(-1, 1) * interval '10 minutes', 'seats', oracle.between(0, 5)));
    WHEN 'met' THEN
        -- before it, at a distance that a buffer may be longer than, or into it
        IF oracle.chance(0.5) THEN
            EXECUTE format('UPDATE services SET buffer_after_minutes = %L WHERE id = %L', oracle.span_text('15', 'minutes'), other);
        END IF;
        PERFORM oracle.take_seat(mode, ROW(k.id, k.stylist, other, k.day, k.tz)::oracle.key, tbl, oracle.between(0, 2),
                                 starts - interval '40 minutes', starts + oracle.pick('-10', '-10', '0', '15')::integer * interval '1 minute');
    WHEN 'longer' THEN
        PERFORM oracle.take_seat(mode, k, tbl, oracle.between(0, 1), starts, ends + interval '1 hour');
    WHEN 'early' THEN
        PERFORM oracle.take_seat(mode, k, tbl, oracle.between(0, 1), starts - interval '30 minutes', starts + oracle.between(0, 1) * interval '10 minutes');
    ELSE
        PERFORM oracle.take_seat(mode, k, tbl, oracle.between(0, seats), starts, ends),
                oracle.take_seat(mode, k, tbl, CASE WHEN oracle.chance(0.6) THEN oracle.between(1, seats) END, starts, ends);
    END CASE;
END
$$;

CREATE FUNCTION oracle.fill_salon(mode text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    f oracle.focus;
    change_zone text;
    i integer;
    j integer;
    tbl text;
    taken oracle.key;
    quiet uuid;
BEGIN
    FOR tbl IN SELECT c.role FROM availability_cache.source_column c GROUP BY c.role LOOP
        IF oracle.layout() = 'usual' AND NOT oracle.attached(tbl) THEN
            PERFORM availability_cache.attach(tbl, tbl::regclass);
        END IF;
    END LOOP;
    FOR tbl IN SELECT s.relation FROM availability_cache.source s ORDER BY s.role LOOP
        -- TRUNCATE has every plan made anew, of each mutant.
        EXECUTE CASE WHEN current_setting('oracle.keep_plans', true) = 'on' THEN 'DELETE FROM ' ELSE 'TRUNCATE ' END || tbl;
    END LOOP;
    DELETE FROM oracle.focus;
    DELETE FROM oracle.key;

    PERFORM oracle.update_rules(oracle.random_rules());

    FOR i IN 1 .. 3 LOOP
        f.stylist := oracle.stylist_id(i);
        f.zone := CASE WHEN oracle.chance(0.85) THEN oracle.random_zone() END;
        change_zone := CASE WHEN oracle.layout() <> 'minimal' THEN f.zone END;
        change_zone := coalesce(change_zone, (SELECT default_timezone FROM availability_cache.rules));
        FOR j IN 1 .. 2 LOOP
            f.day := NULL;
            IF oracle.chance(CASE WHEN mode = 'hooks' THEN 0.75 ELSE 0.5 END) THEN
                SELECT c.day + oracle.pick('-1', '0', '0', '0', '1')::integer INTO f.day
                  FROM oracle.zone_change c
                 WHERE c.zone = change_zone AND (mode <> 'clock' OR oracle.chance(0.1) OR c.day > current_date)
                 ORDER BY random() LIMIT 1;
            END IF;
            f.day := coalesce(f.day, CASE WHEN mode = 'hooks' THEN date '2011-01-02' + oracle.between(0, 7300)
                                          ELSE current_date + oracle.between(-1, 3) END);
            INSERT INTO oracle.focus VALUES (f.*);
        END LOOP;
    END LOOP;

    FOR i IN 1 .. 3 LOOP
        IF oracle.chance(0.98) THEN
            PERFORM oracle.insert_row('services', oracle.random_row('services', mode, NULL, NULL) || jsonb_build_object('id', oracle.service_id(i)));
        END IF;
    END LOOP;
    -- Second rows, where nothing keeps them away.
    FOR i IN 1 .. 3 LOOP
        IF oracle.layout() = 'other' AND oracle.chance(0.3) THEN
            PERFORM oracle.insert_row('services', oracle.random_row('services', mode, NULL, NULL)
                                                  || CASE WHEN oracle.chance(0.5) THEN '{}' ELSE '{"is_active": "f"}' END::jsonb),
                    oracle.insert_row('stylist_services', oracle.random_row('stylist_services', mode, oracle.stylist_id(i), NULL)),
                    oracle.insert_row('stylist_profiles', oracle.random_row('stylist_profiles', mode, oracle.stylist_id(i), NULL)
                                                          || CASE WHEN oracle.chance(0.7) THEN '{}' ELSE jsonb_build_object('timezone', oracle.random_zone()) END);
        END IF;
    END LOOP;
    FOR i IN 1 .. 3 LOOP
        IF oracle.layout() <> 'minimal' AND oracle.chance(0.98) THEN
            PERFORM oracle.insert_row('stylist_profiles', oracle.random_row('stylist_profiles', mode, oracle.stylist_id(i), NULL));
        END IF;
        FOR j IN 1 .. 3 LOOP
            IF oracle.chance(0.97) THEN
                PERFORM oracle.insert_row('stylist_services', oracle.random_row('stylist_services', mode, oracle.stylist_id(i), NULL)
                                          || jsonb_build_object('service_id', oracle.service_id(j)));
            END IF;
        END LOOP;
    END LOOP;

    FOR f IN SELECT * FROM oracle.focus ORDER BY stylist, day LOOP
        FOR i IN 1 .. oracle.pick('0', '1', '1', '1', '2', '2', '3')::integer LOOP
            PERFORM oracle.insert_row('stylist_schedules', oracle.random_row('stylist_schedules', mode, f.stylist, f.day));
        END LOOP;
        IF oracle.chance(0.5) THEN
            PERFORM oracle.insert_row('stylist_schedules', oracle.random_row('stylist_schedules', mode, f.stylist, f.day + oracle.between(-1, 1)));
        END IF;
        -- Open day and night.
        FOR i IN 0 .. CASE WHEN oracle.chance(0.15) THEN 2 ELSE -1 END LOOP
            PERFORM oracle.insert_row('stylist_schedules', oracle.random_row('stylist_schedules', mode, f.stylist, f.day + i)
                                      || '{"start_time": "00:00", "end_time": "24:00", "is_active": null, "effective_from": null, "effective_until": null, "service_id": null, "interval_weeks": null}');
        END LOOP;
        FOR i IN 1 .. oracle.pick('0', '0', '1', '4', '8')::integer LOOP
            PERFORM oracle.insert_row('schedule_overrides', oracle.random_row('schedule_overrides', mode, f.stylist, f.day));
        END LOOP;
        -- Somewhere else for some days, or from the next on; or it is not clear where.
        FOR i IN 1 .. CASE WHEN oracle.layout() = 'minimal' THEN 0 WHEN oracle.chance(0.4) THEN 1 WHEN oracle.chance(0.2) THEN 2 ELSE 0 END LOOP
            PERFORM oracle.insert_row('schedule_overrides', oracle.random_row('schedule_overrides', mode, f.stylist, f.day)
                    || jsonb_build_object('stylist_user_id', f.stylist, 'override_date', f.day - oracle.between(-1, 1), 'end_date', f.day + oracle.between(0, 3),
                                          'is_closed', oracle.pick('f', NULL), 'is_active', 't', 'applies_to_all', oracle.pick('f', NULL),
                                          'timezone', CASE WHEN oracle.chance(0.3) THEN oracle.pick('Pacific/Kiritimati', 'Etc/GMT+12') ELSE oracle.random_zone() END)
                    || CASE WHEN oracle.chance(0.7) THEN '{"start_time": null, "end_time": null}' ELSE '{}' END::jsonb);
        END LOOP;
        IF oracle.layout() <> 'minimal' AND oracle.chance(0.1) THEN
            PERFORM oracle.insert_row('schedule_overrides', to_jsonb(o) || jsonb_build_object('timezone', oracle.random_zone()))
               FROM schedule_overrides o WHERE o.stylist_user_id = f.stylist;
        END IF;
        FOR i IN 1 .. oracle.pick('0', '0', '1', '3', '8')::integer LOOP
            PERFORM oracle.insert_row('bookings', oracle.random_row('bookings', mode, f.stylist, f.day));
        END LOOP;
        FOR i IN 1 .. oracle.pick('0', '2', '4', '7')::integer LOOP
            PERFORM oracle.insert_row('booking_reservations', oracle.random_row('booking_reservations', mode, f.stylist, f.day));
        END LOOP;
        FOR i IN 1 .. 2 LOOP
            INSERT INTO oracle.key (stylist, service, day, tz)
            VALUES (f.stylist, oracle.service_id(oracle.between(1, 3)), f.day + oracle.pick('0', '0', '0', '0', '1', '-1')::integer,
                    CASE WHEN oracle.chance(0.3) THEN NULL WHEN oracle.chance(0.3) THEN coalesce(f.zone, 'UTC')
                         WHEN oracle.chance(0.05) THEN 'asia/kathmandu' ELSE oracle.random_zone() END);
        END LOOP;
    END LOOP;

    -- Of several rows that say the same but for the capacity.
    IF oracle.layout() = 'other' THEN
        PERFORM oracle.insert_row('services', to_jsonb(s) || jsonb_build_object('capacity', oracle.pick(NULL, '2', '5')))
           FROM services s WHERE s.capacity IS NOT NULL AND oracle.chance(0.2);
        PERFORM oracle.insert_row('services', to_jsonb(s) || jsonb_build_object('resource_kind', oracle.pick(NULL, 'room', 'chair', 'Room')))
           FROM services s WHERE s.resource_kind IS NOT NULL AND oracle.chance(0.2);
        -- Or but for where their slots start, or how many take part.
        PERFORM oracle.insert_row('services', to_jsonb(s) || CASE WHEN oracle.chance(0.5) THEN jsonb_build_object('slot_step_minutes', oracle.pick(NULL, '15 minutes', '2 hours'))
                                                                  WHEN oracle.chance(0.5) THEN jsonb_build_object('only_classes', oracle.pick(NULL, 't', 'f'))
                                                                  ELSE jsonb_build_object('slot_alignment', oracle.pick(NULL, 'opening', 'break', 'clock')) END)
           FROM services s WHERE oracle.chance(0.15);
        PERFORM oracle.insert_row('stylist_services', to_jsonb(s) || jsonb_build_object('capacity', oracle.pick(NULL, '2', '5')))
           FROM stylist_services s WHERE oracle.chance(0.1);
    END IF;

    -- Without any buffer, appointments of a service follow each other.
    IF oracle.layout() <> 'minimal' AND oracle.chance(0.2) THEN
        PERFORM oracle.update_rules('{"buffer_before": "0", "buffer_after": "0"}');
        UPDATE services SET buffer_before_minutes = NULL, buffer_after_minutes = NULL;
        UPDATE stylist_profiles SET buffer_before_minutes = NULL, buffer_after_minutes = NULL;
    END IF;

    -- Seats are taken: several customers in one slot, or in the middle of it.
    IF oracle.layout() <> 'minimal' THEN
        FOR taken IN SELECT x.* FROM oracle.key x ORDER BY random() LIMIT 6 LOOP
            PERFORM oracle.take_seats(mode, taken, s.capacity::integer) FROM oracle.service s WHERE s.service = taken.service AND s.capacity BETWEEN 1 AND 9 LIMIT 1;
        END LOOP;
    END IF;

    -- Classes, in some salons.
    IF oracle.layout() <> 'minimal' AND oracle.chance(0.7) THEN
        FOR f IN SELECT * FROM oracle.focus ORDER BY stylist, day LOOP
            FOR i IN 1 .. oracle.pick('0', '0', '1', '2')::integer LOOP
                PERFORM oracle.insert_row('class_sessions', oracle.random_row('class_sessions', mode, f.stylist, f.day));
            END LOOP;
        END LOOP;
        -- Most with somebody who has little else to do.
        quiet := oracle.stylist_id(oracle.between(1, 3));
        DELETE FROM bookings WHERE stylist_user_id = quiet;
        DELETE FROM booking_reservations WHERE stylist_user_id = quiet;
        FOR taken IN SELECT x.* FROM oracle.key x ORDER BY x.stylist = quiet DESC, random() LIMIT 8 LOOP
            PERFORM oracle.give_class(mode, taken);
        END LOOP;
    END IF;
    -- Resources, of which others take some.
    IF oracle.layout() <> 'minimal' THEN
        FOR i IN 1 .. oracle.between(1, 5) LOOP
            PERFORM oracle.insert_row('resources', oracle.random_row('resources', mode, NULL, NULL)
                                                   || CASE WHEN oracle.chance(0.9) THEN jsonb_build_object('id', oracle.resource_id(i)) ELSE '{}' END
                                                   || coalesce((SELECT jsonb_build_object('kind', s.kind) FROM oracle.service s WHERE s.kind IS NOT NULL AND oracle.chance(0.8) ORDER BY random() LIMIT 1), '{}'));
        END LOOP;
        FOR taken IN SELECT x.* FROM oracle.key x ORDER BY random() LOOP
            PERFORM oracle.take_resources(mode, taken, min(s.kind)) FROM oracle.service s WHERE s.service = taken.service HAVING min(s.kind) IS NOT NULL;
        END LOOP;
    END IF;
    -- Caps that are reached, or nearly.
    IF oracle.layout() <> 'minimal' THEN
        FOR taken IN SELECT x.* FROM oracle.key x ORDER BY random() LIMIT 2 LOOP
            PERFORM oracle.fill_to_cap(mode, taken);
        END LOOP;
    END IF;

    -- Now and then a call with one thing wrong.
    IF oracle.chance(0.5) THEN
        i := oracle.between(1, 9);
        INSERT INTO oracle.key (stylist, service, day, tz)
        SELECT CASE i WHEN 1 THEN oracle.stylist_id(99) WHEN 2 THEN NULL ELSE k.stylist END,
               CASE i WHEN 3 THEN oracle.service_id(99) WHEN 4 THEN NULL ELSE k.service END,
               CASE i WHEN 5 THEN NULL WHEN 6 THEN 'infinity' WHEN 7 THEN '-infinity' ELSE k.day END,
               CASE i WHEN 8 THEN 'Mars/Olympus' WHEN 9 THEN '' ELSE k.tz END
          FROM oracle.key k ORDER BY random() LIMIT 1;
    END IF;
END
$$;

CREATE FUNCTION oracle.random_change(mode text, k oracle.key, now timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    tbl text := oracle.pick('bookings', 'bookings', 'bookings', 'bookings', 'booking_reservations', 'booking_reservations',
                            'stylist_schedules', 'stylist_schedules', 'schedule_overrides', 'schedule_overrides',
                            'services', 'stylist_services', 'stylist_profiles', 'resources', 'class_sessions', 'class_sessions', 'rules', 'attach');
    action text := oracle.pick('insert', 'update', 'update', 'update', 'delete');
    f oracle.focus;
    vals jsonb;
    cols text[];
    near text;
    victim text;
    command text;
    slot timestamptz;
BEGIN
    SELECT * INTO f FROM oracle.focus x WHERE x.stylist = k.stylist ORDER BY random() LIMIT 1;
    IF FOUND AND isfinite(k.day) THEN
        f.day := k.day;
    ELSE
        SELECT * INTO f FROM oracle.focus ORDER BY random() LIMIT 1;
    END IF;
    IF tbl = 'rules' THEN
        vals := oracle.random_rules();
        cols := ARRAY(SELECT jsonb_object_keys(vals) k ORDER BY random() LIMIT 1);
        RETURN oracle.update_rules(jsonb_build_object(cols[1], vals ->> cols[1]));
    ELSIF tbl = 'attach' THEN
        IF oracle.layout() <> 'usual' OR oracle.chance(0.5) THEN
            PERFORM availability_cache.flush();
            RETURN 'SELECT availability_cache.flush()';
        END IF;
        tbl := oracle.pick('booking_reservations', 'schedule_overrides', 'stylist_profiles', 'resources', 'class_sessions');
        IF oracle.attached(tbl) THEN
            PERFORM availability_cache.detach(tbl);
            RETURN format('SELECT availability_cache.detach(%L)', tbl);
        END IF;
        PERFORM availability_cache.attach(tbl, tbl::regclass);
        RETURN format('SELECT availability_cache.attach(%L, %L)', tbl, tbl);
    ELSIF to_regclass(tbl) IS NULL THEN
        RETURN 'nothing';
    END IF;

    vals := oracle.random_row(tbl, mode, f.stylist, f.day);
    IF tbl IN ('bookings', 'booking_reservations', 'class_sessions') AND oracle.chance(0.7) THEN
        -- Somebody takes a slot of the day.
        BEGIN
            SELECT s.slot_start_utc INTO slot
              FROM oracle.slots(f.stylist, k.service, f.day, 'UTC', now) s ORDER BY s.status = 'available' DESC, random() LIMIT 1;
        EXCEPTION WHEN OTHERS THEN
            slot := NULL;
        END;
        IF slot IS NOT NULL THEN
            vals := vals || jsonb_build_object('stylist_user_id', CASE WHEN oracle.chance(0.7) THEN f.stylist ELSE oracle.stylist_id(oracle.between(1, 4)) END,
                                               'start_time', slot,
                                               'end_time', slot + oracle.between(1, 60) * interval '1 minute')
                         || CASE WHEN oracle.chance(0.7) THEN jsonb_build_object('service_id', k.service) ELSE '{}' END;
        END IF;
    END IF;
    IF action = 'insert' OR (action = 'delete' AND tbl IN ('services', 'stylist_services', 'stylist_profiles') AND oracle.chance(0.6)) THEN
        RETURN oracle.insert_row(tbl, vals);
    END IF;

    -- Which row: mostly one that the key's answer may depend on.
    near := CASE tbl
        WHEN 'services' THEN CASE WHEN oracle.chance(0.5) THEN format('id = %L', k.service) ELSE 'true' END
        WHEN 'stylist_services' THEN format('stylist_user_id = %L AND service_id = %L', f.stylist, k.service)
        WHEN 'stylist_profiles' THEN format('user_id = %L', f.stylist)
        WHEN 'resources' THEN 'true'
        WHEN 'class_sessions' THEN format('stylist_user_id = %L', f.stylist)
        WHEN 'stylist_schedules' THEN format('stylist_user_id = %L AND day_of_week %% 7 = %s', f.stylist, extract(dow FROM f.day))
        WHEN 'schedule_overrides' THEN format('(stylist_user_id = %L OR stylist_user_id IS NULL) AND %L BETWEEN override_date AND ', f.stylist, f.day)
                                       || CASE oracle.layout() WHEN 'minimal' THEN 'override_date' ELSE 'coalesce(end_date, override_date)' END
        ELSE CASE WHEN oracle.chance(0.7) THEN format('stylist_user_id = %L AND ', f.stylist) ELSE '' END || format('start_time < %L AND end_time > %L', f.day + CASE WHEN oracle.chance(0.3) THEN 7 ELSE 2 END, f.day - CASE WHEN oracle.chance(0.3) THEN 7 ELSE 1 END) END;
    EXECUTE format('SELECT md5(t::text) FROM %I t %s ORDER BY random() LIMIT 1', tbl, CASE WHEN oracle.chance(0.9) THEN 'WHERE ' || near END)
       INTO victim;
    IF victim IS NULL THEN
        RETURN oracle.insert_row(tbl, vals);
    END IF;
    IF action = 'delete' THEN
        command := format('DELETE FROM %I t WHERE md5(t::text) = %L', tbl, victim);
    ELSE
        cols := ARRAY(SELECT c FROM unnest(oracle.known_columns(tbl, vals)) c
                       WHERE c NOT IN ('id', 'user_id')
                         AND (c <> 'created_at' OR tbl = 'schedule_overrides')
                         AND (c NOT IN ('customer_name', 'note', 'name', 'display_name') OR oracle.chance(0.1))
                         AND NOT (tbl = 'stylist_services' AND c IN ('stylist_user_id', 'service_id'))
                       ORDER BY (c IN ('status', 'expires_at') AND oracle.chance(0.3)) DESC, random() LIMIT 1);
        IF cols[1] IN ('start_time', 'end_time') THEN
            cols := '{start_time,end_time}';
        ELSIF cols[1] IN ('break_start_time', 'break_end_time') THEN
            cols := '{break_start_time,break_end_time}';
        ELSIF cols[1] = 'stylist_user_id' AND tbl <> 'schedule_overrides' THEN
            vals := vals || jsonb_build_object('stylist_user_id', oracle.stylist_id(oracle.between(1, 3)));
        ELSIF cols[1] = 'timezone' THEN
            vals := vals || jsonb_build_object('timezone', CASE WHEN oracle.chance(0.8) THEN oracle.random_zone() END);
        ELSIF cols[1] IS NULL THEN
            RETURN 'nothing';
        END IF;
        command := format('UPDATE %I t SET %s WHERE md5(t::text) = %L', tbl,
                          (SELECT string_agg(format('%I = %L', c, vals ->> c), ', ') FROM unnest(cols) c), victim);
    END IF;
    EXECUTE command;
    RETURN command;
END
$$;
