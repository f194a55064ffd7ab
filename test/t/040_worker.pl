# The table tier's background worker: started when there is something to write, one per database; writes in
# batches what read-only transactions computed, cleans and prunes, ends when it is idle or nobody is there; in
# nobody's way, and replaceable at any moment.
#
# Shown to fail with, in src/: work() that does not look for nobody_is_connected (CREATE, ALTER and DROP
# DATABASE right after the last session); worker_end that does nothing (no second worker after one has ended);
# a worker that takes over default_transaction_read_only from ALTER DATABASE (it cannot clean, as it was at
# first); notice_dropped_database that forgets the tier's place at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file run_log);
use Test::More;

my $node = new_node('worker', conf => <<'EOC');
availability_cache.table_tier_retry = '1s'
restart_after_crash = on
max_worker_processes = 8
EOC
my $p = session($node, 'postgres', statement_timeout => '20s');

sub make_database
{
	my ($db) = @_;
	make_salon($node, $db);
	$p->run("ALTER DATABASE $db SET availability_cache.table_tier = 'background'");
	return;
}

# PIDs of a database's workers.
sub workers
{
	my ($db) = @_;
	return $p->run("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE backend_type = 'availability_cache worker' AND datname = '$db'");
}

sub rows { my ($s) = @_; return $s->run('SELECT count(*) FROM private.availability_cache'); }
sub rows_become
{
	my ($s, $n, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(wait_until(sub { rows($s) == $n }, "$n rows"), $name) or diag rows($s);
	return;
}

# Three days of service 1, of all four stylists.
my $ask = 'SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 2) d';
my $all = 4 * 3;

sub fill
{
	my ($s) = @_;
	$s->run('SELECT availability_cache.flush()');
	is($s->run($ask), $all, 'ask');
	return wait_until(
		sub {
			$s->run(<<'EOC') == $all;
SELECT count(*) FROM private.availability_cache c WHERE NOT EXISTS
       (SELECT FROM availability_cache.invalidation i WHERE NOT pg_visible_in_snapshot(i.xid, c.snapshot))
EOC
		},
		'the worker to write all');
}

make_database($_) for qw(salon other idle);

# ---- on demand, in batches, for read-only transactions ----

my $s = session($node, 'salon', statement_timeout => '5s');
is(workers('salon'), '', 'no worker while nobody has asked');
$s->run('SELECT t.book(1, 0, 0)');
is(workers('salon'), '', 'a booking starts none');
$s->run('SET default_transaction_read_only = on');
is($s->run($ask), $all, 'a READ ONLY transaction asks');
rows_become($s, $all, 'and its answers come into the table');
like(workers('salon'), qr/^\d+$/, 'written by a worker');
is(stat_of($s, 'table_stores, table_errors, table_breaker'), "$all|0|closed", 'and counted');
is($s->run("SELECT count(*) FROM private.availability_cache WHERE cache_date BETWEEN t.day(0) AND t.day(2)
             AND jsonb_array_length(available_slots) = 24 AND customer_timezone = '' AND expires_at > now()"), $all, 'as they are');
is($s->run("SELECT string_agg(DISTINCT x ->> 'status', ' ') FROM private.availability_cache, jsonb_array_elements(available_slots) x
             WHERE stylist_user_id = t.stylist(1) AND cache_date = t.day(0)"), 'available booked', 'with what is booked');

my $pid = workers('salon');
kill 'STOP', $pid;
is($s->run('SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 4) s, generate_series(3, 6) d'), 16, 'more answers while the worker sleeps');
kill 'CONT', $pid;
rows_become($s, $all + 16, 'it writes them all');
is($s->run('SELECT count(DISTINCT xmin::text) FROM private.availability_cache WHERE cache_date >= t.day(3)'), 1, 'in one transaction');
is(workers('salon'), $pid, 'it is the same worker');
$s->run('RESET default_transaction_read_only');

# A database for which everything is read-only, or more strictly isolated, by default.
my $o = session($node, 'other', statement_timeout => '5s');
my @defaults = ("default_transaction_read_only = 'on'", "default_transaction_isolation = 'serializable'",
	"default_transaction_isolation = 'repeatable read'", "session_replication_role = 'replica'", "statement_timeout = '1ms'");
for my $default (@defaults)
{
	my ($name) = $default =~ /^(\w+)/;
	$p->run("ALTER DATABASE other SET $default");
	wait_until(sub { workers('other') eq '' || $p->run('SELECT pg_terminate_backend(' . workers('other') . ')') eq '' }, 'no worker');
	$o->run('DELETE FROM private.availability_cache; SELECT availability_cache.flush()');
	my $errors = stat_of($o, 'table_errors');
	$o->run($ask);
	rows_become($o, $all, "ALTER DATABASE … SET $default: the worker writes");
	# Outdated rows that no writer deletes; the worker does.
	$o->run('UPDATE services SET price_cents = price_cents + 1');
	rows_become($o, 0, "ALTER DATABASE … SET $default: and cleans");
	is(stat_of($o, 'table_errors, table_breaker'), "$errors|closed", "ALTER DATABASE … SET $default: without errors");
	$p->run("ALTER DATABASE other RESET $name");
}

# ---- one per database, several databases ----

my @sessions = map { session($node, $_, statement_timeout => '5s') } ('other') x 3, ('idle') x 3, ('salon') x 3;
$_->send('SELECT availability_cache.flush() \g /dev/null' . "\n$ask") for @sessions;
$_->result for @sessions;
for my $db (qw(salon other idle))
{
	my ($d) = grep { $_->run('SELECT current_database()') eq $db } @sessions;
	ok(wait_until(sub { $d->run("SELECT count(*) FROM private.availability_cache WHERE cache_date <= t.day(2)") == $all }, 'rows'), "$db: all rows");
	like(workers($db), qr/^\d+$/, "$db: one worker");
	is($d->run("SELECT count(DISTINCT t.look(s, 1, d)) > 0 FROM generate_series(1, 4) s, generate_series(0, 2) d"), 't', "$db: answers");
}
$_->quit for @sessions;

# ---- cleaning ----

fill($s);
is($s->run('BEGIN; SELECT t.book(4, 6, 3) \g /dev/null' . "\nSELECT count(*) > 0 FROM availability_cache.invalidation; COMMIT"), 't', 'a trace of what is changed');
$s->run('UPDATE services SET price_cents = price_cents + 1');
ok(wait_until(sub { rows($s) == 0 }, 'rows to go'), 'rows of a changed service are removed');
ok(wait_until(sub { $s->run('SELECT count(*) FROM availability_cache.invalidation') == 0 }, 'traces to go'), 'and traces that no row needs');
is($s->run('SELECT count(*) FROM availability_cache.invalidation_since'), 1, 'while traces go on');
$s->run("SET availability_cache.ttl = '1s'; SET availability_cache.ttl_jitter = 0");
fill($s);
$s->run('RESET availability_cache.ttl');
rows_become($s, 0, 'expired rows are removed');
fill($s);
my $xid = $s->run('SELECT max(xid) FROM availability_cache.invalidation_since');
$s->run("SELECT t.book(1, 1, 1); SELECT t.book(2, 1, 1)");
is(rows($s), $all - 2, 'the rows of bookings are gone with their commit');
ok(wait_until(sub { $s->run('SELECT t.look(1, 1, 1)'); rows($s) == $all - 1 }, 'a row again'), 'who asks next has one written');
exact_everywhere($s, 7, 'everything is exact');

# A DROP that fails leaves the database its worker and its queue.
is($p->fails('DROP DATABASE salon'), '55006', 'somebody is connected');
$s->run('SELECT t.book(1, 2, 9)');
is($s->run('SELECT t.hit(1, 1, 2), t.hit(1, 1, 2)'), 'f|t', 'an answer is kept');
ok(wait_until(sub { $s->run('SELECT count(*) FROM private.availability_cache WHERE (stylist_user_id, service_id, cache_date) = (t.stylist(1), t.service(1), t.day(2))') == 1 }, 'a row'),
	'and written');

# ---- idle ----

$node->append_conf('postgresql.conf', "availability_cache.worker_idle_timeout = '1s'");
$node->reload;
ok(wait_until(sub { workers('salon') eq '' }, 'the worker to end'), 'an idle worker ends although somebody is connected');
is($s->run('SELECT t.book(3, 6, 0), t.look(3, 1, 6); SELECT t.hit(3, 1, 6)'), '|b' . 'a' x 23 . "\nf", 'a miss');
ok(wait_until(sub { workers('salon') ne '' }, 'a worker'), 'starts one again');
ok(wait_until(sub { workers('salon') eq '' }, 'the worker to end'), 'which ends');
$node->append_conf('postgresql.conf', "availability_cache.worker_idle_timeout = '1h'");
$node->reload;
fill($s);
isnt(workers('salon'), '', 'a worker that may be idle for an hour');
$s->quit;
ok(wait_until(sub { workers('salon') eq '' }, 'the worker to end'), 'ends when nobody is connected');

# ---- in nobody's way ----

# Right after the last session has left, with a worker that has work to do.
sub leave_busy
{
	my ($db) = @_;
	my $x = session($node, $db, statement_timeout => '5s');
	fill($x);
	isnt(workers($db), '', "$db: a worker is there");
	$x->run("UPDATE services SET price_cents = price_cents + 1; $ask");
	$x->quit;
	return;
}
$o->quit;
my $n = 0;
for my $command (
	'CREATE DATABASE %s_copy TEMPLATE %s',
	'ALTER DATABASE %s RENAME TO %s_renamed',
	'DROP DATABASE %s')
{
	my $db = 'way' . ++$n;
	make_database($db);
	leave_busy($db);
	my $sql = $command =~ s/%s/$db/gr;
	my $start = time();
	is($p->fails($sql), '', "$sql, right after the last session has left") or diag $p->{error};
	note sprintf '%.1f s', time() - $start;
}
is($p->run("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE 'way%'"), 'way1 way1_copy way2_renamed', 'done');
for my $db (qw(way1 way1_copy way2_renamed))
{
	my $d = session($node, $db);
	$d->run("SELECT t.v2(1, 1, 0); UPDATE bookings SET status = 'confirmed'; SELECT t.book(1, 0, 9)");
	is($d->run('SELECT t.statuses(t.v1(1, 1, 0)) = t.look(1, 1, 0)'), 't', "$db: exact");
	exact_everywhere($d, 3, "$db: everything is exact");
	$d->quit;
}

# DDL of the extension, with the worker at work.
my $d = session($node, 'other', statement_timeout => '5s');
fill($d);
my $asker = session($node, 'other');
my $busy = sub { $asker->run("UPDATE services SET price_cents = price_cents + 1; $ask") };
$busy->();
is($d->fails('ALTER EXTENSION availability_cache UPDATE'), '', 'ALTER EXTENSION … UPDATE') or diag $d->{error};
$busy->();
is($d->fails('CREATE TABLE t.x (); ALTER EXTENSION availability_cache ADD TABLE t.x; ALTER EXTENSION availability_cache DROP TABLE t.x'),
	'', 'ALTER EXTENSION … ADD and DROP') or diag $d->{error};
for my $ddl (
	'ALTER TABLE private.availability_cache ADD COLUMN more int; ALTER TABLE private.availability_cache DROP COLUMN more',
	'VACUUM FULL private.availability_cache',
	'REINDEX TABLE availability_cache.invalidation',
	'TRUNCATE private.availability_cache')
{
	$busy->();
	is($d->fails($ddl), '', $ddl) or diag $d->{error};
}
$busy->();
is($d->fails('SELECT availability_cache.detach(); DROP EXTENSION availability_cache'), '', 'DROP EXTENSION') or diag $d->{error};
is($d->fails('CREATE EXTENSION availability_cache; SELECT count(*) FROM availability_cache.attach()'), '', 'CREATE EXTENSION') or diag $d->{error};
ok(wait_until(sub { $asker->run("SELECT availability_cache.flush() \\g /dev/null\n$ask"); rows($d) == $all }, 'rows'), 'and it is used again');
exact_everywhere($d, 3, 'other: everything is exact');
$_->quit for $d, $asker;

# ---- the end of the worker, and of the server ----

$s = session($node, 'salon', statement_timeout => '5s');
fill($s);
$pid = workers('salon');
is($s->run("SELECT pg_terminate_backend($pid)"), 't', 'pg_terminate_backend of a worker');
ok(wait_until(sub { workers('salon') ne $pid }, 'its end'), 'ends it');
$s->run('SELECT t.book(1, 2, 2); SELECT t.look(1, 1, 2)');
ok(wait_until(sub { workers('salon') =~ /^\d+$/ && workers('salon') != $pid }, 'another'), 'the next miss starts another');
rows_become($s, $all, 'which writes');

fill($s);
$s->run('SELECT t.v2(1, 1, 2); SELECT t.book(1, 2, 3)');
$pid = workers('salon');
kill 'KILL', $pid;
$s->fails('SELECT 1') while !$s->{gone};
$p->fails('SELECT 1') while !$p->{gone};
ok($node->poll_query_until('salon', 'SELECT 1', '1'), 'kill -9 of a worker: the server starts anew');
$p = session($node, 'postgres', statement_timeout => '20s');
$s = session($node, 'salon', statement_timeout => '5s');
is($s->run('SELECT t.look(1, 1, 2)'), $s->run('SELECT t.statuses(t.v1(1, 1, 2))'), 'what was booked last is there');
is($s->run('SELECT t.hit(4, 1, 0)'), 't', 'what did not change is a hit');
cmp_ok(stat_of($s, 'table_hits'), '>', 0, 'from the table');
exact_everywhere($s, 7, 'everything is exact');
ok(wait_until(sub { workers('salon') =~ /^\d+$/ }, 'a worker'), 'with a worker again');

# A shutdown: with answers waiting, and with a worker that has nothing to do.
for my $mode ('fast', 'smart', 'fast')
{
	fill($s);
	isnt(workers('salon'), '', "before a $mode shutdown: a worker");
	$s->run("UPDATE services SET price_cents = price_cents + 1; $ask");
	if ($mode eq 'smart')
	{
		my $stop = IPC::Run::start([ $node->installed_command('pg_ctl'), '-D', $node->data_dir, '-m', 'smart', '-t', '30', 'stop' ], '>', \my $out, '2>', \my $err);
		sleep 0.5;
		is($s->run('SELECT t.hit(1, 1, 1), t.hit(1, 1, 1)'), 't|t', 'smart: who is connected goes on');
		$s->run('SELECT t.look(1, 1, 5)');
		$_->quit for $s, $p;
		ok($stop->finish, 'smart: then the server stops') or diag $out, $err;
		$node->_update_pid(0);
	}
	else
	{
		$_->quit for $s, $p;
		$node->stop('fast');
	}
	$node->start;
	$p = session($node, 'postgres', statement_timeout => '20s');
	$s = session($node, 'salon', statement_timeout => '5s');
	exact_everywhere($s, 7, "after a $mode shutdown: exact");
}

# ---- no place for a worker ----

$s->run('DELETE FROM private.availability_cache');
$_->quit for $s, $p;
$node->stop;
# The launcher of logical replication has the only one.
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->start;
$p = session($node, 'postgres', statement_timeout => '20s');
$s = session($node, 'salon', statement_timeout => '5s');
my $logged = -s $node->logfile;
my $before = rows($s);
$s->run('SET default_transaction_read_only = on');
is($s->run($ask), $all, 'max_worker_processes exhausted: a READ ONLY transaction has its answers');
is($s->run('SELECT t.hit(1, 1, 1)'), 't', 'from memory the next time');
is(rows($s), $before, 'they are not saved');
is(stat_of($s, 'table_errors'), 0, 'that is no error');
$s->run('SET default_transaction_read_only = off; SELECT availability_cache.flush()');
ok(wait_until(sub { $s->run('SELECT availability_cache.flush(); SELECT t.look(1, 1, 1)'); rows($s) == $before + 1 }, 'a row'), 'a READ WRITE one saves itself');
exact_everywhere($s, 7, 'exact');
like(slurp_file($node->logfile, $logged), qr/could not start its background worker\n.*HINT:  Raise max_worker_processes/, 'the log says why');
my $times = () = slurp_file($node->logfile, $logged) =~ /could not start its background worker/g;
cmp_ok($times, '<', 10, 'not at every call');
$_->quit for $s, $p;
$node->stop;
done_testing();
