# The benchmark still runs: its parts, at a size that measures nothing, prints the figures that
# docs/benchmarks.md shows. What they are is not looked at. The parts themselves die when two answers that
# must be the same are not.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use IPC::Run ();
use Test::More;

plan skip_all => 'AC_BIN is not set: run test/run tap' unless $ENV{AC_BIN} && $ENV{AC_STAGE};

my $test = dirname($FindBin::RealBin);
my ($out, $err) = ('', '');
local $ENV{TINY} = 1;
delete local @ENV{qw(QUICK WRITE)};
# json does what hit does, and profile needs valgrind.
my @parts = qw(hit miss sessions memory hitrate warm booking others disturbed stampede table scale memo uses guard range postgrest);
my $ok = IPC::Run::run([ 'bash', "$test/bench/run", @parts ], '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout(600));
ok($ok, 'it runs to its end') or diag "$out\n$err";
my ($table) = $out =~ /^All figures.*?\n(.*)/ms;
$table //= '';

my %lines = (
	hit       => [ 'floor, in the server', 'v2 hit above the floor', 'v2 / floor, clients: 1', 'v2 / classic v2, clients: 1', 'Redis GET', 'Pgpool-II' ],
	miss      => [ 'plpgsql v1 / v1 in C, 50 bookings', 'plpgsql v1 / v1 in C, 500 bookings', 'not cached yet' ],
	sessions  => [ "a session's first v1", 'after ANALYZE', 'locks held', 'nobody knows' ],
	memory    => [ 'a day of 24 slots', 'stylist-days that fit', 'all it takes for each day' ],
	hitrate   => [ 'hit rate of the extension', 'classic' ],
	warm      => [ 'hit rate, without a worker', 'hit rate, with one', 'right after a restart, with one' ],
	booking   => [ 'INSERT, our triggers / without', 'INSERT, classic trigger / without', 'COPY of' ],
	others    => [ 'valid answers in memory', 'answers lost to', 'evictions meanwhile' ],
	disturbed => [ 'a booking is prepared', 'flush() among hits' ],
	stampede  => [ 'computations', 'longest wait of the others' ],
	table     => ['table tier'],
	scale     => [ 'answers in memory', 'stylists', 'start with 4GB' ],
	memo      => [ 'memoized hit above the floor, INVOKER', 'a miss above the original', 'as PostgREST asks, clients: 1', 'Redis GET' ],
	postgrest => [ 'classic / json as a media type, the statement of a GET', '25 days: jsonb_agg', 'json as a media type / classic v2, requests by POST, clients: 1' ],
	range     => [ 'a month of one stylist, every slot, in the server', 'calls / days of 50 stylists', 'days computed again after a booking', 'a month in one call / in 31' ],
	uses      => [ 'a course by its slug', 'five reads in one', 'list, memoized / before' ],
	guard     => [ 'guard off / nothing else', 'guard: on / a function', 'guard: on / an exclusion constraint' ]);
for my $part (sort keys %lines)
{
	my ($figures) = $table =~ /^\Q$part\E\n((?:  .*\n)+)/m;
	for my $line (@{ $lines{$part} })
	{
		like($figures // '', qr/^  .*\Q$line\E.*  \S/m, "$part: $line");
	}
}

# Every part has its place in the page, so that WRITE=1 can put its figures there.
my $page = do { local (@ARGV, $/) = ("$test/../docs/benchmarks.md"); <> };
for my $part (@parts, 'json', 'profile')
{
	like($page, qr/<!-- figures of $part -->\n.*<!-- end of $part -->/s, "docs/benchmarks.md has a place for $part");
}

# And what it begins with is from its figures.
my $summary = '';
IPC::Run::run([ $^X, "$test/bench/table.pl", 'summary', "$test/../docs" ], '>', \$summary);
like($summary, qr/^\| .* \| \d/m, 'a summary');
like($page, qr/<!-- summary -->\n\Q$summary\E<!-- end of summary -->/, 'the summary is of the figures below it');

done_testing;
