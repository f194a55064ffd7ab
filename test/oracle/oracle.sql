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

/* 6, 7, 10 and the first half of 8: the windows and the breaks of a date. */
CREATE FUNCTION oracle.hours(p_stylist uuid, p_date date, zone text, OUT windows oracle.span[], OUT breaks oracle.span[], OUT closed boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    weekday integer := extract(dow FROM p_date);
    schedules oracle.schedule[];
    schedule oracle.schedule;
    override record;
    ruling record;
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
       AND (s.effective_until IS NULL OR s.effective_until >= p_date);
    FOREACH schedule IN ARRAY coalesce(schedules, '{}') LOOP
        windows := windows || oracle.open_window(p_date, schedule.opens, schedule.closes, zone);
    END LOOP;

    -- 7
    FOR override IN
        SELECT o.opens, o.closes, o.priority, o.stylist IS NULL OR o.to_all IS TRUE AS of_all, coalesce(o.is_closed, false) AS closed
          FROM oracle.override o
         WHERE (o.stylist = p_stylist OR o.stylist IS NULL OR o.to_all)
           AND o.is_active IS NOT FALSE
           AND p_date BETWEEN o.first_date AND coalesce(o.last_date, o.first_date)
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

/* With why a slot is not available (18), and whether it is shown. */
CREATE FUNCTION oracle.all_slots(p_stylist uuid, p_service uuid, p_date date, p_tz text, p_now timestamptz)
RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp, slot_end_local timestamp,
               slot_display text, status text, price_cents integer, seats_left integer, reason text, shown boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    rules availability_cache.rules;
    service oracle.service;
    offer oracle.offer;
    stylist oracle.stylist;
    zone text;
    customer_zone text;
    duration numeric;           -- numbers of seconds
    step numeric;
    buffer_before numeric;
    buffer_after numeric;
    notice numeric;
    horizon numeric;
    capacity numeric;           -- NULL: not set
    around interval;
    closes timestamptz;         -- by notice_days
    opens timestamptz;          -- by advance_whole_days
    windows oracle.span[];
    breaks oracle.span[];
    following date;
    hours record;
    closing timestamptz;        -- of the date's own windows
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
     ORDER BY s.is_active IS NOT FALSE DESC, s.timezone COLLATE "C", s.buffer_before, s.buffer_after, s.min_notice, s.max_advance
     LIMIT 1;
    IF oracle.attached('stylist_profiles') THEN
        IF NOT EXISTS (SELECT FROM oracle.stylist s WHERE s.stylist = p_stylist AND s.is_active IS NOT FALSE) THEN
            RAISE EXCEPTION 'STYLIST_NOT_FOUND' USING ERRCODE = 'P0002';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM oracle.offer o WHERE o.stylist = p_stylist) THEN
        RAISE EXCEPTION 'STYLIST_NOT_FOUND' USING ERRCODE = 'P0002';
    END IF;

    -- 2
    SELECT o.* INTO offer FROM oracle.offer o WHERE o.stylist = p_stylist AND o.service = p_service AND o.is_active IS NOT FALSE
     ORDER BY o.duration, o.price LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'SERVICE_NOT_OFFERED' USING ERRCODE = 'P0002';
    END IF;
    SELECT s.* INTO service FROM oracle.service s WHERE s.service = p_service AND s.is_active IS NOT FALSE
     ORDER BY s.duration, s.price, s.min_notice, s.max_advance, s.capacity LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'SERVICE_NOT_OFFERED' USING ERRCODE = 'P0002';
    END IF;

    -- 3, 4, 5
    zone := coalesce(stylist.timezone, rules.default_timezone);
    duration := coalesce(nullif(trunc(offer.duration), 0), trunc(service.duration));
    IF duration IS NULL OR duration <= 0 OR duration > 7 * 86400 THEN
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
    capacity := CASE WHEN service.capacity < 0 THEN 0 WHEN service.capacity > 65535 THEN 65535 ELSE service.capacity END;
    around := make_interval(secs => greatest(buffer_before, buffer_after)::float8);

    -- 6, 7, 8, 10
    SELECT h.windows, h.breaks INTO windows, breaks FROM oracle.hours(p_stylist, p_date, zone) h;
    closing := (SELECT max(w.ends) FROM unnest(windows) w WHERE w.ends > w.starts);
    open_until := closing;
    following := p_date + 1;
    WHILE oracle.instant(following, zone) <= open_until AND oracle.instant(following, zone) < closing + make_interval(secs => duration::float8) LOOP
        SELECT * INTO hours FROM oracle.hours(p_stylist, following, zone);
        EXIT WHEN NOT EXISTS (SELECT FROM unnest(hours.windows) w WHERE w.ends > w.starts AND w.starts <= open_until);
        breaks := breaks || hours.breaks;
        SELECT upper(r) INTO open_until
          FROM unnest(oracle.made_one(hours.windows || ROW(oracle.instant(following, zone) - interval '1 day', open_until)::oracle.span)) r
         WHERE r @> oracle.instant(following, zone) - interval '1 microsecond';
        following := following + 1;
    END LOOP;
    IF open_until > closing THEN
        windows := windows || ROW(closing, open_until)::oracle.span;
    END IF;
    step := extract(epoch FROM rules.slot_step);

    RETURN QUERY
    WITH open_windows AS (
        SELECT lower(w) AS opens, upper(w) AS closes, extract(epoch FROM (lower(w) AT TIME ZONE zone)::time) AS reads
          FROM unnest(oracle.made_one(windows)) w),
    grids AS (
        -- 11: where grids start, and the next starts
        SELECT closes, starts, coalesce(lead(starts) OVER (PARTITION BY opens ORDER BY starts), closes) AS until
          FROM open_windows,
               LATERAL (SELECT opens + CASE WHEN rules.slot_alignment = 'clock' AND mod(reads, step) > 0
                                            THEN make_interval(secs => least(step - mod(reads, step), 86400 - reads)::float8)
                                            ELSE '0' END
                        UNION
                        SELECT upper(b) FROM unnest(oracle.made_one(breaks)) b
                         WHERE rules.slot_alignment = 'break' AND upper(b) > opens AND upper(b) < closes) AS g(starts)),
    starts AS (
        SELECT s AS slot_start, s + make_interval(secs => duration::float8) AS slot_end
          FROM grids,
               generate_series(starts, closes - make_interval(secs => duration::float8), make_interval(secs => step::float8)) s
         WHERE s < until AND s < closing),
    bookings AS MATERIALIZED (
        SELECT b.starts, b.ends, coalesce(capacity IS NOT NULL AND b.service = p_service, false) AS takes_seats, coalesce(b.seats, 1) AS seats,
               make_interval(secs => oracle.buffer(s.buffer_before, stylist.buffer_before, rules.buffer_before)::float8) AS before,
               make_interval(secs => oracle.buffer(s.buffer_after, stylist.buffer_after, rules.buffer_after)::float8) AS after
          FROM oracle.booking b,
               LATERAL (SELECT max(s.buffer_before), max(s.buffer_after) FROM oracle.service s WHERE s.service = b.service) AS s(buffer_before, buffer_after)
         WHERE b.stylist = p_stylist
           AND b.ends > b.starts
           AND (b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses))),
    holds AS MATERIALIZED (
        SELECT h.starts, h.ends, coalesce(capacity IS NOT NULL AND h.service = p_service, false) AS takes_seats, coalesce(h.seats, 1) AS seats,
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
    slots AS (
        SELECT slot_start, slot_end, capacity - coalesce((SELECT t.with_holds FROM taken t WHERE t.slot_start = starts.slot_start), 0) AS seats,
               CASE
                   -- 12
                   WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes
                     OR CASE WHEN rules.advance_whole_days THEN p_now < opens ELSE extract(epoch FROM slot_start - p_now) > horizon END THEN 'unavailable'
                   -- 13
                   WHEN EXISTS (SELECT FROM unnest(breaks) b
                                 WHERE b.ends > b.starts AND b.starts < slot_end AND b.ends > slot_start) THEN 'in_break'
                   -- 14 (the buffers added on the slot's side of the comparison: a booking may end at infinity)
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
                   -- 16
                   ELSE 'available'
               END AS slot_status,
               -- of what is booked: by the service's own alone?
               NOT EXISTS (SELECT FROM bookings b
                            WHERE NOT b.takes_seats
                              AND ((b.starts < slot_end + make_interval(secs => buffer_after::float8)
                                    AND b.ends > slot_start - make_interval(secs => buffer_before::float8))
                                OR (b.starts < slot_end + b.before AND b.ends > slot_start - b.after))) AS by_seats
          FROM starts)
    SELECT slot_start, slot_end,
           slot_start AT TIME ZONE customer_zone, slot_end AT TIME ZONE customer_zone,
           to_char(slot_start AT TIME ZONE customer_zone, rules.display_format),
           slot_status,
           coalesce(offer.price, service.price)::integer,
           CASE WHEN slot_status = 'available' THEN seats::integer WHEN capacity IS NOT NULL THEN 0 END,
           CASE slot_status WHEN 'unavailable' THEN CASE WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes THEN 'too_soon' ELSE 'too_late' END
                            WHEN 'in_break' THEN 'on_break' WHEN 'booked' THEN CASE WHEN by_seats THEN 'full' ELSE 'booked' END
                            WHEN 'reserved' THEN 'held' END,
           (rules.show_unavailable OR slot_status <> 'unavailable') AND (rules.show_breaks OR slot_status <> 'in_break')
      FROM slots
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
    zone text := coalesce((SELECT s.timezone FROM oracle.stylist s WHERE s.stylist = p_stylist
                            ORDER BY s.is_active IS NOT FALSE DESC, s.timezone COLLATE "C" LIMIT 1),
                          (SELECT r.default_timezone FROM availability_cache.rules r));
    found text;
    hours record;
BEGIN
    BEGIN
        SELECT coalesce(s.reason, 'available') INTO found
          FROM oracle.all_slots(p_stylist, p_service, p_date, 'UTC', p_now) s
         GROUP BY s.reason
         ORDER BY s.reason IS NULL DESC, count(*) DESC, array_position('{too_soon,too_late,on_break,booked,full,held}', s.reason) LIMIT 1;
    EXCEPTION WHEN no_data_found OR object_not_in_prerequisite_state OR invalid_parameter_value THEN
        -- A mutant has slots where there is an error.
        RETURN 'none';
    END;
    IF found IS NOT NULL THEN
        RETURN nullif(found, 'available');
    END IF;
    SELECT * INTO hours FROM oracle.hours(p_stylist, p_date, zone);
    RETURN CASE WHEN hours.closed THEN 'closed'
                WHEN NOT EXISTS (SELECT FROM unnest(hours.windows) w WHERE w.ends > w.starts) THEN 'no_hours'
                ELSE 'too_short' END;
END
$$;
