-- ---------------------------------------------------------------------------
-- From 1.0.0: what is nobody's to call moves to availability_cache_internal; new columns
-- ---------------------------------------------------------------------------

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION availability_cache UPDATE" to load this file. \quit

-- What the script names without schema must not be taken from where others can create.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF pg_catalog.to_regprocedure('private.invalidate_availability_cache()') IS NULL THEN
        RAISE EXCEPTION 'private.invalidate_availability_cache() is not the extension''s'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Schema private was renamed: rename it back, and run the command again.';
    END IF;
    IF pg_catalog.to_regnamespace('availability_cache_internal') IS NOT NULL THEN
        RAISE EXCEPTION 'objects that availability_cache would create exist already: schema availability_cache_internal'
            USING ERRCODE = 'duplicate_object',
                  HINT = 'Rename or drop it, and run ALTER EXTENSION availability_cache UPDATE again.';
    END IF;
END
$$;

-- Nothing needs to be told of DDL any more. Members only: somebody may have made another event trigger of
-- such a name since.
DO $$
DECLARE
    e name;
BEGIN
    FOR e IN
        SELECT t.evtname
          FROM pg_extension x
          JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
              AND d.deptype = 'e'
          JOIN pg_event_trigger t ON d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid
         WHERE x.extname = 'availability_cache'
    LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', e);
    END LOOP;
END
$$;

ALTER TABLE availability_cache.rules ADD COLUMN slot_alignment text NOT NULL DEFAULT 'opening'
    CONSTRAINT rules_slot_alignment_known CHECK (slot_alignment IN ('opening', 'break', 'clock')),
    ADD COLUMN compute_function text,
    ADD COLUMN seat_sharing text NOT NULL DEFAULT 'slot'
    CONSTRAINT rules_seat_sharing_known CHECK (seat_sharing IN ('slot', 'time')),
    ADD COLUMN show_reasons boolean NOT NULL DEFAULT false,
    ADD COLUMN notice_days integer
    CONSTRAINT rules_notice_days_range CHECK (notice_days BETWEEN 0 AND 366),
    ADD COLUMN notice_cutoff time NOT NULL DEFAULT '00:00',
    ADD COLUMN advance_whole_days boolean NOT NULL DEFAULT false,
    ADD COLUMN blocking_statuses text[]
    CONSTRAINT rules_blocking_statuses_no_null CHECK (array_position(blocking_statuses, NULL) IS NULL),
    ADD COLUMN service_caps text NOT NULL DEFAULT 'each'
    CONSTRAINT rules_service_caps_known CHECK (service_caps IN ('each', 'together')),
    ADD COLUMN max_bookings_per_day integer
    CONSTRAINT rules_max_bookings_per_day_range CHECK (max_bookings_per_day >= 0),
    ADD COLUMN max_bookings_per_week integer
    CONSTRAINT rules_max_bookings_per_week_range CHECK (max_bookings_per_week >= 0),
    ADD COLUMN max_daily_minutes integer
    CONSTRAINT rules_max_daily_minutes_range CHECK (max_daily_minutes >= 0),
    ADD COLUMN max_weekly_minutes integer
    CONSTRAINT rules_max_weekly_minutes_range CHECK (max_weekly_minutes >= 0);

CREATE SCHEMA availability_cache_internal;
COMMENT ON SCHEMA availability_cache_internal IS 'availability_cache: functions that it calls by itself';
GRANT USAGE ON SCHEMA availability_cache_internal TO PUBLIC;

-- Members only: somebody may have made another function of such a name since.
DO $$
DECLARE
    f regprocedure;
    names text[] := '{touch_database,config_changed,availability_cache_changed,log_changed,discard,'
                    'rules_keep_one,relation_tree,'
                    'trigger_state,attaches_partition,on_ddl,on_drop,stats,entries,trigger_name,'
                    'resolve_column,check_relation,'
                    'install_truncate_triggers,drop_triggers}';
    moved int := 0;
BEGIN
    FOR f IN
        SELECT p.oid
          FROM pg_extension e
          JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
              AND d.deptype = 'e'
          JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
         WHERE e.extname = 'availability_cache' AND p.proname = ANY (names)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA availability_cache_internal', f);
        moved := moved + 1;
    END LOOP;
    IF moved <> cardinality(names) THEN
        RAISE EXCEPTION 'functions of availability_cache 1.0.0 are missing'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'ALTER EXTENSION availability_cache ADD FUNCTION puts back what was taken out of '
                         'it.';
    END IF;
END
$$;
ALTER FUNCTION availability_cache_internal.availability_cache_changed() RENAME TO row_changed;
DROP FUNCTION availability_cache_internal.on_ddl(), availability_cache_internal.on_drop(),
    availability_cache_internal.attaches_partition(pg_ddl_command),
    availability_cache_internal.touch_database();


-- What people keep in a schema of this name must not go with the extension.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass
               AND d.refobjid = e.oid
                WHERE d.classid = 'pg_namespace'::regclass AND d.deptype = 'e'
                  AND e.extname = 'availability_cache'
                  AND d.objid = to_regnamespace('private')) THEN
        ALTER EXTENSION availability_cache DROP SCHEMA private;
    END IF;
    -- Whose schema it is, a dump has it before the extension, which would make it otherwise.
    INSERT INTO pg_depend
    SELECT 'pg_extension'::regclass, e.oid, 0, 'pg_namespace'::regclass, p.pronamespace, 0, 'n'
      FROM pg_extension e, pg_proc p
     WHERE e.extname = 'availability_cache' AND p.proname = 'invalidate_availability_cache'
       AND EXISTS (SELECT FROM pg_depend d
                   WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                      AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid);
END
$$;

-- Who could read a relation can read the one that takes its name; dropped when that is done.
CREATE FUNCTION availability_cache_internal.keep_readers(before regclass, now regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    as_made aclitem[] := (SELECT i.initprivs FROM pg_init_privs i
                          WHERE i.objoid = now AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0);
    g record;
BEGIN
    FOR g IN
        SELECT a.grantee, a.is_grantable
          FROM pg_class c, aclexplode(c.relacl) a
         WHERE c.oid = before AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s%s', now,
                       CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                       CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    -- What is granted in a script passes for the extension's own, which pg_dump leaves out.
    UPDATE pg_init_privs i SET initprivs = as_made
        WHERE i.objoid = now AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0;
END
$$;
