/*
 * attachments.h
 *		Which tables are attached, as their triggers say.
 */
#ifndef AC_SLOTS_ATTACHMENTS_H
#define AC_SLOTS_ATTACHMENTS_H

#include "nodes/pg_list.h"

#include "slots/roles.h"

/* A table that says by a trigger that it plays a role. */
typedef struct Attachment
{
	SourceRole role;
	Oid relid;
	Oid owner;
	bool allowed;						   /* its owner may attach tables */
	const char *problem;				   /* why it does not count; NULL: it does */
	const char *columns[MAX_ROLE_COLUMNS]; /* for each of the role's; NULL: it has none */
	bool left_out[MAX_ROLE_COLUMNS];	   /* it has none because somebody said so */
} Attachment;

/* A trigger's argument in place of a column that somebody left out: a name that no column can have. */
#define LEFT_OUT "ctid"

/* Whether a trigger's argument names a column. */
static inline bool
argument_names_column(const char *argument)
{
	return argument[0] != '\0' && strcmp(argument, LEFT_OUT) != 0;
}

/* The trigger function; InvalidOid: the extension is not there. */
extern Oid attachments_function(void);

/* All of them, in order of role, in the current memory context. */
extern List *attachments_read(Oid function);

/* A number that is another one when a trigger with the function has been made or dropped. */
extern uint64 attachments_fingerprint(Oid function);

#endif /* AC_SLOTS_ATTACHMENTS_H */
