# Another extension's PRE_COMMIT callback that books after ours has run, whether the transaction had changed
# anything before or not, committed or prepared: readers see it at once, and nothing stays pending (G1, G6).
#
# Shown to fail with, in src/cache/changes.c: begin_changes that leaves the phase where nothing is touched
# yet; begin_late without hand_over.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('late', hooks => 1, conf => "max_prepared_transactions = 2\n");
make_salon($node, 'salon');
my ($w, $r) = (session($node, 'salon'), session($node, 'salon'));
my $day = 0;

# Runs statements of a transaction in a session whose commits also book slot 3 of the day.
sub late
{
	my ($statements) = @_;

	$w->run("SET availability_cache.test_at_pre_commit = 'SELECT t.book(1, $day, 3)'");
	$w->run($statements);
	$w->run('RESET availability_cache.test_at_pre_commit');
	return;
}

sub is_booked
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is($r->run("SELECT substr(t.look(1, 1, $day), 4, 1)"), 'b', "$name: seen");
	is($r->run("SELECT t.exact(1, 1, $day)"), 't', "$name: exact");
	is($r->run("SELECT t.hit(1, 1, $day)"), 't', "$name: a hit");
	nothing_pending($r, "$name: nothing is pending");
	return;
}

# Statements that are not in a transaction of their own commit the SET too.
for my $case ([ 'nothing before', 'SELECT 1' ], [ 'another day before', 'SELECT t.book(1, 40, 7)' ])
{
	my ($name, $before) = @$case;

	$day++;
	$r->run("SELECT t.look(1, 1, $day), t.look(1, 1, $day)");
	late("BEGIN; $before; COMMIT");
	is_booked("$name, committed");

	$day++;
	$r->run("SELECT t.look(1, 1, $day), t.look(1, 1, $day)");
	$w->run("BEGIN; SET LOCAL availability_cache.test_at_pre_commit = 'SELECT t.book(1, $day, 3)'; $before; PREPARE TRANSACTION 'late'");
	is($r->run("SELECT substr(t.look(1, 1, $day), 4, 1)"), 'a', "$name, prepared: not seen");
	is($r->run("SELECT t.hit(1, 1, $day)"), 'f', 'nor kept meanwhile');
	$r->run("COMMIT PREPARED 'late'");
	is_booked("$name, prepared and committed");
}
$node->stop;
done_testing();
