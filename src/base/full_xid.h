/*
 * full_xid.h
 *		Transaction ids with their epoch.
 */
#ifndef AC_BASE_FULL_XID_H
#define AC_BASE_FULL_XID_H

#include "access/transam.h"

/* Of a transaction id that is not in the future. */
static inline uint64
full_xid_of(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();

	return U64FromFullTransactionId(next) - (uint32) (XidFromFullTransactionId(next) - xid);
}

#endif /* AC_BASE_FULL_XID_H */
