# shellcheck shell=bash
# What a day takes in memory, and how many days fit.

part_memory()
{
	local memory stylists bytes
	memory=$(by_size 64MB 64MB 4MB) stylists=$(by_size 2500 2500 100)
	bench_start "availability_cache.shared_memory_size = $memory"
	salon e stylists="$(by_size 1000 1000 50)" bookings="$(by_size 100000 100000 1000)"
	more_stylists e "$stylists" 30 5
	extension e
	fill e 0 $((stylists * 5))
	sql e "SELECT 'memory/day', n, bytes FROM (SELECT row_number() OVER () AS n, bytes FROM availability_cache.entries
		WHERE service_id = bench.service(1)) x" | tr '|' ' ' >>"$samples"
	figure_row median "a day of 24 slots, with all that belongs to it" " bytes" "<= 1024" memory/day
	figure_row median "the same, against what is aimed for" " bytes" "<= 256" memory/day
	row "a day, over all services" "$(stat e "round(bytes::numeric / entries)") bytes"
	memory_full "$memory" $((${memory%MB} * 1048576))
	row "all it takes for each day, 30 days and 5 services a stylist" "$bytes bytes" "" "<= 288 bytes" "$(judge "$bytes" "$bytes" "<= 288")"
	bench_stop
	[[ $size == full ]] || return 0
	bench_start "availability_cache.shared_memory_size = 1GB"
	salon e stylists=10 days=1 bookings=0
	more_stylists e 100000 12
	extension e
	memory_full 1GB 1073741824
	bench_stop
}

# memory_full MEMORY BYTES: sets bytes, all that is taken for each answer that is held.
memory_full()
{
	local days first
	read -r days first < <(fill_up e)
	bytes=$((($2 + days - 1) / days))
	row "stylist-days that fit in $1" "$(grouped "$days")" "$bytes bytes of all it takes for each"
	row "the same, when the first was evicted" "$(grouped "$first")" "or somewhat fewer"
}

# more_stylists DATABASE STYLISTS DAYS [SERVICES]: as many in all, open every day, who offer services 1 to
# SERVICES (1); a question for each, day and service.
more_stylists()
{
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$1" -v "stylists=$2" -v "days=$3" -v "services=${4:-1}" -f test/bench/sql/stylists.sql
}
