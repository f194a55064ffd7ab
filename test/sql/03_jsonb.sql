-- src/slots/jsonb.c writes jsonb's binary form by hand. It must be, byte for byte, what the server's own
-- parser makes of the answer's text: record_image_eq compares bytes. Fails when an entry's length, offset,
-- order, padding or type is off anywhere; and when text in an answer follows a setting of the session.
\set db ac_jsonb
\set stylists 1
\set services 1
\set bookings 0
\set days 7
\getenv test AC_TEST
\i :test/lib/salon_database.psql
SELECT role, action FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days', slot_step = '1 minute', default_timezone = 'UTC';

-- a stylist for each number of slots (around where entries hold offsets and not lengths) and each price
INSERT INTO services (id, name, duration_minutes) VALUES (id('a minute'), 'a minute', 1);
CREATE TABLE cases AS
SELECT n, price, id(format('%s slots for %s', n, coalesce(price::text, 'nothing'))) AS stylist
  FROM unnest(ARRAY[0, 1, 2, 3, 14, 15, 16, 17, 30, 31, 32, 33, 34, 62, 63, 64, 65, 66, 96, 97, 100, 127, 128, 129, 300]) n,
       unnest(ARRAY[NULL, 0, 1, -1, 99, 1500, 9999, 10000, -10001, 100000000, 2147483647, -2147483648]) price
 WHERE n IN (1, 33) OR coalesce(price, 1500) = 1500;
INSERT INTO stylist_profiles (user_id, timezone) SELECT stylist, 'UTC' FROM cases;
INSERT INTO stylist_services (stylist_user_id, service_id, custom_price_cents) SELECT stylist, id('a minute'), price FROM cases;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
SELECT stylist, 3, '01:00', time '01:00' + make_interval(mins => n) FROM cases WHERE n > 0;
-- statuses are of different lengths: every 3rd minute booked, every 5th held, a break in the middle
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
SELECT stylist, id('a minute'), t, t + interval '1 minute' FROM cases,
       generate_series(timestamptz '2031-03-05 01:00', timestamptz '2031-03-05 03:00', '3 minutes') t;
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time)
SELECT stylist, id('a minute'), t, t + interval '1 minute' FROM cases,
       generate_series(timestamptz '2031-03-05 01:00', timestamptz '2031-03-05 03:00', '5 minutes') t;
UPDATE stylist_schedules SET break_start_time = '01:10', break_end_time = '01:17' WHERE start_time = '01:00';

CREATE VIEW answers AS
SELECT n, price, j, j::text::jsonb AS parsed, pg_column_size(j) - pg_column_size(j::text::jsonb) AS longer
  FROM (SELECT *, get_available_slots_v2(stylist, id('a minute'), '2031-03-05') AS j FROM cases OFFSET 0) x OFFSET 0;
CREATE VIEW verdict AS
SELECT count(*) AS answers, count(*) FILTER (WHERE j ->> 'cached' = 'true') AS cached,
       count(*) FILTER (WHERE jsonb_array_length(j -> 'slots') = n) AS full_length,
       count(*) FILTER (WHERE NOT record_image_eq(ROW(j), ROW(parsed))) AS other_image,
       count(*) FILTER (WHERE j <> parsed) AS not_equal,
       count(*) FILTER (WHERE jsonb_hash(j) <> jsonb_hash(parsed)) AS other_hash,
       count(*) FILTER (WHERE longer <> 0) AS other_size
  FROM answers;
-- computed, then from memory
SELECT * FROM verdict;
SELECT * FROM verdict;
-- every status is there
SELECT s ->> 'status' AS status, count(*) FROM answers, jsonb_array_elements(j -> 'slots') s WHERE n = 100 AND price = 1500 GROUP BY 1 ORDER BY 1;
SELECT DISTINCT j #>> '{slots,0,price_cents}' AS price FROM answers WHERE n > 0 ORDER BY 1;

-- what looks into the binary form without reading all of it
SELECT count(*) FILTER (WHERE j -> 'slots' -> i ->> k IS DISTINCT FROM parsed -> 'slots' -> i ->> k) AS by_arrow,
       count(*) FILTER (WHERE j #>> ARRAY['slots', i::text, k] IS DISTINCT FROM parsed #>> ARRAY['slots', i::text, k]) AS by_path,
       count(*) FILTER (WHERE NOT j @> jsonb_build_object('slots', jsonb_build_array(jsonb_build_object(k, parsed #> ARRAY['slots', i::text, k])))) AS contained,
       count(*) FILTER (WHERE j -> 'slots' -> i ->> k IS NULL AND k <> 'price_cents') AS missing,
       count(*) > 2000 AS many
  FROM answers, unnest(ARRAY[0, 1, 15, 30, 31, 32, 33, 62, 63, 64, 99, -1]) i,
       unnest('{status,price_cents,slot_display,slot_end_utc,slot_end_local,slot_start_utc,slot_start_local}'::text[]) k
 WHERE i < n AND n BETWEEN 1 AND 129;
SELECT count(*) FILTER (WHERE jsonb_path_query_array(j, '$.slots[*] ? (@.status == "available").slot_start_utc')
                  IS DISTINCT FROM jsonb_path_query_array(parsed, '$.slots[*] ? (@.status == "available").slot_start_utc')) AS by_jsonpath,
       count(*) FILTER (WHERE jsonb_path_query_array(j, '$.slots[last].price_cents') IS DISTINCT FROM jsonb_path_query_array(parsed, '$.slots[last].price_cents')) AS last_price,
       count(*) FILTER (WHERE NOT (j ? 'slots' AND j ? 'computed_at' AND j ?& '{cached,success,cache_hit}' AND NOT j ? 'slot')) AS by_key,
       count(*) FILTER (WHERE j || '{"x": 1}' <> parsed || '{"x": 1}' OR j - 'slots' <> parsed - 'slots' OR j #- '{slots,0,status}' <> parsed #- '{slots,0,status}') AS changed,
       count(*) FILTER (WHERE (SELECT sum((s.price_cents)::bigint) FROM jsonb_to_recordset(j -> 'slots') AS s(price_cents int, status text))
                   IS DISTINCT FROM price::bigint * nullif(n, 0)) AS sums
  FROM answers;
-- stored, indexed, read again
CREATE TABLE stored AS SELECT * FROM answers;
CREATE INDEX ON stored USING gin (j);
CREATE INDEX ON stored USING gin (j jsonb_path_ops);
SELECT count(*) FILTER (WHERE NOT record_image_eq(ROW(j), ROW(parsed))) AS other_image FROM stored;
SET enable_seqscan = off;
SELECT count(*) FROM stored WHERE j @> '{"slots": [{"slot_display": "01:31", "price_cents": 1500}]}';
RESET enable_seqscan;

-- errors are written by hand as well
SELECT code, record_image_eq(ROW(j), ROW(j::text::jsonb)) AS same_image, jsonb_hash(j) = jsonb_hash(j::text::jsonb) AS same_hash
  FROM (VALUES ('INVALID_ARGUMENT', NULL::uuid, NULL::uuid, NULL::text), ('INVALID_TIMEZONE', id('x'), id('x'), 'x'),
               ('STYLIST_NOT_FOUND', id('x'), id('x'), NULL), ('SERVICE_NOT_OFFERED', id('stylist 1'), id('x'), NULL)) v(code, s, v, z),
       get_available_slots_v2(s, v, '2031-03-05', z) j
 WHERE j ->> 'code' = code;

-- display formats: empty text, more than one byte a character, what JSON escapes, the longest; computed, then
-- from memory
CREATE TABLE formats (n serial, f text);
INSERT INTO formats (f) VALUES ('HH12:MI AM'), ('""'), ('FM'), ('HH24"時"MI"分"'), ('"\""HH24\"'), (E'HH24\nMI\t"\\\\"'), ('"<&>/"HH24'), (E'"\u0001\u007f"HH24'),
    ('FMDay, FMDDth FMMonth YYYY HH24:MI:SS'), ('HH24:MI'), ('HH24:MI '), ('J'), (repeat('"é"', 21)), ('HH24:MI:SS.US TZ OF');
\pset format unaligned
\pset tuples_only on
\set ECHO none
SELECT unnest(ARRAY[format('UPDATE availability_cache.rules SET display_format = %L', f),
       format('SELECT * FROM verdict'), format('SELECT * FROM verdict'),
       format('SELECT DISTINCT %L AS format, j #> ''{slots,1,slot_display}'' AS shown FROM answers WHERE n = 2', f)])
  FROM formats ORDER BY n \gexec
\set ECHO all
\pset format aligned
\pset tuples_only off
UPDATE availability_cache.rules SET display_format = 'HH12:MI AM';

-- no setting of the session changes a letter of the text, of a computed answer or one from memory
CREATE TABLE texts (setting text, v2 text, v1 text);
CREATE FUNCTION texts(setting text) RETURNS void LANGUAGE sql AS $$
INSERT INTO texts
SELECT setting, string_agg((j - 'cached' - 'cache_hit' - 'computed_at')::text || (j ->> 'computed_at' LIKE '____-__-__T__:__:__.______+00:00'), ' '),
       string_agg((SELECT string_agg(to_char(slot_start_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || slot_display, ' ')
                     FROM get_available_slots(stylist, id('a minute'), '2031-03-05', z)), ' ')
  FROM cases, unnest(ARRAY[NULL, 'America/New_York']) z, get_available_slots_v2(stylist, id('a minute'), '2031-03-05', z) j WHERE n = 33 $$;
SELECT texts('as it was');
SET timezone = 'Pacific/Apia';
SELECT texts('timezone');
SET timezone = '<x>+3:07';
SELECT texts('timezone of odd minutes');
SET datestyle = 'German, DMY';
SELECT texts('datestyle');
SET datestyle = 'SQL, MDY';
SET intervalstyle = 'sql_standard';
SELECT texts('intervalstyle');
-- and none that is there when a session makes its plans
\c
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -15;
SET lc_time = 'C';
SET transform_null_equals = on;
SET plan_cache_mode = force_custom_plan;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SET timezone_abbreviations = 'India';
SET array_nulls = off;
SET client_encoding = 'LATIN1';
SET search_path = '';
SELECT public.get_available_slots_v2(stylist, public.id('a minute'), '2031-03-05') ->> 'success' AS success FROM public.cases LIMIT 1;
SET search_path = public;
SELECT texts('everything else');
RESET ALL;
SELECT count(DISTINCT v2) AS v2, count(DISTINCT v1) AS v1, count(*), min(length(v2)) > 1000 AS long FROM texts;
-- the same by hits: a session of other settings reads what this one has stored, and stores what this one
-- reads
SELECT get_available_slots_v2(stylist, id('a minute'), '2031-03-05') - 'cached' - 'cache_hit' AS mine, pg_backend_pid() AS pid FROM cases WHERE n = 3 AND price = 1500 \gset
\c
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SELECT j - 'cached' - 'cache_hit' = :'mine' AS same, j ->> 'cached' AS cached, pg_backend_pid() <> :pid AS another
  FROM cases, get_available_slots_v2(stylist, id('a minute'), '2031-03-05') j WHERE n = 3 AND price = 1500;
SELECT availability_cache.flush() > 0 AS flushed;
SELECT j - 'computed_at' = :'mine'::jsonb - 'computed_at' || '{"cached": false, "cache_hit": false}' AS same, j ->> 'cached' AS cached
  FROM cases, get_available_slots_v2(stylist, id('a minute'), '2031-03-05') j WHERE n = 3 AND price = 1500;
\c :home
DROP DATABASE ac_jsonb;
