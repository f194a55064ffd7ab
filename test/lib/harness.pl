# harness.pl COUNTS COMMAND… -- FILE…
#
# Runs COMMAND FILE for each FILE as prove would; writes "passed failed skipped" to COUNTS, and below it
# the files that failed, one a line.
# Tests that a plan promised and that never ran have failed; so has a file that died.
use strict;
use warnings;
use TAP::Harness;
use TAP::Parser::Aggregator;

my ($counts, @exec) = (shift @ARGV);
while (@ARGV) {
	my $word = shift @ARGV;
	last if $word eq '--';
	push @exec, $word;
}
@ARGV or die "usage: harness.pl COUNTS COMMAND… -- FILE…\n";

my $harness = TAP::Harness->new({
	exec      => \@exec,
	verbosity => $ENV{V} ? 1 : 0,
	failures  => 1,
	jobs      => $ENV{JOBS} || 1,
	timer     => 1,
});
my $all = TAP::Parser::Aggregator->new;
$all->start;
$harness->aggregate_tests($all, @ARGV);
$all->stop;

my ($passed, $failed, $skipped, @failed) = (0, 0, 0);
for my $file ($all->descriptions) {
	my ($parser) = $all->parsers($file);
	my $missing = ($parser->tests_planned // 0) - $parser->tests_run;
	my $bad = $parser->failed + ($missing > 0 ? $missing : 0);
	$bad = 1 if $bad == 0 && $parser->has_problems;
	push @failed, $file if $bad;
	$passed  += $parser->passed;
	$failed  += $bad;
	$skipped += $parser->skipped;
}

open my $out, '>', $counts or die "$counts: $!\n";
print $out "$_\n" for "$passed $failed $skipped", @failed;
close $out or die "$counts: $!\n";
$harness->summary($all) if $failed;
exit($failed ? 1 : 0);
