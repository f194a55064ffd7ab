# Nobody reads, runs or changes anything through the extension that they could not without it (G10): each
# attack is made by an ordinary role in a session of its own, or lies in wait for a superuser's.
#
# Every fault was made to happen on the version before this file: the mapping followed rows of a table that a
# grantee could write; a table or function planted under a name of ours in schema private ran as whoever came;
# a trigger function on another table brought the server down; reset_stats(), stats and entries were
# everybody's who had a grant on all functions; attach() took whatever had a usual name; anybody could switch
# the cache off for who gets the connection next.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $node = new_node('rights', hooks => 1, conf => 'availability_cache.worker_idle_timeout = 5s');
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
make_salon($node, $_) for qw(salon other);
$node->safe_psql('salon', 'GRANT USAGE ON SCHEMA t TO PUBLIC; GRANT CREATE ON DATABASE salon TO mallory, app');
my $m = session($node, 'salon');
my $mallory = session($node, 'salon', user => 'mallory');
my $app = session($node, 'salon', user => 'app');
my $f = 'private.invalidate_availability_cache';

# Ordinary, and still so.
sub nobody_rose
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', q{SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper AND rolname IN ('app', 'mallory', 'planter')}),
		'', "$name: nobody became a superuser");
}

# ---- 1. what the mapping is made of ----

$m->run(<<"EOC");
CREATE SCHEMA secret;
CREATE TABLE secret.people (id uuid, name text, salary bigint);
INSERT INTO secret.people VALUES (t.stylist(1), 'Alice has gout', 4711);
GRANT ALL ON ALL TABLES IN SCHEMA availability_cache TO app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA availability_cache, availability_cache_internal, private TO app;
GRANT USAGE ON SCHEMA private TO app, mallory;
EOC
my $sources = 'SELECT role, relation, columns FROM availability_cache.source ORDER BY role';
my $before = $m->run($sources);
my $people = $m->run(q{SELECT 'secret.people'::regclass::oid});
for my $write (
	qq{UPDATE availability_cache.source SET relation = $people, columns = '{"user_id": "id", "timezone": "name"}' WHERE role = 'stylist_profiles'},
	q{DELETE FROM availability_cache.source},
	qq{INSERT INTO availability_cache.source VALUES ('stylist_profiles', $people, '{"user_id": "id", "timezone": "name"}')})
{
	$app->fails($write);
	is($m->run($sources), $before, "mapping: not changed by $write");
}
my $ask = q{SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0))};
unlike($app->run($ask) . $mallory->run($ask), qr/gout|4711/, 'mapping: no answer has what another table has');

# A trigger on a table of one's own needs the right to execute the function, which is not everybody's.
my $planted = <<"EOC";
CREATE TRIGGER planted AFTER INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION $f('schedule_overrides', 'stylist_user_id', 'override_date')
EOC
$m->run('DROP TABLE schedule_overrides');
my $look = $m->run('SELECT t.look(1, 1, 0)');
$mallory->run('CREATE SCHEMA evil; CREATE TABLE evil.mine (stylist_user_id uuid, override_date date); SET search_path = evil');
$mallory->run("INSERT INTO mine SELECT t.stylist(s), t.day(d) FROM generate_series(1, 4) s, generate_series(0, 6) d");
is($mallory->fails($planted), '42501', 'planted trigger: who may not execute the function cannot make it');
# Made while everybody could, as with 1.0.0.
$m->run("GRANT EXECUTE ON FUNCTION $f() TO PUBLIC");
$mallory->run($planted);
$m->run("REVOKE EXECUTE ON FUNCTION $f() FROM PUBLIC");
$m->run('SELECT availability_cache.flush()');
is($m->fails('SELECT t.v1(1, 1, 0)'), '55000', 'planted trigger: its table is not read, and nobody guesses');
like($m->{error}, qr/table evil\.mine is attached as schedule_overrides, but its owner mallory may not attach tables.*GRANT EXECUTE.*drop its triggers/s,
	'planted trigger: the message says what to do');
is($m->run(q{SELECT triggers FROM availability_cache.sources WHERE relation = 'evil.mine'::regclass}), 'its owner mallory may not attach tables', 'and so does sources');
$m->run('CREATE TABLE schedule_overrides (stylist_user_id uuid, override_date date); SELECT count(*) FROM availability_cache.attach()');
is($m->run('SELECT t.look(1, 1, 0)'), $look, 'planted trigger: the real table counts');
exact_everywhere($m, 2, 'planted trigger: everything is exact');
is($m->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 't|t', 'planted trigger: and kept');
$mallory->run('DELETE FROM mine; DROP TABLE mine; RESET search_path');

# Two that may: no guess.
$m->run("GRANT EXECUTE ON FUNCTION $f() TO app");
$app->run(<<"EOC");
CREATE SCHEMA apps; CREATE TABLE apps.mine (stylist_user_id uuid, override_date date); SET search_path = apps;
$planted;
EOC
is($m->fails('SELECT t.v1(1, 1, 0)'), '55000', 'two tables: nobody guesses');
like($m->{error}, qr/apps\.mine is attached as schedule_overrides too|public\.schedule_overrides is attached as schedule_overrides too/, 'two tables: the message names them');
$app->run('DROP TABLE mine; RESET search_path');
exact_everywhere($m, 2, 'two tables: one again');

# A column that does not fit is no way to read another's text out of a message.
$m->run("UPDATE stylist_profiles SET timezone = 'Bob''s diagnosis' WHERE user_id = t.stylist(2)");
$mallory->send(q{SELECT count(*) FROM get_available_slots(t.stylist(2), t.service(1), t.day(0))})->result;
like($mallory->{error}, qr/time zone that is not known/, 'messages: an unknown time zone is an error');
unlike($mallory->{error} . $mallory->run(q{SELECT get_available_slots_v2(t.stylist(2), t.service(1), t.day(0))}), qr/diagnosis/, 'messages: without its text');
$m->run("UPDATE stylist_profiles SET timezone = 'Asia/Kathmandu' WHERE user_id = t.stylist(2)");
$m->run(<<"EOC");
ALTER TABLE services ADD COLUMN note text DEFAULT 'Carol owes 12';
DO \$\$
DECLARE
    g record;
BEGIN
    FOR g IN SELECT tgname, pg_get_triggerdef(oid) AS def FROM pg_trigger WHERE tgrelid = 'services'::regclass AND tgname LIKE 'trigger_invalidate%' LOOP
        EXECUTE replace(replace(g.def, 'price_cents', 'note'), 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER');
        EXECUTE format('ALTER TABLE services ENABLE ALWAYS TRIGGER %I', g.tgname);
    END LOOP;
END
\$\$;
EOC
$mallory->send(q{SELECT count(*) FROM get_available_slots(t.stylist(1), t.service(1), t.day(0))})->result;
like($mallory->{error}, qr/column "note" of table public\.services is of type text, which cannot serve as "price_cents"/, 'messages: a column of another type is an error');
unlike($mallory->{error} . $mallory->run($ask), qr/Carol/, 'messages: without its text');
$m->run(q{SELECT count(*) FROM availability_cache.attach('services', 'services')});
exact_everywhere($m, 2, 'messages: put right');

# ---- 2. names in schema private ----

$node->safe_psql('postgres', 'CREATE ROLE planter LOGIN');
for my $tier ('inline', 'background')
{
	my $db = "planted_$tier";
	$node->safe_psql('postgres', "CREATE DATABASE $db; ALTER DATABASE $db SET availability_cache.table_tier = $tier");
	$node->safe_psql($db, "CREATE SCHEMA private AUTHORIZATION planter; GRANT CREATE ON DATABASE $db TO planter");
	make_tables($db);
	my $s = session($node, $db);
	my $asks = sub { $s->run('SELECT t.v2(1, 1, 0), t.v2(2, 1, 0)') for 1 .. 3; };
	my $kept = sub { return $s->run('SELECT count(*) FROM ours.availability_cache') };
	$asks->();
	my $planter = session($node, $db, user => 'planter');
	$planter->run(<<'EOC');
ALTER SCHEMA private RENAME TO ours;
CREATE SCHEMA private;
CREATE TABLE private.availability_cache (id uuid, stylist_user_id uuid, service_id uuid, cache_date date, available_slots jsonb, computed_at timestamptz,
    expires_at timestamptz, customer_timezone text COLLATE "C", first_day date, last_day date, snapshot pg_snapshot, answer bytea);
ALTER TABLE private.availability_cache ADD CONSTRAINT availability_cache_key PRIMARY KEY (stylist_user_id, cache_date, service_id, customer_timezone);
CREATE FUNCTION private.rise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE planter SUPERUSER; RETURN NEW; EXCEPTION WHEN OTHERS THEN RETURN NEW; END $$;
CREATE TRIGGER rise BEFORE INSERT OR UPDATE OR DELETE ON private.availability_cache FOR EACH ROW EXECUTE FUNCTION private.rise();
CREATE TRIGGER rise_statement BEFORE INSERT OR UPDATE OR DELETE ON private.availability_cache EXECUTE FUNCTION private.rise();
CREATE FUNCTION private.rise(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE planter SUPERUSER; RETURN $1; EXCEPTION WHEN OTHERS THEN RETURN $1; END $$;
CREATE INDEX ON private.availability_cache (private.rise('x' || customer_timezone));
CREATE FUNCTION private.invalidate_availability_cache() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE planter SUPERUSER; RETURN NEW; EXCEPTION WHEN OTHERS THEN RETURN NEW; END $$;
EOC
	my $refill = sub { $s->run('SELECT availability_cache.flush()'); $asks->(); $kept->() > 0 };
	ok(wait_until($refill, 'rows'), "$tier: answers are kept in the table that is ours");
	$s->run('SELECT availability_cache.clean()');
	is($s->run('SELECT count(*) FROM private.availability_cache'), '0', "$tier: and none in the planted one");
	$s->run(q{SELECT count(*) FROM availability_cache.detach('bookings')});
	$s->run(<<'EOC');
ALTER TABLE bookings RENAME TO plain;
CREATE TABLE bookings (LIKE plain INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
SELECT count(*) FROM availability_cache.attach();
CREATE TABLE bookings_rest PARTITION OF bookings DEFAULT;
TRUNCATE bookings_rest;
EOC
	is($s->run(q{SELECT string_agg(DISTINCT tgfoid::regprocedure::text, ' ') FROM pg_trigger WHERE tgrelid IN ('bookings'::regclass, 'bookings_rest'::regclass)}),
		'ours.invalidate_availability_cache()', "$tier: a new partition has the trigger function that is ours");
	is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') FROM availability_cache.sources}), 'enabled', "$tier: and sources knows it");
	$s->run('ALTER TABLE bookings_rest ALTER COLUMN note SET DEFAULT 'x'; DROP TABLE plain');
	exact_everywhere($s, 2, "$tier: everything is exact");
	# Its owner may drop the schema, and what is in it; we cannot hinder them.
	nobody_rose("$tier, schema private");

	# Those who were granted triggers on our tables.
	my $grantee = session($node, $db, user => 'mallory');
	$s->run('GRANT ALL ON ALL TABLES IN SCHEMA ours, availability_cache TO mallory; GRANT USAGE ON SCHEMA ours TO mallory;
		GRANT CREATE ON SCHEMA public TO mallory');
	$grantee->run(<<'EOC');
CREATE FUNCTION public.rise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN coalesce(NEW, OLD); EXCEPTION WHEN OTHERS THEN RETURN coalesce(NEW, OLD); END $$;
EOC
	for my $table (qw(ours.availability_cache availability_cache.invalidation availability_cache.invalidation_since))
	{
		$grantee->run("CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION public.rise()");
		$grantee->run("CREATE TRIGGER zzz AFTER INSERT OR UPDATE OR DELETE ON $table EXECUTE FUNCTION public.rise()");
	}
	my $stores = stat_of($s, 'table_stores');
	ok(wait_until(sub { $refill->(); stat_of($s, 'table_stores') > $stores }, 'rows'), "$tier, TRIGGER granted: answers are kept");
	$s->run('SELECT t.book(1, 0, 5); SELECT t.look(1, 1, 0); SELECT availability_cache.clean()');
	$s->run('ALTER TABLE availability_cache.invalidation SET (fillfactor = 90)');
	exact_everywhere($s, 2, "$tier, TRIGGER granted: everything is exact");
	nobody_rose("$tier, TRIGGER granted");
	$_->quit for $s, $planter, $grantee;
}

sub make_tables
{
	my ($db) = @_;
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS scratch");
	make_salon($node, 'scratch', extension => 0);
	my $dump = $node->basedir . "/$db.sql";
	$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('scratch') ], "$db: tables");
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr($db) ], "$db: made");
	$node->safe_psql($db, 'CREATE EXTENSION availability_cache; SELECT count(*) FROM availability_cache.attach()');
	return;
}

# ---- 3. trigger functions, wherever they are put ----

my @functions = split /\n/, $m->run(<<'EOC');
SELECT p.oid::regproc FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
 WHERE p.prorettype = 'trigger'::regtype AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'availability_cache') ORDER BY 1
EOC
cmp_ok(scalar(@functions), '>=', 5, 'trigger functions: all of them');
my @shapes = ('a int, b int', 'a text, b int, c text', 'a uuid, b timestamptz, c timestamptz', 'a int8, b date, c uuid, d jsonb', '');
my @arguments = ('', "'bookings'", "'bookings', 'a', 'b', 'c'", "'services', 'b'", "'nothing', 'a'", "'schedule_overrides', 'b', 'a'", join(', ', ("'bookings'") x 20));
my ($made, $fired) = (0, 0);
for my $function (@functions)
{
	for my $shape (@shapes)
	{
		for my $arguments (@arguments)
		{
			my $sql = "CREATE SCHEMA x; CREATE TABLE x.y ($shape); CREATE VIEW x.v AS SELECT * FROM x.y;\n";
			my $n = 0;
			for my $kind (
				(map { my $when = $_; map { ("$when $_ ON x.y FOR EACH ROW", "$when $_ ON x.y FOR EACH STATEMENT") } qw(INSERT UPDATE DELETE) } qw(BEFORE AFTER)),
				'BEFORE TRUNCATE ON x.y', 'AFTER TRUNCATE ON x.y', 'INSTEAD OF INSERT ON x.v FOR EACH ROW', 'INSTEAD OF DELETE ON x.v FOR EACH ROW')
			{
				my $target = $kind =~ /x\.v/ ? 'x.v' : 'x.y';
				my $set = $shape =~ /^a/ ? 'SET a = a' : '';
				my $row = $shape eq '' ? 'DEFAULT VALUES' : 'SELECT';
				$row = 'SELECT ' . join(', ', map { my ($name, $type) = split / /; "NULL::$type" } split /, /, $shape) if $shape ne '';
				my $do = $kind =~ /INSERT/ ? "INSERT INTO $target $row" : $kind =~ /UPDATE/ ? ($set ? "UPDATE $target $set" : 'SELECT 1')
				  : $kind =~ /DELETE/ ? "DELETE FROM $target" : 'TRUNCATE x.y';
				$sql .= "DO \$\$ BEGIN INSERT INTO x.y $row; CREATE TRIGGER z $kind EXECUTE FUNCTION $function($arguments); $do; EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n";
				$sql .= "DO \$\$ BEGIN DROP TRIGGER IF EXISTS z ON $target; END \$\$;\n";
				$n++;
			}
			$sql .= 'DROP SCHEMA x CASCADE;';
			$made += $n;
			$fired++ if $m->fails("SET client_min_messages = error; $sql RESET client_min_messages") eq '';
		}
	}
}
is($fired, @functions * @shapes * @arguments, "trigger functions: $made ways to fire them, and the session lives");
my $own = 'CREATE TABLE t.own (a int, b int); INSERT INTO t.own VALUES (1, 2)';
for my $function (grep { !/invalidate|discard|keep_one|watched_changed|waiting_list/ } @functions)
{
	is($m->fails("BEGIN; $own; CREATE TRIGGER z BEFORE UPDATE ON t.own FOR EACH ROW EXECUTE FUNCTION $function(); UPDATE t.own SET a = 2"),
		'39P01', "trigger functions: $function() refuses another table");
	$m->run('ROLLBACK');
}
exact_everywhere($m, 2, 'trigger functions: everything is exact');

# ---- 4. grants ----

session($node, 'other')->run('SELECT t.v2(1, 1, 0)');
my $others = q{SELECT count(*) FROM availability_cache_internal.%s() WHERE datid IS DISTINCT FROM (SELECT oid FROM pg_database WHERE datname = current_database())};
for my $what ('stats', 'entries')
{
	isnt($m->run(sprintf $others, $what), '0', "grants: $what has other databases");
	is($app->run(sprintf $others, $what), '0', "grants: not for who was granted all functions: $what");
	is($app->run("SELECT count(*) > 0 FROM availability_cache_internal.$what()"), 't', "grants: their own database, though: $what");
	is($mallory->fails("SELECT count(*) FROM availability_cache.$what"), '42501', "grants: nor for anybody: $what");
	my $watcher = session($node, 'salon', user => 'watcher');
	isnt($watcher->run(sprintf $others, $what), '0', "grants: members of pg_monitor see all: $what");
	is($watcher->fails('SELECT availability_cache.reset_stats()'), '42501', 'grants: and reset nothing');
}
is($app->fails('SELECT availability_cache.reset_stats()'), '42501', 'grants: the counters of all databases are not for who was granted all functions');
is($m->fails('SELECT availability_cache.reset_stats()'), '', 'grants: but for a superuser');

# ---- 5. tables of a usual name ----

$m->run('SELECT count(*) FROM availability_cache.detach(); DROP TABLE schedule_overrides');
$mallory->run('CREATE TABLE evil.schedule_overrides (stylist_user_id uuid, override_date date); CREATE TABLE evil.bookings (stylist_user_id uuid, start_time timestamptz, end_time timestamptz)');
is($m->run(q{SELECT relation, action FROM availability_cache.attach() WHERE role = 'schedule_overrides'}),
	'|not attached: evil.schedule_overrides belongs to mallory, who may not attach tables', 'look-alikes: a table that anybody made is not taken, and attach() says so');
is($m->fails(q{SELECT availability_cache.attach('schedule_overrides', 'evil.schedule_overrides')}), '42501', 'look-alikes: nor when it is named');
like($m->{error}, qr/GRANT EXECUTE ON FUNCTION private\.invalidate_availability_cache\(\) TO mallory/, 'look-alikes: unless its owner may');
$m->run('ALTER TABLE bookings RENAME TO away; SELECT availability_cache.detach(\'bookings\')');
is($m->fails('SELECT * FROM availability_cache.attach()'), '42P01', 'look-alikes: also where it is the only one of a name that there must be');
like($m->{error}, qr/evil\.bookings belongs to mallory/, 'look-alikes: which the message says');
$m->run('ALTER TABLE away RENAME TO bookings; SELECT count(*) FROM availability_cache.attach()');
exact_everywhere($m, 2, 'look-alikes: everything is exact');

# ---- 6. settings ----

# But for those that mean something in a function's SET clause only.

my @settings = split /\n/, $m->run(q{SELECT name FROM pg_settings WHERE name LIKE 'availability\_cache.%' AND name NOT LIKE '%.test\_%' AND name NOT LIKE '%.mutant'
    AND name NOT LIKE '%.memoize\_%' ORDER BY 1});
cmp_ok(scalar(@settings), '>=', 9, 'settings: all of them');
for my $setting (@settings)
{
	isnt($mallory->fails("SET $setting = DEFAULT"), '', "settings: $setting is nobody's to SET");
	isnt($mallory->fails("ALTER ROLE mallory SET $setting TO DEFAULT; ALTER ROLE mallory SET $setting = '1'"), '', "settings: nor to set for oneself: $setting");
}
$m->run('ALTER ROLE mallory SET availability_cache.enabled = off');
is(session($node, 'salon', user => 'mallory')->run('SHOW availability_cache.enabled'), 'off', 'settings: a superuser can, for a role');
$m->run('ALTER ROLE mallory RESET availability_cache.enabled; GRANT SET ON PARAMETER availability_cache.enabled TO mallory');
is($mallory->run('SET availability_cache.enabled = off; SHOW availability_cache.enabled; RESET availability_cache.enabled'), 'off', 'settings: or grant it');

# ---- 7. what goes with the extension ----

$m->run('CREATE TABLE private.payroll (i int); SET client_min_messages = error; BEGIN; DROP EXTENSION availability_cache CASCADE');
is($m->run(q{SELECT to_regclass('private.payroll'), to_regclass('private.availability_cache')}), 'private.payroll|', 'DROP EXTENSION CASCADE leaves what others keep in schema private');
$m->run('ROLLBACK');

# ---- 8. rows that others write ----

$node->safe_psql('postgres', 'CREATE DATABASE rows; ALTER DATABASE rows SET availability_cache.table_tier = inline');
make_tables('rows');
$m = session($node, 'rows');
$m->run('SELECT t.book(1, 0, 3); SELECT t.book(2, 0, 7)');
$m->run(q{UPDATE availability_cache.rules SET display_format = 'HH12:MI AM'});
ok(wait_until(sub { $m->run('SELECT availability_cache.flush()'); $m->run('SELECT t.v2(1, 1, 0)'); $m->run('SELECT count(*) FROM private.availability_cache') > 0 }, 'a row'), 'rows: one');
$m->run(<<'EOC');
CREATE FUNCTION t.test_answer(bytea) RETURNS jsonb LANGUAGE c STRICT AS '$libdir/availability_cache', 'availability_cache_test_answer';
-- Behind a header of 56 bytes, of which the last four are the number of tags, and these.
CREATE FUNCTION t.packed_from(bytea) RETURNS int LANGUAGE sql RETURN 57 + 8 * get_byte($1, 52);
CREATE TABLE t.packed AS SELECT substring(answer FROM t.packed_from(answer)) AS bytes FROM private.availability_cache;
-- Some bytes of a good answer changed, some cut off or added, or nothing but random ones.
CREATE FUNCTION t.mutated(packed bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    n int := octet_length(packed);
BEGIN
    IF random() < 0.1 THEN
        RETURN (SELECT coalesce(string_agg(set_byte('\x00', 0, floor(random() * 256)::int), ''), '') FROM generate_series(1, floor(random() * 200)::int));
    END IF;
    FOR i IN 1 .. 1 + floor(random() * 4)::int LOOP
        -- Most of it is in the header.
        packed := set_byte(packed, floor(CASE WHEN random() < 0.6 THEN least(n, 56) ELSE n END * random())::int,
                           CASE WHEN random() < 0.3 THEN (ARRAY[0, 1, 127, 128, 255])[1 + floor(random() * 5)::int] ELSE floor(random() * 256)::int END);
    END LOOP;
    RETURN CASE WHEN random() < 0.2 THEN substring(packed FOR floor(random() * n)::int) WHEN random() < 0.1 THEN packed || '\x00ff'::bytea ELSE packed END;
END
$$;
EOC
is($m->run('SELECT count(*) > 0 AND bool_and(t.test_answer(bytes) -> \'slots\' IS NOT NULL) FROM t.packed'), 't', 'packed answers: what was packed is whole');
my ($whole, $tried) = split /\|/, $m->run('SELECT count(t.test_answer(t.mutated(bytes))), count(*) FROM t.packed, generate_series(1, 40000)');
cmp_ok($whole, '<', $tried, "packed answers: of $tried mutated ones $whole could have been packed, and none brings the server down");
$m->run(<<'EOC');
UPDATE private.availability_cache SET answer = CASE WHEN random() < 0.5 THEN t.mutated(answer) ELSE substring(answer FOR t.packed_from(answer) - 1) || t.mutated(substring(answer FROM t.packed_from(answer))) END;
SELECT t.v2(s, 1, d) FROM generate_series(1, 4) s, generate_series(0, 2) d;
EOC
exact_everywhere($m, 3, 'rows: mutated ones are no answers');

is(() = slurp_file($node->logfile) =~ /(terminated by signal|PANIC|TRAP)/, 0, 'no server process came down');
nobody_rose('in the end');
$node->stop;
done_testing();
