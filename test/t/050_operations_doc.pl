# Every SQL command of docs/operations.md runs as it stands, in a database named salon. Fails when an object
# or a column that the page names is not there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('operations');
make_salon($node, 'salon');
my $tablespace = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('salon', "CREATE TABLESPACE fast LOCATION '$tablespace'");

$node->safe_psql('salon', <<'EOC');
CREATE TABLE courses (id int PRIMARY KEY, visitors int);
INSERT INTO courses VALUES (1, 2), (2, 1);
SELECT availability_cache.watch('courses');
CREATE FUNCTION course(int) RETURNS text STABLE LANGUAGE memoized_sql AS 'SELECT visitors::text FROM courses WHERE id = $1';
EOC

my @commands = split(/(?<=;)\s+/, page_sql('operations.md'));
cmp_ok(scalar(@commands), '>=', 8, 'the page has commands');
for my $command (@commands)
{
	my ($status, undef, $error) = $node->psql('salon', $command);
	is($status, 0, (split(/\n/, $command))[0]) or diag $error;
}

# As the page says, a member of pg_monitor may run the queries of its last part.
$node->safe_psql('salon', 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
for my $command (grep { /^SELECT .*(FROM|size)/s && !/clean|flush|availability_cache\.warm/ } @commands)
{
	my ($status, undef, $error) = $node->psql('salon', $command, extra_params => [ '-U', 'watcher' ]);
	is($status, 0, 'as a member of pg_monitor: ' . (split(/\n/, $command))[0]) or diag $error;
}

$node->stop;
done_testing();
