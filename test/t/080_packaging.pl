# Every place that names the version names that of the control file. "make installcheck" runs the three suites against a server where the extension is installed, and where it cannot it
# says what to do first, one thing at a time, and fails.
#
# Shown to fail with: a Makefile without REGRESS ("Nothing to be done"), without TAP_TESTS, and with each check of
# test/lib/installcheck-ready taken out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use JSON::PP ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $root = abs_path("$FindBin::RealBin/../..");
my ($version) = slurp_file("$root/availability_cache.control") =~ /^default_version = '(.*)'/m;
my $meta = JSON::PP->new->decode(slurp_file("$root/META.json"));
is($meta->{version}, $version, 'META.json has the version');
is($meta->{provides}{availability_cache}{version}, $version, 'and provides it');
like(slurp_file("$root/CHANGELOG.md"), qr/\A# Changelog\n\n## \Q$version\E\b/, 'the changelog begins with it');
my @majors = (slurp_file("$root/.github/workflows/test.yml") =~ /major: (\d+)/g);
like(slurp_file("$root/README.md"), qr/PostgreSQL $majors[0], $majors[1] and $majors[2]\b/, 'what README.md promises is tested');

my $pg_config = "$ENV{AC_BIN}/pg_config";
# Results are written where make runs.
my $dir = tempdir(CLEANUP => 1);
system('cp', '-R', map({ "$root/$_" } qw(Makefile availability_cache.control sql src test)), $dir) == 0 or die 'cannot copy the sources';

my $node = new_node('installed', preload => 0, default_tier => 1);

# What is said, and the status on a line of its own.
sub installcheck
{
	my (%env) = @_;
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, %env);
	# What "make test" gives its tests, and who installs the extension does not have.
	delete @ENV{qw(AC_BIN AC_TEST AC_SALON AC_HOOKS_BIN PERL5LIB MAKEFLAGS)};
	my $said = `make -C '$dir' installcheck PG_CONFIG='$pg_config' REGRESS=01_basic ISOLATION=iso_read_committed PROVE_TESTS=test/t/018_old_snapshot.pl 2>&1`;
	return $said . 'status ' . ($? >> 8);
}

sub refused
{
	my ($what, $reason, %env) = @_;
	my $said = installcheck(%env);
	like($said, qr/make installcheck: .*$reason.*\n.*status [1-9]/s, "refused: $what");
	unlike($said, qr/\+\+\+ regress/, "$what: nothing was begun");
}

refused('no server', 'no server answers', PGPORT => 1);
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
refused('no superuser', 'plain is no superuser', PGUSER => 'plain');
refused('no library', 'has not loaded the library');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'availability_cache'\n");
$node->restart;
refused('no prepared transactions', 'prepare transactions');
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\n");
$node->restart;
refused('the table tier is on', 'what memory alone answers');
$node->append_conf('postgresql.conf', "availability_cache.table_tier = off\n");
$node->reload;

my $said = installcheck();
like($said, qr/01_basic .*ok|ok 1 .*01_basic/, 'regress ran');
like($said, qr/iso_read_committed .*ok|ok 1 .*iso_read_committed/, 'isolation ran');
like($said, qr/All tests successful.*Result: PASS/s, 'TAP ran');
like($said, qr/status 0$/, 'and all is well') or diag $said;
my $db = $node->safe_psql('postgres', q{SELECT string_agg(datname, ' ') FROM pg_database WHERE datname LIKE 'ac\_%'});
is($db, '', 'nothing is left but the database of the suites');

my $listed = `make -s -C '$dir' --eval='ac-list: ; \@echo \$(REGRESS) \$(ISOLATION) \$(PROVE_TESTS)' ac-list PG_CONFIG='$pg_config'`;
for my $file (glob("$root/test/sql/*.sql $root/test/specs/*.spec"))
{
	my ($name) = $file =~ m{([^/]+)\.\w+$};
	like($listed, qr/\b$name\b/, "$name is among the tests");
}
done_testing;
