-- ---------------------------------------------------------------------------
-- DDL on attached tables, and on the log: what the event triggers call. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION availability_cache_internal.attaches_partition(command pg_ddl_command)
RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_attaches_partition'
LANGUAGE C STRICT;
COMMENT ON FUNCTION availability_cache_internal.attaches_partition(pg_ddl_command) IS 'Internal: whether an ALTER TABLE has ATTACH PARTITION.';

CREATE OR REPLACE FUNCTION availability_cache_internal.log_lost()
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_log_lost'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION availability_cache_internal.log_lost() FROM PUBLIC;
COMMENT ON FUNCTION availability_cache_internal.log_lost() IS 'Internal: no row of private.availability_cache is trusted when the transaction commits.';

-- Somebody's DDL must not fail because of the cache; but what was said before an error is undone with it.
CREATE OR REPLACE FUNCTION availability_cache_internal.could_not_follow(tag text, why text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    BEGIN
        PERFORM availability_cache_internal.touch_database();
    EXCEPTION WHEN undefined_file OR undefined_function THEN
        NULL;       -- without the library nobody answers
    END;
    RAISE WARNING 'availability_cache could not follow %: %', tag, why
        USING HINT = 'SELECT * FROM availability_cache.sources shows the state; availability_cache.attach() puts triggers back.';
END
$$;
REVOKE ALL ON FUNCTION availability_cache_internal.could_not_follow(text, text) FROM PUBLIC;
COMMENT ON FUNCTION availability_cache_internal.could_not_follow(text, text) IS 'Internal, of the event triggers: outdates every answer and warns.';

CREATE OR REPLACE FUNCTION availability_cache_internal.on_ddl()
RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    IF tg_tag IN ('ALTER TYPE', 'ALTER DOMAIN') THEN
        PERFORM availability_cache_internal.touch_database();
        RETURN;
    END IF;
    -- Under another name for a while, the log would have missed something.
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
                WHERE d.classid = 'pg_class'::regclass
                  AND d.objid IN (to_regclass('availability_cache.invalidation'),
                                  to_regclass('availability_cache.invalidation_since'))) THEN
        PERFORM availability_cache_internal.log_lost();
    END IF;
    FOR s IN
        SELECT x.role, x.relation,
               bool_or(tg_tag = 'CREATE TABLE' OR availability_cache_internal.attaches_partition(d.command)) AS grows
          FROM pg_event_trigger_ddl_commands() d
          LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
         CROSS JOIN LATERAL (SELECT CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE t.tgrelid END) AS r(relid)
          JOIN availability_cache_internal.attached() x
            ON r.relid = x.relation
            OR x.relation IN (SELECT a.relid FROM pg_partition_ancestors(r.relid::regclass) AS a(relid))
            OR x.relation IN (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = r.relid)
         GROUP BY x.role, x.relation
    LOOP
        PERFORM availability_cache_internal.touch_database();
        -- At no other time: pg_restore alters tables before it brings their TRUNCATE triggers.
        IF s.grows THEN
            PERFORM availability_cache_internal.install_truncate_triggers(s.role, s.relation);
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    PERFORM availability_cache_internal.could_not_follow(tg_tag, SQLERRM);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.on_ddl() IS 'Internal: event trigger; invalidates when an attached table is altered, and gives new partitions their TRUNCATE trigger.';

CREATE OR REPLACE FUNCTION availability_cache_internal.on_drop()
RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d
                WHERE d.object_type IN ('table', 'table column', 'trigger', 'type') AND NOT d.is_temporary) THEN
        PERFORM availability_cache_internal.touch_database();
    END IF;
EXCEPTION WHEN OTHERS THEN
    PERFORM availability_cache_internal.could_not_follow(tg_tag, SQLERRM);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.on_drop() IS 'Internal: event trigger; invalidates when a table, column or trigger is dropped.';
