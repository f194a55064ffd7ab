/*
 * tier.h
 *		The tier below memory: whether it is asked, and what its failures do.
 */
#ifndef AC_TABLE_TIER_H
#define AC_TABLE_TIER_H

#include "table/rows.h"

/* Never fail. */

/* See row_fetch. */
extern bool tier_fetch(const RowKind *kind, const StoreKey *key, Computed *result);

/*
 * Keeps an answer that was computed under the active snapshot, with these definitions,
 * where sessions do it themselves.
 */
extern void tier_keep(const RowKind *kind, const StoreKey *key, uint64 definitions, const Computed *result);

/* Has the worker keep what memory has at a place, where there is one. */
extern void tier_offer(uint32 place);
/* The same; where sessions do it themselves, it is done now.  For kinds that tier_keep is not called for. */
extern void tier_keep_or_offer(uint32 place);

/* Whether all that this transaction has written to logged tables was written by keeping. */
extern bool tier_wrote_all(void);

#endif /* AC_TABLE_TIER_H */
