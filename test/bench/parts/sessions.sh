# shellcheck shell=bash
# What a session's calls cost that memory does not answer: the first of all, the first about a stylist, the
# first after ANALYZE, those of a stylist that nobody knows; with 24 and 100 partitions by month, and without
# the index on long bookings that attach() recommends.

part_sessions()
{
	local round kind
	bench_start
	sessions_databases
	for ((round = 1; round <= turns; round++)); do
		for kind in $(turned "$round" e k $best p24 p100); do sessions_first "$kind" "$round"; done
		for kind in $(turned "$round" e k); do sessions_hit "$kind" "$round"; done
		for kind in $(turned "$round" analyze nothing); do sessions_disturbed "$kind" "$round"; done
		for kind in $(turned "$round" e n); do sessions_first_look "$kind" "$round"; done
		for kind in $(turned "$round" e $best p24 p100 n stylist service); do sessions_steady "$kind" "$round"; done
	done
	sessions_rows
	bench_stop
}

# e: ours; k: plpgsql; g: plpgsql with the best index, a GiST index that its condition can use; p24, p100:
# ours, bookings in so many partitions; n: ours, without the index on long bookings.
sessions_databases()
{
	salon e stylists=20 bookings=$(by_size 80000 80000 1000)
	copies e k p24 p100
	classic k
	best=''
	if [[ $size != tiny && -f $("$PG_CONFIG" --sharedir)/extension/btree_gist.control ]]; then
		copies k g
		sql g "CREATE EXTENSION btree_gist" "CREATE INDEX ON bookings USING gist (stylist_user_id, tstzrange(start_time, end_time))" "ANALYZE bookings"
		best=g
	fi
	extension e
	copies e n
	sql n "DROP INDEX $(sql n "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'bookings'::regclass AND indpred IS NOT NULL")"
	partition_bookings p24 24
	partition_bookings p100 100
	# shellcheck disable=SC2086
	same_answers "$(by_size 20 10 4)" e k $best p24 p100 n
	# As clients send it.
	question=$(sql e "SELECT format('%L, %L, %L, ''Asia/Kathmandu''', bench.stylist(1), bench.service(1), bench.day(9))")
}

# partition_bookings DATABASE N: by month, four fifths of them in the past; then attached.
partition_bookings()
{
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v n="$2" -d "$1" <<-'EOC'
		ALTER TABLE bookings RENAME TO bookings_before;
		CREATE TABLE bookings (LIKE bookings_before INCLUDING DEFAULTS) PARTITION BY RANGE (start_time);
		SELECT format('CREATE TABLE b%s PARTITION OF bookings FOR VALUES FROM (%L) TO (%L)', m, d, d + interval '1 month')
		  FROM (SELECT m, date_trunc('month', now()) + make_interval(months => m - :n * 4 / 5) FROM generate_series(0, :n - 1) m) p(m, d) \gexec
		CREATE TABLE b_others PARTITION OF bookings DEFAULT;
		INSERT INTO bookings SELECT * FROM bookings_before;
		DROP TABLE bookings_before;
		CREATE INDEX ON bookings (stylist_user_id, start_time);
		ANALYZE bookings;
	EOC
	extension "$1"
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

sessions_hit()
{
	local kind=$1 round=$2
	sql "$kind" "SELECT get_available_slots_v2($question)" >/dev/null
	sample "sessions/hit/$kind" "$round" "$(timed "$kind" "SELECT get_available_slots_v2($question)")"
}

# The first questions about each stylist of a session that has asked about one.
sessions_first_look()
{
	local kind=$1 round=$2
	sample "sessions/look/$kind" "$round" "$(sql "$kind" "CALL bench.ask('v1', 0, 1)" "CALL bench.ask('v1', 1, 15, stride => 1)" | tail -n 1)"
}

# The next miss of a session: after another has run ANALYZE, or something that concerns nobody, for as long.
sessions_disturbed()
{
	local kind=$1 round=$2 other="SELECT 1"
	[[ $kind == nothing ]] || other="ANALYZE bookings"
	sample "sessions/after/$kind" "$round" "$(printf '%s\n' "CALL bench.ask('v1', 0, 40);" "\\! psql -X -q -o /dev/null -d e -c '$other'" \
		"CALL bench.ask('v1', 0, 1);" | psql -X -q -A -t -d e | tail -n 1)"
}

# Of which memory has no answer, however often it is asked for.
sessions_unknown()
{
	local asked="get_available_slots_v2($4, bench.day(9))"
	sample "sessions/unknown/$1" "$2" "$(sql e "CALL bench.ask('v1', 0, 40)" "SELECT count($asked) FROM generate_series(1, 10) i" \
		"DO \$\$ DECLARE t timestamptz := clock_timestamp(); BEGIN FOR i IN 1 .. $3 LOOP PERFORM $asked; END LOOP;
			PERFORM set_config('bench.took', (extract(epoch FROM clock_timestamp() - t) * 1e6 / $3)::text, false); END \$\$" \
		"SELECT current_setting('bench.took')" | tail -n 1)"
}

sessions_steady()
{
	local kind=$1 round=$2 db=$1 calls
	calls=$(by_size 1000 400 50)
	# As long as the others, about.
	[[ $kind != g ]] || calls=$(by_size 100 40 5)
	case $kind in
		stylist) sessions_unknown "$kind" "$round" "$calls" "md5(i::text)::uuid, bench.service(1)" && return ;;
		service) sessions_unknown "$kind" "$round" "$calls" "bench.stylist(1), md5(i::text)::uuid" && return ;;
	esac
	sample "sessions/steady/$kind" "$round" "$(sql "$db" "CALL bench.ask('v1', 0, 400, stride => 1)" "CALL bench.ask('v1', $((round * 7)), $calls)" | tail -n 1)"
}

# locks DATABASE CALLS: those on relations that a transaction holds after so many misses, its own look at them
# apart.
locks()
{
	local asked="SELECT count(*) FROM get_available_slots($question)"
	sql "$1" "BEGIN" "$(for ((i = 0; i < $2; i++)); do echo "$asked;"; done)" "SELECT count(*) - 1 FROM pg_locks WHERE pid = pg_backend_pid() AND relation <> 'pg_locks'::regclass" "COMMIT" |
		tail -n 1
}

# memory DATABASE: megabytes that a session which has asked for many days has to itself. The one before has
# left the server's file of catalogs there, which takes more to make than to read.
memory()
{
	sql "$1" "CALL bench.ask('v1', 0, 1)" >/dev/null
	sql "$1" "CALL bench.ask('v1', 0, $(by_size 2000 2000 20), stride => 1)" \
		"SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int / 1024.0" | tail -n 1
}

# What bookings in N partitions cost against one table.
sessions_partitions()
{
	local n=$1 db=p$1 held more
	held=$(locks "$db" 1)
	row "$n partitions: locks held after a session's first miss" "$held" "" "<= 40" "$(judge "$held" "$held" '<= 40')"
	held=$(locks "$db" 3)
	row "$n partitions: locks held after a later miss" "$held" "" "<= 16" "$(judge "$held" "$held" '<= 16')"
	ratio_row "v1 in C, $n partitions / one table" "<= 1.5" "sessions/steady/$db" sessions/steady/e
	ratio_row "a session's first v1 in C, $n partitions / one table" "" "sessions/first/$db" sessions/first/e
	more=$(awk -v a="$(memory "$db")" -v b="$(memory e)" 'BEGIN { printf "%.2f", a - b }')
	row "$n partitions: memory of a session beyond that with one table" "$more MB" "" "<= 0.5 MB" "$(judge "$more" "$more" '<= 0.5')"
}

sessions_rows()
{
	local n
	n=$(grouped "$(by_size 4000 4000 50)")
	median_row "a session's first v1 in C" ms sessions/first/e
	ratio_row "a session's first v1, in C / in plpgsql" "<= 1" sessions/first/e sessions/first/k
	[[ -z $best ]] || ratio_row "a session's first v1, in C / in plpgsql with the best index" "<= 1" sessions/first/e sessions/first/g
	figure_row median "a session's first v2, a hit" " ms" "<= 0.3" sessions/hit/e
	ratio_row "a session's first v2, a hit / classic v2, a hit" "" sessions/hit/e sessions/hit/k
	ratio_row "the next miss after ANALYZE of bookings / after a pause as long" "<= 1.5" sessions/after/analyze sessions/after/nothing
	sessions_partitions 24
	sessions_partitions 100
	ratio_row "v1 in C, without the index on long bookings / with it, $n bookings a stylist" "<= 1.5" sessions/steady/n sessions/steady/e
	ratio_row "the same, a session's first questions about each stylist" "<= 1.5" sessions/look/n sessions/look/e
	figure_row median "v1 in C, $n bookings a stylist" " us" "<= 15" sessions/steady/e
	[[ -z $best ]] || ratio_row "plpgsql v1 with the best index / v1 in C, $n bookings a stylist" ">= 10" sessions/steady/g sessions/steady/e
	ratio_row "v2 of a stylist that nobody knows / v1 in C" "<= 1" sessions/unknown/stylist sessions/steady/e
	ratio_row "v2 of a service that nobody knows / v1 in C" "<= 1" sessions/unknown/service sessions/steady/e
}
