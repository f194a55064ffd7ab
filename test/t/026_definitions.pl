# Definitions (G6, G12): whatever DDL does to attached tables, v2 says what v1 says, to sessions that have
# asked before and to new ones; and DDL that concerns nobody takes no answer from memory.
#
# Shown to fail with, in src/slots/fingerprint.c: no t.xmin (a trigger that was disabled for a moment), no
# a.xmin (a column rewritten), no pg_inherits, no relfilenode (TRUNCATE of a partition without a trigger); in
# src/cache/definitions.c: AUTHOID or ENUMOID not listed; in src/cache/own_writes.c:
# changes_may_define(false). The mutants have a scenario each.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('definitions', hooks => 1, conf => "max_prepared_transactions = 5\n");
make_salon($node, 'salon', stylists => 3, days => 30, bookings => 300);
$node->safe_psql('salon', <<'EOC');
SELECT availability_cache.detach('bookings');
ALTER TABLE bookings RENAME TO bookings_before;
CREATE TABLE bookings (LIKE bookings_before INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
SELECT format('CREATE TABLE b_past PARTITION OF bookings FOR VALUES FROM (MINVALUE) TO (%L)', t.at(0, -16)) \gexec
SELECT format('CREATE TABLE b_later PARTITION OF bookings FOR VALUES FROM (%L) TO (''2200-01-01'')', t.at(30, -16)) \gexec
SELECT format('CREATE TABLE b%s PARTITION OF bookings FOR VALUES FROM (%L) TO (%L)', n, t.at(10 * n, -16), t.at(10 * n + 10, -16))
  FROM generate_series(0, 2) n \gexec
INSERT INTO bookings SELECT * FROM bookings_before;
SELECT count(*) FROM availability_cache.attach('bookings', 'bookings');
CREATE FUNCTION t.put_right() RETURNS void LANGUAGE sql AS $$ SELECT count(*) FROM availability_cache.attach() $$;
EOC
my ($w, $r) = map { session($node, 'salon') } 1 .. 2;

my $all = 'SELECT bool_and(t.same(s, d) AND t.same(s, d)) FROM generate_series(1, 3) s, unnest(\'{0,5,12,25}\'::int[]) d';
sub is_exact
{
	my ($name) = @_;
	my $new = session($node, 'salon');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(join('', map { $_->run($all) } $r, $w, $new), 'ttt', $name);
	$new->quit;
	return;
}

# What v1 says of stylist 1 changes, and v2 with it.
sub changes
{
	my ($name, @statements) = @_;
	my $what = 'SELECT md5(t.v1(1, 1, 0)::text)';
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = $r->run($what);

	$r->run($all);
	$w->run($_) for @statements;
	is_exact($name);
	isnt($r->run($what), $before, 'and it is something else');
	return;
}

sub keeps
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($r->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)') =~ /t$/, 1, "$name: kept");
}

sub keeps_nothing
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($r->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|f', "$name: not kept");
}

is_exact('at first');
keeps('at first');

# ---- DDL that concerns nobody ----

$w->run('CREATE SCHEMA other; CREATE TABLE other.a (i int PRIMARY KEY, j int); CREATE TYPE other.e AS ENUM (\'x\')');
for my $statement (
	'CREATE TABLE other.b (i int REFERENCES other.a)',   'ALTER TABLE other.a ADD k text',
	'CREATE TRIGGER b BEFORE INSERT ON other.b FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'DROP TABLE other.b',                                  'CREATE TEMPORARY TABLE temp (i serial, t text)',
	'DROP TABLE temp',                                     'CREATE FUNCTION other.f() RETURNS int LANGUAGE sql RETURN 1',
	'CREATE VIEW other.v AS SELECT * FROM public.bookings', 'DROP VIEW other.v',
	'ALTER TYPE other.e ADD VALUE \'y\'',                  'CREATE ROLE somebody',
	'DROP ROLE somebody',                                  'CREATE DOMAIN other.d AS int CHECK (VALUE > 0)',
	'ALTER SCHEMA other RENAME TO others',                 'TRUNCATE others.a',
	'ANALYZE',                                             'VACUUM FULL b0',
	'CREATE INDEX CONCURRENTLY b0_end ON b0 (end_time)',   'REINDEX TABLE CONCURRENTLY b0',
	'CREATE INDEX ON bookings (end_time)',                 'GRANT SELECT ON bookings TO pg_monitor',
	'COMMENT ON TABLE bookings IS \'x\'',                  'ALTER TABLE bookings RENAME TO appointments',
	'ALTER TABLE appointments RENAME TO bookings',         'UPDATE availability_cache.rules SET slot_step = slot_step',
	'CREATE PUBLICATION everything FOR ALL TABLES',        'DROP PUBLICATION everything')
{
	$r->run('SELECT t.v2(1, 1, 0)');
	$w->run($statement);
	is($r->run('SELECT t.hit(1, 1, 0)'), 't', "$statement: from memory");
}
is_exact('all of it');

# ---- changes that no trigger sees ----

my $disable = 'ALTER TABLE bookings DISABLE TRIGGER USER';
my $cancel = 'UPDATE bookings SET status = \'cancelled\' WHERE id = (SELECT id FROM bookings WHERE stylist_user_id = t.stylist(1)'
  . ' AND start_time >= t.at(0, 0) AND end_time <= t.at(0, 24) AND status = \'confirmed\' LIMIT 1)';
my $enable = 'ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking,'
  . ' ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking_truncate';
my $put_right = 'SELECT t.put_right()';

changes("triggers disabled, a change, enabled: in one transaction", "BEGIN; $disable; $cancel; $enable; COMMIT");
keeps("enabled");
changes('the same in three, by hand', $disable, $cancel, $enable);
$w->run($disable);
keeps_nothing('triggers disabled');
changes('a change meanwhile', $cancel);
$w->run('ALTER TABLE bookings ENABLE TRIGGER USER');
is_exact('ENABLE TRIGGER USER, which leaves out replicas');
keeps_nothing('ENABLE TRIGGER USER');
isnt($r->run("SELECT triggers FROM availability_cache.sources WHERE role = 'bookings'"), 'enabled', 'and sources says so');
$w->run($put_right);
keeps('attached again');
for my $rules ('slot_step = \'1 hour\'', 'slot_step = \'30 minutes\'')
{
	changes("rules' triggers disabled: $rules", 'ALTER TABLE availability_cache.rules DISABLE TRIGGER USER',
		"UPDATE availability_cache.rules SET $rules", 'ALTER TABLE availability_cache.rules ENABLE TRIGGER USER');
	changes("and with a call in between: $rules", 'ALTER TABLE availability_cache.rules DISABLE TRIGGER USER', $all,
		"UPDATE availability_cache.rules SET buffer_after = buffer_after + interval '40 minutes'",
		'ALTER TABLE availability_cache.rules ENABLE TRIGGER USER');
}
$w->run(<<'EOC');
SELECT format('ALTER TABLE availability_cache.rules ENABLE ALWAYS TRIGGER %I', tgname) FROM pg_trigger
 WHERE tgrelid = 'availability_cache.rules'::regclass AND NOT tgisinternal \gexec
UPDATE availability_cache.rules SET buffer_after = '0'
EOC
is_exact('rules put right');
keeps('rules put right');

# ---- by way of others ----

$w->run('CREATE TABLE parent (duration_minutes int, price_cents int); ALTER TABLE services INHERIT parent');
changes('ALTER COLUMN TYPE of a parent', 'ALTER TABLE parent ALTER duration_minutes TYPE bigint USING duration_minutes * 2');
for my $kind ('TABLE parent', 'VIEW services', 'MATERIALIZED VIEW services', 'FOREIGN TABLE services')
{
	$w->run("ALTER TABLE services NO INHERIT parent") if $kind eq 'VIEW services';
	$w->run("ALTER $kind RENAME COLUMN duration_minutes TO minutes");
	is($r->run('SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) ->> \'code\''), 'INTERNAL_ERROR', "ALTER $kind RENAME COLUMN");
	is_exact("ALTER $kind RENAME COLUMN");
	$w->run("ALTER $kind RENAME COLUMN minutes TO duration_minutes");
	is_exact("ALTER $kind RENAME COLUMN, and back");
	keeps('and back');
}
changes('a column with USING, of the same type', 'ALTER TABLE services ALTER duration_minutes TYPE int USING 30');

# ---- partitions ----

$w->run('CREATE SCHEMA parts CREATE TABLE b3 PARTITION OF public.bookings FOR VALUES FROM (\'2200-01-01\') TO (\'2200-02-01\')');
is_exact('CREATE SCHEMA … CREATE TABLE … PARTITION OF');
keeps('a partition without a TRUNCATE trigger');
$w->run('DROP TRIGGER trigger_invalidate_cache_on_booking_truncate ON b0');
changes('TRUNCATE of one', 'TRUNCATE b0');
changes('filled again', 'INSERT INTO b0 SELECT * FROM bookings_before WHERE start_time >= t.at(0, -16) AND start_time < t.at(10, -16)');
changes('TRUNCATE with others', 'BEGIN; TRUNCATE b1, b0; SELECT t.book(1, 0, 0); COMMIT');
changes('and filled', 'DELETE FROM b0; INSERT INTO b0 SELECT * FROM bookings_before WHERE start_time >= t.at(0, -16) AND start_time < t.at(10, -16)');
changes('DETACH PARTITION', 'ALTER TABLE bookings DETACH PARTITION b0');
$w->run('INSERT INTO b0 (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(1), t.service(1), t.at(0, 20), t.at(0, 21)');
is_exact('a row in what is detached');
changes('ATTACH PARTITION', 'ALTER TABLE bookings ATTACH PARTITION b0 FOR VALUES FROM (\''
	  . $w->run('SELECT t.at(0, -16)') . "') TO ('" . $w->run('SELECT t.at(10, -16)') . "')");

# CONCURRENTLY takes two transactions; who has an old snapshot keeps the second from its end.
my $old = session($node, 'salon');
$old->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM bookings');
my $detach = session($node, 'salon');
$detach->send('ALTER TABLE bookings DETACH PARTITION b0 CONCURRENTLY');
wait_until(sub { $r->run('SELECT count(*) FROM pg_inherits WHERE inhdetachpending') }, 'the first transaction');
is_exact('DETACH … CONCURRENTLY, between its transactions');
is($old->run($all), 't', 'and for who has an old snapshot');
my $pid = $detach->pid;
$w->run("SELECT pg_cancel_backend($pid)");
$detach->result;
is_exact('cancelled');
$w->run('INSERT INTO b0 (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(1), t.service(1), t.at(0, 22), t.at(0, 23)');
is_exact('a row in what is half detached');
$old->run('COMMIT');
$w->run('ALTER TABLE bookings DETACH PARTITION b0 FINALIZE');
is_exact('FINALIZE');
my ($from, $to) = map { $w->run("SELECT t.at($_, -16)") } 0, 10;
$w->run("ALTER TABLE bookings ATTACH PARTITION b0 FOR VALUES FROM ('$from') TO ('$to')");
is_exact('attached again');

$w->run('ALTER TABLE bookings DETACH PARTITION b0');
my $file = $node->data_dir . '/bookings.csv';
my $write_file = sub { return $w->run("COPY (SELECT * FROM bookings_before WHERE start_time >= '$from' AND $_[0]) TO '$file' (FORMAT csv)") };
$write_file->('start_time < t.at(5, 0)');
$w->run('CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw');
changes('a foreign partition', 'CREATE FOREIGN TABLE bf PARTITION OF bookings FOR VALUES'
	  . " FROM ('$from') TO ('$to') SERVER files OPTIONS (filename '$file', format 'csv')");
keeps_nothing('with a foreign partition');
$write_file->('false');
is_exact('whose rows change without a word');
$w->run("DROP FOREIGN TABLE bf; ALTER TABLE bookings ATTACH PARTITION b0 FOR VALUES FROM ('$from') TO ('$to'); $put_right");
is_exact('the foreign partition dropped');
keeps('the foreign partition dropped');

# ---- who reads ----

my $may = 'EXECUTE ON FUNCTION private.invalidate_availability_cache()';
$w->run("CREATE ROLE seller; GRANT USAGE ON SCHEMA public TO seller; GRANT $may TO seller; ALTER TABLE bookings OWNER TO seller");
is_exact('another owner');
my $code = "SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) ->> 'code'";
for my $case (
	[ 'FORCE ROW LEVEL SECURITY', 'ALTER TABLE bookings ENABLE ROW LEVEL SECURITY; ALTER TABLE bookings FORCE ROW LEVEL SECURITY', 'ALTER ROLE seller BYPASSRLS' ],
	[ 'NOBYPASSRLS', 'ALTER ROLE seller NOBYPASSRLS', 'ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY' ],
	[ 'REVOKE EXECUTE, which is to attach', "REVOKE $may FROM seller", "GRANT $may TO seller" ],
	[ 'REVOKE SELECT', 'REVOKE SELECT ON bookings FROM seller', 'GRANT SELECT ON bookings TO seller' ],
	[ 'REVOKE USAGE', 'REVOKE USAGE ON SCHEMA public FROM seller, PUBLIC', 'GRANT USAGE ON SCHEMA public TO PUBLIC' ])
{
	my ($name, $statement, $undo) = @$case;

	keeps("before $name");
	$w->run($statement);
	is($r->run($code), 'INTERNAL_ERROR', $name);
	is_exact($name);
	$w->run($undo);
	is_exact("$name undone");
	keeps("$name undone");
}
$w->run('CREATE ROLE readers; GRANT SELECT ON bookings TO readers; REVOKE SELECT ON bookings FROM seller; GRANT readers TO seller');
is_exact('by way of a membership');
keeps('by way of a membership');
$w->run('REVOKE readers FROM seller');
is($r->run($code), 'INTERNAL_ERROR', 'no member any more');
$w->run('GRANT SELECT ON bookings TO seller');

# ---- labels ----

$w->run('ALTER TABLE bookings ALTER status DROP DEFAULT');
$w->run('CREATE TYPE public.status AS ENUM (\'confirmed\', \'cancelled\', \'no_show\'); ALTER TABLE bookings ALTER status TYPE status USING status::text::status');
is_exact('an enum');
keeps('an enum');
changes('ALTER TYPE … RENAME VALUE', "ALTER TYPE status RENAME VALUE 'cancelled' TO 'undone'");
changes('and back', "ALTER TYPE status RENAME VALUE 'undone' TO 'cancelled'");

$w->run('CREATE DOMAIN kind AS status; CREATE DOMAIN kind_of_booking AS kind; ALTER TABLE bookings ALTER status TYPE kind_of_booking');
is_exact('a domain over a domain over an enum');
changes('ALTER TYPE … RENAME VALUE, below domains', "ALTER TYPE status RENAME VALUE 'cancelled' TO 'undone'");
$w->run("ALTER TYPE status RENAME VALUE 'undone' TO 'cancelled'; ALTER TABLE bookings ALTER status TYPE text");
$w->run('REASSIGN OWNED BY seller TO CURRENT_USER');
is_exact('REASSIGN OWNED');
keeps('REASSIGN OWNED');

# ---- swapped, dropped, made again ----

changes('a table swapped for another by RENAME',
	'BEGIN; ALTER TABLE stylist_schedules RENAME TO old_schedules; CREATE TABLE stylist_schedules (LIKE old_schedules INCLUDING ALL);'
	  . 'SELECT count(*) FROM availability_cache.detach(\'stylist_schedules\'); SELECT t.put_right(); COMMIT');
$w->run('INSERT INTO stylist_schedules SELECT * FROM old_schedules');
is_exact('filled');
$w->run('DROP TABLE schedule_overrides');
is_exact('an optional table dropped');
keeps('an optional table dropped');
my $over = "CREATE TABLE schedule_overrides (stylist_user_id uuid, start_date date, end_date date, is_closed boolean, start_time time, end_time time);"
  . ' INSERT INTO schedule_overrides VALUES (t.stylist(1), t.day(0), t.day(0), true)';
$w->run($over);
is_exact('made again, not attached');
changes('and attached', 'SELECT t.put_right()');
$w->run('DELETE FROM schedule_overrides');

# ---- snapshots, two-phase commit, late statements ----

$r->run($all);
$old->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
$w->run('TRUNCATE b0');
is($old->run($all), 't', 'TRUNCATE under an old snapshot: as PostgreSQL shows it');
is_exact('TRUNCATE');
$old->run('COMMIT');

$w->run("BEGIN; $disable; PREPARE TRANSACTION 'ddl'");
is_exact('DDL prepared');
keeps_nothing('DDL prepared');
$r->run("COMMIT PREPARED 'ddl'");
is_exact('and committed');
keeps_nothing('and committed');
changes('a booking that no trigger saw', 'SELECT t.book(1, 0, 1)');
$w->run($put_right);
keeps("enabled");

$w->run("SET availability_cache.test_at_pre_commit = '$disable'; SELECT t.book(1, 1, 1)");
$w->run('RESET availability_cache.test_at_pre_commit');
keeps_nothing('triggers disabled at PRE_COMMIT, after our callback');
is_exact('triggers disabled at PRE_COMMIT');
$w->run($put_right);

# ---- each way to break it ----

# All that a scenario needs is new to the server: no mapping was loaded, nothing is watched.
sub restart_with
{
	my (%settings) = @_;

	$_->quit for $w, $r, $old, $detach;
	$node->safe_psql('postgres', "ALTER SYSTEM SET availability_cache.$_ = '$settings{$_}'") for sort keys %settings;
	$node->restart;
	($w, $r) = map { session($node, 'salon') } 1 .. 2;
	return;
}

# Triggers go while a session makes the server's first answer; then a booking comes that no trigger sees.
sub first_answer
{
	my ($sleep, $where) = @_;
	my $ddl = session($node, 'salon', "availability_cache.test_sleep_$where" => $sleep);

	$w->run($put_right);
	$ddl->send($disable);
	sleep $sleep / 4e6;
	$r->run('SELECT t.v2(1, 1, 2)');
	my $missed = $ddl->ready;
	$ddl->result;
	$w->run('SELECT t.book(1, 2, 5)');
	my $stale = $r->run('SELECT NOT t.same(1, 2)');
	$w->run("DELETE FROM bookings WHERE start_time = t.at(2, 5); $put_right");
	return $missed ? undef : $stale;
}

# The set begins anew for another database's relations.
sub begun_anew
{
	$r->run('SELECT t.v2(1, 1, 2)');
	$node->safe_psql('salon2', 'SELECT t.v2(1, 1, 2)');
	$r->run('SELECT t.v2(1, 1, 2)');
	$w->run($disable);
	$w->run('SELECT t.book(1, 2, 5)');
	my $stale = $r->run('SELECT NOT t.same(1, 2)');
	$w->run("DELETE FROM bookings WHERE start_time = t.at(2, 5); $put_right");
	return $stale;
}

# Databases that share a number: one confirms after the other's triggers were disabled and enabled.
sub shared_number
{
	my $other = session($node, 'salon2');

	# It takes the only number.
	$node->safe_psql('salon3', 'SELECT t.v2(1, 1, 2)');
	$_->run('SELECT t.v2(1, 1, 2), t.v2(1, 1, 2)') for $other, $r;
	$other->run('SELECT t.v2(1, 1, 2), t.v2(1, 1, 3)');
	$w->run("BEGIN; $disable; SELECT t.book(1, 2, 5); $enable; COMMIT");
	$other->run('SELECT t.v2(1, 1, 4), t.v2(1, 1, 2)');
	my $stale = $r->run('SELECT NOT t.same(1, 2)');
	$w->run('DELETE FROM bookings WHERE start_time = t.at(2, 5)');
	return $stale;
}

make_salon($node, $_, stylists => 3) for 'salon2', 'salon3';
my $watched = $w->run(<<'EOC');
SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN ('public'::regnamespace, 'availability_cache'::regnamespace, 'parts'::regnamespace)
EOC
my %scenario = (
	no_messages       => [ \&shared_number ],
	set_unchecked     => [ \&first_answer, 2_000_000, 'before_visible' ],
	set_first         => [ \&first_answer, 2_000_000, 'in_begin' ],
	set_forgotten     => [ \&begun_anew ],
	confirmed_for_all => [ \&shared_number ]);
my %settings = (set_forgotten => { test_watched => int($watched * 1.5) }, confirmed_for_all => { test_databases => 1 });
for my $mutant (sort keys %scenario)
{
	my ($scenario, @args) = @{ $scenario{$mutant} };

	for my $broken ('none', $mutant)
	{
		restart_with(test_mutant => $broken, test_watched => 0, test_databases => 0, %{ $settings{$mutant} // {} });
		$node->safe_psql('postgres', 'SELECT 1');
		is($scenario->(@args), $broken eq 'none' ? 'f' : 't', "$mutant" . ($broken eq 'none' ? ', not broken' : ': its scenario finds it'));
	}
}
$node->stop;
done_testing();
