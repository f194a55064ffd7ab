-- availability_cache.rules: a CHECK for each column, always one row, and every change invalidates. Fails when
-- a CHECK lets a value through that the functions cannot work with, or refuses one without a hint that says
-- what there is (no trigger rules_allowed), when the row can be lost, or when a change leaves an answer in
-- memory.
\set db ac_rules
\set stylists 1
\set services 1
\set bookings 40
\set days 14
\getenv test AC_TEST
\i :test/lib/salon_database.psql
TABLE availability_cache.rules \gx
SELECT conname FROM pg_constraint WHERE conrelid = 'availability_cache.rules'::regclass AND contype = 'c' ORDER BY 1;

-- what each column takes and what it refuses, by which constraint
CREATE FUNCTION try(col text, val text, OUT result text) LANGUAGE plpgsql AS $$
DECLARE
    con text;
    hint text;
BEGIN
    EXECUTE format('UPDATE availability_cache.rules SET %I = %s', col, val);
    EXECUTE format('SELECT %I FROM availability_cache.rules', col) INTO result;
    result := 'is ' || result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS con = CONSTRAINT_NAME, hint = PG_EXCEPTION_HINT;
    result := concat_ws(' ', SQLSTATE, nullif(con, ''), nullif('(' || hint || ')', '()'));
END
$$;
SELECT col, v, try(col, v) FROM (VALUES
    (1, 'slot_step', $${'1 minute', '1 day', '90 seconds', '59 seconds', '1 day 1 second', '0', '-30 minutes', '60.5 seconds', '1 month', NULL, DEFAULT}$$),
    (2, 'buffer_before', $${'0', '1 day', '24:00:01', '-1 second', NULL, DEFAULT}$$),
    (3, 'buffer_after', $${'0', '1 day', '24:00:01', '-1 second', NULL, DEFAULT}$$),
    (4, 'non_blocking_statuses', $$["'{}'", "'{a,\"b c\"}'", "'{a,NULL}'", "'{NULL}'", "'{{a,b},{c,NULL}}'", "NULL", "DEFAULT"]$$),
    (5, 'hold_statuses', $$["'{}'", "'{a}'", "'{a,NULL}'", "NULL", "DEFAULT"]$$),
    (6, 'min_notice', $${'0', '366 days', '366 days 1 second', '-1 second', NULL, DEFAULT}$$),
    (7, 'max_advance', $${'1 minute', '3660 days', '10 years', '59 seconds', '0', '3660 days 1 second', '-1 year', NULL, DEFAULT}$$),
    (8, 'default_timezone', $${'UTC', 'America/New_York', 'Mars/Olympus', '', repeat('x'\,10000), NULL, DEFAULT}$$),
    (9, 'display_format', $${'HH12:MI AM', repeat('x'\,64), repeat('x'\,65), '', 'TMDay', 'HH24 tmmonth', NULL, DEFAULT}$$),
    (10, 'show_unavailable', $${false, NULL, DEFAULT}$$),
    (11, 'show_breaks', $${false, NULL, DEFAULT}$$),
    (12, 'seat_sharing', $${'time', 'seat', NULL, DEFAULT}$$),
    (13, 'notice_days', $${0, 366, 367, -1, NULL, DEFAULT}$$),
    (14, 'notice_cutoff', $${'24:00', '25:00', NULL, DEFAULT}$$),
    (15, 'advance_whole_days', $${true, NULL, DEFAULT}$$),
    (16, 'show_reasons', $${true, NULL, DEFAULT}$$),
    (17, 'blocking_statuses', $$["'{}'", "'{a,NULL}'", "'{a}'", "DEFAULT"]$$),
    (18, 'singleton', $${false, NULL, true}$$),
    (19, 'slot_alignment', $${'clock', 'noon', NULL, DEFAULT}$$),
    (20, 'service_caps', $${'together', 'all', NULL, DEFAULT}$$),
    (21, 'guard', $${'holds', 'of', NULL, DEFAULT}$$),
    (22, 'max_bookings_per_day', $${0, -1, NULL}$$),
    (23, 'max_bookings_per_week', $${0, -1, NULL}$$),
    (24, 'max_daily_minutes', $${0, -1, NULL}$$),
    (25, 'max_weekly_minutes', $${0, -1, NULL}$$),
    (26, 'compute_function', $${'none()', 'now()', NULL}$$)
  ) AS c(n, col, vals),
  LATERAL (SELECT replace(x, '\,', ',') AS v, i FROM unnest(CASE WHEN vals LIKE '[%' THEN ARRAY(SELECT jsonb_array_elements_text(vals::jsonb))
                                                           ELSE regexp_split_to_array(trim(vals, '{}'), ', ') END) WITH ORDINALITY u(x, i)) v
 ORDER BY n, i;
SELECT count(*) FROM availability_cache.rules;
-- each constraint has a hint, and one that somebody adds has its definition
SELECT conname FROM pg_constraint WHERE conrelid = 'availability_cache.rules'::regclass AND contype = 'c' AND obj_description(oid, 'pg_constraint') IS NULL;
ALTER TABLE availability_cache.rules ADD CONSTRAINT theirs CHECK (slot_step <> '7 minutes');
SELECT try('slot_step', $$'7 minutes'$$);
ALTER TABLE availability_cache.rules DROP CONSTRAINT theirs;

-- one row: an INSERT (pg_restore's) takes its place, DELETE and TRUNCATE do not go
DELETE FROM availability_cache.rules;
TRUNCATE availability_cache.rules;
INSERT INTO availability_cache.rules (slot_step, buffer_after, show_breaks, non_blocking_statuses, default_timezone)
VALUES ('15 minutes', '5 minutes', false, '{none}', 'UTC');
TABLE availability_cache.rules \gx
INSERT INTO availability_cache.rules (slot_step) VALUES ('1 second');
COPY availability_cache.rules (singleton, slot_step, max_advance) FROM stdin;
t	00:20:00	3660 days
\.
SELECT slot_step, buffer_after, show_breaks, max_advance FROM availability_cache.rules;
SET session_replication_role = replica;
DELETE FROM availability_cache.rules;
TRUNCATE availability_cache.rules;
INSERT INTO availability_cache.rules (max_advance) VALUES ('3660 days');
RESET session_replication_role;
SELECT count(*), min(slot_step), min(max_advance) FROM availability_cache.rules;

-- every column's change invalidates, and shows in the next answer
SELECT role, action FROM availability_cache.attach();
UPDATE booking_reservations SET expires_at = NULL, start_time = '2031-03-05 13:15Z', end_time = '2031-03-05 13:45Z';
CREATE VIEW day AS
SELECT j ->> 'cached' AS cached, count(s) AS slots, count(*) FILTER (WHERE s ->> 'status' = 'available') AS available,
       count(*) FILTER (WHERE s ->> 'status' = 'booked') AS booked, count(*) FILTER (WHERE s ->> 'status' = 'reserved') AS reserved,
       count(*) FILTER (WHERE s ->> 'status' = 'in_break') AS in_break, count(*) FILTER (WHERE s ->> 'status' = 'unavailable') AS unavailable,
       min(s ->> 'slot_start_utc') AS first, min(s ->> 'slot_display') AS display
  FROM get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') j LEFT JOIN jsonb_array_elements(j -> 'slots') s ON true GROUP BY j;
TABLE day; TABLE day;
UPDATE availability_cache.rules SET slot_step = '1 hour';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET buffer_before = '45 minutes';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET buffer_after = '45 minutes';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET non_blocking_statuses = '{confirmed,cancelled,no_show}';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET hold_statuses = '{}';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET show_breaks = false;
TABLE day; TABLE day;
UPDATE availability_cache.rules SET default_timezone = 'America/New_York';
TABLE day; TABLE day;
UPDATE stylist_profiles SET timezone = NULL;
TABLE day; TABLE day;
UPDATE availability_cache.rules SET display_format = 'HH12:MI PM';
TABLE day; TABLE day;
-- days beyond the horizon are not kept
UPDATE availability_cache.rules SET max_advance = '1 day';
TABLE day; TABLE day;
UPDATE availability_cache.rules SET show_unavailable = false;
TABLE day;
UPDATE availability_cache.rules SET show_unavailable = true, max_advance = '3660 days', min_notice = '366 days';
TABLE day; TABLE day;
-- one that is rolled back changes nothing
BEGIN;
UPDATE availability_cache.rules SET display_format = 'J';
TABLE day;
ROLLBACK;
TABLE day;
-- nor does one that changes nothing
UPDATE availability_cache.rules SET slot_step = slot_step;
SELECT cached FROM day;

-- who may: the owner; others may read with pg_monitor
CREATE ROLE ac_rules_reader;
GRANT SELECT ON stylist_profiles TO ac_rules_reader;
SET ROLE ac_rules_reader;
TABLE availability_cache.rules;
UPDATE availability_cache.rules SET slot_step = '1 hour';
RESET ROLE;
GRANT pg_monitor TO ac_rules_reader;
SET ROLE ac_rules_reader;
SELECT slot_step FROM availability_cache.rules;
UPDATE availability_cache.rules SET slot_step = '1 hour';
RESET ROLE;
\c :home
DROP DATABASE ac_rules;
DROP ROLE ac_rules_reader;
