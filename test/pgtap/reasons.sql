-- Why a slot is not available, and why a day has none: a code with each slot and beside them, where
-- rules.show_reasons asks for it. Fails when a code is another, when two statuses of a kind share one, when
-- an answer outlives a moment at which only its reason changes (kernel.c: out_of_reach), when a reason is
-- lost on the way to the table or from it, and when one who does not ask sees any of it.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(33);
DELETE FROM bookings;
DELETE FROM booking_reservations;
DELETE FROM schedule_overrides;
ALTER TABLE services ADD capacity int;
\o /dev/null
SELECT availability_cache.attach();
\o
-- 7 March 2031: 08:00 to 20:00 in Kathmandu, a break at 13:00, 02:15 to 14:15 UTC, a slot each half hour;
-- service 1 takes 30 minutes
CREATE FUNCTION put(tbl regclass, name text, service int, at time) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s (id, stylist_user_id, service_id, start_time, end_time) VALUES (%L, %L, %L, %L, %L)', tbl, id(name),
                   stylist(1), service(service), '2031-03-07'::date + at, '2031-03-07'::date + at + '30 minutes');
END
$$;
-- "day: reason; 10:45 reason, …" of v2
CREATE FUNCTION told(answer jsonb, first time, last time) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(answer ->> 'reason', 'free') || ': ' || coalesce(string_agg(coalesce(s ->> 'reason', '-'), ' ' ORDER BY at), '')
  FROM jsonb_array_elements(answer -> 'slots') s, LATERAL (SELECT right(left(s ->> 'slot_start_utc', 16), 5)::time) x(at)
 WHERE at BETWEEN first AND last $$;
-- Computed and from memory, in v2 and json: all the same. '' or what was not.
CREATE PROCEDURE says(INOUT tap text, expected text, first time DEFAULT '10:15', last time DEFAULT '11:45', day date DEFAULT '2031-03-07') LANGUAGE plpgsql AS $$
DECLARE
    a jsonb := v2(1, day);
    b jsonb := v2(1, day);
    c jsonb := get_available_slots_json(stylist(1), service(1), day);
BEGIN
    tap := is(concat_ws('; ', CASE WHEN told(a, first, last) IS DISTINCT FROM expected THEN 'asked: ' || told(a, first, last) END,
                        CASE WHEN told(b, first, last) IS DISTINCT FROM expected THEN 'again: ' || told(b, first, last) END,
                        CASE WHEN b ->> 'cached' <> 'true' THEN 'not from memory' END,
                        CASE WHEN b - 'computed_at' <> c - 'computed_at' THEN 'json: ' || told(c, first, last) END,
                        CASE WHEN NOT record_image_eq(ROW(b), ROW(b::text::jsonb)) THEN 'not the bytes of its text' END), '', tap);
END
$$;

-- who does not ask
SELECT is(v2() ? 'reason' OR v2() -> 'slots' @? '$[*].reason', false, 'not unless it is asked for');
SELECT is(array_agg(k ORDER BY k), '{cache_hit,cached,computed_at,slots,success}', 'the keys are those they were') FROM jsonb_object_keys(v2()) k;
UPDATE availability_cache.rules SET show_reasons = true;
SELECT is(array_agg(k ORDER BY k), '{cache_hit,cached,computed_at,reason,slots,success}', 'one key more') FROM jsonb_object_keys(v2()) k;
SELECT is(count(*) FILTER (WHERE s ? 'reason'), count(*), 'in each slot too') FROM jsonb_array_elements(v2() -> 'slots') s;
SELECT is(array_agg(k ORDER BY k), '{price_cents,slot_display,slot_end_local,slot_end_utc,slot_start_local,slot_start_utc,status}', 'v1 has no column for it')
  FROM (SELECT jsonb_object_keys(to_jsonb(s)) FROM get_available_slots(stylist(1), service(1), '2031-03-07') s LIMIT 7) x(k);

-- slots
CALL says('free', 'free: - - - -');
SELECT put('bookings', 'b', 2, '10:45'), put('booking_reservations', 'h', 2, '11:15');
CALL says('booked, held', 'free: - booked held -');
CALL says('a break', 'free: - on_break on_break -', '06:45', '08:15');
UPDATE bookings SET service_id = service(1);
UPDATE services SET capacity = 2 WHERE id = service(1);
CALL says('a seat of two', 'free: - - held -');
UPDATE services SET capacity = 1 WHERE id = service(1);
CALL says('the seats are taken', 'free: - full held -');
UPDATE booking_reservations SET service_id = service(1);
CALL says('or held', 'free: - full held -');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) SELECT id('other'), stylist(1), service(2), start_time, end_time FROM bookings;
CALL says('who is booked besides comes first', 'free: - booked held -');
DELETE FROM bookings WHERE id = id('other');
UPDATE services SET capacity = NULL WHERE id = service(1);
UPDATE availability_cache.rules SET min_notice = '366 days', max_advance = '3660 days';
CALL says('a day far ahead', 'free: - booked held -');

-- days
UPDATE availability_cache.rules SET max_advance = '10 days';
SELECT is(told(v2(), '10:15', '11:45'), 'too_late: too_late too_late too_late too_late', 'all of it too late');
UPDATE availability_cache.rules SET show_unavailable = false;
SELECT is(told(v2(), '10:15', '11:45'), 'too_late: ', 'though not shown');
UPDATE availability_cache.rules SET show_unavailable = true, max_advance = '3660 days';
SELECT is(told(v2(day => current_date - 1), '02:15', '03:15'), 'too_soon: too_soon too_soon too_soon', 'yesterday');
SELECT is(told(v2(day => current_date + 9), '02:15', '03:15'), 'too_soon: too_soon too_soon too_soon', 'within the notice');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('all'), stylist(1), service(2), '2031-03-07 00:00Z', '2031-03-08 00:00Z');
CALL says('booked all day', 'booked: booked booked booked booked');
DELETE FROM bookings WHERE id = id('all');
DELETE FROM bookings;
DELETE FROM booking_reservations;
INSERT INTO schedule_overrides (id, stylist_user_id, override_date, is_closed) VALUES (id('o'), stylist(1), '2031-03-07', true);
CALL says('closed', 'closed: ');
UPDATE schedule_overrides SET is_closed = false, start_time = '10:00', end_time = '10:10' WHERE id = id('o');
CALL says('open for ten minutes', 'too_short: ');
UPDATE schedule_overrides SET end_time = '10:30' WHERE id = id('o');
CALL says('for half an hour', 'free: -', '00:00', '23:59');
DELETE FROM schedule_overrides;
UPDATE stylist_schedules SET is_active = false WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
CALL says('does not work on Fridays', 'no_hours: ');
INSERT INTO schedule_overrides (id, stylist_user_id, override_date, is_closed) VALUES (id('o'), stylist(1), '2031-03-07', true);
CALL says('and is closed that day', 'closed: ');
DELETE FROM schedule_overrides;
UPDATE stylist_schedules SET is_active = true WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
CALL says('works again', 'free: - - - -');
-- of as many reasons as there are, the first of those that most have
UPDATE stylist_schedules SET start_time = '16:00', end_time = '18:00', break_start_time = NULL WHERE stylist_user_id = stylist(1) AND day_of_week = 5;
SELECT put('bookings', 'b1', 2, '10:15'), put('bookings', 'b2', 2, '10:45'), put('booking_reservations', 'h1', 2, '11:15'), put('booking_reservations', 'h2', 2, '11:45');
CALL says('two and two', 'booked: booked booked held held');
UPDATE bookings SET status = 'cancelled' WHERE id = id('b2');
SELECT put('booking_reservations', 'h3', 2, '10:45');
CALL says('one and three', 'held: booked held held held');

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
UPDATE services SET price_cents = 4242 WHERE id = service(1);
CALL says('to the table', 'held: booked held held held');
CALL to_table();
SELECT is(count(*), 1::bigint, 'it is in the table') FROM private.availability_cache WHERE stylist_user_id = stylist(1) AND cache_date = '2031-03-07';
UPDATE private.availability_cache SET computed_at = computed_at;
SELECT is(v2() ->> 'cached', 'true', 'from the table');
CALL says('with its reasons', 'held: booked held held held');

-- beside seats, and displays of a format of their own
UPDATE services SET capacity = 3 WHERE id = service(1);
UPDATE availability_cache.rules SET display_format = 'HH12:MI AM';
CALL says('beside seats', 'held: booked held held held');
SELECT is(v2() -> 'slots' -> 0 ->> 'seats_left', '0', 'which are there');
UPDATE availability_cache.rules SET show_reasons = false;
SELECT is(v2() ? 'reason' OR v2() -> 'slots' @? '$[*].reason', false, 'asked for no more');

SELECT * FROM finish();
