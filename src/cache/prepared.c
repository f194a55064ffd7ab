/*
 * prepared.c
 *		Keeps the cells of prepared transactions pending until they are resolved.
 *
 * COMMIT PREPARED runs in any session and tells extensions nothing.  So a
 * transaction that is prepared leaves its pending cells in a place here, with
 * its xid; whoever meets a pending cell sweeps the places, and ends the cells
 * of each xid that is no longer in progress and holds no lock.  That is exact: such a xid is
 * visible (or aborted) in every snapshot taken from then on.
 *
 * A server that starts with prepared transactions knows their xids and
 * databases, not what they changed: each keeps its whole database pending.
 * They are looked up (pg_prepared_xact) by the first sessions that would use
 * the cache; until then nothing is answered from memory.
 *
 * Locking: a place says whose it is in one atomic: nobody's (FREE), that of
 * the backend at work on it (CLAIMED), or a transaction's, by full xid.  Who
 * changes that to CLAIMED by compare-and-exchange alone touches the rest.
 * There are as many places as transactions can be prepared or about to be at
 * once, so one is always free after a sweep.  test/model/prepared.pml has it.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/snapmgr.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/full_xid.h"
#include "cache/prepared.h"

/* More changed cells than this become the database's cell. */
#define PLACE_CELLS 126

/* Owners that are no transaction: full xids below FirstNormalTransactionId do not occur. */
#define FREE 0
#define CLAIMED 1

typedef struct PreparedPlace
{
	pg_atomic_uint64 owner;
	uint32 n;
	CellNo changed[PLACE_CELLS];
} PreparedPlace;

typedef struct PreparedState
{
	pg_atomic_uint32 known;		/* transactions prepared before the start are in places */
	pg_atomic_uint64 known_xid; /* the next full xid at that time */
	pg_atomic_uint32 taken;		/* places not free, so that a sweep can be skipped */
	int nplaces;
	PreparedPlace places[FLEXIBLE_ARRAY_MEMBER];
} PreparedState;

static PreparedState *prepared = NULL;

static int
count_places(void)
{
	return max_prepared_xacts == 0 ? 0 : max_prepared_xacts + MaxBackends;
}

Size
prepared_shmem_size(void)
{
	return add_size(offsetof(PreparedState, places), mul_size(count_places(), sizeof(PreparedPlace)));
}

void
prepared_shmem_init(void)
{
	bool found;

	prepared = ShmemInitStruct("availability_cache prepared", prepared_shmem_size(), &found);
	if (found)
		return;
	pg_atomic_init_u32(&prepared->known, 0);
	pg_atomic_init_u64(&prepared->known_xid, 0);
	pg_atomic_init_u32(&prepared->taken, 0);
	prepared->nplaces = count_places();
	for (int i = 0; i < prepared->nplaces; i++)
	{
		pg_atomic_init_u64(&prepared->places[i].owner, FREE);
	}
}

static bool
claim(PreparedPlace *place, uint64 owner)
{
	return pg_atomic_compare_exchange_u64(&place->owner, &owner, CLAIMED);
}

static PreparedPlace *
claim_free_place(void)
{
	for (int round = 0; round < 2; round++)
	{
		for (int i = 0; i < prepared->nplaces; i++)
		{
			if (claim(&prepared->places[i], FREE))
				return &prepared->places[i];
		}
		prepared_sweep();
	}
	return NULL;
}

static void
publish(PreparedPlace *place, uint64 xid)
{
	pg_atomic_fetch_add_u32(&prepared->taken, 1);
	pg_atomic_exchange_u64(&place->owner, xid);
}

/* Caller has claimed the place. */
static void
release(PreparedPlace *place)
{
	cells_end_change(place->changed, place->n);
	pg_atomic_fetch_sub_u32(&prepared->taken, 1);
	pg_atomic_exchange_u64(&place->owner, FREE);
}

/* When the place is full, the database's cell takes the place of all others. */
static void
append(PreparedPlace *place, uint64 xid, CellNo changed)
{
	if (place->n == PLACE_CELLS)
	{
		CellNo database[CELLS_PER_TAG];
		int n = cells_begin_change(tag_of_database(), xid, true, database);

		cells_end_change(place->changed, place->n);
		memcpy(place->changed, database, n * sizeof(CellNo));
		place->n = n;
	}
	place->changed[place->n++] = changed;
}

/*
 * Takes over cells on which a change was begun.  Returns the place,
 * or -1 if the transaction cannot be prepared anyway.  May raise an error, as
 * a pre-commit callback may.
 */
int
prepared_add(uint64 xid, const CellNo *changed, int n)
{
	PreparedPlace *place = claim_free_place();

	if (place == NULL)
		return -1;
	place->n = 0;
	for (int i = 0; i < n; i++)
		append(place, xid, changed[i]);
	publish(place, xid);
	return place - prepared->places;
}

/* The same for one cell more.  Nobody else reads the place while the xid is in progress. */
void
prepared_append(int place, uint64 xid, CellNo changed)
{
	append(&prepared->places[place], xid, changed);
}

/* A sweep may have released the place, and another transaction taken it. */
static void
release_if_still(PreparedPlace *place, uint64 xid)
{
	if (claim(place, xid))
		release(place);
}

void
prepared_drop(int place, uint64 xid)
{
	release_if_still(&prepared->places[place], xid);
}

/*
 * COMMIT PREPARED makes the transaction visible, then sends its catalog
 * invalidations, then releases its locks: only then is it over for us.
 */
static bool
is_over(uint64 full_xid)
{
	TransactionId xid = XidFromFullTransactionId(FullTransactionIdFromU64(full_xid));

	return !TransactionIdIsInProgress(xid) && AC_XACT_LOCK_IS_FREE(xid);
}

void
prepared_sweep(void)
{
	if (pg_atomic_read_u32(&prepared->taken) == 0)
		return;
	for (int i = 0; i < prepared->nplaces; i++)
	{
		uint64 owner = pg_atomic_read_u64(&prepared->places[i].owner);

		if (owner != FREE && owner != CLAIMED && is_over(owner))
			release_if_still(&prepared->places[i], owner);
	}
}

bool
prepared_known(void)
{
	return pg_atomic_read_u32(&prepared->known) != 0;
}

uint64
prepared_known_xid(void)
{
	return pg_atomic_read_u64(&prepared->known_xid);
}

/* Puts one transaction found prepared into a place, unless it is in one; false if there is none. */
static bool
remember_found(TransactionId found, Oid dboid)
{
	PreparedPlace *place;
	uint64 xid = full_xid_of(found);

	for (int i = 0; i < prepared->nplaces; i++)
	{
		if (pg_atomic_read_u64(&prepared->places[i].owner) == xid)
			return true;
	}
	place = claim_free_place();
	if (place == NULL)
		return false;
	place->n = cells_begin_change(database_number(dboid), xid, true, place->changed);
	publish(place, xid);
	return true;
}

/* Whether all that there are have a place. */
static bool
look_for_prepared(void)
{
	bool all = true;
	int settings = guard_settings();
	/* EXECUTE may have been revoked from the caller. */
	SavedUser saved = switch_user(BOOTSTRAP_SUPERUSERID);

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute("SELECT p.transaction, p.dbid FROM pg_catalog.pg_prepared_xact() p", true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the prepared transactions");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		HeapTuple row = SPI_tuptable->vals[i];
		Datum xid = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull);
		Datum dboid = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull);

		all &= remember_found(DatumGetTransactionId(xid), DatumGetObjectId(dboid));
	}
	PopActiveSnapshot();
	SPI_finish();
	restore_user(saved);
	restore_settings(settings);
	return all;
}

/*
 * Two sessions may do this at once: a transaction then gets two places, and
 * two endings; where places run out, the next session finds some free again.
 * Raises what a query can raise.
 */
void
prepared_find(void)
{
	if (max_prepared_xacts > 0 && !look_for_prepared())
		return;
	pg_atomic_write_u64(&prepared->known_xid, U64FromFullTransactionId(ReadNextFullTransactionId()));
	pg_atomic_exchange_u32(&prepared->known, 1);
}
