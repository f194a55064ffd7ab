-- ---------------------------------------------------------------------------
-- The table tier's log, and the answers of memoized functions. The update script has this file too.
-- ---------------------------------------------------------------------------

-- Named, since with 18 these are constraints, and the update finds the older table's names taken.
CREATE TABLE availability_cache.invalidation (
    tag bigint CONSTRAINT invalidation_tag_not_null NOT NULL,
    xid xid8 CONSTRAINT invalidation_xid_not_null NOT NULL,
    PRIMARY KEY (tag, xid)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE availability_cache.invalidation IS
'What transactions changed, while the table tier is in use: a row of private.availability_cache is answered '
'only if its snapshot sees the transaction of every row here with a tag that it depends on. Removed when no '
'cached row needs it.';
COMMENT ON COLUMN availability_cache.invalidation.tag IS
    'What changed: a hash of a stylist and a UTC day, a stylist, a service or its buffers; 0: everything.';
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

-- Nobody but its owner reads it: the answers are those of other roles. vacuum_truncate: it would lock readers
-- out.
CREATE TABLE availability_cache_internal.function_answers (
    hash bigint CONSTRAINT function_answers_hash_not_null NOT NULL,
    function oid CONSTRAINT function_answers_function_not_null NOT NULL,
    key bytea CONSTRAINT function_answers_key_not_null NOT NULL,
    computed_at timestamptz CONSTRAINT function_answers_computed_at_not_null NOT NULL,
    expires_at timestamptz CONSTRAINT function_answers_expires_at_not_null NOT NULL,
    snapshot pg_snapshot CONSTRAINT function_answers_snapshot_not_null NOT NULL,
    answer bytea CONSTRAINT function_answers_answer_not_null NOT NULL,
    CONSTRAINT function_answers_key PRIMARY KEY (hash)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- Also from those who may read all tables, whom policies do bind.
ALTER TABLE availability_cache_internal.function_answers ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE availability_cache_internal.function_answers IS
'Internal: answers of memoized functions that the table tier keeps, while availability_cache.table_tier is '
'not off. A row is answered only if it is exact: see availability_cache.invalidation. Deleting rows is '
'allowed, and drops the function''s answers from memory too.';
COMMENT ON COLUMN availability_cache_internal.function_answers.hash IS 'Of the key.';
COMMENT ON COLUMN availability_cache_internal.function_answers.function IS 'The function that was called.';
COMMENT ON COLUMN availability_cache_internal.function_answers.key IS
    'The call: function, arguments, who asks, and the settings that show in an answer.';
COMMENT ON COLUMN availability_cache_internal.function_answers.computed_at IS
    'The wall clock that the answer was computed at.';
COMMENT ON COLUMN availability_cache_internal.function_answers.expires_at IS
    'When the answer ends by the clock. Lowering it by hand is honoured.';
COMMENT ON COLUMN availability_cache_internal.function_answers.snapshot IS
    'The transactions that the answer knows of.';
COMMENT ON COLUMN availability_cache_internal.function_answers.answer IS
    'The answer in compact form, with a checksum.';

CREATE TRIGGER row_changed AFTER UPDATE OR DELETE ON availability_cache_internal.function_answers
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.row_changed();
CREATE TRIGGER rows_changed AFTER DELETE OR TRUNCATE ON availability_cache_internal.function_answers
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache_internal.row_changed();
CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache_internal.function_answers
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard();
ALTER TABLE availability_cache_internal.function_answers ENABLE REPLICA TRIGGER discard;
