# trace.pl OPERATIONS STYLISTS DAYS: what a booking site asks of its database, the same on every run.
#
# A line per operation, with blanks between: its number from 0, its kind, stylist, service and day (as in
# test/salon.sql), half hour of the day, number of the booking or hold, and for a hold the operation at which
# it expires.
#   r  somebody looks at a day (95 of 100)
#   b  a booking           c  a booking is cancelled           h  a hold, of 15 minutes
# Stylists are asked for by Zipf's law (exponent 0.9), near days more than far ones, all services alike. The
# site has 50 operations a second.
use strict;
use warnings;

my ($operations, $stylists, $days) = @ARGV;
my $hold_lasts = 15 * 60 * 50;
srand 20260101;

# A function that draws 0 .. n - 1 by these weights.
sub drawer
{
	my @sums;
	my $sum = 0;
	push @sums, $sum += $_ for @_;
	return sub {
		my $x = rand $sum;
		my ($low, $high) = (0, $#sums);
		while ($low < $high)
		{
			my $middle = int(($low + $high) / 2);
			if ($sums[$middle] > $x) { $high = $middle } else { $low = $middle + 1 }
		}
		return $low;
	};
}
my $draw_stylist = drawer(map { 1 / $_**0.9 } 1 .. $stylists);
my $draw_day = drawer(map { 1 / (1 + $_ / 10) } 0 .. $days - 1);

# A day on which the stylist works, and a service that the stylist offers: see test/salon.sql.
sub some_day
{
	my ($s) = @_;
	while (1)
	{
		my $d = $draw_day->();
		return $d if ($d - $s) % 7 != 0 && $d != 20;
	}
}
sub some_service
{
	my ($s) = @_;
	while (1)
	{
		my $v = 1 + int rand 5;
		return $v if $s == 1 || $v == 1 || ($s + $v) % 7 != 3;
	}
}

my (%taken, %bookings, @holds, $number);
sub free_slot
{
	my ($s, $d) = @_;
	for (1 .. 20)
	{
		my $slot = int rand 24;
		return $slot unless $slot == 10 || $slot == 11 || $taken{"$s $d $slot"};
	}
	return undef;
}

for my $n (0 .. $operations - 1)
{
	while (@holds && $holds[0][0] <= $n) { delete $taken{ (shift @holds)->[1] }; }
	my $s = 1 + $draw_stylist->();
	my $d = some_day($s);
	my $v = some_service($s);
	my $x = rand 100;
	my $slot = $x < 95 ? undef : free_slot($s, $d);
	if ($x >= 99.25 || ($x >= 95 && !defined $slot))
	{
		my $list = $bookings{$s} //= [];
		if (@$list)
		{
			my ($b) = splice @$list, int rand @$list, 1;
			delete $taken{"$s $b->{d} $b->{slot}"};
			print "$n c $s $b->{v} $b->{d} $b->{slot} $b->{number} 0\n";
			next;
		}
		$x = 0;
	}
	if ($x < 95) { print "$n r $s $v $d 0 0 0\n"; }
	elsif ($x < 97)
	{
		$taken{"$s $d $slot"} = 1;
		push @holds, [ $n + $hold_lasts, "$s $d $slot" ];
		printf "%d h %d %d %d %d %d %d\n", $n, $s, $v, $d, $slot, ++$number, $n + $hold_lasts;
	}
	else
	{
		$taken{"$s $d $slot"} = 1;
		push @{ $bookings{$s} }, { v => $v, d => $d, slot => $slot, number => ++$number };
		print "$n b $s $v $d $slot $number 0\n";
	}
}
