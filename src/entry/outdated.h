/*
 * outdated.h
 *		What this transaction outdates in clients' caches.
 */
#ifndef AC_ENTRY_OUTDATED_H
#define AC_ENTRY_OUTDATED_H

#include "datatype/timestamp.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "memo/watched.h"

/* What there are more of is everything of its kind. */
#define OUTDATED_MAX 64
#define OUTDATED_MAX_VALUES 16
#define OUTDATED_MAX_TABLES 16
/* A longer value is not told: its column may have any. */
#define OUTDATED_MAX_LENGTH 64

typedef struct OutdatedStylist
{
	pg_uuid_t id;
	bool every_day;
	int64 first; /* days since 2000-01-01, UTC */
	int64 last;
} OutdatedStylist;

/* The values that changed rows have in a key column, old and new. */
typedef struct OutdatedColumn
{
	AttrNumber number;
	bool any;
	int n;
	char *values[OUTDATED_MAX_VALUES];
} OutdatedColumn;

typedef struct OutdatedTable
{
	Oid relid; /* of a partition: the table that it belongs to */
	int ncolumns;
	OutdatedColumn columns[MAX_KEY_COLUMNS];
} OutdatedTable;

typedef struct Outdated
{
	bool everything;
	bool all_slots;
	bool all_tables;
	bool all_functions;
	int nstylists;
	OutdatedStylist stylists[OUTDATED_MAX];
	int nservices;
	pg_uuid_t services[OUTDATED_MAX];
	int ntables;
	OutdatedTable tables[OUTDATED_MAX_TABLES];
	int nfunctions;
	Oid functions[OUTDATED_MAX];
} Outdated;

extern void outdated_init(void);

/* What was noted so far; NULL: nothing. */
extern const Outdated *outdated_now(void);

/* Whether anybody is told. */
extern bool outdated_is_told(void);

/* Without anybody who is told they do nothing. */
extern void outdated_everything(void);
extern void outdated_slots(void);
extern void outdated_service(const pg_uuid_t *service);
extern void outdated_stylist(const pg_uuid_t *stylist);
/* Days since 2000-01-01, UTC. */
extern void outdated_days(const pg_uuid_t *stylist, int64 first, int64 last);
/* A row that comes or goes. */
extern void outdated_row(Relation rel, const KeyColumns *keys, HeapTuple row);
/* A function's answers. */
extern void outdated_function(Oid function);

#endif /* AC_ENTRY_OUTDATED_H */
