-- ---------------------------------------------------------------------------
-- Comments that older versions have in other words
-- ---------------------------------------------------------------------------

COMMENT ON FUNCTION availability_cache.flush() IS
'Drops every cached answer of this database. Takes effect at once, also if the transaction is rolled back, and again when it ends; returns how many entries went.';
COMMENT ON COLUMN availability_cache.stats.miss_outdated IS 'An entry that a commit or invalidate() had outdated, or whose mark in memory was needed for another.';
COMMENT ON COLUMN availability_cache.stats.bypass_own_writes IS 'The transaction had written to an attached table or run DDL; or it had written elsewhere, and memory had no answer.';
COMMENT ON COLUMN availability_cache.stats.bypass_pending IS 'A transaction that changes the answer (rarely: one like it) was committing, or is prepared.';

