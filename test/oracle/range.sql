/*
 * Compares get_available_slots_range and get_available_days with the oracle's days, put together as docs/rules.md says under "Several days and
 * stylists", on random salons. Needs what compare.sql needs, and that.
 *
 *   CALL oracle.compare_ranges(seed, first round, last round)     in a build with AC_TEST_HOOKS; the outcome is in oracle.range_result
 */
CREATE TABLE oracle.range_result (ranges integer, slots bigint, merged bigint, hits integer, differences integer, shown text[]);

/* Each stylist's slots that start on the customer's dates, once: of two dates that have a slot, as the one that says the better of it. */
CREATE FUNCTION oracle.parts(team uuid[], p_service uuid, d1 date, d2 date, tz text, now timestamptz)
RETURNS TABLE (place bigint, stylist uuid, slot_start_utc timestamptz, slot_end_utc timestamptz, slot_start_local timestamp, slot_end_local timestamp,
               slot_display text, status text, price_cents integer, seats_left integer, reason text)
LANGUAGE sql VOLATILE AS $$
    SELECT DISTINCT ON (t.place, o.slot_start_utc) t.place, t.s, o.*
      FROM unnest(team) WITH ORDINALITY t(s, place), generate_series(d1 - 4, d2 + 3, interval '1 day') d,
           LATERAL oracle.slots(t.s, p_service, d::date, tz, now) o
     WHERE o.slot_start_local::date BETWEEN d1 AND d2
     ORDER BY t.place, o.slot_start_utc, array_position('{available,booked,reserved,in_break,unavailable}', o.status),
              array_position('{too_soon,too_late,on_break,booked,full,held,no_resource,daily_limit,weekly_limit}', o.reason)
$$;

CREATE FUNCTION oracle.range_of(team uuid[], p_service uuid, d1 date, d2 date, tz text, needs_all boolean, now timestamptz) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    WITH parts AS MATERIALIZED (SELECT * FROM oracle.parts(team, p_service, d1, d2, tz, now)),
    together AS (
        SELECT slot_start_utc AS starts, slot_end_utc AS ends, price_cents AS price, min(slot_start_local) AS local, min(slot_end_local) AS local_end, min(slot_display) AS display,
               min(array_position('{available,booked,reserved,in_break,unavailable}', status)) AS status,
               coalesce(jsonb_agg(DISTINCT stylist ORDER BY stylist) FILTER (WHERE status = 'available'), '[]') AS free,
               coalesce(sum(coalesce(seats_left, 1)) FILTER (WHERE status = 'available'), 0) AS seats,
               (array_agg(reason ORDER BY array_position('{available,booked,reserved,in_break,unavailable}', status),
                                          array_position('{too_soon,too_late,on_break,booked,full,held,no_resource,daily_limit,weekly_limit}', reason)))[1] AS reason
          FROM parts WHERE NOT needs_all GROUP BY 1, 2, 3
        UNION ALL
        SELECT slot_start_utc, max(slot_end_utc), CASE WHEN count(price_cents) = count(*) THEN sum(price_cents)::int END, min(slot_start_local), max(slot_end_local), min(slot_display),
               1, jsonb_agg(stylist ORDER BY stylist), min(coalesce(seats_left, 1)), NULL
          FROM parts WHERE needs_all GROUP BY 1 HAVING count(DISTINCT stylist) FILTER (WHERE status = 'available') = cardinality(team))
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'slot_start_utc', oracle.iso(starts AT TIME ZONE 'UTC') || '+00:00', 'slot_end_utc', oracle.iso(ends AT TIME ZONE 'UTC') || '+00:00',
               'slot_start_local', oracle.iso(local), 'slot_end_local', oracle.iso(local_end), 'slot_display', display, 'price_cents', price, 'stylists', free, 'seats_left', seats,
               'status', ('{available,booked,reserved,in_break,unavailable}'::text[])[status])
               || CASE WHEN (SELECT show_reasons FROM availability_cache.rules) THEN jsonb_build_object('reason', reason) ELSE '{}' END ORDER BY starts, ends, price NULLS FIRST), '[]')
      FROM together
$$;

/* The dates with their starts, of slots for any. */
CREATE FUNCTION oracle.counts_of(slots jsonb, d1 date, d2 date) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_agg(jsonb_build_object('date', d::date, 'slots', (
               SELECT count(DISTINCT s ->> 'slot_start_utc') FROM jsonb_array_elements(slots) s
                WHERE (s ->> 'slot_start_local')::date = d AND s ->> 'status' = 'available')) ORDER BY d)
      FROM generate_series(d1::timestamp, d2, interval '1 day') d
$$;

CREATE PROCEDURE oracle.compare_ranges(p_seed integer, p_first integer, p_last integer)
LANGUAGE plpgsql AS $$
DECLARE
    result oracle.range_result;
    k oracle.key;
    team uuid[];
    moment timestamptz;
    d1 date;
    d2 date;
    any_of jsonb;
    all_of jsonb;
    again jsonb;
    days jsonb;
    wanted jsonb;
    wrong text;
BEGIN
    TRUNCATE oracle.range_result;
    result := ROW(0, 0, 0, 0, 0, '{}');
    FOR round IN p_first .. p_last LOOP
        PERFORM set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false), setseed(((p_seed * 7919 + round * 104729) % 1000003) / 1000003.0);
        PERFORM oracle.fill_salon('hooks');
        COMMIT;
        FOR k IN SELECT x.* FROM oracle.key x WHERE isfinite(x.day) AND x.day BETWEEN '1950-01-01' AND '2200-01-01' ORDER BY random() LIMIT 6 LOOP
            moment := oracle.moment(k);
            PERFORM set_config('availability_cache.test_now', moment::text, false);
            team := ARRAY(SELECT s FROM (SELECT DISTINCT o.stylist AS s FROM oracle.offer o WHERE o.service = k.service) x
                           WHERE oracle.expected(ROW(0, s, k.service, k.day, k.tz), moment) ? 'slots' ORDER BY s LIMIT 3);
            CONTINUE WHEN team = '{}' OR NOT oracle.expected(ROW(0, team[1], k.service, k.day, k.tz), moment) ? 'slots';
            d1 := k.day - oracle.between(0, 1);
            d2 := d1 + oracle.between(0, 2);
            FOR step IN 1 .. 2 LOOP
                -- The change may have taken one of them away.
                EXIT WHEN EXISTS (SELECT FROM unnest(team) s WHERE NOT oracle.expected(ROW(0, s, k.service, k.day, k.tz), moment) ? 'slots');
                any_of := get_available_slots_range(k.service, d1, d2, team, k.tz);
                all_of := get_available_slots_range(k.service, d1, d2, team, k.tz, 'all');
                again := get_available_slots_range_json(k.service, d1, d2, team, k.tz)::jsonb;
                days := get_available_days(k.service, d1, d2, team, k.tz);
                wanted := oracle.range_of(team, k.service, d1, d2, k.tz, false, moment);
                wrong := CASE WHEN (SELECT coalesce(jsonb_agg(s ORDER BY n), '[]') FROM jsonb_array_elements(any_of -> 'slots') WITH ORDINALITY x(s, n)) IS DISTINCT FROM wanted THEN 'any of them'
                              WHEN (SELECT coalesce(jsonb_agg(s ORDER BY n), '[]') FROM jsonb_array_elements(all_of -> 'slots') WITH ORDINALITY x(s, n))
                                   IS DISTINCT FROM oracle.range_of(team, k.service, d1, d2, k.tz, true, moment) THEN 'all of them'
                              WHEN again -> 'slots' IS DISTINCT FROM any_of -> 'slots' THEN 'json'
                              WHEN (SELECT jsonb_agg(d - '{first,seats,reason}'::text[] ORDER BY n) FROM jsonb_array_elements(days -> 'days') WITH ORDINALITY x(d, n))
                                   IS DISTINCT FROM oracle.counts_of(wanted, d1, d2) THEN 'the days' END;
                result.ranges := result.ranges + 1;
                result.slots := result.slots + jsonb_array_length(wanted);
                result.merged := result.merged + (SELECT count(*) FROM jsonb_array_elements(wanted) s WHERE jsonb_array_length(s -> 'stylists') > 1);
                result.hits := result.hits + (again ->> 'cached')::boolean::integer;
                IF wrong IS NOT NULL THEN
                    result.differences := result.differences + 1;
                    result.shown := result.shown || format(E'round %s: %s: %s to %s of %s, service %s, customer zone %s, now %s\nexpected %s\nanswered %s', round, wrong, d1, d2, team, k.service, k.tz, moment,
                                                          left(wanted::text, 3000), left(any_of::text, 3000));
                END IF;
                PERFORM oracle.random_change('hooks', ROW(k.id, team[1], k.service, k.day, k.tz)::oracle.key, moment);
                COMMIT;
            END LOOP;
        END LOOP;
        EXIT WHEN result.differences > 3;
    END LOOP;
    INSERT INTO oracle.range_result SELECT result.*;
    COMMIT;
END
$$;
