# needs: node browser
# availability_cache.dashboard(): one page, well-formed, that loads nothing and runs nothing, whatever names
# there are in it; with much, with nothing; for whoever may read statistics. And the figures over time that it
# draws. As PostgREST gives it, in Chromium: wide and on a phone, light and dark, the same three. Shown to
# fail with: html() that returns its argument; history_note() that notes each time; in Chromium, tables that
# scroll without tabindex or not by themselves, no main, --faint as #999.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use ACWeb;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dashboard', hooks => 1);
my $name = q{<script>alert(1)</script> & "q'};
my $evil = '<img src=x onerror=alert(1)>';
my $wide = 'W' x 60;
make_salon($node, 'salon');
$node->safe_psql('postgres', 'CREATE DATABASE hostile');
$node->safe_psql('hostile', <<"EOC");
CREATE EXTENSION availability_cache;
CREATE TABLE "$evil" (i int);
CREATE FUNCTION "<b>f</b>"(x int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM "$evil" WHERE i = x); END';
SELECT count(*) FROM availability_cache.memoize('"<b>f</b>"(int)');
CREATE FUNCTION "$wide"(x int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM "$evil"); END';
SELECT count(*) FROM availability_cache.memoize('"$wide"(int)');
EOC
$node->safe_psql('postgres', 'ALTER DATABASE hostile RENAME TO "' . $name =~ s/"/""/gr . '"');

# What stands in the page, as XML, by XPath.
sub xpath { my ($s, $path) = @_; return $s->run("SELECT array_to_string(xpath('$path', xmlparse(DOCUMENT availability_cache.dashboard()))::text[], '|')"); }

my $s = session($node, 'salon');
my $base = $s->run("SELECT date_trunc('hour', now()) + interval '2 hours'");
sub at_minute { return $s->run("SELECT set_config('availability_cache.test_now', (timestamptz '$base' + interval '$_[0] minutes')::text, false)"); }
like(xpath($s, '//p[@class="none"]/text()'), qr/not enough so far/, 'with nothing: it says so');
at_minute(0);
$s->run('SELECT t.v2(1, 1, 0)');
$s->run('SELECT t.v2(1, 1, 0)') for 1 .. 3;
at_minute(4);
$s->run('SELECT t.v2(2, 1, 0)');
is($s->run("SELECT count(*) FROM availability_cache.history WHERE datname = 'salon'"), '0', 'history: not after four minutes');
at_minute(6);
$s->run('SELECT t.v2(3, 1, 0)');
is($s->run("SELECT at - since, hits, computed, round(hit_ratio::numeric, 2) FROM availability_cache.history WHERE datname = 'salon'"),
	'00:06:00|3|2|0.60', 'but after six: what happened between');
at_minute(12);
$s->run('SELECT t.v2(4, 1, 0)');
$s->run("RESET availability_cache.test_now");
like(xpath($s, '//div[b]/b/text()'), qr/^\d/, 'with something: figures');
is(xpath($s, 'count(//*[local-name()="script" or local-name()="img" or local-name()="link" or local-name()="iframe" or @src or @href or @onerror])'), '0', 'it loads and runs nothing');
like($s->run('SELECT availability_cache.dashboard()'), qr/<polyline points="40.0,[\d.]+ 630.0,[\d.]+"/, 'and a line of two points');
like(xpath($s, '//td/text()'), qr/slots/, 'the slots have a row');

my $h = session($node, $name);
$h->run('SELECT "<b>f</b>"(1)');
$h->run('SELECT "<b>f</b>"(1)');
$h->run(qq{SELECT "$wide"(1)});
$h->run(qq{INSERT INTO "$evil" VALUES (1)});
is(xpath($h, 'count(//*[local-name()="script" or local-name()="img" or local-name()="b" and not(parent::*[local-name()="div"])])'), '0', 'hostile names are text');
like(xpath($h, '//td/text()'), qr/&lt;img src=x onerror=alert\(1\)&gt;/, 'that is shown');
like(xpath($h, '//h1/text()'), qr/&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; "q'/, 'as that of the database is');
is($h->run('SELECT pg_typeof(availability_cache.dashboard())'), 'availability_cache."text/html"', 'of the media type, for PostgREST');
$h->quit;

$node->safe_psql('salon', 'CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats; CREATE ROLE nobody_else LOGIN');
my $watcher = session($node, 'salon', user => 'watcher');
like($watcher->run('SELECT length(availability_cache.dashboard())'), qr/^\d{4,}$/, 'pg_read_all_stats may look');
$watcher->quit;
my $nobody = session($node, 'salon', user => 'nobody_else');
is($nobody->fails('SELECT availability_cache.dashboard()'), '42501', 'nobody else may');
$nobody->quit;
$s->quit;

# ---- through PostgREST, in a browser ----

make_api_roles($node, 'postgres');
$node->safe_psql('postgres', 'GRANT watcher TO authenticator; CREATE DATABASE nothing');
$node->safe_psql('nothing', 'CREATE EXTENSION availability_cache');
make_salon($node, 'busy', stylists => 6, days => 14);
$node->safe_psql('busy', "\\i " . sources() . '/test/web/dashboard.sql');
my %shown = (none => 'nothing', much => 'busy', hostile => $name);
my %web = map { $_ => web_server($node, $shown{$_}, schema => 'availability_cache', anon => 'watcher') } keys %shown;
my @asked = $web{much}->ask('GET', '/rpc/dashboard', { Accept => 'text/html', Authorization => 'Bearer ' . token('anon') });
is($asked[0], 403, 'who may not read statistics has no page');
my $used = run_program($node, 'postgres', [ 'node', sources() . '/test/web/dashboard.mjs', $ENV{AC_SHOTS} || $PostgreSQL::Test::Utils::tmp_check, map { "$_=$web{$_}{url}/rpc/dashboard" } sort keys %web ]);
for my $line (split /\n/, $used->{out})
{
	$line =~ /^(not )?ok - (.*)/ ? ok(!$1, $2) : $line =~ /^# (.*)/ && note($1);
}
like($used->{out}, qr/^done$/m, 'it came to the end') or diag $used->{err};
is(() = $used->{out} =~ /^# availability_cache: \Q$name\E$/mg, 4, 'the hostile name is the title, as it is');
$_->stop for values %web;
$node->stop;
done_testing();
