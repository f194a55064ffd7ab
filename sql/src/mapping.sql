-- ---------------------------------------------------------------------------
-- Which tables are attached: what the triggers say. The update script has this file too.
-- ---------------------------------------------------------------------------

-- BEGIN ATOMIC keeps the function itself, whatever is called so later.
CREATE FUNCTION availability_cache_internal.trigger_function()
RETURNS regprocedure
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'private.invalidate_availability_cache()'::regprocedure;
END;
DO $$
BEGIN
    -- Who owns schema private may have made another under its name since.
    IF NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = availability_cache_internal.trigger_function()
                      AND d.deptype = 'e' AND e.extname = 'availability_cache') THEN
        RAISE EXCEPTION 'private.invalidate_availability_cache() is not the extension''s'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Schema private was renamed: rename it back, and run the command again.';
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.trigger_function() IS 'Internal: the function of the attached tables'' triggers.';

CREATE FUNCTION availability_cache_internal.attached(
    OUT role text, OUT relation regclass, OUT names text[], OUT columns text[], OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_attached'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 7;
COMMENT ON FUNCTION availability_cache_internal.attached() IS
'Internal: the tables whose triggers say that they are attached, the names of source_column and the table''s column for each, and why the table does not count (NULL: it does).';

GRANT EXECUTE ON FUNCTION availability_cache_internal.trigger_function(), availability_cache_internal.attached() TO PUBLIC;
