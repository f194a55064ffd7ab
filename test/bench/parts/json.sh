# shellcheck shell=bash
# get_available_slots_json, which gives the answer as text, against the fastest function that returns it as
# jsonb.

. test/bench/parts/hit.sh

part_json()
{
	local clients round series
	bench_start
	hit_databases
	if [[ -z $has_json ]]; then
		skip "get_available_slots_json" "not in this build"
		bench_stop
		return
	fi
	for clients in $(by_size "1 4 16" "1 4" "1"); do
		for ((round = 1; round <= turns; round++)); do
			for series in $(turned "$round" floor json floor_json none); do
				tps "json/$series@$clients" "$round" "$bench/$series.sql" "$clients" e
			done
		done
		ratio_row "json hit / jsonb floor, clients: $clients" ">= 1.3" "json/json@$clients" "json/floor@$clients"
		ratio_row "SELECT 1 / jsonb floor, clients: $clients" "" "json/none@$clients" "json/floor@$clients"
		ratio_row "json hit / function returning the same json, clients: $clients" "" "json/json@$clients" "json/floor_json@$clients"
	done
	bench_stop
}
