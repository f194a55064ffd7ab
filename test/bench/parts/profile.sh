# shellcheck shell=bash
# Where a hit's time goes: instructions per call and function, counted by callgrind in a server of one process. Counts are the same
# whatever else the machine does.

. test/bench/parts/hit.sh

part_profile()
{
	local f calls=2000
	if [[ $size == tiny ]] || ! have valgrind; then
		skip "instructions per call" "$([[ $size == tiny ]] && echo 'not measured at this size' || echo 'valgrind is not installed')"
		return
	fi
	bench_start "shared_buffers = 16MB" "max_connections = 10"
	hit_databases
	"$AC_BIN/pg_ctl" -D "$cluster/data" -m fast -w stop >/dev/null
	for f in "${hit_functions[@]}"; do
		[[ $f != json || -n $has_json ]] || continue
		profile_calls "$f" "$calls"
	done
	[[ -n ${KEEP:-} ]] || rm -rf "$cluster"
	profile_rows "$calls"
}

# Counts only what lies below the loop that calls the function, after calls that computed and loaded.
profile_calls()
{
	local f=$1 calls=$2 call="bench.stylist(1), bench.service(1), bench.day(9), 'Asia/Kathmandu'"
	echo "SELECT bench.call('$(hit_name "$f")(uuid,uuid,date,text)'::regprocedure, $call, $calls)" |
		valgrind --tool=callgrind --callgrind-out-file="$bench/$f.callgrind" --collect-atstart=no --toggle-collect='counted_calls*' \
			"$AC_BIN/postgres" --single -D "$cluster/data" e >"$bench/$f.single" 2>"$bench/$f.valgrind" ||
		{ tail -n 20 "$bench/$f.valgrind"; die "callgrind could not run $f"; }
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
	done
}
