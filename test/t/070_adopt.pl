# A salon in production (test/production.sql: 60 tables with row-level security, an owner who is no superuser,
# rules of its own, triggers that only notify) is adopted while it is booked and asked, and given back. The
# commands are those of docs/migrating.md, as they stand. Every answer of 30 days is what the salon's own
# function gives, before, meanwhile and afterwards; everybody may do what they could, and no more; what was
# dumped is restored at every stage; and unadopt() leaves the catalogs as they were, to the OID. And an hour:
# its questions and bookings, as fast as they go, with what the clock would end ended; hits are as many as a
# count says that knows the questions and changes alone.
#
# Shown to fail with: adopt() without carrying v2's grants over to json (nobody gets it), with the old
# triggers left, with a weaker lock in lock_tables() (a deadlock), or tables locked in another order, without
# TRUNCATE in the undo of the table; names.sql without the schema that a dump has (what is restored has other
# names).
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('adopt', default_tier => 1);
my $dir = $node->basedir;
my $test = $ENV{AC_TEST} // dirname(__FILE__) . '/..';

sub page { my ($heading) = @_; return page_sql('migrating.md', $heading) || die "docs/migrating.md has no commands under $heading"; }

$node->safe_psql('postgres', 'CREATE DATABASE salon');
$node->safe_psql('salon', "\\i $test/production.sql");
is($node->safe_psql('salon', q{SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relrowsecurity}), 60, '60 tables with row-level security');

# What tests ask with, out of the way; reference() is the salon's own function as it was, under a name that
# nobody adopts.
my $helpers = <<'EOC';
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;
SELECT replace(pg_get_functiondef('public.get_available_slots(uuid,uuid,date,text)'::regprocedure), 'FUNCTION public.get_available_slots(', 'FUNCTION t.reference(')
    || ' SET search_path = public, pg_temp' \gexec
CREATE FUNCTION t.days() RETURNS TABLE (stylist uuid, service uuid, day date) LANGUAGE sql AS
$$ SELECT stylist_user_id, service_id, CURRENT_DATE + d FROM public.stylist_services, generate_series(0, 29) d $$;
CREATE FUNCTION t.slots(stylist uuid, service uuid, day date) RETURNS jsonb LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM t.reference(stylist, service, day) s $$;
-- v2 and the function itself, in a statement each, since a transaction has one now() for both.
CREATE FUNCTION t.differences(OUT asked bigint, OUT v1 bigint, OUT v2 bigint, OUT by_json bigint) LANGUAGE plpgsql AS $$
DECLARE
    d record;
    right_one jsonb;
BEGIN
    asked := 0; v1 := 0; v2 := 0; by_json := 0;
    FOR d IN SELECT * FROM t.days() LOOP
        right_one := t.slots(d.stylist, d.service, d.day);
        asked := asked + 1;
        IF (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM public.get_available_slots(d.stylist, d.service, d.day) s) IS DISTINCT FROM right_one THEN v1 := v1 + 1; END IF;
        IF public.get_available_slots_v2(d.stylist, d.service, d.day) -> 'slots' IS DISTINCT FROM right_one THEN v2 := v2 + 1; END IF;
        IF to_regprocedure('public.get_available_slots_json(uuid,uuid,date,text)') IS NOT NULL THEN
            IF (public.get_available_slots_json(d.stylist, d.service, d.day, 'Asia/Kathmandu')::jsonb -> 'slots') IS DISTINCT FROM right_one THEN by_json := by_json + 1; END IF;
        END IF;
    END LOOP;
END $$;
-- What test/bench/trace.pl writes, one after the other, each in a transaction. A hold's end, and the five minutes after which an answer ends anyhow, come by
-- their place in it and not by the clock.
CREATE TABLE t.trace (n int PRIMARY KEY, kind text, s int, v int, d int, slot int, number int, ends int);
CREATE TABLE t.trace_ids (number int PRIMARY KEY, id uuid);
CREATE PROCEDURE t.play(five_minutes int) LANGUAGE plpgsql AS $$
DECLARE
    o t.trace;
    at timestamptz;
    who uuid;
    what uuid;
BEGIN
    TRUNCATE t.trace_ids;
    FOR o IN SELECT * FROM t.trace UNION ALL SELECT ends, 'e', s, v, d, slot, number, 0 FROM t.trace WHERE kind = 'h' AND ends <= (SELECT max(n) FROM t.trace) ORDER BY n, kind LOOP
        IF o.n % five_minutes = 0 AND o.kind <> 'e' THEN
            PERFORM availability_cache.flush();
            COMMIT;
        END IF;
        at := CURRENT_DATE + o.d + make_interval(hours => 3, mins => 30 * o.slot);
        who := md5('stylist ' || o.s)::uuid;
        what := md5('service ' || o.v)::uuid;
        CASE o.kind
        WHEN 'r' THEN
            PERFORM public.get_available_slots_v2(who, what, CURRENT_DATE + o.d);
        WHEN 'b' THEN
            INSERT INTO t.trace_ids VALUES (o.number, gen_random_uuid());
            INSERT INTO public.bookings (id, stylist_user_id, service_id, start_time_utc, end_time_utc, status)
            SELECT id, who, what, at, at + interval '30 minutes', 'confirmed' FROM t.trace_ids WHERE number = o.number;
        WHEN 'c' THEN
            UPDATE public.bookings SET status = 'cancelled' WHERE id = (SELECT id FROM t.trace_ids WHERE number = o.number);
        WHEN 'h' THEN
            INSERT INTO t.trace_ids VALUES (o.number, gen_random_uuid());
            INSERT INTO public.booking_reservations (id, stylist_user_id, service_id, start_time, end_time, expires_at)
            SELECT id, who, what, at, at + interval '30 minutes', now() + interval '1 hour' FROM t.trace_ids WHERE number = o.number;
        WHEN 'e' THEN
            UPDATE public.booking_reservations SET status = 'expired' WHERE id = (SELECT id FROM t.trace_ids WHERE number = o.number);
        END CASE;
        COMMIT;
    END LOOP;
END $$;
CREATE TABLE t.went (what text, n bigint, state text, message text);
-- Until a file says to end: an advisory lock that the test holds.
CREATE PROCEDURE t.book_on() LANGUAGE plpgsql AS $$
DECLARE n bigint := 0;
BEGIN
    WHILE NOT pg_try_advisory_xact_lock(1) LOOP
        n := n + 1;
        -- Reads before it writes: a lock that has to be raised would make a deadlock of it.
        PERFORM FROM public.bookings LIMIT 1;
        PERFORM pg_sleep(0.01);
        INSERT INTO public.bookings (stylist_user_id, service_id, start_time_utc, end_time_utc, status)
        SELECT md5('stylist ' || 1 + n % 4)::uuid, md5('service ' || 1 + n % 3)::uuid, at, at + interval '30 minutes', 'confirmed'
          FROM (SELECT date_trunc('day', now()) + make_interval(days => (n % 29 + 1)::int, hours => (3 + n % 9)::int)) a(at);
        DELETE FROM public.bookings WHERE id IN (SELECT id FROM public.bookings WHERE status = 'confirmed' ORDER BY created_at LIMIT 1);
        COMMIT;
        PERFORM pg_sleep(0.002);
        COMMIT;
    END LOOP;
    INSERT INTO t.went VALUES ('booked', n);
END $$;
CREATE PROCEDURE t.ask_on() LANGUAGE plpgsql AS $$
DECLARE
    n bigint := 0;
    d record;
    answer jsonb;
BEGIN
    WHILE NOT pg_try_advisory_xact_lock(1) LOOP
        SELECT * INTO d FROM t.days() ORDER BY random() LIMIT 1;
        n := n + 1;
        BEGIN
            answer := public.get_available_slots_v2(d.stylist, d.service, d.day);
            IF answer ->> 'success' <> 'true' THEN INSERT INTO t.went VALUES ('answered', 1, answer ->> 'code', answer ->> 'error'); END IF;
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO t.went VALUES ('failed', 1, SQLSTATE, SQLERRM);
        END;
        COMMIT;
    END LOOP;
    INSERT INTO t.went VALUES ('asked', n);
END $$;
EOC

# A line for each thing that is not the extension's nor the test's.
my $catalogs = <<'EOC';
SET search_path = pg_catalog;
WITH ours AS (SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass),
theirs AS (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'private', 'auth', 'extensions'))
SELECT l FROM (
    SELECT concat_ws(' ', 'function', p.oid, p.oid::regprocedure, p.proowner::regrole, p.proacl, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')) AS l
      FROM pg_proc p WHERE pronamespace IN (SELECT oid FROM theirs) AND oid NOT IN (SELECT objid FROM ours)
    UNION ALL SELECT concat_ws(' ', 'relation', c.oid, c.oid::regclass, relkind, relowner::regrole, relacl, relrowsecurity, relforcerowsecurity, obj_description(c.oid, 'pg_class'), pg_get_viewdef(c.oid))
      FROM pg_class c WHERE relnamespace IN (SELECT oid FROM theirs) AND oid NOT IN (SELECT objid FROM ours) AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = c.oid AND i.indrelid IN (SELECT objid FROM ours))
    UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, atttypid::regtype, attnotnull, attacl) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
     WHERE relnamespace IN (SELECT oid FROM theirs) AND c.relkind = 'r' AND c.oid NOT IN (SELECT objid FROM ours)
    UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(t.oid), obj_description(t.oid, 'pg_trigger')) FROM pg_trigger t WHERE NOT tgisinternal AND tgrelid NOT IN (SELECT objid FROM ours)
    UNION ALL SELECT concat_ws(' ', 'policy', p) FROM pg_policies p
    UNION ALL SELECT concat_ws(' ', 'index', indexdef) FROM pg_indexes WHERE schemaname IN ('public', 'private') AND (tablename <> 'availability_cache' OR indexname <> 'availability_cache_key' OR indexdef !~ 'customer_timezone')
    UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid)) FROM pg_constraint c WHERE connamespace IN (SELECT oid FROM theirs) AND conrelid NOT IN (SELECT objid FROM ours)
    UNION ALL SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE oid IN (SELECT oid FROM theirs) AND nspname <> 'private'
) x ORDER BY l
EOC
sub catalogs { my ($db) = @_; return $node->safe_psql($db // 'salon', $catalogs); }
$node->safe_psql('salon', $helpers);
my $before = catalogs();
like($before, qr/^function \d+ public\.get_available_slots_v2\(uuid,uuid,date,text\) salon_owner .*\n RETURNS jsonb\n LANGUAGE plpgsql/m, 'the catalogs as they were');

# Who may call what.
my @roles = qw(anon authenticated service_role salon_owner salon_reports);
my %calls = (v1 => 'SELECT count(*) FROM public.get_available_slots(%s)', v2 => 'SELECT public.get_available_slots_v2(%s)', json => 'SELECT public.get_available_slots_json(%s)',
	'built-in v1' => 'SELECT count(*) FROM availability_cache.get_available_slots(%s)', 'built-in v2' => 'SELECT availability_cache.get_available_slots_v2(%s)');
sub who_may
{
	my ($call) = @_;
	my $sql = sprintf $calls{$call}, q{md5('stylist 1')::uuid, md5('service 1')::uuid, CURRENT_DATE + 3};
	return join ' ', grep { my (undef, undef, $e) = $node->psql('salon', "SET ROLE $_; $sql", extra_params => [ '-v', 'VERBOSITY=verbose' ]); $e !~ /42501/ } @roles;
}
my %before = map { $_ => who_may($_) } qw(v1 v2);
is($before{v2}, 'anon authenticated service_role salon_owner', 'who may call v2');
is($before{v1}, 'authenticated service_role salon_owner', 'who may call v1');

# ---- CREATE EXTENSION leaves all as it is ----

$node->safe_psql('salon', page('Create the extension'));
is(catalogs(), $before, 'CREATE EXTENSION changes nothing of theirs');
my (undef, $plan) = $node->psql('salon', page('See what would happen'));
like($plan, qr/trigger_invalidate_cache_on_booking on public\.bookings\|dropped: it called private\.invalidate_availability_cache_async\(\)/, 'the plan has the triggers, whatever they call');
unlike($plan, qr/stops adopt/, 'and nothing stops it');
is(catalogs(), $before, 'nor does the plan');
is($node->safe_psql('salon', 'SELECT count(*) FROM availability_cache_internal.adopted'), 0, 'nothing was done');
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'they answer as before');
my ($status, undef, $error) = $node->psql('salon', 'SET ROLE salon_owner; SELECT availability_cache.adopt(false)');
like($error, qr/permission denied/, 'only superusers');

# ---- adopted, while it is booked and asked ----

sub dump_and_restore
{
	my ($stage, $ours) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $db = "restored_$stage";
	ok($node->run_log([ 'pg_dump', '-Fc', '-f', "$dir/$stage.dump", $node->connstr('salon') ]), "$stage: dumped");
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	ok($node->run_log([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($db), "$dir/$stage.dump" ]), "$stage: restored");
	my ($there, $here) = map { my $c = catalogs($_); $c =~ s/^(function|relation) \d+/$1/mg; join "\n", sort split /\n/, $c } $db, 'salon';
	is($there, $here, "$stage: with the same catalogs");
	is($node->safe_psql($db, $ours), $node->safe_psql('salon', $ours), "$stage: and the extension's things where they were");
	return $db;
}
my $ours = q{SELECT string_agg(l, ' ' ORDER BY l) FROM (SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
	WHERE proname ~ '^get_available|^invalidate_av' UNION ALL SELECT c.oid::regclass::text FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e' WHERE relname = 'availability_cache') x(l)};
dump_and_restore('beside', $ours);

my $holder = session($node, 'salon');
$holder->run('SELECT pg_advisory_lock(1)');
my @others = map { session($node, 'salon') } 1 .. 4;
$others[$_]->send($_ < 2 ? 'CALL t.book_on()' : 'CALL t.ask_on()') for 0 .. 3;
select undef, undef, undef, 0.5;
my $admin = session($node, 'salon');
$admin->run(page('Adopt'));
select undef, undef, undef, 1.5;
$holder->run('SELECT pg_advisory_unlock(1)');
is($others[$_]->result, '', 'went to its end') for 0 .. 3;
is($others[$_]->{sqlstate}, '', 'without an error') for 0 .. 3;
cmp_ok($node->safe_psql('salon', q{SELECT sum(n) FROM t.went WHERE what = 'booked'}), '>', 100, 'bookings came in all the while, and none failed');
cmp_ok($node->safe_psql('salon', q{SELECT sum(n) FROM t.went WHERE what = 'asked'}), '>', 100, 'and so did questions');
# Who was in the old v2 at the moment of the commit finds another table there, once.
cmp_ok($node->safe_psql('salon', q{SELECT count(*) FROM t.went WHERE what IN ('failed', 'answered')}), '<=', 2, 'of which those in flight may fail')
  or diag $node->safe_psql('salon', q{SELECT what, state, message, count(*) FROM t.went GROUP BY 1, 2, 3});

# ---- every answer is the same ----

is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'every answer of 30 days: v1, v2 and json are what the salon\'s own function says');
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'and again, from memory');
my $hits = sub { return $node->safe_psql('salon', q{SELECT hits, misses FROM availability_cache.memoized WHERE function = 'public.get_available_slots(uuid,uuid,date,text)'::regprocedure}) };
my ($h0, $m0) = split /\|/, $hits->();
$node->safe_psql('salon', 'SELECT count(public.get_available_slots_v2(stylist, service, day)) FROM t.days(), generate_series(1, 10)');
my ($h1, $m1) = split /\|/, $hits->();
cmp_ok(($h1 - $h0) / ($h1 - $h0 + $m1 - $m0), '>=', 0.95, 'hit rate of a page that asks for everything') or diag "hits $h1 - $h0, misses $m1 - $m0";

# ---- an hour ----

# A site's mix (test/bench/trace.pl), of which one change in so many is taken; an hour has 7,200 operations,
# two a second.
my $operations = 7200;
sub trace
{
	my ($one_in) = @_;
	my $changes = 0;
	my (%made, @trace);
	for (`perl $test/bench/trace.pl $operations 4 30`)
	{
		my ($n, $kind, $s, $v, $d, $slot, $number, $ends) = split;
		next if $kind ne 'r' && $changes++ % $one_in != 0 || $kind eq 'c' && !$made{$number};
		$made{$number} = 1 if $kind eq 'b';
		push @trace, [ $n, $kind, $s, 1 + ($v - 1) % 3, $d, $slot, $number, $kind eq 'h' ? $n + $operations / 4 : 0 ];
	}
	return @trace;
}
# Who asks for what was asked for since the last five minutes began, and since that stylist's last change, has
# a hit: the function reads all bookings of a stylist. (On days off it reads none, so there are a few more.)
sub counted
{
	my (@trace) = @_;
	my (%kept, @holds);
	my ($hits, $reads) = (0, 0);
	for my $o (@trace)
	{
		my ($n, $kind, $s, $v, $d) = @$o;
		delete $kept{ (shift @holds)->[2] } while @holds && $holds[0][7] <= $n;
		%kept = () if $n % ($operations / 12) == 0;
		if ($kind eq 'r') { $reads++; $hits += exists $kept{$s}{"$v $d"}; $kept{$s}{"$v $d"} = 1 }
		else { delete $kept{$s}; push @holds, $o if $kind eq 'h' }
	}
	return 100 * $hits / $reads;
}
# The page's command says it.
sub hit_rate
{
	my ($sql) = page('Watch it') =~ /^(SELECT function.*?;)/ms;
	return map { (split /\|/)[1, 2] } grep { /^get_available_slots\(|^public\.get_available_slots\(/ } split /\n/, $node->safe_psql('salon', $sql);
}
for my $one_in (1, 5)
{
	my @trace = trace($one_in);
	append_to_file("$dir/trace.$one_in", join '', map { "@$_\n" } @trace);
	$node->safe_psql('salon', "TRUNCATE t.trace; COPY t.trace FROM '$dir/trace.$one_in' (DELIMITER ' ')");
	my ($hits, $misses) = hit_rate();
	my $start = time;
	$node->safe_psql('salon', 'CALL t.play(' . $operations / 12 . ')');
	my ($took, @now) = (time - $start, hit_rate());
	my $rate = 100 * ($now[0] - $hits) / ($now[0] - $hits + $now[1] - $misses);
	my $questions = grep { $_->[1] eq 'r' } @trace;
	my $expected = counted(@trace);
	note sprintf "an hour with %d questions and %d changes, in %d s: hit rate %.1f %%; counted: %.1f %%", $questions, @trace - $questions, $took, $rate, $expected;
	cmp_ok($rate, '>=', $expected - 0.5, "an hour, one change in $one_in: as many hits as are counted") && cmp_ok($rate, '<=', $expected + 4, 'and few more');
	is($now[0] - $hits + $now[1] - $misses, $questions, 'of all questions');
	is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'and every answer is right');
}

# ---- what is read in the cache table ----

# As a monitoring query of the classic table has it; a row that is there and current is what v2 says.
ok(wait_until(sub { $node->safe_psql('salon', 'SELECT count(*) FROM private.availability_cache WHERE expires_at > now()') > 50 }, 'rows'), 'the cache table has rows');
is($node->safe_psql('salon', q{SELECT count(*) FROM private.availability_cache c WHERE c.expires_at > now() AND c.customer_timezone = 'Asia/Kathmandu'
	AND public.get_available_slots_v2(c.stylist_user_id, c.service_id, c.cache_date, c.customer_timezone) -> 'slots' IS DISTINCT FROM c.available_slots}), 0, 'each of them what is answered');
is($node->safe_psql('salon', q{SET ROLE service_role; SELECT count(*) > 50 FROM private.availability_cache}), 't', 'for whoever could read the old one');

$admin->run(q{INSERT INTO public.bookings (stylist_user_id, service_id, start_time_utc, end_time_utc, status) SELECT md5('stylist 1')::uuid, md5('service 1')::uuid, at, at + interval '2 hours', 'pending'
	FROM (SELECT date_trunc('day', now()) + interval '7 days 5 hours') a(at)});
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'a booking shows');
$admin->run(q{UPDATE public.schedule_overrides SET override_end_time_utc = '13:00' WHERE NOT is_closed});
$admin->run(q{UPDATE public.stylist_schedules SET break_start_time_utc = NULL WHERE day_of_week = 3; UPDATE public.services SET base_duration_minutes = 45 WHERE slug = 'service-2'});
$admin->run(q{DELETE FROM public.booking_reservations WHERE stylist_user_id = md5('stylist 2')::uuid});
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'so does any other edit');
is($node->safe_psql('salon', q{SELECT (SELECT day ->> 'success' FROM public.api_days LIMIT 1), (SELECT count(*) > 0 FROM public.first_slots WHERE first IS NOT NULL)}), 'true|t', 'what hung on them does');
is($node->safe_psql('salon', q{SELECT public.get_available_slots_v2(md5('nobody')::uuid, md5('service 1')::uuid, CURRENT_DATE)}), '{"code": "INTERNAL_ERROR", "error": "Stylist not found", "success": false}', 'an error is v2\'s');

# ---- a share of the keys ----

my $share = sub {
	my ($per_cent) = @_;
	$node->safe_psql('salon', page('Begin with a share') =~ s/\b10\b/$per_cent/r);
	my $ask = q{SELECT md5(string_agg(d::text, ' ' ORDER BY d)), count(*), coalesce(string_agg(d::text, ' ' ORDER BY d), '') FROM t.days() d WHERE (public.get_available_slots_v2(stylist, service, day) ->> 'cached')::boolean};
	$node->safe_psql('salon', $ask);
	my @asked = map { [ split /\|/, $node->safe_psql('salon', $ask) ] } 1, 2;
	is($asked[0][0] // '', $asked[1][0] // '', "rollout $per_cent: the same keys each time");
	return $asked[0];
};
my ($ten, $twenty) = map { $share->($_) } 10, 20;
cmp_ok($ten->[1], '>', 10, 'of 360 about 36') && cmp_ok($ten->[1], '<', 70, 'and not many more');
ok((!grep { index($twenty->[2], $_) < 0 } split / /, $ten->[2]), 'those of 10 are among those of 20') && cmp_ok($twenty->[1], '>', $ten->[1], 'which are more');
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'and every answer is right');
is($share->(0)->[1], 0, 'none, at once');
is($share->(100)->[1], 360, 'all');

# ---- rights ----

is(who_may('v1'), $before{v1}, 'who may call v1, as before');
is(who_may($_), $before{v2}, "who may call $_: who could call v2") for 'v2', 'json', 'built-in v1', 'built-in v2';
is($node->safe_psql('salon', q{SELECT proowner::regrole, obj_description(oid, 'pg_proc') FROM pg_proc WHERE oid = 'public.get_available_slots_v2(uuid,uuid,date,text)'::regprocedure}), q{salon_owner|The API's}, 'owner and comment stay');
is($node->safe_psql('salon', q{SET ROLE salon_owner; SELECT availability_cache.unmemoize('public.get_available_slots(uuid,uuid,date,text)')}), 't', 'their owner may do with them what they like');
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'and v2 is right also when v1 is not memoized');
$node->safe_psql('salon', q{SELECT availability_cache_internal.set_language('public.get_available_slots(uuid,uuid,date,text)', 'memoized_plpgsql')});

# ---- dumped, restored, and given back there ----

my $restored = dump_and_restore('adopted', $ours);
is($node->safe_psql($restored, 'SELECT t.differences()'), '(360,0,0,0)', 'what is restored answers the same');
is($node->safe_psql($restored, 'SELECT t.differences()'), '(360,0,0,0)', 'also from memory');
$node->safe_psql($restored, page('Go back'));
my $back = catalogs($restored);

# ---- given back ----

$admin->run(page('Go back'));
is(catalogs(), $before, 'unadopt() leaves the catalogs as they were');
s/^(function|relation) \d+/$1/mg for $back, (my $stripped = $before);
is(join("\n", sort split /\n/, $back), join("\n", sort split /\n/, $stripped), 'also where it was restored');
is($node->safe_psql('salon', 'SELECT count(*) FROM private.availability_cache'), 0, 'the old cache begins empty: nobody looked after it meanwhile');
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'the old functions answer');
is(who_may($_), $before{$_}, "who may call $_, as before") for qw(v1 v2);
$admin->run(page('Adopt'));
is($node->safe_psql('salon', 'SELECT t.differences()'), '(360,0,0,0)', 'adopted once more');
$node->stop;
done_testing();
