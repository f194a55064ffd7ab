# Under concurrent writers no answer is stale (G1), none has data of a transaction that is not committed
# (G1), a transaction sees its own writes and no other does (G2), and one snapshot gives one answer (G3).
#
# lib/ACLoad.pm has the readers, the writers and how a read is judged. EXACTNESS_SECONDS=n says how long they
# run; AC_LONG=1 makes it ten minutes, for hundreds of thousands of reads.
#
# Shown to fail with each mutant of 011_mutants.pl, though nothing makes its narrow places wide here, and, in
# src/: begin_changes not called at PRE_COMMIT; touch_change that forgets the OLD row, or that of classes
# alone; a class that touches the day on which it starts alone; depend_on_reach that takes the date's own UTC
# day alone, as if no time zone reached into others; reason_to_bypass without IsolationIsSerializable.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $seconds = $ENV{EXACTNESS_SECONDS} // ($ENV{AC_LONG} ? 600 : 12);

# What a run must have seen to be worth something; a slow machine gets more time for it.
my %least = (
	rc           => { checked => 1000, hits => 200 },
	rr           => { checked => 200, hits => 20 },
	serializable => { checked => 50 },
	own          => { checked => 20 },
	price        => { checked => 300, hits => 50 },
	ack          => { checked => 300, hits => 50 });

sub enough
{
	my ($found) = @_;
	for my $kind (keys %least)
	{
		for my $what (keys %{ $least{$kind} })
		{
			return 0 if ($found->{$kind}{$what} // 0) < $least{$kind}{$what};
		}
	}
	return 1;
}

my $node = new_node('exactness', conf => 'max_prepared_transactions = 20');
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon', limits => 1);

my ($found, $failed) = ({}, '');
my $s = session($node, 'salon');
for my $round (1 .. 10)
{
	$failed .= start_load($node, 'salon', seconds => $seconds)->finish;
	$found = load_found($s);
	last if $failed ne '' || enough($found);
}
is($failed, '', 'no client failed');

diag sprintf 'reads %d, checked %d, hits among them %d, stale %d; writers: %d commits, %d rollbacks',
  @{ $found->{all} }{qw(reads checked hits stale)}, @{ $found->{writers} }{qw(commits rollbacks)};
note sprintf '%-12s checked %d, hits %d, stale %d', $_, map { $_ // 0 } @{ $found->{$_} }{qw(checked hits stale)}
  for sort keys %least;

for my $kind (sort keys %least)
{
	my $least = $least{$kind};

	is($found->{$kind}{stale} // 0, 0, "$kind: no stale answer");
	cmp_ok($found->{$kind}{checked} // 0, '>=', $least->{checked}, "$kind: reads were checked");
	if ($least->{hits})
	{
		cmp_ok($found->{$kind}{hits} // 0, '>=', $least->{hits}, "$kind: there were hits among them");
	}
	else
	{
		is($found->{$kind}{hits} // 0, 0, "$kind: never answered from memory");
	}
}
cmp_ok($found->{writers}{commits}, '>', 100, 'writers committed');
cmp_ok($found->{writers}{rollbacks}, '>', 10, 'and rolled back');
is($s->run('SELECT * FROM t.stale LIMIT 5'), '', 'nothing to show');

is(stat_of($s, 'bypass_pending > 0, bypass_own_writes > 0, bypass_isolation > 0, miss_expired > 0'),
	't|t|t|t', 'commits under way, own writes, old snapshots and expired holds were met');
exact_everywhere($s, 7, 'everything is exact when it is quiet again');
is(load_v1_differs($s), '0', 'and as v1 has it');
nothing_pending($s);
$s->quit;
$node->stop;
done_testing();
