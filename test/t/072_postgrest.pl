# needs: node
# The stand-in for PostgREST (test/web/postgrest.mjs) asks as PostgREST does, and what the extension tells
# HTTP clients comes through it: roles, settings of the request, read-only transactions, headers and status
# read back, errors, a 304 for who has the answer.
#
# Shown to fail with: READ WRITE for a GET, no role set, settings that outlive the request, response.headers
# left unread.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use ACWeb;
use JSON::PP qw(decode_json encode_json);
use Test::More;

my $node = new_node('postgrest', conf => "log_min_duration_statement = 0\navailability_cache.http_headers = on");
make_salon($node, 'salon');
make_api_roles($node, 'salon');
$node->safe_psql('salon', <<'EOC');
CREATE FUNCTION public.who() RETURNS json LANGUAGE sql VOLATILE AS $$ SELECT json_build_object('role', current_user, 'claims', current_setting('request.jwt.claims')::json,
    'method', current_setting('request.method'), 'path', current_setting('request.path'), 'agent', current_setting('request.headers')::json ->> 'x-asked-by',
    'read_only', current_setting('transaction_read_only'), 'zone', current_setting('timezone'), 'path_of_names', current_setting('search_path'), 'seen', current_setting('t.seen', true)) $$;
CREATE FUNCTION public.who_stable() RETURNS json LANGUAGE sql STABLE AS 'SELECT public.who()';
CREATE FUNCTION public.book(p_stylist uuid, p_start timestamptz, p_note text DEFAULT 'none') RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time, note) VALUES (p_stylist, t.service(1), p_start, p_start + interval '30 minutes', p_note) RETURNING id $$;
CREATE FUNCTION public.fail(p_state text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = p_state, DETAIL = 'd', HINT = 'h'; END $$;
CREATE FUNCTION public.silent() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION public.two(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION public.two(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION public.said(p_headers text, p_status text DEFAULT '') RETURNS text LANGUAGE sql AS
$$ SELECT set_config('response.headers', p_headers, true) || set_config('response.status', p_status, true) $$;
CREATE FUNCTION public.look() RETURNS void LANGUAGE sql AS $$ SELECT set_config('t.seen', current_user, true) $$;
CREATE FUNCTION public.secret() RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION public.secret() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.secret() TO service_role;
EOC
my $web = web_server($node, 'salon', 'pre-request' => 'public.look');
my ($status, $headers, $body);
sub ask { ($status, $headers, $body) = $web->ask(@_); return $status; }
sub bearer { return { Authorization => 'Bearer ' . token(@_) }; }

# ---- who asks ----

is(ask('POST', '/rest/v1/rpc/who', { 'X-Asked-By' => 'me' }, '{}'), 200, 'a call');
my $who = decode_json($body);
is_deeply($who, { role => 'anon', claims => { role => 'anon' }, method => 'POST', path => '/rpc/who', agent => 'me', read_only => 'off', zone => 'UTC',
		path_of_names => '"public", "public"', seen => 'anon' }, 'role, settings and the function before it, as PostgREST has them');
ask('GET', '/rpc/who', bearer('authenticated', sub => 'u1'));
$who = decode_json($body);
is(join(' ', @$who{qw(role method read_only)}, $who->{claims}{sub}), 'authenticated GET on u1', 'a token\'s role and claims; a GET may not write');
ask('POST', '/rpc/who_stable', { Prefer => 'timezone=Asia/Kathmandu' }, '{}');
is(join(' ', @{ decode_json($body) }{qw(read_only zone)}), 'on Asia/Kathmandu', 'nor may a STABLE function; the zone that a client prefers');
is(ask('POST', '/rpc/who', { Authorization => 'Bearer ' . token('service_role') . 'x' }, '{}'), 401, 'a token that nobody signed');
is(ask('POST', '/rpc/who', bearer('authenticated', exp => 1), '{}'), 401, 'an old one');
is(ask('POST', '/rpc/who', bearer('postgres'), '{}'), 403, 'a role that the authenticator cannot take');
is(ask('POST', '/rpc/secret', undef, '{}'), 401, 'what may not be called without a token');
is(ask('POST', '/rpc/secret', bearer('authenticated'), '{}'), 403, 'nor with this one');
is(ask('POST', '/rpc/secret', bearer('service_role'), '{}'), 200, 'but with that');

# ---- forms of answers ----

my @ids = split /\|/, $node->safe_psql('salon', 'SELECT t.stylist(1), t.service(1), t.day(0), t.at(0, 3)');
my $query = "p_stylist_id=$ids[0]&p_service_id=$ids[1]&p_target_date=$ids[2]";
my $json = encode_json({ p_stylist_id => $ids[0], p_service_id => $ids[1], p_target_date => $ids[2] });
is(ask('POST', '/rpc/get_available_slots', undef, $json), 200, 'rows');
is(scalar(@{ decode_json($body) }), 24, 'are an array');
ask('GET', "/rpc/get_available_slots?$query&select=slot_display,status&slot_display=gte.19%3A00");
is_deeply(decode_json($body), [ map { { slot_display => $_, status => 'available' } } '19:00', '19:30' ], 'some columns of some of them');
is(ask('GET', "/rpc/get_available_slots?$query", { Accept => 'application/vnd.pgrst.object+json' }), 406, 'one was asked for and many are there');
is(ask('GET', "/rpc/get_available_slots_v2?$query", { Accept => 'application/vnd.pgrst.object+json' }), 200, 'one');
is($headers->{'content-type'}, 'application/vnd.pgrst.object+json; charset=utf-8', 'says so');
is(ask('POST', '/rpc/silent', undef, '') . $body, '204', 'void is no content');
is(ask('POST', '/rpc/two', undef, '{"a": 1, "b": 3}') . $body, '2004', 'the function that has the arguments');
is(ask('POST', '/rpc/two', undef, '{"a": 1}'), 300, 'two have them');
is(ask('POST', '/rpc/two', undef, '{"c": 1}'), 404, 'none has them');
is(decode_json($body)->{code}, 'PGRST202', 'as PostgREST says it');
is(ask('POST', '/rpc/two', undef, '[1'), 400, 'no JSON');

# ---- errors ----

my %status_of = (P0001 => 400, P0002 => 500, '23505' => 409, '23P01' => 400, '40001' => 500, '42501' => 401, '53300' => 503, '57014' => 500, PT418 => 418, '22023' => 400);
for my $state (sort keys %status_of)
{
	is(ask('POST', '/rpc/fail', undef, encode_json({ p_state => $state })), $status_of{$state}, "SQLSTATE $state");
}
ask('POST', '/rpc/fail', undef, '{"p_state": "23505"}');
is_deeply(decode_json($body), { code => '23505', message => 'as asked', details => 'd', hint => 'h' }, 'an error\'s body');
is(ask('GET', "/rpc/book?p_stylist=$ids[0]&p_start=$ids[2]T10:00Z"), 405, 'a GET that would write');
is(ask('POST', '/rpc/said', undef, encode_json({ p_headers => '[{"X-A": "1"}, {"x-b": "2"}]', p_status => '299' })), 299, 'status and');
is("$headers->{'x-a'}$headers->{'x-b'}", '12', 'headers that a function sets');
is(ask('POST', '/rpc/said', undef, '{"p_headers": "no"}') . decode_json($body)->{code}, '500PGRST111', 'headers that cannot be read');
is(ask('POST', '/rpc/silent', undef, '{}') . ($headers->{'x-a'} // ''), '204', 'are the request\'s alone');

# ---- a function that returns a media type ----

$node->safe_psql('salon', sooner_functions());
ask('GET', "/rpc/get_available_slots_json?$query");
my $plain = $body;
ask('GET', "/rpc/get_available_slots_json?$query");
$plain = $body;
is(ask('GET', "/rpc/slots?$query", { Accept => 'application/json' }) . $headers->{'content-type'}, '200application/json; charset=utf-8', 'a media type');
is($body, $plain, 'as it is');
like($headers->{etag}, qr/^"[0-9a-f]{32}"$/, 'with its headers');
is(ask('GET', "/rpc/slots?$query", { Accept => '*/*' }) . $body, "200$plain", 'the same, aggregated, for who takes anything');

# ---- what the extension says ----

ask('POST', '/rpc/get_available_slots_v2', undef, $json);
my $slots = decode_json($body)->{slots};
is(ask('GET', "/rpc/get_available_slots_v2?$query"), 200, 'asked by GET');
is_deeply(decode_json($body)->{slots}, $slots, 'the same slots');
is($headers->{'x-cache-hit'}, 'true', 'from memory');
my $etag = $headers->{etag};
like($etag, qr/^"[0-9a-f]{32}"$/, 'with an ETag');
like($headers->{'cache-control'}, qr/no-cache/, 'to be asked for each time');
is(ask('GET', "/rpc/get_available_slots_v2?$query", { 'If-None-Match' => $etag }) . $body, '304', 'who has it is told so, and sent nothing');
is($headers->{etag}, $etag, 'but the ETag');
is(ask('GET', "/rest/v1/rpc/get_available_slots_json?$query", { 'If-None-Match' => $etag }), 304, 'json has the same');
is(ask('POST', '/rpc/book', undef, encode_json({ p_stylist => $ids[0], p_start => $ids[3] })), 200, 'a booking');
is(ask('GET', "/rpc/get_available_slots_v2?$query", { 'If-None-Match' => $etag }), 200, 'and the next GET has it');
isnt($headers->{etag}, $etag, 'with another ETag');
is(decode_json($body)->{slots}[3]{status}, 'booked', 'the slot is booked');
is(ask('GET', "/rpc/get_available_slots_v2?p_stylist_id=$ids[1]&p_service_id=$ids[1]&p_target_date=$ids[2]") . decode_json($body)->{code}, '200STYLIST_NOT_FOUND', 'errors are a 200');
is($headers->{'cache-control'}, 'no-store', 'that nobody keeps');
$node->safe_psql('salon', 'ALTER ROLE authenticator SET availability_cache.http_error_status = on');
$web->stop;

$web = web_server($node, 'salon', listen => 'news', files => [ sources() . '/docs', sources() . '/test/web' ]);
is(ask('GET', "/rpc/get_available_slots_v2?p_stylist_id=$ids[1]&p_service_id=$ids[1]&p_target_date=$ids[2]"), 404, 'or a 404, by a setting');
is(ask('GET', '/usage.md'), 200, 'a file');
is(ask('GET', '/web/postgrest.mjs') . $headers->{'content-type'}, '200text/javascript; charset=utf-8', 'of a folder after the first');
is(ask('GET', '/..%2fMakefile') . ask('GET', '/web/..%2f..%2fMakefile'), '404404', 'none above it');
is(decode_json(($web->ask('GET', '/counts'))[2])->{'GET /usage.md 200'}, 1, 'what was answered is counted');

# ---- the very statements ----

my @log = grep { /pgrst_source|BEGIN|set_config/ && /execute|statement:|duration/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
my ($by_post) = grep { /json_to_record/ && /get_available_slots_v2/ } @log;
ok(index($by_post, q{WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT $1::json AS json_data) pgrst_payload, LATERAL (SELECT "p_stylist_id", "p_service_id", "p_target_date" FROM json_to_record(pgrst_payload.json_data) AS _("p_stylist_id" uuid, "p_service_id" uuid, "p_target_date" date) ) pgrst_body , LATERAL (SELECT "public"."get_available_slots_v2"("p_stylist_id" := pgrst_body."p_stylist_id", "p_service_id" := pgrst_body."p_service_id", "p_target_date" := pgrst_body."p_target_date") pgrst_scalar) pgrst_call) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null') AS body, nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted FROM (SELECT "get_available_slots_v2".* FROM "pgrst_source" AS "get_available_slots_v2" ) _postgrest_t}) >= 0, 'the statement of a POST') or diag $by_post;
ok((grep { index($_, q{SELECT null::bigint AS total_result_set, 1 AS page_total, public."application/json"(_postgrest_t.pgrst_scalar) AS body,}) >= 0 } @log), 'the statement of a media type');
ok((grep { /BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY/ } @log), 'the transaction of a GET');
ok((grep { /select set_config\('search_path', \$1, true\), set_config\('role', \$2, true\), set_config\('request.jwt.claims', \$3, true\)/ } @log), 'the settings of a request');

$web->stop;
$node->stop;
done_testing();
