-- What a service has of its own: the step and the alignment of its slots, hours with a stylist, seats with a
-- stylist; and rows of the schedule that hold every other week. Each change outdates the answers in memory
-- that rest on it. Which slots come of it the oracle says on random salons. Fails when a column is not read,
-- or read by a query and not by an index scan, or the other way round.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(43);
DELETE FROM bookings;
DELETE FROM booking_reservations;
DELETE FROM schedule_overrides;
ALTER TABLE services ADD slot_interval int, ADD slot_alignment text, ADD capacity int;
ALTER TABLE stylist_services ADD max_seats int;
ALTER TABLE stylist_schedules ADD service_id uuid, ADD every_weeks int, ADD week_anchor date;
ALTER TABLE bookings ADD seats int;
SELECT is(string_agg(a.columns ->> 'slot_step_minutes' || ' ' || (a.columns ->> 'slot_alignment'), ''), 'slot_interval slot_alignment', 'by their usual names: services')
  FROM availability_cache.attach() a WHERE role = 'services';
SELECT is(string_agg(s.columns ->> 'capacity', ''), 'max_seats', 'stylist_services') FROM availability_cache.sources s WHERE role = 'stylist_services';
SELECT is(string_agg(concat_ws(' ', s.columns ->> 'service_id', s.columns ->> 'interval_weeks', s.columns ->> 'interval_from'), ''), 'service_id every_weeks week_anchor', 'stylist_schedules')
  FROM availability_cache.sources s WHERE role = 'stylist_schedules';

-- Friday 7 March 2031: 08:00 to 20:00 in Kathmandu, a break from 13:00 to 14:00; services 1 and 2.
UPDATE stylist_schedules SET break_start_time = '13:00', break_end_time = '14:00' WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
-- The first starts, on the stylist's clock, and how many there are.
CREATE FUNCTION starts(service int DEFAULT 1, day date DEFAULT '2031-03-07') RETURNS text LANGUAGE sql AS $$
SELECT string_agg(left(right(s ->> 'slot_start_local', 8), 5), ' ' ORDER BY n) FILTER (WHERE n <= 3) || ' ' || count(*)
  FROM jsonb_array_elements(v2(day => day, service => service) -> 'slots') WITH ORDINALITY x(s, n) $$;

-- 1. the grid
UPDATE services SET duration_minutes = 30;
CALL new('every half hour', differs => true);
CALL hit('every half hour');
SELECT is(starts(), '08:00 08:30 09:00 24', 'as the rules have it');
UPDATE services SET slot_interval = 45 WHERE id = service(1);
CALL new('a step of its own');
CALL hit('a step of its own');
SELECT is(starts(), '08:00 08:45 09:30 16', 'a step of its own');
SELECT is(starts(2), '08:00 08:30 09:00 24', 'which is not that of others');
UPDATE services SET slot_interval = 0 WHERE id = service(1);
SELECT is(starts(), '08:00 08:01 08:02 691', 'a minute at least');
UPDATE services SET slot_interval = 2000 WHERE id = service(1);
SELECT is(starts(), '08:00 1', 'a day at most');
UPDATE services SET slot_interval = 50, slot_alignment = 'clock' WHERE id = service(1);
CALL new('an alignment of its own');
SELECT is(starts(), '08:20 09:10 10:00 14', 'an alignment of its own');
UPDATE availability_cache.rules SET slot_alignment = 'clock';
UPDATE services SET slot_alignment = 'break' WHERE id = service(1);
SELECT is(status(v2(), '08:15'), 'available', 'anew after the break');
UPDATE services SET slot_alignment = 'opening' WHERE id = service(1);
SELECT is(starts(), '08:00 08:50 09:40 14', 'and the opening''s against the rules''');
UPDATE services SET slot_alignment = 'Opening' WHERE id = service(1);
SELECT is(v2() ->> 'code', 'INTERNAL_ERROR', 'another word');
SELECT throws_ok($$ SELECT get_available_slots(stylist(1), service(1), '2031-03-07') $$, '55000', 'the service''s slot_alignment is not known', 'another word');
SELECT is(starts(2), '08:00 08:30 09:00 24', 'is nothing to other services');
UPDATE services SET slot_alignment = NULL, slot_interval = NULL;
UPDATE availability_cache.rules SET slot_alignment = 'opening';

-- 2. seats with a stylist
SELECT is(v2() -> 'slots' -> 0 ? 'seats_left', false, 'no seats');
UPDATE services SET capacity = 5 WHERE id = service(1);
SELECT is(v2() -> 'slots' -> 0 -> 'seats_left', '5', 'of the service');
UPDATE stylist_services SET max_seats = 2 WHERE stylist_user_id = stylist(1) AND service_id = service(1);
SELECT is(v2() ->> 'cached', 'false', 'seats with the stylist outdate an answer');
SELECT is(v2() -> 'slots' -> 0 -> 'seats_left', '2', 'with the stylist');
SELECT is(v2(2) -> 'slots' -> 0 -> 'seats_left', '5', 'and not with another');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, seats) VALUES (stylist(1), service(1), '2031-03-07 02:15Z', '2031-03-07 02:45Z', 2);
SELECT is(status(v2(), '02:15'), 'booked', 'which are taken');
UPDATE availability_cache.rules SET guard = 'holds';
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, seats) VALUES (stylist(1), service(1), '2031-03-07 02:45Z', '2031-03-07 03:15Z', 2);
SELECT throws_ok($$ INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, seats) VALUES (stylist(1), service(1), '2031-03-07 03:15Z', '2031-03-07 03:45Z', 3);
                    SELECT availability_cache.check_bookings() $$, '23P01', NULL, 'the guard knows them');
UPDATE availability_cache.rules SET guard = 'off';
UPDATE services SET capacity = NULL;
SELECT is(v2() -> 'slots' -> 2 -> 'seats_left', '2', 'also where the service has none');
UPDATE stylist_services SET max_seats = NULL;
DELETE FROM bookings;

-- 3. hours for a service
CALL new('before it has hours');
CALL hit('before it has hours');
INSERT INTO stylist_schedules (id, stylist_user_id, day_of_week, start_time, end_time, service_id) VALUES (id('own'), stylist(1), 5, '10:00', '15:00', service(1));
CALL new('hours of its own');
SELECT is(starts(), '10:00 10:30 11:00 10', 'hours of its own');
SELECT is(status(v2(), '07:15'), 'in_break', 'in which the stylist''s break stays one');
SELECT is(starts(2), '08:00 08:30 09:00 24', 'others have those that they had');
SELECT is(jsonb_array_length(v2(day => '2031-03-06') -> 'slots'), 0, 'a day that they do not name has none');
SELECT is(availability_cache.explain_slot(stylist(1), service(1), '2031-03-06 10:45Z') ->> 'reason', 'no_hours', 'as explain_slot() says');
SELECT is(availability_cache.explain_slot(stylist(1), service(2), '2031-03-06 10:45Z') ->> 'reason', NULL, 'and not of the other');
UPDATE availability_cache.rules SET guard = 'on';
SELECT throws_ok($$ INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 02:15Z', '2031-03-07 02:45Z');
                    SELECT availability_cache.check_bookings() $$, '23P01', NULL, 'the guard goes by them');
SELECT lives_ok($$ INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(2), '2031-03-07 02:15Z', '2031-03-07 02:45Z');
                   SELECT availability_cache.check_bookings() $$, 'for that service alone');
UPDATE availability_cache.rules SET guard = 'off';
DELETE FROM bookings;
UPDATE stylist_schedules SET effective_until = '2031-03-06' WHERE id = id('own');
SELECT is(starts(), '08:00 08:30 09:00 24', 'until they end');
DELETE FROM stylist_schedules WHERE id = id('own');

-- 4. every other week: 7, 14, 21 and 28 March are Fridays
CREATE FUNCTION fridays() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(CASE WHEN v2(day => d::date) -> 'slots' = '[]' THEN '-' ELSE 'x' END, '' ORDER BY d) FROM generate_series('2031-02-21'::date, '2031-03-28', '7 days') d $$;
SELECT is(fridays(), 'xxxxxx', 'every Friday');
UPDATE stylist_schedules SET every_weeks = 2, week_anchor = '2031-03-09' WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT is(fridays(), 'x-x-x-', 'every other, counted from the Sunday after the third, and back');
UPDATE stylist_schedules SET week_anchor = '2031-03-10' WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT is(fridays(), '-x-x-x', 'or from the Monday after that');
UPDATE stylist_schedules SET week_anchor = NULL, every_weeks = 3, effective_from = '2031-02-25' WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT is(fridays(), '-x--x-', 'every third, from the first week on in which it holds');

SELECT * FROM finish();
