-- What test/demo shows: run by psql -q -A -t in an empty database of a preloaded cluster, with the
-- variables off, bold, dim, green, red and yellow holding escape sequences or nothing.

\echo 'filling a salon: 20 stylists, 5 services, 30 days, 5,000 bookings'
\set ECHO none
\ir salon.sql
SELECT format('  %s bookings from %s to %s', to_char(count(*), 'FM999,999'),
              to_char(min(start_time AT TIME ZONE 'Asia/Kathmandu'), 'FMDD Mon YYYY'),
              to_char(max(start_time AT TIME ZONE 'Asia/Kathmandu'), 'FMDD Mon YYYY')) FROM bookings;
\echo

-- ----------------------------------------------------------------------------
-- Installing it
-- ----------------------------------------------------------------------------

\echo :bold'CREATE EXTENSION availability_cache;':off
CREATE EXTENSION availability_cache;
\echo :bold'SELECT * FROM availability_cache.attach();':off
SELECT format('  %-22s %-22s %-12s %s', role, relation, action,
              coalesce(nullif('missing: ' || array_to_string(missing_indexes, '; '), 'missing: '), ''))
  FROM availability_cache.attach();
\echo

-- ----------------------------------------------------------------------------
-- Helpers of the demo
-- ----------------------------------------------------------------------------

CREATE SCHEMA demo;

-- The question: stylist 1, the first service, the day on which a customer just holds a slot.
CREATE TABLE demo.question AS
SELECT p.user_id AS stylist, v.id AS service, (h.start_time AT TIME ZONE p.timezone)::date AS day, p.timezone,
       format('%s''s %s: %s, %s minutes  (%s)', p.display_name,
              to_char(h.start_time AT TIME ZONE p.timezone, 'FMDay, FMDD FMMonth YYYY'),
              v.name, v.duration_minutes, p.timezone) AS title
  FROM stylist_profiles p, services v, booking_reservations h
 WHERE p.user_id = md5('stylist 1')::uuid AND v.id = md5('service 1')::uuid AND h.stylist_user_id = p.user_id;
SELECT * FROM demo.question \gset

CREATE FUNCTION demo.slots(answer jsonb)
RETURNS TABLE (slot_start_utc timestamptz, slot_display text, status text, price_cents int)
LANGUAGE sql AS $$
    SELECT * FROM jsonb_to_recordset(answer -> 'slots')
        AS s(slot_start_utc timestamptz, slot_display text, status text, price_cents int)
$$;

-- A day as a person reads one: a line per hour.
CREATE FUNCTION demo.day(answer jsonb, colours jsonb) RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT '   ' || string_agg(format('%s  %s%-10s%s %7s', slot_display, colours ->> status, status, colours ->> 'off',
                                      CASE status WHEN 'available' THEN to_char(price_cents / 100.0, 'FM9990.00') END),
                              '      ' ORDER BY slot_start_utc)
      FROM demo.slots(answer)
     GROUP BY split_part(slot_display, ':', 1)
     ORDER BY min(slot_start_utc)
$$;
SELECT jsonb_build_object('available', :'green', 'booked', :'red', 'reserved', :'yellow',
                          'in_break', :'dim', 'unavailable', :'dim', 'off', :'off') AS colours \gset

-- Whether a cached answer is, slot for slot, what get_available_slots computes now.
CREATE FUNCTION demo.exact(answer jsonb, q demo.question) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN array_agg((c.slot_start_utc, c.status, c.price_cents)::text ORDER BY c.slot_start_utc)
                  = (SELECT array_agg((a.slot_start_utc, a.status, a.price_cents)::text ORDER BY a.slot_start_utc)
                       FROM demo.slots(answer) a)
                THEN 'yes, slot for slot' ELSE 'NO' END
      FROM get_available_slots(q.stylist, q.service, q.day) c
$$;

CREATE FUNCTION demo.duration(microseconds numeric) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN microseconds >= 1000 THEN to_char(microseconds / 1000, 'FM99990.00') || ' ms'
                WHEN microseconds >= 10 THEN to_char(microseconds, 'FM990') || ' us'
                ELSE to_char(microseconds, 'FM0.00') || ' us' END
$$;

-- One call and the time it took in the server.
CREATE FUNCTION demo.ask(q demo.question, OUT answer jsonb, OUT took text)
LANGUAGE plpgsql AS $$
DECLARE
    t timestamptz := clock_timestamp();
BEGIN
    answer := get_available_slots_v2(q.stylist, q.service, q.day);
    took := demo.duration(1e6 * extract(epoch FROM clock_timestamp() - t));
END
$$;

CREATE FUNCTION demo.shown(answer jsonb, took text) RETURNS text
LANGUAGE sql AS $$ SELECT format('%10s   cache_hit %s', took, answer ->> 'cache_hit') $$;

-- Microseconds per call, the loop included.
CREATE FUNCTION demo.mean(q demo.question, calls int) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
    t timestamptz := clock_timestamp();
BEGIN
    PERFORM count(get_available_slots_v2(q.stylist, q.service, q.day)) FROM generate_series(1, calls);
    RETURN 1e6 * extract(epoch FROM clock_timestamp() - t) / calls;
END
$$;

-- Another stylist's day first, so that the times below are not those of a session's first call.
SELECT FROM demo.question q, demo.ask(ROW(md5('stylist 3')::uuid, q.service, q.day + 1, q.timezone, '')::demo.question);

-- ----------------------------------------------------------------------------
-- A day, a miss, a hit
-- ----------------------------------------------------------------------------

SELECT a.* FROM demo.question q, demo.ask(q) a \gset first_
SELECT a.* FROM demo.question q, demo.ask(q) a \gset second_

\echo :bold:title:off
SELECT demo.day(:'first_answer', :'colours');
SELECT format('  %s of %s slots are available', count(*) FILTER (WHERE status = 'available'), count(*))
  FROM demo.slots(:'first_answer');
\echo
\echo :bold'SELECT get_available_slots_v2(stylist, service, day);':off
SELECT '  first call, computed      ' || demo.shown(:'first_answer', :'first_took');
SELECT '  second call, from memory  ' || demo.shown(:'second_answer', :'second_took');

SET availability_cache.enabled = off;
SELECT demo.mean(q, 1000) AS computed FROM demo.question q \gset
RESET availability_cache.enabled;
SELECT demo.mean(q, 200000) AS cached FROM demo.question q \gset
SELECT format('  many calls in one query, in the server, a call:  computed %s (1,000 calls), from memory %s (200,000 calls)',
              demo.duration(:computed), demo.duration(:cached));
SELECT format('  %sfrom memory is %s times as fast%s', :'green', to_char(:computed / :cached, 'FM999,999'), :'off');
\echo

-- ----------------------------------------------------------------------------
-- A booking from another session
-- ----------------------------------------------------------------------------

SELECT slot_display AS taken, slot_start_utc AS taken_at
  FROM demo.slots(:'first_answer') WHERE status = 'available'
 ORDER BY slot_start_utc OFFSET 2 LIMIT 1 \gset
SELECT format($$INSERT INTO bookings (stylist_user_id, service_id, customer_name, start_time, end_time)
VALUES (%L, %L, 'Sunita', %L, timestamptz %L + interval '30 minutes')$$, :'stylist', :'service', :'taken_at', :'taken_at') AS booking \gset
\setenv DEMO_BOOKING :booking

\echo :bold'Another session books ':taken' and commits.':off
\! psql -X -q -v ON_ERROR_STOP=1 -c "$DEMO_BOOKING"
SELECT a.* FROM demo.question q, demo.ask(q) a \gset third_
SELECT a.* FROM demo.question q, demo.ask(q) a \gset fourth_
SELECT format('  next call, computed       %s   %s %s   same as get_available_slots: %s',
              demo.shown(:'third_answer', :'third_took'), :'taken', s.status, demo.exact(:'third_answer', q))
  FROM demo.question q, demo.slots(:'third_answer') s WHERE s.slot_display = :'taken';
SELECT format('  call after, from memory   %s   %s %s   same as get_available_slots: %s',
              demo.shown(:'fourth_answer', :'fourth_took'), :'taken', s.status, demo.exact(:'fourth_answer', q))
  FROM demo.question q, demo.slots(:'fourth_answer') s WHERE s.slot_display = :'taken';
SELECT format('  what changed: %s', string_agg(format('%s %s -> %s', slot_display, b.status, a.status), ', ' ORDER BY slot_start_utc))
  FROM demo.slots(:'first_answer') b JOIN demo.slots(:'fourth_answer') a USING (slot_start_utc, slot_display)
 WHERE a.status <> b.status;
\echo

\echo :bold'SELECT hits, misses, stores, invalidations, entries, bytes FROM availability_cache.stats;':off
SELECT format('  hits %s, misses %s, stores %s, invalidations %s, entries %s, bytes %s',
              hits, misses, stores, invalidations, entries, bytes)
  FROM availability_cache.stats WHERE datname = current_database();


\echo
\echo :bold'Any function of yours: bookings_of(stylist), in plpgsql.':off
CREATE FUNCTION demo.bookings_of(p_stylist uuid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*) FROM public.bookings b JOIN public.services s ON s.id = b.service_id
             WHERE b.stylist_user_id = p_stylist AND b.status = 'confirmed');
END
$$;
\echo :bold'SELECT * FROM availability_cache.memoize(''demo.bookings_of(uuid)'');':off
SELECT format('  %-12s %-60s %s', relation, key_columns, action) FROM availability_cache.memoize('demo.bookings_of(uuid)');
SELECT demo.bookings_of(:'stylist') AS memo_first \gset
SELECT demo.bookings_of(:'stylist') AS memo_second \gset
SELECT hits AS memo_hits FROM availability_cache.memoized \gset
SELECT format('  computed: %s; from memory: %s', :'memo_first', :'memo_second');
\echo :bold'Another session cancels one of these bookings.':off
\setenv DEMO_CANCEL 'UPDATE public.bookings SET status = ''cancelled'' WHERE id = (SELECT id FROM public.bookings WHERE stylist_user_id = md5(''stylist 1'')::uuid AND status = ''confirmed'' LIMIT 1)'
\! psql -X -q -v ON_ERROR_STOP=1 -c "$DEMO_CANCEL"
SELECT demo.bookings_of(:'stylist') AS memo_third \gset
SELECT format('  next call: %s', :'memo_third');
\echo :bold'SELECT * FROM availability_cache.memo_explain(''demo.bookings_of(uuid)'');':off
SELECT format('  %-10s %s', what, detail) FROM availability_cache.memo_explain('demo.bookings_of(uuid)');

-- The demo must not look well when it is not.
SELECT (:'first_answer'::jsonb ->> 'cache_hit') = 'false' AND (:'second_answer'::jsonb ->> 'cache_hit') = 'true'
       AND (:'third_answer'::jsonb ->> 'cache_hit') = 'false' AND (:'fourth_answer'::jsonb ->> 'cache_hit') = 'true'
       AND demo.exact(:'third_answer', q) <> 'NO' AND demo.exact(:'fourth_answer', q) <> 'NO'
       AND EXISTS (SELECT FROM demo.slots(:'fourth_answer') WHERE slot_display = :'taken' AND status = 'booked')
       AND :memo_hits = 1 AND :memo_second = :memo_first AND :memo_third = :memo_first - 1 AS fine
  FROM demo.question q \gset
\if :fine
\else
    DO $$ BEGIN RAISE EXCEPTION 'the answers above are not what they must be'; END $$;
\endif
