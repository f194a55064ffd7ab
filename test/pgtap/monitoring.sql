-- What a DBA asks the table tier, as a role that is only a member of pg_monitor, against rows that are known;
-- and the checks that go with it. Shown to fail with: no USAGE on schema private for pg_monitor; no triggers
-- on private.availability_cache (a row deleted by hand is still answered from memory).
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SET availability_cache.table_tier = inline;
SET availability_cache.ttl = '5min';
SET availability_cache.ttl_jitter = 0;
SELECT * FROM no_plan();

CREATE FUNCTION cached(stylist int, day date) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM private.availability_cache WHERE stylist_user_id = stylist(stylist) AND cache_date = day $$;
-- Asks until the answer is in the table: traces are begun in two transactions before the first that writes.
CREATE PROCEDURE keep(stylist int, day date) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 5 LOOP
        PERFORM v2(stylist, day);
        COMMIT;
        EXIT WHEN cached(stylist, day) = 1;
        PERFORM availability_cache.invalidate(stylist(stylist), day, day);
        COMMIT;
    END LOOP;
END
$$;

-- ---- delete by hand: a miss, then a hit with the same slots ----

CALL keep(1, '2031-03-07');
CALL keep(2, '2031-03-07');
SELECT v2(1) AS before \gset
DELETE FROM private.availability_cache WHERE stylist_user_id = stylist(1);
SELECT is(cached(1, '2031-03-07'), 0::bigint, 'a stylist''s rows are deleted by hand');
SELECT v2(1) AS first \gset
SELECT cached(1, '2031-03-07') AS kept \gset
SELECT v2(1) AS second, v2(2) ->> 'cache_hit' AS other \gset
SELECT is(:'before'::jsonb ->> 'cache_hit', 'true', 'before that it was a hit');
SELECT is(:'first'::jsonb ->> 'cache_hit', 'false', 'then the first call is a miss');
SELECT is(:'second'::jsonb ->> 'cache_hit', 'true', 'the second a hit');
SELECT is(:'second'::jsonb -> 'slots', :'first'::jsonb -> 'slots', 'with the same slots');
SELECT is(:'first'::jsonb -> 'slots', :'before'::jsonb -> 'slots', 'which are those of before');
SELECT cmp_ok(jsonb_array_length(:'first'::jsonb -> 'slots'), '>', 0, 'and not none');
SELECT is(:kept::bigint, 1::bigint, 'the row is there again');
SELECT is(:'other'::text, 'true', 'another stylist''s is still a hit');
SELECT is((SELECT available_slots FROM private.availability_cache WHERE stylist_user_id = stylist(1)), :'second'::jsonb -> 'slots', 'available_slots shows what is answered');

-- ---- a hit, a booking, no row, a miss that shows it ----

CALL keep(1, '2031-03-08');
SELECT status(v2(1), '09:45') AS status, v2(1) ->> 'cache_hit' AS hit \gset
SELECT is(:'hit' || ' ' || :'status', 'true available', 'a hit, the slot is free');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status) VALUES (stylist(1), service(1), '2031-03-07 09:45Z', '2031-03-07 10:15Z', 'confirmed');
SELECT is(cached(1, '2031-03-07'), 0::bigint, 'a confirmed booking: no row is left for that stylist and date');
SELECT cached(2, '2031-03-07') AS other \gset
SELECT is(:other::bigint, 1::bigint, 'that of another stylist is');
SELECT v2(1) AS first \gset
SELECT v2(1) AS second \gset
SELECT is(:'first'::jsonb ->> 'cache_hit' || ' ' || status(:'first'::jsonb, '09:45'), 'false booked', 'a miss that shows the slot as booked');
SELECT is(:'second'::jsonb ->> 'cache_hit' || ' ' || status(:'second'::jsonb, '09:45'), 'true booked', 'and a hit that does');

-- ---- the queries, against known rows ----

-- 12 rows of now: stylist 1 has 7 days, 2 has 5. Of these 3 have expired.
TRUNCATE private.availability_cache;
SELECT format('CALL keep(%s, %L)', s, date '2031-03-10' + d) FROM (VALUES (1, 6), (2, 4)) n(s, last), generate_series(0, last) d \gexec
SELECT is((SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM private.availability_cache GROUP BY stylist_user_id ORDER BY 1) r), '5 7', 'twelve rows');
UPDATE private.availability_cache SET expires_at = now() - interval '1 second' WHERE stylist_user_id = stylist(2) AND cache_date >= '2031-03-12';
-- And copies of older times, which have all expired: 4 of the day before yesterday (3 stylists), 2 of four
-- days ago (1), 3 of eight days ago.
CREATE PROCEDURE older(s int, day date, ago interval) LANGUAGE sql AS $$
INSERT INTO private.availability_cache (stylist_user_id, service_id, cache_date, available_slots, computed_at, expires_at, customer_timezone, first_day, last_day, snapshot, answer)
SELECT stylist(s), service_id, day, available_slots, date_trunc('day', now()) + interval '12 hours' - ago, date_trunc('day', now()) + interval '12 hours 5 minutes' - ago, customer_timezone, first_day, last_day, snapshot, answer
  FROM private.availability_cache WHERE stylist_user_id = stylist(1) AND cache_date = '2031-03-10' $$;
CALL older(1, '2031-04-01', '2 days'); CALL older(1, '2031-04-02', '2 days'); CALL older(2, '2031-04-01', '2 days'); CALL older(3, '2031-04-01', '2 days');
CALL older(3, '2031-04-02', '4 days'); CALL older(3, '2031-04-03', '4 days');
CALL older(1, '2031-04-03', '8 days'); CALL older(2, '2031-04-03', '8 days'); CALL older(3, '2031-04-04', '8 days');

CREATE ROLE ac_monitor LOGIN IN ROLE pg_monitor;
SET ROLE ac_monitor;
SELECT current_user AS who, pg_has_role(current_user, 'pg_monitor', 'member') AS member, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super \gset
-- (a) live rows of those computed within a day: 9 of 12
SELECT round(100.0 * sum((expires_at > now())::int) / count(*), 1) AS live_percent
  FROM private.availability_cache WHERE computed_at >= now() - interval '1 day' \gset
-- (b) how many, and how large
SELECT count(*) AS total, sum((expires_at > now())::int) AS live, sum((expires_at <= now())::int) AS expired,
       pg_size_pretty(pg_total_relation_size('private.availability_cache')) AS size, pg_total_relation_size('private.availability_cache') AS bytes
  FROM private.availability_cache \gset
-- (c) recomputations of 7 days: stylists, average and maximum, per day
SELECT string_agg(concat_ws(' ', current_date - day, stylists, average, most), ', ' ORDER BY day) AS days
  FROM (SELECT day, count(*) AS stylists, round(avg(n), 2) AS average, max(n) AS most
          FROM (SELECT date(computed_at) AS day, stylist_user_id AS stylist, count(*) AS n
                  FROM private.availability_cache WHERE computed_at >= now() - interval '7 days' GROUP BY date(computed_at), stylist_user_id) per_stylist
         GROUP BY day) per_day \gset
-- what the extension itself has to say
SELECT table_breaker AS breaker, table_stores > 0 AS stored, table_errors AS errors FROM availability_cache.stats WHERE datname = current_database() \gset
-- cleaning, which one of many saves does, may have pruned it
SELECT count(*) >= 0 AS log_rows FROM availability_cache.invalidation \gset
SELECT count(*) AS since FROM availability_cache.invalidation_since \gset
SELECT count(*) > 0 AS entries FROM availability_cache.entries \gset
RESET ROLE;
SELECT is(concat_ws(' ', :'who', :'member', :'super'), 'ac_monitor t f', 'asked by a member of pg_monitor who is nothing else');
SELECT is(:live_percent::numeric, 75.0, '(a) the share of live rows of the last day');
SELECT is(concat_ws(' ', :total, :live, :expired), '21 9 12', '(b) total, live and expired rows');
SELECT is(:'size'::text, pg_size_pretty(:bytes::bigint), '(b) the size');
SELECT cmp_ok(:bytes::bigint, '>=', 2 * 8192::bigint, '(b) is that of the table and its index');
SELECT is(:'days'::text, '4 1 2.00 2, 2 3 1.33 2, 0 2 6.00 7', '(c) stylists, average and maximum per day');
SELECT is(concat_ws(' ', :'breaker', :'stored', :errors, :'log_rows', :since, :'entries'), 'closed t 0 t 1 t', 'stats, entries and the log');

-- it can look and nothing else
SELECT is((SELECT string_agg(t, ' ') FROM unnest('{private.availability_cache,availability_cache.invalidation,availability_cache.invalidation_since}'::text[]) t
            WHERE has_table_privilege('ac_monitor', t, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')), NULL::text, 'it may change none of these tables');
SELECT is(has_function_privilege('ac_monitor', 'availability_cache.clean(bigint)', 'EXECUTE'), false, 'nor clean them');
CREATE ROLE ac_nobody;
SELECT is((SELECT string_agg(t, ' ') FROM unnest('{private.availability_cache,availability_cache.invalidation,availability_cache.invalidation_since}'::text[]) t
            WHERE has_table_privilege('ac_nobody', t, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')), NULL::text, 'and others may not even look');

-- ---- (d) ----

CREATE FUNCTION explained() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN ANALYZE SELECT * FROM public.get_available_slots_v2(%L, %L, ''2025-10-16'', ''Asia/Kathmandu'')', stylist(1), service(1)) LOOP
        lines := lines || line || E'\n';
    END LOOP;
    RETURN lines;
END
$$;
GRANT USAGE ON SCHEMA public TO ac_nobody;
SET ROLE ac_nobody;
SELECT explained() AS plan \gset
RESET ROLE;
SELECT matches(:'plan'::text, '^Function Scan on get_available_slots_v2 .*actual time=.* rows=1(\.00)? loops=1', '(d) EXPLAIN ANALYZE with untyped literals, as anybody');
SELECT matches(:'plan'::text, 'Execution Time: [0-9.]+ ms', 'and how long it took');

DROP ROLE ac_monitor;
REVOKE USAGE ON SCHEMA public FROM ac_nobody;
DROP ROLE ac_nobody;
SELECT * FROM finish();
