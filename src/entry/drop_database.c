/*
 * drop_database.c
 *		A database that is dropped leaves nothing behind.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"

#include "cache/changes.h"
#include "cache/counters.h"
#include "cache/databases.h"
#include "cache/store.h"
#include "entry/drop_database.h"
#include "table/state.h"

static object_access_hook_type previous_object_access_hook = NULL;

/* Dropped by this transaction, which drops no more than one. */
static Oid dropped = InvalidOid;

/* A later database may get the dropped one's OID: nothing of the old may be left valid. */
static void
notice_dropped_database(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	DatabaseNo number;

	if (previous_object_access_hook)
		previous_object_access_hook(access, classid, objectid, subid, arg);
	if (access != OAT_DROP || classid != DatabaseRelationId)
		return;
	/* One that never used the cache must not take a number, or the last one be shared for it. */
	if (database_find(objectid, &number))
		changes_touch(number);
	dropped = objectid;
}

/* Not earlier: it may still not be dropped, as somebody is connected. */
static void
forget_database(void)
{
	DatabaseNo number;
	Oid dboid;

	tier_state_forget(dropped);
	/* Not where others share it. */
	if (!database_find(dropped, &number) || !database_by_number(number, &dboid) || dboid != dropped)
		return;
	counters_forget(number);
	store_forget(number);
	database_forget(dropped);
}

static void
drop_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && OidIsValid(dropped))
		forget_database();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		dropped = InvalidOid;
}

void
drop_database_init(void)
{
	previous_object_access_hook = object_access_hook;
	object_access_hook = notice_dropped_database;
	RegisterXactCallback(drop_xact_callback, NULL);
}
