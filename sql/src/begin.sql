-- ---------------------------------------------------------------------------
-- The script's guard and search_path, what stands in the way, and the schemas
-- ---------------------------------------------------------------------------

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION availability_cache" to load this file. \quit

-- What the script names without schema must not be taken from where others can create.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Before anything is made: what stands in the way, all of it at once.
DO $$
DECLARE
    found text[] := '{}';
BEGIN
    IF pg_catalog.to_regnamespace('availability_cache') IS NOT NULL THEN
        found := found || 'schema availability_cache'::pg_catalog.text;
    END IF;
    IF pg_catalog.to_regnamespace('availability_cache_internal') IS NOT NULL THEN
        found := found || 'schema availability_cache_internal'::pg_catalog.text;
    END IF;
    IF found <> '{}' THEN
        RAISE EXCEPTION 'objects that availability_cache would create exist already: %',
                        pg_catalog.array_to_string(found, ', ')
            USING ERRCODE = 'duplicate_object',
                  HINT = 'Rename or drop them, and run CREATE EXTENSION again.';
    END IF;

    IF pg_catalog.to_regnamespace('private') IS NULL THEN
        CREATE SCHEMA private;
        COMMENT ON SCHEMA private
            IS 'availability_cache: the table of cached answers, and the trigger function that invalidates';
        -- People keep other things in a schema of this name: it does not go with the extension.
        ALTER EXTENSION availability_cache DROP SCHEMA private;
    END IF;
    -- Whose schema it is, a dump has it before the extension, which would make it otherwise.
    INSERT INTO pg_catalog.pg_depend
    SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, e.oid, 0,
           'pg_catalog.pg_namespace'::pg_catalog.regclass, 'private'::pg_catalog.regnamespace, 0, 'n'
      FROM pg_catalog.pg_extension e WHERE e.extname = 'availability_cache';

    IF pg_catalog.current_setting('shared_preload_libraries') NOT LIKE '%availability_cache%' THEN
        RAISE WARNING 'availability_cache is not in shared_preload_libraries: answers are not cached in memory'
            USING HINT = 'Add availability_cache to shared_preload_libraries in postgresql.conf and restart '
                         'the server; without it they are kept in a table alone.';
    END IF;
END
$$;

CREATE SCHEMA availability_cache;
COMMENT ON SCHEMA availability_cache IS 'availability_cache: set-up, rules and monitoring';
GRANT USAGE ON SCHEMA availability_cache TO PUBLIC;

CREATE SCHEMA availability_cache_internal;
COMMENT ON SCHEMA availability_cache_internal IS 'availability_cache: functions that it calls by itself';
GRANT USAGE ON SCHEMA availability_cache_internal TO PUBLIC;
