# shellcheck shell=bash
# What a session's calls cost that memory does not answer: the first of all, the first after ANALYZE, those of a stylist that
# nobody knows; with 100 partitions by month, and without the index on long bookings that attach() recommends.

part_sessions()
{
	local round kind
	bench_start
	sessions_databases
	for ((round = 1; round <= turns; round++)); do
		for kind in $(turned "$round" e k p); do sessions_first "$kind" "$round"; done
		sessions_hit "$round"
		for kind in $(turned "$round" analyze nothing); do sessions_disturbed "$kind" "$round"; done
		for kind in $(turned "$round" e p n unknown); do sessions_steady "$kind" "$round"; done
	done
	sessions_rows
	bench_stop
}

# e: ours; k: plpgsql; p: ours, bookings in 100 partitions; n: ours, without the index on long bookings.
sessions_databases()
{
	salon e stylists=20 bookings=$(by_size 80000 10000 1000)
	copies e k p
	classic k
	extension e
	copies e n
	sql n "DROP INDEX $(sql n "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'bookings'::regclass AND indpred IS NOT NULL")"
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d p <<-'EOC'
		ALTER TABLE bookings RENAME TO bookings_before;
		CREATE TABLE bookings (LIKE bookings_before INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
		SELECT format('CREATE TABLE b%s PARTITION OF bookings FOR VALUES FROM (%L) TO (%L)', m, d, d + interval '1 month')
		  FROM (SELECT m, date_trunc('month', now()) + make_interval(months => m - 80) FROM generate_series(0, 99) m) p(m, d) \gexec
		CREATE TABLE b_others PARTITION OF bookings DEFAULT;
		INSERT INTO bookings SELECT * FROM bookings_before;
		DROP TABLE bookings_before;
		CREATE INDEX ON bookings (stylist_user_id, start_time);
		ANALYZE bookings;
	EOC
	extension p
	same_answers "$(by_size 20 10 4)" e k p n
	question="bench.stylist(1), bench.service(1), bench.day(9), 'Asia/Kathmandu'"
}

# timed DATABASE STATEMENT…: milliseconds of each in a new session, which has asked for something else before.
timed()
{
	local db=$1 s
	shift
	{
		printf '%s\n' '\o /dev/null' 'SELECT count(*) FROM bench.question;' '\timing on'
		for s in "$@"; do printf '%s;\n' "$s"; done
	} | psql -X -q -d "$db" | sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p'
}

sessions_first()
{
	local kind=$1 round=$2 times
	mapfile -t times < <(timed "$kind" "SELECT count(*) FROM get_available_slots($question)" "SELECT count(*) FROM get_available_slots($question)")
	sample "sessions/first/$kind" "$round" "${times[0]}"
}

# The floor's first call is a hit's less what is ours.
sessions_hit()
{
	local round=$1
	sql e "SELECT get_available_slots_v2($question)" >/dev/null
	sample sessions/hit "$round" "$(timed e "SELECT get_available_slots_v2($question)")"
}

# The next miss of a session: after another has run ANALYZE, or something that concerns nobody, for as long.
sessions_disturbed()
{
	local kind=$1 round=$2 other="SELECT 1"
	[[ $kind == nothing ]] || other="ANALYZE bookings"
	sample "sessions/after/$kind" "$round" "$(printf '%s\n' "CALL bench.ask('v1', 0, 40);" "\\! psql -X -q -o /dev/null -d e -c '$other'" \
		"CALL bench.ask('v1', 0, 1);" | psql -X -q -A -t -d e | tail -n 1)"
}

sessions_steady()
{
	local kind=$1 round=$2 db=$1 calls
	calls=$(by_size 1000 400 50)
	if [[ $kind == unknown ]]; then
		# In memory no answer, however often it is asked for.
		sample sessions/unknown "$round" "$(sql e "CALL bench.ask('v1', 0, 40)" "SELECT count(get_available_slots_v2(md5(i::text)::uuid, bench.service(1), bench.day(9)))
			FROM generate_series(1, 10) i" "DO \$\$ DECLARE t timestamptz := clock_timestamp(); BEGIN
			FOR i IN 1 .. $calls LOOP PERFORM get_available_slots_v2(md5(i::text)::uuid, bench.service(1), bench.day(9)); END LOOP;
			PERFORM set_config('bench.took', (extract(epoch FROM clock_timestamp() - t) * 1e6 / $calls)::text, false); END \$\$" \
			"SELECT current_setting('bench.took')" | tail -n 1)"
		return
	fi
	sample "sessions/steady/$kind" "$round" "$(sql "$db" "CALL bench.ask('v1', 0, 400, stride => 1)" "CALL bench.ask('v1', $((round * 7)), $calls)" | tail -n 1)"
}

# locks DATABASE CALLS: those on relations that a transaction holds after so many misses, its own look at them apart.
locks()
{
	local asked="SELECT count(*) FROM get_available_slots($question)"
	sql "$1" "BEGIN" "$(for ((i = 0; i < $2; i++)); do echo "$asked;"; done)" "SELECT count(*) - 1 FROM pg_locks WHERE pid = pg_backend_pid() AND relation <> 'pg_locks'::regclass" "COMMIT" |
		tail -n 1
}

sessions_rows()
{
	local n
	median_row "a session's first v1 in C" ms sessions/first/e
	ratio_row "a session's first v1, in C / in plpgsql" "<= 1" sessions/first/e sessions/first/k
	figure_row median "a session's first v2, a hit" " ms" "<= 0.3" sessions/hit
	ratio_row "the next miss after ANALYZE of bookings / after a pause as long" "<= 1.5" sessions/after/analyze sessions/after/nothing
	n=$(locks p 1)
	row "100 partitions: locks held after a session's first miss" "$n" "" "<= 40" "$(judge "$n" "$n" '<= 40')"
	n=$(locks p 3)
	row "100 partitions: locks held after a later miss" "$n" "" "<= 16" "$(judge "$n" "$n" '<= 16')"
	ratio_row "v1 in C, 100 partitions / one table" "<= 1.5" sessions/steady/p sessions/steady/e
	ratio_row "a session's first v1 in C, 100 partitions / one table" "" sessions/first/p sessions/first/e
	ratio_row "v1 in C, without the index on long bookings / with it" "<= 1.5" sessions/steady/n sessions/steady/e
	median_row "v1 in C, $(grouped "$(by_size 4000 500 50)") bookings a stylist" us sessions/steady/e
	ratio_row "v2 of a stylist that nobody knows / v1 in C" "<= 1" sessions/unknown sessions/steady/e
}
