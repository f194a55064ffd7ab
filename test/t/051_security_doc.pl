# Every command of docs/security.md runs as it stands, in a database named salon, and gives what the page says and no more.
# Fails when a grant that the page names is not enough, or gives another role's rights.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('security');
make_salon($node, 'salon');
$node->safe_psql('salon', 'SELECT availability_cache.detach()');

open(my $page, '<', dirname(__FILE__) . '/../../docs/security.md') or die "no page: $!";
# Indented lines are commands, ended by a semicolon.
my @commands = split(/(?<=;)\s+/, join('', map { s/^ {4}//r } grep { /^ {4}/ } <$page>));
close($page);
cmp_ok(scalar(@commands), '>=', 15, 'the page has commands');
my @last = splice @commands, -1;
sub runs
{
	for my $command (@_)
	{
		my ($status, undef, $error) = $node->psql('salon', $command);
		is($status, 0, $command) or diag $error;
	}
	return;
}
runs(@commands);

my @roles = map { /^CREATE ROLE (\w+)/ } @commands;
is("@roles", 'salon_owner salon_admin salon_web salon_watcher', 'the roles of the page');
$node->safe_psql('salon', join ';', 'CREATE ROLE nobody', 'GRANT USAGE ON SCHEMA t TO PUBLIC',
	map { "ALTER ROLE $_ LOGIN" } @roles, 'nobody');
$node->safe_psql('salon', <<'EOC');
SELECT format('ALTER TABLE %s OWNER TO salon_owner', c.oid::regclass) FROM pg_class c
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \gexec
EOC
my %session = map { $_ => session($node, 'salon', user => $_) } @roles, 'nobody';

# What is done, and who can.
my $attach = 'SELECT count(*) FROM availability_cache.attach()';
my @rights = (
	[ $attach => 'salon_owner' ],
	[ q{SELECT action FROM availability_cache.attach('bookings', 'bookings')} => 'salon_owner' ],
	[ "SELECT availability_cache.detach('bookings'); $attach" => 'salon_owner' ],
	[ 'SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0))' => 'salon_web' ],
	[ 'SELECT get_available_slots_json(t.stylist(1), t.service(1), t.day(0))' => '' ],
	[ "UPDATE availability_cache.rules SET slot_step = '30 minutes'" => 'salon_admin' ],
	[ 'SELECT availability_cache.invalidate(t.stylist(1))' => 'salon_admin' ],
	[ 'SELECT availability_cache.flush()' => 'salon_admin' ],
	(map { [ "SELECT count(*) FROM availability_cache.$_" => 'salon_watcher' ] } qw(stats entries source sources invalidation)),
	[ 'SELECT count(*) FROM availability_cache.rules' => 'salon_admin salon_watcher' ],
	[ 'SELECT count(*) FROM private.availability_cache' => 'salon_watcher' ],
	[ 'SELECT availability_cache.reset_stats()' => '' ],
	[ 'SELECT availability_cache.clean()' => '' ],
	[ 'SET availability_cache.enabled = off' => '' ],
	[ 'DELETE FROM private.availability_cache' => '' ]);
for my $right (@rights)
{
	my ($sql, $who) = @$right;
	is(join(' ', grep { $session{$_}->fails($sql) eq '' } @roles, 'nobody'), $who, ($who || 'none of them') . ": $sql");
}
my $s = session($node, 'salon');
exact_everywhere($s, 2, 'everything is exact');
runs(@last);
is($session{salon_owner}->fails(q{SELECT availability_cache.attach('bookings', 'bookings')}), '42501', 'who may no longer attach');
is($s->fails('SELECT t.v1(1, 1, 0)') . $s->run(q{SELECT get_available_slots_v2(t.stylist(1), t.service(1), t.day(0)) ->> 'code'}), '55000INTERNAL_ERROR',
	'has no tables that count');
$node->stop;
done_testing();
