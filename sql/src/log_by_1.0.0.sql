-- ---------------------------------------------------------------------------
-- From 1.0.0: who could read the log still can
-- ---------------------------------------------------------------------------

SELECT availability_cache_internal.keep_readers('availability_cache.invalidation_of_1_0_0',
                                                'availability_cache.invalidation');
DROP TABLE availability_cache.invalidation_of_1_0_0;
