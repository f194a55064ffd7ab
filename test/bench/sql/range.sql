-- Ranges beside what they take the place of: v1's rows of each stylist and day, put together in plpgsql.

CREATE FUNCTION bench.team(n int) RETURNS uuid[] LANGUAGE sql STABLE AS $$ SELECT array_agg(bench.stylist(s) ORDER BY s) FROM generate_series(1, n) s $$;

-- Microseconds a call of an expression, one after the other in one statement, which nothing is done with.
CREATE FUNCTION bench.time_calls(expression text, calls int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz;
    n bigint;
BEGIN
    EXECUTE format('SELECT count(%s) FROM generate_series(1, %s) i', expression, greatest(calls / 20, 2)) INTO n;
    started := clock_timestamp();
    EXECUTE format('SELECT count(%s) FROM generate_series(1, %s) i', expression, calls) INTO n;
    RETURN extract(epoch FROM clock_timestamp() - started) * 1e6 / calls;
END
$$;

-- A month as people write it: a call for each stylist and day. The starts that are free with any of them, by
-- day.
CREATE FUNCTION bench.days_in_plpgsql(stylists uuid[], service uuid, from_day date, to_day date, zone text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    s uuid;
    d date;
    slots int;
    answer jsonb := '[]';
    starts timestamptz[];
BEGIN
    FOR n IN 0 .. to_day - from_day LOOP
        d := from_day + n;
        starts := '{}';
        FOREACH s IN ARRAY stylists LOOP
            starts := starts || ARRAY(SELECT slot_start_utc FROM get_available_slots(s, service, d, zone) WHERE status = 'available');
        END LOOP;
        SELECT count(DISTINCT t) INTO slots FROM unnest(starts) t;
        answer := answer || jsonb_build_object('date', d, 'slots', slots, 'seats', cardinality(starts));
    END LOOP;
    RETURN answer;
END
$$;
