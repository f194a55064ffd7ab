# The waiting list with several sessions: who waits is put into the queue once however many look, no two
# takers get the same, NOTIFY says so, and neither a crash nor a taker that dies loses anybody. With
# waiting_interval nobody has to look: what the clock frees is told within that time, in a database where
# nobody is connected and after a crash too.
#
# Shown to fail without SKIP LOCKED (the second taker waits); in entry/waiting_worker.c, without the look at
# all databases at the start (nothing after a crash) and without note_commit (a new list waits for an hour).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('waiting', conf => "availability_cache.waiting_interval = 0");
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

# Bookings, cancellations, two that look and two that take: nobody twice, and nobody of a slot that was taken
# when they were.
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

# ---------------------------------------------------------------------------
# Nobody looks but the server
# ---------------------------------------------------------------------------
$a->run('DELETE FROM waiting; TRUNCATE bookings, booking_reservations; SELECT availability_cache.queue_freed()');
$a->run('DROP TRIGGER trigger_waiting_list ON waiting');
$node->append_conf('postgresql.conf', "availability_cache.waiting_interval = '1s'");
$node->reload;
# The launcher has looked at all databases, and found no list.
sleep 3;
$a->run("SELECT availability_cache.attach_waiting_list('waiting')");
my $told = 'SELECT count(*) FROM availability_cache.freed';
$a->run("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(1), t.service(1), t.at(32, n), t.at(32, n + 1) FROM generate_series(0, 23) n");
$a->run("INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id) SELECT t.stylist(1), t.service(1), t.at(32, 0), t.at(32, 24), 'e' || n FROM generate_series(1, 5) n");
sleep 2;
is($a->run($told), '0', 'nothing is free');
$a->run("UPDATE bookings SET status = 'cancelled' WHERE start_time = t.at(32, 5)");
ok(wait_until(sub { $a->run($told) eq '5' }, 'the server to look'), 'a list is looked at as soon as it is attached');

# Holds that expire one after the other, each with one who waits: how late are they told?
$a->run('DELETE FROM waiting; SELECT availability_cache.queue_freed()');
$a->run(<<'EOC');
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at)
SELECT t.stylist(1), t.service(1), t.at(33, n), t.at(33, n + 1), clock_timestamp() + n * interval '0.37 seconds' + interval '1 second' FROM generate_series(1, 15) n;
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(1), t.service(1), t.at(33, n), t.at(33, n + 1) FROM generate_series(16, 20) n;
INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id) SELECT t.stylist(1), t.service(1), t.at(33, n), t.at(33, n + 1), 'f' || n FROM generate_series(1, 20) n;
EOC
ok(wait_until(sub { $a->run($told) eq '15' }, 'all holds to be told'), 'holds that expire are told, and nobody of what is booked');
my ($least, $most) = split /\|/, $a->run(<<'EOC');
SELECT round(min(extract(epoch FROM f.queued_at - h.expires_at)), 2), round(max(extract(epoch FROM f.queued_at - h.expires_at)), 2)
  FROM availability_cache.freed f JOIN booking_reservations h ON h.start_time = f.slot_start
EOC
diag "told $least to $most s after they expired, with waiting_interval = 1s";
cmp_ok($least, '>=', 0, 'not before they expire');
cmp_ok($most, '<', 30, 'and not late');

# A database where nobody is connected, after a crash.
$a->run('DELETE FROM waiting; SELECT availability_cache.queue_freed()');
$a->run(<<'EOC');
INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at) SELECT t.stylist(1), t.service(1), t.at(34, 1), t.at(34, 2), clock_timestamp() + interval '5 seconds';
INSERT INTO waiting (stylist_id, service_id, wanted_from, wanted_to, customer_id) SELECT t.stylist(1), t.service(1), t.at(34, 1), t.at(34, 2), 'g';
EOC
$_->quit for $a, $b, $c, @clients;
$node->stop('immediate');
$node->start;
sleep 10;
connect_all();
is($a->run("SELECT count(*), count(*) FILTER (WHERE queued_at < clock_timestamp() - interval '1 second') FROM availability_cache.freed"), '1|1', 'after a crash it goes on, and for nobody who is connected');

# It stands in nobody's way, and nothing is run that is not the extension's.
$a->run('CREATE DATABASE beside');
$node->safe_psql('beside', <<'EOC');
CREATE SCHEMA availability_cache;
CREATE TABLE public.ran (n int);
CREATE FUNCTION availability_cache.queue_freed() RETURNS int LANGUAGE sql AS 'INSERT INTO public.ran VALUES (1); SELECT 1';
CREATE FUNCTION availability_cache.waiting_list() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE waiting (id int);
CREATE TRIGGER t AFTER TRUNCATE ON waiting FOR EACH STATEMENT EXECUTE FUNCTION availability_cache.waiting_list();
EOC
sleep 2;
is($node->safe_psql('beside', 'SELECT count(*) FROM public.ran'), '0', 'functions of such names are not called');
is($a->fails('DROP DATABASE beside'), '', 'a database can be dropped');
# A copy of one with a waiting list: who waits there is told there.
$_->quit for $a, $b, $c;
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE salon');
$node->safe_psql('copy', 'DELETE FROM availability_cache.freed');
ok(wait_until(sub { $node->safe_psql('copy', 'SELECT count(*) FROM availability_cache.freed') eq '1' }, 'the copy to be looked at'), 'a copied database is looked at');
connect_all();
$_->quit for $b, $c;
$node->safe_psql('postgres', 'SELECT 1');
$a->quit;
is(($node->psql('postgres', 'DROP DATABASE salon'))[0], 0, 'one with a waiting list too');
my $log = -s $node->logfile;
sleep 2;
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile, $log), qr/FATAL/, 'and is forgotten');

done_testing();
