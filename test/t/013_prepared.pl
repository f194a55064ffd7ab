# PREPARE TRANSACTION in one session and COMMIT PREPARED or ROLLBACK PREPARED in another, now, after a
# restart, after a crash and after too many changes: while it is prepared nobody keeps what it will change,
# afterwards answers are exact at once and come from memory again; a PREPARE that fails leaves nothing pending
# (G1, G6).
#
# Shown to fail with, in src/: XACT_EVENT_PREPARE that ends the cells; compute_and_keep without prepared_sweep
# (no hits again); prepared_sweep that goes by TransactionIdIsInProgress alone (DDL); prepared_shmem_init that
# starts with known = 1 (restart); append that drops what is beyond SLOT_CELLS; changes_touch that drops what
# is beyond MAX_TOUCHED; prepared_drop that does not look at the xid; look_for_prepared as the caller.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('prepared', conf => <<'EOC');
max_prepared_transactions = 5
max_locks_per_transaction = 2000
EOC
make_salon($node, $_) for qw(salon other);
my ($w, $r, $o) = (session($node, 'salon'), session($node, 'salon'), session($node, 'other'));

sub look { my ($s, $d) = @_; return $s->run("SELECT t.look(1, 1, $d)"); }
sub hit { my ($s, $d) = @_; return $s->run("SELECT t.hit(1, 1, $d)"); }

# What holds while a transaction that books slot n of day 0 is prepared, and what when it is resolved.
sub is_prepared
{
	my ($name, $before, $other_days_hit) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $bypasses = stat_of($r, 'bypass_pending');

	is(look($r, 0), $before, "$name: not seen");
	is(hit($r, 0), 'f', "$name: computed");
	is(hit($r, 0), 'f', "$name: and never kept");
	cmp_ok(stat_of($r, 'bypass_pending'), '>=', $bypasses + 3, "$name: bypass_pending counts");
	cmp_ok(stat_of($r, 'cells_pending'), '>', 0, "$name: cells are pending");
	hit($r, 6);
	is(hit($r, 6), $other_days_hit ? 't' : 'f', "$name: another day is " . ($other_days_hit ? 'a hit' : 'computed too'));
	hit($o, 0);
	is(hit($o, 0), 't', "$name: another database has hits");
	return;
}

sub is_resolved
{
	my ($name, $after) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(look($r, 0), $after, "$name: exact at once");
	is(hit($r, 0), 't', "$name: a hit again");
	exact_everywhere($r, 7, "$name: everything is exact");
	nothing_pending($r, "$name: no cell is pending");
	return;
}

# ---- in one life of the server ----

is(look($r, 0), 'a' x 24, 'an empty day');
$w->run("BEGIN; SELECT t.book(1, 0, 0); PREPARE TRANSACTION 'one'");
is_prepared('prepared', 'a' x 24, 1);
is(look($w, 0), 'a' x 24, 'its own session no longer sees it either');
$o->run('SELECT 1');
$r->run("COMMIT PREPARED 'one'");
is_resolved('committed by another session', 'b' . 'a' x 23);

$w->run("BEGIN; SELECT t.book(1, 0, 1); PREPARE TRANSACTION 'two'");
is_prepared('prepared again', 'b' . 'a' x 23, 1);
$r->run("ROLLBACK PREPARED 'two'");
is_resolved('rolled back by another session', 'b' . 'a' x 23);

# Its session is gone, and was given to somebody else.
$w->run("BEGIN; SELECT t.book(1, 0, 1); PREPARE TRANSACTION 'three'");
$w->quit;
$w = session($node, 'salon');
is_prepared('its session gone', 'b' . 'a' x 23, 1);
$w->run("COMMIT PREPARED 'three'");
is_resolved('committed by a newer session', 'bb' . 'a' x 22);

# REPEATABLE READ: a snapshot from before COMMIT PREPARED.
$w->run("BEGIN; SELECT t.book(1, 0, 2); PREPARE TRANSACTION 'snapshot'");
my $old = session($node, 'salon');
$old->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$w->run("COMMIT PREPARED 'snapshot'");
is(look($r, 0), 'bbb' . 'a' x 21, 'new snapshots have it');
is(look($old, 0), 'bb' . 'a' x 22, 'an old one does not');
$old->run('COMMIT');
is_resolved('afterwards', 'bbb' . 'a' x 21);

# Several at once, resolved in another order.
$w->run("BEGIN; SELECT t.book(1, 0, @{[ $_ + 3 ]}); PREPARE TRANSACTION 'n$_'") for 0 .. 4;
is($w->fails("BEGIN; SELECT t.book(1, 5, 0); PREPARE TRANSACTION 'n5'"), '53200', 'as many as can be, and one more');
is(look($r, 5), 'a' x 24, 'which rolled back');
is(hit($r, 5), 't', 'and left nothing pending');
$r->run("COMMIT PREPARED 'n$_'") for 3, 1;
$r->run("ROLLBACK PREPARED 'n$_'") for 4, 0;
is(look($r, 0), 'bbbababaaaaaaaaaaaaaaaaa', 'two committed, two rolled back, one still prepared');
is(hit($r, 0), 'f', 'which keeps the day from memory');
$r->run("ROLLBACK PREPARED 'n2'");
is_resolved('all resolved', 'bbbababaaaaaaaaaaaaaaaaa');
$r->run('DELETE FROM bookings');

# More days than a slot holds, and more than a transaction remembers one by one. The day that is looked at
# comes last.
for my $n (100, 3000, 20000)
{
	my $book = "BEGIN; SELECT count(t.book(s, d, 7)) FROM (SELECT s, d FROM generate_series(1, 4) s,
		generate_series(0, $n / 4 - 1) d ORDER BY d DESC, s DESC) x";

	$r->run("SELECT t.v2(1, 1, 0)");
	$w->run("$book; COMMIT");
	is_resolved("$n days, just committed", 'aaaaaaabaaaaaaaaaaaaaaaa');
	$r->run('TRUNCATE bookings');

	$r->run("SELECT t.hit(1, 1, 0), t.hit(1, 1, 6)");
	$w->run("$book; PREPARE TRANSACTION 'many'");
	is_prepared("$n days", 'a' x 24, 0);
	$r->run("COMMIT PREPARED 'many'");
	is_resolved("$n days", 'aaaaaaabaaaaaaaaaaaaaaaa');
	$r->run('TRUNCATE bookings');
}

# ---- a PREPARE that fails ----

$w->run("BEGIN; SELECT t.book(2, 0, 0); PREPARE TRANSACTION 'taken'");
my %failing = (
	'the same gid twice'       => [ "PREPARE TRANSACTION 'taken'",                                          '42710' ],
	'after LISTEN'             => [ "LISTEN x; PREPARE TRANSACTION 'new'",                                  '0A000' ],
	'after NOTIFY'             => [ "NOTIFY x; PREPARE TRANSACTION 'new'",                                  '0A000' ],
	'with a temporary table'   => [ "CREATE TEMP TABLE x (); SELECT FROM x; PREPARE TRANSACTION 'new'",      '0A000' ],
	'with an exported snapshot' => [ "SELECT pg_export_snapshot(); PREPARE TRANSACTION 'new'",               '0A000' ],
	'with a long gid'          => [ "PREPARE TRANSACTION '" . 'x' x 250 . "'",                              '22023' ]);
hit($r, 0);
for my $name (sort keys %failing)
{
	my ($sql, $code) = @{ $failing{$name} };
	my $pending = stat_of($r, 'cells_pending');

	is($w->fails("BEGIN; SELECT t.book(1, 0, 9); $sql"), $code, "PREPARE fails: $name");
	is(stat_of($r, 'cells_pending'), $pending, "$name: nothing more is pending");
	is(look($r, 0), 'a' x 24, "$name: exact");
	is(hit($r, 0), 't', "$name: a hit");
}
$r->run("ROLLBACK PREPARED 'taken'");
is_resolved('after all these', 'a' x 24);

# One fails and is slow to leave, for the locks it has; readers find it gone and free its place; another that
# is prepared then may take it, and must keep it. Chance: the readers have to be there in time.
my $fail = session($node, 'salon');
$r->run("BEGIN; SELECT t.book(3, 0, 0); PREPARE TRANSACTION 'taken'");
my $lost = 0;
for my $try (1 .. 12)
{
	$fail->run('BEGIN; SELECT t.book(2, 0, 1)');
	$fail->run('SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 100000) i');
	$w->run('BEGIN; SELECT t.book(1, 0, 1)');
	$fail->send("PREPARE TRANSACTION 'taken'");
	# v2 of the failing one's day, until its booking is known to be gone: then it has been swept.
	$r->run("SELECT t.v2(2, 1, 0)") for 1 .. $try;
	$w->run("PREPARE TRANSACTION 'kept'");
	$fail->result;
	$lost++ if hit($r, 0) eq 't' || hit($r, 0) eq 't';
	$w->run("ROLLBACK PREPARED 'kept'");
}
is($lost, 0, 'a PREPARE that fails frees only its own place');
$r->run("ROLLBACK PREPARED 'taken'");
is_resolved('after that', 'a' x 24);
$fail->quit;

# ---- a prepared transaction with DDL ----

# It is visible some time before other sessions hear of its DDL: here, while it removes the files of tables it
# dropped.
$r->run('SELECT t.v2(1, 1, 0)');
$w->run(<<'EOC');
SELECT format('CREATE TABLE t.y%s ()', n) FROM generate_series(1, 1000) n \gexec
BEGIN;
ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking;
SELECT format('DROP TABLE %s', string_agg('t.y' || n, ', ')) FROM generate_series(1, 1000) n \gexec
PREPARE TRANSACTION 'ddl';
EOC
$r->run('SELECT t.v2(1, 1, 0)');
$r->send('DO $$ BEGIN FOR i IN 1 .. 2000 LOOP PERFORM t.v2(1, 1, 0); COMMIT; END LOOP; END $$');
$w->run("COMMIT PREPARED 'ddl'");
$r->result;
is(hit($r, 0), 'f', 'a trigger disabled by a prepared transaction: nothing is kept once it is committed');
$w->run('SELECT t.book(1, 0, 3)');
is(look($r, 0), 'aaab' . 'a' x 20, 'and answers are exact');
$w->run('ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking; TRUNCATE bookings');
is_resolved('enabled again', 'a' x 24);

# ---- across a restart, and a crash ----

for my $how (qw(fast immediate))
{
	my $name = $how eq 'fast' ? 'restart' : 'crash';

	$w->run("BEGIN; SELECT t.book(1, 0, 4); PREPARE TRANSACTION 'a'");
	$w->run("BEGIN; SELECT t.book(1, 0, 5); PREPARE TRANSACTION 'b'");
	$node->stop($how);
	$_->quit for $w, $r, $o, $old;
	$node->start;
	($w, $r, $o) = (session($node, 'salon'), session($node, 'salon'), session($node, 'other'));
	is_prepared("$name, two prepared", 'a' x 24, 0);
	$r->run("COMMIT PREPARED 'a'");
	is(look($r, 0), 'aaaab' . 'a' x 19, "$name: the first is committed");
	is_prepared("$name, one prepared", 'aaaab' . 'a' x 19, 0);
	$r->run("ROLLBACK PREPARED 'b'");
	is_resolved("$name, resolved", 'aaaab' . 'a' x 19);
	$r->run('TRUNCATE bookings');
}

# One prepared before anybody asked anything, since the start.
$_->quit for $w, $r, $o;
$node->restart;
($w, $r, $o) = (session($node, 'salon'), session($node, 'salon'), session($node, 'other'));
$w->run("BEGIN; SELECT t.book(1, 0, 4); PREPARE TRANSACTION 'early'");
is_prepared('prepared before the first read', 'a' x 24, 1);
$r->run("COMMIT PREPARED 'early'");
is_resolved('prepared before the first read', 'aaaab' . 'a' x 19);

# Looked for by one who may not call pg_prepared_xact().
$w->run("BEGIN; SELECT t.book(1, 0, 6); PREPARE TRANSACTION 'before'");
$w->run('CREATE ROLE asker; GRANT USAGE ON SCHEMA t TO asker; REVOKE EXECUTE ON FUNCTION pg_prepared_xact() FROM PUBLIC');
$_->quit for $w, $r, $o;
$node->restart;
($w, $r, $o) = (session($node, 'salon'), session($node, 'salon'), session($node, 'other'));
$w->run('SET ROLE asker');
is($w->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|f', 'restart, then asked by who may not look: computed');
is(stat_of($r, 'bypass_pending') > 0, 1, 'as a change is under way');
$r->run("COMMIT PREPARED 'before'");
is($w->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|t', 'and kept when it is over');

# ---- no prepared transactions at all ----

$_->quit for $w, $r, $o;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 0');
$node->restart;
($w, $r) = (session($node, 'salon'), session($node, 'salon'));
hit($r, 0);
is(hit($r, 0), 't', 'max_prepared_transactions = 0: hits');
is($w->fails("BEGIN; SELECT t.book(1, 0, 6); PREPARE TRANSACTION 'no'"), '55000', 'PREPARE is refused');
is(hit($r, 0), 'f', 'as its cells were ended');
is_resolved('max_prepared_transactions = 0', 'aaaaba' . 'b' . 'a' x 17);
$_->quit for $w, $r;
$node->stop;
done_testing();
