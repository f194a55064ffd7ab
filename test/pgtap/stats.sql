-- What the statistics say: each call is counted once and for one reason, and hits + misses + bypasses are the
-- calls that were answered with slots or looked for them. Fails when a counter is missed, counted twice, or
-- under another name.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(52);
-- What of the counters differs from what mark() has seen, as {"name": difference}. Both say nothing to the
-- counters.
CREATE FUNCTION counters() RETURNS jsonb LANGUAGE sql AS $$
SELECT to_jsonb(s) - 'datid' - 'datname' - 'stats_reset' - 'bytes' - 'cells_pending' FROM availability_cache.stats s WHERE datname = current_database() $$;
CREATE FUNCTION mark() RETURNS void LANGUAGE sql AS $$ SELECT set_config('ac.mark', counters()::text, false) $$;
CREATE FUNCTION since() RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(concat_ws(' ', n.key, CASE WHEN n.value::bigint - m.value::bigint <> 1 THEN n.value::bigint - m.value::bigint END), ', ' ORDER BY n.key), 'nothing')
  FROM jsonb_each_text(counters()) n JOIN jsonb_each_text(current_setting('ac.mark')::jsonb) m USING (key) WHERE n.value <> m.value $$;
SELECT v2(1, '2031-03-10') \g /dev/null

SELECT mark() \g /dev/null
SELECT v2() \g /dev/null
SELECT is(since(), 'entries, miss_absent, misses, stores', 'a first call');
SELECT mark() \g /dev/null
SELECT v2() \g /dev/null
SELECT is(since(), 'hits', 'a hit');
SELECT mark() \g /dev/null
SELECT v1() \g /dev/null
SELECT is(since(), 'nothing', 'v1');
SELECT mark() \g /dev/null
SELECT v2(zone => 'UTC'), v2(zone => 'UTC'), v2(zone => 'America/New_York') \g /dev/null
SELECT is(since(), 'entries 2, hits, miss_absent 2, misses 2, stores 2', 'three in one statement');

SELECT mark() \g /dev/null
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
SELECT is(since(), 'invalidations', 'a booking: the stylist''s day');
SELECT mark() \g /dev/null
SELECT v2() \g /dev/null
SELECT is(since(), 'miss_outdated, misses, stores', 'an outdated entry is replaced by another');
SELECT mark() \g /dev/null
UPDATE bookings SET start_time = start_time + interval '1 day', end_time = end_time + interval '1 day', stylist_user_id = stylist(2) WHERE start_time = '2031-03-07 09:45Z';
SELECT is(since(), 'invalidations 2', 'moved: from where and to where');
SELECT mark() \g /dev/null
UPDATE bookings SET note = 'x';
SELECT is(since(), 'nothing', 'notes');
SELECT mark() \g /dev/null
BEGIN;
DELETE FROM bookings WHERE start_time = '2031-03-08 09:45Z';
ROLLBACK;
SELECT is(since(), 'nothing', 'rolled back');
SELECT mark() \g /dev/null
UPDATE services SET price_cents = price_cents + 1;
SELECT is(since(), 'invalidations 3', 'three services');
SELECT mark() \g /dev/null
UPDATE availability_cache.rules SET slot_step = '20 minutes';
SELECT is(since(), 'invalidations', 'the rules: the database');
SELECT mark() \g /dev/null
UPDATE availability_cache.rules SET slot_step = slot_step;
SELECT is(since(), 'nothing', 'as they were');
UPDATE availability_cache.rules SET slot_step = '30 minutes';
SELECT mark() \g /dev/null
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT stylist(1), service(1), '2031-05-01 00:00Z', '2031-05-01 00:05Z' FROM generate_series(1, 1000);
SELECT is(since(), 'invalidations', 'a thousand bookings on one day');
SELECT mark() \g /dev/null
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-05-01 00:00Z', '2031-05-11 00:00Z');
SELECT is(since(), 'invalidations 11', 'ten days, and that it is more than one');

SELECT v2() \g /dev/null
SET availability_cache.ttl = 1;
SET availability_cache.ttl_jitter = 0;
SELECT v2(3, '2031-03-10'), pg_sleep(1.05) \g /dev/null
SELECT mark() \g /dev/null
SELECT v2(3, '2031-03-10') \g /dev/null
SELECT is(since(), 'miss_expired, misses, stores', 'an expired one');
RESET availability_cache.ttl;

SELECT mark() \g /dev/null
SET availability_cache.enabled = off;
SELECT v2() \g /dev/null
RESET availability_cache.enabled;
SELECT is(since(), 'bypass_disabled, bypasses', 'switched off');
SELECT mark() \g /dev/null
BEGIN;
SELECT pg_current_xact_id() \g /dev/null
SELECT v2(), v2(1, '2031-03-20') \g /dev/null
COMMIT;
SELECT is(since(), 'bypass_own_writes, bypasses, hits', 'with a xid that comes from nothing that shows: a hit, and one that is not there and not kept');
SELECT mark() \g /dev/null
BEGIN;
UPDATE services SET price_cents = price_cents WHERE id = service(3);
SELECT v2(), v2(1, '2031-03-20') \g /dev/null
ROLLBACK;
SELECT is(since(), 'bypass_own_writes 2, bypasses 2', 'after a write to an attached table');
SELECT mark() \g /dev/null
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT v2(), v2(1, '2031-03-20') \g /dev/null
COMMIT;
SELECT is(since(), 'bypass_isolation 2, bypasses 2', 'SERIALIZABLE');
SELECT v2() \g /dev/null
SELECT mark() \g /dev/null
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT v2() \g /dev/null
SELECT is(since(), 'hits', 'REPEATABLE READ, with an entry that its snapshot covers') AS a \gset
ROLLBACK;
SELECT :'a';
SELECT mark() \g /dev/null
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT v2(1, '2031-03-21') \g /dev/null
COMMIT;
SELECT is(since(), 'bypass_isolation, bypasses', 'REPEATABLE READ, without an entry');
SELECT v2() \g /dev/null
SELECT mark() \g /dev/null
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT v2() \g /dev/null
SELECT is(since(), 'bypass_triggers, bypasses', 'a trigger disabled');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
SELECT v2() \g /dev/null

-- prepared: pending until it is resolved, also with another session's COMMIT PREPARED (test/specs)
SELECT mark() \g /dev/null
BEGIN;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
PREPARE TRANSACTION 'ac_stats';
SELECT is(since(), 'invalidations', 'prepared');
SELECT is((SELECT cells_pending FROM availability_cache.stats WHERE datname = current_database()), 1, 'a cell is pending');
SELECT mark() \g /dev/null
SELECT v2(), v2(), v2(2), v2(2) \g /dev/null
SELECT is(since(), 'bypass_pending 2, bypasses 2, entries, hits, miss_absent, misses, stores', 'what depends on it is computed, other things are not');
SELECT is(status(v2(), '09:45'), 'available', 'and as it was');
SELECT mark() \g /dev/null
COMMIT PREPARED 'ac_stats';
SELECT v2(), v2() \g /dev/null
SELECT is(since(), 'hits, miss_outdated, misses, stores', 'committed: one more computation');
SELECT is(status(v2(), '09:45'), 'booked', 'and booked');
SELECT is((SELECT cells_pending FROM availability_cache.stats WHERE datname = current_database()), 0, 'no cell is pending');
BEGIN;
DELETE FROM bookings WHERE start_time = '2031-03-07 09:45Z';
PREPARE TRANSACTION 'ac_stats';
ROLLBACK PREPARED 'ac_stats';
SELECT is((SELECT cells_pending FROM availability_cache.stats WHERE datname = current_database()), 0, 'rolled back: none either, asked or not');
SELECT mark() \g /dev/null
SELECT v2(), v2() \g /dev/null
SELECT is(since(), 'hits, miss_outdated, misses, stores', 'one computation');
BEGIN;
SELECT availability_cache.invalidate(stylist(1), '2031-03-06', '2031-03-10') \g /dev/null
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT stylist(1), service(1), d, d + interval '5 minutes' FROM generate_series(timestamptz '2032-01-01Z', '2032-09-01Z', '1 day') d;
PREPARE TRANSACTION 'ac_stats';
SELECT is(v2(2) ->> 'cached' || ' ' || (v2(2) ->> 'cached'), 'false false', 'more cells than a place has: the whole database is pending');
COMMIT PREPARED 'ac_stats';
SELECT is((SELECT cells_pending FROM availability_cache.stats WHERE datname = current_database()), 0, 'until it is committed');

-- errors
SELECT v2(2) \g /dev/null
SELECT mark() \g /dev/null
SELECT v2(99), v2(99), v2(zone => 'Mars'), v2(day => NULL) \g /dev/null
SELECT is(since(), 'errors 4, miss_absent 2, misses 2, store_skips 2', 'errors: those that were looked up are misses, none is kept');
SELECT mark() \g /dev/null
BEGIN;
SELECT pg_current_xact_id() \g /dev/null
SELECT v2(99) \g /dev/null
COMMIT;
SELECT is(since(), 'bypass_own_writes, bypasses, errors', 'after a write');
-- what is not worth keeping
SELECT mark() \g /dev/null
SELECT v2(1, '2020-01-01'), v2(1, '9000-01-01') \g /dev/null
SELECT is(since(), 'miss_absent 2, misses 2, store_skips 2', 'days that are over or beyond the horizon');
SELECT mark() \g /dev/null
UPDATE stylist_schedules SET start_time = '00:00', end_time = '00:00' WHERE stylist_user_id = stylist(3);
UPDATE services SET duration_minutes = 1 WHERE id = service(1);
UPDATE availability_cache.rules SET slot_step = '1 minute', display_format = rpad('HH24:MI', 64, '"x"');
SET availability_cache.max_answer_size = '16kB';
SELECT v2(3, '2031-03-10') ->> 'success', v2(3, '2031-03-10') \g /dev/null
SELECT is(since(), 'invalidations 3, miss_outdated 2, misses 2, store_skips 2', 'an answer too large');
SELECT mark() \g /dev/null
RESET availability_cache.max_answer_size;
SELECT is(v2(3, '2031-03-10') -> 'slots', v2(3, '2031-03-10') -> 'slots', 'the same by the default setting, from memory');
-- Other files may have filled the memory.
SELECT is(regexp_replace(since(), '^evictions \d+, ', ''), 'hits, miss_outdated, misses, stores', 'is kept');
UPDATE availability_cache.rules SET slot_step = '30 minutes', display_format = 'HH24:MI';

-- the sum, over a mixture of everything
SELECT mark() \g /dev/null
SELECT count(v2(n % 5, date '2031-03-03' + n % 11, 1 + n % 4)) AS calls FROM generate_series(1, 500) n \gset
SELECT is((counters() ->> 'hits')::bigint + (counters() ->> 'misses')::bigint + (counters() ->> 'bypasses')::bigint
        - (SELECT sum((current_setting('ac.mark')::jsonb ->> k)::bigint)::bigint FROM unnest('{hits,misses,bypasses}'::text[]) k), :calls::bigint, 'hits + misses + bypasses = calls');
SELECT is((counters() ->> 'misses')::bigint, (SELECT sum((counters() ->> k)::bigint)::bigint FROM unnest('{miss_absent,miss_outdated,miss_expired}'::text[]) k), 'misses are the sum of miss_…');
SELECT is((counters() ->> 'bypasses')::bigint, (SELECT sum(value::bigint)::bigint FROM jsonb_each_text(counters()) WHERE key LIKE 'bypass\_%'), 'bypasses are the sum of bypass_…');
SELECT is((counters() ->> 'misses')::bigint, (counters() ->> 'stores')::bigint + (counters() ->> 'store_skips')::bigint, 'a miss is stored or skipped');

-- entries as they are
SELECT availability_cache.flush() \g /dev/null
SELECT v2(), v2(), v2(zone => 'asia/tokyo'), v2(2) \g /dev/null
SELECT results_eq($$SELECT stylist_user_id, service_id, cache_date, timezone, is_valid, visited FROM availability_cache.entries WHERE datname = current_database() ORDER BY stylist_user_id = stylist(2), timezone NULLS FIRST$$,
    $$VALUES (stylist(1), service(1), date '2031-03-07', NULL, true, true), (stylist(1), service(1), '2031-03-07', 'Asia/Tokyo', true, false), (stylist(2), service(1), '2031-03-07', NULL, true, false)$$,
    'the view entries');
SELECT is(sum(bytes)::bigint, counter('bytes'), 'bytes') FROM availability_cache.entries WHERE datname = current_database();
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z');
SELECT is(string_agg(is_valid::text, ' ' ORDER BY stylist_user_id = stylist(2)), 'false false true', 'outdated ones show') FROM availability_cache.entries WHERE datname = current_database();
-- fails when store_keep forgets that a day was asked for before it was booked
SELECT v2() \g /dev/null
SELECT is(string_agg(visited::text, ' ' ORDER BY timezone NULLS FIRST), 'true false', 'an answer that replaces an outdated one counts as asked for')
  FROM availability_cache.entries WHERE datname = current_database() AND stylist_user_id = stylist(1);
-- a reset
SELECT stats_reset AS before FROM availability_cache.stats LIMIT 1 \gset
SELECT availability_cache.reset_stats() \g /dev/null
SELECT is((SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_each_text(counters()) WHERE value <> '0'), 'entries', 'reset_stats(): counters are zero, entries are still there');
SELECT cmp_ok((SELECT stats_reset FROM availability_cache.stats WHERE datname = current_database()), '>', timestamptz :'before', 'and it says when');
SELECT is((SELECT count(*) FROM availability_cache.stats WHERE datname = current_database()), 1::bigint, 'a row per database');
-- declared as in another version: an error, not memory beyond the values
CREATE FUNCTION other_stats(OUT oid, OUT bigint) RETURNS SETOF record AS '$libdir/availability_cache', 'availability_cache_stats' LANGUAGE C;
CREATE FUNCTION other_entries(OUT oid, OUT uuid, OUT uuid, OUT date, OUT text, OUT timestamptz, OUT timestamptz, OUT boolean, OUT boolean, OUT int, OUT int)
RETURNS SETOF record AS '$libdir/availability_cache', 'availability_cache_entries' LANGUAGE C;
SELECT throws_ok('SELECT * FROM other_stats()', '55000', 'the library and the SQL of availability_cache do not fit together', 'stats of another version');
SELECT throws_ok('SELECT * FROM other_entries()', '55000', 'the library and the SQL of availability_cache do not fit together', 'entries of another version');
SELECT * FROM finish();
