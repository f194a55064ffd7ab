-- Makes a salon have so many stylists (variable stylists), all open every day, who offer its first services
-- (variable services), with questions about days 0 to days - 1.

INSERT INTO stylist_profiles (user_id, display_name, timezone)
SELECT bench.stylist(s), 'Stylist ' || s, 'Asia/Kathmandu' FROM generate_series(1, :stylists) s ON CONFLICT DO NOTHING;
INSERT INTO stylist_services (stylist_user_id, service_id)
SELECT user_id, bench.service(v) FROM stylist_profiles, generate_series(1, :services) v ON CONFLICT DO NOTHING;
DELETE FROM stylist_schedules;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time, break_start_time, break_end_time)
SELECT user_id, d, '08:00', '20:00', '13:00', '14:00' FROM stylist_profiles, generate_series(0, 6) d;
DELETE FROM schedule_overrides;
TRUNCATE bench.question;
INSERT INTO bench.question
SELECT row_number() OVER (ORDER BY d, v, s) - 1, bench.stylist(s), bench.service(v), bench.day(d)
  FROM generate_series(1, :stylists) s, generate_series(1, :services) v, generate_series(0, :days - 1) d;
VACUUM ANALYZE;
