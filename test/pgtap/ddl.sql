-- Definitions are data too: every DDL on an attached table, and on what its columns are made of. Fails when
-- something is missing from the fingerprint (fingerprint.c), when a session keeps plans or a mapping of
-- before (sources.c: watched), or when somebody's DDL fails because of the cache.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(71);
CALL new('at first');
CALL new('elsewhere', stylist => 2);

-- what changes nothing that an answer depends on: computed once, alike
ALTER TABLE bookings ADD source text DEFAULT 'web';
CALL new('ADD COLUMN', differs => false);
CALL new('for all', stylist => 2, differs => false);
ALTER TABLE bookings ALTER source TYPE varchar(10);
CALL new('ALTER COLUMN TYPE', differs => false);
ALTER TABLE bookings DROP source;
CALL new('DROP COLUMN', differs => false);
ALTER TABLE bookings ALTER note SET DEFAULT 'x';
CALL new('SET DEFAULT', differs => false);
ALTER TABLE bookings RENAME note TO remark;
CALL new('RENAME of a column that is not mapped', differs => false);
VACUUM FULL bookings;
CLUSTER services USING services_pkey;
REINDEX TABLE bookings;
ANALYZE bookings;
CREATE INDEX ON bookings (remark);
COMMENT ON TABLE bookings IS 'bookings';
GRANT SELECT ON bookings TO PUBLIC;
CREATE TABLE unrelated (i int);
ALTER TABLE unrelated ADD j int;
CREATE TEMPORARY TABLE unrelated_too AS SELECT 1 AS i;
DROP TABLE unrelated_too;
CALL hit('VACUUM FULL, CLUSTER, indexes, comments, grants, other tables'' DDL: nothing');
DROP TABLE unrelated;
CALL hit('DROP of another table');

-- a new order of columns, the same names: plans and triggers must not go by number
ALTER TABLE bookings ADD stylist_new uuid;
UPDATE bookings SET stylist_new = stylist_user_id;
ALTER TABLE bookings DROP stylist_user_id CASCADE;
SELECT is(v2() ->> 'code', 'INTERNAL_ERROR', 'a mapped column dropped: v2 says so');
SELECT throws_ok('SELECT v1()', '55000', NULL, 'and v1');
INSERT INTO bookings (service_id, start_time, end_time, stylist_new) VALUES (service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z', stylist(1));
SELECT pass('a booking does not fail because of a mapping that no longer fits');
ALTER TABLE bookings RENAME stylist_new TO stylist_user_id;
CALL new('another column of that name');
INSERT INTO bookings (service_id, start_time, end_time, stylist_user_id) VALUES (service(1), '2031-03-07 10:45Z', '2031-03-07 11:15Z', stylist(1));
CALL new('INSERT');
CALL new('another stylist', stylist => 2, differs => false);
INSERT INTO bookings (service_id, start_time, end_time, stylist_user_id) VALUES (service(1), '2031-03-07 11:45Z', '2031-03-07 12:15Z', stylist(1));
CALL hit('the trigger knows again whose booking it is', stylist => 2);
CALL new('his');
ALTER TABLE bookings RENAME status TO state;
SELECT is(v2() ->> 'code', 'INTERNAL_ERROR', 'a mapped column renamed');
UPDATE bookings SET state = 'cancelled' WHERE start_time = '2031-03-07 11:45Z';
SELECT pass('an UPDATE does not fail because of it');
SELECT availability_cache.attach('bookings', 'bookings', '{"status": "state"}') \g /dev/null
CALL new('attached again');
UPDATE bookings SET state = 'confirmed' WHERE start_time = '2031-03-07 11:45Z';
CALL new('UPDATE of the renamed column');
ALTER TABLE bookings RENAME state TO status;
SELECT availability_cache.attach('bookings', 'bookings', '{}') \g /dev/null
CALL new('and back', differs => false);

-- data changed without a row's trigger
ALTER TABLE bookings ALTER start_time TYPE timestamptz USING start_time - interval '30 minutes';
CALL new('ALTER COLUMN TYPE … USING rewrites the rows');
ALTER TABLE services ALTER price_cents TYPE bigint USING price_cents + 1;
CALL new('of a service');
ALTER TABLE services ALTER duration_minutes TYPE interval USING duration_minutes * interval '2 minutes';
CALL new('to another type that serves');
ALTER TABLE services ALTER duration_minutes TYPE text;
SELECT isnt(v2() ->> 'code', NULL, 'and one that does not: ' || coalesce(v2() ->> 'code', 'an answer'));
ALTER TABLE services ALTER duration_minutes TYPE int USING 30;
CALL new('back');
ALTER TABLE services DROP price_cents;
ALTER TABLE services ADD price_cents int DEFAULT 4200;
CALL new('a column dropped and made again with a default');
UPDATE bookings SET status = 'cancelled';
CALL new('all cancelled');
ALTER TABLE bookings ALTER status DROP NOT NULL;
CALL new('DROP NOT NULL', differs => false);
UPDATE bookings SET status = NULL;
CALL new('NULL blocks, also where it could not be before');
ALTER TABLE bookings ADD COLUMN always timestamptz GENERATED ALWAYS AS (start_time) STORED;
CALL new('a generated column', differs => false);

-- a virtual generated column, which triggers see as NULL
SELECT current_setting('server_version_num')::int >= 180000 AS has_virtual \gset
\if :has_virtual
BEGIN;
ALTER TABLE bookings ADD is_off boolean, ADD state text;
UPDATE bookings SET state = status;
ALTER TABLE bookings DROP status;
ALTER TABLE bookings ADD status text GENERATED ALWAYS AS (CASE WHEN is_off THEN 'cancelled' ELSE 'confirmed' END) VIRTUAL;
COMMIT;
CALL new('a status that is virtual', differs => false);
UPDATE bookings SET is_off = true;
CALL new('UPDATE of what it is made of');
UPDATE bookings SET is_off = false;
CALL new('and back');
BEGIN;
ALTER TABLE bookings DROP status;
ALTER TABLE bookings RENAME state TO status;
COMMIT;
CALL new('an ordinary one again', differs => false);
\else
SELECT skip('virtual generated columns came with 18', 4);
\endif

-- types that the columns are made of
CREATE TYPE state AS ENUM ('confirmed', 'cancelled', 'held');
UPDATE bookings SET status = 'confirmed';
CALL new('all confirmed', differs => false);
ALTER TABLE bookings ALTER status DROP DEFAULT;
ALTER TABLE bookings ALTER status TYPE state USING status::state;
CALL new('an enum', differs => false);
ALTER TYPE state RENAME VALUE 'confirmed' TO 'no_show';
CALL new('ALTER TYPE … RENAME VALUE makes them all no-shows');
ALTER TYPE state RENAME VALUE 'no_show' TO 'confirmed';
CALL new('and back');
ALTER TYPE state ADD VALUE 'no_show';
CALL new('ADD VALUE', differs => false);
UPDATE bookings SET status = 'no_show' WHERE start_time BETWEEN '2031-03-07' AND '2031-03-08';
CALL new('the new value is used');
ALTER TYPE state RENAME TO booking_state;
CALL hit('ALTER TYPE … RENAME');
CREATE SCHEMA types;
ALTER TYPE booking_state SET SCHEMA types;
CALL hit('ALTER TYPE … SET SCHEMA');
ALTER SCHEMA types RENAME TO kinds;
CALL hit('ALTER SCHEMA … RENAME of the type''s schema changes nothing');
CALL new('and what is computed after it works', day => '2031-03-20');
CREATE DOMAIN minutes AS int;
ALTER TABLE services ALTER duration_minutes TYPE minutes;
CALL new('a domain', differs => false);
ALTER DOMAIN minutes ADD CHECK (value > 0);
CALL hit('ALTER DOMAIN');

-- tables renamed, moved, given away, swapped
ALTER TABLE bookings RENAME TO appointments;
CALL hit('RENAME');
INSERT INTO appointments (service_id, start_time, end_time, stylist_user_id) VALUES (service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z', stylist(1));
CALL new('it is still the one that counts');
CREATE SCHEMA app;
ALTER TABLE appointments SET SCHEMA app;
CALL hit('SET SCHEMA');
ALTER SCHEMA app RENAME TO application;
CALL hit('ALTER SCHEMA … RENAME');
CALL new('after it', day => '2031-03-21');
CREATE ROLE ac_ddl_owner;
ALTER TABLE application.appointments OWNER TO ac_ddl_owner;
SELECT throws_like('SELECT v1()', 'table application.appointments is attached as bookings, but its owner ac_ddl_owner may not attach tables',
                   'an owner who may not attach tables');
GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO ac_ddl_owner;
SELECT is(v2(3) ->> 'code', 'INTERNAL_ERROR', 'an owner who may not use the schema cannot be computed as');
GRANT USAGE ON SCHEMA application, kinds TO ac_ddl_owner;
CALL new('one who may', differs => false);
ALTER TABLE application.appointments OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA application, kinds FROM ac_ddl_owner;
REVOKE ALL ON FUNCTION private.invalidate_availability_cache() FROM ac_ddl_owner;
DROP ROLE ac_ddl_owner;
CALL new('given back', differs => false);
BEGIN;
ALTER TABLE services RENAME TO services_old;
CREATE TABLE services (LIKE services_old INCLUDING ALL);
INSERT INTO services SELECT * FROM services_old;
UPDATE services SET price_cents = 1;
SELECT availability_cache.attach('services', 'services') \g /dev/null
COMMIT;
CALL new('a table swapped for another in a transaction');
UPDATE services_old SET price_cents = 2;
CALL hit('the old one is nothing to us');
UPDATE services SET price_cents = 3;
CALL new('the new one is');

-- gone
DROP TABLE services_old;
CALL hit('DROP of what was attached once');
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 12:45Z', '2031-03-07 13:15Z');
CALL new('a hold');
DROP TABLE booking_reservations;
CALL new('DROP of an optional table');
SELECT is((SELECT count(*) FROM availability_cache.sources), 6::bigint, 'it is forgotten');
DROP TABLE schedule_overrides, stylist_profiles;
CALL new('of two, without which the default zone counts', differs => false);
BEGIN;
DROP TABLE stylist_services CASCADE;
ROLLBACK;
CALL hit('DROP rolled back');
DROP SCHEMA application CASCADE;
SELECT is(v2() ->> 'error', 'no table is attached as bookings', 'DROP SCHEMA with the table that is needed');
CREATE TABLE bookings (stylist_user_id uuid, start_time timestamptz, end_time timestamptz);
SELECT is(v2() ->> 'code', 'INTERNAL_ERROR', 'a new one is nobody''s until it is attached');
SELECT count(*) FROM availability_cache.attach() \g /dev/null
CALL new('attached');
INSERT INTO bookings VALUES (stylist(1), '2031-03-07 12:45Z', '2031-03-07 13:15Z');
CALL new('and it counts');
SELECT * FROM finish();
