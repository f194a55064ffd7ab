/*
 * guard_rules.c
 *		Whether bookings are guarded, and which ones take time.
 *
 * Each row that is written asks, so what the rules' row says is remembered
 * until a message says that it has changed.  A writer has accepted messages
 * when it got its lock on the table, and who turns the guard on holds a lock
 * that conflicts with it (guard_await_writers): so whoever writes after that
 * knows.
 *
 * Locking: none but those of tables.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/members.h"
#include "base/relcache.h"
#include "base/test_hooks.h"
#include "slots/attachments.h"
#include "slots/guard_rules.h"
#include "slots/rules_row.h"

static MemoryContext context = NULL; /* of the lists */
static GuardRules remembered;
static Oid rules_relid = InvalidOid;
/* Moves on when what was read may have changed; 0 is never reached. */
static uint64 generation = 1;
static uint64 read_at = 0;

static void
forget_relation(Oid relid)
{
	if (relid != rules_relid && OidIsValid(relid))
		return;
	rules_relid = InvalidOid;
	generation++;
}

static List *
texts_of(Datum array)
{
	List *texts = NIL;
	Datum *values;
	int n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(values[i]));
	return texts;
}

static GuardMode
mode_of(const char *name)
{
	if (strcmp(name, "on") == 0)
		return GUARD_ON;
	return strcmp(name, "holds") == 0 ? GUARD_HOLDS : GUARD_OFF;
}

static bool
is_some_time(Datum interval)
{
	Interval zero = {0};

	return DatumGetBool(DirectFunctionCall2(interval_ne, interval, IntervalPGetDatum(&zero)));
}

static bool
is_set(HeapTuple row, TupleDesc desc, const char *name)
{
	bool isnull;

	(void) rules_row_value(row, desc, name, &isnull);
	return !isnull;
}

static void
take_row(HeapTuple row, TupleDesc desc, void *arg)
{
	GuardRules *rules = arg;
	bool isnull;
	bool unused;
	Datum blocking;
	Datum mode = rules_row_value(row, desc, "guard", &isnull);

	rules->mode = isnull ? GUARD_OFF : mode_of(TextDatumGetCString(mode));
	mode = rules_row_value(row, desc, "service_caps", &isnull);
	rules->caps_together = !isnull && strcmp(TextDatumGetCString(mode), "together") == 0;
	rules->has_caps_of_weeks = is_set(row, desc, "max_bookings_per_week") ||
							   is_set(row, desc, "max_weekly_minutes");
	rules->has_caps = rules->has_caps_of_weeks || is_set(row, desc, "max_bookings_per_day") ||
					  is_set(row, desc, "max_daily_minutes");
	rules->has_buffers = is_some_time(rules_row_value(row, desc, "buffer_before", &unused)) ||
						 is_some_time(rules_row_value(row, desc, "buffer_after", &unused));
	blocking = rules_row_value(row, desc, "blocking_statuses", &rules->others_block);
	if (rules->others_block)
		blocking = rules_row_value(row, desc, "non_blocking_statuses", &unused);
	rules->blocking = texts_of(blocking);
	rules->holding = texts_of(rules_row_value(row, desc, "hold_statuses", &unused));
}

static void
remember(void)
{
	MemoryContext caller;
	Snapshot snapshot;

	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "availability_cache guard rules",
										ALLOCSET_SMALL_SIZES);
		relcache_notify(forget_relation);
	}
	MemoryContextReset(context);
	memset(&remembered, 0, sizeof(remembered));
	rules_relid = member_find(RelationRelationId, "rules");
	if (!OidIsValid(rules_relid))
		return;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	caller = MemoryContextSwitchTo(context);
	rules_row_read(rules_relid, snapshot, take_row, &remembered);
	MemoryContextSwitchTo(caller);
	UnregisterSnapshot(snapshot);
}

const GuardRules *
guard_rules(void)
{
	if (read_at != generation)
	{
		/* Messages that come meanwhile make it old. */
		uint64 now = generation;

		read_at = 0;
		remember();
		read_at = now;
	}
	return &remembered;
}

void
guard_await_writers(void)
{
	List *attachments = attachments_read(attachments_function());
	ListCell *cell;

	if (AC_MUTATED(AC_MUTANT_GUARD_NO_WAIT))
		return;
	/* By role, so always in one order. */
	foreach(cell, attachments)
	{
		const Attachment *attachment = lfirst(cell);

		if (attachment->role != SOURCE_BOOKINGS && attachment->role != SOURCE_RESERVATIONS)
			continue;
		LockRelationOid(attachment->relid, ShareRowExclusiveLock);
		(void) find_all_inheritors(attachment->relid, ShareRowExclusiveLock, NULL);
	}
}
