# The waiting list with several sessions: who waits is put into the queue once however many look, no two takers get the same,
# NOTIFY says so, and neither a crash nor a taker that dies loses anybody. How late it may be is how often one looks: here, at once.
#
# Shown to fail without SKIP LOCKED (the second taker waits).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('waiting');
make_salon($node, 'salon', stylists => 2, services => 1, days => 7);
my ($a, $b, $c);
sub connect_all { ($a, $b, $c) = map { session($node, 'salon') } 1 .. 3; return; }
connect_all();

$a->run(<<'EOC');
CREATE TABLE waiting (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, wanted_from timestamptz, wanted_to timestamptz, customer_id text);
SELECT availability_cache.attach_waiting_list('waiting');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
SELECT t.stylist(1), t.service(1), t.at(30, n), t.at(30, n + 1) FROM generate_series(0, 23) n;
INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id)
SELECT t.stylist(1), t.service(1), t.at(30, 0), t.at(30, 24), 'c' || n FROM generate_series(1, 20) n;
EOC
my $queue = 'SELECT availability_cache.queue_freed()';
is($a->run($queue), '0', 'nothing is free');
$c->run('LISTEN availability_cache_freed');
$a->run("UPDATE bookings SET status = 'cancelled' WHERE start_time = t.at(30, 5)");

# Two look at once: the second waits for the first, and finds them queued.
$a->run("BEGIN; $queue");
$b->send($queue);
sleep 0.3;
ok(!$b->ready, 'who looks while another does waits');
$a->run('COMMIT');
is($b->result, '0', 'and finds those who wait in the queue');
is($a->run('SELECT count(*), count(DISTINCT waiting_key) FROM availability_cache.freed'), '20|20', 'each once');
like($c->run('SELECT 1'), qr/Asynchronous notification "availability_cache_freed" with payload "20"/, 'NOTIFY');

# Two take at once.
my $take = "SELECT string_agg(customer_key, ' ' ORDER BY id) FROM availability_cache.take_freed";
is($a->run("BEGIN; $take(3)"), 'c1 c2 c3', 'one takes three');
is($b->run("$take(2)"), 'c4 c5', 'another the next two, without waiting');
$a->run('ROLLBACK');
is($b->run("$take(2)"), 'c1 c2', 'what one gave back is there again');

# A taker that dies, and a crash.
$a->run("BEGIN; $take(3)");
$node->stop('immediate');
$node->start;
connect_all();
is($a->run("$take(3)"), 'c3 c6 c7', 'after a crash: who was not told is, in order');
is($a->run($queue), '0', 'and nobody is queued again');
is($a->run("$take(100)"), join(' ', map { "c$_" } 8 .. 20), 'the others');

# Bookings, cancellations, two that look and two that take: nobody twice, and nobody of a slot that was taken when they were.
$a->run('DELETE FROM waiting; TRUNCATE bookings');
$a->run("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(1), t.service(1), t.at(31, n), t.at(31, n + 1) FROM generate_series(0, 23) n");
$a->run("CREATE TABLE t.told (customer text, wrong boolean)");
$a->run("INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id) SELECT t.stylist(1), t.service(1), t.at(31, n % 24), t.at(31, n % 24 + 1), 'd' || n FROM generate_series(1, 96) n");
my @clients = map { session($node, 'salon') } 1 .. 5;
my $busy = "DO \$\$ BEGIN FOR i IN 1 .. 150 LOOP UPDATE bookings SET status = CASE WHEN random() < 0.5 THEN 'cancelled' ELSE 'confirmed' END WHERE start_time = t.at(31, floor(random() * 24)::int); COMMIT; PERFORM pg_sleep(0.005); END LOOP; END \$\$";
my $look = "DO \$\$ BEGIN FOR i IN 1 .. 30 LOOP PERFORM availability_cache.queue_freed(); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END \$\$";
my $taker = "DO \$\$ BEGIN FOR i IN 1 .. 60 LOOP INSERT INTO t.told SELECT customer_key, slot_end <= slot_start FROM availability_cache.take_freed(3); COMMIT; PERFORM pg_sleep(0.01); END LOOP; END \$\$";
my @do = ($busy, $look, $look, $taker, $taker);
$clients[$_]->send($do[$_]) for 0 .. 4;
for my $n (0 .. 4)
{
	$clients[$n]->result;
	is($clients[$n]{sqlstate}, '', "client $n");
}
is($a->run('SELECT count(*) - count(DISTINCT customer) FROM t.told'), '0', 'nobody is told twice');
cmp_ok($a->run('SELECT count(*) FROM t.told'), '>', 10, 'and some are');
$a->run("UPDATE bookings SET status = 'cancelled'");
$a->run($queue);
$a->run("INSERT INTO t.told SELECT customer_key, false FROM availability_cache.take_freed(1000)");
is($a->run('SELECT count(*), count(DISTINCT customer) FROM t.told'), '96|96', 'when all is free all have been told, each once');

done_testing();
