-- ---------------------------------------------------------------------------
-- What has names that others use goes where they look for it, unless it is taken: then adopt() does that
-- ---------------------------------------------------------------------------

-- A dump has these schemas before the extension: by them a restored one knows which names the dump will
-- bring.
DO $$
DECLARE
    adopted boolean := to_regnamespace('availability_cache_classic') IS NOT NULL;
    beside boolean := to_regnamespace('availability_cache_beside') IS NOT NULL;
    taken text[];
BEGIN
    -- Another of the name would make calls ambiguous, whatever its arguments are.
    SELECT coalesce(array_agg('function ' || p.oid::regprocedure::text ORDER BY p.oid::regprocedure::text),
                    '{}') INTO taken
      FROM pg_proc p
     WHERE (p.pronamespace = '@extschema@'::regnamespace
            AND p.proname IN ('get_available_slots', 'get_available_slots_v2', 'get_available_slots_json'))
        OR (p.pronamespace = 'private'::regnamespace AND p.proname = 'invalidate_availability_cache'
            AND p.pronargs = 0);
    IF to_regclass('private.availability_cache') IS NOT NULL THEN
        taken := taken || 'private.availability_cache'::text;
    END IF;
    beside := beside OR (taken <> '{}' AND NOT adopted);
    IF beside THEN
        IF to_regnamespace('availability_cache_beside') IS NULL THEN
            CREATE SCHEMA availability_cache_beside;
            COMMENT ON SCHEMA availability_cache_beside
                IS 'availability_cache: says that others have its names, until availability_cache.adopt()';
            ALTER EXTENSION availability_cache DROP SCHEMA availability_cache_beside;
        END IF;
        RAISE WARNING 'availability_cache leaves alone what has its names: %',
            coalesce(nullif(array_to_string(taken, ', '), ''), 'nothing so far')
            USING HINT = CASE WHEN taken = '{}'
                THEN 'Schema availability_cache_beside says that there will be such. If not, drop the '
                     'extension and the schema, and create the extension again.'
                              ELSE 'SELECT * FROM availability_cache.adopt() says what taking their place '
                                   'would do. Until then its own functions are in schema availability_cache.'
                                       END;
    ELSE
        ALTER FUNCTION availability_cache_internal.invalidate_availability_cache() SET SCHEMA private;
        ALTER TABLE availability_cache_internal.availability_cache SET SCHEMA private;
        ALTER FUNCTION availability_cache.get_available_slots_json(uuid, uuid, date, text)
            SET SCHEMA @extschema@;
    END IF;
    IF NOT beside AND NOT adopted THEN
        ALTER FUNCTION availability_cache.get_available_slots(uuid, uuid, date, text) SET SCHEMA @extschema@;
        ALTER FUNCTION availability_cache.get_available_slots_v2(uuid, uuid, date, text)
            SET SCHEMA @extschema@;
    END IF;
    INSERT INTO pg_depend
    SELECT 'pg_extension'::regclass, e.oid, 0, 'pg_namespace'::regclass, n.oid, 0, 'n'
      FROM pg_extension e, pg_namespace n
     WHERE e.extname = 'availability_cache'
       AND n.nspname = CASE WHEN beside THEN 'availability_cache_beside'
           WHEN adopted THEN 'availability_cache_classic' END;
END
$$;
