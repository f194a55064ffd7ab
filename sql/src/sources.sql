-- ---------------------------------------------------------------------------
-- Sources: which tables hold bookings and the rest
-- ---------------------------------------------------------------------------

CREATE TABLE availability_cache.source_column (
    role text NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('uuid', 'timestamptz', 'text', 'boolean', 'time', 'date', 'integer', 'span')),
    required boolean NOT NULL,
    usual_names text[] NOT NULL,
    PRIMARY KEY (role, name)
);
COMMENT ON TABLE availability_cache.source_column IS
'What attach() looks for in each table: the column''s name in mappings, what it must be (span: an interval, or an integer whose unit is the name''s ending _minutes, _hours, _days or _seconds), and the names it usually has.';

INSERT INTO availability_cache.source_column VALUES
    ('bookings', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('bookings', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('bookings', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('bookings', 4, 'status', 'text', false, '{status}'),
    ('bookings', 5, 'service_id', 'uuid', false, '{service_id}'),
    ('bookings', 6, 'seats', 'integer', false, '{seats,seat_count,party_size}'),
    ('booking_reservations', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('booking_reservations', 2, 'start_time', 'timestamptz', true, '{start_time,start_time_utc,starts_at,start_at}'),
    ('booking_reservations', 3, 'end_time', 'timestamptz', true, '{end_time,end_time_utc,ends_at,end_at}'),
    ('booking_reservations', 4, 'status', 'text', false, '{status}'),
    ('booking_reservations', 5, 'expires_at', 'timestamptz', false, '{expires_at,expires_at_utc,hold_expires_at}'),
    ('booking_reservations', 6, 'service_id', 'uuid', false, '{service_id}'),
    ('booking_reservations', 7, 'seats', 'integer', false, '{seats,seat_count,party_size}'),
    ('stylist_schedules', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_schedules', 2, 'day_of_week', 'integer', true, '{day_of_week,weekday}'),
    ('stylist_schedules', 3, 'start_time', 'time', true, '{start_time,start_time_local,opens_at,start_time_utc}'),
    ('stylist_schedules', 4, 'end_time', 'time', true, '{end_time,end_time_local,closes_at,end_time_utc}'),
    ('stylist_schedules', 5, 'break_start_time', 'time', false, '{break_start_time,break_start_time_local,break_start,break_start_time_utc}'),
    ('stylist_schedules', 6, 'break_end_time', 'time', false, '{break_end_time,break_end_time_local,break_end,break_end_time_utc}'),
    ('stylist_schedules', 7, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('stylist_schedules', 8, 'effective_from', 'date', false, '{effective_from,valid_from}'),
    ('stylist_schedules', 9, 'effective_until', 'date', false, '{effective_until,effective_to,valid_until}'),
    ('schedule_overrides', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('schedule_overrides', 2, 'override_date', 'date', true, '{override_date,override_start_date,start_date}'),
    ('schedule_overrides', 3, 'end_date', 'date', false, '{end_date,override_end_date}'),
    ('schedule_overrides', 4, 'is_closed', 'boolean', false, '{is_closed,is_day_off,closed}'),
    ('schedule_overrides', 5, 'start_time', 'time', false, '{start_time,start_time_local,override_start_time,override_start_time_local,override_start_time_utc,start_time_utc}'),
    ('schedule_overrides', 6, 'end_time', 'time', false, '{end_time,end_time_local,override_end_time,override_end_time_local,override_end_time_utc,end_time_utc}'),
    ('schedule_overrides', 7, 'priority', 'integer', false, '{priority}'),
    ('schedule_overrides', 8, 'is_active', 'boolean', false, '{is_active,active}'),
    ('schedule_overrides', 9, 'created_at', 'timestamptz', false, '{created_at}'),
    ('schedule_overrides', 10, 'applies_to_all', 'boolean', false, '{applies_to_all,applies_to_all_stylists,is_for_all}'),
    ('stylist_services', 1, 'stylist_user_id', 'uuid', true, '{stylist_user_id,stylist_id}'),
    ('stylist_services', 2, 'service_id', 'uuid', true, '{service_id}'),
    ('stylist_services', 3, 'custom_duration_minutes', 'span', false, '{custom_duration_minutes,custom_duration,duration_minutes}'),
    ('stylist_services', 4, 'custom_price_cents', 'integer', false, '{custom_price_cents,price_cents}'),
    ('stylist_services', 5, 'is_active', 'boolean', false, '{is_active,is_available,active}'),
    ('services', 1, 'id', 'uuid', true, '{id,service_id}'),
    ('services', 2, 'duration_minutes', 'span', true, '{duration_minutes,base_duration_minutes,duration}'),
    ('services', 3, 'price_cents', 'integer', false, '{price_cents,base_price_cents}'),
    ('services', 4, 'is_active', 'boolean', false, '{is_active,active}'),
    ('services', 5, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before,booking_buffer_minutes,buffer_minutes}'),
    ('services', 6, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after,booking_buffer_minutes,buffer_minutes}'),
    ('services', 7, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice,min_advance_hours,min_advance_minutes,min_advance_booking_hours}'),
    ('services', 8, 'max_advance_days', 'span', false, '{max_advance_days,max_advance,max_advance_booking_days,booking_window_days}'),
    ('services', 9, 'capacity', 'integer', false, '{capacity,max_participants,max_seats}'),
    ('stylist_profiles', 1, 'user_id', 'uuid', true, '{user_id,stylist_user_id,stylist_id,id}'),
    ('stylist_profiles', 2, 'timezone', 'text', false, '{timezone,time_zone}'),
    ('stylist_profiles', 3, 'is_active', 'boolean', false, '{is_active,active}'),
    ('stylist_profiles', 4, 'buffer_before_minutes', 'span', false, '{buffer_before_minutes,buffer_before,booking_buffer_minutes,buffer_minutes}'),
    ('stylist_profiles', 5, 'buffer_after_minutes', 'span', false, '{buffer_after_minutes,buffer_after,booking_buffer_minutes,buffer_minutes}'),
    ('stylist_profiles', 6, 'min_notice_minutes', 'span', false, '{min_notice_minutes,min_notice_hours,min_notice,min_advance_hours,min_advance_minutes,min_advance_booking_hours}'),
    ('stylist_profiles', 7, 'max_advance_days', 'span', false, '{max_advance_days,max_advance,max_advance_booking_days,booking_window_days}');

CREATE TRIGGER discard BEFORE INSERT OR UPDATE OR DELETE ON availability_cache.source_column
    FOR EACH ROW EXECUTE FUNCTION availability_cache_internal.discard('mapping');
ALTER TABLE availability_cache.source_column ENABLE REPLICA TRIGGER discard;

-- A relation and, if it is partitioned, everything below it.
CREATE FUNCTION availability_cache_internal.relation_tree(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT relation_tree.relation
    UNION
    SELECT t.relid FROM pg_catalog.pg_partition_tree(relation_tree.relation) t;
END;
COMMENT ON FUNCTION availability_cache_internal.relation_tree(regclass) IS 'Internal: a relation and its partitions, all levels.';
