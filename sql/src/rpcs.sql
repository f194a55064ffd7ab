-- ---------------------------------------------------------------------------
-- RPCs: what clients call. names.sql puts them where they are called
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.get_available_slots(
    p_stylist_id uuid,
    p_service_id uuid,
    p_target_date date,
    p_customer_timezone text DEFAULT NULL)
RETURNS TABLE (
    slot_start_utc timestamptz,
    slot_end_utc timestamptz,
    slot_start_local timestamp,
    slot_end_local timestamp,
    slot_display text,
    status text,
    price_cents integer)
AS 'MODULE_PATHNAME', 'get_available_slots'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20 COST 10000;
COMMENT ON FUNCTION availability_cache.get_available_slots(uuid, uuid, date, text) IS
'The slots of a stylist for a service on a date (in the stylist''s time zone), in order of start, computed '
'on each call. status: available, booked, reserved, in_break or unavailable. Errors: 22023 bad argument or '
'time zone, P0002 unknown stylist or service not offered, 55000 tables not attached.';

CREATE FUNCTION availability_cache.get_available_slots_v2(
    p_stylist_id uuid,
    p_service_id uuid,
    p_target_date date,
    p_customer_timezone text DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_slots_v2'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION availability_cache.get_available_slots_v2(uuid, uuid, date, text) IS
'The same as get_available_slots as one jsonb, from shared memory where that is exact as of the last '
'commit: {success, slots, cached, cache_hit, computed_at}, or {success: false, error, code} with code '
'INVALID_ARGUMENT, INVALID_TIMEZONE, STYLIST_NOT_FOUND, SERVICE_NOT_OFFERED or INTERNAL_ERROR.';

CREATE FUNCTION availability_cache.get_available_slots_json(
    p_stylist_id uuid,
    p_service_id uuid,
    p_target_date date,
    p_customer_timezone text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'get_available_slots_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION availability_cache.get_available_slots_json(uuid, uuid, date, text) IS
'The answer of get_available_slots_v2 as json, from the same memory: sooner at the client, because a jsonb '
'has to be turned into text first.';
