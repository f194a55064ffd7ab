-- The triggers themselves, and invalidation by hand. Fails when an answer is kept, or one from before
-- answered, while a change could go unnoticed (sources.c: mapping_tracked), and when invalidate() or flush()
-- does less than it says.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(75);
CREATE FUNCTION book(at text DEFAULT '09:45', stylist int DEFAULT 1, day date DEFAULT '2031-03-07') RETURNS void LANGUAGE sql AS $$
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
VALUES (stylist(stylist), service(1), (day + at::time) AT TIME ZONE 'UTC', (day + at::time) AT TIME ZONE 'UTC' + interval '30 minutes') $$;
CALL new('at first');
CALL new('stylist 2', stylist => 2);

-- disabled in each of the ways there are
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT counter('bypass_triggers') AS before \gset
CALL alone('DISABLE TRIGGER');
SELECT is(counter('bypass_triggers') - :before, 2::bigint, 'counted as such');
CALL alone('for every answer', stylist => 2);
SELECT book() \g /dev/null
CALL alone('a booking that nobody hears of');
ALTER TABLE bookings ENABLE TRIGGER trigger_invalidate_cache_on_booking;
CALL alone('ENABLE, but not ALWAYS: a replica''s changes would go unnoticed');
SET session_replication_role = replica;
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
RESET session_replication_role;
CALL alone('such as this one');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
CALL new('ENABLE ALWAYS', differs => false);
CALL new('for all', stylist => 2, differs => false);
ALTER TABLE bookings ENABLE REPLICA TRIGGER trigger_invalidate_cache_on_booking;
CALL alone('ENABLE REPLICA');
SELECT book() \g /dev/null
CALL alone('a booking');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
CALL new('ENABLE ALWAYS', differs => false);
ALTER TABLE services DISABLE TRIGGER ALL;
CALL alone('DISABLE TRIGGER ALL of another table');
UPDATE services SET price_cents = 5;
CALL alone('a price');
SELECT availability_cache.attach('services', 'services') \g /dev/null
CALL new('attach() enables it', differs => false);
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking_truncate;
CALL alone('the TRUNCATE trigger');
TRUNCATE bookings;
CALL alone('TRUNCATE');
SELECT count(*) FROM availability_cache.attach() \g /dev/null
CALL new('attach() finds it', differs => false);

-- dropped and made again, the same and not
DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings;
CALL alone('DROP TRIGGER');
SELECT book() \g /dev/null
CALL alone('a booking');
SELECT availability_cache.attach('bookings', 'bookings') \g /dev/null
CALL new('attach()', differs => false);
CREATE OR REPLACE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT ON bookings FOR EACH ROW
    EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
DELETE FROM bookings;
CALL alone('CREATE OR REPLACE TRIGGER with one that sees less: not the DELETE');
SELECT availability_cache.attach('bookings', 'bookings') \g /dev/null
CALL new('attach() makes it whole', differs => false);
DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings;
-- by hand, without arguments: everything, always
CREATE TRIGGER another_name AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache();
ALTER TABLE bookings ENABLE ALWAYS TRIGGER another_name;
CALL new('a trigger without arguments serves', differs => false);
CALL new('of stylist 2', stylist => 2);
SELECT book('09:45', 2) \g /dev/null
CALL new('it invalidates all', differs => false);
CALL new('of course', stylist => 2);
DROP TRIGGER another_name ON bookings;
-- a mapping that is not the other trigger's, and one that does not fit the table: nobody guesses
CREATE FUNCTION refusal() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM v1();
    RETURN 'answered: ' || (v2() ->> 'success');
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN concat_ws(' | ', SQLERRM, v2() ->> 'code');
END $$;
CREATE TRIGGER another_name AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'no_such_column', 'start_time', 'end_time');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER another_name;
SELECT is(refusal(), 'table public.bookings is attached as bookings, but its triggers name different columns | INTERNAL_ERROR', 'triggers that differ');
SELECT is((SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'), 'its triggers name different columns', 'sources says so');
DROP TRIGGER trigger_invalidate_cache_on_booking_truncate ON bookings;
SELECT is(refusal(), 'table public.bookings no longer has its column "no_such_column" | INTERNAL_ERROR', 'a column that is not there');
DROP TRIGGER another_name ON bookings;
CREATE TRIGGER another_name AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'start_time', 'stylist_user_id', 'end_time');
SELECT is(refusal(), 'column "start_time" of table public.bookings is of type timestamp with time zone, which cannot serve as "stylist_user_id" | INTERNAL_ERROR', 'columns of the wrong types');
SELECT lives_ok('SELECT book(''10:45'')', 'a booking does not fail for it');
DROP TRIGGER another_name ON bookings;
SELECT is(refusal(), 'no table is attached as bookings | INTERNAL_ERROR', 'without triggers it is not attached');
CREATE TRIGGER another_name AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER another_name;
CALL alone('the row trigger alone: it is read, and not kept');
SELECT book('11:15') \g /dev/null
CALL alone('with what changes');
CREATE TRIGGER a_truncate AFTER TRUNCATE ON bookings FOR EACH STATEMENT EXECUTE FUNCTION private.invalidate_availability_cache();
ALTER TABLE bookings ENABLE ALWAYS TRIGGER a_truncate;
CALL new('both, under other names', differs => false);
CREATE TABLE bookings2 (LIKE bookings);
CREATE TRIGGER x AFTER TRUNCATE ON bookings2 FOR EACH STATEMENT EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
SELECT is(refusal(), 'table public.bookings is attached as bookings, but public.bookings2 is attached as bookings too | INTERNAL_ERROR', 'two tables: nobody guesses');
SELECT is((SELECT string_agg(relation || ': ' || triggers, '; ' ORDER BY relation::text) FROM availability_cache.sources WHERE role = 'bookings'),
          'bookings: public.bookings2 is attached as bookings too; bookings2: public.bookings is attached as bookings too', 'sources says so');
SELECT throws_ok('SELECT * FROM availability_cache.attach()', '42P09', 'more than one table is attached as bookings: public.bookings, public.bookings2', 'nor does attach()');
SELECT availability_cache.attach('bookings', 'bookings') \g /dev/null
CALL new('attach()', differs => false);
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'bookings2'::regclass OR tgname IN ('another_name', 'a_truncate') AND tgnargs > 0), 0::bigint,
          'attach() takes the place of what said the same');
DROP TRIGGER a_truncate ON bookings;
SELECT throws_ok('SELECT private.invalidate_availability_cache()', '39P01', NULL, 'it is a trigger function');
SELECT is((SELECT count(*) FROM availability_cache.sources WHERE triggers <> 'enabled'), 0::bigint, 'all is in order');

-- the library and source_column name the same columns in the same order
CREATE TABLE named (i int);
SELECT format('CREATE TRIGGER %I AFTER TRUNCATE ON named FOR EACH STATEMENT EXECUTE FUNCTION private.invalidate_availability_cache(%L, %s)',
              role, role, string_agg(quote_literal(name || '!'), ', ' ORDER BY position))
  FROM availability_cache.source_column GROUP BY role \gexec
SELECT is((SELECT jsonb_object_agg(role, jsonb_build_array(names, columns)) FROM availability_cache_internal.attached() WHERE relation = 'named'::regclass),
          (SELECT jsonb_object_agg(role, said) FROM (SELECT role, jsonb_build_array(array_agg(name ORDER BY position), array_agg(name || '!' ORDER BY position)) AS said
                                                      FROM availability_cache.source_column GROUP BY role) x), 'the library knows source_column''s columns');
DROP TABLE named;

-- no event trigger has to tell of all this
SELECT is((SELECT count(*) FROM pg_event_trigger), 0::bigint, 'the extension has no event triggers');
CALL new('another day', day => '2031-03-25');
ALTER TABLE bookings ADD x int;
CALL new('a column more', day => '2031-03-25', differs => false);

-- DDL and writes in one transaction
CALL new('before', differs => false);
BEGIN;
ALTER TABLE bookings DISABLE TRIGGER USER;
SELECT book('11:45') \g /dev/null
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking, ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking_truncate;
COMMIT;
CALL new('a booking while the trigger was disabled, in one transaction');
BEGIN;
ALTER TABLE bookings DISABLE TRIGGER USER;
ROLLBACK;
CALL hit('disabled and rolled back');
SELECT book('12:45') \g /dev/null
CALL new('it still works');

-- invalidate(): a stylist's days, a stylist
CALL new('stylist 1''s other day', day => '2031-03-06');
CALL new('stylist 2', stylist => 2, differs => false);
SELECT availability_cache.invalidate(stylist(1), '2031-03-07', '2031-03-07') \g /dev/null
CALL new('invalidate() of a day', differs => false);
CALL hit('not another day', day => '2031-03-06');
CALL hit('not another stylist', stylist => 2);
SELECT availability_cache.invalidate(stylist(1), '2031-03-06', '2031-03-07') \g /dev/null
CALL new('of days: the last', differs => false);
CALL new('the first', day => '2031-03-06', differs => false);
SELECT availability_cache.invalidate(stylist(1), first => '2031-03-07') \g /dev/null
CALL new('without an end', differs => false);
SELECT availability_cache.invalidate(stylist(1), last => '2031-03-07') \g /dev/null
CALL new('without a beginning', differs => false);
SELECT availability_cache.invalidate(stylist(1)) \g /dev/null
CALL new('without dates', differs => false);
CALL new('every day of the stylist', day => '2031-03-06', differs => false);
CALL hit('no other stylist''s', stylist => 2);
SELECT availability_cache.invalidate(stylist(1), '2031-03-01', '2039-03-07') \g /dev/null
CALL new('for years', differs => false);
BEGIN;
SELECT availability_cache.invalidate(stylist(1)) \g /dev/null
ROLLBACK;
CALL new('at once, also if it is rolled back', differs => false);
BEGIN;
SELECT availability_cache.invalidate(stylist(1), '2031-03-07', '2031-03-08') \g /dev/null
ROLLBACK;
CALL new('days as well', differs => false);
BEGIN;
SELECT availability_cache.invalidate(stylist(1)) \g /dev/null
SELECT v2() ->> 'cached' AS a, v2() ->> 'cached' AS b \gset
COMMIT;
SELECT is(:'a' || ' ' || :'b', 'false true', 'within its transaction an answer can be kept');
CALL new('which goes at its end', differs => false);

-- flush(): all of this database, at once
SELECT availability_cache.flush() AS n, counter('entries') AS entries \gset
SELECT ok(:n >= 3 AND :entries = 0, 'flush() says how many went, and none is left');
CALL new('after it', differs => false);
CALL new('for all', stylist => 2, differs => false);
BEGIN;
SELECT availability_cache.flush() \g /dev/null
ROLLBACK;
CALL new('also if it is rolled back', differs => false);
SET availability_cache.enabled = off;
CALL alone('availability_cache.enabled = off');
SELECT book('13:15') \g /dev/null
RESET availability_cache.enabled;
CALL new('changes are followed nevertheless');
SELECT * FROM finish();
