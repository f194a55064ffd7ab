# Answers of memoized functions in the table tier: after a restart, on a standby, within transactions, as
# definitions and roles change, with its table locked, full, edited and emptied by hand. And the tests bite:
# each way to break it that the TEST_HOOKS build knows gives a stale answer in a scenario made for it, and
# none without.
#
#   no_trace              a row changes: nothing says that the answer is old
#   no_snapshot_check     the same, where the trace is there
#   no_definitions_check  a function that it calls is another one
#   old_catalogs          a session goes by what the catalogs said before
#   unlogged_kept         of a table that a crash empties
#   no_word_check         the answer changes in memory before the worker (stopped meanwhile) writes it
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('kept', hooks => 1, default_tier => 1, streaming => 1,
	conf => "availability_cache.table_tier_retry = '1s'\navailability_cache.ttl = '1h'\njit = off\n");
my $table = 'availability_cache_internal.function_answers';

$node->safe_psql('postgres', 'CREATE ROLE staff; CREATE ROLE reader LOGIN; CREATE ROLE nosy LOGIN; GRANT pg_read_all_data TO nosy; CREATE DATABASE other');
$node->safe_psql('postgres', <<'EOC');
CREATE EXTENSION availability_cache;
CREATE TABLE item (id int PRIMARY KEY, owner int NOT NULL, price int NOT NULL);
CREATE INDEX ON item (owner);
INSERT INTO item SELECT i, i % 10, i FROM generate_series(1, 100) i;
CREATE TABLE shelf (id int PRIMARY KEY, owner int NOT NULL);
INSERT INTO shelf SELECT i, i % 10 FROM generate_series(1, 50) i;
CREATE TABLE fleeting (id int PRIMARY KEY, owner int NOT NULL);
ALTER TABLE fleeting SET UNLOGGED;
INSERT INTO fleeting VALUES (1, 1);
CREATE TABLE secret (id int PRIMARY KEY);
INSERT INTO secret VALUES (1);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON secret TO staff USING (true);
GRANT SELECT ON secret TO PUBLIC;
CREATE SCHEMA front;
GRANT USAGE ON SCHEMA front TO PUBLIC;
CREATE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION total(who int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT sum(price) * rate() FROM item WHERE owner = who); END $$;
CREATE FUNCTION items(who int) RETURNS SETOF item LANGUAGE sql AS 'SELECT * FROM item WHERE owner = who ORDER BY id';
CREATE FUNCTION twice(who int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 2 * total(who); END $$;
CREATE FUNCTION fleetings(who int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM fleeting WHERE owner = who); END $$;
CREATE FUNCTION secrets() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM secret); END $$;
CREATE FUNCTION hidden(who int) RETURNS bigint LANGUAGE plpgsql STABLE SET search_path = front, public AS $$ BEGIN RETURN (SELECT count(*) FROM shelf WHERE owner = who); END $$;
CREATE FUNCTION large(who int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT string_agg(md5(who::text || g), '') FROM generate_series(1, 100) g WHERE EXISTS (SELECT FROM item WHERE owner = 1)); END $$;
SELECT count(*) FROM (SELECT availability_cache.memoize(f) FROM unnest('{total(int),items(int),twice(int),fleetings(int),secrets(),hidden(int),large(int)}'::regprocedure[]) f) m;
SELECT availability_cache.watch('item'), availability_cache.watch('fleeting'), availability_cache.watch('secret');
EOC
my $m = session($node, 'postgres');

# The same functions as they are without memory.
sub plain { my ($s, $call) = @_; return $s->run("SET availability_cache.enabled = off; SELECT $call; SET availability_cache.enabled = on") }
sub ask { my ($s, $call) = @_; return $s->run("SELECT $call") }
sub stale { my ($s, $call) = @_; return ask($s, $call) eq plain($s, $call) ? 0 : 1 }
sub is_exact
{
	my ($s, $call, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(ask($s, $call), plain($s, $call), $name);
}
# Whether an answer comes from the table, where memory has none.
sub from_table
{
	my ($s, $call) = @_;
	my $before = stat_of($s, 'table_hits');
	ask($s, $call);
	return stat_of($s, 'table_hits') - $before;
}
sub rows { my ($what) = @_; return $m->run("SELECT count(*) FROM $table WHERE function = '$what'::regprocedure") }

# A row for each of these calls, whose functions are given; asked anew until it is there.
sub keep
{
	my ($s, %calls) = @_;
	for my $call (sort keys %calls)
	{
		wait_until(sub {
			$s->run("SELECT availability_cache.memo_clear('$calls{$call}')");
			my $now = $s->run('SELECT clock_timestamp()');
			ask($s, $call);
			return wait_for(sub { $s->run("SELECT count(*) FROM $table WHERE function = '$calls{$call}'::regprocedure AND computed_at >= '$now'") > 0 }, 1);
		}, "a row of $call") or die "no row of $call";
	}
	return;
}
sub wait_for
{
	my ($condition, $seconds) = @_;
	my $end = time() + $seconds;

	while (time() < $end) { return 1 if $condition->(); sleep 0.02 }
	return 0;
}
sub restart
{
	my (@sessions) = @_;
	$m->quit;
	$node->restart;
	$m = session($node, 'postgres');
	return;
}

my %some = ('total(1)' => 'total(int)', 'count(*) FROM items(2)' => 'items(int)', 'twice(3)' => 'twice(int)', 'hidden(4)' => 'hidden(int)');

# ---- after a restart ----

keep($m, %some);
restart();
is(from_table($m, $_), 1, "$_: from the table after a restart") for sort keys %some;
is_exact($m, $_, "$_: exact") for sort keys %some;
is(from_table($m, $_), 0, "$_: then from memory") for sort keys %some;

keep($m, %some);
$m->run('UPDATE item SET price = price + 1 WHERE owner = 1; DELETE FROM item WHERE id = 2; INSERT INTO item VALUES (1003, 3, 3)');
restart();
is(from_table($m, 'total(1)'), 0, 'a row that a change outdated is not answered');
is(from_table($m, 'hidden(4)'), 1, 'and others are');
is_exact($m, $_, "$_: exact") for sort keys %some;

# After a crash too.
keep($m, %some);
$m->run('CHECKPOINT; UPDATE item SET price = price + 1 WHERE owner = 1');
$m->quit;
$node->stop('immediate');
$node->start;
$m = session($node, 'postgres');
is_exact($m, $_, "$_: exact after a crash") for sort keys %some;

# ---- within transactions ----

keep($m, %some);
restart();
my $w = session($node, 'postgres');
my $r = session($node, 'postgres');
$r->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
my $before = plain($r, 'total(1)');
$w->run('BEGIN; UPDATE item SET price = price + 100 WHERE owner = 1');
is(ask($w, 'total(1)'), plain($w, 'total(1)'), 'own writes are seen');
is(ask($m, 'total(1)'), $before, 'and by nobody else');
$w->run('COMMIT');
is(ask($r, 'total(1)'), $before, 'REPEATABLE READ: as of its snapshot');
is_exact($m, 'total(1)', 'and everybody else sees them');
keep($m, 'total(1)' => 'total(int)');
is(ask($r, 'total(1)'), $before, 'a newer row is none for an older snapshot');
$r->run('COMMIT');
is_exact($r, 'total(1)', 'and then it is');
keep($m, %some);
restart();
$r = session($node, 'postgres');
$r->run('BEGIN ISOLATION LEVEL SERIALIZABLE');
is(from_table($r, 'total(1)'), 0, 'SERIALIZABLE computes');
$r->run('COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
is(from_table($r, 'total(1)'), 1, 'REPEATABLE READ READ ONLY does not have to');
$r->run('COMMIT');

# ---- by hand ----

keep($m, %some);
cmp_ok($m->run("WITH d AS (DELETE FROM $table WHERE function = 'total(int)'::regprocedure RETURNING 1) SELECT count(*) FROM d"), '>', 0, 'rows are deleted');
my $hits = stat_of($m, 'hits');
ask($m, 'total(1)');
is(stat_of($m, 'hits'), $hits, 'and memory lets the answer go');
keep($m, %some);
$m->run("UPDATE $table SET expires_at = now() WHERE function = 'items(int)'::regprocedure");
$m->run("UPDATE $table a SET answer = b.answer, snapshot = b.snapshot FROM $table b WHERE a.function = 'total(int)'::regprocedure AND b.function = 'twice(int)'::regprocedure");
$m->run("UPDATE $table SET key = key || '\\x00' WHERE function = 'hidden(int)'::regprocedure");
restart();
is(from_table($m, 'count(*) FROM items(2)'), 0, 'expired by hand: not answered');
is(from_table($m, 'total(1)'), 0, 'another call\'s answer: not answered');
is(from_table($m, 'hidden(4)'), 0, 'another key: not answered');
is_exact($m, $_, "$_: exact") for sort keys %some;
keep($m, %some);
$m->run("SELECT availability_cache.memo_clear('total(int)'), availability_cache.memo_clear('items(int)', 2)");
restart();
is(from_table($m, 'total(1)'), 0, 'cleared: not answered');
is(from_table($m, 'count(*) FROM items(2)'), 0, 'cleared with these arguments: not answered');
is(from_table($m, 'twice(3)'), 0, 'nor what is made of such an answer');
is(from_table($m, 'hidden(4)'), 1, 'and others are');
is($node->psql('postgres', "SELECT * FROM $table", extra_params => [ '-U', 'reader' ]), 3, 'nobody else reads the table');
is($node->safe_psql('postgres', "SELECT count(*) FROM $table", extra_params => [ '-U', 'nosy' ]), 0, 'nor who may read all tables');

# ---- definitions ----

# What is run, and whether the answer is from before.
sub after
{
	my ($call, $function, @sql) = @_;
	keep($m, $call => $function);
	restart();
	$m->run($_) for @sql;
	my $s = session($node, 'postgres');
	my $stale = stale($s, $call);
	$s->quit;
	return $stale;
}
sub other_function { return after('total(1)', 'total(int)', 'CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT ' . int(rand(1e6)) . ' $$') }
is(other_function(), 0, 'a function that it calls');
is(after('total(1)', 'total(int)', 'ALTER TABLE item DISABLE TRIGGER USER; UPDATE item SET price = price + 1; ALTER TABLE item ENABLE ALWAYS TRIGGER availability_cache_watch'), 0, 'a trigger that was disabled')
  if $m->run("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'item'::regclass AND tgname = 'availability_cache_watch'");
is(after('hidden(4)', 'hidden(int)', 'CREATE TABLE front.shelf (id int, owner int)'), 0, 'a table that hides another');
$m->run('DROP TABLE front.shelf');
is(after('count(*) FROM items(2)', 'items(int)', 'TRUNCATE item', 'INSERT INTO item SELECT i, i % 10, i FROM generate_series(1, 50) i'), 0, 'TRUNCATE');
is(after('count(*) FROM items(2)', 'items(int)', 'ALTER TABLE item ALTER price TYPE bigint'), 0, 'another type');
$m->run('ALTER TABLE item ALTER price TYPE int');
$m->run('SELECT availability_cache.watch(\'item\')');

# A temporary table changes nothing; one that others make costs nothing.
keep($m, %some);
restart();
$m->run('CREATE TEMPORARY TABLE mine (i int PRIMARY KEY); CREATE TABLE unrelated (i int); TRUNCATE unrelated; DROP TABLE unrelated');
is(from_table($m, $_), 1, "$_: as before") for sort keys %some;

# A role, changed in another database.
sub as_reader { my ($what) = @_; return $node->safe_psql('postgres', $what, extra_params => [ '-U', 'reader' ]) }
is(as_reader('SELECT secrets()'), 0, 'a role that may see nothing');
wait_for(sub { rows('secrets()') > 0 }, 2);
note 'rows of it: ' . rows('secrets()');
$m->quit;
$node->restart;
$node->safe_psql('other', 'GRANT staff TO reader');
is(as_reader('SELECT secrets()'), 1, 'is told so when it may');
$node->safe_psql('other', 'REVOKE staff FROM reader');
is(as_reader('SELECT secrets()'), 0, 'and when it no longer may');
$m = session($node, 'postgres');

# While no session has the library.
keep($m, %some);
$m->quit;
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
$node->safe_psql('postgres', 'CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 77 $$');
$node->safe_psql('postgres', 'UPDATE item SET price = price + 7 WHERE owner = 3');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'availability_cache'");
$node->restart;
$m = session($node, 'postgres');
is_exact($m, $_, "$_: exact after the library was away") for sort keys %some;

# ---- what goes ----

keep($m, %some);
$m->run('CREATE FUNCTION gone(who int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM item WHERE owner = who); END $$');
$m->run("SELECT count(*) FROM availability_cache.memoize('gone(int)')");
keep($m, 'gone(1)' => 'gone(int)');
my $oid = $m->run("SELECT 'gone(int)'::regprocedure::oid");
$m->run('DROP FUNCTION gone(int)');
$m->run('SELECT pg_sleep(0.5)');
$m->run('SELECT availability_cache.clean()');
is($m->run("SELECT count(*) FROM $table WHERE function = $oid"), 0, 'cleaning removes the answers of a function that is gone');

# ---- unlogged tables ----

$m->run('INSERT INTO fleeting VALUES (1, 1)');
is(ask($m, 'fleetings(1)'), 1, 'an unlogged table');
keep($m, 'total(1)' => 'total(int)');
is(rows('fleetings(int)'), 0, 'is in no row');

# ---- failures ----

keep($m, %some);
restart();
$w = session($node, 'postgres');
$w->run("BEGIN; LOCK TABLE $table");
is_exact($m, $_, "$_: exact while the table is locked") for sort keys %some;
cmp_ok(stat_of($m, 'table_errors'), '>', 0, 'which is noticed');
$w->run('UPDATE item SET price = price + 1 WHERE owner = 1');
$w->run('COMMIT');
is_exact($m, $_, "$_: exact after") for sort keys %some;

# ---- a standby ----

$node->backup('b');
my $standby = new_node('kept_standby', hooks => 1, from => [ $node, 'b' ]);
sub catch_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('insert')); return }
# The worker keeps answers when they are computed anew.
keep($m, %some);
catch_up();
my $s = session($standby, 'postgres');
is(from_table($s, $_), 1, "standby, $_: from the table") for sort keys %some;
is_exact($s, $_, "standby, $_: exact") for sort keys %some;
$s->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$before = plain($s, 'total(1)');
$m->run('UPDATE item SET price = price + 1');
catch_up();
is(ask($s, 'total(1)'), $before, 'standby, REPEATABLE READ: as of its snapshot');
$s->run('COMMIT');
is_exact($s, $_, "standby, $_: exact after a change") for sort keys %some;
keep($m, %some);
catch_up();
is(from_table($s, $_), 1, "standby, $_: from the table again") for sort keys %some;
$m->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 3 $$');
catch_up();
is_exact($s, $_, "standby, $_: exact after DDL") for sort keys %some;
$s->quit;
$standby->stop;

# ---- bounds ----

$m->quit;
$node->append_conf('postgresql.conf', "availability_cache.shared_memory_size = '4MB'");
$node->restart;
$m = session($node, 'postgres');
$m->run("SELECT count(large(g)) FROM generate_series($_ * 400 + 1, $_ * 400 + 400) g; SELECT pg_sleep(0.5)") for 0 .. 9;
cmp_ok($m->run("SELECT pg_total_relation_size('$table')"), '<', 10e6, 'the table ends');
cmp_ok(rows('large(int)'), '>', 100, 'with what it has');
is_exact($m, $_, "$_: exact") for sort keys %some;
$m->run("DELETE FROM $table");
$m->run("VACUUM $table");
keep($m, 'total(1)' => 'total(int)');
is(rows('total(int)'), 1, 'where there is room again, answers are kept again');

# ---- broken ----

sub a_change
{
	keep($m, 'total(1)' => 'total(int)');
	$m->run('UPDATE item SET price = price + 1 WHERE owner = 1');
	restart();
	return stale($m, 'total(1)');
}
# The session has counted the catalogs when another makes the change.
sub remembered_catalogs
{
	keep($m, 'total(1)' => 'total(int)', 'twice(3)' => 'twice(int)');
	restart();
	from_table($m, 'twice(3)') or return;
	my $w = session($node, 'postgres');
	$w->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT ' . int(rand(1e6)) . ' $$');
	$w->quit;
	return stale($m, 'total(1)');
}
sub a_crash
{
	$m->run('INSERT INTO fleeting SELECT coalesce(max(id), 0) + 1, 1 FROM fleeting');
	ask($m, 'fleetings(1)');
	keep($m, 'total(1)' => 'total(int)');
	# The worker does not wait for the disk.
	$m->run('CHECKPOINT');
	$m->quit;
	$node->stop('immediate');
	$node->start;
	$m = session($node, 'postgres');
	return stale($m, 'fleetings(1)');
}
sub worker { return $m->run("SELECT pid FROM pg_stat_activity WHERE backend_type = 'availability_cache worker'") }
sub while_worker_waits
{
	keep($m, 'twice(3)' => 'twice(int)');
	my $pid = worker() or return;
	kill STOP => $pid;
	$m->run("SELECT availability_cache.memo_clear('total(int)')");
	ask($m, 'total(1)');
	$m->run('UPDATE item SET price = price + 1 WHERE owner = 1');
	kill CONT => $pid;
	$m->run('SELECT pg_sleep(0.5)');
	restart();
	return stale($m, 'total(1)');
}

my @broken = ([ no_trace => \&a_change ], [ no_snapshot_check => \&a_change ], [ no_definitions_check => \&other_function ],
	[ old_catalogs => \&remembered_catalogs ], [ unlogged_kept => \&a_crash ], [ no_word_check => \&while_worker_waits ]);
play_each_mutant($node, \&restart, @broken);
$_->quit for $m, $w, $r;
$node->stop('immediate');
done_testing();
