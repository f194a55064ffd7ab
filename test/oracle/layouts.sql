/*
 * The salon's tables in one of three layouts, attached, and the oracle's views on them.
 *
 *   psql -v layout=usual|minimal|other -f layouts.sql
 *
 *   usual    every table and column, under the usual names; as in test/salon.sql
 *   minimal  only what attach() cannot do without: no profiles; no status, expiry, breaks,
 *            validity, is_closed, priority, custom duration, price, is_active or buffers
 *   other    other table and column names, and other types: intervals, enum, varchar, bigint, smallint, domains; nothing
 *            keeps a second row of a service, of a stylist or of an offer away
 *
 * random_salon.sql writes through relations of the usual names (in "other" updatable views);
 * the oracle reads the views oracle.booking, oracle.hold and so on: spans as numbers of seconds, NULL
 * for what is not mapped, no rows where the role is not attached.
 */
CREATE EXTENSION IF NOT EXISTS availability_cache;
CREATE SCHEMA oracle;

CREATE FUNCTION oracle.attached(p_role text) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM availability_cache.source WHERE role = p_role) $$;

SELECT :'layout' = 'usual' AS usual, :'layout' = 'minimal' AS minimal, :'layout' = 'other' AS other \gset

\if :usual

CREATE TABLE bookings (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, customer_name text,
    start_time timestamptz, end_time timestamptz, status text, note text, created_at timestamptz DEFAULT now(), seats integer, resource_id uuid);
CREATE TABLE booking_reservations (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid,
    start_time timestamptz, end_time timestamptz, status text DEFAULT 'reserved', expires_at timestamptz, seats integer, resource_id uuid);
CREATE TABLE stylist_schedules (id serial PRIMARY KEY, stylist_user_id uuid, day_of_week integer, start_time time, end_time time,
    break_start_time time, break_end_time time, is_active boolean, effective_from date, effective_until date,
    service_id uuid, interval_weeks integer, interval_from date);
CREATE TABLE schedule_overrides (id serial PRIMARY KEY, stylist_user_id uuid, override_date date, end_date date,
    is_closed boolean, start_time time, end_time time, priority integer DEFAULT 0, is_active boolean, created_at timestamptz,
    applies_to_all boolean, timezone text);
CREATE TABLE services (id uuid PRIMARY KEY, name text, duration_minutes integer, price_cents integer, is_active boolean,
    buffer_before_minutes integer, buffer_after_minutes integer, min_notice_minutes integer, max_advance_days integer, capacity integer,
    slot_step_minutes integer, slot_alignment text, only_classes boolean,
    max_bookings_per_day integer, max_bookings_per_week integer, max_daily_minutes integer, max_weekly_minutes integer, resource_kind text);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid, custom_duration_minutes integer, custom_price_cents integer,
    is_active boolean, capacity integer, PRIMARY KEY (stylist_user_id, service_id));
CREATE TABLE stylist_profiles (user_id uuid PRIMARY KEY, display_name text, timezone text, is_active boolean,
    buffer_before_minutes integer, buffer_after_minutes integer, min_notice_minutes integer, max_advance_days integer,
    max_bookings_per_day integer, max_bookings_per_week integer, max_daily_minutes integer, max_weekly_minutes integer);

CREATE TABLE resources (id uuid PRIMARY KEY, name text, kind text, is_active boolean);
CREATE TABLE class_sessions (id serial PRIMARY KEY, stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz,
    seats integer, status text, is_active boolean);

CREATE VIEW oracle.booking AS
    SELECT stylist_user_id AS stylist, service_id AS service, start_time AS starts, end_time AS ends, status, true AS has_status, seats, resource_id AS resource FROM bookings;
CREATE VIEW oracle.hold AS
    SELECT stylist_user_id AS stylist, service_id AS service, start_time AS starts, end_time AS ends, status, true AS has_status, expires_at, seats, resource_id AS resource
      FROM booking_reservations WHERE oracle.attached('booking_reservations');
CREATE VIEW oracle.schedule AS
    SELECT stylist_user_id AS stylist, day_of_week, start_time AS opens, end_time AS closes, break_start_time AS break_start,
           break_end_time AS break_end, is_active, effective_from, effective_until,
           service_id AS service, interval_weeks AS weeks, interval_from AS weeks_from FROM stylist_schedules;
CREATE VIEW oracle.override AS
    SELECT stylist_user_id AS stylist, override_date AS first_date, end_date AS last_date, is_closed, start_time AS opens,
           end_time AS closes, priority, is_active, created_at, applies_to_all AS to_all, timezone AS zone
      FROM schedule_overrides WHERE oracle.attached('schedule_overrides');
CREATE VIEW oracle.service AS
    SELECT id AS service, duration_minutes * 60.0 AS duration, price_cents AS price, is_active,
           buffer_before_minutes * 60.0 AS buffer_before, buffer_after_minutes * 60.0 AS buffer_after,
           min_notice_minutes * 60.0 AS min_notice, max_advance_days * 86400.0 AS max_advance, capacity,
           max_bookings_per_day AS bookings_of_day, max_bookings_per_week AS bookings_of_week, max_daily_minutes * 60.0 AS time_of_day, max_weekly_minutes * 60.0 AS time_of_week,
           slot_step_minutes * 60.0 AS step, slot_alignment AS alignment, resource_kind AS kind, only_classes FROM services;
CREATE VIEW oracle.offer AS
    SELECT stylist_user_id AS stylist, service_id AS service, custom_duration_minutes * 60.0 AS duration,
           custom_price_cents AS price, is_active, capacity FROM stylist_services;
CREATE VIEW oracle.stylist AS
    SELECT user_id AS stylist, timezone, is_active,
           buffer_before_minutes * 60.0 AS buffer_before, buffer_after_minutes * 60.0 AS buffer_after,
           min_notice_minutes * 60.0 AS min_notice, max_advance_days * 86400.0 AS max_advance,
           max_bookings_per_day AS bookings_of_day, max_bookings_per_week AS bookings_of_week, max_daily_minutes * 60.0 AS time_of_day, max_weekly_minutes * 60.0 AS time_of_week
      FROM stylist_profiles WHERE oracle.attached('stylist_profiles');

CREATE VIEW oracle.resource AS SELECT id AS resource, kind, is_active FROM resources WHERE oracle.attached('resources');
CREATE VIEW oracle.class AS
    SELECT stylist_user_id AS stylist, service_id AS service, start_time AS starts, end_time AS ends, seats, status, is_active
      FROM class_sessions WHERE oracle.attached('class_sessions');

SELECT role, action FROM availability_cache.attach();

\elif :minimal

CREATE TABLE bookings (id serial PRIMARY KEY, stylist_user_id uuid, start_time timestamptz, end_time timestamptz);
CREATE TABLE booking_reservations (id serial PRIMARY KEY, stylist_user_id uuid, start_time timestamptz, end_time timestamptz);
CREATE TABLE stylist_schedules (id serial PRIMARY KEY, stylist_user_id uuid, day_of_week integer, start_time time, end_time time);
CREATE TABLE schedule_overrides (id serial PRIMARY KEY, stylist_user_id uuid, override_date date, start_time time, end_time time);
CREATE TABLE services (id uuid PRIMARY KEY, duration_minutes integer);
CREATE TABLE stylist_services (stylist_user_id uuid, service_id uuid, PRIMARY KEY (stylist_user_id, service_id));

CREATE VIEW oracle.booking AS
    SELECT stylist_user_id AS stylist, NULL::uuid AS service, start_time AS starts, end_time AS ends, NULL::text AS status, false AS has_status, NULL::integer AS seats, NULL::uuid AS resource FROM bookings;
CREATE VIEW oracle.hold AS
    SELECT stylist_user_id AS stylist, NULL::uuid AS service, start_time AS starts, end_time AS ends, NULL::text AS status, false AS has_status,
           NULL::timestamptz AS expires_at, NULL::integer AS seats, NULL::uuid AS resource
      FROM booking_reservations WHERE oracle.attached('booking_reservations');
CREATE VIEW oracle.schedule AS
    SELECT stylist_user_id AS stylist, day_of_week, start_time AS opens, end_time AS closes, NULL::time AS break_start,
           NULL::time AS break_end, NULL::boolean AS is_active, NULL::date AS effective_from, NULL::date AS effective_until,
           NULL::uuid AS service, NULL::integer AS weeks, NULL::date AS weeks_from
      FROM stylist_schedules;
CREATE VIEW oracle.override AS
    SELECT stylist_user_id AS stylist, override_date AS first_date, NULL::date AS last_date,
           start_time IS NULL AND end_time IS NULL AS is_closed, start_time AS opens, end_time AS closes, NULL::integer AS priority,
           NULL::boolean AS is_active, NULL::timestamptz AS created_at, NULL::boolean AS to_all, NULL::text AS zone
      FROM schedule_overrides WHERE oracle.attached('schedule_overrides');
CREATE VIEW oracle.service AS
    SELECT id AS service, duration_minutes * 60.0 AS duration, NULL::integer AS price, NULL::boolean AS is_active,
           NULL::numeric AS buffer_before, NULL::numeric AS buffer_after, NULL::numeric AS min_notice,
           NULL::numeric AS max_advance, NULL::integer AS capacity,
           NULL::bigint AS bookings_of_day, NULL::bigint AS bookings_of_week, NULL::numeric AS time_of_day, NULL::numeric AS time_of_week,
           NULL::numeric AS step, NULL::text AS alignment, NULL::text AS kind, NULL::boolean AS only_classes FROM services;
CREATE VIEW oracle.offer AS
    SELECT stylist_user_id AS stylist, service_id AS service, NULL::numeric AS duration, NULL::integer AS price,
           NULL::boolean AS is_active, NULL::integer AS capacity FROM stylist_services;
CREATE VIEW oracle.stylist AS
    SELECT NULL::uuid AS stylist, NULL::text AS timezone, NULL::boolean AS is_active, NULL::numeric AS buffer_before,
           NULL::numeric AS buffer_after, NULL::numeric AS min_notice, NULL::numeric AS max_advance,
           NULL::bigint AS bookings_of_day, NULL::bigint AS bookings_of_week, NULL::numeric AS time_of_day, NULL::numeric AS time_of_week WHERE false;
CREATE VIEW oracle.resource AS SELECT NULL::uuid AS resource, NULL::text AS kind, NULL::boolean AS is_active WHERE false;
CREATE VIEW oracle.class AS
    SELECT NULL::uuid AS stylist, NULL::uuid AS service, NULL::timestamptz AS starts, NULL::timestamptz AS ends, NULL::integer AS seats,
           NULL::text AS status, NULL::boolean AS is_active WHERE false;

SELECT role, action FROM availability_cache.attach();

\elif :other

CREATE SCHEMA "The Salon";
SET search_path = "The Salon", public;
CREATE TYPE booking_state AS ENUM ('confirmed', 'pending', 'cancelled', 'no_show', 'reserved', 'active', 'done', 'Cancelled', '');
CREATE TYPE cabin_sort AS ENUM ('chair', 'room', 'Room', '');
CREATE TYPE alignment AS ENUM ('opening', 'noon', 'clock', 'break');
CREATE DOMAIN person AS uuid;
CREATE TABLE "Appointments" (id serial PRIMARY KEY, "Who" person, service uuid, begins timestamptz, finishes timestamptz,
    state booking_state, note text, heads bigint, cabin person);
CREATE TABLE holds (id serial PRIMARY KEY, stylist uuid, since timestamptz, until timestamptz, state varchar(20), lapses timestamptz, service uuid, heads smallint, cabin uuid);
CREATE TABLE hours (id serial PRIMARY KEY, stylist uuid, dow smallint, opens time(3), closes time, lunch_from time, lunch_to time,
    used boolean, valid_from date, valid_until date, treatment uuid, every smallint, counted_from date);
CREATE TABLE exceptions (id serial PRIMARY KEY, stylist uuid, first date, last date, shut boolean, opens time, closes time,
    weight bigint, used boolean, made timestamptz, everybody boolean, place varchar(40));
CREATE TABLE treatments (treatment uuid, takes interval, price bigint, used boolean,
    before_each interval, after_each interval, notice_hours interval, ahead interval, room bigint, each interval, aligned alignment,
    day_most smallint, week_most bigint, day_full interval, week_full interval, needs cabin_sort, fixed boolean);
CREATE TABLE lessons ("Who" person, treatment uuid, begins timestamptz, finishes timestamptz, places bigint, state booking_state, used boolean);
CREATE TABLE skills (stylist uuid, treatment uuid, takes interval, price smallint, used boolean, places smallint);
CREATE TABLE cabins (cabin uuid, sort varchar(8), used boolean);
CREATE TABLE people (person uuid, lives_in varchar, used boolean,
    before_each interval, after_each interval, notice interval, ahead interval,
    day_most bigint, week_most integer, day_full interval, week_full interval);

CREATE VIEW public.bookings AS
    SELECT id, "Who" AS stylist_user_id, service AS service_id, begins AS start_time, finishes AS end_time, state AS status, note, heads AS seats, cabin AS resource_id
      FROM "Appointments";
CREATE VIEW public.booking_reservations AS
    SELECT id, stylist AS stylist_user_id, since AS start_time, until AS end_time, state AS status, lapses AS expires_at,
           service AS service_id, heads AS seats, cabin AS resource_id FROM holds;
CREATE VIEW public.stylist_schedules AS
    SELECT id, stylist AS stylist_user_id, dow AS day_of_week, opens AS start_time, closes AS end_time, lunch_from AS break_start_time,
           lunch_to AS break_end_time, used AS is_active, valid_from AS effective_from, valid_until AS effective_until,
           treatment AS service_id, every AS interval_weeks, counted_from AS interval_from FROM hours;
CREATE VIEW public.schedule_overrides AS
    SELECT id, stylist AS stylist_user_id, first AS override_date, last AS end_date, shut AS is_closed, opens AS start_time,
           closes AS end_time, weight AS priority, used AS is_active, made AS created_at, everybody AS applies_to_all, place AS timezone FROM exceptions;
CREATE VIEW public.services AS
    SELECT treatment AS id, takes AS duration_minutes, price AS price_cents, used AS is_active, before_each AS buffer_before_minutes,
           after_each AS buffer_after_minutes, notice_hours AS min_notice_minutes, ahead AS max_advance_days, room AS capacity, each AS slot_step_minutes, aligned AS slot_alignment,
           day_most AS max_bookings_per_day, week_most AS max_bookings_per_week, day_full AS max_daily_minutes, week_full AS max_weekly_minutes, needs AS resource_kind, fixed AS only_classes FROM treatments;
CREATE VIEW public.class_sessions AS
    SELECT "Who" AS stylist_user_id, treatment AS service_id, begins AS start_time, finishes AS end_time, places AS seats, state AS status, used AS is_active
      FROM lessons;
CREATE VIEW public.resources AS SELECT cabin AS id, sort AS kind, used AS is_active FROM cabins;
CREATE VIEW public.stylist_services AS
    SELECT stylist AS stylist_user_id, treatment AS service_id, takes AS custom_duration_minutes, price AS custom_price_cents,
           used AS is_active, places AS capacity FROM skills;
CREATE VIEW public.stylist_profiles AS
    SELECT person AS user_id, lives_in AS timezone, used AS is_active, before_each AS buffer_before_minutes,
           after_each AS buffer_after_minutes, notice AS min_notice_minutes, ahead AS max_advance_days,
           day_most AS max_bookings_per_day, week_most AS max_bookings_per_week, day_full AS max_daily_minutes, week_full AS max_weekly_minutes FROM people;

CREATE VIEW oracle.booking AS
    SELECT "Who"::uuid AS stylist, service, begins AS starts, finishes AS ends, state::text AS status, true AS has_status, heads AS seats, cabin::uuid AS resource FROM "Appointments";
CREATE VIEW oracle.hold AS
    SELECT stylist, service, since AS starts, until AS ends, state::text AS status, true AS has_status, lapses AS expires_at, heads AS seats, cabin AS resource
      FROM holds WHERE oracle.attached('booking_reservations');
CREATE VIEW oracle.schedule AS
    SELECT stylist, dow::integer AS day_of_week, opens::time AS opens, closes, lunch_from AS break_start, lunch_to AS break_end,
           used AS is_active, valid_from AS effective_from, valid_until AS effective_until,
           treatment AS service, every AS weeks, counted_from AS weeks_from FROM hours;
CREATE VIEW oracle.override AS
    SELECT stylist, first AS first_date, last AS last_date, shut AS is_closed, opens, closes, weight AS priority, used AS is_active,
           made AS created_at, everybody AS to_all, place::text AS zone FROM exceptions WHERE oracle.attached('schedule_overrides');
CREATE VIEW oracle.service AS
    SELECT treatment AS service, extract(epoch FROM takes) AS duration, price, used AS is_active,
           extract(epoch FROM before_each) AS buffer_before, extract(epoch FROM after_each) AS buffer_after,
           extract(epoch FROM notice_hours) AS min_notice, extract(epoch FROM ahead) AS max_advance, room AS capacity,
           day_most AS bookings_of_day, week_most AS bookings_of_week, extract(epoch FROM day_full) AS time_of_day, extract(epoch FROM week_full) AS time_of_week,
           extract(epoch FROM each) AS step, aligned::text AS alignment, needs::text AS kind, fixed AS only_classes FROM treatments;
CREATE VIEW oracle.offer AS
    SELECT stylist, treatment AS service, extract(epoch FROM takes) AS duration, price::integer AS price, used AS is_active, places AS capacity FROM skills;
CREATE VIEW oracle.stylist AS
    SELECT person AS stylist, lives_in::text AS timezone, used AS is_active, extract(epoch FROM before_each) AS buffer_before,
           extract(epoch FROM after_each) AS buffer_after, extract(epoch FROM notice) AS min_notice,
           extract(epoch FROM ahead) AS max_advance,
           day_most AS bookings_of_day, week_most AS bookings_of_week, extract(epoch FROM day_full) AS time_of_day, extract(epoch FROM week_full) AS time_of_week
      FROM people WHERE oracle.attached('stylist_profiles');
CREATE VIEW oracle.class AS
    SELECT "Who"::uuid AS stylist, treatment AS service, begins AS starts, finishes AS ends, places AS seats, state::text AS status, used AS is_active
      FROM lessons WHERE oracle.attached('class_sessions');
CREATE VIEW oracle.resource AS SELECT cabin AS resource, sort::text AS kind, used AS is_active FROM cabins WHERE oracle.attached('resources');
RESET search_path;

SELECT role, action
  FROM (VALUES
    ('bookings', '"The Salon"."Appointments"'::regclass,
     '{"stylist_user_id": "Who", "start_time": "begins", "end_time": "finishes", "status": "state",
       "service_id": "service", "seats": "heads", "resource_id": "cabin"}'::jsonb),
    ('booking_reservations', '"The Salon".holds',
     '{"stylist_user_id": "stylist", "start_time": "since", "end_time": "until", "status": "state", "expires_at": "lapses",
       "service_id": "service", "seats": "heads", "resource_id": "cabin"}'),
    ('stylist_schedules', '"The Salon".hours',
     '{"stylist_user_id": "stylist", "day_of_week": "dow", "start_time": "opens", "end_time": "closes", "break_start_time": "lunch_from",
       "break_end_time": "lunch_to", "is_active": "used", "service_id": "treatment", "interval_weeks": "every", "interval_from": "counted_from"}'),
    ('schedule_overrides', '"The Salon".exceptions',
     '{"stylist_user_id": "stylist", "override_date": "first", "end_date": "last", "is_closed": "shut", "start_time": "opens",
       "end_time": "closes", "priority": "weight", "is_active": "used", "created_at": "made", "applies_to_all": "everybody", "timezone": "place"}'),
    ('services', '"The Salon".treatments',
     '{"id": "treatment", "duration_minutes": "takes", "price_cents": "price", "is_active": "used", "buffer_before_minutes": "before_each",
       "buffer_after_minutes": "after_each", "min_notice_minutes": "notice_hours", "max_advance_days": "ahead", "capacity": "room",
       "max_bookings_per_day": "day_most", "max_bookings_per_week": "week_most", "max_daily_minutes": "day_full", "max_weekly_minutes": "week_full",
       "slot_step_minutes": "each", "slot_alignment": "aligned", "resource_kind": "needs", "only_classes": "fixed"}'),
    ('class_sessions', '"The Salon".lessons', '{"stylist_user_id": "Who", "service_id": "treatment", "start_time": "begins", "end_time": "finishes",
       "seats": "places", "status": "state", "is_active": "used"}'),
    ('resources', '"The Salon".cabins', '{"id": "cabin", "kind": "sort", "is_active": "used"}'),
    ('stylist_services', '"The Salon".skills',
     '{"stylist_user_id": "stylist", "service_id": "treatment", "custom_duration_minutes": "takes", "custom_price_cents": "price",
       "is_active": "used", "capacity": "places"}'),
    ('stylist_profiles', '"The Salon".people',
     '{"user_id": "person", "timezone": "lives_in", "is_active": "used", "buffer_before_minutes": "before_each",
       "buffer_after_minutes": "after_each", "min_notice_minutes": "notice", "max_advance_days": "ahead",
       "max_bookings_per_day": "day_most", "max_bookings_per_week": "week_most", "max_daily_minutes": "day_full", "max_weekly_minutes": "week_full"}'))
       AS t(r, relation, columns),
       availability_cache.attach(t.r, t.relation, t.columns);

\else
    \warn 'unknown layout' :layout
    SELECT 1 / 0;
\endif

-- The indexes that attach() proposes; "minimal" does without.
SELECT unnest(missing_indexes) FROM availability_cache.sources WHERE NOT :'minimal'::boolean \gexec

CREATE FUNCTION oracle.layout() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::text $$;
SELECT format('CREATE OR REPLACE FUNCTION oracle.layout() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT %L $f$', :'layout') \gexec
