-- ---------------------------------------------------------------------------
-- Any function, answered from memory. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.memoized_plpgsql() RETURNS language_handler
AS 'MODULE_PATHNAME', 'availability_cache_memoized_plpgsql' LANGUAGE C;
CREATE FUNCTION availability_cache_internal.memoized_plpgsql_validator(oid) RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_memoized_plpgsql_validator' LANGUAGE C STRICT;
CREATE FUNCTION availability_cache_internal.memoized_sql() RETURNS language_handler
AS 'MODULE_PATHNAME', 'availability_cache_memoized_sql' LANGUAGE C;
CREATE FUNCTION availability_cache_internal.memoized_sql_validator(oid) RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_memoized_sql_validator' LANGUAGE C STRICT;
COMMENT ON FUNCTION availability_cache_internal.memoized_plpgsql() IS
    'Internal: calls functions in memoized_plpgsql.';
COMMENT ON FUNCTION availability_cache_internal.memoized_plpgsql_validator(oid) IS
    'Internal: validates them, as plpgsql does.';
COMMENT ON FUNCTION availability_cache_internal.memoized_sql() IS
    'Internal: calls functions in memoized_sql.';
COMMENT ON FUNCTION availability_cache_internal.memoized_sql_validator(oid) IS
    'Internal: validates them, as the server does for sql.';

-- The server calls them without asking; nobody else has a reason to.
REVOKE EXECUTE ON FUNCTION availability_cache_internal.memoized_plpgsql(),
    availability_cache_internal.memoized_plpgsql_validator(oid),
    availability_cache_internal.memoized_sql(), availability_cache_internal.memoized_sql_validator(oid)
        FROM PUBLIC;

CREATE TRUSTED LANGUAGE memoized_plpgsql
    HANDLER availability_cache_internal.memoized_plpgsql VALIDATOR availability_cache_internal.memoized_plpgsql_validator;
CREATE TRUSTED LANGUAGE memoized_sql
    HANDLER availability_cache_internal.memoized_sql VALIDATOR availability_cache_internal.memoized_sql_validator;
COMMENT ON LANGUAGE memoized_plpgsql IS 'plpgsql, its functions'' answers kept in memory where that is exact';
COMMENT ON LANGUAGE memoized_sql IS 'SQL, its functions'' answers kept in memory where that is exact';

CREATE FUNCTION availability_cache_internal.watched_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_watched_changed' LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.watched_changed() IS
'Internal: on watched tables; its arguments are the key columns.';

CREATE FUNCTION availability_cache.valid_until(until timestamptz) RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_valid_until' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION availability_cache.valid_until(timestamptz) IS
'Called in a memoized function: its answer holds until then. NULL: only now. Elsewhere it does nothing.';

CREATE FUNCTION availability_cache.memo_clear(function regprocedure) RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_memo_clear' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION availability_cache.memo_clear(regprocedure) IS
'Lets the answers of a function go, whatever its arguments; takes effect at once, and again when the '
'transaction ends. Returns whether it is memoized. Errors: 42501 it is not yours, 42883 no such function.';

CREATE FUNCTION availability_cache.memo_clear(function regprocedure, VARIADIC args "any") RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_memo_clear_arguments' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION availability_cache.memo_clear(regprocedure, "any") IS
'The same of its answers with these arguments, whoever asks. All of them are given, also those that have '
'defaults, and those of a VARIADIC parameter as one array. Errors: 22023 another number of arguments, 42501 '
'it is not yours.';

CREATE FUNCTION availability_cache.memo_clear_namespace(namespace text) RETURNS SETOF regprocedure
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
              WHERE l.lanname IN ('memoized_sql', 'memoized_plpgsql') AND pg_has_role(p.proowner, 'USAGE')
                AND 'availability_cache.memoize_namespace='
                    || memo_clear_namespace.namespace = ANY (p.proconfig)
              ORDER BY p.oid::regprocedure::text
    LOOP
        PERFORM availability_cache.memo_clear(f);
        RETURN NEXT f;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.memo_clear_namespace(text) IS
'Lets the answers of your functions go that were memoized with this namespace, as memo_clear() does. '
'Returns these functions; those of others in a namespace of that name are left alone.';

CREATE FUNCTION availability_cache.memo_was_hit(function regprocedure) RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_memo_was_hit' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION availability_cache.memo_was_hit(regprocedure) IS
'Whether this session''s last call of a memoized function was answered from memory; NULL if there was none.';

CREATE FUNCTION availability_cache_internal.memo_problem(function regprocedure) RETURNS text
AS 'MODULE_PATHNAME', 'availability_cache_memo_problem' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION availability_cache_internal.memo_problem(regprocedure) IS
'Internal: why a function''s answers would not be kept, by its source; NULL: nothing is known against it.';

CREATE FUNCTION availability_cache_internal.memo_relations(function regprocedure, search_path text)
    RETURNS SETOF regclass
AS 'MODULE_PATHNAME', 'availability_cache_memo_relations' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION availability_cache_internal.memo_relations(regprocedure, text) IS
'Internal: relations that stand after FROM or JOIN in a function and in those that it calls.';

CREATE FUNCTION availability_cache_internal.memo_counts(function regprocedure,
    OUT hits bigint, OUT computed bigint, OUT not_kept bigint, OUT compute_us bigint, OUT timed bigint,
    OUT hit_ns bigint, OUT reason text)
AS 'MODULE_PATHNAME', 'availability_cache_memo_counts' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION availability_cache_internal.memo_counts(regprocedure) IS
'Internal: what happened to calls of a memoized function since the server started; NULL for who may not see '
'it.';

CREATE FUNCTION availability_cache_internal.memo_usage(OUT function regprocedure, OUT entries bigint,
                                                       OUT bytes bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_memo_usage' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION availability_cache_internal.memo_usage() IS
'Internal: what answers of this database''s functions take of memory, outdated ones included.';

CREATE FUNCTION availability_cache_internal.memo_seen(function regprocedure, OUT what text, OUT detail text)
    RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_memo_seen' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION availability_cache_internal.memo_seen(regprocedure) IS
'Internal: which rows of which tables the last computation of a function read, up to 8; nothing for who may '
'not see it.';

CREATE FUNCTION availability_cache_internal.memo_findings(function regprocedure, OUT what text,
                                                          OUT detail text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_memo_findings' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION availability_cache_internal.memo_findings(regprocedure) IS
'Internal: what in the source of a function, and in those that it calls, matters for keeping answers.';

CREATE FUNCTION availability_cache_internal.memo_key() RETURNS text[]
AS 'MODULE_PATHNAME', 'availability_cache_memo_key' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION availability_cache_internal.memo_key() IS
'Internal: what the key of each call of a memoized function has, beside its arguments and what vary_by '
'names.';

-- ---------------------------------------------------------------------------
-- Watching tables
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.watch(relation regclass, key_columns text[] DEFAULT NULL) RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    keys text[] := key_columns;
    there record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c
                   WHERE c.oid = relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                      AND c.relnamespace <> 'pg_catalog'::regnamespace) THEN
        RAISE EXCEPTION '% cannot be watched', relation
            USING ERRCODE = 'wrong_object_type',
                HINT = 'Name an ordinary or partitioned table that is not temporary.';
    END IF;
    IF NOT pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = relation), 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of table %', relation
            USING ERRCODE = 'insufficient_privilege', HINT = 'Its owner can watch it.';
    END IF;
    IF keys IS NULL THEN
        SELECT coalesce(array_agg(DISTINCT a.attname::text), '{}') INTO keys
          FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indrelid = relation AND i.indisvalid;
    END IF;
    IF EXISTS (SELECT FROM unnest(keys) k WHERE NOT EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = relation AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped)) THEN
        RAISE EXCEPTION '% has not all of the columns %', relation, keys
            USING ERRCODE = 'undefined_column', HINT = 'Name columns of the table in key_columns.';
    END IF;
    IF cardinality(keys) > 16 THEN
        RAISE EXCEPTION '% would have % key columns', relation, cardinality(keys)
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Name at most 16 in key_columns: those that functions look rows up by.';
    END IF;
    SELECT t.tgname, t.tgparentid, t.tgenabled, encode(t.tgargs, 'escape') AS args INTO there
      FROM pg_trigger t
     WHERE t.tgrelid = relation AND t.tgfoid = 'availability_cache_internal.watched_changed()'::regprocedure
     ORDER BY t.tgparentid DESC LIMIT 1;
    IF FOUND AND there.tgparentid <> 0 THEN
        RETURN keys;
    END IF;
    IF FOUND AND (there.tgenabled <> 'A'
                  OR there.args <> coalesce((SELECT string_agg(k || '\000', '') FROM unnest(keys) k), ''))
                      THEN
        EXECUTE format('DROP TRIGGER %I ON %s', there.tgname, relation);
    ELSIF FOUND THEN
        RETURN keys;
    END IF;
    EXECUTE format('CREATE TRIGGER availability_cache_watch AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH '
                   'ROW '
                   'EXECUTE FUNCTION availability_cache_internal.watched_changed(%s)',
                   relation, (SELECT string_agg(quote_literal(k), ', ') FROM unnest(keys) k));
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER availability_cache_watch', relation);
    RETURN keys;
END
$$;
COMMENT ON FUNCTION availability_cache.watch(regclass, text[]) IS
'Makes a table tell of its changes, by a trigger, so that answers of functions which read it can be kept; a '
'change outdates those that read a row with its old or new value in one of the key columns (by default the '
'leading columns of the table''s indexes; at most 16), or the whole table. Returns the key columns. Errors: '
'42809 no such table, 42703 no such column, 22023 more than 16, 42501 not yours.';

CREATE FUNCTION availability_cache.unwatch(relation regclass) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    trigger_name name;
BEGIN
    SELECT t.tgname INTO trigger_name FROM pg_trigger t
     WHERE t.tgrelid = relation AND t.tgfoid = 'availability_cache_internal.watched_changed()'::regprocedure
       AND t.tgparentid = 0;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, relation);
    RETURN true;
END
$$;
COMMENT ON FUNCTION availability_cache.unwatch(regclass) IS
'Takes the trigger away that watch() made; answers that read the table are not kept any more. Returns '
'whether there was one.';

CREATE FUNCTION availability_cache_internal.is_watched(relation regclass) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_trigger t
                    WHERE t.tgrelid = relation
                      AND t.tgfoid = 'availability_cache_internal.watched_changed()'::regprocedure
                      AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgtype = 29)
$$;
COMMENT ON FUNCTION availability_cache_internal.is_watched(regclass) IS
'Internal: whether a table tells of every change of its rows.';

CREATE FUNCTION availability_cache_internal.key_columns(relation regclass) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN t.tgnargs = 0 THEN '{}'
        ELSE (string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:t.tgnargs] END
      FROM pg_trigger t
     WHERE t.tgrelid = relation AND t.tgfoid = 'availability_cache_internal.watched_changed()'::regprocedure
     ORDER BY t.tgparentid DESC LIMIT 1
$$;
COMMENT ON FUNCTION availability_cache_internal.key_columns(regclass) IS
'Internal: the key columns of a watched table; NULL if it is not.';

-- ---------------------------------------------------------------------------
-- Memoizing functions
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.memo_tables(function regprocedure, search_path text)
    RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    WITH RECURSIVE r(relid) AS (
        SELECT m::oid FROM availability_cache_internal.memo_relations(function, search_path) m
        UNION
        SELECT x.relid FROM r CROSS JOIN LATERAL (
            SELECT d.refobjid FROM pg_rewrite w
              JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  AND d.refclassid = 'pg_class'::regclass
             WHERE w.ev_class = r.relid
            UNION ALL
            SELECT d.refobjid FROM pg_policy p
              JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                  AND d.refclassid = 'pg_class'::regclass
             WHERE p.polrelid = r.relid
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = r.relid AND NOT c.relispartition) x(relid))
    SELECT c.oid::regclass FROM r JOIN pg_class c ON c.oid = r.relid
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384
     ORDER BY c.oid::regclass::text
$$;
COMMENT ON FUNCTION availability_cache_internal.memo_tables(regprocedure, text) IS
'Internal: the tables behind memo_relations(): of views and policies, and children.';

CREATE FUNCTION availability_cache_internal.memo_search_path(function regprocedure, of_caller text)
    RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT substr(c, 13) FROM pg_proc p, unnest(p.proconfig) c
                     WHERE p.oid = function AND c LIKE 'search\_path=%'), of_caller)
$$;
COMMENT ON FUNCTION availability_cache_internal.memo_search_path(regprocedure, text) IS
'Internal: the search_path that a function runs with.';

CREATE FUNCTION availability_cache_internal.set_language(function regprocedure, new_language name)
    RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET check_function_bodies = off
AS $$
DECLARE
    p pg_proc;
    arguments text := pg_get_function_arguments(function);
    definition text := pg_get_functiondef(function);
    head_length int := strpos(definition, E'\nAS $');
    head text := left(definition, head_length);
BEGIN
    SELECT * INTO p FROM pg_proc WHERE oid = function;
    EXECUTE regexp_replace(head,
                           E'^(.*\n LANGUAGE )' || (SELECT lanname FROM pg_language WHERE oid = p.prolang)
                               || E'(\n.*)$',
                           '\1' || new_language || '\2')
            || substr(definition, head_length + 1);
    IF NOT EXISTS (SELECT FROM pg_proc n JOIN pg_language l ON l.oid = n.prolang
                    WHERE n.oid = function AND l.lanname = new_language AND n.prosrc = p.prosrc
                      AND n.prorettype = p.prorettype
                      AND pg_get_function_arguments(n.oid) = arguments
                      AND n.proconfig IS NOT DISTINCT FROM p.proconfig) THEN
        RAISE EXCEPTION 'the definition of % cannot be written in another language', function
            USING ERRCODE = 'feature_not_supported',
                HINT = format('Write CREATE OR REPLACE FUNCTION … LANGUAGE %s yourself.', new_language);
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.set_language(regprocedure, name) IS
'Internal: replaces a function by itself in another language.';

CREATE FUNCTION availability_cache_internal.memo_refuse(function regprocedure) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    p record;
    used_by text;
BEGIN
    SELECT f.*, l.lanname INTO p FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
     WHERE f.oid = function;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such function'
            USING ERRCODE = 'undefined_function', HINT = 'Name it with its argument types.';
    END IF;
    IF NOT pg_has_role(p.proowner, 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of function %', function
            USING ERRCODE = 'insufficient_privilege', HINT = 'Its owner can memoize it.';
    END IF;
    IF p.prokind <> 'f' THEN
        RAISE EXCEPTION '% is an aggregate, a window function or a procedure', function
            USING ERRCODE = 'wrong_object_type', HINT = 'Only plain functions can be memoized.';
    END IF;
    IF p.lanname NOT IN ('sql', 'plpgsql', 'memoized_sql', 'memoized_plpgsql') THEN
        RAISE EXCEPTION '% is in language %', function, p.lanname
            USING ERRCODE = 'feature_not_supported',
                HINT = 'Functions in sql and plpgsql can be memoized; call it from one.';
    END IF;
    IF p.prosqlbody IS NOT NULL THEN
        RAISE EXCEPTION '% has a body in SQL-standard form', function
            USING ERRCODE = 'feature_not_supported', HINT = 'Write its body as a text: AS $body$ … $body$.';
    END IF;
    IF p.provolatile = 'i' THEN
        RAISE EXCEPTION '% is IMMUTABLE: the server computes it when it plans', function
            USING ERRCODE = 'invalid_object_definition',
                HINT = 'Declare it STABLE, which it is if it reads tables; otherwise it gains nothing.';
    END IF;
    IF p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype, 'void'::regtype) THEN
        RAISE EXCEPTION '% returns %, which is no answer', function, p.prorettype::regtype
            USING ERRCODE = 'wrong_object_type',
                HINT = 'Only functions that return something can be memoized.';
    END IF;
    SELECT string_agg(pg_describe_object(d.classid, d.objid, d.objsubid), ', ' ORDER BY 1) INTO used_by
      FROM pg_depend d LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
     WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = function
       AND (d.classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_policy'::regclass)
            OR c.relkind IN ('i', 'I', 'r', 'p'));
    IF used_by IS NOT NULL THEN
        RAISE EXCEPTION '% is used by %', function, used_by
            USING ERRCODE = 'object_in_use',
                HINT = 'Indexes, constraints, defaults, generated columns and policies must go on with the '
                       'function that they have.';
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.memo_refuse(regprocedure) IS
'Internal: raises an error if a function cannot be memoized, whatever its source is.';

CREATE FUNCTION availability_cache_internal.until_name(function regprocedure, valid_until regprocedure)
    RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_this oidvector := (SELECT p.proargtypes FROM pg_proc p WHERE p.oid = function);
BEGIN
    IF EXISTS (SELECT FROM pg_proc u WHERE u.oid = valid_until
                  AND (u.prorettype <> 'timestamptz'::regtype OR u.proretset OR u.prokind <> 'f'
                       OR u.proargtypes <> of_this)) THEN
        RAISE EXCEPTION '% cannot say until when an answer of % holds', valid_until, function
            USING ERRCODE = 'invalid_function_definition',
                  HINT = format('Name a function (%s) that returns timestamptz.',
                                pg_get_function_identity_arguments(function));
    END IF;
    RETURN (SELECT format('%I.%I', n.nspname, u.proname) FROM pg_proc u
            JOIN pg_namespace n ON n.oid = u.pronamespace WHERE u.oid = valid_until);
END
$$;
COMMENT ON FUNCTION availability_cache_internal.until_name(regprocedure, regprocedure) IS
'Internal: how a memoized function''s definition names the function that says until when its answers hold.';

CREATE FUNCTION availability_cache_internal.set_option(function regprocedure, option text, setting text)
    RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF setting IS NOT NULL THEN
        EXECUTE format('ALTER FUNCTION %s SET availability_cache.memoize_%s = %L', function, option, setting);
    ELSIF EXISTS (SELECT FROM pg_proc p, unnest(p.proconfig) c
                   WHERE p.oid = function
                     AND starts_with(c, format('availability_cache.memoize_%s=', option))) THEN
        EXECUTE format('ALTER FUNCTION %s RESET availability_cache.memoize_%s', function, option);
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.set_option(regprocedure, text, text) IS
'Internal: writes an option of memoize() into a function''s definition; NULL takes it away.';

CREATE FUNCTION availability_cache_internal.memo_option(function regprocedure, option text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT substr(c, length(option) + 29) FROM pg_proc p, unnest(p.proconfig) c
     WHERE p.oid = function AND starts_with(c, format('availability_cache.memoize_%s=', option))
$$;
COMMENT ON FUNCTION availability_cache_internal.memo_option(regprocedure, text) IS
'Internal: an option of memoize() in a function''s definition; NULL if it is not there.';

CREATE FUNCTION availability_cache.memoize(function regprocedure, vary_by text[] DEFAULT '{}',
                                           ttl interval DEFAULT NULL,
    valid_until regprocedure DEFAULT NULL, namespace text DEFAULT NULL, assume_stable boolean DEFAULT false,
    search_path text DEFAULT pg_catalog.current_setting('search_path'))
RETURNS TABLE(relation regclass, key_columns text[], action text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    p record;
    problem text;
BEGIN
    PERFORM availability_cache_internal.memo_refuse(function);
    IF extract(epoch FROM ttl) < 1 THEN
        RAISE EXCEPTION 'ttl must be a second at least'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how long an answer may be kept.';
    END IF;
    SELECT f.prosecdef, f.proconfig, l.lanname INTO p FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
     WHERE f.oid = function;
    IF p.lanname NOT LIKE 'memoized%' THEN
        PERFORM availability_cache_internal.set_language(function, 'memoized_' || p.lanname);
    END IF;
    PERFORM availability_cache_internal.set_option(function, o.name, o.setting)
       FROM (VALUES ('vary_by', nullif(array_to_string(vary_by, ','), '')),
                    ('ttl', extract(epoch FROM ttl)::int::text),
                    ('valid_until', availability_cache_internal.until_name(function, valid_until)),
                    ('namespace', namespace),
                    ('assume_stable', CASE WHEN assume_stable THEN 'on' END)) o(name, setting);
    problem := availability_cache_internal.memo_problem(function);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'answers of % could not be kept: %', function, problem
            USING ERRCODE = 'feature_not_supported',
                HINT = 'availability_cache.memo_explain() shows what was found in it and in what it calls.';
    END IF;
    IF p.lanname = 'sql' AND NOT p.prosecdef AND p.proconfig IS NULL THEN
        RAISE WARNING '% may have been inlined in queries that call it, and no longer is', function
            USING HINT = 'Where a condition on its rows used an index, unmemoize() it.';
    END IF;
    -- The library is there by now: without preload this setting is not.
    IF current_setting('availability_cache.shared_memory_size', true) IS NULL THEN
        RAISE WARNING '% is computed each time: availability_cache is not in shared_preload_libraries',
            function
            USING HINT = 'Add availability_cache to shared_preload_libraries in postgresql.conf and restart '
                         'the server.';
    END IF;
    FOR relation IN
        SELECT t FROM availability_cache_internal.memo_tables(function,
                                                              availability_cache_internal.memo_search_path(function, search_path)) t
    LOOP
        IF availability_cache_internal.is_watched(relation) THEN
            action := 'watched already';
        ELSIF pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = relation), 'USAGE') THEN
            PERFORM availability_cache.watch(relation);
            action := 'watched';
        ELSE
            action := format('not watched: its owner can run SELECT availability_cache.watch(%L)', relation);
        END IF;
        key_columns := availability_cache_internal.key_columns(relation);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.memoize(regprocedure, text[], interval, regprocedure, text, boolean,
                                               text) IS
'Answers a function in sql or plpgsql from memory from now on, where that is exact, and watches the tables '
'that it reads. vary_by: settings that answers depend on, or fields of one that holds JSON '
'(request.jwt.claims.sub). ttl: how long an answer may be kept although the function looks at the clock; '
'the one option that is not exact. valid_until: a function with the same arguments that returns until when '
'the answer holds. namespace: for memo_clear_namespace(). assume_stable: what it calls and cannot be seen '
'through goes by its arguments alone, which nobody checks. search_path: as callers have it. Returns a row '
'for each table. Errors: 42501 not yours, 42809 not such a function, 0A000 its answers could not be kept, '
'42P17 IMMUTABLE, 42P13 another valid_until is needed, 55006 used where it must stay as it is.';

CREATE FUNCTION availability_cache.unmemoize(function regprocedure) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_language name;
BEGIN
    SELECT l.lanname INTO old_language FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
     WHERE f.oid = function;
    IF old_language IS NULL OR old_language NOT IN ('memoized_sql', 'memoized_plpgsql') THEN
        RETURN false;
    END IF;
    PERFORM availability_cache_internal.set_language(function, substr(old_language, 10));
    PERFORM availability_cache_internal.set_option(function, o, NULL)
       FROM unnest('{vary_by,ttl,valid_until,namespace,assume_stable}'::text[]) o;
    RETURN true;
END
$$;
COMMENT ON FUNCTION availability_cache.unmemoize(regprocedure) IS
'Gives a memoized function its language back; the tables stay watched. Returns whether it was memoized. '
'Error 42501: it is not yours.';

CREATE FUNCTION availability_cache.memo_explain(function regprocedure,
    search_path text DEFAULT pg_catalog.current_setting('search_path'))
RETURNS TABLE(what text, detail text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'language', l.lanname::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.oid = function
    UNION ALL
    SELECT 'option', c FROM pg_proc p, unnest(p.proconfig) c
     WHERE p.oid = function AND c LIKE 'availability\_cache.%'
    UNION ALL
    SELECT 'in the key',
           concat_ws(', ', 'arguments',
                     nullif(replace(availability_cache_internal.memo_option(function, 'vary_by'), ',', ', '),
                            ''),
                                   array_to_string(availability_cache_internal.memo_key(), ', '))
    UNION ALL
    SELECT 'table',
           format('%s: %s', t, CASE WHEN availability_cache_internal.is_watched(t) THEN
                  format('watched, key columns: %s',
                         coalesce(nullif(array_to_string(availability_cache_internal.key_columns(t), ', '),
                                         ''), 'none'))
                  ELSE 'not watched' END)
      FROM availability_cache_internal.memo_tables(function,
                                                   availability_cache_internal.memo_search_path(function,
                                                           search_path)) t
    UNION ALL
    SELECT s.what, s.detail FROM availability_cache_internal.memo_seen(function) s
    UNION ALL
    SELECT f.what, f.detail FROM availability_cache_internal.memo_findings(function) f
    UNION ALL
    SELECT 'not kept, by the source', m FROM availability_cache_internal.memo_problem(function) m
     WHERE m IS NOT NULL
    UNION ALL
    SELECT 'not kept, the last time', c.reason FROM availability_cache_internal.memo_counts(function) c
     WHERE c.reason IS NOT NULL
$$;
COMMENT ON FUNCTION availability_cache.memo_explain(regprocedure, text) IS
'What is known of a function in sql or plpgsql, memoized or not: its options, what is in the key of a call, '
'the tables that its source reads and whether they are watched, which rows its last computation read and '
'why all of a table, what was found in it and in what it calls, and why answers are not kept.';

CREATE VIEW availability_cache.memoized AS
SELECT p.oid::regprocedure AS function, c.hits + c.computed AS calls, c.hits, c.computed AS misses,
       c.not_kept, c.reason,
       coalesce(u.entries, 0) AS entries, coalesce(u.bytes, 0) AS bytes,
       round(c.compute_us::numeric / nullif(c.computed, 0), 1) AS compute_us,
       round(c.hit_ns / 1000.0 / nullif(c.timed, 0), 2) AS hit_us,
       o.vary_by, o.ttl::int AS ttl, o.valid_until, o.namespace, o.assume_stable IS NOT NULL AS assume_stable
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
       CROSS JOIN LATERAL availability_cache_internal.memo_counts(p.oid) c
       CROSS JOIN LATERAL (SELECT availability_cache_internal.memo_option(p.oid, 'vary_by'),
                           availability_cache_internal.memo_option(p.oid, 'ttl'),
                                  availability_cache_internal.memo_option(p.oid, 'valid_until'),
                                  availability_cache_internal.memo_option(p.oid, 'namespace'),
                                  availability_cache_internal.memo_option(p.oid, 'assume_stable')) o(vary_by,
                                          ttl, valid_until, namespace, assume_stable)
       LEFT JOIN availability_cache_internal.memo_usage() u ON u.function = p.oid
 WHERE l.lanname IN ('memoized_sql', 'memoized_plpgsql')
   AND (pg_has_role(p.proowner, 'USAGE') OR pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW availability_cache.memoized IS
'The memoized functions that are yours (to pg_read_all_stats, all of the database), and what happened to '
'their calls since the counters were reset.';
COMMENT ON COLUMN availability_cache.memoized.function IS 'The function.';
COMMENT ON COLUMN availability_cache.memoized.calls IS 'hits and misses.';
COMMENT ON COLUMN availability_cache.memoized.hits IS 'Calls answered from memory.';
COMMENT ON COLUMN availability_cache.memoized.misses IS 'Calls that were computed.';
COMMENT ON COLUMN availability_cache.memoized.not_kept IS
    'Of the misses, those whose answer cannot be kept: see reason.';
COMMENT ON COLUMN availability_cache.memoized.reason IS 'Why an answer was not kept last.';
COMMENT ON COLUMN availability_cache.memoized.entries IS 'Answers in memory, outdated ones included.';
COMMENT ON COLUMN availability_cache.memoized.bytes IS
    'What they take of availability_cache.shared_memory_size.';
COMMENT ON COLUMN availability_cache.memoized.hit_us IS
    'Mean time of a hit, in microseconds, of the first few and one in 64.';
COMMENT ON COLUMN availability_cache.memoized.valid_until IS
    'The function that says until when an answer holds.';
COMMENT ON COLUMN availability_cache.memoized.namespace IS 'What memo_clear_namespace() knows it by.';
COMMENT ON COLUMN availability_cache.memoized.assume_stable IS
    'Whether what cannot be seen through is taken to go by its arguments alone.';
COMMENT ON COLUMN availability_cache.memoized.compute_us IS 'Mean time of a computation, in microseconds.';
COMMENT ON COLUMN availability_cache.memoized.vary_by IS 'Settings that answers depend on.';
COMMENT ON COLUMN availability_cache.memoized.ttl IS
    'How long an answer may be kept, in seconds; NULL: until it changes.';
GRANT SELECT ON availability_cache.memoized TO PUBLIC;
