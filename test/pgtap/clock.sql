-- What changes by itself, against the real clock (G4): a slot that starts, a notice that begins, a horizon
-- that moves, a hold that expires, ttl. Fails when an entry outlives its answer (readpath.c: time_is_current;
-- day.c and the kernel: valid_until), when "now" is the transaction's start, or when entries do not live
-- until then.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\set stylists 8
\set bookings 0
SELECT clock_timestamp() AS began \gset
\i :helpers
SELECT plan(35);
-- Everybody's noon is now: no window of this test comes near midnight. What is to come comes at :at, later on a
-- server that is slow.
SELECT 'Etc/GMT' || CASE WHEN h > 0 THEN '-' ELSE '+' END || abs(h) AS zone, date_trunc('second', clock_timestamp() + (clock_timestamp() - timestamptz :'began')) + interval '3 seconds' AS at
  FROM (SELECT (12 - extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC'))::int AS h) x \gset
SELECT (timestamptz :'at' AT TIME ZONE :'zone') AS local \gset
SELECT timestamp :'local'::date AS today, timestamp :'local'::time AS t \gset
UPDATE stylist_profiles SET timezone = :'zone';
DELETE FROM schedule_overrides;
DELETE FROM stylist_schedules;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
SELECT stylist(n), d, time :'t', time :'t' + interval '2 hours' FROM generate_series(1, 8) n, generate_series(0, 6) d;
UPDATE availability_cache.rules SET slot_step = '30 minutes';
-- 1: the first slot starts at :at                           2: as 1, all notice of an hour, the third slot is next
-- 3: horizon of one day, tomorrow's first slot is reached   4: a hold on the third slot that expires at :at
-- 7: as 1, the slot is booked                               8: a hold that has expired and one that never does
UPDATE stylist_profiles SET min_notice_minutes = 60 WHERE user_id = stylist(2);
UPDATE stylist_profiles SET max_advance_days = 1 WHERE user_id = stylist(3);
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at)
SELECT stylist(n), service(1), timestamptz :'at' + s * interval '30 minutes', timestamptz :'at' + (s + 1) * interval '30 minutes', e
  FROM (VALUES (4, 2, timestamptz :'at'), (4, 3, timestamptz :'at' + interval '1 hour'), (8, 2, timestamptz :'at' - interval '1 hour'), (8, 3, NULL)) v(n, s, e);
-- a booking on the slot that starts is no longer one: "unavailable" comes first
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(7), service(1), :'at', timestamptz :'at' + interval '30 minutes');
CREATE FUNCTION statuses(stylist int, day date) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(s ->> 'status', ' ' ORDER BY s ->> 'slot_start_utc') FROM jsonb_array_elements(v1(stylist, day)) s $$;

CALL new('a slot that is about to start', 1, :'today');
CALL new('a notice', 2, :'today');
CALL new('a horizon', 3, :'today'::date + 1);
CALL new('a hold', 4, :'today');
CALL new('no end', 8, :'today');
CALL new('a booking about to start', 7, :'today');
CALL hit('again', 1, :'today');
CALL hit('and again', 4, :'today');
SELECT is(statuses(1, :'today'), 'available available available available', 'before: 1');
SELECT is(statuses(2, :'today'), 'unavailable unavailable available available', 'before: 2');
SELECT is(statuses(3, :'today'::date + 1), 'unavailable unavailable unavailable unavailable', 'before: 3');
SELECT is(statuses(4, :'today'), 'available available reserved reserved', 'before: 4');
SELECT is(statuses(8, :'today'), 'available available available reserved', 'before: 8');
SELECT is(statuses(7, :'today'), 'booked available available available', 'before: 7');
SELECT results_eq(format($$SELECT DISTINCT expires_at FROM availability_cache.entries WHERE datname = current_database() AND stylist_user_id IN (stylist(1), stylist(2), stylist(3), stylist(4), stylist(7))$$),
                  ARRAY[timestamptz :'at'], 'memory knows the moment, of each');
SELECT cmp_ok(clock_timestamp(), '<', timestamptz :'at' - interval '50 milliseconds', 'the moment has not come yet');
-- one transaction, one statement, from before to after: "now" is when it is asked
SELECT v2(1, :'today') ->> 'cached' AS before_cached, pg_sleep(extract(epoch FROM timestamptz :'at' - clock_timestamp()) + 0.05) AS slept,
       v2(1, :'today') ->> 'cached' AS after_cached, status(v2(1, :'today'), to_char(timestamptz :'at' AT TIME ZONE 'UTC', 'HH24:MI:SS')) AS after_status,
       transaction_timestamp() < timestamptz :'at' AS began_before \gset
SELECT is(concat_ws(' ', :'before_cached', :'after_cached', :'began_before'), 'true false t', 'within one statement: a hit before, none after');
CALL new('a notice has begun', 2, :'today');
CALL new('the horizon has moved', 3, :'today'::date + 1);
CALL new('the hold has expired', 4, :'today');
CALL new('the booked slot has started', 7, :'today');
CALL new('this one''s first slot has started too', 8, :'today');
SELECT is(statuses(1, :'today'), 'unavailable available available available', 'after: 1');
SELECT is(statuses(2, :'today'), 'unavailable unavailable unavailable available', 'after: 2');
SELECT is(statuses(3, :'today'::date + 1), 'available unavailable unavailable unavailable', 'after: 3');
SELECT is(statuses(4, :'today'), 'unavailable available available reserved', 'after: 4');
SELECT is(statuses(7, :'today'), 'unavailable available available available', 'after: 7');

-- ttl: a limit that exactness does not need
SET availability_cache.ttl = 2;
SET availability_cache.ttl_jitter = 0;
CALL new('kept for two seconds', 8, :'today'::date + 1);
SELECT is(max(expires_at - computed_at), interval '2 seconds', 'its end') FROM availability_cache.entries WHERE datname = current_database() AND stylist_user_id = stylist(8) AND cache_date = :'today'::date + 1;
CALL hit('within it', 8, :'today'::date + 1);
SELECT counter('miss_expired') AS before, pg_sleep(2.05) AS slept \gset
CALL new('after it', 8, :'today'::date + 1, differs => false);
SELECT is(counter('miss_expired') - :before, 1::bigint, 'and so it is counted');
SET availability_cache.ttl_jitter = 1;
SELECT v2(8, :'today'::date + n) FROM generate_series(2, 30) n \g /dev/null
SELECT ok(count(DISTINCT expires_at - computed_at) > 10 AND max(expires_at - computed_at) <= interval '2 seconds', 'jitter')
  FROM availability_cache.entries WHERE datname = current_database() AND stylist_user_id = stylist(8) AND cache_date > :'today'::date + 1;
SET availability_cache.ttl = 0;
CALL new('no limit', 6, :'today'::date + 3);
SELECT cmp_ok(max(expires_at), '>', now() + interval '2 days', 'but the clock''s own') FROM availability_cache.entries WHERE datname = current_database() AND stylist_user_id = stylist(6);
SELECT * FROM finish();
