/*
 * as_user.h
 *		Runs as another user for a while: a table's owner, whoever calls.
 *
 * What runs meanwhile may do nothing that outlasts it (SET ROLE, cursors,
 * temporary tables).  It may be code of that user (of an index expression),
 * so neither may decide what the other's names mean: settings are guarded
 * around it, with search_path at pg_catalog, and put back afterwards.  An
 * error puts user and settings back by itself, with the (sub)transaction.
 */
#ifndef AC_BASE_AS_USER_H
#define AC_BASE_AS_USER_H

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"

#define SAFE_SEARCH_PATH "pg_catalog, pg_temp"

typedef struct SavedUser
{
	Oid user;
	int context;
} SavedUser;

/* Begins a level of settings, around one or more switches; to be ended by restore_settings. */
static inline int
guard_settings(void)
{
	return NewGUCNestLevel();
}

static inline void
restore_settings(int level)
{
	AtEOXact_GUC(false, level);
}

/* Caller guards the settings: the search_path lasts until they are restored. */
static inline SavedUser
switch_user(Oid user)
{
	SavedUser saved;

	/* Not yet, or code of the user before has changed it. */
	if (strcmp(namespace_search_path, SAFE_SEARCH_PATH) != 0)
		(void) set_config_option("search_path", SAFE_SEARCH_PATH, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	GetUserIdAndSecContext(&saved.user, &saved.context);
	SetUserIdAndSecContext(user,
						   saved.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	return saved;
}

static inline void
restore_user(SavedUser saved)
{
	SetUserIdAndSecContext(saved.user, saved.context);
}

#endif /* AC_BASE_AS_USER_H */
