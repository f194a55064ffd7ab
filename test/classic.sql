-- What people run without this extension: slots in plpgsql, one query per slot, and a table in front of it
-- whose rows a trigger deletes. The baseline of comparisons, and where docs/migrating.md starts. Needs
-- test/salon.sql's tables.

CREATE FUNCTION public.get_available_slots(
    p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT 'Asia/Kathmandu')
RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp,
               slot_end_local timestamp, slot_display text, status text, price_cents integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    zone text;
    minutes int;
    cents int;
    day record;
    opens timestamptz;
    closes timestamptz;
BEGIN
    SELECT p.timezone INTO zone FROM stylist_profiles p WHERE p.user_id = p_stylist_id AND p.is_active;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'stylist not found' USING ERRCODE = 'no_data_found';
    END IF;
    SELECT coalesce(o.custom_duration_minutes, v.duration_minutes), coalesce(o.custom_price_cents, v.price_cents)
      INTO minutes, cents
      FROM stylist_services o JOIN services v ON v.id = o.service_id
     WHERE o.stylist_user_id = p_stylist_id AND o.service_id = p_service_id AND o.is_active AND v.is_active;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'service not offered' USING ERRCODE = 'no_data_found';
    END IF;
    FOR day IN
        SELECT coalesce(x.start_time, c.start_time) AS start_time, coalesce(x.end_time, c.end_time) AS end_time,
               c.break_start_time, c.break_end_time, coalesce(x.is_closed, false) AS is_closed
          FROM stylist_schedules c
          LEFT JOIN LATERAL (SELECT * FROM schedule_overrides v
                              WHERE (v.stylist_user_id = p_stylist_id OR v.stylist_user_id IS NULL)
                                AND p_target_date BETWEEN v.override_date AND coalesce(v.end_date, v.override_date)
                              ORDER BY v.priority DESC, v.stylist_user_id IS NULL LIMIT 1) x ON true
         WHERE c.stylist_user_id = p_stylist_id AND c.day_of_week = extract(dow FROM p_target_date) AND c.is_active
    LOOP
        CONTINUE WHEN day.is_closed;
        opens := (p_target_date + day.start_time) AT TIME ZONE zone;
        closes := (p_target_date + day.end_time) AT TIME ZONE zone;
        slot_start_utc := opens;
        WHILE slot_start_utc + make_interval(mins => minutes) <= closes LOOP
            slot_end_utc := slot_start_utc + make_interval(mins => minutes);
            slot_start_local := slot_start_utc AT TIME ZONE p_customer_timezone;
            slot_end_local := slot_end_utc AT TIME ZONE p_customer_timezone;
            slot_display := to_char(slot_start_local, 'HH24:MI');
            price_cents := cents;
            status := CASE
                WHEN slot_start_utc <= now() THEN 'unavailable'
                WHEN slot_start_utc < (p_target_date + day.break_end_time) AT TIME ZONE zone
                 AND slot_end_utc > (p_target_date + day.break_start_time) AT TIME ZONE zone THEN 'in_break'
                WHEN EXISTS (SELECT FROM bookings b
                              WHERE b.stylist_user_id = p_stylist_id AND b.status NOT IN ('cancelled', 'no_show')
                                AND tstzrange(b.start_time, b.end_time) && tstzrange(slot_start_utc, slot_end_utc))
                    THEN 'booked'
                WHEN EXISTS (SELECT FROM booking_reservations r
                              WHERE r.stylist_user_id = p_stylist_id AND r.status = 'reserved' AND r.expires_at > now()
                                AND tstzrange(r.start_time, r.end_time) && tstzrange(slot_start_utc, slot_end_utc))
                    THEN 'reserved'
                ELSE 'available' END;
            RETURN NEXT;
            slot_start_utc := slot_start_utc + interval '30 minutes';
        END LOOP;
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS private;

CREATE TABLE private.availability_cache (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    cache_date date NOT NULL,
    available_slots jsonb NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '5 minutes',
    UNIQUE (stylist_user_id, service_id, cache_date)
);

CREATE FUNCTION private.invalidate_availability_cache()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM private.availability_cache c
     WHERE c.stylist_user_id IN (NEW.stylist_user_id, OLD.stylist_user_id) AND c.cache_date >= current_date;
    RETURN NULL;
END
$$;

CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT OR UPDATE OR DELETE ON public.bookings
    FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache();
CREATE TRIGGER trigger_invalidate_cache_on_schedule AFTER INSERT OR UPDATE OR DELETE ON public.stylist_schedules
    FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache();

CREATE FUNCTION public.get_available_slots_v2(
    p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT 'Asia/Kathmandu')
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    kept private.availability_cache;
    slots jsonb;
BEGIN
    SELECT * INTO kept FROM private.availability_cache c
     WHERE c.stylist_user_id = p_stylist_id AND c.service_id = p_service_id AND c.cache_date = p_target_date
       AND c.expires_at > now();
    IF FOUND THEN
        RETURN jsonb_build_object('success', true, 'slots', kept.available_slots, 'cached', true, 'cache_hit', true,
                                  'computed_at', kept.computed_at);
    END IF;
    SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') INTO slots
      FROM get_available_slots(p_stylist_id, p_service_id, p_target_date, p_customer_timezone) s;
    INSERT INTO private.availability_cache (stylist_user_id, service_id, cache_date, available_slots)
    VALUES (p_stylist_id, p_service_id, p_target_date, slots)
    ON CONFLICT (stylist_user_id, service_id, cache_date) DO UPDATE
       SET available_slots = EXCLUDED.available_slots, computed_at = EXCLUDED.computed_at, expires_at = EXCLUDED.expires_at;
    RETURN jsonb_build_object('success', true, 'slots', slots, 'cached', false, 'cache_hit', false, 'computed_at', now());
EXCEPTION WHEN no_data_found THEN
    RETURN jsonb_build_object('success', false, 'error', SQLERRM, 'code', 'NOT_FOUND');
END
$$;
