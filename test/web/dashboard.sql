-- Much to show on the dashboard, in a salon with the extension (test/salon.sql, the build with test hooks):
-- ten hours of points, thirty functions, long names, errors, events.
SET client_min_messages = error;
SELECT format('CREATE TABLE %I (id int PRIMARY KEY, owner int NOT NULL)', t) FROM (SELECT 'course_enrolments_and_waiting_list_entries_of_branch_' || i AS t FROM generate_series(1, 12) i) x \gexec
SELECT format('CREATE FUNCTION %I(who int, season text DEFAULT ''summer'') RETURNS bigint LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN (SELECT count(*) FROM %I WHERE owner = who); END $f$',
              'get_enrolments_with_waiting_list_and_reservations_' || i, 'course_enrolments_and_waiting_list_entries_of_branch_' || 1 + i % 12) FROM generate_series(1, 30) i \gexec
SELECT count(*) FROM pg_proc p, LATERAL availability_cache.memoize(p.oid::regprocedure) WHERE p.proname LIKE 'get_enrolments_with%';
SELECT count(availability_cache.watch(c.oid::regclass)) FROM pg_class c WHERE c.relname LIKE 'course_enrolments_and%' AND c.relkind = 'r' AND c.relname NOT LIKE '%\_1';
-- A point each six minutes.
SELECT date_trunc('hour', now()) - interval '10 hours' AS base \gset
CREATE PROCEDURE pg_temp.some_hours(base timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM set_config('availability_cache.test_now', (base + i * interval '6 minutes')::text, false);
        PERFORM get_available_slots_v2(p.user_id, x.service_id, CURRENT_DATE + (i % 7) + d) FROM stylist_profiles p JOIN stylist_services x ON x.stylist_user_id = p.user_id, generate_series(1, 1 + i % 5) d;
        COMMIT;
        FOR n IN 1 .. (20 + 15 * sin(i / 8.0))::int LOOP
            PERFORM get_available_slots_v2(p.user_id, x.service_id, CURRENT_DATE + (i % 7) + 1) FROM stylist_profiles p JOIN stylist_services x ON x.stylist_user_id = p.user_id;
        END LOOP;
        COMMIT;
        PERFORM get_available_slots_v2(gen_random_uuid(), gen_random_uuid(), CURRENT_DATE) FROM generate_series(1, i % 3);
        INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
        SELECT x.stylist_user_id, x.service_id, CURRENT_DATE + interval '5 days' + i * interval '10 minutes', CURRENT_DATE + interval '5 days 10 minutes' + i * interval '10 minutes' FROM stylist_services x ORDER BY random() LIMIT 1;
        COMMIT;
    END LOOP;
    PERFORM set_config('availability_cache.test_now', '', false);
END $$;
CALL pg_temp.some_hours(:'base');
RESET availability_cache.test_now;
SELECT format('SELECT %I(i %% 9) FROM generate_series(1, %s) i', proname, 10 * n) FROM (SELECT proname, row_number() OVER (ORDER BY proname) AS n FROM pg_proc WHERE proname LIKE 'get_enrolments_with%') f \gexec
-- And events of several kinds, each in a transaction.
SELECT availability_cache.flush();
ALTER TABLE bookings ADD COLUMN note_of_the_receptionist text;
UPDATE availability_cache.rules SET min_notice = '5 minutes';
SELECT count(get_available_slots_v2(p.user_id, x.service_id, CURRENT_DATE + d)) FROM stylist_profiles p JOIN stylist_services x ON x.stylist_user_id = p.user_id, generate_series(1, 9) d, generate_series(1, 2);
