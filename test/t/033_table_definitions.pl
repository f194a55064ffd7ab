# Definitions and the table tier (G5, G6): whatever DDL does to attached tables, and whoever runs it, no row
# of the tier is answered that was made with other definitions. Without preload, by sessions that never load
# the library; on a standby; with preload and the worker; a role changed in another database; traces removed
# while the log's triggers were disabled.
#
# Shown to fail with the mutants no_definitions_check (trust_row), no_log_check (trust_row) and no_hold_check
# (a mapping that is newer than the snapshot that an answer was computed under), each in a scenario at the
# end; and by hand with, in src/slots/fingerprint.c: no relfilenode, no t.xmin, no a.xmin, no enumlabel, no
# has_table_privilege. (Without pg_inherits or rolbypassrls it holds: new triggers, and an error, tell too.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my ($node, $standby, $r, $w, $s);
my $behind = 0;

# As somebody who knows nothing of us: none of these has called a function of the library.
sub ddl
{
	my ($sql) = @_;
	$node->safe_psql('salon', $sql);
	return;
}

sub make_partitioned
{
	make_salon($node, 'salon', stylists => 3, days => 5, bookings => 60);
	ddl(<<'EOC');
SELECT availability_cache.detach('bookings');
ALTER TABLE bookings RENAME TO bookings_before;
CREATE TABLE bookings (LIKE bookings_before INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
CREATE TABLE b_rest PARTITION OF bookings DEFAULT;
SELECT format('CREATE TABLE b0 PARTITION OF bookings FOR VALUES FROM (%L) TO (%L)', t.at(0, -16), t.at(10, -16)) \gexec
INSERT INTO bookings SELECT * FROM bookings_before;
SELECT count(*) FROM availability_cache.attach('bookings', 'bookings');
EOC
	return;
}

my $all = 'SELECT bool_and(t.same(s, d)) FROM generate_series(1, 3) s, generate_series(0, 4) d';
my $kept = 'SELECT count(*) FROM private.availability_cache WHERE service_id = t.service(1)';

sub fill
{
	# To begin takes a few; the worker writes what is new to memory.
	return wait_until(
		sub {
			$w->run('SELECT availability_cache.flush()') if $behind;
			$r->run($all);
			sleep 0.3 if $behind;
			return $r->run('SELECT t.hit(1, 1, 0)') eq 't' && $r->run($kept) >= 15;
		},
		'rows');
}

sub is_exact
{
	my ($name) = @_;
	my $new = session($node, 'salon');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(join('', map { $_->run($all) } $new, $r, $w), 'ttt', $name);
	$new->quit;
	if ($standby)
	{
		$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
		is($s->run($all), 't', "$name: on the standby");
	}
	return;
}

# DDL after which v1 says something else, of the first stylist's first day.
sub changes
{
	my ($name, $sql, $differs) = @_;
	my $what = 'SELECT md5(t.v1(1, 1, 0)::text)';
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok(fill(), "before $name: rows are answered");
	my $before = $r->run($what);
	ddl($sql);
	is_exact($name);
	isnt($r->run($what), $before, 'which is something else') if $differs // 1;
	return;
}

# DDL that changes nothing an answer depends on: rows are still answered, on the standby too.
sub keeps
{
	my ($name, $sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok(fill(), "before $name: rows are answered");
	ddl($sql);
	is(join('', map { $_->run('SELECT t.hit(1, 1, 0)') } $r, $w), 'tt', "$name: rows are still answered");
	if ($standby)
	{
		$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
		is($s->run('SELECT t.hit(1, 1, 0)'), 't', "$name: on the standby too");
	}
	return;
}

my $disable = 'ALTER TABLE bookings DISABLE TRIGGER USER';
my $enable = 'ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking,'
  . ' ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking_truncate';
# Takes a slot that is free, or frees all.
sub book
{
	my $n = $w->run(q{SELECT strpos(t.statuses(t.v1(1, 1, 0)), 'a') - 1});
	return $n < 0 ? 'DELETE FROM bookings WHERE stylist_user_id = t.stylist(1)' : "SELECT t.book(1, 0, $n)";
}
my $fill_b0 = 'INSERT INTO b0 SELECT * FROM bookings_before WHERE start_time >= t.at(0, -16) AND start_time < t.at(10, -16)';

sub every_kind
{
	keeps('ANALYZE', 'ANALYZE');
	keeps('an index', 'CREATE INDEX ON services (price_cents)');
	keeps('another table', 'CREATE TABLE other (i int); ALTER TABLE other ADD j int; DROP TABLE other');
	keeps('RENAME', 'ALTER TABLE services RENAME TO offers; ALTER TABLE offers RENAME TO services');

	changes('a booking while triggers were disabled, in one transaction', "BEGIN; $disable; " . book() . "; $enable; COMMIT");
	changes('the same in three', "$disable; " . book() . "; $enable");
	changes('and in replica mode, the trigger not ALWAYS for a while',
		'ALTER TABLE b0 ENABLE TRIGGER trigger_invalidate_cache_on_booking; SET session_replication_role = replica; '
		  . book() . '; ALTER TABLE b0 ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking');
	changes('a trigger dropped and made again', 'ALTER TABLE services DISABLE TRIGGER USER; UPDATE services SET price_cents = price_cents + 1;'
		  . " SELECT count(*) FROM availability_cache.attach('services', 'services')");
	changes('ALTER COLUMN TYPE … USING', 'ALTER TABLE services ALTER price_cents TYPE int USING price_cents + 1');
	changes('a column dropped and made again', 'ALTER TABLE services DROP price_cents; ALTER TABLE services ADD price_cents int DEFAULT 77');
	changes('DETACH PARTITION', 'ALTER TABLE bookings DETACH PARTITION b0');
	ddl('UPDATE b0 SET stylist_user_id = t.stylist(1)');
	my ($from, $to) = map { $w->run("SELECT t.at($_, -16)") } 0, 10;
	changes('ATTACH PARTITION', "ALTER TABLE bookings ATTACH PARTITION b0 FOR VALUES FROM ('$from') TO ('$to')");
	changes('DETACH PARTITION … CONCURRENTLY', 'DELETE FROM b_rest; ALTER TABLE bookings DETACH PARTITION b_rest; ALTER TABLE bookings DETACH PARTITION b0 CONCURRENTLY');
	ddl("ALTER TABLE bookings ATTACH PARTITION b0 FOR VALUES FROM ('$from') TO ('$to'); ALTER TABLE bookings ATTACH PARTITION b_rest DEFAULT");
	changes('TRUNCATE of a partition', 'TRUNCATE b0');
	ddl("DROP TRIGGER trigger_invalidate_cache_on_booking_truncate ON b0; $fill_b0");
	changes('TRUNCATE of a partition without a trigger', 'TRUNCATE b0');
	ddl($fill_b0);
	changes('a view over a parent', 'ALTER VIEW services RENAME COLUMN price_cents TO price; ALTER TABLE services RENAME price TO price_cents', 0);
	ddl('ALTER TABLE bookings ALTER status DROP DEFAULT');
	changes('an enum', q{CREATE TYPE state AS ENUM ('confirmed', 'cancelled', 'no_show', 'done'); ALTER TABLE bookings ALTER status TYPE state USING status::state;}, 0);
	changes('ALTER TYPE … RENAME VALUE', q{ALTER TYPE state RENAME VALUE 'cancelled' TO 'gone'; ALTER TYPE state RENAME VALUE 'confirmed' TO 'cancelled'});
	ddl(q{ALTER TYPE state RENAME VALUE 'cancelled' TO 'confirmed'; ALTER TYPE state RENAME VALUE 'gone' TO 'cancelled'; ALTER TABLE bookings ALTER status TYPE text});
	changes('an optional table dropped', 'INSERT INTO schedule_overrides (stylist_user_id, override_date, is_closed) VALUES (t.stylist(1), t.day(0), true);'
		  . ' SELECT t.v2(1, 1, 0); CREATE TABLE overrides_before AS TABLE schedule_overrides; SELECT t.v2(1, 1, 0); DROP TABLE schedule_overrides', 0);

	# Roles, changed in another database.
	ddl('CREATE ROLE seller; GRANT USAGE ON SCHEMA public TO seller; GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO seller;'
		  . ' ALTER TABLE services OWNER TO seller; ALTER TABLE services ENABLE ROW LEVEL SECURITY; ALTER ROLE seller BYPASSRLS; ALTER TABLE services FORCE ROW LEVEL SECURITY');
	ok(fill(), 'an owner with BYPASSRLS: rows are answered');
	$node->safe_psql('postgres', 'ALTER ROLE seller NOBYPASSRLS');
	is_exact('ALTER ROLE in another database');
	is($r->run(q{SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) ->> 'code'}), 'INTERNAL_ERROR', 'which is an error');
	$node->safe_psql('postgres', 'ALTER ROLE seller BYPASSRLS; CREATE ROLE readers');
	ddl('GRANT SELECT ON services TO readers; REVOKE SELECT ON services FROM seller; GRANT readers TO seller');
	ok(fill(), 'by way of a membership: rows are answered');
	$node->safe_psql('postgres', 'REVOKE readers FROM seller');
	is_exact('REVOKE of a membership in another database');
	is($r->run(q{SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) ->> 'code'}), 'INTERNAL_ERROR', 'which is an error too');
	ddl('ALTER TABLE services OWNER TO CURRENT_USER; DROP OWNED BY seller, readers');
	$node->safe_psql('postgres', 'DROP ROLE seller, readers');

	# The log: its traces removed, or somebody's chance to.
	my $log = 'availability_cache.invalidation';
	my $dearer = 'UPDATE services SET price_cents = price_cents + 1';
	changes('traces removed while triggers were disabled', "$dearer; BEGIN; ALTER TABLE $log DISABLE TRIGGER USER; DELETE FROM $log; ALTER TABLE $log ENABLE ALWAYS TRIGGER log_changed, ENABLE ALWAYS TRIGGER log_truncated; COMMIT");
	ddl("ALTER TABLE $log ENABLE REPLICA TRIGGER discard");
	changes('by TRUNCATE', "$dearer; ALTER TABLE $log DISABLE TRIGGER USER; TRUNCATE $log; ALTER TABLE $log ENABLE ALWAYS TRIGGER log_changed, ENABLE ALWAYS TRIGGER log_truncated, ENABLE REPLICA TRIGGER discard");
	changes('while the log was unlogged', "ALTER TABLE $log SET UNLOGGED; $dearer; ALTER TABLE $log SET LOGGED");
	return;
}

# ---- without preload, and on a standby ----

$node = new_node('plain', preload => 0, streaming => 1, conf => 'availability_cache.table_tier = inline');
make_partitioned();
$node->backup('backup');
$standby = new_node('standby', from => [ $node, 'backup' ]);
($r, $w) = map { session($node, 'salon') } 1 .. 2;
$s = session($standby, 'salon');
every_kind();

# A REPEATABLE READ transaction that is older than the DDL, and one that saw neither it nor the rows.
my $old = session($node, 'salon');
$old->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT t.v1(1, 1, 0)');
ddl("BEGIN; $disable; " . book() . "; $enable; COMMIT");
fill();
is($old->run($all), 't', 'REPEATABLE READ from before DDL: as of its snapshot');
$old->run('COMMIT');
is($old->run($all), 't', 'and afterwards');
$_->quit for $s, $old, $r, $w;
$standby->stop;
undef $standby;

# After a restart and a crash.
for my $how ('fast', 'immediate')
{
	($r, $w) = map { session($node, 'salon') } 1 .. 2;
	fill();
	ddl("$disable; " . book() . "; $enable");
	$_->quit for $r, $w;
	$node->stop($how);
	$node->start;
	($r, $w) = map { session($node, 'salon') } 1 .. 2;
	is_exact("DDL, then $how stop");
	fill();
	$_->quit for $r, $w;
	$node->stop($how);
	$node->start;
	($r, $w) = map { session($node, 'salon') } 1 .. 2;
	is($r->run('SELECT t.hit(1, 1, 0)'), 't', "without DDL a row is answered after $how stop");
	$_->quit for $r, $w;
}
$node->stop;

# ---- with preload and the worker ----

$node = new_node('worker', conf => "availability_cache.table_tier = background\navailability_cache.table_tier_retry = 1s");
make_partitioned();
$behind = 1;
($r, $w) = map { session($node, 'salon') } 1 .. 2;
ok(fill(), 'the worker writes');
# Memory forgets what is updated by hand.
$r->run('UPDATE private.availability_cache SET id = id');
ok($r->run('SELECT t.hit(1, 1, 0)') eq 't' && stat_of($r, 'table_hits > 0') eq 't', 'and a row is answered');
for my $case ([ 'triggers disabled for a moment', "BEGIN; $disable; " . book() . "; $enable; COMMIT" ],
	[ 'TRUNCATE of a partition without a trigger', 'DROP TRIGGER trigger_invalidate_cache_on_booking_truncate ON b0; TRUNCATE b0' ])
{
	my ($name, $sql) = @$case;
	$r->run($all);
	ddl($sql);
	# Memory learns of it; the table's rows are as they were.
	$_->quit for $r, $w;
	$node->restart;
	($r, $w) = map { session($node, 'salon') } 1 .. 2;
	is_exact("$name, and a restart");
	ok(fill(), "$name: the worker writes again");
}
is($r->run('SELECT availability_cache.clean() >= 0'), 't', 'rows of other definitions can be cleaned');
$_->quit for $r, $w;
$node->stop;

# ---- each way to break it ----

$behind = 0;
$node = new_node('mutants', hooks => 1, preload => 0, conf => 'availability_cache.table_tier = inline');
make_partitioned();

sub definitions_ignored
{
	fill();
	ddl("BEGIN; $disable; " . book() . "; $enable; COMMIT");
	return $r->run($all) eq 'f';
}

sub log_ignored
{
	my $log = 'availability_cache.invalidation';
	fill();
	# Of everything: no row is deleted.
	ddl("UPDATE services SET price_cents = price_cents + 1; ALTER TABLE $log DISABLE TRIGGER USER; DELETE FROM $log;"
		  . " ALTER TABLE $log ENABLE ALWAYS TRIGGER log_changed, ENABLE ALWAYS TRIGGER log_truncated; ALTER TABLE $log ENABLE REPLICA TRIGGER discard");
	return $r->run($all) eq 'f';
}

# The mapping is read anew after the snapshot was taken, and has what the snapshot does not.
sub mapping_newer_than_snapshot
{
	my $late = session($node, 'salon', 'availability_cache.test_sleep_after_snapshot' => 2_000_000);
	fill();
	$r->run('DELETE FROM private.availability_cache');
	$late->send('SELECT t.v2(1, 1, 0)');
	sleep 0.5;
	ddl("BEGIN; $disable; " . book() . "; $enable; COMMIT");
	return undef if $late->ready;
	$late->result;
	$late->quit;
	return $r->run($all) eq 'f';
}

my %scenario = (
	no_definitions_check => \&definitions_ignored,
	no_log_check         => \&log_ignored,
	no_hold_check        => \&mapping_newer_than_snapshot);
for my $mutant (sort keys %scenario)
{
	for my $broken ('none', $mutant)
	{
		$node->safe_psql('postgres', "LOAD 'availability_cache'; ALTER SYSTEM SET availability_cache.test_mutant = '$broken'");
		$node->restart;
		($r, $w) = map { session($node, 'salon') } 1 .. 2;
		my $stale = $scenario{$mutant}->();
		is($stale ? 1 : 0, $broken eq 'none' ? 0 : 1, "$mutant" . ($broken eq 'none' ? ', not broken' : ': its scenario finds it'));
		ddl('DELETE FROM private.availability_cache');
		$_->quit for $r, $w;
	}
}
$node->stop;
done_testing();
