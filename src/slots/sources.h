/*
 * sources.h
 *		The attached tables: which they are, and what their columns are called.
 */
#ifndef AC_SLOTS_SOURCES_H
#define AC_SLOTS_SOURCES_H

#include "slots/roles.h"

/* A column that an attached table has for a name of source_column. */
typedef struct SourceColumn
{
	const char *name;
	const char *quoted; /* as an identifier */
	Oid declared;		/* its type */
	Oid type;			/* the same without domains */
	bool not_null;
	bool bytewise; /* equal values are the same bytes */
} SourceColumn;

extern void sources_init(void);

/*
 * Loads the mapping where it is not known or no longer valid.  Raises 55000 when a required
 * table is not attached, or one that is cannot serve.
 */
extern void sources_load(void);

/* Whether the mapping is that of now: no message said otherwise since it was loaded. */
extern bool sources_current(void);

/* Whether every change of the attached tables is noticed. */
extern bool sources_tracked(void);

/*
 * Whether the mapping is so as of the clock, for what is kept and for what is there:
 * see definitions_confirm.
 */
extern bool sources_confirm(uint64 clock);

/*
 * What the catalogs say of the attached tables, as a number that never comes
 * again once it was another; false where the mapping is not known or a change
 * could go unnoticed.
 */
extern bool sources_fingerprint(uint64 *said);

/*
 * Whether that is so under the active snapshot too, which may be older than
 * the mapping.  Caller is connected to SPI, and has had a fingerprint.
 */
extern bool sources_hold(void);

/*
 * Whether what this transaction wrote to a relation may show in an answer; where the
 * mapping is not known, true.
 */
extern bool sources_concerned(Oid relid);

/* A number that changes with what the mapping says. */
extern uint64 sources_generation(void);

/* Whether what is read with it may be remembered: changes are noticed, and nobody else is using it. */
extern bool sources_settled(void);

/* While it is in use the mapping is not loaded again. */
extern void sources_begin_use(void);
extern void sources_end_use(void);

/* Whether every change of the attached tables is in the WAL, as far as the mapping is known. */
extern bool sources_logged(void);

extern bool source_attached(SourceRole role);
extern Oid source_relid(SourceRole role);
extern Oid source_owner(SourceRole role);
/* In full, as an identifier. */
extern const char *source_name(SourceRole role);
/* The role's i-th column; NULL if the table has none. */
extern const SourceColumn *source_column_at(SourceRole role, int i);
/* The same by its name. */
extern const SourceColumn *source_column(SourceRole role, const char *name);

#endif /* AC_SLOTS_SOURCES_H */
