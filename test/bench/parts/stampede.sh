# shellcheck shell=bash
# Fifty clients ask for one day that memory does not have. Each has computed another day before, so that only
# the answer is measured, and then waits at a gate (an advisory lock) until all are there.

stampede_clients=$(by_size 50 50 8)

part_stampede()
{
	local round longest
	bench_start
	salon e bookings=$(by_size 100000 100000 1000)
	copies e k
	extension e
	classic k
	stampede_script
	for ((round = 1; round <= rounds; round++)); do
		stampede_at_once "$round" e
		stampede_at_once "$round" k
		stampede_locked "$round"
		stampede_each "$round"
		stampede_stopped "$round"
	done
	stampede_rows
	bench_stop
}

stampede_script()
{
	v2_statement e >"$bench/one.sql"
	cat >"$bench/gate.sql" <<-SQL
		\\set turn :turn + 1
		\\if :turn = 1
		SELECT count(*) FROM get_available_slots(bench.stylist(2), bench.service(1), bench.day(10), 'Asia/Kathmandu');
		SELECT pg_advisory_lock_shared(1);
		\\else
		$(cat "$bench/one.sql")
		\\endif
	SQL
}

# hold NAME DATABASE COMMAND: a session that has executed it in an open transaction, until release NAME.
hold()
{
	local name=$1 db=$2
	mkfifo "$bench/$name"
	PGAPPNAME=$name psql -X -q -d "$db" -f "$bench/$name" >/dev/null &
	eval "${name}_pid=$!"
	eval "exec {${name}_fd}>'$bench/$name'"
	eval "echo 'BEGIN; $3;' >&\$${name}_fd"
	wait_for 1 "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$name' AND state = 'idle in transaction'"
}
release()
{
	local name=$1 fd=${1}_fd pid=${1}_pid
	# \q, because others may have inherited the pipe's end.
	printf '%s\n' "COMMIT;" "\\q" >&"${!fd}"
	eval "exec ${!fd}>&-"
	wait "${!pid}"
	rm "$bench/$name"
}

# stampede DATABASE CLIENTS: starts them; they are at the gate when it returns.
stampede()
{
	rm -f "$bench"/log.*
	hold gate "$1" "SELECT pg_advisory_xact_lock(1)"
	pgbench -n -M simple -c "$2" -j 1 -t 2 -D turn=0 -l --log-prefix="$bench/log" -f "$bench/gate.sql" "$1" >"$bench/pgbench.log" 2>&1 &
	clients_pid=$!
	wait_for "$2" "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
}

# Waits until all are done; longest: milliseconds that the last of them waited.
stampede_longest()
{
	wait "$clients_pid" || { cat "$bench/pgbench.log"; die "pgbench failed"; }
	longest=$(cat "$bench"/log.* | awk '++turns[$1] == 2 && $3 > most { most = $3 } END { print most / 1000 }')
}

stampede_empty()
{
	if [[ $1 == k ]]; then
		sql k "TRUNCATE private.availability_cache"
	else
		sql e "SELECT availability_cache.flush()" "SELECT availability_cache.reset_stats()" >/dev/null
	fi
}

stampede_at_once()
{
	stampede_empty "$2"
	stampede "$2" $stampede_clients
	release gate
	stampede_longest
	sample "stampede/$2" "$1" "$longest"
	[[ $2 == k ]] || sample stampede/at_once "$1" "$(stat e "misses + bypasses")"
}

asking="query LIKE 'SELECT get_available_slots_v2(%'"

# Nobody can compute before all have asked.
stampede_locked()
{
	stampede_empty e
	export PGOPTIONS='-c availability_cache.single_flight_timeout=1min'
	stampede e $stampede_clients
	unset PGOPTIONS
	hold locker e "LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE"
	release gate
	wait_for "$stampede_clients" "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND $asking"
	release locker
	stampede_longest
	sample stampede/computed "$1" "$(stat e "misses + bypasses")"
	sample stampede/stores "$1" "$(stat e stores)"
	sample stampede/waits "$1" "$(stat e waits)"
}

# Nothing is cached, and all begin to compute when a lock is released: what the last of them waits for is the
# machine.
stampede_each()
{
	local clients=$((stampede_clients - 1)) from
	export PGOPTIONS='-c availability_cache.enabled=off'
	stampede e $clients
	unset PGOPTIONS
	hold locker e "LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE"
	release gate
	wait_for $clients "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'relation' AND $asking"
	from=$EPOCHREALTIME
	release locker
	stampede_longest
	sample stampede/each "$1" "$(cat "$bench"/log.* | awk -v from="$from" '{ end = $5 + $6 / 1e6; if (end > last) last = end } END { printf "%.1f", (last - from) * 1000 }')"
}

# The one that computes is stopped half-way, as by a machine that hangs.
stampede_stopped()
{
	local leader pid
	stampede_empty e
	stampede e $((stampede_clients - 1))
	hold locker e "LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE"
	psql -X -q -o /dev/null -d e -f "$bench/one.sql" &
	leader=$!
	wait_for 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'relation' AND $asking"
	pid=$(sql e "SELECT pid FROM pg_stat_activity WHERE wait_event = 'relation' AND $asking")
	kill -STOP "$pid"
	release locker
	release gate
	stampede_longest
	sample stampede/stopped "$1" "$longest"
	sample stampede/timeouts "$1" "$(stat e wait_timeouts)"
	kill -CONT "$pid"
	wait "$leader"
}

wait_for()
{
	for _ in {1..200}; do
		[[ $(sql postgres "$2") != "$1" ]] || return 0
		sleep 0.05
	done
	die "waited in vain for $1: $2"
}

stampede_rows()
{
	median_row "clients that ask for one cold day at once: computations" "of $stampede_clients" stampede/at_once
	median_row "the same, longest wait" ms stampede/e
	ratio_row "the same, classic v2 / v2" "" stampede/k stampede/e
	figure_row median "all have asked before one can compute: computations" " of $stampede_clients" "<= 1" stampede/computed
	median_row "the same: answers kept" "" stampede/stores
	median_row "the same: clients that waited for it" "" stampede/waits
	median_row "nothing is cached, $((stampede_clients - 1)) compute at once: until the last is done" ms stampede/each
	median_row "the one that computes is stopped: longest wait of the others, timeout 200 ms" ms stampede/stopped
	figure_row less "the same, beyond what $((stampede_clients - 1)) computations at once take" " ms" "<= 210" stampede/stopped stampede/each
	median_row "the same: clients that gave up waiting" "of $((stampede_clients - 1))" stampede/timeouts
}
