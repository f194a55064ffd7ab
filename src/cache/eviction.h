/*
 * eviction.h
 *		Which entry goes when the memory store is full.
 *
 * The caller holds AC_LOCK_STORE exclusively.
 */
#ifndef AC_CACHE_EVICTION_H
#define AC_CACHE_EVICTION_H

#include "cache/store_layout.h"

extern void eviction_add(StoreState *store, Block *blocks, uint32 e);
extern void eviction_remove(StoreState *store, Block *blocks, uint32 e);

/* Whether an entry was asked for since the hand passed by, and still counts. */
extern bool eviction_spares(StoreState *store, const Entry *entry);

/* The entry that should go next, NONE if there is none. */
extern uint32 eviction_choose(StoreState *store, Block *blocks);

#endif /* AC_CACHE_EVICTION_H */
