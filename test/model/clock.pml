/*
 * The version clock: why an answer from memory is exact.  One cell, two
 * writers, a reader that keeps answers, one that takes them from memory.
 *
 * A writer changes rows and a definition.  A snapshot sees its rows as soon as
 * it is visible; its definition is known by a message, which it sends after that.
 *
 * Broken variants (spin -DNAME):
 *   CLOCK_AFTER_SNAPSHOT   a whole writer fits between the two
 *   MESSAGES_BEFORE_CLOCK  the same for the definition
 *   HIT_IGNORES_PENDING    a hit between a writer's visibility and its end misses it
 *   END_BEFORE_VISIBLE     a snapshot may be older than its clock says
 *   END_BEFORE_MESSAGES    so may a definition
 */
byte clock = 0;
byte version = 0, pending = 0;           /* the cell: one atomic word */
byte visible = 0, told = 0;              /* sets of writers: seen by snapshots, messages sent */
bool kept = false;
byte rows = 0, definition = 0, kept_clock = 0; /* the answer: which writers it knows */

#define MAX(a, b) ((a) > (b) -> (a) : (b))

inline end()
{
	atomic { clock = clock + 1; v = clock };
	atomic { version = MAX(v, version); pending = pending - 1 }
}

proctype Writer(byte me)
{
	byte v;

	pending = pending + 1;                           /* PRE_COMMIT */
#ifdef END_BEFORE_VISIBLE
	end();
#endif
	if
	:: skip                                          /* commits */
	:: me = 0                                        /* is rolled back */
	fi;
	visible = visible | me;
#ifdef END_BEFORE_MESSAGES
	end();
#endif
	told = told | me;
#if !defined(END_BEFORE_VISIBLE) && !defined(END_BEFORE_MESSAGES)
	end();                                           /* over */
#endif
}

proctype Reader()
{
	byte c, snapshot, known, i;

	for (i : 1 .. 2) {
#if defined(CLOCK_AFTER_SNAPSHOT)
		snapshot = visible; c = clock; known = told;
#elif defined(MESSAGES_BEFORE_CLOCK)
		known = told; c = clock; snapshot = visible;
#else
		c = clock; known = told; snapshot = visible;
#endif
		atomic { kept = true; rows = snapshot; definition = known; kept_clock = c }
	}
}

proctype Hit()
{
	byte before, r, d, c, i;
	bool there, good;

	for (i : 1 .. 2) {
		before = visible;
		atomic { there = kept; r = rows; d = definition; c = kept_clock };
#ifdef HIT_IGNORES_PENDING
		good = (version <= c);
#else
		good = (pending == 0 && version <= c);
#endif
		/* What was visible when the call began is in the answer. */
		if
		:: there && good -> assert((before & ~r) == 0 && (before & ~d) == 0)
		:: else
		fi
	}
}

init { atomic { run Writer(1); run Writer(2); run Reader(); run Hit() } }
