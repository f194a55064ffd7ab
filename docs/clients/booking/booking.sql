-- What the booking page (index.html, booking.js) calls besides get_available_days_json and
-- get_available_slots_range_json: what there is to choose, and a booking. For tables of the usual names.

CREATE FUNCTION booking_choices() RETURNS json LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('id', p.user_id, 'name', p.display_name, 'timezone', coalesce(p.timezone, r.default_timezone), 'services', x.services) ORDER BY p.display_name), '[]')
      FROM stylist_profiles p CROSS JOIN availability_cache.rules r
     CROSS JOIN LATERAL (SELECT json_agg(json_build_object('id', s.id, 'name', s.name, 'minutes', coalesce(o.custom_duration_minutes, s.duration_minutes),
                                                          'price_cents', coalesce(o.custom_price_cents, s.price_cents)) ORDER BY s.name) AS services
                           FROM stylist_services o JOIN services s ON s.id = o.service_id
                          WHERE o.stylist_user_id = p.user_id AND o.is_active AND s.is_active) x
     WHERE p.is_active AND x.services IS NOT NULL
$$;
COMMENT ON FUNCTION booking_choices() IS 'Of the booking page: stylists with their services.';

-- One booking of a stylist at a time: who waited sees what the other has committed, since each statement has
-- a snapshot of its own. All who are asked for are locked, in one order, so that two never wait for each
-- other. get_available_slots has all the rules; what it says is computed, not remembered.
CREATE FUNCTION book_slot(p_stylist_ids uuid[], p_service_id uuid, p_start timestamptz, p_name text) RETURNS json LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    booked json;
BEGIN
    IF coalesce(btrim(p_name), '') = '' OR length(p_name) > 100 THEN
        RAISE EXCEPTION 'Please say your name, in at most 100 letters.' USING ERRCODE = 'PT400';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('book ' || id, 0)) FROM (SELECT DISTINCT id FROM unnest(p_stylist_ids) u(id) ORDER BY id) i;
    WITH slot AS (
        SELECT p.user_id, p.display_name, s.slot_start_utc, s.slot_end_utc
          FROM jsonb_array_elements_text(get_round_robin(p_service_id, p_start, p_stylist_ids) -> 'stylists') WITH ORDINALITY a(id, n)
          JOIN stylist_profiles p ON p.user_id = a.id::uuid CROSS JOIN availability_cache.rules r
         CROSS JOIN LATERAL get_available_slots(p.user_id, p_service_id, (p_start AT TIME ZONE coalesce(p.timezone, r.default_timezone))::date) s
         WHERE s.slot_start_utc = p_start AND s.status = 'available' ORDER BY a.n LIMIT 1),
    new AS (
        INSERT INTO bookings (stylist_user_id, service_id, customer_name, start_time, end_time)
        SELECT user_id, p_service_id, btrim(p_name), slot_start_utc, slot_end_utc FROM slot
        RETURNING id, start_time)
    SELECT json_build_object('id', new.id, 'start_time', new.start_time, 'stylist', slot.display_name) INTO booked FROM new, slot;
    IF booked IS NULL THEN
        RAISE EXCEPTION 'This time has just been taken. Please choose another.' USING ERRCODE = 'PT409';
    END IF;
    RETURN booked;
END
$$;
COMMENT ON FUNCTION book_slot(uuid[], uuid, timestamptz, text) IS 'Of the booking page: takes a slot of the one of these stylists who has the fewest bookings, if one is free; or raises PT409.';
