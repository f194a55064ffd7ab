-- What an answer depends on because appointments keep their service's buffers free: the services booked near
-- the day, and no other service having such long ones that a booking farther away would matter. Fails when
-- the buffers of those services (day.c: depend_on_buffers), bookings' service_id (attach: args) or the levels
-- (touch.c) are left out; and, in the other direction, when any change of a service outdates such answers.
-- test/t/025_buffers.pl has mutants.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(49);
DELETE FROM bookings;
DELETE FROM booking_reservations;
CREATE FUNCTION book(name text, service int, starts timestamptz, stylist int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time)
    VALUES (id(name), stylist(stylist), service(service), starts, starts + interval '30 minutes') $$;
-- 7 March 2031: 08:00 to 20:00 in Kathmandu, 02:15 to 14:15 UTC
\o /dev/null
SELECT book('b', 2, '2031-03-07 10:45Z'), book('c', 3, '2031-03-07 10:45Z', 2);
\o
CALL new('service 1, where service 2 is booked');
CALL new('the same day of service 2', service => 2);
CALL new('another day', day => '2031-03-08');
CALL new('stylist 2, where service 3 is booked', stylist => 2);

-- the buffers of the service that is booked
UPDATE services SET buffer_after_minutes = 40 WHERE id = service(2);
CALL new('buffer after');
CALL new('of its own', service => 2);
CALL hit('not a day without it', day => '2031-03-08');
CALL hit('nor where another is booked', stylist => 2);
UPDATE services SET buffer_before_minutes = 50 WHERE id = service(2);
CALL new('buffer before');
CALL hit('of no other', stylist => 2);
UPDATE services SET buffer_after_minutes = 45 WHERE id = service(2);
CALL new('a little more, which leaves the slots as they are', differs => false);
UPDATE services SET price_cents = 17, duration_minutes = 20, min_notice_minutes = 5, name = 'other' WHERE id = service(2);
CALL hit('what is not its buffers does not matter');
UPDATE services SET is_active = false WHERE id = service(2);
CALL hit('nor whether it is active');
UPDATE services SET is_active = true WHERE id = service(2);
UPDATE services SET buffer_before_minutes = NULL, buffer_after_minutes = NULL WHERE id = service(2);
CALL new('none');
UPDATE services SET buffer_after_minutes = 40 WHERE id = service(3);
CALL hit('nor does a service that is booked elsewhere');
CALL new('but there', stylist => 2);

-- the service of the booking
UPDATE bookings SET service_id = service(3) WHERE id = id('b');
CALL new('another service');
CALL hit('for that stylist', stylist => 2);
UPDATE services SET buffer_after_minutes = 90 WHERE id = service(3);
CALL new('whose buffers now count');
UPDATE services SET id = id('new') WHERE id = service(3);
CALL new('it has another id: no buffers');
UPDATE services SET id = service(3) WHERE id = id('new');
CALL new('it is there again');
DELETE FROM services WHERE id = service(3);
CALL new('deleted');
INSERT INTO services (id, name, duration_minutes) VALUES (service(3), 'without buffers', 30);
CALL hit('a service without buffers comes');
UPDATE services SET buffer_before_minutes = 60 WHERE id = service(3);
CALL new('and gets some');
DELETE FROM bookings WHERE id = id('b');
CALL new('no booking');
UPDATE services SET buffer_before_minutes = 61 WHERE id = service(3);
CALL hit('no dependence either');

-- a hold's
INSERT INTO booking_reservations (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('h'), stylist(1), service(3), '2031-03-07 10:45Z', '2031-03-07 11:15Z');
CALL new('a hold');
UPDATE services SET buffer_before_minutes = 100 WHERE id = service(3);
CALL new('buffers of its service');
UPDATE booking_reservations SET service_id = service(2) WHERE id = id('h');
CALL new('its service');
DELETE FROM booking_reservations;
CALL new('none');

-- A booking on another UTC day, too far away to matter until a service has very long buffers: 15:00 to 15:30
-- UTC on the day before
UPDATE services SET buffer_before_minutes = NULL, buffer_after_minutes = NULL;
CALL hit('no buffers');
\o /dev/null
SELECT book('d', 2, '2031-03-06 15:00Z');
\o
CALL hit('a booking on the day before does not matter');
UPDATE services SET buffer_after_minutes = 15 WHERE id = service(2);
CALL hit('nor with 15 minutes after it');
UPDATE services SET buffer_after_minutes = 120 WHERE id = service(2);
CALL hit('nor with 2 hours');
UPDATE services SET buffer_after_minutes = 700 WHERE id = service(2);
CALL new('with 11 hours and 40 minutes it reaches 08:55 in Kathmandu');
UPDATE services SET buffer_after_minutes = 660 WHERE id = service(2);
CALL new('with 11 hours 08:15');
UPDATE bookings SET start_time = start_time - interval '3 hours', end_time = end_time - interval '3 hours' WHERE id = id('d');
CALL new('and not if it was earlier');
UPDATE services SET buffer_after_minutes = NULL WHERE id = service(2);
CALL new('without them', differs => false);
DELETE FROM bookings WHERE id = id('d');
CALL hit('its day does not matter any more');

-- More services than an answer names: then any service's buffers matter.
INSERT INTO services (id, name, duration_minutes) SELECT service(n), 'many', 30 FROM generate_series(10, 30) n;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
SELECT stylist(1), service(n), timestamptz '2031-03-07 10:45Z' + n * interval '1 minute', timestamptz '2031-03-07 11:15Z' + n * interval '1 minute' FROM generate_series(10, 30) n;
CALL new('many services');
UPDATE services SET buffer_after_minutes = 60 WHERE id = service(30);
CALL new('the last of them');
UPDATE services SET buffer_after_minutes = 1 WHERE id = service(3);
CALL new('one that is not booked', differs => false);
DELETE FROM bookings;
CALL new('without them');

-- intervals, and units that names say
ALTER TABLE services ADD COLUMN buffer_hours int, ADD COLUMN gap interval;
SELECT count(*) > 0 FROM availability_cache.attach('services', 'services', '{"buffer_before_minutes": "buffer_hours", "buffer_after_minutes": "gap"}') \g /dev/null
\o /dev/null
SELECT book('d', 2, '2031-03-06 15:00Z');
\o
CALL new('other columns', differs => false);
UPDATE services SET gap = '11 hours 40 minutes' WHERE id = service(2);
CALL new('an interval');
UPDATE services SET gap = '1 month' WHERE id = service(2);
CALL new('a month is a day');
UPDATE services SET gap = NULL WHERE id = service(2);
CALL new('none');
UPDATE bookings SET start_time = '2031-03-08 02:00Z', end_time = '2031-03-08 02:30Z' WHERE id = id('d');
CALL hit('a booking on the day after');
UPDATE services SET buffer_hours = 12 WHERE id = service(2);
CALL new('hours before it');
SELECT * FROM finish();
