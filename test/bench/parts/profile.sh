# shellcheck shell=bash
# Where a hit's time goes: instructions per call and function, counted by callgrind in a server of one
# process; and instructions of a booking with triggers and without. Counts are the same whatever else the
# machine does.

. test/bench/parts/hit.sh
. test/bench/parts/booking.sh

part_profile()
{
	local f calls=2000
	if [[ $size == tiny ]] || ! have valgrind; then
		skip "instructions per call" "$([[ $size == tiny ]] && echo 'not measured at this size' || echo 'valgrind is not installed')"
		return
	fi
	bench_start "shared_buffers = 16MB" "max_connections = 10"
	hit_databases
	salon p
	profile_tier
	"$AC_BIN/pg_ctl" -D "$cluster/data" -m fast -w stop >/dev/null
	for f in "${hit_functions[@]}"; do
		[[ $f != json || -n $has_json ]] || continue
		profile_calls "$f" "$calls"
	done
	profile_rows "$calls"
	profile_bookings
	[[ -n ${KEEP:-} ]] || rm -rf "$cluster"
}

# Database i: a copy of e with the table tier, in which bookings leave traces.
profile_tier()
{
	booking_script
	copies e i
	use_tier i inline
	booking_tier_ready i
}

# Counts only what lies below the loop that calls the function, after calls that computed and loaded.
profile_calls()
{
	local f=$1 calls=$2 call="bench.stylist(1), bench.service(1), bench.day(9), 'Asia/Kathmandu'"
	echo "SELECT bench.call('$(hit_name "$f")(uuid,uuid,date,text)'::regprocedure, $call, $calls)" |
		single_user e "$f" --collect-atstart=no --toggle-collect='counted_calls*'
	callgrind_annotate --threshold=100 --show-percs=no "$bench/$f.callgrind" >"$bench/$f.annotated"
}

# "INSTRUCTIONS NAME" per call, of each function itself, the most first.
profile_functions()
{
	perl -ne 'next unless m{^\s*([\d,]+)\s+\S*?:([^\s:]+)(?: \[|$)};
		my ($n, $name) = ($1, $2); $n =~ s/,//g;
		$name = "memcpy" if $name =~ /memcpy|memmove/; $name = "(server functions whose names are stripped)" if $name =~ /^0x/;
		$self{$name} += $n;
		END { printf "%.0f %s\n", $self{$_} / '"$2"', $_ for sort { $self{$b} <=> $self{$a} } keys %self }' "$bench/$1.annotated"
}

profile_rows()
{
	local f calls=$1 n name total
	for f in "${hit_functions[@]}"; do
		[[ -f $bench/$f.annotated ]] || continue
		total=$(profile_functions "$f" "$calls" | awk '{ n += $1 } END { print n }')
		row "$(hit_name "$f")" "$(grouped "$total") instructions"
		while read -r n name; do
			row "$(hit_name "$f"): $name" "$(grouped "$n")" "$((100 * n / total)) %"
		done < <(profile_functions "$f" "$calls" | head -n "$([[ $f == floor* ]] && echo 3 || echo 12)" | awk '$1 > 0')
		[[ $f == floor* ]] || profile_counting "$f" "$calls" "$total"
	done
}

# What of a hit counts it: hits, ages, histograms.
profile_counting()
{
	local n
	n=$(profile_functions "$1" "$2" | awk '$2 ~ /^(counter|counters|histogram)_/ { n += $1 } END { print n + 0 }')
	row "$(hit_name "$1"): all that counts" "$(grouped "$n")" "$(awk -v n="$n" -v all="$3" 'BEGIN { printf "%.1f %%", 100 * n / all }')"
}

# single_user DATABASE NAME VALGRIND-OPTION…: statements from stdin, a line each, in a transaction of their
# own.
single_user()
{
	local db=$1 name=$2
	shift 2
	valgrind --tool=callgrind --callgrind-out-file="$bench/$name.callgrind" "$@" \
		"$AC_BIN/postgres" --single -D "$cluster/data" "$db" >"$bench/$name.single" 2>"$bench/$name.valgrind" ||
		{ tail -n 20 "$bench/$name.valgrind"; die "callgrind could not run $name"; }
	! grep -E 'ERROR:|FATAL:' "$bench/$name.valgrind" || die "$name failed under callgrind"
}

# Instructions of a booking, all of its transaction: what 300 need more than 100. What ALTER DATABASE sets is
# not for a single user.
profile_booking()
{
	local db=$1 tier=off n total=()
	[[ $db != i ]] || tier=inline
	for n in 100 300; do
		{
			echo "SET synchronous_commit = off"
			echo "SET availability_cache.table_tier = $tier"
			echo "PREPARE b AS INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (bench.stylist(1 + \$1 % 20), bench.service(1), bench.day(\$1 % 30) + interval '4 hours', bench.day(\$1 % 30) + interval '5 hours')"
			for ((i = 0; i < n; i++)); do echo "EXECUTE b($i)"; done
		} | single_user "$db" "booking-$db-$n"
		total+=("$(sed -nE 's/.*Collected : ([0-9]+).*/\1/p' "$bench/booking-$db-$n.valgrind")")
	done
	echo $(((total[1] - total[0]) / 200))
}

profile_bookings()
{
	local plain kind n
	plain=$(profile_booking p)
	row "INSERT of a booking, no triggers" "$(grouped "$plain") instructions"
	for kind in e i k; do
		n=$(profile_booking "$kind")
		row "$(booking_title "$kind") / without" "$(awk -v a="$n" -v b="$plain" 'BEGIN { printf "%.3f", a / b }')x"
	done
}
