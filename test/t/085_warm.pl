# Warming memory: warm(), warm_days() and warm_function() in the order that they promise, a row a key, a
# failure being a row like others; progress_warm; rights: whose code runs as whom, also where somebody wrote a
# function that waits for it. Shown to fail with, in memo/call.c, a same_call that is always true.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('warm');
make_salon($node, 'salon');
$node->safe_psql('salon', <<'EOC');
CREATE ROLE dba LOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE mallory LOGIN;
CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats;
GRANT CREATE ON SCHEMA public TO app, mallory;
CREATE TABLE n (id int PRIMARY KEY, v int);
INSERT INTO n SELECT i, 0 FROM generate_series(1, 50) i;
SELECT availability_cache.watch('n');
GRANT SELECT ON n TO PUBLIC;
CREATE FUNCTION total(k int) RETURNS bigint STABLE LANGUAGE plpgsql AS $$ BEGIN IF k = 13 THEN RAISE EXCEPTION 'unlucky'; END IF; RETURN (SELECT sum(v) FROM n WHERE id = k); END $$;
SELECT count(*) FROM availability_cache.memoize('total(int)');
ALTER FUNCTION total(int) OWNER TO app;
CREATE FUNCTION of(k int, VARIADIC names text[]) RETURNS TABLE (a int, b text) STABLE LANGUAGE memoized_sql AS $$ SELECT v, x FROM n, unnest(names) x WHERE id = k $$;
CREATE FUNCTION letter(c bpchar) RETURNS text STABLE LANGUAGE memoized_sql AS $$ SELECT c || max(v) FROM n $$;
CREATE FUNCTION timed(k int) RETURNS timestamptz STABLE LANGUAGE memoized_sql AS $$ SELECT now() FROM n WHERE id = k $$;
EOC
my $s = session($node, 'salon');

sub hit { my ($s, $call, $function) = @_; $s->run("SELECT $call"); return $s->run("SELECT availability_cache.memo_was_hit('$function')"); }

# ---- days ----

my $days = 'availability_cache.warm_days(t.day(0), t.day(1))';
my $first = $s->run('SELECT t.day(0)');
my $offers = $s->run('SELECT count(DISTINCT (stylist_user_id, service_id)) FROM stylist_services');
is($s->run("SELECT outcome, count(*), bool_and(ms > 0 AND error IS NULL) FROM $days GROUP BY 1"), 'kept|' . 2 * $offers . '|t', 'days: all are kept');
is($s->run("SELECT outcome, count(*) FROM $days GROUP BY 1"), 'there|' . 2 * $offers, 'and are there afterwards');
is($s->run('SELECT bool_and(t.hit(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 1) d'), 't', 'who asks gets them from memory');
is($s->run("SELECT bool_and(before <= now) FROM (SELECT split_part(key, ' ', 3)::date AS now, lag(split_part(key, ' ', 3)::date) OVER (ORDER BY n) AS before
            FROM $days WITH ORDINALITY w(key, outcome, ms, error, n)) x"), 't', 'near days first');
is($s->run("SELECT count(*) FROM availability_cache.warm_days(t.day(2), t.day(2), ARRAY[t.stylist(2)], ARRAY[t.service(1)], 'Europe/Vienna')"), '1', 'one stylist, one service, in a zone');
is($s->run(q{SELECT get_available_slots_v2(t.stylist(2), t.service(1), t.day(2), 'Europe/Vienna') ->> 'cache_hit'}), 'true', 'which is in memory');
$s->run("UPDATE stylist_profiles SET is_active = false WHERE user_id = t.stylist(4)");
like($s->run("SELECT DISTINCT outcome, error FROM $days WHERE key ~ t.stylist(4)::text"), qr/^skipped\|STYLIST_NOT_FOUND: /, 'who is not active is skipped, and why');
$s->run("UPDATE stylist_profiles SET is_active = true WHERE user_id = t.stylist(4)");
$s->run("UPDATE stylist_schedules SET break_start_time = '12:00', break_end_time = NULL WHERE false");
$s->run("ALTER TABLE services ALTER duration_minutes DROP NOT NULL; UPDATE services SET duration_minutes = NULL WHERE id = t.service(2)");
like($s->run("SELECT outcome, count(*), min(error) FROM $days GROUP BY 1 ORDER BY 1"),
	qr/^failed\|\d+\|[^\n]+\nkept\|\d+\|$/, 'a service that cannot be computed stops nothing, and is reported') or diag $s->run("SELECT * FROM $days");
$s->run("UPDATE services SET duration_minutes = 30 WHERE id = t.service(2)");
$s->fails("SELECT * FROM availability_cache.warm_days(t.day(0), t.day(0), NULL, NULL, 'Nowhere/Else')");
like($s->{error}, qr{the time zone "Nowhere/Else" is not known}, 'a zone that is none is named');
is($s->fails($_->[0]), $_->[1], "$_->[1]: $_->[0]") for (
	[ 'SELECT * FROM availability_cache.warm_days(NULL, t.day(1))', '22004' ],
	[ 'SELECT * FROM availability_cache.warm_days(t.day(1), t.day(0))', '22023' ],
	[ 'SELECT * FROM availability_cache.warm_days(t.day(0), t.day(0) + 366)', '22023' ],
	[ q{SELECT * FROM availability_cache.warm_days(t.day(0), t.day(0), NULL, NULL, 'Nowhere/Else')}, '22023' ],
	[ 'SELECT * FROM availability_cache.warm(0)', '22023' ],
	[ q{SELECT * FROM availability_cache.warm_function('lower(text)', 'SELECT 1')}, '42809' ],
	[ q{SELECT * FROM availability_cache.warm_function('total(int)', 'SELECT 1, 2')}, '22023' ],
	[ q{SELECT * FROM availability_cache.warm_function('total(int)', 'DELETE FROM n')}, '0A000' ],
	[ q{SELECT * FROM availability_cache.warm_function('total(int)', 'SHOW work_mem')}, '0A000' ],
	[ 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM availability_cache.warm()', '55000' ]);
$s->run('ROLLBACK');
is($s->run('SELECT count(*) FROM n'), '50', 'and nothing was deleted');

# ---- functions ----

is($s->run(q{SELECT key, outcome, error FROM availability_cache.warm_function('total(int)', 'SELECT i FROM generate_series(12, 14) i ORDER BY i DESC')}),
	"total('14')|kept|\ntotal('13')|failed|P0001: unlucky\ntotal('12')|kept|", 'in the order of the query; a failure is a row, and the rest goes on');
is(hit($s, 'total(14)', 'total(int)'), 't', 'the call is in memory');
is($s->run(q{SELECT outcome FROM availability_cache.warm_function('total(int)', 'SELECT 14::bigint')}), 'there', 'as it is by another type that casts to it');
is($s->run(q{SELECT outcome FROM availability_cache.warm_function('of(int, text[])', $$SELECT 3, ARRAY['a', 'b']$$)}), 'kept', 'VARIADIC, a set');
is(hit($s, q{count(*) FROM of(3, 'a', 'b')}, 'of(int, text[])'), 't', 'is in memory for who reads it FROM the function');
is($s->run(q{SELECT outcome FROM availability_cache.warm_function('letter(bpchar)', $$SELECT 'abc'$$)}), 'kept', 'character without a length');
is(hit($s, q{letter('abc')}, 'letter(bpchar)'), 't', 'is in memory');
like($s->run(q{SELECT outcome, error FROM availability_cache.warm_function('timed(int)', 'SELECT 1')}), qr/^not kept\|it looks at the clock/, 'what cannot be kept, and why');

# As it goes: a row when the key is done.
$s->run('UPDATE n SET v = v + 1');
$s->run(q{BEGIN; DECLARE c CURSOR FOR SELECT availability_cache.warm_function('total(int)', 'SELECT i FROM generate_series(20, 29) i')});
$s->run('FETCH 4 FROM c');
is($s->run('SELECT command, datname, keys_total, keys_done, kept, failed FROM availability_cache.progress_warm WHERE pid = pg_backend_pid()'), 'warm_function|salon|10|4|4|0', 'progress');
my $w = session($node, 'salon', user => 'watcher');
is($w->run('SELECT keys_done, usesysid::regrole = current_user::regrole FROM availability_cache.progress_warm'), '4|f', 'for others too who may read statistics');
is($w->fails('SELECT * FROM availability_cache.warm()'), '42501', 'who may not warm');
is($w->fails('SELECT * FROM availability_cache.warm_days(t.day(0), t.day(1))'), '42501', 'nor days');
is(hit(session($node, 'salon'), 'total(23)', 'total(int)'), 't', 'the fourth is in memory by then');
$s->run('COMMIT');
is($w->run('SELECT count(*) FROM availability_cache.progress_warm'), '0', 'and nothing is left of it');
is($s->fails(q{SELECT availability_cache.warm_function('total(int)', 'SELECT 1 / (i - 3) FROM generate_series(1, 3) i')}), '22012', 'an error of the query');
is($w->run('SELECT count(*) FROM availability_cache.progress_warm'), '0', 'leaves nothing either');

# ---- what was asked for ----

# As app, whose function it is; what a superuser owns and calls as itself is left alone.
$s->run('GRANT EXECUTE ON FUNCTION availability_cache.warm(int) TO app; GRANT USAGE ON SCHEMA availability_cache, t TO app');
my $a = session($node, 'salon', user => 'app');
$s->run('SELECT availability_cache.flush()');
$a->run('SELECT sum(total(k)) FROM (VALUES (1), (2), (3)) x(k), generate_series(1, 60 * k * k) i');
$s->run('SELECT t.v2(1, 1, 0), t.v2(2, 1, 0)');
is($a->run('SELECT count(*) FROM availability_cache.warm()'), '0', 'nothing is outdated');
$s->run('UPDATE n SET v = v + 1');
$s->run('SELECT t.book(1, 0, 4)');
my @rows = split /\n/, $a->run('SELECT key, outcome, error FROM availability_cache.warm(5)');
is(scalar(@rows), 4, 'all that is outdated') or diag join "\n", @rows;
like($rows[$_], qr/^total\(integer\), call [0-9a-f]{16}\|kept\|$/, 'hottest first') for 0 .. 2;
like($rows[3], qr/^\S+ \S+ \Q$first\E\|kept\|$/, 'then the day');
is(hit($a, 'total(3)', 'total(int)'), 't', 'in memory');
is($a->run('SELECT total(3)'), '2', 'as it is now');
$s->run('UPDATE n SET v = v + 1');
is($a->run('SELECT count(*) FROM availability_cache.warm(1)'), '1', 'so many at most');
is(hit($a, 'total(3)', 'total(int)'), 't', 'the hottest');
is(hit($a, 'total(1)', 'total(int)'), 'f', 'and no other');

# Under other settings it is another call: warm() makes it as it was made.
my $o = session($node, 'salon', user => 'app', TimeZone => 'Asia/Tokyo', DateStyle => 'German', extra_float_digits => '0');
$o->run('SET search_path = public, t');
$o->run('SELECT public.total(7)');
$s->run('UPDATE n SET v = v + 1 WHERE id = 7');
is($a->run("SELECT outcome FROM availability_cache.warm() WHERE key LIKE '%total%' AND outcome = 'kept' LIMIT 1"), 'kept', 'of a session with other settings');
is($a->run('SHOW search_path') . $a->run('SHOW TimeZone'), '"$user", publicUTC', 'which are not left behind');
is(hit($o, 'public.total(7)', 'public.total(int)'), 't', 'is in memory there');
is(hit($a, 'total(7)', 'total(int)'), 'f', 'and not here');

# A call that would be another now is not made: its answer would be kept where nobody asks for it.
$s->run('CREATE FUNCTION of_path(k int) RETURNS bigint STABLE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN (SELECT sum(v) FROM n WHERE id = k); END $$; ALTER FUNCTION of_path(int) OWNER TO app');
$a->run('SELECT of_path(1)');
$s->run('UPDATE n SET v = v + 1; ALTER FUNCTION of_path(int) SET search_path = public');
is($a->run("SELECT outcome, error FROM availability_cache.warm() WHERE key LIKE 'of_path%'"), 'failed|55000', 'another call: not made again');

# What fails before the function is called is over with its row: the session's next call of another function is
# no business of it. Fails where again_run() in memo/again.c does not ask memo_was_expected() after an error.
$s->run('CREATE FUNCTION barred(k int) RETURNS bigint STABLE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN (SELECT sum(v) FROM n WHERE id = k); END $$; ALTER FUNCTION barred(int) OWNER TO app');
$a->run('SELECT barred(1)');
$s->run('REVOKE EXECUTE ON FUNCTION barred(int) FROM PUBLIC, app');
is($a->run("SELECT outcome, error FROM availability_cache.warm() WHERE key LIKE 'barred%'"), 'failed|42501', 'one that its owner may not call any more');
is($a->fails('SELECT total(1)'), '', 'and another, which it may');

# ---- whose code runs as whom ----

my $m = session($node, 'salon', user => 'mallory');
$m->run('CREATE FUNCTION trap(k int) RETURNS bigint STABLE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN (SELECT sum(v) FROM public.n WHERE id = k); END $$');
$s->run('SELECT trap(1)');
$m->run('SELECT trap(2)');
$m->run(<<'EOC');
CREATE OR REPLACE FUNCTION trap(k int) RETURNS bigint VOLATILE LANGUAGE memoized_plpgsql AS $$
BEGIN
    RAISE LOG 'trapped %', current_user;
    EXECUTE 'ALTER ROLE mallory SUPERUSER';
    RETURN 0;
END $$
EOC
is($s->run("SELECT DISTINCT outcome, error FROM availability_cache.warm() WHERE key LIKE 'trap%' ORDER BY 2"),
	"skipped|it is of another session_user\nskipped|it would not run as the function's owner, or as a superuser who is not its definer",
	'what a superuser called once does not run as the superuser; of other sessions\' calls none is made here');
is($s->run("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'mallory is none');
like($m->run("SELECT outcome, error FROM availability_cache.warm_function('trap(int)', 'SELECT 1')"), qr/^failed\|42501: /,
	'warm_function() runs as its caller');

# Of somebody's DEFINER function, by who may not call it any more; and it can write nothing.
$a->run('CREATE TABLE written (who text)');
$a->run('CREATE FUNCTION owned(k int) RETURNS text VOLATILE SECURITY DEFINER LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN current_user || (SELECT sum(v) FROM public.n WHERE id = k); END $$');
$s->run('SELECT owned(1)');
$s->run('UPDATE n SET v = v + 1');
is($s->run("SELECT outcome FROM availability_cache.warm() WHERE key LIKE 'owned%'"), 'kept', 'SECURITY DEFINER: as its owner');
is(hit($s, 'owned(1)', 'owned(int)'), 't', 'is in memory');
like($s->run('SELECT owned(1)'), qr/^app\d+$/, 'as the owner');
$a->run(<<'EOC');
CREATE OR REPLACE FUNCTION owned(k int) RETURNS text VOLATILE SECURITY DEFINER LANGUAGE memoized_plpgsql AS $$
BEGIN
    INSERT INTO public.written VALUES (current_user);
    RETURN '';
END $$
EOC
is($s->run("SELECT outcome, error FROM availability_cache.warm() WHERE key LIKE 'owned%'"), 'failed|25006', 'and cannot write');
$a->run(<<'EOC');
CREATE OR REPLACE FUNCTION owned(k int) RETURNS text VOLATILE SECURITY DEFINER LANGUAGE memoized_plpgsql AS $$
BEGIN
    EXECUTE 'RESET ROLE';
    RETURN session_user;
END $$
EOC
is($s->run("SELECT outcome, error FROM availability_cache.warm() WHERE key LIKE 'owned%'"), 'failed|42501', 'nor become the session\'s user');
is($s->run('SELECT count(*) FROM written'), '0', 'nothing was written');
is($s->run('SELECT current_user = session_user AND rolsuper FROM pg_roles WHERE rolname = current_user'), 't', 'who called is who it was');
is($s->run('SHOW transaction_read_only'), 'off', 'and may write');

# Rows that a key would not be of any more: an argument's type is a row.
$s->run('CREATE TYPE pair AS (a int, b int); CREATE FUNCTION paired(p pair) RETURNS bigint STABLE LANGUAGE memoized_plpgsql AS $$ BEGIN RETURN p.a + (SELECT count(*) FROM public.n); END $$');
$a->run('SELECT public.paired(ROW(1, 2)::public.pair)');
$s->run('SELECT paired(ROW(1, 2)::pair)');
$s->run('ALTER TYPE pair ALTER ATTRIBUTE b TYPE text');
like($s->run("SELECT DISTINCT outcome, error FROM availability_cache.warm() WHERE key LIKE 'paired%'"), qr/^skipped\|an argument is a row or a range$/, 'a row as an argument: not made again');

# A granted role.
$s->run('GRANT EXECUTE ON FUNCTION availability_cache.warm(int), availability_cache.warm_days(date, date, uuid[], uuid[], text) TO dba; GRANT USAGE ON SCHEMA availability_cache, t TO dba');
my $d = session($node, 'salon', user => 'dba');
$s->run('SELECT t.book(2, 0, 4)');
is($d->run("SELECT DISTINCT outcome FROM $days ORDER BY 1"), "kept\nthere", 'who is granted it can warm days');

$_->quit for $s, $o, $m, $a, $d, $w;
$node->stop;
done_testing();
