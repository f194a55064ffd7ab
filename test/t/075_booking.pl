# needs: node browser
# The booking page (docs/clients/booking) in Chromium, over the stand-in for PostgREST: a time is booked in one window and seen to be taken in the other at
# once; who is late is told; errors are said; keyboard, phone, light and dark.
#
# Shown to fail with: the page without notifications, book_slot without its lock or its look at the slots, a field without a label, grey too light
# to read, a dialog that is no dialog.
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

is($node->safe_psql('salon', q{SELECT string_agg(customer_name, '|' ORDER BY created_at) FROM bookings WHERE customer_name !~ '^Customer \d+$'}), 'Maya <b>&</b> Co|First|Keyboard', 'who has booked');

# Forty at once want the same time, and one gets it.
my $slot = $node->safe_psql('salon', q{SELECT json_build_object('p_stylist_id', p.user_id, 'p_service_id', x.service_id, 'p_start', s.slot_start_utc, 'p_name', 'Crowd')
  FROM stylist_profiles p JOIN stylist_services x ON x.stylist_user_id = p.user_id, generate_series(3, 9) d, get_available_slots(p.user_id, x.service_id, CURRENT_DATE + d) s
 WHERE s.status = 'available' ORDER BY random() LIMIT 1});
my $crowd = run_program($node, 'salon', [ 'node', '-e', <<'EOC', $web->{url}, $slot ]);
const [url, body] = process.argv.slice(1);
const ask = () => fetch(url + '/rpc/book_slot', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).then((r) => r.status);
Promise.all(Array.from({ length: 40 }, ask)).then((all) => console.log(all.filter((s) => s === 200).length, all.filter((s) => s === 409).length));
EOC
is($crowd->{out}, "1 39\n", 'one of forty has the time, the others are told') or diag $crowd->{err};

$web->stop;
$node->stop;
done_testing();
