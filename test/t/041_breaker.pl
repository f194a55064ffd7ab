# Whatever is wrong with the table tier's tables, reads and bookings go on at once and stay exact; the breaker
# opens, tries again and closes; what could not be recorded meanwhile is never answered, also after a restart
# or a crash. Without preload too; only if log, trust and the sequence of last resort are all out of reach
# does a booking fail (G7).
#
# The disk is full in a file system of this test's own (lib/ACTiny.pm).
#
# Shown to fail with: mutant no_distrust (both kinds of locks on log and since, each way it ends); mutant
# no_trace; what was to remember a distrust removed by hand before a restart (an old row is answered); rows
# inserted through the executor (triggers run).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTiny;
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;

my @conf = ("availability_cache.table_tier_retry = '1s'", 'restart_after_crash = on', 'log_checkpoints = off');
my $node = new_node('breaker', conf => join("\n", @conf));
make_salon($node, 'salon');
$node->safe_psql('postgres', "ALTER DATABASE salon SET availability_cache.table_tier = 'inline'");
my ($m, $locker);

# Nothing here may wait: what waits for a lock is cancelled, which v2 does not catch.
my $db = 'salon';
sub connect_all
{
	$m = session($node, $db, statement_timeout => '3s');
	$locker = session($node, $db, statement_timeout => '20s');
	return;
}

sub use_database
{
	($db) = @_;
	$_->quit for $m, $locker;
	make_salon($node, $db);
	$node->safe_psql('postgres', "ALTER DATABASE $db SET availability_cache.table_tier = 'inline'");
	connect_all();
	return;
}

sub restart_server
{
	my ($how) = @_;
	$_->quit for $m, $locker;
	$node->stop($how);
	$node->start;
	connect_all();
	return;
}

sub rows { return $m->run('SELECT count(*) FROM private.availability_cache'); }
sub breaker { return stat_of($m, 'table_breaker'); }
sub errors { return stat_of($m, 'table_errors'); }
# What a booking that can leave neither a trace nor take the trust away raises.
sub distrusted { return $m->run('SELECT last_value FROM availability_cache.distrusted'); }
sub breaker_becomes
{
	my ($state) = @_;
	return wait_until(sub { breaker() eq $state }, "the breaker to be $state");
}

# Every answer of three days is in the table, and would be trusted.
my $days = 3;

# A session saves one answer in a transaction: having written it, it computes.
sub ask_all
{
	$m->run(<<"EOC");
DO \$\$
DECLARE
    k record;
BEGIN
    FOR k IN SELECT s, v, d FROM generate_series(1, 4) s, generate_series(1, 3) v, generate_series(0, $days - 1) d
              WHERE EXISTS (SELECT FROM stylist_services x WHERE x.stylist_user_id = t.stylist(s) AND x.service_id = t.service(v)) LOOP
        PERFORM t.v2(k.s, k.v, k.d);
        COMMIT;
    END LOOP;
END
\$\$
EOC
	return;
}

sub fill
{
	$m->run('TRUNCATE bookings');
	# Traces are begun in two transactions before one that writes.
	return wait_until(
		sub {
			$m->run('SELECT availability_cache.flush()');
			ask_all();
			breaker() eq 'closed' && $m->run(<<"EOC") eq 't';
SELECT count(*) = $days * (SELECT count(*) FROM stylist_services) FROM private.availability_cache c, availability_cache.invalidation_since s
 WHERE s.xid <= pg_snapshot_xmin(c.snapshot) AND NOT EXISTS
       (SELECT FROM availability_cache.invalidation i WHERE NOT pg_visible_in_snapshot(i.xid, c.snapshot))
EOC
		},
		'the table to have every answer');
}

# From the table, after a restart that empties memory.
sub is_warm
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(fill(), "$name: the table is filled");
	my $look = $m->run('SELECT t.look(1, 1, 0)');
	restart_server('fast');
	is($m->run('SELECT t.look(1, 1, 0), t.hit(2, 1, 1)'), "$look|t", "$name: after a restart it answers");
	return is(stat_of($m, 'table_hits, misses'), '2|0', "$name: from the table");
}

connect_all();
is_warm('to begin with');

# ---- troubles ----

# What goes on while begin's trouble lasts, and after: what was booked meanwhile is never missing. last: how
# it ends: 'end' (the sub end, then half-open), 'restart' (end, then a restart), 'crash' (the server, then the
# sub mend if there is one).
sub trouble
{
	my ($name, %o) = @_;
	my $last = $o{last} // 'end';
	my $label = "$name, $last";
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok(fill(), "$label: the table is filled");
	my ($errors, $state, $distrusted) = (errors(), breaker(), distrusted());
	is($state, 'closed', "$label: the breaker is closed");
	my $old_rows = 'SELECT count(*) FROM private.availability_cache WHERE stylist_user_id = t.stylist(1) AND cache_date = t.day(0)';
	my $kept = $m->run($old_rows);

	$o{begin}->();
	is($m->run('SELECT t.book(1, 0, 0); SELECT t.look(1, 1, 0)'), "\nb" . 'a' x 23, "$label: a booking, and who reads sees it");
	is(breaker(), 'open', "$label: the breaker is open") or diag errors();
	cmp_ok(errors(), '>', $errors, "$label: table_errors counts it");
	$errors = errors();
	is($m->run('SELECT t.look(1, 2, 5)'), 'a' x ($m->run('SELECT length(t.look(1, 2, 5))')), "$label: another day, open");
	is(errors(), $errors, "$label: an open breaker does not try") if $o{reads_fail};
	exact_everywhere($m, $days, "$label: everything is exact");
	# Where rows can be read a worker may have tried, and closed it, before anybody looked.
	ok($o{reads_fail} ? breaker_becomes('half-open') : wait_until(sub { breaker() ne 'open' }, 'the breaker to be over'),
		"$label: it is open no longer");
	if ($o{reads_fail})
	{
		is($m->run('SELECT t.book(1, 0, 1); SELECT t.look(1, 1, 0)'), "\nbb" . 'a' x 22, "$label: who tries sees the next booking");
		is(breaker(), 'open', "$label: and it opens again");
		cmp_ok(errors(), '>', $errors, "$label: which counts too");
	}
	else
	{
		$m->run('SELECT t.book(1, 0, 1)');
	}
	# Nobody asks after this one, so that memory does not have it.
	$m->run('SELECT t.book(1, 0, 2)');
	is(distrusted() > $distrusted ? 1 : 0, $o{distrust}, "$label: the sequence of last resort is " . ($o{distrust} ? 'raised' : 'left alone'));

	if ($last eq 'crash')
	{
		restart_server('immediate');
	}
	else
	{
		$o{end}->();
		restart_server('fast') if $last eq 'restart';
	}
	is($m->run($old_rows), $kept, "$label: the old rows are still there") if $o{rows_stay};
	# A worker may have tried, and closed it, before anybody looked.
	wait_until(sub { breaker() ne 'open' }, 'the breaker to be over') if $last eq 'end';
	is($m->run('SELECT t.look(1, 1, 0), t.look(1, 2, 0)'), 'bbb' . 'a' x 21 . '|' . $m->run('SELECT t.statuses(t.v1(1, 2, 0))'),
		"$label: when it is over, nothing that was booked is missing");
	exact_everywhere($m, $days, "$label: everything is exact again");
	$o{mend}->() if $last eq 'crash' && $o{mend};
	$m->run('SELECT t.book(2, 0, 2)');
	ok(
		wait_until(
			sub { $m->run('SELECT t.book(2, 0, 2), t.look(2, 1, 0)'); $m->run('SELECT t.look(2, 1, 0)'); breaker() eq 'closed' },
			'it to close'),
		"$label: the breaker closes");
	return;
}

sub lock_sql { return join '', 'BEGIN;', map { "LOCK TABLE $_ IN ACCESS EXCLUSIVE MODE;" } @_; }
my ($rows, $log, $since) = qw(private.availability_cache availability_cache.invalidation availability_cache.invalidation_since);
my %locks = (
	'rows locked' => [ [$rows], rows_stay => 1, reads_fail => 1, distrust => 0 ],
	'log locked' => [ [$log], rows_stay => 0, distrust => 0 ],
	'rows and log locked' => [ [ $rows, $log ], rows_stay => 1, reads_fail => 1, distrust => 0 ],
	'all locked' => [ [ $rows, $log, $since ], rows_stay => 1, reads_fail => 1, distrust => 1 ],
	'log and since locked' => [ [ $log, $since ], rows_stay => 0, distrust => 1 ],
);
for my $name (sort keys %locks)
{
	my ($tables, %options) = @{ $locks{$name} };
	for my $last ('end', 'restart', 'crash')
	{
		trouble(
			$name, %options, last => $last,
			begin => sub { $locker->run(lock_sql(@$tables)) },
			end => sub { $locker->run('COMMIT') });
	}
}
is_warm('after the locks');

# ---- tables that refuse ----

$m->run(<<'EOC');
CREATE FUNCTION t.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'refused'; END$$;
CREATE FUNCTION t.ignore() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
EOC
my %refusals = (
	'a constraint on the log' => ["ALTER TABLE $log ADD CONSTRAINT refuse CHECK (false) NOT VALID", "ALTER TABLE $log DROP CONSTRAINT refuse"],
	'a constraint on the rows' => [ "ALTER TABLE $rows ADD CONSTRAINT refuse CHECK (false) NOT VALID", "ALTER TABLE $rows DROP CONSTRAINT refuse", reads_fail => 1 ],
	'a column more in the log' => ["ALTER TABLE $log ADD COLUMN more int; ALTER TABLE $log ADD CONSTRAINT more CHECK (more IS NOT NULL) NOT VALID", "ALTER TABLE $log DROP COLUMN more"],
	'a column of the log of another type' => ["ALTER TABLE $log ALTER COLUMN tag TYPE numeric", "ALTER TABLE $log ALTER COLUMN tag TYPE bigint"],
);
for my $name (sort keys %refusals)
{
	my ($begin, $end, %options) = @{ $refusals{$name} };
	trouble(
		$name, distrust => 0, %options, last => $_,
		# DDL on the log takes the trust away; who asks next begins again.
		begin => sub { $locker->run($begin); $m->run('SELECT availability_cache.flush(); SELECT t.v2(1, 1, 0)') },
		end => sub { $locker->run($end) },
		mend => sub { $locker->run($end) }) for 'end', 'crash';
}

# ---- triggers do not run ----

my %triggers = ('a trigger' => 'refuse', 'a silent trigger' => 'ignore');
for my $name (sort keys %triggers)
{
	for my $table ($rows, $log, $since)
	{
		$locker->run("CREATE TRIGGER zzz BEFORE INSERT ON $table FOR EACH ROW EXECUTE FUNCTION t.$triggers{$name}()");
		ok(fill(), "$name on $table: the table is filled");
		my $errors = errors();
		is($m->run('SELECT t.book(1, 0, 0); SELECT t.look(1, 1, 0)'), "\nb" . 'a' x 23, "$name on $table: a booking is seen");
		exact_everywhere($m, $days, "$name on $table: everything is exact");
		is(breaker() . (errors() - $errors), 'closed0', "$name on $table: nothing failed");
		$locker->run("DROP TRIGGER zzz ON $table");
	}
}

# Counts from zero again.
restart_server('fast');

# ---- the disk is full ----

# The log's file, as long as it is empty, on a device that is always full.
my $file;
sub full_device
{
	wait_until(sub { $m->run("SELECT availability_cache.clean(); SELECT count(*) FROM $log") =~ /\n0$/ }, 'traces to be pruned');
	$m->run("VACUUM FULL $log");
	$file = $node->data_dir . '/' . $m->run("SELECT pg_relation_filepath('$log')");
	$_->quit for $m, $locker;
	$node->stop;
	is(-s $file, 0, 'the log is empty');
	unlink $file;
	symlink '/dev/full', $file or die $!;
	$node->start;
	connect_all();
	return;
}

sub file_again
{
	$_->quit for $m, $locker;
	$node->stop;
	unlink $file;
	append_to_file($file, '');
	$node->start;
	connect_all();
	return;
}

trouble('full device', distrust => 0, last => $_, begin => \&full_device, end => \&file_again, mend => \&file_again) for 'end', 'crash';
like(slurp_file($node->logfile), qr/does without its tables: could not extend file .*: No space left on device/, 'the log says why');

if ($tiny ne '')
{
	$node->safe_psql('postgres', "CREATE TABLESPACE tiny LOCATION '$tiny'");
	$m->run("VACUUM FULL $rows");
	$m->run("VACUUM FULL $log");
	$m->run(<<"EOC");
SELECT format('ALTER TABLE %s SET TABLESPACE tiny', t) FROM unnest('{$rows,$log,$since}'::regclass[]) t \\gexec
SELECT format('ALTER INDEX %s SET TABLESPACE tiny', indexrelid::regclass) FROM pg_index WHERE indrelid = ANY ('{$rows,$log,$since}'::regclass[]) \\gexec
EOC
}
else
{
	diag 'no tmpfs here (unshare -rm does not work): only the full device was tested, not a full tablespace';
}

# Bookings until one cannot be recorded.
sub book_until_full
{
	my $errors = errors();
	my $bookings = 0;
	$m->run('SELECT t.book(3, 2, 0)');
	while (errors() == $errors && $bookings < 5000)
	{
		$m->run("UPDATE bookings SET status = CASE status WHEN 'confirmed' THEN 'cancelled' ELSE 'confirmed' END WHERE stylist_user_id = t.stylist(3)")
		  for 1 .. 50;
		$bookings += 50;
	}
	note "$bookings changes until the table was full";
	return cmp_ok(errors(), '>', $errors, 'a trace did not find room');
}

if ($tiny ne '')
{
	for my $last ('end', 'restart', 'crash')
	{
		my $end = sub { free_tiny() or die $! };
		trouble(
			"disk full", distrust => 0, last => $last,
			begin => sub { ok(fill_tiny(), 'the disk is full'); book_until_full() },
			end => $end, mend => $end);
	}
	$m->run("VACUUM $rows; VACUUM $log");
	is_warm('after a full disk');
}

# ---- tables that are gone ----

my %drops = (
	gone_rows => [$rows],
	gone_log => [$log],
	gone_since => [$since],
	gone_all => [ $rows, $log, $since ]);
for my $name (sort keys %drops)
{
	use_database($name);
	my $again = sub {
		$locker->run('SELECT availability_cache.detach(); DROP EXTENSION availability_cache');
		$locker->run('CREATE EXTENSION availability_cache; SELECT count(*) FROM availability_cache.attach()');
	};
	trouble(
		$name, distrust => 0, reads_fail => $name ne 'gone_log',
		last => $_,
		begin => sub { $locker->run(join '', map { "ALTER EXTENSION availability_cache DROP TABLE $_; DROP TABLE $_;" } @{ $drops{$name} }) },
		end => $again, mend => $again) for 'end', 'crash';
}

# ---- a worker in trouble ----

use_database('background');
$node->safe_psql('postgres', "ALTER DATABASE background SET availability_cache.table_tier = 'background'");
$_->quit for $m, $locker;
connect_all();
my $worker = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'availability_cache worker' AND datname = current_database()};
ok(fill(), 'background: the worker fills the table');
my $pid = $m->run($worker);
for my $tables ([$rows], [ $rows, $log, $since ])
{
	my $name = 'background, ' . @$tables . ' locked';
	ok(fill(), "$name: the table is filled");
	$locker->run(lock_sql(@$tables));
	is($m->run('SELECT t.book(1, 0, 0), t.look(1, 1, 0); SELECT t.look(1, 1, 0)'), "|b" . 'a' x 23 . "\nb" . 'a' x 23, "$name: bookings and answers go on");
	ok(breaker_becomes('open'), "$name: the breaker opens");
	exact_everywhere($m, $days, "$name: everything is exact");
	$m->run('SELECT t.book(1, 0, 1)');
	$locker->run('COMMIT');
	ok(wait_until(sub { breaker() eq 'half-open' || breaker() eq 'closed' }, 'the breaker to try'), "$name: it tries again");
	is($m->run('SELECT t.look(1, 1, 0)'), 'bb' . 'a' x 22, "$name: nothing is missed");
	exact_everywhere($m, $days, "$name: everything is exact after");
	ok(breaker_becomes('closed'), "$name: it closes");
	is($m->run($worker), $pid, "$name: the worker has lived through it");
}
is_warm('background, after the locks');
$_->quit for $m, $locker;
$node->stop;

# ---- without preload ----

# There is no breaker to remember anything; what the tables say is all.
my $plain = new_node('plain', preload => 0, conf => 'restart_after_crash = on');
make_salon($plain, 'salon');
$plain->safe_psql('postgres', "ALTER DATABASE salon SET availability_cache.table_tier = 'inline'");
sub connect_plain
{
	$m = session($plain, 'salon', statement_timeout => '3s');
	$locker = session($plain, 'salon', statement_timeout => '20s');
	return;
}
connect_plain();
sub fill_plain
{
	$m->run('TRUNCATE bookings');
	return wait_until(sub { $m->run('SELECT t.v2(1, 1, 0)'); $m->run('SELECT t.hit(1, 1, 0)') eq 't' }, 'a hit');
}
ok(fill_plain(), 'without preload: a hit from the table');
$m->run('SELECT t.book(1, 0, 0)');
is($m->run('SELECT t.look(1, 1, 0)'), 'b' . 'a' x 23, 'and a booking is seen');

my %failures = (
	'log locked' => [ sub { $locker->run(lock_sql($log)) }, sub { $locker->run('ROLLBACK') } ],
	'log and rows locked' => [ sub { $locker->run(lock_sql($log, $rows)) }, sub { $locker->run('ROLLBACK') } ],
	'a constraint on the log' => [
		sub { $locker->run("ALTER TABLE $log ADD CONSTRAINT refuse CHECK (false) NOT VALID") },
		sub { $locker->run("ALTER TABLE $log DROP CONSTRAINT refuse") }
	]);
for my $name (sort keys %failures)
{
	my ($begin, $end) = @{ $failures{$name} };
	ok(fill_plain(), "without preload, $name: a hit");
	$begin->();
	is($m->fails('SELECT t.book(1, 0, 1)'), '', "without preload, $name: a booking goes on") or diag $m->{error};
	is($m->run("SELECT count(*) FROM $since"), 0, "without preload, $name: the trust is gone");
	is($m->run('SELECT t.look(1, 1, 0)'), 'ab' . 'a' x 22, "without preload, $name: who reads sees it");
	$end->();
	is($m->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), 'ab' . 'a' x 22 . '|f', "without preload, $name: and when it is over");
	# A transaction that is rolled back takes nothing away; DDL on the log does by itself.
	next if $name =~ /constraint/;
	ok(fill_plain(), "without preload, $name: trusted again");
	$begin->();
	$m->run("BEGIN; SELECT t.book(1, 0, 2); ROLLBACK");
	$end->();
	is($m->run('SELECT t.hit(1, 1, 0), t.look(1, 1, 0)'), 't|' . 'a' x 24, "without preload, $name: a rollback takes no trust away");
}

my $lock_sequence = 'ALTER SEQUENCE availability_cache.distrusted INCREMENT 1;';
for my $tables ([ $log, $since ], [ $rows, $log, $since ])
{
	my $name = 'without preload, ' . (@$tables == 2 ? 'log and since' : 'all') . ' locked';
	ok(fill_plain(), "$name: a hit");
	my $distrusted = distrusted();
	$locker->run(lock_sql(@$tables));
	is($m->fails('SELECT t.book(1, 0, 2)'), '', "$name: a booking goes on") or diag $m->{error};
	cmp_ok(distrusted(), '>', $distrusted, "$name: the sequence of last resort is raised");
	$locker->run('ROLLBACK');
	is($m->run('SELECT t.look(1, 1, 0)'), 'aab' . 'a' x 21, "$name: it is seen when the locks are gone");

	ok(fill_plain(), "$name, the sequence too: a hit");
	$m->run('SELECT t.book(1, 1, 0)');
	my $bookings = $m->run('SELECT count(*) FROM bookings');
	$locker->run(lock_sql(@$tables) . $lock_sequence);
	is($m->fails('SELECT t.book(1, 0, 3)'), '55006', "$name, the sequence too: a booking fails");
	like($m->{error}, qr/^HINT:  Look at availability_cache.invalidation, invalidation_since and distrusted/m, "$name, the sequence too: with a hint");
	$m->run('BEGIN; SELECT t.book(1, 0, 3)');
	is($m->fails('COMMIT'), '55006', "$name, the sequence too: a COMMIT fails");
	$m->run('BEGIN; SAVEPOINT a; SELECT t.book(1, 0, 3); ROLLBACK TO a');
	is($m->run('SELECT t.look(1, 1, 0); COMMIT'), 'a' x 24, "$name, the sequence too: not if nothing was booked in the end");
	is($m->run('SELECT t.look(1, 1, 0)'), 'a' x 24, "$name, the sequence too: answers are computed");
	$locker->run('ROLLBACK');
	is($m->run('SELECT count(*) FROM bookings'), $bookings, "$name, the sequence too: nothing was lost, nothing was booked");
	is($m->run('SELECT t.look(1, 1, 0)'), 'a' x 24, "$name, the sequence too: and so it is answered");
	$m->run('SELECT t.book(1, 0, 3)');
	is($m->run('SELECT t.look(1, 1, 0)'), 'aaab' . 'a' x 20, "$name, the sequence too: the next booking goes through");
	exact_everywhere($m, $days, "$name: everything is exact");
}
$m->run('SET availability_cache.table_tier = off');
$m->run("SELECT t.book(1, 0, $_)") for 4, 5;
$locker->run(lock_sql($rows, $log, $since) . $lock_sequence);
is($m->fails('SELECT t.book(1, 0, 6)'), '', 'without preload: off, and known to be off, needs none of the tables') or diag $m->{error};
$locker->run('ROLLBACK');
$_->quit for $m, $locker;
$plain->stop('immediate');
$plain->start;
connect_plain();
is($m->run('SELECT t.look(1, 1, 0)'), $m->run('SELECT t.statuses(t.v1(1, 1, 0))'), 'without preload: after a crash');
exact_everywhere($m, $days, 'without preload: everything is exact');
$_->quit for $m, $locker;
$plain->stop;
done_testing();
