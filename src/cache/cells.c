/*
 * cells.c
 *		Version cells: what changed, since when, and whether a change is under way.
 *
 * Owns an array of MAX_CELLS cells in shared memory.  A tag hashes to a cell;
 * two tags in one cell cost a needless computation, never a wrong answer.
 *
 * Locking: none.  A word holds the version and the number of changes under
 * way together, because read apart (pending first) they let a stale answer
 * in: a whole change could pass between the two reads.  Writers use atomic
 * read-modify-writes, which are full barriers; readers use plain atomic
 * reads, and put a barrier between reading words and whatever must come
 * after (taking a snapshot, reading last_xid).  Writers order last_xid
 * before the word, so that who sees the new word sees the xid too.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "storage/shmem.h"

#include "base/test_hooks.h"
#include "cache/cells.h"

#define ONE_VERSION (UINT64CONST(1) << CELL_PENDING_BITS)

typedef struct VersionCell
{
	pg_atomic_uint64 word;
	pg_atomic_uint64 last_xid; /* newest full xid that changed it */
} VersionCell;

#define TAG_DATABASE 0

static VersionCell *cells = NULL;

Size
cells_shmem_size(void)
{
	return mul_size(MAX_CELLS, sizeof(VersionCell));
}

void
cells_shmem_init(void)
{
	bool found;

	cells = ShmemInitStruct("availability_cache cells", cells_shmem_size(), &found);
	if (found)
		return;
	for (int i = 0; i < MAX_CELLS; i++)
	{
		pg_atomic_init_u64(&cells[i].word, 0);
		pg_atomic_init_u64(&cells[i].last_xid, 0);
	}
}

CellNo
cell_of_tag(const void *tag, Size size)
{
	return hash_bytes(tag, size) % MAX_CELLS;
}

CellNo
cell_of_database(Oid dboid)
{
	TagHeader tag = {TAG_DATABASE, dboid};

	return cell_of_tag(&tag, sizeof(tag));
}

uint64
cell_read(CellNo cell)
{
	return pg_atomic_read_u64(&cells[cell].word);
}

/*
 * Each step of a writer adds to a word and none takes away (the second adds a
 * version less one pending), so words that differ from earlier ones have a larger sum.
 */
uint64
cells_sum(const CellNo *some, int n)
{
	uint64 sum = 0;

	for (int i = 0; i < n; i++)
		sum += cell_read(some[i]);
	return sum;
}

/* Caller has read the word before, with a barrier between. */
uint64
cell_last_xid(CellNo cell)
{
	return pg_atomic_read_u64(&cells[cell].last_xid);
}

/* From here on nothing that depends on the cell is answered or kept, until cell_end_change. */
void
cell_begin_change(CellNo cell, uint64 xid)
{
	uint64 last = pg_atomic_read_u64(&cells[cell].last_xid);

	while (last < xid && !pg_atomic_compare_exchange_u64(&cells[cell].last_xid, &last, xid))
		;
	if (AC_MUTATED(AC_MUTANT_BUMP_ONLY_AT_COMMIT))
		return;
	pg_atomic_fetch_add_u64(&cells[cell].word, AC_MUTATED(AC_MUTANT_NO_PENDING) ? ONE_VERSION : ONE_VERSION + 1);
}

void
cell_end_change(CellNo cell)
{
	if (AC_MUTATED(AC_MUTANT_NO_PENDING))
		return;
	if (AC_MUTATED(AC_MUTANT_BUMP_ONLY_AT_COMMIT))
		pg_atomic_fetch_add_u64(&cells[cell].word, ONE_VERSION);
	else
		pg_atomic_fetch_add_u64(&cells[cell].word, ONE_VERSION - 1);
}

void
cell_bump(CellNo cell)
{
	pg_atomic_fetch_add_u64(&cells[cell].word, ONE_VERSION);
}

int
cells_count_pending(void)
{
	int n = 0;

	for (int i = 0; i < MAX_CELLS; i++)
		n += CELL_PENDING(cell_read(i)) != 0;
	return n;
}
