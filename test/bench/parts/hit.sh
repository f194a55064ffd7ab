# shellcheck shell=bash
# A hit: in the server, above a C function that returns the same jsonb from its process's memory; and through
# pgbench, against that function, plpgsql with a table, Redis, and Pgpool-II's query cache.

. test/bench/servers.sh

part_hit()
{
	bench_start
	hit_databases
	hit_in_server
	hit_clients
	bench_stop
}

# Databases e and k, and scripts that ask one question: floor, floor_json, v2, json, classic, none.
hit_databases()
{
	salon e
	copies e k
	extension e
	classic k
	same_answers 200 e k
	keep_answer e
	keep_answer k
	hit_write_scripts
	hit_check_answers
}

hit_functions=(floor floor_json v2 json)
hit_name() { case $1 in floor | floor_json) echo "bench.$1" ;; v2 | json) echo "get_available_slots_$1" ;; esac; }

hit_write_scripts()
{
	local f arguments
	arguments=$(sql e "SELECT format('%L, %L, %L, %L', $one_question, 'Asia/Kathmandu')")
	for f in "${hit_functions[@]}"; do
		echo "SELECT $(hit_name "$f")($arguments);" >"$bench/$f.sql"
	done
	cp "$bench/v2.sql" "$bench/classic.sql"
	echo "SELECT 1;" >"$bench/none.sql"
	has_json=
	! has_function e get_available_slots_json || has_json=1
}

# All give the slots that the floor gives.
hit_check_answers()
{
	local f same="SELECT (SELECT answer -> 'slots' FROM bench.answer) = %s($one_question, 'Asia/Kathmandu')::jsonb -> 'slots'"
	for f in "${hit_functions[@]}"; do
		[[ $f != json || -n $has_json ]] || continue
		# shellcheck disable=SC2059
		[[ $(sql e "$(printf "$same" "$(hit_name "$f")")") == t ]] || die "$f does not answer what the floor does"
	done
	[[ $(sql k "SELECT answer -> 'slots' FROM bench.answer") == "$(sql e "SELECT answer -> 'slots' FROM bench.answer")" ]] ||
		die "the classic functions answer something else"
}

# in_server DATABASE PREFIX QUESTIONS CALLS ROUNDS FUNCTION…: samples PREFIX/FUNCTION in nanoseconds.
# QUESTIONS is a query with stylist, service and day.
in_server()
{
	local db=$1 prefix=$2 questions=$3 calls=$4 turns=$5 f list=()
	shift 5
	for f in "$@"; do list+=("$f(uuid,uuid,date,text)"); done
	sql "$db" "WITH q AS ($questions)
		SELECT format('%s/%s', '$prefix', (string_to_array('$*', ' '))[function]), round, ns
		  FROM (SELECT array_agg(stylist) AS s, array_agg(service) AS v, array_agg(day) AS d FROM q) a,
		       bench.time('{$(IFS=,; echo "${list[*]//,/\\,}")}'::regprocedure[], s, v, d, 'Asia/Kathmandu', $calls, $turns)" |
		tr '|' ' ' >>"$samples"
}

hit_one='SELECT bench.stylist(1) AS stylist, bench.service(1) AS service, bench.day(9) AS day'

hit_in_server()
{
	local calls turns functions=(bench.floor get_available_slots_v2 bench.jsonb_out) one=$hit_one many
	calls=$(by_size 20000 10000 500) turns=$(by_size 60 25 3)
	[[ -z $has_json ]] || functions+=(bench.floor_json get_available_slots_json)
	many='SELECT stylist, service, day FROM bench.question WHERE i % 2 = 0 LIMIT 1000'
	in_server e hit/one "$one" "$calls" "$turns" "${functions[@]}"
	sql e "SELECT get_available_slots_v2(stylist, service, day, 'Asia/Kathmandu') FROM ($many) q" >/dev/null
	in_server e hit/many "$many" "$calls" "$turns" bench.floor get_available_slots_v2
	in_server k hit/classic "$one" "$((calls / 20))" "$turns" get_available_slots_v2

	median_row "floor, in the server" ns hit/one/bench.floor
	median_row "v2 hit, in the server" ns hit/one/get_available_slots_v2
	figure_row less "v2 hit above the floor" " ns" "<= 1000" hit/one/get_available_slots_v2 hit/one/bench.floor
	figure_row less "v2 hit above the floor, 1,000 days in turn" " ns" "<= 1000" hit/many/get_available_slots_v2 hit/many/bench.floor
	if [[ -n $has_json ]]; then
		median_row "json hit, in the server" ns hit/one/get_available_slots_json
		figure_row less "json hit above a function returning the same json" " ns" "" hit/one/get_available_slots_json hit/one/bench.floor_json
	else
		skip "json hit, in the server" "no get_available_slots_json in this build"
	fi
	median_row "an answer's jsonb made text for a client, in the server" ns hit/one/bench.jsonb_out
	ratio_row "the same / v2 hit" "" hit/one/bench.jsonb_out hit/one/get_available_slots_v2
	median_row "classic v2 hit, in the server" ns hit/classic/get_available_slots_v2
	ratio_row "classic v2 hit / v2 hit, in the server" "" hit/classic/get_available_slots_v2 hit/one/get_available_slots_v2
}

# What has no bar here is measured in one round of eight.
hit_series=(none floor v2 floor_json json classic redis pgpool)

hit_clients()
{
	local clients round series others
	hit_client_counts=$(by_size "1 4 16" "1 4" "1")
	start_redis
	start_pgpool
	for clients in $hit_client_counts; do
		for ((round = 1; round <= 2 * turns; round++)); do
			others=''
			((round % 8 != 1)) || others="none floor_json ${has_json:+json} classic ${redis_ready:+redis} ${pgpool_ready:+pgpool}"
			for series in $(turned "$round" floor v2 $others); do
				hit_measure "$series" "$clients" "$round"
			done
		done
		hit_rows "$clients"
	done
	[[ -n $redis_ready ]] || skip "Redis GET" "$redis_why"
	pgpool_rows
	stop_pgpool
	stop_redis
	hit_plot
}

hit_measure()
{
	local series=$1 clients=$2 round=$3
	case $series in
		redis) redis_tps "tps/redis@$clients" "$round" "$clients" ;;
		pgpool) tps "tps/pgpool@$clients" "$round" "$bench/pgpool.sql" "$clients" e -h "$bench/p" -p 9999 ;;
		classic) tps "tps/classic@$clients" "$round" "$bench/classic.sql" "$clients" k ;;
		*) tps "tps/$series@$clients" "$round" "$bench/$series.sql" "$clients" e ;;
	esac
}

hit_rows()
{
	local n=$1 clients="clients: $1"
	median_row "v2, $clients" "a second" "tps/v2@$n"
	ratio_row "v2 / floor, $clients" ">= 0.97" "tps/v2@$n" "tps/floor@$n"
	ratio_row "v2 / SELECT 1, $clients" "" "tps/v2@$n" "tps/none@$n"
	ratio_row "v2 / classic v2, $clients" "" "tps/v2@$n" "tps/classic@$n"
	[[ -z $redis_ready ]] || ratio_row "v2 / Redis GET (by redis-benchmark), $clients" "" "tps/v2@$n" "tps/redis@$n"
	[[ -z $pgpool_ready ]] || ratio_row "v2 / Pgpool-II query cache, $clients" "" "tps/v2@$n" "tps/pgpool@$n"
}

hit_title()
{
	case $1 in
		none) echo 'SELECT 1' ;;
		floor) echo 'floor, jsonb' ;;
		floor_json) echo 'floor, json' ;;
		classic) echo 'classic v2' ;;
		redis) echo 'Redis GET' ;;
		pgpool) echo 'Pgpool-II' ;;
		*) echo "$1" ;;
	esac
}

hit_plot()
{
	local series clients
	{
		printf 'series'
		for clients in $hit_client_counts; do printf ' "%s"' "$clients clients"; done
		echo
		for series in "${hit_series[@]}"; do
			figures median "tps/$series@1" >/dev/null || continue
			printf '"%s"' "$(hit_title "$series")"
			for clients in $hit_client_counts; do printf ' %s' "$(middle "tps/$series@$clients")"; done
			echo
		done
	} | sed 's/"1 clients"/"1 client"/' | plot hit
}
