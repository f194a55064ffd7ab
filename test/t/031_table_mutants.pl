# The tests of the table tier bite: each way to break it that the TEST_HOOKS build knows gives a stale answer
# in a scenario made for it, and none without. Sessions are held at the narrow place by open transactions, by
# a lock or by SIGSTOP, so that nothing here depends on luck.
#
#   no_trace           a row is kept, a booking commits: nothing says that the row is old
#   no_snapshot_check  a row is kept by a transaction that is open when the writer commits, so that it deletes nothing:
#                      only its trace names the row
#   no_since_check     a session with the tier off books: it leaves no trace, but takes invalidation_since away; the
#                      row is still there when the tier begins again
#   one_step_start     a writer looks just before the tier begins, and commits after a row was kept
#   old_start          a session that saw that the tier must begin goes on when others have begun it; then there are two rows,
#                      of which a session with the tier off takes one away
#   no_distrust        a booking that can neither leave a trace nor take invalidation_since away
#   no_word_check      an answer changes in memory before the worker (stopped meanwhile) writes it
#
# The load of 030_table_exactness.pl finds the first two as well, with nothing held; it looks until it has.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $node;

# Every process is broken in the same way, or none is.
sub break_protocol
{
	my ($mutant) = @_;
	set_mutant($node, $mutant);
	$node->restart;
	return;
}

# A key that no scenario used before; the keys of other stylists are free for whatever else is needed.
my $day = 10;
sub next_day { return ++$day; }

sub stale { my ($s, $d) = @_; return $s->run("SELECT NOT t.exact(2, 1, $d)") eq 't' ? 1 : 0; }
sub row_is_there
{
	my ($s, $d) = @_;
	return $s->run("SELECT count(*) FROM private.availability_cache"
		  . " WHERE (stylist_user_id, cache_date) = (t.stylist(2), t.day($d))") eq '1';
}

# A row of this key, in use. To begin may take two transactions before.
sub keep_row
{
	my ($s, $d) = @_;
	for (1 .. 4)
	{
		$s->run("SELECT t.v2(2, 1, $d)");
		return if row_is_there($s, $d);
		# Otherwise it would be answered from memory.
		$s->run("SELECT availability_cache.invalidate(t.stylist(2))");
	}
	die 'no row';
}

# ---------------------------------------------------------------------------
# Scenarios: how many of the answers they look at are stale; undef if the moment was missed
# ---------------------------------------------------------------------------

sub a_commit
{
	my $d = next_day();
	my ($reader, $writer) = map { session($node, 'salon') } 1 .. 2;

	keep_row($reader, $d);
	$writer->run("SELECT t.book(2, $d, 3)");
	return stale($reader, $d);
}

# The writer cannot see the row, the reader cannot see the trace: both commit.
sub kept_while_writer_commits
{
	my $d = next_day();
	my ($reader, $other, $writer) = map { session($node, 'salon') } 1 .. 3;

	keep_row($reader, $d + 200);
	$reader->run("BEGIN; SELECT t.v2(2, 1, $d)");
	$writer->run("SELECT t.book(2, $d, 3)");
	$reader->run('COMMIT');
	return row_is_there($other, $d) ? stale($other, $d) : undef;
}

sub writer_without_the_tier
{
	my $d = next_day();
	my ($reader, $other) = map { session($node, 'salon') } 1 .. 2;
	my $writer = session($node, 'salon', 'availability_cache.table_tier' => 'off');
	my $found = 0;

	keep_row($reader, $d);
	$writer->run("SELECT t.book(2, $d, 3)");
	return undef if !row_is_there($reader, $d) || $reader->run('SELECT count(*) FROM availability_cache.invalidation_since') ne '0';
	# Each is a step towards using the tier again.
	for my $n (1 .. 4)
	{
		$other->run("SELECT t.v2(3, 1, $d + 20 * $n)");
		$found += stale($reader, $d);
	}
	return $found;
}

sub writer_that_looked_before
{
	my $d = next_day();
	my ($reader, $starter, $writer) = map { session($node, 'salon') } 1 .. 3;
	my $off = session($node, 'salon', 'availability_cache.table_tier' => 'off');

	$off->run("SELECT t.book(4, $d, 3)");
	return undef if $reader->run('SELECT count(*) FROM availability_cache.invalidation_since') ne '0';
	$starter->run("BEGIN; SELECT t.v2(3, 1, $d)");
	$writer->run("BEGIN; SELECT t.book(2, $d, 3); PREPARE TRANSACTION 'looked'");
	$starter->run('COMMIT');
	$reader->run("SELECT t.v2(2, 1, $d)") for 1 .. 3;
	$writer->run("COMMIT PREPARED 'looked'");
	return stale($reader, $d);
}

sub start_that_comes_late
{
	my $d = next_day();
	my ($reader, $late) = map { session($node, 'salon') } 1 .. 2;
	my $off = session($node, 'salon', 'availability_cache.table_tier' => 'off');

	$off->run("SELECT t.book(4, $d, 3)");
	return undef if $reader->run('SELECT count(*) FROM availability_cache.invalidation_since') ne '0';
	$late->run("LOAD 'availability_cache'; SET availability_cache.test_sleep_before_claim = 1000000");
	$late->send("SELECT t.v2(3, 1, $d)");
	sleep 0.3;
	keep_row($reader, $d + 100);
	return undef if $late->ready;
	$late->result;
	keep_row($reader, $d);
	$off->run("SELECT t.book(2, $d, 3)");
	return row_is_there($reader, $d) ? stale($reader, $d) : undef;
}

sub writer_that_can_say_nothing
{
	my $d = next_day();
	my ($reader, $writer, $locker) = map { session($node, 'salon') } 1 .. 3;

	keep_row($reader, $d);
	$locker->run('BEGIN; LOCK TABLE availability_cache.invalidation, availability_cache.invalidation_since IN SHARE MODE');
	$writer->run("SELECT t.book(2, $d, 3)");
	$locker->run('ROLLBACK');
	return undef if !row_is_there($reader, $d);
	# Until the breaker lets somebody try.
	wait_until(sub { stat_of($reader, 'table_breaker') ne 'open' }, 'the breaker');
	return stale($reader, $d);
}

sub worker_pid
{
	my ($s) = @_;
	return $s->run("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = 'availability_cache worker'");
}

sub answer_that_waits_for_the_worker
{
	my $d = next_day();
	my ($reader, $writer) = map { session($node, 'salon', 'availability_cache.table_tier' => 'background') } 1 .. 2;
	my $pid;

	$reader->run("SELECT t.v2(2, 1, $d + 100)");
	wait_until(sub { row_is_there($reader, $d + 100) }, 'the worker to write') or return undef;
	$pid = worker_pid($reader) or return undef;
	kill 'STOP', $pid or return undef;
	$reader->run("SELECT t.v2(2, 1, $d)");
	$writer->run("SELECT t.book(2, $d, 3)");
	my $missed = row_is_there($reader, $d);
	kill 'CONT', $pid;
	# Written after the other.
	$reader->run("SELECT t.v2(2, 1, $d + 50)");
	wait_until(sub { row_is_there($reader, $d + 50) }, 'the worker to go on') or return undef;
	return $missed ? undef : stale($reader, $d);
}

# A missed moment is tried again.
sub play
{
	my ($scenario) = @_;
	for (1 .. 3)
	{
		my $found = $scenario->();
		return $found if defined $found;
	}
	return 'never at the right moment';
}

sub try_mutants
{
	my (%scenario) = @_;
	for my $mutant (sort keys %scenario)
	{
		is(play($scenario{$mutant}), 0, "unbroken, the scenario of $mutant finds nothing");
	}
	my $s = session($node, 'salon');
	exact_everywhere($s, 4, 'everything is exact afterwards');
	$s->quit;
	for my $mutant (sort keys %scenario)
	{
		break_protocol($mutant);
		my $n = play($scenario{$mutant});
		ok($n =~ /^[1-9]/, "$mutant: its scenario finds it") or diag "found: $n";
	}
	return;
}

# ---- those that need no shared memory ----

$node = new_node('table_mutants', hooks => 1, preload => 0, conf => <<'EOC');
max_prepared_transactions = 20
availability_cache.table_tier = inline
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon');
try_mutants(
	no_trace          => \&a_commit,
	no_snapshot_check => \&kept_while_writer_commits,
	no_since_check    => \&writer_without_the_tier,
	one_step_start    => \&writer_that_looked_before,
	old_start         => \&start_that_comes_late);
for my $mutant (qw(no_trace no_snapshot_check))
{
	break_protocol($mutant);
	my $kinds = stale_kinds(load_until_stale($node, 'salon', session($node, 'salon'), seconds => 60, clients => { bulk => 1 }));
	isnt($kinds, '', "$mutant: the load finds it");
	note "$mutant: found by $kinds";
}
$node->stop;

# ---- those that do ----

$node = new_node('memory_mutants', hooks => 1, conf => <<'EOC');
max_prepared_transactions = 20
availability_cache.table_tier = inline
availability_cache.table_tier_retry = 1s
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
try_mutants(
	no_distrust   => \&writer_that_can_say_nothing,
	no_word_check => \&answer_that_waits_for_the_worker);
$node->stop;
done_testing();
