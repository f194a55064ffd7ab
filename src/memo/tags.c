/*
 * tags.c
 *		What an answer of a function depends on, and changes of watched tables touch.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "memo/tags.h"

/* Beside those of the slots. */
typedef enum MemoTagKind
{
	TAG_TABLE = FIRST_DOMAIN_TAG_KIND + 48,
	TAG_VALUE,
	TAG_ANSWERS
} MemoTagKind;

/* Unused fields are zero. */
typedef struct MemoTag
{
	TagHeader header;
	Oid object;
	int32 column;
	uint64 hash;
} MemoTag;

static Tag
memo_tag(MemoTagKind kind, Oid object, int32 column, uint64 hash)
{
	MemoTag tag = {{kind, MyDatabaseId}, object, column, hash};

	StaticAssertStmt(sizeof(MemoTag) == 24, "tags are hashed as bytes");
	return tag_of(&tag, sizeof(tag));
}

Tag
tag_of_table(Oid relid)
{
	return memo_tag(TAG_TABLE, relid, 0, 0);
}

Tag
tag_of_value(Oid relid, AttrNumber column, uint64 hash)
{
	return memo_tag(TAG_VALUE, relid, column, hash);
}

Tag
tag_of_answers(Oid function)
{
	return memo_tag(TAG_ANSWERS, function, 0, 0);
}

Tag
tag_of_answers_with(Oid function, uint64 arguments)
{
	return memo_tag(TAG_ANSWERS, function, 1, arguments);
}
