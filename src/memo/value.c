/*
 * value.c
 *		An answer as it lies in memory: what it depends on, and the value or rows.
 *
 *	Head	its size and what follows
 *	tags	for a computation that takes the answer from memory
 *	names	of the relations that were read, each with its zero
 *	body	a value's bytes; or of rows the descriptor's attributes, and minimal
 *			tuples at multiples of MAXIMUM_ALIGNOF
 *
 * Nothing in it points anywhere, and no row type is one that a session made
 * for itself.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/test_hooks.h"
#include "memo/value.h"

typedef struct Head
{
	int64 valid_until;
	uint32 ntags;
	uint32 names_size;
	uint32 body_size;
	uint16 natts; /* of rows */
	bool isnull : 1;
	bool has_rows : 1;
	bool unlogged : 1; /* made of what a crash empties */
	Oid row_type;
	uint32 nrows;
} Head;

static Head
head_of(const char *packed)
{
	Head head;

	memcpy(&head, packed, sizeof(head));
	return head;
}

static const char *
tags_of(const char *packed)
{
	return packed + sizeof(Head);
}

static const char *
names_of(const char *packed, const Head *head)
{
	return tags_of(packed) + head->ntags * sizeof(Tag);
}

static const char *
body_of(const char *packed, const Head *head)
{
	return names_of(packed, head) + head->names_size;
}

/* ---- packing ---- */

static ReasonKind
pack_value(const MemoFunction *function, const CallResult *result, StringInfo body)
{
	if (result->isnull)
		return REASON_NONE;
	if (function->result_by_value)
		appendBinaryStringInfo(body, (const char *) &result->value, sizeof(Datum));
	else if (function->result_length == -1)
	{
		/* Composite values have what they have within them; others may be toasted, or expanded. */
		struct varlena *whole = PG_DETOAST_DATUM(result->value);

		appendBinaryStringInfo(body, (const char *) whole, VARSIZE_ANY(whole));
	}
	else if (function->result_length > 0)
		appendBinaryStringInfo(body, DatumGetPointer(result->value), function->result_length);
	else
		return REASON_RESULT;
	return REASON_NONE;
}

/* The row with nothing outside of it. */
static MinimalTuple
whole_row(TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	bool free_it;
	MinimalTuple row = ExecFetchSlotMinimalTuple(slot, &free_it);
	Datum *values;

	if ((row->t_infomask & HEAP_HASEXTERNAL) == 0)
		return row;
	slot_getallattrs(slot);
	values = palloc(desc->natts * sizeof(Datum));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		values[i] = slot->tts_values[i];
		if (!slot->tts_isnull[i] && att->attlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(values[i])))
			values[i] = PointerGetDatum(PG_DETOAST_DATUM(values[i]));
	}
#if PG_VERSION_NUM >= 180000
	return heap_form_minimal_tuple(desc, values, slot->tts_isnull, 0);
#else
	return heap_form_minimal_tuple(desc, values, slot->tts_isnull);
#endif
}

static void
append_row(StringInfo body, MinimalTuple row)
{
	static const char zeros[MAXIMUM_ALIGNOF] = {0};

	appendBinaryStringInfo(body, (const char *) row, row->t_len);
	appendBinaryStringInfo(body, zeros, MAXALIGN(row->t_len) - row->t_len);
}

static bool
has_transient_columns(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Oid type = TupleDescAttr(desc, i)->atttypid;

		if (type == RECORDOID || type == RECORDARRAYOID)
			return true;
	}
	return false;
}

static ReasonKind
pack_rows(const CallResult *result, Size limit, StringInfo body, Head *head)
{
	TupleTableSlot *slot;
	ReasonKind problem = REASON_NONE;

	if (has_transient_columns(result->desc))
		return REASON_RESULT;
	head->natts = result->desc->natts;
	head->row_type = result->desc->tdtypeid;
	for (int i = 0; i < head->natts; i++)
		appendBinaryStringInfo(body, (const char *) TupleDescAttr(result->desc, i),
							   ATTRIBUTE_FIXED_PART_SIZE);
	slot = MakeSingleTupleTableSlot(result->desc, &TTSOpsMinimalTuple);
	while (problem == REASON_NONE && tuplestore_gettupleslot(result->rows, true, false, slot))
	{
		append_row(body, whole_row(slot));
		head->nrows++;
		if (body->len > limit)
			problem = REASON_SIZE;
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_rescan(result->rows);
	return problem;
}

ReasonKind
answer_of_call_pack(const MemoFunction *function, const CallResult *result, const Seen *seen, Size limit,
					char **packed, uint32 *size)
{
	Head head = {.valid_until = seen->valid_until,
				 .ntags = seen->ntags,
				 .names_size = seen->names.len,
				 .unlogged = seen->unlogged};
	StringInfoData all;
	StringInfoData body;
	ReasonKind problem = REASON_NONE;

	initStringInfo(&body);
	head.isnull = result->isnull;
	head.has_rows = result->rows != NULL;
	if (head.has_rows)
		problem = pack_rows(result, limit, &body, &head);
	else if (!function->returns_set)
		problem = pack_value(function, result, &body);
	if (problem == REASON_NONE && body.len > limit)
		problem = REASON_SIZE;
	if (problem != REASON_NONE)
		return problem;
	head.body_size = body.len;
	initStringInfo(&all);
	appendBinaryStringInfo(&all, (const char *) &head, sizeof(head));
	appendBinaryStringInfo(&all, (const char *) seen->tags, seen->ntags * sizeof(Tag));
	appendBinaryStringInfo(&all, seen->names.data, seen->names.len);
	appendBinaryStringInfo(&all, body.data, body.len);
	*packed = all.data;
	*size = all.len;
	return REASON_NONE;
}

/* ---- comparing ---- */

static int
compare_rows(const void *a, const void *b)
{
	MinimalTuple row = *(MinimalTuple const *) a;
	MinimalTuple other = *(MinimalTuple const *) b;

	if (row->t_len != other->t_len)
		return row->t_len < other->t_len ? -1 : 1;
	return memcmp(row, other, row->t_len);
}

/* The rows, aligned and sorted, in the current context. */
static MinimalTuple *
sorted_rows(const Head *head, const char *body)
{
	Size skipped = head->natts * ATTRIBUTE_FIXED_PART_SIZE;
	char *rows = palloc(Max(head->body_size - skipped, 1));
	MinimalTuple *sorted = palloc(Max(head->nrows, 1) * sizeof(MinimalTuple));

	memcpy(rows, body + skipped, head->body_size - skipped);
	for (uint32 i = 0; i < head->nrows; i++)
	{
		sorted[i] = (MinimalTuple) rows;
		rows += MAXALIGN(sorted[i]->t_len);
	}
	qsort(sorted, head->nrows, sizeof(MinimalTuple), compare_rows);
	return sorted;
}

bool
answer_of_call_same(const MemoFunction *function, const char *a, const char *b)
{
	Head head = head_of(a);
	Head other = head_of(b);
	MinimalTuple *rows;
	MinimalTuple *other_rows;

	if (head.isnull != other.isnull || head.has_rows != other.has_rows || head.nrows != other.nrows ||
		head.body_size != other.body_size)
		return false;
	if (!head.has_rows)
		return memcmp(body_of(a, &head), body_of(b, &other), head.body_size) == 0;
	rows = sorted_rows(&head, body_of(a, &head));
	other_rows = sorted_rows(&other, body_of(b, &other));
	for (uint32 i = 0; i < head.nrows; i++)
	{
		if (compare_rows(&rows[i], &other_rows[i]) != 0)
			return false;
	}
	return true;
}

/* ---- what it depends on ---- */

bool
answer_of_call_is_ours(const char *packed)
{
	Head head = head_of(packed);
	const char *names = names_of(packed, &head);
	Oid temporary;
	Oid toast;

	GetTempNamespaceState(&temporary, &toast);
	for (uint32 i = 0; OidIsValid(temporary) && i < head.names_size; i += strlen(names + i) + 1)
	{
		if (OidIsValid(get_relname_relid(names + i, temporary)) ||
			SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(names + i), ObjectIdGetDatum(temporary)))
			return false;
	}
	return true;
}

void
answer_of_call_hand_on(const char *packed)
{
	Head head = head_of(packed);
	const char *names = names_of(packed, &head);

	if (seen_current() == NULL)
		return;
	for (uint32 i = 0; i < head.ntags && !AC_MUTATED(AC_MUTANT_NESTED_TAGS); i++)
	{
		Tag tag;

		memcpy(&tag, tags_of(packed) + i * sizeof(Tag), sizeof(Tag));
		seen_note_tag(tag);
	}
	for (uint32 i = 0; i < head.names_size; i += strlen(names + i) + 1)
		seen_note_name(names + i);
	seen_limit_until(head.valid_until);
	if (head.unlogged)
		seen_note_unlogged();
}

/* ---- beyond memory ---- */

bool
answer_of_call_is_logged(const char *packed)
{
	return !head_of(packed).unlogged || AC_MUTATED(AC_MUTANT_UNLOGGED_KEPT);
}

bool
answer_of_call_is_whole(const char *packed, uint32 size)
{
	Head head;

	if (size < sizeof(head))
		return false;
	head = head_of(packed);
	return size == sizeof(head) + head.ntags * sizeof(Tag) + head.names_size + head.body_size;
}

/* ---- unpacking ---- */

static TupleDesc
read_descriptor(const Head *head, const char *body)
{
	TupleDesc desc = CreateTemplateTupleDesc(head->natts);

	for (int i = 0; i < head->natts; i++)
	{
		memcpy(TupleDescAttr(desc, i), body + i * ATTRIBUTE_FIXED_PART_SIZE, ATTRIBUTE_FIXED_PART_SIZE);
#if PG_VERSION_NUM >= 180000
		populate_compact_attribute(desc, i);
#endif
	}
	desc->tdtypeid = head->row_type;
	desc->tdtypmod = -1;
	return head->row_type == RECORDOID ? BlessTupleDesc(desc) : desc;
}

/* In the current context. */
static void
unpack_rows(const Head *head, const char *body, bool random_access, CallResult *result)
{
	Size size = head->body_size - head->natts * ATTRIBUTE_FIXED_PART_SIZE;
	char *rows = palloc(Max(size, 1));
	TupleTableSlot *slot;

	result->desc = read_descriptor(head, body);
	/* To align them. */
	memcpy(rows, body + head->natts * ATTRIBUTE_FIXED_PART_SIZE, size);
	result->rows = tuplestore_begin_heap(random_access, false, work_mem);
	slot = MakeSingleTupleTableSlot(result->desc, &TTSOpsMinimalTuple);
	for (char *row = rows; row < rows + size; row += MAXALIGN(((MinimalTuple) row)->t_len))
	{
		ExecStoreMinimalTuple((MinimalTuple) row, slot, false);
		tuplestore_puttupleslot(result->rows, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	pfree(rows);
}

static Datum
unpack_value(const MemoFunction *function, const Head *head, const char *body)
{
	Datum value;
	char *copy;

	if (function->result_by_value)
	{
		memcpy(&value, body, sizeof(Datum));
		return value;
	}
	copy = palloc(head->body_size);
	memcpy(copy, body, head->body_size);
	return PointerGetDatum(copy);
}

void
answer_of_call_unpack(const MemoFunction *function, const char *packed, MemoryContext context,
					  bool random_access, CallResult *result)
{
	Head head = head_of(packed);
	const char *body = body_of(packed, &head);

	memset(result, 0, sizeof(*result));
	result->isnull = head.isnull;
	if (head.has_rows)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		unpack_rows(&head, body, random_access, result);
		MemoryContextSwitchTo(old);
	}
	else if (!head.isnull && !function->returns_set)
		result->value = unpack_value(function, &head, body);
}
