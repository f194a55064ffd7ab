-- Every way in which rows of bookings change. Fails when a trigger misses one of them (row_trigger.c:
-- touch_change for OLD and NEW, touch_days for each day, rows_differ; forget_plans), when more than the days
-- it touches goes (MAX_TOUCHED_DAYS, cell_of_stylist_day), or when a change is published before or without
-- its commit (changes.c).
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(106);

CALL new('the first call');
CALL hit('the second');
CALL new('another zone is another answer', zone => 'America/New_York');
CALL new('another service too', service => 2);
CALL new('another day', day => '2031-03-06');
CALL new('another stylist', stylist => 2);
CALL hit('and all of them stay, the first', zone => NULL);
CALL hit('New York', zone => 'America/New_York');

-- INSERT: every service of the stylist's day, nothing else. 04:45Z is 10:30 in Kathmandu.
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('mine'), stylist(1), service(3), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('INSERT of a booking for another service');
SELECT is(status(v1(), '09:45'), 'booked', 'and it shows');
CALL new('the other service', service => 2);
CALL new('the other zone', zone => 'America/New_York');
CALL hit('the other day', day => '2031-03-06');
CALL hit('the other stylist', stylist => 2);

-- UPDATE: from where and to where
UPDATE bookings SET start_time = '2031-03-06 09:45Z', end_time = '2031-03-06 10:15Z' WHERE id = id('mine');
CALL new('UPDATE moves it to another day: the day it leaves');
CALL new('the day it comes to', day => '2031-03-06');
CALL hit('the other stylist', stylist => 2);
UPDATE bookings SET stylist_user_id = stylist(2), start_time = '2031-03-07 09:45Z', end_time = '2031-03-07 10:15Z' WHERE id = id('mine');
CALL new('UPDATE moves it to another stylist and day: whom it leaves', day => '2031-03-06');
CALL new('whom it comes to', stylist => 2);
CALL hit('the first stylist on that day');
UPDATE bookings SET stylist_user_id = stylist(1) WHERE id = id('mine');
CALL new('UPDATE of the stylist alone: the new one');
CALL new('the old one', stylist => 2);
UPDATE bookings SET end_time = '2031-03-07 10:45Z' WHERE id = id('mine');
CALL new('UPDATE of the end alone');
UPDATE bookings SET status = 'cancelled' WHERE id = id('mine');
CALL new('cancelled');
UPDATE bookings SET status = 'no_show' WHERE id = id('mine');
CALL new('another status that does not block', differs => false);
UPDATE bookings SET status = 'confirmed' WHERE id = id('mine');
CALL new('confirmed again');

-- what no answer depends on
UPDATE bookings SET note = repeat('a note ', 1000), customer_name = 'Somebody' WHERE id = id('mine');
CALL hit('UPDATE of a note and a name');
UPDATE bookings SET service_id = service(2) WHERE id = id('mine');
CALL new('UPDATE of the service, which has as little buffers', differs => false);
UPDATE bookings SET status = status, start_time = start_time, stylist_user_id = stylist_user_id WHERE id = id('mine');
CALL hit('UPDATE of everything to what it was');
UPDATE bookings SET start_time = start_time + interval '0', status = 'confir' || 'med' WHERE id = id('mine');
CALL hit('to an equal value that was computed');
DELETE FROM bookings WHERE id = id('nobody''s');
CALL hit('DELETE of nothing');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 09:45Z'), (stylist(1), service(1), '2031-03-07 12:45Z', '2031-03-07 09:45Z');
CALL hit('INSERT of bookings that do not end after they start');
DELETE FROM bookings WHERE id = id('mine');
CALL new('DELETE');

-- several statements, several rows, one transaction
BEGIN;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('a'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
UPDATE bookings SET start_time = start_time - interval '1 day', end_time = end_time - interval '1 day' WHERE id = id('a');
DELETE FROM bookings WHERE id = id('a');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('b'), stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z');
COMMIT;
CALL new('a transaction of many statements');
CALL new('also what it touched and put back', day => '2031-03-06', differs => false);
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('b'), stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z')
    ON CONFLICT (id) DO NOTHING;
CALL hit('ON CONFLICT DO NOTHING');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('b'), stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z')
    ON CONFLICT (id) DO UPDATE SET start_time = '2031-03-07 11:45Z', end_time = '2031-03-07 12:15Z';
CALL new('ON CONFLICT DO UPDATE');
WITH gone AS (DELETE FROM bookings WHERE id = id('b') RETURNING *) INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time)
SELECT id, stylist_user_id, service_id, start_time + interval '30 minutes', end_time + interval '30 minutes' FROM gone;
CALL new('data-modifying WITH');
MERGE INTO bookings b USING (VALUES (id('b'), timestamptz '2031-03-07 09:45Z'), (id('c'), '2031-03-06 09:45Z')) n(id, t) ON b.id = n.id
 WHEN MATCHED THEN UPDATE SET start_time = t, end_time = t + interval '30 minutes'
 WHEN NOT MATCHED THEN INSERT (id, stylist_user_id, service_id, start_time, end_time) VALUES (n.id, stylist(1), service(1), t, t + interval '30 minutes');
CALL new('MERGE that updates');
CALL new('MERGE that inserts', day => '2031-03-06');
MERGE INTO bookings b USING (VALUES (id('b'))) n(id) ON b.id = n.id WHEN MATCHED THEN DELETE;
CALL new('MERGE that deletes');
CALL hit('of one day', day => '2031-03-06');
CREATE VIEW confirmed AS SELECT * FROM bookings WHERE status = 'confirmed';
DELETE FROM confirmed WHERE id = id('c');
CALL new('through a view', day => '2031-03-06');

-- COPY, small and large; from a file, since psql has its hands full
SELECT current_setting('data_directory') || '/ac_copy_' || current_database() AS file \gset
COPY (SELECT stylist(1), service(1), timestamptz '2031-03-07 09:45Z' + n * interval '1 hour', timestamptz '2031-03-07 10:15Z' + n * interval '1 hour' FROM generate_series(0, 0) n) TO :'file';
COPY bookings (stylist_user_id, service_id, start_time, end_time) FROM :'file';
CALL new('COPY of a row');
CALL hit('the next day', day => '2031-03-06');
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
CALL new('gone again');
CALL new('another', day => '2031-03-10');
CALL new('and one behind them', day => '2031-03-28');
SELECT invalidations AS before FROM availability_cache.stats WHERE datname = current_database() \gset
COPY (SELECT stylist(1), service(1), t, t + interval '5 minutes', 'copied' FROM generate_series(0, 99999) n, LATERAL (SELECT timestamptz '2031-03-07 09:45Z' + n % 20 * interval '1 day' AS t) x) TO :'file';
COPY bookings (stylist_user_id, service_id, start_time, end_time, note) FROM :'file';
CALL new('COPY of 100,000 rows onto 20 days: the first');
CALL new('one of them', day => '2031-03-10');
CALL hit('a day that is not among them', day => '2031-03-28');
CALL hit('another stylist', stylist => 2);
SELECT cmp_ok(counter('invalidations') - :before, '=', 20::bigint, 'it invalidated 20 days, not 100,000 rows');
DELETE FROM bookings WHERE note = 'copied';
CALL new('DELETE of 100,000 rows');
CALL new('another of its days', day => '2031-03-10');
CALL new('another stylist''s day', stylist => 2, day => '2031-03-10');
COPY (SELECT stylist(1 + n / 10000), service(1), t, t + interval '5 minutes', 'copied' FROM generate_series(0, 99999) n, LATERAL (SELECT timestamptz '2031-03-07 09:45Z' - n % 10000 * interval '1 day' AS t) x) TO :'file';
COPY bookings (stylist_user_id, service_id, start_time, end_time, note) FROM :'file';
CALL new('COPY of 100,000 rows onto as many days, more than a transaction notes: a day that they touch');
CALL new('one that they do not touch goes as well', day => '2031-03-10', differs => false);
CALL new('of any stylist', stylist => 2, day => '2031-03-10', differs => false);
DELETE FROM bookings WHERE note = 'copied' AND start_time >= '2031-03-01';
CALL new('DELETE of many');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT stylist(n), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z' FROM generate_series(1, 2) n;
CALL new('INSERT of two stylists'' rows');
CALL new('the second one''s', stylist => 2);
TRUNCATE bookings;
CALL new('TRUNCATE');
CALL new('of every stylist', stylist => 2);
BEGIN;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
TRUNCATE bookings;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z');
COMMIT;
CALL new('TRUNCATE among other things');
SELECT is(status(v1(), '10:45') || ' ' || status(v1(), '09:45'), 'booked available', 'and the rows after it show');
TRUNCATE services, bookings CASCADE;
SELECT is(v2() ->> 'code', 'SERVICE_NOT_OFFERED', 'TRUNCATE of several tables');
INSERT INTO services (id, name, duration_minutes, price_cents) SELECT service(n), 'again', 30, 1000 FROM generate_series(1, 3) n;
CALL new('and the service is back');

-- a foreign key's doing
ALTER TABLE bookings ADD FOREIGN KEY (service_id) REFERENCES services ON DELETE CASCADE;
INSERT INTO services (id, name, duration_minutes) VALUES (id('short-lived'), 'short-lived', 5);
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), id('short-lived'), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('a booking of a service');
DELETE FROM services WHERE id = id('short-lived');
CALL new('ON DELETE CASCADE');

-- session_replication_role, as logical replication applies its changes
SET session_replication_role = replica;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('r'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('INSERT under session_replication_role = replica');
UPDATE bookings SET status = 'cancelled';
CALL new('UPDATE');
DELETE FROM bookings;
CALL new('DELETE', differs => false);
TRUNCATE bookings;
CALL new('TRUNCATE', differs => false);
SET session_replication_role = local;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('r'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('local');
RESET session_replication_role;
DELETE FROM bookings;

-- only its day: 30 days of a stylist in memory, one booking, 29 hits
CREATE FUNCTION hits_of_month(stylist int) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FILTER (WHERE v2(stylist, d::date) ->> 'cache_hit' = 'true') FROM generate_series(date '2031-03-03', date '2031-04-01', '1 day') d $$;
SELECT hits_of_month(1), hits_of_month(2) \g /dev/null
SELECT hits_of_month(1) AS all_of_them \gset
SELECT is(:all_of_them, 30, '30 days in memory');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-20 09:45Z', '2031-03-20 10:15Z');
SELECT hits AS hits, miss_outdated AS outdated FROM availability_cache.stats WHERE datname = current_database() \gset
SELECT hits_of_month(1) AS mine, hits_of_month(2) AS others \gset
SELECT is(:mine, 29, 'a booking: 29 stay');
SELECT is(:others, 30, 'all of another stylist');
SELECT is(counter('hits') - :hits || ' ' || counter('miss_outdated') - :outdated, '59 1', 'and so the statistics say');
CALL hit('the booking''s day, asked above', day => '2031-03-20');
-- 18:15Z is midnight in Kathmandu: this one lies on two UTC days, and on the answers of two dates' hours or
-- none
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-21 23:30Z', '2031-03-22 00:30Z');
SELECT hits_of_month(1) AS mine \gset
SELECT is(:mine, 28, 'over midnight UTC: two go');

-- long ones: each of their days; for ever: all of the stylist
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('long'), stylist(1), service(1), '2031-03-10 00:00Z', '2031-03-14 00:00Z');
SELECT hits_of_month(1) AS mine \gset
SELECT is(:mine, 26, 'four days long: four go');
CALL hit('the day after its end', day => '2031-03-14');
SELECT bool_and(x ->> 'status' IN ('booked', 'in_break')) AS booked FROM jsonb_array_elements(v1(1, '2031-03-12')) x \gset
SELECT ok(:'booked', 'in its middle all is booked');
CALL hit('later', day => '2031-03-28');
UPDATE bookings SET end_time = '2031-03-13 00:00Z' WHERE id = id('long');
CALL new('shorter by a day: the day', day => '2031-03-13');
UPDATE bookings SET start_time = '-infinity' WHERE id = id('long');
CALL new('since ever: a day before', day => '2031-03-06');
CALL new('a day behind it goes with the stylist, and is what it was', day => '2031-03-28', differs => false);
CALL hit('not the other stylist''s', stylist => 2);
UPDATE bookings SET end_time = 'infinity' WHERE id = id('long');
CALL new('for ever', day => '2031-03-28');
UPDATE availability_cache.rules SET buffer_before = '1 day', buffer_after = '1 day';
CALL new('with buffers it does not end before it began', day => '2031-03-28', differs => false);
UPDATE availability_cache.rules SET buffer_before = DEFAULT, buffer_after = DEFAULT;
CALL new('without', day => '2031-03-28', differs => false);
UPDATE bookings SET start_time = '4713-01-01 BC', end_time = '294276-12-30Z' WHERE id = id('long');
CALL new('from the first day to the last', day => '2031-03-28', differs => false);
DELETE FROM bookings WHERE id = id('long');
CALL new('and gone', day => '2031-03-28');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('long'), stylist(1), service(1), '2031-02-01 00:00Z', '2031-04-04 00:00Z');
SELECT hits_of_month(1) AS mine \gset
SELECT is(:mine, 0, '62 days: each of them');
UPDATE bookings SET end_time = '2031-04-10 00:00Z' WHERE id = id('long');
SELECT hits_of_month(1) AS mine \gset
SELECT is(:mine, 0, '68 days: the stylist');

-- what has no stylist or time blocks nothing, until it has
DELETE FROM bookings;
ALTER TABLE bookings ALTER stylist_user_id DROP NOT NULL, ALTER start_time DROP NOT NULL, ALTER end_time DROP NOT NULL;
CALL new('no bookings, NULL allowed');
CALL new('stylist 2', stylist => 2, differs => false);
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('n1'), NULL, service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z'),
    (id('n2'), stylist(1), service(1), NULL, '2031-03-07 11:15Z'), (id('n3'), stylist(1), service(1), '2031-03-07 11:45Z', NULL);
CALL hit('NULLs in each key column');
UPDATE bookings SET stylist_user_id = stylist(1) WHERE id = id('n1');
CALL new('a stylist');
UPDATE bookings SET start_time = '2031-03-07 10:45Z' WHERE id = id('n2');
CALL new('a start');
UPDATE bookings SET end_time = '2031-03-07 12:15Z' WHERE id = id('n3');
CALL new('an end');
CALL hit('not stylist 2', stylist => 2);
UPDATE bookings SET stylist_user_id = NULL, start_time = NULL, end_time = NULL;
CALL new('all NULL again');

-- a column comes to another place: a trigger that has run finds it again by its name
ALTER TABLE bookings ADD starts timestamptz, DROP start_time CASCADE;
ALTER TABLE bookings RENAME starts TO start_time;
CALL new('a column of the same name', differs => false);
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('n4'), stylist(1), service(1), '2031-03-07 12:45Z', '2031-03-07 13:15Z');
CALL new('a booking with it');
SELECT * FROM finish();
