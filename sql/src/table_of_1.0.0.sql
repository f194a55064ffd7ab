-- ---------------------------------------------------------------------------
-- From 1.0.0, where the mapping was rows of a table: a view of what the triggers say takes its name
-- ---------------------------------------------------------------------------

ALTER EXTENSION availability_cache DROP TABLE availability_cache.source;
ALTER TABLE availability_cache.source RENAME TO source_of_1_0_0;

