# A database that was dumped and restored, in any of the usual ways, has the mapping, the changed rules and
# every trigger, and answers as before; one that takes the place of another has none of its answers (G5).
#
# Shown to fail with: no pg_extension_config_dump of rules; no dependency of the extension on schema private;
# no rules_keep_one on INSERT (the rules' saved row meets the default one);
# notice_dropped_database that does nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('dump');
my $dir = $node->basedir;
$node->safe_psql('postgres', 'CREATE ROLE owner');
make_salon($node, 'salon', bookings => 300, extension => 0);

# Rules of its own, a table under another name and with other columns, and a partitioned one.
$node->safe_psql('salon', <<'EOC');
ALTER TABLE stylist_profiles RENAME TO people;
ALTER TABLE people RENAME COLUMN user_id TO person;
ALTER TABLE bookings RENAME TO plain;
CREATE TABLE bookings (LIKE plain INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
CREATE TABLE bookings_past PARTITION OF bookings FOR VALUES FROM (MINVALUE) TO ('2000-01-01');
CREATE TABLE bookings_rest PARTITION OF bookings DEFAULT;
INSERT INTO bookings SELECT * FROM plain;
DROP TABLE plain;
CREATE EXTENSION availability_cache;
SELECT count(*) FROM availability_cache.attach();
SELECT count(*) FROM availability_cache.attach('stylist_profiles', 'people', '{"user_id": "person"}');
UPDATE availability_cache.rules SET slot_step = '15 minutes', buffer_after = '10 minutes', hold_statuses = '{held}',
       display_format = 'HH12:MI AM', default_timezone = 'Europe/Paris', max_advance = '60 days';
CREATE TABLE t.expected AS
SELECT s, v, d, t.v1(s, v, d) AS answer FROM generate_series(1, 4) s, generate_series(1, 3) v, generate_series(0, 6) d
 WHERE EXISTS (SELECT FROM stylist_services x WHERE x.stylist_user_id = t.stylist(s) AND x.service_id = t.service(v));
EOC
my $rules = 'SELECT * FROM availability_cache.rules';
my $sources = q{SELECT role, relation, columns, triggers FROM availability_cache.sources ORDER BY role};
my ($rules_before, $sources_before) = map { $node->safe_psql('salon', $_) } $rules, $sources;
unlike($sources_before, qr/missing|not ENABLE/, 'every trigger is there to begin with');
isnt($node->safe_psql('salon', 'SELECT count(*) FROM t.expected'), 0, 'and answers to compare');

# A restored database.
sub is_restored
{
	my ($db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $s = session($node, $db);

	is($s->run($rules), $rules_before, "$name: the rules");
	is($s->run($sources), $sources_before, "$name: sources, every trigger enabled");
	is($s->run('SELECT count(*) FROM t.expected WHERE answer IS DISTINCT FROM t.v1(s, v, d) OR answer IS DISTINCT FROM t.v2(s, v, d)'),
		0, "$name: the answers");
	is($s->run('SELECT t.hit(1, 1, 2), t.hit(1, 1, 2)'), 't|t', "$name: from memory");
	$s->run('DELETE FROM bookings');
	is($s->run('SELECT t.look(1, 1, 2)'), 'a' x 47, "$name: what changes is noticed");
	$s->run('SELECT t.book(1, 2, 0)');
	is($s->run('SELECT t.look(1, 1, 2)'), 'bbb' . 'a' x 44, "$name: and again");
	$s->run('TRUNCATE bookings_rest; SELECT t.v2(1, 1, 2)');
	is($s->run('SELECT t.look(1, 1, 2)'), 'a' x 47, "$name: a partition's TRUNCATE too");
	$s->run("UPDATE people SET is_active = false WHERE person = t.stylist(2)");
	is($s->run("SELECT get_available_slots_v2(t.stylist(2), t.service(1), t.day(0)) ->> 'code'"), 'STYLIST_NOT_FOUND',
		"$name: the renamed table too");
	$s->run("UPDATE availability_cache.rules SET slot_step = '30 minutes'");
	is($s->run('SELECT t.look(1, 1, 2)'), 'a' x 24, "$name: and the rules");
	is($s->run('SELECT count(*) FROM availability_cache.rules'), 1, "$name: of which there is one row");
	$s->quit;
	return;
}

# Runs commands that make a database of a dump; one that fails ends it there.
sub restores
{
	my ($name, $db, @commands) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	for my $command (@commands)
	{
		my $what = join ' ', grep { !m{/|=} } @$command;
		ok($node->run_log($command), "$name: $what") or return;
	}
	is_restored($db, $name);
	return;
}

sub create { my ($db) = @_; $node->safe_psql('postgres', "CREATE DATABASE $db"); return; }
sub pg_dump { return [ 'pg_dump', @_, $node->connstr('salon') ]; }
sub pg_restore { my ($db, $file, @options) = @_; return [ 'pg_restore', '--exit-on-error', @options, '-d', $node->connstr($db), $file ]; }

my $dump = "$dir/custom.dump";
create($_) for qw(plain custom one jobs twice);
restores('pg_dump | psql', 'plain', pg_dump('-f', "$dir/plain.sql"),
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", $node->connstr('plain') ]);
restores('pg_restore', 'custom', pg_dump('-Fc', '-f', $dump), pg_restore('custom', $dump));
restores('single transaction', 'one', pg_restore('one', $dump, '--single-transaction'));
restores('parallel', 'jobs', pg_restore('jobs', $dump, '-j', 2));
# Over what is there: drops everything first.
restores('over another', 'jobs', pg_restore('jobs', $dump, '--clean', '--if-exists'));
restores('schema, then data', 'twice', pg_restore('twice', $dump, '--schema-only'), pg_restore('twice', $dump, '--data-only'));

# Data of the salon's tables alone, with triggers disabled: PostgreSQL enables them again, but not as ALWAYS.
my $s = session($node, 'twice');
$s->run('TRUNCATE bookings, booking_reservations, schedule_overrides, stylist_schedules, stylist_services, services, people');
$s->quit;
ok($node->run_log(pg_restore('twice', $dump, '--data-only', '--disable-triggers', '-n', 'public')), '--disable-triggers');
$s = session($node, 'twice');
$s->run("UPDATE availability_cache.rules SET slot_step = '15 minutes'");
is($s->run('SELECT t.hit(1, 1, 2), t.hit(1, 1, 2)'), 'f|f', '--disable-triggers: nothing is cached');
like($s->run(q{SELECT string_agg(triggers, ' ') FROM availability_cache.sources}), qr/is not ENABLE ALWAYS/, 'sources says why');
$s->run('SELECT count(*) FROM availability_cache.attach()');
$s->quit;
is_restored('twice', '--disable-triggers, attach()');

# Data only, into a database where the extension is installed and the tables are attached, but for the rows.
create('installed TEMPLATE salon');
$node->safe_psql('installed', <<'EOC');
TRUNCATE t.expected, bookings, booking_reservations, schedule_overrides, stylist_schedules, stylist_services, services, people;
UPDATE availability_cache.rules SET slot_step = '1 hour';
SELECT count(*) FROM availability_cache.detach();
SELECT count(*) FROM availability_cache.attach();
SELECT count(*) FROM availability_cache.attach('stylist_profiles', 'people', '{"user_id": "person"}');
EOC
restores('data only', 'installed', pg_dump('-Fc', '--data-only', '-f', "$dir/data.dump"),
	pg_restore('installed', "$dir/data.dump", '--data-only'));

create('copied TEMPLATE salon');
is_restored('copied', 'CREATE DATABASE … TEMPLATE');

# ---- a database that takes the place of another ----

my $oid = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'salon'});
$s = session($node, 'salon');
$s->run('SELECT t.v2(1, 1, 2)');
is($s->run('SELECT t.hit(1, 1, 2)'), 't', 'an answer in memory');
$s->quit;
$node->safe_psql('postgres', 'CREATE DATABASE next TEMPLATE salon');
$node->safe_psql('next', 'DELETE FROM bookings; SELECT t.book(1, 2, 0)');
$node->safe_psql('postgres', 'DROP DATABASE salon');
$node->safe_psql('postgres', "CREATE DATABASE salon TEMPLATE next OID $oid");
$s = session($node, 'salon');
is($s->run('SELECT t.look(1, 1, 2)'), 'bbb' . 'a' x 44, 'a new database with the OID of a dropped one has its own answers');
$s->quit;
$node->stop;
done_testing();
