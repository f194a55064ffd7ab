-- The trace (variable trace: its file) as a table, and a procedure that does what it says.

CREATE TABLE bench.operation (n int, kind text, s int, v int, d int, slot int, number int, expires int);
COPY bench.operation FROM :'trace' (DELIMITER ' ');
CREATE TABLE bench.replayed AS
SELECT n, kind, bench.stylist(s) AS stylist, bench.service(v) AS service, bench.day(d) AS day, expires,
       (bench.day(d) + time '08:00' + slot * interval '30 minutes') AT TIME ZONE 'Asia/Kathmandu' AS at,
       md5('operation ' || number)::uuid AS id
  FROM bench.operation;
CREATE UNIQUE INDEX ON bench.replayed (n);
ANALYZE bench.replayed;

-- So many operations a second, each change in a transaction of its own; late: seconds behind at the end.
CREATE PROCEDURE bench.replay(speed int, INOUT late float8 DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
    total int := (SELECT max(n) + 1 FROM bench.replayed);
    o bench.replayed;
    ahead float8;
BEGIN
    PERFORM availability_cache.reset_stats();
    COMMIT;
    FOR from_n IN 0 .. total - 1 BY 100 LOOP
        FOR o IN SELECT * FROM bench.replayed WHERE n BETWEEN from_n AND from_n + 99 ORDER BY n LOOP
            IF o.kind = 'r' THEN
                PERFORM get_available_slots_v2(o.stylist, o.service, o.day);
                CONTINUE;
            ELSIF o.kind = 'b' THEN
                INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time)
                VALUES (o.id, o.stylist, o.service, o.at, o.at + interval '30 minutes');
            ELSIF o.kind = 'c' THEN
                UPDATE bookings SET status = 'cancelled' WHERE id = o.id;
            ELSE
                INSERT INTO booking_reservations (id, stylist_user_id, service_id, start_time, end_time, expires_at)
                VALUES (o.id, o.stylist, o.service, o.at, o.at + interval '30 minutes', started + o.expires / speed::float8 * interval '1 second');
            END IF;
            COMMIT;
        END LOOP;
        COMMIT;
        ahead := (from_n + 100) / speed::float8 - extract(epoch FROM clock_timestamp() - started);
        IF ahead > 0 THEN
            PERFORM pg_sleep(ahead);
        END IF;
    END LOOP;
    late := greatest(0, -ahead);
END
$$;
