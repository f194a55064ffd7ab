# shellcheck shell=bash
# What becomes of a hit, a miss and a booking as answers and stylists grow; what 4 GB cost at the start.

. test/bench/parts/hit.sh
. test/bench/parts/memory.sh
. test/bench/parts/booking.sh

scale_stylists() { by_size "10 10000 1000000" "10 10000" "10 100"; }
scale_answers() { by_size "1000 10000 100000 1000000" "1000 10000 50000" "100 1000"; }

part_scale()
{
	local kinds='p e' last
	bench_start "availability_cache.shared_memory_size = $(by_size 1GB 64MB 16MB)"
	scale_databases
	scale_by_stylists
	scale_by_answers
	scale_rows
	bench_stop
	scale_start_up
}

scale_databases()
{
	local n answers
	answers=$(printf '%s\n' $(scale_answers) | tail -n 1)
	for n in $(scale_stylists); do
		salon "e$n" stylists=10 days=1 bookings=0
		# At least a thousand days each; for the most stylists, enough for all answers.
		more_stylists "e$n" "$n" "$((n < 100 ? 100 : n < 10000 ? 10 : (answers + n - 1) / n))"
		copies "e$n" "p$n"
		extension "e$n"
		keep_answer "e$n"
		last=e$n
	done
}

# A thousand answers in memory, and ten to many stylists.
scale_by_stylists()
{
	local n round
	booking_script
	for n in $(scale_stylists); do
		fill "e$n" 0 1000
		in_server "e$n" "scale/stylists/$n" "SELECT stylist, service, day FROM bench.question WHERE i < 1000" 1000 $((rounds * 5)) \
			bench.floor get_available_slots_v2
	done
	for ((round = 1; round <= rounds; round++)); do
		for n in $(scale_stylists); do
			sample "scale/miss/$n" "$round" "$(sql "e$n" "CALL bench.ask('v1', 0, 2)" "CALL bench.ask('v1', $((round * 7)), $(by_size 1000 400 20))" | tail -n 1)"
		done
	done
	for ((round = 1; round <= turns; round++)); do
		for n in $(scale_stylists); do
			for kind in $(turned "$round" p e); do
				PGOPTIONS='-c synchronous_commit=off' tps "scale/booking/$kind/$n" "$round" "$bench/booking.sql" 1 "$kind$n" -D "stylists=$n"
			done
		done
	done
}

# All stylists, and a thousand to many answers in memory, asked for at random.
scale_by_answers()
{
	local n before=0 calls round
	# Bookings have outdated some; from here on there are none.
	sql "$last" "SELECT availability_cache.flush()" >/dev/null
	for n in $(scale_answers); do
		fill "$last" "$before" $((n - before))
		before=$n
		calls=$((n < 50000 ? n : 50000))
		in_server "$last" "scale/answers/$n" "SELECT stylist, service, day FROM bench.question WHERE i < $n ORDER BY md5(i::text) LIMIT $calls" \
			"$calls" $((rounds * 3)) bench.floor get_available_slots_v2
		scale_check "$n"
	done
	for ((round = 1; round <= turns; round++)); do
		for kind in $(turned "$round" p e); do
			PGOPTIONS='-c synchronous_commit=off' tps "scale/full/$kind" "$round" "$bench/booking.sql" 1 "$kind${last#e}" -D "stylists=${last#e}"
		done
	done
}

# What was timed must have been hits, but for a few that others pushed out.
scale_check()
{
	local entries
	entries=$(stat "$last" entries)
	((entries >= $1 - $1 / 50)) || die "only $entries of $1 answers are in memory"
}

scale_rows()
{
	local n first v2=get_available_slots_v2
	first=$(scale_answers | cut -d ' ' -f 1)
	for n in $(scale_answers); do
		median_row "v2 hit in the server, $(grouped "$n") answers in memory" ns "scale/answers/$n/$v2"
	done
	scale_flat "v2 hit, $(grouped "$n") answers / $(grouped "$first")" "scale/answers/$n/$v2" "scale/answers/$first/$v2"
	first=$(scale_stylists | cut -d ' ' -f 1)
	for n in $(scale_stylists); do
		median_row "v2 hit in the server, $(grouped "$n") stylists" ns "scale/stylists/$n/$v2"
	done
	scale_flat "v2 hit, $(grouped "$n") stylists / $(grouped "$first")" "scale/stylists/$n/$v2" "scale/stylists/$first/$v2"
	for n in $(scale_stylists); do
		median_row "v1 in C, $(grouped "$n") stylists" us "scale/miss/$n"
	done
	for n in $(scale_stylists); do
		ratio_row "INSERT with our triggers / without, $(grouped "$n") stylists" ">= 0.93" "scale/booking/e/$n" "scale/booking/p/$n"
	done
	ratio_row "the same with $(grouped "$(scale_answers | awk '{ print $NF }')") answers in memory" ">= 0.93" scale/full/e scale/full/p
	scale_plot
}
# Rounds of two series that were not measured in turns are not paired: the ratio of the medians.
scale_flat() { row "$1" "$(awk -v a="$(middle "$2")" -v b="$(middle "$3")" 'BEGIN { printf "%.2f", a / b }')x"; }

scale_plot()
{
	local n
	{
		for n in $(scale_answers); do echo "$n $(middle "scale/answers/$n/get_available_slots_v2") $(middle "scale/answers/$n/bench.floor")"; done
		printf '\n\n'
		for n in $(scale_stylists); do
			echo "$n $(middle "scale/stylists/$n/get_available_slots_v2") $(middle "scale/miss/$n") $(middle "scale/booking/e/$n") $(middle "scale/booking/p/$n")"
		done
	} | plot scale
}

# Seconds until the server accepts connections, and memory that its first process has touched by then.
scale_start_up()
{
	local round memory need=6000000
	if (($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) < need)) || [[ $size == tiny ]]; then
		skip "start with 4GB" "$([[ $size == tiny ]] && echo 'not measured at this size' || echo 'not enough memory here')"
		return
	fi
	bench_start "huge_pages = off"
	"$AC_BIN/pg_ctl" -D "$cluster/data" -m fast -w stop >/dev/null
	for ((round = 0; round <= rounds; round++)); do
		for memory in 64MB 4GB; do
			sample "start/$memory" "$round" "$(seconds_of setsid --wait "$AC_BIN/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w \
				-o "-c availability_cache.shared_memory_size=$memory" start)"
			sample "start/rss/$memory" "$round" "$(awk '/^RssShmem:/ { print $2 / 1024 }' "/proc/$(head -n 1 "$cluster/data/postmaster.pid")/status")"
			sample "start/stop/$memory" "$round" "$(seconds_of "$AC_BIN/pg_ctl" -D "$cluster/data" -m fast -w stop)"
		done
	done
	for memory in 64MB 4GB; do
		median_row "start with $memory" s "start/$memory"
		median_row "start with $memory: shared memory touched" MB "start/rss/$memory"
		median_row "stop with $memory" s "start/stop/$memory"
	done
}
