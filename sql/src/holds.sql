-- ---------------------------------------------------------------------------
-- Holds: hold_slot, confirm_hold, release_slot. The update script has this file too.
-- All of it runs as its caller, whose rights and row-level security on the attached tables decide.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.reserve_slot(
    stylist uuid, service uuid, starts timestamptz, INOUT ends timestamptz, seats bigint, INOUT resource uuid,
    OUT reason text, OUT hold_statuses text[])
AS 'MODULE_PATHNAME', 'availability_cache_reserve_slot'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache_internal.reserve_slot(uuid, uuid, timestamptz, timestamptz, bigint,
                                                             uuid) IS
'Internal: locks the time of a slot until the transaction is over, and says why it is not available (NULL: '
'it is). ends NULL: the slot of the service that starts then; else only other bookings and holds are looked '
'at. resource: the one that is asked for, or else one that the service needs, if one is certain. 42501 '
'unless the caller may insert bookings or holds.';

-- The table that is attached as something, with its columns by their names in source_column, and its key.
CREATE FUNCTION availability_cache_internal.target(role text, OUT relation regclass, OUT columns jsonb,
                                                   OUT key name, OUT key_type text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT a.relation, jsonb_object(a.names, a.columns) INTO relation, columns
      FROM availability_cache_internal.attached() a WHERE a.role = target.role AND a.problem IS NULL;
    IF relation IS NULL THEN
        RAISE EXCEPTION 'no table is attached as %', role
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = format('SELECT * FROM availability_cache.attach(%L, ''your_table'').', role);
    END IF;
    SELECT a.attname, format_type(a.atttypid, a.atttypmod) INTO key, key_type
      FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1;
    IF key IS NULL THEN
        RAISE EXCEPTION 'table % has no primary key of one column', relation
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Its rows are named by it. Where there can be none, as in many partitioned tables, '
                         'insert and delete by hand; the guard looks at that too.';
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.target(text) IS
    'Internal, of hold_slot(), confirm_hold() and release_slot().';

-- Inserts a row and returns its key. given: the columns' values as text.
CREATE FUNCTION availability_cache_internal.put(target record, given jsonb)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation regclass := target.relation;
    id text;
    missing text;
BEGIN
    EXECUTE (SELECT format('INSERT INTO %s (%s) VALUES (%s) RETURNING %I::text', relation,
                           string_agg(quote_ident(k), ', '), string_agg(quote_nullable(v), ', '), target.key)
               FROM jsonb_each_text(given) e(k, v)) INTO id;
    RETURN id;
EXCEPTION WHEN not_null_violation THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO missing
      FROM pg_attribute a
     WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
       AND a.attidentity = ''
       AND given ->> a.attname IS NULL;
    RAISE EXCEPTION '%', SQLERRM
        USING ERRCODE = 'not_null_violation', TABLE = relation::text,
              HINT = format('What %s needs besides and nobody fills: %s. Give such columns a default, or '
                            'fill them in a BEFORE INSERT trigger.', relation,
                                coalesce(missing, 'see the error'));
END
$$;
COMMENT ON FUNCTION availability_cache_internal.put(record, jsonb) IS
    'Internal, of hold_slot() and confirm_hold().';

CREATE FUNCTION availability_cache_internal.utc_text(t timestamptz)
RETURNS text
LANGUAGE sql STABLE
RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || '+00:00';
COMMENT ON FUNCTION availability_cache_internal.utc_text(timestamptz) IS
    'Internal: as get_available_slots_v2 writes it.';

CREATE FUNCTION availability_cache.hold_slot(
    p_stylist_id uuid,
    p_service_id uuid,
    p_start timestamptz,
    p_seats integer DEFAULT 1,
    p_hold_for interval DEFAULT '10 minutes')
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
    slot record;
    given jsonb;
    hold_status text;
    expires timestamptz;
BEGIN
    IF p_stylist_id IS NULL OR p_service_id IS NULL OR p_start IS NULL OR NOT isfinite(p_start)
        OR coalesce(p_seats, 0) < 1
       OR p_hold_for IS NULL OR p_hold_for <= '0' OR p_hold_for > '7 days' THEN
        RETURN jsonb_build_object('success', false, 'code', 'INVALID_ARGUMENT',
                                  'error', 'stylist, service and start must be given, a seat or more, and a '
                                           'time to hold it of up to 7 days');
    END IF;
    SELECT * INTO target FROM availability_cache_internal.target('booking_reservations');
    IF NOT target.columns ? 'expires_at' THEN
        RAISE EXCEPTION 'table % is attached without expires_at', target.relation
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'A hold that does not expire would stay: attach it with such a column.';
    END IF;
    IF p_seats > 1 AND NOT target.columns ? 'seats' THEN
        RAISE EXCEPTION 'table % is attached without seats', target.relation
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'A hold in it is of one seat: attach it with such a column.';
    END IF;
    SELECT * INTO slot FROM availability_cache_internal.reserve_slot(p_stylist_id, p_service_id, p_start,
                                                                     NULL, p_seats, NULL);
    IF slot.reason IS NOT NULL THEN
        RETURN jsonb_build_object('success', false, 'code', 'NOT_AVAILABLE', 'error',
                                  'the slot is not available', 'reason', slot.reason);
    END IF;
    expires := clock_timestamp() + p_hold_for;
    given := jsonb_build_object(target.columns ->> 'stylist_user_id', p_stylist_id,
                                target.columns ->> 'start_time', p_start,
                                target.columns ->> 'end_time', slot.ends, target.columns ->> 'expires_at',
                                expires);
    IF target.columns ? 'service_id' THEN
        given := given || jsonb_build_object(target.columns ->> 'service_id', p_service_id);
    END IF;
    IF target.columns ? 'seats' THEN
        given := given || jsonb_build_object(target.columns ->> 'seats', p_seats);
    END IF;
    IF target.columns ? 'resource_id' AND slot.resource IS NOT NULL THEN
        given := given || jsonb_build_object(target.columns ->> 'resource_id', slot.resource);
    END IF;
    IF target.columns ? 'status' THEN
        SELECT s.status INTO hold_status
          FROM unnest(slot.hold_statuses) WITH ORDINALITY s(status, n), pg_attribute a
            JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = target.relation AND a.attname = target.columns ->> 'status'
           AND (NOT EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid IN (t.oid, t.typbasetype))
                OR EXISTS (SELECT FROM pg_enum e
                           WHERE e.enumtypid IN (t.oid, t.typbasetype) AND e.enumlabel = s.status))
         ORDER BY s.n LIMIT 1;
        IF hold_status IS NULL THEN
            RAISE EXCEPTION 'a hold in % can have none of the statuses that hold', target.relation
                USING ERRCODE = 'object_not_in_prerequisite_state',
                    HINT = 'UPDATE availability_cache.rules SET hold_statuses = ….';
        END IF;
        given := given || jsonb_build_object(target.columns ->> 'status', hold_status);
    END IF;
    RETURN jsonb_build_object('success', true, 'hold_id', availability_cache_internal.put(target, given),
                              'slot_start_utc', availability_cache_internal.utc_text(p_start), 'slot_end_utc',
                              availability_cache_internal.utc_text(slot.ends),
                              'expires_at', availability_cache_internal.utc_text(expires));
END
$$;
COMMENT ON FUNCTION availability_cache.hold_slot(uuid, uuid, timestamptz, integer, interval) IS
'Inserts a hold of the slot that starts then into the table attached as booking_reservations, as its '
'caller: {success, hold_id, slot_start_utc, slot_end_utc, expires_at}, or {success: false, error, code} '
'with code INVALID_ARGUMENT, or NOT_AVAILABLE and a reason. Nobody else can hold the slot meanwhile. What '
'is not about the slot is raised: 42501 without the right to insert, 23502 with a hint where the table '
'needs more than a hold has.';

-- Asked beforehand: what a trigger of the application raises later says nothing of the key.
CREATE FUNCTION availability_cache_internal.can_be_key(target record, id text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT %L::%s', id, target.key_type);
    RETURN true;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.can_be_key(record, text) IS
    'Internal: whether a text is a value of the type of a table''s key.';

CREATE FUNCTION availability_cache.confirm_hold(p_hold_id text)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holds record;
    bookings record;
    hold record;
    slot record;
    given jsonb;
BEGIN
    SELECT * INTO holds FROM availability_cache_internal.target('booking_reservations');
    SELECT * INTO bookings FROM availability_cache_internal.target('bookings');
    IF NOT availability_cache_internal.can_be_key(holds, p_hold_id) THEN
        RETURN jsonb_build_object('success', false, 'code', 'HOLD_NOT_FOUND', 'error',
                                  'the hold is not there');
    END IF;
    BEGIN
        EXECUTE format('DELETE FROM %s WHERE %I = %L::%s RETURNING %I AS stylist, %s AS service, %I AS '
                       'starts, %I AS ends, %s AS status, %s AS expires, %s AS seats, %s AS resource',
                       holds.relation, holds.key, p_hold_id, holds.key_type,
                       holds.columns ->> 'stylist_user_id',
                       coalesce(quote_ident(holds.columns ->> 'service_id'), 'NULL::uuid'),
                       holds.columns ->> 'start_time', holds.columns ->> 'end_time',
                       coalesce(quote_ident(holds.columns ->> 'status') || '::text', 'NULL'),
                       coalesce(quote_ident(holds.columns ->> 'expires_at'), 'NULL::timestamptz'),
                       coalesce('coalesce(' || quote_ident(holds.columns ->> 'seats') || ', 1)', '1'),
                       coalesce(quote_ident(holds.columns ->> 'resource_id'), 'NULL::uuid'))
           INTO hold;
        IF hold.starts IS NULL THEN
            RAISE EXCEPTION 'the hold is not there' USING ERRCODE = 'ACH01', DETAIL = 'HOLD_NOT_FOUND';
        END IF;
        SELECT * INTO slot FROM availability_cache_internal.reserve_slot(hold.stylist, hold.service,
                hold.starts, hold.ends, hold.seats, hold.resource);
        IF hold.expires <= clock_timestamp()
            OR (holds.columns ? 'status' AND coalesce(hold.status <> ALL (slot.hold_statuses), true)) THEN
            RAISE EXCEPTION 'the hold has expired' USING ERRCODE = 'ACH01', DETAIL = 'HOLD_EXPIRED';
        ELSIF slot.reason IS NOT NULL THEN
            RAISE EXCEPTION 'the slot is not available'
                USING ERRCODE = 'ACH01', DETAIL = 'NOT_AVAILABLE', HINT = slot.reason;
        END IF;
        given := jsonb_build_object(bookings.columns ->> 'stylist_user_id', hold.stylist,
                                    bookings.columns ->> 'start_time', hold.starts,
                                    bookings.columns ->> 'end_time', hold.ends);
        IF bookings.columns ? 'service_id' THEN
            given := given || jsonb_build_object(bookings.columns ->> 'service_id', hold.service);
        END IF;
        IF bookings.columns ? 'seats' THEN
            given := given || jsonb_build_object(bookings.columns ->> 'seats', hold.seats);
        ELSIF hold.seats > 1 THEN
            RAISE EXCEPTION 'table % is attached without seats', bookings.relation
                USING ERRCODE = 'object_not_in_prerequisite_state',
                    HINT = 'A booking in it is of one seat: attach it with such a column.';
        END IF;
        IF bookings.columns ? 'resource_id' AND slot.resource IS NOT NULL THEN
            given := given || jsonb_build_object(bookings.columns ->> 'resource_id', slot.resource);
        END IF;
        RETURN jsonb_build_object('success', true, 'booking_id',
                                  availability_cache_internal.put(bookings, given),
                                  'slot_start_utc', availability_cache_internal.utc_text(hold.starts),
                                  'slot_end_utc', availability_cache_internal.utc_text(hold.ends));
    EXCEPTION
        WHEN SQLSTATE 'ACH01' THEN
            DECLARE
                code text;
                reason text;
            BEGIN
                GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL, reason = PG_EXCEPTION_HINT;
                RETURN jsonb_build_object('success', false, 'code', code, 'error', SQLERRM)
                       || CASE WHEN reason <> '' THEN jsonb_build_object('reason', reason) ELSE '{}' END;
            END;
    END;
END
$$;
COMMENT ON FUNCTION availability_cache.confirm_hold(text) IS
'Makes a booking of a hold, which goes, as its caller: {success, booking_id, slot_start_utc, slot_end_utc}, '
'or {success: false, error, code} with code HOLD_NOT_FOUND, HOLD_EXPIRED, or NOT_AVAILABLE and a reason. '
'The booking has its table''s default status. What is not about the hold is raised, as by hold_slot().';

CREATE FUNCTION availability_cache.release_slot(p_hold_id text)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holds record;
    released bigint := 0;
BEGIN
    SELECT * INTO holds FROM availability_cache_internal.target('booking_reservations');
    IF availability_cache_internal.can_be_key(holds, p_hold_id) THEN
        EXECUTE format('DELETE FROM %s WHERE %I = %L::%s', holds.relation, holds.key, p_hold_id,
                       holds.key_type);
        GET DIAGNOSTICS released = ROW_COUNT;
    END IF;
    RETURN jsonb_build_object('success', true, 'released', released > 0);
END
$$;
COMMENT ON FUNCTION availability_cache.release_slot(text) IS
'Deletes a hold, as its caller: {success, released}; released is false where it is not there, or not the '
'caller''s to see.';
