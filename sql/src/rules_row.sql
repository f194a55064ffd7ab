-- ---------------------------------------------------------------------------
-- The rules' one row. The update script has this file too.
-- ---------------------------------------------------------------------------

-- pg_restore brings the saved row as an INSERT: it takes the place of the default one.
CREATE OR REPLACE FUNCTION availability_cache_internal.rules_keep_one()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'availability_cache.rules always has one row'
            USING ERRCODE = 'restrict_violation',
                HINT = 'Change it with UPDATE availability_cache.rules SET ….';
    END IF;
    UPDATE availability_cache.rules
       SET (slot_step, buffer_before, buffer_after, non_blocking_statuses, hold_statuses, min_notice,
            max_advance, default_timezone, display_format, show_unavailable, show_breaks, slot_alignment,
            compute_function, seat_sharing, show_reasons,
            notice_days, notice_cutoff, advance_whole_days, guard, blocking_statuses, service_caps,
            max_bookings_per_day, max_bookings_per_week, max_daily_minutes, max_weekly_minutes)
         = (NEW.slot_step, NEW.buffer_before, NEW.buffer_after, NEW.non_blocking_statuses, NEW.hold_statuses,
            NEW.min_notice, NEW.max_advance, NEW.default_timezone, NEW.display_format, NEW.show_unavailable,
            NEW.show_breaks, NEW.slot_alignment, NEW.compute_function, NEW.seat_sharing, NEW.show_reasons,
            NEW.notice_days, NEW.notice_cutoff, NEW.advance_whole_days, NEW.guard, NEW.blocking_statuses,
            NEW.service_caps,
            NEW.max_bookings_per_day, NEW.max_bookings_per_week, NEW.max_daily_minutes,
            NEW.max_weekly_minutes);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.rules_keep_one() IS
'Internal: keeps rules at one row; an INSERT replaces it, DELETE and TRUNCATE are refused.';
