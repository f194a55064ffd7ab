-- ---------------------------------------------------------------------------
-- Figures over time, and all of them on a page. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.history(OUT datid oid, OUT at timestamptz, OUT hits bigint,
                                                    OUT computed bigint, OUT errors bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_history'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 300;
COMMENT ON FUNCTION availability_cache_internal.history() IS
    'Internal: what the counters said every five minutes in which something was computed.';

CREATE VIEW availability_cache.history AS
    SELECT h.datid, d.datname, h.since, h.at, h.hits, h.computed, h.errors,
           h.hits / nullif(h.hits + h.computed, 0)::float8 AS hit_ratio
      FROM (SELECT i.datid, lag(i.at) OVER w AS since, i.at, greatest(i.hits - lag(i.hits) OVER w, 0) AS hits,
                   greatest(i.computed - lag(i.computed) OVER w, 0) AS computed,
                   greatest(i.errors - lag(i.errors) OVER w, 0) AS errors
              FROM availability_cache_internal.history() i
            WINDOW w AS (PARTITION BY i.datid ORDER BY i.at)) h
      LEFT JOIN pg_catalog.pg_database d ON d.oid = h.datid
     WHERE h.since IS NOT NULL;
COMMENT ON VIEW availability_cache.history IS
'What happened between since and at, five minutes or more: as long as nothing is computed no row begins. At '
'most 2,048 rows, of all databases, since the server started.';

-- PostgREST takes a function that returns a domain of this name for one of that media type.
CREATE DOMAIN availability_cache."text/html" AS pg_catalog.text;
COMMENT ON DOMAIN availability_cache."text/html" IS 'What dashboard() returns.';

CREATE FUNCTION availability_cache_internal.html(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(replace(replace(replace(replace(t, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
               '''', '&#39;');
COMMENT ON FUNCTION availability_cache_internal.html(text) IS 'Internal: a text as it may stand in HTML.';

-- The title, columns and cells of a table; cells are texts, escaped here.
CREATE FUNCTION availability_cache_internal.html_table(title text, columns text[], cells text[]) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('<section><h2>%s</h2>%s</section>', availability_cache_internal.html(title),
        CASE WHEN coalesce(cardinality(cells), 0) = 0 THEN '<p class="none">nothing so far</p>' ELSE
        format('<div class="wide" tabindex="0" role="region" aria-label="%s"><table><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>',
            availability_cache_internal.html(title),
            (SELECT string_agg(format('<th scope="col">%s</th>', availability_cache_internal.html(c)), ''
                               ORDER BY n) FROM unnest(columns) WITH ORDINALITY u(c, n)),
            (SELECT string_agg(format('<tr>%s</tr>', r.tds), '' ORDER BY r.line)
               FROM (SELECT (n - 1) / cardinality(columns) AS line,
                            string_agg(format('<td%s>%s</td>',
                                              CASE WHEN c ~ '^[0-9.,]+( (%|ms|s|kB|MB|GB|bytes))?$'
                                                  THEN ' class="n"' ELSE '' END,
                                              coalesce(availability_cache_internal.html(c), '')), ''
                                                  ORDER BY n) AS tds
                       FROM unnest(cells) WITH ORDINALITY u(c, n) GROUP BY 1) r)) END)
$$;
COMMENT ON FUNCTION availability_cache_internal.html_table(text, text[], text[]) IS
    'Internal, of dashboard(): a table.';

CREATE FUNCTION availability_cache_internal.html_ratio() RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH p AS (SELECT h.at, h.hit_ratio,
               extract(epoch FROM h.at - min(h.at) OVER ()) / nullif(extract(epoch
                       FROM max(h.at) OVER () - min(h.at) OVER ()), 0) AS x
                 FROM availability_cache.history h
                WHERE h.datname = current_database() AND h.hit_ratio IS NOT NULL
                  AND h.at > clock_timestamp() - interval '1 day')
    SELECT format('<section><h2>Hit ratio over time</h2>%s</section>', CASE WHEN count(*) < 2 THEN '<p class="none">not enough so far: a point every five minutes in which something is computed</p>'
        ELSE format('<svg viewBox="-32 -8 672 182" role="img" aria-label="hit ratio from %s to %s"><path class="grid" d="M40 10H630M40 75H630M40 140H630"/><text x="34" y="14">100 %%</text><text x="34" y="79">50 %%</text><text x="34" y="144">0 %%</text><text class="left" x="40" y="157">%s</text><text x="630" y="157">%s</text><polyline points="%s"/></svg>',
            round(100 * min(p.hit_ratio)::numeric), round(100 * max(p.hit_ratio)::numeric) || ' per cent',
            to_char(min(p.at), 'HH24:MI'), to_char(max(p.at), 'HH24:MI'),
            string_agg(format('%s,%s', round(40 + 590 * p.x::numeric, 1),
                              round(140 - 130 * p.hit_ratio::numeric, 1)), ' ' ORDER BY p.at)) END)
      FROM p
$$;
COMMENT ON FUNCTION availability_cache_internal.html_ratio() IS
    'Internal, of dashboard(): the hit ratio of a day, as a line.';

CREATE FUNCTION availability_cache_internal.html_numbers() RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT format('<section class="tiles">%s</section>', string_agg(format('<div><b>%s</b><span>%s</span></div>', availability_cache_internal.html(t.v), t.k), '' ORDER BY t.n))
      FROM availability_cache.summary s, LATERAL (VALUES
           (1, 'hit ratio', coalesce(round(100 * s.hit_ratio::numeric, 1) || ' %', 'none')),
               (2, 'from memory', s.memory_hits::text), (3, 'from the table', s.table_hits::text),
           (4, 'computed', s.computed::text),
           (5, 'a computation, median', coalesce(round(s.compute_ms_50::numeric, 2) || ' ms', 'none')),
           (6, 'the slowest in a hundred', coalesce(round(s.compute_ms_99::numeric, 2) || ' ms', 'none')),
           (7, 'age of a hit, median', coalesce(round(s.hit_age_s_50::numeric, 1) || ' s', 'none')),
           (8, 'answers in memory', s.entries::text), (9, 'memory', pg_size_pretty(s.bytes)),
           (10, 'errors', s.errors::text), (11, 'stale hits', s.stale_hits::text)) t(n, k, v)
     WHERE s.datname = current_database()), '<section><p class="none">nobody has asked in this database since the server started</p></section>')
$$;
COMMENT ON FUNCTION availability_cache_internal.html_numbers() IS
    'Internal, of dashboard(): the figures of the database.';

CREATE FUNCTION availability_cache_internal.html_tables() RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT availability_cache_internal.html_table('Health', '{check,status,figure,detail,statement}',
               (SELECT array_agg(c ORDER BY h.o, h.name, n)
                FROM (SELECT *, array_position('{critical,warning,ok}'::text[], g.status) AS o
                      FROM availability_cache.health g) h,
                       LATERAL unnest(ARRAY[h.name, CASE h.status WHEN 'ok' THEN '✓ ok'
                                            WHEN 'warning' THEN '! warning' ELSE '✗ critical' END, h.value,
                                            CASE WHEN h.status <> 'ok' THEN h.detail END,
                                            CASE WHEN h.status <> 'ok'
                                                THEN h.statement END]) WITH ORDINALITY u(c, n)))
        || availability_cache_internal.html_table('Slots and memoized functions',
                                                  '{source,from memory,from the table,computed,hit '
                                                  'ratio,computation (95 in 100),age of a hit '
                                                  '(median),errors,not kept because}',
               (SELECT array_agg(c ORDER BY a.memory_hits + a.table_hits DESC, a.source, n)
                  FROM (SELECT * FROM availability_cache.activity b
                        ORDER BY b.memory_hits + b.table_hits DESC, b.source LIMIT 20) a,
                       LATERAL unnest(ARRAY[a.source, a.memory_hits::text, a.table_hits::text,
                                            a.computed::text, round(100 * a.hit_ratio::numeric, 1) || ' %',
                                            round(a.compute_ms_95::numeric, 2) || ' ms',
                                            round(a.hit_age_s_50::numeric, 1) || ' s', a.errors::text,
                                            a.reason]) WITH ORDINALITY u(c, n)))
        || availability_cache_internal.html_table('Days asked for lately',
                                                  '{stylist,service,day,zone,computed,valid}',
               (SELECT array_agg(c ORDER BY e.computed_at DESC, e.stylist_user_id, e.service_id, n)
                  FROM (SELECT * FROM availability_cache.entries f
                        WHERE f.datname = current_database() AND f.visited
                        ORDER BY f.computed_at DESC LIMIT 15) e,
                       LATERAL unnest(ARRAY[e.stylist_user_id::text, e.service_id::text, e.cache_date::text,
                                            coalesce(e.timezone, 'the rules'''),
                                            to_char(e.computed_at, 'HH24:MI:SS'),
                                            CASE WHEN e.is_valid THEN '✓ yes'
                                                ELSE '✗ no' END]) WITH ORDINALITY u(c, n)))
        || availability_cache_internal.html_table('Transactions that changed a table, by hours ago',
                                                  '{table,all,0,1,2,3,4,5,6 to 11,12 to 23}',
               (SELECT array_agg(c ORDER BY t.changes DESC, t.relation::text, n)
                  FROM (SELECT * FROM availability_cache.changes d ORDER BY d.changes DESC LIMIT 20) t,
                       LATERAL unnest(ARRAY[t.relation::text, t.changes::text] || t.hours[1:6]::text[]
                                      || (SELECT sum(x)::text FROM unnest(t.hours[7:12]) x)
                                          || (SELECT sum(x)::text
                                              FROM unnest(t.hours[13:24]) x)) WITH ORDINALITY u(c, n)))
        || availability_cache_internal.html_table('Errors', '{code,how often}',
               (SELECT array_agg(c ORDER BY e.count DESC, e.code, n)
                FROM availability_cache.errors e,
                     LATERAL unnest(ARRAY[e.code, e.count::text]) WITH ORDINALITY u(c, n)
                 WHERE e.datname = current_database() AND e.count > 0))
        || availability_cache_internal.html_table('Events', '{when,what,key,detail,times,took}',
               (SELECT array_agg(c ORDER BY v.at DESC, v.number DESC, n)
                  FROM (SELECT * FROM availability_cache.events w
                        WHERE w.datname = current_database() ORDER BY w.at DESC, w.number DESC LIMIT 30) v,
                       LATERAL unnest(ARRAY[to_char(v.at, 'YYYY-MM-DD HH24:MI:SS'), v.kind, v.key, v.detail,
                                            v.count::text, round(v.duration_ms::numeric, 1)
                                                || ' ms']) WITH ORDINALITY u(c, n)))
$$;
COMMENT ON FUNCTION availability_cache_internal.html_tables() IS 'Internal, of dashboard(): its tables.';

CREATE FUNCTION availability_cache.dashboard() RETURNS availability_cache."text/html"
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format($html$<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/><title>availability_cache: %1$s</title>
<style>
:root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--faint:#5d656e;--line:#d5dae0;--tile:#f3f5f7;--mark:#0b62c4}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--paper:#15181c;--faint:#a3abb5;--line:#3a4149;--tile:#20252b;--mark:#7db7ff}}
body{margin:0 auto;max-width:72rem;padding:1rem;font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.3rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.4rem 0 .4rem}p{margin:.2rem 0;color:var(--faint)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.5rem;margin-top:1rem}
.tiles div{background:var(--tile);border-radius:.4rem;padding:.5rem .7rem}.tiles b{display:block;font-size:1.2rem;font-variant-numeric:tabular-nums}.tiles span{color:var(--faint);font-size:.85rem}
.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--mark)}table{border-collapse:collapse;width:100%%;font-size:.88rem}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);overflow-wrap:break-word;max-width:22rem}
th{color:var(--faint);font-weight:600}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
svg{width:100%%;height:auto;max-width:60rem}svg text{font-size:12px;fill:var(--faint);text-anchor:end}svg text.left{text-anchor:start}svg .grid{stroke:var(--line);fill:none}svg polyline{stroke:var(--mark);stroke-width:2;fill:none}
@media(max-width:40rem){table{width:max-content;min-width:100%%}th,td{max-width:11rem}svg text{font-size:21px}}
</style></head><body><main><h1>availability_cache: %1$s</h1><p>%2$s, version %3$s, counters since %4$s</p>%5$s%6$s%7$s</main></body></html>
$html$, availability_cache_internal.html(current_database()),
    to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS TZ'), availability_cache_internal.library_version(),
        coalesce((SELECT to_char(s.stats_reset, 'YYYY-MM-DD HH24:MI TZ') FROM availability_cache.summary s
                  WHERE s.datname = current_database()), 'never'),
        availability_cache_internal.html_numbers(), availability_cache_internal.html_ratio(),
        availability_cache_internal.html_tables())
$$;
COMMENT ON FUNCTION availability_cache.dashboard() IS
'This database''s figures as one HTML page that loads nothing. Error 55000 without preload.';

REVOKE ALL ON FUNCTION availability_cache.dashboard(), availability_cache_internal.history(),
    availability_cache_internal.html_ratio(),
    availability_cache_internal.html_numbers(), availability_cache_internal.html_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache.dashboard(), availability_cache_internal.history(),
    availability_cache_internal.html_ratio(),
    availability_cache_internal.html_numbers(), availability_cache_internal.html_tables()
        TO pg_read_all_stats;
GRANT SELECT ON availability_cache.history TO pg_read_all_stats;
