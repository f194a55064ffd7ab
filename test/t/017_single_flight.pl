# One computation per key at a time: however many ask for a day that memory does not have, one computes and
# the others get its answer; one that takes longer than single_flight_timeout holds nobody up; one whose
# leader is terminated goes on with another; for what cannot be kept nobody waits. What waits costs nobody
# else anything (G7).
#
# Shown to fail with, in src/: flight_begin that always says FLIGHT_ALONE (fifty computations); flight_wait
# without its timeout; compute_once that does not look again when it has become leader; leave without the
# broadcast; flight_begin without before_shmem_exit; flight_note that does nothing; is_futile that does not
# look at the clock; compute_once that waits where an entry has a change under way, does not sweep, or asks
# nobody whether it waited in vain.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use IPC::Run ();
use Test::More;

my $node = new_node('flight', hooks => 1, conf => 'max_prepared_transactions = 5');
make_salon($node, 'salon');
my $m = session($node, 'salon');
my $day = 10;

# Fifty clients, connected before they ask; each writes down what it got.
$m->run(<<'EOC');
CREATE UNLOGGED TABLE t.got (look text, hit boolean, waited interval);
CREATE PROCEDURE t.ask(d int, s int) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
    answer jsonb := get_available_slots_v2(t.stylist(s), t.service(1), t.day(d));
BEGIN
    COMMIT;
    INSERT INTO t.got VALUES (t.statuses(answer -> 'slots'), (answer ->> 'cache_hit')::boolean, clock_timestamp() - started);
END
$$;
EOC

# pgbench with a script and arguments, and settings {availability_cache.…} of its sessions.
sub start_bench
{
	my ($name, $script, $settings, @args) = @_;
	my %env = $node->_get_env();
	local %ENV = %env;
	my $file = $node->basedir . "/$name.pgbench";
	my $out = '';

	$ENV{PGOPTIONS} = join ' ', map { "-c availability_cache.$_=$settings->{$_}" } sort keys %$settings;
	open my $fh, '>', $file or die "$file: $!";
	print $fh $script;
	close $fh;
	my $h = IPC::Run::start([ $node->installed_command('pgbench'), '-n', @args, '-f', $file, $node->connstr('salon') ],
		'<', '/dev/null', '>', \$out, '2>&1');
	return { h => $h, out => \$out };
}

sub stop_bench { my ($bench) = @_; $bench->{h}->signal('TERM'); eval { $bench->{h}->finish }; return; }

# sleep: microseconds that each computation takes; stylist: not 1.
sub start_clients
{
	my ($clients, $d, $timeout, %opt) = @_;
	return start_bench(
		"ask_$d", "CALL t.ask($d, @{[ $opt{stylist} // 1 ]});\n",
		{ single_flight_timeout => $timeout, test_sleep_after_compute => $opt{sleep} // 0 },
		'-c', $clients, '-t', 1);
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
# It keeps no lock that would show it.
select(undef, undef, undef, 0.5);
ok(!$leader->ready, 'one has computed, and not kept it yet');
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

$m->run('TRUNCATE t.got');

# ---- what cannot be kept: nobody waits for it ----

# Twenty ask, each for a third of a second; how many of them waited.
sub waits_of_twenty
{
	my ($d, @stylist) = @_;
	my $waits = stat_of($m, 'waits');
	my $twenty = start_clients(20, $d, '60s', sleep => 300_000, @stylist);

	$twenty->{h}->finish or diag ${ $twenty->{out} };
	return stat_of($m, 'waits') - $waits;
}

# A key that memory does not have: those who came with the first wait for it, and nobody from then on.
sub is_futile
{
	my ($name, $look, $d, @stylist) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	cmp_ok(waits_of_twenty($d, @stylist), '<', 20, "$name: as many wait as came with the first");
	is(waits_of_twenty($d, @stylist), 0, "$name: then nobody does");
	is($m->run('SELECT count(*), count(look), count(*) FILTER (WHERE hit), min(look) FROM t.got'),
		$look eq '' ? '40|0|0|' : "40|40|0|$look", "$name: all are answered, and compute");
	is($m->run("SELECT max(waited) < '4 s' FROM t.got; TRUNCATE t.got"), 't', "$name: at once; one after the other it takes 6 s");
	return;
}

# The same key afterwards: one computation serves all who ask.
sub flies_again
{
	my ($name, $look, $d, @stylist) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$m->run('SELECT availability_cache.reset_stats()');
	lock_bookings();
	my $twenty = start_clients(20, $d, '60s', @stylist);
	# The statistics end what prepared transactions left, which those who ask must do without.
	wait_until(sub { $m->run(<<'EOC') == 20 }, 'twenty to ask');
SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL t.ask%' AND state = 'active' AND wait_event_type IN ('Lock', 'Extension')
EOC
	is(stat_of($m, 'waits') . '|' . count_blocked(), '19|1', "$name: one computes, 19 wait");
	$locker->run('COMMIT');
	$twenty->{h}->finish or diag ${ $twenty->{out} };
	is(stat_of($m, 'misses, stores, hits'), '1|1|19', "$name: for all");
	is($m->run('SELECT count(*), min(look), max(look) FROM t.got; TRUNCATE t.got'), "20|$look|$look", "$name: exactly");
	return;
}

# A booking is prepared, on a day that is in memory and on one that is not.
my ($known, $new) = ($day + 1, $day + 3);
is($m->run("SELECT t.hit(1, 1, $known), t.hit(1, 1, $known)"), 'f|t', 'one day is in memory');
$locker->run("BEGIN; SELECT t.book(1, $known, 0), t.book(1, $new, 0); PREPARE TRANSACTION 'booking'");
my $pending = stat_of($m, 'bypass_pending');
is(waits_of_twenty($known), 0, 'a booking prepared, the day in memory: nobody waits');
is(stat_of($m, 'bypass_pending'), $pending + 20, 'all compute');
$m->run('TRUNCATE t.got');
is_futile('a booking prepared, the day not in memory', 'a' x 24, $new);
is($m->run("SELECT t.hit(1, 1, @{[ $new + 1 ]}), t.hit(1, 1, @{[ $new + 1 ]})"), 'f|t', 'the next day is kept');
$m->run("ROLLBACK PREPARED 'booking'");
flies_again('rolled back, the day in memory', 'a' x 24, $known);
flies_again('rolled back, the day not in memory', 'a' x 24, $new);
$locker->run("BEGIN; SELECT t.book(1, $new, 0); PREPARE TRANSACTION 'booking'");
$m->run('SELECT availability_cache.flush()');
is_futile('prepared again, flushed', 'a' x 24, $new);
# Others' commits: what is in the way may be over after each, so some wait, but not for one computation after
# the other.
my $others = start_bench('others', "\\set d random(1, 300)\nSELECT t.book(2, :d, 1);\n", {}, '-c', 1, '-T', 600);
my $changes = stat_of($m, 'invalidations');
wait_until(sub { stat_of($m, 'invalidations') > $changes + 20 }, 'commits');
waits_of_twenty($new);
stop_bench($others);
is($m->run("SELECT count(*), max(waited) < '4 s' FROM t.got; TRUNCATE t.got"), '20|t', 'others commit meanwhile: all are answered soon');
$m->run("COMMIT PREPARED 'booking'");
flies_again('committed', 'b' . 'a' x 23, $new);

# An error.
is_futile('an unknown stylist', '', $new, stylist => 99);
$m->run(<<'EOC');
INSERT INTO stylist_profiles (user_id, timezone) VALUES (t.stylist(99), 'Asia/Kathmandu');
INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (t.stylist(99), t.service(1));
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
SELECT t.stylist(99), d, '08:00', '20:00' FROM generate_series(0, 6) d;
EOC
flies_again('known', 'a' x 24, $new, stylist => 99);

# A table whose changes nobody sees.
$m->run('ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking');
is_futile('a trigger disabled', 'b' . 'a' x 23, $new);
$m->run('ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking');
flies_again('enabled', 'b' . 'a' x 23, $new);

# ---- a day that is booked while all ask for it ----

# Who computes while a booking is under way cannot keep it; that is over a moment later, and must not make all
# compute.
my $busy = ++$day + 3;
my $readers = start_bench('busy', "SELECT t.v2(1, 1, $busy) IS NULL;\n\\sleep 1 ms\n",
	{ single_flight_timeout => '60s', test_sleep_after_compute => 5000 }, '-c', 20, '-T', 600);
my $writer = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 3000);
wait_until(sub { stat_of($m, 'hits') > 1000 }, 'hits');
my ($bypasses, $kept) = split /\|/, stat_of($m, 'bypass_pending, stores');
for (1 .. 20)
{
	$writer->run("SELECT t.book(1, $busy, 1)");
	sleep 0.05;
}
my ($bypasses_after, $kept_after) = split /\|/, stat_of($m, 'bypass_pending, stores');
note '20 bookings: ', $bypasses_after - $bypasses, ' computations while one was under way, ', $kept_after - $kept, ' kept';
cmp_ok($bypasses_after - $bypasses, '>', 20, 'a day booked while all ask for it: many compute while a booking is under way');
cmp_ok($kept_after - $kept, '<', 60, 'and one or two afterwards, not twenty');
stop_bench($readers);
$writer->quit;

exact_everywhere($m, 30, 'everything is exact');
nothing_pending($m);
$_->quit for $m, $locker, $impatient;
$node->stop;
done_testing();
