/*
 * test_functions.c
 *		Lets tests see which cells a tag has, and take them, and look at packed answers; in
 *		the test-only build.
 */
#include "postgres.h"

#ifdef AC_TEST_HOOKS

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "cache/exact.h"
#include "slots/answer.h"
#include "slots/json.h"
#include "slots/jsonb.h"
#include "slots/tags.h"

PG_FUNCTION_INFO_V1(availability_cache_test_tag);
PG_FUNCTION_INFO_V1(availability_cache_test_cell);
PG_FUNCTION_INFO_V1(availability_cache_test_take);
PG_FUNCTION_INFO_V1(availability_cache_test_set_hand);
PG_FUNCTION_INFO_V1(availability_cache_test_answer);

/*
 * test_tag(kind text, id uuid, day date) returns bigint; day counts for kind 'day',
 * and is a level for 'above'.
 */
PGDLLEXPORT Datum
availability_cache_test_tag(PG_FUNCTION_ARGS)
{
	char *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	pg_uuid_t *id = PG_GETARG_UUID_P(1);

	if (strcmp(kind, "stylist") == 0)
		PG_RETURN_INT64(tag_of_stylist(id));
	if (strcmp(kind, "service") == 0)
		PG_RETURN_INT64(tag_of_service(id));
	if (strcmp(kind, "buffers") == 0)
		PG_RETURN_INT64(tag_of_buffers(id));
	if (strcmp(kind, "above") == 0)
		PG_RETURN_INT64(tag_of_buffers_above(PG_GETARG_DATEADT(2)));
	PG_RETURN_INT64(tag_of_stylist_day(id, PG_GETARG_DATEADT(2)));
}

/* test_cell(tag bigint) returns int: the number of its exact cell, NULL if it has none. */
PGDLLEXPORT Datum
availability_cache_test_cell(PG_FUNCTION_ARGS)
{
	ExactNo cell;

	if (!exact_find(PG_GETARG_INT64(0), &cell))
		PG_RETURN_NULL();
	PG_RETURN_INT32(cell);
}

/*
 * test_take(tag bigint) returns int: the number of its exact cell, made as for an
 * answer; NULL if none is to be had.
 */
PGDLLEXPORT Datum
availability_cache_test_take(PG_FUNCTION_ARGS)
{
	ExactRef ref;

	if (!exact_find_or_make(PG_GETARG_INT64(0), NULL, 0, &ref))
		PG_RETURN_NULL();
	PG_RETURN_INT32(ref.cell);
}

/* test_set_hand(cell int) returns void: that cell is the next to be taken, unless it was used lately. */
PGDLLEXPORT Datum
availability_cache_test_set_hand(PG_FUNCTION_ARGS)
{
	exact_set_hand(PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}

/*
 * test_answer(packed bytea) returns jsonb: what it reads as, written in both forms;
 * NULL if it is not whole.
 */
PGDLLEXPORT Datum
availability_cache_test_answer(PG_FUNCTION_ARGS)
{
	bytea *packed = PG_GETARG_BYTEA_PP(0);
	uint32 size = VARSIZE_ANY_EXHDR(packed);
	/* At the end of its memory, so that reading past it is seen. */
	char *copy = memcpy(palloc(Max(size, 1)), VARDATA_ANY(packed), size);

	if (!answer_is_whole(copy, size))
		PG_RETURN_NULL();
	pfree(answer_to_json(copy, true));
	PG_RETURN_POINTER(answer_to_jsonb(copy, true));
}

#endif
