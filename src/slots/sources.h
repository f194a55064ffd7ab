/*
 * sources.h
 *		The attached tables: mapping, plans, and reading them as their owners.
 */
#ifndef AC_SLOTS_SOURCES_H
#define AC_SLOTS_SOURCES_H

#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"

typedef enum SourceRole
{
	SOURCE_BOOKINGS,
	SOURCE_RESERVATIONS,
	SOURCE_SCHEDULES,
	SOURCE_OVERRIDES,
	SOURCE_STYLIST_SERVICES,
	SOURCE_SERVICES,
	SOURCE_PROFILES,
	SOURCE_RULES, /* availability_cache.rules, always there */
	SOURCE_NROLES
} SourceRole;

/* A column that an attached table has for a name of source_column. */
typedef struct SourceColumn
{
	const char *name;
	const char *quoted; /* as an identifier */
	Oid type;			/* without domains */
	bool not_null;
} SourceColumn;

/* How to read a source; the text is built when the plan is first needed. */
typedef struct SourceQuery
{
	SourceRole role;
	void (*build)(StringInfo text, const void *arg);
	int nargs;
	const Oid *arg_types;
} SourceQuery;

extern void sources_init(void);

/*
 * Loads the mapping where it is not known or no longer valid.  Caller is
 * connected to SPI, with an active snapshot.  The function is one of the
 * extension's, whose owner reads the mapping.  Raises 55000 when a required
 * table is not attached.
 */
extern void sources_load(Oid function);

/* Whether every change of the attached tables is noticed. */
extern bool sources_tracked(void);

/*
 * A number that changes with the mapping; 0 where nothing may be remembered
 * that was read with it: changes would go unnoticed, or a query is running.
 */
extern uint64 sources_generation(void);

/* Whether every change of the attached tables is in the WAL, as far as the mapping is known. */
extern bool sources_logged(void);

extern bool source_attached(SourceRole role);
extern const char *source_relation(SourceRole role);
/* NULL if the table has none. */
extern const SourceColumn *source_column(SourceRole role, const char *name);

/*
 * Runs a query as the table's owner under the active snapshot; the rows are in
 * SPI_tuptable.  variant: what the text depends on besides the mapping, or "".
 */
extern uint64 source_run(const SourceQuery *query, const char *variant, const void *build_arg, Datum *values);

/* Values of a result's row; NULL gives the default. */
extern Datum result_datum(uint64 row, int column, bool *isnull);
extern int64 result_int64(uint64 row, int column, int64 if_null);
extern bool result_bool(uint64 row, int column, bool if_null);
/* In the caller's memory context; NULL stays NULL. */
extern char *result_text(uint64 row, int column);

#endif /* AC_SLOTS_SOURCES_H */
