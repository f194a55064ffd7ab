-- ---------------------------------------------------------------------------
-- Waiting list: who waits for a slot is told once when there is one. The update script has this file too.
-- ---------------------------------------------------------------------------

-- A trigger with it says that a table is a waiting list, and with which columns; there is nothing to do.
CREATE FUNCTION availability_cache_internal.waiting_list()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.waiting_list() IS
    'Internal: marks the waiting lists. Whose tables may be such is who may execute it.';

CREATE FUNCTION availability_cache_internal.waiting_rows(
    relation regclass, OUT key text, OUT stylist uuid, OUT service uuid, OUT wanted_from timestamptz,
    OUT wanted_to timestamptz,
    OUT seats bigint, OUT customer text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_waiting_rows'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache_internal.waiting_rows(regclass) IS
'Internal: the rows of a waiting list in the order in which they wait, read as its owner. 42501 where the '
'owner may not have one.';

CREATE TABLE availability_cache.freed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation regclass NOT NULL,
    waiting_key text NOT NULL,
    wish text NOT NULL,
    customer_key text,
    service_id uuid NOT NULL,
    stylist_ids uuid[] NOT NULL,
    slot_start timestamptz NOT NULL,
    slot_end timestamptz NOT NULL,
    seats bigint NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at timestamptz,
    UNIQUE (relation, waiting_key)
);
CREATE INDEX ON availability_cache.freed (id) WHERE told_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('availability_cache.freed', '');
SELECT pg_catalog.pg_extension_config_dump('availability_cache.freed_id_seq', '');
COMMENT ON TABLE availability_cache.freed IS
'Who waited and can be told, in order of id; take_freed() takes them. A row stays until its row of the '
'waiting list goes or asks for something else.';
COMMENT ON COLUMN availability_cache.freed.waiting_key IS
    'The primary key of the row in the waiting list, as text.';
COMMENT ON COLUMN availability_cache.freed.wish IS 'What that row asked for.';
COMMENT ON COLUMN availability_cache.freed.stylist_ids IS 'Who is free then.';
COMMENT ON COLUMN availability_cache.freed.told_at IS 'When it was taken; NULL: not yet.';

-- The first slot within a wish, of the built-in rules or of rules.compute_function; stylists NULL: there is
-- none.
CREATE FUNCTION availability_cache_internal.slots_of_range(
    service uuid, first date, last date, stylists uuid[], zone text, match text, seats integer,
    duration interval, except_booking text, available_only boolean)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_slots_range'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION availability_cache_internal.slots_of_range(uuid, date, date, uuid[], text, text, integer,
                                                               interval, text, boolean) IS
'Internal: get_available_slots_range, whatever has its name.';

CREATE FUNCTION availability_cache_internal.first_slot(
    stylists uuid[], service uuid, wanted_from timestamptz, wanted_to timestamptz, seats bigint,
    OUT starts timestamptz, OUT ends timestamptz, OUT who uuid[])
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date := (greatest(wanted_from, clock_timestamp()) AT TIME ZONE 'UTC')::date;
    last date := (least(wanted_to, clock_timestamp() + interval '366 days') AT TIME ZONE 'UTC')::date;
    slot jsonb;
BEGIN
    WHILE first <= last LOOP
        FOR slot IN
            SELECT s FROM jsonb_array_elements(availability_cache_internal.slots_of_range(service, first,
                    least(last, first + 30), stylists, 'UTC',
                                                                                         'any', seats::integer, NULL, NULL, true) -> 'slots') s
        LOOP
            starts := (slot ->> 'slot_start_utc')::timestamptz;
            ends := (slot ->> 'slot_end_utc')::timestamptz;
            IF starts >= wanted_from AND ends <= wanted_to THEN
                who := ARRAY(SELECT jsonb_array_elements_text(slot -> 'stylists')::uuid);
                RETURN;
            END IF;
        END LOOP;
        first := first + 31;
    END LOOP;
    starts := NULL; ends := NULL; who := NULL;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.first_slot(uuid[], uuid, timestamptz, timestamptz, bigint) IS
'Internal: the first available slot within a stretch of time, a year ahead at most.';

CREATE FUNCTION availability_cache.queue_freed()
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list regclass;
    w record;
    found record;
    queued integer := 0;
BEGIN
    -- One at a time: what another queues meanwhile is seen.
    LOCK TABLE availability_cache.freed IN SHARE ROW EXCLUSIVE MODE;
    FOR list IN
        SELECT DISTINCT t.tgrelid FROM pg_trigger t
         WHERE t.tgfoid = 'availability_cache_internal.waiting_list()'::regprocedure AND t.tgparentid = 0
         ORDER BY 1
    LOOP BEGIN
        DELETE FROM availability_cache.freed f
         WHERE f.relation = list
           AND NOT EXISTS (SELECT FROM availability_cache_internal.waiting_rows(list) r
                            WHERE r.key = f.waiting_key
                              AND f.wish = concat_ws(' ', r.service, coalesce(r.stylist::text, '-'),
                                                     extract(epoch FROM r.wanted_from),
                                                     extract(epoch FROM r.wanted_to), r.seats));
        FOR w IN
            SELECT r.*, concat_ws(' ', r.service, coalesce(r.stylist::text, '-'),
                                  extract(epoch FROM r.wanted_from), extract(epoch FROM r.wanted_to), r.seats)
                                      AS wish
              FROM availability_cache_internal.waiting_rows(list) WITH ORDINALITY AS r(key, stylist, service,
                      wanted_from, wanted_to, seats, customer, n)
             WHERE NOT EXISTS (SELECT FROM availability_cache.freed f
                               WHERE f.relation = list AND f.waiting_key = r.key)
             ORDER BY r.n
        LOOP
            SELECT * INTO found FROM availability_cache_internal.first_slot(CASE WHEN w.stylist IS NOT NULL
                    THEN ARRAY[w.stylist] END,
                                                                            w.service, w.wanted_from,
                                                                            w.wanted_to, least(w.seats,
                                                                                    2147483647));
            CONTINUE WHEN found.who IS NULL;
            INSERT INTO availability_cache.freed (relation, waiting_key, wish, customer_key, service_id,
                                                  stylist_ids, slot_start, slot_end, seats)
            VALUES (list, w.key, w.wish, w.customer, w.service, found.who, found.starts, found.ends, w.seats);
            queued := queued + 1;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        -- What is wrong with one list is not for others to wait for.
        RAISE WARNING 'waiting list % is left out: %', list, SQLERRM;
    END; END LOOP;
    IF queued > 0 THEN
        PERFORM pg_notify('availability_cache_freed', queued::text);
    END IF;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION availability_cache.queue_freed() IS
'Looks whether there is a slot for those who wait, and puts them into availability_cache.freed, each once '
'and in order; returns how many, and tells NOTIFY availability_cache_freed. The server calls it every '
'availability_cache.waiting_interval; call it after a cancellation, to have it told at once. REPEATABLE '
'READ is not for it.';
REVOKE ALL ON FUNCTION availability_cache.queue_freed() FROM PUBLIC;
REVOKE ALL ON FUNCTION availability_cache_internal.waiting_rows(regclass),
    availability_cache_internal.waiting_list() FROM PUBLIC;

CREATE FUNCTION availability_cache.take_freed(p_limit integer DEFAULT 1)
RETURNS SETOF availability_cache.freed
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f availability_cache.freed;
    still record;
    taken integer := 0;
BEGIN
    WHILE taken < p_limit LOOP
        -- One by one: a loop over a query would lock some ahead.
        SELECT * INTO f FROM availability_cache.freed
         WHERE told_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        SELECT * INTO still FROM availability_cache_internal.first_slot(f.stylist_ids, f.service_id,
                f.slot_start, f.slot_end, f.seats);
        IF still.who IS NULL THEN
            -- Gone again: who waits, waits on.
            DELETE FROM availability_cache.freed WHERE id = f.id;
            CONTINUE;
        END IF;
        f.stylist_ids := still.who;
        f.told_at := clock_timestamp();
        UPDATE availability_cache.freed SET told_at = f.told_at, stylist_ids = f.stylist_ids WHERE id = f.id;
        taken := taken + 1;
        RETURN NEXT f;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.take_freed(integer) IS
'Takes the first of those who can be told, so that nobody else gets them (SKIP LOCKED), as its caller, who '
'needs SELECT, UPDATE and DELETE on availability_cache.freed. Whose slot is gone by then is not returned, '
'and waits on. Rolled back, they are there again.';

CREATE FUNCTION availability_cache.attach_waiting_list(relation regclass, columns jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    col record;
    found name;
    key name;
    mapped jsonb := '{}';
    args text := '';
BEGIN
    SELECT a.attname INTO key
      FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1;
    IF key IS NULL THEN
        RAISE EXCEPTION 'table % has no primary key of one column', relation
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Its rows are named by it: ALTER TABLE … ADD PRIMARY KEY.';
    END IF;
    args := quote_literal(key);
    FOR col IN
        SELECT * FROM (VALUES (1, 'stylist_user_id', 'uuid', false, '{stylist_user_id,stylist_id}'::text[]),
                              (2, 'service_id', 'uuid', true, '{service_id}'),
                              (3, 'wanted_from', 'timestamp with time zone', true,
                               '{wanted_from,from_time,start_time,starts_at}'),
                              (4, 'wanted_to', 'timestamp with time zone', true,
                               '{wanted_to,to_time,end_time,ends_at}'),
                              (5, 'seats', 'integer', false, '{seats,seat_count,party_size}'),
                              (6, 'customer_key', NULL, false,
                               '{customer_key,customer_id,user_id,customer,email}'),
                              (7, 'created_at', 'timestamp with time zone', false, '{created_at}')) v(n, name,
                                      type, required, usual)
         ORDER BY n
    LOOP
        found := NULL;
        SELECT a.attname INTO found
          FROM unnest(CASE WHEN columns ? col.name THEN ARRAY[columns ->> col.name]
                      ELSE col.usual END) WITH ORDINALITY u(name, n)
          JOIN pg_attribute a ON a.attrelid = relation AND a.attname = u.name AND a.attnum > 0
              AND NOT a.attisdropped
           AND (col.type IS NULL OR format_type(a.atttypid, NULL) = col.type)
         ORDER BY u.n LIMIT 1;
        IF found IS NULL AND (col.required OR columns ->> col.name IS NOT NULL) THEN
            RAISE EXCEPTION 'table % has no column % of type %', relation,
                coalesce(columns ->> col.name, array_to_string(col.usual, ' or ')), coalesce(col.type, 'any')
                USING ERRCODE = 'undefined_column',
                    HINT = format('Name it: availability_cache.attach_waiting_list(%L, ''{"%s": "<your '
                                  'column>"}'').', relation, col.name);
        END IF;
        args := args || ', ' || quote_literal(coalesce(found, ''));
        IF found IS NOT NULL THEN
            mapped := mapped || jsonb_build_object(col.name, found);
        END IF;
    END LOOP;
    EXECUTE format('CREATE OR REPLACE TRIGGER trigger_waiting_list AFTER TRUNCATE ON %s FOR EACH STATEMENT '
                   'EXECUTE FUNCTION availability_cache_internal.waiting_list(%s)', relation, args);
    RETURN mapped;
END
$$;
COMMENT ON FUNCTION availability_cache.attach_waiting_list(regclass, jsonb) IS
'Makes a table a waiting list: of stylist_user_id (NULL: anybody), service_id, wanted_from, wanted_to, '
'seats, customer_key and created_at (the order), under other names by columns. Returns the columns. '
'Dropping its trigger trigger_waiting_list takes it away.';
REVOKE ALL ON FUNCTION availability_cache.attach_waiting_list(regclass, jsonb) FROM PUBLIC;
