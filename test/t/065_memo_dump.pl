# Memoized functions come through a dump and restore by a role that is no superuser, and through pg_upgrade
# (to the same major version, whose rules are those of any other): the language, every option, watched tables
# and their key columns; and answers go on to be from memory and exact, of none of what memory held before
# (G1, G5).
#
# Not shown to fail with a mutant: what it rests on is the server's own dump of functions and triggers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('memo_dump');
my $dir = $node->basedir;
$node->safe_psql('postgres', 'CREATE ROLE tenant LOGIN; CREATE DATABASE app OWNER tenant');
$node->safe_psql('app', 'CREATE EXTENSION availability_cache');
my @as_tenant = (extra_params => [ '-U', 'tenant' ]);
my ($status, undef, $error) = $node->psql('app', <<'EOC', @as_tenant, on_error_stop => 1);
SET client_min_messages = error;
CREATE SCHEMA shop;
CREATE TABLE shop.item (id int PRIMARY KEY, owner text, name text);
CREATE TABLE shop.day (day date, item int, seats int) PARTITION BY RANGE (day);
CREATE TABLE shop.day_old PARTITION OF shop.day FOR VALUES FROM (MINVALUE) TO ('2031-01-01');
CREATE TABLE shop.day_new PARTITION OF shop.day FOR VALUES FROM ('2031-01-01') TO (MAXVALUE);
CREATE INDEX ON shop.day (item);
INSERT INTO shop.item SELECT i, 'o' || i % 3, 'item ' || i FROM generate_series(1, 50) i;
INSERT INTO shop.day SELECT '2030-12-30'::date + i % 4, i % 50 + 1, 1 FROM generate_series(1, 200) i;
CREATE FUNCTION shop.item_name(p int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = shop, pg_temp AS
$$ BEGIN RETURN (SELECT name || coalesce(current_setting('app.tenant', true), '') FROM item WHERE id = p); END $$;
CREATE FUNCTION shop.until_new_year(p int) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT '2100-01-01'::timestamptz + p * interval '1 day' $$;
CREATE FUNCTION shop.seats(p int) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT sum(seats) FROM shop.day WHERE item = p AND day < now() + interval '100 years' $$;
CREATE FUNCTION shop.may_read(p text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN has_schema_privilege('shop', p); END $$;
COMMENT ON FUNCTION shop.seats(int) IS 'how many are left';
REVOKE EXECUTE ON FUNCTION shop.may_read(text) FROM PUBLIC;
SELECT count(*) FROM availability_cache.watch('shop.item', '{id,owner}');
SELECT count(*) FROM availability_cache.memoize('shop.item_name(int)', vary_by => '{app.tenant,request.jwt.claims.sub}', ttl => '10 minutes', namespace => 'it''s "items"');
SELECT count(*) FROM availability_cache.memoize('shop.seats(int)', valid_until => 'shop.until_new_year(int)');
SELECT count(*) FROM availability_cache.memoize('shop.may_read(text)', assume_stable => true);
EOC
is($status, 0, 'a role that is no superuser memoizes its functions') or diag $error;

my $looks = <<'EOC';
SELECT function, vary_by, ttl, valid_until, namespace, assume_stable FROM availability_cache.memoized ORDER BY function::text COLLATE "C";
SELECT p.oid::regprocedure, l.lanname, p.proacl, p.prosecdef, p.proconfig, p.proowner::regrole, obj_description(p.oid, 'pg_proc'), md5(p.prosrc)
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'shop'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT tgrelid::regclass, tgname, tgenabled, encode(tgargs, 'escape'), tgparentid <> 0 FROM pg_trigger WHERE tgname = 'availability_cache_watch' ORDER BY tgrelid::regclass::text COLLATE "C";
EOC
my $before = $node->safe_psql('app', $looks);
my @options = map { (split /\n/, $before)[$_] } 0 .. 2;
is("@options", q{shop.item_name(integer)|app.tenant,request.jwt.claims.sub|600||it's "items"|f shop.may_read(text)|||||t shop.seats(integer)|||shop.until_new_year||f},
	'with every option');

# What a hit is of, by a session of the tenant.
sub works
{
	my ($on, $db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $s = session($on, $db);

	is($on->safe_psql($db, $looks), $before, "$name: everything is as it was");
	$s->run('SET ROLE tenant');
	my $both = q{SELECT shop.item_name(7), shop.seats(7), shop.may_read('usage')};
	my $hits = 'SELECT ' . join ', ', map { "availability_cache.memo_was_hit('shop.$_')" } 'item_name(int)', 'seats(int)', 'may_read(text)';
	my $first = $s->run($both);
	is($s->run($hits), 'f|f|f', "$name: nothing is in memory");
	is($s->run($both), $first, "$name: the same again");
	is($s->run($hits), 't|t|t', "$name: from memory");
	$s->run(q{UPDATE shop.item SET name = 'other' WHERE id = 8; UPDATE shop.day_new SET seats = 2 WHERE item = 8});
	is($s->run($both) . $s->run($hits), "${first}t|t|t", "$name: another's row changed");
	$s->run(q{UPDATE shop.item SET name = 'new' WHERE id = 7; UPDATE shop.day_new SET seats = 5 WHERE item = 7});
	isnt($s->run($both), $first, "$name: its own, seen");
	like($s->run($both), qr/^new\|/, "$name: and new");
	is($s->run($hits), 't|t|t', "$name: and kept again");
	$s->quit;
	return;
}

# ---- dump and restore ----

my @tenant = ('-U', 'tenant');
$node->command_ok([ 'pg_dump', @tenant, '-n', 'shop', '-f', "$dir/plain.sql", $node->connstr('app') ], 'the tenant dumps');
$node->command_ok([ 'pg_dump', @tenant, '-n', 'shop', '-Fc', '-f', "$dir/custom.dump", $node->connstr('app') ], 'in the other format too');
works($node, 'app', 'before');
$node->safe_psql('postgres', "CREATE DATABASE $_ OWNER tenant") for qw(plain custom);
$node->safe_psql($_, 'CREATE EXTENSION availability_cache') for qw(plain custom);
$node->command_ok([ 'psql', '-X', '-q', @tenant, '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", $node->connstr('plain') ], 'and restores');
works($node, 'plain', 'pg_dump | psql');
$node->command_ok([ 'pg_restore', @tenant, '--exit-on-error', '-d', $node->connstr('custom'), "$dir/custom.dump" ], 'with pg_restore');
works($node, 'custom', 'pg_restore');

# ---- pg_upgrade ----

$node->command_ok([ 'psql', '-X', '-q', @tenant, '-v', 'ON_ERROR_STOP=1', '-c', 'DROP SCHEMA shop CASCADE', '-f', "$dir/plain.sql", $node->connstr('plain') ],
	'as it was dumped');
my $new = new_node('memo_new', start => 0);
$node->stop;
chdir PostgreSQL::Test::Utils::tempdir();
my $bin = $ENV{AC_BIN};
$node->command_ok([ "$bin/pg_upgrade", '--no-sync', '-b', $bin, '-B', $bin, '-d', $node->data_dir, '-D', $new->data_dir, '-s', $new->host, '-p', $node->port, '-P', $new->port ],
	'pg_upgrade');
$new->start;
works($new, 'plain', 'pg_upgrade');
is($new->safe_psql('plain', q{SELECT extversion FROM pg_extension WHERE extname = 'availability_cache'}), $new->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'availability_cache'}),
	'the extension is there');

$new->stop;
done_testing();
