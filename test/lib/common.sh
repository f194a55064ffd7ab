# shellcheck shell=bash
# Shared by test/run, test/demo and .ci/run; sourced after set -euo pipefail.
#
# Everything that builds or runs a server works on a copy of the sources in a directory of its own
# under /tmp, as a user PostgreSQL accepts. That directory is all there is to clean up.

AC_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }
die()
{
	printf '%s\n' "${0##*/}: $*" >&2
	exit 1
}

# Seconds since the given value of EPOCHREALTIME, with one decimal.
seconds_since()
{
	local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
	printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Which pg_config: PG_CONFIG, else that of PG_MAJOR, else the one in PATH, else Debian's newest.
# Prints nothing if there is none.
ac_find_pg_config()
{
	local p
	if [[ -n ${PG_CONFIG:-} ]]; then
		command -v "$PG_CONFIG" || true
	elif [[ -n ${PG_MAJOR:-} ]]; then
		p=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
		if [[ -x $p ]]; then
			echo "$p"
		elif p=$(command -v pg_config) && [[ $("$p" --version) == "PostgreSQL $PG_MAJOR"[!0-9]* ]]; then
			echo "$p"
		fi
	elif p=$(command -v pg_config) && [[ -f $("$p" --pgxs) ]]; then
		# Debian's wrapper in /usr/bin answers for libpq alone unless a server's headers are there.
		echo "$p"
	else
		p=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
		[[ ! -x ${p%/*}/pg_config ]] || echo "${p%/*}/pg_config"
	fi
}

# Ends every server whose data directory lies below $1, also those a failed test left behind.
ac_stop_servers_below()
{
	local pidfile pid
	[[ -d $1 ]] || return 0
	while IFS= read -r pidfile; do
		[[ -f $pidfile ]] || continue
		pid=$(head -n 1 "$pidfile")
		[[ $pid =~ ^[0-9]+$ ]] || continue
		# The number may have gone to somebody else since: a server of ours runs in our directory.
		[[ ! -e /proc/self || $(readlink "/proc/$pid/cwd") == "$1"/* ]] || continue
		kill -QUIT "$pid" 2>/dev/null || continue
		for _ in {1..100}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null || true
	done <<<"$(find "$1" -name postmaster.pid 2>/dev/null)"
}

ac_remove_stage()
{
	[[ -n ${AC_STAGE:-} && -d $AC_STAGE ]] || return 0
	ac_stop_servers_below "$AC_STAGE"
	if [[ -n ${KEEP:-} ]]; then
		say "kept: $AC_STAGE"
	else
		rm -rf "$AC_STAGE"
	fi
}

# The sources without what is built from them or belongs to git.
ac_copy_sources()
{
	mkdir -p "$1"
	tar -C "$AC_ROOT" --exclude=./.git --exclude='./build-*' --exclude='*.o' --exclude='*.so' \
		--exclude=./.buildflags -cf - . | tar -C "$1" --no-same-owner -xf -
	# Above whatever imports them: the repository's own directory may not be readable for those who run the
	# servers.
	[[ -z ${AC_NODE_MODULES:-} ]] || cp -R "$AC_NODE_MODULES" "$1/node_modules"
}

# Who runs the servers when we are root, which PostgreSQL refuses to be.
ac_server_user()
{
	local u
	for u in postgres nobody; do
		if id "$u" >/dev/null 2>&1; then
			echo "$u"
			return
		fi
	done
	die "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as"
}

# ac_staged SCRIPT [ARGS]: runs SCRIPT (a path in the sources) on a copy, as an ordinary user, with
# AC_STAGE naming the directory, which is removed afterwards whatever happens. Returns its status.
ac_staged()
{
	local script=$1 pid status=0 as=()
	shift
	# Not TMPDIR if it is long: a socket's path may have 107 bytes.
	[[ -n ${TMPDIR:-} && ${#TMPDIR} -lt 40 ]] || TMPDIR=/tmp
	AC_STAGE=$(mktemp -d "$TMPDIR/ac.XXXXXX") || die "cannot make a directory in $TMPDIR"
	trap ac_remove_stage EXIT
	ac_copy_sources "$AC_STAGE/src" || die "cannot copy the sources to $AC_STAGE"
	mkdir "$AC_STAGE/home" "$AC_STAGE/tmp"
	if ((EUID == 0)); then
		local user
		user=$(ac_server_user)
		chown -R "$user:" "$AC_STAGE"
		as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
	fi

	# The child gets a process group of its own, so that a signal to us ends all of it, and is waited
	# for in the background, so that the signal is acted on at once.
	set -m
	(
		cd "$AC_STAGE" || exit
		ac_clean_environment
		export AC_STAGE HOME=$AC_STAGE/home TMPDIR=$AC_STAGE/tmp
		exec "${as[@]}" bash "$AC_STAGE/src/$script" "$@"
	) </dev/null &
	pid=$!
	set +m
	trap 'kill -TERM -- "-$pid" 2>/dev/null' INT TERM HUP
	wait "$pid" || status=$?
	# A signal ends wait early: wait for the child's own end.
	while kill -0 "$pid" 2>/dev/null; do
		wait "$pid" || status=$?
	done
	# What a signal left of the group needs a moment: a server under initdb frees its shared memory.
	for _ in {1..30}; do
		kill -0 -- "-$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$pid" 2>/dev/null || true
	trap - INT TERM HUP
	return "$status"
}

# Nothing of the caller's session may change what the tests see.
ac_clean_environment()
{
	local v
	for v in ${!PG*}; do
		case $v in
			PG_CONFIG | PG_MAJOR | PG_TEST_*) ;;
			*) unset "$v" ;;
		esac
	done
	unset LC_ALL LANGUAGE MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES TZ CDPATH BASH_ENV PERL5LIB
	export LANG=C.UTF-8
	umask 022
}
