/*
 * trust.h
 *		Which rows of private.availability_cache hold every change.
 */
#ifndef AC_TABLE_TRUST_H
#define AC_TABLE_TRUST_H

#include "cache/tag.h"
#include "table/tables.h"

extern void trust_init(void);

/* In a trace: what every row depends on. */
#define EVERYTHING ((Tag) 0)

/* Whether writers leave traces in this database. */
extern bool trust_is_active(void);

/*
 * Takes one step towards traces being left; true when they are, and rows can
 * be trusted.  A step takes effect when its transaction commits.
 */
extern bool trust_start(void);

/* Once this transaction commits no row is trusted; false if that could not be done. */
extern bool trust_stop(void);

/*
 * From now on no row is trusted whose snapshot does not see this transaction
 * and all before it; false if that could not be done.
 */
extern bool trust_stop_by_sequence(void);

/*
 * What the catalogs say, under a snapshot, of the tables that traces are left
 * in, as a number that never comes again once it was another.
 */
extern uint64 trust_log_state(TierRelation *since, TierRelation *log, Snapshot snapshot);

/* What a row of private.availability_cache depends on, and what its snapshot saw. */
typedef struct RowScope
{
	const Tag *tags; /* besides EVERYTHING */
	uint32 ntags;
	uint8 format;		/* of the row's key, as it says */
	Datum snapshot;		/* pg_snapshot */
	uint64 definitions; /* of the attached tables: day_definitions */
	uint64 log_state;
} RowScope;

/* Which rows can be trusted at all. */
typedef struct Trust
{
	bool active;
	uint64 since;	   /* whose snapshot sees everything before this xid, */
	uint64 distrusted; /* and up to this one */
	/* And that were computed with these definitions, when the log was as it is: */
	uint64 definitions;
	uint64 log_state;
} Trust;

/* As the snapshot has it, where the attached tables' definitions are these. */
extern Trust trust_look(TierRelation *since, TierRelation *log, Snapshot snapshot, uint64 definitions);
/* Whether the row can be trusted if no trace says otherwise. */
extern bool trust_row_but_for_traces(const Trust *trust, const RowScope *row);
/* Whether the row holds every change that the snapshot sees. */
extern bool trust_row(const Trust *trust, TierRelation *log, Snapshot snapshot, const RowScope *row);

/*
 * Trusts only rows whose snapshot sees everything before xid; false if that
 * was so already, or another transaction is at it.
 */
extern bool trust_raise(TierRelation *since, Snapshot snapshot, uint64 xid);

/*
 * Whether a trace names the row, of a transaction that is still in progress or
 * has committed since the row's snapshot: it would be outdated soon, and
 * nobody there to delete it.
 */
extern bool trust_ends_soon(const RowScope *row);

#endif /* AC_TABLE_TRUST_H */
