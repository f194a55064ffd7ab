# The table tier, one thing at a time: what leaves traces and what does not (rollback, savepoints, prepared
# transactions, bulk writes), what a transaction sees of its own, what is gone from the table after a commit,
# restart and crash, rows that somebody changed by hand, failures that go unrecorded, and the moments at which
# the protocol of src/table/trust.c could go wrong. What waits for whom is in
# test/specs/iso_table_writers.spec.
#
# Shown to fail with, in src/: handle_subtransaction that keeps what a rolled back savepoint touched, or
# forgets what a released one did; touch that is satisfied by any tag; delete_rows that deletes every day;
# touch_change without the OLD row; seen_snapshot without the own xid, or whose short form keeps xmax;
# checksum without the tags, or without the snapshot; trust_row without tier_sequence_read; forget_relation
# that forgets nothing, or is not called for schemas; answer_fresh that does not compute again what was
# overtaken by a message; tier_delete without a snapshot (where the server checks assertions).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my ($node, $m, $w, $r);

sub sessions_of
{
	($m, $w, $r) = map { session($node, 'salon') } 1 .. 3;
	return;
}

sub traces { return $m->run("SELECT count(*) FROM availability_cache.invalidation WHERE xid >= '$_[0]'"); }
sub next_xid { return $m->run('SELECT pg_snapshot_xmax(pg_current_snapshot())'); }

sub rows
{
	my ($s, $d) = @_;
	return $m->run("SELECT count(*) FROM private.availability_cache"
		  . " WHERE (stylist_user_id, service_id, cache_date, customer_timezone) = (t.stylist($s), t.service(1), t.day($d), '')");
}

# Rows of these days, for every stylist and service 1.
sub fill
{
	my ($days) = @_;
	$m->run("SELECT t.v2($_ % 8 + 1, 1, $_ / 8)") for 0 .. 8 * $days - 1;
	return;
}

# Asks for a day, and while this computes (and waits for a table) the definition of another that it has read
# is touched.
sub ask_during_message
{
	my ($s, $d) = @_;
	my $blocker = session($node, 'salon');

	$m->run("SELECT t.v2($s, 1, $d + 1)");
	$blocker->run('BEGIN; LOCK TABLE booking_reservations IN ACCESS EXCLUSIVE MODE');
	$r->send("SELECT t.hit($s, 1, $d)");
	ok(wait_until(sub { $m->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $r->pid) > 0 }, 'the reader to wait'),
		'an answer is being computed');
	$m->run('ALTER TABLE bookings SET (autovacuum_enabled = on)');
	$blocker->run('ROLLBACK');
	$blocker->quit;
	return $r->result;
}

# ---- without preload: a hit is one of the table ----

$node = new_node('tier', preload => 0, conf => <<'EOC');
max_prepared_transactions = 80
availability_cache.table_tier = inline
EOC
make_salon($node, 'salon', stylists => 8, services => 3, days => 7);
sessions_of();
fill(4);
is($m->run('SELECT t.hit(1, 1, 0), t.hit(8, 1, 3)'), 't|t', 'a second call is a hit');

is(ask_during_message(1, 10), 'f', 'a message comes meanwhile');
is($m->run('SELECT t.hit(1, 1, 10)'), 't', 'and the answer is kept all the same');

# Rolled back writers leave nothing, and cost nothing.
my $from = next_xid();
$w->run('BEGIN; SELECT t.book(1, 0, 3); ROLLBACK');
is(traces($from), 0, 'ROLLBACK: no trace');
is($m->run('SELECT t.hit(1, 1, 0)'), 't', 'and still a hit');
$w->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 0, 3); SAVEPOINT b; SELECT t.book(2, 0, 3); RELEASE b; ROLLBACK TO a; COMMIT');
is(traces($from), 0, 'ROLLBACK TO SAVEPOINT: no trace');
is($m->run('SELECT t.hit(1, 1, 0), t.hit(2, 1, 0)'), 't|t', 'and still hits');
$w->run("BEGIN; SELECT t.book(1, 0, 3); PREPARE TRANSACTION 'a'");
is($m->run('SELECT t.hit(1, 1, 0), t.exact(1, 1, 0)'), 't|t', 'PREPARE: not yet seen, still a hit');
$m->run("ROLLBACK PREPARED 'a'");
is(traces($from), 0, 'ROLLBACK PREPARED: no trace');
is($m->run('SELECT t.hit(1, 1, 0), t.exact(1, 1, 0)'), 't|t', 'and still a hit');
$w->fails('INSERT INTO bookings SELECT (SELECT b FROM (SELECT t.book(1, 0, 3)) b) IS NULL, 1/0');
is($w->fails("DO 'BEGIN PERFORM t.book(1, 0, 3); PERFORM 1/0; END'"), '22012', 'a statement that fails');
is(traces($from), 0, 'no trace');

# A savepoint rolled back, then the same again: the second one needs a trace of its own.
$w->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 0, 3); ROLLBACK TO a; SELECT t.book(1, 0, 3); COMMIT');
is(traces($from), 1, 'after a rolled back savepoint the same booking leaves its trace');
is($m->run('SELECT t.look(1, 1, 0)'), 'aaab' . 'a' x 20, 'and is seen');
$w->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 0, 4); RELEASE a; SAVEPOINT b; SELECT t.book(1, 0, 5); ROLLBACK TO b; COMMIT');
is(traces($from), 2, 'a released savepoint covers what comes after');
is($m->run('SELECT t.look(1, 1, 0)'), 'aaabb' . 'a' x 19, 'seen');
$w->run("BEGIN; SELECT t.book(1, 0, 6); PREPARE TRANSACTION 'a'");
$m->run("SELECT t.v2(1, 1, 0); COMMIT PREPARED 'a'");
is($m->run('SELECT t.look(1, 1, 0)'), 'aaabbab' . 'a' x 17, 'COMMIT PREPARED is seen');
exact_everywhere($m, 4, 'everything is exact');

# Own changes, and nobody else's eyes.
fill(4);
$w->run('BEGIN; SELECT t.book(2, 1, 3)');
is($w->run('SELECT t.look(2, 1, 1), t.hit(2, 1, 1)'), 'aaab' . 'a' x 20 . '|f', 'a transaction sees its own booking');
is($r->run('SELECT t.look(2, 1, 1), t.hit(2, 1, 1)'), 'a' x 24 . '|t', 'no other does');
$w->run('ROLLBACK');
$w->run('BEGIN; SELECT t.v2(2, 1, 1); SELECT t.book(2, 1, 3)');
is($w->run('SELECT t.look(2, 1, 1)'), 'aaab' . 'a' x 20, 'also if it had a hit before');
$w->run('ROLLBACK; BEGIN; SELECT t.v2(2, 1, 5), t.v2(2, 1, 6); SELECT t.book(2, 1, 3), t.book(2, 5, 3)');
is($w->run('SELECT t.look(2, 1, 1), t.look(2, 1, 5)'), 'aaab' . 'a' x 20 . '|aaab' . 'a' x 20, 'also if it had stored an answer before');
$w->run('COMMIT');
is($r->run('SELECT t.look(2, 1, 1), t.look(2, 1, 5)'), 'aaab' . 'a' x 20 . '|aaab' . 'a' x 20, 'and so do others then');
is($w->run('BEGIN; INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)'
	  . ' VALUES (t.stylist(2), t.service(1), t.at(2, 0), t.at(2, 1)) RETURNING t.look(2, 1, 2); COMMIT') =~ /^[ab]/ ? $w->run('SELECT t.exact(2, 1, 2)') : '',
	't', 'INSERT … RETURNING v2 keeps nothing wrong');

# What a transaction stores must not know of what it does afterwards, though its own xid never runs for
# pg_current_snapshot().
for my $change (
	[ 'a service',   'UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(1)' ],
	[ 'the rules',   q{UPDATE availability_cache.rules SET display_format = 'HH12:MI'} ],
	[ 'many',        'SELECT t.book(s, 5, 7) FROM generate_series(40, 3, -1) s' ],
	[ 'an override', q{INSERT INTO schedule_overrides (override_date, is_closed) VALUES (t.day(5), true)} ])
{
	$m->run('SELECT availability_cache.flush()');
	$w->run('BEGIN; SELECT t.v2(3, 1, 6)');
	$r->run('SELECT pg_current_xact_id()');
	$w->run('SELECT t.v2(3, 1, 5)');
	$w->run("$change->[1]; COMMIT");
	is($r->run('SELECT t.exact(3, 1, 5), t.exact(3, 1, 6)'), 't|t', "two answers stored, then $change->[0] changed");
}
$m->run(q{TRUNCATE bookings; DELETE FROM schedule_overrides; UPDATE availability_cache.rules SET display_format = 'HH24:MI'});

# Bulk writes. 34 days: a booking late in the day in Kathmandu lies on one UTC day.
my $book_many = 'INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)'
  . ' SELECT %s, t.service(1), t.at(d, n), t.at(d, n + 1)';
$from = next_xid();
$w->run(sprintf "$book_many FROM generate_series(0, 29) d, generate_series(0, 33) n", 't.stylist(1)');
cmp_ok(traces($from), '<=', 31, 'about 1,000 bookings of a stylist over 30 days: a trace a day');
exact_everywhere($m, 7, 'and everything is exact');
fill(4);
$from = next_xid();
$w->run(sprintf "$book_many FROM generate_series(1, 100) s, generate_series(0, 4) d, generate_series(0, 3) n", 't.stylist(s)');
is(traces($from), 500, '2,000 bookings of 100 stylists on 5 days: 500 traces');
exact_everywhere($m, 7, 'and everything is exact');
$w->run('DELETE FROM bookings');
exact_everywhere($m, 7, 'so it is when all are deleted at once');
fill(4);
$from = next_xid();
$w->run("SELECT t.book(1, d, 0, 'cancelled') FROM generate_series(0, 29) d");
$w->run('BEGIN; SELECT t.book(1, 0, 0); SELECT t.book(1, 6, 0); SELECT t.book(1, 3, 0); SELECT t.book(1, 5, 0); SELECT t.book(1, 1, 0); COMMIT');
exact_everywhere($m, 7, 'a few days of a stylist, here and there');
$w->run('TRUNCATE bookings');
exact_everywhere($m, 7, 'TRUNCATE');

# What is gone from the table after a commit, and what stays.
fill(4);
$w->run('BEGIN; SELECT t.book(3, 1, 3)');
is(rows(3, 1), 1, 'before the commit the row is there');
$w->run('COMMIT');
is(join('|', rows(3, 1), rows(3, 3), rows(4, 1)), '0|1|1', 'after it the row is gone; those of another day and stylist stay');
is($m->run('SELECT t.hit(3, 1, 3), t.hit(4, 1, 1), t.hit(3, 1, 1)'), 't|t|f', 'which hits show too');
fill(4);
$w->run(q{UPDATE bookings SET stylist_user_id = t.stylist(4), start_time = start_time + interval '2 days', end_time = end_time + interval '2 days'});
is(join('|', rows(3, 1), rows(4, 3), rows(3, 3), rows(4, 1)), '0|0|1|1', 'UPDATE: the old and the new stylist and day');

# ---- moments at which the protocol could go wrong ----

# Sessions that do not use the tier take the trust away, wherever their transaction ends.
my $off = session($node, 'salon', 'availability_cache.table_tier' => 'off');
sub since { return $m->run('SELECT count(*) FROM availability_cache.invalidation_since'); }
fill(4);
$off->run('BEGIN; SELECT t.book(1, 1, 5)');
is($m->run('SELECT t.hit(1, 1, 1)'), 't', 'a writer with the tier off, open: still a hit');
$w->run('SELECT t.book(1, 2, 5)');
$off->run('ROLLBACK');
is(since(), 1, 'rolled back: traces are still complete');
is($m->run('SELECT t.exact(1, 1, 1), t.exact(1, 1, 2)'), 't|t', 'and all is exact, also what was written meanwhile');
$off->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 1, 5); ROLLBACK TO a; SELECT t.book(1, 3, 5); COMMIT');
is(since(), 0, 'after a rolled back savepoint it is taken away again');
is($m->run('SELECT t.exact(1, 1, 3)'), 't', 'exact');

# Two at once: the second finds the row taken, and leaves a trace instead; neither waits.
sub begin_again { $m->run("SELECT t.v2(8, 1, $_)") for 100 .. 103; $m->run('SELECT availability_cache.invalidate(t.stylist(8))'); return; }
begin_again();
is(since(), 1, 'some misses later the tier is in use again');
fill(4);
my $off2 = session($node, 'salon', 'availability_cache.table_tier' => 'off');
$off->run('BEGIN; SELECT t.book(1, 0, 7)');
$off2->run('SELECT t.book(2, 0, 7)');
is($m->run('SELECT t.look(2, 1, 0)') =~ /^.{7}b/ ? 1 : 0, 1, 'two writers with the tier off at once: the one that committed is seen');
$off->run('ROLLBACK');
is($m->run('SELECT t.exact(1, 1, 0), t.exact(2, 1, 0)'), 't|t', 'also after the other is rolled back');
$off->run('BEGIN; SELECT t.book(1, 0, 8)');
$off2->run('BEGIN; SELECT t.book(2, 0, 8)');
$off->run('COMMIT');
begin_again();
fill(4);
$off2->run('COMMIT');
is($m->run('SELECT t.exact(1, 1, 0), t.exact(2, 1, 0)'), 't|t', 'both commit, the tier begins again in between');

# A writer that looked before the tier began, at each step, and one that decides with the tier off and goes on
# with it on.
for my $steps (0 .. 3)
{
	$off->run('SELECT t.book(5, 0, 1)');
	$w->run('BEGIN; SELECT t.book(6, 1, 2)') if $steps == 0;
	for my $step (1 .. 4)
	{
		$m->run("SELECT t.v2(7, 1, 20 + 10 * $steps + $step)");
		$w->run('BEGIN; SELECT t.book(6, 1, 2)') if $step == $steps;
		$r->run('SELECT t.v2(6, 1, 1)');
	}
	$w->run("SET LOCAL availability_cache.table_tier = off; SELECT t.book(6, 2, $steps); SET LOCAL availability_cache.table_tier = inline; SELECT t.book(6, 3, $steps)");
	$r->run('SELECT t.v2(6, 1, 1), t.v2(6, 1, 2), t.v2(6, 1, 3)');
	$w->run('COMMIT');
	is($r->run('SELECT t.exact(6, 1, 1), t.exact(6, 1, 2), t.exact(6, 1, 3)'), 't|t|t', "a writer that looked after step $steps");
}

# Cleaning beside old snapshots: whoever has one still finds what it needs, and never more.
fill(4);
my $old = session($node, 'salon');
$old->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT t.v1(1, 1, 1)');
my $before = $old->run('SELECT t.look(3, 1, 2)');
$w->run('SELECT t.book(3, 2, 10)');
$r->run('SELECT t.v2(3, 1, 2)');
$m->run('SELECT availability_cache.clean()') for 1 .. 2;
is($old->run('SELECT t.look(3, 1, 2), t.exact(3, 1, 2), t.exact(4, 1, 2)'), "$before|t|t", 'REPEATABLE READ after a booking and two cleanings');
is($r->run('SELECT t.exact(3, 1, 2)'), 't', 'others are exact');
$old->run('COMMIT');
is($old->run('SELECT t.exact(3, 1, 2)'), 't', 'and so is it then');

# A long transaction holds back the xmin of rows; a clean in between; a writer older than all of it.
$old->run('BEGIN; SELECT pg_current_xact_id()');
$r->run('SELECT t.v2(5, 1, 1)');
$m->run('SELECT availability_cache.clean()');
$w->run('SELECT t.book(5, 1, 9)');
$m->run('SELECT availability_cache.clean()');
is($r->run('SELECT t.exact(5, 1, 1)'), 't', 'cleaning while an old transaction is open');
$old->run('SELECT t.book(5, 1, 11)');
$r->run('SELECT t.v2(5, 1, 1)');
$m->run('SELECT availability_cache.clean()');
$old->run('COMMIT');
is($r->run('SELECT t.exact(5, 1, 1)'), 't', 'and when it books and commits');

# Many transactions that are running, in any order of ending: a row does not list them, and is exact all the
# same.
$m->run("DELETE FROM private.availability_cache WHERE stylist_user_id = t.stylist(5)");
for my $n (1 .. 75)
{
	$w->run("BEGIN; SELECT " . ($n % 25 == 0 ? sprintf('t.book(5, 3, %d)', $n / 25) : 'pg_current_xact_id()') . "; PREPARE TRANSACTION 'many $n'");
}
$w->run('SELECT t.book(5, 2, 14)');
# Bookings that are under way on that day keep the row out; those of another day do not.
is($r->run('SELECT t.hit(5, 1, 4), t.hit(5, 1, 4)'), 'f|t', '75 transactions are running: rows are kept');
cmp_ok($m->run('SELECT max(length(snapshot::text)) FROM private.availability_cache WHERE stylist_user_id = t.stylist(5)'), '<', 100, 'and do not list them');
$w->run("COMMIT PREPARED 'many 50'");
is($r->run('SELECT t.exact(5, 1, 3), t.exact(5, 1, 4), t.exact(5, 1, 2)'), 't|t|t', 'one of the bookings commits');
$w->run("COMMIT PREPARED 'many $_'") for grep { $_ != 50 } 1 .. 75;
is($r->run('SELECT t.look(5, 1, 3)'), 'abbb' . 'a' x 20, 'and all of them');
exact_everywhere($m, 7, 'everything is exact');

# ---- rows changed by hand ----

fill(4);
my $where = '(stylist_user_id, cache_date) = (t.stylist(2), t.day(1))';
my %tampered = (
	available_slots => q{'[]'},
	expires_at      => q{expires_at + interval '1 year'},
	computed_at     => q{computed_at - interval '1 year'},
	answer          => 'set_byte(answer, 40, get_byte(answer, 40) # 1)',
	first_day       => 'first_day + 3',
	last_day        => 'last_day - 3',
	snapshot        => q{'4000000000:4000000000:'},
	cache_date      => 'cache_date + 30',
	service_id      => 't.service(3)',
	customer_timezone => q{'UTC'});
for my $column (sort keys %tampered)
{
	$m->run('SELECT t.v2(2, 1, 1)');
	is(rows(2, 1), 1, "$column: a row");
	$m->run("UPDATE private.availability_cache SET $column = $tampered{$column} WHERE $where");
	my $n = $column eq 'cache_date' ? 31 : 1;
	is($r->run("SELECT t.exact(2, 1, 1), t.exact(2, 1, $n), t.exact(2, 3, 1), t.v2(2, 1, 1, 'UTC') = t.v1(2, 1, 1, 'UTC')"),
		't|t|t|t', "$column changed by hand: no wrong answer");
	# The first of these deletes no row.
	$w->run('UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(1)');
	is($r->run('SELECT t.exact(2, 1, 1)'), 't', 'nor after another price');
	$w->run('SELECT t.book(2, 1, 12)');
	is($r->run('SELECT t.exact(2, 1, 1)'), 't', 'nor after a booking');
	$w->run('DELETE FROM bookings WHERE stylist_user_id = t.stylist(2) AND start_time = t.at(1, 12)');
	$m->run("DELETE FROM private.availability_cache WHERE stylist_user_id = t.stylist(2)");
}
$r->run('SELECT t.v2(2, 1, 1)');
$m->run(q{UPDATE private.availability_cache SET expires_at = now() - interval '1 s'});
is($r->run('SELECT t.hit(2, 1, 1)'), 'f', 'expires_at lowered by hand: honoured');
fill(4);
is($m->run("DELETE FROM private.availability_cache WHERE $where; SELECT t.hit(2, 1, 1); SELECT t.hit(2, 1, 1)"), "f\nt", 'DELETE by hand: a miss, then a hit');
is($m->run('TRUNCATE private.availability_cache; SELECT t.hit(2, 1, 1); SELECT t.hit(2, 1, 1)'), "f\nt", 'TRUNCATE by hand: a miss, then a hit');

# The row of one key under another; a row kept aside and put back when it is old.
my $copy = sub {
	my ($key) = @_;
	return "INSERT INTO private.availability_cache SELECT gen_random_uuid(), $key, available_slots, computed_at, expires_at,"
	  . " customer_timezone, first_day, last_day, snapshot, answer FROM private.availability_cache WHERE $where";
};
$w->run('SELECT t.book(2, 1, 20)');
$r->run('SELECT t.v2(2, 1, 1)');
$m->run('DELETE FROM private.availability_cache WHERE stylist_user_id <> t.stylist(2) OR cache_date <> t.day(1)');
$m->run($copy->($_)) for 't.stylist(3), service_id, cache_date', 'stylist_user_id, t.service(2), cache_date', 'stylist_user_id, service_id, cache_date + 1';
is($r->run('SELECT t.exact(3, 1, 1), t.exact(2, 2, 1), t.exact(2, 1, 2)'), 't|t|t', 'a row copied to another stylist, service or day: no wrong answer');
$m->run("CREATE TABLE t.kept AS SELECT * FROM private.availability_cache WHERE $where; SELECT availability_cache.clean()");
$w->run('SELECT t.book(2, 1, 21)');
$m->run('SELECT availability_cache.clean()') for 1 .. 2;
$m->run('DELETE FROM private.availability_cache; INSERT INTO private.availability_cache SELECT * FROM t.kept');
is($r->run('SELECT t.exact(2, 1, 1)'), 't', 'an old row put back after the log was cleaned: no wrong answer');
exact_everywhere($m, 7, 'everything is exact');

# Another table under the name: sessions that know the old one must notice. A new one knows only the new; and
# another price deletes no row, so that all depends on its trace.
my $dearer = 'UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(1)';
my $log = 'availability_cache.invalidation';
# A table that somebody makes under the name of ours is not ours.
$m->run(<<"EOS");
BEGIN;
ALTER TABLE $log RENAME TO before;
ALTER INDEX availability_cache.invalidation_pkey RENAME TO before_pkey;
CREATE TABLE $log (LIKE availability_cache.before INCLUDING ALL);
COMMIT;
EOS
my $new = session($node, 'salon');
$new->run('SELECT t.v2(2, 1, 1)') for 1 .. 4;
is($new->run('SELECT t.hit(2, 1, 1)'), 'f', 'another log: the tier does without');
$w->run($dearer);
is($new->run("SELECT t.exact(2, 1, 1), (SELECT count(*) FROM $log)"), 't|0', 'and exact after another price, without the new table');
$m->run("BEGIN; DROP TABLE $log; ALTER TABLE availability_cache.before RENAME TO invalidation;"
	  . ' ALTER INDEX availability_cache.before_pkey RENAME TO invalidation_pkey; COMMIT');
$r->run('SELECT t.v2(2, 1, 1)') for 1 .. 4;
ok(wait_until(sub { $r->run('SELECT t.hit(2, 1, 1)') eq 't' }, 'a hit'), 'the old log back: hits again');
$new->run($dearer);
is($r->run('SELECT t.exact(2, 1, 1)'), 't', 'and exact after another price');
$new->quit;
$m->run(<<'EOS');
BEGIN;
ALTER SCHEMA private RENAME TO before;
CREATE SCHEMA private;
CREATE TABLE private.availability_cache (LIKE before.availability_cache INCLUDING ALL);
ALTER INDEX private.availability_cache_pkey RENAME TO availability_cache_key;
COMMIT;
EOS
$r->run('SELECT t.v2(3, 1, 1)') for 1 .. 3;
my $kept = 'SELECT count(*) FROM before.availability_cache WHERE stylist_user_id = t.stylist(3) AND cache_date = t.day(1)';
is(rows(3, 1) . $m->run($kept), '01', 'another schema: rows go to the table that is ours');
$w->run('SELECT t.book(3, 1, 22)');
is($m->run($kept) . $r->run('SELECT t.exact(3, 1, 1)'), '0t', 'and a booking deletes them there');
$m->run('BEGIN; DROP SCHEMA private CASCADE; ALTER SCHEMA before RENAME TO private; COMMIT');
exact_everywhere($m, 7, 'everything is exact');

# ---- a trigger that is gone ----

$r->run('SELECT t.v2(3, 1, 2)') for 1 .. 3;
is($r->run('SELECT t.hit(3, 1, 2)'), 't', 'a row of the table');
$w->run('DROP TRIGGER trigger_invalidate_cache_on_booking ON bookings');
$w->run('SELECT t.book(3, 2, 20)');
is($r->run('SELECT t.exact(3, 1, 2)'), 't', 'is not answered once a trigger is gone');
$w->run('SELECT count(*) FROM availability_cache.attach()');

# ---- restart and crash without preload ----

fill(4);
$_->quit for $m, $w, $r, $off, $off2, $old;
$node->restart;
sessions_of();
is($r->run('SELECT t.hit(4, 1, 2), t.exact(4, 1, 2)'), 't|t', 'after a restart: a hit at once');
$w->run('SELECT t.book(4, 2, 15)');
my $open = session($node, 'salon');
$open->run('BEGIN; SELECT t.book(4, 1, 15)');
$r->run('SELECT t.v2(4, 1, 1)');
$node->stop('immediate');
$_->quit for $m, $w, $r, $open;
$node->start;
sessions_of();
is($r->run('SELECT substr(t.look(4, 1, 2), 16, 1), substr(t.look(4, 1, 1), 16, 1)'), 'b|a', 'after a crash: what was committed is there, what was open is not');
exact_everywhere($m, 7, 'after a crash everything is exact');
$_->quit for $m, $w, $r;
$node->stop;

# ---- with preload: memory and the table together ----

$node = new_node('tier_memory', conf => <<'EOC');
max_prepared_transactions = 5
availability_cache.table_tier = background
availability_cache.table_tier_retry = 1s
EOC
make_salon($node, 'salon', stylists => 8, services => 3, days => 7);
sessions_of();
sub written { my ($s, $d) = @_; return wait_until(sub { rows($s, $d) eq '1' }, "the worker to write $s, $d"); }

fill(3);
ok(written(2, 1), 'the worker writes');
ok(written(5, 2), 'everything that was asked for');
is(ask_during_message(1, 10), 'f', 'a message comes meanwhile');
is($m->run('SELECT t.hit(1, 1, 10)'), 't', 'the answer is in memory all the same');
ok(written(1, 10), 'and the worker writes it');
$_->quit for $m, $w, $r;
$node->restart;
sessions_of();
my $hits = sub { return stat_of($m, 'table_hits, hits, misses') };
is($r->run('SELECT t.hit(2, 1, 1)'), 't', 'the first call after a restart is a hit');
is($hits->(), '1|1|0', 'from the table');
is($r->run('SELECT t.hit(2, 1, 1)'), 't', 'the second');
is($hits->(), '1|2|0', 'from memory');
is($r->run("BEGIN READ ONLY; SELECT t.hit(5, 1, 2); COMMIT"), 't', 'in a READ ONLY transaction too');

# By hand: memory follows.
$m->run('DELETE FROM private.availability_cache WHERE stylist_user_id = t.stylist(2)');
is($r->run('SELECT t.hit(2, 1, 1)'), 'f', 'DELETE by hand drops the answer from memory too');
is($r->run('SELECT t.hit(2, 1, 1)'), 't', 'then a hit');
ok(written(2, 1), 'written again');
$m->run('TRUNCATE private.availability_cache');
is($r->run('SELECT t.hit(2, 1, 1), t.hit(5, 1, 2)'), 'f|f', 'TRUNCATE does too');
fill(3);
ok(written(2, 1) && written(8, 2), 'written again');
$m->run(q{UPDATE private.availability_cache SET available_slots = '[]', expires_at = expires_at + interval '1 year'});
is($r->run('SELECT t.exact(2, 1, 1), t.exact(8, 1, 2)'), 't|t', 'UPDATE by hand changes no answer');

# A crash just after bookings; prepared transactions over it.
fill(3);
$w->run("BEGIN; SELECT t.book(6, 1, 4); PREPARE TRANSACTION 'crash'");
$w->run('SELECT t.book(5, 1, 4)');
$open = session($node, 'salon');
$open->run('BEGIN; SELECT t.book(7, 1, 4)');
$node->stop('immediate');
$_->quit for $m, $w, $r, $open;
$node->start;
sessions_of();
is($r->run('SELECT t.look(5, 1, 1), t.look(6, 1, 1), t.look(7, 1, 1)'), join('|', 'aaaab' . 'a' x 19, ('a' x 24) x 2), 'after a crash nothing is outdated');
exact_everywhere($m, 3, 'everything is exact');
$m->run("COMMIT PREPARED 'crash'");
is($r->run('SELECT t.look(6, 1, 1)'), 'aaaab' . 'a' x 19, 'COMMIT PREPARED after a crash is seen');
exact_everywhere($m, 7, 'everything is exact then');

# A booking that can neither leave a trace nor stop the tier, over restarts, a crash, and a restart without
# preload.
sub unrecorded
{
	my ($d) = @_;
	my $locker = session($node, 'salon');
	$r->run("SELECT t.v2(1, 1, $d)");
	written(1, $d);
	$locker->run('BEGIN; LOCK TABLE availability_cache.invalidation, availability_cache.invalidation_since IN SHARE MODE');
	$w->run("SET availability_cache.table_tier = inline; SELECT t.book(1, $d, 2)");
	is(rows(1, $d), 1, 'a booking that could not be recorded: the row is still there');
	$locker->run('ROLLBACK');
	$locker->quit;
	return;
}
unrecorded(10);
wait_until(sub { stat_of($m, 'table_breaker') ne 'open' });
is($r->run('SELECT t.exact(1, 1, 10)'), 't', 'but not answered');
for my $how (qw(fast immediate))
{
	my $d = $how eq 'fast' ? 11 : 12;
	unrecorded($d);
	$node->stop($how);
	$_->quit for $m, $w, $r;
	$node->start;
	sessions_of();
	is(rows(1, $d), 1, "$how stop: it is still there");
	is($r->run("SELECT t.exact(1, 1, $d)"), 't', 'and not answered');
}
unrecorded(13);
$node->stop;
$_->quit for $m, $w, $r;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\navailability_cache.table_tier = inline");
$node->start;
sessions_of();
is(rows(1, 13), 1, 'restarted without preload: it is still there');
is($r->run("SELECT t.exact(1, 1, 13)"), 't', 'and not answered');

# ---- rows that are too large for a block ----

# A COMMIT, which has no snapshot, deletes their large values too.
$m->run(<<'EOC');
UPDATE availability_cache.rules SET slot_step = '1 minute';
UPDATE services SET duration_minutes = 3, price_cents = 1500;
EOC
wait_until(sub { $m->run('SELECT t.v2(4, 1, 0)'); return $m->run('SELECT t.v2(3, 1, 0)') && rows(3, 0) == 1 }, 'the row to be kept');
my $large = q{SELECT pg_relation_size(reltoastrelid) > 0 FROM pg_class WHERE oid = 'private.availability_cache'::regclass};
is($m->run($large), 't', 'a row has values outside of it');
is($w->fails('SELECT t.book(3, 0, 3)'), '', 'a booking of that day');
is(rows(3, 0), 0, 'the row is gone');
is($m->run('SELECT t.exact(3, 1, 0)'), 't', 'and the answer exact');
unlike(slurp_file($node->logfile), qr/does without its tables: cannot fetch toast|without an active snapshot/, 'nothing failed');
$_->quit for $m, $w, $r;
$node->stop;
done_testing();
