# ACTest.pm: throwaway servers with a salon, and sessions that can be left waiting.
#
#   my $node = new_node('name', hooks => 1, conf => 'a = b');     # started; conf: lines of postgresql.conf
#   make_salon($node, 'salon', stylists => 4, bookings => 0);     # variables of test/salon.sql
#   my $s = session($node, 'salon');
#   $s->run('SELECT 1')         its output; an error ends the test
#   $s->fails('SELECT 1/0')     the SQLSTATE, '' if it did not fail
#   $s->send('SELECT …')        returns at once; then
#   $s->ready                   whether it has been answered
#   $s->result                  waits; output, and {error} and {sqlstate} are set
#
# SQL in every salon's schema t: see helpers_sql.
package ACTest;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(new_node make_salon session wait_until stat_of exact_everywhere nothing_pending salon_start
  page_sql set_mutant is_from_table play_scenarios play_each_mutant write_beside_commit sleep time);

# The directory above a directory of programs, as Cluster wants it.
sub tree
{
	my ($hooks) = @_;
	my $name = $hooks ? 'AC_HOOKS_BIN' : 'AC_BIN';
	my $bin = $ENV{$name} or plan skip_all => "$name is not set: run test/run tap";
	return dirname($bin);
}

# hooks: the build that can break the protocol; preload => 0: without shared_preload_libraries;
# default_tier: table_tier as it is by default, and not off;
# streaming: allows_streaming of Cluster; start => 0: only initialised; from => [node, backup].
sub new_node
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, install_path => tree($opt{hooks}));

	if ($opt{from})
	{
		$node->init_from_backup(@{ $opt{from} }, has_streaming => 1);
	}
	else
	{
		$node->init(allows_streaming => $opt{streaming} // 0, extra => [ '--locale=C', '--encoding=UTF8' ]);
		$node->append_conf('postgresql.conf', <<"EOC");
max_connections = 80
shared_buffers = 32MB
log_statement = none
autovacuum = off
timezone = 'UTC'
EOC
		# What is in memory is what most tests look at; those of the tier say so.
		$node->append_conf('postgresql.conf', 'availability_cache.table_tier = off') unless $opt{default_tier};
		$node->append_conf('postgresql.conf', "shared_preload_libraries = 'availability_cache'") if $opt{preload} // 1;
	}
	$node->append_conf('postgresql.conf', $opt{conf}) if defined $opt{conf};
	$node->start if $opt{start} // 1;
	return $node;
}

# The calendar's first day, fixed once so that a midnight in between does not matter.
my $salon_start;
sub salon_start
{
	my ($node) = @_;
	$salon_start //= $node->safe_psql('postgres', "SELECT (now() AT TIME ZONE 'Asia/Kathmandu')::date + 2");
	return $salon_start;
}

# Everybody works 08:00 to 20:00 every day, without breaks or overrides: 24 slots of 30 minutes for service 1.
# extension => 0: only the tables and helpers.
sub make_salon
{
	my ($node, $db, %opt) = @_;
	my $extension = delete $opt{extension} // 1;
	my $start = salon_start($node);
	my %vars = (stylists => 4, services => 3, days => 7, bookings => 0, start => $start, %opt);
	my $salon = $ENV{AC_SALON} // dirname(__FILE__) . '/../../salon.sql';
	my $script = join('', map { "\\set $_ '$vars{$_}'\n" } sort keys %vars) . "\\i '$salon'\n" . <<'EOC';
DELETE FROM schedule_overrides;
DELETE FROM booking_reservations;
UPDATE stylist_schedules SET break_start_time = NULL, break_end_time = NULL;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
SELECT p.user_id, d, '08:00', '20:00'
  FROM stylist_profiles p, generate_series(0, 6) d
 WHERE NOT EXISTS (SELECT FROM stylist_schedules s WHERE s.stylist_user_id = p.user_id AND s.day_of_week = d);
UPDATE stylist_services SET custom_duration_minutes = NULL, custom_price_cents = NULL;
EOC
	$node->safe_psql('postgres', "CREATE DATABASE $db") unless $db eq 'postgres';
	$node->safe_psql($db, $script);
	$node->safe_psql($db, helpers_sql($start));
	$node->safe_psql($db, 'CREATE EXTENSION availability_cache; SELECT count(*) FROM availability_cache.attach()')
	  if $extension;
	return;
}

sub helpers_sql
{
	my ($start) = @_;
	return <<"EOC";
CREATE SCHEMA t;
CREATE FUNCTION t.stylist(n int) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('stylist ' || n)::uuid;
CREATE FUNCTION t.service(n int) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('service ' || n)::uuid;
CREATE FUNCTION t.room(n int) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('room ' || n)::uuid;
CREATE FUNCTION t.day(n int) RETURNS date IMMUTABLE LANGUAGE sql RETURN date '$start' + n;
-- The start of slot n (0 to 23) of a day.
CREATE FUNCTION t.at(day int, n int) RETURNS timestamptz IMMUTABLE LANGUAGE sql
    RETURN (date '$start' + day + make_interval(hours => 8, mins => 30 * n)) AT TIME ZONE 'Asia/Kathmandu';

-- What v2 should have under "slots", made of v1's rows; with nothing remembered between calls.
CREATE FUNCTION t.v1(s int, v int, d int, zone text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET availability_cache.enabled = off AS \$\$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
               'slot_start_utc', to_char(slot_start_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
               'slot_end_utc', to_char(slot_end_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
               'slot_start_local', to_char(slot_start_local, 'YYYY-MM-DD"T"HH24:MI:SS'),
               'slot_end_local', to_char(slot_end_local, 'YYYY-MM-DD"T"HH24:MI:SS'),
               'slot_display', slot_display, 'status', status, 'price_cents', price_cents)), '[]')
      FROM public.get_available_slots(t.stylist(s), t.service(v), t.day(d), zone));
END
\$\$;
CREATE FUNCTION t.price_v1(s int, v int, d int) RETURNS int LANGUAGE plpgsql SET availability_cache.enabled = off AS \$\$
BEGIN
    RETURN (SELECT min(price_cents) FROM public.get_available_slots(t.stylist(s), t.service(v), t.day(d)));
END
\$\$;
CREATE FUNCTION t.v2(s int, v int, d int, zone text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS \$\$
DECLARE
    answer jsonb := public.get_available_slots_v2(t.stylist(s), t.service(v), t.day(d), zone);
BEGIN
    IF NOT (answer ->> 'success')::boolean THEN
        RAISE EXCEPTION 'v2: %', answer;
    END IF;
    RETURN answer -> 'slots';
END
\$\$;
CREATE FUNCTION t.hit(s int, v int, d int) RETURNS boolean LANGUAGE plpgsql AS \$\$
BEGIN
    RETURN public.get_available_slots_v2(t.stylist(s), t.service(v), t.day(d)) ->> 'cache_hit';
END
\$\$;
CREATE FUNCTION t.statuses(answer jsonb) RETURNS text IMMUTABLE LANGUAGE sql
    RETURN (SELECT string_agg(left(x ->> 'status', 1), '' ORDER BY n) FROM jsonb_array_elements(answer) WITH ORDINALITY e(x, n));
-- A letter per slot (a, b, r, u, i), as v2 has them.
CREATE FUNCTION t.look(s int, v int, d int) RETURNS text LANGUAGE sql RETURN t.statuses(t.v2(s, v, d));
CREATE FUNCTION t.exact(s int, v int, d int) RETURNS boolean LANGUAGE plpgsql AS \$\$
BEGIN
    RETURN t.v2(s, v, d) = t.v1(s, v, d);
END
\$\$;
-- Whether v2 says what v1 says, also where that is an error; of service 1.
CREATE FUNCTION t.same(s int, d int) RETURNS boolean LANGUAGE plpgsql AS \$\$
DECLARE
    v1 jsonb;
    v2 jsonb;
BEGIN
    BEGIN
        v1 := t.v1(s, 1, d);
    EXCEPTION WHEN OTHERS THEN
        v1 := NULL;
    END;
    v2 := public.get_available_slots_v2(t.stylist(s), t.service(1), t.day(d));
    RETURN CASE WHEN v1 IS NULL THEN NOT (v2 ->> 'success')::boolean ELSE v2 -> 'slots' = v1 END;
END
\$\$;
-- A booking (or hold) of half an hour in slot n.
CREATE FUNCTION t.book(s int, d int, n int, status text DEFAULT 'confirmed') RETURNS void LANGUAGE sql AS \$\$
    INSERT INTO public.bookings (stylist_user_id, service_id, start_time, end_time, status)
    VALUES (t.stylist(s), t.service(1), t.at(d, n), t.at(d, n + 1), status)
\$\$;
CREATE FUNCTION t.hold(s int, d int, n int, lasts interval) RETURNS void LANGUAGE sql AS \$\$
    INSERT INTO public.booking_reservations (stylist_user_id, service_id, start_time, end_time, expires_at)
    VALUES (t.stylist(s), t.service(1), t.at(d, n), t.at(d, n + 1), clock_timestamp() + lasts)
\$\$;
EOC
}

# From its next start on every process of the server is broken in the same way, or none is ('none').
sub set_mutant
{
	my ($node, $mutant) = @_;
	$node->safe_psql('postgres', "LOAD 'availability_cache';\nALTER SYSTEM SET availability_cache.test_mutant = '$mutant'");
	return;
}

# Has the table keep a day of service 1, the only row of that day, and memory forget it; whether the reader is
# answered from the table then.
sub is_from_table
{
	my ($reader, $writer, $stylist, $day) = @_;
	for (1 .. 4)
	{
		$writer->run("SELECT availability_cache.invalidate(t.stylist($stylist))");
		$reader->run("SELECT t.v2($stylist, 1, $day)");
		last if $writer->run("SELECT count(*) FROM private.availability_cache WHERE cache_date = t.day($day)") eq '1';
	}
	$writer->run("UPDATE private.availability_cache SET computed_at = computed_at WHERE cache_date = t.day($day)");
	return $reader->run("SELECT t.hit($stylist, 1, $day)") eq 't';
}

# Plays scenarios on a server of that name ('table': without preload), and each again with the mutant that its name
# begins with: 0 is right, what begins with another digit is wrong. $make is called with the server, once;
# $begin after each start, and returns a session.
sub play_scenarios
{
	my ($name, $tier, $make, $begin, %scenarios) = @_;
	my $node = new_node($name, hooks => 1, preload => $name eq 'table' ? 0 : 1, conf => "availability_cache.table_tier = $tier");
	my $start = sub { set_mutant($node, $_[0]); $node->restart; return $begin->(); };

	$make->($node);
	my $session = $start->('none');
	is($scenarios{$_}->(), 0, "$name, unbroken: $_") for sort keys %scenarios;
	exact_everywhere($session, 7, "$name: everything is exact afterwards");
	for (sort keys %scenarios)
	{
		my ($mutant) = /^(\w+)/;
		$start->($mutant);
		like($scenarios{$_}->(), qr/^[1-9]/, "$name, $mutant: found");
	}
	$start->('none');
	$node->stop;
	return;
}

# Plays scenarios, each given as [ mutant => sub ], unbroken, which is 0, and then each with its mutant, which is 1.
sub play_each_mutant
{
	my ($node, $restart, @broken) = @_;
	for my $mutant ('none', map { $_->[0] } @broken)
	{
		set_mutant($node, $mutant);
		$restart->();
		for my $b (grep { $mutant eq 'none' || $_->[0] eq $mutant } @broken)
		{
			is($b->[1]->(), $mutant eq 'none' ? 0 : 1, "$mutant: scenario of $b->[0]");
		}
	}
	return;
}

# The SQLSTATEs of two writes to a salon with the guard, the second made while the first has been checked and is
# not yet visible. $watch: a session there.
sub write_beside_commit
{
	my ($node, $watch, $one, $other, %with) = @_;
	my $first = session($node, 'salon', 'availability_cache.test_sleep_before_visible' => 600000, %with);
	my $second = session($node, 'salon', %with);
	my $before = stat_of($watch, 'invalidations');

	$first->send($one);
	wait_until(sub { stat_of($watch, 'invalidations') > $before }, 'the first to be checked');
	my $code = $second->fails($other);
	$first->result;
	return ($first->{sqlstate}, $code);
}

# The SQL of a page of docs/, or of one of its parts: what is fenced as sql, and what is indented.
sub page_sql
{
	my ($name, $heading) = @_;
	my $page = slurp_file(dirname(__FILE__) . "/../../../docs/$name");
	($page) = $page =~ /^##+ \Q$heading\E\n(.*?)(?=^##? |\z)/ms or die "$name has no heading $heading" if defined $heading;
	return join "\n", map { /\A```/ ? m/\A```sql\n(.*)^```/ms : s/^ {4}//gmr } $page =~ /((?:^ {4}[^\n]*\n)+|^```.*?^```$)/msg;
}

sub session { return ACTest::Session->new(@_); }

# Looks every few milliseconds; false if it never came true.
sub wait_until
{
	my ($condition, $what) = @_;
	my $end = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $end)
	{
		return 1 if $condition->();
		sleep 0.01;
	}
	diag "waited in vain: $what" if $what;
	return 0;
}

# A counter of availability_cache.stats for this session's database.
sub stat_of
{
	my ($s, $columns) = @_;
	return $s->run("SELECT $columns FROM availability_cache.stats WHERE datname = current_database()");
}

# v2 twice and v1 for every stylist, offered service and day: all three the same.
sub exact_everywhere
{
	my ($s, $days, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# Not where the clock has changed the answer in between, as when a hold expires.
	return is($s->run(<<"EOC"), 't|0', $name);
SELECT count(*) FILTER (WHERE before = after) > 0, count(*) FILTER (WHERE before = after AND (one <> before OR two <> before))
  FROM (SELECT t.v1(s, v, d) AS before, t.v2(s, v, d) AS one, t.v2(s, v, d) AS two, t.v1(s, v, d) AS after
          FROM generate_series(1, (SELECT count(*)::int FROM stylist_profiles)) s,
               generate_series(1, (SELECT count(*)::int FROM services)) v, generate_series(0, $days - 1) d
         WHERE EXISTS (SELECT FROM stylist_services x WHERE x.stylist_user_id = t.stylist(s) AND x.service_id = t.service(v))
        OFFSET 0) x
EOC
}

sub nothing_pending
{
	my ($s, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(stat_of($s, 'cells_pending'), '0', $name // 'no cell is pending');
}

package ACTest::Session;

use strict;
use warnings;
use PostgreSQL::Test::Utils ();
use Test::More;

my $last = 0;

# Options are sent as SET statements: session($node, $db, 'availability_cache.ttl' => '1s'); but user is who
# connects.
sub new
{
	my ($class, $node, $db, %settings) = @_;
	my $self = bless { stdin => '', stdout => '', stderr => '', error => '', sqlstate => '' }, $class;
	my %env = $node->_get_env();
	my $user = delete $settings{user};
	local %ENV = (%env, defined $user ? (PGUSER => $user) : ());

	$self->{timeout} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$self->{h} = IPC::Run::start(
		[
			$node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($db), '-f', '-'
		],
		'<', \$self->{stdin}, '>', \$self->{stdout}, '2>', \$self->{stderr}, $self->{timeout});
	$self->run("SET $_ = '$settings{$_}'") for sort keys %settings;
	$self->{pid} = $self->run('SELECT pg_backend_pid()');
	return $self;
}

sub pid { return $_[0]{pid}; }

sub send
{
	my ($self, $sql) = @_;
	my $mark = 'answered ' . ++$last;

	$self->{mark} = qr/^\Q$mark\E\n/m;
	$self->{stdin} .= "$sql\n;\n\\echo $mark\n\\warn $mark\n";
	$self->{timeout}->start;
	$self->pump(0);
	return $self;
}

sub pump
{
	my ($self, $wait) = @_;
	local $SIG{PIPE} = 'IGNORE';

	return if $self->{gone};
	# psql ends when it loses its connection.
	my $lives = eval {
		$wait ? $self->{h}->pump : $self->{h}->pump_nb;
		$self->{h}->pumpable;
	};
	die $@ if $@ =~ /timeout/i;
	$self->{gone} = 1 unless $lives;
	return;
}

sub answered { my ($self) = @_; return $self->{stdout} =~ $self->{mark} && $self->{stderr} =~ $self->{mark}; }

sub ready
{
	my ($self) = @_;
	$self->pump(0);
	return $self->{gone} || $self->answered;
}

sub result
{
	my ($self) = @_;

	$self->pump(1) until $self->{gone} || $self->answered;
	if ($self->{gone})
	{
		eval { $self->{h}->finish };
	}
	my ($out, $err) = @$self{qw(stdout stderr)};
	$out =~ s/$self->{mark}//;
	$err =~ s/$self->{mark}//;
	chomp $out;
	@$self{qw(stdout stderr)} = ('', '');
	$self->{error} = $err;
	$self->{sqlstate} = $err =~ /^(?:psql:[^:]*:\d+: )?(?:ERROR|FATAL|PANIC):  (\w{5}):/m ? $1 : $self->{gone} ? 'gone' : '';
	return $out;
}

sub run
{
	my ($self, $sql) = @_;
	my $out = $self->send($sql)->result;

	die "failed: $sql\n$self->{error}" if $self->{sqlstate} ne '';
	return $out;
}

sub fails
{
	my ($self, $sql) = @_;
	$self->send($sql)->result;
	return $self->{sqlstate};
}

sub quit
{
	my ($self) = @_;
	return if $self->{gone}++;
	local $SIG{PIPE} = 'IGNORE';
	$self->{stdin} .= "\\q\n";
	eval { $self->{h}->finish };
	return;
}

1;
