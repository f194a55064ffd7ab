/*
 * scan.h
 *		Rows of an attached table, found by its indexes without a query.
 */
#ifndef AC_SLOTS_SCAN_H
#define AC_SLOTS_SCAN_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "slots/roles.h"

/* A row as it lies in the table; for as long as it is visited. */
typedef struct ScannedRow
{
	SourceRole role;
	HeapTuple tuple;
	TupleDesc desc;
	const AttrNumber *attnums; /* of the role's columns; 0: the table has none */
} ScannedRow;

/* Any row may be visited that meets these; none that does is left out. */
typedef struct SourceScan
{
	SourceRole role;
	int key;			 /* a column of kind uuid that is */
	const pg_uuid_t *id; /* this; NULL: that is NULL */
	int time;			 /* a column of kind timestamptz from one moment to another, both in; -1: any */
	TimestampTz from;
	TimestampTz to;
	bool long_only; /* bookings that take more than a day */
	void (*visit)(const ScannedRow *row, void *arg);
	void *arg;
} SourceScan;

/*
 * Reads under the active snapshot, of the mapping that is loaded.  False if a
 * query must be asked in its place, after what was visited until then is
 * forgotten: where it could find the rows faster, where there is more to a
 * table than rows (foreign ones, children), or where its owner may not read it.
 * Runs nobody's code.
 */
extern bool source_scan(const SourceScan *scan);

/* The whole table, if it is small. */
extern bool source_scan_whole(const SourceScan *scan);

/* A value of the role's i-th column; NULL where there is none. */
extern Datum scanned_value(const ScannedRow *row, int i, bool *isnull);

#endif /* AC_SLOTS_SCAN_H */
