-- Availability is public, bookings are not. Fails when a caller's rights, row-level security, role,
-- search_path or transaction mode changes an answer or stops it; when an answer carries anything but slots;
-- when monitoring or management is open to anybody.
\set db ac_privileges
\set stylists 3
\set services 1
\set bookings 60
\set days 14
\getenv test AC_TEST
\i :test/lib/salon_database.psql
SELECT role, action FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days';
UPDATE booking_reservations SET expires_at = NULL;
CREATE ROLE ac_owner;
CREATE ROLE ac_anon LOGIN;
CREATE ROLE ac_watcher LOGIN IN ROLE pg_monitor;
-- what the owner of everything sees, for comparison
CREATE TABLE truth AS SELECT s, d::date AS d, get_available_slots_v2(id('stylist ' || s), id('service 1'), d::date) -> 'slots' AS slots
  FROM generate_series(1, 3) s, generate_series(date '2031-03-03', date '2031-03-09', '1 day') d;
GRANT SELECT ON truth TO PUBLIC;
SELECT count(DISTINCT st ->> 'status') AS statuses, count(*) > 300 AS many FROM truth, jsonb_array_elements(slots) st;
-- computed (the day's first call), then from memory, json and v1
CREATE FUNCTION differences(OUT n bigint, OUT hits bigint) LANGUAGE sql AS $$
SELECT count(*) FILTER (WHERE j -> 'slots' IS DISTINCT FROM slots)
     + count(*) FILTER (WHERE get_available_slots_json(id('stylist ' || s), id('service 1'), d)::jsonb -> 'slots' IS DISTINCT FROM slots)
     + count(*) FILTER (WHERE (SELECT string_agg(status, ' ' ORDER BY slot_start_utc) FROM get_available_slots(id('stylist ' || s), id('service 1'), d))
                           IS DISTINCT FROM (SELECT string_agg(x ->> 'status', ' ' ORDER BY x ->> 'slot_start_utc') FROM jsonb_array_elements(slots) x)),
       count(*) FILTER (WHERE j ->> 'cached' = 'true')
  FROM truth, get_available_slots_v2(id('stylist ' || s), id('service 1'), d) j $$;

-- 1. a role that may read nothing
SELECT availability_cache.flush() > 0 AS flushed;
\c - ac_anon
SELECT has_any_column_privilege('bookings', 'SELECT') AS may_read, has_schema_privilege('private', 'USAGE') AS may_use_private;
SELECT * FROM differences();
SELECT * FROM differences();
SELECT count(*) FROM bookings;
-- nor what is ours
SELECT count(*) FROM availability_cache.stats;
SELECT count(*) FROM availability_cache.entries;
SELECT count(*) FROM availability_cache.sources;
SELECT count(*) FROM availability_cache.rules;
SELECT count(*) FROM availability_cache.source;
SELECT availability_cache_internal.stats();
SELECT availability_cache_internal.entries();
SELECT availability_cache.reset_stats();
SELECT availability_cache.flush();
SELECT availability_cache.invalidate(NULL);
SELECT availability_cache.attach();
SELECT availability_cache.attach('bookings', 'bookings');
SELECT availability_cache.detach();
INSERT INTO availability_cache.source VALUES ('bookings', 'pg_class', '{}');
SELECT pronamespace::regnamespace AS schema, has_function_privilege(oid, 'EXECUTE') AS may, string_agg(proname, ' ' ORDER BY proname) AS functions
  FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'availability_cache%' GROUP BY 1, 2 ORDER BY 1, 2 \gx
UPDATE availability_cache.rules SET slot_step = '1 day';
CREATE TEMPORARY TABLE mine (i int);
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache();
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.config_changed();
-- a table of the same name in the caller's temporary schema is not the salon's
CREATE TEMPORARY TABLE bookings (LIKE pg_class);
CREATE TEMPORARY TABLE services (id int);
SELECT * FROM differences();
-- settings are nobody's: what one client sets is there for the next in a pool
SET availability_cache.enabled = off;
SET availability_cache.single_flight_timeout = 0;
SET availability_cache.ttl = 1;
SET availability_cache.ttl_jitter = 1;
SET availability_cache.shared_memory_size = '1GB';
SET availability_cache.anything = 1;

-- 2. members of pg_monitor may look, and only that
\c - ac_watcher
SELECT hits > 0 AS hits, entries FROM availability_cache.stats WHERE datname = current_database();
SELECT count(*) FROM availability_cache.entries WHERE datname = current_database();
SELECT count(*), min(triggers), max(triggers) FROM availability_cache.sources;
SELECT count(*) FROM availability_cache.rules;
SELECT availability_cache.reset_stats();
SELECT availability_cache.flush();
SELECT count(*) FROM bookings;

-- 3. row-level security, whoever calls; whoever's call is computed first is answered to all
\c - :superuser
SET client_min_messages = warning;
ALTER TABLE bookings ENABLE ROW LEVEL SECURITY;
ALTER TABLE booking_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE stylist_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE services ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON bookings USING (false);
CREATE POLICY own ON stylist_profiles USING (display_name = current_user);
GRANT SELECT ON bookings, stylist_profiles TO ac_anon;
SET ROLE ac_anon;
SELECT count(*) FROM bookings;
SELECT count(*) FROM stylist_profiles;
SELECT * FROM differences();
SET row_security = off;
SELECT * FROM differences();
RESET row_security;
RESET ROLE;
SELECT * FROM differences();
SELECT availability_cache.flush() > 0 AS flushed;
SET ROLE ac_anon;
SELECT * FROM differences();
RESET ROLE;
SELECT * FROM differences();
-- owned by an ordinary role, with policies upon everybody but the owner
GRANT ALL ON SCHEMA public TO ac_owner;
GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO ac_owner;
ALTER TABLE bookings OWNER TO ac_owner;
ALTER TABLE services OWNER TO ac_owner;
SET ROLE ac_anon;
SELECT * FROM differences();
RESET ROLE;
-- forced upon its owner after attach(): an error that says so, never an answer without the rows
ALTER TABLE bookings FORCE ROW LEVEL SECURITY;
SELECT * FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') ->> 'code' AS code;
ALTER ROLE ac_owner BYPASSRLS;
SELECT * FROM differences();
ALTER ROLE ac_owner NOBYPASSRLS;
SELECT * FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY;
SELECT * FROM differences();
SELECT * FROM differences();

-- 4. an owner's own code runs as the owner and in a sandbox, never as whoever calls; a table with children is read by queries,
-- which are planned
SET ROLE ac_owner;
CREATE FUNCTION make_trap() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TEMPORARY TABLE trap (i int); END';
CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE NOTICE 'runs as %', current_user;
    PERFORM public.make_trap();
    RAISE NOTICE 'could make a trap';
    RETURN $1;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE '%', SQLERRM;
    RETURN $1;
END $$;
-- where the table is read without queries: not at all, but for a partition key (fails with
-- RelationGetIndexPredicate in long_index.c, or without switch_user in scan.c)
CREATE FUNCTION tell(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'runs as %', current_user; RETURN $1; END $$;
SET client_min_messages = warning;
CREATE INDEX telling ON bookings (stylist_user_id) WHERE tell('constant') = 'constant';
\c - :superuser
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SET client_min_messages = warning;
DROP INDEX telling;
SET ROLE ac_owner;
CREATE TABLE parted (LIKE bookings INCLUDING DEFAULTS) PARTITION BY RANGE (start_time, (coalesce(note, tell('constant'))));
CREATE TABLE parted_all PARTITION OF parted DEFAULT;
RESET ROLE;
SELECT availability_cache.detach('bookings');
SELECT action FROM availability_cache.attach('bookings', 'parted');
\c - :superuser
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SET client_min_messages = warning;
SELECT availability_cache.detach('bookings');
DROP TABLE parted;
SELECT action FROM availability_cache.attach('bookings', 'bookings');
SET ROLE ac_owner;
CREATE TABLE child () INHERITS (bookings);
CREATE INDEX spying ON bookings (stylist_user_id, spy('constant'));
RESET ROLE;
\c - :superuser
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SET client_min_messages = warning;
DROP INDEX spying;
-- nor does it leave the caller with other settings
SET ROLE ac_owner;
CREATE FUNCTION astray(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'nowhere', false), pg_catalog.set_config('timezone', 'Asia/Tokyo', true);
    RETURN $1;
END $$;
CREATE INDEX straying ON bookings (stylist_user_id, astray('constant'));
RESET ROLE;
\c - :superuser
SET client_min_messages = warning;
SET timezone = 'UTC';
BEGIN;
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SELECT current_setting('search_path') AS search_path, current_setting('timezone') AS timezone;
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-04-05') ->> 'success' AS success;
COMMIT;
SELECT current_setting('search_path') AS search_path, current_setting('timezone') AS timezone;
DROP INDEX straying;
DROP TABLE child;

-- 5. READ ONLY, wrapped in functions of every kind, in SQL that looks for short cuts
\c - ac_anon
BEGIN READ ONLY;
SELECT * FROM differences();
SELECT * FROM differences();
COMMIT;
SET default_transaction_read_only = on;
SELECT * FROM differences();
RESET default_transaction_read_only;
\c - :superuser
SET client_min_messages = warning;
CREATE FUNCTION as_stable(uuid, date) RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT get_available_slots_v2($1, id('service 1'), $2) $$;
CREATE FUNCTION as_immutable(uuid, date) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN get_available_slots_v2($1, id('service 1'), $2); END $$;
CREATE FUNCTION as_definer(uuid, date) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$ BEGIN RETURN public.get_available_slots_v2($1, public.id('service 1'), $2); END $$;
CREATE FUNCTION v1_stable(uuid, date) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT count(*) FROM get_available_slots($1, id('service 1'), $2) $$;
ALTER FUNCTION as_definer OWNER TO ac_anon;
SELECT availability_cache.flush() > 0 AS flushed;
\c - ac_anon
SELECT f, count(*) FILTER (WHERE j -> 'slots' = slots) AS same, count(*) FILTER (WHERE j ->> 'cached' = 'true') AS hits
  FROM (SELECT 'stable' AS f, as_stable(id('stylist ' || s), d) AS j, slots FROM truth UNION ALL
        SELECT 'immutable', as_immutable(id('stylist ' || s), d), slots FROM truth UNION ALL
        SELECT 'definer', as_definer(id('stylist ' || s), d), slots FROM truth) x GROUP BY f ORDER BY f;
SELECT count(*) FILTER (WHERE v1_stable(id('stylist ' || s), d) = jsonb_array_length(slots)) FROM truth;
-- a cursor, a prepared statement, a procedure that commits
BEGIN;
DECLARE c CURSOR FOR SELECT get_available_slots_v2(id('stylist ' || s), id('service 1'), d) -> 'slots' = slots FROM truth ORDER BY s, d;
MOVE 20 IN c;
FETCH 2 FROM c;
COMMIT;
PREPARE p(date) AS SELECT jsonb_array_length(get_available_slots_v2(id('stylist 1'), id('service 1'), $1) -> 'slots');
EXECUTE p('2031-03-05'); EXECUTE p('2031-03-04');
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        PERFORM differences();
        IF i = 2 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END $$;

-- 6. a search_path that nobody should trust: its functions and operators would tell; the owner's own code goes by names too
\c - :superuser
SET client_min_messages = warning;
SET ROLE ac_owner;
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE INDEX innocent ON bookings (stylist_user_id, plain('constant'));
RESET ROLE;
GRANT CREATE ON DATABASE ac_privileges TO ac_anon;
SELECT id('stylist 1') AS s1, id('stylist 2') AS s2, id('service 1') AS v1 \gset
\c - ac_anon
SET client_min_messages = warning;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
\set ECHO none
SELECT unnest(ARRAY[format('CREATE FUNCTION evil.tell(%s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION ''evil operator, as %%'', current_user; END $f$', t),
                    format('CREATE OPERATOR evil.= (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t), format('CREATE OPERATOR evil.<> (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t),
                    format('CREATE OPERATOR evil.< (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t), format('CREATE OPERATOR evil.<= (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t),
                    format('CREATE OPERATOR evil.> (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t), format('CREATE OPERATOR evil.>= (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = evil.tell)', t)])
  FROM unnest('{uuid,text,timestamptz,timestamp,date,time,integer,bigint,boolean,oid,name,jsonb,interval,regclass}'::text[]) t \gexec
SELECT format('CREATE FUNCTION evil.%s(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION ''evil function, as %%'', current_user; END $f$', f, a, r)
  FROM (VALUES ('lower', 'text', 'text'), ('floor', 'numeric', 'numeric'), ('extract', 'text, interval', 'numeric'), ('date_part', 'text, interval', 'float8'), ('timezone', 'text, timestamptz', 'timestamp'),
               ('jsonb_each_text', 'jsonb', 'SETOF record'), ('to_char', 'timestamp, text', 'text'), ('id', 'text', 'uuid'), ('format', 'text, regclass', 'text'), ('unnest', 'text[]', 'SETOF text'),
               ('now', '', 'timestamptz'), ('clock_timestamp', '', 'timestamptz'), ('pg_partition_tree', 'regclass', 'SETOF regclass')) v(f, a, r) \gexec
SELECT format('CREATE DOMAIN evil.%I AS text CHECK (false)', t) FROM unnest('{text,date,timestamptz,interval,bool,uuid,time,regclass,oid,jsonb}'::text[]) t \gexec
SELECT format('CREATE TABLE evil.%I (i int)', t) FROM unnest('{bookings,services,stylist_services,stylist_schedules,stylist_profiles,rules,source,pg_class}'::text[]) t \gexec
\set ECHO all
SET search_path = evil, pg_catalog, public;
SELECT '1'::text;
SELECT :'s1'::pg_catalog.uuid = :'s1'::pg_catalog.uuid;
SELECT public.get_available_slots_v2(:'s1', :'v1', '2031-03-05') OPERATOR(pg_catalog.->>) 'cached' AS cached;
SELECT public.get_available_slots_v2(:'s1', :'v1', '2031-03-05') OPERATOR(pg_catalog.->) 'slots' OPERATOR(pg_catalog.=)
       (SELECT slots FROM public.truth WHERE s OPERATOR(pg_catalog.=) 1 AND d OPERATOR(pg_catalog.=) '2031-03-05') AS same;
SELECT pg_catalog.count(*) FROM public.get_available_slots(:'s1', :'v1', '2031-03-05');
\c - :superuser
SET ROLE ac_owner;
CREATE TABLE public.child () INHERITS (public.bookings);
\c - ac_anon
SET search_path = evil, pg_catalog, public;
SELECT pg_catalog.count(*) FROM public.get_available_slots(:'s1', :'v1', '2031-03-05');
\c - :superuser
SET client_min_messages = warning;
DROP TABLE public.child;
DROP INDEX innocent;
-- the superuser, tricked into the same path, books, attaches, looks and detaches
SET search_path = evil, pg_catalog, public;
INSERT INTO public.bookings (stylist_user_id, service_id, start_time, end_time) VALUES (:'s1', :'v1', '2031-03-05 02:45Z', '2031-03-05 03:15Z');
UPDATE public.bookings SET status = 'cancelled' WHERE stylist_user_id OPERATOR(pg_catalog.=) :'s2';
SELECT pg_catalog.count(*) FROM public.get_available_slots(:'s1', :'v1', '2031-03-05');
SELECT pg_catalog.count(*) FROM availability_cache.sources;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS stats FROM availability_cache.stats;
UPDATE availability_cache.rules SET slot_step = '20 minutes';
ALTER TABLE public.services ADD extra int;
SELECT pg_catalog.count(*) FROM availability_cache.attach();
SELECT pg_catalog.count(*) FROM public.get_available_slots(:'s1', :'v1', '2031-03-05');
SELECT pg_catalog.count(*) FROM availability_cache.attach('bookings', 'public.bookings');
DROP TABLE public.truth;
SELECT pg_catalog.count(*) FROM availability_cache.detach();
\c :home :superuser
DROP DATABASE ac_privileges;
DROP ROLE ac_owner, ac_anon, ac_watcher;
