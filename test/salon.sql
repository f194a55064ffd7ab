\set salon_echo :ECHO
\set ECHO none
-- A salon: schema and deterministic data. A psql script, for the demo, the tests and the benchmarks.
--
--   \set bookings 100000        any of these, before \i; the defaults are in brackets
--     stylists [20]   services [5]   days [30] the calendar's length   bookings [5000] of all stylists together
--     start [tomorrow] the calendar's first day, as a date; the schema is what current_schema is
--
-- The layout depends on these numbers alone (nothing is random), and hangs on the start date, so that the
-- calendar lies in the future. What is where:
--   ids         md5('stylist 1')::uuid, md5('service 1')::uuid, md5('booking 1')::uuid, …
--   zone        Asia/Kathmandu
--   opening     08:00 to 20:00, break 13:00 to 14:00; stylist s is off on calendar days d (from 0) where (d - s) % 7 = 0
--   services    30, 15, 45, 60 and 30 minutes, and again; stylist s offers service v unless (s + v) % 7 = 3, but
--               stylist 1 offers all and service 1 is offered by all; every 4th stylist has prices of their own, every 5th a duration
--   overrides   everyone is off on calendar day 20; stylist 2 works 10:00 to 16:00 on day 5
--   bookings    one in each hour at most, of 15 to 60 minutes, dealt over the calendar; what does not fit lies before
--               it, as history; 1 in 12 is cancelled, 1 in 25 a no-show
--   holds       one per stylist on a free hour, of calendar days 1 to 7, for a quarter of an hour from now

\if :{?stylists} \else \set stylists 20
\endif
\if :{?services} \else \set services 5
\endif
\if :{?days} \else \set days 30
\endif
\if :{?bookings} \else \set bookings 5000
\endif
\if :{?start} \else
SELECT (pg_catalog.now() AT TIME ZONE 'Asia/Kathmandu')::date + 1 AS start \gset
\endif

BEGIN;

CREATE TABLE services (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    duration_minutes int NOT NULL,
    price_cents int,
    is_active boolean DEFAULT true,
    buffer_before_minutes int,
    buffer_after_minutes int,
    min_notice_minutes int,
    max_advance_days int
);

CREATE TABLE stylist_profiles (
    user_id uuid PRIMARY KEY,
    display_name text,
    timezone text,
    is_active boolean DEFAULT true,
    buffer_before_minutes int,
    buffer_after_minutes int,
    min_notice_minutes int,
    max_advance_days int
);

CREATE TABLE stylist_services (
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    custom_duration_minutes int,
    custom_price_cents int,
    is_active boolean DEFAULT true,
    PRIMARY KEY (stylist_user_id, service_id)
);

CREATE TABLE stylist_schedules (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    day_of_week int NOT NULL CHECK (day_of_week BETWEEN 0 AND 6),   -- 0 is Sunday
    start_time time NOT NULL,
    end_time time NOT NULL,
    break_start_time time,
    break_end_time time,
    is_active boolean DEFAULT true,
    effective_from date,
    effective_until date
);

CREATE TABLE schedule_overrides (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stylist_user_id uuid,                                           -- NULL: everyone
    override_date date NOT NULL,
    end_date date,
    is_closed boolean,
    start_time time,
    end_time time,
    priority int DEFAULT 0,
    is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    customer_name text,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'confirmed',
    note text,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE booking_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    status text DEFAULT 'reserved',
    expires_at timestamptz
);

INSERT INTO services (id, name, duration_minutes, price_cents)
SELECT md5('service ' || v)::uuid,
       coalesce(names[v], 'Service ' || v),
       (ARRAY[30, 15, 45, 60, 30])[1 + (v - 1) % 5],
       (ARRAY[1500, 800, 2200, 4500, 1200])[1 + (v - 1) % 5]
  FROM generate_series(1, :services) v,
       (SELECT ARRAY['Haircut', 'Beard trim', 'Blow-dry', 'Colour', 'Head massage']) n(names);

INSERT INTO stylist_profiles (user_id, display_name, timezone)
SELECT md5('stylist ' || s)::uuid,
       coalesce(names[s], 'Stylist ' || s),
       'Asia/Kathmandu'
  FROM generate_series(1, :stylists) s,
       (SELECT ARRAY['Anita', 'Bimala', 'Chandra', 'Deepa', 'Elina', 'Ganga', 'Hira', 'Indira', 'Jyoti', 'Kabita',
                     'Laxmi', 'Maya', 'Nisha', 'Ojaswi', 'Puja', 'Rekha', 'Sita', 'Tara', 'Urmila', 'Yamuna']) n(names);

INSERT INTO stylist_services (stylist_user_id, service_id, custom_duration_minutes, custom_price_cents)
SELECT md5('stylist ' || s)::uuid,
       v.id,
       CASE WHEN s % 5 = 0 THEN least(60, v.duration_minutes + 15) END,
       CASE WHEN s % 4 = 0 THEN v.price_cents + 500 END
  FROM generate_series(1, :stylists) s
 CROSS JOIN generate_series(1, :services) i
  JOIN services v ON v.id = md5('service ' || i)::uuid
 WHERE s = 1 OR i = 1 OR (s + i) % 7 <> 3;

-- Seven rows a stylist, but for the day of the week on which calendar day s (and s + 7, …) falls.
INSERT INTO stylist_schedules (id, stylist_user_id, day_of_week, start_time, end_time, break_start_time, break_end_time)
SELECT md5('schedule ' || s || ' ' || d)::uuid, md5('stylist ' || s)::uuid,
       extract(dow FROM date :'start' + d)::int, '08:00', '20:00', '13:00', '14:00'
  FROM generate_series(1, :stylists) s, generate_series(0, 6) d
 WHERE d <> s % 7;

INSERT INTO schedule_overrides (id, stylist_user_id, override_date, is_closed, start_time, end_time, priority)
VALUES (md5('override 1')::uuid, NULL, date :'start' + 20, true, NULL, NULL, 0),
       (md5('override 2')::uuid, md5('stylist 2')::uuid, date :'start' + 5, false, '10:00', '16:00', 1);

-- Every stylist's open hours, in the order in which bookings take them: the calendar's shuffled, then the
-- past's from the latest day on. 11 hours a day, 6 days a week.
CREATE TEMPORARY TABLE salon_hours ON COMMIT DROP AS
SELECT s, d, h,
       row_number() OVER (PARTITION BY s ORDER BY d < 0, CASE WHEN d < 0 THEN -d END, md5(concat_ws(' ', s, d, h))) AS turn
  FROM generate_series(1, :stylists) s,
       generate_series(-7 - greatest(0, ceil(:bookings::numeric / :stylists) - 9 * :days)::int * 7 / 60, :days - 1) d,
       unnest(ARRAY[8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19]) h
 WHERE (d - s) % 7 <> 0;

CREATE TEMPORARY TABLE salon_bookings ON COMMIT DROP AS
SELECT s, d, h, (turn - 1) * :stylists + s AS n,
       (SELECT count(*) FROM stylist_services x WHERE x.stylist_user_id = md5('stylist ' || s)::uuid) AS offered
  FROM salon_hours
 WHERE (turn - 1) * :stylists + s <= :bookings;

WITH offer AS (
    SELECT x.stylist_user_id, x.service_id, coalesce(x.custom_duration_minutes, v.duration_minutes) AS minutes,
           row_number() OVER (PARTITION BY x.stylist_user_id ORDER BY x.service_id) - 1 AS i
      FROM stylist_services x JOIN services v ON v.id = x.service_id
)
INSERT INTO bookings (id, stylist_user_id, service_id, customer_name, start_time, end_time, status)
SELECT md5('booking ' || b.n)::uuid, o.stylist_user_id, o.service_id, 'Customer ' || 1 + b.n % 997,
       at.start_time, at.start_time + make_interval(mins => o.minutes),
       CASE WHEN b.n % 12 = 7 THEN 'cancelled' WHEN b.n % 25 = 3 THEN 'no_show' WHEN d < 0 THEN 'completed' ELSE 'confirmed' END
  FROM salon_bookings b
  JOIN offer o ON o.stylist_user_id = md5('stylist ' || b.s)::uuid AND o.i = (b.h + b.d + 7000000) % b.offered
 CROSS JOIN LATERAL (SELECT (date :'start' + b.d + make_time(b.h, CASE WHEN o.minutes <= 30 AND b.n % 2 = 0 THEN 30 ELSE 0 END, 0))
                            AT TIME ZONE 'Asia/Kathmandu' AS start_time) at
 ORDER BY b.n;

INSERT INTO booking_reservations (id, stylist_user_id, service_id, start_time, end_time, expires_at)
SELECT md5('hold ' || f.s)::uuid, o.stylist_user_id, o.service_id, f.start_time, f.start_time + interval '30 minutes',
       now() + interval '15 minutes'
  FROM (SELECT DISTINCT ON (h.s) h.s, (date :'start' + h.d + make_time(h.h, 0, 0)) AT TIME ZONE 'Asia/Kathmandu' AS start_time
          FROM salon_hours h
         WHERE h.d BETWEEN 1 AND 7 AND NOT EXISTS (SELECT FROM salon_bookings b WHERE (b.s, b.d, b.h) = (h.s, h.d, h.h))
         ORDER BY h.s, h.d, h.h) f
 CROSS JOIN LATERAL (SELECT x.* FROM stylist_services x WHERE x.stylist_user_id = md5('stylist ' || f.s)::uuid
                      ORDER BY x.service_id LIMIT 1) o;

CREATE INDEX ON bookings (stylist_user_id, start_time);
CREATE INDEX ON bookings (stylist_user_id, end_time)
    WHERE (end_time AT TIME ZONE 'UTC') > (start_time AT TIME ZONE 'UTC') + interval '1 day';
CREATE INDEX ON booking_reservations (stylist_user_id, end_time);
CREATE INDEX ON stylist_schedules (stylist_user_id, day_of_week);
CREATE INDEX ON schedule_overrides (stylist_user_id);
CREATE INDEX ON schedule_overrides (override_date);

COMMIT;

ANALYZE services, stylist_profiles, stylist_services, stylist_schedules, schedule_overrides, bookings, booking_reservations;

\set ECHO :salon_echo
