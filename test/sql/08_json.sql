-- get_available_slots_json: what get_available_slots_v2 answers, as text that src/slots/json.c writes by
-- hand, from the same entry. Fails when a key, value, comma or escape is off on any kind of day; when the two
-- do not share entries and counters; when the compact form (src/slots/answer.c) loses a slot, a status or an
-- offset of a zone on days that are not one even row of slots.
\set db ac_json
\set stylists 1
\set services 1
\set bookings 0
\set days 7
\getenv test AC_TEST
\i :test/lib/salon_database.psql
SELECT count(*) AS attached FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days', slot_step = '1 minute', default_timezone = 'UTC';

-- a stylist for each kind of day; all are asked for several days and zones
CREATE FUNCTION day_kind(name text, timezone text, duration int, price int, windows text[], statuses boolean) RETURNS text LANGUAGE sql AS $$
INSERT INTO stylist_profiles (user_id, timezone) VALUES (id(name), timezone);
INSERT INTO services (id, name, duration_minutes) VALUES (id(name), name, duration);
INSERT INTO stylist_services (stylist_user_id, service_id, custom_price_cents) VALUES (id(name), id(name), price);
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time, break_start_time, break_end_time)
SELECT id(name), d, split_part(w, '-', 1)::time, split_part(w, '-', 2)::time,
       nullif(split_part(w, '-', 3), '')::time, nullif(split_part(w, '-', 4), '')::time FROM generate_series(0, 6) d, unnest(windows) w;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
SELECT id(name), id(name), t, t + interval '1 minute' FROM generate_series(timestamptz '2031-03-05 01:00', '2031-03-05 20:00', '7 minutes') t WHERE statuses;
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time)
SELECT id(name), id(name), t, t + interval '1 minute' FROM generate_series(timestamptz '2031-03-05 01:00', '2031-03-05 20:00', '11 minutes') t WHERE statuses;
SELECT name $$;
SELECT count(day_kind(name, timezone, duration, price, windows, statuses)) FROM (VALUES
    ('one slot', 'UTC', 1, 1500, '{01:00-01:01}'::text[], false),
    ('two slots, no price', 'UTC', 1, NULL, '{01:00-01:02}', false),
    ('three slots', 'UTC', 1, 0, '{01:00-01:03}', true),
    ('odd and even', 'UTC', 1, -10001, '{01:00-01:33-01:10-01:17}', true),
    ('more than a byte of slots', 'UTC', 1, 2147483647, '{01:00-06:00}', true),
    ('all day', 'Asia/Kathmandu', 7, -2147483648, '{00:00-00:00-12:00-13:00}', true),
    ('all night', 'America/New_York', 60, 1, '{20:00-06:00-23:30-00:30}', true),
    ('two rows of one grid', 'UTC', 10, 100000000, '{01:00-02:00,03:00-04:00}', true),
    ('two grids', 'UTC', 3, 5, '{01:00-02:00,02:00:20-03:00:20}', true),
    ('many grids', 'UTC', 1, 5, '{01:00:01-01:05,01:10:02-01:15,01:20:03-01:25,01:30:59-01:35}', true),
    ('none', 'UTC', 1, 5, '{}', false)) k(name, timezone, duration, price, windows, statuses);
CREATE VIEW keys AS
SELECT name, id(name) AS stylist, d AS day, z AS zone FROM services,
       -- 2031: New York changes on 9 March and 2 November, Lord Howe (by half an hour) on 6 April, at 15:00
       -- UTC; in 1960 the clocks of Monrovia were 44 minutes and 30 seconds late; in 1900 those of Kathmandu
       -- 5:41:16 early
       unnest('{2031-03-05,2031-03-08,2031-03-09,2031-11-01,2031-11-02,2031-04-05,2031-04-06,1960-03-05,1900-01-01}'::date[]) d,
       unnest('{NULL,Asia/Kathmandu,America/New_York,Australia/Lord_Howe,Africa/Monrovia,Pacific/Kiritimati}'::text[]) z
 WHERE id = id(name) AND (d = '2031-03-05' OR name LIKE 'all%' OR name LIKE '%grid%');

-- computed by json, then from its entry by both
CREATE VIEW verdict AS
SELECT count(*) AS answers, count(*) FILTER (WHERE (first ->> 'cached')::boolean) AS first_hits, count(*) FILTER (WHERE (again ->> 'cached')::boolean) AS hits,
       count(*) FILTER (WHERE first::jsonb - '{cached,cache_hit,computed_at}'::text[] <> v2 - '{cached,cache_hit,computed_at}'::text[]) AS first_differs,
       count(*) FILTER (WHERE again::jsonb <> CASE WHEN v2 @> '{"cached": true}' THEN v2 ELSE v2 || jsonb_build_object('computed_at', again ->> 'computed_at') END) AS again_differs,
       sum(json_array_length(again -> 'slots')) AS slots
  FROM (SELECT get_available_slots_json(stylist, stylist, day, zone) AS first, get_available_slots_v2(stylist, stylist, day, zone) AS v2,
               get_available_slots_json(stylist, stylist, day, zone) AS again FROM keys OFFSET 0) x;
SELECT * FROM verdict;
SELECT * FROM verdict;
SELECT s ->> 'status' AS status, count(*)
  FROM get_available_slots_json(id('odd and even'), id('odd and even'), '2031-03-05') j, json_array_elements(j -> 'slots') s GROUP BY 1 ORDER BY 1;

-- the text
CREATE FUNCTION shown(name text, day date DEFAULT '2031-03-05') RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace(get_available_slots_json(id(name), id(name), day)::text, '"20[^"]*"}$', '"now"}') $$;
SELECT shown('two slots, no price');
SELECT shown('two slots, no price');
SELECT shown('one slot');
SELECT shown('none');
SELECT get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05') ->> 'computed_at' ~ '^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$' AS computed_at;

-- v1's rows, which come from the same compact form: local times as the server's own time zone code has them,
-- nothing lost
CREATE VIEW rows AS
SELECT k.name, k.day, coalesce(k.zone, 'UTC') AS zone, r.*, duration_minutes * interval '1 minute' AS duration FROM keys k JOIN services USING (name), get_available_slots(stylist, stylist, day, zone) r;
SELECT count(*) AS rows, count(*) FILTER (WHERE slot_start_local <> slot_start_utc AT TIME ZONE zone OR slot_end_local <> slot_end_utc AT TIME ZONE zone) AS local_differs,
       count(*) FILTER (WHERE slot_end_utc - slot_start_utc <> duration) AS length_differs,
       count(*) FILTER (WHERE slot_display <> to_char(slot_start_local, 'HH24:MI')) AS display_differs,
       count(DISTINCT slot_start_utc - slot_start_local AT TIME ZONE 'UTC') AS offsets
  FROM rows;
SELECT name, count(*), min(slot_start_utc), max(slot_start_utc), count(DISTINCT slot_start_utc) FROM rows WHERE day = '2031-03-05' AND zone = 'UTC' GROUP BY 1 ORDER BY 1;
SELECT array_agg(to_char(slot_start_utc, 'HH24:MI:SS') ORDER BY slot_start_utc) FROM rows WHERE name = 'many grids' AND day = '2031-03-05' AND zone = 'UTC';
-- offsets that change in the middle of a day
SELECT name, day, zone, count(DISTINCT slot_start_utc - slot_start_local AT TIME ZONE 'UTC') AS offsets
  FROM rows GROUP BY 1, 2, 3 HAVING count(DISTINCT slot_start_utc - slot_start_local AT TIME ZONE 'UTC') > 1 ORDER BY 1, 2, 3;

-- rows with gaps where slots are not shown; buffers
UPDATE availability_cache.rules SET show_breaks = false, buffer_before = '90 seconds', buffer_after = '1 minute';
SELECT * FROM verdict;
SELECT * FROM verdict;
UPDATE availability_cache.rules SET show_unavailable = false, min_notice = '3 days', buffer_before = '0', buffer_after = '0', slot_step = '77 seconds';
SELECT * FROM verdict;
SELECT * FROM verdict;
UPDATE availability_cache.rules SET show_unavailable = true, min_notice = '0', show_breaks = true, slot_step = '1 minute';

-- display formats, on the shorter days: empty text, more than one byte a character, what JSON escapes, the
-- longest
CREATE TABLE formats (n serial, f text);
INSERT INTO formats (f) VALUES ('HH12:MI AM'), ('""'), ('FM'), ('HH24"時"MI"分"'), ('"\""HH24\"'), (E'HH24\nMI\t"\\\\"'), ('"<&>/"HH24'), (E'"\u0001\u007f"HH24'),
    ('FMDay, FMDDth FMMonth YYYY HH24:MI:SS'), ('HH24:MI '), ('J'), (repeat('"é"', 21)), (repeat('J', 64)), (repeat(E'\u0001', 64)), ('FMMI');
DELETE FROM services WHERE name LIKE 'all%' OR name LIKE 'two %' OR name LIKE 'more%';
\pset format unaligned
\pset tuples_only on
\set ECHO none
SELECT unnest(ARRAY[format('UPDATE availability_cache.rules SET display_format = %L', f),
       format('SELECT %s, first_differs, again_differs, slots FROM verdict', n), format('SELECT %s, first_hits > 0, first_differs, again_differs, slots FROM verdict', n)])
  FROM formats ORDER BY n \gexec
\set ECHO all
\pset format aligned
\pset tuples_only off
UPDATE availability_cache.rules SET display_format = 'HH24:MI';

-- errors
SELECT get_available_slots_json(s, v, d, z)::text AS json, get_available_slots_json(s, v, d, z)::jsonb = get_available_slots_v2(s, v, d, z) AS same
  FROM (VALUES (NULL::uuid, NULL::uuid, NULL::date, NULL::text), (id('x'), id('x'), '2031-03-05', 'x'), (id('x'), id('x'), '2031-03-05', NULL),
               (id('one slot'), id('x'), '2031-03-05', NULL), (id('one slot'), id('one slot'), 'infinity', NULL)) v(s, v, d, z);
SELECT count(*) AS detached FROM availability_cache.detach('bookings');
SELECT get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05')::text AS json;
SELECT get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05')::jsonb = get_available_slots_v2(id('one slot'), id('one slot'), '2031-03-05') AS same;
SELECT count(*) AS attached FROM availability_cache.attach('bookings', 'bookings');

-- one entry and one set of counters for both
SELECT availability_cache.flush() > 0 AS flushed, availability_cache.reset_stats();
\c
SELECT (get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05')) ->> 'cached' AS computed;
SELECT (get_available_slots_v2(id('one slot'), id('one slot'), '2031-03-05')) ->> 'cached' AS hit;
SELECT (get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05')) ->> 'cached' AS hit;
SELECT get_available_slots_json(p_service_id => id('one slot'), p_stylist_id => id('one slot'), p_target_date => '2031-03-05') ->> 'cached' AS hit;
SELECT hits, misses, stores, entries FROM availability_cache.stats WHERE datname = current_database();
-- own writes, and not a moment longer
BEGIN;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (id('one slot'), id('one slot'), '2031-03-05 01:00Z', '2031-03-05 01:01Z');
SELECT get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05') #>> '{slots,0,status}' AS status;
ROLLBACK;
SELECT j #>> '{slots,0,status}' AS status, j ->> 'cached' AS cached FROM get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05') j;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (id('one slot'), id('one slot'), '2031-03-05 01:00Z', '2031-03-05 01:01Z');
SELECT j #>> '{slots,0,status}' AS status, j ->> 'cached' AS cached FROM get_available_slots_json(id('one slot'), id('one slot'), '2031-03-05') j;
\c :home
DROP DATABASE ac_json;
