# The tests of services' buffers bite: an answer depends on the buffers of the services that are booked near
# its day, in memory and in the table tier, also when it comes from the table into memory; and on no service
# having longer ones than it looked for.
#
#   own_service_only   answers do not depend on the buffers of other services than their own; the tier hears nothing of buffers
#   no_level           a service's buffers become long, and only the days where it was seen hear of it
#   no_memo_check      a session goes on with buffers that it remembers
#
# test/pgtap/buffers.sql has what must not be outdated.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $day = 10;
sub next_day { return ++$day; }
sub stale { my ($s, $d) = @_; return $s->run("SELECT NOT t.exact(2, 1, $d)") eq 't' ? 1 : 0; }

# Service 2 for stylist 2, at an hour of Kathmandu's day.
sub book
{
	my ($s, $d, $hour) = @_;
	return $s->run('INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(2), t.service(2), at, at + interval \'30 minutes\''
		  . " FROM (SELECT (t.day($d) + make_time($hour, 0, 0)) AT TIME ZONE 'Asia/Kathmandu') x(at)");
}
sub buffer { my ($s, $minutes) = @_; return $s->run("UPDATE services SET buffer_after_minutes = $minutes WHERE id = t.service(2)"); }

my ($node, $reader, $writer);

# Another service's buffers change after the answer was kept.
sub booked_near
{
	my $d = next_day();
	book($writer, $d, 12);
	$reader->run("SELECT t.v2(2, 1, $d)") for 1 .. 2;
	buffer($writer, 100);
	my $found = stale($reader, $d);
	buffer($writer, 'NULL');
	return $found + stale($reader, $d);
}

# It was booked too far away to be seen: at 20:00 the evening before, on another UTC day.
sub booked_far_away
{
	my $d = next_day();
	book($writer, $d++, 20);
	$reader->run("SELECT t.v2(2, 1, $d)");
	buffer($writer, 60 * 12);
	my $found = stale($reader, $d);
	buffer($writer, 'NULL');
	$day = $d;
	return $found;
}

# A session that has computed days with a booking of the service remembers its buffers.
sub remembered
{
	my ($d, $other) = (next_day(), next_day());
	book($writer, $_, 12) for $d, $other;
	$reader->run("SELECT t.v2(2, 1, $d)");
	buffer($writer, 100);
	my $found = stale($reader, $other);
	buffer($writer, 'NULL');
	return $found;
}

# An answer that comes from the table into memory.
sub from_the_table
{
	my $d = next_day();
	book($writer, $d, 12);
	return 'not from the table' unless is_from_table($reader, $writer, 2, $d);
	buffer($writer, 100);
	my $found = stale($reader, $d);
	buffer($writer, 'NULL');
	return $found;
}

# The same, where the table is all there is.
sub only_the_table { return from_the_table(); }

sub play
{
	my ($name, $tier, %scenarios) = @_;
	my $make = sub
	{
		$node = shift;
		make_salon($node, 'salon', stylists => 3, services => 3, days => 7);
	};
	my $begin = sub { ($reader, $writer) = map { session($node, 'salon') } 1 .. 2; return $reader; };
	play_scenarios($name, $tier, $make, $begin, %scenarios);
	return;
}

play('memory', 'off',
	'own_service_only, booked near' => \&booked_near,
	'no_level, booked far away' => \&booked_far_away,
	'no_memo_check, remembered' => \&remembered);
play('both', 'inline', 'own_service_only, from the table into memory' => \&from_the_table);
play('table', 'inline', 'own_service_only, in the table' => \&only_the_table);

done_testing();
