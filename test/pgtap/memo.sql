-- Memoized functions: what is kept and what goes (G12), and never an answer to somebody who would get another
-- (G5, G10): two users, one memory. Shown to fail without the user or search_path in the key (key.c), and
-- with temporary tables not looked for (value.c); with an inner answer's end taken for a word on the clock
-- (seen_hand_on); without tag_of_answers_with (call.c); with may_see (entry/memoized.c) always true.
SET client_min_messages = error;
SET timezone = 'UTC';
SELECT no_plan();

CREATE TABLE courses (id int PRIMARY KEY, slug text UNIQUE, title text, published boolean NOT NULL DEFAULT true);
CREATE TABLE enrolments (id serial PRIMARY KEY, user_id int, course_id int, paid_at timestamptz DEFAULT '2031-01-01 12:00Z');
CREATE INDEX ON enrolments (user_id);
INSERT INTO courses SELECT i, 'c' || i, 'Course ' || i FROM generate_series(1, 200) i;
INSERT INTO enrolments (user_id, course_id) SELECT i % 50, i % 200 + 1 FROM generate_series(1, 1000) i;
ANALYZE;

CREATE FUNCTION course(p_slug text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT to_jsonb(c) FROM courses c WHERE slug = p_slug); END $$;
CREATE FUNCTION enrolments_of(p_user int) RETURNS TABLE (id int, title text, paid_at timestamptz) LANGUAGE sql STABLE AS
$$ SELECT e.id, c.title, e.paid_at FROM enrolments e JOIN courses c ON c.id = e.course_id WHERE e.user_id = p_user ORDER BY 1 $$;
CREATE FUNCTION published() RETURNS SETOF courses LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT * FROM courses WHERE published ORDER BY id; END $$;
COMMENT ON FUNCTION course(text) IS 'a course';
CREATE VIEW calls_course AS SELECT course('c1');

CREATE FUNCTION hits(f text) RETURNS bigint LANGUAGE sql AS $$ SELECT hits FROM availability_cache.memoized WHERE function = f::regprocedure $$;
SELECT is(array_agg(relation::text || ' ' || key_columns::text || ' ' || action), '{"courses {id,slug} watched"}', 'memoize() watches what it reads')
  FROM availability_cache.memoize('course(text)');
SELECT is(array_agg(relation::text || ' ' || action), '{"courses watched already","enrolments watched"}', 'and says what is watched')
  FROM availability_cache.memoize('enrolments_of(int)');
SELECT count(*) FROM availability_cache.memoize('published()') \g /dev/null
SELECT is(obj_description('course(text)'::regprocedure), 'a course', 'the comment stays');
SELECT is(l.lanname::text, 'memoized_plpgsql', 'the language') FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = 'course(text)'::regprocedure;

PREPARE one AS SELECT course('c1');
EXECUTE one \g /dev/null
SELECT hits('course(text)') AS h \gset
EXECUTE one \g /dev/null
SELECT is(hits('course(text)') - :h, 1::bigint, 'a second call is a hit');
UPDATE courses SET title = 'another' WHERE slug = 'c2';
SELECT hits('course(text)') AS h \gset
SELECT course('c1') ->> 'title' AS a \gset
SELECT is(hits('course(text)') - :h, 1::bigint, 'another course changed: still a hit');
UPDATE courses SET title = 'new' WHERE slug = 'c1';
SELECT course('c1') ->> 'title' AS a \gset
SELECT is(:'a'::text, 'new', 'this one changed');
SELECT course('nowhere') AS a \gset
SELECT course('nowhere') AS a \gset
INSERT INTO courses VALUES (1000, 'nowhere', 'came');
SELECT course('nowhere') ->> 'title' AS a \gset
SELECT is(:'a'::text, 'came', 'a row that did not exist');
UPDATE courses SET slug = 'elsewhere' WHERE id = 1000;
SELECT course('nowhere') IS NULL AS a, course('elsewhere') IS NOT NULL AS b \gset
SELECT is(:'a' || :'b', 'tt', 'a key that changes leaves the old and comes to the new');

SELECT string_agg(e::text, ';') AS before FROM enrolments_of(7) e \gset
SELECT string_agg(e::text, ';') AS after FROM enrolments_of(7) e \gset
SELECT is(:'after'::text, :'before'::text, 'a set from memory is what was computed');
SELECT is(hits('enrolments_of(int)'), 1::bigint, 'and is from memory');
INSERT INTO enrolments (user_id, course_id) VALUES (8, 1);
SELECT count(*) AS n FROM enrolments_of(7) \gset
SELECT is(hits('enrolments_of(int)'), 2::bigint, 'another user''s enrolment: a hit');
INSERT INTO enrolments (user_id, course_id) VALUES (7, 1);
SELECT count(*) - :n AS more FROM enrolments_of(7) \gset
SELECT is(:'more'::text, '1', 'their own is seen');
SELECT (SELECT count(*) FROM published()) AS a \gset
SELECT (published()).id AS b LIMIT 1 \gset
SELECT is(hits('published()'), 1::bigint, 'in FROM and in a list of columns: one answer');
UPDATE courses SET published = false WHERE id = 3;
SELECT :a - count(*) AS less FROM published() \gset
SELECT is(:'less'::text, '1', 'the list goes when a row of it does');
TRUNCATE enrolments;
SELECT count(*) AS n FROM enrolments_of(7) \gset
SELECT is(:'n'::text, '0', 'TRUNCATE');
ALTER TABLE courses DISABLE TRIGGER USER;
UPDATE courses SET title = 'unseen' WHERE slug = 'c1';
SELECT course('c1') ->> 'title' AS a \gset
ALTER TABLE courses ENABLE ALWAYS TRIGGER availability_cache_watch;
SELECT course('c1') ->> 'title' AS b \gset
SELECT is((:'a' || :'b')::text, 'unseenunseen', 'a trigger that was disabled for a moment');
ALTER TABLE courses ADD note text DEFAULT 'n';
SELECT course('c1') ->> 'note' AS a \gset
SELECT is(:'a'::text, 'n', 'a column that was added');

-- own writes, and what is undone
SELECT course('c5') \g /dev/null
BEGIN;
UPDATE courses SET title = 'mine' WHERE slug = 'c5';
SELECT course('c5') ->> 'title' AS a \gset
ROLLBACK;
SELECT course('c5') ->> 'title' AS b \gset
SELECT is((:'a' || ', ' || :'b')::text, 'mine, Course 5', 'own writes, rolled back');
SELECT course('c5') ->> 'title' AS a, hits('course(text)') AS h \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT course('c5') ->> 'title' AS a \gset
COMMIT;
SELECT is(hits('course(text)') - :h, 1::bigint, 'REPEATABLE READ: a hit');

-- shapes
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION out_two(i int, OUT a int, OUT b text) LANGUAGE sql STABLE AS $$ SELECT id, title FROM courses WHERE id = i $$;
CREATE FUNCTION a_pair(i int) RETURNS pair LANGUAGE plpgsql STABLE AS $$ DECLARE r pair; BEGIN SELECT id, title INTO r FROM courses WHERE id = i; RETURN r; END $$;
CREATE FUNCTION records(i int) RETURNS SETOF record LANGUAGE sql STABLE AS $$ SELECT id, title FROM courses WHERE id <= i ORDER BY 1 $$;
CREATE FUNCTION variadic_sum(VARIADIC i int[]) RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT sum(id::numeric) FROM courses WHERE id = ANY (i) $$;
CREATE FUNCTION of_pair(p pair, d int DEFAULT 3) RETURNS text LANGUAGE sql STABLE AS $$ SELECT title || p.b || d FROM courses WHERE id = p.a $$;
CREATE FUNCTION strictly(i int) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$ BEGIN RETURN (SELECT title FROM courses WHERE id = i); END $$;
CREATE FUNCTION an_array() RETURNS text[] LANGUAGE plpgsql STABLE AS $$ DECLARE r text[]; t text; BEGIN FOR t IN SELECT title FROM courses WHERE id < 4 ORDER BY id LOOP r := r || t; END LOOP; RETURN r; END $$;
SELECT count(*) FROM unnest('{out_two,a_pair,records,variadic_sum,of_pair,strictly,an_array}'::text[]) f, availability_cache.memoize(f::regproc) \g /dev/null
CREATE FUNCTION shapes() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws('|', out_two(4), (out_two(4)).b, a_pair(4), (a_pair(5)).b, (SELECT string_agg(r::text, ',') FROM records(3) r (x int, y text)),
    variadic_sum(1, 2, 4), of_pair(row(6, 'x')::pair), strictly(NULL), strictly(7), an_array()::text) $$;
SELECT shapes() AS a \gset
SELECT sum(hits) AS h FROM availability_cache.memoized \gset
SELECT shapes() AS b \gset
SELECT is(:'b'::text, :'a'::text, 'shapes of results and arguments');
SELECT is(:'a'::text, '(4,"Course 4")|Course 4|(4,"Course 4")|Course 5|(1,unseen),(2,another),(3,"Course 3")|7|Course 6x3|Course 7|{unseen,another,"Course 3"}', 'and what they are');
SELECT is(sum(hits) - :h, 9::numeric, 'all from memory') FROM availability_cache.memoized;
SELECT records::text AS a FROM (SELECT string_agg(r::text, ',') FROM records(3) r (x int, y text)) q (records) \gset
SELECT string_agg(pg_typeof(x)::text || x, ',') AS b FROM records(3) r (x text, y text) \gset
SELECT is(:'b'::text, 'text1,text2,text3', 'another column list is another answer');

-- ---- who asks ----

CREATE ROLE alice;
CREATE ROLE bob;
GRANT USAGE ON SCHEMA public TO alice, bob;
CREATE TABLE notes (id serial PRIMARY KEY, owner text, body text);
CREATE INDEX ON notes (owner);
INSERT INTO notes (owner, body) VALUES ('alice', 'a1'), ('bob', 'b1'), ('alice', 'a2');
GRANT SELECT ON notes TO alice, bob;
CREATE FUNCTION notes() RETURNS text LANGUAGE sql STABLE AS $$ SELECT string_agg(body, ',' ORDER BY id) FROM notes $$;
CREATE FUNCTION sees() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN current_user || ' ' || (SELECT count(*) FROM notes); END $$;
CREATE FUNCTION notes_by_claim() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS
$$ BEGIN RETURN (SELECT string_agg(body, ',' ORDER BY id) FROM notes WHERE owner = current_setting('request.jwt.claims', true)::json ->> 'sub'); END $$;
SELECT throws_ok($$SELECT availability_cache.memoize('notes_by_claim()')$$, '0A000', NULL, 'who looks at a claim must name it');
SELECT count(*) FROM unnest('{notes(),sees()}'::regprocedure[]) f, availability_cache.memoize(f) \g /dev/null
SELECT count(*) FROM availability_cache.memoize('notes_by_claim()', vary_by => '{request.jwt.claims.sub}') \g /dev/null
SET ROLE alice;
SELECT notes() AS a, sees() AS b \gset
SELECT notes() AS a, sees() AS b \gset
SET ROLE bob;
SELECT sees() AS c \gset
RESET ROLE;
SELECT is((:'a' || :'b' || :'c')::text, 'a1,b1,a2alice 3bob 3', 'the role');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = current_user);
SET ROLE alice;
SELECT notes() AS a \gset
SET ROLE bob;
SELECT notes() AS b \gset
SET ROLE alice;
SELECT notes() AS c \gset
RESET ROLE;
SELECT is((:'a' || ' ' || :'b' || ' ' || :'c')::text, 'a1,a2 b1 a1,a2', 'row-level security that was switched on later');
ALTER ROLE bob BYPASSRLS;
SET ROLE bob;
SELECT notes() AS b \gset
RESET ROLE;
SELECT is(:'b'::text, 'a1,b1,a2', 'ALTER ROLE');
REVOKE SELECT ON notes FROM bob;
SET ROLE bob;
SELECT throws_ok('SELECT notes()', '42501', NULL, 'REVOKE');
RESET ROLE;
CREATE ROLE readers;
GRANT SELECT ON notes TO readers;
GRANT readers TO bob;
SET ROLE bob;
SELECT notes() AS a \gset
SELECT notes() AS a \gset
RESET ROLE;
REVOKE readers FROM bob;
SET ROLE bob;
SELECT throws_ok('SELECT notes()', '42501', NULL, 'a membership that ended');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION sees() FROM PUBLIC;
SET ROLE alice;
SELECT throws_ok('SELECT sees()', '42501', NULL, 'REVOKE EXECUTE');
RESET ROLE;
SET request.jwt.claims = '{"sub": "alice", "exp": 1}';
SELECT notes_by_claim() AS a \gset
SET request.jwt.claims = '{"sub": "bob", "exp": 1}';
SELECT notes_by_claim() AS b \gset
SELECT hits('notes_by_claim()') AS h \gset
SET request.jwt.claims = '{"exp": 2, "sub": "alice"}';
SELECT notes_by_claim() AS c \gset
SELECT is((:'a' || ' ' || :'b' || ' ' || :'c')::text, 'a1,a2 b1 a1,a2', 'claims');
SELECT is(hits('notes_by_claim()') - :h, 1::bigint, 'another token of the same user: a hit');
SET request.jwt.claims = '{not json';
SELECT throws_ok('SELECT notes_by_claim()', '22P02', NULL, 'claims that are no JSON raise what they raised');
RESET request.jwt.claims;

-- ---- settings that show ----

CREATE FUNCTION paid(p_user int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(paid_at)::text FROM enrolments WHERE user_id = p_user $$;
INSERT INTO enrolments (user_id, course_id) VALUES (1, 1);
SELECT count(*) FROM availability_cache.memoize('paid(int)') \g /dev/null
SELECT paid(1) AS a \gset
SET timezone = 'Asia/Kathmandu';
SELECT paid(1) AS b \gset
SET timezone = 'UTC';
SET datestyle = 'German';
SELECT paid(1) AS c \gset
RESET datestyle;
SELECT paid(1) AS d \gset
SELECT is(concat_ws(', ', :'a', :'b', :'c', :'d'), '2031-01-01 12:00:00+00, 2031-01-01 17:45:00+05:45, 01.01.2031 12:00:00 UTC, 2031-01-01 12:00:00+00', 'TimeZone and DateStyle');

-- ---- names ----

CREATE SCHEMA front;
SET search_path = public, front;
SELECT paid(1) AS a \gset
SET search_path = front, public;
SELECT paid(1) AS b \gset
CREATE TABLE front.enrolments (user_id int, paid_at text DEFAULT 'front');
INSERT INTO front.enrolments VALUES (1);
SELECT paid(1) AS c \gset
SET search_path = public, front;
SELECT paid(1) AS d \gset
CREATE TEMPORARY TABLE enrolments (user_id int, paid_at text DEFAULT 'temporary');
INSERT INTO pg_temp.enrolments VALUES (1);
SELECT paid(1) AS e \gset
DROP TABLE pg_temp.enrolments;
SELECT hits('paid(int)') AS h \gset
SELECT paid(1) AS f \gset
RESET search_path;
SELECT is(concat_ws(', ', :'c', :'e', :'f'), 'front, temporary, 2031-01-01 12:00:00+00', 'search_path, a table made in front, a temporary one');
SELECT is((:'b' || :'d')::text, :'a' || :'a', 'and the others');
SELECT is(hits('paid(int)') - :h, 1::bigint, 'having a temporary schema is not enough to compute');

-- ---- within others ----

CREATE FUNCTION outer_one(s text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 'outer ' || (course(s) ->> 'title'); END $$;
SELECT count(*) FROM availability_cache.memoize('outer_one(text)') \g /dev/null
SELECT course('c9') \g /dev/null
SELECT outer_one('c9') AS a, outer_one('c9') AS b \gset
SELECT is(hits('outer_one(text)'), 1::bigint, 'a function over a memoized one');
UPDATE courses SET title = 'changed' WHERE slug = 'c9';
SELECT outer_one('c9') AS a \gset
SELECT is(:'a'::text, 'outer changed', 'goes with what the inner one depends on, also where that was a hit');

-- ---- definitions ----

CREATE FUNCTION helper() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'old' $$;
CREATE FUNCTION helped() RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE r text; BEGIN r := helper(); RETURN r || (SELECT count(*) FROM courses WHERE id = 1); END $$;
SELECT count(*) FROM availability_cache.memoize('helped()') \g /dev/null
SELECT helped() AS a, helped() AS b \gset
CREATE OR REPLACE FUNCTION helper() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'new' $$;
SELECT helped() AS c \gset
SELECT is((:'b' || ' ' || :'c')::text, 'old1 new1', 'a function that it calls in a simple expression is replaced');
CREATE OR REPLACE FUNCTION helped() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 'replaced'; END $$;
SELECT helped() AS a \gset
SELECT is(:'a'::text, 'replaced', 'a migration that is run again ends it: never an answer of the old body');
SELECT is((SELECT count(*) FROM availability_cache.memoized WHERE function = 'helped()'::regprocedure), 0::bigint, 'and memoized says so');
ALTER FUNCTION out_two(int) RENAME TO out_2;
SELECT out_2(4)::text AS a \gset
SELECT is(:'a'::text, '(4,"Course 4")', 'RENAME');
SELECT course('c1'), availability_cache.memo_clear('course(text)') \g /dev/null
SELECT hits('course(text)') AS h \gset
SELECT course('c1') \g /dev/null
SELECT is(hits('course(text)') - :h, 0::bigint, 'memo_clear()');

-- ---- time ----

CREATE FUNCTION upcoming() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM enrolments WHERE paid_at > now() $$;
CREATE FUNCTION clock_inside() RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE t timestamptz; BEGIN t := clock_timestamp(); RETURN t::text; END $$;
CREATE FUNCTION of_today() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_date::text || count(*) FROM courses WHERE id = 1 $$;
CREATE FUNCTION says_until(t timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM availability_cache.valid_until(t); RETURN clock_timestamp()::text; END $$;
SELECT throws_ok($$SELECT availability_cache.memoize('upcoming()')$$, '0A000', NULL, 'who looks at the clock must say how long it holds');
SELECT throws_ok($$SELECT availability_cache.memoize('clock_inside()')$$, '0A000', NULL, 'also outside of queries');
SELECT is(l.lanname::text, 'sql', 'and is as it was') FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = 'upcoming()'::regprocedure;
SELECT count(*) FROM availability_cache.memoize('clock_inside()', ttl => '1 hour') \g /dev/null
SELECT count(*) FROM availability_cache.memoize('of_today()') \g /dev/null
SELECT count(*) FROM availability_cache.memoize('says_until(timestamptz)', ttl => '1 hour') \g /dev/null
SELECT clock_inside() AS a, clock_inside() AS b, of_today() = of_today() AS c \gset
SELECT is(:'b'::text, :'a'::text, 'ttl');
SELECT is(hits('of_today()'), 1::bigint, 'current_date alone');
SELECT says_until('2000-01-01') AS a, says_until('2000-01-01') AS b, says_until('2100-01-01') AS c, says_until('2100-01-01') AS d \gset
SELECT isnt(:'a'::text, :'b'::text, 'valid_until() in the past');
SELECT is(:'c'::text, :'d'::text, 'and in the future');

-- Says itself until when, and so need not be asked for anything.
CREATE FUNCTION says_itself(t timestamptz) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM availability_cache.valid_until(t); RETURN clock_timestamp()::text; END $$;
SELECT count(*) FROM availability_cache.memoize('says_itself(timestamptz)') \g /dev/null
SELECT says_itself('2100-01-01') AS a, says_itself('2100-01-01') AS b, says_itself(NULL) AS c, says_itself(NULL) AS d \gset
SELECT is(:'b'::text, :'a'::text, 'availability_cache.valid_until() in the function is enough');
SELECT isnt(:'d'::text, :'c'::text, 'NULL: only now');
-- What an answer that this one is made of says of its own time says nothing of another look at the clock.
CREATE FUNCTION around() RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN EXECUTE 'SELECT clock_timestamp()' INTO t; RETURN t || of_today(); END $$;
SELECT count(*) FROM availability_cache.memoize('around()') \g /dev/null
SELECT around() AS a, around() AS b, around() AS c, around() AS d \gset
SELECT is((SELECT count(DISTINCT x) FROM unnest(ARRAY[:'a', :'b', :'c', :'d']) x), 4::bigint, 'who calls what holds until midnight, and looks at the clock');

-- Another function says until when.
CREATE TABLE hours (id int PRIMARY KEY, until timestamptz);
INSERT INTO hours VALUES (1, '2100-01-01'), (2, '2000-01-01'), (3, NULL);
CREATE FUNCTION open_now(p_id int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN clock_timestamp()::text; END $$;
CREATE FUNCTION open_until(p_id int) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN IF p_id = 9 THEN RAISE EXCEPTION 'no'; END IF; RETURN (SELECT until FROM hours WHERE id = p_id AND until > now() - interval '100 years'); END $$;
CREATE FUNCTION open_as_text(p_id int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'x' $$;
SELECT throws_ok($$SELECT availability_cache.memoize('open_now(int)', valid_until => 'open_as_text(int)')$$, '42P13', NULL, 'valid_until must return timestamptz');
SELECT throws_ok($$SELECT availability_cache.memoize('open_now(int)', valid_until => 'says_itself(timestamptz)')$$, '42P13', NULL, 'and take the same arguments');
SELECT count(*) FROM availability_cache.memoize('open_now(int)', valid_until => 'open_until(int)') \g /dev/null
SELECT count(*) FROM availability_cache.watch('hours') \g /dev/null
SELECT open_now(i) AS a, open_now(i) AS b, open_now(2) AS c, open_now(2) AS d, open_now(3) AS e, open_now(3) AS f, open_now(9) AS g, open_now(9) AS h FROM (VALUES (1)) x(i) \gset
SELECT is(:'b'::text, :'a'::text, 'valid_until in the future');
SELECT isnt(:'d'::text, :'c'::text, 'in the past');
SELECT isnt(:'f'::text, :'e'::text, 'never');
SELECT isnt(:'h'::text, :'g'::text, 'where it raises, the call does not, and nothing is kept');
SELECT matches(reason, 'valid_until', 'and the reason is told') FROM availability_cache.memoized WHERE function = 'open_now(int)'::regprocedure;
UPDATE hours SET until = until - interval '1 year' WHERE id = 1;
SELECT open_now(1) AS b \gset
SELECT isnt(:'b'::text, :'a'::text, 'what it reads outdates the answer too');
DROP FUNCTION open_until(int);
SELECT open_now(1) AS a, open_now(1) AS b \gset
SELECT isnt(:'b'::text, :'a'::text, 'a valid_until that is gone: nothing is kept');

-- ---- letting go ----

CREATE FUNCTION by_two(a bigint, b text DEFAULT 'x') RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN clock_timestamp()::text || a || b; END $$;
CREATE FUNCTION in_catalog() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN clock_timestamp()::text; END $$;
SELECT count(*) FROM availability_cache.memoize('by_two(bigint, text)', ttl => '1 hour', namespace => 'catalog') \g /dev/null
SELECT count(*) FROM availability_cache.memoize('in_catalog()', ttl => '1 hour', namespace => 'catalog') \g /dev/null
CREATE FUNCTION three() RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY[by_two(1), by_two(2), in_catalog()] $$;
CREATE FUNCTION gone(before text[]) RETURNS text LANGUAGE sql AS $$ SELECT string_agg((n.v <> b.v)::int::text, '' ORDER BY n.i) FROM unnest(three()) WITH ORDINALITY n (v, i) JOIN unnest(before) WITH ORDINALITY b (v, i) USING (i) $$;
SELECT three()::text AS a, availability_cache.memo_clear('by_two(bigint, text)', 1, 'x') AS b \gset
SELECT gone(:'a') AS a, three()::text AS c \gset
SELECT is((:'b' || :'a')::text, 't100', 'memo_clear() with arguments: the answer with these, and no other');
SELECT availability_cache.memo_clear('by_two(bigint, text)', 2::numeric, 'x') \g /dev/null
SELECT gone(:'c') AS a, three()::text AS c \gset
SELECT is(:'a'::text, '010', 'arguments are turned into the function''s types');
SELECT throws_ok($$SELECT availability_cache.memo_clear('by_two(bigint, text)', 1)$$, '22023', NULL, 'all of them are given');
SELECT throws_ok($$SELECT availability_cache.memo_clear('by_two(bigint, text)', 'one', 'x')$$, '22P02', NULL, 'and can be');
SELECT string_agg(f::text, ' ') AS b FROM availability_cache.memo_clear_namespace('catalog') f \gset
SELECT gone(:'c') AS a, three()::text AS c \gset
SELECT is((:'b' || ' ' || :'a')::text, 'by_two(bigint,text) in_catalog() 111', 'memo_clear_namespace()');
SELECT is((SELECT count(*) FROM availability_cache.memo_clear_namespace('elsewhere')), 0::bigint, 'of no function');
SET ROLE alice;
SELECT count(*) AS b FROM availability_cache.memo_clear_namespace('catalog') \gset
SELECT count(*) AS d FROM availability_cache.memoized \gset
SELECT coalesce((availability_cache_internal.memo_counts('in_catalog()')).hits, -1) AS e, (SELECT count(*) FROM availability_cache_internal.memo_usage()) AS f \gset
SELECT throws_ok($$SELECT availability_cache.memo_clear('by_two(bigint, text)', 1, 'x')$$, '42501', NULL, 'nobody lets another''s answers go');
RESET ROLE;
SELECT gone(:'c') AS a \gset
SELECT is((:'b' || :'a')::text, '0000', 'nor by a namespace');
SELECT is((:'d' || ' ' || :'e' || ' ' || :'f')::text, '0 -1 0', 'nor sees them');
GRANT pg_monitor TO alice;
SET ROLE alice;
SELECT count(*) > 5 AS a, (availability_cache_internal.memo_counts('in_catalog()')).hits > 0 AS b FROM availability_cache.memoized \gset
RESET ROLE;
REVOKE pg_monitor FROM alice;
SELECT is((:'a' || :'b')::text, 'tt', 'but who may see all statistics');
SELECT is(entries || ' ' || (bytes BETWEEN 2 * 192 AND 20 * 192) || ' ' || namespace, '2 true catalog', 'answers in memory, and what they take')
  FROM availability_cache.memoized WHERE function = 'by_two(bigint, text)'::regprocedure;
SELECT ok(hit_us > 0 AND hit_us < 5000 AND compute_us > 0, 'times') FROM availability_cache.memoized WHERE function = 'by_two(bigint, text)'::regprocedure;

-- ---- what is known of a function ----

CREATE FUNCTION may_read(p_table text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN has_table_privilege(p_table, 'SELECT'); END $$;
CREATE FUNCTION of_all(p_id int) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE c text; BEGIN c := course('c1'); IF may_read('courses') THEN c := c || helper(); END IF; RETURN c || now() || current_setting('app.tenant', true); END $$;
SELECT throws_ok($$SELECT availability_cache.memoize('may_read(text)')$$, '0A000', 'answers of public.may_read(text) could not be kept: it may call has_table_privilege(text,text), which is not seen through: if that goes by its arguments alone, say so with memoize(…, assume_stable => true)', 'what is not seen through');
CREATE FUNCTION random_of() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RETURN random(); END $$;
SELECT throws_ok($$SELECT availability_cache.memoize('random_of()', assume_stable => true)$$, '0A000', NULL, 'of what is known to be new each time nobody can say so');
SELECT count(*) FROM availability_cache.memoize('may_read(text)', assume_stable => true) \g /dev/null
SELECT may_read('courses') AS a, may_read('courses') AS b \gset
SELECT is(hits('may_read(text)'), 1::bigint, 'assume_stable');
SELECT is(string_agg(what || ': ' || detail, E'\n' ORDER BY what COLLATE "C", detail COLLATE "C"),
'found in public.of_all(integer): looks at the setting app.tenant: needs vary_by
found in public.of_all(integer): now(): looks at the clock: needs ttl, valid_until or a call of availability_cache.valid_until()
found in public.of_all(integer): public.course(text): is memoized itself
found in public.of_all(integer): public.may_read(text): is memoized itself
language: plpgsql
not kept, by the source: it looks at a setting that is not in the key: name it with memoize(…, vary_by => …)', 'memo_explain(): what was found in it and in what it calls')
  FROM availability_cache.memo_explain('of_all(int)') WHERE what <> 'in the key';
SELECT count(*) FROM availability_cache.memoize('of_all(int)', vary_by => '{app.tenant,request.jwt.claims.sub}', ttl => '10 minutes') \g /dev/null
SELECT matches(detail, '^arguments, app.tenant, request.jwt.claims.sub, .*current_user.*search_path, TimeZone', 'and what is in the key')
  FROM availability_cache.memo_explain('of_all(int)') WHERE what = 'in the key';
SELECT is(vary_by || ' ' || ttl || ' ' || assume_stable, 'app.tenant,request.jwt.claims.sub 600 false', 'options') FROM availability_cache.memoized WHERE function = 'of_all(int)'::regprocedure;
SELECT is(string_agg(DISTINCT relation || ' ' || key_columns::text || ' ' || action, ', '), 'courses {id,slug} watched already', 'key columns of what is watched already') FROM availability_cache.memoize('course(text)');
SELECT throws_ok($$SELECT availability_cache.watch('courses', array_fill('id'::text, '{17}'))$$, '22023', NULL, 'at most 16 key columns');

-- ---- which rows ----

-- ANALYZE outdates what is expected to stay.
CREATE TABLE items (id int PRIMARY KEY, owner int, kind text, price numeric, note text, shown boolean) WITH (autovacuum_enabled = off);
CREATE INDEX ON items (shown);
CREATE INDEX ON items (owner);
CREATE INDEX ON items (kind);
INSERT INTO items SELECT i, i % 40, 'k' || i % 7, i, 'n', i % 40 <> 39 FROM generate_series(1, 400) i;
CREATE TABLE friends (person int, friend int) WITH (autovacuum_enabled = off);
CREATE INDEX ON friends (person);
INSERT INTO friends VALUES (1, 2), (1, 3), (5, 6);
ANALYZE items, friends;
CREATE FUNCTION me() RETURNS int LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.me', true), '')::int $$;
CREATE FUNCTION me_slowly() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN current_setting('app.me', true); END $$;
SET app.me = '1';
-- What a function with this condition on items takes from memory after a change of other rows, and of its
-- own: hit, and another answer.
CREATE PROCEDURE scope(INOUT tap text, condition text, other text DEFAULT 'owner = 39', own text DEFAULT 'owner = 1', scan text DEFAULT 'index', expected text DEFAULT 'hit, seen')
LANGUAGE plpgsql AS $$
DECLARE
    before text; after text; h bigint; said text;
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION scoped(p int, ps int[]) RETURNS text LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN (SELECT count(*) || coalesce(sum(price), 0)::text || coalesce(min(note), '''') FROM items i WHERE %s); END $f$', condition);
    PERFORM availability_cache.memoize('scoped(int, int[])', vary_by => '{app.me}');
    PERFORM set_config(format('enable_%sscan', s), CASE WHEN s = scan THEN 'on' ELSE 'off' END, false) FROM unnest('{seq,index,bitmap}'::text[]) s;
    COMMIT;
    before := scoped(1, '{1,2,NULL}');
    before := scoped(1, '{1,2,NULL}');
    h := hits('scoped(int, int[])');
    EXECUTE 'UPDATE items SET note = note || ''+'' WHERE ' || other;
    COMMIT;
    PERFORM scoped(1, '{1,2,NULL}');
    said := CASE WHEN hits('scoped(int, int[])') > h THEN 'hit' ELSE 'miss' END;
    EXECUTE 'UPDATE items SET price = price + 1 WHERE ' || own;
    COMMIT;
    after := scoped(1, '{1,2,NULL}');
    said := said || CASE WHEN after <> before THEN ', seen' ELSE ', the same' END;
    tap := is(said, expected, tap);
END
$$;
CALL scope('= argument', 'owner = p');
CALL scope('= ANY (array)', 'owner = ANY (ps)');
CALL scope('the second of an array', 'owner = ANY (ps)', own => 'owner = 2');
CALL scope('the same, by a bitmap of the index', 'owner = ANY (ps)', own => 'owner = 2', scan => 'bitmap');
CALL scope('IN', 'owner IN (1, 3, 4)', own => 'owner = 4');
CALL scope('more than 32 values', 'owner = ANY (ARRAY(SELECT generate_series(1, 33))::int[])', expected => 'miss, seen');
CALL scope('OR', 'owner = p OR kind = ''k3''', other => 'owner = 39 AND kind <> ''k3''', own => 'kind = ''k3''');
CALL scope('OR with what is no equality', 'owner = p OR price < 3', expected => 'miss, seen');
CALL scope('OR of ANDs', '(owner = p AND price > 3) OR (price > 9 AND owner = 2)', own => 'owner = 2');
CALL scope('a boolean', 'shown', scan => 'seq');
CALL scope('a boolean that is false', 'NOT shown', other => 'owner = 1', own => 'owner = 39');
CALL scope('= true', 'shown = true AND price > 0', scan => 'seq');
CALL scope('(SELECT f())', 'owner = (SELECT me())');
CALL scope('(SELECT f()), row by row', 'owner = (SELECT me())', scan => 'seq');
CALL scope('(SELECT f()) of plpgsql', 'owner = (SELECT me_slowly())');
CALL scope('f()', 'owner = me()');
CALL scope('f() of plpgsql', 'owner = me_slowly()');
CALL scope('an expression of arguments', 'owner = p + 0');
CALL scope('a sub-select of another table', 'owner = (SELECT min(friend) FROM friends WHERE person = 1)', own => 'owner = 2');
CALL scope('ANY of a sub-select as an array', 'owner = ANY (ARRAY(SELECT friend FROM friends WHERE person = p))', own => 'owner = 3');
CALL scope('a sub-select that is not needed', 'price = -7 AND owner = (SELECT me())', scan => 'seq', expected => 'miss, seen',
    own => 'false; UPDATE items SET price = -7 WHERE id = 1');
UPDATE items SET price = 1 WHERE id = 1;
CALL scope('a column that is no key', 'note = ''n''', expected => 'miss, seen', own => 'owner = 3');
SET app.me = '';
CALL scope('nobody asks', 'owner = me()', other => 'owner = 1', own => 'owner = 5', expected => 'hit, the same');
SET app.me = '1';
RESET enable_indexscan;
RESET enable_bitmapscan;

-- What is looked up for each row of another: those rows, whatever stands above the scan.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE PROCEDURE looks_up(INOUT tap text, query text, own text DEFAULT 'owner = 3', expected text DEFAULT 'hit, seen, seen')
LANGUAGE plpgsql AS $$
DECLARE
    before text; after text; h bigint; said text;
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION looked_up(p int) RETURNS text LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN (%s); END $f$', query);
    PERFORM availability_cache.memoize('looked_up(int)');
    COMMIT;
    before := looked_up(1);
    before := looked_up(1);
    h := hits('looked_up(int)');
    UPDATE items SET note = note || '+' WHERE owner IN (5, 39);
    COMMIT;
    PERFORM looked_up(1);
    said := CASE WHEN hits('looked_up(int)') > h THEN 'hit' ELSE 'miss' END;
    EXECUTE 'UPDATE items SET price = price + 1 WHERE ' || own;
    COMMIT;
    after := looked_up(1);
    said := said || CASE WHEN after <> before THEN ', seen' ELSE ', the same' END;
    -- One that comes under a key that had none.
    INSERT INTO friends VALUES (1, 77);
    COMMIT;
    before := looked_up(1);
    INSERT INTO items VALUES (1000, 77, 'k', 1, '', true);
    COMMIT;
    said := said || CASE WHEN looked_up(1) <> before THEN ', seen' ELSE ', the same' END;
    DELETE FROM items WHERE id = 1000;
    DELETE FROM friends WHERE friend = 77;
    COMMIT;
    tap := is(said, expected, tap);
END
$$;
CALL looks_up('a join', 'SELECT sum(i.price) || min(i.owner)::text || count(*) FROM friends f JOIN items i ON i.owner = f.friend WHERE f.person = p');
CALL looks_up('a left join', 'SELECT sum(i.price) || ''-'' || count(i.id) FROM friends f LEFT JOIN items i ON i.owner = f.friend WHERE f.person = p');
CALL looks_up('a sub-select for each row', 'SELECT string_agg((SELECT sum(price) || ''-'' FROM items i WHERE i.owner = f.friend), '','') FROM friends f WHERE f.person = p');
CALL looks_up('NOT EXISTS', 'SELECT count(*)::text FROM friends f WHERE f.person = p AND NOT EXISTS (SELECT FROM items i WHERE i.owner = f.friend AND i.price > 0)',
    own => 'false; UPDATE items SET price = -price WHERE owner = 3');
UPDATE items SET price = -price WHERE owner = 3;
CALL looks_up('two joins', 'SELECT sum(j.price)::text || count(*) FROM friends f JOIN items i ON i.owner = f.friend JOIN items j ON j.id = i.id WHERE f.person = p');
SET enable_indexscan = off;
CALL looks_up('by a bitmap', 'SELECT sum(i.price)::text || count(*) FROM friends f JOIN items i ON i.owner = f.friend WHERE f.person = p');
RESET enable_indexscan;
CALL looks_up('row by row', 'SELECT sum(i.price)::text || count(*) FROM friends f JOIN LATERAL (SELECT * FROM items WHERE owner + 0 = f.friend AND owner = f.friend OFFSET 0) i ON true WHERE f.person = p');
CALL looks_up('through a list, once each', 'SELECT sum(i.price)::text || count(*) FROM (SELECT friend FROM friends, generate_series(1, 50) WHERE person = p) f JOIN items i ON i.owner = f.friend');
CALL looks_up('in an arm of OR: not', 'SELECT sum(i.price)::text || count(*) FROM friends f JOIN LATERAL (SELECT * FROM items WHERE owner = f.friend OR owner = p OFFSET 0) i ON true WHERE f.person = p', expected => 'miss, seen, seen');
CALL looks_up('more than 32', 'SELECT sum(i.price)::text || count(*) FROM (SELECT friend FROM friends WHERE person = p UNION ALL SELECT generate_series(100, 140)) f JOIN items i ON i.owner = f.friend', expected => 'miss, seen, seen');
SET enable_hashjoin = on;
SET enable_nestloop = off;
CALL looks_up('a hash join: not', 'SELECT sum(i.price)::text || count(*) FROM friends f JOIN items i ON i.owner = f.friend WHERE f.person = p', expected => 'miss, seen, seen');
RESET enable_nestloop;
RESET enable_mergejoin;
RESET enable_seqscan;
-- A cursor that is left open; and fetched from by another, who does not keep that.
CREATE FUNCTION leaves_open(p int) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE c CURSOR FOR SELECT i.price FROM friends f JOIN LATERAL (SELECT * FROM items WHERE owner = f.friend OFFSET 0) i ON true WHERE f.person = p; r text;
BEGIN OPEN c; FETCH c INTO r; RETURN r; END $$;
SELECT count(*) FROM availability_cache.memoize('leaves_open(int)') \g /dev/null
BEGIN;
SELECT leaves_open(1) AS a \gset
SELECT leaves_open(1) AS b \gset
COMMIT;
UPDATE items SET price = price + 5 WHERE owner = 2;
SELECT leaves_open(1)::numeric - :a AS c \gset
SELECT is(:'c'::numeric, 5::numeric, 'a cursor that is left open');
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON items USING (owner = (SELECT me()));
CREATE FUNCTION my_items() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM items); END $$;
SELECT count(*) FROM availability_cache.memoize('my_items()', vary_by => '{app.me}') \g /dev/null
GRANT SELECT ON items TO alice;
SET ROLE alice;
SELECT my_items() AS a, my_items() AS b \gset
RESET ROLE;
SELECT hits('my_items()') AS h \gset
UPDATE items SET note = 'of 2' WHERE owner = 2;
SET ROLE alice;
SELECT my_items() AS a \gset
RESET ROLE;
SELECT is(hits('my_items()') - :h, 1::bigint, 'under a policy: another''s rows changed, a hit');
DELETE FROM items WHERE owner = 1 AND id > 300;
SET ROLE alice;
SELECT my_items() AS b \gset
SET app.me = '2';
SELECT my_items() AS c \gset
RESET ROLE;
SELECT is((:'a' || ' ' || :'b' || ' ' || :'c')::text, '10 8 10', 'one''s own: seen; and nobody else''s are');
ALTER TABLE items DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION explained() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM FROM items WHERE id = 1;
    PERFORM FROM items WHERE note = 'n';
    PERFORM FROM items WHERE kind COLLATE "C" > 'k1';
    PERFORM FROM items WHERE owner = 1::bigint;
    PERFORM FROM friends f JOIN LATERAL (SELECT FROM items WHERE owner = ANY (ARRAY[f.friend, f.person]) OFFSET 0) i ON true WHERE person = 1;
    RETURN 1;
END
$$;
SELECT count(*) FROM availability_cache.memoize('explained()') \g /dev/null
SELECT explained() \g /dev/null
SELECT is(string_agg(detail, E'\n' ORDER BY detail COLLATE "C"), 'public.friends: rows by person
public.items: rows by id
public.items: whole: kind is not compared as its own type and collation do
public.items: whole: note is no key column; see availability_cache.watch()
public.items: whole: owner is not compared as its own type and collation do
public.items: whole: what owner equals is not known for the whole query', 'memo_explain(): which rows it read, and tables seen whole and why')
  FROM availability_cache.memo_explain('explained()') WHERE what = 'seen';

-- ---- refused, or not kept ----

CREATE FUNCTION refuse(f text, OUT code text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM availability_cache.memoize(f::regprocedure);
    code := 'memoized';
EXCEPTION WHEN OTHERS THEN
    code := SQLSTATE;
END
$$;
CREATE FUNCTION immutable_one() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT count(*)::int FROM courses $$;
CREATE FUNCTION calls_immutable() RETURNS int LANGUAGE sql STABLE AS $$ SELECT immutable_one() $$;
CREATE FUNCTION polymorphic(a anyelement) RETURNS anyelement LANGUAGE sql STABLE AS $$ SELECT a $$;
CREATE PROCEDURE a_procedure() LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION a_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM courses; END;
CREATE FUNCTION cursor_of() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE c refcursor; BEGIN OPEN c FOR SELECT 1; RETURN c; END $$;
CREATE FUNCTION random_one() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RETURN random(); END $$;
CREATE FUNCTION next_one() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('notes_id_seq'); END $$;
CREATE FUNCTION notifies() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('a', 'b'); RETURN 1; END $$;
CREATE FUNCTION locks() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN 1; END $$;
CREATE FUNCTION in_index(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN i; END $$;
CREATE TABLE uses (i int CHECK (in_index(i) > 0));
CREATE FUNCTION theirs() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 1 $$;
SELECT is(string_agg(refuse(f), ' ' ORDER BY n), '42P17 0A000 0A000 42809 42809 0A000 0A000 0A000 0A000 0A000 0A000 55006', 'refused')
  FROM unnest('{immutable_one(),calls_immutable(),polymorphic(anyelement),a_procedure(),a_trigger(),atomic(),cursor_of(),random_one(),next_one(),notifies(),locks(),in_index(int)}'::text[]) WITH ORDINALITY u (f, n);
SET ROLE alice;
SELECT throws_ok($$SELECT availability_cache.memoize('theirs()')$$, '42501', NULL, 'a function of somebody else');
SELECT throws_ok($$SELECT availability_cache.memo_clear('course(text)')$$, '42501', NULL, 'their answers');
SELECT throws_ok($$SELECT availability_cache.watch('notes')$$, '42501', NULL, 'their tables');
RESET ROLE;

-- Why not, as memoized has it.
CREATE TABLE unwatched (i int);
CREATE TABLE written (i int);
CREATE FUNCTION reads_unwatched() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM unwatched' INTO n; RETURN n; END $$;
CREATE FUNCTION reads_catalog() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM pg_class $$;
CREATE FUNCTION locks_rows() RETURNS int LANGUAGE sql AS $$ SELECT id FROM courses WHERE id = 1 FOR UPDATE $$;
CREATE FUNCTION samples() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM courses TABLESAMPLE system (50) $$;
CREATE FUNCTION sets() RETURNS int LANGUAGE plpgsql AS $$ BEGIN SET LOCAL work_mem = '5MB'; RETURN 1; END $$;
CREATE FUNCTION writes() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (1); RETURN (SELECT count(*) FROM written); END $$;
CREATE FUNCTION raises(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'no %', i USING ERRCODE = 'AB123', HINT = 'none'; END $$;
SELECT count(*) FROM unnest('{reads_unwatched,reads_catalog,locks_rows,sets,writes,raises}'::text[]) f, availability_cache.memoize(f::regproc) \g /dev/null
SELECT is(refuse('samples()'), '0A000', 'a sample');
SELECT reads_unwatched(), reads_unwatched(), reads_catalog(), sets() \g /dev/null
SELECT reads_unwatched(), reads_catalog(), sets() \g /dev/null
SELECT locks_rows() \g /dev/null
SELECT writes() AS a \gset
SELECT writes() AS b \gset
SELECT is((:'a' || :'b')::text, '12', 'who writes goes on writing');
SELECT throws_ok('SELECT raises(1)', 'AB123', 'no 1', 'who raises, raises');
SELECT throws_ok('SELECT raises(1)', 'AB123', 'no 1', 'and again');
SELECT is(sum(hits), 0::numeric, 'none of them is kept') FROM availability_cache.memoized WHERE function::text ~ '^(reads_|locks_|sets|writes|raises)';
SELECT matches(reason, 'unwatched is not watched.*availability_cache.watch', 'and the reason is told, with what to run') FROM availability_cache.memoized WHERE function = 'reads_unwatched()'::regprocedure;
SELECT matches(reason, 'catalog pg_class', 'a catalog') FROM availability_cache.memoized WHERE function = 'reads_catalog()'::regprocedure;
SELECT matches(reason, 'runs a command', 'a utility statement') FROM availability_cache.memoized WHERE function = 'sets()'::regprocedure;
SELECT matches(reason, 'locks rows', 'row locks') FROM availability_cache.memoized WHERE function = 'locks_rows()'::regprocedure;

-- ---- and back ----

SELECT is(availability_cache.unmemoize('notes_by_claim()'), true, 'unmemoize()');
SELECT is(l.lanname || ' ' || coalesce(p.proconfig::text, '-'), 'plpgsql -', 'leaves nothing') FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = 'notes_by_claim()'::regprocedure;
SELECT is(availability_cache.unwatch('notes'), true, 'unwatch()');
SELECT is(availability_cache.unwatch('notes'), false, 'once');
SELECT throws_ok('DROP EXTENSION availability_cache', '2BP01', NULL, 'DROP EXTENSION does not take functions with it');
SELECT throws_ok('DROP EXTENSION availability_cache CASCADE', '2BP01', NULL, 'not even CASCADE');
SELECT * FROM finish();
DROP OWNED BY alice, bob, readers;
DROP ROLE alice, bob, readers;
