-- explain_slot(): which rule decides about a moment, and the row, for who may read it. It says of every slot
-- what get_available_slots_v2 says. Fails when the row is read with other rights than the caller's
-- (explain_slot.c: run_as_caller), when a cast that the table's owner wrote runs as the caller (explain.c:
-- append_row, append_text with a cast), when it is another row than the one that decides, when a date's slots
-- after midnight are looked for on the wrong date, or when a reason is not that of the answers.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(37);
DELETE FROM bookings;
DELETE FROM booking_reservations;
DELETE FROM schedule_overrides;
ALTER TABLE services ADD capacity int;
ALTER TABLE bookings ADD seats int;
CREATE ROLE passer_by;
CREATE ROLE book_keeper;
GRANT SELECT ON bookings, booking_reservations, schedule_overrides TO book_keeper;
GRANT USAGE ON SCHEMA availability_cache TO passer_by, book_keeper;
\o /dev/null
SELECT availability_cache.attach();
\o
UPDATE availability_cache.rules SET show_reasons = true;

-- 7 March 2031: 08:00 to 20:00 in Kathmandu, a break at 13:00, 02:15 to 14:15 UTC, a slot each half hour;
-- service 1 takes 30 minutes
CREATE FUNCTION put(tbl regclass, name text, service int, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s (id, stylist_user_id, service_id, start_time, end_time) VALUES (%L, %L, %L, %L, %L)', tbl, id(name),
                   stylist(1), service(service), at, at + '30 minutes');
END
$$;
CREATE FUNCTION explain(at timestamptz, service int DEFAULT 1) RETURNS jsonb LANGUAGE sql AS $$ SELECT availability_cache.explain_slot(stylist(1), service(service), at) $$;
-- "booked by 14: bookings b", "none by 16"
CREATE FUNCTION why(at timestamptz) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(e ->> 'reason', 'none') || ' by ' || (e ->> 'rule') || coalesce(': ' || (e ->> 'role'), '')
       || coalesce(' ' || (SELECT n FROM unnest('{b,b2,c,h,o,x}'::text[]) n WHERE id(n)::text = e -> 'row' ->> 'id'), '')
  FROM explain(at) e $$;

SELECT is(explain('2031-03-07 10:45Z') - 'slot_start' - 'slot_end', '{"success": true, "available": true, "status": "available", "reason": null, "rule": 16, "date": "2031-03-07"}', 'free');
SELECT is((explain('2031-03-07 10:45Z') ->> 'slot_end')::timestamptz, '2031-03-07 11:15Z', 'until when it would take');
SELECT put('bookings', 'b', 2, '2031-03-07 10:45Z');
SELECT put('booking_reservations', 'h', 2, '2031-03-07 11:15Z');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time, status) VALUES (id('x'), stylist(1), service(2), '2031-03-07 10:45Z', '2031-03-07 11:15Z', 'cancelled');
UPDATE bookings SET status = 'confirmed' WHERE id = id('b');
SELECT is(why('2031-03-07 10:45Z'), 'booked by 14: bookings b', 'booked, and not by what is cancelled');
UPDATE availability_cache.rules SET blocking_statuses = '{cancelled}';
SELECT is(why('2031-03-07 10:45Z'), 'booked by 14: bookings x', 'by what is cancelled where just that blocks');
UPDATE availability_cache.rules SET blocking_statuses = NULL;
SELECT is(why('2031-03-07 11:15Z'), 'held by 15: booking_reservations h', 'held');
SELECT is(why('2031-03-07 07:15Z'), 'on_break by 13', 'a break');
SELECT is(why('2031-03-07 10:50Z'), 'off_grid by 11', 'between two slots');
SELECT is(why('2031-03-07 14:00Z'), 'too_short by 11', 'it would go on after closing');
SELECT is(why('2031-03-07 14:15Z'), 'outside_hours by 8', 'closing');
SELECT is(why('2031-03-07 02:14Z'), 'outside_hours by 8', 'before opening');
SELECT is(why('2020-03-06 03:15Z'), 'too_soon by 12', 'in the past');
SELECT is(why('2999-03-01 03:15Z'), 'too_late by 12', 'far ahead');
UPDATE services SET buffer_after_minutes = 60 WHERE id = service(2);
SELECT is(why('2031-03-07 11:45Z'), 'booked by 14: bookings b', 'by a booking that has a buffer after it');
SELECT is(why('2031-03-07 10:15Z'), 'none by 16', 'not before it');
UPDATE services SET buffer_after_minutes = NULL WHERE id = service(2);
UPDATE services SET capacity = 3 WHERE id = service(1);
SELECT put('bookings', 'c', 1, '2031-03-07 12:15Z');
SELECT is(explain('2031-03-07 12:15Z') -> 'seats_left', '2', 'seats left');
UPDATE bookings SET seats = 3 WHERE id = id('c');
SELECT is(why('2031-03-07 12:15Z'), 'full by 17: bookings c', 'full');
UPDATE services SET capacity = NULL WHERE id = service(1);

-- the row is the caller's to see, or not
SET ROLE passer_by;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') - 'slot_start' - 'slot_end',
          '{"success": true, "available": false, "status": "booked", "reason": "booked", "rule": 14, "date": "2031-03-07", "role": "bookings"}', 'who may not read the table is told the rule, and no row');
RESET ROLE;
SET ROLE book_keeper;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') -> 'row' ->> 'id', md5('b')::uuid::text, 'who may read it sees the row');
RESET ROLE;
ALTER TABLE bookings ENABLE ROW LEVEL SECURITY;
SET ROLE book_keeper;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') ? 'row', false, 'not what policies hide');
SET row_security = off;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') ->> 'reason', 'booked', 'nor is it an error');
RESET row_security;
RESET ROLE;
CREATE POLICY p ON bookings TO book_keeper USING (true);
SET ROLE book_keeper;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') ? 'row', true, 'what they let through');
RESET ROLE;
ALTER TABLE bookings DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON bookings FROM book_keeper;
GRANT SELECT (id) ON bookings TO book_keeper;
SET ROLE book_keeper;
SELECT is(availability_cache.explain_slot(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-07 10:45Z') ? 'row', false, 'nor the row of who may read a column');
RESET ROLE;

-- What the table's owner wrote is not run by asking.
CREATE TYPE theirs AS ENUM ('confirmed', 'cancelled', 'no_show', 'pending', 'completed');
CREATE FUNCTION ran(theirs) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
CREATE FUNCTION ran_too(theirs) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
CREATE CAST (theirs AS json) WITH FUNCTION ran_too(theirs);
ALTER TABLE bookings ADD mood theirs DEFAULT 'confirmed', ADD moods theirs[] DEFAULT '{confirmed}', ADD room int DEFAULT 7;
SELECT is((explain('2031-03-07 10:45Z') -> 'row') - '{created_at,updated_at}'::text[] @> '{"mood": "confirmed", "moods": "{confirmed}", "room": 7, "seats": null}', true,
          'a cast to json that the table''s owner wrote does not run');
ALTER TABLE bookings ALTER status DROP DEFAULT, ALTER status TYPE theirs USING status::theirs;
CREATE CAST (theirs AS text) WITH FUNCTION ran(theirs);
SELECT is(why('2031-03-07 10:45Z'), 'booked by 14: bookings b', 'nor one to text');
DROP CAST (theirs AS text);
ALTER TABLE bookings ALTER status TYPE text USING status::text, ALTER status SET DEFAULT 'confirmed';
ALTER TABLE bookings DROP mood, DROP moods;

-- dates
INSERT INTO schedule_overrides (id, stylist_user_id, override_date, is_closed) VALUES (id('x'), NULL, '2031-03-14', false);
INSERT INTO schedule_overrides (id, stylist_user_id, override_date, end_date, is_closed) VALUES (id('o'), stylist(1), '2031-03-13', '2031-03-14', true);
SELECT is(why('2031-03-14 10:45Z'), 'closed by 7: schedule_overrides o', 'closed');
DELETE FROM schedule_overrides;
UPDATE stylist_schedules SET is_active = false WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT is(why('2031-03-14 10:45Z'), 'no_hours by 6', 'does not work on Fridays');
UPDATE stylist_schedules SET is_active = true, start_time = '20:00', end_time = '02:00', break_start_time = NULL WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT is(explain('2031-03-14 19:15Z') - 'slot_start' - 'slot_end', '{"success": true, "available": true, "status": "available", "reason": null, "rule": 16, "date": "2031-03-14"}', 'after midnight it is a slot of the date before');
SELECT put('bookings', 'b2', 2, '2031-03-14 19:15Z');
SELECT is(why('2031-03-14 19:15Z'), 'booked by 14: bookings b2', 'and booked as such');
UPDATE stylist_schedules SET start_time = '08:00', end_time = '20:00' WHERE stylist_user_id = stylist(1) AND day_of_week = 5;

-- as the answers have it, slot by slot
SELECT is(string_agg(s ->> 'slot_start_utc', ' ' ORDER BY n), NULL, 'each slot of two weeks has the status and the reason that v2 gives')
  FROM generate_series('2031-03-03'::date, '2031-03-16', '1 day') d, jsonb_array_elements(v2(day => d::date) -> 'slots') WITH ORDINALITY x(s, n),
       LATERAL explain((s ->> 'slot_start_utc')::timestamptz) e
 WHERE (e ->> 'reason', e ->> 'status', e ->> 'date') IS DISTINCT FROM (s ->> 'reason', s ->> 'status', d::date::text);

-- what is asked wrongly
SELECT is(availability_cache.explain_slot(id('x'), service(1), '2031-03-07 10:45Z') ->> 'code', 'STYLIST_NOT_FOUND', 'who is not known');
SELECT is(availability_cache.explain_slot(stylist(1), id('x'), '2031-03-07 10:45Z') ->> 'code', 'SERVICE_NOT_OFFERED', 'what is not offered');
SELECT is(availability_cache.explain_slot(NULL, service(1), '2031-03-07 10:45Z') ->> 'code', 'INVALID_ARGUMENT', 'nobody');
SELECT is(availability_cache.explain_slot(stylist(1), service(1), 'infinity') ->> 'code', 'INVALID_ARGUMENT', 'never');
SELECT is(availability_cache.explain_slot(stylist(1), service(1), NULL) ->> 'code', 'INVALID_ARGUMENT', 'no start');
-- what the rules hide is explained as well, and it keeps nothing
UPDATE availability_cache.rules SET show_unavailable = false, show_breaks = false;
SELECT is(why('2031-03-06 07:15Z'), 'on_break by 13', 'a break that is not shown');
SELECT is(v2() ->> 'cached', 'false', 'nothing was kept for it');
SELECT is(count(*), 0::bigint, 'nor shown since') FROM jsonb_array_elements(v2() -> 'slots') s WHERE s ->> 'status' = 'in_break';
DROP OWNED BY passer_by, book_keeper;
DROP ROLE passer_by, book_keeper;

SELECT * FROM finish();
