-- attach() says as rows what it leaves out, with the call that maps it; a column can be left out; an optional
-- one that cannot serve never refuses the table; and the usual names are those of real schemas. A salon whose
-- notice is passed over would sell slots inside it. Shown to fail without left_out()'s parts, without "fits",
-- without the names in sources.sql.
\set bookings 20
\set stylists 2
\set services 2
\getenv salon AC_SALON
SET client_min_messages = warning;
SET timezone = 'UTC';
\o /dev/null
\i :salon
\o
SELECT no_plan();
CREATE FUNCTION said(role text, relation regclass, columns jsonb DEFAULT '{}') RETURNS SETOF text LANGUAGE sql AS
$$ SELECT action FROM availability_cache.attach(role, relation, columns) WHERE action LIKE 'left out%' ORDER BY 1 $$;
CREATE FUNCTION mapped(r text, n text) RETURNS text LANGUAGE sql AS $$ SELECT columns ->> n FROM availability_cache.source WHERE role = r $$;

SELECT is(count(*), 7::bigint, 'nothing left out: a row a table') FROM availability_cache.attach() WHERE role <> 'rules';

-- the names of a real salon
ALTER TABLE stylist_profiles RENAME min_notice_minutes TO min_advance_hours;
ALTER TABLE stylist_profiles DROP buffer_before_minutes;
ALTER TABLE stylist_profiles RENAME buffer_after_minutes TO booking_buffer_minutes;
ALTER TABLE stylist_schedules RENAME start_time TO start_time_utc;
ALTER TABLE stylist_schedules RENAME end_time TO end_time_utc;
ALTER TABLE stylist_schedules RENAME break_start_time TO break_start_time_utc;
ALTER TABLE stylist_schedules RENAME break_end_time TO break_end_time_utc;
SELECT availability_cache.detach() \g /dev/null
SELECT is(count(*), 7::bigint, 'nothing left out') FROM availability_cache.attach() WHERE role <> 'rules';
SELECT is(mapped('stylist_profiles', 'min_notice_minutes') || mapped('stylist_profiles', 'buffer_before_minutes') || mapped('stylist_profiles', 'buffer_after_minutes') || mapped('stylist_schedules', 'break_end_time'),
          'min_advance_hoursbooking_buffer_minutesbooking_buffer_minutesbreak_end_time_utc', 'what they are mapped as');
DELETE FROM bookings; DELETE FROM booking_reservations;
UPDATE availability_cache.rules SET max_advance = '90 days';
CREATE FUNCTION statuses(stylist int DEFAULT 2) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(DISTINCT status, ',' ORDER BY status) FROM generate_series(1, 7) d, get_available_slots(md5('stylist ' || stylist)::uuid, md5('service 1')::uuid, current_date + d) $$;
SELECT is(statuses(), 'available,in_break', 'no notice');
UPDATE stylist_profiles SET min_advance_hours = 24 * 20;
SELECT is(statuses(), 'unavailable', 'min_advance_hours is honoured, in hours');
UPDATE stylist_profiles SET min_advance_hours = NULL, booking_buffer_minutes = 600;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT md5('stylist 2')::uuid, md5('service 1')::uuid, t, t + interval '1 hour' FROM generate_series(current_date, current_date + 9, interval '12 hours') t;
SELECT is(statuses(), 'booked,in_break', 'booking_buffer_minutes is, before and after');
UPDATE stylist_profiles SET booking_buffer_minutes = NULL;

-- what looks as if it mattered
ALTER TABLE stylist_profiles RENAME booking_buffer_minutes TO cleanup_mins;
ALTER TABLE stylist_profiles RENAME min_advance_hours TO shortest_notice;
ALTER TABLE stylist_profiles ADD max_clients_per_day int, ADD follower_count int, ADD buffer_policy text;
SELECT is(array_agg(s ORDER BY s COLLATE "C"), ARRAY[
    'left out: column cleanup_mins looks like buffer_after_minutes: SELECT * FROM availability_cache.attach(''stylist_profiles'', ''public.stylist_profiles'', ''{"buffer_after_minutes": "cleanup_mins"}''), or null for it',
    'left out: column max_clients_per_day: the built-in rules have no such thing, a function of your own may (rules.compute_function)',
    'left out: column shortest_notice looks like min_notice_minutes: SELECT * FROM availability_cache.attach(''stylist_profiles'', ''public.stylist_profiles'', ''{"min_notice_minutes": "shortest_notice"}''), or null for it'],
    'what is left out, with the call that maps it') FROM said('stylist_profiles', 'stylist_profiles') s;
SELECT is(count(*), 3::bigint, 'said again where nothing is to be done') FROM said('stylist_profiles', 'stylist_profiles') s;
SELECT * FROM availability_cache.attach('stylist_profiles', 'public.stylist_profiles', '{"min_notice_minutes": "shortest_notice"}') \g /dev/null
SELECT is(mapped('stylist_profiles', 'min_notice_minutes'), 'shortest_notice', 'the call maps it');
SELECT is(array_agg(substr(s, 1, 40)), ARRAY['left out: column max_clients_per_day: th'], 'null: it is known and left out')
  FROM said('stylist_profiles', 'stylist_profiles', '{"buffer_after_minutes": null, "min_notice_minutes": null}') s;
ALTER TABLE stylist_schedules RENAME break_start_time_utc TO lunch_from;
ALTER TABLE stylist_schedules RENAME break_end_time_utc TO lunch_until;
SELECT matches(string_agg(s, ' '), 'lunch_from looks like break_start_time.*lunch_until looks like break_end_time', 'breaks under another name') FROM said('stylist_schedules', 'stylist_schedules') s;
ALTER TABLE schedule_overrides ADD is_global boolean;
SELECT matches(string_agg(s, ' '), 'is_global looks like applies_to_all', 'applies to all') FROM said('schedule_overrides', 'schedule_overrides') s;

-- a status, a service or an expiry that is passed over: cancelled bookings block, buffers and ends do not count
CREATE TYPE booking_state AS ENUM ('held', 'gone');
CREATE TABLE other_bookings (stylist_user_id uuid, treatment_id uuid, start_time timestamptz, end_time timestamptz, state text, payment_status text);
CREATE TABLE other_holds (stylist_user_id uuid, service uuid, start_time timestamptz, end_time timestamptz, state booking_state, expires timestamptz);
CREATE FUNCTION looks(role text, relation regclass) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(m[1] || ' ' || m[2], ', ' ORDER BY m[1] COLLATE "C") FROM said(role, relation), regexp_match(said, 'column (\S+) looks like (\S+):') m $$;
BEGIN;
SELECT is(looks('bookings', 'other_bookings'), 'state status, treatment_id service_id', 'of bookings');
SELECT is(looks('booking_reservations', 'other_holds'), 'expires expires_at, service service_id, state status', 'of holds, an enum too');
ALTER TABLE stylist_profiles RENAME is_active TO enabled; ALTER TABLE stylist_profiles RENAME timezone TO tz;
SELECT matches(looks('stylist_profiles', 'stylist_profiles'), 'enabled is_active.*tz timezone', 'of stylists');
ROLLBACK;

-- a column that is left out, or cannot serve
SELECT is(columns ? 'created_at', false, 'left out') FROM availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"created_at": null, "applies_to_all": null}');
SELECT is(columns -> 'created_at', 'null', 'and it is written down') FROM availability_cache.source WHERE role = 'schedule_overrides';
SELECT is(array_agg(action), '{"already attached"}', 'so that it stays left out') FROM availability_cache.attach() WHERE role = 'schedule_overrides';
SELECT is(columns -> 'created_at', 'null', 'also then') FROM availability_cache.sources WHERE role = 'schedule_overrides';
SELECT is(columns -> 'created_at', '"created_at"', 'until it is attached by name') FROM availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"applies_to_all": null}') LIMIT 1;
SELECT throws_ok($$SELECT availability_cache.attach('bookings', 'bookings', '{"start_time": null}')$$, '22023', NULL, 'a required one cannot be');
ALTER TABLE schedule_overrides ALTER created_at TYPE timestamp;
SELECT is(array_agg(action ORDER BY action), '{"attached again","left out: column created_at is of type timestamp without time zone, which cannot be created_at"}', 'an optional column of another type')
  FROM availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"applies_to_all": null}');
SELECT throws_ok($$SELECT availability_cache.attach('schedule_overrides', 'schedule_overrides', '{"created_at": "created_at"}')$$, '42804', NULL, 'unless it is named');
ALTER TABLE services ADD duration text;
ALTER TABLE services RENAME duration_minutes TO base_duration_minutes;
SELECT is(columns ->> 'duration_minutes', 'base_duration_minutes', 'one that can serve comes before one that cannot') FROM availability_cache.attach('services', 'services') LIMIT 1;
CREATE TABLE odd (LIKE bookings);
ALTER TABLE odd ALTER start_time TYPE text;
SELECT throws_ok($$SELECT availability_cache.attach('bookings', 'odd')$$, '42804', NULL, 'a required one of another type refuses');

-- local times: the hint is the command; docs/usage.md has the same
CREATE TABLE local_bookings (stylist_user_id uuid, start_time timestamp, end_time timestamp);
CREATE FUNCTION hint_of(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE sql;
    RETURN NULL;
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
BEGIN;
\set map '{"start_time": "start_time_utc", "end_time": "end_time_utc"}'
SELECT replace(split_part(hint_of($$SELECT availability_cache.attach('bookings', 'local_bookings')$$), ', and map', 1), 'your/zone', 'Asia/Tokyo') AS one \gset
:one;
SELECT replace(split_part(hint_of($$SELECT availability_cache.attach('bookings', 'local_bookings', '{"start_time": "start_time_utc", "end_time": "end_time"}')$$), ', and map', 1), 'your/zone', 'Asia/Tokyo') AS one \gset
:one;
SELECT is(action, 'attached again', 'local times, converted by generated columns') FROM availability_cache.attach('bookings', 'local_bookings', :'map');
INSERT INTO local_bookings VALUES (NULL, '2031-03-05 09:00', '2031-03-05 10:00');
SELECT is(start_time_utc, '2031-03-05 00:00+00'::timestamptz, 'as the zone has them') FROM local_bookings;
CREATE TABLE opening_hours (weekday text);
ALTER TABLE opening_hours ADD dow int GENERATED ALWAYS AS (array_position('{sun,mon,tue,wed,thu,fri,sat}'::text[], weekday) - 1) STORED;
INSERT INTO opening_hours VALUES ('sun'), ('sat');
SELECT is(array_agg(dow ORDER BY dow), '{0,6}', 'weekdays as text') FROM opening_hours;
ROLLBACK;

-- indexes
DROP INDEX bookings_stylist_user_id_start_time_idx, booking_reservations_stylist_user_id_end_time_idx;
SELECT availability_cache.detach() \g /dev/null
SELECT is(string_agg(role || ': ' || action, ', ' ORDER BY role), 'booking_reservations: attached, 1 indexes made, bookings: attached, 1 indexes made', 'the missing indexes are made')
  FROM availability_cache.attach(create_indexes => true) WHERE action LIKE '%indexes%';
SELECT is(count(*), 0::bigint, 'none is missing any more') FROM availability_cache.sources WHERE missing_indexes <> '{}';
-- the locks that docs/usage.md names
CREATE FUNCTION locks(relation regclass) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(mode, ',' ORDER BY mode) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND pg_locks.relation = $1 AND mode <> 'AccessShareLock' $$;
SELECT availability_cache.detach() \g /dev/null
BEGIN;
SELECT availability_cache.attach() \g /dev/null
SELECT is(string_agg(DISTINCT locks(relation), ' '), 'ShareRowExclusiveLock', 'attach() stops writers') FROM availability_cache.source;
COMMIT;
BEGIN;
SELECT availability_cache.attach() \g /dev/null
SELECT is(string_agg(DISTINCT locks(relation), ' '), NULL, 'again: nobody') FROM availability_cache.source;
SELECT availability_cache.attach('bookings', 'bookings', '{"service_id": null}') \g /dev/null
SELECT is(locks('bookings'), 'AccessExclusiveLock,ShareRowExclusiveLock', 'with other columns: readers too');
ROLLBACK;
CREATE TABLE watched (id int PRIMARY KEY);
BEGIN;
SELECT availability_cache.watch('watched') \g /dev/null
SELECT is(locks('watched'), 'ShareRowExclusiveLock', 'watch() stops writers');
COMMIT;

-- the time zone. Shown to fail without each branch of settle_timezone().
CREATE FUNCTION zone_said() RETURNS text LANGUAGE sql AS $$ SELECT action FROM availability_cache.attach() WHERE role = 'rules' $$;
UPDATE stylist_profiles SET timezone = CASE WHEN user_id = md5('stylist 1')::uuid THEN 'Europe/Paris' ELSE 'Asia/Tokyo' END;
SELECT is(zone_said(), 'default_timezone is Asia/Kathmandu, as shipped: set yours', 'two zones: none is taken');
UPDATE stylist_profiles SET timezone = NULL;
SELECT is(zone_said(), 'default_timezone is Asia/Kathmandu, as shipped: set yours', 'no zone');
UPDATE stylist_profiles SET timezone = 'Mars/Olympus';
SELECT is(zone_said(), 'default_timezone is Asia/Kathmandu, as shipped: set yours', 'none that the server knows');
UPDATE stylist_profiles SET timezone = 'Asia/Kathmandu';
SELECT is(zone_said(), 'default_timezone is Asia/Kathmandu', 'theirs is the shipped one');
UPDATE stylist_profiles SET timezone = CASE WHEN user_id = md5('stylist 1')::uuid THEN NULL ELSE 'Asia/Tokyo' END;
SELECT is(zone_said(), 'default_timezone is Asia/Tokyo now, as all stylists have it', 'the one that there is');
SELECT is(default_timezone, 'Asia/Tokyo', 'is set') FROM availability_cache.rules;
CREATE ROLE blind;
GRANT USAGE, CREATE ON SCHEMA public TO blind;
GRANT EXECUTE ON FUNCTION availability_cache.attach(), availability_cache.attach(text, regclass, jsonb), private.invalidate_availability_cache() TO blind;
GRANT USAGE ON SCHEMA private TO blind;
SELECT format('ALTER TABLE %s OWNER TO blind', relation) FROM availability_cache.source GROUP BY relation \gexec
SET ROLE blind;
SELECT is(zone_said(), 'default_timezone is not shown without GRANT SELECT ON availability_cache.rules TO blind', 'who may not see the rules is told so');
RESET ROLE;
SELECT format('ALTER TABLE %s OWNER TO CURRENT_USER', relation) FROM availability_cache.source GROUP BY relation \gexec
DROP OWNED BY blind;
DROP ROLE blind;
UPDATE stylist_profiles SET timezone = 'Europe/Paris';
SELECT is(zone_said(), 'default_timezone is Asia/Tokyo', 'what is set stays');
SELECT is(array_agg(role), '{stylist_schedules}', 'nothing to say of it with a table by itself') FROM availability_cache.attach('stylist_schedules', 'stylist_schedules') WHERE action NOT LIKE 'left out%';
UPDATE availability_cache.rules SET default_timezone = 'Asia/Kathmandu';
SELECT matches(string_agg(action, '; '), 'already attached; .*default_timezone is Asia/Kathmandu, as shipped: set yours', 'with the hours by themselves') FROM availability_cache.attach('stylist_schedules', 'stylist_schedules');
SELECT is(count(*), 1::bigint, 'once where all are attached') FROM availability_cache.attach() WHERE role = 'rules';
UPDATE availability_cache.rules SET default_timezone = 'Asia/Kathmandu';
ALTER TABLE stylist_profiles DROP timezone;
SELECT availability_cache.detach('stylist_profiles') \g /dev/null
SELECT is(zone_said(), 'default_timezone is Asia/Kathmandu, as shipped: set yours', 'no such column');
SELECT finish();
