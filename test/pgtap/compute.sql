-- rules.compute_function: v2 and json answer from a function of one's own, exact, with its errors as theirs;
-- it ends with the clock, and nobody gains a right by it. Shown to fail: without one of moments_text's minima
-- or the quarter of an hour, without next_expiry, with the wall clock for the transaction's, with read_at not
-- looked at, as the caller, without the look at who owns it (compute.c); without patching the answer
-- (own_rules.c); with v1's own answer kept, too, and asked (call.c: no within_form).
\set start 2031-03-03
\set stylists 2
\set services 2
\set bookings 60
\getenv salon AC_SALON
SET client_min_messages = warning;
SET timezone = 'UTC';
\o /dev/null
\i :salon
SELECT availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days';
\o
SELECT no_plan();

CREATE FUNCTION stylist(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.md5('stylist ' || $1)::uuid $$;
CREATE FUNCTION service(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.md5('service ' || $1)::uuid $$;

-- A slot an hour, starts told in another zone, past ones told by the clock; a hold blocks until it ends.
CREATE FUNCTION my_slots(who uuid, what uuid, day date, zone text DEFAULT 'Asia/Kathmandu')
RETURNS TABLE (slot_start_utc timestamptz, slot_start_local timestamptz, slot_display text, status text, hours numeric)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF what = service(2) THEN
        RAISE EXCEPTION 'no % today', 'colour';
    ELSIF NOT EXISTS (SELECT FROM stylist_profiles p WHERE p.user_id = who) THEN
        RAISE EXCEPTION 'nobody of that name' USING ERRCODE = 'no_data_found';
    END IF;
    FOR i IN 9..12 LOOP
        slot_start_utc := day + make_time(i, 0, 0);
        slot_start_local := slot_start_utc;
        slot_display := to_char(slot_start_utc AT TIME ZONE zone, 'HH12:MI AM');
        hours := 1.5;
        status := CASE WHEN slot_start_utc <= now() THEN 'past'
                       WHEN EXISTS (SELECT FROM booking_reservations r WHERE r.stylist_user_id = who AND r.expires_at > now()
                                       AND r.start_time = slot_start_utc) THEN 'held'
                       WHEN EXISTS (SELECT FROM bookings b WHERE b.stylist_user_id = who AND b.start_time <= slot_start_utc
                                       AND b.end_time > slot_start_utc) THEN 'taken' ELSE 'free' END;
        RETURN NEXT;
    END LOOP;
END
$$;
DELETE FROM bookings;
DELETE FROM booking_reservations;
SELECT count(availability_cache.watch(t::regclass)) FROM unnest('{bookings,booking_reservations,stylist_profiles}'::text[]) t \g /dev/null

CREATE FUNCTION v2(day date DEFAULT '2031-03-07', who int DEFAULT 1, what int DEFAULT 1) RETURNS jsonb LANGUAGE sql VOLATILE AS
$$ SELECT get_available_slots_v2(stylist(who), service(what), day) $$;
CREATE FUNCTION as_json(day date DEFAULT '2031-03-07', who int DEFAULT 1, what int DEFAULT 1) RETURNS json LANGUAGE sql VOLATILE AS
$$ SELECT get_available_slots_json(stylist(who), service(what), day) $$;
CREATE FUNCTION rows_of(day date DEFAULT '2031-03-07', who int DEFAULT 1) RETURNS jsonb LANGUAGE sql AS
$$ SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM my_slots(stylist(who), service(1), day, NULL) s $$;

-- ---- which may be named ----

SELECT throws_ok($$UPDATE availability_cache.rules SET compute_function = 'my_slots(uuid, uuid, date, text)'$$, '42883', NULL, 'a name without its schema');
SELECT throws_ok($$UPDATE availability_cache.rules SET compute_function = 'public.stylist(int)'$$, '42P13', NULL, 'other arguments');
ALTER FUNCTION my_slots RESET search_path;
SELECT throws_ok($$UPDATE availability_cache.rules SET compute_function = 'public.my_slots(uuid, uuid, date, text)'$$, '42P13', NULL, 'no search_path');
ALTER FUNCTION my_slots SET search_path = public, pg_temp;
SELECT v2() AS built_in \gset
UPDATE availability_cache.rules SET compute_function = 'public.my_slots(uuid, uuid, date, text)';
SELECT is(compute_function, 'public.my_slots(uuid,uuid,date,text)', 'the name in full') FROM availability_cache.rules;

-- ---- its answer ----

SELECT v2() AS a, as_json() AS j \gset
SELECT v2() AS b, as_json() AS k \gset
SELECT is(:'a'::jsonb -> 'slots', rows_of(), 'its rows are the slots');
SELECT is(:'a'::jsonb - '{slots,computed_at}'::text[], '{"success": true, "cached": false, "cache_hit": false}', 'computed');
SELECT is(:'b'::jsonb - '{slots,computed_at}'::text[], '{"success": true, "cached": true, "cache_hit": true}', 'then from memory');
SELECT is(:'b'::jsonb - '{cached,cache_hit}'::text[], :'a'::jsonb - '{cached,cache_hit}'::text[], 'the same answer, computed at the same moment');
SELECT is(:'j'::jsonb - 'computed_at', :'a'::jsonb - 'computed_at', 'json, computed');
SELECT is(:'k'::jsonb - 'computed_at', :'b'::jsonb - 'computed_at', 'json, from memory');
SELECT matches(:'a'::jsonb ->> 'computed_at', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$', 'computed_at as ever');
SELECT is(jsonb_pretty(v2()), jsonb_pretty(:'b'::jsonb), 'what was patched is jsonb still');
SELECT is(hits > 0, true, 'counted as hits of the function') FROM (SELECT sum(c.hits) AS hits FROM availability_cache_internal.memo_counts('my_slots(uuid,uuid,date,text)') c) x;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 10:00Z', '2031-03-07 11:00Z');
SELECT v2() AS a \gset
SELECT is(:'a'::jsonb #>> '{slots,1,status}' || (:'a'::jsonb ->> 'cached'), 'takenfalse', 'a booking');
SELECT is(:'a'::jsonb -> 'slots', rows_of(), 'as the function has it');
SELECT v2() AS a \gset
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(2), service(1), '2031-03-07 10:00Z', '2031-03-07 11:00Z');
SELECT v2() AS a \gset
SELECT is(:'a'::jsonb ->> 'cached', 'true', 'another stylist''s: a hit');
BEGIN;
DELETE FROM bookings;
SELECT v2() AS a \gset
ROLLBACK;
SELECT v2() AS b \gset
SELECT is((:'a'::jsonb #>> '{slots,1,status}') || (:'b'::jsonb #>> '{slots,1,status}'), 'freetaken', 'own writes, and rolled back');
SET timezone = 'Asia/Tokyo';
SELECT v2() AS a \gset
SELECT is(:'a'::jsonb #>> '{slots,0,slot_start_local}', '2031-03-07T09:00:00+09:00', 'another zone is another answer');
RESET timezone;
SET timezone = 'UTC';

-- ---- errors ----

SELECT is(v2(what => 2), '{"success": false, "error": "no colour today", "code": "INTERNAL_ERROR"}', 'what it raises');
SELECT is(as_json(what => 2)::jsonb, v2(what => 2), 'json the same');
SELECT is(v2(who => 9), '{"success": false, "error": "nobody of that name", "code": "NOT_FOUND"}', 'no_data_found');
SELECT is(get_available_slots_v2(NULL, service(1), '2031-03-07') ->> 'code', 'INVALID_ARGUMENT', 'NULL');
SELECT is(get_available_slots_v2(stylist(1), service(1), '2031-03-07', 'Nowhere/Else'), '{"success": false, "error": "an argument is not valid", "code": "INVALID_ARGUMENT"}', 'what the server raises in it');
SELECT is(v2() ->> 'success', 'true', 'the transaction goes on');

-- ---- the clock ----

DELETE FROM bookings;
CREATE FUNCTION soon() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT date_trunc('second', clock_timestamp()) + interval '2 seconds' $$;
CREATE TABLE moment (stylist_user_id uuid, at timestamptz, notice interval);
SELECT count(availability_cache.watch('moment', '{stylist_user_id}')) \g /dev/null
CREATE FUNCTION clock_slots(who uuid, what uuid, day date, zone text) RETURNS TABLE (slot_start_utc timestamptz, status text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS
$$ SELECT m.at, CASE WHEN m.at - m.notice <= now() THEN 'past' WHEN r.id IS NOT NULL THEN 'held' ELSE 'free' END
     FROM moment m LEFT JOIN booking_reservations r ON r.stylist_user_id = who AND r.expires_at > now() WHERE m.stylist_user_id = who ORDER BY 1 $$;
SELECT availability_cache_internal.set_language('clock_slots(uuid,uuid,date,text)', 'memoized_sql') \g /dev/null
UPDATE availability_cache.rules SET compute_function = 'public.clock_slots(uuid, uuid, date, text)', max_advance = '3660 days';
INSERT INTO moment VALUES (stylist(1), soon(), '0'), (stylist(1), now() + interval '1 day', '0'), (stylist(2), now() + interval '2 days', '0');
SELECT v2() AS a \gset
SELECT v2() AS b \gset
SELECT is((:'a'::jsonb #>> '{slots,0,status}') || (:'b'::jsonb ->> 'cached'), 'freetrue', 'a slot ahead');
SELECT pg_sleep(2.1) \g /dev/null
SELECT v2() AS a \gset
SELECT is((:'a'::jsonb #>> '{slots,0,status}') || (:'a'::jsonb ->> 'cached'), 'pastfalse', 'its start ends the answer');
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at) VALUES (stylist(2), service(1), now(), now() + interval '1 hour', soon());
SELECT v2(who => 2) AS a \gset
SELECT v2(who => 2) AS b \gset
SELECT pg_sleep(2.1) \g /dev/null
SELECT v2(who => 2) AS c \gset
SELECT is((:'a'::jsonb #>> '{slots,0,status}') || (:'b'::jsonb ->> 'cached') || (:'c'::jsonb #>> '{slots,0,status}'), 'heldtruefree', 'a hold''s end ends the answer');
UPDATE availability_cache.rules SET min_notice = '2 days';
UPDATE moment SET at = now() + interval '2 days 2 seconds', notice = '2 days' WHERE stylist_user_id = stylist(2);
SELECT v2(who => 2) AS a \gset
SELECT v2(who => 2) AS b \gset
SELECT pg_sleep(2.1) \g /dev/null
SELECT v2(who => 2) AS c \gset
SELECT is((:'a'::jsonb #>> '{slots,0,status}') || (:'b'::jsonb ->> 'cached') || (:'c'::jsonb #>> '{slots,0,status}'), 'freetruepast', 'so does the rules'' notice');
-- A day begins in some zone each quarter of an hour; what HTTP clients are told shows until when an answer
-- holds.
UPDATE availability_cache.rules SET min_notice = '0';
UPDATE moment SET at = now() + interval '2 days', notice = '0';
SET availability_cache.http_headers = on;
SET availability_cache.http_max_age = '1d';
SET availability_cache.ttl = 0;
BEGIN;
SELECT v2(who => 2) AS a \gset
SELECT substring(current_setting('response.headers') FROM 'max-age=(\d+)')::int AS told,
       extract(epoch FROM date_bin('15 minutes', now(), '2000-01-01Z') + interval '15 minutes' - now()) AS left \gset
COMMIT;
SELECT is(:told BETWEEN :left - 2 AND :left, true, 'an answer holds until a quarter of an hour is over');
RESET availability_cache.http_headers;
RESET availability_cache.http_max_age;
RESET availability_cache.ttl;
-- An old transaction's now() must not make an answer for others.
DELETE FROM moment;
INSERT INTO moment VALUES (stylist(1), now() + interval '1 second', '0'), (stylist(1), now() + interval '1 day', '0');
BEGIN;
SELECT now() \g /dev/null
SELECT pg_sleep(1.1) \g /dev/null
SELECT v2() AS a \gset
COMMIT;
SELECT v2() AS b \gset
SELECT is((:'a'::jsonb #>> '{slots,0,status}') || (:'b'::jsonb #>> '{slots,0,status}'), 'freepast', 'what a transaction computes with its own old now() is nobody else''s');
-- Near the horizon slots may come that are not there yet.
UPDATE availability_cache.rules SET max_advance = (date '2031-03-07' - current_date) * interval '1 day';
SELECT v2() AS a \gset
SELECT v2() AS b \gset
SELECT v2(day => '2031-03-01') AS c \gset
SELECT v2(day => '2031-03-01') AS d \gset
SELECT is((:'b'::jsonb ->> 'cached') || (:'d'::jsonb ->> 'cached'), 'falsetrue', 'near the horizon nothing says until when');
ALTER FUNCTION clock_slots SET availability_cache.memoize_ttl = 60;
SELECT v2() AS a \gset
SELECT v2() AS b \gset
SELECT is(:'b'::jsonb ->> 'cached', 'true', 'unless ttl does');
UPDATE availability_cache.rules SET max_advance = '3660 days';
SELECT availability_cache.detach('booking_reservations') \g /dev/null
ALTER FUNCTION clock_slots RESET availability_cache.memoize_ttl;
SELECT v2() AS a \gset
SELECT v2() AS b \gset
SELECT is(:'b'::jsonb ->> 'cached', 'false', 'without attached holds nothing says until when either');
SELECT availability_cache.attach('booking_reservations', 'booking_reservations') \g /dev/null

-- ---- the rules change ----

UPDATE availability_cache.rules SET compute_function = NULL, min_notice = '0';
SELECT is(v2() #>> '{slots,0,slot_display}', :'built_in'::jsonb #>> '{slots,0,slot_display}', 'NULL: the built-in rules');
BEGIN;
UPDATE availability_cache.rules SET compute_function = 'public.my_slots(uuid, uuid, date, text)';
SELECT v2() #>> '{slots,0,hours}' AS a \gset
ROLLBACK;
SELECT is(:'a' || coalesce(v2() #>> '{slots,0,hours}', '-'), '1.5-', 'named, and rolled back');
UPDATE availability_cache.rules SET compute_function = 'public.my_slots(uuid, uuid, date, text)';
ALTER FUNCTION my_slots RENAME TO ours;
SELECT is(v2() ->> 'code', 'INTERNAL_ERROR', 'renamed: not found');
SELECT matches(v2() ->> 'error', '^public\.my_slots\(uuid,uuid,date,text\), which .* does not exist$', 'and says so');
ALTER FUNCTION ours RENAME TO my_slots;
ALTER FUNCTION my_slots RESET search_path;
SELECT matches(v2() ->> 'error', 'does not say its search_path', 'nor is it called with its callers'' search_path');
ALTER FUNCTION my_slots SET search_path = public, pg_temp;
SELECT is(v2() ->> 'success', 'true', 'and back');
UPDATE availability_cache.rules SET slot_step = '15 minutes';
SELECT is(compute_function, 'public.my_slots(uuid,uuid,date,text)', 'it stays when other rules change') FROM availability_cache.rules;

-- ---- rights ----

CREATE ROLE compute_owner;
CREATE ROLE compute_admin;
CREATE ROLE compute_web;
GRANT CREATE, USAGE ON SCHEMA public TO compute_owner, compute_admin;
GRANT SELECT, UPDATE ON availability_cache.rules TO compute_admin, compute_owner;
CREATE TABLE secret (n int);
ALTER TABLE secret OWNER TO compute_owner;
INSERT INTO secret VALUES (42);
CREATE FUNCTION secret_slots(uuid, uuid, date, text) RETURNS TABLE (slot_start_utc timestamptz, status text)
LANGUAGE sql SET search_path = public, pg_temp AS $$ SELECT '2031-01-01Z'::timestamptz, n || ' ' || current_user FROM secret $$;
ALTER FUNCTION secret_slots OWNER TO compute_owner;
REVOKE EXECUTE ON FUNCTION secret_slots FROM PUBLIC;
SET ROLE compute_admin;
SELECT throws_ok($$UPDATE availability_cache.rules SET compute_function = 'public.secret_slots(uuid, uuid, date, text)'$$, '42501', NULL,
                 'who may change the rules may not have others'' functions answer');
RESET ROLE;
SET ROLE compute_owner;
UPDATE availability_cache.rules SET compute_function = 'public.secret_slots(uuid, uuid, date, text)';
RESET ROLE;
SELECT matches(v2() ->> 'error', 'its owner may not attach tables', 'nor is one answered whose owner may not attach tables');
GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO compute_owner;
SET ROLE compute_web;
SELECT is(v2() #>> '{slots,0,status}', '42 compute_owner', 'it runs as its owner, whoever asks');
SET search_path = pg_temp, public;
CREATE TEMPORARY TABLE secret (n int);
INSERT INTO pg_temp.secret VALUES (666);
SELECT is(v2(day => '2031-03-08') #>> '{slots,0,status}', '42 compute_owner', 'and with its own search_path');
RESET search_path;
DROP TABLE pg_temp.secret;
RESET ROLE;
SELECT is(current_setting('search_path') || current_user, '"$user", publicpostgres', 'which nobody else has afterwards');
CREATE OR REPLACE FUNCTION secret_slots(uuid, uuid, date, text) RETURNS TABLE (slot_start_utc timestamptz, status text)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN SET LOCAL ROLE postgres; RETURN QUERY SELECT now(), session_user::text; END $$;
SELECT is(v2(day => '2031-03-09') ->> 'success', 'false', 'it cannot become the caller');
REVOKE EXECUTE ON FUNCTION private.invalidate_availability_cache() FROM compute_owner;
SELECT matches(v2(day => '2031-03-08') ->> 'error', 'may not attach tables', 'the right is looked at with each call');
UPDATE availability_cache.rules SET compute_function = NULL;
DROP FUNCTION secret_slots;
DROP TABLE secret;
REVOKE ALL ON SCHEMA public FROM compute_owner, compute_admin;
REVOKE ALL ON availability_cache.rules FROM compute_owner, compute_admin;
DROP ROLE compute_owner, compute_admin, compute_web;
SELECT finish();
