-- ---------------------------------------------------------------------------
-- From 1.0.0: what is nobody's to call moves to availability_cache_internal
-- ---------------------------------------------------------------------------

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION availability_cache UPDATE" to load this file. \quit

-- What the script names without schema must not be taken from where others can create.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF pg_catalog.to_regnamespace('availability_cache_internal') IS NOT NULL THEN
        RAISE EXCEPTION 'objects that availability_cache would create exist already: schema availability_cache_internal'
            USING ERRCODE = 'duplicate_object',
                  HINT = 'Rename or drop it, and run ALTER EXTENSION availability_cache UPDATE again.';
    END IF;
END
$$;

CREATE SCHEMA availability_cache_internal;
COMMENT ON SCHEMA availability_cache_internal IS 'availability_cache: functions that it calls by itself';
GRANT USAGE ON SCHEMA availability_cache_internal TO PUBLIC;

ALTER FUNCTION availability_cache.touch_database() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.config_changed() SET SCHEMA availability_cache_internal;
ALTER FUNCTION private.availability_cache_changed() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache_internal.availability_cache_changed() RENAME TO row_changed;
ALTER FUNCTION availability_cache.log_changed() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.discard() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.rules_keep_one() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.relation_tree(regclass) SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.trigger_state(regclass) SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.attaches_partition(pg_ddl_command) SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.on_ddl() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.on_drop() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.stats() SET SCHEMA availability_cache_internal;
ALTER FUNCTION availability_cache.entries() SET SCHEMA availability_cache_internal;

-- Made anew by attach.sql, without the privileges that they had.
DROP FUNCTION availability_cache.trigger_name(text),
    availability_cache.resolve_column(regclass, availability_cache.source_column, text),
    availability_cache.check_relation(text, regclass),
    availability_cache.install_truncate_triggers(text, regclass),
    availability_cache.drop_triggers(text, regclass);

-- A server that still has the library of 1.0.0 would fail every call from here on: it looks where the functions were.
DO $$
BEGIN
    PERFORM @extschema@.get_available_slots('00000000-0000-0000-0000-000000000000'::uuid,
                '00000000-0000-0000-0000-000000000000'::uuid, '2000-01-01'::date, NULL::text);
EXCEPTION
    WHEN undefined_function THEN
        IF SQLERRM LIKE '%availability_cache.relation_tree%' THEN
            RAISE EXCEPTION 'the library of availability_cache 1.0.0 is still loaded'
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Restart the server (without preload: connect again), and run ALTER EXTENSION availability_cache UPDATE again.';
        END IF;
    WHEN OTHERS THEN
        NULL;       -- nothing attached, or no such stylist
END
$$;
