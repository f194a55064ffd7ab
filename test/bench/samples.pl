# samples.pl FILE COMMAND SERIES [SERIES]
#
# FILE has a line "SERIES ROUND VALUE" per measurement. Prints middle, lowest and highest, with a tab between:
#   median A      of the values of A
#   ratio A B     of A / B, where both have the round
#   less A B      of A - B, likewise
# Exits with 1 where there is nothing to print.
use strict;
use warnings;

my ($file, $command, $first, $second) = @ARGV;
my %value;
open my $in, '<', $file or die "$file: $!\n";
while (<$in>)
{
	my ($series, $round, $value) = split;
	$value{$series}{$round} = $value;
}
my $in_a = $value{$first} or exit 1;
my $in_b = defined $second ? $value{$second} : {};
my @figures;
for my $round (keys %$in_a)
{
	my ($x, $y) = ($in_a->{$round}, $in_b->{$round});
	next if defined $second && (!defined $y || $y == 0);
	push @figures, $command eq 'median' ? $x : $command eq 'ratio' ? $x / $y : $x - $y;
}
@figures or exit 1;
@figures = sort { $a <=> $b } @figures;
my $n = @figures;
# With many rounds (in-server timings) the extremes are the machine's, not ours: 5 % of each end are left out.
my $cut = int($n * 0.05);
my $middle = $n % 2 ? $figures[$n / 2] : ($figures[$n / 2 - 1] + $figures[$n / 2]) / 2;
printf "%s\t%s\t%s\n", $middle, $figures[$cut], $figures[$n - 1 - $cut];
