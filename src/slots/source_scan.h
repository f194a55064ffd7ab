/*
 * source_scan.h
 *		What is looked for in an attached table.
 */
#ifndef AC_SLOTS_SOURCE_SCAN_H
#define AC_SLOTS_SOURCE_SCAN_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "slots/query_text.h"
#include "slots/roles.h"

/* A row as it lies in the table; for as long as it is visited. */
typedef struct ScannedRow
{
	SourceRole role;
	HeapTuple tuple;
	TupleDesc desc;
	const AttrNumber *attnums; /* of the role's columns; 0: the table has none */
} ScannedRow;

/* Either may be infinite. */
typedef struct ScanTimes
{
	TimestampTz from;
	TimestampTz to;
} ScanTimes;

/* Any row may be visited that meets these; none that does is left out. */
typedef struct SourceScan
{
	SourceRole role;
	int key;			 /* a column of kind uuid that is */
	const pg_uuid_t *id; /* this; NULL: that is NULL */
	int time;			 /* a column of kind timestamptz within at, both ends in; -1: any */
	ScanTimes at;
	bool overlapping; /* what the row takes up overlaps with during, which is not empty; of these columns: */
	int start;
	int end;
	ScanTimes during;
	const QueryStatuses *statuses; /* NULL: any; else this column, of kind text, counts by these */
	int status;
	bool long_only; /* bookings that take more than a day */
	void (*visit)(const ScannedRow *row, void *arg);
	void *arg;
} SourceScan;

#endif /* AC_SLOTS_SOURCE_SCAN_H */
