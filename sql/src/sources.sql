-- ---------------------------------------------------------------------------
-- Sources: which tables hold bookings and the rest
-- ---------------------------------------------------------------------------

CREATE TABLE availability_cache.source_column (
    role text NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('uuid', 'timestamptz', 'text', 'boolean', 'time', 'date', 'integer',
                                       'span')),
    required boolean NOT NULL,
    usual_names text[] NOT NULL,
    PRIMARY KEY (role, name)
);
COMMENT ON TABLE availability_cache.source_column IS
'What attach() looks for in each table: the column''s name in mappings, what it must be (span: an interval, '
'or an integer whose unit is the name''s ending _minutes, _hours, _days or _seconds), and the names it '
'usually has.';

CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.source_column
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard('mapping');
ALTER TABLE availability_cache.source_column ENABLE REPLICA TRIGGER discard;

-- A relation and, if it is partitioned, everything below it.
CREATE FUNCTION availability_cache_internal.relation_tree(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT relation_tree.relation
    UNION
    SELECT t.relid FROM pg_catalog.pg_partition_tree(relation_tree.relation) t;
END;
COMMENT ON FUNCTION availability_cache_internal.relation_tree(regclass) IS
    'Internal: a relation and its partitions, all levels.';
