-- Notice and horizon in calendar days: a cut-off so many days before, and a last day that is whole. What they
-- rest on is the rules' row, and the clock; test/unit/kernel_test.c and the oracle have the moments at which
-- an answer changes. Fails when a date is counted in hours, or in another zone than the stylist's.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(14);
DELETE FROM bookings;
DELETE FROM booking_reservations;
DELETE FROM schedule_overrides;
-- Open around the clock, so that every date has slots from midnight to midnight; a zone in which it is nearly
-- noon.
CREATE FUNCTION noon() RETURNS text LANGUAGE sql AS $$
SELECT name FROM pg_timezone_names WHERE name LIKE 'Etc/GMT%' AND extract(hour FROM now() AT TIME ZONE name) IN (11, 12) ORDER BY name LIMIT 1 $$;
DELETE FROM stylist_schedules;
INSERT INTO stylist_schedules (id, stylist_user_id, day_of_week, start_time, end_time) SELECT id('d' || d), stylist(1), d, '00:00', '24:00' FROM generate_series(0, 6) d;
UPDATE stylist_profiles SET timezone = noon();
UPDATE availability_cache.rules SET show_reasons = true, max_advance = '10 days';
CREATE FUNCTION day(n int) RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE noon())::date + n $$;
-- The reasons of a date's slots, each once, in order: of "so many days from today".
CREATE FUNCTION reasons(n int) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(r, ' ' ORDER BY first) FROM (SELECT coalesce(s ->> 'reason', 'free') AS r, min(i) AS first
    FROM jsonb_array_elements(v2(day => day(n)) -> 'slots') WITH ORDINALITY x(s, i) GROUP BY 1) y $$;

SELECT is(reasons(10), 'free too_late', 'by length the last day ends at this hour');
SELECT is(reasons(9) || ', ' || reasons(11), 'free, too_late', 'the days beside it');
UPDATE availability_cache.rules SET advance_whole_days = true;
SELECT is(reasons(10), 'free', 'by dates it is whole');
SELECT is(reasons(9) || ', ' || reasons(11), 'free, too_late', 'and the last');
UPDATE stylist_profiles SET max_advance_days = 3;
SELECT is(reasons(3) || ', ' || reasons(4), 'free, too_late', 'a stylist''s own counts so too');
UPDATE services SET max_advance_days = 2 WHERE id = service(1);
SELECT is(reasons(2) || ', ' || reasons(3), 'free, too_late', 'and a service''s');
UPDATE services SET max_advance_days = NULL;
UPDATE stylist_profiles SET max_advance_days = NULL;
UPDATE availability_cache.rules SET advance_whole_days = false;
SELECT is(reasons(10), 'free too_late', 'by length again');

SELECT is(reasons(0), 'too_soon free', 'no notice: from this hour on');
UPDATE availability_cache.rules SET notice_days = 1, notice_cutoff = '18:00';
SELECT is(reasons(0) || ', ' || reasons(1), 'too_soon, free', 'until 18:00 of the day before');
UPDATE availability_cache.rules SET notice_cutoff = '06:00';
SELECT is(reasons(1) || ', ' || reasons(2), 'too_soon, free', 'which is over at 06:00');
UPDATE availability_cache.rules SET notice_days = 3;
SELECT is(reasons(3) || ', ' || reasons(4), 'too_soon, free', 'of three days before');
UPDATE availability_cache.rules SET min_notice = '4 days';
SELECT is(reasons(4), 'too_soon free', 'besides a notice by length');
UPDATE availability_cache.rules SET min_notice = '0', notice_days = 0, notice_cutoff = '24:00';
SELECT is(reasons(0), 'too_soon free', 'the end of the date itself: no notice');
UPDATE availability_cache.rules SET notice_days = NULL;
SELECT is(reasons(1), 'free', 'none again');

SELECT * FROM finish();
