# get_available_slots, get_available_slots_v2 and get_available_slots_json against the oracle of test/oracle,
# on thousands of random days, with the wall clock (normal build) and with a clock that the test sets (hooks
# build), in three table layouts.
#
# Shown to fail with, in src/slots/scan.c: a range that leaves out its end (a hold without one).
#
#   AC_LONG=1           every mutant of the oracle is looked for
#   AC_ORACLE=10        ten times as many rounds
#   AC_ORACLE_SEED=7    other salons; a difference names seed, round and step:
#                       CALL oracle.compare('hooks', seed, round, round) in that layout's database shows it again
use strict;
use warnings;
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'AC_BIN and AC_HOOKS_BIN are not set: run test/run tap' unless $ENV{AC_BIN} && $ENV{AC_HOOKS_BIN};

my $sql = dirname(__FILE__) . '/../oracle';
my $seed = $ENV{AC_ORACLE_SEED} // 1;
my $times = $ENV{AC_ORACLE} // 1;
# With the wall clock half of them: what goes by the clock is in the others.
my %rounds = (usual => 44, minimal => 20, other => 30);
my @statuses = qw(available booked reserved unavailable);

# A row of SELECT, as a hash.
sub row
{
	my ($node, $db, @columns) = @_;
	my $from = pop @columns;
	my %row;
	@row{@columns} = split /\|/, $node->safe_psql($db, 'SELECT ' . join(', ', @columns) . " FROM $from");
	return \%row;
}

# Rounds 1 to last, or until there are enough differences; the outcome is in oracle.result.
sub compare
{
	my ($node, $db, $mode, $last, %opt) = @_;
	$node->safe_psql($db, 'TRUNCATE oracle.result');
	$node->safe_psql($db, ($opt{set} ? "SET $opt{set};\n" : '')
		  . "CALL oracle.compare('$mode', $seed, 1, $last, " . ($opt{enough} // 'NULL') . ')');
	return row($node, $db, qw(days slots errors hits_first hits_again retries differences),
		(map { "coalesce((statuses->>'$_')::int,0) AS $_" } @statuses, 'in_break'), 'oracle.result');
}

for my $build ([ clock => $ENV{AC_BIN} ], [ hooks => $ENV{AC_HOOKS_BIN} ])
{
	my ($mode, $bin) = @$build;
	my $node = PostgreSQL::Test::Cluster->new($mode, install_path => dirname($bin));
	$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
	# No entry shall leave before the rules outdate it.
	$node->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'availability_cache'
availability_cache.ttl = '30d'
availability_cache.table_tier = off
fsync = off
jit = off
timezone = 'UTC'
EOC
	$node->start;

	for my $layout (qw(usual minimal other))
	{
		my $start = time;
		$node->safe_psql('postgres', "CREATE DATABASE $layout");
		$node->command_ok(
			[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', "layout=$layout", '-d', $node->connstr($layout),
				map { ('-f', "$sql/$_.sql") } qw(layouts oracle random_salon compare) ],
			"$mode, $layout: set up");
		my $r = compare($node, $layout, $mode, $rounds{$layout} * $times / ($mode eq 'clock' ? 2 : 1));
		note sprintf '%s, %s: %d days, %d slots, %d errors compared, each with v1, json and twice with v2; v2 from memory: '
		  . '%d times at once, %d times when asked again; %d retries; %.1f s',
		  $mode, $layout, @$r{qw(days slots errors hits_first hits_again retries)}, time - $start;
		is($r->{differences}, 0, "$mode, $layout: the oracle agrees on $r->{days} days")
		  or diag $node->safe_psql($layout, 'SELECT unnest(shown) FROM oracle.result');

		# Nothing of this is worth much if it compares errors and empty days, or if v2 never remembers.
		cmp_ok($r->{slots}, '>', 8 * $r->{days}, "$mode, $layout: days have slots");
		my @missing = grep { $r->{"coalesce((statuses->>'$_')::int,0) AS $_"} < 100 } @statuses, $layout eq 'minimal' ? () : 'in_break';
		is("@missing", '', "$mode, $layout: every status came up");
		cmp_ok($r->{hits_first}, '>', $r->{days} / 10, "$mode, $layout: answers that outlived changes and time were asked for");
		cmp_ok($r->{hits_again}, '>', $r->{days} / 4, "$mode, $layout: v2 remembers");
		next if $mode ne 'hooks';
		# What is read without queries otherwise, by queries alone.
		$r = compare($node, $layout, $mode, 10, set => "availability_cache.test_mutant = 'queries_only'");
		is($r->{differences}, 0, "$layout, by queries: the oracle agrees on $r->{days} days")
		  or diag $node->safe_psql($layout, 'SELECT unnest(shown) FROM oracle.result');
	}

	if ($mode eq 'hooks')
	{
		# Would it notice? The long mode finds that every mutant of the oracle differs; else a quarter of them, by
		# the seed, is looked for so long that most come up.
		my $start = time;
		my $last = $ENV{AC_LONG} ? 300 : 12;
		$node->safe_psql('other', "UPDATE oracle.mutant SET chosen = abs(hashtext(name) % 4) = $seed % 4") unless $ENV{AC_LONG};
		$node->safe_psql('other', "CALL oracle.catch_mutants('hooks', $seed, $last)");
		my $m = row($node, 'other', 'count(*)', 'count(caught)', 'oracle.mutant WHERE chosen');
		my $missed = $node->safe_psql('other', "SELECT string_agg(name, ', ') FROM oracle.mutant WHERE chosen AND caught IS NULL");
		note sprintf '%d mutants, %d caught; %.1f s; not caught: %s', $m->{'count(*)'}, $m->{'count(caught)'}, time - $start, $missed;
		if ($ENV{AC_LONG}) { is($missed, '', 'all mutants of the oracle are caught'); }
		else { cmp_ok($m->{'count(caught)'}, '>', $m->{'count(*)'} / 2, 'most mutants of the oracle are caught'); }

		# And a cache that keeps an answer too long, or forgets another's.
		my $r = compare($node, 'other', 'hooks', 100, set => "availability_cache.test_mutant = 'no_expiry'", enough => 1);
		cmp_ok($r->{differences}, '>', 0, 'a cache that ignores the clock is caught');

		my %wrong = (
			'names the wrong stylist' => [ '"The Salon"."Appointments"', 'booking', "'bookings', 'service', 'begins', 'finishes', 'state'" ],
			'does not know what matters' => [ '"The Salon".hours', 'schedule', "'stylist_schedules', 'stylist', '', '', '', '', '', '', '', ''" ]);
		for my $fault (sort keys %wrong)
		{
			my ($table, $name, $args) = @{ $wrong{$fault} };
			my $trigger = "trigger_invalidate_cache_on_$name";
			$node->safe_psql('other', <<"EOC");
BEGIN;
CREATE OR REPLACE TRIGGER $trigger AFTER INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW
    EXECUTE FUNCTION private.invalidate_availability_cache($args);
ALTER TABLE $table ENABLE ALWAYS TRIGGER $trigger;
COMMIT;
EOC
			$r = compare($node, 'other', 'hooks', 100, enough => 1);
			cmp_ok($r->{differences}, '>', 0, "a trigger that $fault is caught");
			$node->safe_psql('other', "DROP TRIGGER $trigger ON $table; SELECT availability_cache.attach()");
		}
	}
	$node->stop;
}

done_testing();
