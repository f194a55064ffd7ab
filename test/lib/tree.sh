# shellcheck shell=bash
# A private PostgreSQL tree with the extension in it, and throwaway clusters that run from it.
# Sourced after common.sh; needs PG_CONFIG.
#
#   ac_tree_build DIR [hooks]      builds the sources and installs them into a tree at DIR
#   ac_tree_bin DIR                prints the tree's directory of programs
#   ac_use_tree DIR                puts those programs first in PATH
#   ac_cluster_start DIR [LINE…]   a cluster in DIR with LINEs in its postgresql.conf, from the tree
#                                  in use; sets PGHOST, PGPORT, PGUSER, PGDATABASE for it
#   ac_cluster_stop DIR            ends and removes it
#
# Nothing goes into the system's directories. PostgreSQL finds its files relative to the program
# that runs, so programs that lie at DIR/usr/lib/postgresql/15/bin use DIR/usr/share/postgresql/15.
# Programs must be real files for that (links are followed first); everything else may be links.

# ac_link_all FROM TO: a directory of links to what is in another, but for our own files.
ac_link_all()
{
	mkdir -p "$2"
	find "$1" -mindepth 1 -maxdepth 1 ! -name 'availability_cache*' -exec ln -s -t "$2" {} +
}

ac_tree_make()
{
	local tree=$1 bin lib share
	bin=$("$PG_CONFIG" --bindir) lib=$("$PG_CONFIG" --pkglibdir) share=$("$PG_CONFIG" --sharedir)
	ac_link_all "$lib" "$tree$lib"
	ac_link_all "$share" "$tree$share"
	rm "$tree$share/extension"
	ac_link_all "$share/extension" "$tree$share/extension"
	mkdir -p "$tree$bin"
	cp -a --no-preserve=ownership "$bin/." "$tree$bin/"
	# The tree must really answer for itself.
	[[ $("$tree$bin/pg_config" --sharedir) -ef $tree$share ]] ||
		die "the copy of $bin does not find its files below $tree"
	[[ -z ${VALGRIND:-} ]] || ac_tree_valgrind "$tree$bin/postgres" "$share/valgrind.supp"
}

# ac_tree_valgrind POSTGRES SUPPRESSIONS: that program runs under valgrind from now on, which writes to
# $AC_STAGE/valgrind.PID. Where an uninitialised value came from VALGRIND_OPTS=--track-origins=yes says, which
# takes twice as long.
ac_tree_valgrind()
{
	mv "$1" "$1.checked"
	# Not the servers of initdb, which take long.
	cat >"$1" <<EOF
#!/bin/sh
case " \$* " in *' --boot '* | *' --single '* | *' --check '* | *' -V '* | *' -C '*) exec "\$0.checked" "\$@" ;; esac
exec valgrind --quiet --leak-check=no --num-callers=20 --suppressions="$2" --log-file="$AC_STAGE/valgrind.%p" "\$0.checked" "\$@"
EOF
	chmod 755 "$1"
	export PGCTLTIMEOUT=600
}

# Built out of tree, so that two variants in one copy of the sources do not mix.
ac_tree_build()
{
	local tree=$1 variant=${2:-normal} build log
	build=$AC_ROOT/build-$variant log=$AC_ROOT/build-$variant.log
	ac_tree_make "$tree"
	mkdir -p "$build"
	# VPATH is said because pgxs finds it out only on servers that were built out of tree themselves.
	if ! make -C "$build" -f ../Makefile VPATH=.. -j "$(nproc)" PG_CONFIG="$PG_CONFIG" WERROR="${WERROR:-}" \
		TEST_HOOKS="$([[ $variant != hooks ]] || echo 1)" DESTDIR="$tree" install >"$log" 2>&1; then
		cat "$log"
		say "the $variant build failed"
		return 1
	fi
}

ac_tree_bin() { printf '%s\n' "$1$("$PG_CONFIG" --bindir)"; }

ac_use_tree()
{
	AC_BIN=$(ac_tree_bin "$1")
	export AC_BIN PATH="$AC_BIN:$PATH"
}

ac_cluster_start()
{
	local dir=$1
	shift
	mkdir -p "$dir"
	# In sessions of their own, where a ^C does not reach them: killed half-way they would leave shared
	# memory behind. They take a second.
	setsid --wait "$AC_BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log"; return 1; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$dir'"
		echo "shared_preload_libraries = 'availability_cache'"
		echo "fsync = off"
		echo "timezone = 'UTC'"
		echo "log_timezone = 'UTC'"
		((${#@} == 0)) || printf '%s\n' "$@"
	} >>"$dir/data/postgresql.conf"
	if ! setsid --wait "$AC_BIN/pg_ctl" -D "$dir/data" -l "$dir/log" -w start >"$dir/start.log" 2>&1; then
		cat "$dir/start.log" "$dir/log"
		return 1
	fi
	export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

ac_cluster_stop()
{
	"$AC_BIN/pg_ctl" -D "$1/data" -m fast -w stop >/dev/null 2>&1 || ac_stop_servers_below "$1"
	unset PGHOST PGPORT PGUSER PGDATABASE
	[[ -n ${KEEP:-} ]] || rm -rf "$1"
}
