# Every place that names the version names that of the control file. debian/ is of the servers that are
# tested, and what its rules name is there; a release goes as docs/releasing.md says (test/packages builds and
# tests the packages themselves). "make installcheck" runs the three suites against a server where the
# extension is installed, and where it cannot it says what to do first, one thing at a time, and fails.
#
# Shown to fail with: another version in debian/changelog; a debian/control that is not made of control.in; a
# step of docs/releasing.md left out; a Makefile without REGRESS ("Nothing to be done"), without TAP_TESTS,
# and with each check of test/lib/installcheck-ready taken out.
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

# ---- debian/ ----
like(slurp_file("$root/debian/changelog"), qr/\Aavailability-cache \(\Q$version\E-\d+\) /, 'debian/changelog begins with it');
is(slurp_file("$root/debian/pgversions"), join('', map { "$_\n" } @majors), 'packages are for the servers that are tested');
# As pg_buildext makes it on Debian 12, which has one server.
is(slurp_file("$root/debian/control"), slurp_file("$root/debian/control.in") =~ s/PGVERSION/15/gr, 'debian/control is made of control.in');
for my $line (grep { /^\tdh_install(?:docs|examples|changelogs) / } split /\n/, slurp_file("$root/debian/rules"))
{
	ok(-e "$root/$_", "debian/rules installs $_") for grep { !/^dh_|^--/ } split ' ', $line;
}

# ---- docs/releasing.md ----
# The steps that change the tree run one after the other in a copy; those of 1 and 4 are tests, and pushing.
SKIP:
{
	skip 'no git', 1 if system('git --version >/dev/null 2>&1') != 0;
	my $page = slurp_file("$root/docs/releasing.md");
	my %steps = $page =~ /^## (\d)\.[^\n]*\n(.*?)(?=^## |\z)/gms;
	my ($next) = $page =~ /after which (\d+\.\d+\.\d+) begins/;
	my $parent = tempdir(CLEANUP => 1);
	my $copy = "$parent/copy";
	local @ENV{qw(GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL)} = qw(a a@a a a@a);
	# Without what building left.
	system("mkdir '$copy' && cd '$root' && tar -cf - --exclude='build-*' --exclude=node_modules --exclude='*.[os]o' . | tar -C '$copy' -xf - && cd '$copy'"
		. ' && git init -q && git add --all && git commit -q -m start') == 0 or die 'cannot copy the sources';
	my $build = "export MAKEFLAGS=; PATH='$ENV{AC_BIN}:'\$PATH; cd '$copy'";
	for my $n (2, 3, 5)
	{
		my $commands = join "\n", $steps{$n} =~ /^```\n(.*?)^```$/msg;
		PostgreSQL::Test::Utils::append_to_file("$parent/$n.sh", $commands);
		my $said = `$build && bash -eu '$parent/$n.sh' 2>&1`;
		is($?, 0, "step $n of docs/releasing.md") or diag $said;
	}
	is(`cd '$copy' && git status --short`, '', 'all is committed');
	like(slurp_file("$copy/$_"), qr/\Q$next\E/, "$_ is of the next version") for qw(availability_cache.control META.json CHANGELOG.md debian/changelog docs/releasing.md);
	like(`cd '$copy' && git show --stat v$version`, qr/\Qavailability_cache--$version.sql\E/, 'the release has its script');
	like(`unzip -l '$parent/availability_cache-$version.zip' 2>&1 || tar -tf '$parent/availability-cache_$version.orig.tar.gz'`, qr{availability[-_]cache-\Q$version\E/META\.json}, 'and the archive');
	like(`$build && make -s --eval='ac-list: ; \@echo \$(DATA)' ac-list && make sql/availability_cache--$version--$next.sql`,
		qr/\Qavailability_cache--$version.sql\E.*\Q>sql\E/s, 'the next has it too, and an update from it');
}

# ---- make installcheck ----
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
$node->append_conf('postgresql.conf', "availability_cache.table_tier = off\navailability_cache.ttl = 7\n");
$node->reload;
refused('another setting', 'defaults of availability_cache.ttl');
$node->append_conf('postgresql.conf', "availability_cache.ttl = 300\n");
my $hba = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/pg_hba.conf');
my $user = $node->safe_psql('postgres', 'SELECT current_user');
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/pg_hba.new', "local all $user trust\nlocal all all reject\n");
rename $node->data_dir . '/pg_hba.new', $node->data_dir . '/pg_hba.conf' or die "rename: $!";
$node->reload;
refused('roles cannot log in', 'lets none in');
open my $out, '>', $node->data_dir . '/pg_hba.conf' or die "pg_hba.conf: $!";
print $out $hba;
close $out or die "pg_hba.conf: $!";
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
