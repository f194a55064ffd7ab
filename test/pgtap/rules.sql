-- docs/rules.md by example: days worked out by hand, for get_available_slots and get_available_slots_v2.
-- (test/t/020_oracle.pl compares random days with an oracle.) Days with statuses lie in June 2034; days on
-- which clocks change lie in the past, where every slot is unavailable: there only their starts are looked
-- at.
\set ECHO none
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS availability_cache;
RESET client_min_messages;
SET LOCAL TimeZone = 'UTC';

CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes integer, price_cents integer, is_active boolean,
    buffer_before_minutes integer, buffer_after_minutes integer, min_notice_minutes integer, max_advance_days integer);
CREATE TABLE stylist_profiles (user_id uuid PRIMARY KEY, timezone text, is_active boolean,
    buffer_before_minutes integer, buffer_after_minutes integer, min_notice_minutes integer, max_advance_days integer);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid, custom_duration_minutes integer, custom_price_cents integer,
    is_active boolean, PRIMARY KEY (stylist_user_id, service_id));
CREATE TABLE stylist_schedules (stylist_user_id uuid, day_of_week integer, start_time time, end_time time, break_start_time time,
    break_end_time time, is_active boolean, effective_from date, effective_until date);
CREATE TABLE schedule_overrides (stylist_user_id uuid, override_date date, end_date date, is_closed boolean, start_time time,
    end_time time, priority integer DEFAULT 0, is_active boolean, created_at timestamptz DEFAULT clock_timestamp());
CREATE TABLE bookings (stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz, status text);
CREATE TABLE booking_reservations (stylist_user_id uuid, start_time timestamptz, end_time timestamptz, status text, expires_at timestamptz);
SELECT count(*) FROM availability_cache.attach() \gset attached_
UPDATE availability_cache.rules SET slot_step = '60 minutes', max_advance = '3660 days';

SELECT plan(75);

-- Service 1 lasts an hour and costs 1000; everybody offers it. Stylist n is made for one example.
CREATE FUNCTION id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$;
INSERT INTO services (id, duration_minutes, price_cents) VALUES (id(1), 60, 1000);

CREATE FUNCTION stylist(n integer, zone text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stylist_profiles (user_id, timezone) VALUES (id(n), zone);
    INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (id(n), id(1));
$$;
CREATE FUNCTION opens(n integer, weekday integer, opens time, closes time, break_start time DEFAULT NULL, break_end time DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time, break_start_time, break_end_time)
    VALUES (id(n), weekday, opens, closes, break_start, break_end);
$$;
-- The day as "HH:MI status" in the customer's zone (Asia/Kathmandu, the default), equal statuses in a row
-- named once.
CREATE FUNCTION day(n integer, date date, zone text DEFAULT NULL, service integer DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(slot_display || CASE WHEN status IS DISTINCT FROM next THEN ' ' || status || ';' ELSE '' END, ' ' ORDER BY slot_start_utc), 'nothing')
      FROM (SELECT *, lead(status) OVER (ORDER BY slot_start_utc) AS next FROM get_available_slots(id(n), id(service), date, zone)) s
$$;
-- The day's starts in UTC.
CREATE FUNCTION starts(n integer, date date) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(to_char(slot_start_utc, 'DD HH24:MI'), ', ' ORDER BY slot_start_utc), 'nothing')
      FROM get_available_slots(id(n), id(1), date)
$$;
-- What v2 must say: v1's rows.
CREATE FUNCTION as_json(stylist uuid, date date, zone text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY slot_start_utc), '[]') FROM get_available_slots(stylist, id(1), date, zone) s
$$;

-- Windows -----------------------------------------------------------------------------------------------

-- 12 June 2034 is a Monday.
SELECT stylist(1, 'Asia/Kathmandu'), opens(1, 1, '10:00', '13:00') \gset _
SELECT is(day(1, '2034-06-12'), '10:00 11:00 12:00 available;', 'a plain day: the last slot ends at closing');
SELECT is(day(1, '2034-06-13'), 'nothing', 'a day off is an empty day');
SELECT results_eq($$ SELECT * FROM get_available_slots(id(1), id(1), '2034-06-12', 'Asia/Kolkata') LIMIT 1 $$,
    $$ VALUES (timestamptz '2034-06-12 04:15+00', timestamptz '2034-06-12 05:15+00', timestamp '2034-06-12 09:45',
               timestamp '2034-06-12 10:45', '09:45'::text, 'available'::text, 1000) $$, 'every column of a slot');
SELECT is(get_available_slots_v2(id(1), id(1), '2034-06-12', 'Asia/Kolkata') -> 'slots' -> 0,
    '{"slot_start_utc": "2034-06-12T04:15:00+00:00", "slot_end_utc": "2034-06-12T05:15:00+00:00",
      "slot_start_local": "2034-06-12T09:45:00", "slot_end_local": "2034-06-12T10:45:00", "slot_display": "09:45",
      "status": "available", "price_cents": 1000}', 'and of one of v2');
SELECT is(day(1, '2034-06-12', 'Pacific/Niue'), '17:15 18:15 19:15 available;', 'a customer eleven hours behind UTC');

SELECT stylist(2, NULL), opens(2, 1, '22:00', '01:00') \gset _
SELECT is(starts(2, '2034-06-12'), '12 16:15, 12 17:15, 12 18:15', 'past midnight, in the default zone');
SELECT stylist(3, 'UTC'), opens(3, 1, '09:00', '09:00') \gset _
SELECT is((SELECT array[count(*)::text, max(slot_end_utc)::text] FROM get_available_slots(id(3), id(1), '2034-06-12')),
    array['24', '2034-06-13 09:00:00+00'], 'equal times: 24 hours');
SELECT stylist(4, 'Asia/Kathmandu'), opens(4, 1, '10:00', '12:30'), opens(4, 1, '11:00', '13:00'), opens(4, 1, '11:15', '12:14') \gset _
SELECT is(day(4, '2034-06-12'), '10:00 11:00 12:00 available;', 'windows that overlap: equal starts once, too short a window none');
SELECT stylist(5, 'Asia/Kathmandu'), opens(5, 0, '08:00', '09:00'), opens(5, 7, '10:00', '11:00'), opens(5, 1, '23:00', '24:00'), opens(5, 8, '12:00', '13:00') \gset _
SELECT is(day(5, '2034-06-11'), '08:00 10:00 available;', '0 and 7 are Sunday');
SELECT is(day(5, '2034-06-12'), '23:00 available;', 'closing at 24:00');

SELECT stylist(6, 'Asia/Kathmandu') \gset _
INSERT INTO stylist_schedules VALUES
    (id(6), 1, '08:00', '09:00', NULL, NULL, true, '2034-06-12', '2034-06-12'),
    (id(6), 1, '09:00', '10:00', NULL, NULL, NULL, NULL, '2034-06-11'),
    (id(6), 1, '10:00', '11:00', NULL, NULL, NULL, '2034-06-13', NULL),
    (id(6), 1, '11:00', '12:00', NULL, NULL, false, NULL, NULL),
    (id(6), 1, '12:00', NULL, NULL, NULL, true, NULL, NULL),
    (id(6), NULL, '13:00', '14:00', NULL, NULL, true, NULL, NULL),
    (NULL, 1, '14:00', '15:00', NULL, NULL, true, NULL, NULL);
SELECT is(day(6, '2034-06-12'), '08:00 available;', 'validity includes both its dates; inactive rows and rows with NULLs are none');
SELECT is(day(6, '2034-06-19'), '10:00 available;', 'a week later another row is valid');

SELECT stylist(7, 'UTC'), opens(7, 1, '10:00:00.9', '12:00:00.1') \gset _
SELECT results_eq($$ SELECT slot_start_utc FROM get_available_slots(id(7), id(1), '2034-06-12') $$,
    $$ VALUES (timestamptz '2034-06-12 10:00+00'), ('2034-06-12 11:00+00') $$, 'times of day are cut to whole seconds');

-- Clocks that change --------------------------------------------------------------------------------------

-- New York: 10 March 2024, 02:00 becomes 03:00; 3 November, 02:00 becomes 01:00.
SELECT stylist(11, 'America/New_York'), opens(11, 0, '01:00', '05:00') \gset _
SELECT is(starts(11, '2024-03-10'), '10 06:00, 10 07:00, 10 08:00', 'spring: 01:00 to 05:00 are three hours');
SELECT is((SELECT string_agg(slot_display, ' ' ORDER BY slot_start_utc) FROM get_available_slots(id(11), id(1), '2024-03-10', 'America/New_York')),
    '01:00 03:00 04:00', 'nobody is asked to come at 02:00');
SELECT is(starts(11, '2024-11-03'), '03 05:00, 03 06:00, 03 07:00, 03 08:00, 03 09:00', 'autumn: 01:00 to 05:00 are five');
SELECT is((SELECT string_agg(slot_display, ' ' ORDER BY slot_start_utc) FROM get_available_slots(id(11), id(1), '2024-11-03', 'America/New_York')),
    '01:00 01:00 02:00 03:00 04:00', '01:00 comes twice');
SELECT stylist(12, 'America/New_York'), opens(12, 0, '02:30', '05:00') \gset _
SELECT is(starts(12, '2024-03-10'), '10 07:30', 'opening at the missing 02:30: it is 03:30');
SELECT is(starts(12, '2024-11-03'), '03 07:30, 03 08:30', '02:30 comes once in autumn');
SELECT stylist(13, 'America/New_York'), opens(13, 0, '01:30', '03:00') \gset _
SELECT is(starts(13, '2024-11-03'), '03 05:30, 03 06:30', 'opening at 01:30, which comes twice: the first');
SELECT is(starts(13, '2024-03-10'), 'nothing', '01:30 to 03:00 are half an hour in spring');
SELECT stylist(14, 'America/New_York'), opens(14, 0, '00:00', '01:30'), opens(14, 0, '02:30', '03:15') \gset _
SELECT is(starts(14, '2024-11-03'), '03 04:00', 'closing at 01:30, which comes twice: the first');
SELECT is(starts(14, '2024-03-10'), '10 05:00', '02:30 (that is 03:30) to 03:15 is no window');
SELECT stylist(15, 'America/New_York'), opens(15, 6, '22:00', '04:00') \gset _
SELECT is(starts(15, '2024-03-09'), '10 03:00, 10 04:00, 10 05:00, 10 06:00, 10 07:00', 'the night before spring has five of six hours');

-- Lord Howe: 6 October 2024, 02:00 (+10:30) becomes 02:30 (+11); 7 April 2024, 02:00 becomes 01:30.
SELECT stylist(16, 'Australia/Lord_Howe'), opens(16, 0, '01:00', '04:00') \gset _
SELECT is(starts(16, '2024-10-06'), '05 14:30, 05 15:30', 'Lord Howe loses half an hour');
SELECT is(starts(16, '2024-04-07'), '06 14:00, 06 15:00, 06 16:00', 'and gets it back');
SELECT stylist(17, 'Australia/Lord_Howe'), opens(17, 0, '02:15', '04:00'), stylist(21, 'Australia/Lord_Howe'), opens(21, 0, '01:45', '03:00') \gset _
SELECT is(starts(17, '2024-10-06'), '05 15:45', 'the missing 02:15 is 02:45');
SELECT is(starts(21, '2024-10-06'), 'nothing', '01:45 to 03:00 are 45 minutes, too short');
SELECT is(starts(17, '2024-04-07'), '06 15:45', '02:15 comes once');
SELECT is(starts(21, '2024-04-07'), '06 14:45', '01:45 comes twice: the first');

-- Apia had no 30 December 2011: after the 29th at UTC-10 came the 31st at UTC+14.
SELECT stylist(18, 'Pacific/Apia'), opens(18, 5, '09:00', '12:00'), opens(18, 4, '22:00', '02:00'), opens(18, 6, '09:00', '11:00') \gset _
SELECT is(starts(18, '2011-12-30'), '30 19:00, 30 20:00, 30 21:00', 'Apia: the day that was skipped moves forward to the next');
SELECT is(starts(18, '2011-12-31'), '30 19:00, 30 20:00', 'which has hours of its own');
SELECT is(starts(18, '2011-12-29'), '30 08:00, 30 09:00, 30 10:00, 30 11:00', 'the 29th closes on the 30th, 02:00, that is on the 31st');
SELECT is((SELECT string_agg(to_char(slot_start_local, 'DD HH24:MI'), ', ' ORDER BY slot_start_utc) FROM get_available_slots(id(18), id(1), '2011-12-29', 'Pacific/Apia')),
    '29 22:00, 29 23:00, 31 00:00, 31 01:00', 'on the clock');

-- St. John's, 13 March 2011: 00:01 (-3:30) became 01:01 (-2:30).
SELECT stylist(19, 'America/St_Johns'), opens(19, 0, '00:30', '03:45'), opens(19, 6, '22:00', '00:00') \gset _
SELECT is(starts(19, '2011-03-13'), '13 04:00, 13 05:00', 'St. John''s: the missing 00:30 is 01:30');
SELECT is(starts(19, '2011-03-12'), '13 01:30, 13 02:30', 'midnight is before the change');

-- Casablanca: 10 March 2024, 03:00 (+1) became 02:00 (+0), for Ramadan.
SELECT stylist(20, 'Africa/Casablanca'), opens(20, 0, '01:00', '05:00') \gset _
SELECT is(starts(20, '2024-03-10'), '10 00:00, 10 01:00, 10 02:00, 10 03:00, 10 04:00', 'Casablanca puts its clock back in March');

-- Breaks --------------------------------------------------------------------------------------------------

UPDATE availability_cache.rules SET slot_step = '30 minutes';
SELECT stylist(31, 'Asia/Kathmandu'), opens(31, 1, '10:00', '13:00', '11:00', '11:30') \gset _
SELECT is(day(31, '2034-06-12'), '10:00 available; 10:30 11:00 in_break; 11:30 12:00 available;', 'a slot may end where a break starts, and start where it ends');
SELECT stylist(32, 'Asia/Kathmandu'), opens(32, 1, '20:00', '03:00', '23:30', '00:30'), opens(32, 2, '20:00', '03:00', '01:00', '01:30') \gset _
SELECT is(day(32, '2034-06-12'), '20:00 20:30 21:00 21:30 22:00 22:30 available; 23:00 23:30 00:00 in_break; 00:30 01:00 01:30 02:00 available;', 'a break over midnight');
SELECT is(day(32, '2034-06-13'), '20:00 20:30 21:00 21:30 22:00 22:30 23:00 23:30 00:00 available; 00:30 01:00 in_break; 01:30 02:00 available;', 'a break after midnight');
SELECT stylist(33, 'Asia/Kathmandu'), opens(33, 1, '10:00', '12:00', '09:30', '10:15'), opens(33, 1, '11:00', '13:00', '12:45', NULL) \gset _
SELECT is(day(33, '2034-06-12'), '10:00 in_break; 10:30 11:00 11:30 12:00 available;', 'a break from before opening, where the row closes on its day; half a break is none');

-- Overrides -------------------------------------------------------------------------------------------------

SELECT count(ROW(stylist(n, 'Asia/Kathmandu'), opens(n, 1, '10:00', '13:00', '11:00', '11:30'))) FROM generate_series(41, 50) n \gset _
INSERT INTO schedule_overrides (stylist_user_id, override_date, end_date, is_closed, start_time, end_time, priority) VALUES
    (id(41), '2034-06-12', NULL, true, '09:00', '10:00', 0),
    (id(42), '2034-06-12', NULL, false, '09:00', '12:00', 0),
    (id(43), '2034-06-10', '2034-06-13', NULL, '22:00', '00:00', 0),
    (id(44), '2034-06-12', NULL, NULL, NULL, NULL, 9),
    (id(44), '2034-06-12', NULL, true, NULL, NULL, 8),
    (id(45), '2034-06-12', NULL, false, '09:00', NULL, 0),
    -- a higher priority wins over a specific one
    (id(46), '2034-06-19', NULL, true, NULL, NULL, 0),
    (NULL, '2034-06-19', NULL, false, '15:00', '16:00', 1),
    -- the specific one wins over all stylists', though older
    (id(47), '2034-06-26', NULL, false, '17:00', '18:00', 0),
    (NULL, '2034-06-26', NULL, true, NULL, NULL, 0);
INSERT INTO schedule_overrides VALUES
    -- special hours of one rank all count; no priority is the lowest
    (id(48), '2034-07-03', NULL, true, NULL, NULL, NULL, true, '2026-01-09'),
    (id(48), '2034-07-03', NULL, false, '18:00', '19:00', -1, true, '2026-01-02'),
    (id(48), '2034-07-03', NULL, false, '19:00', '20:00', -1, true, '2026-01-03'),
    (id(48), '2034-07-03', NULL, false, '20:00', '21:00', -1, true, NULL),
    (id(49), '2034-06-12', NULL, true, NULL, NULL, 9, false, '2026-01-01');
SELECT is(day(41, '2034-06-12'), 'nothing', 'closed, whatever its times');
SELECT is(day(42, '2034-06-12'), '09:00 09:30 10:00 available; 10:30 11:00 in_break;', 'one window instead; the breaks stay');
SELECT is(day(43, '2034-06-13'), '22:00 22:30 23:00 available;', 'on a day off, the last of a range, to midnight');
SELECT is(day(43, '2034-06-14'), 'nothing', 'not after the range');
SELECT is(day(44, '2034-06-12'), '10:00 available; 10:30 11:00 in_break; 11:30 12:00 available;', 'the highest changes nothing: neither does the next');
SELECT is(day(45, '2034-06-12'), '10:00 available; 10:30 11:00 in_break; 11:30 12:00 available;', 'one time changes nothing');
SELECT is(day(46, '2034-06-19'), '15:00 available;', 'priority comes before specific');
SELECT is(day(47, '2034-06-26'), '17:00 available;', 'specific comes before all stylists');
SELECT is(day(46, '2034-06-26'), 'nothing', 'which closes for the others');
SELECT is(day(48, '2034-07-03'), '18:00 18:30 19:00 19:30 20:00 available;', 'special hours of one rank all count; no priority is the lowest');
SELECT is(day(49, '2034-06-12'), '10:00 available; 10:30 11:00 in_break; 11:30 12:00 available;', 'an inactive one is none');

-- Bookings and holds ---------------------------------------------------------------------------------------

SELECT count(ROW(stylist(n, 'UTC'), opens(n, 1, '10:00', '15:00'))) FROM generate_series(61, 69) n \gset _
UPDATE availability_cache.rules SET default_timezone = 'UTC', buffer_before = '30 minutes', buffer_after = '15 minutes';
INSERT INTO bookings VALUES (id(61), id(9), '2034-06-12 12:00+00', '2034-06-12 12:30+00', 'confirmed');
SELECT is(day(61, '2034-06-12'), '10:00 10:30 available; 11:00 11:30 12:00 12:30 booked; 13:00 13:30 14:00 available;',
    '12:00 to 12:30 of any service, half an hour from others: the longer buffer');
UPDATE stylist_profiles SET buffer_before_minutes = 0 WHERE user_id = id(61);
SELECT is(day(61, '2034-06-12'), '10:00 10:30 available; 11:00 11:30 12:00 12:30 booked; 13:00 13:30 14:00 available;',
    'the stylist''s buffer comes before the rules'': 15 minutes after each, none before');
INSERT INTO services VALUES (id(2), 60, NULL, true, 90, -5, NULL, NULL);
INSERT INTO stylist_services VALUES (id(61), id(2), NULL, NULL, true);
SELECT is(day(61, '2034-06-12', NULL, 2), '10:00 10:30 11:00 available; 11:30 12:00 12:30 13:00 13:30 booked; 14:00 available;',
    'the service''s before both, 90 minutes before each; a negative one is zero');
UPDATE availability_cache.rules SET buffer_before = '0', buffer_after = '0';

INSERT INTO bookings VALUES
    (id(62), id(1), '2034-06-12 10:00+00', '2034-06-12 11:00+00', 'cancelled'),
    (id(62), id(1), '2034-06-12 10:00+00', '2034-06-12 11:00+00', 'no_show'),
    (id(62), id(1), '2034-06-12 11:15+00', '2034-06-12 11:15+00', 'confirmed'),
    (id(62), id(1), '2034-06-12 12:00+00', '2034-06-12 10:00+00', 'confirmed'),
    (id(62), id(1), NULL, '2034-06-12 12:00+00', 'confirmed'),
    (id(62), id(1), '2034-06-12 12:00+00', NULL, 'confirmed'),
    (NULL, id(1), '2034-06-12 12:00+00', '2034-06-12 13:00+00', 'confirmed'),
    (id(62), id(1), '2034-06-12 14:00+00', '2034-06-12 14:30+00', NULL);
SELECT is(day(62, '2034-06-12'), '10:00 10:30 11:00 11:30 12:00 12:30 13:00 available; 13:30 14:00 booked;', 'only the one with no status blocks');
INSERT INTO bookings VALUES (id(63), id(1), '2034-06-01 00:00+00', '2034-06-12 11:00+00', 'pending');
SELECT is(day(63, '2034-06-12'), '10:00 10:30 booked; 11:00 11:30 12:00 12:30 13:00 13:30 14:00 available;', 'a booking of twelve days');

INSERT INTO booking_reservations VALUES
    (id(64), '2034-06-12 10:00+00', '2034-06-12 10:30+00', 'reserved', NULL),
    (id(64), '2034-06-12 11:00+00', '2034-06-12 11:30+00', 'active', '2034-01-01'),
    (id(64), '2034-06-12 12:30+00', '2034-06-12 13:00+00', 'reserved', '2026-01-01'),
    (id(64), '2034-06-12 12:30+00', '2034-06-12 13:00+00', 'done', NULL),
    (id(64), '2034-06-12 12:30+00', '2034-06-12 13:00+00', NULL, NULL);
SELECT is(day(64, '2034-06-12'), '10:00 10:30 11:00 reserved; 11:30 12:00 12:30 13:00 13:30 14:00 available;', 'holds count by status, until they lapse');

-- The first status that holds: a break at 12:00, a booking from 11:00 to 13:00, a hold from 10:00 to 14:00.
UPDATE stylist_schedules SET break_start_time = '12:00', break_end_time = '12:30' WHERE stylist_user_id = id(65);
INSERT INTO bookings VALUES (id(65), id(1), '2034-06-12 11:00+00', '2034-06-12 13:00+00', 'confirmed');
INSERT INTO booking_reservations VALUES (id(65), '2034-06-12 10:00+00', '2034-06-12 14:00+00', 'reserved', NULL);
SELECT is(day(65, '2034-06-12'), '10:00 reserved; 10:30 11:00 booked; 11:30 12:00 in_break; 12:30 booked; 13:00 13:30 reserved; 14:00 available;',
    'in_break before booked before reserved');
UPDATE availability_cache.rules SET show_breaks = false;
SELECT is(day(65, '2034-06-12'), '10:00 reserved; 10:30 11:00 12:30 booked; 13:00 13:30 reserved; 14:00 available;', 'without the breaks');
UPDATE availability_cache.rules SET show_breaks = true;

-- Notice and horizon ----------------------------------------------------------------------------------------

SELECT stylist(71, 'UTC') \gset _
SELECT count(ROW(opens(71, w, '12:00', '13:00'))) FROM generate_series(0, 6) w \gset _
SELECT (now() AT TIME ZONE 'UTC')::date + 10 AS soon \gset
SELECT is(day(71, :'soon'), '12:00 available;', 'in ten days');
SELECT is(day(71, '2024-06-12'), '12:00 unavailable;', 'years ago');
UPDATE stylist_profiles SET max_advance_days = 9 WHERE user_id = id(71);
SELECT is(day(71, :'soon'), '12:00 unavailable;', 'past the stylist''s horizon of nine days');
UPDATE services SET max_advance_days = 12, min_notice_minutes = -60 WHERE id = id(1);
UPDATE stylist_profiles SET min_notice_minutes = 12 * 1440 WHERE user_id = id(71);
SELECT is(day(71, :'soon'), '12:00 available;', 'the service''s horizon and notice come before the stylist''s');
UPDATE services SET min_notice_minutes = NULL WHERE id = id(1);
SELECT is(day(71, :'soon'), '12:00 unavailable;', 'inside the stylist''s notice of twelve days');
UPDATE availability_cache.rules SET show_unavailable = false;
SELECT is(day(71, :'soon'), 'nothing', 'without the unavailable');
UPDATE availability_cache.rules SET show_unavailable = true;
UPDATE services SET max_advance_days = NULL WHERE id = id(1);

-- Durations, prices, display
-- ---------------------------------------------------------------------------------

UPDATE stylist_services SET custom_duration_minutes = 95, custom_price_cents = 0 WHERE stylist_user_id = id(66);
UPDATE availability_cache.rules SET display_format = 'FMDay FMHH12.MI AM';
SELECT results_eq($$ SELECT slot_display, slot_end_local, price_cents FROM get_available_slots(id(66), id(1), '2034-06-12') ORDER BY 2 DESC LIMIT 1 $$,
    $$ VALUES ('Monday 1.00 PM'::text, timestamp '2034-06-12 14:35', 0) $$, 'duration and price of one''s own, and a format');
UPDATE availability_cache.rules SET display_format = 'HH24:MI';
UPDATE stylist_services SET custom_duration_minutes = 25 * 60 WHERE stylist_user_id = id(3);
SELECT is(day(3, '2034-06-12'), 'nothing', '25 hours do not fit into 24');

-- Errors
-- -------------------------------------------------------------------------------------------------------

SELECT throws_ok($$ SELECT * FROM get_available_slots(id(999), id(1), '2034-06-12') $$, 'P0002', NULL, 'unknown stylist');
UPDATE stylist_profiles SET is_active = false WHERE user_id = id(67);
SELECT throws_ok($$ SELECT * FROM get_available_slots(id(67), id(1), '2034-06-12') $$, 'P0002', NULL, 'inactive stylist');
SELECT throws_ok($$ SELECT * FROM get_available_slots(id(68), id(2), '2034-06-12') $$, 'P0002', NULL, 'a service not offered');
SELECT throws_ok($$ SELECT * FROM get_available_slots(id(68), id(1), '2034-06-12', 'Mars/Olympus') $$, '22023', NULL, 'unknown time zone');
SELECT throws_ok($$ SELECT * FROM get_available_slots(id(68), id(1), 'infinity') $$, '22023', NULL, 'no date');
SELECT is(array_agg(get_available_slots_v2(a, b, c, d) ->> 'code'),
    '{STYLIST_NOT_FOUND,STYLIST_NOT_FOUND,SERVICE_NOT_OFFERED,INVALID_TIMEZONE,INVALID_ARGUMENT}', 'v2 says so by code')
  FROM (VALUES (id(999), id(1), date '2034-06-12', NULL), (id(67), id(1), '2034-06-12', NULL), (id(68), id(2), '2034-06-12', NULL),
               (id(68), id(1), '2034-06-12', 'Mars/Olympus'), (id(68), id(1), 'infinity', NULL)) AS v(a, b, c, d);

-- v2 says all of this too.
SELECT is(count(*) FILTER (WHERE v2 IS DISTINCT FROM v1), 0::bigint, 'v2 = v1 on ' || count(*) || ' days')
  FROM (SELECT get_available_slots_v2(p.user_id, id(1), d, z) -> 'slots' AS v2, as_json(p.user_id, d, z) AS v1
          FROM stylist_profiles p,
               unnest('{2034-06-11,2034-06-12,2034-06-13,2034-06-19,2024-03-09,2024-03-10,2024-11-03,2024-10-06,2024-04-07,2011-12-29,2011-12-30,2011-03-13}'::date[]) d,
               unnest('{NULL,America/St_Johns}'::text[]) z
         WHERE p.is_active IS NOT FALSE) AS days;
SELECT * FROM finish();
ROLLBACK;
