/*
 * looked_up.c
 *		The values by which a scan looks rows up while its query runs.
 *
 * The inner scan of a nested loop, or one in a correlated sub-select, goes by
 * a parameter that changes.  Who sets it has the scan begin anew and fetches
 * from it at once: so whatever the scan reads, it reads in a call of its
 * ExecProcNode, while the parameter has the value that is looked up.  A
 * Memoize node or a hash table above it only repeats what was read.  These
 * calls come here first.
 *
 * Not of a query that workers take part in: they have scans of their own.
 *
 * Owns which scans are watched, until their query is gone.
 *
 * Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/test_hooks.h"
#include "memo/looked_up.h"
#include "memo/watched.h"

typedef struct WatchedScan
{
	PlanState *state; /* key */
	ExecProcNodeMtd fetch;
	LookedUp what;
	uint64 computation;
	LookedUpNote note; /* NULL: no more */
	bool any;		   /* a value was told */
	uint64 last;	   /* its hash */
} WatchedScan;

static HTAB *scans = NULL;

/* ---- parameters ---- */

static bool
is_set_by_loop(const PlanState *state, int paramid)
{
	ListCell *cell;

	if (!IsA(state->plan, NestLoop))
		return false;
	foreach(cell, ((NestLoop *) state->plan)->nestParams)
	{
		if (((NestLoopParam *) lfirst(cell))->paramno == paramid)
			return true;
	}
	return false;
}

static bool
is_set_for_subselect(const PlanState *state, int paramid)
{
	ListCell *cell;

	foreach(cell, state->subPlan)
	{
		if (list_member_int(((SubPlanState *) lfirst(cell))->subplan->parParam, paramid))
			return true;
	}
	return false;
}

static bool
is_set_before_scans(PlanState *state, void *paramid)
{
	return is_set_by_loop(state, *(int *) paramid) || is_set_for_subselect(state, *(int *) paramid) ||
		   planstate_tree_walker(state, is_set_before_scans, paramid);
}

/* It is computed when somebody asks for it. */
static bool
is_output(PlanState *state, void *paramid)
{
	ListCell *cell;

	foreach(cell, state->initPlan)
	{
		if (list_member_int(((SubPlanState *) lfirst(cell))->subplan->setParam, *(int *) paramid))
			return true;
	}
	foreach(cell, state->subPlan)
	{
		if (list_member_int(((SubPlanState *) lfirst(cell))->subplan->setParam, *(int *) paramid))
			return true;
	}
	return planstate_tree_walker(state, is_output, paramid);
}

bool
looked_up_by(const QueryDesc *query, int paramid)
{
	if (query->plannedstmt->parallelModeNeeded && !AC_MUTATED(AC_MUTANT_WORKERS_UNSEEN))
		return false;
	return is_set_before_scans(query->planstate, &paramid) && !is_output(query->planstate, &paramid);
}

/* ---- scans ---- */

static TupleTableSlot *fetch_noting(PlanState *state);

/* The hash is of the column's type, as that of a row's value (watched.c). */
static bool
hash_parameter(const WatchedScan *scan, uint64 *hash)
{
	const ParamExecData *param = &scan->state->state->es_param_exec_vals[scan->what.paramid];
	MemoryContext old;
	bool hashed;

	/* Nothing equals it. */
	if (param->isnull)
		return false;
	old = MemoryContextSwitchTo(scan->state->ps_ExprContext->ecxt_per_tuple_memory);
	hashed = hash_of_value(scan->what.type, scan->what.collation, param->value, hash);
	MemoryContextSwitchTo(old);
	return hashed;
}

static void
note_value(WatchedScan *scan)
{
	uint64 hash;

	if (!hash_parameter(scan, &hash) || (scan->any && scan->last == hash) ||
		(scan->any && AC_MUTATED(AC_MUTANT_FIRST_LOOKUP)))
		return;
	scan->any = true;
	scan->last = hash;
	if (scan->note(scan->computation, &scan->what, hash))
		return;
	scan->note = NULL;
	scan->state->ExecProcNodeReal = scan->fetch;
	if (scan->state->ExecProcNode == fetch_noting)
		scan->state->ExecProcNode = scan->fetch;
}

static TupleTableSlot *
fetch_noting(PlanState *state)
{
	WatchedScan *scan = hash_search(scans, &state, HASH_FIND, NULL);

	if (scan->note != NULL)
		note_value(scan);
	return scan->fetch(state);
}

/* Its query is gone. */
static void
forget(void *state)
{
	(void) hash_search(scans, &state, HASH_REMOVE, NULL);
}

static void
remember_until_gone(QueryDesc *query, PlanState *state)
{
	MemoryContextCallback *callback = MemoryContextAlloc(query->estate->es_query_cxt, sizeof(*callback));

	callback->func = forget;
	callback->arg = state;
	MemoryContextRegisterResetCallback(query->estate->es_query_cxt, callback);
}

static void
make_table(void)
{
	HASHCTL control = {.keysize = sizeof(PlanState *),
					   .entrysize = sizeof(WatchedScan),
					   .hcxt = TopMemoryContext};

	scans = hash_create("availability_cache scans", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

typedef struct Search
{
	Plan *plan;
	PlanState *found;
} Search;

static bool
find_state(PlanState *state, void *arg)
{
	Search *search = arg;

	if (state->plan == search->plan)
		search->found = state;
	return search->found != NULL || planstate_tree_walker(state, find_state, search);
}

bool
looked_up_watch(QueryDesc *query, Plan *plan, const LookedUp *what, uint64 computation, LookedUpNote note)
{
	Search search = {.plan = plan};
	WatchedScan *scan;
	bool found;

	if (!find_state(query->planstate, &search) || search.found->ps_ExprContext == NULL)
		return false;
	if (scans == NULL)
		make_table();
	remember_until_gone(query, search.found);
	scan = hash_search(scans, &search.found, HASH_ENTER, &found);
	if (found)
		return false;
	scan->fetch = search.found->ExecProcNodeReal;
	scan->what = *what;
	scan->computation = computation;
	scan->note = note;
	scan->any = false;
	if (search.found->ExecProcNode == scan->fetch)
		search.found->ExecProcNode = fetch_noting;
	search.found->ExecProcNodeReal = fetch_noting;
	return true;
}
