-- CREATE and DROP EXTENSION: objects in the way are named, all at once, and nothing is made; a schema private
-- that is there stays; what is dropped and created again works, and nothing that was in memory before is
-- answered.
\set db ac_install
\set stylists 2
\set services 1
\set bookings 40
\set days 14
\set bare 1
\getenv test AC_TEST
\i :test/lib/salon_database.psql

-- in the way, one by one and all together
CREATE FUNCTION create_extension(options text DEFAULT '', OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE EXTENSION availability_cache ' || options;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    message := replace(message, 'public.', '');
END
$$;
CREATE SCHEMA availability_cache;
SELECT * FROM create_extension() \gx
CREATE SCHEMA availability_cache_internal;
SELECT * FROM create_extension() \gx
DROP SCHEMA availability_cache, availability_cache_internal;

-- what has its names stays, and keeps them; whatever its arguments are, since calls would be ambiguous
CREATE SCHEMA private;
CREATE FUNCTION private.invalidate_availability_cache() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION get_available_slots(uuid, uuid, date) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE private.availability_cache (theirs int);
SET client_min_messages = notice;
CREATE EXTENSION availability_cache;
SET client_min_messages = warning;
CREATE FUNCTION where_all_is() RETURNS SETOF text LANGUAGE sql AS $$
SELECT p.oid::regprocedure || CASE WHEN d.objid IS NULL THEN '' ELSE ' (ours)' END FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
 WHERE proname ~ '^get_available_slots' OR proname = 'invalidate_availability_cache'
UNION ALL SELECT c.oid::regclass || CASE WHEN d.objid IS NULL THEN '' ELSE ' (ours)' END FROM pg_class c LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
 WHERE relname = 'availability_cache' AND relkind = 'r' ORDER BY 1 $$;
SELECT where_all_is();
SELECT get_available_slots(NULL, NULL, NULL) AS still_theirs;
SELECT count(*) AS attached FROM availability_cache.attach();
SELECT count(*) FROM availability_cache.get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
UPDATE availability_cache.rules SET max_advance = '3660 days';
SELECT availability_cache.get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') ->> 'cached' AS cached FROM generate_series(1, 2);
SELECT count(*) AS detached FROM availability_cache.detach();
-- what says so is there after a dump is restored, so it is not the extension's; nor does it go unnoticed
DROP SCHEMA availability_cache_beside;
DROP EXTENSION availability_cache;
SELECT to_regnamespace('availability_cache_beside');
DROP FUNCTION private.invalidate_availability_cache(), get_available_slots(uuid, uuid, date);
DROP TABLE private.availability_cache;
SET client_min_messages = notice;
CREATE EXTENSION availability_cache;
SET client_min_messages = warning;
SELECT where_all_is();
DROP EXTENSION availability_cache;
DROP SCHEMA availability_cache_beside;
-- in another schema
CREATE SCHEMA api;
CREATE EXTENSION availability_cache SCHEMA api;
SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'get\_available\_slots%' ORDER BY 1;
SELECT role, relation FROM availability_cache.attach();
SELECT count(*) FROM api.get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
-- tables in the extension's schema come first
SELECT count(*) AS detached FROM availability_cache.detach();
CREATE TABLE api.bookings (LIKE bookings);
SELECT role, relation FROM availability_cache.attach() WHERE role IN ('bookings', 'services');
ALTER EXTENSION availability_cache SET SCHEMA public;
SELECT count(*) AS detached FROM availability_cache.detach();
DROP EXTENSION availability_cache;
-- also in one whose name needs quotes
CREATE SCHEMA "My Api";
CREATE EXTENSION availability_cache SCHEMA "My Api";
CREATE TABLE "My Api".bookings (LIKE bookings);
SELECT role, relation FROM availability_cache.attach() WHERE role IN ('bookings', 'services');
SELECT count(*) FROM "My Api".get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SELECT count(*) AS detached FROM availability_cache.detach();
DROP EXTENSION availability_cache;
-- private is not ours to drop, nor is what others keep in it, whether it was there before us or not
CREATE TABLE private.theirs (i int);
CREATE FUNCTION private.other() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION availability_cache;
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'availability_cache') AND objid = 'private'::regnamespace;
DROP EXTENSION availability_cache;
SELECT to_regnamespace('private') AS schema, to_regclass('private.theirs') AS table, to_regprocedure('private.other()') AS function;
DROP SCHEMA private CASCADE;
SET client_min_messages = error;
CREATE EXTENSION availability_cache;
CREATE TABLE private.theirs (i int);
SELECT count(*) AS attached FROM availability_cache.attach();
DROP EXTENSION availability_cache CASCADE;
SET client_min_messages = warning;
SELECT to_regnamespace('private') AS schema, to_regclass('private.theirs') AS table, to_regclass('private.availability_cache') AS ours;
DROP SCHEMA private CASCADE;
CREATE EXTENSION availability_cache;
SELECT count(*) AS made FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'availability_cache') AND objid = 'private'::regnamespace;

-- attached tables hold it; detach() or CASCADE lets it go, and leaves no trigger
SELECT count(*) AS attached FROM availability_cache.attach();
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE '%invalidate_cache%';
\set VERBOSITY terse
DROP EXTENSION availability_cache;
\set VERBOSITY default
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE '%invalidate_cache%';
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') ->> 'success' AS success;
SELECT count(*) AS detached FROM availability_cache.detach();
DROP EXTENSION availability_cache;
SELECT count(*) AS in_private FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'private'::regnamespace;
SELECT to_regnamespace('availability_cache') IS NULL AND to_regnamespace('availability_cache_internal') IS NULL AS gone;
SELECT evtname FROM pg_event_trigger;

-- again in the same session, which has plans and a mapping of the old one
CREATE EXTENSION availability_cache;
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') - 'success' AS answer;
SELECT count(*) AS attached FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days', display_format = 'J';
CREATE FUNCTION day(OUT cached text, OUT code text, OUT display text, OUT booked text) LANGUAGE plpgsql AS $$
DECLARE
    j jsonb := get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-05');
BEGIN
    cached := j ->> 'cached';
    code := j ->> 'code';
    display := j #>> '{slots,0,slot_display}';
    booked := j #>> '{slots,1,status}';
END
$$;
SELECT * FROM day();
SELECT * FROM day();
-- what is in memory goes with the extension: nobody hears of this booking, and yet the next answer has it
SET client_min_messages = error;
DROP EXTENSION availability_cache CASCADE;
SET client_min_messages = warning;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE '%invalidate_cache%';
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (id('stylist 1'), id('service 1'), '2031-03-05 02:45Z', '2031-03-05 03:15Z');
CREATE EXTENSION availability_cache;
SELECT * FROM day();
SELECT count(*) AS attached FROM availability_cache.attach();
SELECT * FROM day();
UPDATE availability_cache.rules SET max_advance = '3660 days';
SELECT * FROM day();
SELECT * FROM day();
SELECT count(*) AS detached FROM availability_cache.detach();
DROP EXTENSION availability_cache;

-- functions that somebody put into the schema before must not become ours: an exact match would win over
-- pg_catalog's polymorphic ones, and run as the superuser who creates the extension
CREATE FUNCTION public.format(text, regclass) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.format(text, name, regclass) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.format(text, regclass, text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION public.unnest(int2[]) RETURNS SETOF int2 LANGUAGE sql AS 'SELECT NULL::int2';
CREATE AGGREGATE public.array_agg(text) (SFUNC = array_append, STYPE = text[]);
CREATE FUNCTION public.cardinality(text[]) RETURNS int LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION public.array_position(text[], text) RETURNS int LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION public.extract(text, interval) RETURNS numeric LANGUAGE sql AS 'SELECT 0::numeric';
CREATE FUNCTION public.length(varchar) RETURNS int LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION public.hostile(oid, regclass) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = hostile);
CREATE FUNCTION public.hostile(oid, regprocedure) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regprocedure, FUNCTION = hostile);
CREATE FUNCTION public.hostile(regclass, oid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (LEFTARG = regclass, RIGHTARG = oid, FUNCTION = hostile);
CREATE FUNCTION public.hostile("char", text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.<> (LEFTARG = "char", RIGHTARG = text, FUNCTION = hostile);
CREATE FUNCTION public.hostile(numeric, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.>= (LEFTARG = numeric, RIGHTARG = int, FUNCTION = hostile);
CREATE OPERATOR public.<= (LEFTARG = numeric, RIGHTARG = int, FUNCTION = hostile);
CREATE OPERATOR public.= (LEFTARG = numeric, RIGHTARG = int, FUNCTION = hostile);
CREATE FUNCTION public.hostile_mod(numeric, int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR public.% (LEFTARG = numeric, RIGHTARG = int, FUNCTION = hostile_mod);
CREATE EXTENSION availability_cache;
-- whatever of the extension depends on a function or operator that is neither its own nor the server's
SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS of_ours, pg_describe_object(d.refclassid, d.refobjid, 0) AS depends_on
  FROM pg_depend d
  LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
  LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
 WHERE coalesce(p.pronamespace, o.oprnamespace) = 'public'::regnamespace
   AND (d.classid, d.objid) IN (SELECT 'pg_proc'::regclass::oid, oid FROM pg_proc WHERE pronamespace IN ('availability_cache'::regnamespace, 'availability_cache_internal'::regnamespace, 'private'::regnamespace)
                      UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = 'availability_cache'::regnamespace
                      UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace = 'availability_cache'::regnamespace
                      UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid WHERE c.relnamespace = 'availability_cache'::regnamespace)
 ORDER BY 1, 2;
DROP EXTENSION availability_cache;

-- whatever the default privileges are, everybody may run what attach() calls
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE EXTENSION availability_cache;
SELECT string_agg(proname, ' ' ORDER BY proname) AS functions FROM pg_proc, aclexplode(proacl)
 WHERE pronamespace = 'availability_cache_internal'::regnamespace AND grantee = 0;
DROP EXTENSION availability_cache;

-- who may
CREATE ROLE ac_nobody;
SET ROLE ac_nobody;
\set VERBOSITY terse
CREATE EXTENSION availability_cache;
\set VERBOSITY default
RESET ROLE;
DROP ROLE ac_nobody;
\c :home
DROP DATABASE ac_install;
