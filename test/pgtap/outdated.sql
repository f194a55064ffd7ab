-- What clients' caches are told to drop: the headers of a request that wrote, and the NOTIFY of a
-- transaction. Right names, keys and days; beside what a function says in its own headers, before or after it
-- writes; no value that the caller may not read; coarser where it is too much; nothing when off, and of what
-- only reads. Shown to fail with may_read() always true, DAYS_AROUND 0, name_of_column() without its look at
-- dropped ones, a trigger's own relation in place of table_of(), MAX_KEYS_LENGTH 20,000, bytes of UTF-8 as
-- they are.
\set stylists 2
\set services 2
\set bookings 0
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT no_plan();
CREATE TABLE enrolment (id int PRIMARY KEY, person_id int, note text);
CREATE INDEX ON enrolment (person_id);
CREATE FUNCTION enrolments_of(p int) RETURNS SETOF enrolment LANGUAGE sql STABLE AS $$ SELECT * FROM enrolment WHERE person_id = p $$;
CREATE FUNCTION enrolments_count() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM enrolment $$;
SET client_min_messages = error;
SELECT availability_cache.memoize('enrolments_of(int)', namespace => 'people') \g /dev/null
SELECT availability_cache.memoize('enrolments_count()') \g /dev/null
SELECT enrolments_of(7), enrolments_count() \g /dev/null
CREATE FUNCTION book(says text DEFAULT NULL, of_stylist int DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(of_stylist), service(1), '2031-03-07 11:00Z', '2031-03-07 12:00Z');
    IF says IS NOT NULL THEN
        PERFORM set_config('response.headers', says, true);
    END IF;
    RETURN 'booked';
END $$;
-- What PostgREST does: the settings are read in the select list around the call, in the same statement.
CREATE FUNCTION asked(calls text, told text DEFAULT '', as_role text DEFAULT 'postgres', OUT headers jsonb, OUT body jsonb) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('response.headers', told, true), set_config('role', as_role, true);
    EXECUTE 'WITH pgrst_source AS (SELECT to_jsonb(' || calls || ') AS pgrst_scalar)
        SELECT nullif(current_setting(''response.headers'', true), ''''), (json_agg(_postgrest_t.pgrst_scalar)->0)::jsonb FROM (SELECT * FROM pgrst_source) _postgrest_t' INTO headers, body;
    PERFORM set_config('role', 'none', true);
END $$;
CREATE FUNCTION header(a jsonb, name text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(h ->> name, ' | ') FROM jsonb_array_elements(a) h WHERE h ? name $$;
-- Rolled back: each begins with the same tables.
CREATE PROCEDURE told(INOUT tap text, calls text, expected text, before text DEFAULT '', as_role text DEFAULT 'postgres') LANGUAGE plpgsql AS $$
DECLARE
    a record;
BEGIN
    SELECT * INTO a FROM asked(calls, before, as_role);
    ROLLBACK;
    tap := is(concat_ws(' ', header(a.headers, 'X-Cache-Invalidate'), header(a.headers, 'X-Cache-Invalidate-Keys'), header(a.headers, 'X-Own')), expected, tap);
END $$;

SELECT (SELECT headers IS NULL FROM asked('book()')) AS nothing \gset
SELECT is(:'nothing'::boolean, true, 'off: nothing');
DELETE FROM bookings;
SET availability_cache.http_headers = on;
SELECT id('stylist 1') AS one, id('stylist 2') AS two, id('service 1') AS cut \gset

-- the slots
SELECT format('availability [{"stylist":"%s","from":"2031-03-05","to":"2031-03-09"}]', :'one') AS day \gset
CALL told('a booking: its stylist and days', 'book()', :'day');
CALL told('beside what the function says afterwards', 'book(''[{"X-Own": "a"}]'')', :'day' || ' a');
CALL told('and before', 'book()', :'day' || ' a', '[{"X-Own": "a"}]');
CALL told('where nothing is said', 'book(''[]'')', :'day', ' [ ] ');
SELECT (SELECT header(headers, 'X-Cache-Invalidate') IS NULL AND header(headers, 'ETag') IS NOT NULL FROM asked('v2()')) AS read_only \gset
SELECT is(:'read_only'::boolean, true, 'a read: nothing');
SELECT current_setting('response.headers', true) AS h FROM book('no JSON') \gset
SELECT is(:'h'::text, 'no JSON', 'what is no list of headers is left alone');
DELETE FROM bookings;
CALL told('of two stylists', '(book(), book(NULL, 2))', format('availability [{"stylist":"%s","from":"2031-03-05","to":"2031-03-09"},{"stylist":"%s","from":"2031-03-05","to":"2031-03-09"}]', :'one', :'two'));
CREATE FUNCTION run(VARIADIC commands text[]) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE command text;
BEGIN
    FOREACH command IN ARRAY commands LOOP EXECUTE command; END LOOP;
    RETURN 'run';
END $$;
CALL told('a schedule', $$run('UPDATE stylist_schedules SET start_time = ''10:30'' WHERE stylist_user_id = stylist(1)')$$, format('availability [{"stylist":"%s"}]', :'one'));
CALL told('a service', $$run('UPDATE services SET duration_minutes = 45 WHERE id = service(1)')$$, format('availability [{"service":"%s"}]', :'cut'));
CALL told('a rule', $$run('UPDATE availability_cache.rules SET min_notice = ''1 hour''')$$, 'availability [{"namespace":"availability"}]');
CALL told('more stylists than are told apart', $$run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT gen_random_uuid(), service(1), ''2031-03-07 11:00Z'', ''2031-03-07 12:00Z'' FROM generate_series(1, 65)')$$,
          'availability [{"namespace":"availability"}]');
CALL told('more than a header takes', $$run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT gen_random_uuid(), service(1), ''2031-03-07 11:00Z'', ''2031-03-07 12:00Z'' FROM generate_series(1, 40)')$$,
          'availability');
CALL told('by hand', $$run('SELECT availability_cache.invalidate(stylist(1), ''2031-03-07'', ''2031-03-08'')')$$, format('availability [{"stylist":"%s","from":"2031-03-05","to":"2031-03-10"}]', :'one'));
CALL told('all by hand', $$run('SELECT availability_cache.flush()')$$, '*');

-- functions, of watched tables
SELECT '{"table":"public.enrolment","functions":{"public.enrolments_count":null,"public.enrolments_of":"person_id"},"columns":' AS enrolment \gset
CREATE FUNCTION sorted(keys text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(keys, 'null')::jsonb $$;
CREATE PROCEDURE told_of(INOUT tap text, calls text, namespaces text, keys text, as_role text DEFAULT 'postgres') LANGUAGE plpgsql AS $$
DECLARE
    a record;
BEGIN
    SELECT * INTO a FROM asked(calls, '', as_role);
    ROLLBACK;
    tap := is((SELECT string_agg(n, ' ' ORDER BY n) FROM regexp_split_to_table(header(a.headers, 'X-Cache-Invalidate'), ', ') n) || ' ' || coalesce(sorted(header(a.headers, 'X-Cache-Invalidate-Keys'))::text, ''),
              namespaces || ' ' || sorted(keys), tap);
END $$;
CALL told_of('a row: who reads it, by which column, and its values', $$run('INSERT INTO enrolment VALUES (1, 7)')$$, 'people public.enrolments_count',
             '[' || :'enrolment' || '{"id":["1"],"person_id":["7"]}}]');
CALL told_of('an UPDATE: the old and the new', $$run('INSERT INTO enrolment VALUES (1, 7)', 'UPDATE enrolment SET person_id = 8')$$, 'people public.enrolments_count',
             '[' || :'enrolment' || '{"id":["1"],"person_id":["7","8"]}}]');
CALL told_of('more values than are told', $$run('INSERT INTO enrolment SELECT i, i % 3 FROM generate_series(1, 17) i')$$, 'people public.enrolments_count',
             '[' || :'enrolment' || '{"person_id":["1","2","0"]}}]');
CALL told('TRUNCATE', $$run('TRUNCATE enrolment')$$, '*');
CREATE TEMPORARY TABLE own (i int);
CALL told('of a temporary table', $$run('TRUNCATE own')$$, '');
CALL told_of('let go by hand', $$run('SELECT availability_cache.memo_clear(''enrolments_of(int)'')')$$, 'people', '[{"function":"public.enrolments_of"}]');
CALL told_of('a column that is gone by then', $$run('INSERT INTO enrolment VALUES (1, 7)', 'ALTER TABLE enrolment DROP COLUMN person_id')$$, 'people public.enrolments_count',
             '[{"table":"public.enrolment","functions":{"public.enrolments_count":null,"public.enrolments_of":null},"columns":{"id":["1"]}}]');
CREATE TABLE "Größe, €😀" (id text PRIMARY KEY);
SELECT availability_cache.watch('"Größe, €😀"') \g /dev/null
CALL told('names and values in ASCII', $$run('INSERT INTO "Größe, €😀" VALUES (E''"é\n'')')$$, 'public.Gr%C3%B6%C3%9Fe%2C%20%E2%82%AC%F0%9F%98%80 [{"table":"public.Gr\u00f6\u00dfe, \u20ac\ud83d\ude00","functions":{},"columns":{"id":["\"\u00e9\n"]}}]');

-- no value that the caller may not read
CREATE ROLE outdated_web;
CALL told_of('no right: no values', $$run('INSERT INTO enrolment VALUES (1, 7)')$$, 'people public.enrolments_count', '[' || :'enrolment' || '{}}]', 'outdated_web');
GRANT SELECT (person_id) ON enrolment TO outdated_web;
CALL told_of('of a column: its values', $$run('INSERT INTO enrolment VALUES (1, 7)')$$, 'people public.enrolments_count', '[' || :'enrolment' || '{"person_id":["7"]}}]', 'outdated_web');
ALTER TABLE enrolment ENABLE ROW LEVEL SECURITY;
CALL told_of('row-level security: none', $$run('INSERT INTO enrolment VALUES (1, 7)')$$, 'people public.enrolments_count', '[' || :'enrolment' || '{}}]', 'outdated_web');
ALTER TABLE enrolment DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON enrolment FROM outdated_web;
DROP ROLE outdated_web;

-- partitions are told as their table
CREATE TABLE log (extra text, id int, day date) PARTITION BY RANGE (day);
CREATE TABLE log_1 (day date, id int, extra text);
ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
CREATE INDEX ON log (id);
CREATE FUNCTION log_of(p int) RETURNS SETOF log LANGUAGE sql STABLE AS $$ SELECT * FROM log WHERE id = p $$;
SELECT availability_cache.memoize('log_of(int)') \g /dev/null
SELECT log_of(1) \g /dev/null
CALL told('a partition''s row', $$run('INSERT INTO log VALUES (NULL, 5, ''2031-02-03'')')$$, 'public.log_of [{"table":"public.log","functions":{"public.log_of":"id"},"columns":{"id":["5"]}}]');

-- savepoints, deferred triggers
CREATE FUNCTION in_vain() RETURNS text LANGUAGE plpgsql AS $$ BEGIN BEGIN PERFORM book(); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END; RETURN book(); END $$;
CALL told('after what was rolled back', 'in_vain()', :'day');
CREATE TABLE audit (i int);
CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM book(NULL, 2); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER also AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION also();
CALL told('what a deferred trigger does comes too late', $$(book(), run('INSERT INTO audit VALUES (1)'))$$, :'day');
CALL told('unless it is told to come', $$(book(), run('INSERT INTO audit VALUES (1)', 'SET CONSTRAINTS ALL IMMEDIATE'))$$,
          format('availability [{"stylist":"%s","from":"2031-03-05","to":"2031-03-09"},{"stylist":"%s","from":"2031-03-05","to":"2031-03-09"}]', :'one', :'two'));
SELECT is(nullif(current_setting('response.headers', true), ''), NULL, 'nothing after the transaction');

-- a class matters to the days around it, as a booking does
CREATE TABLE class_sessions (stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz);
SELECT availability_cache.attach('class_sessions', 'class_sessions') \g /dev/null
CALL told('a class', format('run(%L)', format('INSERT INTO class_sessions VALUES (%L, %L, ''2031-03-07 10:00Z'', ''2031-03-07 11:00Z'')', :'one', :'cut')), :'day');

-- caps: a booking matters to its week, and counted together to the service, whoever's it is
UPDATE availability_cache.rules SET max_weekly_minutes = 2400;
CALL told('a week that the rules cap', 'book()', format('availability [{"stylist":"%s","from":"2031-02-27","to":"2031-03-15"}]', :'one'));
UPDATE availability_cache.rules SET max_weekly_minutes = NULL;
ALTER TABLE stylist_profiles ADD max_bookings_per_week int;
SELECT count(*) FROM availability_cache.attach() \g /dev/null
CALL told('a week that has caps', 'book()', format('availability [{"stylist":"%s","from":"2031-02-27","to":"2031-03-15"}]', :'one'));
UPDATE availability_cache.rules SET service_caps = 'together';
CALL told('a service whose appointments are counted together', 'book()', format('availability [{"stylist":"%s","from":"2031-02-27","to":"2031-03-15"},{"service":"%s"}]', :'one', :'cut'));
RESET availability_cache.http_headers;
-- NOTIFY: test/t/074_notify.pl
SELECT * FROM finish();
