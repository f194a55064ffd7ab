-- Figures and events: what is counted by tier, function, code and table, percentiles, and who may look. Shown
-- to fail with: ages taken from the entry's end; the histogram's bucket off by one; partitions counted apart;
-- events not counted together; grants to PUBLIC.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT * FROM no_plan();

CREATE FUNCTION of(what text, source text DEFAULT 'slots') RETURNS text LANGUAGE sql AS $$
SELECT to_jsonb(a) ->> what FROM availability_cache.activity a WHERE a.source = of.source $$;
CREATE FUNCTION summary(what text) RETURNS text LANGUAGE sql AS $$
SELECT to_jsonb(s) ->> what FROM availability_cache.summary s WHERE datname = current_database() $$;

-- percentiles
SELECT is(availability_cache_internal.percentile('{0,0}', 0.5, 1), NULL, 'of nothing there is none');
SELECT is(availability_cache_internal.percentile('{4,0,0}', 0.5, 1), 1::float8, 'the first bucket is from 0 to 2');
SELECT is(availability_cache_internal.percentile('{0,0,10}', 0.5, 10), 60::float8, 'the third from 4 to 8, in units of 10');
SELECT is(availability_cache_internal.percentile('{90,0,0,10}', 0.95, 1), 12::float8, 'where the slow tenth is');
SELECT is(availability_cache_internal.percentile('{90,0,0,10}', 0.9, 1), 2::float8, 'up to the end of the fast ones');

-- the slots
SELECT availability_cache.reset_stats() \g /dev/null
SELECT is(of('memory_hits') || of('computed') || coalesce(of('hit_ratio'), '-') || coalesce(of('compute_ms_50'), '-'), '00--', 'nothing yet');
SELECT clock_timestamp() AS began \gset
SELECT v2() \g /dev/null
SELECT v2(), v2(), v2() \g /dev/null
SELECT extract(epoch FROM clock_timestamp() - :'began') AS took \gset
SELECT is(concat_ws(' ', of('memory_hits'), of('table_hits'), of('computed'), of('hit_ratio')), '3 0 1 0.75', 'three hits of four calls');
SELECT cmp_ok(of('compute_ms_50')::float8, '>', 0::float8, 'how long it took');
-- A percentile lies somewhere in its bucket, whose end is at most twice the value, or the first one's.
SELECT cmp_ok(of('compute_ms_99')::float8, '<=', 2000 * :'took'::float8, 'not longer than the calls took');
SELECT cmp_ok(of('hit_age_s_99')::float8, '<=', greatest(0.2, 2 * :'took'::float8), 'nor were they older when they hit');
SELECT pg_sleep(1.7) \g /dev/null
SELECT v2(), v2(), v2(), v2(), v2() FROM generate_series(1, 20) \g /dev/null
SELECT extract(epoch FROM clock_timestamp() - :'began') AS took \gset
SELECT cmp_ok(of('hit_age_s_50')::float8, '>=', 1.6::float8, 'after 1.7 s they are old: in the bucket from 1.6 to 3.2 s');
SELECT cmp_ok(of('hit_age_s_50')::float8, '<=', 2 * :'took'::float8, 'and not older');
SELECT is(concat_ws(' ', summary('memory_hits'), summary('computed'), round(summary('hit_ratio')::numeric, 3)), '103 1 0.990', 'the database has the same');

-- errors
SELECT v2(99), v2(99), v2(zone => 'Mars'), v2(day => NULL) \g /dev/null
SELECT is((SELECT string_agg(code || ' ' || count, ', ' ORDER BY code) FROM availability_cache.errors WHERE datname = current_database() AND count > 0),
    'INVALID_ARGUMENT 1, INVALID_TIMEZONE 1, STYLIST_NOT_FOUND 2', 'errors by code');
SELECT is(of('errors') || ' ' || summary('errors'), '4 4', 'and all of them');
SELECT cmp_ok(summary('errors_per_minute')::int, '>=', 2, 'in this minute or the last');
ALTER TABLE bookings RENAME COLUMN start_time TO begins;
SELECT v2(1, '2031-03-20'), v2(1, '2031-03-21') \g /dev/null
ALTER TABLE bookings RENAME COLUMN begins TO start_time;
SELECT is((SELECT string_agg(concat_ws(' ', kind, key, detail, count, duration_ms > 0), ', ') FROM availability_cache.events WHERE kind = 'error' AND datname = current_database()),
    'error 55000 get_available_slots_v2 2 t', 'an error of ours is an event with its SQLSTATE, twice within a minute one with two');

-- a function
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
CREATE FUNCTION slow(x int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN IF x < 0 THEN RAISE ''no''; END IF; PERFORM count(*) FROM generate_series(1, 400000); RETURN (SELECT v FROM t WHERE id = x); END';
SELECT count(*) FROM availability_cache.memoize('slow(int)') \g /dev/null
SELECT clock_timestamp() AS began \gset
SELECT slow(1) \g /dev/null
SELECT slow(1) \g /dev/null
SELECT slow(1) \g /dev/null
SELECT extract(epoch FROM clock_timestamp() - :'began') AS took \gset
SELECT throws_ok('SELECT slow(-1)', 'P0001');
SELECT is(concat_ws(' ', of('memory_hits', 'slow(integer)'), of('errors', 'slow(integer)')), '2 1', 'a function has a row of its own');
SELECT cmp_ok(of('compute_ms_50', 'slow(integer)')::float8, '>', of('compute_ms_50')::float8, 'its computations take longer than a day''s');
SELECT cmp_ok(summary('compute_ms_99')::float8, '>', of('compute_ms_50')::float8, 'and are in the database''s');
SELECT cmp_ok(of('hit_age_s_50', 'slow(integer)')::float8, '<=', greatest(0.2, 2 * :'took'::float8), 'its hits'' age');

-- changes by table, partitions with theirs
CREATE TABLE parts (id int, k int) PARTITION BY LIST (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE FUNCTION of_parts(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM parts WHERE id = x';
SELECT count(*) FROM availability_cache.memoize('of_parts(int)') \g /dev/null
CREATE FUNCTION changes(r regclass) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', changes, this_hour, hours[1] + hours[2], array_length(hours, 1)) FROM availability_cache.changes WHERE relation = r $$;
INSERT INTO parts VALUES (1, 1);
INSERT INTO parts VALUES (1, 2), (2, 2);
SELECT is(changes('parts'), '2 2 2 24', 'two transactions, by the partitioned table');
BEGIN;
INSERT INTO parts VALUES (5, 1);
ROLLBACK;
SELECT is(changes('parts'), '2 2 2 24', 'one that is rolled back does not count');
SELECT coalesce(max(changes), 0) AS before FROM availability_cache.changes WHERE relation = 'bookings'::regclass \gset
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT stylist(1), service(1), '2031-05-01 00:00Z', '2031-05-01 00:05Z' FROM generate_series(1, 50);
SELECT is((SELECT changes FROM availability_cache.changes WHERE relation = 'bookings'::regclass) - :before, 1::bigint, 'fifty bookings at once are one change');
TRUNCATE booking_reservations;
SELECT is((SELECT concat_ws(' ', key::int::oid::regclass, count) FROM availability_cache.events WHERE kind = 'everything outdated' AND datname = current_database() ORDER BY number DESC LIMIT 1),
    'booking_reservations 1', 'TRUNCATE outdates everything: an event that names the table');

-- who may look
CREATE ROLE ac_reader IN ROLE pg_read_all_stats;
CREATE ROLE ac_monitor IN ROLE pg_monitor;
CREATE ROLE ac_nobody;
CREATE FUNCTION may_look(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen text := '';
    v text;
BEGIN
    FOREACH v IN ARRAY '{stats,entries,activity,summary,errors,changes,events}'::text[] LOOP
        BEGIN
            EXECUTE format('SET LOCAL ROLE %I', who);
            EXECUTE format('SELECT count(*) FROM availability_cache.%I', v);
            seen := concat_ws(' ', nullif(seen, ''), v);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
        RESET ROLE;
    END LOOP;
    RETURN seen;
END
$$;
SELECT is(may_look('ac_reader'), 'stats entries activity summary errors changes events', 'pg_read_all_stats may look at all');
SELECT is(may_look('ac_monitor'), 'stats entries activity summary errors changes events', 'pg_monitor too');
SELECT is(may_look('ac_nobody'), '', 'nobody else');
GRANT SELECT ON availability_cache.events TO ac_nobody;
GRANT EXECUTE ON FUNCTION availability_cache_internal.events() TO ac_nobody;
SET ROLE ac_nobody;
SELECT count(*) AS others FROM availability_cache.events WHERE datname IS DISTINCT FROM current_database() \gset
SELECT count(*) > 0 AS own FROM availability_cache.events \gset
RESET ROLE;
SELECT is(:others::int, 0, 'who is granted the view sees nothing of another database');
SELECT is(:'own'::text, 't', 'but its own');

SELECT availability_cache.reset_stats() \g /dev/null
SELECT is(concat_ws(' ', of('memory_hits', 'slow(integer)'), of('computed', 'slow(integer)'), coalesce(of('compute_ms_50', 'slow(integer)'), '-'), summary('errors')), '0 0 - 0', 'reset_stats() of functions too');
DROP OWNED BY ac_nobody;
DROP ROLE ac_reader, ac_monitor, ac_nobody;
SELECT * FROM finish();
