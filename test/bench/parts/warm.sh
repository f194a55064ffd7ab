# shellcheck shell=bash
# The site of trace.pl at twenty times its speed, with a worker that keeps memory warm and without: hit rates
# while it runs, and right after a restart. An answer is computed anew only for who will ask for it, so what
# it can gain is what hitrate loses to changes.

warm_stylists=200 warm_days=30

part_warm()
{
	local operations speed which trace=$bench/trace
	operations=$(by_size 120000 20000 3000) speed=$(by_size 1000 1000 30000)
	perl test/bench/trace.pl "$operations" $warm_stylists $warm_days >"$trace"
	warm_replay without "availability_cache.warm_keys = 0"
	warm_replay five "availability_cache.warm_keys = 20000" "availability_cache.warm_budget = 5"
	warm_replay fifty "availability_cache.warm_keys = 20000" "availability_cache.warm_budget = 50"
	row "operations a second" "$(grouped "$speed")" "days asked for: $(grouped "$(middle warm/without/entries)")"
	for which in without five fifty; do
		row "hit rate, $(warm_name $which)" "$(number "$(middle warm/$which/rate)") %" "$(grouped "$(middle warm/$which/outdated)") misses for a change"
	done
	for which in without five; do
		row "hit rate of 2,000 reads right after a restart, $(warm_name $which)" "$(number "$(middle warm/$which/again)") %"
	done
	row "seconds by which the replays were late" "$(number "$(middle warm/without/behind)"), $(number "$(middle warm/five/behind)"), $(number "$(middle warm/fifty/behind)")"
}

warm_name()
{
	case $1 in
		without) echo "without a worker" ;;
		five) echo "with one, 5 % of a processor" ;;
		fifty) echo "with one, 50 %" ;;
	esac
}

# Samples warm/WHICH/… under these settings.
warm_replay()
{
	local which=$1
	shift
	bench_start "$@"
	salon e stylists=$warm_stylists days=$warm_days bookings=0
	extension e
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d e -v "trace=$trace" -f test/bench/sql/replay.sql
	sql e "CALL bench.replay($speed)" >"$bench/behind"
	# Of the reads, not of what the worker computes.
	sample "warm/$which/rate" 1 "$(stat e "100.0 * hits / (SELECT count(*) FROM bench.replayed WHERE kind = 'r')")"
	sample "warm/$which/outdated" 1 "$(stat e miss_outdated)"
	sample "warm/$which/entries" 1 "$(stat e entries)"
	sample "warm/$which/behind" 1 "$(cat "$bench/behind")"
	bench_restart
	warm_wait
	sample "warm/$which/again" 1 "$(sql e "SELECT 100.0 * avg((get_available_slots_v2(stylist, service, day) ->> 'cache_hit')::bool::int)
		FROM (SELECT DISTINCT ON (stylist, service, day) * FROM (SELECT * FROM bench.replayed WHERE kind = 'r' ORDER BY n DESC LIMIT 2000) r) r")"
	bench_stop
}

# Until what is warmed after the restart is warm.
warm_wait()
{
	[[ $(sql e "SHOW availability_cache.warm_keys") != 0 ]] || return 0
	for _ in {1..600}; do
		! grep -q 'availability_cache has warmed database' "$cluster/log" || return 0
		sleep 0.1
	done
	die "nothing was warmed: $cluster/log"
}
