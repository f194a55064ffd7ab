/*
 * definitions.h
 *		Whether the catalogs still say what they said when answers were computed.
 */
#ifndef AC_CACHE_DEFINITIONS_H
#define AC_CACHE_DEFINITIONS_H

#include "cache/tag.h"

extern Size definitions_shmem_size(void);
extern void definitions_shmem_init(void);

/* ---- readers ---- */

extern Tag tag_of_relation(Oid dboid, Oid relid);
/* By the hash of its OID that the PROCOID syscache has. */
extern Tag tag_of_function(Oid dboid, uint32 hash);
/*
 * Of a relation's or type's name in a schema, whether it is there or not; by the hash
 * that RELNAMENSP and TYPENAMENSP have.
 */
extern Tag tag_of_name(Oid dboid, uint32 hash);
/*
 * Of what else names mean and what is rarely changed: functions, operators,
 * casts, schemas, enums, collations, text search; with InvalidOid of roles and memberships.
 */
extern Tag tag_of_names(Oid dboid);

/* What a session has read of the catalogs, and found to hold. */
typedef struct Definitions
{
	uint64 fingerprint; /* of all of it; comes again only if what was read then would be read now */
	const Tag *tags;	/* of the relations and functions it comes from */
	int ntags;
	bool watched; /* false when they were just read; for definitions_confirm */
} Definitions;

/* Whether the database's changed after the clock: who read them before must read them again. */
extern bool definitions_are_newer(uint64 clock);

/*
 * Says that they are so as of the clock, for answers that are there already
 * too.  False if that cannot be said: what is computed with them must not be
 * kept.  The catalogs' messages were accepted after the clock was read, and
 * definitions_are_newer was false since.
 */
extern bool definitions_confirm(Definitions *definitions, uint64 clock);

/* Whether somebody has said so already. */
extern bool definitions_confirmed(uint64 clock);

/* ---- writers ---- */

/* What a transaction has changed in the catalogs. */
typedef struct DefinitionChanges
{
	const Tag *tags; /* of relations and functions */
	int ntags;
	bool any;	 /* what all of this database's definitions may rest on */
	bool shared; /* and those of other databases */
} DefinitionChanges;

/* Of this transaction, which has a xid and is about to commit; allocates in the current context. */
extern void definitions_list_changes(DefinitionChanges *changes);

/* Whether somebody's definitions rest on one of these; looked at once the changes of the tags are begun. */
extern bool definitions_are_watched(const DefinitionChanges *changes);

#endif /* AC_CACHE_DEFINITIONS_H */
