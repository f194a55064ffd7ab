# samples.pl FILE COMMAND SERIES [SERIES]
#
# FILE has a line "SERIES ROUND VALUE" per measurement. Prints the median and the two ends of its interval,
# with a tab between:
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
# Between these two lies the median of all rounds that could have been, with a probability of 95 % (the number
# of rounds above it is binomial); of fewer than six rounds the lowest and the highest.
my $cut = int(($n - 1.96 * sqrt($n)) / 2);
$cut = 0 if $cut < 0;
my $middle = $n % 2 ? $figures[$n / 2] : ($figures[$n / 2 - 1] + $figures[$n / 2]) / 2;
printf "%s\t%s\t%s\n", $middle, $figures[$cut], $figures[$n - 1 - $cut];
