-- Seats: a service with a capacity is offered until its seats are taken, and says how many are left; nothing
-- changes for who has none. Fails when a booking of the service blocks it whole, when more seats are sold
-- than there are, when capacity or seats are left out of what a change touches (attach: args) or of what a
-- session remembers, or when the seats are lost on the way to the table or from it.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(55);
-- v1 knows no seats.
CREATE OR REPLACE FUNCTION fault(answer jsonb, fresh jsonb, cached boolean) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(', ', CASE WHEN answer ->> 'success' IS DISTINCT FROM 'true' THEN answer::text END,
                       CASE WHEN (answer ->> 'cached')::boolean IS DISTINCT FROM cached THEN CASE WHEN cached THEN 'computed' ELSE 'from memory' END END,
                       CASE WHEN (SELECT jsonb_agg(s - 'seats_left') FROM jsonb_array_elements(answer -> 'slots') s) IS DISTINCT FROM fresh THEN 'v2 is not v1' END) $$;
DELETE FROM bookings;
DELETE FROM booking_reservations;
-- 7 March 2031: 08:00 to 20:00 in Kathmandu, 02:15 to 14:15 UTC, a slot each half hour; service 1 takes 30
-- minutes
CREATE FUNCTION book(name text, service int, at time, seats int DEFAULT NULL, stylist int DEFAULT 1, tbl regclass DEFAULT 'bookings') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s (id, stylist_user_id, service_id, start_time, end_time, seats) VALUES (%L, %L, %L, %L, %L, %L)', tbl, id(name),
                   stylist(stylist), service(service), '2031-03-07'::date + at, '2031-03-07'::date + at + '30 minutes', seats);
END
$$;
-- "10:45 b, 11:15 3" of an answer of v2 or json: the status's first letter, or the seats left
CREATE FUNCTION told(answer jsonb, first time DEFAULT '10:15', last time DEFAULT '11:45') RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT string_agg(to_char(at, 'HH24:MI ') || CASE WHEN s ->> 'status' = 'available' THEN coalesce(s ->> 'seats_left', 'free') ELSE left(s ->> 'status', 1) END, ', ' ORDER BY at)
  FROM jsonb_array_elements(answer -> 'slots') s, LATERAL (SELECT right(left(s ->> 'slot_start_utc', 16), 5)::time) x(at)
 WHERE at BETWEEN first AND last $$;
-- In memory and computed, v2 and json: all the same. '' or what was not.
CREATE PROCEDURE says(INOUT tap text, expected text, service int DEFAULT 1, stylist int DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE
    a jsonb := v2(stylist, '2031-03-07', service);
    b jsonb := v2(stylist, '2031-03-07', service);
    c jsonb := get_available_slots_json(stylist(stylist), service(service), '2031-03-07');
    d jsonb;
BEGIN
    PERFORM set_config('availability_cache.enabled', 'off', true);
    d := v2(stylist, '2031-03-07', service);
    PERFORM set_config('availability_cache.enabled', 'on', true);
    tap := is(concat_ws('; ', CASE WHEN told(a) IS DISTINCT FROM expected THEN 'asked: ' || told(a) END,
                        CASE WHEN told(b) IS DISTINCT FROM expected THEN 'again: ' || told(b) END,
                        CASE WHEN b ->> 'cached' <> 'true' THEN 'not from memory' END,
                        CASE WHEN b -> 'slots' <> c -> 'slots' THEN 'json: ' || told(c) END,
                        CASE WHEN b -> 'slots' <> d -> 'slots' THEN 'computed: ' || told(d) END,
                        CASE WHEN NOT record_image_eq(ROW(b), ROW(b::text::jsonb)) THEN 'not the bytes of its text' END), '', tap);
END
$$;

-- who has no capacity sees nothing of it
CALL says('no column', '10:15 free, 10:45 free, 11:15 free, 11:45 free');
ALTER TABLE services ADD capacity int;
ALTER TABLE bookings ADD seats int;
ALTER TABLE booking_reservations ADD seats int;
SELECT is(array_agg(role || ' ' || action ORDER BY role), NULL, 'columns that are not mapped outdate nothing: attach() has to be run again')
  FROM availability_cache.sources s, LATERAL (SELECT 'mapped' WHERE s.columns ?| '{capacity,seats}') a(action);
\o /dev/null
SELECT availability_cache.attach();
\o
SELECT is(jsonb_object_agg(role, CASE role WHEN 'services' THEN columns -> 'capacity' ELSE columns -> 'seats' END),
          '{"services": "capacity", "bookings": "seats", "booking_reservations": "seats"}', 'attach() finds them under their usual names')
  FROM availability_cache.source WHERE columns ?| '{capacity,seats}';
SELECT is(count(*), 0::bigint, 'no key without a capacity') FROM jsonb_array_elements(v2() -> 'slots') s WHERE s ? 'seats_left';
SELECT book('a', 1, '10:45', 3);
CALL says('whatever seats a booking has', '10:15 free, 10:45 b, 11:15 free, 11:45 free');
CALL hit('the day, before');

-- each change that matters outdates it, and no other
UPDATE services SET capacity = 7 WHERE id = service(1);
CALL new('a capacity');
CALL says('four are left', '10:15 7, 10:45 4, 11:15 7, 11:45 7');
SELECT is(count(*) FILTER (WHERE s ? 'seats_left'), count(*), 'each slot has the key') FROM jsonb_array_elements(v2() -> 'slots') s;
SELECT is(array_agg(DISTINCT s ->> 'seats_left'), '{0}', 'a slot that is not available has none') FROM jsonb_array_elements(v2() -> 'slots') s WHERE s ->> 'status' <> 'available';
CALL hit('before seats change');
UPDATE bookings SET seats = 6 WHERE id = id('a');
CALL new('seats of a booking', differs => false);
CALL says('which v1 does not show', '10:15 7, 10:45 1, 11:15 7, 11:45 7');
UPDATE bookings SET seats = 6 WHERE id = id('a');
CALL hit('the same seats again');
UPDATE services SET capacity = 3 WHERE id = service(2);
CALL hit('another service''s capacity');
CALL says('another service is blocked as ever', '10:15 3, 10:45 b, 11:15 3, 11:45 3', service => 2);
SELECT book('h', 1, '10:45', 1, tbl => 'booking_reservations');
CALL says('the last seat is held', '10:15 7, 10:45 r, 11:15 7, 11:45 7');
UPDATE booking_reservations SET seats = 0 WHERE id = id('h');
CALL says('a hold of no seat', '10:15 7, 10:45 1, 11:15 7, 11:45 7');
DELETE FROM booking_reservations;

-- seven win
DELETE FROM bookings;
CALL says('all seven', '10:15 7, 10:45 7, 11:15 7, 11:45 7');
SELECT book('seat ' || n, 1, '10:45') FROM generate_series(1, 6) n;
CALL says('one is left', '10:15 7, 10:45 1, 11:15 7, 11:45 7');
SELECT book('seat 7', 1, '10:45');
CALL says('none is left', '10:15 7, 10:45 b, 11:15 7, 11:45 7');
SELECT book('seat 8', 1, '10:45', 100);
CALL says('nor when too many were sold', '10:15 7, 10:45 b, 11:15 7, 11:45 7');
UPDATE bookings SET status = 'cancelled' WHERE id IN (id('seat 8'), id('seat 3'));
CALL says('one comes back', '10:15 7, 10:45 1, 11:15 7, 11:45 7');

-- another start
UPDATE bookings SET start_time = start_time + interval '15 minutes', end_time = end_time + interval '15 minutes' WHERE id = id('seat 1');
CALL says('a class between two slots takes both', '10:15 7, 10:45 b, 11:15 b, 11:45 7');
UPDATE availability_cache.rules SET seat_sharing = 'time';
CALL says('or a seat of each', '10:15 7, 10:45 1, 11:15 6, 11:45 7');
UPDATE services SET buffer_after_minutes = 20 WHERE id = service(1);
CALL says('with its buffers', '10:15 1, 10:45 1, 11:15 1, 11:45 6');
UPDATE availability_cache.rules SET seat_sharing = 'slot';
CALL says('which keep other starts away', '10:15 b, 10:45 b, 11:15 b, 11:45 b');
UPDATE services SET buffer_after_minutes = NULL WHERE id = service(1);
DELETE FROM bookings WHERE id = id('seat 1');
SELECT book('other', 2, '11:15');
CALL says('who is booked for something else is', '10:15 7, 10:45 2, 11:15 b, 11:45 7');
ALTER TABLE bookings ALTER service_id DROP NOT NULL;
UPDATE bookings SET service_id = NULL WHERE id = id('other');
CALL says('or for nothing that is known', '10:15 7, 10:45 2, 11:15 b, 11:45 7');

-- limits
UPDATE services SET capacity = 0 WHERE id = service(1);
CALL says('no seats', '10:15 b, 10:45 b, 11:15 b, 11:45 b');
UPDATE services SET capacity = -5 WHERE id = service(1);
CALL says('fewer than none', '10:15 b, 10:45 b, 11:15 b, 11:45 b');
UPDATE services SET capacity = 2000000000 WHERE id = service(1);
UPDATE bookings SET seats = 2147483647 WHERE id = id('seat 2');
CALL says('more than are counted', '10:15 65535, 10:45 b, 11:15 b, 11:45 65535');
UPDATE bookings SET seats = NULL WHERE id = id('seat 2');
CALL says('very many', '10:15 65535, 10:45 65530, 11:15 b, 11:45 65535');
UPDATE services SET capacity = 10000 WHERE id = service(1);
CALL says('of as many digits as a number has', '10:15 10000, 10:45 9995, 11:15 b, 11:45 10000');

-- a session remembers long bookings, with their seats
SELECT book('long', 1, '05:15', 9000);
UPDATE bookings SET end_time = end_time + interval '3 days' WHERE id = id('long');
UPDATE availability_cache.rules SET seat_sharing = 'time';
CALL says('a long booking', '10:15 1000, 10:45 995, 11:15 b, 11:45 1000');
UPDATE bookings SET seats = 9990 WHERE id = id('long');
CALL says('changes its seats', '10:15 10, 10:45 5, 11:15 b, 11:45 10');
SELECT is(told(v2(day => '2031-03-09')), '10:15 10, 10:45 10, 11:15 10, 11:45 10', 'on its last day as well');

-- with displays of a format of their own
UPDATE availability_cache.rules SET display_format = 'HH12:MI AM';
CALL says('beside a format', '10:15 10, 10:45 5, 11:15 b, 11:45 10');

-- by the table
-- Asks until the table has it: it keeps nothing while others that it cannot tell apart are at work.
CREATE PROCEDURE to_table() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM availability_cache.invalidate(stylist(1));
        COMMIT;
        PERFORM v2();
        COMMIT;
        EXIT WHEN EXISTS (SELECT FROM private.availability_cache WHERE stylist_user_id = stylist(1) AND cache_date = '2031-03-07');
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
SET availability_cache.table_tier = inline;
UPDATE services SET capacity = 9999 WHERE id = service(1);
CALL says('to the table', '10:15 9, 10:45 4, 11:15 b, 11:45 9');
CALL to_table();
SELECT is(count(*), 1::bigint, 'it is in the table') FROM private.availability_cache WHERE stylist_user_id = stylist(1) AND cache_date = '2031-03-07';
UPDATE private.availability_cache SET computed_at = computed_at;
CALL hit('from the table');
CALL says('with its seats', '10:15 9, 10:45 4, 11:15 b, 11:45 9');

-- several at once, in answers about several days
DELETE FROM bookings;
UPDATE availability_cache.rules SET seat_sharing = 'slot';
UPDATE services SET capacity = 3 WHERE id = service(1);
SELECT book('two', 1, '10:45', 2);
CREATE FUNCTION range_at(seats int) RETURNS jsonb LANGUAGE sql AS $$
SELECT s FROM jsonb_array_elements(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)], p_seats => seats) -> 'slots') s
 WHERE s ->> 'slot_start_utc' LIKE '%T10:45%' $$;
SELECT is(range_at(1) ->> 'status' || ' ' || (range_at(1) ->> 'seats_left'), 'available 1', 'one seat is left');
SELECT is(range_at(2) ->> 'status', 'booked', 'not two');
SELECT is((SELECT (d ->> 'seats')::int FROM jsonb_array_elements(get_available_days(service(1), '2031-03-07', '2031-03-07', ARRAY[stylist(1)]) -> 'days') d),
          (SELECT sum((s ->> 'seats_left')::int)::int FROM jsonb_array_elements(v2() -> 'slots') s), 'a day''s seats are those of its slots');
SELECT is(get_available_slots_range(service(1), '2031-03-07', '2031-03-07', p_seats => 0) ->> 'code', 'INVALID_ARGUMENT', 'no seat cannot be asked for');

-- the guard counts seats as the answers do
CREATE FUNCTION try_booking(at time, seats int DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    reason text;
BEGIN
    PERFORM book('try ' || clock_timestamp(), 1, at, seats);
    PERFORM availability_cache.check_bookings();
    RETURN 'ok';
EXCEPTION WHEN exclusion_violation THEN
    GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
    RETURN reason;
END
$$;
DELETE FROM bookings;
UPDATE availability_cache.rules SET seat_sharing = 'slot', guard = 'holds';
UPDATE services SET capacity = 3 WHERE id = service(1);
SELECT is(try_booking('10:45', 2), 'ok', 'guarded: two seats');
SELECT is(try_booking('10:45', 2), 'full', 'guarded: two more are not there');
SELECT is(try_booking('10:45'), 'ok', 'guarded: one is');
SELECT is(try_booking('10:45', 1), 'full', 'guarded: and no other');
SELECT is(try_booking('11:00'), 'full', 'guarded: nor one that starts in between');
SELECT is(try_booking('11:15', 4), 'full', 'guarded: more than there ever are');
UPDATE availability_cache.rules SET guard = 'on';
SELECT is(try_booking('11:15', 3), 'ok', 'guarded by all rules: all three');
SELECT is(try_booking('11:15', 1), 'full', 'guarded by all rules: none is left');
UPDATE services SET capacity = NULL WHERE id = service(1);
SELECT is(try_booking('11:15', 1), 'booked', 'guarded, without a capacity: one at a time');

SELECT * FROM finish();
