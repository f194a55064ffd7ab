/*
 * tag_set.h
 *		A set of tags, in the order in which they came.
 */
#ifndef AC_CACHE_TAG_SET_H
#define AC_CACHE_TAG_SET_H

#include "cache/tag.h"

/* So many tags at most. */
#define TAG_SET_MAX 4096
/* Twice as many, so that a search in them is short. */
#define TAG_SET_INDEX (2 * TAG_SET_MAX)

/* All zero: empty. */
typedef struct TagSet
{
	int n;
	Tag tags[TAG_SET_MAX];
	uint16 places[TAG_SET_MAX];	  /* where in by_tag */
	uint16 by_tag[TAG_SET_INDEX]; /* by the tag and those after it: 1 + its number; 0: none */
} TagSet;

extern bool tag_set_has(const TagSet *set, Tag tag);
/* Of a tag that it has not, while there is room. */
extern void tag_set_add(TagSet *set, Tag tag);
/* Takes the last ones out, so that n are left. */
extern void tag_set_cut(TagSet *set, int n);

#endif /* AC_CACHE_TAG_SET_H */
