# shellcheck shell=bash
# Computing a day: get_available_slots in C against plpgsql, as the bookings of a stylist grow. All of a day's
# costs are in it (schedule, service, overrides, holds); what differs is how many bookings lie before and
# behind.

# Bookings per stylist; the last is five years of them.
miss_sizes() { by_size "50 500 5000 16000" "50 500 5000" "50 500"; }
miss_stylists=20

part_miss()
{
	local n round kinds='e k'
	bench_start
	miss_databases
	for ((round = 1; round <= turns; round++)); do
		for n in $(miss_sizes); do
			miss_measure e "$n" "$round"
			# What takes long is measured in fewer rounds.
			((n < 5000 || round <= rounds)) || continue
			for kind in $(turned "$round" ${kinds#e }); do miss_measure "$kind" "$n" "$round"; done
			miss_first_calls "$n" "$round"
		done
	done
	miss_rows
	miss_plot
	bench_stop
}

# e: ours; k: plpgsql; g: plpgsql with a GiST index that its condition can use.
miss_databases()
{
	local n
	for n in $(miss_sizes); do
		salon "e$n" stylists=$miss_stylists bookings=$((n * miss_stylists))
		copies "e$n" "k$n"
		extension "e$n"
		classic "k$n"
		if [[ $size != tiny && -f $("$PG_CONFIG" --sharedir)/extension/btree_gist.control ]]; then
			copies "k$n" "g$n"
			sql "g$n" "CREATE EXTENSION btree_gist" "CREATE INDEX ON bookings USING gist (stylist_user_id, tstzrange(start_time, end_time))" "ANALYZE bookings"
			kinds='e k g'
		fi
		# Enough of them to find a difference, few enough that plpgsql is done soon.
		# shellcheck disable=SC2046
		same_answers "$(by_size 20 10 4)" $(printf "%s$n " $kinds)
	done
}

# About as long for each, whatever it costs.
miss_calls()
{
	case $1 in
		e) by_size 1000 400 50 ;;
		g) by_size 100 40 5 ;;
		k) echo $(($2 < 100 ? $(by_size 100 40 5) : $2 < 1000 ? $(by_size 60 30 4) : $2 < 10000 ? $(by_size 20 8 2) : $(by_size 12 4 1))) ;;
	esac
}

# Each round asks other questions, the same ones of all sizes. The first two calls load plans.
miss_measure()
{
	local kind=$1 n=$2 round=$3
	sample "miss/$kind/$n" "$round" "$(sql "$kind$n" "CALL bench.ask('v1', 0, 2)" \
		"CALL bench.ask('v1', $((round * 7)), $(miss_calls "$kind" "$n"))" | tail -n 1)"
}

# v2 with nothing in memory or table: computed and kept.
miss_first_calls()
{
	local n=$1 round=$2 kind empty
	for kind in e k; do
		empty="SELECT availability_cache.flush()"
		[[ $kind == e ]] || empty="TRUNCATE private.availability_cache"
		sample "first/$kind/$n" "$round" "$(sql "$kind$n" "CALL bench.ask('v2', 0, 2)" "$empty" \
			"CALL bench.ask('v2', $((round * 7)), $(miss_calls "$kind" "$n"))" | tail -n 1)"
	done
}

miss_name() { (($1 == 16000)) && echo "5 years of history (16,000 bookings)" || echo "$(grouped "$1") bookings"; }

miss_rows()
{
	local n bar name
	for n in $(miss_sizes); do
		name=$(miss_name "$n")
		case $n in 50 | 500) bar='>= 10' ;; *) bar='>= 100' ;; esac
		median_row "v1 in C, $name" us "miss/e/$n"
		median_row "plpgsql v1, $name" us "miss/k/$n"
		ratio_row "plpgsql v1 / v1 in C, $name" "$bar" "miss/k/$n" "miss/e/$n"
		[[ $kinds != *g* ]] || ratio_row "plpgsql v1 with a GiST index / v1 in C, $name" "" "miss/g/$n" "miss/e/$n"
		ratio_row "classic v2 / v2, not cached yet, $name" "" "first/k/$n" "first/e/$n"
	done
	for n in 5000 16000; do
		[[ " $(miss_sizes) " != *" $n "* ]] || ratio_row "v1 in C, $(miss_name $n) / 50" "<= 1.5" "miss/e/$n" miss/e/50
	done
	median_row "v2 in C, not cached yet, $(miss_name 500)" us first/e/500
}

miss_plot()
{
	local n
	for n in $(miss_sizes); do
		echo "$n $(middle "miss/k/$n") $(middle "miss/g/$n" || echo NaN) $(middle "miss/e/$n")"
	done | plot miss
}
