# A hit that is held between its copy and the mark it leaves on the entry, which is evicted meanwhile, its
# block part of another answer: the mark changes nothing of that (G1, G8). With the mutant that marks where
# answers have their bytes it does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('late_mark', hooks => 1, conf => "availability_cache.shared_memory_size = '4MB'\navailability_cache.ttl = 0\n");
make_salon($node, 'salon', stylists => 4, services => 3, days => 7);

# Stylist 2 has an answer of many blocks, stylist 1 small ones, which fill the memory.
my $large = q{t.stylist(2), t.service(1), t.day(1), 'UTC'};
my $small = q{SELECT count(get_available_slots_v2(t.stylist(1), t.service(1), t.day(n), z.name)) FROM generate_series(0, 39) n,
	(SELECT name FROM pg_timezone_names WHERE length(name) < 20 AND name !~ 'posix' ORDER BY 1 LIMIT 350) z};
$node->safe_psql('salon', <<'EOC');
UPDATE availability_cache.rules SET slot_step = '1 min';
UPDATE stylist_schedules SET end_time = '08:50' WHERE stylist_user_id = t.stylist(1);
EOC

# Whether the large answer is a hit, and still what it was.
sub look { my ($s) = @_; return $s->run("SELECT a ->> 'cache_hit', a -> 'slots' = t.v1(2, 1, 1, 'UTC') FROM get_available_slots_v2($large) a"); }

# What a look finds after a late mark on the entry that goes next.
sub late_mark
{
	my ($mutant, $seconds) = @_;
	my ($s, $late) = (session($node, 'salon'), session($node, 'salon', 'availability_cache.test_mutant' => $mutant));

	$s->run("SELECT availability_cache.flush(); $small");
	cmp_ok(stat_of($s, 'evictions'), '>', 0, "$mutant: memory is full");
	my $victim = $s->run("SELECT format('%L, %L, %L, %L', stylist_user_id, service_id, cache_date, timezone)"
		  . ' FROM availability_cache.entries ORDER BY computed_at OFFSET 1 LIMIT 1');
	$late->run('SET availability_cache.test_sleep_before_mark = ' . $seconds * 1_000_000);
	$late->send("SELECT get_available_slots_v2($victim) ->> 'cache_hit'");
	wait_until(sub { $s->run('SELECT count(*) FROM pg_stat_activity WHERE state = \'active\' AND pid = ' . $late->pid) == 1 },
		'the late session to look');
	$s->run('SELECT pg_sleep(0.3)');
	$s->run("SELECT get_available_slots_v2($large)");
	is(look($s), 'true|t', "$mutant: an answer takes the place of others");
	is($late->result, 'true', "$mutant: the late session had a hit");
	my $found = look($s);
	$_->quit for $s, $late;
	return $found;
}

is(late_mark('none', 2), 'true|t', 'the late mark changed nothing');
# On a busy machine the mark can come too early.
my $found = 'true|t';
for my $seconds (2, 5, 10)
{
	$found = late_mark('mark_in_data', $seconds) if $found eq 'true|t';
}
isnt($found, 'true|t', 'where answers have their bytes it does');
$node->stop;
done_testing();
