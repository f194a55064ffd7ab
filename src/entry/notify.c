/*
 * notify.c
 *		Tells who listens what committed transactions outdated.
 *
 * One NOTIFY a transaction, at PRE_COMMIT, which comes before the server
 * sends what is to be notified.  It has a number, one more than the last of
 * its database, and when these numbers began: who gets 8 after 6 has missed
 * one.  The numbers are taken under the lock that the server takes to send,
 * and holds until the transaction is over, so they come in the order of
 * commits.  What cannot be sent takes a number all the same.
 *
 * Whoever may connect may listen, so no value of a column is told but
 * stylists and days, of which everybody may ask.
 *
 * Locking: the numbers are atomics; above that, the server's own lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/async.h"
#include "port/atomics.h"
#include "storage/lmgr.h"
#include "storage/shmem.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/guard.h"
#include "base/settings.h"
#include "cache/databases.h"
#include "entry/notify.h"
#include "entry/outdated_text.h"

#define CHANNEL "availability_cache"
/* The server takes less than 8,000. */
#define MAX_PAYLOAD 7900
/* Where the server's queue is fuller than this, it would fail the transaction soon. */
#define FULL_QUEUE 0.9

typedef struct NotifyState
{
	TimestampTz since;
	pg_atomic_uint64 numbers[MAX_DATABASES];
} NotifyState;

static NotifyState *state = NULL;

static void notify_xact_callback(XactEvent event, void *arg);

Size
notify_shmem_size(void)
{
	return sizeof(NotifyState);
}

void
notify_shmem_init(void)
{
	bool found;

	state = ShmemInitStruct("availability_cache notifications", notify_shmem_size(), &found);
	if (found)
		return;
	state->since = GetCurrentTimestamp();
	for (int i = 0; i < MAX_DATABASES; i++)
		pg_atomic_init_u64(&state->numbers[i], 0);
}

/* After changes_init, so that it comes before: nobody's cells are pending while it waits. */
void
notify_init(void)
{
	RegisterXactCallback(notify_xact_callback, NULL);
}

static uint64
next_number(void)
{
	return pg_atomic_add_fetch_u64(&state->numbers[database_my_number()], 1);
}

static void
append_namespaces(StringInfo out, const OutdatedText *text)
{
	ListCell *cell;

	appendStringInfoString(out, ",\"namespaces\":[");
	foreach(cell, text->namespaces)
	{
		appendStringInfoString(out, foreach_current_index(cell) > 0 ? "," : "");
		append_ascii_json(out, lfirst(cell));
	}
	appendStringInfoChar(out, ']');
}

/*
 * {"n", "since", "at", "namespaces", "keys"}; what is too long is left out, and
 * without namespaces it is everything.
 */
static char *
payload(const OutdatedText *text)
{
	StringInfoData out;
	int head;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"n\":" UINT64_FORMAT ",\"since\":\"%s\"", next_number(),
					 timestamp_text(state->since));
	appendStringInfo(&out, ",\"at\":\"%s\"", timestamp_text(GetCurrentTimestamp()));
	head = out.len;
	if (!text->everything)
		append_namespaces(&out, text);
	if (out.len >= MAX_PAYLOAD)
	{
		out.len = head;
		out.data[head] = '\0';
	}
	else if (!text->everything && ac_notify == NOTIFY_KEYS && out.len + strlen(text->keys) + 10 < MAX_PAYLOAD)
		appendStringInfo(&out, ",\"keys\":%s", text->keys);
	appendStringInfoChar(&out, '}');
	return out.data;
}

static void
notify(void *arg)
{
	OutdatedText text;

	outdated_describe(arg, false, &text);
	if (!text.everything && text.namespaces == NIL)
		return;
	LockSharedObject(DatabaseRelationId, InvalidOid, 0, AccessExclusiveLock);
	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) > FULL_QUEUE)
		ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("the queue of notifications is nearly full"),
				errhint("A session that listens may be in a long transaction."));
	Async_Notify(CHANNEL, payload(&text));
}

static void
notify_xact_callback(XactEvent event, void *arg)
{
	const Outdated *outdated = outdated_now();
	ErrorData *error;

	if (outdated == NULL || ac_notify == NOTIFY_OFF ||
		(event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE))
		return;
	/* The server prepares no transaction that notifies: a gap is all that tells of it. */
	if (event == XACT_EVENT_PRE_PREPARE)
	{
		(void) next_number();
		return;
	}
	error = guarded(notify, (void *) outdated);
	if (error == NULL)
		return;
	(void) next_number();
	ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
			errmsg("availability_cache could not notify: %s", error->message),
			error->hint ? errhint("%s", error->hint) : 0);
}
