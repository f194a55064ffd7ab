# needs: node browser
# clients/availability-cache.js with the real swr in headless Chromium: an edit in one tab is fresh in the
# other and in another browser, and asks again for nothing else; nothing stale is shown after a reload, nor to
# who comes back later; localStorage keeps only what is right; a booking shows at once and is taken back if it
# fails; what was missed is everything. 304s are counted. With supabase-js, too. What is outdated by what is
# said is also tested without a browser.
#
# Shown to fail with, in the module: without dropStored, postMessage, rollbackOnError or the look at _c; with
# isNext always true; with stored answers always trusted.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use ACWeb;
use JSON::PP qw(encode_json);
use Test::More;

my $node = new_node('browser_cache', conf => "availability_cache.http_headers = on\navailability_cache.notify = on");
make_salon($node, 'salon');
make_api_roles($node, 'salon');
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION public.book(p_stylist uuid, p_slot int) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (p_stylist, t.service(1), t.at(0, p_slot), t.at(0, p_slot + 1)) RETURNING 'booked' $$;
CREATE FUNCTION public.book_slowly(p_stylist uuid, p_slot int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN public.book(p_stylist, p_slot); END $$;
CREATE FUNCTION public.book_in_vain(p_stylist uuid, p_slot int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.book(p_stylist, p_slot), pg_sleep(0.3);
    RAISE EXCEPTION 'somebody was faster' USING ERRCODE = 'exclusion_violation';
END $$;
EOC
$node->safe_psql('salon', sooner_functions());
my %salon;
@salon{qw(one two service day next far)} = split /\|/, $node->safe_psql('salon', 'SELECT t.stylist(1), t.stylist(2), t.service(1), t.day(0), t.day(1), t.day(6)');
my $dir = tempdir(CLEANUP => 1);
my $web = web_server($node, 'salon', listen => 'availability_cache', files => [$dir]);
my $ran = run_program($node, 'salon', [ 'node', sources() . '/test/web/cache/driver.mjs', $dir, $web->{url} ],
	env => { SALON => encode_json(\%salon), TOKEN => token('anon'), SQL_USER => scalar(getpwuid($<)) });
for my $line (split /\n/, $ran->{out})
{
	if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2); }
	else { diag $line unless $line =~ /^1\.\.\d+$/; }
}
is($ran->{status}, 0, 'the driver came to its end') or diag $ran->{err};
$web->stop;
$node->stop;
done_testing();
