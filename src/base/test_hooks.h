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
	AC_MUTANT_NO_DISTRUST,
	AC_MUTANT_NO_WORD_CHECK,
	/* of what a session remembers */
	AC_MUTANT_NO_MEMO_CHECK
} AcMutant;

extern int ac_mutant;
extern int ac_sleep_before_visible; /* microseconds between PRE_COMMIT and COMMIT */
extern int ac_sleep_after_compute;	/* microseconds between computing and keeping */
extern int ac_sleep_in_copy;		/* microseconds while an entry is copied */
extern char *ac_test_now;			/* what the clock says, or empty */
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
