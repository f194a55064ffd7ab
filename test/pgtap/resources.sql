-- Resources (docs/rules.md, 21): a slot is offered while one of the kind is free, whoever has the others;
-- each change of them outdates the days that need one, and no others; the guard and hold_slot(). What several
-- sessions do at once is in test/t/027_resources.pl. Fails when a booking of another stylist is not looked at
-- or does not outdate (row_trigger, touch), when a column is left out of what is read, mapped or remembered,
-- and where a part of src/slots/resource_fit.c is taken out: each line is about one.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(89);
DELETE FROM bookings;
DELETE FROM booking_reservations;
ALTER TABLE bookings ALTER service_id DROP NOT NULL;

-- 7 March 2031: 08:00 to 20:00 in Kathmandu, 02:15 to 14:15 UTC, a slot each half hour; services 1 and 5 take
-- 30 minutes, 3 takes 45. All stylists offer service 1. Service 1 needs a room, 2 a chair, 3 nothing.
CREATE TABLE rooms (id uuid PRIMARY KEY, type text, active boolean);
CREATE FUNCTION room(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN n > 0 THEN id('room ' || n) END $$;
CREATE FUNCTION taking(at time, room int DEFAULT 0, stylist int DEFAULT 2, service int DEFAULT 1, takes interval DEFAULT '30 minutes', tbl text DEFAULT 'bookings', name text DEFAULT gen_random_uuid()::text)
RETURNS text LANGUAGE sql AS $$
    SELECT format('INSERT INTO %s (id, stylist_user_id, service_id, start_time, end_time, room_id) VALUES (%L, %L, %L, %L, %L, %L)', tbl, id(name),
                  stylist(stylist), CASE WHEN service > 0 THEN service(service) END, '2031-03-07'::date + at, '2031-03-07'::date + at + takes, room(room)) $$;
CREATE FUNCTION take(at time, room int DEFAULT 0, stylist int DEFAULT 2, service int DEFAULT 1, takes interval DEFAULT '30 minutes', tbl text DEFAULT 'bookings', name text DEFAULT gen_random_uuid()::text)
RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE taking(at, room, stylist, service, takes, tbl, name); END $$;
-- "10:45 no_resource" of stylist 1, by memory and computed
CREATE FUNCTION told(answer jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT string_agg(at || ' ' || coalesce(s ->> 'reason', 'free'), ', ' ORDER BY at)
  FROM jsonb_array_elements(answer -> 'slots') s, LATERAL (SELECT right(left(s ->> 'slot_start_utc', 16), 5)) x(at) WHERE at BETWEEN '10:15' AND '11:15' $$;
CREATE PROCEDURE says(INOUT tap text, expected text, service int DEFAULT 1, stylist int DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE
    a jsonb := v2(stylist, '2031-03-07', service);
    b jsonb := v2(stylist, '2031-03-07', service);
    c jsonb;
BEGIN
    PERFORM set_config('availability_cache.enabled', 'off', true);
    c := v2(stylist, '2031-03-07', service);
    PERFORM set_config('availability_cache.enabled', 'on', true);
    tap := is(concat_ws('; ', CASE WHEN told(a) IS DISTINCT FROM expected THEN 'asked: ' || told(a) END,
                        CASE WHEN b ->> 'cached' <> 'true' THEN 'not from memory' END,
                        CASE WHEN b -> 'slots' <> c -> 'slots' THEN 'computed: ' || told(c) END), '', tap);
END
$$;
-- v1 knows no reasons.
CREATE OR REPLACE FUNCTION fault(answer jsonb, fresh jsonb, cached boolean) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(', ', CASE WHEN answer ->> 'success' IS DISTINCT FROM 'true' THEN answer::text END,
                       CASE WHEN (answer ->> 'cached')::boolean IS DISTINCT FROM cached THEN CASE WHEN cached THEN 'computed' ELSE 'from memory' END END,
                       CASE WHEN (SELECT jsonb_agg(s - '{reason,seats_left}'::text[]) FROM jsonb_array_elements(answer -> 'slots') s) IS DISTINCT FROM fresh THEN 'v2 is not v1' END) $$;
UPDATE availability_cache.rules SET show_reasons = true;

-- ---------------------------------------------------------------------------
-- Attached
-- ---------------------------------------------------------------------------
CREATE TABLE resources (id bigint PRIMARY KEY, blob text);
SELECT is((SELECT count(*) FROM availability_cache.attach() WHERE role = 'resources'), 0::bigint, 'what else is called resources is left alone');
DROP TABLE resources;
ALTER TABLE services ADD resource_type text;
UPDATE services SET resource_type = CASE id WHEN service(1) THEN 'room' WHEN service(2) THEN 'chair' END;
ALTER TABLE booking_reservations ADD room_id uuid;
SELECT is((SELECT action FROM availability_cache.attach() WHERE role = 'resources'), 'not found, optional', 'services need some: there is no table of the usual name');
SELECT throws_ok($$ SELECT availability_cache.attach('resources', 'rooms', '{"kind": "size"}') $$, '42703', NULL, 'a kind that is no column');
\o /dev/null
SELECT availability_cache.attach('resources', 'rooms');
\o
SELECT is((SELECT columns FROM availability_cache.source WHERE role = 'resources'), '{"id": "id", "kind": "type", "is_active": "active"}', 'usual names');
CALL says('bookings cannot name one: nothing is looked at', '10:15 free, 10:45 free, 11:15 free');
ALTER TABLE bookings ADD room_id uuid;
\o /dev/null
SELECT availability_cache.attach();
\o
SELECT is((SELECT jsonb_object_agg(role, columns -> 'resource_id') FROM availability_cache.source WHERE columns ? 'resource_id'), '{"bookings": "room_id", "booking_reservations": "room_id"}', 'room_id is found');
SELECT is((SELECT array_agg(i) FROM availability_cache.sources s, unnest(missing_indexes) i WHERE role LIKE 'booking%'),
          '{"CREATE INDEX ON bookings (room_id, start_time)","CREATE INDEX ON booking_reservations (room_id, end_time)"}', 'missing indexes');
CALL says('no room', '10:15 no_resource, 10:45 no_resource, 11:15 no_resource');
SELECT is((v2() ->> 'reason'), 'no_resource', 'of the day');
CALL says('another service needs none', '10:15 free, 10:45 free, 11:15 free', 3);
CALL hit('the other', service => 3);

-- ---------------------------------------------------------------------------
-- Who takes one, and what outdates
-- ---------------------------------------------------------------------------
INSERT INTO rooms VALUES (room(1), 'room', true), (room(4), 'chair', true), (room(5), 'room', false);
CALL new('a room');
CALL says('a room', '10:15 free, 10:45 free, 11:15 free');
CALL hit('who needs none: a room', service => 3);
SELECT take('10:45', 1);
CALL new('another stylist books it');
CALL says('taken by another stylist', '10:15 free, 10:45 no_resource, 11:15 free');
CALL hit('who needs none: a booking', service => 3);
SELECT is(status(v1(), '10:45'), 'booked', 'v1 calls it booked');
UPDATE bookings SET status = 'cancelled';
CALL new('it is cancelled');
CALL says('free again', '10:15 free, 10:45 free, 11:15 free');
UPDATE bookings SET status = 'confirmed', room_id = NULL;
CALL new('it names none');
CALL says('any of the kind', '10:15 free, 10:45 no_resource, 11:15 free');
INSERT INTO rooms VALUES (room(2), 'room', NULL);
CALL new('another room');
CALL says('one is left', '10:15 free, 10:45 free, 11:15 free');
SELECT take('11:00', 2, service => 0, takes => '15 minutes', name => 'short');
CALL new('without a service, for a quarter of an hour');
CALL says('who names none may be in either', '10:15 free, 10:45 no_resource, 11:15 free');
UPDATE bookings SET room_id = room(2) WHERE room_id IS NULL;
CALL new('both in one room');
CALL says('both in one room', '10:15 free, 10:45 free, 11:15 free');
UPDATE bookings SET room_id = room(4);
CALL new('in a chair, which has nothing to do with rooms', differs => false);
CALL says('in a chair', '10:15 free, 10:45 free, 11:15 free');
UPDATE rooms SET type = 'room' WHERE id = room(4);
CALL new('the chair becomes a room', differs => false);
UPDATE rooms SET active = false WHERE id = room(1);
CALL new('one is closed', differs => false);
UPDATE rooms SET active = false WHERE id = room(2);
CALL new('and another');
CALL says('the last is taken', '10:15 free, 10:45 no_resource, 11:15 free');
UPDATE rooms SET active = true WHERE id = room(2);
UPDATE rooms SET type = 'chair' WHERE id = room(4);
CALL new('one is open again');
SELECT take('10:45', 2, stylist => 3, tbl => 'booking_reservations', name => 'held');
CALL new('somebody holds it');
CALL says('held by another stylist', '10:15 free, 10:45 no_resource, 11:15 free');
UPDATE booking_reservations SET expires_at = clock_timestamp() + '1 second';
CALL says('for a second', '10:15 free, 10:45 no_resource, 11:15 free');
SELECT pg_sleep(1.1) \g /dev/null
CALL says('until it expires', '10:15 free, 10:45 free, 11:15 free');
DELETE FROM booking_reservations;
CALL new('nobody holds it');
-- chairs are of service 2, whose bookings do not matter here
SELECT take('10:45', 0, stylist => 3, service => 2);
CALL hit('a service that needs another kind');
SELECT take('10:45', 0, stylist => 3, service => 3);
CALL hit('a service that needs none');
UPDATE services SET resource_type = 'room' WHERE id = service(2);
CALL new('its service needs a room, too');
CALL says('its service needs a room, too', '10:15 free, 10:45 no_resource, 11:15 free');
UPDATE services SET price_cents = 7 WHERE id = service(2);
CALL hit('its price');
UPDATE services SET resource_type = 'chair' WHERE id = service(2);
-- more than a day, and more than there is a trace of
SELECT take('00:00', 2, stylist => 3, service => 0, takes => '3 days', name => 'long');
CALL new('three days');
CALL says('three days', '10:15 no_resource, 10:45 no_resource, 11:15 no_resource');
UPDATE bookings SET start_time = '2031-01-01', end_time = '2031-06-01' WHERE id = id('long');
CALL new('months', differs => false);
DELETE FROM bookings WHERE id = id('long');
CALL new('not any more');

-- a class shares its room
DELETE FROM bookings;
ALTER TABLE services ADD capacity int;
\o /dev/null
SELECT availability_cache.attach('services', 'services');
\o
UPDATE services SET capacity = 3 WHERE id = service(1);
SELECT take('10:45', 0, stylist => 1), take('10:45', 2, stylist => 1);
CALL says('two of three seats, and its own room', '10:15 free, 10:45 free, 11:15 free');
CALL says('for another stylist it is taken', '10:15 free, 10:45 no_resource, 11:15 free', stylist => 2);
UPDATE bookings SET room_id = NULL;
INSERT INTO rooms VALUES (room(3), 'room', true);
CALL says('who names none, but starts together, takes one', '10:15 free, 10:45 free, 11:15 free', stylist => 2);
UPDATE services SET capacity = NULL WHERE id = service(1);
CALL says('also without a capacity', '10:15 free, 10:45 free, 11:15 free', stylist => 2);
UPDATE bookings SET room_id = room(3) WHERE id::text = (SELECT min(id::text) FROM bookings);
CALL says('but for one who names another', '10:15 free, 10:45 no_resource, 11:15 free', stylist => 2);

-- ---------------------------------------------------------------------------
-- Explained; ranges
-- ---------------------------------------------------------------------------
SELECT is(e - '{slot_start_utc,slot_end_utc,date,success}'::text[] ->> 'reason', 'no_resource', 'explain_slot: the reason') FROM availability_cache.explain_slot(stylist(2), service(1), '2031-03-07 10:45Z') e;
SELECT is(e ->> 'rule', '21', 'explain_slot: the rule') FROM availability_cache.explain_slot(stylist(2), service(1), '2031-03-07 10:45Z') e;
CREATE FUNCTION taken_by(OUT said text) LANGUAGE sql AS $$
    SELECT concat_ws(' ', e ->> 'role', CASE e -> 'row' ->> 'stylist_user_id' WHEN stylist(1)::text THEN 'of 1' WHEN stylist(3)::text THEN 'of 3' END, right(left(e -> 'row' ->> 'start_time', 16), 5))
      FROM availability_cache.explain_slot(stylist(2), service(1), '2031-03-07 10:45Z') e $$;
SELECT is(taken_by(), 'bookings of 1 10:45', 'explain_slot: who has one');
SELECT take('10:30', 2, stylist => 3) \g /dev/null
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time, status) SELECT id('gone'), stylist(3), service(1), '2031-03-07 10:30Z', '2031-03-07 11:00Z', 'cancelled';
SELECT is(taken_by(), 'bookings of 3 10:30', 'explain_slot: the first, by name');
UPDATE bookings SET start_time = start_time - interval '3 hours', end_time = end_time - interval '3 hours' WHERE start_time = '2031-03-07 10:30Z';
SELECT take('10:15', 0, stylist => 3, takes => '1 hour', tbl => 'booking_reservations') \g /dev/null
SELECT is(taken_by(), 'booking_reservations of 3 10:15', 'explain_slot: a hold');
DELETE FROM booking_reservations;
CREATE ROLE taken_nobody;
GRANT USAGE ON SCHEMA public, availability_cache TO taken_nobody;
GRANT EXECUTE ON FUNCTION availability_cache.explain_slot(uuid, uuid, timestamptz) TO taken_nobody;
SET ROLE taken_nobody;
SELECT is(taken_by(), 'bookings', 'explain_slot: not for everybody');
RESET ROLE;
DROP OWNED BY taken_nobody;
DROP ROLE taken_nobody;
CREATE FUNCTION without(booking text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(s ->> 'status', ' ') FROM jsonb_array_elements(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(2)], p_exclude_booking_id => booking) -> 'slots') s
     WHERE s ->> 'slot_start_utc' LIKE '%T10:45%' $$;
SELECT is(without(NULL), 'booked', 'a range');
SELECT is(without((SELECT min(id::text) FROM bookings WHERE stylist_user_id = stylist(1) AND start_time = '2031-03-07 10:45Z')), 'available', 'without a booking of another stylist');
DELETE FROM bookings;

-- ---------------------------------------------------------------------------
-- The guard; 2 and 3 are rooms, 4 is a chair
-- ---------------------------------------------------------------------------
UPDATE availability_cache.rules SET guard = 'on';
SELECT is(refused(taking('10:15', 2)), 'done', 'guard: a room');
SELECT is(refused(taking('10:15', 2, stylist => 1)), 'no_resource', 'guard: the same room');
SELECT is(refused(taking('10:15', 4, stylist => 1)), 'no_resource', 'guard: a chair is no room');
SELECT is(refused(taking('10:15', 0, stylist => 1)), 'done', 'guard: any room');
SELECT is(refused(taking('10:15', 0, stylist => 3)), 'no_resource', 'guard: one too many');
SELECT is(refused(format('UPDATE bookings SET room_id = %L WHERE room_id IS NULL', room(3))), 'done', 'guard: it is told its room');
SELECT is(refused(format('UPDATE bookings SET room_id = %L', room(3))), 'no_resource', 'guard: all in one room');
SELECT is(refused('UPDATE bookings SET room_id = NULL'), 'done', 'guard: all in any');
SELECT is(refused($$ UPDATE bookings SET end_time = end_time - interval '5 minutes' $$), 'done', 'guard: shorter');
SELECT is(refused(format('UPDATE bookings SET room_id = %L WHERE stylist_user_id = %L', room(2), stylist(2))), 'done', 'guard: one is told: there is another for the other');
SELECT is(refused(format('UPDATE bookings SET stylist_user_id = %L WHERE stylist_user_id = %L', stylist(3), stylist(1))), 'done', 'guard: given to another stylist');
DELETE FROM bookings;
UPDATE availability_cache.rules SET guard = 'holds';
-- From 10 to 12 somebody is in one of two rooms, without a name. So those who come and go around must leave
-- one room free all the time.
SELECT is(refused(taking('10:00', 0, takes => '2 hours')), 'done', 'guard: for two hours');
SELECT is(refused(taking('10:00', 2, stylist => 1, takes => '1 hour')), 'done', 'guard: in room 2 for the first');
SELECT is(refused(taking('11:00', 3, stylist => 1, takes => '1 hour')), 'no_resource', 'guard: in room 3 for the second would put that out');
SELECT is(refused(taking('11:00', 2, stylist => 1, takes => '1 hour')), 'done', 'guard: but not in room 2');
SELECT is(refused(taking('20:00', 3, stylist => 3, takes => '30 minutes')), 'done', 'guard: whenever');
SELECT is(refused(taking('20:15', 9, stylist => 2, service => 0)), 'done', 'guard: a room that is in no list');
SELECT is(refused(taking('20:30', 9, stylist => 3, service => 0)), 'no_resource', 'guard: is one all the same');
DELETE FROM bookings;

-- ---------------------------------------------------------------------------
-- Holds are given one
-- ---------------------------------------------------------------------------
UPDATE booking_reservations SET status = 'reserved';
SELECT is(availability_cache.hold_slot(stylist(1), service(1), '2031-03-07 10:15Z') ->> 'success', 'true', 'hold_slot');
SELECT ok(room_id IN (room(2), room(3)), 'it is given a room') FROM booking_reservations;
SELECT is(availability_cache.hold_slot(stylist(2), service(1), '2031-03-07 10:15Z') ->> 'success', 'true', 'and another');
SELECT is(count(DISTINCT room_id), 2::bigint, 'another one') FROM booking_reservations;
SELECT is(availability_cache.hold_slot(stylist(3), service(1), '2031-03-07 10:15Z') ->> 'reason', 'no_resource', 'and no third');
SELECT is(availability_cache.hold_slot(stylist(3), service(3), '2031-03-07 10:15Z') ->> 'success', 'true', 'but for who needs none');
SELECT set_config('t.room', room_id::text, false) FROM booking_reservations WHERE stylist_user_id = stylist(1) \g /dev/null
SELECT is(availability_cache.confirm_hold(id::text) ->> 'success', 'true', 'confirmed') FROM booking_reservations WHERE stylist_user_id = stylist(1);
SELECT is((SELECT room_id::text FROM bookings), current_setting('t.room'), 'the booking keeps the room');
SELECT is((SELECT count(*) FROM booking_reservations WHERE room_id IS NULL), 1::bigint, 'who needs none has none');
SELECT * FROM finish();
