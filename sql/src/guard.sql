-- ---------------------------------------------------------------------------
-- The guard: no slot is sold twice. The update script has this file too.
-- ---------------------------------------------------------------------------

ALTER TABLE availability_cache.rules ADD COLUMN guard text NOT NULL DEFAULT 'off'
    CONSTRAINT rules_guard_known CHECK (guard IN ('off', 'holds', 'on'));
COMMENT ON COLUMN availability_cache.rules.guard IS
'What commits are refused: off, none; holds, those with a booking or hold that meets another; on, also '
'those with one that is not where a slot of its length is available.';

CREATE FUNCTION availability_cache_internal.guard_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'availability_cache_guard_changed'
LANGUAGE C;
COMMENT ON FUNCTION availability_cache_internal.guard_changed() IS
'Internal: waits for those who are writing bookings while rules.guard is turned on.';
REVOKE ALL ON FUNCTION availability_cache_internal.guard_changed() FROM PUBLIC;
CREATE TRIGGER rules_guard AFTER UPDATE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.guard_changed();
ALTER TABLE availability_cache.rules ENABLE ALWAYS TRIGGER rules_guard;

CREATE FUNCTION availability_cache.check_bookings()
RETURNS void
AS 'MODULE_PATHNAME', 'availability_cache_check_bookings'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache.check_bookings() IS
'Checks the bookings and holds that this transaction has written so far as the guard does at its end '
'(rules.guard), so that a function can catch the error: 23P01, with the reason as detail; 40001 where the '
'transaction''s snapshot is too old. Others who book the same days wait from then on.';
