# Every command of docs/security.md runs as it stands, in a database named salon, and gives what the page says
# and no more. Fails when a grant that the page names is not enough, or gives another role's rights.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('security');
make_salon($node, 'salon');
$node->safe_psql('salon', 'SELECT availability_cache.detach()');

my @commands = split(/(?<=;)\s+/, page_sql('security.md'));
cmp_ok(scalar(@commands), '>=', 12, 'the page has commands');
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
# A function that is new and answers, and that the page does not revoke.
is($node->safe_psql('salon', <<'EOC'), '', 'nothing that answers is left to everybody');
SELECT string_agg(p.oid::regprocedure::text, ' ')
  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
       JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'availability_cache'
 WHERE p.proname ~ '^(get_|explain_)' AND has_function_privilege('nobody', p.oid, 'EXECUTE');
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
	[ 'SELECT availability_cache.explain_slot(t.stylist(1), t.service(1), t.day(0)::timestamptz)' => '' ],
	[ "UPDATE availability_cache.rules SET slot_step = '30 minutes'" => 'salon_admin' ],
	[ 'SELECT availability_cache.invalidate(t.stylist(1))' => 'salon_admin' ],
	[ 'SELECT availability_cache.flush()' => 'salon_admin' ],
	(map { [ "SELECT count(*) FROM availability_cache.$_" => 'salon_watcher' ] } qw(stats entries source sources invalidation)),
	[ 'SELECT count(*) FROM availability_cache.rules' => 'salon_owner salon_admin salon_watcher' ],
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
