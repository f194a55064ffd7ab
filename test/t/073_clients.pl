# needs: node clients
# The examples of docs/clients, each run as it says, against a salon; they check what they say themselves,
# traps included. Those that can are run again behind PgBouncer in transaction mode. The types are what their
# script makes of the catalogs, and tsc (strict) passes the examples with them.
#
# Shown to fail with: errors raised by get_available_slots_json, PgBouncer in session mode or an example that
# prepares behind it, an argument of another name, `slots` also in answers without success.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use ACWeb;
use PostgreSQL::Test::Utils;
use IO::Socket::INET;
use IPC::Run ();
use Test::More;

my $clients = sources() . '/docs/clients';
my $node = new_node('clients', conf => "listen_addresses = '127.0.0.1'");
make_salon($node, 'salon');
make_api_roles($node, 'salon');
my $user = getpwuid($<);
my @asked = split /\|/, $node->safe_psql('salon', 'SELECT t.stylist(1), t.service(1), t.day(3)');
my $day = $asked[2];

sub example
{
	my ($name, $command, $says, %env) = @_;
	my $run = run_program($node, 'salon', $command, env => \%env);
	is($run->{status}, 0, "$name ends well") or diag "$run->{out}$run->{err}";
	like($run->{out}, $says, 'and has looked at what it says');
	return;
}

# ---- each by itself ----

my @javac = qw(javac -Xlint:all -Werror -d);
my $classes = "$PostgreSQL::Test::Utils::tmp_check/classes";
system(@javac, $classes, "$clients/Jdbc.java") == 0 or BAIL_OUT('Jdbc.java does not compile');
my @java = ('java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', "/usr/share/java/postgresql.jar:$classes", 'Jdbc');
sub jdbc { my ($port, $more) = @_; return [ @java, "jdbc:postgresql://127.0.0.1:$port/salon?user=$user$more", @asked ]; }

example("$_.mjs", [ 'node', "$clients/$_.mjs", @asked ], qr/^24 slots on $day$/m) for qw(node-postgres postgres-js drizzle);
example('psycopg3.py', [ '/usr/bin/python3', '-W', 'error', "$clients/psycopg3.py", @asked ], qr/^24 slots on $day$/m);
example('Jdbc.java', jdbc($node->port, ''), qr/^slots on $day$/m);

my $web = web_server($node, 'salon');
example('supabase.mjs', [ 'node', "$clients/supabase.mjs", $web->{url}, token('anon'), @asked ], qr/^24 slots on $day$/m);
$web->stop;

# ---- behind PgBouncer ----

my $dir = $node->basedir . '/pgbouncer';
mkdir $dir or die "$dir: $!";
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $ini = slurp_file("$clients/pgbouncer.ini");
$ini =~ s/port=5432/port=${\$node->port}/ && $ini =~ s/^listen_port = .*/listen_port = $port/m && $ini =~ s/^auth_type = trust/auth_type = any/m or die 'pgbouncer.ini has other lines';
$ini =~ s/^\* = (.*)/* = $1 user=$user/m;
append_to_file("$dir/pgbouncer.ini", $ini);
local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
my $log = '';
my $bouncer = IPC::Run::start([ 'pgbouncer', "$dir/pgbouncer.ini" ], '<', \undef, '>', \$log, '2>&1');
ok(wait_until(sub { $bouncer->pump_nb; IO::Socket::INET->new("127.0.0.1:$port") }, 'PgBouncer'), 'PgBouncer listens') or diag $log;

# Since 1.24 it looks after prepared statements unless it is told not to.
my ($major, $minor) = run_program($node, 'salon', [ 'pgbouncer', '--version' ])->{out} =~ /PgBouncer (\d+)\.(\d+)/;
my $named = $major > 1 || $minor >= 24 ? qr/fine, fine/ : qr/26000, 42P05|42P05, 26000/;
my %behind = (PGHOST => '127.0.0.1', PGPORT => $port, POOLED => 1);
example('pgbouncer.mjs', [ 'node', "$clients/pgbouncer.mjs", @asked ], qr/^named statements: (?:$named)\nanswered on $day$/m, %behind);
# Twice, since the second would find what the first has prepared.
for my $time (1, 2)
{
	example("$_.mjs behind it, $time", [ 'node', "$clients/$_.mjs", @asked ], qr/^24 slots on $day$/m, %behind) for qw(postgres-js drizzle);
	example("psycopg3.py behind it, $time", [ '/usr/bin/python3', "$clients/psycopg3.py", @asked ], qr/^24 slots on $day$/m, %behind);
	example("Jdbc.java behind it, $time", jdbc($port, '&prepareThreshold=0'), qr/^slots on $day$/m);
}
$bouncer->signal('INT');
$bouncer->finish;

# ---- types ----

my $made = run_program($node, 'salon', [ 'node', "$clients/types.mjs" ]);
is($made->{out}, slurp_file("$clients/availability_cache.ts"), 'availability_cache.ts is what types.mjs makes') or diag $made->{err};
my $modules = sources() . '/node_modules';
my $checked = run_program($node, 'salon', [ "$modules/.bin/tsc", '--project', "$clients/tsconfig.json" ]);
is("$checked->{status}$checked->{out}", '0', 'and the examples are right by them');

# The values of v2 that no catalog has: each status and code that there is.
my $types = slurp_file("$clients/availability_cache.ts");
my ($statuses) = $types =~ /type Status = (.*);/;
my ($reasons) = $types =~ /type Reason = (.*);/;
my ($codes) = $types =~ /type ErrorCode = (.*);/;
my ($has_statuses) = slurp_file(sources() . '/src/slots/answer.c') =~ /slot_status_names\[.*?\] = \{(.*?)\}/s;
my ($has_reasons) = slurp_file(sources() . '/src/slots/answer.c') =~ /slot_reason_names\[\w+\] =\s*\{(.*?)\}/s;
my $has_codes = join ' ', map { slurp_file(sources() . "/src/entry/$_") } qw(rpc.c own_rules.c);
is_deeply([ sort $statuses =~ /'(\w+)'/g ], [ sort $has_statuses =~ /"(\w+)"/g ], 'the statuses that there are');
is_deeply([ sort(($reasons =~ /'(\w+)'/g), qw(outside_hours off_grid)) ], [ sort $has_reasons =~ /"(\w+)"/g ], 'the reasons, but for those of explain_slot() alone');
my %codes = map { $_ => 1 } $has_codes =~ /"([A-Z]+_[A-Z_]+)"/g;
is_deeply([ sort $codes =~ /'(\w+)'/g ], [ sort keys %codes ], 'and the codes');

# What the answers have, key by key: no key without a type, and each that is not optional there.
sub keys_of { my ($type) = @_; my ($body) = $types =~ /(?:interface|type) $type\b[^{;]*\{(.*?)\n?\}/s; return map { /^\s*(\w+)(\??):/ ? [ $1, $2 ] : () } split /[\n;]/, $body; }
sub has_type
{
	my ($sql, $what, @types) = @_;
	my @declared = map { keys_of($_) } @types;
	my @keys = split / /, $node->safe_psql('salon', "SELECT string_agg(DISTINCT k, ' ') FROM ($sql) a(o), jsonb_object_keys(o) k");
	my %type = map { $_->[0] => 1 } @declared;
	is(join(' ', grep { !$type{$_} } @keys), '', "$what: every key has a type");
	is(join(' ', grep { my $name = $_; !grep { $_ eq $name } @keys } map { $_->[1] ? () : $_->[0] } @declared), '', "$what: and is there");
	return;
}
my $two = "t.stylist(1), t.service(1), t.day(3)";
for my $set ("show_reasons = false", "show_reasons = true")
{
	$node->safe_psql('salon', "UPDATE availability_cache.rules SET $set; ALTER TABLE services ADD COLUMN IF NOT EXISTS capacity int; UPDATE services SET capacity = 3; SELECT count(*) FROM availability_cache.attach('services', 'services', '{}')");
	has_type("SELECT jsonb_array_elements(get_available_slots_v2($two) -> 'slots')", "Slot, $set", qw(GetAvailableSlotsRow Slot));
	has_type("SELECT jsonb_array_elements(get_available_slots_range(t.service(1), t.day(3), t.day(4)) -> 'slots')", "RangeSlot, $set", qw(GetAvailableSlotsRow RangeSlot));
	has_type("SELECT jsonb_array_elements(get_available_days(t.service(1), t.day(3) - 30, t.day(3)) -> 'days')", "Day, $set", 'Day');
}
is($node->safe_psql('salon', "SELECT get_available_slots_v2($two) #>> '{slots,0,seats_left}'"), 3, 'seats are left');

# Of a database with rules of its own, a slot is a row of its function.
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION public.my_slots(a uuid, b uuid, c date, d text) RETURNS TABLE (starts timestamptz, "is free" boolean, seats int[]) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS 'SELECT now(), true, ARRAY[1]';
UPDATE availability_cache.rules SET compute_function = 'public.my_slots(uuid, uuid, date, text)';
EOC
$made = run_program($node, 'salon', [ 'node', "$clients/types.mjs" ]);
like($made->{out}, qr/interface Slot \{\n\tstarts: string \| null;   \/\/ timestamp with time zone\n\t"is free": boolean \| null;   \/\/ boolean\n\tseats: number\[\] \| null;   \/\/ integer\[\]\n\}/, 'with its columns');

$node->stop;
done_testing();
