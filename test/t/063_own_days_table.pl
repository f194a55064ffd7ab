# Answers by rules.compute_function are rows of private.availability_cache, for who reads it and for who is
# answered: after a restart and a crash, on a standby, within transactions, as definitions change, edited and
# deleted by hand; with the built-in rules' rows beside them, from two sessions at one row, and with arguments
# that no row has room for. And the tests bite: each way to break it that the TEST_HOOKS build knows gives a
# stale answer in a scenario made for it, and none without.
#
#   no_trace, no_snapshot_check   a row of what the function reads changes
#   no_definitions_check          a function that it calls is another one
#   old_catalogs                  a session goes by what the catalogs said before
#   unlogged_kept                 of a table that a crash empties
#   no_word_check                 the answer changes in memory before the worker (stopped meanwhile) writes it
#
# Shown to fail with: the definitions of days taken for those of these rows (cleaning takes all), a claim of
# the whole key (two kinds of answer have a claim each), no tag of the day (a row deleted by hand stays in
# memory), no look at the zone's length (the table tier fails), or at the day (one that cannot be told from
# infinity has a row).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('own_days', hooks => 1, default_tier => 1, streaming => 1,
	conf => "availability_cache.table_tier_retry = '1s'\navailability_cache.ttl = '1h'\njit = off\n");
my $table = 'private.availability_cache';
my $other_rows = 'availability_cache_internal.function_answers';

make_salon($node, 'd', stylists => 3, services => 2);
$node->safe_psql('d', 'CREATE ROLE second SUPERUSER LOGIN');
$node->safe_psql('d', <<'EOC');
SET client_min_messages = error;
CREATE UNLOGGED TABLE fleeting (n int);
INSERT INTO fleeting VALUES (0);
CREATE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
-- Rules of its own: how many bookings there are, with what a function says and what is nowhere else.
CREATE FUNCTION own(who uuid, what uuid, day date, zone text DEFAULT NULL) RETURNS TABLE (slot_start_utc timestamptz, n bigint, note json)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$ BEGIN RETURN QUERY SELECT day + time '10:00' AT TIME ZONE 'UTC', count(*) * rate(), CASE WHEN zone = 'odd' THEN '"\u0000"'::json END FROM bookings b WHERE b.stylist_user_id = who; END $$;
CREATE FUNCTION fleets(who uuid, what uuid, day date, zone text DEFAULT NULL) RETURNS TABLE (n int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN RETURN QUERY SELECT f.n FROM fleeting f; END $$;
CREATE FUNCTION varied(who uuid, what uuid, day date, zone text DEFAULT NULL) RETURNS TABLE (asker text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN RETURN QUERY SELECT current_setting('app.who'); END $$;
SELECT count(*) FROM availability_cache.memoize('own(uuid,uuid,date,text)');
SELECT count(*) FROM availability_cache.memoize('fleets(uuid,uuid,date,text)');
SELECT count(*) FROM availability_cache.memoize('varied(uuid,uuid,date,text)', vary_by => '{app.who}');
SELECT availability_cache.watch('bookings'), availability_cache.watch('booking_reservations'), availability_cache.watch('fleeting');
UPDATE availability_cache.rules SET compute_function = 'public.own(uuid,uuid,date,text)';
CREATE FUNCTION t.as_jsonb(s int, d int, z text DEFAULT NULL) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT get_available_slots_v2(t.stylist(s), t.service(1), t.day(d), z) -> 'slots' $$;
CREATE FUNCTION t.as_json(s int, d int, z text DEFAULT NULL) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT get_available_slots_json(t.stylist(s), t.service(1), t.day(d), z)::jsonb -> 'slots' $$;
EOC
my $m = session($node, 'd');

sub plain { my ($s, $call) = @_; return $s->run("SET availability_cache.enabled = off; SELECT $call; SET availability_cache.enabled = on") }
sub ask { my ($s, $call) = @_; return $s->run("SELECT $call") }
sub stale { my ($s, $call) = @_; return ask($s, $call) eq plain($s, $call) ? 0 : 1 }
sub is_exact
{
	my ($s, $call, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(ask($s, $call), plain($s, $call), $name);
}
sub from_table
{
	my ($s, $call) = @_;
	my $before = stat_of($s, 'table_hits');
	ask($s, $call);
	return stat_of($s, 'table_hits') - $before;
}
sub wait_for
{
	my ($condition, $seconds) = @_;
	my $end = time() + $seconds;

	while (time() < $end) { return 1 if $condition->(); select undef, undef, undef, 0.02 }
	return 0;
}
sub rows { my ($where) = @_; return $m->run("SELECT count(*) FROM $table WHERE $where") }
sub of_day { my ($s, $d, $zone) = @_; return "stylist_user_id = t.stylist($s) AND cache_date = t.day($d) AND customer_timezone = '" . ($zone // '') . "'" }
# A row of each of these answers, computed anew until they are there.
sub keep
{
	my (%of) = @_;
	my @last = map { "(SELECT max(computed_at) FROM $table WHERE $_)" } values %of;
	wait_until(sub {
		$m->run("SELECT availability_cache.memo_clear('own(uuid,uuid,date,text)')");
		my $now = $m->run('SELECT clock_timestamp()');
		ask($m, $_) for sort keys %of;
		return wait_for(sub { $m->run('SELECT coalesce(least(' . join(', ', map { "coalesce($_, '-infinity')" } @last) . ") >= '$now', false)") eq 't' }, 1);
	}, 'rows of ' . join(', ', sort keys %of)) or die 'no row: ' . $m->run("SELECT string_agg(m::text, ' ') FROM availability_cache.memoized m");
	return;
}
my $nbooked = 0;
sub book { my ($s, $stylist, $day) = @_; $nbooked++; return $s->run("SELECT t.book($stylist, $day, 9 + $nbooked % 8)") }
sub restart
{
	$m->quit;
	$node->restart;
	$m = session($node, 'd');
	return;
}

# ---- what people see ----

my %some = ('t.as_jsonb(1, 0)' => of_day(1, 0), "t.as_jsonb(1, 0, 'Asia/Tokyo')" => of_day(1, 0, 'Asia/Tokyo'), 't.as_json(2, 0)' => of_day(2, 0));
keep(%some);
is($m->run("SELECT available_slots FROM $table WHERE " . of_day(1, 0)), ask($m, 't.as_jsonb(1, 0)'), 'available_slots is what is answered');
is($m->run("SELECT available_slots FROM $table WHERE " . of_day(2, 0)), ask($m, 't.as_json(2, 0)'), 'as json too');
is($m->run("SELECT service_id = t.service(1), computed_at <= clock_timestamp(), expires_at > computed_at, first_day = cache_date - 1, last_day = cache_date + 1 FROM $table WHERE " . of_day(1, 0)),
	't|t|t|t|t', 'the other columns');
is($m->run("SELECT count(*) FROM $other_rows"), 0, 'and nothing is kept twice');
is($m->run("SELECT count(*) FROM availability_cache.memoized WHERE function = 'own(uuid,uuid,date,text)'::regprocedure AND entries > 0"), 1, 'the view of functions has them');

# ---- what is answered ----

restart();
is(from_table($m, 't.as_jsonb(1, 0)'), 1, 'after a restart: from the table');
is(from_table($m, "t.as_jsonb(1, 0, 'Asia/Tokyo')"), 1, 'another zone\'s');
is(from_table($m, 't.as_json(2, 0)'), 1, 'json');
is(from_table($m, 't.as_jsonb(2, 0)'), 0, 'which is no answer of v2');
is(from_table($m, 't.as_jsonb(1, 0)'), 0, 'then from memory');
is_exact($m, $_, "$_: exact") for 't.as_jsonb(1, 0)', 't.as_json(2, 0)', 't.as_jsonb(2, 0)';

# A booking: gone with the commit where it is of that day, not answered in any case.
keep('t.as_jsonb(3, 0)' => of_day(3, 0), 't.as_jsonb(1, 9)' => of_day(1, 9), 't.as_jsonb(1, 0)' => of_day(1, 0));
my $before = ask($m, 't.as_jsonb(1, 9)');
book($m, 1, 0);
is(rows(of_day(1, 0)), 0, 'the row of a day that is booked goes with the commit');
isnt(ask($m, 't.as_jsonb(1, 9)'), $before, 'what else goes by it is not answered');
is_exact($m, $_, "$_: exact") for 't.as_jsonb(1, 0)', 't.as_jsonb(1, 9)', 't.as_jsonb(3, 0)';
restart();
is_exact($m, $_, "$_: exact after a restart") for 't.as_jsonb(1, 0)', 't.as_jsonb(1, 9)';
is(from_table($m, 't.as_jsonb(3, 0)'), 1, 'others are in the table still');

keep('t.as_jsonb(1, 1)', of_day(1, 1));
$m->run('CHECKPOINT');
book($m, 1, 2);
$m->quit;
$node->stop('immediate');
$node->start;
$m = session($node, 'd');
is_exact($m, 't.as_jsonb(1, 1)', 'exact after a crash');

# ---- within transactions ----

keep('t.as_jsonb(1, 1)', of_day(1, 1));
restart();
my ($w, $r) = map { session($node, 'd') } 1, 2;
$r->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$before = plain($r, 't.as_jsonb(1, 1)');
$w->run('BEGIN');
book($w, 1, 3);
is(ask($w, 't.as_jsonb(1, 1)'), plain($w, 't.as_jsonb(1, 1)'), 'own writes are seen');
is(ask($m, 't.as_jsonb(1, 1)'), $before, 'and by nobody else');
$w->run('COMMIT');
is(ask($r, 't.as_jsonb(1, 1)'), $before, 'REPEATABLE READ: as of its snapshot');
is_exact($m, 't.as_jsonb(1, 1)', 'everybody else sees them');
keep('t.as_jsonb(1, 1)', of_day(1, 1));
is(ask($r, 't.as_jsonb(1, 1)'), $before, 'a newer row is none for an older snapshot');
$r->run('COMMIT');

# ---- by hand ----

keep('t.as_jsonb(1, 1)', of_day(1, 1));
sub is_hit { return $m->run(q{SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(1)) ->> 'cache_hit'}) }
is(is_hit(), 'true', 'from memory');
$m->run("DELETE FROM $table WHERE " . of_day(1, 1));
is(is_hit(), 'false', 'a row that is deleted: memory lets the answer go');
keep('t.as_jsonb(1, 1)', of_day(1, 1), 't.as_jsonb(2, 1)', of_day(2, 1));
$m->run("UPDATE $table SET answer = (SELECT answer FROM $table WHERE " . of_day(2, 1) . "), snapshot = (SELECT snapshot FROM $table WHERE " . of_day(2, 1) . ') WHERE ' . of_day(1, 1));
$m->run("UPDATE $table SET expires_at = now() WHERE " . of_day(2, 1));
restart();
is(from_table($m, 't.as_jsonb(1, 1)'), 0, 'another day\'s answer: not answered');
is(from_table($m, 't.as_jsonb(2, 1)'), 0, 'expired by hand: not answered');
is_exact($m, $_, "$_: exact") for 't.as_jsonb(1, 1)', 't.as_jsonb(2, 1)';

# ---- one row a day ----

keep('t.as_jsonb(1, 1)', of_day(1, 1));
keep('t.as_json(1, 1)', of_day(1, 1));
is(rows(of_day(1, 1)), 1, 'v2 and json: one row, the later');
restart();
is(from_table($m, 't.as_json(1, 1)'), 1, 'which is answered');
is_exact($m, $_, "$_: exact") for 't.as_json(1, 1)', 't.as_jsonb(1, 1)';

# Two at one primary key, whose keys differ: nobody waits, nothing fails.
my @two = map { session($node, 'd', 'availability_cache.table_tier' => 'inline') } 1, 2;
$m->run('SELECT availability_cache.flush()');
$_->run('BEGIN; SET LOCAL lock_timeout = 500') for @two;
my $errors = stat_of($m, 'table_errors');
my @answers = (ask($two[0], 't.as_jsonb(2, 4)'), ask($two[1], 't.as_json(2, 4)'));
is($answers[0], $answers[1], 'two sessions keep a day each');
$_->run('COMMIT') for @two;
is(stat_of($m, 'table_errors') - $errors, 0, 'at one row, and neither fails');
cmp_ok(rows(of_day(2, 4)), '<=', 1, 'of which there is one at most');
# Each claims the same.
my @claims = map {
	$m->run('SELECT availability_cache.flush()');
	$two[0]->run('BEGIN');
	ask($two[0], $_);
	my $claim = $two[0]->run("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = '$table'::regclass AND objsubid = 3");
	$two[0]->run('COMMIT');
	$claim;
} 't.as_jsonb(2, 5)', 't.as_json(2, 5)';
is($claims[0], $claims[1], 'one claim for both kinds of answer') && like($claims[0], qr/^\d+$/, 'which is made');
$_->quit for @two;

# ---- no place in the table ----

$errors = stat_of($m, 'table_errors');
is_exact($m, $_, "$_: answered") for "t.as_jsonb(1, 1, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 300) g))", "t.as_json(1, 1, repeat('y', 256))";
is($m->run("SELECT get_available_slots_v2(t.stylist(1), t.service(1), '$_') ->> 'success'"), 'true', "$_: answered") for 'infinity', '-infinity', '4714-11-24 BC';
like($m->run("SELECT get_available_slots_json(t.stylist(1), t.service(1), t.day(1), 'odd')::text"), qr/\\u0000/, 'json that is no jsonb: answered');
$m->run('SELECT pg_sleep(0.5)');
is(rows("length(customer_timezone) > 100 OR customer_timezone = 'odd' OR cache_date = 'infinity' OR cache_date = '-infinity' OR cache_date < '4714-11-25 BC'"), 0, 'and in no row');
is(stat_of($m, 'table_errors') - $errors, 0, 'which is no failure of the table tier');

# By who asks: where nobody reads them.
$m->run(q{UPDATE availability_cache.rules SET compute_function = 'public.varied(uuid,uuid,date,text)'});
$m->run("DELETE FROM $table");
wait_until(sub {
	$m->run(q{SET app.who = 'me'; SELECT availability_cache.memo_clear('varied(uuid,uuid,date,text)'); SELECT t.as_jsonb(1, 1)});
	return wait_for(sub { $m->run("SELECT count(*) FROM $other_rows") > 0 }, 1);
}, 'answers that vary_by tells apart are among the functions\'');
is(rows('true'), 0, 'and in no row that others read');
$m->run('RESET app.who');

# ---- beside the built-in rules' ----

$m->run('UPDATE availability_cache.rules SET compute_function = NULL');
keep('t.as_jsonb(3, 5)', of_day(3, 5));
my $built_in = ask($m, 't.as_jsonb(3, 5)');
$m->run(q{UPDATE availability_cache.rules SET compute_function = 'public.own(uuid,uuid,date,text)'});
isnt(ask($m, 't.as_jsonb(3, 5)'), $built_in, 'another function: another answer');
is_exact($m, 't.as_jsonb(3, 5)', 'which is exact');
restart();
isnt(ask($m, 't.as_jsonb(3, 5)'), $built_in, 'nor is it taken from the built-in rules\' row');
keep('t.as_jsonb(3, 5)', of_day(3, 5));
$m->run('UPDATE availability_cache.rules SET compute_function = NULL');
restart();
is(ask($m, 't.as_jsonb(3, 5)'), $built_in, 'and the other way round');
$m->run(q{UPDATE availability_cache.rules SET compute_function = 'public.own(uuid,uuid,date,text)'});

# Cleaning leaves what is good, and takes what is not.
keep('t.as_jsonb(1, 6)' => of_day(1, 6), 't.as_jsonb(2, 6)' => of_day(2, 6));
$m->run('SELECT availability_cache.clean()');
is(rows(of_day(1, 6)) + rows(of_day(2, 6)), 2, 'cleaning leaves them');
book($m, 1, 0);
wait_until(sub { $m->run('SELECT availability_cache.clean()'); rows(of_day(1, 6)) == 0 }, 'and takes what a change has outdated');
is(rows(of_day(2, 6)), 1, 'and no other');
$m->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 2 $$');
wait_until(sub { $m->run('SELECT availability_cache.clean()'); rows(of_day(2, 6)) == 0 }, 'and what DDL has');
is_exact($m, 't.as_jsonb(2, 6)', 'exact');

# ---- a standby ----

$node->backup('b');
my $standby = new_node('own_days_standby', hooks => 1, from => [ $node, 'b' ]);
sub catch_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('insert')); return }
keep('t.as_jsonb(1, 7)', of_day(1, 7));
catch_up();
my $s = session($standby, 'd');
is(from_table($s, 't.as_jsonb(1, 7)'), 1, 'standby: from the table');
is_exact($s, 't.as_jsonb(1, 7)', 'standby: exact');
book($m, 1, 8);
catch_up();
is_exact($s, 't.as_jsonb(1, 7)', 'standby: exact after a booking');
keep('t.as_jsonb(1, 7)', of_day(1, 7));
catch_up();
is(from_table($s, 't.as_jsonb(1, 7)'), 1, 'standby: from the table again');
$m->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 3 $$');
catch_up();
is_exact($s, 't.as_jsonb(1, 7)', 'standby: exact after DDL');
$s->quit;
$standby->stop;

# ---- broken ----

sub a_change
{
	keep('t.as_jsonb(1, 7)', of_day(1, 7));
	book($m, 1, 0);
	restart();
	return stale($m, 't.as_jsonb(1, 7)');
}
sub other_function
{
	keep('t.as_jsonb(1, 7)', of_day(1, 7));
	restart();
	$m->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT ' . int(1 + rand(1e6)) . ' $$');
	return stale($m, 't.as_jsonb(1, 7)');
}
sub remembered_catalogs
{
	keep('t.as_jsonb(2, 7)' => of_day(2, 7), 't.as_jsonb(1, 7)' => of_day(1, 7));
	restart();
	from_table($m, 't.as_jsonb(2, 7)') or return 'no row';
	my $w = session($node, 'd');
	$w->run('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql STABLE AS $$ SELECT ' . int(1 + rand(1e6)) . ' $$');
	$w->quit;
	return stale($m, 't.as_jsonb(1, 7)');
}
sub a_crash
{
	$m->run('DELETE FROM fleeting; INSERT INTO fleeting VALUES (77)');
	$m->run(q{UPDATE availability_cache.rules SET compute_function = 'public.fleets(uuid,uuid,date,text)'});
	ask($m, 't.as_jsonb(2, 8)');
	$m->run('SELECT pg_sleep(1)');
	$m->run('CHECKPOINT');
	$m->quit;
	$node->stop('immediate');
	$node->start;
	$m = session($node, 'd');
	my $stale = stale($m, 't.as_jsonb(2, 8)');
	$m->run(q{UPDATE availability_cache.rules SET compute_function = 'public.own(uuid,uuid,date,text)'});
	return $stale;
}
sub while_worker_waits
{
	keep('t.as_jsonb(2, 7)', of_day(2, 7));
	my $pid = $m->run("SELECT pid FROM pg_stat_activity WHERE backend_type = 'availability_cache worker' AND datname = 'd'") or return 'no worker';
	kill STOP => $pid;
	$m->run("SELECT availability_cache.memo_clear('own(uuid,uuid,date,text)')");
	ask($m, 't.as_jsonb(1, 7)');
	book($m, 1, 0);
	kill CONT => $pid;
	$m->run('SELECT pg_sleep(0.5)');
	restart();
	return stale($m, 't.as_jsonb(1, 7)');
}

my @broken = ([ no_trace => \&a_change ], [ no_snapshot_check => \&a_change ], [ no_definitions_check => \&other_function ],
	[ old_catalogs => \&remembered_catalogs ], [ unlogged_kept => \&a_crash ], [ no_word_check => \&while_worker_waits ]);
play_each_mutant($node, \&restart, @broken);
$_->quit for $m, $w, $r;
$node->stop('immediate');
done_testing();
