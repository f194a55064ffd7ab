# rules.compute_function under load (G1, G2, G3): sessions that write, and sessions that compare v2 and json
# with the tables that the function reads, at both isolation levels, while another changes which function it
# is. A number only grows: an answer lies between what was read before and after the call. Bites: with the
# version clock read after the snapshot, hits that ignore pending cells, or changes ended before they are
# visible, answers are stale.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('own_rules', hooks => 1);
$node->safe_psql('postgres', 'CREATE DATABASE d');
$node->safe_psql('d', <<'EOC');
SET client_min_messages = error;
CREATE EXTENSION availability_cache;
CREATE ROLE owner;
GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() TO owner;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
CREATE TABLE counter (who uuid PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counter SELECT md5(i::text)::uuid, 0 FROM generate_series(1, 4) i;
GRANT SELECT, UPDATE ON counter TO PUBLIC;
CREATE FUNCTION one(who uuid, what uuid, day date, zone text) RETURNS TABLE (n bigint, by text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
'SELECT c.n, ''one'' FROM counter c WHERE c.who = $1';
CREATE FUNCTION other(who uuid, what uuid, day date, zone text) RETURNS TABLE (n bigint, by text) LANGUAGE plpgsql SET search_path = public, pg_temp AS
'BEGIN RETURN QUERY SELECT c.n, ''other'' FROM counter c WHERE c.who = $1; END';
SELECT count(*) FROM availability_cache.memoize('one(uuid,uuid,date,text)');
SELECT count(*) FROM availability_cache.memoize('other(uuid,uuid,date,text)');
RESET ROLE;
UPDATE availability_cache.rules SET compute_function = 'public.one(uuid,uuid,date,text)';

CREATE FUNCTION v2(x int, OUT n bigint, OUT by text) LANGUAGE sql VOLATILE AS
$$ SELECT (s ->> 'n')::bigint, s ->> 'by' FROM (SELECT CASE WHEN x % 2 = 0 THEN get_available_slots_v2(md5(x::text)::uuid, md5('')::uuid, '2031-03-07')
     ELSE get_available_slots_json(md5(x::text)::uuid, md5('')::uuid, '2031-03-07')::jsonb END #> '{slots,0}') a(s) $$;
-- How many of its reads are wrong.
CREATE PROCEDURE read(rounds int, INOUT wrong int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
    x int; b bigint; f bigint; a bigint;
BEGIN
    FOR i IN 1 .. rounds LOOP
        x := 1 + i % 4;
        SELECT n INTO b FROM counter WHERE who = md5(x::text)::uuid;
        SELECT n INTO f FROM v2(x);
        SELECT n INTO a FROM counter WHERE who = md5(x::text)::uuid;
        wrong := wrong + (f < b OR f > a OR f IS NULL)::int;
        COMMIT;
    END LOOP;
END
$$;
CREATE PROCEDURE write(rounds int, INOUT wrong int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
    x int; f bigint; a bigint;
BEGIN
    FOR i IN 1 .. rounds LOOP
        x := 1 + (random() * 3)::int;
        UPDATE counter SET n = n + 1 WHERE who = md5(x::text)::uuid RETURNING n INTO a;
        IF i % 10 = 0 THEN
            SELECT n INTO f FROM v2(x);
            wrong := wrong + (f IS DISTINCT FROM a)::int;
        END IF;
        IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
        PERFORM pg_sleep(random() * 0.002);
    END LOOP;
END
$$;
-- The next call after a change of the rules is by the new function.
CREATE PROCEDURE name(rounds int, INOUT wrong int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
    f text;
BEGIN
    FOR i IN 1 .. rounds LOOP
        UPDATE availability_cache.rules SET compute_function = format('public.%s(uuid,uuid,date,text)', (ARRAY['one', 'other'])[1 + i % 2]);
        COMMIT;
        SELECT by INTO f FROM v2(1 + i % 4);
        wrong := wrong + (f IS DISTINCT FROM (ARRAY['one', 'other'])[1 + i % 2])::int;
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
EOC

my $rounds = $ENV{AC_LONG} ? 200_000 : 4000;
sub load
{
	my ($rounds, %of) = @_;
	my @writers = map { session($node, 'd', 'availability_cache.test_sleep_before_end' => 100 * $_, 'availability_cache.test_sleep_before_visible' => 100) } 1 .. 2;
	my @readers = map { session($node, 'd', 'availability_cache.test_sleep_after_snapshot' => $of{sleep} // 50) } 1 .. 2;
	push @readers, session($node, 'd', default_transaction_isolation => 'repeatable read');
	my $namer = session($node, 'd');
	$_->send('CALL write(' . $rounds / 8 . ')') for @writers;
	$_->send("CALL read($rounds)") for @readers;
	$namer->send('CALL name(' . ($of{names} // 0) . ')');
	my @wrong = map { $_->result } @readers, @writers, $namer;
	$_->quit for @readers, @writers, $namer;
	return "@wrong";
}
is(load($rounds, names => $rounds / 200), '0 0 0 0 0 0', 'no answer is wrong, whichever function it is');
is(load($rounds), '0 0 0 0 0 0', 'nor when it stays the same');
cmp_ok($node->safe_psql('d', 'SELECT sum(hits) FROM availability_cache.memoized'), '>', $rounds / 10, 'and many were from memory');

for my $mutant (qw(clock_after_snapshot hit_ignores_pending end_before_visible))
{
	$node->safe_psql('postgres', "ALTER SYSTEM SET availability_cache.test_mutant = '$mutant'");
	$node->restart;
	my $wrong;
	for (1 .. 5)
	{
		$wrong = load(4000, sleep => 300);
		last if $wrong ne '0 0 0 0 0 0';
	}
	isnt($wrong, '0 0 0 0 0 0', "$mutant: seen");
}
$node->stop;
done_testing();
