-- Partitioned bookings: every partition, of every level, from before attach() or after. Fails when TRUNCATE
-- of one partition goes unseen (triggers do not cascade to it: install_truncate_triggers, and relfilenode in
-- fingerprint.c for those that come later), when a partition comes or goes without a word (fingerprint.c), or
-- when a row that moves between partitions is seen at one end only; when locks are kept, or let go under
-- REPEATABLE READ (scan_relation).
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(61);
SELECT availability_cache.detach('bookings') \g /dev/null
ALTER TABLE bookings RENAME TO bookings_before;
CREATE TABLE bookings (LIKE bookings_before INCLUDING DEFAULTS) PARTITION BY LIST (status);
CREATE TABLE b_cancelled PARTITION OF bookings FOR VALUES IN ('cancelled', 'no_show');
CREATE TABLE b_rest PARTITION OF bookings DEFAULT PARTITION BY RANGE (start_time);
CREATE TABLE b_past PARTITION OF b_rest FOR VALUES FROM ('-infinity') TO ('2031-03-01');
CREATE TABLE b_march PARTITION OF b_rest FOR VALUES FROM ('2031-03-01') TO ('2031-03-15');
CREATE TABLE b_later PARTITION OF b_rest FOR VALUES FROM ('2031-03-15') TO ('2031-04-01');
INSERT INTO bookings SELECT * FROM bookings_before WHERE start_time < '2031-04-01';
SELECT relation, action FROM availability_cache.attach('bookings', 'bookings') \g /dev/null
SELECT is((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), 'enabled', 'attached: row and TRUNCATE triggers everywhere');
CALL new('at first');
CALL new('later', day => '2031-03-20');

INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('INSERT');
CALL hit('not later', day => '2031-03-20');
UPDATE bookings SET start_time = '2031-03-20 09:45Z', end_time = '2031-03-20 10:15Z' WHERE id = id('x');
CALL new('UPDATE moves the row to another partition: from where');
CALL new('to where', day => '2031-03-20');
UPDATE bookings SET status = 'cancelled' WHERE id = id('x');
CALL new('and to another level', day => '2031-03-20');
CALL hit('which is no other day''s business');
UPDATE b_cancelled SET note = 'x';
CALL hit('UPDATE of a note, in the partition', day => '2031-03-20');
DELETE FROM b_cancelled WHERE id = id('x');
CALL new('DELETE in the partition', day => '2031-03-20', differs => false);
INSERT INTO b_march (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('INSERT into the partition');
SET session_replication_role = replica;
UPDATE b_march SET end_time = '2031-03-07 10:45Z' WHERE id = id('x');
CALL new('under session_replication_role = replica');
RESET session_replication_role;
CALL hit('later, all the time', day => '2031-03-20');
SELECT current_setting('data_directory') || '/ac_copy_' || current_database() AS file \gset
COPY (SELECT stylist(1), service(1), timestamptz '2031-03-07 11:45Z', timestamptz '2031-03-07 12:15Z', s FROM unnest('{confirmed,cancelled}'::text[]) s) TO :'file';
COPY bookings (stylist_user_id, service_id, start_time, end_time, status) FROM :'file';
CALL new('COPY');
MERGE INTO bookings b USING (VALUES (id('x'))) n(id) ON b.id = n.id WHEN MATCHED THEN UPDATE SET status = 'cancelled';
CALL new('MERGE that moves');

-- TRUNCATE of a part
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('l'), stylist(1), service(1), '2031-03-20 09:45Z', '2031-03-20 10:15Z');
CALL new('a booking later', day => '2031-03-20');
TRUNCATE b_march;
CALL new('TRUNCATE of a partition');
CALL new('invalidates all', day => '2031-03-20', differs => false);
TRUNCATE b_cancelled;
CALL new('of one that blocks nothing: too much, never too little', differs => false);
TRUNCATE b_rest;
CALL new('of a partition that has partitions', day => '2031-03-20');
INSERT INTO bookings SELECT * FROM bookings_before WHERE start_time < '2031-04-01';
CALL new('all back', differs => false);
CALL new('also later', day => '2031-03-20');

-- partitions that come after attach()
CREATE TABLE b_april PARTITION OF b_rest FOR VALUES FROM ('2031-04-01') TO ('2031-05-01');
SELECT is((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), 'enabled', 'CREATE TABLE … PARTITION OF: changes of it are noticed');
CALL new('April', day => '2031-04-03');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('a'), stylist(1), service(1), '2031-04-03 09:45Z', '2031-04-03 10:15Z');
CALL new('INSERT in April', day => '2031-04-03');
SET session_replication_role = replica;
UPDATE bookings SET end_time = '2031-04-03 10:45Z' WHERE id = id('a');
CALL new('and as a replica', day => '2031-04-03');
RESET session_replication_role;
TRUNCATE b_april;
CALL new('TRUNCATE of it', day => '2031-04-03');
CREATE TABLE b_may (LIKE bookings INCLUDING DEFAULTS);
INSERT INTO b_may (id, stylist_user_id, service_id, start_time, end_time, status) VALUES (id('m'), stylist(1), service(1), '2031-05-01 09:45Z', '2031-05-01 10:15Z', 'confirmed');
CALL new('May', day => '2031-05-01');
ALTER TABLE b_rest ATTACH PARTITION b_may FOR VALUES FROM ('2031-05-01') TO ('2031-06-01');
CALL new('ATTACH PARTITION', day => '2031-05-01');
CALL new('invalidates all', differs => false);
UPDATE b_may SET end_time = '2031-05-01 10:45Z';
CALL new('UPDATE in it', day => '2031-05-01');
TRUNCATE b_may;
CALL new('TRUNCATE of it', day => '2031-05-01');
INSERT INTO b_may (id, stylist_user_id, service_id, start_time, end_time, status) VALUES (id('m'), stylist(1), service(1), '2031-05-01 09:45Z', '2031-05-01 10:15Z', 'confirmed');
CALL new('INSERT in it', day => '2031-05-01');
-- a whole tree at once
CREATE TABLE b_june (LIKE bookings INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
CREATE TABLE b_june_1 PARTITION OF b_june FOR VALUES FROM ('2031-06-01') TO ('2031-06-15');
CREATE TABLE b_june_2 PARTITION OF b_june FOR VALUES FROM ('2031-06-15') TO ('2031-07-01');
ALTER TABLE b_rest ATTACH PARTITION b_june FOR VALUES FROM ('2031-06-01') TO ('2031-07-01');
SELECT is((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), 'enabled', 'ATTACH PARTITION of a tree');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('j'), stylist(1), service(1), '2031-06-05 09:45Z', '2031-06-05 10:15Z');
CALL new('June', day => '2031-06-05');
TRUNCATE b_june_1;
CALL new('TRUNCATE in it', day => '2031-06-05');

-- and that go
ALTER TABLE b_rest DETACH PARTITION b_may;
CALL new('DETACH PARTITION', day => '2031-05-01');
UPDATE b_may SET end_time = '2031-05-01 10:45Z';
CALL hit('what happens to it now is no concern', day => '2031-05-01');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-03-20 09:45Z', '2031-03-20 10:15Z');
CALL new('later', day => '2031-03-20');
ALTER TABLE b_rest DETACH PARTITION b_later CONCURRENTLY;
CALL new('DETACH PARTITION CONCURRENTLY', day => '2031-03-20');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('y'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('March');
DROP TABLE b_march;
CALL new('DROP TABLE of a partition');
DROP TABLE b_june;
CALL new('of a tree', day => '2031-06-05', differs => false);

-- a trigger that is disabled on one partition only: nothing is kept until it is back
ALTER TABLE b_april DISABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT alike((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), '%b_april is not ENABLE ALWAYS', 'sources names the partition');
CALL alone('disabled on a partition', day => '2031-04-03');
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-04-03 09:45Z', '2031-04-03 10:15Z');
CALL alone('so nothing is missed', day => '2031-04-03');
SELECT availability_cache.attach('bookings', 'bookings') \g /dev/null
CALL new('attach() puts it right', day => '2031-04-03', differs => false);
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('y'), stylist(1), service(1), '2031-04-03 10:45Z', '2031-04-03 11:15Z');
CALL new('and it works', day => '2031-04-03');
-- the same of the TRUNCATE trigger, on the root and a partition
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking_truncate;
ALTER TABLE b_april DISABLE TRIGGER trigger_invalidate_cache_on_booking_truncate;
CALL alone('TRUNCATE triggers disabled', day => '2031-04-03');
SELECT lives_ok($$SELECT availability_cache.attach('bookings', 'bookings')$$, 'attach() puts them right');
SELECT is((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), 'enabled', 'all of them');
CALL new('and answers are kept', day => '2031-04-03', differs => false);
-- children by inheritance have no triggers: they are read, and nothing is kept
CREATE TABLE child () INHERITS (services);
CALL alone('a child by inheritance', day => '2031-04-03');
INSERT INTO child (id, name, duration_minutes) VALUES (service(1), 'another length', 5);
CALL alone('its rows are read', day => '2031-04-03');
ALTER TABLE child NO INHERIT services;
CALL new('no child any more', day => '2031-04-03');
ALTER TABLE child INHERIT services;
CALL alone('one again', day => '2031-04-03');
DROP TABLE child;
CALL new('dropped', day => '2031-04-03');
-- what begins long before the day lies in another partition
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-02-20 00:00Z', '2031-04-03 06:00Z');
CALL new('a booking that began in another partition', day => '2031-04-03');
-- tables are let go when they have been read, unless the transaction reads on under the same snapshot
CREATE FUNCTION locks() RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND c.relname ~ '^(b_|bookings)' $$;
BEGIN;
SELECT count(*) FROM get_available_slots(stylist(1), service(1), '2031-04-03') \g /dev/null
SELECT is(locks(), 0::bigint, 'no lock on a partition is kept');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM get_available_slots(stylist(1), service(1), '2031-04-03') \g /dev/null
SELECT cmp_ok(locks(), '>', 0::bigint, 'but under REPEATABLE READ');
COMMIT;
SELECT * FROM finish();
