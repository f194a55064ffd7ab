# The first five minutes of README.md, as they stand, in an empty database: every command runs and prints what
# the page shows; cached and computed agree; and it is uninstalled as the page says. Shown to fail with a
# column renamed in the page, and with another status in its output.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../../README.md");
# Fenced: sql is run, and what follows without a language is what it prints.
my @blocks = map { [ split /\n/, $_, 2 ] } $page =~ /^```(.*?)^```$/msg;
my ($usage) = grep { $_->[0] eq 'sql' } @blocks;
ok($usage, 'the page has commands');

my $node = new_node('readme', default_tier => 1);
my $said = '';
for my $block (@blocks)
{
	my ($language, $text) = @$block;
	$text //= '';
	if ($language eq 'sql')
	{
		my ($status, $out, $error) = $node->psql('postgres', $text, extra_params => [ '--field-separator= | ' ]);
		is($status, 0, (split /\n/, $text)[0]) or diag $error;
		$said = $out;
		is($out, '0 | 28', 'none is wrong') if $text =~ /AS wrong/;
		like($out, qr/services \| .*\n\{"Haircut": 3500\}\n\{"Haircut": 3500\}\n1 \| 1\n\{"Haircut": 3900\}$/, 'a function of one\'s own') if $text =~ /price_list/;
	}
	elsif ($language eq '' && $text !~ /trigger marks/)
	{
		# Without the head, and blanks that only align.
		my @lines = grep { !/^-|^role\b/ } map { s{^\s+|\s+$}{}gr =~ s{\s*\|\s*}{ | }gr } split /\n/, $text;
		is($said, join("\n", @lines), 'what it prints');
	}
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_extension WHERE extname = 'availability_cache'}), 0, 'uninstalled');
is($node->safe_psql('postgres', 'SELECT price_list()'), '{"Haircut": 3900}', 'and the function is there');
done_testing;
