# shellcheck shell=bash
# Readers of one day while its answer cannot be kept, because a booking of it is prepared; and while somebody
# flushes. Temporary tables where the extension is, and where it is not.

. test/bench/parts/memory.sh

part_disturbed()
{
	local round kind
	bench_start "max_prepared_transactions = 2"
	disturbed_salon
	disturbed_scripts
	for ((round = 0; round <= turns; round++)); do
		for kind in $(turned "$round" flush invalidate); do
			tps "disturbed/$kind" "$round" "$bench/$kind.sql" 4 e
		done
	done
	sql e "BEGIN; INSERT INTO bookings (stylist_user_id, service_id, start_time, end_time) VALUES (bench.stylist(1), bench.service(1),
		bench.day(9) + interval '5 hours', bench.day(9) + interval '6 hours'); PREPARE TRANSACTION 'booking'"
	for ((round = 0; round <= turns; round++)); do
		for kind in $(turned "$round" 0 200); do
			PGOPTIONS="-c availability_cache.single_flight_timeout=$kind" tps "disturbed/prepared/$kind" "$round" "$bench/ask.sql" 16 e
		done
	done
	sql e "ROLLBACK PREPARED 'booking'"
	for ((round = 0; round <= turns; round++)); do
		for kind in $(turned "$round" p e); do
			PGOPTIONS='-c synchronous_commit=off' tps "disturbed/temporary/$kind" "$round" "$bench/temporary.sql" 1 "$kind"
		done
	done
	ratio_row "CREATE and DROP of a temporary table, with the extension / without" ">= 0.9" disturbed/temporary/e disturbed/temporary/p
	ratio_row "a booking is prepared: its readers / if none may wait for another, 16 clients" ">= 0.9" disturbed/prepared/200 disturbed/prepared/0
	ratio_row "1 % flush() among hits / 1 % invalidate() of the answer, $(grouped "$answers") answers in memory, 4 clients" ">= 0.9" \
		disturbed/flush disturbed/invalidate
	bench_stop
}

disturbed_salon()
{
	answers=$(by_size 200000 50000 500)
	salon e stylists=10 days=1 bookings=0
	more_stylists e $((answers / 10)) 10
	copies e p
	extension e
	fill e 0 "$answers"
}

disturbed_scripts()
{
	printf '%s\n' 'CREATE TEMPORARY TABLE basket (id int PRIMARY KEY, note text);' 'DROP TABLE basket;' >"$bench/temporary.sql"
	v2_statement e >"$bench/ask.sql"
	disturbed_script flush "SELECT availability_cache.flush();"
	disturbed_script invalidate "$(sql e "SELECT format('SELECT availability_cache.invalidate(%L);', bench.stylist(1))")"
}

# disturbed_script NAME STATEMENT: one call in a hundred is the statement.
disturbed_script() { printf '%s\n' '\set n random(1, 100)' '\if :n = 1' "$2" '\else' "$(cat "$bench/ask.sql")" '\endif' >"$bench/$1.sql"; }
