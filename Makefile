# availability_cache: PGXS makefile.
#
#   make && sudo make install              build for the pg_config in PATH
#   make help                              everything else

EXTENSION  = availability_cache
MODULE_big = availability_cache
PGFILEDESC = "availability_cache - exact, cached availability of appointment slots"

# "make -C build -f ../Makefile" builds out of tree: names are relative to this file.
here := $(patsubst ./%,%,$(dir $(firstword $(MAKEFILE_LIST))))
SRC  := $(wildcard $(here)src/*.c $(here)src/*/*.c)
HDR  := $(wildcard $(here)src/*/*.h)
OBJS := $(patsubst $(here)%.c,%.o,$(SRC))

# The extension's scripts are put together from one source file per concern; the update script begins with a
# part of its own. At a release they are committed (git add --force), PREVIOUS becomes that version, and
# from_$(PREVIOUS).sql starts anew; the version is said in the control file and META.json, and
# test/t/080_packaging.pl compares.
EXTVERSION   := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(here)$(EXTENSION).control)
PREVIOUS     := 1.0.0
SCRIPT_PARTS := begin library rpcs passed_over explain invalidation table_tier table_log rules_row rules guard compute rules_allowed sources source_columns mapping state source_view attach holds statistics memo figures health audit warm dashboard adopt comments privileges readers names range waiting end
UPDATE_PARTS := from_$(PREVIOUS) source_columns log_of_$(PREVIOUS) table_log log_by_$(PREVIOUS) library rules_row guard compute rules_allowed mapping state attach table_of_$(PREVIOUS) source_view attached_by_$(PREVIOUS) holds passed_over explain memo figures health audit warm dashboard adopt comments range waiting readers
SCRIPT       := sql/$(EXTENSION)--$(EXTVERSION).sql
UPDATE       := sql/$(EXTENSION)--$(PREVIOUS)--$(EXTVERSION).sql
DATA_built   := $(SCRIPT) $(UPDATE)
DATA         := $(filter-out $(DATA_built),$(patsubst $(here)%,%,$(wildcard $(here)sql/$(EXTENSION)--*.sql)))

PG_CPPFLAGS = -I$(here)src -DAC_VERSION='"$(EXTVERSION)"'
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -Wno-clobbered \
              -fvisibility=hidden

# Warnings are errors where nobody would read them.
ifneq ($(filter-out 0 no false,$(WERROR) $(CI)),)
PG_CFLAGS += -Werror
endif

# A build for the tests, which can break the protocol on purpose. Never install it.
ifneq ($(filter-out 0 no false,$(TEST_HOOKS)),)
PG_CPPFLAGS += -DAC_TEST_HOOKS
endif

# Bitcode would only let the JIT inline our functions, which gains nothing here, and needs clang.
# "make with_llvm=yes" builds it all the same.
ifneq ($(origin with_llvm),command line)
override with_llvm := no
endif

# "make installcheck" asks the installed server; "make test" builds one of its own, and runs more
# (test/README.md).
names = $(basename $(notdir $(wildcard $(here)test/$(1))))
REGRESS        = $(call names,sql/*.sql)
REGRESS_OPTS   = --inputdir=$(here)test
ISOLATION      = $(call names,specs/*.spec)
ISOLATION_OPTS = --inputdir=$(here)test --load-extension=$(EXTENSION)
TAP_TESTS      = 1
# Those that break the protocol on purpose need the other build, some other programs, and the benchmarks are no
# check.
PROVE_TESTS    = $(filter-out %/090_bench.pl,$(shell grep -L -e 'hooks => 1' -e AC_HOOKS_BIN -e '^. needs: ' $(here)test/t/*.pl))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

.DEFAULT_GOAL := all
.PHONY: help deps demo test bench installcheck-ready check-format FORCE

# "make demo" and "make test" must work before there is a pg_config: they install what is missing.
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
all install uninstall installdirs installcheck:
	@echo "No PostgreSQL development files: '$(PG_CONFIG) --pgxs' does not lead to pgxs.mk." >&2
	@echo "Install postgresql-server-dev-NN, or name one: make PG_CONFIG=/path/to/pg_config" >&2
	@exit 1
clean:
	rm -f $(OBJS) availability_cache.so .buildflags $(DATA_built)
endif

.DELETE_ON_ERROR:
$(SCRIPT): $(SCRIPT_PARTS:%=$(here)sql/src/%.sql)
$(UPDATE): $(UPDATE_PARTS:%=$(here)sql/src/%.sql)
# Out of tree always, since make would take those that lie in the tree for done.
$(DATA_built): $(here)Makefile $(if $(here),FORCE)
	@mkdir -p sql
	cat $(filter %.sql,$^) >$@

# Objects of two builds never mix: other flags, another server or another header rebuild them all.
BUILD_FLAGS := $(PGXS) $(VERSION) $(CC) $(CPPFLAGS) $(CFLAGS)
quoted_flags = '$(subst ','\'',$(BUILD_FLAGS))'
$(OBJS): .buildflags $(HDR) $(here)Makefile
.buildflags: FORCE
	@mkdir -p $(sort $(dir $(OBJS))); echo $(quoted_flags) | cmp -s - $@ || echo $(quoted_flags) >$@
FORCE:

installcheck: export PATH := $(bindir):$(PATH)
installcheck: export AC_BIN := $(bindir)
installcheck: export AC_TEST := $(abspath $(here)test)
installcheck: export AC_SALON := $(abspath $(here)test/salon.sql)
installcheck: installcheck-ready
installcheck-ready:
	@$(here)test/lib/installcheck-ready $(EXTVERSION)

clean: clean-buildflags
.PHONY: clean-buildflags
clean-buildflags:
	rm -f .buildflags

help:
	@echo "make                 build for the pg_config in PATH, or PG_CONFIG=/path/to/pg_config"
	@echo "make install         install what was built (DESTDIR= is honoured)"
	@echo "make installcheck    the tests that an installed server can run, against the one of PGHOST and PGPORT"
	@echo "make deps            installs through apt what demo and test need and this machine lacks;"
	@echo "                     they begin with it, unless DEPS=no: then they name it and end"
	@echo "make demo            the main job on a throwaway cluster"
	@echo "                     WEB=1: a booking page to open in a browser, until ^C; PORT=8000: where"
	@echo "make test            every test, on clusters of its own"
	@echo "                     SUITES='house unit model regress pgtap isolation tap': only these"
	@echo "                     SUITES='tap test/t/FILE.pl': only this file; V=1: every test's line"
	@echo "                     PG_MAJOR=17: another server; KEEP=1: leave the clusters and logs"
	@echo "make bench           measures against named baselines; begins as demo does"
	@echo "                     BENCH='hit miss': only these parts; QUICK=1: fewer and shorter; WRITE=1: into docs/benchmarks.md"
	@echo "make check-format    whether clang-format would change src/"
	@echo "make WERROR=1        warnings are errors"
	@echo "make TEST_HOOKS=1    a build for tests only, which can break the protocol"

deps:
	@$(here)test/lib/install-deps

demo:
	@WEB='$(WEB)' PORT='$(PORT)' $(here)test/demo

test:
	@$(here)test/run $(SUITES)

bench:
	@$(here)test/bench/run $(BENCH)

check-format:
	clang-format --dry-run -Werror $(SRC) $(HDR)
