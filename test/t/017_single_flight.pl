# One computation per key at a time: however many ask for a day that memory does not have, one computes and the
# others get its answer; one that takes longer than single_flight_timeout holds nobody up; one whose leader is
# terminated goes on with another. What waits costs nobody else anything (G7).
#
# Shown to fail with, in src/: flight_begin that always says FLIGHT_ALONE (fifty computations); flight_wait
# without its timeout; compute_once that does not look again when it has become leader; leave without the broadcast;
# flight_begin without before_shmem_exit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use IPC::Run ();
use Test::More;

my $node = new_node('flight', hooks => 1);
make_salon($node, 'salon');
my $m = session($node, 'salon');
my $day = 10;

# Fifty clients, connected before they ask; each writes down what it got.
$m->run(<<'EOC');
CREATE UNLOGGED TABLE t.got (look text, hit boolean, waited interval);
CREATE PROCEDURE t.ask(d int) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
    answer jsonb := get_available_slots_v2(t.stylist(1), t.service(1), t.day(d));
BEGIN
    COMMIT;
    INSERT INTO t.got VALUES (t.statuses(answer -> 'slots'), (answer ->> 'cache_hit')::boolean, clock_timestamp() - started);
END
$$;
EOC

sub start_clients
{
	my ($clients, $d, $timeout) = @_;
	my %env = $node->_get_env();
	local %ENV = %env;
	my $file = $node->basedir . "/ask_$d.pgbench";
	my $out = '';

	$ENV{PGOPTIONS} = "-c availability_cache.single_flight_timeout=$timeout";
	open my $fh, '>', $file or die "$file: $!";
	print $fh "CALL t.ask($d);\n";
	close $fh;
	my $h = IPC::Run::start(
		[ $node->installed_command('pgbench'), '-n', '-c', $clients, '-t', 1, '-f', $file, $node->connstr('salon') ],
		'<', '/dev/null', '>', \$out, '2>&1');
	return { h => $h, out => \$out };
}

# Nobody computes while this is held.
my $locker = session($node, 'salon');
sub lock_bookings { return $locker->run('BEGIN; LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE'); }

sub count_blocked
{
	return $m->run(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'salon'});
}

# ---- one cold key ----

$m->run('SELECT availability_cache.reset_stats()');
lock_bookings();
my $clients = start_clients(50, ++$day, '60s');
ok(wait_until(sub { stat_of($m, 'waits') == 49 && count_blocked() == 1 }, 'fifty to ask'), 'fifty ask, 49 wait, one computes');
is(stat_of($m, 'stores, hits'), '0|0', 'nobody has an answer yet');
$locker->run('COMMIT');
ok($clients->{h}->finish, 'all get one') or diag ${ $clients->{out} };
is($m->run('SELECT count(*), count(*) FILTER (WHERE hit), count(DISTINCT look), min(look) FROM t.got'),
	'50|49|1|' . 'a' x 24, 'the same one, 49 of them from memory');
is(stat_of($m, 'misses, stores, hits, waits, wait_timeouts, bypasses'), '1|1|49|49|0|0', 'it was computed once');
$m->run('TRUNCATE t.got');

# Two keys at once: each has one.
$m->run('SELECT availability_cache.reset_stats()');
lock_bookings();
my @clients = map { start_clients(15, ++$day, '60s') } 1 .. 2;
ok(wait_until(sub { stat_of($m, 'waits') == 28 && count_blocked() == 2 }, 'thirty to ask'), 'two keys: two compute, 28 wait');
$locker->run('COMMIT');
ok($_->{h}->finish, 'all get an answer') for @clients;
is(stat_of($m, 'misses, stores, hits, wait_timeouts'), '2|2|28|0', 'each was computed once');
$m->run('TRUNCATE t.got');

# Changed while it was computed: not kept, and whoever waited computes anew, exactly.
my %patient = ('availability_cache.single_flight_timeout' => '60s');
my $leader = session($node, 'salon', %patient, 'availability_cache.test_sleep_after_compute' => 1_500_000);
my $follower = session($node, 'salon', %patient);
my $waits = stat_of($m, 'waits');
++$day;
$leader->send("SELECT t.look(1, 1, $day)");
ok( wait_until(
		sub {
			$m->run('SELECT count(*) FROM pg_locks WHERE pid = ' . $leader->pid
				  . " AND relation = 'booking_reservations'::regclass AND granted") > 0;
		},
		'the leader to have its snapshot'),
	'one has computed, and not kept it yet');
$follower->send("SELECT t.look(1, 1, $day)");
wait_until(sub { stat_of($m, 'waits') > $waits || $follower->ready }, 'another to ask');
$m->run("SELECT t.book(1, $day, 0)");
$leader->result;
is($follower->result, 'b' . 'a' x 23, 'who waited for an answer that was outdated meanwhile gets the new one');
is($m->run("SELECT t.look(1, 1, $day)"), 'b' . 'a' x 23, 'so do all');
$_->quit for $leader, $follower;

# ---- slower than the timeout ----

lock_bookings();
$leader = session($node, 'salon', %patient);
$leader->send('SELECT t.look(1, 1, ' . ++$day . ')');
ok(wait_until(sub { count_blocked() == 1 }, 'the leader to compute'), 'a computation that does not end');
my $before = stat_of($m, 'wait_timeouts');
$clients = start_clients(10, $day, '100ms');
ok(wait_until(sub { count_blocked() == 11 }, 'ten to give up'), 'ten wait for it no longer than the timeout, and compute themselves');
is(stat_of($m, 'wait_timeouts'), $before + 10, 'wait_timeouts counts them');
my $impatient = session($node, 'salon', 'availability_cache.single_flight_timeout' => 0);
$waits = stat_of($m, 'waits');
$impatient->send("SELECT t.look(1, 1, $day)");
ok(wait_until(sub { count_blocked() == 12 }, 'one more to compute'), 'timeout 0 does not wait');
$locker->run('COMMIT');
ok($clients->{h}->finish, 'all get an answer');
is($m->run("SELECT DISTINCT look FROM t.got"), 'a' x 24, 'the right one');
is($_->result, 'a' x 24, 'and so do the others') for $leader, $impatient;
$m->run('TRUNCATE t.got');

# What waits must not hold up other keys, or writers.
lock_bookings();
$leader->send('SELECT t.look(1, 1, ' . ++$day . ')');
wait_until(sub { count_blocked() == 1 }, 'the leader to compute');
$waits = stat_of($m, 'waits');
$clients = start_clients(10, $day, '60s');
ok(wait_until(sub { stat_of($m, 'waits') == $waits + 10 }, 'ten to wait'), 'ten wait');
is($m->run('SELECT t.hit(1, 1, 11)'), 't', 'another day is a hit meanwhile');
$m->run("UPDATE services SET price_cents = 4321");
is($m->run('SELECT count(*) FROM pg_stat_activity WHERE state = $$idle in transaction$$ AND pid <> ' . $locker->pid), 0,
	'a writer does not wait');

# ---- a leader that is terminated ----

$m->run('SELECT pg_terminate_backend(' . $leader->pid . ')');
$leader->result;
is($leader->{sqlstate}, '57P01', 'the leader is terminated');
ok(wait_until(sub { count_blocked() == 1 }, 'another leader'), 'one of the ten computes');
$before = stat_of($m, 'stores, wait_timeouts');
$locker->run('COMMIT');
ok($clients->{h}->finish, 'all ten get an answer') or diag ${ $clients->{out} };
my ($stores, $timeouts) = split /\|/, $before;
is(stat_of($m, 'stores, wait_timeouts'), ($stores + 1) . "|$timeouts", 'computed once, and nobody gave up');
is($m->run('SELECT count(*), count(DISTINCT look) FROM t.got'), '10|1', 'the same');

exact_everywhere($m, 30, 'everything is exact');
nothing_pending($m);
$_->quit for $m, $locker, $impatient;
$node->stop;
done_testing();
