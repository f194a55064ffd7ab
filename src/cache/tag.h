/*
 * tag.h
 *		Tags: what answers depend on and changes touch.
 *
 * A tag is bytes without padding that begin with a TagHeader; the kinds
 * belong to those who make tags.  The core goes by 64 bits of hash: two tags
 * with the same hash cost a computation, never a wrong answer.
 */
#ifndef AC_CACHE_TAG_H
#define AC_CACHE_TAG_H

#include "common/hashfn.h"

#include "cache/databases.h"

/* The kinds below 16 are the core's. */
#define TAG_RELATION 1
#define TAG_FUNCTION 2
#define TAG_NAME 3
#define TAG_NAMES 4
#define FIRST_DOMAIN_TAG_KIND 16

typedef struct TagHeader
{
	uint32 kind;
	Oid dboid;
} TagHeader;

/*
 * The smallest values are no hashes: the databases' own tags, by their
 * numbers; their definitions', likewise; and that of the definitions that all
 * databases share.
 */
typedef uint64 Tag;
#define TAG_FIRST_DEFINITIONS MAX_DATABASES
#define TAG_SHARED_DEFINITIONS (2 * MAX_DATABASES)
#define SPECIAL_TAGS (TAG_SHARED_DEFINITIONS + 1)

static inline Tag
tag_of(const void *bytes, Size size)
{
	Tag tag = hash_bytes_extended(bytes, size, 0);

	return tag < SPECIAL_TAGS ? tag + SPECIAL_TAGS : tag;
}

/* Of this backend's database: every answer depends on it. */
static inline Tag
tag_of_database(void)
{
	return database_my_number();
}

/* Of what this database's catalogs say that answers are made with: see definitions.c. */
static inline Tag
tag_of_definitions(void)
{
	return TAG_FIRST_DEFINITIONS + database_my_number();
}

static inline bool
tag_is_special(Tag tag)
{
	return tag < SPECIAL_TAGS;
}

#endif /* AC_CACHE_TAG_H */
