# Hits are computed again and compared (audit_rate, audit()): a planted answer that is outdated is found, not
# given, logged with its key, dropped and counted, of days and of memoized functions; and under load nothing
# is found, since a difference counts only while the entry is still valid (G9). Shown to fail with a
# difference that counts at once (alarms under load).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $node = new_node('audit', hooks => 1);
make_salon($node, 'salon');
my $s = session($node, 'salon');
my $w = session($node, 'salon', 'availability_cache.test_mutant' => 'no_touch');
my $honest = session($node, 'salon');
$s->run(<<'EOC');
CREATE TABLE n (id int PRIMARY KEY, k int, v int);
INSERT INTO n SELECT i, i % 10, 0 FROM generate_series(1, 100) i;
CREATE INDEX ON n (k, id DESC);
UPDATE n SET v = 0 WHERE id = 1;
CREATE FUNCTION total(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(v) FROM n WHERE k = x';
CREATE FUNCTION of_k(x int) RETURNS SETOF int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT id FROM n WHERE k = x; END';
CREATE FUNCTION inexact(x int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(v) FROM n WHERE k = x';
SELECT count(*) FROM availability_cache.memoize('total(int)') a, availability_cache.memoize('of_k(int)') b, availability_cache.memoize('inexact(int)', ttl => '1 minute') c;
EOC

sub figures { return $s->run("SELECT audits, stale_hits FROM availability_cache.summary WHERE datname = 'salon'"); }
sub stale_key { return $s->run("SELECT key, duration_ms > 0 FROM availability_cache.events WHERE kind = 'stale' ORDER BY at DESC, number DESC LIMIT 1"); }
sub health { return $s->run("SELECT status, value FROM availability_cache.health WHERE name = 'stale hits'"); }
my $key = $s->run("SELECT concat_ws(' ', t.stylist(1), t.service(1), t.day(1))");

# ---- nothing is wrong ----

$s->run('SELECT availability_cache.reset_stats()');
$s->run('SELECT t.v2(1, 1, 1), total(1), (SELECT count(*) FROM of_k(1))');
$s->run('SELECT t.v2(1, 1, 1)') for 1 .. 3;
is(figures(), '0|0', 'none is computed again by default');
$s->run('SET availability_cache.audit_rate = 1');
$s->run('SELECT t.v2(1, 1, 1)') for 1 .. 3;
is($s->run('SELECT t.hit(1, 1, 1)'), 't', 'it is still a hit');
$s->run('SELECT total(1)') for 1 .. 3;
is(figures(), '7|0', 'all are, of days and of functions, and are what was kept');
is($s->run('SELECT availability_cache.memo_was_hit(\'total(int)\')'), 't', 'a hit too');
$s->run('SET enable_seqscan = off; SET enable_bitmapscan = off');
$s->run('SELECT availability_cache.memo_clear(\'of_k(int)\')');
$s->run('SELECT string_agg(of_k::text, \',\') FROM of_k(1)');
isnt($s->run('SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT string_agg(id::text, \',\') FROM (SELECT id FROM n WHERE k = 1) x'), $s->run('RESET enable_seqscan; SET enable_indexscan = off; SET enable_indexonlyscan = off; SELECT string_agg(id::text, \',\') FROM (SELECT id FROM n WHERE k = 1) x'), 'rows in another order');
$s->run('SELECT count(*) FROM of_k(1)') for 1 .. 3;
$s->run('RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan');
is((split /\|/, figures())[1], '0', 'are the same');
is(health(), 'ok|0', 'health: ok');

# ---- an outdated answer ----

$s->run('SET availability_cache.audit_rate = 0');
my $before = $s->run('SELECT t.look(1, 1, 1)');
$w->run('SELECT t.book(1, 1, 3)');
is($s->run('SELECT t.look(1, 1, 1)'), $before, 'planted: a booking that memory does not know of');
isnt($s->run('SELECT t.statuses(t.v1(1, 1, 1))'), $before, 'though it is there');
$s->run('SET availability_cache.audit_rate = 1');
is($s->run('SELECT t.look(1, 1, 1)'), $s->run('SELECT t.statuses(t.v1(1, 1, 1))'), 'audited: the right answer is given');
is((split /\|/, figures())[1], '1', 'and it is counted');
is(stale_key(), "$key|t", 'an event has its key');
like(slurp_file($node->logfile), qr/LOG:  availability_cache had an outdated answer in memory: \Q$key\E/, 'so has the log');
is(health(), 'critical|1', 'health: critical');
$s->run('SET availability_cache.audit_rate = 0');
is($s->run('SELECT t.look(1, 1, 1)'), $s->run('SELECT t.statuses(t.v1(1, 1, 1))'), 'the outdated one was dropped');

# By a share of the hits: of 200 at one in ten none would be found once in 10^9 times.
$w->run('SELECT t.book(1, 1, 5)');
my $found = $s->run(<<'EOC');
SET availability_cache.audit_rate = 0.1;
SELECT count(*) FILTER (WHERE t.look(1, 1, 1) <> t.statuses(t.v1(1, 1, 1))) FROM generate_series(1, 200)
EOC
is((split /\|/, figures())[1], '2', 'one in ten: found within 200 hits');
cmp_ok($found, '<', 200, "after $found wrong answers");

# By audit(), which anybody who may read statistics can run.
$w->run('SELECT t.book(1, 1, 7)');
$node->safe_psql('salon', 'CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats; CREATE ROLE nobody_else LOGIN');
my $watcher = session($node, 'salon', user => 'watcher');
is($watcher->run("SELECT result, key = '$key', ms > 0 FROM availability_cache.audit(10000) WHERE result <> 'same'"), 'stale|t|t', 'audit() finds it');
is($watcher->run("SELECT count(*) FILTER (WHERE result <> 'same') FROM availability_cache.audit(10000)"), '0', 'once');
is($watcher->fails('SELECT * FROM availability_cache.audit(0)'), '22023', 'none is no sample');
is($watcher->fails('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM availability_cache.audit()'), '55000', 'its moment must be now');
$watcher->quit;
my $nobody = session($node, 'salon', user => 'nobody_else');
is($nobody->fails('SELECT * FROM availability_cache.audit()'), '42501', 'nobody else may');
$nobody->quit;

# A function; of what is in its call no value is told.
$s->run('SET availability_cache.audit_rate = 0');
$s->run('SELECT total(3), inexact(3)');
$w->run('UPDATE n SET v = 1 WHERE id = 3');
is($s->run('SELECT total(3)'), '0', 'a function, planted');
$s->run('SET availability_cache.audit_rate = 1');
is($s->run('SELECT total(3)'), '1', 'audited: the right answer');
is((split /\|/, figures())[1], '4', 'counted');
like(stale_key(), qr/^total\(integer\), arguments [0-9a-f]{16}\|t$/, 'and an event with the function');
is($s->run('SELECT inexact(3)'), '0', 'one that is not exact, by its ttl, is not audited');
is($s->run('SELECT total(3)'), '1', 'dropped');

# ---- under load ----

$s->run('SELECT availability_cache.reset_stats()');
$s->run('SET availability_cache.test_sleep_before_snapshot = 2000');
my @writers = map { session($node, 'salon') } 1 .. 2;
my $n = 0;
for my $writer (@writers)
{
	$n++;
	$writer->send(<<"EOC");
DO \$\$ BEGIN LOOP UPDATE n SET v = v + 1 WHERE id = $n; PERFORM t.book($n, 2, v % 24) FROM n WHERE id = $n; COMMIT; PERFORM pg_sleep(0.03);
DELETE FROM bookings WHERE start_time >= t.at(2, 0) AND stylist_user_id = t.stylist($n); COMMIT; END LOOP; END \$\$
EOC
}
my ($audits, $stale) = (0, 0);
my $end = time() + 60;
while (time() < $end && $audits < 150)
{
	$s->run('SELECT count(t.v2(1, 1, 2)), count(t.v2(2, 1, 2)), count(total(1)), count(total(2)) FROM generate_series(1, 20)');
	($audits, $stale) = split /\|/, figures();
}
$s->run('SELECT pg_cancel_backend(' . $_->pid . ')') for @writers;
$_->result for @writers;
is($_->{sqlstate}, '57014', 'a writer wrote all the while') for @writers;
cmp_ok($audits, '>=', 150, "under load: $audits hits audited");
is($stale, '0', 'none of them stale');
$s->quit;
$node->stop;
done_testing();
