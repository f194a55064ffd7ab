/*
 * Prepared transactions.  COMMIT PREPARED runs in any session and tells
 * extensions nothing.  So PREPARE leaves the pending cells in a place, with the
 * xid, and whoever sweeps the places ends the cells of each xid that is over.
 * One cell, one place, two transactions; each changes rows and a definition,
 * as in clock.pml.
 *
 * COMMIT PREPARED makes the transaction visible (its xid is no longer in
 * progress), then sends its messages, then releases its locks: now it is over.
 *
 * A place is free, claimed by who works on it, or a transaction's, by xid: one
 * atomic, so that a sweep claims it for the very xid that it looked at.
 *
 * Broken variants (spin -DNAME):
 *   SWEEP_WITHOUT_LOCK     ended before the messages are sent: the old definition is kept
 *   CLOCK_BEFORE_OVER      a sweep's clock may be older than a reader's snapshot: the old rows are kept
 *   END_WITHOUT_CLAIM      two sweeps end the same cells
 *   CLAIM_WHOEVER          the place has another xid since the sweep looked
 *   FORGET_AT_PREPARE      nothing is pending when it becomes visible
 *   MESSAGES_BEFORE_CLOCK  all of COMMIT PREPARED and a sweep fits between the two
 */
byte clock = 0;
byte version = 0, pending = 0;           /* the cell: one atomic word */
byte visible = 0, told = 0;              /* sets of xids: seen by snapshots, messages sent */
bool running[3], locked[3];              /* by xid */
#define FREE 0
#define CLAIMED 255
byte place = FREE;                       /* or an xid */
bool kept = false;
byte rows = 0, definition = 0, kept_clock = 0; /* the answer: which xids it knows */

#define MAX(a, b) ((a) > (b) -> (a) : (b))

inline tick()
{
	atomic { clock = clock + 1; v = clock }
}

inline end()
{
	atomic { assert(pending > 0); version = MAX(v, version); pending = pending - 1 }
}

inline claim(owner)
{
	atomic { good = (place == owner); place = (good -> CLAIMED : place) }
}

/* Ends what is in the place, if that is still the xid's. */
inline drop()
{
#ifdef END_WITHOUT_CLAIM
	good = (place == xid);
#else
#ifdef CLAIM_WHOEVER
	atomic { good = (place != FREE && place != CLAIMED); place = (good -> CLAIMED : place) };
#else
	claim(xid);
#endif
#endif
	if
	:: good ->
#ifndef CLOCK_BEFORE_OVER
		tick();
#endif
		end();
		place = FREE
	:: else
	fi
}

inline sweep()
{
#ifdef CLOCK_BEFORE_OVER
	tick();
#endif
	xid = place;
	good = (xid != FREE && xid != CLAIMED);
	if
	:: good -> good = !running[xid]
	:: else
	fi;
#ifndef SWEEP_WITHOUT_LOCK
	if
	:: good -> good = !locked[xid]
	:: else
	fi;
#endif
	if
	:: good -> drop()
	:: else
	fi
}

/* A place is free after a sweep, or the transaction fails. */
inline find_place()
{
	claim(FREE);
	if
	:: good
	:: else -> sweep(); claim(FREE)
	fi
}

proctype Transaction(byte me)
{
	byte v, xid;
	bool good;

	pending = pending + 1;                           /* PRE_PREPARE */
#ifdef FORGET_AT_PREPARE
	tick();
	end();
#else
	find_place();
	if
	:: good -> place = me
	:: else -> running[me] = false; locked[me] = false; tick(); end(); goto over
	fi;
#endif
	if
	:: running[me] = false; locked[me] = false; xid = me; drop() /* fails before it is prepared */
	:: atomic { visible = visible | me; running[me] = false }; told = told | me; locked[me] = false /* COMMIT PREPARED */
	:: running[me] = false; locked[me] = false       /* ROLLBACK PREPARED */
	fi;
over:
	skip
}

proctype Sweeper()
{
	byte v, xid;
	bool good;

	sweep()
}

proctype Reader()
{
	byte c, snapshot, known;
	bool quiet;

#ifdef MESSAGES_BEFORE_CLOCK
	known = told; c = clock; snapshot = visible;
#else
	c = clock; known = told; snapshot = visible;
#endif
	quiet = (pending == 0 && version <= c);
	if
	:: quiet -> atomic { kept = true; rows = snapshot; definition = known; kept_clock = c }
	:: else
	fi
}

proctype Hit()
{
	byte before, r, d, c;
	bool there, good;

	before = visible;
	atomic { there = kept; r = rows; d = definition; c = kept_clock };
	good = (pending == 0 && version <= c);
	/* What was visible when the call began is in the answer. */
	if
	:: there && good -> assert((before & ~r) == 0 && (before & ~d) == 0)
	:: else
	fi
}

init {
	byte v, xid;
	bool good;

	atomic {
		running[1] = true; locked[1] = true;
		running[2] = true; locked[2] = true;
		run Transaction(1); run Sweeper(); run Reader(); run Hit();
		if
		:: run Sweeper()
		:: run Transaction(2)
#ifdef LONG
		:: run Sweeper(); run Transaction(2)
#endif
		fi
	};
	_nr_pr == 1;                                     /* all have ended */
	sweep();
	assert(pending == 0 && place == FREE)
}
