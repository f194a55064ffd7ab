# needs: prometheus
# What is under monitoring/ works: both exporters, as Debian has them, are run and scraped and have the
# server's own figures; the rules that give sql_exporter's names those of postgres_exporter name what it has;
# promtool finds nothing wrong with the rules, and each alert fires when it should; the dashboard asks for
# nothing that is not there.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP qw(decode_json);
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils qw(slurp_file run_command);
use Test::More;

my $dir = dirname(__FILE__) . '/../../monitoring';
my $node = new_node('monitoring');
make_salon($node, 'salon');
$node->safe_psql('salon', 'CREATE ROLE prometheus LOGIN IN ROLE pg_monitor');
my $s = session($node, 'salon');
$s->run('SELECT t.v2(1, 1, 0)');
$s->run('SELECT t.v2(1, 1, 0)') for 1 .. 4;
$s->run('SELECT t.book(1, 0, 3)');
$s->run('SELECT get_available_slots_v2(t.stylist(99), t.service(1), t.day(0))');

sub get { my $answer = HTTP::Tiny->new(timeout => 5)->get($_[0]); return $answer->{success} ? $answer->{content} : ''; }

# A program until it says something of the cache's; then what it says.
sub scraped
{
	my ($port, $wanted, @command) = @_;
	my ($out, $text) = ('', '');
	my $h = IPC::Run::start(\@command, '<', \undef, '>&', \$out);
	wait_until(sub { $h->pump_nb; ($text = get("http://127.0.0.1:$port/metrics")) =~ $wanted }, "@command") or diag substr($out, -3000);
	$h->kill_kill(grace => 1);
	return $text;
}

# ---- postgres_exporter ----

my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($host, $pgport) = ($node->host, $node->port);
$ENV{DATA_SOURCE_NAME} = "user=prometheus host=$host port=$pgport dbname=salon sslmode=disable";
my $text = scraped($port, qr/^availability_cache_health_status/m, 'prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$port",
	"--extend.query-path=$dir/postgres_exporter.yaml", '--disable-settings-metrics');
my %exported = map { $_ => 1 } $text =~ /^(availability_cache_\w+)/mg;
like($text, qr/^availability_cache_memory_hits\{[^}]*datname="salon"[^}]*\} 4$/m, 'postgres_exporter: four hits');
like($text, qr/^availability_cache_activity_computed\{[^}]*source="slots"\} 2$/m, 'of the slots, two computed');
like($text, qr/^availability_cache_errors_by_code_total\{[^}]*code="STYLIST_NOT_FOUND"[^}]*\} 1$/m, 'an error by its code');
like($text, qr/^availability_cache_changes_total\{[^}]*relation="(public\.)?bookings"[^}]*\} 1$/m, 'a change by its table');
like($text, qr/^availability_cache_health_status\{[^}]*name="triggers"[^}]*\} 0$/m, 'a check');
like($text, qr/^pg_exporter_last_scrape_error\{?[^}]*\}? 0$/m, 'and no error');

# ---- sql_exporter ----

$port = PostgreSQL::Test::Cluster::get_free_port();
my $config = slurp_file("$dir/sql_exporter.yml");
my $path = $host =~ s{/}{%2F}gr;
$config =~ s{postgres://\S+}{postgres://prometheus\@/salon?host=$path&port=$pgport&sslmode=disable} or die 'no connection';
$config =~ s/interval: 15s/interval: 1s/;
my $file = PostgreSQL::Test::Utils::tempdir() . '/sql_exporter.yml';
PostgreSQL::Test::Utils::append_to_file($file, $config);
my $sql = scraped($port, qr/^sql_availability_cache_health\b/m, 'prometheus-sql-exporter', '-config.file', $file, '-web.listen-address', "127.0.0.1:$port");
like($sql, qr/^sql_availability_cache\{[^}]*col="memory_hits"[^}]*\} 4$/m, 'sql_exporter: four hits');
like($sql, qr/^sql_availability_cache_changes\{[^}]*relation="(public\.)?bookings"[^}]*\} 1$/m, 'a change by its table');
my @names = slurp_file("$dir/sql_exporter_names.rules.yml") =~ /record: (\w+)\n.*?(sql_\w+)\{(col="\w+")\}/g;
my @missing;
while (my ($record, $metric, $col) = splice(@names, 0, 3))
{
	push @missing, $record unless $exported{$record} && $sql =~ /^\Q$metric\E\{[^}]*\Q$col\E/m;
	delete $exported{$record};
}
is("@missing", '', 'each name that the rules give is one of postgres_exporter, of something that there is');
is(join(' ', sort keys %exported), '', 'and none is left out');

# ---- rules and dashboard ----

for my $check ([ 'check', 'rules', "$dir/alerts.rules.yml", "$dir/sql_exporter_names.rules.yml" ], [ 'test', 'rules', "$dir/alerts_test.yml" ])
{
	my ($out, $err) = run_command([ 'promtool', @$check ]);
	like("$out$err", qr/SUCCESS/, "promtool @$check[0, 1]");
	unlike("$out$err", qr/FAIL/, 'finds nothing wrong') or diag "$out$err";
}
my $dashboard = decode_json(slurp_file("$dir/grafana.json"));
my @asked = map { $_->{expr} =~ /\b(availability_cache_\w+)/g } map { @{ $_->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar(@asked), '>', 10, 'the dashboard asks for much');
my %known = map { $_ => 1 } $text =~ /^(availability_cache_\w+)/mg;
is(join(' ', grep { !$known{$_} } @asked, slurp_file("$dir/alerts.rules.yml") =~ /\b(availability_cache_\w+)(?=[\[\s)])/g), '', 'dashboard and alerts ask for nothing that is not there');
$s->quit;
$node->stop;
done_testing();
