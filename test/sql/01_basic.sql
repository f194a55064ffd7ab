-- From CREATE EXTENSION to a hit, as docs/usage.md has it. Fails when a name, a type, a key or the order of
-- slots of the public interface changes, when v1 and v2 differ, or when a second call is not a hit.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\getenv salon AC_SALON
CREATE EXTENSION availability_cache;
SELECT extversion, extrelocatable, extnamespace::regnamespace FROM pg_extension WHERE extname = 'availability_cache';

-- the two RPCs, to the letter: PostgREST finds them by the arguments' names
SELECT oid::regprocedure, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result, provolatile, proparallel
  FROM pg_proc WHERE proname LIKE 'get\_available\_slots%' ORDER BY 1;

\set ECHO none
\set start 2031-03-03
\o /dev/null
\i :salon
\o
\set ECHO all
-- as a hold of an answer that does not change while this runs
UPDATE booking_reservations SET expires_at = NULL;

SELECT * FROM availability_cache.attach();
SELECT role, relation, triggers, missing_indexes FROM availability_cache.sources ORDER BY role;
SELECT tgrelid::regclass, tgname, tgenabled, tgtype FROM pg_trigger
 WHERE tgfoid = 'private.invalidate_availability_cache()'::regprocedure ORDER BY tgname;
UPDATE availability_cache.rules SET max_advance = '3660 days';

\set stylist '''' `printf 'stylist 1' | md5sum | cut -c1-32` '''::uuid'
\set service '''' `printf 'service 1' | md5sum | cut -c1-32` '''::uuid'

-- a day: booked ones, a break, one held; in order of start
SELECT * FROM get_available_slots(:stylist, :service, '2031-03-05', 'Asia/Kathmandu');
SELECT status, count(*) FROM stylist_profiles, generate_series(date '2031-03-03', date '2031-04-01', '1 day') d,
       get_available_slots(user_id, :service, d::date) GROUP BY 1 ORDER BY 1;
-- a set-returning function wherever one can stand
SELECT slot_display, ordinality FROM get_available_slots(:stylist, :service, '2031-03-05') WITH ORDINALITY LIMIT 2 OFFSET 22;
SELECT (get_available_slots(:stylist, :service, d::date)).slot_display FROM unnest('{2031-03-04,2031-03-05}'::date[]) d LIMIT 1;
SELECT count(*) FROM (SELECT get_available_slots(:stylist, :service, '2031-03-05')) s;
-- in the past of now: unavailable
SELECT DISTINCT status FROM get_available_slots(:stylist, :service, '2025-03-05');
-- a day off and a closed one are empty, not errors
SELECT count(*) FROM get_available_slots(:stylist, :service, '2031-03-04');
SELECT get_available_slots_v2(:stylist, :service, '2031-03-04') - 'computed_at' AS day_off;
SELECT count(*) FROM get_available_slots(:stylist, :service, date '2031-03-03' + 20);

-- the answer of v2: keys and types, here and in a slot
SELECT k, jsonb_typeof(j -> k) FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j, jsonb_object_keys(j) k;
SELECT k, jsonb_typeof(j #> ARRAY['slots', '0', k]) FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j, jsonb_object_keys(j #> '{slots,0}') k;
SELECT jsonb_pretty(j #> '{slots,0}') AS slot, j ->> 'computed_at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$' AS computed_at
  FROM get_available_slots_v2(:stylist, :service, '2031-03-05', 'America/New_York') j;
-- by name, as PostgREST calls; without a zone the rules' is meant
SELECT get_available_slots_v2(p_service_id => :service, p_stylist_id => :stylist, p_target_date => '2031-03-05') #> '{slots,0}'
     = get_available_slots_v2(:stylist, :service, '2031-03-05', 'Asia/Kathmandu') #> '{slots,0}' AS same;

-- v1 and v2 over every stylist and service, a week and three zones: computed, then from memory
CREATE FUNCTION v1_as_jsonb(uuid, uuid, date, text) RETURNS jsonb LANGUAGE sql AS $$
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'slot_start_utc', to_char(slot_start_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
           'slot_end_utc', to_char(slot_end_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
           'slot_start_local', to_char(slot_start_local, 'YYYY-MM-DD"T"HH24:MI:SS'),
           'slot_end_local', to_char(slot_end_local, 'YYYY-MM-DD"T"HH24:MI:SS'),
           'slot_display', slot_display, 'status', status, 'price_cents', price_cents) ORDER BY slot_start_utc), '[]')
  FROM get_available_slots($1, $2, $3, $4) $$;
CREATE VIEW both_ways AS
SELECT count(*) AS days, count(*) FILTER (WHERE v2 ->> 'success' = 'true') AS successes,
       count(*) FILTER (WHERE v2 ->> 'cached' = 'true') AS hits, sum(jsonb_array_length(v2 -> 'slots')) AS slots,
       count(*) FILTER (WHERE v1_as_jsonb(stylist_user_id, service_id, d, z) IS DISTINCT FROM v2 -> 'slots') AS differences
  FROM (SELECT *, get_available_slots_v2(stylist_user_id, service_id, d, z) AS v2
          FROM stylist_services, CAST('2031-03-03' AS date) AS first, generate_series(0, 6) n, CAST(first + n AS date) AS d,
               unnest(ARRAY[NULL, 'Australia/Lord_Howe', 'America/St_Johns']) AS z OFFSET 0) x;
SELECT availability_cache.flush() > 0 AS flushed;
SELECT * FROM both_ways;
SELECT * FROM both_ways;

-- miss, hit; a booking; miss, hit
SELECT availability_cache.flush() > 1000 AS flushed;
SELECT availability_cache.reset_stats();
SELECT j AS first, j ->> 'cached' AS cached, j ->> 'cache_hit' AS cache_hit FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j \gset
\echo :cached :cache_hit
SELECT j AS again, j ->> 'cached' AS cached, j ->> 'cache_hit' AS cache_hit FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j \gset
\echo :cached :cache_hit
-- the moment of computing too is the first one's
SELECT :'again'::jsonb - 'cached' - 'cache_hit' = :'first'::jsonb - 'cached' - 'cache_hit' AS same;
SELECT slot_start_utc AS free FROM get_available_slots(:stylist, :service, '2031-03-05') WHERE status = 'available' LIMIT 1 \gset
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (:stylist, :service, :'free', timestamptz :'free' + interval '30 minutes');
SELECT j ->> 'cached' AS cached, s ->> 'status' AS status FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j,
       jsonb_array_elements(j -> 'slots') s WHERE (s ->> 'slot_start_utc')::timestamptz = :'free';
SELECT j ->> 'cached' AS cached, s ->> 'status' AS status FROM get_available_slots_v2(:stylist, :service, '2031-03-05') j,
       jsonb_array_elements(j -> 'slots') s WHERE (s ->> 'slot_start_utc')::timestamptz = :'free';
SELECT hits, misses, bypasses, stores, invalidations, entries, miss_absent, miss_outdated FROM availability_cache.stats WHERE datname = current_database();
SELECT stylist_user_id = :stylist AND service_id = :service AS mine, cache_date, timezone, is_valid, visited, expires_at > computed_at AS lives
  FROM availability_cache.entries WHERE datname = current_database();

DROP VIEW both_ways;
SELECT availability_cache.detach();
DROP EXTENSION availability_cache;
SELECT count(*) AS left_behind FROM pg_trigger WHERE tgname LIKE 'trigger_invalidate_cache%';
