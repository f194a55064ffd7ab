# ACWeb.pm: the stand-in for PostgREST (test/web/postgrest.mjs) beside a test's server, and programs that ask
# it. Files that use it say "# needs: node".
#
#   my $web = web_server($node, 'salon', files => ["$dir/docs/clients/booking"], listen => 'channel', env => {…});    roles as API roles are: see make_api_roles
#   $web->{url}; $web->stop
#   my ($status, $headers, $body) = $web->ask('GET', '/rpc/f?x=1', {'If-None-Match' => '"…"'}, $content);    names of headers in small letters
#   make_api_roles($node, $db)      authenticator, anon, authenticated, service_role
#   token('authenticated', sub => …)                                                                          of $ACWeb::SECRET
#   sooner_functions()              SQL of docs/clients.md: functions that return a media type
#   run_program($node, $db, [ 'node', $file, … ], env => {…})                                                 {status, out, err}
package ACWeb;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use Exporter 'import';
use File::Basename qw(dirname);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use ACTest ();
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(web_server make_api_roles token run_program sources sooner_functions);
our $SECRET = 'a secret of thirty-two characters or more';

sub sources { return dirname($ENV{AC_TEST} // dirname(__FILE__) . '/../..'); }

# The commands of docs/clients.md, "Sooner through PostgREST".
sub sooner_functions
{
	return ACTest::page_sql('clients.md', 'Sooner through PostgREST');
}

sub make_api_roles
{
	my ($node, $db) = @_;
	$node->safe_psql($db, <<'EOC');
CREATE ROLE authenticator LOGIN NOINHERIT;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
GRANT anon, authenticated, service_role TO authenticator;
EOC
	return;
}

sub token
{
	my ($role, %claims) = @_;
	my $signed = join '.', map { encode_base64url(JSON::PP->new->canonical->encode($_)) } { alg => 'HS256', typ => 'JWT' }, { role => $role, %claims };
	return "$signed." . encode_base64url(hmac_sha256($signed, $SECRET));
}

# How a program reaches the server.
sub environment
{
	my ($node, $db, %more) = @_;
	my %env = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, PGUSER => 'postgres', JWT_SECRET => $SECRET, NODE_NO_WARNINGS => 1, %more);
	delete $env{$_} for grep { !defined $env{$_} } keys %env;
	return %env;
}

sub run_program
{
	my ($node, $db, $command, %opt) = @_;
	local %ENV = environment($node, $db, PGUSER => scalar(getpwuid($<)), %{ $opt{env} // {} });
	my ($out, $err) = ('', '');
	my $limit = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	IPC::Run::run($command, '<', \undef, '>', \$out, '2>', \$err, $limit);
	return { status => $? >> 8, out => $out, err => $err };
}

sub web_server
{
	my ($node, $db, %opt) = @_;
	my $self = bless { out => '', err => '', http => HTTP::Tiny->new(timeout => 30, max_redirect => 0) }, __PACKAGE__;
	my @command = ('node', sources() . '/test/web/postgrest.mjs', map { ('--files', $_) } @{ $opt{files} // [] });
	push @command, map { ("--$_", $opt{$_}) } grep { defined $opt{$_} } qw(anon schema pre-request listen connections);
	local %ENV = environment($node, $db, PGUSER => 'authenticator', %{ $opt{env} // {} });
	$self->{timeout} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$self->{h} = IPC::Run::start(\@command, '<', \undef, '>', \$self->{out}, '2>', \$self->{err}, $self->{timeout});
	$self->{h}->pump until $self->{out} =~ /^listening on (\S+)\n/ || !$self->{h}->pumpable;
	$self->{out} =~ /^listening on (\S+)\n/ or die "the web server did not start: $self->{err}";
	$self->{url} = $1;
	$self->{timeout}->reset;
	return $self;
}

sub ask
{
	my ($self, $method, $path, $headers, $content) = @_;
	my %content = defined $content ? (content => $content) : ();
	my $said = $self->{http}->request($method, "$self->{url}$path", { headers => { 'Content-Type' => 'application/json', %{ $headers // {} } }, %content });
	return ($said->{status}, $said->{headers}, $said->{content});
}

sub stop
{
	my ($self) = @_;
	return if !$self->{h};
	$self->{h}->signal('TERM');
	eval { $self->{h}->finish };
	delete $self->{h};
	return;
}

sub DESTROY { local ($@, $?); $_[0]->stop; return; }

1;
