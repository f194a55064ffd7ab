-- Several services one after the other, and who is to be asked first: get_available_sequence against chains
-- found by looking at every slot there is, get_round_robin against a count. Fails when (slots/sequence.c)
-- buffers between two appointments of one stylist are left out or counted for two stylists, a step is taken
-- from which the rest cannot be done, or the gap is measured from the end alone.
\getenv test AC_TEST
\set helpers :test '/pgtap/helpers.psql'
\set stylists 4
\i :helpers
SELECT plan(35);
CREATE FUNCTION team(VARIADIC int[]) RETURNS uuid[] LANGUAGE sql AS $$ SELECT array_agg(stylist(s) ORDER BY n) FROM unnest($1) WITH ORDINALITY x(s, n) $$;
CREATE FUNCTION work(VARIADIC int[]) RETURNS uuid[] LANGUAGE sql AS $$ SELECT array_agg(service(s) ORDER BY n) FROM unnest($1) WITH ORDINALITY x(s, n) $$;
CREATE FUNCTION as_utc(timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') $$;
CREATE TABLE option (step int, place bigint, stylist uuid, service uuid, starts timestamptz, ends timestamptz, local timestamp, local_end timestamp, price int,
                     after interval, before interval, id int GENERATED ALWAYS AS IDENTITY, follows int);

-- Every slot that is available, with what is kept free around it.
CREATE FUNCTION fill_options(team uuid[], work uuid[], d1 date, d2 date, zone text) RETURNS void SET availability_cache.enabled = off LANGUAGE sql AS $$
TRUNCATE option RESTART IDENTITY;
INSERT INTO option (step, place, stylist, service, starts, ends, local, local_end, price, after, before)
SELECT DISTINCT w.step, t.place, t.s, w.service, v.slot_start_utc, v.slot_end_utc, v.slot_start_local, v.slot_end_local, v.price_cents,
       make_interval(mins => coalesce(sv.buffer_after_minutes, 0)), make_interval(mins => coalesce(sv.buffer_before_minutes, 0))
  FROM unnest(work) WITH ORDINALITY w(service, step) JOIN services sv ON sv.id = w.service,
       unnest(team) WITH ORDINALITY t(s, place) JOIN stylist_services o ON o.stylist_user_id = t.s, generate_series(d1 - 5, d2 + 8, interval '1 day') d,
       LATERAL get_available_slots(t.s, w.service, d::date, zone) v
 WHERE o.service_id = w.service AND v.status = 'available' AND (v.slot_start_local::date BETWEEN d1 AND d2 OR w.step > 1) $$;
CREATE FUNCTION chains(n int, same boolean, gap interval) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    FOR k IN REVERSE n - 1 .. 1 LOOP
        UPDATE option o SET follows = (
            SELECT f.id FROM option f
             WHERE f.step = k + 1 AND (k + 1 = n OR f.follows IS NOT NULL) AND (f.stylist = o.stylist OR NOT same)
               AND f.starts BETWEEN o.ends + CASE WHEN f.stylist = o.stylist THEN greatest(o.after, f.before) ELSE '0' END
                                AND o.ends + CASE WHEN f.stylist = o.stylist THEN greatest(o.after, f.before) ELSE '0' END + gap
             ORDER BY f.starts, f.stylist = o.stylist DESC, f.ends, f.price NULLS FIRST, f.place LIMIT 1)
         WHERE o.step = k;
    END LOOP;
    RETURN (
        WITH RECURSIVE chain AS (
            SELECT id AS first, o.* FROM option o WHERE step = 1 AND (n = 1 OR follows IS NOT NULL)
            UNION ALL SELECT c.first, o.* FROM chain c JOIN option o ON o.id = c.follows),
        whole AS (
            SELECT first, min(starts) AS starts, max(ends) AS ends, min(local) AS local, max(local_end) AS local_end, CASE WHEN count(price) = count(*) THEN sum(price) END AS price,
                   min(place) FILTER (WHERE step = 1) AS place, jsonb_agg(jsonb_build_object('service_id', service, 'stylist_id', stylist, 'price_cents', price,
                                'slot_start_utc', as_utc(starts), 'slot_end_utc', as_utc(ends)) ORDER BY step) AS slots
              FROM chain GROUP BY first),
        best AS (SELECT DISTINCT ON (starts) * FROM whole ORDER BY starts, ends, place)
        SELECT coalesce(jsonb_agg(jsonb_build_object('slot_start_utc', as_utc(starts), 'slot_end_utc', as_utc(ends), 'price_cents', price, 'slots', slots,
                   'slot_start_local', to_char(local, 'YYYY-MM-DD"T"HH24:MI:SS'), 'slot_end_local', to_char(local_end, 'YYYY-MM-DD"T"HH24:MI:SS')) ORDER BY starts), '[]')
          FROM best);
END
$$;
CREATE PROCEDURE sequence_is(INOUT tap text, work uuid[], team uuid[], same boolean DEFAULT true, gap interval DEFAULT '0', zone text DEFAULT NULL, fewest int DEFAULT 3) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_available_sequence(work, '2031-03-05', '2031-03-08', team, zone, same, gap);
    again json := get_available_sequence_json(work, '2031-03-05', '2031-03-08', team, zone, same, gap);
    wanted jsonb;
BEGIN
    PERFORM fill_options(team, work, '2031-03-05', '2031-03-08', zone);
    wanted := chains(cardinality(work), same, gap);
    tap := is(concat_ws(', ', CASE WHEN answer -> 'sequences' IS DISTINCT FROM wanted THEN 'not the chains there are: ' || coalesce(answer ->> 'error', '') END,
                              CASE WHEN again::jsonb -> 'sequences' IS DISTINCT FROM wanted THEN 'the json is another' END,
                              CASE WHEN answer::text::jsonb IS DISTINCT FROM answer THEN 'the jsonb is not one' END,
                              CASE WHEN again ->> 'cached' IS DISTINCT FROM 'true' THEN 'not from memory' END,
                              CASE WHEN jsonb_array_length(wanted) < fewest THEN 'next to nothing' END), '', tap);
END
$$;
CALL sequence_is('one service', work(1), team(1, 2));
CALL sequence_is('the same twice', work(1, 1), team(1));
CALL sequence_is('with a stylist', work(1, 2), team(1));
CALL sequence_is('with either, but the same', work(1, 2), team(1, 2));
CALL sequence_is('with anybody', work(1, 2), team(1, 2), same => false);
CALL sequence_is('the other way round', work(2, 1), team(1, 2), same => false, gap => '30 minutes');
CALL sequence_is('with a gap', work(3, 1), team(1), gap => '30 minutes');
CALL sequence_is('three', work(1, 2, 3), team(1), gap => '30 minutes');
CALL sequence_is('three with anybody', work(1, 3, 2), team(2, 1, 4, 3), same => false, gap => '15 minutes');
CALL sequence_is('for a customer far away', work(1, 2), team(1, 2), same => false, zone => 'America/Los_Angeles');
UPDATE services SET buffer_after_minutes = 20, buffer_before_minutes = 5 WHERE id = service(2);
UPDATE services SET buffer_before_minutes = 30 WHERE id = service(3);
CALL sequence_is('buffers between the two', work(2, 1), team(1), gap => '30 minutes');
CALL sequence_is('before the second', work(1, 3), team(1));
CALL sequence_is('the longer of both', work(2, 3), team(1), gap => '30 minutes');
CALL sequence_is('not between stylists', work(2, 3, 1), team(1, 2), same => false, gap => '20 minutes');
CALL sequence_is('a gap too short for the grid', work(2, 1), team(1), gap => '5 minutes', fewest => 0);
-- the first can be followed at once by what leads nowhere
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
SELECT stylist(s), service(1), '2031-03-06 02:15Z'::timestamptz + n * interval '90 minutes', '2031-03-06 02:45Z'::timestamptz + n * interval '90 minutes'
  FROM generate_series(1, 2) s, generate_series(s, 6, 2) n;
CALL sequence_is('around bookings', work(1, 2, 1), team(1, 2), same => false, gap => '30 minutes');
CALL sequence_is('of one', work(1, 2, 1), team(1, 2), gap => '60 minutes');

-- Classes end when they do, and not in the order in which they start.
CREATE TABLE class_sessions (stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, seats int);
INSERT INTO class_sessions SELECT stylist(s), service(2), d + t, d + t + make_interval(mins => m), 2
  FROM generate_series(1, 2) s, unnest('{2031-03-05,2031-03-06}'::date[]) d, (VALUES ('04:00'::time, 90), ('06:00', 40), ('10:00', 180)) x(t, m);
INSERT INTO class_sessions SELECT stylist(2), service(2), '2031-03-06 09:00Z', '2031-03-06 14:00Z', 2;
SELECT availability_cache.attach('class_sessions', 'class_sessions') \g /dev/null
CALL sequence_is('a class in the middle', work(1, 2, 1), team(1, 2), gap => '60 minutes');
CALL sequence_is('a class first', work(2, 3), team(1, 2), same => false, gap => '60 minutes');
DROP TABLE class_sessions;

CREATE PROCEDURE all_are(INOUT tap text, team uuid[]) LANGUAGE plpgsql AS $$
DECLARE
    everybody jsonb := get_available_sequence(work(1, 2), '2031-03-05', '2031-03-08');
    listed jsonb := get_available_sequence(work(1, 2), '2031-03-05', '2031-03-08', (SELECT array_agg(t ORDER BY t) FROM unnest(team) t));
BEGIN
    tap := is(everybody -> 'sequences', listed -> 'sequences', tap);
END
$$;
CALL all_are('everybody, each for what they offer', team(1, 2, 3, 4));

CREATE FUNCTION refused(answer jsonb) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(': ', answer ->> 'code', answer ->> 'error') $$;
SELECT is(refused(get_available_sequence('{}', '2031-03-05', '2031-03-08')), 'INVALID_ARGUMENT: a sequence is of 1 to 8 services', 'no service');
SELECT is(refused(get_available_sequence(array_fill(service(1), '{9}'), '2031-03-05', '2031-03-08')), 'INVALID_ARGUMENT: a sequence is of 1 to 8 services', 'too many');
SELECT is(refused(get_available_sequence(work(1, 2), '2031-03-05', '2031-03-08', p_max_gap => '25 hours')), 'INVALID_ARGUMENT: p_max_gap is of 0 to 24 hours', 'a gap of days');
SELECT is(refused(get_available_sequence(work(1, 2), '2031-03-05', '2031-03-08', ARRAY[stylist(1), id('x')])),
          format('STYLIST_NOT_FOUND: the stylist is not known or not active: %s', id('x')), 'somebody unknown');
SELECT is(refused(get_available_sequence(ARRAY[service(1), id('z')], '2031-03-05', '2031-03-08')), 'SERVICE_NOT_OFFERED: nobody offers the service', 'a service that nobody offers');

-- ---- who is asked first ----

CREATE PROCEDURE order_is(INOUT tap text, wanted uuid[], start timestamptz, team uuid[] DEFAULT NULL, counted_from timestamptz DEFAULT NULL, counted_to timestamptz DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := get_round_robin(service(1), start, team, counted_from, counted_to);
    again json := get_round_robin_json(service(1), start, team, counted_from, counted_to);
BEGIN
    tap := is(concat_ws(', ', CASE WHEN answer -> 'stylists' IS DISTINCT FROM to_jsonb(wanted) THEN 'another order: ' || answer::text END,
                              CASE WHEN again::jsonb -> 'stylists' IS DISTINCT FROM answer -> 'stylists' THEN 'the json is another' END), '', tap);
END
$$;
DELETE FROM bookings;
DELETE FROM booking_reservations;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status)
SELECT stylist(s), service(1), '2031-03-10 10:00Z'::timestamptz + n * interval '1 day' + interval '1 second', '2031-03-10 10:30Z'::timestamptz + n * interval '1 day', CASE WHEN s = 4 THEN 'cancelled' ELSE 'confirmed' END
  FROM (VALUES (1, 2), (2, 1), (3, 3), (4, 5)) x(s, many), generate_series(1, many) n;
CALL order_is('the fewest first; cancelled ones do not count', team(4, 2, 1, 3), '2031-03-09 10:15Z', team(1, 2, 3, 4));
CALL order_is('those who have as many as they are listed', team(3, 4, 2, 1), '2031-03-09 10:15Z', team(3, 4, 2, 1), '2031-01-01', '2031-02-01');
CALL order_is('in a period', team(4, 1, 2, 3), '2031-03-09 10:15Z', team(1, 2, 3, 4), '2031-03-04', '2031-03-12');
CREATE FUNCTION sorted(uuid[]) RETURNS uuid[] LANGUAGE sql AS $$ SELECT array_agg(s ORDER BY s) FROM unnest($1) s $$;
CALL order_is('all who offer it', sorted(team(1, 2, 3, 4)), '2031-03-09 10:15Z', NULL, '2031-01-01', '2031-02-01');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (stylist(2), service(1), '2031-03-09 10:15Z', '2031-03-09 10:45Z');
CALL order_is('who is not free is not asked', team(4, 1, 3), '2031-03-09 10:15Z', team(1, 2, 3, 4));
CALL order_is('nobody is free between starts', '{}', '2031-03-09 10:16Z', team(1, 2, 3, 4));
SELECT is(refused(get_round_robin(service(1), NULL)), 'INVALID_ARGUMENT: the start must be given', 'no start');
SELECT is(refused(get_round_robin(service(1), '2031-03-09 10:15Z', NULL, '2031-03-07', '2031-03-08')), 'INVALID_ARGUMENT: the period is of 7 days at least', 'a period that tells of single bookings');
SELECT is(refused(get_round_robin(service(1), '2031-03-09 10:15Z', ARRAY[id('x')])),
          format('STYLIST_NOT_FOUND: the stylist is not known or not active: %s', id('x')), 'somebody unknown is named');
SELECT is(get_round_robin(service(1), '2031-03-09 10:15Z', '{}') ->> 'code', 'INVALID_ARGUMENT', 'an empty list');
SELECT * FROM finish();
