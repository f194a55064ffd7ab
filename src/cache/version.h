/*
 * version.h
 *		A version cell: when what it stands for changed last, and how many changes of it are under way.
 *
 * One word holds the version, a value of the version clock, and the number
 * of changes under way, so that one read sees both.  A version is never
 * lowered.  44 bits of it last five years at 100,000 commits a second; 20
 * bits count all backends and prepared transactions that a server can have,
 * each of which begins on a cell once (twice if it is taken just then).
 *
 * Locking: none.  Writers use atomic read-modify-writes, which are full
 * barriers, and raise last_xid before the word, so that who sees the new
 * word sees the xid too.
 */
#ifndef AC_CACHE_VERSION_H
#define AC_CACHE_VERSION_H

#include "port/atomics.h"

#define VERSION_PENDING_BITS 20
#define VERSION_PENDING(word) ((word) & ((UINT64CONST(1) << VERSION_PENDING_BITS) - 1))
#define VERSION_OF(word) ((word) >> VERSION_PENDING_BITS)

typedef struct VersionCell
{
	pg_atomic_uint64 word;
	pg_atomic_uint64 last_xid; /* newest full xid that changed it */
} VersionCell;

static inline void
version_init(VersionCell *cell)
{
	pg_atomic_init_u64(&cell->word, 0);
	pg_atomic_init_u64(&cell->last_xid, 0);
}

static inline void
version_raise_xid(VersionCell *cell, uint64 xid)
{
	uint64 last = pg_atomic_read_u64(&cell->last_xid);

	while (last < xid && !pg_atomic_compare_exchange_u64(&cell->last_xid, &last, xid))
		;
}

/* Raises the version, and takes so many changes off those under way, in one step. */
static inline void
version_raise(VersionCell *cell, uint64 version, uint32 ended)
{
	uint64 word = pg_atomic_read_u64(&cell->word);
	uint64 raised;

	do
	{
		Assert(VERSION_PENDING(word) >= ended);
		raised = (Max(VERSION_OF(word), version) << VERSION_PENDING_BITS) + VERSION_PENDING(word) - ended;
	} while (!pg_atomic_compare_exchange_u64(&cell->word, &word, raised));
}

#endif /* AC_CACHE_VERSION_H */
