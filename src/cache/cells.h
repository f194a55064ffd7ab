/*
 * cells.h
 *		Version cells: whether what an answer depends on has changed.
 */
#ifndef AC_CACHE_CELLS_H
#define AC_CACHE_CELLS_H

#include "cache/databases.h"
#include "cache/exact.h"
#include "cache/tag.h"

/* An answer depends on at most this many tags, besides its database. */
#define MAX_DEPENDENCIES 255

extern Size cells_shmem_size(void);
extern void cells_shmem_init(void);

/* ---- the clock: grows with each transaction that changed something, and is never 0 ---- */

/* In place of a value of it. */
#define NO_CLOCK 0

/* What is done after it is done after the clock is read. */
extern uint64 cells_clock(void);

/* ---- readers ---- */

/* What an answer depends on, by cells, and on its database. */
typedef struct Dependencies
{
	uint64 clock; /* before the snapshot it was computed under */
	DatabaseNo database;
	bool definitions; /* and on the database's */
	uint32
		generations; /* the sum of the cells', which only grow: as it was only if each is (or after 2^31 takings) */
	uint32 ncells;
	const ExactNo *cells;
} Dependencies;

typedef enum CellsStatus
{
	CELLS_CURRENT,
	CELLS_PENDING, /* a change is under way */
	CELLS_OUTDATED
} CellsStatus;

/*
 * For an answer that is to be kept, with its clock set: the cells of its
 * tags, into room for as many.  Unless it is CELLS_CURRENT a change came
 * after the clock or is under way; or there is no cell to be had, which is
 * told as CELLS_OUTDATED.
 */
extern CellsStatus cells_depend(Dependencies *on, const Tag *tags, uint32 ntags, ExactNo *cells);

/* The tags of those cells, into room for as many; false if a cell has gone to another tag meanwhile. */
extern bool cells_tags(const Dependencies *on, Tag *tags);

/*
 * Writes nothing; whoever answers from the cells says so with cells_use, so that they
 * are not taken for other tags soon.
 */
extern CellsStatus cells_status(const Dependencies *on);
extern void cells_use(const Dependencies *on);

/* Whether a cell has gone to another tag since: outdated, though perhaps nothing changed. */
extern bool cells_are_lost(const Dependencies *on);

/*
 * Whether each transaction that changed what the answer depends on precedes
 * this full xid.  Caller has looked at the status before, with a barrier between.
 */
extern bool cells_changed_before(const Dependencies *on, uint64 xid);

/* ---- definitions: see definitions.c, which calls these ---- */

/* Whether the coarse cells of these tags say that nothing changed after the clock, or is under way. */
extern bool cells_unchanged(const Tag *tags, int n, uint64 clock);

/* Whether this database's changed after the clock, as far as that is over. */
extern bool cells_definitions_are_newer(uint64 clock);

/* Whether they have been confirmed since they changed last, and for answers of this clock. */
extern bool cells_definitions_confirmed(uint64 clock);

/*
 * As of the clock they have this fingerprint: if it is another than before,
 * older answers are outdated.  False if they changed after the clock, or a
 * change is under way.  Caller holds AC_LOCK_DATABASES exclusively.
 */
extern bool cells_confirm_definitions(uint64 clock, uint64 fingerprint);

/* ---- writers ---- */

/* Of any cell: those of the special tags, the coarse ones, the exact ones. */
typedef uint32 CellNo;

/* At most so many cells stand for a tag. */
#define CELLS_PER_TAG 2

/* A power of two, by which tags share coarse cells. */
#define COARSE_CELLS 65536

static inline bool
cells_share_coarse(Tag a, Tag b)
{
	return !tag_is_special(a) && !tag_is_special(b) && (a ^ b) % COARSE_CELLS == 0;
}

/*
 * The two steps of a change.  The first fills in the tag's cells and returns
 * how many, without the coarse one if this transaction has begun on it for
 * another tag (coarse_too is false).  From there on nothing that depends on it
 * is answered from memory or kept, until the second step, which comes when the
 * transaction is over and visible, or gone.
 */
extern int cells_begin_change(Tag tag, uint64 xid, bool coarse_too, CellNo *cells);
extern void cells_end_change(const CellNo *cells, int n);

/* Both in one, for what takes effect at once; returns the clock. */
extern uint64 cells_outdate(Tag tag);

/* ---- for the statistics ---- */

/* Without the exact ones. */
extern int cells_count_pending(void);

#endif /* AC_CACHE_CELLS_H */
