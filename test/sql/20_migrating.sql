-- docs/migrating.md, command by command, on a database with the plpgsql functions, table and triggers. Fails when
-- CREATE EXTENSION does not see what stands in its way, or when the path leaves a caller without an answer.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE DATABASE ac_migrating;
\c ac_migrating
SET client_min_messages = warning;
\getenv salon AC_SALON
\getenv test AC_TEST
\set classic :test '/classic.sql'
\set ECHO none
\set start 2031-03-03
\o /dev/null
\i :salon
\i :classic
\o
\set ECHO all
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_miss;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_hit;

-- refused, and nothing was made
CREATE EXTENSION availability_cache;
SELECT to_regnamespace('availability_cache') IS NULL AS nothing_made;

-- step 2
BEGIN;
ALTER FUNCTION public.get_available_slots(uuid, uuid, date, text) RENAME TO get_available_slots_old;
ALTER FUNCTION public.get_available_slots_v2(uuid, uuid, date, text) RENAME TO get_available_slots_v2_old;
DROP FUNCTION private.invalidate_availability_cache() CASCADE;
ALTER TABLE private.availability_cache RENAME TO availability_cache_old;
CREATE EXTENSION availability_cache;
SELECT role, relation, action, missing_indexes FROM availability_cache.attach();
COMMIT;

-- step 3
UPDATE availability_cache.rules SET slot_step = '30 minutes', default_timezone = 'Asia/Kathmandu', max_advance = '3660 days';

-- step 4, on the fixture's days: both agree
SELECT count(*) AS differences
  FROM public.stylist_profiles s
  JOIN public.stylist_services o ON o.stylist_user_id = s.user_id
 CROSS JOIN generate_series(date '2031-03-03', date '2031-03-24', interval '1 day') d
 CROSS JOIN LATERAL (
       SELECT slot_start_utc, status FROM public.get_available_slots(s.user_id, o.service_id, d::date)
       EXCEPT
       SELECT slot_start_utc, status FROM public.get_available_slots_old(s.user_id, o.service_id, d::date)) n;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS new_miss;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS new_hit;

-- steps 5 and 6
REVOKE EXECUTE ON FUNCTION public.get_available_slots_v2(uuid, uuid, date, text) FROM PUBLIC;
DROP FUNCTION public.get_available_slots_v2_old(uuid, uuid, date, text);
DROP FUNCTION public.get_available_slots_old(uuid, uuid, date, text);
DROP TABLE private.availability_cache_old;

-- the way back
SELECT count(*) AS detached FROM availability_cache.detach();
DROP EXTENSION availability_cache;
\c regression
DROP DATABASE ac_migrating;
