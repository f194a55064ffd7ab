/*
 * kept_days.c
 *		Days as rows of private.availability_cache.
 *
 * The columns are for people, but for the three that the table tier reads
 * (table/rows.c): available_slots says what the answer says.  A transaction
 * deletes the rows that its changes outdate, as far as they are not many and
 * others are not at them, for who looks at the table.
 *
 * Locking: see table/tables.c.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "cache/exact.h"
#include "slots/answer.h"
#include "slots/jsonb.h"
#include "slots/kept_days.h"
#include "slots/key.h"
#include "slots/sources.h"
#include "slots/tags.h"
#include "table/log.h"
#include "table/tier.h"

/* ---- the kind ---- */

static void
key_uuid(ScanKey key, AttrNumber column, const pg_uuid_t *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(value));
}

static void
key_date(ScanKey key, StrategyNumber strategy, DateADT value)
{
	RegProcedure function = strategy == BTEqualStrategyNumber		   ? F_DATE_EQ
							: strategy == BTGreaterEqualStrategyNumber ? F_DATE_GE
																	   : F_DATE_LE;

	ScanKeyInit(key, ROW_DATE, strategy, function, DateADTGetDatum(value));
}

int
row_day_find(const RowDay *day, ScanKeyData *keys)
{
	key_uuid(&keys[0], ROW_STYLIST, &day->stylist);
	key_date(&keys[1], BTEqualStrategyNumber, day->date);
	key_uuid(&keys[2], ROW_SERVICE, &day->service);
	ScanKeyInit(&keys[3], ROW_TIMEZONE, BTEqualStrategyNumber, F_TEXTEQ, day->zone);
	return 4;
}

uint32
row_day_claim(const RowDay *day)
{
	struct varlena *zone = PG_DETOAST_DATUM_PACKED(day->zone);
	uint32 hash = hash_bytes(day->stylist.data, UUID_LEN);

	hash = hash_combine(hash, hash_bytes(day->service.data, UUID_LEN));
	hash = hash_combine(hash, hash_uint32(day->date));
	return hash_combine(hash, hash_bytes((const unsigned char *) VARDATA_ANY(zone), VARSIZE_ANY_EXHDR(zone)));
}

void
row_day_fill(const RowDay *day, DateADT first_day, DateADT last_day, Datum *values)
{
	values[ROW_ID - 1] = DirectFunctionCall1(gen_random_uuid, (Datum) 0);
	values[ROW_STYLIST - 1] = UUIDPGetDatum(&day->stylist);
	values[ROW_SERVICE - 1] = UUIDPGetDatum(&day->service);
	values[ROW_DATE - 1] = DateADTGetDatum(day->date);
	values[ROW_TIMEZONE - 1] = day->zone;
	values[ROW_FIRST_DAY - 1] = DateADTGetDatum(first_day);
	values[ROW_LAST_DAY - 1] = DateADTGetDatum(last_day);
}

/* In the current context. */
static RowDay *
row_day_of(const StoreKey *key)
{
	RowDay *day = palloc(sizeof(*day));
	DayKeyFixed fixed;

	memcpy(&fixed, key->bytes, sizeof(fixed));
	day->stylist = fixed.stylist;
	day->service = fixed.service;
	day->date = fixed.date;
	day->zone = PointerGetDatum(
		cstring_to_text_with_len(key->bytes + sizeof(fixed), key->size - sizeof(fixed)));
	return day;
}

static int
find(const StoreKey *key, ScanKeyData *keys)
{
	return row_day_find(row_day_of(key), keys);
}

static uint32
claim(const StoreKey *key)
{
	return row_day_claim(row_day_of(key));
}

/* The checksum is of the rest. */
static bool
is_of(TierRelation *rows, HeapTuple row, const StoreKey *key)
{
	return true;
}

/* What people see of it. */
static Datum
slots_of(const Computed *result)
{
	return DirectFunctionCall2(jsonb_object_field, JsonbPGetDatum(answer_to_jsonb(result->payload, false)),
							   CStringGetTextDatum("slots"));
}

static bool
fill(const StoreKey *key, const Computed *result, Datum *values)
{
	RowDay *row = row_day_of(key);
	DayRequest day;

	day.date = row->date;
	day_days_of_answer(&day, result->payload);
	row_day_fill(row, day.first_day, day.last_day, values);
	values[ROW_SLOTS - 1] = slots_of(result);
	values[ROW_COMPUTED_AT - 1] = TimestampTzGetDatum(result->valid_from);
	return true;
}

static bool
outlives_memory(const char *payload)
{
	return true;
}

static bool
definitions(uint64 *number, bool must)
{
	return day_definitions(number);
}

static bool
definitions_hold(uint64 number)
{
	return day_definitions_hold();
}

const RowKind kept_days = {.format = FORMAT_DAY,
						   .table = {"availability_cache",
									 true,
									 ROW_NCOLUMNS,
									 {UUIDOID, UUIDOID, UUIDOID, DATEOID, JSONBOID, TIMESTAMPTZOID,
									  TIMESTAMPTZOID, TEXTOID, DATEOID, DATEOID, PG_SNAPSHOTOID, BYTEAOID}},
						   .expires_at = ROW_EXPIRES_AT,
						   .snapshot = ROW_SNAPSHOT,
						   .answer = ROW_ANSWER,
						   .find = find,
						   .is_of = is_of,
						   .claim = claim,
						   .fill = fill,
						   .is_whole = answer_is_whole,
						   .outlives_memory = outlives_memory,
						   .definitions = definitions,
						   .definitions_hold = definitions_hold};

/* ---- what a transaction changes ---- */

/* More changes than this have their rows left to cleaning, and so have more rows. */
#define MAX_SCOPES 2048
#define MAX_DELETED 1000

/* Of whose rows a change outdates those of which days. */
typedef struct Scope
{
	Tag tag; /* that the log has, unless a savepoint was rolled back */
	pg_uuid_t stylist;
	DateADT first; /* UTC days; DATEVAL_NOBEGIN to DATEVAL_NOEND: all */
	DateADT last;
} Scope;

/* Those whose traces are still to be written. */
static Scope scopes[MAX_SCOPES];
static int nscopes = 0;
/* And changes that need no looking for rows. */
static int nskipped = 0;

/* Deletes at most so many of the rows that a change of a stylist outdates; returns how many. */
static int
delete_rows_of(TierRelation *rows, const Scope *scope, int max)
{
	ScanKeyData keys[3];
	int nkeys = 1;
	int ndeleted = 0;
	SysScanDesc scan;
	HeapTuple tuple;

	key_uuid(&keys[0], ROW_STYLIST, &scope->stylist);
	if (!DATE_IS_NOBEGIN(scope->first))
	{
		key_date(&keys[1], BTGreaterEqualStrategyNumber, scope->first - DAYS_AFTER);
		key_date(&keys[2], BTLessEqualStrategyNumber, scope->last + DAYS_BEFORE);
		nkeys = 3;
	}
	scan = tier_scan(rows, SnapshotSelf, nkeys, keys);
	while (ndeleted < max && (tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetDateADT(tier_column(rows, tuple, ROW_FIRST_DAY)) > scope->last ||
			DatumGetDateADT(tier_column(rows, tuple, ROW_LAST_DAY)) < scope->first)
			continue;
		if (!tier_may_delete(rows))
			break;
		ndeleted += tier_delete(rows, &tuple->t_self);
	}
	systable_endscan(scan);
	return ndeleted;
}

/*
 * Rows that others are changing, those of a table that is locked, and many at
 * once are left to cleaning; false of the last.
 */
static bool
delete_rows(void)
{
	int left = MAX_DELETED;
	TierRelation rows;

	if (nscopes == 0 || tier_open(row_table(&kept_days), RowShareLock, &rows) != TIER_OPENED)
		return true;
	for (int i = 0; i < nscopes && left > 0; i++)
	{
		if (tier_log_has(scopes[i].tag))
			left -= delete_rows_of(&rows, &scopes[i], left);
	}
	tier_close(&rows);
	return left > 0;
}

static void
forget_scopes(void)
{
	nscopes = nskipped = 0;
}

/* Traces of other changes may have rows too, but for those that need no looking. */
static bool
handle_written(int ntraces)
{
	bool all = delete_rows() && ntraces <= nscopes + nskipped;

	forget_scopes();
	return all;
}

static const LogListener listener = {handle_written, forget_scopes};

/*
 * Looking for rows costs a quarter of what a booking pays for the tier.  Where
 * memory is there, no answer that it has kept depends on a tag without a cell.
 */
static bool
may_have_rows(Tag tag)
{
	ExactNo cell;

	return !ac_shared_memory_ready || exact_find(tag, &cell);
}

static void
note_scope(Tag tag, const pg_uuid_t *stylist, DateADT first, DateADT last)
{
	if (tier_log_has(tag))
		return;
	if (!may_have_rows(tag))
		nskipped++;
	else if (nscopes < MAX_SCOPES)
		scopes[nscopes++] = (Scope){tag, *stylist, first, last};
}

void
kept_days_log_stylist(const pg_uuid_t *stylist)
{
	Tag tag = tag_of_stylist(stylist);

	/* First, since it may be written at once. */
	note_scope(tag, stylist, DATEVAL_NOBEGIN, DATEVAL_NOEND);
	tier_log_tag(tag);
}

void
kept_days_log_days(const pg_uuid_t *stylist, DateADT first, DateADT last)
{
	/* On which every day depends. */
	if (tier_log_has(tag_of_stylist(stylist)))
		return;
	for (DateADT day = first; day <= last; day++)
	{
		Tag tag = tag_of_stylist_day(stylist, day);

		if (tier_log_is_crowded())
		{
			kept_days_log_stylist(stylist);
			return;
		}
		note_scope(tag, stylist, day, day);
		tier_log_tag(tag);
	}
}

void
kept_days_init(void)
{
	row_kind_register(&kept_days);
	tier_log_listen(&listener);
}

/* ---- below memory ---- */

bool
kept_days_fetch(const StoreKey *key, Computed *result)
{
	return tier_fetch(&kept_days, key, result);
}

void
kept_days_keep(DayRequest *day, const StoreKey *key, const Computed *result)
{
	uint64 definitions;

	if (day_definitions_of(day, &definitions))
		tier_keep(&kept_days, key, definitions, result);
}

void
kept_days_offer(DayRequest *day, uint32 place)
{
	uint64 definitions;

	if (day_definitions_of(day, &definitions))
		tier_offer(place);
}

/* What is written to an unlogged table leaves no WAL. */
bool
kept_days_wrote_all(void)
{
	return tier_wrote_all() && sources_logged();
}
