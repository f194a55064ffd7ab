-- A salon's database as it runs in production: 60 tables with row-level security, an owner who is no
-- superuser, three roles that an API switches to, and the classic functions, table and triggers, with rules
-- of its own. Where docs/migrating.md starts. A psql script; roles are made where they are not there.
--
--   rules        30 minutes are free before and after an appointment; only bookings of some statuses count; an override blocks its hours; slots in a break are
--                left out; times are shown as HH12:MI AM, local ones are timestamptz; a hold counts until it expires
--   triggers     only notify: the rows of the cache go when a worker hears of it, or with their time
SELECT format('CREATE ROLE %I', r) FROM unnest('{anon,authenticated,service_role,salon_owner,salon_reports}'::text[]) r
 WHERE to_regrole(r) IS NULL \gexec
ALTER ROLE service_role BYPASSRLS;
CREATE SCHEMA auth;
CREATE SCHEMA private;
CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA public, auth, extensions TO PUBLIC;
GRANT CREATE ON SCHEMA public, private, auth, extensions TO salon_owner;
GRANT USAGE ON SCHEMA private TO salon_owner, service_role;
SET ROLE salon_owner;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
CREATE TYPE public.booking_status AS ENUM ('pending', 'confirmed', 'in_progress', 'completed', 'cancelled', 'no_show');

CREATE TABLE public.stylist_profiles (
    user_id uuid PRIMARY KEY, display_name text NOT NULL, timezone text NOT NULL DEFAULT 'Asia/Kathmandu', is_active boolean NOT NULL DEFAULT true,
    booking_buffer_minutes int NOT NULL DEFAULT 30, min_advance_hours int DEFAULT 0, bio text, created_at timestamptz DEFAULT now());
CREATE TABLE public.services (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, slug text UNIQUE, base_duration_minutes int NOT NULL, base_price_cents int NOT NULL,
    is_active boolean NOT NULL DEFAULT true, requires_consultation boolean DEFAULT false, created_at timestamptz DEFAULT now());
CREATE TABLE public.stylist_services (
    stylist_user_id uuid NOT NULL REFERENCES public.stylist_profiles, service_id uuid NOT NULL REFERENCES public.services,
    custom_duration_minutes int, custom_price_cents int, is_available boolean NOT NULL DEFAULT true, PRIMARY KEY (stylist_user_id, service_id));
CREATE TABLE public.stylist_schedules (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), stylist_user_id uuid NOT NULL REFERENCES public.stylist_profiles,
    day_of_week int NOT NULL CHECK (day_of_week BETWEEN 0 AND 6), start_time_utc time NOT NULL, end_time_utc time NOT NULL,   -- local, for all their names
    break_start_time_utc time, break_end_time_utc time, is_available boolean NOT NULL DEFAULT true, effective_from date, effective_until date);
CREATE TABLE public.schedule_overrides (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), stylist_user_id uuid REFERENCES public.stylist_profiles, applies_to_all_stylists boolean NOT NULL DEFAULT false,
    override_start_date date NOT NULL, override_end_date date NOT NULL, is_closed boolean NOT NULL DEFAULT false,
    override_start_time_utc time, override_end_time_utc time, priority int DEFAULT 0, reason text, created_at timestamptz DEFAULT now());
CREATE TABLE public.bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_user_id uuid, stylist_user_id uuid NOT NULL REFERENCES public.stylist_profiles,
    service_id uuid NOT NULL REFERENCES public.services, start_time_utc timestamptz NOT NULL, end_time_utc timestamptz NOT NULL,
    status public.booking_status NOT NULL DEFAULT 'pending', price_cents int, notes text, created_at timestamptz DEFAULT now(), CHECK (end_time_utc > start_time_utc));
CREATE TABLE public.booking_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_user_id uuid, stylist_user_id uuid NOT NULL REFERENCES public.stylist_profiles,
    service_id uuid NOT NULL, start_time timestamptz NOT NULL, end_time timestamptz NOT NULL, status text NOT NULL DEFAULT 'reserved', expires_at timestamptz NOT NULL);
CREATE INDEX bookings_open ON public.bookings (stylist_user_id, start_time_utc) WHERE status IN ('pending', 'confirmed', 'in_progress');
CREATE INDEX bookings_span ON public.bookings USING gist (tstzrange(start_time_utc, end_time_utc));
CREATE INDEX bookings_customer ON public.bookings (customer_user_id) WHERE customer_user_id IS NOT NULL;
CREATE INDEX reservations_stylist ON public.booking_reservations (stylist_user_id, end_time);
CREATE INDEX schedules_stylist ON public.stylist_schedules (stylist_user_id, day_of_week);
CREATE INDEX overrides_stylist ON public.schedule_overrides (stylist_user_id);

-- the other 53, which are not about slots
SELECT format('CREATE TABLE public.%I (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner_id uuid, booking_id uuid REFERENCES public.bookings, data jsonb, created_at timestamptz DEFAULT now());
               CREATE INDEX ON public.%1$I (owner_id) WHERE owner_id IS NOT NULL', t)
  FROM unnest(string_to_array('salons branches rooms chairs customers customer_notes customer_tags loyalty_accounts loyalty_entries vouchers voucher_uses payments refunds payouts '
       'invoices invoice_lines taxes products product_categories stock_moves suppliers orders order_lines reviews review_replies photos galleries posts comments likes follows '
       'messages threads notifications devices sessions consents audit_entries imports exports webhooks webhook_calls settings translations tickets ticket_replies '
       'campaigns campaign_sends referrals waitlist_entries staff_absences skills stylist_skills', ' ')) t \gexec

SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass) FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \gexec
SELECT format('CREATE POLICY own_rows ON %s FOR ALL TO authenticated USING (%I = (SELECT auth.uid()))', a.attrelid::regclass, a.attname)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attname IN ('owner_id', 'customer_user_id') \gexec
CREATE POLICY everybody ON public.services FOR SELECT TO anon, authenticated USING (is_active);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO authenticated, service_role;
GRANT SELECT ON public.services TO anon;

-- ---- the classic functions ----

CREATE FUNCTION public.slot_status(who uuid, opens timestamptz, closes timestamptz) RETURNS text LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN CASE
        WHEN opens < now() THEN 'unavailable'
        WHEN EXISTS (SELECT 1 FROM bookings b WHERE b.stylist_user_id = who AND b.status IN ('pending', 'confirmed', 'in_progress')
                        AND tstzrange(b.start_time_utc - interval '30 minutes', b.end_time_utc + interval '30 minutes') && tstzrange(opens, closes)) THEN 'booked'
        WHEN EXISTS (SELECT 1 FROM booking_reservations r WHERE r.stylist_user_id = who AND r.status = 'reserved' AND r.expires_at > now()
                        AND tstzrange(r.start_time, r.end_time) && tstzrange(opens, closes)) THEN 'reserved'
        ELSE 'available' END;
END
$$;

CREATE FUNCTION public.get_available_slots(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT 'Asia/Kathmandu')
RETURNS TABLE (slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamptz, slot_end_local timestamptz, slot_display text, status text, price_cents int)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    who stylist_profiles;
    length interval;
    cents int;
    plan record;
BEGIN
    SELECT * INTO who FROM stylist_profiles WHERE user_id = p_stylist_id AND is_active;
    IF who.user_id IS NULL THEN
        RAISE EXCEPTION 'Stylist not found';
    END IF;
    SELECT make_interval(mins => coalesce(x.custom_duration_minutes, s.base_duration_minutes)), coalesce(x.custom_price_cents, s.base_price_cents) INTO length, cents
      FROM stylist_services x JOIN services s ON s.id = x.service_id
     WHERE x.stylist_user_id = p_stylist_id AND x.service_id = p_service_id AND x.is_available AND s.is_active;
    IF length IS NULL THEN
        RAISE EXCEPTION 'Service not offered';
    END IF;
    IF p_target_date < (now() AT TIME ZONE who.timezone)::date OR p_target_date > CURRENT_DATE + 90 THEN
        RETURN;
    END IF;
    FOR plan IN SELECT * FROM stylist_schedules c WHERE c.stylist_user_id = p_stylist_id AND c.day_of_week = extract(dow FROM p_target_date) AND c.is_available
                   AND (c.effective_from IS NULL OR c.effective_from <= p_target_date) AND (c.effective_until IS NULL OR c.effective_until >= p_target_date) ORDER BY c.start_time_utc
    LOOP
        slot_start_utc := (p_target_date + plan.start_time_utc) AT TIME ZONE who.timezone;
        WHILE slot_start_utc + length <= (p_target_date + plan.end_time_utc) AT TIME ZONE who.timezone LOOP
            slot_end_utc := slot_start_utc + length;
            IF NOT coalesce(slot_start_utc < (p_target_date + plan.break_end_time_utc) AT TIME ZONE who.timezone
                            AND slot_end_utc > (p_target_date + plan.break_start_time_utc) AT TIME ZONE who.timezone, false)
               AND NOT EXISTS (SELECT 1 FROM schedule_overrides o WHERE (o.stylist_user_id = p_stylist_id OR o.applies_to_all_stylists)
                                  AND p_target_date BETWEEN o.override_start_date AND o.override_end_date
                                  AND (o.is_closed OR tsrange(p_target_date + o.override_start_time_utc, p_target_date + o.override_end_time_utc)
                                                      && tsrange(slot_start_utc AT TIME ZONE who.timezone, slot_end_utc AT TIME ZONE who.timezone))) THEN
                slot_start_local := slot_start_utc AT TIME ZONE p_customer_timezone;
                slot_end_local := slot_end_utc AT TIME ZONE p_customer_timezone;
                slot_display := to_char(slot_start_utc AT TIME ZONE p_customer_timezone, 'HH12:MI AM');
                status := slot_status(p_stylist_id, slot_start_utc, slot_end_utc);
                price_cents := cents;
                RETURN NEXT;
            END IF;
            slot_start_utc := slot_start_utc + interval '30 minutes';
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION public.get_available_slots(uuid, uuid, date, text) IS 'Slots of a day; see the wiki';
REVOKE EXECUTE ON FUNCTION public.get_available_slots FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.get_available_slots TO authenticated, service_role;

CREATE TABLE private.availability_cache (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), stylist_user_id uuid NOT NULL, service_id uuid NOT NULL, cache_date date NOT NULL, available_slots jsonb NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL DEFAULT now() + interval '5 minutes', UNIQUE (stylist_user_id, service_id, cache_date));
ALTER TABLE private.availability_cache ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON private.availability_cache TO service_role USING (true);
CREATE INDEX availability_cache_expiry ON private.availability_cache (expires_at);
GRANT SELECT, DELETE ON private.availability_cache TO service_role;
COMMENT ON TABLE private.availability_cache IS 'Computed days';

CREATE FUNCTION public.get_available_slots_v2(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT 'Asia/Kathmandu')
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
    hit jsonb;
    answer jsonb;
BEGIN
    SELECT c.available_slots INTO hit FROM private.availability_cache c
     WHERE c.stylist_user_id = p_stylist_id AND c.service_id = p_service_id AND c.cache_date = p_target_date AND c.expires_at > now();
    IF hit IS NOT NULL THEN
        RETURN jsonb_build_object('success', true, 'slots', hit, 'cached', true);
    END IF;
    SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]'::jsonb) INTO answer FROM get_available_slots(p_stylist_id, p_service_id, p_target_date, p_customer_timezone) s;
    INSERT INTO private.availability_cache AS c (stylist_user_id, service_id, cache_date, available_slots) VALUES (p_stylist_id, p_service_id, p_target_date, answer)
    ON CONFLICT (stylist_user_id, service_id, cache_date) DO UPDATE SET available_slots = excluded.available_slots, computed_at = now(), expires_at = now() + interval '5 minutes';
    RETURN jsonb_build_object('success', true, 'slots', answer, 'cached', false);
EXCEPTION WHEN raise_exception THEN
    RETURN jsonb_build_object('success', false, 'error', SQLERRM);
END
$$;
COMMENT ON FUNCTION public.get_available_slots_v2(uuid, uuid, date, text) IS 'The API''s';
REVOKE EXECUTE ON FUNCTION public.get_available_slots_v2 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.get_available_slots_v2 TO anon, authenticated, service_role;

CREATE FUNCTION private.invalidate_availability_cache() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = private, pg_temp AS $$
BEGIN DELETE FROM availability_cache WHERE stylist_user_id = coalesce(NEW.stylist_user_id, OLD.stylist_user_id); RETURN NULL; END $$;
CREATE FUNCTION private.invalidate_availability_cache_async() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = private, pg_temp AS $$
BEGIN PERFORM pg_notify('invalidate_availability_cache', coalesce(NEW.stylist_user_id, OLD.stylist_user_id)::text); RETURN NULL; END $$;
CREATE TRIGGER trigger_invalidate_cache_on_booking AFTER INSERT OR DELETE OR UPDATE ON public.bookings FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache_async();
CREATE TRIGGER trigger_invalidate_cache_on_schedule AFTER INSERT OR DELETE OR UPDATE ON public.stylist_schedules FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache_async();
CREATE TRIGGER trigger_invalidate_cache_on_override AFTER UPDATE OF is_closed ON public.schedule_overrides FOR EACH ROW
    WHEN (OLD.is_closed IS DISTINCT FROM NEW.is_closed) EXECUTE FUNCTION private.invalidate_availability_cache();
COMMENT ON TRIGGER trigger_invalidate_cache_on_override ON public.schedule_overrides IS 'closed days at once';
ALTER TABLE public.stylist_schedules DISABLE TRIGGER trigger_invalidate_cache_on_schedule;
ALTER TABLE public.schedule_overrides ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_override;

-- what hangs on them
CREATE VIEW public.first_slots AS
SELECT x.stylist_user_id, x.service_id, (SELECT min(s.slot_start_utc) FROM public.get_available_slots(x.stylist_user_id, x.service_id, CURRENT_DATE + 3) s WHERE s.status = 'available') AS first
  FROM public.stylist_services x;
CREATE VIEW public.api_days AS SELECT x.stylist_user_id, public.get_available_slots_v2(x.stylist_user_id, x.service_id, CURRENT_DATE + 3) AS day FROM public.stylist_services x;

-- ---- what is in it ----

INSERT INTO public.stylist_profiles (user_id, display_name, timezone) SELECT md5('stylist ' || s)::uuid, 'Stylist ' || s, (ARRAY['Asia/Kathmandu', 'Asia/Kolkata'])[1 + s % 2] FROM generate_series(1, 4) s;
INSERT INTO public.services (id, name, slug, base_duration_minutes, base_price_cents) SELECT md5('service ' || v)::uuid, 'Service ' || v, 'service-' || v, v * 30, v * 1000 FROM generate_series(1, 3) v;
INSERT INTO public.stylist_services (stylist_user_id, service_id, custom_price_cents)
SELECT md5('stylist ' || s)::uuid, md5('service ' || v)::uuid, CASE WHEN s = 2 THEN 1500 END FROM generate_series(1, 4) s, generate_series(1, 3) v;
INSERT INTO public.stylist_schedules (stylist_user_id, day_of_week, start_time_utc, end_time_utc, break_start_time_utc, break_end_time_utc)
SELECT md5('stylist ' || s)::uuid, d, '09:00', '18:00', '13:00', '13:45' FROM generate_series(1, 4) s, generate_series(0, 6) d WHERE d <> s;
INSERT INTO public.schedule_overrides (stylist_user_id, applies_to_all_stylists, override_start_date, override_end_date, is_closed, override_start_time_utc, override_end_time_utc)
VALUES (NULL, true, CURRENT_DATE + 10, CURRENT_DATE + 11, true, NULL, NULL), (md5('stylist 1')::uuid, false, CURRENT_DATE + 2, CURRENT_DATE + 5, false, '10:00', '12:00');
INSERT INTO public.bookings (stylist_user_id, service_id, customer_user_id, start_time_utc, end_time_utc, status)
SELECT md5('stylist ' || 1 + n % 4)::uuid, md5('service ' || 1 + n % 3)::uuid, md5('customer ' || n % 17)::uuid, at, at + make_interval(mins => 30 * (1 + n % 3)),
       (enum_range(NULL::public.booking_status))[1 + n % 6]
  FROM generate_series(1, 600) n, LATERAL (SELECT date_trunc('day', now()) + make_interval(days => n % 33, hours => 3 + n * 7 % 9, mins => n * 15 % 60) AS at) a;
INSERT INTO public.booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at)
SELECT md5('stylist ' || s)::uuid, md5('service 1')::uuid, date_trunc('day', now()) + interval '3 days 6 hours', date_trunc('day', now()) + interval '3 days 7 hours', now() + interval '10 minutes' FROM generate_series(1, 4) s;
RESET ROLE;
