# shellcheck shell=bash
# A booking site's operations (trace.pl), replayed against the extension at a hundred times the site's speed
# or more, and simulated (simulate.pl) with other rules and policies, so that all see the same.

hitrate_stylists=1000 hitrate_days=30

part_hitrate()
{
	local operations speed trace=$bench/trace small
	# speed: operations a second of the replay; the holds of a quarter of an hour shrink with it.
	operations=$(by_size 400000 40000 3000) speed=$(by_size 6000 5000 30000)
	perl test/bench/trace.pl "$operations" $hitrate_stylists $hitrate_days >"$trace"
	hitrate_replay 64MB big
	hitrate_day_bytes=$(stat e "(bytes / greatest(entries, 1))::int")
	bench_stop
	if [[ $size != tiny ]]; then
		small=$(hitrate_small_memory)
		hitrate_replay "$small" small
		bench_stop
	fi
	hitrate_rows
	hitrate_plot
}

# The real thing, with so much memory: samples hitrate/WHICH/… .
hitrate_replay()
{
	local memory=$1 which=$2
	bench_start "availability_cache.shared_memory_size = $memory"
	salon e stylists=$hitrate_stylists days=$hitrate_days bookings=0
	extension e
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d e -v "trace=$trace" -f test/bench/sql/replay.sql
	sql e "CALL bench.replay($speed)" >"$bench/behind"
	sample "hitrate/$which/rate" 1 "$(stat e "100.0 * hits / (hits + misses + bypasses)")"
	sample "hitrate/$which/entries" 1 "$(stat e entries)"
	sample "hitrate/$which/evictions" 1 "$(stat e evictions)"
	sample "hitrate/$which/behind" 1 "$(cat "$bench/behind")"
}

# What the different answers took, a tenth of it, and what the extension takes besides (at least 4 MB are
# wanted).
hitrate_small_memory()
{
	local different kb
	read -r _ _ _ different < <(simulate lru 0)
	kb=$((different * hitrate_day_bytes / 10 / 1024 + 1536))
	echo "$((kb < 4096 ? 4096 : kb))kB"
}

simulate() { perl test/bench/simulate.pl "$trace" "$@"; }
simulated_rate() { simulate "$@" | awk '{ printf "%.2f\n", 100 * $2 / $1 }'; }

hitrate_rows()
{
	local reads hits stale different entries
	read -r reads hits stale different < <(simulate lru 0)
	row "reads in the trace, different days asked for" "$(grouped "$reads"), $(grouped "$different")"
	row "64 MB: hit rate of the extension" "$(number "$(middle hitrate/big/rate)") %" "$(grouped "$(middle hitrate/big/evictions)") evictions"
	row "unlimited memory, simulated: a change ends the day's answers (ours)" "$(number "$(simulated_rate lru 0)") %"
	for rule in stylist ttl; do
		read -r reads hits stale different < <(simulate $rule 0)
		row "unlimited memory, simulated: it ends all of the stylist's (classic$([[ $rule != ttl ]] || echo ', which keeps them 5 minutes'))" \
			"$(awk -v h="$hits" -v r="$reads" 'BEGIN { printf "%.1f", 100 * h / r }') %" \
			"$(awk -v h="$hits" -v s="$stale" 'BEGIN { printf "%.1f", h ? 100 * s / h : 0 }') % of its hits stale"
	done
	[[ $size != tiny ]] || return 0
	entries=$(middle hitrate/small/entries)
	row "small memory: days it holds" "$(grouped "$entries")" "$(awk -v e="$entries" -v d="$different" 'BEGIN { printf "%.1f", 100 * e / d }') % of those asked for"
	row "small memory: hit rate of the extension" "$(number "$(middle hitrate/small/rate)") %" "$(grouped "$(middle hitrate/small/evictions)") evictions"
	for rule in sieve lru optimum; do
		row "as much memory, simulated: $rule" "$(number "$(simulated_rate $rule "$entries")") %"
	done
	row "seconds by which the replays were late" "$(number "$(middle hitrate/big/behind)"), $(number "$(middle hitrate/small/behind)")"
}

# Hit rates by memory, in percent of the different answers: simulated first, then the two of the extension.
hitrate_plot()
{
	local percent different policy
	[[ $size != tiny ]] || return 0
	read -r _ _ _ different < <(simulate lru 0)
	{
		for percent in 1 2 5 10 20 50 100; do
			printf '%s' "$percent"
			for policy in sieve lru optimum; do printf ' %s' "$(simulated_rate $policy $((different * percent / 100)))"; done
			echo
		done
		printf '\n\n'
		for which in small big; do
			awk -v e="$(middle hitrate/$which/entries)" -v d="$different" -v r="$(middle hitrate/$which/rate)" 'BEGIN { print 100 * e / d, r }'
		done
		printf '\n\n'
		for rule in stylist ttl; do simulated_rate $rule 0; done | tr '\n' ' '
	} | plot hitrate
}
