/*
 * prepared.h
 *		Keeps the cells of prepared transactions pending until they are resolved.
 */
#ifndef AC_CACHE_PREPARED_H
#define AC_CACHE_PREPARED_H

#include "cache/cells.h"

extern Size prepared_shmem_size(void);
extern void prepared_shmem_init(void);

/* Takes over the pending cells of the transaction that is about to be prepared. */
extern int prepared_add(uint64 xid, const CellNo *changed, int n);
extern void prepared_append(int place, uint64 xid, CellNo changed);
/* Ends them again: PREPARE failed. */
extern void prepared_drop(int place, uint64 xid);
/* Ends the cells of transactions that are no longer in progress. */
extern void prepared_sweep(void);
/* Whether transactions found prepared when the server started keep their databases pending. */
extern bool prepared_known(void);
/*
 * The next xid when they became known.  Cells know nothing of changes before:
 * those of a primary that this server replayed until it was promoted.
 */
extern uint64 prepared_known_xid(void);
/* Makes sure that they do.  Caller can run a query; raises what that can raise. */
extern void prepared_find(void);

#endif /* AC_CACHE_PREPARED_H */
