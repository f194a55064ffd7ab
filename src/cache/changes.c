/*
 * changes.c
 *		What this transaction has changed, and publishing it when it ends.
 *
 * Whoever notices a change calls changes_touch.  At PRE_COMMIT every touched
 * tag is begun: nothing that depends on it is answered from memory or kept
 * any more.  When the transaction is over, seen by others or gone, all are
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
#include "cache/cells.h"
#include "cache/changed_tables.h"
#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/definitions.h"
#include "cache/events.h"
#include "cache/prepared.h"
#include "cache/tag_set.h"

/* So many tags, of which the last is the database's: more than that is everything. */
#define MAX_TOUCHED TAG_SET_MAX

typedef enum ChangesPhase
{
	COLLECTING, /* tags are touched, not begun */
	BEGUN,		/* every touched tag is begun */
	ENDING		/* begun, and the transaction has been decided */
} ChangesPhase;

static TagSet touched;
/* The cells of what is begun, definitions among them. */
static CellNo begun[(MAX_TOUCHED + 2) * CELLS_PER_TAG];
static int nbegun = 0;
static ChangesPhase phase = COLLECTING;
static uint64 begun_xid = 0;
/* A statement has run that can make relations matter which nobody watches. */
static bool defines_any = false;
/* The place that keeps them pending once the transaction is prepared; -1: none yet. */
static bool preparing = false;
static int prepared_place = -1;

static void changes_xact_callback(XactEvent event, void *arg);
static void
changes_release_callback(ResourceReleasePhase release_phase, bool is_commit, bool is_top_level, void *arg);

void
changes_init(void)
{
	RegisterXactCallback(changes_xact_callback, NULL);
	RegisterResourceReleaseCallback(changes_release_callback, NULL);
}

/*
 * Whether a tag that was touched before it has the same coarse cell: it is among those
 * that its place was searched past.
 */
static bool
coarse_is_begun(int number)
{
	Tag tag = touched.tags[number];

	StaticAssertStmt(COARSE_CELLS % TAG_SET_INDEX == 0,
					 "tags of one coarse cell are looked for from one place on");
	for (uint16 place = tag % TAG_SET_INDEX; place != touched.places[number];
		 place = (place + 1) % TAG_SET_INDEX)
	{
		if (cells_share_coarse(touched.tags[touched.by_tag[place] - 1], tag))
			return true;
	}
	return false;
}

static void
begin_tag(Tag tag, bool coarse_too)
{
	begun_xid = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	nbegun += cells_begin_change(tag, begun_xid, coarse_too, &begun[nbegun]);
}

/* Each cell once, however many tags are touched: pending counts transactions. */
static void
begin_change(int number)
{
	begin_tag(touched.tags[number], !coarse_is_begun(number));
}

/*
 * Hands the cells from this one on to a place of prepared transactions.  May raise, as
 * a pre-commit callback may.
 */
static void
hand_over(int first)
{
	if (prepared_place < 0)
	{
		prepared_place = prepared_add(begun_xid, begun, nbegun);
		if (prepared_place < 0 && max_prepared_xacts > 0)
			ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					errmsg("no place is free to prepare a transaction"),
					errhint("Increase max_prepared_transactions (currently %d).", max_prepared_xacts));
		return;
	}
	for (int i = first; i < nbegun; i++)
		prepared_append(prepared_place, begun_xid, begun[i]);
}

/* Another extension's pre-commit callback wrote something after ours. */
static void
begin_late(int number)
{
	int first = nbegun;

	begin_change(number);
	if (preparing)
		hand_over(first);
}

void
changes_touch(Tag tag)
{
	if (!ac_shared_memory_ready || tag_set_has(&touched, tag) || AC_MUTATED(AC_MUTANT_NO_TOUCH))
		return;
	/* The last place is the database's; with it every answer is covered. */
	if (touched.n >= MAX_TOUCHED - 1 && tag_set_has(&touched, tag = tag_of_database()))
		return;
	tag_set_add(&touched, tag);
	if (phase != COLLECTING)
		begin_late(touched.n - 1);
}

void
changes_touch_database(void)
{
	if (ac_shared_memory_ready)
		changes_touch(tag_of_database());
}

bool
changes_has_touched(Tag tag)
{
	return tag_set_has(&touched, tag) || tag_set_has(&touched, tag_of_database());
}

void
changes_may_define(bool any)
{
	defines_any |= any;
	if (phase == BEGUN)
		changes_touch_database();
}

bool
changes_any(void)
{
	return touched.n > 0;
}

uint64
changes_touch_now(Tag tag)
{
	uint64 clock;

	if (!ac_shared_memory_ready)
		return 0;
	clock = cells_outdate(tag);
	changes_touch(tag);
	return clock;
}

/*
 * Once the changes of the relations themselves are begun; not as tags that are
 * touched, of which there may be no place for more.
 */
static void
begin_definitions(const DefinitionChanges *changes)
{
	if (defines_any || definitions_are_watched(changes))
		begin_tag(tag_of_definitions(), true);
	if (changes->shared)
		begin_tag(TAG_SHARED_DEFINITIONS, true);
}

/* No answer of the database is good any more. */
static void
note_everything(void)
{
	char key[32] = "";

	if (OidIsValid(changed_table_first()))
		snprintf(key, sizeof(key), "%u", changed_table_first());
	event_note(EVENT_OUTDATED_ALL, key, "a transaction outdates every answer", NO_DURATION, 1);
}

/* Also where nothing is touched yet: see begin_late. */
static void
begin_changes(void)
{
	DefinitionChanges definitions;
	int ntouched_rows = touched.n;

	if (!ac_shared_memory_ready)
		return;
	definitions_list_changes(&definitions);
	if (AC_MUTATED(AC_MUTANT_SET_FIRST))
	{
		begin_definitions(&definitions);
		AC_TEST_SLEEP(ac_sleep_in_begin);
	}
	for (int i = 0; i < definitions.ntags; i++)
		changes_touch(definitions.tags[i]);
	phase = BEGUN;
	for (int i = 0; i < touched.n; i++)
		begin_change(i);
	if (!AC_MUTATED(AC_MUTANT_SET_FIRST))
		begin_definitions(&definitions);
	if (nbegun == 0)
		return;
	counter_add(COUNTER_INVALIDATIONS, ntouched_rows);
	changed_tables_publish();
	if (tag_set_has(&touched, tag_of_database()))
		note_everything();
	if (AC_MUTATED(AC_MUTANT_END_BEFORE_VISIBLE))
	{
		cells_end_change(begun, nbegun);
		nbegun = 0;
	}
	AC_TEST_SLEEP(ac_sleep_before_visible);
}

static void
forget_changes(void)
{
	tag_set_cut(&touched, 0);
	changed_tables_forget();
	nbegun = 0;
	phase = COLLECTING;
	defines_any = false;
	preparing = false;
	prepared_place = -1;
}

static void
end_changes(void)
{
	if (nbegun > 0)
		AC_TEST_SLEEP(ac_sleep_before_end);
	if (prepared_place >= 0)
		prepared_drop(prepared_place, begun_xid);
	else if (nbegun > 0)
		cells_end_change(begun, nbegun);
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
			preparing = true;
			if (nbegun > 0)
				hand_over(0);
			break;
		case XACT_EVENT_PREPARE:
			/* The place keeps the cells now. */
			forget_changes();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			/* Aborting comes again if a callback after ours raised. */
			if (phase == COLLECTING)
				forget_changes();
			else
				phase = ENDING;
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
