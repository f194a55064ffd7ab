-- Bounded memory (G8): unknown ids, far dates, made-up zones and errors leave nothing behind; more days than
-- memory holds push out those that nobody asks for, not those that people use. Fails when day.c:
-- worth_keeping or the error paths keep too much, when eviction.c drops what was visited, or when the
-- accounts of entries and bytes go wrong.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(23);
CREATE FUNCTION hot() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FILTER (WHERE v2(s, date '2031-03-03' + d) ->> 'cached' = 'true') FROM generate_series(1, 3) s, generate_series(0, 19) d $$;
CREATE VIEW room AS SELECT entries, bytes, stores, evictions FROM availability_cache.stats WHERE datname = current_database();
SELECT hot(), hot() \g /dev/null
SELECT is(hot(), 60::bigint, '60 days that people ask for');
SELECT room::text AS before FROM room \gset
SELECT cmp_ok(max(bytes), '<=', 256, 'a day of 24 slots takes 256 bytes in all') FROM availability_cache.entries WHERE datname = current_database();

SELECT count(DISTINCT get_available_slots_v2(gen_random_uuid(), gen_random_uuid(), '2031-03-07') ->> 'code') FROM generate_series(1, 1000) \g /dev/null
SELECT is((SELECT room::text FROM room), :'before'::text, 'a flood of unknown stylists');
SELECT string_agg(DISTINCT get_available_slots_v2(stylist(1), gen_random_uuid(), '2031-03-07') ->> 'code', ' ') AS codes FROM generate_series(1, 1000) \gset
SELECT is(:'codes'::text, 'SERVICE_NOT_OFFERED', 'a flood of unknown services');
SELECT is((SELECT room::text FROM room), :'before'::text, 'leaves nothing');
SELECT count(*) FILTER (WHERE v2(1, d::date) ->> 'success' = 'true') AS n FROM generate_series(date '9000-01-01', date '9001-12-31', '1 day') d \gset
SELECT is(:n, 730, 'a flood of far dates is answered');
SELECT count(*) FILTER (WHERE v2(1, d::date) ->> 'success' = 'true') AS n FROM generate_series(date '1999-01-01', date '2000-12-31', '1 day') d \gset
SELECT is(:n, 731, 'of past ones too');
SELECT is((SELECT room::text FROM room), :'before'::text, 'and leaves nothing');
SELECT string_agg(DISTINCT coalesce(v2(1, '2031-03-07', 1, z) ->> 'code', z), ' ') AS codes
  FROM (SELECT format(f, translate(n::text, '0123456789', 'abcdefghij'), n % 24) AS z FROM generate_series(1, 300) n, unnest('{%sxx%s,<%s>%s,%sxx%sSUMMER,Asia/%s%s,%s/%s,posixrules%s%s,../%s%s,%s %s}'::text[]) f) x \gset
SELECT is(:'codes'::text, 'INVALID_TIMEZONE', 'a flood of zones that are made up');
SELECT is((SELECT room::text FROM room), :'before'::text, 'leaves nothing');
SELECT count(v2(1, '2031-03-07', 1, z)) AS n
  FROM unnest('{Asia/Kathmandu,asia/kathmandu,ASIA/KATHMANDU,aSIA/kATHMANDU,Asia/kathmandu}'::text[]) z \gset
SELECT is((SELECT stores FROM room) - (:'before'::room).stores, 1::bigint, 'a zone in five spellings is one');
SELECT is(hot(), 60::bigint, 'the 60 are still there');
SELECT v2(day => NULL), v2(zone => repeat('x', 10240)), v2(day => 'infinity') FROM generate_series(1, 100) \g /dev/null
SELECT is((SELECT entries FROM room), 61::bigint, 'errors: nothing');

-- Answers that are as large as they get, 14 kB, so that memory fills in a moment; every 250 of them the 60
-- are asked for.
INSERT INTO services (id, name, duration_minutes) VALUES (id('slots'), 'many slots', 1);
INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (stylist(1), id('slots'));
UPDATE services SET duration_minutes = 190 WHERE id = service(1);
UPDATE stylist_services SET custom_duration_minutes = NULL;
TRUNCATE stylist_schedules;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time) SELECT stylist(s), d, '08:00', '11:15' FROM generate_series(1, 3) s, generate_series(0, 6) d;
UPDATE availability_cache.rules SET slot_step = '1 minute', display_format = 'HH24:MI ' || repeat('xyz/', 14);
CREATE FUNCTION flood(times int, OUT large bigint, OUT hits bigint) LANGUAGE plpgsql AS $$
BEGIN
    large := 0;
    hits := 0;
    PERFORM hot();
    FOR i IN 0 .. times - 1 LOOP
        -- 1,500 days, then the same for another zone
        large := large + (SELECT count(get_available_slots_v2(stylist(1), id('slots'), date '2031-03-03' + n % 1500, (ARRAY[NULL, 'UTC', 'Asia/Tokyo', 'Asia/Dubai', 'Asia/Dhaka'])[1 + n / 1500]))
                            FROM generate_series(i * 250, i * 250 + 249) n);
        hits := hits + hot();
    END LOOP;
END
$$;
SELECT large, hits FROM flood(8) \gset
SELECT cmp_ok((SELECT avg(bytes) FROM availability_cache.entries WHERE bytes > 10000), '>', 12000::numeric, 'answers of more than 12 kB');
SELECT is(:hits, 8 * 60, 'while there is room nothing goes');
SELECT is((SELECT evictions FROM room), 0::bigint, 'by no means');
SELECT large, hits FROM flood(30) \gset
SELECT cmp_ok((SELECT evictions FROM room), '>', 1000::bigint, 'more than memory holds: others go');
SELECT is(:hits, 30 * 60, 'what people ask for stays');
SELECT cmp_ok((SELECT bytes FROM room), '<', pg_size_bytes(current_setting('availability_cache.shared_memory_size')), 'within the memory that was set');
SELECT is(sum(bytes)::bigint || ' ' || count(*), (SELECT bytes || ' ' || entries FROM room), 'and the accounts are right') FROM availability_cache.entries WHERE datname = current_database();
SELECT entries, availability_cache.flush() AS flushed FROM room \gset
SELECT is(:flushed::bigint || ' ' || (SELECT entries || ' ' || bytes FROM room), :entries || ' 0 0', 'flush() drops all of them');
SELECT hot(), hot() \g /dev/null
SELECT is(hot(), 60::bigint, 'and there is room again');

-- a session's own memory: neither hits nor misses, errors or new mappings leave anything there
UPDATE availability_cache.rules SET slot_step = '30 minutes', display_format = 'HH24:MI';
CREATE FUNCTION exercise() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count(v2(s, date '2031-03-03' + d)), count(v1(s, date '2031-03-03' + d)) FROM generate_series(1, 3) s, generate_series(0, 199) d;
    PERFORM hot() FROM generate_series(1, 20);
    PERFORM count(v2(99)), count(v2(zone => 'Mars/' || n)), count(v2(day => NULL)) FROM generate_series(1, 300) n;
    PERFORM availability_cache.flush();
END
$$;
CREATE PROCEDURE new_mappings() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 50 LOOP
        ALTER TABLE bookings ALTER note SET DEFAULT 'x';
        COMMIT;
        PERFORM v2();
        UPDATE availability_cache.rules SET non_blocking_statuses = ARRAY['cancelled', 'status ' || i];
        COMMIT;
        PERFORM v2();
        ALTER TABLE services RENAME duration_minutes TO minutes;
        COMMIT;
        PERFORM v2();
        ALTER TABLE services RENAME minutes TO duration_minutes;
        COMMIT;
    END LOOP;
END
$$;
CREATE VIEW memory AS SELECT sum(total_bytes)::bigint AS bytes FROM pg_backend_memory_contexts WHERE name !~ 'Relation|CatalogCache|relcache|index info|Type information|Operator|TypeCache|hash table';
SELECT exercise() FROM generate_series(1, 2) \g /dev/null
CALL new_mappings();
SELECT bytes AS before FROM memory \gset
SELECT exercise() FROM generate_series(1, 3) \g /dev/null
CALL new_mappings();
SELECT bytes AS after FROM memory \gset
SELECT cmp_ok(:after - :before, '<', 100000, 'the session''s memory stays what it was');
SELECT * FROM finish();
