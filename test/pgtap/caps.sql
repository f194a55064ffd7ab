-- Caps: what is offered, why not, and what depends on it; alone and under the guard. What several sessions do
-- at once is in test/t/080_guard.pl, random salons in test/oracle. Fails when a week's other days do not
-- outdate a day that has a cap of the week (day.c: depend_on_reach), when they do one that has none, when a
-- range, a hold or the guard does not know of caps, and when what is counted is another's.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(90);
DELETE FROM bookings;
DELETE FROM booking_reservations;
DELETE FROM schedule_overrides;
ALTER TABLE services ADD max_bookings_per_day int, ADD max_bookings_per_week int, ADD max_daily_minutes int, ADD max_weekly_hours int;
ALTER TABLE stylist_profiles ADD max_bookings_per_day int, ADD max_bookings_per_week int, ADD max_daily_minutes int, ADD max_weekly_minutes interval;
\o /dev/null
SELECT availability_cache.attach();
\o
SELECT is(string_agg(role || ' ' || (SELECT count(*) FROM jsonb_object_keys(columns) k WHERE k LIKE 'max_bookings%' OR k LIKE 'max_%ly_minutes'), ', ' ORDER BY role),
          'services 4, stylist_profiles 4', 'attach() finds them under their usual names')
  FROM availability_cache.source WHERE role IN ('services', 'stylist_profiles');
UPDATE availability_cache.rules SET show_reasons = true;
-- v1 knows no reasons.
CREATE OR REPLACE FUNCTION fault(answer jsonb, fresh jsonb, cached boolean) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(', ', CASE WHEN (answer ->> 'cached')::boolean IS DISTINCT FROM cached THEN CASE WHEN cached THEN 'computed' ELSE 'from memory' END END,
                       CASE WHEN (SELECT jsonb_agg(s - 'reason') FROM jsonb_array_elements(answer -> 'slots') s) IS DISTINCT FROM fresh THEN 'v2 is not v1' END) $$;

-- 2031-03-07 is a Friday. Appointments of half an hour at 02:15 UTC and so on: 08:00 in Kathmandu.
CREATE FUNCTION put(name text, service int, at timestamptz, stylist int DEFAULT 1, minutes int DEFAULT 30) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id(name), stylist(stylist), service(service), at, at + make_interval(mins => minutes)) $$;
-- The statuses and reasons that a day's slots have: "available 20, weekly_limit 3".
CREATE FUNCTION tally(service int DEFAULT 1, day date DEFAULT '2031-03-07', stylist int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT coalesce(s ->> 'reason', s ->> 'status'), ', ') FROM jsonb_array_elements(v2(stylist, day, service) -> 'slots') s WHERE coalesce(s ->> 'reason', '') <> 'on_break' $$;

CALL new('without caps');
UPDATE stylist_profiles SET max_bookings_per_day = 2 WHERE user_id = stylist(1);
CALL new('a cap that is not reached', differs => false);
SELECT is(tally(), 'available', 'and leaves all');
SELECT put('a', 1, '2031-03-07 03:15Z');
SELECT is(tally(), 'available, booked', 'one of two');
SELECT put('b', 2, '2031-03-07 05:15Z');
CALL new('two of two');
SELECT is(tally(), 'booked, daily_limit', 'two of two, of any service');
SELECT is(v2() ->> 'reason', 'daily_limit', 'the day says why');
SELECT is(s ->> 'status', 'unavailable', 'its slots are unavailable') FROM jsonb_array_elements(v2() -> 'slots') s WHERE s ->> 'reason' = 'daily_limit' LIMIT 1;
SELECT is(tally(day => '2031-03-06'), 'available', 'not on another day');
SELECT is(tally(stylist => 2), 'available', 'nor of another stylist');
SELECT is(tally(3), 'booked, daily_limit', 'of any service that is asked for');
SELECT is(e ->> 'reason' || ' by ' || (e ->> 'rule') || ' in ' || (e ->> 'role') || ' ' || (e -> 'row' ->> 'max_bookings_per_day'), 'daily_limit by 20 in stylist_profiles 2', 'explain_slot()')
  FROM availability_cache.explain_slot(stylist(1), service(1), '2031-03-07 09:15Z') e;
UPDATE bookings SET status = 'cancelled' WHERE id = id('b');
CALL new('one is cancelled');
INSERT INTO booking_reservations (id, stylist_user_id, service_id, start_time, end_time, expires_at) VALUES (id('h'), stylist(1), service(2), '2031-03-07 05:15Z', '2031-03-07 05:45Z', clock_timestamp() + '2 seconds');
SELECT is(tally(), 'booked, daily_limit, held', 'a hold counts');
SELECT pg_sleep(2.1);
SELECT is(tally(), 'available, booked', 'until it expires, by itself');
UPDATE stylist_profiles SET max_bookings_per_day = NULL;

-- a service's
UPDATE services SET max_bookings_per_day = 1 WHERE id = service(1);
SELECT is(tally(1), 'booked, daily_limit', 'a cap of the service');
SELECT is(tally(2), 'available, booked', 'is not about another');
SELECT is(tally(1, stylist => 2), 'available', 'nor about another stylist''s');
SELECT is(e ->> 'reason' || ' in ' || (e ->> 'role') || ' ' || (e -> 'row' ->> 'max_bookings_per_day'), 'daily_limit in services 1', 'explain_slot() finds it')
  FROM availability_cache.explain_slot(stylist(1), service(1), '2031-03-07 09:15Z') e;
UPDATE services SET max_bookings_per_day = NULL;

-- time
UPDATE stylist_profiles SET max_daily_minutes = 60;
SELECT is(tally(), 'available, booked', 'half an hour of an hour');
UPDATE bookings SET end_time = end_time + interval '1 second' WHERE id = id('a');
SELECT is(tally(), 'booked, daily_limit', 'a second too much for another half hour');
UPDATE bookings SET end_time = end_time - interval '1 second' WHERE id = id('a');
SELECT is(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)], p_duration => '31 minutes') -> 'slots' -> 12 ->> 'reason', 'daily_limit', 'another duration');
UPDATE stylist_profiles SET max_daily_minutes = NULL;

-- weeks: 3 March is a Monday, 9 a Sunday
CALL new('no cap of the week', differs => false);
SELECT put('mon', 1, '2031-03-03 03:15Z');
CALL hit('a booking on Monday');
UPDATE stylist_profiles SET max_bookings_per_week = 3 WHERE user_id = stylist(1);
CALL new('a cap of the week', differs => false);
SELECT put('mon 2', 1, '2031-03-03 05:15Z');
CALL new('and it is outdated by a booking on Monday');
SELECT is(tally(), 'booked, weekly_limit', 'three of three');
SELECT is(tally(day => '2031-03-09'), 'weekly_limit', 'on Sunday, too');
SELECT is(tally(day => '2031-03-10'), 'available', 'not in the next week');
SELECT is(tally(day => '2031-03-02'), 'available', 'nor in the last');
SELECT put('next', 1, '2031-03-10 03:15Z');
CALL hit('a booking in the next week');
SELECT put('other', 1, '2031-03-04 03:15Z', 2);
CALL hit('a booking of another stylist');
UPDATE stylist_profiles SET max_bookings_per_day = 1 WHERE user_id = stylist(1);
SELECT is(tally(), 'booked, daily_limit', 'a day''s cap before the week''s');
UPDATE stylist_profiles SET max_bookings_per_day = NULL;
DELETE FROM bookings WHERE id = id('mon 2');
CALL new('one of Monday is deleted');
SELECT is(tally(), 'available, booked', 'two of three');
UPDATE stylist_profiles SET max_bookings_per_week = NULL, max_weekly_minutes = '1.5 hours';
SELECT is(tally(2), 'available, booked', 'an hour of an hour and a half');
UPDATE services SET max_weekly_hours = 1 WHERE id = service(1);
SELECT is(tally(1), 'booked, weekly_limit', 'an hour of an hour, by the service');
SELECT is(tally(2), 'available, booked', 'which is none of another''s');

-- several days
SELECT is((SELECT string_agg(d ->> 'reason', ' ') FROM jsonb_array_elements(get_available_days(service(1), '2031-03-03', '2031-03-09', ARRAY[stylist(1)]) -> 'days') d WHERE (d ->> 'slots')::int = 0),
          'weekly_limit no_hours weekly_limit weekly_limit weekly_limit weekly_limit weekly_limit', 'a range says why');
SELECT ok(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)], p_exclude_booking_id => id('mon')::text) @? '$.slots[*] ? (@.status == "available")', 'as if one was not booked');
SELECT is(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)], p_exclude_booking_id => id('next')::text) @? '$.slots[*] ? (@.status == "available")', false, 'another is');

-- together: service 1, of which Monday's bookings are stylist 1's, and Tuesday's is stylist 2's; Kathmandu is
-- the default zone
UPDATE stylist_profiles SET max_weekly_minutes = NULL;
UPDATE services SET max_weekly_hours = NULL;
UPDATE services SET max_bookings_per_week = 4 WHERE id = service(1);
SELECT is(tally(), 'available, booked', 'each stylist by itself');
CALL hit('each');
SELECT put('other 2', 1, '2031-03-05 04:15Z', 2);
CALL hit('another stylist''s booking');
SELECT is(array_agg(i), NULL, 'no index is missing') FROM availability_cache.sources, unnest(missing_indexes) i;
UPDATE availability_cache.rules SET service_caps = 'together';
SELECT is(array_agg(i ORDER BY i), '{"CREATE INDEX ON booking_reservations (service_id, start_time)","CREATE INDEX ON bookings (service_id, start_time)"}',
          'but those by which a service''s appointments are found') FROM availability_cache.sources, unnest(missing_indexes) i;
CREATE ROLE looker;
GRANT USAGE ON SCHEMA availability_cache TO looker;
GRANT SELECT ON availability_cache.sources TO looker;
SET ROLE looker;
SELECT is(count(i), 0::bigint, 'who may not read the rules is not told') FROM availability_cache.sources, unnest(missing_indexes) i;
RESET ROLE;
SELECT unnest(missing_indexes) FROM availability_cache.sources \gexec
SELECT is(array_agg(i), NULL, 'which are there then') FROM availability_cache.sources, unnest(missing_indexes) i;
CALL new('together');
SELECT is(tally(), 'booked, weekly_limit', 'all stylists together');
SELECT is(tally(stylist => 3), 'weekly_limit', 'for a third');
SELECT is(tally(2), 'available, booked', 'not another service');
SELECT is(tally(day => '2031-03-10'), 'available, booked', 'nor another week');
DELETE FROM bookings WHERE id = id('other 2');
CALL new('another stylist''s is deleted');
CALL new('for a third', stylist => 3);
SELECT is(tally(), 'available, booked', 'and there is one more');
SELECT put('other 3', 2, '2031-03-05 04:15Z', 2);
CALL hit('another stylist''s booking of another service');
CALL hit('for a third', stylist => 3);
UPDATE bookings SET service_id = service(1) WHERE id = id('other 3');
CALL new('which becomes one of this');
CALL new('for a third', stylist => 3);
SELECT is(tally(), 'booked, weekly_limit', 'and takes the last');
SELECT is((SELECT bool_or(s ->> 'status' = 'available') FROM jsonb_array_elements(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)], p_exclude_booking_id => id('other 3')::text) -> 'slots') s), true,
          'as if another stylist''s were not booked');
SELECT is(e ->> 'reason' || ' in ' || (e ->> 'role'), 'weekly_limit in services', 'explain_slot()') FROM availability_cache.explain_slot(stylist(3), service(1), '2031-03-07 09:15Z') e;
UPDATE services SET max_bookings_per_week = NULL, max_daily_minutes = 60 WHERE id = service(1);
INSERT INTO booking_reservations (id, stylist_user_id, service_id, start_time, end_time, expires_at)
SELECT id('h' || s), stylist(s), service(1), '2031-03-07 05:15Z', '2031-03-07 05:30Z', clock_timestamp() + interval '2 seconds' FROM generate_series(2, 3) s;
SELECT is(tally(), 'booked, daily_limit', 'others'' holds count');
SELECT pg_sleep(2.1);
SELECT is(tally(), 'available, booked', 'until they expire');
UPDATE availability_cache.rules SET service_caps = 'each';
DELETE FROM bookings WHERE id IN (id('other'), id('other 3'));
UPDATE services SET max_daily_minutes = NULL;
UPDATE services SET max_weekly_hours = 1 WHERE id = service(1);
UPDATE stylist_profiles SET max_weekly_minutes = '1.5 hours' WHERE user_id = stylist(1);

-- the rules', of who has none
UPDATE services SET max_weekly_hours = NULL;
UPDATE stylist_profiles SET max_weekly_minutes = NULL;
SELECT is(tally(), 'available, booked', 'no cap');
UPDATE availability_cache.rules SET max_bookings_per_day = 1;
SELECT is(tally(), 'booked, daily_limit', 'the rules'' cap');
SELECT is(e ->> 'reason' || ' in ' || (e ->> 'role') || ' ' || (e -> 'row' ->> 'max_bookings_per_day'), 'daily_limit in rules 1', 'explain_slot()') FROM availability_cache.explain_slot(stylist(1), service(1), '2031-03-07 09:15Z') e;
UPDATE stylist_profiles SET max_bookings_per_day = 2 WHERE user_id = stylist(1);
SELECT is(tally(), 'available, booked', 'the stylist''s own wins');
UPDATE stylist_profiles SET max_bookings_per_day = NULL;
UPDATE availability_cache.rules SET max_bookings_per_day = NULL, max_daily_minutes = 30;
SELECT is(tally(), 'booked, daily_limit', 'of time');
UPDATE availability_cache.rules SET max_daily_minutes = NULL, max_bookings_per_week = 2;
CALL new('of the week', differs => false);
SELECT is(tally(), 'booked, weekly_limit', 'two of two');
UPDATE bookings SET start_time = start_time - interval '7 days', end_time = end_time - interval '7 days' WHERE id = id('mon');
CALL new('one of Monday is another week''s');
UPDATE bookings SET start_time = start_time + interval '7 days', end_time = end_time + interval '7 days' WHERE id = id('mon');
UPDATE availability_cache.rules SET max_bookings_per_week = NULL, max_weekly_minutes = 60;
SELECT is(tally(2), 'booked, weekly_limit', 'an hour of the week, whatever the service');
UPDATE availability_cache.rules SET max_weekly_minutes = NULL;
SELECT throws_ok('UPDATE availability_cache.rules SET max_weekly_minutes = -1', '23514', NULL, 'below zero');
UPDATE services SET max_weekly_hours = 1 WHERE id = service(1);
UPDATE stylist_profiles SET max_weekly_minutes = '1.5 hours' WHERE user_id = stylist(1);

-- the guard
SELECT is(availability_cache.hold_slot(stylist(1), service(1), '2031-03-07 09:15Z') ->> 'reason', 'weekly_limit', 'no hold');
UPDATE availability_cache.rules SET guard = 'holds';
SELECT is(refused($$ SELECT put('c', 1, '2031-03-07 09:15Z') $$), 'done', 'mode holds does not look at caps');
DELETE FROM bookings WHERE id = id('c');
UPDATE availability_cache.rules SET guard = 'on';
SELECT is(refused($$ SELECT put('c', 1, '2031-03-07 09:15Z') $$), 'weekly_limit', 'guarded');
SELECT is(refused($$ UPDATE bookings SET end_time = end_time - interval '5 minutes' WHERE id = id('a') $$), 'done', 'one is shortened');
SELECT is(refused($$ UPDATE bookings SET start_time = '2031-03-06 03:15Z', end_time = '2031-03-06 03:45Z' WHERE id = id('a') $$), 'done', 'one is moved, and counts once');
UPDATE services SET max_weekly_hours = NULL;
UPDATE stylist_profiles SET max_weekly_minutes = NULL, max_bookings_per_day = 2;
SELECT is(refused($$ SELECT put('c', 1, '2031-03-07 09:15Z'), put('d', 1, '2031-03-07 10:15Z') $$), 'done', 'two of two at once');
SELECT is(refused($$ SELECT put('e', 1, '2031-03-07 11:15Z') $$), 'daily_limit', 'not a third');
SELECT is(refused($$ SELECT put('e', 1, '2031-03-08 09:15Z'), put('f', 1, '2031-03-08 10:15Z'), put('g', 1, '2031-03-08 11:15Z') $$), 'daily_limit', 'nor three at once');
UPDATE stylist_profiles SET max_bookings_per_day = NULL;
UPDATE availability_cache.rules SET max_bookings_per_day = 2;
SELECT is(refused($$ SELECT put('e', 1, '2031-03-07 11:15Z') $$), 'daily_limit', 'by the rules');
UPDATE stylist_profiles SET max_bookings_per_day = 2;
UPDATE availability_cache.rules SET max_bookings_per_day = NULL;
SELECT is(refused($$ DELETE FROM bookings WHERE id = id('c'); SELECT put('e', 1, '2031-03-07 11:15Z') $$), 'done', 'one in place of another');
UPDATE stylist_profiles SET max_bookings_per_day = 0;
SELECT is(refused($$ UPDATE bookings SET status = 'confirmed', end_time = end_time - interval '1 minute' WHERE id = id('d') $$), 'done', 'a row too many can be shortened');
-- From midnight's other side: open all night, half an hour before midnight in Kathmandu is 17:45 UTC.
UPDATE stylist_profiles SET max_bookings_per_day = 1 WHERE user_id = stylist(3);
UPDATE stylist_schedules SET start_time = '00:00', end_time = '24:00' WHERE stylist_user_id = stylist(3);
SELECT is(refused($$ SELECT put('x', 1, '2031-03-07 18:45Z', 3) $$), 'done', 'a night: after midnight');
SELECT is(refused($$ SELECT put('y', 1, '2031-03-07 17:45Z', 3, 60) $$), 'done', 'before midnight, and longer');
SELECT is(refused($$ UPDATE bookings SET start_time = '2031-03-07 18:15Z' WHERE id = id('y') $$), 'daily_limit', 'shortened from its start, it would count on the next date');
SELECT * FROM finish();
