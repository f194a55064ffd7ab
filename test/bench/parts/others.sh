# shellcheck shell=bash
# What becomes of answers when others are booked: half of the stylists get bookings, the answers about the
# other half are looked at. Nobody asks meanwhile, so nothing is evicted for an answer that is computed again.

. test/bench/parts/memory.sh
. test/bench/parts/booking.sh

others_bookings=$(by_size 50000 50000 500)

part_others()
{
	local memory n stylists
	stylists=$(by_size "20000 200000" 20000 200)
	bench_start
	booking_script
	for n in $stylists; do others_salon "$n"; done
	for memory in $(by_size "64MB 1GB" "64MB 1GB" 16MB); do
		sql postgres "ALTER SYSTEM SET availability_cache.shared_memory_size = '$memory'"
		for n in $stylists; do
			# Nothing is in memory then.
			bench_restart
			others_measure "e$n" "$n" "$(others_answers "$memory")" "$(grouped "$n") stylists, $memory"
		done
	done
	bench_stop
}

others_answers() { if [[ $1 == 1GB ]]; then by_size 1000000 100000; else by_size 200000 100000 1000; fi; }

others_salon()
{
	local most
	most=$(by_size 1000000 100000 1000)
	salon "e$1" stylists=10 days=1 bookings=0
	more_stylists "e$1" "$1" $((most / $1))
	sql "e$1" "CREATE TABLE bench.watched (stylist uuid, day date)"
	extension "e$1"
}

# others_measure DATABASE STYLISTS ANSWERS WHAT
others_measure()
{
	local db=$1 n=$2 answers=$3 what=$4 first=$((others_bookings / 5)) watched lost gone share
	sql "$db" "TRUNCATE bookings, bench.watched"
	fill "$db" 0 "$answers"
	others_watch "$db" "$n"
	row "valid answers in memory, of $(grouped "$answers") asked for ($what)" \
		"$(grouped "$(valid_answers "$db")")" \
		"$(grouped "$(stat "$db" evictions)") evictions"
	sql "$db" "SELECT availability_cache.reset_stats()" >/dev/null
	others_book "$db" "$n" "$first" ""
	others_book "$db" "$n" $((others_bookings - first)) "<= 0.1"
	row "the same: evictions meanwhile" "$(grouped "$(stat "$db" evictions)")" "$(grouped "$gone") of those looked at"
	others_check "$db"
}

# The last stylists' answers that are valid now. Sets watched.
others_watch()
{
	watched=$(sql "$1" "INSERT INTO bench.watched SELECT stylist, day FROM bench.question
			JOIN availability_cache.entries ON (stylist_user_id, cache_date) = (stylist, day) WHERE is_valid AND i % $2 >= $2 / 2" \
		"ANALYZE bench.watched" "SELECT count(*) FROM bench.watched")
	((watched >= $(by_size 20000 20000 100))) || die "only $watched answers can be looked at"
}

# others_book DATABASE STYLISTS BOOKINGS BAR: books the first half of them. The row is of all bookings since
# they were none.
others_book()
{
	local clients=4
	PGOPTIONS='-c synchronous_commit=off' bench_tps "$bench/booking.sql" $clients "$1" -D "stylists=$(($2 / 2))" -t $(($3 / clients))
	others_look "$1"
	row "answers lost to $(grouped "$(sql "$1" "SELECT count(*) FROM bookings")") bookings of others ($what)" "$(number "$share") %" \
		"$(grouped "$lost") of $(grouped "$watched")" "$4${4:+ %}" "$(judge "$share" "$share" "$4")"
}

# Sets lost, gone and share (of lost, in percent): an answer that went without an eviction is lost too.
others_look()
{
	IFS='|' read -r lost gone < <(sql "$1" "SELECT count(*) FILTER (WHERE NOT is_valid), count(*) FILTER (WHERE is_valid IS NULL)
		FROM bench.watched LEFT JOIN availability_cache.entries ON (stylist_user_id, cache_date) = (stylist, day)")
	lost=$(awk -v lost="$lost" -v gone="$gone" -v evicted="$(stat "$1" evictions)" \
		'BEGIN { print lost + (gone > evicted ? gone - evicted : 0) }')
	share=$(awk -v lost="$lost" -v watched="$watched" 'BEGIN { print 100 * lost / watched }')
}

# What was booked must be outdated.
others_check()
{
	local outdated valid
	IFS='|' read -r outdated valid < <(sql "$1" "SELECT count(*) FILTER (WHERE NOT is_valid), count(*) FILTER (WHERE is_valid)
		FROM bookings JOIN availability_cache.entries ON (entries.stylist_user_id, cache_date) =
			(bookings.stylist_user_id, (start_time AT TIME ZONE 'Asia/Kathmandu')::date)")
	((outdated > 0 && valid == 0)) || die "$1: of the answers about booked days $valid are valid and $outdated outdated"
}
