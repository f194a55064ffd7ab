/*
 * fingerprint.h
 *		What the catalogs say of the attached tables, their partitions and the rules.
 */
#ifndef AC_SLOTS_FINGERPRINT_H
#define AC_SLOTS_FINGERPRINT_H

#include "nodes/pg_list.h"

/* Of all that answers are made with. */
typedef struct CatalogFacts
{
	uint64 fingerprint;
	List *relids; /* whose definitions these are */
	bool tracked; /* every change of the tables that count is noticed */
	bool logged;  /* and is in the WAL */
} CatalogFacts;

/*
 * Reads the catalogs under the active snapshot; what relations and roles are
 * now, under the newest, of which the messages are accepted.  attachments is
 * as attachments_read gives it.
 */
extern void facts_read(List *attachments, Oid rules, Oid trigger_function, CatalogFacts *facts);

#endif /* AC_SLOTS_FINGERPRINT_H */
