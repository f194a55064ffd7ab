# table.pl text RESULTS          prints the figures as a table
# table.pl write OUT DOCS        puts them between the markers of DOCS/benchmarks.md, and the plots of OUT into DOCS/benchmarks/
# table.pl summary DOCS          prints what DOCS/benchmarks.md should begin with
#
# RESULTS has a line of six fields, with tabs between: part, what, figure, range, bar, verdict. A part that
# did not run keeps what the page has of it. The summary at the page's top is taken from the page.
use strict;
use warnings;
use File::Copy qw(copy);
use Text::Wrap qw(wrap);

$Text::Wrap::columns = 101;
$Text::Wrap::huge = 'overflow';

sub read_results
{
	my ($file) = @_;
	my (%rows, @parts);
	open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
	while (<$in>)
	{
		chomp;
		my ($part, @fields) = split /\t/, $_, -1;
		push @parts, $part unless $rows{$part};
		push @{ $rows{$part} }, \@fields;
	}
	return (\%rows, \@parts);
}

sub as_text
{
	my ($rows, $parts) = read_results(@_);
	binmode STDOUT, ':encoding(UTF-8)';
	my @width = (0) x 4;
	for my $row (map { @{ $rows->{$_} } } @$parts)
	{
		for my $i (0 .. 3) { $width[$i] = length $row->[$i] if $width[$i] < length $row->[$i]; }
	}
	for my $part (@$parts)
	{
		print "$part\n";
		for my $row (@{ $rows->{$part} })
		{
			my $line = sprintf "  %-*s  %*s  %-*s  %-*s  %s", $width[0], $row->[0], $width[1], $row->[1], $width[2], $row->[2],
			  $width[3], $row->[3], $row->[4];
			$line =~ s/\s+$//;
			print "$line\n";
		}
	}
}

sub slurp
{
	my ($file) = @_;
	open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

sub as_markdown
{
	my ($rows) = @_;
	my $text = "| what | measured | 95 % interval | bar | |\n|---|---|---|---|---|\n";
	for my $row (@$rows)
	{
		my @fields = @$row;
		s/\|/\\|/g for @fields;
		$text .= '| ' . join(' | ', @fields) . " |\n";
	}
	return $text;
}

# What the page begins with: a part's row, in the words of a question.
my @summary = (
	[ 'a hit of slots, above a copy of the same bytes', hit => 'v2 hit above the floor' ],
	[ 'a hit of a memoized function, against the function (100 us of plpgsql)', memo => 'plpgsql without a cache / memoized hit, in the server' ],
	[ 'a day computed, against plpgsql with the best index', miss => 'plpgsql v1 with a GiST index / v1 in C, 5,000 bookings' ],
	[ 'a month of 50 stylists in one call, against plpgsql', range => 'plpgsql v1, 1550 calls / days of 50 stylists' ],
	[ 'a booking with our triggers, against one without', booking => 'INSERT, our triggers / without (clients: 1, synchronous_commit off)' ]);

sub summary_of
{
	my ($page) = @_;
	my $text = "| | | 95 % interval | |\n|---|---|---|---|\n";
	for my $line (@summary)
	{
		my ($question, $part, $what) = @$line;
		my ($heading, $figures) = $page =~ /.*^## ([^\n]+)\n.*?<!-- figures of $part -->\n(.*?)<!-- end of $part -->/ms;
		my ($figure, $interval) = ($figures // '') =~ /^\| \Q$what\E \| (.*?) \| (.*?) \|/m or die "no figure '$what' of $part\n";
		my $anchor = lc($heading) =~ s/[^\w -]//gr =~ s/ /-/gr;
		$text .= "| $question | $figure | $interval | [$heading](#$anchor) |\n";
	}
	return $text;
}

sub write_docs
{
	my ($out, $docs) = @_;
	my ($rows, $parts) = read_results("$out/results");
	my $page = slurp("$docs/benchmarks.md");
	my $machine = slurp("$out/machine");
	chomp $machine;
	my $quick = $machine =~ /size quick/ ? ' QUICK=1' : '';
	for my $part (@$parts)
	{
		my $text = as_markdown($rows->{$part}) . "\n" . wrap('', '', "`make bench$quick BENCH=$part` on $machine\n");
		$page =~ s/(<!-- figures of $part -->\n).*?(<!-- end of $part -->)/$1$text$2/s
		  or die "$docs/benchmarks.md has no place for the figures of $part\n";
	}
	my $summary = summary_of($page);
	$page =~ s/(<!-- summary -->\n).*?(<!-- end of summary -->)/$1$summary$2/s or die "$docs/benchmarks.md has no place for a summary\n";
	open my $to, '>:encoding(UTF-8)', "$docs/benchmarks.md" or die "$docs/benchmarks.md: $!\n";
	print $to $page;
	close $to or die "$docs/benchmarks.md: $!\n";
	mkdir "$docs/benchmarks";
	for my $svg (glob "$out/*.svg")
	{
		my ($name) = $svg =~ m{([^/]+)$};
		copy($svg, "$docs/benchmarks/$name") or die "$name: $!\n";
	}
}

my $command = shift // '';
if ($command eq 'text') { as_text(@ARGV); }
elsif ($command eq 'write') { write_docs(@ARGV); }
elsif ($command eq 'summary') { print summary_of(slurp("$ARGV[0]/benchmarks.md")); }
else { die "table.pl: text, write or summary\n"; }
