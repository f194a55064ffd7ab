-- rules.guard in one session: what is refused, why, and what is not looked at. What several sessions do at
-- once is in test/t/080_guard.pl. Fails where the named part of src/slots/guard*.c or appointment.c is taken
-- out: each line is about one.
SELECT plan(115);
SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes int, is_active boolean, buffer_before_minutes int, buffer_after_minutes int,
    min_notice_minutes int, max_advance_days int, capacity int);
CREATE TABLE stylist_profiles (user_id uuid PRIMARY KEY, timezone text, is_active boolean, buffer_before_minutes int, buffer_after_minutes int);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid, is_active boolean);
CREATE TABLE stylist_schedules (stylist_user_id uuid, day_of_week int, start_time time, end_time time, break_start_time time, break_end_time time);
CREATE TABLE schedule_overrides (stylist_user_id uuid, override_date date, is_closed boolean, start_time time, end_time time);
CREATE TABLE bookings (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz, status text, note text, seats int);
CREATE TABLE booking_reservations (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz,
    status text DEFAULT 'active', expires_at timestamptz, seats bigint);
\o /dev/null
SELECT availability_cache.attach();
\o
UPDATE availability_cache.rules SET max_advance = '3660 days', default_timezone = 'UTC';

-- Service 1 takes 30 minutes, 2 an hour; 3 needs a quarter of an hour before and half an hour after; 4 has
-- seven seats. Stylist n is made for one example, and works 9 to 18 on Mondays with a break at noon; 12 June
-- 2034 is one.
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.lpad(n::text, 32, '0')::uuid $$;
INSERT INTO services VALUES (id(1), 30, true, NULL, NULL), (id(2), 60, true, NULL, NULL), (id(3), 30, true, 15, 30);
INSERT INTO services (id, duration_minutes, capacity) VALUES (id(4), 30, 7);
INSERT INTO stylist_profiles (user_id) SELECT id(n) FROM generate_series(1, 30) n;
INSERT INTO stylist_services SELECT id(n), id(s) FROM generate_series(1, 30) n, generate_series(1, 4) s;
INSERT INTO stylist_schedules SELECT id(n), 1, '09:00', '18:00', '12:00', '13:00' FROM generate_series(1, 30) n;

-- What a command is refused for: "23P01 booked"; 'done' if it is not, and committed then.
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE command;
    PERFORM availability_cache.check_bookings();
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || CASE WHEN SQLSTATE = '23P01' THEN detail ELSE SQLERRM END;
END
$$;
CREATE FUNCTION booking(stylist int, starts time, minutes int DEFAULT 30, service int DEFAULT 1, status text DEFAULT 'confirmed', day date DEFAULT '2034-06-12')
RETURNS text LANGUAGE sql AS $$
    SELECT format('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status) VALUES (%L, %L, %L, %L, %L)',
                  id(stylist), CASE WHEN service > 0 THEN id(service) END, day + starts, day + starts + make_interval(mins => minutes), status) $$;
CREATE FUNCTION book(stylist int, starts time, minutes int DEFAULT 30, service int DEFAULT 1, status text DEFAULT 'confirmed', day date DEFAULT '2034-06-12')
RETURNS text LANGUAGE sql AS $$ SELECT refused(booking(stylist, starts, minutes, service, status, day)) $$;
CREATE FUNCTION hold(stylist int, starts time, minutes int DEFAULT 30, lasts interval DEFAULT '1 hour', status text DEFAULT 'active')
RETURNS text LANGUAGE sql AS $$
    SELECT refused(format('INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at, status) VALUES (%L, %L, %L, %L, %L, %L)',
                  id(stylist), id(1), date '2034-06-12' + starts, date '2034-06-12' + starts + make_interval(mins => minutes), clock_timestamp() + lasts, status)) $$;

-- ---------------------------------------------------------------------------
-- Off, and turning it on
-- ---------------------------------------------------------------------------
SELECT is(book(1, '09:00'), 'done', 'off: a booking');
SELECT is(book(1, '09:00'), 'done', 'off: the same once more');
SELECT is(book(1, '03:07', 7), 'done', 'off: outside of hours');
SELECT throws_ok($$ UPDATE availability_cache.rules SET guard = 'maybe' $$, '23514', NULL, 'no other mode');
UPDATE availability_cache.rules SET guard = 'on';

-- ---------------------------------------------------------------------------
-- Bad rows that exist
-- ---------------------------------------------------------------------------
SELECT is(refused($$ UPDATE bookings SET note = 'seen' WHERE stylist_user_id = id(1) $$), 'done', 'bad rows: other columns change');
SELECT is(refused($$ UPDATE bookings SET end_time = end_time - interval '5 minutes' WHERE stylist_user_id = id(1) AND id = 1 $$), 'done', 'bad rows: one is shortened');
SELECT is(refused($$ UPDATE bookings SET end_time = end_time + interval '5 minutes' WHERE id = 1 $$), '23P01 booked', 'but not lengthened');
SELECT is(refused($$ UPDATE bookings SET end_time = end_time - interval '5 minutes' WHERE id = 1;
                     UPDATE bookings SET end_time = end_time + interval '5 minutes' WHERE id = 1 $$), '23P01 booked', 'nor there and back');
SELECT is(refused($$ WITH shorter AS (UPDATE bookings SET end_time = end_time - interval '5 minutes' WHERE id = 3 RETURNING *)
                     INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status)
                     SELECT stylist_user_id, service_id, start_time, end_time + interval '5 minutes', status FROM shorter $$),
          '23P01 outside_hours', 'what one leaves by being shortened is not for another that begins as it did');
SELECT is(refused($$ UPDATE bookings SET stylist_user_id = id(2) WHERE id = 2 $$), 'done', 'bad rows: one goes where there is room');
SELECT is(refused($$ UPDATE bookings SET stylist_user_id = id(1) WHERE id = 2 $$), '23P01 booked', 'and not back');
SELECT is(refused($$ UPDATE bookings SET status = 'cancelled' WHERE id = 1 $$), 'done', 'bad rows: one is cancelled');
SELECT is(refused($$ UPDATE bookings SET status = 'confirmed' WHERE id = 3 $$), 'done', 'bad rows: one keeps its status');
SELECT is(refused($$ DELETE FROM bookings WHERE id = 3 $$), 'done', 'bad rows: one goes');

-- ---------------------------------------------------------------------------
-- Reasons
-- ---------------------------------------------------------------------------
SELECT is(book(3, '09:00'), 'done', 'on: a slot');
SELECT is(book(3, '09:00'), '23P01 booked', 'booked');
SELECT is(book(3, '09:15'), '23P01 off_grid', 'not on the grid');
SELECT is(book(3, '08:30'), '23P01 outside_hours', 'before opening');
SELECT is(book(3, '17:30', 60), '23P01 outside_hours', 'longer than open');
SELECT is(book(3, '17:30'), 'done', 'until closing');
SELECT is(book(3, '11:30', 60), '23P01 on_break', 'into the break');
SELECT is(book(3, '09:00', 30, 1, 'confirmed', '2034-06-13'), '23P01 outside_hours', 'a day off');
SELECT is(book(3, '09:00', 30, 1, 'confirmed', '2020-06-15'), '23P01 too_soon', 'in the past');
SELECT is(book(3, '09:00', 30, 1, 'confirmed', '2044-06-14'), '23P01 outside_hours', 'closed comes before the horizon');
SELECT is(book(3, '09:00', 30, 1, 'confirmed', '2044-06-06'), '23P01 too_late', 'beyond the horizon');
SELECT is(book(3, '10:00', 30, 7), '23P01 not_offered', 'a service that is not');
SELECT is(book(31, '10:00'), '23P01 not_offered', 'nobody');
SELECT is(book(3, '10:00', 45), 'done', 'a length of its own');
SELECT is(book(3, '10:30'), '23P01 booked', 'which counts');
SELECT is(book(3, '11:00', 30, 0), 'done', 'without a service');
SELECT is(book(3, '13:05', 10, 0), 'done', 'which keeps to no grid');
SELECT is(book(3, '08:50', 20, 0), '23P01 outside_hours', 'but to the hours');
SELECT is(book(3, '13:10', 10, 0), '23P01 booked', 'and to others');
SELECT is(book(3, '14:00', 9 * 24 * 60), '23P01 outside_hours', 'nobody is open for nine days');

-- ---------------------------------------------------------------------------
-- Statuses
-- ---------------------------------------------------------------------------
SELECT is(book(4, '09:00'), 'done', 'statuses: one to begin with');
SELECT is(book(4, '09:00', 30, 1, 'no_show'), 'done', 'statuses: what does not block is not looked at');
SELECT is(refused($$ UPDATE bookings SET status = NULL WHERE stylist_user_id = id(4) AND status = 'no_show' $$), '23P01 booked', 'until it does: NULL blocks');
SELECT is(refused($$ UPDATE bookings SET status = CASE status WHEN 'no_show' THEN 'confirmed' ELSE 'no_show' END WHERE stylist_user_id = id(4) $$), 'done',
          'statuses: two change places');
SELECT is(refused($$ UPDATE availability_cache.rules SET non_blocking_statuses = '{}'; UPDATE bookings SET note = status WHERE stylist_user_id = id(4) $$),
          'done', 'statuses: the rules change, and no row takes more');
UPDATE availability_cache.rules SET non_blocking_statuses = '{cancelled}';
SELECT is(book(4, '09:00', 30, 1, 'no_show'), '23P01 booked', 'statuses: as the rules have them now');
UPDATE availability_cache.rules SET blocking_statuses = '{paid,cancelled}';
SELECT is(book(4, '10:00', 30, 1, status), 'done', 'statuses: what is not among those that block is not looked at: ' || coalesce(status, 'NULL'))
  FROM unnest('{pending,no_show,NULL,paid,confirmed}'::text[]) status;
SELECT is(book(4, '10:00', 30, 1, 'cancelled'), '23P01 booked', 'statuses: what is among them blocks, also if it is said not to');
UPDATE availability_cache.rules SET non_blocking_statuses = '{cancelled,no_show}', blocking_statuses = NULL;

-- ---------------------------------------------------------------------------
-- Holds
-- ---------------------------------------------------------------------------
SELECT is(hold(5, '09:00'), 'done', 'holds: one');
SELECT is(hold(5, '09:00'), '23P01 held', 'another at the same time');
SELECT is(book(5, '09:00'), '23P01 held', 'a booking there');
SELECT is(refused(format('DELETE FROM booking_reservations WHERE stylist_user_id = %L; %s', id(5), booking(5, '09:00'))), 'done', 'which takes its place');
SELECT is(hold(5, '09:00'), '23P01 booked', 'and keeps it');
SELECT is(hold(5, '09:00', 30, '-1 second'), 'done', 'holds: one that has expired is nowhere');
SELECT is(refused($$ UPDATE booking_reservations SET expires_at = clock_timestamp() + interval '1 hour' WHERE stylist_user_id = id(5) $$), '23P01 booked', 'until it lasts again');
SELECT is(hold(5, '09:00', 30, '1 hour', 'released'), 'done', 'holds: of another status');
SELECT is(hold(5, '10:00'), 'done', 'holds: another');
SELECT is(refused($$ UPDATE booking_reservations SET expires_at = expires_at + interval '1 hour' WHERE start_time = '2034-06-12 10:00' AND stylist_user_id = id(5) $$), 'done', 'lasts longer');
SELECT is(hold(5, '10:15'), '23P01 off_grid', 'holds: they are slots too');

-- ---------------------------------------------------------------------------
-- Buffers
-- ---------------------------------------------------------------------------
SELECT is(book(6, '14:00', 30, 3), 'done', 'buffers: 14:00 to 14:30, with 13:45 to 15:00 kept free');
SELECT is(book(6, '14:30', 30, 1), '23P01 booked', 'buffers of the other, after it');
SELECT is(book(6, '15:00', 30, 1), 'done', 'past them');
SELECT is(book(6, '13:30', 30, 1), '23P01 booked', 'buffers of the other, before it');
SELECT is(book(6, '15:30', 30, 3), '23P01 booked', 'its own, before it');
SELECT is(book(6, '16:00', 30, 3), 'done', 'with room for them');

-- ---------------------------------------------------------------------------
-- Seats
-- ---------------------------------------------------------------------------
CREATE FUNCTION seats(starts time, seats int, minutes int DEFAULT 30, stylist int DEFAULT 16, tablename text DEFAULT 'bookings') RETURNS text LANGUAGE sql AS $$
    SELECT refused(format('INSERT INTO %I (stylist_user_id, service_id, start_time, end_time, seats) VALUES (%L, %L, %L, %L, %L)', tablename,
                  id(stylist), id(4), date '2034-06-12' + starts, date '2034-06-12' + starts + make_interval(mins => minutes), seats)) $$;
SELECT is(seats('09:00', NULL), 'done', 'seats: one, where it does not say');
SELECT is(seats('09:00', 4), 'done', 'seats: four more');
SELECT is(seats('09:00', 3), '23P01 full', 'seats: three, of two that are left');
SELECT is(seats('09:00', 1, 30, 16, 'booking_reservations'), 'done', 'seats: one is held');
SELECT is(seats('09:00', 1), 'done', 'seats: the seventh');
SELECT alike(seats('09:00', 1), '23P01 %', 'seats: no eighth');
SELECT is(seats('09:00', 0), 'done', 'seats: who takes none may come');
SELECT is(refused($$ UPDATE bookings SET seats = 5 WHERE stylist_user_id = id(16) AND seats = 4 $$), '23P01 full', 'seats: nobody takes another');
SELECT is(refused($$ UPDATE bookings SET seats = 3 WHERE stylist_user_id = id(16) AND seats = 4 $$), 'done', 'seats: one is given back');
SELECT is(seats('09:00', 1), 'done', 'and taken');
SELECT alike(seats('09:00', 1), '23P01 %', 'once');
SELECT is(book(16, '09:00'), '23P01 booked', 'seats: another service has none of them');
SELECT is(book(16, '10:00'), 'done', 'seats: another service, at another time');
SELECT is(seats('10:00', 1), '23P01 booked', 'is in the way');
SELECT is(seats('10:00', 0), '23P01 booked', 'also of who takes no seat');
SELECT is(seats('13:00', 1, 60), 'done', 'seats: an appointment of an hour');
SELECT is(seats('13:30', 1), '23P01 full', 'is another than one that starts meanwhile');
SELECT is(refused($$ UPDATE services SET capacity = 2 WHERE id = id(4); UPDATE bookings SET status = 'confirmed' WHERE stylist_user_id = id(16) AND start_time = '2034-06-12 09:00' $$), 'done',
          'seats: there are fewer, and nobody takes more');
SELECT is(seats('13:00', 2), '23P01 full', 'seats: of those that there are now');
UPDATE services SET capacity = 7 WHERE id = id(4);
UPDATE availability_cache.rules SET seat_sharing = 'time';
SELECT is(seats('13:30', 6), 'done', 'seats by time: six, while one has the seventh');
SELECT is(seats('13:30', 1), '23P01 full', 'and no more');
UPDATE availability_cache.rules SET seat_sharing = 'slot';

-- ---------------------------------------------------------------------------
-- Every way to write
-- ---------------------------------------------------------------------------
CREATE TABLE wanted (stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz, status text);
INSERT INTO wanted SELECT id(7), id(1), t, t + interval '30 minutes', 'confirmed' FROM unnest('{2034-06-12 09:00,2034-06-12 09:30,2034-06-12 10:00}'::timestamptz[]) t;
SELECT is(refused('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status) TABLE wanted'), 'done', 'three at once');
SELECT is(refused('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status) SELECT id(8), service_id, start_time, end_time, status FROM wanted UNION ALL SELECT id(8), service_id, start_time, end_time, status FROM wanted'),
          '23P01 booked', 'three at once, twice');
SELECT is(refused('MERGE INTO bookings b USING wanted w ON b.stylist_user_id = id(8) AND b.start_time = w.start_time
                   WHEN NOT MATCHED THEN INSERT (stylist_user_id, service_id, start_time, end_time, status) VALUES (id(8), w.service_id, w.start_time, w.end_time, w.status)'), 'done', 'MERGE');
SELECT is(refused('MERGE INTO bookings b USING wanted w ON b.stylist_user_id = id(8) AND b.start_time = w.start_time
                   WHEN MATCHED AND b.start_time > ''2034-06-12 09:00'' THEN UPDATE SET start_time = b.start_time - interval ''1 hour'', end_time = b.end_time - interval ''1 hour'''), '23P01 outside_hours', 'MERGE with an UPDATE');
SELECT is(refused($$ UPDATE bookings SET start_time = start_time + interval '30 minutes', end_time = end_time + interval '30 minutes' WHERE stylist_user_id = id(8) $$), 'done', 'all move on by one');
SELECT is(refused($$ INSERT INTO bookings SELECT * FROM bookings WHERE stylist_user_id = id(8) ON CONFLICT (id) DO UPDATE SET end_time = excluded.end_time + interval '1 hour' $$), '23P01 booked', 'ON CONFLICT DO UPDATE');
SELECT is(refused($$ INSERT INTO bookings SELECT * FROM bookings WHERE stylist_user_id = id(8) ON CONFLICT (id) DO NOTHING $$), 'done', 'ON CONFLICT DO NOTHING');
CREATE VIEW of_nine AS SELECT stylist_user_id, service_id, start_time, end_time, status FROM bookings;
SELECT is(refused($$ INSERT INTO of_nine SELECT id(9), service_id, start_time, end_time, status FROM wanted LIMIT 1 $$), 'done', 'through a view');
SELECT is(refused($$ INSERT INTO of_nine SELECT id(9), service_id, start_time, end_time, status FROM wanted LIMIT 1 $$), '23P01 booked', 'and once more');
SELECT is(refused($$ UPDATE bookings SET stylist_user_id = id(10) WHERE stylist_user_id = id(9); UPDATE bookings SET stylist_user_id = id(9) WHERE stylist_user_id = id(10) $$), 'done', 'there and back');
SELECT is(refused($$ WITH d AS (DELETE FROM bookings WHERE stylist_user_id = id(9) RETURNING *) INSERT INTO of_nine SELECT id(9), service_id, start_time, end_time, status FROM d $$), 'done', 'goes and comes in one command');
SELECT is(refused($$ INSERT INTO of_nine SELECT id(11), service_id, start_time, end_time, status FROM wanted; TRUNCATE bookings $$), 'done', 'TRUNCATE takes all');

-- ---------------------------------------------------------------------------
-- Savepoints
-- ---------------------------------------------------------------------------
BEGIN;
SELECT pass() WHERE book(12, '09:00') = 'done';
SAVEPOINT a;
INSERT INTO of_nine SELECT id(12), id(1), '2034-06-12 09:00', '2034-06-12 09:30', 'confirmed';
SAVEPOINT b;
INSERT INTO of_nine SELECT id(12), id(1), '2034-06-12 09:00', '2034-06-12 09:30', 'confirmed';
RELEASE b;
ROLLBACK TO a;
SELECT lives_ok('SELECT availability_cache.check_bookings()', 'what a savepoint undid is not looked at');
UPDATE bookings SET status = 'cancelled' WHERE stylist_user_id = id(12);
SAVEPOINT c;
UPDATE bookings SET status = 'confirmed' WHERE stylist_user_id = id(12);
ROLLBACK TO c;
SELECT is(book(12, '09:00'), 'done', 'nor what it made of a cancelled one');
COMMIT;
SELECT is((SELECT count(*) FROM bookings WHERE stylist_user_id = id(12) AND status = 'confirmed'), 1::bigint, 'and it is there');

-- ---------------------------------------------------------------------------
-- Mode holds, hours past midnight, long ones
-- ---------------------------------------------------------------------------
INSERT INTO stylist_schedules VALUES (id(13), 1, '20:00', '02:00'), (id(13), 2, '10:00', '12:00');
DELETE FROM stylist_schedules WHERE stylist_user_id = id(13) AND start_time = '09:00';
SELECT is(book(13, '01:30', 30, 1, 'confirmed', '2034-06-13'), 'done', 'past midnight');
SELECT is(book(13, '01:30', 30, 1, 'confirmed', '2034-06-12'), '23P01 outside_hours', 'but not before');
-- Without the first lines of check_hours in appointment.c the first is computed for ever, by a process that
-- does not end when it is told to.
SELECT is(refused(format('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (%L, %L, %L, %L)', id(15), id(1), s, e)), '23P01 outside_hours', 'from ' || s || ' to ' || e)
  FROM (VALUES ('-infinity', '2034-06-12 10:00'), ('-infinity', 'infinity'), ('1999-12-27 10:00', 'infinity')) v(s, e);
UPDATE availability_cache.rules SET guard = 'holds';
SELECT is(book(14, '03:07', 7), 'done', 'mode holds: hours do not matter');
SELECT is(book(14, '03:10', 60), '23P01 booked', 'others do');
SELECT is(hold(14, '03:00', 30), '23P01 booked', 'to holds too');
SELECT is(book(14, '14:00', 200 * 24 * 60), 'done', 'for 200 days');
SELECT is(book(14, '14:00', 30, 1, 'confirmed', '2034-09-01'), '23P01 booked', 'within them');
SELECT is(refused($$ INSERT INTO of_nine VALUES (id(15), id(1), '-infinity', 'infinity', 'confirmed') $$), 'done', 'for ever');
SELECT is(book(15, '14:00'), '23P01 booked', 'and then no more');
SELECT is(book(99, '14:00', 30, 0), 'done', 'mode holds: who is not known has a calendar, too');

-- ---------------------------------------------------------------------------
-- A table that is no longer what was attached
-- ---------------------------------------------------------------------------
ALTER TABLE bookings RENAME status TO state;
SELECT matches(refused($$ INSERT INTO bookings (stylist_user_id, start_time, end_time) VALUES (id(16), '2034-06-12 10:00', '2034-06-12 11:00') $$), '^55000 bookings cannot be guarded', 'what cannot be read is refused');
UPDATE availability_cache.rules SET guard = 'off';
SELECT is(refused($$ INSERT INTO bookings (stylist_user_id, start_time, end_time) VALUES (id(16), '2034-06-12 10:00', '2034-06-12 11:00') $$), 'done', 'but for when it is off');
SELECT * FROM finish();
