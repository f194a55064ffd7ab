-- hold_slot, confirm_hold, release_slot in one session: what they answer, what they need of the tables, and
-- whose rights count. What two sessions do at once is in test/t/080_guard.pl. The guard is off: holds do not
-- rest on it.
SELECT plan(49);
SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE TYPE hold_state AS ENUM ('released', 'active');
CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes int);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid, custom_duration_minutes int);
CREATE TABLE stylist_schedules (stylist_user_id uuid, day_of_week int, start_time time, end_time time);
CREATE TABLE bookings (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, status text DEFAULT 'confirmed', customer text DEFAULT current_user);
CREATE TABLE booking_reservations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz,
    status hold_state DEFAULT 'released', expires_at timestamptz, customer text DEFAULT current_user);
\o /dev/null
SELECT availability_cache.attach();
\o
UPDATE availability_cache.rules SET max_advance = '3660 days', default_timezone = 'UTC';
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.lpad(n::text, 32, '0')::uuid $$;
INSERT INTO services VALUES (id(1), 30);
INSERT INTO stylist_services SELECT id(n), id(1), CASE n WHEN 2 THEN 45 END FROM generate_series(1, 9) n;
INSERT INTO stylist_schedules SELECT id(n), 1, '09:00', '18:00' FROM generate_series(1, 9) n;

-- 12 June 2034 is a Monday.
CREATE FUNCTION hold(n int, starts time, VARIADIC more text[] DEFAULT '{}') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    EXECUTE format('SELECT availability_cache.hold_slot(%s)', array_to_string(ARRAY[quote_literal(id(n)), quote_literal(id(1)), quote_literal('2034-06-12 ' || starts || 'Z')] || more, ', ')) INTO answer;
    RETURN answer;
END
$$;
CREATE FUNCTION why(answer jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN (answer ->> 'success')::boolean THEN 'done' ELSE concat_ws(' ', answer ->> 'code', answer ->> 'reason') END $$;
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE command;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', SQLSTATE, nullif(hint, ''));
END
$$;

-- ---------------------------------------------------------------------------
-- Holding
-- ---------------------------------------------------------------------------
SELECT hold(1, '09:00') AS held \gset
SELECT is(:'held'::jsonb - '{hold_id,expires_at}'::text[], '{"success": true, "slot_start_utc": "2034-06-12T09:00:00+00:00", "slot_end_utc": "2034-06-12T09:30:00+00:00"}', 'what hold_slot answers');
SELECT is((SELECT array[stylist_id, service_id]::text || starts_at || ends_at || status FROM booking_reservations WHERE id = (:'held'::jsonb ->> 'hold_id')::uuid),
          array[id(1), id(1)]::text || '2034-06-12 09:00:00+00' || '2034-06-12 09:30:00+00' || 'active', 'the row: with the first status that holds and the column knows');
SELECT ok((:'held'::jsonb ->> 'expires_at')::timestamptz BETWEEN now() + interval '9 minutes' AND now() + interval '11 minutes', 'for ten minutes');
SELECT is(why(hold(1, '09:00')), 'NOT_AVAILABLE held', 'the same slot is held');
SELECT is(why(hold(1, '09:15')), 'NOT_AVAILABLE off_grid', 'not on the grid');
SELECT is(why(hold(1, '08:00')), 'NOT_AVAILABLE outside_hours', 'before opening');
SELECT is(why(hold(10, '09:00')), 'NOT_AVAILABLE not_offered', 'nobody');
SELECT is(hold(2, '09:00') ->> 'slot_end_utc', '2034-06-12T09:45:00+00:00', 'as long as the stylist takes');
SELECT is(why(hold(1, '10:00', '1', $$'1 hour'$$)), 'done', 'for an hour');
SELECT ok((SELECT expires_at > now() + interval '50 minutes' FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z'), 'it is');
SELECT is(why(hold(1, '11:00', '0')), 'INVALID_ARGUMENT', 'no seat');
SELECT is(refused('SELECT hold(1, ''11:00'', ''2'')'), '55000 A hold in it is of one seat: attach it with such a column.', 'two seats, where a hold has no number of them');
SELECT is(why(hold(1, '11:00', '1', $$'-1 hour'$$)), 'INVALID_ARGUMENT', 'for no time');
SELECT is(why(hold(1, '11:00', '1', $$'8 days'$$)), 'INVALID_ARGUMENT', 'for too long');
SELECT is(why(availability_cache.hold_slot(NULL, id(1), now())), 'INVALID_ARGUMENT', 'nobody named');
SELECT is(why(availability_cache.hold_slot(id(1), id(1), 'infinity')), 'INVALID_ARGUMENT', 'never');

-- ---------------------------------------------------------------------------
-- Confirming, releasing
-- ---------------------------------------------------------------------------
SELECT availability_cache.confirm_hold(:'held'::jsonb ->> 'hold_id') AS booked \gset
SELECT is(:'booked'::jsonb, format('{"success": true, "booking_id": "%s", "slot_start_utc": "2034-06-12T09:00:00+00:00", "slot_end_utc": "2034-06-12T09:30:00+00:00"}', (SELECT max(id) FROM bookings))::jsonb, 'what confirm_hold answers');
SELECT is((SELECT array[stylist_id, service_id]::text || starts_at || ends_at || status FROM bookings), array[id(1), id(1)]::text || '2034-06-12 09:00:00+00' || '2034-06-12 09:30:00+00' || 'confirmed', 'the booking');
SELECT is((SELECT count(*) FROM booking_reservations WHERE id = (:'held'::jsonb ->> 'hold_id')::uuid), 0::bigint, 'the hold is gone');
SELECT is(why(availability_cache.confirm_hold(:'held'::jsonb ->> 'hold_id')), 'HOLD_NOT_FOUND', 'and cannot be confirmed again');
SELECT is(why(availability_cache.confirm_hold('no uuid')), 'HOLD_NOT_FOUND', 'what is no key');
SELECT is(why(availability_cache.confirm_hold(NULL)), 'HOLD_NOT_FOUND', 'nor is NULL');
-- What the application's own trigger raises is not taken for that.
BEGIN;
CREATE FUNCTION strict_guest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 'many'::int; RETURN NEW; END $$;
CREATE TRIGGER strict_guest BEFORE INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION strict_guest();
SELECT is(refused(format('SELECT availability_cache.confirm_hold(%L)', id)), '22P02', 'an error of a trigger is raised') FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z';
ROLLBACK;
SELECT is(why(hold(1, '09:00')), 'NOT_AVAILABLE booked', 'the slot is booked');
SELECT availability_cache.release_slot(id::text) AS released FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z' \gset
SELECT is(:'released'::jsonb, '{"success": true, "released": true}', 'what release_slot answers');
SELECT is(why(hold(1, '10:00', '1', $$'0.1 seconds'$$)), 'done', 'the slot is free again');
SELECT is(availability_cache.release_slot(gen_random_uuid()::text) ->> 'released', 'false', 'none of that key');
SELECT is(availability_cache.release_slot('no uuid') ->> 'released', 'false', 'what is no key');
SELECT pg_sleep(0.15) \g /dev/null
SELECT is(why(availability_cache.confirm_hold(id::text)), 'HOLD_EXPIRED', 'one that has expired') FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z';
SELECT is((SELECT count(*) FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z'), 1::bigint, 'stays');
UPDATE booking_reservations SET expires_at = now() + interval '1 hour', status = 'released' WHERE starts_at = '2034-06-12 10:00Z';
SELECT is(why(availability_cache.confirm_hold(id::text)), 'HOLD_EXPIRED', 'one of a status that does not hold') FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z';
UPDATE booking_reservations SET status = 'active' WHERE starts_at = '2034-06-12 10:00Z';
INSERT INTO bookings (stylist_id, service_id, starts_at, ends_at) VALUES (id(1), id(1), '2034-06-12 10:15Z', '2034-06-12 10:45Z');
SELECT is(why(availability_cache.confirm_hold(id::text)), 'NOT_AVAILABLE booked', 'one that somebody booked over') FROM booking_reservations WHERE starts_at = '2034-06-12 10:00Z';

-- ---------------------------------------------------------------------------
-- Seats
-- ---------------------------------------------------------------------------
ALTER TABLE services ADD capacity int;
ALTER TABLE booking_reservations ADD seats int;
UPDATE services SET capacity = 5;
SELECT availability_cache.attach('services', 'services'), availability_cache.attach('booking_reservations', 'booking_reservations') \g /dev/null
SELECT is(why(hold(6, '09:00', '3')), 'done', 'seats: three of five');
SELECT alike(why(hold(6, '09:00', '3')), 'NOT_AVAILABLE %', 'seats: not three of two');
SELECT is(refused('SELECT availability_cache.confirm_hold(id::text) FROM booking_reservations WHERE stylist_id = id(6)'), '55000 A booking in it is of one seat: attach it with such a column.', 'seats: a booking without a number of them');
ALTER TABLE bookings ADD seats int;
SELECT availability_cache.attach('bookings', 'bookings') \g /dev/null
SELECT is(why(availability_cache.confirm_hold(id::text)) || (SELECT seats FROM bookings WHERE stylist_id = id(6)), NULL, 'seats: confirmed, and not yet there') FROM booking_reservations WHERE stylist_id = id(6);
SELECT is((SELECT seats FROM bookings WHERE stylist_id = id(6)), 3, 'seats: three are booked');
UPDATE services SET capacity = NULL;

-- ---------------------------------------------------------------------------
-- What they cannot fill, and what they need
-- ---------------------------------------------------------------------------
ALTER TABLE booking_reservations ADD phone text, ADD email text;
UPDATE booking_reservations SET phone = '', email = '';
ALTER TABLE booking_reservations ALTER phone SET NOT NULL, ALTER email SET NOT NULL;
SELECT is(refused('SELECT hold(3, ''09:00'')'), '23502 What public.booking_reservations needs besides and nobody fills: phone, email. Give such columns a default, or fill them in a BEFORE INSERT trigger.', 'columns that it cannot fill are named');
ALTER TABLE booking_reservations ALTER phone SET DEFAULT '', ALTER email SET DEFAULT '';
SELECT is(why(hold(3, '09:00')), 'done', 'until they have a default');
UPDATE availability_cache.rules SET hold_statuses = '{reserved}';
SELECT is(refused('SELECT hold(3, ''10:00'')'), '55000 UPDATE availability_cache.rules SET hold_statuses = ….', 'no status that holds');
UPDATE availability_cache.rules SET hold_statuses = '{reserved,active}';

-- ---------------------------------------------------------------------------
-- Whose rights
-- ---------------------------------------------------------------------------
CREATE ROLE held_nobody;
CREATE ROLE held_customer;
CREATE ROLE held_other;
GRANT USAGE ON SCHEMA public TO held_nobody, held_customer, held_other;
GRANT SELECT, INSERT, DELETE ON booking_reservations TO held_customer, held_other;
GRANT SELECT, INSERT ON bookings TO held_customer;
GRANT USAGE ON SEQUENCE bookings_id_seq TO held_customer;
ALTER TABLE booking_reservations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booking_reservations USING (customer = current_user);
SET ROLE held_nobody;
SELECT is(refused('SELECT hold(4, ''09:00'')'), '42501 It takes the right to insert into the table that is attached as bookings or booking_reservations.', 'who may not insert may not hold, nor make others wait');
SELECT is(refused($$ SELECT availability_cache.release_slot('00000000-0000-0000-0000-000000000000') $$), '42501', 'nor release');
SET ROLE held_customer;
SELECT hold(4, '09:00') AS held \gset
SELECT is(why(:'held'::jsonb), 'done', 'who may insert may hold');
SET ROLE held_other;
SELECT is(why(hold(4, '09:00')), 'NOT_AVAILABLE held', q) FROM (VALUES ('it is held to others who cannot see it')) v(q);
SELECT is(availability_cache.release_slot(:'held'::jsonb ->> 'hold_id') ->> 'released', 'false', 'nor release it');
SELECT is(why(availability_cache.confirm_hold(:'held'::jsonb ->> 'hold_id')), 'HOLD_NOT_FOUND', 'nor confirm it');
SET ROLE held_customer;
SELECT is(why(availability_cache.confirm_hold(:'held'::jsonb ->> 'hold_id')), 'done', 'whose it is may');
RESET ROLE;
SELECT is((SELECT customer FROM bookings WHERE stylist_id = id(4)), 'held_customer', 'and the booking is theirs');
SELECT availability_cache.detach('booking_reservations') \g /dev/null
SELECT is(refused('SELECT hold(5, ''09:00'')'), '55000 SELECT * FROM availability_cache.attach(''booking_reservations'', ''your_table'').', 'without a table for holds');
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM held_customer, held_other;
REVOKE ALL ON SEQUENCE bookings_id_seq FROM held_customer;
REVOKE ALL ON SCHEMA public FROM held_nobody, held_customer, held_other;
DROP POLICY own ON booking_reservations;
DROP ROLE held_nobody, held_customer, held_other;
SELECT * FROM finish();
