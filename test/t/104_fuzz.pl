# needs: sqlsmith
#
# Queries that nobody would write: sqlsmith on every view and function of the extension, and each of its
# functions, also those that only the extension itself calls, with arguments that are NULL, extreme, or of
# something else, as a superuser and as a role without rights, in transactions that are kept and that are not.
# The server does not crash, no error is an internal one, and what another database is told meanwhile is right
# (G7, G8, G10).
#
# AC_LONG=1: ten minutes; only then sqlsmith takes part, which needs a minute before it asks anything. What it
# found is tried first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACRobust;
use ACTest;
use Test::More;

my $seconds = $ENV{AC_LONG} ? 600 : 6;
my $node = robust_node('fuzz', conf => "track_functions = all\nstatement_timeout = '3s'\nlock_timeout = '1s'");
make_salon($node, 'fuzz');
my $s = session($node, 'fuzz', statement_timeout => '60s');
my $started = $s->run('SELECT pg_postmaster_start_time()');
$s->run(<<'EOC');
CREATE FUNCTION t.remembered(n int) RETURNS bigint STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM bookings WHERE stylist_user_id = md5('stylist ' || n)::uuid); END $$;
CREATE TABLE t.waits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stylist_user_id uuid, service_id uuid, first_day date, last_day date);
CREATE VIEW t.a_view AS SELECT 1 AS one;
CREATE ROLE nobody_much LOGIN;
CREATE ROLE smith LOGIN IN ROLE pg_monitor;
GRANT ALL ON ALL TABLES IN SCHEMA public, t, private, availability_cache, availability_cache_internal TO smith;
GRANT USAGE, CREATE ON SCHEMA public, t, private, availability_cache, availability_cache_internal TO smith;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public, t, private, availability_cache, availability_cache_internal TO smith;
EOC
sub set_up { return $s->run("SELECT count(*) FROM availability_cache.attach(); SELECT count(*) FROM availability_cache.memoize('t.remembered(int)')"); }
set_up();

# What was found once: the first two were crashes, the third one of a server that checks assertions, the
# others internal errors.
for my $call (
	[ '22023', q{availability_cache_internal.reserve_slot(t.stylist(1), NULL, 'infinity', 'infinity', 1, NULL)} ],
	[ '42804', q{availability_cache_internal.asked_as('nobody_much', 'pg_catalog', 'SELECT 1')} ],
	[ '42704', q{availability_cache_internal.asked_as(0::regrole, 'pg_catalog', 'SELECT 1')} ],
	[ '22023', q{availability_cache_internal.asked_as('nobody_much', 'pg_catalog', '')} ],
	[ '42P01', q{availability_cache_internal.waiting_rows(1)} ],
	[ '42883', q{availability_cache.memo_was_hit(1)} ])
{
	is($s->fails("SELECT $call->[1]"), $call->[0], $call->[1]);
}

my @text = (
	q{''}, q{'Asia/Kathmandu'}, q{'bookings'}, q{'services'}, q{'public.bookings'}, q{'t.remembered'}, q{'%s%n%1$s'}, q{E'\x01\t\n'}, q{repeat('x', 100000)}, q{'"'},
	q{''';--'}, q{'1'}, q{'on'}, q{'any'}, q{'all'}, q{t.stylist(1)::text}, q{'ünï…'}, q{'SELECT 1'}, q{'-infinity'}, q{'{}'}, q{'pg_catalog'});
my @oid = qw(0 1 1259 4294967295 2147483648 2200 16384);
my %values = (
	uuid => [ q{t.stylist(1)}, q{t.stylist(2)}, q{t.service(1)}, q{t.service(2)}, q{'00000000-0000-0000-0000-000000000000'}, q{gen_random_uuid()} ],
	date => [ q{t.day(0)}, q{t.day(1)}, q{current_date}, q{'infinity'}, q{'-infinity'}, q{'0001-01-01'}, q{'5874897-12-31'}, q{'4713-11-24 BC'}, q{'1999-12-31'} ],
	'timestamp with time zone' => [ q{now()}, q{t.at(0, 3)}, q{'infinity'}, q{'-infinity'}, q{'4713-11-24 00:00 BC'}, q{'294276-12-31 23:59:59.999999+00'}, q{'epoch'} ],
	text => \@text,
	name => [ map { "left($_, 60)" } @text ],
	integer => [ qw(0 1 2 -1 100 2147483647 -2147483648) ],
	bigint => [ qw(0 1 -1 1000 9223372036854775807), '-9223372036854775808' ],
	smallint => [ qw(0 1 -1 32767) ],
	'double precision' => [ qw(0 1 0.5 -1 1e308 -1e308), q{'NaN'}, q{'Infinity'} ],
	boolean => [ qw(true false) ],
	interval => [ q{'0'}, q{'1 hour'}, q{'-1 hour'}, q{'178000000 years'}, q{'1 month'}, q{'0.000001 s'}, q{'-178000000 years'} ],
	jsonb => [ q{'{}'}, q{'[]'}, q{'null'}, q{'1'}, q{'"x"'}, q{'{"stylist_user_id": "staff"}'}, q{'{"status": null, "a": [1, {"b": 2}]}'}, q{jsonb_build_object('stylist_user_id', 1)} ],
	regclass => [ q{'bookings'}, q{'services'}, q{'t.waits'}, q{'t.a_view'}, q{'pg_class'}, q{'availability_cache.rules'}, q{'private.availability_cache'}, @oid ],
	regprocedure => [ q{'t.remembered(int)'}, q{'now()'}, q{'t.stylist(int)'}, q{'public.get_available_slots_v2(uuid,uuid,date,text)'}, q{'availability_cache.health()'}, @oid ],
	regrole => [ q{'nobody_much'}, q{'postgres'}, @oid ],
	oid => \@oid,
	bytea => [ q{''}, q{'\x00'}, q{decode(repeat('ff', 10000), 'hex')} ],
	'uuid[]' => [ q{'{}'}, q{ARRAY[t.stylist(1)]}, q{ARRAY[t.stylist(1), t.stylist(2), NULL]}, q{ARRAY[[t.stylist(1)], [t.stylist(2)]]}, q{array_fill(t.stylist(1), '{300}')} ],
	'text[]' => [ q{'{}'}, q{'{a,NULL}'}, q{'{stylist_user_id}'}, q{'{request.jwt.claims.sub}'}, q{'{{a,b},{c,d}}'} ],
	'bigint[]' => [ q{'{}'}, q{'{1,2,NULL}'}, q{'{-1,9223372036854775807}'} ],
	'integer[]' => [ q{'{}'}, q{'{1,2,NULL}'} ],
	'regclass[]' => [ q{'{}'}, q{'{bookings,NULL}'}, q{'{0}'} ],
	'"any"' => [ q{1}, q{NULL::text}, q{'x'::text}, q{ARRAY[1]} ],
	anyelement => [ q{1}, q{'x'::text} ],
	record => [ q{ROW(1, 'x')}, q{ROW()} ]);
sub any { return $_[ rand @_ ]; }
sub argument
{
	my ($type) = @_;
	my $value = rand() < 0.15 || !$values{$type} ? 'NULL' : any(@{ $values{$type} });
	return $value if $type =~ /^(?:"any"|anyelement|record)$/ && $value ne 'NULL';
	return $value eq 'NULL' && $type =~ /^(?:"any"|any\w+|record|internal|cstring|trigger)$/ ? 'NULL' : "($value)::$type";
}

# Name and types of every function of the extension; those in its languages' own place are called by the
# server alone.
my $functions_of = <<'EOC';
SELECT p.oid::regproc::text, ARRAY(SELECT format_type(a, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u(a, n) ORDER BY n)::text, p.prokind, p.provariadic <> 0
  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension x ON d.refobjid = x.oid AND x.extname = 'availability_cache'
 ORDER BY 1
EOC
my @functions = map { [ split /\|/ ] } split /\n/, $s->run($functions_of);
my @relations = split /\n/, $s->run(q{SELECT objid::regclass FROM pg_depend d JOIN pg_extension x ON d.refobjid = x.oid AND x.extname = 'availability_cache'
	JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v')});

sub call
{
	my ($name, $types) = @{ any(@functions) };
	my @types = map { s/^"|"$//gr =~ s/\\"/"/gr } $types =~ /\{(.*)\}/ ? split(/,/, $1) : ();
	my @arguments = map { argument($_) } @types;
	# Those at the end may have defaults.
	pop @arguments while @arguments && rand() < 0.1;
	my $call = "$name(" . join(', ', @arguments) . ')';
	my $sql = rand() < 0.7 ? "SELECT * FROM $call LIMIT 20" : "SELECT $call, count(*) FROM " . any(@relations);
	return "BEGIN; SET LOCAL ROLE nobody_much; $sql; ROLLBACK" if rand() < 0.2;
	return rand() < 0.1 ? $sql : "BEGIN; SAVEPOINT a; $sql; ROLLBACK TO a; $sql; ROLLBACK";
}

# Standard input is what psql runs; it must not end a transaction that it did not begin, whatever fails.
sub calls { return join '', map { call() . ";\nROLLBACK;\n" } 1 .. 60; }

my $load = start_load($node, 'salon', seconds => $seconds, clients => { rc => 2, rr => 1, own => 2, price => 1 }, settings => {});
# Says at its end how many queries there were.
my ($smith, $queries) = (undef, '');
if ($ENV{AC_LONG})
{
	my %env = $node->_get_env();
	local %ENV = (%env, AC_TARGET => $node->connstr('fuzz') . ' user=smith');
	$smith = IPC::Run::start([ 'sh', '-c', "timeout $seconds sqlsmith --exclude-catalog --dump-all-queries --target=\"\$AC_TARGET\" 2>/dev/null | grep -c ';\$'" ],
		'<', '/dev/null', '>', \$queries);
}
my $fuzz = trouble($node, 'fuzz', 2, \&calls);
my $over = time() + $seconds;
while (time() < $over)
{
	sleep 1;
	# Something detaches and drops now and then.
	eval { set_up() };
}
my $runs = $fuzz->stop;
if ($smith)
{
	eval { $smith->finish };
	chomp $queries;
	cmp_ok($queries, '>', 0, 'sqlsmith asked');
}
is($load->finish, '', 'in the other database nobody has failed');

my $sums = new_sums();
my $o = session($node, 'salon');
add_found($sums, load_found($o));
$o->quit;
my $called = $s->run(qq{SELECT count(*) FROM pg_stat_user_functions WHERE funcid IN (SELECT objid FROM pg_depend d JOIN pg_extension x ON d.refobjid = x.oid
	AND x.extname = 'availability_cache' WHERE d.classid = 'pg_proc'::regclass)});
diag sprintf '%d calls of %d functions, %d of which ran; %s queries of sqlsmith', 60 * $runs, scalar(@functions), $called, $queries eq '' ? 'no' : $queries;
cmp_ok($runs, '>', 0, 'functions were called');
# Those that only say that they are not to be called so are not counted.
cmp_ok($called, '>', ($ENV{AC_LONG} ? 0.8 : 0.5) * @functions, 'most of them');
say_found('fuzz', $sums);
is($s->run('SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
$s->quit;
nothing_left($node, 'salon', 'at last');
# sqlsmith calls the server's own functions too, which have some; its are shown, and crashes count whoever
# asked.
my %of_smith = map { $_ => 1 } PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ / smith XX\d+ ERROR:  (.*)/g;
diag "sqlsmith's internal errors: $_" for sort keys %of_smith;
is(complaints($node, qr/ smith XX/), '', 'no crash, and no internal error');
$node->stop;
done_testing;
