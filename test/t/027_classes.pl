# Classes with several sessions (docs/rules.md, 22). A class that is added, moved, given away or cancelled
# outdates the days that it was on and those that it comes to, of all services of the stylist and over
# midnight, in memory and in the table tier; and with rules.guard no seat of a class is sold twice.
#
# Each way to break it that the TEST_HOOKS build knows is found by the scenario that is named:
#
#   no_class              nobody hears of a class
#   no_class_day          a day that has no hours does not depend on what classes it may get
#   guard_no_lock         the guard does not wait for others at the class
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my ($reader, $writer);
my $day = 10;
sub next_day { $day += 3; return $day; }
sub mutant { my ($name) = @_; return ('availability_cache.test_mutant' => $name); }

# t.class(stylist, service, day, slot) makes one of an hour; the salon of the guard has seven seats in each.
sub make_classes
{
	my ($node) = @_;
	make_salon($node, 'salon', stylists => 4, services => 3, days => 7);
	$node->safe_psql('salon', <<'EOC');
CREATE TABLE class_sessions (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, seats int DEFAULT 7, status text);
CREATE FUNCTION t.class(s int, v int, d int, n int, minutes int DEFAULT 60) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.class_sessions (stylist_id, service_id, starts_at, ends_at) VALUES (t.stylist(s), t.service(v), t.at(d, n), t.at(d, n) + make_interval(mins => minutes))
$$;
CREATE FUNCTION t.take(s int, v int, d int, n int, minutes int DEFAULT 60) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.bookings (stylist_user_id, service_id, start_time, end_time) VALUES (t.stylist(s), t.service(v), t.at(d, n), t.at(d, n) + make_interval(mins => minutes))
$$;
ALTER TABLE services ADD only_classes boolean;
UPDATE services SET only_classes = id = t.service(2);
-- v1 knows no seats: an answer is compared with one that is computed.
CREATE FUNCTION t.fresh(s int, v int, d int) RETURNS jsonb LANGUAGE plpgsql SET availability_cache.enabled = off AS $$ BEGIN RETURN t.v2(s, v, d); END $$;
CREATE FUNCTION t.right(s int, v int, d int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN t.v2(s, v, d) = t.fresh(s, v, d); END $$;
SELECT count(*) FROM availability_cache.attach();
EOC
	return;
}

# ---------------------------------------------------------------------------
# What is kept
# ---------------------------------------------------------------------------

# How many answers of these days, with services 1 and 3, are not what is computed.
sub stale
{
	my (@days) = @_;
	return scalar grep { $_ ne 't' } map { my $d = $_; map { $reader->run("SELECT t.right(1, $_, $d)") } 1 .. 3 } @days;
}
sub asked
{
	my (@days) = @_;
	for my $d (@days) { for my $service (1 .. 3) { $reader->run("SELECT t.v2(1, $service, $d)") for 1 .. 2; } }
	return;
}

# Answers that are wrong after each change.
sub changed
{
	my ($d, @changes) = @_;
	my $found = 0;
	for my $change (@changes)
	{
		asked($d, $d + 1);
		$writer->run($change);
		$found += stale($d, $d + 1);
	}
	$writer->run('DELETE FROM class_sessions');
	return $found;
}

sub touched
{
	my $d = next_day();
	return changed($d, "SELECT t.class(1, 1, $d, 4)",
		"UPDATE class_sessions SET starts_at = t.at($d + 1, 4), ends_at = t.at($d + 1, 6)",
		'UPDATE class_sessions SET service_id = t.service(3)',
		'UPDATE class_sessions SET seats = 2',
		'UPDATE class_sessions SET stylist_id = t.stylist(2)',
		'UPDATE class_sessions SET stylist_id = t.stylist(1)',
		"UPDATE class_sessions SET starts_at = t.at($d, 22), ends_at = t.at($d + 1, 3)",
		"SELECT t.take(1, 3, $d, 22)",
		"UPDATE class_sessions SET status = 'cancelled'",
		'UPDATE class_sessions SET status = NULL',
		"UPDATE class_sessions SET starts_at = t.at($d, 28), ends_at = t.at($d, 30)",
		'DELETE FROM class_sessions',
		"SELECT t.class(1, 2, $d, n) FROM generate_series(0, 20, 4) n",
		'TRUNCATE class_sessions');
}

# One of two days, which is in the way on the third: fails where a class touches the day on which it starts alone.
sub of_days
{
	my $d = next_day();
	asked($d + 2);
	my $found = 0;
	for my $change ("SELECT t.class(1, 1, $d, 4, 3000)", 'UPDATE class_sessions SET ends_at = starts_at',
		"UPDATE class_sessions SET ends_at = t.at($d + 2, 8)", 'DELETE FROM class_sessions')
	{
		$writer->run($change);
		$found += stale($d + 2);
	}
	return $found;
}

# Service 2 has no hours: nothing else makes its days depend on anything of that day.
sub without_hours
{
	my $d = next_day();
	return changed($d, "SELECT t.class(1, 2, $d, -10)", 'DELETE FROM class_sessions', "SELECT t.class(1, 2, $d, 30)");
}

# The same, of an answer that comes from the table.
sub in_the_table
{
	my $d = next_day();
	return 'not from the table' unless is_from_table($reader, $writer, 1, $d);
	$writer->run("SELECT t.class(1, 1, $d, 4)");
	my $found = stale($d);
	$writer->run('DELETE FROM class_sessions');
	return $found;
}

sub play
{
	my ($name, $tier, %scenarios) = @_;
	my $node;
	my $make = sub { $node = shift; make_classes($node); };
	my $begin = sub { ($reader, $writer) = map { session($node, 'salon') } 1 .. 2; return $reader; };
	play_scenarios($name, $tier, $make, $begin, %scenarios);
	return;
}

play('memory', 'off', 'no_class, touched' => \&touched, 'no_class, of days' => \&of_days, 'no_class_day, without hours' => \&without_hours);
play('table', 'inline', 'no_class, in the table' => \&in_the_table);

# ---------------------------------------------------------------------------
# The guard: twelve clients at seven seats
# ---------------------------------------------------------------------------
my $node = new_node('guard', hooks => 1, conf => "deadlock_timeout = 20ms\nmax_connections = 100");
make_classes($node);
my $a = session($node, 'salon');
$a->run("UPDATE availability_cache.rules SET guard = 'on', max_advance = '3660 days'");

# How many win, and which errors the others get.
sub rush
{
	my ($service, %with) = @_;
	my $d = next_day();
	$a->run("SELECT t.class(1, $service, $d, 4)");
	my @clients = map { session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 20000, %with) } 1 .. 12;
	$_->send("SELECT t.take(1, $service, $d, 4)") for @clients;
	$_->result for @clients;
	my %errors = map { $_->{sqlstate} => 1 } grep { $_->{sqlstate} ne '' } @clients;
	my $made = $a->run("SELECT count(*) FROM bookings WHERE start_time = t.at($d, 4)");
	return "$made, " . join ' ', sort keys %errors;
}
is(rush(1), '7, 23P01', 'seven win, and the others are told');
is(rush(2), '7, 23P01', 'the same where there are only classes');
isnt(rush(1, mutant('guard_no_lock')), '7, 23P01', 'guard_no_lock is found');

# One has been checked and is not yet visible when another takes the last seat, or a time that the class is over.
sub during_commit
{
	my ($second, $code) = @_;
	my $d = next_day();
	my $first = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 600000);
	$a->run("SELECT t.class(1, 1, $d, 4)");
	$a->run("SELECT t.take(1, 1, $d, 4)") for 1 .. 6;
	my $before = stat_of($a, 'invalidations');
	$first->send("SELECT t.take(1, 1, $d, 4)");
	wait_until(sub { stat_of($a, 'invalidations') > $before }, 'the first to be checked');
	my $found = session($node, 'salon')->fails(sprintf $second, $d);
	$first->result;
	return $first->{sqlstate} eq '' ? $found : "first $first->{sqlstate}";
}
is(during_commit('SELECT t.take(1, 1, %s, 4)'), '23P01', 'one that is committing is waited for');
is(during_commit('SELECT t.take(1, 1, %s, 5, 30)'), '23P01', 'and nobody gets in between');

done_testing();
