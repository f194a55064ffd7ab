# NOTIFY of what a transaction outdated: one a transaction, in the order of commits and with numbers without a
# gap, below 8,000 bytes, and never a value that whoever listens could not ask for; off by default; without
# one where a transaction is prepared, rolled back or may not wait, which fails no booking, and shows as a
# gap.
#
# Shown to fail with, in src/entry/notify.c: numbers taken without the lock (order); outdated_describe with
# values; MAX_PAYLOAD of 80,000; guarded() left out (lock_timeout); no number for what is not sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('notify', hooks => 1, conf => "max_prepared_transactions = 5\n");
make_salon($node, $_) for qw(salon other);
my ($w, $l, $o) = map { session($node, $_) } qw(salon salon other);
$_->run('LISTEN availability_cache') for $l, $o;

# The payloads that came since.
sub heard
{
	my ($s) = @_;
	return $s->run('SELECT 1') =~ /notification "availability_cache" with payload "(.*)" received/g;
}
sub number { return $_[0] =~ /"n":(\d+),/ ? $1 : undef; }
sub without_head { return $_[0] =~ s/^\{"n":\d+,"since":"[^"]+","at":"[^"]+",?/{/r; }

$w->run('SELECT t.book(1, 0, 0)');
is_deeply([ heard($l) ], [], 'off: nothing');

# ---- what is told ----

$node->safe_psql('postgres', "ALTER DATABASE $_ SET availability_cache.notify = on") for qw(salon other);
$w = session($node, 'salon');
my ($one, $two) = map { $w->run("SELECT t.stylist($_)") } 1, 2;
my ($from, $to) = split /\|/, $w->run('SELECT t.day(0) - 2, t.day(0) + 2');
$w->run("BEGIN; SELECT t.book(1, 0, 1); SELECT t.book(1, 0, 2); SAVEPOINT a; SELECT t.book(2, 0, 1); COMMIT");
my @heard = heard($l);
is(scalar @heard, 1, 'one of a transaction');
like($heard[0], qr/^\{"n":1,"since":"20\d\d-[^"]+\+00:00","at":"20\d\d-[^"]+\+00:00",/, 'its number, since when, and when');
is(without_head($heard[0]),
	qq({"namespaces":["availability"],"keys":[{"stylist":"$one","from":"$from","to":"$to"},{"stylist":"$two","from":"$from","to":"$to"}]}),
	'stylists and days');
is_deeply([ heard($o) ], [], 'another database does not hear it');
$w->run('BEGIN; SELECT t.book(1, 0, 3); ROLLBACK');
is_deeply([ heard($l) ], [], 'rolled back: nothing');
$w->run("SELECT t.hit(1, 1, 0); CREATE TABLE audit (i int); INSERT INTO audit VALUES (1)");
is_deeply([ heard($l) ], [], 'a read, another table: nothing');

$w->run(<<'EOC');
SET client_min_messages = error;
CREATE TABLE enrolment (id int PRIMARY KEY, person text);
CREATE FUNCTION enrolments() RETURNS SETOF enrolment LANGUAGE sql STABLE AS 'SELECT * FROM enrolment';
SELECT availability_cache.memoize('enrolments()', namespace => 'people');
SELECT * FROM enrolments();
INSERT INTO enrolment VALUES (7, 'Somebody');
EOC
@heard = heard($l);
is(without_head($heard[0]), '{"namespaces":["people"],"keys":[{"table":"public.enrolment","functions":{"public.enrolments":null}}]}', 'a table, who reads it, and no value');
$w->run("SET availability_cache.notify = namespaces; INSERT INTO enrolment VALUES (8, 'Somebody'); RESET availability_cache.notify");
@heard = heard($l);
is(without_head($heard[0]), '{"namespaces":["people"]}', 'namespaces alone');
is($l->fails('SET ROLE pg_monitor; SET availability_cache.notify = keys'), '42501', 'not for everybody to set');
$l->run('RESET ROLE');

# A deferred trigger's change is in it.
$w->run(<<'EOC');
CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM t.book(2, 0, 5); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER also AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION also();
INSERT INTO audit VALUES (2);
EOC
@heard = heard($l);
is(without_head($heard[0]), qq({"namespaces":["availability"],"keys":[{"stylist":"$two","from":"$from","to":"$to"}]}), 'what a deferred trigger books');

# ---- too much ----

sub name_of { my ($i) = @_; return ($i % 10) x 60 . chr(97 + $i); }
my $tables = join ';', map { "CREATE TABLE t$_ (i int); SELECT availability_cache.watch('t$_'); ALTER TABLE t$_ RENAME TO \"" . name_of($_) . '"' } 1 .. 16;
$w->run($tables);
heard($l);
$w->run(join ';', 'BEGIN', (map { 'INSERT INTO "' . name_of($_) . '" VALUES (1)' } 1 .. 16), 'SELECT t.book(s, 0, 7) FROM generate_series(1, 4) s',
	'INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT gen_random_uuid(), t.service(1), t.at(0, 1), t.at(0, 2) FROM generate_series(1, 60)', 'COMMIT');
@heard = heard($l);
cmp_ok(length $heard[0], '<', 8000, 'below 8,000 bytes');
like($heard[0], qr/"namespaces":\["availability","public\.1{60}b",/, 'many: the namespaces');
unlike($heard[0], qr/"keys"/, 'without keys');
$w->run('SELECT availability_cache.flush()');
@heard = heard($l);
is(without_head($heard[0]), '{}', 'everything');

# ---- numbers ----

my $n = number($heard[0]);
my @writers = map { session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 20_000 * $_) } 0 .. 3;
for my $round (1 .. 5)
{
	$writers[$_]->send("SELECT t.book($_ + 1, 1, $round)") for 3, 1, 0, 2;
	$_->result for @writers;
}
@heard = heard($l);
is_deeply([ map { number($_) } @heard ], [ $n + 1 .. $n + 20 ], 'in the order in which they come');
$n += 20;

$w->run("BEGIN; SELECT t.book(1, 2, 1); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'");
is_deeply([ heard($l) ], [], 'a prepared transaction does without');
$w->run('SELECT t.book(1, 2, 2)');
@heard = heard($l);
is(number($heard[0]), $n + 2, 'which shows as a gap');
$n += 2;

# ---- what cannot be sent ----

my $slow = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 2_000_000);
$slow->send('SELECT t.book(1, 3, 1)');
ok(wait_until(sub { $w->run("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND objid = 0 AND mode = 'AccessExclusiveLock'") }, 'the lock'), 'somebody is about to notify');
$w->run("SET lock_timeout = 100; SELECT t.book(2, 3, 1)");
is($w->run('SELECT t.look(2, 1, 3)'), 'ab' . 'a' x 22, 'who cannot wait for the lock books all the same');
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/availability_cache could not notify: canceling statement due to lock timeout/, 'and the log has why');
$slow->result;
is_deeply([ map { number($_) } heard($l) ], [ $n + 1 ], 'the other is told');
$w->run('RESET lock_timeout; SELECT t.book(3, 3, 1)');
is_deeply([ map { number($_) } heard($l) ], [ $n + 3 ], 'which shows as a gap');

done_testing();
