# needs: node browser
# The booking page (docs/clients/booking) in Chromium, over the stand-in for PostgREST: a time is booked in
# one window and seen to be taken in the other at once; who is late is told; errors are said; a month with its
# free days, anybody who is free, a day that says why it is empty; keyboard, phone, light and dark.
#
# Shown to fail with: the page without notifications, book_slot without its lock or its look at the slots, a
# field without a label, a month that is not asked for again, stylists locked in the order in which they are
# named, grey too light to read, a dialog that is no dialog.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use ACWeb;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('booking');
$node->safe_psql('postgres', 'CREATE DATABASE salon');
$node->safe_psql('salon', "\\set stylists 4\n\\set bookings 200\n\\set days 10\n\\i " . sources() . '/test/web/salon.sql');
my $web = web_server($node, 'salon', listen => 'availability_cache', files => [ sources() . '/docs/clients/booking' ]);

my $used = run_program($node, 'salon', [ 'node', sources() . '/test/web/booking.mjs', $web->{url}, $ENV{AC_SHOTS} || $PostgreSQL::Test::Utils::tmp_check ]);
for my $line (split /\n/, $used->{out})
{
	$line =~ /^(not )?ok - (.*)/ ? ok(!$1, $2) : $line =~ /^# (.*)/ && note($1);
}
like($used->{out}, qr/^done$/m, 'it came to the end') or diag $used->{err};

is($node->safe_psql('salon', q{SELECT string_agg(customer_name, '|' ORDER BY created_at) FROM bookings WHERE customer_name !~ '^Customer \d+$'}), 'Maya <b>&</b> Co|First|Anybody|Keyboard', 'who has booked');

# Forty at once want the same time, and one gets it.
my $slot = $node->safe_psql('salon', q{SELECT json_build_object('p_stylist_ids', ARRAY[p.user_id], 'p_service_id', x.service_id, 'p_start', s.slot_start_utc, 'p_name', 'Crowd')
  FROM stylist_profiles p JOIN stylist_services x ON x.stylist_user_id = p.user_id, generate_series(3, 9) d, get_available_slots(p.user_id, x.service_id, CURRENT_DATE + d) s
 WHERE s.status = 'available' ORDER BY random() LIMIT 1});
my $crowd = run_program($node, 'salon', [ 'node', '-e', <<'EOC', $web->{url}, $slot ]);
const [url, body] = process.argv.slice(1);
const ask = () => fetch(url + '/rpc/book_slot', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).then((r) => r.status);
Promise.all(Array.from({ length: 40 }, ask)).then((all) => console.log(all.filter((s) => s === 200).length, all.filter((s) => s === 409).length));
EOC
is($crowd->{out}, "1 39\n", 'one of forty has the time, the others are told') or diag $crowd->{err};

# Forty who want anybody, in whatever order they name them: as many as are free, and each has the one with the
# fewest bookings before.
my $team = $node->safe_psql('salon', q{SELECT json_build_object('p_stylist_ids', s -> 'stylists', 'p_service_id', x.id, 'p_start', s ->> 'slot_start_utc', 'p_name', 'Team')
  FROM services x, jsonb_array_elements(get_available_slots_range(x.id, CURRENT_DATE + 3, CURRENT_DATE + 9, p_available_only => true) -> 'slots') s
 ORDER BY jsonb_array_length(s -> 'stylists') DESC, random() LIMIT 1});
my $crowds = run_program($node, 'salon', [ 'node', '-e', <<'EOC', $web->{url}, $team ]);
const [url, given] = process.argv.slice(1);
const values = JSON.parse(given);
const ask = (_, i) => fetch(url + '/rpc/book_slot', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...values, p_stylist_ids: i % 2 ? values.p_stylist_ids : [...values.p_stylist_ids].reverse() }) })
	.then(async (r) => [r.status, (await r.json()).stylist]);
Promise.all(Array.from({ length: 40 }, ask)).then((all) => {
	const names = all.filter(([s]) => s === 200).map(([, name]) => name);
	console.log(values.p_stylist_ids.length > 1, names.length === values.p_stylist_ids.length, new Set(names).size === names.length, all.filter(([s]) => s === 409).length + names.length);
});
EOC
is($crowds->{out}, "true true true 40\n", 'of a team each is booked once, nobody waits for nothing') or diag $crowds->{err};

$web->stop;
$node->stop;
done_testing();
