# ACRobust.pm: what the tests of robustness (10…) ask of a server that was treated badly.
#
#   my $node = robust_node('name', conf => …);           its log says SQLSTATEs; the load's tables survive a crash
#   complaints($node, qr/…/)                             lines of the log that no server should write, but for the known ones
#   nothing_left($node, 'salon', 'name');                nothing pending, locked, prepared or waited for, once all are gone
#   my $n = new_sums(); add_found($n, load_found($s));   figures of several loads
#   say_found('name', $n);                               prints them, and tests that none was stale
#   my $t = trouble($node, 'salon', 64, sub { … });      psql again and again in that many processes: what the sub returns, which
#                                                        is SQL; errors do not matter.  $t->stop gives how many scripts ran
package ACRobust;

use strict;
use warnings;
use Exporter 'import';
use File::Temp qw(tempfile);
use PostgreSQL::Test::Utils qw(slurp_file);
use POSIX ();
use Test::More;
use ACLoad;
use ACTest;

our @EXPORT = qw(robust_node complaints nothing_left new_sums add_found say_found trouble back_again);

sub robust_node
{
	my ($name, %opt) = @_;
	my $conf = join "\n", 'max_connections = 150', 'max_prepared_transactions = 30', 'restart_after_crash = on', "log_line_prefix = '%m [%p] %u %e '",
		'log_min_messages = warning', "availability_cache.table_tier_retry = '1s'", delete $opt{conf} // '';
	my $node = new_node($name, default_tier => 1, %opt, conf => $conf);
	make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
	install_load($node, 'salon');
	# They are unlogged, and a crash would empty them.
	$node->safe_psql('salon', join ';', map { "ALTER TABLE t.$_ SET LOGGED" } qw(version tally writes stale));
	return $node;
}

# Crashes, failed assertions, and errors that only the server's own mistakes have.
sub complaints
{
	my ($node, $known) = @_;
	my @lines = grep { /PANIC|TRAP|terminated by signal| XX\d\d\d |LeakSanitizer|AddressSanitizer|leak: / } split /\n/, slurp_file($node->logfile);
	@lines = grep { !/$known/ } @lines if $known;
	return join "\n", @lines;
}

sub back_again
{
	my ($node, $db) = @_;
	wait_until(sub { $node->psql($db, 'SELECT 1') == 0 }, 'the server to be back') or BAIL_OUT('the server does not come back');
	my $s = session($node, $db);
	$s->run("ROLLBACK PREPARED '$_'") for split /\n/, $s->run('SELECT gid FROM pg_prepared_xacts');
	return $s;
}

sub nothing_left
{
	my ($node, $db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $s = back_again($node, $db);
	my $others = q{FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()};

	wait_until(sub { $s->run("SELECT count(*) $others") == 0 }, 'all others to be gone');
	# Its database may have no row of figures yet.
	is($s->run('SELECT coalesce(max(cells_pending), 0) FROM availability_cache.stats'), 0, "$name: no cell is pending");
	is($s->run(q{SELECT count(*) FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
	              WHERE l.pid <> pg_backend_pid() AND a.backend_type IS DISTINCT FROM 'availability_cache worker'}), 0, "$name: nothing is locked");
	exact_everywhere($s, 7, "$name: everything is exact");
	# Who finds a computation under way that nobody makes would wait for single_flight_timeout.
	my $waited = sub { return $s->run('SELECT sum(wait_timeouts) FROM availability_cache.stats') };
	my $before = $waited->();
	$s->run('SELECT availability_cache.flush()');
	exact_everywhere($s, 7, "$name: also when all is computed anew");
	is($waited->(), $before, "$name: nobody waits for who is gone");
	$s->quit;
	return;
}

sub new_sums { return { reads => 0, checked => 0, hits => 0, stale => 0, kinds => '' }; }

sub add_found
{
	my ($sums, $found) = @_;
	$sums->{$_} += $found->{all}{$_} // 0 for qw(reads checked hits stale);
	$sums->{kinds} .= stale_kinds($found);
	return;
}

sub say_found
{
	my ($name, $sums) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	diag sprintf '%s: reads %d, checked %d, hits among them %d, stale %d', $name, @$sums{qw(reads checked hits stale)};
	cmp_ok($sums->{checked}, '>', 0, "$name: answers were looked at");
	cmp_ok($sums->{hits}, '>', 0, "$name: hits among them");
	return is($sums->{stale}, 0, "$name: none is stale") || diag $sums->{kinds};
}

# Each child is a loop around psql; its parent gets the number of its runs as a line.
sub trouble
{
	my ($node, $db, $n, $script) = @_;
	my $self = bless { pids => [], pipe => undef }, 'ACRobust::Trouble';
	my %env = $node->_get_env();
	local %ENV = (%env, PGAPPNAME => 'trouble', PGCONNECT_TIMEOUT => 30);
	my @psql = ($node->installed_command('psql'), '-XAtq', '-d', $node->connstr($db));

	pipe($self->{pipe}, my $write) or die "pipe: $!";
	for my $i (1 .. $n)
	{
		my $pid = fork() // die "fork: $!";
		if ($pid)
		{
			push @{ $self->{pids} }, $pid;
			next;
		}
		my ($runs, $over) = (0, 0);
		local $SIG{TERM} = sub { $over = 1 };
		local $SIG{PIPE} = 'IGNORE';
		srand($$);
		until ($over)
		{
			if (open my $p, '|-', join(' ', map { "'$_'" } @psql) . ' >/dev/null 2>&1')
			{
				print $p $script->($i);
				close $p;
			}
			$runs++;
		}
		syswrite $write, "$runs\n";
		# The parent's ends, with its servers, are not ours to call.
		POSIX::_exit(0);
	}
	close $write;
	return $self;
}

package ACRobust::Trouble;

use Time::HiRes qw(sleep);

sub stop
{
	my ($self) = @_;
	kill 'TERM', @{ $self->{pids} };
	waitpid $_, 0 for @{ $self->{pids} };
	my $runs = 0;
	$runs += $_ for readline $self->{pipe};
	$self->{pids} = [];
	return $runs;
}

1;
