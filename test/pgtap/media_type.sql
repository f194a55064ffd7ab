-- The functions of docs/clients.md, "Sooner through PostgREST", as they stand there, in the statement that
-- PostgREST has for a function that returns a media type: byte for byte what get_available_slots_json gives,
-- with its headers, from memory, for a role that may read no table; and several days in one. Shown to fail
-- with v2 in place of json, and days in another order, on the page.
\set stylists 2
\set services 2
\set bookings 20
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\i :helpers
SELECT no_plan();
CREATE TEMPORARY TABLE line (n serial, text text);
\copy line (text) FROM PROGRAM 'tr "\\t\\\\" "  " <$AC_TEST/../docs/clients.md'
SELECT string_agg(text, E'\n' ORDER BY n) AS commands FROM line,
       (SELECT min(n) FROM line WHERE text LIKE '## Sooner%') AS begins(heading),
       LATERAL (SELECT min(n) FROM line WHERE text = '```sql' AND n > heading) AS opens(fence),
       LATERAL (SELECT min(n) FROM line WHERE text = '```' AND n > fence) AS closes(done)
 WHERE n > fence AND n < done \gset
:commands
CREATE FUNCTION rest(calls text, OUT body text, OUT headers jsonb) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE media_type_web;
    EXECUTE format('WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT %s pgrst_scalar) pgrst_call)
        SELECT "public"."application/json"(_postgrest_t.pgrst_scalar), nullif(current_setting(''response.headers'', true), '''') FROM (SELECT "pgrst_source".* FROM "pgrst_source") _postgrest_t', calls)
       INTO body, headers;
    RESET ROLE;
END $$;
CREATE ROLE media_type_web;
SELECT format('%L, %L', stylist(1), service(1)) AS ids \gset
SET availability_cache.http_headers = on;
SELECT get_available_slots_json(:ids, '2031-03-07') \g /dev/null
SELECT body, headers FROM rest(format('public.slots(%s, ''2031-03-07'')', :'ids')) \gset
SELECT get_available_slots_json(:ids, '2031-03-07') AS json \gset
SELECT is(:'body'::text, :'json'::text, 'what json gives');
SELECT is(:'json'::json ->> 'cached', 'true', 'from memory');
SELECT is((SELECT count(*) FROM jsonb_array_elements(:'headers'::jsonb) h, jsonb_object_keys(h) k WHERE k IN ('ETag', 'X-Cache-Hit')), 2::bigint, 'with its headers');
SELECT body AS days FROM rest(format('public.slots_of_days(%s, ''{2031-03-07,2031-03-08}'')', :'ids')) \gset
SELECT is((SELECT string_agg((a -> 'slots')::text, '|') FROM json_array_elements(:'days') a), (get_available_slots_json(:ids, '2031-03-07') -> 'slots')::text || '|' || (get_available_slots_json(:ids, '2031-03-08') -> 'slots')::text, 'several days');
SELECT body AS error FROM rest('public.slots(NULL, NULL, ''2031-03-07'')') \gset
SELECT is(:'error'::json ->> 'code', 'INVALID_ARGUMENT', 'an error');
DROP ROLE media_type_web;
SELECT * FROM finish();
