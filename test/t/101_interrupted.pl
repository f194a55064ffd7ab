# Sixty-four sessions that come, are interrupted in the middle of a computation or a booking, and go: by
# statement_timeout, lock_timeout, idle_in_transaction_session_timeout, pg_cancel_backend and
# pg_terminate_backend, while others lock the tables and change their definitions. Beside them a load that is
# checked. Nothing is stale, nobody waits for a computation that was given up, nothing stays pending or
# locked, and no session's memory grows (G1, G7, G8).
#
# AC_LONG=1 goes on for AC_LONG_SECONDS (ten minutes).
#
# Shown to fail with, in src/cache/readpath.c: lead without flight_end where it is interrupted; 1 kB of
# TopMemoryContext lost where lead, or guarded in src/base/guard.c, catches an error. A leader that is
# terminated and cells that are forgotten at an abort it meets too seldom: 012_crash_restart.pl has those.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACRobust;
use ACTest;
use Test::More;

my $seconds = $ENV{AC_LONG} ? $ENV{AC_LONG_SECONDS} // 600 : 10;
my $sessions = $ENV{AC_LONG} ? 64 : 24;
my $node = robust_node('interrupted');
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION t.slow(n int) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM bookings b, generate_series(1, 50) WHERE b.stylist_user_id = md5('stylist ' || n)::uuid);
END $$;
SELECT count(*) FROM availability_cache.memoize('t.slow(int)');
EOC

# Another zone is another key, so most of these compute.
my @zones = qw(Asia/Kathmandu UTC Europe/Berlin America/New_York Asia/Tokyo Australia/Sydney Africa/Nairobi);
my @limits = ("statement_timeout = '%dms'", "lock_timeout = '%dms'", "idle_in_transaction_session_timeout = '%dms'");
sub any { return $_[ rand @_ ]; }
sub ask
{
	my ($s, $v, $d) = map { int rand $_ } 8, 4, 7;
	return any(
		sprintf(q{SELECT get_available_slots_v2(t.stylist(%d), t.service(%d), t.day(%d), '%s')}, $s + 1, $v + 1, $d, any(@zones)),
		sprintf(q{SELECT get_available_slots_json(t.stylist(%d), t.service(%d), t.day(%d))}, $s + 1, $v + 1, $d),
		sprintf(q{SELECT get_available_slots_range(t.service(%d), t.day(0), t.day(%d))}, $v + 1, $d),
		sprintf(q{SELECT t.slow(%d)}, $s + 1),
		sprintf(q{SELECT count(*) FROM get_available_slots(t.stylist(%d), t.service(%d), t.day(%d))}, $s + 1, $v + 1, $d),
		q{SELECT count(*) FROM availability_cache.health});
}
# What the checked load does not count must not change its slots: a booking here is never committed.
sub statement
{
	my $book = sprintf 'SELECT t.book(%d, %d, %d)', 1 + rand 6, rand 4, rand 24;
	return any(
		ask(), ask(), ask(),
		"BEGIN; $book; " . ask() . '; ROLLBACK',
		"BEGIN; SAVEPOINT a; $book; ROLLBACK TO a; " . ask() . '; COMMIT',
		'BEGIN ISOLATION LEVEL REPEATABLE READ; ' . ask() . '; ' . ask() . '; COMMIT',
		'BEGIN; ' . ask() . '; SELECT pg_sleep(0.01); ' . ask() . '; COMMIT');
}
sub victim
{
	my $sql = '';
	for (1 .. 15)
	{
		$sql .= sprintf 'SET ' . any(@limits) . ";\n", any(1, 1, 2, 3, 5, 10, 30) if rand() < 0.5;
		$sql .= "RESET statement_timeout; RESET lock_timeout;\n" if rand() < 0.1;
		$sql .= statement() . ";\nROLLBACK;\n";
	}
	return $sql;
}
sub tormentor
{
	my ($i) = @_;
	# The first two cancel and terminate; the third locks, and changes definitions.
	my $whom = q{FROM pg_stat_activity WHERE application_name = 'trouble' AND pid <> pg_backend_pid() AND state = 'active' AND random() < 0.1};
	return ("SELECT count(pg_cancel_backend(pid)), pg_sleep(0.002) $whom;\n" x 20 . "SELECT count(pg_terminate_backend(pid)) $whom;\n") x 5 if $i < 3;
	return join '', map {
			sprintf "BEGIN; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(%f); ROLLBACK; SELECT pg_sleep(0.05);\n", any(qw(bookings services stylist_schedules)), rand 0.02
		} 1 .. 20, 'ALTER TABLE services SET (fillfactor = 90);', 'ANALYZE bookings;';
}

my $s = session($node, 'salon');
my $started = $s->run('SELECT pg_postmaster_start_time()');
my $load = start_load($node, 'salon', seconds => $seconds, hold_open => 5_000, clients => { rc => 3, rr => 1, own => 3, price => 1 });
my $trouble = trouble($node, 'salon', $sessions, sub { my ($i) = @_; return $i <= 3 ? tormentor($i) : victim() });
my $failed = $load->finish;
my $runs = $trouble->stop;
is($failed, '', 'who was not interrupted has not failed');
my $sums = new_sums();
add_found($sums, load_found($s));
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
my %n = map { my $code = $_; $code => scalar(() = $log =~ / $code (?:ERROR|FATAL)/g) } qw(57014 55P03 25P03 57P01);
diag "$sessions sessions at a time, $runs in all; cancelled or timed out $n{57014}, lock_timeout $n{'55P03'}, ended in a transaction $n{'25P03'}, terminated $n{'57P01'}";
cmp_ok($n{$_}, '>', 0, "there was $_") for qw(57014 55P03 57P01);
say_found('interrupted', $sums);

# ---- nothing leaks in a session that is interrupted again and again, or meets errors ----

# What a session remembers of stylists, plans and zones comes once: so it is let come first, and then nothing may
# be left of so many times. A leak of 1 kB each time is well above the bound.
sub leaks_nothing
{
	my ($name, $first, $times, $meet) = @_;
	my @used = map { $meet->($_); $s->run('RESET statement_timeout; SELECT sum(used_bytes) FROM pg_backend_memory_contexts') } $first, $times;
	diag "memory of a session, $name: $used[0] bytes, $used[1] after $times times more";
	return cmp_ok($used[1] - $used[0], '<', 200 * $times, "the memory of a session does not grow: $name");
}
sub interrupted
{
	my ($times) = @_;
	for my $i (1 .. $times)
	{
		$s->fails("SET statement_timeout = '1ms'; SELECT availability_cache.flush(); SELECT t.slow(n) FROM generate_series(1, 100) n");
		$s->send("SET statement_timeout = '1ms'; " . ask() . '; ' . ask())->result;
		$s->send('ROLLBACK; RESET statement_timeout; ' . ask())->result;
	}
	return;
}
leaks_nothing('interrupted', 100, $ENV{AC_LONG} ? 10_000 : 300, \&interrupted);

# The same where a computation fails: one that becomes an answer, one that is raised, one that is as if cancelled.
$s->run(<<'EOC');
INSERT INTO services (id, name, duration_minutes) VALUES (t.service(90), 'of no length', 0);
INSERT INTO stylist_services (stylist_user_id, service_id) VALUES (t.stylist(1), t.service(90));
CREATE FUNCTION t.fails(code text) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'as asked' USING ERRCODE = code;
END $$;
SELECT count(*) FROM availability_cache.memoize('t.fails(text)');
CREATE FUNCTION t.fail(code text, times int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    met bigint := 0;
BEGIN
    FOR i IN 1 .. times LOOP
        BEGIN
            PERFORM t.fails(code);
        EXCEPTION WHEN SQLSTATE '22000' OR query_canceled THEN
            met := met + 1;
        END;
    END LOOP;
    RETURN met;
END $$;
EOC
my $failing = $ENV{AC_LONG} ? 20_000 : 2_000;
my $is_error = q{get_available_slots_v2(t.stylist(1), t.service(90), t.day(0)) ->> 'code' = 'INTERNAL_ERROR'};
leaks_nothing('errors of days', 500, $failing, sub { my ($n) = @_; is($s->run("SELECT count(*) FROM generate_series(1, $n) WHERE $is_error"), $n, "$n errors") });
for my $code (qw(22000 57014))
{
	leaks_nothing("errors $code of a function", 500, $failing, sub { my ($n) = @_; is($s->run("SELECT t.fail('$code', $n)"), $n, "$n errors") });
}
$s->run('DELETE FROM stylist_services WHERE service_id = t.service(90); DELETE FROM services WHERE id = t.service(90)');

# ---- nor does anybody wait for what it gave up, while it is still there ----
my $o = session($node, 'salon');
my $waited = 'SELECT sum(wait_timeouts) FROM availability_cache.stats';
my $timeouts = $o->run($waited);
$o->run('SELECT availability_cache.flush(); SELECT t.slow(n) FROM generate_series(1, 100) n');
is($o->run($waited), $timeouts, 'nobody waits for a computation that was given up');
$o->quit;

is($s->run('SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
$s->quit;
nothing_left($node, 'salon', 'at last');
is(complaints($node), '', 'no crash, and no internal error');
$node->stop;
done_testing;
