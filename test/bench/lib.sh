# shellcheck shell=bash
# What the parts of the benchmark share; sourced by test/bench/run.
#
#   sizes         full, quick or tiny, and by_size FULL QUICK TINY
#   clusters      bench_start [LINE…], bench_stop; salon, extension, classic: databases in it
#   measuring     sample, tps, seconds_of; samples.pl makes figures of them
#   figures       row, ratio_row, median_row, skip: what is printed, and kept for table and plots

# ---------------------------------------------------------------------------------------------------
# Sizes
# ---------------------------------------------------------------------------------------------------

choose_sizes()
{
	size=full
	[[ -z ${QUICK:-} ]] || size=quick
	[[ -z ${TINY:-} ]] || size=tiny
	rounds=$(by_size 9 2 1)
	# Rounds of what pgbench measures, and seconds of one measurement: many short ones, as what else the
	# machine does comes and goes.
	turns=$(by_size 31 6 1)
	slice=0.3
	start=$(date -u -d '+2 days' +%F)
}

by_size()
{
	case $size in
		full) echo "$1" ;;
		quick) echo "$2" ;;
		tiny) echo "$3" ;;
	esac
}

have() { command -v "$1" >/dev/null; }

describe_machine()
{
	local cpu memory
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	memory=$(awk '/^MemTotal:/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)
	say "$("$PG_CONFIG" --version), $(uname -sr), ${cpu:-unknown processor}, $(nproc) cores, $memory of memory," \
		"$(grep -q '^flags.* hypervisor' /proc/cpuinfo && echo 'a virtual machine' || echo 'no virtual machine seen')," \
		"$(date -u +%F); size $size, load $(cut -d ' ' -f 1 /proc/loadavg) at the start"
}

# ---------------------------------------------------------------------------------------------------
# Clusters and databases
# ---------------------------------------------------------------------------------------------------

# Nothing runs by itself while it is measured, and no answer ends by its age. A build that does not have
# table_tier ignores it.
bench_start()
{
	# Another directory each time: KEEP leaves the last one.
	cluster=$bench/c$((clusters += 1))
	ac_cluster_start "$cluster" "max_connections = 120" "shared_buffers = 256MB" "autovacuum = off" "max_wal_size = 4GB" \
		"checkpoint_timeout = 1h" "availability_cache.ttl = 0" "availability_cache.table_tier = off" "$@"
}
bench_stop() { ac_cluster_stop "$cluster"; }
bench_restart() { "$AC_BIN/pg_ctl" -D "$cluster/data" -l "$cluster/log" -m fast -w restart >"$cluster/restart.log" 2>&1; }
clusters=0

# sql DATABASE COMMAND…: what it prints, without anything around.
sql()
{
	local db=$1 command=()
	shift
	for c in "$@"; do command+=(-c "$c"); done
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$db" "${command[@]}"
}

# salon NAME [VARIABLE=VALUE]…: a database with test/salon.sql and helpers.sql, without any trigger.
salon()
{
	local name=$1 v stylists=20 services=5 days=30 bookings=5000 variables=()
	shift
	for v in "$@"; do local "${v?}"; done
	for v in stylists services days bookings start module; do variables+=(-v "$v=${!v}"); done
	createdb "$name"
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$name" "${variables[@]}" -f test/salon.sql -f test/bench/sql/helpers.sql
	# What the salon's own holds would change with the clock would be measured as misses.
	sql "$name" "DELETE FROM booking_reservations" "VACUUM ANALYZE"
}

# extension NAME: to a salon; classic NAME: the functions, table and triggers of test/classic.sql instead.
extension() { sql "$1" "CREATE EXTENSION availability_cache" "SELECT count(*) FROM availability_cache.attach()" >/dev/null; }
classic() { psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$1" -f test/classic.sql; }

# copies FROM TO…
copies()
{
	local from=$1 to
	shift
	for to in "$@"; do createdb -T "$from" "$to"; done
}

has_function() { [[ -n $(sql "$1" "SELECT 1 FROM pg_proc WHERE proname = '$2'") ]]; }
has_setting() { [[ -n $(sql "$1" "SELECT 1 FROM pg_settings WHERE name = '$2'") ]]; }

# same_answers CALLS DATABASE…: dies unless v1 gives the same slots in all.
same_answers()
{
	local calls=$1 db digest first=''
	shift
	for db in "$@"; do
		digest=$(sql "$db" "SELECT bench.digest($calls)")
		first=${first:-$digest}
		[[ -n $digest && $digest == "$first" ]] || die "$db answers something else than $1"
	done
}

# use_tier DATABASE off|inline|background: for the sessions that begin from now on.
use_tier() { sql "$1" "ALTER DATABASE $1 SET availability_cache.table_tier = $2"; }

# keep_answer DATABASE: a hit for the question of one_question, as what the floor returns. It is asked for
# twice before anything is written.
one_question="bench.stylist(1), bench.service(1), bench.day(9)"
keep_answer()
{
	sql "$1" "CREATE TABLE bench.answer (answer jsonb)" "SELECT get_available_slots_v2($one_question, 'Asia/Kathmandu')" >/dev/null
	sql "$1" "DO \$\$ DECLARE hit jsonb := get_available_slots_v2($one_question, 'Asia/Kathmandu');
		BEGIN INSERT INTO bench.answer VALUES (hit); END \$\$"
	[[ $(sql "$1" "SELECT answer ->> 'cache_hit' FROM bench.answer") == true ]] || die "$1: the second call is no hit"
}

# v2_statement DATABASE: asks one_question.
v2_statement() { sql "$1" "SELECT format('SELECT get_available_slots_v2(%L, %L, %L, %L);', $one_question, 'Asia/Kathmandu')"; }

# valid_answers DATABASE: how many are in memory.
valid_answers() { sql "$1" "SELECT count(*) FROM availability_cache.entries WHERE is_valid"; }

# stat DATABASE COLUMNS: of availability_cache.stats.
stat() { sql "$1" "SELECT $2 FROM availability_cache.stats WHERE datname = current_database()"; }

# ---------------------------------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------------------------------

# A figure of a round. Round 0 only warms up.
sample() { (($2 == 0)) || printf '%s %s %s\n' "$1" "$2" "$3" >>"$samples"; }

# turned ROUND WORD…: the words in the order of that round: each comes first, last, before and after the
# others as often as they do.
turned()
{
	local by=$(($1 / 2 % ($# - 1))) backwards=$(($1 % 2)) i
	shift
	set -- "${@:by + 1}" "${@:1:by}"
	for ((i = 1; i <= $#; i++)); do
		((backwards)) && echo "${@:$# - i + 1:1}" || echo "${@:i:1}"
	done
}

# tps SERIES ROUND FILE CLIENTS DATABASE [OPTION]…: transactions a second of a pgbench script. What is
# measured first for a second warms up, and says how many transactions make a slice.
declare -A rate=()
tps()
{
	local series=$1 round=$2 many
	shift 2
	[[ $size != tiny ]] || rate[$series]=100
	if [[ -z ${rate[$series]:-} ]]; then
		bench_tps "$@" -T 1
		rate[$series]=$measured
	fi
	many=$(awk -v rate="${rate[$series]}" -v slice="$slice" -v clients="$2" 'BEGIN { n = int(rate * slice / clients); print n < 10 ? 10 : n }')
	bench_tps "$@" -t "$many"
	sample "$series" "$round" "$measured"
}

# bench_tps FILE CLIENTS DATABASE [OPTION]…: sets measured.
bench_tps()
{
	local file=$1 clients=$2 db=$3 threads=2 log=$bench/pgbench.log
	shift 3
	((clients > 1)) || threads=1
	pgbench -n -M prepared -c "$clients" -j "$threads" -f "$file" "$@" "$db" >"$log" 2>&1 || { cat "$log"; die "pgbench failed: $file"; }
	! grep -q 'number of failed transactions: [1-9]' "$log" || { cat "$log"; die "transactions failed: $file"; }
	measured=$(sed -nE 's/^tps = ([0-9.]+).*/\1/p' "$log")
}

# seconds_of COMMAND…: how long it took.
seconds_of()
{
	local from=$EPOCHREALTIME
	"$@" >/dev/null || die "failed: $*"
	from=$((${EPOCHREALTIME/[.,]/} - ${from/[.,]/}))
	printf '%d.%06d\n' $((from / 1000000)) $((from % 1000000))
}

figures() { perl test/bench/samples.pl "$samples" "$@"; }
# The median alone, for plots.
middle() { figures median "$1" | cut -f 1; }

# ---------------------------------------------------------------------------------------------------
# Figures
# ---------------------------------------------------------------------------------------------------

# row WHAT FIGURE [RANGE [BAR VERDICT]]
row()
{
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$1" "$2" "${3:-}" "${4:-}" "${5:-}" >>"$results"
	printf '  %s: %s%s%s\n' "$1" "$2" "${3:+ ($3)}" "${4:+, bar $4: ${5:-}}"
}

# number X: in three figures or so.
number() { awk -v x="$1" 'BEGIN { a = x < 0 ? -x : x; printf(x == int(x) || a >= 100 ? "%.0f" : a < 0.01 ? "%.4f" : a < 10 ? "%.2f" : "%.1f", x) }'; }

# grouped N: 1234567 as 1,234,567.
grouped() { printf '%.0f\n' "$1" | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta'; }

# judge LOW HIGH '>= 0.97': what all of the interval says, met or missed; else "open", as more rounds could
# say either.
judge()
{
	[[ -n $3 ]] || return 0
	# shellcheck disable=SC2086
	set -- "$1" "$2" $3
	awk -v low="$1" -v high="$2" -v op="$3" -v bar="$4" 'BEGIN {
		if (op == "<=") { t = low; low = -high; high = -t; bar = -bar }
		print(low + 0 >= bar + 0 ? "met" : high + 0 < bar + 0 ? "missed" : "open") }'
}

# figure_row KIND WHAT UNIT BAR SERIES…: median, ratio or less of series.
figure_row()
{
	local kind=$1 what=$2 unit=$3 bar=$4 middle low high
	shift 4
	IFS=$'\t' read -r middle low high < <(figures "$kind" "$@") || die "nothing was measured for: $what"
	row "$what" "$(number "$middle")$unit" "$(number "$low") to $(number "$high")" "$bar${bar:+$unit}" "$(judge "$low" "$high" "$bar")"
}
ratio_row() { figure_row ratio "$1" "x" "$2" "$3" "$4"; }
median_row() { figure_row median "$1" "${2:+ $2}" "" "$3"; }

skip() { row "$1" "skipped" "$2"; }

# plot NAME: keeps what comes on stdin as the data of plots/NAME.gp.
plot() { cat >"$bench/out/$1.dat"; }

draw_plots()
{
	local data name
	if ! have gnuplot; then
		echo
		say "no plots: there is no gnuplot"
		return
	fi
	for data in "$bench"/out/*.dat; do
		[[ -f $data ]] || continue
		name=$(basename "$data" .dat)
		gnuplot -e "data='$data'; out='$bench/out/$name.svg'" test/bench/plots/style.gp "test/bench/plots/$name.gp" ||
			die "gnuplot could not draw $name"
	done
}

# fill DATABASE FIRST CALLS [ZONE]: asks the questions FIRST to FIRST + CALLS - 1, by two sessions.
fill()
{
	local db=$1 first=$2 half=$((($3 + 1) / 2)) zone=${4:-Asia/Kathmandu} other
	sql "$db" "CALL bench.ask('v2', $first, $half, NULL, '$zone', 1)" >/dev/null &
	other=$!
	sql "$db" "CALL bench.ask('v2', $((first + half)), $(($3 - half)), NULL, '$zone', 1)" >/dev/null
	wait "$other"
}

# fill_up DATABASE: until memory holds no more; prints how many valid answers it holds, and how many it held
# when it evicted one first.
fill_up()
{
	local db=$1 n zone first step before now=0 at_first=''
	n=$(sql "$db" "SELECT count(*) FROM bench.question") step=$(by_size 20000 20000 5000)
	for zone in $(sql "$db" "SELECT name FROM pg_timezone_names WHERE name ~ '^(America|Asia|Europe)/[^/]*$' ORDER BY name <> 'Asia/Kathmandu', name"); do
		for ((first = 0; first < n; first += step)); do
			before=$now
			fill "$db" "$first" "$((n - first < step ? n - first : step))" "$zone"
			now=$(stat "$db" entries)
			[[ -n $at_first ]] || (($(stat "$db" evictions) == 0)) || at_first=$now
			((n - first < step || now - before > step / 50)) || break 2
		done
	done
	echo "$(valid_answers "$db")" "$at_first"
}
