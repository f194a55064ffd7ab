/*
 * members.h
 *		The extension of this database and its members.
 */
#ifndef AC_BASE_MEMBERS_H
#define AC_BASE_MEMBERS_H

/*
 * The relation (RelationRelationId) or function (ProcedureRelationId) of this
 * name that is a member of the extension and belongs to its owner or to a
 * superuser; InvalidOid: there is none.  No schema is asked for: names do not
 * make a member.
 */
extern Oid member_find(Oid classid, const char *name);

/* Whose the extension is; InvalidOid: it is not there. */
extern Oid members_owner(void);

/* A member as it stands in SQL, in full. */
extern char *member_name(Oid classid, Oid member);

#endif /* AC_BASE_MEMBERS_H */
