/*
 * tag_set.c
 *		A set of tags, in the order in which they came.
 *
 * Open addressing; taken out in the opposite order, tags leave no holes that
 * a search would end at.  Locking: none, it is a process's own.
 */
#include "postgres.h"

#include "cache/tag_set.h"

/* Where the tag is, or the free place where it belongs; half of them are free at least. */
static uint16
place_of(const TagSet *set, Tag tag)
{
	uint16 place = tag % TAG_SET_INDEX;

	StaticAssertStmt(TAG_SET_INDEX <= PG_UINT16_MAX, "a place has 16 bits");
	while (set->by_tag[place] != 0 && set->tags[set->by_tag[place] - 1] != tag)
		place = (place + 1) % TAG_SET_INDEX;
	return place;
}

bool
tag_set_has(const TagSet *set, Tag tag)
{
	return set->by_tag[place_of(set, tag)] != 0;
}

void
tag_set_add(TagSet *set, Tag tag)
{
	uint16 place = place_of(set, tag);

	Assert(set->n < TAG_SET_MAX && set->by_tag[place] == 0);
	set->tags[set->n] = tag;
	set->places[set->n] = place;
	set->by_tag[place] = ++set->n;
}

void
tag_set_cut(TagSet *set, int n)
{
	while (set->n > n)
		set->by_tag[set->places[--set->n]] = 0;
}
