/*
 * as_user.h
 *		Runs as another user for a while: a table's owner, whoever calls.
 *
 * What runs meanwhile may do nothing that outlasts it (SET ROLE, cursors,
 * temporary tables).  An error puts the user back by itself, with the
 * (sub)transaction.
 */
#ifndef AC_BASE_AS_USER_H
#define AC_BASE_AS_USER_H

#include "miscadmin.h"

typedef struct SavedUser
{
	Oid user;
	int context;
} SavedUser;

static inline SavedUser
switch_user(Oid user)
{
	SavedUser saved;

	GetUserIdAndSecContext(&saved.user, &saved.context);
	SetUserIdAndSecContext(user, saved.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	return saved;
}

static inline void
restore_user(SavedUser saved)
{
	SetUserIdAndSecContext(saved.user, saved.context);
}

#endif /* AC_BASE_AS_USER_H */
