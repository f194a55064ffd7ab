/*
 * tree.c
 *		Writes a jsonb or a json, value by value.
 *
 * jsonb's binary form (utils/jsonb.h) is a header, an entry (JEntry) for each
 * key and value, then their bytes.  How many there are is known when an object
 * or array is opened, so all is written front to back.  test/pgtap/range.sql
 * compares it with what the server's own parser makes of its text.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "slots/tree.h"

static TreeLevel *
top(Tree *tree)
{
	return tree->depth <= 0 ? NULL : &tree->levels[tree->depth - 1];
}

/* Every so many entries one holds an offset instead of a length. */
static void
put_entry(Tree *tree, TreeLevel *level, uint32 type, uint32 size)
{
	JEntry entry;

	level->total += size;
	if (level->total > JENTRY_OFFLENMASK)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the answer is too large for jsonb"));
	entry = level->nentries % JB_OFFSET_STRIDE == 0 ? type | level->total | JENTRY_HAS_OFF : type | size;
	memcpy(tree->out.data + level->entry_at, &entry, sizeof(entry));
	level->entry_at += sizeof(entry);
	level->nentries++;
}

/* What stands before a value in text. */
static void
begin_value(Tree *tree)
{
	TreeLevel *level = top(tree);

	if (level == NULL)
		return;
	if (!tree->binary && level->nvalues > 0)
		appendStringInfoCharMacro(&tree->out, ',');
	if (!tree->binary && level->keys != NULL)
		appendStringInfo(&tree->out, "\"%s\":", level->keys->names[level->nvalues]);
	level->nvalues++;
}

/* Bytes that begin at a multiple of four. */
static void
pad(StringInfo out)
{
	while (out->len % sizeof(int) != 0)
		appendStringInfoCharMacro(out, '\0');
}

void
tree_init(Tree *tree, bool binary, int expected_size)
{
	StringInfo out = &tree->out;

	out->data = palloc(expected_size);
	out->maxlen = expected_size;
	out->cursor = 0;
	out->len = VARHDRSZ;
	tree->binary = binary;
	tree->depth = 0;
}

static TreeLevel *
open_level(Tree *tree, const TreeKeys *keys, int n, uint32 header, int nentries)
{
	TreeLevel *level;
	int at;

	begin_value(tree);
	at = tree->out.len;
	if (tree->binary)
		pad(&tree->out);
	Assert(tree->depth < TREE_MAX_DEPTH);
	level = &tree->levels[tree->depth++];
	*level = (TreeLevel){.at = at, .keys = keys, .n = n};
	if (!tree->binary)
	{
		appendStringInfoCharMacro(&tree->out, keys != NULL ? '{' : '[');
		return level;
	}
	appendBinaryStringInfo(&tree->out, (char *) &header, sizeof(header));
	level->entry_at = tree->out.len;
	enlargeStringInfo(&tree->out, nentries * sizeof(JEntry));
	tree->out.len += nentries * sizeof(JEntry);
	return level;
}

void
tree_open_object(Tree *tree, const TreeKeys *keys)
{
	TreeLevel *level = open_level(tree, keys, keys->n, keys->n | JB_FOBJECT, 2 * keys->n);

	for (int i = 0; tree->binary && i < keys->n; i++)
	{
		int size = strlen(keys->names[i]);

		put_entry(tree, level, JENTRY_ISSTRING, size);
		appendBinaryStringInfo(&tree->out, keys->names[i], size);
	}
}

void
tree_open_array(Tree *tree, int n)
{
	open_level(tree, NULL, n, n | JB_FARRAY, n);
}

void
tree_close(Tree *tree)
{
	TreeLevel *level = top(tree);
	TreeLevel *outer;

	Assert(level->nvalues == level->n);
	tree->depth--;
	outer = top(tree);
	if (!tree->binary)
		appendStringInfoCharMacro(&tree->out, level->keys != NULL ? '}' : ']');
	else if (outer != NULL)
		put_entry(tree, outer, JENTRY_ISCONTAINER, tree->out.len - level->at);
}

void
tree_plain(Tree *tree, const char *text, int size)
{
	begin_value(tree);
	if (tree->binary)
		put_entry(tree, top(tree), JENTRY_ISSTRING, size);
	else
		appendStringInfoCharMacro(&tree->out, '"');
	appendBinaryStringInfo(&tree->out, text, size);
	if (!tree->binary)
		appendStringInfoCharMacro(&tree->out, '"');
}

void
tree_text(Tree *tree, const char *text, int size)
{
	if (tree->binary)
	{
		tree_plain(tree, text, size);
		return;
	}
	begin_value(tree);
	escape_json(&tree->out, pnstrdup(text, size));
}

void
tree_int(Tree *tree, int64 value)
{
	char digits[MAXINT8LEN + 1];
	Numeric number;
	int at;

	begin_value(tree);
	if (!tree->binary)
	{
		appendBinaryStringInfo(&tree->out, digits, pg_lltoa(value, digits));
		return;
	}
	number = int64_to_numeric(value);
	at = tree->out.len;
	pad(&tree->out);
	appendBinaryStringInfo(&tree->out, (char *) number, VARSIZE_ANY(number));
	put_entry(tree, top(tree), JENTRY_ISNUMERIC, tree->out.len - at);
	pfree(number);
}

void
tree_bool(Tree *tree, bool value)
{
	begin_value(tree);
	if (tree->binary)
		put_entry(tree, top(tree), value ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE, 0);
	else
		appendStringInfoString(&tree->out, value ? "true" : "false");
}

void
tree_null(Tree *tree)
{
	begin_value(tree);
	if (tree->binary)
		put_entry(tree, top(tree), JENTRY_ISNULL, 0);
	else
		appendStringInfoString(&tree->out, "null");
}

char *
tree_copy_of(Tree *tree, const char *bytes, int size)
{
	int at;
	char *copy;

	begin_value(tree);
	at = tree->out.len;
	if (tree->binary)
		pad(&tree->out);
	enlargeStringInfo(&tree->out, size);
	copy = tree->out.data + tree->out.len;
	memcpy(copy, bytes, size);
	tree->out.len += size;
	if (tree->binary)
		put_entry(tree, top(tree), JENTRY_ISCONTAINER, tree->out.len - at);
	return copy;
}

struct varlena *
tree_finish(Tree *tree)
{
	Assert(tree->depth == 0);
	SET_VARSIZE(tree->out.data, tree->out.len);
	return (struct varlena *) tree->out.data;
}
