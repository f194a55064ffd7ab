/*
 * test_hooks.c
 *		Ways to break the protocol on purpose, and to hold it open at its narrow places; in
 *		the test-only build.
 */
#include "postgres.h"

#ifdef AC_TEST_HOOKS

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/test_hooks.h"

int ac_mutant = AC_MUTANT_NONE;
int ac_sleep_before_visible = 0;
int ac_sleep_before_end = 0;
int ac_sleep_before_snapshot = 0;
int ac_sleep_after_snapshot = 0;
int ac_sleep_after_compute = 0;
int ac_sleep_before_claim = 0;
int ac_sleep_in_copy = 0;
int ac_sleep_before_mark = 0;
int ac_sleep_in_take = 0;
int ac_sleep_in_naming = 0;
int ac_sleep_in_begin = 0;
int ac_sleep_in_guard = 0;
int ac_test_exact_cells = 0;
int ac_test_watched = 0;
int ac_test_databases = 0;
char *ac_test_now = NULL;
char *ac_test_at_pre_commit = NULL;
char *ac_test_environment = NULL;

static const struct config_enum_entry mutants[] =
	{{"none", AC_MUTANT_NONE, false},
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
	 {"old_start", AC_MUTANT_OLD_START, false},
	 {"no_distrust", AC_MUTANT_NO_DISTRUST, false},
	 {"no_word_check", AC_MUTANT_NO_WORD_CHECK, false},
	 {"no_definitions_check", AC_MUTANT_NO_DEFINITIONS_CHECK, false},
	 {"no_log_check", AC_MUTANT_NO_LOG_CHECK, false},
	 {"no_hold_check", AC_MUTANT_NO_HOLD_CHECK, false},
	 {"old_catalogs", AC_MUTANT_OLD_CATALOGS, false},
	 {"unlogged_kept", AC_MUTANT_UNLOGGED_KEPT, false},
	 {"no_memo_check", AC_MUTANT_NO_MEMO_CHECK, false},
	 {"no_long_tag", AC_MUTANT_NO_LONG_TAG, false},
	 {"no_shared_check", AC_MUTANT_NO_SHARED_CHECK, false},
	 {"own_service_only", AC_MUTANT_OWN_SERVICE_ONLY, false},
	 {"no_service_day", AC_MUTANT_NO_SERVICE_DAY, false},
	 {"no_week", AC_MUTANT_NO_WEEK, false},
	 {"no_zone", AC_MUTANT_NO_ZONE, false},
	 {"no_level", AC_MUTANT_NO_LEVEL, false},
	 {"clock_after_snapshot", AC_MUTANT_CLOCK_AFTER_SNAPSHOT, false},
	 {"messages_before_clock", AC_MUTANT_MESSAGES_BEFORE_CLOCK, false},
	 {"hit_ignores_pending", AC_MUTANT_HIT_IGNORES_PENDING, false},
	 {"end_before_visible", AC_MUTANT_END_BEFORE_VISIBLE, false},
	 {"torn_moment", AC_MUTANT_TORN_MOMENT, false},
	 {"named_by_tag", AC_MUTANT_NAMED_BY_TAG, false},
	 {"word_lowered", AC_MUTANT_WORD_LOWERED, false},
	 {"tag_first", AC_MUTANT_TAG_FIRST, false},
	 {"ref_first", AC_MUTANT_REF_FIRST, false},
	 {"no_messages", AC_MUTANT_NO_MESSAGES, false},
	 {"set_first", AC_MUTANT_SET_FIRST, false},
	 {"set_unchecked", AC_MUTANT_SET_UNCHECKED, false},
	 {"set_forgotten", AC_MUTANT_SET_FORGOTTEN, false},
	 {"confirmed_for_all", AC_MUTANT_CONFIRMED_FOR_ALL, false},
	 {"coarse_first", AC_MUTANT_COARSE_FIRST, false},
	 {"no_coarse", AC_MUTANT_NO_COARSE, false},
	 {"exact_first", AC_MUTANT_EXACT_FIRST, false},
	 {"xid_by_maker", AC_MUTANT_XID_BY_MAKER, false},
	 {"no_notes", AC_MUTANT_NO_NOTES, false},
	 {"mark_in_data", AC_MUTANT_MARK_IN_DATA, false},
	 {"index_columns", AC_MUTANT_INDEX_COLUMNS, false},
	 {"new_value_only", AC_MUTANT_NEW_VALUE_ONLY, false},
	 {"nested_tags", AC_MUTANT_NESTED_TAGS, false},
	 {"no_shadows", AC_MUTANT_NO_SHADOWS, false},
	 {"old_plans", AC_MUTANT_OLD_PLANS, false},
	 {"no_types", AC_MUTANT_NO_TYPES, false},
	 {"statement_xid", AC_MUTANT_STATEMENT_XID, false},
	 {"any_operator", AC_MUTANT_ANY_OPERATOR, false},
	 {"bytes_hashed", AC_MUTANT_BYTES_HASHED, false},
	 {"first_element", AC_MUTANT_FIRST_ELEMENT, false},
	 {"first_arm", AC_MUTANT_FIRST_ARM, false},
	 {"any_parameter", AC_MUTANT_ANY_PARAMETER, false},
	 {"any_initplan", AC_MUTANT_ANY_INITPLAN, false},
	 {"not_needed", AC_MUTANT_NOT_NEEDED, false},
	 {"never_ended", AC_MUTANT_NEVER_ENDED, false},
	 {"errors_unseen", AC_MUTANT_ERRORS_UNSEEN, false},
	 {"first_lookup", AC_MUTANT_FIRST_LOOKUP, false},
	 {"temporary_views", AC_MUTANT_TEMPORARY_VIEWS, false},
	 {"workers_unseen", AC_MUTANT_WORKERS_UNSEEN, false},
	 {"guard_no_lock", AC_MUTANT_GUARD_NO_LOCK, false},
	 {"guard_checks_first", AC_MUTANT_GUARD_CHECKS_FIRST, false},
	 {"guard_old_snapshot", AC_MUTANT_GUARD_OLD_SNAPSHOT, false},
	 {"guard_own_rows", AC_MUTANT_GUARD_OWN_ROWS, false},
	 {"guard_unsorted", AC_MUTANT_GUARD_UNSORTED, false},
	 {"guard_keeps_undone", AC_MUTANT_GUARD_KEEPS_UNDONE, false},
	 {"guard_no_wait", AC_MUTANT_GUARD_NO_WAIT, false},
	 {"guard_lends", AC_MUTANT_GUARD_LENDS, false},
	 {"guard_no_cap_lock", AC_MUTANT_GUARD_NO_CAP_LOCK, false},
	 {"guard_stylists_only", AC_MUTANT_GUARD_STYLISTS_ONLY, false},
	 {"no_taking", AC_MUTANT_NO_TAKING, false},
	 {"no_class", AC_MUTANT_NO_CLASS, false},
	 {"no_class_day", AC_MUTANT_NO_CLASS_DAY, false},
	 {"no_touch", AC_MUTANT_NO_TOUCH, false},
	 {"queries_only", AC_MUTANT_QUERIES_ONLY, false},
	 {NULL, 0, false}};

static const struct
{
	const char *name;
	int *variable;
} sleeps[] = {{"availability_cache.test_sleep_before_visible", &ac_sleep_before_visible},
			  {"availability_cache.test_sleep_before_end", &ac_sleep_before_end},
			  {"availability_cache.test_sleep_before_snapshot", &ac_sleep_before_snapshot},
			  {"availability_cache.test_sleep_after_snapshot", &ac_sleep_after_snapshot},
			  {"availability_cache.test_sleep_after_compute", &ac_sleep_after_compute},
			  {"availability_cache.test_sleep_before_claim", &ac_sleep_before_claim},
			  {"availability_cache.test_sleep_in_copy", &ac_sleep_in_copy},
			  {"availability_cache.test_sleep_before_mark", &ac_sleep_before_mark},
			  {"availability_cache.test_sleep_in_take", &ac_sleep_in_take},
			  {"availability_cache.test_sleep_in_naming", &ac_sleep_in_naming},
			  {"availability_cache.test_sleep_in_begin", &ac_sleep_in_begin},
			  {"availability_cache.test_sleep_in_guard", &ac_sleep_in_guard}};

/* As another extension may, that was loaded before ours. */
static void
run_at_pre_commit(XactEvent event, void *arg)
{
	if ((event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE) ||
		ac_test_at_pre_commit[0] == '\0')
		return;
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_execute(ac_test_at_pre_commit, false, 0);
	PopActiveSnapshot();
	SPI_finish();
}

void
test_hooks_define(void)
{
	RegisterXactCallback(run_at_pre_commit, NULL);

	DefineCustomEnumVariable("availability_cache.test_mutant", "Breaks the protocol.", NULL, &ac_mutant,
							 AC_MUTANT_NONE, mutants, PGC_USERSET, 0, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(sleeps); i++)
		DefineCustomIntVariable(sleeps[i].name, "Sleeps so many microseconds.", NULL, sleeps[i].variable, 0,
								0, 10000000, PGC_USERSET, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
	{
		DefineCustomIntVariable("availability_cache.test_exact_cells", "How many exact cells there are.",
								NULL, &ac_test_exact_cells, 0, 0, 1000000, PGC_POSTMASTER, 0, NULL, NULL,
								NULL);
		DefineCustomIntVariable("availability_cache.test_watched", "How many relations can be watched.", NULL,
								&ac_test_watched, 0, 0, 32768, PGC_POSTMASTER, 0, NULL, NULL, NULL);
		DefineCustomIntVariable("availability_cache.test_databases",
								"How many databases have a number of their own.", NULL, &ac_test_databases, 0,
								0, 255, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	}
	DefineCustomStringVariable("availability_cache.test_at_pre_commit", "SQL that runs at PRE_COMMIT.", NULL,
							   &ac_test_at_pre_commit, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.test_environment", "Versions of libraries.", NULL,
							   &ac_test_environment, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("availability_cache.test_now", "What the clock says.", NULL, &ac_test_now, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
}

#endif
