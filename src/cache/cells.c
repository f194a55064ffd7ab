/*
 * cells.c
 *		Version cells: whether what an answer depends on has changed.
 *
 * Owns the version clock, a cell for each special tag, and an array of
 * coarse cells; exact.c has the exact ones.  docs/architecture.md, "The
 * protocol", says why this is exact; test/model/tags.pml says it to a model
 * checker.
 *
 * A tag has a coarse cell, which it shares with others and which is always
 * there, and an exact cell once something that depends on it was kept.
 *
 *	writer	begins on the coarse cell, then looks for the exact one and begins
 *			there too; takes a value of the clock when it is over, and ends on both
 *	keeper	finds or makes the exact cell, then looks at the coarse one: it
 *			keeps the answer if no change is under way there or came after its clock
 *	hit		looks at the exact cell only
 *
 * Who makes an exact cell before a writer looks is seen by it; who makes it
 * later sees the writer at the coarse cell.  A special tag has one cell, which
 * is always there, and needs no second.
 *
 * A change of definitions does not outdate at once what depends on them: it
 * waits until somebody has said of their new version whether they differ.
 *
 * Locking: none but for taking an exact cell.  Words are read before
 * last_xid, with a barrier between.
 */
#include "postgres.h"

#include "access/transam.h"
#include "storage/shmem.h"

#include "base/test_hooks.h"
#include "cache/cells.h"

/* CellNo counts the special tags' cells, then the coarse ones, then the exact ones. */
#define FIRST_COARSE SPECIAL_TAGS
#define FIRST_EXACT (FIRST_COARSE + COARSE_CELLS)

/* A database's definitions; who writes holds AC_LOCK_DATABASES. */
typedef struct DatabaseDefinitions
{
	pg_atomic_uint64 confirmed; /* the version whose fingerprint is known */
	pg_atomic_uint64 changed;	/* the version before which it was another */
	uint64 fingerprint;
} DatabaseDefinitions;

typedef struct CellsState
{
	pg_atomic_uint64 clock;
	char pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint64)];
	DatabaseDefinitions definitions[MAX_DATABASES];
	VersionCell cells[FIRST_EXACT];
} CellsState;

static CellsState *state = NULL;

Size
cells_shmem_size(void)
{
	return sizeof(CellsState);
}

void
cells_shmem_init(void)
{
	bool found;

	state = ShmemInitStruct("availability_cache cells", cells_shmem_size(), &found);
	if (found)
		return;
	pg_atomic_init_u64(&state->clock, 1);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		pg_atomic_init_u64(&state->definitions[i].confirmed, 0);
		pg_atomic_init_u64(&state->definitions[i].changed, 0);
		state->definitions[i].fingerprint = 0;
	}
	for (int i = 0; i < FIRST_EXACT; i++)
		version_init(&state->cells[i]);
	/* Definitions are at a version that nobody has confirmed. */
	version_raise(&state->cells[TAG_SHARED_DEFINITIONS], 1, 0);
}

uint64
cells_clock(void)
{
	uint64 clock = pg_atomic_read_u64(&state->clock);

	pg_memory_barrier();
	return clock;
}

static uint64
next_clock(void)
{
	return pg_atomic_add_fetch_u64(&state->clock, 1);
}

static VersionCell *
cell_at(CellNo cell)
{
	return cell < FIRST_EXACT ? &state->cells[cell] : &exact_cells[cell - FIRST_EXACT].version;
}

/* The cell of a tag that is always there. */
static CellNo
coarse_of(Tag tag)
{
	return tag_is_special(tag) ? (CellNo) tag : FIRST_COARSE + (CellNo) (tag % COARSE_CELLS);
}

/* ---- readers ---- */

static CellsStatus
status_of(VersionCell *cell, uint64 clock)
{
	uint64 word = pg_atomic_read_u64(&cell->word);

	if (VERSION_OF(word) > clock)
		return CELLS_OUTDATED;
	return VERSION_PENDING(word) != 0 ? CELLS_PENDING : CELLS_CURRENT;
}

/*
 * The highest of the versions, with the changes under way of all.  The
 * database's own cell stands for what there were too many of to be told apart.
 */
static uint64
definitions_word(DatabaseNo database)
{
	uint64 all = pg_atomic_read_u64(&state->cells[database].word);
	uint64 own = pg_atomic_read_u64(&state->cells[TAG_FIRST_DEFINITIONS + database].word);
	uint64 shared = pg_atomic_read_u64(&state->cells[TAG_SHARED_DEFINITIONS].word);

	return Max(Max(own, shared), all) | VERSION_PENDING(all | own | shared);
}

static CellsStatus
definitions_status(DatabaseNo database, uint64 clock)
{
	DatabaseDefinitions *definitions = &state->definitions[database];
	uint64 word = definitions_word(database);

	if (VERSION_PENDING(word) != 0)
		return CELLS_PENDING;
	/* Who confirmed this version has said before what it outdates. */
	if (pg_atomic_read_u64(&definitions->confirmed) != VERSION_OF(word))
		return CELLS_OUTDATED;
	pg_read_barrier();
	return pg_atomic_read_u64(&definitions->changed) > clock ? CELLS_OUTDATED : CELLS_CURRENT;
}

/* Finds or makes the exact cells; false if one is not to be had. */
static bool
name_cells(Dependencies *on, const Tag *tags, uint32 ntags, ExactNo *cells)
{
	on->generations = 0;
	for (uint32 i = 0; i < ntags; i++)
	{
		VersionCell *coarse = cell_at(coarse_of(tags[i]));
		ExactNo found;
		bool made = AC_MUTATED(AC_MUTANT_XID_BY_MAKER) && !exact_find(tags[i], &found);
		ExactRef ref;

		if (!exact_find_or_make(tags[i], cells, i, &ref))
			return false;
		AC_TEST_SLEEP(ac_sleep_in_naming);
		/* Who made the cell does not know who changed its tag before; nor do those who find it then. */
		if (made || !AC_MUTATED(AC_MUTANT_XID_BY_MAKER))
			version_raise_xid(&exact_cells[ref.cell].version, pg_atomic_read_u64(&coarse->last_xid));
		cells[i] = ref.cell;
		on->generations += ref.generation;
	}
	on->cells = cells;
	on->ncells = ntags;
	return true;
}

/* What the cells say that are always there. */
static CellsStatus
coarse_status(const Dependencies *on, const Tag *tags, uint32 ntags)
{
	CellsStatus status = status_of(cell_at(on->database), on->clock);

	if (on->definitions)
		status = Max(status, definitions_status(on->database, on->clock));
	for (uint32 i = 0; i < ntags; i++)
		status = Max(status, status_of(cell_at(coarse_of(tags[i])), on->clock));
	return status;
}

CellsStatus
cells_depend(Dependencies *on, const Tag *tags, uint32 ntags, ExactNo *cells)
{
	CellsStatus early = CELLS_CURRENT;

	on->database = database_my_number();
	if (AC_MUTATED(AC_MUTANT_COARSE_FIRST))
		early = coarse_status(on, tags, ntags);
	if (ntags > MAX_DEPENDENCIES || !name_cells(on, tags, ntags, cells))
		return CELLS_OUTDATED;
	/*
	 * Either a writer that looks for the exact cell from now on finds it, or we see its
	 * mark on the coarse one.
	 */
	pg_memory_barrier();
	if (AC_MUTATED(AC_MUTANT_COARSE_FIRST) || AC_MUTATED(AC_MUTANT_NO_COARSE))
		return early;
	return coarse_status(on, tags, ntags);
}

/* For cells of which one is not current. */
static CellsStatus
worst_status(const Dependencies *on)
{
	CellsStatus status = status_of(cell_at(on->database), on->clock);

	if (on->definitions)
		status = Max(status, definitions_status(on->database, on->clock));
	for (uint32 i = 0; i < on->ncells; i++)
		status = Max(status, status_of(&exact_cells[on->cells[i]].version, on->clock));
	if (AC_MUTATED(AC_MUTANT_HIT_IGNORES_PENDING) && status == CELLS_PENDING)
		return CELLS_CURRENT;
	return status;
}

/* Each hit does this, so it looks at all words together. */
CellsStatus
cells_status(const Dependencies *on)
{
	uint64 highest = pg_atomic_read_u64(&state->cells[on->database].word);
	uint64 any = highest;
	uint32 generations = 0;

	for (uint32 i = 0; i < on->ncells; i++)
		generations += exact_generation(on->cells[i]);
	if (generations != on->generations)
		return CELLS_OUTDATED;
	/* A cell that is taken from now on keeps its word, which says at least what was marked until now. */
	pg_read_barrier();
	for (uint32 i = 0; i < on->ncells; i++)
	{
		uint64 word = pg_atomic_read_u64(&exact_cells[on->cells[i]].version.word);

		highest = Max(highest, word);
		any |= word;
	}
	if (likely(VERSION_OF(highest) <= on->clock && VERSION_PENDING(any) == 0) &&
		(!on->definitions || definitions_status(on->database, on->clock) == CELLS_CURRENT))
		return CELLS_CURRENT;
	return worst_status(on);
}

bool
cells_are_lost(const Dependencies *on)
{
	uint32 generations = 0;

	for (uint32 i = 0; i < on->ncells; i++)
		generations += exact_generation(on->cells[i]);
	return generations != on->generations;
}

bool
cells_tags(const Dependencies *on, Tag *tags)
{
	uint32 generations = 0;

	for (uint32 i = 0; i < on->ncells; i++)
		tags[i] = pg_atomic_read_u64(&exact_cells[on->cells[i]].tag);
	/* Whoever takes a cell changes the generation first. */
	pg_read_barrier();
	for (uint32 i = 0; i < on->ncells; i++)
		generations += exact_generation(on->cells[i]);
	return generations == on->generations;
}

void
cells_use(const Dependencies *on)
{
	for (uint32 i = 0; i < on->ncells; i++)
		exact_use(on->cells[i]);
}

static bool
changed_before(VersionCell *cell, uint64 xid)
{
	return pg_atomic_read_u64(&cell->last_xid) < xid;
}

bool
cells_changed_before(const Dependencies *on, uint64 xid)
{
	bool before = changed_before(cell_at(on->database), xid);

	if (on->definitions)
		before &= changed_before(cell_at(TAG_FIRST_DEFINITIONS + on->database), xid) &&
				  changed_before(cell_at(TAG_SHARED_DEFINITIONS), xid);
	for (uint32 i = 0; i < on->ncells; i++)
		before &= changed_before(&exact_cells[on->cells[i]].version, xid);
	return before;
}

/* ---- definitions ---- */

bool
cells_unchanged(const Tag *tags, int n, uint64 clock)
{
	for (int i = 0; i < n; i++)
	{
		if (status_of(cell_at(coarse_of(tags[i])), clock) != CELLS_CURRENT)
			return false;
	}
	return true;
}

bool
cells_definitions_are_newer(uint64 clock)
{
	return VERSION_OF(definitions_word(database_my_number())) > clock;
}

bool
cells_definitions_confirmed(uint64 clock)
{
	return definitions_status(database_my_number(), clock) == CELLS_CURRENT;
}

/* Databases that share a number cannot say anything of each other's answers. */
static bool
is_as_before(const DatabaseDefinitions *definitions, DatabaseNo database, uint64 fingerprint)
{
	return definitions->fingerprint == fingerprint &&
		   (!database_is_shared(database) || AC_MUTATED(AC_MUTANT_CONFIRMED_FOR_ALL));
}

bool
cells_confirm_definitions(uint64 clock, uint64 fingerprint)
{
	DatabaseNo database = database_my_number();
	DatabaseDefinitions *definitions = &state->definitions[database];
	uint64 word = definitions_word(database);

	if (VERSION_PENDING(word) != 0 || VERSION_OF(word) > clock)
		return false;
	/* Somebody has seen newer ones. */
	if (pg_atomic_read_u64(&definitions->confirmed) > VERSION_OF(word))
		return false;
	if (!is_as_before(definitions, database, fingerprint))
		pg_atomic_write_u64(&definitions->changed, VERSION_OF(word));
	definitions->fingerprint = fingerprint;
	pg_write_barrier();
	pg_atomic_write_u64(&definitions->confirmed, VERSION_OF(word));
	return true;
}

/* ---- writers ---- */

static void
begin(CellNo cell, uint64 xid)
{
	version_raise_xid(cell_at(cell), xid);
	if (AC_MUTATED(AC_MUTANT_BUMP_ONLY_AT_COMMIT))
		return;
	if (AC_MUTATED(AC_MUTANT_NO_PENDING))
		version_raise(cell_at(cell), next_clock(), 0);
	else
		pg_atomic_fetch_add_u64(&cell_at(cell)->word, 1);
}

static int
begin_coarse(Tag tag, uint64 xid, bool coarse_too, CellNo *cell)
{
	if (!coarse_too)
		return 0;
	*cell = coarse_of(tag);
	begin(*cell, xid);
	return 1;
}

/* A special tag has none. */
static bool
find_exact(Tag tag, ExactNo *exact)
{
	return !tag_is_special(tag) && exact_find(tag, exact);
}

static int
begin_exact(Tag tag, uint64 xid, CellNo *cell)
{
	ExactNo exact;

	if (!find_exact(tag, &exact))
		return 0;
	*cell = FIRST_EXACT + exact;
	begin(*cell, xid);
	return 1;
}

int
cells_begin_change(Tag tag, uint64 xid, bool coarse_too, CellNo *cells)
{
	bool exact_first = AC_MUTATED(AC_MUTANT_EXACT_FIRST);
	int n = exact_first ? begin_exact(tag, xid, cells) : begin_coarse(tag, xid, coarse_too, cells);

	AC_TEST_SLEEP(ac_sleep_in_begin);
	n += exact_first ? begin_coarse(tag, xid, coarse_too, cells + n) : begin_exact(tag, xid, cells + n);
	return n;
}

void
cells_end_change(const CellNo *cells, int n)
{
	uint64 version = next_clock();
	uint32 ended = AC_MUTATED(AC_MUTANT_BUMP_ONLY_AT_COMMIT) || AC_MUTATED(AC_MUTANT_NO_PENDING) ? 0 : 1;

	if (AC_MUTATED(AC_MUTANT_NO_PENDING))
		return;
	for (int i = 0; i < n; i++)
		version_raise(cell_at(cells[i]), version, ended);
}

/* What made this necessary came from a transaction that older snapshots may not see. */
static void
outdate(VersionCell *cell, uint64 xid, uint64 version)
{
	version_raise_xid(cell, xid);
	version_raise(cell, version, 0);
}

uint64
cells_outdate(Tag tag)
{
	uint64 xid = U64FromFullTransactionId(ReadNextFullTransactionId());
	uint64 version = next_clock();
	ExactNo exact;

	outdate(cell_at(coarse_of(tag)), xid, version);
	if (find_exact(tag, &exact))
		outdate(&exact_cells[exact].version, xid, version);
	return version;
}

/* ---- for the statistics ---- */

int
cells_count_pending(void)
{
	int n = 0;

	for (CellNo cell = 0; cell < FIRST_EXACT; cell++)
		n += VERSION_PENDING(pg_atomic_read_u64(&cell_at(cell)->word)) != 0;
	return n;
}
