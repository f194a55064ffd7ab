/*
 * utility.c
 *		Being told when a utility statement is about to run.
 */
#include "postgres.h"

#include "tcop/utility.h"

#include "base/utility.h"

#define MAX_LISTENERS 8

static UtilityListener listeners[MAX_LISTENERS];
static int nlisteners = 0;
static ProcessUtility_hook_type previous_process_utility = NULL;

static void
tell_listeners(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context,
			   ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver,
			   QueryCompletion *completion)
{
	for (int i = nlisteners - 1; i >= 0; i--)
		listeners[i](statement->utilityStmt);
	if (previous_process_utility)
		previous_process_utility(statement, text, read_only_tree, context, params, environment, receiver,
								 completion);
	else
		standard_ProcessUtility(statement, text, read_only_tree, context, params, environment, receiver,
								completion);
}

void
utility_notify(UtilityListener listen)
{
	if (nlisteners == MAX_LISTENERS)
		elog(ERROR, "too many listeners to utility statements");
	if (nlisteners == 0)
	{
		previous_process_utility = ProcessUtility_hook;
		ProcessUtility_hook = tell_listeners;
	}
	listeners[nlisteners++] = listen;
}
