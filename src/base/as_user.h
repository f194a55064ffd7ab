/*
 * as_user.h
 *		Runs as another user for a while: a table's owner, whoever calls.
 *
 * What runs meanwhile may do nothing that outlasts it (SET ROLE, cursors,
 * temporary tables), and settings that it changes are put back: a caller's
 * names must not be looked up in that user's search_path.  An error puts user
 * and settings back by itself, with the (sub)transaction.
 */
#ifndef AC_BASE_AS_USER_H
#define AC_BASE_AS_USER_H

#include "miscadmin.h"
#include "utils/guc.h"

typedef struct SavedUser
{
	Oid user;
	int context;
	int settings_level;
} SavedUser;

static inline SavedUser
switch_user(Oid user)
{
	SavedUser saved;

	GetUserIdAndSecContext(&saved.user, &saved.context);
	saved.settings_level = NewGUCNestLevel();
	SetUserIdAndSecContext(user, saved.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	return saved;
}

static inline void
restore_user(SavedUser saved)
{
	AtEOXact_GUC(false, saved.settings_level);
	SetUserIdAndSecContext(saved.user, saved.context);
}

#endif /* AC_BASE_AS_USER_H */
