-- ---------------------------------------------------------------------------
-- From 1.0.0: what is attached stays so; who has an attached table may attach, and nobody else without a
-- grant
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    f regprocedure := availability_cache_internal.trigger_function();
    s record;
    args text;
BEGIN
    FOR s IN
        SELECT o.role, o.relation, c.relowner, jsonb_object(a.names, a.columns) AS mapped, t.tgname,
               t.tgenabled
          FROM availability_cache.source_of_1_0_0 o
          JOIN pg_class c ON c.oid = o.relation
          LEFT JOIN availability_cache_internal.attached() a ON a.role = o.role AND a.relation = o.relation
          LEFT JOIN pg_trigger t ON t.tgrelid = o.relation AND t.tgfoid = f AND t.tgtype = 32
                                AND t.tgname = availability_cache_internal.trigger_name(o.role) || '_truncate'
         ORDER BY o.role
    LOOP
        -- The rows alone prove nothing: whoever was granted them could write there what they liked.
        IF s.mapped IS NULL THEN
            RAISE WARNING 'table % has no trigger that says that it is attached as %', s.relation, s.role
                USING HINT = format('SELECT * FROM availability_cache.attach(%L, %L) makes it.', s.role,
                                    s.relation);
            CONTINUE;
        END IF;
        IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = s.relowner) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f, pg_get_userbyid(s.relowner));
        END IF;
        IF s.tgname IS NULL THEN
            CONTINUE;
        END IF;
        -- In place, so that no change goes unnoticed meanwhile: so far this trigger does not have the
        -- mapping.
        SELECT string_agg(quote_literal(coalesce(s.mapped ->> c.name, '')), ', ' ORDER BY c.position)
          INTO args
          FROM availability_cache.source_column c WHERE c.role = s.role;
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE '
                       'FUNCTION %s(%L, %s)',
                       s.tgname, s.relation, availability_cache_internal.trigger_function_name(), s.role,
                       args);
        EXECUTE format('ALTER TABLE %s %s TRIGGER %I', s.relation,
                       CASE s.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'D' THEN 'DISABLE'
                           WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END,
                       s.tgname);
    END LOOP;
END
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', availability_cache_internal.trigger_function());
END
$$;
REVOKE ALL ON FUNCTION availability_cache_internal.rules_keep_one() FROM PUBLIC;
GRANT SELECT ON availability_cache.source_column TO PUBLIC;
GRANT SELECT ON availability_cache.source TO pg_monitor;

SELECT availability_cache_internal.keep_readers('availability_cache.source_of_1_0_0',
                                                'availability_cache.source');
DROP FUNCTION availability_cache_internal.keep_readers(regclass, regclass);
UPDATE pg_init_privs i SET initprivs = ARRAY[makeaclitem(p.proowner, p.proowner, 'EXECUTE', false)]
  FROM pg_proc p
 WHERE p.oid = availability_cache_internal.trigger_function() AND i.objoid = p.oid
   AND i.classoid = 'pg_proc'::regclass;

DROP TABLE availability_cache.source_of_1_0_0;

