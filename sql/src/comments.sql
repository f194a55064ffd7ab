-- ---------------------------------------------------------------------------
-- Comments that 1.0.0 has in other words, or not
-- ---------------------------------------------------------------------------

COMMENT ON FUNCTION availability_cache.flush() IS
'Drops every cached answer of this database. Takes effect at once, also if the transaction is rolled back, '
'and again when it ends; returns how many entries went.';
COMMENT ON COLUMN availability_cache.stats.miss_outdated IS
    'An entry that a commit or invalidate() had outdated, or whose mark in memory was needed for another.';
COMMENT ON COLUMN availability_cache.stats.bypass_own_writes IS
    'The transaction had written to an attached table or run DDL; or it had written elsewhere, and memory '
    'had no answer.';
COMMENT ON COLUMN availability_cache.stats.bypass_pending IS
    'A transaction that changes the answer (rarely: one like it) was committing, or is prepared.';
COMMENT ON COLUMN availability_cache.rules.slot_step IS
    'Elapsed time from one slot''s start to the next; 1 minute to 1 day, whole seconds.';
COMMENT ON COLUMN availability_cache.rules.buffer_before IS
    'Time kept free before every appointment; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.buffer_after IS
    'Time kept free after every appointment; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.slot_alignment IS
    'Where slots start: opening, every slot_step from there; break, from the end of each break anew; clock, '
    'at multiples of slot_step on the stylist''s clock.';
COMMENT ON COLUMN availability_cache.rules.seat_sharing IS
    'Whose seats a booking of a service with a capacity takes: slot, those of the slot that it starts with, '
    'and another start is another appointment; time, one for as long as it takes, whenever it starts.';
COMMENT ON COLUMN availability_cache.rules.show_reasons IS
    'Whether v2 and json say with each slot, and of a day without free ones, why: a code.';
COMMENT ON COLUMN availability_cache.rules.notice_days IS
    'A date''s slots are unavailable from notice_cutoff on, on the stylist''s clock, so many days before it. '
    'NULL: min_notice alone.';
COMMENT ON COLUMN availability_cache.rules.notice_cutoff IS 'The time of day that notice_days means.';
COMMENT ON COLUMN availability_cache.rules.advance_whole_days IS
    'Whether max_advance, and a service''s or a stylist''s own, count dates: the last one is whole, and '
    'opens at midnight on the stylist''s clock.';
COMMENT ON COLUMN availability_cache.rules.blocking_statuses IS
    'Only bookings of these statuses block; non_blocking_statuses does not matter then. NULL: as that says.';
COMMENT ON COLUMN availability_cache.rules.service_caps IS
    'Whose appointments a service''s caps count: each, those with the stylist, by the stylist''s clock; '
    'together, all stylists'', by the clock of default_timezone.';
COMMENT ON COLUMN availability_cache.rules.max_bookings_per_day IS
    'The most appointments of a stylist that start on a date; a stylist''s own cap wins. NULL: any number.';
COMMENT ON COLUMN availability_cache.rules.max_bookings_per_week IS 'The same of a week.';
COMMENT ON COLUMN availability_cache.rules.max_daily_minutes IS
    'The most time of a stylist''s appointments that start on a date; a stylist''s own cap wins. NULL: any.';
COMMENT ON COLUMN availability_cache.rules.max_weekly_minutes IS 'The same of a week.';
COMMENT ON COLUMN availability_cache.rules.compute_function IS
    'The function that get_available_slots_v2 and get_available_slots_json answer from, in place of these '
    'rules: with its schema and argument types. NULL: these rules.';
COMMENT ON FUNCTION availability_cache.reset_stats() IS
    'Sets the counters of every database, and of memoized functions, to zero.';
