-- ---------------------------------------------------------------------------
-- Event triggers. An update leaves them as they are, so that one that was disabled stays so.
-- ---------------------------------------------------------------------------

CREATE EVENT TRIGGER availability_cache_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER', 'ALTER TRIGGER', 'ALTER TYPE', 'ALTER DOMAIN')
    EXECUTE FUNCTION availability_cache_internal.on_ddl();
CREATE EVENT TRIGGER availability_cache_drop ON sql_drop
    EXECUTE FUNCTION availability_cache_internal.on_drop();
ALTER EVENT TRIGGER availability_cache_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER availability_cache_drop ENABLE ALWAYS;
