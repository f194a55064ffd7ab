-- The tables that docs/uses.md is about, with rows: psql -v n=200 -f test/uses.sql. Bodies are long, as
-- pages' are.
\if :{?n} \else \set n 200 \endif
SET client_min_messages = warning;

-- a catalog, and who has what of it
CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE course (id int PRIMARY KEY, slug text NOT NULL UNIQUE, kind text NOT NULL, title text NOT NULL, body text, published boolean NOT NULL);
CREATE TABLE product (LIKE course INCLUDING ALL);
CREATE TABLE event (LIKE course INCLUDING ALL);
CREATE INDEX ON course (kind);
CREATE INDEX ON product (kind);
CREATE INDEX ON event (kind);
CREATE TABLE enrolment (id serial PRIMARY KEY, person_id int NOT NULL, course_id int NOT NULL);
CREATE TABLE purchase (id serial PRIMARY KEY, person_id int NOT NULL, product_id int NOT NULL, price_cents int NOT NULL);
CREATE TABLE ticket (id serial PRIMARY KEY, person_id int NOT NULL, event_id int NOT NULL, seats int NOT NULL);
CREATE INDEX ON enrolment (person_id);
CREATE INDEX ON purchase (person_id);
CREATE INDEX ON ticket (person_id);
INSERT INTO person SELECT i, 'Person ' || i FROM generate_series(1, :n) i;
INSERT INTO course SELECT i, 'item-' || i, 'kind ' || i % 5, 'Item ' || i, repeat('words ', 50), i % 4 > 0 FROM generate_series(1, :n) i;
INSERT INTO product SELECT * FROM course;
INSERT INTO event SELECT * FROM course;
INSERT INTO enrolment (person_id, course_id) SELECT i % :n + 1, i % 50 + 1 FROM generate_series(1, 3 * :n) i;
INSERT INTO purchase (person_id, product_id, price_cents) SELECT i % :n + 1, i % 50 + 1, 100 * i FROM generate_series(1, 3 * :n) i;
INSERT INTO ticket (person_id, event_id, seats) SELECT i % :n + 1, i % 50 + 1, 2 FROM generate_series(1, 3 * :n) i;

-- what a conversation goes by
CREATE TABLE dream (id serial PRIMARY KEY, person_id int NOT NULL, at timestamptz NOT NULL, body text NOT NULL);
CREATE TABLE pattern (id serial PRIMARY KEY, person_id int NOT NULL, weight int NOT NULL, body text NOT NULL);
CREATE TABLE sitting (id serial PRIMARY KEY, person_id int NOT NULL, at timestamptz NOT NULL, body text NOT NULL);
CREATE TABLE reflection (id serial PRIMARY KEY, person_id int NOT NULL, at timestamptz NOT NULL, body text NOT NULL);
CREATE INDEX ON dream (person_id);
CREATE INDEX ON pattern (person_id);
CREATE INDEX ON sitting (person_id);
CREATE INDEX ON reflection (person_id);
INSERT INTO dream (person_id, at, body) SELECT i % :n + 1, '2031-01-01'::timestamptz + i * interval '1 hour', repeat('dream ', 20) FROM generate_series(1, 20 * :n) i;
INSERT INTO pattern (person_id, weight, body) SELECT i % :n + 1, i, repeat('pattern ', 10) FROM generate_series(1, 20 * :n) i;
INSERT INTO sitting (person_id, at, body) SELECT i % :n + 1, '2031-01-01'::timestamptz + i * interval '1 hour', repeat('sitting ', 20) FROM generate_series(1, 20 * :n) i;
INSERT INTO reflection (person_id, at, body) SELECT i % :n + 1, '2031-01-01'::timestamptz + i * interval '1 hour', repeat('thought ', 20) FROM generate_series(1, 20 * :n) i;

-- lessons with reservations
CREATE TABLE lesson (id int PRIMARY KEY, title text NOT NULL, seats int NOT NULL);
CREATE TABLE reservation (id int PRIMARY KEY, lesson_id int NOT NULL, person_id int NOT NULL, state text NOT NULL);
CREATE INDEX ON reservation (lesson_id);
INSERT INTO lesson SELECT i, 'Lesson ' || i, 10 FROM generate_series(1, :n) i;
INSERT INTO reservation SELECT i, i % :n + 1, i % 17 + 1, 'active' FROM generate_series(1, 4 * :n) i;

-- stories; what is shown of them has its story's number in a column of its own
CREATE TABLE story (id int PRIMARY KEY, author int NOT NULL, title text NOT NULL, state text NOT NULL DEFAULT 'published');
CREATE TABLE part (id int PRIMARY KEY, story_id int NOT NULL, title text NOT NULL);
CREATE TABLE chapter (id int PRIMARY KEY, story_id int NOT NULL, part_id int NOT NULL, title text NOT NULL);
CREATE TABLE scene (id int PRIMARY KEY, story_id int NOT NULL, chapter_id int NOT NULL, state text NOT NULL, body text NOT NULL,
    shown_in int GENERATED ALWAYS AS (CASE WHEN state = 'published' THEN story_id END) STORED);
CREATE TABLE figure (id int PRIMARY KEY, story_id int NOT NULL, name text NOT NULL);
CREATE TABLE setting (id int PRIMARY KEY, story_id int NOT NULL, name text NOT NULL);
CREATE INDEX ON story (state);
CREATE INDEX ON story (author);
CREATE INDEX ON part (story_id);
CREATE INDEX ON chapter (story_id);
CREATE INDEX ON scene (story_id);
CREATE INDEX ON scene (chapter_id);
CREATE INDEX ON scene (shown_in);
CREATE INDEX ON scene (state);
CREATE INDEX ON figure (story_id);
CREATE INDEX ON setting (story_id);
INSERT INTO story SELECT i, i % 7, 'Story ' || i, CASE WHEN i % 5 = 0 THEN 'draft' ELSE 'published' END FROM generate_series(1, :n / 4) i;
INSERT INTO part SELECT i, i % (:n / 4) + 1, 'Part ' || i FROM generate_series(1, :n) i;
INSERT INTO chapter SELECT i, i % (:n / 4) + 1, i, 'Chapter ' || i FROM generate_series(1, :n) i;
INSERT INTO scene SELECT i, i % (:n / 4) + 1, i % :n + 1, CASE WHEN i % 3 = 0 THEN 'draft' ELSE 'published' END, repeat('once ', 40) FROM generate_series(1, 4 * :n) i;
INSERT INTO figure SELECT i, i % (:n / 4) + 1, 'Figure ' || i FROM generate_series(1, :n) i;
INSERT INTO setting SELECT i, i % (:n / 4) + 1, 'Setting ' || i FROM generate_series(1, :n) i;
ANALYZE;
