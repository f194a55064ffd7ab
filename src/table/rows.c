/*
 * rows.c
 *		Answers in private.availability_cache.
 *
 * What is answered is the row's column answer: a header, and the payload as
 * the memory store has it.  available_slots says the same for people.  The
 * header has a keyed checksum of everything that the answer's exactness rests
 * on, so that a row that somebody made, edited, moved to another key or brought
 * from another cluster is no answer; expires_at may be lowered by hand.
 *
 * Locking: see tables.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/hashfn.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/environment.h"
#include "base/full_xid.h"
#include "cache/counters.h"
#include "slots/answer.h"
#include "slots/jsonb.h"
#include "slots/key.h"
#include "table/rows.h"
#include "table/tables.h"
#include "table/trust.h"

/* To be raised when a row means something else. */
#define ROW_FORMAT 6

/* What stands before the tags and the payload in the column answer. */
typedef struct AnswerBlob
{
	uint64 checksum; /* of the rest, the tags, the payload, the key and the snapshot */
	int64 valid_from;
	int64 valid_until;
	uint64 definitions; /* see RowScope */
	uint64 log_state;
	uint64 environment;
	uint32 format;
	uint32 ntags;
} AnswerBlob;

static void
add(pg_hmac_ctx *hmac, const void *bytes, Size size)
{
	if (pg_hmac_update(hmac, bytes, size) < 0)
		elog(ERROR, "could not compute a checksum: %s", pg_hmac_error(hmac));
}

/*
 * Of everything that the answer's exactness rests on.  Whoever may write rows
 * cannot make it: the key is the cluster's own secret, which its standbys share
 * and SQL does not show.
 */
static uint64
checksum(const AnswerBlob *blob, const char *payload, uint32 payload_size, const DayKey *key, uint32 key_size,
		 const RowScope *scope)
{
	Pointer snapshot = DatumGetPointer(scope->snapshot);
	uint32 sizes[2] = {key_size, payload_size};
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	uint64 sum;

	if (hmac == NULL || pg_hmac_init(hmac, (uint8 *) GetMockAuthenticationNonce(), MOCK_AUTH_NONCE_LEN) < 0)
		elog(ERROR, "could not begin a checksum");
	add(hmac, (const char *) blob + sizeof(blob->checksum), sizeof(*blob) - sizeof(blob->checksum));
	add(hmac, sizes, sizeof(sizes));
	/* With the database: a copy of it starts anew. */
	add(hmac, key->bytes, key_size);
	add(hmac, scope->tags, scope->ntags * sizeof(Tag));
	add(hmac, payload, payload_size);
	add(hmac, VARDATA_ANY(snapshot), VARSIZE_ANY_EXHDR(snapshot));
	if (pg_hmac_final(hmac, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute a checksum: %s", pg_hmac_error(hmac));
	pg_hmac_free(hmac);
	memcpy(&sum, digest, sizeof(sum));
	return sum;
}

static text *
zone_text(const DayKey *key, uint32 key_size)
{
	return cstring_to_text_with_len(key->bytes + sizeof(DayKeyFixed), key_size - sizeof(DayKeyFixed));
}

static void
make_keys(ScanKeyData keys[4], const DayRequest *day, text *zone)
{
	key_uuid(&keys[0], ROW_STYLIST, &day->stylist);
	key_date(&keys[1], ROW_DATE, BTEqualStrategyNumber, day->date);
	key_uuid(&keys[2], ROW_SERVICE, &day->service);
	ScanKeyInit(&keys[3], ROW_TIMEZONE, BTEqualStrategyNumber, F_TEXTEQ, PointerGetDatum(zone));
}

/* A row's column answer taken apart; what it says of itself is not yet believed. */
typedef struct OpenedAnswer
{
	AnswerBlob blob;
	const Tag *tags;
	const char *payload;
	uint32 payload_size;
} OpenedAnswer;

/* In the current memory context; false if it has not the form of one. */
static bool
open_answer(TierRelation *rows, HeapTuple row, OpenedAnswer *opened)
{
	struct varlena *answer = PG_DETOAST_DATUM_COPY(tier_column(rows, row, ROW_ANSWER));
	Size size = VARSIZE(answer) - VARHDRSZ;
	Size before;

	memset(opened, 0, sizeof(*opened));
	if (size <= sizeof(AnswerBlob))
		return false;
	memcpy(&opened->blob, VARDATA(answer), sizeof(AnswerBlob));
	before = sizeof(AnswerBlob) + opened->blob.ntags * sizeof(Tag);
	if (opened->blob.format != ROW_FORMAT || opened->blob.environment != environment() ||
		opened->blob.ntags > DAY_MAX_TAGS || size <= before)
		return false;
	/* Where the varlena begins is aligned to eight bytes, its data to four. */
	opened->tags = memcpy(palloc(DAY_MAX_TAGS * sizeof(Tag)), VARDATA(answer) + sizeof(AnswerBlob),
						  opened->blob.ntags * sizeof(Tag));
	opened->payload = VARDATA(answer) + before;
	opened->payload_size = size - before;
	return true;
}

static RowScope
scope_of(TierRelation *rows, HeapTuple row, const OpenedAnswer *answer)
{
	return (RowScope){.tags = answer->tags,
					  .ntags = answer->blob.ntags,
					  .definitions = answer->blob.definitions,
					  .log_state = answer->blob.log_state,
					  .snapshot = PointerGetDatum(PG_DETOAST_DATUM_COPY(tier_column(rows, row, ROW_SNAPSHOT)))};
}

bool
row_scope(TierRelation *rows, HeapTuple row, RowScope *scope)
{
	OpenedAnswer answer;
	bool has_form = open_answer(rows, row, &answer);

	if (!has_form)
		answer.blob.ntags = 0;
	*scope = scope_of(rows, row, &answer);
	return has_form;
}

/* ---- fetching ---- */

/* Takes a row's answer apart; false if it is not one that row_keep made for this key. */
static bool
open_row(TierRelation *rows, HeapTuple row, const DayKey *key, uint32 key_size, RowScope *scope, Computed *result)
{
	OpenedAnswer answer;

	if (!open_answer(rows, row, &answer))
		return false;
	*scope = scope_of(rows, row, &answer);
	if (answer.blob.checksum != checksum(&answer.blob, answer.payload, answer.payload_size, key, key_size, scope) ||
		!answer_is_whole(answer.payload, answer.payload_size))
		return false;
	result->payload = unconstify(char *, answer.payload);
	result->payload_size = answer.payload_size;
	result->valid_from = answer.blob.valid_from;
	result->valid_until = Min(answer.blob.valid_until, DatumGetTimestampTz(tier_column(rows, row, ROW_EXPIRES_AT)));
	result->keepable = true;
	result->tags = answer.tags;
	result->ntags = answer.blob.ntags;
	return true;
}

static bool
find_row(TierRelation *rows, const DayRequest *day, RowScope *scope, Computed *result)
{
	DayKey key;
	uint32 key_size = day_key_make(&key, day);
	text *zone = zone_text(&key, key_size);
	ScanKeyData keys[4];
	SysScanDesc scan;
	HeapTuple row;
	bool found;

	make_keys(keys, day, zone);
	scan = tier_scan(rows, GetActiveSnapshot(), lengthof(keys), keys);
	row = systable_getnext(scan);
	found = row != NULL && open_row(rows, row, &key, key_size, scope, result);
	systable_endscan(scan);
	return found;
}

bool
row_fetch(const DayRequest *day, uint64 definitions, Computed *result)
{
	TierRelation rows;
	TierRelation since;
	TierRelation log;
	RowScope scope;
	Trust trust;
	int64 now = cache_now();
	bool found;

	tier_open_or_fail(TIER_ROWS, AccessShareLock, &rows);
	found = find_row(&rows, day, &scope, result);
	tier_close(&rows);
	if (!found || now < result->valid_from || now >= result->valid_until)
		return false;

	tier_open_or_fail(TIER_SINCE, AccessShareLock, &since);
	tier_open_or_fail(TIER_LOG, AccessShareLock, &log);
	trust = trust_look(&since, &log, GetActiveSnapshot(), definitions);
	found = trust_row(&trust, &log, GetActiveSnapshot(), &scope);
	tier_close(&log);
	tier_close(&since);
	return found;
}

/* ---- keeping ---- */

/* Deletes the row of this key, if there is one; false if another transaction is at it. */
static bool
remove_old(TierRelation *rows, const DayRequest *day, text *zone)
{
	ScanKeyData keys[4];
	SnapshotData dirty;
	SysScanDesc scan;
	HeapTuple row;
	bool removed = true;

	InitDirtySnapshot(dirty);
	make_keys(keys, day, zone);
	scan = tier_scan(rows, &dirty, lengthof(keys), keys);
	while (removed && (row = systable_getnext(scan)) != NULL)
		removed = !TransactionIdIsValid(dirty.xmin) && !TransactionIdIsValid(dirty.xmax) &&
				  tier_delete(rows, &row->t_self);
	systable_endscan(scan);
	return removed;
}

static Datum
make_answer(const DayRequest *day, const Computed *result, const RowScope *scope, const DayKey *key, uint32 key_size)
{
	AnswerBlob blob = {.valid_from = result->valid_from,
					   .valid_until = result->valid_until,
					   .definitions = scope->definitions,
					   .log_state = scope->log_state,
					   .environment = environment(),
					   .format = ROW_FORMAT,
					   .ntags = scope->ntags};
	Size tags_size = scope->ntags * sizeof(Tag);
	Size size = sizeof(blob) + tags_size + result->payload_size;
	bytea *answer = palloc(VARHDRSZ + size);

	blob.checksum = checksum(&blob, result->payload, result->payload_size, key, key_size, scope);
	SET_VARSIZE(answer, VARHDRSZ + size);
	memcpy(VARDATA(answer), &blob, sizeof(blob));
	memcpy(VARDATA(answer) + sizeof(blob), scope->tags, tags_size);
	memcpy(VARDATA(answer) + sizeof(blob) + tags_size, result->payload, result->payload_size);
	return PointerGetDatum(answer);
}

static int
compare_xids(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/* A row names no more running transactions than this. */
#define MAX_RUNNING 64

/*
 * The active snapshot as a pg_snapshot in which this transaction, too, is
 * running: pg_current_snapshot() leaves it out, and whoever keeps a second
 * answer has a xid.  Where many are running, one that sees nothing from the
 * first of them on: the row is trusted less, never more.
 */
static Datum
seen_snapshot(void)
{
	Snapshot snapshot = GetActiveSnapshot();
	TransactionId own = GetTopTransactionIdIfAny();
	bool many = snapshot->xcnt > MAX_RUNNING;
	uint64 running[MAX_RUNNING + 1];
	int n = 0;
	StringInfoData text;

	for (uint32 i = 0; i < snapshot->xcnt && !many; i++)
		running[n++] = full_xid_of(snapshot->xip[i]);
	if (TransactionIdIsValid(own) && TransactionIdPrecedes(own, snapshot->xmax) && !many)
		running[n++] = full_xid_of(own);
	qsort(running, n, sizeof(uint64), compare_xids);
	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":", full_xid_of(snapshot->xmin),
					 full_xid_of(many ? snapshot->xmin : snapshot->xmax));
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s" UINT64_FORMAT, i == 0 ? "" : ",", running[i]);
	return DirectFunctionCall1(pg_snapshot_in, CStringGetDatum(text.data));
}

/* What people see of it. */
static Datum
slots_of(const Computed *result)
{
	return DirectFunctionCall2(jsonb_object_field, JsonbPGetDatum(answer_to_jsonb(result->payload, false)),
							   CStringGetTextDatum("slots"));
}

static uint64
log_state_now(void)
{
	TierRelation since;
	TierRelation log;
	uint64 state;

	tier_open_or_fail(TIER_SINCE, AccessShareLock, &since);
	tier_open_or_fail(TIER_LOG, AccessShareLock, &log);
	state = trust_log_state(&since, &log, GetActiveSnapshot());
	tier_close(&log);
	tier_close(&since);
	return state;
}

bool
row_keep(const DayRequest *day, uint64 definitions, const Computed *result)
{
	TierRelation rows;
	RowScope scope = {.tags = result->tags,
					  .ntags = result->ntags,
					  .definitions = definitions,
					  .log_state = log_state_now()};
	DayKey key;
	uint32 key_size = day_key_make(&key, day);
	text *zone = zone_text(&key, key_size);
	Datum values[ROW_NCOLUMNS];
	bool nulls[ROW_NCOLUMNS] = {false};
	bool kept;

	tier_open_or_fail(TIER_ROWS, RowExclusiveLock, &rows);
	scope.snapshot = seen_snapshot();
	kept = !trust_ends_soon(&scope) && tier_claim(&rows, hash_bytes((unsigned char *) key.bytes, key_size)) &&
		   remove_old(&rows, day, zone);
	if (kept)
	{
		values[ROW_ID - 1] = DirectFunctionCall1(gen_random_uuid, (Datum) 0);
		values[ROW_STYLIST - 1] = UUIDPGetDatum(&day->stylist);
		values[ROW_SERVICE - 1] = UUIDPGetDatum(&day->service);
		values[ROW_DATE - 1] = DateADTGetDatum(day->date);
		values[ROW_SLOTS - 1] = slots_of(result);
		values[ROW_COMPUTED_AT - 1] = TimestampTzGetDatum(result->valid_from);
		values[ROW_EXPIRES_AT - 1] = TimestampTzGetDatum(result->valid_until);
		values[ROW_TIMEZONE - 1] = PointerGetDatum(zone);
		values[ROW_FIRST_DAY - 1] = DateADTGetDatum(day->first_day);
		values[ROW_LAST_DAY - 1] = DateADTGetDatum(day->last_day);
		values[ROW_SNAPSHOT - 1] = scope.snapshot;
		values[ROW_ANSWER - 1] = make_answer(day, result, &scope, &key, key_size);
		tier_insert(&rows, values, nulls);
		counter_add(COUNTER_TIER_STORES, 1);
	}
	tier_close(&rows);
	/* Later commands of this transaction may delete the row again. */
	CommandCounterIncrement();
	return kept;
}
