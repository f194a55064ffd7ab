/*
 * seen.c
 *		Sees what a computation reads, while it runs.
 *
 * Every query passes ExecutorStart with its plan: that of a function in SQL
 * or plpgsql, of dynamic text, of a cursor, of a view or a policy.  Its
 * relations and functions are those of the plan.  What is not known to be
 * seen (a command that is no query, a portal from elsewhere, a plan of a kind
 * that is not known here) is a reason not to keep the answer.  plan.c walks
 * the plan, facts.c says what may come of functions.
 *
 * Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/test_hooks.h"
#include "base/utility.h"
#include "cache/definitions.h"
#include "memo/definition.h"
#include "memo/names.h"
#include "memo/narrow.h"
#include "memo/plan.h"
#include "memo/seen.h"
#include "memo/tags.h"
#include "memo/watched.h"
#include "memo/words.h"

/* A longer search_path is not followed. */
#define MAX_PATH 64

static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ExecutorEnd_hook_type previous_executor_end = NULL;

static Seen *current = NULL;
static uint64 computations = 0;

/* ---- noting ---- */

Seen *
seen_current(void)
{
	return current;
}

void
seen_note_reason(ReasonKind kind, Oid object)
{
	if (current != NULL && current->reason.kind == REASON_NONE)
		current->reason = (Reason){kind, object};
}

static bool
has_tag(Tag tag)
{
	for (uint32 i = 0; i < current->ntags; i++)
	{
		if (current->tags[i] == tag)
			return true;
	}
	return false;
}

void
seen_note_tag(Tag tag)
{
	if (current == NULL || has_tag(tag))
		return;
	if (current->ntags == MAX_DEPENDENCIES)
		seen_note_reason(REASON_TOO_MUCH, InvalidOid);
	else
		current->tags[current->ntags++] = tag;
}

void
seen_note_name(const char *name)
{
	Size size = strlen(name) + 1;

	if (current == NULL)
		return;
	for (int i = 0; i < current->names.len; i += strlen(current->names.data + i) + 1)
	{
		if (strcmp(current->names.data + i, name) == 0)
			return;
	}
	appendBinaryStringInfo(&current->names, name, size);
}

void
seen_note_until(int64 until)
{
	if (current == NULL)
		return;
	current->said_until = true;
	seen_limit_until(until);
}

void
seen_limit_until(int64 until)
{
	if (current != NULL)
		current->valid_until = Min(current->valid_until, until);
}

void
seen_note_unlogged(void)
{
	if (current != NULL)
		current->unlogged = true;
}

/* ---- relations ---- */

/* Of a name in a schema, where another relation or type may be made that it would mean. */
static void
note_place(uint32 hash, bool holds)
{
	if (!holds)
		seen_note_reason(REASON_NAMES, InvalidOid);
	seen_note_tag(tag_of_name(MyDatabaseId, hash));
}

static void
note_places_before(const char *name, Oid namespace)
{
	Oid path[MAX_PATH];
	int n = fetch_search_path_array(path, MAX_PATH);
	int found = 0;

	while (found < Min(n, MAX_PATH) && path[found] != namespace)
		found++;
	if (n > MAX_PATH)
		seen_note_reason(REASON_TOO_MUCH, InvalidOid);
	if (found == n || AC_MUTATED(AC_MUTANT_NO_SHADOWS))
		return;
	for (int i = path[0] == PG_CATALOG_NAMESPACE; i < found; i++)
	{
		uint32 hash;
		bool holds = names_hold(name, path[i], &hash);

		note_place(hash, holds);
	}
}

/* ---- types ---- */

/* In the order in which they are looked through, but a temporary one. */
static List *
namespaces_of(const char *path)
{
	List *names;
	List *namespaces = NIL;
	ListCell *cell;

	if (!SplitIdentifierString(pstrdup(path), ',', &names))
		return NIL;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		Oid namespace = get_namespace_oid(strcmp(name, "$user") == 0 ? GetUserNameFromId(GetUserId(), false)
																	 : name,
										  true);

		if (OidIsValid(namespace))
			namespaces = lappend_oid(namespaces, namespace);
	}
	return list_member_oid(namespaces, PG_CATALOG_NAMESPACE) ? namespaces
															 : lcons_oid(PG_CATALOG_NAMESPACE, namespaces);
}

static List *
current_namespaces(void)
{
	Oid path[MAX_PATH];
	int n = Min(fetch_search_path_array(path, MAX_PATH), MAX_PATH);
	List *namespaces = NIL;

	for (int i = 0; i < n; i++)
		namespaces = lappend_oid(namespaces, path[i]);
	return namespaces;
}

/* Up to the one that is found; and whether this session has a temporary one. */
static void
note_type(const char *name, const List *namespaces)
{
	Oid temporary;
	Oid toast;
	ListCell *cell;

	GetTempNamespaceState(&temporary, &toast);
	if (OidIsValid(temporary) &&
		SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(temporary)))
		seen_note_reason(REASON_NAMES, InvalidOid);
	seen_note_name(name);
	foreach(cell, namespaces)
	{
		uint32 hash;
		Oid type;
		bool holds = names_hold_type(name, lfirst_oid(cell), &hash, &type);

		/* The server's own stay, and nobody makes others there. */
		if (lfirst_oid(cell) != PG_CATALOG_NAMESPACE)
			note_place(hash, holds);
		if (OidIsValid(type))
		{
			facts_add_type(&current->facts, type);
			return;
		}
	}
}

void
seen_note_types(void)
{
	List *types = AC_MUTATED(AC_MUTANT_NO_TYPES) ? NIL : facts_types(&current->facts);
	List *paths = list_make1(current_namespaces());
	ListCell *path;
	ListCell *type;

	foreach(path, facts_paths(&current->facts))
		paths = lappend(paths, namespaces_of(strVal(lfirst(path))));
	foreach(path, paths)
	{
		foreach(type, types)
			note_type(strVal(lfirst(type)), lfirst(path));
	}
	foreach(type, current->facts.row_types)
		seen_note_tag(tag_of_relation(MyDatabaseId, lfirst_oid(type)));
}

/* ---- tables ---- */

/* Whether it is watched; which rows are read, its scans tell. */
static void
note_table(Relation rel)
{
	KeyColumns keys;
	ReasonKind problem = watched_table(rel, &keys);

	if (problem != REASON_NONE)
		seen_note_reason(problem, RelationGetRelid(rel));
}

static SeenRelation *
find_relation(Oid relid)
{
	ListCell *cell;

	foreach(cell, current->relations)
	{
		SeenRelation *one = lfirst(cell);

		if (one->relid == relid)
			return one;
	}
	return NULL;
}

/* Of some session: that it came or went, the relation's message tells. */
static bool
has_temporary_child(Relation rel)
{
	List *children = rel->rd_rel->relhassubclass ? find_inheritance_children(RelationGetRelid(rel), NoLock)
												 : NIL;
	ListCell *cell;

	foreach(cell, children)
	{
		if (get_rel_persistence(lfirst_oid(cell)) == RELPERSISTENCE_TEMP)
			return true;
	}
	return false;
}

static void
note_relation(Oid relid)
{
	SeenRelation *one = find_relation(relid);
	Relation rel;

	if (one != NULL)
		return;
	one = palloc0(sizeof(*one));
	one->relid = relid;
	current->relations = lappend(current->relations, one);
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
	{
		seen_note_reason(REASON_PLAN, InvalidOid);
		return;
	}
	seen_note_tag(tag_of_relation(MyDatabaseId, relid));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		seen_note_unlogged();
	seen_note_name(RelationGetRelationName(rel));
	note_places_before(RelationGetRelationName(rel), RelationGetNamespace(rel));
	definition_look(rel, &current->facts);
	/*
	 * A view too: others have none of that name, or their own.  And whose rows are a
	 * child's, others have not.
	 */
	if ((rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP || has_temporary_child(rel)) &&
		!AC_MUTATED(AC_MUTANT_TEMPORARY_VIEWS))
		seen_note_reason(REASON_TEMPORARY, relid);
	/*
	 * What a view is made of is in the plan; so are a partitioned table's partitions, but
	 * those that can have no row of it.
	 */
	if ((rel->rd_rel->relkind != RELKIND_VIEW && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) ||
		relid < FirstNormalObjectId)
		note_table(rel);
	relation_close(rel, AccessShareLock);
}

static void
note_sight(Oid relid, AttrNumber column, WholeReason whole)
{
	for (int i = 0; i < current->nsights; i++)
	{
		const Sight *sight = &current->sights[i];

		if (sight->relid == relid && sight->column == column && sight->whole == whole)
			return;
	}
	if (current->nsights < MAX_SIGHTS)
		current->sights[current->nsights++] = (Sight){relid, column, whole};
}

/* The rows with those values, unless they are too many with those of other scans; else the table. */
static void
note_extent(SeenRelation *one, Extent *extent)
{
	int added = 0;

	for (int i = 0; i < extent->n && extent->whole == WHOLE_NOT; i++)
		added += !has_tag(extent->tags[i]);
	if (extent->whole == WHOLE_NOT && one->nvalues + added > MAX_VALUES)
		extent->whole = WHOLE_MANY;
	note_sight(one->relid, extent->column, extent->whole);
	if (extent->whole != WHOLE_NOT)
	{
		seen_note_tag(tag_of_table(one->relid));
		return;
	}
	one->nvalues += added;
	for (int i = 0; i < extent->n; i++)
		seen_note_tag(extent->tags[i]);
}

static void
wait_for_end(QueryDesc *query, Plan *scan, Oid relid)
{
	WaitingScan *waiting = palloc(sizeof(*waiting));

	*waiting = (WaitingScan){query, scan, relid};
	current->waiting = lappend(current->waiting, waiting);
}

/* Once more than there may be they are the table. */
static bool
note_looked_up(uint64 computation, const LookedUp *what, uint64 hash)
{
	SeenRelation *one;
	Tag tag = tag_of_value(what->relid, what->column, hash);

	/* A cursor that another has left open. */
	if (current == NULL || current->number != computation)
		return true;
	one = find_relation(what->relid);
	if (has_tag(tag))
		return true;
	if (one->nvalues++ < MAX_VALUES)
	{
		seen_note_tag(tag);
		return true;
	}
	note_sight(what->relid, what->column, WHOLE_MANY);
	seen_note_tag(tag_of_table(what->relid));
	return false;
}

static void
watch_scan(QueryDesc *query, Plan *scan, SeenRelation *one, Extent *extent)
{
	if (looked_up_watch(query, scan, &extent->looked_up, current->number, note_looked_up))
		note_sight(one->relid, extent->looked_up.column, WHOLE_NOT);
	else
		note_extent(one, extent);
}

/* The rows that a scan can read, of a query that was started or ends. */
static void
note_scan(QueryDesc *query, Plan *scan, Oid relid, bool ends)
{
	SeenRelation *one = find_relation(relid);
	Relation rel = try_relation_open(relid, AccessShareLock);
	KeyColumns keys;
	Extent extent;

	if (rel == NULL || one == NULL)
		seen_note_reason(REASON_PLAN, InvalidOid);
	else if (watched_table(rel, &keys) == REASON_NONE)
	{
		narrow_scan(query, scan, rel, &keys, ends, &extent);
		if (extent.looks_up && !ends)
			watch_scan(query, scan, one, &extent);
		else if (extent.waits && !ends)
			wait_for_end(query, scan, relid);
		else
			note_extent(one, &extent);
	}
	if (rel != NULL)
		relation_close(rel, AccessShareLock);
}

static void
note_scans(QueryDesc *query, List *scans)
{
	ListCell *cell;

	foreach(cell, scans)
	{
		Plan *scan = lfirst(cell);

		note_scan(query, scan, rt_fetch(((Scan *) scan)->scanrelid, query->plannedstmt->rtable)->relid,
				  false);
	}
}

/* What waits for this query, or for any. */
static List *
take_waiting(const QueryDesc *query)
{
	List *taken = NIL;
	List *others = NIL;
	ListCell *cell;

	foreach(cell, current->waiting)
	{
		WaitingScan *waiting = lfirst(cell);

		if (query == NULL || waiting->query == query)
			taken = lappend(taken, waiting);
		else
			others = lappend(others, waiting);
	}
	current->waiting = others;
	return taken;
}

/* The query ends, or is gone. */
static void
stop_waiting(const QueryDesc *query, bool ends)
{
	ListCell *cell;

	foreach(cell, take_waiting(query))
	{
		WaitingScan *waiting = lfirst(cell);

		if (ends)
			note_scan(waiting->query, waiting->scan, waiting->relid, true);
		else if (!AC_MUTATED(AC_MUTANT_NEVER_ENDED))
			seen_note_tag(tag_of_table(waiting->relid));
	}
}

/* ---- queries ---- */

/* Returns the scans of relations. */
static List *
note_query(QueryDesc *query)
{
	PlannedStmt *plan = query->plannedstmt;
	ListCell *cell;

	/* One that was at the same place, and did not end. */
	stop_waiting(query, false);
	current->queries = lappend(current->queries, query);
	/* A function there leaves nothing in the plan when it is inlined. */
	if (query->sourceText != NULL && has_word(query->sourceText, strlen(query->sourceText), "pg_temp"))
		seen_note_reason(REASON_OWN_SCHEMA, InvalidOid);
	foreach(cell, plan->relationOids)
		note_relation(lfirst_oid(cell));
	foreach(cell, plan->invalItems)
	{
		PlanInvalItem *item = lfirst(cell);

		if (item->cacheId == PROCOID)
			seen_note_tag(tag_of_function(MyDatabaseId, item->hashValue));
	}
	return plan_look(plan, &current->facts, &current->reason);
}

static void
see_start(QueryDesc *query, int flags)
{
	List *scans = NIL;
	MemoryContext old = CurrentMemoryContext;

	if (current != NULL)
	{
		MemoryContextSwitchTo(current->context);
		scans = note_query(query);
		MemoryContextSwitchTo(old);
	}
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (scans != NIL)
	{
		MemoryContextSwitchTo(current->context);
		note_scans(query, scans);
		MemoryContextSwitchTo(old);
	}
}

#if PG_VERSION_NUM >= 180000
#define RUN_ARGUMENTS QueryDesc *query, ScanDirection direction, uint64 count
#define RUN_PASSED query, direction, count
#else
#define RUN_ARGUMENTS QueryDesc *query, ScanDirection direction, uint64 count, bool once
#define RUN_PASSED query, direction, count, once
#endif

static void
see_run(RUN_ARGUMENTS)
{
	if (current != NULL && !list_member_ptr(current->queries, query))
		seen_note_reason(REASON_PORTAL, InvalidOid);
	if (previous_executor_run)
		previous_executor_run(RUN_PASSED);
	else
		standard_ExecutorRun(RUN_PASSED);
}

static void
see_end(QueryDesc *query)
{
	if (current != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(current->context);

		stop_waiting(query, true);
		current->queries = list_delete_ptr(current->queries, query);
		MemoryContextSwitchTo(old);
	}
	if (previous_executor_end)
		previous_executor_end(query);
	else
		standard_ExecutorEnd(query);
}

static void
see_utility(const Node *statement)
{
	seen_note_reason(REASON_UTILITY, InvalidOid);
}

void
seen_init(void)
{
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = see_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = see_run;
	previous_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = see_end;
	utility_notify(see_utility);
}

/* ---- errors ---- */

/*
 * Whether an error comes of rows and arguments, or is the source's own: then who reads
 * the same meets it too.
 */
static bool
goes_by_rows(int sqlstate)
{
	static const char *const classes[] = {"00", "01", "02", "21", "22", "23", "P0"};
	const char *code = unpack_sql_state(sqlstate);

	for (int i = 0; i < lengthof(classes); i++)
	{
		if (strncmp(code, classes[i], 2) == 0)
			return true;
	}
	return false;
}

/*
 * A query that fails before it starts has told nothing of what it looked for
 * (a table that is not there), and one that is interrupted fails for a
 * reason of its moment: the answer of who catches that is nobody else's.
 */
static void
note_error(void *arg)
{
	Seen *seen = arg;

	if (seen->reason.kind == REASON_NONE && !goes_by_rows(geterrcode()) &&
		!AC_MUTATED(AC_MUTANT_ERRORS_UNSEEN))
		seen->reason = (Reason){REASON_ERROR, InvalidOid};
}

/* ---- computations ---- */

void
seen_begin(Seen *seen)
{
	memset(seen, 0, offsetof(Seen, tags));
	seen->context = CurrentMemoryContext;
	seen->valid_until = DT_NOEND;
	seen->said_until = false;
	seen->relations = seen->queries = seen->waiting = NIL;
	seen->nsights = 0;
	initStringInfo(&seen->names);
	if (current == NULL)
		facts_refresh();
	seen->errors = (ErrorContextCallback){.previous = error_context_stack,
										  .callback = note_error,
										  .arg = seen};
	error_context_stack = &seen->errors;
	seen->number = ++computations;
	seen->outer = current;
	current = seen;
}

void
seen_finish(void)
{
	stop_waiting(NULL, false);
}

void
seen_end(Seen *seen)
{
	error_context_stack = seen->errors.previous;
	current = seen->outer;
}

void
seen_hand_on(const Seen *seen, Oid function)
{
	if (current == NULL)
		return;
	for (uint32 i = 0; i < seen->ntags; i++)
		seen_note_tag(seen->tags[i]);
	for (int i = 0; i < seen->names.len; i += strlen(seen->names.data + i) + 1)
		seen_note_name(seen->names.data + i);
	if (seen->unlogged)
		seen_note_unlogged();
	seen_limit_until(seen->valid_until);
	if (seen->reason.kind != REASON_NONE)
		seen_note_reason(REASON_NESTED, function);
}
