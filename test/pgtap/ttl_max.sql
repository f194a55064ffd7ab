-- An answer that was over without having changed is kept twice as long when it is asked for again, up to
-- ttl_max; after a change, and without ttl_max, as long as ttl. Fails without the limit, where a change counts
-- as well, and where the one before is not looked at.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT plan(6);
SET availability_cache.ttl = '1s';
SET availability_cache.ttl_jitter = 0;
SET availability_cache.table_tier = off;
-- For how many seconds the answer is kept, once it was asked for.
CREATE FUNCTION kept() RETURNS numeric LANGUAGE sql AS $$
SELECT round(extract(epoch FROM expires_at - computed_at), 1) FROM availability_cache.entries
 WHERE datname = current_database() AND stylist_user_id = stylist(1) AND service_id = service(1) AND cache_date = '2031-03-07' $$;
SELECT v2() \g /dev/null
SELECT is(kept(), 1.0, 'ttl');
SELECT pg_sleep(1.1), v2() \g /dev/null
SELECT is(kept(), 1.0, 'and again, without ttl_max');
SET availability_cache.ttl_max = '3s';
SELECT pg_sleep(1.1) \g /dev/null
SELECT v2() \g /dev/null
SELECT is(kept(), 2.0, 'twice as long');
SELECT pg_sleep(2.1) \g /dev/null
SELECT v2() \g /dev/null
SELECT is(kept(), 3.0, 'ttl_max at most');
SELECT pg_sleep(3.1) \g /dev/null
SELECT v2() \g /dev/null
SELECT is(kept(), 3.0, 'and no longer');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status)
VALUES (stylist(1), service(1), '2031-03-07 10:00+00', '2031-03-07 11:00+00', 'confirmed');
SELECT v2() \g /dev/null
SELECT is(kept(), 1.0, 'ttl, after a change');
SELECT * FROM finish();
