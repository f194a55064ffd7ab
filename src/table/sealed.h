/*
 * sealed.h
 *		An answer as it lies in a row, with what its exactness rests on.
 */
#ifndef AC_TABLE_SEALED_H
#define AC_TABLE_SEALED_H

#include "cache/readpath.h"
#include "table/trust.h"

/* An answer taken apart.  What it says of itself is not to be believed before sealed_is_of has. */
typedef struct Sealed
{
	int64 valid_from;
	int64 valid_until;
	uint64 definitions;
	uint64 log_state;
	const Tag *tags;
	uint32 ntags;
	const char *payload;
	uint32 payload_size;
	uint8 key_format;
	const char *all; /* with its head, and what stands there for the rest */
} Sealed;

/* The bytea of an answer of this key, in the current memory context. */
extern Datum sealed_make(const StoreKey *key, const Computed *result, const RowScope *scope);

/* Takes one apart, in the current memory context; false if it has not the form of one. */
extern bool sealed_open(Datum value, Sealed *sealed);

/* Whether sealed_make made it on this cluster, for this key and snapshot. */
extern bool sealed_is_of(const Sealed *sealed, const StoreKey *key, Datum snapshot);

#endif /* AC_TABLE_SEALED_H */
