-- ---------------------------------------------------------------------------
-- From 1.0.0: who could read the log still can
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    as_made aclitem[] := (SELECT i.initprivs FROM pg_init_privs i WHERE i.objoid = 'availability_cache.invalidation'::regclass
                             AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0);
    g record;
BEGIN
    FOR g IN
        SELECT a.grantee, a.is_grantable
          FROM pg_class c, aclexplode(c.relacl) a
         WHERE c.oid = 'availability_cache.invalidation_of_1_0_0'::regclass AND a.privilege_type = 'SELECT'
           AND a.grantee NOT IN (c.relowner, 'pg_monitor'::regrole)
    LOOP
        EXECUTE format('GRANT SELECT ON availability_cache.invalidation TO %s%s',
                       CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                       CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    -- What is granted in a script passes for the extension's own, which pg_dump leaves out.
    UPDATE pg_init_privs i SET initprivs = as_made
     WHERE i.objoid = 'availability_cache.invalidation'::regclass AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0;
END
$$;
DROP TABLE availability_cache.invalidation_of_1_0_0;
