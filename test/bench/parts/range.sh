# shellcheck shell=bash
# A month in one call: of one stylist and of 50, from memory, against the calls of plpgsql's v1 and of v2 that
# it takes the place of; what one booking costs it; and by the SQL that PostgREST issues, against a call for
# each day.

range_team=50

part_range()
{
	bench_start
	salon e stylists=$range_team services=1 days=40 bookings=$((range_team * 200))
	copies e k
	extension e
	classic k
	for db in e k; do psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$db" -f test/bench/sql/range.sql; done
	range_check
	range_in_server
	range_rows
	range_after_booking
	range_clients
	bench_stop
}

range_dates="bench.day(0), bench.day(30)"
range_arguments() { echo "bench.service(1), $range_dates, (SELECT bench.team($1)), 'Asia/Kathmandu'"; }

# The days say what v1's rows say, here and in plpgsql.
range_check()
{
	local ours theirs plain="SELECT bench.days_in_plpgsql(bench.team(5), bench.service(1), $range_dates, 'Asia/Kathmandu')"
	ours=$(sql e "SELECT jsonb_agg(d - 'first' - 'reason' ORDER BY n) FROM jsonb_array_elements(get_available_days($(range_arguments 5)) -> 'days') WITH ORDINALITY x(d, n)")
	theirs=$(sql k "$plain")
	[[ $ours == "$theirs" && $ours == "$(sql e "$plain")" ]] || die "the days are not those of v1"
}

# The month of a team with plpgsql takes seconds: fewer rounds.
range_in_server()
{
	local round calls
	calls=$(by_size 2000 1000 20)
	for ((round = 1; round <= turns; round++)); do
		for kind in $(turned "$round" month month_json days v2_calls); do
			sample "range/$kind" "$round" "$(range_measure "$kind" "$calls")"
		done
		sample range/team_days "$round" "$(sql e "SELECT bench.time_calls(\$\$get_available_days($(range_arguments $range_team))\$\$, $((calls / 20 + 1)))")"
		((round <= rounds)) || continue
		sample range/plpgsql_days "$round" "$(sql k "SELECT bench.time_calls(\$\$bench.days_in_plpgsql((SELECT bench.team(1)), bench.service(1), $range_dates, 'Asia/Kathmandu')\$\$, 2)")"
		sample range/plpgsql_team "$round" "$(sql k "SELECT bench.time_calls(\$\$bench.days_in_plpgsql((SELECT bench.team($range_team)), bench.service(1), $range_dates, 'Asia/Kathmandu')\$\$, 1)")"
	done
}

range_measure()
{
	local call
	case $1 in
		month) call="get_available_slots_range($(range_arguments 1))" ;;
		month_json) call="get_available_slots_range_json($(range_arguments 1))" ;;
		days) call="get_available_days($(range_arguments 1))" ;;
		v2_calls) call="(SELECT count(get_available_slots_v2(bench.stylist(1), bench.service(1), bench.day(0) + (i * 0)::int + d, 'Asia/Kathmandu')) FROM generate_series(0, 30) d)" ;;
	esac
	sql e "SELECT bench.time_calls(\$\$$call\$\$, $2)"
}

range_rows()
{
	figure_row median "a month of one stylist, every slot, in the server" " us" "<= 60" range/month
	median_row "the same as json" us range/month_json
	median_row "31 calls of v2" us range/v2_calls
	median_row "days of one stylist, 31 days" us range/days
	figure_row median "days of $range_team stylists, 31 days" " us" "<= 2000" range/team_days
	ratio_row "plpgsql v1, 31 calls / days of one stylist" ">= 100" range/plpgsql_days range/days
	ratio_row "plpgsql v1, $((31 * range_team)) calls / days of $range_team stylists" ">= 100" range/plpgsql_team range/team_days
	row "days of one stylist as json, 31 days" "$(sql e "SELECT length(get_available_days_json($(range_arguments 1))::text)") bytes" "" "<= 2048 bytes" \
		"$(judge "$(sql e "SELECT length(get_available_days_json($(range_arguments 1))::text)")" "$(sql e "SELECT length(get_available_days_json($(range_arguments 1))::text)")" '<= 2048')"
}

# How many days are computed again.
range_after_booking()
{
	local before
	before=$(stat e 'misses + bypasses')
	sql e "INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time)
		SELECT bench.stylist(2), bench.service(1), (bench.day(3) + time '10:00') AT TIME ZONE 'Asia/Kathmandu', (bench.day(3) + time '10:30') AT TIME ZONE 'Asia/Kathmandu'" \
		"SELECT 1 FROM (SELECT get_available_days($(range_arguments $range_team))) x" >/dev/null
	row "days computed again after a booking, of $((31 * range_team))" "$(($(stat e 'misses + bypasses') - before))"
}

# range_rest CALL: as PostgREST has it, but for the arguments, which are in the text.
range_rest()
{
	cat <<-SQL
		BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
		SELECT set_config('search_path', '"public"', true), set_config('request.jwt.claims', '{"role":"anon"}', true),
			set_config('request.method', 'POST', true), set_config('request.path', '/rpc', true),
			set_config('request.headers', '{"accept":"*/*"}', true), set_config('request.cookies', '{}', true);
		WITH pgrst_source AS (SELECT $1 AS pgrst_scalar)
		SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total,
			coalesce((json_agg(_postgrest_t.pgrst_scalar)->0)::text, 'null') AS body,
			nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status
			FROM (SELECT "pgrst_source".* FROM "pgrst_source") _postgrest_t;
		COMMIT;
	SQL
}

range_clients()
{
	local round kind d stylist service first
	stylist=$(sql e "SELECT bench.stylist(1)") service=$(sql e "SELECT bench.service(1)") first=$(sql e "SELECT bench.day(0)")
	for d in $(seq 0 30); do
		range_rest "get_available_slots_json('$stylist', '$service', date '$first' + $d, 'Asia/Kathmandu')"
	done >"$bench/range_calls.sql"
	range_rest "get_available_slots_range_json('$service', date '$first', date '$first' + 30, '{$stylist}', 'Asia/Kathmandu')" >"$bench/range_month.sql"
	range_rest "get_available_days_json('$service', date '$first', date '$first' + 30, '{$stylist}', 'Asia/Kathmandu')" >"$bench/range_days.sql"
	for ((round = 0; round <= turns; round++)); do
		for kind in $(turned "$round" month days calls); do
			tps "range/rest_$kind" "$round" "$bench/range_$kind.sql" 1 e
		done
	done
	ratio_row "a month in one call / in 31, as PostgREST asks" "" range/rest_month range/rest_calls
	ratio_row "its days in one call / the month in 31, as PostgREST asks" "" range/rest_days range/rest_calls
}
