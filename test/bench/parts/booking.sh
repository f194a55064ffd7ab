# shellcheck shell=bash
# What a booking pays: INSERT with our triggers, with the classic one, and without any; one row a transaction,
# and COPY. All have the indexes that attach() asks for. Nobody reads meanwhile: the classic trigger finds
# nothing to delete.

booking_clients=4

# Databases: p: no triggers; e: ours; k: the classic trigger; i and b: ours with the table tier inline and in
# the background.
part_booking()
{
	local sync clients n round kind kinds='p e k'
	# Commits wait for the disk, where synchronous_commit lets them.
	bench_start "fsync = $(by_size on on off)"
	salon p stylists=1000 bookings=30000
	booking_kinds
	[[ -z $(sql e "SELECT unnest(missing_indexes) FROM availability_cache.sources") ]] || die "attach() asks for more indexes"
	booking_script
	for sync in off on; do
		export PGOPTIONS="-c synchronous_commit=$sync"
		[[ $sync == off || $size == full ]] || continue
		n=$([[ $sync == off ]] && echo "$turns" || by_size 9 1 1)
		for clients in 1 $booking_clients; do
			for ((round = 1; round <= n; round++)); do
				((round % 8 != 1)) || booking_empty
				for kind in $(turned "$round" $kinds); do booking_measure "$kind" "booking/$sync/$clients" "$round" "$clients"; done
			done
			booking_rows "booking/$sync/$clients" "clients: $clients, synchronous_commit $sync"
		done
	done
	export PGOPTIONS="-c synchronous_commit=off"
	booking_empty
	booking_read_too
	booking_copy
	unset PGOPTIONS
	booking_plot
	bench_stop
}

booking_kinds()
{
	copies p e k
	extension e
	classic k
	if has_setting e availability_cache.table_tier; then
		kinds+=' i b'
		copies e i b
		use_tier i inline
		use_tier b background
	fi
}

# The table tier takes some misses until bookings leave traces in its log.
booking_tier_ready()
{
	local db=$1 try
	for try in {1..50}; do
		sql "$db" "CALL bench.ask('v2', $((try * 10)), 10)" >/dev/null
		psql -X -q -d "$db" -v s=1 -v d=1 -v h=1 -f <(sed '/^\\set/d' "$bench/booking.sql")
		[[ $(sql "$db" "SELECT count(*) FROM availability_cache.invalidation") == 0 ]] || return 0
		sleep 0.2
	done
	die "$db: bookings leave no trace in availability_cache.invalidation"
}

# No bookings, and no traces of the last ones: a site has them removed by those who save answers, and nobody
# does here.
booking_empty()
{
	local kind
	for kind in $kinds; do
		sql "$kind" "TRUNCATE bookings"
		[[ $kind == [ib] ]] || continue
		sql "$kind" "SELECT availability_cache.clean()" "VACUUM availability_cache.invalidation" >/dev/null
		booking_tier_ready "$kind"
	done
	sql p CHECKPOINT
}

booking_script()
{
	cat >"$bench/booking.sql" <<-SQL
		\\set s random(1, :stylists)
		\\set d random(0, 29)
		\\set h random(0, 23)
		INSERT INTO bookings (stylist_user_id, service_id, customer_name, start_time, end_time)
		VALUES (md5('stylist ' || :s)::uuid, 'c0ffee00-0000-4000-8000-000000000000', 'Customer',
		        timestamptz '$start 02:15+00' + :d::int * interval '1 day' + :h::int * interval '30 minutes',
		        timestamptz '$start 02:45+00' + :d::int * interval '1 day' + :h::int * interval '30 minutes');
	SQL
}

booking_measure()
{
	tps "$2/$1" "$3" "$bench/booking.sql" "$4" "$1" -D "stylists=1000"
}

booking_title()
{
	case $1 in
		p) echo 'no triggers' ;;
		e) echo 'our triggers' ;;
		k) echo 'classic trigger' ;;
		i) echo 'our triggers, table tier inline' ;;
		b) echo 'our triggers, table tier in the background' ;;
	esac
}

booking_bar() { case $1 in e) echo '>= 0.93' ;; i | b) echo '>= 0.90' ;; esac; }

booking_rows()
{
	local prefix=$1 what=$2 kind
	for kind in $kinds; do
		if [[ $kind == p ]]; then
			median_row "INSERT, no triggers ($what)" "a second" "$prefix/p"
		else
			ratio_row "INSERT, $(booking_title "$kind") / without ($what)" "$(booking_bar "$kind")" "$prefix/$kind" "$prefix/p"
		fi
	done
	[[ $kinds == *i* ]] || skip "INSERT with the table tier ($what)" "no availability_cache.table_tier in this build"
}

# A day is asked for and then booked, so that each booking outdates an answer.
booking_read_too()
{
	local round kind kinds=${kinds#p }
	{
		sed '/^INSERT/,$d' "$bench/booking.sql"
		echo "SELECT get_available_slots_v2(md5('stylist ' || :s)::uuid, md5('service 1')::uuid, date '$start' + :d::int, 'Asia/Kathmandu');"
		sed -n '/^INSERT/,$p' "$bench/booking.sql"
	} >"$bench/read_too.sql"
	for ((round = 1; round <= turns; round++)); do
		for kind in $(turned "$round" $kinds); do
			tps "booking/read/$kind" "$round" "$bench/read_too.sql" $booking_clients "$kind" -D "stylists=1000"
		done
	done
	median_row "a day asked for and then booked, our triggers (clients: $booking_clients)" "a second" booking/read/e
	for kind in ${kinds#e }; do
		ratio_row "a day asked for and then booked, $(booking_title "$kind") / our triggers" "" "booking/read/$kind" booking/read/e
	done
}

# Seconds for all rows at once; turned round, so that more is better as above.
booking_copy()
{
	local rows round kind taken
	rows=$(by_size 100000 100000 2000)
	sql p "COPY (SELECT bench.stylist(1 + n % 1000) AS stylist, bench.service(1), 'Customer',
			timestamptz '$start 02:15+00' + make_interval(days => n / 1000 % 30, mins => 30 * (n / 30000)),
			timestamptz '$start 02:45+00' + make_interval(days => n / 1000 % 30, mins => 30 * (n / 30000))
		FROM generate_series(0, $rows - 1) n) TO STDOUT" >"$bench/copy.txt"
	for ((round = 1; round <= rounds; round++)); do
		for kind in $(turned "$round" $kinds); do
			sql "$kind" "TRUNCATE bookings" "CHECKPOINT"
			taken=$(seconds_of booking_copy_in "$kind")
			sample "copy/$kind" "$round" "$(awk -v t="$taken" -v n="$rows" 'BEGIN { print n / t }')"
		done
	done
	for kind in $kinds; do
		if [[ $kind == p ]]; then
			median_row "COPY of $(grouped "$rows"), no triggers" "rows a second" copy/p
		else
			ratio_row "COPY of $(grouped "$rows"), $(booking_title "$kind") / without" "$(booking_bar "$kind")" "copy/$kind" copy/p
		fi
	done
}
booking_copy_in()
{
	psql -X -q -v ON_ERROR_STOP=1 -d "$1" <"$bench/copy.txt" \
		-c "COPY bookings (stylist_user_id, service_id, customer_name, start_time, end_time) FROM STDIN"
}

# A row per way of booking: the rate of each kind, of that without triggers.
booking_plot()
{
	local kind series
	{
		printf 'series'
		for kind in ${kinds#p }; do printf ' "%s"' "$(booking_title "$kind")"; done
		echo
		for series in booking/off/1 booking/off/4 booking/on/1 booking/on/4 copy; do
			figures median "$series/p" >/dev/null || continue
			printf '"%s"' "$(sed 's|booking/\(.*\)/1|commit \1\\n1 client|; s|booking/\(.*\)/\([0-9]*\)|commit \1\\n\2 clients|; s|copy|COPY|' <<<"$series")"
			for kind in ${kinds#p }; do printf ' %s' "$(figures ratio "$series/$kind" "$series/p" | cut -f 1)"; done
			echo
		done
	} | plot booking
}
