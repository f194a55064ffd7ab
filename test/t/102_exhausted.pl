# What runs out: the memory of single backends, wherever they happen to be in their work; the memory store,
# flooded with large answers and unknown keys; the disk below the table tier's tables. Beside it a load that
# is checked. Nothing is stale, whoever did not run out of anything has not failed, and the server does not
# crash (G1, G7, G8).
#
# A backend's memory is limited from outside, at any moment, to a little more than it has (RLIMIT_DATA; not
# the address space, where the stack would have to end). AC_LONG=1: AC_LONG_SECONDS (ten minutes) for each.
#
# Shown to fail with, in src/: take_blocks that never evicts; guarded that raises every error; leave_traces that
# takes no trust away where traces could not be written. The load does not find the last, as memory answers in
# the table's place: that has a booking of its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTiny;
use ACLoad;
use ACRobust;
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $seconds = $ENV{AC_LONG} ? $ENV{AC_LONG_SECONDS} // 600 : 6;
my %load = (seconds => $seconds, hold_open => 5_000, clients => { rc => 4, rr => 1, own => 3, price => 1 });
my $node = robust_node('exhausted', conf => "availability_cache.shared_memory_size = '4MB'");
my $s = session($node, 'salon');
my $started = $s->run('SELECT pg_postmaster_start_time()');

# ---- memory ----

$s->run(<<'EOC');
CREATE FUNCTION t.large(n int, kb int) RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT repeat(md5(count(*)::text || n), kb * 32) FROM services);
END $$;
SELECT count(*) FROM availability_cache.memoize('t.large(int, int)');
EOC

# Answers of up to 250 kB, and days and stylists that nobody has.
sub flood
{
	my $sql = "BEGIN;\n";
	for (1 .. 30)
	{
		$sql .= 'SAVEPOINT a; ';
		$sql .= sprintf "SELECT t.large(%d, %d);\n", rand 1000, rand 250;
		$sql .= sprintf "SELECT get_available_slots_v2(t.stylist(%d), t.service(%d), t.day(%d), 'Etc/GMT%+d');\n", 1 + rand 8, 1 + rand 4, rand 7, -12 + rand 24;
		$sql .= "SELECT get_available_slots_v2(gen_random_uuid(), t.service(1), t.day(0));\n";
		$sql .= sprintf "SELECT get_available_slots_range(t.service(%d), t.day(0), t.day(6));\n", 1 + rand 4;
		$sql .= sprintf "SELECT t.book(%d, %d, %d); ROLLBACK TO a;\n", 1 + rand 6, rand 4, rand 24;
		$sql .= "ROLLBACK; BEGIN;\n" if rand() < 0.3;
	}
	return "$sql;ROLLBACK;\n";
}

# The backend with this PID gets no more than so many bytes on top of what it has.
sub starve
{
	my ($pid, $more) = @_;
	my ($kb) = eval { slurp_file("/proc/$pid/status") =~ /^VmData:\s+(\d+) kB/m } or return 0;
	return system("prlimit --pid $pid --data=" . ($kb * 1024 + $more) . ' 2>/dev/null') == 0;
}

sub memory_runs_out
{
	my $load = start_load($node, 'salon', %load);
	my $trouble = trouble($node, 'salon', 12, \&flood);
	my ($starved, $most) = (0, 0);
	my $over = time() + $seconds - 1;
	while (time() < $over)
	{
		my @pids = split /\n/, $s->run(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'trouble' AND random() < 0.2});
		$starved += starve($_, int rand 400_000) for @pids;
		my $bytes = $s->run('SELECT sum(bytes) + (SELECT coalesce(sum(bytes), 0) FROM availability_cache.memoized) FROM availability_cache.stats');
		$most = $bytes if $bytes > $most;
		sleep 0.1;
	}
	my $failed = $load->finish;
	my $runs = $trouble->stop;
	is($failed, '', 'who had memory has not failed');
	my $out = () = slurp_file($node->logfile) =~ / 53200 (?:ERROR|FATAL)/g;
	diag "$starved times a backend's memory was limited, $out times it ran out, in $runs sessions; evictions: "
	  . $s->run('SELECT sum(evictions) FROM availability_cache.stats') . "; at most $most bytes of answers";
	cmp_ok($out, '>', 0, 'memory did run out');
	cmp_ok($s->run('SELECT sum(evictions) FROM availability_cache.stats'), '>', 0, 'the store was full');
	cmp_ok($most, '<=', 4 * 1024 * 1024, 'and kept to its size');
	my $sums = new_sums();
	add_found($sums, load_found($s));
	say_found('out of memory', $sums);
	reset_load($s);
	return;
}
memory_runs_out();

# ---- disk ----

my @tables = qw(private.availability_cache availability_cache.invalidation availability_cache.invalidation_since availability_cache_internal.function_answers);

# A booking that cannot leave its traces, more of them than a page has room for, takes the trust from what the
# table has: memory is outdated, and who asks next looks there.
sub book_without_trace
{
	my ($tier) = @_;
	my ($r, $w) = map { session($node, 'salon') } 1 .. 2;
	my $unbook = 'DELETE FROM bookings WHERE start_time IN (SELECT t.at(d, 23) FROM generate_series(0, 1499) d) OR start_time = t.at(5, 20)';
	my $errors = sub { $w->run('SELECT sum(table_errors) FROM availability_cache.stats') };
	# Whoever asks for days that memory has not closes it.
	my $n = 0;
	my $close_breaker = sub {
		wait_until(sub { $r->run(sprintf 'SELECT t.v2(4, 1, %d)', $n++); $r->run('SELECT table_breaker FROM availability_cache.stats WHERE datname = current_database()') eq 'closed' },
			'the breaker to close');
	};

	$r->run('SET availability_cache.table_tier = inline');
	$w->run("SET availability_cache.table_tier = $tier");
	my $kept = 0;
	# A worker that cleans meanwhile may make room, or delete the row.
	for my $attempt (1 .. 10)
	{
		$close_breaker->();
		$w->run("VACUUM FULL $_") for @tables;
		$w->run('DELETE FROM private.availability_cache');
		my $answered = wait_until(sub { is_from_table($r, $w, 1, 5) }, 'a row of the table to be answered');
		my $before = $errors->();
		fill_tiny();
		$w->run('BEGIN; SELECT t.book(1, 5, 20); SELECT count(t.book(2, d, 23)) FROM generate_series(0, 1499) d; COMMIT');
		$kept = $answered && $errors->() > $before
		  && $w->run('SELECT count(*) FROM private.availability_cache WHERE cache_date = t.day(5)') == 1;
		last if $kept;
		free_tiny();
		$w->run($unbook);
	}
	ok($kept, "$tier: a booking could neither leave its traces nor delete the row");
	free_tiny();
	$close_breaker->();
	is($r->run('SELECT t.exact(1, 1, 5)'), 't', "$tier: and is seen all the same");
	$w->run($unbook);
	$_->quit for $r, $w;
	return;
}

SKIP:
{
	skip 'no tmpfs here (unshare -rm does not work)', 1 if $tiny eq '';
	$node->safe_psql('postgres', "CREATE TABLESPACE tiny LOCATION '$tiny'");
	my $list = join ',', @tables;
	$s->run(<<"EOC");
SELECT availability_cache.flush();
SELECT format('VACUUM FULL %s', t) FROM unnest('{$list}'::regclass[]) t \\gexec
SELECT format('ALTER TABLE %s SET TABLESPACE tiny', t) FROM unnest('{$list}'::regclass[]) t \\gexec
SELECT format('ALTER INDEX %s SET TABLESPACE tiny', indexrelid::regclass) FROM pg_index WHERE indrelid = ANY ('{$list}'::regclass[]) \\gexec
EOC
	my ($sums, $filled) = (new_sums(), 0);
	for my $tier (qw(inline background))
	{
		my $load = start_load($node, 'salon', %load, settings => { table_tier => $tier });
		my $over = time() + $seconds - 1;
		while (time() < $over)
		{
			$filled += fill_tiny();
			sleep rand 1.5;
			free_tiny();
			# Now and then there is room again, and traces are complete for a while.
			$s->run("VACUUM $_") for @tables;
			sleep rand 0.5;
		}
		is($load->finish, '', "$tier: nobody has failed, booking or asking");
		add_found($sums, load_found($s));
		reset_load($s);
		book_without_trace($tier);
	}
	my $full = () = slurp_file($node->logfile) =~ /No space left on device/g;
	diag "the disk was full $filled times, seen $full times; table_errors " . $s->run('SELECT sum(table_errors) FROM availability_cache.stats')
	  . ', table_stores ' . $s->run('SELECT sum(table_stores) FROM availability_cache.stats');
	cmp_ok($full, '>', 0, 'the disk was seen to be full');
	say_found('disk full', $sums);
}

is($s->run('SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
$s->quit;
nothing_left($node, 'salon', 'at last');
is(complaints($node), '', 'no crash, and no internal error');
$node->stop;
done_testing;
