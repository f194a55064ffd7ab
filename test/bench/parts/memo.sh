# shellcheck shell=bash
# A hit of a memoized function, 4 kB of jsonb: in the server, above the floor; through libpq, and by the SQL
# that PostgREST issues, against plpgsql without a cache, plpgsql with a table in front of it, and Redis; and
# a miss against the original.

. test/bench/servers.sh

part_memo()
{
	bench_start
	salon e
	extension e
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d e -c "SET client_min_messages = error" -f test/bench/sql/memo.sql
	memo_check
	memo_in_server
	memo_misses
	memo_clients
	bench_stop
}

memo_functions=(bench.floor bench.memo bench.memo_definer bench.uncached bench.aside)

# All give what the floor gives.
memo_check()
{
	local f i
	for f in "${memo_functions[@]}"; do
		for i in 1 2; do
			[[ $(sql e "SELECT (SELECT answer FROM bench.answer) = $f($one_question, 'Asia/Kathmandu')") == t ]] || die "$f answers something else"
		done
	done
	[[ $(sql e "SELECT min(hits) FROM availability_cache.memoized") -ge 1 ]] || die "a memoized function was not answered from memory"
}

# As in_server, of the same four arguments.
memo_in_server()
{
	local calls turns list
	calls=$(by_size 10000 5000 200) turns=$(by_size 60 25 3)
	list=$(printf '%s(uuid\\,uuid\\,date\\,text),' "${memo_functions[@]}")
	sql e "SELECT 'memo/' || (string_to_array('${memo_functions[*]}', ' '))[function], round, ns
		FROM bench.time('{${list%,}}'::regprocedure[], ARRAY[bench.stylist(1)], ARRAY[bench.service(1)], ARRAY[bench.day(9)],
			'Asia/Kathmandu', $calls, $turns)" | tr '|' ' ' >>"$samples"
	median_row "floor, in the server" ns memo/bench.floor
	figure_row less "memoized hit above the floor, INVOKER" " ns" "<= 400" memo/bench.memo memo/bench.floor
	figure_row less "memoized hit above the floor, DEFINER with SET" " ns" "<= 1200" memo/bench.memo_definer memo/bench.floor
	ratio_row "plpgsql without a cache / memoized hit, in the server" "" memo/bench.uncached memo/bench.memo
	ratio_row "plpgsql with a table in front / memoized hit, in the server" "" memo/bench.aside memo/bench.memo
}

# Each call asks for what nobody asked for since it was let go.
memo_misses()
{
	local round n kind
	n=$(by_size 500 500 20)
	for ((round = 1; round <= turns; round++)); do
		sql e "SELECT availability_cache.memo_clear('bench.memo(uuid, uuid, date, text)')" >/dev/null
		for kind in $(turned "$round" uncached memo); do
			sql e "DO \$\$ DECLARE t timestamptz; BEGIN
				PERFORM bench.uncached(bench.stylist(1), bench.service(2), bench.day(1), 'UTC'); PERFORM bench.memo(bench.stylist(1), bench.service(2), bench.day(1), 'UTC');
				t := clock_timestamp();
				FOR i IN 1 .. $n LOOP PERFORM bench.$kind(bench.stylist(i), bench.service(1), bench.day(1), 'UTC'); END LOOP;
				RAISE NOTICE 'took %', extract(epoch FROM clock_timestamp() - t) * 1e6 / $n; END \$\$" 2>&1 |
				sed -nE "s|.*NOTICE.*took ([0-9.]+).*|memo/miss/$kind $round \1|p" >>"$samples"
		done
	done
	median_row "the original" "us" memo/miss/uncached
	figure_row less "a miss above the original" " us" "<= 20" memo/miss/memo memo/miss/uncached
	ratio_row "a miss / the original" "" memo/miss/memo memo/miss/uncached
}

memo_scripts()
{
	local f arguments
	arguments=$(sql e "SELECT format('%L, %L, %L, %L', $one_question, 'Asia/Kathmandu')")
	echo "SELECT 1;" >"$bench/none.sql"
	for f in memo uncached aside floor; do
		echo "SELECT bench.$f($arguments);" >"$bench/$f.sql"
		memo_rest_script "$f" >"$bench/rest_$f.sql"
	done
}

# As PostgREST 12 has it for POST /rpc/FUNCTION: a transaction, its settings, the call with its arguments out
# of JSON.
memo_rest_script()
{
	cat <<-SQL
		BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
		SELECT set_config('search_path', '"bench", "public"', true), set_config('role', 'bench_web', true),
			set_config('request.jwt.claims', '{"role":"bench_web","sub":"00000000-0000-0000-0000-000000000001"}', true),
			set_config('request.method', 'POST', true), set_config('request.path', '/rpc/$1', true),
			set_config('request.headers', '{"accept":"*/*"}', true), set_config('request.cookies', '{}', true);
		WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT
			'{"a":"$(sql e "SELECT bench.stylist(1)")","b":"$(sql e "SELECT bench.service(1)")","c":"$(sql e "SELECT bench.day(9)")","d":"Asia/Kathmandu"}'::json AS json_data) pgrst_payload,
			LATERAL (SELECT a, b, c, d FROM json_to_record(pgrst_payload.json_data) AS _(a uuid, b uuid, c date, d text) LIMIT 1) pgrst_body,
			LATERAL (SELECT "bench"."$1"(pgrst_body.a, pgrst_body.b, pgrst_body.c, pgrst_body.d) pgrst_scalar) pgrst_call)
		SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total,
			coalesce((json_agg(_postgrest_t.pgrst_scalar)->0)::text, 'null') AS body,
			nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status
			FROM (SELECT "pgrst_source".* FROM "pgrst_source") _postgrest_t;
		COMMIT;
	SQL
}

memo_clients()
{
	local clients round series
	memo_scripts
	start_redis
	for clients in $(by_size "1 4" "1 4" "1"); do
		for ((round = 1; round <= turns; round++)); do
			for series in $(turned "$round" memo uncached aside floor none rest_memo rest_uncached rest_aside rest_floor ${redis_ready:+redis}); do
				if [[ $series == redis ]]; then
					redis_tps "memo/redis@$clients" "$round" "$clients"
				else
					tps "memo/$series@$clients" "$round" "$bench/$series.sql" "$clients" e
				fi
			done
		done
		memo_rows "$clients"
	done
	[[ -n $redis_ready ]] || skip "Redis GET" "$redis_why"
	stop_redis
}

memo_rows()
{
	local n=$1 clients="clients: $1"
	ratio_row "memoized / floor, $clients" "" "memo/memo@$n" "memo/floor@$n"
	ratio_row "memoized / SELECT 1, $clients" "" "memo/memo@$n" "memo/none@$n"
	ratio_row "memoized / without a cache, $clients" "" "memo/memo@$n" "memo/uncached@$n"
	ratio_row "memoized / a table in front, $clients" "" "memo/memo@$n" "memo/aside@$n"
	[[ -z $redis_ready ]] || ratio_row "memoized / Redis GET (by redis-benchmark), $clients" "" "memo/memo@$n" "memo/redis@$n"
	ratio_row "memoized / floor, as PostgREST asks, $clients" "" "memo/rest_memo@$n" "memo/rest_floor@$n"
	ratio_row "memoized / without a cache, as PostgREST asks, $clients" "" "memo/rest_memo@$n" "memo/rest_uncached@$n"
	ratio_row "memoized / a table in front, as PostgREST asks, $clients" "" "memo/rest_memo@$n" "memo/rest_aside@$n"
}
