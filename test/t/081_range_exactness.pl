# A range of days is as of one commit: appointments that move from one day, or stylist, to another are always
# on exactly one; who moved one sees it where it is, before and after the commit; REPEATABLE READ has the
# range of its snapshot. Fails with the mutant torn_moment, by which days that were kept later are taken, in
# an interleaving that is forced.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('range', hooks => 1, conf => "availability_cache.ttl = 0\n");
make_salon($node, 'salon', stylists => 4, services => 2, days => 30);
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION t.team(VARIADIC int[]) RETURNS uuid[] LANGUAGE sql AS $$ SELECT array_agg(t.stylist(s)) FROM unnest($1) s $$;
-- Where something is booked, in days' own words; of one stylist.
CREATE FUNCTION t.booked(s int, d1 int, d2 int) RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT coalesce(string_agg(x ->> 'slot_start_utc', ' '), '')
  FROM jsonb_array_elements(get_available_slots_range(t.service(1), t.day(d1), t.day(d2), t.team(s)) -> 'slots') x WHERE x ->> 'status' = 'booked' $$;
-- How many starts each date has, of both stylists together.
CREATE FUNCTION t.seats(a int, b int, d1 int, d2 int) RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT sum((x ->> 'seats')::bigint) FROM jsonb_array_elements(get_available_days(t.service(1), t.day(d1), t.day(d2), t.team(a, b)) -> 'days') x $$;
CREATE FUNCTION t.utc(timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') $$;
INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time)
SELECT t.stylist(s), t.stylist(s), t.service(1), t.at(1, 0), t.at(1, 1) FROM generate_series(1, 4) s;

-- A writer: moves the stylist's appointment about, and looks where it is. What it sees wrong it raises.
CREATE PROCEDURE t.move(s int, n int) LANGUAGE plpgsql AS $$
DECLARE
    place timestamptz;
    seen text;
BEGIN
    FOR i IN 1 .. n LOOP
        place := t.at((i * 7) % 14, (i * 5) % 24);
        UPDATE bookings SET start_time = place, end_time = place + interval '30 minutes' WHERE id = t.stylist(s);
        seen := t.booked(s, 0, 13);
        IF seen <> t.utc(place) THEN
            RAISE EXCEPTION 'before the commit: % in place of %', seen, t.utc(place);
        END IF;
        COMMIT;
        seen := t.booked(s, 0, 13);
        IF seen <> t.utc(place) THEN
            RAISE EXCEPTION 'after the commit: % in place of %', seen, t.utc(place);
        END IF;
        COMMIT;
    END LOOP;
END
$$;
-- Another: from one stylist to the other, and another day.
CREATE PROCEDURE t.hand_over(a int, b int, n int) LANGUAGE plpgsql AS $$
DECLARE
    place timestamptz;
BEGIN
    FOR i IN 1 .. n LOOP
        place := t.at((i * 5) % 14, (i * 7) % 24);
        UPDATE bookings SET stylist_user_id = t.stylist(CASE WHEN i % 2 = 0 THEN a ELSE b END), start_time = place, end_time = place + interval '30 minutes'
         WHERE id = t.stylist(a);
        COMMIT;
    END LOOP;
END
$$;
-- A reader; each ask is as of one commit.
CREATE PROCEDURE t.ask_on(n int, INOUT wrong int, INOUT places int) LANGUAGE plpgsql AS $$
DECLARE
    of_range jsonb;
    of_days jsonb;
    latest text := '';
    seen text;
BEGIN
    FOR i IN 1 .. n LOOP
        IF i % 10 = 0 THEN
            COMMIT;
            SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            of_range := (SELECT jsonb_agg(x - 'stylists' - 'seats_left') FROM jsonb_array_elements(get_available_slots_range(t.service(1), t.day(0), t.day(13), t.team(1)) -> 'slots') x);
            of_days := (SELECT jsonb_agg(x) FROM generate_series(0, 13) d, jsonb_array_elements(t.v1(1, 1, d)) x);
            wrong := wrong + (of_range IS DISTINCT FROM of_days)::int;
        ELSE
            seen := t.booked(1 + i % 2, 0, 13);
            wrong := wrong + (length(seen) <> 25)::int + (t.seats(3, 4, 0, 13) <> 14 * 48 - 2)::int;
            places := places + (seen <> latest)::int;
            latest := seen;
        END IF;
        COMMIT;
    END LOOP;
END
$$;
EOC

# ---- at random ----

my @readers = map { session($node, 'salon') } 1 .. 2;
my @movers = map { session($node, 'salon') } 1 .. 2;
my $giver = session($node, 'salon');
my $rounds = $ENV{AC_LONG} ? 5000 : 250;
$movers[$_]->send('CALL t.move(' . ($_ + 1) . ", $rounds)") for 0, 1;
$giver->send('CALL t.hand_over(3, 4, ' . 3 * $rounds . ')');
$_->send("CALL t.ask_on($rounds, 0, 0)") for @readers;
for my $reader (@readers)
{
	my ($wrong, $places) = split /\|/, $reader->result;
	is($wrong, 0, 'every range is as of one commit');
	cmp_ok($places, '>', $rounds / 50, 'while appointments moved');
}
is($_->result, '', 'who moves one sees it there') for @movers;
is($giver->result, '', 'all were handed over');
is($_->{sqlstate} // '', '', 'no error') for @movers, $giver;

# ---- forced: the first day is read, then the appointment moves to the last, which another session asks for ----

sub forced
{
	my ($mutant, $ms) = @_;
	my ($reader, $writer) = (session($node, 'salon', 'availability_cache.test_mutant' => $mutant), session($node, 'salon'));

	$writer->run("UPDATE bookings SET start_time = t.at(1, 0), end_time = t.at(1, 1) WHERE id = t.stylist(1)");
	$writer->run('SELECT t.booked(1, 1, 6)') for 1, 2;
	$reader->run('SELECT 1; SET availability_cache.test_sleep_in_copy = ' . $ms * 1000);
	$reader->send('SELECT t.booked(1, 1, 6)');
	# Days from two before the first are read.
	sleep(4.5 * $ms / 1000);
	$writer->run("UPDATE bookings SET start_time = t.at(6, 0), end_time = t.at(6, 1) WHERE id = t.stylist(1)");
	$writer->run('SELECT t.v2(1, 1, 6)');
	my $after = $writer->run('SELECT t.booked(1, 1, 6)');
	my $found = $reader->result;
	$_->quit for $reader, $writer;
	return (scalar(split ' ', $found), scalar(split ' ', $after));
}

for my $ms (100, 300)
{
	my @right = forced('none', $ms);
	is("@right", '1 1', "at $ms ms a day: it is on one day, for who asks before and after");
}
my $torn = 1;
for my $ms (100, 300, 1000)
{
	($torn) = forced('torn_moment', $ms) if $torn == 1;
}
isnt($torn, 1, 'where days that were kept later are taken it is on two');
# ---- what docs/usage.md shows ----

my @examples = page_sql('usage.md', 'Several days, anybody') =~ /^(SELECT get_\w+\(.*);$/mg;
cmp_ok(scalar(@examples), '>', 4, 'docs/usage.md has examples');
my %ids = (stylist => 't.stylist(1)', service => 't.service(1)', cut => 't.service(1)', colour => 't.service(2)');
for my $example (@examples)
{
	(my $sql = $example) =~ s/'…(\w+)…'/$ids{$1}/g;
	is($node->safe_psql('salon', "SELECT a ->> 'success' FROM ($sql) x(a)"), 'true', $example);
}
$node->stop;
done_testing();
