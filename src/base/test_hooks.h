/*
 * test_hooks.h
 *		Ways to break the protocol on purpose, and to hold it open at its narrow places.
 *
 * Nothing of it is in a build without TEST_HOOKS=1.
 */
#ifndef AC_BASE_TEST_HOOKS_H
#define AC_BASE_TEST_HOOKS_H

#ifdef AC_TEST_HOOKS
/* What can be broken, to show that the tests notice. */
typedef enum AcMutant
{
	AC_MUTANT_NONE,
	AC_MUTANT_NO_PENDING,
	AC_MUTANT_BUMP_ONLY_AT_COMMIT,
	AC_MUTANT_CAPTURE_AFTER_COMPUTE,
	AC_MUTANT_NO_OWN_WRITES,
	AC_MUTANT_NO_XID_CHECK,
	AC_MUTANT_NO_EXPIRY,
	/* of the table tier */
	AC_MUTANT_NO_TRACE,
	AC_MUTANT_NO_SNAPSHOT_CHECK,
	AC_MUTANT_NO_SINCE_CHECK,
	AC_MUTANT_ONE_STEP_START,
	AC_MUTANT_OLD_START,
	AC_MUTANT_NO_DISTRUST,
	AC_MUTANT_NO_WORD_CHECK,
	AC_MUTANT_NO_DEFINITIONS_CHECK,
	AC_MUTANT_NO_LOG_CHECK,
	AC_MUTANT_NO_HOLD_CHECK,
	AC_MUTANT_OLD_CATALOGS,
	AC_MUTANT_UNLOGGED_KEPT,
	/* of what a session remembers */
	AC_MUTANT_NO_MEMO_CHECK,
	AC_MUTANT_NO_LONG_TAG,
	AC_MUTANT_NO_SHARED_CHECK,
	/* of services' caps */
	AC_MUTANT_NO_SERVICE_DAY,
	AC_MUTANT_NO_WEEK,
	/* of services' buffers */
	AC_MUTANT_OWN_SERVICE_ONLY,
	AC_MUTANT_NO_LEVEL,
	/* of resources */
	AC_MUTANT_NO_TAKING,
	/* of classes */
	AC_MUTANT_NO_CLASS,
	AC_MUTANT_NO_CLASS_DAY,
	/* of where stylists are */
	AC_MUTANT_NO_ZONE,
	/* of the version clock */
	AC_MUTANT_CLOCK_AFTER_SNAPSHOT,
	AC_MUTANT_MESSAGES_BEFORE_CLOCK,
	AC_MUTANT_HIT_IGNORES_PENDING,
	AC_MUTANT_END_BEFORE_VISIBLE,
	AC_MUTANT_TORN_MOMENT,
	/* of exact cells */
	AC_MUTANT_NAMED_BY_TAG,
	AC_MUTANT_WORD_LOWERED,
	AC_MUTANT_TAG_FIRST,
	AC_MUTANT_REF_FIRST,
	AC_MUTANT_COARSE_FIRST,
	AC_MUTANT_NO_COARSE,
	AC_MUTANT_EXACT_FIRST,
	AC_MUTANT_XID_BY_MAKER,
	/* of definitions */
	AC_MUTANT_NO_MESSAGES,
	AC_MUTANT_SET_FIRST,
	AC_MUTANT_SET_UNCHECKED,
	AC_MUTANT_SET_FORGOTTEN,
	AC_MUTANT_CONFIRMED_FOR_ALL,
	/* of a transaction's own writes */
	AC_MUTANT_NO_NOTES,
	/* of the store */
	AC_MUTANT_MARK_IN_DATA,
	/* of what answers of functions depend on */
	AC_MUTANT_INDEX_COLUMNS,
	AC_MUTANT_NEW_VALUE_ONLY,
	AC_MUTANT_NESTED_TAGS,
	AC_MUTANT_NO_SHADOWS,
	AC_MUTANT_OLD_PLANS,
	AC_MUTANT_NO_TYPES,
	AC_MUTANT_STATEMENT_XID,
	AC_MUTANT_ANY_OPERATOR,
	AC_MUTANT_BYTES_HASHED,
	AC_MUTANT_FIRST_ELEMENT,
	AC_MUTANT_FIRST_ARM,
	AC_MUTANT_ANY_PARAMETER,
	AC_MUTANT_ANY_INITPLAN,
	AC_MUTANT_NOT_NEEDED,
	AC_MUTANT_NEVER_ENDED,
	AC_MUTANT_ERRORS_UNSEEN,
	AC_MUTANT_FIRST_LOOKUP,
	AC_MUTANT_TEMPORARY_VIEWS,
	AC_MUTANT_WORKERS_UNSEEN,
	/* of the guard */
	AC_MUTANT_GUARD_NO_LOCK,
	AC_MUTANT_GUARD_CHECKS_FIRST,
	AC_MUTANT_GUARD_OLD_SNAPSHOT,
	AC_MUTANT_GUARD_OWN_ROWS,
	AC_MUTANT_GUARD_UNSORTED,
	AC_MUTANT_GUARD_KEEPS_UNDONE,
	AC_MUTANT_GUARD_NO_WAIT,
	AC_MUTANT_GUARD_LENDS,
	AC_MUTANT_GUARD_NO_CAP_LOCK,
	AC_MUTANT_GUARD_STYLISTS_ONLY,
	/* what answers depend on does not matter: to plant one that is outdated */
	AC_MUTANT_NO_TOUCH,
	/* nothing is broken: the attached tables are read by queries alone */
	AC_MUTANT_QUERIES_ONLY
} AcMutant;

extern int ac_mutant;
/* Microseconds: */
extern int ac_sleep_before_visible;	 /* between PRE_COMMIT and COMMIT */
extern int ac_sleep_before_end;		 /* when a transaction is visible, and has not ended its changes */
extern int ac_sleep_before_snapshot; /* after messages are accepted */
extern int ac_sleep_after_snapshot;
extern int ac_sleep_after_compute; /* between computing and keeping */
extern int ac_sleep_before_claim;  /* when a session has seen which step the table tier begins with */
extern int ac_sleep_in_copy;	   /* while an entry is copied */
extern int ac_sleep_before_mark;   /* when a hit has its copy, before it marks the entry */
extern int ac_sleep_in_take;	   /* before an exact cell that is taken has another generation */
extern int ac_sleep_in_naming;	   /* when a keeper has an exact cell, before it looks at the coarse one */
extern int ac_sleep_in_begin;	   /* between a writer's look at one of a tag's cells and the other */
extern int ac_sleep_in_guard;	   /* when the guard has one of the locks that it takes */
extern int ac_test_exact_cells;	   /* at most; 0: what the memory has */
extern int ac_test_watched;		   /* size of the set of relations that definitions rest on; 0: as it is */
extern int ac_test_databases; /* that have a number of their own, at most; 0: as many as there are numbers */
extern char *ac_test_now;	  /* what the clock says, or empty */
extern char *ac_test_environment;	/* said to be part of libraries' versions (base/environment.c) */
extern char *ac_test_at_pre_commit; /* SQL that runs at PRE_COMMIT and PRE_PREPARE, after our own callback */
#define AC_MUTATED(m) (unlikely(ac_mutant == (m)))
#define AC_TEST_SLEEP(us)  \
	do                     \
	{                      \
		if ((us) > 0)      \
			pg_usleep(us); \
	} while (0)

/* Defines the settings availability_cache.test_*. */
extern void test_hooks_define(void);
#else
#define AC_MUTATED(m) false
#define AC_TEST_SLEEP(us) ((void) 0)
#define test_hooks_define() ((void) 0)
#endif

#endif /* AC_BASE_TEST_HOOKS_H */
