# shellcheck shell=bash
# The table behind memory (availability_cache.table_tier): what it gives after a restart, and what writing it
# costs readers.

part_table()
{
	local round n
	n=$(by_size 500 200 20)
	bench_start
	salon e bookings=10000
	copies e k
	extension e
	classic k
	if ! has_setting e availability_cache.table_tier; then
		skip "table tier" "no availability_cache.table_tier in this build"
		bench_stop
		return
	fi
	for ((round = 1; round <= rounds; round++)); do
		for tier in off inline background; do table_after_restart "$tier" "$round" "$n"; done
		table_classic "$round" "$n"
	done
	table_rows "$n"
	bench_stop
}

table_count() { sql e "SELECT count(*) FROM private.availability_cache"; }

# Asks N days: with nothing kept anywhere, then with memory lost to a restart.
table_after_restart()
{
	local tier=$1 round=$2 n=$3
	use_tier e "$tier"
	sql e "SELECT availability_cache.flush()" "DELETE FROM private.availability_cache" >/dev/null
	sample "table/first/$tier" "$round" "$(sql e "CALL bench.ask('v1', 0, 2)" "CALL bench.ask('v2', $round, $n)" | tail -n 1)"
	# The worker gets ten seconds.
	for _ in {1..50}; do
		[[ $tier == background ]] || break
		(($(table_count) < n)) || break
		sleep 0.2
	done
	sample "table/kept/$tier" "$round" "$(table_count)"
	bench_restart
	sample "table/again/$tier" "$round" "$(sql e "CALL bench.ask('v1', 0, 2)" "CALL bench.ask('v2', $round, $n)" | tail -n 1)"
	sample "table/hits/$tier" "$round" "$(stat e table_hits)"
}

table_classic()
{
	sql k "CALL bench.ask('v2', $1, $2)" >/dev/null
	sample table/again/classic "$1" "$(sql k "CALL bench.ask('v2', $1, 2)" "CALL bench.ask('v2', $1, $2)" | tail -n 1)"
}

table_rows()
{
	local tier n=$1
	for tier in inline background; do
		median_row "table tier $tier: rows after $n days were asked for" "" "table/kept/$tier"
		ratio_row "first call, table tier $tier / off" "" "table/first/$tier" table/first/off
		median_row "after a restart, answered from the table, $tier" "of $n" "table/hits/$tier"
		median_row "after a restart, table tier $tier" us "table/again/$tier"
		ratio_row "after a restart, computed / from the table, $tier" "" table/again/off "table/again/$tier"
		ratio_row "after a restart, classic v2 from its table / ours, $tier" "" table/again/classic "table/again/$tier"
	done
}
