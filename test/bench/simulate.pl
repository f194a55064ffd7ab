# simulate.pl TRACE POLICY CAPACITY: which of a trace's reads a cache of so many answers would have answered.
#
# Prints reads, hits, stale hits and different questions. CAPACITY 0 is as many as there are. Policies:
#   sieve     as src/cache/eviction.c      lru      least recently asked for      optimum     Belady's, which knows the future: keeps the
#                                                                           answers whose next use comes first, if any does
#   stylist   any capacity: a booking or cancellation ends all of a stylist's answers, holds end none, as in test/classic.sql
#   ttl       the same, and none lives longer than five minutes
# Under the first three, a booking, a cancellation, a hold and its expiry each end the answers for that
# stylist's day.
use strict;
use warnings;

my ($trace, $policy, $capacity) = @ARGV;
my $ttl = 5 * 60 * 50;

# One entry an operation: what is asked, and the day's and the stylist's version at that time.
my (@reads, %seen);
{
	my (%day_version, %stylist_version, @holds);
	open my $in, '<', $trace or die "$trace: $!\n";
	while (<$in>)
	{
		my ($n, $kind, $s, $v, $d, undef, undef, $expires) = split;
		while (@holds && $holds[0][0] <= $n) { $day_version{ (shift @holds)->[1] }++; }
		if ($kind eq 'r')
		{
			push @reads, [ "$s $v $d", $day_version{"$s $d"} // 0, $stylist_version{$s} // 0, $n ];
			$seen{"$s $v $d"} = 1;
			next;
		}
		$day_version{"$s $d"}++;
		push @holds, [ $expires, "$s $d" ] if $kind eq 'h';
		$stylist_version{$s}++ unless $kind eq 'h';
	}
}
$capacity ||= keys %seen;

# Each is asked in order: returns whether it was a hit.
my $hits = 0;
my $stale = 0;
my %policies = (sieve => \&sieve, lru => \&lru, optimum => \&optimum, stylist => \&stylist, ttl => \&stylist);
($policies{$policy} or die "simulate.pl: no policy $policy\n")->();
printf "%d %d %d %d\n", scalar @reads, $hits, $stale, scalar keys %seen;

# A queue in order of arrival; the hand goes from the oldest to the newest and spares, once, what was asked
# for.
sub sieve
{
	my (%entry, $oldest, $newest, $hand);
	my $used = 0;
	my $remove = sub {
		my ($e) = @_;
		$hand = $e->{newer} if defined $hand && $hand == $e;
		if ($e->{newer}) { $e->{newer}{older} = $e->{older} } else { $newest = $e->{older} }
		if ($e->{older}) { $e->{older}{newer} = $e->{newer} } else { $oldest = $e->{newer} }
		$e->{newer} = $e->{older} = undef;
		delete $entry{ $e->{key} };
		$used--;
	};
	for my $read (@reads)
	{
		my ($key, $version) = @$read;
		my $e = $entry{$key};
		if ($e && $e->{version} == $version)
		{
			$e->{visited} = 1;
			$hits++;
			next;
		}
		# As store_keep: who replaces an outdated answer is a second one to ask for it.
		my $asked_before = defined $e;
		$remove->($e) if $e;
		while ($used >= $capacity)
		{
			$e = $hand // $oldest;
			for (my $step = 0; $step < 128 && $e->{visited}; $step++)
			{
				$e->{visited} = 0;
				$e = $e->{newer} // $oldest;
			}
			$hand = $e;
			$remove->($e);
		}
		$e = $entry{$key} = { key => $key, version => $version, visited => $asked_before, older => $newest, newer => undef };
		$newest->{newer} = $e if $newest;
		$newest = $e;
		$oldest //= $e;
		$used++;
	}
}

# The queue has a key again each time it is asked for; what is not the latest mention is passed over.
sub lru
{
	my (%version, %latest, @queue);
	for my $i (0 .. $#reads)
	{
		my ($key, $version) = @{ $reads[$i] };
		if (exists $version{$key} && $version{$key} == $version) { $hits++; }
		else
		{
			delete $version{$key};
			while (keys %version >= $capacity)
			{
				my $at = shift @queue;
				my $victim = $reads[$at][0];
				delete $version{$victim} if exists $version{$victim} && $latest{$victim} == $at;
			}
			$version{$key} = $version;
		}
		$latest{$key} = $i;
		push @queue, $i;
	}
}

# A heap of the kept answers by the read that will use them, the last first.
sub optimum
{
	my (@next, %later);
	for my $i (reverse 0 .. $#reads)
	{
		my ($key, $version) = @{ $reads[$i] };
		my $j = $later{$key};
		$next[$i] = defined $j && $reads[$j][1] == $version ? $j : 0;
		$later{$key} = $i;
	}
	my (@heap, %kept);
	my $used = 0;
	for my $i (0 .. $#reads)
	{
		# kept: answers by the read that will use them.
		if (delete $kept{$i}) { $hits++; $used--; }
		my $j = $next[$i] or next;
		$kept{$j} = 1;
		$used++;
		push @heap, $j;
		for (my $c = $#heap; $c > 0;)
		{
			my $p = int(($c - 1) / 2);
			last if $heap[$p] >= $heap[$c];
			@heap[ $p, $c ] = @heap[ $c, $p ];
			$c = $p;
		}
		while ($used > $capacity)
		{
			my $victim = $heap[0];
			my $last = pop @heap;
			if (@heap)
			{
				$heap[0] = $last;
				for (my $p = 0;;)
				{
					my $c = 2 * $p + 1;
					last if $c > $#heap;
					$c++ if $c < $#heap && $heap[ $c + 1 ] > $heap[$c];
					last if $heap[$p] >= $heap[$c];
					@heap[ $p, $c ] = @heap[ $c, $p ];
					$p = $c;
				}
			}
			$used-- if delete $kept{$victim};
		}
	}
}

sub stylist
{
	my %entry;
	for my $read (@reads)
	{
		my ($key, $day_version, $stylist_version, $n) = @$read;
		my $e = $entry{$key};
		if ($e && $e->[1] == $stylist_version && ($policy eq 'stylist' || $n - $e->[2] < $ttl))
		{
			$hits++;
			$stale++ if $e->[0] != $day_version;
		}
		else { $entry{$key} = [ $day_version, $stylist_version, $n ]; }
	}
}
