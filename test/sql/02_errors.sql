-- Every bad input: v2 answers with a code and never raises, v1 raises with SQLSTATE and hint. Fails when a
-- code, a SQLSTATE or a text changes, when bad input is an ERROR from v2, spoils the caller's transaction, or
-- is kept in memory.
\set db ac_errors
\set stylists 3
\set services 3
\set bookings 20
\set days 7
\getenv test AC_TEST
\i :test/lib/salon_database.psql
-- what a call of v1 raises, or the number of its rows; and what v2 makes of the same arguments
CREATE FUNCTION ask(what text, args text, OUT v1_sqlstate text, OUT v1_message text, OUT v1_hint text, OUT v2_code text, OUT v2_same text)
LANGUAGE plpgsql AS $$
DECLARE
    n int;
    j jsonb;
BEGIN
    BEGIN
        EXECUTE 'SELECT count(*) FROM get_available_slots(' || args || ')' INTO n;
        v1_sqlstate := '00000';
        v1_message := n || ' slots';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v1_sqlstate = RETURNED_SQLSTATE, v1_message = MESSAGE_TEXT, v1_hint = PG_EXCEPTION_HINT;
    END;
    BEGIN
        EXECUTE 'SELECT get_available_slots_v2(' || args || ')' INTO j;
        v2_code := coalesce(j ->> 'code', 'success');
        -- an error has three keys and v1's text
        v2_same := CASE WHEN j ->> 'success' = 'true' AND jsonb_array_length(j -> 'slots') = n THEN 'yes'
                        WHEN j = jsonb_build_object('success', false, 'code', j ->> 'code', 'error', v1_message) THEN 'yes'
                        ELSE j::text END;
    EXCEPTION WHEN OTHERS THEN
        v2_code := 'raised ' || SQLSTATE;
    END;
END
$$;

-- before anything is attached: the set-up is at fault, not the caller
SELECT * FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$) \gx
SELECT role, action FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days';
UPDATE stylist_profiles SET is_active = false WHERE user_id = id('stylist 3');
INSERT INTO stylist_profiles (user_id, display_name) VALUES (id('no services'), 'new here');
INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (id('no profile'), id('service 1'));
INSERT INTO services (id, name, duration_minutes, is_active) VALUES (id('inactive'), 'no longer', 30, false), (id('by nobody'), '', 30, true);
INSERT INTO stylist_services (stylist_user_id, service_id, is_active)
VALUES (id('stylist 1'), id('inactive'), true), (id('stylist 1'), id('no such service'), true), (id('stylist 2'), id('paused'), false);
INSERT INTO services (id, name, duration_minutes) VALUES (id('paused'), 'not by stylist 2 just now', 30);

CREATE TABLE bad (n serial, what text, args text);
INSERT INTO bad (what, args) VALUES
    ('good', $$id('stylist 1'), id('service 1'), '2031-03-05'$$),
    ('no stylist', $$NULL, id('service 1'), '2031-03-05'$$),
    ('no service', $$id('stylist 1'), NULL, '2031-03-05'$$),
    ('no date', $$id('stylist 1'), id('service 1'), NULL$$),
    ('nothing', $$NULL, NULL, NULL, NULL$$),
    ('infinity', $$id('stylist 1'), id('service 1'), 'infinity'$$),
    ('-infinity', $$id('stylist 1'), id('service 1'), '-infinity'$$),
    ('first date of all', $$id('stylist 1'), id('service 1'), '4713-01-01 BC'$$),
    ('before the first date', $$id('stylist 1'), id('service 1'), '1899-12-31'$$),
    ('the first date', $$id('stylist 1'), id('service 1'), '1900-01-01'$$),
    ('the last date', $$id('stylist 1'), id('service 1'), '9998-12-31'$$),
    ('after the last date', $$id('stylist 1'), id('service 1'), '9999-01-01'$$),
    ('last date of all', $$id('stylist 1'), id('service 1'), '5874897-12-31'$$),
    ('zone: unknown', $$id('stylist 1'), id('service 1'), '2031-03-05', 'Mars/Olympus'$$),
    ('zone: empty', $$id('stylist 1'), id('service 1'), '2031-03-05', ''$$),
    ('zone: a space', $$id('stylist 1'), id('service 1'), '2031-03-05', ' '$$),
    ('zone: 10 kB', $$id('stylist 1'), id('service 1'), '2031-03-05', repeat('x', 10240)$$),
    ('zone: 10 kB, compressed and out of line', $$id('stylist 1'), id('service 1'), '2031-03-05', (SELECT t FROM long_text)$$),
    ('zone: 255 bytes', $$id('stylist 1'), id('service 1'), '2031-03-05', repeat('x', 255)$$),
    ('zone: 256 bytes', $$id('stylist 1'), id('service 1'), '2031-03-05', repeat('x', 256)$$),
    ('zone: not ASCII', $$id('stylist 1'), id('service 1'), '2031-03-05', 'Asia/Kathmandü'$$),
    ('zone: a file elsewhere', $$id('stylist 1'), id('service 1'), '2031-03-05', '../../../../etc/passwd'$$),
    ('zone: a directory', $$id('stylist 1'), id('service 1'), '2031-03-05', 'Asia'$$),
    ('zone: as PostgreSQL reads it', $$id('stylist 1'), id('service 1'), '2031-03-05', 'asia/KATHMANDU'$$),
    ('stylist: unknown', $$id('nobody'), id('service 1'), '2031-03-05'$$),
    ('stylist: inactive', $$id('stylist 3'), id('service 1'), '2031-03-05'$$),
    ('stylist: without a profile', $$id('no profile'), id('service 1'), '2031-03-05'$$),
    ('stylist: without services', $$id('no services'), id('service 1'), '2031-03-05'$$),
    ('service: unknown', $$id('stylist 1'), id('nothing'), '2031-03-05'$$),
    ('service: inactive', $$id('stylist 1'), id('inactive'), '2031-03-05'$$),
    ('service: offered, but no such service', $$id('stylist 1'), id('no such service'), '2031-03-05'$$),
    ('service: not by this stylist', $$id('stylist 1'), id('by nobody'), '2031-03-05'$$),
    ('service: paused by this stylist', $$id('stylist 2'), id('paused'), '2031-03-05'$$),
    ('stylist and zone: unknown', $$id('nobody'), id('service 1'), '2031-03-05', 'Mars/Olympus'$$);
CREATE TABLE long_text AS SELECT repeat('x', 10240) AS t;

SELECT what, e.* FROM bad, ask(what, args) e ORDER BY n;
-- the zone's name is not echoed, however long
SELECT length(get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05', repeat('x', 10240))::text) < 200 AS short;
-- once more with every call in a transaction of its own, as clients do: the same codes, and nothing is kept
-- of errors
SELECT availability_cache.flush() >= 0 AS flushed;
SELECT availability_cache.reset_stats();
\set ECHO none
\o /dev/null
SELECT format('SELECT get_available_slots_v2(%s)', args) FROM bad, generate_series(1, 2) ORDER BY n \gexec
\o
\set ECHO all
SELECT hits, misses, bypasses, stores, errors, entries FROM availability_cache.stats WHERE datname = current_database();
SELECT cache_date, timezone FROM availability_cache.entries WHERE datname = current_database() ORDER BY 1, 2;

-- text that is no uuid or date never gets to the functions
SELECT * FROM ask('', $$'abc', id('service 1'), '2031-03-05'$$);
SELECT * FROM ask('', $$id('stylist 1'), id('service 1'), 'next tuesday'$$);
SELECT get_available_slots_v2('abc', id('service 1'), '2031-03-05');

-- faults in the data: INTERNAL_ERROR; v1 says which
UPDATE stylist_profiles SET timezone = 'Mars/Olympus' WHERE user_id = id('stylist 1');
SELECT * FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$) \gx
UPDATE stylist_profiles SET timezone = '' WHERE user_id = id('stylist 1');
SELECT v1_sqlstate, v1_message, v1_hint <> '' AS has_hint, v2_code FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$);
UPDATE stylist_profiles SET timezone = NULL WHERE user_id = id('stylist 1');
SELECT * FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$);
CREATE TABLE durations (minutes int);
INSERT INTO durations VALUES (0), (-5), (10080), (10081), (2147483647);
CREATE FUNCTION with_duration(m int, OUT sqlstate text, OUT message text, OUT has_hint boolean, OUT code text) LANGUAGE sql AS $$
    UPDATE services SET duration_minutes = m WHERE id = id('service 1');
    SELECT v1_sqlstate, v1_message, v1_hint <> '' AS has_hint, v2_code FROM ask('', 'id(''stylist 1''), id(''service 1''), ''2031-03-05''') $$;
SELECT minutes, d.* FROM durations, with_duration(minutes) d;
UPDATE services SET duration_minutes = 30 WHERE id = id('service 1');
ALTER TABLE services ALTER price_cents TYPE bigint;
UPDATE services SET price_cents = 2147483648 WHERE id = id('service 1');
SELECT v1_sqlstate, v1_message, v1_hint <> '' AS has_hint, v2_code FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$);
UPDATE services SET price_cents = 2147483647 WHERE id = id('service 1');
SELECT DISTINCT price_cents FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
-- more slots than anybody looks at: one after each of many breaks
UPDATE availability_cache.rules SET slot_step = '1 minute', slot_alignment = 'break';
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time, break_start_time, break_end_time)
SELECT id('stylist 1'), 3, '00:00', '24:00', time '00:00' + s * interval '2 seconds', time '00:00:01' + s * interval '2 seconds' FROM generate_series(0, 10100) s;
SELECT v1_sqlstate, v1_message, v1_hint <> '' AS has_hint, v2_code, v2_same FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$);
-- a column that was renamed and not attached again
ALTER TABLE services RENAME duration_minutes TO minutes;
SELECT * FROM ask('', $$id('stylist 1'), id('service 1'), '2031-03-05'$$) \gx
ALTER TABLE services RENAME minutes TO duration_minutes;

-- an error inside a transaction leaves it usable, and what it has written in place
BEGIN;
INSERT INTO services (id, name, duration_minutes) VALUES (id('new'), 'new', 30);
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') ->> 'code' AS code;
SELECT get_available_slots_v2(id('nobody'), id('service 1'), '2031-03-05') ->> 'code' AS code;
SELECT count(*) FROM services WHERE id = id('new');
COMMIT;
SELECT count(*) FROM services WHERE id = id('new');

-- by hand
SELECT availability_cache.invalidate(NULL);
SELECT availability_cache.invalidate(id('stylist 1'), '2031-03-06', '2031-03-05');
\c :home
DROP DATABASE ac_errors;
