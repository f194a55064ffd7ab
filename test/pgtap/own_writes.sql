-- A transaction sees its own changes and nobody else does (G2). Fails when rule 1 of readpath.c asks for
-- touched cells instead of a xid, when compute_fresh does not count the command (CommandCounterIncrement),
-- when an own answer is kept, when a rolled back (sub)transaction leaves its touched cells or its mapping
-- behind, or when computing itself takes a xid.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(87);
-- pgTAP's own book-keeping would be rolled back too: within transactions results are kept in psql, and judged
-- after them.
CREATE FUNCTION own(at text DEFAULT '09:45', stylist int DEFAULT 1, day date DEFAULT '2031-03-07') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    j jsonb := v2(stylist, day);
BEGIN
    RETURN concat_ws(' ', CASE WHEN j ->> 'cached' = 'true' THEN 'hit' ELSE 'computed' END, status(j, at),
                     CASE WHEN j -> 'slots' IS DISTINCT FROM v1(stylist, day) THEN 'but v1 says ' || status(v1(stylist, day), at) END);
END
$$;
CREATE FUNCTION book(at text DEFAULT '09:45', stylist int DEFAULT 1, day date DEFAULT '2031-03-07') RETURNS uuid LANGUAGE sql AS $$
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
VALUES (stylist(stylist), service(1), (day + at::time) AT TIME ZONE 'UTC', (day + at::time) AT TIME ZONE 'UTC' + interval '30 minutes') RETURNING id $$;
CALL new('at first');

BEGIN;
SELECT own() AS a \gset
SELECT book() \g /dev/null
SELECT own() AS b, own('09:45', 2) AS c \gset
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
SELECT own() AS d \gset
SELECT book() \g /dev/null
ROLLBACK;
SELECT is(:'a'::text, 'hit available', 'a transaction that has written nothing');
SELECT is(:'b'::text, 'computed booked', 'its own booking');
SELECT is(:'c'::text, 'computed available', 'it computes all answers');
SELECT is(:'d'::text, 'computed available', 'its own DELETE');
CALL hit('rolled back: memory is as it was');

BEGIN;
SELECT book() \g /dev/null
SELECT own() AS a \gset
COMMIT;
SELECT is(:'a'::text, 'computed booked', 'its own booking before COMMIT');
CALL new('and after');
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
CALL new('gone');

-- a transaction that wrote elsewhere finds what is in memory, and keeps nothing; fails when own_writes.c
-- notes nothing, or too late
CREATE TABLE elsewhere (i int);
CALL new('DDL of a table that is not attached: nothing, or one computation', day => '2031-03-06');
CALL hit('not that day either');
CREATE FUNCTION two_days() RETURNS text LANGUAGE sql AS $$ SELECT own() || ', ' || own('09:45', 1, '2031-03-27') $$;
CREATE VIEW elsewhere_view AS SELECT * FROM elsewhere;
CREATE TABLE parted (i int) PARTITION BY LIST (i);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
SELECT own() \g /dev/null
BEGIN;
INSERT INTO elsewhere VALUES (1);
SELECT two_days() AS a \gset
COMMIT;
SELECT is(:'a'::text, 'hit available, computed available', 'after a write that is not ours');
CALL hit('which invalidated nothing');
CALL new('and kept nothing', day => '2031-03-27');
BEGIN;
CREATE TEMP TABLE own_temp (i serial PRIMARY KEY, n int UNIQUE) ON COMMIT DROP;
INSERT INTO own_temp SELECT i FROM (VALUES (1)) v (i);
CREATE TEMP TABLE other_temp AS SELECT 1 AS i;
UPDATE own_temp SET i = 2;
INSERT INTO elsewhere_view VALUES (2);
SELECT two_days() AS a \gset
ROLLBACK;
BEGIN;
SELECT * FROM elsewhere FOR SHARE \g /dev/null
SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS xid, own() AS b \gset
ROLLBACK;
INSERT INTO elsewhere VALUES (3) RETURNING own() AS c \gset
-- which runs with a search_path of its own since PostgreSQL 17
CREATE MATERIALIZED VIEW days AS SELECT get_available_slots_v2(stylist(n), service(1), '2031-03-07') ->> 'cached' AS cached FROM generate_series(1, 1) n;
SELECT cached AS d FROM days \gset
REFRESH MATERIALIZED VIEW days;
SELECT cached AS e FROM days \gset
SELECT is(:'a'::text, 'hit available, hit available', 'temporary tables made and written to, a view of another table');
SELECT is(:'xid' || ' ' || :'b', 't hit available', 'SELECT FOR SHARE of another table');
SELECT is(concat_ws(', ', :'c', :'d', :'e'), 'hit available, true, true', 'INSERT … RETURNING, CREATE and REFRESH MATERIALIZED VIEW');
-- what is not told apart is computed
BEGIN;
CREATE TABLE other PARTITION OF parted FOR VALUES IN (2);
SELECT own() AS a \gset
ROLLBACK;
BEGIN;
COPY elsewhere FROM PROGRAM 'echo 4';
SELECT own() AS b \gset
ROLLBACK;
BEGIN;
INSERT INTO parted VALUES (1);
SELECT own() AS c \gset
ROLLBACK;
BEGIN;
INSERT INTO elsewhere VALUES (5);
DO $$ BEGIN PERFORM book(); END $$;
SELECT own() AS d \gset
ROLLBACK;
BEGIN;
UPDATE pg_class SET reltuples = reltuples WHERE oid = 'elsewhere'::regclass;
SELECT own() AS e \gset
ROLLBACK;
SELECT is(concat_ws(', ', :'a', :'b', :'c', :'d', :'e'), 'computed available, computed available, computed available, computed booked, computed available',
    'own DDL, COPY, a partitioned table, a booking in DO beside another table, the catalogs');
CALL hit('memory is as it was');
-- ways to an attached table on which something asks before our trigger is there
CREATE TABLE asked (n serial, what text, answer text);
CREATE FUNCTION asks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO asked (what, answer) VALUES (TG_OP || ' ' || TG_TABLE_NAME, own());
    RETURN NULL;
END
$$;
CREATE TABLE salons (id int PRIMARY KEY);
INSERT INTO salons VALUES (1), (2), (3);
ALTER TABLE bookings ADD salon int REFERENCES salons ON DELETE CASCADE ON UPDATE CASCADE;
-- after the foreign key's triggers, which have removed the rows
CREATE TRIGGER zzz AFTER DELETE OR UPDATE ON salons FOR EACH ROW EXECUTE FUNCTION asks();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION asks();
CREATE VIEW booked AS SELECT * FROM bookings;
CREATE TABLE wishes (at text);
CREATE RULE wish AS ON INSERT TO wishes DO INSTEAD INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
CALL new('a column, a view, a rule', differs => false);
CREATE FUNCTION asked() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(what || ' ' || answer, ', ' ORDER BY n) FROM asked $$;
BEGIN;
INSERT INTO wishes VALUES ('');
SELECT asked() AS a \gset
ROLLBACK;
BEGIN;
INSERT INTO booked (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
SELECT asked() AS b \gset
ROLLBACK;
BEGIN;
MERGE INTO bookings b USING (VALUES (1)) v (i) ON false
 WHEN NOT MATCHED THEN INSERT (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
SELECT asked() AS c \gset
ROLLBACK;
PREPARE books AS INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
BEGIN;
EXECUTE books;
SELECT asked() AS d \gset
ROLLBACK;
SELECT is(:'a'::text, 'INSERT bookings computed booked', 'by a rule');
SELECT is(:'b'::text, 'INSERT bookings computed booked', 'by a view');
SELECT is(:'c'::text, 'INSERT bookings computed booked', 'by MERGE');
SELECT is(:'d'::text, 'INSERT bookings computed booked', 'by EXECUTE');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, salon) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z', 1);
CALL new('a booking of a salon');
DROP TRIGGER aaa ON bookings;
TRUNCATE asked;
CALL new('after DDL', differs => false);
BEGIN;
DELETE FROM salons WHERE id = 1;
SELECT asked() AS a \gset
ROLLBACK;
SELECT is(:'a'::text, 'DELETE salons computed available', 'by a cascade: a trigger of the parent asks when the child has no row and has not told yet');
CALL hit('rolled back');
DROP TABLE salons CASCADE;
DROP VIEW booked;
DROP TABLE wishes;
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
CALL new('gone');

-- savepoints
BEGIN;
SAVEPOINT s1;
SELECT book() \g /dev/null
SELECT own() AS a \gset
ROLLBACK TO s1;
SELECT own() AS b \gset
SAVEPOINT s2;
SELECT book('10:45') \g /dev/null
SELECT own('09:45') AS c, own('10:45') AS d \gset
RELEASE s2;
SAVEPOINT s3;
SELECT book('11:45') \g /dev/null
ROLLBACK TO s3;
SELECT own('10:45') AS e, own('11:45') AS f \gset
COMMIT;
SELECT is(:'a'::text, 'computed booked', 'in a savepoint');
SELECT is(:'b'::text, 'computed available', 'after ROLLBACK TO it');
SELECT is(:'c' || ', ' || :'d', 'computed available, computed booked', 'in the next');
SELECT is(:'e' || ', ' || :'f', 'computed booked, computed available', 'after one was released and one rolled back');
CALL new('after COMMIT');
SELECT is(status(v2(), '09:45') || ' ' || status(v2(), '10:45') || ' ' || status(v2(), '11:45'), 'available booked available', 'what was released is there, what was rolled back is not');
BEGIN;
SAVEPOINT s1;
DELETE FROM bookings WHERE start_time = '2031-03-07 10:45Z';
ROLLBACK TO s1;
SELECT own('10:45') AS a \gset
COMMIT;
SELECT is(:'a'::text, 'computed booked', 'a rolled back DELETE');
SELECT matches(own('10:45'), 'booked', 'it is still booked');
DO $$
BEGIN
    PERFORM book('09:45');
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
    PERFORM set_config('ac.a', own('09:45'), false);
END
$$;
SELECT is(current_setting('ac.a'), 'computed available', 'after an exception block');
SELECT matches(own('09:45'), 'available', 'and after its transaction');
SELECT own() \g /dev/null

-- in one statement with the write
SELECT own() \g /dev/null
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z') RETURNING own() AS a \gset
SELECT is(:'a'::text, 'computed booked', 'INSERT … RETURNING');
CALL new('and after it');
UPDATE bookings SET status = 'cancelled' WHERE id = id('x') RETURNING get_available_slots_v2(stylist(1), service(1), '2031-03-07') AS j \gset
SELECT is(status(:'j', '09:45') || ' ' || (:'j'::jsonb ->> 'cached'), 'available false', 'UPDATE … RETURNING v2() itself, with no function around it that would count the command');
CALL new('and after it');
UPDATE bookings SET status = 'confirmed' WHERE id = id('x') RETURNING get_available_slots_v2(stylist(1), service(1), '2031-03-07') AS j \gset
SELECT is(status(:'j', '09:45') || ' ' || (:'j'::jsonb ->> 'cached'), 'booked false', 'and back');
CALL new('and after it');
UPDATE bookings SET status = 'cancelled' WHERE id = id('x') RETURNING own() AS a \gset
SELECT is(:'a'::text, 'computed available', 'UPDATE … RETURNING');
CALL new('and after it');
UPDATE bookings SET status = 'confirmed' WHERE id = id('x');
CALL new('confirmed again');
DELETE FROM bookings WHERE id = id('x') RETURNING own() AS a \gset
SELECT is(:'a'::text, 'computed available', 'DELETE … RETURNING');
CALL new('and after it');
BEGIN;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('x'), stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z') RETURNING own() AS a \gset
ROLLBACK;
SELECT is(:'a'::text, 'computed booked', 'INSERT … RETURNING in a transaction that is rolled back');
CALL hit('left nothing in memory');
WITH rows AS (
    INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
    SELECT stylist(1), service(1), t, t + interval '30 minutes' FROM unnest('{2031-03-07 09:45Z,2031-03-07 11:45Z}'::timestamptz[]) t
    RETURNING start_time, own('09:45') || ' ' || own('11:45') AS seen)
SELECT string_agg(seen, ', ' ORDER BY start_time) AS a FROM rows \gset
SELECT is(:'a'::text, 'computed booked computed available, computed booked computed booked', 'each row sees those before it and itself');
CALL new('several rows, each asks');
DELETE FROM bookings WHERE start_time = '2031-03-07 11:45Z';
CALL new('one gone');
WITH gone AS (DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z' RETURNING own()) SELECT own AS a FROM gone \gset
SELECT is(:'a'::text, 'computed available', 'in WITH');
CALL new('and after it');
SELECT book() \g /dev/null
CALL new('booked by a function');
SELECT own('10:45') AS a, own('11:45') AS b FROM book('11:45') \gset
SELECT is(:'a' || ', ' || :'b', 'computed booked, computed booked', 'a function that books and a call beside it');
CALL new('and after it');
DELETE FROM bookings WHERE start_time >= '2031-03-07 09:45Z' AND start_time < '2031-03-08';
CALL new('all gone');

-- triggers that come before ours, and ask: by name, by time, by kind
CREATE TABLE heard (n serial, what text, answer text);
CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO heard (what, answer) VALUES (TG_NAME, own());
    RETURN NEW;
END
$$;
CREATE FUNCTION listen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM own();
    RETURN NEW;
END
$$;
CREATE TRIGGER a_after AFTER INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION ask();
CALL new('a trigger that asks', differs => false);
SELECT book() \g /dev/null
SELECT is(string_agg(what || ': ' || answer, ', ' ORDER BY n), 'a_after: computed booked', 'it sees the row, before our trigger has') FROM heard;
CALL new('and so do all afterwards');
BEGIN;
SELECT book('11:45') \g /dev/null
ROLLBACK;
CALL hit('in a transaction that is rolled back it leaves nothing in memory');
DROP TRIGGER a_after ON bookings;
-- one that writes nothing itself, so that only the row makes a xid
CREATE TRIGGER a_after AFTER INSERT OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION listen();
CREATE TRIGGER a_statement AFTER INSERT OR DELETE ON bookings EXECUTE FUNCTION listen();
CREATE TRIGGER a_before BEFORE INSERT OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION listen();
SELECT own() \g /dev/null
BEGIN;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 11:45Z', '2031-03-07 12:15Z'), (stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z');
ROLLBACK;
CALL hit('triggers of every kind that ask, rolled back');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 11:45Z', '2031-03-07 12:15Z');
CALL new('committed');
DROP TRIGGER a_after ON bookings;
DROP TRIGGER a_statement ON bookings;
DROP TRIGGER a_before ON bookings;
DELETE FROM bookings WHERE start_time >= '2031-03-07 09:45Z' AND start_time < '2031-03-08';

-- deferred triggers: one writes bookings at COMMIT, one asks
CREATE TABLE orders (stylist int, at text, what text DEFAULT 'book');
CREATE FUNCTION fulfil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.what = 'book' THEN
        PERFORM own();
        PERFORM book(NEW.at, NEW.stylist);
        INSERT INTO heard (what, answer) VALUES (TG_NAME, own(NEW.at, NEW.stylist));
    ELSE
        PERFORM own(NEW.at, NEW.stylist);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fulfil();
TRUNCATE heard;
SELECT own(), own('09:45', 2) \g /dev/null
CALL hit('before the order');
INSERT INTO orders VALUES (1, '09:45');
CALL new('a deferred trigger has booked at COMMIT');
SELECT is(string_agg(what || ': ' || answer, ', '), 'at_commit: computed booked', 'and saw it') FROM heard;
CALL hit('not of another stylist', stylist => 2);
BEGIN;
INSERT INTO orders VALUES (2, '09:45');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT own('09:45', 2) AS a \gset
ROLLBACK;
SELECT is(:'a'::text, 'computed booked', 'SET CONSTRAINTS IMMEDIATE');
CALL hit('and rolled back', stylist => 2);
BEGIN;
SELECT book('10:45') \g /dev/null
INSERT INTO orders VALUES (1, '10:45', 'ask');
COMMIT;
CALL new('a deferred trigger that asks after the booking');
DELETE FROM bookings WHERE start_time >= '2031-03-07 09:45Z' AND start_time < '2031-03-08';
CALL new('all gone');

-- rules, mapping and definitions are data too
BEGIN;
UPDATE availability_cache.rules SET display_format = 'J';
SELECT v2() #>> '{slots,0,slot_display}' AS a, v1() #>> '{0,slot_display}' AS b \gset
ROLLBACK;
SELECT is(:'a' || ' ' || :'b', '2462933 2462933', 'a transaction''s own rules');
CALL hit('rolled back');
UPDATE booking_reservations SET start_time = '2031-03-07 12:45Z', end_time = '2031-03-07 13:15Z', expires_at = NULL WHERE stylist_user_id = stylist(1);
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 12:45Z', '2031-03-07 13:15Z');
CALL new('a hold');
BEGIN;
SELECT availability_cache.detach('booking_reservations') \g /dev/null
SELECT own('12:45') AS a \gset
ROLLBACK;
SELECT is(:'a'::text, 'computed available', 'its own detach()');
CALL hit('rolled back, memory');
SELECT is(status(v1(), '12:45'), 'reserved', 'and mapping');
CALL hit('another session''s view of it is this one''s');
BEGIN;
ALTER TABLE bookings RENAME start_time TO begins;
SELECT availability_cache.attach('bookings', 'bookings', '{"start_time": "begins"}') \g /dev/null
SELECT own('12:45') AS a \gset
ROLLBACK;
SELECT is(:'a'::text, 'computed reserved', 'its own ALTER TABLE and attach()');
CALL hit('rolled back');

-- asking takes no xid: what comes after can still be a hit
BEGIN;
SELECT v2(1, '2031-03-24') ->> 'cached' AS a, v2(1, '2031-03-24') ->> 'cached' AS b, v2(99) ->> 'code' AS c, pg_current_xact_id_if_assigned() IS NULL AS d \gset
SAVEPOINT s;
SELECT v2(1, '2031-03-25') ->> 'cached' AS e \gset
RELEASE s;
SELECT v2(1, '2031-03-25') ->> 'cached' AS f \gset
COMMIT;
SELECT is(concat_ws(' ', :'a', :'b', :'c', :'d'), 'false true STYLIST_NOT_FOUND t', 'a miss and an error take no xid');
SELECT is(:'e' || ' ' || :'f', 'false true', 'a savepoint without writes changes nothing');

-- a procedure that commits on its way
CREATE PROCEDURE on_its_way(INOUT heard text) LANGUAGE plpgsql AS $$
BEGIN
    heard := own();
    PERFORM book();
    heard := heard || ', ' || own();
    COMMIT;
    heard := heard || ', ' || own() || ', ' || own();
    DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
    heard := heard || ', ' || own();
    ROLLBACK;
    heard := heard || ', ' || own();
END
$$;
CALL on_its_way('') \gset
SELECT is(:'heard'::text, 'hit available, computed booked, computed booked, hit booked, computed available, hit booked', 'a procedure');
SELECT * FROM finish();
