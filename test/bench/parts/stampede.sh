# shellcheck shell=bash
# Fifty clients ask for one day that memory does not have.

stampede_clients=50

part_stampede()
{
	local round
	bench_start
	salon e bookings=$(by_size 100000 100000 1000)
	copies e k
	extension e
	classic k
	stampede_script
	for ((round = 1; round <= rounds; round++)); do
		stampede_at_once "$round"
		stampede_locked "$round"
		stampede_stopped "$round"
	done
	stampede_rows
	bench_stop
}

stampede_script()
{
	sql e "SELECT format('SELECT get_available_slots_v2(%L, %L, %L, %L);', bench.stylist(1), bench.service(1), bench.day(9), 'Asia/Kathmandu')" \
		>"$bench/one.sql"
}

# stampede DATABASE CLIENTS: each asks once; prints the longest wait in milliseconds.
stampede()
{
	rm -f "$bench"/log.*
	pgbench -n -M simple -c "$2" -j 1 -t 1 -l --log-prefix="$bench/log" -f "$bench/one.sql" "$1" >"$bench/pgbench.log" 2>&1 ||
		{ cat "$bench/pgbench.log"; die "pgbench failed"; }
	cat "$bench"/log.* | awk '$3 > most { most = $3; } END { print most / 1000 }'
}

stampede_empty()
{
	sql e "SELECT availability_cache.flush()" "SELECT availability_cache.reset_stats()" >/dev/null
	sql k "TRUNCATE private.availability_cache"
}

# As fast as one client program can ask.
stampede_at_once()
{
	local db
	stampede_empty
	for db in e k; do sample "stampede/$db" "$1" "$(stampede "$db" $stampede_clients)"; done
}

# Nobody can compute before all have asked.
stampede_locked()
{
	local client
	stampede_empty
	locker_begin e
	PGOPTIONS='-c availability_cache.single_flight_timeout=1min' stampede e $stampede_clients >"$bench/longest" 9>&- &
	client=$!
	wait_for "$stampede_clients" "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT get_available_slots_v2(%'"
	locker_end
	wait "$client"
	sample stampede/computed "$1" "$(stat e "misses + bypasses")"
	sample stampede/stores "$1" "$(stat e stores)"
	sample stampede/waits "$1" "$(stat e waits)"
	sample stampede/hits "$1" "$(stat e hits)"
}

# The one that computes is stopped half-way, as by a machine that hangs.
stampede_stopped()
{
	local leader pid
	stampede_empty
	locker_begin e
	psql -X -q -o /dev/null -d e -f "$bench/one.sql" 9>&- &
	leader=$!
	wait_for 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT get_available_slots_v2(%'"
	pid=$(sql e "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT get_available_slots_v2(%'")
	kill -STOP "$pid"
	locker_end
	sample stampede/stopped "$1" "$(stampede e $((stampede_clients - 1)))"
	sample stampede/timeouts "$1" "$(stat e wait_timeouts)"
	kill -CONT "$pid"
	wait "$leader"
}

# A session that holds bookings locked.
locker_begin()
{
	mkfifo "$bench/locker"
	psql -X -q -d "$1" -f "$bench/locker" >/dev/null &
	locker_pid=$!
	exec 9>"$bench/locker"
	echo "BEGIN; LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE;" >&9
	wait_for 1 "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND relation = 'bookings'::regclass"
}
locker_end()
{
	echo "COMMIT;" >&9
	exec 9>&-
	wait "$locker_pid"
	rm "$bench/locker"
}

wait_for()
{
	for _ in {1..200}; do
		[[ $(sql e "$2") != "$1" ]] || return 0
		sleep 0.05
	done
	die "waited in vain for $1: $2"
}

stampede_rows()
{
	median_row "clients that ask for one cold day at once: computations" "of $stampede_clients" stampede/computed
	median_row "the same: answers kept" "" stampede/stores
	median_row "the same: clients that waited for it" "" stampede/waits
	median_row "longest wait with nothing in the way" ms stampede/e
	ratio_row "classic v2 / v2, longest wait" "" stampede/k stampede/e
	figure_row median "computation stopped: longest wait of the others (timeout 200 ms)" " ms" "<= 300" stampede/stopped
	median_row "the same: clients that gave up waiting" "of $((stampede_clients - 1))" stampede/timeouts
}
