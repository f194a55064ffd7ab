# shellcheck shell=bash
# What docs/uses.md has, before and after: its functions as they are, and memoized.

part_uses()
{
	local use round db
	bench_start
	uses_databases
	uses_scripts
	for use in catalog has context lesson readers writers community; do
		for ((round = 1; round <= turns; round++)); do
			for db in $(turned "$round" o m); do tps "uses/$use/$db" "$round" "$bench/use_$use.sql" 1 "$db"; done
		done
		ratio_row "$(uses_title "$use"), memoized / before" "" "uses/$use/m" "uses/$use/o"
	done
	bench_stop
}

# Databases m and o: with the page's commands, and with its functions put back.
uses_databases()
{
	local db
	sed -n '/^```sql$/,/^```$/{/^```/!p}' docs/uses.md >"$bench/page.sql"
	createdb m
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v "n=$(by_size 2000 1000 100)" -d m -f test/uses.sql
	copies m o
	for db in m o; do
		sql "$db" "CREATE EXTENSION availability_cache"
		PGOPTIONS='-c client_min_messages=error' psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$db" -f "$bench/page.sql"
	done
	sql o "SELECT availability_cache.unmemoize(function) FROM availability_cache.memoized" >/dev/null
}

uses_scripts()
{
	local n
	n=$(sql m "SELECT count(*) FROM person")
	use() { printf '\\set p random(1, %s)\n%s\n' "$n" "$2" >"$bench/use_$1.sql"; }
	use catalog "SELECT * FROM course_by_slug('item-' || :p); SELECT * FROM courses_of_kind('kind ' || :p % 5);"
	use has "SELECT * FROM enrolments_of(:p); SELECT * FROM purchases_of(:p); SELECT * FROM tickets_of(:p);"
	use context "SELECT context(:p);"
	use lesson "SELECT * FROM reservations_of_lesson(:p); SELECT seats_left(:p);"
	use readers "SELECT story_for_readers(:p / 4 + 1);"
	use writers "SELECT story_for_writers(:p / 4 + 1);"
	use community "SELECT * FROM community();"
}

uses_title()
{
	case $1 in
		catalog) echo 'a course by its slug, and those of a kind' ;;
		has) echo "somebody's enrolments, purchases and tickets" ;;
		context) echo 'five reads in one' ;;
		lesson) echo "a lesson's reservations and seats" ;;
		readers) echo 'a story for readers' ;;
		writers) echo 'a story for writers' ;;
		community) echo "the community's list" ;;
	esac
}
