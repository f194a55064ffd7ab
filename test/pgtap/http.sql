-- What PostgREST is told of an answer: headers that are right, an ETag that changes exactly when the answer
-- does, 304 for who has it, never a max-age beyond the answer's end, nothing of two answers at once, nothing
-- when off, and no call that fails by it. Shown to fail without take_back(), with the whole answer hashed,
-- with the seconds rounded up, without has_header() (http.c); with valid_until left from a call before
-- (readpath.c).
\set stylists 2
\set services 2
\set bookings 0
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT no_plan();
-- What PostgREST does, in a transaction of its own: what it tells, and what it is told.
CREATE FUNCTION asked(calls text DEFAULT 'v2()', method text DEFAULT 'GET', headers jsonb DEFAULT '{}', told text DEFAULT '',
                      OUT headers_told jsonb, OUT status text, OUT answer jsonb) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.method', method, true), set_config('request.headers', headers::text, true), set_config('response.headers', told, true), set_config('response.status', '', true);
    EXECUTE 'SELECT to_jsonb(' || calls || ')' INTO answer;
    headers_told := nullif(current_setting('response.headers', true), '');
    status := nullif(current_setting('response.status', true), '');
END
$$;
CREATE FUNCTION header(a jsonb, name text) RETURNS text LANGUAGE sql AS $$ SELECT h ->> name FROM jsonb_array_elements(a) h WHERE h ? name $$;
CREATE FUNCTION etag(calls text DEFAULT 'v2()') RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT header(headers_told, 'ETag') FROM asked(calls) $$;

SELECT headers_told IS NULL AS nothing FROM asked() \gset
SELECT is(:'nothing'::boolean, true, 'off: nothing');
SET availability_cache.http_headers = on;
SELECT headers_told AS h, status AS s FROM asked() \gset
SELECT headers_told AS k, answer ->> 'computed_at' AS at, answer ->> 'cached' AS cached FROM asked() \gset
SELECT is((SELECT array_agg(key ORDER BY key) FROM jsonb_array_elements(:'k'::jsonb) h, jsonb_object_keys(h) key), '{Cache-Control,ETag,X-Cache-Hit,X-Cached,X-Computed-At}', 'the headers');
SELECT is(header(:'k'::jsonb, 'X-Cache-Hit') || header(:'k'::jsonb, 'X-Cached') || :'cached'::text, 'truetruetrue', 'from memory');
SELECT is(header(:'k'::jsonb, 'X-Computed-At'), :'at'::text, 'when it was computed');
SELECT is(header(:'k'::jsonb, 'Cache-Control'), 'public, no-cache', 'HTTP caches ask each time');
SELECT is(header(:'h'::jsonb, 'ETag'), header(:'k'::jsonb, 'ETag'), 'the same answer: the same ETag');

-- the ETag
SELECT etag() AS a \gset
SELECT availability_cache.flush() \g /dev/null
SELECT etag() AS b \gset
SELECT is(:'b'::text, :'a'::text, 'computed again: the same ETag');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(2), service(1), '2031-03-07 11:00Z', '2031-03-07 12:00Z');
SELECT etag() AS b \gset
SELECT is(:'b'::text, :'a'::text, 'another''s booking: the same ETag');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 11:00Z', '2031-03-07 12:00Z');
SELECT etag() AS b \gset
SELECT isnt(:'b'::text, :'a'::text, 'a booking of this day: another');
DELETE FROM bookings;
SELECT etag() AS b \gset
SELECT is(:'b'::text, :'a'::text, 'which goes with it');
SELECT etag('get_available_slots_json(stylist(1), service(1), date ''2031-03-07'')') IS NOT NULL AS json \gset
SELECT is(:'json'::boolean, true, 'json has one too');

-- 304
SELECT jsonb_build_object('if-none-match', :'a') AS mine, jsonb_build_object('if-none-match', 'W/"x", W/' || :'a') AS list, '{"if-none-match": "\"other\""}'::jsonb AS other \gset
SELECT status AS a FROM asked(headers => :'mine') \gset
SELECT status AS b FROM asked(headers => :'list') \gset
SELECT status AS c FROM asked(headers => '{"if-none-match": "*"}') \gset
SELECT status IS NULL AS d FROM asked(headers => :'other') \gset
SELECT status IS NULL AS e FROM asked(method => 'POST', headers => :'mine') \gset
SELECT is(concat_ws(' ', :'a', :'b', :'c', :'d', :'e'), '304 304 304 t t', 'who has it, one of a list, any; another; a POST');

-- max-age
SET availability_cache.http_max_age = '1h';
UPDATE availability_cache.rules SET min_notice = '0';
SET availability_cache.ttl = 3;
SET availability_cache.ttl_jitter = 0;
SELECT availability_cache.flush() \g /dev/null
SELECT headers_told AS h FROM asked() \gset
SELECT matches(header(:'h'::jsonb, 'Cache-Control'), '^public, max-age=[12]$', 'never beyond the answer''s end');
SELECT pg_sleep(2.2) \g /dev/null
SELECT headers_told AS h FROM asked() \gset
SELECT is(header(:'h'::jsonb, 'Cache-Control'), 'public, no-cache', 'of what is left of it nothing is rounded up');
RESET availability_cache.ttl;
BEGIN;
DELETE FROM bookings;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-07 11:00Z', '2031-03-07 12:00Z');
SELECT headers_told AS h FROM asked() \gset
ROLLBACK;
SELECT is(header(:'h'::jsonb, 'Cache-Control'), 'public, no-cache', 'what may be rolled back is nobody else''s');
RESET availability_cache.http_max_age;

-- merged
SELECT headers_told AS h FROM asked(told => '[{"X-Mine": "1"}, {"cache-control": "private"}]') \gset
SELECT is(header(:'h'::jsonb, 'X-Mine') || header(:'h'::jsonb, 'cache-control') || coalesce(header(:'h'::jsonb, 'Cache-Control'), '-') || (header(:'h'::jsonb, 'ETag') IS NOT NULL), '1private-true', 'what is there stays, and is not there twice');
SELECT headers_told AS h FROM asked(told => ' [ ] ') \gset
SELECT is(jsonb_array_length(:'h'::jsonb), 5, 'an empty list');
DO $$ BEGIN PERFORM set_config('response.headers', 'nonsense [', true); PERFORM v2(); IF current_setting('response.headers') <> 'nonsense [' THEN RAISE 'touched'; END IF; END $$;
DO $$ BEGIN PERFORM set_config('request.headers', '{"if-none-match": 5', true), set_config('request.method', 'GET', true); PERFORM v2(); END $$;
SELECT pass('what is no list is left alone, and fails nothing');

-- two answers
SELECT headers_told AS h, status IS NULL AS s FROM asked('ARRAY[v2(1), v2(2)]', headers => :'mine', told => '[{"X-Mine": "1"}]') \gset
SELECT is(:'h'::jsonb, '[{"X-Mine": "1"}]', 'of two answers nothing is told') ;
SELECT is(:'s'::boolean, true, 'nor a status');
SELECT headers_told AS h FROM asked() \gset
SELECT isnt(:'h'::jsonb, NULL::jsonb, 'the next transaction has one again');

-- errors
SELECT headers_told AS h, status IS NULL AS s FROM asked('v2(99)') \gset
SELECT is(header(:'h'::jsonb, 'Cache-Control') || :'s', 'no-storet', 'an error is not to be kept');
SET availability_cache.http_error_status = on;
SELECT status AS a FROM asked('v2(99)') \gset
SELECT status AS b FROM asked('get_available_slots_v2(NULL, NULL, NULL)') \gset
SELECT status IS NULL AS c FROM asked() \gset
SELECT is(concat_ws(' ', :'a', :'b', :'c'), '404 400 t', 'errors as a status');
RESET availability_cache.http_headers;
SELECT status AS a, headers_told IS NULL AS h FROM asked('v2(99)') \gset
SELECT is(concat_ws(' ', :'a', :'h'), '404 t', 'without headers');
RESET availability_cache.http_error_status;

-- a function of one's own; private where it varies
CREATE FUNCTION mine(who uuid, what uuid, day date, zone text) RETURNS TABLE (note text) LANGUAGE sql STABLE SET search_path = public AS $$ SELECT current_setting('app.plan', true) $$;
ALTER FUNCTION mine SET availability_cache.memoize_vary_by = 'app.plan';
UPDATE availability_cache.rules SET compute_function = 'public.mine(uuid,uuid,date,text)';
SET availability_cache.http_headers = on;
SET app.plan = 'gold';
SELECT headers_told AS h FROM asked() \gset
SELECT headers_told AS k FROM asked() \gset
SELECT is(header(:'k'::jsonb, 'Cache-Control') || header(:'h'::jsonb, 'X-Cache-Hit') || header(:'k'::jsonb, 'X-Cache-Hit') || (header(:'k'::jsonb, 'ETag') = header(:'h'::jsonb, 'ETag')), 'private, no-cachefalsetruetrue', 'of one''s own, by a setting: private');
SET app.plan = 'silver';
SELECT headers_told AS h FROM asked() \gset
SELECT isnt(header(:'k'::jsonb, 'ETag'), header(:'h'::jsonb, 'ETag'), 'another''s has another ETag');
SELECT finish();
