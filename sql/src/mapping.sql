-- ---------------------------------------------------------------------------
-- Which tables are attached: what the triggers say. The update script has this file too.
-- ---------------------------------------------------------------------------

-- BEGIN ATOMIC keeps the function itself, whatever is called so later.
DO $$
DECLARE
    f regprocedure;
BEGIN
    SELECT p.oid INTO f
      FROM pg_extension e
      JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
      JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
     WHERE e.extname = 'availability_cache' AND p.proname = 'invalidate_availability_cache';
    -- Who owns schema private may have made another under its name since.
    IF f IS DISTINCT FROM to_regprocedure('private.invalidate_availability_cache()')
       AND f IS DISTINCT FROM to_regprocedure('availability_cache_internal.invalidate_availability_cache()')
           THEN
        RAISE EXCEPTION 'private.invalidate_availability_cache() is not the extension''s'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Schema private was renamed: rename it back, and run the command again.';
    END IF;
    EXECUTE format('CREATE FUNCTION availability_cache_internal.trigger_function() RETURNS regprocedure '
                   'LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC SELECT %L::regprocedure; END', f);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.trigger_function() IS
    'Internal: the function of the attached tables'' triggers.';

CREATE FUNCTION availability_cache_internal.attached(
    OUT role text, OUT relation regclass, OUT names text[], OUT columns text[], OUT left_out text[],
    OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_attached'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 7;
COMMENT ON FUNCTION availability_cache_internal.attached() IS
'Internal: the tables whose triggers say that they are attached, the names of source_column and the '
'table''s column for each, the names that attach() was told to leave out, and why the table does not count '
'(NULL: it does).';

-- As attach() takes it: null for a column that is left out.
CREATE FUNCTION availability_cache_internal.mapping(names text[], columns text[], left_out text[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_object(names, columns) || jsonb_object(left_out, array_fill(NULL::text,
                                                                         ARRAY[cardinality(left_out)]));
COMMENT ON FUNCTION availability_cache_internal.mapping(text[], text[], text[]) IS
    'Internal: what attached() says of a table''s columns as a value for attach().';

GRANT EXECUTE ON FUNCTION availability_cache_internal.trigger_function(),
    availability_cache_internal.attached(),
    availability_cache_internal.mapping(text[], text[], text[]) TO PUBLIC;
