# More databases than there are numbers for come and go, each with answers and counters of its own from
# nothing on, and none disturbs another, dropped or flushed (G5, G12); with too many at once the last ones
# share a number, and are as exact. flush() empties one database at once, also while others read and write
# there (G1).
#
# The server has four numbers for databases; AC_LONG=1 does with all, and makes as many databases, but not at
# once.
#
# Shown to fail with, in src/: database_forget that does nothing; forget_database without counters_forget, or
# without store_forget; notice_dropped_database with database_number; begin_usage that does nothing;
# store_flush that takes no entry for dead, or those of every database; flush() with a clock that is not the
# cell's; cells_outdate that writes the word instead of raising it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $numbers = $ENV{AC_LONG} ? 255 : 4;

my $node = new_node('databases', hooks => 1, conf => <<"EOC");
max_prepared_transactions = 20
availability_cache.test_databases = $numbers
EOC

# ---- flush() under load ----

make_salon($node, 'busy', stylists => 8, services => 4, days => 7);
install_load($node, 'busy');
my $busy = session($node, 'busy');
my $load = start_load($node, 'busy', seconds => 4, hold_open => 5_000, clients => { bulk => 1 });
my $over = time() + 4;
my $flushes = 0;
while (time() < $over)
{
	# By itself, in a transaction that ends later, and in one that is undone.
	$busy->run('SELECT availability_cache.flush()');
	$busy->run("BEGIN; SELECT availability_cache.flush(); SELECT pg_sleep(0.01); $_") for qw(COMMIT ROLLBACK);
	$flushes++;
	sleep 0.1;
}
is($load->finish, '', 'flush() again and again under load: no client failed');
my $found = load_found($busy);
note "$flushes times three flushes, checked $found->{all}{checked}, hits among them $found->{all}{hits}";
is($found->{all}{stale}, 0, 'no stale answer');
cmp_ok($found->{all}{checked}, '>', 300, 'reads were checked');
cmp_ok($found->{all}{hits}, '>', 50, 'hits among them');
nothing_pending($busy);
exact_everywhere($busy, 7, 'everything is exact');
is($busy->run('SELECT count(*), sum(bytes) FROM availability_cache.entries'), stat_of($busy, 'entries, bytes'), 'the accounts are right');
my $entries = stat_of($busy, 'entries');
cmp_ok($entries, '>', 50, 'there are entries');
is($busy->run('SELECT availability_cache.flush()'), $entries, 'flush() says how many');
is($busy->run('SELECT count(*) FROM availability_cache.entries') . '|' . stat_of($busy, 'entries, bytes'), '0|0|0', 'none is left');
is($busy->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|t', 'an answer is computed and kept anew');
is(stat_of($busy, 'entries'), 1, 'and counted');
$busy->run('BEGIN; SELECT availability_cache.flush(); ROLLBACK');
is($busy->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)'), 'f|t', 'flush() is not undone by a rollback');
# What is under way stays so.
$busy->run("BEGIN; UPDATE availability_cache.rules SET slot_step = '1 hour'; PREPARE TRANSACTION 'rules'");
$busy->run('SELECT availability_cache.flush()');
is($busy->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 0), t.exact(1, 1, 0)'), 'f|f|t', 'flush() while other rules are prepared: nothing is kept');
$busy->run("COMMIT PREPARED 'rules'");
is($busy->run('SELECT t.exact(1, 1, 0), t.hit(1, 1, 0)'), 't|t', 'committed: exact and kept');
nothing_pending($busy);
$busy->quit;

# ---- one after the other ----

# Nobody has used this one since the server started.
make_salon($node, 'salon', stylists => 1, services => 1, days => 1);
$node->restart;
my $postgres = session($node, 'postgres');
sub create { my ($db, $options) = @_; return $postgres->run("CREATE DATABASE $db TEMPLATE salon STRATEGY file_copy " . ($options // '')); }
sub drop { my ($db) = @_; return $postgres->run("DROP DATABASE $db"); }

# Two that live on.
my %lives;
my $keep = 'SELECT t.hit(1, 1, 0), t.hit(1, 1, 0)';
sub use_more
{
	my (@db) = @_;
	for my $db (@db)
	{
		create($db);
		$lives{$db} = session($node, $db);
		is($lives{$db}->run($keep), 'f|t', "database $db has an answer in memory");
	}
	return;
}

use_more(qw(one two));
sub others { return join ' ', map { $lives{$_}->run('SELECT t.hit(1, 1, 0), t.look(1, 1, 0)') } qw(one two); }
my $as_ever = join ' ', ('t|' . 'a' x 24) x 2;

# What a new database shows, from its first answer to a flush, and whether the others have their answers then.
my $counts = 'hits, misses, stores, invalidations, entries, entries * 208 = bytes';
sub first_use
{
	my ($db) = @_;
	my $s = session($node, $db);
	my @shown = (
		$s->run('SELECT count(*) FROM availability_cache.stats WHERE hits + misses + entries <> 0 AND datname = current_database()'),
		$s->run('SELECT count(*) FROM availability_cache.entries WHERE datname = current_database()'),
		$s->run($keep), stat_of($s, $counts),
		$s->run('SELECT count(*) FROM availability_cache.entries WHERE datname = current_database()'),
		$s->run("SELECT t.book(1, 0, 0)") . $s->run('SELECT t.look(1, 1, 0)'), stat_of($s, $counts),
		$s->run('SELECT availability_cache.flush()'), stat_of($s, $counts),
		$s->run('SELECT t.v2(1, 1, 0) = t.v1(1, 1, 0)'), others());
	$s->quit;
	return join ', ', @shown;
}
my $from_nothing = join ', ', 0, 0, 'f|t', '1|1|1|0|1|t', 1, 'b' . 'a' x 23, '1|2|2|1|1|t', 1, '1|2|2|2|0|t', 't', $as_ever;

for my $n (1 .. $numbers + 5)
{
	create('new');
	is(first_use('new'), $from_nothing, "database $n: counters and answers of its own, from nothing on");
	drop('new');
	is(others(), $as_ever, 'dropped: the others have theirs') or last;
	is($lives{one}->run('SELECT count(*) FROM availability_cache.stats WHERE datname IS NULL'), 0, 'and it is in the statistics no more');
}
# The same OID again, as pg_upgrade may give it.
my $oid = 500_000;
for my $n (1 .. 3)
{
	create('again', "OID = $oid");
	is(first_use('again'), $from_nothing, "OID $oid, time $n: counters and answers of its own, from nothing on");
	drop('again');
}

if ($ENV{AC_LONG})
{
	$node->stop;
	done_testing();
	exit;
}

# ---- all numbers taken ----

# postgres has one too, since it dropped others.
sub drop_living { my (@db) = @_; (delete $lives{$_})->quit, drop($_) for @db; return; }

my $shared = 'SELECT count(*) FROM availability_cache.stats WHERE datid IS NULL';
my @rest = map { "rest$_" } 4 .. $numbers;
use_more(@rest);
create('unused');
drop('unused');
is($lives{one}->run($shared), 0, 'one is dropped that never used the cache: no number is shared for it');
drop_living(@rest);
create('late');
is(first_use('late'), $from_nothing, 'numbers are free again');
drop('late');

# ---- more at once than there are numbers ----

my @many = map { "many$_" } 1 .. 3;
use_more(@rest, @many);
is($lives{one}->run($shared), 1, 'the last ones share a number');
$lives{ $many[$_] }->run("SELECT t.book(1, 0, $_)") for 0 .. 2;
sub looks { my (@db) = @_; return join ' ', map { $lives{$_}->run('SELECT t.look(1, 1, 0)') } @db; }
my @looks = map { 'a' x $_ . 'b' . 'a' x (23 - $_) } 0 .. 2;
is(looks(@many), "@looks", 'each has its own answer');
is(looks(@many), "@looks", 'from memory too');
$lives{ $many[0] }->run('SELECT availability_cache.flush()');
is(looks(@many), "@looks", 'one of them flushed: exact');
is($lives{$_}->run('SELECT t.hit(1, 1, 0)'), 't', "flushed: $_ has its answer") for qw(one two);
drop_living($many[0]);
is(looks(@many[ 1, 2 ]), "@looks[1, 2]", 'one of them dropped: exact');
drop_living(@rest, @many[ 1, 2 ]);
create('late');
my $late = session($node, 'late');
is($late->run("$keep, t.exact(1, 1, 0)"), 'f|t|t', 'whoever comes later shares it too');
is(stat_of($late, 'count(*)'), 0, 'until the server starts again');
$_->quit for $late, $postgres, values %lives;
$node->restart;
$late = session($node, 'late');
is($late->run("$keep, t.exact(1, 1, 0)") . '|' . stat_of($late, $counts), 'f|t|t|2|1|1|0|1|t', 'then it has its own');
$late->quit;
$node->stop;
done_testing();
