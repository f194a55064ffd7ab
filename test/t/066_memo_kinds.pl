# Memoized functions: what an answer may go by beside the rows of tables (G1, G5, G11). Each case is a
# function and its copy that is not memoized: after a change both say the same in a new session, and the
# case's change does change it.
#
# Shown to fail with the mutant errors_unseen (061_memo_mutants.pl has its scenario too), and each without
# what it is about: DATABASEOID in definitions.c, types.c returning nothing, look_at_setting,
# literal_means_clock, reads_lockers and the case of json_field in key.c.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('memo_kinds', conf => "max_prepared_transactions = 5\n");
$node->safe_psql('postgres', 'CREATE DATABASE d');
$node->safe_psql('d', <<'EOC');
CREATE EXTENSION availability_cache;
CREATE ROLE reader;
GRANT USAGE ON SCHEMA public TO reader;
CREATE TABLE t (id int PRIMARY KEY, k int, note text);
CREATE INDEX ON t (k);
INSERT INTO t SELECT i, i % 5, 'n' || i FROM generate_series(1, 20) i;
CREATE TABLE plain (a int, b text, c regclass);
INSERT INTO plain VALUES (1, 'x', 't');
CREATE TABLE notes (id int PRIMARY KEY, owner text, body text);
INSERT INTO notes VALUES (1, 'alice', 'a'), (2, 'bob', 'b');
GRANT SELECT ON notes TO reader;
CREATE TYPE pair AS (a int, b text);
CREATE TYPE around AS (p pair[], n int);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE moods (id int PRIMARY KEY, x mood);
INSERT INTO moods VALUES (1, 'sad');
SELECT count(*) FROM unnest('{t,plain,notes,moods}'::regclass[]) r, availability_cache.watch(r);
EOC

my $n = 0;

# body: of a plpgsql function without arguments; options: of memoize(); refused: memoize() says so, with this;
# kept: it is from memory the second time; each session runs before.
sub case
{
	my ($name, %c) = @_;
	my $f = 'f' . ++$n;
	my $before = $c{before} // 'SELECT 1';
	my $s = session($node, $c{db} // 'd');

	for my $one ($f, "g$n")
	{
		$s->run("CREATE FUNCTION $one() RETURNS text LANGUAGE " . ($c{sql} ? 'sql' : 'plpgsql') . " STABLE AS \$body\$ $c{body} \$body\$; GRANT EXECUTE ON FUNCTION $one() TO PUBLIC");
	}
	my $code = $s->fails("SELECT availability_cache.memoize('$f()'" . ($c{options} ? ", $c{options}" : '') . ')');
	is($code, $c{refused} ? '0A000' : '', "$name: memoize()");
	like($s->{error}, qr/$c{refused}/, "$name: why") if $c{refused};
	if ($c{refused}) { $s->quit; return }
	$s->run($before);
	my $old = $s->run("SELECT $f()");
	is($s->run("SELECT $f()"), $old, "$name: again");
	is($s->run("SELECT availability_cache.memo_was_hit('$f()')"), $c{kept} ? 't' : 'f', "$name: " . ($c{kept} ? 'from memory' : 'computed'));
	like($node->safe_psql($c{db} // 'd', "SELECT reason FROM availability_cache.memoized WHERE function = '$f()'::regprocedure"), qr/$c{why}/, "$name: why") if $c{why};
	$s->quit if $c{alone};
	ref $c{change} ? $c{change}->() : $node->safe_psql('d', $c{change});
	my $new = session($node, $c{renamed} // 'd');
	$new->run($c{after} // $before);
	my $said = $new->run("SELECT $f()");
	is($said, $new->run("SELECT g$n()"), "$name: what the original says");
	isnt($said, $old, "$name: another than before");
	$_->quit for $new, $c{alone} ? () : $s;
	return;
}

# ---- errors that are caught ----

my $catching = sub { return "DECLARE n text; BEGIN EXECUTE '$_[0]' INTO n; RETURN n; EXCEPTION WHEN $_[1] THEN RETURN 'none'; END" };
case('a table that is not there', body => $catching->('SELECT count(*) FROM missing', 'undefined_table'), kept => 0, why => 'catches an error',
	change => 'CREATE TABLE missing (i int)');
case('a column', body => $catching->('SELECT max(extra) FROM t', 'undefined_column'), kept => 0, change => 'ALTER TABLE t ADD extra int DEFAULT 5');
case('a right', before => 'SET ROLE reader', body => $catching->('SELECT max(note) FROM t', 'OTHERS'), kept => 0, change => 'GRANT SELECT ON t TO reader');
case('an error of the rows', body => q{BEGIN BEGIN PERFORM 1 / (k - 3) FROM t WHERE id = 8; RETURN 'fine'; EXCEPTION WHEN division_by_zero THEN RETURN 'caught'; END; END},
	kept => 1, change => 'UPDATE t SET k = 9 WHERE id = 8');
case('one that it raises', body => q{BEGIN IF (SELECT note FROM t WHERE id = 9) = 'n9' THEN RAISE 'no'; END IF; RETURN 'fine'; EXCEPTION WHEN raise_exception THEN RETURN 'caught'; END},
	kept => 1, change => q{UPDATE t SET note = 'other' WHERE id = 9});
my $lock = session($node, 'd');
$lock->run('BEGIN; LOCK TABLE t');
case('a lock', before => q{SET lock_timeout = '20ms'}, body => q{BEGIN RETURN (SELECT note FROM t WHERE id = 2); EXCEPTION WHEN lock_not_available THEN RETURN 'busy'; END},
	kept => 0, change => sub { $lock->run('COMMIT') });
$lock->quit;

# A cursor that was there: WITH HOLD it has its rows.
case('a cursor that was there', body => q{DECLARE c CURSOR FOR SELECT 1; r text; BEGIN c := 'cur'; FETCH c INTO r; RETURN r; END}, kept => 0, why => 'cursor', change => 'SELECT 1',
	before => q{DECLARE cur CURSOR WITH HOLD FOR SELECT 'one' FROM generate_series(1, 99)}, after => q{DECLARE cur CURSOR WITH HOLD FOR SELECT 'other' FROM generate_series(1, 99)});
case('its own', body => q{DECLARE c CURSOR FOR SELECT note FROM t WHERE id = 3; r text; BEGIN OPEN c; FETCH c INTO r; RETURN r; END}, kept => 1, change => q{UPDATE t SET note = 'other' WHERE id = 3});

# ---- what is a session's own ----

my $mine = q{CREATE TEMPORARY VIEW moods AS SELECT id, note AS x FROM t WHERE id = %d};
case('a temporary view of the same name', body => q{BEGIN RETURN (SELECT max(x::text) FROM moods); END}, kept => 0, why => 'temporary', before => sprintf($mine, 4), after => sprintf($mine, 5), change => 'SELECT 1');
case('a temporary child', body => q{BEGIN RETURN (SELECT count(*) FROM notes); END}, kept => 0, why => 'temporary', before => 'CREATE TEMPORARY TABLE kid () INHERITS (notes)',
	after => 'CREATE TEMPORARY TABLE kid () INHERITS (notes); INSERT INTO kid VALUES (5)', change => 'SELECT 1');
my $other = session($node, 'd');
$other->run('CREATE TEMPORARY TABLE kid () INHERITS (notes)');
case('of another session', body => q{BEGIN RETURN (SELECT count(*) FROM notes); END}, kept => 0, why => 'temporary', change => q{INSERT INTO notes VALUES (9, 'zoe', 'z')});
$other->run('DROP TABLE kid');
$other->quit;
my $own = q{CREATE FUNCTION pg_temp.own() RETURNS text LANGUAGE sql STABLE AS $$ SELECT '%s' $$};
case('a function of its own, in a query', body => q{DECLARE r text; BEGIN EXECUTE 'SELECT pg_temp.own()' INTO r; RETURN r; END}, kept => 0, why => 'pg_temp', before => sprintf($own, 'a'), after => sprintf($own, 'b'), change => 'SELECT 1');
case('in a simple expression', body => q{BEGIN RETURN pg_temp.own(); END}, refused => 'pg_temp');

# ---- names in the catalogs ----

my $renamed = sub { return 'ALTER TABLE plain RENAME TO plain2; ALTER TABLE plain2 RENAME TO plain' };
for my $type (qw(regclass regtype regrole regnamespace regproc regprocedure regconfig))
{
	case("$type in a simple expression", body => "DECLARE o oid := 1; BEGIN RETURN o::${type}::text; END", refused => "${type}out");
	case("$type\[]", body => "DECLARE o ${type}[]; BEGIN RETURN to_jsonb(o); END", refused => "${type}out");
}
case('in a query', sql => 1, body => q{SELECT to_jsonb(tableoid::regclass)::text FROM t WHERE id = 1}, refused => 'regclassout');
case('of a column, that is read', body => q{BEGIN RETURN (SELECT to_jsonb(c)::text FROM plain); END}, kept => 0, why => 'regclassout', change => 'ALTER TABLE t RENAME TO t_t');
$node->safe_psql('d', 'ALTER TABLE t_t RENAME TO t');
case('of a row', body => q{BEGIN RETURN (SELECT to_jsonb(p)::text FROM plain p); END}, kept => 0, why => 'regclassout', change => 'ALTER TABLE t RENAME TO t_t');
$node->safe_psql('d', 'ALTER TABLE t_t RENAME TO t');
case('of another column: nothing', body => q{BEGIN RETURN (SELECT b FROM plain); END}, kept => 1, change => q{UPDATE plain SET b = 'y'});
case('pg_typeof()', sql => 1, body => 'SELECT to_json(pg_typeof(x))::text FROM moods', refused => 'pg_typeof');
my $database = sub {
	$node->safe_psql('postgres', 'ALTER DATABASE d RENAME TO renamed');
};
case('the database', sql => 1, body => q{SELECT current_database() || (SELECT count(*) FROM moods)}, kept => 1, alone => 1, change => $database, renamed => 'renamed');
$node->safe_psql('postgres', 'ALTER DATABASE renamed RENAME TO d');

# ---- what rows are ----

case('a variable of a composite type', body => 'DECLARE r pair; BEGIN SELECT id, note INTO r FROM t WHERE id = 1; RETURN to_jsonb(r); END', kept => 1, change => 'ALTER TYPE pair RENAME ATTRIBUTE b TO bb');
case('a cast to one', sql => 1, body => 'SELECT to_jsonb(row(id, note)::pair)::text FROM t WHERE id = 1', kept => 1, change => 'ALTER TYPE pair RENAME ATTRIBUTE bb TO b');
case('as a text that is a query', body => q{DECLARE r text; BEGIN EXECUTE 'SELECT to_jsonb(row(id, note)::pair)::text FROM t WHERE id = 1' INTO r; RETURN r; END}, kept => 1,
	change => 'ALTER TYPE pair RENAME ATTRIBUTE b TO bb');
case('one within another', body => q{DECLARE r around; BEGIN r.p := ARRAY[jsonb_populate_record(NULL::pair, '{"a": 1}')]; RETURN to_jsonb(r); END}, kept => 1, change => 'ALTER TYPE pair ADD ATTRIBUTE c int');
case('a table that is not read', body => 'DECLARE r moods%ROWTYPE; BEGIN r.id := 1; RETURN to_jsonb(r); END', kept => 1, change => 'ALTER TABLE moods RENAME x TO xx');
case('labels', body => 'DECLARE y mood; BEGIN SELECT xx INTO y FROM moods; RETURN y; END', kept => 1, change => q{ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'});

# ---- the clock in a literal ----

case("'$_->[0]' as $_->[1]", body => "DECLARE d $_->[1] := '$_->[0]'; BEGIN RETURN d; END", refused => 'clock')
  for [ 'now', 'timestamptz' ], [ ' Today ', 'date' ], [ 'yesterday 12:00', 'timestamp' ], [ '04:05 tomorrow UTC', 'timestamptz' ], [ '[today,infinity)', 'daterange' ], [ '{today,2031-01-01}', 'date[]' ];
case('in a query that is a text', body => q{DECLARE n int; BEGIN EXECUTE 'SELECT count(*) FROM t WHERE ''today''::date > ''2000-01-01''' INTO n; RETURN n; END}, refused => 'clock');
case('in dollars', body => q{DECLARE n int; BEGIN EXECUTE $q$SELECT count(*) FROM t WHERE 'now'::timestamp > '2000-01-01'$q$ INTO n; RETURN n; END}, refused => 'clock');
$node->safe_psql('d', q{CREATE FUNCTION for_a_while() RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE d timestamptz := 'now'; BEGIN RETURN d; END $$; SELECT availability_cache.memoize('for_a_while()', ttl => '1 hour')});
case('a word, and no time', body => q{BEGIN RETURN 'available now, see you tomorrow ' || (SELECT count(*) FROM moods); END}, kept => 1, change => q{INSERT INTO moods VALUES (2, 'ok')});

# ---- who else touches a row ----

case('xmax', sql => 1, body => 'SELECT xmax::text || count(*) OVER () FROM t WHERE id = 1', kept => 0, why => 'xmax', change => 'SELECT FROM t WHERE id = 1 FOR UPDATE');

# ---- settings ----

case('a setting that vary_by does not name', options => q{vary_by => '{app.tenant}'}, sql => 1, body => q{SELECT current_setting('app.other', true)}, refused => 'setting');
case('or one whose name goes on', options => q{vary_by => '{app.tenant}'}, sql => 1, body => q{SELECT current_setting('app.tenants', true)}, refused => 'setting');
case('in a simple expression', options => q{vary_by => '{app.tenant}'}, body => q{DECLARE r text := current_setting('app.other', true); BEGIN RETURN r; END}, refused => 'setting');
case('one that is in every key', body => q{BEGIN RETURN current_setting('timezone'); END}, kept => 1, before => q{SET timezone = 'UTC'}, after => q{SET timezone = 'Asia/Kathmandu'}, change => 'SELECT 1');
case('a policy that comes later, by another setting', options => q{vary_by => '{app.tenant}'}, sql => 1,
	body => q{SELECT string_agg(body, ',' ORDER BY id) || coalesce(current_setting('app.tenant', true), '') FROM notes}, before => q{SET ROLE reader; SET request.who = 'alice'; SET app.tenant = '1'}, kept => 1,
	after => q{SET ROLE reader; SET request.who = 'bob'; SET app.tenant = '1'},
	change => q{ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON notes USING (owner = current_setting('request.who', true))});
case('and then', options => q{vary_by => '{app.tenant}'}, sql => 1, body => q{SELECT string_agg(body, ',' ORDER BY id) FROM notes}, before => q{SET ROLE reader; SET request.who = 'alice'}, kept => 0,
	after => q{SET ROLE reader; SET request.who = 'bob'}, change => 'SELECT 1');
# What is computed when a query is planned leaves nothing in the plan.
$node->safe_psql('d', <<'EOC');
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN current_setting('request.who', true); END $$;
CREATE FUNCTION last_id() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT max(id) FROM t); END $$;
CREATE TABLE letters (id int PRIMARY KEY, owner text, body text);
INSERT INTO letters VALUES (1, 'alice', 'a'), (2, 'bob', 'b');
GRANT SELECT ON letters TO reader;
ALTER TABLE letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON letters USING (owner = who());
CREATE VIEW last_one AS SELECT last_id() AS id, count(*) FROM letters;
SELECT availability_cache.watch('letters');
EOC
case('a policy by a function that is said to be IMMUTABLE, and a setting', body => q{BEGIN RETURN (SELECT string_agg(body, ',') FROM letters); END}, kept => 0, why => 'setting', change => 'SELECT 1',
	before => q{SET ROLE reader; SET request.who = 'alice'}, after => q{SET ROLE reader; SET request.who = 'bob'});
case('which is named', body => q{BEGIN RETURN (SELECT string_agg(body, ',') FROM letters); END}, options => q{vary_by => '{request.who}'}, kept => 1, change => 'SELECT 1',
	before => q{SET ROLE reader; SET request.who = 'alice'}, after => q{SET ROLE reader; SET request.who = 'bob'});
case('a view by one that reads', body => q{BEGIN RETURN (SELECT id FROM last_one); END}, kept => 0, why => 'said to be IMMUTABLE', change => 'INSERT INTO t (id) VALUES (100)');

my $claims = q{vary_by => '{request.jwt.claims.sub}'};
case('a number and its text, as fields', options => $claims, body => q{BEGIN RETURN current_setting('request.jwt.claims')::json -> 'sub'; END}, kept => 1,
	before => q{SET request.jwt.claims = '{"sub": 1}'}, after => q{SET request.jwt.claims = '{"sub": "1"}'}, change => 'SELECT 1');
case('a field that is null, and none', options => $claims, body => q{BEGIN RETURN coalesce(current_setting('request.jwt.claims')::json -> 'sub', '"none"'); END}, kept => 1,
	before => q{SET request.jwt.claims = '{"sub": null}'}, after => q{SET request.jwt.claims = '{}'}, change => 'SELECT 1');
# A literal is read when its query is parsed: not as the session had it then.
$node->safe_psql('d', q{CREATE TABLE moments (id int PRIMARY KEY, at timestamptz); INSERT INTO moments VALUES (1, '2031-01-01 05:00Z'); SELECT availability_cache.watch('moments')});
for my $language (qw(plpgsql sql))
{
	my $q = q{SELECT count(*)::text FROM moments WHERE at >= '2031-01-01 00:00'::timestamptz};
	my ($one, $other) = map { session($node, 'd') } 1 .. 2;
	$one->run("CREATE FUNCTION since_$language() RETURNS text LANGUAGE $language STABLE AS \$\$ " . ($language eq 'sql' ? $q : "BEGIN RETURN ($q); END") . ' $$');
	$one->run("SELECT availability_cache.memoize('since_$language()')");
	$one->run("SET timezone = 'America/New_York'");
	is($one->run("SELECT since_$language()"), 1, "$language: a moment by the zone");
	$one->run(q{INSERT INTO moments VALUES (2, '2031-01-01 03:00Z')});
	is($one->run("SET timezone = 'UTC'; SELECT since_$language()"), 2, "$language: by another, in the same session");
	is($other->run("SELECT since_$language()"), 2, "$language: and for others");
	is($other->run("SELECT availability_cache.memo_was_hit('since_$language()')"), 't', "$language: from memory");
	$node->safe_psql('d', 'DELETE FROM moments WHERE id = 2');
	$_->quit for $one, $other;
}

# What shows in an answer is in the key: each setting, a body that shows it, and two values.
case("setting $_->[0]", body => $_->[1], kept => 1, before => "SET $_->[0] = $_->[2]", after => "SET $_->[0] = $_->[3]", change => 'SELECT 1')
  for [ 'timezone', q{DECLARE t timestamptz := '2031-01-01 12:00Z'; BEGIN RETURN t; END}, q{'UTC'}, q{'Asia/Tokyo'} ],
  [ 'datestyle', q{DECLARE s text := '01/02/2031'; BEGIN RETURN to_char(s::date, 'YYYY-MM-DD'); END}, q{'ISO, MDY'}, q{'ISO, DMY'} ],
  [ 'intervalstyle', q{DECLARE i interval := make_interval(hours => 26); BEGIN RETURN i; END}, 'postgres', 'iso_8601' ],
  [ 'extra_float_digits', q{DECLARE f float8 := 1 / 3.0; BEGIN RETURN f; END}, 1, -5 ],
  [ 'bytea_output', q{DECLARE b bytea := decode('6162ff', 'hex'); BEGIN RETURN b; END}, 'hex', 'escape' ],
  [ 'xmlbinary', q{BEGIN RETURN (SELECT xmlelement(name a, decode('6162', 'hex'))::text); END}, 'base64', 'hex' ],
  [ 'xmloption', q{BEGIN RETURN xml_is_well_formed('a'); END}, 'content', 'document' ],
  [ 'default_text_search_config', q{BEGIN RETURN to_tsvector('the cats'); END}, q{'pg_catalog.english'}, q{'pg_catalog.simple'} ],
  [ 'array_nulls', q{DECLARE t text := '{NULL}'; BEGIN RETURN (t::text[])[1] IS NULL; END}, 'on', 'off' ],
  [ 'transform_null_equals', q{BEGIN RETURN coalesce(((SELECT note FROM t WHERE id = 1) = NULL)::text, 'null'); END}, 'off', 'on' ],
  [ 'quote_all_identifiers', q{BEGIN RETURN format('%I', 'a'); END}, 'off', 'on' ],
  [ 'client_encoding', q{BEGIN RETURN pg_client_encoding(); END}, q{'UTF8'}, q{'LATIN1'} ],
  [ 'timezone_abbreviations', q{DECLARE s text := '2031-01-01 12:00 EST'; BEGIN RETURN s::timestamptz; END}, q{'Default'}, q{'Australia'} ],
  [ 'plpgsql.variable_conflict', q{DECLARE id int := 50; BEGIN RETURN (SELECT max(id) FROM t WHERE t.id < 3); END}, 'use_column', 'use_variable' ],
  [ 'search_path', q{BEGIN RETURN current_schema; END}, 'public', 'pg_catalog, public' ],
  [ 'session_authorization', q{BEGIN RETURN session_user; END}, 'DEFAULT', 'reader' ];
if ($node->pg_version >= 16)
{
	case('system_user', body => 'BEGIN RETURN system_user; END', refused => 'system_user');
}

$node->stop;
done_testing();
