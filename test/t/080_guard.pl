# rules.guard with many sessions at once: no slot is sold twice, at any isolation level, through any
# statement, prepared or not, before and after a crash; who books other days or another stylist does not wait,
# nobody waits in a circle, and turning it on waits for who was writing. The sweep that looks for what meets
# is written from docs/rules.md alone.
#
# Each way to break it that the TEST_HOOKS build knows (test_mutant guard_…) is found, by the scenario or load
# that is named. AC_LONG=1 lets the load run for AC_LONG_SECONDS (an hour).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use File::Temp qw(tempdir);
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('guard', hooks => 1, streaming => 'logical', conf => <<'EOC');
max_prepared_transactions = 20
deadlock_timeout = 20ms
max_locks_per_transaction = 256
EOC
make_salon($node, 'salon', stylists => 4, services => 3, days => 7);
# A class of seven seats, besides.
$node->safe_psql('salon', <<'EOC');
ALTER TABLE services ADD capacity int, ADD max_bookings_per_day int;
ALTER TABLE stylist_profiles ADD max_bookings_per_day int, ADD max_bookings_per_week int, ADD max_daily_minutes int;
ALTER TABLE bookings ADD seats int;
ALTER TABLE booking_reservations ADD seats int;
INSERT INTO services (id, name, duration_minutes, capacity) VALUES (t.service(7), 'class', 30, 7);
INSERT INTO stylist_services (stylist_user_id, service_id) SELECT user_id, t.service(7) FROM stylist_profiles;
SELECT availability_cache.detach();
SELECT count(*) FROM availability_cache.attach();
EOC
my ($a, $b) = (session($node, 'salon'), session($node, 'salon'));
my $last_day = 20;
sub next_day { return ++$last_day; }
sub guard { my ($mode) = @_; $a->run("UPDATE availability_cache.rules SET guard = '$mode'"); return; }
sub mutant { my ($name) = @_; return ('availability_cache.test_mutant' => $name); }

# Service 3 needs 5 minutes before and 15 after; the sweep finds what is nearer than docs/rules.md (14, 15)
# allows, once, and where more seats are taken than there are (17); without seats one is in no other's way there.
$a->run(<<'EOC');
UPDATE services SET buffer_before_minutes = 5, buffer_after_minutes = 15 WHERE id = t.service(3);
CREATE TABLE t.found (id text, other text, rows text);
CREATE VIEW t.taken AS
SELECT 'b' || b.id AS id, b.stylist_user_id AS stylist, b.start_time AS starts, b.end_time AS ends,
       coalesce(s.buffer_before_minutes, 0) * interval '1 minute' AS before, coalesce(s.buffer_after_minutes, 0) * interval '1 minute' AS after,
       s.id AS service, s.capacity, coalesce(b.seats, 1) AS seats
  FROM bookings b LEFT JOIN services s ON s.id = b.service_id
 WHERE b.status IS NULL OR b.status NOT IN ('cancelled', 'no_show')
UNION ALL
SELECT 'h' || h.id, h.stylist_user_id, h.start_time, h.end_time, coalesce(s.buffer_before_minutes, 0) * interval '1 minute', coalesce(s.buffer_after_minutes, 0) * interval '1 minute',
       s.id, s.capacity, coalesce(h.seats, 1)
  FROM booking_reservations h LEFT JOIN services s ON s.id = h.service_id
 WHERE h.status IN ('reserved', 'active') AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp());
CREATE VIEW t.sold_twice AS
SELECT x.id, y.id AS other, x::text || y AS rows
  FROM t.taken x JOIN t.taken y ON x.stylist = y.stylist AND x.id < y.id
 WHERE x.starts < y.ends + greatest(y.after, x.before) AND y.starts < x.ends + greatest(x.after, y.before)
   AND (x.capacity IS NOT NULL AND x.service = y.service AND (x.starts = y.starts OR least(x.seats, y.seats) <= 0)) IS NOT TRUE
UNION ALL
SELECT min(id), max(id), string_agg(t::text, '') FROM t.taken t WHERE capacity IS NOT NULL GROUP BY stylist, service, starts, capacity HAVING sum(greatest(seats, 0)) > capacity;
EOC
sub sold_twice { return $a->run('SELECT count(*) FROM t.sold_twice'); }
sub empty { $a->run('TRUNCATE bookings, booking_reservations'); return; }

my $dir = tempdir(CLEANUP => 1);
# psql for each script, at once; what they all said on stderr.
sub run_clients
{
	my ($database, $seconds, @scripts) = @_;
	my %env = $node->_get_env();
	local %ENV = %env;
	my ($n, @running) = (0);

	for my $script (@scripts)
	{
		my $file = "$dir/client" . ++$n;
		my $said = '';
		open my $out, '>', $file or die "$file: $!";
		print $out $script;
		close $out;
		push @running, [ IPC::Run::start(
			[ 'timeout', $seconds, $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr($database), '-f', $file ],
			'>', '/dev/null', '2>', \$said), \$said ];
	}
	IPC::Run::finish($_->[0]) for @running;
	return join '', map { ${ $_->[1] } } @running;
}
sub count_of { my ($code, $said) = @_; my @found = $said =~ /ERROR:  $code/g; return scalar @found; }

# ---------------------------------------------------------------------------
# One slot, many clients
# ---------------------------------------------------------------------------
guard('on');
my $day = next_day();
my $said = run_clients('salon', 60, ("SELECT t.book(1, $day, 4);\n") x 50);
is($a->run("SELECT count(*) FROM bookings WHERE start_time = t.at($day, 4)"), '1', '50 clients at one slot: one wins');
is(count_of('23P01', $said), 49, 'and 49 are told');

$day = next_day();
$said = run_clients('salon', 60, ("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (t.stylist(1), t.service(7), t.at($day, 4), t.at($day, 5));\n") x 30);
is($a->run("SELECT count(*) FROM bookings WHERE start_time = t.at($day, 4)"), '7', '30 clients at seven seats: seven win');
is(count_of('23P01', $said), 23, 'and 23 are told');

sub cap { my ($stylist, $what) = @_; $a->run("UPDATE stylist_profiles SET $what WHERE user_id = t.stylist($stylist)"); return; }
# So many of a week's first days, one that nobody has booked.
sub next_week
{
	my $monday = $a->run("SELECT n FROM generate_series($last_day + 1, $last_day + 7) n WHERE extract(isodow FROM t.day(n)) = 1");
	$last_day = $monday + 6;
	return $monday;
}

for my $cap (['max_bookings_per_day = 3', 0], ['max_daily_minutes = 90', 0], ['max_bookings_per_week = 3', 1])
{
	my ($what, $of_week) = @$cap;
	$day = next_week();
	cap(1, $what);
	$said = run_clients('salon', 60, map { 'SELECT t.book(1, ' . ($of_week ? $day + $_ % 5 : $day) . ', ' . ($_ % 20) . ");\n" } 1 .. 50);
	is($a->run("SELECT count(*) FROM bookings WHERE start_time BETWEEN t.at($day, 0) AND t.at($day + 6, 23)"), '3', "50 clients at $what: three win");
	is(count_of('23P01', $said), 47, 'and 47 are told');
	cap(1, 'max_bookings_per_day = NULL, max_bookings_per_week = NULL, max_daily_minutes = NULL');
}

# ---------------------------------------------------------------------------
# Scenarios: each returns what went wrong, '' if nothing did
# ---------------------------------------------------------------------------

# One has been checked and is not yet visible when another books the same slot.
sub during_commit
{
	my (%with) = @_;
	my $d = next_day();
	my ($first, $second) = write_beside_commit($node, $a, ("SELECT t.book(1, $d, 3)") x 2, %with);
	return $first eq '' && $second eq '23P01' ? '' : "first $first, second $second, sold twice: " . sold_twice();
}

# One has been checked and is not yet visible when another takes what the cap leaves, by another slot of the
# day, of the week, of the service.
sub capped
{
	my (%with) = @_;
	my $wrong = '';
	for my $cap (['max_bookings_per_day = 1', 0, 9], ['max_bookings_per_week = 1', 4, 3], ['max_daily_minutes = 45', 0, 9])
	{
		my ($what, $days_later, $slot) = @$cap;
		my $monday = next_week();
		cap(1, $what);
		my ($first, $second) = write_beside_commit($node, $a, "SELECT t.book(1, $monday, 3)", "SELECT t.book(1, $monday + $days_later, $slot)", %with);
		$wrong .= "$what: first $first, second $second; " if $first ne '' || $second ne '23P01';
		cap(1, 'max_bookings_per_day = NULL, max_bookings_per_week = NULL, max_daily_minutes = NULL');
	}
	return $wrong;
}

# The same with another stylist, where a service's caps are about all together.
sub capped_together
{
	my (%with) = @_;
	my $d = next_day();
	$a->run("UPDATE availability_cache.rules SET service_caps = 'together'; UPDATE services SET max_bookings_per_day = 1 WHERE id = t.service(1)");
	my ($first, $second) = write_beside_commit($node, $a, "SELECT t.book(1, $d, 3)", "SELECT t.book(2, $d, 9)", %with);
	$a->run("UPDATE availability_cache.rules SET service_caps = 'each'; UPDATE services SET max_bookings_per_day = NULL");
	return $first eq '' && $second eq '23P01' ? '' : "first $first, second $second";
}

# A transaction's snapshot is older than the other's booking.
sub old_snapshot
{
	my (%with) = @_;
	my ($d, $wrong) = (next_day(), '');
	my $old = session($node, 'salon', %with);

	for my $level ('REPEATABLE READ', 'SERIALIZABLE')
	{
		$d = next_day();
		$old->run("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM services");
		$b->run("SELECT t.book(1, $d, 3)");
		$old->run("SELECT t.book(1, $d, 3)");
		my $code = $old->fails('COMMIT');
		$wrong .= "$level: '$code' " if $code ne '40001';
		$code = $old->fails("BEGIN ISOLATION LEVEL $level; SELECT t.book(1, $d, 3); COMMIT");
		$wrong .= "$level, once more: '$code' " if $code ne '23P01';
	}
	return $wrong;
}

sub own_rows
{
	my (%with) = @_;
	return session($node, 'salon', %with)->fails("SELECT t.book(1, ${\next_day()}, 3)");
}

# A savepoint is rolled back in which a booking went that is there after all.
sub undone
{
	my (%with) = @_;
	my $d = next_day();
	my $s = session($node, 'salon', %with);

	$b->run("SELECT t.book(1, $d, 3)");
	my $code = $s->fails("BEGIN; SAVEPOINT s; DELETE FROM bookings WHERE start_time = t.at($d, 3); ROLLBACK TO s; SELECT t.book(1, $d, 3); COMMIT");
	return $code eq '23P01' ? '' : "'$code'";
}

# A session remembers the rules: another has changed them, or it has itself.
sub remembered
{
	my (%with) = @_;
	my $s = session($node, 'salon', %with);
	my $active = sub { my ($who, $is) = @_; return "UPDATE stylist_profiles SET is_active = $is WHERE user_id = t.stylist($who)" };
	my $wrong = '';

	$s->run("SELECT t.book(1, ${\next_day()}, 3)") for 1 .. 2;
	$a->run($active->(1, 'false'));
	my $code = $s->fails("SELECT t.book(1, ${\next_day()}, 3)");
	$wrong .= "another's change: '$code' " if $code ne '23P01';
	$a->run($active->(1, 'true'));
	$s->run("SELECT t.book(1, ${\next_day()}, 3)") for 1 .. 2;
	$code = $s->fails('BEGIN; ' . $active->(1, 'false') . "; SELECT t.book(1, ${\next_day()}, 3); COMMIT");
	$wrong .= "its own change: '$code' " if $code ne '23P01';
	# Where it was not refused, it has changed that.
	$a->run($active->(1, 'true'));
	return $wrong;
}

# What it remembers of long bookings has one that it deletes.
sub remembered_long
{
	my (%with) = @_;
	my $s = session($node, 'salon', %with);
	my $d = next_day();
	$last_day += 4;

	guard('holds');
	$a->run("INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (t.stylist(1), t.service(1), t.at($d, 0), t.at($d + 3, 0))");
	my $taken = $s->fails("SELECT t.book(1, $d + 2, 3)");
	$s->run("SELECT t.book(1, $d + 4, $_)") for 3 .. 4;
	my $code = $s->fails("BEGIN; DELETE FROM bookings WHERE start_time = t.at($d, 0); SELECT t.book(1, $d + 2, 3); COMMIT");
	guard('on');
	return $taken eq '23P01' && $code eq '' ? '' : "taken: '$taken', in its place: '$code'";
}

# One is shortened, and another takes the time that it had.
sub lent
{
	my (%with) = @_;
	my $d = next_day();

	$b->run("SELECT t.book(1, $d, 3)");
	return session($node, 'salon', %with)->fails("BEGIN; UPDATE bookings SET end_time = end_time - interval '5 minutes' WHERE start_time = t.at($d, 3); SELECT t.book(1, $d, 3); COMMIT") eq '23P01' ? '' : 'sold twice: ' . sold_twice();
}

# Who wrote when the guard was off is over before it is on, also where only a partition was written to.
sub turned_on
{
	my (%with) = @_;
	my $d = next_day();
	my $writer = session($node, 'salon');
	my $dba = session($node, 'salon', %with);

	guard('off');
	$writer->run("BEGIN; SELECT t.book(1, $d, 3)");
	$dba->send("UPDATE availability_cache.rules SET guard = 'on'");
	sleep 0.3;
	my $waited = !$dba->ready;
	$dba->result unless $waited;
	$b->run("SELECT t.book(1, $d, 3)") unless $waited;
	$writer->run('COMMIT');
	$dba->result if $waited;
	my $code = $b->fails("SELECT t.book(1, $d, 3)");
	return $waited && $code eq '23P01' ? '' : "waited: $waited, code '$code', sold twice: " . sold_twice();
}

# One has a slot held, and is not over, when another asks for it; the guard is off.
sub held_at_once
{
	my (%with) = @_;
	my $hold = "SELECT availability_cache.hold_slot(t.stylist(1), t.service(1), t.at(${\next_day()}, 3)) ->> 'success'";
	my ($first, $second) = map { session($node, 'salon', %with) } 1 .. 2;

	$first->run("BEGIN; $hold");
	$second->send($hold);
	sleep 0.3;
	my $waited = !$second->ready;
	$first->run('COMMIT');
	my $answer = $second->result;
	return $waited && $answer eq 'false' ? '' : "waited: $waited, success: $answer";
}

# Bookings of the same four days in every order; how many deadlocks, and whether all were made.
sub any_order
{
	my (%with) = @_;
	my @days = map { next_day() } 1 .. 4;
	my $set = join '', map { "SET $_ = '$with{$_}';\n" } keys %with;
	my @scripts;
	$set .= "SET availability_cache.test_sleep_in_guard = 5000;\n";

	for my $client (0 .. 5)
	{
		my $script = $set;
		for my $round (0 .. 3)
		{
			# A slot that is nobody else's.
			my $slot = $client * 4 + $round;
			my @order = sort { rand() <=> rand() } @days;
			@order = $client % 2 ? reverse @days : @days if $round < 2;
			$script .= "BEGIN;\n" . join('', map { "SELECT t.book(1, $_, $slot);\n" } @order) . "COMMIT;\n";
		}
		push @scripts, $script;
	}
	my $errors = run_clients('salon', 60, @scripts);
	my $made = $a->run("SELECT count(*) FROM bookings WHERE start_time BETWEEN t.at($days[0], 0) AND t.at($days[3], 23)");
	return $errors eq '' && $made == 96 ? '' : "$made made; " . count_of('40P01', $errors) . ' deadlocks';
}

# ---------------------------------------------------------------------------
# The load: every way to write, at every level, with cancellations; each client a script of random
# transactions
# ---------------------------------------------------------------------------
my ($stylists, $days, $slots) = (3, 3, 24);

sub random_of { my (@of) = @_; return $of[ rand @of ]; }

sub random_row
{
	my ($s, $d, $n) = (1 + int rand $stylists, int rand $days, int rand $slots);
	# On the grid of half an hour; services of 30, 15 and 45 minutes, and lengths of their own.
	my ($v, $minutes) = @{ random_of([ 1, 30 ], [ 2, 15 ], [ 3, 45 ], [ 1, 60 ], [ 2, 95 ]) };
	# A few of the class's slots are asked for a lot.
	($v, $minutes, $n) = (7, 30, 4 * int rand 3) if rand() < 0.3;
	return "t.stylist($s), t.service($v), t.at($d, $n), t.at($d, $n) + interval '$minutes minutes'";
}

sub random_statement
{
	my $of_day = 'stylist_user_id = t.stylist(' . (1 + int rand $stylists) . ') AND start_time::date = t.day(' . int(rand $days) . ')';
	my $one = "(SELECT id FROM bookings WHERE $of_day ORDER BY random() LIMIT 1)";
	my $columns = '(stylist_user_id, service_id, start_time, end_time)';
	return random_of(
		"INSERT INTO bookings $columns VALUES (" . random_row() . ")",
		"INSERT INTO bookings $columns VALUES (" . join('), (', map { random_row() } 1 .. 3) . ")",
		"INSERT INTO bookings $columns SELECT * FROM (VALUES (" . random_row() . ")) v ON CONFLICT (id) DO UPDATE SET status = 'confirmed'",
		"INSERT INTO booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at) SELECT *, clock_timestamp() + interval '0.2 seconds' * random() FROM (VALUES (" . random_row() . ")) v",
		"MERGE INTO bookings b USING (VALUES (" . random_row() . ")) v(s, v, t, u) ON b.stylist_user_id = v.s AND b.start_time = v.t WHEN MATCHED THEN UPDATE SET end_time = v.u, status = 'confirmed' WHEN NOT MATCHED THEN INSERT $columns VALUES (v.s, v.v, v.t, v.u)",
		"SELECT t.copy(" . random_row() . ")",
		"UPDATE bookings SET start_time = start_time + interval '30 minutes', end_time = end_time + interval '30 minutes' WHERE id = $one",
		"UPDATE bookings SET status = 'confirmed' WHERE $of_day AND random() < 0.3",
		"UPDATE bookings SET service_id = t.service(3) WHERE id = $one",
		"UPDATE bookings SET seats = " . (int rand 4) . " WHERE $of_day AND service_id = t.service(7) AND random() < 0.3",
		"UPDATE booking_reservations SET expires_at = clock_timestamp() + interval '0.3 seconds' WHERE $of_day AND random() < 0.2",
		"UPDATE bookings SET end_time = end_time - interval '15 minutes' WHERE id = $one AND end_time - start_time > interval '15 minutes'",
		("UPDATE bookings SET status = 'cancelled' WHERE $of_day AND random() < 0.4") x 2,
		"DELETE FROM bookings WHERE $of_day AND random() < 0.3",
		"DELETE FROM booking_reservations WHERE expires_at < clock_timestamp() AND $of_day");
}

sub random_transaction
{
	my ($name) = @_;
	my $begin = 'BEGIN ISOLATION LEVEL ' . random_of('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE') . ";\n";
	my $body = '';

	for (1 .. 1 + int rand 4)
	{
		my $statement = random_statement() . ";\n";
		$statement = "SAVEPOINT s;\n$statement" . random_of("ROLLBACK TO s;\n", "RELEASE s;\n") if rand() < 0.3;
		$body .= $statement;
	}
	return random_statement() . ";\n" if rand() < 0.3;
	return "$begin${body}PREPARE TRANSACTION '$name';\n" . random_of('COMMIT', 'COMMIT', 'ROLLBACK') . " PREPARED '$name';\n" if rand() < 0.15;
	return "$begin$body" . random_of(('COMMIT') x 5, 'ROLLBACK') . ";\n";
}

# COPY of a row, by the server itself.
$a->run(<<'EOC');
CREATE FUNCTION t.copy(uuid, uuid, timestamptz, timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$COPY bookings (stylist_user_id, service_id, start_time, end_time) FROM PROGRAM %L WITH (FORMAT csv)$q$, format('echo "%s,%s,%s,%s"', $1, $2, $3, $4));
END
$$;
EOC

# What was sold twice at the end of a load; sets what came of its transactions.
my %came;
sub load
{
	my ($seconds, %with) = @_;
	my $set = join '', map { "SET $_ = '$with{$_}';\n" } keys %with;
	my $each = 150 * $seconds;
	# Who is checked and not yet visible is so for a while.
	$set .= "SET availability_cache.test_sleep_before_visible = 2000;\n";
	my @scripts = map {
		my $client = $_;
		$set . join '', map { random_transaction("c${client}_$_") } 1 .. $each
	} 1 .. 8;

	empty();
	$a->run('TRUNCATE t.found');
	# What is sold twice may be cancelled: one looks all the time.
	my $sweeper = "INSERT INTO t.found TABLE t.sold_twice; SELECT pg_sleep(0.05);\n" x (20 * $seconds);
	my $said = run_clients('salon', $seconds, @scripts, $sweeper);
	$a->run("ROLLBACK PREPARED '$_'") for split /\n/, $a->run('SELECT gid FROM pg_prepared_xacts');
	%came = (map { $_ => count_of($_, $said) } qw(23P01 40001 40P01));
	$came{other} = join ' ', grep { !/^(23P01|40001|40P01|25P02|42704|3B001)$/ } $said =~ /ERROR:  (\w+)/g;
	$came{taken} = $a->run('SELECT count(*) FROM t.taken');
	$a->run('INSERT INTO t.found TABLE t.sold_twice');
	return $a->run('SELECT count(*) FROM t.found');
}

# ---- nothing is broken ----

is(during_commit(), '', 'one that is committing is waited for');
is(capped(), '', 'a cap of the day and of the week, too');
is(capped_together(), '', 'and of a service together');
is(old_snapshot(), '', '40001 under an older snapshot, 23P01 under its own');
is(own_rows(), '', "a row is not in its own way");
is(undone(), '', 'what is rolled back takes nothing away');
is(lent(), '', 'what one gives up in part is not for another');
is(turned_on(), '', 'turning it on waits for who writes');
is(remembered(), '', 'rules that a session remembers are those of now');
is(remembered_long(), '', 'and long bookings');
is(any_order(), '', 'several days in any order without a deadlock');
$a->run('UPDATE stylist_profiles SET max_bookings_per_day = 1000, max_bookings_per_week = 1000');
is(any_order(), '', 'nor where there are caps');
$a->run('UPDATE stylist_profiles SET max_bookings_per_day = NULL, max_bookings_per_week = NULL');

# Who waits for a week, who does not, and caps that come meanwhile.
$day = next_week();
cap(1, 'max_bookings_per_week = 100');
$a->run("BEGIN; SELECT t.book(1, $day, 3); PREPARE TRANSACTION 'week'");
{
	my $impatient = session($node, 'salon', lock_timeout => '300ms');
	is($impatient->fails("SELECT t.book(1, $day + 4, 3)"), '55P03', 'a cap of the week: another day of it waits');
	is($impatient->fails("SELECT t.book(1, $day + 7, 3)"), '', 'the next week does not');
	is($impatient->fails("SELECT t.book(2, $day, 3)"), '', 'nor does another stylist');
	is($impatient->fails("UPDATE bookings SET status = 'cancelled' WHERE start_time = t.at($day + 7, 3)"), '', 'nor who only cancels');
}
$a->run("COMMIT PREPARED 'week'");
cap(1, 'max_bookings_per_week = NULL');
$day = next_week();
$a->run("BEGIN; SELECT t.book(1, $day, 3); PREPARE TRANSACTION 'day'");
{
	my $late = session($node, 'salon');
	$late->send("SELECT t.book(1, $day, 9)");
	sleep 0.3;
	cap(1, 'max_bookings_per_day = 1');
	$a->run("COMMIT PREPARED 'day'");
	$late->result;
	like($late->{sqlstate}, qr/^(40001|23P01)$/, 'a cap that came while one waited is heeded');
	is($late->fails("SELECT t.book(1, $day, 9)"), '23P01', 'and again');
}
cap(1, 'max_bookings_per_day = NULL');

my $seconds = $ENV{AC_LONG} ? $ENV{AC_LONG_SECONDS} // 3600 : 7;
my $seed = $ENV{AC_SEED} // 20260101;
srand($seed);
is(load($seconds), '0', "a load of $seconds s: nothing is sold twice") or diag $a->run('TABLE t.found');
cmp_ok($came{'23P01'}, '>', 20, "though it was tried ($came{'23P01'} times, and $came{40001} times under an old snapshot)");
cmp_ok($came{taken}, '>', 10, "and $came{taken} were made");
is($came{other}, '', 'no other errors');

guard('off');
$day = next_day();
run_clients('salon', 60, ("SELECT availability_cache.hold_slot(t.stylist(1), t.service(1), t.at($day, 4));\n") x 20);
is($a->run("SELECT count(*) FROM booking_reservations WHERE start_time = t.at($day, 4)"), '1', '20 clients hold one slot, with the guard off: one has it');
is(held_at_once(), '', 'and who asks waits for who has it');
isnt(held_at_once(mutant('guard_no_lock')), '', 'held: guard_no_lock is found');
guard('on');

# ---- each mutant ----

isnt(during_commit(mutant('guard_no_lock')), '', 'guard_no_lock is found');
isnt(capped_together(mutant('guard_no_cap_lock')), '', 'guard_no_cap_lock is found, of a service');
isnt(capped(mutant('guard_no_cap_lock')), '', 'guard_no_cap_lock is found');
isnt(during_commit(mutant('guard_checks_first')), '', 'guard_checks_first is found');
isnt(old_snapshot(mutant('guard_old_snapshot')), '', 'guard_old_snapshot is found');
isnt(own_rows(mutant('guard_own_rows')), '', 'guard_own_rows is found');
isnt(undone(mutant('guard_keeps_undone')), '', 'guard_keeps_undone is found');
isnt(lent(mutant('guard_lends')), '', 'guard_lends is found');
isnt(remembered(mutant('no_memo_check')), '', 'no_memo_check is found');
isnt(remembered(mutant('no_notes')), '', 'no_notes is found');
isnt(turned_on(mutant('guard_no_wait')), '', 'guard_no_wait is found');
isnt(any_order(mutant('guard_unsorted')), '', 'guard_unsorted is found');
my $sold = '0';
for (1 .. 10) { $sold = load(3, mutant('guard_no_lock')); last if $sold ne '0'; }
isnt($sold, '0', 'the load finds guard_no_lock');
empty();

# ---------------------------------------------------------------------------
# Prepared transactions: who waits, and who does not; restart and crash
# ---------------------------------------------------------------------------
$day = next_day();
$a->run("BEGIN; SELECT t.book(1, $day, 3); PREPARE TRANSACTION 'p'");
my $impatient = session($node, 'salon', lock_timeout => '300ms');
is($impatient->fails("SELECT t.book(1, $day, 3)"), '55P03', 'prepared: the same day waits');
is($impatient->fails("SELECT t.book(1, $day + 2, 3)"), '', 'another day does not');
is($impatient->fails("SELECT t.book(2, $day, 3)"), '', 'nor does another stylist');
is($impatient->fails("UPDATE bookings SET status = 'cancelled' WHERE start_time = t.at($day, 3)"), '', 'nor who only cancels');
$node->stop('immediate');
$node->start;
($a, $b, $impatient) = (session($node, 'salon'), session($node, 'salon'), session($node, 'salon', lock_timeout => '300ms'));
is($impatient->fails("SELECT t.book(1, $day, 3)"), '55P03', 'prepared, after a crash: the same day waits');
$b->send("SELECT t.book(1, $day, 3)");
sleep 0.2;
$a->run("COMMIT PREPARED 'p'");
$b->result;
is($b->{sqlstate}, '23P01', 'and is refused when it is committed');
is($a->fails("BEGIN; SELECT t.book(1, $day, 3); PREPARE TRANSACTION 'q'"), '23P01', 'PREPARE is refused, too');

# Many days at once: everybody waits for that, and it is checked all the same.
is($a->fails('BEGIN; ' . join('', map { "SELECT t.book(4, $_, 3);" } 200 .. 290) . " PREPARE TRANSACTION 'many'"), '', 'a booking on each of 91 days');
is($impatient->fails("SELECT t.book(1, $day, 9)"), '55P03', 'everybody waits');
$a->run("COMMIT PREPARED 'many'");
is($a->fails('BEGIN; ' . join('', map { "SELECT t.book(4, $_, 3 + ($_ = 290)::int);" } 291 .. 350, 290) . ' SELECT t.book(4, 205, 3); COMMIT'), '23P01', 'one of 62 days is taken');
is(sold_twice(), '0', 'nothing was sold twice');

# A crash between the check and the commit leaves neither a booking nor a lock.
$day = next_day();
my $doomed = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 5000000);
my $before = stat_of($a, 'invalidations');
$doomed->send("SELECT t.book(1, $day, 3)");
wait_until(sub { stat_of($a, 'invalidations') > $before }, 'it to be checked');
$node->stop('immediate');
$node->start;
($a, $b) = (session($node, 'salon'), session($node, 'salon'));
is($a->fails("SELECT t.book(1, $day, 3)"), '', 'after a crash between check and commit the slot is free');
is($b->fails("SELECT t.book(1, $day, 3)"), '23P01', 'once');

# ---------------------------------------------------------------------------
# Partitions, written to directly; logical replication
# ---------------------------------------------------------------------------
$day = next_day();
$a->run(<<'EOC');
CREATE TABLE parted (LIKE bookings INCLUDING DEFAULTS) PARTITION BY LIST (stylist_user_id);
CREATE TABLE part_1 PARTITION OF parted DEFAULT;
SELECT availability_cache.detach('bookings');
SELECT count(*) FROM availability_cache.attach('bookings', 'parted');
EOC
my $into = sub { my ($table, $n) = @_; return "INSERT INTO $table (stylist_user_id, service_id, start_time, end_time) VALUES (t.stylist(1), t.service(1), t.at($day, $n), t.at($day, $n + 1))" };
is($a->fails($into->('part_1', 3)), '', 'into a partition');
is($a->fails($into->('parted', 3)), '23P01', 'and not through its table');
is($a->fails($into->('part_1', 3)), '23P01', 'nor into the partition once more');
guard('off');
$b->run('BEGIN; ' . $into->('part_1', 5));
my $dba = session($node, 'salon', lock_timeout => '300ms');
is($dba->fails("UPDATE availability_cache.rules SET guard = 'on'"), '55P03', 'turning it on waits for who writes to a partition');
$b->run('COMMIT');
guard('on');
$a->run('SELECT availability_cache.detach(); DROP TABLE parted; SELECT count(*) FROM availability_cache.attach()');

make_salon($node, 'replica', stylists => 4, services => 3, days => 7);
my $replica = session($node, 'replica');
$replica->run('ALTER TABLE bookings ADD seats int');
$replica->run("UPDATE availability_cache.rules SET guard = 'on'");
guard('off');
$a->run("CREATE PUBLICATION p FOR TABLE bookings; ALTER TABLE bookings REPLICA IDENTITY FULL");
$a->run("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
$replica->run('TRUNCATE bookings');
(my $connection = $node->connstr('salon')) =~ s/'/''/g;
$replica->run("CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p WITH (create_slot = false, slot_name = 's', copy_data = false)");
$day = next_day();
$a->run("SELECT t.book(1, $day, 3); SELECT t.book(1, $day, 3)");
my $of_day = "SELECT count(*) FROM bookings WHERE start_time BETWEEN t.at($day, 0) AND t.at($day, 23)";
ok(wait_until(sub { $replica->run($of_day) eq '2' }, 'the subscriber'), 'logical apply is not guarded');
$replica->run('ALTER SYSTEM SET availability_cache.guard_replicated = on; SELECT pg_reload_conf()');
wait_until(sub { session($node, 'replica')->run('SHOW availability_cache.guard_replicated') eq 'on' }, 'the setting');
my $log = -s $node->logfile;
$a->run("SELECT t.book(1, $day, 5); SELECT t.book(1, $day, 5)");
ok(wait_until(sub { slurp_file($node->logfile, $log) =~ /the time of a booking is not available/ }, 'the refusal'), 'but for when a setting says so');
is($replica->run($of_day), '3', 'and the second is not there');
$replica->run('ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');

done_testing();
