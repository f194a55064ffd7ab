-- ---------------------------------------------------------------------------
-- When all is made
-- ---------------------------------------------------------------------------

-- An earlier installation's answers may lie in memory, and bookings may have come since it was dropped.
SELECT availability_cache.flush();
