# docs/settings.md has every setting, with its default, range and who sets it as pg_settings has them, and a
# description that is not empty. Shown to fail with a setting left out of the page, another default, and
# another range.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my %larger = (kB => [ [ 1024, 'MB' ] ], s => [ [ 86400, 'd' ], [ 3600, 'h' ], [ 60, 'min' ] ], ms => [ [ 60000, 'min' ], [ 1000, 's' ] ]);

# As SHOW has it.
sub shown
{
	my ($value, $unit) = @_;
	return $value if $unit eq '' || $value eq '0';
	for my $step (@{ $larger{$unit} })
	{
		return $value / $step->[0] . $step->[1] if $value % $step->[0] == 0;
	}
	return "$value$unit";
}

sub range_of
{
	my ($type, $unit, $least, $most, $words) = @_;
	return $words if $type eq 'enum';
	return '' if $type eq 'bool' || $type eq 'string';
	# Nobody comes near the largest number of some.
	return 'from ' . shown($least, $unit) if $most >= 1 << 30;
	return shown($least, $unit) . ' to ' . shown($most, $unit);
}

my %who = (superuser => 'superuser', sighup => 'reload', postmaster => 'start', user => 'function');
my %page;
for (split /\n/, slurp_file("$FindBin::RealBin/../../docs/settings.md"))
{
	next unless /^\| `(?!availability_cache)/;
	my (undef, $name, $default, $range, $who, $text) = map { s/^\s+|\s+$//gr } split /\|/;
	$page{ $name =~ s/`//gr } = "$default; $range; $who";
	cmp_ok(length($text), '>', 10, "$name is described");
}

my $node = new_node('settings', conf => 'availability_cache.shared_memory_size = 64MB');
$node->safe_psql('postgres', 'CREATE EXTENSION availability_cache');
my $rows = $node->safe_psql('postgres', <<'EOC');
SELECT get_available_slots_v2(NULL, NULL, NULL) IS NULL \g /dev/null
SELECT name, vartype, coalesce(unit, ''), min_val, max_val, array_to_string(enumvals, ', '), boot_val, context, short_desc, extra_desc
  FROM pg_settings WHERE name LIKE 'availability_cache.%'
EOC
for (split /\n/, $rows)
{
	my ($name, $type, $unit, $least, $most, $words, $default, $context, $short, $extra) = split /\|/;
	$name =~ s/^availability_cache\.//;
	is(delete $page{$name}, join('; ', shown($default, $unit), range_of($type, $unit, $least, $most, $words), $who{$context}), $name);
	like($short, qr/^[A-Z][a-z]+ .*\.$/, "$name has a description");
	isnt($extra, '', "$name has more of it");
}
is(join(' ', sort keys %page), '', 'the page has no others');
$node->stop;
done_testing();
