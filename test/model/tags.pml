/*
 * Exact cells over coarse ones: a change outdates what depends on it and
 * nothing else, though nobody knows beforehand what an answer will depend on.
 * One tag; reuse.pml has more.
 *
 * A tag's coarse cell is always there, shared with other tags.  Its exact
 * cell is there once an answer that depends on the tag was kept.  A hit looks
 * at the exact cell only, so other tags of the coarse cell do not outdate it.
 *
 * Who makes the exact cell before the writer looks for it is seen by it; who
 * makes it after sees the coarse cell pending, or its version past the clock.
 * Each writes one cell and then reads the other.  A model's steps are in one
 * order for all; in the code that takes a full barrier in between.
 *
 * Broken variants (spin -DNAME):
 *   WRITER_LOOKS_FIRST  a keeper makes the cell after the look, and finds the coarse one not yet pending
 *   KEEPER_LOOKS_FIRST  a whole writer fits between the look at the coarse cell and the exact cell
 *   NO_COARSE           nothing tells of a writer that looked before the exact cell was there
 *   PENDING_IS_ENOUGH   nor of one that is over
 */
byte clock = 0;
byte coarse_version = 0, coarse_pending = 0;
bool exact_there = false;
byte exact_version = 0, exact_pending = 0;
byte visible = 0;                        /* set of writers */
bool kept = false;
byte answer = 0, answer_clock = 0;       /* which writers it knows */

#ifdef LONG
#define KEEPS 2
#define HITS 2
#else
#define KEEPS 1
#define HITS 1
#endif

#define MAX(a, b) ((a) > (b) -> (a) : (b))

inline look()
{
	found = exact_there;
	if
	:: found -> exact_pending = exact_pending + 1
	:: else
	fi
}

proctype Writer(byte me)
{
	byte v;
	bool found;

#ifdef WRITER_LOOKS_FIRST
	look();
#endif
	coarse_pending = coarse_pending + 1;             /* PRE_COMMIT */
#ifndef WRITER_LOOKS_FIRST
	look();
#endif
	if
	:: visible = visible | me                        /* committed */
	:: skip                                          /* rolled back */
	fi;
	atomic { clock = clock + 1; v = clock };         /* over */
	atomic { coarse_version = MAX(v, coarse_version); coarse_pending = coarse_pending - 1 };
	if
	:: found -> atomic { exact_version = MAX(v, exact_version); exact_pending = exact_pending - 1 }
	:: else
	fi
}

proctype Keeper()
{
	byte c, snapshot, i;
	bool quiet;

	for (i : 1 .. KEEPS) {
		c = clock;
		snapshot = visible;
#ifndef KEEPER_LOOKS_FIRST
		exact_there = true;
#endif
#if defined(NO_COARSE)
		quiet = true;
#elif defined(PENDING_IS_ENOUGH)
		quiet = (coarse_pending == 0);
#else
		quiet = (coarse_pending == 0 && coarse_version <= c);
#endif
#ifdef KEEPER_LOOKS_FIRST
		exact_there = true;
#endif
		if
		:: quiet -> atomic { kept = true; answer = snapshot; answer_clock = c }
		:: else
		fi
	}
}

proctype Hit()
{
	byte before, a, c, i;
	bool there, good;

	for (i : 1 .. HITS) {
		before = visible;
		atomic { there = kept; a = answer; c = answer_clock };
		good = (exact_pending == 0 && exact_version <= c);
		/* What was visible when the call began is in the answer. */
		if
		:: there && good -> assert((before & ~a) == 0)
		:: else
		fi
	}
}

init { atomic { run Writer(1); run Writer(2); run Keeper(); run Keeper(); run Hit() } }
