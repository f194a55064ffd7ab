-- ---------------------------------------------------------------------------
-- Figures: tiers, percentiles, errors, changed tables; events. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.figures(
    OUT datid oid, OUT evictions_live bigint, OUT miss_lost bigint, OUT audits bigint, OUT stale_hits bigint,
    OUT slot_hits bigint, OUT slot_computed bigint,
    OUT errors bigint[], OUT errors_per_minute bigint, OUT compute_times bigint[], OUT hit_ages bigint[],
    OUT worker text, OUT queued bigint, OUT uncounted bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_figures'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION availability_cache_internal.figures() IS
'Internal: a row per database beside stats. errors by error_codes(); histograms: computations in '
'microseconds, ages of hits in tenths of a second, the first bucket up to 2, each up to twice the one '
'before.';

CREATE FUNCTION availability_cache_internal.function_figures(
    OUT datid oid, OUT function oid, OUT hits bigint, OUT computed bigint, OUT not_kept bigint,
    OUT errors bigint,
    OUT compute_times bigint[], OUT hit_ages bigint[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_function_figures'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION availability_cache_internal.function_figures() IS
    'Internal: a row per memoized function that was called.';

CREATE FUNCTION availability_cache_internal.error_codes() RETURNS SETOF text
AS 'MODULE_PATHNAME', 'availability_cache_error_codes'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 6;
COMMENT ON FUNCTION availability_cache_internal.error_codes() IS
    'Internal: the codes of error answers, in the order in which they are counted.';

CREATE FUNCTION availability_cache_internal.changed_tables(OUT datid oid, OUT relid oid, OUT changes bigint,
                                                           OUT hours bigint[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_changed_tables'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 20;
COMMENT ON FUNCTION availability_cache_internal.changed_tables() IS
'Internal: transactions that changed a table that answers depend on; hours: those of this hour (UTC), the '
'one before, and so on.';

CREATE FUNCTION availability_cache_internal.events(
    OUT number bigint, OUT at timestamptz, OUT since timestamptz, OUT datid oid, OUT kind text, OUT key text,
    OUT detail text,
    OUT count bigint, OUT duration_ms float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'availability_cache_events'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION availability_cache_internal.events() IS 'Internal: what the view events shows.';

CREATE FUNCTION availability_cache_internal.percentile(histogram bigint[], fraction float8, unit float8)
    RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (b.low + (b.high - b.low) * (fraction * b.total - (b.upto - b.n)) / b.n) * unit
      FROM (SELECT u.i, u.n::float8 AS n, sum(u.n) OVER (ORDER BY u.i)::float8 AS upto,
            sum(u.n) OVER ()::float8 AS total,
                   CASE WHEN u.i = 1 THEN 0
                       ELSE 2.0 ^ (u.i - 1) END::float8 AS low, (2.0 ^ u.i)::float8 AS high
              FROM unnest(histogram) WITH ORDINALITY u(n, i)) b
     WHERE b.n > 0 AND b.upto >= fraction * b.total
     ORDER BY b.i
     LIMIT 1;
END;
COMMENT ON FUNCTION availability_cache_internal.percentile(bigint[], float8, float8) IS
'Internal: a percentile of a histogram, interpolated within its bucket, which is at most twice as high as '
'low; NULL if it is empty.';

CREATE VIEW availability_cache_internal.activity AS
    SELECT f.datid, NULL::regprocedure AS function, 'slots' AS source,
           f.slot_hits - s.table_hits AS memory_hits, s.table_hits,
           f.slot_computed AS computed, (SELECT sum(e) FROM unnest(f.errors) e)::bigint AS errors,
           NULL::bigint AS not_kept, NULL::text AS reason, f.compute_times, f.hit_ages
      FROM availability_cache_internal.figures() f JOIN availability_cache_internal.stats() s USING (datid)
     WHERE f.datid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    UNION ALL
    SELECT f.datid, p.oid::regprocedure, p.oid::regprocedure::text, f.hits, 0, f.computed, f.errors,
           f.not_kept, (availability_cache_internal.memo_counts(p.oid)).reason, f.compute_times, f.hit_ages
      FROM availability_cache_internal.function_figures() f JOIN pg_proc p ON p.oid = f.function
     WHERE f.datid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
COMMENT ON VIEW availability_cache_internal.activity IS
    'Internal: what the view activity shows, with histograms.';

CREATE VIEW availability_cache.activity AS
    SELECT a.function, a.source, a.memory_hits, a.table_hits, a.computed,
           (a.memory_hits + a.table_hits) / nullif(a.memory_hits + a.table_hits + a.computed, 0)::float8
               AS hit_ratio,
           a.errors, a.not_kept, a.reason,
           availability_cache_internal.percentile(a.compute_times, 0.5, 0.001) AS compute_ms_50,
           availability_cache_internal.percentile(a.compute_times, 0.95, 0.001) AS compute_ms_95,
           availability_cache_internal.percentile(a.compute_times, 0.99, 0.001) AS compute_ms_99,
           availability_cache_internal.percentile(a.hit_ages, 0.5, 0.1) AS hit_age_s_50,
           availability_cache_internal.percentile(a.hit_ages, 0.95, 0.1) AS hit_age_s_95,
           availability_cache_internal.percentile(a.hit_ages, 0.99, 0.1) AS hit_age_s_99
      FROM availability_cache_internal.activity a;
COMMENT ON VIEW availability_cache.activity IS
'This database: a row for the slots and one for each memoized function that was called, since the counters '
'were reset. Percentiles are of histograms, right within a factor of two.';
COMMENT ON COLUMN availability_cache.activity.function IS
    'The function; NULL: the slots, by the built-in rules.';
COMMENT ON COLUMN availability_cache.activity.computed IS
    'Computations; of calls that memory was not to be asked for too.';
COMMENT ON COLUMN availability_cache.activity.errors IS
    'Slots: answers with success false; a function: computations that raised an error.';
COMMENT ON COLUMN availability_cache.activity.not_kept IS
    'Computations whose answer cannot be kept; reason: why, the last time.';
COMMENT ON COLUMN availability_cache.activity.hit_age_s_50 IS
    'How old half of the answers were, at most, when they were asked for; of a function''s hits the first '
    'few and one in 64 count.';

CREATE VIEW availability_cache.summary AS
    SELECT s.datid, d.datname, s.hits - s.table_hits AS memory_hits, s.table_hits,
           s.misses + s.bypasses AS computed,
           s.hits / nullif(s.hits + s.misses + s.bypasses, 0)::float8 AS hit_ratio,
           s.errors, f.errors_per_minute, s.miss_outdated, f.miss_lost, s.evictions, f.evictions_live,
           s.invalidations, s.entries, s.bytes, f.audits, f.stale_hits,
           availability_cache_internal.percentile(h.compute_times, 0.5, 0.001) AS compute_ms_50,
           availability_cache_internal.percentile(h.compute_times, 0.95, 0.001) AS compute_ms_95,
           availability_cache_internal.percentile(h.compute_times, 0.99, 0.001) AS compute_ms_99,
           availability_cache_internal.percentile(h.hit_ages, 0.5, 0.1) AS hit_age_s_50,
           availability_cache_internal.percentile(h.hit_ages, 0.95, 0.1) AS hit_age_s_95,
           availability_cache_internal.percentile(h.hit_ages, 0.99, 0.1) AS hit_age_s_99,
           s.table_breaker, f.worker, f.queued, f.uncounted, s.stats_reset
      FROM availability_cache_internal.stats() s
      JOIN availability_cache_internal.figures() f ON f.datid IS NOT DISTINCT FROM s.datid
      LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
      CROSS JOIN LATERAL
           (SELECT array_agg(t.c ORDER BY t.i) AS compute_times, array_agg(t.a ORDER BY t.i) AS hit_ages
              FROM (SELECT u.i, sum(u.c)::bigint AS c, sum(u.a)::bigint AS a
                      FROM (SELECT f.compute_times, f.hit_ages
                            UNION ALL
                            SELECT g.compute_times, g.hit_ages
                              FROM availability_cache_internal.function_figures() g WHERE g.datid = s.datid) x
                     CROSS JOIN unnest(x.compute_times, x.hit_ages) WITH ORDINALITY u(c, a, i)
                     GROUP BY u.i) t) h;
COMMENT ON VIEW availability_cache.summary IS
'A row per database, slots and memoized functions together; the counters are those of stats. Percentiles are '
'of histograms, right within a factor of two.';
COMMENT ON COLUMN availability_cache.summary.errors_per_minute IS
    'Error answers in this minute or in the last one, whichever had more.';
COMMENT ON COLUMN availability_cache.summary.evictions_live IS
    'Of the evictions, entries that would have answered still.';
COMMENT ON COLUMN availability_cache.summary.audits IS 'Hits that were computed again and compared.';
COMMENT ON COLUMN availability_cache.summary.stale_hits IS 'Of these, answers that were wrong. Must be 0.';
COMMENT ON COLUMN availability_cache.summary.worker IS
    'The worker of the table tier: none, starting, running, or failed while none can be had.';
COMMENT ON COLUMN availability_cache.summary.queued IS 'Answers that wait for it.';
COMMENT ON COLUMN availability_cache.summary.miss_lost IS
    'Of miss_outdated, answers that were let go without a change: there are too few places for what answers '
    'depend on, shared_memory_size is small.';
COMMENT ON COLUMN availability_cache.summary.uncounted IS
    'What memoized functions of the whole server did that there was no place to count: more than 4,096 '
    'functions.';

CREATE VIEW availability_cache.errors AS
    SELECT f.datid, d.datname, c.code, f.errors[c.n] AS count
      FROM availability_cache_internal.figures() f
      CROSS JOIN availability_cache_internal.error_codes() WITH ORDINALITY c(code, n)
      LEFT JOIN pg_catalog.pg_database d ON d.oid = f.datid;
COMMENT ON VIEW availability_cache.errors IS 'Answers with success false, by database and code.';

CREATE VIEW availability_cache.changes AS
    WITH c AS (
        SELECT coalesce(pg_partition_root(t.relid)::oid, t.relid)::regclass AS relation, t.changes, t.hours
          FROM availability_cache_internal.changed_tables() t
         WHERE t.datid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())),
    h AS (SELECT c.relation, u.i, sum(u.n)::bigint AS n FROM c CROSS
          JOIN unnest(c.hours) WITH ORDINALITY u(n, i) GROUP BY c.relation, u.i)
    SELECT c.relation, sum(c.changes)::bigint AS changes,
           (SELECT h.n FROM h WHERE h.relation = c.relation AND h.i = 1) AS this_hour,
           (SELECT array_agg(h.n ORDER BY h.i) FROM h WHERE h.relation = c.relation) AS hours
      FROM c
     GROUP BY c.relation;
COMMENT ON VIEW availability_cache.changes IS
'This database: how many transactions changed what answers depend on, by table, partitions with theirs; '
'those that touched nothing that is kept count too.';
COMMENT ON COLUMN availability_cache.changes.changes IS 'Since the server started.';
COMMENT ON COLUMN availability_cache.changes.hours IS
    'In this hour (UTC), in the one before, and so on for a day.';

CREATE VIEW availability_cache.events AS
    SELECT e.number, e.at, e.since, e.datid, d.datname, e.kind, e.key, e.detail, e.count, e.duration_ms
      FROM availability_cache_internal.events() e
      LEFT JOIN pg_catalog.pg_database d ON d.oid = e.datid;
COMMENT ON VIEW availability_cache.events IS
'The last thousand things that happened on the server since it started. The same within a minute is one, '
'with its count.';
COMMENT ON COLUMN availability_cache.events.kind IS
'breaker opened, breaker closed, worker started, worker ended, worker failed, eviction, everything outdated, '
'error, stale, audit, warming failed.';
COMMENT ON COLUMN availability_cache.events.key IS
    'What it happened to: error: the SQLSTATE; everything outdated: the OID of the table, if it was one.';
COMMENT ON COLUMN availability_cache.events.duration_ms IS
    'Of the computation that failed; of how long the breaker was open; of how long the worker ran.';

REVOKE ALL ON FUNCTION availability_cache_internal.figures(), availability_cache_internal.function_figures(),
    availability_cache_internal.changed_tables(), availability_cache_internal.events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_cache_internal.figures(),
    availability_cache_internal.function_figures(),
    availability_cache_internal.changed_tables(), availability_cache_internal.events() TO pg_read_all_stats;
GRANT SELECT ON availability_cache.activity, availability_cache.summary,
    availability_cache.errors, availability_cache.changes, availability_cache.events TO pg_read_all_stats;
