# The table tier is exact: under concurrent writers no answer is stale, whoever stored it and wherever it is
# read (G1 to G3), without preload, behind a memory that forgets, on a hot standby, and while sessions switch
# the tier on and off. The oracle is v1, which always computes. lib/ACLoad.pm has the readers, the writers and
# how a read is judged.
#
# EXACTNESS_SECONDS=n says how long each of the four runs takes; AC_LONG=1 makes it five minutes.
#
# Without shared memory a hit is one of the table. With it, what somebody updates in
# private.availability_cache by hand without changing anything is forgotten by memory and stays valid in the
# table: that is how table hits are made there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACLoad;
use ACTest;
use Test::More;

my $seconds = $ENV{EXACTNESS_SECONDS} // ($ENV{AC_LONG} ? 300 : 6);

# A slow machine gets more time for what a run must have seen.
sub enough
{
	my ($found, $least) = @_;
	for my $kind (keys %$least)
	{
		for my $what (keys %{ $least->{$kind} })
		{
			return 0 if ($found->{$kind}{$what} // 0) < $least->{$kind}{$what};
		}
	}
	return 1;
}

# Runs loads (each a hash of start_load's options), and $meanwhile again and again, until enough was seen.
sub run_loads
{
	my ($name, $node, $least, $loads, $meanwhile) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($found, $failed) = ({}, '');
	my $s = session($node, 'salon');

	reset_load($s);
	for my $round (1 .. 10)
	{
		my @running = map { start_load($node, 'salon', seconds => $seconds, %$_) } @$loads;
		my $over = time() + $seconds - 1;
		while ($meanwhile && time() < $over)
		{
			$meanwhile->();
		}
		$failed .= $_->finish for @running;
		$found = load_found($s);
		last if $failed ne '' || $found->{all}{stale} || enough($found, $least);
	}
	is($failed, '', "$name: no client failed");
	note sprintf '%s: reads %d, checked %d, hits among them %d, stale %d; writers: %d commits, %d rollbacks', $name,
	  @{ $found->{all} }{qw(reads checked hits stale)}, @{ $found->{writers} }{qw(commits rollbacks)};
	for my $kind (sort keys %$found)
	{
		next if $kind =~ /^(?:all|writers)$/;
		note sprintf '%-12s checked %d, hits %d', $kind, map { $_ // 0 } @{ $found->{$kind} }{qw(checked hits)};
		is($found->{$kind}{stale} // 0, 0, "$name, $kind: no stale answer");
	}
	ok(enough($found, $least), "$name: enough was read, and hit") or diag explain $found;
	is($found->{serializable}{hits} // 0, 0, "$name: SERIALIZABLE computes");
	is($s->run('SELECT * FROM t.stale LIMIT 5'), '', "$name: nothing to show");
	exact_everywhere($s, 7, "$name: everything is exact when it is quiet again");
	$s->quit;
	return $found;
}

# ---- (1) without preload: every hit is one of the table ----

my $node = new_node('table', preload => 0, conf => <<'EOC');
max_prepared_transactions = 20
availability_cache.table_tier = inline
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon');
my %all = (
	rc    => { checked => 500, hits => 50 },
	rr    => { checked => 100, hits => 10 },
	own   => { checked => 10 },
	price => { checked => 100, hits => 10 },
	ack   => { checked => 100, hits => 10 });
run_loads('no preload', $node, \%all, [ { clients => { bulk => 1 } } ]);

# ---- (4) there too: the tier switched on and off, sessions of all settings at once ----

my $m = session($node, 'salon');
my @tiers = qw(off inline background inline);
$m->run("LOAD 'availability_cache'");
sub switch_tier
{
	my ($s, $pause) = @_;
	push @tiers, shift @tiers;
	$s->run("ALTER SYSTEM SET availability_cache.table_tier = $tiers[0]");
	$s->run('SELECT pg_reload_conf()');
	sleep $pause;
	return;
}
my @mixed = (
	{ clients => { rc => 4, rr => 2, own => 2, bulk => 1 } },
	{
		first    => 2,
		settings => { table_tier => 'inline' },
		clients  => { rc => 4, rr => 1, serializable => 0, own => 3, price_writer => 0, ack_writer => 0, ack => 0 }
	},
	{
		first    => 5,
		settings => { table_tier => 'off' },
		clients  => { rc => 1, rr => 0, serializable => 0, own => 1, price_writer => 1, price => 0, ack_writer => 0, ack => 0 }
	});
run_loads('switching, no preload', $node, { rc => { checked => 300, hits => 5 }, own => { checked => 10 } },
	\@mixed, sub { switch_tier($m, 0.4) });
$m->quit;
$node->stop;

# ---- (2) preload, written behind by the worker ----

$node = new_node('both', streaming => 1, conf => <<'EOC');
max_prepared_transactions = 20
availability_cache.table_tier = background
availability_cache.shared_memory_size = 4MB
availability_cache.table_tier_retry = 1s
EOC
make_salon($node, 'salon', stylists => 8, services => 4, days => 7);
install_load($node, 'salon');
$m = session($node, 'salon');
run_loads('background', $node, \%all, [ { clients => { bulk => 1, tamper => 3 } } ]);
note 'background: table hits, all hits, stored by the worker: ', stat_of($m, 'table_hits, hits, table_stores');
cmp_ok(stat_of($m, 'table_hits'), '>', 100, 'background: many hits came from the table');
cmp_ok(stat_of($m, 'hits - table_hits'), '>', 100, 'and many from memory');
cmp_ok(stat_of($m, 'table_stores'), '>', 100, 'the worker wrote');
nothing_pending($m);
run_loads('switching', $node, { rc => { checked => 300, hits => 20 }, own => { checked => 10 } },
	[ map { { %$_, clients => { %{ $_->{clients} }, tamper => 1 } } } @mixed ], sub { switch_tier($m, 0.4) });
nothing_pending($m);
$m->run('ALTER SYSTEM RESET availability_cache.table_tier');
$m->run('SELECT pg_reload_conf()');

# ---- (3) a hot standby: v1 and v2 under one snapshot are the same; prices never go back ----

$node->backup('base');
my $standby = new_node('standby', from => [ $node, 'base' ], conf => <<'EOC');
max_standby_streaming_delay = -1
availability_cache.table_tier = inline
EOC
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
my $snapshots = session($standby, 'salon', default_transaction_isolation => 'repeatable read');
my $prices = session($standby, 'salon');

# No statement of a procedure may come before the transaction's isolation level is set.
my $look = <<'EOC';
DO $$
DECLARE
    a jsonb; b jsonb; c jsonb;
    s int; v int; d int;
    checked int := 0; hits int := 0; stale int := 0;
    over timestamptz := clock_timestamp() + interval 'SECONDS s';
BEGIN
    WHILE clock_timestamp() < over LOOP
        s := 1 + floor(random() * 6); v := 1 + floor(random() * 2); d := floor(random() * 4);
        COMMIT;
        a := t.v1(s, v, d);
        b := get_available_slots_v2(t.stylist(s), t.service(v), t.day(d));
        c := t.v1(s, v, d);
        CONTINUE WHEN a <> c;
        checked := checked + 1;
        hits := hits + (b ->> 'cache_hit')::boolean::int;
        stale := stale + (b -> 'slots' <> a)::int;
    END LOOP;
    RAISE WARNING 'checked % hits % stale %', checked, hits, stale;
END
$$
EOC
my $look_at_prices = <<'EOC';
DO $$
DECLARE
    a int; b jsonb; c int;
    v int; d int;
    checked int := 0; hits int := 0; stale int := 0;
    over timestamptz := clock_timestamp() + interval 'SECONDS s';
BEGIN
    WHILE clock_timestamp() < over LOOP
        v := 3 + floor(random() * 2); d := floor(random() * 2);
        COMMIT;
        a := min(price_cents) FROM get_available_slots(t.stylist(8), t.service(v), t.day(d));
        b := get_available_slots_v2(t.stylist(8), t.service(v), t.day(d));
        c := min(price_cents) FROM get_available_slots(t.stylist(8), t.service(v), t.day(d));
        checked := checked + 1;
        hits := hits + (b ->> 'cache_hit')::boolean::int;
        stale := stale + ((b -> 'slots' -> 0 ->> 'price_cents')::int NOT BETWEEN a AND c)::int;
    END LOOP;
    RAISE WARNING 'checked % hits % stale %', checked, hits, stale;
END
$$
EOC
my ($totals, $price_totals) = ({}, {});
for my $round (1 .. 10)
{
	# The table ends at twice the memory, and nobody else makes room here.
	$m->run('VACUUM private.availability_cache');
	my $load = start_load($node, 'salon', seconds => $seconds,
		clients => { rc => 4, rr => 1, serializable => 0, own => 4, tamper => 1, ack_writer => 0, ack => 0, bulk => 0 });
	my $switch = session($node, 'salon');
	my $over = time() + $seconds - 1;

	$snapshots->send($look =~ s/SECONDS/$seconds/r);
	$prices->send($look_at_prices =~ s/SECONDS/$seconds/r);
	# Half of the time without an interruption.
	sleep $seconds / 2;
	switch_tier($switch, 0.5) while time() < $over;
	is($load->finish, '', 'standby: no client failed on the primary');
	for my $part ([ $snapshots, $totals ], [ $prices, $price_totals ])
	{
		$part->[0]->result;
		my ($checked, $hits, $stale) = $part->[0]{error} =~ /checked (\d+) hits (\d+) stale (\d+)/
		  or diag $part->[0]{error};
		$part->[1]{checked} += $checked;
		$part->[1]{hits} += $hits;
		$part->[1]{stale} += $stale;
	}
	$switch->quit;
	last if $totals->{hits} >= 20 && $price_totals->{hits} >= 10 || $totals->{stale} + $price_totals->{stale} > 0;
}
note "standby: checked $totals->{checked}, hits $totals->{hits}; prices: checked $price_totals->{checked}, hits $price_totals->{hits}";
is($totals->{stale}, 0, 'standby: under one snapshot v1 and v2 are the same');
is($price_totals->{stale}, 0, 'standby: no price is older than what was seen before');
cmp_ok($totals->{hits}, '>=', 20, 'standby: and there were hits');
cmp_ok($price_totals->{hits}, '>=', 10, 'standby: of prices too');
cmp_ok(stat_of($prices, 'table_hits'), '>=', 30, 'all of them from the table');
is(stat_of($prices, 'hits - table_hits, table_stores'), '0|0', 'none from memory; and nothing was written');
is(load_found($m)->{all}{stale}, 0, 'primary: no stale answer meanwhile');
$_->quit for $m, $snapshots, $prices;
$standby->stop;
$node->stop;
done_testing();
