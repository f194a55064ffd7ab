# The table tier is bounded: a transaction that touches much distrusts what it touched, and not all others;
# the log and a cleaning have a largest size; rows that rest on other libraries are not answered.
#
# Shown to fail with, in src/table: MAX_TRACES 32 (a thousand stylists); MAX_DAYS as MAX_TRACES (many days);
# touch that takes no tag after the last but one (more than that); tier_log_init without
# handle_subtransaction; handle_transaction that never writes at once (touched after PRE_COMMIT); MAX_LOG_ROWS
# 1000000 (the log is short); trust_raise without the row's xid (rows too old go); leave_traces that takes a
# full log for any (the log's file); clean_log without the case that nothing is trusted; CLEAN_BLOCKS of
# MaxBlockNumber (pieces), go_on that begins at the first block (all of it); environment without its setting.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('bounds', hooks => 1, preload => 0, conf => <<'EOC');
availability_cache.table_tier = inline
EOC
make_salon($node, 'salon', stylists => 8, services => 3, days => 7);
my ($m, $w, $r) = map { session($node, 'salon') } 1 .. 3;

sub count { return $m->run("SELECT count(*) FROM $_[0]"); }
sub traces { return $m->run("SELECT count(*) FROM availability_cache.invalidation WHERE xid >= '$_[0]'"); }
sub next_xid { return $m->run('SELECT pg_snapshot_xmax(pg_current_snapshot())'); }
sub fill { $m->run("SELECT t.v2($_ % 8 + 1, 1, $_ / 8)") for 0 .. 31; return; }
sub hits { return $r->run('SELECT string_agg(left(t.hit(s, 1, d)::text, 1), NULL ORDER BY s, d) FROM generate_series(1, 8) s, generate_series(0, 3) d'); }
my $all_hits = 't' x 32;
# To begin again takes two transactions.
sub begin_again { $m->run("SELECT t.v2(8, 1, $_)") for 20 .. 23; return; }

# ---- a transaction that touches much ----

my $book = 'INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) SELECT t.stylist(s), t.service(1), t.at(d, 5), t.at(d, 6)';

begin_again();
fill();
is(hits(), $all_hits, 'hits');
my $from = next_xid();
$w->run("$book FROM generate_series(9, 1008) s, generate_series(0, 0) d");
is(traces($from), 1000, 'a thousand stylists: a thousand traces');
is(hits(), $all_hits, 'and no other is distrusted');
$w->run("$book FROM generate_series(8, 1007) s, generate_series(1, 1) d");
is(hits(), 't' x 29 . 'ftt', 'one of them is, that day');
exact_everywhere($m, 4, 'everything is exact');

fill();
$from = next_xid();
$w->run("$book FROM generate_series(9, 308) s, generate_series(0, 19) d");
cmp_ok(traces($from), '<', 2500, 'twenty days of three hundred stylists: days, then stylists');
is(hits(), $all_hits, 'and no other is distrusted');
$w->run("$book FROM generate_series(308, 8, -1) s, generate_series(0, 19) d");
is(hits(), 't' x 28 . 'ffff', 'but the last of them, all days');
exact_everywhere($m, 4, 'everything is exact');

fill();
$from = next_xid();
$w->run("$book FROM generate_series(5008, 8, -1) s, generate_series(0, 0) d");
is(traces($from), 4096, 'five thousand stylists: so many traces');
is($r->run('SELECT t.exact(8, 1, 0), t.hit(1, 1, 0)'), 't|f', 'and everything is distrusted');
exact_everywhere($m, 4, 'everything is exact');

fill();
$from = next_xid();
$w->run("BEGIN; SAVEPOINT a; $book FROM generate_series(1, 8) s, generate_series(0, 3) d; ROLLBACK TO a;"
	  . " SAVEPOINT b; $book FROM generate_series(1, 1) s, generate_series(2, 2) d; RELEASE b; SAVEPOINT c; SELECT t.book(3, 3, 8); ROLLBACK TO c; COMMIT");
is(traces($from), 1, 'savepoints: what is left');
is(hits(), 'ttft' . 't' x 28, 'and nothing else is distrusted');

# Something that runs when the others have their traces.
fill();
$from = next_xid();
$w->run(q{BEGIN; SET LOCAL availability_cache.test_at_pre_commit = 'SELECT t.book(2, 2, 8)'; SELECT t.book(1, 1, 8); COMMIT});
is(traces($from), 2, 'touched after PRE_COMMIT: a trace');
is($r->run('SELECT t.look(2, 1, 2)') =~ /^.{8}b/ ? 1 : 0, 1, 'and seen');
exact_everywhere($m, 4, 'everything is exact');

# ---- the log ----

# Traces of stylists that nobody knows, 4,000 a transaction.
sub trace_many { $w->run('SELECT count(availability_cache.invalidate(gen_random_uuid())) FROM generate_series(1, 4000)') for 1 .. $_[0]; return; }
sub log_size { return $m->run('SELECT pg_relation_size(\'availability_cache.invalidation\')'); }

fill();
trace_many(30);
is(hits(), $all_hits, '120,000 traces: rows are answered as they were');
$m->run('SELECT t.v2(1, 1, 10)');
$m->run('SELECT availability_cache.clean()');
cmp_ok(count('availability_cache.invalidation'), '<=', 100000, 'after cleaning there are no more than 100,000');
cmp_ok(count('availability_cache.invalidation'), '>', 90000, 'and the latest of them');
is($r->run('SELECT t.hit(1, 1, 10), t.hit(1, 1, 0)'), 't|f', 'rows that need older ones are not answered');
cmp_ok($m->run('SELECT availability_cache.clean()'), '>=', 31, 'and go');
exact_everywhere($m, 4, 'everything is exact');

# Nobody cleans, nor makes room: the log ends where its file would get too long.
trace_many(200);
cmp_ok(log_size(), '<', 34e6, 'a log that nobody cleans grows to 32 MB');
is(count('availability_cache.invalidation_since'), 0, 'and ends then');
my $size = log_size();
trace_many(3);
is(log_size(), $size, 'nothing is written any more');
$w->run('SELECT t.book(1, 1, 9)');
exact_everywhere($m, 4, 'everything is exact');
$w->run('SELECT t.book(1, 1, 10)');
$m->run('SELECT availability_cache.clean()');
begin_again();
trace_many(1);
is(count('availability_cache.invalidation_since'), 0, 'while there is no room, it ends again');
$m->run('SELECT availability_cache.clean()');
is(count('availability_cache.invalidation'), 0, 'cleaning removes all traces where nothing is trusted');
$m->run('VACUUM availability_cache.invalidation');
begin_again();
fill();
trace_many(1);
is(hits(), $all_hits, 'where there is room again, rows are answered again');
exact_everywhere($m, 4, 'everything is exact');

# ---- cleaning ----

sub read_rows
{
	$m->run('SELECT pg_stat_force_next_flush()');
	return $m->run("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'availability_cache'");
}
# Each in a transaction of its own, which keeps it.
sub ask_all
{
	my ($zone) = @_;
	$m->run(join(';', map { sprintf "SELECT count(t.v2(%d, 1, %d, '$zone'))", $_ % 8 + 1, $_ / 8 } 0 .. 1199));
	return;
}

$m->run('SELECT availability_cache.clean()');
ask_all('UTC');
cmp_ok(count('private.availability_cache'), '>=', 1200, 'many rows');
my $before = read_rows();
ask_all('Asia/Tokyo');
my $per_answer = (read_rows() - $before) / 1200;
cmp_ok($per_answer, '<', 10, 'a session that keeps answers looks at few of them');
note "$per_answer rows an answer";
$m->run("UPDATE private.availability_cache SET expires_at = now() WHERE customer_timezone = 'UTC'");
ask_all($_) for qw(Asia/Seoul Asia/Kolkata Asia/Dhaka);
is($m->run("SELECT count(*) FROM private.availability_cache WHERE customer_timezone = 'UTC' AND expires_at <= now()"), 0, 'in the end at all of them');

# ---- other libraries ----

fill();
is(hits(), $all_hits, 'hits');
$_->quit for $m, $w, $r;
$node->append_conf('postgresql.conf', "availability_cache.test_environment = 'newer'");
$node->restart;
($m, $w, $r) = map { session($node, 'salon') } 1 .. 3;
is($r->run('SELECT t.hit(1, 1, 0), t.exact(1, 1, 0)'), 'f|t', 'a library with another version: rows are not answered');
is($r->run('SELECT t.hit(1, 1, 0)'), 't', 'and replaced');

$_->quit for $m, $w, $r;
$node->stop;
done_testing();
