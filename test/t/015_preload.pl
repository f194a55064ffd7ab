# Without preload everything works but the cache, and says how to get it; settings have their bounds and their
# reserved prefix; a small memory stays within its setting under a flood, gives right answers and keeps what
# people use; ttl (G7, G8).
#
# Shown to fail with, in src/: shmem_require that is not called (stats crashes the server); eviction_choose
# that ignores the marks (the hot days go); make_room that never evicts; expires that takes the later end
# (ttl); worth_keeping that is always true; look_at_arguments or zone_find that take anything.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $hint = qr/HINT:  Add availability_cache to shared_preload_libraries in postgresql.conf and restart the server/;

# ---- without preload ----

my $node = new_node('preload', preload => 0);
make_salon($node, 'salon', extension => 0, stylists => 5, days => 60);
my $s = session($node, 'salon');

is($s->fails('CREATE EXTENSION availability_cache'), '', 'CREATE EXTENSION works without preload');
like($s->{error}, qr/WARNING.*not in shared_preload_libraries/, 'with a warning');
like($s->{error}, $hint, 'and its hint');
$s->run('SELECT count(*) FROM availability_cache.attach()');
is($s->run('SELECT t.look(1, 1, 0)'), 'a' x 24, 'v2 answers');
is($s->run(<<'EOC'), "false|false\nfalse|false", 'and is not cached');
SELECT r ->> 'cached', r ->> 'cache_hit'
  FROM generate_series(1, 2), LATERAL get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) r
EOC
$s->run('SELECT t.book(1, 0, 3)');
is($s->run('SELECT t.look(1, 1, 0)'), 'aaab' . 'a' x 20, 'bookings work, and show');
exact_everywhere($s, 7, 'v1 and v2 agree');
$s->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 0, 4); ROLLBACK TO a; TRUNCATE bookings; COMMIT');
is($s->run('SELECT t.look(1, 1, 0)'), 'a' x 24, 'savepoints and TRUNCATE too');
is($s->run('SELECT availability_cache.invalidate(t.stylist(1)), availability_cache.flush()'), '|0', 'invalidate and flush do nothing');
for my $sql (
	'SELECT * FROM availability_cache.stats',
	'SELECT * FROM availability_cache.entries',
	'SELECT availability_cache.reset_stats()')
{
	is($s->fails($sql), '55000', "$sql: refused");
	like($s->{error}, $hint, 'with the hint');
}
is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') FROM availability_cache.sources}), 'enabled', 'sources can be looked at');
$s->run('CREATE FUNCTION t.many() RETURNS bigint STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM services); END $$');
is($s->fails(q{SELECT availability_cache.memoize('t.many()')}), '', 'a function can be memoized');
like($s->{error}, qr/WARNING.*t\.many\(\) is computed each time/, 'with a warning');
like($s->{error}, $hint, 'and the hint');
is($s->run('SELECT hits, reason FROM availability_cache.memoized'), '0|availability_cache is not in shared_preload_libraries', 'memoized says why');
is($s->run(q{SELECT detail FROM availability_cache.memo_explain('t.many()') WHERE what = 'not kept, the last time'}),
	'availability_cache is not in shared_preload_libraries', 'so does memo_explain()');
is($s->run('SELECT availability_cache.unmemoize(function) FROM availability_cache.memoized'), 't', 'which leads back');
is($s->run(q{SELECT availability_cache.unwatch('services')}), 't', 'from it');

# Settings: none before the library is there.
my $fresh = session($node, 'salon');
is($fresh->fails('SHOW availability_cache.ttl'), '42704', 'SHOW before the library is loaded: unknown');
is($fresh->fails('SET availability_cache.ttl = 1'), '', 'SET before it is loaded: a placeholder');
is($fresh->fails("LOAD 'availability_cache'"), '', 'LOAD');
is($fresh->run('SHOW availability_cache.ttl'), '1s', 'which becomes the setting');
is($fresh->run('SET availability_cache.enabled = off; SHOW availability_cache.enabled'), 'off', 'SET and SHOW after LOAD');
is($fresh->fails('SHOW availability_cache.shared_memory_size'), '42704', 'the size of the memory is none');
is($fresh->fails('SET availability_cache.no_such = 1'), '42602', 'the prefix is reserved');
is($fresh->fails("SET availability_cache.ttl = '-1s'"), '22023', 'a value out of range');
is($fresh->run('SELECT t.look(1, 1, 0)'), 'a' x 24, 'and it still answers');
$fresh->quit;
$fresh = session($node, 'salon');
$fresh->run('SET availability_cache.no_such = 1; SET availability_cache.shared_memory_size = 5');
is($fresh->fails('SELECT t.look(1, 1, 0)'), '', 'placeholders of no setting do not keep it from loading');
like($fresh->{error}, qr/availability_cache.no_such/, 'they are taken away with a warning');
$fresh->quit;

# The likeliest mistake: a size is set, and preload forgotten.
$node->append_conf('postgresql.conf', "availability_cache.shared_memory_size = '16MB'");
$node->reload;
$s->run('SELECT availability_cache.detach()');
$s->run('DROP EXTENSION availability_cache');
$s->quit;
$s = session($node, 'salon');
is($s->fails('CREATE EXTENSION availability_cache'), '', 'CREATE EXTENSION with the size set, without preload');
like($s->{error}, $hint, 'has the hint all the same');
$s->run('SELECT count(*) FROM availability_cache.attach()');
is($s->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|f', 'nothing is cached');

# ---- with preload ----

$s->quit;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'availability_cache'");
$node->restart;
$s = session($node, 'salon');
is($s->run('SHOW availability_cache.shared_memory_size'), '16MB', 'preload: the size counts');
is($s->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|t', 'the same database is cached now');
is($s->fails("SET availability_cache.shared_memory_size = '8MB'"), '55P02', 'the size cannot be changed in a session');
is($s->fails('SET availability_cache.no_such = 1'), '42602', 'the prefix is reserved');
is($s->run("SET availability_cache.enabled = off; SELECT t.hit(1, 1, 0); RESET availability_cache.enabled; SELECT t.hit(1, 1, 0)"),
	"f\nt", 'enabled = off computes, back on hits');
$s->run("SET availability_cache.enabled = off; SELECT t.book(1, 0, 3); RESET availability_cache.enabled");
is($s->run('SELECT t.look(1, 1, 0)'), 'aaab' . 'a' x 20, 'what was written with enabled = off counts');
is($s->fails("SET ROLE pg_monitor; SET availability_cache.ttl = '1h'"), '42501', 'ttl is for superusers');
$s->run('RESET ROLE');

# ttl
$s->run("SET availability_cache.ttl_jitter = 0; SET availability_cache.ttl = '1s'");
is($s->run('SELECT t.hit(1, 1, 1), t.hit(1, 1, 1)'), 'f|t', 'ttl = 1s: kept');
my $expired = stat_of($s, 'miss_expired');
is($s->run('SELECT pg_sleep(1.1); SELECT t.hit(1, 1, 1)'), "\nf", 'not longer');
is(stat_of($s, 'miss_expired'), $expired + 1, 'miss_expired counts it');
$s->run("SET availability_cache.ttl = 0; SELECT t.v2(1, 1, 2)");
is($s->run("SELECT count(*) FROM availability_cache.entries WHERE cache_date = t.day(2) AND expires_at > now() + interval '1 day'"),
	1, 'ttl = 0: as long as it is true');
is($s->run(<<'EOC'), 't', 'ttl_jitter spreads the ends');
SET availability_cache.ttl = '1000s'; SET availability_cache.ttl_jitter = 0.5;
SELECT availability_cache.flush() \gset
SELECT count(t.v2(1, 1, d)) FROM generate_series(0, 30) d \gset
SELECT min(expires_at - computed_at) >= '499s' AND max(expires_at - computed_at) <= '1000s' AND count(DISTINCT expires_at - computed_at) > 20
  FROM availability_cache.entries;
EOC
$s->quit;

# Below the minimum.
$node->append_conf('postgresql.conf', "availability_cache.shared_memory_size = '1MB'");
$node->restart;
$s = session($node, 'salon');
is($s->run('SHOW availability_cache.shared_memory_size'), '64MB', 'a size below the minimum: the default');
like(slurp_file($node->logfile), qr/WARNING:  1024 kB is outside the valid range for parameter "availability_cache.shared_memory_size"/,
	'with a warning in the log');
$s->quit;

# ---- a small memory under a flood ----

$node->append_conf('postgresql.conf', "availability_cache.shared_memory_size = '4MB'");
$node->restart;
$s = session($node, 'salon');
is($s->run('SHOW availability_cache.shared_memory_size'), '4MB', 'the smallest memory');

# Other zones make other keys; every tenth question is one of 20 that people ask again and again.
$s->run(<<'EOC');
CREATE FUNCTION t.flood(first int, last int, zones text[], OUT hot int, OUT hot_hits int, OUT most_entries bigint, OUT most_bytes bigint)
LANGUAGE plpgsql AS $$
DECLARE
    n int := 0;
    now_entries bigint; now_bytes bigint;
BEGIN
    hot := 0; hot_hits := 0; most_entries := 0; most_bytes := 0;
    FOR d IN first .. last LOOP
        FOR z IN 1 .. array_length(zones, 1) LOOP
            FOR st IN 1 .. 5 LOOP
                n := n + 1;
                PERFORM get_available_slots_v2(t.stylist(st), t.service(1), t.day(d), zones[z]);
                IF n % 10 = 0 THEN
                    hot := hot + 1;
                    hot_hits := hot_hits + t.hit(1 + n / 10 % 5, 1, n / 50 % 4)::int;
                END IF;
            END LOOP;
        END LOOP;
        SELECT entries, bytes INTO now_entries, now_bytes FROM availability_cache.stats WHERE datname = current_database();
        most_entries := greatest(most_entries, now_entries);
        most_bytes := greatest(most_bytes, now_bytes);
    END LOOP;
END
$$;
EOC
my $zones = "(SELECT array_agg(name) FROM (SELECT name FROM pg_timezone_names WHERE name ~ '^(Asia|Europe)/' ORDER BY name LIMIT 100) z)";
my ($hot, $hot_hits, $entries, $bytes) = split /\|/, $s->run("SELECT * FROM t.flood(10, 54, $zones)");
my ($evictions, $stores, $skips) = split /\|/, stat_of($s, 'evictions, stores, store_skips');
note "flood: $stores stored, $evictions evicted, at most $entries entries of $bytes bytes; $hot_hits of $hot hot ones were hits";
cmp_ok($stores, '>', $entries + 1000, 'the flood was larger than the memory');
cmp_ok($evictions, '>', 1000, 'entries were evicted');
cmp_ok($bytes, '<', 4 * 1024 * 1024, 'bytes stay within the setting');
# What is fixed leaves a megabyte of the four.
cmp_ok($bytes, '>', 512 * 1024, 'and the memory was used');
is($s->run('SELECT count(*) FROM availability_cache.entries'), stat_of($s, 'entries'), 'entries lists as many as stats counts');
is($s->run('SELECT sum(bytes) FROM availability_cache.entries'), stat_of($s, 'bytes'), 'and as many bytes');
cmp_ok($hot - $hot_hits, '<', 30, 'the 20 that people ask for miss once each, and stay while the flood passes');
is($s->run('SELECT t.hit(1, 1, 57), t.hit(1, 1, 57)'), 'f|t', 'and a new day is kept where all is full');
# Zones that nobody uses, but PostgreSQL takes for ones in POSIX style.
($hot, $hot_hits) = split /\|/, $s->run(<<'EOC');
SELECT * FROM t.flood(55, 55, (SELECT array_agg(translate(n::text, '0123456789', 'abcdefghij') || 'zone' || n % 24)
                                 FROM generate_series(1, 1500) n))
EOC
cmp_ok($hot - $hot_hits, '<', 10, 'they stay while odd time zones pass');
exact_everywhere($s, 60, 'answers are exact');

# Unknown ids, far dates and bad arguments take no place.
my $before = stat_of($s, 'stores');
is($s->run(<<'EOC'), '3000', 'a flood of unknown stylists, services, dates and zones');
SELECT count(get_available_slots_v2(CASE n % 4 WHEN 0 THEN gen_random_uuid() ELSE t.stylist(1) END,
                                    CASE n % 4 WHEN 1 THEN gen_random_uuid() ELSE t.service(1) END,
                                    CASE n % 4 WHEN 2 THEN t.day(400 + n) ELSE t.day(1) END,
                                    CASE n % 4 WHEN 3 THEN 'No/' || translate(n::text, '0123456789', 'abcdefghij') END))
  FROM generate_series(1, 3000) n
EOC
is(stat_of($s, 'stores'), $before, 'keeps nothing');

# Writers, and readers that flood at the same time, from several sessions.
my @sessions = map { session($node, 'salon') } 1 .. 3;
my $stripe = 0;
for my $reader (@sessions)
{
	my $first = 60 + 10 * $stripe++;
	$reader->send("SELECT * FROM t.flood($first, $first + 9, $zones)");
}
for my $n (0 .. 23)
{
	$s->run("SELECT t.book(2, 3, $n), t.look(2, 1, 3)");
}
for my $reader (@sessions)
{
	my ($hot, $hot_hits) = split /\|/, $reader->result;
	is($reader->{error}, '', 'floods side by side');
}
is($s->run('SELECT t.look(2, 1, 3)'), 'b' x 24, 'exact meanwhile and after');
exact_everywhere($s, 7, 'everything is exact');
nothing_pending($s);
my $n = $s->run('SELECT availability_cache.flush()');
cmp_ok($n, '>', 0, 'flush drops all');
is(stat_of($s, 'entries, bytes'), '0|0', 'and nothing is left');
$_->quit for $s, @sessions;
$node->stop;
done_testing();
