# Whoever is killed, nothing is stale: backends, the worker and the checkpointer by kill -9 at random, which
# has the server start over, and backends and the worker by SIGTERM, under a load that is checked, with each
# setting of the table tier. What was acknowledged is there (G1, G7).
#
# AC_LONG=1 goes on for AC_LONG_SECONDS (ten minutes). The load is that of 011_mutants.pl and
# 031_table_mutants.pl, which show what it finds.
#
# Shown to fail with, in src/cache/prepared.c: prepared_shmem_init that starts with known = 1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACRobust;
use ACTest;
use Test::More;

my $seconds = $ENV{AC_LONG} ? $ENV{AC_LONG_SECONDS} // 600 : 9;
my $node = robust_node('killed', conf => "availability_cache.worker_idle_timeout = '2s'");
my %kills = (crash => 0, term => 0);
my $sums = new_sums();
my %clients = (rc => 4, rr => 2, own => 4, price => 1);

# A backend of the load, or what the server starts; SIGKILL to any of them is a crash.
my %victims = (
	backend => q{backend_type = 'client backend' AND pid <> pg_backend_pid()},
	worker => q{backend_type = 'availability_cache worker'},
	other => q{backend_type IN ('checkpointer', 'walwriter', 'background writer')});

sub strike
{
	my ($s, $signal, $who) = @_;
	my $pid = $s->run("SELECT pid FROM pg_stat_activity WHERE $victims{$who} ORDER BY random() LIMIT 1");
	return 0 if $pid eq '';
	# It may have ended by itself.
	return kill $signal, $pid;
}

# What was prepared before the crash shows once it is committed, also to who was answered before; of a
# stylist's day that the load leaves alone.
sub commit_prepared
{
	my ($day, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(sub { $node->psql('salon', 'SELECT 1') == 0 }, 'the server to be back') or BAIL_OUT('the server does not come back');
	my $s = session($node, 'salon');
	my $before = $s->run("SELECT t.look(2, 1, $day)");
	$s->run("COMMIT PREPARED 'before the crash'");
	isnt($s->run("SELECT t.look(2, 1, $day)"), $before, "$name: what was prepared before the crash shows");
	$s->quit;
	return;
}

my $over = time() + $seconds;
my $round = 0;
while (time() < $over || $round < 3)
{
	my $tier = (qw(background inline off))[ $round++ % 3 ];
	my $load = start_load($node, 'salon', seconds => 60, hold_open => 5_000, clients => \%clients, settings => { table_tier => $tier });
	my $s = session($node, 'salon');
	# Not beside one of those before, which would leave nothing to be seen.
	my ($day, $slot) = (4 + int($round / 12), 2 * ($round % 12));
	$s->run("BEGIN; SELECT t.book(2, $day, $slot); PREPARE TRANSACTION 'before the crash'");

	# First one after the other ends, then all at once.
	sleep 0.3;
	for (1 .. 3)
	{
		$kills{term} += strike($s, 'TERM', rand() < 0.3 ? 'worker' : 'backend');
		sleep rand(0.3);
	}
	my @who = (qw(backend backend worker other))[ rand 4 ];
	$kills{crash} += strike($s, 'KILL', $who[0]) || strike($s, 'KILL', 'backend');
	$load->stop;
	$s->quit;
	commit_prepared($day, "round $round, $tier");
	$s = back_again($node, 'salon');
	my $found = load_found($s);
	is($found->{all}{stale} // 0, 0, "round $round, $tier: nothing is stale") or diag stale_kinds($found);
	$s->quit;
	nothing_left($node, 'salon', "round $round, $tier") if $round <= 3 || $round % 10 == 0;
}
my $s = back_again($node, 'salon');
add_found($sums, load_found($s));
$s->quit;
diag "killed: $kills{crash} crashes, $kills{term} sessions ended";
say_found('killed', $sums);
cmp_ok($kills{crash}, '>=', 3, 'there were crashes');
is(complaints($node, qr/terminated by signal 9/), '', 'no other crash, and no internal error');
$node->stop;
done_testing;
