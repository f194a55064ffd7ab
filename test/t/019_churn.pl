# A full memory whose entries, of one block to a hundred (more than are taken in one turn of the lock), come
# and go while several sessions copy them without a lock: what they get is always one whole answer, of the key
# that was asked for (G7, G8).
#
# Shown to fail with, in src/cache/store.c: copy_image that does not look at the sequence number again;
# remove_entry without advance_sequence; a take_block that makes the sequence number even; free_blocks that
# counts one block too many.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $seconds = $ENV{AC_CHURN_SECONDS} // 5;
my $node = new_node('churn', hooks => 1, conf => <<'EOC');
availability_cache.shared_memory_size = '6MB'
availability_cache.ttl = 0
EOC
make_salon($node, 'salon', stylists => 7, days => 30);
my $s = session($node, 'salon');

# Stylist n has 2 to 122 slots, the last one 240; display texts make an entry of that one 16 kB.
$s->run(<<'EOC');
SET client_min_messages = warning;
UPDATE availability_cache.rules SET slot_step = '6 minutes', display_format = '"long text before the hour that takes a lot of memory "HH24:MI';
UPDATE services SET duration_minutes = 6, price_cents = 1500;
DELETE FROM stylist_schedules;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
SELECT t.stylist(n), d, '08:00', time '08:12' + n * n * interval '20 minutes' FROM generate_series(0, 6) d, generate_series(1, 6) n;
INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time) SELECT t.stylist(7), d, '00:00', '00:00' FROM generate_series(0, 6) d;
CREATE TABLE t.truth AS
SELECT (row_number() OVER ())::int AS n, s, d, z, md5(get_available_slots_v2(t.stylist(s), t.service(1), t.day(d), z) ->> 'slots') AS slots
  FROM generate_series(1, 7) s, generate_series(0, 59) d, unnest('{Asia/Kathmandu,UTC,Asia/Tokyo,Europe/Paris,Asia/Dubai,America/New_York,Asia/Dhaka,Asia/Kolkata}'::text[]) z;
CREATE UNIQUE INDEX ON t.truth (n);
ANALYZE t.truth;
-- Keys around one that wanders, so that some are asked for again soon.
CREATE PROCEDURE t.ask(centre int) LANGUAGE plpgsql AS $$
DECLARE
    which int;
    k t.truth;
    answer jsonb;
BEGIN
    -- Half of the calls are slow to copy: what they copy changes meanwhile.
    PERFORM set_config('availability_cache.test_sleep_in_copy', CASE WHEN centre % 2 = 0 THEN '300' ELSE '0' END, false);
    FOR i IN 1 .. 100 LOOP
        which := 1 + (centre + (random() * random() * 2000)::int) % 3360;
        SELECT * INTO STRICT k FROM t.truth WHERE n = which;
        answer := get_available_slots_v2(t.stylist(k.s), t.service(1), t.day(k.d), k.z);
        IF md5(answer ->> 'slots') IS DISTINCT FROM k.slots THEN
            RAISE EXCEPTION 'wrong: % instead of %', answer, k;
        END IF;
    END LOOP;
END
$$;
SELECT availability_cache.reset_stats();
EOC
is($s->run('SELECT count(DISTINCT slots), count(*) FROM t.truth'), '3360|3360', 'every key has an answer of its own');

my $file = $node->basedir . '/ask.pgbench';
open my $fh, '>', $file or die "$file: $!";
print $fh "\\set centre random(1, 3360)\nCALL t.ask(:centre);\n";
close $fh;
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-T', $seconds, '-f', $file, $node->connstr('salon') ], 'no answer was torn or another\'s');

is($s->run('SELECT max(bytes) > 64 * 208 FROM availability_cache.entries'), 't', 'some answers took several turns of the lock');
my ($hits, $stores, $evictions) = split /\|/, stat_of($s, 'hits, stores, evictions');
note "$hits hits, $stores stores, $evictions evictions";
cmp_ok($_->[0], '>', 1000, $_->[1]) for [ $hits, 'hits' ], [ $evictions, 'evictions' ];
is($s->run('SELECT count(*), sum(bytes) FROM availability_cache.entries'), stat_of($s, 'entries, bytes'), 'the accounts are right');
my ($entries, $bytes) = split /\|/, stat_of($s, 'entries, bytes');
is($s->run('SELECT availability_cache.flush()'), $entries, 'flush() finds all of them');
is(stat_of($s, 'entries, bytes'), '0|0', 'and nothing is left');
$s->run('SELECT count(get_available_slots_v2(t.stylist(s), t.service(1), t.day(d), z)) FROM t.truth');
cmp_ok(stat_of($s, 'bytes'), '>', 0.95 * $bytes, 'all of the memory can be used again');
$node->stop;
done_testing();
