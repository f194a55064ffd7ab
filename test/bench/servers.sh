# shellcheck shell=bash
# Redis and Pgpool-II with their query cache, on Unix sockets below $bench: the other ways to answer from
# memory.

redis_ready='' redis_why='' pgpool_ready='' pgpool_why=''

# ---------------------------------------------------------------------------------------------------
# Redis: one key, whose value is the text of the floor's answer
# ---------------------------------------------------------------------------------------------------

start_redis()
{
	redis_ready='' redis_why="not measured at this size"
	[[ $size != tiny ]] || return 0
	redis_why="redis-server and redis-benchmark are not installed"
	have redis-server && have redis-benchmark && have redis-cli || return 0
	mkdir -p "$bench/r"
	redis-server --port 0 --unixsocket "$bench/r/s" --dir "$bench/r" --save '' --appendonly no --daemonize no \
		>"$bench/r/log" 2>&1 &
	redis_pid=$!
	for _ in {1..50}; do
		[[ ! -S $bench/r/s ]] || break
		sleep 0.1
	done
	sql e "SELECT answer FROM bench.answer" | tr -d '\n' | redis-cli -s "$bench/r/s" -x SET answer >/dev/null
	[[ $(redis-cli -s "$bench/r/s" GET answer) == "$(sql e 'SELECT answer FROM bench.answer')" ]] || die "Redis has another answer"
	redis_ready=1
}

# As many requests as take about the time that pgbench gets.
redis_tps()
{
	local series=$1 round=$2 clients=$3 n
	n=$(by_size 30000 30000 1000)
	redis-benchmark -s "$bench/r/s" -c "$clients" -n "$n" --csv GET answer >"$bench/redis.log" 2>&1
	sample "$series" "$round" "$(sed -nE 's/^"GET answer","([0-9.]+)".*/\1/p' "$bench/redis.log")"
}

stop_redis()
{
	[[ -z $redis_ready ]] || kill "$redis_pid"
	[[ -z $redis_ready ]] || wait "$redis_pid" || true
}

# ---------------------------------------------------------------------------------------------------
# Pgpool-II: keeps results of SELECTs whose functions are all IMMUTABLE
# ---------------------------------------------------------------------------------------------------

start_pgpool()
{
	pgpool_ready='' pgpool_why="not measured at this size"
	[[ $size != tiny ]] || return 0
	pgpool_why="pgpool is not installed"
	pgpool_program=$(PATH=$PATH:/usr/sbin command -v pgpool) || return 0
	mkdir -p "$bench/p/oid"
	cat >"$bench/p/pgpool.conf" <<-CONF
		backend_clustering_mode = 'raw'
		listen_addresses = ''
		port = 9999
		socket_dir = '$bench/p'
		pcp_listen_addresses = ''
		pcp_socket_dir = '$bench/p'
		pid_file_name = '$bench/p/pid'
		logdir = '$bench/p'
		work_dir = '$bench/p'
		backend_hostname0 = '$PGHOST'
		backend_port0 = $PGPORT
		num_init_children = 20
		max_pool = 1
		enable_pool_hba = off
		memory_cache_enabled = on
		memqcache_method = 'shmem'
		memqcache_oiddir = '$bench/p/oid'
	CONF
	touch "$bench/p/pcp.conf" "$bench/p/pool_passwd"
	"$pgpool_program" -n -f "$bench/p/pgpool.conf" -F "$bench/p/pcp.conf" >"$bench/p/log" 2>&1 &
	pgpool_pid=$!
	for _ in {1..100}; do
		[[ ! -S $bench/p/.s.PGSQL.9999 ]] || break
		sleep 0.1
	done
	pgpool_why="pgpool did not start"
	through_pgpool "SELECT 1" >/dev/null || { tail -n 5 "$bench/p/log"; stop_pgpool; return 0; }
	pgpool_ready=1
	pgpool_try
}

through_pgpool() { PGHOST=$bench/p PGPORT=9999 sql e "$@"; }

# How often pgpool answered a statement, asked three times, from its cache.
pgpool_hits()
{
	local before after
	before=$(pgpool_counter)
	for _ in 1 2 3; do through_pgpool "$1" >/dev/null; done
	after=$(pgpool_counter)
	echo $((after - before))
}
pgpool_counter() { through_pgpool "SHOW pool_cache" | cut -d '|' -f 1; }

# The function as it is, and with a wrapper that claims to be IMMUTABLE.
pgpool_try()
{
	local slots
	sql e "CREATE FUNCTION bench.claimed(uuid, uuid, date, text) RETURNS jsonb IMMUTABLE LANGUAGE plpgsql AS
		\$\$ BEGIN RETURN get_available_slots_v2(\$1, \$2, \$3, \$4); END \$\$"
	sed 's/get_available_slots_v2/bench.claimed/' "$bench/v2.sql" >"$bench/pgpool.sql"
	pgpool_plain=$(pgpool_hits "$(cat "$bench/v2.sql")")
	pgpool_claimed=$(pgpool_hits "$(cat "$bench/pgpool.sql")")
	# A booking through pgpool itself, which is all it can see: is the next answer the new one?
	slots=$(through_pgpool "$(cat "$bench/pgpool.sql")")
	through_pgpool "INSERT INTO bookings (id, stylist_user_id, service_id, start_time, end_time)
		SELECT bench.stylist(0), bench.stylist(1), bench.service(1), (s ->> 'slot_start_utc')::timestamptz, (s ->> 'slot_end_utc')::timestamptz
		  FROM bench.answer, jsonb_array_elements(answer -> 'slots') s WHERE s ->> 'status' = 'available' LIMIT 1"
	pgpool_stale=no
	[[ $(through_pgpool "$(cat "$bench/pgpool.sql")") != "$slots" ]] || pgpool_stale=yes
	through_pgpool "DELETE FROM bookings WHERE id = bench.stylist(0)"
	sql e "SELECT $(sed 's/^SELECT //; s/;$//' "$bench/v2.sql")" >/dev/null
}

pgpool_rows()
{
	if [[ -z $pgpool_ready ]]; then
		skip "Pgpool-II query cache" "$pgpool_why"
		return
	fi
	row "Pgpool-II: answers of v2 it took from its cache, of 3" "$pgpool_plain"
	row "Pgpool-II: the same, of a wrapper that claims to be IMMUTABLE" "$pgpool_claimed"
	row "Pgpool-II: that wrapper's answer is stale after a booking made through it" "$pgpool_stale"
}

stop_pgpool()
{
	[[ -n ${pgpool_pid:-} ]] || return 0
	kill -INT "$pgpool_pid" 2>/dev/null || true
	wait "$pgpool_pid" || true
	pgpool_pid=
}
