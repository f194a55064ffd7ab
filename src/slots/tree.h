/*
 * tree.h
 *		Writes a jsonb or a json, value by value.
 *
 * An object's keys are given when it is opened, in jsonb's order (by length,
 * then by bytes); its values follow in that order.
 */
#ifndef AC_SLOTS_TREE_H
#define AC_SLOTS_TREE_H

#include "lib/stringinfo.h"

#define TREE_MAX_DEPTH 8

typedef struct TreeKeys
{
	int n;
	const char *const *names;
} TreeKeys;

/* An object or array that is open. */
typedef struct TreeLevel
{
	int at;				  /* where it begins, with its padding */
	const TreeKeys *keys; /* NULL: an array */
	int nvalues;		  /* so far */
	int n;				  /* of an array's, in all */
	int entry_at;		  /* jsonb: where the next entry goes */
	int nentries;
	uint32 total; /* bytes so far that entries stand for */
} TreeLevel;

typedef struct Tree
{
	StringInfoData out;
	bool binary; /* jsonb */
	int depth;	 /* levels that are open */
	TreeLevel levels[TREE_MAX_DEPTH];
} Tree;

extern void tree_init(Tree *tree, bool binary, int expected_size);

extern void tree_open_object(Tree *tree, const TreeKeys *keys);
extern void tree_open_array(Tree *tree, int n);
extern void tree_close(Tree *tree);

/* Text that needs no escape in JSON. */
extern void tree_plain(Tree *tree, const char *text, int size);
/* Any text. */
extern void tree_text(Tree *tree, const char *text, int size);
extern void tree_int(Tree *tree, int64 value);
extern void tree_bool(Tree *tree, bool value);
extern void tree_null(Tree *tree);

/*
 * For a value that is written as a copy of one of this tree's, of the same
 * level: the place for its bytes, which caller fills in.
 */
extern char *tree_copy_of(Tree *tree, const char *bytes, int size);

/* The value: all that was opened is closed. */
extern struct varlena *tree_finish(Tree *tree);

#endif /* AC_SLOTS_TREE_H */
