# The table tier where its tables are copied: to a subscriber of everything, to a standby, by pg_dump, CREATE
# DATABASE … TEMPLATE, pg_basebackup and pg_upgrade. Another server's snapshots and xids mean nothing; where
# they do mean something, what came after the copy was made is never missed. And off is off.
#
# Shown to fail with: mutants no_trace (standby, base backup, restored databases), no_snapshot_check (the
# table is never trusted or always), no_since_check (off, then inline, with an open transaction); no discard
# triggers on source and source_column (the initial copy never ends).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $inline = 'ALTER DATABASE %s SET availability_cache.table_tier = inline';

# Three days of service 1, each answer in a transaction of its own.
sub ask
{
	my ($s, $days) = @_;
	for my $d (0 .. ($days // 3) - 1)
	{
		$s->run("SELECT t.v2($_, 1, $d)") for 1 .. 4;
	}
	return;
}
my $all = 4 * 3;
my $trusted = <<'EOC';
SELECT count(*) FROM private.availability_cache c
 WHERE pg_snapshot_xmin(c.snapshot) >= (SELECT max(xid) FROM availability_cache.invalidation_since)
   AND NOT EXISTS (SELECT FROM availability_cache.invalidation i WHERE NOT pg_visible_in_snapshot(i.xid, c.snapshot))
EOC

sub fill
{
	my ($s) = @_;
	return wait_until(sub { $s->run('SELECT availability_cache.flush()'); ask($s); $s->run($trusted) == $all }, 'the table to be filled');
}

# How many of the answers come from the table, where nobody has asked yet.
sub table_hits
{
	my ($s) = @_;
	my $before = stat_of($s, 'table_hits');
	ask($s);
	return stat_of($s, 'table_hits') - $before;
}

my $empty = 'a' x 24;

# ---- a subscriber of everything ----

my $retry = "availability_cache.table_tier_retry = '1s'\n";
my $pub = new_node('publisher', streaming => 'logical', conf => $retry);
my $sub = new_node('subscriber', streaming => 'logical', conf => $retry . 'max_logical_replication_workers = 12');
# Xids of both sides must differ, or a foreign one could pass for an own.
$sub->safe_psql('postgres', "SELECT pg_current_xact_id()") for 1 .. 20;
for my $node ($pub, $sub)
{
	make_salon($node, 'salon');
	$node->safe_psql('postgres', sprintf $inline, 'salon');
}
# What both have already is not copied.
$sub->safe_psql('salon', 'TRUNCATE bookings, booking_reservations, schedule_overrides, stylist_schedules, stylist_services, services, stylist_profiles');
my $p = session($pub, 'salon');
my $s = session($sub, 'salon');
$p->run('SELECT t.book(1, 0, n) FROM generate_series(0, 2) n');
ok(fill($p), 'the publisher has rows');
my $since = $s->run('SELECT xid FROM availability_cache.invalidation_since');
$p->run('CREATE PUBLICATION everything FOR ALL TABLES');
$s->run(sprintf "CREATE SUBSCRIPTION everything CONNECTION '%s dbname=salon' PUBLICATION everything", $pub->connstr);
my $unready = q{SELECT string_agg(srrelid::regclass::text, ' ' ORDER BY srrelid::regclass::text) FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')};
wait_until(sub { $s->run($unready) eq '' }, 'the initial copy');
is($s->run($unready), '', 'the initial copy of all tables ends');

my $own = q{SELECT (SELECT count(*) FROM private.availability_cache), (SELECT count(*) FROM availability_cache.invalidation_since)};
is($s->run($own), '0|1', 'no row was taken over, and no since row beside the own');
is($s->run("SELECT xid = '$since' FROM availability_cache.invalidation_since"), 't', 'which is the own');
my $foreign = sub { $s->run('SELECT count(*) FROM availability_cache.invalidation WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())') };
is($foreign->(), 0, 'no trace of transactions that were never here');
is($s->run('SELECT t.look(1, 1, 0)'), 'bbb' . 'a' x 21, 'the bookings were');
is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') FROM availability_cache.sources}), 'enabled', 'the mapping is as it was');

# Streaming: the subscriber has rows of its own, and the publisher writes to its tables in every way.
ok(fill($s), 'the subscriber has rows');
my $ids = 'SELECT count(*), md5(string_agg(id::text, $$ $$ ORDER BY id)) FROM private.availability_cache';
my $before = $s->run($ids);
sub catch_up { $pub->wait_for_catchup('everything'); return; }
sub log_of { my ($x) = @_; return $x->run('SELECT count(*) FROM availability_cache.invalidation'); }
my $traces = log_of($s);
$p->run('DELETE FROM private.availability_cache');
ask($p);
$p->run("UPDATE private.availability_cache SET expires_at = now() + interval '1 minute'");
$p->run('DELETE FROM private.availability_cache WHERE stylist_user_id = t.stylist(2)');
$p->run('SELECT availability_cache.flush(); SELECT availability_cache.clean()');
is($p->run('UPDATE availability_cache.invalidation SET xid = xid; DELETE FROM availability_cache.invalidation; UPDATE availability_cache.invalidation_since SET xid = xid; SELECT 1'),
	1, 'UPDATE and DELETE of its own tables work on the publisher');
catch_up();
is($s->run($ids), $before, 'the subscriber keeps its rows, all of them');
is(log_of($s), $traces, 'and its traces');
is($s->run("SELECT count(*) FROM availability_cache.invalidation_since"), 1, 'and its since row');
$p->run('SELECT t.book(1, 0, 5)');
catch_up();
cmp_ok(log_of($s), '>', $traces, 'an applied booking leaves a trace');
is($s->run('SELECT count(*) FROM private.availability_cache WHERE stylist_user_id = t.stylist(1) AND cache_date = t.day(0)'), 0, 'and removes the row it outdates');
is($s->run($ids) =~ s/\|.*//r, $all - 1, 'and no other');
$_->quit for $s, $p;
$sub->restart;
$p = session($pub, 'salon');
$s = session($sub, 'salon');
is(table_hits($s), $all - 1, 'after a restart the others are hits');
is($s->run('SELECT t.look(1, 1, 0)'), 'bbbaab' . 'a' x 18, 'and that one has the booking');
exact_everywhere($s, 7, 'the subscriber is exact');
# The publisher forgets everything it knows of its own tables; the subscriber must not.
$p->run("SELECT t.book(2, 0, 7)");
catch_up();
is($p->fails("TRUNCATE $_"), '55000', "TRUNCATE $_ is refused") for 'availability_cache.invalidation', 'availability_cache.invalidation CASCADE';
$p->run('TRUNCATE private.availability_cache, availability_cache.invalidation_since');
$p->run('SELECT count(*) FROM availability_cache.attach()');
$p->run("SELECT availability_cache.detach('stylist_profiles')");
$p->run("SELECT count(*) FROM availability_cache.attach('stylist_profiles', 'stylist_profiles')");
$p->run("SELECT t.book(3, 0, 7)");
catch_up();
is($s->run('SELECT t.look(2, 1, 0), t.look(3, 1, 0)'), 'a' x 7 . 'b' . 'a' x 16 . '|' . 'a' x 7 . 'b' . 'a' x 16, 'bookings go on arriving after TRUNCATE and attach() there');
is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') || count(*) FROM availability_cache.sources WHERE relation IS NOT NULL}), 'enabled7', 'the mapping is as it was');
fill($s);
$p->run("BEGIN; SELECT t.book(1, 2, $_); DELETE FROM availability_cache.invalidation; TRUNCATE private.availability_cache; COMMIT") for 0 .. 2;
catch_up();
$_->quit for $s, $p;
$sub->restart;
$p = session($pub, 'salon');
$s = session($sub, 'salon');
is($s->run('SELECT t.look(1, 1, 2)'), 'bbb' . $empty =~ s/^...//r, 'with a DELETE of the log in the same transaction too');
exact_everywhere($s, 7, 'the subscriber is exact');
$_->quit for $s, $p;
$sub->stop;

# ---- pg_dump ----

$p = session($pub, 'salon');
$p->run('DROP PUBLICATION everything');
ok(fill($p), 'rows to be dumped');
my $dir = $pub->basedir;
$pub->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $pub->connstr('salon') ], 'pg_dump');
$pub->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", $pub->connstr('salon') ], 'pg_dump -Fc');
unlike(slurp_file("$dir/plain.sql"), qr/^(?:COPY|INSERT INTO) (?:private\.availability_cache|availability_cache\.invalidation)/m, 'no row of the table tier is in it');
$p->run('SELECT t.book(1, 0, 20)');
for my $how ('plain', 'custom')
{
	$p->run("CREATE DATABASE $how");
	$p->run(sprintf $inline, $how);
	$pub->command_ok(
		$how eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", $pub->connstr($how) ]
		: [ 'pg_restore', '--exit-on-error', '-d', $pub->connstr($how), "$dir/custom.dump" ],
		"$how: restored");
	my $r = session($pub, $how);
	is($r->run($own), '0|1', "$how: no rows, one since");
	is($r->run('SELECT t.look(1, 1, 0)'), 'bbbaab' . 'a' x 18, "$how: the bookings as they were dumped");
	ok(fill($r), "$how: it fills its own table");
	$r->run('SELECT t.book(1, 1, 3)');
	is($r->run('SELECT t.look(1, 1, 1)'), 'aaab' . 'a' x 20, "$how: a booking is seen");
	exact_everywhere($r, 7, "$how: everything is exact");
	$r->quit;
}

# ---- CREATE DATABASE … TEMPLATE ----

sub distrusted { my ($x) = @_; return $x->run('SELECT last_value FROM availability_cache.distrusted'); }

# With a trace of every booking, and with one that only the sequence of last resort knows of.
for my $recorded (1, 0)
{
	my $db = $recorded ? 'copy' : 'copy_distrusted';
	my $locker = session($pub, 'salon');

	ok(fill($p), 'rows to be copied');
	my $look = $p->run('SELECT t.statuses(t.v1(4, 1, 0))');
	my $distrusted = distrusted($p);
	$locker->run(join '', 'BEGIN;', map { "LOCK TABLE $_;" } 'private.availability_cache', $recorded ? () : ('availability_cache.invalidation', 'availability_cache.invalidation_since'));
	$p->run('SELECT t.book(4, 0, ' . (10 + $recorded) . ')');
	$locker->run('ROLLBACK');
	is(distrusted($p) > $distrusted ? 1 : 0, 1 - $recorded, "$db: the original's sequence");
	$_->quit for $p, $locker;
	$p = session($pub, 'postgres');
	$p->run("CREATE DATABASE $db TEMPLATE salon");
	$p->run(sprintf $inline, $db);
	$p->quit;
	my $c = session($pub, $db);
	is($c->run('SELECT count(*) FROM private.availability_cache'), $all, "$db: the rows are copied");
	substr($look, 10 + $recorded, 1) = 'b';
	is($c->run('SELECT t.look(4, 1, 0)'), $look, "$db: the booking is not missed");
	exact_everywhere($c, 3, "$db: everything is exact");
	$c->quit;
	$p = session($pub, 'salon');
}

# ---- a standby, and a base backup ----

ok(fill($p), 'rows on the primary');
$pub->backup('base');
my $standby = new_node('standby', from => [ $pub, 'base' ]);
sub replayed { $pub->wait_for_catchup($standby, 'replay', $pub->lsn('flush')); return; }
replayed();
$s = session($standby, 'salon');
is(table_hits($s), $all, 'a standby answers from the table');
$p->run('SELECT t.book(1, 1, 7)');
replayed();
is($s->run('SELECT t.look(1, 1, 1)'), 'aaaaaaab' . 'a' x 16, 'it has what was booked since');
exact_everywhere($s, 7, 'and is exact');
# Neither the trace nor the loss of trust can be written; the lock is one that a standby does not know of.
$p->run('SELECT t.look(1, 1, 1)');
ok(fill($p), 'rows again');
replayed();
my $locker = session($pub, 'salon');
$locker->run('BEGIN; LOCK TABLE private.availability_cache, availability_cache.invalidation, availability_cache.invalidation_since IN EXCLUSIVE MODE');
$p->run('SELECT t.book(1, 1, 8)');
replayed();
is($s->run('SELECT t.look(1, 1, 1)'), 'aaaaaaabb' . 'a' x 15, 'a booking that could not be recorded is not missed by a standby');
$locker->run('ROLLBACK');
$p->run('SELECT availability_cache.clean()') for 1 .. 2;
replayed();
exact_everywhere($s, 7, 'after the next cleaning a standby is exact again');
$_->quit for $s, $locker;
$standby->stop;

# A copy that starts by itself: the original goes its own way, and so does the copy.
ok(fill($p), 'rows to be copied');
$pub->backup('split');
$p->run('SELECT t.book(2, 1, 0)');
my $copy = PostgreSQL::Test::Cluster->new('copy', install_path => dirname($ENV{AC_BIN}));
$copy->init_from_backup($pub, 'split');
$copy->start;
$p->run('SELECT t.book(2, 1, 1)');
my $c = session($copy, 'salon');
my $slots = $c->run('SELECT t.statuses(t.v1(2, 1, 1))');
like($slots, qr/^aa/, 'the copy has no booking that came after it');
is($c->run('SELECT t.look(2, 1, 1)'), $slots, 'and answers without');
is($c->run('SELECT t.hit(3, 1, 1)'), 't', 'from the rows it came with');
is(stat_of($c, 'table_hits'), 2, 'in its table');
$c->run('SELECT t.book(3, 1, 2), t.book(2, 1, 2)');
$c->run('SELECT t.look(3, 1, 1)');
$c->quit;
$copy->restart;
$c = session($copy, 'salon');
is($c->run('SELECT t.look(2, 1, 1), t.look(3, 1, 1)'), 'aab' . 'a' x 21 . '|aab' . 'a' x 21, 'it has its own bookings');
exact_everywhere($c, 7, 'the copy is exact');
exact_everywhere($p, 7, 'so is the original');
is($p->run('SELECT t.look(2, 1, 1)'), 'bb' . 'a' x 22, 'with its own');
ok(fill($c), 'the copy goes on writing rows');
$c->quit;
$copy->stop;

# A standby that is promoted while the original goes on.
ok(fill($p), 'rows to be replayed');
$standby->start;
replayed();
$standby->promote;
$s = session($standby, 'salon');
$p->run('SELECT t.book(4, 1, 0)');
is(table_hits($s), $all, 'promoted: it answers from the rows it came with');
$s->run('SELECT t.book(4, 1, 1)');
$s->quit;
$standby->restart;
$s = session($standby, 'salon');
is($s->run('SELECT t.look(4, 1, 1)'), 'ab' . 'a' x 22, 'its own booking, not the original\'s');
is($p->run('SELECT t.look(4, 1, 1)'), 'b' . 'a' x 23, 'and the other way round');
exact_everywhere($s, 7, 'the promoted one is exact');
exact_everywhere($p, 7, 'the original is exact');
ok(fill($s), 'it writes rows of its own');
$s->quit;
$standby->stop;

# ---- off, inline, background, off ----

sub switch
{
	my ($tier) = @_;
	$p->quit;
	$pub->safe_psql('postgres', "ALTER DATABASE salon SET availability_cache.table_tier = $tier");
	$p = session($pub, 'salon');
	return;
}

sub restart_and_look
{
	my ($name) = @_;
	$p->quit;
	$pub->restart;
	$p = session($pub, 'salon');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return exact_everywhere($p, 3, "$name: after a restart everything is exact");
}

$p->run('TRUNCATE bookings');
ok(fill($p), 'inline: rows');
switch('off');
my $logged = log_of($p);
my $wrote = stat_of($p, 'table_invalidations');
$p->run('SELECT t.book(1, 0, 0)');
is($p->run('SELECT count(*) FROM availability_cache.invalidation_since'), 0, 'off: the first booking takes the since row away');
$p->run("SELECT t.book(1, 0, $_), t.look(1, 1, 0)") for 1 .. 5;
is(log_of($p), $logged, 'off: no booking adds a trace');
is(stat_of($p, 'table_invalidations'), $wrote, 'off: nor counts one');
is($p->run('SELECT t.book(1, 0, 6); SELECT count(*) FROM availability_cache.invalidation_since'), "\n0", 'off: it stays so');
is($p->run(<<'EOC'), 0, 'off: a booking writes to no table of the tier');
SELECT pg_stat_force_next_flush() \g /dev/null
BEGIN;
SELECT t.book(1, 0, 7) \g /dev/null
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables
 WHERE relid IN ('private.availability_cache'::regclass, 'availability_cache.invalidation'::regclass, 'availability_cache.invalidation_since'::regclass);
COMMIT;
EOC
my @booked = (0 .. 7);
for my $tier ('inline', 'background', 'off', 'background', 'inline', 'off')
{
	switch($tier);
	is($p->run('SELECT t.look(1, 1, 0)'), 'b' x @booked . 'a' x (24 - @booked), "to $tier: nothing is missed");
	ask($p);
	if ($tier ne 'off')
	{
		ok(fill($p), "$tier: rows");
	}
	push @booked, scalar @booked;
	$p->run("SELECT t.book(1, 0, $booked[-1])");
	restart_and_look($tier);
	push @booked, scalar @booked;
	$p->run("SELECT t.book(1, 0, $booked[-1])");
}
# A session that has not heard of it yet.
switch('off');
my $old = session($pub, 'salon');
$old->run("BEGIN; SELECT t.book(2, 0, 0)");
switch('inline');
ask($p) for 1 .. 4;
$old->run('COMMIT');
restart_and_look('off, with an open transaction, then inline');
$old->quit;
$old = session($pub, 'salon', 'availability_cache.table_tier' => 'off');
ok(fill($p), 'rows');
$old->run('SELECT t.book(2, 0, 1)');
restart_and_look('a booking of a session where it is off');
$_->quit for $p, $old;
$pub->stop;
done_testing();
