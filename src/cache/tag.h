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

typedef struct TagHeader
{
	uint32 kind;
	Oid dboid;
} TagHeader;

/* The smallest values are the databases' own tags, by their numbers. */
typedef uint64 Tag;
#define TAGS_OF_DATABASES MAX_DATABASES

static inline Tag
tag_of(const void *bytes, Size size)
{
	Tag tag = hash_bytes_extended(bytes, size, 0);

	return tag < TAGS_OF_DATABASES ? tag + TAGS_OF_DATABASES : tag;
}

/* Of this backend's database: every answer depends on it. */
static inline Tag
tag_of_database(void)
{
	return database_my_number();
}

static inline bool
tag_is_database(Tag tag)
{
	return tag < TAGS_OF_DATABASES;
}

#endif /* AC_CACHE_TAG_H */
