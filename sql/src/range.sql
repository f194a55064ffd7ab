-- ---------------------------------------------------------------------------
-- What clients call about several days, or about anybody. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.get_available_slots_range(
    p_service_id uuid,
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_available_only boolean DEFAULT false)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_slots_range'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_slots_range(uuid, date, date, uuid[], text, text,
                                                                 integer, interval, text, boolean) IS
'The slots of a service whose start is on the customer''s dates p_from to p_to (92 at most), in order, of '
'the stylists listed (200 at most; NULL: all who offer the service), each day from shared memory where that '
'is exact, all as of one commit: {success, slots, cached, cache_hit, computed_at}; of each slot, besides '
'what get_available_slots_v2 has, stylists (who are free) and seats_left. p_match all: only starts at which '
'all are free. p_duration in place of the service''s; as if the booking with the primary key '
'p_exclude_booking_id were not there. Or {success: false, error, code} with the codes of '
'get_available_slots_v2.';

CREATE FUNCTION availability_cache.get_available_slots_range_json(
    p_service_id uuid,
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_available_only boolean DEFAULT false)
RETURNS json
AS 'MODULE_PATHNAME', 'get_available_slots_range_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_slots_range_json(uuid, date, date, uuid[], text, text,
                                                                      integer, interval, text, boolean) IS
'The answer of get_available_slots_range as json, from the same memory.';

CREATE FUNCTION availability_cache.get_available_days(
    p_service_id uuid,
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_available_only boolean DEFAULT false)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_days'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_days(uuid, date, date, uuid[], text, text, integer,
                                                          interval, text, boolean) IS
'A row for each of the customer''s dates, of the same slots: {success, days, cached, cache_hit, '
'computed_at}; of each day date, slots (starts that are available), seats, first (the first start, on the '
'customer''s clock, or null), and where there is none the reason: too_soon, too_late, on_break, booked, '
'full, held, no_resource, closed, no_hours or too_short. Or {success: false, error, code} with the codes of '
'get_available_slots_v2.';

CREATE FUNCTION availability_cache.get_available_days_json(
    p_service_id uuid,
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_available_only boolean DEFAULT false)
RETURNS json
AS 'MODULE_PATHNAME', 'get_available_days_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_days_json(uuid, date, date, uuid[], text, text, integer,
                                                               interval, text, boolean) IS
'The answer of get_available_days as json, from the same memory.';

CREATE FUNCTION availability_cache.get_next_available(
    p_service_id uuid,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_after timestamptz DEFAULT NULL,
    p_limit integer DEFAULT 1)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_next_available'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_next_available(uuid, uuid[], text, text, integer, interval, text,
                                                          timestamptz, integer) IS
'The next p_limit (1 to 1000) available slots from p_after on (NULL: now), within 92 of the customer''s '
'dates, as get_available_slots_range has them. Or {success: false, error, code} with the codes of '
'get_available_slots_v2.';

CREATE FUNCTION availability_cache.get_next_available_json(
    p_service_id uuid,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_match text DEFAULT 'any',
    p_seats integer DEFAULT 1,
    p_duration interval DEFAULT NULL,
    p_exclude_booking_id text DEFAULT NULL,
    p_after timestamptz DEFAULT NULL,
    p_limit integer DEFAULT 1)
RETURNS json
AS 'MODULE_PATHNAME', 'get_next_available_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_next_available_json(uuid, uuid[], text, text, integer, interval,
                                                               text, timestamptz, integer) IS
'The answer of get_next_available as json, from the same memory.';

CREATE FUNCTION availability_cache.get_available_sequence(
    p_service_ids uuid[],
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_same_stylist boolean DEFAULT true,
    p_max_gap interval DEFAULT '0')
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_sequence'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_sequence(uuid[], date, date, uuid[], text, boolean,
                                                              interval) IS
'Several services (8 at most) one after the other, each at a slot that is available, with the same stylist '
'or with any: {success, sequences, cached, cache_hit, computed_at}, for each start on the customer''s dates '
'p_from to p_to (92 at most) one: its start, end and price, and slots with service_id, stylist_id, start, '
'end and price of each. Each service begins as early as it can after the one before, at most p_max_gap (24 '
'hours at most) later than that and, with the same stylist, the buffers allow. Or {success: false, error, '
'code} with the codes of get_available_slots_v2.';

CREATE FUNCTION availability_cache.get_available_sequence_json(
    p_service_ids uuid[],
    p_from date,
    p_to date,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_customer_timezone text DEFAULT NULL,
    p_same_stylist boolean DEFAULT true,
    p_max_gap interval DEFAULT '0')
RETURNS json
AS 'MODULE_PATHNAME', 'get_available_sequence_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_available_sequence_json(uuid[], date, date, uuid[], text, boolean,
                                                                   interval) IS
'The answer of get_available_sequence as json, from the same memory.';

CREATE FUNCTION availability_cache.get_round_robin(
    p_service_id uuid,
    p_start timestamptz,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_counted_from timestamptz DEFAULT NULL,
    p_counted_to timestamptz DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_round_robin'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_round_robin(uuid, timestamptz, uuid[], timestamptz, timestamptz) IS
'The stylists who are free for the service at a start, in the order in which they should be asked: '
'{success, stylists, cached, cache_hit, computed_at}. Who has the fewest bookings that begin from '
'p_counted_from on and before p_counted_to (NULL: 30 days before and after the start; 7 days at least) '
'comes first, of those who have as many the one who is first in the list (else by id). Or {success: false, '
'error, code} with the codes of get_available_slots_v2.';

CREATE FUNCTION availability_cache.get_round_robin_json(
    p_service_id uuid,
    p_start timestamptz,
    p_stylist_ids uuid[] DEFAULT NULL,
    p_counted_from timestamptz DEFAULT NULL,
    p_counted_to timestamptz DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'get_round_robin_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache.get_round_robin_json(uuid, timestamptz, uuid[], timestamptz,
                                                            timestamptz) IS
'The answer of get_round_robin as json, from the same memory.';

-- They go where clients look for them, unless somebody has the name there: another of the name would make
-- calls ambiguous. Who may call get_available_slots_v2 may call them, and nobody else.
DO $$
DECLARE
    f record;
    r record;
    v2 pg_proc;
BEGIN
    SELECT p.* INTO v2
      FROM pg_proc p, pg_depend d, pg_extension e
     WHERE e.extname = 'availability_cache' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
       AND d.deptype = 'e'
       AND d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND p.proname = 'get_available_slots_v2';
    FOR f IN SELECT p.oid, p.oid::regprocedure AS signature, p.proname FROM pg_proc p
              WHERE p.pronamespace = 'availability_cache'::regnamespace
                AND p.proname ~ '^get_(available_slots_range|available_days|next_available|available_sequence|round_robin)(_json)?$'
    LOOP
        IF v2.proacl IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.signature);
            FOR r IN SELECT grantee, is_grantable FROM aclexplode(v2.proacl) WHERE grantee <> v2.proowner LOOP
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', f.signature, CASE WHEN r.grantee = 0
                               THEN 'PUBLIC' ELSE r.grantee::regrole::text END)
                        || CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END;
            END LOOP;
        END IF;
        IF EXISTS (SELECT FROM pg_proc p
                   WHERE p.pronamespace = '@extschema@'::regnamespace AND p.proname = f.proname
                     AND p.oid <> f.oid) THEN
            RAISE WARNING 'availability_cache leaves alone function %.%', '@extschema@', f.proname
                USING HINT = format('Its own stays in schema availability_cache: %s.', f.signature);
        ELSE
            EXECUTE format('ALTER FUNCTION %s SET SCHEMA @extschema@', f.signature);
        END IF;
    END LOOP;
END
$$;
