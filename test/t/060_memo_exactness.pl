# Memoized functions (G1, G2, G5, G6, G11): random tables, functions, writes and DDL from several sessions;
# after each step a memoized function says what its copy without memory says, in every session.
#
# Shown to fail within two worlds with the mutants nested_tags, new_value_only, no_shadows and index_columns,
# and within four with first_element, first_arm, any_operator, bytes_hashed, any_initplan, any_parameter,
# first_lookup and not_needed (061_memo_mutants.pl has a scenario for each); and in the first with no
# tag_of_relation in note_relation (seen.c).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $seed = $ENV{AC_SEED} || time;
srand $seed;
note "AC_SEED=$seed";
sub pick { return $_[ int rand @_ ] }
sub chance { return rand() < $_[0] }

my $node = new_node('memo', hooks => 1, conf => "jit = off\n");
$node->safe_psql('postgres', 'CREATE ROLE limited');
my $has_icu = $node->safe_psql('postgres', q{SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i'}) eq 't';

# ---- tables ----

# Types with a few values each; several that are equal without being the same.
my %values = (
	int => [ map { "$_" } 0 .. 5 ],
	bigint => [ map { "$_" } 0 .. 5 ],
	text => [ qw('a' 'A' 'b' 'B' 'c'), q{'a '} ],
	varchar => [ qw('a' 'A' 'b' 'B' 'c'), q{'a '} ],
	'char(4)' => [ qw('a' 'b' 'c'), q{'a '} ],
	numeric => [qw(0 1 1.0 1.00 2 2.50 2.5)],
	float8 => [qw('0' '-0' '1' 'NaN' '2.5')],
	citext => [qw('a' 'A' 'b' 'B' 'c')],
	ci => [qw('a' 'A' 'b' 'B' 'c')],
	word => [qw('a' 'b' 'c')],
	mood => [qw('sad' 'ok' 'happy')],
	uuid => [ map { "'00000000-0000-0000-0000-00000000000$_'" } 1 .. 4 ],
	date => [qw('2031-01-01' '2031-01-02' '2031-02-01')],
	timestamptz => [qw('2031-01-01T00:00Z' '2031-01-01T05:45+05:45' '2031-01-02T00:00Z')],
	bool => [qw(true false)]);
delete $values{ci} unless $has_icu;
my @types = sort keys %values;
sub type_of { my ($type) = @_; return $type eq 'ci' ? 'text COLLATE ci' : $type }
sub argument_of { my ($type) = @_; return $type eq 'ci' ? 'text' : $type eq 'char(4)' ? 'bpchar' : $type }

my (@tables, %columns, @functions);
sub value { my ($type) = @_; return chance(0.08) ? 'NULL' : pick(@{ $values{$type} }) }

sub make_tables
{
	my ($s) = @_;
	$s->run('CREATE EXTENSION citext; CREATE DOMAIN word AS text; CREATE TYPE mood AS ENUM (\'sad\', \'ok\', \'happy\'); CREATE SCHEMA front');
	$s->run("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)") if $has_icu;
	for my $t (1 .. 5)
	{
		my @c = map { [ "c$_", pick(@types) ] } 1 .. 4;
		my $list = join ', ', map { "$_->[0] " . type_of($_->[1]) } @c;
		push @tables, "t$t";
		$columns{"t$t"} = \@c;
		if ($t == 4)
		{
			$s->run("CREATE TABLE t4 (id int NOT NULL, $list) PARTITION BY RANGE (id)");
			$s->run("CREATE TABLE t4_low PARTITION OF t4 FOR VALUES FROM (MINVALUE) TO (10); CREATE TABLE t4_high PARTITION OF t4 FOR VALUES FROM (10) TO (MAXVALUE)");
		}
		elsif ($t == 5)
		{
			$s->run("CREATE TABLE t5 (id int NOT NULL, $list); CREATE TABLE t5_child () INHERITS (t5)");
		}
		# Attribute numbers that are not those of the index, nor without what was dropped.
		else { $s->run("CREATE TABLE t$t (gone int, id int NOT NULL, $list); ALTER TABLE t$t DROP gone") }
		for my $c (grep { chance(0.8) } @c)
		{
			my $second = chance(0.5) ? ', id' : '';
			$s->run("CREATE INDEX ON t$t ($c->[0]$second)");
		}
		$s->run("CREATE INDEX ON t$t (id)");
	}
	$s->run('CREATE INDEX ON t5_child (id)');
	for my $t (@tables) { write_row($s, $t) for 1 .. 12 }
	$s->run(join ';', map { "ANALYZE $_" } @tables);
	$s->run('CREATE VIEW v1 AS SELECT id, ' . join(', ', map { "$_->[0]" } @{ $columns{t1} }) . ' FROM t1 WHERE id > 3');
	$columns{v1} = $columns{t1};
	$s->run("SELECT availability_cache.watch('$_')") for @tables, 't5_child';
	$s->run('CREATE FUNCTION ident(anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN $1; END $$');
	$s->run('CREATE FUNCTION min_id() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT min(id) FROM public.t1); END $$');
	# What one of the sessions sees of t3, once it is switched on.
	$s->run('CREATE POLICY p ON t3 USING (' . conjunct('t3', 't3', [ 1 .. 3 ]) . '); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT USAGE ON SCHEMA front TO PUBLIC');
	return;
}

# ---- functions ----

my $n = 0;
sub conjunct
{
	my ($table, $alias, $params) = @_;
	my ($c, $type) = @{ pick(@{ $columns{$table} }) };
	my $choice = int rand 14;

	return "$alias.id = " . int rand 20 if $choice == 0;
	if ($choice < 6)
	{
		my $argument = argument($type, $params);
		# By another type's equality, or another collation's.
		return "$alias.$c\::text = $argument\::text" if $choice == 5 && $type ne 'char(4)';
		return pick("$alias.$c = $argument", "$argument = $alias.$c", "($alias.$c = $argument AND $alias.id >= 0)");
	}
	return "$alias.$c IS NOT NULL" if $choice == 6;
	return "($alias.id < 8 OR $alias.id > 12)" if $choice == 7;
	return "$alias.$c = ANY (ARRAY[" . join(', ', map { argument($type, $params) } 1 .. 2) . '])' if $choice == 8;
	return "$alias.$c IN (" . join(', ', map { literal($type) } 1 .. 3) . ')' if $choice == 9;
	return "($alias.$c = " . argument($type, $params) . " OR $alias.id = " . int(rand 20) . " OR ($alias.id > 15 AND $alias.$c = " . literal($type) . '))' if $choice == 10;
	return "$alias.$c = " . stable($type, argument($type, $params)) if $choice == 11;
	my ($other, $column) = same_type($type);
	my $from = "(SELECT z.$column FROM $other z WHERE z.id = " . int(rand 20) . " ORDER BY z.$column LIMIT 1)";
	return "$alias.$c = $from" if $choice == 12;
	return "$alias.$c = ANY (ARRAY(SELECT z.$column FROM $other z WHERE z.id < 6))";
}

sub literal { my ($type) = @_; return pick(@{ $values{$type} }) . '::' . argument_of($type) }
sub argument
{
	my ($type, $params) = @_;
	return literal($type) unless @$params < 3 && chance(0.7);
	push @$params, $type;
	return 'p' . @$params;
}

# Of one value for the whole query, which is not known before.
sub stable { my ($type, $argument) = @_; return pick("ident($argument)", "(SELECT ident($argument))", "(SELECT $argument)", "nullif($argument, " . literal($type) . ')') }

sub same_type
{
	my ($type) = @_;
	my @all = map { my $t = $_; map { [ $t, $_->[0] ] } grep { $_->[1] eq $type } @{ $columns{$t} } } @tables;
	return @{ pick(@all) };
}

sub source_of { return pick(@tables, 'v1') }
sub where { my ($table, $alias, $params) = @_; return join ' AND ', map { conjunct($table, $alias, $params) } 1 .. 1 + int rand 2 }

sub query
{
	my ($params) = @_;
	my ($a, $b) = (source_of(), source_of());
	my $row = 'x.id::text || coalesce(x.' . pick(@{ $columns{$a} })->[0] . '::text, \'-\')';
	my $all = "string_agg($row, ',' ORDER BY $row COLLATE \"C\")";
	my $w = where($a, 'x', $params);

	return pick(
		"SELECT $all FROM $a x WHERE $w",
		"SELECT count(*)::text FROM $a x WHERE $w",
		"SELECT (count(*) || ' ' || count(y.id)) FROM $a x LEFT JOIN $b y ON x.id = y.id AND " . where($b, 'y', $params) . " WHERE $w",
		"SELECT $all FROM $a x WHERE $w AND EXISTS (SELECT FROM $b y WHERE y.id = x.id AND " . where($b, 'y', $params) . ')',
		"SELECT $all FROM $a x WHERE $w AND NOT EXISTS (SELECT FROM $b y WHERE y.id = x.id AND " . where($b, 'y', $params) . ')',
		"SELECT $all FROM $a x WHERE x.id IN (SELECT y.id FROM $b y WHERE " . where($b, 'y', $params) . ')',
		"SELECT $all FROM $a x WHERE $w OR " . where($a, 'x', $params),
		"WITH q AS MATERIALIZED (SELECT * FROM $a x WHERE $w) SELECT $all FROM q x",
		"SELECT string_agg(z, ',' ORDER BY z COLLATE \"C\") FROM (SELECT ($row) COLLATE \"C\" FROM $a x WHERE $w UNION SELECT y.id::text FROM $b y WHERE "
		  . where($b, 'y', $params) . ') q (z)',
		"SELECT ($row) FROM $a x WHERE $w ORDER BY $row COLLATE \"C\" LIMIT 1",
		# A sub-select of its own for each row of another, and for none.
		"SELECT $all FROM $a x WHERE (SELECT count(*) FROM $b y WHERE y.id = (SELECT x.id OFFSET 0)) > 0 AND $w",
		"SELECT $all FROM $a x WHERE x.id = (SELECT min_id()) OR (x.id = -1 AND $w)",
		# What is looked up for each row of another, and what is not needed while there is none of a kind.
		looked_up($all, $a, $w),
		looked_up($all, $a, $w),
		not_needed($all, $a),
		"SELECT (SELECT max(y.id) FROM $b y WHERE " . where($b, 'y', $params) . ")::text || count(*) FROM $a x WHERE $w");
}

sub looked_up
{
	my ($all, $a, $w) = @_;
	my ($c, $type) = @{ pick(@{ $columns{$a} }) };
	my ($b, $d) = chance(0.3) ? same_type($type) : (pick(@tables), undef);
	my $equal = $d ? "y.$d = x.$c" : 'y.id = x.id';
	my $every = 'string_agg(x.id::text || coalesce(y.id::text, \'-\'), \',\' ORDER BY x.id, y.id)';

	return pick(
		"SELECT $every FROM $a x JOIN $b y ON $equal WHERE $w",
		"SELECT $every FROM $a x LEFT JOIN $b y ON $equal AND y.id > 4 WHERE $w",
		"SELECT $every FROM $a x LEFT JOIN LATERAL (SELECT y.id FROM $b y WHERE $equal ORDER BY y.id LIMIT 1) y ON true WHERE $w",
		"SELECT $all FROM $a x WHERE NOT EXISTS (SELECT FROM $b y WHERE $equal) AND $w",
		"SELECT string_agg((SELECT count(*) FROM $b y WHERE $equal)::text, ',' ORDER BY x.id) FROM $a x WHERE $w",
		"SELECT $all FROM $a x WHERE $w AND 0 < (SELECT count(*) FROM $b y JOIN $b z ON z.id = y.id WHERE $equal)");
}

sub not_needed
{
	my ($all, $a) = @_;
	my ($c, $type) = @{ pick(@{ $columns{$a} }) };

	return "SELECT $all FROM $a x WHERE x.id > 17 AND x.$c = (SELECT " . pick('ident(', '(') . literal($type) . '))';
}

sub body
{
	my ($language, $params) = @_;
	my $q = query($params);

	return $q if $language eq 'sql';
	my $other = @functions && chance(0.3) ? pick(@functions) : undef;
	my $nested = $other ? "r := r || coalesce($other->{name}(" . arguments($other) . '), \'\');' : '';
	my $second = chance(0.3) ? 'IF length(r) > 3 THEN r := r || coalesce((' . query($params) . "), '-'); END IF;" : '';
	return "DECLARE r text; k record; BEGIN r := coalesce(($q), '-'); $nested $second RETURN r; END" if chance(0.5);
	return "DECLARE r text := ''; k record; BEGIN FOR k IN $q LOOP r := r || coalesce(k::text, '-'); END LOOP; $nested $second RETURN r; END" if chance(0.6);
	(my $dynamic = $q) =~ s/\bp(\d)\b/\$$1/g;
	my $using = @$params ? 'USING ' . join(', ', map { "p$_" } 1 .. @$params) : '';
	return "DECLARE r text; BEGIN EXECUTE \$q\$$dynamic\$q\$ INTO r $using; r := coalesce(r, '-'); $nested RETURN r; END";
}

sub arguments { my ($f) = @_; return join ', ', map { value($_) . '::' . argument_of($_) } @{ $f->{params} } }

# A few, so that they come again.
sub usual
{
	my ($f) = @_;
	my $usual = $f->{usual} //= [];
	push @$usual, arguments($f) if @$usual < 3;
	return pick(@$usual);
}

sub make_function
{
	my ($s, $path) = @_;
	my $language = pick(qw(sql plpgsql plpgsql));
	my @params;
	my $body = body($language, \@params);
	my $name = 'f' . ++$n;
	my $list = join ', ', map { "p$_ " . argument_of($params[ $_ - 1 ]) } 1 .. @params;
	my $attributes = pick('STABLE', 'STABLE', 'VOLATILE', 'VOLATILE', 'STABLE SECURITY DEFINER', 'STABLE SET search_path = front, public', 'STABLE STRICT');
	# The copy calls copies.
	(my $copy = $body) =~ s/\bf(\d+)\(/g$1(/g;

	my %made = (name => $name, params => [@params]);
	for my $one ([ $name, $body ], [ "g$n", $copy ])
	{
		my $code = $s->fails("CREATE FUNCTION $one->[0]($list) RETURNS text LANGUAGE $language $attributes AS \$body\$ $one->[1] \$body\$");
		return if $code ne '';
	}
	$s->fails("SELECT count(*) FROM availability_cache.memoize('$name'::regproc)") eq '' or return;
	push @functions, \%made;
	return;
}

# ---- steps ----

sub write_row
{
	my ($s, $t) = @_;
	my @c = @{ $columns{$t} };
	my $target = $t eq 't5' ? pick('t5', 't5_child') : $t eq 't4' ? pick('t4', 't4', 't4') : $t;
	$s->run("INSERT INTO $target (id, " . join(', ', map { $_->[0] } @c) . ') VALUES (' . join(', ', int rand 20, map { value($_->[1]) } @c) . ')');
	return;
}

sub change
{
	my ($s, $stays_open) = @_;
	my $t = pick(@tables);
	my ($c, $type) = @{ pick(@{ $columns{$t} }) };
	my $id = int rand 20;
	# An open transaction takes no lock that readers wait for, and ends when it is told to.
	my $which = int rand($stays_open ? 18 : 20);

	return write_row($s, $t) if $which < 6;
	return $s->run("DELETE FROM $t WHERE id = $id") if $which < 9;
	return $s->run("UPDATE $t SET $c = " . value($type) . " WHERE id = $id") if $which < 15;
	return $s->run("UPDATE $t SET id = $id WHERE id = " . int rand 20) if $which < 17;
	return $s->run("UPDATE $t SET $c = $c") if $which == 17;
	return $s->run("TRUNCATE $t; INSERT INTO $t (id) VALUES ($id)") if $which == 18 && chance(0.2);
	return $s->run("BEGIN; SAVEPOINT s; DELETE FROM $t WHERE id = $id; ROLLBACK TO s; UPDATE $t SET $c = " . value($type) . " WHERE id = $id; COMMIT");
}

my $shadow = 0;
sub define
{
	my ($s) = @_;
	my $t = pick(@tables);
	my ($c, $type) = @{ pick(@{ $columns{$t} }) };

	return pick(
		sub { $s->run("BEGIN; ALTER TABLE $t DISABLE TRIGGER USER; UPDATE $t SET $c = " . value($type) . "; ALTER TABLE $t ENABLE ALWAYS TRIGGER availability_cache_watch; COMMIT") },
		sub {
			# A name that a new table takes, for who looks into front first.
			if ($shadow = !$shadow) { $s->run('CREATE TABLE front.t2 (LIKE public.t2); INSERT INTO front.t2 SELECT * FROM public.t2 LIMIT 3; SELECT availability_cache.watch(\'front.t2\')') }
			else { $s->run('DROP TABLE front.t2') }
		},
		sub { $s->run('ALTER TABLE t4 DETACH PARTITION t4_high; ALTER TABLE t4 ATTACH PARTITION t4_high FOR VALUES FROM (10) TO (MAXVALUE)') },
		sub { $s->run('CREATE OR REPLACE VIEW v1 AS SELECT id, ' . join(', ', map { $_->[0] } @{ $columns{t1} }) . ' FROM t1 WHERE id > ' . int rand 6) },
		sub { $s->run('ALTER TABLE t3 ' . pick('ENABLE', 'ENABLE', 'DISABLE') . ' ROW LEVEL SECURITY') },
		sub { $s->run('ALTER POLICY p ON t3 USING (' . conjunct('t3', 't3', [ 1 .. 3 ]) . ')') },
		sub { $s->run("CREATE INDEX ON $t ($c)") },
		sub { $s->run("ANALYZE $t") },
		sub { $s->run("VACUUM $t") })->();
}

my $checks = 0;
sub agrees
{
	my ($s, @chosen) = @_;
	my @calls = map { "$_->{name}(" . usual($_) . ')' } @chosen;
	my @copies = map { s/^f/g/r } @calls;
	my $sql = join ', ', map { "$calls[$_] IS NOT DISTINCT FROM $copies[$_]" } 0 .. $#calls;

	$checks += @chosen;
	my $said = $s->send("SELECT $sql")->result;
	# Both raise, or neither: then one by one.
	return 1 if $said !~ /f/ && $s->{sqlstate} eq '';
	return 1 if $s->{sqlstate} ne '' && @chosen > 1 && !grep { !agrees($s, $_) } @chosen;
	return 1 if $s->{sqlstate} ne '' && @chosen == 1;
	# The copy may go on with a plan of before a table came that hides another: the server makes plans anew
	# for less.
	my $memoized = $s->run('SELECT ' . join ', ', map { "quote_nullable($_)" } @calls);
	$s->run('DISCARD PLANS');
	return 1 if $memoized eq $s->run('SELECT ' . join ', ', map { "quote_nullable($_)" } @copies);
	diag "AC_SEED=$seed differ: $sql: $said" unless $ENV{AC_QUIET};
	diag join "\n", map { $s->run("SELECT $_->[1]; SELECT prosrc, provolatile, proconfig FROM pg_proc WHERE proname = '$_->[0]'") } map { [ /^((\w+)\(.*\)) IS NOT/ ? ($2, $1) : () ], [ /DISTINCT FROM ((\w+)\(.*\))$/ ? ($2, $1) : () ] } (split /, (?=f\d+\()/, $sql)[ index($said =~ s/\|//gr, 'f') ];
	return 0;
}

# Arguments are few, so that they come again: a miss, hits, and misses after a change.
sub run_steps
{
	my ($steps, @s) = @_;
	my $wrong = 0;

	for my $step (1 .. $steps)
	{
		my $w = pick(@s[ 0, 2 ]);
		if (chance(0.06)) { define($w) }
		elsif (chance(0.1))
		{
			# What is not committed is seen by nobody else.
			$w->run('BEGIN');
			change($w, 'open') for 1 .. 2;
			$wrong++ for grep { !agrees($_, map { pick(@functions) } 1 .. 6) } @s;
			$w->run(pick('COMMIT', 'ROLLBACK'));
		}
		else { change($w) }
		$wrong++ for grep { !agrees($_, map { pick(@functions) } 1 .. 12) } @s;
		last if $wrong && $ENV{AC_QUIET};
	}
	return $wrong;
}

sub sessions
{
	my ($db, %settings) = @_;
	my @s = map { session($node, $db, %settings) } 1 .. 3;

	$s[1]->run('SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET ROLE limited');
	$s[2]->run('SET search_path = front, public; SET enable_bitmapscan = off; SET enable_indexscan = off');
	return @s;
}

sub new_world
{
	my ($db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION availability_cache');
	(@tables, %columns, @functions) = ();
	($n, $shadow) = (0, 0);
	my @s = sessions($db);
	make_tables($s[0]);
	make_function($s[0]) for 1 .. 40;
	return @s;
}

for my $world (1 .. ($ENV{AC_LONG} ? 100 : 4))
{
	my @s = new_world("w$world");
	is(run_steps($ENV{AC_LONG} ? 1000 : 150, @s), 0, "world $world: memoized and original agree");
	my ($hits, $misses) = split /\|/, $s[0]->run('SELECT sum(hits), sum(misses) FROM availability_cache.memoized');
	cmp_ok($hits, '>', $misses / 20, "world $world: $hits hits, $misses misses");
	$_->quit for @s;
}

# The same from the table tier, after restarts: what memory does not have comes from there, whoever kept it.
{
	my @tier = ('availability_cache.table_tier' => 'background');
	my ($wrong, $from_table) = (0, 0);
	$_->quit for new_world('kept');
	my @s = sessions('kept', @tier);

	for my $round (1 .. ($ENV{AC_LONG} ? 100 : 6))
	{
		$s[0]->run('SET availability_cache.table_tier = inline');
		$wrong += run_steps(8, @s);
		# The worker is through with what is asked last, then somebody changes something.
		$wrong += grep { !agrees($s[1], $_) } map { pick(@functions) } 1 .. 30;
		sleep 0.2;
		change($s[0]) for 1 .. $round % 3;
		define($s[0]) if $round % 3 == 2;
		$_->quit for @s;
		$node->restart;
		@s = sessions('kept', @tier);
		$wrong += grep { !agrees($s[ int rand 3 ], $_) } map { pick(@functions) } 1 .. 40;
		$from_table += stat_of($s[0], 'table_hits');
	}
	is($wrong, 0, 'kept in a table: memoized and original agree');
	cmp_ok($from_table, '>', 0, "$from_table answers came from the table");
	$_->quit for @s;
}
note "$checks comparisons";

done_testing();
