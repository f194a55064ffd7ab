-- A page of 24 lines as jsonb, about 4 kB: computed, from a table in front of it, and memoized. After
-- helpers.sql and CREATE EXTENSION.
CREATE TABLE bench.line (page uuid, n int, title text, body text, PRIMARY KEY (page, n));
INSERT INTO bench.line SELECT bench.stylist(p), n, 'Line ' || n, repeat('words ', 16) FROM generate_series(1, 500) p, generate_series(1, 24) n;
CREATE FUNCTION bench.uncached(p_page uuid, p_service uuid, p_day date, p_zone text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object('n', n, 'title', title, 'body', body) ORDER BY n) FROM bench.line WHERE page = p_page);
END
$$;
CREATE TABLE bench.aside_row (key text PRIMARY KEY, body jsonb, until timestamptz NOT NULL);
CREATE FUNCTION bench.aside(p_page uuid, p_service uuid, p_day date, p_zone text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    k text := format('page:%s:%s:%s:%s', p_page, p_service, p_day, p_zone);
    r jsonb;
BEGIN
    SELECT body INTO r FROM bench.aside_row WHERE key = k AND until > now();
    IF NOT FOUND THEN
        r := bench.uncached(p_page, p_service, p_day, p_zone);
        INSERT INTO bench.aside_row VALUES (k, r, now() + interval '1 hour')
            ON CONFLICT (key) DO UPDATE SET body = excluded.body, until = excluded.until;
    END IF;
    RETURN r;
END
$$;
CREATE FUNCTION bench.memo(p_page uuid, p_service uuid, p_day date, p_zone text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object('n', n, 'title', title, 'body', body) ORDER BY n) FROM bench.line WHERE page = p_page);
END
$$;
CREATE FUNCTION bench.memo_definer(p_page uuid, p_service uuid, p_day date, p_zone text) RETURNS jsonb LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = bench, pg_temp AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object('n', n, 'title', title, 'body', body) ORDER BY n) FROM line WHERE page = p_page);
END
$$;
SELECT count(*) FROM unnest('{bench.memo,bench.memo_definer}'::regproc[]) f, availability_cache.memoize(f);
CREATE TABLE bench.answer AS SELECT bench.uncached(bench.stylist(1), bench.service(1), bench.day(9), 'Asia/Kathmandu') AS answer;
CREATE ROLE bench_web;
GRANT USAGE ON SCHEMA bench TO bench_web;
GRANT SELECT ON bench.line, bench.answer TO bench_web;
GRANT SELECT, INSERT, UPDATE ON bench.aside_row TO bench_web;
ANALYZE bench.line;
