# table.pl text RESULTS          prints the figures as a table
# table.pl write OUT DOCS        puts them between the markers of DOCS/benchmarks.md, and the plots of OUT into DOCS/benchmarks/
#
# RESULTS has a line of six fields, with tabs between: part, what, figure, range, bar, verdict. A part that did not run
# keeps what the page has of it.
use strict;
use warnings;
use File::Copy qw(copy);

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
		my $text = as_markdown($rows->{$part}) . "\n`make bench$quick BENCH=$part` on $machine\n";
		$page =~ s/(<!-- figures of $part -->\n).*?(<!-- end of $part -->)/$1$text$2/s
		  or die "$docs/benchmarks.md has no place for the figures of $part\n";
	}
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
else { die "table.pl: text or write\n"; }
