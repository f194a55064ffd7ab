-- What every part asks with, in each database: run by psql with the variables start (the calendar's first
-- day), stylists, services, days and module (path of floor.so).

-- The functions that these call come later.
SET check_function_bodies = off;
CREATE SCHEMA bench;
CREATE FUNCTION bench.stylist(n int) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('stylist ' || n)::uuid;
CREATE FUNCTION bench.service(n int) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('service ' || n)::uuid;
SELECT format('CREATE FUNCTION bench.day(n int) RETURNS date IMMUTABLE LANGUAGE sql RETURN date %L + n', :'start') \gexec

CREATE FUNCTION bench.floor(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT NULL)
    RETURNS jsonb AS :'module', 'bench_floor' LANGUAGE C VOLATILE COST 10;
CREATE FUNCTION bench.floor_json(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT NULL)
    RETURNS json AS :'module', 'bench_floor_json' LANGUAGE C VOLATILE COST 10;
CREATE FUNCTION bench.jsonb_out(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT NULL)
    RETURNS cstring AS :'module', 'bench_jsonb_out' LANGUAGE C VOLATILE COST 10;
CREATE FUNCTION bench.time(functions regprocedure[], stylists uuid[], services uuid[], days date[], zone text, calls int,
                           rounds int, OUT round int, OUT function int, OUT ns float8)
    RETURNS SETOF record AS :'module', 'bench_time' LANGUAGE C STRICT;
CREATE FUNCTION bench.call(function regprocedure, stylist uuid, service uuid, day date, zone text, calls int)
    RETURNS void AS :'module', 'bench_call' LANGUAGE C STRICT;

-- Questions about days with slots (a day off costs next to nothing, whoever computes it), numbered from 0 in
-- the order in which a part asks them; days first, so that neighbours are of different stylists.
CREATE TABLE bench.question (i int PRIMARY KEY, stylist uuid, service uuid, day date);
INSERT INTO bench.question
SELECT row_number() OVER (ORDER BY d, v, s) - 1, bench.stylist(s), bench.service(v), bench.day(d)
  FROM generate_series(1, :stylists) s, generate_series(1, :services) v, generate_series(0, :days - 1) d
 WHERE (d - s) % 7 <> 0 AND d <> 20
   AND EXISTS (SELECT FROM stylist_services x WHERE x.stylist_user_id = bench.stylist(s) AND x.service_id = bench.service(v));
ANALYZE bench.question;

-- Microseconds a call of v1 or v2, each in a transaction of its own, whose end counts. Every stride-th
-- question is asked, from the first on and going round: neighbours are then of different days and services.
CREATE PROCEDURE bench.ask(what text, first int, calls int, INOUT microseconds float8 DEFAULT NULL,
                           zone text DEFAULT 'Asia/Kathmandu', stride int DEFAULT 101)
LANGUAGE plpgsql AS $$
DECLARE
    n int := (SELECT count(*) FROM bench.question);
    q bench.question;
    started timestamptz;
    total float8 := 0;
BEGIN
    FOR n_th IN 0 .. calls - 1 LOOP
        SELECT * INTO q FROM bench.question WHERE i = (first + n_th * stride) % n;
        COMMIT;
        started := clock_timestamp();
        IF what = 'v1' THEN
            PERFORM count(*) FROM get_available_slots(q.stylist, q.service, q.day, zone);
        ELSE
            PERFORM get_available_slots_v2(q.stylist, q.service, q.day, zone);
        END IF;
        COMMIT;
        total := total + extract(epoch FROM clock_timestamp() - started);
    END LOOP;
    microseconds := total * 1e6 / calls;
END
$$;

-- A line of every answer that v1 gives to the first so many questions, for comparing databases.
CREATE FUNCTION bench.digest(calls int) RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(to_jsonb(s)::text, ' ' ORDER BY q.i, s.slot_start_utc))
      FROM (SELECT * FROM bench.question WHERE i < calls) q,
           get_available_slots(q.stylist, q.service, q.day, 'Asia/Kathmandu') s
$$;
