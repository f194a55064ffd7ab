-- ---------------------------------------------------------------------------
-- From 1.0.0, where the log named stylists, services and ranges of days. It is not taken over: rows of 1.0.0
-- are not answered.
-- ---------------------------------------------------------------------------

ALTER EXTENSION availability_cache DROP TABLE availability_cache.invalidation;
ALTER TABLE availability_cache.invalidation RENAME TO invalidation_of_1_0_0;
ALTER TABLE availability_cache.invalidation_of_1_0_0 DROP CONSTRAINT IF EXISTS invalidation_pkey;
