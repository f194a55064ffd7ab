-- adopt() and unadopt() on a database with the plpgsql functions, table and triggers of test/classic.sql,
-- step by step. (docs/migrating.md's commands run in test/t/070_adopt.pl.) Fails when CREATE EXTENSION does
-- not see what is there, or when the path leaves a caller without an answer.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\set home :DBNAME
CREATE DATABASE ac_migrating;
\c ac_migrating
SET client_min_messages = warning;
\getenv salon AC_SALON
\getenv test AC_TEST
\set classic :test '/classic.sql'
\set ECHO none
\set start 2031-03-03
\set stylists 4
\set services 2
\set bookings 300
\o /dev/null
\i :salon
\i :classic
\o
\set ECHO all
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_miss;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_hit;

CREATE EXTENSION availability_cache;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS still_theirs;
SELECT step, object, action FROM availability_cache.adopt();
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS still_theirs;

SELECT count(*) AS steps FROM availability_cache.adopt(false);
UPDATE availability_cache.rules SET max_advance = '3660 days';
SELECT count(*) AS differences
  FROM public.stylist_services o
 CROSS JOIN generate_series(date '2031-03-03', date '2031-03-24', interval '1 day') d
 WHERE (get_available_slots_v2(o.stylist_user_id, o.service_id, d::date) -> 'slots')
       IS DISTINCT FROM (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM get_available_slots(o.stylist_user_id, o.service_id, d::date) s);
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS hit;
SELECT role, relation, triggers FROM availability_cache.sources;
SELECT * FROM availability_cache.adopt();
SELECT * FROM availability_cache.adopt(false);

SELECT step, object FROM availability_cache.unadopt();
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_miss;
SELECT get_available_slots_v2(md5('stylist 1')::uuid, md5('service 1')::uuid, '2031-03-04') ->> 'cached' AS old_hit;
SELECT tgrelid::regclass, tgname, tgfoid::regproc FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text !~ '^availability' ORDER BY 1, 2;
SELECT * FROM availability_cache.unadopt();
DROP EXTENSION availability_cache;
\c :home
DROP DATABASE ac_migrating;
