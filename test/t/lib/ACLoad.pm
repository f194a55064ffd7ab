# ACLoad.pm: readers and writers on a salon at once, and what they found; the exactness test and the mutants'.
#
#   install_load($node, 'salon');                  once, into a salon of make_salon; limits => 1: with what is below
#   my $load = start_load($node, 'salon', seconds => 10, …);
#   $load->finish;                                 waits; dies if a client failed
#   my $found = load_found($session);              {kind}{reads, checked, hits, stale}, {writers}{commits, rollbacks}
#   my $found = load_until_stale($node, 'salon', $session, seconds => 60, …);   a load that stops at the first stale answer
#   stale_kinds($found);                           the kinds that had one, in a line
#   load_v1_differs($session);                     with limits: how many days of v2, computed, are not as v1 has them
#
# Everything is a pgbench script; a reader's statements run one by one, each with a snapshot of its own.
#
# Form A (kinds rc, rr, serializable, own): v1, v2, v1.  A read is checked if both v1 agree and no writer's
# transaction committed in between (else the answer could have changed and changed back): then v2 must be
# the same.  What committed shows in t.version, where each writer counts its changes of a stylist's day.
# kind rr and serializable do so under one snapshot; own within a writer's transaction, before its end.
#
# Form B (kind price): a writer raises prices by one; what it rolls back is a million more.  v1 <= v2 <= v1.
#
# Form C (kind ack): a writer books slot after slot, and says in a sequence (which no transaction delays)
# how many COMMITs it got an answer to; readers in other sessions then must find at least those in v2.
#
# A writer of form A may ask for answers before it changes anything: what it saves must not know of its own
# changes.
#
# With limits an answer may change with another of the stylist's days, or another's of the day:
#   caps      stylists 1 and 2 have one of the day, 3 has one of the week, 4 to 6 those of the rules' row, when there are
#             some, of the week 4 and 5 alone; service 2 has one of the day for all stylists together
#   rooms     service 2 takes one of two, which bookings of each stylist name
#   classes   come, go to another stylist and day, get other seats and lengths, are cancelled; those of stylist 4 in the
#             night and until day 5, too; and service 5 has only those at times
#   zones     stylist 4 is in others at times, as far as there are, of which the days around depend
# Stylist 4 is asked for more often and booked less, as any change of them is one of all their days; and so is service 2
# on day 5, on which it alone is booked.
# Classes have seats, which v1 does not know: there its part is played by v2 that computes, which must say what v1 does
# when it is quiet (load_v1_differs).
#
# Two programs run only where start_load is told how many of their clients there are to be:
#   bulk    writes of form A that touch many stylists, everybody or everything: dozens of bookings at once, TRUNCATE,
#           schedules, services, rules, at READ COMMITTED, REPEATABLE READ and SERIALIZABLE, some prepared
#   tamper  changes private.availability_cache by hand, which must change no answer
# TRUNCATE is not MVCC: who has an older snapshot finds the table empty, and a cached answer is the better
# one. So reads under one snapshot (rr, serializable) are not judged if a TRUNCATE was under way meanwhile.
package ACLoad;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run ();
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(install_load start_load load_found reset_load load_until_stale stale_kinds load_v1_differs);

# How many stylists, services and days form A has (services 1 and 2 differ in length); the stylists of B and
# C.
my $limits;
my %size = (stylists => 6, services => 2, days => 4, writers => 16, price => 8, ack => 7, ack_slots => 300 * 24);

sub install_load
{
	my ($node, $db, %opt) = @_;
	$limits = $opt{limits};
	my $last_day = $size{days} + ($limits ? 1 : -1);
	$node->safe_psql($db, <<"EOC") if $limits;
ALTER TABLE stylist_profiles ADD max_bookings_per_day int, ADD max_bookings_per_week int;
UPDATE stylist_profiles SET max_bookings_per_day = 12 WHERE user_id IN (t.stylist(1), t.stylist(2));
UPDATE stylist_profiles SET max_bookings_per_week = 10000 WHERE user_id NOT IN (t.stylist(3), t.stylist(4), t.stylist(5));
UPDATE stylist_profiles SET max_bookings_per_day = 10000 WHERE user_id IN (t.stylist($size{price}), t.stylist($size{ack}));
ALTER TABLE services ADD resource_kind text, ADD max_bookings_per_day int, ADD only_classes boolean;
INSERT INTO services (id, name, duration_minutes) VALUES (t.service(5), 'lesson', 30);
INSERT INTO stylist_services (stylist_user_id, service_id) SELECT t.stylist(s), t.service(5) FROM generate_series(1, $size{stylists}) s;
UPDATE services SET resource_kind = 'room', max_bookings_per_day = 18 WHERE id = t.service(2);
UPDATE availability_cache.rules SET service_caps = 'together';
ALTER TABLE bookings ADD resource_id uuid;
CREATE TABLE resources (id uuid PRIMARY KEY, kind text NOT NULL);
INSERT INTO resources SELECT t.room(n), 'room' FROM generate_series(0, 1) n;
INSERT INTO resources VALUES (t.room(2), 'desk');
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, resource_id)
SELECT t.stylist(s), t.service(2), t.at(5, 4 * n), t.at(5, 4 * n + 1), t.room(2) FROM generate_series(1, 6) s, generate_series(s % 2, 5, 2) n;
CREATE TABLE class_sessions (id serial PRIMARY KEY, stylist_id uuid, service_id uuid, starts_at timestamptz, ends_at timestamptz, seats int, status text);
CREATE INDEX ON class_sessions (stylist_id, starts_at);
CREATE FUNCTION t.class_start(s int, d int, h int) RETURNS timestamptz LANGUAGE sql
    RETURN t.at(d, CASE s WHEN 4 THEN 2 * h - 8 ELSE h END);
CREATE FUNCTION t.class_end(s int, d int, h int) RETURNS timestamptz LANGUAGE sql
    RETURN CASE WHEN s = 4 AND h % 4 = 1 THEN t.at(5, 4) ELSE t.class_start(s, d, h) + make_interval(mins => 30 + 30 * (h % 3)) END;
INSERT INTO class_sessions (stylist_id, service_id, starts_at, ends_at, seats)
SELECT t.stylist(s), t.service(CASE s % 3 WHEN 0 THEN 5 ELSE s % 3 END), t.class_start(s, d, 6), t.class_end(s, d, 6), 2 FROM generate_series(1, 6) s, generate_series(0, 3) d;
ALTER FUNCTION t.v1 RENAME TO v1_rows;
CREATE FUNCTION t.v1(s int, v int, d int, zone text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET availability_cache.enabled = off AS \$\$ BEGIN RETURN t.v2(s, v, d, zone); END \$\$;
EOC
	$node->safe_psql($db, <<"EOC");
ALTER TABLE services ADD slot_step_minutes int;
ALTER TABLE stylist_schedules ADD service_id uuid, ADD interval_weeks int;
ALTER TABLE schedule_overrides ADD timezone text;
SELECT count(*) FROM availability_cache.attach();
CREATE UNLOGGED TABLE t.version (stylist int, day int, writer int, n bigint, PRIMARY KEY (stylist, day, writer))
    WITH (fillfactor = 50);
INSERT INTO t.version SELECT s, d, w, 0
  FROM generate_series(1, $size{stylists}) s, generate_series(0, $last_day) d, generate_series(0, $size{writers} - 1) w;
CREATE UNLOGGED TABLE t.tally (kind text, reads bigint, checked bigint, hits bigint);
CREATE UNLOGGED TABLE t.writes (commits bigint, rollbacks bigint);
CREATE UNLOGGED TABLE t.stale (kind text, stylist int, service int, day int, before bigint, answer bigint, after bigint,
    at timestamptz DEFAULT clock_timestamp());
CREATE SEQUENCE t.acked MINVALUE -1 START -1;
SELECT setval('t.acked', -1);
CREATE SEQUENCE t.truncates_begun;
CREATE SEQUENCE t.truncates_over;
SELECT setval('t.truncates_begun', 1), setval('t.truncates_over', 1);
UPDATE stylist_services SET custom_price_cents = 0 WHERE stylist_user_id = t.stylist($size{price}) AND service_id = t.service(4);
CREATE FUNCTION t.booked(answer jsonb) RETURNS bigint IMMUTABLE LANGUAGE sql
    RETURN (SELECT count(*) FROM jsonb_array_elements(answer -> 'slots') x WHERE x ->> 'status' = 'booked');
ANALYZE t.version;
EOC
	return;
}

sub reset_load
{
	my ($s) = @_;
	$s->run('TRUNCATE t.tally, t.writes, t.stale');
	return;
}

# ---- readers ----

# The changes of a day; or of all that its answer may depend on.
sub v1
{
	my $changes = $limits
	  ? '(day = :d AND (stylist = :s OR :v = 2)) OR (stylist = :s AND :s IN (3, 4, 5))'
	  : 'stylist = :s AND day = :d';
	return <<"EOC" =~ s/\n\z//r;
SELECT (SELECT sum(n) FROM t.version WHERE $changes) AS version,
       hashtextextended(t.v1(:s, :v, :d)::text, 0) AS answer
EOC
}

my $v2 = <<'EOC';
SELECT hashtextextended((r -> 'slots')::text, 0) AS answer, (r ->> 'cache_hit')::boolean::int AS hit
  FROM get_available_slots_v2(t.stylist(:s), t.service(:v), t.day(:d)) r
EOC
chomp $v2;

# Counts in the client, and writes the sums down now and then.
sub tally
{
	my ($kind, $every) = @_;
	return <<"EOC";
\\set reads :reads + 1
\\if :reads >= $every
INSERT INTO t.tally VALUES ('$kind', :reads, :checked, :hits);
\\set reads 0
\\set checked 0
\\set hits 0
\\endif
EOC
}

sub compare
{
	my ($kind) = @_;
	return <<"EOC";
\\if :a_version = :c_version and :a_answer = :c_answer
\\set checked :checked + 1
\\set hits :hits + :b_hit
\\if :b_answer <> :a_answer
INSERT INTO t.stale VALUES ('$kind', :s, :v, :d, :a_answer, :b_answer, :c_answer);
\\endif
\\endif
EOC
}

sub choose_key
{
	my $days = $size{days} - 1;
	return $limits ? <<"EOC" : <<"EOC";
\\set s random(1, $size{stylists} + 2)
\\set v random(1, 3)
\\set d random(0, $days)
\\if :s > $size{stylists} or :s = 4
\\set s 4
\\set d random(0, $days + 2)
\\elif :v = 2 and random(0, 1) = 0
\\set d 5
\\endif
\\if :v = 3 or :s = 4 and :v = 2
\\set v 5
\\endif
EOC
\\set s random(1, $size{stylists})
\\set v random(1, $size{services})
\\set d random(0, $days)
EOC
}

sub reader_script
{
	my ($choose_key, $v1) = (choose_key(), v1());
	return "$choose_key$v1 \\gset a_\n$v2 \\gset b_\n$v1 \\gset c_\n" . compare('rc') . tally('rc', 20);
}

# What is found is written down after the transaction: a reader that wrote something would compute.
sub snapshot_reader_script
{
	my ($kind, $begin) = @_;
	my ($choose_key, $v1) = (choose_key(), v1());
	return "$choose_key\\set pause random(0, 8)\nSELECT last_value AS over FROM t.truncates_over \\gset\nBEGIN $begin;\n"
	  . "$v1 \\gset a_\n\\sleep :pause ms\n$v2 \\gset b_\n$v1 \\gset c_\nCOMMIT;\n"
	  . "SELECT last_value AS begun FROM t.truncates_begun \\gset\n\\if :begun = :over\n"
	  . compare($kind)
	  . "\\endif\n"
	  . tally($kind, 10);
}

# ---- writers of form A ----

# TOUCH counts a change of stylist :s on day :d and of :s2 on :d2.
my $touch = <<'EOC';
UPDATE t.version SET n = n + 1 WHERE writer = :writer AND (stylist, day) IN ((:s, :d), (:s2, :d2));
EOC
my $touch_stylist = "UPDATE t.version SET n = n + 1 WHERE writer = :writer AND stylist = :s;\n";

# Frees a slot or books it: half of them are booked in the long run, so that no day fills up.
# The week's cap, near what there is: now one more has room, now none.
sub cap_of_week
{
	return $limits ? <<'EOC' : '';
UPDATE stylist_profiles SET max_bookings_per_week = (SELECT count(*) FROM bookings WHERE stylist_user_id = t.stylist(3) AND status NOT IN ('cancelled', 'no_show')
       AND start_time >= date_trunc('week', t.day(:d)::timestamp) AT TIME ZONE 'Asia/Kathmandu' AND start_time < (date_trunc('week', t.day(:d)::timestamp) + '7 days') AT TIME ZONE 'Asia/Kathmandu') + 1
 WHERE user_id = t.stylist(3) AND :s = 3;
EOC
}

sub toggle
{
	my ($column, $room) = $limits ? (', resource_id', ', CASE WHEN :h % 3 > 0 THEN t.room(CASE :h % 4 WHEN 3 THEN 2 ELSE :s % 2 END) END') : ('', '');
	my $service = $limits ? '1 + (:h % 4 = 3)::int' : '1';
	return <<"EOC";
WITH gone AS (DELETE FROM bookings WHERE id IN (SELECT id FROM bookings
        WHERE stylist_user_id = t.stylist(:s) AND start_time = t.at(:d, :h) FOR UPDATE SKIP LOCKED) RETURNING 1)
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time$column)
SELECT t.stylist(:s), t.service($service), t.at(:d, :h), t.at(:d, :h + 1)$room WHERE NOT EXISTS (SELECT FROM gone);
EOC
}
my $one_of_the_day = <<'EOC';
id IN (SELECT id FROM bookings WHERE stylist_user_id = t.stylist(:s) AND start_time BETWEEN t.at(:d, :h) AND t.at(:d, 23)
        ORDER BY start_time LIMIT 1 FOR UPDATE SKIP LOCKED)
EOC

# What only a load with limits changes.  Only stylist 4's classes reach into another day, and there all days are counted.
my $everybody = "UPDATE t.version SET n = n + 1 WHERE writer = :writer;\n";
my $a_class = <<'EOC';
id IN (SELECT id FROM class_sessions WHERE stylist_id = t.stylist(:s) AND starts_at BETWEEN t.at(:d, -8) AND t.at(:d, 39) ORDER BY starts_at LIMIT 1 FOR UPDATE SKIP LOCKED)
EOC
my $more_writes = <<"EOC";
\\if :more % 3 = 0
\\set s 4
\\elif :more % 3 = 1
\\set s2 4
\\endif
\\if :more <= 30
WITH gone AS (DELETE FROM class_sessions WHERE $a_class RETURNING 1)
INSERT INTO class_sessions (stylist_id, service_id, starts_at, ends_at, seats)
SELECT t.stylist(:s), t.service(CASE :h2 % 3 WHEN 0 THEN 5 ELSE :h2 % 3 END), t.class_start(:s, :d, :h), t.class_end(:s, :d, :h), 1 + :h2 % 4 WHERE NOT EXISTS (SELECT FROM gone);
$touch\\elif :more <= 58
UPDATE class_sessions SET stylist_id = t.stylist(:s2), starts_at = t.class_start(:s2, :d2, :h2), ends_at = t.class_end(:s2, :d2, :h2)
 WHERE $a_class;
$touch\\elif :more <= 74
UPDATE class_sessions SET seats = NULLIF(:h2 % 5, 4), status = CASE :h % 4 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'planned' END,
    service_id = t.service(CASE :h2 % 3 WHEN 0 THEN 5 ELSE :h2 % 3 END) WHERE $a_class;
$touch\\elif :more <= 84
WITH gone AS (DELETE FROM bookings WHERE id IN (SELECT id FROM bookings
        WHERE stylist_user_id = t.stylist(:s) AND start_time = t.at(5, :h % 6 * 4) FOR UPDATE SKIP LOCKED) RETURNING 1)
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, resource_id)
SELECT t.stylist(:s), t.service(2), t.at(5, :h % 6 * 4), t.at(5, :h % 6 * 4 + 1), t.room(2) WHERE NOT EXISTS (SELECT FROM gone);
UPDATE t.version SET n = n + 1 WHERE writer = :writer AND stylist = :s AND day = 5;
\\elif :more <= 88
UPDATE services SET only_classes = :h % 2 = 0 WHERE id = t.service(5);
$everybody\\elif :more <= 96
WITH gone AS (DELETE FROM schedule_overrides WHERE stylist_user_id = t.stylist(4) AND :h % 5 = 0 RETURNING 1),
there AS (UPDATE schedule_overrides SET timezone = CASE :h % 3 WHEN 1 THEN 'America/New_York' WHEN 2 THEN 'Pacific/Kiritimati' END
           WHERE stylist_user_id = t.stylist(4) AND :h % 5 > 0 RETURNING 1)
INSERT INTO schedule_overrides (stylist_user_id, override_date, timezone)
SELECT t.stylist(4), t.day(:d), CASE :h % 2 WHEN 1 THEN 'America/New_York' ELSE 'Pacific/Kiritimati' END
 WHERE NOT EXISTS (SELECT FROM gone) AND NOT EXISTS (SELECT FROM there);
UPDATE t.version SET n = n + 1 WHERE writer = :writer AND stylist = 4;
\\else
UPDATE availability_cache.rules SET max_bookings_per_day = CASE WHEN :h < 8 THEN 10 + :h % 3 END, max_daily_minutes = CASE WHEN :h < 8 AND :h % 2 = 0 THEN 360 END,
    max_bookings_per_week = (SELECT count(*) FROM bookings WHERE stylist_user_id = t.stylist(5) AND status NOT IN ('cancelled', 'no_show')
       AND start_time >= date_trunc('week', t.day(:d)::timestamp) AT TIME ZONE 'Asia/Kathmandu' AND start_time < (date_trunc('week', t.day(:d)::timestamp) + '7 days') AT TIME ZONE 'Asia/Kathmandu'
      HAVING :h < 12) + 1;
$everybody\\endif
EOC

sub writer_script
{
	my ($hold_open) = @_;
	my ($v1, $toggle, $cap_of_week) = (v1(), toggle(), cap_of_week());
	my $fewer = $limits ? <<'EOC' : '';
\set s CASE WHEN :s = 4 AND :h % 4 > 0 THEN 1 ELSE :s END
\set s2 CASE WHEN :s2 = 4 AND :h2 % 4 > 0 THEN 2 ELSE :s2 END
EOC
	my $more = $limits ? "\\elif :what <= 68\n$more_writes" : '';
	return <<"EOC";
\\set writer :first + :client_id
\\set s random(1, $size{stylists})
\\set s2 random(1, $size{stylists})
\\set v random(1, $size{services})
\\set d random(0, $size{days} - 1)
\\set d2 random(0, $size{days} - 1)
\\set h random(0, 23)
\\set h2 random(0, 23)
\\set what random(1, 100)
\\set more random(1, 100)
\\set fate random(1, 20)
$fewer\\set lasts random(5, 300)
BEGIN;
\\if :fate >= 14
$v2 \\gset e_
SELECT get_available_slots_v2(t.stylist(:s2), t.service(:v), t.day(:d2)) IS NULL AS e \\gset
\\endif
\\if :what <= 36
$toggle$touch\\elif :what <= 50
UPDATE bookings SET stylist_user_id = t.stylist(:s2), start_time = t.at(:d2, :h2), end_time = t.at(:d2, :h2 + 1)
 WHERE $one_of_the_day;
$touch$more\\elif :what <= 76
UPDATE bookings SET status = CASE status WHEN 'confirmed' THEN 'cancelled' ELSE 'confirmed' END
 WHERE $one_of_the_day;
$touch\\elif :what <= 84
SELECT t.hold(:s, :d, :h, :lasts * interval '1 ms');
DELETE FROM booking_reservations WHERE id IN
    (SELECT id FROM booking_reservations WHERE expires_at < clock_timestamp() - interval '1 s' LIMIT 5 FOR UPDATE SKIP LOCKED);
$touch\\elif :what <= 92
SAVEPOINT a;
SELECT t.book(:s2, :d2, :h2);
ROLLBACK TO SAVEPOINT a;
$toggle$touch\\elif :what <= 96
UPDATE stylist_services SET custom_price_cents = :h * 100, custom_duration_minutes = NULLIF(15 * (:h2 % 5), 0)
 WHERE stylist_user_id = t.stylist(:s) AND service_id = t.service(:v);
$cap_of_week$touch_stylist\\else
WITH gone AS (DELETE FROM schedule_overrides WHERE id IN (SELECT id FROM schedule_overrides
        WHERE stylist_user_id = t.stylist(:s) FOR UPDATE SKIP LOCKED) RETURNING 1)
INSERT INTO schedule_overrides (stylist_user_id, override_date, is_closed, start_time, end_time, timezone)
SELECT t.stylist(:s), t.day(:d), :h % 2 = 0, CASE WHEN :h < 18 THEN time '10:00' END, '16:00', CASE WHEN :h % 3 = 1 THEN 'Asia/Tokyo' END WHERE NOT EXISTS (SELECT FROM gone);
$touch_stylist\\endif
\\if :fate <= 4
$v1 \\gset a_
$v2 \\gset b_
$v1 \\gset c_
\\endif
\\sleep $hold_open us
\\if :fate = 2 or :fate = 3
ROLLBACK;
\\set rollbacks :rollbacks + 1
\\elif :fate = 5
PREPARE TRANSACTION 'writer :writer';
\\sleep 2 ms
COMMIT PREPARED 'writer :writer';
\\set commits :commits + 1
\\elif :fate = 6 and :h < 8
PREPARE TRANSACTION 'writer :writer';
ROLLBACK PREPARED 'writer :writer';
\\set rollbacks :rollbacks + 1
\\else
COMMIT;
\\set commits :commits + 1
\\endif
\\if :fate <= 4
@{[ compare('own') . tally('own', 3) ]}\\endif
@{[ writes(10) ]}
EOC
}

sub writes
{
	my ($every) = @_;
	return <<"EOC";
\\if :commits + :rollbacks >= $every
INSERT INTO t.writes VALUES (:commits, :rollbacks);
\\set commits 0
\\set rollbacks 0
\\endif
EOC
}

# ---- writes of many, and by hand ----

# Counts for every stylist and day; nobody else has this writer's number.
sub bulk_script
{
	my ($hold_open) = @_;
	return <<"EOC";
\\set writer $size{writers} - 1 - :client_id
\\set s random(1, $size{stylists})
\\set h random(0, 23)
\\set what random(1, 100)
\\set fate random(1, 10)
\\set pause random(20, 120)
\\set v 2
\\set d random(0, $size{days} - 1)
\\set d2 random(0, $size{days} - 1)
\\if :what > 90
SELECT nextval('t.truncates_begun');
BEGIN;
TRUNCATE booking_reservations;
\\elif :fate <= 7
BEGIN;
\\elif :fate <= 9
BEGIN ISOLATION LEVEL REPEATABLE READ;
\\else
BEGIN ISOLATION LEVEL SERIALIZABLE;
\\endif
\\if :fate <= 5 and :what <= 90
$v2 \\gset e_
\\sleep 5 ms
SELECT get_available_slots_v2(t.stylist(:s), t.service(:v), t.day(:d2)) IS NULL AS e \\gset
\\endif
\\if :what <= 45
WITH gone AS (DELETE FROM bookings WHERE note = 'bulk' RETURNING 1)
INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, note)
SELECT t.stylist(s), t.service(1), t.at(d, :h), t.at(d, :h + 1), 'bulk'
  FROM generate_series(1, CASE WHEN :h % 2 = 0 THEN $size{stylists} ELSE 2 END) s, generate_series(0, $size{days} - 1) d
 WHERE NOT EXISTS (SELECT FROM gone);
\\elif :what <= 60
UPDATE availability_cache.rules SET buffer_after = make_interval(mins => 5 * (:h % 3)), blocking_statuses = CASE :h % 4 WHEN 3 THEN '{confirmed}'::text[] END;
\\elif :what <= 70
UPDATE stylist_schedules SET end_time = make_time(18 + :h % 3, 0, 0), interval_weeks = 1 + :h % 2,
    service_id = CASE :h % 5 WHEN 0 THEN t.service(1 + :h % 2) END WHERE stylist_user_id = t.stylist(:s);
\\elif :what <= 75
UPDATE services SET duration_minutes = 15 * (1 + :h % 4), slot_step_minutes = NULLIF(20 * (:h % 3), 0) WHERE id = t.service(2);
\\elif :what <= 80
UPDATE services SET buffer_after_minutes = NULLIF(15 * (:h % 4), 0) WHERE id = t.service(1);
\\elif :what <= 90
WITH gone AS (DELETE FROM schedule_overrides WHERE stylist_user_id IS NULL RETURNING 1)
INSERT INTO schedule_overrides (stylist_user_id, override_date, is_closed, start_time, end_time)
SELECT NULL, t.day(:h % $size{days}), false, '09:00', '17:00' WHERE NOT EXISTS (SELECT FROM gone);
\\endif
UPDATE t.version SET n = n + 1 WHERE writer = :writer;
\\sleep $hold_open us
\\if :fate = 1 and :what <= 90
ROLLBACK;
\\set rollbacks :rollbacks + 1
\\elif :fate = 2 and :what <= 90
PREPARE TRANSACTION 'bulk :writer';
\\sleep 2 ms
COMMIT PREPARED 'bulk :writer';
\\set commits :commits + 1
\\else
COMMIT;
\\set commits :commits + 1
\\endif
\\if :what > 90
SELECT nextval('t.truncates_over');
\\endif
\\sleep :pause ms
@{[ writes(3) ]}
EOC
}

# What changes no column that counts drops the answer from memory, so that the table is asked.
sub tamper_script
{
	return <<"EOC";
\\set s random(1, $size{price})
\\set d random(0, $size{days} - 1)
\\set what random(1, 100)
\\if :what <= 30
UPDATE private.availability_cache SET computed_at = computed_at;
\\elif :what <= 70
UPDATE private.availability_cache SET computed_at = computed_at WHERE stylist_user_id = t.stylist(:s);
\\elif :what <= 75
UPDATE private.availability_cache SET available_slots = '[]', expires_at = expires_at + interval '1 hour'
 WHERE stylist_user_id = t.stylist(:s) AND cache_date = t.day(:d);
\\elif :what <= 80
UPDATE private.availability_cache SET snapshot = pg_current_snapshot()
 WHERE stylist_user_id = t.stylist(:s) AND cache_date = t.day(:d);
\\elif :what <= 85
UPDATE private.availability_cache SET first_day = last_day
 WHERE stylist_user_id = t.stylist(:s) AND cache_date = t.day(:d);
\\elif :what <= 90
UPDATE private.availability_cache SET answer = set_byte(answer, length(answer) - 1, get_byte(answer, length(answer) - 1) # 1)
 WHERE stylist_user_id = t.stylist(:s) AND cache_date = t.day(:d);
\\elif :what <= 95
DELETE FROM private.availability_cache WHERE stylist_user_id = t.stylist(:s) AND cache_date = t.day(:d);
\\else
SELECT availability_cache.clean();
\\endif
\\sleep 10 ms
EOC
}

# ---- form B ----

sub price_writer_script
{
	my ($hold_open) = @_;
	return <<"EOC";
\\set v random(3, 4)
\\set fate random(1, 10)
BEGIN;
\\if :fate = 1
UPDATE services SET price_cents = price_cents + 1000000 WHERE id = t.service(:v) AND :v = 3;
UPDATE stylist_services SET custom_price_cents = custom_price_cents + 1000000
 WHERE stylist_user_id = t.stylist($size{price}) AND service_id = t.service(:v) AND :v = 4;
\\sleep $hold_open us
ROLLBACK;
\\set rollbacks :rollbacks + 1
\\else
UPDATE services SET price_cents = price_cents + 1 WHERE id = t.service(:v) AND :v = 3;
UPDATE stylist_services SET custom_price_cents = custom_price_cents + 1
 WHERE stylist_user_id = t.stylist($size{price}) AND service_id = t.service(:v) AND :v = 4;
\\sleep $hold_open us
COMMIT;
\\set commits :commits + 1
\\endif
@{[ writes(10) ]}
EOC
}

sub price_reader_script
{
	my $price_v1 = "SELECT t.price_v1($size{price}, :v, :d) AS price";
	my $price_v2 = "SELECT (r -> 'slots' -> 0 ->> 'price_cents')::int AS price, (r ->> 'cache_hit')::boolean::int AS hit"
	  . " FROM get_available_slots_v2(t.stylist($size{price}), t.service(:v), t.day(:d)) r";
	return <<"EOC";
\\set v random(3, 4)
\\set d random(0, 1)
$price_v1 \\gset a_
$price_v2 \\gset b_
$price_v1 \\gset c_
\\set checked :checked + 1
\\set hits :hits + :b_hit
\\if :b_price < :a_price or :b_price > :c_price
INSERT INTO t.stale VALUES ('price', $size{price}, :v, :d, :a_price, :b_price, :c_price);
\\endif
@{[ tally('price', 20) ]}
EOC
}

# ---- form C ----

# One client only, on days that form A leaves alone.  Once every slot is booked it goes on with a price, which never ends.
sub ack_writer_script
{
	my ($hold_open) = @_;
	return <<"EOC";
SELECT last_value + 1 AS n FROM t.acked \\gset
\\set d :n / 24 + $size{days}
\\set h mod(:n, 24)
BEGIN;
\\if :n < $size{ack_slots}
SELECT t.book($size{ack}, :d, :h);
\\else
UPDATE stylist_services SET custom_price_cents = :n WHERE stylist_user_id = t.stylist($size{ack}) AND service_id = t.service(1);
\\endif
\\sleep $hold_open us
COMMIT;
SELECT setval('t.acked', :n);
\\set commits :commits + 1
@{[ writes(10) ]}
EOC
}

sub ack_reader_script
{
	return <<"EOC";
SELECT last_value AS n FROM t.acked \\gset
\\if :n >= 0
\\set d $size{days}
\\set least :n
\\if :n < $size{ack_slots}
\\set d :n / 24 + $size{days}
\\set least mod(:n, 24) + 1
\\endif
SELECT t.booked(r) AS booked, (r -> 'slots' -> 0 ->> 'price_cents')::int AS price, (r ->> 'cache_hit')::boolean::int AS hit
  FROM get_available_slots_v2(t.stylist($size{ack}), t.service(1), t.day(:d)) r \\gset
\\if :n < $size{ack_slots}
\\set found :booked
\\else
\\set found :price
\\endif
\\set checked :checked + 1
\\set hits :hits + :hit
\\if :found < :least
INSERT INTO t.stale VALUES ('ack', $size{ack}, 1, :d, :least, :found, :n);
\\endif
@{[ tally('ack', 20) ]}\\endif
EOC
}

# ---- running them ----

# seconds; hold_open: microseconds (20,000); settings: {availability_cache.…} of all its sessions; clients:
# {program => how many} where not as below; first: number of the first writer of form A, for a second load at
# the same time, which must have no ack_writer.
sub start_load
{
	my ($node, $db, %opt) = @_;
	my $hold_open = $opt{hold_open} // 20_000;
	my @programs = (
		[ 'rc',           8, 'prepared', reader_script() ],
		[ 'rr',           3, 'prepared', snapshot_reader_script('rr', 'ISOLATION LEVEL REPEATABLE READ') ],
		[ 'serializable', 1, 'prepared', snapshot_reader_script('serializable', 'ISOLATION LEVEL SERIALIZABLE READ ONLY') ],
		[ 'own',          6, 'simple',   writer_script($hold_open) ],
		[ 'price_writer', 1, 'prepared', price_writer_script($hold_open) ],
		[ 'price',        2, 'prepared', price_reader_script() ],
		[ 'ack_writer',   1, 'prepared', ack_writer_script($hold_open) ],
		[ 'ack',          1, 'prepared', ack_reader_script() ],
		[ 'bulk',         0, 'simple',   bulk_script($hold_open) ],
		[ 'tamper',       0, 'simple',   tamper_script() ]);
	my $first = $opt{first} // 0;
	my $self = bless { running => [] }, __PACKAGE__;
	my %env = $node->_get_env();
	local %ENV = %env;
	my %settings = %{ $opt{settings} // {} };

	$ENV{PGOPTIONS} = join ' ', map { "-c availability_cache.$_=$settings{$_}" } sort keys %settings;
	for my $program (@programs)
	{
		my ($name, $clients, $mode, $script) = @$program;
		my $file = $node->basedir . "/$name.$first.pgbench";
		my $out = '';

		$clients = $opt{clients}{$name} // $clients;
		next if $clients == 0;
		open my $fh, '>', $file or die "$file: $!";
		print $fh $script;
		close $fh;
		my $h = IPC::Run::start(
			[
				$node->installed_command('pgbench'), '-n', '-M', $mode, '-c', $clients, '-T', $opt{seconds},
				'--max-tries=100', '-D', "first=$first",
				(map { ('-D', "$_=0") } qw(reads checked hits commits rollbacks)), '-f', $file, $node->connstr($db)
			],
			'<', '/dev/null', '>', \$out, '2>&1');
		push @{ $self->{running} }, { name => $name, h => $h, out => \$out };
	}
	return $self;
}

# The names of programs that failed, with what they said.
sub finish
{
	my ($self) = @_;
	my $failed = '';

	for my $p (@{ $self->{running} })
	{
		next if $p->{h}->finish && ${ $p->{out} } !~ /aborted/;
		$failed .= "$p->{name}: ${ $p->{out} }\n";
	}
	$self->{running} = [];
	return $failed;
}

sub stop
{
	my ($self) = @_;

	for my $p (@{ $self->{running} })
	{
		$p->{h}->signal('TERM') if $p->{h}->pumpable;
		eval { $p->{h}->finish };
	}
	$self->{running} = [];
	return;
}

sub load_found
{
	my ($s) = @_;
	my %found;
	my $rows = $s->run(<<'EOC');
SELECT kind, sum(reads), sum(checked), sum(hits), 0 FROM t.tally GROUP BY kind
UNION ALL SELECT kind, 0, 0, 0, count(*) FROM t.stale GROUP BY kind
EOC
	for my $row (split /\n/, $rows)
	{
		my ($kind, @n) = split /\|/, $row;
		for my $what (qw(reads checked hits stale))
		{
			my $n = shift @n;
			$found{$kind}{$what} += $n;
			$found{all}{$what} += $n;
		}
	}
	@{ $found{writers} }{qw(commits rollbacks)} =
	  split /\|/, $s->run('SELECT coalesce(sum(commits), 0), coalesce(sum(rollbacks), 0) FROM t.writes');
	return \%found;
}

# Like start_load, with the writers' transactions open for 5 ms; leaves nothing behind, and ends the session.
sub load_until_stale
{
	my ($node, $db, $s, %opt) = @_;
	my $over = time() + $opt{seconds};
	my $load = start_load($node, $db, hold_open => 5_000, %opt);

	sleep 0.1 while $s->run('SELECT count(*) FROM t.stale') == 0 && time() < $over;
	$load->stop;
	$s->run("ROLLBACK PREPARED '$_'") for split /\n/, $s->run('SELECT gid FROM pg_prepared_xacts');
	my $found = load_found($s);
	reset_load($s);
	$s->quit;
	return $found;
}

# Of seats and reasons v1 knows nothing.
sub load_v1_differs
{
	my ($s) = @_;
	return $s->run(<<"EOC");
SELECT count(*) FROM generate_series(1, $size{stylists}) s, generate_series(1, $size{services}) v, generate_series(0, 6) d
 WHERE coalesce((SELECT jsonb_agg(x - 'seats_left') FROM jsonb_array_elements(t.v1(s, v, d)) x), '[]') <> t.v1_rows(s, v, d)
EOC
}

sub stale_kinds
{
	my ($found) = @_;
	return join ' ', grep { $_ ne 'all' && $found->{$_}{stale} } sort keys %$found;
}

1;
