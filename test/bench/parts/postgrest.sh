# shellcheck shell=bash
# A hit as PostgREST asks for it, in the forms that a client can be given, against the classic function's: the
# statement around the call, in the server, and the whole request of four statements through pgbench. And a
# month of days in one answer.

. test/bench/parts/hit.sh

part_postgrest()
{
	bench_start
	hit_databases
	rest_forms
	rest_in_server
	rest_month
	rest_requests
	bench_stop
}

# What docs/clients.md has, "Sooner", and a function with it that answers next to nothing.
rest_forms()
{
	sql e 'CREATE DOMAIN "application/json" AS json' "$(rest_form slots 'get_available_slots_json(p_stylist_id, p_service_id, p_target_date, p_customer_timezone)')" "$(rest_form nothing "'1'::json")"
	[[ $(sql e "SELECT slots($one_question, 'Asia/Kathmandu')::text") == "$(sql e "SELECT get_available_slots_json($one_question, 'Asia/Kathmandu')")" ]] || die "the form answers something else"
}
rest_form()
{
	echo "CREATE FUNCTION public.$1(p_stylist_id uuid, p_service_id uuid, p_target_date date, p_customer_timezone text DEFAULT NULL) RETURNS \"application/json\" LANGUAGE sql
		AS \$\$ SELECT ($2)::\"application/json\" \$\$"
}

# rest_statement post|get FUNCTION JSON STYLIST SERVICE DAY [INTO]: as PostgREST 12 has it; a function that
# returns a media type is not aggregated.
rest_statement()
{
	local how=$1 function=$2 source arguments
	local body="coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')" page='pg_catalog.count(_postgrest_t)'
	case $function in slots | nothing) body='"public"."application/json"(_postgrest_t.pgrst_scalar)' page=1 ;; esac
	if [[ $how == get ]]; then
		arguments="\"p_stylist_id\" := $4::uuid, \"p_service_id\" := $5::uuid, \"p_target_date\" := $6::date"
		source="(SELECT \"public\".\"$function\"($arguments) pgrst_scalar) pgrst_call"
	else
		arguments='"p_stylist_id" := pgrst_body."p_stylist_id", "p_service_id" := pgrst_body."p_service_id", "p_target_date" := pgrst_body."p_target_date"'
		source="(SELECT $3::json AS json_data) pgrst_payload, LATERAL (SELECT \"p_stylist_id\", \"p_service_id\", \"p_target_date\" FROM json_to_record(pgrst_payload.json_data) AS
			_(\"p_stylist_id\" uuid, \"p_service_id\" uuid, \"p_target_date\" date) LIMIT 1) pgrst_body , LATERAL (SELECT \"public\".\"$function\"($arguments) pgrst_scalar) pgrst_call"
	fi
	echo "WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM $source) SELECT null::bigint AS total_result_set, $page AS page_total, $body AS body,
		nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted ${7:-}
		FROM (SELECT \"$function\".* FROM \"pgrst_source\" AS \"$function\" ) _postgrest_t"
}

rest_series=(classic:get_available_slots_v2 v2:get_available_slots_v2 json:get_available_slots_json slots:slots nothing:nothing)
rest_database() { [[ $1 == classic ]] && echo k || echo e; }

# Microseconds a statement, planned once, without what the connection takes.
rest_in_server()
{
	local how series name calls round
	calls=$(by_size 2000 1000 20)
	for how in post get; do
		for series in "${rest_series[@]}"; do
			name=${series%:*}
			sql "$(rest_database "$name")" "CREATE FUNCTION bench.${how}_$name(j text, s text, v text, d text, n int) RETURNS float8 LANGUAGE plpgsql AS \$\$
				DECLARE t timestamptz := clock_timestamp(); r record; BEGIN
				FOR i IN 1 .. n LOOP $(rest_statement "$how" "${series#*:}" j s v d 'INTO r'); END LOOP;
				RETURN extract(epoch FROM clock_timestamp() - t) * 1e6 / n; END \$\$"
		done
		for ((round = 1; round <= turns; round++)); do
			for name in $(turned "$round" classic v2 json slots nothing); do
				sample "rest/$how/$name" "$round" "$(sql "$(rest_database "$name")" "SELECT bench.${how}_$name(json_build_object('p_stylist_id', s, 'p_service_id', v, 'p_target_date', d)::text, s::text, v::text, d::text, $calls)
					FROM (SELECT ${one_question/,/ AS s,}) q(s, v, d)")"
			done
		done
		rest_rows "$how"
	done
}

rest_rows()
{
	local how=$1
	median_row "classic hit, the statement of a ${how^^}" us "rest/$how/classic"
	ratio_row "classic / v2, the statement of a ${how^^}" "" "rest/$how/classic" "rest/$how/v2"
	ratio_row "classic / json, the statement of a ${how^^}" "" "rest/$how/classic" "rest/$how/json"
	ratio_row "classic / json as a media type, the statement of a ${how^^}" ">= 3" "rest/$how/classic" "rest/$how/slots"
	ratio_row "classic / a digit as a media type, the statement of a ${how^^}" "" "rest/$how/classic" "rest/$how/nothing"
}

# 25 days of a stylist, in one answer and one by one.
rest_month()
{
	local form round
	local -A call=([jsonb_agg]='jsonb_agg(get_available_slots_v2(%s))::text' [json_agg]='json_agg(get_available_slots_json(%s))::text' [one_by_one]='get_available_slots_v2(%s)')
	for form in jsonb_agg json_agg; do
		# shellcheck disable=SC2059
		printf "SELECT ${call[$form]} FROM generate_series(1, 25) i;\n" "bench.stylist(1), bench.service(1), bench.day(i)" >"$bench/month_$form.sql"
	done
	sql e "SELECT format('SELECT get_available_slots_v2(%L, %L, %L);', bench.stylist(1), bench.service(1), bench.day(i)) FROM generate_series(1, 25) i" >"$bench/month_one_by_one.sql"
	for ((round = 1; round <= turns; round++)); do
		for form in $(turned "$round" jsonb_agg json_agg one_by_one); do tps "rest/month/$form" "$round" "$bench/month_$form.sql" 1 e; done
	done
	ratio_row "25 days: json_agg of json / 25 calls of v2" "" rest/month/json_agg rest/month/one_by_one
	ratio_row "25 days: jsonb_agg of v2 / 25 calls of v2" "" rest/month/jsonb_agg rest/month/one_by_one
}

# Each statement prepared, as there.
rest_requests()
{
	local how series name clients round s v d
	IFS='|' read -r s v d < <(sql e "SELECT ${one_question}")
	for how in post get; do
		for series in "${rest_series[@]}"; do
			name=${series%:*}
			{
				echo "BEGIN ISOLATION LEVEL READ COMMITTED READ $([[ $how == get ]] && echo ONLY || echo WRITE);"
				echo "SELECT set_config('search_path', '\"public\", \"public\"', true), set_config('role', 'postgres', true), set_config('request.jwt.claims', '{\"role\":\"anon\"}', true), set_config('request.method', '${how^^}', true)," \
					"set_config('request.path', '/rpc/${series#*:}', true), set_config('request.headers', '{\"accept\":\"application/json\"}', true), set_config('request.cookies', '{}', true);"
				echo "$(rest_statement "$how" "${series#*:}" "'{\"p_stylist_id\": \"$s\", \"p_service_id\": \"$v\", \"p_target_date\": \"$d\"}'" "'$s'" "'$v'" "'$d'");"
				echo "COMMIT;"
			} >"$bench/rest_${how}_$name.sql"
		done
		for clients in $(by_size "1 4" "1 4" "1"); do
			for ((round = 1; round <= turns; round++)); do
				for name in $(turned "$round" classic v2 json slots nothing); do tps "rest/request/$how/$name@$clients" "$round" "$bench/rest_${how}_$name.sql" "$clients" "$(rest_database "$name")"; done
			done
			for name in v2 json slots nothing; do
				ratio_row "$(rest_title "$name") / classic v2, requests by ${how^^}, clients: $clients" "" "rest/request/$how/$name@$clients" "rest/request/$how/classic@$clients"
			done
		done
	done
}
rest_title()
{
	case $1 in slots) echo 'json as a media type' ;; nothing) echo 'a digit as a media type' ;; *) echo "$1" ;; esac
}
