# shellcheck shell=bash
# What it costs that no slot is sold twice: a free slot is booked, in a transaction of its own. Without
# anything, with our triggers and the guard off, at "holds" and on; by a function that locks the stylist,
# looks and inserts; with an exclusion constraint.

part_guard()
{
	local clients round kind kinds='p o h g r x'
	bench_start "synchronous_commit = off"
	salon p stylists=1000 bookings=0 services=1
	guard_always_open p
	copies p o h g r x
	for kind in o h g; do
		extension "$kind"
		sql "$kind" "UPDATE availability_cache.rules SET max_advance = '3660 days', guard = '$(guard_mode "$kind")'"
	done
	for kind in p r x; do sql "$kind" "CREATE INDEX ON bookings (stylist_user_id, start_time)"; done
	guard_by_function r
	sql x "CREATE EXTENSION btree_gist" \
		"ALTER TABLE bookings ADD EXCLUDE USING gist (stylist_user_id WITH =, tstzrange(start_time, end_time) WITH &&) WHERE (status NOT IN ('cancelled', 'no_show'))"
	for clients in 1 4; do
		for ((round = 0; round <= turns; round++)); do
			for kind in $(turned "$round" $kinds); do
				tps "guard/$clients/$kind" "$round" "$(guard_script "$kind")" "$clients" "$kind"
			done
		done
		guard_rows "guard/$clients" "clients: $clients"
	done
	for kind in $kinds; do
		[[ $(sql "$kind" "SELECT count(*) = count(DISTINCT (stylist_user_id, start_time)) FROM bookings") == t ]] || die "$kind: a slot was sold twice"
	done
	bench_stop
}

guard_mode() { case $1 in o) echo off ;; h) echo holds ;; g) echo on ;; esac; }

# Each call books the next free slot there is: stylist by stylist, slot by slot, day by day.
guard_always_open()
{
	sql "$1" "DELETE FROM schedule_overrides" "DELETE FROM stylist_schedules" \
		"INSERT INTO stylist_schedules (stylist_user_id, day_of_week, start_time, end_time)
		 SELECT user_id, d, '08:00', '20:00' FROM stylist_profiles, generate_series(0, 6) d" \
		"CREATE SEQUENCE bench.n CACHE 50" \
		"CREATE FUNCTION bench.at(n bigint) RETURNS timestamptz IMMUTABLE LANGUAGE sql
		 RETURN timestamptz '$start 02:15+00' + make_interval(days => (n / 24000)::int, mins => 30 * (n / 1000 % 24)::int)" "VACUUM ANALYZE"
}

guard_by_function()
{
	sql "$1" "CREATE FUNCTION bench.try_booking(stylist uuid, service uuid, starts timestamptz, ends timestamptz) RETURNS boolean LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM pg_advisory_xact_lock(hashtextextended(stylist::text, 0));
			IF EXISTS (SELECT FROM bookings b WHERE b.stylist_user_id = stylist AND b.start_time < ends AND b.start_time > starts - interval '1 day'
				AND b.end_time > starts AND b.status NOT IN ('cancelled', 'no_show')) THEN
				RETURN false;
			END IF;
			INSERT INTO bookings (stylist_user_id, service_id, customer_name, start_time, end_time) VALUES (stylist, service, 'Customer', starts, ends);
			RETURN true;
		END \$\$"
}

guard_script()
{
	local file=$bench/guard_$1.sql next="(SELECT nextval('bench.n') AS n OFFSET 0) q"
	local row="bench.stylist(1 + (n % 1000)::int), bench.service(1)"
	if [[ $1 == r ]]; then
		echo "SELECT bench.try_booking($row, bench.at(n), bench.at(n) + interval '30 minutes') FROM $next;" >"$file"
	else
		echo "INSERT INTO bookings (stylist_user_id, service_id, customer_name, start_time, end_time)
			SELECT $row, 'Customer', bench.at(n), bench.at(n) + interval '30 minutes' FROM $next;" | tr '\n' ' ' >"$file"
	fi
	echo "$file"
}

guard_title()
{
	case $1 in
		o) echo 'our triggers, guard off' ;;
		h) echo 'guard: holds' ;;
		g) echo 'guard: on' ;;
		r) echo 'a function that locks, looks and inserts' ;;
		x) echo 'an exclusion constraint' ;;
	esac
}

guard_rows()
{
	local prefix=$1 what=$2 kind
	median_row "a booking, nothing else ($what)" "a second" "$prefix/p"
	for kind in o h g r x; do ratio_row "a booking, $(guard_title "$kind") / nothing else ($what)" "" "$prefix/$kind" "$prefix/p"; done
	ratio_row "a booking, guard: on / a function that locks, looks and inserts ($what)" "" "$prefix/g" "$prefix/r"
	ratio_row "a booking, guard: on / an exclusion constraint ($what)" "" "$prefix/g" "$prefix/x"
}
