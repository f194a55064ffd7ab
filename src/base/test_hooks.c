/*
 * test_hooks.c
 *		Ways to break the protocol on purpose, and to hold it open at its narrow places; in the test-only build.
 */
#include "postgres.h"

#ifdef AC_TEST_HOOKS

#include "utils/guc.h"

#include "base/test_hooks.h"

int ac_mutant = AC_MUTANT_NONE;
int ac_sleep_before_visible = 0;
int ac_sleep_after_compute = 0;
int ac_sleep_in_copy = 0;
char *ac_test_now = NULL;

static const struct config_enum_entry mutants[] = {{"none", AC_MUTANT_NONE, false},
												   {"no_pending", AC_MUTANT_NO_PENDING, false},
												   {"bump_only_at_commit", AC_MUTANT_BUMP_ONLY_AT_COMMIT, false},
												   {"capture_after_compute", AC_MUTANT_CAPTURE_AFTER_COMPUTE, false},
												   {"no_own_writes", AC_MUTANT_NO_OWN_WRITES, false},
												   {"no_xid_check", AC_MUTANT_NO_XID_CHECK, false},
												   {"no_expiry", AC_MUTANT_NO_EXPIRY, false},
												   {"no_trace", AC_MUTANT_NO_TRACE, false},
												   {"no_snapshot_check", AC_MUTANT_NO_SNAPSHOT_CHECK, false},
												   {"no_since_check", AC_MUTANT_NO_SINCE_CHECK, false},
												   {"one_step_start", AC_MUTANT_ONE_STEP_START, false},
												   {"no_distrust", AC_MUTANT_NO_DISTRUST, false},
												   {"no_word_check", AC_MUTANT_NO_WORD_CHECK, false},
												   {"no_memo_check", AC_MUTANT_NO_MEMO_CHECK, false},
												   {NULL, 0, false}};

void
test_hooks_define(void)
{
	DefineCustomEnumVariable("availability_cache.test_mutant", "Breaks the protocol.", NULL, &ac_mutant, AC_MUTANT_NONE,
							 mutants, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_before_visible", "Sleeps between PRE_COMMIT and COMMIT.",
							NULL, &ac_sleep_before_visible, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_after_compute", "Sleeps between computing and keeping.",
							NULL, &ac_sleep_after_compute, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("availability_cache.test_sleep_in_copy", "Sleeps while it copies an entry.", NULL,
							&ac_sleep_in_copy, 0, 0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.test_now", "What the clock says.", NULL, &ac_test_now, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
}

#endif
