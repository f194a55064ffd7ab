/*
 * cells.h
 *		Version cells: what changed, since when, and whether a change is under way.
 */
#ifndef AC_CACHE_CELLS_H
#define AC_CACHE_CELLS_H

#include "utils/uuid.h"

typedef uint16 CellNo;
#define MAX_CELLS 65536

/* A word is version << 20 | pending, and only ever grows: see cells_sum. */
#define CELL_PENDING_BITS 20
#define CELL_PENDING(word) ((word) & ((UINT64CONST(1) << CELL_PENDING_BITS) - 1))

extern Size cells_shmem_size(void);
extern void cells_shmem_init(void);

/* The cells of tags in this database; a day counts from 2000-01-01, UTC. */
extern CellNo cell_of_database(Oid dboid);
extern CellNo cell_of_stylist(const pg_uuid_t *stylist);
extern CellNo cell_of_stylist_day(const pg_uuid_t *stylist, int32 utc_day);
extern CellNo cell_of_service(const pg_uuid_t *service);

extern uint64 cell_read(CellNo cell);
extern uint64 cell_last_xid(CellNo cell);
/* The sum of the cells' words: it is what it was only if each of them is. */
extern uint64 cells_sum(const CellNo *some, int n);

/* The writer's two steps, and both in one for what takes effect at once. */
extern void cell_begin_change(CellNo cell, uint64 xid);
extern void cell_end_change(CellNo cell);
extern void cell_bump(CellNo cell);

extern int cells_count_pending(void);

#endif /* AC_CACHE_CELLS_H */
