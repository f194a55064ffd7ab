# The tests of memoized functions bite: each way to break what answers depend on gives a stale answer in the
# scenario made for it, and unbroken there is none. And under load (G1, G3): sessions that write, and sessions
# that compare a memoized function with its table in the statement that calls it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('memo_mutants', hooks => 1);
$node->safe_psql('postgres', 'CREATE DATABASE d');
$node->safe_psql('d', <<'EOC');
SET client_min_messages = error;
CREATE EXTENSION availability_cache;
CREATE SCHEMA front;
CREATE TABLE t (id int PRIMARY KEY, b int, a int);
CREATE INDEX ON t (a);
CREATE INDEX ON t (b);
INSERT INTO t SELECT i, i, i FROM generate_series(1, 2000) i;
CREATE TABLE u (i int);
CREATE FUNCTION by_a(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(a) FROM t WHERE a = x';
CREATE FUNCTION by_b(x int) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT string_agg(id::text, '','' ORDER BY id) FROM t WHERE b = x); END';
CREATE FUNCTION inner_one(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM t WHERE b = x';
CREATE FUNCTION outer_one(x int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 10 * inner_one(x); END';
CREATE FUNCTION named() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM u';
CREATE FUNCTION named_again() RETURNS bigint LANGUAGE plpgsql STABLE AS 'DECLARE n bigint; BEGIN FOR n IN SELECT count(*) FROM u LOOP RETURN n; END LOOP; END';
CREATE FUNCTION named_text() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN named_inside(); END';
CREATE FUNCTION named_inside() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM u';
CREATE DOMAIN word AS text;
CREATE FUNCTION typed() RETURNS text LANGUAGE plpgsql STABLE AS 'DECLARE w word := ''5''; BEGIN RETURN w; END';
CREATE FUNCTION typed_text() RETURNS text LANGUAGE sql STABLE AS 'SELECT (''5''::word)::text';
CREATE FUNCTION typed_other() RETURNS text LANGUAGE plpgsql STABLE SET search_path = front, public AS 'BEGIN RETURN ''5''::word; END';
CREATE FUNCTION typed_kept() RETURNS text LANGUAGE plpgsql STABLE SET search_path = front, public AS 'DECLARE w word := ''5''; BEGIN RETURN w; END';
CREATE FUNCTION typed_around() RETURNS text LANGUAGE plpgsql STABLE SET search_path = public AS 'BEGIN RETURN typed_kept(); END';
CREATE FUNCTION typed_inside() RETURNS text LANGUAGE plpgsql STABLE SET search_path = public AS 'BEGIN RETURN typed_other(); END';
CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counter SELECT i, 0 FROM generate_series(1, 4) i;
CREATE FUNCTION stable_count(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT n FROM counter WHERE id = x';
CREATE FUNCTION volatile_count(x int) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT n FROM counter WHERE id = x); END';
-- What narrows a scan to some rows, and what only seems to.
CREATE EXTENSION citext;
CREATE TABLE n (id int PRIMARY KEY, k int, name text, amount numeric);
CREATE INDEX ON n (k);
CREATE INDEX ON n (name);
CREATE INDEX ON n (amount);
CREATE TABLE m (id int PRIMARY KEY, k int);
CREATE FUNCTION one_of(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM n WHERE k = ANY (ARRAY[x - 1, x])';
CREATE FUNCTION one_or_other(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM n WHERE k = x - 1 OR (k = x AND id > 0)';
CREATE FUNCTION of_name(x citext) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM n WHERE name::citext = x';
CREATE FUNCTION of_amount(x numeric) RETURNS text LANGUAGE sql STABLE AS 'SELECT count(*)::text FROM n WHERE amount = x';
-- Each k of m between x and x + 1 looks into n.
CREATE FUNCTION joined(x int) RETURNS bigint LANGUAGE sql STABLE SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS
'SELECT count(n.id) FROM (SELECT k FROM m WHERE k IN (x, x + 1) ORDER BY k) q LEFT JOIN LATERAL (SELECT id FROM n WHERE n.k = q.k OFFSET 0) n ON true';
CREATE FUNCTION for_each(x int) RETURNS text LANGUAGE sql STABLE AS
'SELECT string_agg((SELECT count(*) FROM n WHERE n.k = (SELECT q.k OFFSET 0))::text, '','') FROM (SELECT k FROM m WHERE k IN (x, x + 1) ORDER BY k) q';
CREATE FUNCTION not_needed(x int, y numeric) RETURNS bigint LANGUAGE sql STABLE SET enable_indexscan = off SET enable_bitmapscan = off AS
'SELECT count(*) FROM n WHERE amount < y AND k = (SELECT max(k) FROM m WHERE id = x)';
CREATE FUNCTION helper(x int) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN (SELECT count(*) FROM m WHERE k = x); END';
CREATE FUNCTION left_open(x int) RETURNS text LANGUAGE plpgsql STABLE AS
'DECLARE c CURSOR FOR SELECT name FROM n WHERE k = (SELECT max(k) FROM m WHERE id = x); r text; BEGIN OPEN c; FETCH c INTO r; RETURN coalesce(r, ''-''); END';
CREATE FUNCTION caught(x text) RETURNS text LANGUAGE plpgsql STABLE AS
'DECLARE r text; BEGIN EXECUTE format(''SELECT count(*) FROM %I'', x) INTO r; RETURN r; EXCEPTION WHEN undefined_table THEN RETURN ''none''; END';
CREATE TABLE hidden (i int);
INSERT INTO hidden VALUES (7);
INSERT INTO m VALUES (0, 0);
CREATE FUNCTION of_hidden() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS 'BEGIN RETURN (SELECT i FROM hidden); END';
CREATE FUNCTION by_workers(x int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT max(helper(x)) FROM n WHERE amount IS NULL OR amount < 7); END';
SELECT count(*) FROM unnest('{by_a,by_b,inner_one,outer_one,named,named_again,named_text,typed,typed_text,typed_inside,typed_around,stable_count,volatile_count,one_of,one_or_other,of_name,of_amount,joined,for_each,not_needed,left_open,caught,of_hidden,by_workers}'::text[]) f, availability_cache.memoize(f::regproc);
EOC
$node->safe_psql('d', 'VACUUM ANALYZE t');
my $forced = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';

my $n = 3000;
# Each: whether the answer is stale.
my %scenario = (
	index_columns => sub {
		my ($s, $w) = @_;
		$s->run('SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_indexscan = off');
		my $x = 50 + ++$n % 50;
		my $before = $s->run("SELECT by_a($x)");
		$s->run("SELECT by_a($x)");
		$w->run("INSERT INTO t VALUES ($n, 0, $x)");
		return $s->run("SELECT by_a($x)") == $before;
	},
	new_value_only => sub {
		my ($s, $w) = @_;
		my $x = 100 + ++$n % 50;
		my $before = $s->run("SELECT by_b($x)");
		$w->run("UPDATE t SET b = -$n WHERE b = $x");
		return $s->run("SELECT by_b($x)") eq $before;
	},
	nested_tags => sub {
		my ($s, $w) = @_;
		my $x = 200 + ++$n % 50;
		$s->run("SELECT inner_one($x)");
		$s->run("SELECT outer_one($x)");
		my $before = $s->run("SELECT outer_one($x)");
		$w->run("INSERT INTO t VALUES ($n, $x, 0)");
		return $s->run("SELECT outer_one($x)") == $before;
	},
	no_shadows => sub {
		my ($s, $w) = @_;
		$s->run('SET search_path = front, public; SELECT named(); SELECT named()');
		$w->run('CREATE TABLE front.u (i int); INSERT INTO front.u VALUES (1)');
		my $said = session($node, 'd')->run('SET search_path = front, public; SELECT named()');
		$w->run('DROP TABLE front.u');
		return $said == 0;
	},
	old_plans => sub {
		my ($s, $w) = @_;
		my $stale = 0;
		# In plpgsql, dynamic too, and in a function in SQL that one transaction calls again.
		$s->run('SET search_path = front, public; SELECT named_again(), named_text()');
		$s->run('BEGIN; SELECT named()');
		$w->run('CREATE TABLE front.u (i int); INSERT INTO front.u VALUES (1); SELECT availability_cache.watch(\'front.u\')');
		$s->run('SELECT named(), named_again(), named_text(); COMMIT; SELECT named(), named_again(), named_text()');
		my $said = session($node, 'd')->run('SET search_path = front, public; SELECT named(), named_again(), named_text()');
		$w->run('DROP TABLE front.u');
		return $said ne '1|1|1';
	},
	no_types => sub {
		my ($s, $w) = @_;
		my $ask = q{SET search_path = front, public; SELECT typed(), typed_text(), typed_inside()};
		$s->run($ask) for 1 .. 2;
		# Compiled before this session computes anything that is memoized.
		my $late = session($node, 'd');
		$late->run('SELECT typed_kept()');
		$w->run('CREATE DOMAIN front.word AS numeric(5, 2)');
		$late->run('SELECT typed_around()');
		# Who compiled before goes on, for itself alone.
		$s->run($ask) for 1 .. 2;
		my $said = session($node, 'd')->run($ask);
		my $around = session($node, 'd')->run('SELECT typed_around()');
		$late->quit;
		$w->run('DROP DOMAIN front.word');
		return $around ne '5.00' || $said ne '5.00|5.00|5.00' || session($node, 'd')->run($ask) ne '5|5|5';
	},
	statement_xid => sub {
		my ($s, $w) = @_;
		my $x = 300 + ++$n % 50;
		$s->run('BEGIN ISOLATION LEVEL REPEATABLE READ');
		my $before = $s->run("SELECT count(*) FROM t WHERE b = $x");
		$w->run("INSERT INTO t VALUES ($n, $x, 0)");
		$w->run("SELECT inner_one($x)") for 1 .. 2;
		my $said = $s->run("SELECT inner_one($x)");
		$s->run('COMMIT');
		return $said != $before;
	},
	first_element => sub { my ($s, $w) = @_; my $x = 2 * ++$n; return narrowed($s, $w, "one_of($x)", "INSERT INTO n VALUES ($n, $x)") },
	first_arm => sub { my ($s, $w) = @_; my $x = 2 * ++$n; return narrowed($s, $w, "one_or_other($x)", "INSERT INTO n VALUES ($n, $x)") },
	any_operator => sub { my ($s, $w) = @_; ++$n; return narrowed($s, $w, "of_name('Name $n')", "INSERT INTO n VALUES ($n, 0, 'name $n')") },
	bytes_hashed => sub { my ($s, $w) = @_; ++$n; return narrowed($s, $w, "of_amount($n.0)", "INSERT INTO n VALUES ($n, 0, '', $n.00)") },
	any_parameter => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO m VALUES ($x, $x), ($x + 1, $x + 1)");
		return narrowed($s, $w, "joined($x)", "INSERT INTO n VALUES ($n, $x)");
	},
	any_initplan => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO m VALUES ($x, $x), ($x + 1, $x + 1)");
		return narrowed($s, $w, "for_each($x)", "INSERT INTO n VALUES ($n, $x)");
	},
	never_ended => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO m VALUES ($x, $x)");
		return narrowed($s, $w, "left_open($x)", "INSERT INTO n VALUES ($n, $x, 'x', 1)");
	},
	not_needed => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO m VALUES ($x, $x)");
		return narrowed($s, $w, "not_needed($x, -$x)", "INSERT INTO n VALUES ($n, $x, '', -$x - 1)");
	},
	errors_unseen => sub {
		my ($s, $w) = @_;
		++$n;
		return narrowed($s, $w, "caught('late$n')", "CREATE TABLE late$n (i int)");
	},
	first_lookup => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO m VALUES ($x, $x), ($x + 1, $x + 1)");
		return narrowed($s, $w, "joined($x)", "INSERT INTO n VALUES ($n, $x + 1)");
	},
	temporary_views => sub {
		my ($s, $w) = @_;
		# One of a name that everybody has otherwise, made by whoever may.
		$w->run('CREATE TEMPORARY VIEW hidden AS SELECT -1 AS i FROM m LIMIT 1; SELECT of_hidden(); SELECT of_hidden()');
		return $s->run('SELECT of_hidden()') ne '7';
	},
	workers_unseen => sub {
		my ($s, $w) = @_;
		my $x = 10_000 + 10 * ++$n;
		$w->run("INSERT INTO n VALUES ($n, 0)");
		$s->run("SET $forced = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off");
		return narrowed($s, $w, "by_workers($x)", "INSERT INTO m VALUES ($x, $x)");
	});

# Whether a call is answered as before, though it should be another answer.
sub narrowed
{
	my ($s, $w, $call, $change) = @_;
	my $before = $s->run("SELECT $call");
	$s->run("SELECT $call");
	$w->run($change);
	my $after = $s->run("SELECT $call");
	$s->run('SET availability_cache.enabled = off');
	isnt($s->run("SELECT $call"), $before, "$call changes");
	$s->run('RESET availability_cache.enabled');
	return $after eq $before;
}

for my $mutant ('none', sort keys %scenario)
{
	$node->safe_psql('postgres', "ALTER SYSTEM SET availability_cache.test_mutant = '$mutant'");
	$node->restart;
	for my $name ($mutant eq 'none' ? sort keys %scenario : $mutant)
	{
		my ($s, $w) = map { session($node, 'd') } 1 .. 2;
		is($scenario{$name}->($s, $w) ? 'stale' : 'right', $mutant eq 'none' ? 'right' : 'stale', "$mutant: $name");
		$_->quit for $s, $w;
	}
}

# ---- load ----

$node->safe_psql('postgres', 'ALTER SYSTEM RESET availability_cache.test_mutant');
$node->restart;
$node->safe_psql('d', <<'EOC');
-- Returns how many of its reads differ from the table.
CREATE PROCEDURE read(rounds int, INOUT wrong int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
    x int; b bigint; f bigint; a bigint;
BEGIN
    FOR i IN 1 .. rounds LOOP
        x := 1 + i % 4;
        SELECT n, stable_count(x) INTO b, f FROM counter WHERE id = x;
        wrong := wrong + (b <> f)::int;
        SELECT n INTO b FROM counter WHERE id = x;
        f := volatile_count(x);
        SELECT n INTO a FROM counter WHERE id = x;
        -- It only grows.
        wrong := wrong + (f < b OR f > a)::int;
        COMMIT;
    END LOOP;
END
$$;
CREATE PROCEDURE write(rounds int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. rounds LOOP
        UPDATE counter SET n = n + 1 WHERE id = 1 + (random() * 3)::int;
        IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
        PERFORM pg_sleep(random() * 0.002);
    END LOOP;
END
$$;
EOC
my ($before) = $node->safe_psql('d', 'SELECT sum(hits) FROM availability_cache.memoized');
my $rounds = $ENV{AC_LONG} ? 300_000 : 4000;
my @writers = map { session($node, 'd', 'availability_cache.test_sleep_before_end' => 100 * $_, 'availability_cache.test_sleep_before_visible' => 100) } 1 .. 2;
my @readers = map { session($node, 'd', 'availability_cache.test_sleep_after_compute' => 50) } 1 .. 2;
push @readers, session($node, 'd', default_transaction_isolation => 'repeatable read');
$_->send('CALL write(' . $rounds / 8 . ')') for @writers;
$_->send("CALL read($rounds)") for @readers;
is(join(' ', map { $_->result } @readers), '0 0 0', 'no read differs from the table');
$_->result for @writers;
cmp_ok($node->safe_psql('d', 'SELECT sum(hits) FROM availability_cache.memoized') - $before, '>', 500, 'and many were from memory');

done_testing();
