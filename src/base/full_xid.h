/*
 * full_xid.h
 *		Transaction ids with their epoch.
 */
#ifndef AC_BASE_FULL_XID_H
#define AC_BASE_FULL_XID_H

#include "access/transam.h"

#include "base/compat.h"

/*
 * Of a transaction id that is not in the future.  The next one is read
 * without its lock, where that is one read: it was greater already when
 * whoever has the id got to know it.
 */
static inline uint64
full_xid_of(TransactionId xid)
{
#if SIZEOF_VOID_P >= 8
	FullTransactionId next = {*(volatile uint64 *) &AC_TRANSAM_VARIABLES->nextXid.value};
#else
	FullTransactionId next = ReadNextFullTransactionId();
#endif

	return U64FromFullTransactionId(next) - (uint32) (XidFromFullTransactionId(next) - xid);
}

#endif /* AC_BASE_FULL_XID_H */
