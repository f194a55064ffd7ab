# Workers that keep memory warm: over a restart and a crash, from a file that has keys and no answers; a
# damaged file, keys that fail, hang, or are somebody's trap; what is outdated is computed anew if it is asked
# for, within its share of the time, and what nobody asks for is left alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('warmer', conf => <<'EOC');
availability_cache.warm_keys = 1000
availability_cache.warm_interval = 0
availability_cache.warm_timeout = '1s'
availability_cache.warm_budget = 0
availability_cache.ttl = 0
restart_after_crash = on
EOC
my $file = $node->data_dir . '/availability_cache.keys';
make_salon($node, 'salon');
$node->safe_psql('salon', <<'EOC');
CREATE ROLE api LOGIN;
CREATE ROLE owner LOGIN;
CREATE ROLE mallory LOGIN;
GRANT CREATE ON SCHEMA public TO owner, mallory;
CREATE TABLE n (id int PRIMARY KEY, v text);
INSERT INTO n SELECT i, 'answer-' || i FROM generate_series(1, 50) i;
SELECT availability_cache.watch('n');
GRANT SELECT ON n TO PUBLIC;
CREATE TABLE mode (m text);
INSERT INTO mode VALUES ('well');
SELECT availability_cache.watch('mode');
GRANT SELECT ON mode TO PUBLIC;
SET ROLE owner;
CREATE FUNCTION named(k int, t text) RETURNS text STABLE SECURITY DEFINER LANGUAGE memoized_plpgsql SET search_path = public AS $$
BEGIN
    IF k = 13 AND (SELECT m FROM mode) = 'ill' THEN RAISE EXCEPTION 'unlucky'; END IF;
    IF k = 14 AND (SELECT m FROM mode) = 'ill' THEN LOOP PERFORM 1; END LOOP; END IF;
    RETURN (SELECT v || session_user FROM n WHERE id = k);
END $$;
RESET ROLE;
SET ROLE mallory;
CREATE FUNCTION trap(k int) RETURNS text STABLE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN (SELECT v FROM public.n WHERE id = k); END $$;
RESET ROLE;
EOC

sub hit { my ($s, $call, $function) = @_; $s->run("SELECT $call"); return $s->run("SELECT availability_cache.memo_was_hit('$function')"); }
sub api { return session($node, 'salon', user => 'api', TimeZone => 'Asia/Tokyo') }
sub logged { my ($from, $what) = @_; return wait_until(sub { slurp_file($node->logfile, $from) =~ $what }, $what) }
sub warmed { return logged($_[0], qr/LOG:  availability_cache has warmed database/) }
sub log_now { return -s $node->logfile }

sub ask_all
{
	my $s = session($node, 'salon');
	$s->run('SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 2) d, generate_series(1, 3)');
	$s->run('SELECT trap(1)') for 1 .. 2;
	$s->quit;
	my $a = api();
	$a->run("SELECT count(named(k, 'argument')) FROM generate_series(1, 20) k, generate_series(1, 3)");
	$a->quit;
	return;
}

# What is in memory at a first look: days, and calls.
sub found
{
	my $s = session($node, 'salon');
	my $days = $s->run('SELECT count(*) FILTER (WHERE t.hit(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 2) d');
	$s->quit;
	my $a = api();
	my $calls = grep { hit($a, "named($_, 'argument')", 'named(int, text)') eq 't' } 1 .. 20;
	$a->quit;
	return "$days|$calls";
}

# ---- a restart ----

ask_all();
my $from = log_now();
$node->restart;
ok(warmed($from), 'a worker warms after a restart');
is(found(), '12|20', 'days, and calls of a definer\'s function in sessions of another role and zone');
is($node->safe_psql('salon', "SELECT count(*) FROM availability_cache.progress_warm"), '0', 'and ends');
like(slurp_file($node->logfile, $from), qr/of 33 keys 32 are in memory, 0 failed, 1 were skipped/, 'all but what a superuser called of mallory\'s');
$node->stop;
ok(-f $file && !-f "$file.taken", 'the keys are in the file again');
my $bytes = slurp_file($file);
like($bytes, qr/argument/, 'arguments, too');
unlike($bytes, qr/answer-/, 'and no answer');
is((stat $file)[2] & 077, 0, 'which is the server\'s own');

# ---- damaged files ----

sub starts_with
{
	my ($content, $says, $name) = @_;
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $content;
	close $out or die "$file: $!";
	my $at = log_now();
	$node->start;
	ok(logged($at, $says), $name);
	is($node->safe_psql('salon', 'SELECT count(*) FROM availability_cache.entries'), '0', 'nothing is warm');
	is((slurp_file($node->logfile, $at) =~ /^.*(?:PANIC|FATAL|ERROR).*$/m)[0] // '', '', 'no error');
	ok(wait_until(sub { !-f "$file.taken" }, 'the file to go'), 'the file is gone');
	$node->stop;
	return;
}
my $flipped = $bytes;
substr($flipped, length($bytes) / 2, 1) ^= "\x40";
my $damaged = qr/LOG:  availability_cache does not warm: file "availability_cache.keys" is damaged/;
starts_with($flipped, $damaged, 'a bit flipped');
starts_with(substr($bytes, 0, -7), $damaged, 'too short');
starts_with($bytes . 'x', $damaged, 'too long');
starts_with('', $damaged, 'empty');
starts_with("\xff" x 100, $damaged, 'something else');

# A key that brings the server down does so once.
open my $out, '>:raw', "$file.taken" or die;
print $out $bytes;
close $out;
starts_with($bytes, qr/LOG:  availability_cache does not warm: the server went down while it did so/, 'the server went down while it warmed');

# ---- a crash ----

$node->append_conf('postgresql.conf', "availability_cache.warm_interval = '1s'");
$node->start;
ask_all();
ok(wait_until(sub { -f $file && length(slurp_file($file)) >= length($bytes) }, 'keys in the file'), 'keys are written at intervals');
$from = log_now();
$node->stop('immediate');
$node->start;
ok(warmed($from), 'after a crash');
is(found(), '12|20', 'they are warm again');

# ---- keys that fail, and a trap ----

$node->adjust_conf('postgresql.conf', 'availability_cache.warm_interval', '0');
$node->reload;
# It was left out after the restarts above: a superuser calls it again.
$node->safe_psql('salon', 'SELECT trap(1)');
my $m = session($node, 'salon', user => 'mallory');
$m->run("CREATE OR REPLACE FUNCTION trap(k int) RETURNS text VOLATILE LANGUAGE memoized_plpgsql AS \$\$ BEGIN EXECUTE 'ALTER ROLE mallory SUPERUSER'; RETURN ''; END \$\$");
# And a function of mallory's own, which the worker makes as mallory, tries to become what the worker is.
$m->run('CREATE FUNCTION climb(k int) RETURNS text VOLATILE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN (SELECT v FROM public.n WHERE id = k); END $$');
$m->run('SELECT climb(1)');
$m->run("CREATE OR REPLACE FUNCTION climb(k int) RETURNS text VOLATILE LANGUAGE memoized_plpgsql AS \$\$ BEGIN EXECUTE format('SET SESSION AUTHORIZATION %I', (SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10)); RETURN pg_read_file('PG_VERSION'); END \$\$");
$m->quit;
$from = log_now();
$node->restart;
ok(logged($from, qr/has warmed database \d+: of 34 keys 32 are in memory, 1 failed, 1 were skipped/), 'with a trap, and a climber');
is($node->safe_psql('salon', "SELECT detail FROM availability_cache.events WHERE kind = 'warming failed'"), '42501', 'who cannot');
$node->safe_psql('salon', "DROP FUNCTION climb(int)");
$node->safe_psql('salon', "UPDATE mode SET m = 'ill'");
$from = log_now();
$node->restart;
ok(logged($from, qr/has warmed database \d+: of 3[2-4] keys 30 are in memory, 2 failed, [0-2] were skipped/), 'one that fails and one that hangs stop nothing') or diag slurp_file($node->logfile, $from);
is($node->safe_psql('salon', "SELECT string_agg(detail, ' ' ORDER BY detail) FROM availability_cache.events WHERE kind = 'warming failed' AND key LIKE '%named(integer,text), call%'"),
	'57014 P0001', 'and are events, with their SQLSTATE');
is($node->safe_psql('salon', "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'mallory is no superuser');
$node->safe_psql('salon', "UPDATE mode SET m = 'well'");

# ---- what is outdated ----

$node->adjust_conf('postgresql.conf', 'availability_cache.warm_budget', '50');
$node->reload;
my $s = session($node, 'salon');
my $computed = "SELECT misses + bypasses FROM availability_cache.stats WHERE datname = 'salon'";
ok(wait_until(sub { $s->run("SELECT count(*) FROM availability_cache.progress_warm WHERE command = 'outdated'") == 1 }, 'a worker'), 'a worker for what is outdated');
$s->run('SELECT t.v2(1, 1, 1) FROM generate_series(1, 50)');
$s->run('SELECT t.v2(1, 1, 2)');
$s->run('SELECT availability_cache.reset_stats()');
$s->run('SELECT t.book(1, 1, 3)');
sub made_anew
{
	my ($stylist, $day) = @_;
	return wait_until(sub { $s->run("SELECT count(*) FROM availability_cache.entries WHERE is_valid AND stylist_user_id = t.stylist($stylist) AND service_id = t.service(1) AND cache_date = t.day($day)") == 1 }, 'the day');
}
ok(made_anew(1, 1), 'a day that is asked for is computed anew after a booking');
is($s->run('SELECT t.hit(1, 1, 1), t.exact(1, 1, 1)'), 't|t', 'who asks next gets it from memory, as it is now');
# Nobody asks any more: one answer more, that nobody asked for, is the last.
$s->run('SELECT t.v2(2, 1, 2) FROM generate_series(1, 3)');
sleep 6;
my $before = $s->run($computed);
$s->run('SELECT t.book(2, 2, 3)');
ok(made_anew(2, 2), 'a day that was asked for');
for my $i (2 .. 8)
{
	$s->run('SELECT t.book(2, 2, 3)');
	sleep 0.5;
}
my $anew = $s->run($computed) - $before;
cmp_ok($anew, '<=', 4, "is not computed for nobody for long: $anew of 8 times");
# Asked for each time: from memory each time.
for my $i (1 .. 8)
{
	$s->run('SELECT t.v2(2, 1, 3)');
	$s->run('SELECT t.v2(2, 1, 3)');
	$s->run('SELECT t.book(2, 3, 4)');
	ok(made_anew(2, 3), "asked for after booking $i, and computed anew");
	is($s->run('SELECT t.hit(2, 1, 3)'), 't', 'who asks then has it from memory');
}
is($s->run('SELECT bool_and(t.exact(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 6) d'), 't', 'all as it is now');
# A function's calls of another role.
my $a = api();
$a->run("SELECT named(1, 'argument') FROM generate_series(1, 50)");
sleep 6;
# A busy machine takes longer; asking whether it is there is to ask for it.
my $was_hit = 'f';
for my $pause (1, 4, 16)
{
	$s->run("UPDATE n SET v = 'new-' || id WHERE id = 1");
	sleep $pause;
	$was_hit = hit($a, "named(1, 'argument')", 'named(int, text)');
	last if $was_hit eq 't';
}
is($was_hit, 't', 'a call that is asked for is made anew');
is($a->run("SELECT named(1, 'argument')"), 'new-1api', 'and says what is so now, in its session_user\'s words');
$a->quit;

# What a function takes for its session is given back: the worker's goes on. Fails where warm_stored() in
# entry/warm_worker.c does not release it.
my $o = session($node, 'salon', user => 'owner');
$s->run("CREATE TABLE switch (taken boolean); INSERT INTO switch VALUES (false); GRANT SELECT ON switch TO PUBLIC; SELECT availability_cache.watch('switch')");
$o->run("CREATE FUNCTION taking() RETURNS boolean VOLATILE LANGUAGE memoized_plpgsql AS \$\$ BEGIN IF (SELECT taken FROM public.switch) THEN EXECUTE 'SELECT pg_advis' || 'ory_lock(4711)'; END IF; RETURN (SELECT taken FROM public.switch); END \$\$");
$o->run('SELECT taking() FROM generate_series(1, 50)');
sleep 6;
$s->run('UPDATE switch SET taken = true');
ok(wait_until(sub { $s->run("SELECT not_kept FROM availability_cache.memoized WHERE function = 'taking()'::regprocedure") > 0 }, 'the call'), 'the worker calls a function that takes a lock');
ok(wait_until(sub { $s->run('SELECT pg_try_advisory_lock(4711)') eq 't' }, 'the lock'), 'and does not keep it');
$o->quit;

$node->adjust_conf('postgresql.conf', 'availability_cache.warm_budget', '0');
$node->reload;
ok(wait_until(sub { $s->run("SELECT count(*) FROM availability_cache.progress_warm") == 0 }, 'the worker to end'), 'without a budget no worker');
$s->run('SELECT t.v2(1, 1, 1) FROM generate_series(1, 5)');
$s->run('SELECT t.book(1, 1, 5)');
sleep 1;
is($s->run('SELECT t.hit(1, 1, 1)'), 'f', 'and nothing is computed');
$node->adjust_conf('postgresql.conf', 'availability_cache.warm_budget', '50');
$node->reload;
ok(wait_until(sub { $s->run("SELECT count(*) FROM availability_cache.progress_warm") == 1 }, 'the worker again'), 'with one, again');
$s->quit;
is($node->psql('postgres', 'DROP DATABASE salon'), 0, 'it is in no way of DROP DATABASE');
$node->stop;
done_testing();
