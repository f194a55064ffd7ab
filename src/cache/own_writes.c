/*
 * own_writes.c
 *		Which relations this transaction may have written to.
 *
 * A transaction that has written to other tables than those an answer is
 * made of can take the answer from memory.  Triggers tell too late which
 * tables those are: a cascade has removed rows before the child's trigger
 * fires, and a parent's trigger may ask in between.  So whole tables are
 * noted before anything is written: a statement's result relations when the
 * executor starts it (foreign keys' own statements among them), and as
 * unknown whatever a utility statement does, but for those that only run
 * other statements or make a table that nothing can depend on yet.
 *
 * Logical replication writes without starting the executor, and other
 * workers may; so only the sessions of clients are told apart.
 *
 * Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/catalog.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/test_hooks.h"
#include "base/utility.h"
#include "cache/changes.h"
#include "cache/own_writes.h"

/* More relations than this are not told apart. */
#define MAX_WRITTEN 32

static ExecutorStart_hook_type previous_executor_start = NULL;

/* Of this transaction. */
static Oid written[MAX_WRITTEN];
static int nwritten = 0;
static bool unknown = false;

/* Changes of the catalogs are DDL, however they are made. */
static void
note(Oid relid)
{
	if (IsCatalogRelationOid(relid))
		unknown = true;
	for (int i = 0; i < nwritten; i++)
	{
		if (written[i] == relid)
			return;
	}
	if (nwritten == MAX_WRITTEN)
		unknown = true;
	else
		written[nwritten++] = relid;
}

static void
note_result_relations(QueryDesc *query, int eflags)
{
	ListCell *cell;

	foreach(cell, query->plannedstmt->resultRelations)
		note(rt_fetch(lfirst_int(cell), query->plannedstmt->rtable)->relid);
	if (previous_executor_start)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/*
 * Whether all that the statement writes to attached tables is written by statements
 * that are noted themselves.
 */
static bool
only_runs_others(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_TransactionStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_ExplainStmt:
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_ClosePortalStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_ConstraintsSetStmt:
		case T_LockStmt:
		case T_NotifyStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
			return true;
			/*
			 * Their own table is new, or one that cannot be attached; an index or a sequence
			 * changes no answer.
			 */
		case T_CreateTableAsStmt:
		case T_RefreshMatViewStmt:
		case T_IndexStmt:
		case T_CreateSeqStmt:
		case T_AlterSeqStmt:
			return true;
		case T_CreateStmt:
			return ((const CreateStmt *) statement)->partbound == NULL &&
				   ((const CreateStmt *) statement)->inhRelations == NIL;
		case T_CopyStmt:
			return !((const CopyStmt *) statement)->is_from;
		default:
			return false;
	}
}

static void
note_utility(const Node *statement)
{
	if (only_runs_others(statement))
		return;
	unknown = true;
	/* By a trigger of ours a table is attached. */
	changes_may_define(IsA(statement, CreateTrigStmt));
}

static void
forget_writes(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		nwritten = 0;
		unknown = false;
	}
}

void
own_writes_init(void)
{
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = note_result_relations;
	utility_notify(note_utility);
	RegisterXactCallback(forget_writes, NULL);
}

bool
own_writes_may_concern(bool (*concerns)(Oid relid))
{
	if (unknown || MyBackendType != B_BACKEND)
		return true;
	for (int i = 0; i < nwritten && !AC_MUTATED(AC_MUTANT_NO_NOTES); i++)
	{
		if (concerns(written[i]))
			return true;
	}
	return false;
}
