# availability_cache.health: all is ok where all is well; each check fires when what it is for happens, and
# names a statement that runs, which mends what a statement can mend. And the events of breaker, worker and
# evictions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my ($node, $s);

sub row { my ($name, $what) = @_; return $s->run("SELECT $what FROM availability_cache.health WHERE name = '$name'"); }
sub is_status
{
	my ($name, $status, $why) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(row($name, 'status'), $status, "$name: $why") || diag row($name, 'value, detail, statement');
}
sub event { my ($kind) = @_; return $s->run("SELECT key, detail, count, duration_ms > 0 FROM availability_cache.events WHERE kind = '$kind' AND datname = current_database() ORDER BY at DESC LIMIT 1"); }

# ---- all is well ----

$node = new_node('health', default_tier => 1, conf => "max_prepared_transactions = 2\navailability_cache.table_tier_retry = '1s'");
make_salon($node, 'salon');
$s = session($node, 'salon', statement_timeout => '30s');
$s->run('SELECT count(*) FROM availability_cache.attach(create_indexes => true)');
$s->run('SELECT count(t.v2(1, 1, d)), count(t.v2(1, 1, d)), count(t.v2(1, 1, d)) FROM generate_series(0, 6) d, generate_series(1, 20)');
is($s->run("SELECT string_agg(name || ': ' || status || ' ' || value, ', ') FROM availability_cache.health WHERE status <> 'ok'"), '', 'a healthy installation: all is ok');
cmp_ok($s->run('SELECT count(*) FROM availability_cache.health'), '>=', 16, 'and that is many checks');
my @statements = split(/\n/, $s->run("SELECT replace(statement, E'\\n', ' ') FROM availability_cache.health WHERE name <> 'version'"));
for my $statement (@statements)
{
	$s->send($statement)->result;
	is($s->{error}, '', "runs: $statement");
}
$node->safe_psql('salon', 'CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats; CREATE ROLE nobody_else LOGIN');
my $watcher = session($node, 'salon', user => 'watcher');
is($watcher->run("SELECT count(*) FILTER (WHERE status <> 'ok') FROM availability_cache.health"), '0', 'pg_read_all_stats may look');
$watcher->quit;
my $nobody = session($node, 'salon', user => 'nobody_else');
is($nobody->fails('SELECT * FROM availability_cache.health'), '42501', 'nobody else may');
$nobody->quit;

# ---- what the catalogs say ----

$s->run('ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking');
is_status('triggers', 'critical', 'one is disabled');
$s->run('SELECT count(t.v2(1, 1, 0)) FROM generate_series(1, 400)');
is_status('answers not kept', 'warning', 'because of it');
like(row('answers not kept', 'detail'), qr/slots and functions: 400 of .*trigger/, 'which it says');
$s->run(row('triggers', 'statement'));
is_status('triggers', 'ok', 'its statement mends it');
$s->run("SELECT count(*) FROM availability_cache.attach('services', 'services', '{\"price_cents\": null}')");
$s->run('ALTER TABLE services DISABLE TRIGGER trigger_invalidate_cache_on_service');
$s->run(row('triggers', 'statement'));
is_status('triggers', 'ok', 'of a table with a column that is left out');
is($s->run("SELECT columns -> 'price_cents' FROM availability_cache.sources WHERE role = 'services'"), 'null', 'which stays left out');
unlike(row('columns', 'detail'), qr/price_cents/, 'and is not named');
$s->run("SELECT count(*) FROM availability_cache.attach('services', 'services')");
$s->run('ALTER TABLE stylist_services ADD seats_per_session int, ADD capacity int');
like(row('columns', 'detail'), qr/column capacity looks like capacity: SELECT/, 'one that was made later is');
$s->run('ALTER TABLE stylist_services DROP capacity, DROP seats_per_session');
# A table that was made anew, or lost both, is not attached any more.
$s->run("DROP TRIGGER $_ ON bookings") for map { "trigger_invalidate_cache_on_$_" } qw(booking booking_truncate);
is_status('triggers', 'critical', 'a table is not attached any more');
is(row('triggers', 'detail'), 'nothing is attached as bookings', 'which it names');
$s->run("CREATE FUNCTION own_slots(uuid, uuid, date, text) RETURNS SETOF jsonb LANGUAGE sql STABLE SET search_path = public AS 'SELECT NULL::jsonb'");
$s->run("BEGIN; UPDATE availability_cache.rules SET compute_function = 'public.own_slots(uuid, uuid, date, text)'");
is_status('triggers', 'ok', 'rules of one\'s own do without');
$s->run('ROLLBACK');
$s->run(row('triggers', 'statement'));
is_status('triggers', 'ok', 'its statement attaches it');
$s->run('ALTER TABLE bookings RENAME status TO state');
is_status('columns', 'critical', 'a mapped one is gone');
like(row('columns', 'detail'), qr/^public\.bookings: status gone.*column state looks like status: SELECT/, 'and what it may be called now');
is($s->fails(row('columns', 'statement')), '42703', 'its statement asks for the name');
$s->run('ALTER TABLE bookings RENAME state TO status; ALTER TABLE bookings RENAME start_time TO begins');
is_status('columns', 'critical', 'one that must be there is gone');
is_status('indexes', 'ok', 'and no index of it is asked for');
$s->run('ALTER TABLE bookings RENAME begins TO start_time');
is_status('columns', 'ok', 'it is there again');
$s->run('ALTER TABLE bookings ADD COLUMN cancelled_at timestamptz');
$s->run('ALTER TABLE schedule_overrides ADD COLUMN everyone_off boolean');
is_status('columns', 'warning', 'some look as if they mattered');
$s->run('ALTER TABLE schedule_overrides DROP COLUMN everyone_off');
is_status('columns', 'ok', 'not where the rules have no such thing');
$s->run("DO \$\$ DECLARE i regclass; BEGIN FOR i IN SELECT indexrelid FROM pg_index WHERE indrelid = 'stylist_schedules'::regclass AND NOT indisprimary LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END \$\$");
is_status('indexes', 'warning', 'one is missing');
$s->run(row('indexes', 'statement'));
is_status('indexes', 'ok', 'its statement makes it');
# The kinds of rows are in pgtap/passed_over.sql. Nobody waits for a lock (shown to fail without NOWAIT).
$s->run('ALTER TABLE stylist_schedules DROP CONSTRAINT stylist_schedules_day_of_week_check');
$s->run('INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time) SELECT t.stylist(1), 9, start_time, end_time FROM stylist_schedules LIMIT 1');
is_status('rows', 'warning', 'one is of no day of the week');
my $holder = session($node, 'salon');
$holder->run('BEGIN; LOCK TABLE stylist_schedules');
like($s->run("SET statement_timeout = '5s'; SELECT detail FROM availability_cache.health WHERE name = 'rows'"), qr/^not looked at: public\.stylist_schedules, it is locked$/, 'rows: who holds a table is not waited for');
$holder->run('ROLLBACK');
$holder->quit;
$s->run("SET statement_timeout = '30s'; DELETE FROM stylist_schedules WHERE day_of_week = 9");
is_status('rows', 'ok', 'none');
$s->run('SET availability_cache.health_dead_rows = 0');
$s->run('DELETE FROM private.availability_cache');
ok(wait_until(sub { $s->run('SELECT pg_stat_clear_snapshot()'); row('table tier', 'status') ne 'ok' }, 'dead rows'), 'table tier: dead rows');
$s->run('RESET ALL');
$s->run("BEGIN; UPDATE pg_extension SET extversion = '99.0' WHERE extname = 'availability_cache'");
is_status('version', 'critical', 'an old library with new SQL');
is(row('version', 'statement'), 'restart the server', 'which says what to do');
$s->run('ROLLBACK');

# ---- what the counters say ----

$s->run('SELECT availability_cache.reset_stats()');
$s->run("SELECT count(t.v2(s, 1, d, z)) FROM generate_series(1, 4) s, generate_series(0, 6) d, unnest('{Asia/Tokyo,Europe/Paris,America/Lima,Asia/Dubai,Asia/Seoul}'::text[]) z");
is_status('hit ratio', 'critical', 'below half of the threshold');
$s->run('SET availability_cache.enabled = off; SELECT count(t.v2(1, 1, d)) FROM generate_series(0, 6) d; RESET availability_cache.enabled');
like($s->run('SELECT x FROM (' . row('hit ratio', 'statement') . ') x'), qr/,7,7,/, 'and its statement says how many were not to ask memory');
$s->run('SET availability_cache.health_hit_ratio = 0');
is_status('hit ratio', 'ok', 'and can be none');
$s->run('RESET ALL; SELECT count(t.v2(1, 1, 0)) FROM generate_series(1, 20)');
$s->run('SELECT count(get_available_slots_v2(t.stylist(99), t.service(1), t.day(0))) FROM generate_series(1, 6)');
is_status('errors', 'warning', 'six in a minute');
like(row('errors', 'detail'), qr/STYLIST_NOT_FOUND: 6/, 'by code');
$s->run('SET availability_cache.health_compute_time = 20');
$s->run(<<'EOC');
CREATE TABLE of_mine (i int);
CREATE FUNCTION heavy() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM of_mine, generate_series(1, 2000000)) + (SELECT count(*) FROM generate_series(1, 2000000)); END';
EOC
$s->run("SELECT count(*) FROM availability_cache.memoize('heavy()')");
$s->run('SELECT heavy()');
is_status('computation time', 'critical', 'half of those of a function');
like(row('computation time', 'detail'), qr/^public\.heavy\(\): \d+ ms$/, 'which it names');
$s->run('RESET ALL');
is_status('computation time', 'ok', 'it is not above a second') if $s->run("SELECT compute_ms_99 FROM availability_cache.activity WHERE source = 'heavy()'") < 500;
$s->run("CREATE FUNCTION lost(x int) RETURNS bigint LANGUAGE memoized_sql STABLE AS 'SELECT count(*) FROM unwatched WHERE i = x'") if $s->run('CREATE TABLE unwatched (i int)') eq '';
$s->run("SELECT lost($_)") for 1 .. 12;
is_status('answers not kept', 'warning', 'a table is not watched');
like(row('answers not kept', 'detail'), qr/lost\(integer\): 12 of 12 computations, .*unwatched/, 'which it names');

$s->run("BEGIN; SELECT t.book(2, 1, 3); PREPARE TRANSACTION 'held'");
is_status('prepared transactions', 'ok', 'one is prepared, for a moment');
$s->run('SET availability_cache.health_prepared = 0');
is_status('prepared transactions', 'warning', 'for longer than the setting');
$s->run("RESET ALL; ROLLBACK PREPARED 'held'");

# ---- the breaker, and what happened ----

my $locker = session($node, 'salon');
$locker->run('BEGIN; LOCK TABLE private.availability_cache, availability_cache.invalidation');
$s->run("SELECT availability_cache.invalidate(t.stylist(3)); SELECT t.v2(3, 1, 1)");
ok(wait_until(sub { row('breaker', 'status') ne 'ok' }, 'the breaker'), 'breaker: it is open');
like(event('breaker opened'), qr/^table tier\|.+\|\d+\|/, 'an event says why');
$locker->run('COMMIT');
$locker->quit;
ok(wait_until(sub { $s->run("SELECT availability_cache.invalidate(t.stylist(3)); SELECT count(t.v2(3, 1, 1))"); row('breaker', 'status') eq 'ok' }, 'closed'), 'it closes');
like(event('breaker closed'), qr/^table tier\|\|\d+\|t$/, 'and an event says how long it was open');
like(event('worker started'), qr/^worker\|\|\d+\|$/, 'so does one that a worker has begun');

# ---- functions beyond those that are counted ----

$s->run("DO \$\$ BEGIN FOR i IN 1 .. 4300 LOOP EXECUTE format('CREATE FUNCTION many_%s() RETURNS int LANGUAGE memoized_sql STABLE AS ''SELECT %s''', i, i); END LOOP; END \$\$");
is_status('functions counted', 'ok', 'there is a place for each that was called');
$s->run("DO \$\$ BEGIN FOR i IN 1 .. 4300 LOOP EXECUTE format('SELECT many_%s()', i); END LOOP; END \$\$");
is_status('functions counted', 'warning', 'there is none for the last of 4,300');
cmp_ok(row('functions counted', 'value'), '>', 0, 'and it says how often');
$s->quit;
$node->stop;

# ---- too little memory, and no place for a worker ----

$node = new_node('health_small', hooks => 1, default_tier => 1,
	conf => "availability_cache.shared_memory_size = 4MB\navailability_cache.test_exact_cells = 600\nmax_worker_processes = 1");
make_salon($node, 'salon', days => 300);
$s = session($node, 'salon');
$s->run("SELECT count(t.v2(s, 1, d, z)) FROM generate_series(1, 4) s, generate_series(0, 299) d, unnest('{UTC,Asia/Tokyo,Europe/Paris,Asia/Kathmandu,America/Lima}'::text[]) z");
$s->run('SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 299) d') for 1 .. 2;
is_status('cells', 'warning', 'answers in use lose theirs to others');
is_status('worker', 'warning', 'there is no place for one');
is(row('worker', 'value'), 'failed', 'which it says');
like(event('worker failed'), qr/^worker\|max_worker_processes/, 'and an event');
$s->quit;
$node->stop;
$node->append_conf('postgresql.conf', "availability_cache.test_exact_cells = 0");
$node->start;
$s = session($node, 'salon');
$s->run("SELECT count(t.v2(s, 1, d, z)) FROM generate_series(1, 4) s, generate_series(0, 299) d, unnest('{UTC,Asia/Tokyo,Europe/Paris,Asia/Kathmandu,America/Lima,Asia/Dubai}'::text[]) z");
is_status('evictions', 'warning', 'answers that were still good went to make room');
like(event('eviction'), qr/^\|answers that were still good.*\|\d+\|/, 'so does an event');
$s->quit;
$node->stop;

# ---- without preload ----

$node = new_node('health_session', preload => 0, default_tier => 1);
make_salon($node, 'salon');
$s = session($node, 'salon');
is_status('preload', 'warning', 'the library is not preloaded');
is($s->run('SELECT count(*) FROM availability_cache.health'), '7', 'and only what the catalogs say is looked at');
$s->quit;
$node->stop;
done_testing();
