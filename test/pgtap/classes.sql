-- Classes (docs/rules.md, 22): what the attached table has is offered at its own time with its own seats, and
-- nothing else of the stylist over it; each change of a class outdates the days that it touches, and no
-- others; the guard, hold_slot(), ranges and the waiting list know them. What several sessions do at once is
-- in test/t/027_classes.pl. Fails when a class does not outdate (row_trigger), when a column is left out of
-- what is read or mapped, and where a part of src/slots/classes.c, class_seats.c or of appointment.c that is
-- about classes is taken out: each line is about one.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(109);
DELETE FROM bookings;
DELETE FROM booking_reservations;
ALTER TABLE bookings ADD seats int;

-- 7 March 2031: 08:00 to 20:00 in Kathmandu, 02:15 to 14:15 UTC, a slot each half hour; services 1 and 5 take
-- 30 minutes, 3 takes 45.
CREATE TABLE yoga_classes (id serial PRIMARY KEY, teacher uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, capacity int, status text, active boolean);
CREATE FUNCTION class(at time, minutes int DEFAULT 60, seats int DEFAULT 3, service int DEFAULT 1, stylist int DEFAULT 1, day date DEFAULT '2031-03-07') RETURNS int LANGUAGE sql AS $$
    INSERT INTO yoga_classes (teacher, service_id, starts_at, ends_at, capacity)
    VALUES (stylist(stylist), CASE WHEN service > 0 THEN service(service) END, day + at, day + at + make_interval(mins => minutes), seats) RETURNING id $$;
CREATE FUNCTION booking(at time, minutes int DEFAULT 60, service int DEFAULT 1, seats int DEFAULT NULL, stylist int DEFAULT 1, tbl text DEFAULT 'bookings', day date DEFAULT '2031-03-07')
RETURNS text LANGUAGE sql AS $$
    SELECT format('INSERT INTO %s (id, stylist_user_id, service_id, start_time, end_time%s) VALUES (%L, %L, %L, %L, %L%s)', tbl, CASE WHEN seats IS NOT NULL THEN ', seats' END, gen_random_uuid(), stylist(stylist),
                  service(service), day + at, day + at + make_interval(mins => minutes), ', ' || seats) $$;
CREATE PROCEDURE book(at time, minutes int DEFAULT 60, service int DEFAULT 1, seats int DEFAULT NULL, stylist int DEFAULT 1, tbl text DEFAULT 'bookings') LANGUAGE plpgsql AS $$
BEGIN EXECUTE booking(at, minutes, service, seats, stylist, tbl); END $$;
-- "10:45 booked, 11:15-12:15 3" of stylist 1, by memory and computed
CREATE FUNCTION told(answer jsonb, low text, high text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT string_agg(at || CASE WHEN until::timestamp - start::timestamp <> interval '30 minutes' THEN '-' || right(left(until, 16), 5) ELSE '' END
                  || ' ' || coalesce(s ->> 'reason', s ->> 'seats_left', 'free'), ', ' ORDER BY start)
  FROM jsonb_array_elements(answer -> 'slots') s, LATERAL (SELECT s ->> 'slot_start_utc', left(s ->> 'slot_end_utc', 19)) x(start, until), LATERAL (SELECT right(left(start, 16), 5)) y(at)
 WHERE at BETWEEN low AND high $$;
CREATE PROCEDURE says(INOUT tap text, expected text, service int DEFAULT 1, stylist int DEFAULT 1, low text DEFAULT '10:15', high text DEFAULT '11:15', day date DEFAULT '2031-03-07') LANGUAGE plpgsql AS $$
DECLARE
    a jsonb := v2(stylist, day, service);
    b jsonb := v2(stylist, day, service);
    c jsonb;
BEGIN
    PERFORM set_config('availability_cache.enabled', 'off', true);
    c := v2(stylist, day, service);
    PERFORM set_config('availability_cache.enabled', 'on', true);
    tap := is(concat_ws('; ', CASE WHEN told(a, low, high) IS DISTINCT FROM expected THEN 'asked: ' || coalesce(told(a, low, high), 'nothing') END,
                        CASE WHEN b ->> 'cached' <> 'true' THEN 'not from memory' END,
                        CASE WHEN b -> 'slots' <> c -> 'slots' THEN 'computed: ' || told(c, low, high) END), '', tap);
END
$$;
-- v1 knows no reasons and no seats.
CREATE OR REPLACE FUNCTION fault(answer jsonb, fresh jsonb, cached boolean) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(', ', CASE WHEN answer ->> 'success' IS DISTINCT FROM 'true' THEN answer::text END,
                       CASE WHEN (answer ->> 'cached')::boolean IS DISTINCT FROM cached THEN CASE WHEN cached THEN 'computed' ELSE 'from memory' END END,
                       CASE WHEN (SELECT coalesce(jsonb_agg(s - '{reason,seats_left}'::text[]), '[]') FROM jsonb_array_elements(answer -> 'slots') s) IS DISTINCT FROM fresh THEN 'v2 is not v1' END) $$;
UPDATE availability_cache.rules SET show_reasons = true;

-- ---------------------------------------------------------------------------
-- Attached
-- ---------------------------------------------------------------------------
SELECT is((SELECT count(*) FROM availability_cache.attach() WHERE role = 'class_sessions'), 0::bigint, 'no table of the name: nothing is said of it');
CREATE TABLE class_sessions (id bigint, service_id uuid, stylist_id uuid, starts_at timestamptz);
SELECT is((SELECT count(*) FROM availability_cache.attach() WHERE role = 'class_sessions'), 0::bigint, 'what else is called class_sessions is left alone');
SELECT throws_ok($$ SELECT availability_cache.attach('class_sessions', 'class_sessions') $$, '42703', NULL, 'unless it is named');
ALTER TABLE class_sessions ADD ends_at timestamptz;
SELECT is((SELECT action FROM availability_cache.attach() WHERE role = 'class_sessions'), 'attached', 'with what classes need it is one');
SELECT availability_cache.detach('class_sessions') \g /dev/null
DROP TABLE class_sessions;
CALL says('no table is attached', '10:15 free, 10:45 free, 11:15 free');
SELECT class('10:30') \g /dev/null
CALL hit('no table is attached');
SELECT * FROM availability_cache.attach('class_sessions', 'yoga_classes', '{"stylist_user_id": "teacher"}') \g /dev/null
SELECT is((SELECT columns FROM availability_cache.source WHERE role = 'class_sessions'),
          '{"stylist_user_id": "teacher", "start_time": "starts_at", "end_time": "ends_at", "service_id": "service_id", "seats": "capacity", "status": "status", "is_active": "active"}', 'usual names');
SELECT is((SELECT missing_indexes FROM availability_cache.sources WHERE role = 'class_sessions'), '{"CREATE INDEX ON yoga_classes (teacher, starts_at)"}', 'missing index');
SELECT availability_cache.attach() \g /dev/null
SELECT is((SELECT columns -> 'seats' FROM availability_cache.source WHERE role = 'bookings'), '"seats"', 'bookings have seats');

-- ---------------------------------------------------------------------------
-- Where it is, and what is over it
-- ---------------------------------------------------------------------------
CALL says('at its time, with its seats', '10:15 booked, 10:30-11:30 3, 10:45 booked, 11:15 booked');
CALL says('and behind it', '11:45 1, 12:15 1', low => '11:45', high => '12:15');
CALL says('the slot before has a seat', '09:45 1', low => '09:45', high => '10:00');
CALL says('another service is not offered over it', '10:15-11:00 booked, 10:45-11:30 booked, 11:15-12:00 booked', 3);
CALL says('another stylist is', '10:15 free, 10:45 free, 11:15 free', stylist => 2);
UPDATE services SET buffer_after_minutes = 15 WHERE id = service(1);
CALL says('buffers are kept after it', '11:45 1, 12:15 1', low => '11:45', high => '12:15');
UPDATE services SET buffer_after_minutes = 20 WHERE id = service(1);
CALL says('longer ones, too', '11:45 booked, 12:15 1', low => '11:45', high => '12:15');
CALL says('also before other services', '11:45-12:30 booked, 12:15-13:00 free', 3, low => '11:45', high => '12:15');
UPDATE services SET buffer_after_minutes = NULL WHERE id = service(1);
SELECT class('10:45', 30, 9, 3) \g /dev/null
CALL says('another class in the way', '10:15 booked, 10:30-11:30 booked, 10:45 booked, 11:15 booked');
CALL says('is not offered, either', '10:15-11:00 booked, 10:45 booked, 11:15-12:00 booked', 3);
UPDATE yoga_classes SET starts_at = starts_at + interval '45 minutes', ends_at = ends_at + interval '45 minutes' WHERE capacity = 9;
CALL says('one after the other', '10:15 booked, 10:30-11:30 3, 10:45 booked, 11:15 booked');
CALL says('both', '10:15-11:00 booked, 10:45-11:30 booked, 11:15-12:00 booked, 11:30 9', 3, high => '11:30');
DELETE FROM yoga_classes WHERE capacity = 9;
SELECT class('10:30', 90, 5), class('10:30', 90, 4), class('10:30', 30, 9) \g /dev/null
CALL says('several that start together: the longest, then most seats', '10:15 booked, 10:30-12:00 5, 10:45 booked, 11:15 booked');
DELETE FROM yoga_classes WHERE capacity <> 3;
SELECT class('11:15', 15, 2) \g /dev/null
UPDATE yoga_classes SET starts_at = '2031-03-07 10:15Z', ends_at = '2031-03-07 11:15Z' WHERE capacity = 3;
CALL says('in the place of slots that start with them', '10:15-11:15 3, 10:45 booked, 11:15-11:30 2');
DELETE FROM yoga_classes WHERE capacity = 2;

-- ---------------------------------------------------------------------------
-- What counts
-- ---------------------------------------------------------------------------
UPDATE yoga_classes SET status = 'cancelled';
CALL says('cancelled', '10:15 free, 10:45 free, 11:15 free');
UPDATE yoga_classes SET status = 'planned';
CALL says('planned', '10:15-11:15 3, 10:45 booked, 11:15 1');
UPDATE availability_cache.rules SET blocking_statuses = '{confirmed}';
CALL says('statuses that bookings need do not matter', '10:15-11:15 3, 10:45 booked, 11:15 1');
UPDATE availability_cache.rules SET blocking_statuses = NULL;
UPDATE yoga_classes SET active = false;
CALL says('not active', '10:15 free, 10:45 free, 11:15 free');
UPDATE yoga_classes SET active = NULL, capacity = NULL;
CALL says('without seats of its own it has one', '10:15-11:15 1, 10:45 booked, 11:15 1');
ALTER TABLE services ADD capacity int;
SELECT availability_cache.attach() \g /dev/null
UPDATE services SET capacity = 6 WHERE id = service(1);
CALL says('or as many as the service', '10:15-11:15 6, 10:45 booked, 11:15 6');
UPDATE yoga_classes SET capacity = 0;
CALL says('none', '10:15-11:15 full, 10:45 booked, 11:15 6');
UPDATE yoga_classes SET capacity = -5;
CALL says('below none', '10:15-11:15 full, 10:45 booked, 11:15 6');
UPDATE yoga_classes SET capacity = 3, ends_at = starts_at;
CALL says('of no length', '10:15 6, 10:45 6, 11:15 6');
UPDATE yoga_classes SET ends_at = 'infinity';
CALL says('without end', '10:15 6, 10:45 6, 11:15 6');
UPDATE yoga_classes SET ends_at = starts_at + interval '168 hours 1 second';
CALL says('too long', '10:15 6, 10:45 6, 11:15 6');
UPDATE yoga_classes SET ends_at = starts_at + interval '168 hours 0.9 seconds';
CALL says('a week', '10:15-10:15 3, 10:45 booked, 11:15 booked');
CALL says('all of it is booked', '04:15 booked, 04:45 booked', low => '04:15', high => '04:45', day => '2031-03-13');
UPDATE yoga_classes SET starts_at = '2031-03-07 10:30:00.7Z', ends_at = '2031-03-07 11:30:00.2Z', service_id = NULL;
CALL says('of no service', '10:15 booked, 10:45 booked, 11:15 booked');
UPDATE yoga_classes SET service_id = service(1);
CALL says('seconds are whole', '10:15 booked, 10:30-11:30 3, 10:45 booked, 11:15 booked');
UPDATE yoga_classes SET starts_at = '2031-03-07 10:30Z', ends_at = '2031-03-07 11:30Z';
UPDATE services SET capacity = NULL;

-- ---------------------------------------------------------------------------
-- Who takes its seats
-- ---------------------------------------------------------------------------
CALL book('10:30');
CALL says('a booking', '10:15 booked, 10:30-11:30 2, 10:45 booked, 11:15 booked');
CALL book('10:30', 20, seats => 2);
CALL says('a shorter one of two seats', '10:30-11:30 full', high => '10:30', low => '10:30');
UPDATE bookings SET seats = 0 WHERE seats = 2;
CALL says('of none', '10:30-11:30 2', high => '10:30', low => '10:30');
CALL book('10:30', seats => NULL, tbl => 'booking_reservations');
UPDATE booking_reservations SET expires_at = NULL, status = 'reserved';
CALL says('a hold', '10:30-11:30 1', high => '10:30', low => '10:30');
UPDATE yoga_classes SET capacity = 2;
CALL says('held', '10:30-11:30 held', high => '10:30', low => '10:30');
UPDATE availability_cache.rules SET seat_sharing = 'time';
CALL says('by what starts with it, however seats are shared', '10:30-11:30 held', high => '10:30', low => '10:30');
UPDATE availability_cache.rules SET seat_sharing = 'slot';
DELETE FROM booking_reservations;
CALL book('11:00', 30);
CALL says('another start takes all', '10:30-11:30 full', high => '10:30', low => '10:30');
UPDATE bookings SET service_id = service(3) WHERE start_time = '2031-03-07 11:00Z';
CALL says('another service is in the way', '10:30-11:30 booked', high => '10:30', low => '10:30');
UPDATE bookings SET stylist_user_id = stylist(2) WHERE service_id = service(3);
CALL says('of another stylist it is not', '10:30-11:30 1', high => '10:30', low => '10:30');
DELETE FROM bookings;

-- ---------------------------------------------------------------------------
-- When: other days, hours that do not matter, the clock
-- ---------------------------------------------------------------------------
CALL new('the day after', day => '2031-03-08');
CALL new('another stylist''s', stylist => 2, day => '2031-03-08');
CALL new('of another service', day => '2031-03-08', service => 3);
CALL new('the day');
UPDATE yoga_classes SET starts_at = '2031-03-08 10:30Z', ends_at = '2031-03-08 11:30Z';
CALL new('moved away from one day');
CALL new('and to another', day => '2031-03-08');
CALL new('of another service, too', day => '2031-03-08', service => 3);
CALL hit('not of another stylist', stylist => 2, day => '2031-03-08');
UPDATE yoga_classes SET starts_at = '2031-03-07 17:30Z', ends_at = '2031-03-07 21:30Z';
CALL says('at night', '17:30-21:30 2', low => '15:00', high => '23:59');
UPDATE yoga_classes SET ends_at = '2031-03-08 02:30Z';
CALL says('over midnight', '02:15 booked, 02:45 free', low => '00:00', high => '02:45', day => '2031-03-08');
SELECT is(told(v2(day => '2031-03-08'), '17:00', '23:59'), NULL, 'it is of the date on which it starts');
UPDATE yoga_classes SET starts_at = '2031-03-07 18:15Z';
SELECT is(told(v2(day => '2031-03-08'), '18:15', '18:15'), '18:15-02:30 2', 'midnight is the next date''s');
SELECT is(told(v2(), '18:15', '18:15'), NULL, 'and not the one''s before');
UPDATE yoga_classes SET starts_at = '2031-03-07 10:30Z', ends_at = '2031-03-07 11:30Z', capacity = 3;
INSERT INTO schedule_overrides (id, stylist_user_id, override_date, is_closed) VALUES (id('closed'), stylist(1), '2031-03-07', true);
CALL says('a closed date', '10:30-11:30 3', low => '00:00', high => '23:59');
SELECT is(v2(service => 3) ->> 'reason', 'closed', 'has no other slot');
DELETE FROM schedule_overrides WHERE id = id('closed');
UPDATE stylist_schedules SET break_start_time = '16:00', break_end_time = '16:30' WHERE stylist_user_id = stylist(1);
CALL says('a break', '10:15 on_break, 10:30-11:30 3, 10:45 booked, 11:15 booked');
UPDATE stylist_schedules SET break_start_time = NULL, break_end_time = NULL;
UPDATE services SET max_advance_days = 1 WHERE id = service(1);
SELECT is(told(v2(), '10:30', '10:30'), '10:30-11:30 too_late', 'the horizon');
UPDATE services SET max_advance_days = NULL WHERE id = service(1);
ALTER TABLE services ADD only_classes boolean;
SELECT availability_cache.attach() \g /dev/null
UPDATE services SET only_classes = true WHERE id = service(1);
CALL says('only classes', '10:30-11:30 3', low => '00:00', high => '23:59');
SELECT is(v2(day => '2031-03-09') ->> 'reason', 'no_hours', 'a date without one');
CALL hit('it is kept, too', day => '2031-03-09');
SELECT class('05:00', day => '2031-03-09') \g /dev/null
CALL says('until one is put there', '05:00-06:00 3', low => '00:00', high => '23:59', day => '2031-03-09');

-- ---------------------------------------------------------------------------
-- Resources and caps
-- ---------------------------------------------------------------------------
CREATE TABLE resources (id uuid, kind text);
ALTER TABLE services ADD resource_kind text, ADD max_daily_minutes int;
ALTER TABLE bookings ADD room_id uuid;
SELECT availability_cache.attach() \g /dev/null
UPDATE services SET resource_kind = 'room' WHERE id IN (service(1), service(3));
CALL says('no room', '10:30-11:30 no_resource', low => '10:30', high => '10:30');
INSERT INTO resources VALUES (id('room'), 'room');
CALL book('10:30');
CALL says('one room for all', '10:30-11:30 2', low => '10:30', high => '10:30');
CALL book('11:00', 30, 3, stylist => 2);
CALL says('another has it', '10:30-11:30 no_resource', low => '10:30', high => '10:30');
DELETE FROM bookings;
UPDATE services SET resource_kind = NULL;
UPDATE services SET max_daily_minutes = 59 WHERE id = service(1);
CALL says('as long as it takes', '10:30-11:30 daily_limit', low => '10:30', high => '10:30');
UPDATE services SET max_daily_minutes = 120 WHERE id = service(1);
CALL book('10:30');
CALL says('two bookings', '10:30-11:30 2', low => '10:30', high => '10:30');
CALL book('10:30');
CALL says('and no third', '10:30-11:30 daily_limit', low => '10:30', high => '10:30');
DELETE FROM bookings;
UPDATE services SET max_daily_minutes = NULL;

-- ---------------------------------------------------------------------------
-- Explained; ranges
-- ---------------------------------------------------------------------------
UPDATE services SET only_classes = NULL;
CREATE FUNCTION explained(at time, service int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', e ->> 'status', e ->> 'reason', e ->> 'rule', right(left(e ->> 'slot_end', 16), 5), e ->> 'seats_left', e ->> 'role', e -> 'row' ->> 'capacity')
      FROM availability_cache.explain_slot(stylist(1), service(service), ('2031-03-07'::date + at) AT TIME ZONE 'UTC') e $$;
SELECT is(explained('10:30'), 'available 16 11:30 3', 'explain_slot: a class');
SELECT is(explained('10:45'), 'booked booked 14 11:15 0 class_sessions 3', 'explain_slot: what is over it');
SELECT is(explained('10:45', 3), 'booked booked 14 11:30 class_sessions 3', 'explain_slot: of another service');
UPDATE services SET only_classes = true WHERE id = service(1);
SELECT is(explained('10:45'), 'unavailable no_hours 6 11:15', 'explain_slot: only classes');
UPDATE services SET only_classes = NULL;
CREATE FUNCTION ranged(p_match text, duration int DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(right(left(s ->> 'slot_start_utc', 16), 5) || '-' || right(left(s ->> 'slot_end_utc', 16), 5) || ' ' || (s ->> 'status') || ' ' || (s ->> 'seats_left'), ', ' ORDER BY s ->> 'slot_start_utc', s ->> 'slot_end_utc')
      FROM jsonb_array_elements(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1), stylist(2)], 'UTC', p_match, p_duration => make_interval(mins => duration)) -> 'slots') s
     WHERE s ->> 'slot_start_utc' BETWEEN '2031-03-07T10:15' AND '2031-03-07T10:46' $$;
SELECT class('10:30', seats => 2, stylist => 2) \g /dev/null
SELECT is(ranged('any'), '10:15-10:45 booked 0, 10:30-11:30 available 5, 10:45-11:15 booked 0', 'a range of any');
SELECT is(ranged('all'), '10:30-11:30 available 2', 'of all');
SELECT is(ranged('any', 15), '10:15-10:30 available 2, 10:30-11:30 available 5, 10:45-11:00 booked 0', 'of another duration');
UPDATE services SET only_classes = true WHERE id = service(1);
SELECT is(d - '{first,reason}'::text[], '{"date": "2031-03-07", "slots": 1, "seats": 5}', 'its days')
  FROM jsonb_array_elements(get_available_days(service(1), '2031-03-07', '2031-03-08', ARRAY[stylist(1), stylist(2)], 'UTC') -> 'days') d LIMIT 1;
SELECT is(jsonb_path_query_array(get_next_available(service(1), ARRAY[stylist(1)], 'UTC', p_after => '2031-03-07 10:31Z'), '$.slots.slot_start_utc'), '["2031-03-09T05:00:00+00:00"]', 'the next one');
UPDATE services SET only_classes = NULL;
DELETE FROM yoga_classes WHERE teacher = stylist(2);

-- ---------------------------------------------------------------------------
-- The guard
-- ---------------------------------------------------------------------------
UPDATE availability_cache.rules SET guard = 'on';
SELECT is(refused(booking('10:30')), 'done', 'guard: a seat');
SELECT is(refused(booking('10:30', 30, seats => 3)), 'full', 'guard: more than are left');
SELECT is(refused(booking('10:30', 30, seats => 2)), 'done', 'guard: for a part of the time');
SELECT is(refused(booking('10:30')), 'full', 'guard: one too many');
SELECT is(refused(booking('10:30', seats => 0)), 'done', 'guard: who takes none');
SELECT is(refused('UPDATE bookings SET seats = 2 WHERE seats IS NULL'), 'full', 'guard: more of them');
SELECT is(refused('DELETE FROM bookings'), 'done', 'guard: cancelled');
SELECT is(refused(booking('10:30', 90)), 'off_grid', 'guard: longer than the class');
SELECT is(refused(booking('10:45', 30)), 'booked', 'guard: over it');
SELECT is(refused(booking('10:15', 30)), 'booked', 'guard: into it');
SELECT is(refused(booking('10:30', 60, 3)), 'off_grid', 'guard: of another service');
SELECT is(refused(booking('10:45', 45, 3)), 'booked', 'guard: of another service, over it');
SELECT is(refused(booking('11:45', 30)), 'done', 'guard: behind it');
SELECT is(refused($$ UPDATE bookings SET start_time = '2031-03-07 10:30Z', end_time = '2031-03-07 11:30Z' $$), 'done', 'guard: moved into it');
UPDATE services SET min_notice_minutes = 2000000000 WHERE id = service(1);
SELECT is(refused(booking('10:30')), 'too_soon', 'guard: the notice');
UPDATE services SET min_notice_minutes = NULL WHERE id = service(1);
UPDATE availability_cache.rules SET guard = 'holds';
SELECT is(refused(booking('10:40', 30)), 'booked', 'guard, holds: over it');
SELECT is(refused(booking('10:30', 30, seats => 2)), 'done', 'guard, holds: two seats');
SELECT is(refused(booking('10:30')), 'full', 'guard, holds: none is left');
UPDATE availability_cache.rules SET guard = 'on';
UPDATE yoga_classes SET capacity = 4;
SELECT is(availability_cache.hold_slot(stylist(1), service(1), '2031-03-07 10:30Z') ->> 'slot_end_utc', '2031-03-07T11:30:00+00:00', 'hold_slot');
SELECT is(availability_cache.hold_slot(stylist(1), service(1), '2031-03-07 10:30Z') ->> 'reason', 'held', 'and no more');
SELECT is(availability_cache.confirm_hold(id::text) ->> 'success', 'true', 'confirmed') FROM booking_reservations;
SELECT is((SELECT max(end_time - start_time)::text FROM bookings), '01:00:00', 'as long as the class');

-- ---------------------------------------------------------------------------
-- All of them
-- ---------------------------------------------------------------------------
DELETE FROM bookings;
CALL says('all is left again', '10:30-11:30 4', low => '10:30', high => '10:30');
TRUNCATE yoga_classes;
CALL says('emptied', '10:15 free, 10:45 free, 11:15 free');
SELECT class('10:30') \g /dev/null
CALL says('one more', '10:15 booked, 10:30-11:30 3, 10:45 booked, 11:15 booked');
SELECT availability_cache.detach('class_sessions') \g /dev/null
CALL says('detached', '10:15 free, 10:45 free, 11:15 free');
SELECT * FROM finish();
