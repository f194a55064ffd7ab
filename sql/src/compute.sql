-- ---------------------------------------------------------------------------
-- rules.compute_function: which functions may be named. The update script has this file too.
-- ---------------------------------------------------------------------------

-- Whether its owner may attach tables is looked at when it is called: a dump brings the rules before the
-- grants.
CREATE FUNCTION availability_cache_internal.rules_check_function() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f pg_proc;
BEGIN
    IF TG_RELID <> 'availability_cache.rules'::regclass THEN
        RAISE EXCEPTION 'availability_cache_internal.rules_check_function() is for availability_cache.rules alone'
            USING ERRCODE = 'trigger_protocol_violated', HINT = 'Drop the trigger.';
    END IF;
    SELECT p.* INTO f FROM pg_proc p WHERE p.oid = to_regprocedure(NEW.compute_function);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'function % does not exist', NEW.compute_function
            USING ERRCODE = 'undefined_function',
                HINT = 'Name it with its schema and argument types: public.my_slots(uuid, uuid, date, text).';
    END IF;
    -- Whoever may call v2 gets what it answers.
    IF NOT pg_has_role(f.proowner, 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of function %', f.oid::regprocedure
            USING ERRCODE = 'insufficient_privilege', HINT = 'Its owner, or a superuser, can name it.';
    END IF;
    IF f.prokind <> 'f' OR NOT f.proretset OR f.proargtypes <> '2950 2950 1082 25'::oidvector THEN
        RAISE EXCEPTION '% has not the arguments and rows of get_available_slots', f.oid::regprocedure
            USING ERRCODE = 'invalid_function_definition',
                  HINT = 'It takes (stylist uuid, service uuid, day date, time zone text) and returns a row '
                         'for each slot.';
    END IF;
    IF NOT EXISTS (SELECT FROM unnest(f.proconfig) c WHERE c LIKE 'search\_path=%') THEN
        RAISE EXCEPTION '% does not say its search_path, and would run as its owner with that of its callers',
            f.oid::regprocedure
            USING ERRCODE = 'invalid_function_definition',
                  HINT = format('ALTER FUNCTION %s SET search_path = …', f.oid::regprocedure);
    END IF;
    NEW.compute_function := f.oid::regprocedure::text;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.rules_check_function() IS
'Internal: trigger on rules; compute_function must be the caller''s, fit, and say its search_path.';
REVOKE ALL ON FUNCTION availability_cache_internal.rules_check_function() FROM PUBLIC;

CREATE TRIGGER rules_check_function BEFORE UPDATE ON availability_cache.rules
    FOR EACH ROW WHEN (NEW.compute_function IS NOT NULL
                       AND NEW.compute_function IS DISTINCT FROM OLD.compute_function)
    EXECUTE FUNCTION availability_cache_internal.rules_check_function();
ALTER TABLE availability_cache.rules ENABLE ALWAYS TRIGGER rules_check_function;
