-- ---------------------------------------------------------------------------
-- The library: not older than the script. The update script has this file too.
-- ---------------------------------------------------------------------------

-- A server, or without preload a session, goes on with the library that it has loaded when a new one is
-- installed, and that one would look for what this script makes elsewhere.
DO $$
BEGIN
    CREATE OR REPLACE FUNCTION availability_cache_internal.library_version()
    RETURNS text
    AS 'MODULE_PATHNAME', 'availability_cache_library_version'
    LANGUAGE C STRICT STABLE PARALLEL SAFE;
    IF (SELECT pg_catalog.string_to_array(availability_cache_internal.library_version(), '.')::int[]
               OPERATOR(pg_catalog.<) pg_catalog.string_to_array(e.extversion, '.')::int[]
          FROM pg_catalog.pg_extension e WHERE e.extname = 'availability_cache') THEN
        RAISE undefined_function;
    END IF;
EXCEPTION
    WHEN undefined_function THEN
        RAISE EXCEPTION 'an older library of availability_cache is still loaded'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Restart the server (without preload: connect again), and run the command again.';
END
$$;
COMMENT ON FUNCTION availability_cache_internal.library_version() IS
    'Internal: the version of the library that this session uses.';
