# A change outdates what depends on it and next to nothing else (G12), and exact cells that go from tag to tag
# never make an answer stale (G1, G3): stylist-days that share a coarse cell, or that have a database's number
# for theirs; the load of 010_exactness.pl where twenty exact cells serve all tags; and each way to break the
# protocol of exact cells that the TEST_HOOKS build knows, found by a scenario made for it, and some by that
# load.
#
# Scenarios know where cells lie (src/entry/test_functions.c) and take them for tags that nothing else has;
# sessions are held at the narrow places by the settings test_sleep_….
#
# Shown to fail with, in src/cache/cells.c: the databases' cells among the coarse ones; answers that rest on
# coarse cells; cells_end_change that raises the version of a change's first cell only. A cell that is taken
# while a change is under way on it makes no difference: that is as exact, and only in vain.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my %scenario = (
	named_by_tag => [ \&there_and_back ],
	word_lowered => [ \&while_taken, 'booked before' ],
	tag_first    => [ \&while_taken ],
	ref_first    => [ \&while_taken ],
	coarse_first => [ \&before_the_cell, 'in_naming' ],
	no_coarse    => [ \&before_the_cell, 'after_compute' ],
	exact_first  => [ \&between_cells ],
	xid_by_maker => [ \&made_by_another ]);

# What each mutant breaks is wider open in the load.
my %sleeps = (
	word_lowered => { test_sleep_in_take       => 5000 },
	tag_first    => { test_sleep_in_take       => 5000 },
	ref_first    => { test_sleep_in_take       => 5000 },
	coarse_first => { test_sleep_in_naming     => 1000 },
	no_coarse    => { test_sleep_after_compute => 1000 },
	exact_first  => { test_sleep_in_begin      => 2000 });

# Enough for all.
my $cells = 6144;
# The server has the buckets of references by the upper bits of each half of a tag.
my $bucket_span = 2**32 / ($cells / 6);

my $node = new_node('exact', hooks => 1, conf => <<"EOC");
max_prepared_transactions = 20
availability_cache.test_exact_cells = $cells
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon');
$node->safe_psql('salon', <<"EOC");
CREATE FUNCTION t.tag(kind text, id uuid, day date) RETURNS bigint STRICT LANGUAGE c
    AS '\$libdir/availability_cache', 'availability_cache_test_tag';
CREATE FUNCTION t.cell(tag bigint) RETURNS int STRICT LANGUAGE c
    AS '\$libdir/availability_cache', 'availability_cache_test_cell';
CREATE FUNCTION t.take(tag bigint) RETURNS int STRICT LANGUAGE c
    AS '\$libdir/availability_cache', 'availability_cache_test_take';
CREATE FUNCTION t.set_hand(cell int) RETURNS void STRICT LANGUAGE c
    AS '\$libdir/availability_cache', 'availability_cache_test_set_hand';
CREATE FUNCTION t.day_tag(s int, d int) RETURNS bigint LANGUAGE sql RETURN t.tag('day', t.stylist(s), t.day(d));
CREATE FUNCTION t.coarse(tag bigint) RETURNS int LANGUAGE sql RETURN (tag & 65535)::int;

-- Tags that nothing else has, by number; the references to those of a bucket can be in that only.
CREATE FUNCTION t.tag_in(bucket int, n int) RETURNS bigint LANGUAGE sql
    RETURN (bucket::bigint * $bucket_span << 32) | (bucket::bigint * $bucket_span + n);
CREATE SEQUENCE t.robbers;
-- Takes a tag's cell, which no hit has used yet, for another tag.
CREATE FUNCTION t.fresh_tag() RETURNS bigint LANGUAGE sql RETURN (SELECT t.tag_in(n % 1000, n) FROM CAST(nextval('t.robbers') AS int) n);
-- Takes a tag's cell, which no hit has used yet, for another tag.
CREATE FUNCTION t.rob(tag bigint) RETURNS boolean LANGUAGE plpgsql AS \$\$
DECLARE
    cell int := t.cell(tag);
BEGIN
    PERFORM t.set_hand(cell);
    RETURN t.take(t.fresh_tag()) = cell;
END
\$\$;
EOC

# Every process is broken in the same way or none is.
sub restart_with
{
	my ($mutant, $n) = @_;
	$node->safe_psql('postgres', <<"EOC");
ALTER SYSTEM SET availability_cache.test_mutant = '$mutant';
ALTER SYSTEM SET availability_cache.test_exact_cells = $n;
EOC
	$node->restart;
	return;
}

# ---------------------------------------------------------------------------
# Stylist-days that share a coarse cell
# ---------------------------------------------------------------------------

# The number of a new stylist whose day 0 has this coarse cell.
my $twin = 1000;
sub new_twin
{
	my ($s, $coarse) = @_;
	$twin = $s->run(<<"EOC");
DO \$\$
DECLARE
    n int := $twin + 1;
BEGIN
    WHILE t.coarse(t.day_tag(n, 0)) <> $coarse LOOP n := n + 1; END LOOP;
    INSERT INTO stylist_profiles (user_id, timezone) VALUES (t.stylist(n), 'Asia/Kathmandu');
    INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (t.stylist(n), t.service(1));
    INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
    SELECT t.stylist(n), d, '08:00', '20:00' FROM generate_series(0, 6) d;
    PERFORM set_config('t.twin', n::text, false);
END
\$\$;
SELECT current_setting('t.twin');
EOC
	return $twin;
}

my ($w, $r) = map { session($node, 'salon') } 1 .. 2;
sub look { my (@key) = @_; return $r->run('SELECT t.look(' . join(', ', @key) . ')'); }
sub hits { my (@key) = @_; my $hit = 't.hit(' . join(', ', @key) . ')'; return $r->run("SELECT $hit, $hit"); }

# A hundred days of stylists 1 to 5, all of them hits.
sub others_are_hits
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($r->run(<<'EOC'), '100|0', "$name: nothing else is outdated");
SELECT count(*), count(*) FILTER (WHERE NOT t.hit(s, 1, d)) FROM generate_series(1, 5) s, generate_series(0, 19) d
EOC
}

# A booking, and another that is left prepared: they change the day's own answers only.
sub touches_its_own
{
	my ($name, $s) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$r->run('SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 5) s, generate_series(0, 19) d');
	is(look($s, 1, 0), 'a' x 24, "$name: an answer");
	$w->run("SELECT t.book($s, 0, 3)");
	others_are_hits("$name, booked");
	is(look($s, 1, 0), 'aaab' . 'a' x 20, "$name: exact");
	is(hits($s, 1, 0), 't|t', "$name: kept");
	$w->run("BEGIN; SELECT t.book($s, 0, 4); PREPARE TRANSACTION 'twin'");
	others_are_hits("$name, a booking prepared");
	is(look($s, 1, 0), 'aaab' . 'a' x 20, "$name, a booking prepared: not seen");
	is(hits($s, 1, 0), 'f|f', "$name: nor kept");
	return;
}

sub is_committed
{
	my ($name, $s) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	others_are_hits("$name, committed");
	is(look($s, 1, 0), 'aaabb' . 'a' x 19, "$name, committed: exact");
	is(hits($s, 1, 0), 't|t', "$name: kept again");
	nothing_pending($r);
	$w->run('DELETE FROM bookings');
	return;
}

my $coarse = $r->run('SELECT t.coarse(t.day_tag(1, 0))');
my $name = "a stylist-day with another's coarse cell";
touches_its_own($name, new_twin($w, $coarse));
# What the coarse cell says counts for who would keep an answer of the other day.
my $pending = stat_of($r, 'bypass_pending');
is(hits(1, 2, 0), 'f|f', "$name: an answer of the other that was not in memory cannot be kept");
is(stat_of($r, 'bypass_pending'), $pending + 2, 'as a change is under way');
is(hits(1, 2, 1), 'f|t', 'that of its next day can');
$w->run('SELECT t.book(1, 0, 5)');
is(hits(1, 1, 0), 'f|f', "$name: nor can one that was, and is outdated");
is($r->run('SELECT t.look(1, 1, 0), t.exact(1, 2, 0)'), 'aaaaab' . 'a' x 18 . '|t', 'they are exact');
$r->run("COMMIT PREPARED 'twin'");
is($r->run('SELECT t.hit(1, v, 0), t.hit(1, v, 0), t.exact(1, v, 0) FROM generate_series(1, 2) v'), "f|t|t\nf|t|t", 'committed: they are kept');
is_committed($name, $twin);

# A database's cell was once among those of the tags.
for my $number (0 .. 3)
{
	my $name = "a stylist-day with the number of database $number";

	touches_its_own($name, new_twin($w, $number));
	is(hits(2, 2, $number), 'f|t', "$name: whatever was not in memory is kept");
	$r->run("COMMIT PREPARED 'twin'");
	is_committed($name, $twin);
}
$_->quit for $w, $r;

# ---------------------------------------------------------------------------
# Which cell is taken
# ---------------------------------------------------------------------------

my $s = session($node, 'salon');
my @taken = split /\n/, $s->run('SELECT t.take(t.fresh_tag()) FROM generate_series(1, 3)');
is("@taken", join(' ', map { $taken[0] + $_ } 0 .. 2), 'cells that are made together lie together');
my ($first, $second) = split /\|/, $s->run('SELECT t.fresh_tag(), t.fresh_tag()');
my $cell = $s->run("SELECT t.take($first)");
$s->run("SELECT t.take($second), t.take($first)");
is($s->run("SELECT t.set_hand($cell), t.take(t.fresh_tag())"), '|' . ($cell + 1), 'one that was used is passed by');
is($s->run("SELECT t.cell($first), t.cell($second)"), "$cell|", 'its tag keeps it');
is($s->run("SELECT t.set_hand($cell), t.take(t.fresh_tag())"), "|$cell", 'once');

# References to all these are in the same eight places.
is($s->run(<<'EOC'), '1000|1000', 'where a bucket is full, a tag gets the cell of another');
SELECT count(t.take(tag)), count(t.cell(tag)) FROM (SELECT t.tag_in(1001, n) FROM generate_series(1, 1000) n) x(tag)
EOC
is($s->run(<<'EOC'), '8|t', 'eight tags have one, the last among them');
SELECT count(t.cell(t.tag_in(1001, n))), bool_or(n = 1000 AND t.cell(t.tag_in(1001, n)) IS NOT NULL) FROM generate_series(1, 1000) n
EOC
$s->quit;

# ---------------------------------------------------------------------------
# Scenarios: how many of the answers they look at are stale; undef if the moment was missed
# ---------------------------------------------------------------------------

# A day of stylist 2 that nothing was kept of.
my $day = 30;
sub next_day { return ++$day; }

sub cell_of { my ($s, $d) = @_; return $s->run("SELECT t.cell(t.day_tag(2, $d))"); }
sub stale { my ($s, $d, $service) = @_; return $s->run("SELECT (NOT t.exact(2, @{[ $service // 1 ]}, $d))::int"); }

# So that the answers which a session is asked for next are all that it keeps.
sub remember_rules { my ($s) = @_; return $s->run('SELECT get_available_slots(t.stylist(2), t.service(1), t.day(0))'); }

# Nothing shows that another session sleeps.
sub let_sleep { my ($sleep) = @_; sleep $sleep / 4e6; return; }

# A cell goes to another tag and back, and in between its first tag is booked.
sub there_and_back
{
	my $s = session($node, 'salon');
	my $d = next_day();

	$s->run("SELECT t.v2(2, 2, 0), t.v2(2, 1, $d)");
	my $cell = cell_of($s, $d);
	$s->run("SELECT t.rob(t.day_tag(2, $d))");
	$s->run("SELECT t.book(2, $d, 3)");
	$s->run("SELECT t.set_hand($cell), t.v2(2, 2, $d)");
	return cell_of($s, $d) eq $cell ? stale($s, $d) : undef;
}

# A cell is being taken while an answer of its tag is asked for, which a booking outdated before, or just
# then.
sub while_taken
{
	my ($sleep, $booked_before) = @_;
	my $s = session($node, 'salon');
	my $d = next_day();
	my $robber = session($node, 'salon', 'availability_cache.test_sleep_in_take' => $sleep);

	$s->run("SELECT t.v2(2, 1, $d)");
	$s->run("SELECT t.book(2, $d, 3)") if $booked_before;
	$robber->send("SELECT t.rob(t.day_tag(2, $d))");
	let_sleep($sleep);
	$s->run("SELECT t.book(2, $d, 3)") unless $booked_before;
	my $found = stale($s, $d);
	my $missed = $robber->ready;
	$robber->result;
	return $missed ? undef : $found;
}

# A booking comes and goes after an answer was computed, and before its tag has an exact cell: the keeper
# sleeps before it looks at any cell, or between the answer's first and its last.
sub before_the_cell
{
	my ($sleep, $where) = @_;
	my $s = session($node, 'salon');
	my $d = next_day();
	my $keeper = session($node, 'salon');

	remember_rules($keeper);
	$keeper->run("SET availability_cache.test_sleep_$where = $sleep");
	$keeper->send("SELECT t.look(2, 1, $d)");
	let_sleep($sleep);
	$s->run("SELECT t.book(2, $d, 3)");
	my $missed = $keeper->ready || cell_of($s, $d) ne '';
	my $answer = $keeper->result;
	return $missed || $answer =~ /b/ ? undef : stale($s, $d);
}

# An answer is kept while a writer has looked at one of its tag's cells, and not at the other.
sub between_cells
{
	my ($sleep) = @_;
	my $s = session($node, 'salon');
	my $d = next_day();
	my $writer = session($node, 'salon', 'availability_cache.test_sleep_in_begin' => $sleep);

	$writer->run("BEGIN; SELECT t.book(2, $d, 3)");
	$writer->send('COMMIT');
	let_sleep($sleep);
	$s->run("SELECT t.v2(2, 1, $d)");
	my $missed = $writer->ready;
	$writer->result;
	return $missed ? undef : stale($s, $d);
}

# Who made a cell sleeps, and another keeps an answer with it, which a snapshot is older than.
sub made_by_another
{
	my ($sleep) = @_;
	my $s = session($node, 'salon');
	my $d = next_day();
	my ($old, $maker) = map { session($node, 'salon') } 1 .. 2;

	# First, as snapshots from before the server's first computation get nothing from memory.
	remember_rules($maker);
	$old->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT t.v1(2, 2, $d)");
	$s->run("SELECT t.book(2, $d, 3)");
	$maker->run("SET availability_cache.test_sleep_in_naming = $sleep");
	$maker->send("SELECT t.v2(2, 1, $d)");
	wait_until(sub { cell_of($s, $d) ne '' }, 'the cell');
	# Not the same answer: it would wait for that.
	$s->run("SELECT t.v2(2, 2, $d)");
	my $found = stale($old, $d, 2);
	my $missed = $maker->ready;
	$maker->result;
	$old->run('COMMIT');
	return $missed ? undef : $found;
}

# A missed moment gets a longer sleep, and so does a mutant that was not found.
sub play
{
	my ($mutant, $broken) = @_;
	my ($scenario, @more) = @{ $scenario{$mutant} };
	my $found;

	for my $sleep (200_000, 800_000, 3_000_000, 10_000_000)
	{
		$found = $scenario->($sleep, @more);
		last if defined $found && (!$broken || $found);
	}
	return $found // 'never at the right moment';
}

is(play($_, 0), 0, "unbroken, the scenario of $_ finds nothing") for sort keys %scenario;
for my $mutant (sort keys %scenario)
{
	restart_with($mutant, $cells);
	is(play($mutant, 1), 1, "$mutant: its scenario finds it");
}

# ---------------------------------------------------------------------------
# Twenty cells
# ---------------------------------------------------------------------------

$cells = 20;
my $seconds = $ENV{AC_LONG} ? 120 : 4;

sub stale_under_load
{
	my ($seconds, @mutants) = @_;
	return load_until_stale(
		$node, 'salon', session($node, 'salon'),
		seconds  => $seconds,
		settings => { map { %{ $sleeps{$_} } } @mutants });
}

# Every cell is that of a day of stylist 1 or what else its answers depend on, and a change of all is
# prepared.
sub all_under_way
{
	my ($s) = @_;
	my $taken = <<'EOC';
SELECT count(DISTINCT t.cell(x.tag)) FROM (SELECT t.day_tag(1, d) FROM generate_series(0, 99) d
    UNION ALL SELECT t.tag('stylist', t.stylist(1), '-infinity') UNION ALL SELECT t.tag('service', t.service(1), '-infinity')
    UNION ALL SELECT t.tag('buffers', t.service(v), '-infinity') FROM generate_series(1, 4) v
    UNION ALL SELECT t.tag('above', t.service(1), date '2000-01-01' + level) FROM generate_series(0, 7) level) x(tag)
EOC
	my $d = 0;

	wait_until(sub { $s->run('SELECT t.v2(1, 1, ' . $d++ % 100 . ')'); $s->run($taken) == $cells }, 'all cells');
	my $before = $s->run('SELECT t.look(1, 1, 0)');
	$s->run('BEGIN');
	$s->run('SELECT count(t.book(1, d, 20)) FROM generate_series(0, 99) d');
	$s->run('UPDATE stylist_services SET custom_price_cents = 1 WHERE stylist_user_id = t.stylist(1)');
	$s->run('UPDATE services SET price_cents = 2, buffer_after_minutes = 1000');
	$s->run("PREPARE TRANSACTION 'all'");
	is($s->run('SELECT t.hit(2, 2, 0), t.hit(2, 2, 0), t.exact(2, 2, 0)'), 'f|f|t', 'every cell has a change under way: nothing is kept');
	is($s->run('SELECT t.look(1, 1, 0)'), $before, 'and nothing of that is seen');
	$s->run("COMMIT PREPARED 'all'");
	is($s->run("SELECT t.hit($_, 1, 0), t.hit($_, 1, 0), t.exact($_, 1, 0)"),
		'f|t|t', "committed: an answer of stylist $_ is kept, and exact") for 1, 2;
	return;
}

restart_with('none', $cells);
$s = session($node, 'salon');
all_under_way($s);
$s->run('DELETE FROM bookings');
for my $with ([], [ keys %sleeps ])
{
	my $name = @$with ? 'twenty cells for all, taken slowly' : 'twenty cells for all';
	my ($least, $stale, $found) = (@$with ? 0 : 20, '');

	# On a busy machine there may be no hit in so short a time.
	for (1 .. 10)
	{
		$found = stale_under_load($seconds, @$with);
		$stale .= stale_kinds($found);
		last if $found->{all}{hits} > $least;
	}
	is($stale, '', "$name: no stale answer");
	cmp_ok($found->{all}{checked}, '>', 300, "$name: reads were checked");
	cmp_ok($found->{all}{hits}, '>', $least, "$name: hits among them");
	nothing_pending($s);
}
exact_everywhere($s, 7, 'everything is exact afterwards');
# Nobody writes: what is outdated is so because a cell was taken.
my $outdated = stat_of($s, 'miss_outdated');
$s->run('SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 6) s, generate_series(0, 6) d, generate_series(1, 3)');
cmp_ok(stat_of($s, 'miss_outdated') - $outdated, '>', 50, 'cells are taken all the time');
$s->quit;

for my $mutant (sort keys %scenario)
{
	# A cell that is taken keeps its last_xid, which with so few cells is that of a recent change of some tag:
	# old snapshots get nothing from memory either way.
	next if $mutant eq 'xid_by_maker';
	# What is wrong while a cell is being taken or named needs a hit just then: answers depend on so many tags
	# that the load, with so few cells, seldom has one.
	next if $mutant =~ /^(coarse_first|ref_first|tag_first|word_lowered)$/;
	restart_with($mutant, $cells);
	my $kinds = stale_kinds(stale_under_load(180, grep { $sleeps{$_} } $mutant));
	isnt($kinds, '', "$mutant: the load finds it");
	note "$mutant: found by $kinds";
}
$node->stop;
done_testing();
