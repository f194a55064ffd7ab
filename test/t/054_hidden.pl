# needs: pgaudit
# What a hit hides from, as docs/operations.md says: who counts calls counts it too; who counts what runs
# within a function (statements, scans of tables, reads that pgaudit logs, plans of auto_explain) sees
# nothing, since nothing runs; `activity` counts it. Shown to fail with a function that is not memoized.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $node = new_node('hidden');
# A server that is not Debian's has none.
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pgaudit'}) == 0)
{
	$node->stop;
	plan skip_all => 'no pgaudit for this server';
}
$node->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'availability_cache, pg_stat_statements, pgaudit, auto_explain'
pg_stat_statements.track = all
track_functions = all
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
pgaudit.log = 'read, function'
EOC
$node->restart;
$node->safe_psql('postgres', <<'EOC');
CREATE EXTENSION availability_cache;
CREATE EXTENSION pg_stat_statements;
CREATE TABLE courses (id int PRIMARY KEY, title text);
INSERT INTO courses SELECT n, 'course ' || n FROM generate_series(1, 10) n;
CREATE FUNCTION titles() RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT string_agg(title, ' ') FROM courses); END $$;
SELECT availability_cache.memoize('titles()');
EOC
my $s = session($node, 'postgres');

my %figures = (
	call => q{SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ '^SELECT titles'},
	within => q{SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ ('string' || '_agg')},
	function => q{SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'titles'},
	scans => q{SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'courses'},
	activity => q{SELECT memory_hits FROM availability_cache.activity WHERE source ~ 'titles'});

sub figures { return { map { $_ => $node->safe_psql('postgres', $figures{$_}) } keys %figures }; }

sub called
{
	my $log = -s $node->logfile;
	my $before = figures();
	$s->run('SELECT titles()');
	$s->run('SELECT pg_stat_force_next_flush()');
	$s->run('SELECT 1');
	my $after = figures();
	my $said = slurp_file($node->logfile, $log);
	my %moved = map { $_ => $after->{$_} - $before->{$_} } keys %figures;
	$moved{audited_function} = () = $said =~ /AUDIT: .*FUNCTION,EXECUTE,FUNCTION,public.titles/g;
	$moved{audited_within} = () = $said =~ /AUDIT: .*string_agg/g;
	$moved{explained_within} = () = $said =~ /Query Text: .*string_agg/g;
	return \%moved;
}

my %seen = (call => 1, function => 1, audited_function => 1);
my @within = qw(within scans audited_within explained_within);
is_deeply(called(), { %seen, activity => 0, map { $_ => 1 } @within }, 'computed: the call, and what runs within');
is_deeply(called(), { %seen, activity => 1, map { $_ => 0 } @within }, 'from memory: the call');
$node->stop;
done_testing();
