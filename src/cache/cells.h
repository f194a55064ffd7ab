/*
 * cells.h
 *		Version cells: what changed, since when, and whether a change is under way.
 */
#ifndef AC_CACHE_CELLS_H
#define AC_CACHE_CELLS_H

typedef uint16 CellNo;
#define MAX_CELLS 65536

/* A word is version << 20 | pending, and only ever grows: see cells_sum. */
#define CELL_PENDING_BITS 20
#define CELL_PENDING(word) ((word) & ((UINT64CONST(1) << CELL_PENDING_BITS) - 1))

extern Size cells_shmem_size(void);
extern void cells_shmem_init(void);

/*
 * What an answer depends on and a change touches is a tag: bytes, without
 * padding, that begin with this.  Kind 0 is the database's own tag; the rest
 * of the numbers is for those who make tags, each of whom has its own.
 */
typedef struct TagHeader
{
	uint32 kind;
	Oid dboid;
} TagHeader;

extern CellNo cell_of_tag(const void *tag, Size size);
extern CellNo cell_of_database(Oid dboid);

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
