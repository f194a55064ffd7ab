/*
 * kept_calls.c
 *		Answers of functions as rows of availability_cache_internal.function_answers.
 *
 * They are written from memory alone: what is current there depends on no
 * change of definitions that is under way.  A key is found by its hash, and
 * stands in the row, since it may be longer than an index takes.
 *
 * Locking: see table/tables.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/test_hooks.h"
#include "memo/kept_calls.h"
#include "memo/key.h"
#include "memo/seen.h"
#include "memo/value.h"
#include "table/catalogs.h"
#include "table/tier.h"

static Datum
hash_of(const StoreKey *key)
{
	return Int64GetDatum((int64) store_hash(key));
}

static int
find(const StoreKey *key, ScanKeyData *keys)
{
	ScanKeyInit(&keys[0], CALL_HASH, BTEqualStrategyNumber, F_INT8EQ, hash_of(key));
	return 1;
}

static bool
is_of(TierRelation *rows, HeapTuple row, const StoreKey *key)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(tier_column(rows, row, CALL_KEY));

	return VARSIZE_ANY_EXHDR(bytes) == key->size && memcmp(VARDATA_ANY(bytes), key->bytes, key->size) == 0;
}

static uint32
hash(const StoreKey *key)
{
	return hash_bytes((const unsigned char *) key->bytes, key->size);
}

static bool
fill(const StoreKey *key, const Computed *result, Datum *values)
{
	bytea *bytes = palloc(VARHDRSZ + key->size);

	SET_VARSIZE(bytes, VARHDRSZ + key->size);
	memcpy(VARDATA(bytes), key->bytes, key->size);
	values[CALL_HASH - 1] = hash_of(key);
	values[CALL_FUNCTION - 1] = ObjectIdGetDatum(call_key_function(key).function);
	values[CALL_KEY - 1] = PointerGetDatum(bytes);
	values[CALL_COMPUTED_AT - 1] = TimestampTzGetDatum(result->valid_from);
	return true;
}

/*
 * The entry is current, so no change of what it depends on was under way; the messages
 * of those that are over have come.
 */
bool
kept_calls_definitions_hold(uint64 number)
{
	return catalogs_are_the_same() || AC_MUTATED(AC_MUTANT_NO_HOLD_CHECK);
}

const RowKind kept_calls = {.format = FORMAT_FUNCTION,
							.table = {"function_answers",
									  true,
									  CALL_NCOLUMNS,
									  {INT8OID, OIDOID, BYTEAOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
									   PG_SNAPSHOTOID, BYTEAOID}},
							.expires_at = CALL_EXPIRES_AT,
							.snapshot = CALL_SNAPSHOT,
							.answer = CALL_ANSWER,
							.find = find,
							.is_of = is_of,
							.claim = hash,
							.fill = fill,
							.is_whole = answer_of_call_is_whole,
							.outlives_memory = answer_of_call_is_logged,
							.definitions = catalogs_state,
							.definitions_hold = kept_calls_definitions_hold};

void
kept_calls_init(void)
{
	row_kind_register(&kept_calls);
}

bool
kept_calls_fetch(const RowKind *kind, const StoreKey *key, AsOf as_of, Computed *result)
{
	bool found;

	if (as_of != AS_OF_EACH)
		return tier_fetch(kind, key, result);
	/* As the function's first statement would take one. */
	PushActiveSnapshot(GetTransactionSnapshot());
	found = tier_fetch(kind, key, result);
	PopActiveSnapshot();
	return found;
}

/* Within a computation nothing is written: the one around would not be kept. */
void
kept_calls_offer(uint32 place)
{
	if (seen_current() == NULL)
		tier_keep_or_offer(place);
	else
		tier_offer(place);
}
