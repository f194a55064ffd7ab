-- The waiting list: who is told, of what, once, in which order; whose tables; what has gone by then. Two
-- sweeps, two takers and a crash are in test/t/081_waiting.pl. Each cause of a free slot has a line: fails
-- where first_slot looks at something else than the rules do.
SELECT plan(46);
SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes int);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid);
CREATE TABLE stylist_schedules (stylist_user_id uuid, day_of_week int, start_time time, end_time time);
CREATE TABLE schedule_overrides (stylist_user_id uuid, override_date date, is_closed boolean);
CREATE TABLE bookings (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, status text DEFAULT 'confirmed');
CREATE TABLE booking_reservations (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, expires_at timestamptz);
CREATE TABLE waiting (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, wanted_from timestamptz, wanted_to timestamptz, seats int, customer_id text, created_at timestamptz DEFAULT clock_timestamp());
\o /dev/null
SELECT availability_cache.attach();
\o
UPDATE availability_cache.rules SET max_advance = '3660 days', default_timezone = 'UTC';
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.lpad(n::text, 32, '0')::uuid $$;

-- A Monday within the year that is looked at. Everybody works from 9 to 10 on Mondays: two slots, both taken.
CREATE FUNCTION day() RETURNS date LANGUAGE sql STABLE AS $$ SELECT date_trunc('week', now() + interval '40 days')::date $$;
INSERT INTO services VALUES (id(1), 30);
INSERT INTO stylist_services SELECT id(n), id(1) FROM generate_series(1, 9) n;
INSERT INTO stylist_schedules SELECT id(n), 1, '09:00', '10:00' FROM generate_series(1, 9) n;
INSERT INTO bookings (stylist_id, service_id, starts_at, ends_at) SELECT id(n), id(1), day() + t, day() + t + interval '30 minutes' FROM generate_series(1, 9) n, unnest('{09:00,09:30}'::time[]) t;
CREATE FUNCTION waits(n int, customer text, starts time DEFAULT '00:00', ends time DEFAULT '23:00') RETURNS void LANGUAGE sql AS $$
    INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id) VALUES (CASE WHEN n > 0 THEN id(n) END, id(1), day() + starts, day() + ends, customer) $$;
-- Who is told, of what.
CREATE FUNCTION told(n int DEFAULT 100) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(concat(customer_key, ' ', to_char(slot_start, 'HH24:MI')), ', ' ORDER BY f.id), 'nobody') FROM availability_cache.take_freed(n) f $$;

-- ---------------------------------------------------------------------------
-- Attaching
-- ---------------------------------------------------------------------------
SELECT throws_ok($$ SELECT availability_cache.attach_waiting_list('services') $$, '42703', NULL, 'a table without the columns');
SELECT throws_ok($$ SELECT availability_cache.attach_waiting_list('stylist_schedules') $$, '55000', NULL, 'a table without a key');
SELECT throws_ok($$ SELECT availability_cache.attach_waiting_list('waiting', '{"customer_key": "who"}') $$, '42703', NULL, 'a column that is not there');
SELECT is(availability_cache.attach_waiting_list('waiting'), '{"stylist_user_id": "stylist_id", "service_id": "service_id", "wanted_from": "wanted_from", "wanted_to": "wanted_to", "seats": "seats", "customer_key": "customer_id", "created_at": "created_at"}', 'its columns');
SELECT is(availability_cache.attach_waiting_list('waiting') ->> 'seats', 'seats', 'once more');
SELECT is(availability_cache.queue_freed(), 0, 'nobody waits');

-- ---------------------------------------------------------------------------
-- Who is told of what
-- ---------------------------------------------------------------------------
SELECT waits(1, 'ann'), waits(1, 'bob'), waits(0, 'cid', '09:30'), waits(2, 'dan', '09:10', '09:50'), waits(3, 'eve') \g /dev/null
SELECT is(availability_cache.queue_freed(), 0, 'nothing is free');
UPDATE bookings SET status = 'cancelled' WHERE stylist_id = id(1) AND starts_at = day() + time '09:30';
SELECT is(availability_cache.queue_freed(), 3, 'one slot is: for those who wait for it, or for anybody');
SELECT is(availability_cache.queue_freed(), 0, 'who is in the queue is not put there again');
SELECT is(told(1), 'ann 09:30', 'in the order in which they wait');
SELECT is(told(), 'bob 09:30, cid 09:30', 'the others');
SELECT is(told(), 'nobody', 'once');
SELECT is(availability_cache.queue_freed(), 0, 'and not again');
UPDATE bookings SET status = 'confirmed';
UPDATE bookings SET status = 'cancelled' WHERE stylist_id = id(1);
SELECT is(availability_cache.queue_freed(), 0, 'also of the next one');
UPDATE waiting SET wanted_to = day() + time '09:30' WHERE customer_id = 'ann';
SELECT is(availability_cache.queue_freed(), 1, 'who asks for something else waits anew');
SELECT is(told(), 'ann 09:00', 'and is told of that');
DELETE FROM waiting WHERE customer_id IN ('ann', 'bob', 'cid');
SELECT is(availability_cache.queue_freed(), 0, 'who waits no more');
SELECT is((SELECT count(*) FROM availability_cache.freed), 0::bigint, 'leaves nothing behind');
UPDATE bookings SET status = 'confirmed';

-- ---------------------------------------------------------------------------
-- What has gone by then
-- ---------------------------------------------------------------------------
UPDATE bookings SET status = 'cancelled' WHERE stylist_id = id(3);
SELECT is(availability_cache.queue_freed(), 1, 'gone: a slot is free');
UPDATE bookings SET status = 'confirmed';
SELECT is(told(), 'nobody', 'gone: nobody is told of what is taken again');
SELECT is(availability_cache.queue_freed(), 0, 'gone: who waits, waits on');
UPDATE bookings SET status = 'cancelled' WHERE stylist_id = id(3) AND starts_at = day() + time '09:30';
SELECT is(availability_cache.queue_freed(), 1, 'until there is one');
BEGIN;
SELECT is(told(), 'eve 09:30', 'taken');
ROLLBACK;
SELECT is(told(), 'eve 09:30', 'and taken again, as that was rolled back');

-- ---------------------------------------------------------------------------
-- Every way in which one comes
-- ---------------------------------------------------------------------------
SELECT clock_timestamp() AS began \gset
SELECT waits(4, 'shorter', '09:30'), waits(5, 'deleted'), waits(6, 'longer', '10:00'), waits(7, 'opened', '00:00', '09:30'), waits(8, 'expired') \g /dev/null
UPDATE bookings SET ends_at = day() + time '10:00' WHERE stylist_id = id(4) AND starts_at = day() + time '09:00';
DELETE FROM bookings WHERE stylist_id = id(4) AND starts_at = day() + time '09:30';
SELECT is(availability_cache.queue_freed(), 0, 'an hour long');
UPDATE bookings SET ends_at = day() + time '09:30' WHERE stylist_id = id(4);
SELECT is(availability_cache.queue_freed(), 1, 'a booking is shorter');
SELECT is(told(), 'shorter 09:30', 'and who waited is told');
DELETE FROM bookings WHERE stylist_id = id(5);
SELECT is(availability_cache.queue_freed(), 1, 'one is deleted');
UPDATE stylist_schedules SET end_time = '10:30' WHERE stylist_user_id = id(6);
SELECT is(availability_cache.queue_freed(), 1, 'a longer schedule');
DELETE FROM bookings WHERE stylist_id IN (id(7), id(8));
INSERT INTO schedule_overrides VALUES (id(7), day(), true);
-- Later on a server that is slow.
INSERT INTO booking_reservations (stylist_id, service_id, starts_at, ends_at, expires_at) VALUES (id(8), id(1), day() + time '09:00', day() + time '10:00', clock_timestamp() + (clock_timestamp() - :'began') + interval '0.3 seconds');
SELECT is(availability_cache.queue_freed(), 0, 'closed, and held');
DELETE FROM schedule_overrides;
SELECT is(availability_cache.queue_freed(), 1, 'an override goes');
SELECT pg_sleep(extract(epoch FROM max(expires_at) - clock_timestamp()) + 0.05) FROM booking_reservations \g /dev/null
SELECT is(availability_cache.queue_freed(), 1, 'a hold expires by the clock');
SELECT is((SELECT string_agg(customer_key, ' ' ORDER BY id) FROM availability_cache.freed WHERE customer_key IN ('shorter', 'deleted', 'longer', 'opened', 'expired')), 'shorter deleted longer opened expired', 'all of them');

-- ---------------------------------------------------------------------------
-- Classes
-- ---------------------------------------------------------------------------
SELECT told() \g /dev/null
CREATE TABLE class_sessions (stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, seats int);
SELECT availability_cache.attach('class_sessions', 'class_sessions') \g /dev/null
SELECT waits(4, 'class', '12:00', '14:00') \g /dev/null
SELECT is(availability_cache.queue_freed(), 0, 'a class is waited for');
INSERT INTO class_sessions VALUES (id(4), id(1), day() + time '12:30', day() + time '13:30', 1);
SELECT is(availability_cache.queue_freed() || ' ' || told(), '1 class 12:30', 'one is added');
INSERT INTO bookings (stylist_id, service_id, starts_at, ends_at) VALUES (id(4), id(1), day() + time '12:30', day() + time '13:30');
SELECT waits(4, 'seat', '12:00', '14:00') \g /dev/null
SELECT is(availability_cache.queue_freed(), 0, 'it is full');
UPDATE class_sessions SET seats = 2;
SELECT is(availability_cache.queue_freed() || ' ' || told(), '1 seat 12:30', 'it gets another seat');

-- ---------------------------------------------------------------------------
-- Nonsense, and rights
-- ---------------------------------------------------------------------------
INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, seats, customer_id) VALUES
    (id(99), id(1), day(), day() + 1, 1, 'x1'), (id(1), id(99), day(), day() + 1, 1, 'x2'), (id(1), id(1), day() + 1, day(), 1, 'x3'), (id(1), NULL, day(), day() + 1, 1, 'x4'),
    (id(1), id(1), '-infinity', '-infinity', 1, 'x5'), (id(1), id(1), 'infinity', 'infinity', 1, 'x6'), (id(1), id(1), day(), day() + 1, -1, 'x7'), (id(1), id(1), day(), day() + 1, 2147483647, 'x8');
SELECT is(availability_cache.queue_freed(), 0, 'wishes that cannot be');
CREATE ROLE waiting_nobody;
SET ROLE waiting_nobody;
SELECT throws_ok('SELECT availability_cache.queue_freed()', '42501', NULL, 'not for everybody: looking');
SELECT throws_ok('SELECT availability_cache.take_freed()', '42501', NULL, 'taking');
SELECT throws_ok($$ SELECT availability_cache_internal.waiting_rows('public.waiting') $$, '42501', NULL, 'reading');
SELECT throws_ok($$ SELECT availability_cache.attach_waiting_list('public.waiting') $$, '42501', NULL, 'attaching');
RESET ROLE;
DELETE FROM waiting;
ALTER TABLE waiting OWNER TO waiting_nobody;
GRANT USAGE ON SCHEMA public TO waiting_nobody;
SELECT waits(5, 'late') \g /dev/null
SELECT is(availability_cache.queue_freed(), 0, 'a table whose owner may not have a waiting list is left out');
GRANT EXECUTE ON FUNCTION availability_cache_internal.waiting_list() TO waiting_nobody;
SELECT is(availability_cache.queue_freed(), 1, 'until its owner may');
ALTER TABLE waiting OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA public FROM waiting_nobody;
REVOKE EXECUTE ON FUNCTION availability_cache_internal.waiting_list() FROM waiting_nobody;
DROP ROLE waiting_nobody;
SELECT ok('waiting list' = ANY (array_agg(d)), 'detach() takes the list too') FROM availability_cache.detach() d;
SELECT lives_ok('DROP EXTENSION availability_cache', 'and nothing is in the way of DROP EXTENSION');
SELECT * FROM finish();
