# The tests bite: each way to break the protocol that the TEST_HOOKS build knows gives stale answers, and the
# tests find them; unbroken and with the same sleeps there are none.
#
# Each mutant meets two things: a scenario made for it, where sessions are held at the narrow place, and the
# load of 010_exactness.pl, which is stopped as soon as it has found something. The mutants of exact cells are
# in 021_exact_cells.pl.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $node = new_node('mutants', hooks => 1, conf => <<'EOC');
max_prepared_transactions = 20
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon', limits => 1);

# Every process is broken in the same way or none is: one that ended what another had not begun would leave
# cells pending.
sub break_protocol
{
	my ($mutant) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET availability_cache.test_mutant = '$mutant'");
	$node->restart;
	return;
}

# ---------------------------------------------------------------------------
# Scenarios: how many of the answers they look at are stale; undef if the moment was missed
# ---------------------------------------------------------------------------

# A key that no scenario used before.
my $day = 10;
sub next_day { return ++$day; }

sub stale { my ($s, $d) = @_; return $s->run("SELECT NOT t.exact(2, 1, $d)") eq 't' ? 1 : 0; }

# A reader computes while a writer's change is published but not yet visible.
sub during_commit
{
	my ($sleep) = @_;
	my $d = next_day();
	my $writer = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => $sleep);
	my $reader = session($node, 'salon');
	my $before = stat_of($reader, 'invalidations');

	$writer->send("SELECT t.book(2, $d, 3)");
	wait_until(sub { stat_of($reader, 'invalidations') > $before }, 'the writer to reach its sleep');
	$reader->run("SELECT t.v2(2, 1, $d)");
	my $missed = $writer->ready;
	$writer->result;
	return $missed ? undef : stale($reader, $d);
}

# A writer commits while a reader has computed but not yet kept its answer.
sub during_compute
{
	my ($sleep) = @_;
	my $d = next_day();
	my $writer = session($node, 'salon');
	my $reader = session($node, 'salon', 'availability_cache.test_sleep_after_compute' => $sleep);

	$reader->send("SELECT t.look(2, 1, $d)");
	# It keeps no lock, and so nothing shows that it sleeps; what it answers shows whether it computed before
	# the booking.
	sleep $sleep / 4e6;
	$writer->run("SELECT t.book(2, $d, 3)");
	my $missed = $reader->ready;
	my $answer = $reader->result;
	return $missed || $answer =~ /b/ ? undef : stale($writer, $d);
}

# A transaction has become visible and has not ended its changes: who saw it must not get the old answer
# afterwards.
sub before_end
{
	my ($sleep) = @_;
	my $d = next_day();
	my $writer = session($node, 'salon', 'availability_cache.test_sleep_before_end' => $sleep);
	my $reader = session($node, 'salon');

	$reader->run("SELECT t.v2(2, 1, $d)");
	$writer->send("SELECT t.book(2, $d, 3)");
	wait_until(sub { $reader->run("SELECT t.statuses(t.v1(2, 1, $d))") =~ /b/ }, 'the booking to be visible');
	my $found = stale($reader, $d);
	my $missed = $writer->ready;
	$writer->result;
	return $missed ? undef : $found;
}

# A writer commits while a reader has its snapshot and has computed nothing yet.
sub after_snapshot
{
	my ($sleep) = @_;
	my $d = next_day();
	my $writer = session($node, 'salon');
	my $reader = session($node, 'salon', 'availability_cache.test_sleep_after_snapshot' => $sleep);

	$reader->send("SELECT t.look(2, 1, $d)");
	# Nothing shows that it sleeps; what it answers shows whether its snapshot came before the booking.
	sleep $sleep / 4e6;
	$writer->run("SELECT t.book(2, $d, 3)");
	my $missed = $reader->ready;
	my $answer = $reader->result;
	return $missed || $answer =~ /b/ ? undef : stale($writer, $d);
}

# Both triggers of bookings at once, with or without a status; no lock that a reader's conflicts with.
sub map_status
{
	my ($s, $column) = @_;
	my $call = "EXECUTE FUNCTION private.invalidate_availability_cache('bookings', 'stylist_user_id', 'start_time', 'end_time', '$column')";
	my $name = 'trigger_invalidate_cache_on_booking';

	$s->run(<<"EOC");
BEGIN;
CREATE OR REPLACE TRIGGER $name AFTER INSERT OR UPDATE OR DELETE ON bookings FOR EACH ROW $call;
CREATE OR REPLACE TRIGGER ${name}_truncate AFTER TRUNCATE ON bookings FOR EACH STATEMENT $call;
ALTER TABLE bookings ENABLE ALWAYS TRIGGER $name, ENABLE ALWAYS TRIGGER ${name}_truncate;
COMMIT;
EOC
	return;
}

# The mapping changes while a reader, in a transaction that has read the tables itself and so has all locks,
# has accepted messages and has no snapshot yet: nothing else in it hears of the change, if it does not look
# whether definitions changed.
sub before_snapshot
{
	my ($sleep) = @_;
	my $d = next_day();
	my $reader = session($node, 'salon');
	my $other = session($node, 'salon');
	$other->run("SELECT t.book(2, $d, 3, 'cancelled')");
	$reader->run('BEGIN');
	$reader->run("SELECT count(*) FROM $_")
	  for qw(bookings booking_reservations stylist_schedules schedule_overrides services stylist_services stylist_profiles
		class_sessions);
	$reader->run('SELECT t.v2(2, 1, ' . next_day() . ')') for 1 .. 10;
	$reader->run("SET availability_cache.test_sleep_before_snapshot = $sleep");
	$reader->send("SELECT t.look(2, 1, $d)");
	sleep $sleep / 4e6;
	# Without a status that one counts too.
	map_status($other, '');
	my $missed = $reader->ready;
	$reader->result;
	$reader->run('COMMIT');
	my $found = stale($other, $d);
	map_status($other, 'status');
	return $missed ? undef : $found;
}

# What a transaction wrote, in its own answers and in others' while it is open and after it rolled back.
sub own_writes
{
	my $d = next_day();
	my $writer = session($node, 'salon');
	my $reader = session($node, 'salon');
	my $found = 0;

	$reader->run("SELECT t.v2(2, 1, $d)");
	$writer->run("BEGIN; SELECT t.book(2, $d, 3)");
	$found += stale($writer, $d);
	$found += stale($writer, $d + 200);
	$writer->run("SELECT t.book(2, $d + 200, 3), t.v2(2, 1, $d + 200)");
	$found += stale($reader, $d + 200);
	$writer->run('ROLLBACK');
	$found += stale($reader, $d);
	return $found;
}

# What asks in the statement that writes, when no trigger has noted anything yet.
sub before_the_trigger
{
	my $d = next_day();
	my $s = session($node, 'salon');

	$s->run("SELECT t.v2(2, 1, $d)");
	my $found = $s->run("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)"
		  . " VALUES (t.stylist(2), t.service(1), t.at($d, 3), t.at($d, 4)) RETURNING NOT t.exact(2, 1, $d)");
	return $found eq 't' ? 1 : 0;
}

# A snapshot that is older than what came into memory since.
sub old_snapshot
{
	my $d = next_day();
	my $old = session($node, 'salon');
	my $other = session($node, 'salon');

	$old->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT t.v1(2, 1, $d)");
	$other->run("SELECT t.book(2, $d, 3)");
	$other->run("SELECT t.v2(2, 1, $d)");
	my $found = stale($old, $d);
	$old->run('COMMIT');
	return $found;
}

# A hold that runs out.
sub expiry
{
	my $d = next_day();
	my $s = session($node, 'salon');
	my $look = "SELECT substr(t.look(2, 1, $d), 4, 1)";

	$s->run("SELECT t.hold(2, $d, 3, '700 ms')");
	my $seen = $s->run($look);
	$s->run("SELECT pg_sleep(0.8)");
	my $found = stale($s, $d);
	return $seen eq 'r' ? $found : undef;
}

# A session that has computed a day remembers its rules; another changes the price.
sub remembered_rules
{
	my $d = next_day();
	my $reader = session($node, 'salon');
	my $other = session($node, 'salon');

	$reader->run("SELECT t.v2(2, 1, $d)");
	$other->run('UPDATE stylist_services SET custom_price_cents = coalesce(custom_price_cents, 0) + 1'
		  . ' WHERE stylist_user_id = t.stylist(2) AND service_id = t.service(1)');
	my $found = stale($reader, $d);
	$other->run('UPDATE availability_cache.rules SET min_notice = min_notice + interval \'1 second\'');
	return $found + stale($reader, $d);
}

# A session that has computed a day knows the stylist's long bookings; another makes one, and takes it back.
sub remembered_long_bookings
{
	my $d = next_day();
	my $reader = session($node, 'salon');
	my $other = session($node, 'salon');

	$reader->run("SELECT t.v2(2, 1, $d)");
	$other->run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)'
		  . " VALUES (t.stylist(2), t.service(1), t.at($d - 2, 3), t.at($d + 1, 3))");
	my $found = stale($reader, $d);
	$other->run('DELETE FROM bookings WHERE end_time - start_time = interval \'3 days\'');
	return $found + stale($reader, $d);
}

# The same of what sessions know from each other, as there is no index that holds only long bookings.
sub shared_long_bookings
{
	my $d = next_day();
	my $other = session($node, 'salon');
	my $ask = sub { my $s = session($node, 'salon'); my $n = stale($s, $d); $s->quit; return $n; };

	$other->run('DROP INDEX IF EXISTS bookings_stylist_user_id_end_time_idx');
	$other->run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, status)'
		  . " SELECT t.stylist(2), t.service(1), t.at(300 + i, 1), t.at(300 + i, 2), 'cancelled' FROM generate_series(1, 100) i");
	$ask->();
	$other->run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)'
		  . " VALUES (t.stylist(2), t.service(1), t.at($d - 2, 3), t.at($d + 1, 3))");
	my $found = $ask->();
	$other->run('DELETE FROM bookings WHERE end_time - start_time = interval \'3 days\'');
	return $found + $ask->();
}

# A missed moment gets a longer sleep.
sub play
{
	my ($scenario) = @_;
	for my $sleep (400_000, 1_000_000, 3_000_000, 10_000_000)
	{
		my $found = $scenario->($sleep);
		return $found if defined $found;
	}
	return 'never at the right moment';
}

# ---------------------------------------------------------------------------
# The load, until it has found something or its time is over
# ---------------------------------------------------------------------------

# What each mutant breaks is wider open than usual.
my %sleeps = (
	test_sleep_before_visible => 3000,
	test_sleep_after_compute  => 300);
my %more_sleeps = (
	bump_only_at_commit  => { test_sleep_before_end => 5000 },
	hit_ignores_pending  => { test_sleep_before_end => 5000 },
	clock_after_snapshot => { test_sleep_after_snapshot => 3000 });

sub stale_under_load
{
	my ($seconds, @mutants) = @_;
	my %settings = (%sleeps, map { %{ $more_sleeps{$_} // {} } } @mutants);
	return load_until_stale($node, 'salon', session($node, 'salon'), seconds => $seconds, settings => \%settings);
}

my %scenario = (
	no_pending            => \&during_commit,
	end_before_visible    => \&during_commit,
	bump_only_at_commit   => \&before_end,
	hit_ignores_pending   => \&before_end,
	clock_after_snapshot  => \&after_snapshot,
	messages_before_clock => \&before_snapshot,
	capture_after_compute => \&during_compute,
	no_own_writes         => \&own_writes,
	no_notes              => \&before_the_trigger,
	no_xid_check          => \&old_snapshot,
	no_expiry             => \&expiry,
	no_memo_check         => \&remembered_rules,
	no_long_tag           => \&remembered_long_bookings,
	no_shared_check       => \&shared_long_bookings);

for my $mutant (sort keys %scenario)
{
	is(play($scenario{$mutant}), 0, "unbroken, the scenario of $mutant finds nothing");
}
my $found = stale_under_load(3, keys %more_sleeps);
is(stale_kinds($found), '', 'unbroken, the load finds nothing with the same sleeps');
cmp_ok($found->{all}{checked}, '>', 100, 'though it looked');
cmp_ok($found->{all}{hits}, '>', 20, 'and had hits');
my $s = session($node, 'salon');
exact_everywhere($s, 4, 'everything is exact afterwards');
nothing_pending($s);
$s->quit;

for my $mutant (sort keys %scenario)
{
	break_protocol($mutant);
	my $n = play($scenario{$mutant});
	ok($n =~ /^[1-9]/, "$mutant: its scenario finds it") or diag "found: $n";
	# No writer of the load changes the mapping, none asks before its triggers, none books for days.
	next if $mutant eq 'messages_before_clock' || $mutant eq 'no_notes' || $mutant =~ /^no_(long_tag|shared_check)$/;
	my $kinds = stale_kinds(stale_under_load(120, $mutant));
	isnt($kinds, '', "$mutant: the load finds it");
	note "$mutant: found by $kinds";
}
# What caps, zones, classes and rooms depend on has scenarios in 025_caps.pl, 025_travel.pl, 027_classes.pl and
# 027_resources.pl. One above has left bookings without their rooms. no_taking takes from a second to minutes.
$node->safe_psql('salon', "SELECT availability_cache.detach('bookings'); SELECT count(*) FROM availability_cache.attach('bookings', 'bookings')");
for my $mutant (qw(no_week no_service_day no_class no_class_day no_zone), $ENV{AC_LONG} ? 'no_taking' : ())
{
	break_protocol($mutant);
	my $start = time();
	isnt(stale_kinds(stale_under_load($ENV{AC_LONG} ? 600 : 120, $mutant)), '', "$mutant: the load finds it");
	note sprintf '%s: after %.1f s', $mutant, time() - $start;
}
$node->stop;
done_testing();
