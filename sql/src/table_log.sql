-- ---------------------------------------------------------------------------
-- The table tier's log. The update script has this file too.
-- ---------------------------------------------------------------------------

-- Named, since with 18 these are constraints, and the update finds the older table's names taken.
CREATE TABLE availability_cache.invalidation (
    tag bigint CONSTRAINT invalidation_tag_not_null NOT NULL,
    xid xid8 CONSTRAINT invalidation_xid_not_null NOT NULL,
    PRIMARY KEY (tag, xid)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE availability_cache.invalidation IS
'What transactions changed, while the table tier is in use: a row of private.availability_cache is answered only if its snapshot sees the transaction of every row here with a tag that it depends on. Removed when no cached row needs it.';
COMMENT ON COLUMN availability_cache.invalidation.tag IS 'What changed: a hash of a stylist and a UTC day, a stylist, a service or its buffers; 0: everything.';
COMMENT ON COLUMN availability_cache.invalidation.xid IS 'The transaction that made the change.';

CREATE TRIGGER log_changed AFTER UPDATE OR DELETE ON availability_cache.invalidation
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache_internal.log_changed();
CREATE TRIGGER log_truncated BEFORE TRUNCATE ON availability_cache.invalidation
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache_internal.log_changed();
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.invalidation
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard();
ALTER TABLE availability_cache.invalidation
    ENABLE ALWAYS TRIGGER log_changed,
    ENABLE ALWAYS TRIGGER log_truncated,
    ENABLE REPLICA TRIGGER discard;
GRANT SELECT ON availability_cache.invalidation TO pg_monitor;
