-- attach(): tables of other names and types give the same answers; everything that cannot serve is refused
-- and leaves nothing behind; indexes it misses are gone once its CREATE INDEX was run; sources tells when a
-- trigger is out.
\set db ac_attach
\set stylists 6
\set services 5
\set bookings 400
\set days 14
\getenv test AC_TEST
\i :test/lib/salon_database.psql
-- every answer there is, so that two layouts of the same salon can be compared
CREATE VIEW all_answers AS
SELECT s.user_id, v.id AS service, d::date AS day, a.*
  FROM stylist_profiles s, services v, stylist_services o, generate_series(date '2031-03-03', date '2031-03-17', '1 day') d,
       get_available_slots(s.user_id, v.id, d::date, 'Australia/Lord_Howe') a
 WHERE o.stylist_user_id = s.user_id AND o.service_id = v.id;
-- what attach() made, in one text: unchanged by everything it refuses
CREATE FUNCTION made() RETURNS text LANGUAGE sql AS $$
SELECT md5(coalesce((SELECT string_agg(t.*::text, ' ' ORDER BY t.oid) FROM pg_trigger t WHERE tgname LIKE '%invalidate_cache%'), '')) $$;
CREATE FUNCTION refused(call text, OUT state text, OUT message text, OUT hint text, OUT nothing_changed boolean) LANGUAGE plpgsql AS $$
DECLARE
    before text := made();
BEGIN
    BEGIN
        EXECUTE 'SELECT FROM availability_cache.' || call;
        message := 'done!';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    END;
    nothing_changed := made() = before;
END
$$;

-- 1. the salon as it is, with everything that an answer can depend on in use
UPDATE services SET buffer_before_minutes = 10, buffer_after_minutes = 5, min_notice_minutes = 120, max_advance_days = 3000 WHERE id = id('service 2');
UPDATE stylist_profiles SET buffer_before_minutes = 15, buffer_after_minutes = 20, min_notice_minutes = 60, max_advance_days = 2000, timezone = 'America/St_Johns' WHERE user_id = id('stylist 2');
UPDATE stylist_profiles SET timezone = NULL WHERE user_id = id('stylist 3');
UPDATE services SET price_cents = NULL WHERE id = id('service 4');
UPDATE stylist_schedules SET effective_until = '2031-03-10' WHERE stylist_user_id = id('stylist 4') AND day_of_week IN (2, 3);
UPDATE stylist_schedules SET effective_from = '2031-03-10' WHERE stylist_user_id = id('stylist 4') AND day_of_week = 4;
UPDATE stylist_schedules SET is_active = false WHERE stylist_user_id = id('stylist 4') AND day_of_week = 5;
UPDATE stylist_schedules SET day_of_week = 6, start_time = '20:30', end_time = '02:00', break_start_time = '00:15', break_end_time = '00:50'
 WHERE stylist_user_id = id('stylist 5') AND day_of_week = 2;
INSERT INTO schedule_overrides (stylist_user_id, override_date, end_date, is_closed, start_time, end_time, priority, is_active)
VALUES (id('stylist 1'), '2031-03-06', '2031-03-07', false, '09:10', '12:40', 5, true), (id('stylist 1'), '2031-03-07', NULL, true, NULL, NULL, 1, true),
       (id('stylist 1'), '2031-03-12', NULL, true, NULL, NULL, 9, false), (NULL, '2031-03-13', NULL, true, NULL, NULL, 0, true),
       (id('stylist 3'), '2031-03-13', NULL, false, '10:00', '11:00', 0, true);
UPDATE booking_reservations SET expires_at = NULL;
UPDATE booking_reservations SET status = 'gone' WHERE stylist_user_id = id('stylist 2');
SELECT role, relation, action, missing_indexes FROM availability_cache.attach();
UPDATE availability_cache.rules SET max_advance = '3660 days';
CREATE TABLE usual AS SELECT * FROM all_answers;
SELECT status, count(*) FROM usual GROUP BY 1 ORDER BY 1;

-- of a large table, those that are easily found
BEGIN;
CREATE TABLE large AS SELECT CASE WHEN n <= 100000 THEN 'first' ELSE 'later' END AS status FROM generate_series(1, 130000) n;
SELECT availability_cache_internal.statuses_in_use('large', 'status');
ANALYZE large;
SELECT array_agg(s ORDER BY s) FROM unnest(availability_cache_internal.statuses_in_use('large', 'status')) s;
ROLLBACK;
-- statuses in use that the rules do not name; of a table that one may attach, whoever may read it
SELECT availability_cache.detach('bookings'), availability_cache.detach('booking_reservations');
BEGIN;
UPDATE bookings SET status = 'canceled' WHERE status = 'cancelled';
SET LOCAL client_min_messages = notice;
SELECT action FROM availability_cache.attach('bookings', 'bookings');
SELECT action FROM availability_cache.attach('booking_reservations', 'booking_reservations');
UPDATE bookings SET status = 'Cancelled' WHERE status = 'canceled';
SELECT action FROM availability_cache.attach('bookings', 'bookings');
UPDATE availability_cache.rules SET blocking_statuses = '{confirmed}';
SELECT availability_cache.detach('bookings');
SELECT action FROM availability_cache.attach('bookings', 'bookings');
ROLLBACK;
BEGIN;
UPDATE bookings SET status = 'no_show';
UPDATE booking_reservations SET status = 'n ' || n FROM (SELECT id, row_number() OVER () AS n FROM booking_reservations) x WHERE x.id = booking_reservations.id;
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, status) SELECT id('x'), id('y'), now(), now(), 'm ' || n FROM generate_series(10, 40) n;
SET LOCAL client_min_messages = notice;
SELECT action FROM availability_cache.attach('bookings', 'bookings');
SELECT action FROM availability_cache.attach('booking_reservations', 'booking_reservations');
ROLLBACK;
SELECT count(*) FROM availability_cache.attach();

-- attached again: the same triggers, and it says so; detached: none
SELECT made() AS before \gset
SELECT role, action FROM availability_cache.attach();
SELECT count(*) AS triggers FROM pg_trigger WHERE tgfoid = 'private.invalidate_availability_cache()'::regprocedure;
SELECT availability_cache.detach('services');
SELECT role FROM availability_cache.sources ORDER BY 1;
SELECT get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') - 'success' AS answer;
SELECT role, action FROM availability_cache.attach();
SELECT * FROM refused($$detach('services2')$$);
SELECT availability_cache.detach('services');
SELECT * FROM refused($$detach('services')$$);
SELECT availability_cache.detach();
SELECT availability_cache.detach();
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE '%invalidate_cache%';

-- 2. the same salon under names and types that nobody guesses
CREATE SCHEMA "The App";
CREATE DOMAIN "The App"."Person" AS uuid;
CREATE DOMAIN "The App".instant AS timestamptz CHECK (value > '1970-01-01');
CREATE DOMAIN "The App".money AS bigint;
CREATE TYPE "The App"."State" AS ENUM ('confirmed', 'cancelled', 'no_show', 'completed', 'it''s "odd"');
CREATE TABLE "The App"."Appointments; DROP" ("of Staff" "The App"."Person", "SELECT" "The App".instant, "to" timestamptz, "State" "The App"."State", dropped int, note text, "what for" "The App"."Person");
ALTER TABLE "The App"."Appointments; DROP" DROP dropped;
CREATE TABLE "The App".holds (id serial, ends_at timestamptz, starts_at timestamptz, stylist_id uuid, state varchar(20), until timestamptz, what uuid);
CREATE TABLE "The App".hours (staff uuid, weekday smallint, opens_at time(0), closes_at time, pause_from time, pause_to time, is_available boolean, valid_from date, valid_to date);
CREATE TABLE "The App".exceptions (staff uuid, first_day date, last_day date, is_day_off boolean, start_time_local time, end_time_local time, weight smallint, active boolean, made_at timestamptz, everybody boolean);
CREATE TABLE "The App".catalogue (service_id uuid, duration interval, base_price_cents "The App".money, active boolean,
    free_before_hours smallint, free_after interval, notice_hours int, ahead interval);
CREATE TABLE "The App".skills ("user" uuid, what uuid, takes_seconds bigint, costs smallint, is_available boolean);
CREATE TABLE "The App".staff (id uuid, time_zone varchar(64), active boolean, gap_minutes interval, gap_seconds int, min_notice_hours int, max_advance interval);
INSERT INTO "The App"."Appointments; DROP" ("of Staff", "SELECT", "to", "State", "what for") SELECT stylist_user_id, start_time, end_time, status::"The App"."State", service_id FROM bookings;
INSERT INTO "The App".holds (ends_at, starts_at, stylist_id, state, until, what) SELECT end_time, start_time, stylist_user_id, status, expires_at, service_id FROM booking_reservations;
INSERT INTO "The App".hours SELECT stylist_user_id, CASE day_of_week WHEN 0 THEN 7 ELSE day_of_week END, start_time, end_time, break_start_time, break_end_time, is_active, effective_from, effective_until FROM stylist_schedules;
INSERT INTO "The App".exceptions SELECT stylist_user_id, override_date, end_date, is_closed, start_time, end_time, priority, is_active, created_at FROM schedule_overrides;
-- hours only hold whole ones: these two are told apart below
INSERT INTO "The App".catalogue SELECT id, duration_minutes * interval '1 minute', price_cents, is_active, NULL, buffer_after_minutes * interval '1 minute', min_notice_minutes / 60, max_advance_days * interval '1 day' FROM services;
UPDATE "The App".catalogue SET free_before_hours = 1 WHERE free_after IS NOT NULL;
UPDATE services SET buffer_before_minutes = 60 WHERE buffer_before_minutes = 10;
INSERT INTO "The App".skills SELECT stylist_user_id, service_id, custom_duration_minutes * 60, custom_price_cents, is_active FROM stylist_services;
INSERT INTO "The App".staff SELECT user_id, timezone, is_active, buffer_before_minutes * interval '1 minute', buffer_after_minutes * 60, min_notice_minutes / 60, max_advance_days * interval '1 day' FROM stylist_profiles;
SELECT availability_cache.attach('bookings', '"The App"."Appointments; DROP"', '{"stylist_user_id": "of Staff", "start_time": "SELECT", "end_time": "to", "status": "State", "service_id": "what for"}');
SELECT columns, missing_indexes FROM availability_cache.attach('booking_reservations', '"The App".holds', '{"status": "state", "expires_at": "until", "service_id": "what"}');
SELECT columns, missing_indexes FROM availability_cache.attach('stylist_schedules', '"The App".hours', '{"stylist_user_id": "staff", "break_start_time": "pause_from", "break_end_time": "pause_to", "effective_until": "valid_to"}');
SELECT columns, missing_indexes FROM availability_cache.attach('schedule_overrides', '"The App".exceptions', '{"stylist_user_id": "staff", "override_date": "first_day", "end_date": "last_day", "priority": "weight", "created_at": "made_at", "applies_to_all": "everybody"}');
SELECT columns, missing_indexes FROM availability_cache.attach('services', '"The App".catalogue', '{"buffer_before_minutes": "free_before_hours", "buffer_after_minutes": "free_after", "min_notice_minutes": "notice_hours", "max_advance_days": "ahead"}');
SELECT columns, missing_indexes FROM availability_cache.attach('stylist_services', '"The App".skills', '{"stylist_user_id": "user", "service_id": "what", "custom_duration_minutes": "takes_seconds", "custom_price_cents": "costs"}');
SELECT columns, missing_indexes FROM availability_cache.attach('stylist_profiles', '"The App".staff', '{"user_id": "id", "buffer_before_minutes": "gap_minutes", "buffer_after_minutes": "gap_seconds"}');
CREATE TABLE other AS SELECT * FROM all_answers;
-- the usual ones again, with the whole hour
SELECT count(*) AS detached FROM availability_cache.detach();
SELECT count(*) AS attached FROM availability_cache.attach();
TRUNCATE usual;
INSERT INTO usual SELECT * FROM all_answers;
SELECT count(*) AS differences FROM ((TABLE usual EXCEPT TABLE other) UNION ALL (TABLE other EXCEPT TABLE usual)) d;
SELECT (SELECT count(*) FROM usual) = (SELECT count(*) FROM other) AS as_many;

-- each of these takes effect and invalidates under the other names too
SELECT count(*) AS detached FROM availability_cache.detach();
SELECT availability_cache.attach('bookings', '"The App"."Appointments; DROP"', '{"stylist_user_id": "of Staff", "start_time": "SELECT", "end_time": "to", "status": "State"}') IS NOT NULL AS ok;
SELECT availability_cache.attach('stylist_schedules', '"The App".hours', '{"stylist_user_id": "staff"}') IS NOT NULL AS ok;
SELECT availability_cache.attach('services', '"The App".catalogue') IS NOT NULL AS ok;
SELECT availability_cache.attach('stylist_services', '"The App".skills', '{"stylist_user_id": "user", "service_id": "what"}') IS NOT NULL AS ok;
CREATE VIEW day AS SELECT j ->> 'cached' AS cached, count(s) AS slots, count(s) FILTER (WHERE s ->> 'status' = 'booked') AS booked, max(s ->> 'price_cents') AS price
  FROM get_available_slots_v2(id('stylist 1'), id('service 1'), '2031-03-05') j LEFT JOIN jsonb_array_elements(j -> 'slots') s ON true GROUP BY j;
SELECT * FROM day; SELECT * FROM day;
UPDATE "The App"."Appointments; DROP" SET "State" = 'it''s "odd"';
SELECT * FROM day; SELECT * FROM day;
UPDATE availability_cache.rules SET non_blocking_statuses = '{"it''s \"odd\"",unknown,NULL_,\\}';
SELECT * FROM day; SELECT * FROM day;
UPDATE "The App"."Appointments; DROP" SET "State" = NULL;
SELECT * FROM day; SELECT * FROM day;
UPDATE "The App"."Appointments; DROP" SET note = 'nothing to us';
SELECT * FROM day;
UPDATE "The App".catalogue SET duration = '45 minutes', base_price_cents = 7;
SELECT * FROM day; SELECT * FROM day;
SELECT count(*) AS detached FROM availability_cache.detach();
UPDATE availability_cache.rules SET non_blocking_statuses = DEFAULT;

-- 3. refused, with a reason and a way on, and nothing made
CREATE VIEW v_bookings AS SELECT * FROM bookings;
CREATE MATERIALIZED VIEW m_bookings AS SELECT * FROM bookings;
CREATE TEMPORARY TABLE t_bookings (LIKE bookings);
CREATE TABLE p_bookings (LIKE bookings) PARTITION BY RANGE (start_time);
CREATE TABLE p_bookings_2031 PARTITION OF p_bookings FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE f_bookings (stylist_user_id uuid, start_time timestamptz, end_time timestamptz) SERVER nowhere;
CREATE TABLE pf_bookings (LIKE bookings) PARTITION BY RANGE (start_time);
CREATE FOREIGN TABLE pf_bookings_2031 PARTITION OF pf_bookings FOR VALUES FROM ('2031-01-01') TO ('2032-01-01') SERVER nowhere;
CREATE SEQUENCE s_bookings;
CREATE TABLE lacking (stylist_user_id uuid, start_time timestamptz);
CREATE TABLE mistyped (stylist_user_id text, start_time timestamp, end_time timestamptz, status int, expires_at timestamptz);
CREATE TABLE mistyped2 (stylist_user_id uuid, start_time timestamptz, end_time timestamptz, status uuid[]);
CREATE TABLE mistyped3 (id uuid, duration_minutes numeric, price_cents text);
CREATE TABLE forced (LIKE bookings);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE ROLE ac_plain;
CREATE ROLE ac_bypass BYPASSRLS;
GRANT ALL ON SCHEMA public TO ac_plain, ac_bypass;
GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO ac_plain, ac_bypass;
CREATE TABLE forced_plain (LIKE bookings);
ALTER TABLE forced_plain ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO ac_plain;
CREATE TABLE forced_bypass (LIKE bookings);
ALTER TABLE forced_bypass ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO ac_bypass;
CREATE TABLE parent (LIKE bookings);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE with_trigger (LIKE bookings);
CREATE FUNCTION somebodys() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT ON with_trigger FOR EACH ROW EXECUTE FUNCTION somebodys();
CREATE TABLE with_trigger2 (LIKE bookings);
CREATE TRIGGER trigger_invalidate_cache_on_booking_truncate AFTER TRUNCATE ON with_trigger2 EXECUTE FUNCTION somebodys();
SELECT count(*) AS attached FROM availability_cache.attach();
SELECT call, r.* FROM (VALUES
    (1, $$attach('booking', 'bookings')$$), (2, $$attach(NULL, 'bookings')$$), (3, $$attach('bookings', NULL)$$), (4, $$attach('rules', 'availability_cache.rules')$$),
    (5, $$attach('bookings', 'bookings', NULL)$$), (6, $$attach('bookings', 'bookings', '[]')$$), (7, $$attach('bookings', 'bookings', '"x"')$$),
    (8, $$attach('bookings', 'bookings', '{"start_time": 5}')$$), (9, $$attach('bookings', 'bookings', '{"start_time": null}')$$),
    (10, $$attach('bookings', 'bookings', '{"start_tim": "start_time", "end": "end_time"}')$$),
    (11, $$attach('bookings', 'bookings', '{"start_time": "starts"}')$$), (12, $$attach('bookings', 'bookings', '{"start_time": "ctid"}')$$),
    (13, $$attach('bookings', 'bookings', '{"status": ""}')$$),
    (14, $$attach('bookings', 'v_bookings')$$), (15, $$attach('bookings', 'm_bookings')$$), (16, $$attach('bookings', 't_bookings')$$),
    (17, $$attach('bookings', 'p_bookings_2031')$$), (18, $$attach('bookings', 'f_bookings')$$), (19, $$attach('bookings', 'pf_bookings')$$),
    (20, $$attach('bookings', 's_bookings')$$), (21, $$attach('bookings', 'pg_class')$$), (22, $$attach('bookings', 'no_such_table')$$), (23, $$attach('bookings', 4711::regclass)$$),
    (24, $$attach('bookings', 'lacking')$$), (25, $$attach('bookings', 'mistyped')$$), (26, $$attach('bookings', 'mistyped', '{"stylist_user_id": "end_time"}')$$),
    (27, $$attach('bookings', 'mistyped2')$$), (28, $$attach('services', 'mistyped3')$$),
    (29, $$attach('booking_reservations', 'bookings')$$),
    (30, $$attach('bookings', 'forced_plain')$$), (31, $$attach('bookings', 'with_trigger')$$), (32, $$attach('bookings', 'with_trigger2')$$),
    (33, $$attach('bookings', 'parent')$$)
  ) AS c(n, call), refused(call) r ORDER BY n \gx
-- not refused: a superuser's, or whoever may bypass, sees every row
SELECT relation, action FROM availability_cache.attach('bookings', 'forced');
SELECT relation, action FROM availability_cache.attach('bookings', 'forced_bypass');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'trigger_invalidate_cache_on_booking%' AND tgfoid <> 'somebodys'::regproc ORDER BY 2;
SELECT relation, action FROM availability_cache.attach('bookings', 'p_bookings');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'trigger_invalidate_cache_on_booking%' AND tgfoid <> 'somebodys'::regproc ORDER BY 1, 2;
SELECT relation, action FROM availability_cache.attach('bookings', 'bookings');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'trigger_invalidate_cache_on_booking%' AND tgfoid <> 'somebodys'::regproc ORDER BY 1, 2;

-- somebody else's table; docs/usage.md's grants, and one's own
CREATE TABLE own_bookings (stylist_user_id uuid, start_time timestamptz, end_time timestamptz);
ALTER TABLE own_bookings OWNER TO ac_plain;
SET ROLE ac_plain;
SELECT * FROM availability_cache.attach();
RESET ROLE;
GRANT EXECUTE ON FUNCTION availability_cache.attach(), availability_cache.attach(text, regclass, jsonb), availability_cache.detach(text) TO ac_plain;
GRANT USAGE ON SCHEMA private TO ac_plain;
SET ROLE ac_plain;
SELECT state, message, replace(hint, 'to ' || session_user || ';', 'to its owner;') AS hint, nothing_changed FROM refused($$attach('bookings', 'bookings')$$);
SELECT availability_cache.detach('bookings');
RESET ROLE;
SELECT availability_cache.detach('bookings');
SET ROLE ac_plain;
SELECT relation, action FROM availability_cache.attach('bookings', 'own_bookings');
RESET ROLE;
SELECT relation, triggers FROM availability_cache.sources WHERE role = 'bookings';
-- who may not attach any more has nothing that counts, and it does not stand in the way of another
REVOKE EXECUTE ON FUNCTION private.invalidate_availability_cache() FROM ac_plain;
SELECT relation, triggers FROM availability_cache.sources WHERE role = 'bookings';
SET ROLE ac_plain;
SELECT * FROM refused($$attach('bookings', 'own_bookings')$$);
RESET ROLE;
SELECT relation, action FROM availability_cache.attach('bookings', 'bookings');
SELECT relation, triggers FROM availability_cache.sources WHERE role = 'bookings' ORDER BY relation::text;
SELECT relation, action FROM availability_cache.attach('bookings', 'bookings');
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SELECT availability_cache.detach('bookings');

-- 4. attach() without arguments: which table it takes, and when it would have to guess
SELECT count(*) AS detached FROM availability_cache.detach();
CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.bookings (LIKE bookings);
SELECT role, relation FROM availability_cache.attach() WHERE role = 'bookings';
SELECT count(*) AS detached FROM availability_cache.detach();
ALTER TABLE bookings RENAME TO away;
SELECT role, relation FROM availability_cache.attach() WHERE role = 'bookings';
SELECT count(*) AS detached FROM availability_cache.detach();
CREATE TABLE b.bookings (LIKE away);
SELECT * FROM refused('attach()');
DROP TABLE a.bookings, b.bookings;
SELECT * FROM refused('attach()');
CREATE VIEW bookings AS SELECT * FROM away;
SELECT * FROM refused('attach()');
-- what was attached by hand stays
SELECT relation, action FROM availability_cache.attach('bookings', 'away');
SELECT role, relation, action FROM availability_cache.attach();
SELECT count(*) AS detached FROM availability_cache.detach();
DROP VIEW bookings;
ALTER TABLE away RENAME TO bookings;
-- the optional ones may lack; in one transaction with its ROLLBACK nothing is left
ALTER TABLE stylist_profiles RENAME TO profiles_away;
SELECT role, relation, columns IS NULL AS no_columns, action, missing_indexes FROM availability_cache.attach() WHERE role IN ('stylist_profiles', 'services');
ALTER TABLE profiles_away RENAME TO stylist_profiles;
SELECT count(*) AS detached FROM availability_cache.detach();
SELECT made() AS before \gset
BEGIN;
SELECT count(*) AS attached FROM availability_cache.attach();
ROLLBACK;
SELECT made() = :'before' AS nothing_changed;

-- 5. missing indexes: there with a name of any kind, gone when its command was run, whatever the session's settings
CREATE TABLE "Bare bookings" ("Stylist" uuid, "From" timestamptz, "To" timestamptz);
CREATE TABLE "Bare holds" (stylist_id uuid, starts_at timestamptz, ends_at timestamptz);
CREATE TABLE "Bare partitioned" ("Stylist" uuid, "From" timestamptz, "To" timestamptz) PARTITION BY RANGE ("From");
CREATE TABLE bare_2031 PARTITION OF "Bare partitioned" FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
CREATE TABLE bare_schedules (stylist_id uuid, weekday int, opens_at time, closes_at time);
CREATE TABLE bare_overrides (stylist_id uuid, start_date date);
CREATE TABLE bare_services (id uuid, duration interval);
CREATE TABLE bare_offers (stylist_id uuid, service_id uuid);
CREATE TABLE bare_profiles (id uuid);
SELECT missing_indexes FROM availability_cache.attach('bookings', '"Bare bookings"', '{"stylist_user_id": "Stylist", "start_time": "From", "end_time": "To"}');
SELECT count(*) AS attached FROM availability_cache.attach('booking_reservations', '"Bare holds"');
SELECT count(*) AS attached FROM availability_cache.attach('stylist_schedules', 'bare_schedules');
SELECT count(*) AS attached FROM availability_cache.attach('schedule_overrides', 'bare_overrides');
SELECT count(*) AS attached FROM availability_cache.attach('services', 'bare_services');
SELECT count(*) AS attached FROM availability_cache.attach('stylist_services', 'bare_offers');
SELECT count(*) AS attached FROM availability_cache.attach('stylist_profiles', 'bare_profiles');
SELECT role, i FROM availability_cache.sources, unnest(missing_indexes) i ORDER BY 1, 2;
SELECT i FROM availability_cache.sources, unnest(missing_indexes) i ORDER BY 1 \gexec
SELECT role, missing_indexes FROM availability_cache.sources ORDER BY 1;
SET intervalstyle = 'sql_standard';
SELECT role, missing_indexes FROM availability_cache.sources WHERE missing_indexes <> '{}';
SET intervalstyle = 'iso_8601';
SET search_path = '';
SELECT role, missing_indexes FROM availability_cache.sources WHERE missing_indexes <> '{}';
RESET intervalstyle;
RESET search_path;
SELECT i FROM availability_cache.attach('bookings', '"Bare partitioned"', '{"stylist_user_id": "Stylist", "start_time": "From", "end_time": "To"}'), unnest(missing_indexes) i \gexec
SELECT missing_indexes FROM availability_cache.sources WHERE role = 'bookings';
-- what serves as well: more columns behind, a unique one; what does not: an invalid one, other columns first
SELECT availability_cache.missing_indexes('stylist_profiles', 'stylist_profiles', '{"user_id": "user_id"}') AS pkey;
DROP INDEX bare_schedules_stylist_id_idx;
CREATE INDEX bare_index ON bare_schedules (weekday, stylist_id);
SELECT missing_indexes FROM availability_cache.sources WHERE role = 'stylist_schedules';
DROP INDEX bare_index;
CREATE INDEX bare_index ON bare_schedules USING hash (stylist_id);
CREATE INDEX bare_index2 ON bare_schedules (stylist_id, weekday);
SELECT missing_indexes FROM availability_cache.sources WHERE role = 'stylist_schedules';
UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('bare_index'::regclass, 'bare_index2'::regclass);
SELECT missing_indexes FROM availability_cache.sources WHERE role = 'stylist_schedules';
SELECT count(*) AS detached FROM availability_cache.detach();

-- 6. what is wrong with the triggers shows, and attach() puts it right
SELECT count(*) AS attached FROM availability_cache.attach();
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE triggers <> 'enabled';
ALTER TABLE bookings ENABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE triggers <> 'enabled';
ALTER TABLE bookings ENABLE REPLICA TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE triggers <> 'enabled';
DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings;
ALTER TABLE services DISABLE TRIGGER USER;
SELECT role, triggers FROM availability_cache.sources WHERE triggers <> 'enabled' ORDER BY 1;
-- one that sees less than every change does not count
CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE role = 'bookings';
DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings;
CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT OR DELETE OR UPDATE OF status ON bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE role = 'bookings';
DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings;
CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT OR DELETE OR UPDATE ON bookings FOR EACH ROW WHEN (pg_trigger_depth() = 1) EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', 'status', 'service_id');
ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking;
SELECT role, triggers FROM availability_cache.sources WHERE role = 'bookings';
SELECT role, action FROM availability_cache.attach();
SELECT role, triggers FROM availability_cache.sources WHERE triggers <> 'enabled';
-- a table that is gone is forgotten
DROP TABLE booking_reservations;
SELECT role FROM availability_cache.sources ORDER BY 1;
-- a column that an answer needs, renamed: v1 says what to do, attach() does it
ALTER TABLE bookings RENAME start_time TO begins;
SELECT * FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');
SELECT * FROM refused('attach()');
SELECT action FROM availability_cache.attach('bookings', 'bookings', '{"start_time": "begins"}');
SELECT count(*) FROM get_available_slots(id('stylist 1'), id('service 1'), '2031-03-05');

\c :home
DROP DATABASE ac_attach;
DROP ROLE ac_plain, ac_bypass;
