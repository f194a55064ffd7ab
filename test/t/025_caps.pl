# The tests of caps bite: a day with a cap of the week depends on the other days of that week, one with a
# service's cap on all stylists' appointments of the service where these are counted together, in memory and
# in the table tier; and who was writing when that was turned on is waited for.
#
#   no_week          a day does not depend on the other days in which appointments are counted
#   no_service_day   a booking does not say of which service it is
#   guard_no_wait    turning it on does not wait
#
# test/pgtap/caps.sql has what must not be outdated.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my ($node, $reader, $writer, $monday);
sub next_week { $monday += 7; return $monday; }
sub stale { my ($s, $d) = @_; return $reader->run("SELECT NOT t.exact($s, 1, $d)") eq 't' ? 1 : 0; }
sub reset_caps
{
	$writer->run("UPDATE availability_cache.rules SET service_caps = 'each'") if $writer->run('SELECT service_caps FROM availability_cache.rules') ne 'each';
	$writer->run('UPDATE stylist_profiles SET max_bookings_per_week = NULL; UPDATE services SET max_bookings_per_week = NULL');
	return;
}
# Asked until it is remembered, in the table where that is on.
sub ask { my ($s, $d) = @_; $reader->run("SELECT t.v2($s, 1, $d)") for 1 .. 4; return; }

# A booking on Monday, and Friday's answer.
sub other_day
{
	my $d = next_week();
	$writer->run('UPDATE stylist_profiles SET max_bookings_per_week = 1 WHERE user_id = t.stylist(1)');
	ask(1, $d + 4);
	$writer->run("SELECT t.book(1, $d, 3)");
	my $found = stale(1, $d + 4);
	reset_caps();
	return $found;
}

# Another stylist's booking on Monday, and Friday's answer.
sub other_stylist
{
	my $d = next_week();
	$writer->run("UPDATE availability_cache.rules SET service_caps = 'together'; UPDATE services SET max_bookings_per_week = 1 WHERE id = t.service(1)");
	ask(1, $d + 4);
	$writer->run("SELECT t.book(2, $d, 3)");
	my $found = stale(1, $d + 4);
	reset_caps();
	return $found;
}

# Who wrote when services were not told has committed before they are.
sub turned_on
{
	my $d = next_week();
	my $late = session($node, 'salon');
	my $dba = session($node, 'salon');
	$writer->run('UPDATE services SET max_bookings_per_week = 1 WHERE id = t.service(1)');
	$late->run("BEGIN; SELECT t.book(2, $d, 3)");
	$dba->send("UPDATE availability_cache.rules SET service_caps = 'together'");
	sleep 0.3;
	my $waited = !$dba->ready;
	$dba->result unless $waited;
	ask(1, $d + 4);
	$late->run('COMMIT');
	$dba->result if $waited;
	my $found = stale(1, $d + 4);
	reset_caps();
	return $found;
}

sub play
{
	my ($name, $tier, %scenarios) = @_;
	my $make = sub
	{
		$node = shift;
		make_salon($node, 'salon', stylists => 3, services => 2, days => 7);
		$node->safe_psql('salon', <<'EOC');
ALTER TABLE services ADD max_bookings_per_week int;
ALTER TABLE stylist_profiles ADD max_bookings_per_week int;
SELECT availability_cache.detach();
SELECT count(*) FROM availability_cache.attach();
EOC
		$monday = $node->safe_psql('salon', 'SELECT n FROM generate_series(10, 16) n WHERE extract(isodow FROM t.day(n)) = 1');
	};
	my $begin = sub { ($reader, $writer) = map { session($node, 'salon') } 1 .. 2; return $reader; };
	play_scenarios($name, $tier, $make, $begin, %scenarios);
	return;
}

my %both = ('no_week, another day' => \&other_day, 'no_service_day, another stylist' => \&other_stylist);
play('memory', 'off', %both, 'guard_no_wait, turned on' => \&turned_on);
play('table', 'inline', %both);

done_testing();
