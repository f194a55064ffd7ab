# From 1.0.0 by ALTER EXTENSION UPDATE: with the new library and the old SQL everything works as before; a
# schema that somebody made under the name of ours is neither used nor taken over; the update loses nothing,
# also for sessions that were connected all the while; and an updated database is, catalog for catalog, what a
# new one is (G1, G10).
#
# Shown to fail with: internal_schema() that asks only for the schema (what was planted runs, as the
# superuser), or knows one of the two only; an update script without any of its statements, or without
# attach.sql, or one that calls get_available_slots (the tables' owners' code runs), or goes by names alone; a
# REVOKE in attach.sql. Tried by hand, since it needs the library of 1.0.0: while that is loaded the update
# and CREATE EXTENSION refuse.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use PostgreSQL::Test::Utils qw(run_command slurp_file);
use Test::More;

# Whose scripts are in the repository: they never change.
my ($current) = slurp_file("$FindBin::RealBin/../../availability_cache.control") =~ /^default_version = '(.*)'/m;
my @released = sort grep { $_ ne $current } map { m{--([^-]+)\.sql$} ? $1 : () } glob("$FindBin::RealBin/../../sql/availability_cache--*.sql");
is($released[0], '1.0.0', 'there are released versions');

my $node = new_node('update', conf => 'availability_cache.table_tier_retry = 1s');
$node->safe_psql('postgres', 'CREATE ROLE app; CREATE ROLE watcher IN ROLE pg_monitor; CREATE ROLE planter; CREATE ROLE landlord');
make_salon($node, 'salon', extension => 0);
$node->safe_psql('salon', <<'EOC');
ALTER DATABASE salon SET availability_cache.table_tier = inline;
ALTER TABLE bookings RENAME TO plain;
CREATE TABLE bookings (LIKE plain INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
CREATE TABLE bookings_rest PARTITION OF bookings DEFAULT;
CREATE EXTENSION availability_cache VERSION '1.0.0';
SELECT count(*) FROM availability_cache.attach();
UPDATE availability_cache.rules SET buffer_after = '1 minute', min_notice = '1 hour';
-- As docs/usage.md has it; app's own table is services.
ALTER TABLE services OWNER TO app;
-- Attached by a superuser, whose owner has no grants.
ALTER TABLE stylist_services OWNER TO landlord;
GRANT SELECT, INSERT, UPDATE, DELETE ON availability_cache.source TO app;
GRANT SELECT ON availability_cache.source_column TO app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA availability_cache, private TO app;
GRANT USAGE ON SCHEMA private TO app;
GRANT EXECUTE ON FUNCTION availability_cache.detach(text) TO PUBLIC;
GRANT USAGE ON SCHEMA t TO PUBLIC;
GRANT CREATE ON DATABASE salon TO planter;
-- Runs when a query of that table is planned.
CREATE SEQUENCE t.owners_code;
GRANT USAGE ON SEQUENCE t.owners_code TO app;
CREATE FUNCTION t.owners_code() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('t.owners_code') > 0; END $$;
CREATE INDEX ON services (id) WHERE t.owners_code();
EOC

# $s reads, $w writes; every function that moved is used, but for discard().
my $n = 0;
sub works
{
	my ($name, $s, $w) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $slot = 2 * $n++;
	my $old = $w->run(q{SELECT extversion = '1.0.0' FROM pg_extension WHERE extname = 'availability_cache'}) eq 't';
	my $hit = sub { return $s->run('SELECT t.hit(1, 1, 0)') };

	# The table tier waits for the update.
	my $drop = $old ? 'SELECT availability_cache.flush()' : 'DELETE FROM private.availability_cache';
	ok(wait_until(sub { $w->run('SELECT availability_cache.flush()'); $hit->(); $w->run('SELECT count(*) FROM private.availability_cache') > 0 }, 'a row'),
		"$name: rows are kept") if !$old;
	$w->run($drop);
	is($hit->() . $hit->(), 'ft', "$name: a miss, then a hit");
	$w->run("SELECT t.book(1, 0, $slot)");
	is($hit->(), 'f', "$name: a booking is noticed");
	is($s->run("SELECT substr(t.look(1, 1, 0), $slot + 1, 1)"), 'b', "$name: and seen");

	$w->run($drop);
	is($hit->(), 'f', $old ? "$name: flush()" : "$name: rows deleted by hand are gone from memory too");
	is($w->fails('TRUNCATE availability_cache.invalidation'), '55000', "$name: nor can the log be emptied");

	# DDL and rules.
	$hit->();
	$w->run("ALTER TABLE services ADD COLUMN extra_$n int");
	is($hit->() . $hit->(), 'ft', "$name: DDL is noticed");
	$w->run("ALTER TYPE t.kind ADD VALUE 'of $n'");
	is($hit->(), 't', "$name: that of a type is not of ours");
	$w->run("CREATE TABLE t.other_$n (i int)");
	is($hit->(), 't', "$name: nor is a new table");
	$w->run("DROP TABLE t.other_$n");
	is($hit->(), 't', "$name: nor one that is dropped");
	$w->run("CREATE TABLE bookings_$n PARTITION OF bookings FOR VALUES FROM ('190$n-01-01') TO ('190$n-02-01')");
	is($hit->() . $hit->(), 'ft', "$name: a new partition is");
	$w->run('UPDATE availability_cache.rules SET buffer_after = buffer_after + interval \'1 minute\'');
	is($hit->() . $hit->(), 'ft', "$name: a change of the rules is");
	is($w->fails('DELETE FROM availability_cache.rules'), '23001', "$name: which are one row");
	$w->run('DROP TRIGGER trigger_invalidate_cache_on_service ON services');
	# In 1.0.0 the TRUNCATE trigger does not have the mapping.
	is($hit->(), $old ? '' : 'f', "$name: nothing is kept without a trigger");

	# Who may look, and who may attach.
	is($w->run(<<'EOC'), 't|t|enabled|row trigger missing on public.services', "$name: views");
SET ROLE watcher;
SET search_path = pg_catalog;
SELECT (SELECT count(*) > 0 FROM availability_cache.stats), (SELECT count(*) > 0 FROM availability_cache.entries),
       min(triggers), max(triggers) FROM availability_cache.sources;
RESET search_path;
RESET ROLE;
EOC
	my $attach = q{SELECT action FROM availability_cache.attach('services', 'services');};
	is($w->run("SET ROLE app; $attach $attach SELECT availability_cache.detach('services'); $attach RESET ROLE"),
		"attached again\nalready attached\nservices\nattached", "$name: a grantee attaches");
	is($hit->() . $hit->(), 'ft', "$name: answers are kept again");
	is($s->run(q{SELECT string_agg(DISTINCT triggers, ',') FROM availability_cache.sources}), 'enabled', "$name: every trigger is there");
	exact_everywhere($s, 3, "$name: everything is exact");
	return;
}

my $version = q{SELECT extversion FROM pg_extension WHERE extname = 'availability_cache'};
# What the tables have, but for what the update adds, and the triggers on users' tables.
my $contents = <<'EOC';
SELECT format($$SELECT %L, j - '{slot_alignment,compute_function,guard,seat_sharing,show_reasons,notice_days,notice_cutoff,advance_whole_days,blocking_statuses,service_caps,max_bookings_per_day,max_bookings_per_week,max_daily_minutes,max_weekly_minutes,usual_names}'::text[] FROM (TABLE %s) x, to_jsonb(x) j
 WHERE ((j ->> 'role', j ->> 'name') IN (('bookings', 'service_id'), ('booking_reservations', 'service_id'), ('schedule_overrides', 'applies_to_all'), ('schedule_overrides', 'timezone'),
  ('bookings', 'seats'), ('booking_reservations', 'seats'), ('services', 'capacity'), ('bookings', 'resource_id'), ('booking_reservations', 'resource_id'), ('services', 'resource_kind'),
  ('services', 'slot_step_minutes'), ('services', 'slot_alignment'), ('services', 'only_classes'), ('stylist_services', 'capacity'), ('stylist_schedules', 'service_id'),
  ('stylist_schedules', 'interval_weeks'), ('stylist_schedules', 'interval_from')) OR j ->> 'role' IN ('resources', 'class_sessions') OR j ->> 'name' ~ '^max_(bookings|daily|weekly)_') IS NOT TRUE
 ORDER BY j::text$$, m.objid::regclass, m.objid::regclass)
  FROM pg_depend m JOIN pg_class c ON c.oid = m.objid
 WHERE m.classid = 'pg_class'::regclass AND m.deptype = 'e' AND c.relkind IN ('r', 'S')
   AND m.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'availability_cache')
   -- One is a view afterwards; and making triggers anew outdates every answer, which shows in the log.
   AND m.objid NOT IN ('availability_cache.source'::regclass, 'availability_cache.invalidation'::regclass) AND c.relname <> 'freed_id_seq' ORDER BY m.objid::regclass::text
\gexec
SELECT * FROM availability_cache.source ORDER BY role;
SELECT regexp_replace(pg_get_triggerdef(oid), CASE WHEN tgtype = 32 THEN ', .*' ELSE 'x^' END, ')'), tgenabled FROM pg_trigger
 WHERE tgfoid = 'private.invalidate_availability_cache()'::regprocedure ORDER BY tgrelid::regclass::text, tgname;
SELECT has_table_privilege('app', 'availability_cache.source', 'SELECT'), has_table_privilege('watcher', 'availability_cache.sources', 'SELECT');
SELECT proname, has_function_privilege('app', oid, 'EXECUTE'), has_function_privilege('planter', oid, 'EXECUTE')
  FROM pg_proc WHERE pronamespace = 'availability_cache'::regnamespace AND proname IN ('attach', 'detach', 'flush', 'clean')
   AND oid IS DISTINCT FROM to_regprocedure('availability_cache.attach(boolean)') ORDER BY 1, 2, 3;
EOC

$node->safe_psql('salon', 'CREATE TYPE t.kind AS ENUM ()');
my ($s, $w) = map { session($node, 'salon') } 1 .. 2;
works('old SQL', $s, $w);

# ---- a schema of that name, made by somebody else ----

$node->safe_psql('salon', <<'EOC');
CREATE SEQUENCE t.ran;
SET ROLE planter;
CREATE SCHEMA availability_cache_internal;
GRANT USAGE ON SCHEMA availability_cache_internal TO PUBLIC;
CREATE FUNCTION availability_cache_internal.trigger_state(regclass) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN PERFORM nextval('t.ran'); RETURN 'enabled'; END $$;
CREATE FUNCTION availability_cache_internal.relation_tree(regclass) RETURNS SETOF regclass LANGUAGE plpgsql AS
$$ BEGIN PERFORM nextval('t.ran'); RETURN NEXT $1; END $$;
CREATE FUNCTION availability_cache_internal.touch_database() RETURNS void LANGUAGE plpgsql AS
$$ BEGIN PERFORM nextval('t.ran'); END $$;
EOC
works('planted schema', $s, $w);
my $before = $w->run($contents);
is($w->fails('ALTER EXTENSION availability_cache UPDATE'), '42710', 'planted schema: the update refuses');
like($w->{error}, qr/schema availability_cache_internal\n.*HINT:  Rename or drop it/s, 'and says what to do');
is($w->run("$version; $contents"), "1.0.0\n$before", 'and changes nothing');
works('planted schema, after the refusal', $s, $w);
is($node->safe_psql('salon', 'SELECT is_called FROM t.ran'), 'f', 'planted functions did not run');
$node->safe_psql('salon', 'DROP SCHEMA availability_cache_internal CASCADE');

# ---- the update ----

# Somebody else's under the name of one of ours.
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION t.none() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
ALTER EVENT TRIGGER availability_cache_drop RENAME TO renamed;
CREATE EVENT TRIGGER availability_cache_drop ON sql_drop EXECUTE FUNCTION t.none();
EOC
$before = $w->run($contents);
my $looks = $s->run('SELECT t.look(1, 1, 0)');
my $ran = $w->run('SELECT last_value FROM t.owners_code');
cmp_ok($ran, '>', 1, q{code of a table's owner ran in queries});
$node->safe_psql('salon', 'ALTER EXTENSION availability_cache UPDATE');
is($w->run('SELECT last_value FROM t.owners_code'), $ran, 'but not in the update');
is($w->run("$version; $contents"), "$current\n$before", 'the update changes no row, trigger or grant');
is($s->run('SELECT t.look(1, 1, 0)'), $looks, 'nor an answer');
is($w->run(<<'EOC'), '7|0', 'the TRUNCATE triggers of attached tables have the mapping, those of partitions do not');
SELECT count(*) FILTER (WHERE tgnargs > 1 AND NOT relispartition), count(*) FILTER (WHERE tgnargs > 1 AND relispartition)
  FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE tgfoid = 'private.invalidate_availability_cache()'::regprocedure AND tgtype = 32
EOC
# Who has an attached table may go on, and nobody else who could; a dump has it, and not as the extension's
# own.
is($w->run(q{SELECT rolname, has_function_privilege(rolname, 'private.invalidate_availability_cache()', 'EXECUTE') FROM pg_roles
	WHERE rolname IN ('app', 'landlord', 'planter') ORDER BY 1}), "app|t\nlandlord|t\nplanter|f", 'the owners of attached tables may attach');
my ($dump) = run_command([ 'pg_dump', '--schema-only', $node->connstr('salon') ]);
like($dump, qr/^GRANT ALL ON FUNCTION private\.invalidate_availability_cache\(\) TO landlord;/m, 'a dump has that');
is($w->run('SELECT count(*) FROM pg_depend WHERE deptype = \'e\' AND classid = \'pg_namespace\'::regclass AND objid = \'private\'::regnamespace'), 0, 'schema private is not a member any more');
is($w->run(q{SELECT string_agg(evtname || ' ' || evtfoid::regproc, ',') FROM pg_event_trigger}), 'availability_cache_drop t."none"', 'the event triggers are gone, whatever they were called, and nobody else\'s');
$w->run('DROP EVENT TRIGGER availability_cache_drop');
works('updated', $s, $w);
works('updated, other sessions', session($node, 'salon'), session($node, 'salon'));
$node->safe_psql('salon', <<'EOC');
CREATE ROLE narrow;
GRANT USAGE ON SCHEMA private TO narrow;
GRANT EXECUTE ON FUNCTION availability_cache.attach(text, regclass, jsonb), private.invalidate_availability_cache() TO narrow;
ALTER TABLE services OWNER TO narrow;
EOC
is($w->run(q{SET ROLE narrow; SELECT availability_cache.detach('services'); SELECT action FROM availability_cache.attach('services', 'services')}),
	"services\nattached", 'the grants that docs/security.md names are enough');

# ---- functions of the names of ours, made by somebody who owns schema private ----

$node->safe_psql('postgres', 'CREATE DATABASE theirs');
$node->safe_psql('theirs', <<'EOC');
CREATE SCHEMA private AUTHORIZATION planter;
CREATE EXTENSION availability_cache VERSION '1.0.0';
GRANT CREATE ON DATABASE theirs TO planter;
SET ROLE planter;
ALTER SCHEMA private RENAME TO ours;
CREATE SCHEMA private;
CREATE FUNCTION private.availability_cache_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
EOC
for my $function ('', q{CREATE FUNCTION private.invalidate_availability_cache() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';})
{
	my $theirs = session($node, 'theirs');
	$theirs->run("SET ROLE planter; $function RESET ROLE");
	is($theirs->fails('ALTER EXTENSION availability_cache UPDATE'), '55000', 'schema private renamed: the update refuses');
	like($theirs->{error}, qr/rename it back/, 'and says what to do');
}
$node->safe_psql('theirs', 'ALTER SCHEMA private RENAME TO theirs; ALTER SCHEMA ours RENAME TO private; ALTER EXTENSION availability_cache UPDATE');
is($node->safe_psql('theirs', q{SELECT oid::regprocedure, proowner = 'planter'::regrole FROM pg_proc WHERE proname IN ('availability_cache_changed', 'row_changed') ORDER BY 1}),
	"availability_cache_internal.row_changed()|f\ntheirs.availability_cache_changed()|t", 'only members move');

# ---- an updated database is a new one ----

# A line for each thing that the catalogs say of the extension's members and of what belongs to these.
my $description = <<'EOC';
SET search_path = pg_catalog;
CREATE TEMPORARY VIEW object AS
WITH RECURSIVE o AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'availability_cache'
    UNION
    SELECT d.classid, d.objid FROM o JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype IN ('a', 'i'))
SELECT *, pg_identify_object(classid, objid, 0)::text AS name FROM o;
CREATE TEMPORARY VIEW line(what, said) AS
SELECT 'extension', jsonb_build_array(extversion, extowner::regrole, extnamespace::regnamespace, extrelocatable, extconfig::regclass[], extcondition)
  FROM pg_extension WHERE extname = 'availability_cache'
UNION ALL
SELECT 'object ' || name, NULL FROM object
UNION ALL
SELECT format('%s depends on %s', o.name, pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid)), jsonb_build_array(d.objsubid, d.deptype)
  FROM object o JOIN pg_depend d USING (classid, objid)
UNION ALL
SELECT 'comment on ' || o.name, jsonb_build_array(d.objsubid, d.description)
  FROM object o JOIN pg_description d ON (d.classoid, d.objoid) = (o.classid, o.objid)
UNION ALL
SELECT 'initial privileges of ' || o.name, jsonb_build_array(i.objsubid, i.privtype, ARRAY(SELECT a::text FROM unnest(i.initprivs) a ORDER BY 1))
  FROM object o JOIN pg_init_privs i ON (i.classoid, i.objoid) = (o.classid, o.objid)
UNION ALL
SELECT o.name, jsonb_build_array(nspowner::regrole, nspacl) FROM object o JOIN pg_namespace x ON x.oid = objid WHERE classid = 'pg_namespace'::regclass
UNION ALL
SELECT o.name, jsonb_build_array(pg_get_functiondef(objid), prosrc, proowner::regrole,
       ARRAY(SELECT a::text FROM unnest(proacl) a ORDER BY 1)) FROM object o JOIN pg_proc x ON x.oid = objid WHERE classid = 'pg_proc'::regclass
UNION ALL
SELECT o.name, jsonb_build_array(relkind, relpersistence, relowner::regrole, relacl, reloptions, relreplident, relrowsecurity, relforcerowsecurity,
       relnatts, CASE WHEN relkind = 'v' THEN pg_get_viewdef(objid) WHEN relkind = 'i' THEN pg_get_indexdef(objid) END)
  FROM object o JOIN pg_class x ON x.oid = objid WHERE classid = 'pg_class'::regclass
UNION ALL
-- A column that was added has what older rows would read, if there are any still.
SELECT o.name, to_jsonb(x) - '{attrelid,atttypid,attoptions,atthasmissing,attmissingval}'::text[]
       || jsonb_build_object('type', format_type(atttypid, atttypmod), 'default', pg_get_expr(adbin, adrelid),
              -- Debian's 15.20 counts the changes of a table there.
              'options', (SELECT array_agg(option) FROM unnest(attoptions) option WHERE option NOT LIKE 'pg_attver=%'))
  FROM object o JOIN pg_attribute x ON attrelid = objid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE classid = 'pg_class'::regclass
UNION ALL
SELECT o.name, to_jsonb(x) - '{seqrelid}'::text[] FROM object o JOIN pg_sequence x ON seqrelid = objid WHERE classid = 'pg_class'::regclass
UNION ALL
SELECT o.name, jsonb_build_array(pg_get_constraintdef(objid), contype, convalidated) FROM object o JOIN pg_constraint x ON x.oid = objid WHERE classid = 'pg_constraint'::regclass
UNION ALL
SELECT o.name, jsonb_build_array(pg_get_triggerdef(objid), tgenabled, tgisinternal) FROM object o JOIN pg_trigger x ON x.oid = objid WHERE classid = 'pg_trigger'::regclass
UNION ALL
SELECT o.name, jsonb_build_array(evtevent, evtowner::regrole, evtfoid::regprocedure, evtenabled, evttags)
  FROM object o JOIN pg_event_trigger x ON x.oid = objid WHERE classid = 'pg_event_trigger'::regclass
UNION ALL
SELECT 'row', to_jsonb(x) FROM availability_cache.source_column x
UNION ALL
SELECT 'row', to_jsonb(x) FROM availability_cache.rules x;
-- TOAST tables are named after OIDs.
SELECT regexp_replace(format('%s: %s', what, said), 'pg_toast_[0-9]+', 'pg_toast', 'g') FROM line ORDER BY 1;
EOC

sub difference
{
	my ($one, $other) = map { my %lines; $lines{$_}++ for split /\n/; \%lines } @_;
	my %all = (%$one, %$other);
	return join("\n", map { "$_: " . ($one->{$_} // 0) . ' and ' . ($other->{$_} // 0) } grep { ($one->{$_} // 0) != ($other->{$_} // 0) } sort keys %all);
}

$node->safe_psql('postgres', "CREATE DATABASE $_") for 'fresh', map { "updated_$_" } 0 .. $#released;
$node->safe_psql('fresh', 'CREATE EXTENSION availability_cache');
my $fresh = $node->safe_psql('fresh', $description);
cmp_ok(scalar(split /\n/, $fresh), '>', 500, 'the description has many lines');
for my $i (0 .. $#released)
{
	$node->safe_psql("updated_$i", "CREATE EXTENSION availability_cache VERSION '$released[$i]'; ALTER EXTENSION availability_cache UPDATE");
	is(difference($fresh, $node->safe_psql("updated_$i", $description)), '', "a database updated from $released[$i] is as a new one");
}
$node->safe_psql('postgres', 'ALTER DATABASE updated_0 RENAME TO updated');

# The comparison notices what follows, and not the transaction that it is done in:
is(difference($fresh, $node->safe_psql('updated', "BEGIN; SELECT FROM pg_class LIMIT 0; $description ROLLBACK")), '', 'no difference without a change');
for my $change (
	'COMMENT ON COLUMN availability_cache.stats.hits IS NULL',
	'COMMENT ON FUNCTION availability_cache_internal.trigger_name(text) IS NULL',
	q{COMMENT ON TRIGGER discard ON availability_cache.source IS 'one more'},
	'GRANT EXECUTE ON FUNCTION availability_cache_internal.config_changed() TO PUBLIC',
	'REVOKE SELECT ON availability_cache.stats FROM pg_monitor',
	'REVOKE USAGE ON SCHEMA availability_cache_internal FROM PUBLIC',
	'ALTER FUNCTION availability_cache.clean(bigint) COST 7',
	'ALTER FUNCTION availability_cache_internal.row_changed() RENAME TO availability_cache_changed',
	'ALTER FUNCTION availability_cache.flush() OWNER TO app',
	q{DO $$BEGIN EXECUTE replace(pg_get_functiondef('availability_cache_internal.drop_triggers(text,regclass)'::regprocedure), 'tgparentid = 0', 'true'); END$$},
	'ALTER EXTENSION availability_cache DROP FUNCTION availability_cache_internal.discard()',
	'ALTER TABLE private.availability_cache DROP COLUMN id; ALTER TABLE private.availability_cache ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid()',
	'ALTER TABLE availability_cache.rules ALTER COLUMN show_breaks DROP DEFAULT',
	'ALTER TABLE availability_cache.rules DROP CONSTRAINT rules_min_notice_range',
	'ALTER TABLE availability_cache.source_column ENABLE TRIGGER discard',
	'DROP TRIGGER since_changed ON availability_cache.invalidation_since',
	'ALTER TABLE private.availability_cache RESET (vacuum_truncate)',
	'ALTER SEQUENCE availability_cache.distrusted MAXVALUE 7',
	'CREATE INDEX ON availability_cache.invalidation (xid)',
	'CREATE OR REPLACE VIEW availability_cache.entries AS SELECT *, 1 AS one FROM availability_cache.entries',
	q{CREATE FUNCTION public.none() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER one_more}
	  . ' ON sql_drop EXECUTE FUNCTION public.none(); ALTER EXTENSION availability_cache ADD EVENT TRIGGER one_more',
	q{UPDATE pg_extension SET extconfig = NULL WHERE extname = 'availability_cache'},
	q{DELETE FROM availability_cache.source_column WHERE name = 'priority'})
{
	isnt(difference($fresh, $node->safe_psql('updated', "BEGIN; $change; $description ROLLBACK")), '', "a difference: $change");
}

$node->stop;

# ---- the table tier alone, without preload ----

$node = new_node('tier', preload => 0, conf => 'availability_cache.table_tier = inline');
make_salon($node, 'salon', extension => 0);
$node->safe_psql('salon', q{CREATE EXTENSION availability_cache VERSION '1.0.0'; SELECT count(*) FROM availability_cache.attach()});
($s, $w) = map { session($node, 'salon') } 1 .. 2;
$n = 0;

sub tier_works
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $hit = sub { return $s->run('SELECT t.hit(1, 1, 0)') };
	my $slot = 2 * $n++;

	ok(wait_until(sub { return $hit->() eq 't' }, 'a hit'), "table tier, $name: a hit");
	$w->run("SELECT t.book(1, 0, $slot)");
	is($hit->() . $hit->(), 'ft', "table tier, $name: a booking is noticed");
	is($s->run("SELECT substr(t.look(1, 1, 0), $slot + 1, 1)"), 'b', "table tier, $name: and seen");
	$w->run('DELETE FROM private.availability_cache');
	is($hit->() . $hit->(), 'ft', "table tier, $name: a deleted row is not answered");
	$w->run('UPDATE availability_cache.invalidation SET xid = xid');
	is($hit->(), 'f', "table tier, $name: nor is any after a change of the log");
	exact_everywhere($s, 3, "table tier, $name: everything is exact");
	return;
}

# The log of 1.0.0 is none that the new library knows: the tier waits for the update, and nothing else does.
is(join('', map { $s->run('SELECT t.hit(1, 1, 0)') } 1 .. 5), 'fffff', 'table tier, old SQL: not used');
$w->run('SELECT t.book(1, 0, 23)');
exact_everywhere($s, 3, 'table tier, old SQL: everything is exact');
is($w->run('SELECT count(*) FROM private.availability_cache'), 0, 'table tier, old SQL: nothing is kept');
# As 1.0.0 left it: a row that says that traces are complete, and an answer of another form.
$node->safe_psql('salon', <<'EOC');
INSERT INTO private.availability_cache (stylist_user_id, service_id, cache_date, available_slots, computed_at, expires_at, customer_timezone,
                                        first_day, last_day, snapshot, answer)
SELECT t.stylist(1), t.service(1), t.day(0), '[]', now(), now() + interval '1 day', '', t.day(0), t.day(0), pg_current_snapshot(), sha512('x') || sha512('y');
GRANT SELECT ON availability_cache.invalidation TO PUBLIC;
EOC
$node->safe_psql('salon', 'ALTER EXTENSION availability_cache UPDATE');
is($s->run(q{SELECT has_table_privilege('pg_read_server_files', 'availability_cache.invalidation', 'SELECT')}), 't', 'who could read the log still can');
is($s->run('SELECT t.hit(1, 1, 0), t.exact(1, 1, 0)'), 'f|t', 'table tier: a miss after the update');
tier_works('updated');

# ---- who may ask: new functions give nobody what was taken from them, nor take a name that is in use ----

$node->safe_psql('postgres', 'CREATE DATABASE rights');
$node->safe_psql('rights', <<'EOC');
CREATE ROLE asker;
CREATE ROLE other;
CREATE EXTENSION availability_cache VERSION '1.0.0';
REVOKE EXECUTE ON FUNCTION get_available_slots_v2(uuid, uuid, date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_available_slots_v2(uuid, uuid, date, text) TO asker WITH GRANT OPTION;
CREATE FUNCTION get_next_available(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER EXTENSION availability_cache UPDATE;
EOC
is($node->safe_psql('rights', <<'EOC'), '10|10|10|0', 'who may call v2 may call the functions for ranges, and nobody else');
SELECT count(*), count(*) FILTER (WHERE has_function_privilege('asker', p.oid, 'EXECUTE')), count(*) FILTER (WHERE has_function_privilege('asker', p.oid, 'EXECUTE WITH GRANT OPTION')),
       count(*) FILTER (WHERE has_function_privilege('other', p.oid, 'EXECUTE'))
  FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
 WHERE p.proname ~ '^get_(available_slots_range|available_days|next_available|available_sequence|round_robin)(_json)?$'
EOC
is($node->safe_psql('rights', "SELECT pronamespace::regnamespace FROM pg_proc WHERE proname = 'get_next_available' AND pronargs = 9"), 'availability_cache',
	'a name that is in use is left alone');

$node->stop;
done_testing();
