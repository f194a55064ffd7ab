# A stylist goes elsewhere, stays longer, goes somewhere else or does not go at all: who asks afterwards gets the
# hours there, of the dates themselves and of the night before that goes on in them, from memory and from the
# table tier, alone and in a range.
#
#   no_zone    an override's time zone is no column that matters
#
# test/pgtap/travel.sql has what the hours are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my ($node, $reader, $writer);
my $day = 10;

# What is kept of a day, while the stylist is in Kathmandu by an override or elsewhere, and changes.
sub changed
{
	my ($stale, $before, $change) = @_;
	my $d = $day += 7;
	$writer->run("INSERT INTO schedule_overrides (stylist_user_id, override_date, timezone) VALUES (t.stylist(1), t.day($d), '$before')");
	$stale->($d) for 1 .. 4;    # until it is remembered, in the table where that is on
	$writer->run("UPDATE schedule_overrides SET timezone = $change WHERE override_date = t.day($d)");
	my $found = $stale->($d);
	$writer->run("DELETE FROM schedule_overrides WHERE override_date = t.day($d)");
	# The other way: as rows come and go.
	return $found || $stale->($d);
}

sub of_day { my ($d) = @_; return $reader->run("SELECT NOT t.exact(1, 1, $d)") eq 't' ? 1 : 0; }
sub of_night { my ($d) = @_; return $reader->run("SELECT NOT t.exact(1, 3, $d - 1)") eq 't' ? 1 : 0; }
# The range of a customer's date, against the days around it.
sub of_range
{
	my ($d) = @_;
	return $reader->run(<<"EOC") eq 't' ? 1 : 0;
SELECT (SELECT jsonb_agg(s -> 'slot_start_utc' ORDER BY s -> 'slot_start_utc') FROM jsonb_array_elements(get_available_slots_range(t.service(1), t.day($d), t.day($d), ARRAY[t.stylist(1)], 'UTC') -> 'slots') s)
       IS DISTINCT FROM (SELECT jsonb_agg(DISTINCT s -> 'slot_start_utc') FROM generate_series($d - 3, $d + 3) n, jsonb_array_elements(t.v1(1, 1, n, 'UTC')) s WHERE (s ->> 'slot_start_local')::date = t.day($d))
EOC
}

my %scenarios = (
	'no_zone, somewhere else' => sub { changed(\&of_day, 'Asia/Tokyo', "'America/New_York'") },
	'no_zone, at home after all' => sub { changed(\&of_day, 'Pacific/Kiritimati', 'NULL') },
	# From 00:00 to 04:00 the night before goes on, but not where that is hours later.
	'no_zone, the night before' => sub { changed(\&of_night, 'Asia/Kathmandu', "'UTC'") },
	'no_zone, a range' => sub { changed(\&of_range, 'Asia/Tokyo', "'Etc/GMT+12'") });

my $make = sub
{
	$node = shift;
	make_salon($node, 'salon', stylists => 3, services => 3, days => 7);
	$node->safe_psql('salon', <<'EOC');
ALTER TABLE schedule_overrides ADD timezone text;
DELETE FROM schedule_overrides;
UPDATE stylist_schedules SET start_time = '18:00', end_time = '24:00', break_start_time = NULL, break_end_time = NULL WHERE stylist_user_id = t.stylist(1);
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time) SELECT t.stylist(1), d, '00:00', '04:00' FROM generate_series(0, 6) d;
SELECT availability_cache.detach();
SELECT count(*) FROM availability_cache.attach();
EOC
};
my $begin = sub { ($reader, $writer) = map { session($node, 'salon') } 1 .. 2; return $reader; };
play_scenarios('memory', 'off', $make, $begin, %scenarios);
play_scenarios('table', 'inline', $make, $begin, %scenarios);

done_testing();
