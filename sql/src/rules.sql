-- ---------------------------------------------------------------------------
-- Rules: one row of settings
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache.is_timezone(name text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'availability_cache_is_timezone'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION availability_cache.is_timezone(text) IS
'Whether the server knows a time zone of this name.';

CREATE TABLE availability_cache.rules (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    slot_step interval NOT NULL DEFAULT '30 minutes'
        CONSTRAINT rules_slot_step_range
        CHECK (extract(epoch FROM slot_step) BETWEEN 60 AND 86400 AND extract(epoch FROM slot_step) % 1 = 0),
    buffer_before interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_buffer_before_range CHECK (extract(epoch FROM buffer_before) BETWEEN 0 AND 86400),
    buffer_after interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_buffer_after_range CHECK (extract(epoch FROM buffer_after) BETWEEN 0 AND 86400),
    non_blocking_statuses text[] NOT NULL DEFAULT '{cancelled,no_show}'
        CONSTRAINT rules_non_blocking_statuses_no_null CHECK (array_position(non_blocking_statuses, NULL)
                                                              IS NULL),
    hold_statuses text[] NOT NULL DEFAULT '{reserved,active}'
        CONSTRAINT rules_hold_statuses_no_null CHECK (array_position(hold_statuses, NULL) IS NULL),
    min_notice interval NOT NULL DEFAULT '0'
        CONSTRAINT rules_min_notice_range CHECK (extract(epoch FROM min_notice) BETWEEN 0 AND 366 * 86400),
    max_advance interval NOT NULL DEFAULT '365 days'
        CONSTRAINT rules_max_advance_range CHECK (extract(epoch
                                                          FROM max_advance) BETWEEN 60
                                                              AND 3660 * 86400::numeric),
    default_timezone text NOT NULL DEFAULT 'Asia/Kathmandu'
        CONSTRAINT rules_default_timezone_known CHECK (availability_cache.is_timezone(default_timezone)),
    display_format text NOT NULL DEFAULT 'HH24:MI'
        CONSTRAINT rules_display_format_fixed
        CHECK (length(display_format) BETWEEN 1 AND 64 AND display_format !~* 'tm'),
    show_unavailable boolean NOT NULL DEFAULT true,
    show_breaks boolean NOT NULL DEFAULT true,
    slot_alignment text NOT NULL DEFAULT 'opening'
        CONSTRAINT rules_slot_alignment_known CHECK (slot_alignment IN ('opening', 'break', 'clock')),
    compute_function text,
    seat_sharing text NOT NULL DEFAULT 'slot'
        CONSTRAINT rules_seat_sharing_known CHECK (seat_sharing IN ('slot', 'time')),
    show_reasons boolean NOT NULL DEFAULT false,
    notice_days integer
        CONSTRAINT rules_notice_days_range CHECK (notice_days BETWEEN 0 AND 366),
    notice_cutoff time NOT NULL DEFAULT '00:00',
    advance_whole_days boolean NOT NULL DEFAULT false,
    blocking_statuses text[]
        CONSTRAINT rules_blocking_statuses_no_null CHECK (array_position(blocking_statuses, NULL) IS NULL),
    service_caps text NOT NULL DEFAULT 'each'
        CONSTRAINT rules_service_caps_known CHECK (service_caps IN ('each', 'together')),
    max_bookings_per_day integer
        CONSTRAINT rules_max_bookings_per_day_range CHECK (max_bookings_per_day >= 0),
    max_bookings_per_week integer
        CONSTRAINT rules_max_bookings_per_week_range CHECK (max_bookings_per_week >= 0),
    max_daily_minutes integer
        CONSTRAINT rules_max_daily_minutes_range CHECK (max_daily_minutes >= 0),
    max_weekly_minutes integer
        CONSTRAINT rules_max_weekly_minutes_range CHECK (max_weekly_minutes >= 0)
);
COMMENT ON TABLE availability_cache.rules IS
'The slot rules of this database: one row, changed with UPDATE. A change invalidates every answer when it '
'commits.';
COMMENT ON COLUMN availability_cache.rules.non_blocking_statuses IS
    'Bookings of these statuses do not block.';
COMMENT ON COLUMN availability_cache.rules.hold_statuses IS
    'Only holds of these statuses block, until they expire.';
COMMENT ON COLUMN availability_cache.rules.min_notice IS
    'A slot is unavailable from this long before its start; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.max_advance IS
    'A slot that starts later than this from now is unavailable; a service''s or a stylist''s own wins.';
COMMENT ON COLUMN availability_cache.rules.default_timezone IS
    'Zone of stylists that have none and of customers that give none.';
COMMENT ON COLUMN availability_cache.rules.display_format IS
    'to_char format of slot_display (without TM, which would follow lc_time).';
COMMENT ON COLUMN availability_cache.rules.show_unavailable IS 'Whether unavailable slots are in the answer.';
COMMENT ON COLUMN availability_cache.rules.show_breaks IS 'Whether slots in a break are in the answer.';

INSERT INTO availability_cache.rules DEFAULT VALUES;

CREATE TRIGGER rules_keep_one BEFORE INSERT OR DELETE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.rules_keep_one();
CREATE TRIGGER rules_keep_one_truncate BEFORE TRUNCATE ON availability_cache.rules
    FOR EACH STATEMENT EXECUTE FUNCTION availability_cache_internal.rules_keep_one();
CREATE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON availability_cache.rules
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.config_changed();
ALTER TABLE availability_cache.rules
    ENABLE ALWAYS TRIGGER rules_keep_one,
    ENABLE ALWAYS TRIGGER rules_keep_one_truncate,
    ENABLE ALWAYS TRIGGER rules_changed;
SELECT pg_catalog.pg_extension_config_dump('availability_cache.rules', '');
