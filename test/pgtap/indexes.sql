-- The indexes that sites have: each is used where it has all that is wanted, and not where it may leave
-- something out; the answers are those of the table without any. Shown to fail with, in src/slots:
-- index_has_wanted that is always true, or does not look at attnotnull; a PlanKey without statuses, or
-- without what they mean; table_plan without forget_plans; is_plain that is always true.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(36);
CREATE EXTENSION btree_gist;

INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status) VALUES
    (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z', 'cancelled'),
    (stylist(1), service(1), '2031-03-07 10:15Z', '2031-03-07 10:45Z', 'no_show'),
    (stylist(1), service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z', 'confirmed'),
    (stylist(1), service(1), '2031-03-07 11:15Z', '2031-03-07 11:15Z', 'confirmed'),
    (stylist(1), service(1), '2031-03-09 11:15Z', '2031-03-12 10:15Z', 'confirmed'),
    (stylist(1), service(1), '2031-03-09 11:15Z', '2031-03-12 11:15Z', 'cancelled');
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, status) VALUES
    (stylist(1), service(1), '2031-03-07 11:45Z', '2031-03-07 12:15Z', 'reserved'),
    (stylist(1), service(1), '2031-03-07 12:15Z', '2031-03-07 12:45Z', 'released');
-- All but the primary keys.
SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
 WHERE indrelid IN ('bookings'::regclass, 'booking_reservations'::regclass) AND NOT indisprimary \gexec
CREATE FUNCTION asked() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(to_char((s ->> 'slot_start_utc')::timestamptz, 'DD-HH24:MI ') || (s ->> 'status'), ' ' ORDER BY s ->> 'slot_start_utc')
      FROM jsonb_array_elements(v1(1, '2031-03-07') || v1(1, '2031-03-12')) s $$;
CREATE TABLE expected (answer text);
-- The same answer as without an index, and whether the index was looked into.
CREATE FUNCTION try(why text, used boolean, ddl text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    same boolean;
    scanned boolean;
BEGIN
    EXECUTE 'CREATE INDEX i ON ' || ddl;
    same := asked() = answer FROM expected;
    scanned := pg_stat_get_xact_numscans('i'::regclass) > 0;
    EXECUTE 'DROP INDEX i';
    RETURN is(concat_ws(', ', CASE WHEN NOT same THEN 'another answer' END, CASE WHEN scanned THEN 'used' ELSE 'not used' END),
              CASE WHEN used THEN 'used' ELSE 'not used' END, why);
END
$$;
CREATE PROCEDURE expect() LANGUAGE sql AS $$ DELETE FROM expected; INSERT INTO expected SELECT asked() $$;
CALL expect();
SELECT matches(answer, '07-10:15 available 07-10:45 booked 07-11:15 available 07-11:45 reserved 07-12:15 available', 'bookings and holds that block, and others')
  FROM expected;
SELECT matches(answer, '12-09:45 booked 12-10:15 available', 'and one that began three days before') FROM expected;

\set key 'bookings (stylist_user_id, start_time)'
\set gist 'bookings USING gist (stylist_user_id, tstzrange(start_time, end_time))'
SELECT try('stylist and start', true, :'key');
SELECT try('stylist', true, 'bookings (stylist_user_id)');
SELECT try('start', false, 'bookings (start_time)');
SELECT try('GiST', true, :'gist');
SELECT try('GiST, the range first', true, 'bookings USING gist (tstzrange(start_time, end_time, ''[]''), stylist_user_id)');
SELECT try('GiST, the range alone', false, 'bookings USING gist (tstzrange(start_time, end_time))');
SELECT try('GiST, of the stylist', true, 'bookings USING gist (stylist_user_id)');
SELECT try('GiST, of a range that lacks what counts: by its stylist', true, 'bookings USING gist (stylist_user_id, tstzrange(end_time, end_time, ''[]''))');
SELECT try('GiST, with other bounds', true, 'bookings USING gist (stylist_user_id, tstzrange(start_time, end_time, ''(]''))');

-- conditions
SELECT try('not of one that does not block', true, :'key' || ' WHERE status <> ''cancelled''');
SELECT try('GiST, not of those that do not block', true, :'gist' || ' WHERE status NOT IN (''no_show'', ''cancelled'')');
SELECT try('the same said otherwise', true, :'gist' || ' WHERE status <> ''cancelled'' AND status <> ''no_show''');
SELECT try('not of one that blocks', false, :'key' || ' WHERE status <> ''confirmed''');
SELECT try('GiST, of one that blocks', false, :'gist' || ' WHERE status = ''confirmed''');
SELECT try('of more than the status', false, :'key' || ' WHERE status <> ''cancelled'' AND note IS NULL');
SELECT try('of something else', false, :'key' || ' WHERE start_time > ''2031-03-10''');
CREATE FUNCTION own(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SELECT try('with a function of one''s own', false, :'key' || ' WHERE status <> own(''cancelled'')');
SELECT try('GiST, with one', false, 'bookings USING gist (stylist_user_id, tstzrange(start_time, end_time), own(status))');

-- other statuses do not block: in the same session, with an index that was good before
CREATE INDEX kept ON bookings USING gist (stylist_user_id, tstzrange(start_time, end_time)) WHERE status NOT IN ('no_show', 'cancelled');
SELECT is(asked(), answer, 'an index that leaves out what does not block') FROM expected;
UPDATE availability_cache.rules SET non_blocking_statuses = '{cancelled}';
SELECT matches(asked(), '07-10:15 booked 07-10:45 booked', 'what it leaves out comes to block');
DROP INDEX kept;
CALL expect();
SELECT matches(answer, '07-10:15 booked 07-10:45 booked', 'as it does without the index') FROM expected;
SELECT try('an index that leaves out one that blocks', false, :'gist' || ' WHERE status NOT IN (''no_show'', ''cancelled'')');
-- the same words say which block: what an index leaves out and what it has change places
UPDATE availability_cache.rules SET blocking_statuses = '{cancelled}';
CALL expect();
SELECT matches(answer, '07-09:45 booked 07-10:15 available 07-10:45 available', 'only those of the statuses that block') FROM expected;
SELECT try('an index that leaves them out', false, :'gist' || ' WHERE status <> ''cancelled''');
SELECT try('an index of nothing else', true, :'gist' || ' WHERE status = ''cancelled''');
UPDATE availability_cache.rules SET non_blocking_statuses = '{cancelled,no_show}', blocking_statuses = NULL;

-- a booking without a status blocks
ALTER TABLE bookings ALTER COLUMN status DROP NOT NULL;
UPDATE bookings SET status = NULL WHERE start_time = '2031-03-07 10:45Z';
CALL expect();
SELECT matches(answer, '07-10:45 booked', 'a booking without a status') FROM expected;
SELECT try('it is not in such an index', false, :'gist' || ' WHERE status NOT IN (''no_show'', ''cancelled'')');
UPDATE bookings SET status = 'confirmed' WHERE status IS NULL;
ALTER TABLE bookings ALTER COLUMN status SET NOT NULL;

-- other types
ALTER TABLE bookings ALTER COLUMN status TYPE varchar(20);
SELECT try('varchar', true, :'gist' || ' WHERE status NOT IN (''no_show'', ''cancelled'')');
CREATE TYPE booking_status AS ENUM ('confirmed', 'completed', 'cancelled', 'no_show', 'pending');
ALTER TABLE bookings ALTER COLUMN status DROP DEFAULT, ALTER COLUMN status TYPE booking_status USING status::booking_status;
SELECT try('enum', true, :'gist' || ' WHERE status NOT IN (''no_show'', ''cancelled'')');
SELECT try('enum, all but one', false, :'gist' || ' WHERE status <> ''confirmed''');

-- holds
SELECT try('holds', true, 'booking_reservations (stylist_user_id, end_time)');
SELECT try('holds, GiST', true, 'booking_reservations USING gist (stylist_user_id, tstzrange(start_time, end_time))');
SELECT try('holds, of all that hold', true, 'booking_reservations (stylist_user_id, end_time) WHERE status IN (''reserved'', ''active'', ''paid'')');
SELECT try('holds, GiST, of fewer', false, 'booking_reservations USING gist (stylist_user_id, tstzrange(start_time, end_time)) WHERE status = ''active''');
