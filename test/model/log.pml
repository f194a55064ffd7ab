/*
 * The table tier's log: why a row of the table is exact.  One tag, so a
 * writer's trace is its xid; plain MVCC, in which a snapshot is the set of
 * transactions that it sees.
 *
 * A row is trusted if its snapshot sees every transaction before the xid in
 * the table "since", every one up to the sequence "distrusted", and that of
 * each trace that the reader sees.  A writer leaves a trace if it finds
 * "since" filled when it has its xid; what it finds may be as old as the last
 * invalidation message.  Who leaves none empties the table, or, where somebody
 * else is at it, raises the sequence.  To begin again takes two transactions.
 * Cleaning moves "since" on, to any xid, and takes older traces away with it;
 * while "since" is empty, it takes all that it sees.
 *
 * Broken variants (spin -DNAME):
 *   NO_TRACE            nothing tells of a writer
 *   ONE_STEP_START      a writer looked before the log began, and commits after
 *   START_BEFORE_TOLD   a writer looked before the message, and has its xid after
 *   LOOK_BEFORE_XID     a writer looked before, and has an xid from after
 *   NO_SINCE_CHECK      a writer left no trace, and the log began again
 *   NO_DISTRUST         a writer could say nothing in the tables
 *   DISTRUST_AT_END     and says it elsewhere when it is visible already
 *   CLEAN_ONLY          traces go, and rows that need them are trusted
 *   CLEAN_LATER         "since" was empty when the cleaning looked, and is not when it takes traces
 */
#define NOT_YET 100
#define BIT(x) (1 << (x))

int committed = 1;                       /* xid 0 is from before */
byte next = 1;
int bookings = 0, traces = 0;            /* of which xids */
byte cleaned[10];                        /* the xid that took the trace away */
byte value[6], made[6], gone[6];         /* versions of the row of "since"; gone: 0, or the xid that deleted it */
byte nversions = 1;
byte distrusted = 0;
bool told = true;                        /* what sessions know of "since" without looking */
bool kept = false;
int row = 0;                             /* the snapshot of what is kept */
byte row_xid = 0;

inline begin(x) { atomic { x = next; next = next + 1 } }

/* The version that a snapshot sees; NOT_YET + 1 if none. */
inline since_of(s, found)
{
	found = NOT_YET + 1;
	n = 0;
	do
	:: n < nversions ->
		if
		:: (s & BIT(made[n])) && !(gone[n] != 0 && (s & BIT(gone[n]))) -> found = n
		:: else
		fi;
		n = n + 1
	:: else -> break
	od;
	n = 0
}

/* Ends the newest version; where somebody else is at it, done stays false. */
inline end_version(x, done)
{
	since_of(committed, v);
	if
	:: v <= NOT_YET && gone[v] == 0 -> gone[v] = x; done = true
	:: v > NOT_YET -> done = true
	:: else
	fi
}

inline add_version(x, xid_said)
{
	value[nversions] = xid_said;
	made[nversions] = x;
	nversions = nversions + 1
}

/* Whether "since" is filled, or was when the last message came. */
inline look(answer)
{
	atomic {
		since_of(committed, v);
		if
		:: answer = (v <= NOT_YET)
		:: answer = told
		fi;
		v = 0
	}
}

proctype Writer(bool without)
{
	byte x, v, n;
	bool leaves, done, late;

#ifdef LOOK_BEFORE_XID
	look(leaves);
#endif
	begin(x);
#ifndef LOOK_BEFORE_XID
	look(leaves);
#endif
	atomic {
		if
		:: leaves && without ->
			end_version(x, done);
			if
			:: done
#ifdef DISTRUST_AT_END
			:: !done -> late = true
#else
			:: !done -> distrusted = (x > distrusted -> x : distrusted)
#endif
			fi
#ifndef NO_TRACE
		:: leaves && !without -> traces = traces | BIT(x)
#endif
		:: else
		fi;
		v = 0; done = false; bookings = bookings | BIT(x)
	};
	if
	:: atomic {
		committed = committed | BIT(x);
		/* Who emptied the table tells of it after that. */
		since_of(committed, v);
		if
		:: v > NOT_YET -> told = false
		:: else
		fi;
		v = 0
	}
#ifdef LONG
	:: !late -> atomic {                             /* rolled back: as if it was never there */
		n = 0;
		do
		:: n < nversions -> if :: gone[n] == x -> gone[n] = 0 :: else fi; n = n + 1
		:: else -> break
		od;
		n = 0; traces = traces & ~BIT(x); bookings = bookings & ~BIT(x);
		committed = committed | BIT(x)
	}
#endif
	fi;
	if
	:: late -> distrusted = (x > distrusted -> x : distrusted)
	:: else
	fi
}

proctype Starter()
{
	byte x, y, v, n;

	do
	:: atomic {
		since_of(committed, v);
		if
		:: v > NOT_YET -> break
		:: else -> v = 0
		fi
	}
	:: v = 0; goto over
	od;
	v = 0;
	begin(x);
	atomic {
#ifdef ONE_STEP_START
		add_version(x, next);
#else
		add_version(x, NOT_YET);
#endif
		v = 0
	};
	committed = committed | BIT(x);
#ifndef ONE_STEP_START
#ifndef START_BEFORE_TOLD
	told = true;
#endif
	begin(y);
	atomic {
		since_of(committed, v);
		if
		:: v <= NOT_YET && value[v] == NOT_YET && gone[v] == 0 -> gone[v] = y; add_version(y, next)
		:: else
		fi;
		v = 0
	};
	committed = committed | BIT(y);
#endif
	told = true;
over:	skip
}

/* Whether it sees all before the xid. */
#define SEES_BEFORE(s, x) (((BIT(x) - 1) & ~(s)) == 0)

proctype Keeper()
{
	byte x;
	int s;

	s = committed;
	begin(x);
	atomic { kept = true; row = s; row_xid = x };
	committed = committed | BIT(x)
}

proctype Cleaner()
{
	byte x, v, n, needed;
	int s;

	s = committed;
	begin(x);
	atomic {
		needed = 0;
		do
		:: SEES_BEFORE(s, needed + 1) && needed < x -> needed = needed + 1
		:: else -> break
		od;
		if
		:: kept && (s & BIT(row_xid)) ->
			n = 0;
			do
			:: n < needed && (row & BIT(n)) -> n = n + 1
			:: else -> break
			od;
			needed = n; n = 0
		:: needed = x                   /* the log is too long, or the row was not looked at */
		:: else
		fi;
		since_of(s, v);
		if
		:: v > NOT_YET ->
#ifdef CLEAN_LATER
			s = committed;
#endif
			n = 0;
			do
			:: n < x -> if :: traces & s & BIT(n) -> cleaned[n] = x :: else fi; n = n + 1
			:: else -> break
			od;
			n = 0
		:: v <= NOT_YET && value[v] < needed && gone[v] == 0 ->
#ifndef CLEAN_ONLY
			gone[v] = x;
			add_version(x, needed);
#endif
			n = 0;
			do
			:: n < needed -> if :: traces & s & BIT(n) -> cleaned[n] = x :: else fi; n = n + 1
			:: else -> break
			od;
			n = 0
		:: else
		fi;
		v = 0
	};
	committed = committed | BIT(x)
}

#ifdef NO_SINCE_CHECK
#define SINCE_CHECK true
#else
#define SINCE_CHECK (value[v] != NOT_YET && SEES_BEFORE(row, value[v]))
#endif
#ifdef NO_DISTRUST
#define DISTRUST_CHECK true
#else
#define DISTRUST_CHECK SEES_BEFORE(row, distrusted + 1)
#endif

proctype Reader()
{
	byte v, n;
	int x, seen;

	x = committed;
	atomic {
		seen = 0;
		do
		:: n < next ->
			if
			:: (traces & x & BIT(n)) && !(cleaned[n] != 0 && (x & BIT(cleaned[n]))) -> seen = seen | BIT(n)
			:: else
			fi;
			n = n + 1
		:: else -> break
		od;
		n = 0;
		since_of(x, v);
		if
		:: kept && (x & BIT(row_xid)) && v <= NOT_YET && (seen & ~row) == 0 && SINCE_CHECK && DISTRUST_CHECK ->
			/* What the reader sees is in the row. */
			assert((bookings & x & ~row) == 0)
		:: else
		fi;
		v = 0
	}
}

init {
	atomic {
		run Writer(false); run Keeper(); run Reader();
#ifdef LONG
		run Writer(true); run Starter(); run Cleaner()
#else
		if
		:: run Writer(true); run Starter()
		:: run Writer(true); run Cleaner()
		:: made[0] = 9; told = false; run Starter(); run Cleaner()   /* as if it was emptied before */
		fi
#endif
	}
}
