/* sql/availability_cache--1.0.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION availability_cache" to load this file. \quit

-- What the script names without schema must not be taken from where others can create.
SET LOCAL search_path = pg_catalog, pg_temp;

-- ---------------------------------------------------------------------------
-- Before anything is made: what stands in the way, all of it at once
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    found text[] := '{}';
BEGIN
    IF pg_catalog.to_regnamespace('availability_cache') IS NOT NULL THEN
        found := found || 'schema availability_cache'::pg_catalog.text;
    END IF;
    SELECT found || coalesce(pg_catalog.array_agg('function ' || p.oid::pg_catalog.regprocedure::text ORDER BY p.proname), '{}')
      INTO found
      FROM pg_catalog.pg_proc p
     WHERE (p.pronamespace = '@extschema@'::pg_catalog.regnamespace
            AND p.proname IN ('get_available_slots', 'get_available_slots_v2', 'get_available_slots_json')
            AND p.proargtypes = '2950 2950 1082 25'::pg_catalog.oidvector)
        OR (p.pronamespace = pg_catalog.to_regnamespace('private')
            AND p.proname IN ('invalidate_availability_cache', 'availability_cache_changed')
            AND p.pronargs = 0);
    IF pg_catalog.to_regclass('private.availability_cache') IS NOT NULL THEN
        found := found || 'table private.availability_cache'::pg_catalog.text;
    END IF;
    IF found <> '{}' THEN
        RAISE EXCEPTION 'objects that availability_cache would create exist already: %',
                        pg_catalog.array_to_string(found, ', ')
            USING ERRCODE = 'duplicate_object',
                  HINT = 'Rename them, or drop them with the triggers that use them, and run CREATE EXTENSION again; docs/migrating.md has the steps.';
    END IF;

    IF pg_catalog.to_regnamespace('private') IS NULL THEN
        CREATE SCHEMA private;
        COMMENT ON SCHEMA private IS 'availability_cache: the table of cached answers, and the trigger function that invalidates';
    END IF;

    IF pg_catalog.current_setting('shared_preload_libraries') NOT LIKE '%availability_cache%' THEN
        RAISE WARNING 'availability_cache is not in shared_preload_libraries: answers are not cached in memory'
            USING HINT = 'Add availability_cache to shared_preload_libraries in postgresql.conf and restart the server; without it, availability_cache.table_tier = inline caches in a table.';
    END IF;
END
$$;

CREATE SCHEMA availability_cache;
COMMENT ON SCHEMA availability_cache IS 'availability_cache: set-up, rules and monitoring';
GRANT USAGE ON SCHEMA availability_cache TO PUBLIC;

-- ---------------------------------------------------------------------------
-- RPCs
-- ---------------------------------------------------------------------------

CREATE FUNCTION @extschema@.get_available_slots(
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
COMMENT ON FUNCTION @extschema@.get_available_slots(uuid, uuid, date, text) IS
'The slots of a stylist for a service on a date (in the stylist''s time zone), in order of start, computed on each call. status: available, booked, reserved, in_break or unavailable. Errors: 22023 bad argument or time zone, P0002 unknown stylist or service not offered, 55000 tables not attached.';

CREATE FUNCTION @extschema@.get_available_slots_v2(
    p_stylist_id uuid,
    p_service_id uuid,
    p_target_date date,
    p_customer_timezone text DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'get_available_slots_v2'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION @extschema@.get_available_slots_v2(uuid, uuid, date, text) IS
'The same as get_available_slots as one jsonb, from shared memory where that is exact as of the last commit: {success, slots, cached, cache_hit, computed_at}, or {success: false, error, code} with code INVALID_ARGUMENT, INVALID_TIMEZONE, STYLIST_NOT_FOUND, SERVICE_NOT_OFFERED or INTERNAL_ERROR.';

CREATE FUNCTION @extschema@.get_available_slots_json(
    p_stylist_id uuid,
    p_service_id uuid,
    p_target_date date,
    p_customer_timezone text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'get_available_slots_json'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION @extschema@.get_available_slots_json(uuid, uuid, date, text) IS
'The answer of get_available_slots_v2 as json, from the same memory: sooner at the client, because a jsonb has to be turned into text first.';

-- ---------------------------------------------------------------------------
-- Invalidation
-- ---------------------------------------------------------------------------

CREATE FUNCTION private.invalidate_availability_cache()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_invalidate_trigger'
LANGUAGE C;
COMMENT ON FUNCTION private.invalidate_availability_cache() IS
'AFTER row or TRUNCATE trigger that invalidates what a change touches when its transaction commits. attach() installs it; arguments: role, key columns, other columns an answer depends on. Without arguments every answer of the database is invalidated.';

CREATE FUNCTION availability_cache.touch_database()
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_touch_database'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.touch_database() IS
'Internal: invalidates every answer of this database when the transaction ends.';
REVOKE ALL ON FUNCTION availability_cache.touch_database() FROM PUBLIC;

CREATE FUNCTION availability_cache.config_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_config_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache.config_changed() IS
'Internal: trigger on rules and source; invalidates every answer and makes every session load them again.';
REVOKE ALL ON FUNCTION availability_cache.config_changed() FROM PUBLIC;

CREATE FUNCTION availability_cache.invalidate(
    stylist uuid, first date DEFAULT NULL, last date DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_invalidate'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.invalidate(uuid, date, date) IS
'Invalidates a stylist''s answers for the dates first to last, both included; NULL dates mean all. Takes effect at once, and again when the transaction ends.';
REVOKE ALL ON FUNCTION availability_cache.invalidate(uuid, date, date) FROM PUBLIC;

CREATE FUNCTION availability_cache.flush()
RETURNS bigint
AS 'MODULE_PATHNAME', 'availability_cache_flush'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.flush() IS
'Drops every cached answer of this database, at once; returns how many entries went.';
REVOKE ALL ON FUNCTION availability_cache.flush() FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- The table tier (src/tier_trust.c says how its tables are read)
-- ---------------------------------------------------------------------------

-- Other writes than src/tier_*.c's are possible, never needed. vacuum_truncate: it would lock readers out.
CREATE TABLE private.availability_cache (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    cache_date date NOT NULL,
    available_slots jsonb NOT NULL,
    computed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    customer_timezone text COLLATE "C" NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    snapshot pg_snapshot NOT NULL,
    answer bytea NOT NULL,
    CONSTRAINT availability_cache_key PRIMARY KEY (stylist_user_id, cache_date, service_id, customer_timezone)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE private.availability_cache IS
'Answers that the table tier keeps, while availability_cache.table_tier is not off. A row here is answered only if it is exact: see availability_cache.invalidation. Deleting rows is allowed, and drops the answers from memory too.';
COMMENT ON COLUMN private.availability_cache.available_slots IS 'What was answered under "slots"; for people, answers come from the column answer.';
COMMENT ON COLUMN private.availability_cache.computed_at IS 'The wall clock that the answer was computed for.';
COMMENT ON COLUMN private.availability_cache.expires_at IS 'When the answer changes by itself, or availability_cache.ttl ends. Lowering it by hand is honoured.';
COMMENT ON COLUMN private.availability_cache.customer_timezone IS 'The customer''s zone; empty for the rules'' default.';
COMMENT ON COLUMN private.availability_cache.first_day IS 'The first UTC day that the answer depends on.';
COMMENT ON COLUMN private.availability_cache.last_day IS 'The last UTC day that the answer depends on.';
COMMENT ON COLUMN private.availability_cache.snapshot IS 'The transactions that the answer knows of.';
COMMENT ON COLUMN private.availability_cache.answer IS 'The answer in compact form, with a checksum.';

CREATE TABLE availability_cache.invalidation (
    xid xid8 NOT NULL,
    n integer NOT NULL,
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    first_day date,
    last_day date,
    logged_at timestamptz NOT NULL,
    PRIMARY KEY (stylist_user_id, service_id, xid, n)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE availability_cache.invalidation IS
'What transactions changed, while the table tier is in use: a row of private.availability_cache is answered only if its snapshot sees the transaction of every row here that names it. Removed when no cached row needs it.';
COMMENT ON COLUMN availability_cache.invalidation.xid IS 'The transaction that made the change.';
COMMENT ON COLUMN availability_cache.invalidation.n IS 'A number within the transaction.';
COMMENT ON COLUMN availability_cache.invalidation.stylist_user_id IS 'Whose answers change; all zeros: a service''s, or, with service_id all zeros too, every answer.';
COMMENT ON COLUMN availability_cache.invalidation.service_id IS 'The service whose answers change; all zeros: not one service''s.';
COMMENT ON COLUMN availability_cache.invalidation.first_day IS 'The first UTC day whose answers change; NULL: all days.';
COMMENT ON COLUMN availability_cache.invalidation.last_day IS 'The last UTC day whose answers change; NULL: all days.';
COMMENT ON COLUMN availability_cache.invalidation.logged_at IS 'The wall clock when the row was written.';

CREATE TABLE availability_cache.invalidation_since (
    xid xid8 PRIMARY KEY
) WITH (vacuum_truncate = off);
COMMENT ON TABLE availability_cache.invalidation_since IS
'One row while the table tier is in use: invalidation has every change made by a transaction from this xid on. Without it no cached row is answered.';
-- Nothing is attached before this transaction is over, or it is by this transaction.
INSERT INTO availability_cache.invalidation_since
SELECT ((pg_current_xact_id()::text::numeric + 1)::text)::xid8;

CREATE SEQUENCE availability_cache.distrusted AS bigint MINVALUE 0 START 0;
COMMENT ON SEQUENCE availability_cache.distrusted IS
'The last transaction that could leave its trace neither in invalidation nor in invalidation_since: no cached row is answered whose snapshot does not see everything up to it. A sequence, because that must hold at once, after a crash and on standbys.';

CREATE FUNCTION private.availability_cache_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_row_changed'
LANGUAGE C;
COMMENT ON FUNCTION private.availability_cache_changed() IS
'Internal: trigger on private.availability_cache; what somebody deletes there is dropped from memory.';
REVOKE ALL ON FUNCTION private.availability_cache_changed() FROM PUBLIC;
CREATE TRIGGER row_changed AFTER UPDATE OR DELETE ON private.availability_cache
    FOR EACH ROW EXECUTE FUNCTION private.availability_cache_changed();
CREATE TRIGGER rows_changed AFTER DELETE OR TRUNCATE ON private.availability_cache
    FOR EACH STATEMENT EXECUTE FUNCTION private.availability_cache_changed();

CREATE FUNCTION availability_cache.log_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_log_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache.log_changed() IS
'Internal: trigger on invalidation and invalidation_since; when somebody removes rows of the log, no cached row is trusted any more. Error: 55000 for TRUNCATE, and for changing invalidation_since.';
REVOKE ALL ON FUNCTION availability_cache.log_changed() FROM PUBLIC;
CREATE TRIGGER log_changed AFTER UPDATE OR DELETE ON availability_cache.invalidation
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache.log_changed();
CREATE TRIGGER log_truncated BEFORE TRUNCATE ON availability_cache.invalidation
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache.log_changed();
CREATE TRIGGER since_changed BEFORE INSERT OR UPDATE ON availability_cache.invalidation_since
    FOR EACH ROW EXECUTE FUNCTION availability_cache.log_changed();
ALTER TABLE availability_cache.invalidation
    ENABLE ALWAYS TRIGGER log_changed,
    ENABLE ALWAYS TRIGGER log_truncated;

CREATE FUNCTION availability_cache.discard()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_discard'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache.discard() IS
'Internal: trigger that discards what arrives by replication: another server''s snapshots mean nothing here, and every server attaches its own tables.';
REVOKE ALL ON FUNCTION availability_cache.discard() FROM PUBLIC;
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON private.availability_cache
    FOR EACH ROW EXECUTE FUNCTION availability_cache.discard();
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.invalidation
    FOR EACH ROW EXECUTE FUNCTION availability_cache.discard();
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.invalidation_since
    FOR EACH ROW EXECUTE FUNCTION availability_cache.discard();
ALTER TABLE private.availability_cache ENABLE REPLICA TRIGGER discard;
ALTER TABLE availability_cache.invalidation ENABLE REPLICA TRIGGER discard;
ALTER TABLE availability_cache.invalidation_since ENABLE REPLICA TRIGGER discard;

CREATE FUNCTION availability_cache.clean(max_rows bigint DEFAULT 100000)
RETURNS bigint
AS 'MODULE_PATHNAME', 'availability_cache_clean'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.clean(bigint) IS
'Removes expired and outdated rows of private.availability_cache, at most max_rows, and rows of availability_cache.invalidation that none needs; returns how many cached rows went. The background worker does it by itself. Error: 55006 when a table is locked.';
REVOKE ALL ON FUNCTION availability_cache.clean(bigint) FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- Rules: one row
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.is_timezone(name text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_is_timezone'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION availability_cache.is_timezone(text) IS
'Whether the server knows a time zone of this name.';

CREATE TABLE availability_cache.rules (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    slot_step interval NOT NULL DEFAULT '30 minutes'
        CONSTRAINT rules_slot_step_range
        CHECK (extract(epoch FROM slot_step) BETWEEN 60 AND 86400 AND extract(epoch FROM slot_step) % 1 = 0),
    buffer_before interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_buffer_before_range CHECK (extract(epoch FROM buffer_before) BETWEEN 0 AND 86400),
    buffer_after interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_buffer_after_range CHECK (extract(epoch FROM buffer_after) BETWEEN 0 AND 86400),
    non_blocking_statuses text[] NOT NULL DEFAULT '{cancelled,no_show}'
        CONSTRAINT rules_non_blocking_statuses_no_null CHECK (array_position(non_blocking_statuses, NULL) IS NULL),
    hold_statuses text[] NOT NULL DEFAULT '{reserved,active}'
        CONSTRAINT rules_hold_statuses_no_null CHECK (array_position(hold_statuses, NULL) IS NULL),
    min_notice interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_min_notice_range CHECK (extract(epoch FROM min_notice) BETWEEN 0 AND 366 * 86400),
    max_advance interval NOT NULL DEFAULT '365 days'
        CONSTRAINT rules_max_advance_range CHECK (extract(epoch FROM max_advance) BETWEEN 60 AND 3660 * 86400::numeric),
    default_timezone text NOT NULL DEFAULT 'Asia/Kathmandu'
        CONSTRAINT rules_default_timezone_known CHECK (availability_cache.is_timezone(default_timezone)),
    display_format text NOT NULL DEFAULT 'HH24:MI'
        CONSTRAINT rules_display_format_fixed
        CHECK (length(display_format) BETWEEN 1 AND 64 AND display_format !~* 'tm'),
    show_unavailable boolean NOT NULL DEFAULT true,
    show_breaks boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE availability_cache.rules IS
'The slot rules of this database: one row, changed with UPDATE. A change invalidates every answer when it commits.';
COMMENT ON COLUMN availability_cache.rules.slot_step IS 'Elapsed time from one slot''s start to the next, from opening; 1 minute to 1 day, whole seconds.';
COMMENT ON COLUMN availability_cache.rules.buffer_before IS 'Time kept free before every booking and hold; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.buffer_after IS 'Time kept free after every booking and hold; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.non_blocking_statuses IS 'Bookings of these statuses do not block.';
COMMENT ON COLUMN availability_cache.rules.hold_statuses IS 'Only holds of these statuses block, until they expire.';
COMMENT ON COLUMN availability_cache.rules.min_notice IS 'A slot is unavailable from this long before its start; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.max_advance IS 'A slot that starts later than this from now is unavailable; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.default_timezone IS 'Zone of stylists that have none and of customers that give none.';
COMMENT ON COLUMN availability_cache.rules.display_format IS 'to_char format of slot_display (without TM, which would follow lc_time).';
COMMENT ON COLUMN availability_cache.rules.show_unavailable IS 'Whether unavailable slots are in the answer.';
COMMENT ON COLUMN availability_cache.rules.show_breaks IS 'Whether slots in a break are in the answer.';

INSERT INTO availability_cache.rules DEFAULT VALUES;

-- pg_restore brings the saved row as an INSERT: it takes the place of the default one.
CREATE FUNCTION availability_cache.rules_keep_one()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'availability_cache.rules always has one row'
            USING ERRCODE = 'restrict_violation', HINT = 'Change it with UPDATE availability_cache.rules SET ….';
    END IF;
    UPDATE availability_cache.rules
       SET (slot_step, buffer_before, buffer_after, non_blocking_statuses, hold_statuses, min_notice,
            max_advance, default_timezone, display_format, show_unavailable, show_breaks)
         = (NEW.slot_step, NEW.buffer_before, NEW.buffer_after, NEW.non_blocking_statuses, NEW.hold_statuses,
            NEW.min_notice, NEW.max_advance, NEW.default_timezone, NEW.display_format, NEW.show_unavailable,
            NEW.show_breaks);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION availability_cache.rules_keep_one() IS
'Internal: keeps rules at one row; an INSERT replaces it, DELETE and TRUNCATE are refused.';

CREATE TRIGGER rules_keep_one BEFORE INSERT OR DELETE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache.rules_keep_one();
CREATE TRIGGER rules_keep_one_truncate BEFORE TRUNCATE ON availability_cache.rules
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache.rules_keep_one();
CREATE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache.config_changed();
ALTER TABLE availability_cache.rules
    ENABLE ALWAYS TRIGGER rules_keep_one,
    ENABLE ALWAYS TRIGGER rules_keep_one_truncate,
    ENABLE ALWAYS TRIGGER rules_changed;
SELECT pg_catalog.pg_extension_config_dump('availability_cache.rules', '');

-- ---------------------------------------------------------------------------
-- Sources: which tables hold bookings and the rest
-- ---------------------------------------------------------------------------

CREATE TABLE availability_cache.source_column (
    role text NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('uuid', 'timestamptz', 'text', 'boolean', 'time', 'date', 'integer', 'span')),
    required boolean NOT NULL,
    usual_names text[] NOT NULL,
    PRIMARY KEY (role, name)
);
COMMENT ON TABLE availability_cache.source_column IS
'What attach() looks for in each table: the column''s name in mappings, what it must be (span: an interval, or an integer whose unit is the name''s ending _minutes, _hours, _days or _seconds), and the names it usually has.';

INSERT INTO availability_cache.source_column VALUES
    ('bookings', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('bookings', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('bookings', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('bookings', 4, 'status', 'text', false, '{status}'),
    ('booking_reservations', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('booking_reservations', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('booking_reservations', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('booking_reservations', 4, 'status', 'text', false, '{status}'),
    ('booking_reservations', 5, 'expires_at', 'timestamptz', false, '{expires_at,expires_at_utc,hold_expires_at}'),
    ('stylist_schedules', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_schedules', 2, 'day_of_week', 'integer', true, '{day_of_week,weekday}'),
    ('stylist_schedules', 3, 'start_time', 'time', true, '{start_time,start_time_local,opens_at}'),
    ('stylist_schedules', 4, 'end_time', 'time', true, '{end_time,end_time_local,closes_at}'),
    ('stylist_schedules', 5, 'break_start_time', 'time', false, '{break_start_time,break_start_time_local,break_start}'),
    ('stylist_schedules', 6, 'break_end_time', 'time', false, '{break_end_time,break_end_time_local,break_end}'),
    ('stylist_schedules', 7, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('stylist_schedules', 8, 'effective_from', 'date', false, '{effective_from,valid_from}'),
    ('stylist_schedules', 9, 'effective_until', 'date', false, '{effective_until,effective_to,valid_until}'),
    ('schedule_overrides', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('schedule_overrides', 2, 'override_date', 'date', true, '{override_date,override_start_date,start_date}'),
    ('schedule_overrides', 3, 'end_date', 'date', false, '{end_date,override_end_date}'),
    ('schedule_overrides', 4, 'is_closed', 'boolean', false, '{is_closed,is_day_off,closed}'),
    ('schedule_overrides', 5, 'start_time', 'time', false, '{start_time,start_time_local,override_start_time,override_start_time_local}'),
    ('schedule_overrides', 6, 'end_time', 'time', false, '{end_time,end_time_local,override_end_time,override_end_time_local}'),
    ('schedule_overrides', 7, 'priority', 'integer', false, '{priority}'),
    ('schedule_overrides', 8, 'is_active', 'boolean', false, '{is_active,active}'),
    ('schedule_overrides', 9, 'created_at', 'timestamptz', false, '{created_at}'),
    ('stylist_services', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_services', 2, 'service_id', 'uuid', true, '{service_id}'),
    ('stylist_services', 3, 'custom_duration_minutes', 'span', false, '{custom_duration_minutes,custom_duration,duration_minutes}'),
    ('stylist_services', 4, 'custom_price_cents', 'integer', false, '{custom_price_cents,price_cents}'),
    ('stylist_services', 5, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('services', 1, 'id', 'uuid', true, '{id,service_id}'),
    ('services', 2, 'duration_minutes', 'span', true, '{duration_minutes,base_duration_minutes,duration}'),
    ('services', 3, 'price_cents', 'integer', false, '{price_cents,base_price_cents}'),
    ('services', 4, 'is_active', 'boolean', false, '{is_active,active}'),
    ('services', 5, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before}'),
    ('services', 6, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after}'),
    ('services', 7, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice}'),
    ('services', 8, 'max_advance_days', 'span', false, '{max_advance_days,max_advance}'),
    ('stylist_profiles', 1, 'user_id', 'uuid', true, '{user_id,stylist_user_id,stylist_id,id}'),
    ('stylist_profiles', 2, 'timezone', 'text', false, '{timezone,time_zone}'),
    ('stylist_profiles', 3, 'is_active', 'boolean', false, '{is_active,active}'),
    ('stylist_profiles', 4, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before}'),
    ('stylist_profiles', 5, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after}'),
    ('stylist_profiles', 6, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice}'),
    ('stylist_profiles', 7, 'max_advance_days', 'span', false, '{max_advance_days,max_advance}');

CREATE TABLE availability_cache.source (
    role text PRIMARY KEY,
    relation regclass NOT NULL UNIQUE,
    columns jsonb NOT NULL
);
COMMENT ON TABLE availability_cache.source IS
'The mapping that attach() made: which relation plays which role, and its column for each name of source_column. Saved by pg_dump.';

CREATE TRIGGER source_changed AFTER INSERT OR UPDATE OR DELETE ON availability_cache.source
    FOR EACH ROW EXECUTE FUNCTION availability_cache.config_changed();
CREATE TRIGGER source_truncated AFTER TRUNCATE ON availability_cache.source
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache.config_changed();
ALTER TABLE availability_cache.source
    ENABLE ALWAYS TRIGGER source_changed,
    ENABLE ALWAYS TRIGGER source_truncated;
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.source
    FOR EACH ROW EXECUTE FUNCTION availability_cache.discard('mapping');
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.source_column
    FOR EACH ROW EXECUTE FUNCTION availability_cache.discard('mapping');
ALTER TABLE availability_cache.source ENABLE REPLICA TRIGGER discard;
ALTER TABLE availability_cache.source_column ENABLE REPLICA TRIGGER discard;
SELECT pg_catalog.pg_extension_config_dump('availability_cache.source', '');

CREATE FUNCTION availability_cache.trigger_name(role text)
RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'trigger_invalidate_cache_on_' || CASE role
    WHEN 'bookings' THEN 'booking'
    WHEN 'booking_reservations' THEN 'reservation'
    WHEN 'stylist_schedules' THEN 'schedule'
    WHEN 'schedule_overrides' THEN 'override'
    WHEN 'stylist_services' THEN 'stylist_service'
    WHEN 'services' THEN 'service'
    WHEN 'stylist_profiles' THEN 'profile'
    ELSE role END;
COMMENT ON FUNCTION availability_cache.trigger_name(text) IS 'Internal: the name of a role''s row trigger; the TRUNCATE trigger adds _truncate.';

-- A relation and, if it is partitioned, everything below it.
CREATE FUNCTION availability_cache.relation_tree(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT relation_tree.relation
    UNION
    SELECT t.relid FROM pg_catalog.pg_partition_tree(relation_tree.relation) t;
END;
COMMENT ON FUNCTION availability_cache.relation_tree(regclass) IS 'Internal: a relation and its partitions, all levels.';

-- 'enabled', or what keeps a change from being noticed; answers are cached only when all say 'enabled'.
CREATE FUNCTION availability_cache.trigger_state(relation regclass)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(string_agg(problem, '; ' ORDER BY problem), 'enabled')
      FROM (SELECT CASE
                     WHEN c.relkind = 'f' THEN format('%s is a foreign table', c.oid::regclass)
                     WHEN t.oid IS NULL THEN format('%s trigger missing on %s', need.what, c.oid::regclass)
                     WHEN t.tgenabled <> 'A' THEN format('%I on %s is not ENABLE ALWAYS', t.tgname, c.oid::regclass)
                   END AS problem
              FROM availability_cache.relation_tree(trigger_state.relation) AS r(oid)
              JOIN pg_catalog.pg_class c ON c.oid = r.oid
             CROSS JOIN (VALUES ('row', 29::smallint), ('TRUNCATE', 32::smallint)) AS need(what, tgtype)
              LEFT JOIN LATERAL
                   (SELECT t.*
                      FROM pg_catalog.pg_trigger t
                     WHERE t.tgrelid = c.oid
                       AND t.tgtype = need.tgtype
                       AND t.tgqual IS NULL
                       AND t.tgattr = ''::int2vector
                       AND t.tgfoid = 'private.invalidate_availability_cache()'::regprocedure
                     ORDER BY (t.tgenabled = 'A') DESC
                     LIMIT 1) t ON true
            UNION ALL
            SELECT format('event trigger %I is not ENABLE ALWAYS', e.evtname)
              FROM pg_catalog.pg_event_trigger e
             WHERE e.evtname IN ('availability_cache_ddl', 'availability_cache_drop')
               AND e.evtenabled <> 'A') AS x
     WHERE problem IS NOT NULL;
END;
COMMENT ON FUNCTION availability_cache.trigger_state(regclass) IS 'Internal: enabled, or which trigger of an attached table is missing or disabled.';

CREATE FUNCTION availability_cache.missing_indexes(role text, relation regclass, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE
SET intervalstyle = 'postgres'          -- of the predicates that it compares
BEGIN ATOMIC
    WITH wanted(role, keys, long_only) AS (
        VALUES ('bookings', ARRAY['stylist_user_id', 'start_time'], false),
               ('bookings', ARRAY['stylist_user_id', 'end_time'], true),
               ('booking_reservations', ARRAY['stylist_user_id', 'end_time'], false),
               ('stylist_schedules', ARRAY['stylist_user_id'], false),
               ('schedule_overrides', ARRAY['stylist_user_id'], false),
               ('stylist_services', ARRAY['stylist_user_id', 'service_id'], false),
               ('services', ARRAY['id'], false),
               ('stylist_profiles', ARRAY['user_id'], false)),
    resolved AS (
        SELECT w.long_only,
               (SELECT array_agg((columns ->> k) ORDER BY n) FROM unnest(w.keys) WITH ORDINALITY AS u(k, n)) AS cols,
               CASE WHEN w.long_only THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'end_time') END AS ends,
               CASE WHEN w.long_only THEN format('(%I AT TIME ZONE ''UTC'')', columns ->> 'start_time') END AS starts
          FROM wanted w
         WHERE w.role = missing_indexes.role)
    SELECT coalesce(array_agg(format('CREATE INDEX ON %s (%s)%s', missing_indexes.relation,
                                     (SELECT string_agg(quote_ident(c), ', ') FROM unnest(r.cols) AS c),
                                     CASE WHEN r.long_only
                                          THEN format(' WHERE %s > %s + interval ''1 day''', r.ends, r.starts)
                                          ELSE '' END)
                              ORDER BY r.long_only), '{}')
      FROM resolved r
     WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = missing_indexes.relation
           AND i.indisvalid
           AND coalesce(strpos(replace(pg_get_expr(i.indpred, i.indrelid), '::text', ''),
                               format('%s > (%s + ''1 day''::interval)', r.ends, r.starts)) > 0, false) = r.long_only
           AND (SELECT array_agg(a.attname::text ORDER BY k.n)
                  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
                  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.n <= cardinality(r.cols)) = r.cols);
END;
COMMENT ON FUNCTION availability_cache.missing_indexes(text, regclass, jsonb) IS
'The CREATE INDEX commands for the indexes that computing an answer would use and that the relation does not have.';

CREATE VIEW availability_cache.sources AS
    SELECT s.role,
           s.relation,
           s.columns,
           availability_cache.trigger_state(s.relation) AS triggers,
           availability_cache.missing_indexes(s.role, s.relation, s.columns) AS missing_indexes
      FROM availability_cache.source s;
COMMENT ON VIEW availability_cache.sources IS
'Attached tables: role, relation, column mapping, triggers (''enabled'' or what is wrong: answers are cached only while all are enabled), and CREATE INDEX commands for missing indexes.';

-- The column that a mapping names, or the first usual name the relation has; raises when it cannot serve.
CREATE FUNCTION availability_cache.resolve_column(
    relation regclass, col availability_cache.source_column, given text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    att record;
    allowed text[] := CASE col.kind
        WHEN 'text' THEN '{text,character varying,character}'
        WHEN 'integer' THEN '{smallint,integer,bigint}'
        WHEN 'span' THEN '{smallint,integer,bigint,interval}'
        WHEN 'timestamptz' THEN '{timestamp with time zone}'
        WHEN 'time' THEN '{time without time zone}'
        ELSE ARRAY[col.kind] END;
BEGIN
    SELECT a.attname::text AS name,
           format_type(a.atttypid, NULL) AS type,
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS base,
           t.typtype
      INTO att
      FROM unnest(CASE WHEN given IS NULL THEN col.usual_names ELSE ARRAY[given] END) WITH ORDINALITY AS u(name, n)
      JOIN pg_attribute a ON a.attrelid = relation AND a.attname = u.name AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
     ORDER BY u.n
     LIMIT 1;
    IF att.name IS NULL THEN
        IF given IS NULL AND NOT col.required THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'table % has no column % for "%"', relation,
                        coalesce(quote_ident(given), array_to_string(col.usual_names, ' or ')), col.name
            USING ERRCODE = 'undefined_column',
                  HINT = format('Name it: availability_cache.attach(%L, %L, ''{"%s": "<your column>"}'').',
                                col.role, relation, col.name);
    END IF;
    IF NOT (att.base = ANY (allowed) OR (col.kind = 'text' AND att.typtype = 'e')) THEN
        RAISE EXCEPTION 'column % of table % is of type %, "%" needs %', quote_ident(att.name), relation, att.type,
                        col.name, array_to_string(allowed, ' or ')
            USING ERRCODE = 'datatype_mismatch',
                  HINT = 'Map another column, or change its type with ALTER TABLE.';
    END IF;
    RETURN att.name;
END
$$;
COMMENT ON FUNCTION availability_cache.resolve_column(regclass, availability_cache.source_column, text) IS 'Internal, of attach().';

CREATE FUNCTION availability_cache.check_relation(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c record;
BEGIN
    SELECT * INTO c FROM pg_class WHERE oid = relation;
    IF c.relkind NOT IN ('r', 'p') OR c.relpersistence = 't' OR c.relispartition THEN
        RAISE EXCEPTION '% is a %, % must be an ordinary or partitioned table', relation,
            CASE WHEN c.relkind = 'v' THEN 'view' WHEN c.relkind = 'm' THEN 'materialized view'
                 WHEN c.relkind = 'f' THEN 'foreign table' WHEN c.relpersistence = 't' THEN 'temporary table'
                 WHEN c.relispartition THEN 'partition' ELSE 'relation of kind "' || c.relkind::text || '"' END, role
            USING ERRCODE = 'wrong_object_type',
                  HINT = 'Attach the table that the rows are written to: only there can triggers see every change.';
    END IF;
    IF EXISTS (SELECT FROM availability_cache.relation_tree(relation) AS t(oid) JOIN pg_class p ON p.oid = t.oid
                WHERE p.relkind = 'f') THEN
        RAISE EXCEPTION '% has foreign tables among its partitions', relation
            USING ERRCODE = 'wrong_object_type',
                  HINT = 'Changes on the remote server would go unnoticed; detach those partitions first.';
    END IF;
    IF NOT pg_has_role(c.relowner, 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of table %', relation
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('It belongs to %I; run attach() as that role or as a superuser.',
                                pg_get_userbyid(c.relowner));
    END IF;
    IF c.relforcerowsecurity AND c.relrowsecurity AND NOT EXISTS
        (SELECT FROM pg_roles r WHERE r.oid = c.relowner AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'row-level security of table % is forced upon its owner %', relation,
                        quote_ident(pg_get_userbyid(c.relowner))
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('Answers are computed as the table''s owner and must see every row: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, or ALTER ROLE %I BYPASSRLS.',
                                relation, pg_get_userbyid(c.relowner));
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache.check_relation(text, regclass) IS 'Internal, of attach().';

-- Row trigger on the relation (partitions inherit it), TRUNCATE trigger on it and on each partition.
CREATE FUNCTION availability_cache.install_truncate_triggers(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rel regclass;
    tg text := availability_cache.trigger_name(role) || '_truncate';
BEGIN
    FOR rel IN
        SELECT t.oid FROM availability_cache.relation_tree(relation) AS t(oid) JOIN pg_class c ON c.oid = t.oid
         WHERE c.relkind IN ('r', 'p')
           AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = tg)
    LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION private.invalidate_availability_cache(%L)',
                       tg, rel, role);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', rel, tg);
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.install_truncate_triggers(text, regclass) IS 'Internal, of attach().';

CREATE FUNCTION availability_cache.drop_triggers(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT g.tgname, g.tgrelid::regclass AS rel
          FROM pg_trigger g
         WHERE g.tgrelid IN (SELECT availability_cache.relation_tree(relation))
           AND g.tgfoid = 'private.invalidate_availability_cache()'::regprocedure
           AND g.tgparentid = 0
           AND g.tgname IN (availability_cache.trigger_name(role), availability_cache.trigger_name(role) || '_truncate')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.drop_triggers(text, regclass) IS 'Internal, of attach() and detach().';

CREATE FUNCTION availability_cache.attach(
    INOUT role text,
    INOUT relation regclass,
    INOUT columns jsonb DEFAULT '{}',
    OUT action text,
    OUT missing_indexes text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    col availability_cache.source_column;
    mapped jsonb := '{}';
    args text;
    bad text;
    before availability_cache.source;
BEGIN
    IF NOT EXISTS (SELECT FROM availability_cache.source_column sc WHERE sc.role = attach.role) THEN
        RAISE EXCEPTION 'unknown role "%"', role
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Roles: ' || (SELECT string_agg(DISTINCT sc.role, ', ') FROM availability_cache.source_column sc) || '.';
    END IF;
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object'
       OR EXISTS (SELECT FROM jsonb_each(columns) e WHERE jsonb_typeof(e.value) <> 'string') THEN
        RAISE EXCEPTION 'columns must be a JSON object of column names'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"start_time": "begins_at"}.';
    END IF;
    SELECT string_agg(k, ', ') INTO bad
      FROM jsonb_object_keys(columns) k
     WHERE k NOT IN (SELECT sc.name FROM availability_cache.source_column sc WHERE sc.role = attach.role);
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION '% has no such column: %', role, bad
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It has: ' || (SELECT string_agg(sc.name, ', ' ORDER BY sc.position)
                                          FROM availability_cache.source_column sc WHERE sc.role = attach.role) || '.';
    END IF;
    PERFORM availability_cache.check_relation(role, relation);
    FOR col IN SELECT * FROM availability_cache.source_column sc WHERE sc.role = attach.role ORDER BY position LOOP
        bad := availability_cache.resolve_column(relation, col, columns ->> col.name);
        IF bad IS NOT NULL THEN
            mapped := mapped || jsonb_build_object(col.name, bad);
        END IF;
    END LOOP;
    SELECT s.role INTO bad FROM availability_cache.source s WHERE s.relation = attach.relation AND s.role <> attach.role;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'table % is attached as % already', relation, bad
            USING ERRCODE = 'object_in_use', HINT = format('SELECT availability_cache.detach(%L) first.', bad);
    END IF;
    SELECT g.tgname INTO bad
      FROM pg_trigger g
     WHERE g.tgrelid = relation
       AND g.tgname IN (availability_cache.trigger_name(role), availability_cache.trigger_name(role) || '_truncate')
       AND g.tgfoid <> 'private.invalidate_availability_cache()'::regprocedure;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'table % has a trigger named % that is not ours', relation, bad
            USING ERRCODE = 'duplicate_object', HINT = 'Drop or rename it; docs/migrating.md has the steps.';
    END IF;

    SELECT * INTO before FROM availability_cache.source s WHERE s.role = attach.role;
    missing_indexes := availability_cache.missing_indexes(role, relation, mapped);
    columns := mapped;
    IF before.relation = relation AND before.columns = mapped
       AND availability_cache.trigger_state(relation) = 'enabled' THEN
        action := 'already attached';
        RETURN NEXT;
        RETURN;
    END IF;

    IF before.relation IS NOT NULL AND EXISTS (SELECT FROM pg_class c WHERE c.oid = before.relation) THEN
        PERFORM availability_cache.drop_triggers(role, before.relation);
    END IF;
    PERFORM availability_cache.drop_triggers(role, relation);
    SELECT string_agg(quote_literal(coalesce(mapped ->> sc.name, '')), ', ' ORDER BY sc.position) INTO args
      FROM availability_cache.source_column sc WHERE sc.role = attach.role;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION private.invalidate_availability_cache(%L, %s)',
                   availability_cache.trigger_name(role), relation, role, args);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, availability_cache.trigger_name(role));
    PERFORM availability_cache.install_truncate_triggers(role, relation);
    INSERT INTO availability_cache.source VALUES (role, relation, mapped)
        ON CONFLICT ON CONSTRAINT source_pkey DO UPDATE
        SET relation = EXCLUDED.relation, columns = EXCLUDED.columns;
    action := CASE WHEN before.role IS NULL THEN 'attached' ELSE 'attached again' END;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION availability_cache.attach(text, regclass, jsonb) IS
'Makes a table play a role (a usual table name: bookings, services, …): maps its columns (columns: {"name in source_column": "your column"} where names differ), installs the triggers and returns one row with what it did and the CREATE INDEX commands for missing indexes. Raises, changing nothing, when the table cannot serve.';

CREATE FUNCTION availability_cache.attach(
    OUT role text,
    OUT relation regclass,
    OUT columns jsonb,
    OUT action text,
    OUT missing_indexes text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    usual record;
    candidates regclass[];
BEGIN
    FOR usual IN
        SELECT * FROM (VALUES ('bookings', true), ('stylist_schedules', true), ('stylist_services', true),
                              ('services', true), ('booking_reservations', false), ('schedule_overrides', false),
                              ('stylist_profiles', false)) AS u(name, required)
    LOOP
        role := usual.name;
        relation := NULL; columns := NULL; missing_indexes := NULL;
        SELECT s.relation, s.columns INTO relation, columns FROM availability_cache.source s WHERE s.role = usual.name;
        IF relation IS NULL THEN
            SELECT array_agg(c.oid::regclass ORDER BY n.oid <> '@extschema@'::regnamespace, n.nspname <> 'public', n.nspname)
                   FILTER (WHERE NOT c.relispartition)
              INTO candidates
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = usual.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
               AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_';
            relation := candidates[1];
            IF cardinality(candidates) > 1 AND NOT EXISTS
                (SELECT FROM pg_class c WHERE c.oid = relation
                    AND c.relnamespace IN ('@extschema@'::regnamespace, to_regnamespace('public'))) THEN
                RAISE EXCEPTION 'more than one table is named %: %', usual.name, array_to_string(candidates, ', ')
                    USING ERRCODE = 'ambiguous_alias',
                          HINT = format('Say which: SELECT * FROM availability_cache.attach(%L, %L).', usual.name, relation);
            END IF;
        END IF;
        IF relation IS NULL THEN
            IF usual.required THEN
                RAISE EXCEPTION 'no table named % found', usual.name
                    USING ERRCODE = 'undefined_table',
                          HINT = format('If yours has another name: SELECT * FROM availability_cache.attach(%L, ''your_table'', ''{…}'').', usual.name);
            END IF;
            action := 'not found, optional';
            RETURN NEXT;
        ELSE
            RETURN QUERY SELECT * FROM availability_cache.attach(usual.name, relation, coalesce(columns, '{}'));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.attach() IS
'Attaches every table that has its usual name and is not attached yet; a row per table with what was done and the CREATE INDEX commands for missing indexes. Raises, changing nothing, when a required table is missing or cannot serve.';

CREATE FUNCTION availability_cache.detach(role text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s availability_cache.source;
BEGIN
    IF role IS NOT NULL AND NOT EXISTS (SELECT FROM availability_cache.source x WHERE x.role = detach.role) THEN
        RAISE EXCEPTION 'nothing is attached as "%"', role
            USING ERRCODE = 'undefined_object', HINT = 'SELECT role, relation FROM availability_cache.sources lists what is.';
    END IF;
    FOR s IN DELETE FROM availability_cache.source x WHERE detach.role IS NULL OR x.role = detach.role RETURNING x.* LOOP
        IF EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relation) THEN
            PERFORM availability_cache.drop_triggers(s.role, s.relation);
        END IF;
        RETURN NEXT s.role;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.detach(text) IS
'Takes away the triggers and the mapping of one role, or of all; returns the roles. Needed before DROP EXTENSION without CASCADE.';

REVOKE ALL ON FUNCTION availability_cache.attach(), availability_cache.attach(text, regclass, jsonb),
    availability_cache.detach(text), availability_cache.install_truncate_triggers(text, regclass),
    availability_cache.drop_triggers(text, regclass), availability_cache.check_relation(text, regclass),
    availability_cache.resolve_column(regclass, availability_cache.source_column, text) FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- DDL: a change of an attached table's definition invalidates everything
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.attaches_partition(command pg_ddl_command)
RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_attaches_partition'
LANGUAGE C STRICT;
COMMENT ON FUNCTION availability_cache.attaches_partition(pg_ddl_command) IS 'Internal: whether an ALTER TABLE has ATTACH PARTITION.';

CREATE FUNCTION availability_cache.on_ddl()
RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    IF tg_tag IN ('ALTER TYPE', 'ALTER DOMAIN') THEN
        PERFORM availability_cache.touch_database();
        RETURN;
    END IF;
    -- Under another name for a while, the log would have missed something.
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
                WHERE d.classid = 'pg_class'::regclass
                  AND d.objid IN (to_regclass('availability_cache.invalidation'),
                                  to_regclass('availability_cache.invalidation_since'))) THEN
        DELETE FROM availability_cache.invalidation_since;
    END IF;
    FOR s IN
        SELECT x.role, x.relation,
               bool_or(tg_tag = 'CREATE TABLE' OR availability_cache.attaches_partition(d.command)) AS grows
          FROM pg_event_trigger_ddl_commands() d
          LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
         CROSS JOIN LATERAL (SELECT CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE t.tgrelid END) AS r(relid)
          JOIN availability_cache.source x
            ON r.relid = x.relation
            OR x.relation IN (SELECT a.relid FROM pg_partition_ancestors(r.relid::regclass) AS a(relid))
         GROUP BY x.role, x.relation
    LOOP
        PERFORM availability_cache.touch_database();
        -- At no other time: pg_restore alters tables before it brings their TRUNCATE triggers.
        IF s.grows THEN
            PERFORM availability_cache.install_truncate_triggers(s.role, s.relation);
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    -- Somebody's DDL must not fail because of the cache.
    PERFORM availability_cache.touch_database();
    RAISE WARNING 'availability_cache could not follow %: %', tg_tag, SQLERRM
        USING HINT = 'SELECT * FROM availability_cache.sources shows the state; availability_cache.attach() puts triggers back.';
END
$$;
COMMENT ON FUNCTION availability_cache.on_ddl() IS 'Internal: event trigger; invalidates when an attached table is altered, and gives new partitions their TRUNCATE trigger.';

CREATE FUNCTION availability_cache.on_drop()
RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d
                WHERE d.object_type IN ('table', 'table column', 'trigger', 'type') AND NOT d.is_temporary) THEN
        PERFORM availability_cache.touch_database();
        DELETE FROM availability_cache.source s
         USING pg_event_trigger_dropped_objects() d
         WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = s.relation;
    END IF;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'availability_cache could not follow %: %', tg_tag, SQLERRM;
END
$$;
COMMENT ON FUNCTION availability_cache.on_drop() IS 'Internal: event trigger; invalidates when a table, column or trigger is dropped, and forgets attached tables that are gone.';

REVOKE ALL ON FUNCTION availability_cache.on_ddl(), availability_cache.on_drop() FROM PUBLIC;

CREATE EVENT TRIGGER availability_cache_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER', 'ALTER TRIGGER', 'ALTER TYPE', 'ALTER DOMAIN')
    EXECUTE FUNCTION availability_cache.on_ddl();
CREATE EVENT TRIGGER availability_cache_drop ON sql_drop
    EXECUTE FUNCTION availability_cache.on_drop();
ALTER EVENT TRIGGER availability_cache_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER availability_cache_drop ENABLE ALWAYS;

-- ---------------------------------------------------------------------------
-- Monitoring
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.stats(
    OUT datid oid, OUT hits bigint, OUT misses bigint, OUT bypasses bigint,
    OUT stores bigint, OUT evictions bigint, OUT invalidations bigint, OUT entries bigint, OUT bytes bigint,
    OUT miss_absent bigint, OUT miss_outdated bigint, OUT miss_expired bigint,
    OUT bypass_disabled bigint, OUT bypass_own_writes bigint, OUT bypass_isolation bigint,
    OUT bypass_recovery bigint, OUT bypass_prepared bigint, OUT bypass_pending bigint, OUT bypass_triggers bigint,
    OUT store_skips bigint, OUT waits bigint, OUT wait_timeouts bigint, OUT errors bigint,
    OUT table_hits bigint, OUT table_stores bigint, OUT table_invalidations bigint, OUT table_errors bigint,
    OUT table_breaker text, OUT cells_pending integer, OUT stats_reset timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION availability_cache.stats() IS 'Internal: what the view stats shows.';

CREATE VIEW availability_cache.stats AS
    SELECT s.datid, d.datname, s.hits, s.misses, s.bypasses, s.stores, s.evictions, s.invalidations,
           s.entries, s.bytes, s.miss_absent, s.miss_outdated, s.miss_expired,
           s.bypass_disabled, s.bypass_own_writes, s.bypass_isolation, s.bypass_recovery, s.bypass_prepared,
           s.bypass_pending, s.bypass_triggers, s.store_skips, s.waits, s.wait_timeouts, s.errors,
           s.table_hits, s.table_stores, s.table_invalidations, s.table_errors, s.table_breaker,
           s.cells_pending, s.stats_reset
      FROM availability_cache.stats() s
      LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid;
COMMENT ON VIEW availability_cache.stats IS 'A row per database that used the cache since the server started, and counters since stats_reset. hits + misses + bypasses are the calls of get_available_slots_v2 that were computed or answered.';
COMMENT ON COLUMN availability_cache.stats.hits IS 'Calls answered from memory, or (table_hits) from the table.';
COMMENT ON COLUMN availability_cache.stats.misses IS 'Calls computed because memory had no valid answer: miss_absent + miss_outdated + miss_expired.';
COMMENT ON COLUMN availability_cache.stats.bypasses IS 'Calls computed because memory could not be used; the sum of bypass_….';
COMMENT ON COLUMN availability_cache.stats.stores IS 'Computed answers kept in memory.';
COMMENT ON COLUMN availability_cache.stats.evictions IS 'Entries dropped to make room.';
COMMENT ON COLUMN availability_cache.stats.invalidations IS 'Invalidations published: one per transaction and stylist, stylist''s day, service or database that it changed.';
COMMENT ON COLUMN availability_cache.stats.entries IS 'Entries in memory now, outdated ones that nobody asked for again included.';
COMMENT ON COLUMN availability_cache.stats.bytes IS 'Bytes of memory that these entries take.';
COMMENT ON COLUMN availability_cache.stats.miss_absent IS 'No entry.';
COMMENT ON COLUMN availability_cache.stats.miss_outdated IS 'An entry that a commit had invalidated.';
COMMENT ON COLUMN availability_cache.stats.miss_expired IS 'An entry whose answer had changed with the clock, or that was older than availability_cache.ttl.';
COMMENT ON COLUMN availability_cache.stats.bypass_disabled IS 'availability_cache.enabled was off.';
COMMENT ON COLUMN availability_cache.stats.bypass_own_writes IS 'The transaction had written something itself.';
COMMENT ON COLUMN availability_cache.stats.bypass_isolation IS 'SERIALIZABLE, or a REPEATABLE READ snapshot that memory has no answer for.';
COMMENT ON COLUMN availability_cache.stats.bypass_recovery IS 'The server is a standby.';
COMMENT ON COLUMN availability_cache.stats.bypass_prepared IS 'Transactions found prepared when the server started had not been looked up yet.';
COMMENT ON COLUMN availability_cache.stats.bypass_pending IS 'A transaction that changes the answer was committing, or is prepared.';
COMMENT ON COLUMN availability_cache.stats.bypass_triggers IS 'A trigger of an attached table is missing or disabled: see sources.';
COMMENT ON COLUMN availability_cache.stats.store_skips IS 'Misses whose answer was not kept: a change came meanwhile, the date is out of range, the answer too large or memory too small.';
COMMENT ON COLUMN availability_cache.stats.waits IS 'Calls that waited for another session computing the same answer.';
COMMENT ON COLUMN availability_cache.stats.wait_timeouts IS 'Those that gave up after availability_cache.single_flight_timeout.';
COMMENT ON COLUMN availability_cache.stats.errors IS 'Calls answered with success false.';
COMMENT ON COLUMN availability_cache.stats.table_hits IS 'Hits that memory did not have and private.availability_cache had.';
COMMENT ON COLUMN availability_cache.stats.table_stores IS 'Answers written to private.availability_cache.';
COMMENT ON COLUMN availability_cache.stats.table_invalidations IS 'Rows that writers added to availability_cache.invalidation.';
COMMENT ON COLUMN availability_cache.stats.table_errors IS 'Failures of the table tier: a table was locked, missing or full. Reads were computed and bookings went on.';
COMMENT ON COLUMN availability_cache.stats.table_breaker IS 'closed: the table tier is used where availability_cache.table_tier says so; open: it failed and is left alone; half-open: the next call tries it. NULL: not used yet.';
COMMENT ON COLUMN availability_cache.stats.cells_pending IS 'Version cells, of the whole server, that a committing or prepared transaction holds; answers that depend on them are computed.';

CREATE FUNCTION availability_cache.entries(
    OUT datid oid, OUT stylist_user_id uuid, OUT service_id uuid, OUT cache_date date, OUT timezone text,
    OUT computed_at timestamptz, OUT expires_at timestamptz, OUT is_valid boolean, OUT visited boolean, OUT bytes integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10000;
COMMENT ON FUNCTION availability_cache.entries() IS 'Internal: what the view entries shows.';

CREATE VIEW availability_cache.entries AS
    SELECT e.datid, d.datname, e.stylist_user_id, e.service_id, e.cache_date, e.timezone, e.computed_at,
           e.expires_at, e.is_valid, e.visited, e.bytes
      FROM availability_cache.entries() e
      LEFT JOIN pg_catalog.pg_database d ON d.oid = e.datid;
COMMENT ON VIEW availability_cache.entries IS
'Every entry in memory. timezone is NULL where the rules'' default is meant; is_valid: a call now would be a hit; visited: asked for since eviction last passed by.';

CREATE FUNCTION availability_cache.reset_stats()
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_reset_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION availability_cache.reset_stats() IS 'Sets the counters of every database to zero.';

REVOKE ALL ON FUNCTION availability_cache.stats(), availability_cache.entries(), availability_cache.reset_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache.stats(), availability_cache.entries() TO pg_monitor;
GRANT SELECT ON availability_cache.stats, availability_cache.entries, availability_cache.sources,
    availability_cache.rules, availability_cache.source, availability_cache.source_column,
    availability_cache.invalidation, availability_cache.invalidation_since, availability_cache.distrusted,
    private.availability_cache TO pg_monitor;
GRANT USAGE ON SCHEMA private TO pg_monitor;

-- An earlier installation's answers may lie in memory, and bookings may have come since it was dropped.
SELECT availability_cache.flush();
