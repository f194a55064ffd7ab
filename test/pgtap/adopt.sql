-- What stops adopt(), and says why: an overload, others' use of the old things, functions that run as their
-- callers, answers that cannot be kept. Each changes nothing. Nobody gains a right, and what a table's owner
-- planted does not run as the superuser. Shown to fail without each of the SELECTs of
-- adopt_function_problems() and adopt_table_problems().
\set bookings 20
\set stylists 2
\set services 2
\getenv salon AC_SALON
\getenv test AC_TEST
\set classic :test '/classic.sql'
SET client_min_messages = error;
SET timezone = 'UTC';
DROP EXTENSION availability_cache;
DROP SCHEMA private CASCADE;
\o /dev/null
\i :salon
\i :classic
CREATE EXTENSION availability_cache;
\o
SELECT no_plan();
CREATE ROLE adopt_owner;
CREATE ROLE adopt_other;
GRANT CREATE ON SCHEMA public TO adopt_owner;

-- What adopt() says of a database with something more in it, and whether that is all that happens.
CREATE FUNCTION stops(change text, why text, name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    said text;
    state text := 'adopted';
BEGIN
    BEGIN
        EXECUTE change;
        SELECT string_agg(object || ' ' || action, E'\n') INTO said FROM availability_cache.adopt() WHERE action LIKE 'stops%';
        BEGIN
            PERFORM availability_cache.adopt(false);
        EXCEPTION WHEN OTHERS THEN
            state := SQLSTATE;
        END;
        RAISE EXCEPTION 'undo' USING ERRCODE = 'AC002';
    EXCEPTION WHEN SQLSTATE 'AC002' THEN
        NULL;
    END;
    RETURN NEXT matches(coalesce(said, 'nothing'), why, name || ': said');
    RETURN NEXT is(state, '55000', name || ': refused');
END
$$;
SELECT is(count(*), 0::bigint, 'nothing stops it as it is') FROM availability_cache.adopt() WHERE action LIKE 'stops%';

-- The time zone of customers without one.
CREATE FUNCTION zone_said(change text, expected text, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v1 text := pg_get_functiondef('get_available_slots(uuid,uuid,date,text)'::regprocedure);
    zone text;
    said text;
BEGIN
    BEGIN
        EXECUTE replace(change, 'V1', quote_literal(v1));
        SELECT string_agg(action, E'\n') INTO said FROM availability_cache.adopt() WHERE action LIKE 'default_timezone%';
        PERFORM availability_cache.adopt(false);
        SELECT default_timezone INTO zone FROM availability_cache.rules;
        PERFORM availability_cache.unadopt();
        SELECT zone || ', then ' || default_timezone || '; ' || coalesce(said, 'nothing said') INTO zone FROM availability_cache.rules;
        RAISE EXCEPTION 'undo' USING ERRCODE = 'AC002';
    EXCEPTION WHEN SQLSTATE 'AC002' THEN
        NULL;
    END;
    RETURN is(zone, expected, name);
END
$$;
SELECT zone_said($x$SELECT$x$, 'Asia/Kathmandu, then Asia/Kathmandu; nothing said', 'the zone that is there');
SELECT zone_said($x$UPDATE availability_cache.rules SET default_timezone = 'Europe/Paris'$x$,
                 'Asia/Kathmandu, then Europe/Paris; default_timezone is Asia/Kathmandu, as the function has it', 'a default');
SELECT zone_said($x$DO $d$ BEGIN DROP FUNCTION get_available_slots; EXECUTE replace(V1, $q$DEFAULT 'Asia/Kathmandu'::text$q$, 'DEFAULT NULL'); END $d$ $x$,
                 'Asia/Kathmandu, then Asia/Kathmandu; default_timezone stays Asia/Kathmandu: the function names none, so set yours', 'none');
SELECT zone_said($x$DO $d$ BEGIN DROP FUNCTION get_available_slots; EXECUTE replace(replace(V1, $q$DEFAULT 'Asia/Kathmandu'::text$q$, 'DEFAULT NULL'),
                     'TIME ZONE p_customer_timezone', $q$TIME ZONE coalesce(p_customer_timezone, 'Europe/Berlin')$q$); END $d$ $x$,
                 'Europe/Berlin, then Asia/Kathmandu; default_timezone is Europe/Berlin, as the function has it', 'the only one in the source');
SELECT zone_said($x$DO $d$ BEGIN DROP FUNCTION get_available_slots; EXECUTE replace(replace(replace(V1, $q$DEFAULT 'Asia/Kathmandu'::text$q$, 'DEFAULT NULL'),
                     'TIME ZONE p_customer_timezone', $q$TIME ZONE coalesce(p_customer_timezone, 'Europe/Berlin')$q$), 'Europe/Berlin', 'Mars/Olympus'); END $d$ $x$,
                 'Asia/Kathmandu, then Asia/Kathmandu; default_timezone stays Asia/Kathmandu: the function names none, so set yours', 'a word that is none');

SELECT stops('CREATE FUNCTION get_available_slots(uuid, uuid, date) RETURNS int LANGUAGE sql AS ''SELECT 1''', '^public.get_available_slots\(uuid,uuid,date\) .*overload', 'an overload of v1');
SELECT stops('CREATE FUNCTION get_available_slots_v2(uuid) RETURNS int LANGUAGE sql AS ''SELECT 1''', 'overload', 'an overload of v2');
SELECT stops('CREATE FUNCTION get_available_slots_json(uuid, uuid, date, text) RETURNS json LANGUAGE sql AS ''SELECT ''''1''''::json''', 'has the name of one of ours', 'json');
SELECT stops('DROP FUNCTION get_available_slots_v2', 'get_available_slots_v2\(uuid, uuid, date, text\) .*is not there', 'no v2');
SELECT stops('DROP FUNCTION get_available_slots_v2; CREATE FUNCTION get_available_slots_v2(uuid, uuid, date, text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public AS ''SELECT $4''', 'neither jsonb nor json', 'another result');
SELECT stops('CREATE VIEW of_cache AS SELECT count(*) FROM private.availability_cache', 'is used by rule _RETURN on view public.of_cache', 'a view over the table');
SELECT stops('CREATE FUNCTION of_row(private.availability_cache) RETURNS int LANGUAGE sql AS ''SELECT 1''', 'is used by function public.of_row', 'a function of its rows');
SELECT stops('CREATE TABLE refers (id uuid REFERENCES private.availability_cache)', 'is used by constraint', 'a foreign key to it');
SELECT stops('CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NULL; END''; CREATE TRIGGER theirs AFTER TRUNCATE ON private.availability_cache EXECUTE FUNCTION t()', 'has the trigger theirs', 'a trigger on it, which would run when it is emptied');
SELECT stops('CREATE TABLE elsewhere (stylist_user_id uuid); CREATE TRIGGER cache AFTER INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache()', 'trigger cache on .*elsewhere .*another name', 'its trigger function used elsewhere');
SELECT stops('ALTER FUNCTION get_available_slots SECURITY INVOKER; ALTER FUNCTION get_available_slots_v2 SECURITY INVOKER', 'row-level security', 'both run as their caller');
SELECT stops('ALTER FUNCTION get_available_slots SECURITY INVOKER; ALTER FUNCTION get_available_slots_v2 OWNER TO adopt_owner', 'belongs to another', 'it ran as somebody else');
SELECT stops('ALTER FUNCTION get_available_slots_v2 SECURITY INVOKER; REVOKE EXECUTE ON FUNCTION get_available_slots FROM PUBLIC', 'may not be called by .*adopt_other', 'who could call v2 and not v1');
SELECT stops('ALTER FUNCTION get_available_slots RESET search_path; ALTER FUNCTION get_available_slots_v2 RESET search_path', 'search_path', 'no search_path');
SELECT stops('DROP FUNCTION get_available_slots_v2; CREATE FUNCTION get_available_slots_v2(p_service_id uuid, p_stylist_id uuid, p_target_date date, p_customer_timezone text) RETURNS jsonb LANGUAGE sql
    SECURITY DEFINER SET search_path = public AS ''SELECT jsonb_agg(s) FROM get_available_slots($2, $1, $3, $4) s''', 'has its arguments in another order', 'arguments that change places');
SELECT stops('ALTER FUNCTION get_available_slots RENAME TO slots; DROP FUNCTION get_available_slots_v2;
    CREATE FUNCTION get_available_slots(service uuid, stylist uuid, day date, zone text) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = public AS ''SELECT $4'';
    CREATE FUNCTION get_available_slots_v2(service uuid, stylist uuid, day date, zone text) RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = public AS ''SELECT to_jsonb($4)''',
    'get_available_slots\(uuid,uuid,date,text\) .*takes the service first.*\n.*get_available_slots_v2.*takes the service first', 'the service first');
SELECT stops(format('CREATE FUNCTION job() RETURNS void LANGUAGE plpgsql AS %L', 'BEGIN ' || writes || '; END'), '^public.job\(\) stops adopt\(\): writes to private.availability_cache', writes)
  FROM unnest(ARRAY['INSERT INTO private.availability_cache VALUES (1)', 'update availability_cache set expires_at = now()', 'TRUNCATE TABLE "private"."availability_cache"',
                    'MERGE INTO ONLY private . availability_cache USING x ON false WHEN NOT MATCHED THEN DO NOTHING']) writes;
SELECT stops(replace(pg_get_functiondef(v2), 'p_customer_timezone) s;', 'p_customer_timezone) s WHERE s.status = ''available'';'), 'gives other slots than get_available_slots has rows, as of stylist ', 'v2 leaves out what is booked')
  FROM CAST('get_available_slots_v2(uuid,uuid,date,text)' AS regprocedure) v2;
SELECT stops(replace(pg_get_functiondef(v2), '''cached'', false', '''day'', p_target_date, ''cached'', false'), 'gives "day" beside the slots', 'v2 says more')
  FROM CAST('get_available_slots_v2(uuid,uuid,date,text)' AS regprocedure) v2;
SELECT count(*) FROM availability_cache.adopt() \g /dev/null
SELECT is(count(*), 0::bigint, 'nothing stays of what was compared') FROM private.availability_cache;
-- Whose rights what is asked has: the owner's, and no way to others.
BEGIN;
ALTER FUNCTION get_available_slots OWNER TO adopt_owner;
CREATE FUNCTION climb() RETURNS text LANGUAGE plpgsql AS $$ BEGIN SET ROLE NONE; RETURN 'out'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT is(availability_cache_internal.asked_as('adopt_owner', 'public', 'SELECT to_jsonb(current_user || '' '' || climb())'), '"adopt_owner 42501"', 'asked as the owner, who stays that');
SELECT is(current_user <> 'adopt_owner' AND current_setting('search_path') <> 'public', true, 'and user and search_path are as before');
SET ROLE adopt_other;
SELECT throws_ok('SELECT availability_cache_internal.asked_as(''adopt_owner'', ''public'', ''SELECT NULL::jsonb'')', '42501', NULL, 'not for everybody');
ROLLBACK;
BEGIN;
CREATE FUNCTION job() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM private.availability_cache WHERE expires_at < now(); UPDATE availability_cache.rules SET ttl = 0; UPDATE private.availability_caches SET x = 1; END $$;
SELECT is(count(*), 0::bigint, 'a job that deletes does not stop it') FROM availability_cache.adopt() WHERE action LIKE 'stops%';
ROLLBACK;
-- a name without quotes may have anything in it but spaces
CREATE SEQUENCE injected;
CREATE FUNCTION inject() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''public.injected'')';
SELECT stops('SET LOCAL search_path = public; SELECT set_config(''search_path'', ''public;select(public.inject());--'', true); ALTER FUNCTION public.get_available_slots_v2 SET search_path FROM CURRENT;
              ALTER FUNCTION public.get_available_slots RESET search_path; SET LOCAL search_path = public', 'search_path', 'a search_path that is more than one');
SELECT is(is_called, false, 'of which nothing runs') FROM injected;
SELECT stops('ALTER FUNCTION get_available_slots IMMUTABLE', 'IMMUTABLE', 'an IMMUTABLE function');
SELECT stops('CREATE OR REPLACE FUNCTION get_available_slots(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT ''Asia/Kathmandu'')
    RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp, slot_end_local timestamp, slot_display text, status text, price_cents integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS ''BEGIN PERFORM pg_notify($$asked$$, NULL); END''', 'cannot be kept: it may call pg_notify', 'it does more than answer');
SELECT stops('DROP TABLE booking_reservations', 'cannot be kept: it looks at the clock', 'the clock, and no holds that say when they end');
SELECT stops('ALTER SCHEMA availability_cache_beside RENAME TO b', 'nothing is to be adopted', 'nothing beside');

-- ---- adopted by hand where the owner is another ----

ALTER FUNCTION get_available_slots OWNER TO adopt_owner;
SELECT is(string_agg(object || ' ' || action, ';'), 'role adopt_owner may attach tables, as the owner of get_available_slots', 'the right that goes with the function is shown')
  FROM availability_cache.adopt() WHERE object LIKE 'role %';
ALTER TABLE bookings OWNER TO adopt_other;
SELECT matches(string_agg(action, ';'), '^not attached as bookings, and not needed: .*may not attach tables;watched$', 'others'' tables are watched, not attached')
  FROM availability_cache.adopt() WHERE object = 'table public.bookings';
ALTER TABLE bookings OWNER TO CURRENT_USER;
ALTER FUNCTION get_available_slots OWNER TO CURRENT_USER;
REVOKE EXECUTE ON FUNCTION get_available_slots_v2 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_available_slots_v2 TO adopt_owner;
-- what their owner planted where the server might run it; this v2 is not asked, since it runs as who asks
ALTER FUNCTION get_available_slots_v2 SECURITY INVOKER;
CREATE SEQUENCE ran;
GRANT USAGE ON SEQUENCE ran TO PUBLIC;
CREATE FUNCTION planted() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.ran'); RETURN 'Asia/Kathmandu'; END $$;
CREATE FUNCTION planted(uuid) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('public.ran'); RETURN $1; END $$;
ALTER FUNCTION planted() OWNER TO adopt_owner;
ALTER FUNCTION planted(uuid) OWNER TO adopt_owner;
SELECT replace(pg_get_functiondef('get_available_slots_v2(uuid,uuid,date,text)'::regprocedure), 'DEFAULT ''Asia/Kathmandu''::text', 'DEFAULT planted()') \gexec
CREATE INDEX ON private.availability_cache (planted(stylist_user_id)) WHERE planted(service_id) IS NOT NULL;
CREATE FUNCTION public.format(text, regclass) RETURNS text LANGUAGE sql AS 'SELECT public.planted()';
SELECT count(*) FROM availability_cache.adopt() \g /dev/null
SELECT count(*) FROM availability_cache.adopt(false) \g /dev/null
SELECT count(*) FROM availability_cache.unadopt() \g /dev/null
SELECT is(is_called, false, 'nothing of it ran') FROM ran;
SELECT pg_get_function_arguments('get_available_slots_v2(uuid,uuid,date,text)'::regprocedure) LIKE '%planted()' AS kept \gset
SELECT is(:'kept'::boolean, true, 'and it is there still');
ALTER TABLE private.availability_cache OWNER TO adopt_owner;
GRANT SELECT, DELETE, INSERT ON private.availability_cache TO adopt_other;
GRANT USAGE ON SCHEMA private TO adopt_owner, adopt_other;
-- Rows of policies are not ours to tell apart.
BEGIN;
ALTER TABLE private.availability_cache ENABLE ROW LEVEL SECURITY;
SELECT is(string_agg(action, ';'), 'may be emptied by adopt_owner, as the old one;may be read by adopt_owner, as the old one', 'who owns the table under row-level security goes on')
  FROM availability_cache.adopt() WHERE action LIKE 'may be%by adopt%';
ALTER TABLE private.availability_cache FORCE ROW LEVEL SECURITY;
SELECT is(count(*), 0::bigint, 'not if it holds for the owner') FROM availability_cache.adopt() WHERE action LIKE 'may be%by adopt%';
ROLLBACK;
CREATE VIEW theirs AS SELECT get_available_slots_v2(stylist_user_id, service_id, current_date + 2) ->> 'success' AS ok FROM stylist_services;
SELECT count(*) AS steps FROM availability_cache.adopt(false) \gset
SELECT ok(:steps > 20, 'adopted');
SELECT is(array_agg(DISTINCT ok), '{true}', 'a view over v2 goes on') FROM theirs;
SELECT is(has_function_privilege('adopt_other', f, 'EXECUTE') || ' ' || has_function_privilege('adopt_owner', f, 'EXECUTE'), 'false true', f || ': who could call v2')
  FROM unnest('{public.get_available_slots_v2,public.get_available_slots_json,availability_cache.get_available_slots,availability_cache.get_available_slots_v2}'::text[]) n, LATERAL (SELECT n || '(uuid,uuid,date,text)') x(f);
SELECT throws_ok('SELECT * FROM availability_cache.adopt(false)', '55000', NULL, 'not twice');
SELECT is(string_agg(concat_ws(' ', r, p, has_table_privilege(r, 'private.availability_cache', p)), ', ' ORDER BY r, p),
          'adopt_other DELETE t, adopt_other INSERT f, adopt_other SELECT t, adopt_owner DELETE t, adopt_owner INSERT f, adopt_owner SELECT t', 'who could read and empty the cache table can, and write nothing')
  FROM unnest('{adopt_owner,adopt_other}'::text[]) r, unnest('{SELECT,DELETE,INSERT}'::text[]) p;
SET ROLE adopt_owner;
SELECT lives_ok('DELETE FROM private.availability_cache WHERE expires_at < now()', 'a job of the owner cleans it');
RESET ROLE;
BEGIN;
SELECT count(*) FROM availability_cache.unadopt() \g /dev/null
SELECT is(string_agg(DISTINCT a.grantee::regrole::text, ',' ORDER BY a.grantee::regrole::text), 'pg_monitor,' || current_user, 'given back, nobody is left with a right to it')
  FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'availability_cache_internal.availability_cache'::regclass;
ROLLBACK;
BEGIN;
SELECT availability_cache.unmemoize('get_available_slots(uuid,uuid,date,text)') \g /dev/null
SELECT availability_cache.detach() \g /dev/null
SELECT throws_ok('DROP EXTENSION availability_cache', '2BP01', NULL, 'the extension is not dropped under v2');
ROLLBACK;
SELECT ok(NOT has_table_privilege('pg_monitor', 'availability_cache_internal.adopted', 'SELECT'), 'what will be run is nobody''s');
SET ROLE adopt_owner;
SELECT throws_ok('SELECT availability_cache.unadopt()', '42501', NULL, 'superusers only');
RESET ROLE;
-- a migration that is run again
CREATE OR REPLACE FUNCTION get_available_slots_v2(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT 'Asia/Kathmandu')
RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"newer": true}'::jsonb $$;
SELECT throws_ok('SELECT availability_cache.unadopt()', '55000', NULL, 'a newer v2 is not overwritten');
SELECT is(get_available_slots_v2(NULL, NULL, NULL), '{"newer": true}', 'it is there still');
SELECT finish();
DROP OWNED BY adopt_owner, adopt_other CASCADE;
DROP ROLE adopt_owner, adopt_other;
