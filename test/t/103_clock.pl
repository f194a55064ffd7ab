# needs: faketime
#
# The server's clock is set forward and back, by seconds, hours and days, while sessions ask and book: an
# answer is always the one that would be computed now. Notice, horizon and holds go by the clock, so answers
# end with each step forward and must not come back with a step back; in the table there are rows, and in
# memory entries, of times that are yet to come (G4).
#
# The clock is libfaketime's, read from a file by the server alone. AC_LONG=1: AC_LONG_SECONDS (ten minutes).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACRobust;
use ACTest;
use PostgreSQL::Test::Utils qw(append_to_file);
use Test::More;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
plan skip_all => 'no libfaketime here' unless defined $library;

my $seconds = $ENV{AC_LONG} ? $ENV{AC_LONG_SECONDS} // 600 : 9;
my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';

# By a rename, so that nobody reads half of it.
sub set_clock
{
	my ($offset) = @_;
	unlink "$clock.new";
	append_to_file("$clock.new", sprintf "%+d\n", $offset);
	rename "$clock.new", $clock or die "$clock: $!";
	return;
}
set_clock(0);

my $node = robust_node('clock', hooks => 1);
$node->stop;
{
	# Timeouts and waits go by the monotonic clock, which nobody sets.
	local %ENV = (%ENV, LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1,
		DONT_FAKE_MONOTONIC => 1, NO_FAKE_STAT => 1);
	$node->start;
}
my $s = session($node, 'salon');
$s->run(<<'EOC');
UPDATE availability_cache.rules SET min_notice = '90 minutes', max_advance = '6 days', slot_step = '15 minutes';
-- v1, v2, v1: where both v1 agree, and the load committed nothing of the stylist in between, which could have
-- changed the answer and changed it back.
CREATE FUNCTION t.look_at(s int, v int, d int, OUT checked int, OUT hit int, OUT wrong int) LANGUAGE plpgsql AS $$
DECLARE
    version bigint := (SELECT sum(n) FROM t.version WHERE stylist = s);
    a jsonb := t.v1(s, v, d);
    r jsonb := public.get_available_slots_v2(t.stylist(s), t.service(v), t.day(d));
BEGIN
    checked := (a = t.v1(s, v, d) AND version IS NOT DISTINCT FROM (SELECT sum(n) FROM t.version WHERE stylist = s))::int;
    hit := checked * (r ->> 'cache_hit')::boolean::int;
    wrong := checked * (a IS DISTINCT FROM r -> 'slots')::int;
END $$;
CREATE TABLE t.clock_tally (checked bigint, hits bigint, wrong bigint);
EOC

sub sweep
{
	return $s->run(<<'EOC');
INSERT INTO t.clock_tally SELECT sum(checked), sum(hit), sum(wrong)
  FROM generate_series(1, 8) s, generate_series(1, 2) v, generate_series(-1, 4) d, generate_series(1, 2), t.look_at(s, v, d)
 WHERE EXISTS (SELECT FROM stylist_services x WHERE x.stylist_user_id = t.stylist(s) AND x.service_id = t.service(v))
EOC
}

my ($offset, $steps, $back) = (0, 0, 0);
sub step
{
	my @span = (2, 60, 3600, 86_400, 4 * 86_400);
	my $to = int((rand(2) - 1) * $span[ rand @span ]);
	$back++ if $to < $offset;
	$steps++;
	$offset = $to;
	set_clock($offset);
	return;
}

my $sums = new_sums();
for my $tier (qw(off inline background))
{
	# What was booked is no longer called so once it has begun, so acknowledged bookings are not counted.
	my $load = start_load($node, 'salon', seconds => $seconds / 3, hold_open => 5_000,
		clients => { rc => 3, rr => 1, own => 3, price => 1, ack => 0, ack_writer => 0 },
		settings => { table_tier => $tier });
	$s->run("SET availability_cache.table_tier = $tier");
	my $over = time() + $seconds / 3;
	while (time() < $over)
	{
		step();
		# Holds that end soon, by this clock.
		$s->run(sprintf 'SELECT t.hold(%d, %d, %d, interval \'%d s\')', 1 + rand 8, rand 4, rand 24, rand 7200);
		sweep();
	}
	is($load->finish, '', "$tier: no client has failed");
	add_found($sums, load_found($s));
	reset_load($s);
}
my ($checked, $hits, $wrong) = split /\|/, $s->run('SELECT sum(checked), sum(hits), sum(wrong) FROM t.clock_tally');
diag "the clock was set $steps times, $back of them back; days looked at $checked, hits among them $hits, wrong $wrong";
cmp_ok($back, '>', 3, 'it was set back');
cmp_ok($hits, '>', 0, 'there were hits');
is($wrong, 0, 'none is wrong');
say_found('clock', $sums);

# What would not look at the clock would be found.
$s->run("TRUNCATE t.clock_tally; SET availability_cache.table_tier = off; SET availability_cache.test_mutant = 'no_expiry'");
for my $to (0, 3600, -3600, 86_400, -2 * 86_400)
{
	set_clock($to);
	sweep();
}
cmp_ok($s->run('SELECT sum(wrong) FROM t.clock_tally'), '>', 0, 'mutant no_expiry is caught');
$s->run('RESET availability_cache.test_mutant');

set_clock(0);
$s->run('UPDATE availability_cache.rules SET min_notice = DEFAULT, max_advance = DEFAULT, slot_step = DEFAULT; DELETE FROM booking_reservations');
$s->quit;
nothing_left($node, 'salon', 'at last');
is(complaints($node), '', 'no crash, and no internal error');
$node->stop;
done_testing;
