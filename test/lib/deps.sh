# shellcheck shell=bash
# Installs what a build, the tests and the benchmarks need and this machine lacks, through apt.
# Sourced after common.sh; ac_deps sets PG_CONFIG.
#
# DEPS=no in the environment: installs nothing, but says what is missing and ends.
#
# What is missing is found by looking for the thing itself, not for a package, so that PostgreSQL from
# anywhere will do, and nothing is asked of apt where all is there.

ac_has_server()
{
	local bin
	bin=$("$1" --bindir) && [[ -x $bin/postgres && -x $bin/initdb ]]
}
ac_has_headers() { [[ -f $("$1" --pgxs) && -f $("$1" --includedir-server)/postgres.h ]]; }
ac_has_pgtap() { [[ -f $("$1" --sharedir)/extension/pgtap.control ]]; }
ac_has_perl() { perl -MTAP::Harness -MTest::More -MTime::HiRes -e 1 2>/dev/null; }
ac_has_ipc_run() { perl -MIPC::Run -e 1 2>/dev/null; }
# Another program goes by this name too.
ac_has_spin() { [[ $(spin -V 2>/dev/null) == "Spin Version"* ]]; }

# What benchmarks compare with, draw with and count with; they do without what is not there.
ac_missing_for_bench()
{
	command -v redis-server >/dev/null || echo redis-server
	PATH=$PATH:/usr/sbin command -v pgpool >/dev/null || echo pgpool2
	command -v gnuplot >/dev/null || echo gnuplot-nox
	command -v valgrind >/dev/null || echo valgrind
}

# What tests and examples that say "# needs: WORD…" in their first lines need: node (its packages are another
# matter: see ac_node_modules), browser, clients, faketime, pgaudit, prometheus, sqlsmith.
ac_has_node() { node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; }
# ac_missing_for MAJOR WORD…
ac_missing_for()
{
	local major=$1 need pg
	shift
	for need; do
		case $need in
			node)
				ac_has_node || echo nodejs
				command -v npm >/dev/null || echo npm
				;;
			prometheus)
				command -v promtool >/dev/null || echo prometheus
				command -v prometheus-postgres-exporter >/dev/null || echo prometheus-postgres-exporter
				command -v prometheus-sql-exporter >/dev/null || echo prometheus-sql-exporter
				;;
			pgaudit)
				pg=$(PG_MAJOR=$major ac_find_pg_config)
				{ [[ -n $pg ]] && [[ -f $("$pg" --sharedir)/extension/pgaudit.control ]]; } || echo "postgresql-$major-pgaudit"
				;;
			faketime) compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || echo libfaketime ;;
			sqlsmith) command -v sqlsmith >/dev/null || echo sqlsmith ;;
			browser) command -v chromium >/dev/null || echo chromium ;;
			clients)
				PATH=$PATH:/usr/sbin command -v pgbouncer >/dev/null || echo pgbouncer
				/usr/bin/python3 -c 'import psycopg' 2>/dev/null || echo python3-psycopg
				[[ -f /usr/share/java/postgresql.jar ]] || echo libpostgresql-jdbc-java
				command -v javac >/dev/null || echo default-jdk-headless
				;;
			*) die "nobody knows how to install '$need'" ;;
		esac
	done
}

# The headers' package, in the version of the server that apt installed here: a newer one would upgrade the
# server.
ac_headers_package()
{
	local version
	version=$(dpkg-query -W -f '${Version}' "postgresql-$1" 2>/dev/null || true)
	if [[ -n $version ]] && apt-cache show "postgresql-server-dev-$1=$version" >/dev/null 2>&1; then
		echo "postgresql-server-dev-$1=$version"
	else
		echo "postgresql-server-dev-$1"
	fi
}

# ac_missing MAJOR build|test|bench|"for WORD…": the packages to install, one a line.
ac_missing()
{
	local major=$1 need=$2 pg
	if [[ $need == bench ]]; then
		ac_missing_for_bench
		return
	fi
	if [[ $need == for\ * ]]; then
		# shellcheck disable=SC2086
		ac_missing_for "$major" ${need#for }
		return
	fi
	pg=$(PG_MAJOR=$major ac_find_pg_config)
	{ [[ -n $pg ]] && ac_has_server "$pg"; } || echo "postgresql-$major"
	{ [[ -n $pg ]] && ac_has_headers "$pg"; } || ac_headers_package "$major"
	command -v gcc >/dev/null || echo gcc
	command -v make >/dev/null || echo make
	[[ $need == test ]] || return 0
	ac_has_perl || echo perl
	ac_has_ipc_run || echo libipc-run-perl
	ac_has_spin || echo spin
	{ [[ -n $pg ]] && ac_has_pgtap "$pg"; } || echo "postgresql-$major-pgtap"
}

# PostgreSQL's major version to use: asked for, else installed, else the distribution's own.
ac_major()
{
	local pg
	if [[ -n ${PG_MAJOR:-} ]]; then
		echo "$PG_MAJOR"
	elif pg=$(ac_find_pg_config) && [[ -n $pg ]]; then
		"$pg" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/'
	else
		{ apt-cache depends postgresql 2>/dev/null || true; } |
			sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p' | head -n 1
	fi
}

# ac_may_install WHAT: sets as_root, or says what to do.
ac_may_install()
{
	[[ ${DEPS:-} != no ]] || die "missing: $1. Install it, or say make deps."
	command -v apt-get >/dev/null || die "missing: $1. Install it (there is no apt-get here to do it)."
	as_root=()
	((EUID == 0)) && return
	command -v sudo >/dev/null || die "missing: $1. Run this as root once, or install sudo, or install it yourself."
	as_root=(sudo)
	sudo -v || die "missing: $1. sudo refused to install it."
}

ac_root() { "${as_root[@]}" "$@"; }

# apt-get into the log, with the lines that show it is getting somewhere.
ac_apt()
{
	ac_root env DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l LC_ALL=C \
		apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@" </dev/null 2>&1 |
		tee -a "$apt_log" |
		sed -u -nE 's/^Need to get (.*) of archives.*/  to download: \1/p
			s/^Setting up ((postgresql|clang|perl|lib(ipc-run|pq-dev)|spin|nodejs|npm|chromium|pgbouncer|python3-psycopg|redis-server|pgpool2|gnuplot-nox|valgrind)[^ :]*).*/  setting up \1/p'
}

# An upgrade replaces a server below its running clusters, which are none of our business.
ac_refuse_upgrade()
{
	local plan
	plan=$(apt-get -s --no-install-recommends install "$@" 2>/dev/null | grep -E '^Inst postgresql-[0-9]+ \[') || return 0
	printf '%s\n' "$plan" >&2
	if grep -qx postgres /proc/[0-9]*/comm 2>/dev/null; then
		die "installing this would upgrade the PostgreSQL server above while one runs; upgrade it yourself first"
	fi
	say "  this upgrades the PostgreSQL server above; none is running"
}

# Retries once with a fresh list of packages: the one here may be absent, or name files that are gone.
ac_apt_install()
{
	ac_refuse_upgrade "$@"
	ac_apt install "$@" && return
	say "  refreshing the list of packages"
	ac_apt update || true
	ac_refuse_upgrade "$@"
	ac_apt install "$@"
}

# Debian's packages create and start a cluster "main" unless told otherwise, and start whatever
# stopped cluster they find. Both are switched off for the time of the installation.
ac_cluster_conf=/etc/postgresql-common/createcluster.d/availability_cache_tests.conf
ac_service_policy=/usr/sbin/policy-rc.d
ac_quiet_packages()
{
	# The directory belongs to this package, which comes without a server.
	[[ -d /etc/postgresql-common ]] || ac_apt_install postgresql-common || return
	ac_root mkdir -p "${ac_cluster_conf%/*}"
	echo 'create_main_cluster = false' | ac_root tee "$ac_cluster_conf" >/dev/null || return
	[[ ! -e $ac_service_policy ]] || return 0
	made_policy=1
	printf '#!/bin/sh\nexit 101\n' | ac_root tee "$ac_service_policy" >/dev/null
	ac_root chmod 755 "$ac_service_policy"
}
ac_unquiet_packages()
{
	if [[ -e $ac_cluster_conf ]]; then
		ac_root rm -f "$ac_cluster_conf"
		ac_root rmdir --ignore-fail-on-non-empty "${ac_cluster_conf%/*}"
	fi
	[[ -z $made_policy ]] || ac_root rm -f "$ac_service_policy"
}

# ac_install MAJOR build|test|bench|"for WORD…" PACKAGE…: a subshell, so that its trap puts everything back.
ac_install()
(
	major=$1 need=$2
	shift 2
	ac_may_install "$*"
	say "installing $*"
	made_policy=
	apt_log=$(mktemp)
	trap 'ac_unquiet_packages; rm -f "$apt_log"' EXIT
	trap 'exit 130' INT TERM HUP
	if ac_quiet_packages && ac_apt_install "$@"; then
		exit 0
	fi
	# A package that cannot be configured may still have brought all we need.
	[[ -n $(ac_missing "$major" "$need") ]] || exit 0
	cat "$apt_log" >&2
	die "could not install $*"
)

ac_refresh_lists()
(
	ac_may_install "PostgreSQL"
	say "refreshing the list of packages"
	apt_log=$(mktemp)
	trap 'rm -f "$apt_log"' EXIT
	ac_apt update || cat "$apt_log" >&2
)

# ac_deps build|test|bench: makes sure all is there, and exports PG_CONFIG.
ac_deps()
{
	local need=$1 major missing
	if [[ $need == bench ]]; then
		ac_deps build
		missing=$(ac_missing_for_bench)
		# shellcheck disable=SC2086
		[[ -z $missing ]] || ac_install "$(ac_major)" bench $missing || say "going on without"
		return
	fi
	if [[ -n ${PG_CONFIG:-} ]] && ! command -v "$PG_CONFIG" >/dev/null; then
		die "PG_CONFIG=$PG_CONFIG: there is no such program"
	fi
	major=$(ac_major)
	# Debian's images come without a list of packages, so nothing is known of PostgreSQL yet.
	if [[ -z $major ]]; then
		ac_refresh_lists
		major=$(ac_major)
		[[ -n $major ]] || die "apt knows no package 'postgresql' (is a mirror reachable?); or set PG_CONFIG=/path/to/pg_config"
	fi
	missing=$(ac_missing "$major" "$need")
	# One package a line, none with a blank in its name.
	# shellcheck disable=SC2086
	[[ -z $missing ]] || ac_install "$major" "$need" $missing
	PG_CONFIG=$(PG_MAJOR=$major ac_find_pg_config)
	[[ -n $PG_CONFIG ]] || die "no pg_config of PostgreSQL $major, even after installing it"
	export PG_CONFIG
}

# ac_deps_for WORD…: what tests say that they need, and with node the packages of test/web; exports
# AC_NODE_MODULES then.
ac_deps_for()
{
	local major missing
	major=$(ac_major)
	missing=$(ac_missing "$major" "for $*")
	# shellcheck disable=SC2086
	[[ -z $missing ]] || ac_install "$major" "for $*" $missing
	[[ " $* " != *" node "* ]] || ac_node_modules
}

# The packages of test/web/package-lock.json, in a directory that git does not see; fetched again when the
# file differs.
ac_node_modules()
{
	local dir=$AC_ROOT/build-node log
	if ! cmp -s "$AC_ROOT/test/web/package-lock.json" "$dir/fetched.json"; then
		say "fetching the packages of test/web/package-lock.json"
		mkdir -p "$dir"
		cp "$AC_ROOT"/test/web/package{,-lock}.json "$dir/"
		log=$dir/npm.log
		npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 </dev/null || { cat "$log" >&2; die "npm could not fetch them"; }
		cp "$dir/package-lock.json" "$dir/fetched.json"
	fi
	export AC_NODE_MODULES=$dir/node_modules
}
