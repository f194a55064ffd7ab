# What an installation does that sets nothing: the table tier is on, written by a worker if the library is
# preloaded, else by the sessions.
#
# Shown to fail with settings_define that has the other default in either case, or off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $ask = 'SELECT count(t.v2(s, 1, d)) FROM generate_series(1, 4) s, generate_series(0, 2) d';

my $node = new_node('preloaded', default_tier => 1);
make_salon($node, 'salon', stylists => 4);
my $s = session($node, 'salon');
is($s->run(q{SELECT setting, boot_val FROM pg_settings WHERE name = 'availability_cache.table_tier'}), 'background|background', 'preloaded: background');
$s->run("SET default_transaction_read_only = on; $ask");
ok(wait_until(sub { $s->run('SELECT count(*) FROM private.availability_cache') == 12 }, 'rows'), 'answers come into the table');
$s->run('RESET default_transaction_read_only');
$s->run('SELECT t.book(1, 0, 3)');
is($s->run('SELECT count(*) FROM private.availability_cache'), 11, 'and those of a booked day go');
$s->quit;
$node->restart;
$s = session($node, 'salon');
is($s->run('SELECT t.hit(1, 1, 0), t.hit(1, 1, 1), t.look(1, 1, 0)'), 'f|t|aaab' . 'a' x 20, 'after a restart they are answered');
is(stat_of($s, 'table_hits, table_errors'), '1|0', 'from the table');
$s->quit;
$node->stop;

$node = new_node('plain', preload => 0, default_tier => 1);
make_salon($node, 'salon', stylists => 4);
$s = session($node, 'salon');
# To begin may take two transactions.
$s->run('SELECT t.v2(1, 1, 0)') for 1 .. 3;
is($s->run(q{SELECT setting, boot_val FROM pg_settings WHERE name = 'availability_cache.table_tier'}), 'inline|inline', 'without preload: inline');
is($s->run('SELECT t.hit(1, 1, 0)'), 't', 'answers are kept');
my $w = session($node, 'salon');
$w->run('SELECT t.book(1, 0, 3)');
is($s->run('SELECT t.look(1, 1, 0), t.hit(1, 1, 0)'), 'aaab' . 'a' x 20 . '|t', 'and outdated');
exact_everywhere($s, 7, 'everything is exact');
$_->quit for $s, $w;
$node->stop;
done_testing();
