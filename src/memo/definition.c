/*
 * definition.c
 *		What views and policies call that leaves nothing in plans.
 *
 * A function that is said to be IMMUTABLE is computed when a query is planned.
 * Where it reads a setting, the clock or a table all the same, the plan does
 * not tell, and it may be of an earlier computation.  Those that a source
 * calls are found there (source.c).
 *
 * Locking: the caller's, of the relation.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rowsecurity.h"
#include "utils/lsyscache.h"

#include "memo/definition.h"

static bool
look_at_function(Oid function, void *facts)
{
	if (function >= FirstNormalObjectId && func_volatile(function) == PROVOLATILE_IMMUTABLE)
		facts_add_function(facts, function);
	return false;
}

static bool
look_at(Node *node, void *facts)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, look_at, facts, 0);
	(void) check_functions_in_node(node, look_at_function, facts);
	return expression_tree_walker(node, look_at, facts);
}

void
definition_look(Relation rel, Facts *facts)
{
	ListCell *cell;

	for (int i = 0;
		 rel->rd_rel->relkind == RELKIND_VIEW && rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
		(void) look_at((Node *) rel->rd_rules->rules[i]->actions, facts);
	foreach(cell, rel->rd_rsdesc == NULL ? NIL : rel->rd_rsdesc->policies)
		(void) look_at((Node *) ((RowSecurityPolicy *) lfirst(cell))->qual, facts);
}
