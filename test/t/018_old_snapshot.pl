# What a session learns of tables, columns and triggers while it looks through an old snapshot is not used
# afterwards, when it would be kept for all (G1, G3, G6).
#
# Shown to fail with, in src/slots/sources.c: a mapping that was loaded in REPEATABLE READ and stays valid
# after it; in src/cache/cells.c: cells_outdate that raises no xid.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $node = new_node('old_snapshot');
make_salon($node, 'salon');
my $m = session($node, 'salon');
$m->run('CREATE TABLE other_bookings (LIKE bookings INCLUDING ALL); SELECT t.v2(1, 1, 0)');

# Sessions that have computed nothing yet, with an old snapshot.
sub old_session
{
	my ($isolation) = @_;
	my $s = session($node, 'salon');
	$s->run("BEGIN ISOLATION LEVEL $isolation; SELECT 1");
	return $s;
}

for my $isolation ('REPEATABLE READ', 'SERIALIZABLE')
{
	# Another table is attached.
	my $s = old_session($isolation);
	$m->run(q{SELECT availability_cache.attach('bookings', 'other_bookings')});
	$s->run('SELECT t.v2(1, 1, 0); COMMIT');
	$m->run(q{INSERT INTO other_bookings (stylist_user_id, service_id, start_time, end_time)
		VALUES (t.stylist(1), t.service(1), t.at(0, 1), t.at(0, 2))});
	is($s->run('SELECT t.look(1, 1, 0)'), 'ab' . 'a' x 22, "$isolation, attach(): the session has the new table afterwards");
	is($m->run('SELECT t.look(1, 1, 0)'), 'ab' . 'a' x 22, 'and so have others');
	exact_everywhere($m, 3, 'everything is exact');
	$s->quit;
	$m->run(q{DELETE FROM other_bookings; SELECT availability_cache.attach('bookings', 'bookings')});

	# A trigger is disabled: what nobody would notice must not be kept.
	$s = old_session($isolation);
	$m->run('ALTER TABLE bookings DISABLE TRIGGER trigger_invalidate_cache_on_booking');
	$s->run('SELECT t.v2(1, 1, 1); COMMIT');
	is($s->run('SELECT t.hit(1, 1, 1), t.hit(1, 1, 1)'), 'f|f', "$isolation, DISABLE TRIGGER: the session keeps nothing afterwards");
	$m->run('SELECT t.book(1, 1, 0)');
	is($m->run('SELECT t.look(1, 1, 1)'), 'b' . 'a' x 23, 'and others get the new answer');
	$m->run('ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking; DELETE FROM bookings');
	is($s->run('SELECT t.hit(1, 1, 1), t.hit(1, 1, 1)'), 'f|t', 'enabled again: kept again');
	$s->quit;

	# Another column is mapped.
	$m->run('ALTER TABLE services ADD COLUMN other_price int DEFAULT 77');
	$s = old_session($isolation);
	$m->run(q{SELECT availability_cache.attach('services', 'services', '{"price_cents": "other_price"}')});
	$s->run('SELECT t.v2(1, 1, 2); COMMIT');
	is($s->run("SELECT t.v2(1, 1, 2) -> 0 ->> 'price_cents'"), 77, "$isolation, another column: the session has it afterwards");
	is($m->run("SELECT t.v2(1, 1, 2) -> 0 ->> 'price_cents'"), 77, 'and so have others');
	$s->quit;
	$m->run(q{SELECT availability_cache.attach('services', 'services'); ALTER TABLE services DROP COLUMN other_price});
}

# What nobody noticed, and flush() after it: an old snapshot does not see the change, whoever has computed
# since.
my $s = old_session('REPEATABLE READ');
$s->run('SELECT t.v2(2, 1, 3)');
$m->run($_) for 'ALTER TABLE bookings DISABLE TRIGGER USER', 'SELECT t.book(1, 1, 3)',
  'ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking',
  'ALTER TABLE bookings ENABLE ALWAYS TRIGGER trigger_invalidate_cache_on_booking_truncate',
  'SELECT availability_cache.flush()';
is($m->run('SELECT t.hit(1, 1, 1), t.hit(1, 1, 1), t.exact(1, 1, 1)'), 'f|t|t', 'flush() after a change that nobody noticed');
is($s->run('SELECT t.exact(1, 1, 1)'), 't', 'an old snapshot gets the answer from before it');
$s->quit;

nothing_pending($m);
$m->quit;
$node->stop;
done_testing();
