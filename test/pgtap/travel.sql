-- A stylist who works elsewhere from one date to another: every function goes by the hours there on these dates
-- and by those at home on others; caps stay at home. explain_slot(), the ranges and the guard agree with the
-- days around each moment, across the date line too. Fails when the dates of a moment are two (src/slots/hours.c:
-- hours_dates) or begin by the home zone, when one of windows, breaks, cut-off, horizon or grid does, when what
-- says only where somebody is has a say about the hours, when an update of an override's zone outdates nothing,
-- and when a range leaves out a slot of the one of two dates that has it free.
SELECT plan(49);
SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes int);
CREATE TABLE stylist_profiles (user_id uuid PRIMARY KEY, timezone text, max_bookings_per_day int);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid);
CREATE TABLE stylist_schedules (stylist_user_id uuid, day_of_week int, start_time time, end_time time, break_start_time time, break_end_time time);
CREATE TABLE schedule_overrides (id serial, stylist_user_id uuid, override_date date, end_date date, start_time time, end_time time, priority int, is_closed boolean,
    is_active boolean, time_zone text);
CREATE TABLE bookings (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz);
CREATE TABLE booking_reservations (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz);
CREATE TABLE class_sessions (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz, seats int);
SELECT is(string_agg(columns ->> 'timezone', ''), 'time_zonetimezone', 'by its usual names')
  FROM (SELECT a.columns FROM availability_cache.attach() a WHERE role IN ('schedule_overrides', 'stylist_profiles') ORDER BY role) x;
UPDATE availability_cache.rules SET max_advance = '3660 days', default_timezone = 'UTC';

-- Service 1 takes half an hour, 2 an hour. Everybody works 9 to 18 with a break at noon, and is at home in Berlin:
-- 08:00Z to 17:00Z in March 2034. The 6th is a Monday; stylist n is made for one example.
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.lpad(n::text, 32, '0')::uuid $$;
INSERT INTO services VALUES (id(1), 30), (id(2), 60);
INSERT INTO stylist_profiles SELECT id(n), 'Europe/Berlin' FROM generate_series(1, 9) n;
INSERT INTO stylist_services SELECT id(n), id(s) FROM generate_series(1, 9) n, generate_series(1, 2) s;
INSERT INTO stylist_schedules SELECT id(n), d, '09:00', '18:00', '12:00', '13:00' FROM generate_series(1, 9) n, generate_series(0, 6) d;

-- When a date's first slot starts and its last ends, in UTC, and how many are in a break: "7 00:00 to 7 09:00, 2".
CREATE FUNCTION open(stylist int, day int, service int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(a ->> 'code', (SELECT to_char(min(s.starts), 'FMDD HH24:MI') || ' to ' || to_char(max(s.ends), 'FMDD HH24:MI') || ', ' || count(*) FILTER (WHERE status = 'in_break')
                                     FROM jsonb_array_elements(a -> 'slots') e, LATERAL (SELECT (e ->> 'slot_start_utc')::timestamptz, (e ->> 'slot_end_utc')::timestamptz, e ->> 'status') s(starts, ends, status)),
                    'nothing')
      FROM get_available_slots_v2(id(stylist), id(service), date '2034-03-01' + day - 1) a $$;
CREATE FUNCTION put(stylist int, first int, last int, zone text, opens time DEFAULT NULL, closes time DEFAULT NULL, priority int DEFAULT 0, closed boolean DEFAULT false)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO schedule_overrides (stylist_user_id, override_date, end_date, start_time, end_time, priority, is_closed, time_zone)
    VALUES (id(stylist), date '2034-03-01' + first - 1, date '2034-03-01' + last - 1, opens, closes, priority, closed, zone) $$;

-- 1. there and back
SELECT is(open(1, 6), '6 08:00 to 6 17:00, 2', 'at home');
SELECT put(1, 7, 9, 'Asia/Tokyo') \g /dev/null
SELECT is(open(1, d), e, 'there and back: the ' || d)
  FROM (VALUES (6, '6 08:00 to 6 17:00, 2'), (7, '7 00:00 to 7 09:00, 2'), (9, '9 00:00 to 9 09:00, 2'), (10, '10 08:00 to 10 17:00, 2')) v(d, e) ORDER BY d;
SELECT is(open(2, 7), '7 08:00 to 7 17:00, 2', 'others stay');
UPDATE schedule_overrides SET time_zone = 'America/New_York';
SELECT is(open(1, 7), '7 14:00 to 7 23:00, 2', 'another place: what was kept is outdated');
SELECT is(get_available_slots_v2(id(1), id(1), '2034-03-07') ->> 'cached', 'true', 'and kept again');
UPDATE schedule_overrides SET is_active = false;
SELECT is(open(1, 7), '7 08:00 to 7 17:00, 2', 'cancelled');
UPDATE schedule_overrides SET is_active = NULL, end_date = NULL;
SELECT is(open(1, 7) || '; ' || open(1, 8), '7 14:00 to 7 23:00, 2; 8 08:00 to 8 17:00, 2', 'for a day');
UPDATE schedule_overrides SET time_zone = 'Mars/Olympus';
SELECT is(open(1, 7), 'INTERNAL_ERROR', 'no such zone');
SELECT throws_ok($$ SELECT get_available_slots(id(1), id(1), '2034-03-07') $$, '55000', 'an override has a time zone that is not known', 'no such zone');
DELETE FROM schedule_overrides;

-- 2. which row says it, and what else it says
SELECT put(1, 7, 7, 'Asia/Tokyo', '10:00', '12:00') \g /dev/null
SELECT is(open(1, 7), '7 01:00 to 7 03:00, 0', 'hours there');
SELECT put(1, 7, 7, NULL, '14:00', '16:00', 1) \g /dev/null
SELECT is(open(1, 7), '7 05:00 to 7 07:00, 0', 'the first hours, where the first with a zone is');
SELECT put(1, 7, 7, 'America/New_York', priority => 2) \g /dev/null
SELECT is(open(1, 7), '7 19:00 to 7 21:00, 0', 'who is elsewhere keeps the hours');
SELECT put(1, 7, 7, 'Asia/Tokyo', '09:00', NULL, 3) \g /dev/null
SELECT is(open(1, 7), '7 05:00 to 7 07:00, 0', 'one time is no hours');
INSERT INTO schedule_overrides (override_date, start_time, end_time, priority, time_zone) VALUES ('2034-03-07', '10:00', '11:00', 4, 'America/New_York');
SELECT is(open(1, 7), '7 01:00 to 7 02:00, 0', 'hours of all, but no place of all');
UPDATE schedule_overrides SET start_time = NULL WHERE stylist_user_id IS NULL;
SELECT is(open(1, 7), '7 00:00 to 7 09:00, 2', 'what says nothing of all says so, whatever its zone');
DELETE FROM schedule_overrides;
SELECT put(1, 7, 7, 'Asia/Tokyo'), put(1, 7, 7, NULL, closed => true) \g /dev/null
SELECT is(open(1, 7), 'nothing', 'closed');
DELETE FROM schedule_overrides;

-- Closed are rows without times, where no column says so.
SELECT availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"is_closed": null}') \g /dev/null
INSERT INTO schedule_overrides (stylist_user_id, override_date, time_zone) VALUES (id(1), '2034-03-07', 'Asia/Tokyo'), (NULL, '2034-03-08', 'Asia/Tokyo'), (id(1), '2034-03-09', NULL);
SELECT is(open(1, 7), '7 00:00 to 7 09:00, 2', 'no times and a zone: not closed');
SELECT is(open(1, 8), 'nothing', 'of all: closed');
SELECT is(open(1, 9), 'nothing', 'without a zone: closed');
SELECT is(availability_cache.explain_slot(id(1), id(1), '2034-03-08 09:00Z') #>> '{row,override_date}', '2034-03-08', 'which row closes it');
SELECT availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"is_closed": "is_closed"}') \g /dev/null
DELETE FROM schedule_overrides;

-- 3. what is counted in dates, and the clock of the grid
-- a quarter of an hour beside others
SELECT put(1, 7, 7, 'Asia/Kathmandu') \g /dev/null
UPDATE availability_cache.rules SET slot_alignment = 'clock', slot_step = '60 minutes';
UPDATE stylist_schedules SET start_time = '09:10' WHERE stylist_user_id = id(1);
SELECT is(open(1, 7), '7 04:15 to 7 11:45, 1', 'the clock there');
UPDATE stylist_schedules SET start_time = '09:00' WHERE stylist_user_id = id(1);
UPDATE availability_cache.rules SET slot_alignment = 'opening', slot_step = '30 minutes';
UPDATE schedule_overrides SET override_date = current_date + 3, end_date = NULL;
-- At whatever hour this runs: cut-offs and horizons before it and after, for who is in a zone.
CREATE FUNCTION misdated(zone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := '';
    status text;
BEGIN
    UPDATE schedule_overrides SET time_zone = zone;
    FOR n IN 0 .. 23 LOOP
        UPDATE availability_cache.rules SET notice_days = 3, notice_cutoff = make_time(n, 0, 0), advance_whole_days = false, max_advance = '3660 days';
        SELECT min(s.status) INTO status FROM get_available_slots(id(1), id(1), current_date + 3) s;
        said := said || CASE WHEN (status = 'unavailable') <> (clock_timestamp() >= (current_date + make_time(n, 0, 0)) AT TIME ZONE zone) THEN ' cut-off ' || n ELSE '' END;
    END LOOP;
    FOR n IN 2 .. 4 LOOP
        UPDATE availability_cache.rules SET notice_days = NULL, advance_whole_days = true, max_advance = make_interval(days => n);
        SELECT min(s.status) INTO status FROM get_available_slots(id(1), id(1), current_date + 3) s;
        said := said || CASE WHEN (status = 'unavailable') <> (clock_timestamp() < (current_date + 3 - n)::timestamp AT TIME ZONE zone) THEN ' horizon ' || n ELSE '' END;
    END LOOP;
    RETURN said;
END
$$;
SELECT is(misdated(z), '', 'cut-off and horizon: ' || z) FROM unnest('{Pacific/Kiritimati,Etc/GMT+12,Europe/Berlin}'::text[]) z;
UPDATE availability_cache.rules SET notice_days = NULL, advance_whole_days = false, max_advance = '3660 days';
DELETE FROM schedule_overrides;

-- 4. nights: what is open past midnight goes on in the hours of the next date's place
UPDATE stylist_schedules SET start_time = '18:00', end_time = '24:00', break_start_time = NULL, break_end_time = NULL WHERE stylist_user_id = id(3);
INSERT INTO stylist_schedules SELECT id(3), d, '00:00', '02:00' FROM generate_series(0, 6) d;
SELECT is(open(3, 6, 2), '5 23:00 to 6 23:30, 0', 'the night goes on at home');
SELECT put(3, 7, 7, 'Asia/Tokyo') \g /dev/null
-- From 00:00 to 02:00 there: 15:00Z to 17:00Z on the 6th, when it opens here.
SELECT is(open(3, 6, 2), '5 23:00 to 6 23:00, 0', 'and not where the next date is elsewhere');
SELECT is(open(3, 7, 2), '6 15:00 to 7 15:00, 0', 'nor from there');
UPDATE schedule_overrides SET time_zone = 'Europe/London';
SELECT is(open(3, 6, 2), '5 23:00 to 6 23:00, 0', 'an hour is between');
UPDATE schedule_overrides SET time_zone = 'Europe/Athens';
SELECT is(open(3, 6, 2), '5 23:00 to 6 23:30, 0', 'an hour is of both, and the window goes on in the other''s');
DELETE FROM schedule_overrides;

-- The 8th begins before the 7th, and its hours are over long before the 7th's: nothing of it goes on, nor its break.
UPDATE stylist_schedules SET start_time = '20:00', end_time = '23:00', break_start_time = NULL WHERE stylist_user_id = id(2) AND day_of_week = 2;
UPDATE stylist_schedules SET start_time = '00:00', end_time = '02:00', break_start_time = '22:30', break_end_time = '23:00' WHERE stylist_user_id = id(2) AND day_of_week = 3;
SELECT put(2, 7, 7, 'Etc/GMT+12'), put(2, 8, 8, 'Pacific/Kiritimati') \g /dev/null
SELECT is(open(2, 7), '8 08:00 to 8 11:00, 0', 'hours that are over do not go on');
DELETE FROM schedule_overrides;

-- 5. caps are of the home's dates
UPDATE stylist_profiles SET max_bookings_per_day = 1 WHERE user_id = id(4);
SELECT put(4, 7, 7, 'Pacific/Auckland') \g /dev/null
-- the 7th from 20:00Z on the 6th, 21:00 at home
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (id(4), id(1), '2034-03-06 09:00Z', '2034-03-06 09:30Z');
SELECT is((SELECT string_agg(DISTINCT coalesce(s ->> 'status', '-') || CASE WHEN s ->> 'slot_start_utc' < '2034-03-06T23:00' THEN ' before midnight' ELSE '' END, ', ')
             FROM jsonb_array_elements(get_available_slots_v2(id(4), id(1), '2034-03-07') -> 'slots') s WHERE s ->> 'status' <> 'in_break'),
          'available, unavailable before midnight', 'a date is from midnight to midnight at home');
DELETE FROM bookings;
DELETE FROM schedule_overrides;

-- 6. whatever says it, every moment is of the same slots: days, range, days by their starts, the next, explain_slot() and the guard
CREATE FUNCTION of_days(stylist int) RETURNS TABLE (starts timestamptz, free boolean) LANGUAGE sql AS $$
    SELECT s.slot_start_utc, bool_or(s.status = 'available')
      FROM generate_series(date '2034-03-01', '2034-03-22', '1 day') d, get_available_slots(id(stylist), id(1), d::date, 'UTC') s
     WHERE s.slot_start_utc >= '2034-03-04' AND s.slot_start_utc < '2034-03-19' GROUP BY 1 $$;
CREATE FUNCTION differ(stylist int, zone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := '';
BEGIN
    IF EXISTS (SELECT * FROM (SELECT * FROM of_days(stylist) d WHERE (d.starts AT TIME ZONE zone)::date BETWEEN '2034-03-06' AND '2034-03-16') d
               FULL JOIN (SELECT (s ->> 'slot_start_utc')::timestamptz AS starts, (s ->> 'status' = 'available') AS free, (s ->> 'status' = 'available') = ((s ->> 'seats_left')::int > 0) AS seats
                            FROM jsonb_array_elements(get_available_slots_range(id(1), '2034-03-06', '2034-03-16', ARRAY[id(stylist)], zone) -> 'slots') s) r USING (starts)
               WHERE d.free IS DISTINCT FROM r.free OR NOT r.seats) THEN
        said := said || ' range';
    END IF;
    IF (SELECT array_agg(starts ORDER BY starts) FROM of_days(stylist) d WHERE (d.starts AT TIME ZONE zone)::date BETWEEN '2034-03-06' AND '2034-03-16' AND free)
       IS DISTINCT FROM (SELECT array_agg((s ->> 'slot_start_utc')::timestamptz ORDER BY 1) FROM jsonb_array_elements(
            get_available_slots_range(id(1), '2034-03-06', '2034-03-16', ARRAY[id(stylist)], zone, 'all') -> 'slots') s WHERE s ->> 'status' = 'available') THEN
        said := said || ' all';
    END IF;
    IF (SELECT array_agg(x.n ORDER BY d) FROM generate_series(date '2034-03-06', '2034-03-16', '1 day') d,
               LATERAL (SELECT count(*) FROM of_days(stylist) o WHERE o.free AND (o.starts AT TIME ZONE zone)::date = d) x(n))
       IS DISTINCT FROM (SELECT array_agg((d ->> 'slots')::bigint ORDER BY d ->> 'date')
                           FROM jsonb_array_elements(get_available_days(id(1), '2034-03-06', '2034-03-16', ARRAY[id(stylist)], zone) -> 'days') d) THEN
        said := said || ' days';
    END IF;
    IF (SELECT array_agg(starts ORDER BY starts) FROM (SELECT starts FROM of_days(stylist) WHERE free AND starts >= '2034-03-06 12:00Z' ORDER BY 1 LIMIT 90) x)
       IS DISTINCT FROM (SELECT array_agg((s ->> 'slot_start_utc')::timestamptz) FROM jsonb_array_elements(get_next_available(id(1), ARRAY[id(stylist)], zone,
                                  p_after => '2034-03-06 12:00Z', p_limit => 90) -> 'slots') s) THEN
        said := said || ' next';
    END IF;
    RETURN said;
END
$$;
-- As the guard has it, nothing of which stays.
CREATE FUNCTION may_be_booked(stylist int, starts timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (id(stylist), id(1), starts, starts + '30 minutes');
    PERFORM availability_cache.check_bookings();
    RAISE SQLSTATE 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN RETURN true;
    WHEN exclusion_violation THEN RETURN false;
END
$$;
-- Each half hour of two weeks, and a minute that is none's.
CREATE FUNCTION misjudged(stylist int) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(to_char(m, 'DD HH24:MI') || CASE WHEN coalesce(d.free, false) THEN ' is free' ELSE ' is not' END, ', ' ORDER BY m), '')
      FROM (SELECT generate_series(timestamptz '2034-03-04', '2034-03-18', '30 minutes') UNION ALL SELECT '2034-03-08 03:01Z') x(m) LEFT JOIN of_days(stylist) d ON d.starts = m,
           LATERAL availability_cache.explain_slot(id(stylist), id(1), m) e
     WHERE (e ->> 'available')::boolean IS DISTINCT FROM coalesce(d.free, false)
        OR (d.starts IS NULL) <> (e ->> 'reason' IS NOT NULL AND e ->> 'reason' IN ('closed', 'no_hours', 'too_short', 'off_grid', 'outside_hours'))
        OR may_be_booked(stylist, m) IS DISTINCT FROM coalesce(d.free, false) $$;
CREATE FUNCTION agree(stylist int) RETURNS text LANGUAGE sql AS $$
    SELECT differ(stylist, 'Pacific/Kiritimati') || differ(stylist, 'Etc/GMT+12') || differ(stylist, 'Asia/Tokyo') || misjudged(stylist) $$;
-- 5 long days, 6 nights, 7 hours around the clock
UPDATE stylist_schedules SET start_time = '20:00', end_time = '05:00', break_start_time = '01:00', break_end_time = '02:00' WHERE stylist_user_id = id(6);
UPDATE stylist_schedules SET start_time = '06:00', end_time = '06:00' WHERE stylist_user_id = id(7);
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT id(n), id(1), t, t + '90 minutes'
  FROM generate_series(5, 7) n, generate_series(timestamptz '2034-03-05 03:15Z', '2034-03-17', '7 hours') t;
UPDATE availability_cache.rules SET guard = 'on';
SELECT is(agree(6), '', 'at home');
SELECT put(n, 8, 9, 'Asia/Tokyo'), put(n, 10, 11, 'America/New_York'), put(n, 12, 12, 'Asia/Tokyo') FROM generate_series(5, 7) n \g /dev/null
SELECT is(agree(n), '', 'over the date line and back: ' || n) FROM generate_series(5, 7) n;
UPDATE schedule_overrides SET time_zone = CASE time_zone WHEN 'Asia/Tokyo' THEN 'Pacific/Kiritimati' ELSE 'Etc/GMT+12' END;
SELECT is(agree(n), '', '26 hours apart: ' || n) FROM generate_series(5, 7) n;
-- Clocks are put forward on the 12th in New York, and on the 26th in Berlin.
UPDATE schedule_overrides SET time_zone = 'America/New_York', end_date = end_date + 1;
SELECT is(agree(6), '', 'where clocks are put forward');
-- Classes, each of the last date that has begun: of one, and of no hours.
INSERT INTO class_sessions (stylist_user_id, service_id, start_time, end_time, seats)
SELECT id(5), id(1), t, t + '40 minutes', 2 FROM generate_series(timestamptz '2034-03-05 00:30Z', '2034-03-17', '150 minutes') t;
UPDATE schedule_overrides SET time_zone = CASE WHEN id % 2 = 0 THEN 'Pacific/Kiritimati' ELSE 'Etc/GMT+12' END, override_date = '2034-03-05'::date + id % 11, end_date = NULL WHERE stylist_user_id = id(5);
INSERT INTO schedule_overrides (stylist_user_id, override_date, time_zone) VALUES (id(5), '2034-03-07', 'Etc/GMT+12'), (id(5), '2034-03-08', 'Pacific/Kiritimati'), (id(5), '2034-03-10', 'Etc/GMT+12');
SELECT is(agree(5), '', 'classes');
SELECT is((SELECT array_agg(n ORDER BY n) FROM (SELECT DISTINCT (SELECT count(*) FROM generate_series(date '2034-03-02', '2034-03-19', '1 day') d, get_available_slots(id(5), id(1), d::date, 'UTC') s
             WHERE s.slot_start_utc = c.start_time AND s.slot_end_utc = c.end_time) AS n FROM class_sessions c) x), '{1}', 'each once');
SELECT is((SELECT count(*) FROM of_days(7) WHERE free) > 150, true, 'there is something to agree about');

-- 7. a slot that is of two dates, and in a break of one of them, is free, once, for each and for all
-- (The 9th begins two hours before the 8th, which goes on in its hours, with its breaks.)
UPDATE availability_cache.rules SET guard = 'off';
DELETE FROM schedule_overrides;
UPDATE stylist_schedules SET start_time = '00:00', end_time = '24:00' WHERE stylist_user_id IN (id(8), id(9));
SELECT put(n, 8, 8, 'Etc/GMT+12'), put(n, 9, 9, 'Pacific/Kiritimati') FROM generate_series(8, 9) n \g /dev/null
CREATE TEMP TABLE of_both AS SELECT s.slot_start_utc AS starts, array_agg(DISTINCT s.status ORDER BY s.status) AS statuses
  FROM generate_series(date '2034-03-05', '2034-03-11', '1 day') d, get_available_slots(id(8), id(1), d::date, 'UTC') s GROUP BY 1;
SELECT is(count(*), 2::bigint, 'there are such slots') FROM of_both WHERE statuses = '{available,in_break}';
SELECT is((SELECT array_agg((s ->> 'slot_start_utc')::timestamptz ORDER BY n) FROM jsonb_array_elements(get_available_slots_range(id(1), '2034-03-07', '2034-03-10', ARRAY[id(8), id(9)], 'UTC',
              p_match => m) -> 'slots') WITH ORDINALITY x(s, n) WHERE s ->> 'status' = 'available' AND jsonb_array_length(s -> 'stylists') = 2 AND (s ->> 'seats_left')::int = CASE m WHEN 'any' THEN 2 ELSE 1 END),
          (SELECT array_agg(starts ORDER BY starts) FROM of_both WHERE starts >= '2034-03-07' AND starts < '2034-03-11' AND 'available' = ANY (statuses)), 'all of them, once: ' || m)
  FROM unnest('{any,all}'::text[]) m;
