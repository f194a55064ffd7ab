/*
 * waiting_worker.c
 *		Looks, every few seconds, whether there is a slot for those who wait.
 *
 * A launcher, connected to no database, starts a worker in each database that
 * has a waiting list, one after the other, every waiting_interval.  The worker
 * calls queue_freed() and is gone: nobody who drops the database or copies it has to
 * wait longer than that.  What must not be lost is in tables (waiting lists,
 * freed), so after a crash it goes on as if nothing had been.
 *
 * Which databases have a list is remembered in shared memory: told by who
 * commits a trigger of it, and found by looking at all databases when the
 * launcher starts, a database was made, and every RESCAN.
 *
 * Locking: atomics; a place is taken by compare-and-exchange of its database.
 * A worker gives its database's place back before it takes its snapshot, and takes
 * one again if it finds a list: so of a list that is committed meanwhile
 * either it or who commits it says so.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/background.h"
#include "base/compat.h"
#include "base/guard.h"
#include "base/members.h"
#include "base/settings.h"
#include "base/utility.h"
#include "entry/waiting_worker.h"
#include "slots/attachments.h"

#define NPLACES 64
/* The datconnlimit of one whose DROP was interrupted; not every minor release has a name for it. */
#define INVALID_DATABASE (-2)
#define RESCAN (SECS_PER_HOUR * USECS_PER_SEC)
/* While it is turned off, in milliseconds. */
#define LONG_NAP (60 * 1000)
/* Who keeps others from the queue for longer is waited for by the next worker. */
#define LOCK_TIMEOUT "5s"

PGDLLEXPORT void availability_cache_waiting_launcher_main(Datum arg);
PGDLLEXPORT void availability_cache_waiting_worker_main(Datum arg);

typedef struct WaitingLists
{
	pg_atomic_uint32 databases;		  /* so many were made */
	pg_atomic_uint32 places[NPLACES]; /* databases with waiting lists; InvalidOid: free */
} WaitingLists;

static WaitingLists *shared = NULL;
/* This transaction makes a trigger that may be one's, or a database. */
static bool makes_list = false;
static bool makes_database = false;

Size
waiting_worker_shmem_size(void)
{
	return sizeof(WaitingLists);
}

void
waiting_worker_shmem_init(void)
{
	bool found;

	shared = ShmemInitStruct("availability_cache waiting lists", waiting_worker_shmem_size(), &found);
	if (found)
		return;
	pg_atomic_init_u32(&shared->databases, 0);
	for (int i = 0; i < NPLACES; i++)
		pg_atomic_init_u32(&shared->places[i], InvalidOid);
}

/* Where there is no room, a RESCAN finds it. */
static void
remember_database(Oid dboid)
{
	for (int i = 0; i < NPLACES; i++)
	{
		uint32 was = InvalidOid;

		if (pg_atomic_compare_exchange_u32(&shared->places[i], &was, dboid) || was == dboid)
			return;
	}
}

static bool
is_remembered(Oid dboid)
{
	for (int i = 0; i < NPLACES; i++)
	{
		if (pg_atomic_read_u32(&shared->places[i]) == dboid)
			return true;
	}
	return false;
}

static void
forget_database(Oid dboid)
{
	for (int i = 0; i < NPLACES; i++)
	{
		uint32 was = dboid;

		(void) pg_atomic_compare_exchange_u32(&shared->places[i], &was, InvalidOid);
	}
}

/* ---- who commits a waiting list ---- */

static void
note_statement(const Node *statement)
{
	const CreateTrigStmt *trigger = (const CreateTrigStmt *) statement;

	if (IsA(statement, CreateTrigStmt) && strcmp(strVal(llast(trigger->funcname)), "waiting_list") == 0)
		makes_list = true;
	if (IsA(statement, CreatedbStmt))
		makes_database = true;
}

static void
note_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && makes_list)
		remember_database(MyDatabaseId);
	if (event == XACT_EVENT_COMMIT && makes_database)
		pg_atomic_fetch_add_u32(&shared->databases, 1);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		makes_list = makes_database = false;
}

/* ---- the worker of a database ---- */

/* As the extension's owner, whose function it is. */
static void
look(void *arg)
{
	SavedUser saved = switch_user(members_owner());

	(void) OidFunctionCall0(*(Oid *) arg);
	restore_user(saved);
}

static void
look_at_lists(Oid queue_freed)
{
	int settings = guard_settings();
	ErrorData *error = guarded(look, &queue_freed);

	if (error != NULL)
		ereport(LOG_SERVER_ONLY,
				errmsg("availability_cache could not look at the waiting lists: %s", error->message),
				errhint("It looks again in %d s.", ac_waiting_interval));
	restore_settings(settings);
}

static void
work(void)
{
	Oid queue_freed;
	Oid list;

	forget_database(MyDatabaseId);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "looking at waiting lists");
	queue_freed = member_find(ProcedureRelationId, "queue_freed");
	list = member_find(ProcedureRelationId, "waiting_list");
	if (OidIsValid(queue_freed) && OidIsValid(list) && attachments_fingerprint(list) != 0)
	{
		remember_database(MyDatabaseId);
		look_at_lists(queue_freed);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
}

void
availability_cache_waiting_worker_main(Datum arg)
{
	static const char *const settings[][2] = {{"default_transaction_isolation", "read committed"},
											  {"default_transaction_read_only", "off"},
											  {"statement_timeout", "0"},
											  {"lock_timeout", LOCK_TIMEOUT}};

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	background_set(settings, lengthof(settings));
	work();
}

/* ---- the launcher ---- */

/* Databases that can be connected to, in a context of the caller's. */
static List *
list_databases(MemoryContext context)
{
	List *databases = NIL;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext caller;

		if (!database->datallowconn || database->datconnlimit == INVALID_DATABASE)
			continue;
		caller = MemoryContextSwitchTo(context);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(caller);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return databases;
}

/* Until its worker is through; if there is no place for one, the next time has to do. */
static void
look_at_database(Oid dboid)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	background_describe(&worker, "availability_cache_waiting_worker_main", "waiting worker", dboid);
	worker.bgw_main_arg = ObjectIdGetDatum(dboid);
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
}

/* Those with lists, or all. */
static void
look_at_databases(bool all)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "availability_cache databases",
												  ALLOCSET_SMALL_SIZES);
	ListCell *cell;

	foreach(cell, list_databases(context))
	{
		CHECK_FOR_INTERRUPTS();
		if (all || is_remembered(lfirst_oid(cell)))
			look_at_database(lfirst_oid(cell));
	}
	MemoryContextDelete(context);
}

static bool
any_remembered(void)
{
	for (int i = 0; i < NPLACES; i++)
	{
		if (OidIsValid(pg_atomic_read_u32(&shared->places[i])))
			return true;
	}
	return false;
}

static void
nap(long milliseconds)
{
	background_nap(milliseconds, "AvailabilityCacheWaiting");
}

void
availability_cache_waiting_launcher_main(Datum arg)
{
	TimestampTz scanned = 0;
	TimestampTz looked = 0;
	uint32 databases = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		int64 left = looked + ac_waiting_interval * USECS_PER_SEC - now;

		if (ac_waiting_interval == 0)
			nap(LONG_NAP);
		else if (left > 0)
			nap(left / 1000 + 1);
		else
		{
			uint32 made = pg_atomic_read_u32(&shared->databases);
			bool all = made != databases || now - scanned > RESCAN;

			looked = now;
			databases = made;
			if (all)
				scanned = now;
			if (all || any_remembered())
				look_at_databases(all);
		}
	}
}

void
waiting_worker_init(void)
{
	BackgroundWorker worker;

	if (IsBinaryUpgrade)
		return;
	background_describe(&worker, "availability_cache_waiting_launcher_main", "waiting launcher", InvalidOid);
	worker.bgw_restart_time = SECS_PER_MINUTE;
	RegisterBackgroundWorker(&worker);
	utility_notify(note_statement);
	RegisterXactCallback(note_commit, NULL);
}
