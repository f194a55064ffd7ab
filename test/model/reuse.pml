/*
 * Exact cells that are taken for other tags; tags.pml says what they are for.
 * Two tags, which share a coarse cell, one or two exact ones, and one or two
 * places for references to these.
 *
 * Who takes a cell holds a lock, so that no tag has two cells.  The generation
 * is odd while reference and tag change.  An answer names its cells by number and
 * generation; while that is the cell's generation, the tag is the answer's.  So a
 * writer that looks for the cell after the answer was kept finds it, and a
 * hit sees the writer in the word, which is never lowered.  A writer may mark
 * a cell that has become another tag's, or that is being taken: that costs a
 * computation.
 *
 * Broken variants (spin -DNAME):
 *   NAMED_BY_TAG            an answer comes to life again when its cell goes to another tag and back
 *   WORD_LOWERED_FIRST      an answer of the old generation becomes good
 *   WORD_LOWERED_LATER      also where a hit has looked at the generation just before
 *   TAG_FIRST               a writer does not find the cell, and its generation still is the answer's
 *   REF_FIRST               nor does it, if the old tag's reference goes first
 *   FIND_ODD                named by a generation under which the tag changes
 *   FIND_TAG_FIRST          named by a generation of another tag
 *   TAKE_WITHOUT_LOOK       two keepers make two cells of a tag, a writer marks one
 * Harmless:
 *   FIND_GENERATION_ONCE    an answer may be kept with a generation that is over; it is never a hit
 *   WORD_BEFORE_GENERATION  the generation never comes back
 *   TAKE_PENDING            whoever marked the cell ends it
 *   REF_LATER               nobody finds the cell before, and who takes it keeps nothing yet
 *   OLD_REF_STAYS           the cell it leads to has another tag
 */
byte clock = 0;
byte coarse_version = 0, coarse_pending = 0;
byte cells;                              /* how many exact ones there are */
#define NONE 2
byte tag[2], generation[2], version[2], pending[2];
byte places;                             /* for references, of either tag */
byte ref_tag[2], ref_cell[2];            /* tag 0: none */
bool locked = false;
byte visible[3];                         /* how many changes of each tag */
bool kept = false;                       /* an answer of tag 1 */
byte answer = 0, answer_clock = 0, answer_cell = 0, answer_generation = 0;

#define MAX(a, b) ((a) > (b) -> (a) : (b))

inline read_ref()
{
	atomic { cell = (ref_tag[i] == mine -> ref_cell[i] : NONE) }
}

/* The tag's cell, without regard to its generation. */
inline look()
{
	for (i : 0 .. places - 1) {
		read_ref();
		if
		:: cell != NONE && tag[cell] == mine -> break
		:: else -> cell = NONE
		fi
	}
}

proctype Writer(byte mine)
{
	byte v, cell, i;

	coarse_pending = coarse_pending + 1;             /* PRE_COMMIT */
	look();
	if
	:: cell != NONE -> pending[cell] = pending[cell] + 1
	:: else
	fi;
	visible[mine] = visible[mine] + 1;
	atomic { clock = clock + 1; v = clock };
	atomic { coarse_version = MAX(v, coarse_version); coarse_pending = coarse_pending - 1 };
	if
	:: cell != NONE -> atomic { version[cell] = MAX(v, version[cell]); pending[cell] = pending[cell] - 1 }
	:: else
	fi
}

/* The tag's cell, and the generation g under which it is the tag's. */
inline find()
{
	for (i : 0 .. places - 1) {
		read_ref();
		if
		:: cell == NONE -> found = false
		:: else ->
#if defined(FIND_TAG_FIRST)
			found = (tag[cell] == mine);
			g = generation[cell];
			found = (found && g % 2 == 0);
#else
			g = generation[cell];
#ifdef FIND_ODD
			found = (tag[cell] == mine);
#else
			found = (g % 2 == 0 && tag[cell] == mine);
#endif
#ifndef FIND_GENERATION_ONCE
			found = (found && generation[cell] == g);
#endif
#endif
		fi;
		if
		:: found -> break
		:: else -> cell = NONE
		fi
	}
}

inline choose_any()
{
	if
#ifdef TAKE_PENDING
	:: cell = 0
	:: cells > 1 -> cell = 1
#else
	:: pending[0] == 0 -> cell = 0
	:: cells > 1 && pending[1] == 0 -> cell = 1
	:: else
#endif
	fi
}

/* A free place and any cell, or a place with its cell. */
inline choose()
{
	if
	:: ref_tag[0] == 0 -> i = 0
	:: places > 1 && ref_tag[1] == 0 -> i = 1
	:: ref_tag[0] != 0 && (places == 1 || ref_tag[1] != 0) -> i = 0; cell = ref_cell[0]
	:: places > 1 && ref_tag[0] != 0 && ref_tag[1] != 0 -> i = 1; cell = ref_cell[1]
	fi;
	if
#ifdef TAKE_PENDING
	:: cell != NONE
#else
	:: cell != NONE && pending[cell] == 0
	:: cell != NONE && pending[cell] != 0 -> cell = NONE
#endif
	:: cell == NONE -> choose_any()
	fi
}

inline drop_ref(at)
{
	atomic {
		if
		:: ref_tag[at] == old && ref_cell[at] == cell -> ref_tag[at] = 0
		:: else
		fi
	}
}

inline drop_refs()
{
	drop_ref(0);
	drop_ref(1)
}

inline set_ref()
{
	atomic { ref_tag[i] = mine; ref_cell[i] = cell }
}

inline take()
{
#ifdef WORD_LOWERED_FIRST
	version[cell] = 0;
#endif
	old = tag[cell];
#ifdef TAG_FIRST
	tag[cell] = mine;
#endif
#ifdef REF_FIRST
	drop_refs();
#endif
	generation[cell] = generation[cell] + 1;
#ifndef OLD_REF_STAYS
	drop_refs();
#endif
	tag[cell] = mine;
#ifndef REF_LATER
	set_ref();
#endif
#ifdef WORD_LOWERED_LATER
	version[cell] = 0;
#endif
	generation[cell] = generation[cell] + 1;
#ifdef REF_LATER
	set_ref();
#endif
	g = generation[cell]
}

inline find_or_take()
{
	atomic { !locked -> locked = true };
#ifndef TAKE_WITHOUT_LOOK
	/* Nobody changes tags meanwhile. */
	atomic { look(); g = (cell != NONE -> generation[cell] : 0) };
#endif
	if
	:: cell == NONE ->
		choose();
		if
		:: cell != NONE -> take()
		:: else
		fi
	:: else
	fi;
	locked = false
}

proctype Keeper(byte mine; byte times)
{
	byte c, seen, g, cell, old, i;
	bool quiet, found;

	do
	:: times == 0 -> break
	:: else ->
		times = times - 1;
		c = clock;
		seen = visible[mine];
		find();
		if
		:: cell == NONE -> find_or_take()
		:: else
		fi;
		quiet = (coarse_pending == 0 && coarse_version <= c);
		if
		:: mine == 1 && cell != NONE && quiet ->
			atomic { kept = true; answer = seen; answer_clock = c; answer_cell = cell; answer_generation = g }
		:: else
		fi
	od
}

proctype Hit()
{
	byte before, a, c, cell, g;
	bool there, good;

	before = visible[1];
	atomic { there = kept; a = answer; c = answer_clock; cell = answer_cell; g = answer_generation };
#if defined(NAMED_BY_TAG)
	good = (tag[cell] == 1);
	good = (good && pending[cell] == 0 && version[cell] <= c);
#elif defined(WORD_BEFORE_GENERATION)
	good = (pending[cell] == 0 && version[cell] <= c);
	good = (good && generation[cell] == g);
#else
	good = (generation[cell] == g);
	good = (good && pending[cell] == 0 && version[cell] <= c);
#endif
	/* What was visible when the call began is in the answer. */
	if
	:: there && good -> assert(a >= before)
	:: else
	fi
}

init {
	atomic {
		if
		:: places = 1
		:: places = 2
		fi;
		run Writer(1); run Hit();
		if
		:: cells = 1; run Keeper(1, 2); run Keeper(2, 1)
		:: cells = 2; run Keeper(1, 1); run Keeper(1, 1)
#ifdef LONG
		:: cells = 1; run Keeper(1, 2); run Keeper(2, 1); run Writer(1)
		:: cells = 1; run Keeper(1, 2); run Keeper(2, 1); run Writer(2)
		:: cells = 2; run Keeper(1, 1); run Keeper(1, 1); run Keeper(2, 1)
#endif
		fi
	}
}
