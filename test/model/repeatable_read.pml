/*
 * REPEATABLE READ over exact cells (reuse.pml): an answer is a hit only if the
 * last_xid of each of its cells precedes the snapshot's xmin.
 *
 * Who takes a cell does not know who changed its tag before.  The coarse cell
 * knows the newest of them, so every keeper raises the exact cell's last_xid to
 * the coarse one's, after its snapshot and before it keeps the answer.
 *
 * Broken variants (spin -DNAME):
 *   NO_RAISE             a change from before the cell was there is not known of
 *   TAKER_RAISES_BEFORE  only who takes the cell raises it, before it has the tag: a writer between the two finds no cell
 *   TAKER_RAISES_AFTER   once it can be found: another keeper finds it first
 *   RAISE_AFTER_KEEPING  a hit finds the answer first
 *   XID_LOWERED          by who takes the cell: a hit may have looked at the generation just before
 * Harmless:
 *   TAKER_RAISES_WITHIN  only who takes the cell raises it, once it has the tag and before it can be found
 */
byte clock = 0;
byte coarse_version = 0, coarse_pending = 0, coarse_xid = 0;
byte tag = 0, generation = 0, version = 0, pending = 0, xid = 0; /* the exact cell */
bool locked = false;
bool visible = false;
bool kept = false, answer = false;
byte answer_clock = 0, answer_generation = 0;

#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* Changes tag 1; its xid is 1. */
proctype Writer()
{
	byte v;
	bool found;

	coarse_xid = MAX(coarse_xid, 1);
	coarse_pending = coarse_pending + 1;
	found = (tag == 1);
	if
	:: found -> xid = MAX(xid, 1); pending = pending + 1
	:: else
	fi;
	visible = true;
	atomic { clock = clock + 1; v = clock };
	atomic { coarse_version = MAX(v, coarse_version); coarse_pending = coarse_pending - 1 };
	if
	:: found -> atomic { version = MAX(v, version); pending = pending - 1 }
	:: else
	fi
}

inline raise()
{
	newest = coarse_xid;
	xid = MAX(xid, newest)
}

inline find()
{
	g = generation;
	found = (g % 2 == 0 && tag == mine);
	found = (found && generation == g)
}

inline take()
{
	atomic { !locked -> locked = true };
	atomic { found = (tag == mine); g = generation };
	if
	:: !found && pending == 0 ->
		found = true;
		took = true;
		generation = generation + 1;
#ifdef XID_LOWERED
		xid = 0;
#endif
#ifdef TAKER_RAISES_BEFORE
		raise();
#endif
		tag = mine;
#ifdef TAKER_RAISES_WITHIN
		raise();
#endif
		generation = generation + 1;
		g = generation
	:: else
	fi;
	locked = false
}

proctype Keeper(byte mine)
{
	byte c, g, newest;
	bool snapshot, found, took, quiet;

	c = clock;
	snapshot = visible;
	find();
	if
	:: !found -> take()
	:: else
	fi;
#if defined(TAKER_RAISES_AFTER)
	if
	:: took -> raise()
	:: else
	fi;
#elif !defined(NO_RAISE) && !defined(TAKER_RAISES_BEFORE) && !defined(TAKER_RAISES_WITHIN) && !defined(RAISE_AFTER_KEEPING)
	raise();
#endif
	quiet = (coarse_pending == 0 && coarse_version <= c);
	if
	:: mine == 1 && found && quiet ->
		atomic { kept = true; answer = snapshot; answer_clock = c; answer_generation = g }
	:: else
	fi;
#ifdef RAISE_AFTER_KEEPING
	raise();
#endif
}

proctype RepeatableRead()
{
	bool snapshot, a, there, good;
	byte c, g, xmin;

	atomic { snapshot = visible; xmin = (visible -> 2 : 1) };
	atomic { there = kept; a = answer; c = answer_clock; g = answer_generation };
	good = (generation == g);
	good = (good && pending == 0 && version <= c);
	good = (good && xid < xmin);
	if
	:: there && good -> assert(a == snapshot)
	:: else
	fi
}

init {
	atomic {
		run Writer(); run Keeper(1); run RepeatableRead();
		if
		:: run Keeper(1)
		:: run Keeper(2)
#ifdef LONG
		:: run Keeper(1); run Keeper(2)
#endif
		fi
	}
}
