-- Several days, several stylists: get_available_slots_range, get_available_days and get_next_available
-- against what they are made of, each stylist's days by get_available_slots, put together here by SQL. Fails
-- when (entry/range.c, slots/range.c) days around the customer's dates are left out, a slot of a night is
-- counted twice, stylists' slots of other ends or prices are taken for the same, a day that an excluded
-- booking is near is answered from memory, or a duration is left out of the key.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\set stylists 6
\i :helpers
SELECT plan(106);
\o /dev/null
-- other zones, the nights, other prices and durations
INSERT INTO stylist_profiles (user_id, timezone) SELECT stylist(4), 'America/Los_Angeles' ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone;
INSERT INTO stylist_profiles (user_id, timezone) SELECT stylist(5), 'Pacific/Kiritimati' ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone;
INSERT INTO stylist_profiles (user_id, timezone) SELECT stylist(6), 'Europe/Berlin' ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone;
UPDATE stylist_schedules SET start_time = '20:00', end_time = '04:00', break_start_time = NULL, break_end_time = NULL WHERE stylist_user_id = stylist(3);
UPDATE stylist_schedules SET start_time = '00:00', end_time = '00:00', break_start_time = NULL, break_end_time = NULL WHERE stylist_user_id = stylist(6);
-- open for more than a day: its slots are the next day's too
UPDATE stylist_schedules SET start_time = '01:00', end_time = '03:00' WHERE stylist_user_id = stylist(3) AND day_of_week = 3;
UPDATE stylist_services SET custom_price_cents = 4711 WHERE stylist_user_id = stylist(2) AND service_id = service(1);
UPDATE stylist_services SET custom_price_cents = NULL, custom_duration_minutes = 60 WHERE stylist_user_id = stylist(5) AND service_id = service(1);
\o

CREATE FUNCTION team(VARIADIC int[]) RETURNS uuid[] LANGUAGE sql AS $$ SELECT array_agg(stylist(s) ORDER BY n) FROM unnest($1) WITH ORDINALITY x(s, n) $$;
CREATE FUNCTION as_utc(timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') $$;
CREATE FUNCTION as_local(timestamp) RETURNS text LANGUAGE sql AS $$ SELECT to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS') $$;

-- Each stylist's slots, once, that start on the customer's dates.
CREATE FUNCTION parts(team uuid[], d1 date, d2 date, zone text, service int)
RETURNS TABLE (place bigint, stylist uuid, starts timestamptz, ends timestamptz, local timestamp, local_end timestamp, display text, status text, price int)
SET availability_cache.enabled = off LANGUAGE sql AS $$
SELECT DISTINCT t.place, t.s, v.*
  FROM unnest(team) WITH ORDINALITY t(s, place), generate_series(d1 - 5, d2 + 5, interval '1 day') d,
       LATERAL get_available_slots(t.s, service(service), d::date, zone) v
 WHERE v.slot_start_local::date BETWEEN d1 AND d2 $$;

CREATE FUNCTION put_together(team uuid[], d1 date, d2 date, zone text, service int, needs_all boolean, available boolean) RETURNS jsonb
LANGUAGE sql AS $$
WITH p AS MATERIALIZED (SELECT * FROM parts(team, d1, d2, zone, service)),
one AS (
    SELECT starts, ends, price, min(local) AS local, min(local_end) AS local_end, min(display) AS display,
           min(array_position('{available,booked,reserved,in_break,unavailable}', status)) AS status,
           coalesce(jsonb_agg(stylist ORDER BY place) FILTER (WHERE status = 'available'), '[]') AS free
      FROM p WHERE NOT needs_all GROUP BY starts, ends, price
    UNION ALL
    SELECT starts, max(ends), CASE WHEN count(price) = count(*) THEN sum(price)::int END, min(local), max(local_end), min(display), 1, jsonb_agg(stylist ORDER BY place)
      FROM p WHERE needs_all GROUP BY starts HAVING count(*) FILTER (WHERE status = 'available') = cardinality(team))
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'slot_start_utc', as_utc(starts), 'slot_end_utc', as_utc(ends), 'slot_start_local', as_local(local), 'slot_end_local', as_local(local_end),
           'slot_display', display, 'price_cents', price, 'stylists', free,
           'seats_left', CASE WHEN needs_all THEN 1 ELSE jsonb_array_length(free) END,
           'status', ('{available,booked,reserved,in_break,unavailable}'::text[])[status]) ORDER BY starts, ends, price NULLS FIRST), '[]')
  FROM one WHERE free <> '[]' OR NOT available $$;

CREATE FUNCTION days_of(slots jsonb, d1 date, d2 date) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('date', to_char(d, 'YYYY-MM-DD'), 'slots', s.n, 'seats', s.seats,
                 'reason', CASE WHEN s.n > 0 THEN NULL ELSE coalesce(s.most, 'closed') END, 'first', s.first)) ORDER BY d)
  FROM generate_series(d1::timestamp, d2, interval '1 day') d,
       LATERAL (SELECT count(DISTINCT s ->> 'slot_start_utc') FILTER (WHERE s ->> 'status' = 'available') AS n,
                       coalesce(sum((s ->> 'seats_left')::int), 0) AS seats,
                       -- of as many, the first of too_soon, too_late, on_break, booked, full, held
                       (SELECT r.reason FROM unnest('{unavailable,in_break,booked,reserved}'::text[], '{too_late,on_break,booked,held}'::text[]) WITH ORDINALITY r(status, reason, n),
                               jsonb_array_elements(slots) t
                         WHERE (t ->> 'slot_start_local')::date = d AND t ->> 'status' = r.status GROUP BY r.reason, r.n ORDER BY count(*) DESC, r.n LIMIT 1) AS most,
                       (array_agg(substr(s ->> 'slot_start_local', 12, 5) ORDER BY s ->> 'slot_start_utc') FILTER (WHERE s ->> 'status' = 'available'))[1] AS first
                  FROM jsonb_array_elements(slots) s WHERE (s ->> 'slot_start_local')::date = d) s $$;
-- A day without slots may say more than that it is closed.
CREATE FUNCTION plain(days jsonb) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_agg(CASE WHEN d ->> 'reason' IN ('no_hours', 'too_short') THEN jsonb_set(d, '{reason}', '"closed"') ELSE d END ORDER BY n) FROM jsonb_array_elements(days) WITH ORDINALITY x(d, n) $$;

-- What an answer is not, of slots, days and the json of both: '' if it is all.
CREATE PROCEDURE compare(INOUT tap text, team uuid[], d1 date, d2 date, zone text DEFAULT NULL, service int DEFAULT 1, needs_all boolean DEFAULT false, available boolean DEFAULT false, cached boolean DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    match text := CASE WHEN needs_all THEN 'all' ELSE 'any' END;
    slots jsonb := get_available_slots_range(service(service), d1, d2, team, zone, match, p_available_only => available);
    again json := get_available_slots_range_json(service(service), d1, d2, team, zone, match, p_available_only => available);
    days jsonb := get_available_days(service(service), d1, d2, team, zone, match, p_available_only => available);
    days_again json := get_available_days_json(service(service), d1, d2, team, zone, match, p_available_only => available);
    wanted jsonb := put_together(team, d1, d2, zone, service, needs_all, available);
    all_wanted jsonb := put_together(team, d1, d2, zone, service, needs_all, false);
BEGIN
    tap := is(concat_ws(', ',
        CASE WHEN slots ->> 'success' IS DISTINCT FROM 'true' THEN slots::text END,
        CASE WHEN slots -> 'slots' IS DISTINCT FROM wanted THEN 'the slots are not those of the days' END,
        CASE WHEN slots::text::jsonb IS DISTINCT FROM slots OR days::text::jsonb IS DISTINCT FROM days THEN 'the jsonb is not one' END,
        CASE WHEN again::jsonb -> 'slots' IS DISTINCT FROM wanted THEN 'the json is another' END,
        CASE WHEN NOT needs_all AND plain(days -> 'days') IS DISTINCT FROM days_of(all_wanted, d1, d2) THEN 'the days are others' END,
        CASE WHEN days_again::jsonb -> 'days' IS DISTINCT FROM days -> 'days' THEN 'the days in json are others' END,
        CASE WHEN jsonb_array_length(wanted) < 3 THEN 'there is next to nothing' END,
        CASE WHEN (slots ->> 'cached')::boolean IS DISTINCT FROM coalesce(cached, (slots ->> 'cached')::boolean) THEN CASE WHEN cached THEN 'computed' ELSE 'from memory' END END,
        CASE WHEN again ->> 'cached' <> 'true' THEN 'nothing is kept' END), '', tap);
END
$$;

CREATE PROCEDURE warm(team uuid[], d1 date, d2 date) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM get_available_days(service(1), d1, d2, team);
END
$$;

CALL compare('a month of one stylist', team(1), '2031-03-03', '2031-04-02', cached => false);
CALL compare('the same from memory', team(1), '2031-03-03', '2031-04-02', cached => true);
CALL compare('only what is available', team(1), '2031-03-03', '2031-04-02', available => true);
CALL compare('one date', team(1), '2031-03-07', '2031-03-07', cached => true);
CALL compare('of a customer in Los Angeles', team(1), '2031-03-05', '2031-03-12', 'America/Los_Angeles');
CALL compare('in Kiritimati', team(1), '2031-03-05', '2031-03-12', 'Pacific/Kiritimati');
CALL compare('at the other end', team(1), '2031-03-05', '2031-03-12', 'Etc/GMT+12');
CALL compare('a stylist of the nights', team(3), '2031-03-03', '2031-03-20');
CALL compare('one in Los Angeles, and a customer in Kiritimati', team(4), '2031-03-05', '2031-03-12', 'Pacific/Kiritimati');
CALL compare('the other way round', team(5), '2031-03-05', '2031-03-12', 'America/Los_Angeles');
CALL compare('any of two', team(1, 2), '2031-03-05', '2031-03-12');
CALL compare('any of all', team(6, 5, 4, 3, 2, 1), '2031-03-05', '2031-03-12');
CALL compare('a single date of all', team(1, 2, 3, 4, 5, 6), '2031-03-09', '2031-03-09', 'Europe/Berlin');
CALL compare('available with any of all', team(1, 2, 3, 4, 5, 6), '2031-03-05', '2031-03-12', available => true);
CALL compare('both', team(1, 2), '2031-03-05', '2031-03-12', needs_all => true);
CALL compare('with another price', team(2, 1), '2031-03-05', '2031-03-12', needs_all => true);
CALL compare('across the clock''s change of Berlin', team(6), '2031-03-28', '2031-04-01', 'Europe/Berlin');
CALL compare('and back', team(6), '2031-10-24', '2031-10-28', 'Europe/Berlin');
CALL compare('of Los Angeles', team(4, 6), '2031-03-07', '2031-03-11', 'America/Los_Angeles');
CALL compare('where the clock goes back over midnight', team(1, 6), '2031-10-30', '2031-11-04', 'America/Havana');

-- all who offer it
CREATE PROCEDURE all_are(INOUT tap text, team uuid[], service int DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE
    everybody jsonb := get_available_slots_range(service(service), '2031-03-05', '2031-03-08');
    listed jsonb := get_available_slots_range(service(service), '2031-03-05', '2031-03-08', (SELECT array_agg(t ORDER BY t) FROM unnest(team) t));
BEGIN
    tap := is(everybody -> 'slots', listed -> 'slots', tap);
END
$$;
CALL all_are('everybody who offers it', team(1, 2, 3, 4, 5, 6));
UPDATE stylist_profiles SET is_active = false WHERE user_id = stylist(4);
CALL all_are('but for who is not active', team(1, 2, 3, 5, 6));
UPDATE stylist_services SET is_active = false WHERE stylist_user_id = stylist(2) AND service_id = service(1);
CALL all_are('or does not offer it any more', team(1, 3, 5, 6));
UPDATE stylist_services SET is_active = true WHERE stylist_user_id = stylist(2);
UPDATE stylist_profiles SET is_active = true;
CALL all_are('until they are again', team(1, 2, 3, 4, 5, 6));

-- display format
UPDATE availability_cache.rules SET display_format = 'FMHH12:MI "x\" AM';
CALL compare('another display', team(1, 2), '2031-03-05', '2031-03-08');
UPDATE availability_cache.rules SET display_format = 'TZ';
CALL compare('an empty display', team(1, 2), '2031-03-05', '2031-03-08');
UPDATE availability_cache.rules SET display_format = 'HH24:MI', show_unavailable = false, show_breaks = false;
CALL compare('breaks are not shown', team(1, 2), '2031-03-05', '2031-03-08');
UPDATE availability_cache.rules SET show_unavailable = true, show_breaks = true, min_notice = '3 days', max_advance = '3660 days';

-- one booking, one day again
CREATE FUNCTION computed() RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT misses + bypasses FROM availability_cache.stats WHERE datname = current_database() $$;
CREATE PROCEDURE computes(INOUT tap text, n bigint, team uuid[], service int DEFAULT 1, duration interval DEFAULT NULL, except_booking text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := computed();
    answer jsonb := get_available_slots_range(service(service), '2031-03-03', '2031-04-02', team, p_duration => duration, p_exclude_booking_id => except_booking);
BEGIN
    tap := is(computed() - before, n, tap);
END
$$;
CALL warm(team(1, 2, 3), '2031-03-03', '2031-04-02');
CALL computes('nothing is computed of a month that is there', 0, team(1, 2, 3));
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES (id('one'), stylist(1), service(1), '2031-03-12 10:00Z', '2031-03-12 10:30Z');
CALL computes('after a booking, its day alone', 1, team(1, 2, 3));
CALL computes('once', 0, team(1, 2, 3));
CALL compare('with it', team(1, 2, 3), '2031-03-10', '2031-03-14', cached => true);

-- as if a booking were not there
CREATE PROCEDURE without(INOUT tap text, name text, team uuid[], cached boolean DEFAULT false) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_available_slots_range(service(1), '2031-03-08', '2031-03-16', team, p_exclude_booking_id => id(name)::text);
    days jsonb := get_available_days(service(1), '2031-03-08', '2031-03-16', team, p_exclude_booking_id => id(name)::text);
    fresh jsonb;
BEGIN
    DELETE FROM bookings WHERE id = id(name);
    fresh := put_together(team, '2031-03-08', '2031-03-16', NULL, 1, false, false);
    ROLLBACK;
    tap := is(concat_ws(', ', CASE WHEN answer -> 'slots' IS DISTINCT FROM fresh THEN 'not as without it' END,
                              CASE WHEN plain(days -> 'days') IS DISTINCT FROM days_of(fresh, '2031-03-08', '2031-03-16') THEN 'nor the days' END,
                              CASE WHEN answer ->> 'cached' IS DISTINCT FROM cached::text THEN 'cached ' || (answer ->> 'cached') END), '', tap);
END
$$;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time) VALUES
    (id('same'), stylist(1), service(1), '2031-03-12 10:00Z', '2031-03-12 10:30Z'),
    (id('other service'), stylist(1), service(2), '2031-03-13 10:00Z', '2031-03-13 11:30Z'),
    (id('midnight'), stylist(3), service(2), '2031-03-13 17:30Z', '2031-03-13 18:30Z'),
    (id('days'), stylist(2), service(1), '2031-03-09 10:00Z', '2031-03-12 10:30Z'),
    (id('cancelled'), stylist(1), service(1), '2031-03-11 10:00Z', '2031-03-11 10:30Z');
UPDATE bookings SET status = 'cancelled' WHERE id = id('cancelled');
UPDATE services SET buffer_after_minutes = 40, buffer_before_minutes = 20 WHERE id = service(2);
CALL warm(team(1, 2, 3), '2031-03-08', '2031-03-16');
CALL without('without a booking', 'other service', team(1, 2, 3));
CALL without('again: it is not kept', 'other service', team(1));
CALL without('of two that are alike, one is left', 'one', team(1, 2));
DELETE FROM bookings WHERE id = id('same');
CALL warm(team(1, 2, 3), '2031-03-08', '2031-03-16');
CALL without('without the only one', 'one', team(1, 2));
CALL without('one over midnight', 'midnight', team(3, 1));
CALL without('one of days', 'days', team(2, 1));
CALL without('a cancelled one never counted', 'cancelled', team(1));
CALL warm(team(1, 2, 3), '2031-03-08', '2031-03-16');
CALL without('of a stylist who is not asked', 'days', team(1), cached => true);
CALL without('one that is not there', 'nothing', team(1), cached => true);
CALL compare('the answers in memory are as before', team(1, 2, 3), '2031-03-08', '2031-03-16', cached => true);
CALL warm(team(1, 2, 3), '2031-03-03', '2031-04-02');
CALL computes('all but the days near it are from memory', 0, team(1, 2, 3), except_booking => id('other service')::text);

-- another duration
CREATE PROCEDURE lasts(INOUT tap text, duration interval, cached boolean) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_available_slots_range(service(1), '2031-03-08', '2031-03-16', team(1, 2), p_duration => duration);
    fresh jsonb;
BEGIN
    UPDATE services SET duration_minutes = extract(epoch FROM duration) / 60 WHERE id = service(1);
    UPDATE stylist_services SET custom_duration_minutes = NULL WHERE service_id = service(1) AND stylist_user_id IN (stylist(1), stylist(2));
    fresh := put_together(team(1, 2), '2031-03-08', '2031-03-16', NULL, 1, false, false);
    ROLLBACK;
    tap := is(concat_ws(', ', CASE WHEN answer -> 'slots' IS DISTINCT FROM fresh THEN 'not as by a service that lasts so long' END,
                              CASE WHEN answer ->> 'cached' IS DISTINCT FROM cached::text THEN 'cached ' || (answer ->> 'cached') END), '', tap);
END
$$;
CALL lasts('a longer duration', '90 minutes', false);
CALL lasts('is kept', '90 minutes', true);
CALL lasts('apart from others', '45 minutes', false);
CALL lasts('one of odd minutes', '47 minutes', false);
CALL lasts('is not', '47 minutes', false);
CALL lasts('of more than a day', '25 hours', false);
CALL lasts('neither', '25 hours', false);
CALL compare('the service''s own', team(1, 2), '2031-03-08', '2031-03-16', cached => true);

-- the next
CREATE PROCEDURE next_is(INOUT tap text, team uuid[], after timestamptz, n int, days int DEFAULT 40, needs_all boolean DEFAULT false, zone text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    match text := CASE WHEN needs_all THEN 'all' ELSE 'any' END;
    answer jsonb := get_next_available(service(1), team, zone, match, p_after => after, p_limit => n);
    again json := get_next_available_json(service(1), team, zone, match, p_after => after, p_limit => n);
    wanted jsonb;
BEGIN
    SELECT jsonb_agg(s ORDER BY o) INTO wanted
      FROM (SELECT s, o FROM jsonb_array_elements(put_together(team, (after AT TIME ZONE 'UTC')::date - 1, (after AT TIME ZONE 'UTC')::date + days, zone, 1, needs_all, true))
                   WITH ORDINALITY x(s, o)
             WHERE (s ->> 'slot_start_utc')::timestamptz >= after ORDER BY o LIMIT n) x;
    tap := is(answer -> 'slots', wanted, tap) || E'\n' || is(again::jsonb -> 'slots', answer -> 'slots', tap || ', as json');
END
$$;
CALL next_is('the next', team(1), '2031-03-07 09:15Z', 1);
CALL next_is('a second later', team(1), '2031-03-07 09:15:00.000001Z', 1);
CALL next_is('the next ten of anybody', team(1, 2, 3), '2031-03-07 12:00Z', 10);
CALL next_is('of a week and more', team(1), '2031-03-07 12:00Z', 150);
CALL next_is('of all', team(1, 2), '2031-03-07 12:00Z', 3, needs_all => true);
CALL next_is('for a customer far away', team(3), '2031-03-07 12:00Z', 30, zone => 'America/Los_Angeles');
SELECT is(jsonb_array_length(get_next_available(service(1), team(1), p_after => '2031-03-07 12:00Z', p_limit => 0) -> 'slots'), NULL, 'none is no limit');
UPDATE stylist_schedules SET is_active = false WHERE stylist_user_id = stylist(1);
SELECT is(get_next_available(service(1), team(1), p_after => '2031-03-07 12:00Z') -> 'slots', '[]'::jsonb, 'nothing within 92 days');
UPDATE stylist_schedules SET is_active = true WHERE stylist_user_id = stylist(1);

-- what is refused
CREATE FUNCTION refused(answer jsonb) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(': ', answer ->> 'code', answer ->> 'error') $$;
SELECT is(refused(get_available_slots_range(service(1), '2031-03-01', '2031-06-01', team(1))), 'INVALID_ARGUMENT: the range is of 93 days; 92 are the most', 'too many days');
SELECT is(get_available_days(service(1), '2031-03-01', '2031-05-31', team(1)) ->> 'success', 'true', 'as many as there may be');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-02-28', team(1))), 'INVALID_ARGUMENT: the range ends before it begins', 'the wrong way round');
SELECT is(refused(get_available_days(NULL, '2031-03-01', '2031-03-02', team(1))), 'INVALID_ARGUMENT: the service must be given', 'no service');
SELECT is(refused(get_available_days(service(1), NULL, '2031-03-02', team(1))), 'INVALID_ARGUMENT: service, from and to must be given', 'no date');
SELECT is(refused(get_available_days(service(1), '-infinity', 'infinity', team(1))), 'INVALID_ARGUMENT: dates must be between 1900-01-01 and 9998-12-31', 'for ever');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', (SELECT array_agg(stylist(n)) FROM generate_series(1, 201) n))), 'INVALID_ARGUMENT: 201 stylists are listed; 200 are the most', 'too many stylists');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', '{}')), 'INVALID_ARGUMENT: the list of stylists is empty; NULL means all who offer the service', 'nobody');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1) || NULL::uuid)), 'INVALID_ARGUMENT: a stylist in the list is NULL', 'NULL in the list');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', ARRAY[id('x'), stylist(1), id('y')])),
          format('STYLIST_NOT_FOUND: the stylist is not known or not active: %s, %s', id('x'), id('y')), 'unknown stylists are named');
SELECT is(refused(get_available_days(id('z'), '2031-03-01', '2031-03-02')), 'SERVICE_NOT_OFFERED: nobody offers the service', 'an unknown service');
SELECT is(refused(get_available_days(id('z'), '2031-03-01', '2031-03-02', team(1, 2))),
          format('SERVICE_NOT_OFFERED: the stylist does not offer the service, or one of them is not active: %s, %s', stylist(1), stylist(2)), 'of somebody');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1), 'Nowhere/City')), 'INVALID_TIMEZONE: the time zone "Nowhere/City" is not known', 'an unknown zone');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1), p_match => 'some')), 'INVALID_ARGUMENT: p_match is ''any'' or ''all'', not ''some''', 'another match');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1), p_duration => '0')), 'INVALID_ARGUMENT: a duration is of 1 second to 7 days', 'no duration');
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1), p_exclude_booking_id => 'seven')), 'INVALID_ARGUMENT: no booking''s primary key reads so', 'a key that is none');
SELECT is(refused(get_next_available(service(1), team(1), p_limit => 1001)), 'INVALID_ARGUMENT: p_limit is 1 to 1000', 'too many');
SELECT is(get_available_days_json(service(1), '2031-03-01', '2031-06-01', team(1))::jsonb, get_available_days(service(1), '2031-03-01', '2031-06-01', team(1)), 'errors in json are the same');
SELECT is((SELECT count(*) FROM unnest(team(1, 1, 2)) WHERE get_available_slots_range(service(1), '2031-03-05', '2031-03-06', team(1, 1, 2)) -> 'slots'
          = get_available_slots_range(service(1), '2031-03-05', '2031-03-06', team(1, 2)) -> 'slots'), 3::bigint, 'who is listed twice counts once');

-- a function of one's own
CREATE FUNCTION own_slots(who uuid, what uuid, day date, zone text) RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, status text, slot_display text, price_cents int)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
SELECT t, t + interval '2 hours', CASE WHEN EXISTS (SELECT FROM bookings b WHERE b.stylist_user_id = who AND b.start_time < t + interval '2 hours' AND b.end_time > t) THEN 'booked' ELSE 'available' END,
       to_char(t AT TIME ZONE 'UTC', '"from "HH24'), 900
  FROM generate_series((day + time '06:00') AT TIME ZONE 'Asia/Kathmandu', (day + time '22:00') AT TIME ZONE 'Asia/Kathmandu', interval '2 hours') t $$;
CREATE PROCEDURE own_is(INOUT tap text, cached boolean, zone text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_available_slots_range(service(1), '2031-03-08', '2031-03-16', team(1, 2), zone);
    days jsonb := get_available_days(service(1), '2031-03-08', '2031-03-16', team(1, 2), zone);
    wanted jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('slot_start_utc', as_utc(t), 'slot_end_utc', as_utc(t + '2 hours'), 'slot_start_local', as_local(l), 'slot_end_local', as_local((t + interval '2 hours') AT TIME ZONE coalesce(zone, 'Asia/Kathmandu')), 'slot_display', d, 'price_cents', 900,
                     'status', CASE WHEN free IS NULL THEN 'booked' ELSE 'available' END, 'stylists', coalesce(free, '[]'), 'seats_left', coalesce(jsonb_array_length(free), 0)) ORDER BY t) INTO wanted
      FROM (SELECT o.slot_start_utc, o.slot_start_utc AT TIME ZONE coalesce(zone, 'Asia/Kathmandu'), min(o.slot_display), jsonb_agg(stylist(s) ORDER BY s) FILTER (WHERE o.status = 'available')
              FROM generate_series(1, 2) s, generate_series(date '2031-03-05', '2031-03-19', interval '1 day') day, own_slots(stylist(s), service(1), day::date, zone) o GROUP BY 1) x(t, l, d, free)
     WHERE l::date BETWEEN '2031-03-08' AND '2031-03-16';
    tap := is(concat_ws(', ', CASE WHEN answer -> 'slots' IS DISTINCT FROM wanted THEN 'not what it says' END,
                              CASE WHEN plain(days -> 'days') IS DISTINCT FROM days_of(wanted, '2031-03-08', '2031-03-16') THEN 'nor the days' END,
                              CASE WHEN answer ->> 'cached' IS DISTINCT FROM cached::text THEN 'cached ' || (answer ->> 'cached') END), '', tap);
END
$$;
\o /dev/null
SELECT availability_cache.watch('bookings'), availability_cache.watch('booking_reservations');
UPDATE availability_cache.rules SET compute_function = 'public.own_slots(uuid, uuid, date, text)';
\o
CALL own_is('a function of one''s own', false);
CALL own_is('from memory', true);
CALL own_is('in another zone', false, 'America/Los_Angeles');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(1), service(1), '2031-03-12 04:00Z', '2031-03-12 04:30Z');
CALL own_is('after a booking', false);
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1), p_duration => '1 hour')),
          'INVALID_ARGUMENT: p_duration and p_exclude_booking_id are not for a function that rules.compute_function names', 'it has no such argument');
CREATE FUNCTION endless(who uuid, what uuid, day date, zone text) RETURNS TABLE (slot_start_utc timestamptz) LANGUAGE sql STABLE SET search_path = pg_catalog AS $$ SELECT day + time '12:00' AT TIME ZONE 'UTC' $$;
UPDATE availability_cache.rules SET compute_function = 'public.endless(uuid, uuid, date, text)';
SELECT is(refused(get_available_days(service(1), '2031-03-01', '2031-03-02', team(1))),
          'INTERNAL_ERROR: a row of the function that availability_cache.rules names as compute_function has no slot_start_utc', 'slots without a start');
UPDATE availability_cache.rules SET compute_function = NULL;
CALL compare('the built-in rules again', team(1, 2), '2031-03-08', '2031-03-16');

-- PostgREST
CREATE FUNCTION headers(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    EXECUTE 'SELECT to_jsonb(' || call || ')' INTO answer;
    RETURN (SELECT string_agg(h.key || ' ' || CASE WHEN h.key = 'ETag' THEN 'tag' ELSE h.value END, ', ' ORDER BY h.key)
              FROM jsonb_array_elements(current_setting('response.headers')::jsonb) e, jsonb_each_text(e) h WHERE h.key IN ('ETag', 'Cache-Control', 'X-Cached'));
END
$$;
SET availability_cache.http_headers = on;
SELECT is(headers('get_available_slots_range(service(1), ''2031-03-08'', ''2031-03-16'', team(1, 2))'), 'Cache-Control public, no-cache, ETag tag, X-Cached true', 'headers of a range');
SELECT is(headers('get_available_days_json(service(1), ''2031-03-08'', ''2031-03-16'', team(1, 2))'), 'Cache-Control public, no-cache, ETag tag, X-Cached true', 'of days as json');
SELECT is(headers('get_round_robin(service(1), ''2031-03-09 04:15Z'', team(1, 2))'), 'Cache-Control public, no-cache, ETag tag, X-Cached true', 'of an order');
SELECT is(headers('get_available_days(service(1), ''2031-03-08'', ''2031-12-16'', team(1, 2))'), 'Cache-Control no-store, X-Cached false', 'of an error');
RESET availability_cache.http_headers;

-- seats and reasons
\o /dev/null
ALTER TABLE services ADD capacity int;
ALTER TABLE bookings ADD seats int;
SELECT availability_cache.attach();
DELETE FROM bookings;
DELETE FROM booking_reservations;
UPDATE services SET buffer_before_minutes = NULL, buffer_after_minutes = NULL;
UPDATE services SET capacity = 5 WHERE id = service(1);
UPDATE availability_cache.rules SET show_reasons = true, min_notice = '0';
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time, seats) VALUES
    (id('three'), stylist(1), service(1), '2031-03-13 10:15Z', '2031-03-13 10:45Z', 3), (id('two'), stylist(1), service(1), '2031-03-13 10:15Z', '2031-03-13 10:45Z', 1),
    (id('all'), stylist(2), service(1), '2031-03-13 10:15Z', '2031-03-13 10:45Z', 5);
\o
CREATE PROCEDURE seats_are(INOUT tap text, wanted text, team uuid[], seats int DEFAULT 1, match text DEFAULT 'any', name text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_available_slots_range(service(1), '2031-03-13', '2031-03-13', team, NULL, match, seats, p_exclude_booking_id => id(name)::text);
    again jsonb := get_available_slots_range_json(service(1), '2031-03-13', '2031-03-13', team, NULL, match, seats, p_exclude_booking_id => id(name)::text);
    said text;
BEGIN
    SELECT concat_ws(' ', s ->> 'status', s ->> 'seats_left', jsonb_array_length(s -> 'stylists'), s ->> 'reason') INTO said
      FROM jsonb_array_elements(answer -> 'slots') s WHERE s ->> 'slot_start_utc' = '2031-03-13T10:15:00+00:00';
    tap := is(said || CASE WHEN again -> 'slots' IS DISTINCT FROM answer -> 'slots' OR answer::text::jsonb <> answer THEN ', the json is another' ELSE '' END, wanted, tap);
END
$$;
-- 4711 is the price of stylist 2
UPDATE stylist_services SET custom_price_cents = NULL WHERE stylist_user_id = stylist(2) AND service_id = service(1);
CALL seats_are('what is left', 'available 1 1', team(1));
CALL seats_are('for two', 'booked 0 0 full', team(1), 2);
CALL seats_are('without the three', 'available 4 1', team(1), 2, name => 'three');
CALL seats_are('without the one', 'available 2 1', team(1), 2, name => 'two');
CALL seats_are('where none is left', 'booked 0 0 full', team(2));
CALL seats_are('any of both', 'available 1 1', team(1, 2));
CALL seats_are('the seats of both', 'available 6 2', team(1, 2), name => 'all');
CALL seats_are('all of both: of who has the fewest', 'available 1 2', team(1, 2), match => 'all', name => 'all');
SELECT is((SELECT string_agg(concat_ws(' ', d ->> 'slots', d ->> 'seats', d ->> 'reason'), ', ') FROM jsonb_array_elements(get_available_days(service(1), '2031-03-13', '2031-03-13', team(1)) -> 'days') d), '22 106', 'the seats of a day');
SELECT is((SELECT string_agg(concat_ws(' ', d ->> 'slots', d ->> 'seats', d ->> 'reason'), ', ') FROM jsonb_array_elements(get_available_days(service(1), '2031-03-13', '2031-03-13', team(1), p_seats => 6) -> 'days') d), '0 0 full', 'more than there ever are');
UPDATE availability_cache.rules SET max_advance = '1 day', show_unavailable = false;
SELECT is((SELECT string_agg(d ->> 'reason', ', ') FROM jsonb_array_elements(get_available_days(service(1), '2031-03-13', '2031-03-14', team(1)) -> 'days') d), 'too_late, too_late', 'why, where no slot is shown');
SELECT is(refused(get_available_days(service(1), '2031-03-13', '2031-03-13', team(1), p_seats => 0)), 'INVALID_ARGUMENT: p_seats is 1 to 65535', 'no seat');
SELECT * FROM finish();
