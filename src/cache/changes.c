/*
 * changes.c
 *		What this transaction has changed, and publishing it when it ends.
 *
 * Whoever notices a change calls changes_touch.  At PRE_COMMIT every touched cell is
 * begun: nothing that depends on it is answered from memory or kept any
 * more.  When the transaction is over, seen by others or gone, every cell is
 * ended.  "Over" is the release of the transaction's resources after its
 * locks and not XACT_EVENT_COMMIT: the transaction's catalog invalidations
 * go out between the two, and a session that computes after our end must
 * find them (it could otherwise keep an answer made with an old mapping).
 *
 * What a rolled back savepoint touched stays touched; that costs a
 * computation.  All memory is static: nothing here allocates, and no
 * callback can fail after the transaction is decided.
 *
 * Locking: none but what cells.c and prepared.c do.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/prepared.h"

/* More than this is the whole database. */
#define MAX_TOUCHED 4096

typedef enum ChangesPhase
{
	COLLECTING, /* cells are touched, not begun */
	BEGUN,		/* every touched cell is begun */
	ENDING		/* begun, and the transaction has been decided */
} ChangesPhase;

static CellNo touched[MAX_TOUCHED];
static int ntouched = 0;
static uint8 is_touched[MAX_CELLS / BITS_PER_BYTE];
static ChangesPhase phase = COLLECTING;
static uint64 begun_xid = 0;
static int prepared_place = -1;

static void changes_xact_callback(XactEvent event, void *arg);
static void changes_release_callback(ResourceReleasePhase release_phase, bool is_commit, bool is_top_level, void *arg);

void
changes_init(void)
{
	RegisterXactCallback(changes_xact_callback, NULL);
	RegisterResourceReleaseCallback(changes_release_callback, NULL);
}

void
changes_touch(CellNo cell)
{
	uint8 bit = 1 << (cell % BITS_PER_BYTE);

	if (!ac_shared_memory_ready || (is_touched[cell / BITS_PER_BYTE] & bit))
		return;
	if (ntouched >= MAX_TOUCHED - 1)
	{
		/* The last place is the database's; with it every answer is covered. */
		cell = cell_of_database(MyDatabaseId);
		bit = 1 << (cell % BITS_PER_BYTE);
		if (ntouched == MAX_TOUCHED || (is_touched[cell / BITS_PER_BYTE] & bit))
			return;
	}
	is_touched[cell / BITS_PER_BYTE] |= bit;
	touched[ntouched++] = cell;
	/* Another extension's pre-commit callback wrote something after ours. */
	if (phase != COLLECTING)
	{
		cell_begin_change(cell, begun_xid);
		if (prepared_place >= 0)
			prepared_append(prepared_place, begun_xid, cell);
	}
}

void
changes_touch_database(void)
{
	changes_touch(cell_of_database(MyDatabaseId));
}

void
changes_touch_now(CellNo cell)
{
	if (!ac_shared_memory_ready)
		return;
	cell_bump(cell);
	changes_touch(cell);
}

static void
begin_changes(void)
{
	if (ntouched == 0)
		return;
	phase = BEGUN;
	begun_xid = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	for (int i = 0; i < ntouched; i++)
		cell_begin_change(touched[i], begun_xid);
	counter_add(COUNTER_INVALIDATIONS, ntouched);
	AC_TEST_SLEEP(ac_sleep_before_visible);
}

static void
forget_changes(void)
{
	for (int i = 0; i < ntouched; i++)
		is_touched[touched[i] / BITS_PER_BYTE] = 0;
	ntouched = 0;
	phase = COLLECTING;
	prepared_place = -1;
}

static void
end_changes(void)
{
	if (prepared_place >= 0)
		prepared_drop(prepared_place, begun_xid);
	else
	{
		for (int i = 0; i < ntouched; i++)
			cell_end_change(touched[i]);
	}
	forget_changes();
}

static void
changes_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			begin_changes();
			break;
		case XACT_EVENT_PRE_PREPARE:
			begin_changes();
			if (ntouched > 0)
				prepared_place = prepared_add(begun_xid, touched, ntouched);
			if (ntouched > 0 && prepared_place < 0 && max_prepared_xacts > 0)
				elog(ERROR, "no place is free to prepare a transaction");
			break;
		case XACT_EVENT_PREPARE:
			/* The place keeps the cells now. */
			forget_changes();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			if (phase == BEGUN)
				phase = ENDING;
			else
				forget_changes();
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			/* Workers do not write. */
			break;
	}
}

static void
changes_release_callback(ResourceReleasePhase release_phase, bool is_commit, bool is_top_level, void *arg)
{
	if (phase == ENDING && release_phase == RESOURCE_RELEASE_AFTER_LOCKS && is_top_level)
		end_changes();
}
