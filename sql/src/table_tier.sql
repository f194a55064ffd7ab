-- ---------------------------------------------------------------------------
-- The table tier: its tables, and the triggers that see what others do to them
-- ---------------------------------------------------------------------------

-- Other writes than the tier's own are possible, never needed. vacuum_truncate: it would lock readers out.
CREATE TABLE availability_cache_internal.availability_cache (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    stylist_user_id uuid NOT NULL,
    service_id uuid NOT NULL,
    cache_date date NOT NULL,
    available_slots jsonb NOT NULL,
    computed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    customer_timezone text COLLATE "C" NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    snapshot pg_snapshot NOT NULL,
    answer bytea NOT NULL,
    CONSTRAINT availability_cache_key PRIMARY KEY (stylist_user_id, cache_date, service_id, customer_timezone)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE availability_cache_internal.availability_cache IS
'Answers that the table tier keeps, while availability_cache.table_tier is not off. A row here is answered '
'only if it is exact: see availability_cache.invalidation. Deleting rows is allowed, and drops the answers '
'from memory too.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.available_slots IS
    'What was answered under "slots"; for people, answers come from the column answer.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.computed_at IS
    'The wall clock that the answer was computed for.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.expires_at IS
    'When the answer changes by itself, or availability_cache.ttl ends. Lowering it by hand is honoured.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.customer_timezone IS
    'The customer''s zone; empty for the rules'' default.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.first_day IS
    'The first UTC day that the answer depends on.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.last_day IS
    'The last UTC day that the answer depends on.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.snapshot IS
    'The transactions that the answer knows of.';
COMMENT ON COLUMN availability_cache_internal.availability_cache.answer IS
    'The answer in compact form, with a checksum.';

CREATE TABLE availability_cache.invalidation_since (
    xid xid8 PRIMARY KEY
) WITH (vacuum_truncate = off);
COMMENT ON TABLE availability_cache.invalidation_since IS
'One row while the table tier is in use: invalidation has every change made by a transaction from this xid '
'on. Without it no cached row is answered.';
-- Nothing is attached before this transaction is over, or it is by this transaction.
INSERT INTO availability_cache.invalidation_since
SELECT ((pg_current_xact_id()::text::numeric + 1)::text)::xid8;

CREATE SEQUENCE availability_cache.distrusted AS bigint MINVALUE 0 START 0;
COMMENT ON SEQUENCE availability_cache.distrusted IS
'The last transaction that could leave its trace neither in invalidation nor in invalidation_since: no '
'cached row is answered whose snapshot does not see everything up to it. A sequence, because that must hold '
'at once, after a crash and on standbys.';

CREATE FUNCTION availability_cache_internal.row_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_row_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.row_changed() IS
'Internal: trigger on private.availability_cache; what somebody deletes there is dropped from memory.';
CREATE TRIGGER row_changed AFTER UPDATE OR DELETE ON availability_cache_internal.availability_cache
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.row_changed();
CREATE TRIGGER rows_changed AFTER DELETE OR TRUNCATE ON availability_cache_internal.availability_cache
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache_internal.row_changed();

CREATE FUNCTION availability_cache_internal.log_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_log_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.log_changed() IS
'Internal: trigger on invalidation and invalidation_since; when somebody removes rows of the log, no cached '
'row is trusted any more. Error: 55000 for TRUNCATE, and for changing invalidation_since.';
CREATE TRIGGER since_changed BEFORE INSERT OR UPDATE ON availability_cache.invalidation_since
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.log_changed();

CREATE FUNCTION availability_cache_internal.discard()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_discard'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.discard() IS
'Internal: trigger that discards what arrives by replication: another server''s snapshots mean nothing '
'here, and every server attaches its own tables.';
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache_internal.availability_cache
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard();
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.invalidation_since
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard();
ALTER TABLE availability_cache_internal.availability_cache ENABLE REPLICA TRIGGER discard;
ALTER TABLE availability_cache.invalidation_since ENABLE REPLICA TRIGGER discard;

CREATE FUNCTION availability_cache.clean(max_rows bigint DEFAULT 100000)
RETURNS bigint
AS 'MODULE_PATHNAME', 'availability_cache_clean'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.clean(bigint) IS
'Removes expired and outdated rows of private.availability_cache, at most max_rows, and rows of '
'availability_cache.invalidation that none needs; returns how many cached rows went. The background worker '
'does it by itself. Error: 55006 when a table is locked.';
