/*
 * The slot rules of docs/rules.md, a second time and as plainly as SQL can say them: an oracle to compare
 * get_available_slots with. Written from that page alone, without looking at src. Slow on purpose. The numbers in the
 * comments are those of the page.
 *
 * Needs the views of layouts.sql. oracle.slots(stylist, service, date, customer zone, now) raises the page's error
 * codes as messages, under the SQLSTATEs of get_available_slots.
 */
CREATE TYPE oracle.span AS (starts timestamptz, ends timestamptz);

/* 9: the instant at which the clock of a zone reads this. */
CREATE FUNCTION oracle.instant(wall timestamp, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found timestamptz;
    jump timestamptz;
    before timestamp;
    after timestamp;
BEGIN
    -- Try every offset from UTC there can be (whole quarters of an hour since 1972), keep the first that reads so.
    SELECT min(candidate) INTO found
      FROM generate_series(-16 * 4, 16 * 4) AS quarters,
           LATERAL (SELECT (wall AT TIME ZONE 'UTC') + quarters * interval '15 minutes') AS c(candidate)
     WHERE candidate AT TIME ZONE zone = wall;
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;

    -- The clock never reads so. The minute in which it first reads more is the one it was put forward in.
    SELECT min(minute) INTO jump
      FROM generate_series(date_trunc('minute', wall) AT TIME ZONE 'UTC' - interval '16 hours',
                           date_trunc('minute', wall) AT TIME ZONE 'UTC' + interval '16 hours', '1 minute') AS minute
     WHERE minute AT TIME ZONE zone > wall;
    before := (jump - interval '1 minute') AT TIME ZONE zone + interval '1 minute';
    after := jump AT TIME ZONE zone;
    RETURN oracle.instant(wall + (after - before), zone);
END
$$;

/* 8: the window of a date. */
CREATE FUNCTION oracle.open_window(date date, opens time, closes time, zone text) RETURNS oracle.span
LANGUAGE plpgsql STABLE AS $$
DECLARE
    opens_at timestamp := date + date_trunc('second', opens);
    closes_at timestamp := date + date_trunc('second', closes);
BEGIN
    IF closes_at <= opens_at THEN
        closes_at := closes_at + interval '1 day';
    END IF;
    RETURN ROW(oracle.instant(opens_at, zone), oracle.instant(closes_at, zone));
END
$$;

/* 10: the break of a schedule row on a date, whose times are not equal. */
CREATE FUNCTION oracle.break_of(date date, opens time, closes time, break_start time, break_end time, zone text) RETURNS oracle.span
LANGUAGE plpgsql STABLE AS $$
DECLARE
    row_opens interval := date_trunc('second', opens);
    row_closes interval := date_trunc('second', closes);
    begins interval := date_trunc('second', break_start);
    ends interval := date_trunc('second', break_end);
    starts_on timestamp := date;
    ends_on timestamp;
BEGIN
    IF begins < row_opens AND row_closes <= row_opens THEN
        starts_on := starts_on + interval '1 day';
    END IF;
    ends_on := starts_on;
    IF ends <= begins THEN
        ends_on := ends_on + interval '1 day';
    END IF;
    RETURN ROW(oracle.instant(starts_on + begins, zone), oracle.instant(ends_on + ends, zone));
END
$$;

/* 5: a buffer of a service, which may be none's: a number of seconds. */
CREATE FUNCTION oracle.buffer(service_buffer numeric, stylist_buffer numeric, rules_buffer interval) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT trunc(greatest(0, least(86400, coalesce(service_buffer, stylist_buffer, extract(epoch FROM rules_buffer)))))
$$;

/* 6: how many weeks after the one of a date another is. */
CREATE FUNCTION oracle.weeks_between(since date, p_date date) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT (date_trunc('week', p_date::timestamp)::date
            - date_trunc('week', CASE WHEN isfinite(since) THEN since ELSE date '2000-01-03' END::timestamp)::date) / 7
$$;

/* 3: the zone of a date. */
CREATE FUNCTION oracle.zone_of(p_stylist uuid, p_date date, home text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT o.zone
          FROM oracle.override o
         WHERE o.stylist = p_stylist AND o.to_all IS NOT TRUE AND o.zone IS NOT NULL
           AND o.is_active IS NOT FALSE
           AND p_date BETWEEN o.first_date AND coalesce(o.last_date, o.first_date)
         ORDER BY o.priority DESC NULLS LAST, o.created_at DESC NULLS LAST, coalesce(o.is_closed, false) DESC, o.opens, o.closes,
                  o.zone COLLATE "C" LIMIT 1), home)
$$;

/* 6, 7, 10 and the first half of 8: the windows and the breaks of a date. */
CREATE FUNCTION oracle.hours(p_stylist uuid, p_service uuid, p_date date, home text, OUT windows oracle.span[], OUT breaks oracle.span[], OUT closed boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    zone text := oracle.zone_of(p_stylist, p_date, home);
    weekday integer := extract(dow FROM p_date);
    schedules oracle.schedule[];
    schedule oracle.schedule;
    override record;
    ruling record;
    of_service boolean;
BEGIN
    windows := '{}';
    breaks := '{}';
    closed := false;

    -- 6
    SELECT array_agg(s) INTO schedules
      FROM oracle.schedule s
     WHERE s.stylist = p_stylist
       AND (s.day_of_week = weekday OR (s.day_of_week = 7 AND weekday = 0))
       AND s.opens IS NOT NULL AND s.closes IS NOT NULL
       AND s.is_active IS NOT FALSE
       AND (s.effective_from IS NULL OR s.effective_from <= p_date)
       AND (s.effective_until IS NULL OR s.effective_until >= p_date)
       AND (s.service IS NULL OR s.service = p_service)
       AND (s.weeks IS NULL OR s.weeks <= 1 OR oracle.weeks_between(coalesce(s.weeks_from, s.effective_from), p_date) % s.weeks = 0);
    of_service := EXISTS (
        SELECT FROM oracle.schedule s
         WHERE s.stylist = p_stylist AND s.service = p_service
           AND s.opens IS NOT NULL AND s.closes IS NOT NULL AND s.is_active IS NOT FALSE
           AND p_date BETWEEN coalesce(s.effective_from, p_date) AND coalesce(s.effective_until, p_date));
    FOREACH schedule IN ARRAY coalesce(schedules, '{}') LOOP
        IF (schedule.service IS NOT NULL) = of_service THEN
            windows := windows || oracle.open_window(p_date, schedule.opens, schedule.closes, zone);
        END IF;
    END LOOP;

    -- 7
    FOR override IN
        SELECT o.opens, o.closes, o.priority, o.stylist IS NULL OR o.to_all IS TRUE AS of_all, coalesce(o.is_closed, false) AS closed
          FROM oracle.override o
         WHERE (o.stylist = p_stylist OR o.stylist IS NULL OR o.to_all)
           AND o.is_active IS NOT FALSE
           AND p_date BETWEEN o.first_date AND coalesce(o.last_date, o.first_date)
           AND (o.zone IS NULL OR o.stylist IS NULL OR o.to_all IS TRUE OR o.is_closed IS TRUE OR (o.opens IS NOT NULL AND o.closes IS NOT NULL))
         ORDER BY o.priority DESC NULLS LAST, (o.stylist IS NULL OR o.to_all IS TRUE), o.created_at DESC NULLS LAST,
                  coalesce(o.is_closed, false) DESC, o.opens, o.closes
    LOOP
        IF ruling IS NULL THEN
            ruling := override;
            closed := override.closed;
            IF override.closed THEN
                windows := '{}';
            END IF;
            EXIT WHEN override.closed OR override.opens IS NULL OR override.closes IS NULL;
            windows := '{}';
        END IF;
        EXIT WHEN override.closed OR override.opens IS NULL OR override.closes IS NULL;
        EXIT WHEN override.priority IS DISTINCT FROM ruling.priority OR override.of_all <> ruling.of_all;
        windows := windows || oracle.open_window(p_date, override.opens, override.closes, zone);
    END LOOP;

    -- 10
    FOREACH schedule IN ARRAY coalesce(schedules, '{}') LOOP
        IF schedule.break_start IS NOT NULL AND schedule.break_end IS NOT NULL
           AND date_trunc('second', schedule.break_start) <> date_trunc('second', schedule.break_end) THEN
            breaks := breaks || oracle.break_of(p_date, schedule.opens, schedule.closes,
                                                schedule.break_start, schedule.break_end, zone);
        END IF;
    END LOOP;
END
$$;

/* Those that touch or overlap are one, and those that do not end after they start are none. */
CREATE FUNCTION oracle.made_one(spans oracle.span[]) RETURNS tstzmultirange
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(range_agg(tstzrange(s.starts, s.ends)), '{}') FROM unnest(spans) s WHERE s.ends > s.starts
$$;

/* 20: the dates of the weeks around one, from midnight to midnight. */
CREATE FUNCTION oracle.dates_around(p_date date, zone text) RETURNS TABLE (date date, begins timestamptz, over timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT d::date, midnight, lead(midnight) OVER (ORDER BY d)
      FROM generate_series(date_trunc('week', p_date - 2), date_trunc('week', p_date + 3) + interval '7 days', '1 day') d,
           LATERAL (SELECT oracle.instant(d::timestamp, zone)) AS x(midnight)
$$;

/* A cap. */
CREATE FUNCTION oracle.cap(n numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN n < 0 THEN 0 ELSE n END $$;

/* 22: whether a service has no slots but its classes. */
CREATE FUNCTION oracle.only_classes(p_service uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT (SELECT s.only_classes IS TRUE FROM oracle.service s WHERE s.service = p_service AND s.is_active IS NOT FALSE
             ORDER BY s.duration, s.price, s.min_notice, s.max_advance, s.capacity,
                      s.bookings_of_day, s.bookings_of_week, s.time_of_day, s.time_of_week, s.step, s.alignment COLLATE "C", s.only_classes LIMIT 1)
$$;

/* With why a slot is not available (18), and whether it is shown. */
CREATE FUNCTION oracle.all_slots(p_stylist uuid, p_service uuid, p_date date, p_tz text, p_now timestamptz)
RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp, slot_end_local timestamp,
               slot_display text, status text, price_cents integer, seats_left integer, reason text, shown boolean)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan     -- planning takes longer than a day
AS $$
#variable_conflict use_column
DECLARE
    rules availability_cache.rules;
    service oracle.service;
    offer oracle.offer;
    stylist oracle.stylist;
    home text;
    zone text;                  -- of the date
    customer_zone text;
    duration numeric;           -- numbers of seconds
    step numeric;
    alignment text;
    buffer_before numeric;
    buffer_after numeric;
    notice numeric;
    horizon numeric;
    capacity numeric;           -- NULL: not set
    around interval;
    needed_kind text;           -- NULL: none
    needed_of bigint;           -- so many resources there are
    closes timestamptz;         -- by notice_days
    opens timestamptz;          -- by advance_whole_days
    windows oracle.span[];
    breaks oracle.span[];
    following date;
    begins timestamptz;
    date_begins timestamptz;    -- and until when no later date has
    date_over timestamptz;
    hours record;
    capped boolean;             -- stylist or service
    opening timestamptz;        -- of the last of the date's own windows
    closing timestamptz;
    open_until timestamptz;
BEGIN
    IF p_stylist IS NULL OR p_service IS NULL OR p_date IS NULL OR NOT isfinite(p_date) THEN
        RAISE EXCEPTION 'INVALID_ARGUMENT' USING ERRCODE = '22023';
    END IF;
    SELECT r.* INTO rules FROM availability_cache.rules r;

    -- 3
    customer_zone := coalesce(p_tz, rules.default_timezone);
    BEGIN
        PERFORM p_now AT TIME ZONE customer_zone;
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE EXCEPTION 'INVALID_TIMEZONE' USING ERRCODE = '22023';
    END;

    -- 1
    SELECT s.* INTO stylist
      FROM oracle.stylist s
     WHERE s.stylist = p_stylist
     ORDER BY s.is_active IS NOT FALSE DESC, s.timezone COLLATE "C", s.buffer_before, s.buffer_after, s.min_notice, s.max_advance,
              s.bookings_of_day, s.bookings_of_week, s.time_of_day, s.time_of_week
     LIMIT 1;
    -- 20
    stylist.bookings_of_day := coalesce(stylist.bookings_of_day, rules.max_bookings_per_day);
    stylist.bookings_of_week := coalesce(stylist.bookings_of_week, rules.max_bookings_per_week);
    stylist.time_of_day := coalesce(stylist.time_of_day, rules.max_daily_minutes * 60.0);
    stylist.time_of_week := coalesce(stylist.time_of_week, rules.max_weekly_minutes * 60.0);
    IF oracle.attached('stylist_profiles') THEN
        IF NOT EXISTS (SELECT FROM oracle.stylist s WHERE s.stylist = p_stylist AND s.is_active IS NOT FALSE) THEN
            RAISE EXCEPTION 'STYLIST_NOT_FOUND' USING ERRCODE = 'P0002';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM oracle.offer o WHERE o.stylist = p_stylist) THEN
        RAISE EXCEPTION 'STYLIST_NOT_FOUND' USING ERRCODE = 'P0002';
    END IF;

    -- 2
    SELECT o.* INTO offer FROM oracle.offer o WHERE o.stylist = p_stylist AND o.service = p_service AND o.is_active IS NOT FALSE
     ORDER BY o.duration, o.price, o.capacity LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'SERVICE_NOT_OFFERED' USING ERRCODE = 'P0002';
    END IF;
    SELECT s.* INTO service FROM oracle.service s WHERE s.service = p_service AND s.is_active IS NOT FALSE
     ORDER BY s.duration, s.price, s.min_notice, s.max_advance, s.capacity,
              s.bookings_of_day, s.bookings_of_week, s.time_of_day, s.time_of_week, s.step, s.alignment COLLATE "C", s.only_classes LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'SERVICE_NOT_OFFERED' USING ERRCODE = 'P0002';
    END IF;

    -- 3, 4, 5
    home := coalesce(stylist.timezone, rules.default_timezone);
    zone := oracle.zone_of(p_stylist, p_date, home);
    duration := coalesce(nullif(trunc(offer.duration), 0), trunc(service.duration));
    alignment := coalesce(service.alignment, rules.slot_alignment);
    IF duration IS NULL OR duration <= 0 OR duration > 7 * 86400 OR alignment NOT IN ('opening', 'break', 'clock') THEN
        RAISE EXCEPTION 'INTERNAL_ERROR' USING ERRCODE = '55000';
    END IF;
    SELECT oracle.buffer(max(s.buffer_before), stylist.buffer_before, rules.buffer_before),
           oracle.buffer(max(s.buffer_after), stylist.buffer_after, rules.buffer_after)
      INTO buffer_before, buffer_after
      FROM oracle.service s WHERE s.service = p_service;
    notice := greatest(0, coalesce(service.min_notice, stylist.min_notice, extract(epoch FROM rules.min_notice)));
    horizon := greatest(0, coalesce(service.max_advance, stylist.max_advance, extract(epoch FROM rules.max_advance)));

    closes := CASE WHEN rules.notice_days IS NULL THEN 'infinity'
                   ELSE oracle.instant(p_date - rules.notice_days + date_trunc('second', rules.notice_cutoff::interval), zone) END;
    IF rules.advance_whole_days THEN
        -- Before clocks went by whole quarters of an hour it is long past.
        opens := CASE WHEN horizon / 86400 > p_date - date '1900-01-01' THEN '-infinity'
                      ELSE oracle.instant(p_date - floor(horizon / 86400)::integer + interval '0', zone) END;
    END IF;
    capacity := coalesce(offer.capacity, service.capacity);
    capacity := CASE WHEN capacity < 0 THEN 0 WHEN capacity > 65535 THEN 65535 ELSE capacity END;
    capped := num_nonnulls(stylist.bookings_of_day, stylist.bookings_of_week, stylist.time_of_day, stylist.time_of_week,
                           service.bookings_of_day, service.bookings_of_week, service.time_of_day, service.time_of_week) > 0;
    around := make_interval(secs => greatest(buffer_before, buffer_after)::float8);

    -- 21
    IF oracle.attached('resources') THEN
        SELECT min(s.kind COLLATE "C") INTO needed_kind FROM oracle.service s WHERE s.service = p_service;
        SELECT count(DISTINCT r.resource) INTO needed_of FROM oracle.resource r WHERE r.kind = needed_kind AND r.is_active IS NOT FALSE;
    END IF;

    -- 6, 7, 8, 10
    SELECT h.windows, h.breaks INTO windows, breaks FROM oracle.hours(p_stylist, p_service, p_date, home) h;
    SELECT lower(w), upper(w) INTO opening, closing FROM unnest(oracle.made_one(windows)) w ORDER BY w DESC LIMIT 1;
    open_until := closing;
    following := p_date + 1;
    LOOP
        begins := oracle.instant(following, oracle.zone_of(p_stylist, following, home));
        -- A day later nothing can matter to a slot any more, wherever dates begin.
        EXIT WHEN (begins <= open_until AND begins < closing + make_interval(secs => duration::float8) + interval '1 day') IS NOT TRUE;
        SELECT * INTO hours FROM oracle.hours(p_stylist, p_service, following, home);
        EXIT WHEN NOT EXISTS (SELECT FROM unnest(hours.windows) w WHERE w.ends > w.starts AND w.starts <= open_until AND w.ends >= opening);
        breaks := breaks || hours.breaks;
        SELECT upper(r) INTO open_until
          FROM unnest(oracle.made_one(hours.windows || ROW(opening, open_until)::oracle.span)) r
         WHERE r @> opening;
        following := following + 1;
    END LOOP;
    IF open_until > closing THEN
        windows := windows || ROW(closing, open_until)::oracle.span;
    END IF;
    -- 22
    date_begins := oracle.instant(p_date, zone);
    SELECT min(oracle.instant(p_date + n, oracle.zone_of(p_stylist, p_date + n, home))) INTO date_over FROM generate_series(1, 3) n;
    IF oracle.only_classes(p_service) THEN
        windows := '{}';
    END IF;
    step := trunc(greatest(60, least(86400, coalesce(service.step, extract(epoch FROM rules.slot_step)))));

    RETURN QUERY
    WITH open_windows AS (
        SELECT lower(w) AS opens, upper(w) AS closes, extract(epoch FROM (lower(w) AT TIME ZONE zone)::time) AS reads
          FROM unnest(oracle.made_one(windows)) w),
    grids AS (
        -- 11: where grids start, and the next starts
        SELECT closes, starts, coalesce(lead(starts) OVER (PARTITION BY opens ORDER BY starts), closes) AS until
          FROM open_windows,
               LATERAL (SELECT opens + CASE WHEN alignment = 'clock' AND mod(reads, step) > 0
                                            THEN make_interval(secs => least(step - mod(reads, step), 86400 - reads)::float8)
                                            ELSE '0' END
                        UNION
                        SELECT upper(b) FROM unnest(oracle.made_one(breaks)) b
                         WHERE alignment = 'break' AND upper(b) > opens AND upper(b) < closes) AS g(starts)),
    -- 22: those that count, and those that are slots
    classes AS MATERIALIZED (
        SELECT DISTINCT ON (c.service, date_trunc('second', c.starts))
               date_trunc('second', c.starts) AS starts, date_trunc('second', c.ends) AS ends, coalesce(c.service = p_service, false) AS of_service,
               least(65535, greatest(0, coalesce(c.seats, capacity, 1))) AS seats,
               make_interval(secs => oracle.buffer(s.buffer_before, stylist.buffer_before, rules.buffer_before)::float8) AS before,
               make_interval(secs => oracle.buffer(s.buffer_after, stylist.buffer_after, rules.buffer_after)::float8) AS after
          FROM oracle.class c,
               LATERAL (SELECT max(s.buffer_before), max(s.buffer_after) FROM oracle.service s WHERE s.service = c.service) AS s(buffer_before, buffer_after)
         WHERE c.stylist = p_stylist AND isfinite(c.starts) AND isfinite(c.ends)
           AND extract(epoch FROM date_trunc('second', c.ends) - date_trunc('second', c.starts)) BETWEEN 1 AND 7 * 86400
           AND c.is_active IS NOT FALSE AND (c.status IS NULL OR c.status <> ALL (rules.non_blocking_statuses))
         ORDER BY c.service, date_trunc('second', c.starts), date_trunc('second', c.ends) DESC, coalesce(c.seats, capacity, 1) DESC),
    starts AS MATERIALIZED (
        SELECT s AS slot_start, s + make_interval(secs => duration::float8) AS slot_end, false AS is_class, NULL::numeric AS class_seats
          FROM grids,
               generate_series(starts, closes - make_interval(secs => duration::float8), make_interval(secs => step::float8)) s
         WHERE s < until AND s < closing
           AND NOT EXISTS (SELECT FROM classes c WHERE c.of_service AND c.starts = s)
        UNION ALL
        SELECT c.starts, c.ends, true, c.seats
          FROM classes c
         WHERE c.of_service AND c.starts >= date_begins AND c.starts < date_over),
    bookings AS MATERIALIZED (
        SELECT b.starts, b.ends, coalesce(b.service = p_service, false) AS of_service, coalesce(capacity IS NOT NULL AND b.service = p_service, false) AS takes_seats, coalesce(b.seats, 1) AS seats,
               make_interval(secs => oracle.buffer(s.buffer_before, stylist.buffer_before, rules.buffer_before)::float8) AS before,
               make_interval(secs => oracle.buffer(s.buffer_after, stylist.buffer_after, rules.buffer_after)::float8) AS after
          FROM oracle.booking b,
               LATERAL (SELECT max(s.buffer_before), max(s.buffer_after) FROM oracle.service s WHERE s.service = b.service) AS s(buffer_before, buffer_after)
         WHERE b.stylist = p_stylist
           AND b.ends > b.starts
           AND CASE WHEN rules.blocking_statuses IS NULL OR NOT b.has_status THEN b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses)
                    ELSE b.status = ANY (rules.blocking_statuses) END),
    holds AS MATERIALIZED (
        SELECT h.starts, h.ends, coalesce(h.service = p_service, false) AS of_service, coalesce(capacity IS NOT NULL AND h.service = p_service, false) AS takes_seats, coalesce(h.seats, 1) AS seats,
               make_interval(secs => oracle.buffer(s.buffer_before, stylist.buffer_before, rules.buffer_before)::float8) AS before,
               make_interval(secs => oracle.buffer(s.buffer_after, stylist.buffer_after, rules.buffer_after)::float8) AS after
          FROM oracle.hold h,
               LATERAL (SELECT max(s.buffer_before), max(s.buffer_after) FROM oracle.service s WHERE s.service = h.service) AS s(buffer_before, buffer_after)
         WHERE h.stylist = p_stylist
           AND h.ends > h.starts
           AND (NOT h.has_status OR h.status = ANY (rules.hold_statuses))
           AND (h.expires_at IS NULL OR h.expires_at > p_now)),
    -- 17
    uses AS MATERIALIZED (
        SELECT b.starts, b.ends, b.seats, false AS held FROM bookings b WHERE b.takes_seats AND b.seats > 0
        UNION ALL
        SELECT h.starts, h.ends, h.seats, true FROM holds h WHERE h.takes_seats AND h.seats > 0),
    taken AS MATERIALIZED (
        SELECT slot_start,
               sum(u.seats) FILTER (WHERE u.starts = slot_start AND NOT u.held) AS booked,
               sum(u.seats) FILTER (WHERE u.starts = slot_start) AS with_holds,
               coalesce(bool_or(u.starts <> slot_start AND NOT u.held), false) AS other_booking,
               coalesce(bool_or(u.starts <> slot_start), false) AS other_start
          FROM starts JOIN uses u ON u.starts < slot_end + around AND u.ends > slot_start - around
         WHERE rules.seat_sharing = 'slot'
         GROUP BY slot_start
        UNION ALL
        -- most are taken when the slot starts, or when somebody comes during it
        SELECT slot_start, max(m.booked), max(m.with_holds), false, false
          FROM starts,
               LATERAL (SELECT (SELECT sum(u.seats) FILTER (WHERE NOT u.held)
                                  FROM uses u WHERE u.starts - around <= moment AND u.ends + around > moment) AS booked,
                               (SELECT sum(u.seats)
                                  FROM uses u WHERE u.starts - around <= moment AND u.ends + around > moment) AS with_holds
                          FROM (SELECT slot_start UNION ALL SELECT u.starts - around FROM uses u
                                 WHERE u.starts - around > slot_start AND u.starts - around < slot_end) AS x(moment)) AS m
         WHERE rules.seat_sharing = 'time'
         GROUP BY slot_start),
    -- 22: the same of classes
    class_taken AS MATERIALIZED (
        SELECT slot_start,
               coalesce(sum(a.seats) FILTER (WHERE a.starts = slot_start AND NOT a.held), 0) AS booked,
               coalesce(sum(a.seats) FILTER (WHERE a.starts = slot_start), 0) AS with_holds,
               coalesce(bool_or(a.starts <> slot_start AND NOT a.held), false) AS other_booking,
               coalesce(bool_or(a.starts <> slot_start), false) AS other_start
          FROM starts
          LEFT JOIN (SELECT b.starts, b.ends, b.seats, false AS held FROM bookings b WHERE b.of_service AND b.seats > 0
                     UNION ALL
                     SELECT h.starts, h.ends, h.seats, true FROM holds h WHERE h.of_service AND h.seats > 0) a
            ON a.starts < slot_end + around AND a.ends > slot_start - around
         WHERE is_class
         GROUP BY slot_start),
    -- 20
    dates AS MATERIALIZED (SELECT d.* FROM oracle.dates_around(p_date, home) d WHERE capped),
    dates_of_service AS MATERIALIZED (SELECT d.* FROM oracle.dates_around(p_date, CASE rules.service_caps WHEN 'together' THEN rules.default_timezone ELSE home END) d WHERE capped),
    of_service AS MATERIALIZED (
        SELECT d.date, date_trunc('week', d.date) AS week,
               CASE WHEN isfinite(a.ends) THEN extract(epoch FROM a.ends - a.starts) ELSE 'infinity' END AS lasts
          FROM (SELECT b.stylist, b.starts, b.ends, b.service FROM oracle.booking b
                 WHERE CASE WHEN rules.blocking_statuses IS NULL OR NOT b.has_status THEN b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses)
                            ELSE b.status = ANY (rules.blocking_statuses) END
                UNION ALL
                SELECT h.stylist, h.starts, h.ends, h.service FROM oracle.hold h
                 WHERE (NOT h.has_status OR h.status = ANY (rules.hold_statuses)) AND (h.expires_at IS NULL OR h.expires_at > p_now)) AS a
          JOIN dates_of_service d ON a.starts >= d.begins AND a.starts < d.over
         WHERE a.service = p_service AND a.ends > a.starts
           AND CASE rules.service_caps WHEN 'together' THEN a.stylist IS NOT NULL ELSE a.stylist = p_stylist END),
    appointments AS MATERIALIZED (
        SELECT d.date, date_trunc('week', d.date) AS week,
               CASE WHEN isfinite(a.ends) THEN extract(epoch FROM a.ends - a.starts) ELSE 'infinity' END AS lasts
          FROM (SELECT b.starts, b.ends FROM bookings b UNION ALL SELECT h.starts, h.ends FROM holds h) AS a
          JOIN dates d ON a.starts >= d.begins AND a.starts < d.over),
    starts_counted AS MATERIALIZED (
        SELECT s.slot_start, extract(epoch FROM max(s.slot_end) - s.slot_start) AS duration,
               count(*) FILTER (WHERE a.date = d.date) AS of_day,
               coalesce(sum(a.lasts) FILTER (WHERE a.date = d.date), 0) AS time_of_day,
               count(a) AS of_week,
               coalesce(sum(a.lasts), 0) AS time_of_week
          FROM starts s
          JOIN dates d ON s.slot_start >= d.begins AND s.slot_start < d.over
          LEFT JOIN appointments a ON a.week = date_trunc('week', d.date)
         GROUP BY s.slot_start),
    service_counted AS MATERIALIZED (
        SELECT s.slot_start,
               count(*) FILTER (WHERE a.date = d.date) AS service_of_day,
               coalesce(sum(a.lasts) FILTER (WHERE a.date = d.date), 0) AS service_time_of_day,
               count(a) AS service_of_week,
               coalesce(sum(a.lasts), 0) AS service_time_of_week
          FROM starts s
          JOIN dates_of_service d ON s.slot_start >= d.begins AND s.slot_start < d.over
          LEFT JOIN of_service a ON a.week = date_trunc('week', d.date)
         GROUP BY s.slot_start),
    limits AS (
        SELECT slot_start,
               CASE WHEN of_day + 1 > oracle.cap(stylist.bookings_of_day) OR time_of_day + duration > oracle.cap(stylist.time_of_day)
                      OR service_of_day + 1 > oracle.cap(service.bookings_of_day) OR service_time_of_day + duration > oracle.cap(service.time_of_day)
                    THEN 'daily_limit'
                    WHEN of_week + 1 > oracle.cap(stylist.bookings_of_week) OR time_of_week + duration > oracle.cap(stylist.time_of_week)
                      OR service_of_week + 1 > oracle.cap(service.bookings_of_week) OR service_time_of_week + duration > oracle.cap(service.time_of_week)
                    THEN 'weekly_limit' END AS limited
          FROM starts_counted JOIN service_counted USING (slot_start)),
    -- 21: who takes a resource of the kind; those with the same taker take one together
    takers AS MATERIALIZED (
        SELECT t.starts, t.ends, CASE WHEN t.resource IS NOT NULL THEN t.resource::text
                                      ELSE concat_ws(' ', t.stylist, t.service, t.starts) END AS taker
          FROM (SELECT b.stylist, b.service, b.starts, b.ends, b.resource
                  FROM oracle.booking b
                 WHERE CASE WHEN rules.blocking_statuses IS NULL OR NOT b.has_status THEN b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses)
                            ELSE b.status = ANY (rules.blocking_statuses) END
                UNION ALL
                SELECT h.stylist, h.service, h.starts, h.ends, h.resource
                  FROM oracle.hold h
                 WHERE (NOT h.has_status OR h.status = ANY (rules.hold_statuses)) AND (h.expires_at IS NULL OR h.expires_at > p_now)) t,
               LATERAL (SELECT min(s.kind COLLATE "C")
                          FROM oracle.service s WHERE s.service = t.service AND s.kind IS NOT NULL) AS s(kind)
         WHERE t.stylist IS NOT NULL AND t.ends > t.starts
           AND CASE WHEN t.resource IS NULL THEN s.kind = needed_kind
                    ELSE t.resource IN (SELECT r.resource FROM oracle.resource r WHERE r.kind = needed_kind AND r.is_active IS NOT FALSE) END
           AND (t.stylist = p_stylist AND t.service = p_service) IS NOT TRUE),
    slots_without_caps AS (
        SELECT slot_start, slot_end, capacity - coalesce((SELECT t.with_holds FROM taken t WHERE t.slot_start = starts.slot_start), 0) AS seats,
               CASE
                   -- 12
                   WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes
                     OR CASE WHEN rules.advance_whole_days THEN p_now < opens ELSE extract(epoch FROM slot_start - p_now) > horizon END THEN 'unavailable'
                   -- 13
                   WHEN EXISTS (SELECT FROM unnest(breaks) b
                                 WHERE b.ends > b.starts AND b.starts < slot_end AND b.ends > slot_start) THEN 'in_break'
                   -- 14 (the buffers added on the slot's side of the comparison: a booking may end at infinity)
                   WHEN EXISTS (SELECT FROM classes c
                                 WHERE (c.starts < slot_end + make_interval(secs => buffer_after::float8) AND c.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR (c.starts < slot_end + c.before AND c.ends > slot_start - c.after)) THEN 'booked'
                   WHEN EXISTS (SELECT FROM bookings b
                                 WHERE NOT b.takes_seats
                                   AND ((b.starts < slot_end + make_interval(secs => buffer_after::float8)
                                        AND b.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR (b.starts < slot_end + b.before AND b.ends > slot_start - b.after)))
                     OR capacity <= 0
                     OR EXISTS (SELECT FROM taken t WHERE t.slot_start = starts.slot_start
                                   AND (t.other_booking OR t.booked >= capacity)) THEN 'booked'
                   -- 15
                   WHEN EXISTS (SELECT FROM holds h
                                 WHERE NOT h.takes_seats
                                   AND ((h.starts < slot_end + make_interval(secs => buffer_after::float8)
                                        AND h.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR (h.starts < slot_end + h.before AND h.ends > slot_start - h.after)))
                     OR EXISTS (SELECT FROM taken t WHERE t.slot_start = starts.slot_start
                                   AND (t.other_start OR t.with_holds >= capacity)) THEN 'reserved'
                   -- 21
                   WHEN needed_kind IS NOT NULL
                     AND (SELECT count(DISTINCT t.taker) FROM takers t WHERE t.starts < slot_end AND t.ends > slot_start) >= needed_of THEN 'no_resource'
                   -- 16
                   ELSE 'available'
               END AS slot_status,
               -- of what is booked: by the service's own alone?
               NOT EXISTS (SELECT FROM bookings b
                            WHERE NOT b.takes_seats
                              AND ((b.starts < slot_end + make_interval(secs => buffer_after::float8)
                                    AND b.ends > slot_start - make_interval(secs => buffer_before::float8))
                                OR (b.starts < slot_end + b.before AND b.ends > slot_start - b.after)))
               AND NOT EXISTS (SELECT FROM classes c
                                WHERE (c.starts < slot_end + make_interval(secs => buffer_after::float8) AND c.ends > slot_start - make_interval(secs => buffer_before::float8))
                                   OR (c.starts < slot_end + c.before AND c.ends > slot_start - c.after)) AS by_seats
          FROM starts WHERE NOT is_class
        UNION ALL
        -- 22
        SELECT slot_start, slot_end, class_seats - t.with_holds,
               CASE
                   WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes
                     OR CASE WHEN rules.advance_whole_days THEN p_now < opens ELSE extract(epoch FROM slot_start - p_now) > horizon END THEN 'unavailable'
                   WHEN by_others OR class_seats <= 0 OR t.other_booking OR t.booked >= class_seats THEN 'booked'
                   WHEN EXISTS (SELECT FROM holds h
                                 WHERE NOT h.of_service
                                   AND (h.starts < slot_end + greatest(make_interval(secs => buffer_after::float8), h.before)
                                        AND h.ends > slot_start - greatest(make_interval(secs => buffer_before::float8), h.after)))
                     OR t.other_start OR t.with_holds >= class_seats THEN 'reserved'
                   WHEN needed_kind IS NOT NULL
                     AND (SELECT count(DISTINCT t.taker) FROM takers t WHERE t.starts < slot_end AND t.ends > slot_start) >= needed_of THEN 'no_resource'
                   ELSE 'available'
               END,
               NOT by_others
          FROM starts JOIN class_taken t USING (slot_start),
               LATERAL (SELECT EXISTS (SELECT FROM bookings b
                                        WHERE NOT b.of_service
                                          AND b.starts < slot_end + greatest(make_interval(secs => buffer_after::float8), b.before)
                                          AND b.ends > slot_start - greatest(make_interval(secs => buffer_before::float8), b.after))
                            OR EXISTS (SELECT FROM classes c
                                        WHERE NOT (c.of_service AND c.starts = slot_start)
                                          AND c.starts < slot_end + greatest(make_interval(secs => buffer_after::float8), c.before)
                                          AND c.ends > slot_start - greatest(make_interval(secs => buffer_before::float8), c.after))) AS o(by_others)
         WHERE is_class),
    slots AS (
        SELECT s.slot_start, s.slot_end, s.seats, s.by_seats, CASE WHEN s.slot_status = 'available' THEN l.limited END AS limited,
               CASE WHEN s.slot_status = 'available' AND l.limited IS NOT NULL THEN 'unavailable' ELSE s.slot_status END AS slot_status
          FROM slots_without_caps s LEFT JOIN limits l ON l.slot_start = s.slot_start)
    SELECT slot_start, slot_end,
           slot_start AT TIME ZONE customer_zone, slot_end AT TIME ZONE customer_zone,
           to_char(slot_start AT TIME ZONE customer_zone, rules.display_format),
           CASE slot_status WHEN 'no_resource' THEN 'booked' ELSE slot_status END,
           coalesce(offer.price, service.price)::integer,
           CASE WHEN slot_status = 'available' THEN coalesce(seats, CASE WHEN dated.has_classes THEN 1 END)::integer WHEN capacity IS NOT NULL OR dated.has_classes THEN 0 END,
           CASE WHEN limited IS NOT NULL THEN limited ELSE CASE slot_status WHEN 'unavailable' THEN CASE WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes THEN 'too_soon' ELSE 'too_late' END
                            WHEN 'in_break' THEN 'on_break' WHEN 'booked' THEN CASE WHEN by_seats THEN 'full' ELSE 'booked' END
                            WHEN 'reserved' THEN 'held' WHEN 'no_resource' THEN 'no_resource' END END,
           (rules.show_unavailable OR slot_status <> 'unavailable') AND (rules.show_breaks OR slot_status <> 'in_break')
      FROM slots, (SELECT EXISTS (SELECT FROM starts WHERE is_class)) AS dated(has_classes)
     ORDER BY slot_start;
END
$$;

/* What is shown; the reason only where the rules ask for it. */
CREATE FUNCTION oracle.slots(p_stylist uuid, p_service uuid, p_date date, p_tz text, p_now timestamptz)
RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp, slot_end_local timestamp,
               slot_display text, status text, price_cents integer, seats_left integer, reason text)
LANGUAGE sql STABLE AS $$
    SELECT s.slot_start_utc, s.slot_end_utc, s.slot_start_local, s.slot_end_local, s.slot_display, s.status, s.price_cents, s.seats_left, s.reason
      FROM oracle.all_slots(p_stylist, p_service, p_date, p_tz, p_now) s WHERE s.shown
$$;

/* 18: why no slot of a day is available; NULL if one is. The stylist is known, and offers the service. */
CREATE FUNCTION oracle.why(p_stylist uuid, p_service uuid, p_date date, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    home text := coalesce((SELECT s.timezone FROM oracle.stylist s WHERE s.stylist = p_stylist
                            ORDER BY s.is_active IS NOT FALSE DESC, s.timezone COLLATE "C" LIMIT 1),
                          (SELECT r.default_timezone FROM availability_cache.rules r));
    found text;
    hours record;
BEGIN
    BEGIN
        SELECT coalesce(s.reason, 'available') INTO found
          FROM oracle.all_slots(p_stylist, p_service, p_date, 'UTC', p_now) s
         GROUP BY s.reason
         ORDER BY s.reason IS NULL DESC, count(*) DESC, array_position('{too_soon,too_late,on_break,booked,full,held,no_resource,daily_limit,weekly_limit}', s.reason) LIMIT 1;
    EXCEPTION WHEN no_data_found OR object_not_in_prerequisite_state OR invalid_parameter_value THEN
        -- A mutant has slots where there is an error.
        RETURN 'none';
    END;
    IF found IS NOT NULL THEN
        RETURN nullif(found, 'available');
    END IF;
    SELECT * INTO hours FROM oracle.hours(p_stylist, p_service, p_date, home);
    RETURN CASE WHEN hours.closed THEN 'closed'
                WHEN oracle.only_classes(p_service) THEN 'no_hours'
                WHEN NOT EXISTS (SELECT FROM unnest(hours.windows) w WHERE w.ends > w.starts) THEN 'no_hours'
                ELSE 'too_short' END;
END
$$;
