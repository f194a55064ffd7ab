/*
 * Compares get_available_slots, get_available_slots_v2 and get_available_slots_json with the oracle on random salons.
 * Needs layouts.sql, oracle.sql and random_salon.sql.
 *
 *   CALL oracle.compare('hooks', seed, first round, last round)
 *   CALL oracle.compare('clock', seed, first round, last round [, enough differences to stop])
 *   CALL oracle.catch_mutants('hooks', seed, last round)
 *
 * A round fills a salon, then asks for days of it with changes between, every change committed: the second and
 * every later answer of v2 comes from memory unless a change outdated it. In mode 'hooks' (a build with AC_TEST_HOOKS)
 * availability_cache.test_now says what time it is: it moves forward through a round, often to the very
 * microsecond at which an answer changes. In mode 'clock' the wall clock does.
 * The outcome is a row in oracle.result, the first differences in full in it.
 */
CREATE TABLE oracle.result (mode text, seed integer, rounds integer, days integer, slots bigint, errors integer, hits_first integer, hits_again integer,
                            retries integer, statuses jsonb, differences integer, shown text[]);

CREATE FUNCTION oracle.iso(t timestamp) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT replace(to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') $$;

/* What a function with the columns of get_available_slots answers: {"slots": […]} or {"sqlstate": …, "code": …} */
CREATE FUNCTION oracle.answer(call text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    result jsonb;
BEGIN
    EXECUTE format($q$
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'slot_start_utc', oracle.iso(a.slot_start_utc AT TIME ZONE 'UTC') || '+00:00',
                   'slot_end_utc', oracle.iso(a.slot_end_utc AT TIME ZONE 'UTC') || '+00:00',
                   'slot_start_local', oracle.iso(a.slot_start_local),
                   'slot_end_local', oracle.iso(a.slot_end_local),
                   'slot_display', a.slot_display, 'status', a.status, 'price_cents', a.price_cents)
                   || jsonb_strip_nulls(jsonb_build_object('seats_left', to_jsonb(a) -> 'seats_left'))
                   || CASE WHEN to_jsonb(a) ? 'reason' AND (SELECT show_reasons FROM availability_cache.rules)
                           THEN jsonb_build_object('reason', to_jsonb(a) -> 'reason') ELSE '{}' END ORDER BY a.ordinality), '[]')
          FROM %s WITH ORDINALITY a $q$, call) INTO result;
    RETURN jsonb_build_object('slots', result);
EXCEPTION WHEN OTHERS THEN
    RETURN jsonb_build_object('sqlstate', SQLSTATE, 'code', SQLERRM);
END
$$;

CREATE FUNCTION oracle.expected(k oracle.key, now timestamptz, schema text DEFAULT 'oracle') RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT a || CASE WHEN a ? 'slots' AND (SELECT show_reasons FROM availability_cache.rules)
                     THEN jsonb_build_object('reason', oracle.why(k.stylist, k.service, k.day, now)) ELSE '{}' END
      FROM oracle.answer(format('%I.slots(%L, %L, %L, %L, %L)', schema, k.stylist, k.service, k.day, k.tz, now)) a
$$;

CREATE FUNCTION oracle.actual(k oracle.key) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT oracle.answer(format('get_available_slots(%L, %L, %L, %L)', k.stylist, k.service, k.day, k.tz))
$$;

/* v2's or json's answer in the same shape; its keys as an error code when they are not the documented ones. */
CREATE FUNCTION oracle.actual_v2(k oracle.key, form text DEFAULT 'v2', OUT answer jsonb, OUT hit boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v2 jsonb;
BEGIN
    v2 := CASE form WHEN 'v2' THEN get_available_slots_v2(k.stylist, k.service, k.day, k.tz)
                    ELSE get_available_slots_json(k.stylist, k.service, k.day, k.tz)::jsonb END;
    hit := coalesce((v2 ->> 'cache_hit')::boolean, false);
    answer := CASE
        WHEN v2 -> 'success' = 'true' AND v2 ?& '{slots,cached,cache_hit,computed_at}' AND v2 - '{success,slots,cached,cache_hit,computed_at,reason}'::text[] = '{}'
        THEN jsonb_build_object('slots', v2 -> 'slots') || CASE WHEN v2 ? 'reason' THEN jsonb_build_object('reason', v2 -> 'reason') ELSE '{}' END
        WHEN v2 -> 'success' = 'false' AND v2 ?& '{error,code}' AND v2 - '{success,error,code}'::text[] = '{}'
        THEN jsonb_build_object('code', v2 -> 'code')
        ELSE jsonb_build_object('code', 'not the documented keys: ' || v2::text) END;
EXCEPTION WHEN OTHERS THEN
    hit := false;
    answer := jsonb_build_object('code', 'raised ' || SQLSTATE || ': ' || SQLERRM);
END
$$;

/* As v1 has it, which knows no seats and no reasons. */
CREATE FUNCTION oracle.of_v1(expected jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN expected ? 'slots'
                THEN jsonb_build_object('slots', (SELECT coalesce(jsonb_agg(s - '{seats_left,reason}'::text[] ORDER BY n), '[]')
                                                    FROM jsonb_array_elements(expected -> 'slots') WITH ORDINALITY AS x(s, n)))
                ELSE expected END
$$;

/* Whether an answer is the expected one. v1 gives an SQLSTATE, v2 a code. */
CREATE FUNCTION oracle.agrees(expected jsonb, actual jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN expected ? 'slots' THEN expected = actual
        WHEN actual ? 'slots' THEN false
        WHEN actual ? 'sqlstate' THEN actual -> 'sqlstate' = expected -> 'sqlstate'
        ELSE actual -> 'code' = expected -> 'code' END
$$;

/* Everything an answer depends on, to understand a difference. */
CREATE FUNCTION oracle.facts(k oracle.key) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(what || ': ' || coalesce(fact, 'none'), E'\n' ORDER BY n)
      FROM (
        SELECT 1 AS n, 'rules' AS what, (to_jsonb(r) - 'singleton')::text AS fact FROM availability_cache.rules r
        UNION ALL SELECT 2, 'attached', (SELECT string_agg(role, ', ' ORDER BY role) FROM availability_cache.source)
        UNION ALL SELECT 3, 'stylist', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.stylist s WHERE s.stylist = k.stylist
        UNION ALL SELECT 4, 'service', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.service s
        UNION ALL SELECT 5, 'offer', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.offer s WHERE s.stylist = k.stylist AND s.service = k.service
        UNION ALL SELECT 6, 'schedule', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.schedule s WHERE s.stylist = k.stylist
        UNION ALL SELECT 7, 'override', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.override s
                   WHERE (s.stylist = k.stylist OR s.stylist IS NULL OR s.to_all) AND k.day BETWEEN s.first_date AND coalesce(s.last_date, s.first_date)
        UNION ALL SELECT 8, 'booking', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.booking s
                   WHERE (s.stylist = k.stylist OR s.service = k.service) AND s.starts < k.day + 9 AND s.ends > k.day - 8
        UNION ALL SELECT 10, 'resource', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.resource s
        UNION ALL SELECT 11, 'taker', jsonb_strip_nulls(to_jsonb(s))::text
                    FROM (SELECT stylist, service, starts, ends, status, NULL::timestamptz AS expires_at, resource FROM oracle.booking
                          UNION ALL SELECT stylist, service, starts, ends, status, expires_at, resource FROM oracle.hold) s
                   WHERE s.stylist <> k.stylist AND s.starts < k.day + 3 AND s.ends > k.day - 2
        UNION ALL SELECT 12, 'class', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.class s
                   WHERE s.stylist = k.stylist AND s.starts < k.day + 9 AND s.ends > k.day - 8
        UNION ALL SELECT 9, 'hold', jsonb_strip_nulls(to_jsonb(s))::text FROM oracle.hold s
                   WHERE s.stylist = k.stylist AND s.starts < k.day + 9 AND s.ends > k.day - 8) AS facts
$$;

CREATE FUNCTION oracle.describe(what text, k oracle.key, now timestamptz, expected jsonb, actual jsonb) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT format(E'%s differs: stylist %s, service %s, day %s (%s), customer zone %s, now %s\n', what, k.stylist, k.service, k.day,
                  to_char(k.day, 'Dy'), k.tz, now)
        || format(E'%s slots expected, %s answered\n', jsonb_array_length(expected -> 'slots'), jsonb_array_length(actual -> 'slots'))
        || CASE WHEN expected ? 'slots' AND actual ? 'slots' THEN
            coalesce((SELECT string_agg('  expected ' || e, E'\n' ORDER BY e) || E'\n' FROM (
                SELECT e::text FROM jsonb_array_elements(expected -> 'slots') e
                EXCEPT SELECT a::text FROM jsonb_array_elements(actual -> 'slots') a ORDER BY 1 LIMIT 10) AS x(e)), '')
            || coalesce((SELECT string_agg('  answered ' || a, E'\n' ORDER BY a) || E'\n' FROM (
                SELECT a::text FROM jsonb_array_elements(actual -> 'slots') a
                EXCEPT SELECT e::text FROM jsonb_array_elements(expected -> 'slots') e ORDER BY 1 LIMIT 10) AS x(a)), '')
           ELSE format(E'  expected %s\n  answered %s\n', left(expected::text, 1000), left(actual::text, 1000)) END
        || oracle.facts(k)
$$;

CREATE TYPE oracle.verdict AS (difference text, expected jsonb, hit_first boolean, hit_again boolean, retries integer);

/*
 * Asks v1 once, v2 twice and json once for a key, under session settings that must not matter, and compares. v2 goes
 * first: nothing but what is in memory can save it from computing.
 */
CREATE FUNCTION oracle.check_key(k oracle.key, now timestamptz) RETURNS oracle.verdict
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v oracle.verdict;
    zone text := oracle.random_zone();
    style text := oracle.pick('SQL, DMY', 'German', 'Postgres, MDY', 'ISO, YMD');
    before timestamptz;
    after timestamptz;
    later jsonb;
    answers jsonb[];
    which text[] := '{v2 first,v2 again,json,v1}';
    first_v2 record;
    second_v2 record;
    wrong integer;
BEGIN
    v.retries := 0;
    LOOP
        before := coalesce(now, clock_timestamp());
        PERFORM set_config('TimeZone', zone, false), set_config('DateStyle', style, false);
        first_v2 := oracle.actual_v2(k);
        second_v2 := oracle.actual_v2(k);
        answers := ARRAY[first_v2.answer, second_v2.answer, (oracle.actual_v2(k, 'json')).answer, oracle.actual(k)];
        PERFORM set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false);
        after := coalesce(now, clock_timestamp());
        v.hit_first := first_v2.hit;
        v.hit_again := second_v2.hit;
        v.expected := oracle.expected(k, before);
        wrong := (SELECT min(i) FROM generate_series(1, 4) i
                   WHERE NOT oracle.agrees(CASE WHEN i = 4 THEN oracle.of_v1(v.expected) ELSE v.expected END, answers[i]));
        EXIT WHEN wrong IS NULL;
        later := oracle.expected(k, after);
        IF later = v.expected OR v.retries >= 20 THEN
            v.difference := oracle.describe(which[wrong], k, before, v.expected, answers[wrong]);
            EXIT;
        END IF;
        -- The clock changed the answer meanwhile.
        v.retries := v.retries + 1;
    END LOOP;
    RETURN v;
END
$$;

/*
 * When to ask for a key: a moment around its day, or exactly one at which the answer changes (or a microsecond beside it): a
 * slot enters the notice or the horizon, a hold lapses.
 */
CREATE FUNCTION oracle.moment(k oracle.key) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    day date := CASE WHEN isfinite(k.day) THEN k.day ELSE date '2020-02-29' END;
    r float8 := random();
    beside interval := oracle.between(-1, 1) * interval '1 microsecond';
    anchor timestamptz;
    span numeric;
BEGIN
    -- Not long before a class can no longer be booked.
    IF oracle.chance(0.65) THEN
        SELECT c.starts - make_interval(secs => l.notice::float8) - oracle.pick('1 microsecond', '1 minute', '1 hour')::interval INTO anchor
          FROM oracle.class c, availability_cache.rules s,
               LATERAL (SELECT greatest(0, coalesce((SELECT x.min_notice FROM oracle.service x WHERE x.service = k.service LIMIT 1),
                                                    (SELECT x.min_notice FROM oracle.stylist x WHERE x.stylist = k.stylist LIMIT 1), extract(epoch FROM s.min_notice)))) l(notice)
         WHERE c.stylist = k.stylist AND c.service = k.service AND c.starts BETWEEN day - 1 AND day + 2 AND l.notice < 4000 * 86400.0
         ORDER BY random() LIMIT 1;
        IF FOUND THEN
            RETURN anchor;
        END IF;
    END IF;
    IF r < 0.35 THEN
        SELECT e.expires_at INTO anchor
          FROM oracle.hold e
         WHERE e.stylist = k.stylist AND isfinite(e.expires_at) ORDER BY random() LIMIT 1;
        span := 0;
    ELSIF r < 0.8 THEN
        SELECT (s ->> 'slot_start_utc')::timestamptz INTO anchor
          FROM jsonb_array_elements(oracle.expected(k, day::timestamptz - interval '1 day') -> 'slots') s ORDER BY random() LIMIT 1;
        SELECT x INTO span
          FROM (SELECT s.min_notice, s.max_advance FROM oracle.service s WHERE s.service = k.service
                UNION ALL SELECT s.min_notice, s.max_advance FROM oracle.stylist s WHERE s.stylist = k.stylist
                UNION ALL SELECT extract(epoch FROM s.min_notice), extract(epoch FROM s.max_advance) FROM availability_cache.rules s) l,
               unnest(ARRAY[0, l.min_notice, l.max_advance]) x
         WHERE abs(x) < 4000 * 86400
         ORDER BY random() LIMIT 1;
    ELSIF r < 0.9 THEN
        -- a cut-off, or the midnight at which a date opens
        SELECT p INTO anchor
          FROM availability_cache.rules r, LATERAL (SELECT oracle.zone_of(k.stylist, day, coalesce((SELECT f.zone FROM oracle.focus f WHERE f.stylist = k.stylist LIMIT 1), r.default_timezone))) z(zone),
               LATERAL (VALUES ((day - r.notice_days + r.notice_cutoff) AT TIME ZONE z.zone),
                               (CASE WHEN r.advance_whole_days THEN (day - (extract(epoch FROM r.max_advance) / 86400)::integer)::timestamp AT TIME ZONE z.zone END)) v(p)
         WHERE p IS NOT NULL ORDER BY random() LIMIT 1;
        span := 0;
    END IF;
    IF anchor IS NULL THEN
        RETURN day::timestamptz + oracle.between(-3 * 1440, 1440) * interval '1 minute' + beside;
    END IF;
    RETURN anchor - make_interval(secs => span::float8) + beside;
END
$$;

CREATE PROCEDURE oracle.compare(p_mode text, p_seed integer, p_first integer, p_last integer, p_enough integer DEFAULT NULL)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    result oracle.result;
    step integer;
    checks oracle.key[];
    recent integer := CASE p_mode WHEN 'hooks' THEN 3 ELSE 10 END;  -- asked long ago is outdated by time
    shown_step integer;
    moments timestamptz[];
    asked oracle.key[];
    k oracle.key;
    v oracle.verdict;
    history text;           -- the round's changes so far
BEGIN
    result.mode := p_mode; result.seed := p_seed; result.rounds := 1 + p_last - p_first; result.days := 0; result.slots := 0;
    result.errors := 0; result.hits_first := 0; result.hits_again := 0; result.retries := 0; result.differences := 0;
    result.statuses := '{}'; result.shown := '{}';
    FOR round IN p_first .. p_last LOOP
        EXIT WHEN result.differences >= p_enough;
        PERFORM set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),
                setseed(((p_seed * 7919 + round * 104729) % 1000003) / 1000003.0);
        PERFORM oracle.fill_salon(p_mode);
        history := '';
        shown_step := NULL;
        SELECT array_agg(m.moment ORDER BY m.moment), array_agg(m.k ORDER BY m.moment) INTO moments, asked
          FROM (SELECT k, CASE WHEN p_mode = 'hooks' THEN oracle.moment(k) END AS moment
                  FROM (SELECT k FROM oracle.key k, generate_series(1, 2) ORDER BY random()) AS x(k)) AS m;
        COMMIT;
        FOR step IN 1 .. cardinality(moments) LOOP
            IF p_mode = 'hooks' THEN
                IF step > 1 AND oracle.chance(0.6) THEN     -- time stands still: only changes can outdate answers
                    moments[step] := moments[step - 1];
                END IF;
                PERFORM set_config('availability_cache.test_now', moments[step]::text, false);
            END IF;
            -- Ask for another day, and for ones that were asked for before: are they still right, at this time and
            -- after a change?
            checks := asked[step:step];
            IF step % 2 = 0 THEN
                k := asked[oracle.between(greatest(1, step - recent), step)];
                history := history || E'\nchange: ' || oracle.random_change(p_mode, k, coalesce(moments[step], clock_timestamp()));
                COMMIT;
                checks := k || checks || asked[oracle.between(greatest(1, step - recent), step)]
                               || asked[oracle.between(greatest(1, step - recent), step)];
            END IF;
            FOREACH k IN ARRAY checks || asked[oracle.between(greatest(1, step - recent), step)] LOOP
                v := oracle.check_key(k, moments[step]);
                result.days := result.days + 1;
                result.hits_first := result.hits_first + v.hit_first::integer;
                result.hits_again := result.hits_again + v.hit_again::integer;
                result.retries := result.retries + v.retries;
                IF v.expected ? 'slots' THEN
                    result.slots := result.slots + jsonb_array_length(v.expected -> 'slots');
                    SELECT jsonb_object_agg(s, n) INTO result.statuses
                      FROM (SELECT s, sum(n) FROM (
                                SELECT key, value::bigint FROM jsonb_each_text(result.statuses)
                                UNION ALL SELECT e ->> 'status', 1 FROM jsonb_array_elements(v.expected -> 'slots') e) AS x(s, n)
                             GROUP BY s) AS y(s, n);
                    result.statuses := coalesce(result.statuses, '{}');
                ELSE
                    result.errors := result.errors + 1;
                END IF;
                IF v.difference IS NOT NULL THEN
                    result.differences := result.differences + 1;
                    -- The first three in full, one of a step.
                    IF cardinality(result.shown) < 3 AND step IS DISTINCT FROM shown_step THEN
                        shown_step := step;
                        result.shown := result.shown
                            || format('seed %s, round %s, step %s: %s%s', p_seed, round, step, v.difference, history);
                    END IF;
                END IF;
            END LOOP;
            COMMIT;
        END LOOP;
    END LOOP;
    IF p_mode = 'hooks' THEN
        PERFORM set_config('availability_cache.test_now', '', false);
    END IF;
    INSERT INTO oracle.result VALUES (result.*);
    COMMIT;
END
$$;

/*
 * Does the comparison bite? Each mutant is a copy of the oracle with one thing read differently; get_available_slots must
 * be found to differ from every one.
 */
-- All are made, and those that are chosen looked for.
CREATE TABLE oracle.mutant (name text PRIMARY KEY, find text NOT NULL, put text NOT NULL, caught text,
                            chosen boolean NOT NULL DEFAULT true);
INSERT INTO oracle.mutant (name, find, put) VALUES
    ('second of a doubled time', 'min(candidate)', 'max(candidate)'),
    ('skipped time becomes the end of the gap', 'wall + (after - before)', 'after'),
    ('skipped time moves back', 'wall + (after - before)', 'wall - (after - before)'),
    ('equal times are closed', 'closes_at <= opens_at', 'closes_at < opens_at'),
    ('opening not cut to seconds', 'date + date_trunc(''second'', opens)', 'date + opens'),
    ('break after midnight stays on the day', 'starts_on := starts_on + interval ''1 day''', 'starts_on := starts_on'),
    ('break moves also if the row closes the same day', ' AND row_closes <= row_opens', ''),
    ('break end not carried over midnight', 'ends_on := ends_on + interval ''1 day''', 'ends_on := ends_on'),
    ('equal break times are a break', 'AND date_trunc(''second'', schedule.break_start) <> date_trunc(''second'', schedule.break_end)', ''),
    ('stylist need not be active', 's.stylist = p_stylist AND s.is_active IS NOT FALSE', 's.stylist = p_stylist'),
    ('offer need not be active', 'o.service = p_service AND o.is_active IS NOT FALSE', 'o.service = p_service'),
    ('service with is_active NULL is inactive', 's.service = p_service AND s.is_active IS NOT FALSE', 's.service = p_service AND s.is_active'),
    ('base duration before custom', 'coalesce(nullif(trunc(offer.duration), 0), trunc(service.duration))', 'coalesce(trunc(service.duration), trunc(offer.duration))'),
    ('duration of zero is a service', 'duration <= 0', 'duration < 0'),
    ('duration has no limit', 'duration > 7 * 86400', 'false'),
    ('base price before custom', 'coalesce(offer.price, service.price)', 'coalesce(service.price, offer.price)'),
    ('stylist''s buffer before the service''s', 'coalesce(service_buffer, stylist_buffer', 'coalesce(stylist_buffer, service_buffer'),
    ('stylist''s notice before the service''s', 'coalesce(service.min_notice, stylist.min_notice', 'coalesce(stylist.min_notice, service.min_notice'),
    ('stylist''s horizon ignored', 'coalesce(service.max_advance, stylist.max_advance', 'coalesce(service.max_advance, NULL'),
    ('negative buffer shortens bookings', 'trunc(greatest(0, least(86400', 'trunc(greatest(-86400, least(86400'),
    ('buffer above a day', 'least(86400, coalesce(', 'least(999999, coalesce('),
    ('buffers not cut to seconds', 'trunc(greatest(0, least(86400', '(greatest(0, least(86400'),
    ('negative notice allowed', 'notice := greatest(0,', 'notice := greatest(-999999,'),
    ('7 is not Sunday', 's.day_of_week = 7 AND weekday = 0', 'false'),
    ('NULL is_active of a row is inactive', 'AND s.is_active IS NOT FALSE
       AND (s.effective_from', 'AND s.is_active
       AND (s.effective_from'),
    ('effective_from not included', 's.effective_from <= p_date', 's.effective_from < p_date'),
    ('effective_until not included', 's.effective_until >= p_date', 's.effective_until > p_date'),
    ('overrides of all stylists do not count', 'o.stylist = p_stylist OR o.stylist IS NULL', 'o.stylist = p_stylist'),
    ('override ends a day early', 'BETWEEN o.first_date AND coalesce(o.last_date, o.first_date)', 'BETWEEN o.first_date AND coalesce(o.last_date - 1, o.first_date)'),
    ('lowest priority wins', 'o.priority DESC NULLS LAST', 'o.priority ASC NULLS LAST'),
    ('NULL priority is the highest', 'o.priority DESC NULLS LAST', 'o.priority DESC NULLS FIRST'),
    ('specific override before priority', 'ORDER BY o.priority DESC NULLS LAST, (o.stylist IS NULL OR o.to_all IS TRUE)', 'ORDER BY (o.stylist IS NULL OR o.to_all IS TRUE), o.priority DESC NULLS LAST'),
    ('override of all before the specific', '(o.stylist IS NULL OR o.to_all IS TRUE), o.created_at', '(o.stylist IS NULL OR o.to_all IS TRUE) DESC, o.created_at'),
    ('oldest override wins', 'o.created_at DESC NULLS LAST', 'o.created_at ASC NULLS LAST'),
    ('NULL created_at is the newest', 'o.created_at DESC NULLS LAST', 'o.created_at DESC NULLS FIRST'),
    ('override without times closes', 'IF override.closed THEN', 'IF override.closed OR override.opens IS NULL THEN'),
    ('override with one time takes the other from the schedule', 'ruling := override;', 'override.closes := coalesce(override.closes, schedules[1].closes, ''18:00''); ruling := override;'),
    ('override adds its window', 'override.closes IS NULL;
            windows := ''{}'';', 'override.closes IS NULL;'),
    ('one row of special hours counts', 'EXIT WHEN override.priority IS DISTINCT', 'EXIT WHEN override IS DISTINCT FROM ruling OR override.priority IS DISTINCT'),
    ('special hours of a lower priority count too', 'override.priority IS DISTINCT FROM ruling.priority OR ', ''),
    ('special hours of all count beside the stylist''s', ' OR override.of_all <> ruling.of_all', ''),
    ('what was closed in between does not matter', '        EXIT WHEN override.closed OR override.opens IS NULL OR override.closes IS NULL;
        EXIT WHEN override.priority', '        CONTINUE WHEN override.closed OR override.opens IS NULL OR override.closes IS NULL;
        EXIT WHEN override.priority'),
    ('open before closed', 'coalesce(o.is_closed, false) DESC, o.opens', 'coalesce(o.is_closed, false), o.opens'),
    ('latest start first', 'false) DESC, o.opens, o.closes', 'false) DESC, o.opens DESC NULLS LAST, o.closes'),
    ('a row for all is only of whom it names', ' OR o.to_all)', ')'),
    ('a row for all that names the stylist is the stylist''s', '(o.stylist IS NULL OR o.to_all IS TRUE), o.created_at', '(o.stylist IS DISTINCT FROM p_stylist), o.created_at'),
    ('override takes the breaks away', 'IF schedule.break_start IS NOT NULL', 'IF ruling IS NULL AND schedule.break_start IS NOT NULL'),
    ('slot may end after closing', 'generate_series(starts, closes - make_interval(secs => duration::float8)', 'generate_series(starts, closes - interval ''1 second'''),
    ('slot may not end at closing', 'generate_series(starts, closes - make_interval(secs => duration::float8)', 'generate_series(starts, closes - make_interval(secs => duration::float8 + 1)'),
    ('windows that touch are two', 'FROM unnest(oracle.made_one(windows)) w', 'FROM (SELECT DISTINCT tstzrange(x.starts, x.ends) FROM unnest(windows) x WHERE x.ends > x.starts) AS y(w)'),
    ('midnight closes', 'IF open_until > closing THEN', 'IF false THEN'),
    ('the night goes on one date only', 'following := following + 1;', 'EXIT;'),
    ('slots start on later dates', 's < until AND s < closing', 's < until'),
    ('breaks of the next date do not matter', 'breaks := breaks || hours.breaks;', ''),
    ('the grid starts anew at a break''s start', 'SELECT upper(b) FROM unnest(oracle.made_one(breaks)) b
                         WHERE alignment = ''break'' AND upper(b) > opens AND upper(b) < closes', 'SELECT lower(b) FROM unnest(oracle.made_one(breaks)) b
                         WHERE alignment = ''break'' AND lower(b) > opens AND lower(b) < closes'),
    ('the grid never starts anew', 'alignment = ''break''', 'false'),
    ('the grid before a break goes on after it', 's < until AND s < closing', 's < closing'),
    ('the clock''s grid is the opening''s', 'alignment = ''clock''', 'false'),
    ('the clock''s multiples go on over midnight', 'least(step - mod(reads, step), 86400 - reads)', '(step - mod(reads, step))'),
    ('the clock is that of UTC', '(lower(w) AT TIME ZONE zone)::time', '(lower(w) AT TIME ZONE ''UTC'')::time'),
    ('grid steps on the wall clock', 'generate_series(starts, closes - make_interval(secs => duration::float8), make_interval(secs => step::float8)) s', 'generate_series(starts AT TIME ZONE zone,
               closes AT TIME ZONE zone, make_interval(secs => step::float8)) AS wall,
               LATERAL (SELECT oracle.instant(wall, zone)) AS x(s)'),
    ('start = now + notice is in time', 'slot_start - p_now) <= notice', 'slot_start - p_now) < notice'),
    ('start = now + horizon is too late', 'slot_start - p_now) > horizon', 'slot_start - p_now) >= horizon'),
    ('the moment of the cut-off is in time', 'OR p_now >= closes
', 'OR p_now > closes
'),
    ('the cut-off is that of the date itself', 'p_date - rules.notice_days + date_trunc', 'p_date + date_trunc'),
    ('the cut-off is midnight', 'date_trunc(''second'', rules.notice_cutoff::interval)', 'interval ''0'''),
    ('the horizon''s last day is not whole', 'CASE WHEN rules.advance_whole_days THEN p_now < opens ELSE', 'CASE WHEN false THEN p_now < opens ELSE'),
    ('a day opens a moment later', 'THEN p_now < opens', 'THEN p_now <= opens'),
    ('part of a day is a day', 'floor(horizon / 86400)', 'ceil(horizon / 86400)'),
    ('touching a break is overlapping', 'b.starts < slot_end AND b.ends > slot_start)', 'b.starts <= slot_end AND b.ends > slot_start)'),
    ('touching a booking''s end is overlapping', 'b.ends > slot_start - make_interval(secs => buffer_before::float8)', 'b.ends >= slot_start - make_interval(secs => buffer_before::float8)'),
    ('touching a hold''s start is overlapping', 'h.starts < slot_end + make_interval', 'h.starts <= slot_end + make_interval'),
    ('touching a widened booking is overlapping', 'b.ends > slot_start - b.after', 'b.ends >= slot_start - b.after'),
    ('buffers of bookings swapped', 'b.starts < slot_end + b.before AND b.ends > slot_start - b.after', 'b.starts < slot_end + b.after AND b.ends > slot_start - b.before'),
    ('buffers of the slot swapped', 'b.starts < slot_end + make_interval(secs => buffer_after::float8)
                                        AND b.ends > slot_start - make_interval(secs => buffer_before::float8)', 'b.starts < slot_end + make_interval(secs => buffer_before::float8)
                                        AND b.ends > slot_start - make_interval(secs => buffer_after::float8)'),
    ('only the slot''s buffers count', ' OR (b.starts < slot_end + b.before AND b.ends > slot_start - b.after)', ''),
    ('only the booking''s buffers count', '(b.starts < slot_end + make_interval(secs => buffer_after::float8)
                                        AND b.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR ', ''),
    ('both buffers are kept between two', 'b.starts < slot_end + b.before AND', 'b.starts < slot_end + b.before + make_interval(secs => buffer_after::float8) AND'),
    ('a booking is widened by the slot''s service''s buffers', 'WHERE s.service = b.service)', 'WHERE s.service = p_service)'),
    ('a hold''s service does not matter', 'WHERE s.service = h.service)', 'WHERE s.service = p_service)'),
    ('of several rows of a service an active one has the buffers', 'WHERE s.service = b.service)', 'WHERE s.service = b.service AND s.is_active IS NOT FALSE)'),
    ('holds have no buffers', 'h.starts < slot_end + make_interval(secs => buffer_after::float8)', 'h.starts < slot_end'),
    ('the largest offer counts', 'ORDER BY o.duration, o.price', 'ORDER BY o.duration DESC, o.price DESC'),
    ('the largest service counts', 'ORDER BY s.duration, s.price, s.min_notice', 'ORDER BY s.duration DESC, s.price DESC, s.min_notice DESC'),
    ('the last profile by zone counts', 's.timezone COLLATE "C", s.buffer_before', 's.timezone COLLATE "C" DESC, s.buffer_before'),
    ('a custom duration of zero is one', 'nullif(trunc(offer.duration), 0)', 'trunc(offer.duration)'),
    ('inverted bookings count', 'AND b.ends > b.starts
           AND CASE', 'AND CASE'),
    ('bookings without length count', 'AND b.ends > b.starts
           AND CASE', 'AND b.ends >= b.starts
           AND CASE'),
    ('holds without length count', 'AND h.ends > h.starts', 'AND h.ends >= h.starts'),
    ('NULL status does not block', 'THEN b.status IS NULL OR b.status <>', 'THEN b.status <>'),
    ('cancelled bookings block', 'b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses)', 'b.status IS NULL OR b.status <> ''no_show'''),
    ('blocking_statuses does not matter', 'rules.blocking_statuses IS NULL OR NOT b.has_status', 'true'),
    ('blocking_statuses block beside all others', 'ELSE b.status = ANY (rules.blocking_statuses) END', 'ELSE b.status = ANY (rules.blocking_statuses) OR b.status <> ALL (rules.non_blocking_statuses) END'),
    ('non_blocking_statuses go before blocking_statuses', 'ELSE b.status = ANY (rules.blocking_statuses) END', 'ELSE b.status = ANY (rules.blocking_statuses) AND b.status <> ALL (rules.non_blocking_statuses) END'),
    ('NULL status blocks beside blocking_statuses', 'ELSE b.status = ANY (rules.blocking_statuses) END', 'ELSE b.status IS NULL OR b.status = ANY (rules.blocking_statuses) END'),
    ('hold statuses ignored', 'NOT h.has_status OR h.status = ANY (rules.hold_statuses)', 'true'),
    ('NULL hold status counts', 'NOT h.has_status OR h.status = ANY', 'NOT h.has_status OR h.status IS NULL OR h.status = ANY'),
    ('hold without expiry does not count', 'h.expires_at IS NULL OR h.expires_at > p_now', 'h.expires_at > p_now'),
    ('hold counts at the moment it lapses', 'h.expires_at > p_now', 'h.expires_at >= p_now'),
    ('holds never lapse', 'AND (h.expires_at IS NULL OR h.expires_at > p_now)', ''),
    ('reserved before booked', '''booked''
                   -- 15', 'CASE WHEN EXISTS (SELECT FROM holds h WHERE h.ends > slot_start AND h.starts < slot_end) THEN ''reserved'' ELSE ''booked'' END
                   -- 15'),
    ('booked before in_break', 'AND b.starts < slot_end AND b.ends > slot_start) THEN ''in_break''', 'AND b.starts < slot_end AND b.ends > slot_start)
                    AND NOT EXISTS (SELECT FROM bookings b WHERE b.starts < slot_end AND b.ends > slot_start) THEN ''in_break'''),
    ('unavailable comes last', 'slot_start - p_now) > horizon END THEN ''unavailable''', 'slot_start - p_now) > horizon END THEN
                        CASE WHEN EXISTS (SELECT FROM unnest(breaks) b WHERE b.starts < b.ends AND b.starts < slot_end AND b.ends > slot_start)
                             THEN ''in_break'' ELSE ''unavailable'' END'),
    ('too late before too soon', 'CASE WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes THEN ''too_soon'' ELSE ''too_late'' END', 'CASE WHEN extract(epoch FROM slot_start - p_now) > horizon THEN ''too_late'' ELSE ''too_soon'' END'),
    ('what is full is booked', 'CASE WHEN by_seats THEN ''full'' ELSE ''booked'' END', '''booked'''),
    ('who is booked beside those in seats does not count', 'CASE WHEN by_seats THEN ''full'' ELSE ''booked'' END', 'CASE WHEN capacity IS NOT NULL THEN ''full'' ELSE ''booked'' END'),
    ('a capacity of zero is none', 'CASE WHEN capacity < 0 THEN 0', 'CASE WHEN capacity <= 0 THEN NULL'),
    ('NULL seats are none', 'coalesce(b.seats, 1)', 'coalesce(b.seats, 0)'),
    ('NULL seats of holds are none', 'coalesce(h.seats, 1)', 'coalesce(h.seats, 0)'),
    ('seats below zero give seats', 'WHERE b.takes_seats AND b.seats > 0', 'WHERE b.takes_seats AND b.seats <> 0'),
    ('bookings of other services take seats', 'coalesce(capacity IS NOT NULL AND b.service = p_service, false)', '(capacity IS NOT NULL)'),
    ('those of the service block', 'WHERE NOT b.takes_seats
                                   AND ', 'WHERE '),
    ('holds of the service block', 'WHERE NOT h.takes_seats
                                   AND ', 'WHERE '),
    ('seats are always those of the slot', 'rules.seat_sharing = ''time''', 'false'),
    ('seats are always those of the time', 'WHERE rules.seat_sharing = ''slot''', 'WHERE false'),
    ('another start is free', 'coalesce(bool_or(u.starts <> slot_start AND NOT u.held), false)', 'false'),
    ('another start of a hold is free', 'coalesce(bool_or(u.starts <> slot_start), false)', 'false'),
    ('all who come during a slot are there together', 'u.starts - around <= moment AND u.ends + around > moment', 'u.starts - around < slot_end AND u.ends + around > slot_start'),
    ('seats are taken without buffers', 'FROM uses u WHERE u.starts - around <= moment AND u.ends + around > moment) AS booked', 'FROM uses u WHERE u.starts <= moment AND u.ends > moment) AS booked'),
    ('holds take no seats', 't.other_start OR t.with_holds >= capacity', 't.other_start'),
    ('one seat is kept', 't.booked >= capacity', 't.booked >= capacity - 1'),
    ('one seat too many', 't.booked >= capacity', 't.booked > capacity'),
    ('seats left leave holds out', 'SELECT t.with_holds FROM taken', 'SELECT t.booked FROM taken'),
    ('the largest capacity counts', 's.max_advance, s.capacity,', 's.max_advance, s.capacity DESC,'),
    ('the largest cap of a service counts', 's.bookings_of_day, s.bookings_of_week, s.time_of_day, s.time_of_week', 's.bookings_of_day DESC, s.bookings_of_week DESC, s.time_of_day DESC, s.time_of_week DESC'),
    ('the stylist''s cap of a day does not count', 'of_day + 1 > oracle.cap(stylist.bookings_of_day)', 'false'),
    ('the service''s cap of a day does not count', 'service_of_day + 1 > oracle.cap(service.bookings_of_day)', 'false'),
    ('the stylist''s cap of a week does not count', 'of_week + 1 > oracle.cap(stylist.bookings_of_week)', 'false'),
    ('the service''s cap of a week does not count', 'service_of_week + 1 > oracle.cap(service.bookings_of_week)', 'false'),
    ('the stylist''s time of a day does not count', 'time_of_day + duration > oracle.cap(stylist.time_of_day)', 'false'),
    ('the service''s time of a day does not count', 'service_time_of_day + duration > oracle.cap(service.time_of_day)', 'false'),
    ('the stylist''s time of a week does not count', 'time_of_week + duration > oracle.cap(stylist.time_of_week)', 'false'),
    ('the service''s time of a week does not count', 'service_time_of_week + duration > oracle.cap(service.time_of_week)', 'false'),
    ('the rules'' cap of a day does not count', 'coalesce(stylist.bookings_of_day, rules.max_bookings_per_day)', 'stylist.bookings_of_day'),
    ('the rules'' cap of a week does not count', 'coalesce(stylist.bookings_of_week, rules.max_bookings_per_week)', 'stylist.bookings_of_week'),
    ('the rules'' time of a day does not count', 'coalesce(stylist.time_of_day, rules.max_daily_minutes * 60.0)', 'stylist.time_of_day'),
    ('the rules'' time of a week does not count', 'coalesce(stylist.time_of_week, rules.max_weekly_minutes * 60.0)', 'stylist.time_of_week'),
    ('the rules'' cap is beside the stylist''s', 'coalesce(stylist.bookings_of_day, rules.max_bookings_per_day)', 'least(stylist.bookings_of_day, rules.max_bookings_per_day)'),
    ('one appointment too many', 'of_day + 1 > oracle.cap(stylist', 'of_day > oracle.cap(stylist'),
    ('the slot''s own time does not count', 'time_of_day + duration > oracle.cap(stylist', 'time_of_day > oracle.cap(stylist'),
    ('all the time is one too much', 'time_of_week + duration > oracle.cap(stylist', 'time_of_week + duration >= oracle.cap(stylist'),
    ('a cap below zero is none', 'WHEN n < 0 THEN 0', 'WHEN n < 0 THEN NULL'),
    ('a cap of zero is none', 'WHEN n < 0 THEN 0', 'WHEN n <= 0 THEN NULL'),
    ('a service''s cap is about all services', 'WHERE a.service = p_service AND a.ends > a.starts', 'WHERE a.ends > a.starts'),
    ('a service''s cap is always each stylist''s', 'WHEN ''together'' THEN a.stylist IS NOT NULL', 'WHEN ''together'' THEN a.stylist = p_stylist'),
    ('a service''s cap is always about all stylists', 'a.stylist IS NOT NULL ELSE a.stylist = p_stylist', 'a.stylist IS NOT NULL ELSE true'),
    ('what is of nobody counts together', 'THEN a.stylist IS NOT NULL', 'THEN true'),
    ('the clock of a service''s cap is the stylist''s', 'WHEN ''together'' THEN rules.default_timezone ELSE home', 'WHEN ''together'' THEN home ELSE home'),
    ('expired holds count together', 'AND (h.expires_at IS NULL OR h.expires_at > p_now)) AS a', ') AS a'),
    ('cancelled bookings count together', 'WHERE CASE WHEN rules.blocking_statuses IS NULL OR NOT b.has_status THEN b.status IS NULL OR b.status <> ALL (rules.non_blocking_statuses)
                            ELSE b.status = ANY (rules.blocking_statuses) END
                UNION', 'UNION'),
    ('holds are not capped', 'FROM bookings b UNION ALL SELECT h.starts, h.ends FROM holds h', 'FROM bookings b'),
    ('bookings are not capped', 'SELECT b.starts, b.ends FROM bookings b UNION ALL', ''),
    ('weeks begin on Sunday', 'date_trunc(''week'', d.date)', 'date_trunc(''week'', d.date + 1)'),
    ('weeks are seven days from the slot''s', 'appointments a ON a.week = date_trunc(''week'', d.date)', 'appointments a ON a.date BETWEEN d.date AND d.date + 6'),
    ('dates are those of UTC', 'oracle.instant(d::timestamp, zone)', 'oracle.instant(d::timestamp, ''UTC'')'),
    ('all slots of a date count on it', 'JOIN dates d ON s.slot_start >= d.begins AND s.slot_start < d.over', 'JOIN dates d ON d.date = p_date'),
    ('an appointment counts where it ends', 'ON a.starts >= d.begins AND a.starts < d.over', 'ON a.ends > d.begins AND a.ends <= d.over'),
    ('the week before the day', 'THEN ''daily_limit''
', 'THEN CASE WHEN of_week + 1 > oracle.cap(stylist.bookings_of_week) THEN ''weekly_limit'' ELSE ''daily_limit'' END
'),
    ('what is capped is booked', 'l.limited IS NOT NULL THEN ''unavailable''', 'l.limited IS NOT NULL THEN ''booked'''),
    ('caps before what is booked', 'CASE WHEN s.slot_status = ''available'' THEN l.limited END', 'CASE WHEN s.slot_status IN (''available'', ''booked'') THEN l.limited END'),
    ('resources do not matter', 'needed_kind IS NOT NULL
                     AND', 'false AND'),
    ('one resource is kept', 't.ends > slot_start) >= needed_of', 't.ends > slot_start) >= needed_of - 1'),
    ('a resource too many', 't.ends > slot_start) >= needed_of', 't.ends > slot_start) > needed_of'),
    ('resources are each stylist''s own', 'WHERE t.stylist IS NOT NULL AND t.ends > t.starts', 'WHERE t.stylist = p_stylist AND t.ends > t.starts'),
    ('who has no stylist takes a resource', 'WHERE t.stylist IS NOT NULL AND t.ends > t.starts', 'WHERE t.ends > t.starts'),
    ('who names no resource takes none', 'CASE WHEN t.resource IS NULL THEN s.kind = needed_kind', 'CASE WHEN t.resource IS NULL THEN false'),
    ('who names no resource takes one of any kind', 'CASE WHEN t.resource IS NULL THEN s.kind = needed_kind', 'CASE WHEN t.resource IS NULL THEN s.kind IS NOT NULL'),
    ('who names a resource takes one of any kind', 'WHERE r.kind = needed_kind AND r.is_active IS NOT FALSE) END', 'WHERE r.is_active IS NOT FALSE) END'),
    ('resources that are not active can be had', 'INTO needed_of FROM oracle.resource r WHERE r.kind = needed_kind AND r.is_active IS NOT FALSE', 'INTO needed_of FROM oracle.resource r WHERE r.kind = needed_kind'),
    ('resources of no known activity cannot be had', 'INTO needed_of FROM oracle.resource r WHERE r.kind = needed_kind AND r.is_active IS NOT FALSE', 'INTO needed_of FROM oracle.resource r WHERE r.kind = needed_kind AND r.is_active'),
    ('each who names a resource takes another', 'CASE WHEN t.resource IS NOT NULL THEN t.resource::text', 'CASE WHEN t.resource IS NOT NULL THEN ''any '' || row_number() OVER ()'),
    ('each who starts with others takes a resource', 'ELSE concat_ws('' '', t.stylist, t.service, t.starts) END AS taker', 'ELSE ''any '' || row_number() OVER () END AS taker'),
    ('a class takes its own resource away', 'AND (t.stylist = p_stylist AND t.service = p_service) IS NOT TRUE', ''),
    ('holds take no resource', 'SELECT h.stylist, h.service, h.starts, h.ends, h.resource
                  FROM oracle.hold h
                 WHERE (NOT', 'SELECT h.stylist, h.service, h.starts, h.ends, h.resource
                  FROM oracle.hold h
                 WHERE false AND (NOT'),
    ('resources are kept free as long as stylists', 'FROM takers t WHERE t.starts < slot_end AND', 'FROM takers t WHERE t.starts < slot_end + make_interval(secs => buffer_after::float8) AND'),
    ('the last kind of a service counts', 'SELECT min(s.kind COLLATE "C") INTO', 'SELECT max(s.kind COLLATE "C") INTO'),
    ('no resource is held', 'WHEN ''no_resource'' THEN ''booked'' ELSE', 'WHEN ''no_resource'' THEN ''reserved'' ELSE'),
    ('the step is the rules''', 'coalesce(service.step, extract(epoch FROM rules.slot_step))', 'extract(epoch FROM rules.slot_step)'),
    ('any step will do', 'greatest(60, least(86400, coalesce(service.step', 'greatest(30, least(864000, coalesce(service.step'),
    ('a service''s step is not cut to seconds', 'step := trunc(greatest', 'step := (greatest'),
    ('the alignment is the rules''', 'coalesce(service.alignment, rules.slot_alignment)', 'rules.slot_alignment'),
    ('an alignment that is not known is none', ' OR alignment NOT IN (''opening'', ''break'', ''clock'')', ''),
    ('the last alignment of several rows counts', 's.alignment COLLATE "C", s.only_classes LIMIT 1;', 's.alignment COLLATE "C" DESC, s.only_classes LIMIT 1;'),
    ('the largest step of several rows counts', 's.time_of_week, s.step, ', 's.time_of_week, s.step DESC, '),
    ('hours of a service are beside those of all', 'IF (schedule.service IS NOT NULL) = of_service THEN', 'IF true THEN'),
    ('hours of other services count', 'AND (s.service IS NULL OR s.service = p_service)', ''),
    ('a service has hours of its own on the days that they name', 'WHERE s.stylist = p_stylist AND s.service = p_service
', 'WHERE s.stylist = p_stylist AND s.service = p_service AND s.day_of_week % 7 = weekday
'),
    ('breaks of all do not hold in a service''s hours', 'IF schedule.break_start IS NOT NULL', 'IF (schedule.service IS NOT NULL) = of_service AND schedule.break_start IS NOT NULL'),
    ('the hours are of the home zone', 'zone text := oracle.zone_of(p_stylist, p_date, home)', 'zone text := home'),
    ('the cut-off is of the home zone', 'rules.notice_cutoff::interval), zone)', 'rules.notice_cutoff::interval), home)'),
    ('a day opens by the home zone', 'floor(horizon / 86400)::integer + interval ''0'', zone)', 'floor(horizon / 86400)::integer + interval ''0'', home)'),
    ('the clock of the grid is that of the home zone', '(lower(w) AT TIME ZONE zone)::time', '(lower(w) AT TIME ZONE home)::time'),
    ('the next date begins by the clock of the one before', 'oracle.instant(following, oracle.zone_of(p_stylist, following, home))', 'oracle.instant(following, zone)'),
    ('the next date''s hours are of the zone of the one before', 'INTO hours FROM oracle.hours(p_stylist, p_service, following, home)', 'INTO hours FROM oracle.hours(p_stylist, p_service, following, zone)'),
    ('dates of the stylist''s caps go by where the stylist is', 'oracle.dates_around(p_date, home) d WHERE', 'oracle.dates_around(p_date, zone) d WHERE'),
    ('dates of a service''s caps go by where the stylist is', 'ELSE home END) d WHERE', 'ELSE zone END) d WHERE'),
    ('who is elsewhere has other hours', 'AND (o.zone IS NULL OR o.stylist IS NULL OR o.to_all IS TRUE OR o.is_closed IS TRUE OR (o.opens IS NOT NULL AND o.closes IS NOT NULL))', ''),
    ('what an override of all has as its zone counts', 'o.stylist = p_stylist AND o.to_all IS NOT TRUE AND o.zone', '(o.stylist = p_stylist OR o.stylist IS NULL) AND o.zone'),
    ('an override of all with a zone alone says no hours', 'AND (o.zone IS NULL OR o.stylist IS NULL OR o.to_all IS TRUE OR', 'AND (o.zone IS NULL OR'),
    ('an override that is not active has a zone', 'o.zone IS NOT NULL
           AND o.is_active IS NOT FALSE', 'o.zone IS NOT NULL'),
    ('the newest zone counts, whatever its priority', 'ORDER BY o.priority DESC NULLS LAST, o.created_at', 'ORDER BY o.created_at'),
    ('of zones that rank alike the last counts', 'o.zone COLLATE "C" LIMIT 1', 'o.zone COLLATE "C" DESC LIMIT 1'),
    ('every week', 's.weeks IS NULL OR s.weeks <= 1 OR', 'true OR'),
    ('weeks begin with the date that they are counted from', 'date_trunc(''week'', CASE WHEN isfinite(since) THEN since ELSE date ''2000-01-03'' END::timestamp)::date', 'CASE WHEN isfinite(since) THEN since ELSE date ''2000-01-03'' END'),
    ('weeks begin on Sundays', 'date_trunc(''week'', p_date::timestamp)::date', '(date_trunc(''week'', p_date::timestamp + interval ''1 day'')::date)'),
    ('weeks are not counted from effective_from', 'coalesce(s.weeks_from, s.effective_from)', 's.weeks_from'),
    ('the stylist''s capacity for the service does not count', 'coalesce(offer.capacity, service.capacity)', 'service.capacity'),
    ('the largest capacity of several offers counts', 'o.price, o.capacity LIMIT 1', 'o.price, o.capacity DESC LIMIT 1'),
    ('classes are no slots', 'WHERE c.of_service AND c.starts >= date_begins', 'WHERE false AND c.starts >= date_begins'),
    ('a class is of the date in UTC', 'c.starts >= date_begins AND c.starts < date_over', 'c.starts >= p_date AND c.starts < p_date + 1'),
    ('midnight is the date''s before', 'c.starts >= date_begins AND c.starts < date_over', 'c.starts > date_begins AND c.starts <= date_over'),
    ('a class is of a date by the home zone', 'date_begins := oracle.instant(p_date, zone)', 'date_begins := oracle.instant(p_date, home)'),
    ('a class is of a date until its own clock''s midnight', 'oracle.zone_of(p_stylist, p_date + n, home)', 'zone'),
    ('a class lasts as long as the service', 'SELECT c.starts, c.ends, true, c.seats', 'SELECT c.starts, c.starts + make_interval(secs => duration::float8), true, c.seats'),
    ('classes of other services are slots', 'coalesce(c.service = p_service, false) AS of_service', 'true AS of_service'),
    ('classes are not cut to seconds', 'date_trunc(''second'', c.starts) AS starts, date_trunc(''second'', c.ends) AS ends', 'c.starts AS starts, c.ends AS ends'),
    ('cancelled classes count', 'AND c.is_active IS NOT FALSE AND (c.status IS NULL OR c.status <> ALL (rules.non_blocking_statuses))', 'AND c.is_active IS NOT FALSE'),
    ('classes without a status do not count', '(c.status IS NULL OR c.status <> ALL', '(c.status <> ALL'),
    ('classes go by blocking_statuses', 'AND c.is_active IS NOT FALSE AND (c.status', 'AND c.is_active IS NOT FALSE AND (rules.blocking_statuses IS NULL OR c.status = ANY (rules.blocking_statuses)) AND (c.status'),
    ('classes that are not active count', 'AND c.is_active IS NOT FALSE AND (c.status', 'AND (c.status'),
    ('classes of no known activity do not count', 'AND c.is_active IS NOT FALSE AND (c.status', 'AND c.is_active AND (c.status'),
    ('a class may last a second longer', 'BETWEEN 1 AND 7 * 86400', 'BETWEEN 1 AND 7 * 86400 + 1'),
    ('of classes that start together the shortest counts', 'date_trunc(''second'', c.ends) DESC, coalesce(c.seats, capacity, 1) DESC', 'date_trunc(''second'', c.ends), coalesce(c.seats, capacity, 1) DESC'),
    ('of equal classes the one with the fewest seats counts', 'date_trunc(''second'', c.ends) DESC, coalesce(c.seats, capacity, 1) DESC', 'date_trunc(''second'', c.ends) DESC, coalesce(c.seats, capacity, 1)'),
    ('a class has the seats of the service', 'least(65535, greatest(0, coalesce(c.seats, capacity, 1))) AS seats', 'least(65535, greatest(0, coalesce(capacity, c.seats, 1))) AS seats'),
    ('a class without seats has none', 'least(65535, greatest(0, coalesce(c.seats, capacity, 1))) AS seats', 'least(65535, greatest(0, coalesce(c.seats, capacity, 0))) AS seats'),
    ('a class has any number of seats', 'least(65535, greatest(0, coalesce(c.seats, capacity, 1))) AS seats', 'coalesce(c.seats, capacity, 1) AS seats'),
    ('the grid starts with a class, too', '           AND NOT EXISTS (SELECT FROM classes c WHERE c.of_service AND c.starts = s)
', ''),
    ('no class starts with the grid', 'AND NOT EXISTS (SELECT FROM classes c WHERE c.of_service AND c.starts = s)', 'AND NOT EXISTS (SELECT FROM classes c WHERE c.starts = s)'),
    ('classes do not block', 'WHERE (c.starts < slot_end + make_interval(secs => buffer_after::float8) AND c.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR (c.starts < slot_end + c.before AND c.ends > slot_start - c.after)) THEN', 'WHERE false) THEN'),
    ('a class blocks without its buffers', '                                    OR (c.starts < slot_end + c.before AND c.ends > slot_start - c.after)) THEN', ') THEN'),
    ('a class blocks without the slot''s buffers', 'WHERE (c.starts < slot_end + make_interval(secs => buffer_after::float8) AND c.ends > slot_start - make_interval(secs => buffer_before::float8))
                                    OR (c.starts', 'WHERE (c.starts'),
    ('what a class blocks is full', 'AND NOT EXISTS (SELECT FROM classes c
                                WHERE (c.starts', 'AND NOT EXISTS (SELECT FROM classes c
                                WHERE false AND (c.starts'),
    ('classes are not in each other''s way', 'OR EXISTS (SELECT FROM classes c
                                        WHERE NOT (c.of_service AND c.starts = slot_start)', 'OR EXISTS (SELECT FROM classes c
                                        WHERE false'),
    ('a class is in its own way', 'WHERE NOT (c.of_service AND c.starts = slot_start)', 'WHERE true'),
    ('other classes of the service are not in the way', 'WHERE NOT (c.of_service AND c.starts = slot_start)', 'WHERE NOT c.of_service'),
    ('classes are one after the other without buffers', 'AND c.starts < slot_end + greatest(make_interval(secs => buffer_after::float8), c.before)', 'AND c.starts < slot_end'),
    ('bookings of others are not in a class''s way', 'SELECT EXISTS (SELECT FROM bookings b
                                        WHERE NOT b.of_service', 'SELECT EXISTS (SELECT FROM bookings b
                                        WHERE false'),
    ('a class''s own bookings are in its way', 'SELECT EXISTS (SELECT FROM bookings b
                                        WHERE NOT b.of_service
                                          AND', 'SELECT EXISTS (SELECT FROM bookings b
                                        WHERE'),
    ('buffers after a booking do not keep a class away', 'AND b.ends > slot_start - greatest(make_interval(secs => buffer_before::float8), b.after))', 'AND b.ends > slot_start)'),
    ('holds of others are not in a class''s way', 'WHERE NOT h.of_service
                                   AND', 'WHERE false
                                   AND'),
    ('a class''s own holds are in its way', 'WHERE NOT h.of_service
                                   AND', 'WHERE'),
    ('who starts at another time takes no seat of a class', 'class_seats <= 0 OR t.other_booking OR', 'class_seats <= 0 OR'),
    ('who is held at another time takes no seat of a class', 'OR t.other_start OR t.with_holds >= class_seats', 'OR t.with_holds >= class_seats'),
    ('one seat of a class is kept', 't.booked >= class_seats', 't.booked >= class_seats - 1'),
    ('one seat of a class too many', 't.booked >= class_seats', 't.booked > class_seats'),
    ('holds take no seats of a class', 'OR t.other_start OR t.with_holds >= class_seats', 'OR t.other_start'),
    ('seats left of a class leave holds out', 'class_seats - t.with_holds', 'class_seats - t.booked'),
    ('bookings of no seats take one of a class', 'FROM bookings b WHERE b.of_service AND b.seats > 0', 'FROM bookings b WHERE b.of_service AND b.seats >= 0'),
    ('a class has seats only where the service has a capacity', 'FROM bookings b WHERE b.of_service AND b.seats > 0', 'FROM bookings b WHERE b.takes_seats AND b.seats > 0'),
    ('buffers are not kept within a class''s service', 'ON a.starts < slot_end + around AND a.ends > slot_start - around
         WHERE is_class', 'ON a.starts < slot_end AND a.ends > slot_start
         WHERE is_class'),
    ('a class can be booked at any time', 'CASE
                   WHEN extract(epoch FROM slot_start - p_now) <= notice OR p_now >= closes
                     OR CASE WHEN rules.advance_whole_days THEN p_now < opens ELSE extract(epoch FROM slot_start - p_now) > horizon END THEN ''unavailable''
                   WHEN by_others', 'CASE
                   WHEN by_others'),
    ('resources do not matter to a class', 'WHEN needed_kind IS NOT NULL
                     AND (SELECT count(DISTINCT t.taker) FROM takers t WHERE t.starts < slot_end AND t.ends > slot_start) >= needed_of THEN ''no_resource''
                   ELSE ''available''
               END,
               NOT by_others', 'ELSE ''available''
               END,
               NOT by_others'),
    ('a class is capped by the service''s length', 'extract(epoch FROM max(s.slot_end) - s.slot_start) AS duration,', 'extract(epoch FROM min(make_interval(secs => duration::float8))) AS duration,'),
    ('only classes does not matter', 'IF oracle.only_classes(p_service) THEN', 'IF false THEN'),
    ('the last of several rows says that there are only classes', 's.alignment COLLATE "C", s.only_classes LIMIT 1)', 's.alignment COLLATE "C", s.only_classes DESC LIMIT 1)'),
    ('the grid has no seats beside classes', 'coalesce(seats, CASE WHEN dated.has_classes THEN 1 END)', 'seats'),
    ('what is not available beside classes has no seats', 'WHEN capacity IS NOT NULL OR dated.has_classes THEN 0', 'WHEN capacity IS NOT NULL THEN 0'),
    ('local times in the stylist''s zone', 'slot_start AT TIME ZONE customer_zone, slot_end AT', 'slot_start AT TIME ZONE zone, slot_end AT'),
    ('display in UTC', 'to_char(slot_start AT TIME ZONE customer_zone', 'to_char(slot_start AT TIME ZONE ''UTC'''),
    ('unavailable slots always shown', 'rules.show_unavailable OR slot_status <> ''unavailable''', 'true'),
    ('breaks always shown', 'rules.show_breaks OR slot_status <> ''in_break''', 'true');

CREATE FUNCTION oracle.make_mutant(m oracle.mutant) RETURNS name
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    schema name := 'mutant ' || m.name;
    code text;
    all_code text := '';
BEGIN
    FOR code IN
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
         WHERE p.pronamespace = 'oracle'::regnamespace AND p.proname IN ('instant', 'zone_of', 'weeks_between', 'open_window', 'break_of', 'buffer', 'made_one', 'hours', 'cap', 'dates_around', 'only_classes', 'all_slots', 'slots')
         ORDER BY p.proname = 'slots', p.proname = 'all_slots', p.proname = 'hours', p.proname = 'dates_around'
    LOOP
        all_code := all_code || code || E';\n';
    END LOOP;
    IF position(m.find IN all_code) = 0 THEN
        RAISE EXCEPTION 'mutant "%": the oracle has no such text', m.name;
    END IF;
    all_code := replace(all_code, m.find, m.put);
    all_code := regexp_replace(all_code, 'oracle\.(instant|zone_of|weeks_between|open_window|break_of|buffer|made_one|hours|cap|dates_around|only_classes|all_slots|slots)\(', quote_ident(schema) || '.\1(', 'g');
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', schema);
    EXECUTE format('CREATE SCHEMA %I', schema);
    EXECUTE all_code;
    RETURN schema;
END
$$;

CREATE PROCEDURE oracle.catch_mutants(p_mode text, p_seed integer, p_last integer)
LANGUAGE plpgsql AS $$
DECLARE
    m oracle.mutant;
    k oracle.key;
    moment timestamptz;
    actual jsonb;
BEGIN
    PERFORM set_config('client_min_messages', 'warning', false);
    -- Time goes back and forth: nothing from memory.
    PERFORM set_config('availability_cache.enabled', 'off', false);
    PERFORM set_config('oracle.keep_plans', 'on', false), set_config('plan_cache_mode', 'force_generic_plan', false);
    UPDATE oracle.mutant SET caught = NULL;
    FOR m IN SELECT * FROM oracle.mutant LOOP
        PERFORM oracle.make_mutant(m);
        -- All at once they would be more locks than there is room for.
        COMMIT;
    END LOOP;
    FOR round IN 1 .. p_last LOOP
        PERFORM set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),
                setseed(((p_seed * 7919 + round * 104729) % 1000003) / 1000003.0);
        PERFORM oracle.fill_salon(p_mode);
        COMMIT;
        FOR k IN SELECT x.* FROM oracle.key x, generate_series(1, 2) ORDER BY random() LOOP
            moment := CASE WHEN p_mode = 'hooks' THEN oracle.moment(k) ELSE clock_timestamp() END;
            PERFORM set_config('availability_cache.test_now', CASE WHEN p_mode = 'hooks' THEN moment::text ELSE '' END, false);
            actual := (oracle.actual_v2(k, 'json')).answer;
            CONTINUE WHEN NOT oracle.agrees(oracle.expected(k, moment), actual);
            FOR m IN SELECT * FROM oracle.mutant x WHERE x.chosen AND x.caught IS NULL LOOP
                IF NOT oracle.agrees(oracle.expected(k, moment, 'mutant ' || m.name), actual) THEN
                    UPDATE oracle.mutant SET caught = format('round %s: %s', round, k) WHERE name = m.name;
                END IF;
            END LOOP;
        END LOOP;
        EXIT WHEN NOT EXISTS (SELECT FROM oracle.mutant WHERE chosen AND caught IS NULL);
    END LOOP;
    COMMIT;
END
$$;
