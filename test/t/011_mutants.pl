# The tests bite: each way to break the protocol that the TEST_HOOKS build knows gives stale answers, and the
# tests find them; unbroken and with the same sleeps there are none.
#
# Each mutant meets two things: a scenario made for it, where sessions are held at the narrow place, and the load
# of 010_exactness.pl, which is stopped as soon as it has found something.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $node = new_node('mutants', hooks => 1, conf => <<'EOC');
max_prepared_transactions = 20
max_locks_per_transaction = 2000
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon');

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

	$reader->send("SELECT t.v2(2, 1, $d)");
	# It holds its last table's lock to the end of its transaction.
	wait_until(sub {
			$writer->run("SELECT count(*) FROM pg_locks WHERE pid = " . $reader->pid
				  . " AND relation = 'booking_reservations'::regclass AND granted") > 0;
		}, 'the reader to have its snapshot');
	$writer->run("SELECT t.book(2, $d, 3)");
	my $missed = $reader->ready;
	$reader->result;
	return $missed ? undef : stale($writer, $d);
}

# A commit whose end takes long: it has become visible, and then has many locks to release. A reader that calls
# v1, v2, v1 all the while sees the old answer between two new ones. No sleep reaches that place, and on a busy
# machine the reader may not run just then, so it is tried until it is found.
sub slow_end_of_commit
{
	my ($sleep, $broken) = @_;
	my $writer = session($node, 'salon');
	my $reader = session($node, 'salon');
	my $found = 0;

	for (1 .. $broken ? 100 : 5)
	{
		my $d = next_day();
		my $before = $reader->run("SELECT t.v2(2, 1, $d)");

		$writer->run('BEGIN; SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 100000) i');
		$writer->run("SELECT t.book(2, $d, 3)");
		$reader->send(<<"EOC");
DO \$\$
DECLARE
    a jsonb; b jsonb; c jsonb := '$before';
    after int := 0;
BEGIN
    -- Until the change is seen, and a little longer.
    WHILE after < 50 LOOP
        a := c; b := t.v2(2, 1, $d); c := t.v1(2, 1, $d);
        IF a = c AND b <> a THEN
            RAISE EXCEPTION 'stale';
        END IF;
        after := after + (a <> '$before')::int;
    END LOOP;
END
\$\$
EOC
		$writer->run('COMMIT');
		$reader->result;
		die $reader->{error} if $reader->{sqlstate} ne '' && $reader->{error} !~ /stale/;
		$found++ if $reader->{sqlstate} ne '';
		last if $found;
	}
	return $found;
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

# A missed moment gets a longer sleep.
sub play
{
	my ($scenario, $broken) = @_;
	for my $sleep (400_000, 1_000_000, 3_000_000, 10_000_000)
	{
		my $found = $scenario->($sleep, $broken);
		return $found if defined $found;
	}
	return 'never at the right moment';
}

# ---------------------------------------------------------------------------
# The load, until it has found something or its time is over
# ---------------------------------------------------------------------------

sub stale_under_load
{
	my ($seconds) = @_;
	return load_until_stale($node, 'salon', session($node, 'salon'), seconds => $seconds, locks => 1000,
		settings => { 'test_sleep_before_visible' => 3000, 'test_sleep_after_compute' => 300 });
}

my %scenario = (
	no_pending            => \&during_commit,
	bump_only_at_commit   => \&slow_end_of_commit,
	capture_after_compute => \&during_compute,
	no_own_writes         => \&own_writes,
	no_xid_check          => \&old_snapshot,
	no_expiry             => \&expiry,
	no_memo_check         => \&remembered_rules);

for my $mutant (sort keys %scenario)
{
	is(play($scenario{$mutant}, 0), 0, "unbroken, the scenario of $mutant finds nothing");
}
my $found = stale_under_load(3);
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
	my $n = play($scenario{$mutant}, 1);
	ok($n =~ /^[1-9]/, "$mutant: its scenario finds it") or diag "found: $n";
	my $kinds = stale_kinds(stale_under_load(60));
	isnt($kinds, '', "$mutant: the load finds it");
	note "$mutant: found by $kinds";
}
$node->stop;
done_testing();
