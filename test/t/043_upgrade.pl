# pg_upgrade to every newer major version that is installed with its development files (or the one of
# AC_UPGRADE_TO=/path/to/pg_config): the database comes over with mapping, rules, bookings and the table
# tier's rows, answers none of these (another version's time zones), and goes on; memoized functions with
# their options and the watched table too, answered from memory again, and exactly.
#
# Run from 15 to 17, and what it does with memoized functions by a script from 15 to 17 and to 18; not shown
# to fail with a mutant.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $root = "$FindBin::RealBin/../..";
sub version_of { return qx{"$_[0]" --version} =~ /(\d+)/ ? $1 : 0; }
my $major = version_of("$ENV{AC_BIN}/pg_config");

# Programs of the extension's build for another server.
sub build_tree
{
	my ($pg_config, $dir) = @_;
	local $ENV{PG_CONFIG} = $pg_config;
	my $script = 'set -euo pipefail; . test/lib/common.sh; . test/lib/tree.sh; ac_tree_build "$1" "upgrade_$2" >&2; ac_tree_bin "$1"';
	my $bin = `cd "$root" && bash -c '$script' bash "$dir" "\$(basename "$dir")"`;
	chomp $bin;
	return $bin;
}

my @newer = grep { version_of($_) > $major && -e qx{"$_" --pgxs} =~ s/\n//r }
  $ENV{AC_UPGRADE_TO} // glob '/usr/lib/postgresql/*/bin/pg_config';
plan skip_all => "no PostgreSQL newer than $major here (with development files); AC_UPGRADE_TO=/path/to/pg_config names one" if !@newer;

# Bookings of stylist 1 on day 0 that are asked for, and one that nobody has asked for since.
sub make_old
{
	my ($name, $bin) = @_;
	my $old = new_node($name);
	make_salon($old, 'salon');
	$old->safe_psql('postgres', 'ALTER DATABASE salon SET availability_cache.table_tier = inline');
	my $s = session($old, 'salon');
	$s->run("UPDATE availability_cache.rules SET buffer_after = '10 minutes'");
	$s->run('SELECT t.book(1, 0, 0)');
	ok(
		wait_until(
			sub {
				$s->run('SELECT availability_cache.flush()');
				$s->run("SELECT t.v2($_, 1, 0)") for 1 .. 4;
				$s->run('SELECT count(*) FROM private.availability_cache') == 4;
			},
			'rows'),
		"$major: the table has rows");
	$s->run('UPDATE services SET price_cents = price_cents + 1');
	$s->run("SELECT t.v2($_, 1, 0)") for 1 .. 4;
	$s->run(<<'EOS');
CREATE FUNCTION price_of(p uuid) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ BEGIN RETURN (SELECT price_cents FROM services WHERE id = p) || coalesce(current_setting('app.tenant', true), ''); END $$;
SELECT count(*) FROM availability_cache.memoize('price_of(uuid)', vary_by => '{app.tenant}', ttl => '10 minutes', namespace => 'prices');
SELECT price_of(t.service(1)), price_of(t.service(1));
EOS
	my $state = $s->run('SELECT t.statuses(t.v1(1, 1, 0)), (SELECT buffer_after FROM availability_cache.rules)');
	$s->run('BEGIN; SELECT FROM private.availability_cache FOR UPDATE');
	my $other = session($old, 'salon');
	$other->run('SELECT t.book(2, 0, 5)');
	$s->run('COMMIT');
	is($s->run('SELECT count(*) > 0 FROM availability_cache.invalidation'), 't', 'and traces');
	# Debian's 15.20 marks every column so, and its pg_dump leaves it out; that of 17.11 does not know it, and
	# pg_upgrade fails for any table.
	$s->run("SET allow_system_table_mods = on; UPDATE pg_attribute SET attoptions = NULL WHERE array_to_string(attoptions, ' ') ~ '^pg_attver=[0-9]+\$'")
	  if slurp_file("$ENV{AC_BIN}/pg_dump") =~ /pg_attver/ && slurp_file("$bin/pg_dump") !~ /pg_attver/;
	$_->quit for $s, $other;
	$old->stop;
	return ($old, $state);
}

# As they were, and of the rows of now.
sub memoized_works
{
	my ($s, $v) = @_;
	my $asked = q{SELECT price_of(t.service(1)) = (SELECT price_cents::text FROM services WHERE id = t.service(1))};
	my $was_hit = q{SELECT availability_cache.memo_was_hit('price_of(uuid)')};

	is($s->run('SELECT function, vary_by, ttl, namespace FROM availability_cache.memoized'), 'price_of(uuid)|app.tenant|600|prices', "$v: a memoized function");
	is($s->run("$asked; $was_hit; $asked; $was_hit") =~ s/\n/ /gr, 't f t t', "$v: computed, and from memory");
	$s->run('UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(2)');
	is($s->run("$asked; $was_hit") =~ s/\n/ /gr, 't t', "$v: another row changed");
	$s->run('UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(1)');
	is($s->run("$asked; $was_hit") =~ s/\n/ /gr, 't f', "$v: its own");
	return;
}

for my $pg_config (@newer)
{
	my $v = version_of($pg_config);
	my $bin = build_tree($pg_config, "$ENV{TESTDATADIR}/tree_$v");
	ok(-x "$bin/postgres", "built for $v") or next;
	my ($old, $state) = make_old("old_$v", $bin);
	my $new = PostgreSQL::Test::Cluster->new("new_$v", install_path => dirname($bin));
	$new->init(extra => [ '--locale=C', '--encoding=UTF8', $v >= 18 ? '--no-data-checksums' : () ]);
	$new->append_conf('postgresql.conf', "shared_preload_libraries = 'availability_cache'\ntimezone = 'UTC'");
	my $dir = $new->basedir;
	{
		local %ENV = $new->_get_env();
		my $log = "$dir/upgrade.log";
		is(system(qq{cd "$dir" && pg_upgrade --no-sync -b "$ENV{AC_BIN}" -B "$bin" -d "} . $old->data_dir . '" -D "' . $new->data_dir . qq{" -s "} . $new->host . qq{" -p } . $old->port . ' -P ' . $new->port . qq{ >"$log" 2>&1}),
			0, "pg_upgrade from $major to $v")
		  or diag slurp_file($log), map { slurp_file($_) } glob $new->data_dir . '/pg_upgrade_output.d/*/log/*';
	}
	$new->start;
	my $s = session($new, 'salon');
	is($s->run('SHOW availability_cache.table_tier'), 'inline', "$v: the setting");
	is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') || count(*) FROM availability_cache.sources}), 'enabled7', "$v: the mapping and the triggers");
	is($s->run('SELECT count(*) FROM private.availability_cache'), 4, "$v: the rows came over");
	is($s->run('SELECT t.look(1, 1, 0), (SELECT buffer_after FROM availability_cache.rules)'), $state, "$v: the bookings and the rules");
	like($s->run('SELECT t.look(2, 1, 0)'), qr/^aaaaabb/, "$v: and what was booked last");
	$s->run("SELECT t.v2($_, 1, 0)") for 3, 4;
	is(stat_of($s, 'table_hits, table_errors, table_breaker'), '0|0|closed', "$v: none of the old rows is answered");
	exact_everywhere($s, 7, "$v: everything is exact");
	$s->run('SELECT t.book(3, 0, 3)');
	$s->run('UPDATE services SET price_cents = price_cents + 1');
	for my $try (1 .. 3)
	{
		$s->run("SELECT t.v2($_, 1, 0)") for 1 .. 4;
		$s->run('SELECT availability_cache.flush()') if $try < 3;
	}
	$s->quit;
	$new->restart;
	$s = session($new, 'salon');
	like($s->run('SELECT t.look(3, 1, 0)'), qr/^aaabb/, "$v: after a restart");
	$s->run("SELECT t.v2($_, 1, 0)") for 1, 2, 4;
	is(stat_of($s, 'table_hits'), 4, "$v: its own rows are answered");
	exact_everywhere($s, 7, "$v: everything is exact");
	is($s->run('SELECT availability_cache.clean() >= 0'), 't', "$v: cleaning works");
	memoized_works($s, $v);
	$s->quit;
	$new->stop;
}
done_testing();
