# What ends badly leaves nothing stale and nothing pending: restart, crash, kill -9 and termination of a
# writer between the two bumps, of a leader and of those who wait for it, a COMMIT that fails after ours has
# begun, cancellation and lack of memory while computing (G1, G7; callbacks neither allocate nor throw).
#
# Shown to fail with, in src/: changes_xact_callback that only forgets at XACT_EVENT_ABORT (a commit that
# fails keeps its cells pending); compute_as_leader without its PG_FINALLY (cancellation leaves a flight);
# flight_begin without before_shmem_exit (a terminated leader leaves its flight); must_raise without
# ERRCODE_OUT_OF_MEMORY.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('crash', hooks => 1, conf => <<'EOC');
restart_after_crash = on
max_locks_per_transaction = 10
EOC
make_salon($node, 'salon');
my %patient = ('availability_cache.single_flight_timeout' => '60s');
my $m = session($node, 'salon');

sub look { my ($d) = @_; return $m->run("SELECT t.look(1, 1, $d)"); }

# Says of a slot what v2 has, and that everything is in order.
sub in_order
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	exact_everywhere($m, 7, "$name: everything is exact");
	is($m->run('SELECT t.hit(1, 1, 0)'), 't', "$name: there are hits again");
	return nothing_pending($m, "$name: no cell is pending");
}

# ---- restart, crash ----

is(look(0), 'a' x 24, 'an empty day');
is($m->run('SELECT t.hit(1, 1, 0)'), 't', 'it is in memory');
$m->run('SELECT t.book(1, 0, 0)');
$m->quit;
$node->restart;
$m = session($node, 'salon');
is($m->run('SELECT t.hit(1, 1, 0)'), 'f', 'after a restart memory is empty');
is(look(0), 'b' . 'a' x 23, 'and the booking made just before is there');
in_order('restart');

my $open = session($node, 'salon');
$open->run('BEGIN; SELECT t.book(1, 0, 5)');
$m->run('SELECT t.book(1, 0, 1)');
$node->stop('immediate');
$_->quit for $m, $open;
$node->start;
$m = session($node, 'salon');
is(look(0), 'bb' . 'a' x 22, 'after an immediate stop the committed booking is there, the open one is not');
in_order('immediate stop');

# ---- a writer that is gone between PRE_COMMIT and COMMIT ----

# A writer in the middle of its commit.
sub writer_in_commit
{
	my ($sql) = @_;
	my $before = stat_of($m, 'invalidations');
	my $w = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 10_000_000);
	$w->send($sql);
	wait_until(sub { stat_of($m, 'invalidations') > $before }, 'the writer to reach its sleep');
	return $w;
}

my $w = writer_in_commit('SELECT t.book(1, 0, 2)');
is(look(0), 'bb' . 'a' x 22, 'a writer is about to commit: not seen');
cmp_ok(stat_of($m, 'cells_pending'), '>', 0, 'its cells are pending');
kill 'KILL', $w->pid;
$w->result;
is($w->{sqlstate}, 'gone', 'kill -9 took it');
$m->fails('SELECT 1') while !$m->{gone};
ok($node->poll_query_until('salon', 'SELECT 1', '1'), 'the server has started anew');
$m = session($node, 'salon');
is(look(0), 'bb' . 'a' x 22, 'it never committed');
in_order('kill -9 in a commit');

$w = writer_in_commit('SELECT t.book(1, 0, 2)');
look(0);
cmp_ok(stat_of($m, 'bypass_pending'), '>', 0, 'readers compute meanwhile');
$m->run('SELECT pg_terminate_backend(' . $w->pid . ')');
$w->result;
wait_until(sub { $m->run('SELECT count(*) FROM pg_stat_activity WHERE pid = ' . $w->pid) == 0 }, 'its end');
$w->quit;
my $committed = $m->run('SELECT count(*) FROM bookings WHERE start_time = t.at(0, 2)');
is(look(0), ($committed ? 'bbb' : 'bba') . 'a' x 21, "terminated in its commit: it has $committed booking, so v2 says");
in_order('termination in a commit');

# ---- a COMMIT that fails ----

$m->run(<<'EOC');
CREATE TABLE t.skew (n int);
CREATE FUNCTION t.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'refused'; END$$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON bookings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.note = 'refuse') EXECUTE FUNCTION t.refuse();
EOC
my ($a, $b) = (session($node, 'salon'), session($node, 'salon'));
in_order('before commits fail');
$a->run("BEGIN; SELECT t.book(1, 0, 6); UPDATE bookings SET note = 'x' WHERE start_time = t.at(0, 6)");
$a->run("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, note)
    VALUES (t.stylist(1), t.service(1), t.at(0, 7), t.at(0, 8), 'refuse')");
is($a->fails('COMMIT'), 'P0001', 'a deferred trigger refuses a COMMIT');
is($m->run('SELECT t.hit(1, 1, 0)'), 't', 'it cost no entry');
in_order('deferred trigger');

# Knows that the tier is off; who must read it first fails before its cells begin.
$b->run('SELECT t.book(1, 5, 8)');
my $before = stat_of($m, 'invalidations');
for my $s ($a, $b)
{
	$s->run('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT sum(n) FROM t.skew');
}
$_->run('INSERT INTO t.skew VALUES (1)') for $a, $b;
$b->run('SELECT t.book(1, 0, 8)');
$a->run('COMMIT');
is($b->fails('COMMIT'), '40001', 'a COMMIT that cannot be serialized');
cmp_ok(stat_of($m, 'invalidations'), '>', $before, 'failed when its cells had begun');
in_order('serialization failure');
is($b->run('SELECT t.look(1, 1, 0)'), look(0), 'its session goes on, exactly');
is($b->run('SELECT t.hit(1, 1, 0)'), 't', 'with hits');

# ---- a leader and those who wait for it ----

my $locker = session($node, 'salon');
sub lock_bookings { return $locker->run('BEGIN; LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE'); }

# How many of these sessions wait for the lock.
sub blocked
{
	my $pids = join ',', map { $_->pid } @_;
	return $m->run("SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids) AND wait_event_type = 'Lock'");
}

my $day = 50;
my $ask;

# A session that computes a new day and cannot go on, and more that wait for it.
sub flight
{
	my ($followers, %settings) = @_;
	my $before = stat_of($m, 'waits');
	my $leader = session($node, 'salon', %patient, %settings);
	my @followers = map { session($node, 'salon', %patient) } 1 .. $followers;

	$ask = 'SELECT t.look(1, 1, ' . ++$day . ')';
	lock_bookings();
	$leader->send($ask);
	ok(wait_until(sub { blocked($leader) == 1 }, 'the leader to compute'), 'one session computes');
	$_->send($ask) for @followers;
	ok(wait_until(sub { stat_of($m, 'waits') == $before + $followers }, 'the others to wait'), "$followers wait for it");
	return ($leader, @followers);
}

my $timeouts = stat_of($m, 'wait_timeouts');
my ($leader, @followers) = flight(4);
my $gone = pop @followers;
$m->run('SELECT pg_terminate_backend(' . $gone->pid . ')');
$gone->result;
is($gone->{sqlstate}, '57P01', 'one that waits is terminated');
my $cancelled = pop @followers;
$m->run('SELECT pg_cancel_backend(' . $cancelled->pid . ')');
$cancelled->result;
is($cancelled->{sqlstate}, '57014', 'another is cancelled');
is(blocked($leader), 1, 'the leader goes on');
$m->run('SELECT pg_terminate_backend(' . $leader->pid . ')');
$leader->result;
is($leader->{sqlstate}, '57P01', 'the leader is terminated');
ok(wait_until(sub { blocked(@followers) == 1 }, 'a new leader'), 'one of the others takes its place');
$locker->run('COMMIT');
is($_->result, 'a' x 24, 'and gets its answer') for @followers;
is($cancelled->run($ask), 'a' x 24, 'so does the cancelled one, when it asks again');
is(stat_of($m, 'wait_timeouts'), $timeouts, 'nobody had to give up');
$_->quit for @followers, $cancelled;

# ---- an error while computing leaves no flight ----

# The next who asks is not held up, and the answer is kept.
sub no_flight_left
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $other = session($node, 'salon', %patient);
	my ($waits, $stores) = split /\|/, stat_of($m, 'waits, stores');

	is($other->run($ask), 'a' x 24, "$name: another session gets its answer");
	is(stat_of($m, 'waits, stores'), $waits . '|' . ($stores + 1), "$name: without waiting, and it is kept");
	$other->quit;
	return;
}

$leader = session($node, 'salon', %patient);
$ask = 'SELECT t.look(1, 1, ' . ++$day . ')';
lock_bookings();
is($leader->fails("SET statement_timeout = '100ms'; $ask"), '57014', 'statement_timeout ends a computation with an error');
$leader->run('RESET statement_timeout');
$locker->run('COMMIT');
no_flight_left('statement_timeout');
is($leader->run($ask), 'a' x 24, 'the session goes on');
$leader->quit;

($leader, @followers) = flight(1);
$m->run('SELECT pg_cancel_backend(' . $leader->pid . ')');
$leader->result;
is($leader->{sqlstate}, '57014', 'so does pg_cancel_backend');
ok(wait_until(sub { blocked(@followers) == 1 }, 'a new leader'), 'who waited for it computes');
$locker->run('COMMIT');
is($followers[0]->result, 'a' x 24, 'and gets its answer');
$_->quit for $leader, @followers;

$leader = session($node, 'salon', %patient);
$ask = 'SELECT t.look(1, 1, ' . ++$day . ')';
lock_bookings();
$leader->send(<<"EOC");
DO \$\$
BEGIN
    PERFORM set_config('lock_timeout', '50ms', true);
    FOR i IN 1 .. 20 LOOP
        -- Caught like any error: v2 answers success false, which t.v2 raises.
        BEGIN
            PERFORM t.v2(1, 1, $day);
            RAISE EXCEPTION 'an answer without its table';
        EXCEPTION WHEN raise_exception THEN
            IF SQLERRM !~ 'INTERNAL_ERROR' THEN RAISE; END IF;
        END;
    END LOOP;
END
\$\$
EOC
$leader->result;
is($leader->{error}, '', 'lock_timeout, twenty times in one transaction: success false, the transaction goes on');
$locker->run('COMMIT');
no_flight_left('lock_timeout');
$leader->quit;

# Out of memory: the shared table of locks is full, and the session has used up those it has of its own.
$leader = session($node, 'salon', %patient);
$ask = 'SELECT t.look(1, 1, ' . ++$day . ')';
$m->run("CREATE TABLE t.x$_ ()") for 1 .. 20;
$leader->run("SELECT t.look(1, 1, 0)");
$leader->run('BEGIN; ' . join '', map { "SELECT FROM t.x$_;" } 1 .. 20);
my $filler = session($node, 'salon');
is($filler->fails('SELECT count(pg_advisory_lock(i)) FROM generate_series(1, 10000000) i'), '53200', 'no lock is left');
is($leader->fails($ask), '53200', 'lack of memory while computing is an error');
$leader->run('ROLLBACK');
$filler->quit;
wait_until(sub { $m->run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0 }, 'locks to be freed');
no_flight_left('out of memory');
is($leader->run($ask), 'a' x 24, 'the session goes on');
$leader->quit;

in_order('at last');
$_->quit for $m, $a, $b, $locker;
$node->stop;
done_testing();
