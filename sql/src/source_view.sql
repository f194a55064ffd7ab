-- ---------------------------------------------------------------------------
-- The mapping as people see it. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE VIEW availability_cache.source AS
    SELECT a.role, a.relation, availability_cache_internal.mapping(a.names, a.columns, a.left_out) AS columns
      FROM availability_cache_internal.attached() a;
COMMENT ON VIEW availability_cache.source IS
'The mapping, as the triggers on the attached tables say it: which relation plays which role, and its '
'column for each name of source_column, null where it was left out. attach() and detach() change it.';

-- A dump of 1.0.0, where this was a table, has its rows.
CREATE TRIGGER discard INSTEAD OF INSERT ON availability_cache.source
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard('mapping');

CREATE OR REPLACE VIEW availability_cache.sources AS
    SELECT a.role,
           a.relation,
           availability_cache_internal.mapping(a.names, a.columns, a.left_out) AS columns,
           coalesce(a.problem,
                    (SELECT string_agg(format('%s inherits from %s, changes there go unnoticed',
                                              c.oid::regclass, a.relation), '; ' ORDER BY c.oid)
                       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
                      WHERE i.inhparent = a.relation),
                    availability_cache_internal.trigger_state(a.relation)) AS triggers,
           availability_cache.missing_indexes(a.role, a.relation, jsonb_object(a.names, a.columns))
               AS missing_indexes
      FROM availability_cache_internal.attached() a;
COMMENT ON VIEW availability_cache.sources IS
'Attached tables: role, relation, column mapping, triggers (''enabled'' or what is wrong: answers are '
'cached only while all are enabled), and CREATE INDEX commands for missing indexes.';
