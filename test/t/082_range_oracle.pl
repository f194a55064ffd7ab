# Ranges against the oracle of test/oracle, its days put together by SQL, on random salons, dates, zones and
# clocks, in three table layouts.
#
# Shown to fail with the days after the customer's left out (entry/range_ask.c).
#
#   AC_LONG=1           ten times as many rounds
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $sql = dirname($FindBin::RealBin) . '/oracle';
my $node = new_node('ranges', hooks => 1, conf => "availability_cache.ttl = '30d'\njit = off\n");
my %rounds = (usual => 5, minimal => 2, other => 3);

for my $layout (sort keys %rounds)
{
	$node->safe_psql('postgres', "CREATE DATABASE $layout");
	$node->command_ok(
		[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', "layout=$layout", '-d', $node->connstr($layout),
			map { ('-f', "$sql/$_.sql") } qw(layouts oracle random_salon compare range) ],
		"$layout: set up");
	my $last = $rounds{$layout} * ($ENV{AC_LONG} ? 10 : 1);
	$node->safe_psql($layout, "CALL oracle.compare_ranges(1, 1, $last)");
	my ($ranges, $slots, $merged, $hits, $differences) = split /\|/, $node->safe_psql($layout, 'SELECT ranges, slots, merged, hits, differences FROM oracle.range_result');
	note "$layout: $ranges ranges, $slots slots, $merged of several stylists, $hits from memory";
	is($differences, 0, "$layout: the oracle agrees on $ranges ranges") or diag $node->safe_psql($layout, 'SELECT unnest(shown) FROM oracle.range_result');
	cmp_ok($slots, '>', 5 * $ranges, "$layout: they have slots");
	cmp_ok($merged, '>', 10, "$layout: some with several stylists") if $layout eq 'minimal';
	cmp_ok($hits, '>', $ranges / 4, "$layout: and are remembered");
}
$node->stop;
done_testing();
