# Logical replication apply into attached tables counts like any change, on every way it takes: initial copy,
# INSERT, UPDATE, DELETE, TRUNCATE, partitions as leaves or through their root, streamed and two-phase
# transactions (G6). A hot standby computes, and once promoted caches exactly.
#
# Shown to fail with: triggers that attach() does not make ENABLE ALWAYS; install_truncate_triggers without
# partitions (leaf); reason_to_bypass without RecoveryInProgress (a standby's answers stay as they are);
# prepared_shmem_init that starts with known = 1 (promotion).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $pub = new_node('publisher', streaming => 'logical', conf => <<'EOC');
max_prepared_transactions = 5
logical_decoding_work_mem = 64kB
EOC
my $sub = new_node('subscriber', streaming => 'logical', conf => <<'EOC');
max_prepared_transactions = 5
max_logical_replication_workers = 12
EOC

# Both sides have the salon; only the subscriber has the extension. Bookings come by replication.
sub make_pair
{
	my ($db, $pub_sql, $sub_sql) = @_;
	make_salon($pub, $db, extension => 0);
	make_salon($sub, $db, extension => 0);
	$pub->safe_psql($db, $pub_sql);
	$sub->safe_psql($db, "$sub_sql; CREATE EXTENSION availability_cache; SELECT count(*) FROM availability_cache.attach()");
	return (session($pub, $db), session($sub, $db));
}

sub subscribe
{
	my ($db, $publication, $options) = @_;
	my $conninfo = $pub->connstr . " dbname=$db application_name=sub_$db";
	$sub->safe_psql($db,
		"CREATE SUBSCRIPTION sub_$db CONNECTION '$conninfo' PUBLICATION $publication WITH ($options)");
	$sub->wait_for_subscription_sync($pub, "sub_$db", $db);
	return;
}

# Every answer of the week is in memory; then a change comes, and v2 must have it at once.
sub follows
{
	my ($p, $s, $db, $name, $sql, $look) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$s->run('SELECT t.v2(n, 1, d) FROM generate_series(1, 4) n, generate_series(0, 6) d');
	$p->run($sql);
	$pub->wait_for_catchup("sub_$db");
	is($s->run('SELECT t.look(1, 1, 0), t.look(1, 1, 1)'), $look, "$db, $name: v2 has it");
	exact_everywhere($s, 7, "$db, $name: everything is exact");
	return;
}

my $empty = 'a' x 24;
my $move = "UPDATE bookings SET start_time = start_time + interval '1 day', end_time = end_time + interval '1 day'
             WHERE start_time = t.at(0, 1)";

# ---- one table ----

my ($p, $s) = make_pair('plain', 'SELECT t.book(1, 0, n) FROM generate_series(0, 2) n; CREATE PUBLICATION p FOR TABLE bookings',
	'');
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), "$empty|t", 'before the subscription: empty, in memory');
subscribe('plain', 'p', 'two_phase = true, streaming = on');
is($s->run('SELECT t.look(1, 1, 0)'), 'bbb' . 'a' x 21, 'the initial copy is seen');
exact_everywhere($s, 7, 'after the initial copy everything is exact');
follows($p, $s, 'plain', 'INSERT', 'SELECT t.book(1, 0, 5)', "bbbaab" . 'a' x 18 . "|$empty");
follows($p, $s, 'plain', 'UPDATE to another day', $move, "babaab" . 'a' x 18 . '|ab' . 'a' x 22);
follows($p, $s, 'plain', 'UPDATE of the status', "UPDATE bookings SET status = 'cancelled' WHERE start_time = t.at(0, 5)",
	'bab' . 'a' x 21 . '|ab' . 'a' x 22);
follows($p, $s, 'plain', 'DELETE', 'DELETE FROM bookings WHERE start_time = t.at(0, 2)', 'b' . 'a' x 23 . '|ab' . 'a' x 22);
$s->run('SELECT t.v2(1, 1, 6)');
$p->run("UPDATE bookings SET note = 'x'");
$pub->wait_for_catchup('sub_plain');
is($s->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 6)'), 't|t', 'plain, UPDATE of a note: still in memory');
follows($p, $s, 'plain', 'TRUNCATE', 'TRUNCATE bookings', "$empty|$empty");

# A large transaction, streamed while it is open: nothing of it before its commit, everything after.
my $streamed = "SELECT count(t.book(1 + n % 4, n / 96, n / 4 % 24)) FROM generate_series(0, 11999) n";
for my $how ('on', $sub->pg_version >= 16 ? 'parallel' : ())
{
	my $slot = 'SELECT stream_txns FROM pg_stat_replication_slots';

	$s->run("ALTER SUBSCRIPTION sub_plain SET (streaming = $how)");
	my $before = $p->run($slot) || 0;
	$p->run("BEGIN; $streamed");
	ok(wait_until(sub { $p->run("SELECT pg_stat_clear_snapshot(); $slot") > $before }, 'streaming to begin'),
		"streaming = $how: a transaction is streamed");
	is($s->run('SELECT t.look(1, 1, 0)'), $empty, 'nothing of it is seen');
	follows($p, $s, 'plain', "streaming = $how", 'COMMIT', 'b' x 24 . '|' . 'b' x 24);
	follows($p, $s, 'plain', 'TRUNCATE', 'TRUNCATE bookings', "$empty|$empty");
}

# Prepared here as there.
$p->run("BEGIN; SELECT t.book(1, 0, 3); PREPARE TRANSACTION 'p'");
$pub->wait_for_catchup('sub_plain');
is($s->run('SELECT count(*) FROM pg_prepared_xacts'), 1, 'two_phase: it is prepared on the subscriber');
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), "$empty|f", 'not seen, computed');
follows($p, $s, 'plain', 'COMMIT PREPARED', "COMMIT PREPARED 'p'", 'aaab' . 'a' x 20 . "|$empty");
is($s->run('SELECT t.hit(1, 1, 0)'), 't', 'a hit again');

# Changes one after the other, while a reader asks v1, v2, v1: bookings are only added, so two equal v1 are
# one state.
$p->run('TRUNCATE bookings');
$pub->wait_for_catchup('sub_plain');
$s->send(<<'EOC');
DO $$
DECLARE
    a jsonb; b jsonb; c jsonb;
    checked int := 0; hits int := 0; stale int := 0;
BEGIN
    -- Until the last day is full.
    WHILE t.statuses(t.v1(1, 1, 6)) LIKE '%a%' LOOP
        FOR d IN 0 .. 6 LOOP
            a := t.v1(1, 1, d);
            b := get_available_slots_v2(t.stylist(1), t.service(1), t.day(d));
            c := t.v1(1, 1, d);
            CONTINUE WHEN a <> c;
            checked := checked + 1;
            hits := hits + (b ->> 'cache_hit')::boolean::int;
            stale := stale + (b -> 'slots' <> a)::int;
        END LOOP;
    END LOOP;
    RAISE WARNING 'checked % hits % stale %', checked, hits, stale;
END
$$
EOC
for my $d (0 .. 6)
{
	$p->run("SELECT t.book(1, $d, $_)") for 0 .. 23;
}
$s->result;
my ($checked, $hits, $stale) = $s->{error} =~ /checked (\d+) hits (\d+) stale (\d+)/ or diag $s->{error};
note "while applying: checked $checked, hits $hits";
is($stale, 0, 'no stale answer while changes are applied');
cmp_ok($hits, '>', 0, 'and there were hits');
nothing_pending($s);
$_->quit for $p, $s;

# ---- partitions ----

# Two partitions of bookings: day 0 and the other days (range), or anything (hash).
sub partitioned
{
	my ($method) = @_;
	my $partitions = $method eq 'range' ? <<'EOC' : <<'EOC';
SELECT format('CREATE TABLE bookings_0 PARTITION OF bookings FOR VALUES FROM (MINVALUE) TO (%L);'
              'CREATE TABLE bookings_1 PARTITION OF bookings FOR VALUES FROM (%L) TO (MAXVALUE)', t.at(0, 24), t.at(0, 24)) \gexec
EOC
CREATE TABLE bookings_0 PARTITION OF bookings FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE bookings_1 PARTITION OF bookings FOR VALUES WITH (MODULUS 2, REMAINDER 1);
EOC
	return <<"EOC";
DROP TABLE bookings;
CREATE TABLE bookings (
    id uuid DEFAULT gen_random_uuid(), stylist_user_id uuid, service_id uuid, start_time timestamptz, end_time timestamptz,
    status text, note text, PRIMARY KEY (id, start_time))
    PARTITION BY $method (start_time);
$partitions
EOC
}

for my $root ('off', 'on')
{
	my $db = "root_$root";
	# Through the root the subscriber may have partitions of another kind.
	($p, $s) = make_pair($db,
		partitioned('range')
		  . "SELECT t.book(1, 0, n) FROM generate_series(0, 2) n;
             CREATE PUBLICATION p FOR TABLE bookings WITH (publish_via_partition_root = $root);",
		partitioned($root eq 'on' ? 'hash' : 'range'));
	$s->run('SELECT t.v2(1, 1, 0)');
	subscribe($db, 'p', 'copy_data = true');
	is($s->run('SELECT t.look(1, 1, 0)'), 'bbb' . 'a' x 21, "$db: the initial copy is seen");
	follows($p, $s, $db, 'INSERT', 'SELECT t.book(1, 0, 5), t.book(1, 1, 0)', "bbbaab" . 'a' x 18 . '|b' . 'a' x 23);
	follows($p, $s, $db, 'UPDATE to another partition', $move, "babaab" . 'a' x 18 . '|bb' . 'a' x 22);
	follows($p, $s, $db, 'DELETE', 'DELETE FROM bookings WHERE start_time = t.at(0, 2)',
		"baaaab" . 'a' x 18 . '|bb' . 'a' x 22);
	# Through the root, a leaf's own TRUNCATE is not replicated.
	follows($p, $s, $db, 'TRUNCATE of a leaf', 'TRUNCATE bookings_1',
		"baaaab" . 'a' x 18 . '|' . ($root eq 'on' ? 'bb' . 'a' x 22 : $empty));
	$s->run('SELECT t.v2(1, 1, d) FROM generate_series(0, 6) d');
	$s->run('TRUNCATE bookings_0; TRUNCATE bookings_1');
	is($s->run('SELECT t.look(1, 1, 0)'), $empty, "$db: TRUNCATE of leaves on the subscriber itself");
	follows($p, $s, $db, 'TRUNCATE', 'TRUNCATE bookings', "$empty|$empty");
	nothing_pending($s);
	$_->quit for $p, $s;
}
$sub->stop;

# ---- a hot standby ----

make_salon($pub, 'stand');
$p = session($pub, 'stand');
$pub->backup('base');
my $standby = new_node('standby', from => [ $pub, 'base' ]);
$s = session($standby, 'stand');

sub replayed { return $pub->wait_for_catchup($standby, 'replay', $pub->lsn('flush')); }

replayed();
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0), t.hit(1, 1, 0)'), "$empty|f|f", 'a standby computes every answer');
is(stat_of($s, 'bypass_recovery, hits, stores, entries'), '3|0|0|0', 'and says so');
$p->run('SELECT t.v2(1, 1, 0), t.book(1, 0, 2)');
replayed();
is($s->run('SELECT t.look(1, 1, 0)'), 'aab' . 'a' x 21, 'it has what was replayed');
exact_everywhere($s, 7, 'and is exact');
is($s->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT t.look(1, 1, 0)"), 'aab' . 'a' x 21, 'in REPEATABLE READ too');
$p->run('SELECT t.book(1, 0, 3)');
replayed();
is($s->run('SELECT t.look(1, 1, 0)'), 'aab' . 'a' x 21, 'as of its snapshot');
$s->run('COMMIT');

# Promoted with a transaction prepared on the old primary.
$p->run("BEGIN; SELECT t.book(1, 0, 4); PREPARE TRANSACTION 'moved'");
replayed();
$p->quit;
$standby->promote;
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), 'aabb' . 'a' x 20 . '|f', 'promoted, with a prepared transaction: computes');
cmp_ok(stat_of($s, 'cells_pending'), '>', 0, 'as the database is pending');
my $other = session($standby, 'stand');
$other->run("COMMIT PREPARED 'moved'");
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), 'aabbb' . 'a' x 19 . '|t', 'once it is committed: exact at once, and a hit');
$other->run('SELECT t.book(1, 0, 5)');
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), 'aabbbb' . 'a' x 18 . '|t', 'and so on');
exact_everywhere($s, 7, 'the new primary is exact');
nothing_pending($s);
$_->quit for $s, $other;
$standby->stop;
$pub->stop;
done_testing();
