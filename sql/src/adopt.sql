-- ---------------------------------------------------------------------------
-- adopt() and unadopt(): take the place of functions, table and triggers that have our names, and give it
-- back. The update script has this file too.
-- ---------------------------------------------------------------------------

-- What unadopt() runs, last step first. Nobody may write here: it runs as whoever calls unadopt(), a
-- superuser.
CREATE TABLE availability_cache_internal.adopted (
    step integer PRIMARY KEY,
    object text NOT NULL,
    action text NOT NULL,
    undo text NOT NULL
);
COMMENT ON TABLE availability_cache_internal.adopted IS
    'Internal: what adopt() did, and the command that undoes it.';
SELECT pg_catalog.pg_extension_config_dump('availability_cache_internal.adopted', '');

CREATE FUNCTION availability_cache_internal.extension_schema() RETURNS regnamespace
LANGUAGE sql STABLE
RETURN (SELECT e.extnamespace::regnamespace FROM pg_catalog.pg_extension e
        WHERE e.extname = 'availability_cache');
COMMENT ON FUNCTION availability_cache_internal.extension_schema() IS
    'Internal: where the extension''s functions are, or would be.';

-- Not the extension's, which are in its schemas as long as others have the names.
CREATE FUNCTION availability_cache_internal.classic_functions(name name) RETURNS SETOF regprocedure
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE p.proname = name AND p.pronamespace = availability_cache_internal.extension_schema()
$$;
COMMENT ON FUNCTION availability_cache_internal.classic_functions(name) IS
    'Internal: functions of a name of ours in the extension''s schema.';

CREATE FUNCTION availability_cache_internal.classic_function(name name) RETURNS regprocedure
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f FROM availability_cache_internal.classic_functions(name) f JOIN pg_proc p ON p.oid = f
     WHERE p.proargtypes = '2950 2950 1082 25'::oidvector
$$;
COMMENT ON FUNCTION availability_cache_internal.classic_function(name) IS
    'Internal: the one with the arguments (uuid, uuid, date, text).';

-- Of plain names only: it becomes part of a command, and a name that is not quoted may have anything in it.
CREATE FUNCTION availability_cache_internal.plain_search_path(function regprocedure) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT x.path FROM pg_proc p, unnest(p.proconfig) c, substr(c, 13) x(path)
     WHERE p.oid = function AND c LIKE 'search\_path=%'
       AND x.path ~ '^("[A-Za-z0-9_$]+"|[a-z0-9_]+)(, *("[A-Za-z0-9_$]+"|[a-z0-9_]+))*$'
$$;
COMMENT ON FUNCTION availability_cache_internal.plain_search_path(regprocedure) IS
    'Internal, of adopt(): the search_path that a function says, as a list of schemas; NULL: none, or not '
    'such a list.';

-- By their names, whatever they call; and what calls the trigger function of the classic name.
CREATE FUNCTION availability_cache_internal.classic_triggers()
RETURNS TABLE (trigger oid, relation regclass, name name, function regprocedure)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.oid, t.tgrelid::regclass, t.tgname, t.tgfoid::regprocedure
      FROM pg_trigger t
     WHERE NOT t.tgisinternal AND t.tgparentid = 0
       AND t.tgfoid <> availability_cache_internal.trigger_function()
       AND (t.tgname LIKE 'trigger\_invalidate\_cache\_on\_%'
            OR t.tgfoid = to_regprocedure('private.invalidate_availability_cache()'))
$$;
COMMENT ON FUNCTION availability_cache_internal.classic_triggers() IS
    'Internal: the triggers that adopt() takes away.';

-- ---- what stands in the way ----

CREATE FUNCTION availability_cache_internal.adopt_function_problems()
    RETURNS TABLE (object text, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH f AS (
        SELECT n.name, p.*, p.oid::regprocedure::text AS called
          FROM unnest('{get_available_slots,get_available_slots_v2}'::name[]) n(name)
          LEFT JOIN pg_proc p ON p.oid = availability_cache_internal.classic_function(n.name)),
    v1 AS (SELECT * FROM f WHERE name = 'get_available_slots' AND oid IS NOT NULL),
    v2 AS (SELECT * FROM f WHERE name = 'get_available_slots_v2' AND oid IS NOT NULL)
    SELECT format('%s.%s(uuid, uuid, date, text)', availability_cache_internal.extension_schema(), f.name),
           'is not there'
      FROM f WHERE f.oid IS NULL
    UNION ALL
    SELECT o::text, CASE n WHEN 'get_available_slots_json' THEN 'has the name of one of ours'
        ELSE 'is an overload: calls would be ambiguous' END
      FROM unnest('{get_available_slots,get_available_slots_v2,get_available_slots_json}'::name[]) n,
           availability_cache_internal.classic_functions(n) o
     WHERE o IS DISTINCT FROM availability_cache_internal.classic_function(n)
        OR n = 'get_available_slots_json'
    UNION ALL
    SELECT called, CASE WHEN prokind <> 'f' THEN 'is no plain function'
                        WHEN name = 'get_available_slots' AND NOT proretset THEN 'returns no rows'
                        WHEN name = 'get_available_slots_v2'
                            AND (proretset OR prorettype NOT IN ('jsonb'::regtype, 'json'::regtype))
                                THEN 'returns neither jsonb nor json' END
      FROM f WHERE oid IS NOT NULL
    UNION ALL
    -- What v2 is asked is passed on by places, the stylist first.
    SELECT v1.called, format('has its arguments in another order than %s', v2.called)
      FROM v1, v2
     WHERE EXISTS (SELECT FROM generate_series(1, 4) i
                   WHERE v1.proargnames[i] <> v2.proargnames[i]
                     AND v2.proargnames[i] = ANY (v1.proargnames[1:4]))
    UNION ALL
    SELECT called, 'takes the service first, by the names of its arguments, and not the stylist'
      FROM f WHERE proargnames[1] ~* 'service' AND proargnames[2] !~* 'service'
    UNION ALL
    SELECT called, format('cannot be memoized: %s', CASE WHEN provolatile = 'i' THEN 'it is IMMUTABLE'
                          WHEN prosqlbody IS NOT NULL THEN 'its body is in SQL-standard form'
                                            WHEN l.lanname NOT IN ('sql', 'plpgsql', 'memoized_sql',
                                                                   'memoized_plpgsql') THEN 'it is in language ' || l.lanname END)
      FROM v1 JOIN pg_language l ON l.oid = prolang
     WHERE provolatile = 'i' OR prosqlbody IS NOT NULL
        OR l.lanname NOT IN ('sql', 'plpgsql', 'memoized_sql', 'memoized_plpgsql')
    UNION ALL
    -- It will run as its owner; so it did before, or its callers would see more than they could.
    SELECT v1.called, CASE WHEN v2.prosecdef
        THEN format('runs as its caller, which is the owner of %s, and belongs to another', v2.called)
                           ELSE format('and %s run as their caller: row-level security and grants may decide '
                                       'for each. Make %s SECURITY DEFINER, if all may see the same',
                                           v2.called, v1.called) END
      FROM v1, v2 WHERE NOT v1.prosecdef AND NOT (v2.prosecdef AND v1.proowner = v2.proowner)
    UNION ALL
    SELECT v1.called, format('may not be called by %s, who may call %s',
                             string_agg(w.who, ', ' ORDER BY w.who), v2.called)
      FROM v1, v2
     CROSS JOIN LATERAL (SELECT r.rolname::text AS who FROM pg_roles r
                          WHERE has_function_privilege(r.oid, v2.oid, 'EXECUTE')
                            AND NOT has_function_privilege(r.oid, v1.oid, 'EXECUTE')) w
     WHERE NOT v2.prosecdef
     GROUP BY v1.called, v2.called
    UNION ALL
    SELECT v1.called, format('does not say its search_path, and would run with its callers'': ALTER FUNCTION '
                             '%s SET search_path = …', v1.called)
      FROM v1, v2
     WHERE NOT EXISTS (SELECT FROM unnest(v1.proconfig) c WHERE c LIKE 'search\_path=%')
       AND NOT (v2.prosecdef AND availability_cache_internal.plain_search_path(v2.oid) IS NOT NULL)
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_function_problems() IS
    'Internal: what of the classic functions keeps adopt() from going on.';

CREATE FUNCTION availability_cache_internal.adopt_table_problems() RETURNS TABLE (object text, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH t AS (SELECT c.* FROM pg_class c WHERE c.oid = to_regclass('private.availability_cache'))
    SELECT 'private.availability_cache', 'is no ordinary table' FROM t WHERE relkind <> 'r' OR relispartition
    UNION ALL
    SELECT 'private.availability_cache', 'has the trigger ' || g.tgname FROM t
      JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'private.availability_cache', 'is used by ' || pg_describe_object(d.classid, d.objid, d.objsubid)
      FROM t JOIN pg_depend d ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid)
          OR (d.refclassid = 'pg_type'::regclass AND d.refobjid = t.reltype)
      LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
      LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
      LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
     WHERE d.deptype = 'n' AND coalesce(k.conrelid, i.indrelid, p.polrelid, 0) <> t.oid
    UNION ALL
    -- By its text: what is not among the triggers and functions that go may be a job's.
    SELECT p.oid::regprocedure::text,
           'writes to private.availability_cache, which will be the extension''s: only reading and deleting '
           'go on'
      FROM t JOIN pg_proc p
          ON p.prosrc ~* '\m(insert\s+into|update|merge\s+into|truncate(\s+table)?)\s+(only\s+)?("?private"?\s*\.\s*)?"?availability_cache"?(?![\w".]|\s+\.)'
     WHERE p.pronamespace NOT IN (SELECT n.oid FROM pg_namespace n
                                  WHERE n.nspname IN ('pg_catalog', 'availability_cache',
                                                      'availability_cache_internal'))
       AND p.oid NOT IN (SELECT d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                          WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'availability_cache'
                            AND d.classid = 'pg_proc'::regclass)
       AND p.oid NOT IN (SELECT c.function FROM availability_cache_internal.classic_triggers() c)
       AND p.oid IS DISTINCT FROM to_regprocedure('private.invalidate_availability_cache()')
       AND p.oid IS DISTINCT FROM availability_cache_internal.classic_function('get_available_slots_v2')
    UNION ALL
    SELECT format('trigger %I on %s', c.name, c.relation),
           'calls private.invalidate_availability_cache(), and has another name than those that adopt() knows'
      FROM availability_cache_internal.classic_triggers() c
     WHERE c.name NOT LIKE 'trigger\_invalidate\_cache\_on\_%'
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_table_problems() IS
    'Internal: what of the classic table and triggers keeps adopt() from going on.';

-- ---- the tables that would be attached ----

-- NULL: it can be, once its owner may; that is tried, and taken back.
CREATE FUNCTION availability_cache_internal.attach_problem(role text, relation regclass, may_attach boolean)
    RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    col availability_cache.source_column;
BEGIN
    IF may_attach THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', availability_cache_internal.trigger_function(),
                       (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = relation));
    END IF;
    PERFORM availability_cache_internal.check_relation(role, relation);
    FOR col IN SELECT * FROM availability_cache.source_column sc WHERE sc.role = attach_problem.role LOOP
        PERFORM availability_cache_internal.resolve_column(relation, col, NULL);
    END LOOP;
    RAISE EXCEPTION 'it can' USING ERRCODE = 'AC001';
EXCEPTION
    WHEN SQLSTATE 'AC001' THEN
        RETURN NULL;
    WHEN OTHERS THEN
        RETURN SQLERRM;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.attach_problem(text, regclass, boolean) IS
    'Internal, of adopt(): why a table cannot be attached.';

-- In the extension's schema, else in public. Whoever has the function may decide what is answered: their
-- tables may be attached.
CREATE FUNCTION availability_cache_internal.adoptable_tables()
    RETURNS TABLE (role text, relation regclass, problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.role, t.relation,
           availability_cache_internal.attach_problem(t.role, t.relation, t.relowner = t.proowner)
      FROM (SELECT DISTINCT ON (s.role) s.role, c.oid::regclass AS relation, c.relowner, p.proowner
              FROM (SELECT DISTINCT sc.role FROM availability_cache.source_column sc) s
              JOIN pg_class c ON c.relname = s.role AND c.relkind IN ('r', 'p')
               AND c.relnamespace IN (availability_cache_internal.extension_schema(),
                                      to_regnamespace('public'))
              JOIN pg_proc p ON p.oid = availability_cache_internal.classic_function('get_available_slots')
             ORDER BY s.role, c.relnamespace <> availability_cache_internal.extension_schema()) t
$$;
COMMENT ON FUNCTION availability_cache_internal.adoptable_tables() IS
    'Internal, of adopt(): the tables of the usual names, and why one cannot be attached.';

-- Those that the old function reads, and the holds, whose ends its answers depend on.
CREATE FUNCTION availability_cache_internal.tables_to_watch() RETURNS SETOF regclass
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.t
      FROM (SELECT m.t FROM availability_cache_internal.classic_function('get_available_slots') f,
                   availability_cache_internal.memo_tables(f, availability_cache_internal.memo_search_path(f,
                       availability_cache_internal.plain_search_path(availability_cache_internal.classic_function('get_available_slots_v2')))) m(t)
            UNION
            SELECT a.relation FROM availability_cache_internal.adoptable_tables() a
             WHERE a.role = 'booking_reservations' AND a.problem IS NULL) w
     WHERE NOT availability_cache_internal.is_watched(w.t)
     ORDER BY w.t::text
$$;
COMMENT ON FUNCTION availability_cache_internal.tables_to_watch() IS
    'Internal, of adopt(): tables that do not tell of their changes yet.';

CREATE FUNCTION availability_cache_internal.adopt_tables() RETURNS SETOF regclass
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relation FROM availability_cache_internal.classic_triggers() c
    UNION SELECT a.relation FROM availability_cache_internal.adoptable_tables() a
    UNION SELECT w FROM availability_cache_internal.tables_to_watch() w
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_tables() IS
    'Internal, of adopt(): the tables whose triggers it changes.';

-- What keeps answers of the old function out of the cache; NULL: nothing that is known. The clock does not,
-- where it is known when slots start and holds end.
CREATE FUNCTION availability_cache_internal.adopt_memo_problem(function regprocedure) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m FROM availability_cache_internal.memo_problem(function) m
     WHERE NOT (m LIKE 'it looks at the clock%'
                AND EXISTS (SELECT FROM pg_proc p,
                            unnest(p.proargnames, p.proallargtypes, p.proargmodes) a(name, type, mode)
                             WHERE p.oid = function AND a.name = 'slot_start_utc'
                               AND a.type = 'timestamptz'::regtype AND a.mode <> 'i')
                AND EXISTS (SELECT FROM availability_cache_internal.adoptable_tables() t
                            JOIN pg_attribute c ON c.attrelid = t.relation AND NOT c.attisdropped
                              JOIN availability_cache.source_column s ON s.role = t.role
                                  AND s.name = 'expires_at' AND c.attname = ANY (s.usual_names)
                             WHERE t.role = 'booking_reservations' AND t.problem IS NULL))
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_memo_problem(regprocedure) IS
    'Internal, of adopt(): why answers of the old function could not be kept.';

-- ---- whether v2 gives what v1 does ----

CREATE FUNCTION availability_cache_internal.asked_as(owner regrole, search_path text, query text)
    RETURNS jsonb
AS 'MODULE_PATHNAME', 'availability_cache_asked_as'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache_internal.asked_as(regrole, text, text) IS
    'Internal, of adopt(): what a query gives to a role that the caller can act as. Error 42501.';

-- As the owner of v1, and undone: v2 may write to its cache. NULL: it cannot be asked.
CREATE FUNCTION availability_cache_internal.adopt_ask(query text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v1 pg_proc;
    said jsonb;
BEGIN
    SELECT p.* INTO v1 FROM pg_proc p
     WHERE p.oid = availability_cache_internal.classic_function('get_available_slots');
    said := availability_cache_internal.asked_as(v1.proowner,
                                                 coalesce(availability_cache_internal.plain_search_path(v1.oid),
                availability_cache_internal.plain_search_path(availability_cache_internal.classic_function('get_available_slots_v2')), 'pg_catalog, pg_temp'), query);
    RAISE EXCEPTION 'asked' USING ERRCODE = 'AC001';
EXCEPTION
    WHEN OTHERS THEN
        RETURN CASE WHEN SQLSTATE = 'AC001' THEN said END;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_ask(text) IS
    'Internal, of adopt(): what a query gives to the owner of get_available_slots, with all that it did '
    'undone; NULL if it fails.';

-- Stylists with a service of theirs, as an array of pairs: twenty, by chance.
CREATE FUNCTION availability_cache_internal.adopt_samples() RETURNS jsonb
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT availability_cache_internal.adopt_ask(format(
               'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(x.a, x.b)) FROM (SELECT %I AS a, %I '
               'AS b FROM %s ORDER BY pg_catalog.random() LIMIT 20) x',
               max(c.attname) FILTER (WHERE s.name = 'stylist_user_id'),
               max(c.attname) FILTER (WHERE s.name = 'service_id'), t.relation))
      FROM availability_cache_internal.adoptable_tables() t
      JOIN availability_cache.source_column s ON s.role = t.role
          AND s.name IN ('stylist_user_id', 'service_id')
      JOIN pg_attribute c ON c.attrelid = t.relation AND c.attname = ANY (s.usual_names)
          AND NOT c.attisdropped
     WHERE t.role = 'stylist_services' AND t.problem IS NULL
     GROUP BY t.relation HAVING count(*) = 2
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_samples() IS
    'Internal, of adopt(): what the classic functions are asked, to compare them; NULL if there is no '
    'telling.';

-- Only a v2 that runs as its owner, whoever asks: what others have planted on its way runs with those rights
-- anyhow, and would not where it runs as its caller. Answers from the old cache say nothing. Twice, since a
-- booking may have come between the two.
CREATE FUNCTION availability_cache_internal.adopt_answer_problems() RETURNS TABLE (object text, problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    WITH q AS (
        SELECT format('SELECT pg_catalog.jsonb_build_array(%s(%s), (SELECT '
                      'coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s)), %L) FROM %s(%2$s) s))',
                      v2.called, format('%L, %L, %L, %L', x.pair ->> 0, x.pair ->> 1,
                                        CURRENT_DATE + 3 * x.n::integer - 2, r.default_timezone), '[]',
                                        v1.called) AS query,
               x.pair, CURRENT_DATE + 3 * x.n::integer - 2 AS day
          FROM (SELECT f.oid::regproc::text FROM pg_proc f
                WHERE f.oid = availability_cache_internal.classic_function('get_available_slots')) v1(called),
               (SELECT f.oid::regproc::text FROM pg_proc f
                WHERE f.oid = availability_cache_internal.classic_function('get_available_slots_v2')
                  AND f.prosecdef) v2(called),
               availability_cache.rules r,
               jsonb_array_elements(availability_cache_internal.adopt_samples()) WITH ORDINALITY x(pair, n)),
    said AS MATERIALIZED (SELECT q.*, availability_cache_internal.adopt_ask(q.query) AS a FROM q),
    fresh AS (SELECT * FROM said
              WHERE a -> 0 ->> 'success' = 'true' AND a -> 0 ->> 'cached' IS DISTINCT FROM 'true')
    (SELECT 'get_available_slots_v2',
     format('gives other slots than get_available_slots has rows, as of stylist %s, service %s on %s: it '
            'would give all of these', f.pair ->> 0, f.pair ->> 1, f.day)
       FROM fresh f
      WHERE f.a -> 0 -> 'slots' IS DISTINCT FROM f.a -> 1
        AND (SELECT b.a -> 0 -> 'slots' IS DISTINCT FROM b.a -> 1
             FROM availability_cache_internal.adopt_ask(f.query) b(a))
      LIMIT 1)
    UNION ALL
    SELECT 'get_available_slots_v2',
           format('gives "%s" beside the slots, which would not be there', string_agg(DISTINCT k, '", "'))
      FROM fresh f, jsonb_object_keys(f.a -> 0) k
     WHERE k NOT IN ('success', 'slots', 'cached', 'cache_hit', 'computed_at')
    HAVING count(*) > 0
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_answer_problems() IS
    'Internal, of adopt(): where get_available_slots_v2 does not give the rows of get_available_slots.';

-- The fourth argument's default, else the only zone that the source names.
CREATE FUNCTION availability_cache_internal.classic_timezone(function regprocedure) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT d[1] FROM regexp_match(pg_get_function_arg_default(p.oid, 4), '^''(.+)''::') d
          WHERE availability_cache.is_timezone(d[1])),
        (SELECT min(z[1]) FROM regexp_matches(p.prosrc, '''([A-Za-z_]+/[A-Za-z_/+-]+)''', 'g') z
          WHERE availability_cache.is_timezone(z[1]) HAVING count(DISTINCT z[1]) = 1))
      FROM pg_proc p WHERE p.oid = function
$$;
COMMENT ON FUNCTION availability_cache_internal.classic_timezone(regprocedure) IS
'Internal, of adopt(): the time zone that the old function takes for customers without one; NULL if there '
'is no telling.';

-- ---- the steps ----

CREATE TYPE availability_cache_internal.adopt_step AS (object text, action text, command text, undo text);
COMMENT ON TYPE availability_cache_internal.adopt_step IS
    'Internal: what adopt() does, to what, by which command, and what undoes it; command NULL: nothing.';

CREATE FUNCTION availability_cache_internal.adopt_trigger_steps()
    RETURNS SETOF availability_cache_internal.adopt_step
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('trigger %I on %s', c.name, c.relation), format('dropped: it called %s', c.function),
           format('DROP TRIGGER %I ON %s', c.name, c.relation),
           concat_ws('; ', pg_get_triggerdef(c.trigger),
                     CASE g.tgenabled WHEN 'O' THEN NULL
                          ELSE format('ALTER TABLE %s %s TRIGGER %I', c.relation, CASE g.tgenabled WHEN 'A'
                                      THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA'
                                          ELSE 'DISABLE' END, c.name) END,
                     'COMMENT ON TRIGGER ' || quote_ident(c.name) || ' ON ' || c.relation || ' IS '
                         || quote_literal(obj_description(c.trigger, 'pg_trigger')))
      FROM availability_cache_internal.classic_triggers() c JOIN pg_trigger g ON g.oid = c.trigger
     ORDER BY c.relation::text, c.name
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_trigger_steps() IS
    'Internal, of adopt(): the old triggers.';

-- Who reads the old table or empties it, where row-level security does not choose rows for them: they saw it
-- whole. They go on with ours in its place.
CREATE FUNCTION availability_cache_internal.adopt_grant_steps()
    RETURNS SETOF availability_cache_internal.adopt_step
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'table private.availability_cache',
           format('may be %s by %s, as the old one', CASE g.privilege_type WHEN 'SELECT' THEN 'read'
                  ELSE 'emptied' END, g.who),
           format('GRANT %s ON private.availability_cache TO %s', g.privilege_type, g.who),
           format('REVOKE %s ON private.availability_cache FROM %s', g.privilege_type, g.who)
      FROM (SELECT DISTINCT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC'
            ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who
              FROM pg_class c CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
                LEFT JOIN pg_roles r ON r.oid = a.grantee
             WHERE c.oid = to_regclass('private.availability_cache')
               AND a.privilege_type IN ('SELECT', 'DELETE') AND r.rolsuper IS NOT TRUE
               AND r.rolname IS DISTINCT FROM 'pg_monitor'
               AND (NOT c.relrowsecurity OR r.rolbypassrls
                    OR (a.grantee = c.relowner AND NOT c.relforcerowsecurity))) g
     ORDER BY g.who, g.privilege_type
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_grant_steps() IS
    'Internal, of adopt(): who may read and empty private.availability_cache.';

CREATE FUNCTION availability_cache_internal.adopt_table_steps()
    RETURNS SETOF availability_cache_internal.adopt_step
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'role ' || quote_ident(r.who), 'may attach tables, as the owner of get_available_slots',
           format('GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO %I', r.who),
           format('REVOKE EXECUTE ON FUNCTION private.invalidate_availability_cache() FROM %I', r.who)
      FROM (SELECT pg_get_userbyid(p.proowner) AS who, p.proowner FROM pg_proc p
             WHERE p.oid = availability_cache_internal.classic_function('get_available_slots')) r
     WHERE NOT has_function_privilege(r.proowner, availability_cache_internal.trigger_function(), 'EXECUTE')
    UNION ALL
    SELECT 'table ' || t.relation, CASE WHEN t.problem IS NULL THEN 'attached as ' || t.role
        ELSE format('not attached as %s, and not needed: %s', t.role, t.problem) END,
           CASE WHEN t.problem IS NULL
               THEN format('SELECT availability_cache.attach(%L, %L)', t.role, t.relation) END,
           CASE WHEN t.problem IS NULL THEN format('SELECT availability_cache.detach(%L)', t.role) END
      FROM availability_cache_internal.adoptable_tables() t
    UNION ALL
    SELECT 'table ' || w, 'watched', format('SELECT availability_cache.watch(%L)', w),
           format('SELECT availability_cache.unwatch(%L)', w)
      FROM availability_cache_internal.tables_to_watch() w
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_table_steps() IS
    'Internal, of adopt(): the tables that answers come from.';

-- v1 stays where it is, in another language; v2 becomes ours by its body alone. So owner, grants, comment and
-- dependents of both stay.
CREATE FUNCTION availability_cache_internal.adopt_function_steps()
    RETURNS SETOF availability_cache_internal.adopt_step
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH v1 AS (SELECT p.*, p.oid::regprocedure::text AS called, l.lanname FROM pg_proc p
                JOIN pg_language l ON l.oid = p.prolang
                 WHERE p.oid = availability_cache_internal.classic_function('get_available_slots')),
    v2 AS (SELECT p.*, p.oid::regprocedure::text AS called FROM pg_proc p
           WHERE p.oid = availability_cache_internal.classic_function('get_available_slots_v2')),
    ours AS (SELECT p.oid::regprocedure::text AS called, p.proname, p.probin FROM pg_proc p
              WHERE p.pronamespace = 'availability_cache'::regnamespace
                AND p.proname IN ('get_available_slots', 'get_available_slots_v2',
                                  'get_available_slots_json'))
    SELECT 'function ' || v1.called, 'says its search_path, as get_available_slots_v2 does',
           format('ALTER FUNCTION %s SET search_path = %s', v1.called, path),
           format('ALTER FUNCTION %s RESET search_path', v1.called)
      FROM v1, v2, availability_cache_internal.plain_search_path(v2.oid) path
     WHERE path IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(v1.proconfig) o WHERE o LIKE 'search\_path=%')
    UNION ALL
    SELECT 'function ' || v1.called, 'memoized',
           format('SELECT availability_cache_internal.set_language(%L, %L)', v1.called,
                  'memoized_' || v1.lanname),
           format('SELECT availability_cache.unmemoize(%L)', v1.called)
      FROM v1 WHERE v1.lanname NOT LIKE 'memoized%'
    UNION ALL
    SELECT 'availability_cache.rules', 'compute_function is ' || v1.called,
           format('UPDATE availability_cache.rules SET compute_function = %L', v1.called),
           format('UPDATE availability_cache.rules SET compute_function = %L',
                  (SELECT r.compute_function FROM availability_cache.rules r))
      FROM v1
    UNION ALL
    SELECT 'availability_cache.rules', format('default_timezone is %s, as the function has it', zone),
           format('UPDATE availability_cache.rules SET default_timezone = %L', zone),
           format('UPDATE availability_cache.rules SET default_timezone = %L', r.default_timezone)
      FROM v1, availability_cache.rules r, availability_cache_internal.classic_timezone(v1.oid) zone
     WHERE zone <> r.default_timezone
    UNION ALL
    SELECT 'availability_cache.rules',
           format('default_timezone stays %s: the function names none, so set yours', r.default_timezone),
           NULL, NULL
      FROM v1, availability_cache.rules r
     WHERE availability_cache_internal.classic_timezone(v1.oid) IS NULL
    UNION ALL
    -- What they answer is for those who could call v2.
    SELECT 'function ' || o.called, 'may be called by whoever may call get_available_slots_v2',
           format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', o.called)
           || coalesce((SELECT string_agg(format('; GRANT EXECUTE ON FUNCTION %s TO %s', o.called,
                                                 CASE a.grantee WHEN 0 THEN 'PUBLIC'
                                                     ELSE quote_ident(pg_get_userbyid(a.grantee)) END), '')
                          FROM v2, aclexplode(v2.proacl) a WHERE a.privilege_type = 'EXECUTE'), ''),
           coalesce((SELECT string_agg(format('REVOKE EXECUTE ON FUNCTION %s FROM %s; ', o.called,
                                              CASE a.grantee WHEN 0 THEN 'PUBLIC'
                                                  ELSE quote_ident(pg_get_userbyid(a.grantee)) END), '')
                          FROM v2, aclexplode(v2.proacl) a WHERE a.privilege_type = 'EXECUTE'), '')
           || format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', o.called)
      FROM ours o WHERE EXISTS (SELECT FROM v2 WHERE v2.proacl IS NOT NULL)
    UNION ALL
    SELECT 'function ' || o.called,
           format('goes to schema %s', availability_cache_internal.extension_schema()),
           format('ALTER FUNCTION %s SET SCHEMA %s', o.called,
                  availability_cache_internal.extension_schema()),
           format('ALTER FUNCTION %s.get_available_slots_json(uuid, uuid, date, text) SET SCHEMA '
                  'availability_cache', availability_cache_internal.extension_schema())
      FROM ours o WHERE o.proname = 'get_available_slots_json'
    UNION ALL
    SELECT 'function ' || v2.called, 'answers from memory; what it was is kept to be put back',
           format('CREATE OR REPLACE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE c VOLATILE%s COST 10 AS %L, %L',
                  v2.pronamespace::regnamespace, v2.proname, pg_get_function_arguments(v2.oid),
                  v2.prorettype::regtype, CASE WHEN v2.proisstrict THEN ' STRICT' ELSE '' END, o.probin,
                  CASE v2.prorettype WHEN 'json'::regtype THEN 'get_available_slots_json'
                      ELSE 'get_available_slots_v2' END)
           -- So that the extension is not dropped under it. Replacing the function takes it away.
           || format($c$; INSERT INTO pg_depend SELECT 'pg_proc'::regclass, %s, 0, 'pg_extension'::regclass,
                     e.oid, 0, 'n' FROM pg_extension e WHERE e.extname = 'availability_cache'$c$, v2.oid),
           pg_get_functiondef(v2.oid)
      FROM v2, ours o WHERE o.proname = 'get_available_slots_v2'
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_function_steps() IS
    'Internal, of adopt(): the functions.';

-- The table comes last: who is still in the old get_available_slots_v2 then waits for the commit only.
CREATE FUNCTION availability_cache_internal.adopt_steps() RETURNS SETOF availability_cache_internal.adopt_step
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'schema availability_cache_beside',
           'is called availability_cache_classic: what is put aside goes there',
           'ALTER SCHEMA availability_cache_beside RENAME TO availability_cache_classic',
           'ALTER SCHEMA availability_cache_classic RENAME TO availability_cache_beside'
    UNION ALL
    SELECT * FROM availability_cache_internal.adopt_trigger_steps()
    UNION ALL
    SELECT 'function ' || f, 'is put aside',
           format('ALTER FUNCTION %s SET SCHEMA availability_cache_classic', f),
           'ALTER FUNCTION availability_cache_classic.invalidate_availability_cache() SET SCHEMA private'
      FROM to_regprocedure('private.invalidate_availability_cache()') f WHERE f IS NOT NULL
    UNION ALL
    SELECT 'function availability_cache_internal.invalidate_availability_cache()', 'goes to schema private',
           'ALTER FUNCTION availability_cache_internal.invalidate_availability_cache() SET SCHEMA private',
           'ALTER FUNCTION private.invalidate_availability_cache() SET SCHEMA availability_cache_internal'
    UNION ALL
    SELECT * FROM availability_cache_internal.adopt_table_steps()
    UNION ALL
    SELECT * FROM availability_cache_internal.adopt_function_steps()
    UNION ALL
    -- Its rows were not looked after meanwhile; they are a cache.
    SELECT 'table private.availability_cache', 'is put aside',
           $c$SELECT availability_cache_internal.lock_tables('{private.availability_cache}',
                                                             4); ALTER TABLE private.availability_cache
                                                                 SET SCHEMA availability_cache_classic$c$,
           'TRUNCATE availability_cache_classic.availability_cache; ALTER TABLE '
           'availability_cache_classic.availability_cache SET SCHEMA private'
     WHERE to_regclass('private.availability_cache') IS NOT NULL
    UNION ALL
    SELECT 'table availability_cache_internal.availability_cache', 'goes to schema private',
           'ALTER TABLE availability_cache_internal.availability_cache SET SCHEMA private',
           'ALTER TABLE private.availability_cache SET SCHEMA availability_cache_internal'
    UNION ALL
    SELECT * FROM availability_cache_internal.adopt_grant_steps()
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_steps() IS
    'Internal: what adopt() does, in order, and what undoes it. Steps without a command only tell.';

-- ---- doing it ----

-- A booking that is under way is waited for a moment only, again and again: waiting longer would hold up
-- those behind it, or make a deadlock of it, which would be found after deadlock_timeout. Exclusive from the
-- first: to drop a trigger takes that, and who has read a table may be about to write to it. In the order in
-- which a booking locks them: those with foreign keys before those that these refer to.
CREATE FUNCTION availability_cache_internal.lock_tables(relations regclass[], attempts integer DEFAULT 20)
    RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '400ms'
AS $$
DECLARE
    names text;
BEGIN
    SELECT string_agg(r::text, ', '
                      ORDER BY (SELECT count(*) FROM pg_constraint c
                                WHERE c.contype = 'f' AND c.conrelid = r AND c.confrelid = ANY (relations)
                                  AND c.confrelid <> r) DESC,
                                             r::oid DESC)
      INTO names FROM unnest(relations) r;
    FOR attempt IN 1 .. attempts LOOP
        BEGIN
            EXECUTE 'LOCK TABLE ' || names || ' IN ACCESS EXCLUSIVE MODE';
            RETURN;
        EXCEPTION
            WHEN lock_not_available THEN
                PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RAISE EXCEPTION 'the tables are being written to by transactions that do not end'
        USING ERRCODE = 'lock_not_available',
            HINT = 'Nothing was changed. Look for long transactions in pg_stat_activity, and try again.';
END
$$;
COMMENT ON FUNCTION availability_cache_internal.lock_tables(regclass[], integer) IS
    'Internal, of adopt() and unadopt(): keeps others away from tables. Error 55P03.';

CREATE FUNCTION availability_cache_internal.must_be_superuser(command text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'must be superuser to run %', command
            USING ERRCODE = 'insufficient_privilege',
                HINT = 'It moves what belongs to others, and makes a function in C.';
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.must_be_superuser(text) IS
    'Internal, of adopt() and unadopt(). Error 42501.';

CREATE FUNCTION availability_cache_internal.adopt_problems() RETURNS TABLE (object text, problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'availability_cache', CASE WHEN to_regnamespace('availability_cache_classic') IS NOT NULL
        THEN 'has adopted already: unadopt() puts back what was'
                                      ELSE 'has its names: nothing is to be adopted' END
     WHERE to_regnamespace('availability_cache_beside') IS NULL
    UNION ALL
    SELECT x.* FROM (SELECT * FROM availability_cache_internal.adopt_function_problems()
                     UNION ALL SELECT * FROM availability_cache_internal.adopt_table_problems()
                     UNION ALL SELECT f::text,
                         'cannot be kept: ' || availability_cache_internal.adopt_memo_problem(f)
                       FROM availability_cache_internal.classic_function('get_available_slots') f
                     UNION ALL SELECT * FROM availability_cache_internal.adopt_answer_problems()) x(object,
                             problem)
     WHERE x.problem IS NOT NULL AND to_regnamespace('availability_cache_beside') IS NOT NULL
$$;
COMMENT ON FUNCTION availability_cache_internal.adopt_problems() IS
    'Internal: what keeps adopt() from going on.';

CREATE FUNCTION availability_cache.adopt(dry_run boolean DEFAULT true, OUT step integer, OUT object text,
                                         OUT action text, OUT command text, OUT undo text)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
#variable_conflict use_variable
DECLARE
    problems text;
    steps availability_cache_internal.adopt_step[];
    one availability_cache_internal.adopt_step;
BEGIN
    PERFORM availability_cache_internal.must_be_superuser('adopt()');
    step := 0;
    FOR object, action IN SELECT p.object, 'stops adopt(): ' || p.problem
        FROM availability_cache_internal.adopt_problems() p LOOP
        problems := concat_ws(E'\n', problems, object || ' ' || substr(action, 16));
        RETURN NEXT;
    END LOOP;
    IF problems IS NOT NULL AND dry_run THEN
        RETURN;
    ELSIF problems IS NOT NULL THEN
        RAISE EXCEPTION 'adopt() cannot go on: %', problems
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Nothing was changed. docs/migrating.md says what to do.';
    END IF;
    IF NOT dry_run THEN
        PERFORM availability_cache_internal.lock_tables((SELECT array_agg(DISTINCT t)
                                                         FROM availability_cache_internal.adopt_tables() t));
    END IF;
    -- All of them before the first is done: they look at what they change.
    SELECT array_agg(s) INTO steps FROM availability_cache_internal.adopt_steps() s;
    FOREACH one IN ARRAY steps LOOP
        step := step + 1;
        object := one.object; action := one.action; command := one.command; undo := one.undo;
        IF NOT dry_run AND command IS NOT NULL THEN
            EXECUTE command;
            INSERT INTO availability_cache_internal.adopted VALUES (step, object, action, undo);
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.adopt(boolean) IS
'Takes the place of functions, table and triggers of the classic names that CREATE EXTENSION left alone: a '
'row for each step, with its command and what undoes it. dry_run: only says so, and what stops it. '
'Otherwise does it, or changes nothing and raises 55000 with what stops it, 55P03 where a table stays '
'locked. Error 42501: superusers only.';

CREATE FUNCTION availability_cache.unadopt(OUT step integer, OUT object text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
#variable_conflict use_variable
DECLARE
    replaced text;
BEGIN
    PERFORM availability_cache_internal.must_be_superuser('unadopt()');
    IF NOT EXISTS (SELECT FROM availability_cache_internal.adopted) THEN
        RAISE EXCEPTION 'nothing was adopted'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'adopt(false) adopts.';
    END IF;
    SELECT f::text INTO replaced FROM availability_cache_internal.classic_function('get_available_slots_v2') f
      JOIN pg_proc p ON p.oid = f
     WHERE p.prosrc NOT IN ('get_available_slots_v2', 'get_available_slots_json')
        OR p.prolang <> (SELECT l.oid FROM pg_language l WHERE l.lanname = 'c');
    IF replaced IS NOT NULL THEN
        RAISE EXCEPTION '% was replaced since adopt()', replaced
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'unadopt() would put another in its place: drop what you do not want to keep first.';
    END IF;
    PERFORM availability_cache_internal.lock_tables((SELECT array_agg(DISTINCT t.tgrelid::regclass)
                                                     FROM pg_trigger t
         WHERE t.tgfoid IN (availability_cache_internal.trigger_function(),
                            'availability_cache_internal.watched_changed()'::regprocedure)
                                AND t.tgparentid = 0));
    FOR step, object, command IN
        SELECT u.* FROM unnest((SELECT array_agg(a ORDER BY a.step DESC)
                                FROM availability_cache_internal.adopted a)) a,
                        LATERAL (SELECT a.step, a.object, a.undo) u
    LOOP
        EXECUTE command;
        RETURN NEXT;
    END LOOP;
    DELETE FROM availability_cache_internal.adopted;
END
$$;
COMMENT ON FUNCTION availability_cache.unadopt() IS
'Puts back what adopt() found: functions, table (emptied: it is a cache) and triggers; a row for each step, '
'last first. Raises 55000, changing nothing, if nothing was adopted or get_available_slots_v2 was replaced '
'since, 55P03 where a table stays locked. Error 42501: superusers only.';
REVOKE ALL ON FUNCTION availability_cache.adopt(boolean), availability_cache.unadopt() FROM PUBLIC;

-- Whoever calls adopt() calls them.
REVOKE ALL ON FUNCTION availability_cache_internal.extension_schema(),
    availability_cache_internal.classic_functions(name),
    availability_cache_internal.classic_function(name),
    availability_cache_internal.plain_search_path(regprocedure),
    availability_cache_internal.classic_triggers(),
    availability_cache_internal.adopt_function_problems(),
    availability_cache_internal.adopt_table_problems(),
    availability_cache_internal.attach_problem(text, regclass, boolean),
    availability_cache_internal.adoptable_tables(),
    availability_cache_internal.classic_timezone(regprocedure),
    availability_cache_internal.tables_to_watch(),
    availability_cache_internal.adopt_tables(),
    availability_cache_internal.adopt_memo_problem(regprocedure),
    availability_cache_internal.asked_as(regrole, text, text),
    availability_cache_internal.adopt_ask(text),
    availability_cache_internal.adopt_samples(),
    availability_cache_internal.adopt_answer_problems(),
    availability_cache_internal.adopt_trigger_steps(),
    availability_cache_internal.adopt_grant_steps(),
    availability_cache_internal.adopt_table_steps(),
    availability_cache_internal.adopt_function_steps(),
    availability_cache_internal.adopt_steps(),
    availability_cache_internal.lock_tables(regclass[], integer),
    availability_cache_internal.must_be_superuser(text),
    availability_cache_internal.adopt_problems()
    FROM PUBLIC;
