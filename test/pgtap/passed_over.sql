-- Rows that the rules pass over: each kind is counted by the check "rows" of availability_cache.health, the
-- statement it names shows them, and nothing else is said; explain_slot() has the row that counts for nothing
-- where a date has no hours. Who may not read a table, or not all of its rows, is told no number; of a large
-- table little is read; nothing that a table's owner wrote runs as who looks. Shown to fail with, in
-- sql/src/passed_over.sql: any kind left out; inactive rows counted; sees_rows without either of its
-- conditions; no TABLESAMPLE; ::text for concat().
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT * FROM no_plan();
ALTER TABLE stylist_schedules ALTER day_of_week DROP NOT NULL, ALTER start_time DROP NOT NULL,
    DROP CONSTRAINT stylist_schedules_day_of_week_check, ADD interval_weeks int;
ALTER TABLE services ADD capacity int, ADD max_bookings_per_day int, ADD max_bookings_per_week int, ADD max_daily_minutes int,
    ADD max_weekly_minutes int, ADD slot_step_minutes int, ADD slot_alignment text;
ALTER TABLE stylist_services DROP CONSTRAINT stylist_services_pkey, ALTER stylist_user_id DROP NOT NULL, ALTER service_id DROP NOT NULL,
    ADD capacity int;
ALTER TABLE stylist_profiles ADD max_bookings_per_day int, ADD max_bookings_per_week int, ADD max_daily_minutes int, ADD max_weekly_minutes interval;
ALTER TABLE schedule_overrides ADD timezone text;
ALTER TABLE bookings ADD seats int;
ALTER TABLE booking_reservations ADD seats int;
CREATE TABLE resources (id uuid, kind text);
CREATE TABLE class_sessions (stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz, seats int, is_active boolean);
-- What the salon's tables would not take is planted all the same.
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS rel, conname FROM pg_constraint WHERE contype IN ('c', 'f') AND connamespace = current_schema()::regnamespace
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.rel, c.conname); END LOOP;
    FOR c IN SELECT attrelid::regclass AS rel, attname FROM pg_attribute JOIN pg_class r ON r.oid = attrelid
              WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND attnum > 0 AND attnotnull AND attname <> 'id'
                AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey))
    LOOP EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.rel, c.attname); END LOOP;
END $$;
\o /dev/null
SELECT availability_cache.attach('resources', 'resources');
SELECT availability_cache.attach();
\o
CREATE FUNCTION health() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(': ', status, value, detail) FROM availability_cache.health WHERE name = 'rows' $$;
SELECT is(health(), 'ok: 0 passed over: ', 'a salon in order');

CREATE TABLE seen (what text);
-- Rows are planted by a change of one column of one row, or by a row of their own, and undone.
CREATE FUNCTION planted(command text, said text, n int DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    h record;
    r record;
    shown int := 0;
    result text;
BEGIN
    BEGIN
        EXECUTE command;
        SELECT * INTO h FROM availability_cache.health WHERE name = 'rows';
        FOR r IN EXECUTE h.statement LOOP shown := shown + 1; END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'P9999';
    EXCEPTION WHEN SQLSTATE 'P9999' THEN END;
    INSERT INTO seen VALUES (said);
    RETURN is(concat_ws(': ', h.status, h.detail, shown), format('warning: public.%s: %s', said, n), said);
END
$$;
SELECT planted(format('INSERT INTO stylist_schedules (%s) VALUES (%L, %s)', c, stylist(1), v), 'stylist_schedules.' || said)
  FROM (VALUES ('stylist_user_id, day_of_week, start_time, end_time', '8, ''9:00'', ''10:00''', 'day_of_week: 1, is no day from 0 to 7, Sunday to Sunday'),
               ('stylist_user_id, day_of_week, start_time, end_time', '-1, ''9:00'', ''10:00''', 'day_of_week: 1, is no day from 0 to 7, Sunday to Sunday'),
               ('stylist_user_id, day_of_week, start_time, end_time', 'NULL, ''9:00'', ''10:00''', 'day_of_week: 1, is no day from 0 to 7, Sunday to Sunday'),
               ('stylist_user_id, day_of_week, start_time', '7, ''9:00''', 'start_time: 1, one of two times is missing: no hours'),
               ('stylist_user_id, day_of_week, end_time', '0, ''9:00''', 'start_time: 1, one of two times is missing: no hours'),
               ('stylist_user_id, day_of_week, start_time, end_time, effective_from, effective_until', '1, ''9:00'', ''10:00'', ''2031-03-03'', ''2031-03-02''',
                'effective_until: 1, is over before it begins: no hours'),
               ('stylist_user_id, day_of_week, start_time, end_time, break_start_time', '1, ''9:00'', ''10:00'', ''9:30''', 'break_start_time: 1, one of two times is missing: no break'),
               ('stylist_user_id, day_of_week, start_time, end_time, interval_weeks', '1, ''9:00'', ''10:00'', -2', 'interval_weeks: 1, counts as every week')) v(c, v, said);
SELECT planted('INSERT INTO stylist_schedules (day_of_week, start_time, end_time) VALUES (1, ''9:00'', ''10:00'')', 'stylist_schedules.stylist_user_id: 1, is nobody''s');
SELECT planted(format('INSERT INTO schedule_overrides (stylist_user_id, %s) VALUES (%L, %s)', c, stylist(1), v), 'schedule_overrides.' || said)
  FROM (VALUES ('is_closed', 'true', 'override_date: 1, is of no date'),
               ('override_date, end_date, is_closed', '''2031-03-05'', ''2031-03-04'', true', 'end_date: 1, is over before it begins: changes nothing'),
               ('override_date, start_time', '''2031-03-05'', ''9:00''', 'start_time: 1, one of two times is missing: changes nothing'),
               ('override_date, timezone', '''2031-03-05'', ''Mars/Olympus''', 'timezone: 1, is an error: no name of pg_timezone_names')) v(c, v, said);
SELECT planted('INSERT INTO stylist_services (service_id) VALUES (service(1))', 'stylist_services.stylist_user_id: 1, is nobody''s');
SELECT planted('INSERT INTO stylist_services (stylist_user_id) VALUES (stylist(1))', 'stylist_services.service_id: 1, is of no service');
SELECT planted(format('UPDATE %s SET %s', t, v), t || '.' || said, 3)
  FROM unnest('{services,stylist_profiles}'::text[]) t,
       (VALUES ('buffer_before_minutes = -1', 'buffer_before_minutes: 3, counts as 0'), ('buffer_after_minutes = -1', 'buffer_after_minutes: 3, counts as 0'),
               ('min_notice_minutes = -1', 'min_notice_minutes: 3, counts as 0'), ('max_advance_days = 0', 'max_advance_days: 3, nothing can be booked'),
               ('max_bookings_per_day = 0', 'max_bookings_per_day: 3, nothing can be booked'), ('max_bookings_per_week = -1', 'max_bookings_per_week: 3, nothing can be booked'),
               ('max_daily_minutes = 0', 'max_daily_minutes: 3, nothing can be booked'), ('max_weekly_minutes = ''0''', 'max_weekly_minutes: 3, nothing can be booked')) v(v, said);
SELECT planted('UPDATE services SET ' || v, 'services.' || said, 3)
  FROM (VALUES ('duration_minutes = 0', 'duration_minutes: 3, is an error'), ('capacity = 0', 'capacity: 3, has no seats: is always full'),
               ('slot_step_minutes = 0', 'slot_step_minutes: 3, counts as a minute'), ('slot_alignment = ''noon''', 'slot_alignment: 3, is an error: one of opening, break, clock')) v(v, said);
SELECT planted(format('UPDATE stylist_services SET %s WHERE (stylist_user_id, service_id) = (stylist(1), service(1))', v), 'stylist_services.' || said)
  FROM (VALUES ('capacity = 0', 'capacity: 1, has no seats: is always full'), ('custom_duration_minutes = -30', 'custom_duration_minutes: 1, is an error')) v(v, said);
SELECT planted('UPDATE stylist_profiles SET timezone = ''Mars/Olympus''', 'stylist_profiles.timezone: 3, is an error: no name of pg_timezone_names', 3);
SELECT planted(format('INSERT INTO %s (stylist_user_id, service_id, %s) VALUES (%L, %L, %s)', t, c, stylist(1), service(1), v), t || '.' || said)
  FROM unnest('{bookings,booking_reservations}'::text[]) t,
       (VALUES ('start_time, end_time', '''2031-03-05 10:00Z'', ''2031-03-05 09:00Z''', 'start_time: 1, does not end after it starts: takes nothing'),
               ('start_time', '''2031-03-05 10:00Z''', 'start_time: 1, does not end after it starts: takes nothing'),
               ('start_time, end_time, seats', '''2031-03-05 10:00Z'', ''2031-03-05 11:00Z'', 0', 'seats: 1, takes no seat')) v(c, v, said);
SELECT planted('INSERT INTO resources VALUES (gen_random_uuid())', 'resources.kind: 1, is of no kind');
SELECT planted(format('INSERT INTO class_sessions (%s) VALUES (%s)', c, v), 'class_sessions.' || said)
  FROM (VALUES ('service_id, start_time, end_time', 'service(1), ''2031-03-05 10:00Z'', ''2031-03-05 11:00Z''', 'stylist_user_id: 1, is nobody''s'),
               ('stylist_user_id, start_time, end_time', 'stylist(1), ''2031-03-05 10:00Z'', ''2031-03-05 11:00Z''', 'service_id: 1, is of no service'),
               ('stylist_user_id, service_id, start_time, end_time', 'stylist(1), service(1), ''2031-03-05 10:00Z'', ''2031-03-05 09:00Z''', 'start_time: 1, lasts no time, or more than 7 days: is no slot'),
               ('stylist_user_id, service_id, start_time, end_time', 'stylist(1), service(1), ''2031-03-05 10:00Z'', ''2031-03-13 09:00Z''', 'start_time: 1, lasts no time, or more than 7 days: is no slot'),
               ('stylist_user_id, service_id, start_time, end_time', 'stylist(1), service(1), ''2031-03-05 10:00Z'', ''infinity''', 'start_time: 1, lasts no time, or more than 7 days: is no slot'),
               ('stylist_user_id, service_id', 'stylist(1), service(1)', 'start_time: 1, lasts no time, or more than 7 days: is no slot'),
               ('stylist_user_id, service_id, start_time, end_time, seats', 'stylist(1), service(1), ''2031-03-05 10:00Z'', ''2031-03-05 11:00Z'', 0', 'seats: 1, has no seats: is always full')) v(c, v, said);
SELECT is((SELECT string_agg(k.role || '.' || k.names[1] || ': ' || k.says, ', ') FROM availability_cache_internal.kinds_passed_over() k
            WHERE NOT EXISTS (SELECT FROM seen WHERE what LIKE k.role || '.' || k.names[1] || ': %, ' || k.says)), NULL, 'every kind is above');

-- what is said nothing of
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time, is_active) VALUES (stylist(1), 9, '9:00', '10:00', false);
INSERT INTO stylist_schedules (stylist_user_id, day_of_week) VALUES (stylist(1), 1);
INSERT INTO schedule_overrides (stylist_user_id, override_date, end_date) VALUES (stylist(1), '2020-03-05', '2020-03-04');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2020-03-05 10:00Z', '2020-03-05 09:00Z');
INSERT INTO bookings (service_id) VALUES (service(1));
-- Where a condition adds to a time, this has the view raise 22008.
INSERT INTO class_sessions (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '294276-12-30Z', '294276-12-31Z');
-- Classes are cut to whole seconds.
INSERT INTO class_sessions (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-05 10:00Z', '2031-03-12 10:00:00.9Z');
SELECT is(health(), 'ok: 0 passed over: ', 'inactive rows, a day without hours, what is over, what has no time yet, what ends with all times');

-- explain_slot()
CREATE FUNCTION explained() RETURNS jsonb LANGUAGE sql AS $$ SELECT availability_cache.explain_slot(md5('stylist 2')::uuid, md5('service 1')::uuid, '2031-03-07 06:00Z') $$;
DELETE FROM stylist_schedules WHERE stylist_user_id = stylist(2) AND day_of_week = 5;
SELECT is(explained() - '{slot_start,slot_end}'::text[], '{"success": true, "available": false, "status": "unavailable", "reason": "no_hours", "rule": 6, "date": "2031-03-07"}',
          'no hours: a day off');
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time) VALUES (stylist(2), 8, '9:00', '10:00');
SELECT is(explained() -> 'passed_over' #- '{row,stylist_user_id}',
          '{"column": "day_of_week", "why": "is no day from 0 to 7, Sunday to Sunday",
            "row": {"day_of_week": 8, "start_time": "09:00:00", "end_time": "10:00:00", "is_active": true, "break_start_time": null, "break_end_time": null,
                    "effective_from": null, "effective_until": null, "interval_weeks": null}}', 'no hours: a row of a day that there is not');

-- who may not read them
CREATE ROLE figures_reader IN ROLE pg_read_all_stats;
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA availability_cache TO figures_reader, stranger;
SET ROLE stranger;
SELECT is(explained() ? 'passed_over', false, 'explain_slot() says no more to who may not read the table');
SET ROLE figures_reader;
SELECT matches(health(), '^ok: 0 passed over: not looked at: .*public.stylist_schedules, not all of its rows may be read', 'nor does health');
RESET ROLE;
GRANT SELECT ON stylist_schedules TO figures_reader;
SET ROLE figures_reader;
SELECT matches(health(), '^warning: 1 passed over: public.stylist_schedules.day_of_week: 1, .*; not looked at: ', 'who may is told');
RESET ROLE;
-- A policy is somebody's code.
CREATE FUNCTION theirs(uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
ALTER TABLE stylist_schedules ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON stylist_schedules USING (theirs(stylist_user_id));
SET ROLE figures_reader;
SELECT matches(health(), '^ok: .*public.stylist_schedules, not all', 'nor through a policy, which does not run');
SELECT is(explained() ? 'passed_over', false, 'nor does explain_slot()');
RESET ROLE;
ALTER TABLE stylist_schedules DISABLE ROW LEVEL SECURITY;
DELETE FROM stylist_schedules WHERE day_of_week = 8;
-- So is a cast.
CREATE TYPE zone AS ENUM ('Asia/Kathmandu', 'UTC');
ALTER TABLE stylist_profiles ALTER timezone TYPE zone USING timezone::zone;
CREATE FUNCTION theirs(zone) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
CREATE CAST (zone AS text) WITH FUNCTION theirs(zone);
SELECT is(health(), 'ok: 0 passed over: ', 'a cast of theirs does not run');

-- of a large table not all is read: 6,000 rows, one a page
ALTER TABLE bookings ADD filler text;
ALTER TABLE bookings ALTER filler SET STORAGE PLAIN;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, filler)
SELECT stylist(3), service(1), '2031-03-05 10:00Z', '2031-03-05 09:00Z', repeat('x', 4500) FROM generate_series(1, 6000);
BEGIN;
SELECT pg_stat_get_xact_blocks_fetched('bookings'::regclass) AS before \gset
SELECT health() AS said \gset
SELECT ok(pg_stat_get_xact_blocks_fetched('bookings'::regclass) - :before BETWEEN 100 AND 500, 'of 6,000 pages some 256 are read');
COMMIT;
SELECT matches(:'said'::text, '^warning: \d{2,3} passed over: public.bookings.start_time', 'and what is often there is found');
SELECT * FROM finish();
DROP OWNED BY figures_reader, stranger;
DROP ROLE figures_reader, stranger;
